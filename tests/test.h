/* The test harness. A test is a function with a sentence for a name:
 *
 *     #include "test.h"
 *
 *     TEST(release_of_an_unlocked_lock_is_refused) {
 *         pyt_lock lock = PYT_LOCK_INIT;
 *         CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
 *     }
 *
 * It runs in a process of its own, which has started no thread before, and is killed when its
 * time limit is over. tests/main.c runs the tests; tests/library.c has the implementation.
 *
 * Threads are never ordered by sleeping. A test hands its own data from thread to thread with
 * the library's objects; a flag of its own that several threads touch is written by atomic
 * read-modify-write operations only, which every race detector understands.
 */
#ifndef TEST_H
#define TEST_H

#include "pythreading.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PYT__EXTERN_C_BEGIN

/* What C11 has and GNU's C99 has not. */
#if !defined(__cplusplus) && __STDC_VERSION__ < 201112L
#define DBL_TRUE_MIN __DBL_DENORM_MIN__
typedef long double max_align_t;
#endif

/* ---- tests ---- */

/* What a test may need that not every platform, build or run has. It says so behind its name:
 *
 *     TEST(a_child_can_fork_in_its_turn, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
 *
 * Where something of it is lacking the test is skipped, with the reason that stands here beside the
 * flag. What a system lacks is said in on_posix.h and on_windows.h, what a build or a simulated run
 * lacks in main.c, what only the caller knows by `suite --without FLAG`. A test that is left out
 * somewhere for a reason of its own has a flag that begins with NOT, and the reason behind it:
 *
 *     TEST(the_smallest_stack_is_enough_to_use_the_library, NOT_SANITIZED, "they need more") { */
#define TEST_FLAGS(FLAG)                                                                          \
    FLAG(NEEDS_THREADS, "needs threads that run beside each other")                               \
    FLAG(NEEDS_FOREIGN_THREADS, "needs threads that the library does not start")                  \
    FLAG(NEEDS_THREAD_ENDS, "needs a system that tells when any thread ends")                     \
    FLAG(NEEDS_C11_THREADS, "needs the threads of <threads.h>")                                   \
    FLAG(NEEDS_MAIN, "needs a main thread that is known before it uses the library")              \
    FLAG(NEEDS_MAIN_EXIT, "needs a main thread that may end before the process")                  \
    FLAG(NEEDS_PROCESSES, "needs a child process")                                                \
    FLAG(NEEDS_FORK, "needs fork")                                                                \
    FLAG(NEEDS_FORK_WITH_THREADS, "needs fork in a process that has threads")                     \
    FLAG(NEEDS_BUSY_FORK, "needs fork while other threads allocate memory")                       \
    FLAG(NEEDS_EXIT, "needs the end of the process, of which the library is told")                \
    FLAG(NEEDS_NAMES, "needs a system that keeps the names of threads")                           \
    FLAG(NEEDS_THREAD_IDS, "needs a system that numbers its threads")                             \
    FLAG(NEEDS_PROCESSORS, "needs a system that tells how many processors there are")             \
    FLAG(NEEDS_INHERITANCE, "needs a system whose threads inherit from the one that starts them") \
    FLAG(NEEDS_FALLIBLE_WAITS, "needs a first wait that asks the system for something")           \
    FLAG(NEEDS_SIGNALS, "needs signals")                                                          \
    FLAG(NEEDS_REAL_TIME, "needs the time of the real world")                                     \
    FLAG(NEEDS_FINE_CLOCK, "needs a clock that counts nanoseconds")                               \
    FLAG(NEEDS_STEPPED_CALENDAR, "needs a calendar that a program can step for itself")           \
    FLAG(NEEDS_POSIX, "needs what POSIX has")                                                     \
    FLAG(NEEDS_LINUX, "needs what Linux alone has")                                               \
    FLAG(NEEDS_SOME_BUCKETS, "needs 32 buckets or more")                                          \
    FLAG(NEEDS_MANY_BUCKETS, "needs 1024 buckets or more")                                        \
    FLAG(NEEDS_LASTING_TIMEOUTS, "needs timeouts that are not over while others can run")         \
    FLAG(NOT_ON_APPLE, "")                                                                        \
    FLAG(NOT_EMULATED, "")                                                                        \
    FLAG(NOT_UNDER_TSAN, "")                                                                      \
    FLAG(NOT_UNDER_ASAN, "")                                                                      \
    FLAG(NOT_UNDER_HELGRIND, "")                                                                  \
    FLAG(NOT_SIMULATED, "")

