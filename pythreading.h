/* pythreading.h 0.2.0 - Python's threading for C, in one header on top of C11 threads.
 *
 * SPDX-License-Identifier: MIT-0
 *
 * HOW TO INCLUDE IT
 *
 *   In every file that uses it:              #include "pythreading.h"
 *   In exactly one .c file, before that:     #define PYTHREADING_IMPLEMENTATION
 *
 *   Or, for a private copy inside one file:  #define PYTHREADING_STATIC
 *                                            #define PYTHREADING_IMPLEMENTATION
 *                                            #include "pythreading.h"
 *
 * EXAMPLE
 *
 *   static pyt_lock lock;                    // zero bytes are an unlocked lock
 *   static long total;
 *
 *   static void *worker(void *arg) {
 *       pyt_with(&lock) { total += *(int *)arg; }
 *       return NULL;
 *   }
 *
 *   int main(void) {
 *       pyt_thread *thread;
 *       int n = 7;
 *       pyt_thread_options options = { .target = worker, .arg = &n };
 *       PYT_MUST(pyt_thread_new(&thread, &options));
 *       PYT_MUST(pyt_thread_start(thread));
 *       PYT_MUST(pyt_thread_join(thread));
 *       pyt_thread_unref(thread);
 *   }
 *
 * CONTENTS (search for the anchor; a room calls rooms above it, and of those below it only what the
 * table in config lists)
 *
 *   >>config      versions, options, compiler facts, atomics for C and C++
 *   >>status      pyt_status, its names, the calling thread's last message
 *   >>platform    mutex, condition, thread, thread-exit hook, clock, fork hook
 *   >>spin        how a waiting thread stays awake before it sleeps
 *   >>park        address -> queue of waiting threads, oldest first
 *   >>time        time.sleep, time.monotonic, seconds -> deadline
 *   >>lock        threading.Lock
 *   >>rlock       threading.RLock
 *   >>semaphore   threading.Semaphore, threading.BoundedSemaphore
 *   >>event       threading.Event
 *   >>condition   threading.Condition
 *   >>unwind      pyt_raise, pyt_exit
 *   >>barrier     threading.Barrier
 *   >>with        the with statement
 *   >>local       threading.local
 *   >>thread      threading.Thread, the registry, hooks, exit, fork
 *   >>timer       threading.Timer
 *   >>queue       queue.Queue, LifoQueue, PriorityQueue, SimpleQueue
 *   >>sched       sched.scheduler
 *   >>future      concurrent.futures.Future, wait, as_completed
 *   >>executor    concurrent.futures.ThreadPoolExecutor
 *   >>pool        multiprocessing.dummy.Pool
 *   >>process     the end of the process, fork
 *   >>debug       who holds what and waits for what; deadlocks, mistakes, the dump
 *   >>simulate    schedules from a seed, virtual time
 *   >>memory      the program's memory accesses in a simulated run, data races
 *
 * INDEX (public names by room; pyt_lock _release is pyt_lock_release, [_nowait] one more form;
 * `make api` prints the declarations with their comments, `make index` renews this list)
 *
 *   config         PYT_VERSION PYT_VERSION_MAJOR PYT_VERSION_MINOR PYT_VERSION_PATCH
 *   status         pyt_status _name PYT_OK PYT_TIMEOUT PYT_RUNTIME_ERROR PYT_VALUE_ERROR
 *                  PYT_OVERFLOW_ERROR PYT_MEMORY_ERROR PYT_BROKEN_BARRIER PYT_QUEUE_EMPTY
 *                  PYT_QUEUE_FULL PYT_QUEUE_SHUT_DOWN PYT_CANCELLED PYT_INVALID_STATE
 *                  PYT_BROKEN_EXECUTOR PYT_TASK_ERROR PYT_INTERRUPTED PYT_NOT_SUPPORTED
 *                  pyt_strerror pyt_error_message PYT_MUST
 *   platform       PYT_BACKEND
 *   time           PYT_TIMEOUT_MAX pyt_sleep pyt_monotonic
 *   lock           pyt_lock _acquire[_nowait _timeout] _release _locked PYT_LOCK_INIT
 *   rlock          pyt_rlock _is_owned _acquire[_nowait _timeout] _release _locked
 *                  _recursion_count PYT_RLOCK_INIT
 *   semaphore      pyt_semaphore _init _acquire[_nowait _timeout] _release[_n] _value
 *                  pyt_bounded_semaphore _init _acquire[_nowait _timeout] _release[_n] _value
 *                  PYT_SEMAPHORE_INIT PYT_BOUNDED_SEMAPHORE_INIT
 *   event          pyt_event _is_set _set _clear _wait[_timeout] PYT_EVENT_INIT
 *   condition      pyt_condition _init_lock _init_rlock _acquire[_nowait _timeout] _release
 *                  _wait[_timeout] _wait_for[_timeout] _notify[_n _all] PYT_CONDITION_INIT
 *                  PYT_CONDITION_INIT_LOCK PYT_CONDITION_INIT_RLOCK
 *   unwind         pyt_raise pyt_exit
 *   barrier        pyt_barrier _options _init _wait[_timeout] _reset _abort _parties _n_waiting
 *                  _broken PYT_BARRIER_INIT
 *   with           pyt_with pyt_guard
 *   local          pyt_local _get _exists _delete PYT_LOCAL_INIT
 *   thread         pyt_thread _options _new _ref _unref _start _run _join[_timeout] _is_alive
 *                  _name _set_name _ident _native_id _daemon _set_daemon _result _arg pyt_ident
 *                  pyt_daemon PYT_DAEMON_INHERIT PYT_DAEMON_TRUE PYT_DAEMON_FALSE
 *                  pyt_current_thread pyt_main_thread pyt_enumerate pyt_active_count
 *                  pyt_get_ident pyt_get_native_id pyt_stack_size pyt_set_stack_size
 *                  pyt_trace_event PYT_TRACE_CALL PYT_TRACE_RETURN PYT_TRACE_EXCEPTION
 *                  pyt_trace_function pyt_settrace pyt_setprofile pyt_settrace_all_threads
 *                  pyt_setprofile_all_threads pyt_gettrace pyt_getprofile pyt_excepthook _args
 *                  pyt_set_excepthook pyt_get_excepthook pyt_start_new_thread pyt_interrupt_main
 *   timer          pyt_timer_new pyt_timer_cancel
 *   queue          pyt_queue _init _set_destructor _destroy _put[_nowait _timeout]
 *                  _get[_nowait _timeout] _task_done _join[_timeout] _qsize _empty _full
 *                  _shutdown pyt_lifo_queue_init pyt_priority_queue_init pyt_simple_queue _init
 *                  _set_destructor _destroy _put[_nowait] _get[_nowait _timeout] _qsize _empty
 *   sched          pyt_sched_event pyt_scheduler _options _init _destroy _time _enter _enterabs
 *                  _cancel _empty _queue _run[_nowait]
 *   future         pyt_future _new _ref _unref _cancel _cancelled _running _done
 *                  _result[_timeout] _exception[_timeout] _add_done_callback
 *                  _set_running_or_notify_cancel _set_result _set_exception pyt_exception
 *                  pyt_return_when PYT_ALL_COMPLETED PYT_FIRST_COMPLETED PYT_FIRST_EXCEPTION
 *                  pyt_wait[_timeout] pyt_as_completed _init[_timeout] _next _index _destroy
 *   executor       pyt_executor _options _new _submit _map[_timeout] _shutdown _free
 *   pool           pyt_pool _options _callbacks _array _work _new _apply[_async] _map[_async]
 *                  _starmap[_async] _iterator _imap[_unordered] _close _terminate _join _free
 *                  pyt_async_result _get[_timeout] _wait[_timeout] _ready _successful
 *                  PYT_POOL_ARRAYS
 *   debug          pyt_misuse_args pyt_misusehook pyt_set_misusehook pyt_dump_threads
 *   simulate       pyt_strategy PYT_STRATEGY_RANDOM PYT_STRATEGY_PRIORITIES
 *                  PYT_STRATEGY_EXHAUSTIVE pyt_simulate_options pyt_simulate
 *                  pyt_simulate_schedule pyt_simulate_runs pyt_step PYT_CHECK
 *
 * OPTIONS (define before the include; the same in every file of a program)
 *
 *   PYTHREADING_IMPLEMENTATION  compile the definitions here
 *   PYTHREADING_STATIC          everything is static: a private copy for one file
 *   PYTHREADING_API             how public functions are declared, for instance
 *                               __attribute__((visibility("default")))
 *   PYTHREADING_MALLOC(size)    the allocator; define both or neither
 *   PYTHREADING_FREE(pointer)
 *   PYTHREADING_PTHREADS        sleep on pthreads although <threads.h> is there; not on Windows
 *   PYTHREADING_NO_SETJMP       pyt_raise and pyt_exit end the process: there is no setjmp
 *   PYTHREADING_PLATFORM        "file.h", a platform of your own in the place of those here: see
 *                               the platform room
 *   PYTHREADING_BUCKETS         how many buckets the addresses waited on are spread over: a power
 *                               of two, 1 to 65536 (1024), each of some 64 bytes
 *   PYTHREADING_VALGRIND        tell Helgrind and DRD what the atomics mean; without it they report
 *                               the library itself
 *   PYTHREADING_NO_ATEXIT       do not wait for non-daemon threads at exit
 *   PYTHREADING_MAY_IGNORE      no warning where a status that tells what was done is dropped
 *   PYTHREADING_DUMMY           no thread is ever made: starting one runs it to its end
 *   PYTHREADING_DEBUG           locks know their holders, deadlocks are reported, and
 *                               pyt_dump_threads prints which thread waits for what
 *   PYTHREADING_SIMULATE        pyt_simulate runs a function under schedules made from a seed
 *   PYTHREADING_SIMULATE_MEMORY and it sees data races of files compiled with -fsanitize=thread
 */
/* The two switches. Declarations are compiled the first time the file is included, definitions
 * the first time it is included with PYTHREADING_IMPLEMENTATION, whichever comes first. */
#undef PYT__DECLARE
#undef PYT__DEFINE
#ifndef PYTHREADING_H
#define PYTHREADING_H
#define PYT__DECLARE 1
#else
#define PYT__DECLARE 0
#endif
#if defined(PYTHREADING_IMPLEMENTATION) && !defined(PYT__IMPLEMENTED)
#define PYT__IMPLEMENTED
#define PYT__DEFINE 1
#else
#define PYT__DEFINE 0
#endif

/* ============================================================================================== *
 *  >>config                                              versions, options, compiler facts, atomics
 *
 *  Everything that depends on the compiler is settled here, once. The rooms below speak of
 *  PYT__ATOMIC(T) and the five operations on it; each names its memory order at the call.
 *  Members spelled PYT__ATOMIC(T) have the same size, alignment and offset in C and in C++.
 *
 *  Calls upward. A room calls rooms above it in this file, which are the layers below it, and of
 *  the others only this; each is declared where it is called. `make lint` knows the table. Behind
 *  a semicolon stand the library's locks that are held at the call; elsewhere none is.
 *
 *  from      to        function                    what for
 *  status    platform  pyt__record                 the thread's record without _Thread_local; any
 *  platform  thread    pyt__thread_main            what a new thread of the system runs
 *  platform  thread    pyt__retire                 what the system calls when a thread ends
 *  park      thread    pyt__is_main_thread         a fork's child finds out that it is main
 *  park      process   pyt__hook_exit_early        atexit, once the memory for the buckets is there
 *  park      process   pyt__fork_before            takes the locks of every room for the fork
 *  park      process   pyt__fork_parent            releases them; fork's, which are all of these
 *  park      process   pyt__fork_child             makes them new; fork's
 *  unwind    thread    pyt__uncaught               no frame is left: report, end the thread
 *  thread    timer     pyt__timer_start            a handle that is a timer is started
 *  thread    timer     pyt__timer_run_here         pyt_thread_run of a timer
 *  thread    timer     pyt__timer_begin            a timer's thread takes on its starter's traits
 *  thread    process   pyt__hook_exit_early        atexit, before the program registers its own
 *  thread    process   pyt__hook_exit_locked       a thread is started; join_lock, registry lock
 *  thread    process   pyt__cut_off                a thread leaves in the middle of something
 *  thread    process   pyt__main_has_left          the main thread ends and the process does not
 *  timer     process   pyt__fork_child_end_thread  in fork's child the service is gone; fork's
 *  any       debug     hooks                       what that build notes; any
 *  any       simulate  hooks                       that build's steps, and its system; any
 *  any       memory    hooks                       what the program's accesses are ordered by; any
 * ============================================================================================== */
#if PYT__DECLARE

/* Of other compilers' C99 nothing is known: atomics and _Generic are of C11. */
#if defined(__cplusplus)
#if __cplusplus < 201103L && !defined(_MSC_VER)
#define PYT__TOO_OLD 1
#endif
#elif !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#define PYT__TOO_OLD 1
#elif __STDC_VERSION__ < 201112L && !defined(__GNUC__) && !defined(__clang__)
#define PYT__TOO_OLD 1
#endif
#if defined(PYT__TOO_OLD)
#error "C11, C++11 or GNU's C99 is needed: -std=c11, -std=gnu99, with Microsoft's compiler /std:c11"
#endif

/* Between EXTERN_CXX stands what is included: this file may be included within extern "C" { }. */
#if defined(__cplusplus)
#define PYT__EXTERN_C_BEGIN extern "C" {
#define PYT__EXTERN_C_END }
#define PYT__EXTERN_CXX_BEGIN extern "C++" {
#define PYT__EXTERN_CXX_END }
#else
#define PYT__EXTERN_C_BEGIN
#define PYT__EXTERN_C_END
#define PYT__EXTERN_CXX_BEGIN
#define PYT__EXTERN_CXX_END
#endif

PYT__EXTERN_CXX_BEGIN
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Microsoft's C compiler has C11 atomics since 17.5, and with /experimental:c11atomics only. */
#if defined(_MSC_VER) && !defined(__clang__) && !defined(__cplusplus) && \
    (defined(__STDC_NO_ATOMICS__) || _MSC_VER < 1935)
#define PYT__INTERLOCKED 1
#endif
#if defined(PYTHREADING_DUMMY)
#elif defined(__cplusplus)
#include <atomic>
#elif defined(PYT__INTERLOCKED)
#include <intrin.h>
#else
#include <stdatomic.h>
#endif
PYT__EXTERN_CXX_END

/* The version of this file, as a string and as numbers. */
#define PYT_VERSION "0.2.0"
#define PYT_VERSION_MAJOR 0
#define PYT_VERSION_MINOR 2
#define PYT_VERSION_PATCH 0

#if defined(PYTHREADING_PLATFORM)
#if defined(PYTHREADING_DUMMY) || defined(PYTHREADING_PTHREADS)
#error "PYTHREADING_PLATFORM takes the place of PYTHREADING_DUMMY and PYTHREADING_PTHREADS"
#endif
PYT__EXTERN_CXX_BEGIN
#include PYTHREADING_PLATFORM /* its facts: see the platform room */
PYT__EXTERN_CXX_END
#if defined(PYT_PLATFORM_NO_EXIT) && !defined(PYTHREADING_NO_ATEXIT)
#define PYTHREADING_NO_ATEXIT
#endif
#endif

#if defined(PYT__ATOMIC) /* the platform's own */
#elif defined(PYTHREADING_DUMMY)
#define PYT__ATOMIC(T) T
#define PYT__RAW_LOAD(p, order) (*(p))
#define PYT__RAW_STORE(p, v, order) ((void)(*(p) = (v)))
#define PYT__RAW_SWAP(p, v, order) pyt__swap_word((p), (v))
#define PYT__RAW_ADD(p, v, order) pyt__add_word((p), (v))
#define PYT__RAW_CAS(p, old, v, order) \
    (*(p) == *(old) ? ((void)(*(p) = (v)), true) : ((void)(*(old) = *(p)), false))
#elif defined(__cplusplus)
#define PYT__ATOMIC(T) std::atomic<T>
#define PYT__ORDER(order) std::memory_order_##order
#define PYT__RAW_LOAD(p, order) (p)->load(PYT__ORDER(order))
#define PYT__RAW_STORE(p, v, order) (p)->store((v), PYT__ORDER(order))
#define PYT__RAW_SWAP(p, v, order) (p)->exchange((v), PYT__ORDER(order))
#define PYT__RAW_ADD(p, v, order) (p)->fetch_add((v), PYT__ORDER(order))
#define PYT__RAW_CAS(p, old, v, order) \
    (p)->compare_exchange_strong(*(old), (v), PYT__ORDER(order), std::memory_order_relaxed)
#elif defined(PYT__INTERLOCKED)
/* With /volatile:ms, the default on x86, a volatile load acquires and a volatile store releases;
 * every Interlocked operation is a full barrier, and a store in the single order is followed by
 * one. Words that are swapped and added to have 32 bits. */
#if !defined(_M_IX86) && !defined(_M_X64) && !defined(__i386__) && !defined(__x86_64__)
#error "compile as C++, or with /std:c11 /experimental:c11atomics: no other atomics here but on x86"
#endif
#define PYT__ATOMIC(T) T volatile
#define PYT__FENCE_relaxed() ((void)0)
#define PYT__FENCE_release() ((void)0)
#define PYT__FENCE_seq_cst() pyt__fence()
#define PYT__RAW_LOAD(p, order) (*(p))
#define PYT__RAW_STORE(p, v, order) ((void)(*(p) = (v)), PYT__FENCE_##order())
#define PYT__RAW_SWAP(p, v, order) ((uint32_t)_InterlockedExchange((long volatile *)(p), (long)(v)))
#define PYT__RAW_ADD(p, v, order) \
    ((uint32_t)_InterlockedExchangeAdd((long volatile *)(p), (long)(v)))
#define PYT__RAW_CAS(p, old, v, order) \
    pyt__swap_if((void volatile *)(p), (old), (uintptr_t)(v), sizeof *(p))

static inline void pyt__fence(void) {
    long volatile word = 0;
    (void)_InterlockedExchange(&word, 1);
}

/* Compare and exchange a word of 32 bits, or of a pointer's. */
static inline bool pyt__swap_if(void volatile *word, void *old, uintptr_t value, size_t size) {
    if (size == sizeof(long)) {
        long expected = *(long *)old;
        long found = _InterlockedCompareExchange((long volatile *)word, (long)value, expected);
        *(long *)old = found;
        return found == expected;
    }
    void *expected = *(void **)old;
    void *found =
        _InterlockedCompareExchangePointer((void *volatile *)word, (void *)value, expected);
    *(void **)old = found;
    return found == expected;
}
#else
#define PYT__ATOMIC(T) _Atomic(T)
#define PYT__ORDER(order) memory_order_##order
#define PYT__RAW_LOAD(p, order) atomic_load_explicit((p), PYT__ORDER(order))
#define PYT__RAW_STORE(p, v, order) atomic_store_explicit((p), (v), PYT__ORDER(order))
#define PYT__RAW_SWAP(p, v, order) atomic_exchange_explicit((p), (v), PYT__ORDER(order))
#define PYT__RAW_ADD(p, v, order) atomic_fetch_add_explicit((p), (v), PYT__ORDER(order))
#define PYT__RAW_CAS(p, old, v, order)                                          \
    atomic_compare_exchange_strong_explicit((p), (old), (v), PYT__ORDER(order), \
                                            memory_order_relaxed)
#endif

/* What static objects with atomics in them are initialised with: PYT__ATOMIC_INIT(value) for one of
 * those, PYT__ZERO for a whole object. Since C++20 one without would be initialised at run time. */
#if defined(__cplusplus)
#define PYT__STATIC_ASSERT(condition, text) static_assert(condition, text)
#if defined(PYTHREADING_DUMMY)
#define PYT__ATOMIC_INIT(value) value
#else
#define PYT__ATOMIC_INIT(value) \
    { value }
#endif
#define PYT__ZERO \
    {}
#else
#define PYT__ATOMIC_INIT(value) value
#define PYT__ZERO \
    { 0 }
#define PYT__STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Annotations for race detectors that do not model atomics (Helgrind, DRD): a release at an address
 * happens before an acquire at it, and the word itself is no race. Every atomic operation carries
 * them, so no protocol needs annotations of its own. */
#if defined(PYTHREADING_VALGRIND)
PYT__EXTERN_CXX_BEGIN
#include <valgrind/helgrind.h>
PYT__EXTERN_CXX_END
#define PYT__NOTE_BEFORE(p)                             \
    do {                                                \
        VALGRIND_HG_DISABLE_CHECKING((p), sizeof *(p)); \
        ANNOTATE_HAPPENS_BEFORE(p);                     \
    } while (0)
#define PYT__NOTE_AFTER(p)                              \
    do {                                                \
        VALGRIND_HG_DISABLE_CHECKING((p), sizeof *(p)); \
        ANNOTATE_HAPPENS_AFTER(p);                      \
    } while (0)
#define PYT__NOTED(T, p, operation) \
    __extension__({                 \
        PYT__NOTE_BEFORE(p);        \
        T pyt__noted = (operation); \
        PYT__NOTE_AFTER(p);         \
        pyt__noted;                 \
    })
#define PYT__LOAD(p, order)                               \
    __extension__({                                       \
        VALGRIND_HG_DISABLE_CHECKING((p), sizeof *(p));   \
        __auto_type pyt__noted = PYT__RAW_LOAD(p, order); \
        PYT__NOTE_AFTER(p);                               \
        pyt__noted;                                       \
    })
#define PYT__STORE(p, v, order)      \
    do {                             \
        PYT__NOTE_BEFORE(p);         \
        PYT__RAW_STORE(p, v, order); \
    } while (0)
#define PYT__SWAP(p, v, order) PYT__NOTED(__auto_type, p, PYT__RAW_SWAP(p, v, order))
#define PYT__ADD(p, v, order) PYT__NOTED(__auto_type, p, PYT__RAW_ADD(p, v, order))
#define PYT__CAS(p, old, v, order) PYT__NOTED(bool, p, PYT__RAW_CAS(p, old, v, order))
#elif defined(PYTHREADING_SIMULATE)
/* Each operation is a step, at which another thread may be switched to: see the simulate room. */
#define PYT__SIM_relaxed 0
#define PYT__SIM_acquire 1
#define PYT__SIM_release 2
#define PYT__SIM_acq_rel 3
#define PYT__SIM_seq_cst 3
#define PYT__SIM_STEP(p, kind, order) pyt__simulate_step((p), PYT__SIM_##kind, PYT__SIM_##order)
#define PYT__LOAD(p, order) (PYT__SIM_STEP(p, LOAD, order), PYT__RAW_LOAD(p, order))
#define PYT__STORE(p, v, order) (PYT__SIM_STEP(p, STORE, order), PYT__RAW_STORE(p, v, order))
#define PYT__SWAP(p, v, order) (PYT__SIM_STEP(p, SWAP, order), PYT__RAW_SWAP(p, v, order))
#define PYT__ADD(p, v, order) (PYT__SIM_STEP(p, ADD, order), PYT__RAW_ADD(p, v, order))
#define PYT__CAS(p, old, v, order) \
    (PYT__SIM_STEP(p, CAS, order), pyt__simulate_cas(PYT__RAW_CAS(p, old, v, order)))
#define PYT__COUNT(p, v, order) (PYT__SIM_STEP(p, COUNT, order), (void)PYT__RAW_ADD(p, v, order))
#else
#define PYT__LOAD(p, order) PYT__RAW_LOAD(p, order)
#define PYT__STORE(p, v, order) PYT__RAW_STORE(p, v, order)
#define PYT__SWAP(p, v, order) PYT__RAW_SWAP(p, v, order)
#define PYT__ADD(p, v, order) PYT__RAW_ADD(p, v, order)
#define PYT__CAS(p, old, v, order) PYT__RAW_CAS(p, old, v, order)
#endif

/* PYT__ADD without a result: the order of two of them does not matter. */
#if !defined(PYT__COUNT)
#define PYT__COUNT(p, v, order) ((void)PYT__ADD(p, v, order))
#endif

/* What declarations and the macros of users use, spelled as each language's users want it: C++ has
 * warnings about C's casts and its NULL. */
#if defined(__cplusplus)
#define PYT__NULL nullptr
#define PYT__CAST(T, value) static_cast<T>(value)
#define PYT__ADDRESS(pointer) reinterpret_cast<uintptr_t>(pointer)
#else
#define PYT__NULL NULL
#define PYT__CAST(T, value) ((T)(value))
#define PYT__ADDRESS(pointer) ((uintptr_t)(pointer))
#endif

#if defined(__GNUC__) || defined(__clang__)
#define PYT__LIKELY(x) __builtin_expect(!!(x), 1)
#define PYT__UNUSED __attribute__((unused))
#define PYT__COLD __attribute__((cold, noinline))
#define PYT__NORETURN __attribute__((noreturn))
#define PYT__CLEANUP(function) __attribute__((cleanup(function)))
#elif defined(_MSC_VER)
#define PYT__LIKELY(x) (x)
#define PYT__UNUSED
#define PYT__COLD __declspec(noinline)
#define PYT__NORETURN __declspec(noreturn)
#else
#define PYT__LIKELY(x) (x)
#define PYT__UNUSED
#define PYT__COLD
#define PYT__NORETURN
#endif

/* Data that nothing in its file refers to, and that neither the compiler nor the linker drops. */
#if defined(__ELF__) && defined(__has_attribute)
#if __has_attribute(retain)
#define PYT__KEPT __attribute__((used, retain))
#endif
#endif
#if !defined(PYT__KEPT) && (defined(__GNUC__) || defined(__clang__))
#define PYT__KEPT __attribute__((used))
#endif

/* Stands before the declaration of a function whose status must not be ignored. */
#if defined(PYTHREADING_MAY_IGNORE)
#define PYT__MUST_USE
#elif defined(__cplusplus) && __cplusplus >= 201703L
#define PYT__MUST_USE [[nodiscard]]
#elif !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L
#define PYT__MUST_USE [[nodiscard]]
#elif defined(__GNUC__) || defined(__clang__)
#define PYT__MUST_USE __attribute__((warn_unused_result))
#elif defined(_MSC_VER)
#include <sal.h>
#define PYT__MUST_USE _Must_inspect_result_
#else
#define PYT__MUST_USE
#endif

/* What clang's -Wthread-safety is told: which types are locks and which calls take and release
 * them. It does not look into a function that says so itself, nor into an UNCHECKED one.
 *
 * PYT__HOLD stands at the calls that make a hold (see the with room), PYT__LET_HOLD at the one that
 * ends it. Clang before 18 does not see that the compiler calls the latter; there a hold only
 * asserts that the lock is held, which requires no release, and PYT__CLEANUP_UNSEEN is defined.
 * In C++ a class says it all. A hold without a lock needs some attribute to be looked at at all.
 *
 * What came of a call that may fail is understood where it is compared with a number. Clang (14
 * and 19 were tried) takes no enumerator for one: PYT_OK is a macro of the same value as well. */
#if defined(__clang__) && defined(__has_attribute)
#if __has_attribute(acquire_capability)
#define PYT__THREAD_SAFETY 1
#endif
#endif
#if defined(PYT__THREAD_SAFETY)
#define PYT__CAPABILITY(word) __attribute__((capability(word)))
#define PYT__SCOPED __attribute__((scoped_lockable))
#define PYT__UNCHECKED __attribute__((no_thread_safety_analysis))
#define PYT__ACQUIRE(lock) PYT__UNCHECKED __attribute__((acquire_capability(lock)))
#define PYT__TRY_ACQUIRE(lock) PYT__UNCHECKED __attribute__((try_acquire_capability(0, lock)))
#define PYT__RELEASE(lock) PYT__UNCHECKED __attribute__((release_capability(lock)))
#define PYT__LEAVE PYT__UNCHECKED __attribute__((release_capability()))
#define PYT__REQUIRE(lock) __attribute__((requires_capability(lock)))
#if __has_attribute(reentrant_capability)
#define PYT__REENTRANT __attribute__((reentrant_capability))
#endif
#if defined(__cplusplus)
#define PYT__HOLD(lock)
#elif __clang_major__ >= 18
#define PYT__HOLD_TYPE PYT__SCOPED PYT__CAPABILITY("hold")
#define PYT__HOLD(lock) PYT__ACQUIRE(lock)
#define PYT__LET_HOLD(hold) PYT__RELEASE(hold)
#else
#define PYT__HOLD(lock) PYT__UNCHECKED __attribute__((assert_capability(lock)))
#define PYT__CLEANUP_UNSEEN 1
#endif
#if !defined(__cplusplus)
#define PYT__OK_IS_A_MACRO 1
#endif
#else
#define PYT__CAPABILITY(word)
#define PYT__SCOPED
#define PYT__UNCHECKED
#define PYT__ACQUIRE(lock)
#define PYT__TRY_ACQUIRE(lock)
#define PYT__RELEASE(lock)
#define PYT__LEAVE
#define PYT__REQUIRE(lock)
#define PYT__HOLD(lock)
#endif
#ifndef PYT__REENTRANT
#define PYT__REENTRANT
#endif
#ifndef PYT__HOLD_TYPE
#define PYT__HOLD_TYPE
#define PYT__LET_HOLD(hold)
#endif

#if defined(PYT__THREAD_LOCAL) /* the platform's own */
#elif defined(PYTHREADING_DUMMY)
#define PYT__THREAD_LOCAL
#elif defined(__GNUC__) || defined(__clang__)
#define PYT__THREAD_LOCAL __thread
#elif defined(_MSC_VER)
#define PYT__THREAD_LOCAL __declspec(thread)
#elif defined(__cplusplus)
#define PYT__THREAD_LOCAL thread_local
#else
#define PYT__THREAD_LOCAL _Thread_local
#endif

/* With PYT__PLACED the calls that wait note where they stand: in the debug build, whose room says
 * how, and in the simulated one. */
#if defined(PYTHREADING_DEBUG) || defined(PYTHREADING_SIMULATE)
#define PYT__PLACED 1
#define PYT__NOTES(...) __VA_ARGS__
#else
#define PYT__PLACED 0
#define PYT__NOTES(...)
#endif

/* PYT__DEBUG(...) is there in the debug build only, PYT__BARE 1 in the other: where a fast path may
 * be taken that leaves no note. See the debug room. */
#if defined(PYTHREADING_DEBUG)
#define PYT__DEBUG(...) __VA_ARGS__
#define PYT__BARE 0
#else
#define PYT__DEBUG(...)
#define PYT__BARE 1
#endif

/* With PYTHREADING_SIMULATE_MEMORY a file of the program that is compiled with -fsanitize=thread
 * calls the memory room for each access. The library's own functions are not to: clang leaves them
 * out between two pragmas, gcc, function by function, only what stands in the program's files. */
#if defined(PYTHREADING_SIMULATE_MEMORY)
#if !defined(PYTHREADING_SIMULATE)
#error "PYTHREADING_SIMULATE_MEMORY adds to PYTHREADING_SIMULATE: define both"
#elif defined(PYTHREADING_STATIC)
#error "PYTHREADING_SIMULATE_MEMORY needs one implementation for all files, no PYTHREADING_STATIC"
#elif !defined(__GNUC__) && !defined(__clang__)
#error "PYTHREADING_SIMULATE_MEMORY needs the -fsanitize=thread of gcc or clang"
#endif
#define PYT__MEMORY(...) __VA_ARGS__
#if defined(__clang__)
#define PYT__UNSEEN __attribute__((no_sanitize("thread"), disable_sanitizer_instrumentation))
#else
#define PYT__UNSEEN __attribute__((no_sanitize("thread")))
#endif
#else
#define PYT__MEMORY(...)
#define PYT__UNSEEN
#endif

#define PYT__INLINE static inline PYT__UNUSED PYT__UNSEEN
#if defined(PYTHREADING_STATIC)
#define PYT__API static PYT__UNUSED
#define PYT__DATA static
#elif defined(PYTHREADING_API)
#define PYT__API extern PYTHREADING_API
#define PYT__DATA extern PYTHREADING_API
#else
#define PYT__API extern
#define PYT__DATA extern
#endif

#if defined(PYTHREADING_DUMMY)
PYT__INLINE uint32_t pyt__swap_word(uint32_t *word, uint32_t value) {
    uint32_t old = *word;
    *word = value;
    return old;
}

PYT__INLINE uint32_t pyt__add_word(uint32_t *word, uint32_t value) {
    *word += value;
    return *word - value;
}
#endif

/* Files that do not fit do not link. Each file that is not a private copy refers to one symbol for
 * each option, used or not; the implementation defines those of its own options.
 * The symbol that the linker misses says what is wrong. The cost is a pointer for each, no code. */
#if defined(PYTHREADING_DEBUG)
#define PYT__HAS_DEBUG pyt__this_file_has_PYTHREADING_DEBUG
#else
#define PYT__HAS_DEBUG pyt__this_file_has_no_PYTHREADING_DEBUG
#endif
#if defined(PYTHREADING_DUMMY)
#define PYT__HAS_DUMMY pyt__this_file_has_PYTHREADING_DUMMY
#else
#define PYT__HAS_DUMMY pyt__this_file_has_no_PYTHREADING_DUMMY
#endif
#if defined(PYTHREADING_SIMULATE)
#define PYT__HAS_SIMULATE pyt__this_file_has_PYTHREADING_SIMULATE
#else
#define PYT__HAS_SIMULATE pyt__this_file_has_no_PYTHREADING_SIMULATE
#endif
#define PYT__HAS_LIST(X) X(PYT__HAS_DEBUG) X(PYT__HAS_DUMMY) X(PYT__HAS_SIMULATE)

#define PYT__HAS_DECLARE(symbol) PYT__DATA const char symbol;
#define PYT__HAS_DEFINE(symbol) const char symbol = 0;
#define PYT__HAS_ADDRESS(symbol) &symbol,
#if !defined(PYTHREADING_STATIC) && (defined(__GNUC__) || defined(__clang__))
PYT__EXTERN_C_BEGIN
PYT__HAS_LIST(PYT__HAS_DECLARE)
static const char *const pyt__this_file_has[] PYT__KEPT = {PYT__HAS_LIST(PYT__HAS_ADDRESS)};
PYT__EXTERN_C_END
#elif !defined(PYTHREADING_STATIC) && defined(_MSC_VER)
#define PYT__TEXT_(symbol) #symbol
#define PYT__TEXT(symbol) PYT__TEXT_(symbol)
#pragma detect_mismatch("PYTHREADING_DEBUG", PYT__TEXT(PYT__HAS_DEBUG))
#pragma detect_mismatch("PYTHREADING_DUMMY", PYT__TEXT(PYT__HAS_DUMMY))
#pragma detect_mismatch("PYTHREADING_SIMULATE", PYT__TEXT(PYT__HAS_SIMULATE))
#endif

#if defined(PYTHREADING_MALLOC) != defined(PYTHREADING_FREE)
#error "define both PYTHREADING_MALLOC and PYTHREADING_FREE, or neither"
#endif

/* PYT__SIM(...) is there with PYTHREADING_SIMULATE only. See the simulate room. */
#if defined(PYTHREADING_SIMULATE)
#if defined(PYTHREADING_DUMMY) || defined(PYTHREADING_VALGRIND)
#error "PYTHREADING_SIMULATE does not go with PYTHREADING_DUMMY or PYTHREADING_VALGRIND"
#endif
#define PYT__SIM(...) __VA_ARGS__
#define PYT__SIMULATED 1
PYT__EXTERN_C_BEGIN

/* What a thread is about to do, in the order of pyt__sim_kinds. */
enum {
    PYT__SIM_LOAD,
    PYT__SIM_STORE,
    PYT__SIM_SWAP,
    PYT__SIM_ADD,
    PYT__SIM_CAS,
    PYT__SIM_COUNT,
    PYT__SIM_LOCK,
    PYT__SIM_WAIT,
    PYT__SIM_SIGNAL,
    PYT__SIM_START,
    PYT__SIM_YIELD,
    PYT__SIM_USER,
    PYT__SIM_READ,
    PYT__SIM_WRITE
};

PYT__API void pyt__simulate_step(const volatile void *word, int kind, int edges);
PYT__API bool pyt__simulate_cas(bool done);
PYT__API bool pyt__simulate_held(const void *lock, bool held);

PYT__EXTERN_C_END
#define PYT__HELD(lock, taken) ((taken) && pyt__simulate_held((lock), true))
#else
#define PYT__SIM(...)
#define PYT__SIMULATED 0
#define PYT__HELD(lock, taken) (taken)
#endif

#endif /* PYT__DECLARE */

#if PYT__DEFINE

/* Warnings on matters of taste, which a program may ask for but the definitions do not follow:
 * where a variable is declared, how a cast is spelled, extensions that every compiler has. The
 * strictest level on aliasing takes each cast to the type of a first member for a mistake. */
#if defined(__GNUC__) || defined(__clang__)
#define PYT__QUIET 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wredundant-decls"
#pragma GCC diagnostic ignored "-Wfloat-equal"
#pragma GCC diagnostic ignored "-Wstrict-aliasing"
#if defined(__cplusplus)
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuseless-cast"
#endif
#else
#pragma GCC diagnostic ignored "-Wdeclaration-after-statement"
#pragma GCC diagnostic ignored "-Wbad-function-cast"
#endif
#elif defined(_MSC_VER)
/* And Microsoft's: the address of a volatile word, constant conditions, arrays at the end,
 * functions that one configuration does not use. */
#define PYT__QUIET_MICROSOFT 1
#pragma warning(push)
#pragma warning(disable : 4090 4127 4200 4505)
#endif

#if defined(PYTHREADING_SIMULATE_MEMORY) && defined(__clang__)
#define PYT__UNINSTRUMENTED 1
#pragma clang attribute push(__attribute__((disable_sanitizer_instrumentation)), \
                             apply_to = function)
#elif defined(PYTHREADING_SIMULATE_MEMORY) && defined(__SANITIZE_THREAD__)
#error "compile the file with PYTHREADING_IMPLEMENTATION without -fsanitize=thread"
#endif

#if defined(PYTHREADING_NO_SETJMP) || defined(__wasi__)
#define PYT__NO_SETJMP 1
#endif

PYT__EXTERN_CXX_BEGIN
#if defined(__cplusplus)
#include <cstddef>
#endif
#include <errno.h>
#include <limits.h>
#if !defined(PYT__NO_SETJMP)
#include <setjmp.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
PYT__EXTERN_CXX_END

#ifndef PYTHREADING_MALLOC
#define PYTHREADING_MALLOC(size) malloc(size)
#define PYTHREADING_FREE(pointer) free(pointer)
#endif

/* A type that is aligned as whatever malloc provides memory for; named so by C since C11. */
#if defined(__cplusplus)
typedef std::max_align_t pyt__aligned;
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && !defined(_MSC_VER)
typedef max_align_t pyt__aligned;
#else
typedef union pyt__aligned {
    long long number;
    long double real;
    void *object;
    void (*function)(void);
} pyt__aligned;
#endif

typedef struct pyt__alignment {
    char first;
    pyt__aligned aligned; /* its offset is the alignment */
} pyt__alignment;

#if defined(PYT_PLATFORM_PRINT)
#define PYT__PRINT(...) PYT_PLATFORM_PRINT(__VA_ARGS__)
#else
#define PYT__PRINT(...) ((void)fprintf(stderr, __VA_ARGS__))
#endif

/* PYT__AT_START(function); declares a function that is called before main, where the compiler
 * knows a way. Microsoft's calls what stands in a section of its own, from which the linker drops
 * what is not referenced; a private copy has no name to refer to. Priority 101 is the first
 * that a program may use: the program's own constructors run later. */
#if defined(PYT_PLATFORM_NO_START)
#elif defined(__EMSCRIPTEN__) /* such a function may run in another thread than main */
#elif defined(__GNUC__) || defined(__clang__)
#define PYT__AT_START(function) __attribute__((constructor(101))) static void function(void)
#elif defined(_MSC_VER) && !defined(PYTHREADING_STATIC)
#pragma section(".CRT$XCU", read)
#if defined(_M_IX86)
#define PYT__LINKER_NAME(name) "_" #name
#else
#define PYT__LINKER_NAME(name) #name
#endif
#define PYT__AT_START(function)                                                              \
    static void function(void);                                                              \
    __pragma(comment(linker, "/include:" PYT__LINKER_NAME(function##_at_start))) __declspec( \
        allocate(".CRT$XCU")) void (*const function##_at_start)(void) = function
#endif

#if !defined(PYTHREADING_STATIC)
PYT__EXTERN_C_BEGIN
PYT__HAS_LIST(PYT__HAS_DEFINE)
PYT__EXTERN_C_END
#endif

/* The two seams for tests: PYT__STEP() stands between steps of protocols where another thread's
 * step decides what happens, and a stress run puts delays there; PYT__FAULT(name) is asked before
 * every platform call that can fail. */
#ifndef PYT__STEP
#define PYT__STEP() ((void)0)
#endif
#ifndef PYT__FAULT
#define PYT__FAULT(name) 0
#endif

/* The simulate room's: what the library allocates in a run is given back at its end. */
#if defined(PYTHREADING_SIMULATE)
static void *pyt__sim_allocate(size_t size);
static void pyt__sim_release(void *memory);
#else
#define pyt__sim_allocate(size) PYTHREADING_MALLOC(size)
#define pyt__sim_release(memory) PYTHREADING_FREE(memory)
#endif

/* Memory of `size` bytes or NULL; errno stays as it was. */
static void *pyt__allocate(size_t size) {
    int saved = errno;
    void *memory = pyt__sim_allocate(size);
    errno = saved;
    return memory;
}

static void *pyt__allocate_zeroed(size_t size) {
    void *memory = pyt__allocate(size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

static void pyt__release_memory(void *memory) {
    if (memory != NULL) {
        int saved = errno;
        pyt__sim_release(memory);
        errno = saved;
    }
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>status                                                                pyt_status, its messages
 *
 *  One list makes the enum, Python's names and the sentences. A call that fails for a reason
 *  the caller should read (everything but PYT_OK and PYT_TIMEOUT, which are answers) leaves a
 *  sentence in the calling thread's own page.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

#define PYT__STATUS_LIST(X)                                                                       \
    X(PYT_OK, "OK", "the call did what it was asked to do")                                       \
    X(PYT_TIMEOUT, "TimeoutError", "the time was up first")                                       \
    X(PYT_RUNTIME_ERROR, "RuntimeError", "the object is not in a state that allows this call")    \
    X(PYT_VALUE_ERROR, "ValueError", "an argument has a value that is not allowed")               \
    X(PYT_OVERFLOW_ERROR, "OverflowError", "a number is too large")                               \
    X(PYT_MEMORY_ERROR, "MemoryError", "the system has no more memory or threads to give")        \
    X(PYT_BROKEN_BARRIER, "BrokenBarrierError", "the barrier is broken")                          \
    X(PYT_QUEUE_EMPTY, "Empty", "the queue is empty")                                             \
    X(PYT_QUEUE_FULL, "Full", "the queue is full")                                                \
    X(PYT_QUEUE_SHUT_DOWN, "ShutDown", "the queue has been shut down")                            \
    X(PYT_CANCELLED, "CancelledError", "the future was cancelled")                                \
    X(PYT_INVALID_STATE, "InvalidStateError", "the future is not in a state that allows this")    \
    X(PYT_BROKEN_EXECUTOR, "BrokenThreadPool", "an initializer failed, the executor is unusable") \
    X(PYT_TASK_ERROR, "Exception", "the target or task was ended by pyt_raise")                   \
    X(PYT_INTERRUPTED, "KeyboardInterrupt", "the main thread was interrupted")                    \
    X(PYT_NOT_SUPPORTED, "NotImplementedError", "this platform cannot do it")

/* What became of a call: PYT_OK is 0, each other value is the outcome Python's counterpart has.
 *
 * Each call whose comment says "as every wait" may return these. The comment adds what the call
 * waits for, further statuses, and further reasons for one of these.
 *
 *      PYT_OK              what it waits for has come
 *      PYT_TIMEOUT         with `seconds`: it had not come when the time was up
 *      PYT_VALUE_ERROR     NULL where an object is due, or the object was not made; `seconds` is
 *                          not a number, or negative where the call says that it may not be
 *      PYT_OVERFLOW_ERROR  `seconds` is above PYT_TIMEOUT_MAX
 *      PYT_MEMORY_ERROR    the thread's first call that may have to wait, and no memory for it
 *      PYT_INTERRUPTED     in the main thread, by pyt_interrupt_main while it waits
 *      PYT_RUNTIME_ERROR   without `seconds`: with PYTHREADING_DUMMY nobody can end this wait (a
 *                          held lock is taken); with PYTHREADING_DEBUG locks and joins deadlock
 *
 * `seconds` is judged before anything else. After a failure the object is as if the call had not
 * been made, unless the call says otherwise. */
typedef enum pyt_status {
#define PYT__STATUS_ENUM(status, name, sentence) status,
    PYT__STATUS_LIST(PYT__STATUS_ENUM)
#undef PYT__STATUS_ENUM
} pyt_status;
#if defined(PYT__OK_IS_A_MACRO)
#define PYT_OK 0
#endif

/* Give Python's name of a status, "RuntimeError" for PYT_RUNTIME_ERROR.
 *
 * Returns  a static string; "?" for a number that is no status
 * Thread   any
 */
PYT__API const char *pyt_status_name(pyt_status status);

/* Say in a sentence what a status means, whatever the call was.
 *
 * Returns  a static string; "unknown status" for a number that is no status
 * Thread   any
 */
PYT__API const char *pyt_strerror(pyt_status status);

/* Say what the calling thread's last failed call complained about.
 *
 * Returns  a sentence such as "cannot release un-acquired lock"; "" when nothing has failed yet.
 *          PYT_OK and PYT_TIMEOUT are answers, not failures, and leave it as it is, but for the
 *          timeout of pyt_as_completed_next, which says how many futures are unfinished. The text
 *          is valid until the thread's next failing call
 * Thread   any; each has its own
 * Python   str(exception)
 */
PYT__API const char *pyt_error_message(void);

/* End the program unless a call did what it was asked to: PYT_MUST(pyt_thread_start(thread));
 *
 * call     an expression that is a pyt_status. Anything but PYT_OK is printed to stderr as
 *          "file:line: RuntimeError: cannot join current thread", then abort is called
 * Thread   any
 * Python   an uncaught exception
 */
#if defined(PYT__THREAD_SAFETY) /* which sees what became of a try only where it is compared */
#define PYT_MUST(call)                                          \
    __extension__({                                             \
        pyt_status pyt__outcome = (call);                       \
        if (pyt__outcome != 0) {                                \
            pyt__must_failed(pyt__outcome, __FILE__, __LINE__); \
        }                                                       \
        (void)0;                                                \
    })
#else
#define PYT_MUST(call) pyt__must((call), __FILE__, __LINE__)
#endif

PYT__API PYT__NORETURN void pyt__must_failed(pyt_status status, const char *file, int line);

PYT__INLINE void pyt__must(pyt_status status, const char *file, int line) {
    if (!PYT__LIKELY(status == PYT_OK)) {
        pyt__must_failed(status, file, line);
    }
}

#if PYT__PLACED
/* A call of the user's: which function of the library, and where. All NULL and 0: not known. */
typedef struct pyt__place {
    const char *pyt__call, *pyt__file;
    int pyt__line;
} pyt__place;

/* What the debug build notes of the calling thread. No other thread touches it. */
typedef struct pyt__notes {
    pyt__place pyt__here;    /* the call it is in */
    bool pyt__fresh;         /* it has made no step since that was noted */
    bool pyt__reporting;     /* is in the misusehook */
    pyt_status pyt__failure; /* how a call in that call failed last */
    bool pyt__busy;          /* is noting, so that what the allocator locks is not noted */
    const void *pyt__lock;   /* the lock of the user's that it is taking, or NULL */
    bool pyt__in_queue;      /* its parker is in a queue: the allocator is not called */
    struct pyt__parker *pyt__successor; /* what its release has handed the lock to, or NULL */
    struct pyt__holding *pyt__spare;    /* for notes to come, a list; owned */
} pyt__notes;
#define pyt__my_notes (pyt__me.pyt__own_notes)
#endif

/* The calling thread's record: everything the library knows of a thread that no other thread may
 * touch, except where a member says otherwise. Its address identifies a living thread. */
typedef struct pyt__self {
    const char *pyt__message;  /* last failure; static or pyt__message_memory */
    char *pyt__message_memory; /* owned */

    /* For platform. */
    const char *pyt__cause; /* why a system's object is not to be had; or NULL */

    /* For park. */
    struct pyt__parker *pyt__parker; /* NULL until the thread first needs one */
    bool pyt__enrolling;             /* is being given its parker */
    bool pyt__end_noticed;           /* the system will tell of the thread's end */
    bool pyt__gave_way;              /* to another thread's exit, as the main thread */

    /* For unwind, barrier, local. */
    struct pyt__frame *pyt__frame;        /* innermost place that pyt_raise can jump to */
    struct pyt_barrier *pyt__acting;      /* in the action of these, innermost first */
    struct pyt__local_table *pyt__locals; /* its pyt_local values */
    struct pyt__local_value *pyt__making; /* what it is constructing, innermost first */
    struct pyt__local_value *pyt__ending; /* what it is destroying, innermost first */

    /* For thread. */
    bool pyt__is_main;                   /* it is the main thread; see pyt__is_main_thread */
    bool pyt__gone;                      /* it was told of its end for the last time that counts */
    int pyt__rounds;                     /* how often it was told of its end */
    uintptr_t pyt__ident;                /* 0: the address of this record */
    struct pyt_thread *pyt__thread;      /* its handle; NULL until it is first asked for */
    struct pyt_thread *pyt__in_run;      /* the one with its `run` override running */
    const struct pyt_thread *pyt__left;  /* once gone: its handle, perhaps freed; to compare with */
    char *pyt__reported;                 /* what the excepthook is being told of; owned, or NULL */
    PYT__ATOMIC(uintptr_t) pyt__trace;   /* pyt_trace_function; set by others under registry lock */
    PYT__ATOMIC(uintptr_t) pyt__profile; /* the same */

    /* For future. */
    struct pyt__owner *pyt__owner;        /* of a worker: the owner of its executor's futures */
    struct pyt__observer *pyt__early;     /* pool callbacks it is in, innermost first */
    struct pyt__observer *pyt__callbacks; /* those of futures that are done; see the future room */
    struct pyt__observer *pyt__callbacks_last; /* means nothing when there is none */
    int pyt__nesting;                          /* how deep in callbacks of futures that are done */

    /* For executor and pool. */
    int pyt__drops;                  /* how many executors' queues it is dropping */
    struct pyt__worker *pyt__worker; /* the worker of an executor that it is, or NULL */

    /* For process. */
    int pyt__forking;                     /* how deep in the functions around fork */
    struct pyt__shared *pyt__fork_shared; /* what they hold the locks of; NULL: none */

    /* For debug and simulate. */
    PYT__NOTES(pyt__notes pyt__own_notes;)
} pyt__self;

/* The one piece of thread-local storage. A platform whose compiler has none finds the record by a
 * function. */
#if defined(PYT_PLATFORM_RECORD)
PYT__API pyt__self *pyt__record(void);
#define pyt__me (*pyt__record())
#elif defined(PYTHREADING_STATIC)
static PYT__THREAD_LOCAL pyt__self pyt__me = PYT__ZERO;
#else
PYT__DATA PYT__THREAD_LOCAL pyt__self pyt__me;
#endif

#if PYT__PLACED
PYT__INLINE void pyt__at(const char *call, const char *file, int line) {
    pyt__my_notes.pyt__here.pyt__call = call;
    pyt__my_notes.pyt__here.pyt__file = file;
    pyt__my_notes.pyt__here.pyt__line = line;
    pyt__my_notes.pyt__fresh = true;
    pyt__my_notes.pyt__failure = PYT_OK;
}

/* The call is over: what comes next without a note of its own is at a place that is not known. */
PYT__INLINE void pyt__at_end(void) {
    pyt__at(PYT__NULL, PYT__NULL, 0);
}

/* Tell the misusehook of a call that failed in this way, if Python would raise for the mistake; and
 * of a question that has no status, about NULL. */
#if defined(PYTHREADING_DEBUG)
PYT__API void pyt__misused(pyt_status status, const char *call, const char *file, int line);
PYT__API void pyt__misused_null(const char *call, const char *file, int line);
#else
#define pyt__misused(status, call, file, line) \
    ((void)(status), (void)(call), (void)(file), (void)(line))
#endif

/* A call of the user's is over, with this outcome. The place is told again, since a predicate or an
 * argument with calls of its own has overwritten the note of it. */
PYT__INLINE pyt_status pyt__ended(pyt_status status, const char *call, const char *file, int line) {
    pyt__at_end();
    if (status != PYT_OK) {
        pyt__misused(status, call, file, line);
    }
    return status;
}

/* The same for a call whose status must not be ignored. */
PYT__MUST_USE PYT__INLINE pyt_status pyt__ended_must(pyt_status status, const char *call,
                                                     const char *file, int line) {
    return pyt__ended(status, call, file, line);
}

/* The same for a call whose PYT_INVALID_STATE is an answer, which Python gives as False. */
PYT__INLINE pyt_status pyt__ended_answer(pyt_status status, const char *call, const char *file,
                                         int line) {
    if (status == PYT_INVALID_STATE) {
        pyt__at_end();
        return status;
    }
    return pyt__ended(status, call, file, line);
}

/* The same for a call that gives a pointer, and NULL when it fails. */
PYT__INLINE void *pyt__ended_get(void *result, const char *call, const char *file, int line) {
    pyt_status failure = pyt__my_notes.pyt__failure;
    pyt__at_end();
    if (result == PYT__NULL) {
        pyt__misused(failure, call, file, line);
    }
    return result;
}

#define PYT__HERE(call, ...) (pyt__at(call, __FILE__, __LINE__), __VA_ARGS__)
#else
#define PYT__HERE(call, object) (object)
#endif

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#if !defined(PYTHREADING_STATIC) && !defined(PYT_PLATFORM_RECORD)
PYT__THREAD_LOCAL pyt__self pyt__me = PYT__ZERO;
#endif

PYT__API const char *pyt_status_name(pyt_status status) {
    static const char *const names[] = {
#define PYT__STATUS_NAME(status, name, sentence) name,
        PYT__STATUS_LIST(PYT__STATUS_NAME)
#undef PYT__STATUS_NAME
    };
    return (size_t)status < sizeof names / sizeof names[0] ? names[status] : "?";
}

PYT__API const char *pyt_strerror(pyt_status status) {
    static const char *const sentences[] = {
#define PYT__STATUS_SENTENCE(status, name, sentence) sentence,
        PYT__STATUS_LIST(PYT__STATUS_SENTENCE)
#undef PYT__STATUS_SENTENCE
    };
    return (size_t)status < sizeof sentences / sizeof sentences[0] ? sentences[status]
                                                                   : "unknown status";
}

PYT__API const char *pyt_error_message(void) {
    return pyt__me.pyt__message != NULL ? pyt__me.pyt__message : "";
}

/* Note a failure for pyt_error_message and pass its status on. `sentence` is static; where it is
 * empty, as that of a pyt_raise may be, the status's own is noted. */
PYT__COLD static pyt_status pyt__fail(pyt_status status, const char *sentence) {
    pyt__me.pyt__message = sentence[0] != '\0' ? sentence : pyt_strerror(status);
    PYT__NOTES(pyt__my_notes.pyt__failure = status;)
    return status;
}

PYT__COLD static pyt_status pyt__fail_null(void) {
    return pyt__fail(PYT_VALUE_ERROR, "NULL where an object is due");
}

/* Also where the system gave no object of its own, which may have another cause. */
PYT__COLD static pyt_status pyt__fail_memory(void) {
    const char *cause = pyt__me.pyt__cause;
    pyt__me.pyt__cause = NULL;
    return pyt__fail(PYT_MEMORY_ERROR, cause != NULL ? cause : "out of memory");
}

/* PYT_TIMEOUT is an answer, of which pyt_error_message does not tell. */
PYT__API PYT__COLD PYT__NORETURN void pyt__must_failed(pyt_status status, const char *file,
                                                       int line) {
    const char *message = status != PYT_TIMEOUT ? pyt_error_message() : "";
    PYT__PRINT("%s:%d: %s: %s\n", file, line, pyt_status_name(status),
               message[0] != '\0' ? message : pyt_strerror(status));
    (void)fflush(stderr);
    abort();
}

/* A copy of `text`, or NULL without memory. */
static char *pyt__copy_text(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = (char *)pyt__allocate(size);
    if (copy != NULL) {
        memcpy(copy, text, size);
    }
    return copy;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>platform                                               the only room that knows the system
 *
 *  What a backend provides, each in the same order:
 *
 *    PYT_BACKEND                                 its name as a string
 *    pyt__os_mutex    init destroy lock unlock   plain, never taken twice
 *    pyt__os_cond     init destroy wait wait_until signal
 *                                                one waiter at a time, deadlines in pyt__os_now
 *    pyt__os_thread   start join detach exit     start runs pyt__thread_main(arg) in the new one
 *    pyt__os_yield                               let others run that wait for this processor
 *    pyt__os_key      make drop set              set a non-NULL value: pyt__retire(value) runs
 *                                                when the thread ends
 *    PYT__END_ROUNDS                             how often it does, if it sets the value again
 *                                                each time; 1: it cannot
 *
 *  and what the system below every backend provides:
 *
 *    pyt__os_now()          nanoseconds on a clock that is never set
 *    pyt__os_thread_id()    what the system's tools call the calling thread
 *    pyt__os_is_main()      is this the thread that main runs in
 *    pyt__os_main_id()      what pyt__os_thread_id() is in it; 0: not known
 *    pyt__os_set_name()     tell the system a thread's name, cut to what it takes
 *    pyt__os_at_fork()      three functions around fork
 *    pyt__os_parallel()     can two threads of this process run at the same time
 *    pyt__os_processors()   how many processors this process may use
 *    pyt__os_processor()    which one the calling thread runs on; -1: not known
 *    pyt__os_relax()        a hint between two looks at a word
 *    pyt__os_traits         what a thread passes on to those it starts: get, set (as far as the
 *                           system allows), set_main: have the main thread's, but block all signals
 *    pyt__os_block()        block all signals; pyt__os_unblock() has those of `traits` again
 *    pyt__os_is_alone()     has the system ended all other threads, because the process ends
 *    pyt__os_at_exit()      have a function called when the process ends
 *    pyt__os_exit()         end the process
 *
 *  Whatever returns bool returns false when the system is out of memory or threads, and has
 *  then changed nothing. Nothing here touches errno.
 *
 *  A platform of the user's own. PYTHREADING_PLATFORM names a file, "my_platform.h", that takes the
 *  place of all backends. It is included twice. In the config room of every file it states facts:
 *
 *    PYT_BACKEND                  its name as a string; required
 *    PYT_PLATFORM_RECORD          the thread record is found by pyt__os_record(), below, not in a
 *                                 variable that is PYT__THREAD_LOCAL (the compiler's, or defined)
 *    PYT_PLATFORM_PRINT(...)      takes printf's arguments; stderr, if left out
 *    PYT_PLATFORM_NO_START        nothing of the library may run before main
 *    PYT_PLATFORM_NO_FORK         there is no fork; without pyt__os_at_fork
 *    PYT_PLATFORM_NO_NAMES        threads have no names; without pyt__os_set_name
 *    PYT_PLATFORM_NO_PROCESSORS   one processor, or how many is not known: nothing spins; without
 *                                 pyt__os_processors, pyt__os_processor
 *    PYT_PLATFORM_NO_THREAD_IDS   threads have no numbers; without pyt__os_thread_id
 *    PYT_PLATFORM_NO_MAIN         the first thread that uses the library is the main thread (before
 *                                 main, if that may be); without pyt__os_main_id
 *    PYT_PLATFORM_NO_THREAD_END   the system does not tell that a thread ends; without pyt__os_key
 *    PYT_PLATFORM_NO_EXIT         the process never ends, the C library has no exit and atexit:
 *                                 pyt_raise and pyt_exit outside of any target end the main thread
 *    PYT__END_ROUNDS 3            pyt__os_key is a POSIX key: see there
 *    PYT__ATOMIC(T), PYT__RAW_LOAD, _STORE, _SWAP, _ADD, _CAS
 *                                 all six, where the compiler's own atomics will not do
 *
 *  Then it is included here, with PYT_PLATFORM_FUNCTIONS defined, and gives these types and static
 *  functions. Each type may be assigned; memory for a mutex or condition is zeroed before init.
 *
 *    bool pyt__os_mutex_init(pyt__os_mutex *)
 *    void pyt__os_mutex_destroy(pyt__os_mutex *)
 *    void pyt__os_mutex_lock(pyt__os_mutex *)
 *    void pyt__os_mutex_unlock(pyt__os_mutex *)
 *         Held for some hundred instructions, never while a thread waits or runs foreign code;
 *         unlocked by the thread that locked it. There are PYTHREADING_BUCKETS and one a thread.
 *         In the child of a fork init makes a mutex anew that may be held; it cannot fail there.
 *
 *    bool pyt__os_cond_init(pyt__os_cond *)
 *    void pyt__os_cond_destroy(pyt__os_cond *)
 *    void pyt__os_cond_wait(pyt__os_cond *, pyt__os_mutex *)
 *    void pyt__os_cond_wait_until(pyt__os_cond *, pyt__os_mutex *, int64_t deadline)
 *    void pyt__os_cond_signal(pyt__os_cond *)
 *         One thread waits at most, always the same one, with the same mutex, which it holds. A
 *         wait may end early or for no reason, and may leave a signal for the next one: a binary
 *         semaphore will do. What it may not do is miss a signal made after it let the mutex go.
 *         Signals come without the mutex, also late, when no thread waits. Conditions are destroyed
 *         only if no thread has used them. Deadlines are times of pyt__os_now, not negative.
 *
 *    bool pyt__os_thread_start(pyt__os_thread *, size_t stack_size, void *arg)
 *         Run pyt__thread_main(arg) in a new thread, which ends when that returns, maybe before
 *         this does. stack_size: 0 for the usual one, or the least. The type is no larger than a
 *         pointer.
 *    void pyt__os_thread_join(pyt__os_thread)
 *    void pyt__os_thread_detach(pyt__os_thread)
 *         One of the two, once: wait until the thread is gone, or never ask about it again. The
 *         thread itself may detach. pyt__thread_main may have returned long ago.
 *    PYT__NORETURN void pyt__os_thread_exit(void)
 *         End the calling thread, whichever way it was started. The same as its end by itself.
 *    void pyt__os_yield(void)
 *         Let the threads run that wait for this processor, or do nothing.
 *    int64_t pyt__os_now(void)
 *         Nanoseconds since any moment, 0 or more, in all threads the same clock.
 *
 *    bool pyt__os_key_make(pyt__os_key *), void pyt__os_key_drop(pyt__os_key)
 *    bool pyt__os_key_set(pyt__os_key, void *value)
 *         If the last value that a thread has set is not NULL when it ends, call pyt__retire(value)
 *         in that thread, while the record is there and the library can be used: it may take locks
 *         and wait. It sets NULL itself. With PYT__END_ROUNDS 3 it may set the value again instead:
 *         then it is called again after all other such functions of the thread, three times in all.
 *         Several threads may make a key at once, of which one remains. Without this a thread of
 *         the library's own is still cleaned up when it returns; pyt__os_thread_exit then calls
 *         pyt__retire(&pyt__me), and threads made elsewhere do not give back what they have used,
 *         some 400 bytes.
 *    pyt__self *pyt__os_record(void)
 *         The calling thread's record, always the same, zeroed at first; it stays until the thread
 *         has ended. Called very often. It is not asked for before main with NO_START.
 *
 *    bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
 *    void pyt__os_set_name(const void *thread, const char *name)
 *         A pointer to a pyt__os_thread that has not ended, or NULL for the calling thread.
 *         pyt__cut_name(buffer, size, name) cuts a name.
 *    unsigned pyt__os_processors(void), int pyt__os_processor(void)
 *    unsigned long pyt__os_thread_id(void), unsigned long pyt__os_main_id(void)
 *         The second is what the first is in the main thread. 0 is no thread.
 *
 *  The C library has to have malloc and free (or PYTHREADING_MALLOC), snprintf, memcpy, strlen,
 *  errno and setjmp. Atomic operations are on 32 bits, pointers and bool.
 *
 *  C11's timed wait follows the calendar. On Linux a cnd_t is a pthread_cond_t (glibc, musl), so
 *  it is initialised as one with the monotonic clock, and cnd_timedwait takes monotonic time. On
 *  every other system pthreads are used.
 *
 *  On Windows the system's own locks, conditions and threads are used, also where <threads.h> or
 *  pthreads are there: they wait by a clock that is never set and give a thread a stack of a size.
 *  - Timed waits take whole milliseconds from now. They are rounded up, and may end early or
 *    without a reason: the park room looks at its own clock and state after each.
 *  - The end of a thread is noticed by fiber-local storage: its callbacks run before the compiler's
 *    thread-local variables are freed. They run once: a thread whose callback has run
 *    cannot be made known to the library again, so that what Windows still runs in it gets
 *    PYT_MEMORY_ERROR where it would have to wait.
 *  - A thread that is divided into fibers is one thread. Its end is noticed in the fiber in which
 *    it first used the library: the only one, if that was before it became fibers, as in every
 *    thread started here. A fiber with the first use in it that its thread deletes takes the
 *    thread's values along; deleted by another thread it is not noticed at all.
 *  - When a process ends, Windows ends all other threads first and then unloads modules. Handlers
 *    of atexit run before that in a program, but after it in a DLL: there no thread is left to be
 *    joined, and locks that the ended threads held are held for ever. Nothing is touched then.
 *  - There is no fork.
 *
 *  Under strict -std=c11 the system's headers hide what POSIX adds; the few functions needed are
 *  declared here, which is harmless where the headers have declared them already.
 * ============================================================================================== */
#if PYT__DECLARE

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PYT__SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(leak_sanitizer)
#define PYT__SANITIZED 1
#endif
#endif

#if defined(_WIN32) && !defined(__CYGWIN__) && !defined(PYTHREADING_PLATFORM)
#define PYT__WINDOWS 1
#endif

/* C11 threads on Linux only: elsewhere their timed waits follow the calendar, and <threads.h> may
 * need a library of its own. A header may also be newer than the functions that are linked: those
 * came with glibc 2.28, and with Android 11. */
#if defined(__linux__) && defined(__has_include) && !defined(__STDC_NO_THREADS__)
#if defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ < 28
#elif defined(__ANDROID__) && __ANDROID_API__ < 30
#elif __has_include(<threads.h>)
#define PYT__HAS_THREADS_H 1
#endif
#endif

/* POSIX systems call destructors of thread-specific values in four rounds at least, as long as they
 * set values. In the fourth, sanitizers end what they know of a thread: we are done before. */
#if defined(__ELF__) && defined(__PIC__) && !defined(__PIE__) && !defined(PYTHREADING_DUMMY) && \
    !defined(PYTHREADING_NO_ATEXIT)
#define PYT__UNLOADABLE 1 /* the code may be part of a plugin: see the process room */
#endif

#if defined(PYT__END_ROUNDS) /* the platform's own */
#elif defined(PYTHREADING_DUMMY) || defined(PYT__WINDOWS) || defined(__APPLE__) || \
    defined(PYTHREADING_PLATFORM)
#define PYT__END_ROUNDS 1
#else
#define PYT__END_ROUNDS 3
#endif

/* Without system threads a started function's end is neither the main thread's, although that runs
 * it, nor followed by a join. */
#if defined(PYTHREADING_DUMMY)
#define PYT__HAS_THREADS 0
#else
#define PYT__HAS_THREADS 1
#endif

/* What the threads are made of: "c11", "pthreads", "win32", "dummy", or a platform of your own. */
#if defined(PYTHREADING_PLATFORM)
#if !defined(PYT_BACKEND)
#error "the file named by PYTHREADING_PLATFORM defines PYT_BACKEND when it is first included"
#endif
#elif defined(PYTHREADING_DUMMY)
#define PYT_BACKEND "dummy"
#elif defined(PYT__WINDOWS)
#define PYT_BACKEND "win32"
#if defined(PYTHREADING_PTHREADS)
#error "PYTHREADING_PTHREADS is not for Windows, where the system's own threads are used"
#endif
#elif defined(PYTHREADING_PTHREADS) || defined(PYT__SANITIZED) || !defined(PYT__HAS_THREADS_H)
#define PYT__PTHREADS 1
#define PYT_BACKEND "pthreads"
#else
#define PYT_BACKEND "c11"
#endif

#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__EXTERN_CXX_BEGIN
#if defined(PYT__WINDOWS)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <process.h>
#include <windows.h>
#if _WIN32_WINNT < 0x0600
#error "define _WIN32_WINNT as 0x0600 (Windows Vista) or later before the first #include"
#endif
#elif !defined(PYTHREADING_PLATFORM)
#if !defined(__wasi__)
#include <signal.h>
#endif
#include <time.h>
#include <unistd.h>
#if defined(PYTHREADING_SIMULATE)
#include <sys/mman.h>
#if defined(MAP_ANONYMOUS)
#define PYT__MAP_ANONYMOUS MAP_ANONYMOUS
#elif defined(MAP_ANON)
#define PYT__MAP_ANONYMOUS MAP_ANON
#elif defined(__linux__)
#define PYT__MAP_ANONYMOUS 0x20
#else
#define PYT__MAP_ANONYMOUS 0x1000
#endif
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__FreeBSD__)
#include <sys/param.h>
#include <sys/cpuset.h>
#endif
#if !defined(PYTHREADING_DUMMY)
#include <pthread.h>
#if defined(PYT__PTHREADS)
#include <sched.h>
#else
#include <threads.h>
#endif
#endif
#endif
PYT__EXTERN_CXX_END

static void pyt__thread_main(void *thread); /* the thread room's: what a new thread runs */
static void pyt__retire(void *self);        /* the thread room's: what a thread's end runs */

#if defined(PYTHREADING_SIMULATE)
/* What follows is the backend below the simulated one, which has the other names. */
#define pyt__thread_main pyt__below_main
#define pyt__retire pyt__below_retire
#define pyt__os_mutex pyt__below_mutex
#define pyt__os_mutex_init pyt__below_mutex_init
#define pyt__os_mutex_destroy pyt__below_mutex_destroy
#define pyt__os_mutex_lock pyt__below_mutex_lock
#define pyt__os_mutex_unlock pyt__below_mutex_unlock
#define pyt__os_cond pyt__below_cond
#define pyt__os_cond_init pyt__below_cond_init
#define pyt__os_cond_destroy pyt__below_cond_destroy
#define pyt__os_cond_wait pyt__below_cond_wait
#define pyt__os_cond_wait_until pyt__below_cond_wait_until
#define pyt__os_cond_signal pyt__below_cond_signal
#define pyt__os_thread pyt__below_thread
#define pyt__os_thread_start pyt__below_thread_start
#define pyt__os_thread_join pyt__below_thread_join
#define pyt__os_thread_detach pyt__below_thread_detach
#define pyt__os_thread_exit pyt__below_thread_exit
#define pyt__os_yield pyt__below_yield
#define pyt__os_key pyt__below_key
#define pyt__os_key_make pyt__below_key_make
#define pyt__os_key_drop pyt__below_key_drop
#define pyt__os_key_set pyt__below_key_set
#define pyt__os_now pyt__below_now
#define pyt__os_thread_id pyt__below_thread_id
#define pyt__os_main_id pyt__below_main_id
#define pyt__os_is_main pyt__below_is_main
#define pyt__os_set_name pyt__below_set_name
#define pyt__os_at_fork pyt__below_at_fork
#define pyt__os_parallel pyt__below_parallel
#define pyt__os_processors pyt__below_processors
#define pyt__os_processor pyt__below_processor
#define pyt__os_relax pyt__below_relax
static void pyt__below_main(void *arg);
static void pyt__below_retire(void *self);
#endif

#if !defined(PYTHREADING_DUMMY) && !defined(PYT_PLATFORM_NO_NAMES)
/* Cut `name` to `size` - 1 bytes without cutting through a UTF-8 sequence. */
PYT__UNUSED static void pyt__cut_name(char *shortened, size_t size, const char *name) {
    size_t length = strlen(name);
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80) {
            length--;
        }
        length = length > 0 ? length : size - 1;
    }
    memcpy(shortened, name, length);
    shortened[length] = '\0';
}
#endif

#if defined(PYT_PLATFORM_NO_EXIT)
PYT__UNUSED static bool pyt__os_at_exit(void (*function)(void)) {
    (void)function;
    return true;
}
#else
PYT__UNUSED static bool pyt__os_at_exit(void (*function)(void)) {
    int saved = errno;
    bool hooked = atexit(function) == 0;
    errno = saved;
    return hooked;
}

PYT__NORETURN static void pyt__os_exit(int code) {
    exit(code);
}
#endif

/* A hint to the processor between two looks at a word. Windows has its own. */
#if !defined(PYT__WINDOWS) && !defined(PYTHREADING_DUMMY)
static void pyt__os_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
    __asm__ volatile("yield");
#else
    __asm__ volatile("" ::: "memory");
#endif
}
#endif

#if defined(PYTHREADING_PLATFORM)

/* ---- the user's own platform, and what it leaves out ---- */

/* Mutexes and conditions in the child of a fork: init makes them anew, see the contract. */
#define PYT__FORK_RENEWS 1
#define PYT__FORK_KEEPS_CONDS 0

#define PYT_PLATFORM_FUNCTIONS
PYT__EXTERN_CXX_BEGIN
#include PYTHREADING_PLATFORM
PYT__EXTERN_CXX_END
#undef PYT_PLATFORM_FUNCTIONS

#if defined(PYT_PLATFORM_RECORD)
PYT__API pyt__self *pyt__record(void) {
    return pyt__os_record();
}
#endif

#if defined(PYT_PLATFORM_NO_FORK)
static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    (void)before;
    (void)parent;
    (void)child;
    return true;
}
#endif

#if defined(PYT_PLATFORM_NO_NAMES)
static void pyt__os_set_name(const void *thread, const char *name) {
    (void)thread;
    (void)name;
}
#endif

#if defined(PYT_PLATFORM_NO_PROCESSORS)
static unsigned pyt__os_processors(void) {
    return 1;
}

static int pyt__os_processor(void) {
    return -1;
}
#endif

static bool pyt__os_parallel(void) {
    return pyt__os_processors() > 1;
}

#if defined(PYT_PLATFORM_NO_THREAD_IDS)
static unsigned long pyt__os_thread_id(void) {
    return (unsigned long)(uintptr_t)&pyt__me;
}
#endif

#if defined(PYT_PLATFORM_NO_MAIN)
static bool pyt__os_is_main(void) {
    static PYT__ATOMIC(uintptr_t) first;
    uintptr_t expected = 0;
    uintptr_t self = (uintptr_t)&pyt__me;
    return PYT__CAS(&first, &expected, self, relaxed) || expected == self;
}

static unsigned long pyt__os_main_id(void) {
    return 0;
}
#else
static bool pyt__os_is_main(void) {
    return pyt__os_thread_id() == pyt__os_main_id();
}
#endif

#if defined(PYT_PLATFORM_NO_THREAD_END)
typedef char pyt__os_key;

static bool pyt__os_key_make(pyt__os_key *key) {
    *key = 0;
    return true;
}

static void pyt__os_key_drop(pyt__os_key key) {
    (void)key;
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    (void)key;
    (void)value;
    return true;
}
#endif

#if defined(PYT_PLATFORM_NO_EXIT)
PYT__NORETURN static void pyt__os_exit(int code) {
    (void)code;
    pyt__os_thread_exit();
}
#endif

static bool pyt__os_is_alone(void) {
    return false;
}

#elif defined(PYT__WINDOWS)

/* ---- Windows, below every backend ---- */

/* There is no fork. */
#define PYT__FORK_RENEWS 1
#define PYT__FORK_KEEPS_CONDS 0

/* The counter may count in units that 64 bits do not hold a year of in nanoseconds when multiplied
 * whole: whole seconds are taken out first. */
static int64_t pyt__os_now(void) {
    LARGE_INTEGER count;
    LARGE_INTEGER second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&second);
    int64_t rest = count.QuadPart % second.QuadPart;
    return count.QuadPart / second.QuadPart * 1000000000 + rest * 1000000000 / second.QuadPart;
}

static unsigned long pyt__os_thread_id(void) {
    return GetCurrentThreadId();
}

static unsigned long pyt__os_main_id(void) {
    return 0;
}

static bool pyt__os_is_main(void) {
#if defined(PYTHREADING_DUMMY)
    return true;
#else
    static PYT__ATOMIC(uint32_t) first; /* the first caller is taken for it */
    uint32_t expected = 0;
    uint32_t self = GetCurrentThreadId();
    return PYT__CAS(&first, &expected, self, relaxed) || expected == self;
#endif
}

/* The mask is empty if the process has threads in several processor groups. */
static unsigned pyt__os_processors(void) {
    DWORD_PTR mine = 0;
    DWORD_PTR all = 0;
    unsigned count = 0;
    GetProcessAffinityMask(GetCurrentProcess(), &mine, &all);
    for (; mine != 0; mine &= mine - 1) {
        count++;
    }
    if (count == 0) {
        SYSTEM_INFO system;
        GetSystemInfo(&system);
        count = system.dwNumberOfProcessors;
    }
    return count > 0 ? count : 1;
}

/* What SleepConditionVariableSRW takes: rounded up, so that no wait is too short by that. */
static DWORD pyt__milliseconds(int64_t nanoseconds) {
    int64_t whole = nanoseconds > 0 ? (nanoseconds - 1) / 1000000 + 1 : 0;
    return whole < INFINITE ? (DWORD)whole : INFINITE - 1; /* taken up again after 49 days */
}

#if !defined(PYTHREADING_DUMMY)

/* Functions that not every version of Windows has, 0 for what is not there. They are looked for
 * once, when the key is made: a search takes the lock under which threads start and end. */
static PYT__ATOMIC(uintptr_t) pyt__os_describe; /* SetThreadDescription */
static PYT__ATOMIC(uintptr_t) pyt__os_ending;   /* RtlDllShutdownInProgress */

static uintptr_t pyt__os_find(const WCHAR *module, const char *name) {
    HMODULE where = GetModuleHandleW(module);
    return where != NULL ? (uintptr_t)GetProcAddress(where, name) : 0;
}

static void pyt__os_find_all(void) {
    PYT__STORE(&pyt__os_describe, pyt__os_find(L"kernelbase.dll", "SetThreadDescription"), relaxed);
    PYT__STORE(&pyt__os_ending, pyt__os_find(L"ntdll.dll", "RtlDllShutdownInProgress"), relaxed);
}

/* thread   a pyt__os_thread, or NULL for the calling thread */
static void pyt__os_set_name(const void *thread, const char *name) {
    typedef HRESULT(WINAPI * describe)(HANDLE, const WCHAR *);
    describe set = (describe)PYT__LOAD(&pyt__os_describe, relaxed);
    char shortened[256];
    WCHAR wide[256];
    pyt__cut_name(shortened, sizeof shortened, name);
    if (set != NULL && MultiByteToWideChar(CP_UTF8, 0, shortened, -1, wide, 256) > 0) {
        set(thread != NULL ? *(const HANDLE *)thread : GetCurrentThread(), wide);
    }
}

static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    (void)before;
    (void)parent;
    (void)child;
    return !PYT__FAULT("at_fork");
}

static bool pyt__os_parallel(void) {
    return pyt__os_processors() > 1;
}

/* Counted in the thread's group of 64: two threads on the same number of two groups are taken for
 * neighbours, which costs time and nothing else. */
static int pyt__os_processor(void) {
    return (int)GetCurrentProcessorNumber();
}

static void pyt__os_relax(void) {
    YieldProcessor();
}

static bool pyt__os_is_alone(void) {
    typedef BOOLEAN(NTAPI * ask)(void);
    ask ending = (ask)PYT__LOAD(&pyt__os_ending, relaxed);
    return ending != NULL && ending();
}

#endif /* !PYTHREADING_DUMMY */

#else /* POSIX */

#if defined(__linux__)
/* Where a 32-bit system has a 64-bit time_t the functions have other names below. */
#if defined(_REDIR_TIME64) && _REDIR_TIME64
#define PYT__TIME64(musl, glibc) __asm__(musl)
#elif defined(__USE_TIME_BITS64) && defined(__TIMESIZE) && __TIMESIZE == 32
#define PYT__TIME64(musl, glibc) __asm__(glibc)
#else
#define PYT__TIME64(musl, glibc)
#endif
PYT__EXTERN_C_BEGIN
int sched_getcpu(void);
int clock_gettime(int clock, struct timespec *now)
    PYT__TIME64("__clock_gettime64", "__clock_gettime64");
long syscall(long number, ...);
#if defined(PYTHREADING_DUMMY)
int nanosleep(const struct timespec *time, struct timespec *left)
    PYT__TIME64("__nanosleep_time64", "__nanosleep64");
#else
int pthread_condattr_setclock(pthread_condattr_t *attributes, int clock);
int pthread_setname_np(pthread_t thread, const char *name);
#endif
PYT__EXTERN_C_END
#define PYT__CLOCK 1 /* CLOCK_MONOTONIC */
#define PYT__NAME_SIZE 16
#define PYT__SET_NAME(thread, name) ((void)pthread_setname_np((thread), (name)))
#define PYT__THREAD_ID() syscall(SYS_gettid)
#elif defined(__APPLE__)
/* What <pthread.h> hides where _POSIX_C_SOURCE is defined. CLOCK_MONOTONIC is the calendar less the
 * time of the start there; CLOCK_UPTIME_RAW is the clock that timed waits follow. */
#if !defined(PYTHREADING_DUMMY)
PYT__EXTERN_C_BEGIN
int pthread_main_np(void);
int pthread_setname_np(const char *name);
int pthread_threadid_np(pthread_t thread, uint64_t *id);
int pthread_cond_timedwait_relative_np(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                       const struct timespec *time);
void _tlv_atexit(void (*function)(void *), void *arg);
PYT__EXTERN_C_END
#endif
#ifndef _SC_NPROCESSORS_ONLN
#define _SC_NPROCESSORS_ONLN 58
#endif
#define PYT__CLOCK (clockid_t)8 /* CLOCK_UPTIME_RAW */
#define PYT__NAME_SIZE 64
/* A thread can name itself alone. */
#define PYT__SET_NAME(thread, name) \
    ((void)((thread) == pthread_self() ? pthread_setname_np(name) : 0))
#elif !defined(CLOCK_MONOTONIC)
#error "POSIX is hidden: compile with -std=gnu11, or -D_POSIX_C_SOURCE=200809L"
#else
#define PYT__CLOCK CLOCK_MONOTONIC
#if defined(__FreeBSD__)
PYT__EXTERN_C_BEGIN
int pthread_getthreadid_np(void);
int pthread_main_np(void);
void pthread_set_name_np(pthread_t thread, const char *name);
PYT__EXTERN_C_END
#ifndef _SC_NPROCESSORS_ONLN
#define _SC_NPROCESSORS_ONLN 58
#endif
#define PYT__NAME_SIZE 20
#define PYT__SET_NAME(thread, name) pthread_set_name_np((thread), (name))
#define PYT__THREAD_ID() pthread_getthreadid_np()
#elif defined(__OpenBSD__)
PYT__EXTERN_C_BEGIN
pid_t getthrid(void);
int pthread_main_np(void);
void pthread_set_name_np(pthread_t thread, const char *name);
PYT__EXTERN_C_END
#ifndef _SC_NPROCESSORS_ONLN
#define _SC_NPROCESSORS_ONLN 503
#endif
#define PYT__NAME_SIZE 24
#define PYT__SET_NAME(thread, name) pthread_set_name_np((thread), (name))
#define PYT__THREAD_ID() getthrid()
#elif defined(__NetBSD__)
PYT__EXTERN_C_BEGIN
int _lwp_self(void);
int pthread_setname_np(pthread_t thread, const char *format, void *arg);
PYT__EXTERN_C_END
#ifndef _SC_NPROCESSORS_ONLN
#define _SC_NPROCESSORS_ONLN 1002
#endif
#define PYT__NAME_SIZE 32
#define PYT__SET_NAME(thread, name) ((void)pthread_setname_np((thread), "%s", (name)))
#define PYT__THREAD_ID() _lwp_self()
#endif
#endif

/* Fork's child makes mutexes anew that threads of the parent may have held. Where a mutex is memory
 * of the system's own, that would be lost each time and could fail: there the thread that forks
 * holds all of them meanwhile, and lets them go on both sides. The same is done wherever it is not
 * known. Conditions are made anew where they may list threads of the parent; those of FreeBSD and
 * OpenBSD, which are memory of the system's own too, do not. */
#if defined(__linux__) || defined(__APPLE__) || defined(PYTHREADING_DUMMY)
#define PYT__FORK_RENEWS 1
#else
#define PYT__FORK_RENEWS 0
#endif
#if defined(PYT__FORK_KEEPS_CONDS)
#elif defined(__FreeBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define PYT__FORK_KEEPS_CONDS 1
#else
#define PYT__FORK_KEEPS_CONDS 0
#endif

/* ---- POSIX, below every backend ---- */

static int64_t pyt__os_now(void) {
    struct timespec now;
    clock_gettime(PYT__CLOCK, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#if defined(PYTHREADING_DUMMY) && !defined(__linux__)
#undef PYT__THREAD_ID /* the only thread is the process */
#endif
#if defined(PYT__THREAD_ID)
#elif defined(__wasi__)
#define PYT__THREAD_ID() 1 /* a process has no number there */
#elif defined(PYTHREADING_DUMMY)
#define PYT__THREAD_ID() getpid()
#else
#define PYT__THREAD_ID() (uintptr_t) pthread_self()
#endif

static unsigned long pyt__os_thread_id(void) {
#if defined(__APPLE__) && !defined(PYTHREADING_DUMMY)
    uint64_t id = 0;
    pthread_threadid_np(pthread_self(), &id);
    return (unsigned long)id;
#else
    return (unsigned long)PYT__THREAD_ID();
#endif
}

static unsigned long pyt__os_main_id(void) {
#if defined(__linux__)
    return (unsigned long)getpid();
#else
    return 0;
#endif
}

static bool pyt__os_is_main(void) {
#if defined(PYTHREADING_DUMMY)
    return true;
#elif defined(__linux__)
    return pyt__os_thread_id() == pyt__os_main_id();
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)
    return pthread_main_np() != 0;
#else
    static PYT__ATOMIC(uintptr_t) first; /* the first caller is taken for it */
    uintptr_t expected = 0;
    uintptr_t self = (uintptr_t)&pyt__me;
    return PYT__CAS(&first, &expected, self, relaxed) || expected == self;
#endif
}

static struct timespec pyt__timespec(int64_t nanoseconds) {
    struct timespec result;
    int64_t seconds = nanoseconds / 1000000000;
    if (sizeof result.tv_sec < 8 && seconds > INT32_MAX) {
        seconds = INT32_MAX; /* the wait ends early and is taken up again */
    }
    result.tv_sec = (time_t)seconds;
    result.tv_nsec = (long)(nanoseconds % 1000000000);
    return result;
}

static unsigned pyt__os_processors(void) {
    long count = 0;
#if defined(__linux__)
    unsigned long mask[128];
    int saved = errno;
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    errno = saved;
    for (long i = 0; i < bytes / (long)sizeof mask[0]; i++) {
        for (unsigned long bits = mask[i]; bits != 0; bits &= bits - 1) {
            count++;
        }
    }
#elif defined(__FreeBSD__)
    cpuset_t mine;
    int saved = errno;
    if (cpuset_getaffinity(CPU_LEVEL_WHICH, CPU_WHICH_PID, -1, sizeof mine, &mine) == 0) {
        count = CPU_COUNT(&mine);
    }
    errno = saved;
#endif
    if (count <= 0) {
        count = sysconf(_SC_NPROCESSORS_ONLN);
    }
    return count > 0 ? (unsigned)count : 1;
}

#if !defined(PYTHREADING_DUMMY)

/* thread   a pyt__os_thread, or NULL for the calling thread */
static void pyt__os_set_name(const void *thread, const char *name) {
#if defined(PYT__SET_NAME)
    char shortened[PYT__NAME_SIZE];
    int saved = errno;
    pyt__cut_name(shortened, sizeof shortened, name);
    pthread_t named = thread != NULL ? *(const pthread_t *)thread : pthread_self();
    PYT__SET_NAME(named, shortened);
    errno = saved;
#else
    (void)thread;
    (void)name;
#endif
}

static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    return !PYT__FAULT("at_fork") && pthread_atfork(before, parent, child) == 0;
}

static bool pyt__os_parallel(void) {
    int saved = errno;
    bool parallel = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    errno = saved;
    return parallel;
}

static int pyt__os_processor(void) {
#if defined(__linux__)
    int saved = errno;
    int processor = sched_getcpu();
    errno = saved;
    return processor;
#else
    return -1;
#endif
}

static bool pyt__os_is_alone(void) {
    return false;
}

/* A thread with a stack of a size of its own: a pthread under both backends. Some systems take
 * whole pages only, and have a least size above Python's. */
static bool pyt__pthread_start(pthread_t *thread, size_t stack_size, void *(*entry)(void *),
                               void *arg) {
    int saved = errno;
    pthread_attr_t attributes;
    if (PYT__FAULT("thread_attributes") || pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool started = false;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    long least = sysconf(_SC_THREAD_STACK_MIN);
    if (stack_size > 0 && least > 0 && stack_size < (size_t)least) {
        stack_size = (size_t)least;
    }
    if (stack_size % page != 0 && stack_size <= SIZE_MAX - page) {
        stack_size += page - stack_size % page;
    }
    if (stack_size == 0 || pthread_attr_setstacksize(&attributes, stack_size) == 0) {
        started = pthread_create(thread, &attributes, entry, arg) == 0;
    }
    pthread_attr_destroy(&attributes);
    errno = saved;
    return started;
}

static bool pyt__pthread_cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    if (PYT__FAULT("cond_init") || pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool made = true;
#if !defined(__APPLE__)
    made = pthread_condattr_setclock(&attributes, PYT__CLOCK) == 0;
#endif
    made = made && pthread_cond_init(cond, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

/* A thread ends: what hangs on its page is given back. Where thread-local variables are memory on a
 * key of the system's, that may have been freed before, and `self` is not the page any more. */
static void pyt__pthread_left(void *self) {
    if (self == &pyt__me) {
        pyt__retire(self);
    }
}

static void *pyt__pthread_entry(void *arg) {
#if defined(__linux__)
    pyt__thread_main(arg);
#else /* pthread_exit runs this while the page is there for certain */
    pthread_cleanup_push(pyt__pthread_left, &pyt__me);
    pyt__thread_main(arg);
    pthread_cleanup_pop(0);
#endif
    return NULL;
}

#endif /* !PYTHREADING_DUMMY */

#endif /* PYTHREADING_PLATFORM, PYT__WINDOWS, POSIX */

/* ---- what a thread passes on to those it starts ---- */

#if defined(PYTHREADING_DUMMY) || defined(PYT__WINDOWS) || defined(PYTHREADING_PLATFORM)

typedef char pyt__os_traits;

static PYT__UNUSED void pyt__os_traits_get(pyt__os_traits *traits) {
    *traits = 0;
}

static PYT__UNUSED void pyt__os_traits_set(const pyt__os_traits *traits) {
    (void)traits;
}

static PYT__UNUSED void pyt__os_traits_set_main(void) {
}

static void pyt__os_block(pyt__os_traits *before) {
    *before = 0;
}

static void pyt__os_unblock(const pyt__os_traits *before) {
    (void)before;
}

#else

#if defined(__GLIBC__)
typedef __sigset_t pyt__os_signals;
#else
typedef sigset_t pyt__os_signals;
#endif
#if defined(SIG_SETMASK)
#define PYT__SIG_SETMASK SIG_SETMASK
#else
#define PYT__SIG_SETMASK 2
PYT__EXTERN_C_BEGIN
int pthread_sigmask(int how, const pyt__os_signals *set, pyt__os_signals *before);
int sigfillset(pyt__os_signals *set);
PYT__EXTERN_C_END
#endif

/* Two of them are equal when their bytes are. */
typedef struct pyt__os_traits {
    pyt__os_signals blocked;
#if defined(__linux__)
    uint64_t scheduling[6]; /* the system's struct sched_attr */
    unsigned long processors[128];
    long processors_size;
#endif
} pyt__os_traits;

#if defined(__linux__)
#define PYT__RESET_ON_FORK 1

/* thread  0: the calling one */
static void pyt__os_get_scheduling(pyt__os_traits *traits, long thread) {
    traits->processors_size =
        syscall(SYS_sched_getaffinity, thread, sizeof traits->processors, traits->processors);
#if defined(SYS_sched_getattr)
    if (syscall(SYS_sched_getattr, thread, traits->scheduling, sizeof traits->scheduling, 0) != 0) {
        traits->scheduling[0] = 0;
    }
#endif
}

static void pyt__os_set_scheduling(const pyt__os_traits *traits) {
#if defined(SYS_sched_getattr)
    if (traits->scheduling[0] != 0 && !(traits->scheduling[1] & PYT__RESET_ON_FORK)) {
        (void)syscall(SYS_sched_setattr, 0, traits->scheduling, 0);
    }
#endif
    if (traits->processors_size > 0) {
        (void)syscall(SYS_sched_setaffinity, 0, traits->processors_size, traits->processors);
    }
}
#endif

static void pyt__os_traits_get(pyt__os_traits *traits) {
    memset(traits, 0, sizeof *traits);
    (void)pthread_sigmask(PYT__SIG_SETMASK, NULL, &traits->blocked);
#if defined(__linux__)
    int saved = errno;
    pyt__os_get_scheduling(traits, 0);
    errno = saved;
#endif
}

static void pyt__os_traits_set(const pyt__os_traits *traits) {
#if defined(__linux__)
    int saved = errno;
    pyt__os_set_scheduling(traits);
    errno = saved;
#endif
    (void)pthread_sigmask(PYT__SIG_SETMASK, &traits->blocked, NULL);
}

static void pyt__os_traits_set_main(void) {
#if defined(__linux__)
    pyt__os_traits traits;
    memset(&traits, 0, sizeof traits);
    pyt__os_get_scheduling(&traits, (long)getpid());
    pyt__os_set_scheduling(&traits);
#endif
}

static void pyt__os_block(pyt__os_traits *before) {
    pyt__os_signals all;
    (void)sigfillset(&all);
    (void)pthread_sigmask(PYT__SIG_SETMASK, &all, &before->blocked);
}

static void pyt__os_unblock(const pyt__os_traits *before) {
    (void)pthread_sigmask(PYT__SIG_SETMASK, &before->blocked, NULL);
}

#endif

#if defined(PYTHREADING_PLATFORM)

/* Every backend is the platform's. */

#elif defined(PYTHREADING_DUMMY)

/* ---- the backend without threads ----
 *
 * A started thread runs at once, in the starter's place: with an empty page of its own, like any
 * new thread, while the starter's waits aside. */

typedef char pyt__os_mutex;
typedef char pyt__os_cond;
typedef char pyt__os_thread;
typedef char pyt__os_key;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    (void)mutex;
    return !PYT__FAULT("mutex_init");
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    (void)mutex;
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    (void)mutex;
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    (void)mutex;
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    (void)cond;
    return !PYT__FAULT("cond_init");
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    (void)cond;
}

/* No other thread can signal: waiting is letting the time pass. */
static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    int64_t left = deadline - pyt__os_now();
    (void)cond;
    (void)mutex;
    if (left > 0) {
#if defined(PYT__WINDOWS)
        Sleep(pyt__milliseconds(left));
#else
        int saved = errno;
        struct timespec pause = pyt__timespec(left);
        nanosleep(&pause, NULL);
        errno = saved;
#endif
    }
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    (void)cond;
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    (void)thread;
    (void)stack_size;
    if (PYT__FAULT("thread_start")) {
        return false;
    }
    static const pyt__self fresh = PYT__ZERO;
    pyt__self starter = pyt__me;
    pyt__me = fresh;
    pyt__me.pyt__is_main = starter.pyt__is_main;
    pyt__thread_main(arg);
    pyt__me = starter;
    return true;
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    (void)thread;
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    (void)thread;
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    abort(); /* the only thread is the main thread, which exits instead */
}

static void pyt__os_yield(void) {
}

static bool pyt__os_key_make(pyt__os_key *key) {
    *key = 0;
    return !PYT__FAULT("key_make");
}

static void pyt__os_key_drop(pyt__os_key key) {
    (void)key;
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    (void)key;
    return !(value != NULL && PYT__FAULT("key_set"));
}

static void pyt__os_set_name(const void *thread, const char *name) {
    (void)thread;
    (void)name;
}

/* The child of a fork has the one thread, as before. */
static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    (void)before;
    (void)parent;
    (void)child;
    return !PYT__FAULT("at_fork");
}

static bool pyt__os_parallel(void) {
    return false;
}

static int pyt__os_processor(void) {
    return -1;
}

static void pyt__os_relax(void) {
}

static bool pyt__os_is_alone(void) {
    return false;
}

#elif defined(PYT__WINDOWS)

/* ---- the Win32 backend ---- */

typedef SRWLOCK pyt__os_mutex;
typedef CONDITION_VARIABLE pyt__os_cond;
typedef HANDLE pyt__os_thread;
typedef DWORD pyt__os_key;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    InitializeSRWLock(mutex);
    return !PYT__FAULT("mutex_init");
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    (void)mutex;
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    AcquireSRWLockExclusive(mutex);
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    ReleaseSRWLockExclusive(mutex);
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    InitializeConditionVariable(cond);
    return !PYT__FAULT("cond_init");
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    (void)cond;
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    SleepConditionVariableSRW(cond, mutex, INFINITE, 0);
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    SleepConditionVariableSRW(cond, mutex, pyt__milliseconds(deadline - pyt__os_now()), 0);
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    WakeConditionVariable(cond);
}

static unsigned __stdcall pyt__os_entry(void *arg) {
    pyt__thread_main(arg);
    return 0;
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    if (PYT__FAULT("thread_start") || stack_size > UINT_MAX) {
        return false;
    }
    int saved = errno;
    uintptr_t handle = _beginthreadex(NULL, (unsigned)stack_size, pyt__os_entry, arg,
                                      STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    errno = saved;
    *thread = (HANDLE)handle;
    return handle != 0;
}

/* The handle says that the thread is over when its last callback has returned. */
static void pyt__os_thread_join(pyt__os_thread thread) {
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    CloseHandle(thread);
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    _endthreadex(0);
    abort(); /* for compilers whose headers do not say that it never returns */
}

static void pyt__os_yield(void) {
    SwitchToThread();
}

static PYT__THREAD_LOCAL bool pyt__os_key_ended; /* the callback has run, and will not again */

/* Also called for a fiber that another thread deletes: then `value` is not the calling thread's. */
static void WINAPI pyt__os_key_end(void *value) {
    if (value != &pyt__me || pyt__os_is_alone()) {
        return;
    }
    pyt__retire(value);
    pyt__os_key_ended = !IsThreadAFiber();
    if (!pyt__os_key_ended) { /* a fiber was deleted: the thread goes on and may come back */
        pyt__me.pyt__rounds = 0;
        pyt__me.pyt__gone = false;
    }
}

static bool pyt__os_key_make(pyt__os_key *key) {
    pyt__os_find_all();
    *key = PYT__FAULT("key_make") ? FLS_OUT_OF_INDEXES : FlsAlloc(pyt__os_key_end);
    return *key != FLS_OUT_OF_INDEXES;
}

static void pyt__os_key_drop(pyt__os_key key) {
    FlsFree(key);
}

/* The value stays when it is to go: the callback sees by the page that there is nothing to do, and
 * has to run to know that it has. */
static bool pyt__os_key_set(pyt__os_key key, void *value) {
    return value == NULL ||
           (!PYT__FAULT("key_set") && !pyt__os_key_ended && FlsSetValue(key, value) != 0);
}

#elif !defined(PYT__PTHREADS)

/* ---- the C11 backend ---- */

typedef mtx_t pyt__os_mutex;
typedef cnd_t pyt__os_cond;
typedef thrd_t pyt__os_thread;
typedef tss_t pyt__os_key;

/* The system's own functions lack nothing but memory here. Any other result is that of an emulation
 * of C11's threads in the program, which has taken the name and counts its success otherwise. */
static bool pyt__c11_made(int result) {
    if (result != thrd_success && result != thrd_nomem) {
        pyt__me.pyt__cause = "another object of the program defines C11's names, as mtx_init: "
                             "define PYTHREADING_PTHREADS";
    }
    return result == thrd_success;
}

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    return !PYT__FAULT("mutex_init") && pyt__c11_made(mtx_init(mutex, mtx_plain));
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    mtx_destroy(mutex);
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    (void)mtx_lock(mutex);
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    (void)mtx_unlock(mutex);
}

PYT__STATIC_ASSERT(sizeof(cnd_t) == sizeof(pthread_cond_t), "a cnd_t is a pthread_cond_t");
PYT__STATIC_ASSERT(sizeof(thrd_t) == sizeof(pthread_t), "a thrd_t is a pthread_t");

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    return pyt__pthread_cond_init((pthread_cond_t *)cond);
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    cnd_destroy(cond);
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    (void)cnd_wait(cond, mutex);
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    struct timespec until = pyt__timespec(deadline);
    (void)cnd_timedwait(cond, mutex, &until);
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    (void)cnd_signal(cond);
}

#if defined(__GLIBC__)
static int pyt__os_entry(void *arg) {
    pyt__thread_main(arg);
    return 0;
}
#endif

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    if (PYT__FAULT("thread_start")) {
        return false;
    }
#if defined(__GLIBC__)
    if (stack_size == 0) {
        int saved = errno;
        bool started = thrd_create(thread, pyt__os_entry, arg) == thrd_success;
        errno = saved;
        return started;
    }
#endif /* musl's thrd_create starts a thread in which all signals are blocked */
    return pyt__pthread_start((pthread_t *)thread, stack_size, pyt__pthread_entry, arg);
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    (void)thrd_join(thread, NULL);
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    (void)thrd_detach(thread);
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    thrd_exit(0);
}

static void pyt__os_yield(void) {
    thrd_yield();
}

static bool pyt__os_key_make(pyt__os_key *key) {
    return !PYT__FAULT("key_make") && tss_create(key, pyt__pthread_left) == thrd_success;
}

static void pyt__os_key_drop(pyt__os_key key) {
    tss_delete(key);
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    return !(value != NULL && PYT__FAULT("key_set")) && tss_set(key, value) == thrd_success;
}

#else

/* ---- the pthread backend ---- */

typedef pthread_mutex_t pyt__os_mutex;
typedef pthread_cond_t pyt__os_cond;
typedef pthread_t pyt__os_thread;
typedef pthread_key_t pyt__os_key;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    return !PYT__FAULT("mutex_init") && pthread_mutex_init(mutex, NULL) == 0;
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    pthread_mutex_destroy(mutex);
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    pthread_mutex_lock(mutex);
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    pthread_mutex_unlock(mutex);
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    return pyt__pthread_cond_init(cond);
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    pthread_cond_destroy(cond);
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    pthread_cond_wait(cond, mutex);
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
#if defined(__APPLE__)
    int64_t left = deadline - pyt__os_now();
    struct timespec relative = pyt__timespec(left > 0 ? left : 0);
    pthread_cond_timedwait_relative_np(cond, mutex, &relative);
#else
    struct timespec until = pyt__timespec(deadline);
    pthread_cond_timedwait(cond, mutex, &until);
#endif
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    pthread_cond_signal(cond);
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    return !PYT__FAULT("thread_start") &&
           pyt__pthread_start(thread, stack_size, pyt__pthread_entry, arg);
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    pthread_join(thread, NULL);
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    pthread_detach(thread);
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    pthread_exit(NULL);
}

static void pyt__os_yield(void) {
    sched_yield();
}

#if defined(__APPLE__)

/* Apple frees thread-local variables by a key of the system's, which is older than any of ours and
 * comes first: only what _tlv_atexit notes runs before. At exit() it runs as well, in the thread
 * that calls that. So the main thread has none, and those of the library's own have a cleanup
 * handler instead. */
static bool pyt__os_key_make(pyt__os_key *key) {
    *key = 0;
    return !PYT__FAULT("key_make");
}

static void pyt__os_key_drop(pyt__os_key key) {
    (void)key;
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    (void)key;
    if (value == NULL) {
        return true;
    }
    if (PYT__FAULT("key_set")) {
        return false;
    }
    if (pyt__me.pyt__ident == 0 && pthread_main_np() == 0) {
        _tlv_atexit(pyt__pthread_left, value);
    }
    return true;
}

#else

static bool pyt__os_key_make(pyt__os_key *key) {
    return !PYT__FAULT("key_make") && pthread_key_create(key, pyt__pthread_left) == 0;
}

static void pyt__os_key_drop(pyt__os_key key) {
    pthread_key_delete(key);
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    return !(value != NULL && PYT__FAULT("key_set")) && pthread_setspecific(key, value) == 0;
}

#endif

#endif

#if defined(PYTHREADING_SIMULATE)

/* ---- the simulated backend ----
 *
 * In a run of pyt_simulate exactly one thread has the baton; each other one waits at its own gate.
 * Every function here that matters to others first asks the scheduler, in the simulate room, which
 * thread runs next. Outside of a run everything goes to the backend below. No object is used both
 * in a run and outside: each run has a library state of its own.
 *
 * Simulated threads are threads of the backend below, not stacks that are switched (ucontext): a
 * stack has no thread-local storage of its own, neither the program's nor the library's record,
 * and debuggers and sanitizers lose track of it. A switch costs 2 us for that, with all threads on
 * one processor, where the waker need not reach another one; switching stacks costs 0.3 us. */

#undef pyt__thread_main
#undef pyt__retire
#undef pyt__os_mutex
#undef pyt__os_mutex_init
#undef pyt__os_mutex_destroy
#undef pyt__os_mutex_lock
#undef pyt__os_mutex_unlock
#undef pyt__os_cond
#undef pyt__os_cond_init
#undef pyt__os_cond_destroy
#undef pyt__os_cond_wait
#undef pyt__os_cond_wait_until
#undef pyt__os_cond_signal
#undef pyt__os_thread
#undef pyt__os_thread_start
#undef pyt__os_thread_join
#undef pyt__os_thread_detach
#undef pyt__os_thread_exit
#undef pyt__os_yield
#undef pyt__os_key
#undef pyt__os_key_make
#undef pyt__os_key_drop
#undef pyt__os_key_set
#undef pyt__os_now
#undef pyt__os_thread_id
#undef pyt__os_main_id
#undef pyt__os_is_main
#undef pyt__os_set_name
#undef pyt__os_at_fork
#undef pyt__os_parallel
#undef pyt__os_processors
#undef pyt__os_processor
#undef pyt__os_relax

typedef struct pyt__sim_thread pyt__sim_thread; /* the simulate room's */

typedef struct pyt__os_mutex {
    pyt__below_mutex below;
    pyt__sim_thread *holder; /* in a run */
} pyt__os_mutex;

typedef struct pyt__os_cond {
    pyt__below_cond below;
} pyt__os_cond;

typedef union pyt__os_thread {
    pyt__below_thread below;
    pyt__sim_thread *simulated; /* in a run */
} pyt__os_thread;

typedef pyt__below_key pyt__os_key;

/* The calling thread in a run, without a scheduling step; NULL: not in a run. */
static pyt__sim_thread *pyt__sim_self(void);

/* The simulate room's part of the functions below, for the calling thread. */
static void pyt__sim_mutex_lock(pyt__sim_thread *self, pyt__os_mutex *mutex);
static void pyt__sim_mutex_unlock(pyt__sim_thread *self, pyt__os_mutex *mutex);
static void pyt__sim_cond_wait(pyt__sim_thread *self, pyt__os_cond *cond, pyt__os_mutex *mutex,
                               int64_t deadline);
static void pyt__sim_cond_signal(pyt__sim_thread *self, pyt__os_cond *cond);
static pyt__sim_thread *pyt__sim_thread_start(pyt__sim_thread *self, size_t stack_size, void *arg);
static void pyt__sim_thread_join(pyt__sim_thread *self, pyt__sim_thread *other);
PYT__NORETURN static void pyt__sim_thread_exit(pyt__sim_thread *self);
static void pyt__sim_yield(pyt__sim_thread *self);
static void pyt__sim_set_value(pyt__sim_thread *self, void *value);
static int64_t pyt__sim_now(void);
static unsigned long pyt__sim_thread_number(const pyt__sim_thread *self);
static const pyt__below_thread *pyt__sim_thread_below(const pyt__sim_thread *thread);
static void pyt__sim_thread_main(pyt__sim_thread *self);
static void pyt__sim_thread_left(pyt__sim_thread *self);

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    mutex->holder = NULL;
    return pyt__sim_self() != NULL ? !PYT__FAULT("mutex_init")
                                   : pyt__below_mutex_init(&mutex->below);
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    if (pyt__sim_self() == NULL) {
        pyt__below_mutex_destroy(&mutex->below);
    }
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_mutex_lock(self, mutex);
    } else {
        pyt__below_mutex_lock(&mutex->below);
    }
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_mutex_unlock(self, mutex);
    } else {
        pyt__below_mutex_unlock(&mutex->below);
    }
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    return pyt__sim_self() != NULL ? !PYT__FAULT("cond_init") : pyt__below_cond_init(&cond->below);
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    if (pyt__sim_self() == NULL) {
        pyt__below_cond_destroy(&cond->below);
    }
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_cond_wait(self, cond, mutex, INT64_MAX);
    } else {
        pyt__below_cond_wait(&cond->below, &mutex->below);
    }
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_cond_wait(self, cond, mutex, deadline);
    } else {
        pyt__below_cond_wait_until(&cond->below, &mutex->below, deadline);
    }
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_cond_signal(self, cond);
    } else {
        pyt__below_cond_signal(&cond->below);
    }
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self == NULL) {
        return pyt__below_thread_start(&thread->below, stack_size, arg);
    }
    thread->simulated = pyt__sim_thread_start(self, stack_size, arg);
    return thread->simulated != NULL;
}

/* What a thread of the backend below runs. The lowest bit tells a simulated one. */
static void pyt__below_main(void *arg) {
    if ((uintptr_t)arg & 1) {
        pyt__sim_thread_main((pyt__sim_thread *)((uintptr_t)arg - 1));
    } else {
        pyt__thread_main(arg);
    }
}

/* What the backend below calls when a thread ends that has set a value with its key. */
static void pyt__below_retire(void *value) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_thread_left(self);
    } else {
        pyt__retire(value);
    }
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_thread_join(self, thread.simulated);
    } else {
        pyt__below_thread_join(thread.below);
    }
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    if (pyt__sim_self() == NULL) { /* a simulated one is joined by the thread that runs after it */
        pyt__below_thread_detach(thread.below);
    }
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_thread_exit(self);
    }
    pyt__below_thread_exit();
}

static void pyt__os_yield(void) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL) {
        pyt__sim_yield(self);
    } else {
        pyt__below_yield();
    }
}

static bool pyt__os_key_make(pyt__os_key *key) {
    return pyt__sim_self() != NULL ? !PYT__FAULT("key_make") : pyt__below_key_make(key);
}

static void pyt__os_key_drop(pyt__os_key key) {
    if (pyt__sim_self() == NULL) {
        pyt__below_key_drop(key);
    }
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self == NULL) {
        return pyt__below_key_set(key, value);
    }
    if (value != NULL && PYT__FAULT("key_set")) {
        return false;
    }
    pyt__sim_set_value(self, value);
    return true;
}

static int64_t pyt__os_now(void) {
    return pyt__sim_self() != NULL ? pyt__sim_now() : pyt__below_now();
}

static unsigned long pyt__os_thread_id(void) {
    pyt__sim_thread *self = pyt__sim_self();
    return self != NULL ? pyt__sim_thread_number(self) : pyt__below_thread_id();
}

static bool pyt__os_is_main(void) {
    pyt__sim_thread *self = pyt__sim_self();
    return self != NULL ? pyt__sim_thread_number(self) == 1 : pyt__below_is_main();
}

static unsigned long pyt__os_main_id(void) {
    return pyt__sim_self() != NULL ? 1 : pyt__below_main_id();
}

static void pyt__os_set_name(const void *thread, const char *name) {
    if (pyt__sim_self() != NULL && thread != NULL) {
        thread = pyt__sim_thread_below(((const pyt__os_thread *)thread)->simulated);
    }
    pyt__below_set_name(thread, name);
}

static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    return pyt__sim_self() != NULL ? !PYT__FAULT("at_fork")
                                   : pyt__below_at_fork(before, parent, child);
}

static bool pyt__os_parallel(void) {
    return pyt__sim_self() == NULL && pyt__below_parallel();
}

/* The same on every machine. */
static unsigned pyt__os_processors(void) {
    return pyt__sim_self() != NULL ? 2 : pyt__below_processors();
}

static int pyt__os_processor(void) {
    return pyt__sim_self() != NULL ? -1 : pyt__below_processor();
}

static void pyt__os_relax(void) {
    if (pyt__sim_self() == NULL) {
        pyt__below_relax();
    }
}

/* ---- what the scheduler needs of the system ---- */

/* A gate lets the one thread through that waits at it, once for each time it is opened. */
#if defined(__linux__) && !defined(PYTHREADING_PLATFORM)

typedef struct pyt__gate {
    PYT__ATOMIC(uint32_t) open;
} pyt__gate;

#define PYT__FUTEX_WAIT 128 /* FUTEX_WAIT | FUTEX_PRIVATE_FLAG */
#define PYT__FUTEX_WAKE 129 /* FUTEX_WAKE | FUTEX_PRIVATE_FLAG */

static bool pyt__gate_init(pyt__gate *gate) {
    PYT__RAW_STORE(&gate->open, 0, relaxed);
    return true;
}

static void pyt__gate_open(pyt__gate *gate) {
    PYT__RAW_STORE(&gate->open, 1, release); /* pairs with the swap in pyt__gate_wait */
    (void)syscall(SYS_futex, &gate->open, PYT__FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Wait, as long as `seconds` or, with 0, for ever. Returns false when the time was up. */
static bool pyt__gate_wait(pyt__gate *gate, int seconds) {
    int saved = errno;
    struct {
        long seconds, nanoseconds;
    } time = {seconds, 0};
    bool late = false;
    while (PYT__RAW_SWAP(&gate->open, 0, acquire) == 0 && !late) {
        long status = syscall(SYS_futex, &gate->open, PYT__FUTEX_WAIT, 0,
                              seconds > 0 ? &time : NULL, NULL, 0);
        late = status != 0 && errno == ETIMEDOUT;
    }
    errno = saved;
    return !late;
}

#else

typedef struct pyt__gate {
    pyt__below_mutex mutex;
    pyt__below_cond cond;
    bool open, made;
} pyt__gate;

static bool pyt__gate_init(pyt__gate *gate) {
    gate->open = false;
    if (!gate->made && pyt__below_mutex_init(&gate->mutex)) {
        gate->made = pyt__below_cond_init(&gate->cond);
    }
    return gate->made;
}

static void pyt__gate_open(pyt__gate *gate) {
    pyt__below_mutex_lock(&gate->mutex);
    gate->open = true;
    pyt__below_cond_signal(&gate->cond);
    pyt__below_mutex_unlock(&gate->mutex);
}

static bool pyt__gate_wait(pyt__gate *gate, int seconds) {
    int64_t deadline = seconds > 0 ? pyt__below_now() + seconds * INT64_C(1000000000) : INT64_MAX;
    pyt__below_mutex_lock(&gate->mutex);
    while (!gate->open && (seconds == 0 || pyt__below_now() < deadline)) {
        if (seconds == 0) {
            pyt__below_cond_wait(&gate->cond, &gate->mutex);
        } else {
            pyt__below_cond_wait_until(&gate->cond, &gate->mutex, deadline);
        }
    }
    bool open = gate->open;
    gate->open = false;
    pyt__below_mutex_unlock(&gate->mutex);
    return open;
}

#endif

/* Memory from the system, zeroed, not from an allocator that the program may look at. */
#if defined(PYTHREADING_PLATFORM)
static void *pyt__below_memory(size_t size) {
    void *memory = PYTHREADING_MALLOC(size);
    return memory != NULL ? memset(memory, 0, size) : NULL;
}

static void pyt__below_memory_free(void *memory, size_t size) {
    (void)size;
    PYTHREADING_FREE(memory);
}
#elif defined(PYT__WINDOWS)
static void *pyt__below_memory(size_t size) {
    return VirtualAlloc(NULL, size, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE);
}

static void pyt__below_memory_free(void *memory, size_t size) {
    (void)size;
    VirtualFree(memory, 0, MEM_RELEASE);
}
#else
static void *pyt__below_memory(size_t size) {
    int saved = errno;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | PYT__MAP_ANONYMOUS, -1, 0);
    errno = saved;
    return memory != MAP_FAILED ? memory : NULL;
}

static void pyt__below_memory_free(void *memory, size_t size) {
    (void)munmap(memory, size);
}
#endif

/* Keep the calling thread, and those it starts, on the processor it runs on; or take that back. */
typedef struct pyt__pinning {
    unsigned long mask[128];
    long bytes; /* 0: nothing was done */
} pyt__pinning;

#if defined(__linux__) && !defined(PYTHREADING_PLATFORM)
static void pyt__below_pin(pyt__pinning *pinning) {
    int saved = errno;
    int processor = sched_getcpu();
    unsigned long one[128] = {0};
    pinning->bytes = syscall(SYS_sched_getaffinity, 0, sizeof pinning->mask, pinning->mask);
    if (pinning->bytes > 0 && processor >= 0 && (size_t)processor / 8 < sizeof one) {
        size_t bits = sizeof one[0] * 8;
        one[(size_t)processor / bits] = 1UL << (size_t)processor % bits;
        (void)syscall(SYS_sched_setaffinity, 0, pinning->bytes, one);
    }
    errno = saved;
}

static void pyt__below_unpin(const pyt__pinning *pinning) {
    int saved = errno;
    if (pinning->bytes > 0) {
        (void)syscall(SYS_sched_setaffinity, 0, pinning->bytes, pinning->mask);
    }
    errno = saved;
}
#else
static void pyt__below_pin(pyt__pinning *pinning) {
    pinning->bytes = 0;
}

static void pyt__below_unpin(const pyt__pinning *pinning) {
    (void)pinning;
}
#endif

#if defined(PYTHREADING_SIMULATE_MEMORY)

/* Where the calling thread's stack lies, its thread-local variables included: [*low, *high). */
#if defined(__linux__) && !defined(PYTHREADING_PLATFORM)
PYT__EXTERN_C_BEGIN
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes);
int pthread_attr_getstack(const pthread_attr_t *attributes, void **stack, size_t *size);
PYT__EXTERN_C_END

static bool pyt__below_stack(uintptr_t *low, uintptr_t *high) {
    pthread_attr_t attributes;
    void *stack = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) {
        return false;
    }
    bool known = pthread_attr_getstack(&attributes, &stack, &size) == 0;
    (void)pthread_attr_destroy(&attributes);
    *low = (uintptr_t)stack;
    *high = *low + size;
    return known;
}
#else
static bool pyt__below_stack(uintptr_t *low, uintptr_t *high) {
    (void)low;
    (void)high;
    return false;
}
#endif

/* The address as the program's file has it, for addr2line. */
static uintptr_t pyt__below_code(const void *code);

#if defined(__ELF__)
PYT__EXTERN_C_BEGIN
extern const unsigned char __ehdr_start[] __attribute__((weak, visibility("hidden")));
PYT__EXTERN_C_END

static uintptr_t pyt__below_code(const void *code) {
    const unsigned char *header = __ehdr_start;
    bool moved = header != NULL && header[16] == 3; /* ET_DYN: position independent */
    return (uintptr_t)code - (moved ? (uintptr_t)header : 0);
}
#else
static uintptr_t pyt__below_code(const void *code) {
    return (uintptr_t)code;
}
#endif

/* What the program allocates is new memory, whoever had it before: glibc lets a program have an
 * allocator of its own, which here is glibc's. Weak, for where that is linked statically. */
#if defined(__GLIBC__)
static void pyt__memory_allocated(void *memory, size_t size); /* the memory room's */
#if defined(__cplusplus)
#define PYT__NOTHROW noexcept
#else
#define PYT__NOTHROW
#endif
PYT__EXTERN_C_BEGIN
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

__attribute__((weak)) void *malloc(size_t size) PYT__NOTHROW {
    void *memory = __libc_malloc(size);
    pyt__memory_allocated(memory, size);
    return memory;
}

__attribute__((weak)) void *calloc(size_t count, size_t size) PYT__NOTHROW {
    void *memory = __libc_calloc(count, size);
    pyt__memory_allocated(memory, count * size);
    return memory;
}

__attribute__((weak)) void *realloc(void *memory, size_t size) PYT__NOTHROW {
    void *moved = __libc_realloc(memory, size);
    pyt__memory_allocated(moved, size);
    return moved;
}

__attribute__((weak)) void *aligned_alloc(size_t alignment, size_t size) PYT__NOTHROW {
    void *memory = __libc_memalign(alignment, size);
    pyt__memory_allocated(memory, size);
    return memory;
}

__attribute__((weak)) int posix_memalign(void **memory, size_t alignment,
                                         size_t size) PYT__NOTHROW {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) {
        return EINVAL;
    }
    void *found = __libc_memalign(alignment, size);
    if (found == NULL) {
        return ENOMEM;
    }
    pyt__memory_allocated(found, size);
    *memory = found;
    return 0;
}
PYT__EXTERN_C_END
#endif

#endif /* PYTHREADING_SIMULATE_MEMORY */

#endif /* PYTHREADING_SIMULATE */

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>spin                                     how a waiting thread stays awake before it sleeps
 *
 *  A sleep and a wake-up cost two context switches, and 20 us or more if the waker is on another
 *  CPU that was idle. A waiter that stays awake for a moment saves that, but takes the time from
 *  threads that have work to do. Every way of staying awake is bounded in nanoseconds:
 *
 *    way            when                                     bound           wins in `make bench`
 *    look briefly   before a sleep, with several CPUs        SPIN_FIRST      ping-pong, spread
 *    look on        the same, if the first yield ran none    SPIN_LONGEST    barrier of 2, spread
 *    yield          before a sleep, unless a long yield in   YIELDS,         barrier of 2 and 8,
 *                   the bucket is being repaid               YIELD_BRIEF     notify_all on one CPU
 *    look, nudged   the next waiter after the woken one      SPIN_LONGEST    notify_all of 128
 *    look at lock   before queueing for it, several CPUs     LOCK_SPIN       contended lock
 *    search         one idle worker of an executor           SEARCH_SPIN     task, 1000 at a time
 *
 *  What is learnt. Each thread keeps a backoff for spinning, one for yielding and one for spinning
 *  at locks (pyt__backoffs), each worker one for its searches. A way that failed n times in a row
 *  is left out for 2^n - 1 times as long as a try took, at most BACKOFF_LONGEST: so at most that
 *  share of the time is lost, and real time alone heals it. A new thread starts without, whatever
 *  the last owner of its parker had learnt.
 *
 *  Long yields. A yield to a thread that only computes lasts that thread's time slice, 1.4 ms here:
 *  two threads that hand over beside it, on the same CPU, would need that for what takes 7 us if
 *  they sleep at once. A yield longer than YIELD_BRIEF, in which a hundred waiting threads run one
 *  after the other, is a loss. It belongs to what was waited on: for YIELD_SHARE times as long as
 *  it lasted, threads that wait in the same bucket look briefly and then sleep. Several may write
 *  that time at once; any of their values will do.
 *
 *  Pauses. A pause lasts 40 cycles on one CPU and 140 on another, so its length is measured once.
 * ============================================================================================== */
#if PYT__DEFINE

#define PYT__FOREVER INT64_MAX /* the deadline that never comes */
#define PYT__AT_ONCE INT64_MIN /* the deadline that has passed: one look */

/* Nanoseconds. FIRST is enough for a hand-over between two running threads; LONGEST is what a
 * sleep and a wake-up cost between two CPUs. */
#define PYT__SPIN_FIRST 2500
#define PYT__SPIN_LONGEST 20000

/* Each look at a lock takes the cache line from the holder, which often needs it for the next
 * acquisition and release as well: looking after every pause makes a queue between two CPUs twice
 * as slow (`make bench ONLY="queue, 1:1"`). */
#define PYT__LOCK_SPIN 4000
#define PYT__LOCK_LOOK_EVERY 400

#define PYT__BACKOFF_LONGEST 5000000 /* nanoseconds */

/* Yields before a sleep. Threads that are woken in turn run in another order than the scheduler's:
 * a crowd of n that yields until its turn takes n * n switches. */
#define PYT__YIELDS 2

/* A yield longer than SPIN_FIRST has run another thread: alone it takes 0.4 to 1.1 us here. One
 * longer than BRIEF is a loss, of which at most BACKOFF_LONGEST is remembered; see above. With a
 * SHARE of 32 at most a 32nd of the time goes to such yields. */
#define PYT__YIELD_BRIEF 500000
#define PYT__YIELD_SHARE 32

/* Whether one way of staying awake has paid lately. */
typedef struct pyt__backoff {
    int64_t pause;  /* so long it is left out after its last failure; 0: that was none */
    int64_t resume; /* with a pause: its end */
} pyt__backoff;

/* What a thread has learnt; the thread's own. */
typedef struct pyt__backoffs {
    pyt__backoff spinning, yielding, locking;
} pyt__backoffs;

/* A wait of the calling thread, which is over when *word is `wanted`. */
typedef struct pyt__spin_wait {
    const PYT__ATOMIC(uint32_t) *word;
    uint32_t wanted;
    const PYT__ATOMIC(uint32_t) *stop; /* NULL, or: stop staying awake when it is not 0 */
    int64_t deadline;
    PYT__ATOMIC(uint32_t)
    *yields_from; /* the bucket's: no yields before, in 2^20 ns; 0: any time */
    pyt__backoffs *backoffs;
} pyt__spin_wait;

/* Can another thread run while this one does? */
static bool pyt__parallel(void) {
    static PYT__ATOMIC(int) parallel; /* 0: not asked yet, 1: no, 2: yes */
    if (PYT__SIMULATED) {
        return false; /* outside of the runs, too: whatever is learnt outside must not matter */
    }
    int answer = PYT__LOAD(&parallel, relaxed);
    if (answer == 0) {
        answer = pyt__os_parallel() ? 2 : 1;
        PYT__STORE(&parallel, answer, relaxed);
    }
    return answer == 2;
}

/* How many pauses last a microsecond, times 16. Of three measurements the fastest counts: the
 * others may have been preempted. */
static uint32_t pyt__spin_calibrate(void) {
    int64_t fastest = PYT__FOREVER;
    for (int round = 0; round < 3; round++) {
        int64_t before = pyt__os_now();
        for (int pause = 0; pause < 64; pause++) {
            pyt__os_relax();
        }
        int64_t took = pyt__os_now() - before;
        fastest = took < fastest ? took : fastest;
    }
    return (uint32_t)(INT64_C(1024000) / (fastest > 64 ? fastest : 64)) + 1;
}

/* How many pauses last so many nanoseconds; at least 1. */
static uint32_t pyt__spin_pauses(uint32_t nanoseconds) {
    static PYT__ATOMIC(uint32_t) rate; /* 0: not measured yet */
    uint32_t known = PYT__LOAD(&rate, relaxed);
    if (known == 0) {
        known = pyt__spin_calibrate();
        PYT__STORE(&rate, known, relaxed);
    }
    return (uint32_t)((uint64_t)nanoseconds * known / 16000) + 1;
}

/* May this way be tried? */
static bool pyt__backoff_allows(const pyt__backoff *backoff) {
    return backoff->pause == 0 || pyt__os_now() >= backoff->resume;
}

/* cost     of this try, in nanoseconds */
static void pyt__backoff_learn(pyt__backoff *backoff, bool good, int64_t cost) {
    if (good) {
        backoff->pause = 0;
        return;
    }
    int64_t pause = backoff->pause * 2 + cost;
    backoff->pause = pause < PYT__BACKOFF_LONGEST ? pause : PYT__BACKOFF_LONGEST;
    backoff->resume = pyt__os_now() + backoff->pause;
}

/* Look at *word for about so long. Returns whether it was `wanted`. */
static bool pyt__spin_look(const PYT__ATOMIC(uint32_t) *word, uint32_t wanted,
                           uint32_t nanoseconds) {
    for (uint32_t looks = pyt__spin_pauses(nanoseconds); looks > 0; looks--) {
        if (PYT__LOAD(word, relaxed) == wanted) {
            return true;
        }
        pyt__os_relax();
    }
    return false;
}

/* The yields of one wait. */
typedef struct pyt__yields {
    const pyt__spin_wait *wait;
    int left;
    bool repaying;      /* a long yield of this bucket is being repaid: none are allowed */
    bool met;           /* the wake-up was there after the last */
    int64_t took, lost; /* nanoseconds: of all, and of those longer than BRIEF */
    int64_t until;      /* no more after that: the deadline is too near for a time slice */
} pyt__yields;

/* Is a long yield in this bucket still being repaid? The time is a 32-bit number that wraps after
 * 52 days; a difference that no repayment can reach is an old one. */
static bool pyt__yields_repaying(const pyt__spin_wait *wait, int64_t now, uint32_t from) {
    uint32_t left = from - (uint32_t)(now >> 20);
    if (left <= (uint32_t)((int64_t)PYT__BACKOFF_LONGEST * PYT__YIELD_SHARE >> 20) + 1) {
        return true;
    }
    PYT__STORE(wait->yields_from, 0, relaxed);
    return false;
}

static pyt__yields pyt__yields_allowed(const pyt__spin_wait *wait) {
    pyt__yields yields = {wait, 0, false, false, 0, 0, PYT__FOREVER};
    uint32_t from = PYT__LOAD(wait->yields_from, relaxed);
    bool timed = wait->deadline != PYT__FOREVER;
    int64_t now = from != 0 || timed ? pyt__os_now() : 0;
    if (timed) {
        yields.until = wait->deadline - PYT__YIELD_BRIEF;
    }
    yields.repaying = from != 0 && pyt__yields_repaying(wait, now, from);
    if (!yields.repaying && now < yields.until && pyt__backoff_allows(&wait->backoffs->yielding)) {
        yields.left = PYT__YIELDS;
    }
    return yields;
}

/* Let other threads run, the waker perhaps among them.
 * Returns  the nanoseconds that it took */
static int64_t pyt__yields_do_one(pyt__yields *yields) {
    const pyt__spin_wait *wait = yields->wait;
    int64_t before = pyt__os_now();
    PYT__STEP();
    pyt__os_yield();
    PYT__STEP();
    int64_t now = pyt__os_now();
    yields->met = PYT__LOAD(wait->word, relaxed) == wait->wanted;
    yields->took += now - before;
    yields->lost += now - before > PYT__YIELD_BRIEF ? now - before : 0;
    bool enough = yields->met || yields->took > PYT__YIELD_BRIEF || now >= yields->until ||
                  (wait->stop != NULL && PYT__LOAD(wait->stop, seq_cst) != 0);
    yields->left = enough ? 0 : yields->left - 1;
    return now - before;
}

/* Between looks: is the CPU otherwise idle? If no yield is allowed, assume so unless earlier ones
 * were long. */
static bool pyt__yields_run_nobody(pyt__yields *yields) {
    if (yields->left == 0) {
        return !yields->repaying;
    }
    return pyt__yields_do_one(yields) <= PYT__SPIN_FIRST && !yields->met;
}

/* Learn from what the yields have cost or gained. */
static void pyt__yields_learn(const pyt__yields *yields) {
    if (yields->lost > 0) {
        bool much = yields->lost > PYT__BACKOFF_LONGEST;
        int64_t lost = much ? PYT__BACKOFF_LONGEST : yields->lost;
        uint32_t from = (uint32_t)((pyt__os_now() + lost * PYT__YIELD_SHARE) >> 20);
        PYT__STORE(yields->wait->yields_from, from != 0 ? from : 1, relaxed);
        return;
    }
    pyt__backoff_learn(&yields->wait->backoffs->yielding, yields->met, yields->took);
}

/* Stay awake for a while, as the table above says. A wake-up that is there already says nothing
 * about whether that pays; looks that were ended by a yield to others have not paid.
 * Returns  whether the wait is over */
static bool pyt__spin(const pyt__spin_wait *wait) {
    pyt__backoff *spinning = &wait->backoffs->spinning;
    if (PYT__LOAD(wait->word, relaxed) == wait->wanted) {
        return true;
    }
    if (PYT__SIMULATED) {
        return false; /* looking on would only be more steps */
    }
    /* 1. Look, briefly at first. The first yield comes early: if it ran another thread, looking on
     *    would keep the CPU from threads that have work to do. */
    pyt__yields yields = pyt__yields_allowed(wait);
    bool yielding = yields.left > 0;
    if (pyt__parallel() && pyt__backoff_allows(spinning)) {
        bool seen = pyt__spin_look(wait->word, wait->wanted, PYT__SPIN_FIRST) ||
                    (pyt__yields_run_nobody(&yields) &&
                     pyt__spin_look(wait->word, wait->wanted, PYT__SPIN_LONGEST));
        pyt__backoff_learn(spinning, seen, PYT__SPIN_LONGEST);
        if (seen) {
            return true;
        }
    }
    /* 2. Yield. If the waker is on the same CPU, the hand-over then costs one context switch. */
    while (yields.left > 0) {
        (void)pyt__yields_do_one(&yields);
    }
    if (yielding) {
        pyt__yields_learn(&yields);
    }
    return yields.met;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>park                                       address -> queue of waiting threads, oldest first
 *
 *  The one place where a thread sleeps, in the queue of the address it waits on.
 *
 *      waiter: pyt__park                           waker
 *      1 locks the bucket of the address
 *      2 validate, the room's: is there still      a ends the reason, looks at the mark
 *        a reason to wait? Marks the object
 *      3 enters the queue, unlocks the bucket
 *                                                  b marked: locks the bucket
 *                                                  c takes parkers out, with a token for each
 *                                                  d unlocks the bucket, unparks them
 *      4 spins, then sleeps, until unparked
 *
 *  In 2 the look and the mark are one step on one word, as are the change and the look in a; or
 *  each side first changes its own word and then looks at the other's. With a first, 2 finds no
 *  reason and pyt__park returns at once. With 2 first, a finds the mark, and b waits for 3.
 *
 *  Where a lock of the object's guards the reason to wait, neither side looks twice: the waiter
 *  enters the queue before it releases that lock (pyt__park_unlocks, the lock room's), the waker
 *  takes parkers out while it holds it, and unparks them after releasing it. A mark is then a word
 *  that is 1 while a thread may wait at its address, under the same lock. Set without need (a
 *  waiter timed out) it costs a look; clear with a waiter in the queue it loses a wake-up.
 *
 *  Queues. A bucket holds a chain of queues, one for each address that a thread waits on there;
 *  a queue is a ring that starts with its oldest parker. Finding the oldest of an address takes
 *  as long as there are other addresses in the bucket, not other waiters.
 *
 *  Parkers. One a thread, for as long as the thread lives, from memory that is never given back
 *  (a finished thread's parker serves a later thread), so that a waker may still signal after
 *  the woken thread has gone on, or ended. A stray signal is a wake-up that finds nothing.
 *
 *      EMPTY   the thread is not asleep and has not been woken
 *      ASLEEP  set by the owner, under the parker's mutex, before it waits on its condition
 *      NUDGED  set by another, from ASLEEP: the owner is to look for its wake-up; see below
 *      WOKEN   set by a waker, once for each time the parker is taken out of a queue
 *
 *  A waker swaps WOKEN in (release) and, unless it finds EMPTY, passes through the parker's mutex,
 *  so that the owner is either inside the condition's wait or about to look at the state again,
 *  and then signals. The owner leaves with WOKEN (acquire) and makes it EMPTY. Setting WOKEN
 *  twice would lose a wake-up; it cannot happen, since only the thread that takes the parker out
 *  of a queue sets it, and the owner does not enter a queue again before it has consumed it.
 *
 *  The first thread to wait makes the table of buckets and publishes it; then it sets its object's
 *  PARKED bit (release). A thread that sees that bit (acquire) sees the table.
 *
 *  Timeout meets wake-up (pyt__park_leave). A sleeper whose time is up has not timed out until it
 *  has taken itself out of its queue under the bucket lock. If it is no longer in that queue, a
 *  waker was first: the sleeper waits for the WOKEN that is on its way, and has been woken.
 *
 *      sleeper                                     waker
 *      1 its time is up: state ASLEEP -> EMPTY
 *                                                  a takes the parker out (bucket locked)
 *                                                  b state EMPTY -> WOKEN; no signal is needed
 *      2 locks the bucket: in no queue any more
 *      3 sleeps again, without a deadline:
 *        finds WOKEN. It has been woken
 *
 *  With 2 before a the sleeper takes itself out and a finds another waiter, or none: PYT_TIMEOUT.
 *  With b before 1 the sleeper finds WOKEN instead of ASLEEP, and 2 is not reached.
 *
 *  Nudging. On several processors a waiter that will soon be woken may be got out of its sleep
 *  ahead of time, so that a processor runs when its turn comes. The nudger, under the bucket lock
 *  of the queue that the waiter is in and stays in, turns ASLEEP into NUDGED, and signals as a
 *  waker does; the owner makes it EMPTY, looks for WOKEN for a while, and sleeps again if that does
 *  not come. A waker that finds NUDGED signals as well: it does not rely on the nudger's signal.
 *
 *  Staying awake. Before it sleeps a thread stays awake in its queue for a while; the spin room
 *  says how and for how long. Its place in the queue is the one it has asleep, so neither order
 *  nor wake-ups depend on it. Threads that wait behind others stay awake as well, since several
 *  are often served in one go. Where it is known that they are not, as in the condition room, they
 *  sleep at once.
 *
 *  Interruption of the main thread is the same as a timeout: pyt_interrupt_main sets a flag and
 *  signals the main thread's parker; the flag is looked at under the parker's mutex before each
 *  wait on the condition, so it cannot be missed; the sleeper that finds it takes itself out.
 * ============================================================================================== */
#if PYT__DEFINE

#ifndef PYTHREADING_BUCKETS
#define PYTHREADING_BUCKETS 1024 /* 64 KB, made when a thread first waits */
#endif
#define PYT__BUCKETS ((size_t)(PYTHREADING_BUCKETS))
PYT__STATIC_ASSERT((PYTHREADING_BUCKETS) >= 1 && (PYTHREADING_BUCKETS) <= 65536 &&
                       ((PYTHREADING_BUCKETS) & ((PYTHREADING_BUCKETS)-1)) == 0,
                   "PYTHREADING_BUCKETS is a power of two from 1 to 65536");

#define PYT__EXIT_DELAY INT64_C(5000000000) /* nanoseconds; see pyt__give_way */

enum {
    PYT__EMPTY,
    PYT__ASLEEP,
    PYT__NUDGED,
    PYT__WOKEN
};

/* What the waker of a parker gave it. The rooms below add numbers of their own. */
enum {
    PYT__PLAIN,    /* nothing: look again */
    PYT__FOLLOWED, /* nothing, and others are left in the lock's queue */
    PYT__HANDED    /* what it waited for is its own */
};

#if defined(PYTHREADING_DEBUG)
/* What a thread waits for; see the debug room. */
typedef struct pyt__waiting {
    int kind;            /* PYT__NOT_WAITING ... */
    bool timed;          /* it ends by itself */
    const void *address; /* of the queue the parker was put into; NULL: none */
    const void *lock;    /* of a wait for a lock; of a condition, which comes after the wait */
    uintptr_t thread;    /* the ident of the one that is joined */
    pyt__place place;
    int64_t since;
} pyt__waiting;
#endif

typedef struct pyt__parker {
    pyt__os_mutex mutex;
    pyt__os_cond cond;
    PYT__ATOMIC(uint32_t) state;         /* see above */
    uint32_t token;                      /* from the waker, before WOKEN */
    PYT__ATOMIC(const void *) address;   /* under that address's bucket lock; NULL: in no queue */
    struct pyt__parker *next, *previous; /* the ring; under bucket lock */
    struct pyt__parker *next_queue;      /* a ring's oldest: the bucket's next ring */

    /* For lock: of a waiter. Set by the owner while in no queue, else under bucket lock. */
    int64_t since; /* when it began to wait */
    int processor; /* which it waits on */
    bool in_crowd; /* notified by a call for several */

    /* For condition. */
    bool was_in_crowd; /* the owner's: in_crowd at its last wait */

    /* For queue. */
    const void *item; /* what a hand-over reads or fills; fixed in the queue */

    /* For spin. */
    pyt__backoffs backoffs; /* the owner's; a new owner begins without */

    /* The list of all parkers; under pyt__shared mutex. */
    struct pyt__parker *older, *next_free;
    bool in_use;
#if defined(PYTHREADING_DEBUG)
    /* For debug. */
    pyt__waiting waiting; /* set by the owner; what it is under: see the debug room */
    uintptr_t ident;      /* the owner's, 0: there is none; under pyt__shared mutex */
    unsigned long native; /* the owner's; under pyt__shared mutex */
#endif
} pyt__parker;

typedef struct pyt__bucket {
    pyt__os_mutex mutex;
    pyt__parker *queues; /* the chain of rings; under mutex */

    /* For lock: hand-overs; under mutex. */
    int64_t fair_period;  /* which period this is */
    uint32_t fair_handed; /* how often in it a lock was handed over */

    /* For spin. */
    PYT__ATOMIC(uint32_t) yields_from; /* see there */
} pyt__bucket;

#define PYT__HOLDING_LISTS 64

/* What all threads share. Made when first needed, published whole, never freed: a daemon thread
 * may use it while the process ends. */
typedef struct pyt__shared {
    pyt__bucket buckets[PYT__BUCKETS];
    pyt__os_key key;       /* fixed */
    pyt__os_mutex mutex;   /* guards what follows */
    pyt__parker *youngest; /* every parker ever made */
    pyt__parker *free;

    /* For thread: the end of threads. */
    PYT__ATOMIC(uint32_t) leaving; /* threads between their first and their last round */
    struct pyt_thread *left;       /* threads that are over, their system threads not joined */
    pyt__os_thread orphan;         /* the system thread of the last to end without a handle */
    bool has_orphan;               /* there is one */

    /* For process: fork. */
    pyt__os_mutex fork_mutex; /* one fork at a time */
    pyt__parker *fork_parker; /* for a forking thread that has none and gets no memory; fixed */

    PYT__DEBUG(struct pyt__holding *holdings[PYT__HOLDING_LISTS];) /* for debug: by address */
} pyt__shared;

static PYT__ATOMIC(pyt__shared *) pyt__shared_place;
static PYT__ATOMIC(pyt__parker *) pyt__main_parker; /* NULL until the main thread has one */
static PYT__ATOMIC(uint32_t) pyt__main_interrupted; /* 1: set by pyt_interrupt_main */
static PYT__ATOMIC(uint32_t) pyt__fork_is_hooked;
static PYT__ATOMIC(uintptr_t) pyt__exiting; /* the page of the thread in exit; 0: none is */
static uint32_t pyt__forks; /* how many forks away from the first process; set by fork's child */

static bool pyt__is_main_thread(void);  /* the thread room's */
static void pyt__hook_exit_early(void); /* the process room's */
static void pyt__fork_before(void);     /* the process room's: it knows every room's locks */
static void pyt__fork_parent(void);
static void pyt__fork_child(void);

#if defined(PYTHREADING_DEBUG) /* the debug room's */
static void pyt__thread_begins(pyt__parker *parker);
static void pyt__thread_ends(pyt__parker *parker);
static bool pyt__about_to_sleep(pyt__parker *parker, int64_t deadline);
static void pyt__sleep_over_locked(pyt__parker *parker, bool mine, pyt_status status);
#endif

static pyt__parker *pyt__parker_make(void) {
    pyt__parker *parker = (pyt__parker *)pyt__allocate_zeroed(sizeof *parker);
    if (parker == NULL) {
        return NULL;
    }
    if (pyt__os_mutex_init(&parker->mutex)) {
        if (pyt__os_cond_init(&parker->cond)) {
            return parker;
        }
        pyt__os_mutex_destroy(&parker->mutex);
    }
    pyt__release_memory(parker);
    return NULL;
}

static void pyt__parker_unmake(pyt__parker *parker) {
    pyt__os_cond_destroy(&parker->cond);
    pyt__os_mutex_destroy(&parker->mutex);
    pyt__release_memory(parker);
}

/* Make the first `count` mutexes of the shared part, or none. */
static bool pyt__shared_make_mutexes(pyt__shared *shared) {
    size_t made = 0;
    while (made < PYT__BUCKETS && pyt__os_mutex_init(&shared->buckets[made].mutex)) {
        made++;
    }
    if (made == PYT__BUCKETS && pyt__os_mutex_init(&shared->mutex)) {
        if (pyt__os_mutex_init(&shared->fork_mutex)) {
            return true;
        }
        pyt__os_mutex_destroy(&shared->mutex);
    }
    while (made > 0) {
        pyt__os_mutex_destroy(&shared->buckets[--made].mutex);
    }
    return false;
}

static void pyt__shared_unmake_mutexes(pyt__shared *shared) {
    pyt__os_mutex_destroy(&shared->fork_mutex);
    pyt__os_mutex_destroy(&shared->mutex);
    for (size_t i = 0; i < PYT__BUCKETS; i++) {
        pyt__os_mutex_destroy(&shared->buckets[i].mutex);
    }
}

static pyt__shared *pyt__shared_make(void) {
    pyt__shared *shared = (pyt__shared *)pyt__allocate_zeroed(sizeof *shared);
    if (shared == NULL) {
        return NULL;
    }
    shared->fork_parker = pyt__parker_make();
    if (shared->fork_parker != NULL) {
        if (pyt__shared_make_mutexes(shared)) {
            if (pyt__os_key_make(&shared->key)) {
                return shared;
            }
            pyt__shared_unmake_mutexes(shared);
        }
        pyt__parker_unmake(shared->fork_parker);
    }
    pyt__release_memory(shared);
    return NULL;
}

/* The shared part, made if need be; NULL without memory. Of threads that make it at the same
 * time one publishes its own (release, pairs with the acquire of every later look), the others
 * throw theirs away. */
static pyt__shared *pyt__shared_get(void) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    if (shared != NULL) {
        return shared;
    }
    pyt__shared *fresh = pyt__shared_make();
    if (fresh == NULL) {
        return NULL;
    }
    if (PYT__CAS(&pyt__shared_place, &shared, fresh, acq_rel)) {
        pyt__hook_exit_early(); /* where the constructor came too early to precede destructors */
        return fresh;
    }
    pyt__os_key_drop(fresh->key);
    pyt__shared_unmake_mutexes(fresh);
    pyt__parker_unmake(fresh->fork_parker);
    pyt__release_memory(fresh);
    return PYT__LOAD(&pyt__shared_place, acquire);
}

/* Register the fork functions: in the constructor where there is one, otherwise, or if that failed,
 * at the first need. No lock is held meanwhile: the system holds one of its own both here and
 * while it calls them, and they take ours. Two threads that come at the same time may register
 * them twice; the functions count how deep they are. */
static bool pyt__hook_fork(void) {
    if (PYT__LOAD(&pyt__fork_is_hooked, acquire) != 0) {
        return true;
    }
    (void)pyt__is_main_thread(); /* a child of an earlier fork still has to find out */
    bool hooked = pyt__os_at_fork(pyt__fork_before, pyt__fork_parent, pyt__fork_child);
    if (hooked) {
        PYT__STORE(&pyt__fork_is_hooked, 1, release);
    }
    return hooked;
}

/* A parker for a thread to come, or NULL without memory. Give it back with pyt__parker_give. */
static pyt__parker *pyt__parker_take(void) {
    pyt__shared *shared = pyt__shared_get();
    if (shared == NULL || !pyt__hook_fork()) {
        return NULL;
    }
    pyt__os_mutex_lock(&shared->mutex);
    pyt__parker *parker = shared->free;
    if (parker != NULL) {
        shared->free = parker->next_free;
        parker->in_use = true;
        parker->was_in_crowd = false;
        memset(&parker->backoffs, 0, sizeof parker->backoffs);
    }
    pyt__os_mutex_unlock(&shared->mutex);
    if (parker != NULL) {
        return parker;
    }
    parker = pyt__parker_make();
    if (parker != NULL) {
        pyt__os_mutex_lock(&shared->mutex);
        parker->in_use = true;
        parker->older = shared->youngest;
        shared->youngest = parker;
        pyt__os_mutex_unlock(&shared->mutex);
    }
    return parker;
}

static void pyt__parker_give(pyt__parker *parker) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__os_mutex_lock(&shared->mutex);
    parker->in_use = false;
    parker->next_free = shared->free;
    shared->free = parker;
    pyt__os_mutex_unlock(&shared->mutex);
}

/* Make `parker` the calling thread's and have the thread's end noticed. */
static bool pyt__enroll_with(pyt__parker *parker) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__me.pyt__parker = parker;
    PYT__DEBUG(pyt__thread_begins(parker);)
    if (pyt__me.pyt__ident == 0 && pyt__is_main_thread()) {
        PYT__STORE(&pyt__main_parker, parker, seq_cst); /* pairs with pyt_interrupt_main's load */
    }
    pyt__me.pyt__end_noticed = pyt__os_key_set(shared->key, &pyt__me);
    return pyt__me.pyt__end_noticed;
}

/* Give the calling thread a parker; NULL without memory. */
static pyt__parker *pyt__enroll_new(void) {
    pyt__parker *parker = pyt__parker_take();
    if (parker != NULL && !pyt__enroll_with(parker)) {
        if (PYT__LOAD(&pyt__main_parker, relaxed) == parker) {
            PYT__STORE(&pyt__main_parker, NULL, seq_cst);
        }
        PYT__DEBUG(pyt__thread_ends(parker);)
        pyt__me.pyt__parker = NULL;
        pyt__parker_give(parker);
        parker = NULL;
    }
    return parker;
}

/* The program's allocator may wait for a lock of its own: it would need the parker that it is
 * asked to give memory for. Such a wait gets none, and does without: pyt__wait_unparked. So does a
 * thread whose end has been noticed for the last time, since it would not be noticed again. */
PYT__COLD static pyt__parker *pyt__enroll_slow(void) {
    pyt__parker *parker = NULL;
    if (pyt__me.pyt__gone) {
        pyt__fail(PYT_MEMORY_ERROR, "the thread has ended");
        return NULL;
    }
    if (!pyt__me.pyt__enrolling) {
        pyt__me.pyt__enrolling = true;
        parker = pyt__enroll_new();
        pyt__me.pyt__enrolling = false;
    }
    if (parker == NULL) {
        pyt__fail_memory();
    }
    return parker;
}

/* The calling thread's parker, made at its first need. NULL: no memory, and the message says so.
 * A thread that has it can wait for anything without asking for memory again. */
static pyt__parker *pyt__enroll(void) {
    return pyt__me.pyt__parker != NULL ? pyt__me.pyt__parker : pyt__enroll_slow();
}

/* ---- waits without a parker ---- */

/* How often a thread without a parker lets others run before it sleeps between two looks. */
#define PYT__PAUSE_YIELDS 100
#define PYT__PAUSE 1000000 /* nanoseconds of such a sleep */

/* Sleep for a moment on a condition of the stack, which nobody signals. Where the system has none
 * to give, do not sleep. */
static void pyt__nap(void) {
    pyt__os_mutex mutex;
    pyt__os_cond cond;
    memset(&mutex, 0, sizeof mutex);
    memset(&cond, 0, sizeof cond);
    if (!pyt__os_mutex_init(&mutex)) {
        return;
    }
    if (pyt__os_cond_init(&cond)) {
        pyt__os_mutex_lock(&mutex);
        pyt__os_cond_wait_until(&cond, &mutex, pyt__os_now() + PYT__PAUSE);
        pyt__os_mutex_unlock(&mutex);
        pyt__os_cond_destroy(&cond);
    }
    pyt__os_mutex_destroy(&mutex);
}

/* Between two looks of a wait that has no parker.
 * pauses   how many there were; 0 at first */
PYT__COLD static void pyt__pause(int *pauses) {
    PYT__STEP();
    if (*pauses < PYT__PAUSE_YIELDS) {
        ++*pauses;
        pyt__os_yield();
    } else {
        pyt__nap();
    }
}

/* The calling thread has no parker and gets none. In a call of the program's allocator, which may
 * not fail for want of memory, look for what is waited for until it is there or the time is up. */
PYT__COLD static pyt_status pyt__wait_unparked(bool (*take)(void *object), void *object,
                                               int64_t deadline) {
    int pauses = 0;
    if (!pyt__me.pyt__enrolling) {
        return PYT_MEMORY_ERROR;
    }
    while (!take(object)) {
        if (deadline != PYT__FOREVER && pyt__os_now() >= deadline) {
            return PYT_TIMEOUT;
        }
        pyt__pause(&pauses);
    }
    return PYT_OK;
}

/* As pyt__fail, for a sentence that may go away: the thread keeps a copy. */
PYT__COLD static pyt_status pyt__fail_copied(pyt_status status, const char *sentence) {
    char *copy = pyt__enroll() != NULL ? pyt__copy_text(sentence) : NULL;
    pyt__release_memory(pyt__me.pyt__message_memory);
    pyt__me.pyt__message_memory = copy;
    return pyt__fail(status, copy != NULL ? copy : pyt_strerror(status));
}

/* ---- buckets and queues ---- */

PYT__SIM(static uint64_t pyt__sim_number(const void *address);) /* the simulate room's */

/* A number whose upper half looks drawn by lot. Addresses often lie at one distance from each
 * other. A multiplication alone (by 2^64 divided by the golden ratio) takes that to another
 * distance, which for some sizes of objects is so small that hundreds of them would share a bucket;
 * folding in the middle leaves no distance. */
static uint64_t pyt__hash(const void *address) {
#if defined(PYTHREADING_SIMULATE)
    if (pyt__sim_self() != NULL) { /* the first to be waited on is in the first bucket */
        return pyt__sim_number(address) * (UINT64_C(1) << 48 | UINT64_C(1) << 32);
    }
#endif
    uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9E3779B97F4A7C15);
    return (hash ^ hash >> 32) * UINT64_C(0x9E3779B97F4A7C15);
}

static pyt__bucket *pyt__bucket_of(const void *address) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    return &shared->buckets[(pyt__hash(address) >> 48) % PYT__BUCKETS];
}

/* Lock the bucket of `address`. The calling thread is enrolled, or knows that somebody waits. */
static pyt__bucket *pyt__bucket_lock(const void *address) {
    pyt__bucket *bucket = pyt__bucket_of(address);
    pyt__os_mutex_lock(&bucket->mutex);
    return bucket;
}

static void pyt__bucket_unlock(pyt__bucket *bucket) {
    pyt__os_mutex_unlock(&bucket->mutex);
}

/* Lock the buckets of two addresses, in the order of the buckets, one of them once. */
static void pyt__bucket_lock_two(const void *one, const void *other) {
    pyt__bucket *first = pyt__bucket_of(one);
    pyt__bucket *second = pyt__bucket_of(other);
    if (first > second) {
        pyt__bucket *swapped = first;
        first = second;
        second = swapped;
    }
    pyt__os_mutex_lock(&first->mutex);
    if (second != first) {
        pyt__os_mutex_lock(&second->mutex);
    }
}

static void pyt__bucket_unlock_two(const void *one, const void *other) {
    pyt__bucket *first = pyt__bucket_of(one);
    pyt__bucket *second = pyt__bucket_of(other);
    pyt__os_mutex_unlock(&first->mutex);
    if (second != first) {
        pyt__os_mutex_unlock(&second->mutex);
    }
}

/* Where the pointer to the ring of `address` is, or to where it would be put. */
static pyt__parker **pyt__waitq_link(pyt__bucket *bucket, const void *address) {
    pyt__parker **link = &bucket->queues;
    while (*link != NULL && PYT__LOAD(&(*link)->address, relaxed) != address) {
        link = &(*link)->next_queue;
    }
    return link;
}

/* The parker that waits on `address` for the longest time, or NULL. Bucket locked. */
static pyt__parker *pyt__waitq_oldest(pyt__bucket *bucket, const void *address) {
    return *pyt__waitq_link(bucket, address);
}

/* Put a parker at the end of the queue of `address`, or before another one there. Bucket locked.
 * before   NULL: at the end */
static void pyt__waitq_add(pyt__bucket *bucket, pyt__parker *parker, const void *address,
                           pyt__parker *before) {
    pyt__parker **link = pyt__waitq_link(bucket, address);
    pyt__parker *oldest = *link;
    PYT__STORE(&parker->address, address, relaxed);
    if (oldest == NULL) {
        parker->next = parker->previous = parker;
        parker->next_queue = NULL;
        *link = parker;
        return;
    }
    parker->next = before != NULL ? before : oldest;
    parker->previous = parker->next->previous;
    parker->previous->next = parker;
    parker->next->previous = parker;
    if (before == oldest) {
        parker->next_queue = oldest->next_queue;
        *link = parker;
    }
}

/* Take a parker out of the queue it is in. Bucket locked. */
static void pyt__waitq_remove(pyt__bucket *bucket, pyt__parker *parker) {
    pyt__parker **link = pyt__waitq_link(bucket, PYT__LOAD(&parker->address, relaxed));
    if (*link == parker) {
        if (parker->next == parker) {
            *link = parker->next_queue;
        } else {
            parker->next->next_queue = parker->next_queue;
            *link = parker->next;
        }
    }
    parker->next->previous = parker->previous;
    parker->previous->next = parker->next;
    PYT__STORE(&parker->address, NULL, relaxed);
}

/* Take all parkers of `address` out, giving each `token`. Bucket locked.
 * Returns  a list linked by `next`, oldest first, for pyt__unpark_list */
static pyt__parker *pyt__waitq_take_all(pyt__bucket *bucket, const void *address, uint32_t token) {
    pyt__parker **link = pyt__waitq_link(bucket, address);
    pyt__parker *oldest = *link;
    if (oldest == NULL) {
        return NULL;
    }
    *link = oldest->next_queue;
    oldest->previous->next = NULL;
    for (pyt__parker *parker = oldest; parker != NULL; parker = parker->next) {
        PYT__STORE(&parker->address, NULL, relaxed);
        parker->token = token;
    }
    return oldest;
}

/* How many threads wait on `address`. */
static PYT__UNUSED size_t pyt__park_count(const void *address) {
    if (PYT__LOAD(&pyt__shared_place, acquire) == NULL) {
        return 0;
    }
    pyt__bucket *bucket = pyt__bucket_lock(address);
    pyt__parker *oldest = pyt__waitq_oldest(bucket, address);
    size_t count = oldest != NULL ? 1 : 0;
    for (pyt__parker *parker = oldest; count > 0 && parker->next != oldest; parker = parker->next) {
        count++;
    }
    pyt__bucket_unlock(bucket);
    return count;
}

/* ---- sleeping and waking ---- */

/* Get the owner out of its condition's wait. Passing through the mutex is what makes it safe;
 * signalling after that spares the woken thread from running into the mutex. Helgrind takes a
 * signal without the mutex for a mistake. */
static void pyt__parker_signal(pyt__parker *parker) {
    pyt__os_mutex_lock(&parker->mutex);
#if defined(PYTHREADING_VALGRIND)
    pyt__os_cond_signal(&parker->cond);
    pyt__os_mutex_unlock(&parker->mutex);
#else
    pyt__os_mutex_unlock(&parker->mutex);
    PYT__STEP();
    pyt__os_cond_signal(&parker->cond);
#endif
}

/* Wake a parker that was taken out of its queue. No bucket is locked. */
static void pyt__unpark(pyt__parker *parker) {
    PYT__STEP();
    /* Release: what the waker did is seen by the woken thread (pyt__parker_park). From EMPTY the
     * owner looks at the state before it sleeps; from ASLEEP or NUDGED it may be in its wait. */
    if (PYT__SWAP(&parker->state, PYT__WOKEN, acq_rel) != PYT__EMPTY) {
        pyt__parker_signal(parker);
    }
}

/* Nudge a waiter that is asleep in a queue whose bucket is locked, if it sleeps on another
 * processor than the one that is woken before it.
 * Returns  whether it is to be signalled after the bucket is unlocked */
static bool pyt__nudge_locked(pyt__parker *parker, const pyt__parker *woken) {
    uint32_t state = PYT__ASLEEP;
    bool elsewhere = parker->processor == -1 || parker->processor != woken->processor;
    return elsewhere && pyt__parallel() && PYT__CAS(&parker->state, &state, PYT__NUDGED, relaxed);
}

/* Wake a list from pyt__waitq_take_all. A woken parker may be in another list at once. */
static void pyt__unpark_list(pyt__parker *list) {
    while (list != NULL) {
        pyt__parker *parker = list;
        list = list->next;
        pyt__unpark(parker);
    }
}

/* Has the main thread been interrupted, and is it the owner of `parker`? */
static bool pyt__is_interrupted(const pyt__parker *parker) {
    return PYT__LOAD(&pyt__main_interrupted, seq_cst) != 0 &&
           PYT__LOAD(&pyt__main_parker, relaxed) == parker;
}

/* The same, and takes the interrupt. */
static bool pyt__take_interrupt(const pyt__parker *parker) {
    return pyt__is_interrupted(parker) && PYT__SWAP(&pyt__main_interrupted, 0, seq_cst) != 0;
}

/* Wait on the parker's condition until woken, late or interrupted. Mutex held, state ASLEEP. */
static pyt_status pyt__parker_park_locked(pyt__parker *parker, int64_t deadline,
                                          bool interruptible) {
    while (PYT__LOAD(&parker->state, relaxed) == PYT__ASLEEP) {
        if (interruptible && pyt__take_interrupt(parker)) {
            return PYT_INTERRUPTED;
        }
        if (deadline == PYT__FOREVER) {
#if defined(PYTHREADING_DUMMY)
            return PYT_RUNTIME_ERROR; /* nobody can come */
#else
            pyt__os_cond_wait(&parker->cond, &parker->mutex);
#endif
        } else if (deadline == PYT__AT_ONCE || pyt__os_now() >= deadline) {
            return PYT_TIMEOUT;
        } else {
            pyt__os_cond_wait_until(&parker->cond, &parker->mutex, deadline);
        }
    }
    return PYT_OK;
}

/* The calling thread's wait for its parker's wake-up, as the spin room sees it. */
static pyt__spin_wait pyt__parker_wait(pyt__parker *parker, pyt__bucket *bucket, int64_t deadline,
                                       bool interruptible) {
    pyt__spin_wait wait = {&parker->state, PYT__WOKEN,           NULL,
                           deadline,       &bucket->yields_from, &parker->backoffs};
    if (interruptible && PYT__LOAD(&pyt__main_parker, relaxed) == parker) {
        wait.stop = &pyt__main_interrupted;
    }
    return wait;
}

/* After a nudge: look for the wake-up for a while, before sleeping again. */
static void pyt__parker_spin(pyt__parker *parker) {
    if (pyt__parallel() && pyt__backoff_allows(&parker->backoffs.spinning)) {
        bool seen = pyt__spin_look(&parker->state, PYT__WOKEN, PYT__SPIN_LONGEST);
        pyt__backoff_learn(&parker->backoffs.spinning, seen, PYT__SPIN_LONGEST);
    }
}

/* Sleep until woken; nudged, look for the wake-up for a while and sleep again. Mutex held. */
static pyt_status pyt__parker_park_nudged(pyt__parker *parker, int64_t deadline,
                                          bool interruptible) {
    pyt_status status = PYT_OK;
    uint32_t state = PYT__EMPTY;
    while (status == PYT_OK && PYT__CAS(&parker->state, &state, PYT__ASLEEP, relaxed)) {
        status = pyt__parker_park_locked(parker, deadline, interruptible);
        state = PYT__NUDGED;
        if (status == PYT_OK && PYT__CAS(&parker->state, &state, PYT__EMPTY, relaxed)) {
            pyt__os_mutex_unlock(&parker->mutex);
            pyt__parker_spin(parker);
            pyt__os_mutex_lock(&parker->mutex);
        }
        state = PYT__EMPTY;
    }
    return status;
}

/* The main thread's wait is over while another thread is in exit, which does not wait for it. Were
 * it to return from main now, its exit status could overtake the other's: it gives that one time,
 * once, since what the exit waits for may need the main thread. A leak checker's exit takes a
 * second. */
PYT__COLD static void pyt__give_way(void) {
    pyt__parker *parker = pyt__enroll();
    int64_t deadline = pyt__os_now() + PYT__EXIT_DELAY;
    pyt__me.pyt__gave_way = true;
    if (parker == NULL) {
        return;
    }
    pyt__os_mutex_lock(&parker->mutex);
    while (pyt__os_now() < deadline) {
        pyt__os_cond_wait_until(&parker->cond, &parker->mutex, deadline);
    }
    pyt__os_mutex_unlock(&parker->mutex);
}

/* After each sleep, and where a first look finds what a thread leaves that calls exit: its end, a
 * future or a barrier that is broken. */
static void pyt__give_way_to_exit(void) {
    uintptr_t exiting = PYT__LOAD(&pyt__exiting, relaxed);
    if (!PYT__LIKELY(exiting == 0) && pyt__me.pyt__is_main && !pyt__me.pyt__gave_way &&
        exiting != (uintptr_t)&pyt__me) {
        pyt__give_way();
    }
}

/* Sleep until woken.
 * Returns  PYT_OK when woken; PYT_TIMEOUT, PYT_INTERRUPTED: not yet woken, and a waker may come */
static pyt_status pyt__parker_park(pyt__parker *parker, int64_t deadline, bool interruptible) {
    PYT__DEBUG(bool mine = pyt__about_to_sleep(parker, deadline);)
    pyt__os_mutex_lock(&parker->mutex);
    pyt_status status = pyt__parker_park_nudged(parker, deadline, interruptible);
    /* Leave ASLEEP or NUDGED, unless a waker is first: from EMPTY on it does not signal. */
    uint32_t state = PYT__LOAD(&parker->state, relaxed);
    while (state != PYT__WOKEN && !PYT__CAS(&parker->state, &state, PYT__EMPTY, relaxed)) {
    }
    if (state == PYT__WOKEN) {
        (void)PYT__SWAP(&parker->state, PYT__EMPTY, acquire); /* pairs with pyt__unpark's swap */
        if (status == PYT_INTERRUPTED) {
            PYT__STORE(&pyt__main_interrupted, 1, seq_cst); /* woken first: for the next call */
        }
        status = PYT_OK;
    }
    PYT__DEBUG(pyt__sleep_over_locked(parker, mine, status);)
    pyt__os_mutex_unlock(&parker->mutex);
    pyt__give_way_to_exit();
    return status;
}

/* As pyt__parker_park, staying awake for a while first. */
static pyt_status pyt__parker_spin_and_park(pyt__parker *parker, const void *address,
                                            int64_t deadline, bool interruptible) {
    if (deadline != PYT__AT_ONCE) {
        pyt__bucket *bucket = pyt__bucket_of(address);
        pyt__spin_wait wait = pyt__parker_wait(parker, bucket, deadline, interruptible);
        if (pyt__spin(&wait)) {
            /* Pairs with pyt__unpark's swap. */
            (void)PYT__SWAP(&parker->state, PYT__EMPTY, acquire);
            pyt__give_way_to_exit();
            return PYT_OK;
        }
    }
    return pyt__parker_park(parker, deadline, interruptible);
}

/* After pyt__parker_park came back unwoken but a waker has been at work: wait for its wake-up. An
 * interrupt that was taken is left for the next call. */
static void pyt__parker_await(pyt__parker *parker, pyt_status status) {
    if (status == PYT_INTERRUPTED) {
        PYT__STORE(&pyt__main_interrupted, 1, seq_cst);
    }
    pyt__parker_park(parker, PYT__FOREVER, false);
}

/* What a sleep that ended without a wake-up means for the call, and its message. */
static pyt_status pyt__park_failed(pyt_status status) {
    if (status == PYT_RUNTIME_ERROR) {
        return pyt__fail(status, "without threads nobody can end this wait");
    }
    return status == PYT_INTERRUPTED ? pyt__fail(status, pyt_strerror(status)) : status;
}

/* After the caller put itself into the queue of `address` and parked with this outcome: leave it.
 * Returns  PYT_OK           taken out by a waker, or moved by it to another queue and woken there
 *          PYT_TIMEOUT      the deadline passed; the parker is in no queue
 *          PYT_INTERRUPTED  the same, by pyt_interrupt_main */
static pyt_status pyt__park_leave(pyt__parker *parker, const void *address, pyt_status status) {
    if (status == PYT_OK) {
        return PYT_OK;
    }
    PYT__STEP();
    /* Step 2 of a timeout that meets a wake-up: a waiter still in the queue has timed out.
     * `address` changes under the lock of the bucket of its old value, which is this one or not
     * ours. */
    pyt__bucket *bucket = pyt__bucket_lock(address);
    if (PYT__LOAD(&parker->address, relaxed) == address) {
        pyt__waitq_remove(bucket, parker);
        pyt__bucket_unlock(bucket);
        return pyt__park_failed(status);
    }
    pyt__bucket_unlock(bucket);
    pyt__parker_await(parker, status); /* step 3 */
    return PYT_OK;
}

/* Sleep in the queue of `address`, into which the caller has put itself.
 * Returns  as pyt__park_leave */
static pyt_status pyt__park_queued(const void *address, int64_t deadline, bool interruptible) {
    pyt__parker *parker = pyt__me.pyt__parker;
    PYT__STEP();
    return pyt__park_leave(parker, address,
                           pyt__parker_spin_and_park(parker, address, deadline, interruptible));
}

/* The same without staying awake first: for a lock, which threads that are awake get sooner, and
 * for a thread that will not be the next to be woken. */
static pyt_status pyt__park_queued_at_once(const void *address, int64_t deadline,
                                           bool interruptible) {
    pyt__parker *parker = pyt__me.pyt__parker;
    PYT__STEP();
    return pyt__park_leave(parker, address, pyt__parker_park(parker, deadline, interruptible));
}

/* Enter the queue of `address`, unless `validate` refuses. The calling thread is enrolled.
 * validate  under the bucket lock: is there still a reason to wait? Then it marks the object, so
 *           that whoever ends the reason looks into this queue. NULL: the caller holds the lock
 *           under which the reason is ended
 * Returns   whether it is in the queue: pyt__park_queued is next */
static bool pyt__park_prepare(const void *address, bool (*validate)(void *object), void *object) {
    pyt__bucket *bucket = pyt__bucket_lock(address);
    bool queued = validate == NULL || validate(object);
    if (queued) {
        pyt__waitq_add(bucket, pyt__me.pyt__parker, address, NULL);
    }
    pyt__bucket_unlock(bucket);
    return queued;
}

/* Wait on `address` until unparked, unless `validate` refuses.
 * Returns  as pyt__park_leave, and
 *          PYT_OK            it was refused
 *          PYT_MEMORY_ERROR  the thread's first wait, and no memory for it */
static pyt_status pyt__park(const void *address, bool (*validate)(void *object), void *object,
                            int64_t deadline, bool interruptible) {
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    PYT__STEP();
    return pyt__park_prepare(address, validate, object)
               ? pyt__park_queued(address, deadline, interruptible)
               : PYT_OK;
}

/* Dequeue the oldest waiter of `address`, or NULL. It can no longer time out: the caller unparks
 * it, after it has unlocked what it holds.
 * more     receives whether others are left */
static pyt__parker *pyt__waitq_dequeue(const void *address, uint32_t token, bool *more) {
    pyt__bucket *bucket = pyt__bucket_lock(address);
    pyt__parker *oldest = pyt__waitq_oldest(bucket, address);
    *more = oldest != NULL && oldest->next != oldest;
    if (oldest != NULL) {
        pyt__waitq_remove(bucket, oldest);
        oldest->token = token;
    }
    pyt__bucket_unlock(bucket);
    return oldest;
}

/* The same with all of them. Returns a list for pyt__unpark_list. */
static pyt__parker *pyt__waitq_dequeue_all(const void *address, uint32_t token) {
    pyt__bucket *bucket = pyt__bucket_lock(address);
    pyt__parker *list = pyt__waitq_take_all(bucket, address, token);
    pyt__bucket_unlock(bucket);
    return list;
}

static void pyt__unpark_all(const void *address, uint32_t token) {
    pyt__unpark_list(pyt__waitq_dequeue_all(address, token));
}

/* The same at a mark, which the caller's lock guards; as HANDED. */
static pyt__parker *pyt__waitq_dequeue_marked(PYT__ATOMIC(uint32_t) *mark) {
    bool more = false;
    if (PYT__LIKELY(PYT__LOAD(mark, relaxed) == 0)) {
        return NULL;
    }
    pyt__parker *oldest = pyt__waitq_dequeue(mark, PYT__HANDED, &more);
    if (!more) { /* no other can enter before the object's lock is released */
        PYT__STORE(mark, 0, relaxed);
    }
    return oldest;
}

/* All waiters at a mark. Returns a list for pyt__unpark_list. */
static pyt__parker *pyt__waitq_dequeue_all_marked(PYT__ATOMIC(uint32_t) *mark, uint32_t token) {
    if (PYT__LOAD(mark, relaxed) == 0) {
        return NULL;
    }
    PYT__STORE(mark, 0, relaxed);
    return pyt__waitq_dequeue_all(mark, token);
}

/* Move up to `n` waiters, oldest first, from a mark to the end of the queue of `object`, instead of
 * waking them all to compete for it. Each waits for `object` from now on.
 * accepts  with both buckets locked: marks `object` as waited for, or refuses the waiter, since
 *          there is nothing to wait for: it is unparked, with PLAIN */
static void pyt__requeue(PYT__ATOMIC(uint32_t) *mark, void *object, unsigned n,
                         bool (*accepts)(void *object)) {
    pyt__parker *list = NULL;
    pyt__parker **end = &list;
    int64_t now = pyt__os_now();
    bool in_crowd = n > 1;
    pyt__bucket_lock_two(mark, object);
    pyt__bucket *from = pyt__bucket_of(mark);
    pyt__bucket *to = pyt__bucket_of(object);
    pyt__parker *oldest = pyt__waitq_oldest(from, mark);
    for (; n > 0 && oldest != NULL; n--) {
        pyt__waitq_remove(from, oldest);
        oldest->since = now;
        oldest->in_crowd = in_crowd;
        if (accepts(object)) {
            pyt__waitq_add(to, oldest, object, NULL);
        } else {
            oldest->token = PYT__PLAIN;
            *end = oldest;
            end = &oldest->next;
        }
        oldest = pyt__waitq_oldest(from, mark);
    }
    if (oldest == NULL) {
        PYT__STORE(mark, 0, relaxed);
    }
    *end = NULL;
    pyt__bucket_unlock_two(mark, object);
    pyt__unpark_list(list);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>time                                        time.sleep, time.monotonic, seconds -> deadline
 *
 *  One deadline a call, fixed at entry on a clock that is never set. Seconds are rounded up, so
 *  that the smallest positive timeout is a real wait; a timeout that reaches beyond the clock's
 *  range (292 years) ends with the range.
 * ============================================================================================== */
#if PYT__DECLARE

PYT__EXTERN_C_BEGIN

/* The longest timeout in seconds that any call takes. Python: threading.TIMEOUT_MAX */
#define PYT_TIMEOUT_MAX 9223372036.0

/* Let the calling thread sleep: a wait that no other thread ends.
 *
 * seconds  0: other threads may run, and an interrupt is noticed. Not negative. Never shorter;
 *          signals do not end it
 * Returns  as every wait (see pyt_status), without PYT_TIMEOUT; PYT_OK: the time is over
 * Thread   any
 * Python   time.sleep(seconds)
 */
PYT__API pyt_status pyt_sleep(double seconds);

/* Read the clock that all timeouts use. Only differences mean something.
 *
 * Returns  seconds on a clock that is never set
 * Thread   any
 * Python   time.monotonic()
 */
PYT__API double pyt_monotonic(void);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

/* Judge a timeout without reading the clock: NaN PYT_VALUE_ERROR, too large PYT_OVERFLOW_ERROR. */
static pyt_status pyt__check_timeout(double seconds) {
    if (seconds <= PYT_TIMEOUT_MAX) {
        return PYT_OK;
    }
    if (seconds > PYT_TIMEOUT_MAX) {
        return pyt__fail(PYT_OVERFLOW_ERROR, "timeout value is too large");
    }
    return pyt__fail(PYT_VALUE_ERROR, "timeout value is not a number");
}

/* A timeout that was judged good in nanoseconds; 0 for 0 and below. */
static int64_t pyt__nanoseconds(double seconds) {
    if (seconds <= 0) {
        return 0;
    }
    double nanoseconds = seconds * 1e9;
    int64_t whole = nanoseconds < 9.2e18 ? (int64_t)nanoseconds : INT64_C(9200000000000000000);
    return (double)whole < nanoseconds ? whole + 1 : whole;
}

/* So many nanoseconds from now. */
static int64_t pyt__from_now(int64_t nanoseconds) {
    int64_t now = pyt__os_now();
    return nanoseconds < PYT__FOREVER - now ? now + nanoseconds : PYT__FOREVER - 1;
}

/* The deadline for a timeout that was judged good; PYT__AT_ONCE for 0 and below. */
static int64_t pyt__deadline(double seconds) {
    return seconds <= 0 ? PYT__AT_ONCE : pyt__from_now(pyt__nanoseconds(seconds));
}

/* The seconds of a _timeout form: judge them, and give their deadline. */
static pyt_status pyt__deadline_checked(double seconds, int64_t *deadline) {
    pyt_status status = pyt__check_timeout(seconds);
    *deadline = status == PYT_OK ? pyt__deadline(seconds) : PYT__AT_ONCE;
    return status;
}

/* The same for calls that refuse a negative timeout. */
static pyt_status pyt__deadline_checked_sign(double seconds, int64_t *deadline) {
    if (seconds < 0) {
        *deadline = PYT__AT_ONCE;
        return pyt__fail(PYT_VALUE_ERROR, "timeout value must be a non-negative number");
    }
    return pyt__deadline_checked(seconds, deadline);
}

PYT__API pyt_status pyt_sleep(double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    if (status != PYT_OK) {
        return status;
    }
    pyt__parker *parker = pyt__enroll();
    if (parker == NULL) {
        return PYT_MEMORY_ERROR;
    }
    if (deadline == PYT__AT_ONCE) {
        pyt__os_yield();
    }
    /* The parker is in no queue, so no waker can find it: only time or an interrupt ends this. */
    status = pyt__parker_park(parker, deadline, true);
    return status == PYT_TIMEOUT ? PYT_OK : pyt__park_failed(status);
}

PYT__API double pyt_monotonic(void) {
    return (double)(pyt__os_now() PYT__SIM(-1)) * 1e-9; /* see pyt__sim_now */
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>lock                                                                           threading.Lock
 *
 *  Free or held. No owner: any thread may release it, and acquiring twice in one thread blocks,
 *  as in Python. The word has two bits:
 *
 *      LOCKED  it is held. Set by the acquirer; cleared by the releaser, or left set by it for
 *              the waiter to which it hands the lock.
 *      PARKED  a release has to look into the queue. Set, while LOCKED, under the bucket lock: by
 *              a thread about to sleep, and by a notifier that moves a condition's waiter here.
 *              Set as well by a woken thread that was told that others are left, in the step in
 *              which it takes the lock. Cleared under the bucket lock by the releaser that takes
 *              a waiter out, or finds none. Set without need (a waiter that timed out leaves it)
 *              it costs one slow release.
 *
 *  No sleeper is forgotten. While a queue is not empty, PARKED is set, or a waiter is on its way
 *  that was taken out of it to compete for the lock. That waiter either takes the lock, with
 *  PARKED, or finds it LOCKED and goes back, with PARKED: so a release still comes that looks
 *  into the queue. Until it arrives the word is as if there were no waiters, and running threads
 *  pass the lock among themselves at full speed. That may be long, when the waiter's processor is
 *  busy with one of those; the hand-over below comes after it has been there once. A thread that
 *  goes to sleep meanwhile sets PARKED, and the next release wakes another: several may be on
 *  their way.
 *
 *  A waiter queues by hand, without pyt__park: one that comes back goes to its old place, not to
 *  the end.
 *
 *  Order. Waiters are served oldest first; a woken waiter that lost the lock to a newcomer goes
 *  back to its place, with its age. One that is older than PYT__FAIR_AFTER is handed the lock:
 *  LOCKED is never cleared, so no newcomer can get in between. That is so for PYT__FAIR_LIMIT of
 *  them in each such time, which lets a crowd that is always old wait a little longer.
 *
 *  Memory. Acquire on the step that sets LOCKED pairs with release on the step that clears it;
 *  a handed lock travels with the wake-up, which has the same orders.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

#define PYT__LOCKED UINT32_C(1)
#define PYT__PARKED UINT32_C(2)

/* A lock. Zero bytes are an unlocked lock; it owns nothing and needs no destroy call. It may be
 * discarded while locked, but not while threads wait for it. */
typedef struct PYT__CAPABILITY("lock") pyt_lock {
    PYT__ATOMIC(uint32_t) pyt__word;
} pyt_lock;
PYT__STATIC_ASSERT(sizeof(pyt_lock) == 4, "a lock is one 32-bit word");

#if defined(__cplusplus)
#define PYT_LOCK_INIT \
    {}
#else
#define PYT_LOCK_INIT \
    { 0 }
#endif

PYT__API pyt_status pyt__lock_acquire_slow(pyt_lock *lock);
PYT__API pyt_status pyt__lock_acquire_nowait_slow(pyt_lock *lock);
PYT__API pyt_status pyt__lock_acquire_timeout_slow(pyt_lock *lock, double seconds);
#if defined(PYTHREADING_DEBUG)
/* The debug room's. */
PYT__API pyt_status pyt__lock_release_noted(pyt_lock *lock);
#else
PYT__API pyt_status pyt__lock_release_slow(pyt_lock *lock);
#define pyt__lock_release_noted pyt__lock_release_slow
#endif

PYT__INLINE bool pyt__lock_grab(pyt_lock *lock) {
    uint32_t free_word = 0;
    return PYT__LIKELY(lock != NULL) &&
           PYT__HELD(lock, PYT__CAS(&lock->pyt__word, &free_word, PYT__LOCKED, acquire));
}

/* Take the lock, waiting for it as long as it takes.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: the caller holds the lock
 * Thread   any; a thread that holds it already waits for another one to release it
 * Python   Lock.acquire()
 */
PYT__INLINE pyt_status pyt_lock_acquire(pyt_lock *lock) PYT__ACQUIRE(lock) {
    return PYT__LIKELY(PYT__BARE && pyt__lock_grab(lock)) ? PYT_OK : pyt__lock_acquire_slow(lock);
}

/* Take the lock if it is free at this instant.
 *
 * Returns  PYT_OK, PYT_TIMEOUT (it is held), PYT_VALUE_ERROR (`lock` is NULL)
 * Thread   any
 * Python   Lock.acquire(blocking=False)
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_lock_acquire_nowait(pyt_lock *lock)
    PYT__TRY_ACQUIRE(lock) {
    return PYT__LIKELY(PYT__BARE && pyt__lock_grab(lock)) ? PYT_OK
                                                          : pyt__lock_acquire_nowait_slow(lock);
}

/* Take the lock, waiting as long as `seconds` for it.
 *
 * seconds  0 looks once; not negative
 * Returns  as pyt_lock_acquire
 * Thread   any
 * Python   Lock.acquire(timeout=seconds); there -1 waits for ever, here pyt_lock_acquire does
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_lock_acquire_timeout(pyt_lock *lock, double seconds)
    PYT__TRY_ACQUIRE(lock) {
    if (PYT__LIKELY(PYT__BARE && seconds >= 0 && seconds <= PYT_TIMEOUT_MAX &&
                    pyt__lock_grab(lock))) {
        return PYT_OK;
    }
    return pyt__lock_acquire_timeout_slow(lock, seconds);
}

/* Let the lock go.
 *
 * Returns  PYT_OK            the lock is free, or handed to the thread that waited longest
 *          PYT_RUNTIME_ERROR it was not held
 *          PYT_VALUE_ERROR   `lock` is NULL
 * Thread   any, not only the one that acquired it
 * Python   Lock.release()
 */
PYT__INLINE pyt_status pyt_lock_release(pyt_lock *lock) PYT__RELEASE(lock) {
    uint32_t held_word = PYT__LOCKED;
    PYT__SIM(pyt__simulate_held(lock, false);)
    if (PYT__LIKELY(PYT__BARE && lock != NULL &&
                    PYT__CAS(&lock->pyt__word, &held_word, 0, release))) {
        return PYT_OK;
    }
    return pyt__lock_release_noted(lock);
}

/* Ask whether anybody holds the lock. NULL: false.
 *
 * Thread   any; the answer may be old when it arrives
 * Python   Lock.locked()
 */
PYT__INLINE bool pyt_lock_locked(const pyt_lock *lock) {
    return lock != PYT__NULL && (PYT__LOAD(&lock->pyt__word, acquire) & PYT__LOCKED) != 0;
}

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#if defined(PYTHREADING_DEBUG) /* the debug room's: the same for a lock of the user's */
static bool pyt__lock_try_noted(pyt_lock *lock, uint32_t mark);
static pyt_status pyt__lock_acquire_noted(pyt_lock *lock, int64_t deadline, bool interruptible);
#else
#define pyt__lock_acquire_noted pyt__lock_acquire_until
#endif

/* A waiter this old is handed the lock: long enough that hand-overs, each of which costs two
 * context switches, are rare; short enough that nobody notices the wait. */
#define PYT__FAIR_AFTER 1000000

/* How many locks a bucket hands over in each PYT__FAIR_AFTER. So many waiters are all served when
 * they are that old. More would all be old again when their turn comes again, the lock would never
 * be free, and every single acquisition would cost a hand-over: with 300 threads that do nothing
 * but take one lock 5 us instead of 15 ns (`make bench-scale ONLY=contended`). */
#define PYT__FAIR_LIMIT 32

/* Take the lock if LOCKED is clear, whatever else is set.
 * mark     PYT__PARKED from a waiter that others in the queue follow, else 0 */
static bool pyt__lock_try(pyt_lock *lock, uint32_t mark) {
#if defined(PYTHREADING_DEBUG)
    if (pyt__my_notes.pyt__lock == lock) {
        return pyt__lock_try_noted(lock, mark);
    }
#endif
    uint32_t word = PYT__LOAD(&lock->pyt__word, relaxed);
    while (!(word & PYT__LOCKED)) {
        if (PYT__HELD(lock,
                      PYT__CAS(&lock->pyt__word, &word, word | PYT__LOCKED | mark, acquire))) {
            return true;
        }
    }
    return false;
}

/* Look at the lock for a short while; never while it is marked PARKED. Looking seldom leaves the
 * cache line to the holder (see the spin room).
 * Returns  true when it has been seen free */
static bool pyt__lock_spin(pyt_lock *lock, pyt__parker *parker) {
    if (!pyt__parallel() || !pyt__backoff_allows(&parker->backoffs.locking)) {
        return false;
    }
    uint32_t pauses = pyt__spin_pauses(PYT__LOCK_LOOK_EVERY);
    for (int spent = 0; spent < PYT__LOCK_SPIN; spent += PYT__LOCK_LOOK_EVERY) {
        uint32_t word = PYT__LOAD(&lock->pyt__word, relaxed);
        if (!(word & PYT__LOCKED)) {
            pyt__backoff_learn(&parker->backoffs.locking, true, 0);
            return true;
        }
        if (word != PYT__LOCKED) {
            return false;
        }
        for (uint32_t pause = 0; pause < pauses; pause++) {
            pyt__os_relax();
        }
    }
    pyt__backoff_learn(&parker->backoffs.locking, false, PYT__LOCK_SPIN);
    return false;
}

/* The first of those that have waited for a lock for a shorter time than since `since`; NULL: none.
 * A waiter that comes back passes only those that were on their way with it. Bucket locked. */
static pyt__parker *pyt__lock_first_after(pyt__bucket *bucket, const pyt_lock *lock,
                                          int64_t since) {
    pyt__parker *oldest = pyt__waitq_oldest(bucket, lock);
    pyt__parker *parker = oldest;
    while (parker != NULL && parker->since <= since) {
        parker = parker->next != oldest ? parker->next : NULL;
    }
    return parker;
}

/* Go into the queue of a lock, unless it has come free.
 * since    0: a newcomer, goes to the end; else when it began to wait, which is its place */
static bool pyt__lock_enqueue(pyt_lock *lock, pyt__parker *parker, int64_t since) {
    int processor = pyt__os_processor();
    pyt__bucket *bucket = pyt__bucket_lock(lock);
    /* The last look and PARKED in one step: the release that clears LOCKED comes before it, then
     * the lock is seen free, or finds PARKED and waits for this bucket. Release: with PARKED comes
     * the table of buckets (see the park room). */
    uint32_t word = PYT__LOAD(&lock->pyt__word, relaxed);
    bool queued = false;
    while (!queued && (word & PYT__LOCKED)) {
        queued = PYT__CAS(&lock->pyt__word, &word, word | PYT__PARKED, release);
    }
    if (queued) {
        parker->since = since != 0 ? since : pyt__os_now();
        parker->processor = processor;
        parker->in_crowd = false;
        pyt__parker *before = since != 0 ? pyt__lock_first_after(bucket, lock, since) : NULL;
        pyt__waitq_add(bucket, parker, lock, before);
    }
    pyt__bucket_unlock(bucket);
    return queued;
}

/* What a waiter that was woken by `token` has to set beside LOCKED. */
static uint32_t pyt__lock_mark(uint32_t token) {
    return token == PYT__FOLLOWED ? PYT__PARKED : 0;
}

/* Take the lock, sleeping as often as need be.
 * mark     for pyt__lock_try
 * since    0: a newcomer; else when it began to wait: it comes out of the queue */
static pyt_status pyt__lock_wait(pyt_lock *lock, pyt__parker *parker, uint32_t mark, int64_t since,
                                 int64_t deadline, bool interruptible) {
    bool spun = since != 0;
    while (!pyt__lock_try(lock, mark)) { /* 1: compete; a woken one with the mark it was given */
        PYT__STEP();
        if (!spun) {
            spun = true;
            if (pyt__lock_spin(lock, parker)) {
                continue;
            }
        }
        if (!pyt__lock_enqueue(lock, parker, since)) { /* 2: free again: back to 1 */
            continue;
        }
        pyt_status status = pyt__park_queued_at_once(lock, deadline, interruptible); /* 3 */
        if (status != PYT_OK) { /* in no queue; PARKED may stay behind */
            return status;
        }
        if (PYT__HELD(lock, parker->token == PYT__HANDED)) { /* LOCKED was never cleared */
            return PYT_OK;
        }
        since = parker->since;
        mark = pyt__lock_mark(parker->token);
    }
    return PYT_OK;
}

static bool pyt__lock_look(void *lock) {
    return pyt__lock_try((pyt_lock *)lock, 0);
}

static pyt_status pyt__lock_acquire_until(pyt_lock *lock, int64_t deadline, bool interruptible) {
    if (pyt__lock_try(lock, 0)) {
        return PYT_OK;
    }
    if (deadline == PYT__AT_ONCE) {
        return PYT_TIMEOUT;
    }
#if defined(PYTHREADING_DUMMY)
    if (deadline == PYT__FOREVER) {
        return PYT_OK; /* as in Python's dummy_threading */
    }
#endif
    pyt__parker *parker = pyt__enroll();
    if (parker == NULL) {
        return pyt__wait_unparked(pyt__lock_look, lock, deadline);
    }
    return pyt__lock_wait(lock, parker, 0, 0, deadline, interruptible);
}

/* Take a lock of the library's own. Cannot fail: the calling thread is enrolled. */
static void pyt__lock_take(pyt_lock *lock) PYT__ACQUIRE(lock) {
    if (!pyt__lock_grab(lock)) {
        pyt__lock_acquire_until(lock, PYT__FOREVER, false);
    }
}

static pyt_status pyt__lock_acquire_checked(pyt_lock *lock, int64_t deadline) {
    return lock == NULL ? pyt__fail_null() : pyt__lock_acquire_noted(lock, deadline, true);
}

PYT__API PYT__COLD pyt_status pyt__lock_acquire_slow(pyt_lock *lock) {
    return pyt__lock_acquire_checked(lock, PYT__FOREVER);
}

PYT__API PYT__COLD pyt_status pyt__lock_acquire_nowait_slow(pyt_lock *lock) {
    return pyt__lock_acquire_checked(lock, PYT__AT_ONCE);
}

PYT__API PYT__COLD pyt_status pyt__lock_acquire_timeout_slow(pyt_lock *lock, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    return status == PYT_OK ? pyt__lock_acquire_checked(lock, deadline) : status;
}

/* The next waiter after one that is woken, if it is to be nudged since it came in a crowd: all of
 * them wake, one after the other, and most hold the lock for a moment only. Bucket locked. */
static pyt__parker *pyt__lock_nudge_locked(pyt__bucket *bucket, const pyt_lock *lock,
                                           const pyt__parker *woken) {
    pyt__parker *next = pyt__waitq_oldest(bucket, lock);
    return next != NULL && next->in_crowd && pyt__nudge_locked(next, woken) ? next : NULL;
}

/* Is a lock to be handed to the thread that waits for it since then? Counts it. Bucket locked. */
static bool pyt__lock_hands(pyt__bucket *bucket, int64_t since) {
    int64_t now = pyt__os_now();
    if (now - since < PYT__FAIR_AFTER) {
        return false;
    }
    if (bucket->fair_period != now / PYT__FAIR_AFTER) {
        bucket->fair_period = now / PYT__FAIR_AFTER;
        bucket->fair_handed = 0;
    }
    return bucket->fair_handed++ < PYT__FAIR_LIMIT;
}

/* Release a lock that has waiters in its queue: wake the oldest, or hand the lock to it.
 * Returns  false when the word was not as expected and must be looked at again */
static bool pyt__lock_release_to_oldest(pyt_lock *lock) {
    pyt__parker *oldest = NULL;
    pyt__parker *nudged = NULL;
    pyt__bucket *bucket = pyt__bucket_lock(lock);
    uint32_t word = PYT__LOAD(&lock->pyt__word, relaxed);
    bool done = false;
    if (word == (PYT__LOCKED | PYT__PARKED)) {
        /* 1: choose. The queue cannot change while the bucket is locked. */
        oldest = pyt__waitq_oldest(bucket, lock);
        uint32_t next = 0;
        if (oldest != NULL) {
            bool hand = pyt__lock_hands(bucket, oldest->since);
            bool more = oldest->next != oldest;
            next = hand ? PYT__LOCKED | (more ? PYT__PARKED : 0) : 0;
            oldest->token = hand ? PYT__HANDED : more ? PYT__FOLLOWED : PYT__PLAIN;
        }
        /* 2: release, or hand over. Release pairs with the acquire of pyt__lock_try; fails when
         * another thread, which does not hold the lock, released it meanwhile. */
        done = PYT__CAS(&lock->pyt__word, &word, next, release);
        if (done && oldest != NULL) {
            pyt__waitq_remove(bucket, oldest);
            PYT__DEBUG(pyt__my_notes.pyt__successor = (next & PYT__LOCKED) ? oldest : NULL;)
            nudged = pyt__lock_nudge_locked(bucket, lock, oldest);
        }
    }
    pyt__bucket_unlock(bucket);
    /* 3: wake what was taken out. A handed lock is already the woken thread's. */
    if (done && oldest != NULL) {
        pyt__unpark(oldest);
    }
    if (nudged != NULL) {
        PYT__STEP();
        pyt__parker_signal(nudged);
    }
    return done;
}

/* For pyt__requeue: say that a waiter is in the lock's queue, as long as the lock is held. */
static bool pyt__lock_mark_parked(void *object) {
    pyt_lock *lock = (pyt_lock *)object;
    uint32_t word = PYT__LOAD(&lock->pyt__word, relaxed);
    while (word & PYT__LOCKED) {
        if ((word & PYT__PARKED) ||
            PYT__CAS(&lock->pyt__word, &word, word | PYT__PARKED, release)) {
            return true;
        }
    }
    return false;
}

#if defined(PYTHREADING_DEBUG)
static pyt_status pyt__lock_release_slow(pyt_lock *lock);
#endif

#if PYT__BARE
PYT__API
#endif
PYT__COLD pyt_status pyt__lock_release_slow(pyt_lock *lock) {
    if (lock == NULL) {
        return pyt__fail_null();
    }
    for (;;) {
        uint32_t word = PYT__LOAD(&lock->pyt__word, acquire);
        if (!(word & PYT__LOCKED)) {
            return pyt__fail(PYT_RUNTIME_ERROR, "cannot release un-acquired lock");
        }
        PYT__STEP();
        if (word == (PYT__LOCKED | PYT__PARKED)) {
            if (pyt__lock_release_to_oldest(lock)) {
                return PYT_OK;
            }
        } else if (PYT__CAS(&lock->pyt__word, &word, word & ~PYT__LOCKED, release)) {
            return PYT_OK;
        }
    }
}

/* Wait on `address` until unparked, without `lock`, which the caller holds and which guards the
 * reason to wait. In the queue before the lock is released: the next holder finds this waiter.
 * Returns  as pyt__park */
static pyt_status pyt__park_unlocks(pyt_lock *lock, const void *address, int64_t deadline,
                                    bool interruptible) PYT__RELEASE(lock) {
    bool queued = pyt__enroll() != NULL && pyt__park_prepare(address, NULL, NULL);
    pyt_lock_release(lock);
    return queued ? pyt__park_queued(address, deadline, interruptible) : PYT_MEMORY_ERROR;
}

/* The same at a mark, which `lock` guards. Without a parker it is not set: it promises buckets. */
static pyt_status pyt__park_marked_unlocks(pyt_lock *lock, PYT__ATOMIC(uint32_t) *mark,
                                           int64_t deadline, bool interruptible)
    PYT__RELEASE(lock) {
    if (pyt__enroll() == NULL) {
        pyt_lock_release(lock);
        return PYT_MEMORY_ERROR;
    }
    PYT__STORE(mark, 1, relaxed);
    return pyt__park_unlocks(lock, mark, deadline, interruptible);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>rlock                                                                         threading.RLock
 *
 *  A lock with an owner and a depth. The owner is the address of the owning thread's own page,
 *  stored by the owner alone, while it holds the lock; 0 when free. A thread that reads its own
 *  address there put it there itself, so a relaxed load is enough; any other value says only
 *  "not you". The depth is the owner's.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* A re-entrant lock: the thread that holds it may acquire it again, and releases it as often.
 * Zero bytes are an unlocked one; it owns nothing and needs no destroy call. */
typedef struct PYT__CAPABILITY("lock") PYT__REENTRANT pyt_rlock {
    pyt_lock pyt__lock;
    uint32_t pyt__depth;               /* the owner's */
    PYT__ATOMIC(uintptr_t) pyt__owner; /* the owner's page, or 0 */
} pyt_rlock;
PYT__STATIC_ASSERT(sizeof(pyt_rlock) <= 16, "an RLock is 16 bytes");

#if defined(__cplusplus)
#define PYT_RLOCK_INIT \
    {}
#else
#define PYT_RLOCK_INIT \
    { {0}, 0, 0 }
#endif

PYT__API pyt_status pyt__rlock_acquire_slow(pyt_rlock *rlock);
PYT__API pyt_status pyt__rlock_acquire_nowait_slow(pyt_rlock *rlock);
PYT__API pyt_status pyt__rlock_acquire_timeout_slow(pyt_rlock *rlock, double seconds);
PYT__API pyt_status pyt__rlock_release_failed(pyt_rlock *rlock);

/* Ask whether the calling thread holds the lock. NULL: false.
 *
 * Thread   any
 * Python   RLock._is_owned()
 */
PYT__INLINE bool pyt_rlock_is_owned(const pyt_rlock *rlock) {
    return rlock != PYT__NULL && PYT__LOAD(&rlock->pyt__owner, relaxed) == PYT__ADDRESS(&pyt__me);
}

/* Take it if it is free, and not the caller's: its first level. */
PYT__INLINE bool pyt__rlock_grab(pyt_rlock *rlock) {
    if (!PYT__BARE || rlock == PYT__NULL || pyt_rlock_is_owned(rlock) ||
        !pyt__lock_grab(&rlock->pyt__lock)) {
        return false;
    }
    PYT__STORE(&rlock->pyt__owner, PYT__ADDRESS(&pyt__me), relaxed);
    rlock->pyt__depth = 1;
    return true;
}

/* Take the lock, or one more level of it, waiting as long as it takes.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: the caller holds the lock, one level deeper
 *          PYT_OVERFLOW_ERROR also when 4294967295 levels are held already
 * Thread   any
 * Python   RLock.acquire()
 */
PYT__INLINE pyt_status pyt_rlock_acquire(pyt_rlock *rlock) PYT__ACQUIRE(rlock) {
    return PYT__LIKELY(pyt__rlock_grab(rlock)) ? PYT_OK : pyt__rlock_acquire_slow(rlock);
}

/* Take the lock, or one more level of it, if no other thread holds it at this instant.
 *
 * Returns  PYT_OK, PYT_TIMEOUT (another thread holds it), PYT_VALUE_ERROR, PYT_OVERFLOW_ERROR, as
 *          pyt_rlock_acquire
 * Thread   any
 * Python   RLock.acquire(blocking=False)
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_rlock_acquire_nowait(pyt_rlock *rlock)
    PYT__TRY_ACQUIRE(rlock) {
    return PYT__LIKELY(pyt__rlock_grab(rlock)) ? PYT_OK : pyt__rlock_acquire_nowait_slow(rlock);
}

/* Take the lock, or one more level of it, waiting as long as `seconds` for it.
 *
 * seconds  0 looks once; not negative
 * Returns  as pyt_rlock_acquire
 * Thread   any
 * Python   RLock.acquire(timeout=seconds); there -1 waits for ever, here pyt_rlock_acquire does
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_rlock_acquire_timeout(pyt_rlock *rlock, double seconds)
    PYT__TRY_ACQUIRE(rlock) {
    if (PYT__LIKELY(seconds >= 0 && seconds <= PYT_TIMEOUT_MAX && pyt__rlock_grab(rlock))) {
        return PYT_OK;
    }
    return pyt__rlock_acquire_timeout_slow(rlock, seconds);
}

/* Give back one level; with the last one the lock goes free.
 *
 * Returns  PYT_OK
 *          PYT_RUNTIME_ERROR the caller does not hold it
 *          PYT_VALUE_ERROR   `rlock` is NULL
 * Thread   the owner
 * Python   RLock.release()
 */
PYT__INLINE pyt_status pyt_rlock_release(pyt_rlock *rlock) PYT__RELEASE(rlock) {
    if (!PYT__LIKELY(pyt_rlock_is_owned(rlock))) {
        return pyt__rlock_release_failed(rlock);
    }
    if (--rlock->pyt__depth > 0) {
        return PYT_OK;
    }
    PYT__STORE(&rlock->pyt__owner, 0, relaxed);
    return pyt_lock_release(&rlock->pyt__lock);
}

/* Ask whether any thread holds the lock. NULL: false.
 *
 * Thread   any; the answer may be old when it arrives, unless the caller holds the lock
 * Python   RLock.locked()
 */
PYT__INLINE bool pyt_rlock_locked(const pyt_rlock *rlock) {
    return rlock != PYT__NULL && pyt_lock_locked(&rlock->pyt__lock);
}

/* Count the levels the calling thread holds; 0 when it holds none, or for NULL.
 *
 * Thread   any
 * Python   RLock._recursion_count()
 */
PYT__INLINE size_t pyt_rlock_recursion_count(const pyt_rlock *rlock) {
    return pyt_rlock_is_owned(rlock) ? rlock->pyt__depth : 0;
}

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__DEBUG(static void pyt__note_rlock(const pyt_rlock *rlock);) /* the debug room's */

static pyt_status pyt__rlock_acquire_again(pyt_rlock *rlock) {
    if (rlock->pyt__depth == UINT32_MAX) {
        return pyt__fail(PYT_OVERFLOW_ERROR, "internal lock count overflowed");
    }
    rlock->pyt__depth++;
    return PYT_OK;
}

/* The first level is the caller's if the lock under it is. */
static pyt_status pyt__rlock_own(pyt_rlock *rlock, pyt_status status) {
    if (status == PYT_OK) {
        PYT__DEBUG(pyt__note_rlock(rlock);)
        PYT__STORE(&rlock->pyt__owner, (uintptr_t)&pyt__me, relaxed);
        rlock->pyt__depth = 1;
    }
    return status;
}

static pyt_status pyt__rlock_acquire_until(pyt_rlock *rlock, int64_t deadline) {
    return pyt_rlock_is_owned(rlock)
               ? pyt__rlock_acquire_again(rlock)
               : pyt__rlock_own(rlock, pyt__lock_acquire_checked((pyt_lock *)rlock, deadline));
}

PYT__API pyt_status pyt__rlock_acquire_slow(pyt_rlock *rlock) {
    return pyt__rlock_acquire_until(rlock, PYT__FOREVER);
}

PYT__API pyt_status pyt__rlock_acquire_nowait_slow(pyt_rlock *rlock) {
    return pyt__rlock_acquire_until(rlock, PYT__AT_ONCE);
}

PYT__API PYT__COLD pyt_status pyt__rlock_acquire_timeout_slow(pyt_rlock *rlock, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    return status == PYT_OK ? pyt__rlock_acquire_until(rlock, deadline) : status;
}

PYT__API PYT__COLD pyt_status pyt__rlock_release_failed(pyt_rlock *rlock) {
    return rlock == NULL ? pyt__fail_null()
                         : pyt__fail(PYT_RUNTIME_ERROR, "cannot release un-acquired lock");
}

/* Release an RLock held by the caller with all its levels.
 * Returns  how many, for pyt__rlock_restore */
PYT__UNCHECKED static uint32_t pyt__rlock_release_all(pyt_rlock *rlock) {
    uint32_t depth = rlock->pyt__depth;
    /* 1. Clear owner and depth while the lock is held. After the release they are the next owner's:
     *    a store of ours would erase what it has written. */
    rlock->pyt__depth = 0;
    PYT__STORE(&rlock->pyt__owner, 0, relaxed);
    /* 2. The release orders the stores before those of the next owner. */
    pyt_lock_release(&rlock->pyt__lock);
    return depth;
}

/* Make the caller the owner again, with `depth` levels. It has taken the lock under the RLock, so
 * no other thread writes owner or depth. */
static void pyt__rlock_restore(pyt_rlock *rlock, uint32_t depth) {
    PYT__STORE(&rlock->pyt__owner, (uintptr_t)&pyt__me, relaxed);
    rlock->pyt__depth = depth;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>semaphore                                     threading.Semaphore, threading.BoundedSemaphore
 *
 *  The word is the count of free permits, shifted by one, and PARKED in bit 0:
 *
 *      count * 2            no waiter; acquire takes 2 off, release puts 2 on
 *      PARKED               no permit is free and a waiter may be in the queue
 *
 *  PARKED is set under the bucket lock, only while the count is 0. While it is set, a release
 *  works under the bucket lock: it hands permits to the oldest waiters, each by taking it out of
 *  the queue, and adds to the count what is left when the queue is empty, clearing PARKED with
 *  it. So a permit is at any time in the count, with a holder, or on its way to exactly one
 *  waiter that is out of the queue and will return PYT_OK; a waiter that times out takes itself
 *  out under the bucket lock and has none. PARKED set without need costs a slow release.
 *
 *      acquire, with a timeout                     release
 *      1 count 0: locks the bucket, sets PARKED,
 *        enters the queue, sleeps
 *                                                  a sees PARKED: locks the bucket
 *      2 its time is up: waits for the bucket
 *                                                  b takes it out: the permit is its own
 *                                                  c unlocks the bucket, wakes it
 *      3 locks the bucket: in no queue any more,
 *        waits for c: PYT_OK, with the permit
 *
 *  With 3 before a it has taken itself out, without a permit: b finds another waiter, or none and
 *  adds to the count. With a before 1 is over, 1 finds the permit when it has the bucket.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

#define PYT__PERMIT UINT32_C(2)
#define PYT__SEMAPHORE_PARKED UINT32_C(1)

/* A counter of permits. Zero bytes are a semaphore of 0; it owns nothing. */
typedef struct pyt_semaphore {
    PYT__ATOMIC(uint32_t) pyt__word;
    uint32_t pyt__initial; /* fixed after init; what a bounded one may not exceed */
} pyt_semaphore;
PYT__STATIC_ASSERT(sizeof(pyt_semaphore) == 8, "a semaphore is 8 bytes");

/* A semaphore whose count never exceeds the initial one, which finds a release too many. */
typedef struct pyt_bounded_semaphore {
    pyt_semaphore pyt__semaphore;
} pyt_bounded_semaphore;

/* `value`: how many permits at first, 0 to INT_MAX, a constant. */
#define PYT_SEMAPHORE_INIT(value) \
    { PYT__ATOMIC_INIT((value)*2U), (value) + 0U }
#define PYT_BOUNDED_SEMAPHORE_INIT(value) \
    { PYT_SEMAPHORE_INIT(value) }

PYT__API pyt_status pyt__semaphore_acquire_slow(pyt_semaphore *semaphore);
PYT__API pyt_status pyt__semaphore_acquire_timeout_slow(pyt_semaphore *semaphore, double seconds);
PYT__API pyt_status pyt__semaphore_acquire_nowait_slow(pyt_semaphore *semaphore);
PYT__API pyt_status pyt__semaphore_release_slow(pyt_semaphore *semaphore, int n);

PYT__INLINE bool pyt__semaphore_grab(pyt_semaphore *semaphore) {
    uint32_t word =
        PYT__LIKELY(semaphore != PYT__NULL) ? PYT__LOAD(&semaphore->pyt__word, relaxed) : 0;
    return PYT__LIKELY(word >= PYT__PERMIT) &&
           PYT__CAS(&semaphore->pyt__word, &word, word - PYT__PERMIT, acquire);
}

/* Put one permit back without a call, when nobody waits and `limit` allows it. */
PYT__INLINE bool pyt__semaphore_put(pyt_semaphore *semaphore, uint32_t limit) {
    uint32_t word = PYT__LOAD(&semaphore->pyt__word, relaxed);
    return PYT__LIKELY(!(word & PYT__SEMAPHORE_PARKED) && word / PYT__PERMIT < limit) &&
           PYT__CAS(&semaphore->pyt__word, &word, word + PYT__PERMIT, release);
}

/* Make a semaphore of `value` permits. Only before any thread uses it.
 *
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR `value` is negative, or `semaphore` is NULL; nothing is changed
 * Python   Semaphore(value)
 */
PYT__MUST_USE PYT__API pyt_status pyt_semaphore_init(pyt_semaphore *semaphore, int value);

/* Take a permit, waiting for one as long as it takes. Waiters are served in order of arrival.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: a permit was taken
 * Thread   any
 * Python   Semaphore.acquire()
 */
PYT__INLINE pyt_status pyt_semaphore_acquire(pyt_semaphore *semaphore) {
    return PYT__LIKELY(pyt__semaphore_grab(semaphore)) ? PYT_OK
                                                       : pyt__semaphore_acquire_slow(semaphore);
}

/* Take a permit if one is free at this instant.
 *
 * Returns  PYT_OK, PYT_TIMEOUT (none is free), PYT_VALUE_ERROR (`semaphore` is NULL)
 * Thread   any
 * Python   Semaphore.acquire(blocking=False)
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_semaphore_acquire_nowait(pyt_semaphore *semaphore) {
    return PYT__LIKELY(pyt__semaphore_grab(semaphore))
               ? PYT_OK
               : pyt__semaphore_acquire_nowait_slow(semaphore);
}

/* Take a permit, waiting as long as `seconds` for one.
 *
 * seconds  0 and below look once
 * Returns  as pyt_semaphore_acquire
 * Thread   any
 * Python   Semaphore.acquire(timeout=seconds)
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_semaphore_acquire_timeout(pyt_semaphore *semaphore,
                                                                   double seconds) {
    if (PYT__LIKELY(seconds <= PYT_TIMEOUT_MAX && pyt__semaphore_grab(semaphore))) {
        return PYT_OK;
    }
    return pyt__semaphore_acquire_timeout_slow(semaphore, seconds);
}

/* Put a permit back, or hand it to the thread that waited longest.
 *
 * Returns  PYT_OK
 *          PYT_OVERFLOW_ERROR the count is INT_MAX already; it is unchanged
 *          PYT_VALUE_ERROR    `semaphore` is NULL
 * Thread   any
 * Python   Semaphore.release()
 */
PYT__INLINE pyt_status pyt_semaphore_release(pyt_semaphore *semaphore) {
    if (PYT__LIKELY(semaphore != NULL && pyt__semaphore_put(semaphore, INT32_MAX))) {
        return PYT_OK;
    }
    return pyt__semaphore_release_slow(semaphore, 1);
}

/* Put `n` permits back at once.
 *
 * n        1 or more
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR    `n` is below 1, or `semaphore` is NULL
 *          PYT_OVERFLOW_ERROR the count would exceed INT_MAX
 *          In both cases the count is unchanged and nobody is woken
 * Thread   any
 * Python   Semaphore.release(n)
 */
PYT__API pyt_status pyt_semaphore_release_n(pyt_semaphore *semaphore, int n);

/* Count the free permits. NULL: 0.
 *
 * Thread   any; the answer may be old when it arrives
 * Python   Semaphore._value
 */
PYT__INLINE int pyt_semaphore_value(const pyt_semaphore *semaphore) {
    return semaphore != PYT__NULL
               ? PYT__CAST(int, PYT__LOAD(&semaphore->pyt__word, acquire) / PYT__PERMIT)
               : 0;
}

PYT__INLINE pyt_semaphore *pyt__unbounded(pyt_bounded_semaphore *semaphore) {
    return semaphore != PYT__NULL ? &semaphore->pyt__semaphore : PYT__NULL;
}

/* The same for a bounded semaphore; see the functions above.
 *
 * Returns  as those; release and release_n also PYT_VALUE_ERROR when the count would exceed the
 *          initial value: the count is unchanged and nobody is woken
 * Python   BoundedSemaphore
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_bounded_semaphore_init(pyt_bounded_semaphore *semaphore,
                                                                int value) {
    return pyt_semaphore_init(pyt__unbounded(semaphore), value);
}

PYT__INLINE pyt_status pyt_bounded_semaphore_acquire(pyt_bounded_semaphore *semaphore) {
    return pyt_semaphore_acquire(pyt__unbounded(semaphore));
}

PYT__MUST_USE PYT__INLINE pyt_status
pyt_bounded_semaphore_acquire_nowait(pyt_bounded_semaphore *semaphore) {
    return pyt_semaphore_acquire_nowait(pyt__unbounded(semaphore));
}

PYT__MUST_USE PYT__INLINE pyt_status
pyt_bounded_semaphore_acquire_timeout(pyt_bounded_semaphore *semaphore, double seconds) {
    return pyt_semaphore_acquire_timeout(pyt__unbounded(semaphore), seconds);
}

PYT__API pyt_status pyt_bounded_semaphore_release_n(pyt_bounded_semaphore *semaphore, int n);

PYT__INLINE pyt_status pyt_bounded_semaphore_release(pyt_bounded_semaphore *semaphore) {
    if (PYT__LIKELY(semaphore != NULL &&
                    pyt__semaphore_put(&semaphore->pyt__semaphore,
                                       semaphore->pyt__semaphore.pyt__initial))) {
        return PYT_OK;
    }
    return pyt_bounded_semaphore_release_n(semaphore, 1);
}

PYT__INLINE int pyt_bounded_semaphore_value(const pyt_bounded_semaphore *semaphore) {
    return semaphore != PYT__NULL ? pyt_semaphore_value(&semaphore->pyt__semaphore) : 0;
}

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__API pyt_status pyt_semaphore_init(pyt_semaphore *semaphore, int value) {
    if (semaphore == NULL) {
        return pyt__fail_null();
    }
    if (value < 0) {
        return pyt__fail(PYT_VALUE_ERROR, "semaphore initial value must be >= 0");
    }
    PYT__STORE(&semaphore->pyt__word, (uint32_t)value * PYT__PERMIT, relaxed);
    semaphore->pyt__initial = (uint32_t)value;
    return PYT_OK;
}

static bool pyt__semaphore_try(pyt_semaphore *semaphore) {
    uint32_t word = PYT__LOAD(&semaphore->pyt__word, relaxed);
    while (word >= PYT__PERMIT) {
        if (PYT__CAS(&semaphore->pyt__word, &word, word - PYT__PERMIT, acquire)) {
            return true;
        }
    }
    return false;
}

/* For pyt__park: set PARKED, unless a permit has come free, which is taken instead. */
static bool pyt__semaphore_validate(void *object) {
    pyt_semaphore *semaphore = (pyt_semaphore *)object;
    /* The last look and PARKED in one step: from then on a release waits for this bucket. Release:
     * with PARKED comes the table of buckets (see the park room). */
    uint32_t word = PYT__LOAD(&semaphore->pyt__word, relaxed);
    bool queued = false;
    bool taken = false;
    while (!queued && !taken) {
        if (word >= PYT__PERMIT) {
            taken = PYT__CAS(&semaphore->pyt__word, &word, word - PYT__PERMIT, acquire);
        } else {
            queued = PYT__CAS(&semaphore->pyt__word, &word, PYT__SEMAPHORE_PARKED, release);
        }
    }
    return queued;
}

static bool pyt__semaphore_look(void *semaphore) {
    return pyt__semaphore_try((pyt_semaphore *)semaphore);
}

static pyt_status pyt__semaphore_acquire_until(pyt_semaphore *semaphore, int64_t deadline,
                                               bool interruptible) {
    if (pyt__semaphore_try(semaphore)) {
        return PYT_OK;
    }
    if (deadline == PYT__AT_ONCE) {
        return PYT_TIMEOUT;
    }
    if (pyt__enroll() == NULL) {
        return pyt__wait_unparked(pyt__semaphore_look, semaphore, deadline);
    }
    return pyt__park(semaphore, pyt__semaphore_validate, semaphore, deadline, interruptible);
}

static pyt_status pyt__semaphore_acquire_checked(pyt_semaphore *semaphore, int64_t deadline) {
    return semaphore == NULL ? pyt__fail_null()
                             : pyt__semaphore_acquire_until(semaphore, deadline, true);
}

PYT__API PYT__COLD pyt_status pyt__semaphore_acquire_slow(pyt_semaphore *semaphore) {
    return pyt__semaphore_acquire_checked(semaphore, PYT__FOREVER);
}

PYT__API PYT__COLD pyt_status pyt__semaphore_acquire_nowait_slow(pyt_semaphore *semaphore) {
    return pyt__semaphore_acquire_checked(semaphore, PYT__AT_ONCE);
}

PYT__API PYT__COLD pyt_status pyt__semaphore_acquire_timeout_slow(pyt_semaphore *semaphore,
                                                                  double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__semaphore_acquire_checked(semaphore, deadline) : status;
}

/* With the bucket locked, take out up to `n` waiters for a permit each.
 * Returns  how many, and in `list` those to wake */
static uint32_t pyt__semaphore_serve(pyt_semaphore *semaphore, pyt__bucket *bucket, uint32_t n,
                                     pyt__parker **list) {
    uint32_t served = 0;
    pyt__parker **end = list;
    while (served < n) {
        pyt__parker *oldest = pyt__waitq_oldest(bucket, semaphore);
        if (oldest == NULL) {
            break;
        }
        pyt__waitq_remove(bucket, oldest);
        *end = oldest;
        end = &oldest->next;
        served++;
    }
    *end = NULL;
    return served;
}

/* Release with waiters in the queue, perhaps. While PARKED is set the count is 0, and only the
 * thread that holds the bucket lock changes the word.
 * Returns  false when PARKED was cleared meanwhile: look at the word again */
static bool pyt__semaphore_release_parked(pyt_semaphore *semaphore, uint32_t n) {
    pyt__parker *list = NULL;
    pyt__bucket *bucket = pyt__bucket_lock(semaphore);
    bool parked = PYT__LOAD(&semaphore->pyt__word, relaxed) == PYT__SEMAPHORE_PARKED;
    if (parked) {
        uint32_t left = n - pyt__semaphore_serve(semaphore, bucket, n, &list);
        if (pyt__waitq_oldest(bucket, semaphore) == NULL) {
            /* A store will do: PARKED is set, so no other thread changes the word. Release pairs
             * with the acquire of pyt__semaphore_try. */
            PYT__STORE(&semaphore->pyt__word, left * PYT__PERMIT, release);
        }
    }
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(list);
    return parked;
}

/* Put `n` permits back, or none when the count would exceed `limit`. */
static pyt_status pyt__semaphore_release_up_to(pyt_semaphore *semaphore, int n, uint32_t limit,
                                               pyt_status too_many, const char *complaint) {
    if (n < 1) {
        return pyt__fail(PYT_VALUE_ERROR, "n must be one or more");
    }
    for (;;) {
        uint32_t word = PYT__LOAD(&semaphore->pyt__word, acquire);
        if (word / PYT__PERMIT + (uint32_t)n > limit) {
            return pyt__fail(too_many, complaint);
        }
        PYT__STEP();
        if (word & PYT__SEMAPHORE_PARKED) {
            if (pyt__semaphore_release_parked(semaphore, (uint32_t)n)) {
                return PYT_OK;
            }
        } else if (PYT__CAS(&semaphore->pyt__word, &word, word + (uint32_t)n * PYT__PERMIT,
                            release)) {
            return PYT_OK;
        }
    }
}

PYT__API PYT__COLD pyt_status pyt__semaphore_release_slow(pyt_semaphore *semaphore, int n) {
    if (semaphore == NULL) {
        return pyt__fail_null();
    }
    return pyt__semaphore_release_up_to(semaphore, n, INT32_MAX, PYT_OVERFLOW_ERROR,
                                        "semaphore counter overflowed");
}

PYT__API pyt_status pyt_semaphore_release_n(pyt_semaphore *semaphore, int n) {
    return pyt__semaphore_release_slow(semaphore, n);
}

PYT__API pyt_status pyt_bounded_semaphore_release_n(pyt_bounded_semaphore *semaphore, int n) {
    if (semaphore == NULL) {
        return pyt__fail_null();
    }
    pyt_semaphore *inner = &semaphore->pyt__semaphore;
    return pyt__semaphore_release_up_to(inner, n, inner->pyt__initial, PYT_VALUE_ERROR,
                                        "semaphore released too many times");
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>event                                                                         threading.Event
 *
 *      SET     the flag
 *      PARKED  a waiter may be in the queue. Set under the bucket lock, only while SET is clear;
 *              cleared by set() under the bucket lock, in the step that sets SET.
 *
 *  While PARKED is set, set() works under the bucket lock: it sets SET and takes all waiters out,
 *  in one step as seen from there. A waiter that it took out returns PYT_OK, even if clear() comes
 *  before it runs; one that comes after the clear() is not among them.
 *
 *      wait()                                      set()
 *      1 looks: not set
 *                                                  a 0 -> SET: there is no waiter to wake
 *      2 locks the bucket, looks again: SET
 *
 *      or                                          or
 *      2 locks the bucket: 0 -> PARKED, enters
 *        the queue, unlocks, sleeps
 *                                                  a fails, as PARKED is set
 *                                                  b locks the bucket: PARKED -> SET, takes all
 *                                                    out, unlocks
 *                                                  c wakes them
 *
 *  2 and a change the same word, so one of them is first and the other one sees it.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

#define PYT__SET UINT32_C(1)
#define PYT__EVENT_PARKED UINT32_C(2)

/* A flag that threads can wait for. Zero bytes are an event that is not set; it owns nothing. */
typedef struct pyt_event {
    PYT__ATOMIC(uint32_t) pyt__word;
} pyt_event;
PYT__STATIC_ASSERT(sizeof(pyt_event) == 4, "an event is one 32-bit word");

#if defined(__cplusplus)
#define PYT_EVENT_INIT \
    {}
#else
#define PYT_EVENT_INIT \
    { 0 }
#endif

PYT__API pyt_status pyt__event_set_slow(pyt_event *event);
PYT__API pyt_status pyt__event_wait_slow(pyt_event *event);
PYT__API pyt_status pyt__event_wait_timeout_slow(pyt_event *event, double seconds);

/* Ask whether the flag is set. NULL: false.
 *
 * Thread   any; what was written before the set() is seen after a true
 * Python   Event.is_set()
 */
PYT__INLINE bool pyt_event_is_set(const pyt_event *event) {
    return event != PYT__NULL && (PYT__LOAD(&event->pyt__word, acquire) & PYT__SET) != 0;
}

/* Set the flag and wake all threads that wait for it.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `event` is NULL
 * Thread   any
 * Python   Event.set()
 */
PYT__INLINE pyt_status pyt_event_set(pyt_event *event) {
    uint32_t clear_word = 0;
    if (PYT__LIKELY(event != NULL && PYT__CAS(&event->pyt__word, &clear_word, PYT__SET, acq_rel))) {
        return PYT_OK;
    }
    return pyt__event_set_slow(event);
}

/* Clear the flag. Threads that a set() has woken are not held back by it.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `event` is NULL
 * Thread   any
 * Python   Event.clear()
 */
PYT__API pyt_status pyt_event_clear(pyt_event *event);

/* Wait until the flag is set.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: it is set, or was set while the caller waited
 * Thread   any
 * Python   Event.wait()
 */
PYT__INLINE pyt_status pyt_event_wait(pyt_event *event) {
    return PYT__LIKELY(pyt_event_is_set(event)) ? PYT_OK : pyt__event_wait_slow(event);
}

/* Wait until the flag is set, as long as `seconds`.
 *
 * seconds  0 and below look once
 * Returns  as pyt_event_wait
 * Thread   any
 * Python   Event.wait(timeout)
 */
PYT__MUST_USE PYT__INLINE pyt_status pyt_event_wait_timeout(pyt_event *event, double seconds) {
    if (PYT__LIKELY(seconds <= PYT_TIMEOUT_MAX && pyt_event_is_set(event))) {
        return PYT_OK;
    }
    return pyt__event_wait_timeout_slow(event, seconds);
}

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__API PYT__COLD pyt_status pyt__event_set_slow(pyt_event *event) {
    if (event == NULL) {
        return pyt__fail_null();
    }
    /* a: also where SET is set: what came before this set() is released with it. */
    uint32_t word = PYT__LOAD(&event->pyt__word, acquire);
    while (!(word & PYT__EVENT_PARKED)) {
        if (PYT__CAS(&event->pyt__word, &word, PYT__SET, acq_rel)) {
            return PYT_OK;
        }
        word = PYT__LOAD(&event->pyt__word, acquire);
    }
    PYT__STEP();
    /* b: another set() may have been first; then the queue is empty, or has new waiters that may
     * as well go. */
    pyt__bucket *bucket = pyt__bucket_lock(event);
    (void)PYT__SWAP(&event->pyt__word, PYT__SET, acq_rel);
    pyt__parker *list = pyt__waitq_take_all(bucket, event, PYT__HANDED);
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(list); /* c */
    return PYT_OK;
}

PYT__API pyt_status pyt_event_clear(pyt_event *event) {
    if (event == NULL) {
        return pyt__fail_null();
    }
    uint32_t word = PYT__SET; /* never together with PARKED, so nothing else is to be kept */
    PYT__CAS(&event->pyt__word, &word, 0, acq_rel);
    return PYT_OK;
}

/* Step 2, for pyt__park: set PARKED unless the flag is set by now. */
static bool pyt__event_validate(void *object) {
    pyt_event *event = (pyt_event *)object;
    uint32_t word = PYT__LOAD(&event->pyt__word, acquire);
    bool queued = word == PYT__EVENT_PARKED;
    while (!queued && word == 0) {
        queued = PYT__CAS(&event->pyt__word, &word, PYT__EVENT_PARKED, acq_rel);
        if (!queued) { /* set meanwhile: acquire what came before, which the failed step did not */
            word = PYT__LOAD(&event->pyt__word, acquire);
        }
    }
    return queued;
}

static pyt_status pyt__event_wait_until(pyt_event *event, int64_t deadline, bool interruptible) {
    if (pyt_event_is_set(event)) {
        return PYT_OK;
    }
    if (deadline == PYT__AT_ONCE) {
        return PYT_TIMEOUT;
    }
    return pyt__park(event, pyt__event_validate, event, deadline, interruptible);
}

static pyt_status pyt__event_wait_checked(pyt_event *event, int64_t deadline) {
    return event == NULL ? pyt__fail_null() : pyt__event_wait_until(event, deadline, true);
}

PYT__API PYT__COLD pyt_status pyt__event_wait_slow(pyt_event *event) {
    return pyt__event_wait_checked(event, PYT__FOREVER);
}

PYT__API PYT__COLD pyt_status pyt__event_wait_timeout_slow(pyt_event *event, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__event_wait_checked(event, deadline) : status;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>condition                                                                 threading.Condition
 *
 *  A condition has a lock (its own RLock, or a Lock or RLock given to it) and a queue, keyed by
 *  the address of `pyt__queue`. `pyt__queue` is 1 when a waiter may be in it: set by a waiter
 *  under the bucket lock, cleared by the notifier that takes the last one out. A waiter that
 *  times out leaves it set, which costs a look at an empty queue.
 *
 *  wait enters the queue while it still holds the lock, then releases it: a notifier, which holds
 *  the lock, comes either before the waiter looked at what it waits for, or finds it in the queue.
 *
 *  notify wakes no thread. It moves the oldest waiters to the queue of the lock, with both buckets
 *  locked, where the release of the lock wakes them one after the other; as it is held, they
 *  could do nothing earlier. A moved waiter has been notified: whether its time is up before it
 *  gets the lock does not matter, and it cannot be counted by a notify and return PYT_TIMEOUT.
 *  A Lock may be released by any thread, so it may be free during a notify: then the waiter is
 *  woken and takes the lock by itself.
 *
 *      wait, with a timeout                        notify, holding the lock
 *      1 enters the queue, releases the lock
 *      2 sleeps
 *                                                  a locks both buckets
 *      3 its time is up: waits for the bucket
 *                                                  b moves it to the lock's queue, sets PARKED
 *                                                  c unlocks the buckets; later releases the
 *                                                    lock, which wakes the oldest waiter
 *      4 locks its bucket: no longer in this
 *        queue, waits for the wake-up of c, and
 *        takes the lock, or has been handed it:
 *        PYT_OK
 *
 *  With 4 before a it has taken itself out: PYT_TIMEOUT, and b moves another waiter.
 *
 *  After the sleep the lock is taken back, not interruptibly and without a deadline.
 *
 *  A thread that finds `pyt__queue` set waits behind others, is woken after them, and sleeps at
 *  once, unless its last wait was ended by a notify for several, as this one may be. Where the
 *  others have timed out, it is one wait without spinning.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* A condition variable with its lock. Zero bytes are one over an RLock of its own. It owns
 * nothing; a lock that was given to it must live as long. */
typedef struct PYT__CAPABILITY("lock") PYT__REENTRANT pyt_condition {
    pyt_rlock pyt__own;
    void *pyt__given;                 /* fixed after init: a pyt_lock or a pyt_rlock, or NULL */
    uint32_t pyt__given_is_lock;      /* fixed after init */
    PYT__ATOMIC(uint32_t) pyt__queue; /* its address is the queue's; 1: somebody may be in it */
} pyt_condition;
PYT__STATIC_ASSERT(sizeof(pyt_condition) <= 40, "a condition is 40 bytes or less");

#if defined(__cplusplus)
#define PYT_CONDITION_INIT \
    {}
#else
#define PYT_CONDITION_INIT \
    { PYT_RLOCK_INIT, NULL, 0, 0 }
#endif

/* A condition over a lock that lives as long: constants where the lock's address is one, so that
 * both may be static. As pyt_condition_init_lock and _rlock.
 *
 *     static pyt_lock lock;
 *     static pyt_condition ready = PYT_CONDITION_INIT_LOCK(&lock), empty = ...
 */
#define PYT_CONDITION_INIT_LOCK(lock) \
    { PYT_RLOCK_INIT, (lock), 1, PYT__ATOMIC_INIT(0) }
#define PYT_CONDITION_INIT_RLOCK(rlock) \
    { PYT_RLOCK_INIT, (rlock), 0, PYT__ATOMIC_INIT(0) }

/* Make a condition over a lock that may serve other conditions as well. Only before any thread
 * uses the condition.
 *
 * lock     not NULL; must live as long as the condition
 * Returns  PYT_OK; PYT_VALUE_ERROR: an argument is NULL, nothing is changed
 * Python   Condition(lock)
 */
PYT__MUST_USE PYT__API pyt_status pyt_condition_init_lock(pyt_condition *condition, pyt_lock *lock);
PYT__MUST_USE PYT__API pyt_status pyt_condition_init_rlock(pyt_condition *condition,
                                                           pyt_rlock *rlock);

/* Take and release the condition's lock.
 *
 * Returns  what pyt_rlock_acquire ... pyt_rlock_release return, or those of pyt_lock over a Lock
 * Thread   any
 * Python   Condition.acquire(), Condition.release()
 */
PYT__API pyt_status pyt_condition_acquire(pyt_condition *condition) PYT__ACQUIRE(condition);
PYT__MUST_USE PYT__API pyt_status pyt_condition_acquire_nowait(pyt_condition *condition)
    PYT__TRY_ACQUIRE(condition);
PYT__MUST_USE PYT__API pyt_status pyt_condition_acquire_timeout(pyt_condition *condition,
                                                                double seconds)
    PYT__TRY_ACQUIRE(condition);
PYT__API pyt_status pyt_condition_release(pyt_condition *condition) PYT__RELEASE(condition);

/* Let the lock go, sleep until notified, and take the lock again, as deep as before.
 *
 * Returns  as every wait (see pyt_status), and
 *          PYT_OK            a notify counted this thread. Never for any other reason
 *          PYT_RUNTIME_ERROR the caller does not hold the lock (over a Lock: nobody does)
 *          Whenever the lock was let go it is held again, after a failure too
 * Thread   any that holds the lock
 * Python   Condition.wait()
 */
PYT__API pyt_status pyt_condition_wait(pyt_condition *condition);

/* As pyt_condition_wait, as long as `seconds`.
 *
 * seconds  0 and below let the lock go and take it again without waiting for a notify. The time
 *          to get the lock back is not limited
 * Returns  as pyt_condition_wait
 * Python   Condition.wait(timeout)
 */
PYT__MUST_USE PYT__API pyt_status pyt_condition_wait_timeout(pyt_condition *condition,
                                                             double seconds);

/* Wait until `predicate(arg)` is true; it is asked with the lock held, first before any wait.
 *
 * Returns  as pyt_condition_wait; PYT_OK: the predicate is true
 * Python   Condition.wait_for(predicate)
 */
PYT__API pyt_status pyt_condition_wait_for(pyt_condition *condition, bool (*predicate)(void *arg),
                                           void *arg);

/* As pyt_condition_wait_for with one deadline for all waits together, and one last look at the
 * predicate when it has passed.
 *
 * Returns  as pyt_condition_wait_timeout; PYT_TIMEOUT: the predicate was still false
 * Python   Condition.wait_for(predicate, timeout)
 */
PYT__MUST_USE PYT__API pyt_status pyt_condition_wait_for_timeout(pyt_condition *condition,
                                                                 bool (*predicate)(void *arg),
                                                                 void *arg, double seconds);

/* Wake the thread, the `n` threads, all threads that wait for the longest time and nobody else.
 * They run when the caller has let the lock go.
 *
 * n        above the number of waiters: all; 0 and below: nobody
 * Returns  PYT_OK
 *          PYT_RUNTIME_ERROR the caller does not hold the lock (over a Lock: nobody does)
 *          PYT_VALUE_ERROR   `condition` is NULL
 * Thread   any that holds the lock
 * Python   Condition.notify(), Condition.notify(n), Condition.notify_all()
 */
PYT__API pyt_status pyt_condition_notify(pyt_condition *condition);
PYT__API pyt_status pyt_condition_notify_n(pyt_condition *condition, int n);
PYT__API pyt_status pyt_condition_notify_all(pyt_condition *condition);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__API pyt_status pyt_condition_init_lock(pyt_condition *condition, pyt_lock *lock) {
    static const pyt_condition fresh = PYT_CONDITION_INIT;
    if (condition == NULL || lock == NULL) {
        return pyt__fail_null();
    }
    memcpy((void *)condition, (const void *)&fresh, sizeof fresh);
    condition->pyt__given = lock;
    condition->pyt__given_is_lock = 1;
    return PYT_OK;
}

PYT__API pyt_status pyt_condition_init_rlock(pyt_condition *condition, pyt_rlock *rlock) {
    static const pyt_condition fresh = PYT_CONDITION_INIT;
    if (condition == NULL || rlock == NULL) {
        return pyt__fail_null();
    }
    memcpy((void *)condition, (const void *)&fresh, sizeof fresh);
    condition->pyt__given = rlock;
    return PYT_OK;
}

/* The condition's RLock, or NULL when it is over a Lock. */
static pyt_rlock *pyt__condition_rlock(pyt_condition *condition) {
    if (condition->pyt__given_is_lock) {
        return NULL;
    }
    return condition->pyt__given != NULL ? (pyt_rlock *)condition->pyt__given
                                         : &condition->pyt__own;
}

/* The Lock at the bottom, whatever the condition is over. */
static pyt_lock *pyt__condition_lock(pyt_condition *condition) {
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    return rlock != NULL ? &rlock->pyt__lock : (pyt_lock *)condition->pyt__given;
}

PYT__API pyt_status pyt_condition_acquire(pyt_condition *condition) {
    if (condition == NULL) {
        return pyt__fail_null();
    }
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    return rlock != NULL ? pyt_rlock_acquire(rlock)
                         : pyt_lock_acquire((pyt_lock *)condition->pyt__given);
}

PYT__API pyt_status pyt_condition_acquire_nowait(pyt_condition *condition) {
    if (condition == NULL) {
        return pyt__fail_null();
    }
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    return rlock != NULL ? pyt_rlock_acquire_nowait(rlock)
                         : pyt_lock_acquire_nowait((pyt_lock *)condition->pyt__given);
}

PYT__API pyt_status pyt_condition_acquire_timeout(pyt_condition *condition, double seconds) {
    if (condition == NULL) {
        return pyt__fail_null();
    }
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    return rlock != NULL ? pyt_rlock_acquire_timeout(rlock, seconds)
                         : pyt_lock_acquire_timeout((pyt_lock *)condition->pyt__given, seconds);
}

PYT__API pyt_status pyt_condition_release(pyt_condition *condition) {
    if (condition == NULL) {
        return pyt__fail_null();
    }
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    return rlock != NULL ? pyt_rlock_release(rlock)
                         : pyt_lock_release((pyt_lock *)condition->pyt__given);
}

static pyt_status pyt__condition_check(pyt_condition *condition, const char *complaint) {
    if (condition == NULL) {
        return pyt__fail_null();
    }
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    bool owned = rlock != NULL ? pyt_rlock_is_owned(rlock)
                               : pyt_lock_locked((pyt_lock *)condition->pyt__given);
    return owned ? PYT_OK : pyt__fail(PYT_RUNTIME_ERROR, complaint);
}

#if defined(PYTHREADING_DEBUG) /* the debug room's */
static void pyt__wait_for_notify(pyt_condition *condition, int64_t deadline);
static void pyt__wait_for_lock_again(pyt_condition *condition, pyt_status status);
static void pyt__have_lock_again(pyt_condition *condition);
#endif

/* For pyt__park_prepare: say that a waiter is in the queue. The caller holds the lock, so there is
 * a reason to wait. Under the bucket lock, since a notifier that does not hold the lock may be
 * clearing it. */
static bool pyt__condition_validate(void *object) {
    PYT__STORE(&((pyt_condition *)object)->pyt__queue, 1, relaxed);
    return true;
}

/* Enter the queue, release the lock, sleep, take the lock again. The caller's arguments are good
 * and it holds the lock. */
PYT__UNCHECKED static pyt_status pyt__condition_wait_until(pyt_condition *condition,
                                                           int64_t deadline) {
    pyt__parker *parker = pyt__enroll();
    if (parker == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt_lock *lock = pyt__condition_lock(condition);
    pyt_rlock *rlock = pyt__condition_rlock(condition);
    const void *address = &condition->pyt__queue;
    /* 1: in the queue before the lock is released. The lock orders pyt__queue for the notifier;
     * one that notifies with a Lock that is not held may miss it, as it may come too early. */
    bool first = PYT__LOAD(&condition->pyt__queue, relaxed) == 0;
    parker->processor = pyt__os_processor();
    (void)pyt__park_prepare(address, pyt__condition_validate, condition);

    uint32_t depth = 0;
    PYT__DEBUG(pyt__my_notes.pyt__in_queue = true;)
    if (rlock != NULL) {
        depth = pyt__rlock_release_all(rlock);
    } else {
        pyt_lock_release(lock);
    }
    PYT__DEBUG(pyt__wait_for_notify(condition, deadline);)
    /* 2 to 4: PYT_OK when notified, wherever it was woken; else out of the queue by itself. */
    bool at_once = !first && !parker->was_in_crowd;
    pyt_status status = at_once ? pyt__park_queued_at_once(address, deadline, true)
                                : pyt__park_queued(address, deadline, true);
    PYT__STEP();
    parker->was_in_crowd = status == PYT_OK && parker->in_crowd;
    PYT__DEBUG(pyt__wait_for_lock_again(condition, status);)
    if (status != PYT_OK) {
        pyt__lock_take(lock); /* as a newcomer: it has waited for a notify, not for the lock */
    } else if (parker->token != PYT__HANDED) { /* with the place it has had since the notify */
        uint32_t mark = pyt__lock_mark(parker->token);
        pyt__lock_wait(lock, parker, mark, parker->since, PYT__FOREVER, false);
    }
    PYT__DEBUG(pyt__have_lock_again(condition);)
    if (rlock != NULL) {
        pyt__rlock_restore(rlock, depth);
    }
    return status;
}

static const char pyt__wait_complaint[] = "cannot wait on un-acquired lock";

static pyt_status pyt__condition_wait_checked(pyt_condition *condition, int64_t deadline) {
    pyt_status status = pyt__condition_check(condition, pyt__wait_complaint);
    return status == PYT_OK ? pyt__condition_wait_until(condition, deadline) : status;
}

PYT__API pyt_status pyt_condition_wait(pyt_condition *condition) {
    return pyt__condition_wait_checked(condition, PYT__FOREVER);
}

PYT__API pyt_status pyt_condition_wait_timeout(pyt_condition *condition, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__condition_wait_checked(condition, deadline) : status;
}

static pyt_status pyt__condition_wait_for_until(pyt_condition *condition, bool (*predicate)(void *),
                                                void *arg, int64_t deadline) {
    if (predicate == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__condition_check(condition, pyt__wait_complaint);
    while (status == PYT_OK && !predicate(arg)) {
        status = pyt__condition_wait_until(condition, deadline);
    }
    return status == PYT_TIMEOUT && predicate(arg) ? PYT_OK : status;
}

PYT__API pyt_status pyt_condition_wait_for(pyt_condition *condition, bool (*predicate)(void *arg),
                                           void *arg) {
    return pyt__condition_wait_for_until(condition, predicate, arg, PYT__FOREVER);
}

PYT__API pyt_status pyt_condition_wait_for_timeout(pyt_condition *condition,
                                                   bool (*predicate)(void *arg), void *arg,
                                                   double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__condition_wait_for_until(condition, predicate, arg, deadline)
                            : status;
}

static pyt_status pyt__condition_notify(pyt_condition *condition, unsigned n) {
    pyt_status status = pyt__condition_check(condition, "cannot notify on un-acquired lock");
    if (status == PYT_OK && PYT__LOAD(&condition->pyt__queue, relaxed) != 0) {
        PYT__STEP();
        pyt_lock *lock = pyt__condition_lock(condition);
        pyt__requeue(&condition->pyt__queue, lock, n, pyt__lock_mark_parked);
    }
    return status;
}

PYT__API pyt_status pyt_condition_notify(pyt_condition *condition) {
    return pyt__condition_notify(condition, 1);
}

PYT__API pyt_status pyt_condition_notify_n(pyt_condition *condition, int n) {
    return pyt__condition_notify(condition, n > 0 ? (unsigned)n : 0);
}

PYT__API pyt_status pyt_condition_notify_all(pyt_condition *condition) {
    return pyt__condition_notify(condition, UINT_MAX);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>unwind                                                      raise and SystemExit out of a call
 *
 *  pyt_raise and pyt_exit jump to the innermost frame that the library has put below the
 *  caller's code: under a thread's target, under a barrier's action, under a hook. The frames of
 *  a thread form a list in its own page, which only that thread touches.
 *
 *  A jump runs no cleanup of the frames it passes: what they hold, they hold on. It is the same
 *  as longjmp, which it is. Where there is no setjmp (PYTHREADING_NO_SETJMP, and WASI without
 *  being asked) pyt_raise calls the excepthook and ends the process with 1, pyt_exit with 0.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* End the current target or task, as an uncaught exception would.
 *
 * code     any number; the excepthook and the result tell it
 * message  copied; NULL is taken for ""
 * Returns  never. Where no target or task of the library is being executed: the main thread
 *          calls the excepthook and then exit(1), another thread calls the excepthook and ends
 * Thread   any. Locks held by the code that is left stay held, and pyt_with does not release
 *          them: let go first what others need
 * Python   raise, out of the target
 */
PYT__API PYT__NORETURN void pyt_raise(int code, const char *message);

/* End the current target or task silently, as if it had returned NULL.
 *
 * Returns  never. Where no target or task of the library is being executed: the main thread
 *          calls exit(0), another thread ends
 * Thread   any; see pyt_raise for what is left behind
 * Python   _thread.exit(), or raise SystemExit
 */
PYT__API PYT__NORETURN void pyt_exit(void);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

/* How a call into the user's code ended. */
typedef enum pyt__ending {
    PYT__RETURNED,
    PYT__RAISED,
    PYT__EXITED
} pyt__ending;

#if defined(PYT__NO_SETJMP)
#define PYT__JUMPS 0
#define PYT__JUMP_SET(place) PYT__RETURNED
#else
#define PYT__JUMPS 1
#define PYT__JUMP_SET(place) setjmp(place)
#endif

struct pyt__frame {
#if PYT__JUMPS
    jmp_buf place;
#endif
    struct pyt__frame *below;
    int code;      /* of pyt_raise */
    char *message; /* of pyt_raise, owned by the catcher; NULL without memory for it */
};

PYT__NORETURN static void pyt__uncaught(pyt__ending ending, int code, char *message);

/* Call `body(arg)` so that pyt_raise and pyt_exit come back here.
 * frame    filled in when it was raised: the caller owns the message
 * Returns  how it ended */
static pyt__ending pyt__call(struct pyt__frame *frame, void (*body)(void *), void *arg) {
    frame->below = pyt__me.pyt__frame;
    frame->code = 0;
    frame->message = NULL;
    pyt__me.pyt__frame = frame;
    volatile pyt__ending ending = PYT__RETURNED;
    PYT__DEBUG(volatile bool reporting = pyt__my_notes.pyt__reporting;)
    switch (PYT__JUMP_SET(frame->place)) {
    case PYT__RETURNED:
        body(arg);
        break;
    case PYT__RAISED:
        ending = PYT__RAISED;
        break;
    case PYT__EXITED:
    default:
        ending = PYT__EXITED;
    }
    pyt__me.pyt__frame = frame->below;
    PYT__DEBUG(pyt__my_notes.pyt__reporting = reporting;) /* a hook may have been jumped out of */
    PYT__DEBUG(pyt__at_end();)
    return ending;
}

/* Go on with what pyt__call came back with: jump to the frame below. Owns `message`. */
PYT__NORETURN static void pyt__unwind(pyt__ending ending, int code, char *message) {
    struct pyt__frame *frame = pyt__me.pyt__frame;
    if (frame == NULL || !PYT__JUMPS) {
        pyt__uncaught(ending, code, message);
    }
#if PYT__JUMPS
    frame->code = code;
    frame->message = message;
    longjmp(frame->place, (int)ending);
#endif
}

PYT__API PYT__NORETURN void pyt_raise(int code, const char *message) {
    pyt__unwind(PYT__RAISED, code, pyt__copy_text(message != NULL ? message : ""));
}

PYT__API PYT__NORETURN void pyt_exit(void) {
    pyt__unwind(PYT__EXITED, 0, NULL);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>barrier                                                                     threading.Barrier
 *
 *  All of a barrier changes under the bucket lock of `pyt__state`, whose address is also that of
 *  its queue.
 *
 *      FILLING  threads arrive and sleep; `n_waiting` counts them, and they are the queue
 *      RUNNING  all have arrived and the last one runs the action, without any lock. Calls of other
 *               threads wait until it is over, in the same queue, behind the threads of the
 *               round; those cannot leave any more
 *      BROKEN   every wait fails until reset
 *
 *  Opening dequeues the round's threads and hands each its place in the queue, which is its order
 *  of arrival; the last one's is parties - 1. So a round is over the moment it opens, and the next
 *  may fill while its threads are still waking up: what Python calls draining is not observable
 *  here.
 *
 *  A sleeper that times out or is interrupted leaves under the bucket lock, and only while
 *  FILLING: a timeout breaks the barrier, an interrupt only takes the sleeper out of the round.
 *  Once the round is complete it stays for the outcome. The bucket lock decides which is first:
 *
 *      waiter, its time up                     the last to arrive
 *      -------------------                     ------------------
 *      sleep ends without a wake-up
 *                                              lock, n_waiting + 1 == parties
 *                                              dequeue all, hand out places, unlock
 *      lock: no longer in the queue, unlock
 *      sleep on                                unpark each
 *      return PYT_OK with its place
 *
 *  If the waiter locks first it is still in the queue: it ends the round as BROKEN, and the last to
 *  arrive returns PYT_BROKEN_BARRIER without a sleep.
 *
 *  Arriving queues by hand, without pyt__park: the bucket lock is the barrier's own lock, which the
 *  last to arrive keeps. So does leaving, which may break the barrier under that lock.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* A place where a fixed number of threads wait for each other. It owns nothing. Zero bytes are
 * a barrier of 0 parties, on which every wait is a PYT_VALUE_ERROR. */
typedef struct pyt_barrier {
    PYT__ATOMIC(uint32_t) pyt__state;     /* under bucket lock */
    PYT__ATOMIC(uint32_t) pyt__n_waiting; /* under bucket lock */
    int pyt__parties;                     /* fixed after init */
    int (*pyt__action)(void *arg);        /* fixed after init */
    void *pyt__arg;                       /* fixed after init */
    double pyt__timeout;                  /* fixed after init */
    uintptr_t pyt__runner;                /* the thread that runs the action; under bucket lock */
    struct pyt_barrier *pyt__outer;       /* the one its action runs inside of; the runner's */
} pyt_barrier;
PYT__STATIC_ASSERT(sizeof(pyt_barrier) <= 64, "a barrier is 64 bytes or less");

/* What a barrier may have besides its number of parties. Zero is Python's default. */
typedef struct pyt_barrier_options {
    int (*action)(void *arg); /* run by the last to arrive, before any thread leaves; 0: success */
    void *arg;                /* given to the action */
    double timeout;           /* seconds for pyt_barrier_wait; 0: no limit */
} pyt_barrier_options;

#define PYT_BARRIER_INIT(parties) \
    { PYT__ATOMIC_INIT(0), PYT__ATOMIC_INIT(0), (parties), PYT__NULL, PYT__NULL, 0, 0, PYT__NULL }

/* Make a barrier. Only before any thread uses it.
 *
 * parties  1 or more
 * options  may be NULL; copied
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR    `parties` is below 1, the timeout is not a number, or `barrier` is
 *                             NULL
 *          PYT_OVERFLOW_ERROR the timeout is above PYT_TIMEOUT_MAX
 * Python   Barrier(parties, action, timeout)
 */
PYT__MUST_USE PYT__API pyt_status pyt_barrier_init(pyt_barrier *barrier, int parties,
                                                   const pyt_barrier_options *options);

/* Wait until all parties have arrived, as long as the barrier's own timeout says.
 *
 * index    receives the order of arrival, 0 to parties - 1, each once; may be NULL
 * Returns  as every wait (see pyt_status), without PYT_TIMEOUT, and
 *          PYT_OK             all have arrived, and the action has succeeded
 *          PYT_BROKEN_BARRIER the barrier is or was broken, or reset, or the time was up, which
 *                             breaks it for all threads
 *          PYT_TASK_ERROR     the caller arrived last and its action failed; it is broken
 *          PYT_RUNTIME_ERROR  called by the barrier's own action
 *          PYT_VALUE_ERROR    also when the barrier has no parties
 * Thread   any. The action runs in the last thread to arrive, with no lock held; an action that
 *          is left by pyt_raise breaks the barrier and goes on raising
 * Python   Barrier.wait()
 */
PYT__API pyt_status pyt_barrier_wait(pyt_barrier *barrier, int *index);

/* As pyt_barrier_wait, as long as `seconds`.
 *
 * seconds  0 and below: only the last to arrive passes
 * Returns  as pyt_barrier_wait
 * Python   Barrier.wait(timeout)
 */
PYT__MUST_USE PYT__API pyt_status pyt_barrier_wait_timeout(pyt_barrier *barrier, double seconds,
                                                           int *index);

/* Make the barrier empty and whole again. Threads that wait get PYT_BROKEN_BARRIER. While an
 * action runs, waits for its end.
 *
 * Returns  as every wait (see pyt_status); PYT_RUNTIME_ERROR: called by the barrier's own action
 * Thread   any
 * Python   Barrier.reset()
 */
PYT__API pyt_status pyt_barrier_reset(pyt_barrier *barrier);

/* Break the barrier: threads that wait, and all that come, get PYT_BROKEN_BARRIER until reset.
 *
 * Returns  as pyt_barrier_reset
 * Python   Barrier.abort()
 */
PYT__API pyt_status pyt_barrier_abort(pyt_barrier *barrier);

/* Tell how many threads pass together; how many wait now; whether it is broken. NULL: 0, false.
 *
 * Thread   any; the answers may be old when they arrive
 * Python   Barrier.parties, Barrier.n_waiting, Barrier.broken
 */
PYT__API int pyt_barrier_parties(const pyt_barrier *barrier);
PYT__API int pyt_barrier_n_waiting(const pyt_barrier *barrier);
PYT__API bool pyt_barrier_broken(const pyt_barrier *barrier);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

enum {
    PYT__FILLING,
    PYT__RUNNING,
    PYT__BROKEN
};

/* Tokens to a barrier's sleepers besides their index. */
#define PYT__ROUND_BROKEN UINT32_MAX
#define PYT__ACTION_OVER (UINT32_MAX - 1)

static pyt_status pyt__fail_broken(void) {
    pyt__give_way_to_exit();
    return pyt__fail(PYT_BROKEN_BARRIER, "the barrier is broken");
}

PYT__API pyt_status pyt_barrier_init(pyt_barrier *barrier, int parties,
                                     const pyt_barrier_options *options) {
    if (barrier == NULL) {
        return pyt__fail_null();
    }
    if (parties < 1) {
        return pyt__fail(PYT_VALUE_ERROR, "parties must be > 0");
    }
    pyt_status status = options != NULL ? pyt__check_timeout(options->timeout) : PYT_OK;
    if (status != PYT_OK) {
        return status;
    }
    memset((void *)barrier, 0, sizeof *barrier);
    barrier->pyt__parties = parties;
    if (options != NULL) {
        barrier->pyt__action = options->action;
        barrier->pyt__arg = options->arg;
        barrier->pyt__timeout = options->timeout;
    }
    return PYT_OK;
}

static uint32_t pyt__barrier_state_locked(pyt_barrier *barrier) {
    return PYT__LOAD(&barrier->pyt__state, relaxed);
}

/* Dequeue all waiters with `token`, and leave the barrier in `state`.
 * Returns  a list for pyt__unpark_list, for after the bucket is unlocked */
static pyt__parker *pyt__barrier_end_round_locked(pyt_barrier *barrier, pyt__bucket *bucket,
                                                  uint32_t state, uint32_t token) {
    PYT__STORE(&barrier->pyt__n_waiting, 0, relaxed);
    PYT__STORE(&barrier->pyt__state, state, relaxed);
    return pyt__waitq_take_all(bucket, &barrier->pyt__state, token);
}

/* End the round without passing, and leave the barrier in `state`. Unlocks the bucket. */
static void pyt__barrier_break_unlocks(pyt_barrier *barrier, pyt__bucket *bucket, uint32_t state) {
    pyt__parker *list = pyt__barrier_end_round_locked(barrier, bucket, state, PYT__ROUND_BROKEN);
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(list);
}

/* Open: the round's threads, first in the queue, receive their index; others recheck the state.
 * Unlocks the bucket. */
static void pyt__barrier_open_unlocks(pyt_barrier *barrier, pyt__bucket *bucket) {
    uint32_t round = (uint32_t)barrier->pyt__parties - 1; /* without the one that opens */
    pyt__parker *list =
        pyt__barrier_end_round_locked(barrier, bucket, PYT__FILLING, PYT__ACTION_OVER);
    /* No thread of the round has left since it was complete, and later callers queue behind it: the
     * first `round` waiters are the round, in order of arrival. */
    pyt__parker *parker = list;
    for (uint32_t index = 0; index < round && parker != NULL; index++, parker = parker->next) {
        parker->token = index;
    }
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(list);
}

/* For pyt__park: wait for the end of an action. */
static bool pyt__barrier_validate(void *object) {
    return pyt__barrier_state_locked((pyt_barrier *)object) == PYT__RUNNING;
}

/* Lock the barrier for a call that must not overlap an action; waits for the action's end.
 * Returns  PYT_OK with *bucket locked; otherwise a failure, and nothing is locked */
static pyt_status pyt__barrier_lock(pyt_barrier *barrier, pyt__bucket **bucket) {
    pyt_status status = pyt__enroll() != NULL ? PYT_OK : PYT_MEMORY_ERROR;
    while (status == PYT_OK) {
        *bucket = pyt__bucket_lock(&barrier->pyt__state);
        if (pyt__barrier_state_locked(barrier) != PYT__RUNNING) {
            return PYT_OK;
        }
        bool own = barrier->pyt__runner == (uintptr_t)&pyt__me;
        pyt__bucket_unlock(*bucket);
        if (own) {
            return pyt__fail(PYT_RUNTIME_ERROR, "a barrier's action cannot use the barrier");
        }
        /* Its wake-up promises nothing: the next round may be RUNNING by now. */
        status =
            pyt__park(&barrier->pyt__state, pyt__barrier_validate, barrier, PYT__FOREVER, true);
    }
    return status;
}

struct pyt__barrier_call {
    pyt_barrier *barrier;
    int outcome;
};

static void pyt__barrier_call_action(void *arg) {
    struct pyt__barrier_call *call = (struct pyt__barrier_call *)arg;
    call->outcome = call->barrier->pyt__action(call->barrier->pyt__arg);
}

/* The last to arrive, with an action: run it, then open or break. Unlocks the bucket. */
static pyt_status pyt__barrier_run_action(pyt_barrier *barrier, pyt__bucket *bucket) {
    /* 1. RUNNING keeps all others out: the round's threads can no longer leave, other callers wait.
     *    So state, runner and `outer` are this thread's until step 3, without the lock. */
    PYT__STORE(&barrier->pyt__state, PYT__RUNNING, relaxed);
    PYT__STORE(&barrier->pyt__n_waiting, (uint32_t)barrier->pyt__parties, relaxed);
    barrier->pyt__runner = (uintptr_t)&pyt__me;
    pyt__bucket_unlock(bucket);

    /* 2. Run the action, on record: a thread that ends in it breaks the barrier, see
     *    pyt__barriers_cut_off. */
    struct pyt__barrier_call call = {barrier, 0};
    struct pyt__frame frame;
    barrier->pyt__outer = pyt__me.pyt__acting;
    pyt__me.pyt__acting = barrier;
    pyt__ending ending = pyt__call(&frame, pyt__barrier_call_action, &call);
    pyt__me.pyt__acting = barrier->pyt__outer;
    bool good = ending == PYT__RETURNED && call.outcome == 0;

    /* 3. Open or break, and wake the round and the callers behind it. If a jump has left the action
     *    the barrier is broken before the jump goes on: the round would wait for ever. */
    bucket = pyt__bucket_lock(&barrier->pyt__state);
    barrier->pyt__runner = 0;
    if (good) {
        pyt__barrier_open_unlocks(barrier, bucket);
    } else {
        pyt__barrier_break_unlocks(barrier, bucket, PYT__BROKEN);
    }
    if (ending != PYT__RETURNED) {
        pyt__unwind(ending, frame.code, frame.message);
    }
    return good ? PYT_OK : pyt__fail(PYT_TASK_ERROR, "the barrier's action failed");
}

/* The calling thread ends inside of the actions it is in: break their barriers. */
static void pyt__barriers_cut_off(void) {
    while (pyt__me.pyt__acting != NULL) {
        pyt_barrier *barrier = pyt__me.pyt__acting;
        pyt__me.pyt__acting = barrier->pyt__outer;
        pyt__bucket *bucket = pyt__bucket_lock(&barrier->pyt__state);
        barrier->pyt__runner = 0;
        pyt__barrier_break_unlocks(barrier, bucket, PYT__BROKEN);
    }
}

/* Leave a round, if it is not complete yet, after a sleep that ended without a wake-up.
 * Returns  PYT_OK when a wake-up is still to come, otherwise what the wait returns */
static pyt_status pyt__barrier_leave(pyt_barrier *barrier, pyt__parker *parker, pyt_status status) {
    const void *address = &barrier->pyt__state;
    pyt__parker *list = NULL;
    pyt__bucket *bucket = pyt__bucket_lock(address);
    /* Not in the queue: the round has ended, and its wake-up is on the way. In the queue, but
     * RUNNING: the round is complete, and the end of the action wakes this thread. */
    bool inside = PYT__LOAD(&parker->address, relaxed) == address &&
                  pyt__barrier_state_locked(barrier) == PYT__FILLING;
    if (inside) {
        /* Dequeued before the others: it wakes them, and needs no wake-up itself. */
        pyt__waitq_remove(bucket, parker);
        if (status == PYT_TIMEOUT) {
            list = pyt__barrier_end_round_locked(barrier, bucket, PYT__BROKEN, PYT__ROUND_BROKEN);
        } else {
            PYT__ADD(&barrier->pyt__n_waiting, UINT32_MAX, relaxed);
        }
    }
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(list);
    if (!inside) {
        return PYT_OK;
    }
    return status == PYT_TIMEOUT ? pyt__fail_broken() : pyt__park_failed(status);
}

/* Sleep until the round ends. The bucket was locked, the caller is in the queue. */
static pyt_status pyt__barrier_sleep(pyt_barrier *barrier, int64_t deadline, int *index) {
    pyt__parker *parker = pyt__me.pyt__parker;
    PYT__STEP();
    pyt_status status = pyt__parker_spin_and_park(parker, &barrier->pyt__state, deadline, true);
    if (status != PYT_OK) {
        PYT__STEP();
        pyt_status left = pyt__barrier_leave(barrier, parker, status);
        if (left != PYT_OK) {
            return left;
        }
        /* The parker is not free before the wake-up has arrived. */
        pyt__parker_await(parker, status);
    }
    if (parker->token == PYT__ROUND_BROKEN) {
        return pyt__fail_broken();
    }
    *index = (int)parker->token;
    return PYT_OK;
}

static pyt_status pyt__barrier_wait_until(pyt_barrier *barrier, int64_t deadline, int *index) {
    pyt__bucket *bucket;
    pyt_status status = pyt__barrier_lock(barrier, &bucket);
    if (status != PYT_OK) {
        return status;
    }
    if (pyt__barrier_state_locked(barrier) == PYT__BROKEN) {
        pyt__bucket_unlock(bucket);
        return pyt__fail_broken();
    }
    /* 1. FILLING, as pyt__barrier_lock does not return in RUNNING. Not the last: count and enqueue
     *    under one lock, so that the queue's order is the order of arrival. */
    *index = (int)PYT__LOAD(&barrier->pyt__n_waiting, relaxed);
    if (*index + 1 < barrier->pyt__parties) {
        PYT__ADD(&barrier->pyt__n_waiting, 1, relaxed);
        pyt__waitq_add(bucket, pyt__me.pyt__parker, &barrier->pyt__state, NULL);
        pyt__bucket_unlock(bucket);
        return pyt__barrier_sleep(barrier, deadline, index);
    }
    /* 2. The last to arrive opens, after the action if there is one. It never sleeps. */
    if (barrier->pyt__action != NULL) {
        return pyt__barrier_run_action(barrier, bucket);
    }
    pyt__barrier_open_unlocks(barrier, bucket);
    return PYT_OK;
}

/* Check what both forms of wait check, and give the index only with success. */
static pyt_status pyt__barrier_wait_checked(pyt_barrier *barrier, int64_t deadline, int *index) {
    if (barrier == NULL) {
        return pyt__fail_null();
    }
    if (barrier->pyt__parties < 1) {
        return pyt__fail(PYT_VALUE_ERROR, "parties must be > 0");
    }
    int place = 0;
    pyt_status status = pyt__barrier_wait_until(barrier, deadline, &place);
    if (status == PYT_OK && index != NULL) {
        *index = place;
    }
    return status;
}

PYT__API pyt_status pyt_barrier_wait(pyt_barrier *barrier, int *index) {
    double seconds = barrier != NULL ? barrier->pyt__timeout : 0;
    int64_t deadline = seconds != 0 ? pyt__deadline(seconds) : PYT__FOREVER;
    return pyt__barrier_wait_checked(barrier, deadline, index);
}

PYT__API pyt_status pyt_barrier_wait_timeout(pyt_barrier *barrier, double seconds, int *index) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__barrier_wait_checked(barrier, deadline, index) : status;
}

/* End the round, waking the threads in it, and leave the barrier in `state`. */
static pyt_status pyt__barrier_become(pyt_barrier *barrier, uint32_t state) {
    if (barrier == NULL) {
        return pyt__fail_null();
    }
    pyt__bucket *bucket;
    pyt_status status = pyt__barrier_lock(barrier, &bucket);
    if (status != PYT_OK) {
        return status;
    }
    /* No action runs: in the queue are only threads of the round, as the others sleep there only
     * while RUNNING. Dequeued with ROUND_BROKEN they fail, also if a reset makes it FILLING. */
    pyt__barrier_break_unlocks(barrier, bucket, state);
    return PYT_OK;
}

PYT__API pyt_status pyt_barrier_reset(pyt_barrier *barrier) {
    return pyt__barrier_become(barrier, PYT__FILLING);
}

PYT__API pyt_status pyt_barrier_abort(pyt_barrier *barrier) {
    return pyt__barrier_become(barrier, PYT__BROKEN);
}

PYT__API int pyt_barrier_parties(const pyt_barrier *barrier) {
    return barrier != NULL ? barrier->pyt__parties : 0;
}

PYT__API int pyt_barrier_n_waiting(const pyt_barrier *barrier) {
    return barrier != NULL ? (int)PYT__LOAD(&barrier->pyt__n_waiting, acquire) : 0;
}

PYT__API bool pyt_barrier_broken(const pyt_barrier *barrier) {
    return barrier != NULL && PYT__LOAD(&barrier->pyt__state, acquire) == PYT__BROKEN;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>with                                                                       the with statement
 *
 *  pyt_with is a loop that runs once: its variable holds what was acquired, and whichever way
 *  the block is left, the compiler's cleanup attribute (in C++ a destructor) releases it. The
 *  acquisition is not interruptible: there is no status by which the block could tell. For the
 *  same reason it does not fail: without memory to sleep the thread yields and then sleeps a
 *  millisecond at a time (pyt__pause), and a deadlock is reported (with PYTHREADING_DEBUG) and then
 *  waited in. Only NULL holds nothing and skips the block.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* What a with block holds: `release(object)` ends it; NULL holds nothing. The debug build also
 * keeps where the block stands, to report a release that fails: its object was released inside. */
typedef struct PYT__HOLD_TYPE pyt__hold {
    void *pyt__object;
    void (*pyt__release)(void *object);
    PYT__DEBUG(pyt__place pyt__here;)
} pyt__hold;

PYT__API pyt__hold pyt__hold_lock(pyt_lock *lock) PYT__HOLD(lock);
PYT__API pyt__hold pyt__hold_rlock(pyt_rlock *rlock) PYT__HOLD(rlock);
PYT__API pyt__hold pyt__hold_condition(pyt_condition *condition) PYT__HOLD(condition);
PYT__API pyt__hold pyt__hold_semaphore(pyt_semaphore *semaphore) PYT__UNUSED;
PYT__API pyt__hold pyt__hold_bounded_semaphore(pyt_bounded_semaphore *semaphore) PYT__UNUSED;

PYT__INLINE void pyt__hold_let(pyt__hold *hold) {
    if (hold->pyt__release != PYT__NULL) {
        void (*release)(void *) = hold->pyt__release;
        PYT__DEBUG(const pyt__place *at = &hold->pyt__here;)
        hold->pyt__release = PYT__NULL;
        PYT__DEBUG(pyt__at(at->pyt__call, at->pyt__file, at->pyt__line);)
        release(hold->pyt__object);
        PYT__DEBUG(
            pyt__ended(pyt__my_notes.pyt__failure, at->pyt__call, at->pyt__file, at->pyt__line);)
    }
}

/* The same when a block is left. */
PYT__INLINE void pyt__hold_end(pyt__hold *hold) PYT__LET_HOLD(hold) {
    pyt__hold_let(hold);
}

PYT__EXTERN_C_END

/* Hold a lock, rlock, condition, semaphore or bounded semaphore for the block that follows:
 *
 *     pyt_with(&lock) {
 *         ...
 *     }
 *
 * object   a pointer to one of the five types. The block always runs, with the object held,
 *          whatever memory there is; only for NULL it does not, and pyt_error_message says so. In
 *          a build without threads a semaphore of 0, which nothing could release, counts as held
 * Thread   any; an interrupt of the main thread stays pending for its next blocking call. A
 *          deadlock is waited in, as with Python; PYTHREADING_DEBUG reports it first
 * Python   with object:
 *          Released on every way out: the end, return, goto, break, continue. `break` and
 *          `continue` leave this block and not a loop around it: use pyt_guard for that. A jump
 *          by longjmp, pyt_raise or pyt_exit releases nothing. Without the cleanup attribute
 *          (neither GCC nor Clang nor C++) only the end of the block and continue release.
 */
#define pyt_with(object) PYT__WITH(object, PYT__UNIQUE(pyt__with_, __COUNTER__))

/* Hold an object as pyt_with does, to the end of the enclosing block: `pyt_guard(&lock);`
 *
 * It is a declaration. break, continue, goto and return that leave the block release it. The
 * caller cannot see that NULL was not acquired: do not give it that.
 */
#define PYT__UNIQUE_(prefix, number) prefix##number
#define PYT__UNIQUE(prefix, number) PYT__UNIQUE_(prefix, number)

#if defined(__cplusplus)

class PYT__SCOPED pyt__holder {
  public:
    explicit pyt__holder(pyt_lock *lock) PYT__ACQUIRE(lock) : hold(pyt__hold_lock(lock)) {
    }
    explicit pyt__holder(pyt_rlock *lock) PYT__ACQUIRE(lock) : hold(pyt__hold_rlock(lock)) {
    }
    explicit pyt__holder(pyt_condition *lock) PYT__ACQUIRE(lock) : hold(pyt__hold_condition(lock)) {
    }
    PYT__UNUSED explicit pyt__holder(pyt_semaphore *object) : hold(pyt__hold_semaphore(object)) {
    }
    PYT__UNUSED explicit pyt__holder(pyt_bounded_semaphore *object)
        : hold(pyt__hold_bounded_semaphore(object)) {
    }
    pyt__holder(const pyt__holder &) = delete;
    pyt__holder &operator=(const pyt__holder &) = delete;
    ~pyt__holder() PYT__LEAVE {
        pyt__hold_let(&hold);
    }
    pyt__hold hold;
};

#define PYT__WITH(object, name)                                                                \
    for (pyt__holder name(PYT__HERE("pyt_with", object)); name.hold.pyt__release != PYT__NULL; \
         pyt__hold_let(&name.hold))
#define pyt_guard(object) \
    pyt__holder PYT__UNIQUE(pyt__guard_, __COUNTER__)(PYT__HERE("pyt_guard", object))

#else

#define PYT__HOLD_ANY(object, here)                         \
    _Generic((object), pyt_lock *                           \
             : pyt__hold_lock, pyt_rlock *                  \
             : pyt__hold_rlock, pyt_condition *             \
             : pyt__hold_condition, pyt_semaphore *         \
             : pyt__hold_semaphore, pyt_bounded_semaphore * \
             : pyt__hold_bounded_semaphore)(here)

#if defined(PYT__CLEANUP_UNSEEN)
/* The way out of a with block, for an analysis that does not see the release of the lock: a call
 * that is never made says that it is not held. */
PYT__INLINE bool pyt__never(void) {
    return false;
}

PYT__INLINE bool pyt__unheld_lock(pyt_lock *lock) PYT__RELEASE(lock) {
    return lock == NULL;
}

PYT__INLINE bool pyt__unheld_rlock(pyt_rlock *lock) PYT__RELEASE(lock) {
    return lock == NULL;
}

PYT__INLINE bool pyt__unheld_condition(pyt_condition *lock) PYT__RELEASE(lock) {
    return lock == NULL;
}

PYT__INLINE bool pyt__unheld_other(void *object) {
    return object == NULL;
}

#define PYT__IS_HELD(object, name)                                                 \
    ((name).pyt__release != NULL || (pyt__never() &&                               \
                                     _Generic((object), pyt_lock *                 \
                                              : pyt__unheld_lock, pyt_rlock *      \
                                              : pyt__unheld_rlock, pyt_condition * \
                                              : pyt__unheld_condition, default     \
                                              : pyt__unheld_other)(object) &&      \
                                     false))
#else
#define PYT__IS_HELD(object, name) ((name).pyt__release != NULL)
#endif

#if defined(PYT__CLEANUP)
#define PYT__WITH(object, name)                                                     \
    for (PYT__CLEANUP(pyt__hold_end)                                                \
             pyt__hold name = PYT__HOLD_ANY(object, PYT__HERE("pyt_with", object)); \
         PYT__IS_HELD(object, name); pyt__hold_let(&name))
#define pyt_guard(object)                             \
    PYT__UNUSED PYT__CLEANUP(pyt__hold_end)           \
    pyt__hold PYT__UNIQUE(pyt__guard_, __COUNTER__) = \
        PYT__HOLD_ANY(object, PYT__HERE("pyt_guard", object))
#else
#define PYT__WITH(object, name)                                                 \
    for (pyt__hold name = PYT__HOLD_ANY(object, PYT__HERE("pyt_with", object)); \
         PYT__IS_HELD(object, name); pyt__hold_let(&name))
#endif

#endif /* __cplusplus */

#endif /* PYT__DECLARE */

#if PYT__DEFINE

PYT__UNCHECKED static void pyt__let_lock(void *lock) {
    pyt_lock_release((pyt_lock *)lock);
}

PYT__UNCHECKED static void pyt__let_rlock(void *rlock) {
    pyt_rlock_release((pyt_rlock *)rlock);
}

PYT__UNCHECKED static void pyt__let_condition(void *condition) {
    pyt_condition_release((pyt_condition *)condition);
}

static void pyt__let_semaphore(void *semaphore) {
    pyt_semaphore_release((pyt_semaphore *)semaphore);
}

static void pyt__let_bounded_semaphore(void *semaphore) {
    pyt_bounded_semaphore_release((pyt_bounded_semaphore *)semaphore);
}

static void pyt__let_nothing(void *object) {
    (void)object;
}

/* What a block holds of `object` once that is acquired. The acquisition overwrites the note of
 * where the block stands. */
static pyt__hold pyt__hold_begin(void *object, void (*release)(void *)) {
    pyt__hold hold = {object, release PYT__DEBUG(, pyt__my_notes.pyt__here)};
    return hold;
}

/* What a block holds of `object` after a failed acquisition. It fails only in ways that waiting
 * does not mend: the last level of an RLock, which is held all the same, or a semaphore's last
 * permit in a build without threads. Then there is nothing to release at the end. */
PYT__COLD static pyt__hold pyt__hold_nothing(void *object) {
    return pyt__hold_begin(object, object != NULL ? pyt__let_nothing : NULL);
}

/* What a block holds whose acquisition is over. */
static pyt__hold pyt__hold_of(pyt_status status, pyt__hold hold) {
    PYT__DEBUG(pyt__place at = hold.pyt__here;)
    PYT__DEBUG(pyt__ended(status, at.pyt__call, at.pyt__file, at.pyt__line);)
    return status == PYT_OK ? hold : pyt__hold_nothing(hold.pyt__object);
}

PYT__COLD static pyt_status pyt__lock_hold_slow(pyt_lock *lock) {
    const char *message = pyt__me.pyt__message;
    int pauses = 0;
    if (lock == NULL) {
        return pyt__fail_null();
    }
    while (pyt__lock_acquire_noted(lock, PYT__FOREVER, false) != PYT_OK) {
        pyt__pause(&pauses);
    }
    pyt__me.pyt__message = message;
    return PYT_OK;
}

static pyt_status pyt__lock_hold(pyt_lock *lock) {
    return PYT__BARE && pyt__lock_grab(lock) ? PYT_OK : pyt__lock_hold_slow(lock);
}

static pyt_status pyt__rlock_hold(pyt_rlock *rlock) {
    if (pyt_rlock_is_owned(rlock)) {
        return pyt__rlock_acquire_again(rlock);
    }
    return pyt__rlock_own(rlock, pyt__lock_hold((pyt_lock *)rlock));
}

PYT__COLD static pyt__hold pyt__hold_lock_slow(pyt_lock *lock) {
    pyt__hold hold = pyt__hold_begin(lock, pyt__let_lock);
    return pyt__hold_of(pyt__lock_hold_slow(lock), hold);
}

PYT__API pyt__hold pyt__hold_lock(pyt_lock *lock) {
    pyt__hold hold = pyt__hold_begin(lock, pyt__let_lock);
    return PYT__LIKELY(PYT__BARE && pyt__lock_grab(lock)) ? hold : pyt__hold_lock_slow(lock);
}

PYT__API pyt__hold pyt__hold_rlock(pyt_rlock *rlock) {
    pyt__hold hold = pyt__hold_begin(rlock, pyt__let_rlock);
    return pyt__hold_of(pyt__rlock_hold(rlock), hold);
}

PYT__API pyt__hold pyt__hold_condition(pyt_condition *condition) {
    pyt__hold hold = pyt__hold_begin(condition, pyt__let_condition);
    pyt_status status;
    if (condition == NULL) {
        status = pyt__fail_null();
    } else if (pyt__condition_rlock(condition) != NULL) {
        status = pyt__rlock_hold(pyt__condition_rlock(condition));
    } else {
        status = pyt__lock_hold(pyt__condition_lock(condition));
    }
    return pyt__hold_of(status, hold);
}

PYT__COLD static pyt_status pyt__semaphore_hold_slow(pyt_semaphore *semaphore) {
    const char *message = pyt__me.pyt__message;
    int pauses = 0;
    if (semaphore == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__semaphore_acquire_until(semaphore, PYT__FOREVER, false);
    while (status == PYT_MEMORY_ERROR) {
        pyt__pause(&pauses);
        status = pyt__semaphore_acquire_until(semaphore, PYT__FOREVER, false);
    }
    if (status == PYT_OK) {
        pyt__me.pyt__message = message;
    }
    return status;
}

static pyt_status pyt__semaphore_hold(pyt_semaphore *semaphore) {
    return pyt__semaphore_grab(semaphore) ? PYT_OK : pyt__semaphore_hold_slow(semaphore);
}

PYT__API pyt__hold pyt__hold_semaphore(pyt_semaphore *semaphore) {
    pyt__hold hold = pyt__hold_begin(semaphore, pyt__let_semaphore);
    return pyt__hold_of(pyt__semaphore_hold(semaphore), hold);
}

PYT__API pyt__hold pyt__hold_bounded_semaphore(pyt_bounded_semaphore *semaphore) {
    pyt__hold hold = pyt__hold_begin(semaphore, pyt__let_bounded_semaphore);
    return pyt__hold_of(pyt__semaphore_hold((pyt_semaphore *)semaphore), hold);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>local                                                                         threading.local
 *
 *  A value is one block of memory: a head that links it into the list of its local, then the
 *  caller's bytes. Each local has a slot number while it has values; each thread a table of
 *  pointers by slot number, which hangs on the thread's own page.
 *
 *  The owner of a table reads its slots without a lock and is the only one to grow it or to fill
 *  a slot; both happen under pyt__locals_lock. pyt_local_delete, in another thread, empties
 *  slots under the same lock. So a slot is read by its owner while another thread empties it
 *  only if the owner uses the very local that is being deleted, which is the caller's mistake,
 *  and even then the read is atomic.
 *
 *  A value is destroyed by the thread that took it out of the list, the ending one or the deleter,
 *  after releasing the lock. `busy` counts values that were taken out and not yet destroyed;
 *  the deleter waits for it to become 0 before it returns.
 *
 *  A thread's end takes its values out one after the other, the latest local first, until its
 *  table is empty. A destroy function may use other locals, and so make new values, for
 *  PYT__LOCAL_ROUNDS rounds; then pyt_local_get refuses to make more.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* Per-thread storage of `size` bytes. Static, or living longer than every thread that uses it,
 * unless ended with pyt_local_delete. */
typedef struct pyt_local {
    PYT__ATOMIC(uint32_t) pyt__slot;      /* 0: none; under the lock */
    uint32_t pyt__busy;                   /* values being destroyed; under the lock */
    uint32_t pyt__busy_since;             /* how many forks ago that was; under the lock */
    size_t pyt__size;                     /* fixed after init */
    int (*pyt__construct)(void *value);   /* fixed after init */
    void (*pyt__destroy)(void *value);    /* fixed after init */
    struct pyt__local_value *pyt__values; /* all threads' values; under the lock */
} pyt_local;

/* size       bytes of one thread's value, aligned for any type
 * construct  readies a zeroed value, in the thread it belongs to; returns 0, or anything else
 *            when it failed; NULL: zeroed is ready
 * destroy    undoes construct, in the thread it belonged to or in pyt_local_delete; or NULL */
#define PYT_LOCAL_INIT(size, construct, destroy) \
    { PYT__ATOMIC_INIT(0), 0, 0, (size), (construct), (destroy), PYT__NULL }

/* Give the calling thread's own value, made on first use.
 *
 * Returns  the value, valid until the thread ends or the local is deleted; or NULL, nothing kept,
 *          the next call tries again: no memory, the constructor failed, the size is 0, `local`
 *          is NULL; pyt_error_message tells which
 * Thread   any; construct runs in it, with no lock held
 * Python   an attribute of threading.local()
 */
PYT__API void *pyt_local_get(pyt_local *local);

/* Ask whether the calling thread has a value. NULL: false. */
PYT__API bool pyt_local_exists(pyt_local *local);

/* End the local: destroy every thread's value, here and now. The local is as new afterwards.
 *
 * Returns  as every wait (see pyt_status), which may be one for an ending thread that still
 *          destroys its value, and
 *          PYT_RUNTIME_ERROR called by the local's own destroy function
 *          PYT_INTERRUPTED   some values are destroyed; call it again
 * Thread   any, while no other thread uses this local. destroy runs in it, with no lock held; a
 *          destroy that makes a new value of the same local goes on for ever
 * Python   del of the last reference to a threading.local()
 */
PYT__API pyt_status pyt_local_delete(pyt_local *local);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#define PYT__LOCAL_ROUNDS 4 /* as often as the systems run thread-specific destructors */

typedef struct pyt__local_value {
    struct pyt__local_value *next, *previous; /* the local's list; under the lock. Out of it, `next`
                                                 is what its making or destruction is part of */
    pyt_local *local;
    struct pyt__local_table *table; /* the one it is in */
} pyt__local_value;

#define PYT__LOCAL_HEAD (((sizeof(pyt__local_value) + 15) / 16) * 16)

/* Is a value of `local` among these, which the calling thread is making or destroying? */
static bool pyt__local_is_among(const pyt__local_value *value, const pyt_local *local) {
    while (value != NULL && value->local != local) {
        value = value->next;
    }
    return value != NULL;
}

struct pyt__local_table {
    PYT__ATOMIC(pyt__local_value *) *slots;
    uint32_t capacity;
    int rounds; /* of destruction, at the thread's end */
};

static pyt_lock pyt__locals_lock;      /* the last of the library's locks to be taken */
static uint32_t pyt__local_slots;      /* highest slot number given out; under the lock */
static uint32_t *pyt__local_free;      /* slot numbers given back; under the lock */
static uint32_t pyt__local_free_count; /* under the lock */
static uint32_t pyt__local_free_capacity;

/* How many values of `local` are being destroyed, by threads that exist: the child after fork
 * has none of those that did so before. The lock is held. */
static uint32_t *pyt__local_busy_locked(pyt_local *local) {
    if (local->pyt__busy_since != pyt__forks) {
        local->pyt__busy_since = pyt__forks;
        local->pyt__busy = 0;
    }
    return &local->pyt__busy;
}

static void *pyt__local_data(pyt__local_value *value) {
    return (char *)value + PYT__LOCAL_HEAD;
}

/* The calling thread's value, or NULL. */
static pyt__local_value *pyt__local_find(pyt_local *local) {
    struct pyt__local_table *table = pyt__me.pyt__locals;
    uint32_t slot = PYT__LOAD(&local->pyt__slot, acquire); /* pairs with link's store */
    if (table == NULL || slot == 0 || slot > table->capacity) {
        return NULL;
    }
    return PYT__LOAD(&table->slots[slot - 1], acquire);
}

/* Make room for slot numbers up to `slot` in the calling thread's table. The lock is held. */
static bool pyt__local_reserve_locked(uint32_t slot) {
    struct pyt__local_table *table = pyt__me.pyt__locals;
    if (table == NULL) {
        table = (struct pyt__local_table *)pyt__allocate_zeroed(sizeof *table);
        pyt__me.pyt__locals = table;
    }
    if (table == NULL || slot <= table->capacity) {
        return table != NULL;
    }
    uint32_t capacity = slot + slot / 2 + 4;
    PYT__ATOMIC(pyt__local_value *) *slots =
        (PYT__ATOMIC(pyt__local_value *) *)pyt__allocate(capacity * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < capacity; i++) {
        pyt__local_value *value = i < table->capacity ? PYT__LOAD(&table->slots[i], relaxed) : NULL;
        PYT__STORE(&slots[i], value, relaxed);
    }
    pyt__release_memory((void *)(uintptr_t)table->slots);
    table->slots = slots;
    table->capacity = capacity;
    return true;
}

/* Make sure that every slot number given out can be given back without memory. */
static bool pyt__local_reserve_free_locked(void) {
    if (pyt__local_slots < pyt__local_free_capacity) {
        return true;
    }
    uint32_t capacity = pyt__local_free_capacity * 2 + 16;
    uint32_t *numbers = (uint32_t *)pyt__allocate(capacity * sizeof *numbers);
    if (numbers == NULL) {
        return false;
    }
    if (pyt__local_free_count > 0) {
        memcpy(numbers, pyt__local_free, pyt__local_free_count * sizeof *numbers);
    }
    pyt__release_memory(pyt__local_free);
    pyt__local_free = numbers;
    pyt__local_free_capacity = capacity;
    return true;
}

/* Put a fresh value where it belongs. Returns false without memory. The lock is held. */
static bool pyt__local_link_locked(pyt_local *local, pyt__local_value *value) {
    uint32_t slot = PYT__LOAD(&local->pyt__slot, relaxed);
    if (slot == 0) {
        if (!pyt__local_reserve_free_locked()) {
            return false;
        }
        slot = pyt__local_free_count > 0 ? pyt__local_free[--pyt__local_free_count]
                                         : ++pyt__local_slots;
        /* A number that another local gave back: a thread that reads it here finds the slots
         * empty that the delete of that local has emptied. */
        PYT__STORE(&local->pyt__slot, slot, release);
    }
    if (!pyt__local_reserve_locked(slot)) {
        return false;
    }
    value->table = pyt__me.pyt__locals;
    value->previous = NULL;
    value->next = local->pyt__values;
    if (value->next != NULL) {
        value->next->previous = value;
    }
    local->pyt__values = value;
    PYT__STORE(&value->table->slots[slot - 1], value, release);
    return true;
}

/* Take a value out of its local and its table; it will be destroyed. The lock is held. */
static void pyt__local_unlink_locked(pyt__local_value *value) {
    pyt_local *local = value->local;
    uint32_t slot = PYT__LOAD(&local->pyt__slot, relaxed);
    PYT__STORE(&value->table->slots[slot - 1], NULL, release);
    if (value->previous != NULL) {
        value->previous->next = value->next;
    } else {
        local->pyt__values = value->next;
    }
    if (value->next != NULL) {
        value->next->previous = value->previous;
    }
    ++*pyt__local_busy_locked(local);
}

/* One destruction less of a value of `local`: the last lets a deleter that waits know. */
static void pyt__local_idle(pyt_local *local) {
    pyt__lock_take(&pyt__locals_lock);
    pyt__parker *list = NULL;
    if (--*pyt__local_busy_locked(local) == 0) {
        list = pyt__waitq_dequeue_all(local, PYT__PLAIN);
    }
    pyt_lock_release(&pyt__locals_lock);
    pyt__unpark_list(list);
}

/* The calling thread will not come back from the constructors and destroy functions it is in.
 * gone  its stack is gone, too: nothing is left that could still use the values */
static void pyt__locals_cut_off(bool gone) {
    while (gone && pyt__me.pyt__making != NULL) {
        pyt__local_value *value = pyt__me.pyt__making;
        pyt__me.pyt__making = value->next;
        pyt__release_memory(value);
    }
    while (pyt__me.pyt__ending != NULL) {
        pyt__local_value *value = pyt__me.pyt__ending;
        pyt_local *local = value->local;
        pyt__me.pyt__ending = value->next;
        if (gone) {
            pyt__release_memory(value);
        }
        pyt__local_idle(local);
    }
}

static void pyt__local_call_destroy(void *arg) {
    pyt__local_value *value = (pyt__local_value *)arg;
    if (value->local->pyt__destroy != NULL) {
        value->local->pyt__destroy(pyt__local_data(value));
    }
}

/* Destroy a value that was unlinked, and let a deleter that waits for it know. A destroy that
 * raises is over with that. */
static void pyt__local_destroy(pyt__local_value *value) {
    pyt_local *local = value->local;
    struct pyt__frame frame;
    uint32_t forks = pyt__forks;
    value->next = pyt__me.pyt__ending;
    pyt__me.pyt__ending = value;
    if (pyt__call(&frame, pyt__local_call_destroy, value) == PYT__RAISED) {
        pyt__release_memory(frame.message);
    }
    pyt__me.pyt__ending = value->next;
    pyt__release_memory(value);
    if (forks == pyt__forks) {
        pyt__local_idle(local);
    }
}

struct pyt__local_making {
    pyt_local *local;
    void *data;
    int outcome;
};

static void pyt__local_call_construct(void *arg) {
    struct pyt__local_making *making = (struct pyt__local_making *)arg;
    if (making->local->pyt__construct != NULL) {
        making->outcome = making->local->pyt__construct(making->data);
    }
}

/* Run the constructor. One that raises has failed, and goes on raising without its value. */
static bool pyt__local_construct(pyt_local *local, pyt__local_value *value) {
    struct pyt__local_making making = {local, pyt__local_data(value), 0};
    struct pyt__frame frame;
    value->local = local;
    value->next = pyt__me.pyt__making;
    pyt__me.pyt__making = value;
    pyt__ending ending = pyt__call(&frame, pyt__local_call_construct, &making);
    pyt__me.pyt__making = value->next;
    if (ending != PYT__RETURNED) {
        pyt__release_memory(value);
        pyt__unwind(ending, frame.code, frame.message);
    }
    return making.outcome == 0;
}

static pyt__local_value *pyt__local_make(pyt_local *local) {
    struct pyt__local_table *table = pyt__me.pyt__locals;
    if (local->pyt__size == 0 || local->pyt__size > SIZE_MAX - PYT__LOCAL_HEAD) {
        pyt__fail(PYT_VALUE_ERROR, "a local's size must be > 0 and fit into memory");
        return NULL;
    }
    if (table != NULL && table->rounds > PYT__LOCAL_ROUNDS) {
        pyt__fail(PYT_RUNTIME_ERROR, "the thread has ended, it can have no new local values");
        return NULL;
    }
    if (pyt__local_is_among(pyt__me.pyt__making, local)) {
        pyt__fail(PYT_RUNTIME_ERROR, "a local's constructor cannot use the local");
        return NULL;
    }
    pyt__local_value *value = NULL;
    if (pyt__enroll() != NULL) {
        value = (pyt__local_value *)pyt__allocate_zeroed(PYT__LOCAL_HEAD + local->pyt__size);
    }
    if (value == NULL) {
        pyt__fail_memory();
        return NULL;
    }
    if (!pyt__local_construct(local, value)) {
        pyt__release_memory(value);
        pyt__fail(PYT_RUNTIME_ERROR, "the local's constructor failed");
        return NULL;
    }
    pyt__lock_take(&pyt__locals_lock); /* against a deleter, and for the numbers of slots */
    bool linked = pyt__local_link_locked(local, value);
    if (!linked) { /* as if it had been taken out: destroyed without the lock, counted as busy */
        ++*pyt__local_busy_locked(local);
    }
    pyt_lock_release(&pyt__locals_lock);
    if (!linked) {
        pyt__local_destroy(value);
        pyt__fail_memory();
        return NULL;
    }
    return value;
}

PYT__API void *pyt_local_get(pyt_local *local) {
    if (local == NULL) {
        pyt__fail_null();
        return NULL;
    }
    pyt__local_value *value = pyt__local_find(local);
    if (value == NULL) {
        value = pyt__local_make(local);
    }
    return value != NULL ? pyt__local_data(value) : NULL;
}

PYT__API bool pyt_local_exists(pyt_local *local) {
    return local != NULL && pyt__local_find(local) != NULL;
}

/* Wait until no thread destroys a value of `local` any more. The lock is held, and released while
 * waiting. The thread that ends the last destruction dequeues the waiter under the same lock. */
static pyt_status pyt__local_wait_idle_locked(pyt_local *local) PYT__REQUIRE(pyt__locals_lock) {
    pyt_status status = PYT_OK;
    while (status == PYT_OK && *pyt__local_busy_locked(local) > 0) {
        status = pyt__park_unlocks(&pyt__locals_lock, local, PYT__FOREVER, true);
        pyt__lock_take(&pyt__locals_lock);
    }
    return status;
}

PYT__API pyt_status pyt_local_delete(pyt_local *local) {
    if (local == NULL) {
        return pyt__fail_null();
    }
    if (pyt__local_is_among(pyt__me.pyt__ending, local)) {
        return pyt__fail(PYT_RUNTIME_ERROR, "a local's destroy function cannot delete the local");
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    /* 1. Take the values out one by one; the program's destroy function runs without the lock. */
    pyt__lock_take(&pyt__locals_lock);
    while (local->pyt__values != NULL) {
        pyt__local_value *value = local->pyt__values;
        pyt__local_unlink_locked(value);
        pyt_lock_release(&pyt__locals_lock);
        pyt__local_destroy(value);
        pyt__lock_take(&pyt__locals_lock);
    }
    /* 2. Those that ending threads took out still use the local: wait for them. 3. Only then may
     *    the slot's number go to another local. */
    pyt_status status = pyt__local_wait_idle_locked(local);
    uint32_t slot = PYT__LOAD(&local->pyt__slot, relaxed);
    if (status == PYT_OK && slot != 0) {
        PYT__STORE(&local->pyt__slot, 0, relaxed);
        pyt__local_free[pyt__local_free_count++] = slot;
    }
    pyt_lock_release(&pyt__locals_lock);
    return status;
}

/* Destroy the calling thread's values and its table. */
static void pyt__locals_end(void) {
    struct pyt__local_table *table = pyt__me.pyt__locals;
    if (table == NULL) {
        return;
    }
    bool found = true;
    while (found) { /* a destroy function may have filled a slot that was already empty */
        found = false;
        table->rounds++;
        for (uint32_t slot = table->capacity; slot > 0; slot--) {
            /* A deleter in another thread may want the same value: the lock decides, and the
             * loser finds the slot empty, or `busy` above 0 and waits for that. */
            pyt__lock_take(&pyt__locals_lock);
            pyt__local_value *value = PYT__LOAD(&table->slots[slot - 1], relaxed);
            if (value != NULL) {
                pyt__local_unlink_locked(value);
            }
            pyt_lock_release(&pyt__locals_lock);
            if (value != NULL) {
                found = true;
                pyt__local_destroy(value);
            }
        }
    }
    pyt__me.pyt__locals = NULL;
    pyt__release_memory((void *)(uintptr_t)table->slots);
    pyt__release_memory(table);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>thread                                     threading.Thread, the registry, _thread, the hooks
 *
 *  A handle is counted. The running thread holds one reference of its own, from its start to its
 *  end, so a handle without other references lives as long as its thread. A handle's state is
 *  one word; its low bits are the phase:
 *
 *      NEW       never started, or a start failed      start -> STARTING
 *      STARTING  a thread is being asked for           -> ALIVE, or back to NEW
 *      ALIVE     it exists; a timer: it waits or runs  its end -> OVER
 *      OVER      ended                                 for good
 *
 *  The flags of the state. It changes by compare-and-swap alone, so "under" a lock says which steps
 *  exclude each other; reads are acquire. "Made" is before any other thread has the handle.
 *
 *      flag       set by, under              cleared by, under         read by
 *      DAEMON     its maker, set_daemon      set_daemon while NEW;     the process's end, a thread
 *                 while NEW: one CAS         fork's child: main        made by this one
 *      TIMER      pyt_timer_new, made        never                     start, begin, run, cancel
 *      MAIN       statically; fork's child   never                     ref, unref, the ends
 *      DUMMY      pyt_current_thread, made,  fork's child, of the      join, the process's end
 *                 or of a raw thread         thread that is main now
 *      RAW        its maker, made            fork's child: the same    start, begin: not listed
 *      ELSEWHERE  pyt_current_thread, made   never                     ident; the thread at its end
 *      CANCELLED  cancel, pyt__timers_lock   never                     start, fire, call, run
 *      FIRED      pyt__timer_call            never                     pyt__timer_call, run
 *      RAISED     the thread, before OVER    never                     result, free
 *      JOINABLE   the starter, join_lock     a joiner, exit in that    joiners, with join_lock; the
 *                                            thread, join_lock         last reference without
 *      BEGUN      the thread, its first      never                     set_name, native_id
 *                 step
 *      WATCHED    a waiter for BEGUN,        never: it costs one       the thread when it sets
 *                 bucket lock of `self`      look into an empty queue  BEGUN, which finds it or is
 *                                                                      found
 *      LISTED     registry lock              registry lock             registry lock
 *      LEFT       pyt__shared's mutex        pyt__shared's mutex       pyt__shared's mutex
 *
 *  The upper half counts the forks before the start: a system thread from before a fork does not
 *  exist in the child and is never joined there.
 *
 *  Start, join and the thread's first step. The phase is enough for the starter to return: the
 *  thread need not have run yet.
 *
 *      the starter                      the new thread          a joiner
 *      CAS: NEW -> STARTING
 *      lock join_lock                                           sees STARTING: waits for join_lock
 *      add to the registry
 *      ask the system for a thread      CAS: STARTING -> ALIVE
 *      set JOINABLE
 *      CAS: STARTING -> ALIVE           (whichever is first)
 *      unlock join_lock                                         sees ALIVE; else: never started
 *                                       ...                     sleeps on `done`
 *                                       waits for JOINABLE
 *                                       OVER, set `done`        wakes, lock join_lock
 *                                       its last instruction    join the system thread, clear
 *                                                               JOINABLE, unlock
 *
 *  The registry is the list of threads that are STARTING or ALIVE, oldest first, under
 *  pyt__registry_lock. enumerate copies it, the process's end waits for it, fork's child marks
 *  all but its own thread OVER.
 *
 *  The order of a thread's end:
 *
 *    1  its hooks have run; pyt__leave: what it was in the middle of, if it left by the system's
 *       means, is ended for its waiters; its local values are destroyed
 *    2  the system runs the program's destructors: C++ thread_local, thread-specific values. The
 *       thread is still listed and still itself in them. Values that they make are destroyed in
 *       the next round (pyt__retire, PYT__END_ROUNDS of them)
 *    3  in the last round it leaves the registry, is OVER, and `done` is set. No code of the
 *       program runs after that, but for destructors that ask for a fourth round
 *    4  its system thread is joined by the first of: a joiner of the handle; the thread that drops
 *       the last reference; the end of the process, which finds it in `left`. A thread without a
 *       handle becomes the orphan, and the next thread that ends without one joins it: a chain, of
 *       which joining the last joins all. So nothing is ever detached, and the end of the process
 *       and of a plugin come after the last instruction. 3 comes first, so that such a join is
 *       short: a joiner waits for `done`, a wait that exit can reach, not for the system
 *
 *  A joiner joins the system thread under `join_lock`, which a start also holds until the system's
 *  handle is stored. Where PYT__END_ROUNDS is 1, 3 follows 1, and a thread that is not joined is
 *  detached.
 *
 *  Locks are taken in the order pyt__timers_lock, join_lock, pyt__registry_lock,
 *  pyt__locals_lock, with the mutex of pyt__shared last; a thread holds the join_lock of one handle
 *  at most. Threads that take one are enrolled, so that taking cannot fail.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* A thread, alive or not: a counted handle. */
typedef struct pyt_thread pyt_thread;

/* Tells living threads apart; never 0. May be used again once the thread's handle is gone. */
typedef uintptr_t pyt_ident;

/* Whether the process may end while the thread runs. */
typedef enum pyt_daemon {
    PYT_DAEMON_INHERIT, /* as the thread that makes the object */
    PYT_DAEMON_TRUE,
    PYT_DAEMON_FALSE
} pyt_daemon;

/* What a new thread is to be. Every member's zero is Python's default. */
typedef struct pyt_thread_options {
    void *(*target)(void *arg);     /* what the thread does; NULL: nothing */
    void *arg;                      /* given to the target; must live as long as it is used */
    size_t arg_size;                /* above 0: `arg_size` bytes of *arg are copied into the handle
                                       now, and the target is given the copy */
    const char *name;               /* copied; NULL or "": "Thread-N" */
    void *(*run)(pyt_thread *self); /* called instead of the target, as a subclass's run is */
    pyt_daemon daemon;
    size_t stack_size; /* bytes; 0: as pyt_set_stack_size says; else 32768 or more */
} pyt_thread_options;

/* Make a thread that is not started.
 *
 * thread   receives the handle, with a reference that is the caller's: pyt_thread_unref it
 * options  may be NULL
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR  `thread` is NULL, `arg` is NULL with an arg_size, or the stack size
 *                           is too small
 *          PYT_MEMORY_ERROR no memory for the handle; *thread is NULL
 * Thread   any; the new one inherits its daemon property from the calling thread
 * Python   Thread(target=, name=, args=, daemon=)
 */
PYT__MUST_USE PYT__API pyt_status pyt_thread_new(pyt_thread **thread,
                                                 const pyt_thread_options *options);

/* Take one more reference. Returns `thread`. NULL: nothing happens. */
PYT__API pyt_thread *pyt_thread_ref(pyt_thread *thread);

/* Give a reference back. A thread that runs goes on; its handle is freed when it ends. NULL:
 * nothing happens. */
PYT__API void pyt_thread_unref(pyt_thread *thread);

/* Start the thread. Its ident is known when this returns.
 *
 * Returns  PYT_OK
 *          PYT_RUNTIME_ERROR it was started before
 *          PYT_MEMORY_ERROR  the system has no memory or no thread to give; the object is as it
 *                            was, and start may be tried again
 *          PYT_VALUE_ERROR   `thread` is NULL
 * Thread   any
 * Python   Thread.start()
 */
PYT__MUST_USE PYT__API pyt_status pyt_thread_start(pyt_thread *thread);

/* Do in the calling thread what the thread would do: its `run`, or its target. Called from within
 * that `run` it is the standard run, which calls the target, as super().run() is. What the target
 * returns is not kept; what it raises goes through. For a timer: wait the interval, then call
 * the function, if it was neither called before nor cancelled.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `thread` is NULL; for a timer also PYT_INTERRUPTED and
 *          PYT_MEMORY_ERROR, and the function was not called
 * Thread   any
 * Python   Thread.run()
 */
PYT__API pyt_status pyt_thread_run(pyt_thread *thread);

/* Wait until the thread has ended: its thread-local values are gone, it is not in pyt_enumerate,
 * and the system's thread is over. Any number of threads may join, any number of times.
 *
 * Returns  as every wait (see pyt_status), and
 *          PYT_RUNTIME_ERROR it was not started, is the calling thread, or was made elsewhere
 * Thread   any
 * Python   Thread.join()
 */
PYT__API pyt_status pyt_thread_join(pyt_thread *thread);

/* As pyt_thread_join, as long as `seconds`.
 *
 * seconds  0 and below look once. Once the thread's own work is over, the moment the system needs
 *          to end it is waited for even beyond the time
 * Returns  as pyt_thread_join
 * Python   Thread.join(timeout)
 */
PYT__API pyt_status pyt_thread_join_timeout(pyt_thread *thread, double seconds);

/* Ask whether the thread was started and has not ended. NULL: false. Python: Thread.is_alive() */
PYT__API bool pyt_thread_is_alive(const pyt_thread *thread);

/* Give the thread's name, valid as long as the handle. NULL: "".
 *
 * Thread   any. A name that was never asked for is written out on the first call; without memory
 *          for that the answer is "Thread"
 * Python   Thread.name
 */
PYT__API const char *pyt_thread_name(const pyt_thread *thread);

/* Name the thread, for pyt_thread_name and, as far as it takes (15 bytes on Linux), the system.
 *
 * name     copied, byte for byte. Each different name a handle has had keeps its memory until the
 *          handle is freed, since another thread may still be reading it
 * Returns  PYT_OK; PYT_VALUE_ERROR: an argument is NULL, or `name` is empty; PYT_MEMORY_ERROR
 * Thread   any
 * Python   Thread.name = name
 */
PYT__API pyt_status pyt_thread_set_name(pyt_thread *thread, const char *name);

/* Give the thread's ident; 0 before it was started, kept after its end. NULL: 0.
 * Python   Thread.ident */
PYT__API pyt_ident pyt_thread_ident(const pyt_thread *thread);

/* Give the number the system's tools show for the thread; 0 before it was started and for a timer
 * that waits. Waits for a new thread's first step. NULL: 0.
 * Python   Thread.native_id */
PYT__API unsigned long pyt_thread_native_id(const pyt_thread *thread);

/* Ask whether the process may end while the thread runs. NULL: false. Python: Thread.daemon */
PYT__API bool pyt_thread_daemon(const pyt_thread *thread);

/* Say whether the process may end while the thread runs.
 *
 * Returns  PYT_OK; PYT_RUNTIME_ERROR: it was started; PYT_VALUE_ERROR: `thread` is NULL
 * Python   Thread.daemon = daemon
 */
PYT__API pyt_status pyt_thread_set_daemon(pyt_thread *thread, bool daemon);

/* Give what the target (or `run`) returned.
 *
 * result   receives it; may be NULL. NULL after pyt_exit
 * Returns  PYT_OK
 *          PYT_TASK_ERROR    it ended by pyt_raise; pyt_error_message gives the message
 *          PYT_RUNTIME_ERROR it has not ended
 *          PYT_VALUE_ERROR   `thread` is NULL
 * Thread   any
 */
PYT__API pyt_status pyt_thread_result(const pyt_thread *thread, void **result);

/* Give the thread's argument, or the handle's copy of it: what a `run` works on. NULL: NULL. */
PYT__API void *pyt_thread_arg(const pyt_thread *thread);

/* Give the calling thread's handle, borrowed: valid while the thread runs; pyt_thread_ref it to
 * keep it. A thread made elsewhere gets a daemonic "Dummy-N", which ends with it.
 *
 * Returns  NULL only for such a thread, when there is no memory
 * Python   current_thread()
 */
PYT__API pyt_thread *pyt_current_thread(void);

/* Give the handle of the thread that main runs in, borrowed, valid for ever. To the threads that
 * join it, it is over when the process's end waits for them. Python: main_thread() */
PYT__API pyt_thread *pyt_main_thread(void);

/* List the threads that are alive: the main thread, those made elsewhere that have asked for
 * their handle, and those started and not ended, oldest first.
 *
 * list     receives up to `capacity` handles, each with a reference that is the caller's; may be
 *          NULL with capacity 0
 * Returns  how many are alive, which may be more than `capacity`; 0 without memory
 * Python   enumerate()
 */
PYT__API size_t pyt_enumerate(pyt_thread **list, size_t capacity);

/* Count the threads that are alive: pyt_enumerate(NULL, 0). Python: active_count() */
PYT__API size_t pyt_active_count(void);

/* Give the calling thread's ident, and the number the system's tools show for it.
 * Python   get_ident(), get_native_id() */
PYT__API pyt_ident pyt_get_ident(void);
PYT__API unsigned long pyt_get_native_id(void);

/* Give, and set, the stack size in bytes of threads started from now on; 0: the system's choice.
 *
 * Returns  the size; pyt_set_stack_size: PYT_OK, or PYT_VALUE_ERROR: above 0 and below 32768, the
 *          size is unchanged
 * Python   stack_size(), stack_size(size)
 */
PYT__API size_t pyt_stack_size(void);
PYT__API pyt_status pyt_set_stack_size(size_t size);

/* When a trace or profile function is called, in the thread it is about. */
typedef enum pyt_trace_event {
    PYT_TRACE_CALL,     /* before the thread's run */
    PYT_TRACE_RETURN,   /* after it, also after pyt_exit */
    PYT_TRACE_EXCEPTION /* after it, when it ended by pyt_raise */
} pyt_trace_event;

typedef void (*pyt_trace_function)(pyt_thread *thread, pyt_trace_event event);

/* Have `function` called at the beginning and the end of threads started from now on; NULL:
 * none. The _all_threads forms also reach threads that run, for their end.
 *
 * Thread   any
 * Python   settrace(), setprofile(), settrace_all_threads(), setprofile_all_threads(), gettrace(),
 *          getprofile(). C has no lines to trace: the events are those of the thread's run
 */
PYT__API void pyt_settrace(pyt_trace_function function);
PYT__API void pyt_setprofile(pyt_trace_function function);
PYT__API void pyt_settrace_all_threads(pyt_trace_function function);
PYT__API void pyt_setprofile_all_threads(pyt_trace_function function);
PYT__API pyt_trace_function pyt_gettrace(void);
PYT__API pyt_trace_function pyt_getprofile(void);

/* What an excepthook is told; valid during the call. */
typedef struct pyt_excepthook_args {
    pyt_thread *thread; /* NULL for a thread made elsewhere without memory for its handle */
    int code;           /* from pyt_raise */
    const char *message;
} pyt_excepthook_args;

typedef void (*pyt_excepthook)(const pyt_excepthook_args *args);

/* Set, and give, what is called in a thread that ended by pyt_raise. NULL is the default, which
 * prints "Exception in thread NAME: MESSAGE" to stderr. A hook that itself raises is left, and
 * the default is called.
 *
 * Thread   any
 * Python   excepthook
 */
PYT__API void pyt_set_excepthook(pyt_excepthook hook);
PYT__API pyt_excepthook pyt_get_excepthook(void);

/* Run `function(arg)` in a new thread that cannot be joined. It is not in pyt_enumerate until it
 * asks for pyt_current_thread, which makes it a daemonic "Dummy-N"; the process's end does not
 * wait for it.
 *
 * ident    receives the new thread's ident; may be NULL
 * Returns  PYT_OK; PYT_VALUE_ERROR: `function` is NULL; PYT_MEMORY_ERROR: no memory or thread
 * Thread   any
 * Python   _thread.start_new_thread(function, args)
 */
PYT__API pyt_status pyt_start_new_thread(void (*function)(void *arg), void *arg, pyt_ident *ident);

/* Interrupt the main thread: its present call that waits, or its next one that has to, returns
 * PYT_INTERRUPTED, once. What it waited for is as if it had not waited. pyt_with, and the wait
 * for threads at the process's end, are not interrupted.
 *
 * Returns  PYT_OK
 * Thread   any; not from a signal handler
 * Python   _thread.interrupt_main()
 */
PYT__API pyt_status pyt_interrupt_main(void);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#define PYT__MIN_STACK 32768

enum {
    PYT__NEW,
    PYT__STARTING,
    PYT__ALIVE,
    PYT__OVER
};

#define PYT__PHASE UINT32_C(3)
#define PYT__DAEMON UINT32_C(0x4)
#define PYT__TIMER UINT32_C(0x8)
#define PYT__MAIN UINT32_C(0x10)
#define PYT__DUMMY UINT32_C(0x20)
#define PYT__RAW UINT32_C(0x40) /* calls `function`, is in no list unless DUMMY */
#define PYT__CANCELLED UINT32_C(0x80)
#define PYT__RAISED_STATE UINT32_C(0x100)
#define PYT__JOINABLE UINT32_C(0x200)
#define PYT__BEGUN UINT32_C(0x400)
#define PYT__WATCHED UINT32_C(0x800)
#define PYT__LISTED UINT32_C(0x1000)    /* in the registry; under its lock */
#define PYT__ELSEWHERE UINT32_C(0x2000) /* not made here: its ident is its page's address */
#define PYT__FIRED UINT32_C(0x4000)     /* a timer's function has been called */
#define PYT__LEFT UINT32_C(0x8000)      /* in pyt__shared's list of that name; under its mutex */
#define PYT__FORKS_SHIFT 16

typedef struct pyt__name {
    struct pyt__name *older; /* every name the handle has had; fixed */
    char text[];
} pyt__name;

/* Kept to 104 bytes, since 100,000 waiting timers have one each: members that are never needed
 * at the same time share a place. */
struct pyt_thread {
    /* First, since allocators write over the first words of what is freed: refs stays 0 then. */
    pyt_thread *next, *previous; /* the registry; under its lock. With LEFT: that list */
    PYT__ATOMIC(uint32_t) refs;
    PYT__ATOMIC(uint32_t) state;
    void *arg;                     /* fixed */
    void *(*run)(pyt_thread *);    /* fixed */
    PYT__ATOMIC(pyt__name *) name; /* NULL: not written out yet, or the main thread's */
    union {
        pyt__parker *parker; /* from the start to the thread's first step, which takes it */
        void *result;        /* until OVER the thread's, then fixed */
        char *message;       /* with RAISED, instead of the result */
    } end;
    pyt_event done;
    pyt_lock join_lock;
    PYT__ATOMIC(pyt__self *) self; /* the thread's page, from its first step on */
    uint32_t number;               /* of "Thread-N"; 0: none was drawn */

    /* For timer, which shares the places below with the thread that it becomes. */
    uint32_t place; /* in the heap, from 1 on; under pyt__timers_lock */
    union {
        void *(*target)(void *);
        void (*function)(void *); /* a timer's, a raw thread's */
    } call;                       /* fixed */
    union {
        size_t stack_size;          /* NEW */
        struct pyt__traits *traits; /* of a timer that waits; under pyt__timers_lock */
        pyt__os_thread thread;      /* with JOINABLE */
    } system;
    union {
        int64_t deadline;                  /* a timer's: first the interval, then when it is due */
        struct pyt__traits *traits;        /* of a timer that is given its thread */
        PYT__ATOMIC(unsigned long) native; /* with BEGUN */
    } when;
};
PYT__STATIC_ASSERT(sizeof(pyt_thread) <= 104, "a handle is 104 bytes or less");

static pyt_lock pyt__registry_lock;
static pyt_thread *pyt__registry_oldest, *pyt__registry_youngest; /* under the lock */
static size_t pyt__registry_count;                                /* under the lock */

#define PYT__FIRST_MAIN_STATE (PYT__ALIVE | PYT__MAIN | PYT__ELSEWHERE | PYT__BEGUN)
static pyt_thread pyt__first_main = {
    NULL,
    NULL,
    PYT__ATOMIC_INIT(1),
    PYT__ATOMIC_INIT(PYT__FIRST_MAIN_STATE),
};
static PYT__ATOMIC(pyt_thread *) pyt__main_handle = PYT__ATOMIC_INIT(&pyt__first_main);

static PYT__ATOMIC(uint32_t) pyt__threads_alive; /* system threads started here, not at their end */
static PYT__ATOMIC(uint32_t) pyt__names_drawn;
static PYT__ATOMIC(size_t) pyt__default_stack_size;
static PYT__ATOMIC(uintptr_t) pyt__trace_function;   /* a pyt_trace_function */
static PYT__ATOMIC(uintptr_t) pyt__profile_function; /* a pyt_trace_function */
static PYT__ATOMIC(uintptr_t) pyt__excepthook;       /* a pyt_excepthook */

static bool pyt__hook_exit_locked(void);                   /* the process room's */
static pyt_status pyt__timer_start(pyt_thread *thread);    /* the timer room's */
static pyt_status pyt__timer_run_here(pyt_thread *thread); /* the timer room's */

/* ---- state ---- */

/* A start that was under way in another thread when the process was forked is over in the child. */
static uint32_t pyt__thread_state(const pyt_thread *thread) {
    uint32_t state = PYT__LOAD(&thread->state, acquire);
    bool ours = state >> PYT__FORKS_SHIFT == (pyt__forks & 0xFFFF);
    return (state & PYT__PHASE) == PYT__STARTING && !ours ? state | PYT__OVER : state;
}

static uint32_t pyt__thread_phase(const pyt_thread *thread) {
    return pyt__thread_state(thread) & PYT__PHASE;
}

/* Clear some bits of the state and set others, in one step. Returns the state before. */
static uint32_t pyt__thread_change(pyt_thread *thread, uint32_t clear, uint32_t set) {
    uint32_t state = PYT__LOAD(&thread->state, relaxed);
    while (!PYT__CAS(&thread->state, &state, (state & ~clear) | set, acq_rel)) {
    }
    return state;
}

/* The forks so far, where a state keeps them. */
static uint32_t pyt__forks_mark(void) {
    return (pyt__forks & 0xFFFF) << PYT__FORKS_SHIFT;
}

/* Does its system thread exist in this process, and not only in the one that forked it? */
static bool pyt__thread_is_ours(const pyt_thread *thread) {
    return pyt__thread_state(thread) >> PYT__FORKS_SHIFT == (pyt__forks & 0xFFFF);
}

/* The main thread's page says so. The page's address would not do: in fork's child the main thread
 * may be one that ends before the process, and a later thread then gets the same address. Until
 * fork is hooked, a forked thread finds out by itself that it is the main one now. */
static bool pyt__is_main_thread(void) {
    pyt_thread *main_thread = PYT__LOAD(&pyt__main_handle, acquire);
    if (pyt__me.pyt__is_main) {
        return true;
    }
    bool unsure = PYT__LOAD(&main_thread->self, acquire) == NULL ||
                  PYT__LOAD(&pyt__fork_is_hooked, acquire) == 0;
    if (!unsure || pyt__thread_phase(main_thread) == PYT__OVER || !pyt__os_is_main()) {
        return false;
    }
    pyt__me.pyt__is_main = true;
    PYT__STORE(&main_thread->when.native, pyt__os_thread_id(), relaxed);
    PYT__STORE(&main_thread->self, &pyt__me, release);
    return true;
}

#if defined(PYT__AT_START)
/* The main thread is known before any other can ask, and the functions around fork are registered
 * before the program registers its own. Elsewhere both come with the first call. */
PYT__AT_START(pyt__at_start);
static void pyt__at_start(void) {
    (void)pyt__is_main_thread();
    (void)pyt__hook_fork();
    pyt__hook_exit_early();
}
#endif

/* ---- references and names ---- */

static pyt_thread *pyt__thread_allocate(size_t arg_size) {
    size_t head = (sizeof(pyt_thread) + 15) / 16 * 16;
    if (arg_size > SIZE_MAX - head) {
        return NULL;
    }
    size_t size = arg_size > 0 ? head + arg_size : sizeof(pyt_thread);
    pyt_thread *thread = (pyt_thread *)pyt__allocate_zeroed(size);
    if (thread != NULL) {
        PYT__STORE(&thread->refs, 1, relaxed);
        thread->arg = arg_size > 0 ? (char *)thread + head : NULL;
    }
    return thread;
}

/* ---- system threads that are to be joined; see the order of a thread's end ---- */

static void pyt__left_add(pyt_thread *thread) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__os_mutex_lock(&shared->mutex);
    thread->previous = NULL;
    thread->next = shared->left;
    if (thread->next != NULL) {
        thread->next->previous = thread;
    }
    shared->left = thread;
    pyt__thread_change(thread, 0, PYT__LEFT);
    pyt__os_mutex_unlock(&shared->mutex);
}

static void pyt__left_remove(pyt_thread *thread) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__os_mutex_lock(&shared->mutex);
    if (pyt__thread_change(thread, PYT__LEFT, 0) & PYT__LEFT) {
        *(thread->previous != NULL ? &thread->previous->next : &shared->left) = thread->next;
        if (thread->next != NULL) {
            thread->next->previous = thread->previous;
        }
    }
    pyt__os_mutex_unlock(&shared->mutex);
}

/* Join the orphan, and leave another in its place, or none. */
static void pyt__orphan_swap(const pyt__os_thread *next) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__os_mutex_lock(&shared->mutex);
    bool found = shared->has_orphan;
    pyt__os_thread orphan = shared->orphan;
    shared->has_orphan = next != NULL;
    if (next != NULL) {
        shared->orphan = *next;
    }
    pyt__os_mutex_unlock(&shared->mutex);
    if (found) {
        pyt__os_thread_join(orphan);
    }
}

/* The handle of a thread that is over is freed, and its system thread was not joined. */
static void pyt__thread_dispose_of_system(pyt_thread *thread) {
    pyt__left_remove(thread);
    if (PYT__END_ROUNDS == 1) {
        pyt__os_thread_detach(thread->system.thread);
    } else if (thread == pyt__me.pyt__left) {
        pyt__orphan_swap(&thread->system.thread);
    } else {
        pyt__os_thread_join(thread->system.thread);
    }
}

static void pyt__thread_free(pyt_thread *thread) {
    uint32_t state = pyt__thread_state(thread);
    if ((state & PYT__JOINABLE) && pyt__thread_is_ours(thread)) {
        pyt__thread_dispose_of_system(thread);
    }
    if (state & PYT__RAISED_STATE) {
        pyt__release_memory(thread->end.message);
    }
    pyt__name *name = PYT__LOAD(&thread->name, relaxed);
    while (name != NULL) {
        pyt__name *older = name->older;
        pyt__release_memory(name);
        name = older;
    }
    pyt__release_memory(thread);
}

/* A count that comes this far stays there, and the handle is never freed: better than to free it
 * while it is in use. The other half is for threads that count at the same time. */
#define PYT__REFS_MAX UINT32_C(0x80000000)

PYT__API pyt_thread *pyt_thread_ref(pyt_thread *thread) {
    if (thread != NULL && !(pyt__thread_state(thread) & PYT__MAIN) &&
        PYT__LOAD(&thread->refs, relaxed) < PYT__REFS_MAX) {
        PYT__ADD(&thread->refs, 1, relaxed);
    }
    return thread;
}

/* One more reference, unless the last is going. */
static bool pyt__thread_try_ref(pyt_thread *thread) {
    uint32_t refs = PYT__LOAD(&thread->refs, relaxed);
    while (refs > 0 && !PYT__CAS(&thread->refs, &refs, refs + 1, relaxed)) {
    }
    return refs > 0;
}

/* Release pairs with the acquire of the last one: what others did to the handle comes before. The
 * main thread's handle is there for good. */
PYT__API void pyt_thread_unref(pyt_thread *thread) {
    if (thread != NULL && !(pyt__thread_state(thread) & PYT__MAIN) &&
        PYT__LOAD(&thread->refs, relaxed) < PYT__REFS_MAX &&
        PYT__ADD(&thread->refs, UINT32_MAX, acq_rel) == 1) {
        pyt__thread_free(thread);
    }
}

static pyt__name *pyt__name_make(const char *text) {
    size_t size = strlen(text) + 1;
    pyt__name *name = (pyt__name *)pyt__allocate(offsetof(pyt__name, text) + size);
    if (name != NULL) {
        name->older = NULL;
        memcpy(name->text, text, size);
    }
    return name;
}

/* Make `name` the thread's. */
static void pyt__name_push(pyt_thread *thread, pyt__name *name) {
    name->older = PYT__LOAD(&thread->name, acquire);
    while (!PYT__CAS(&thread->name, &name->older, name, seq_cst)) {
    }
}

/* Never 0, the main thread's, also when all numbers were drawn and they begin again. */
static uint32_t pyt__draw_number(void) {
    uint32_t number = 0;
    while (number == 0) {
        number = PYT__ADD(&pyt__names_drawn, 1, relaxed) + 1;
    }
    return number;
}

/* Write out the name of a thread that was given none. */
static void pyt__default_name(const pyt_thread *thread, char *text, size_t size) {
    if (thread->number == 0) {
        (void)snprintf(text, size, "MainThread");
    } else {
        bool dummy = pyt__thread_state(thread) & PYT__DUMMY;
        (void)snprintf(text, size, "%s-%lu", dummy ? "Dummy" : "Thread",
                       (unsigned long)thread->number);
    }
}

PYT__API const char *pyt_thread_name(const pyt_thread *thread) {
    if (thread == NULL) {
        pyt__fail_null();
        return "";
    }
    PYT__ATOMIC(pyt__name *) *place = &((pyt_thread *)(uintptr_t)thread)->name;
    pyt__name *name = PYT__LOAD(place, acquire);
    if (name != NULL) {
        return name->text;
    }
    if (thread->number == 0) {
        return "MainThread";
    }
    char text[32];
    pyt__default_name(thread, text, sizeof text);
    pyt__name *fresh = pyt__name_make(text);
    if (fresh == NULL) {
        pyt__fail_memory();
        return "Thread";
    }
    if (!PYT__CAS(place, &name, fresh, acq_rel)) {
        pyt__release_memory(fresh);
        return PYT__LOAD(place, acquire)->text;
    }
    return fresh->text;
}

/* In the new thread: tell the system its name, again if it was renamed meanwhile. */
static void pyt__thread_tell_name(pyt_thread *thread) {
    pyt__name *told;
    do {
        char text[32];
        told = PYT__LOAD(&thread->name, seq_cst);
        if (told == NULL) {
            pyt__default_name(thread, text, sizeof text);
        }
        pyt__os_set_name(NULL, told != NULL ? told->text : text);
    } while (PYT__LOAD(&thread->name, seq_cst) != told);
}

PYT__API pyt_status pyt_thread_set_name(pyt_thread *thread, const char *name) {
    if (thread == NULL || name == NULL) {
        return pyt__fail_null();
    }
    if (name[0] == '\0') {
        return pyt__fail(PYT_VALUE_ERROR, "a thread's name must not be empty");
    }
    pyt__name *fresh = NULL;
    if (strcmp(pyt_thread_name(thread), name) != 0) {
        fresh = pyt__enroll() != NULL ? pyt__name_make(name) : NULL;
        if (fresh == NULL) {
            return pyt__fail_memory();
        }
        pyt__name_push(thread, fresh);
    }
    if (thread == pyt__me.pyt__thread) {
        if (!(pyt__thread_state(thread) & PYT__MAIN)) { /* its name is the process's */
            pyt__os_set_name(NULL, name);
        }
    } else if (fresh != NULL && pyt__thread_phase(thread) != PYT__OVER) {
        pyt__lock_take(&thread->join_lock);
        uint32_t state = pyt__thread_state(thread);
        if ((state & PYT__JOINABLE) && (state & PYT__BEGUN) && pyt__thread_is_ours(thread)) {
            pyt__os_set_name(&thread->system.thread, PYT__LOAD(&thread->name, seq_cst)->text);
        }
        pyt_lock_release(&thread->join_lock);
    }
    return PYT_OK;
}

/* ---- the registry ---- */

static void pyt__registry_add_locked(pyt_thread *thread) {
    thread->next = NULL;
    thread->previous = pyt__registry_youngest;
    if (pyt__registry_youngest != NULL) {
        pyt__registry_youngest->next = thread;
    } else {
        pyt__registry_oldest = thread;
    }
    pyt__registry_youngest = thread;
    pyt__registry_count++;
    pyt__thread_change(thread, 0, PYT__LISTED);
}

static void pyt__registry_remove_locked(pyt_thread *thread) {
    if (!(pyt__thread_state(thread) & PYT__LISTED)) {
        return;
    }
    *(thread->previous != NULL ? &thread->previous->next : &pyt__registry_oldest) = thread->next;
    *(thread->next != NULL ? &thread->next->previous : &pyt__registry_youngest) = thread->previous;
    pyt__registry_count--;
    pyt__thread_change(thread, PYT__LISTED, 0);
}

/* Lock the registry. The calling thread is enrolled. The main thread is always in it. */
static void pyt__registry_open(void) PYT__ACQUIRE(pyt__registry_lock) {
    pyt__lock_take(&pyt__registry_lock);
    pyt_thread *main_thread = PYT__LOAD(&pyt__main_handle, relaxed);
    if (!(pyt__thread_state(main_thread) & PYT__LISTED)) {
        pyt__registry_add_locked(main_thread);
    }
}

static void pyt__registry_close(void) PYT__RELEASE(pyt__registry_lock) {
    pyt_lock_release(&pyt__registry_lock);
}

PYT__API size_t pyt_enumerate(pyt_thread **list, size_t capacity) {
    if (pyt__enroll() == NULL) {
        return 0;
    }
    size_t listed = 0;
    pyt__registry_open();
    size_t count = pyt__registry_count;
    pyt_thread *thread = pyt__registry_oldest;
    for (; list != NULL && listed < capacity && thread != NULL; thread = thread->next) {
        list[listed++] = pyt_thread_ref(thread);
    }
    pyt__registry_close();
    return count;
}

PYT__API size_t pyt_active_count(void) {
    return pyt_enumerate(NULL, 0);
}

/* ---- hooks ---- */

PYT__API void pyt_settrace(pyt_trace_function function) {
    PYT__STORE(&pyt__trace_function, (uintptr_t)function, seq_cst);
}

PYT__API void pyt_setprofile(pyt_trace_function function) {
    PYT__STORE(&pyt__profile_function, (uintptr_t)function, seq_cst);
}

/* The page of a thread in the registry, which is locked; NULL: it has none to be written to. The
 * end of a main thread that the library knows nothing of would not be noticed. */
static pyt__self *pyt__thread_page_locked(pyt_thread *thread) {
    uint32_t state = pyt__thread_state(thread);
    if ((state & PYT__PHASE) == PYT__OVER ||
        ((state & PYT__MAIN) && PYT__LOAD(&pyt__main_parker, relaxed) == NULL)) {
        return NULL;
    }
    return PYT__LOAD(&thread->self, acquire);
}

/* Set the hook of each thread that is there. A thread reads the hook for later threads, under the
 * registry's lock, when it shows its page: it is reached here, or has read what was set before. */
static void pyt__set_hook_of_all(pyt_trace_function function, bool profile) {
    if (pyt__enroll() == NULL) {
        return;
    }
    pyt__registry_open();
    for (pyt_thread *thread = pyt__registry_oldest; thread != NULL; thread = thread->next) {
        pyt__self *self = pyt__thread_page_locked(thread);
        if (self != NULL) {
            PYT__STORE(profile ? &self->pyt__profile : &self->pyt__trace, (uintptr_t)function,
                       relaxed);
        }
    }
    pyt__registry_close();
}

PYT__API void pyt_settrace_all_threads(pyt_trace_function function) {
    pyt_settrace(function);
    pyt__set_hook_of_all(function, false);
}

PYT__API void pyt_setprofile_all_threads(pyt_trace_function function) {
    pyt_setprofile(function);
    pyt__set_hook_of_all(function, true);
}

PYT__API pyt_trace_function pyt_gettrace(void) {
    return (pyt_trace_function)PYT__LOAD(&pyt__trace_function, seq_cst);
}

PYT__API pyt_trace_function pyt_getprofile(void) {
    return (pyt_trace_function)PYT__LOAD(&pyt__profile_function, seq_cst);
}

static void pyt__trace(pyt_trace_event event) {
    pyt_trace_function trace = (pyt_trace_function)PYT__LOAD(&pyt__me.pyt__trace, relaxed);
    pyt_trace_function profile = (pyt_trace_function)PYT__LOAD(&pyt__me.pyt__profile, relaxed);
    if (trace != NULL) {
        trace(pyt__me.pyt__thread, event);
    }
    if (profile != NULL) {
        profile(pyt__me.pyt__thread, event);
    }
}

PYT__API void pyt_set_excepthook(pyt_excepthook hook) {
    PYT__STORE(&pyt__excepthook, (uintptr_t)hook, seq_cst);
}

PYT__API pyt_excepthook pyt_get_excepthook(void) {
    return (pyt_excepthook)PYT__LOAD(&pyt__excepthook, seq_cst);
}

static void pyt__default_excepthook(const pyt_excepthook_args *args) {
    int saved = errno;
    PYT__PRINT("Exception in thread %s: %s\n",
               args->thread != NULL ? pyt_thread_name(args->thread) : "?", args->message);
    errno = saved;
}

static void pyt__call_excepthook(void *args) {
    pyt_get_excepthook()((const pyt_excepthook_args *)args);
}

/* Report what ended a thread. */
static void pyt__report(int code, const char *message) {
    pyt_excepthook_args args = {pyt_current_thread(), code, message != NULL ? message : ""};
    struct pyt__frame frame;
    if (pyt_get_excepthook() != NULL) {
        pyt__ending ending = pyt__call(&frame, pyt__call_excepthook, &args);
        pyt__release_memory(frame.message);
        if (ending != PYT__RAISED) {
            return;
        }
    }
    pyt__default_excepthook(&args);
}

/* The same with a message that is freed then. It is on record meanwhile: the hook may end the
 * thread. */
static void pyt__report_owned(int code, char *message) {
    char *outer = pyt__me.pyt__reported;
    pyt__me.pyt__reported = message;
    pyt__report(code, message);
    pyt__me.pyt__reported = outer;
    pyt__release_memory(message);
}

PYT__SIM(static void pyt__sim_uncaught(bool raised);) /* the simulate room's */

PYT__NORETURN static void pyt__uncaught(pyt__ending ending, int code, char *message) {
    if (ending == PYT__RAISED) {
        pyt__report_owned(code, message);
    }
#if defined(PYTHREADING_SIMULATE)
    if (pyt__sim_self() != NULL) {
        pyt__sim_uncaught(ending == PYT__RAISED);
        pyt__os_thread_exit();
    }
#endif
    if (!PYT__JUMPS || pyt__is_main_thread()) {
        pyt__os_exit(ending == PYT__RAISED ? 1 : 0);
    }
    pyt__os_thread_exit();
}

/* ---- the life of a thread ---- */

PYT__API pyt_status pyt_thread_new(pyt_thread **thread, const pyt_thread_options *options) {
    static const pyt_thread_options defaults = {0};
    if (thread == NULL) {
        return pyt__fail_null();
    }
    *thread = NULL;
    if (options == NULL) {
        options = &defaults;
    }
    if (options->arg_size > 0 && options->arg == NULL) {
        return pyt__fail(PYT_VALUE_ERROR, "arg_size without an arg");
    }
    if (options->stack_size > 0 && options->stack_size < PYT__MIN_STACK) {
        return pyt__fail(PYT_VALUE_ERROR, "a stack size must be 0 or at least 32768");
    }
    pyt_thread *made = pyt__thread_allocate(options->arg_size);
    if (made == NULL) {
        return pyt__fail_memory();
    }
    if (options->name != NULL && options->name[0] != '\0') {
        pyt__name *name = pyt__name_make(options->name);
        if (name == NULL) {
            pyt__thread_free(made);
            return pyt__fail_memory();
        }
        pyt__name_push(made, name);
    } else {
        made->number = pyt__draw_number();
    }
    made->call.target = options->target;
    made->run = options->run;
    made->system.stack_size = options->stack_size;
    if (options->arg_size > 0) {
        memcpy(made->arg, options->arg, options->arg_size);
    } else {
        made->arg = options->arg;
    }
    bool daemon = options->daemon == PYT_DAEMON_TRUE;
    if (options->daemon == PYT_DAEMON_INHERIT) {
        pyt_thread *maker = pyt__me.pyt__thread;
        daemon = maker != NULL ? pyt_thread_daemon(maker) : !pyt__is_main_thread();
    }
    pyt__thread_change(made, 0, daemon ? PYT__DAEMON : 0);
    *thread = made;
    return PYT_OK;
}

/* The standard run of a thread. */
static void *pyt__thread_call_target(pyt_thread *thread) {
    if (pyt__thread_state(thread) & PYT__RAW) {
        thread->call.function(thread->arg);
        return NULL;
    }
    return thread->call.target != NULL ? thread->call.target(thread->arg) : NULL;
}

static void *pyt__thread_call_run(pyt_thread *thread) {
    if (thread->run == NULL || pyt__me.pyt__in_run == thread) {
        return pyt__thread_call_target(thread);
    }
    pyt_thread *outer = pyt__me.pyt__in_run;
    pyt__me.pyt__in_run = thread;
    void *result = thread->run(thread);
    pyt__me.pyt__in_run = outer;
    return result;
}

PYT__API pyt_status pyt_thread_run(pyt_thread *thread) {
    if (thread == NULL) {
        return pyt__fail_null();
    }
    if (pyt__thread_state(thread) & PYT__TIMER) {
        return pyt__timer_run_here(thread);
    }
    pyt__thread_call_run(thread);
    return PYT_OK;
}

/* What runs in the new thread's frame. */
static void pyt__thread_body(void *arg) {
    pyt_thread *thread = (pyt_thread *)arg;
    pyt__trace(PYT_TRACE_CALL);
    thread->end.result = pyt__thread_call_run(thread);
}

static void pyt__trace_ending(void *event) {
    pyt__trace(*(pyt_trace_event *)event);
}

/* STARTING becomes ALIVE: the new thread or its starter does it, whichever comes first. */
static void pyt__thread_promote(pyt_thread *thread) {
    uint32_t state = PYT__LOAD(&thread->state, relaxed);
    while ((state & PYT__PHASE) == PYT__STARTING &&
           !PYT__CAS(&thread->state, &state, (state & ~PYT__PHASE) | PYT__ALIVE, acq_rel)) {
    }
}

/* Wake the waiters for the thread's first step. */
static void pyt__thread_begun(pyt_thread *thread) {
    if (pyt__thread_change(thread, 0, PYT__BEGUN) & PYT__WATCHED) {
        pyt__unpark_all(&thread->self, PYT__PLAIN);
    }
}

static void pyt__timer_begin(pyt_thread *timer); /* the timer room's: take the starter's traits */

/* The new thread's first step: show its page, take over the hooks, tell the system its name. */
static void pyt__thread_begin(pyt_thread *thread) {
    pyt__parker *parker = thread->end.parker;
    thread->end.result = NULL;
    pyt__me.pyt__thread = thread;
    pyt__me.pyt__ident = (uintptr_t)thread;
    pyt__thread_promote(thread);
    (void)pyt__enroll_with(parker); /* without the hook at its end it must end by returning */
    if (pyt__thread_state(thread) & PYT__TIMER) {
        pyt__timer_begin(thread);
    }
    PYT__STORE(&thread->when.native, pyt__os_thread_id(), relaxed);
    if (!(pyt__thread_state(thread) & PYT__RAW)) {
        pyt__registry_open();
        PYT__STORE(&pyt__me.pyt__trace, PYT__LOAD(&pyt__trace_function, seq_cst), relaxed);
        PYT__STORE(&pyt__me.pyt__profile, PYT__LOAD(&pyt__profile_function, seq_cst), relaxed);
        PYT__STORE(&thread->self, &pyt__me, release);
        pyt__registry_close();
    }
    pyt__thread_begun(thread);
    if (!(pyt__thread_state(thread) & PYT__RAW)) {
        pyt__thread_tell_name(thread);
    }
}

static void pyt__thread_be_over(pyt_thread *thread) {
    pyt__thread_change(thread, PYT__PHASE, PYT__OVER);
    pyt_event_set(&thread->done);
}

/* Leave the registry and be over, in one piece: the end of the process, which waits for those that
 * are listed, must not come in between. The thread's own reference goes. */
static void pyt__thread_finish(pyt_thread *thread) {
    pyt__registry_open();
    pyt__registry_remove_locked(thread);
    pyt__thread_be_over(thread);
    pyt__registry_close();
    pyt_thread_unref(thread);
}

static void pyt__cut_off(
    bool gone); /* the process room's: end what the thread is in the middle of */
static void pyt__main_has_left(void); /* the process room's: the main thread ends before exit */

/* Is the thread's system thread one of ours, not main's? Then JOINABLE is set, or will be when the
 * start that holds join_lock has stored the system's handle: wait for that. */
static bool pyt__thread_is_joinable(pyt_thread *thread) {
    uint32_t state = pyt__thread_state(thread);
    if (!PYT__HAS_THREADS || (state & (PYT__ELSEWHERE | PYT__MAIN)) ||
        !pyt__thread_is_ours(thread)) {
        return false;
    }
    if (!(state & PYT__JOINABLE)) {
        pyt__lock_take(&thread->join_lock);
        pyt_lock_release(&thread->join_lock);
    }
    return pyt__thread_state(thread) & PYT__JOINABLE;
}

/* As pyt__thread_finish, by the thread itself. When that was the last reference, the system thread
 * is an orphan: pyt__me.pyt__left says that it is the calling one. */
static void pyt__thread_part(pyt_thread *thread) {
    bool joinable = pyt__thread_is_joinable(thread); /* before the registry: it takes join_lock */
    pyt__me.pyt__left = thread;
    /* The registry stays locked from the removal to OVER: the end of the process, which waits for
     * what is listed, must not find the thread neither listed nor in `left`. */
    pyt__registry_open();
    pyt__registry_remove_locked(thread);
    if (!(pyt__thread_state(thread) & PYT__ELSEWHERE)) {
        PYT__COUNT(&pyt__threads_alive, UINT32_MAX, release);
    }
    if (joinable) {
        pyt__left_add(thread); /* before another thread can see that it is over, and join */
    }
    pyt__thread_be_over(thread);
    pyt__registry_close();
}

/* The calling thread counts as over, although it goes on: it is in exit. Its system thread is
 * not joined. */
static void pyt__thread_exits(void) {
    pyt_thread *thread = pyt__me.pyt__thread;
    if (thread == NULL || (pyt__thread_state(thread) & PYT__MAIN)) {
        return;
    }
    (void)pyt__thread_is_joinable(thread);
    pyt__lock_take(&thread->join_lock);
    pyt__thread_change(thread, PYT__JOINABLE, 0);
    pyt_lock_release(&thread->join_lock);
    pyt__registry_open();
    pyt__thread_be_over(thread);
    pyt__registry_close();
}

/* Step 1 of the thread's end, and again in each round. The stack may be gone: the thread may have
 * left by the system's means. */
static void pyt__leave(void) {
    pyt__me.pyt__frame = NULL;
    pyt__me.pyt__in_run = NULL;
    pyt__cut_off(true);
    pyt__locals_end(); /* a destroy function may be the first to ask for this thread's handle */
}

/* Step 3. The thread's own reference goes last: with it the orphan before is joined. */
static void pyt__retire_at_last(void) {
    pyt_thread *thread = pyt__me.pyt__thread;
    pyt__parker *parker = pyt__me.pyt__parker;
    if (thread != NULL && !(pyt__thread_state(thread) & PYT__MAIN)) {
        pyt__me.pyt__thread = NULL;
        pyt__me.pyt__ident = 0;
        pyt__thread_part(thread);
    } else {
        thread = NULL;
    }
    if (PYT__HAS_THREADS && pyt__is_main_thread()) {
        pyt__registry_open();
        pyt__thread_be_over(PYT__LOAD(&pyt__main_handle, relaxed));
        pyt__registry_close();
        pyt__main_has_left();
    }
    pyt__me.pyt__message = NULL;
    pyt__release_memory(pyt__me.pyt__message_memory);
    pyt__me.pyt__message_memory = NULL;
    if (PYT__LOAD(&pyt__main_parker, relaxed) == parker) {
        PYT__STORE(&pyt__main_parker, NULL, seq_cst);
    }
    pyt__os_key_set(PYT__LOAD(&pyt__shared_place, acquire)->key, NULL);
    PYT__DEBUG(pyt__thread_ends(parker);)
    pyt__me.pyt__parker = NULL;
    pyt__me.pyt__gone = true;
    pyt__parker_give(parker);
    pyt_thread_unref(thread);
    if (pyt__me.pyt__rounds > 0) {
        pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
        pyt__os_mutex_lock(&shared->mutex);
        PYT__ADD(&shared->leaving, UINT32_MAX, relaxed);
        pyt__os_cond_signal(&shared->fork_parker->cond); /* an unload waits for it */
        pyt__os_mutex_unlock(&shared->mutex);
    }
}

/* The system tells that the thread ends, in each of its rounds of destructors; where it does. Asked
 * for the next round first: code of the program that is called here may end the thread once more,
 * which begins the rounds anew. */
PYT__UNUSED static void pyt__retire(void *self) {
    (void)self;
    if (pyt__me.pyt__parker == NULL) { /* it has not waited, or its last round is over */
        return;
    }
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    if (pyt__me.pyt__rounds++ == 0) {
        PYT__ADD(&shared->leaving, 1, relaxed);
    }
    bool again = PYT__END_ROUNDS > 1 && pyt__os_key_set(shared->key, &pyt__me);
    pyt__leave();
    if (!again || pyt__me.pyt__rounds >= PYT__END_ROUNDS) {
        pyt__retire_at_last();
    }
}

/* Note how the target ended, and tell the hooks. */
static void pyt__thread_note_ending(pyt_thread *thread, pyt__ending ending,
                                    struct pyt__frame *frame) {
    pyt_trace_event event = ending == PYT__RAISED ? PYT_TRACE_EXCEPTION : PYT_TRACE_RETURN;
    struct pyt__frame hook_frame;
    pyt__me.pyt__in_run = NULL;
    if (ending == PYT__RAISED) { /* first: a hook may end the thread */
        thread->end.message = frame->message;
        pyt__thread_change(thread, 0, PYT__RAISED_STATE);
    }
    if (pyt__call(&hook_frame, pyt__trace_ending, &event) == PYT__RAISED) {
        pyt__report_owned(hook_frame.code, hook_frame.message);
    }
    if (ending == PYT__RAISED) {
        pyt__report(frame->code, frame->message);
    }
}

static void pyt__thread_main(void *arg) {
    pyt_thread *thread = (pyt_thread *)arg;
    struct pyt__frame frame;
    pyt__thread_begin(thread);
    pyt__ending ending = pyt__call(&frame, pyt__thread_body, thread);
    pyt__thread_note_ending(thread, ending, &frame);
    pyt__leave();
    if (PYT__END_ROUNDS == 1 || !pyt__me.pyt__end_noticed) {
        pyt__retire_at_last();
    }
}

/* Ask the system for the thread. The parker is ready, join_lock is held. */
static bool pyt__thread_launch_locked(pyt_thread *thread, size_t stack_size) {
    if (stack_size == 0) {
        stack_size = PYT__LOAD(&pyt__default_stack_size, relaxed);
    }
    PYT__COUNT(&pyt__threads_alive, 1, relaxed);
    if (!pyt__os_thread_start(&thread->system.thread, stack_size, thread)) {
        PYT__COUNT(&pyt__threads_alive, UINT32_MAX, relaxed);
        return false;
    }
    pyt__thread_change(thread, 0, PYT__JOINABLE);
    return true;
}

/* Start a thread whose state is STARTING. */
static pyt_status pyt__thread_start(pyt_thread *thread) {
    size_t stack_size = thread->system.stack_size;
    bool raw = pyt__thread_state(thread) & PYT__RAW;
    pyt__parker *parker = pyt__parker_take();
    if (parker == NULL) {
        return pyt__fail_memory();
    }
    pyt_thread_ref(thread); /* 1. the thread's own; else it could end and free the handle first */
    pyt__lock_take(&thread->join_lock); /* 2. joiners wait here until JOINABLE is set, or not */
    pyt__registry_open();
    bool ready = pyt__hook_exit_locked();
    if (ready && !raw) {
        pyt__registry_add_locked(thread); /* 3. before it runs: it must find itself listed */
    }
    pyt__registry_close();
    thread->end.parker = parker; /* 4. the system's start makes it visible to the thread */
    PYT__STEP();
    if (ready && pyt__thread_launch_locked(thread, stack_size)) {
        pyt__thread_promote(thread); /* 5. unless the thread was faster: start returns ALIVE */
        pyt_lock_release(&thread->join_lock);
        return PYT_OK;
    }
    pyt__registry_open();
    pyt__registry_remove_locked(thread);
    pyt__registry_close();
    thread->end.parker = NULL;
    thread->system.stack_size = stack_size;
    pyt_lock_release(&thread->join_lock);
    pyt_thread_unref(thread);
    pyt__parker_give(parker);
    return pyt__fail(PYT_MEMORY_ERROR, "can't start new thread");
}

/* Start a thread of the library's own, which is in no list, a daemon, and has all signals blocked.
 * function  is given the handle, not NULL
 * Returns   the handle, with a reference; NULL without memory */
static PYT__UNUSED pyt_thread *pyt__thread_start_hidden(void (*function)(void *)) {
    pyt_thread *thread = pyt__thread_allocate(0);
    if (thread == NULL) {
        return NULL;
    }
    thread->call.function = function;
    thread->arg = thread;
    pyt__thread_change(thread, 0, PYT__STARTING | PYT__RAW | PYT__DAEMON | pyt__forks_mark());
    pyt__os_traits before;
    pyt__os_block(&before);
    pyt_status status = pyt__thread_start(thread);
    pyt__os_unblock(&before);
    if (status != PYT_OK) {
        pyt_thread_unref(thread);
        return NULL;
    }
    return thread;
}

/* Refuse a call for the state of a thread. Where a handle has been freed and its memory is not in
 * use again, the sentence is about that; a handle that is in use has a reference. */
PYT__COLD static pyt_status pyt__thread_fail(const pyt_thread *thread, const char *sentence) {
    bool freed = PYT__LOAD(&thread->refs, relaxed) == 0 && !(pyt__thread_state(thread) & PYT__MAIN);
    return pyt__fail(PYT_RUNTIME_ERROR,
                     freed ? "the thread's handle is not valid: it has been freed" : sentence);
}

PYT__API pyt_status pyt_thread_start(pyt_thread *thread) {
    if (thread == NULL) {
        return pyt__fail_null();
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    uint32_t state = pyt__thread_state(thread);
    do {
        if ((state & PYT__PHASE) != PYT__NEW) {
            return pyt__thread_fail(thread, "threads can only be started once");
        }
    } while (!PYT__CAS(&thread->state, &state, state | PYT__STARTING | pyt__forks_mark(), acq_rel));
    pyt_status status = state & PYT__TIMER ? pyt__timer_start(thread) : pyt__thread_start(thread);
    if (status != PYT_OK) {
        pyt__thread_change(thread, PYT__PHASE | UINT32_MAX << PYT__FORKS_SHIFT, PYT__NEW);
    }
    return status;
}

/* Join the system's thread, once. The thread is OVER, the calling thread enrolled. */
static void pyt__thread_join_system(pyt_thread *thread) {
    if (!pyt__thread_is_ours(thread)) {
        return;
    }
    pyt__lock_take(&thread->join_lock);
    if (pyt__thread_state(thread) & PYT__JOINABLE) {
        pyt__os_thread_join(thread->system.thread);
        pyt__thread_change(thread, PYT__JOINABLE, 0);
        pyt__left_remove(thread);
    }
    pyt_lock_release(&thread->join_lock);
}

#if defined(PYTHREADING_DEBUG) /* the debug room's */
static pyt_status pyt__wait_for_thread(pyt_thread *thread, int64_t deadline, bool interruptible);
static void pyt__wait_over(pyt__parker *parker);
#endif

static pyt_status pyt__thread_join_until(pyt_thread *thread, int64_t deadline, bool interruptible) {
    if (thread == NULL) {
        return pyt__fail_null();
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    if (pyt__thread_phase(thread) == PYT__STARTING) {
        pyt__lock_take(&thread->join_lock); /* wait for the start to succeed or fail */
        pyt_lock_release(&thread->join_lock);
    }
    uint32_t state = pyt__thread_state(thread);
    if ((state & PYT__PHASE) < PYT__ALIVE) {
        return pyt__thread_fail(thread, "cannot join thread before it is started");
    }
    if (thread == pyt__me.pyt__thread || thread == pyt__me.pyt__left ||
        (thread == PYT__LOAD(&pyt__main_handle, acquire) && pyt__is_main_thread())) {
        return pyt__fail(PYT_RUNTIME_ERROR, "cannot join current thread");
    }
    if (state & PYT__DUMMY) {
        return pyt__fail(PYT_RUNTIME_ERROR, "cannot join a thread that was made elsewhere");
    }
    if ((state & PYT__PHASE) == PYT__OVER && !pyt__thread_is_ours(thread)) {
        return PYT_OK; /* it ended with the process that forked this one, if not before */
    }
#if defined(PYTHREADING_DEBUG)
    pyt_status deadlock = pyt__wait_for_thread(thread, deadline, interruptible);
    if (deadlock != PYT_OK) {
        return deadlock;
    }
#endif
    pyt_status status = pyt__event_wait_until(&thread->done, deadline, interruptible);
    PYT__DEBUG(pyt__wait_over(pyt__me.pyt__parker);)
    if (status == PYT_OK) {
        pyt__give_way_to_exit();
        pyt__thread_join_system(thread);
    }
    return status;
}

PYT__API pyt_status pyt_thread_join(pyt_thread *thread) {
    return pyt__thread_join_until(thread, PYT__FOREVER, true);
}

PYT__API pyt_status pyt_thread_join_timeout(pyt_thread *thread, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__thread_join_until(thread, deadline, true) : status;
}

PYT__API bool pyt_thread_is_alive(const pyt_thread *thread) {
    return thread != NULL && pyt__thread_phase(thread) == PYT__ALIVE;
}

PYT__API pyt_ident pyt_thread_ident(const pyt_thread *thread) {
    if (thread == NULL || pyt__thread_phase(thread) == PYT__NEW) {
        return 0;
    }
    if (pyt__thread_state(thread) & PYT__ELSEWHERE) {
        return (pyt_ident)PYT__LOAD(&thread->self, acquire);
    }
    return (pyt_ident)thread;
}

/* For pyt__park: one word for both flags. Either this step sees BEGUN, or the thread's sees WATCHED
 * and then needs the bucket lock, under which the parker is queued. */
static bool pyt__thread_validate(void *object) {
    return !(pyt__thread_change((pyt_thread *)object, 0, PYT__WATCHED) & PYT__BEGUN);
}

/* Sleep until the thread has done its first step. The calling thread is enrolled. */
static void pyt__thread_wait_begun(pyt_thread *thread) {
    while (!(pyt__thread_state(thread) & PYT__BEGUN)) {
        (void)pyt__park(&thread->self, pyt__thread_validate, thread, PYT__FOREVER, false);
    }
}

PYT__API unsigned long pyt_thread_native_id(const pyt_thread *handle) {
    pyt_thread *thread = (pyt_thread *)(uintptr_t)handle;
    if (thread == NULL || pyt__thread_phase(thread) == PYT__NEW) {
        return 0;
    }
    if (thread == PYT__LOAD(&pyt__main_handle, acquire) && pyt__os_main_id() != 0) {
        return pyt__os_main_id(); /* a fork that was not hooked, too, makes it another one */
    }
    if (!(pyt__thread_state(thread) & PYT__BEGUN) && pyt__enroll() != NULL) {
        pyt__lock_take(&thread->join_lock); /* wait for the start to succeed or fail */
        bool launched = pyt__thread_state(thread) & PYT__JOINABLE;
        pyt_lock_release(&thread->join_lock);
        if (launched) {
            pyt__thread_wait_begun(thread);
        }
    }
    bool begun = pyt__thread_state(thread) & PYT__BEGUN;
    return begun ? PYT__LOAD(&thread->when.native, relaxed) : 0;
}

PYT__API bool pyt_thread_daemon(const pyt_thread *thread) {
    return thread != NULL && (pyt__thread_state(thread) & PYT__DAEMON) != 0;
}

PYT__API pyt_status pyt_thread_set_daemon(pyt_thread *thread, bool daemon) {
    if (thread == NULL) {
        return pyt__fail_null();
    }
    uint32_t state = pyt__thread_state(thread);
    do {
        if ((state & PYT__PHASE) != PYT__NEW) {
            return pyt__thread_fail(thread, "cannot set daemon status of active thread");
        }
    } while (!PYT__CAS(&thread->state, &state, daemon ? state | PYT__DAEMON : state & ~PYT__DAEMON,
                       acq_rel));
    return PYT_OK;
}

PYT__API pyt_status pyt_thread_result(const pyt_thread *thread, void **result) {
    if (thread == NULL) {
        return pyt__fail_null();
    }
    uint32_t state = pyt__thread_state(thread);
    if ((state & PYT__PHASE) != PYT__OVER) {
        return pyt__thread_fail(thread, "the thread has not ended");
    }
    if (state & PYT__RAISED_STATE) {
        return pyt__fail_copied(PYT_TASK_ERROR,
                                thread->end.message != NULL ? thread->end.message : "");
    }
    if (result != NULL) {
        *result = state & PYT__BEGUN ? thread->end.result : NULL; /* before it is a parker */
    }
    return PYT_OK;
}

PYT__API void *pyt_thread_arg(const pyt_thread *thread) {
    return thread != NULL ? thread->arg : NULL;
}

/* ---- the calling thread ---- */

/* A handle for the calling thread, which was made elsewhere. */
static pyt_thread *pyt__dummy_make(void) {
    pyt_thread *thread = pyt__enroll() != NULL ? pyt__thread_allocate(0) : NULL;
    if (thread == NULL) {
        pyt__fail_memory();
        return NULL;
    }
    thread->number = pyt__draw_number();
    PYT__STORE(&thread->self, &pyt__me, relaxed);
    PYT__STORE(&thread->when.native, pyt__os_thread_id(), relaxed);
    pyt__thread_change(thread, 0,
                       PYT__ALIVE | PYT__DUMMY | PYT__ELSEWHERE | PYT__DAEMON | PYT__BEGUN);
    pyt__registry_open();
    pyt__registry_add_locked(thread);
    pyt__registry_close();
    pyt__me.pyt__thread = thread;
    return thread;
}

PYT__API pyt_thread *pyt_current_thread(void) {
    pyt_thread *thread = pyt__me.pyt__thread;
    if (thread == NULL && pyt__is_main_thread()) {
        thread = PYT__LOAD(&pyt__main_handle, relaxed);
        pyt__me.pyt__thread = thread;
    }
    if (thread == NULL) {
        return pyt__dummy_make();
    }
    if ((pyt__thread_state(thread) & (PYT__RAW | PYT__DUMMY)) == PYT__RAW) {
        thread->number = pyt__draw_number();
        PYT__STORE(&thread->self, &pyt__me, relaxed);
        pyt__thread_change(thread, 0, PYT__DUMMY);
        pyt__registry_open();
        pyt__registry_add_locked(thread);
        pyt__registry_close();
    }
    return thread;
}

PYT__API pyt_thread *pyt_main_thread(void) {
    return PYT__LOAD(&pyt__main_handle, acquire);
}

PYT__API pyt_ident pyt_get_ident(void) {
    return pyt__me.pyt__ident != 0 ? pyt__me.pyt__ident : (pyt_ident)&pyt__me;
}

PYT__API unsigned long pyt_get_native_id(void) {
    return pyt__os_thread_id();
}

PYT__API size_t pyt_stack_size(void) {
    return PYT__LOAD(&pyt__default_stack_size, relaxed);
}

PYT__API pyt_status pyt_set_stack_size(size_t size) {
    if (size > 0 && size < PYT__MIN_STACK) {
        return pyt__fail(PYT_VALUE_ERROR, "size not valid: 0 or at least 32768");
    }
    PYT__STORE(&pyt__default_stack_size, size, relaxed);
    return PYT_OK;
}

/* ---- _thread ---- */

PYT__API pyt_status pyt_start_new_thread(void (*function)(void *arg), void *arg, pyt_ident *ident) {
    if (function == NULL) {
        return pyt__fail_null();
    }
    pyt_thread *thread = pyt__enroll() != NULL ? pyt__thread_allocate(0) : NULL;
    if (thread == NULL) {
        return pyt__fail_memory();
    }
    thread->call.function = function;
    thread->arg = arg;
    pyt__thread_change(thread, 0, PYT__STARTING | PYT__RAW | PYT__DAEMON | pyt__forks_mark());
    pyt_status status = pyt__thread_start(thread);
    if (status == PYT_OK && ident != NULL) {
        *ident = (pyt_ident)thread;
    }
    pyt_thread_unref(thread); /* the last reference detaches the system's thread */
    return status;
}

/* The flag is set before the parker is looked for, and the main thread shows its parker before it
 * looks at the flag: one of the two sees the other (both seq_cst). */
PYT__API pyt_status pyt_interrupt_main(void) {
    PYT__STORE(&pyt__main_interrupted, 1, seq_cst);
    pyt__parker *parker = PYT__LOAD(&pyt__main_parker, seq_cst);
    if (parker != NULL) {
        pyt__parker_signal(parker);
    }
    return PYT_OK;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>timer                                                                         threading.Timer
 *
 *  A timer that waits is a handle in a heap, ordered by when it is due: no thread. One service
 *  thread, hidden from pyt_enumerate, sleeps until the first is due, takes it out and asks the
 *  system for its thread, in which the function runs; so a slow function delays no other.
 *
 *  All of it is under pyt__timers_lock. The service enters the queue of `pyt__timers_queue` while
 *  it holds that lock, and a thread that puts an earlier timer first or stops the service takes it
 *  out while holding it: the service cannot miss it. `place` is the timer's place in the heap
 *  from 1 on; 0 says that it is not there, so that its thread is on the way, or it is cancelled.
 *
 *  Cancel and fire. pyt__timers_lock decides which takes the timer out of the heap, and the state
 *  decides whether the function is called:
 *
 *      cancel                              the service, then the timer's thread
 *      lock, set CANCELLED
 *      place != 0: take it out                                                 (it waited)
 *      unlock, pyt__thread_finish
 *
 *                                          lock, take it out: place = 0, unlock
 *      lock, set CANCELLED                 ask for its thread, without the lock
 *      place == 0: leave it, unlock        swap FIRED in: CANCELLED is set, no call
 *
 *                                          swap FIRED in: not CANCELLED, call
 *      lock, set CANCELLED: too late
 *
 *  The service starts with the first timer, and ends when none has waited for a moment. It has all
 *  signals blocked, and the main thread's priority and processors; a timer's thread takes those of
 *  the thread that started the timer, which the timer keeps in a record that it shares with others
 *  of the same. When the
 *  system has no thread for a timer that is due, it goes back into the heap for a little while:
 *  something must end first.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* Make a timer: a thread that, once started, waits `interval` seconds and then calls
 * `function(arg)`. It is a pyt_thread for everything else: start, join, name, daemon, unref.
 *
 * timer     receives the handle, with a reference that is the caller's: pyt_thread_unref it
 * interval  seconds; 0 and below: at once
 * Returns   PYT_OK
 *           PYT_VALUE_ERROR    `timer` or `function` is NULL, or `interval` is not a number
 *           PYT_OVERFLOW_ERROR `interval` is above PYT_TIMEOUT_MAX
 *           PYT_MEMORY_ERROR   no memory for the handle; *timer is NULL
 * Thread    any; `function` runs in the timer's own thread
 * Python    Timer(interval, function, args)
 */
PYT__API pyt_status pyt_timer_new(pyt_thread **timer, double interval, void (*function)(void *arg),
                                  void *arg);

/* Keep a timer from calling its function, if it has not begun to. Before start: it will start and
 * end without firing. While it waits: it ends now. Later: no effect.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `timer` is NULL or no timer; PYT_MEMORY_ERROR: the thread's
 *          first call, and no memory for it
 * Thread   any
 * Python   Timer.cancel()
 */
PYT__API pyt_status pyt_timer_cancel(pyt_thread *timer);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#define PYT__TIMER_ARITY 4          /* children of a place in the heap: one cache line of them */
#define PYT__TIMER_RETRY 10000000   /* nanoseconds until the system is asked again for a thread */
#define PYT__TIMER_LINGER 100000000 /* nanoseconds without a timer until the service ends */

static void pyt__fork_child_end_thread(pyt_thread *thread); /* the process room's */

static pyt_lock pyt__timers_lock;
static uint32_t pyt__timers_count;      /* under the lock */
static uint32_t pyt__timers_firing;     /* taken out, may have to go back; under the lock */
static pyt_thread *pyt__timers_service; /* NULL: not running; under the lock */
static bool pyt__timers_stopping;       /* under the lock */

/* The `run` of a timer: call its function unless it was cancelled or has been called. */
static void *pyt__timer_call(pyt_thread *timer) {
    if (!(pyt__thread_change(timer, 0, PYT__FIRED) & (PYT__CANCELLED | PYT__FIRED))) {
        timer->call.function(timer->arg);
    }
    return NULL;
}

PYT__API pyt_status pyt_timer_new(pyt_thread **timer, double interval, void (*function)(void *arg),
                                  void *arg) {
    if (timer == NULL) {
        return pyt__fail_null();
    }
    *timer = NULL;
    if (function == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__check_timeout(interval);
    if (status != PYT_OK) {
        return status;
    }
    status = pyt_thread_new(timer, NULL);
    if (status == PYT_OK) {
        (*timer)->run = pyt__timer_call;
        (*timer)->call.function = function;
        (*timer)->arg = arg;
        (*timer)->when.deadline = pyt__nanoseconds(interval);
        pyt__thread_change(*timer, 0, PYT__TIMER);
    }
    return status;
}

#if defined(PYTHREADING_DUMMY)

/* Start a timer whose state is STARTING: wait, then run it to its end. */
static pyt_status pyt__timer_start(pyt_thread *timer) {
    int64_t interval = timer->when.deadline;
    if (!(pyt__thread_state(timer) & PYT__CANCELLED) && interval > 0) {
        int64_t due = pyt__from_now(interval);
        while (pyt__os_now() < due) { /* a signal may end a wait early */
            pyt__os_cond_wait_until(NULL, NULL, due);
        }
    }
    pyt_status status = pyt__thread_start(timer);
    if (status != PYT_OK) {
        timer->when.deadline = interval;
    }
    return status;
}

static void pyt__timer_remove_locked(pyt_thread *timer) {
    (void)timer; /* none ever waits */
}

static void pyt__timer_begin(pyt_thread *timer) {
    (void)timer; /* it is the starter */
}

static void pyt__traits_drop_all(void) {
}

static void pyt__traits_drop_locked(struct pyt__traits *traits) {
    (void)traits;
}

static pyt__parker *pyt__timers_call_service_locked(void) {
    return NULL;
}

static void pyt__timers_close(void) {
}

#else

/* ---- the heap; all with the lock held ---- */

static pyt_thread **pyt__timers_heap; /* place p is at index p - 1; under the lock */
static uint32_t pyt__timers_capacity; /* under the lock */
static char pyt__timers_queue;        /* its address is what the service waits on */

static void pyt__timer_put_locked(pyt_thread *timer, uint32_t place) {
    pyt__timers_heap[place - 1] = timer;
    timer->place = place;
}

static void pyt__timer_sift_up_locked(pyt_thread *timer, uint32_t place) {
    while (place > 1) {
        uint32_t above = (place - 2) / PYT__TIMER_ARITY + 1;
        pyt_thread *parent = pyt__timers_heap[above - 1];
        if (parent->when.deadline <= timer->when.deadline) {
            break;
        }
        pyt__timer_put_locked(parent, place);
        place = above;
    }
    pyt__timer_put_locked(timer, place);
}

/* The earliest of the timers below a place; 0: there are none. */
static uint32_t pyt__timer_earliest_below_locked(uint32_t place) {
    uint32_t first = (place - 1) * PYT__TIMER_ARITY + 2;
    uint32_t earliest = first <= pyt__timers_count ? first : 0;
    for (uint32_t i = 1; i < PYT__TIMER_ARITY && first + i <= pyt__timers_count; i++) {
        if (pyt__timers_heap[first + i - 1]->when.deadline <
            pyt__timers_heap[earliest - 1]->when.deadline) {
            earliest = first + i;
        }
    }
    return earliest;
}

static void pyt__timer_sift_down_locked(pyt_thread *timer, uint32_t place) {
    for (;;) {
        uint32_t below = pyt__timer_earliest_below_locked(place);
        if (below == 0 || pyt__timers_heap[below - 1]->when.deadline >= timer->when.deadline) {
            break;
        }
        pyt__timer_put_locked(pyt__timers_heap[below - 1], place);
        place = below;
    }
    pyt__timer_put_locked(timer, place);
}

/* Make room for one more timer, besides those that may come back. */
static bool pyt__timers_reserve_locked(void) {
    if (pyt__timers_count + pyt__timers_firing < pyt__timers_capacity) {
        return true;
    }
    uint32_t capacity = pyt__timers_capacity + pyt__timers_capacity / 2 + 64;
    pyt_thread **heap = (pyt_thread **)pyt__allocate(capacity * sizeof *heap);
    if (heap == NULL) {
        return false;
    }
    if (pyt__timers_count > 0) {
        memcpy(heap, pyt__timers_heap, pyt__timers_count * sizeof *heap);
    }
    pyt_thread **old = pyt__timers_heap;
    pyt__timers_heap = heap;
    pyt__timers_capacity = capacity;
    pyt__release_memory(old);
    return true;
}

/* There is room. */
static void pyt__timer_add_locked(pyt_thread *timer) {
    pyt__timer_sift_up_locked(timer, ++pyt__timers_count);
}

static void pyt__timer_remove_locked(pyt_thread *timer) {
    uint32_t place = timer->place;
    pyt_thread *last = pyt__timers_heap[--pyt__timers_count];
    timer->place = 0;
    if (last == timer) {
        return;
    }
    if (last->when.deadline < timer->when.deadline) {
        pyt__timer_sift_up_locked(last, place);
    } else {
        pyt__timer_sift_down_locked(last, place);
    }
}

/* ---- what timers pass on ---- */

typedef struct pyt__traits {
    struct pyt__traits *next; /* all but the last two are fixed; under the lock */
    pyt__os_traits traits;
    uint32_t refs; /* timers that have not begun; under the lock */
} pyt__traits;

static pyt__traits *pyt__timers_traits; /* under the lock */

/* The record of these traits, with one more reference; NULL without memory. */
static pyt__traits *pyt__traits_take_locked(const pyt__os_traits *traits) {
    pyt__traits *record = pyt__timers_traits;
    while (record != NULL && memcmp(&record->traits, traits, sizeof *traits) != 0) {
        record = record->next;
    }
    if (record == NULL) {
        record = (pyt__traits *)pyt__allocate_zeroed(sizeof *record);
        if (record == NULL) {
            return NULL;
        }
        record->traits = *traits;
        record->next = pyt__timers_traits;
        pyt__timers_traits = record;
    }
    record->refs++;
    return record;
}

static void pyt__traits_drop_locked(pyt__traits *record) {
    if (--record->refs == 0) {
        pyt__traits **link = &pyt__timers_traits;
        while (*link != record) {
            link = &(*link)->next;
        }
        *link = record->next;
        pyt__release_memory(record);
    }
}

/* In fork's child, which has no timers. */
static void pyt__traits_drop_all(void) {
    while (pyt__timers_traits != NULL) {
        pyt__traits *record = pyt__timers_traits;
        pyt__timers_traits = record->next;
        pyt__release_memory(record);
    }
}

/* In the timer's new thread: be as if its starter had started it. */
static void pyt__timer_begin(pyt_thread *timer) {
    pyt__traits *record = timer->when.traits;
    pyt__os_traits_set(&record->traits);
    pyt__lock_take(&pyt__timers_lock);
    pyt__traits_drop_locked(record);
    pyt_lock_release(&pyt__timers_lock);
}

/* ---- the service ---- */

/* Take the service out of its queue. Returns what to wake once the lock is released. */
static pyt__parker *pyt__timers_call_service_locked(void) {
    return pyt__waitq_dequeue_all(&pyt__timers_queue, PYT__PLAIN);
}

/* A timer that is due and out of the heap: give it its thread. The reference is given back. */
static void pyt__timer_fire(pyt_thread *timer) {
    pyt__parker *parker = pyt__parker_take();
    bool fired = false;
    /* 1. Without pyt__timers_lock: the system may take its time. The place is 0, so a cancel leaves
     *    the timer to this function, and joiners wait for `done` or for join_lock. */
    pyt__lock_take(&timer->join_lock);
    pyt__traits *traits = timer->system.traits; /* its place is the system thread's from here on */
    if (parker != NULL) {
        timer->end.parker = parker;
        timer->when.traits = traits;
        fired = pyt__thread_launch_locked(timer, 0);
    }
    pyt_lock_release(&timer->join_lock);
    if (!fired && parker != NULL) {
        timer->end.parker = NULL;
        pyt__parker_give(parker);
    }
    /* 2. No thread: back into the heap, where `firing` has kept room for it. A cancel since the
     *    timer was taken out has found place 0, so it is noticed here, under the lock under which
     *    CANCELLED is set, and the timer ends here. */
    pyt__lock_take(&pyt__timers_lock);
    pyt__timers_firing--;
    bool cancelled = !fired && (pyt__thread_state(timer) & PYT__CANCELLED);
    if (cancelled) {
        pyt__traits_drop_locked(traits);
    }
    if (!fired && !cancelled) {
        timer->system.traits = traits;
        timer->when.deadline = pyt__os_now() + PYT__TIMER_RETRY;
        pyt__timer_add_locked(timer);
    }
    pyt_lock_release(&pyt__timers_lock);
    if (cancelled) {
        pyt__thread_finish(timer);
    }
    pyt_thread_unref(timer);
}

/* The service ends, for want of timers; a later start of one starts it again. */
static void pyt__timers_end_service_locked(void) {
    pyt_thread *service = pyt__timers_service;
    if (service == pyt__me.pyt__thread) {
        pyt__timers_service = NULL;
        pyt_thread_unref(service); /* not the last: a thread has one of its own */
    }
}

/* Wait for the first timer to be due. Returns NULL when the service is to stop. */
static pyt_thread *pyt__timers_next(void) {
    bool idle = false;
    for (;;) {
        pyt__lock_take(&pyt__timers_lock);
        if (pyt__timers_stopping || (idle && pyt__timers_count == 0)) {
            pyt__timers_end_service_locked();
            pyt_lock_release(&pyt__timers_lock);
            return NULL;
        }
        pyt_thread *first = pyt__timers_count > 0 ? pyt__timers_heap[0] : NULL;
        int64_t deadline = first != NULL ? first->when.deadline : pyt__os_now() + PYT__TIMER_LINGER;
        if (first != NULL && deadline <= pyt__os_now()) {
            pyt__timer_remove_locked(first);
            pyt__timers_firing++;
            pyt_thread_ref(first); /* its thread may be over before the service lets go of it */
            pyt_lock_release(&pyt__timers_lock);
            return first;
        }
        /* Into the queue before the lock is released: an earlier timer, or the stop, comes under
         * the lock, either before the look above or when the parker can be taken out. */
        pyt_status status =
            pyt__park_unlocks(&pyt__timers_lock, &pyt__timers_queue, deadline, false);
        idle = first == NULL && status == PYT_TIMEOUT;
    }
}

static void pyt__timers_serve(void *arg) {
    (void)arg;
    pyt__os_traits_set_main();
    pyt_thread *timer = pyt__timers_next();
    while (timer != NULL) {
        pyt__timer_fire(timer);
        timer = pyt__timers_next();
    }
}

/* Start the service unless it runs. */
static bool pyt__timers_open_locked(void) {
    if (pyt__timers_service != NULL) {
        return true;
    }
    pyt__timers_service = pyt__thread_start_hidden(pyt__timers_serve);
    return pyt__timers_service != NULL;
}

/* Stop the service; a later start of a timer starts it again. The calling thread is enrolled. */
static void pyt__timers_close(void) {
    pyt__lock_take(&pyt__timers_lock);
    pyt_thread *service = pyt_thread_ref(pyt__timers_service);
    pyt__timers_stopping = service != NULL;
    pyt__parker *list = service != NULL ? pyt__timers_call_service_locked() : NULL;
    pyt_lock_release(&pyt__timers_lock);
    pyt__unpark_list(list);
    if (service == NULL) {
        return;
    }
    pyt__thread_join_until(service, PYT__FOREVER, false);
    pyt__lock_take(&pyt__timers_lock);
    pyt__timers_stopping = false;
    pyt_lock_release(&pyt__timers_lock);
    pyt_thread_unref(service);
}

/* Start a timer whose state is STARTING. */
static pyt_status pyt__timer_start(pyt_thread *timer) {
    pyt__parker *list = NULL;
    pyt__os_traits traits;
    pyt__os_traits_get(&traits);
    pyt__lock_take(&pyt__timers_lock);
    pyt__traits *record = pyt__traits_take_locked(&traits);
    if (record == NULL || !pyt__timers_reserve_locked() || !pyt__timers_open_locked()) {
        if (record != NULL) {
            pyt__traits_drop_locked(record);
        }
        pyt_lock_release(&pyt__timers_lock);
        return pyt__fail(PYT_MEMORY_ERROR, "can't start new thread");
    }
    pyt_thread_ref(timer);
    pyt__registry_open();
    pyt__registry_add_locked(timer);
    pyt__registry_close();
    /* ALIVE under the lock: a later cancel finds the timer in the heap, an earlier one is in
     * `state`, and the timer ends at once. */
    uint32_t state = pyt__thread_change(timer, PYT__PHASE, PYT__ALIVE);
    bool cancelled = state & PYT__CANCELLED;
    if (cancelled) {
        pyt__traits_drop_locked(record);
    } else {
        timer->system.traits = record;
        timer->when.deadline = pyt__from_now(timer->when.deadline);
        pyt__timer_add_locked(timer);
        if (timer->place == 1) {
            list = pyt__timers_call_service_locked();
        }
    }
    pyt_lock_release(&pyt__timers_lock);
    pyt__unpark_list(list);
    if (cancelled) {
        pyt__thread_finish(timer);
    }
    return PYT_OK;
}

#endif /* PYTHREADING_DUMMY */

/* In fork's child: no timer waits, and no service runs. The threads' handles are the registry's
 * to end, but for the service's, which is not in it. */
static void pyt__timers_fork_child(void) {
    PYT__STORE(&pyt__timers_lock.pyt__word, 0, relaxed);
    pyt__timers_count = 0;
    pyt__timers_firing = 0;
    pyt__timers_stopping = false;
    pyt__traits_drop_all();
    if (pyt__timers_service != NULL) {
        if (pyt__thread_phase(pyt__timers_service) != PYT__OVER) {
            pyt__fork_child_end_thread(pyt__timers_service);
        }
        pyt_thread_unref(pyt__timers_service);
        pyt__timers_service = NULL;
    }
}

PYT__API pyt_status pyt_timer_cancel(pyt_thread *timer) {
    if (timer == NULL) {
        return pyt__fail_null();
    }
    if (!(pyt__thread_state(timer) & PYT__TIMER)) {
        return pyt__fail(PYT_VALUE_ERROR, "not a timer");
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__lock_take(&pyt__timers_lock);
    pyt__thread_change(timer, 0, PYT__CANCELLED);
    bool waiting = pyt__thread_phase(timer) == PYT__ALIVE && timer->place != 0;
    pyt__parker *service = NULL;
    if (waiting) {
        pyt__timer_remove_locked(timer);
        pyt__traits_drop_locked(timer->system.traits);
        service = pyt__timers_count == 0 ? pyt__timers_call_service_locked() : NULL;
    }
    /* Those in pyt__timer_run_here. */
    pyt__parker *list = pyt__waitq_dequeue_all(&timer->call, PYT__PLAIN);
    pyt_lock_release(&pyt__timers_lock);
    pyt__unpark_list(list);
    pyt__unpark_list(service);
    if (waiting) {
        pyt__thread_finish(timer);
    }
    return PYT_OK;
}

/* pyt_thread_run of a timer: wait in the calling thread, then call the function. */
static pyt_status pyt__timer_run_here(pyt_thread *timer) {
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__lock_take(&pyt__timers_lock);
    uint32_t state = pyt__thread_state(timer);
    bool is_new = (state & PYT__PHASE) == PYT__NEW;
    if ((state & (PYT__CANCELLED | PYT__FIRED)) || (!is_new && timer->place == 0)) {
        pyt_lock_release(&pyt__timers_lock); /* nothing to wait for; else the deadline stands */
        return PYT_OK;
    }
    int64_t deadline = timer->when.deadline;
    deadline = is_new ? pyt__from_now(deadline) : deadline;
    pyt_status status = pyt__park_unlocks(&pyt__timers_lock, &timer->call, deadline, true);
    if (status == PYT_TIMEOUT) {
        (void)pyt__timer_call(timer);
    }
    return status == PYT_INTERRUPTED ? status : PYT_OK;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>queue               queue.Queue, queue.LifoQueue, queue.PriorityQueue, queue.SimpleQueue
 *
 *  Queue, LifoQueue and PriorityQueue are one type; only what goes out first differs. One short
 *  lock guards all of a queue. Its items lie in one piece of memory, which doubles when it is
 *  full and, where there is no limit, is halved when seven eighths of it are empty; both cost a
 *  constant time for an item on the average.
 *
 *      fifo      a ring from `first` on
 *      lifo      a stack; `first` stays 0
 *      priority  a binary heap; behind each item its number in the order of arrival, which
 *                decides between equal ones
 *
 *  Waiting. A getter parks only when there is no item, a putter only when the queue is full, each
 *  entering its queue of waiters with the lock held. While a getter is parked, put hands its item
 *  to the oldest one, from the putter's memory to the getter's, without storing it; while a
 *  putter is parked, get stores the oldest one's item in the place it made. So
 *
 *      a parked getter means no item, a parked putter means a full queue,
 *
 *  no thread can overtake a waiter, a wake-up always carries what was waited for, and each sleep
 *  costs one wake-up. Waiters are woken after the lock is released. A waiter that times out leaves
 *  under the bucket lock, or finds that it has been dequeued: then it was served. A put against a
 *  getter that times out:
 *
 *      getter, its time up                     putter
 *      -------------------                     ------
 *                                              lock; dequeue the getter: HANDED; unlock
 *      sleep ends without a wake-up
 *      lock bucket: not in the queue; unlock
 *      sleep on                                copy the item into the getter's memory
 *                                              unpark the getter
 *      return PYT_OK with the item
 *
 *  If the getter locks the bucket first it leaves with PYT_QUEUE_EMPTY, and the putter finds the
 *  next getter or none.
 *
 *      parker->item     the waiter's item: where a getter's goes, where a putter's is
 *      parker->token    PYT__HANDED: served; PYT__SHUT: the queue was shut down
 *      `getters` ...    marks, see the park room: 1 while a waiter may be in that queue. Under lock
 *
 *  SimpleQueue. A list of segments with room for some items each, putters at one end, getters at
 *  the other, each end with a lock and a cache line of its own. `tail` counts the items ever put,
 *  `head` those ever got; an item is there once `tail` (release) counts it, which a getter reads
 *  (acquire) only when it has used up what it knew of: with items in stock, putters and getters
 *  touch nothing of each other's but the items.
 *
 *  To park, a getter that holds the head lock also takes the tail lock, looks at `tail` again,
 *  enters the queue of waiters and marks `getters`. A putter looks at that mark under the tail
 *  lock, so neither can miss the other, and hands its item over as above. The order is head lock,
 *  tail lock, bucket; a putter never takes the head lock.
 *
 *  Memory of segments. A getter leaves a segment only for the next one, and only when an item is
 *  known there; the putter that stored it had set `next` and left the old segment before it
 *  counted that item, and no putter ever goes back. So the getter that leaves a segment under
 *  the head lock is the last thread with a pointer to it, and may reuse or free it at once. It
 *  becomes the spare, if there is none: the holder of the head lock fills `spare` when it is NULL,
 *  the holder of the tail lock empties it when it is not, so each value in it is changed by one
 *  side only.
 *  Otherwise it is freed. A putter takes the spare before it asks for memory; while the stock
 *  stays within a segment's room, nothing is ever allocated.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* The memory of a queue's items. Everything under the queue's lock. */
typedef struct pyt__store {
    unsigned char *pyt__memory;     /* NULL: none yet */
    size_t pyt__capacity;           /* in items; 0 or a power of two */
    size_t pyt__first;              /* where a ring begins */
    PYT__ATOMIC(size_t) pyt__count; /* read by others without the lock, for a guess */
    size_t pyt__item_size;          /* fixed after init; 0: no queue has been made here */
    size_t pyt__stride;             /* fixed after init; from item to item */
    uint64_t pyt__arrivals;         /* priority: the number of the next to come */
    int (*pyt__compare)(const void *a, const void *b); /* fixed after init; priority, else NULL */
    bool pyt__last_first;                              /* fixed after init; lifo */
    bool pyt__limited; /* fixed after init; what was allocated is kept */
} pyt__store;

/* A queue of items by value. Made by one of the three init functions; it owns memory, which
 * pyt_queue_destroy gives back. */
typedef struct pyt_queue {
    pyt_lock pyt__lock;
    PYT__ATOMIC(uint32_t) pyt__getters; /* those that wait for an item */
    PYT__ATOMIC(uint32_t) pyt__putters; /* those that wait for a place */
    PYT__ATOMIC(uint32_t) pyt__joiners; /* those that wait for the last task_done */
    pyt__store pyt__items;
    size_t pyt__maxsize;                 /* fixed after init; SIZE_MAX: no limit */
    size_t pyt__unfinished;              /* under lock */
    bool pyt__shut;                      /* under lock */
    void (*pyt__destructor)(void *item); /* under lock */
} pyt_queue;

/* Make a queue that gives out first what came first. Only before any thread uses it.
 *
 * item_size  sizeof of what put copies in and get copies out; above 0. Any alignment that malloc
 *            provides for is kept
 * maxsize    how many items it holds at most; 0 and below: no limit
 * Returns    PYT_OK
 *            PYT_VALUE_ERROR    `item_size` is 0, or an argument is NULL
 *            PYT_OVERFLOW_ERROR `item_size` is above a quarter of the address space
 * Python     Queue(maxsize)
 */
PYT__MUST_USE PYT__API pyt_status pyt_queue_init(pyt_queue *queue, size_t item_size,
                                                 ptrdiff_t maxsize);

/* As pyt_queue_init; gives out first what came last.
 *
 * Python   LifoQueue(maxsize)
 */
PYT__MUST_USE PYT__API pyt_status pyt_lifo_queue_init(pyt_queue *queue, size_t item_size,
                                                      ptrdiff_t maxsize);

/* As pyt_queue_init; gives out the smallest first, and of equal ones what came first.
 *
 * compare  as qsort's: below 0, 0 or above 0 as `a` is smaller than, equal to or larger than `b`.
 *          Called by put and get, in their thread, while the queue is locked: it must not call
 *          the queue, and must return (no pyt_raise)
 * Python   PriorityQueue(maxsize); there equal items come out in no certain order
 */
PYT__MUST_USE PYT__API pyt_status pyt_priority_queue_init(pyt_queue *queue, size_t item_size,
                                                          ptrdiff_t maxsize,
                                                          int (*compare)(const void *a,
                                                                         const void *b));

/* Say what becomes of items that will not be got: those drained by an immediate shutdown and
 * those left when the queue is destroyed. Without it they are forgotten.
 *
 * destructor  called with a copy of each such item, in the order get would give them out, by the
 *             thread that shuts down or destroys, with nothing locked. It must return (no
 *             pyt_raise). NULL: none
 * Returns     PYT_OK; PYT_VALUE_ERROR: `queue` is NULL or was not made; PYT_MEMORY_ERROR: as put
 * Thread      any
 */
PYT__API pyt_status pyt_queue_set_destructor(pyt_queue *queue, void (*destructor)(void *item));

/* Give back what the queue owns. What is left in it goes to the destructor, if there is one.
 *
 * Returns  PYT_OK            also when it was destroyed before
 *          PYT_RUNTIME_ERROR threads wait in it; nothing is changed
 *          PYT_VALUE_ERROR   `queue` is NULL
 * Thread   any; no other may use the queue any more. pyt_queue_shutdown gets them out of it
 */
PYT__API pyt_status pyt_queue_destroy(pyt_queue *queue);

/* Put a copy of `*item` into the queue, waiting for a place as long as it takes. Putters that wait
 * are served in order of arrival.
 *
 * Returns  as every wait (see pyt_status), and
 *          PYT_QUEUE_SHUT_DOWN it was shut down, before or while waiting
 *          PYT_MEMORY_ERROR    also when there is none for the item
 * Thread   any. A child of fork may use the queue unless another thread was inside a call of it
 * Python   Queue.put(item)
 */
PYT__API pyt_status pyt_queue_put(pyt_queue *queue, const void *item);

/* As pyt_queue_put, without waiting for a place.
 *
 * Returns  as pyt_queue_put without PYT_INTERRUPTED, and PYT_QUEUE_FULL: there is no place
 * Python   Queue.put_nowait(item), Queue.put(item, block=False)
 */
PYT__MUST_USE PYT__API pyt_status pyt_queue_put_nowait(pyt_queue *queue, const void *item);

/* As pyt_queue_put, waiting for a place as long as `seconds`.
 *
 * seconds  0 looks once; not negative
 * Returns  as pyt_queue_put, and PYT_QUEUE_FULL in the place of PYT_TIMEOUT
 * Python   Queue.put(item, timeout=seconds)
 */
PYT__MUST_USE PYT__API pyt_status pyt_queue_put_timeout(pyt_queue *queue, const void *item,
                                                        double seconds);

/* Take the next item out of the queue, waiting for one as long as it takes. Getters that wait are
 * served in order of arrival.
 *
 * item     receives the copy; unchanged unless PYT_OK is returned
 * Returns  as every wait (see pyt_status), and
 *          PYT_QUEUE_SHUT_DOWN it was shut down and is empty, before or while waiting
 * Thread   any
 * Python   Queue.get()
 */
PYT__API pyt_status pyt_queue_get(pyt_queue *queue, void *item);

/* As pyt_queue_get, without waiting.
 *
 * Returns  as pyt_queue_get without PYT_INTERRUPTED, and PYT_QUEUE_EMPTY: there is no item
 * Python   Queue.get_nowait(), Queue.get(block=False)
 */
PYT__MUST_USE PYT__API pyt_status pyt_queue_get_nowait(pyt_queue *queue, void *item);

/* As pyt_queue_get, waiting as long as `seconds`.
 *
 * seconds  0 looks once; not negative
 * Returns  as pyt_queue_get, and PYT_QUEUE_EMPTY in the place of PYT_TIMEOUT
 * Python   Queue.get(timeout=seconds)
 */
PYT__MUST_USE PYT__API pyt_status pyt_queue_get_timeout(pyt_queue *queue, void *item,
                                                        double seconds);

/* Say that the work on an item that was got is done.
 *
 * Returns  PYT_OK           the last one wakes those that join
 *          PYT_VALUE_ERROR  called more often than items were put, or `queue` is NULL or was not
 *                           made
 *          PYT_MEMORY_ERROR the thread's first wait, and no memory for it
 * Thread   any
 * Python   Queue.task_done()
 */
PYT__API pyt_status pyt_queue_task_done(pyt_queue *queue);

/* Wait until the work on every item ever put is done. Counts items, not calls of get.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: at some instant of this call nothing was left to
 *          do
 * Thread   any; goes on working after a shutdown
 * Python   Queue.join()
 */
PYT__API pyt_status pyt_queue_join(pyt_queue *queue);

/* As pyt_queue_join, as long as `seconds`.
 *
 * seconds  0 and below look once
 * Returns  as pyt_queue_join
 * Python   none: there join cannot be limited
 */
PYT__API pyt_status pyt_queue_join_timeout(pyt_queue *queue, double seconds);

/* Count the items; tell whether there is none; whether no more would fit. NULL: 0, true, false.
 *
 * Thread   any; the answers may be old when they arrive
 * Python   Queue.qsize(), Queue.empty(), Queue.full()
 */
PYT__API size_t pyt_queue_qsize(const pyt_queue *queue);
PYT__API bool pyt_queue_empty(const pyt_queue *queue);
PYT__API bool pyt_queue_full(const pyt_queue *queue);

/* Let nothing more into the queue. Putters that wait get PYT_QUEUE_SHUT_DOWN now; getters go on
 * until the queue is empty, those that wait already get PYT_QUEUE_SHUT_DOWN now.
 *
 * immediate  also drain it: each item goes to the destructor and counts as done
 * Returns    PYT_OK           also when it was shut down before
 *            PYT_VALUE_ERROR  `queue` is NULL or was not made
 *            PYT_MEMORY_ERROR the thread's first wait, and no memory for it; nothing is changed
 * Thread     any; the destructor runs in the caller, after all waiters were woken
 * Python     Queue.shutdown(immediate)
 */
PYT__API pyt_status pyt_queue_shutdown(pyt_queue *queue, bool immediate);

/* A queue without limit, task counting and shutdown, made for speed. */
typedef struct pyt_simple_queue {
    size_t pyt__item_size;                         /* fixed after init; 0: no queue was made here */
    size_t pyt__slots;                             /* fixed after init; items in a segment */
    void (*pyt__destructor)(void *item);           /* under head lock */
    PYT__ATOMIC(struct pyt__segment *) pyt__spare; /* an empty one to be used again, or NULL */
    char pyt__apart[64]; /* keeps the two ends off each other's cache line */
    pyt_lock pyt__head_lock;
    PYT__ATOMIC(size_t) pyt__head;          /* items ever got; under head lock */
    size_t pyt__known;                      /* items known to have been put; under head lock */
    struct pyt__segment *pyt__head_segment; /* under head lock */
    size_t pyt__head_slot;                  /* the next to get there; under head lock */
    char pyt__apart_too[64];
    pyt_lock pyt__tail_lock;
    PYT__ATOMIC(uint32_t) pyt__getters;     /* its address is their queue's; under tail lock */
    PYT__ATOMIC(size_t) pyt__tail;          /* items ever put; under tail lock */
    struct pyt__segment *pyt__tail_segment; /* under tail lock */
    size_t pyt__tail_slot;                  /* the next to fill there; under tail lock */
    char pyt__apart_last[64];
} pyt_simple_queue;

/* Make a simple queue. Only before any thread uses it.
 *
 * item_size  as for pyt_queue_init
 * Returns    as pyt_queue_init, and PYT_MEMORY_ERROR: no memory; nothing was made
 * Python     SimpleQueue()
 */
PYT__MUST_USE PYT__API pyt_status pyt_simple_queue_init(pyt_simple_queue *queue, size_t item_size);

/* Say what becomes of items that are left when the queue is destroyed; see
 * pyt_queue_set_destructor. */
PYT__API pyt_status pyt_simple_queue_set_destructor(pyt_simple_queue *queue,
                                                    void (*destructor)(void *item));

/* Give back what the queue owns. What is left in it goes to the destructor, if there is one.
 *
 * Returns  as pyt_queue_destroy
 * Thread   any; no other may use the queue any more
 */
PYT__API pyt_status pyt_simple_queue_destroy(pyt_simple_queue *queue);

/* Put a copy of `*item` into the queue. There is always a place.
 *
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR  an argument is NULL, or the queue was not made
 *          PYT_MEMORY_ERROR no memory for the item, or for the thread's first wait for another
 *                           putter; the queue is as before
 * Thread   any
 * Python   SimpleQueue.put(item), SimpleQueue.put_nowait(item)
 */
PYT__API pyt_status pyt_simple_queue_put(pyt_simple_queue *queue, const void *item);
PYT__MUST_USE PYT__API pyt_status pyt_simple_queue_put_nowait(pyt_simple_queue *queue,
                                                              const void *item);

/* Take the oldest item out of the queue: waiting as long as it takes, not at all, as long as
 * `seconds`. Getters that wait are served in order of arrival.
 *
 * Returns  as pyt_queue_get, pyt_queue_get_nowait, pyt_queue_get_timeout, without
 *          PYT_QUEUE_SHUT_DOWN
 * Thread   any
 * Python   SimpleQueue.get(), SimpleQueue.get_nowait(), SimpleQueue.get(timeout=seconds)
 */
PYT__API pyt_status pyt_simple_queue_get(pyt_simple_queue *queue, void *item);
PYT__MUST_USE PYT__API pyt_status pyt_simple_queue_get_nowait(pyt_simple_queue *queue, void *item);
PYT__MUST_USE PYT__API pyt_status pyt_simple_queue_get_timeout(pyt_simple_queue *queue, void *item,
                                                               double seconds);

/* Count the items; tell whether there is none. NULL: 0, true.
 *
 * Thread   any; the answers may be old when they arrive
 * Python   SimpleQueue.qsize(), SimpleQueue.empty()
 */
PYT__API size_t pyt_simple_queue_qsize(const pyt_simple_queue *queue);
PYT__API bool pyt_simple_queue_empty(const pyt_simple_queue *queue);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

/* A queue that needs no more memory than this keeps it for good. */
#define PYT__ITEMS_LEAST 1024

/* What a waiter is woken with besides PYT__HANDED; distinct from what locks' waiters are. */
enum {
    PYT__SHUT = 16 /* the queue was shut down */
};

/* Most items are a pointer or as large: that copy needs no call. */
static void pyt__item_copy(void *to, const void *from, size_t size) {
    if (size == sizeof(void *)) {
        memcpy(to, from, sizeof(void *));
    } else {
        memcpy(to, from, size);
    }
}

/* ---- the items of a Queue; all with its lock held ---- */

static unsigned char *pyt__items_at(const pyt__store *items, size_t place) {
    size_t at = (items->pyt__first + place) & (items->pyt__capacity - 1);
    return items->pyt__memory + at * items->pyt__stride;
}

static size_t pyt__items_count(const pyt__store *items) {
    return PYT__LOAD(&items->pyt__count, relaxed);
}

/* Where the number of arrival of a heap's item is: behind it, on a multiple of 8. */
static uint64_t *pyt__item_arrival(const pyt__store *items, unsigned char *item) {
    return (uint64_t *)(void *)(item + items->pyt__stride - sizeof(uint64_t));
}

/* The distance of items in a heap: room for the number behind, and the next one as well aligned
 * as an array of them would be. */
static size_t pyt__heap_stride(size_t item_size) {
    size_t alignment = item_size & (~item_size + 1); /* the largest power of two that divides it */
    size_t least = sizeof(uint64_t);
    size_t most = offsetof(pyt__alignment, aligned);
    alignment = alignment < least ? least : alignment > most ? most : alignment;
    return (item_size + sizeof(uint64_t) + alignment - 1) & ~(alignment - 1);
}

/* Move to memory for `capacity` items, where all fit in. Without memory nothing is changed. */
static bool pyt__items_resize(pyt__store *items, size_t capacity) {
    if (capacity > SIZE_MAX / items->pyt__stride) {
        return false;
    }
    unsigned char *fresh = (unsigned char *)pyt__allocate(capacity * items->pyt__stride);
    if (fresh == NULL) {
        return false;
    }
    size_t count = pyt__items_count(items);
    size_t to_end = items->pyt__capacity - items->pyt__first;
    size_t straight = count < to_end ? count : to_end;
    if (count > 0) {
        memcpy(fresh, pyt__items_at(items, 0), straight * items->pyt__stride);
        memcpy(fresh + straight * items->pyt__stride, items->pyt__memory,
               (count - straight) * items->pyt__stride);
    }
    pyt__release_memory(items->pyt__memory);
    items->pyt__memory = fresh;
    items->pyt__capacity = capacity;
    items->pyt__first = 0;
    return true;
}

static bool pyt__items_grow(pyt__store *items) {
    size_t capacity = items->pyt__capacity * 2;
    if (capacity == 0) {
        capacity = 1;
        while (capacity * items->pyt__stride < PYT__ITEMS_LEAST) {
            capacity *= 2;
        }
    }
    return pyt__items_resize(items, capacity);
}

/* Give memory back when most of it is empty. Without memory to move to, it stays. */
static void pyt__items_shrink(pyt__store *items) {
    if (!items->pyt__limited && pyt__items_count(items) <= items->pyt__capacity / 8 &&
        items->pyt__capacity > 1 && items->pyt__capacity * items->pyt__stride > PYT__ITEMS_LEAST) {
        (void)pyt__items_resize(items, items->pyt__capacity / 2);
    }
}

/* A heap of its own, as that of the timers and that of a scheduler: it moves items of any size,
 * those move pointers and numbers and note places beside them. One over callbacks would cost two
 * indirect calls a level. */

/* Is one item of a heap due before another? */
static bool pyt__heap_before(const pyt__store *items, unsigned char *a, unsigned char *b) {
    int order = items->pyt__compare(a, b);
    return order < 0 || (order == 0 && *pyt__item_arrival(items, a) < *pyt__item_arrival(items, b));
}

/* Find an item's place from the heap's end upwards. It is the last to arrive, so it stays behind
 * its equals. */
static void pyt__heap_sift_up(pyt__store *items, const void *item, size_t place) {
    while (place > 0) {
        unsigned char *parent = pyt__items_at(items, (place - 1) / 2);
        if (items->pyt__compare(item, parent) >= 0) {
            break;
        }
        memcpy(pyt__items_at(items, place), parent, items->pyt__stride);
        place = (place - 1) / 2;
    }
    unsigned char *at = pyt__items_at(items, place);
    memcpy(at, item, items->pyt__item_size);
    *pyt__item_arrival(items, at) = items->pyt__arrivals++;
}

/* Close the gap at the heap's root with its last item, the one behind `count` others. */
static void pyt__heap_sift_down(pyt__store *items, size_t count) {
    unsigned char *moving = pyt__items_at(items, count);
    size_t place = 0;
    for (size_t below = 1; below < count; below = 2 * place + 1) {
        if (below + 1 < count &&
            pyt__heap_before(items, pyt__items_at(items, below + 1), pyt__items_at(items, below))) {
            below++;
        }
        if (!pyt__heap_before(items, pyt__items_at(items, below), moving)) {
            break;
        }
        memcpy(pyt__items_at(items, place), pyt__items_at(items, below), items->pyt__stride);
        place = below;
    }
    if (place != count) {
        memcpy(pyt__items_at(items, place), moving, items->pyt__stride);
    }
}

/* Store an item. Returns false without memory. */
static bool pyt__items_add(pyt__store *items, const void *item) {
    size_t count = pyt__items_count(items);
    if (count == items->pyt__capacity && !pyt__items_grow(items)) {
        return false;
    }
    if (items->pyt__compare != NULL) {
        pyt__heap_sift_up(items, item, count);
    } else {
        pyt__item_copy(pyt__items_at(items, count), item, items->pyt__item_size);
    }
    PYT__STORE(&items->pyt__count, count + 1, relaxed);
    return true;
}

/* The item whose turn it is. There is one. */
static unsigned char *pyt__items_next(const pyt__store *items) {
    return pyt__items_at(items, items->pyt__last_first ? pyt__items_count(items) - 1 : 0);
}

/* Take out the item whose turn it is. */
static void pyt__items_drop(pyt__store *items) {
    size_t count = pyt__items_count(items) - 1;
    if (items->pyt__compare != NULL) {
        pyt__heap_sift_down(items, count);
    } else if (!items->pyt__last_first) {
        items->pyt__first = (items->pyt__first + 1) & (items->pyt__capacity - 1);
    }
    PYT__STORE(&items->pyt__count, count, relaxed);
}

/* Move all items to `stolen`, for pyt__items_end, and leave `items` as if there had never been any.
 * Member by member: C++ does not copy atomics. */
static void pyt__items_steal(pyt__store *items, pyt__store *stolen) {
    stolen->pyt__memory = items->pyt__memory;
    stolen->pyt__capacity = items->pyt__capacity;
    stolen->pyt__first = items->pyt__first;
    PYT__STORE(&stolen->pyt__count, pyt__items_count(items), relaxed);
    stolen->pyt__item_size = items->pyt__item_size;
    stolen->pyt__stride = items->pyt__stride;
    stolen->pyt__arrivals = items->pyt__arrivals;
    stolen->pyt__compare = items->pyt__compare;
    stolen->pyt__last_first = items->pyt__last_first;
    stolen->pyt__limited = items->pyt__limited;
    PYT__STORE(&items->pyt__count, 0, relaxed);
    items->pyt__memory = NULL;
    items->pyt__capacity = 0;
    items->pyt__first = 0;
}

/* Give all items to the destructor, and their memory back. Nothing is locked. */
static void pyt__items_end(pyt__store *items, void (*destructor)(void *item)) {
    while (destructor != NULL && pyt__items_count(items) > 0) {
        destructor(pyt__items_next(items));
        pyt__items_drop(items);
    }
    pyt__release_memory(items->pyt__memory);
}

/* ---- waiters, of both kinds of queue ---- */

/* The item of a dequeued waiter, valid until it is woken: then its call returns. */
static void *pyt__waiter_item(const pyt__parker *parker) {
    return (void *)(uintptr_t)parker->item;
}

static pyt_status pyt__queue_fail_shut(void) {
    return pyt__fail(PYT_QUEUE_SHUT_DOWN, "the queue has been shut down");
}

/* What a wait that ended with `status` means for the call.
 * late     the status of a timeout, and its sentence */
static pyt_status pyt__waiter_returns(pyt_status status, pyt_status late, const char *sentence) {
    if (status == PYT_OK && pyt__me.pyt__parker->token == PYT__SHUT) {
        return pyt__queue_fail_shut();
    }
    return status == PYT_TIMEOUT ? pyt__fail(late, sentence) : status;
}

static const char pyt__queue_is_empty[] = "the queue is empty";
static const char pyt__queue_is_full[] = "the queue is full";

/* Take a lock of a queue or a scheduler. A call that must wait for it enrolls first, so that the
 * wait itself cannot fail. */
static pyt_status pyt__lock_take_or_fail(pyt_lock *lock) PYT__TRY_ACQUIRE(lock) {
    if (PYT__LIKELY(pyt__lock_grab(lock))) {
        return PYT_OK;
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__lock_take(lock);
    return PYT_OK;
}

/* Complain that a queue is no queue. */
PYT__COLD static pyt_status pyt__queue_fail_argument(const void *queue, const void *item) {
    return queue == NULL || item == NULL
               ? pyt__fail_null()
               : pyt__fail(PYT_VALUE_ERROR, "the queue was never made, or it was destroyed");
}

/* ---- Queue, LifoQueue, PriorityQueue ---- */

static pyt_status pyt__queue_init(pyt_queue *queue, size_t item_size, ptrdiff_t maxsize) {
    if (queue == NULL) {
        return pyt__fail_null();
    }
    if (item_size == 0) {
        return pyt__fail(PYT_VALUE_ERROR, "item size must be above 0");
    }
    if (item_size > SIZE_MAX / 4) {
        return pyt__fail(PYT_OVERFLOW_ERROR, "item size is too large");
    }
    memset((void *)queue, 0, sizeof *queue);
    queue->pyt__items.pyt__item_size = item_size;
    queue->pyt__items.pyt__stride = item_size;
    queue->pyt__items.pyt__limited = maxsize > 0;
    queue->pyt__maxsize = maxsize > 0 ? (size_t)maxsize : SIZE_MAX;
    return PYT_OK;
}

PYT__API pyt_status pyt_queue_init(pyt_queue *queue, size_t item_size, ptrdiff_t maxsize) {
    return pyt__queue_init(queue, item_size, maxsize);
}

PYT__API pyt_status pyt_lifo_queue_init(pyt_queue *queue, size_t item_size, ptrdiff_t maxsize) {
    pyt_status status = pyt__queue_init(queue, item_size, maxsize);
    if (status == PYT_OK) {
        queue->pyt__items.pyt__last_first = true;
    }
    return status;
}

PYT__API pyt_status pyt_priority_queue_init(pyt_queue *queue, size_t item_size, ptrdiff_t maxsize,
                                            int (*compare)(const void *a, const void *b)) {
    if (compare == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__queue_init(queue, item_size, maxsize);
    if (status == PYT_OK) {
        queue->pyt__items.pyt__compare = compare;
        queue->pyt__items.pyt__stride = pyt__heap_stride(item_size);
    }
    return status;
}

/* Judge the arguments of a call and lock the queue. `item` is not NULL where there is none. */
static pyt_status pyt__queue_open(pyt_queue *queue, const void *item)
    PYT__TRY_ACQUIRE(queue->pyt__lock) {
    if (PYT__LIKELY(queue != NULL && item != NULL && queue->pyt__items.pyt__item_size != 0)) {
        return pyt__lock_take_or_fail(&queue->pyt__lock);
    }
    return pyt__queue_fail_argument(queue, item);
}

static pyt_status pyt__queue_close(pyt_queue *queue, pyt_status status)
    PYT__RELEASE(queue->pyt__lock) {
    pyt_lock_release(&queue->pyt__lock);
    return status;
}

PYT__API pyt_status pyt_queue_set_destructor(pyt_queue *queue, void (*destructor)(void *item)) {
    pyt_status status = pyt__queue_open(queue, queue);
    if (status != PYT_OK) {
        return status;
    }
    queue->pyt__destructor = destructor;
    return pyt__queue_close(queue, PYT_OK);
}

PYT__API pyt_status pyt_queue_destroy(pyt_queue *queue) {
    if (queue == NULL) {
        return pyt__fail_null();
    }
    if (pyt__park_count(&queue->pyt__getters) + pyt__park_count(&queue->pyt__putters) +
            pyt__park_count(&queue->pyt__joiners) >
        0) {
        return pyt__fail(PYT_RUNTIME_ERROR, "cannot destroy a queue that threads wait in");
    }
    pyt__store items;
    pyt__items_steal(&queue->pyt__items, &items);
    void (*destructor)(void *) = queue->pyt__destructor;
    memset((void *)queue, 0, sizeof *queue);
    pyt__items_end(&items, destructor);
    return PYT_OK;
}

/* Wait at `mark`, without the lock. */
static pyt_status pyt__queue_wait_unlocks(pyt_queue *queue, PYT__ATOMIC(uint32_t) *mark,
                                          const void *item, int64_t deadline, pyt_status late,
                                          const char *sentence) PYT__RELEASE(queue->pyt__lock) {
    if (deadline == PYT__AT_ONCE) {
        return pyt__queue_close(queue, pyt__fail(late, sentence));
    }
    if (pyt__enroll() == NULL) {
        return pyt__queue_close(queue, PYT_MEMORY_ERROR);
    }
    pyt__me.pyt__parker->item = item;
    pyt_status status = pyt__park_marked_unlocks(&queue->pyt__lock, mark, deadline, true);
    return pyt__waiter_returns(status, late, sentence);
}

static pyt_status pyt__queue_put_until(pyt_queue *queue, const void *item, int64_t deadline) {
    pyt_status status = pyt__queue_open(queue, item);
    if (status != PYT_OK) {
        return status;
    }
    if (queue->pyt__shut) {
        return pyt__queue_close(queue, pyt__queue_fail_shut());
    }
    /* 1. A parked getter means no item: hand over, past the store. Count first, under the lock: the
     *    getter may call task_done as soon as it is woken. */
    pyt__parker *getter = pyt__waitq_dequeue_marked(&queue->pyt__getters);
    if (getter != NULL) {
        size_t size = queue->pyt__items.pyt__item_size;
        queue->pyt__unfinished++;
        /* 2. Copy without the lock. The dequeued getter waits for this thread alone, and its memory
         *    stays until pyt__unpark; after that the queue may be gone, too. */
        pyt_lock_release(&queue->pyt__lock);
        PYT__STEP();
        pyt__item_copy(pyt__waiter_item(getter), item, size);
        pyt__unpark(getter);
        return PYT_OK;
    }
    /* 3. Full: park with the item. The getter that makes room takes it from this thread's memory:
     *    nothing is left to do after the wake-up. */
    if (pyt__items_count(&queue->pyt__items) >= queue->pyt__maxsize) {
        return pyt__queue_wait_unlocks(queue, &queue->pyt__putters, item, deadline, PYT_QUEUE_FULL,
                                       pyt__queue_is_full);
    }
    if (!pyt__items_add(&queue->pyt__items, item)) {
        return pyt__queue_close(queue, pyt__fail_memory());
    }
    queue->pyt__unfinished++;
    return pyt__queue_close(queue, PYT_OK);
}

/* Store the item of the oldest parked putter in the place that was just freed. There is memory for
 * it, as the store is not shrunk in between.
 * Returns  the putter, to be woken after the lock is released, or NULL */
static pyt__parker *pyt__queue_admit_locked(pyt_queue *queue) {
    pyt__parker *putter = pyt__waitq_dequeue_marked(&queue->pyt__putters);
    if (putter != NULL) {
        (void)pyt__items_add(&queue->pyt__items, pyt__waiter_item(putter));
        queue->pyt__unfinished++;
    }
    return putter;
}

static pyt_status pyt__queue_get_until(pyt_queue *queue, void *item, int64_t deadline) {
    pyt_status status = pyt__queue_open(queue, item);
    if (status != PYT_OK) {
        return status;
    }
    /* 1. Empty: park. A shut queue has no putters any more, so a wait would have no end. */
    if (pyt__items_count(&queue->pyt__items) == 0) {
        if (queue->pyt__shut) {
            return pyt__queue_close(queue, pyt__queue_fail_shut());
        }
        return pyt__queue_wait_unlocks(queue, &queue->pyt__getters, item, deadline, PYT_QUEUE_EMPTY,
                                       pyt__queue_is_empty);
    }
    /* 2. Take an item, and fill the place from the oldest parked putter under the same lock: no
     *    other putter can overtake it. */
    pyt__item_copy(item, pyt__items_next(&queue->pyt__items), queue->pyt__items.pyt__item_size);
    pyt__items_drop(&queue->pyt__items);
    pyt__parker *putter = pyt__queue_admit_locked(queue);
    pyt__items_shrink(&queue->pyt__items);
    /* 3. Unlock, then wake: a putter woken earlier could return and destroy the queue. */
    pyt_lock_release(&queue->pyt__lock);
    if (putter != NULL) {
        pyt__unpark(putter);
    }
    return PYT_OK;
}

PYT__API pyt_status pyt_queue_put(pyt_queue *queue, const void *item) {
    return pyt__queue_put_until(queue, item, PYT__FOREVER);
}

PYT__API pyt_status pyt_queue_put_nowait(pyt_queue *queue, const void *item) {
    return pyt__queue_put_until(queue, item, PYT__AT_ONCE);
}

PYT__API pyt_status pyt_queue_put_timeout(pyt_queue *queue, const void *item, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    return status == PYT_OK ? pyt__queue_put_until(queue, item, deadline) : status;
}

PYT__API pyt_status pyt_queue_get(pyt_queue *queue, void *item) {
    return pyt__queue_get_until(queue, item, PYT__FOREVER);
}

PYT__API pyt_status pyt_queue_get_nowait(pyt_queue *queue, void *item) {
    return pyt__queue_get_until(queue, item, PYT__AT_ONCE);
}

PYT__API pyt_status pyt_queue_get_timeout(pyt_queue *queue, void *item, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    return status == PYT_OK ? pyt__queue_get_until(queue, item, deadline) : status;
}

/* Count `n` items as done. Returns the joiners to wake after the lock is released. */
static pyt__parker *pyt__queue_finish_locked(pyt_queue *queue, size_t n) {
    queue->pyt__unfinished -= n;
    return queue->pyt__unfinished > 0
               ? NULL
               : pyt__waitq_dequeue_all_marked(&queue->pyt__joiners, PYT__HANDED);
}

PYT__API pyt_status pyt_queue_task_done(pyt_queue *queue) {
    pyt_status status = pyt__queue_open(queue, queue);
    if (status != PYT_OK) {
        return status;
    }
    if (queue->pyt__unfinished == 0) {
        return pyt__queue_close(queue,
                                pyt__fail(PYT_VALUE_ERROR, "task_done() called too many times"));
    }
    pyt__parker *joiners = pyt__queue_finish_locked(queue, 1);
    pyt_lock_release(&queue->pyt__lock);
    pyt__unpark_list(joiners);
    return PYT_OK;
}

static pyt_status pyt__queue_join_until(pyt_queue *queue, int64_t deadline) {
    pyt_status status = pyt__queue_open(queue, queue);
    if (status != PYT_OK) {
        return status;
    }
    if (queue->pyt__unfinished == 0) {
        return pyt__queue_close(queue, PYT_OK);
    }
    if (deadline == PYT__AT_ONCE) {
        return pyt__queue_close(queue, PYT_TIMEOUT);
    }
    /* Queued under the lock under which the count was seen: the task_done that makes it 0 dequeues
     * this joiner. Later puts do not matter, as the joiner does not look again. */
    return pyt__park_marked_unlocks(&queue->pyt__lock, &queue->pyt__joiners, deadline, true);
}

PYT__API pyt_status pyt_queue_join(pyt_queue *queue) {
    return pyt__queue_join_until(queue, PYT__FOREVER);
}

PYT__API pyt_status pyt_queue_join_timeout(pyt_queue *queue, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__queue_join_until(queue, deadline) : status;
}

PYT__API size_t pyt_queue_qsize(const pyt_queue *queue) {
    return queue != NULL ? pyt__items_count(&queue->pyt__items) : 0;
}

PYT__API bool pyt_queue_empty(const pyt_queue *queue) {
    return pyt_queue_qsize(queue) == 0;
}

PYT__API bool pyt_queue_full(const pyt_queue *queue) {
    return queue != NULL && queue->pyt__items.pyt__item_size != 0 &&
           pyt_queue_qsize(queue) >= queue->pyt__maxsize;
}

PYT__API pyt_status pyt_queue_shutdown(pyt_queue *queue, bool immediate) {
    pyt_status status = pyt__queue_open(queue, queue);
    if (status != PYT_OK) {
        return status;
    }
    pyt__store drained;
    pyt__parker *joiners = NULL;
    queue->pyt__shut = true;
    if (immediate) {
        size_t count = pyt__items_count(&queue->pyt__items);
        size_t unfinished = queue->pyt__unfinished;
        pyt__items_steal(&queue->pyt__items, &drained);
        joiners = pyt__queue_finish_locked(queue, count < unfinished ? count : unfinished);
    }
    /* Dequeued under the lock under which `shut` is set: no waiter enters afterwards. What is
     * needed later is copied, as the queue may be destroyed once its waiters are awake. */
    void (*destructor)(void *) = queue->pyt__destructor;
    pyt__parker *putters = pyt__waitq_dequeue_all_marked(&queue->pyt__putters, PYT__SHUT);
    pyt__parker *getters = pyt__waitq_dequeue_all_marked(&queue->pyt__getters, PYT__SHUT);
    pyt_lock_release(&queue->pyt__lock);
    pyt__unpark_list(getters);
    pyt__unpark_list(putters);
    pyt__unpark_list(joiners);
    if (immediate) {
        pyt__items_end(&drained, destructor);
    }
    return PYT_OK;
}

/* ---- SimpleQueue ---- */

/* How much room for items a segment has, as far as it has room for PYT__SLOTS_LEAST: large enough
 * that going from one to the next does not show in `make bench`, small enough for many queues. */
#define PYT__SEGMENT_SIZE 2048
#define PYT__SLOTS_LEAST 4

typedef struct pyt__segment {
    struct pyt__segment *next; /* set under the tail lock, before an item there is counted */
    pyt__aligned items[];
} pyt__segment;

static pyt__segment *pyt__segment_make(const pyt_simple_queue *queue) {
    size_t size = queue->pyt__item_size * queue->pyt__slots;
    pyt__segment *segment = (pyt__segment *)pyt__allocate(offsetof(pyt__segment, items) + size);
    if (segment != NULL) {
        segment->next = NULL;
    }
    return segment;
}

static void *pyt__segment_at(const pyt_simple_queue *queue, pyt__segment *segment, size_t slot) {
    return (unsigned char *)segment->items + slot * queue->pyt__item_size;
}

PYT__API pyt_status pyt_simple_queue_init(pyt_simple_queue *queue, size_t item_size) {
    if (queue == NULL) {
        return pyt__fail_null();
    }
    if (item_size == 0) {
        return pyt__fail(PYT_VALUE_ERROR, "item size must be above 0");
    }
    if (item_size > SIZE_MAX / 2 / PYT__SLOTS_LEAST) {
        return pyt__fail(PYT_OVERFLOW_ERROR, "item size is too large");
    }
    memset((void *)queue, 0, sizeof *queue);
    queue->pyt__item_size = item_size;
    queue->pyt__slots = PYT__SEGMENT_SIZE / item_size > PYT__SLOTS_LEAST
                            ? PYT__SEGMENT_SIZE / item_size
                            : PYT__SLOTS_LEAST;
    queue->pyt__head_segment = pyt__segment_make(queue);
    queue->pyt__tail_segment = queue->pyt__head_segment;
    if (queue->pyt__head_segment == NULL) {
        queue->pyt__item_size = 0;
        return pyt__fail_memory();
    }
    return PYT_OK;
}

static bool pyt__simple_queue_is_good(const pyt_simple_queue *queue, const void *item) {
    return PYT__LIKELY(queue != NULL && item != NULL && queue->pyt__item_size != 0);
}

PYT__API pyt_status pyt_simple_queue_set_destructor(pyt_simple_queue *queue,
                                                    void (*destructor)(void *item)) {
    if (!pyt__simple_queue_is_good(queue, queue)) {
        return pyt__queue_fail_argument(queue, queue);
    }
    pyt_status status = pyt__lock_take_or_fail(&queue->pyt__head_lock);
    if (status == PYT_OK) {
        queue->pyt__destructor = destructor;
        pyt_lock_release(&queue->pyt__head_lock);
    }
    return status;
}

/* Have a segment with an empty slot at the tail. Returns false without memory. */
static bool pyt__simple_queue_extend_locked(pyt_simple_queue *queue) {
    pyt__segment *segment = PYT__LOAD(&queue->pyt__spare, acquire); /* pairs with leave's store */
    if (segment != NULL) {
        PYT__STEP();
        PYT__STORE(&queue->pyt__spare, NULL, relaxed);
        segment->next = NULL;
    } else {
        segment = pyt__segment_make(queue);
    }
    if (segment == NULL) {
        return false;
    }
    queue->pyt__tail_segment->next = segment;
    queue->pyt__tail_segment = segment;
    queue->pyt__tail_slot = 0;
    return true;
}

PYT__API pyt_status pyt_simple_queue_put(pyt_simple_queue *queue, const void *item) {
    if (!pyt__simple_queue_is_good(queue, item)) {
        return pyt__queue_fail_argument(queue, item);
    }
    pyt_status status = pyt__lock_take_or_fail(&queue->pyt__tail_lock);
    if (status != PYT_OK) {
        return status;
    }
    size_t size = queue->pyt__item_size;
    /* 1. A parked getter means no item: hand over. The mark is read under the tail lock, and was
     *    set under it after a last look at `tail`. */
    pyt__parker *getter = pyt__waitq_dequeue_marked(&queue->pyt__getters);
    if (getter != NULL) {
        pyt_lock_release(&queue->pyt__tail_lock);
        PYT__STEP();
        pyt__item_copy(pyt__waiter_item(getter), item, size);
        pyt__unpark(getter);
        return PYT_OK;
    }
    /* 2. Store the item, then count it: a getter reads only items that `tail` counts. */
    if (queue->pyt__tail_slot == queue->pyt__slots && !pyt__simple_queue_extend_locked(queue)) {
        pyt_lock_release(&queue->pyt__tail_lock);
        return pyt__fail_memory();
    }
    pyt__item_copy(pyt__segment_at(queue, queue->pyt__tail_segment, queue->pyt__tail_slot++), item,
                   size);
    size_t tail = PYT__LOAD(&queue->pyt__tail, relaxed);
    PYT__STEP();
    PYT__STORE(&queue->pyt__tail, tail + 1, release); /* pairs with pyt__simple_queue_has_locked */
    pyt_lock_release(&queue->pyt__tail_lock);
    return PYT_OK;
}

PYT__API pyt_status pyt_simple_queue_put_nowait(pyt_simple_queue *queue, const void *item) {
    return pyt_simple_queue_put(queue, item);
}

/* Is there an item? The head is locked. */
static bool pyt__simple_queue_has_locked(pyt_simple_queue *queue) {
    size_t head = PYT__LOAD(&queue->pyt__head, relaxed);
    if (head == queue->pyt__known) {
        queue->pyt__known = PYT__LOAD(&queue->pyt__tail, acquire); /* pairs with put's store */
    }
    return head != queue->pyt__known;
}

/* Move to the next segment, in which an item is known. The head is locked.
 * Returns  a segment to free after the lock is released, or NULL */
static pyt__segment *pyt__simple_queue_leave_locked(pyt_simple_queue *queue) {
    pyt__segment *left = queue->pyt__head_segment;
    queue->pyt__head_segment = left->next;
    queue->pyt__head_slot = 0;
    if (PYT__LOAD(&queue->pyt__spare, relaxed) != NULL) {
        return left;
    }
    PYT__STEP();
    PYT__STORE(&queue->pyt__spare, left, release); /* pairs with extend's load */
    return NULL;
}

/* The next item, which is known to be there. The head is locked, or no other thread is left.
 * spent    receives a segment to free after the lock is released, or NULL */
static void *pyt__simple_queue_next_locked(pyt_simple_queue *queue, pyt__segment **spent) {
    bool used_up = queue->pyt__head_slot == queue->pyt__slots;
    *spent = used_up ? pyt__simple_queue_leave_locked(queue) : NULL;
    PYT__STORE(&queue->pyt__head, PYT__LOAD(&queue->pyt__head, relaxed) + 1, release);
    return pyt__segment_at(queue, queue->pyt__head_segment, queue->pyt__head_slot++);
}

/* Wait for an item, unless one has arrived. The head is locked, and unlocked when this returns
 * PYT_OK with `*waited`, or a failure. */
PYT__UNCHECKED static pyt_status pyt__simple_queue_wait_locked(pyt_simple_queue *queue, void *item,
                                                               int64_t deadline, bool *waited) {
    pyt_status status = PYT_OK;
    if (deadline == PYT__AT_ONCE) {
        status = pyt__fail(PYT_QUEUE_EMPTY, pyt__queue_is_empty);
    } else if (pyt__enroll() == NULL) {
        status = PYT_MEMORY_ERROR;
    }
    if (status != PYT_OK) {
        pyt_lock_release(&queue->pyt__head_lock);
        return status;
    }
    /* 1. Take the tail lock as well: putters are kept out for the last look and the mark. Nothing
     *    takes the two in the other order. */
    PYT__STEP();
    pyt__lock_take(&queue->pyt__tail_lock);
    *waited = !pyt__simple_queue_has_locked(queue);
    /* 2. Nothing there: enter and mark before the tail is unlocked. The next putter hands over. */
    if (*waited) {
        pyt__me.pyt__parker->item = item;
        PYT__STORE(&queue->pyt__getters, 1, relaxed);
        (void)pyt__park_prepare(&queue->pyt__getters, NULL, NULL);
    }
    pyt_lock_release(&queue->pyt__tail_lock);
    if (!*waited) {
        return PYT_OK;
    }
    /* 3. Unlock the head before sleeping: other getters enter behind this one. */
    pyt_lock_release(&queue->pyt__head_lock);
    status = pyt__park_queued(&queue->pyt__getters, deadline, true);
    return pyt__waiter_returns(status, PYT_QUEUE_EMPTY, pyt__queue_is_empty);
}

PYT__UNCHECKED static pyt_status pyt__simple_queue_get_until(pyt_simple_queue *queue, void *item,
                                                             int64_t deadline) {
    if (!pyt__simple_queue_is_good(queue, item)) {
        return pyt__queue_fail_argument(queue, item);
    }
    pyt_status status = pyt__lock_take_or_fail(&queue->pyt__head_lock);
    if (status != PYT_OK) {
        return status;
    }
    bool waited = false;
    if (!pyt__simple_queue_has_locked(queue)) {
        status = pyt__simple_queue_wait_locked(queue, item, deadline, &waited);
    }
    if (status != PYT_OK || waited) {
        return status;
    }
    pyt__segment *spent;
    pyt__item_copy(item, pyt__simple_queue_next_locked(queue, &spent), queue->pyt__item_size);
    pyt_lock_release(&queue->pyt__head_lock);
    if (spent != NULL) {
        pyt__release_memory(spent);
    }
    return PYT_OK;
}

PYT__API pyt_status pyt_simple_queue_get(pyt_simple_queue *queue, void *item) {
    return pyt__simple_queue_get_until(queue, item, PYT__FOREVER);
}

PYT__API pyt_status pyt_simple_queue_get_nowait(pyt_simple_queue *queue, void *item) {
    return pyt__simple_queue_get_until(queue, item, PYT__AT_ONCE);
}

PYT__API pyt_status pyt_simple_queue_get_timeout(pyt_simple_queue *queue, void *item,
                                                 double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked_sign(seconds, &deadline);
    return status == PYT_OK ? pyt__simple_queue_get_until(queue, item, deadline) : status;
}

/* `head` is read first: it never passes `tail`. */
PYT__API size_t pyt_simple_queue_qsize(const pyt_simple_queue *queue) {
    if (queue == NULL) {
        return 0;
    }
    size_t head = PYT__LOAD(&queue->pyt__head, acquire);
    return PYT__LOAD(&queue->pyt__tail, acquire) - head;
}

PYT__API bool pyt_simple_queue_empty(const pyt_simple_queue *queue) {
    return pyt_simple_queue_qsize(queue) == 0;
}

PYT__API pyt_status pyt_simple_queue_destroy(pyt_simple_queue *queue) {
    if (queue == NULL) {
        return pyt__fail_null();
    }
    if (pyt__park_count(&queue->pyt__getters) > 0) {
        return pyt__fail(PYT_RUNTIME_ERROR, "cannot destroy a queue that threads wait in");
    }
    /* An item can be got before its put has released the lock: pass through both locks. */
    pyt_status status = pyt__lock_take_or_fail(&queue->pyt__tail_lock);
    if (status != PYT_OK) {
        return status;
    }
    pyt_lock_release(&queue->pyt__tail_lock);
    if (pyt__lock_take_or_fail(&queue->pyt__head_lock) == PYT_OK) {
        pyt_lock_release(&queue->pyt__head_lock);
    }
    while (queue->pyt__destructor != NULL && pyt__simple_queue_has_locked(queue)) {
        pyt__segment *spent;
        queue->pyt__destructor(pyt__simple_queue_next_locked(queue, &spent));
        pyt__release_memory(spent);
    }
    while (queue->pyt__head_segment != NULL) {
        pyt__segment *segment = queue->pyt__head_segment;
        queue->pyt__head_segment = segment->next;
        pyt__release_memory(segment);
    }
    pyt__release_memory(PYT__LOAD(&queue->pyt__spare, relaxed));
    memset((void *)queue, 0, sizeof *queue);
    return PYT_OK;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>sched                                                                        sched.scheduler
 *
 *  A binary heap of numbers of slots, the earliest first: by time, then priority, then order of
 *  entry. An event lies in its slot until it is taken out; the slot's `place` is where it is in
 *  the heap, from 1 on, 0 when the slot is free. Slots are used again, so an event's handle also
 *  carries the number of its entry, which is never used twice, and the number of its scheduler:
 *  a handle of an event that is gone matches nothing.
 *
 *  One lock guards it all; the time, delay and action functions are called without it. With the
 *  default delay a run sleeps in the queue of `sleepers`, which it enters under the lock; a thread
 *  that changes which event is first dequeues all sleepers, and they look again:
 *
 *      run                                 enter, or cancel, in another thread
 *      lock; the first event is not due
 *      enter the queue, unlock
 *      sleep until it is due               lock; the first event is another one now
 *                                          dequeue the sleepers, unlock, wake them
 *      lock, look again
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* What a scheduler may have of its own. Zero is Python's default. */
typedef struct pyt_scheduler_options {
    double (*timefunc)(void *arg); /* the time; NULL: seconds on a clock that is never set */
    /* Let `seconds` pass, above 0 before an event and 0 after each; NULL: sleep. One of your own
     * is not woken by an earlier event. */
    void (*delayfunc)(void *arg, double seconds);
    void *arg; /* given to both */
} pyt_scheduler_options;

/* An event that was entered: what and when, and a handle to cancel it by. A value, to be copied
 * and dropped at will. */
typedef struct pyt_sched_event {
    double time;
    int priority;
    uint32_t pyt__slot;
    void (*action)(void *arg);
    void *arg;
    uint64_t pyt__entry;
    uint32_t pyt__scheduler;
} pyt_sched_event;

/* A scheduler. Made by pyt_scheduler_init; it owns memory, which pyt_scheduler_destroy gives
 * back. */
typedef struct pyt_scheduler {
    pyt_lock pyt__lock;
    PYT__ATOMIC(uint32_t) pyt__sleepers; /* its address is the queue's; under lock */
    PYT__ATOMIC(uint32_t) pyt__count;    /* events in the heap; under lock */
    uint32_t pyt__capacity;              /* of both arrays; under lock */
    uint32_t pyt__free;                  /* the first free slot, counted from 1; under lock */
    uint32_t pyt__number;                /* fixed after init; 0: no scheduler was made here */
    uint64_t pyt__entries;               /* events ever entered; under lock */
    struct pyt__slot *pyt__slots;        /* under lock */
    uint32_t *pyt__heap;                 /* in the same memory; under lock */
    pyt_scheduler_options pyt__options;  /* fixed after init */
} pyt_scheduler;

/* Make a scheduler. Only before any thread uses it.
 *
 * options  may be NULL; copied
 * Returns  PYT_OK; PYT_VALUE_ERROR: `scheduler` is NULL
 * Python   scheduler(timefunc, delayfunc)
 */
PYT__MUST_USE PYT__API pyt_status pyt_scheduler_init(pyt_scheduler *scheduler,
                                                     const pyt_scheduler_options *options);

/* Give back what the scheduler owns. Events that are left never run.
 *
 * Returns  PYT_OK            also when it was destroyed before
 *          PYT_RUNTIME_ERROR a thread sleeps in run; nothing is changed
 *          PYT_VALUE_ERROR   `scheduler` is NULL
 * Thread   any; no other may use it any more
 */
PYT__API pyt_status pyt_scheduler_destroy(pyt_scheduler *scheduler);

/* Tell the time on the scheduler's clock, for pyt_scheduler_enterabs. NULL: 0.
 *
 * Thread   any
 * Python   scheduler.timefunc()
 */
PYT__API double pyt_scheduler_time(const pyt_scheduler *scheduler);

/* Enter an event `delay` seconds from now.
 *
 * delay     0 and below: due at once
 * priority  of events due at the same time the one with the smaller number runs first, of equal
 *           ones that entered first
 * action    called as action(arg) by a run, without any lock; it may enter and cancel events
 * event     receives the event; may be NULL
 * Returns   PYT_OK
 *           PYT_VALUE_ERROR    `delay` is not a number, or `scheduler` or `action` is NULL, or the
 *                              scheduler was not made
 *           PYT_OVERFLOW_ERROR `delay` is above PYT_TIMEOUT_MAX
 *           PYT_MEMORY_ERROR   no memory for the event, or for the thread's first wait; nothing
 *                              is changed
 * Thread    any. A run that sleeps looks again when the event is the earliest
 * Python    scheduler.enter(delay, priority, action, argument)
 */
PYT__API pyt_status pyt_scheduler_enter(pyt_scheduler *scheduler, double delay, int priority,
                                        void (*action)(void *arg), void *arg,
                                        pyt_sched_event *event);

/* As pyt_scheduler_enter, at a `time` on the scheduler's clock.
 *
 * Returns  as pyt_scheduler_enter; PYT_OVERFLOW_ERROR: `time` is infinite
 * Python   scheduler.enterabs(time, priority, action, argument)
 */
PYT__API pyt_status pyt_scheduler_enterabs(pyt_scheduler *scheduler, double time, int priority,
                                           void (*action)(void *arg), void *arg,
                                           pyt_sched_event *event);

/* Take an event out again.
 *
 * event    as received from enter, enterabs or queue
 * Returns  PYT_OK           it will not run
 *          PYT_VALUE_ERROR  it has run, runs, was cancelled or is none of this scheduler's; or an
 *                           argument is NULL
 *          PYT_MEMORY_ERROR the thread's first wait, and no memory for it
 * Thread   any
 * Python   scheduler.cancel(event)
 */
PYT__API pyt_status pyt_scheduler_cancel(pyt_scheduler *scheduler, const pyt_sched_event *event);

/* Tell whether no event is left. NULL: true.
 *
 * Thread   any; the answer may be old when it arrives
 * Python   scheduler.empty()
 */
PYT__API bool pyt_scheduler_empty(const pyt_scheduler *scheduler);

/* Copy the events that are left, in the order in which they will run.
 *
 * list      receives the first `capacity` of them; may be NULL when that is 0
 * Returns   how many there are, which may be more than `capacity`; 0 for NULL, and when it is the
 *           thread's first call with another one inside, and there is no memory to wait with
 * Thread    any
 * Python    scheduler.queue
 */
PYT__API size_t pyt_scheduler_queue(pyt_scheduler *scheduler, pyt_sched_event *list,
                                    size_t capacity);

/* Run the events when they are due, until none is left.
 *
 * Returns  as every wait (see pyt_status); PYT_OK: no event is left. PYT_INTERRUPTED only while it
 *          sleeps with the default delay
 *          After each of these, and after an action that is left by pyt_raise, the scheduler is
 *          sound, the event that was begun is gone, and it may be run again
 * Thread   any, several at a time too; the actions run in the caller, without any lock
 * Python   scheduler.run(); there an earlier event does not wake a run that sleeps
 */
PYT__API pyt_status pyt_scheduler_run(pyt_scheduler *scheduler);

/* Run the events that are due, without waiting for any.
 *
 * next_delay  receives the seconds until the next event, -1 when none is left; may be NULL
 * Returns     as pyt_scheduler_run, without PYT_INTERRUPTED
 * Thread      as pyt_scheduler_run
 * Python      scheduler.run(blocking=False); there None says that none is left
 */
PYT__API pyt_status pyt_scheduler_run_nowait(pyt_scheduler *scheduler, double *next_delay);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

typedef struct pyt__slot {
    pyt_sched_event event;
    uint32_t place; /* in the heap, from 1 on; 0: the slot is free */
    uint32_t next;  /* of a free slot: the next free one, counted from 1; 0: none */
} pyt__slot;

static PYT__ATOMIC(uint32_t) pyt__schedulers; /* how many were ever made */

/* Is one event due before another? */
static bool pyt__event_before(const pyt_sched_event *a, const pyt_sched_event *b) {
    if (a->time < b->time || b->time < a->time) {
        return a->time < b->time;
    }
    if (a->priority != b->priority) {
        return a->priority < b->priority;
    }
    return a->pyt__entry < b->pyt__entry;
}

PYT__API pyt_status pyt_scheduler_init(pyt_scheduler *scheduler,
                                       const pyt_scheduler_options *options) {
    if (scheduler == NULL) {
        return pyt__fail_null();
    }
    memset((void *)scheduler, 0, sizeof *scheduler);
    do {
        scheduler->pyt__number = PYT__ADD(&pyt__schedulers, 1, relaxed) + 1;
    } while (scheduler->pyt__number == 0);
    if (options != NULL) {
        scheduler->pyt__options = *options;
    }
    return PYT_OK;
}

PYT__API pyt_status pyt_scheduler_destroy(pyt_scheduler *scheduler) {
    if (scheduler == NULL) {
        return pyt__fail_null();
    }
    if (pyt__park_count(&scheduler->pyt__sleepers) > 0) {
        return pyt__fail(PYT_RUNTIME_ERROR, "cannot destroy a scheduler that a thread runs");
    }
    pyt__release_memory(scheduler->pyt__slots);
    memset((void *)scheduler, 0, sizeof *scheduler);
    return PYT_OK;
}

PYT__API double pyt_scheduler_time(const pyt_scheduler *scheduler) {
    if (scheduler == NULL) {
        return 0;
    }
    const pyt_scheduler_options *options = &scheduler->pyt__options;
    return options->timefunc != NULL ? options->timefunc(options->arg) : pyt_monotonic();
}

/* Judge the argument of a call, without and with locking the scheduler. */
static pyt_status pyt__scheduler_check(const pyt_scheduler *scheduler) {
    if (scheduler == NULL) {
        return pyt__fail_null();
    }
    return scheduler->pyt__number != 0
               ? PYT_OK
               : pyt__fail(PYT_VALUE_ERROR, "the scheduler was never made, or it was destroyed");
}

static void pyt__scheduler_unlock(pyt_scheduler *scheduler) PYT__RELEASE(scheduler->pyt__lock) {
    pyt_lock_release(&scheduler->pyt__lock);
}

/* ---- the heap; all with the lock held ---- */

static pyt_sched_event *pyt__scheduler_at(const pyt_scheduler *scheduler, uint32_t place) {
    return &scheduler->pyt__slots[scheduler->pyt__heap[place - 1]].event;
}

static void pyt__scheduler_place_locked(pyt_scheduler *scheduler, uint32_t slot, uint32_t place) {
    scheduler->pyt__heap[place - 1] = slot;
    scheduler->pyt__slots[slot].place = place;
}

/* Find the place of a slot's event from `place` upwards. */
static void pyt__scheduler_sift_up_locked(pyt_scheduler *scheduler, uint32_t slot, uint32_t place) {
    const pyt_sched_event *event = &scheduler->pyt__slots[slot].event;
    while (place > 1 && pyt__event_before(event, pyt__scheduler_at(scheduler, place / 2))) {
        pyt__scheduler_place_locked(scheduler, scheduler->pyt__heap[place / 2 - 1], place);
        place /= 2;
    }
    pyt__scheduler_place_locked(scheduler, slot, place);
}

/* Find it downwards, in a heap of `count`. */
static void pyt__scheduler_sift_down_locked(pyt_scheduler *scheduler, uint32_t slot, uint32_t place,
                                            uint32_t count) {
    const pyt_sched_event *event = &scheduler->pyt__slots[slot].event;
    while (place <= count / 2) {
        uint32_t below = 2 * place;
        if (below < count && pyt__event_before(pyt__scheduler_at(scheduler, below + 1),
                                               pyt__scheduler_at(scheduler, below))) {
            below++;
        }
        if (!pyt__event_before(pyt__scheduler_at(scheduler, below), event)) {
            break;
        }
        pyt__scheduler_place_locked(scheduler, scheduler->pyt__heap[below - 1], place);
        place = below;
    }
    pyt__scheduler_place_locked(scheduler, slot, place);
}

static uint32_t pyt__scheduler_count(const pyt_scheduler *scheduler) {
    return PYT__LOAD(&scheduler->pyt__count, relaxed);
}

/* Take the event at a place out. */
static void pyt__scheduler_remove_locked(pyt_scheduler *scheduler, uint32_t place) {
    uint32_t slot = scheduler->pyt__heap[place - 1];
    uint32_t count = pyt__scheduler_count(scheduler) - 1;
    uint32_t last = scheduler->pyt__heap[count];
    scheduler->pyt__slots[slot].place = 0;
    scheduler->pyt__slots[slot].next = scheduler->pyt__free;
    scheduler->pyt__free = slot + 1;
    PYT__STORE(&scheduler->pyt__count, count, relaxed);
    if (last == slot) {
        return;
    }
    if (pyt__event_before(&scheduler->pyt__slots[last].event, &scheduler->pyt__slots[slot].event)) {
        pyt__scheduler_sift_up_locked(scheduler, last, place);
    } else {
        pyt__scheduler_sift_down_locked(scheduler, last, place, count);
    }
}

/* Have a free slot. Slots and heap share one piece of memory. Returns false without memory. */
static bool pyt__scheduler_reserve_locked(pyt_scheduler *scheduler) {
    if (scheduler->pyt__free != 0) {
        return true;
    }
    uint32_t old = scheduler->pyt__capacity;
    uint32_t capacity = old < 16 ? 16 : old * 2;
    size_t each = sizeof(pyt__slot) + sizeof(uint32_t);
    if (capacity < old || capacity > SIZE_MAX / each) {
        return false;
    }
    pyt__slot *slots = (pyt__slot *)pyt__allocate(capacity * each);
    if (slots == NULL) {
        return false;
    }
    uint32_t *heap = (uint32_t *)(void *)(slots + capacity);
    if (old > 0) {
        memcpy(slots, scheduler->pyt__slots, old * sizeof *slots);
        memcpy(heap, scheduler->pyt__heap, old * sizeof *heap);
    }
    for (uint32_t slot = old; slot < capacity; slot++) {
        slots[slot].place = 0;
        slots[slot].next = slot + 1 < capacity ? slot + 2 : 0;
    }
    pyt__release_memory(scheduler->pyt__slots);
    scheduler->pyt__slots = slots;
    scheduler->pyt__heap = heap;
    scheduler->pyt__capacity = capacity;
    scheduler->pyt__free = old + 1;
    return true;
}

/* Dequeue the threads that sleep in run. Returns a list for pyt__unpark_list. */
static pyt__parker *pyt__scheduler_call_locked(pyt_scheduler *scheduler) {
    return pyt__waitq_dequeue_all_marked(&scheduler->pyt__sleepers, PYT__PLAIN);
}

/* ---- enter and cancel ---- */

/* Put an event into a slot and the heap. Returns false without memory. */
static bool pyt__scheduler_add_locked(pyt_scheduler *scheduler, pyt_sched_event *event) {
    if (!pyt__scheduler_reserve_locked(scheduler)) {
        return false;
    }
    uint32_t slot = scheduler->pyt__free - 1;
    scheduler->pyt__free = scheduler->pyt__slots[slot].next;
    event->pyt__slot = slot;
    event->pyt__entry = ++scheduler->pyt__entries;
    event->pyt__scheduler = scheduler->pyt__number;
    scheduler->pyt__slots[slot].event = *event;
    uint32_t count = pyt__scheduler_count(scheduler) + 1;
    PYT__STORE(&scheduler->pyt__count, count, relaxed);
    pyt__scheduler_sift_up_locked(scheduler, slot, count);
    return true;
}

/* Enter an event with a valid time in a scheduler that was made. */
static pyt_status pyt__scheduler_enter(pyt_scheduler *scheduler, pyt_sched_event *event,
                                       pyt_sched_event *receiver) {
    if (event->action == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__lock_take_or_fail(&scheduler->pyt__lock);
    if (status != PYT_OK) {
        return status;
    }
    pyt__parker *sleepers = NULL;
    bool added = pyt__scheduler_add_locked(scheduler, event);
    if (added && scheduler->pyt__heap[0] == event->pyt__slot) {
        sleepers = pyt__scheduler_call_locked(scheduler);
    }
    pyt__scheduler_unlock(scheduler);
    pyt__unpark_list(sleepers);
    if (!added) {
        return pyt__fail_memory();
    }
    if (receiver != NULL) {
        *receiver = *event;
    }
    return PYT_OK;
}

PYT__API pyt_status pyt_scheduler_enter(pyt_scheduler *scheduler, double delay, int priority,
                                        void (*action)(void *arg), void *arg,
                                        pyt_sched_event *event) {
    pyt_status status = pyt__check_timeout(delay);
    if (status == PYT_OK) {
        status = pyt__scheduler_check(scheduler);
    }
    if (status != PYT_OK) {
        return status;
    }
    pyt_sched_event fresh = {0};
    fresh.time = pyt_scheduler_time(scheduler) + delay;
    fresh.priority = priority;
    fresh.action = action;
    fresh.arg = arg;
    return pyt__scheduler_enter(scheduler, &fresh, event);
}

/* Judge a time on a scheduler's clock. */
static pyt_status pyt__check_time(double time) {
    if (time - time >= 0) { /* of an infinite one that is not a number */
        return PYT_OK;
    }
    return time > 0 || time < 0 ? pyt__fail(PYT_OVERFLOW_ERROR, "time is infinite")
                                : pyt__fail(PYT_VALUE_ERROR, "time is not a number");
}

PYT__API pyt_status pyt_scheduler_enterabs(pyt_scheduler *scheduler, double time, int priority,
                                           void (*action)(void *arg), void *arg,
                                           pyt_sched_event *event) {
    pyt_status status = pyt__check_time(time);
    if (status == PYT_OK) {
        status = pyt__scheduler_check(scheduler);
    }
    if (status != PYT_OK) {
        return status;
    }
    pyt_sched_event fresh = {0};
    fresh.time = time;
    fresh.priority = priority;
    fresh.action = action;
    fresh.arg = arg;
    return pyt__scheduler_enter(scheduler, &fresh, event);
}

/* The place in the heap of an event that is still there; 0: it is not. */
static uint32_t pyt__scheduler_find_locked(const pyt_scheduler *scheduler,
                                           const pyt_sched_event *event) {
    if (event->pyt__scheduler != scheduler->pyt__number ||
        event->pyt__slot >= scheduler->pyt__capacity) {
        return 0;
    }
    const pyt__slot *slot = &scheduler->pyt__slots[event->pyt__slot];
    return slot->place != 0 && slot->event.pyt__entry == event->pyt__entry ? slot->place : 0;
}

PYT__UNCHECKED PYT__API pyt_status pyt_scheduler_cancel(pyt_scheduler *scheduler,
                                                        const pyt_sched_event *event) {
    if (event == NULL) {
        return pyt__fail_null();
    }
    pyt_status status = pyt__scheduler_check(scheduler);
    if (status == PYT_OK) {
        status = pyt__lock_take_or_fail(&scheduler->pyt__lock);
    }
    if (status != PYT_OK) {
        return status;
    }
    pyt__parker *sleepers = NULL;
    uint32_t place = pyt__scheduler_find_locked(scheduler, event);
    if (place != 0) {
        pyt__scheduler_remove_locked(scheduler, place);
    }
    if (place == 1) {
        sleepers = pyt__scheduler_call_locked(scheduler);
    }
    pyt__scheduler_unlock(scheduler);
    pyt__unpark_list(sleepers);
    return place != 0 ? PYT_OK : pyt__fail(PYT_VALUE_ERROR, "event not in queue");
}

PYT__API bool pyt_scheduler_empty(const pyt_scheduler *scheduler) {
    return scheduler == NULL || pyt__scheduler_count(scheduler) == 0;
}

/* ---- queue: the first events, kept in the caller's list as a heap with the last as root ---- */

static void pyt__events_sift_down(pyt_sched_event *list, size_t count, pyt_sched_event event) {
    size_t place = 0;
    for (size_t below = 1; below < count; below = 2 * place + 1) {
        if (below + 1 < count && pyt__event_before(&list[below], &list[below + 1])) {
            below++;
        }
        if (!pyt__event_before(&event, &list[below])) {
            break;
        }
        list[place] = list[below];
        place = below;
    }
    list[place] = event;
}

static void pyt__events_sift_up(pyt_sched_event *list, size_t place, pyt_sched_event event) {
    while (place > 0 && pyt__event_before(&list[(place - 1) / 2], &event)) {
        list[place] = list[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    list[place] = event;
}

static void pyt__events_sort(pyt_sched_event *list, size_t count) {
    while (count > 1) {
        pyt_sched_event event = list[--count];
        list[count] = list[0];
        pyt__events_sift_down(list, count, event);
    }
}

PYT__API size_t pyt_scheduler_queue(pyt_scheduler *scheduler, pyt_sched_event *list,
                                    size_t capacity) {
    if (scheduler == NULL || pyt__lock_take_or_fail(&scheduler->pyt__lock) != PYT_OK) {
        return 0;
    }
    size_t listed = 0;
    uint32_t count = pyt__scheduler_count(scheduler);
    for (uint32_t place = 1; list != NULL && capacity > 0 && place <= count; place++) {
        const pyt_sched_event *event = pyt__scheduler_at(scheduler, place);
        if (listed < capacity) {
            pyt__events_sift_up(list, listed++, *event);
        } else if (pyt__event_before(event, &list[0])) {
            pyt__events_sift_down(list, listed, *event);
        }
    }
    pyt__scheduler_unlock(scheduler);
    pyt__events_sort(list, listed);
    return count;
}

/* ---- run ---- */

/* Let time pass until the first event, which is `seconds` away, is due or another one is first.
 * The scheduler is locked, and unlocked here. */
static pyt_status pyt__scheduler_delay_locked(pyt_scheduler *scheduler, double seconds)
    PYT__RELEASE(scheduler->pyt__lock) {
    const pyt_scheduler_options *options = &scheduler->pyt__options;
    if (options->delayfunc != NULL) {
        pyt__scheduler_unlock(scheduler);
        options->delayfunc(options->arg, seconds);
        return PYT_OK;
    }
    /* Queued before the unlock: a change of the first event finds the sleeper. */
    pyt_status status = pyt__park_marked_unlocks(&scheduler->pyt__lock, &scheduler->pyt__sleepers,
                                                 pyt__deadline(seconds), true);
    return status == PYT_TIMEOUT ? PYT_OK : status;
}

/* Run what is due; then, if `waits`, let time pass once.
 * next_delay  receives the seconds to the next event, or -1 */
static pyt_status pyt__scheduler_step(pyt_scheduler *scheduler, bool waits, double *next_delay) {
    const pyt_scheduler_options *options = &scheduler->pyt__options;
    for (;;) {
        double now = pyt_scheduler_time(scheduler);
        pyt_status status = pyt__lock_take_or_fail(&scheduler->pyt__lock);
        if (status != PYT_OK) {
            return status;
        }
        *next_delay = -1;
        if (pyt__scheduler_count(scheduler) == 0) {
            pyt__scheduler_unlock(scheduler);
            return PYT_OK;
        }
        pyt_sched_event event = *pyt__scheduler_at(scheduler, 1);
        if (event.time > now) {
            *next_delay = event.time - now;
            if (waits) {
                return pyt__scheduler_delay_locked(scheduler, event.time - now);
            }
            pyt__scheduler_unlock(scheduler);
            return PYT_OK;
        }
        /* Out of the heap before the lock is released: of several runs one calls it, and a cancel
         * from here on is refused. */
        pyt__scheduler_remove_locked(scheduler, 1);
        pyt__scheduler_unlock(scheduler);
        event.action(event.arg);
        if (options->delayfunc != NULL) {
            options->delayfunc(options->arg, 0);
        }
    }
}

PYT__API pyt_status pyt_scheduler_run(pyt_scheduler *scheduler) {
    pyt_status status = pyt__scheduler_check(scheduler);
    double next_delay = 0;
    while (status == PYT_OK && next_delay >= 0) {
        status = pyt__scheduler_step(scheduler, true, &next_delay);
    }
    return status;
}

PYT__API pyt_status pyt_scheduler_run_nowait(pyt_scheduler *scheduler, double *next_delay) {
    pyt_status status = pyt__scheduler_check(scheduler);
    double delay = -1;
    if (status == PYT_OK) {
        status = pyt__scheduler_step(scheduler, false, &delay);
    }
    if (status == PYT_OK && next_delay != NULL) {
        *next_delay = delay;
    }
    return status;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>future                                           concurrent.futures.Future, wait, as_completed
 *
 *  A future is 64 bytes. Its word holds the phase, three flags and, above them, the references:
 *
 *      PENDING    not begun                     cancel -> CANCELLED, start -> RUNNING
 *      RUNNING    a thread works on it          -> FINISHED or FAILED
 *      CANCELLED  done; it will not be begun    start -> NOTIFIED
 *      NOTIFIED   done; the thread that would have worked on it knows that it need not
 *      FINISHED   done; there is a value
 *      FAILED     done; there is a failure
 *
 *  CLAIMED is set, for good, by the one thread that may write the outcome of a future that was
 *  made by hand: set_result and set_exception compete for it, and cancel loses against it. Two bits
 *  beside it say after how many forks that was: fork's child, which does not have that thread,
 *  takes the claim for void, and the future can be completed there. OWNED says that an executor
 *  made the future: its worker alone completes it, and needs no claim.
 *
 *  WATCHED says that a thread may be parked on the future's address, or that `observers` may not
 *  be empty. It is set under the bucket lock of the address, while the future is not done, and
 *  cleared by the step that makes it done. While it is clear that step is one compare-and-swap,
 *  which can give back a reference as well; while it is set the step is made under the bucket
 *  lock, together with taking out all waiters. Set without need it costs a slow step; clear with a
 *  thread waiting it would be a lost wake-up.
 *
 *  EAGER says that the oldest observer is a pool's callback, which came with the future: the
 *  thread that is about to complete it calls that one before the step.
 *
 *  An observer is a done callback, or one place of a watcher: of a thread in pyt_wait, or of an
 *  as_completed. The completing thread counts a watcher's places while it holds the bucket lock,
 *  under which the watcher also leaves; so the watcher cannot go away under it. Observers are in
 *  a list with one link, each change of which is one store: fork may cut in anywhere.
 *
 *  A watcher sleeps without a queue. Its state says whether it has to be woken:
 *
 *      AWAKE   its thread runs
 *      ASLEEP  set by its thread before it sleeps; the thread that swaps CALLED in owes one
 *              pyt__unpark
 *      CALLED  there is something to look at
 *
 *      watcher                                     the thread that completes the future
 *      1 bucket locked: WATCHED, enters `observers`;
 *        a future that is done already is counted
 *      2 not satisfied: AWAKE -> ASLEEP, sleeps
 *                                                  a bucket locked: the phase is done, WATCHED
 *                                                    clear, takes `observers` out
 *                                                  b adds the place to `ready`, counts it
 *                                                  c swaps CALLED in; finds ASLEEP: it will wake
 *      3 its time is up: swaps AWAKE in, finds
 *        CALLED: waits for that wake-up
 *                                                  d unlocks the bucket, wakes it
 *      4 leaves each future under its bucket
 *        lock: after d, so `watcher` is not used
 *        any more
 *
 *  With a before 1 the future is counted there. With c before 2 the step to ASLEEP fails on CALLED,
 *  and 2 looks again. With 3 before c it finds ASLEEP, which is PYT_TIMEOUT; c finds AWAKE then and
 *  wakes no thread, and what it counted is looked at once more after 4.
 *
 *  Memory. The step to a done phase is a release, each look at the phase an acquire.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* The outcome of something that another thread does, or will do: a counted handle. */
typedef struct pyt_future pyt_future;

/* What went wrong with a task. */
typedef struct pyt_exception {
    pyt_status status;   /* PYT_OK: nothing; PYT_TASK_ERROR: pyt_raise or set_exception did it */
    int code;            /* as given there */
    const char *message; /* valid as long as the future; "" when there is none */
} pyt_exception;

/* Make a future that is completed by hand, with pyt_future_set_result or _set_exception. Those
 * of an executor come from pyt_executor_submit.
 *
 * future   receives it, with a reference that is the caller's: pyt_future_unref it
 * Returns  PYT_OK; PYT_VALUE_ERROR: `future` is NULL; PYT_MEMORY_ERROR, and *future is NULL
 * Thread   any
 * Python   Future()
 */
PYT__API pyt_status pyt_future_new(pyt_future **future);

/* Take one more reference. Returns `future`. NULL: nothing happens. */
PYT__API pyt_future *pyt_future_ref(pyt_future *future);

/* Give a reference back. A task whose future is dropped runs all the same. NULL: nothing. */
PYT__API void pyt_future_unref(pyt_future *future);

/* Keep a future from being worked on. Its callbacks run, and its waiters are woken.
 *
 * Returns  PYT_OK            it is cancelled, perhaps it was before
 *          PYT_INVALID_STATE it runs or has finished
 *          PYT_VALUE_ERROR   `future` is NULL
 * Thread   any; callbacks run in it, with no lock held
 * Python   Future.cancel(), which answers True or False
 */
PYT__API pyt_status pyt_future_cancel(pyt_future *future);

/* Ask whether it was cancelled; is worked on just now; is cancelled or has finished. NULL: false.
 * Python   Future.cancelled(), running(), done() */
PYT__API bool pyt_future_cancelled(const pyt_future *future);
PYT__API bool pyt_future_running(const pyt_future *future);
PYT__API bool pyt_future_done(const pyt_future *future);

/* Wait until the future is done, and give its value.
 *
 * result   receives the value; may be NULL. What it points to belongs to whom the function that
 *          returned it says: the future never frees it
 * Returns  as every wait (see pyt_status), and
 *          PYT_CANCELLED       it was cancelled
 *          PYT_TASK_ERROR      the task ended by pyt_raise; pyt_error_message gives the message
 *          PYT_BROKEN_EXECUTOR its executor broke before the task could start
 *          PYT_RUNTIME_ERROR   called by a task, and the wait could never end: every worker of its
 *                              executor waits like this for one of the executor's own futures that
 *                              is not done. One of those whose future has not begun is told: it
 *                              can cancel it and do the work itself. The same where tasks wait for
 *                              each other in a circle. pyt_wait for all of several is watched like
 *                              this too; for the first of them, pyt_as_completed_next and a pool's
 *                              iterator are not. A cancel from outside is not counted on
 * Thread   any
 * Python   Future.result()
 */
PYT__API pyt_status pyt_future_result(pyt_future *future, void **result);

/* As pyt_future_result, as long as `seconds`.
 *
 * seconds  0 and below look once
 * Returns  as pyt_future_result without PYT_RUNTIME_ERROR, since this wait does end
 * Python   Future.result(timeout)
 */
PYT__API pyt_status pyt_future_result_timeout(pyt_future *future, double seconds, void **result);

/* Wait until the future is done, and tell what went wrong with it.
 *
 * exception  receives it; its status is PYT_OK when there is a value; may be NULL
 * Returns    PYT_OK when the future has finished, well or not; else as pyt_future_result
 * Thread     any
 * Python     Future.exception(), Future.exception(timeout)
 */
PYT__API pyt_status pyt_future_exception(pyt_future *future, pyt_exception *exception);
PYT__API pyt_status pyt_future_exception_timeout(pyt_future *future, double seconds,
                                                 pyt_exception *exception);

/* Have `callback(future, arg)` called when the future is done; at once if it is. Callbacks are
 * called in the order in which they were added, but one that is added at the moment of completion
 * may come before older ones that are still to be called. What one raises goes to the excepthook,
 * and the others are called all the same. Where callbacks complete futures whose callbacks complete
 * futures, those nested deeper than 32 are called when the outermost has returned.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `future` or `callback` is NULL; PYT_MEMORY_ERROR: nothing
 *          was added
 * Thread   any; callbacks run in the thread that completes or cancels the future, with no lock
 *          held, or in the calling thread when the future is done
 * Python   Future.add_done_callback(fn)
 */
PYT__API pyt_status pyt_future_add_done_callback(pyt_future *future,
                                                 void (*callback)(pyt_future *future, void *arg),
                                                 void *arg);

/* Say that work on a future that was made by hand begins: it cannot be cancelled any more.
 *
 * Returns  PYT_OK            it runs
 *          PYT_CANCELLED     it was cancelled: do not work on it
 *          PYT_RUNTIME_ERROR it runs already, was told of its cancellation, has finished, or
 *                            belongs to an executor
 *          PYT_VALUE_ERROR   `future` is NULL
 * Thread   any
 * Python   Future.set_running_or_notify_cancel(), which answers True or False
 */
PYT__API pyt_status pyt_future_set_running_or_notify_cancel(pyt_future *future);

/* Complete a future that was made by hand, with a value, or with a failure that its result()
 * reports as PYT_TASK_ERROR.
 *
 * message  copied; NULL is taken for ""
 * Returns  PYT_OK
 *          PYT_INVALID_STATE it has finished, was cancelled, or belongs to an executor
 *          PYT_VALUE_ERROR   `future` is NULL
 *          PYT_MEMORY_ERROR  no memory for the message; nothing is changed
 * Thread   any; callbacks run in it, with no lock held
 * Python   Future.set_result(result), Future.set_exception(exception)
 */
PYT__API pyt_status pyt_future_set_result(pyt_future *future, void *result);
PYT__API pyt_status pyt_future_set_exception(pyt_future *future, int code, const char *message);

/* When pyt_wait has waited long enough. */
typedef enum pyt_return_when {
    PYT_ALL_COMPLETED,
    PYT_FIRST_COMPLETED, /* one is done, by a value, a failure or cancellation */
    PYT_FIRST_EXCEPTION  /* one has failed, which a cancelled one has not; or all are done */
} pyt_return_when;

/* Wait for several futures. One that is given twice counts once; with none, nothing is waited for.
 *
 * done     receives for each place whether that future is done; may be NULL
 * n_done   receives how many different futures are; may be NULL
 * Returns  as every wait (see pyt_status), and
 *          PYT_OK            what `return_when` asks for has come
 *          PYT_VALUE_ERROR   also when one of them is NULL, or `return_when` is none of the three
 *          PYT_RUNTIME_ERROR called by a task, for all of them, and as pyt_future_result
 *          PYT_MEMORY_ERROR  no memory to wait with, which is needed each time
 * Thread   any
 * Python   wait(fs, return_when=)
 */
PYT__API pyt_status pyt_wait(pyt_future *const *futures, size_t n, pyt_return_when return_when,
                             bool *done, size_t *n_done);

/* As pyt_wait, as long as `seconds`.
 *
 * seconds  0 and below look once
 * Returns  as pyt_wait without PYT_RUNTIME_ERROR; PYT_TIMEOUT: `done` and `n_done` are filled in as
 *          well
 * Python   wait(fs, timeout, return_when), which does not tell that the time was up
 */
PYT__MUST_USE PYT__API pyt_status pyt_wait_timeout(pyt_future *const *futures, size_t n,
                                                   double seconds, pyt_return_when return_when,
                                                   bool *done, size_t *n_done);

/* An iteration over futures as they complete. It holds a reference to each. */
typedef struct pyt_as_completed {
    struct pyt__watcher *pyt__watcher;
} pyt_as_completed;

/* Begin to iterate: over those that are done, in the order given, then over the others in the
 * order in which they complete. Each comes once, however often it is given.
 *
 * seconds  from now on, for the whole iteration; 0 and below: only those that are done
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR    an argument, or one of the futures, is NULL, or `seconds` is not a
 *                             number
 *          PYT_OVERFLOW_ERROR `seconds` is above PYT_TIMEOUT_MAX
 *          PYT_MEMORY_ERROR   nothing was begun
 * Thread   any; one thread at a time uses it
 * Python   as_completed(fs), as_completed(fs, timeout), whose time begins with the first next
 */
PYT__MUST_USE PYT__API pyt_status pyt_as_completed_init(pyt_as_completed *iterator,
                                                        pyt_future *const *futures, size_t n);
PYT__MUST_USE PYT__API pyt_status pyt_as_completed_init_timeout(pyt_as_completed *iterator,
                                                                pyt_future *const *futures,
                                                                size_t n, double seconds);

/* Give the next future that is done, waiting for it.
 *
 * future   receives it, borrowed: valid until pyt_as_completed_destroy; NULL when none comes
 * Returns  as every wait (see pyt_status), and after PYT_INTERRUPTED may be called again to go on
 *          PYT_QUEUE_EMPTY  each has been given
 *          PYT_TIMEOUT      none in time; pyt_error_message says how many are unfinished
 * Python   next(iterator)
 */
PYT__API pyt_status pyt_as_completed_next(pyt_as_completed *iterator, pyt_future **future);

/* Tell which of the futures pyt_as_completed_next gave last: which job it was.
 *
 * Returns  its place in the array given to init, the first one if it is there several times;
 *          SIZE_MAX before the first, or when `iterator` is NULL
 * Thread   the one that uses the iterator
 * Python   the usual dict from future to job
 */
PYT__API size_t pyt_as_completed_index(const pyt_as_completed *iterator);

/* End the iteration, wherever it is, and give its references back. NULL: nothing happens. */
PYT__API void pyt_as_completed_destroy(pyt_as_completed *iterator);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

enum {
    PYT__FUTURE_PENDING,
    PYT__FUTURE_RUNNING,
    PYT__FUTURE_CANCELLED, /* from here on: done */
    PYT__FUTURE_NOTIFIED,
    PYT__FUTURE_FINISHED,
    PYT__FUTURE_FAILED
};

#define PYT__FUTURE_PHASE UINT32_C(7)
#define PYT__FUTURE_WATCHED UINT32_C(0x8)
#define PYT__FUTURE_CLAIMED UINT32_C(0x10)
#define PYT__FUTURE_OWNED UINT32_C(0x20)
#define PYT__FUTURE_HELPER UINT32_C(0x40) /* works for a job of a pool; see there */
#define PYT__FUTURE_EAGER UINT32_C(0x80)  /* fixed */
#define PYT__FUTURE_CLAIM_SHIFT 6         /* instead of these two: CLAIMED after how many forks */
#define PYT__FUTURE_REF UINT32_C(0x100)   /* one reference */
/* Eight million references, half of what there is room for. A count that comes this far stays
 * there, and the future is never freed. The other half is for threads that count at the same
 * time. */
#define PYT__FUTURE_REFS_MAX UINT32_C(0x80000000)

/* What made a future and completes it, as this room sees it: part of an executor. */
typedef struct pyt__owner {
    void (*take_back)(pyt_future *future); /* nobody refers to it: its memory goes back */
    /* Wait for it, as pyt__future_park, unless that would never end. With PYT__AT_ONCE, without
     * threads: run what is queued, and do not wait. The calling thread is enrolled. */
    pyt_status (*wait)(pyt_future *future, int64_t deadline);
    void (*called_back)(void); /* its callbacks are about to be called */
} pyt__owner;

struct pyt_future {
    PYT__ATOMIC(uint32_t) word;
    int code;           /* FAILED; before the step to it */
    pyt_status failure; /* FAILED: what result() returns; before the step to it;
                                      EAGER: PYT_OK when it is going to be FINISHED */
    union {
        void *value;   /* FINISHED */
        char *message; /* FAILED; owned; NULL: the status's own sentence */
    } outcome;         /* before the step to it */
    PYT__ATOMIC(struct pyt__observer *) observers; /* newest first; under bucket lock. The future's
                                      own address: it was freed, see pyt__future_fail */
    pyt__owner *owner;                             /* NULL: made by hand; fixed */

    /* For executor. */
    void *(*function)(void *); /* the task; fixed while queued */
    void *arg;
    pyt_future *next; /* in a queue or a cache, under its lock */
};
PYT__STATIC_ASSERT(sizeof(pyt_future) <= 64, "a future is 64 bytes or less");

typedef struct pyt__observer {
    PYT__ATOMIC(struct pyt__observer *) next;     /* older; under bucket lock */
    void (*callback)(pyt_future *future, void *); /* NULL: this is a pyt__watch */
    void *arg;                                    /* the callback's, or the watcher */
    pyt_future *future;                           /* a watch's; what a thread calls back for */
} pyt__observer;

/* A watcher's place at one future. */
typedef struct pyt__watch {
    pyt__observer observer;        /* first, so that one can be taken for the other */
    size_t index;                  /* the first place of that future in the caller's array */
    struct pyt__watch *ready_next; /* in the watcher's stack, then its list */
} pyt__watch;

enum {
    PYT__WATCHER_AWAKE,
    PYT__WATCHER_ASLEEP,
    PYT__WATCHER_CALLED
};

/* In memory of its own, not on a stack: after a fork the stacks of other threads are gone, and
 * the futures in the child may still know the watcher. */
typedef struct pyt__watcher {
    PYT__ATOMIC(uint32_t) state;
    PYT__ATOMIC(uint32_t) pending;        /* futures that are not done */
    PYT__ATOMIC(pyt__watch *) ready;      /* those that are, newest first; all are taken at once */
    pyt__watch *first_ready, *last_ready; /* as_completed: not given yet, oldest first */
    pyt__parker *parker;                  /* of the thread that sleeps; before ASLEEP */
    uint32_t forks;                       /* in which process that was, or the making */
    pyt_return_when return_when;          /* fixed */
    int64_t deadline;                     /* as_completed; fixed */
    size_t n;                             /* different futures; fixed */
    size_t given, index;                  /* as_completed: how many, and which was the last */
    pyt__watch watches[];
} pyt__watcher;

static uint32_t pyt__future_phase(const pyt_future *future) {
    return PYT__LOAD(&future->word, acquire) & PYT__FUTURE_PHASE;
}

/* Is the calling thread a worker of the executor that made it? */
static bool pyt__future_is_own(const pyt_future *future) {
    return future->owner != NULL && future->owner == pyt__me.pyt__owner;
}

/* ---- references ---- */

/* Make a future as new, with `word` for its references and flags. Its owner stays. */
static void pyt__future_renew(pyt_future *future, uint32_t word) {
    future->outcome.value = NULL;
    PYT__STORE(&future->observers, NULL, relaxed);
    PYT__STORE(&future->word, word, relaxed);
}

PYT__API pyt_status pyt_future_new(pyt_future **future) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    *future = (pyt_future *)pyt__allocate_zeroed(sizeof **future);
    if (*future == NULL) {
        return pyt__fail_memory();
    }
    pyt__future_renew(*future, PYT__FUTURE_PENDING | PYT__FUTURE_REF);
    return PYT_OK;
}

/* Free what a future that nobody refers to has, but not the future. */
static void pyt__future_clear(pyt_future *future) {
    if (pyt__future_phase(future) == PYT__FUTURE_FAILED) {
        pyt__release_memory(future->outcome.message);
    }
    pyt__observer *observer = PYT__LOAD(&future->observers, relaxed);
    while (observer != NULL) { /* callbacks of a future that was never completed */
        pyt__observer *older = PYT__LOAD(&observer->next, relaxed);
        if (observer->callback != NULL) { /* not a place of a watcher that fork's child inherits */
            pyt__release_memory(observer);
        }
        observer = older;
    }
}

PYT__COLD static void pyt__future_free(pyt_future *future) {
    pyt__future_clear(future);
    PYT__STORE(&future->observers, (struct pyt__observer *)(void *)future, relaxed);
    pyt__release_memory(future);
}

static void pyt__future_end(pyt_future *future) {
    if (future->owner == NULL) {
        pyt__future_free(future);
    } else {
        future->owner->take_back(future);
    }
}

PYT__API pyt_future *pyt_future_ref(pyt_future *future) {
    if (future != NULL && PYT__LOAD(&future->word, relaxed) < PYT__FUTURE_REFS_MAX) {
        PYT__ADD(&future->word, PYT__FUTURE_REF, relaxed);
    }
    return future;
}

/* Give one reference back. Who sees that his is the only one is the last: nobody else can add
 * one. Returns true for the last: the future is the caller's to end. */
static bool pyt__future_release(pyt_future *future) {
    uint32_t word = PYT__LOAD(&future->word, acquire);
    return word < 2 * PYT__FUTURE_REF ||
           (word < PYT__FUTURE_REFS_MAX &&
            PYT__ADD(&future->word, 0 - PYT__FUTURE_REF, acq_rel) < 2 * PYT__FUTURE_REF);
}

PYT__API void pyt_future_unref(pyt_future *future) {
    if (future != NULL && pyt__future_release(future)) {
        pyt__future_end(future);
    }
}

/* ---- the step to a done phase ---- */

/* One of the futures of a watcher is done. Its bucket is locked.
 * Returns  the waiter to wake after that, or NULL */
static pyt__parker *pyt__watcher_count(pyt__watcher *watcher, pyt__watch *watch, bool failed) {
    pyt__watch *ready = PYT__LOAD(&watcher->ready, relaxed);
    do { /* once published, what it links to is the collector's */
        watch->ready_next = ready;
    } while (!PYT__CAS(&watcher->ready, &ready, watch, release));
    bool last = PYT__ADD(&watcher->pending, UINT32_MAX, acq_rel) == 1;
    if (!last && watcher->return_when != PYT_FIRST_COMPLETED &&
        !(failed && watcher->return_when == PYT_FIRST_EXCEPTION)) {
        return NULL;
    }
    bool asleep = PYT__SWAP(&watcher->state, PYT__WATCHER_CALLED, acq_rel) == PYT__WATCHER_ASLEEP;
    return asleep && watcher->forks == pyt__forks ? watcher->parker : NULL;
}

/* Tell the watchers among the observers of a future that is done. Its bucket is locked.
 * wakes    the parkers to be woken after that are put in front of this list
 * Returns  the callbacks, in the order in which they were added */
static pyt__observer *pyt__observers_tell(pyt__observer *newest, bool failed, pyt__parker **wakes) {
    pyt__observer *callbacks = NULL;
    while (newest != NULL) {
        pyt__observer *observer = newest;
        newest = PYT__LOAD(&observer->next, relaxed);
        if (observer->callback != NULL) {
            PYT__STORE(&observer->next, callbacks, relaxed);
            callbacks = observer;
            continue;
        }
        pyt__parker *parker =
            pyt__watcher_count((pyt__watcher *)observer->arg, (pyt__watch *)observer, failed);
        if (parker != NULL) {
            parker->next = *wakes;
            *wakes = parker;
        }
    }
    return callbacks;
}

struct pyt__callback_call {
    void (*callback)(pyt_future *future, void *);
    pyt_future *future;
    void *arg;
};

static void pyt__callback_body(void *arg) {
    struct pyt__callback_call *call = (struct pyt__callback_call *)arg;
    call->callback(call->future, call->arg);
}

/* Call one callback; what it raises is reported. */
static void pyt__future_call_back(pyt_future *future, void (*callback)(pyt_future *, void *),
                                  void *arg) {
    struct pyt__callback_call call = {callback, future, arg};
    struct pyt__frame frame;
    if (pyt__call(&frame, pyt__callback_body, &call) == PYT__RAISED) {
        pyt__report_owned(frame.code, frame.message);
    }
}

/* Call a pool's callback, if there is one, in the thread that is about to complete the future.
 *
 * failure  what result() will return */
static void pyt__future_call_early(pyt_future *future, pyt_status failure) {
    if (!(PYT__LOAD(&future->word, relaxed) & PYT__FUTURE_EAGER)) {
        return;
    }
    pyt__bucket *bucket = pyt__bucket_lock(future);
    PYT__ATOMIC(pyt__observer *) *link = &future->observers;
    pyt__observer *oldest = PYT__LOAD(link, relaxed);
    while (PYT__LOAD(&oldest->next, relaxed) != NULL) {
        link = &oldest->next;
        oldest = PYT__LOAD(link, relaxed);
    }
    PYT__STORE(link, NULL, relaxed);
    pyt__bucket_unlock(bucket);
    future->failure = failure;
    oldest->future = future;
    PYT__STORE(&oldest->next, pyt__me.pyt__early, relaxed);
    pyt__me.pyt__early = oldest;
    pyt__future_call_back(future, oldest->callback, oldest->arg);
    pyt__me.pyt__early = PYT__LOAD(&oldest->next, relaxed);
    pyt__release_memory(oldest);
}

/* ---- callbacks of a future that is done ----
 *
 * A thread has one list of the callbacks that it is to call, or is in. Those of one future are next
 * to each other in their order, and the last of them owns a reference to it. What is called now is
 * in front; it stays there, marked by having no function any more, until it has returned. So
 * pyt__futures_cut_off finds what a thread that ends in a callback leaves.
 *
 * A callback may complete the next future, whose callback completes the next. So that a long chain
 * does not use up the stack, callbacks that would be nested deeper than PYT__NESTING_MAX go to the
 * end of the list. The outermost call works them off. */

/* Recursion as it occurs in programs is not deeper; a level takes half a kilobyte of the stack. */
#define PYT__NESTING_MAX 32

/* Put callbacks of a future into the thread's list. */
static void pyt__callbacks_add(pyt_future *future, pyt__observer *observers, bool in_front) {
    pyt__observer *first = pyt__me.pyt__callbacks;
    pyt__observer *last = observers;
    last->future = pyt_future_ref(future);
    for (; PYT__LOAD(&last->next, relaxed) != NULL; last->future = future) {
        last = PYT__LOAD(&last->next, relaxed);
    }
    if (in_front && first != NULL) {
        PYT__STORE(&last->next, first, relaxed);
        pyt__me.pyt__callbacks = observers;
        return;
    }
    if (first == NULL) {
        pyt__me.pyt__callbacks = observers;
    } else {
        PYT__STORE(&pyt__me.pyt__callbacks_last->next, observers, relaxed);
    }
    pyt__me.pyt__callbacks_last = last;
}

/* Call what is in front of the thread's list, also what is added there meanwhile.
 * future  as far as it is this one's; NULL: all that there is */
static void pyt__callbacks_work_off(const pyt_future *future) {
    pyt__observer *observer = pyt__me.pyt__callbacks;
    while (observer != NULL && (future == NULL || observer->future == future)) {
        pyt_future *done = observer->future;
        void (*callback)(pyt_future *, void *) = observer->callback;
        observer->callback = NULL;
        if (callback != NULL) {
            pyt__future_call_back(done, callback, observer->arg);
        }
        pyt__observer *next = PYT__LOAD(&observer->next, relaxed);
        pyt__me.pyt__callbacks = next;
        pyt__release_memory(observer);
        if (next == NULL || next->future != done) {
            pyt_future_unref(done);
        }
        observer = next;
    }
}

/* Call the callbacks of a future that is done, oldest first, or defer them. */
static void pyt__callbacks_call(pyt_future *future, pyt__observer *observers) {
    bool now = pyt__me.pyt__nesting < PYT__NESTING_MAX;
    pyt__callbacks_add(future, observers, now);
    if (now) {
        pyt__me.pyt__nesting++;
        pyt__callbacks_work_off(pyt__me.pyt__nesting == 1 ? NULL : future);
        pyt__me.pyt__nesting--;
    }
}

/* Make a WATCHED future done: under the bucket lock, with all that follows from it.
 * Returns  false when it has left `from` */
PYT__COLD static bool pyt__future_settle_watched(pyt_future *future, uint32_t from, uint32_t to) {
    /* Acquire: with WATCHED comes the table of buckets (pyt__future_watch_locked); the caller saw
     * it relaxed. */
    (void)PYT__LOAD(&future->word, acquire);
    pyt__bucket *bucket = pyt__bucket_lock(future);
    /* a: the references change at any time, the phase does so here alone while WATCHED is set. */
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    bool settled = false;
    while (!settled && (word & (PYT__FUTURE_PHASE | PYT__FUTURE_CLAIMED)) == from) {
        uint32_t kept = word & ~(PYT__FUTURE_PHASE | PYT__FUTURE_WATCHED);
        settled = PYT__CAS(&future->word, &word, kept | to, acq_rel);
    }
    if (!settled) {
        pyt__bucket_unlock(bucket);
        return false;
    }
    /* No observer comes after that: pyt__future_observe finds the future done. */
    pyt__observer *observers = PYT__LOAD(&future->observers, relaxed);
    PYT__STORE(&future->observers, NULL, relaxed);
    pyt__parker *wakes = pyt__waitq_take_all(bucket, future, PYT__HANDED);
    observers = pyt__observers_tell(observers, to == PYT__FUTURE_FAILED, &wakes); /* b, c */
    pyt__bucket_unlock(bucket);
    pyt__unpark_list(wakes); /* d */
    if (observers != NULL) {
        if (future->owner != NULL) {
            future->owner->called_back();
        }
        pyt__callbacks_call(future, observers);
    }
    return true;
}

/* Make a future done. The caller has a reference.
 * from     its phase, with CLAIMED when that is so; PENDING is left by one of many, the others by
 *          the one thread that may
 * Returns  false when it has left `from` */
static bool pyt__future_settle(pyt_future *future, uint32_t from, uint32_t to) {
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    while (!(word & PYT__FUTURE_WATCHED)) {
        if ((word & (PYT__FUTURE_PHASE | PYT__FUTURE_CLAIMED)) != from) {
            return false;
        }
        PYT__STEP();
        if (PYT__CAS(&future->word, &word, (word & ~PYT__FUTURE_PHASE) | to, acq_rel)) {
            return true;
        }
    }
    return pyt__future_settle_watched(future, from, to);
}

/* Make a RUNNING future of an executor done and give the executor's reference back.
 * Returns  true when that was the last: the future is the caller's to end */
static bool pyt__future_finish(pyt_future *future, uint32_t to) {
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    while (!(word & PYT__FUTURE_WATCHED)) {
        uint32_t next = (word & ~PYT__FUTURE_PHASE) | to;
        next -= next < PYT__FUTURE_REFS_MAX ? PYT__FUTURE_REF : 0;
        PYT__STEP();
        if (PYT__CAS(&future->word, &word, next, acq_rel)) {
            return next < PYT__FUTURE_REF;
        }
    }
    pyt__future_settle_watched(future, PYT__FUTURE_RUNNING, to);
    return pyt__future_release(future);
}

/* A RUNNING future fails, since the thread that was to complete it has left, or is in exit. */
static void pyt__future_lose(pyt_future *future) {
    if (pyt__future_phase(future) == PYT__FUTURE_RUNNING) {
        future->outcome.message = pyt__copy_text("the thread that ran the task has ended");
        future->code = 0;
        future->failure = PYT_BROKEN_EXECUTOR;
        pyt__future_settle(future, PYT__FUTURE_RUNNING, PYT__FUTURE_FAILED);
    }
}

/* The calling thread will not come back from the callbacks that it is in, nor from an excepthook
 * that one of them has led to.
 *
 *    1  of a pool's, which come before their futures are done: the futures fail
 *    2  those behind them in the thread's list are called
 *
 * gone  its stack is gone, too: nothing is left that could still use the message of a failure */
static void pyt__futures_cut_off(bool gone) {
    if (gone) {
        pyt__release_memory(pyt__me.pyt__reported);
        pyt__me.pyt__reported = NULL;
    }
    pyt__me.pyt__nesting = 1;
    while (pyt__me.pyt__early != NULL) {
        pyt__observer *observer = pyt__me.pyt__early;
        pyt_future *future = observer->future;
        pyt__me.pyt__early = PYT__LOAD(&observer->next, relaxed);
        pyt__release_memory(observer);
        if (gone && future->failure != PYT_OK) {
            pyt__release_memory(future->outcome.message);
        }
        pyt__future_lose(future);
    }
    pyt__callbacks_work_off(NULL);
    pyt__me.pyt__nesting = 0;
}

static uint32_t pyt__future_claim_mark(void) {
    return (pyt__forks & 3) << PYT__FUTURE_CLAIM_SHIFT;
}

/* Has a thread of this process the claim? One that was made four forks away passes for such. */
static bool pyt__future_is_claimed(uint32_t word) {
    uint32_t mark = UINT32_C(3) << PYT__FUTURE_CLAIM_SHIFT;
    return (word & PYT__FUTURE_CLAIMED) && (word & mark) == pyt__future_claim_mark();
}

/* Refuse a call for the state of a future. Where one that was made by hand has been freed and its
 * memory is not in use again, the sentence is about that. Those of an executor go back to it with
 * no mark, since that would be paid for by each task. */
PYT__COLD static pyt_status pyt__future_fail(const pyt_future *future, pyt_status status,
                                             const char *sentence) {
    bool freed = (const void *)PYT__LOAD(&future->observers, relaxed) == (const void *)future;
    return pyt__fail(status,
                     freed ? "the future's handle is not valid: it has been freed" : sentence);
}

PYT__API pyt_status pyt_future_cancel(pyt_future *future) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    while ((word & PYT__FUTURE_CLAIMED) && !pyt__future_is_claimed(word) &&
           !PYT__CAS(&future->word, &word, word & ~PYT__FUTURE_CLAIMED, relaxed)) {
    }
    if (pyt__future_settle(future, PYT__FUTURE_PENDING, PYT__FUTURE_CANCELLED) ||
        pyt_future_cancelled(future)) {
        return PYT_OK;
    }
    return pyt__future_fail(future, PYT_INVALID_STATE,
                            "a future that runs or has finished is not cancelled");
}

/* PENDING becomes RUNNING, CANCELLED becomes NOTIFIED. Returns the phase before. */
static uint32_t pyt__future_start(pyt_future *future) {
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    for (;;) {
        uint32_t phase = word & PYT__FUTURE_PHASE;
        if ((phase != PYT__FUTURE_PENDING && phase != PYT__FUTURE_CANCELLED) ||
            pyt__future_is_claimed(word) || PYT__CAS(&future->word, &word, word + 1, acq_rel)) {
            return pyt__future_is_claimed(word) ? (uint32_t)PYT__FUTURE_FINISHED : phase;
        }
    }
}
PYT__STATIC_ASSERT(PYT__FUTURE_RUNNING == PYT__FUTURE_PENDING + 1 &&
                       PYT__FUTURE_NOTIFIED == PYT__FUTURE_CANCELLED + 1,
                   "a future starts by adding one");

PYT__API pyt_status pyt_future_set_running_or_notify_cancel(pyt_future *future) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    if (PYT__LOAD(&future->word, relaxed) & PYT__FUTURE_OWNED) {
        return pyt__future_fail(future, PYT_RUNTIME_ERROR, "the future belongs to an executor");
    }
    switch (pyt__future_start(future)) {
    case PYT__FUTURE_PENDING:
        return PYT_OK;
    case PYT__FUTURE_CANCELLED:
        return PYT_CANCELLED;
    default:
        return pyt__future_fail(future, PYT_RUNTIME_ERROR, "future in unexpected state");
    }
}

/* Win the right to write the outcome of a future that was made by hand.
 * Returns  its phase, PENDING or RUNNING; any other: lost */
static uint32_t pyt__future_claim(pyt_future *future) {
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    uint32_t claim;
    do {
        if ((word & PYT__FUTURE_PHASE) > PYT__FUTURE_RUNNING || (word & PYT__FUTURE_OWNED) ||
            pyt__future_is_claimed(word)) {
            return PYT__FUTURE_FINISHED;
        }
        claim = word & ~(UINT32_C(3) << PYT__FUTURE_CLAIM_SHIFT);
        claim |= PYT__FUTURE_CLAIMED | pyt__future_claim_mark();
    } while (!PYT__CAS(&future->word, &word, claim, acq_rel));
    return word & PYT__FUTURE_PHASE;
}

static pyt_status pyt__future_fail_state(const pyt_future *future) {
    return pyt__future_fail(future, PYT_INVALID_STATE,
                            "the future has finished or belongs to an executor");
}

PYT__API pyt_status pyt_future_set_result(pyt_future *future, void *result) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    uint32_t phase = pyt__future_claim(future);
    if (phase == PYT__FUTURE_FINISHED) {
        return pyt__future_fail_state(future);
    }
    future->outcome.value = result;
    pyt__future_settle(future, phase | PYT__FUTURE_CLAIMED, PYT__FUTURE_FINISHED);
    return PYT_OK;
}

PYT__API pyt_status pyt_future_set_exception(pyt_future *future, int code, const char *message) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    char *copy = pyt__copy_text(message != NULL ? message : "");
    if (copy == NULL) {
        return pyt__fail_memory();
    }
    uint32_t phase = pyt__future_claim(future);
    if (phase == PYT__FUTURE_FINISHED) {
        pyt__release_memory(copy);
        return pyt__future_fail_state(future);
    }
    future->outcome.message = copy;
    future->code = code;
    future->failure = PYT_TASK_ERROR;
    pyt__future_settle(future, phase | PYT__FUTURE_CLAIMED, PYT__FUTURE_FAILED);
    return PYT_OK;
}

/* ---- looking and waiting ---- */

PYT__API bool pyt_future_cancelled(const pyt_future *future) {
    uint32_t phase = future != NULL ? pyt__future_phase(future) : (uint32_t)PYT__FUTURE_PENDING;
    return phase == PYT__FUTURE_CANCELLED || phase == PYT__FUTURE_NOTIFIED;
}

PYT__API bool pyt_future_running(const pyt_future *future) {
    return future != NULL && pyt__future_phase(future) == PYT__FUTURE_RUNNING;
}

PYT__API bool pyt_future_done(const pyt_future *future) {
    return future != NULL && pyt__future_phase(future) >= PYT__FUTURE_CANCELLED;
}

/* Set WATCHED unless the future is done. Its bucket is locked. Returns false when it is done. */
static bool pyt__future_watch_locked(pyt_future *future) {
    uint32_t word = PYT__LOAD(&future->word, acquire);
    while ((word & PYT__FUTURE_PHASE) < PYT__FUTURE_CANCELLED) {
        if ((word & PYT__FUTURE_WATCHED) ||
            PYT__CAS(&future->word, &word, word | PYT__FUTURE_WATCHED, acq_rel)) {
            return true;
        }
    }
    return false;
}

struct pyt__future_parking {
    pyt_future *future;
    const bool *refused; /* under the bucket lock: the wait is over before it begins; or NULL */
};

/* For pyt__park. */
static bool pyt__future_validate(void *object) {
    const struct pyt__future_parking *wait = (const struct pyt__future_parking *)object;
    return !(wait->refused != NULL && *wait->refused) && pyt__future_watch_locked(wait->future);
}

/* Sleep until the future is done. */
static pyt_status pyt__future_park(pyt_future *future, int64_t deadline, bool interruptible,
                                   const bool *refused) {
    struct pyt__future_parking wait = {future, refused};
    return pyt__park(future, pyt__future_validate, &wait, deadline, interruptible);
}

/* Wait until the future is done, whatever comes. The calling thread is enrolled. */
static void pyt__future_wait_out(pyt_future *future) {
    (void)pyt__future_park(future, PYT__FOREVER, false, NULL);
}

PYT__COLD static pyt_status pyt__future_wait_slow(pyt_future *future, int64_t deadline) {
    if (future == NULL) {
        return pyt__fail_null();
    }
    if (deadline == PYT__AT_ONCE) {
        return PYT_TIMEOUT;
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    return future->owner != NULL ? future->owner->wait(future, deadline)
                                 : pyt__future_park(future, deadline, true, NULL);
}

static pyt_status pyt__future_wait(pyt_future *future, int64_t deadline) {
    return pyt_future_done(future) ? PYT_OK : pyt__future_wait_slow(future, deadline);
}

static const char *pyt__future_message(const pyt_future *future) {
    if (future->outcome.message != NULL) {
        return future->outcome.message;
    }
    return future->failure == PYT_TASK_ERROR ? "" : pyt_strerror(future->failure);
}

static pyt_status pyt__future_result_until(pyt_future *future, int64_t deadline, void **result) {
    pyt_status status = pyt__future_wait(future, deadline);
    if (status != PYT_OK) {
        return status;
    }
    switch (pyt__future_phase(future)) {
    case PYT__FUTURE_FINISHED:
        if (result != NULL) {
            *result = future->outcome.value;
        }
        return PYT_OK;
    case PYT__FUTURE_FAILED:
        pyt__give_way_to_exit();
        return pyt__fail_copied(future->failure, pyt__future_message(future));
    default:
        return pyt__fail(PYT_CANCELLED, "the future was cancelled");
    }
}

PYT__API pyt_status pyt_future_result(pyt_future *future, void **result) {
    return pyt__future_result_until(future, PYT__FOREVER, result);
}

PYT__API pyt_status pyt_future_result_timeout(pyt_future *future, double seconds, void **result) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__future_result_until(future, deadline, result) : status;
}

static void pyt__future_describe(const pyt_future *future, pyt_exception *exception) {
    exception->status = future->failure;
    exception->code = future->code;
    exception->message = pyt__future_message(future);
}

static pyt_status pyt__future_exception_until(pyt_future *future, int64_t deadline,
                                              pyt_exception *exception) {
    pyt_status status = pyt__future_wait(future, deadline);
    if (status != PYT_OK) {
        return status;
    }
    uint32_t phase = pyt__future_phase(future);
    if (phase < PYT__FUTURE_FINISHED) {
        return pyt__fail(PYT_CANCELLED, "the future was cancelled");
    }
    if (exception != NULL) {
        exception->status = PYT_OK;
        exception->code = 0;
        exception->message = "";
        if (phase == PYT__FUTURE_FAILED) {
            pyt__give_way_to_exit();
            pyt__future_describe(future, exception);
        }
    }
    return PYT_OK;
}

PYT__API pyt_status pyt_future_exception(pyt_future *future, pyt_exception *exception) {
    return pyt__future_exception_until(future, PYT__FOREVER, exception);
}

PYT__API pyt_status pyt_future_exception_timeout(pyt_future *future, double seconds,
                                                 pyt_exception *exception) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__future_exception_until(future, deadline, exception) : status;
}

/* Add an observer unless the future is done. The calling thread is enrolled. */
static bool pyt__future_observe(pyt_future *future, pyt__observer *observer) {
    pyt__bucket *bucket = pyt__bucket_lock(future);
    bool added = pyt__future_watch_locked(future);
    if (added) {
        PYT__STORE(&observer->next, PYT__LOAD(&future->observers, relaxed), relaxed);
        PYT__STORE(&future->observers, observer, release);
    }
    pyt__bucket_unlock(bucket);
    return added;
}

PYT__API pyt_status pyt_future_add_done_callback(pyt_future *future,
                                                 void (*callback)(pyt_future *future, void *arg),
                                                 void *arg) {
    if (future == NULL || callback == NULL) {
        return pyt__fail_null();
    }
    if (!pyt_future_done(future)) {
        pyt__observer *observer =
            pyt__enroll() != NULL ? (pyt__observer *)pyt__allocate(sizeof *observer) : NULL;
        if (observer == NULL) {
            return pyt__fail_memory();
        }
        observer->callback = callback;
        observer->arg = arg;
        if (pyt__future_observe(future, observer)) {
            return PYT_OK;
        }
        pyt__release_memory(observer);
    }
    pyt__future_call_back(future, callback, arg);
    return PYT_OK;
}

/* ---- several at once ---- */

/* Where `future` is, or would be, in a table of watches of a size that is a power of two. */
static size_t pyt__watch_place(pyt__watch *const *table, size_t size, const pyt_future *future) {
    size_t place = (size_t)(pyt__hash(future) >> 32) & (size - 1);
    while (table[place] != NULL && table[place]->observer.future != future) {
        place = (place + 1) & (size - 1);
    }
    return place;
}

/* Give each different future of the list one place in the watcher. Needs memory for a moment. */
static bool pyt__watcher_fill(pyt__watcher *watcher, pyt_future *const *futures, size_t n) {
    size_t size = 2;
    while (size < 2 * n) {
        size *= 2;
    }
    pyt__watch **table = (pyt__watch **)pyt__allocate_zeroed(size * sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        size_t place = pyt__watch_place(table, size, futures[i]);
        if (table[place] == NULL) {
            pyt__watch *watch = &watcher->watches[watcher->n++];
            watch->observer.callback = NULL;
            watch->observer.arg = watcher;
            watch->observer.future = futures[i];
            watch->index = i;
            table[place] = watch;
        }
    }
    pyt__release_memory(table);
    return true;
}

/* A watcher with a place for each different future, or NULL: no memory. */
static pyt__watcher *pyt__watcher_make(pyt_future *const *futures, size_t n,
                                       pyt_return_when return_when) {
    pyt__watcher *watcher = NULL;
    if (n < UINT32_MAX && n < SIZE_MAX / 4 / sizeof watcher->watches[0] && pyt__enroll() != NULL) {
        watcher = (pyt__watcher *)pyt__allocate(sizeof *watcher + n * sizeof watcher->watches[0]);
    }
    if (watcher == NULL) {
        return NULL;
    }
    memset((void *)watcher, 0, sizeof *watcher);
    watcher->return_when = return_when;
    watcher->forks = pyt__forks;
    if (!pyt__watcher_fill(watcher, futures, n)) {
        pyt__release_memory(watcher);
        return NULL;
    }
    PYT__STORE(&watcher->pending, (uint32_t)watcher->n, relaxed);
    return watcher;
}

/* Begin to watch. Those that are done already are counted, in their order. */
static void pyt__watcher_enter(pyt__watcher *watcher) {
    for (size_t i = 0; i < watcher->n; i++) {
        pyt__watch *watch = &watcher->watches[i];
        if (!pyt__future_observe(watch->observer.future, &watch->observer)) {
            bool failed = pyt__future_phase(watch->observer.future) == PYT__FUTURE_FAILED;
            (void)pyt__watcher_count(watcher, watch, failed);
        }
    }
}

/* Take an observer out of a future's list, if it is there. */
static void pyt__future_unobserve(pyt_future *future, pyt__observer *observer) {
    pyt__bucket *bucket = pyt__bucket_lock(future);
    PYT__ATOMIC(pyt__observer *) *link = &future->observers;
    pyt__observer *here = PYT__LOAD(link, relaxed);
    while (here != NULL && here != observer) {
        link = &here->next;
        here = PYT__LOAD(link, relaxed);
    }
    if (here != NULL) {
        PYT__STORE(link, PYT__LOAD(&here->next, relaxed), release);
    }
    pyt__bucket_unlock(bucket);
}

/* Step 4. The thread that completed a future uses the watcher under its bucket lock alone. */
static void pyt__watcher_leave(pyt__watcher *watcher) {
    for (size_t i = 0; i < watcher->n; i++) {
        pyt__future_unobserve(watcher->watches[i].observer.future, &watcher->watches[i].observer);
    }
}

/* Sleep until called. */
static pyt_status pyt__watcher_sleep(pyt__watcher *watcher, int64_t deadline) {
    uint32_t state = PYT__WATCHER_AWAKE;
    pyt_status status = PYT_OK;
    watcher->parker = pyt__me.pyt__parker;
    watcher->forks = pyt__forks;
    for (size_t i = 0; !PYT__HAS_THREADS && i < watcher->n; i++) {
        pyt_future *future = watcher->watches[i].observer.future;
        if (future->owner != NULL) {
            (void)future->owner->wait(future, PYT__AT_ONCE);
        }
    }
    /* 2: fails when a future has become done since the last look. */
    if (PYT__CAS(&watcher->state, &state, PYT__WATCHER_ASLEEP, acq_rel)) {
        PYT__STEP();
        status = pyt__parker_park(watcher->parker, deadline, true);
    }
    state = PYT__SWAP(&watcher->state, PYT__WATCHER_AWAKE, acq_rel); /* 3 */
    if (status != PYT_OK && state == PYT__WATCHER_CALLED) {
        pyt__parker_await(watcher->parker, status);
        return PYT_OK;
    }
    return pyt__park_failed(status);
}

static bool pyt__futures_valid(pyt_future *const *futures, size_t n) {
    bool valid = futures != NULL || n == 0;
    for (size_t i = 0; valid && i < n; i++) {
        valid = futures[i] != NULL;
    }
    return valid;
}

/* Has come what a watcher in pyt_wait waits for? */
static bool pyt__watcher_satisfied(const pyt__watcher *watcher) {
    uint32_t pending = PYT__LOAD(&watcher->pending, acquire);
    if (pending == 0 || watcher->return_when == PYT_ALL_COMPLETED) {
        return pending == 0;
    }
    if (watcher->return_when == PYT_FIRST_COMPLETED) {
        return pending < watcher->n;
    }
    pyt__watch *watch = PYT__LOAD(&watcher->ready, acquire);
    while (watch != NULL && pyt__future_phase(watch->observer.future) != PYT__FUTURE_FAILED) {
        watch = watch->ready_next;
    }
    return watch != NULL;
}

/* Wait with a watcher until it is satisfied, or, if `status` is a failure, only count what is done.
 * Once this has returned, what is pending changes no more, and it agrees with the status. */
static pyt_status pyt__watcher_wait(pyt__watcher *watcher, int64_t deadline, pyt_status status) {
    pyt__watcher_enter(watcher);
    while (status == PYT_OK && !pyt__watcher_satisfied(watcher)) {
        status = deadline == PYT__AT_ONCE ? PYT_TIMEOUT : pyt__watcher_sleep(watcher, deadline);
    }
    pyt__watcher_leave(watcher);
    if (status == PYT_TIMEOUT && pyt__watcher_satisfied(watcher)) {
        status = PYT_OK;
    }
    return status;
}

/* A task that waits for all of several tasks of its own executor waits for one after the other, so
 * that it is told when that would never end. */
static pyt_status pyt__wait_for_own(pyt_future *const *futures, size_t n) {
    pyt_status status = PYT_OK;
    for (size_t i = 0; i < n && status == PYT_OK; i++) {
        if (pyt__future_is_own(futures[i])) {
            status = pyt__future_wait(futures[i], PYT__FOREVER);
        }
    }
    return status;
}

/* How many of a watcher's different futures are done. */
static size_t pyt__watcher_count_done(const pyt__watcher *watcher) {
    size_t count = 0;
    for (size_t i = 0; i < watcher->n; i++) {
        count += pyt_future_done(watcher->watches[i].observer.future);
    }
    return count;
}

static pyt_status pyt__wait_until(pyt_future *const *futures, size_t n, int64_t deadline,
                                  pyt_return_when return_when, bool *done, size_t *n_done) {
    if (!pyt__futures_valid(futures, n)) {
        return pyt__fail_null();
    }
    if ((unsigned)return_when > PYT_FIRST_EXCEPTION) {
        return pyt__fail(PYT_VALUE_ERROR, "invalid return condition");
    }
    pyt__watcher *watcher = pyt__watcher_make(futures, n, return_when);
    if (watcher == NULL) {
        return pyt__fail_memory();
    }
    pyt_status status = PYT_OK;
    if (return_when == PYT_ALL_COMPLETED && deadline == PYT__FOREVER) {
        status = pyt__wait_for_own(futures, n);
    }
    status = pyt__watcher_wait(watcher, deadline, status);
    size_t count = pyt__watcher_count_done(watcher);
    size_t before;
    do { /* one that completes in between must be in both answers, or in none */
        before = count;
        for (size_t i = 0; done != NULL && i < n; i++) {
            done[i] = pyt_future_done(futures[i]);
        }
        count = pyt__watcher_count_done(watcher);
    } while (count != before);
    if (status == PYT_TIMEOUT && count >= (return_when == PYT_FIRST_COMPLETED ? 1 : watcher->n)) {
        status = PYT_OK; /* the answers show what has completed since the time was up */
    }
    if (n_done != NULL) {
        *n_done = count;
    }
    pyt__release_memory(watcher);
    return status;
}

PYT__API pyt_status pyt_wait(pyt_future *const *futures, size_t n, pyt_return_when return_when,
                             bool *done, size_t *n_done) {
    return pyt__wait_until(futures, n, PYT__FOREVER, return_when, done, n_done);
}

PYT__API pyt_status pyt_wait_timeout(pyt_future *const *futures, size_t n, double seconds,
                                     pyt_return_when return_when, bool *done, size_t *n_done) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__wait_until(futures, n, deadline, return_when, done, n_done)
                            : status;
}

/* Move what is ready to the end of the list of what is to be given. */
static void pyt__watcher_collect(pyt__watcher *watcher) {
    pyt__watch *newest = PYT__LOAD(&watcher->ready, relaxed);
    while (newest != NULL && !PYT__CAS(&watcher->ready, &newest, NULL, acquire)) {
    }
    pyt__watch *last = newest;
    pyt__watch *oldest = NULL;
    while (newest != NULL) {
        pyt__watch *watch = newest;
        newest = watch->ready_next;
        watch->ready_next = oldest;
        watch->observer.arg = NULL; /* it has been told: see pyt__watcher_recount */
        oldest = watch;
    }
    if (oldest != NULL) {
        *(watcher->first_ready != NULL ? &watcher->last_ready->ready_next : &watcher->first_ready) =
            oldest;
        watcher->last_ready = last;
    }
}

/* Fork's child inherits the iterator. A thread that it does not have may have made a future done
 * without having told the watcher yet: this thread does that.
 *
 *    1  what was told before, and only that, has been collected: its `arg` is NULL
 *    2  under the bucket lock a future is not done, and its completer will tell; or it is done, and
 *       told unless its place is not among those that became ready since 1. A place that the other
 *       thread left in `observers` is told of by nobody: the future is done */
static void pyt__watcher_recount(pyt__watcher *watcher) {
    pyt__watcher_collect(watcher);
    for (size_t i = 0; i < watcher->n; i++) {
        pyt__watch *watch = &watcher->watches[i];
        if (watch->observer.arg == NULL) {
            continue;
        }
        pyt__bucket *bucket = pyt__bucket_lock(watch->observer.future);
        pyt__watch *ready = PYT__LOAD(&watcher->ready, acquire);
        while (ready != NULL && ready != watch) {
            ready = ready->ready_next;
        }
        if (ready == NULL && pyt_future_done(watch->observer.future)) {
            (void)pyt__watcher_count(watcher, watch, false);
        }
        pyt__bucket_unlock(bucket);
    }
    watcher->forks = pyt__forks; /* last: until then no thread is woken for it */
}

static pyt_status pyt__as_completed_begin(pyt_as_completed *iterator, pyt_future *const *futures,
                                          size_t n, int64_t deadline) {
    if (iterator == NULL) {
        return pyt__fail_null();
    }
    iterator->pyt__watcher = NULL;
    if (!pyt__futures_valid(futures, n)) {
        return pyt__fail_null();
    }
    pyt__watcher *watcher = pyt__watcher_make(futures, n, PYT_FIRST_COMPLETED);
    if (watcher == NULL) {
        return pyt__fail_memory();
    }
    watcher->deadline = deadline;
    watcher->index = SIZE_MAX;
    for (size_t i = 0; i < watcher->n; i++) {
        pyt_future_ref(watcher->watches[i].observer.future);
    }
    pyt__watcher_enter(watcher);
    iterator->pyt__watcher = watcher;
    return PYT_OK;
}

PYT__API pyt_status pyt_as_completed_init(pyt_as_completed *iterator, pyt_future *const *futures,
                                          size_t n) {
    return pyt__as_completed_begin(iterator, futures, n, PYT__FOREVER);
}

PYT__API pyt_status pyt_as_completed_init_timeout(pyt_as_completed *iterator,
                                                  pyt_future *const *futures, size_t n,
                                                  double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__as_completed_begin(iterator, futures, n, deadline) : status;
}

/* Say how many have not come in time. */
PYT__COLD static pyt_status pyt__as_completed_late(const pyt__watcher *watcher) {
    char text[80];
    (void)snprintf(text, sizeof text, "%llu (of %llu) futures unfinished",
                   (unsigned long long)(watcher->n - watcher->given),
                   (unsigned long long)watcher->n);
    return pyt__fail_copied(PYT_TIMEOUT, text);
}

PYT__API pyt_status pyt_as_completed_next(pyt_as_completed *iterator, pyt_future **future) {
    if (iterator == NULL || future == NULL) {
        return pyt__fail_null();
    }
    pyt__watcher *watcher = iterator->pyt__watcher;
    if (watcher == NULL) {
        return pyt__fail(PYT_VALUE_ERROR, "the iteration was never begun, or it was destroyed");
    }
    *future = NULL;
    if (watcher->given == watcher->n) {
        return pyt__fail(PYT_QUEUE_EMPTY, "no futures are left");
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    if (watcher->forks != pyt__forks) {
        pyt__watcher_recount(watcher);
    }
    pyt__watcher_collect(watcher);
    while (watcher->first_ready == NULL) {
        pyt_status status = watcher->deadline == PYT__AT_ONCE
                                ? PYT_TIMEOUT
                                : pyt__watcher_sleep(watcher, watcher->deadline);
        pyt__watcher_collect(watcher);
        if (status == PYT_TIMEOUT && watcher->first_ready == NULL) {
            return pyt__as_completed_late(watcher);
        }
        if (status != PYT_OK && status != PYT_TIMEOUT) {
            return status;
        }
    }
    *future = watcher->first_ready->observer.future;
    watcher->index = watcher->first_ready->index;
    watcher->first_ready = watcher->first_ready->ready_next;
    watcher->given++;
    return PYT_OK;
}

PYT__API size_t pyt_as_completed_index(const pyt_as_completed *iterator) {
    return iterator != NULL && iterator->pyt__watcher != NULL ? iterator->pyt__watcher->index
                                                              : SIZE_MAX;
}

PYT__API void pyt_as_completed_destroy(pyt_as_completed *iterator) {
    if (iterator == NULL || iterator->pyt__watcher == NULL) {
        return;
    }
    pyt__watcher *watcher = iterator->pyt__watcher;
    iterator->pyt__watcher = NULL;
    pyt__watcher_leave(watcher);
    for (size_t i = 0; i < watcher->n; i++) {
        pyt_future_unref(watcher->watches[i].observer.future);
    }
    pyt__release_memory(watcher);
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>executor                                            concurrent.futures.ThreadPoolExecutor
 *
 *  A task is its future: the executor's queue links futures, and one compare-and-swap on the
 *  future's word starts it, another ends it. The queue has two halves, each with a lock and cache
 *  lines of its own:
 *
 *      in   where submit appends, under in_lock
 *      out  where workers take, under out_lock; a worker that finds it empty takes over the whole
 *           of `in` in one step
 *
 *  So tasks start in the order in which they were submitted, and a stream of them costs the
 *  submitter two atomic operations each and the workers a visit to `in` now and then.
 *
 *  Idle workers. `calls` counts those that sleep on the executor's address; its top bit says that
 *  one is searching: looking at both halves for a short while before it sleeps too. A thread that
 *  appends to an empty `in` wakes a sleeper, unless a worker is searching, which will find the
 *  task. A worker that takes a task and leaves others behind does the same: so a queue is never
 *  left to workers that are busy while others sleep. A worker counts itself as a sleeper, under the
 *  bucket lock, before its last look at the queue, and the others look at the count after they have
 *  changed the queue (all of it seq_cst), so at least one of the two looks finds the other's step:
 *
 *      the worker, last look               submit
 *      lock the bucket
 *      calls++
 *      look at both halves                 append to `in`
 *      empty: enter the queue              look at calls: above 0
 *      unlock the bucket                   lock the bucket: the worker is in the queue
 *      sleep                               take it out, unlock, wake it
 *
 *  Had the worker looked after the append, it would have found the task and taken its count back;
 *  had submit looked before calls++, the worker's look would come after the append.
 *
 *  Threads on demand. While there are fewer workers than allowed (`growing`), submit works under
 *  both locks, where it knows how many tasks are queued and how many workers idle, and starts a
 *  worker when there are more of the former. `growing` is cleared under out_lock by the start of
 *  the last worker that is allowed, and set again, under both locks, when a worker leaves in the
 *  middle of a task; submit reads it without a lock. Workers never end for want of tasks.
 *
 *  Memory. Futures come from a cache under in_lock, which is bounded, and go back there when they
 *  are dropped; a worker keeps some and returns them together. The executor's own memory lives
 *  until its handle, its workers and all its futures are gone.
 *
 *  A wait that never ends. A worker that waits for a future of its own executor, without a limit,
 *  says so under out_lock and looks at the others. Nothing but a worker completes such a future,
 *  and that another thread might yet cancel it is not counted on; but while a shutdown is
 *  cancelling what was in the queue, no worker is refused.
 *  When every worker waits for one that is not done, and no worker can be added, none of them
 *  ever will be; so it is when the chain from a future to the worker that runs it to the future
 *  that one waits for returns to its beginning. One of the waiting workers is refused: one with
 *  a future that has not begun, so that it can be taken back, or else the last to begin its wait.
 *
 *  Locks are taken in the order pyt__executors_lock, out_lock, in_lock, then those of the thread
 *  room. No task, initializer or callback is called with one held.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* Threads that run tasks. */
typedef struct pyt_executor pyt_executor;

/* What a new executor is to be. Every member's zero is Python's default. */
typedef struct pyt_executor_options {
    int max_workers;                /* 0: the processors this process may use + 4, at most 32 */
    const char *thread_name_prefix; /* copied; workers are named prefix_0, prefix_1 ...;
                                       NULL or "": "ThreadPoolExecutor-N" */
    int (*initializer)(void *arg);  /* called first in each worker; not 0, raising, or pyt_exit: it
                                       failed, and the executor is broken; may be NULL */
    void *arg;                      /* given to the initializer */
} pyt_executor_options;

/* Make an executor. It has no threads before the first task.
 *
 * executor  receives it; pyt_executor_free it
 * options   may be NULL
 * Returns   PYT_OK
 *           PYT_VALUE_ERROR  `executor` is NULL, or max_workers is below 0
 *           PYT_MEMORY_ERROR no memory; *executor is NULL
 * Thread    any
 * Python    ThreadPoolExecutor(max_workers, thread_name_prefix, initializer, initargs)
 */
PYT__MUST_USE PYT__API pyt_status pyt_executor_new(pyt_executor **executor,
                                                   const pyt_executor_options *options);

/* Have `function(arg)` called in a worker. Tasks begin in the order in which they are submitted.
 * A worker that is idle takes it; when there is none, and fewer than max_workers, one is started.
 *
 * function  its return value is the future's result; pyt_raise in it is the future's failure;
 *           pyt_exit in it returns NULL. When it ends its thread by the system's means, or the
 *           process, the future fails with PYT_BROKEN_EXECUTOR, and another worker goes on
 * arg       must live until the task is over
 * future    receives the task's future, with a reference that is the caller's: pyt_future_unref
 *           it; NULL when it is not wanted
 * Returns   PYT_OK
 *           PYT_RUNTIME_ERROR   the executor is shut down, or the process is ending
 *           PYT_BROKEN_EXECUTOR an initializer has failed
 *           PYT_VALUE_ERROR     `executor` or `function` is NULL
 *           PYT_MEMORY_ERROR    no memory, or no thread to run anything; nothing was submitted
 * Thread    any, the executor's own workers included
 * Python    ThreadPoolExecutor.submit(fn, arg)
 */
PYT__API pyt_status pyt_executor_submit(pyt_executor *executor, void *(*function)(void *arg),
                                        void *arg, pyt_future **future);

/* Call `function` for each of `n` arguments, in the workers, and wait for the results.
 *
 * args     n pointers
 * results  receives what the function returned, in the order of `args`; may be NULL. When an item
 *          has failed, those before it are there, and the rest is not touched
 * failed   receives the place of the first item, in that order, that has no result; n when all
 *          have; may be NULL. What was not begun by then is cancelled, what runs goes on: the
 *          arguments must live until the executor is shut down
 * Returns  as every wait (see pyt_status), and
 *          PYT_OK            all results are there
 *          PYT_TASK_ERROR, PYT_BROKEN_EXECUTOR, PYT_CANCELLED
 *                            what happened to that item, as pyt_future_result says it
 *          PYT_RUNTIME_ERROR as pyt_executor_submit, or as pyt_future_result
 *          PYT_MEMORY_ERROR  no memory, or no thread to run anything
 * Thread   any
 * Python   list(ThreadPoolExecutor.map(fn, args))
 */
PYT__API pyt_status pyt_executor_map(pyt_executor *executor, void *(*function)(void *arg),
                                     void *const *args, size_t n, void **results, size_t *failed);

/* As pyt_executor_map, as long as `seconds`.
 *
 * seconds  for all of it; 0 and below look once
 * Returns  as pyt_executor_map; PYT_TIMEOUT: the item at *failed had no result when the time was up
 * Python   list(ThreadPoolExecutor.map(fn, args, timeout=seconds))
 */
PYT__API pyt_status pyt_executor_map_timeout(pyt_executor *executor, void *(*function)(void *arg),
                                             void *const *args, size_t n, double seconds,
                                             void **results, size_t *failed);

/* Take no more tasks. May be called again, also with other arguments.
 *
 * wait            return when all tasks are done and the worker threads have ended
 * cancel_futures  what has not begun is cancelled; else it will still run
 * Returns  as every wait (see pyt_status), and
 *          PYT_RUNTIME_ERROR called with `wait` by one of its own workers, which would wait for
 *                            itself; nothing is changed
 *          PYT_INTERRUPTED   it is shut down all the same
 * Thread   any; callbacks of cancelled futures run in it
 * Python   ThreadPoolExecutor.shutdown(wait, cancel_futures=)
 */
PYT__API pyt_status pyt_executor_shutdown(pyt_executor *executor, bool wait, bool cancel_futures);

/* Shut the executor down, wait until everything submitted is done, and let the handle go. Called
 * by one of its own workers it does not wait: the queue is still worked off, then the memory goes.
 * Futures stay valid. NULL: nothing happens.
 *
 * Thread   any, once; not interrupted by pyt_interrupt_main. Where it is the thread's first call,
 *          and there is no memory for it, nothing happens: call again
 * Python   the end of a with block over the executor
 */
PYT__API void pyt_executor_free(pyt_executor *executor);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

/* How many futures an executor keeps for later: enough for bursts of a thousand, at 80 bytes. */
#define PYT__FUTURES_KEPT 2048
#define PYT__FUTURES_SPARE 32 /* how many a worker collects before it returns them */

#define PYT__CALLS_SEARCHING UINT32_C(0x80000000)
#ifndef PYT__SEARCH_SPIN
#define PYT__SEARCH_SPIN 5000 /* nanoseconds; see the spin room */
#endif

enum {
    PYT__EXECUTOR_OPEN,
    PYT__EXECUTOR_SHUT,
    PYT__EXECUTOR_BROKEN
};

/* A list of futures by `next`, with its length where that is needed. */
typedef struct pyt__future_list {
    pyt_future *first, *last;
    size_t count;
} pyt__future_list;

typedef struct pyt__worker {
    struct pyt__worker *older;      /* fixed */
    pyt_executor *executor;         /* fixed */
    pyt_thread *thread;             /* fixed before it is in the list */
    PYT__ATOMIC(pyt_future *) task; /* what it runs; set under out_lock, cleared by the worker */
    pyt_future *waits_for;          /* without a limit; under out_lock */
    pyt__parker *parker;            /* with which it does; under out_lock */
    bool refused;                   /* and is not to; under that future's bucket lock */
    bool idle;                      /* counted as idle; under out_lock */
    bool gone;                      /* it has ended; under out_lock */
    bool begun;                     /* without threads: the initializer was called */
    int nesting;                    /* without threads: how often the executor is being served */
    bool initializing;              /* is in the initializer; the worker's */
    pyt__future_list spare;         /* dropped futures; the worker's */
    pyt__backoff backoff;           /* of its searches; the worker's */

    /* For pool. */
    uint32_t chunk; /* of a job, that it is at; the worker's */
} pyt__worker;

struct pyt_executor {
    pyt__owner owner; /* first, so that one can be taken for the other; fixed */
    pyt_lock in_lock;
    PYT__ATOMIC(uint32_t) state;         /* OPEN to SHUT or BROKEN; set under both locks */
    PYT__ATOMIC(uint32_t) growing;       /* fewer workers than allowed; set under out_lock */
    PYT__ATOMIC(uint32_t) calls;         /* sleepers, and whether one searches; see above */
    PYT__ATOMIC(pyt_future *) in_first;  /* set under in_lock */
    pyt_future *in_last;                 /* under in_lock; means nothing when `in` is empty */
    pyt__future_list kept;               /* futures for later; under in_lock */
    size_t lent;                         /* futures that are somewhere else; under in_lock */
    PYT__ATOMIC(uint32_t) lost;          /* of those, how many are gone and not yet counted */
    bool over;                           /* only futures keep it alive; under in_lock */
    char distance[64];                   /* what workers write starts a cache line later */
    pyt_lock out_lock;                   /* also guards what follows */
    PYT__ATOMIC(pyt_future *) out_first; /* set under out_lock */
    uint32_t queued, idle;               /* while growing: tasks in the queue, idle workers */
    pyt_future *dropped;                 /* were in the queue; `dropper` ends them one by one */
    pyt_future *dropping;                /* the one it is at, with a reference; or NULL */
    const pyt__self *dropper;            /* its thread; NULL: nothing is dropped */
    bool ended;                          /* SHUT by the end of the process, not by the program */
    uint32_t threads, max_threads, named;
    pyt__worker *workers;          /* all, youngest first; set under both locks */
    PYT__ATOMIC(uint32_t) refs;    /* the handle, the workers, a sender, a walker */
    pyt_executor *next, *previous; /* the list of executors; under its lock */
    int (*initializer)(void *);    /* fixed */
    void *arg;                     /* fixed */
    bool breaking;                 /* an initializer has failed */
    bool starved;                  /* the last start of a worker failed */
    char *broken_message;          /* owned; set once, before BROKEN, under the lock */

    /* For pool: what becomes of a helper. */
    void (*drop)(pyt_future *task, bool broken);       /* it will not run; fixed */
    void (*abandon)(void *arg);                        /* the same in fork's child; fixed */
    void (*cut_off)(pyt_future *task, uint32_t chunk); /* it will not go on; fixed */
    PYT__ATOMIC(bool) terminated;                      /* it is to stop */

    char prefix[]; /* of the workers' names; fixed */
};

static pyt_lock pyt__executors_lock;
static pyt_executor *pyt__executors; /* under the lock */
static bool pyt__executors_ending;   /* the process ends; under the lock */
static PYT__ATOMIC(uint32_t) pyt__executors_named;

/* ---- futures come and go ---- */

static void pyt__list_push(pyt__future_list *list, pyt_future *future) {
    future->next = list->first;
    if (list->first == NULL) {
        list->last = future;
    }
    list->first = future;
    list->count++;
}

/* Move a list to the front of another. */
static void pyt__list_move(pyt__future_list *to, pyt__future_list *from) {
    if (from->first != NULL) {
        from->last->next = to->first;
        if (to->first == NULL) {
            to->last = from->last;
        }
        to->first = from->first;
        to->count += from->count;
        from->first = from->last = NULL;
        from->count = 0;
    }
}

static pyt_future *pyt__list_pop(pyt__future_list *list) {
    pyt_future *future = list->first;
    list->first = future->next;
    list->count--;
    return future;
}

/* Is the future, which is in the cache, still noted as a worker's task? A worker makes its future
 * done first and takes the note away then. In between others may have dropped the future, and a
 * fork's child looks at what is noted: its memory stays a future's. Who dropped it has seen that it
 * is done, and therefore the note. in_lock is held. */
static bool pyt__executor_is_noted_locked(pyt_executor *executor, const pyt_future *future) {
    const pyt__worker *worker = executor->workers;
    while (worker != NULL && PYT__LOAD(&worker->task, relaxed) != future) {
        worker = worker->older;
    }
    return worker != NULL;
}

/* Take out of the cache what is too much, or, when the executor is over, everything. in_lock is
 * held. Returns a list to be freed. */
static pyt__future_list pyt__executor_trim_locked(pyt_executor *executor) {
    pyt__future_list surplus = {NULL, NULL, 0};
    size_t limit = executor->over ? 0 : PYT__FUTURES_KEPT;
    while (executor->kept.count > limit &&
           !pyt__executor_is_noted_locked(executor, executor->kept.first)) {
        pyt__list_push(&surplus, pyt__list_pop(&executor->kept));
    }
    return surplus;
}

/* After something has changed: let in_lock go, and free what is not needed. The executor itself
 * goes with the last of its futures. */
static void pyt__executor_close_in(pyt_executor *executor) PYT__RELEASE(executor->in_lock) {
    pyt__future_list surplus = {NULL, NULL, 0};
    if (executor->over || executor->kept.count > PYT__FUTURES_KEPT) {
        surplus = pyt__executor_trim_locked(executor);
        executor->lent -= PYT__SWAP(&executor->lost, 0, acquire);
    }
    bool last = executor->over && executor->lent == 0;
    pyt_lock_release(&executor->in_lock);
    while (surplus.count > 0) {
        pyt__release_memory(pyt__list_pop(&surplus));
    }
    if (last) {
        pyt__release_memory(executor->broken_message);
        pyt__release_memory(executor);
    }
}

/* Put dropped futures into the cache. A thread that would have to wait for in_lock and has no
 * memory to wait with frees them. */
PYT__UNCHECKED static void pyt__executor_keep(pyt_executor *executor, pyt__future_list *list) {
    if (!pyt__lock_grab(&executor->in_lock)) {
        if (pyt__enroll() == NULL) {
            size_t count = list->count;
            while (list->count > 0) {
                pyt__release_memory(pyt__list_pop(list));
            }
            PYT__ADD(&executor->lost, (uint32_t)count, release);
            return;
        }
        pyt__lock_take(&executor->in_lock);
    }
    executor->lent -= list->count;
    pyt__list_move(&executor->kept, list);
    pyt__executor_close_in(executor);
}

/* A worker drops futures into its own list first. */
static void pyt__executor_take_back(pyt_future *future) {
    pyt__worker *worker = pyt__me.pyt__worker;
    pyt_executor *executor = (pyt_executor *)future->owner;
    pyt__future_list single = {NULL, NULL, 0};
    bool ours = worker != NULL && worker->executor == executor;
    pyt__future_list *list = ours ? &worker->spare : &single;
    pyt__future_clear(future);
    pyt__list_push(list, future);
    if (!ours || list->count >= PYT__FUTURES_SPARE) {
        pyt__executor_keep(executor, list);
    }
}

/* ---- idle workers ---- */

/* Wake a sleeping worker; pairs with the last look of pyt__worker_validate. */
PYT__COLD static void pyt__executor_call_slow(pyt_executor *executor) {
    bool more = false;
    pyt__parker *parker = pyt__waitq_dequeue(&executor->calls, PYT__PLAIN, &more);
    if (parker != NULL) {
        PYT__ADD(&executor->calls, UINT32_MAX, seq_cst); /* too high until then costs a look */
        pyt__unpark(parker);
    }
}

/* There is work that perhaps no worker has seen: wake a sleeper, unless one searches. The queue was
 * changed before this load, both seq_cst: see pyt__worker_validate for the other half. */
static void pyt__executor_call(pyt_executor *executor) {
    uint32_t calls = PYT__LOAD(&executor->calls, seq_cst);
    if (calls != 0 && !(calls & PYT__CALLS_SEARCHING)) {
        pyt__executor_call_slow(executor);
    }
}

/* The executor's state has changed: wake all sleepers. */
static void pyt__executor_call_all(pyt_executor *executor) {
    if (PYT__LOAD(&executor->calls, seq_cst) == 0) {
        return;
    }
    pyt__parker *list = pyt__waitq_dequeue_all(&executor->calls, PYT__PLAIN);
    uint32_t count = 0;
    for (pyt__parker *parker = list; parker != NULL; parker = parker->next) {
        count++;
    }
    PYT__ADD(&executor->calls, 0 - count, seq_cst);
    pyt__unpark_list(list);
}

/* ---- the queue ---- */

/* Append to `in`, with in_lock held. Returns true when it was empty: call for a worker. */
static bool pyt__executor_append_locked(pyt_executor *executor, pyt_future *future) {
    future->next = NULL;
    bool first = PYT__LOAD(&executor->in_first, relaxed) == NULL;
    if (first) {
        executor->in_last = future;
        PYT__STORE(&executor->in_first, future, seq_cst);
    } else {
        executor->in_last->next = future;
        executor->in_last = future;
    }
    return first;
}

/* Take over the whole of `in`; what is spare goes the other way. out_lock is held. */
static pyt_future *pyt__executor_take_over_locked(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    if (PYT__LOAD(&executor->in_first, relaxed) == NULL) {
        return NULL;
    }
    pyt__lock_take(&executor->in_lock);
    pyt_future *first = PYT__LOAD(&executor->in_first, relaxed);
    PYT__STORE(&executor->in_first, NULL, relaxed);
    executor->lent -= worker->spare.count;
    pyt__list_move(&executor->kept, &worker->spare);
    pyt__executor_close_in(executor);
    PYT__STORE(&executor->out_first, first, seq_cst);
    return first;
}

/* Take the next task, or NULL. out_lock is held.
 * more     receives whether others are left */
static pyt_future *pyt__worker_take_locked(pyt__worker *worker, bool *more) {
    pyt_executor *executor = worker->executor;
    pyt_future *future = PYT__LOAD(&executor->out_first, relaxed);
    if (future == NULL) {
        future = pyt__executor_take_over_locked(worker);
    }
    if (future != NULL) {
        PYT__STORE(&executor->out_first, future->next, relaxed);
        PYT__STORE(&worker->task, future, relaxed); /* fork's child finds it here or there */
        *more = future->next != NULL || PYT__LOAD(&executor->in_first, relaxed) != NULL;
        executor->queued -= executor->queued > 0;
    }
    return future;
}

/* Take all tasks out of the queue. Both locks are held. */
static pyt_future *pyt__executor_empty_locked(pyt_executor *executor) {
    pyt_future *out = PYT__LOAD(&executor->out_first, relaxed);
    pyt_future *in = PYT__LOAD(&executor->in_first, relaxed);
    pyt_future *last = out;
    PYT__STORE(&executor->out_first, NULL, relaxed);
    PYT__STORE(&executor->in_first, NULL, relaxed);
    executor->queued = 0;
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    if (last == NULL) {
        return in;
    }
    last->next = in;
    return out;
}

/* ---- the life of an executor ---- */

static pyt_status pyt__executor_refuse(const pyt_executor *executor) {
    if (PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_BROKEN) {
        return pyt__fail(PYT_BROKEN_EXECUTOR, "a thread initializer failed, the executor is not "
                                              "usable anymore");
    }
    /* After the last reference the memory is there as long as futures are, or nobody reuses it. */
    bool freed = PYT__LOAD(&executor->refs, relaxed) == 0;
    return pyt__fail(PYT_RUNTIME_ERROR,
                     freed ? "the executor's handle is not valid: it has been freed"
                           : "cannot schedule new futures after shutdown");
}

/* Take a reference, unless the last is gone. */
static bool pyt__executor_try_ref(pyt_executor *executor) {
    uint32_t refs = PYT__LOAD(&executor->refs, relaxed);
    while (refs > 0) {
        if (PYT__CAS(&executor->refs, &refs, refs + 1, acq_rel)) {
            return true;
        }
    }
    return false;
}

/* No reference is left, nor can be taken: free everything but the futures that are lent. */
static void pyt__executor_destroy(pyt_executor *executor) {
    pyt__lock_take(&pyt__executors_lock);
    *(executor->previous != NULL ? &executor->previous->next : &pyt__executors) = executor->next;
    if (executor->next != NULL) {
        executor->next->previous = executor->previous;
    }
    pyt_lock_release(&pyt__executors_lock);
    pyt__lock_take(&executor->in_lock);
    pyt__worker *worker = executor->workers;
    executor->workers = NULL;
    executor->over = true;
    pyt__executor_close_in(executor);
    while (worker != NULL) {
        pyt__worker *older = worker->older;
        pyt_thread_unref(worker->thread);
        pyt__release_memory(worker);
        worker = older;
    }
}

/* The calling thread is enrolled. */
static void pyt__executor_unref(pyt_executor *executor) {
    if (PYT__ADD(&executor->refs, UINT32_MAX, acq_rel) == 1) {
        pyt__executor_destroy(executor);
    }
}

static uint32_t pyt__executor_default_workers(void) {
    unsigned processors = pyt__os_processors();
    return processors < 28 ? processors + 4 : 32;
}

/* The calls of its pyt__owner, with take_back. */
static pyt_status pyt__executor_wait(pyt_future *future, int64_t deadline);
static void pyt__worker_busy(void);

/* An executor with one reference, in the list. */
static pyt_executor *pyt__executor_make(uint32_t max_threads, const char *prefix,
                                        int (*initializer)(void *), void *arg) {
    size_t length = strlen(prefix);
    pyt_executor *executor = NULL;
    if (pyt__enroll() != NULL && length < SIZE_MAX / 2) {
        executor = (pyt_executor *)pyt__allocate_zeroed(sizeof *executor + length + 1);
    }
    if (executor == NULL) {
        return NULL;
    }
    executor->owner.take_back = pyt__executor_take_back;
    executor->owner.wait = pyt__executor_wait;
    executor->owner.called_back = pyt__worker_busy;
    memcpy(executor->prefix, prefix, length + 1);
    executor->max_threads = max_threads;
    executor->initializer = initializer;
    executor->arg = arg;
    PYT__STORE(&executor->growing, 1, relaxed);
    PYT__STORE(&executor->refs, 1, relaxed);
    pyt__lock_take(&pyt__executors_lock);
    uint32_t state = pyt__executors_ending ? PYT__EXECUTOR_SHUT : PYT__EXECUTOR_OPEN;
    PYT__STORE(&executor->state, state, relaxed);
    executor->ended = pyt__executors_ending;
    executor->next = pyt__executors;
    if (executor->next != NULL) {
        executor->next->previous = executor;
    }
    pyt__executors = executor;
    pyt_lock_release(&pyt__executors_lock);
    return executor;
}

PYT__API pyt_status pyt_executor_new(pyt_executor **executor, const pyt_executor_options *options) {
    static const pyt_executor_options defaults = {0, NULL, NULL, NULL};
    if (executor == NULL) {
        return pyt__fail_null();
    }
    *executor = NULL;
    if (options == NULL) {
        options = &defaults;
    }
    if (options->max_workers < 0) {
        return pyt__fail(PYT_VALUE_ERROR, "max_workers must be greater than 0");
    }
    uint32_t workers = (uint32_t)options->max_workers;
    char name[48];
    const char *prefix = options->thread_name_prefix;
    if (prefix == NULL || prefix[0] == '\0') {
        uint32_t number = PYT__ADD(&pyt__executors_named, 1, relaxed);
        (void)snprintf(name, sizeof name, "ThreadPoolExecutor-%lu", (unsigned long)number);
        prefix = name;
    }
    *executor = pyt__executor_make(workers > 0 ? workers : pyt__executor_default_workers(), prefix,
                                   options->initializer, options->arg);
    return *executor != NULL ? PYT_OK : pyt__fail_memory();
}

/* A task that will not run: cancelled, or failed with the executor. The queue's reference goes. */
static void pyt__executor_drop_task(pyt_executor *executor, pyt_future *future) {
    bool broken = PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_BROKEN;
    if (PYT__LOAD(&future->word, relaxed) & PYT__FUTURE_HELPER) {
        executor->drop(future, broken);
    }
    if (!broken) {
        pyt__future_settle(future, PYT__FUTURE_PENDING, PYT__FUTURE_CANCELLED);
    }
    if (pyt__future_start(future) == PYT__FUTURE_PENDING) {
        future->outcome.message =
            executor->broken_message != NULL ? pyt__copy_text(executor->broken_message) : NULL;
        future->code = 0;
        future->failure = PYT_BROKEN_EXECUTOR;
        pyt__future_call_early(future, PYT_BROKEN_EXECUTOR);
        if (pyt__future_finish(future, PYT__FUTURE_FAILED)) {
            pyt__future_end(future);
        }
    } else {
        pyt_future_unref(future);
    }
}

/* The next task to drop, or NULL, and then nothing is dropped any more. Until the call after, the
 * task has a reference beside the queue's, so that fork's child finds a future there. */
static pyt_future *pyt__executor_next_dropped(pyt_executor *executor) {
    pyt__lock_take(&executor->out_lock);
    pyt_future *before = executor->dropping;
    pyt_future *future = pyt_future_ref(executor->dropped);
    executor->dropping = future;
    if (future != NULL) {
        executor->dropped = future->next;
    } else {
        executor->dropper = NULL;
    }
    pyt_lock_release(&executor->out_lock);
    pyt_future_unref(before);
    return future;
}

/* Drop what is in `dropped`. The list is the executor's, not a variable here: fork's child, where
 * the thread that drops may not be, has to find it. */
static void pyt__executor_drop_all(pyt_executor *executor) {
    pyt_future *future = pyt__executor_next_dropped(executor);
    while (future != NULL) {
        PYT__STEP();
        pyt__executor_drop_task(executor, future);
        future = pyt__executor_next_dropped(executor);
    }
}

/* Take no more tasks; drop those in the queue if so wished. Callbacks run here. One thread at most
 * has something to drop: after the first there is nothing in the queue, and nothing comes. */
static void pyt__executor_close(pyt_executor *executor, uint32_t state, bool drop) {
    pyt__lock_take(&executor->out_lock);
    pyt__lock_take(&executor->in_lock);
    if (PYT__LOAD(&executor->state, relaxed) != PYT__EXECUTOR_BROKEN) {
        PYT__STORE(&executor->state, state, seq_cst);
    }
    executor->ended = false;
    pyt_future *dropped = drop ? pyt__executor_empty_locked(executor) : NULL;
    if (dropped != NULL) {
        executor->dropped = dropped;
        executor->dropper = &pyt__me;
    }
    pyt_lock_release(&executor->in_lock);
    pyt_lock_release(&executor->out_lock);
    PYT__STEP();
    pyt__executor_call_all(executor);
    if (dropped != NULL) {
        pyt__me.pyt__drops++;
        pyt__executor_drop_all(executor);
        pyt__me.pyt__drops--;
    }
}

/* The same at the end of the process; fork's child opens it again. */
static void pyt__executor_close_at_end(pyt_executor *executor) {
    pyt__lock_take(&executor->out_lock);
    pyt__lock_take(&executor->in_lock);
    if (PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_OPEN) {
        PYT__STORE(&executor->state, PYT__EXECUTOR_SHUT, seq_cst);
        executor->ended = true;
    }
    pyt_lock_release(&executor->in_lock);
    pyt_lock_release(&executor->out_lock);
    PYT__STEP();
    pyt__executor_call_all(executor);
}

/* Wait until the workers have ended, but for the calling thread. The executor takes no tasks. */
static pyt_status pyt__executor_join(pyt_executor *executor, bool interruptible) {
    pyt_status status = PYT_OK;
    pyt__lock_take(&executor->out_lock);
    pyt__worker *worker = executor->workers;
    pyt_lock_release(&executor->out_lock);
    while (worker != NULL && status == PYT_OK) {
        if (worker->thread != NULL && worker->thread != pyt__me.pyt__thread) {
            status = pyt__thread_join_until(worker->thread, PYT__FOREVER, interruptible);
        }
        worker = worker->older;
    }
    return status;
}

static bool pyt__executor_is_here(const pyt_executor *executor) {
    return pyt__me.pyt__worker != NULL && pyt__me.pyt__worker->executor == executor;
}

PYT__API pyt_status pyt_executor_shutdown(pyt_executor *executor, bool wait, bool cancel_futures) {
    if (executor == NULL) {
        return pyt__fail_null();
    }
    if (wait && pyt__executor_is_here(executor)) {
        return pyt__fail(PYT_RUNTIME_ERROR, "a worker cannot wait for its own executor's end");
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__executor_close(executor, PYT__EXECUTOR_SHUT, cancel_futures);
    return wait ? pyt__executor_join(executor, true) : PYT_OK;
}

PYT__API void pyt_executor_free(pyt_executor *executor) {
    if (executor == NULL || pyt__enroll() == NULL) {
        return;
    }
    pyt__executor_close(executor, PYT__EXECUTOR_SHUT, false);
    if (!pyt__executor_is_here(executor)) {
        pyt__executor_join(executor, false);
    }
    pyt__executor_unref(executor);
}

/* ---- the life of a worker ---- */

/* The calling thread is that worker from now on; NULL: none. */
static void pyt__worker_be(pyt__worker *worker) {
    pyt__me.pyt__worker = worker;
    pyt__me.pyt__owner = worker != NULL ? &worker->executor->owner : NULL;
}

static void pyt__task_body(void *arg) {
    pyt_future *future = (pyt_future *)arg;
    future->outcome.value = future->function(future->arg);
}

/* While the executor grows, a worker that is about to end a task counts as idle from before that is
 * seen: a submit by a thread that has the result finds this worker, and starts no second. Callbacks
 * of the task make it busy again: pyt__worker_busy. */
static void pyt__worker_ready(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    if (PYT__LOAD(&executor->growing, relaxed) && !worker->idle) {
        pyt__lock_take(&executor->out_lock);
        worker->idle = true;
        executor->idle++;
        pyt_lock_release(&executor->out_lock);
    }
}

static void pyt__worker_run(pyt__worker *worker, pyt_future *future) {
    struct pyt__frame frame;
    uint32_t phase = PYT__FUTURE_FINISHED;
    if (pyt__future_start(future) != PYT__FUTURE_PENDING) {
        PYT__STORE(&worker->task, NULL, relaxed);
        pyt_future_unref(future);
        return;
    }
    if (pyt__call(&frame, pyt__task_body, future) == PYT__RAISED) {
        future->outcome.message = frame.message;
        future->code = frame.code;
        future->failure = PYT_TASK_ERROR;
        phase = PYT__FUTURE_FAILED;
    }
    pyt__future_call_early(future, phase == PYT__FUTURE_FAILED ? PYT_TASK_ERROR : PYT_OK);
    pyt__worker_ready(worker);
    PYT__STEP();
    bool last = pyt__future_finish(future, phase);
    /* Not before it is done: fork's child would not find it. See pyt__executor_is_noted_locked. */
    PYT__STORE(&worker->task, NULL, relaxed);
    if (last) {
        pyt__future_end(future);
    }
}

struct pyt__initializer_call {
    pyt_executor *executor;
    int outcome;
};

static void pyt__initializer_body(void *arg) {
    struct pyt__initializer_call *call = (struct pyt__initializer_call *)arg;
    call->outcome = call->executor->initializer(call->executor->arg);
}

/* An initializer has failed. Owns `message`. */
static void pyt__executor_break(pyt_executor *executor, char *message) {
    pyt__lock_take(&executor->out_lock);
    if (!executor->breaking) {
        executor->breaking = true;
        executor->broken_message = message;
        message = NULL;
    }
    pyt_lock_release(&executor->out_lock);
    pyt__release_memory(message);
    pyt__executor_close(executor, PYT__EXECUTOR_BROKEN, true);
}

/* Call the initializer. One that fails breaks the executor. */
static bool pyt__worker_initialize(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    struct pyt__initializer_call call = {executor, 0};
    struct pyt__frame frame;
    if (executor->initializer == NULL) {
        return true;
    }
    worker->initializing = true;
    pyt__ending ending = pyt__call(&frame, pyt__initializer_body, &call);
    worker->initializing = false;
    if (ending == PYT__RETURNED && call.outcome == 0) {
        return true;
    }
    pyt__executor_break(executor, frame.message);
    return false;
}

#if defined(PYTHREADING_DUMMY)

/* Without threads a worker is a name: the submitter of a task runs it. */
static bool pyt__worker_start(pyt__worker *worker) {
    worker->thread = NULL;
    return !PYT__FAULT("thread_start");
}

/* Run what is queued, in the calling thread, as a worker would. A task may free the executor. */
static void pyt__executor_serve_now(pyt_executor *executor) {
    pyt__worker *worker = executor->workers;
    pyt__worker *outer = pyt__me.pyt__worker;
    bool more;
    PYT__ADD(&executor->refs, 1, relaxed);
    pyt__worker_be(worker);
    worker->nesting++;
    if (!worker->begun) {
        worker->begun = true;
        pyt__worker_initialize(worker);
    }
    pyt_future *future = pyt__worker_take_locked(worker, &more);
    while (future != NULL) {
        pyt__worker_run(worker, future);
        future = pyt__worker_take_locked(worker, &more);
    }
    pyt__worker_be(outer);
    worker->nesting--;
    if (worker->spare.count > 0) {
        pyt__executor_keep(executor, &worker->spare);
    }
    pyt__executor_unref(executor);
}

/* Tasks that submit tasks are not nested deeper than this, so that a long chain does not use up
 * the stack: what is submitted deeper stays queued for the outer calls, or for a wait. */
#define PYT__SERVE_NESTING_MAX 100

/* Run a task that was queued, now or later. A pool's helper is waited for in other ways: now. */
static void pyt__executor_serve(pyt_executor *executor, bool helper) {
    if (executor->workers->nesting < PYT__SERVE_NESTING_MAX || helper) {
        pyt__executor_serve_now(executor);
    }
}

/* Run what is queued before the future is waited for. */
static void pyt__executor_hasten(pyt_future *future) {
    pyt_executor *executor = (pyt_executor *)future->owner;
    if (pyt__future_phase(future) == PYT__FUTURE_PENDING && executor->workers != NULL) {
        pyt__executor_serve_now(executor);
    }
}

#else

static void pyt__executor_serve(pyt_executor *executor, bool helper) {
    (void)executor; /* its threads do */
    (void)helper;
}

static void pyt__executor_hasten(pyt_future *future) {
    (void)future; /* a thread will run it */
}

static bool pyt__executor_has_work(pyt_executor *executor) {
    return PYT__LOAD(&executor->out_first, seq_cst) != NULL ||
           PYT__LOAD(&executor->in_first, seq_cst) != NULL;
}

/* Look for work for a while, if no other worker does. The end of a search needs no last look: the
 * worker's sleep has one. */
static void pyt__worker_search(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    uint32_t calls = PYT__LOAD(&executor->calls, relaxed);
    bool pays = pyt__parallel() && pyt__backoff_allows(&worker->backoff);
    if (!pays || (calls & PYT__CALLS_SEARCHING) ||
        !PYT__CAS(&executor->calls, &calls, calls | PYT__CALLS_SEARCHING, seq_cst)) {
        return;
    }
    uint32_t looks = pyt__spin_pauses(PYT__SEARCH_SPIN);
    while (looks > 0 && !pyt__executor_has_work(executor)) {
        pyt__os_relax();
        looks--;
    }
    pyt__backoff_learn(&worker->backoff, looks > 0, PYT__SEARCH_SPIN);
    PYT__ADD(&executor->calls, PYT__CALLS_SEARCHING, seq_cst); /* the top bit goes over the edge */
}

/* For pyt__park: count the worker as asleep, unless there is work, or the end. */
static bool pyt__worker_validate(void *object) {
    pyt_executor *executor = (pyt_executor *)object;
    PYT__ADD(&executor->calls, 1, seq_cst); /* 1. count, so that appends from now on call */
    /* 2. The last look, after the count: what was appended before is seen here. */
    bool needed = pyt__executor_has_work(executor) ||
                  PYT__LOAD(&executor->state, seq_cst) != PYT__EXECUTOR_OPEN;
    if (needed) {
        PYT__ADD(&executor->calls, UINT32_MAX, seq_cst);
    }
    return !needed; /* 3. a caller that saw the count finds the parker, under the bucket lock */
}

/* Sleep until called, unless there is work, or the end. */
static void pyt__worker_sleep(pyt_executor *executor) {
    (void)pyt__park(&executor->calls, pyt__worker_validate, executor, PYT__FOREVER, false);
}

static void pyt__executor_grow_if_needed_locked(pyt_executor *executor);

/* The next task, waiting for it; NULL: the worker is to end. */
static pyt_future *pyt__worker_next(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    bool more = false;
    pyt__lock_take(&executor->out_lock);
    pyt_future *future = pyt__worker_take_locked(worker, &more);
    /* 1. Counted as idle under the out_lock under which the queue was seen empty: a submit that may
     *    grow the executor, under out_lock too, counts this worker. */
    while (future == NULL && PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_OPEN) {
        executor->idle += !worker->idle;
        worker->idle = true;
        pyt_lock_release(&executor->out_lock);
        PYT__STEP();
        pyt__worker_search(worker);
        PYT__STEP();
        pyt__worker_sleep(executor);
        pyt__lock_take(&executor->out_lock);
        future = pyt__worker_take_locked(worker, &more);
    }
    executor->idle -= worker->idle;
    worker->idle = false;
    if (executor->starved) { /* the system may have a thread by now */
        pyt__executor_grow_if_needed_locked(executor);
    }
    pyt_lock_release(&executor->out_lock);
    PYT__STEP();
    /* 2. An append wakes a worker only if `in` was empty; so a worker that leaves tasks behind
     *    wakes the next. */
    if (more) {
        pyt__executor_call(executor);
    }
    return future;
}

static void pyt__worker_be_gone_locked(pyt__worker *worker) {
    worker->executor->idle -= worker->idle;
    worker->idle = false;
    worker->gone = true;
}

/* What a worker's thread does. */
static void *pyt__worker_main(void *arg) {
    pyt__worker *worker = (pyt__worker *)arg;
    pyt_executor *executor = worker->executor;
    pyt__worker_be(worker);
    if (pyt__worker_initialize(worker)) {
        pyt_future *future = pyt__worker_next(worker);
        while (future != NULL) {
            pyt__worker_run(worker, future);
            future = pyt__worker_next(worker);
        }
    }
    pyt__worker_be(NULL);
    if (worker->spare.count > 0) {
        pyt__executor_keep(executor, &worker->spare);
    }
    pyt__lock_take(&executor->out_lock);
    pyt__worker_be_gone_locked(worker);
    pyt_lock_release(&executor->out_lock);
    pyt__executor_unref(executor);
    return NULL;
}

/* A thread for a worker, not started, with its name. */
static pyt_thread *pyt__worker_thread(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    pyt_thread *thread = NULL;
    size_t size = strlen(executor->prefix) + 16;
    char *name = (char *)pyt__allocate(size);
    if (name != NULL) {
        (void)snprintf(name, size, "%s_%lu", executor->prefix, (unsigned long)executor->named);
        pyt_thread_options options = {pyt__worker_main, worker, 0, name, NULL, PYT_DAEMON_FALSE, 0};
        if (pyt_thread_new(&thread, &options) != PYT_OK) {
            thread = NULL;
        }
        pyt__release_memory(name);
    }
    return thread;
}

static bool pyt__worker_start(pyt__worker *worker) {
    worker->thread = pyt__worker_thread(worker);
    PYT__ADD(&worker->executor->refs, 1, relaxed);
    if (pyt_thread_start(worker->thread) != PYT_OK) {
        PYT__ADD(&worker->executor->refs, UINT32_MAX, relaxed);
        pyt_thread_unref(worker->thread);
        return false;
    }
    return true;
}

#endif /* PYTHREADING_DUMMY */

/* Start one more worker. It idles until it takes a task. out_lock is held. */
static bool pyt__executor_grow_locked(pyt_executor *executor) {
    pyt__worker *worker = (pyt__worker *)pyt__allocate_zeroed(sizeof *worker);
    if (worker == NULL) {
        return false;
    }
    worker->executor = executor;
    worker->idle = true;
    if (!pyt__worker_start(worker)) {
        pyt__release_memory(worker);
        return false;
    }
    pyt__lock_take(&executor->in_lock);
    worker->older = executor->workers;
    executor->workers = worker;
    pyt_lock_release(&executor->in_lock);
    executor->idle++;
    executor->named++;
    executor->threads++;
    PYT__STORE(&executor->growing, executor->threads < executor->max_threads, relaxed);
    return true;
}

/* Start one more worker if tasks wait for which no worker is free. out_lock is held. */
static void pyt__executor_grow_if_needed_locked(pyt_executor *executor) {
    if (executor->queued > executor->idle && executor->threads < executor->max_threads &&
        PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_OPEN) {
        executor->starved = !pyt__executor_grow_locked(executor);
    }
}

/* A task may have been submitted for this worker, which is not free after all: it is to call the
 * callbacks of a future that is done. */
static void pyt__worker_busy(void) {
    pyt__worker *worker = pyt__me.pyt__worker;
    if (worker == NULL || !worker->idle || worker->begun) {
        return; /* without threads a worker is a name, and always free */
    }
    pyt__lock_take(&worker->executor->out_lock);
    worker->idle = false;
    worker->executor->idle--;
    pyt__executor_grow_if_needed_locked(worker->executor);
    pyt_lock_release(&worker->executor->out_lock);
}

/* ---- a worker that leaves in the middle of a task ---- */

#if defined(PYTHREADING_DUMMY)

static void pyt__worker_cut_off(void) {
    /* a task runs in its submitter's thread: only the end of the process leaves it */
}

#else

/* How many tasks are queued. Both locks are held. */
static uint32_t pyt__executor_count_locked(const pyt_executor *executor) {
    uint32_t count = 0;
    const pyt_future *future = PYT__LOAD(&executor->out_first, relaxed);
    for (; future != NULL; future = future->next) {
        count++;
    }
    for (future = PYT__LOAD(&executor->in_first, relaxed); future != NULL; future = future->next) {
        count++;
    }
    return count;
}

/* A worker is gone without the executor's end: its place is free. When tasks are left that no idle
 * worker will take, another one starts at once. Returns false when no worker is left for them. */
static bool pyt__executor_replace_locked(pyt_executor *executor, pyt__worker *worker) {
    pyt__lock_take(&executor->in_lock);
    pyt__worker_be_gone_locked(worker);
    executor->threads--;
    executor->queued = pyt__executor_count_locked(executor);
    PYT__STORE(&executor->growing, 1, relaxed);
    pyt_lock_release(&executor->in_lock);
    return executor->queued <= executor->idle || pyt__executor_grow_locked(executor) ||
           executor->threads > 0;
}

/* The task that a worker was in, or in whose callbacks, will not be completed by it. */
static void pyt__worker_lose_task(pyt__worker *worker) {
    pyt_executor *executor = worker->executor;
    pyt_future *future = PYT__LOAD(&worker->task, relaxed);
    if (worker->initializing) {
        pyt__executor_break(executor, NULL);
    }
    if (future == NULL) {
        return;
    }
    if (PYT__LOAD(&future->word, relaxed) & PYT__FUTURE_HELPER) {
        executor->cut_off(future, worker->chunk);
    }
    pyt__future_lose(future);
    PYT__STORE(&worker->task, NULL, relaxed); /* last: until then fork's child finds it here */
    pyt_future_unref(future);
}

/* The calling thread may be a worker that leaves by the system's means, or is in exit: its task has
 * failed, and it is gone. Where no other worker can be had, what is queued is cancelled. */
static void pyt__worker_cut_off(void) {
    pyt__worker *worker = pyt__me.pyt__worker;
    if (worker == NULL) {
        return;
    }
    pyt_executor *executor = worker->executor;
    pyt__worker_lose_task(worker);
    pyt__worker_be(NULL);
    if (worker->spare.count > 0) {
        pyt__executor_keep(executor, &worker->spare);
    }
    pyt__lock_take(&executor->out_lock);
    bool served = pyt__executor_replace_locked(executor, worker);
    uint32_t state = PYT__LOAD(&executor->state, relaxed);
    pyt_lock_release(&executor->out_lock);
    if (!served) {
        pyt__executor_close(executor, state, true);
    }
    pyt__executor_unref(executor);
}

#endif /* PYTHREADING_DUMMY */

/* The calling thread will not come back from callbacks of futures that it was dropping: it drops
 * the rest, before it is gone. The one whose callbacks these are still has the queue's reference:
 * its drop is made again, to the end. */
static void pyt__drops_cut_off(void) {
    for (; pyt__me.pyt__drops > 0; pyt__me.pyt__drops--) {
        pyt__lock_take(&pyt__executors_lock);
        pyt_executor *executor = pyt__executors;
        while (executor != NULL &&
               (executor->dropper != &pyt__me || !pyt__executor_try_ref(executor))) {
            executor = executor->next;
        }
        pyt_lock_release(&pyt__executors_lock);
        if (executor != NULL) {
            if (executor->dropping != NULL) {
                pyt__executor_drop_task(executor, executor->dropping);
            }
            pyt__executor_drop_all(executor);
            pyt__executor_unref(executor);
        }
    }
}

/* ---- submit ---- */

/* A future out of the cache, or a new one, not set up yet.
 * Returns  it, with in_lock held, or NULL, with nothing locked */
PYT__UNCHECKED static pyt_future *pyt__executor_lend(pyt_executor *executor) {
    pyt_future *future = NULL;
    pyt__lock_take(&executor->in_lock);
    if (executor->kept.count > 0) {
        future = pyt__list_pop(&executor->kept);
    } else {
        pyt_lock_release(&executor->in_lock);
        future = (pyt_future *)pyt__allocate(sizeof *future);
        if (future == NULL) {
            pyt__fail_memory();
            return NULL;
        }
        future->owner = &executor->owner;
        pyt__lock_take(&executor->in_lock);
    }
    executor->lent++;
    return future;
}

/* A task to be added. */
typedef struct pyt__task {
    void *(*function)(void *arg);
    void *arg;
    uint32_t word;           /* references, one of them the queue's, and flags */
    pyt__observer *observer; /* a pool's callback, or NULL */
} pyt__task;

static void pyt__future_renew_owned(pyt_future *future, uint32_t word, pyt__observer *observer) {
    uint32_t observed = observer != NULL ? PYT__FUTURE_WATCHED | PYT__FUTURE_EAGER : 0;
    pyt__future_renew(future, word | PYT__FUTURE_OWNED | observed);
    PYT__STORE(&future->observers, observer, relaxed);
}

/* Append a task. The calling thread is enrolled. */
PYT__UNCHECKED static pyt_status pyt__executor_add(pyt_executor *executor, const pyt__task *task,
                                                   pyt_future **added) {
    pyt_future *future = pyt__executor_lend(executor);
    if (future == NULL) {
        return PYT_MEMORY_ERROR;
    }
    if (PYT__LOAD(&executor->state, relaxed) != PYT__EXECUTOR_OPEN) {
        pyt__list_push(&executor->kept, future);
        executor->lent--;
        pyt_lock_release(&executor->in_lock);
        return pyt__executor_refuse(executor);
    }
    future->function = task->function;
    future->arg = task->arg;
    pyt__future_renew_owned(future, task->word, task->observer);
    bool call = pyt__executor_append_locked(executor, future);
    *added = future;
    /* The caller's reference to the future keeps the executor's memory; without one, the task may
     * be over and the executor freed as soon as in_lock is released. */
    bool kept = task->word >= 2 * PYT__FUTURE_REF;
    if (call && !kept) {
        pyt__executor_call(executor);
    }
    pyt_lock_release(&executor->in_lock);
    PYT__STEP();
    if (call && kept) {
        pyt__executor_call(executor);
    }
    return PYT_OK;
}

/* The same while there may be too few workers for it. */
PYT__COLD static pyt_status pyt__executor_add_growing(pyt_executor *executor, const pyt__task *task,
                                                      pyt_future **added) {
    pyt__lock_take(&executor->out_lock);
    pyt_status status = PYT_OK;
    bool open = PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_OPEN;
    if (open && executor->threads < executor->max_threads && executor->queued >= executor->idle) {
        executor->starved = !pyt__executor_grow_locked(executor);
        if (executor->starved && executor->threads == 0) {
            status = pyt__fail(PYT_MEMORY_ERROR, "can't start new thread");
        }
    }
    if (status == PYT_OK) {
        status = pyt__executor_add(executor, task, added);
        executor->queued += status == PYT_OK;
    }
    pyt_lock_release(&executor->out_lock);
    return status;
}

static pyt_status pyt__executor_submit(pyt_executor *executor, const pyt__task *task,
                                       pyt_future **added) {
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt_status status = PYT__LOAD(&executor->growing, relaxed)
                            ? pyt__executor_add_growing(executor, task, added)
                            : pyt__executor_add(executor, task, added);
    if (status == PYT_OK) {
        pyt__executor_serve(executor, (task->word & PYT__FUTURE_HELPER) != 0);
    }
    return status;
}

PYT__API pyt_status pyt_executor_submit(pyt_executor *executor, void *(*function)(void *arg),
                                        void *arg, pyt_future **future) {
    pyt_future *dropped;
    if (future != NULL) {
        *future = NULL;
    }
    if (executor == NULL || function == NULL) {
        return pyt__fail_null();
    }
    pyt__task task = {function, arg, PYT__FUTURE_REF, NULL};
    if (future != NULL) {
        task.word += PYT__FUTURE_REF;
    }
    return pyt__executor_submit(executor, &task, future != NULL ? future : &dropped);
}

/* Cancel what has not begun, and let all go. */
static void pyt__futures_drop(pyt_future **futures, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pyt__future_settle(futures[i], PYT__FUTURE_PENDING, PYT__FUTURE_CANCELLED);
        pyt_future_unref(futures[i]);
    }
}

/* Submit all; at the first failure none. */
static pyt_status pyt__executor_submit_all(pyt_executor *executor, void *(*function)(void *arg),
                                           void *const *args, size_t n, pyt_future **futures) {
    for (size_t i = 0; i < n; i++) {
        pyt_status status = pyt_executor_submit(executor, function, args[i], &futures[i]);
        if (status != PYT_OK) {
            pyt__futures_drop(futures, i);
            return status;
        }
    }
    return PYT_OK;
}

/* Take the results in order, as far as they are good; then drop the rest. All futures go. */
static pyt_status pyt__futures_take(pyt_future **futures, size_t n, int64_t deadline,
                                    void **results, size_t *taken) {
    pyt_status status = PYT_OK;
    size_t i = 0;
    while (i < n && status == PYT_OK) {
        void **place = results != NULL ? &results[i] : NULL;
        status = pyt__future_result_until(futures[i], deadline, place);
        if (status == PYT_OK) {
            pyt_future_unref(futures[i++]);
        }
    }
    pyt__futures_drop(futures + i, n - i);
    *taken = i;
    return status;
}

static pyt_status pyt__executor_map_until(pyt_executor *executor, void *(*function)(void *arg),
                                          void *const *args, size_t n, int64_t deadline,
                                          void **results, size_t *failed) {
    if (failed != NULL) {
        *failed = 0;
    }
    if (executor == NULL || function == NULL || (args == NULL && n > 0)) {
        return pyt__fail_null();
    }
    pyt_future **futures = NULL;
    if (n < SIZE_MAX / sizeof *futures) {
        futures = (pyt_future **)pyt__allocate((n + 1) * sizeof *futures);
    }
    if (futures == NULL) {
        return pyt__fail_memory();
    }
    size_t taken = 0;
    pyt_status status = pyt__executor_submit_all(executor, function, args, n, futures);
    if (status == PYT_OK) {
        status = pyt__futures_take(futures, n, deadline, results, &taken);
    }
    if (failed != NULL) {
        *failed = taken;
    }
    pyt__release_memory(futures);
    return status;
}

PYT__API pyt_status pyt_executor_map(pyt_executor *executor, void *(*function)(void *arg),
                                     void *const *args, size_t n, void **results, size_t *failed) {
    return pyt__executor_map_until(executor, function, args, n, PYT__FOREVER, results, failed);
}

PYT__API pyt_status pyt_executor_map_timeout(pyt_executor *executor, void *(*function)(void *arg),
                                             void *const *args, size_t n, double seconds,
                                             void **results, size_t *failed) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK
               ? pyt__executor_map_until(executor, function, args, n, deadline, results, failed)
               : status;
}

/* ---- waits that never end ---- */

/* The worker that runs `future` and waits for another, or NULL. One that has just ended `future`,
 * which somebody uses again, may still have it noted, but waits for none. out_lock is held. */
static pyt__worker *pyt__executor_runner_locked(pyt_executor *executor, const pyt_future *future) {
    pyt__worker *worker = executor->workers;
    while (worker != NULL && (worker->gone || worker->waits_for == NULL ||
                              PYT__LOAD(&worker->task, relaxed) != future)) {
        worker = worker->older;
    }
    return worker;
}

/* Does the chain of waits that begins at `worker` come back to it? out_lock is held. */
static bool pyt__worker_in_circle_locked(pyt__worker *worker) {
    pyt__worker *runner = worker;
    for (uint32_t i = 0; i < worker->executor->threads; i++) {
        if (runner->waits_for == NULL || pyt_future_done(runner->waits_for)) {
            return false;
        }
        runner = pyt__executor_runner_locked(worker->executor, runner->waits_for);
        if (runner == NULL || runner == worker) {
            return runner != NULL;
        }
    }
    return false;
}

/* Does every worker there can be wait for a future that is not done? out_lock is held. */
static bool pyt__executor_stuck_locked(pyt_executor *executor) {
    bool may_grow = executor->threads < executor->max_threads &&
                    PYT__LOAD(&executor->state, relaxed) == PYT__EXECUTOR_OPEN;
    if (executor->dropper != NULL || (may_grow && !executor->starved)) {
        return false;
    }
    const pyt__worker *worker = executor->workers;
    while (worker != NULL &&
           (worker->gone || (worker->waits_for != NULL && !pyt_future_done(worker->waits_for)))) {
        worker = worker->older;
    }
    /* The system may have a thread by now: only with a new worker is the queue still worked on. */
    if (worker == NULL && may_grow) {
        executor->starved = !pyt__executor_grow_locked(executor);
        return executor->starved;
    }
    return worker == NULL;
}

/* Of the workers that wait in vain, one with a future that has not begun: `worker` if its own has
 * not, or if there is none. */
static pyt__worker *pyt__worker_to_refuse_locked(pyt__worker *worker) {
    pyt__worker *other = worker;
    if (pyt__future_phase(worker->waits_for) != PYT__FUTURE_PENDING) {
        other = worker->executor->workers;
        while (other != NULL &&
               (other->gone || pyt__future_phase(other->waits_for) != PYT__FUTURE_PENDING)) {
            other = other->older;
        }
    }
    return other != NULL ? other : worker;
}

/* End the wait of a worker that is parked, or about to park. out_lock is held. */
static void pyt__worker_refuse_locked(pyt__worker *worker) {
    pyt__bucket *bucket = pyt__bucket_lock(worker->waits_for);
    /* Not parked yet: it looks at `refused` under this bucket lock before it parks. */
    bool parked = PYT__LOAD(&worker->parker->address, relaxed) == worker->waits_for;
    worker->refused = true;
    if (parked) {
        pyt__waitq_remove(bucket, worker->parker);
    }
    pyt__bucket_unlock(bucket);
    worker->waits_for = NULL;
    if (parked) {
        pyt__unpark(worker->parker);
    }
}

static pyt_status pyt__worker_fail_wait(void) {
    return pyt__fail(PYT_RUNTIME_ERROR, "the wait would never end: all workers of the executor "
                                        "wait for its own futures");
}

/* The calling thread is about to wait for a future of its own executor, without a limit. */
static pyt_status pyt__worker_waits(pyt__worker *worker, pyt_future *future) {
    pyt__worker *victim = NULL;
    pyt_executor *executor = worker->executor;
    pyt__lock_take(&executor->out_lock);
    worker->waits_for = future;
    worker->parker = pyt__me.pyt__parker;
    worker->refused = false;
    if (pyt__worker_in_circle_locked(worker)) {
        victim = worker;
    } else if (pyt__executor_stuck_locked(executor)) {
        victim = pyt__worker_to_refuse_locked(worker);
    }
    if (victim == worker) {
        worker->waits_for = NULL;
    } else if (victim != NULL) {
        pyt__worker_refuse_locked(victim);
    }
    pyt_lock_release(&executor->out_lock);
    return victim == worker ? pyt__worker_fail_wait() : PYT_OK;
}

/* It has waited, and that ended with `status`. */
static pyt_status pyt__worker_waited(pyt__worker *worker, pyt_future *future, pyt_status status) {
    pyt__lock_take(&worker->executor->out_lock);
    bool refused = worker->waits_for == NULL;
    worker->waits_for = NULL;
    pyt_lock_release(&worker->executor->out_lock);
    return refused && !pyt_future_done(future) ? pyt__worker_fail_wait() : status;
}

/* Wait for a future that is an executor's: pyt__owner. */
static pyt_status pyt__executor_wait(pyt_future *future, int64_t deadline) {
    pyt__executor_hasten(future);
    if (deadline != PYT__FOREVER || !pyt__future_is_own(future)) {
        return pyt__future_park(future, deadline, true, NULL);
    }
    pyt__worker *worker = pyt__me.pyt__worker;
    pyt_status status = pyt__worker_waits(worker, future);
    if (status == PYT_OK) {
        PYT__STEP();
        status = pyt__future_park(future, deadline, true, &worker->refused);
        status = pyt__worker_waited(worker, future, status);
    }
    return status;
}

/* ---- the end of the process, and fork ---- */

/* The executor itself, or the next in the list, that still has references; with one more. */
static pyt_executor *pyt__executors_ref_locked(pyt_executor *executor) {
    while (executor != NULL && !pyt__executor_try_ref(executor)) {
        executor = executor->next;
    }
    return executor;
}

/* At the end of the process: take no more tasks anywhere, let all queues be worked off, wait for
 * the workers. The calling thread is enrolled. */
static void pyt__executors_finish(void) {
    pyt__lock_take(&pyt__executors_lock);
    pyt__executors_ending = true;
    for (pyt_executor *each = pyt__executors; each != NULL; each = each->next) {
        pyt__executor_close_at_end(each); /* in the list it is whole */
    }
    pyt_executor *executor = pyt__executors_ref_locked(pyt__executors);
    pyt_lock_release(&pyt__executors_lock);
    while (executor != NULL) {
        pyt__executor_join(executor, false);
        pyt__lock_take(&pyt__executors_lock);
        pyt_executor *next = pyt__executors_ref_locked(executor->next);
        pyt_lock_release(&pyt__executors_lock);
        pyt__executor_unref(executor);
        executor = next;
    }
}

/* Take every lock of this room. The calling thread is enrolled, or has the parker for fork. */
PYT__UNCHECKED static void pyt__executors_fork_before(void) {
    pyt__lock_take(&pyt__executors_lock);
    for (pyt_executor *executor = pyt__executors; executor != NULL; executor = executor->next) {
        pyt__lock_take(&executor->out_lock);
        pyt__lock_take(&executor->in_lock);
    }
}

PYT__UNCHECKED static void pyt__executors_fork_parent(void) {
    for (pyt_executor *executor = pyt__executors; executor != NULL; executor = executor->next) {
        pyt_lock_release(&executor->in_lock);
        pyt_lock_release(&executor->out_lock);
    }
    pyt_lock_release(&pyt__executors_lock);
}

/* In fork's child: what was to be done is the parent's to do. Callbacks are not called; observers
 * that count completions are notified. */
static void pyt__future_abandon(pyt_future *future) {
    uint32_t word = PYT__LOAD(&future->word, relaxed);
    pyt__parker *nobody = NULL;
    if ((word & PYT__FUTURE_PHASE) >= PYT__FUTURE_CANCELLED) {
        return;
    }
    bool running = (word & PYT__FUTURE_PHASE) == PYT__FUTURE_RUNNING;
    if (running) {
        future->outcome.message = NULL;
        future->failure = PYT_BROKEN_EXECUTOR;
        future->code = 0;
    }
    word &= ~(PYT__FUTURE_PHASE | PYT__FUTURE_WATCHED);
    PYT__STORE(&future->word, word | (running ? PYT__FUTURE_FAILED : PYT__FUTURE_NOTIFIED),
               relaxed);
    pyt__observer *observers = PYT__LOAD(&future->observers, relaxed);
    PYT__STORE(&future->observers, NULL, relaxed);
    pyt__observer *callbacks = pyt__observers_tell(observers, running, &nobody);
    while (callbacks != NULL) {
        pyt__observer *observer = callbacks;
        callbacks = PYT__LOAD(&observer->next, relaxed);
        pyt__release_memory(observer);
    }
}

/* A task of the parent's, and what it was to help with. One that a worker has just ended is done,
 * or somebody uses it again: the calling worker's own goes on. */
static void pyt__executor_abandon(pyt_executor *executor, pyt_future *future) {
    pyt__worker *self = pyt__me.pyt__worker;
    if (pyt__future_phase(future) >= PYT__FUTURE_CANCELLED ||
        (self != NULL && PYT__LOAD(&self->task, relaxed) == future)) {
        return;
    }
    if (PYT__LOAD(&future->word, relaxed) & PYT__FUTURE_HELPER) {
        executor->abandon(future->arg);
    }
    pyt__future_abandon(future);
}

static void pyt__executor_abandon_all(pyt_executor *executor, pyt_future *list) {
    for (; list != NULL; list = list->next) {
        pyt__executor_abandon(executor, list);
    }
}

/* What another thread was dropping is abandoned; the calling thread goes on with what it drops. */
static void pyt__executor_fork_child_dropped(pyt_executor *executor) {
    if (executor->dropper == &pyt__me) {
        return;
    }
    if (executor->dropping != NULL) {
        pyt__executor_abandon(executor, executor->dropping);
    }
    pyt__executor_abandon_all(executor, executor->dropped);
    executor->dropped = NULL;
    executor->dropping = NULL;
    executor->dropper = NULL;
}

static void pyt__executor_fork_child(pyt_executor *executor) {
    PYT__STORE(&executor->in_lock.pyt__word, 0, relaxed);
    PYT__STORE(&executor->out_lock.pyt__word, 0, relaxed);
    PYT__STORE(&executor->calls, 0, relaxed);
    if (executor->ended) {
        PYT__STORE(&executor->state, PYT__EXECUTOR_OPEN, relaxed);
        executor->ended = false;
    }
    pyt__executor_fork_child_dropped(executor);
    pyt__executor_abandon_all(executor, pyt__executor_empty_locked(executor));
    pyt_future *future;
    executor->idle = 0;
    for (pyt__worker *worker = executor->workers; worker != NULL; worker = worker->older) {
        if (worker == pyt__me.pyt__worker || worker->gone) {
            continue;
        }
        future = PYT__LOAD(&worker->task, relaxed);
        if (future != NULL) {
            pyt__executor_abandon(executor, future);
        }
        worker->gone = true;
        executor->threads--;
        (void)PYT__ADD(&executor->refs, UINT32_MAX, relaxed);
    }
    PYT__STORE(&executor->growing, executor->threads < executor->max_threads, relaxed);
}

/* In fork's child: no worker exists but perhaps the caller; what was queued is cancelled, what ran
 * has failed. The executors go on with new workers. */
static void pyt__executors_fork_child(void) {
    PYT__STORE(&pyt__executors_lock.pyt__word, 0, relaxed);
    pyt__executors_ending = false;
    for (pyt_executor *executor = pyt__executors; executor != NULL; executor = executor->next) {
        pyt__executor_fork_child(executor);
    }
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>pool                                                              multiprocessing.dummy.Pool
 *
 *  A pool is an executor that has all its workers from the start. map and its kin are one
 *  job, however many items there are: the job's chunks are numbered, and as many helper tasks as
 *  there are workers take the next number each until none is left. So a million items cost a
 *  million calls, and nothing is allocated for an item.
 *
 *      next   the first chunk that no helper has taken; a thread that drops the rest swaps
 *             `chunks` in, so each chunk is either taken or dropped, and by one thread
 *      left   chunks that are neither done nor dropped; the thread that brings it to 0 completes
 *             the job
 *
 *  A helper holds a reference to its job; so does an iterator. A job that is waited for has a
 *  future, which the last chunk completes. A job that is iterated over has none: it keeps for each
 *  item what went wrong with it, and for each finished chunk its number, under the job's lock.
 *
 *  A helper takes chunks while another thread drops the rest, as terminate or a cancellation does:
 *
 *      helper                                  pyt__job_drop
 *      next < chunks
 *                                              next = chunks; it was `first`
 *      next + 1: it was `chunks`, none taken   dropped = true
 *                                              left - (chunks - first)
 *      end of its present chunk: left - 1
 *
 *  The one that brings `left` to 0 completes the future, and sees what the others wrote before they
 *  subtracted (acq_rel): results, failures and `dropped`.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* Threads that apply a function to many items. */
typedef struct pyt_pool pyt_pool;

/* What apply_async and the like give: a future, with Python's names for what one asks of it. All
 * that takes a pyt_future takes it too; pyt_future_unref it. */
typedef pyt_future pyt_async_result;

/* What a new pool is to be. Every member's zero is Python's default. */
typedef struct pyt_pool_options {
    int processes;                 /* threads; 0: the processors this process may use */
    int (*initializer)(void *arg); /* called first in each worker; not 0, raising, or pyt_exit: it
                                      failed, and the pool is unusable; may be NULL */
    void *arg;                     /* given to the initializer */
} pyt_pool_options;

/* Functions called with a result, in the worker that has it, with no lock held, before it is ready:
 * waiters go on after they have returned. They must not wait for it themselves. For work that was
 * dropped or cancelled they are called just after that is known, by the thread that dropped it. */
typedef struct pyt_pool_callbacks {
    void (*callback)(void *result, void *arg); /* it is there; may be NULL */
    void (*error_callback)(const pyt_exception *exception, void *arg); /* it is not: the task
                                      failed, or was dropped (PYT_CANCELLED); may be NULL */
    void *arg;
} pyt_pool_callbacks;

/* Items that stand side by side in memory. */
typedef struct pyt_pool_array {
    void *items;
    size_t item_size;
} pyt_pool_array;

/* How many arrays starmap takes at most. */
#define PYT_POOL_ARRAYS 8

/* What map and its kin are to do. Items and results are used until the job is done. */
typedef struct pyt_pool_work {
    void (*function)(void *item, void *result); /* writes its result; what it raises is the item's
                                      failure, and the other items are worked on all the same */
    void *items;                                /* n items of item_size bytes */
    size_t item_size;
    size_t n;
    void *results; /* receives n results of result_size bytes; may be NULL, then
                                      `function` is given NULL, but see pyt_pool_imap */
    size_t result_size;
    long chunksize; /* items a worker takes at a time; 0: Python's choice */
    void (*star)(void *const *items, void *result); /* starmap's instead of `function`: is given one
                                      item of each of the arrays */
    const pyt_pool_array *arrays;                   /* starmap's instead of `items` */
    size_t n_arrays;                                /* 1 to PYT_POOL_ARRAYS */
} pyt_pool_work;

/* Make a pool and start its workers.
 *
 * pool     receives it; pyt_pool_free it
 * options  may be NULL
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR  `pool` is NULL, or `processes` is below 0
 *          PYT_MEMORY_ERROR no memory, or not so many threads; *pool is NULL
 * Thread   any
 * Python   Pool(processes, initializer, initargs)
 */
PYT__MUST_USE PYT__API pyt_status pyt_pool_new(pyt_pool **pool, const pyt_pool_options *options);

/* Call `function(arg)` in a worker, and wait for what it returns.
 *
 * result   receives it; may be NULL
 * Returns  PYT_OK
 *          PYT_VALUE_ERROR   the pool is closed, or `pool` or `function` is NULL
 *          PYT_TASK_ERROR    it ended by pyt_raise; pyt_error_message gives the message
 *          PYT_CANCELLED     the pool was terminated before it began
 *          PYT_BROKEN_EXECUTOR, PYT_RUNTIME_ERROR, PYT_MEMORY_ERROR, PYT_INTERRUPTED
 *                            as pyt_future_result
 * Thread   any
 * Python   Pool.apply(func, args)
 */
PYT__API pyt_status pyt_pool_apply(pyt_pool *pool, void *(*function)(void *arg), void *arg,
                                   void **result);

/* Have `function(arg)` called in a worker.
 *
 * callbacks  copied; may be NULL
 * result     receives the result to come; may be NULL
 * Returns    PYT_OK; PYT_VALUE_ERROR, PYT_BROKEN_EXECUTOR, PYT_MEMORY_ERROR as pyt_pool_apply;
 *            then nothing was submitted
 * Thread     any
 * Python     Pool.apply_async(func, args, callback=, error_callback=)
 */
PYT__API pyt_status pyt_pool_apply_async(pyt_pool *pool, void *(*function)(void *arg), void *arg,
                                         const pyt_pool_callbacks *callbacks,
                                         pyt_async_result **result);

/* Apply the function to every item, in chunks, and wait for all of them.
 *
 * failed   receives the place of the first item that failed, n when none did; may be NULL
 * Returns  PYT_OK            all results are there
 *          PYT_TASK_ERROR    items failed; pyt_error_message gives the message of the first in the
 *                            order of the items. The other results are there
 *          PYT_VALUE_ERROR   the pool is closed, `chunksize` is negative, or something is NULL that
 *                            must not be
 *          PYT_OVERFLOW_ERROR items or results reach beyond the memory
 *          PYT_CANCELLED     the pool was terminated meanwhile; some items were not worked on
 *          PYT_INTERRUPTED   what had not begun was dropped, what ran has ended
 *          PYT_BROKEN_EXECUTOR, PYT_RUNTIME_ERROR, PYT_MEMORY_ERROR
 *                            as pyt_future_result; what had not begun was dropped. After
 *                            PYT_RUNTIME_ERROR what runs still uses its items
 * Thread   any
 * Python   Pool.map(func, iterable, chunksize), Pool.starmap(func, zip(...), chunksize)
 */
PYT__API pyt_status pyt_pool_map(pyt_pool *pool, const pyt_pool_work *work, size_t *failed);
PYT__API pyt_status pyt_pool_starmap(pyt_pool *pool, const pyt_pool_work *work, size_t *failed);

/* As pyt_pool_map and pyt_pool_starmap, but do not wait. `work` is copied, the items are not.
 *
 * callbacks  copied; may be NULL; the callback is given work->results
 * result     receives the result to come, which is work->results; may be NULL
 * Returns    as pyt_pool_apply_async
 * Python     Pool.map_async(...), Pool.starmap_async(...)
 */
PYT__API pyt_status pyt_pool_map_async(pyt_pool *pool, const pyt_pool_work *work,
                                       const pyt_pool_callbacks *callbacks,
                                       pyt_async_result **result);
PYT__API pyt_status pyt_pool_starmap_async(pyt_pool *pool, const pyt_pool_work *work,
                                           const pyt_pool_callbacks *callbacks,
                                           pyt_async_result **result);

/* An iteration over the results of a pool's work. */
typedef struct pyt_pool_iterator pyt_pool_iterator;

/* Begin to apply the function to every item, and give the results one by one: imap in the order of
 * the items, imap_unordered as chunks are done. The default chunksize is 1.
 *
 * work      copied. Without `results` the iteration keeps the results itself
 * iterator  receives the iteration; pyt_pool_iterator_destroy it
 * Returns   as pyt_pool_apply_async; PYT_OVERFLOW_ERROR as pyt_pool_map
 * Thread    any; one thread at a time uses the iterator
 * Python    Pool.imap(func, iterable, chunksize), Pool.imap_unordered(...)
 */
PYT__API pyt_status pyt_pool_imap(pyt_pool *pool, const pyt_pool_work *work,
                                  pyt_pool_iterator **iterator);
PYT__API pyt_status pyt_pool_imap_unordered(pyt_pool *pool, const pyt_pool_work *work,
                                            pyt_pool_iterator **iterator);

/* Give the next result, waiting for it.
 *
 * result   receives result_size bytes; may be NULL
 * place    receives which item it is the result of; may be NULL
 * Returns  as every wait (see pyt_status), and after PYT_INTERRUPTED may be called again to go on
 *          PYT_QUEUE_EMPTY     all have been given
 *          PYT_TASK_ERROR      this item failed; pyt_error_message gives the message. Go on: the
 *                              next call gives the next item
 *          PYT_CANCELLED       the pool was terminated before this item began
 *          PYT_BROKEN_EXECUTOR the pool's initializer failed
 * Python   next(iterator)
 */
PYT__API pyt_status pyt_pool_iterator_next(pyt_pool_iterator *iterator, void *result,
                                           size_t *place);

/* As pyt_pool_iterator_next, as long as `seconds`.
 *
 * seconds  0 and below look once
 * Returns  as pyt_pool_iterator_next; after PYT_TIMEOUT call again for it
 * Python   iterator.next(timeout)
 */
PYT__API pyt_status pyt_pool_iterator_next_timeout(pyt_pool_iterator *iterator, double seconds,
                                                   void *result, size_t *place);

/* End the iteration: what has not begun is dropped, what runs is waited for. NULL: nothing. Without
 * memory as pyt_executor_free. */
PYT__API void pyt_pool_iterator_destroy(pyt_pool_iterator *iterator);

/* Take no more work; what there is will be done. Workers end when it is.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: `pool` is NULL; PYT_MEMORY_ERROR: the thread's first call, and
 *          no memory for it
 * Python   Pool.close()
 */
PYT__API pyt_status pyt_pool_close(pyt_pool *pool);

/* Take no more work and drop what has not begun: waiters for that get PYT_CANCELLED.
 *
 * Returns  as pyt_pool_close
 * Thread   any; callbacks of what is dropped run in it
 * Python   Pool.terminate()
 */
PYT__API pyt_status pyt_pool_terminate(pyt_pool *pool);

/* Wait until the workers have ended.
 *
 * Returns  as every wait (see pyt_status), and
 *          PYT_VALUE_ERROR   also when the pool is neither closed nor terminated
 *          PYT_RUNTIME_ERROR called by one of its workers
 * Python   Pool.join()
 */
PYT__API pyt_status pyt_pool_join(pyt_pool *pool);

/* Terminate the pool, wait for what runs (but not when one of its workers calls), and let the pool
 * go. Results and iterators stay valid. NULL: nothing happens.
 *
 * Thread   any, once; not interrupted by pyt_interrupt_main; without memory as pyt_executor_free
 * Python   the end of a with block over the pool
 */
PYT__API void pyt_pool_free(pyt_pool *pool);

/* Wait for a result and give it: pyt_future_result, pyt_future_result_timeout.
 * Python   AsyncResult.get(), AsyncResult.get(timeout) */
PYT__API pyt_status pyt_async_result_get(pyt_async_result *result, void **value);
PYT__MUST_USE PYT__API pyt_status pyt_async_result_get_timeout(pyt_async_result *result,
                                                               double seconds, void **value);

/* Wait until a result is there, or is known not to come.
 *
 * Returns  PYT_OK, whichever of both; else as pyt_future_result, pyt_future_result_timeout
 * Python   AsyncResult.wait(), AsyncResult.wait(timeout)
 */
PYT__API pyt_status pyt_async_result_wait(pyt_async_result *result);
PYT__MUST_USE PYT__API pyt_status pyt_async_result_wait_timeout(pyt_async_result *result,
                                                                double seconds);

/* Ask whether a result is there, or known not to come: pyt_future_done. NULL: false.
 * Python   AsyncResult.ready() */
PYT__API bool pyt_async_result_ready(const pyt_async_result *result);

/* Say whether a result is there.
 *
 * Returns  PYT_OK; PYT_VALUE_ERROR: it is not ready yet, or an argument is NULL
 * Python   AsyncResult.successful()
 */
PYT__API pyt_status pyt_async_result_successful(const pyt_async_result *result, bool *successful);

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE

#define PYT__CHUNKS_MAX 0x40000000 /* more of them would be larger */
#define PYT__CHUNK_NONE UINT32_MAX

enum {
    PYT__POOL_OPEN,
    PYT__POOL_CLOSED,
    PYT__POOL_TERMINATED
};

struct pyt_pool {
    pyt_executor *executor;      /* fixed */
    PYT__ATOMIC(uint32_t) state; /* OPEN to CLOSED to TERMINATED */
};

/* What became of an item that is iterated over. */
typedef struct pyt__item {
    char *message; /* owned */
    bool failed;
} pyt__item;

typedef struct pyt__job {
    PYT__ATOMIC(uint32_t) refs;
    pyt_executor *executor; /* fixed; there while a helper is */
    pyt_future *future;     /* fixed; NULL for an iteration */
    pyt_pool_work work;     /* fixed */
    pyt_pool_array arrays[PYT_POOL_ARRAYS];
    size_t chunk;                  /* items in one; fixed */
    uint32_t chunks;               /* fixed */
    PYT__ATOMIC(uint32_t) next;    /* the first chunk not taken */
    PYT__ATOMIC(uint32_t) left;    /* neither done nor dropped */
    PYT__ATOMIC(bool) dropped;     /* some were dropped */
    PYT__ATOMIC(bool) broken;      /* because the pool is broken */
    pyt_lock lock;                 /* guards what follows */
    size_t failed;                 /* the first item that failed; n: none */
    int code;                      /* its */
    char *message;                 /* its; owned */
    PYT__ATOMIC(uint32_t) awaited; /* an iteration's: a mark, see the park room */
    pyt__item *items;              /* an iteration's, n of them; else NULL */
    size_t *order;                 /* an iteration's: chunks, as they were finished */
    uint8_t *finished;             /* an iteration's: of each chunk, FINISHED or DROPPED */
    size_t order_count;
    void *own_results; /* an iteration's memory for results, or NULL */
} pyt__job;

struct pyt_pool_iterator {
    pyt__job *job;
    bool unordered;
    size_t taken;       /* how many chunks were begun to be given */
    size_t place, stop; /* within the present chunk: the next item, and its end */
    bool dropped;       /* the present chunk was */
};

enum {
    PYT__CHUNK_FINISHED = 1,
    PYT__CHUNK_DROPPED
};

/* ---- the life of a job ---- */

static void pyt__job_unref(pyt__job *job) {
    if (PYT__ADD(&job->refs, UINT32_MAX, acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; job->items != NULL && i < job->work.n; i++) {
        pyt__release_memory(job->items[i].message);
    }
    pyt_future_unref(job->future);
    pyt__release_memory(job->message);
    pyt__release_memory(job->items);
    pyt__release_memory(job->order);
    pyt__release_memory(job->finished);
    pyt__release_memory(job->own_results);
    pyt__release_memory(job);
}

/* All chunks are accounted for: complete the future. */
static void pyt__job_complete(pyt__job *job) {
    pyt_future *future = job->future;
    uint32_t phase = PYT__FUTURE_FINISHED;
    if (future == NULL) {
        return;
    }
    if (pyt__future_start(future) > PYT__FUTURE_RUNNING) {
        return; /* it was cancelled */
    }
    pyt_status failure = PYT_OK;
    if (PYT__LOAD(&job->dropped, acquire)) {
        bool broken = PYT__LOAD(&job->broken, relaxed);
        phase = broken ? PYT__FUTURE_FAILED : PYT__FUTURE_NOTIFIED;
        failure = broken ? PYT_BROKEN_EXECUTOR : PYT_CANCELLED;
        future->code = 0;
        future->outcome.message = NULL;
    } else if (job->failed < job->work.n) {
        phase = PYT__FUTURE_FAILED;
        failure = PYT_TASK_ERROR;
        future->code = job->code;
        future->outcome.message = job->message;
        job->message = NULL;
    } else {
        future->outcome.value = job->work.results;
    }
    future->failure = failure;
    pyt__future_call_early(future, failure);
    pyt__future_settle(future, PYT__FUTURE_RUNNING, phase);
}

/* Some chunks are done, or dropped. */
static void pyt__job_account(pyt__job *job, uint32_t count) {
    if (PYT__ADD(&job->left, 0 - count, acq_rel) == count) {
        pyt__job_complete(job);
    }
}

/* Tell the iterator that a chunk is finished or dropped. */
static void pyt__job_publish(pyt__job *job, size_t chunk, uint8_t how) {
    if (job->items == NULL) {
        return;
    }
    pyt__lock_take(&job->lock);
    if (job->finished[chunk] == 0) { /* else the child after fork has given it up already */
        job->finished[chunk] = how;
        job->order[job->order_count++] = chunk;
    }
    /* The iterator looks, sets `awaited` and enters the queue under the job's lock: if it has not
     * seen this chunk it is there. */
    pyt__parker *list = pyt__waitq_dequeue_all_marked(&job->awaited, PYT__PLAIN);
    pyt_lock_release(&job->lock);
    pyt__unpark_list(list);
}

/* Drop all chunks that no helper has taken. */
static void pyt__job_drop(pyt__job *job, bool broken) {
    /* 1. Take all that is left in one step: a helper gets a number below `first`, or none. */
    uint32_t first = PYT__SWAP(&job->next, job->chunks, relaxed);
    if (first >= job->chunks) {
        return;
    }
    if (broken) {
        PYT__STORE(&job->broken, true, relaxed);
    }
    /* 2. Before these chunks are subtracted: completion reads it. */
    PYT__STORE(&job->dropped, true, release);
    for (uint32_t chunk = first; job->items != NULL && chunk < job->chunks; chunk++) {
        pyt__job_publish(job, chunk, PYT__CHUNK_DROPPED);
    }
    /* 3. Subtract, which may complete the job. The caller's reference keeps it. */
    pyt__job_account(job, job->chunks - first);
}

/* ---- working on items ---- */

struct pyt__chunk_run {
    pyt__job *job;
    size_t item, stop;
};

/* Work on the items of a chunk, from where it is. */
static void pyt__chunk_body(void *arg) {
    struct pyt__chunk_run *run = (struct pyt__chunk_run *)arg;
    const pyt_pool_work *work = &run->job->work;
    for (; run->item < run->stop; run->item++) {
        char *result = (char *)work->results;
        char *item = (char *)work->items + run->item * work->item_size;
        work->function(item, result != NULL ? result + run->item * work->result_size : NULL);
    }
}

static void pyt__chunk_body_star(void *arg) {
    struct pyt__chunk_run *run = (struct pyt__chunk_run *)arg;
    const pyt_pool_work *work = &run->job->work;
    for (; run->item < run->stop; run->item++) {
        void *items[PYT_POOL_ARRAYS] = {NULL};
        for (size_t i = 0; i < work->n_arrays; i++) {
            const pyt_pool_array *array = &run->job->arrays[i];
            items[i] = (char *)array->items + run->item * array->item_size;
        }
        char *result = (char *)work->results;
        work->star(items, result != NULL ? result + run->item * work->result_size : NULL);
    }
}

/* Note that an item has failed. Owns the frame's message. */
static void pyt__job_note_failure(pyt__job *job, size_t item, struct pyt__frame *frame) {
    if (job->items != NULL) {
        job->items[item].failed = true; /* seen by the iterator once the chunk is published */
        job->items[item].message = frame->message;
        return;
    }
    char *message = frame->message;
    pyt__lock_take(&job->lock);
    if (item < job->failed) {
        job->failed = item;
        job->code = frame->code;
        message = job->message;
        job->message = frame->message;
    }
    pyt_lock_release(&job->lock);
    pyt__release_memory(message);
}

static void pyt__job_run_chunk(pyt__job *job, size_t chunk) {
    pyt__me.pyt__worker->chunk = (uint32_t)chunk;
    size_t first = chunk * job->chunk;
    size_t count = job->work.n - first < job->chunk ? job->work.n - first : job->chunk;
    struct pyt__chunk_run run = {job, first, first + count};
    struct pyt__frame frame;
    void (*body)(void *) = job->work.star != NULL ? pyt__chunk_body_star : pyt__chunk_body;
    while (run.item < run.stop) {
        if (pyt__call(&frame, body, &run) == PYT__RAISED) {
            pyt__job_note_failure(job, run.item, &frame);
        }
        run.item++; /* it has raised or exited; after a return this goes beyond the stop */
    }
    pyt__job_publish(job, chunk, PYT__CHUNK_FINISHED);
    pyt__me.pyt__worker->chunk = PYT__CHUNK_NONE;
    pyt__job_account(job, 1);
}

/* Was the job's future cancelled before it began? Else it runs. */
static bool pyt__job_is_cancelled(pyt__job *job) {
    return job->future != NULL && pyt__future_start(job->future) > PYT__FUTURE_RUNNING;
}

/* What a helper task does. */
static void *pyt__job_help(void *arg) {
    pyt__job *job = (pyt__job *)arg;
    pyt_executor *executor = pyt__me.pyt__worker->executor;
    uint32_t chunk = 0;
    pyt__me.pyt__worker->chunk = PYT__CHUNK_NONE;
    while (chunk < job->chunks) {
        /* 1. Before each chunk: after a terminate or a cancellation drop what is left. */
        if (PYT__LOAD(&executor->terminated, relaxed) || pyt__job_is_cancelled(job)) {
            pyt__job_drop(job, false);
        }
        /* 2. Take the next number. What the addition returns counts: since the look other helpers
         *    may have taken the last, or a drop the rest. */
        chunk = PYT__LOAD(&job->next, relaxed);
        PYT__STEP();
        if (chunk < job->chunks) {
            chunk = PYT__ADD(&job->next, 1, relaxed);
        }
        if (chunk < job->chunks) {
            pyt__job_run_chunk(job, chunk);
        }
    }
    pyt_future *task = PYT__LOAD(&pyt__me.pyt__worker->task, relaxed);
    PYT__STORE(&pyt__me.pyt__worker->task, NULL,
               relaxed); /* fork's child must not find the job here */
    PYT__ADD(&task->word, 0 - PYT__FUTURE_HELPER,
             relaxed); /* nor by an older note of this future */
    pyt__job_unref(job);
    return NULL;
}

/* The executor's `drop`: a helper will not run. It is none any more when the job may go: fork's
 * child finds the job by its helpers. */
static void pyt__job_helper_dropped(pyt_future *task, bool broken) {
    pyt__job *job = (pyt__job *)task->arg;
    pyt__job_drop(job, broken);
    PYT__ADD(&task->word, 0 - PYT__FUTURE_HELPER, relaxed);
    pyt__job_unref(job);
}

/* The executor's `cut_off`: a helper will not return from the chunk it is at or, with no chunk,
 * from a callback of the job: pyt__futures_cut_off has completed its future by now. */
static void pyt__job_helper_cut_off(pyt_future *task, uint32_t chunk) {
    pyt__job *job = (pyt__job *)task->arg;
    PYT__STORE(&job->broken, true, relaxed);
    PYT__STORE(&job->dropped, true, release);
    pyt__job_drop(job, true);
    if (chunk != PYT__CHUNK_NONE) {
        pyt__job_publish(job, chunk, PYT__CHUNK_DROPPED);
        pyt__job_account(job, 1);
    }
    PYT__ADD(&task->word, 0 - PYT__FUTURE_HELPER, relaxed);
    pyt__job_unref(job);
}

/* The executor's `abandon`, in fork's child: no thread will finish the job. */
static void pyt__job_abandon(void *arg) {
    pyt__job *job = (pyt__job *)arg;
    PYT__STORE(&job->lock.pyt__word, 0, relaxed);
    PYT__STORE(&job->next, job->chunks, relaxed);
    if (job->future != NULL) {
        pyt__future_abandon(job->future);
    }
    for (size_t chunk = 0; job->items != NULL && chunk < job->chunks; chunk++) {
        if (job->finished[chunk] == 0) {
            job->finished[chunk] = PYT__CHUNK_DROPPED;
            job->order[job->order_count++] = chunk;
        }
    }
}

/* ---- making a job ---- */

/* Judge what `count` things of `size` bytes each need, and whether they are there. */
static pyt_status pyt__work_check_array(const void *things, size_t size, size_t count) {
    if (things == NULL && count > 0) {
        return pyt__fail_null();
    }
    if (size > 0 && count > SIZE_MAX / size) {
        return pyt__fail(PYT_OVERFLOW_ERROR, "the items reach beyond the memory");
    }
    return PYT_OK;
}

static pyt_status pyt__work_check_star(const pyt_pool_work *work) {
    if (work->star == NULL || work->arrays == NULL) {
        return pyt__fail_null();
    }
    if (work->n_arrays == 0 || work->n_arrays > PYT_POOL_ARRAYS) {
        return pyt__fail(PYT_VALUE_ERROR, "starmap takes 1 to 8 arrays");
    }
    pyt_status status = PYT_OK;
    for (size_t i = 0; status == PYT_OK && i < work->n_arrays; i++) {
        status = pyt__work_check_array(work->arrays[i].items, work->arrays[i].item_size, work->n);
    }
    return status;
}

static pyt_status pyt__work_check(const pyt_pool *pool, const pyt_pool_work *work, bool star) {
    if (pool == NULL || work == NULL || (!star && work->function == NULL)) {
        return pyt__fail_null();
    }
    if (work->chunksize < 0) {
        return pyt__fail(PYT_VALUE_ERROR, "a chunksize must be 1 or more, or 0 for the default");
    }
    pyt_status status = pyt__work_check_array(pool, work->result_size, work->n);
    if (status != PYT_OK) {
        return status;
    }
    return star ? pyt__work_check_star(work)
                : pyt__work_check_array(work->items, work->item_size, work->n);
}

/* Memory for `count` things of `size` bytes, zeroed; 1 byte for none of them. */
static void *pyt__job_allocate(size_t count, size_t size) {
    if (size > 0 && count > (SIZE_MAX - 1) / size) {
        return NULL;
    }
    return pyt__allocate_zeroed(count * size + 1);
}

/* What an iteration needs beside. Returns false without memory. */
static bool pyt__job_prepare_iteration(pyt__job *job) {
    job->items = (pyt__item *)pyt__job_allocate(job->work.n, sizeof *job->items);
    job->order = (size_t *)pyt__job_allocate(job->chunks, sizeof *job->order);
    job->finished = (uint8_t *)pyt__job_allocate(job->chunks, sizeof *job->finished);
    if (job->work.results == NULL && job->work.result_size > 0) {
        job->own_results = pyt__job_allocate(job->work.n, job->work.result_size);
        job->work.results = job->own_results;
    }
    return job->items != NULL && job->order != NULL && job->finished != NULL &&
           (job->work.results != NULL || job->work.result_size == 0);
}

static void pyt__job_split(pyt__job *job, bool iteration) {
    size_t n = job->work.n;
    size_t shares = 4 * (size_t)job->executor->max_threads;
    job->chunk = (size_t)job->work.chunksize;
    if (job->chunk == 0) {
        job->chunk = iteration || n == 0 ? 1 : (n - 1) / shares + 1;
    }
    if (n / job->chunk >= PYT__CHUNKS_MAX) {
        job->chunk = n / PYT__CHUNKS_MAX + 1;
    }
    job->chunks = n == 0 ? 0 : (uint32_t)((n - 1) / job->chunk + 1);
    PYT__STORE(&job->left, job->chunks, relaxed);
}

/* A job with one reference, or NULL without memory. */
static pyt__job *pyt__job_make(pyt_pool *pool, const pyt_pool_work *work, bool star,
                               bool iteration) {
    pyt__job *job = (pyt__job *)pyt__allocate_zeroed(sizeof *job);
    if (job == NULL) {
        return NULL;
    }
    PYT__STORE(&job->refs, 1, relaxed);
    job->executor = pool->executor;
    job->work = *work;
    job->failed = work->n;
    if (star) {
        memcpy(job->arrays, work->arrays, work->n_arrays * sizeof job->arrays[0]);
    } else {
        job->work.star = NULL;
    }
    pyt__job_split(job, iteration);
    if (iteration && !pyt__job_prepare_iteration(job)) {
        pyt__job_unref(job);
        return NULL;
    }
    return job;
}

/* ---- callbacks ---- */

typedef struct pyt__pool_observer {
    pyt__observer observer; /* first: freeing the one frees the other */
    pyt_pool_callbacks callbacks;
} pyt__pool_observer;

static void pyt__pool_call_back(pyt_future *future, void *arg) {
    const pyt_pool_callbacks *callbacks = &((pyt__pool_observer *)arg)->callbacks;
    pyt_status status = pyt_future_cancelled(future) ? PYT_CANCELLED : future->failure;
    pyt_exception exception = {PYT_CANCELLED, 0, pyt_strerror(PYT_CANCELLED)};
    if (status == PYT_OK) {
        if (callbacks->callback != NULL) {
            callbacks->callback(future->outcome.value, callbacks->arg);
        }
        return;
    }
    if (status != PYT_CANCELLED) {
        pyt__future_describe(future, &exception);
    }
    if (callbacks->error_callback != NULL) {
        callbacks->error_callback(&exception, callbacks->arg);
    }
}

/* What calls the callbacks when a future is done, if there are any.
 * Returns  false without memory */
static bool pyt__pool_observe(const pyt_pool_callbacks *callbacks, pyt__observer **made) {
    *made = NULL;
    if (callbacks == NULL) {
        return true;
    }
    pyt__pool_observer *observer = (pyt__pool_observer *)pyt__allocate_zeroed(sizeof *observer);
    if (observer == NULL) {
        return false;
    }
    observer->observer.callback = pyt__pool_call_back;
    observer->observer.arg = observer;
    observer->callbacks = *callbacks;
    *made = &observer->observer;
    return true;
}

/* ---- apply ---- */

/* Submit to the executor of a pool. A refusal has another name there. */
static pyt_status pyt__pool_submit(pyt_executor *executor, const pyt__task *task,
                                   pyt_future **added) {
    pyt_status status = pyt__executor_submit(executor, task, added);
    return status == PYT_RUNTIME_ERROR ? pyt__fail(PYT_VALUE_ERROR, "Pool not running") : status;
}

PYT__API pyt_status pyt_pool_apply_async(pyt_pool *pool, void *(*function)(void *arg), void *arg,
                                         const pyt_pool_callbacks *callbacks,
                                         pyt_async_result **result) {
    pyt_future *dropped;
    if (result != NULL) {
        *result = NULL;
    }
    if (pool == NULL || function == NULL) {
        return pyt__fail_null();
    }
    uint32_t refs = result != NULL ? 2 * PYT__FUTURE_REF : PYT__FUTURE_REF;
    pyt__task task = {function, arg, refs, NULL};
    if (!pyt__pool_observe(callbacks, &task.observer)) {
        return pyt__fail_memory();
    }
    pyt_status status = pyt__pool_submit(pool->executor, &task, result != NULL ? result : &dropped);
    if (status != PYT_OK) {
        pyt__release_memory(task.observer);
    }
    return status;
}

/* The caller's wait for a task of its own ended with `status`. What has not begun will not; what
 * runs is waited for, since it uses the caller's memory, unless that is what could never end. */
static void pyt__pool_take_back(pyt_future *future, pyt_status status) {
    if (!pyt_future_done(future) &&
        !pyt__future_settle(future, PYT__FUTURE_PENDING, PYT__FUTURE_CANCELLED) &&
        status != PYT_RUNTIME_ERROR && pyt__enroll() != NULL) {
        pyt__future_wait_out(future);
    }
}

PYT__API pyt_status pyt_pool_apply(pyt_pool *pool, void *(*function)(void *arg), void *arg,
                                   void **result) {
    pyt_future *future;
    pyt_status status = pyt_pool_apply_async(pool, function, arg, NULL, &future);
    if (status == PYT_OK) {
        status = pyt__future_result_until(future, PYT__FOREVER, result);
        pyt__pool_take_back(future, status);
        pyt_future_unref(future);
    }
    return status;
}

/* ---- map ---- */

/* Give a job its future, with two references: the job's and the caller's. */
PYT__UNCHECKED static bool pyt__job_make_future(pyt__job *job, pyt__observer *observer) {
    if (pyt__enroll() == NULL) {
        return false;
    }
    pyt_future *future = pyt__executor_lend(job->executor);
    if (future == NULL) {
        return false;
    }
    pyt_lock_release(&job->executor->in_lock);
    pyt__future_renew_owned(future, 2 * PYT__FUTURE_REF, observer);
    job->future = future;
    return true;
}

/* A job without items is done at once, if the pool takes jobs. */
static pyt_status pyt__job_send_nothing(pyt_pool *pool, pyt__job *job) {
    if (PYT__LOAD(&pool->executor->state, acquire) != PYT__EXECUTOR_OPEN) {
        pyt_status status = pyt__executor_refuse(pool->executor);
        return status == PYT_RUNTIME_ERROR ? pyt__fail(PYT_VALUE_ERROR, "Pool not running")
                                           : status;
    }
    pyt__job_complete(job);
    return PYT_OK;
}

/* Have workers help with a job. One that does is enough. The first of them may free the pool while
 * the others are being sent: the executor is kept, and then refuses them.
 * Returns  what became of the first, when there is none */
static pyt_status pyt__job_send(pyt_pool *pool, pyt__job *job) {
    pyt_status status = PYT_OK;
    pyt_future *added;
    pyt__task task = {pyt__job_help, job, PYT__FUTURE_REF | PYT__FUTURE_HELPER, NULL};
    pyt_executor *executor = job->executor;
    size_t helpers = executor->max_threads;
    size_t sent = 0;
    helpers = job->chunks < helpers ? job->chunks : helpers;
    if (helpers == 0) {
        return pyt__job_send_nothing(pool, job);
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    PYT__ADD(&executor->refs, 1, relaxed); /* a helper may free the pool while others are sent */
    while (sent < helpers && status == PYT_OK) {
        PYT__ADD(&job->refs, 1, relaxed); /* before it is sent: it may end at once */
        status = pyt__pool_submit(executor, &task, &added);
        if (status == PYT_OK) {
            sent++;
        } else {
            PYT__ADD(&job->refs, UINT32_MAX, relaxed); /* there is another */
        }
    }
    pyt__executor_unref(executor);
    return sent > 0 ? PYT_OK : status;
}

/* Make a job and set it going.
 * job      receives it, with a reference; its future has one for the caller as well */
static pyt_status pyt__pool_begin(pyt_pool *pool, const pyt_pool_work *work, bool star,
                                  const pyt_pool_callbacks *callbacks, pyt__job **job) {
    pyt__observer *observer;
    pyt_status status = pyt__work_check(pool, work, star);
    if (status != PYT_OK) {
        return status;
    }
    *job = pyt__job_make(pool, work, star, false);
    if (*job == NULL) {
        return pyt__fail_memory();
    }
    if (!pyt__pool_observe(work->n > 0 ? callbacks : NULL, &observer)) {
        pyt__job_unref(*job);
        return pyt__fail_memory();
    }
    if (!pyt__job_make_future(*job, observer)) {
        pyt__release_memory(observer);
        pyt__job_unref(*job);
        return pyt__fail_memory();
    }
    status = pyt__job_send(pool, *job);
    if (status != PYT_OK) {
        pyt_future_unref((*job)->future);
        pyt__job_unref(*job); /* the future goes with it, its callbacks uncalled */
    }
    return status;
}

static pyt_status pyt__pool_map(pyt_pool *pool, const pyt_pool_work *work, bool star,
                                size_t *failed) {
    pyt__job *job;
    if (failed != NULL) {
        *failed = 0;
    }
    pyt_status status = pyt__pool_begin(pool, work, star, NULL, &job);
    if (status != PYT_OK) {
        return status;
    }
    pyt_future *future = job->future;
    status = pyt__future_result_until(future, PYT__FOREVER, NULL);
    if (!pyt_future_done(future)) {
        pyt__job_drop(job, false);
        if (status != PYT_RUNTIME_ERROR) {
            pyt__future_wait_out(future);
        }
    }
    if (failed != NULL && pyt_future_done(future)) {
        *failed = job->failed;
    }
    pyt_future_unref(future);
    pyt__job_unref(job);
    return status;
}

PYT__API pyt_status pyt_pool_map(pyt_pool *pool, const pyt_pool_work *work, size_t *failed) {
    return pyt__pool_map(pool, work, false, failed);
}

PYT__API pyt_status pyt_pool_starmap(pyt_pool *pool, const pyt_pool_work *work, size_t *failed) {
    return pyt__pool_map(pool, work, true, failed);
}

static pyt_status pyt__pool_map_async(pyt_pool *pool, const pyt_pool_work *work, bool star,
                                      const pyt_pool_callbacks *callbacks,
                                      pyt_async_result **result) {
    pyt__job *job;
    if (result != NULL) {
        *result = NULL;
    }
    pyt_status status = pyt__pool_begin(pool, work, star, callbacks, &job);
    if (status != PYT_OK) {
        return status;
    }
    if (result != NULL) {
        *result = job->future;
    } else {
        pyt_future_unref(job->future);
    }
    pyt__job_unref(job);
    return PYT_OK;
}

PYT__API pyt_status pyt_pool_map_async(pyt_pool *pool, const pyt_pool_work *work,
                                       const pyt_pool_callbacks *callbacks,
                                       pyt_async_result **result) {
    return pyt__pool_map_async(pool, work, false, callbacks, result);
}

PYT__API pyt_status pyt_pool_starmap_async(pyt_pool *pool, const pyt_pool_work *work,
                                           const pyt_pool_callbacks *callbacks,
                                           pyt_async_result **result) {
    return pyt__pool_map_async(pool, work, true, callbacks, result);
}

/* ---- imap ---- */

static pyt_status pyt__pool_iterate(pyt_pool *pool, const pyt_pool_work *work, bool unordered,
                                    pyt_pool_iterator **iterator) {
    if (iterator == NULL) {
        return pyt__fail_null();
    }
    *iterator = NULL;
    pyt_status status = pyt__work_check(pool, work, false);
    if (status != PYT_OK) {
        return status;
    }
    pyt_pool_iterator *made = (pyt_pool_iterator *)pyt__allocate_zeroed(sizeof *made);
    pyt__job *job = made != NULL ? pyt__job_make(pool, work, false, true) : NULL;
    if (job == NULL) {
        pyt__release_memory(made);
        return pyt__fail_memory();
    }
    made->job = job;
    made->unordered = unordered;
    status = pyt__job_send(pool, job);
    if (status != PYT_OK) {
        pyt__release_memory(made);
        pyt__job_unref(job);
        return status;
    }
    *iterator = made;
    return PYT_OK;
}

PYT__API pyt_status pyt_pool_imap(pyt_pool *pool, const pyt_pool_work *work,
                                  pyt_pool_iterator **iterator) {
    return pyt__pool_iterate(pool, work, false, iterator);
}

PYT__API pyt_status pyt_pool_imap_unordered(pyt_pool *pool, const pyt_pool_work *work,
                                            pyt_pool_iterator **iterator) {
    return pyt__pool_iterate(pool, work, true, iterator);
}

/* Is there something new for the iterator? The job's lock is held. */
static bool pyt__iterator_ready_locked(const pyt_pool_iterator *iterator) {
    const pyt__job *job = iterator->job;
    return iterator->unordered ? iterator->taken < job->order_count
                               : job->finished[iterator->taken] != 0;
}

/* Sleep until another chunk is finished. The job's lock is held, and released meanwhile. */
static pyt_status pyt__job_wait_locked(pyt__job *job, int64_t deadline, bool interruptible)
    PYT__REQUIRE(job->lock) {
    if (deadline == PYT__AT_ONCE) {
        return PYT_TIMEOUT;
    }
    pyt_status status =
        pyt__park_marked_unlocks(&job->lock, &job->awaited, deadline, interruptible);
    pyt__lock_take(&job->lock);
    return status;
}

/* Go on to the next chunk, waiting for it. */
static pyt_status pyt__iterator_advance(pyt_pool_iterator *iterator, int64_t deadline) {
    pyt__job *job = iterator->job;
    pyt_status status = PYT_OK;
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__lock_take(&job->lock);
    while (status == PYT_OK && !pyt__iterator_ready_locked(iterator)) {
        status = pyt__job_wait_locked(job, deadline, true);
    }
    if (status == PYT_OK) {
        size_t chunk = iterator->unordered ? job->order[iterator->taken] : iterator->taken;
        iterator->taken++;
        iterator->dropped = job->finished[chunk] == PYT__CHUNK_DROPPED;
        iterator->place = chunk * job->chunk;
        size_t rest = job->work.n - iterator->place;
        iterator->stop = iterator->place + (rest < job->chunk ? rest : job->chunk);
    }
    pyt_lock_release(&job->lock);
    return status;
}

/* Give the present item. */
static pyt_status pyt__iterator_give(pyt_pool_iterator *iterator, void *result, size_t *place) {
    const pyt__job *job = iterator->job;
    size_t i = iterator->place++;
    if (place != NULL) {
        *place = i;
    }
    if (iterator->dropped) {
        bool broken = PYT__LOAD(&job->broken, relaxed);
        return broken ? pyt__fail(PYT_BROKEN_EXECUTOR, pyt_strerror(PYT_BROKEN_EXECUTOR))
                      : pyt__fail(PYT_CANCELLED, "the pool was terminated");
    }
    if (job->items[i].failed) {
        const char *message = job->items[i].message;
        return pyt__fail_copied(PYT_TASK_ERROR, message != NULL ? message : "");
    }
    if (result != NULL && job->work.result_size > 0) {
        memcpy(result, (char *)job->work.results + i * job->work.result_size,
               job->work.result_size);
    }
    return PYT_OK;
}

static pyt_status pyt__iterator_next_until(pyt_pool_iterator *iterator, int64_t deadline,
                                           void *result, size_t *place) {
    if (iterator == NULL) {
        return pyt__fail_null();
    }
    if (iterator->place == iterator->stop) {
        if (iterator->taken == iterator->job->chunks) {
            return pyt__fail(PYT_QUEUE_EMPTY, "no results are left");
        }
        pyt_status status = pyt__iterator_advance(iterator, deadline);
        if (status != PYT_OK) {
            return status;
        }
    }
    return pyt__iterator_give(iterator, result, place);
}

PYT__API pyt_status pyt_pool_iterator_next(pyt_pool_iterator *iterator, void *result,
                                           size_t *place) {
    return pyt__iterator_next_until(iterator, PYT__FOREVER, result, place);
}

PYT__API pyt_status pyt_pool_iterator_next_timeout(pyt_pool_iterator *iterator, double seconds,
                                                   void *result, size_t *place) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__iterator_next_until(iterator, deadline, result, place) : status;
}

PYT__API void pyt_pool_iterator_destroy(pyt_pool_iterator *iterator) {
    if (iterator == NULL || pyt__enroll() == NULL) {
        return;
    }
    pyt__job *job = iterator->job;
    pyt__job_drop(job, false);
    pyt__lock_take(&job->lock);
    while (job->order_count < job->chunks) {
        (void)pyt__job_wait_locked(job, PYT__FOREVER, false);
    }
    pyt_lock_release(&job->lock);
    pyt__release_memory(iterator);
    pyt__job_unref(job);
}

/* ---- the life of a pool ---- */

static PYT__ATOMIC(uint32_t) pyt__pools_named;

static pyt_executor *pyt__pool_make_executor(const pyt_pool_options *options) {
    char prefix[32];
    uint32_t number = PYT__ADD(&pyt__pools_named, 1, relaxed);
    uint32_t threads = options->processes > 0 ? (uint32_t)options->processes : pyt__os_processors();
    (void)snprintf(prefix, sizeof prefix, "ThreadPool-%lu", (unsigned long)number);
    pyt_executor *executor =
        pyt__executor_make(threads, prefix, options->initializer, options->arg);
    if (executor == NULL) {
        return NULL;
    }
    executor->drop = pyt__job_helper_dropped;
    executor->abandon = pyt__job_abandon;
    executor->cut_off = pyt__job_helper_cut_off;
    bool grown = true;
    pyt__lock_take(&executor->out_lock);
    while (grown && executor->threads < threads) {
        grown = pyt__executor_grow_locked(executor);
    }
    pyt_lock_release(&executor->out_lock);
    if (!grown) {
        pyt_executor_free(executor);
    }
    return grown ? executor : NULL;
}

PYT__API pyt_status pyt_pool_new(pyt_pool **pool, const pyt_pool_options *options) {
    static const pyt_pool_options defaults = {0, NULL, NULL};
    if (pool == NULL) {
        return pyt__fail_null();
    }
    *pool = NULL;
    if (options == NULL) {
        options = &defaults;
    }
    if (options->processes < 0) {
        return pyt__fail(PYT_VALUE_ERROR, "Number of processes must be at least 1");
    }
    pyt_pool *made = (pyt_pool *)pyt__allocate_zeroed(sizeof *made);
    if (made == NULL) {
        return pyt__fail_memory();
    }
    made->executor = pyt__pool_make_executor(options);
    if (made->executor == NULL) {
        pyt__release_memory(made);
        return pyt__fail(PYT_MEMORY_ERROR, "can't start new thread");
    }
    *pool = made;
    return PYT_OK;
}

/* Take no more work, and drop what there is when `state` is TERMINATED. */
static pyt_status pyt__pool_stop(pyt_pool *pool, uint32_t state) {
    if (pool == NULL) {
        return pyt__fail_null();
    }
    if (pyt__enroll() == NULL) {
        return PYT_MEMORY_ERROR;
    }
    uint32_t before = PYT__LOAD(&pool->state, relaxed);
    while (before < state && !PYT__CAS(&pool->state, &before, state, relaxed)) {
    }
    bool drop = state == PYT__POOL_TERMINATED;
    if (drop) {
        PYT__STORE(&pool->executor->terminated, true, relaxed);
    }
    pyt__executor_close(pool->executor, PYT__EXECUTOR_SHUT, drop);
    return PYT_OK;
}

PYT__API pyt_status pyt_pool_close(pyt_pool *pool) {
    return pyt__pool_stop(pool, PYT__POOL_CLOSED);
}

PYT__API pyt_status pyt_pool_terminate(pyt_pool *pool) {
    return pyt__pool_stop(pool, PYT__POOL_TERMINATED);
}

PYT__API pyt_status pyt_pool_join(pyt_pool *pool) {
    if (pool == NULL) {
        return pyt__fail_null();
    }
    if (PYT__LOAD(&pool->state, relaxed) == PYT__POOL_OPEN) {
        return pyt__fail(PYT_VALUE_ERROR, "Pool is still running");
    }
    if (pyt__executor_is_here(pool->executor)) {
        return pyt__fail(PYT_RUNTIME_ERROR, "a worker cannot wait for its own pool's end");
    }
    return pyt__enroll() != NULL ? pyt__executor_join(pool->executor, true) : PYT_MEMORY_ERROR;
}

PYT__API void pyt_pool_free(pyt_pool *pool) {
    if (pyt__pool_stop(pool, PYT__POOL_TERMINATED) == PYT_OK) {
        pyt_executor_free(pool->executor);
        pyt__release_memory(pool);
    }
}

/* ---- results ---- */

PYT__API pyt_status pyt_async_result_get(pyt_async_result *result, void **value) {
    return pyt_future_result(result, value);
}

PYT__API pyt_status pyt_async_result_get_timeout(pyt_async_result *result, double seconds,
                                                 void **value) {
    return pyt_future_result_timeout(result, seconds, value);
}

PYT__API pyt_status pyt_async_result_wait(pyt_async_result *result) {
    return pyt__future_wait(result, PYT__FOREVER);
}

PYT__API pyt_status pyt_async_result_wait_timeout(pyt_async_result *result, double seconds) {
    int64_t deadline;
    pyt_status status = pyt__deadline_checked(seconds, &deadline);
    return status == PYT_OK ? pyt__future_wait(result, deadline) : status;
}

PYT__API bool pyt_async_result_ready(const pyt_async_result *result) {
    return pyt_future_done(result);
}

PYT__API pyt_status pyt_async_result_successful(const pyt_async_result *result, bool *successful) {
    if (result == NULL || successful == NULL) {
        return pyt__fail_null();
    }
    if (!pyt_future_done(result)) {
        return pyt__fail(PYT_VALUE_ERROR, "the result is not ready");
    }
    *successful = pyt__future_phase(result) == PYT__FUTURE_FINISHED;
    return PYT_OK;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>process                                          the end of the process, and the child of fork
 *
 *  The two moments that concern every room. At the end, executors take no more tasks and work off
 *  their queues. Then threads that are not daemons are joined, those started meanwhile included;
 *  daemons are left alone, and what they may still touch is never freed. Handlers registered with
 *  atexit before the first thread was started run after that, those registered later before it.
 *
 *  Before a fork the forking thread takes all locks of the library's own, so that the child finds
 *  every list whole. The functions that do so are registered in a constructor: those of the
 *  program, registered later, run before the locks are taken and after they are released, where
 *  they may start, join and wait. Handlers of libraries that were loaded earlier run in between,
 *  and so do all of those that were there before a plugin with a copy of its own: they must not
 *  wait for what needs the locks. The child has one thread, and none waits any more: the queues are
 *  empty, the parkers of the others are free. PARKED bits may stay; they cost a look. The others'
 *  handles are OVER, nothing joins their system threads, and waiting timers have ended unfired. The
 *  caller is the main thread. A user's lock that another thread held stays held; a future made by
 *  hand that it was completing can be completed in the child.
 *
 *      the forking thread                  another thread, in the library
 *      fork_before: take the locks of      is before or after a step under each of them, or
 *      executors, timers, the registry,    between two locks, with what it has taken out in its
 *      locals, then the mutexes            own hands: `dropped`, a parker, a task
 *      fork
 *      parent: unlock in reverse           goes on
 *      child: renew, or unlock; lists      is not there: its handle is OVER, its parker free; what
 *      are whole, counts made anew         it dropped is ended by the child
 * ============================================================================================== */
#if PYT__DEFINE

/* The oldest thread that the process's end waits for, with a reference, or NULL. */
static pyt_thread *pyt__next_to_wait_for(void) {
    pyt__registry_open();
    pyt_thread *thread = pyt__registry_oldest;
    while (thread != NULL &&
           ((pyt__thread_state(thread) & (PYT__DAEMON | PYT__MAIN | PYT__DUMMY)) ||
            pyt__thread_phase(thread) == PYT__OVER || thread == pyt__me.pyt__thread)) {
        thread = thread->next;
    }
    pyt_thread_ref(thread);
    pyt__registry_close();
    return thread;
}

static bool pyt__exit_hooked; /* pyt__at_exit is registered for the threads; under registry lock */
static pyt_event pyt__exit_never; /* never set: what threads wait for that came second to exit */

/* In fork's child, which is a new process. A handler that was called will not be called again: the
 * next start of a thread registers it anew. */
static void pyt__exit_fork_child(void) {
    if (PYT__LOAD(&pyt__exiting, relaxed) != 0) {
        PYT__STORE(&pyt__exiting, 0, relaxed);
        pyt__exit_hooked = false;
    }
}

/* The calling thread will not finish what it is in the middle of: end that for its waiters.
 * gone  it has left, and its stack with it; else it is in exit */
static void pyt__cut_off(bool gone) {
    pyt__barriers_cut_off();
    pyt__locals_cut_off(gone);
    pyt__futures_cut_off(gone);
    pyt__worker_cut_off();
    pyt__drops_cut_off();
}

/* Join the system threads of threads that are over, those without a handle included. If the
 * last reference to one is being dropped, the dropping thread joins it.
 * gone  the calling thread may be the orphan: leave that alone */
static void pyt__left_join(bool gone) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt_thread *thread;
    do {
        pyt__os_mutex_lock(&shared->mutex);
        thread = shared->left;
        while (thread != NULL && (thread == pyt__me.pyt__left || !pyt__thread_try_ref(thread))) {
            thread = thread->next;
        }
        pyt__os_mutex_unlock(&shared->mutex);
        if (thread != NULL) {
            pyt__thread_join_system(thread);
            pyt_thread_unref(thread);
        }
    } while (thread != NULL);
    if (!gone) {
        pyt__orphan_swap(NULL);
    }
}

/* The end of the process, for all threads but the calling one: executors, threads that are no
 * daemons, timers, each to its last instruction. The main thread counts as over from here on. */
static void pyt__finish(bool gone) {
    pyt__registry_open();
    pyt__thread_be_over(PYT__LOAD(&pyt__main_handle, relaxed));
    pyt__registry_close();
    pyt__executors_finish();
    pyt_thread *thread = pyt__next_to_wait_for();
    while (thread != NULL) {
        pyt__thread_join_until(thread, PYT__FOREVER, false);
        pyt_thread_unref(thread);
        thread = pyt__next_to_wait_for();
    }
    pyt__timers_close();
    if (PYT__END_ROUNDS > 1) {
        pyt__left_join(gone);
    }
}

/* Called by exit, for each time it is registered:
 *
 *    1  at the first start of a thread: the first thread to come is the one that ends the process.
 *       It counts as over for its joiners, and waits for the others itself. Handlers of the
 *       program that were registered before that run after it
 *    2  by 1, again: for a thread that calls exit meanwhile, which may be one of those waited for.
 *       It counts as over, too, and stays here. Its own exit would run the program's handlers
 *       before the threads have ended. The thread that ends the process passes by later
 *    3  in the constructor: the same for one that calls exit while the program's handlers run */
static void pyt__at_exit(void) {
    PYT__SIM(if (pyt__sim_self() != NULL) { return; })
    if (pyt__os_is_alone() || PYT__LOAD(&pyt__shared_place, acquire) == NULL) {
        return;
    }
    bool gone = pyt__me.pyt__gone;
    uintptr_t owner = 0;
    pyt__me.pyt__gone = false;
    if (pyt__enroll() == NULL) {
        return;
    }
    bool first = PYT__CAS(&pyt__exiting, &owner, (uintptr_t)&pyt__me, acq_rel);
    if (!first && owner == (uintptr_t)&pyt__me) {
        return;
    }
    (void)pyt__os_at_exit(pyt__at_exit);
    pyt__cut_off(false);
    pyt__thread_exits();
    if (first) {
        pyt__finish(gone);
    } else {
        (void)pyt__event_wait_until(&pyt__exit_never, PYT__FOREVER, false);
    }
}

#if defined(PYT__UNLOADABLE)

/* A copy in a plugin is unloaded: dlclose runs destructors, then what the plugin registered with
 * atexit, then, of destructors with a priority, the first that a program may use. exit runs what
 * was registered with atexit before any destructor. So the order tells the two apart.
 *
 *    1  pyt__note_unload comes before pyt__at_exit: not the end of the process
 *    2  pyt__at_exit waits for executors, threads that are no daemons, and timers
 *    3  pyt__unload waits for threads that are in the middle of their end, takes the key back, so
 *       that the end of no other thread calls code that is gone, and frees what is left. The
 *       system takes fork's functions back (glibc, FreeBSD; elsewhere nothing is ever unloaded, or
 *       they stay) */
static bool pyt__is_unloaded;

__attribute__((destructor)) static void pyt__note_unload(void) {
    pyt__is_unloaded =
        PYT__LOAD(&pyt__exiting, relaxed) == 0 && PYT__LOAD(&pyt__shared_place, acquire) != NULL;
}

/* The caller is one of those that leave if it unloads in a destructor of its own. */
static void pyt__wait_for_leaving(pyt__shared *shared) {
    uint32_t self = pyt__me.pyt__rounds > 0 && !pyt__me.pyt__gone ? 1 : 0;
    pyt__os_mutex_lock(&shared->mutex);
    while (PYT__LOAD(&shared->leaving, relaxed) > self) {
        pyt__os_cond_wait(&shared->fork_parker->cond, &shared->mutex);
    }
    pyt__os_mutex_unlock(&shared->mutex);
}

static void pyt__unload_memory(pyt__shared *shared) {
    while (shared->youngest != NULL) {
        pyt__parker *parker = shared->youngest;
        shared->youngest = parker->older;
        pyt__parker_unmake(parker);
    }
    pyt__shared_unmake_mutexes(shared);
    pyt__parker_unmake(shared->fork_parker);
    pyt__release_memory(shared);
    pyt__release_memory(pyt__timers_heap);
    pyt__release_memory(pyt__local_free);
    pyt__release_memory(pyt__me.pyt__message_memory);
}

__attribute__((destructor(101))) static void pyt__unload(void) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    if (!pyt__is_unloaded || shared == NULL) {
        return;
    }
    bool gone = pyt__me.pyt__gone;
    pyt__wait_for_leaving(shared);
    pyt__left_join(gone);
    if (PYT__LOAD(&pyt__threads_alive, acquire) > 0) {
        return; /* a daemon goes on: what it uses stays, though its code goes */
    }
    if (pyt__me.pyt__parker != NULL) {
        pyt__locals_end();
    }
    pyt__os_key_drop(shared->key);
    PYT__STORE(&pyt__shared_place, NULL, release);
    pyt__me.pyt__parker = NULL;
    pyt__unload_memory(shared);
}

#endif

#if defined(PYTHREADING_NO_ATEXIT)

PYT__UNUSED static void pyt__hook_exit_early(void) {
    (void)pyt__at_exit;
}

static void pyt__main_has_left(void) {
}

#else

PYT__UNUSED static void pyt__hook_exit_early(void) {
    if (PYT__END_ROUNDS > 1) {
        (void)pyt__os_at_exit(pyt__at_exit);
    }
}

/* Are none but daemons left, beside the calling thread? A thread that the system made goes on, as
 * it would without the library. */
static bool pyt__daemons_are_left(uint32_t self) {
    bool foreign = false;
    pyt__registry_open();
    for (pyt_thread *thread = pyt__registry_oldest; thread != NULL; thread = thread->next) {
        uint32_t state = pyt__thread_state(thread);
        foreign = foreign || ((state & PYT__ELSEWHERE) && !(state & PYT__MAIN));
    }
    pyt__registry_close();
    return !foreign && PYT__LOAD(&pyt__threads_alive, acquire) > self;
}

/* What ends the process instead of the main thread. `arg` is not NULL in a thread of its own. */
static void pyt__end_without_main(void *arg) {
    pyt__finish(false);
    if (pyt__daemons_are_left(arg != NULL ? 1 : 0)) {
        pyt__os_exit(0);
    }
}

/* The main thread ends by the system's means. The process ends as if main had returned, but not
 * before threads that the system made; the main thread's own end is not kept waiting for that. */
static void pyt__main_has_left(void) {
    PYT__SIM(if (pyt__sim_self() != NULL) { return; }) /* a run ends, not the process */
    pyt__registry_open();
    bool hooked = pyt__exit_hooked;
    pyt__registry_close();
    if (!hooked || PYT__LOAD(&pyt__exiting, relaxed) != 0) {
        return;
    }
    pyt_thread *thread = pyt__thread_start_hidden(pyt__end_without_main);
    if (thread == NULL) {
        pyt__end_without_main(NULL);
    }
    pyt_thread_unref(thread);
}

#endif

/* Have pyt__at_exit called, once. The registry is locked. */
static bool pyt__hook_exit_locked(void) {
#if !defined(PYTHREADING_NO_ATEXIT)
    if (!pyt__exit_hooked) {
        pyt__exit_hooked = !PYT__FAULT("at_exit") &&
                           (PYT__SIM(pyt__sim_self() != NULL ||) pyt__os_at_exit(pyt__at_exit));
    }
    return pyt__exit_hooked;
#else
    return true;
#endif
}

PYT__DEBUG(static void pyt__notes_renew(pyt__shared *shared);) /* the debug room's */

/* Lock or unlock the mutexes of the park room that are not the shared part's. No other
 * thread locks more than one parker's at a time, or the shared part's or a bucket's behind it. */
static void pyt__fork_all_mutexes(pyt__shared *shared, void (*change)(pyt__os_mutex *mutex)) {
    for (size_t i = 0; i < PYT__BUCKETS; i++) {
        change(&shared->buckets[i].mutex);
    }
    for (pyt__parker *parker = shared->youngest; parker != NULL; parker = parker->older) {
        change(&parker->mutex);
    }
    change(&shared->fork_parker->mutex);
}

/* While nothing has been made there is nothing to lock. What another thread makes between here and
 * the fork is put right in the child without: lists are walked forwards only, and counted anew. */
PYT__UNCHECKED static void pyt__fork_before(void) {
    if (pyt__me.pyt__forking++ > 0) {
        return;
    }
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__me.pyt__fork_shared = shared;
    if (shared == NULL) {
        return;
    }
    /* 1. One fork at a time: they share the parker of those that have none. */
    pyt__os_mutex_lock(&shared->fork_mutex);
    if (pyt__me.pyt__parker == NULL) {
        pyt__me.pyt__parker = shared->fork_parker;
    }
    /* 2. The locks, in the order in which all threads take them; they may be waited for. */
    pyt__executors_fork_before();
    pyt__lock_take(&pyt__timers_lock);
    pyt__registry_open();
    pyt__lock_take(&pyt__locals_lock);
    /* 3. The mutexes last: waiting for a lock needs them. */
    pyt__os_mutex_lock(&shared->mutex);
    if (!PYT__FORK_RENEWS) {
        pyt__fork_all_mutexes(shared, pyt__os_mutex_lock);
    }
}

/* Is this the call that ends what pyt__fork_before began? One without a beginning is none: the
 * functions were registered between the two. */
static bool pyt__fork_is_over(void) {
    return pyt__me.pyt__forking > 0 && --pyt__me.pyt__forking == 0;
}

PYT__UNCHECKED static void pyt__fork_parent(void) {
    pyt__shared *shared = pyt__me.pyt__fork_shared;
    if (!pyt__fork_is_over() || shared == NULL) {
        return;
    }
    if (!PYT__FORK_RENEWS) {
        pyt__fork_all_mutexes(shared, pyt__os_mutex_unlock);
    }
    pyt__os_mutex_unlock(&shared->mutex);
    pyt_lock_release(&pyt__locals_lock);
    pyt__registry_close();
    pyt_lock_release(&pyt__timers_lock);
    pyt__executors_fork_parent();
    if (pyt__me.pyt__parker == shared->fork_parker) {
        pyt__me.pyt__parker = NULL;
    }
    pyt__os_mutex_unlock(&shared->fork_mutex);
}

/* Make a parker as new; its mutex may have been held by a thread that is gone. In a process
 * that has come this far these calls find what they need in the memory they are given. */
static void pyt__parker_renew(pyt__parker *parker) {
    if (PYT__FORK_RENEWS) {
        (void)pyt__os_mutex_init(&parker->mutex);
    }
    if (!PYT__FORK_KEEPS_CONDS) {
        (void)pyt__os_cond_init(&parker->cond);
    }
    PYT__STORE(&parker->state, PYT__EMPTY, relaxed);
    PYT__STORE(&parker->address, NULL, relaxed);
}

static void pyt__fork_child_parking(pyt__shared *shared) {
    if (PYT__FORK_RENEWS) {
        (void)pyt__os_mutex_init(&shared->mutex);
        (void)pyt__os_mutex_init(&shared->fork_mutex);
    } else {
        pyt__fork_all_mutexes(shared, pyt__os_mutex_unlock);
        pyt__os_mutex_unlock(&shared->mutex);
        pyt__os_mutex_unlock(&shared->fork_mutex);
    }
    for (size_t i = 0; i < PYT__BUCKETS; i++) {
        if (PYT__FORK_RENEWS) {
            (void)pyt__os_mutex_init(&shared->buckets[i].mutex);
        }
        shared->buckets[i].queues = NULL;
    }
    shared->left = NULL;
    shared->has_orphan = false;
    shared->free = NULL;
    for (pyt__parker *parker = shared->youngest; parker != NULL; parker = parker->older) {
        if (parker != pyt__me.pyt__parker) {
            parker->in_use = false;
            parker->next_free = shared->free;
            shared->free = parker;
        }
        pyt__parker_renew(parker);
    }
    pyt__parker_renew(shared->fork_parker);
    PYT__DEBUG(pyt__notes_renew(shared);)
    if (pyt__me.pyt__parker == shared->fork_parker) {
        pyt__me.pyt__parker = NULL;
    }
}

/* A thread that was alive in the parent and is not here. */
static void pyt__fork_child_end_thread(pyt_thread *thread) {
    pyt__thread_change(thread, PYT__PHASE | PYT__JOINABLE | PYT__LISTED, PYT__OVER);
    thread->place = 0; /* of a timer that waited */
    PYT__STORE(&thread->join_lock.pyt__word, 0, relaxed);
    PYT__STORE(&thread->done.pyt__word, PYT__SET, relaxed);
    pyt_thread_unref(thread);
}

/* The calling thread is the main thread now. One that has no handle takes over the first one. */
static void pyt__fork_child_become_main(void) {
    pyt__me.pyt__is_main = true;
    pyt_thread *main_thread = pyt__me.pyt__thread;
    if (main_thread == NULL) {
        main_thread = &pyt__first_main;
        pyt__me.pyt__thread = main_thread;
    }
    if (pyt__thread_state(main_thread) & PYT__DUMMY) {
        main_thread->number = 0; /* no "Dummy" any more */
        PYT__STORE(&main_thread->name, NULL, relaxed);
    }
    pyt__thread_change(main_thread, PYT__PHASE | PYT__DAEMON | PYT__DUMMY | PYT__RAW,
                       PYT__MAIN | PYT__ALIVE);
    PYT__STORE(&main_thread->join_lock.pyt__word, 0, relaxed);
    PYT__STORE(&main_thread->done.pyt__word, 0, relaxed);
    PYT__STORE(&main_thread->when.native, pyt__os_thread_id(), relaxed);
    PYT__STORE(&main_thread->self, &pyt__me, relaxed);
    PYT__STORE(&pyt__main_handle, main_thread, relaxed);
    PYT__STORE(&pyt__main_parker, pyt__me.pyt__parker, relaxed);
    PYT__STORE(&pyt__main_interrupted, 0, relaxed);
}

/* The registry has the calling thread alone. */
static void pyt__fork_child_threads(void) {
    PYT__STORE(&pyt__registry_lock.pyt__word, 0, relaxed);
    PYT__STORE(&pyt__threads_alive, 0, relaxed);
    if (PYT__LOAD(&pyt__shared_place, relaxed) != NULL) {
        bool self = pyt__me.pyt__rounds > 0 && !pyt__me.pyt__gone;
        PYT__STORE(&PYT__LOAD(&pyt__shared_place, relaxed)->leaving, self, relaxed);
    }
    pyt_thread *thread = pyt__registry_oldest;
    pyt__registry_oldest = pyt__registry_youngest = NULL;
    pyt__registry_count = 0;
    while (thread != NULL) {
        pyt_thread *next = thread->next;
        if (thread != pyt__me.pyt__thread) {
            pyt__fork_child_end_thread(thread);
        } else {
            pyt__registry_add_locked(thread);
        }
        thread = next;
    }
}

static void pyt__fork_child(void) {
    if (!pyt__fork_is_over()) {
        return;
    }
    int saved = errno;
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    pyt__forks++; /* first: what follows asks which threads are ours */
    if (shared != NULL) {
        pyt__fork_child_parking(shared); /* before any lock: those in its queues are gone */
    }
    PYT__STORE(&pyt__locals_lock.pyt__word, 0, relaxed);
    pyt__timers_fork_child();
    pyt__fork_child_become_main();
    pyt__fork_child_threads();
    pyt__executors_fork_child();
    pyt__exit_fork_child();
    if (shared != NULL && pyt__me.pyt__parker == NULL) {
        const char *message = pyt__me.pyt__message;
        (void)pyt__enroll(); /* so that the main thread's end is noticed */
        pyt__me.pyt__message = message;
    }
    errno = saved;
}

#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>debug                        who holds what and waits for what; deadlocks, mistakes, the dump
 *
 *  With PYTHREADING_DEBUG; without it only pyt_set_misusehook is left of this room. The rooms above
 *  call it at the places marked PYT__DEBUG, PYT__BARE or "noted", most of all these five hooks:
 *
 *      acquired       by the acquirer, or by a release that hands the lock over
 *      about to wait  for a lock, a notify, the end of a thread; by pyt__parker_park for the rest
 *      wait over      by pyt__parker_park after a timeout or an interrupt, else by its caller
 *      released       by each release, before its step on the word
 *      thread ends    what it holds has no holder any more
 *
 *  Places. Each public function that returns a status is a macro of its own name for the user: it
 *  notes in the calling thread's notes where it stands, and calls. What is acquired or waited for
 *  meanwhile takes its place from there, unless an argument or a predicate calls the library
 *  itself: then the note is overwritten. At its end the macro reports a mistake, with its own
 *  place. A question about an object has no status: its macro notes nothing and reports NULL. A
 *  call by the function's address has no place and reports nothing.
 *
 *  Holdings. A table, by address, has a note of each lock of the user's that is held, made by
 *  pyt__lock_acquire_noted or a condition's wait. Each of these is one piece under the shared
 *  part's mutex: an acquirer's try of the word and its note; a releaser's removal of the note, its
 *  step on the word and, if that hands the lock over, the successor's note and the end of its wait.
 *  Were the note made after the step, another thread could release the lock in between, as Python
 *  allows, and the note would stay. So under that mutex
 *
 *      there is a note    the lock is held, and was acquired by that thread; or it was discarded
 *                         while held, and nobody has acquired a lock at that address since
 *      there is none      it is free; or there was no memory for the note
 *
 *  A lock that somebody waits for was not discarded; a lock that was moved while held would take
 *  the note of another one, and may not be.
 *
 *  Waits. What a thread waits for is in its parker. The owner publishes it under the same mutex:
 *
 *      FOR_ANYTHING  by pyt__parker_park, unless one of these is there
 *      FOR_LOCK      from before the acquirer queues until it has the lock
 *      FOR_NOTIFY    a condition's, until it was woken; FOR_LOCK follows. A notify moves the parker
 *                    from the queue at `address` to that of `lock`: from then on it waits for that
 *      FOR_THREAD    from before a joiner looks whether the thread is over until it knows
 *
 *  and takes it back under that mutex or its parker's; pyt__parker_park under the latter, in one
 *  piece with consuming the wake-up or the interrupt. With both locked one sees the wait, or what
 *  ended it, or no wait. A thread that was woken for a lock without being handed it waits on as
 *  long as the lock is held.
 *
 *  Deadlocks. Before it sleeps for a lock or a thread without a deadline, a thread publishes its
 *  wait and then follows, with the mutex locked: from a lock to its holder, from a joined thread to
 *  that thread, from each to what that one waits for without a deadline. If that leads back to
 *  itself it is a deadlock: meanwhile nobody acquires, releases or begins to wait. Of threads that
 *  close a cycle at the same time the last to lock the mutex sees the waits of all others, and what
 *  each had acquired before.
 *
 *  A thread that waits for a Lock which it holds itself waits for any other thread to release it.
 *  That is a deadlock only if no other is left to do so: all others that the library knows wait
 *  without a deadline, too, for what none of them is about to give. A thread that has been woken or
 *  interrupted and does not run yet does not wait. Its waker runs, or published its own wait after
 *  it had set WOKEN.
 *
 *  A cycle that is closed by pyt_with or pyt_guard, which have no way to fail, goes to the
 *  misusehook before the thread sleeps in it. So does one that is closed by a condition's wait that
 *  takes its lock again after a timeout or an interrupt. A notified waiter need not look: it waits
 *  for the lock from the notify on, and the thread that takes the lock later and waits finds it. In
 *  the dump, but not reported: a cycle that is closed by a notify, made while another thread holds
 *  the lock; and one for whose list of steps there is no memory.
 *
 *  Mutexes are taken in the order shared, bucket, parker; the allocator is called with none of them
 *  held. That is why a note's memory is there before the try, in the thread's notes.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* What the misusehook is told; valid during the call. */
typedef struct pyt_misuse_args {
    pyt_status status;
    const char *message; /* what pyt_error_message says; of a deadlock its cycle */
    const char *call;    /* the function or macro of the library that was called */
    const char *file;    /* where: __FILE__ and __LINE__ of the call */
    int line;
} pyt_misuse_args;

typedef void (*pyt_misusehook)(const pyt_misuse_args *args);

/* Set what is called for a mistake that Python would punish with an exception: with
 * PYTHREADING_DEBUG each call that fails with PYT_RUNTIME_ERROR, PYT_VALUE_ERROR or
 * PYT_OVERFLOW_ERROR, a deadlock included, and each of these of a pyt_with or pyt_guard, which has
 * no status: also when its release fails; a future that is completed twice (PYT_INVALID_STATE); and
 * NULL where a question about an object is asked, which has no status either (told as
 * PYT_VALUE_ERROR). In other builds the hook is kept and never called.
 *
 * hook     NULL: the default, which prints one line to stderr. It returns to the call, which goes
 *          on as without it: status and pyt_error_message stay what they are
 * Thread   any; the hook runs in the thread that made the mistake, at the end of its call, with no
 *          lock of the library held. It may use the library: mistakes made there are printed
 * Python   an uncaught exception
 */
PYT__API void pyt_set_misusehook(pyt_misusehook hook);

PYT__EXTERN_C_END

#if defined(PYTHREADING_DEBUG)

PYT__EXTERN_CXX_BEGIN
#include <stdio.h>
PYT__EXTERN_CXX_END

PYT__EXTERN_C_BEGIN

/* Write down for each thread what it holds and what it waits for: its name and numbers; each Lock
 * and RLock (that of a condition, too) with address and place and for how long; the call that it is
 * in, its place, for how long and whether it has a deadline; who holds the lock or is joined. Only
 * with PYTHREADING_DEBUG.
 *
 * The threads go on meanwhile: each line was true, not all at the same time. A lock that was
 * discarded while held is listed until another one at its address is acquired.
 *
 * file     where to; flushed. NULL: nothing happens
 * Thread   any, at any time, but not in a signal handler. Nothing is locked while it writes
 * Python   faulthandler.dump_traceback(), for locks instead of lines
 */
PYT__API void pyt_dump_threads(FILE *file);

PYT__EXTERN_C_END

#endif
#endif /* PYT__DECLARE */

#if PYT__DEFINE

static PYT__ATOMIC(uintptr_t) pyt__misusehook; /* a pyt_misusehook */

PYT__API void pyt_set_misusehook(pyt_misusehook hook) {
    PYT__STORE(&pyt__misusehook, (uintptr_t)hook, seq_cst);
}

#if defined(PYTHREADING_DEBUG)

PYT__EXTERN_CXX_BEGIN
#include <inttypes.h>
#include <stdarg.h>
PYT__EXTERN_CXX_END

enum {
    PYT__NOT_WAITING,
    PYT__FOR_LOCK,
    PYT__FOR_NOTIFY,
    PYT__FOR_THREAD,
    PYT__FOR_ANYTHING
};

/* All under pyt__shared mutex. */
typedef struct pyt__holding {
    const pyt_lock *lock;
    pyt__parker *holder; /* NULL: the holder has ended */
    uintptr_t ident;     /* the holder's */
    bool is_rlock;
    pyt__place place;
    int64_t since;
    struct pyt__holding *next; /* in the table's list, or in the spare ones of a thread */
} pyt__holding;

/* ---- mistakes ---- */

static void pyt__default_misusehook(const pyt_misuse_args *args) {
    const char *name = pyt_status_name(args->status);
    if (args->file != NULL) {
        PYT__PRINT("%s:%d: %s in %s: %s\n", args->file, args->line, name, args->call,
                   args->message);
    } else {
        PYT__PRINT("%s: %s\n", name, args->message);
    }
}

/* Call a hook of the user's, in which pyt_error_message says what it is told. What it does with the
 * library leaves the thread's message. */
static void pyt__call_misusehook(pyt_misusehook hook, const pyt_misuse_args *args) {
    const char *message = pyt__me.pyt__message;
    char *memory = pyt__me.pyt__message_memory;
    pyt__me.pyt__message = args->message;
    pyt__me.pyt__message_memory = NULL;
    pyt__my_notes.pyt__reporting = true;
    hook(args);
    pyt__my_notes.pyt__reporting = false;
    pyt__release_memory(pyt__me.pyt__message_memory);
    pyt__me.pyt__message_memory = memory;
    pyt__me.pyt__message = message;
}

static void pyt__report_misuse(const pyt_misuse_args *args) {
    int saved = errno;
    pyt_misusehook hook = (pyt_misusehook)PYT__LOAD(&pyt__misusehook, seq_cst);
    if (hook == NULL || pyt__my_notes.pyt__reporting) {
        pyt__default_misusehook(args);
    } else {
        pyt__call_misusehook(hook, args);
    }
    errno = saved;
}

PYT__API PYT__COLD void pyt__misused(pyt_status status, const char *call, const char *file,
                                     int line) {
    if (status == PYT_RUNTIME_ERROR || status == PYT_VALUE_ERROR || status == PYT_OVERFLOW_ERROR ||
        status == PYT_INVALID_STATE) {
        pyt_misuse_args args = {status, pyt_error_message(), call, file, line};
        pyt__report_misuse(&args);
    }
}

PYT__API PYT__COLD void pyt__misused_null(const char *call, const char *file, int line) {
    pyt__misused(pyt__fail_null(), call, file, line);
}

/* ---- the five hooks ---- */

/* Lock what all notes are under; NULL: nothing has ever been noted. */
static pyt__shared *pyt__notes_lock(void) {
    pyt__shared *shared = PYT__LOAD(&pyt__shared_place, acquire);
    if (shared != NULL) {
        pyt__os_mutex_lock(&shared->mutex);
    }
    return shared;
}

/* Where the pointer to the note about a lock is, or to where it would be put. */
static pyt__holding **pyt__holding_link(pyt__shared *shared, const pyt_lock *lock) {
    pyt__holding **link = &shared->holdings[(pyt__hash(lock) >> 48) % PYT__HOLDING_LISTS];
    while (*link != NULL && (*link)->lock != lock) {
        link = &(*link)->next;
    }
    return link;
}

/* Keep memory for a note to come: it is not given back while the thread may hold what the program's
 * allocator locks. */
static void pyt__spare_keep(pyt__holding *holding) {
    holding->next = pyt__my_notes.pyt__spare;
    pyt__my_notes.pyt__spare = holding;
}

/* A thread that releases what others have acquired gets their notes: it keeps `most`, 0 or 1. */
static void pyt__spare_trim(int most) {
    bool busy = pyt__my_notes.pyt__busy;
    pyt__holding *holding = pyt__my_notes.pyt__spare;
    pyt__my_notes.pyt__busy = true;
    while (holding != NULL && (most == 0 || holding->next != NULL)) {
        pyt__my_notes.pyt__spare = holding->next;
        pyt__release_memory(holding);
        holding = pyt__my_notes.pyt__spare;
    }
    pyt__my_notes.pyt__busy = busy;
}

/* Hook "released". Returns whether there was a note, which is the calling thread's to keep now. */
static bool pyt__released_locked(pyt__shared *shared, const pyt_lock *lock) {
    pyt__holding **link = pyt__holding_link(shared, lock);
    pyt__holding *holding = *link;
    if (holding != NULL) {
        *link = holding->next;
        pyt__spare_keep(holding);
    }
    return holding != NULL;
}

/* Hook "wait over", by the thread itself or by the releaser that hands it what it waits for. */
static void pyt__wait_over(pyt__parker *parker) {
    pyt__os_mutex_lock(&parker->mutex);
    parker->waiting.kind = PYT__NOT_WAITING;
    pyt__os_mutex_unlock(&parker->mutex);
}

/* Hook "acquired", by the holder, or by the releaser that hands it the lock: its wait is over. */
static void pyt__acquired_locked(pyt__shared *shared, const pyt_lock *lock, pyt__parker *holder) {
    (void)pyt__released_locked(shared, lock); /* a note that is there is of a discarded lock */
    pyt__holding *holding = pyt__my_notes.pyt__spare;
    if (holder == NULL) {
        return;
    }
    pyt__wait_over(holder);
    if (holding != NULL) {
        bool mine = holder == pyt__me.pyt__parker;
        pyt__my_notes.pyt__spare = holding->next;
        holding->lock = lock;
        holding->holder = holder;
        holding->ident = holder->ident;
        holding->is_rlock = false;
        holding->place = mine ? pyt__my_notes.pyt__here : holder->waiting.place;
        holding->since = pyt__os_now();
        holding->next = NULL;
        *pyt__holding_link(shared, lock) = holding;
    }
}

/* Hook "about to wait": the calling thread's parker says for what from here on. */
static void pyt__about_to_wait(int kind, const void *address, const void *lock, uintptr_t thread,
                               int64_t deadline) {
    pyt__waiting *waiting = &pyt__me.pyt__parker->waiting;
    pyt__shared *shared = pyt__notes_lock();
    waiting->kind = kind;
    waiting->timed = deadline != PYT__FOREVER;
    waiting->address = address;
    waiting->lock = lock;
    waiting->thread = thread;
    waiting->place = pyt__my_notes.pyt__here;
    waiting->since = pyt__os_now();
    pyt__os_mutex_unlock(&shared->mutex);
}

/* The same in pyt__parker_park, unless the thread has said for what.
 * Returns  whether it was to be said here */
static bool pyt__about_to_sleep(pyt__parker *parker, int64_t deadline) {
    pyt__os_mutex_lock(&parker->mutex);
    bool mine = parker->waiting.kind == PYT__NOT_WAITING && deadline != PYT__AT_ONCE;
    pyt__os_mutex_unlock(&parker->mutex);
    if (mine) {
        const void *address = PYT__LOAD(&parker->address, relaxed);
        pyt__about_to_wait(PYT__FOR_ANYTHING, address, NULL, 0, deadline);
    }
    return mine;
}

/* Hook "wait over" in pyt__parker_park, which has locked the parker, but not if it woke for a lock
 * or a thread: the call knows when it has that. */
static void pyt__sleep_over_locked(pyt__parker *parker, bool mine, pyt_status status) {
    if (mine || status != PYT_OK) {
        parker->waiting.kind = PYT__NOT_WAITING;
    }
}

static void pyt__thread_ends_locked(pyt__shared *shared, const pyt__parker *parker) {
    for (size_t i = 0; i < PYT__HOLDING_LISTS; i++) {
        for (pyt__holding *holding = shared->holdings[i]; holding != NULL;
             holding = holding->next) {
            holding->holder = holding->holder != parker ? holding->holder : NULL;
        }
    }
}

/* Hook "thread ends". The parker will be another thread's. */
static void pyt__thread_ends(pyt__parker *parker) {
    pyt__shared *shared = pyt__notes_lock();
    parker->ident = 0;
    pyt__thread_ends_locked(shared, parker);
    pyt__os_mutex_unlock(&shared->mutex);
    pyt__spare_trim(0);
}

/* The calling thread has this parker from now on. */
static void pyt__thread_begins(pyt__parker *parker) {
    pyt__shared *shared = pyt__notes_lock();
    parker->ident = pyt_get_ident();
    parker->native = pyt__os_thread_id();
    parker->waiting.kind = PYT__NOT_WAITING;
    pyt__os_mutex_unlock(&shared->mutex);
}

/* In the child of a fork: the notes are whole, since the forking thread had locked their mutex.
 * The locks of threads that are not here are held for ever. */
static void pyt__notes_renew(pyt__shared *shared) {
    for (pyt__parker *parker = shared->youngest; parker != NULL; parker = parker->older) {
        if (parker != pyt__me.pyt__parker) {
            parker->waiting.kind = PYT__NOT_WAITING;
            parker->ident = 0;
            pyt__thread_ends_locked(shared, parker);
        } else {
            parker->native = pyt__os_thread_id();
        }
    }
}

/* ---- what calls them for locks ---- */

static void pyt__note_rlock(const pyt_rlock *rlock) {
    pyt__shared *shared = pyt__notes_lock();
    if (shared != NULL) {
        pyt__holding *holding = *pyt__holding_link(shared, &rlock->pyt__lock);
        if (holding != NULL) {
            holding->is_rlock = true;
        }
        pyt__os_mutex_unlock(&shared->mutex);
    }
}

/* From here on the calling thread's tries of `lock` are noted. Without memory for a parker it is no
 * holder that could be told; then the lock has no note. */
static void pyt__noting_begin(const pyt_lock *lock) {
    const char *message = pyt__me.pyt__message;
    pyt__place here = pyt__my_notes.pyt__here;
    pyt__my_notes.pyt__busy = true;
    if (pyt__enroll() != NULL && !pyt__my_notes.pyt__in_queue) {
        if (pyt__my_notes.pyt__spare == NULL) {
            pyt__holding *fresh = (pyt__holding *)pyt__allocate(sizeof *fresh);
            if (fresh != NULL) {
                pyt__spare_keep(fresh);
            }
        }
        pyt__spare_trim(1);
    }
    pyt__my_notes.pyt__lock = PYT__LOAD(&pyt__shared_place, acquire) != NULL ? lock : NULL;
    pyt__my_notes.pyt__here = here;
    pyt__me.pyt__message = message;
}

/* The lock is taken, or not. One that was handed over by a releaser that had no note of it to hand
 * over is noted now. */
static void pyt__noting_end(const pyt_lock *lock, bool taken) {
    if (taken && pyt__my_notes.pyt__lock == lock) {
        pyt__shared *shared = pyt__notes_lock();
        if (*pyt__holding_link(shared, lock) == NULL && pyt_lock_locked(lock)) {
            pyt__acquired_locked(shared, lock, pyt__me.pyt__parker);
        }
        pyt__os_mutex_unlock(&shared->mutex);
    }
    pyt__my_notes.pyt__lock = NULL;
    pyt__my_notes.pyt__busy = false;
}

/* In one piece, as the banner has it. */
static bool pyt__lock_try_noted(pyt_lock *lock, uint32_t mark) {
    pyt__shared *shared = pyt__notes_lock();
    pyt__my_notes.pyt__lock = NULL;
    bool taken = pyt__lock_try(lock, mark);
    pyt__my_notes.pyt__lock = lock;
    if (taken) {
        pyt__acquired_locked(shared, lock, pyt__me.pyt__parker);
    }
    pyt__os_mutex_unlock(&shared->mutex);
    return taken;
}

/* In one piece, as the banner has it. Also the library's own locks are released here; about them
 * nothing is noted. */
PYT__API PYT__COLD pyt_status pyt__lock_release_noted(pyt_lock *lock) {
    pyt__shared *shared = lock != NULL ? pyt__notes_lock() : NULL;
    if (shared == NULL) {
        return pyt__lock_release_slow(lock);
    }
    bool noted = pyt__released_locked(shared, lock);
    pyt__my_notes.pyt__successor = NULL;
    pyt_status status = pyt__lock_release_slow(lock);
    if (noted && pyt__my_notes.pyt__successor != NULL) {
        pyt__acquired_locked(shared, lock, pyt__my_notes.pyt__successor);
    }
    pyt__os_mutex_unlock(&shared->mutex);
    if (noted && !pyt__my_notes.pyt__in_queue) {
        pyt__spare_trim(1);
    }
    return status;
}

/* ---- deadlocks ---- */

/* A step from a thread that waits to the one that it waits for. */
typedef struct pyt__edge {
    uintptr_t ident; /* of the one that waits */
    unsigned long native;
    pyt__waiting waiting;
    bool forever;         /* only another thread can end the wait, and has not */
    pyt__holding holding; /* FOR_LOCK; its lock is NULL: the lock is free */
    pyt__parker *to;      /* NULL: none that is known */
} pyt__edge;

/* The parker of the thread with that ident, or NULL. */
static pyt__parker *pyt__parker_of_locked(pyt__shared *shared, uintptr_t ident) {
    pyt__parker *parker = shared->youngest;
    while (parker != NULL && parker->ident != ident) {
        parker = parker->older;
    }
    return parker;
}

/* Copy what a thread waits for. A notified one waits for its lock. */
static void pyt__waiting_of_locked(pyt__parker *parker, pyt__waiting *copy) {
    pyt__os_mutex_lock(&parker->mutex);
    *copy = parker->waiting;
    const void *address = PYT__LOAD(&parker->address, relaxed);
    bool woken = PYT__LOAD(&parker->state, relaxed) == PYT__WOKEN;
    pyt__os_mutex_unlock(&parker->mutex);
    if (copy->kind == PYT__FOR_NOTIFY && address != copy->address) {
        copy->kind = PYT__FOR_LOCK;
        copy->timed = copy->timed && address == NULL; /* late, perhaps, and not notified */
    } else if (copy->kind != PYT__FOR_LOCK && woken) {
        copy->kind = PYT__NOT_WAITING;
    }
}

/* Is the joined thread the main thread, and over? Its ident stays with its parker, and it may wait
 * for others at the end of the process by then, while its joiner is about to go on. */
static bool pyt__main_is_over(uintptr_t ident) {
    pyt_thread *thread = PYT__LOAD(&pyt__main_handle, acquire);
    return thread != NULL && pyt_thread_ident(thread) == ident &&
           pyt__thread_phase(thread) == PYT__OVER;
}

static void pyt__edge_of_locked(pyt__shared *shared, pyt__parker *parker, pyt__edge *edge) {
    memset(edge, 0, sizeof *edge);
    edge->ident = parker->ident;
    edge->native = parker->native;
    bool interrupted = pyt__is_interrupted(parker); /* before the copy: then it is consumed there */
    pyt__waiting_of_locked(parker, &edge->waiting);
    edge->forever = edge->waiting.kind != PYT__NOT_WAITING && !edge->waiting.timed && !interrupted;
    if (edge->waiting.kind == PYT__FOR_THREAD && !pyt__main_is_over(edge->waiting.thread)) {
        edge->to = pyt__parker_of_locked(shared, edge->waiting.thread);
    } else if (edge->waiting.kind == PYT__FOR_LOCK) {
        pyt__holding *holding = *pyt__holding_link(shared, (const pyt_lock *)edge->waiting.lock);
        if (holding != NULL) {
            edge->holding = *holding;
            edge->to = holding->holder;
        }
    }
}

/* Does a thread wait for what no thread that runs is about to give? */
static bool pyt__is_stuck_locked(pyt__shared *shared, pyt__parker *parker) {
    pyt__edge edge;
    pyt__edge_of_locked(shared, parker, &edge);
    return edge.forever && (edge.waiting.kind != PYT__FOR_THREAD || edge.to != NULL) &&
           (edge.waiting.kind != PYT__FOR_LOCK || edge.holding.lock != NULL);
}

/* Is no other thread left that could do anything? */
static bool pyt__is_alone_locked(pyt__shared *shared) {
    pyt__parker *parker = shared->youngest;
    while (parker != NULL && (!parker->in_use || parker == pyt__me.pyt__parker ||
                              pyt__is_stuck_locked(shared, parker))) {
        parker = parker->older;
    }
    return parker == NULL;
}

/* Follow from the calling thread back to it, and write the first `capacity` steps down. A cycle
 * that it is not in is left after as many steps as there are threads.
 * Returns  how many steps that is; 0: it is no deadlock */
static size_t pyt__cycle(pyt__edge *edges, size_t capacity) {
    pyt__edge edge;
    size_t length = 0;
    size_t most = 0;
    pyt__shared *shared = pyt__notes_lock();
    for (pyt__parker *parker = shared->youngest; parker != NULL; parker = parker->older) {
        most++;
    }
    pyt__parker *parker = pyt__me.pyt__parker;
    do {
        pyt__edge_of_locked(shared, parker, &edge);
        parker = edge.forever ? edge.to : NULL;
        if (length < capacity) {
            edges[length] = edge;
        }
        length++;
    } while (parker != NULL && parker != pyt__me.pyt__parker && length < most);
    bool found = parker != NULL && parker == pyt__me.pyt__parker;
    found = found && (length > 1 || pyt__is_alone_locked(shared));
    pyt__os_mutex_unlock(&shared->mutex);
    return found ? length : 0;
}

static pyt_status pyt__fail_deadlock(const pyt__edge *edges, size_t length, bool can_fail);

/* The calling thread has published a wait without a deadline, and will sleep: is it in a cycle?
 * The memory for its steps is got between two walks, of which the second decides.
 * can_fail  false: report it and return PYT_OK */
static pyt_status pyt__look_for_deadlock(bool can_fail) {
    PYT__STEP();
    size_t capacity = pyt__cycle(NULL, 0);
    if (capacity == 0 || capacity > SIZE_MAX / sizeof(pyt__edge)) {
        return PYT_OK;
    }
    pyt__edge *edges = (pyt__edge *)pyt__allocate(capacity * sizeof *edges);
    size_t length = edges != NULL ? pyt__cycle(edges, capacity) : 0;
    pyt_status status = PYT_OK;
    if (length > 0 && length <= capacity) {
        status = pyt__fail_deadlock(edges, length, can_fail);
    }
    pyt__release_memory(edges);
    return status;
}

/* ---- calls that wait ---- */

/* The try failed: wait for the lock, unless that would be for ever. A with block, which is not
 * interruptible, has no way to fail: it reports that and waits. Without threads no lock is waited
 * for without a deadline. */
static pyt_status pyt__lock_wait_noted(pyt_lock *lock, int64_t deadline, bool interruptible) {
#if defined(PYTHREADING_DUMMY)
    if (deadline == PYT__FOREVER) {
        return pyt__lock_acquire_until(lock, deadline, interruptible);
    }
#endif
    if (pyt__me.pyt__parker == NULL) {
        return pyt__me.pyt__enrolling ? pyt__lock_acquire_until(lock, deadline, interruptible)
                                      : pyt__fail_memory();
    }
    pyt__about_to_wait(PYT__FOR_LOCK, NULL, lock, 0, deadline);
    pyt_status status = PYT_OK;
    if (deadline == PYT__FOREVER) {
        status = pyt__look_for_deadlock(interruptible);
    }
    if (status == PYT_OK) {
        status = pyt__lock_acquire_until(lock, deadline, interruptible);
    }
    PYT__STEP();
    pyt__wait_over(pyt__me.pyt__parker);
    return status;
}

/* Memory that only the notes need is done without; a look at a lock that is held needs none. */
static pyt_status pyt__lock_acquire_noted(pyt_lock *lock, int64_t deadline, bool interruptible) {
    if (pyt__my_notes.pyt__busy) {
        return pyt__lock_acquire_until(lock, deadline, interruptible);
    }
    if (deadline == PYT__AT_ONCE && pyt_lock_locked(lock)) {
        pyt__at_end();
        return PYT_TIMEOUT;
    }
    pyt__noting_begin(lock);
    pyt_status status = PYT_TIMEOUT;
    if (pyt__lock_try(lock, 0)) {
        status = PYT_OK;
    } else if (deadline != PYT__AT_ONCE) {
        status = pyt__lock_wait_noted(lock, deadline, interruptible);
    }
    pyt__noting_end(lock, status == PYT_OK);
    pyt__at_end();
    return status;
}

/* A condition's wait: it is in the queue and has released the lock; its sleep is over and it takes
 * the lock again, unless it was handed it; it has it. */
static void pyt__wait_for_notify(pyt_condition *condition, int64_t deadline) {
    const pyt_lock *lock = pyt__condition_lock(condition);
    pyt__about_to_wait(PYT__FOR_NOTIFY, &condition->pyt__queue, lock, 0, deadline);
}

/* Without a notify it takes the lock again whatever happens: a cycle is reported and then waited
 * in. It has left the queue and was handed nothing, so the allocator and the misusehook may use its
 * parker. Without threads the lock is not waited for. */
static void pyt__wait_for_lock_again(pyt_condition *condition, pyt_status status) {
    pyt_lock *lock = pyt__condition_lock(condition);
    if (status != PYT_OK || pyt__me.pyt__parker->token != PYT__HANDED) {
        pyt__about_to_wait(PYT__FOR_LOCK, NULL, lock, 0, PYT__FOREVER);
    }
    if (!pyt__my_notes.pyt__busy) {
        pyt__noting_begin(lock);
    }
    if (PYT__HAS_THREADS && status != PYT_OK && pyt__my_notes.pyt__lock == lock) {
        pyt__my_notes.pyt__in_queue = false;
        (void)pyt__look_for_deadlock(false);
        pyt__my_notes.pyt__in_queue = true;
    }
}

static void pyt__have_lock_again(pyt_condition *condition) {
    pyt_lock *lock = pyt__condition_lock(condition);
    pyt__my_notes.pyt__in_queue = false;
    if (pyt__my_notes.pyt__lock == lock) {
        pyt__noting_end(lock, true);
        if (pyt__condition_rlock(condition) != NULL) {
            pyt__note_rlock(pyt__condition_rlock(condition));
        }
    }
    pyt__wait_over(pyt__me.pyt__parker);
}

/* Before a thread that is alive is waited for.
 * Returns  PYT_RUNTIME_ERROR when that would be for ever; the process's end waits nevertheless */
static pyt_status pyt__wait_for_thread(pyt_thread *thread, int64_t deadline, bool interruptible) {
    if (deadline == PYT__AT_ONCE) {
        return PYT_OK;
    }
    pyt__about_to_wait(PYT__FOR_THREAD, NULL, NULL, pyt_thread_ident(thread), deadline);
    if (deadline != PYT__FOREVER || !interruptible || pyt_event_is_set(&thread->done)) {
        return PYT_OK;
    }
    pyt_status status = pyt__look_for_deadlock(true);
    if (status != PYT_OK) {
        pyt__wait_over(pyt__me.pyt__parker);
    }
    return status;
}

/* ---- reports ---- */

/* A text that goes to a file, or to memory as far as that reaches. */
typedef struct pyt__text {
    FILE *file;
    char *memory; /* NULL: none, the text is measured */
    size_t length, size;
} pyt__text;

static void pyt__say(pyt__text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (text->file != NULL) {
        (void)vfprintf(text->file, format, arguments);
    } else {
        bool fits = text->length < text->size;
        int length = vsnprintf(fits ? text->memory + text->length : NULL,
                               fits ? text->size - text->length : 0, format, arguments);
        text->length += length > 0 ? (size_t)length : 0;
    }
    va_end(arguments);
}

/* The threads that have handles, with a reference each, and for the dump what is held. */
typedef struct pyt__snapshot {
    pyt_thread **threads; /* NULL without memory */
    size_t count;
    pyt__holding *holdings; /* NULL without memory, or not asked for */
    size_t held;
} pyt__snapshot;

static void pyt__snapshot_end(pyt__snapshot *snapshot) {
    while (snapshot->count > 0) {
        pyt_thread_unref(snapshot->threads[--snapshot->count]);
    }
    pyt__release_memory(snapshot->threads);
    pyt__release_memory(snapshot->holdings);
}

static pyt__snapshot pyt__snapshot_threads(void) {
    pyt__snapshot snapshot = {NULL, 0, NULL, 0};
    size_t count = pyt_active_count();
    size_t capacity;
    do {
        capacity = count;
        pyt__snapshot_end(&snapshot);
        snapshot.threads = (pyt_thread **)pyt__allocate(capacity * sizeof *snapshot.threads);
        count = snapshot.threads != NULL ? pyt_enumerate(snapshot.threads, capacity) : 0;
        snapshot.count = count < capacity ? count : capacity;
    } while (count > capacity);
    return snapshot;
}

/* Copy the first `capacity` holdings. Returns how many there are. */
static size_t pyt__holdings_copy(pyt__holding *copies, size_t capacity) {
    size_t count = 0;
    pyt__shared *shared = pyt__notes_lock();
    for (size_t i = 0; i < PYT__HOLDING_LISTS; i++) {
        for (const pyt__holding *holding = shared->holdings[i]; holding != NULL;
             holding = holding->next) {
            if (count < capacity) {
                copies[count] = *holding;
            }
            count++;
        }
    }
    pyt__os_mutex_unlock(&shared->mutex);
    return count;
}

static void pyt__snapshot_holdings(pyt__snapshot *snapshot) {
    size_t capacity;
    do {
        capacity = snapshot->held + 8; /* for what is acquired meanwhile */
        pyt__release_memory(snapshot->holdings);
        snapshot->holdings = (pyt__holding *)pyt__allocate(capacity * sizeof(pyt__holding));
        snapshot->held =
            snapshot->holdings != NULL ? pyt__holdings_copy(snapshot->holdings, capacity) : 0;
    } while (snapshot->held > capacity);
}

static pyt_thread *pyt__snapshot_find(const pyt__snapshot *snapshot, uintptr_t ident) {
    for (size_t i = 0; i < snapshot->count; i++) {
        if (pyt_thread_ident(snapshot->threads[i]) == ident) {
            return snapshot->threads[i];
        }
    }
    return NULL;
}

static void pyt__say_thread(pyt__text *text, const pyt__snapshot *snapshot, uintptr_t ident) {
    pyt_thread *thread = pyt__snapshot_find(snapshot, ident);
    if (thread != NULL) {
        pyt__say(text, "%s", pyt_thread_name(thread));
    } else {
        pyt__say(text, "the thread 0x%" PRIxPTR, ident);
    }
}

static void pyt__say_place(pyt__text *text, const pyt__place *place) {
    if (place->pyt__call != NULL) {
        pyt__say(text, " in %s at %s:%d", place->pyt__call, place->pyt__file, place->pyt__line);
    }
}

static void pyt__say_lock(pyt__text *text, const void *lock, bool is_rlock) {
    pyt__say(text, "%s 0x%" PRIxPTR, is_rlock ? "RLock" : "Lock", (uintptr_t)lock);
}

/* What a thread waits for, and who has it. */
static void pyt__say_what_for(pyt__text *text, const pyt__snapshot *snapshot,
                              const pyt__edge *edge) {
    const pyt__waiting *waiting = &edge->waiting;
    const pyt__holding *holding = &edge->holding;
    if (waiting->kind == PYT__FOR_THREAD) {
        pyt__say(text, " for the end of ");
        pyt__say_thread(text, snapshot, waiting->thread);
    } else if (waiting->kind == PYT__FOR_NOTIFY) {
        uintptr_t condition = (uintptr_t)waiting->address - offsetof(pyt_condition, pyt__queue);
        pyt__say(text, " for a notify of Condition 0x%" PRIxPTR, condition);
    } else if (waiting->kind == PYT__FOR_LOCK) {
        pyt__say(text, " for ");
        pyt__say_lock(text, waiting->lock, holding->is_rlock);
        if (holding->holder != NULL) {
            pyt__say(text, ", which ");
            pyt__say_thread(text, snapshot, holding->ident);
            pyt__say(text, " acquired");
        } else if (holding->lock != NULL) {
            pyt__say(text, ", which a thread that has ended, 0x%" PRIxPTR ", acquired",
                     holding->ident);
        }
        pyt__say_place(text, &holding->place);
    } else if (waiting->address != NULL) {
        pyt__say(text, " on 0x%" PRIxPTR, (uintptr_t)waiting->address);
    }
}

static void pyt__say_deadlock(pyt__text *text, const pyt__snapshot *snapshot,
                              const pyt__edge *edges, size_t length) {
    pyt__say(text, "deadlock: ");
    for (size_t i = 0; i < length; i++) {
        pyt__say_thread(text, snapshot, edges[i].ident);
        pyt__say(text, " waits");
        pyt__say_place(text, &edges[i].waiting.place);
        pyt__say_what_for(text, snapshot, &edges[i]);
        pyt__say(text, i + 1 < length ? "; " : "");
    }
    if (length == 1) {
        pyt__say(text, ", and all other threads wait");
    }
}

/* Tell the misusehook of a deadlock that the call itself cannot tell of. What the hook does is not
 * noted. */
static void pyt__report_deadlock(const char *sentence) {
    pyt__place here = pyt__my_notes.pyt__here;
    pyt_misuse_args args = {PYT_RUNTIME_ERROR, sentence, here.pyt__call, here.pyt__file,
                            here.pyt__line};
    pyt__report_misuse(&args);
    pyt__my_notes.pyt__here = here;
}

/* Measure the sentence, then write it. */
static pyt_status pyt__fail_deadlock(const pyt__edge *edges, size_t length, bool can_fail) {
    pyt_status status = PYT_OK;
    pyt__text text = {NULL, NULL, 0, 0};
    pyt__snapshot snapshot = pyt__snapshot_threads();
    pyt__say_deadlock(&text, &snapshot, edges, length);
    text.memory = (char *)pyt__allocate(text.length + 1);
    if (text.memory != NULL) {
        text.size = text.length + 1;
        text.length = 0;
        pyt__say_deadlock(&text, &snapshot, edges, length);
    }
    pyt__snapshot_end(&snapshot);
    const char *sentence = text.memory != NULL ? text.memory : "deadlock";
    if (can_fail) {
        status = pyt__fail_copied(PYT_RUNTIME_ERROR, sentence);
    } else {
        pyt__report_deadlock(sentence);
    }
    pyt__release_memory(text.memory);
    return status;
}

/* ---- the dump ---- */

static double pyt__seconds_since(int64_t since) {
    return (double)(pyt__os_now() - since) * 1e-9;
}

/* Write down what a thread holds; NULL: what those held that have ended. */
static void pyt__dump_holdings(pyt__text *text, const pyt__snapshot *snapshot,
                               const pyt__parker *parker) {
    for (size_t i = 0; i < snapshot->held; i++) {
        const pyt__holding *holding = &snapshot->holdings[i];
        if (holding->holder == parker) {
            pyt__say(text, "    holds ");
            pyt__say_lock(text, holding->lock, holding->is_rlock);
            pyt__say(text, ", acquired");
            pyt__say_place(text, &holding->place);
            pyt__say(text, " %.3f s ago\n", pyt__seconds_since(holding->since));
        }
    }
}

/* Write down what a thread that has this parker holds and waits for. */
static void pyt__dump_notes(pyt__text *text, const pyt__snapshot *snapshot,
                            const pyt__parker *parker, const pyt__edge *edge) {
    pyt__dump_holdings(text, snapshot, parker);
    if (edge->waiting.kind == PYT__NOT_WAITING) {
        pyt__say(text, "    does not wait here\n");
        return;
    }
    pyt__say(text, "    waits");
    pyt__say_place(text, &edge->waiting.place);
    pyt__say_what_for(text, snapshot, edge);
    pyt__say(text, ", for %.3f s%s\n", pyt__seconds_since(edge->waiting.since),
             edge->waiting.timed ? ", with a deadline" : "");
}

static void pyt__dump_handle(pyt__text *text, const pyt__snapshot *snapshot, pyt_thread *thread) {
    uint32_t state = pyt__thread_state(thread);
    uintptr_t ident = pyt_thread_ident(thread);
    unsigned long native = state & PYT__BEGUN ? PYT__LOAD(&thread->when.native, relaxed) : 0;
    pyt__say(text, "%s: ident 0x%" PRIxPTR ", native id %lu", pyt_thread_name(thread), ident,
             native);
    pyt__say(text, "%s%s%s%s\n", state & PYT__MAIN ? ", the main thread" : "",
             state & PYT__DUMMY ? ", made elsewhere" : "", state & PYT__DAEMON ? ", daemon" : "",
             (state & PYT__PHASE) == PYT__OVER ? ", over" : ", alive");
    pyt__edge edge;
    pyt__shared *shared = pyt__notes_lock();
    pyt__parker *parker = pyt__parker_of_locked(shared, ident);
    if (parker != NULL) {
        pyt__edge_of_locked(shared, parker, &edge);
    }
    pyt__os_mutex_unlock(&shared->mutex);
    if (parker != NULL) {
        pyt__dump_notes(text, snapshot, parker, &edge);
    } else {
        pyt__say(text,
                 state & PYT__TIMER ? "    a timer that waits\n" : "    does not wait here\n");
    }
}

/* Threads that nobody has asked for their handle, and those of the library. */
static void pyt__dump_unnamed(pyt__text *text, const pyt__snapshot *snapshot) {
    pyt__shared *shared = pyt__notes_lock();
    pyt__parker *parker = shared->youngest; /* the list of older ones never changes */
    pyt__os_mutex_unlock(&shared->mutex);
    for (; parker != NULL; parker = parker->older) {
        pyt__edge edge;
        pyt__os_mutex_lock(&shared->mutex);
        pyt__edge_of_locked(shared, parker, &edge);
        pyt__os_mutex_unlock(&shared->mutex);
        if (edge.ident != 0 && pyt__snapshot_find(snapshot, edge.ident) == NULL) {
            pyt__say(text, "a thread without a name: ident 0x%" PRIxPTR ", native id %lu\n",
                     edge.ident, edge.native);
            pyt__dump_notes(text, snapshot, parker, &edge);
        }
    }
}

PYT__API void pyt_dump_threads(FILE *file) {
    if (file == NULL) {
        return;
    }
    int saved = errno;
    pyt__text text = {file, NULL, 0, 0};
    pyt__snapshot snapshot = pyt__snapshot_threads();
    if (snapshot.threads != NULL) {
        pyt__snapshot_holdings(&snapshot);
    }
    if (snapshot.holdings == NULL) {
        pyt__say(&text, "no memory to list the threads\n");
    } else {
        for (size_t i = 0; i < snapshot.count; i++) {
            pyt__dump_handle(&text, &snapshot, snapshot.threads[i]);
        }
        pyt__dump_unnamed(&text, &snapshot);
        pyt__say(&text, "threads that have ended:\n");
        pyt__dump_holdings(&text, &snapshot, NULL);
    }
    pyt__snapshot_end(&snapshot);
    (void)fflush(file);
    errno = saved;
}

#endif
#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>simulate                                               schedules from a seed, virtual time
 *
 *  With PYTHREADING_SIMULATE. A run calls the body as a main thread of its own, with a library as
 *  new and a clock that begins at 0. One thread at a time has the baton and runs. Before each step
 *  (an atomic operation of the library, a mutex or condition of its platform, a thread's start,
 *  pyt_step) the thread that has it asks the strategy which thread takes the next one:
 *
 *      pyt__sim_decide   note the step, ask pyt__sim_next, pass the baton on and wait at the own
 *                        gate if another thread was chosen; the step is then done by the caller
 *      pyt__sim_block    the same for a thread that cannot go on
 *      pyt__sim_next     the candidates, the clock, the strategy; NULL: nobody will ever run again
 *
 *  Who can run is computed from what each thread waits for, so no wake-up can be forgotten here:
 *
 *      NOTHING  always
 *      MUTEX    when the mutex has no holder
 *      COND     when signalled or late, and the mutex has no holder; it is taken with the baton
 *      JOIN     when the other thread has ended
 *
 *  Time passes, to the next deadline, when nobody can run, or when the strategy says so. A thread
 *  that only looks (SPIN_LOOKS times at one word while nobody changed anything), yields, or runs
 *  for STREAK steps gives way: it is no candidate until another thread has run or time has passed.
 *
 *  Everything that a run is made of is counted, nothing is an address: threads by the order of
 *  their starts, objects by the order in which they are first waited on (pyt__sim_number takes the
 *  place of the hash). Each run begins with the library's variables as they are when a program
 *  begins; those that pyt__sim_state lists are put aside meanwhile. What the library allocated in
 *  a run is freed at its end. The scheduler's own memory is from the system.
 *
 *  RANDOM draws for each run how likely the thread with the baton is to keep it, since bugs are
 *  found in fewer runs, and sooner, than when every step may go to anybody. In every other run
 *  threads have weights: a few go much faster than the rest, so that one can be far behind.
 *
 *  A program makes a few calls and the library a hundred steps for them. The bugs of a program are
 *  in the order of its calls, so every other run of RANDOM and PRIORITIES is coarse: it switches
 *  only at the first step of a call, at the program's own steps, and where a thread has to wait.
 *  The runs between explore the library's steps.
 *
 *  Simulated threads are threads of the system, not stacks of our own (ucontext). A switch takes
 *  two system calls, some microseconds; swapcontext took a third of that. But stacks on one thread
 *  would share the program's thread-local variables and errno, not every system has ucontext, and
 *  sanitizers and debuggers must be told of each switch. For the same reason each run makes its
 *  threads anew instead of keeping them: only a new thread has thread-local variables as new, and
 *  runs their destructors when it ends.
 *
 *  A thread that ends passes the baton as its last act, and is joined by the thread that gets it
 *  before that one goes on. Daemons, and all threads of a run that failed, are ended where they
 *  wait: by a jump to their first frame.
 *
 *  EXHAUSTIVE keeps a stack of the choices of a run, goes back to the last with an alternative and
 *  runs again from the start. The first alternative is to go on with the same thread; to leave one
 *  that could go on costs one of `bound` preemptions. Steps on words that no other thread touches
 *  are no choices: as long as that is so, what the others do before or after such a step is the
 *  same. Which words are shared is learnt: a word is named by the thread that first touches it and
 *  how many words that one had touched before, which no reordering of independent steps changes.
 *  When a run finds one more name to be shared the search begins again; at its end, no schedule
 *  within the bound has one. (A schedule with a preemption before an unshared step is the same as
 *  one with the preemption before the thread's next shared step, up to the first event that shows
 *  the word to be shared, which the search would have met.) Plain variables that threads share
 *  without a lock are no words; put pyt_step at them, or see the memory room.
 * ============================================================================================== */
#if PYT__DECLARE
PYT__EXTERN_C_BEGIN

/* How pyt_simulate chooses schedules. */
typedef enum pyt_strategy {
    PYT_STRATEGY_RANDOM,     /* any thread that can run, at each step */
    PYT_STRATEGY_PRIORITIES, /* random priorities, with `bound` - 1 changes of them at random steps:
                                finds a bug of depth `bound` with a known probability */
    PYT_STRATEGY_EXHAUSTIVE  /* every schedule with at most `bound` preemptions, depth first */
} pyt_strategy;

/* What pyt_simulate is to do. Every member's zero is the default. */
typedef struct pyt_simulate_options {
    pyt_strategy strategy;
    unsigned long runs;      /* 0: 1000; with EXHAUSTIVE: no limit; not simulated: 1 */
    uint64_t seed;           /* of the first run, the next has the next; 0: PYTHREADING_SEED in the
                                environment, else 1 */
    int bound;               /* 0: 3 with PRIORITIES, 2 with EXHAUSTIVE */
    unsigned long max_steps; /* of a run; one that takes more has failed; 0: 1,000,000 */
    const char *schedule;    /* repeat this one run: what pyt_simulate_schedule gave; NULL:
                                PYTHREADING_SCHEDULE in the environment, else none */
    bool quiet;              /* do not print the report of a failed run to stderr */
} pyt_simulate_options;

/* Call `body` again and again, each time under another schedule, until one fails or all are done.
 *
 * A run ends when the body has returned and the threads that are not daemons have ended. Timers
 * that still wait are cancelled, daemons ended where they wait. It has failed when threads wait
 * for each other, a PYT_CHECK is false, it takes too many steps, or its body raises. Nothing that
 * the library made in a run may be used after it.
 *
 * Without PYTHREADING_SIMULATE the body is called `runs` times, for real, and the rest of the
 * options is not looked at.
 *
 * With EXHAUSTIVE and `runs`, PYT_OK after so many runs may leave schedules out: a message on
 * stderr says so. With PRIORITIES the body is called once more, to measure how many steps it takes.
 *
 * options  may be NULL
 * body     called with `arg`; must do the same each time, and not wait for what the library does
 *          not know: a system call that blocks, blocks the run. So does a loop without a step,
 *          which `max_steps` cannot see: after some seconds a message on stderr says so, and
 *          pyt_simulate does not return
 * Returns  PYT_OK            `runs` runs have ended well, or with EXHAUSTIVE all that there are
 *          PYT_RUNTIME_ERROR one has failed, and the message says how; or called in a run, or by
 *                            two threads at once
 *          PYT_VALUE_ERROR   `body` is NULL; strategy, bound, schedule or PYTHREADING_SEED is none
 *          PYT_MEMORY_ERROR  no memory or no thread for a run
 * Thread   any that is not in a run; no other thread of the program may use the library meanwhile
 * Python   none
 */
PYT__API pyt_status pyt_simulate(const pyt_simulate_options *options, void (*body)(void *arg),
                                 void *arg);

/* Give the schedule of the last run that failed, for `schedule` or PYTHREADING_SCHEDULE. A text of
 * steps taken in a row and threads, "2x1,3x2", where "t" is a timeout that came early.
 *
 * Returns  "" when none has failed; valid until the next pyt_simulate
 */
PYT__API const char *pyt_simulate_schedule(void);

/* Count the runs that the last pyt_simulate made. */
PYT__API unsigned long pyt_simulate_runs(void);

PYT__API PYT__NORETURN void pyt__simulate_check_failed(const char *file, int line,
                                                       const char *text);

/* In a run: one more place where another thread may be switched to. Elsewhere nothing. */
#if defined(PYTHREADING_SIMULATE)
PYT__API void pyt_step(void);
#else
PYT__INLINE void pyt_step(void) {
}
#endif

/* If the condition is false: in a run, it has failed; elsewhere file, line and text are printed and
 * the program aborts, also with NDEBUG. */
#define PYT_CHECK(condition) \
    ((condition) ? (void)0 : pyt__simulate_check_failed(__FILE__, __LINE__, #condition))

PYT__EXTERN_C_END
#endif /* PYT__DECLARE */

#if PYT__DEFINE
#if !defined(PYTHREADING_SIMULATE)

static unsigned long pyt__simulate_count;

PYT__API pyt_status pyt_simulate(const pyt_simulate_options *options, void (*body)(void *arg),
                                 void *arg) {
    unsigned long runs = options != NULL && options->runs > 0 ? options->runs : 1;
    if (body == NULL) {
        return pyt__fail_null();
    }
    for (pyt__simulate_count = 0; pyt__simulate_count < runs; pyt__simulate_count++) {
        body(arg);
    }
    return PYT_OK;
}

PYT__API const char *pyt_simulate_schedule(void) {
    return "";
}

PYT__API unsigned long pyt_simulate_runs(void) {
    return pyt__simulate_count;
}

PYT__API PYT__NORETURN void pyt__simulate_check_failed(const char *file, int line,
                                                       const char *text) {
    (void)fprintf(stderr, "%s:%d: PYT_CHECK(%s) failed\n", file, line, text);
    abort();
}

#else

#include <signal.h>
#include <stdarg.h>

/* ---- the library's variables ---- */

/* Every variable of the library that a run may change. `make lint` compares the list with what the
 * compiler made; of thread-local ones each simulated thread has its own anyway. All are zero when a
 * program begins, but for the main thread's handle and the pointer to it. */
#define PYT__SIM_STATE(X)       \
    X(pyt__shared_place)        \
    X(pyt__main_parker)         \
    X(pyt__main_interrupted)    \
    X(pyt__fork_is_hooked)      \
    X(pyt__forks)               \
    X(pyt__locals_lock)         \
    X(pyt__local_slots)         \
    X(pyt__local_free)          \
    X(pyt__local_free_count)    \
    X(pyt__local_free_capacity) \
    X(pyt__registry_lock)       \
    X(pyt__registry_oldest)     \
    X(pyt__registry_youngest)   \
    X(pyt__registry_count)      \
    X(pyt__first_main)          \
    X(pyt__main_handle)         \
    X(pyt__names_drawn)         \
    X(pyt__default_stack_size)  \
    X(pyt__trace_function)      \
    X(pyt__profile_function)    \
    X(pyt__excepthook)          \
    X(pyt__timers_lock)         \
    X(pyt__timers_count)        \
    X(pyt__timers_firing)       \
    X(pyt__timers_service)      \
    X(pyt__timers_stopping)     \
    X(pyt__timers_heap)         \
    X(pyt__timers_capacity)     \
    X(pyt__timers_queue)        \
    X(pyt__timers_traits)       \
    X(pyt__executors_lock)      \
    X(pyt__executors)           \
    X(pyt__executors_ending)    \
    X(pyt__executors_named)     \
    X(pyt__pools_named)         \
    X(pyt__schedulers)          \
    X(pyt__exit_hooked)         \
    X(pyt__exiting)             \
    X(pyt__exit_never)          \
    X(pyt__threads_alive)

typedef struct pyt__sim_variable {
    void *address;
    size_t size;
} pyt__sim_variable;

static const pyt__sim_variable pyt__sim_state[] = {
#define PYT__SIM_VARIABLE(name) {&name, sizeof name},
    PYT__SIM_STATE(PYT__SIM_VARIABLE)
#undef PYT__SIM_VARIABLE
};

#define PYT__SIM_VARIABLES (sizeof pyt__sim_state / sizeof pyt__sim_state[0])

static size_t pyt__sim_state_size(void) {
    size_t size = 0;
    for (size_t i = 0; i < PYT__SIM_VARIABLES; i++) {
        size += pyt__sim_state[i].size;
    }
    return size;
}

static void pyt__sim_state_save(char *memory) {
    for (size_t i = 0; i < PYT__SIM_VARIABLES; i++) {
        memcpy(memory, pyt__sim_state[i].address, pyt__sim_state[i].size);
        memory += pyt__sim_state[i].size;
    }
}

static void pyt__sim_state_restore(const char *memory) {
    for (size_t i = 0; i < PYT__SIM_VARIABLES; i++) {
        memcpy(pyt__sim_state[i].address, memory, pyt__sim_state[i].size);
        memory += pyt__sim_state[i].size;
    }
}

static void pyt__sim_state_renew(void) {
    for (size_t i = 0; i < PYT__SIM_VARIABLES; i++) {
        memset(pyt__sim_state[i].address, 0, pyt__sim_state[i].size);
    }
    PYT__RAW_STORE(&pyt__first_main.refs, 1, relaxed);
    PYT__RAW_STORE(&pyt__first_main.state, PYT__FIRST_MAIN_STATE, relaxed);
    PYT__RAW_STORE(&pyt__main_handle, &pyt__first_main, relaxed);
}

/* ---- the scheduler's own state ---- */

/* Looks at one word, with no change by anybody in between, after which a thread gives way. */
#define PYT__SIM_SPIN_LOOKS 8

/* How often threads give way before time passes although they could run: perhaps they look at the
 * clock, or for what one that sleeps will do. */
#define PYT__SIM_PATIENT 20

/* Steps in a row after which a thread gives way whatever it does. */
#define PYT__SIM_STREAK 1000

/* One step in so many lets the time pass although threads could run; and one point in a coarse
 * run. */
#define PYT__SIM_CLOCK_ODDS 128
#define PYT__SIM_CLOCK_ODDS_COARSE 16

#define PYT__SIM_LAST_STEPS 30

/* Seconds, real ones, without a step after which the run is said to be stuck. */
#define PYT__SIM_PATIENCE 10

enum {
    PYT__SIM_FOR_NOTHING,
    PYT__SIM_FOR_MUTEX,
    PYT__SIM_FOR_COND,
    PYT__SIM_FOR_JOIN
};

#if defined(PYTHREADING_SIMULATE_MEMORY)
/* The memory room's. A vector clock: at[n - 1] is the time of thread n; missing ones are 0. */
typedef struct pyt__memory_clock {
    uint32_t *at;
    uint32_t count;
} pyt__memory_clock;

/* What a thread knows of the others. */
typedef struct pyt__memory_view {
    pyt__memory_clock now;
    pyt__memory_clock released; /* at its last release fence */
    pyt__memory_clock loaded;   /* by loads that do not acquire: for its next acquire fence */
    const volatile void *swapped;
    int edges; /* of the compare-and-swap on `swapped` */
} pyt__memory_view;

static void pyt__memory_renew(void);
static void pyt__memory_forget(uintptr_t start, size_t size);
static void pyt__memory_begin(void);
static void pyt__memory_start(const pyt__sim_thread *self, pyt__sim_thread *thread);
static void pyt__memory_join(pyt__sim_thread *self, const pyt__sim_thread *thread);
static void pyt__memory_acquire(pyt__sim_thread *self, const volatile void *address);
static void pyt__memory_release(pyt__sim_thread *self, const volatile void *address);
static void pyt__memory_order(pyt__sim_thread *self, const volatile void *address, int kind,
                              int edges);
static void pyt__memory_swapped(pyt__sim_thread *self, bool done);
#endif

struct pyt__sim_thread {
    pyt__sim_thread *next; /* in the order of their starts; or the next that is free */
    uint32_t number;       /* from 1, the main thread's */
    bool ended, killed;
    bool left; /* it has ended, and nobody took the baton */
    bool giving_way;
    int inside; /* above 0: in the scheduler, or in a report; nothing is a step */
    int waits_for;
    pyt__os_mutex *mutex;
    pyt__os_cond *cond;
    bool signalled;
    uint64_t ticket;  /* the order of waits */
    int64_t deadline; /* INT64_MAX: none */
    pyt__sim_thread *joined;
    int64_t since;        /* when it began to wait */
    int64_t priority;     /* PRIORITIES: the highest runs */
    uint64_t weight;      /* RANDOM: how likely it is chosen, beside the others' */
    uint32_t touched;     /* EXHAUSTIVE: how many words it was the first to touch */
    uint64_t changes;     /* pyt__sim.changes when it began to look */
    uint32_t looks, hits; /* since then; and at `looked` */
    const volatile void *looked;
    void *arg, *value; /* the handle; what was set with the key */
    pyt__self *self;
    const pyt__notes *notes;
    char label[48];
    PYT__MEMORY(pyt__memory_view view;)
    jmp_buf base;
    pyt__gate gate; /* from here on it stays when another run uses the memory */
    pyt__below_thread below;
};

/* So many steps of one thread; thread 0 is the clock. */
typedef struct pyt__sim_segment {
    uint32_t thread, steps;
} pyt__sim_segment;

/* EXHAUSTIVE: one choice. */
typedef struct pyt__sim_choice {
    uint32_t chosen, count;
} pyt__sim_choice;

/* What is known of an address in a run. */
typedef struct pyt__sim_word {
    const volatile void *address;
    uint64_t run;    /* which run it is of; another one: the place is free */
    uint64_t number; /* the order of waits; 0: none yet */
    uint64_t name;   /* EXHAUSTIVE; 0: none yet */
    bool shared;     /* EXHAUSTIVE: by threads; and how, while there was more than one: */
    bool counted, changed, used;
    pyt__sim_thread *holder; /* of a lock; NULL: none */
    uint64_t held;           /* the order of holds */
    pyt__place place;
} pyt__sim_word;

typedef struct pyt__sim_past {
    uint32_t thread;
    int kind;
    pyt__place place;
} pyt__sim_past;

/* A text in the scheduler's memory. */
typedef struct pyt__sim_text {
    char *text;
    size_t length, size;
} pyt__sim_text;

typedef struct pyt__sim_piece {
    struct pyt__sim_piece *next, *previous;
    uint64_t run; /* 0: allocated outside of runs, in no list */
    uint64_t unused;
} pyt__sim_piece;
PYT__STATIC_ASSERT(sizeof(pyt__sim_piece) % 16 == 0 || sizeof(void *) < 8, "blocks stay aligned");

typedef struct pyt__simulation {
    PYT__ATOMIC(uint32_t) active;  /* a pyt_simulate is at work */
    PYT__ATOMIC(uint32_t) outside; /* a thread from elsewhere has called the library */
    bool forked;
    bool ready; /* door, hooks */
    pyt__below_mutex door_mutex;
    pyt__below_cond door;
    pyt__below_key key; /* tells that a thread of a run leaves by the system's means */
    pyt__gate gate;     /* the caller's of pyt_simulate */

    pyt_simulate_options options;
    int strategy;
    uint64_t seed; /* of this run */
    unsigned long runs, calls;
    void (*body)(void *);
    void *arg;

    /* this run */
    uint64_t run; /* over all calls */
    pyt__sim_thread *first, *last, *free;
    pyt__sim_thread *leaving; /* has passed the baton on, is to be joined */
    pyt__sim_thread *current;
    uint32_t threads;
    int64_t now;
    uint64_t steps, changes, tickets, numbers, holds, random, streak;
    uint64_t odds; /* RANDOM: one step in so many, on the average, is anybody's */
    bool coarse;   /* RANDOM, PRIORITIES: switches are at points only; see pyt__sim_is_point */
    bool weighted; /* RANDOM: threads have weights */
    uint64_t points;
    uint32_t given_way; /* how often a thread gave way since time last passed */
    bool finishing;     /* the body has returned */
    bool failed;
    int64_t demoted;
    uint32_t preemptions;
    uint32_t bound; /* EXHAUSTIVE: of this search, from 0 up */
    pyt__sim_past past[PYT__SIM_LAST_STEPS];
    pyt__sim_piece *blocks;

    /* arrays that grow */
    pyt__sim_segment *segments, *replay;
    size_t segments_count, segments_size, replay_count, replay_size, replay_at;
    uint32_t replay_left;
    bool replaying;
    pyt__sim_choice *choices;
    size_t choices_count, choices_size, choices_at;
    pyt__sim_word *words;
    size_t words_count, words_size;
    uint64_t *names;
    size_t names_count, names_size;
    bool names_grew, whole;
    uint64_t *changes_at; /* PRIORITIES: the steps at which a priority changes */
    size_t changes_at_count, changes_at_size;
    uint64_t length; /* PRIORITIES: how many steps the measuring run took; 0: not measured */
    uint64_t length_in_points;
    pyt__sim_text schedule, message, report;
    FILE *trace;
} pyt__simulation;

static pyt__simulation pyt__sim;
static PYT__THREAD_LOCAL pyt__sim_thread *pyt__sim_me; /* NULL: not in a run */
static PYT__THREAD_LOCAL bool pyt__sim_apart;          /* it calls pyt_simulate, or has ended */

PYT__NORETURN static void pyt__sim_fail(const char *format, ...);
static const char *pyt__sim_label(pyt__sim_thread *thread);

/* Make room for `count` items. Without memory there is nothing that could be done. */
static void *pyt__sim_grow(void *items, size_t *size, size_t count, size_t item_size) {
    if (count <= *size) {
        return items;
    }
    size_t more = *size < 64 ? 64 : *size * 2;
    more = more < count ? count : more;
    void *grown = pyt__below_memory(more * item_size);
    if (grown == NULL) {
        (void)fprintf(stderr, "simulate: out of memory\n");
        abort();
    }
    if (items != NULL) {
        memcpy(grown, items, *size * item_size);
        pyt__below_memory_free(items, *size * item_size);
    }
    *size = more;
    return grown;
}

static void pyt__sim_say_to(pyt__sim_text *text, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length > 0) {
        text->text =
            (char *)pyt__sim_grow(text->text, &text->size, text->length + (size_t)length + 1, 1);
        (void)vsnprintf(text->text + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

static void pyt__sim_say(pyt__sim_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pyt__sim_say_to(text, format, arguments);
    va_end(arguments);
}

static void pyt__sim_clear(pyt__sim_text *text) {
    text->length = 0;
    pyt__sim_say(text, "%s", " ");
    text->length = 0;
    text->text[0] = '\0';
}

static uint64_t pyt__sim_mix(uint64_t value) {
    value = (value ^ value >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    value = (value ^ value >> 27) * UINT64_C(0x94D049BB133111EB);
    return value ^ value >> 31;
}

static uint64_t pyt__sim_draw(void) {
    pyt__sim.random += UINT64_C(0x9E3779B97F4A7C15);
    return pyt__sim_mix(pyt__sim.random);
}

/* ---- memory of the library in a run ---- */

static void *pyt__sim_allocate(size_t size) {
    if (size > SIZE_MAX - sizeof(pyt__sim_piece)) {
        return NULL;
    }
    pyt__sim_piece *block = (pyt__sim_piece *)PYTHREADING_MALLOC(size + sizeof(pyt__sim_piece));
    if (block == NULL) {
        return NULL;
    }
    block->run = pyt__sim_me != NULL ? pyt__sim.run : 0;
    PYT__MEMORY(pyt__memory_forget((uintptr_t)(block + 1), size);)
    block->next = block->previous = NULL;
    if (block->run != 0) {
        block->next = pyt__sim.blocks;
        if (block->next != NULL) {
            block->next->previous = block;
        }
        pyt__sim.blocks = block;
    }
    return block + 1;
}

static void pyt__sim_release(void *memory) {
    pyt__sim_piece *block = (pyt__sim_piece *)memory - 1;
    if (block->run != 0) {
        *(block->previous != NULL ? &block->previous->next : &pyt__sim.blocks) = block->next;
        if (block->next != NULL) {
            block->next->previous = block->previous;
        }
    }
    PYTHREADING_FREE(block);
}

static void pyt__sim_release_all(void) {
    while (pyt__sim.blocks != NULL) {
        pyt__sim_release(pyt__sim.blocks + 1);
    }
}

/* ---- addresses and names ---- */

static pyt__sim_word *pyt__sim_word_at(pyt__sim_word *words, size_t size,
                                       const volatile void *address) {
    size_t place = (size_t)pyt__sim_mix((uint64_t)(uintptr_t)address) & (size - 1);
    while (words[place].run == pyt__sim.run && words[place].address != address) {
        place = (place + 1) & (size - 1);
    }
    return &words[place];
}

/* What is known of an address in this run, or NULL. */
static pyt__sim_word *pyt__sim_find(const volatile void *address) {
    if (pyt__sim.words_size == 0) {
        return NULL;
    }
    pyt__sim_word *word = pyt__sim_word_at(pyt__sim.words, pyt__sim.words_size, address);
    return word->run == pyt__sim.run ? word : NULL;
}

static void pyt__sim_words_grow(void) {
    size_t size = pyt__sim.words_size == 0 ? 1024 : pyt__sim.words_size * 2;
    size_t room = 0;
    pyt__sim_word *words = (pyt__sim_word *)pyt__sim_grow(NULL, &room, size, sizeof *words);
    for (size_t i = 0; i < pyt__sim.words_size; i++) {
        if (pyt__sim.words[i].run == pyt__sim.run) {
            *pyt__sim_word_at(words, size, pyt__sim.words[i].address) = pyt__sim.words[i];
        }
    }
    if (pyt__sim.words != NULL) {
        pyt__below_memory_free(pyt__sim.words, pyt__sim.words_size * sizeof *words);
    }
    pyt__sim.words = words;
    pyt__sim.words_size = size;
}

/* The same, noted now if need be; valid until the next call. */
static pyt__sim_word *pyt__sim_get(const volatile void *address) {
    if (pyt__sim.words_count * 2 >= pyt__sim.words_size) {
        pyt__sim_words_grow();
    }
    pyt__sim_word *word = pyt__sim_word_at(pyt__sim.words, pyt__sim.words_size, address);
    if (word->run != pyt__sim.run) {
        memset(word, 0, sizeof *word);
        word->address = address;
        word->run = pyt__sim.run;
        pyt__sim.words_count++;
    }
    return word;
}

static uint64_t pyt__sim_number(const void *address) {
    pyt__sim_word *word = pyt__sim_get(address);
    if (word->number == 0) {
        word->number = ++pyt__sim.numbers;
    }
    return word->number;
}

/* Where a name of a shared word is in the set, or would be. */
static uint64_t *pyt__sim_name_at(uint64_t *names, size_t size, uint64_t name) {
    size_t place = (size_t)pyt__sim_mix(name) & (size - 1);
    while (names[place] != 0 && names[place] != name) {
        place = (place + 1) & (size - 1);
    }
    return &names[place];
}

static bool pyt__sim_name_is_shared(uint64_t name) {
    return pyt__sim.names_size > 0 &&
           *pyt__sim_name_at(pyt__sim.names, pyt__sim.names_size, name) == name;
}

static void pyt__sim_name_share(uint64_t name) {
    if (pyt__sim_name_is_shared(name)) {
        return;
    }
    if (pyt__sim.names_count * 2 >= pyt__sim.names_size) {
        size_t size = pyt__sim.names_size == 0 ? 1024 : pyt__sim.names_size * 2;
        size_t room = 0;
        uint64_t *names = (uint64_t *)pyt__sim_grow(NULL, &room, size, sizeof *names);
        for (size_t i = 0; i < pyt__sim.names_size; i++) {
            if (pyt__sim.names[i] != 0) {
                *pyt__sim_name_at(names, size, pyt__sim.names[i]) = pyt__sim.names[i];
            }
        }
        if (pyt__sim.names != NULL) {
            pyt__below_memory_free(pyt__sim.names, pyt__sim.names_size * sizeof *names);
        }
        pyt__sim.names = names;
        pyt__sim.names_size = size;
    }
    *pyt__sim_name_at(pyt__sim.names, pyt__sim.names_size, name) = name;
    pyt__sim.names_count++;
    pyt__sim.names_grew = true;
}

/* What `self` would call a word if it were the first to touch it now. */
static uint64_t pyt__sim_name_next(const pyt__sim_thread *self) {
    return (uint64_t)self->number << 32 | (self->touched + 1);
}

static bool pyt__sim_is_change(int kind) {
    return kind != PYT__SIM_LOAD && kind != PYT__SIM_YIELD && kind != PYT__SIM_USER &&
           kind != PYT__SIM_READ;
}

/* EXHAUSTIVE: may the order of this step and others' matter? */
static bool pyt__sim_matters(const pyt__sim_thread *self, const volatile void *address) {
    if (address == NULL || pyt__sim.whole) {
        return true;
    }
    const pyt__sim_word *word = pyt__sim_find(address);
    return pyt__sim_name_is_shared(word != NULL && word->name != 0 ? word->name
                                                                   : pyt__sim_name_next(self));
}

/* EXHAUSTIVE: the step is done now. Writes before the first start are before everything. */
static void pyt__sim_touch(pyt__sim_thread *self, const volatile void *address, int kind) {
    pyt__sim_word *word = pyt__sim_get(address);
    if (word->name == 0) {
        word->name = pyt__sim_name_next(self);
        self->touched++;
    }
    word->shared |= word->name >> 32 != self->number;
    if (pyt__sim.threads > 1) {
        word->counted |= kind == PYT__SIM_COUNT;
        word->used |= kind != PYT__SIM_COUNT;
        word->changed |= kind != PYT__SIM_COUNT && pyt__sim_is_change(kind);
    }
    if (word->shared && (word->changed || (word->counted && word->used))) {
        pyt__sim_name_share(word->name);
    }
}

/* ---- the next thread ---- */

static bool pyt__sim_is_late(const pyt__sim_thread *thread) {
    return thread->waits_for == PYT__SIM_FOR_COND && thread->deadline <= pyt__sim_now();
}

static bool pyt__sim_can_run(const pyt__sim_thread *thread) {
    switch (thread->waits_for) {
    case PYT__SIM_FOR_MUTEX:
        return thread->mutex->holder == NULL;
    case PYT__SIM_FOR_COND:
        return (thread->signalled || pyt__sim_is_late(thread)) && thread->mutex->holder == NULL;
    case PYT__SIM_FOR_JOIN:
        return thread->joined->ended;
    default:
        return !thread->ended;
    }
}

/* Who can be chosen, and until when time may pass instead. */
typedef struct pyt__sim_candidates {
    uint32_t count;       /* that can run and do not give way */
    uint32_t giving_way;  /* that can run */
    bool self;            /* the thread that asks is one of the first */
    int64_t deadline;     /* the earliest of those that wait; INT64_MAX: none */
    pyt__sim_thread *one; /* the first of them */
} pyt__sim_candidates;

static pyt__sim_candidates pyt__sim_look_around(const pyt__sim_thread *self) {
    pyt__sim_candidates found = {0, 0, false, INT64_MAX, NULL};
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (thread->waits_for == PYT__SIM_FOR_NOTHING && thread->ended) {
            continue;
        }
        if (!pyt__sim_can_run(thread)) {
            if (thread->waits_for == PYT__SIM_FOR_COND && !thread->signalled &&
                !pyt__sim_is_late(thread) && thread->deadline < found.deadline) {
                found.deadline = thread->deadline;
            }
        } else if (thread->giving_way) {
            found.giving_way++;
        } else {
            found.count++;
            found.self = found.self || thread == self;
            found.one = found.one != NULL ? found.one : thread;
        }
    }
    return found;
}

/* The candidate at this place among them; `self` is not counted when it is to be left out. */
static pyt__sim_thread *pyt__sim_candidate(uint64_t place, const pyt__sim_thread *without) {
    pyt__sim_thread *thread = pyt__sim.first;
    for (;; thread = thread->next) {
        if (thread != without && !thread->giving_way && pyt__sim_can_run(thread) && place-- == 0) {
            return thread;
        }
    }
}

static void pyt__sim_nobody_gives_way(void) {
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        thread->giving_way = false;
    }
}

static void pyt__sim_pass_time(int64_t until) {
    if (until != INT64_MAX && until > pyt__sim.now) {
        pyt__sim.now = until; /* a nanosecond late: differences of seconds in a double round */
    }
    pyt__sim.changes++;
    pyt__sim.given_way = 0;
    pyt__sim_nobody_gives_way();
}

/* Note the thread that does the next step, for the schedule. */
static void pyt__sim_record(uint32_t thread) {
    size_t count = pyt__sim.segments_count;
    if (count > 0 && thread != 0 && pyt__sim.segments[count - 1].thread == thread) {
        pyt__sim.segments[count - 1].steps++;
        return;
    }
    pyt__sim.segments = (pyt__sim_segment *)pyt__sim_grow(
        pyt__sim.segments, &pyt__sim.segments_size, count + 1, sizeof *pyt__sim.segments);
    pyt__sim.segments[count].thread = thread;
    pyt__sim.segments[count].steps = 1;
    pyt__sim.segments_count++;
}

/* Does the time pass at this step although threads could run? */
static bool pyt__sim_draw_clock(const pyt__sim_candidates *found) {
    uint64_t odds = pyt__sim.coarse ? PYT__SIM_CLOCK_ODDS_COARSE : PYT__SIM_CLOCK_ODDS;
    return found->deadline != INT64_MAX && pyt__sim_draw() % odds == 0;
}

/* One of the candidates, each as likely as its weight says. */
static pyt__sim_thread *pyt__sim_draw_candidate(void) {
    pyt__sim_thread *chosen = NULL;
    uint64_t sum = 0;
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (!thread->giving_way && pyt__sim_can_run(thread)) {
            sum += thread->weight;
            chosen = pyt__sim_draw() % sum < thread->weight ? thread : chosen;
        }
    }
    return chosen;
}

/* A strategy chooses among at least one candidate. NULL: the clock. */
static pyt__sim_thread *pyt__sim_choose_random(const pyt__sim_candidates *found,
                                               pyt__sim_thread *self, bool matters) {
    if (found->self && !matters) {
        return self;
    }
    if (pyt__sim_draw_clock(found)) {
        return NULL;
    }
    if (found->self && pyt__sim_draw() % pyt__sim.odds != 0) {
        return self;
    }
    return found->count == 1 ? found->one : pyt__sim_draw_candidate();
}

static pyt__sim_thread *pyt__sim_highest(void) {
    pyt__sim_thread *highest = NULL;
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (!thread->giving_way && pyt__sim_can_run(thread) &&
            (highest == NULL || thread->priority > highest->priority)) {
            highest = thread;
        }
    }
    return highest;
}

static pyt__sim_thread *pyt__sim_choose_priorities(const pyt__sim_candidates *found, bool matters) {
    uint64_t now = pyt__sim.coarse ? pyt__sim.points : pyt__sim.steps;
    if (!matters) {
        return pyt__sim_highest();
    }
    if (pyt__sim_draw_clock(found)) {
        return NULL;
    }
    for (size_t i = 0; i < pyt__sim.changes_at_count; i++) {
        if (pyt__sim.changes_at[i] == now) {
            pyt__sim_highest()->priority = --pyt__sim.demoted;
        }
    }
    return pyt__sim_highest();
}

/* The thread that asks comes first, then the others, then the clock. Once the preemptions are used
 * up, a thread that can go on goes on. */
static pyt__sim_thread *pyt__sim_choose_exhaustive(const pyt__sim_candidates *found,
                                                   pyt__sim_thread *self, bool matters) {
    bool clock = found->deadline != INT64_MAX;
    bool spent = pyt__sim.preemptions >= pyt__sim.bound;
    uint32_t count = found->count + (clock ? 1 : 0);
    if (found->self && (spent || !matters)) {
        return self;
    }
    if (clock && spent) {
        count--;
    }
    if (count == 1) {
        return found->one;
    }
    size_t at = pyt__sim.choices_at++;
    if (at == pyt__sim.choices_count) {
        pyt__sim.choices = (pyt__sim_choice *)pyt__sim_grow(
            pyt__sim.choices, &pyt__sim.choices_size, at + 1, sizeof *pyt__sim.choices);
        pyt__sim.choices[at].chosen = 0;
        pyt__sim.choices[at].count = count;
        pyt__sim.choices_count++;
    } else if (pyt__sim.choices[at].count != count) {
        pyt__sim_fail("the body does not do the same each time");
    }
    uint32_t chosen = pyt__sim.choices[at].chosen;
    if (chosen >= found->count) {
        pyt__sim.preemptions++;
        return NULL;
    }
    if (found->self) {
        if (chosen == 0) {
            return self;
        }
        pyt__sim.preemptions++;
        return pyt__sim_candidate(chosen - 1, self);
    }
    return pyt__sim_candidate(chosen, NULL);
}

/* After the end of the schedule the same thread goes on. */
static pyt__sim_thread *pyt__sim_choose_replay(const pyt__sim_candidates *found,
                                               pyt__sim_thread *self) {
    while (pyt__sim.replay_left == 0 && pyt__sim.replay_at < pyt__sim.replay_count) {
        pyt__sim.replay_left = pyt__sim.replay[pyt__sim.replay_at++].steps;
    }
    if (pyt__sim.replay_left == 0) {
        return found->self ? self : found->one;
    }
    pyt__sim.replay_left--;
    uint32_t number = pyt__sim.replay[pyt__sim.replay_at - 1].thread;
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (thread->number == number && !thread->giving_way && pyt__sim_can_run(thread)) {
            return thread;
        }
    }
    if (number != 0 || found->deadline == INT64_MAX) {
        pyt__sim_fail("the schedule belongs to another program: at step %llu %s %lu cannot go on",
                      (unsigned long long)pyt__sim.steps, number == 0 ? "clock" : "thread",
                      (unsigned long)number);
    }
    return NULL;
}

static pyt__sim_thread *pyt__sim_choose(const pyt__sim_candidates *found, pyt__sim_thread *self,
                                        bool matters) {
    if (pyt__sim.replaying) {
        return pyt__sim_choose_replay(found, self);
    }
    switch (pyt__sim.strategy) {
    case PYT_STRATEGY_PRIORITIES:
        return pyt__sim_choose_priorities(found, matters);
    case PYT_STRATEGY_EXHAUSTIVE:
        return pyt__sim_choose_exhaustive(found, self, matters);
    default:
        return pyt__sim_choose_random(found, self, matters);
    }
}

/* The thread that does the next step; NULL: none can, and none will.
 * matters  false: `self` goes on if it can, as the step that it is about to do touches nothing that
 *          others touch, or is no point of a coarse run */
static pyt__sim_thread *pyt__sim_next(pyt__sim_thread *self, bool matters) {
    for (;;) {
        pyt__sim_candidates found = pyt__sim_look_around(self);
        bool timed = found.deadline != INT64_MAX;
        if (pyt__sim.given_way > PYT__SIM_PATIENT && (timed || found.count == 0)) {
            pyt__sim_pass_time(timed ? found.deadline : pyt__sim_now() + 1000000);
        } else if (found.count == 0 && found.giving_way > 0) {
            pyt__sim_nobody_gives_way();
        } else if (found.count == 0 && timed) {
            pyt__sim_pass_time(found.deadline);
        } else if (found.count == 0) {
            return NULL;
        } else {
            pyt__sim_thread *chosen = pyt__sim_choose(&found, self, matters);
            pyt__sim_record(chosen != NULL ? chosen->number : 0);
            if (chosen != NULL) {
                return chosen;
            }
            pyt__sim_pass_time(found.deadline);
        }
    }
}

/* ---- the baton ---- */

/* The calling thread has got it: a thread that passed it on at its end is joined first. */
static void pyt__sim_arrive(void) {
    pyt__sim_thread *leaving = pyt__sim.leaving;
    if (leaving != NULL) {
        pyt__sim.leaving = NULL;
        pyt__below_thread_join(leaving->below);
    }
}

static void pyt__sim_pass(pyt__sim_thread *next) {
    pyt__sim.current = next;
    pyt__sim.streak = 0;
    pyt__gate_open(&next->gate);
}

/* Wait for the baton. A thread that is to end where it waits does so here. */
static void pyt__sim_await(pyt__sim_thread *self) {
    (void)pyt__gate_wait(&self->gate, 0);
    pyt__sim_arrive();
    if (self->killed) {
        longjmp(self->base, 1);
    }
}

/* The run is over. */
static void pyt__sim_return(pyt__sim_thread *self, bool wait) {
    pyt__gate_open(&pyt__sim.gate);
    if (wait) {
        pyt__sim_await(self);
    }
}

static void pyt__sim_go_on_with(pyt__sim_thread *self, pyt__sim_thread *next) {
    if (next != self) {
        pyt__sim_nobody_gives_way();
        pyt__sim_pass(next);
        pyt__sim_await(self);
    }
}

static const char *const pyt__sim_kinds[] = {"load",  "store", "swap", "add",    "cas",
                                             "count", "lock",  "wait", "signal", "start",
                                             "yield", "step",  "read", "write",  "clock"};

/* A step of `self`: count it, and see that the run does not go on for ever. */
static void pyt__sim_note(pyt__sim_thread *self, int kind) {
    pyt__sim_past *past = &pyt__sim.past[pyt__sim.steps % PYT__SIM_LAST_STEPS];
    past->thread = self->number;
    past->kind = kind;
    past->place = pyt__my_notes.pyt__here;
    if (pyt__sim.trace != NULL) {
        (void)fprintf(pyt__sim.trace, "%lu %s\n", (unsigned long)self->number,
                      pyt__sim_kinds[kind]);
    }
    if (++pyt__sim.steps > pyt__sim.options.max_steps) {
        pyt__sim_fail("more than %lu steps", pyt__sim.options.max_steps);
    }
    if (PYT__RAW_LOAD(&pyt__sim.outside, relaxed) != 0) {
        pyt__sim_fail("a thread that is not of the run called the library");
    }
}

static void pyt__sim_give_way(pyt__sim_thread *self) {
    self->giving_way = true;
    pyt__sim.given_way++;
}

/* Does the thread only look, again and again? */
static void pyt__sim_see_spinning(pyt__sim_thread *self, const volatile void *word, int kind) {
    if (++pyt__sim.streak > PYT__SIM_STREAK) {
        pyt__sim.streak = 0;
        pyt__sim_give_way(self);
        self->priority = pyt__sim.strategy == PYT_STRATEGY_PRIORITIES ? --pyt__sim.demoted : 0;
    }
    if (pyt__sim_is_change(kind)) {
        pyt__sim.changes++;
        return;
    }
    if (self->changes != pyt__sim.changes) {
        self->changes = pyt__sim.changes;
        self->looks = 0;
        self->hits = 0;
        self->looked = word;
    }
    self->looks++;
    if (word == self->looked) {
        self->hits++;
    } else if ((self->looks & (self->looks - 1)) == 0) {
        self->looked = word; /* the first may have come before the loop */
        self->hits = 1;
    }
    if (self->hits > PYT__SIM_SPIN_LOOKS) {
        self->hits = 0;
        pyt__sim_give_way(self);
    }
}

/* Is the step one of the program's own, or the first one of a call? */
static bool pyt__sim_is_point(int kind) {
    bool fresh = pyt__my_notes.pyt__fresh;
    pyt__my_notes.pyt__fresh = false;
    return fresh || kind >= PYT__SIM_START;
}

/* May the strategy switch at this step? */
static bool pyt__sim_step_matters(const pyt__sim_thread *self, const volatile void *word,
                                  int kind) {
    bool point = pyt__sim_is_point(kind);
    pyt__sim.points += point;
    return pyt__sim.strategy == PYT_STRATEGY_EXHAUSTIVE ? pyt__sim_matters(self, word)
                                                        : point || !pyt__sim.coarse;
}

/* `self` is about to do a step: let the strategy choose the thread that does one. */
static void pyt__sim_decide(pyt__sim_thread *self, const volatile void *word, int kind) {
    if (pyt__sim.forked) {
        (void)fprintf(stderr, "simulate: the child of a fork in a run used the library\n");
        _Exit(70);
    }
    self->inside++;
    pyt__sim_note(self, kind);
    pyt__sim_see_spinning(self, word, kind);
    pyt__sim_go_on_with(self, pyt__sim_next(self, pyt__sim_step_matters(self, word, kind)));
    if (word != NULL && pyt__sim.strategy == PYT_STRATEGY_EXHAUSTIVE) {
        pyt__sim_touch(self, word, kind);
    }
    self->inside--;
}

/* `self` waits for what it has noted. */
static void pyt__sim_block(pyt__sim_thread *self) {
    self->inside++;
    self->since = pyt__sim_now();
    self->ticket = ++pyt__sim.tickets;
    pyt__sim_thread *next = pyt__sim_next(self, true);
    if (next == NULL) {
        pyt__sim_fail(pyt__sim.finishing ? "a thread is left over that nobody will wake"
                                         : "deadlock");
    }
    pyt__sim_go_on_with(self, next);
    self->waits_for = PYT__SIM_FOR_NOTHING;
    self->inside--;
}

/* A thread that is not of the run called the library: the run fails, and the thread waits until
 * there is none. */
PYT__COLD static void pyt__sim_wait_outside(void) {
    PYT__RAW_STORE(&pyt__sim.outside, 1, relaxed);
    pyt__below_mutex_lock(&pyt__sim.door_mutex);
    while (PYT__RAW_LOAD(&pyt__sim.active, relaxed) != 0) {
        pyt__below_cond_wait(&pyt__sim.door, &pyt__sim.door_mutex);
    }
    pyt__below_cond_signal(&pyt__sim.door);
    pyt__below_mutex_unlock(&pyt__sim.door_mutex);
}

static pyt__sim_thread *pyt__sim_self(void) {
    pyt__sim_thread *self = pyt__sim_me;
    if (self == NULL && PYT__RAW_LOAD(&pyt__sim.active, acquire) != 0 && !pyt__sim_apart) {
        pyt__sim_wait_outside();
    }
    return self;
}

PYT__API void pyt__simulate_step(const volatile void *word, int kind, int edges) {
    pyt__sim_thread *self = pyt__sim_self();
    (void)edges;
    if (self != NULL && self->inside == 0) {
        pyt__sim_decide(self, word, kind);
        PYT__MEMORY(pyt__memory_order(self, word, kind, edges);)
    }
}

/* A compare-and-swap that failed was a look. */
PYT__API bool pyt__simulate_cas(bool done) {
    pyt__sim_thread *self = pyt__sim_me;
    if (self != NULL && self->inside == 0) {
        pyt__sim.changes -= !done;
        PYT__MEMORY(pyt__memory_swapped(self, done);)
    }
    return done;
}

PYT__API void pyt_step(void) {
    pyt__simulate_step(NULL, PYT__SIM_USER, 0);
}

/* Note a lock's holder for the report. */
PYT__API bool pyt__simulate_held(const void *lock, bool held) {
    pyt__sim_thread *self = pyt__sim_me;
    if (self == NULL || self->inside > 0) {
        return held;
    }
    pyt__sim_word *word = held ? pyt__sim_get(lock) : pyt__sim_find(lock);
    if (word != NULL) {
        word->holder = held ? self : NULL;
        word->held = ++pyt__sim.holds;
        word->place = pyt__my_notes.pyt__here;
    }
    return held;
}

/* ---- the platform's functions in a run ---- */

static void pyt__sim_mutex_lock(pyt__sim_thread *self, pyt__os_mutex *mutex) {
    if (self->inside > 0) {
        return;
    }
    pyt__sim_decide(self, mutex, PYT__SIM_LOCK);
    if (mutex->holder != NULL) {
        self->waits_for = PYT__SIM_FOR_MUTEX;
        self->mutex = mutex;
        pyt__sim_block(self);
    }
    mutex->holder = self;
    PYT__MEMORY(pyt__memory_acquire(self, mutex);)
}

/* No step: a thread that runs between the unlocking and what is before it may as well run after. */
static void pyt__sim_mutex_unlock(pyt__sim_thread *self, pyt__os_mutex *mutex) {
    if (self->inside == 0) {
        PYT__MEMORY(pyt__memory_release(self, mutex);)
        mutex->holder = NULL;
        pyt__sim.changes++;
    }
}

static void pyt__sim_cond_wait(pyt__sim_thread *self, pyt__os_cond *cond, pyt__os_mutex *mutex,
                               int64_t deadline) {
    pyt__sim_decide(self, cond, PYT__SIM_WAIT);
    PYT__MEMORY(pyt__memory_release(self, mutex);)
    mutex->holder = NULL;
    pyt__sim.changes++;
    self->waits_for = PYT__SIM_FOR_COND;
    self->cond = cond;
    self->mutex = mutex;
    self->deadline = deadline;
    self->signalled = false;
    pyt__sim_block(self);
    self->deadline = INT64_MAX;
    mutex->holder = self;
    PYT__MEMORY(pyt__memory_acquire(self, mutex);)
}

static void pyt__sim_cond_signal(pyt__sim_thread *self, pyt__os_cond *cond) {
    pyt__sim_thread *oldest = NULL;
    if (self->inside > 0) {
        return;
    }
    pyt__sim_decide(self, cond, PYT__SIM_SIGNAL);
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (thread->waits_for == PYT__SIM_FOR_COND && thread->cond == cond && !thread->signalled &&
            (oldest == NULL || thread->ticket < oldest->ticket)) {
            oldest = thread;
        }
    }
    if (oldest != NULL) {
        oldest->signalled = true;
    }
}

/* Twice as much is half as likely, up to 4096. */
static uint64_t pyt__sim_draw_weight(void) {
    uint64_t drawn = pyt__sim_draw(), weight = 1;
    while (weight < 4096 && (drawn & weight) == 0) {
        weight *= 2;
    }
    return weight;
}

static pyt__sim_thread *pyt__sim_thread_make(size_t stack_size, void *arg) {
    pyt__sim_thread *thread = pyt__sim.free;
    if (thread != NULL) {
        pyt__sim.free = thread->next;
    } else {
        thread = (pyt__sim_thread *)pyt__below_memory(sizeof *thread);
    }
    if (thread == NULL) {
        return NULL;
    }
    memset((void *)thread, 0, offsetof(pyt__sim_thread, gate));
    thread->arg = arg;
    thread->deadline = INT64_MAX;
    thread->number = pyt__sim.threads + 1;
    thread->priority = (int64_t)(pyt__sim_draw() >> 2);
    thread->weight = pyt__sim.weighted ? pyt__sim_draw_weight() : 1;
    void *tagged = (void *)((uintptr_t)thread + 1);
    if (!pyt__gate_init(&thread->gate) ||
        !pyt__below_thread_start(&thread->below, stack_size, tagged)) {
        thread->next = pyt__sim.free;
        pyt__sim.free = thread;
        return NULL;
    }
    *(pyt__sim.last != NULL ? &pyt__sim.last->next : &pyt__sim.first) = thread;
    pyt__sim.last = thread;
    pyt__sim.threads++;
    PYT__MEMORY(pyt__memory_start(pyt__sim_me, thread);)
    return thread;
}

static pyt__sim_thread *pyt__sim_thread_start(pyt__sim_thread *self, size_t stack_size, void *arg) {
    pyt__sim_thread *thread = pyt__sim_thread_make(stack_size, arg);
    if (thread != NULL) {
        (void)pyt__sim_label(thread);
        pyt__sim_decide(self, NULL, PYT__SIM_START);
    }
    return thread;
}

static void pyt__sim_thread_join(pyt__sim_thread *self, pyt__sim_thread *other) {
    if (!other->ended) {
        self->waits_for = PYT__SIM_FOR_JOIN;
        self->joined = other;
        pyt__sim_block(self);
    }
    PYT__MEMORY(pyt__memory_join(self, other);)
}

PYT__NORETURN static void pyt__sim_thread_exit(pyt__sim_thread *self) {
    longjmp(self->base, 1);
}

static void pyt__sim_yield(pyt__sim_thread *self) {
    if (self->inside == 0) {
        pyt__sim_give_way(self);
        pyt__sim_decide(self, NULL, PYT__SIM_YIELD);
    }
}

static void pyt__sim_set_value(pyt__sim_thread *self, void *value) {
    self->value = value;
}

/* The clock begins at 0, but the library takes 0 for "not known": it sees one nanosecond more. */
static int64_t pyt__sim_now(void) {
    return pyt__sim.now + 1;
}

static unsigned long pyt__sim_thread_number(const pyt__sim_thread *self) {
    return self->number;
}

static const pyt__below_thread *pyt__sim_thread_below(const pyt__sim_thread *thread) {
    return &thread->below;
}

/* ---- a thread's life ---- */

static void pyt__sim_cancel_timers(void) {
    for (;;) {
        pyt__lock_take(&pyt__timers_lock);
        pyt_thread *timer = pyt__timers_count > 0 ? pyt_thread_ref(pyt__timers_heap[0]) : NULL;
        pyt_lock_release(&pyt__timers_lock);
        if (timer == NULL) {
            return;
        }
        (void)pyt_timer_cancel(timer);
        pyt_thread_unref(timer);
    }
}

/* What is left to do when the body has returned. */
static void pyt__sim_finish(void) {
    pyt__sim.finishing = true;
    if (pyt__enroll() != NULL) {
        pyt__sim_cancel_timers();
        pyt__finish(false);
    }
}

/* The stages of a thread from `first` on, of which each may be left by a jump to `base`. */
static void pyt__sim_thread_stages(pyt__sim_thread *self, int first) {
    volatile int stage = first;
    (void)setjmp(self->base);
    if (self->killed) {
        return;
    }
    self->inside = 0;
    if (stage == 0) {
        stage = 1;
        if (self->number == 1) {
            self->inside = 1;
            (void)pyt__is_main_thread(); /* as when a program starts */
            self->inside = 0;
            pyt__sim.body(pyt__sim.arg);
        } else {
            pyt__thread_main(self->arg);
        }
    }
    if (stage == 1) {
        stage = 2;
        if (self->number == 1) {
            pyt__sim_finish();
        }
    }
    while (self->value != NULL) {
        void *value = self->value;
        self->value = NULL;
        pyt__retire(value);
    }
}

/* The thread has ended: pass the baton on. */
static void pyt__sim_thread_leave(pyt__sim_thread *self) {
    self->inside = 1;
    self->ended = true;
    pyt__sim.changes++;
    pyt__sim.leaving = self;
    pyt__sim_thread *next = self->number == 1 ? NULL : pyt__sim_next(NULL, true);
    if (next != NULL) {
        pyt__sim_nobody_gives_way();
        pyt__sim_pass(next);
        return;
    }
    if (self->number != 1) {
        self->ended = false; /* it is ended as all others are */
        self->left = true;
        pyt__sim.leaving = NULL;
        pyt__sim_fail(pyt__sim.finishing ? "a thread is left over that nobody will wake"
                                         : "deadlock");
    }
    pyt__sim_return(self, false);
}

static void pyt__sim_thread_run(pyt__sim_thread *self, int first_stage) {
    pyt__sim_thread_stages(self, first_stage);
    if (!self->killed && setjmp(self->base) == 0) {
        pyt__sim_thread_leave(self);
    }
    pyt__me.pyt__parker = NULL; /* it is the run's: pyt__retire finds nothing to do */
    pyt__sim_me = NULL;
    pyt__sim_apart = true;
}

static void pyt__sim_thread_main(pyt__sim_thread *self) {
    pyt__sim_me = self;
    self->self = &pyt__me;
    self->notes = &pyt__my_notes;
    (void)pyt__gate_wait(&self->gate, 0);
    pyt__sim_arrive();
    PYT__MEMORY(pyt__memory_begin();)
    if (PYT__END_ROUNDS > 1) { /* other keys tell of more than the thread's end */
        (void)pyt__below_key_set(pyt__sim.key, &pyt__me);
    }
    pyt__sim_thread_run(self, 0);
}

/* The thread has left its first stage by the system's means, as pthread_exit: of its frames none is
 * there any more, and what is left to do runs in the system's call at its end. */
static void pyt__sim_thread_left(pyt__sim_thread *self) {
    pyt__sim_thread_run(self, 1);
}

/* pyt_raise or pyt_exit outside of any target: in the body itself. */
static void pyt__sim_uncaught(bool raised) {
    pyt__sim_thread *self = pyt__sim_self();
    if (self != NULL && raised && self->number == 1) {
        pyt__sim_fail("the body raised");
    }
}

/* ---- reports ---- */

/* The name of a thread, kept for when its handle is gone. */
static const char *pyt__sim_label(pyt__sim_thread *thread) {
    if (thread->number == 1) {
        return "MainThread";
    }
    if (thread->ended) { /* and with it its record */
        return thread->label;
    }
    const pyt_thread *handle = thread->self != NULL ? thread->self->pyt__thread : NULL;
    handle = thread->label[0] == '\0' ? (const pyt_thread *)thread->arg : handle;
    if (handle == NULL) {
        return thread->label;
    }
    pyt__name *name = PYT__RAW_LOAD(&handle->name, relaxed);
    const char *text = name != NULL ? name->text : "thread";
    if (name != NULL && strlen(text) < sizeof thread->label) {
        (void)strcpy(thread->label, text);
    } else if (handle->number > 0) {
        (void)snprintf(thread->label, sizeof thread->label, "Thread-%lu",
                       (unsigned long)handle->number);
    } else {
        (void)snprintf(thread->label, sizeof thread->label, "thread %lu",
                       (unsigned long)thread->number);
    }
    return thread->label;
}

static pyt__sim_thread *pyt__sim_thread_of(uint32_t number) {
    pyt__sim_thread *thread = pyt__sim.first;
    while (thread != NULL && thread->number != number) {
        thread = thread->next;
    }
    return thread;
}

static void pyt__sim_say_place(pyt__sim_text *text, const pyt__place *place) {
    if (place->pyt__file != NULL) {
        pyt__sim_say(text, " %s:%d", place->pyt__file, place->pyt__line);
    }
}

/* The locks that a thread holds, in the order in which it took them; those whose place is known. */
static void pyt__sim_say_holds(pyt__sim_text *text, const pyt__sim_thread *thread) {
    uint64_t after = 0;
    for (const char *start = "  holds";; start = ",") {
        const pyt__sim_word *next = NULL;
        for (size_t i = 0; i < pyt__sim.words_size; i++) {
            const pyt__sim_word *word = &pyt__sim.words[i];
            if (word->run == pyt__sim.run && word->holder == thread && word->held > after &&
                word->place.pyt__file != NULL && (next == NULL || word->held < next->held)) {
                next = word;
            }
        }
        if (next == NULL) {
            return;
        }
        after = next->held;
        pyt__sim_say(text, "%s the lock of", start);
        pyt__sim_say_place(text, &next->place);
    }
}

static void pyt__sim_say_wait(pyt__sim_text *text, pyt__sim_thread *thread) {
    const pyt__place *here = &thread->notes->pyt__here;
    const pyt__parker *parker = thread->self->pyt__parker;
    const void *address =
        parker != NULL ? PYT__RAW_LOAD(&parker->address, relaxed) : (const void *)NULL;
    const pyt__sim_word *word = address != NULL ? pyt__sim_find(address) : NULL;
    pyt__sim_say(text, "waits in %s", here->pyt__call != NULL ? here->pyt__call : "the library");
    pyt__sim_say_place(text, here);
    pyt__sim_say(text, ", for %.3f s", (double)(pyt__sim_now() - thread->since) * 1e-9);
    if (thread->deadline != INT64_MAX) {
        pyt__sim_say(text, ", with a deadline");
    }
    if (word != NULL && word->holder != NULL) {
        pyt__sim_say(text, ", for the lock that %s acquired at", pyt__sim_label(word->holder));
        pyt__sim_say_place(text, &word->place);
    }
}

static void pyt__sim_say_threads(pyt__sim_text *text) {
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (thread->ended || thread->left || thread->self == NULL) {
            continue;
        }
        pyt__sim_say(text, "  %-12s ", pyt__sim_label(thread));
        if (thread->waits_for == PYT__SIM_FOR_NOTHING) {
            pyt__sim_say(text, "runs in %s",
                         thread->notes->pyt__here.pyt__call != NULL
                             ? thread->notes->pyt__here.pyt__call
                             : "the program");
            pyt__sim_say_place(text, &thread->notes->pyt__here);
        } else {
            pyt__sim_say_wait(text, thread);
        }
        pyt__sim_say_holds(text, thread);
        pyt__sim_say(text, "\n");
    }
}

/* The last steps; those of one thread in one call are one. */
static void pyt__sim_say_steps(pyt__sim_text *text) {
    uint64_t first =
        pyt__sim.steps > PYT__SIM_LAST_STEPS ? pyt__sim.steps - PYT__SIM_LAST_STEPS : 0;
    const pyt__sim_past *before = NULL;
    pyt__sim_say(text, "  last steps:");
    for (uint64_t i = first; i < pyt__sim.steps; i++) {
        const pyt__sim_past *past = &pyt__sim.past[i % PYT__SIM_LAST_STEPS];
        const char *call = past->place.pyt__call;
        const char *name = call != NULL ? call : pyt__sim_kinds[past->kind];
        bool same = before != NULL && before->thread == past->thread &&
                    (call != NULL ? before->place.pyt__call == call &&
                                        before->place.pyt__line == past->place.pyt__line
                                  : before->place.pyt__call == NULL && before->kind == past->kind);
        pyt__sim_thread *thread = pyt__sim_thread_of(past->thread);
        if (!same && thread != NULL) {
            pyt__sim_say(text, "%s %s %s", before == NULL ? "" : " \xC2\xB7",
                         pyt__sim_label(thread), strncmp(name, "pyt_", 4) == 0 ? name + 4 : name);
            pyt__sim_say_place(text, &past->place);
        }
        before = past;
    }
    pyt__sim_say(text, "\n");
}

static void pyt__sim_write_schedule(void) {
    pyt__sim_clear(&pyt__sim.schedule);
    for (size_t i = 0; i < pyt__sim.segments_count; i++) {
        const pyt__sim_segment *segment = &pyt__sim.segments[i];
        const char *comma = i > 0 ? "," : "";
        if (segment->thread == 0) {
            pyt__sim_say(&pyt__sim.schedule, "%st", comma);
        } else {
            pyt__sim_say(&pyt__sim.schedule, "%s%lux%lu", comma, (unsigned long)segment->steps,
                         (unsigned long)segment->thread);
        }
    }
}

/* Write down how the run failed, in the thread that has the baton. */
static void pyt__sim_write_report(const char *what) {
    pyt__sim_text *report = &pyt__sim.report;
    pyt__sim_write_schedule();
    pyt__sim_clear(&pyt__sim.message);
    pyt__sim_say(&pyt__sim.message, "run %lu", pyt__sim.runs);
    if (pyt__sim.options.runs > 0) {
        pyt__sim_say(&pyt__sim.message, " of %lu", pyt__sim.options.runs);
    }
    pyt__sim_say(&pyt__sim.message, " failed (seed %llu): %s", (unsigned long long)pyt__sim.seed,
                 what);
    pyt__sim_clear(report);
    pyt__sim_say(report, "simulate: %s\n", pyt__sim.message.text);
    pyt__sim_say_threads(report);
    pyt__sim_say_steps(report);
    bool drawn = !pyt__sim.replaying && pyt__sim.strategy != PYT_STRATEGY_EXHAUSTIVE;
    if (drawn && pyt__sim.schedule.length > 2000) {
        pyt__sim_say(report, "  again: PYTHREADING_SEED=%llu\n", (unsigned long long)pyt__sim.seed);
    } else {
        pyt__sim_say(report, "  again: PYTHREADING_SCHEDULE=%s\n", pyt__sim.schedule.text);
    }
}

PYT__NORETURN static void pyt__sim_fail(const char *format, ...) {
    pyt__sim_thread *self = pyt__sim_me;
    static pyt__sim_text what;
    va_list arguments;
    self->inside++;
    pyt__sim_clear(&what);
    va_start(arguments, format);
    pyt__sim_say_to(&what, format, arguments);
    va_end(arguments);
    pyt__sim_write_report(what.text);
    pyt__sim.failed = true;
    for (;;) { /* it does not come back: the caller of pyt_simulate ends it */
        pyt__sim_return(self, true);
    }
}

PYT__API PYT__NORETURN void pyt__simulate_check_failed(const char *file, int line,
                                                       const char *text) {
    if (pyt__sim_me != NULL) {
        pyt__sim_fail("%s:%d: PYT_CHECK(%s) failed", file, line, text);
    }
    (void)fprintf(stderr, "%s:%d: PYT_CHECK(%s) failed\n", file, line, text);
    abort();
}

/* The process ends in the middle of a run. */
static void pyt__sim_last_words(const char *what) {
    pyt__sim_thread *self = pyt__sim_me;
    if (self == NULL || pyt__sim.forked) {
        return;
    }
    self->inside++;
    pyt__sim_write_report(what);
    (void)fputs(pyt__sim.report.text, stderr);
    (void)fflush(stderr);
    self->inside--;
}

static const int pyt__sim_signals[] = {SIGABRT, SIGSEGV, SIGFPE, SIGILL};
#define PYT__SIM_SIGNALS (sizeof pyt__sim_signals / sizeof pyt__sim_signals[0])
typedef void (*pyt__sim_handler)(int);
static pyt__sim_handler pyt__sim_handlers[PYT__SIM_SIGNALS]; /* the program's */

static void pyt__sim_unhandle(void) {
    for (size_t i = 0; i < PYT__SIM_SIGNALS; i++) {
        if (pyt__sim_handlers[i] != SIG_ERR) {
            (void)signal(pyt__sim_signals[i], pyt__sim_handlers[i]);
        }
    }
}

/* Once it returns the signal comes again, for the program's handler. */
static void pyt__sim_on_signal(int number) {
    pyt__sim_unhandle();
    pyt__sim_last_words(number == SIGABRT ? "the program aborted" : "the program crashed");
}

static void pyt__sim_handle(void) {
    for (size_t i = 0; i < PYT__SIM_SIGNALS; i++) {
        pyt__sim_handlers[i] = signal(pyt__sim_signals[i], pyt__sim_on_signal);
    }
}

static void pyt__sim_at_exit(void) {
    pyt__sim_last_words("the program called exit");
}

static void pyt__sim_in_child(void) {
    pyt__sim.forked = pyt__sim_me != NULL;
}

/* ---- runs ---- */

/* PRIORITIES: the length is not measured yet. */
static bool pyt__sim_measures(void) {
    return pyt__sim.strategy == PYT_STRATEGY_PRIORITIES && !pyt__sim.replaying &&
           pyt__sim.length == 0;
}

/* PRIORITIES: the measuring run has no changes. */
static void pyt__sim_draw_changes(void) {
    size_t count = pyt__sim.length > 0 ? (size_t)pyt__sim.options.bound - 1 : 0;
    uint64_t length = pyt__sim.coarse ? pyt__sim.length_in_points : pyt__sim.length;
    pyt__sim.changes_at = (uint64_t *)pyt__sim_grow(pyt__sim.changes_at, &pyt__sim.changes_at_size,
                                                    count + 1, sizeof *pyt__sim.changes_at);
    for (size_t i = 0; i < count; i++) {
        pyt__sim.changes_at[i] = 1 + pyt__sim_draw() % length;
    }
    pyt__sim.changes_at_count = count;
}

/* How this run switches. */
static void pyt__sim_draw_manner(void) {
    uint64_t drawn = pyt__sim_draw();
    pyt__sim.coarse = (drawn & 1) != 0;
    pyt__sim.weighted = (drawn & 2) != 0;
    pyt__sim.odds = pyt__sim.coarse ? UINT64_C(1) << (drawn >> 2) % 4  /* 1 to 8 */
                                    : UINT64_C(2) << (drawn >> 2) % 6; /* 2 to 64 */
}

static void pyt__sim_prepare(void) {
    pyt__sim.run++;
    pyt__sim.first = pyt__sim.last = pyt__sim.leaving = NULL;
    pyt__sim.threads = 0;
    pyt__sim.now = 0;
    pyt__sim.steps = pyt__sim.changes = pyt__sim.tickets = pyt__sim.numbers = 0;
    pyt__sim.holds = pyt__sim.streak = pyt__sim.points = 0;
    pyt__sim.given_way = 0;
    pyt__sim.finishing = pyt__sim.failed = pyt__sim.names_grew = false;
    pyt__sim.demoted = 0;
    pyt__sim.preemptions = 0;
    pyt__sim.segments_count = pyt__sim.choices_at = pyt__sim.words_count = 0;
    pyt__sim.replay_at = 0;
    pyt__sim.replay_left = 0;
    pyt__sim.random = pyt__sim_mix(pyt__sim_measures() ? 0 : pyt__sim.seed);
    pyt__sim_draw_manner();
    memset(pyt__sim.past, 0, sizeof pyt__sim.past);
    if (pyt__sim.strategy == PYT_STRATEGY_PRIORITIES && !pyt__sim.replaying) {
        pyt__sim_draw_changes();
    }
    if (pyt__sim.trace != NULL) {
        (void)fprintf(pyt__sim.trace, "run %llu\n", (unsigned long long)pyt__sim.seed);
    }
    pyt__sim_state_renew();
    PYT__MEMORY(pyt__memory_renew();)
}

static void pyt__sim_await_run(void) {
    bool told = false;
    uint64_t steps = 0;
    while (!pyt__gate_wait(&pyt__sim.gate, told ? 0 : PYT__SIM_PATIENCE)) {
        if (pyt__sim.steps == steps) {
            told = true;
            (void)fprintf(stderr,
                          "simulate: run %lu (seed %llu) has made no step for %d s: "
                          "a loop without a step, or a call that blocks\n",
                          pyt__sim.runs, (unsigned long long)pyt__sim.seed, PYT__SIM_PATIENCE);
        }
        steps = pyt__sim.steps;
    }
    pyt__sim_arrive();
}

/* End the threads that are left where they wait, one after the other. */
static void pyt__sim_end_threads(void) {
    for (pyt__sim_thread *thread = pyt__sim.first; thread != NULL; thread = thread->next) {
        if (!thread->ended) {
            thread->killed = true;
            pyt__gate_open(&thread->gate);
            pyt__below_thread_join(thread->below);
        }
    }
    if (pyt__sim.last != NULL) {
        pyt__sim.last->next = pyt__sim.free;
        pyt__sim.free = pyt__sim.first;
        pyt__sim.first = pyt__sim.last = NULL;
    }
}

/* Returns false without a thread for it. */
static bool pyt__sim_run_once(void) {
    pyt__sim_prepare();
    pyt__sim_thread *body = pyt__sim_thread_make(0, NULL);
    if (body != NULL) {
        pyt__sim_pass(body);
        pyt__sim_await_run();
    }
    if (body != NULL && !pyt__sim.failed && pyt__sim.replaying &&
        (pyt__sim.replay_left > 0 || pyt__sim.replay_at < pyt__sim.replay_count)) {
        pyt__sim.failed = true;
        pyt__sim_clear(&pyt__sim.report);
        pyt__sim_clear(&pyt__sim.message);
        pyt__sim_say(&pyt__sim.message,
                     "the schedule belongs to another program: this one ended after step %llu",
                     (unsigned long long)pyt__sim.steps);
        pyt__sim_say(&pyt__sim.report, "simulate: %s\n", pyt__sim.message.text);
    }
    pyt__sim_end_threads();
    pyt__sim_release_all();
    return body != NULL;
}

/* EXHAUSTIVE: take the next alternative of the last choice that has one. Searches with fewer
 * preemptions come first: they are short, and find most.
 * Returns  false when all have been taken */
static bool pyt__sim_backtrack(void) {
    if (pyt__sim.names_grew) {
        pyt__sim.choices_count = 0;
        pyt__sim.bound = 0;
        return true;
    }
    while (pyt__sim.choices_count > 0) {
        pyt__sim_choice *last = &pyt__sim.choices[pyt__sim.choices_count - 1];
        if (++last->chosen < last->count) {
            return true;
        }
        pyt__sim.choices_count--;
    }
    return pyt__sim.bound++ < (uint32_t)pyt__sim.options.bound;
}

static pyt_status pyt__sim_run_and_look(void) {
    if (!pyt__sim_run_once()) {
        return PYT_MEMORY_ERROR;
    }
    return pyt__sim.failed ? PYT_RUNTIME_ERROR : PYT_OK;
}

/* Before the first run of PRIORITIES one more, not counted, tells how many steps there are to
 * choose from. It takes the same steps whatever the seed, so the changes in each run depend on that
 * run's seed alone, and a failure of it comes back with any seed. */
static pyt_status pyt__sim_run_next(void) {
    pyt__sim.runs++;
    if (pyt__sim_measures()) {
        pyt_status status = pyt__sim_run_and_look();
        if (status != PYT_OK) {
            return status;
        }
        pyt__sim.length = pyt__sim.steps > 0 ? pyt__sim.steps : 1;
        pyt__sim.length_in_points = pyt__sim.points > 0 ? pyt__sim.points : 1;
    }
    return pyt__sim_run_and_look();
}

/* EXHAUSTIVE: there are more schedules, and none of them is run once the limit is reached. */
static void pyt__sim_say_cut(unsigned long limit) {
    if (pyt__sim.runs == limit) {
        (void)fprintf(stderr,
                      "simulate: stopped after %lu runs, as `runs` says: not all schedules with "
                      "at most %d preemptions have been seen\n",
                      limit, pyt__sim.options.bound);
    }
}

static pyt_status pyt__sim_run_all(void) {
    unsigned long limit = pyt__sim.replaying ? 1 : pyt__sim.options.runs;
    while (limit == 0 || pyt__sim.runs < limit) {
        pyt_status status = pyt__sim_run_next();
        if (status != PYT_OK) {
            return status;
        }
        if (pyt__sim.replaying) {
            break;
        }
        if (pyt__sim.strategy == PYT_STRATEGY_EXHAUSTIVE) {
            if (!pyt__sim_backtrack()) {
                break;
            }
            pyt__sim_say_cut(limit);
        } else {
            pyt__sim.seed++;
        }
    }
    return PYT_OK;
}

/* ---- the call ---- */

/* Read a number in decimal and move on behind it. 0: there is none, or it is too large. */
static uint64_t pyt__sim_read(const char **text) {
    uint64_t number = 0;
    bool good = **text >= '1' && **text <= '9';
    while (good && **text >= '0' && **text <= '9') {
        uint64_t digit = (uint64_t)(**text - '0');
        good = number <= (UINT64_MAX - digit) / 10;
        number = number * 10 + digit;
        ++*text;
    }
    return good ? number : 0;
}

static bool pyt__sim_read_segment(const char **text, pyt__sim_segment *segment) {
    if (**text == 't') {
        segment->thread = 0;
        segment->steps = 1;
        ++*text;
        return true;
    }
    uint64_t steps = pyt__sim_read(text);
    if (steps == 0 || steps > UINT32_MAX || **text != 'x') {
        return false;
    }
    ++*text;
    uint64_t thread = pyt__sim_read(text);
    segment->steps = (uint32_t)steps;
    segment->thread = (uint32_t)thread;
    return thread > 0 && thread <= UINT32_MAX;
}

static bool pyt__sim_read_schedule(const char *text) {
    pyt__sim.replay_count = 0;
    for (;;) {
        pyt__sim.replay =
            (pyt__sim_segment *)pyt__sim_grow(pyt__sim.replay, &pyt__sim.replay_size,
                                              pyt__sim.replay_count + 1, sizeof *pyt__sim.replay);
        if (!pyt__sim_read_segment(&text, &pyt__sim.replay[pyt__sim.replay_count])) {
            return false;
        }
        pyt__sim.replay_count++;
        if (*text == '\0') {
            return true;
        }
        if (*text++ != ',') {
            return false;
        }
    }
}

/* Put defaults in the place of zeros. */
static void pyt__sim_default(pyt_simulate_options *options) {
    bool exhaustive = options->strategy == PYT_STRATEGY_EXHAUSTIVE;
    if (options->runs == 0 && !exhaustive) {
        options->runs = 1000;
    }
    if (options->bound == 0) {
        options->bound = exhaustive ? 2 : 3;
    }
    if (options->max_steps == 0) {
        options->max_steps = 1000000;
    }
}

static pyt_status pyt__sim_take_options(const pyt_simulate_options *given) {
    static const pyt_simulate_options zeros = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, false};
    pyt_simulate_options options = given != NULL ? *given : zeros;
    const char *schedule =
        options.schedule != NULL ? options.schedule : getenv("PYTHREADING_SCHEDULE");
    const char *seed = options.seed == 0 ? getenv("PYTHREADING_SEED") : NULL;
    if ((int)options.strategy < 0 || options.strategy > PYT_STRATEGY_EXHAUSTIVE) {
        return pyt__fail(PYT_VALUE_ERROR, "there is no such strategy");
    }
    pyt__sim_default(&options);
    if (options.bound < 0 || (unsigned long)options.bound > options.max_steps) {
        return pyt__fail(PYT_VALUE_ERROR, "the bound must be from 0 to max_steps");
    }
    if (seed != NULL) {
        options.seed = pyt__sim_read(&seed);
        if (options.seed == 0 || *seed != '\0') {
            return pyt__fail(PYT_VALUE_ERROR, "PYTHREADING_SEED is not a number above 0");
        }
    }
    options.seed = options.seed != 0 ? options.seed : 1;
    pyt__sim.replaying = schedule != NULL;
    if (schedule != NULL && !pyt__sim_read_schedule(schedule)) {
        return pyt__fail(PYT_VALUE_ERROR, "the schedule is not one: steps and threads, as 2x1,3x2");
    }
    pyt__sim.options = options;
    pyt__sim.strategy = (int)options.strategy;
    pyt__sim.seed = options.seed;
    pyt__sim.runs = 0;
    pyt__sim.length = 0;
    pyt__sim.choices_count = 0;
    pyt__sim.bound = 0;
    return PYT_OK;
}

/* Once in a process. */
static bool pyt__sim_make_ready(void) {
    if (!pyt__sim.ready) {
        pyt__sim.ready =
            pyt__gate_init(&pyt__sim.gate) && pyt__below_mutex_init(&pyt__sim.door_mutex) &&
            pyt__below_cond_init(&pyt__sim.door) && pyt__below_key_make(&pyt__sim.key) &&
            atexit(pyt__sim_at_exit) == 0 && pyt__below_at_fork(NULL, NULL, pyt__sim_in_child);
        const char *trace = getenv("PYTHREADING_TRACE"); /* for tests: where steps are written */
        pyt__sim.trace = trace != NULL ? fopen(trace, "w") : NULL;
        pyt__sim.whole = getenv("PYTHREADING_WHOLE") != NULL; /* for tests: no reduction */
    }
    return pyt__sim.ready;
}

/* The simulation is over for threads that wait outside. */
static void pyt__sim_open_door(void) {
    pyt__below_mutex_lock(&pyt__sim.door_mutex);
    PYT__RAW_STORE(&pyt__sim.active, 0, release);
    PYT__RAW_STORE(&pyt__sim.outside, 0, relaxed);
    pyt__below_cond_signal(&pyt__sim.door);
    pyt__below_mutex_unlock(&pyt__sim.door_mutex);
}

static pyt_status pyt__sim_call(void) {
    pyt__pinning pinning;
    size_t size = pyt__sim_state_size();
    char *state = (char *)pyt__below_memory(size);
    if (state == NULL) {
        return PYT_MEMORY_ERROR;
    }
    pyt__sim_state_save(state);
    pyt__sim_handle();
    pyt__below_pin(&pinning);
    pyt_status status = pyt__sim_run_all();
    pyt__below_unpin(&pinning);
    pyt__sim_unhandle();
    pyt__sim_state_restore(state);
    pyt__below_memory_free(state, size);
    if (pyt__sim.trace != NULL) {
        (void)fflush(pyt__sim.trace);
    }
    return status;
}

PYT__API pyt_status pyt_simulate(const pyt_simulate_options *options, void (*body)(void *arg),
                                 void *arg) {
    uint32_t idle = 0;
    if (body == NULL) {
        return pyt__fail_null();
    }
    if (pyt__sim_me != NULL) {
        return pyt__fail(PYT_RUNTIME_ERROR, "a run cannot simulate");
    }
    if (!PYT__RAW_CAS(&pyt__sim.active, &idle, 1, acquire)) {
        return pyt__fail(PYT_RUNTIME_ERROR, "another thread simulates");
    }
    pyt__sim_apart = true;
    pyt_status status = pyt__sim_make_ready() ? pyt__sim_take_options(options) : PYT_MEMORY_ERROR;
    bool good = status == PYT_OK;
    if (good) {
        pyt__sim.body = body;
        pyt__sim.arg = arg;
        status = pyt__sim_call();
    }
    pyt__sim_open_door();
    pyt__sim_apart = false;
    if (status == PYT_RUNTIME_ERROR) {
        if (!pyt__sim.options.quiet) {
            (void)fputs(pyt__sim.report.text, stderr);
        }
        return pyt__fail_copied(status, pyt__sim.message.text);
    }
    return status == PYT_MEMORY_ERROR ? pyt__fail_memory() : status;
}

PYT__API const char *pyt_simulate_schedule(void) {
    return pyt__sim.schedule.text != NULL ? pyt__sim.schedule.text : "";
}

PYT__API unsigned long pyt_simulate_runs(void) {
    return pyt__sim.runs;
}

#endif /* PYTHREADING_SIMULATE */
#endif /* PYT__DEFINE */

/* ============================================================================================== *
 *  >>memory                            the program's memory accesses in a simulated run, data races
 *
 *  With PYTHREADING_SIMULATE_MEMORY. The program's files are compiled with -fsanitize=thread and
 *  linked without it: the compiler's calls for each access, named __tsan_..., are those below.
 *
 *  - An atomic operation is a step and a word, as the library's own are.
 *  - A plain access to memory that another thread has touched in this run is a step. EXHAUSTIVE
 *    has no choice there: whichever order two accesses have, if nothing orders them they are a
 *    race, which ends the run; if something does, its own steps are the choices.
 *  - Each access is compared with those that other threads made before. Two that overlap, of which
 *    one writes and one is not atomic, are a race unless one happens before the other.
 *
 *  Happens-before is kept in vector clocks. Thread n's entry of its own clock is its time, which
 *  moves when it releases. An access is noted with its thread and time, and happens before what
 *  another thread does when that thread's clock knows of that time. The edges:
 *
 *      start         the new thread knows what its starter knows
 *      join          the joiner knows what the thread knew at its end
 *      mutex         a thread that locks knows what was known at the last unlock
 *      release       a store leaves the thread's clock at the word, or nothing if it is relaxed; a
 *                    read-modify-write adds to what is there
 *      acquire       a load, of whatever order, sees the word's clock; a relaxed one keeps it for
 *                    the thread's next acquire fence
 *      release fence later relaxed stores leave the clock of the fence
 *
 *  The library's objects make their edges by its atomics and mutexes, whose steps pass here too.
 *
 *  Accesses are kept by cells of 8 bytes, each with a list of those that a later one could still
 *  race with: one that happens before another which covers its bytes and conflicts with all that it
 *  would conflict with is dropped. All of a run's notes lie in chunks that the next run uses anew.
 *  Memory is as untouched when it is allocated (glibc's malloc, and the library's allocator), and
 *  a stack with its thread-local variables when a thread starts on it.
 * ============================================================================================== */
#if PYT__DEFINE && defined(PYTHREADING_SIMULATE_MEMORY)

/* ---- a run's notes ---- */

typedef struct pyt__memory_chunk {
    struct pyt__memory_chunk *next;
    size_t size, used;
} pyt__memory_chunk;

/* An access that later ones are compared with. */
typedef struct pyt__memory_access {
    struct pyt__memory_access *next;
    uint32_t thread, time;
    uint8_t bytes; /* of the cell, a bit each */
    bool write, atomic;
    size_t size; /* of the whole access */
    const void *code;
    pyt__place place; /* the thread's last call of the library */
} pyt__memory_access;

typedef struct pyt__memory_cell {
    pyt__memory_access *accesses;
    uint32_t first; /* the first thread that touched it; 0: none */
    bool shared;    /* others did, too */
} pyt__memory_cell;

#define PYT__MEMORY_CELL 8 /* bytes: an access of a pointer's size is one note */
#define PYT__MEMORY_CELLS 64

/* A place in a table, free if it is of another run: the cells of a page, or the clock of a word. */
typedef struct pyt__memory_place {
    uintptr_t key;
    uint64_t run;
    pyt__memory_cell *cells;
    pyt__memory_clock clock;
} pyt__memory_place;

typedef struct pyt__memory_table {
    pyt__memory_place *places;
    size_t count, size;
} pyt__memory_table;

static struct {
    pyt__memory_chunk *chunks, *chunk; /* the first; the one in use */
    pyt__memory_table pages, words;
    pyt__memory_access *unused;
} pyt__sim_memory;

/* Zeroed memory until the end of the run. */
static void *pyt__memory_take(size_t size) {
    size_t header = (sizeof(pyt__memory_chunk) + 15) & ~(size_t)15;
    size = (size + 15) & ~(size_t)15;
    pyt__memory_chunk **link = &pyt__sim_memory.chunk;
    while (*link != NULL && (*link)->size - (*link)->used < size) {
        link = &(*link)->next;
        if (*link != NULL) {
            (*link)->used = header;
        }
    }
    if (*link == NULL) {
        size_t room = 0;
        size_t wanted = size + header < 262144 ? 262144 : size + header;
        pyt__memory_chunk *made = (pyt__memory_chunk *)pyt__sim_grow(NULL, &room, wanted, 1);
        made->size = room;
        made->used = header;
        *link = made;
        if (pyt__sim_memory.chunks == NULL) {
            pyt__sim_memory.chunks = made;
        }
    }
    pyt__sim_memory.chunk = *link;
    void *taken = (char *)*link + (*link)->used;
    (*link)->used += size;
    return memset(taken, 0, size);
}

static void pyt__memory_renew(void) {
    pyt__sim_memory.chunk = pyt__sim_memory.chunks;
    if (pyt__sim_memory.chunk != NULL) {
        pyt__sim_memory.chunk->used = (sizeof(pyt__memory_chunk) + 15) & ~(size_t)15;
    }
    pyt__sim_memory.pages.count = pyt__sim_memory.words.count = 0;
    pyt__sim_memory.unused = NULL;
}

static pyt__memory_place *pyt__memory_place_at(const pyt__memory_table *table, uintptr_t key) {
    size_t place = (size_t)pyt__sim_mix((uint64_t)key) & (table->size - 1);
    while (table->places[place].run == pyt__sim.run && table->places[place].key != key) {
        place = (place + 1) & (table->size - 1);
    }
    return &table->places[place];
}

static void pyt__memory_table_grow(pyt__memory_table *table) {
    pyt__memory_table grown = {NULL, table->count, table->size == 0 ? 1024 : table->size * 2};
    size_t room = 0;
    grown.places =
        (pyt__memory_place *)pyt__sim_grow(NULL, &room, grown.size, sizeof *grown.places);
    for (size_t i = 0; i < table->size; i++) {
        if (table->places[i].run == pyt__sim.run) {
            *pyt__memory_place_at(&grown, table->places[i].key) = table->places[i];
        }
    }
    if (table->places != NULL) {
        pyt__below_memory_free(table->places, table->size * sizeof *table->places);
    }
    *table = grown;
}

/* The place of a key, made now if need be; valid until the next call for the same table. */
static pyt__memory_place *pyt__memory_place_of(pyt__memory_table *table, uintptr_t key) {
    if (table->count * 2 >= table->size) {
        pyt__memory_table_grow(table);
    }
    pyt__memory_place *place = pyt__memory_place_at(table, key);
    if (place->run != pyt__sim.run) {
        memset(place, 0, sizeof *place);
        place->key = key;
        place->run = pyt__sim.run;
        table->count++;
    }
    return place;
}

static pyt__memory_cell *pyt__memory_cell_of(uintptr_t address) {
    uintptr_t cell = address / PYT__MEMORY_CELL;
    pyt__memory_place *page =
        pyt__memory_place_of(&pyt__sim_memory.pages, cell / PYT__MEMORY_CELLS);
    if (page->cells == NULL) {
        page->cells = (pyt__memory_cell *)pyt__memory_take(PYT__MEMORY_CELLS * sizeof *page->cells);
    }
    return &page->cells[cell % PYT__MEMORY_CELLS];
}

static void pyt__memory_forget_in(pyt__memory_place *page, uintptr_t first, uintptr_t last) {
    for (uintptr_t i = 0; page->run == pyt__sim.run && i < PYT__MEMORY_CELLS; i++) {
        uintptr_t cell = page->key * PYT__MEMORY_CELLS + i;
        if (cell >= first && cell <= last) {
            memset(&page->cells[i], 0, sizeof page->cells[i]);
        }
    }
}

/* Nobody has touched this memory. */
static void pyt__memory_forget(uintptr_t start, size_t size) {
    pyt__memory_table *pages = &pyt__sim_memory.pages;
    uintptr_t first = start / PYT__MEMORY_CELL;
    uintptr_t last = (start + size - 1) / PYT__MEMORY_CELL;
    uintptr_t from = first / PYT__MEMORY_CELLS, to = last / PYT__MEMORY_CELLS;
    if (pyt__sim_me == NULL || size == 0 || pages->count == 0) {
        return;
    }
    if (to - from >= pages->size) {
        for (size_t i = 0; i < pages->size; i++) {
            pyt__memory_forget_in(&pages->places[i], first, last);
        }
        return;
    }
    for (uintptr_t page = from; page <= to; page++) {
        pyt__memory_forget_in(pyt__memory_place_at(pages, page), first, last);
    }
}

PYT__UNUSED static void pyt__memory_allocated(void *memory, size_t size) {
    if (pyt__sim_me != NULL && pyt__sim_me->inside == 0 && memory != NULL) {
        pyt__memory_forget((uintptr_t)memory, size);
    }
}

/* ---- vector clocks ---- */

static uint32_t pyt__memory_time(const pyt__memory_clock *clock, uint32_t thread) {
    return thread <= clock->count ? clock->at[thread - 1] : 0;
}

static void pyt__memory_widen(pyt__memory_clock *clock, uint32_t count) {
    if (count > clock->count) {
        uint32_t wider = clock->count < 4 ? 8 : clock->count * 2;
        wider = wider < count ? count : wider;
        uint32_t *at = (uint32_t *)pyt__memory_take(wider * sizeof *at);
        if (clock->count > 0) {
            memcpy(at, clock->at, clock->count * sizeof *at);
        }
        clock->at = at;
        clock->count = wider;
    }
}

static void pyt__memory_learn(pyt__memory_clock *clock, const pyt__memory_clock *other) {
    pyt__memory_widen(clock, other->count);
    for (uint32_t i = 0; i < other->count; i++) {
        clock->at[i] = clock->at[i] < other->at[i] ? other->at[i] : clock->at[i];
    }
}

static void pyt__memory_copy(pyt__memory_clock *clock, const pyt__memory_clock *other) {
    if (clock->count > 0) {
        memset(clock->at, 0, clock->count * sizeof *clock->at);
    }
    pyt__memory_learn(clock, other);
}

static void pyt__memory_tick(pyt__sim_thread *thread) {
    pyt__memory_widen(&thread->view.now, thread->number);
    thread->view.now.at[thread->number - 1]++;
}

static pyt__memory_clock *pyt__memory_clock_of(const volatile void *address) {
    return &pyt__memory_place_of(&pyt__sim_memory.words, (uintptr_t)address)->clock;
}

/* ---- edges ---- */

static void pyt__memory_start(const pyt__sim_thread *self, pyt__sim_thread *thread) {
    if (self != NULL) {
        pyt__memory_learn(&thread->view.now, &self->view.now);
        pyt__memory_tick((pyt__sim_thread *)(uintptr_t)self);
    }
    pyt__memory_tick(thread);
}

static void pyt__memory_join(pyt__sim_thread *self, const pyt__sim_thread *thread) {
    pyt__memory_learn(&self->view.now, &thread->view.now);
}

static void pyt__memory_acquire(pyt__sim_thread *self, const volatile void *address) {
    pyt__memory_learn(&self->view.now, pyt__memory_clock_of(address));
}

static void pyt__memory_release(pyt__sim_thread *self, const volatile void *address) {
    pyt__memory_copy(pyt__memory_clock_of(address), &self->view.now);
    pyt__memory_tick(self);
}

static void pyt__memory_read(pyt__sim_thread *self, const volatile void *address, int edges) {
    pyt__memory_view *view = &self->view;
    bool acquires = (edges & PYT__SIM_acquire) != 0;
    pyt__memory_learn(acquires ? &view->now : &view->loaded, pyt__memory_clock_of(address));
}

static void pyt__memory_write(pyt__sim_thread *self, const volatile void *address, int kind,
                              int edges) {
    bool releases = (edges & PYT__SIM_release) != 0;
    pyt__memory_clock *left = pyt__memory_clock_of(address);
    const pyt__memory_clock *known = releases ? &self->view.now : &self->view.released;
    if (kind == PYT__SIM_STORE) {
        pyt__memory_copy(left, known);
    } else {
        pyt__memory_learn(left, known);
    }
    if (releases) {
        pyt__memory_tick(self);
    }
}

/* The atomic operation that is done now. Of a compare-and-swap it is not known yet what it does. */
static void pyt__memory_order(pyt__sim_thread *self, const volatile void *address, int kind,
                              int edges) {
    if (kind == PYT__SIM_CAS) {
        self->view.swapped = address;
        self->view.edges = edges;
        return;
    }
    kind = kind == PYT__SIM_COUNT ? PYT__SIM_ADD : kind;
    if (kind == PYT__SIM_LOAD || kind == PYT__SIM_SWAP || kind == PYT__SIM_ADD) {
        pyt__memory_read(self, address, edges);
    }
    if (kind == PYT__SIM_STORE || kind == PYT__SIM_SWAP || kind == PYT__SIM_ADD) {
        pyt__memory_write(self, address, kind, edges);
    }
}

static void pyt__memory_swapped(pyt__sim_thread *self, bool done) {
    pyt__memory_read(self, self->view.swapped, self->view.edges);
    if (done) {
        pyt__memory_write(self, self->view.swapped, PYT__SIM_CAS, self->view.edges);
    }
}

/* ---- accesses ---- */

/* A thread begins on a stack that another one may have had. */
static void pyt__memory_begin(void) {
    uintptr_t low, high;
    pyt__sim_me->inside++;
    if (pyt__below_stack(&low, &high)) {
        pyt__memory_forget(low, high - low);
    }
    pyt__sim_me->inside--;
}

static void pyt__memory_say(pyt__sim_text *text, const pyt__memory_access *access) {
    pyt__sim_say(text, "%s %s%s %lu byte%s at program+0x%llx",
                 pyt__sim_label(pyt__sim_thread_of(access->thread)),
                 access->write ? "writes" : "reads", access->atomic ? " (atomically)" : "",
                 (unsigned long)access->size, access->size == 1 ? "" : "s",
                 (unsigned long long)pyt__below_code(access->code));
    if (access->place.pyt__call != NULL) {
        pyt__sim_say(text, " after %s", access->place.pyt__call);
        pyt__sim_say_place(text, &access->place);
    }
}

PYT__NORETURN static void pyt__memory_race(const pyt__memory_access *first,
                                           const pyt__memory_access *second, uintptr_t address) {
    static pyt__sim_text text;
    pyt__sim_me->inside++;
    pyt__sim_clear(&text);
    pyt__sim_say(&text, "data race at address 0x%llx: ", (unsigned long long)address);
    pyt__memory_say(&text, first);
    pyt__sim_say(&text, "; ");
    pyt__memory_say(&text, second);
    pyt__sim_say(&text, "; nothing orders the two (addr2line -f -e program 0x%llx 0x%llx)",
                 (unsigned long long)pyt__below_code(first->code),
                 (unsigned long long)pyt__below_code(second->code));
    pyt__sim_fail("%s", text.text);
}

/* What an access may still race with once `access` is noted: see the room. */
static bool pyt__memory_covers(const pyt__memory_access *access, const pyt__memory_access *older) {
    return (access->write || !older->write) && (!access->atomic || older->atomic);
}

static bool pyt__memory_conflicts(const pyt__memory_access *one, const pyt__memory_access *other) {
    return (one->bytes & other->bytes) != 0 && (one->write || other->write) &&
           !(one->atomic && other->atomic);
}

static pyt__memory_access *pyt__memory_access_make(void) {
    pyt__memory_access *access = pyt__sim_memory.unused;
    if (access == NULL) {
        return (pyt__memory_access *)pyt__memory_take(sizeof *access);
    }
    pyt__sim_memory.unused = access->next;
    return access;
}

/* Compare an access with those noted at a cell, drop what it covers, and note it. */
static void pyt__memory_note(pyt__sim_thread *self, pyt__memory_cell *cell,
                             const pyt__memory_access *now, uintptr_t address) {
    pyt__memory_access **link = &cell->accesses;
    while (*link != NULL) {
        pyt__memory_access *older = *link;
        bool before = older->thread == now->thread ||
                      older->time <= pyt__memory_time(&self->view.now, older->thread);
        if (!before && pyt__memory_conflicts(older, now)) {
            pyt__memory_race(older, now, address);
        }
        if (before && pyt__memory_covers(now, older)) {
            older->bytes = (uint8_t)(older->bytes & ~now->bytes);
        }
        if (older->bytes == 0) {
            *link = older->next;
            older->next = pyt__sim_memory.unused;
            pyt__sim_memory.unused = older;
        } else {
            link = &older->next;
        }
    }
    pyt__memory_access *noted = pyt__memory_access_make();
    *noted = *now;
    noted->next = cell->accesses;
    cell->accesses = noted;
    cell->shared = cell->shared || (cell->first != 0 && cell->first != self->number);
    cell->first = cell->first == 0 ? self->number : cell->first;
}

static void pyt__memory_note_all(pyt__sim_thread *self, pyt__memory_access *now,
                                 uintptr_t address) {
    uintptr_t end = address + now->size;
    now->thread = self->number;
    now->time = pyt__memory_time(&self->view.now, self->number);
    now->place = pyt__my_notes.pyt__here;
    for (uintptr_t at = address; at < end; at = (at | (PYT__MEMORY_CELL - 1)) + 1) {
        unsigned skipped = (unsigned)(at % PYT__MEMORY_CELL);
        size_t bytes =
            end - at < PYT__MEMORY_CELL - skipped ? end - at : PYT__MEMORY_CELL - skipped;
        now->bytes = (uint8_t)(((1U << bytes) - 1) << skipped);
        pyt__memory_note(self, pyt__memory_cell_of(at), now, address);
    }
}

static bool pyt__memory_is_shared(const pyt__sim_thread *self, uintptr_t address, size_t size) {
    for (uintptr_t at = address; at < address + size; at = (at | (PYT__MEMORY_CELL - 1)) + 1) {
        const pyt__memory_cell *cell = pyt__memory_cell_of(at);
        if (cell->shared || (cell->first != 0 && cell->first != self->number)) {
            return true;
        }
    }
    return false;
}

static void pyt__memory_step(pyt__sim_thread *self, bool write) {
    self->inside++;
    pyt__sim_note(self, write ? PYT__SIM_WRITE : PYT__SIM_READ);
    pyt__sim.changes += write;
    pyt__sim_go_on_with(self, pyt__sim_next(self, pyt__sim.strategy != PYT_STRATEGY_EXHAUSTIVE));
    self->inside--;
}

static void pyt__memory_plain(const volatile void *memory, size_t size, bool write,
                              const void *code) {
    pyt__sim_thread *self = pyt__sim_me;
    uintptr_t address = (uintptr_t)memory;
    pyt__memory_access now = {NULL,           0, 0, 0, write, false, size, (const char *)code - 1,
                              {NULL, NULL, 0}};
    if (self == NULL || self->inside > 0) {
        return;
    }
    if (pyt__memory_is_shared(self, address, size)) {
        pyt__memory_step(self, write);
    }
    pyt__memory_note_all(self, &now, address);
}

/* The orders of C11, in the order of their numbers. */
static const int pyt__memory_edges[] = {PYT__SIM_relaxed, PYT__SIM_acquire, PYT__SIM_acquire,
                                        PYT__SIM_release, PYT__SIM_acq_rel, PYT__SIM_seq_cst};

static void pyt__memory_atomic(const volatile void *word, size_t size, int kind, int order,
                               const void *code) {
    pyt__sim_thread *self = pyt__sim_me;
    pyt__memory_access now = {
        NULL, 0, 0, 0, kind != PYT__SIM_LOAD, true, size, (const char *)code - 1, {NULL, NULL, 0}};
    if (self != NULL && self->inside == 0) {
        pyt__sim_decide(self, word, kind);
        pyt__memory_note_all(self, &now, (uintptr_t)word);
        pyt__memory_order(self, word, kind, pyt__memory_edges[order & 7]);
    }
}

/* A release fence is for stores that follow, an acquire fence for loads that came before. */
static void pyt__memory_fence(int order) {
    pyt__sim_thread *self = pyt__sim_me;
    int edges = pyt__memory_edges[order & 7];
    if (self == NULL || self->inside > 0) {
        return;
    }
    if (edges & PYT__SIM_acquire) {
        pyt__memory_learn(&self->view.now, &self->view.loaded);
    }
    if (edges & PYT__SIM_release) {
        pyt__memory_copy(&self->view.released, &self->view.now);
        pyt__memory_tick(self);
    }
}

/* ---- what the compiler calls ---- */

PYT__EXTERN_C_BEGIN

#define PYT__MEMORY_CODE __builtin_return_address(0)
#define PYT__MEMORY_CALL(name, parameters, ...) \
    void __tsan_##name parameters;              \
    void __tsan_##name parameters {             \
        __VA_ARGS__;                            \
    }
#define PYT__MEMORY_ACCESS(name, size, write) \
    PYT__MEMORY_CALL(name, (void *address),   \
                     pyt__memory_plain(address, size, write, PYT__MEMORY_CODE))
#define PYT__MEMORY_ACCESSES(prefix, size)              \
    PYT__MEMORY_ACCESS(prefix##read##size, size, false) \
    PYT__MEMORY_ACCESS(prefix##write##size, size, true)
#define PYT__MEMORY_SIZE(size)                       \
    PYT__MEMORY_ACCESSES(, size)                     \
    PYT__MEMORY_ACCESSES(volatile_, size)            \
    PYT__MEMORY_ACCESSES(unaligned_, size)           \
    PYT__MEMORY_ACCESSES(unaligned_volatile_, size)  \
    PYT__MEMORY_ACCESS(read_write##size, size, true) \
    PYT__MEMORY_ACCESS(unaligned_read_write##size, size, true)

PYT__MEMORY_SIZE(1)
PYT__MEMORY_SIZE(2)
PYT__MEMORY_SIZE(4)
PYT__MEMORY_SIZE(8)
PYT__MEMORY_SIZE(16)
PYT__MEMORY_CALL(init, (void), (void)0)
PYT__MEMORY_CALL(func_entry, (void *caller), (void)caller)
PYT__MEMORY_CALL(func_exit, (void), (void)0)
PYT__MEMORY_CALL(ignore_thread_begin, (void), (void)0)
PYT__MEMORY_CALL(ignore_thread_end, (void), (void)0)
PYT__MEMORY_CALL(read_range, (void *address, size_t size),
                 pyt__memory_plain(address, size, false, PYT__MEMORY_CODE))
PYT__MEMORY_CALL(write_range, (void *address, size_t size),
                 pyt__memory_plain(address, size, true, PYT__MEMORY_CODE))
PYT__MEMORY_CALL(vptr_read, (void **pointer),
                 pyt__memory_plain(pointer, sizeof *pointer, false, PYT__MEMORY_CODE))
/* A destructor sets the pointer to what it is already: that writes nothing. */
PYT__MEMORY_CALL(vptr_update, (void **pointer, void *value),
                 pyt__memory_plain(pointer, sizeof *pointer, *pointer != value, PYT__MEMORY_CODE))
PYT__MEMORY_CALL(atomic_signal_fence, (int order), (void)order)
PYT__MEMORY_CALL(atomic_thread_fence, (int order), pyt__memory_fence(order);
                 __atomic_thread_fence(__ATOMIC_SEQ_CST))

void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size) {
    pyt__memory_plain(from, size, false, PYT__MEMORY_CODE);
    pyt__memory_plain(to, size, true, PYT__MEMORY_CODE);
    return memcpy(to, from, size);
}

void *__tsan_memmove(void *to, const void *from, size_t size);
void *__tsan_memmove(void *to, const void *from, size_t size) {
    pyt__memory_plain(from, size, false, PYT__MEMORY_CODE);
    pyt__memory_plain(to, size, true, PYT__MEMORY_CODE);
    return memmove(to, from, size);
}

void *__tsan_memset(void *to, int value, size_t size);
void *__tsan_memset(void *to, int value, size_t size) {
    pyt__memory_plain(to, size, true, PYT__MEMORY_CODE);
    return memset(to, value, size);
}

#define PYT__MEMORY_FETCH(bits, type, name, call)                                      \
    type __tsan_atomic##bits##_##name(volatile type *word, type value, int order);     \
    type __tsan_atomic##bits##_##name(volatile type *word, type value, int order) {    \
        pyt__memory_atomic(word, sizeof *word, PYT__SIM_ADD, order, PYT__MEMORY_CODE); \
        return call(word, value, __ATOMIC_SEQ_CST);                                    \
    }
#define PYT__MEMORY_SWAP(bits, type, name)                                                         \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *word, type *expected,         \
                                                      type value, int order, int otherwise);       \
    int __tsan_atomic##bits##_compare_exchange_##name(volatile type *word, type *expected,         \
                                                      type value, int order, int otherwise) {      \
        (void)otherwise;                                                                           \
        pyt__memory_atomic(word, sizeof *word, PYT__SIM_CAS, order, PYT__MEMORY_CODE);             \
        return pyt__simulate_cas(__atomic_compare_exchange_n(word, expected, value, false,         \
                                                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)); \
    }
#define PYT__MEMORY_ATOMIC(bits, type)                                                            \
    type __tsan_atomic##bits##_load(const volatile type *word, int order);                        \
    type __tsan_atomic##bits##_load(const volatile type *word, int order) {                       \
        pyt__memory_atomic(word, sizeof *word, PYT__SIM_LOAD, order, PYT__MEMORY_CODE);           \
        return __atomic_load_n(word, __ATOMIC_SEQ_CST);                                           \
    }                                                                                             \
    void __tsan_atomic##bits##_store(volatile type *word, type value, int order);                 \
    void __tsan_atomic##bits##_store(volatile type *word, type value, int order) {                \
        pyt__memory_atomic(word, sizeof *word, PYT__SIM_STORE, order, PYT__MEMORY_CODE);          \
        __atomic_store_n(word, value, __ATOMIC_SEQ_CST);                                          \
    }                                                                                             \
    PYT__MEMORY_FETCH(bits, type, exchange, __atomic_exchange_n)                                  \
    PYT__MEMORY_FETCH(bits, type, fetch_add, __atomic_fetch_add)                                  \
    PYT__MEMORY_FETCH(bits, type, fetch_sub, __atomic_fetch_sub)                                  \
    PYT__MEMORY_FETCH(bits, type, fetch_and, __atomic_fetch_and)                                  \
    PYT__MEMORY_FETCH(bits, type, fetch_or, __atomic_fetch_or)                                    \
    PYT__MEMORY_FETCH(bits, type, fetch_xor, __atomic_fetch_xor)                                  \
    PYT__MEMORY_FETCH(bits, type, fetch_nand, __atomic_fetch_nand)                                \
    PYT__MEMORY_SWAP(bits, type, strong)                                                          \
    PYT__MEMORY_SWAP(bits, type, weak)                                                            \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *word, type expected,           \
                                                    type value, int order, int otherwise);        \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *word, type expected,           \
                                                    type value, int order, int otherwise) {       \
        (void)otherwise;                                                                          \
        pyt__memory_atomic(word, sizeof *word, PYT__SIM_CAS, order, PYT__MEMORY_CODE);            \
        (void)pyt__simulate_cas(__atomic_compare_exchange_n(word, &expected, value, false,        \
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)); \
        return expected;                                                                          \
    }

PYT__MEMORY_ATOMIC(8, uint8_t)
PYT__MEMORY_ATOMIC(16, uint16_t)
PYT__MEMORY_ATOMIC(32, uint32_t)
PYT__MEMORY_ATOMIC(64, uint64_t)

PYT__EXTERN_C_END

#endif /* PYT__DEFINE && PYTHREADING_SIMULATE_MEMORY */

/* In the debug build a call of the user's is a macro that notes its place, calls, and reports a
 * mistake. Where definitions are compiled after them, PYT__DEFINE is 1 and it is but the call.
 *
 * Of those in PYT__CALL_TRY clang's thread safety analysis decides by the outcome whether the
 * caller holds the lock. It has to be a bare call there, of a function that says so itself. */
#if PYT__PLACED
#if PYT__DECLARE
#define PYT__CALL(function, ...) PYT__PLACE(PYT__DEFINE)(PYT__NOTED, function, __VA_ARGS__)
#define PYT__CALL_MUST(function, ...) \
    PYT__PLACE(PYT__DEFINE)(PYT__NOTED_MUST, function, __VA_ARGS__)
#define PYT__CALL_TRY(function, ...) PYT__PLACE(PYT__DEFINE)(PYT__NOTED_TRY, function, __VA_ARGS__)
#define PYT__CALL_GET(function, ...) PYT__PLACE(PYT__DEFINE)(PYT__NOTED_GET, function, __VA_ARGS__)
#define PYT__CALL_ANSWER(function, ...) \
    PYT__PLACE(PYT__DEFINE)(PYT__NOTED_ANSWER, function, __VA_ARGS__)

#define PYT__PLACE(define) PYT__PLACE_(define)
#define PYT__PLACE_(define) PYT__PLACE_##define
#define PYT__PLACE_0(how, function, ...) how(function, __VA_ARGS__)
#define PYT__PLACE_1(how, function, ...) function(__VA_ARGS__)

#define PYT__NOTED_BY(ended, function, ...)                                                     \
    ended((pyt__at(#function, __FILE__, __LINE__), function(__VA_ARGS__)), #function, __FILE__, \
          __LINE__)
#define PYT__NOTED(function, ...) PYT__NOTED_BY(pyt__ended, function, __VA_ARGS__)
#define PYT__NOTED_MUST(function, ...) PYT__NOTED_BY(pyt__ended_must, function, __VA_ARGS__)
#define PYT__NOTED_GET(function, ...) PYT__NOTED_BY(pyt__ended_get, function, __VA_ARGS__)
#define PYT__NOTED_ANSWER(function, ...) PYT__NOTED_BY(pyt__ended_answer, function, __VA_ARGS__)
#define PYT__NOTED_TRY(function, ...) pyt__at_##function(__VA_ARGS__, __FILE__, __LINE__)

#define PYT__NOTED_TRIES(type)                                                                     \
    PYT__MUST_USE PYT__INLINE pyt_status pyt__at_##type##_acquire_nowait(                          \
        type *object, const char *file, int line) PYT__TRY_ACQUIRE(object) {                       \
        pyt__at(#type "_acquire_nowait", file, line);                                              \
        return pyt__ended(type##_acquire_nowait(object), #type "_acquire_nowait", file, line);     \
    }                                                                                              \
    PYT__MUST_USE PYT__INLINE pyt_status pyt__at_##type##_acquire_timeout(                         \
        type *object, double seconds, const char *file, int line) PYT__TRY_ACQUIRE(object) {       \
        pyt__at(#type "_acquire_timeout", file, line);                                             \
        return pyt__ended(type##_acquire_timeout(object, seconds), #type "_acquire_timeout", file, \
                          line);                                                                   \
    }
PYT__EXTERN_C_BEGIN
PYT__NOTED_TRIES(pyt_lock)
PYT__NOTED_TRIES(pyt_rlock)
PYT__NOTED_TRIES(pyt_condition)
PYT__EXTERN_C_END

#define pyt_local_get(...) PYT__CALL_GET(pyt_local_get, __VA_ARGS__)
#define pyt_simulate(...) PYT__CALL(pyt_simulate, __VA_ARGS__)
#define pyt_sleep(...) PYT__CALL(pyt_sleep, __VA_ARGS__)
#define pyt_lock_acquire(...) PYT__CALL(pyt_lock_acquire, __VA_ARGS__)
#define pyt_lock_acquire_nowait(...) PYT__CALL_TRY(pyt_lock_acquire_nowait, __VA_ARGS__)
#define pyt_lock_acquire_timeout(...) PYT__CALL_TRY(pyt_lock_acquire_timeout, __VA_ARGS__)
#define pyt_lock_release(...) PYT__CALL(pyt_lock_release, __VA_ARGS__)
#define pyt_rlock_acquire(...) PYT__CALL(pyt_rlock_acquire, __VA_ARGS__)
#define pyt_rlock_acquire_nowait(...) PYT__CALL_TRY(pyt_rlock_acquire_nowait, __VA_ARGS__)
#define pyt_rlock_acquire_timeout(...) PYT__CALL_TRY(pyt_rlock_acquire_timeout, __VA_ARGS__)
#define pyt_rlock_release(...) PYT__CALL(pyt_rlock_release, __VA_ARGS__)
#define pyt_semaphore_init(...) PYT__CALL_MUST(pyt_semaphore_init, __VA_ARGS__)
#define pyt_semaphore_acquire(...) PYT__CALL(pyt_semaphore_acquire, __VA_ARGS__)
#define pyt_semaphore_acquire_nowait(...) PYT__CALL_MUST(pyt_semaphore_acquire_nowait, __VA_ARGS__)
#define pyt_semaphore_acquire_timeout(...) \
    PYT__CALL_MUST(pyt_semaphore_acquire_timeout, __VA_ARGS__)
#define pyt_semaphore_release(...) PYT__CALL(pyt_semaphore_release, __VA_ARGS__)
#define pyt_semaphore_release_n(...) PYT__CALL(pyt_semaphore_release_n, __VA_ARGS__)
#define pyt_bounded_semaphore_init(...) PYT__CALL_MUST(pyt_bounded_semaphore_init, __VA_ARGS__)
#define pyt_bounded_semaphore_acquire(...) PYT__CALL(pyt_bounded_semaphore_acquire, __VA_ARGS__)
#define pyt_bounded_semaphore_acquire_nowait(...) \
    PYT__CALL_MUST(pyt_bounded_semaphore_acquire_nowait, __VA_ARGS__)
#define pyt_bounded_semaphore_acquire_timeout(...) \
    PYT__CALL_MUST(pyt_bounded_semaphore_acquire_timeout, __VA_ARGS__)
#define pyt_bounded_semaphore_release_n(...) PYT__CALL(pyt_bounded_semaphore_release_n, __VA_ARGS__)
#define pyt_bounded_semaphore_release(...) PYT__CALL(pyt_bounded_semaphore_release, __VA_ARGS__)
#define pyt_event_set(...) PYT__CALL(pyt_event_set, __VA_ARGS__)
#define pyt_event_clear(...) PYT__CALL(pyt_event_clear, __VA_ARGS__)
#define pyt_event_wait(...) PYT__CALL(pyt_event_wait, __VA_ARGS__)
#define pyt_event_wait_timeout(...) PYT__CALL_MUST(pyt_event_wait_timeout, __VA_ARGS__)
#define pyt_condition_init_lock(...) PYT__CALL_MUST(pyt_condition_init_lock, __VA_ARGS__)
#define pyt_condition_init_rlock(...) PYT__CALL_MUST(pyt_condition_init_rlock, __VA_ARGS__)
#define pyt_condition_acquire(...) PYT__CALL(pyt_condition_acquire, __VA_ARGS__)
#define pyt_condition_acquire_nowait(...) PYT__CALL_TRY(pyt_condition_acquire_nowait, __VA_ARGS__)
#define pyt_condition_acquire_timeout(...) PYT__CALL_TRY(pyt_condition_acquire_timeout, __VA_ARGS__)
#define pyt_condition_release(...) PYT__CALL(pyt_condition_release, __VA_ARGS__)
#define pyt_condition_wait(...) PYT__CALL(pyt_condition_wait, __VA_ARGS__)
#define pyt_condition_wait_timeout(...) PYT__CALL_MUST(pyt_condition_wait_timeout, __VA_ARGS__)
#define pyt_condition_wait_for(...) PYT__CALL(pyt_condition_wait_for, __VA_ARGS__)
#define pyt_condition_wait_for_timeout(...) \
    PYT__CALL_MUST(pyt_condition_wait_for_timeout, __VA_ARGS__)
#define pyt_condition_notify(...) PYT__CALL(pyt_condition_notify, __VA_ARGS__)
#define pyt_condition_notify_n(...) PYT__CALL(pyt_condition_notify_n, __VA_ARGS__)
#define pyt_condition_notify_all(...) PYT__CALL(pyt_condition_notify_all, __VA_ARGS__)
#define pyt_barrier_init(...) PYT__CALL_MUST(pyt_barrier_init, __VA_ARGS__)
#define pyt_barrier_wait(...) PYT__CALL(pyt_barrier_wait, __VA_ARGS__)
#define pyt_barrier_wait_timeout(...) PYT__CALL_MUST(pyt_barrier_wait_timeout, __VA_ARGS__)
#define pyt_barrier_reset(...) PYT__CALL(pyt_barrier_reset, __VA_ARGS__)
#define pyt_barrier_abort(...) PYT__CALL(pyt_barrier_abort, __VA_ARGS__)
#define pyt_local_delete(...) PYT__CALL(pyt_local_delete, __VA_ARGS__)
#define pyt_thread_new(...) PYT__CALL_MUST(pyt_thread_new, __VA_ARGS__)
#define pyt_thread_start(...) PYT__CALL_MUST(pyt_thread_start, __VA_ARGS__)
#define pyt_thread_run(...) PYT__CALL(pyt_thread_run, __VA_ARGS__)
#define pyt_thread_join(...) PYT__CALL(pyt_thread_join, __VA_ARGS__)
#define pyt_thread_join_timeout(...) PYT__CALL(pyt_thread_join_timeout, __VA_ARGS__)
#define pyt_thread_set_name(...) PYT__CALL(pyt_thread_set_name, __VA_ARGS__)
#define pyt_thread_set_daemon(...) PYT__CALL(pyt_thread_set_daemon, __VA_ARGS__)
#define pyt_thread_result(...) PYT__CALL(pyt_thread_result, __VA_ARGS__)
#define pyt_set_stack_size(...) PYT__CALL(pyt_set_stack_size, __VA_ARGS__)
#define pyt_start_new_thread(...) PYT__CALL(pyt_start_new_thread, __VA_ARGS__)
#define pyt_interrupt_main(...) PYT__CALL(pyt_interrupt_main, __VA_ARGS__)
#define pyt_timer_new(...) PYT__CALL(pyt_timer_new, __VA_ARGS__)
#define pyt_timer_cancel(...) PYT__CALL(pyt_timer_cancel, __VA_ARGS__)
#define pyt_queue_init(...) PYT__CALL_MUST(pyt_queue_init, __VA_ARGS__)
#define pyt_lifo_queue_init(...) PYT__CALL_MUST(pyt_lifo_queue_init, __VA_ARGS__)
#define pyt_priority_queue_init(...) PYT__CALL_MUST(pyt_priority_queue_init, __VA_ARGS__)
#define pyt_queue_set_destructor(...) PYT__CALL(pyt_queue_set_destructor, __VA_ARGS__)
#define pyt_queue_destroy(...) PYT__CALL(pyt_queue_destroy, __VA_ARGS__)
#define pyt_queue_put(...) PYT__CALL(pyt_queue_put, __VA_ARGS__)
#define pyt_queue_put_nowait(...) PYT__CALL_MUST(pyt_queue_put_nowait, __VA_ARGS__)
#define pyt_queue_put_timeout(...) PYT__CALL_MUST(pyt_queue_put_timeout, __VA_ARGS__)
#define pyt_queue_get(...) PYT__CALL(pyt_queue_get, __VA_ARGS__)
#define pyt_queue_get_nowait(...) PYT__CALL_MUST(pyt_queue_get_nowait, __VA_ARGS__)
#define pyt_queue_get_timeout(...) PYT__CALL_MUST(pyt_queue_get_timeout, __VA_ARGS__)
#define pyt_queue_task_done(...) PYT__CALL(pyt_queue_task_done, __VA_ARGS__)
#define pyt_queue_join(...) PYT__CALL(pyt_queue_join, __VA_ARGS__)
#define pyt_queue_join_timeout(...) PYT__CALL(pyt_queue_join_timeout, __VA_ARGS__)
#define pyt_queue_shutdown(...) PYT__CALL(pyt_queue_shutdown, __VA_ARGS__)
#define pyt_simple_queue_init(...) PYT__CALL_MUST(pyt_simple_queue_init, __VA_ARGS__)
#define pyt_simple_queue_set_destructor(...) PYT__CALL(pyt_simple_queue_set_destructor, __VA_ARGS__)
#define pyt_simple_queue_destroy(...) PYT__CALL(pyt_simple_queue_destroy, __VA_ARGS__)
#define pyt_simple_queue_put(...) PYT__CALL(pyt_simple_queue_put, __VA_ARGS__)
#define pyt_simple_queue_put_nowait(...) PYT__CALL_MUST(pyt_simple_queue_put_nowait, __VA_ARGS__)
#define pyt_simple_queue_get(...) PYT__CALL(pyt_simple_queue_get, __VA_ARGS__)
#define pyt_simple_queue_get_nowait(...) PYT__CALL_MUST(pyt_simple_queue_get_nowait, __VA_ARGS__)
#define pyt_simple_queue_get_timeout(...) PYT__CALL_MUST(pyt_simple_queue_get_timeout, __VA_ARGS__)
#define pyt_scheduler_init(...) PYT__CALL_MUST(pyt_scheduler_init, __VA_ARGS__)
#define pyt_scheduler_destroy(...) PYT__CALL(pyt_scheduler_destroy, __VA_ARGS__)
#define pyt_scheduler_enter(...) PYT__CALL(pyt_scheduler_enter, __VA_ARGS__)
#define pyt_scheduler_enterabs(...) PYT__CALL(pyt_scheduler_enterabs, __VA_ARGS__)
#define pyt_scheduler_cancel(...) PYT__CALL(pyt_scheduler_cancel, __VA_ARGS__)
#define pyt_scheduler_run(...) PYT__CALL(pyt_scheduler_run, __VA_ARGS__)
#define pyt_scheduler_run_nowait(...) PYT__CALL(pyt_scheduler_run_nowait, __VA_ARGS__)
#define pyt_future_new(...) PYT__CALL(pyt_future_new, __VA_ARGS__)
#define pyt_future_cancel(...) PYT__CALL_ANSWER(pyt_future_cancel, __VA_ARGS__)
#define pyt_future_result(...) PYT__CALL(pyt_future_result, __VA_ARGS__)
#define pyt_future_result_timeout(...) PYT__CALL(pyt_future_result_timeout, __VA_ARGS__)
#define pyt_future_exception(...) PYT__CALL(pyt_future_exception, __VA_ARGS__)
#define pyt_future_exception_timeout(...) PYT__CALL(pyt_future_exception_timeout, __VA_ARGS__)
#define pyt_future_add_done_callback(...) PYT__CALL(pyt_future_add_done_callback, __VA_ARGS__)
#define pyt_future_set_running_or_notify_cancel(...) \
    PYT__CALL(pyt_future_set_running_or_notify_cancel, __VA_ARGS__)
#define pyt_future_set_result(...) PYT__CALL(pyt_future_set_result, __VA_ARGS__)
#define pyt_future_set_exception(...) PYT__CALL(pyt_future_set_exception, __VA_ARGS__)
#define pyt_wait(...) PYT__CALL(pyt_wait, __VA_ARGS__)
#define pyt_wait_timeout(...) PYT__CALL_MUST(pyt_wait_timeout, __VA_ARGS__)
#define pyt_as_completed_init(...) PYT__CALL_MUST(pyt_as_completed_init, __VA_ARGS__)
#define pyt_as_completed_init_timeout(...) \
    PYT__CALL_MUST(pyt_as_completed_init_timeout, __VA_ARGS__)
#define pyt_as_completed_next(...) PYT__CALL(pyt_as_completed_next, __VA_ARGS__)
#define pyt_executor_new(...) PYT__CALL_MUST(pyt_executor_new, __VA_ARGS__)
#define pyt_executor_submit(...) PYT__CALL(pyt_executor_submit, __VA_ARGS__)
#define pyt_executor_map(...) PYT__CALL(pyt_executor_map, __VA_ARGS__)
#define pyt_executor_map_timeout(...) PYT__CALL(pyt_executor_map_timeout, __VA_ARGS__)
#define pyt_executor_shutdown(...) PYT__CALL(pyt_executor_shutdown, __VA_ARGS__)
#define pyt_pool_new(...) PYT__CALL_MUST(pyt_pool_new, __VA_ARGS__)
#define pyt_pool_apply(...) PYT__CALL(pyt_pool_apply, __VA_ARGS__)
#define pyt_pool_apply_async(...) PYT__CALL(pyt_pool_apply_async, __VA_ARGS__)
#define pyt_pool_map(...) PYT__CALL(pyt_pool_map, __VA_ARGS__)
#define pyt_pool_starmap(...) PYT__CALL(pyt_pool_starmap, __VA_ARGS__)
#define pyt_pool_map_async(...) PYT__CALL(pyt_pool_map_async, __VA_ARGS__)
#define pyt_pool_starmap_async(...) PYT__CALL(pyt_pool_starmap_async, __VA_ARGS__)
#define pyt_pool_imap(...) PYT__CALL(pyt_pool_imap, __VA_ARGS__)
#define pyt_pool_imap_unordered(...) PYT__CALL(pyt_pool_imap_unordered, __VA_ARGS__)
#define pyt_pool_iterator_next(...) PYT__CALL(pyt_pool_iterator_next, __VA_ARGS__)
#define pyt_pool_iterator_next_timeout(...) PYT__CALL(pyt_pool_iterator_next_timeout, __VA_ARGS__)
#define pyt_pool_close(...) PYT__CALL(pyt_pool_close, __VA_ARGS__)
#define pyt_pool_terminate(...) PYT__CALL(pyt_pool_terminate, __VA_ARGS__)
#define pyt_pool_join(...) PYT__CALL(pyt_pool_join, __VA_ARGS__)
#define pyt_async_result_get(...) PYT__CALL(pyt_async_result_get, __VA_ARGS__)
#define pyt_async_result_get_timeout(...) PYT__CALL_MUST(pyt_async_result_get_timeout, __VA_ARGS__)
#define pyt_async_result_wait(...) PYT__CALL(pyt_async_result_wait, __VA_ARGS__)
#define pyt_async_result_wait_timeout(...) \
    PYT__CALL_MUST(pyt_async_result_wait_timeout, __VA_ARGS__)
#define pyt_async_result_successful(...) PYT__CALL(pyt_async_result_successful, __VA_ARGS__)
#if defined(PYTHREADING_DEBUG)
/* A question has no status. It is asked by a function that reports it if it is about NULL. */
#define PYT__CALL_ASK PYT__CALL_TRY

#define PYT__ASKED(result, function, type)                                            \
    PYT__INLINE result pyt__at_##function(type *object, const char *file, int line) { \
        result answer = function(object);                                             \
        if (object == PYT__NULL) {                                                    \
            pyt__misused_null(#function, file, line);                                 \
        }                                                                             \
        return answer;                                                                \
    }
#define PYT__ASKED_FOR_LIST(function, type, element)                                    \
    PYT__INLINE size_t pyt__at_##function(type *object, element *list, size_t capacity, \
                                          const char *file, int line) {                 \
        size_t count = function(object, list, capacity);                                \
        if (object == PYT__NULL) {                                                      \
            pyt__misused_null(#function, file, line);                                   \
        }                                                                               \
        return count;                                                                   \
    }
PYT__EXTERN_C_BEGIN
PYT__ASKED(bool, pyt_lock_locked, const pyt_lock)
PYT__ASKED(bool, pyt_rlock_is_owned, const pyt_rlock)
PYT__ASKED(bool, pyt_rlock_locked, const pyt_rlock)
PYT__ASKED(size_t, pyt_rlock_recursion_count, const pyt_rlock)
PYT__ASKED(int, pyt_semaphore_value, const pyt_semaphore)
PYT__ASKED(int, pyt_bounded_semaphore_value, const pyt_bounded_semaphore)
PYT__ASKED(bool, pyt_event_is_set, const pyt_event)
PYT__ASKED(int, pyt_barrier_parties, const pyt_barrier)
PYT__ASKED(int, pyt_barrier_n_waiting, const pyt_barrier)
PYT__ASKED(bool, pyt_barrier_broken, const pyt_barrier)
PYT__ASKED(bool, pyt_local_exists, pyt_local)
PYT__ASKED(bool, pyt_thread_is_alive, const pyt_thread)
PYT__ASKED(const char *, pyt_thread_name, const pyt_thread)
PYT__ASKED(pyt_ident, pyt_thread_ident, const pyt_thread)
PYT__ASKED(unsigned long, pyt_thread_native_id, const pyt_thread)
PYT__ASKED(bool, pyt_thread_daemon, const pyt_thread)
PYT__ASKED(void *, pyt_thread_arg, const pyt_thread)
PYT__ASKED(size_t, pyt_queue_qsize, const pyt_queue)
PYT__ASKED(bool, pyt_queue_empty, const pyt_queue)
PYT__ASKED(bool, pyt_queue_full, const pyt_queue)
PYT__ASKED(size_t, pyt_simple_queue_qsize, const pyt_simple_queue)
PYT__ASKED(bool, pyt_simple_queue_empty, const pyt_simple_queue)
PYT__ASKED(double, pyt_scheduler_time, const pyt_scheduler)
PYT__ASKED(bool, pyt_scheduler_empty, const pyt_scheduler)
PYT__ASKED(bool, pyt_future_cancelled, const pyt_future)
PYT__ASKED(bool, pyt_future_running, const pyt_future)
PYT__ASKED(bool, pyt_future_done, const pyt_future)
PYT__ASKED(size_t, pyt_as_completed_index, const pyt_as_completed)
PYT__ASKED(bool, pyt_async_result_ready, const pyt_async_result)
PYT__ASKED_FOR_LIST(pyt_scheduler_queue, pyt_scheduler, pyt_sched_event)
PYT__EXTERN_C_END

#define pyt_lock_locked(...) PYT__CALL_ASK(pyt_lock_locked, __VA_ARGS__)
#define pyt_rlock_is_owned(...) PYT__CALL_ASK(pyt_rlock_is_owned, __VA_ARGS__)
#define pyt_rlock_locked(...) PYT__CALL_ASK(pyt_rlock_locked, __VA_ARGS__)
#define pyt_rlock_recursion_count(...) PYT__CALL_ASK(pyt_rlock_recursion_count, __VA_ARGS__)
#define pyt_semaphore_value(...) PYT__CALL_ASK(pyt_semaphore_value, __VA_ARGS__)
#define pyt_bounded_semaphore_value(...) PYT__CALL_ASK(pyt_bounded_semaphore_value, __VA_ARGS__)
#define pyt_event_is_set(...) PYT__CALL_ASK(pyt_event_is_set, __VA_ARGS__)
#define pyt_barrier_parties(...) PYT__CALL_ASK(pyt_barrier_parties, __VA_ARGS__)
#define pyt_barrier_n_waiting(...) PYT__CALL_ASK(pyt_barrier_n_waiting, __VA_ARGS__)
#define pyt_barrier_broken(...) PYT__CALL_ASK(pyt_barrier_broken, __VA_ARGS__)
#define pyt_local_exists(...) PYT__CALL_ASK(pyt_local_exists, __VA_ARGS__)
#define pyt_thread_is_alive(...) PYT__CALL_ASK(pyt_thread_is_alive, __VA_ARGS__)
#define pyt_thread_name(...) PYT__CALL_ASK(pyt_thread_name, __VA_ARGS__)
#define pyt_thread_ident(...) PYT__CALL_ASK(pyt_thread_ident, __VA_ARGS__)
#define pyt_thread_native_id(...) PYT__CALL_ASK(pyt_thread_native_id, __VA_ARGS__)
#define pyt_thread_daemon(...) PYT__CALL_ASK(pyt_thread_daemon, __VA_ARGS__)
#define pyt_thread_arg(...) PYT__CALL_ASK(pyt_thread_arg, __VA_ARGS__)
#define pyt_queue_qsize(...) PYT__CALL_ASK(pyt_queue_qsize, __VA_ARGS__)
#define pyt_queue_empty(...) PYT__CALL_ASK(pyt_queue_empty, __VA_ARGS__)
#define pyt_queue_full(...) PYT__CALL_ASK(pyt_queue_full, __VA_ARGS__)
#define pyt_simple_queue_qsize(...) PYT__CALL_ASK(pyt_simple_queue_qsize, __VA_ARGS__)
#define pyt_simple_queue_empty(...) PYT__CALL_ASK(pyt_simple_queue_empty, __VA_ARGS__)
#define pyt_scheduler_time(...) PYT__CALL_ASK(pyt_scheduler_time, __VA_ARGS__)
#define pyt_scheduler_empty(...) PYT__CALL_ASK(pyt_scheduler_empty, __VA_ARGS__)
#define pyt_future_cancelled(...) PYT__CALL_ASK(pyt_future_cancelled, __VA_ARGS__)
#define pyt_future_running(...) PYT__CALL_ASK(pyt_future_running, __VA_ARGS__)
#define pyt_future_done(...) PYT__CALL_ASK(pyt_future_done, __VA_ARGS__)
#define pyt_as_completed_index(...) PYT__CALL_ASK(pyt_as_completed_index, __VA_ARGS__)
#define pyt_async_result_ready(...) PYT__CALL_ASK(pyt_async_result_ready, __VA_ARGS__)
#define pyt_scheduler_queue(...) PYT__CALL_ASK(pyt_scheduler_queue, __VA_ARGS__)
#endif
#endif
#endif

#if PYT__DEFINE && defined(PYT__UNINSTRUMENTED)
#pragma clang attribute pop
#endif

#if PYT__DEFINE && defined(PYT__QUIET)
#pragma GCC diagnostic pop
#elif PYT__DEFINE && defined(PYT__QUIET_MICROSOFT)
#pragma warning(pop)
#endif

/* The switch is off for the program's own lines: see the calls above. */
#undef PYT__DEFINE
#define PYT__DEFINE 0
