/* A platform of the user's own: the header under Relacy, which runs a scenario again and again,
 * each time with other switches between its threads and with other values for loads that C++11's
 * memory model leaves a choice. See weak.cpp.
 *
 * Each atomic word stands for an rl::generic_atomic, made at its first use in an iteration, with
 * the value that is in memory as its initial one. Relacy sees each operation with the order that
 * the header names, except on the one line that is to be weakened. */
#if !defined(PYT_PLATFORM_FUNCTIONS)

#include <errno.h>
#pragma push_macro("errno")
#include <relacy/relacy.hpp>
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#pragma pop_macro("errno")

#define PYT_BACKEND "relacy"
#define PYT_PLATFORM_RECORD
#define PYT_PLATFORM_NO_START
#define PYT_PLATFORM_NO_FORK
#define PYT_PLATFORM_NO_NAMES
#define PYT_PLATFORM_NO_PROCESSORS
#define PYT_PLATFORM_NO_THREAD_IDS
#define PYT_PLATFORM_NO_MAIN
#define PYT_PLATFORM_NO_THREAD_END
#define PYT_PLATFORM_NO_EXIT

#define PYTHREADING_BUCKETS 1 /* addresses do not decide what happens */
#define PYTHREADING_MALLOC(size) relacy_allocate(size)
#define PYTHREADING_FREE(pointer) ((void)(pointer))

#define RELACY_THREADS 4   /* the most that a scenario has */
#define RELACY_WORDS 1024  /* atomic words in an iteration; a power of two */
#define RELACY_SLEEPERS 64 /* mutexes and conditions in an iteration */
#define RELACY_NO_ADDRESS 4096
#define RELACY_MEMORY 262144 /* what is allocated in an iteration */

/* ---- memory of one iteration ---- */

alignas(16) static char relacy_memory[RELACY_MEMORY];
static size_t relacy_used;

static inline void *relacy_allocate(size_t size) {
    size_t start = relacy_used;
    RL_VERIFY(size <= RELACY_MEMORY - start);
    relacy_used = (start + size + 15) / 16 * 16;
    return relacy_memory + start;
}

/* ---- atomics ---- */

template <size_t size> struct relacy_raw { typedef uint64_t type; };
template <> struct relacy_raw<4> { typedef uint32_t type; };
template <> struct relacy_raw<1> { typedef uint32_t type; };

/* The size, alignment and initial value of a T; Relacy's object is elsewhere. */
template <typename T> struct relacy_atomic {
    typedef typename relacy_raw<sizeof(T)>::type raw;
    typedef T plain;
    T value;
};

typedef struct relacy_word {
    const void *address;
    void (*destroy)(void *place);
    alignas(16) char place[128];
} relacy_word;

static relacy_word relacy_words[RELACY_WORDS];
static relacy_word *relacy_words_used[RELACY_WORDS];
static size_t relacy_words_count;
static void (*relacy_unsee)(rl::atomic_data *data); /* see weak.cpp */

/* An initial value is visible to all threads. Relacy's object begins with 0, so it holds the
 * difference to the initial value. */
template <typename raw> struct relacy_object {
    rl::generic_atomic<raw, true> atomic;
    raw initial;
};

template <typename object> static void relacy_destroy(void *place) {
    ((object *)place)->~object();
}

template <typename T>
static relacy_object<typename relacy_atomic<T>::raw> *relacy_find(const relacy_atomic<T> *word) {
    typedef relacy_object<typename relacy_atomic<T>::raw> object;
    static_assert(sizeof(object) <= sizeof relacy_words[0].place, "an atomic of Relacy's fits");
    size_t i = (size_t)((uintptr_t)word / 4) % RELACY_WORDS;
    while (relacy_words[i].address != NULL && relacy_words[i].address != word) {
        i = (i + 1) % RELACY_WORDS;
    }
    relacy_word *found = &relacy_words[i];
    if (found->address == NULL) {
        RL_VERIFY(relacy_words_count < RELACY_WORDS - 1);
        relacy_words_used[relacy_words_count++] = found;
        found->address = word;
        found->destroy = relacy_destroy<object>;
        object *made = ::new ((void *)found->place) object;
        made->initial = (typename relacy_atomic<T>::raw)word->value;
        relacy_unsee(made->atomic.impl_);
    }
    return (object *)found->place;
}

/* The line of the header whose order `from` is `to` now; 0: none. */
static struct relacy_weakened {
    unsigned line;
    rl::memory_order from, to;
    uint64_t times;
} relacy_weakened;

static inline rl::memory_order relacy_order(rl::memory_order order, unsigned line) {
    if (line != relacy_weakened.line || order != relacy_weakened.from) {
        return order;
    }
    relacy_weakened.times++;
    return relacy_weakened.to;
}

template <typename T>
static T relacy_load(const relacy_atomic<T> *word, rl::memory_order order, unsigned line) {
    auto object = relacy_find(word);
    rl::debug_info here("", "pythreading.h", line);
    return (T)(object->atomic.load(relacy_order(order, line), here) + object->initial);
}