#define TEST_NUMBER(flag, reason) NUMBER_OF_##flag,
enum {
    TEST_FLAGS(TEST_NUMBER) TEST_FLAGS_IN_ALL
};
#undef TEST_NUMBER
#define TEST_FLAG(flag, reason) flag = 1 << NUMBER_OF_##flag,
enum {
    TEST_FLAGS(TEST_FLAG) NOT_SANITIZED = NOT_UNDER_TSAN | NOT_UNDER_ASAN,
    TEST_EXCEPTIONS =
        NOT_ON_APPLE | NOT_EMULATED | NOT_SANITIZED | NOT_UNDER_HELGRIND | NOT_SIMULATED
};
#undef TEST_FLAG

typedef struct test_case {
    const char *file;
    int line;
    const char *name;
    double limit; /* seconds, multiplied by TEST_SLOW */
    void (*body)(void);
    int flags;
    const char *reason; /* of what it is NOT_ for, or NULL */
    bool alone;         /* it shares its process with no other test */
    struct test_case *next;
    bool again; /* it ran together with others, of which one did not pass */
} test_case;

void test_register(test_case *test);

/* TEST(name), TEST(name, flags) or TEST(name, flags, "reason"); TEST_LIMIT(name, seconds) too.
 * TEST_ALONE is for a test that ends its process, counts what the library makes once in a process
 * or leaves something behind: it shares no process. One with a limit of its own does not either. */
#define TEST(...) TEST_WITH_DEFAULTS(__VA_ARGS__, 0, 0, 0)
#define TEST_WITH_DEFAULTS(name, flags, reason, ...) TEST_DEFINE(name, 20, 0, flags, reason, 0)
#define TEST_ALONE(...) TEST_ALONE_WITH_DEFAULTS(__VA_ARGS__, 0, 0, 0)
#define TEST_ALONE_WITH_DEFAULTS(name, flags, reason, ...) \
    TEST_DEFINE(name, 20, 1, flags, reason, 0)
#define TEST_LIMIT(name, ...) TEST_LIMIT_WITH_DEFAULTS(name, __VA_ARGS__, 0, 0, 0)
#define TEST_LIMIT_WITH_DEFAULTS(name, seconds, flags, reason, ...) \
    TEST_DEFINE(name, seconds, 1, flags, reason, 0)

#define TEST_DEFINE(name, seconds, alone, flags, reason, ...)                                  \
    static void test_body_##name(void);                                                        \
    _Static_assert((((flags)&TEST_EXCEPTIONS) != 0) == (sizeof(#reason) > 2),                  \
                   "a reason is for flags that begin with NOT, and for those alone");          \
    static test_case test_case_##name = {__FILE__, __LINE__, #name, seconds, test_body_##name, \
                                         flags,    reason,   alone, 0,       0};               \
    __attribute__((constructor)) static void test_register_##name(void) {                      \
        test_register(&test_case_##name);                                                      \
    }                                                                                          \
    static void test_body_##name(void)

/* Is a sanitizer at work that follows threads, or memory? 0 or 1. */
#if defined(__SANITIZE_THREAD__)
#define TEST_UNDER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define TEST_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_UNDER_TSAN 1
#elif __has_feature(address_sanitizer)
#define TEST_UNDER_ASAN 1
#endif
#endif
#if !defined(TEST_UNDER_TSAN)
#define TEST_UNDER_TSAN 0
#endif
#if !defined(TEST_UNDER_ASAN)
#define TEST_UNDER_ASAN 0
#endif
#define TEST_SANITIZED (TEST_UNDER_TSAN || TEST_UNDER_ASAN)

/* ---- checks: a failure says where and what, and ends the test at once, from any thread ---- */

#define CHECK(expression) \
    ((expression) ? (void)0 : test_fail(__FILE__, __LINE__, "%s is false", #expression))
#define CHECK_STATUS(expression, status) \
    test_check_status((expression), (status), __FILE__, __LINE__, #expression)
#define CHECK_INT(expression, value) \
    test_check_int((long long)(expression), (long long)(value), __FILE__, __LINE__, #expression)
#define CHECK_STR(expression, value) \
    test_check_str((expression), (value), __FILE__, __LINE__, #expression)

/* A time taken, in seconds: not below `low`, not above `high` times TEST_SLOW. */
#define CHECK_WITHIN(expression, low, high) \
    test_check_within((expression), (low), (high), __FILE__, __LINE__, #expression)

__attribute__((noreturn, format(printf, 3, 4))) void test_fail(const char *file, int line,
                                                               const char *format, ...);
void test_check_status(pyt_status got, pyt_status wanted, const char *file, int line,
                       const char *text);
void test_check_int(long long got, long long wanted, const char *file, int line, const char *text);
void test_check_str(const char *got, const char *wanted, const char *file, int line,
                    const char *text);
void test_check_within(double got, double low, double high, const char *file, int line,
                       const char *text);

/* End the test as neither passed nor failed. */
__attribute__((noreturn)) void test_skip(const char *reason);

/* Fail unless the flags of this test have one of these: for what makes processes or threads. */
void test_uses(int flags);

/* Is this a simulated run? */
bool test_is_simulated(void);

/* ---- time ---- */

/* Seconds on the monotonic clock; the system's. */
double test_now(void);

/* How many times slower than bare the tests run: TEST_SLOW, or 1. */
double test_slowness(void);

/* `n` divided by TEST_SLOW, and by a hundred in a simulated run, 1 or more: how often to do
 * something. */
int test_scale(int n);

/* Let time pass, where time is what is tested; the system's. */
void test_sleep(double seconds);

/* Run until that time, without a look at anything else. */
void test_run_until(double time);

/* Let the monotonic clock of this program stand still but for a nanosecond a look, or go on.
 * Returns false where that cannot be done. */
bool test_stop_clock(bool stop);

/* Let another thread run, between two looks for something that has to come; the system's. */
void test_yield(void);

/* ---- threads ---- */

/* How many threads are queued on `address` in the park room at this moment. */
size_t test_parked(const void *address);

/* Wait until exactly `n` threads are queued on `address` in the park room. */
void test_wait_parked(const void *address, size_t n);

/* The park room's calls: wait on `address` unless `validate` refuses under the bucket lock, below 0
 * without a limit; *token is the waker's. Unpark all that wait there, or the one that has waited
 * longest; false: nobody waits. */
pyt_status test_park(const void *address, bool (*validate)(void *object), void *object,
                     double seconds, unsigned *token);
void test_unpark_all(const void *address, unsigned token);
bool test_unpark_oldest(const void *address, unsigned token);

/* ---- staying awake ---- */

/* For how long the ways of staying awake are left out that have failed in the calling thread, in
 * nanoseconds, of all together. */
int64_t test_backoff(void);

/* As if a yield of a thread that waits on `address` had lasted that long. Returns the time before,
 * in nanoseconds. The calling thread has waited before. */
int64_t test_lose_yield(const void *address, int64_t nanoseconds);

/* Would a thread that waits on `address` at that time yield? Forgets what has been repaid. */
bool test_may_yield(const void *address, int64_t now);

#define PARKED_LOCK(lock, n) test_wait_parked(&(lock)->pyt__word, (n))
#define PARKED_RLOCK(rlock, n) test_wait_parked(&(rlock)->pyt__lock.pyt__word, (n))
#define PARKED_CONDITION(condition, n) test_wait_parked(&(condition)->pyt__queue, (n))
#define PARKED_SEMAPHORE(semaphore, n) test_wait_parked(&(semaphore)->pyt__word, (n))
#define PARKED_BOUNDED(semaphore, n) test_wait_parked(&(semaphore)->pyt__semaphore.pyt__word, (n))
#define PARKED_EVENT(event, n) test_wait_parked(&(event)->pyt__word, (n))
#define PARKED_BARRIER(barrier, n) test_wait_parked(&(barrier)->pyt__state, (n))

/* A thread, started; and its end. Both check. */
pyt_thread *test_thread(void *(*target)(void *), void *arg);
void test_join(pyt_thread *thread);

#if defined(PYTHREADING_DEBUG)
/* What pyt_dump_threads says now, cut to fit; until the next call. */
const char *test_dump(void);
#endif

/* A call made in a thread of its own. What it returns is told by test_end, which waits for it. */
typedef struct test_call {
    pyt_status (*function)(void *object);
    void *object;
    pyt_status status; /* once `ended` is set */
    pyt_event ended;
    pyt_thread *thread;
} test_call;

void test_begin(test_call *call, pyt_status (*function)(void *object), void *object);
bool test_ended(const test_call *call);
pyt_status test_end(test_call *call);

/* Wait until each of `n` calls has ended or is queued on `address`: for those with a timeout,
 * which may be over before the others come. */
void test_wait_settled(const test_call *calls, int n, const void *address);

/* Let the end of a timeout meet what would end the wait, again and again.
 *
 * meet     starts a wait of `seconds` and does, `delay` seconds after that, what ends it; tells
 *          whether it came in time. The delay follows the outcome, so that it stays where the two
 *          meet; where starting a thread takes longer than the timeout, that grows
 * Returns  how many rounds there were: `rounds`, or fewer on a slow machine. Both outcomes were
 *          among them if there were as many as wanted; *won is how often it came in time */
int test_meet(bool (*meet)(void *arg, double seconds, double delay), void *arg, double seconds,
              int rounds, int *won);

/* Call it in a thread that the library did not start and knows nothing of; waits for its end. */
pyt_status test_foreign(pyt_status (*function)(void *object), void *object);

/* A thread that the system makes, and its end; the system's, as what follows. */
typedef uintptr_t test_raw;
test_raw test_raw_start(void *(*function)(void *), void *arg);
void test_raw_join(test_raw thread);

/* Have the system call the hook when a thread ends that has set a value. One in a test. */
void test_end_hook(void (*hook)(void *value));
void test_end_hook_set(void *value);

/* What the system has noted of the calling thread: a number, its name, the size of its stack. The
 * last is the size that a stack has without a wish. */
unsigned long test_system_id(void);
void test_system_name(char *name, size_t size);
size_t test_stack_size(void);
size_t test_standard_stack_size(void);

/* How many bytes of a name the system takes, and whether as they are or as UTF-8. */
#if defined(_WIN32)
#define TEST_NAME_MAX 255
#define TEST_NAME_IS_UTF8 true
#elif defined(__APPLE__)
#define TEST_NAME_MAX 63
#define TEST_NAME_IS_UTF8 false
#else
#define TEST_NAME_MAX 15
#define TEST_NAME_IS_UTF8 false
#endif

/* Do two addresses share a bucket of the park room? */
bool test_same_bucket(const void *one, const void *other);

/* As if another thread were on its way to complete a future that was made by hand, for a fork to
 * cut in: it has the right to; or it has made it done with no value, and told no watcher, having
 * taken them out of the future's list or not. Then, is a watcher or a callback in that list? */
void test_claim(pyt_future *future);
void test_complete_half(pyt_future *future, bool takes_out);
bool test_is_watched(pyt_future *future);

/* Locks of the library's own, for tests in which one thread finds another inside: the one that is
 * held while a thread starts, the one of an executor's spare futures, the one of its workers, and,
 * NULL behind the last, those that guard a list. */
pyt_lock *test_start_lock(pyt_thread *thread);
pyt_lock *test_cache_lock(pyt_executor *executor);
pyt_lock *test_worker_lock(pyt_executor *executor);
pyt_lock *test_list_lock(int i);

/* Is the timer that the library takes for the next one due the earliest of all that wait? */
bool test_next_timer_is_the_earliest(void);

/* ---- processes ---- */

/* Run `body(arg)` and then exit(0) in a child process, forked here: before the test has threads.
 * Where there is no fork, the child runs the test once more up to this place, and finds the same
 * outcome of every child before: a test does nothing before this that does not bear it.
 *
 * output   receives what the child wrote to stdout and stderr, cut to `size` - 1 bytes; may be
 *          NULL
 * Returns  its exit status, or 128 + the signal that ended it */
int test_child(void (*body)(void *), void *arg, char *output, size_t size);

/* ---- faults and memory ---- */

/* What the library allocates with, and what it asks before each platform call that can fail. */
void *test_malloc(size_t size);
void test_free(void *pointer);
bool test_fault(const char *name);

/* Let the nth allocation or platform call of the library from now on fail, once; 0: none. */
void test_fail_nth(long n);

/* Let each allocation of the library fail from now on, or none. */
void test_fail_memory(bool fail);

/* How many there were since, and whether one was made to fail. */
long test_fault_calls(void);
bool test_fault_fired(void);

/* Call `hook(arg)`, once, before the library's next platform call of that name, or before its next
 * allocation ("malloc"), in the thread that makes it. Returns before that. */
void test_at_call(const char *name, void (*hook)(void *arg), void *arg);

/* What the library holds at this moment: blocks, and bytes asked for. */
long test_live_allocations(void);
long test_live_bytes(void);

PYT__EXTERN_C_END

#endif