template <typename T>
static void relacy_store(relacy_atomic<T> *word, typename relacy_atomic<T>::plain value,
                         rl::memory_order order, unsigned line) {
    auto object = relacy_find(word);
    rl::debug_info here("", "pythreading.h", line);
    object->atomic.store((typename relacy_atomic<T>::raw)value - object->initial,
                         relacy_order(order, line), here);
}

template <typename T>
static T relacy_swap(relacy_atomic<T> *word, typename relacy_atomic<T>::plain value,
                     rl::memory_order order, unsigned line) {
    auto object = relacy_find(word);
    rl::debug_info here("", "pythreading.h", line);
    typename relacy_atomic<T>::raw raw = (typename relacy_atomic<T>::raw)value - object->initial;
    return (T)(object->atomic.exchange(raw, relacy_order(order, line), here) + object->initial);
}

template <typename T>
static T relacy_add(relacy_atomic<T> *word, typename relacy_atomic<T>::plain value,
                    rl::memory_order order, unsigned line) {
    auto object = relacy_find(word);
    rl::debug_info here("", "pythreading.h", line);
    typename relacy_atomic<T>::raw raw = (typename relacy_atomic<T>::raw)value;
    return (T)(object->atomic.fetch_add(raw, relacy_order(order, line), here) + object->initial);
}

template <typename T>
static bool relacy_cas(relacy_atomic<T> *word, T *old, typename relacy_atomic<T>::plain value,
                       rl::memory_order order, unsigned line) {
    auto object = relacy_find(word);
    rl::debug_info here("", "pythreading.h", line);
    typename relacy_atomic<T>::raw expected =
        (typename relacy_atomic<T>::raw) * old - object->initial;
    typename relacy_atomic<T>::raw wanted = (typename relacy_atomic<T>::raw)value - object->initial;
    bool done = object->atomic.compare_exchange(rl::bool_t<false>(), expected, wanted,
                                                relacy_order(order, line), rl::mo_relaxed, here);
    *old = (T)(expected + object->initial);
    return done;
}

#define PYT__ATOMIC(T) relacy_atomic<T>
#define PYT__RAW_LOAD(p, order) relacy_load((p), rl::mo_##order, __LINE__)
#define PYT__RAW_STORE(p, v, order) relacy_store((p), (v), rl::mo_##order, __LINE__)
#define PYT__RAW_SWAP(p, v, order) relacy_swap((p), (v), rl::mo_##order, __LINE__)
#define PYT__RAW_ADD(p, v, order) relacy_add((p), (v), rl::mo_##order, __LINE__)
#define PYT__RAW_CAS(p, old, v, order) relacy_cas((p), (old), (v), rl::mo_##order, __LINE__)

#else

/* ---- mutexes and conditions: Relacy's; conditions without spurious wake-ups, which would hide
 * that one was lost ---- */

typedef rl::condvar<rl::condvar_tag_std> relacy_condition;
/* `made` is written by init: use of a mutex that was not published in order is reported. */
typedef struct relacy_mutex : rl::mutex {
    rl::var<int> made;
} * pyt__os_mutex;
typedef relacy_condition *pyt__os_cond;

alignas(16) static char relacy_mutexes[RELACY_SLEEPERS][sizeof(relacy_mutex)];
alignas(16) static char relacy_conditions[RELACY_SLEEPERS][sizeof(relacy_condition)];
static size_t relacy_mutexes_count, relacy_conditions_count;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    RL_VERIFY(relacy_mutexes_count < RELACY_SLEEPERS);
    *mutex = ::new ((void *)relacy_mutexes[relacy_mutexes_count++]) relacy_mutex;
    (*mutex)->made($) = 1;
    return true;
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    (void)mutex; /* at the end of the iteration */
}

/* A pointer that was NULL before the table of buckets was seen is a report, not a crash. */
static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    RL_ASSERT((uintptr_t)mutex >= RELACY_NO_ADDRESS);
    RL_ASSERT((*mutex)->made($) == 1);
    (*mutex)->lock($);
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    (*mutex)->unlock($);
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    RL_VERIFY(relacy_conditions_count < RELACY_SLEEPERS);
    *cond = ::new ((void *)relacy_conditions[relacy_conditions_count++]) relacy_condition;
    (*cond)->init(false, $);
    return true;
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    (void)cond;
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    (*cond)->wait(**mutex, false, $);
}

/* Time passes only where Relacy chooses that a wait times out. */
static int64_t relacy_now;

static int64_t pyt__os_now(void) {
    return relacy_now;
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    if ((*cond)->wait(**mutex, true, $) == rl::sema_wakeup_reason_timeout &&
        relacy_now < deadline) {
        relacy_now = deadline;
    }
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    (*cond)->notify_one($);
}

/* ---- threads: the scenario's ---- */

typedef void *pyt__os_thread;

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    (void)thread, (void)stack_size, (void)arg;
    return false;
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    (void)thread;
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    (void)thread;
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    abort();
}

static void pyt__os_yield(void) {
    rl::yield(1, $);
}

static pyt__self relacy_records[RELACY_THREADS];

static pyt__self *pyt__os_record(void) {
    return &relacy_records[rl::ctx().threadx_ != NULL ? rl::thread_index() : 0];
}

#endif
