/* The misusehook: in the debug build each mistake is told, in the others none. PYT_MUST. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

/* What the hook was told last, and how often. One test, one process. */
static struct {
    _Atomic(int) count;
    pyt_status status;
    char message[1000], call[100], file[200];
    int line;
} told;

static void tell(const pyt_misuse_args *args) {
    told.status = args->status;
    told.line = args->line;
    snprintf(told.message, sizeof told.message, "%s", args->message);
    snprintf(told.call, sizeof told.call, "%s", args->call != NULL ? args->call : "");
    snprintf(told.file, sizeof told.file, "%s", args->file != NULL ? args->file : "");
    atomic_fetch_add(&told.count, 1);
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

/* ---- PYT_MUST ---- */

static int must_line;

static void join_the_calling_thread(void *arg) {
    must_line = __LINE__ + 2;
    if (arg != NULL) {
        PYT_MUST(pyt_thread_join(pyt_current_thread()));
    }
}

static void must_be_in_time(void *arg) {
    (void)arg;
    PYT_MUST(pyt_event_wait_timeout(&(pyt_event)PYT_EVENT_INIT, 0));
}

TEST(must_ends_the_program_with_a_line_that_says_where_and_why, NEEDS_PROCESSES) {
    char output[1000], expected[1000];
    int code = test_child(join_the_calling_thread, &told, output, sizeof output);
    CHECK(code != 0);
    join_the_calling_thread(NULL);
    snprintf(expected, sizeof expected, "%s:%d: RuntimeError: cannot join current thread\n",
             __FILE__, must_line);
    CHECK(strstr(output, expected) != NULL);
    CHECK(test_child(must_be_in_time, NULL, output, sizeof output) != 0);
    CHECK(strstr(output, ": TimeoutError: the time was up first\n") != NULL);
}

static int calls;

static pyt_status count_a_call(void) {
    calls++;
    return PYT_OK;
}

TEST(must_evaluates_its_call_once_and_goes_on_after_success) {
    pyt_lock lock = PYT_LOCK_INIT;
    PYT_MUST(count_a_call());
    CHECK_INT(calls, 1);
    PYT_MUST(pyt_lock_acquire_nowait(&lock));
    PYT_MUST(pyt_lock_release(&lock));
}

/* ---- the hook in other builds ---- */

#if !defined(PYTHREADING_DEBUG)

TEST(a_build_without_debug_keeps_the_hook_and_never_calls_it) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_set_misusehook(tell);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_sleep(-1), PYT_VALUE_ERROR);
    CHECK(pyt_local_get(NULL) == NULL);
    pyt_set_misusehook(NULL);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    CHECK_INT(atomic_load(&told.count), 0);
    CHECK(!never(NULL));
}

#else

/* ---- mistakes ---- */

/* Fail unless the hook was told once since the last look: of this call, `text`, and its place. A
 * call that stands in the line after is counted to that line by some compilers. */
static void check_told(const char *sentence, const char *text, pyt_status status, const char *file,
                       int line) {
    size_t length = strcspn(text, "(");
    if (atomic_exchange(&told.count, 0) != 1 || told.status != status || told.line < line ||
        told.line > line + 1 || strlen(told.call) != length ||
        strncmp(told.call, text, length) != 0 || strcmp(told.file, file) != 0 ||
        strcmp(told.message, pyt_error_message()) != 0) {
        test_fail(file, line, "%s: told of %s in %s at %s:%d: %s", sentence,
                  pyt_status_name(told.status), told.call, told.file, told.line, told.message);
    }
}

static void check_mistake(const char *sentence, pyt_status got, pyt_status status, const char *text,
                          const char *file, int line) {
    if (got != status) {
        test_fail(file, line, "%s: %s", sentence, pyt_status_name(got));
    }
    check_told(sentence, text, status, file, line);
}

static void check_answer(const char *sentence, pyt_status got, pyt_status status, const char *file,
                         int line) {
    if (got != status || atomic_load(&told.count) != 0) {
        test_fail(file, line, "%s: %s, and told of %d: %s in %s: %s", sentence,
                  pyt_status_name(got), atomic_load(&told.count), pyt_status_name(told.status),
                  told.call, told.message);
    }
}

/* Lines of the tables. What is wrong, how the call fails, and the call: the hook is told so, once
 * and of this place. */
#define MISTAKE(sentence, status, call) \
    check_mistake(sentence, (call), (status), #call, __FILE__, __LINE__)

/* The same for a question, which has an answer and no status. */
#define QUESTION(call, answer)                                                   \
    do {                                                                         \
        CHECK((call) == (answer));                                               \
        check_told("asked of NULL", #call, PYT_VALUE_ERROR, __FILE__, __LINE__); \
    } while (0)

/* The call ends in this way, and that is no mistake. */
#define ANSWER(sentence, status, call) check_answer(sentence, (call), (status), __FILE__, __LINE__)
#define IS_OK(call) ANSWER("it is right", PYT_OK, call)

#define TOO_LONG (PYT_TIMEOUT_MAX * 2)

static void *nothing(void *arg) {
    return arg;
}

static void act(void *arg) {
    (void)arg;
}

static pyt_lock *const no_lock = NULL;
static pyt_rlock *const no_rlock = NULL;
static pyt_condition *const no_condition = NULL;
static pyt_semaphore *const no_semaphore = NULL;
static pyt_bounded_semaphore *const no_bounded = NULL;
static pyt_event *const no_event = NULL;
static pyt_barrier *const no_barrier = NULL;
static pyt_local *const no_local = NULL;
static pyt_thread *const no_thread = NULL;
static pyt_queue *const no_queue = NULL;
static pyt_simple_queue *const no_simple = NULL;
static pyt_scheduler *const no_scheduler = NULL;
static pyt_future *const no_future = NULL;
static pyt_as_completed *const no_iterator = NULL;
static pyt_executor *const no_executor = NULL;
static pyt_pool *const no_pool = NULL;

TEST(mistakes_with_a_lock_are_told_with_their_place) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_set_misusehook(tell);
    MISTAKE("NULL is acquired", PYT_VALUE_ERROR, pyt_lock_acquire(no_lock));
    MISTAKE("NULL is tried", PYT_VALUE_ERROR, pyt_lock_acquire_nowait(no_lock));
    MISTAKE("NULL is tried for a time", PYT_VALUE_ERROR, pyt_lock_acquire_timeout(no_lock, 1));
    MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_lock_release(no_lock));
    QUESTION(pyt_lock_locked(no_lock), false);
    MISTAKE("a free lock is released", PYT_RUNTIME_ERROR, pyt_lock_release(&lock));
    CHECK_STR(told.message, "cannot release un-acquired lock");
    MISTAKE("a time below 0", PYT_VALUE_ERROR, pyt_lock_acquire_timeout(&lock, -1));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_lock_acquire_timeout(&lock, (double)NAN));
    MISTAKE("a time too long", PYT_OVERFLOW_ERROR, pyt_lock_acquire_timeout(&lock, HUGE_VAL));
    IS_OK(pyt_lock_acquire(&lock));
    ANSWER("it is held", PYT_TIMEOUT, pyt_lock_acquire_nowait(&lock));
    ANSWER("it stays held", PYT_TIMEOUT, pyt_lock_acquire_timeout(&lock, 0.001));
    CHECK(pyt_lock_locked(&lock));
    IS_OK(pyt_lock_release(&lock));
    MISTAKE("it is released again", PYT_RUNTIME_ERROR, pyt_lock_release(&lock));
}

TEST(mistakes_with_an_rlock_are_told_with_their_place) {
    pyt_rlock lock = PYT_RLOCK_INIT;
    pyt_set_misusehook(tell);
    MISTAKE("NULL is acquired", PYT_VALUE_ERROR, pyt_rlock_acquire(no_rlock));
    MISTAKE("NULL is tried", PYT_VALUE_ERROR, pyt_rlock_acquire_nowait(no_rlock));
    MISTAKE("NULL is tried for a time", PYT_VALUE_ERROR, pyt_rlock_acquire_timeout(no_rlock, 1));
    MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_rlock_release(no_rlock));
    QUESTION(pyt_rlock_locked(no_rlock), false);
    QUESTION(pyt_rlock_is_owned(no_rlock), false);
    QUESTION(pyt_rlock_recursion_count(no_rlock), 0);
    MISTAKE("a free one is released", PYT_RUNTIME_ERROR, pyt_rlock_release(&lock));
    MISTAKE("a time below 0", PYT_VALUE_ERROR, pyt_rlock_acquire_timeout(&lock, -0.5));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_rlock_acquire_timeout(&lock, (double)NAN));
    MISTAKE("a time too long", PYT_OVERFLOW_ERROR, pyt_rlock_acquire_timeout(&lock, TOO_LONG));
    IS_OK(pyt_rlock_acquire(&lock));
    lock.pyt__depth = UINT32_MAX;
    MISTAKE("one level too many", PYT_OVERFLOW_ERROR, pyt_rlock_acquire(&lock));
    MISTAKE("and tried", PYT_OVERFLOW_ERROR, pyt_rlock_acquire_nowait(&lock));
    MISTAKE("and for a time", PYT_OVERFLOW_ERROR, pyt_rlock_acquire_timeout(&lock, 1));
    lock.pyt__depth = 1;
    CHECK_INT(pyt_rlock_recursion_count(&lock), 1);
    IS_OK(pyt_rlock_release(&lock));
}

static void *use_what_another_owns(void *arg) {
    pyt_condition *condition = arg;
    MISTAKE("another's is released", PYT_RUNTIME_ERROR, pyt_condition_release(condition));
    MISTAKE("another's is waited on", PYT_RUNTIME_ERROR, pyt_condition_wait(condition));
    MISTAKE("another's is notified", PYT_RUNTIME_ERROR, pyt_condition_notify(condition));
    ANSWER("another has it", PYT_TIMEOUT, pyt_condition_acquire_nowait(condition));
    ANSWER("another keeps it", PYT_TIMEOUT, pyt_condition_acquire_timeout(condition, 0.001));
    return NULL;
}

static void *release_what_another_owns(void *arg) {
    MISTAKE("another's is released", PYT_RUNTIME_ERROR, pyt_rlock_release((pyt_rlock *)arg));
    return NULL;
}

TEST(what_another_thread_owns_is_used_by_mistake, NEEDS_THREADS) {
    pyt_rlock lock = PYT_RLOCK_INIT;
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_set_misusehook(tell);
    IS_OK(pyt_rlock_acquire(&lock));
    test_join(test_thread(release_what_another_owns, &lock));
    IS_OK(pyt_condition_acquire(&condition));
    test_join(test_thread(use_what_another_owns, &condition));
    IS_OK(pyt_condition_release(&condition));
    IS_OK(pyt_rlock_release(&lock));
}

TEST(mistakes_with_a_condition_are_told_with_their_place) {
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_rlock rlock = PYT_RLOCK_INIT;
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    MISTAKE("over no lock", PYT_VALUE_ERROR, pyt_condition_init_lock(&condition, no_lock));
    MISTAKE("over no rlock", PYT_VALUE_ERROR, pyt_condition_init_rlock(&condition, no_rlock));
    MISTAKE("NULL over a lock", PYT_VALUE_ERROR, pyt_condition_init_lock(no_condition, &lock));
    MISTAKE("NULL over an rlock", PYT_VALUE_ERROR, pyt_condition_init_rlock(no_condition, &rlock));
    MISTAKE("NULL is acquired", PYT_VALUE_ERROR, pyt_condition_acquire(no_condition));
    MISTAKE("NULL is tried", PYT_VALUE_ERROR, pyt_condition_acquire_nowait(no_condition));
    MISTAKE("NULL, a time", PYT_VALUE_ERROR, pyt_condition_acquire_timeout(no_condition, 1));
    MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_condition_release(no_condition));
    MISTAKE("NULL is notified", PYT_VALUE_ERROR, pyt_condition_notify(no_condition));
    MISTAKE("NULL, two", PYT_VALUE_ERROR, pyt_condition_notify_n(no_condition, 2));
    MISTAKE("NULL, all", PYT_VALUE_ERROR, pyt_condition_notify_all(no_condition));
    MISTAKE("NULL is waited on", PYT_VALUE_ERROR, pyt_condition_wait(no_condition));
    MISTAKE("NULL, a while", PYT_VALUE_ERROR, pyt_condition_wait_timeout(no_condition, 1));
    MISTAKE("NULL, for", PYT_VALUE_ERROR, pyt_condition_wait_for(no_condition, never, NULL));
    MISTAKE("NULL, for a while", PYT_VALUE_ERROR,
            pyt_condition_wait_for_timeout(no_condition, never, NULL, 1));
    MISTAKE("a notify without", PYT_RUNTIME_ERROR, pyt_condition_notify(&condition));
    MISTAKE("two without", PYT_RUNTIME_ERROR, pyt_condition_notify_n(&condition, 2));
    MISTAKE("all without", PYT_RUNTIME_ERROR, pyt_condition_notify_all(&condition));
    MISTAKE("a wait without", PYT_RUNTIME_ERROR, pyt_condition_wait(&condition));
    MISTAKE("a while without", PYT_RUNTIME_ERROR, pyt_condition_wait_timeout(&condition, 1));
    MISTAKE("for without", PYT_RUNTIME_ERROR, pyt_condition_wait_for(&condition, never, NULL));
    MISTAKE("for a while without", PYT_RUNTIME_ERROR,
            pyt_condition_wait_for_timeout(&condition, never, NULL, 1));
    MISTAKE("released without", PYT_RUNTIME_ERROR, pyt_condition_release(&condition));
    MISTAKE("below 0", PYT_VALUE_ERROR, pyt_condition_acquire_timeout(&condition, -1));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_condition_acquire_timeout(&condition, TOO_LONG));
    IS_OK(pyt_condition_acquire(&condition));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_condition_wait_timeout(&condition, nan));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_condition_wait_timeout(&condition, TOO_LONG));
    MISTAKE("no number for", PYT_VALUE_ERROR,
            pyt_condition_wait_for_timeout(&condition, never, NULL, nan));
    MISTAKE("no predicate", PYT_VALUE_ERROR, pyt_condition_wait_for(&condition, NULL, NULL));
    MISTAKE("no predicate, a while", PYT_VALUE_ERROR,
            pyt_condition_wait_for_timeout(&condition, NULL, NULL, 1));
    IS_OK(pyt_condition_notify(&condition));
    IS_OK(pyt_condition_notify_n(&condition, -1));
    IS_OK(pyt_condition_notify_all(&condition));
    ANSWER("nobody notifies", PYT_TIMEOUT, pyt_condition_wait_timeout(&condition, 0.001));
    ANSWER("over before", PYT_TIMEOUT, pyt_condition_wait_timeout(&condition, -1));
    ANSWER("never true", PYT_TIMEOUT,
           pyt_condition_wait_for_timeout(&condition, never, NULL, 0.001));
    IS_OK(pyt_condition_release(&condition));
}

TEST(mistakes_with_semaphores_are_told_with_their_place) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_semaphore_init(no_semaphore, 1));
    MISTAKE("NULL is acquired", PYT_VALUE_ERROR, pyt_semaphore_acquire(no_semaphore));
    MISTAKE("NULL is tried", PYT_VALUE_ERROR, pyt_semaphore_acquire_nowait(no_semaphore));
    MISTAKE("NULL, a time", PYT_VALUE_ERROR, pyt_semaphore_acquire_timeout(no_semaphore, 1));
    MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_semaphore_release(no_semaphore));
    MISTAKE("NULL, two", PYT_VALUE_ERROR, pyt_semaphore_release_n(no_semaphore, 2));
    QUESTION(pyt_semaphore_value(no_semaphore), 0);
    MISTAKE("below 0", PYT_VALUE_ERROR, pyt_semaphore_init(&semaphore, -1));
    MISTAKE("none", PYT_VALUE_ERROR, pyt_semaphore_release_n(&semaphore, 0));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_semaphore_acquire_timeout(&semaphore, nan));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_semaphore_acquire_timeout(&semaphore, TOO_LONG));
    ANSWER("it is 0", PYT_TIMEOUT, pyt_semaphore_acquire_nowait(&semaphore));
    ANSWER("it stays 0", PYT_TIMEOUT, pyt_semaphore_acquire_timeout(&semaphore, 0.001));
    IS_OK(pyt_semaphore_init(&semaphore, INT_MAX));
    MISTAKE("one too many", PYT_OVERFLOW_ERROR, pyt_semaphore_release(&semaphore));
    MISTAKE("two too many", PYT_OVERFLOW_ERROR, pyt_semaphore_release_n(&semaphore, 2));
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_bounded_semaphore_init(no_bounded, 1));
    MISTAKE("NULL is acquired", PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire(no_bounded));
    MISTAKE("NULL is tried", PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire_nowait(no_bounded));
    MISTAKE("NULL, a time", PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire_timeout(no_bounded, 1));
    MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_bounded_semaphore_release(no_bounded));
    MISTAKE("NULL, two", PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(no_bounded, 2));
    QUESTION(pyt_bounded_semaphore_value(no_bounded), 0);
    MISTAKE("below 0", PYT_VALUE_ERROR, pyt_bounded_semaphore_init(&bounded, -1));
    MISTAKE("none", PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(&bounded, 0));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire_timeout(&bounded, nan));
    MISTAKE("more than it gave", PYT_VALUE_ERROR, pyt_bounded_semaphore_release(&bounded));
    MISTAKE("two more", PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(&bounded, 2));
    IS_OK(pyt_bounded_semaphore_acquire(&bounded));
    ANSWER("it is 0", PYT_TIMEOUT, pyt_bounded_semaphore_acquire_nowait(&bounded));
    ANSWER("it stays 0", PYT_TIMEOUT, pyt_bounded_semaphore_acquire_timeout(&bounded, 0.001));
}

static int use_the_barrier(void *arg) {
    MISTAKE("waited on by its action", PYT_RUNTIME_ERROR, pyt_barrier_wait((pyt_barrier *)arg, 0));
    MISTAKE("reset by its action", PYT_RUNTIME_ERROR, pyt_barrier_reset((pyt_barrier *)arg));
    MISTAKE("aborted by its action", PYT_RUNTIME_ERROR, pyt_barrier_abort((pyt_barrier *)arg));
    return 1;
}

TEST(mistakes_with_events_and_barriers_are_told_with_their_place) {
    pyt_event event = PYT_EVENT_INIT;
    pyt_barrier barrier = PYT_BARRIER_INIT(2), zero;
    double nan = (double)NAN;
    memset(&zero, 0, sizeof zero);
    pyt_set_misusehook(tell);
    MISTAKE("NULL is set", PYT_VALUE_ERROR, pyt_event_set(no_event));
    MISTAKE("NULL is cleared", PYT_VALUE_ERROR, pyt_event_clear(no_event));
    MISTAKE("NULL is waited for", PYT_VALUE_ERROR, pyt_event_wait(no_event));
    MISTAKE("NULL, a while", PYT_VALUE_ERROR, pyt_event_wait_timeout(no_event, 1));
    QUESTION(pyt_event_is_set(no_event), false);
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_event_wait_timeout(&event, nan));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_event_wait_timeout(&event, 1e12));
    ANSWER("it is clear", PYT_TIMEOUT, pyt_event_wait_timeout(&event, 0.001));
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_barrier_init(no_barrier, 2, NULL));
    MISTAKE("NULL is waited at", PYT_VALUE_ERROR, pyt_barrier_wait(no_barrier, NULL));
    MISTAKE("NULL, a while", PYT_VALUE_ERROR, pyt_barrier_wait_timeout(no_barrier, 1, NULL));
    MISTAKE("NULL is reset", PYT_VALUE_ERROR, pyt_barrier_reset(no_barrier));
    MISTAKE("NULL is aborted", PYT_VALUE_ERROR, pyt_barrier_abort(no_barrier));
    QUESTION(pyt_barrier_parties(no_barrier), 0);
    QUESTION(pyt_barrier_n_waiting(no_barrier), 0);
    QUESTION(pyt_barrier_broken(no_barrier), false);
    MISTAKE("nobody", PYT_VALUE_ERROR, pyt_barrier_init(&barrier, 0, NULL));
    MISTAKE("a time that is no number", PYT_VALUE_ERROR,
            pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.timeout = nan}));
    MISTAKE("of nobody", PYT_VALUE_ERROR, pyt_barrier_wait(&zero, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_barrier_wait_timeout(&barrier, nan, NULL));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_barrier_wait_timeout(&barrier, TOO_LONG, NULL));
    ANSWER("the other does not come", PYT_BROKEN_BARRIER,
           pyt_barrier_wait_timeout(&barrier, 0.001, NULL));
    ANSWER("it is broken", PYT_BROKEN_BARRIER, pyt_barrier_wait(&barrier, NULL));
    IS_OK(pyt_barrier_reset(&barrier));
    IS_OK(pyt_barrier_abort(&barrier));
    ANSWER("it was aborted", PYT_BROKEN_BARRIER, pyt_barrier_wait(&barrier, NULL));
    pyt_barrier_options options = {.action = use_the_barrier, .arg = &barrier};
    IS_OK(pyt_barrier_init(&barrier, 1, &options));
    ANSWER("its action fails", PYT_TASK_ERROR, pyt_barrier_wait(&barrier, NULL));
}

static void *await_the_barrier(void *arg) {
    ANSWER("another aborts", PYT_BROKEN_BARRIER, pyt_barrier_wait((pyt_barrier *)arg, NULL));
    return NULL;
}

TEST(a_barrier_that_another_aborts_is_no_mistake_of_those_that_wait, NEEDS_THREADS) {
    pyt_barrier barrier = PYT_BARRIER_INIT(2);
    pyt_set_misusehook(tell);
    pyt_thread *waiter = test_thread(await_the_barrier, &barrier);
    PARKED_BARRIER(&barrier, 1);
    IS_OK(pyt_barrier_abort(&barrier));
    test_join(waiter);
}

TEST(mistakes_with_threads_are_told_with_their_place) {
    pyt_thread *thread, *self = pyt_current_thread();
    pyt_thread_options small = {.target = nothing, .stack_size = 1};
    pyt_thread_options no_arg = {.target = nothing, .arg_size = 1};
    pyt_set_misusehook(tell);
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_thread_new(NULL, NULL));
    MISTAKE("a small stack", PYT_VALUE_ERROR, pyt_thread_new(&thread, &small));
    MISTAKE("a size of nothing", PYT_VALUE_ERROR, pyt_thread_new(&thread, &no_arg));
    MISTAKE("NULL is started", PYT_VALUE_ERROR, pyt_thread_start(no_thread));
    MISTAKE("NULL is run", PYT_VALUE_ERROR, pyt_thread_run(no_thread));
    MISTAKE("NULL is joined", PYT_VALUE_ERROR, pyt_thread_join(no_thread));
    MISTAKE("NULL, a while", PYT_VALUE_ERROR, pyt_thread_join_timeout(no_thread, 1));
    MISTAKE("NULL is named", PYT_VALUE_ERROR, pyt_thread_set_name(no_thread, "name"));
    MISTAKE("NULL is a daemon", PYT_VALUE_ERROR, pyt_thread_set_daemon(no_thread, true));
    MISTAKE("NULL has a result", PYT_VALUE_ERROR, pyt_thread_result(no_thread, NULL));
    QUESTION(pyt_thread_is_alive(no_thread), false);
    QUESTION(pyt_thread_name(no_thread)[0], '\0');
    QUESTION(pyt_thread_ident(no_thread), 0);
    QUESTION(pyt_thread_native_id(no_thread), 0);
    QUESTION(pyt_thread_daemon(no_thread), false);
    QUESTION(pyt_thread_arg(no_thread), NULL);
    IS_OK(pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}));
    MISTAKE("joined before its start", PYT_RUNTIME_ERROR, pyt_thread_join(thread));
    MISTAKE("before it, a while", PYT_RUNTIME_ERROR, pyt_thread_join_timeout(thread, 1));
    MISTAKE("joins itself", PYT_RUNTIME_ERROR, pyt_thread_join(self));
    MISTAKE("joins itself, a while", PYT_RUNTIME_ERROR, pyt_thread_join_timeout(self, 1));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_thread_join_timeout(thread, (double)NAN));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_thread_join_timeout(thread, TOO_LONG));
    MISTAKE("it has not ended", PYT_RUNTIME_ERROR, pyt_thread_result(thread, NULL));
    MISTAKE("it has no name", PYT_VALUE_ERROR, pyt_thread_set_name(thread, NULL));
    MISTAKE("its name is empty", PYT_VALUE_ERROR, pyt_thread_set_name(thread, ""));
    IS_OK(pyt_thread_start(thread));
    MISTAKE("started twice", PYT_RUNTIME_ERROR, pyt_thread_start(thread));
    IS_OK(pyt_thread_join(thread));
    MISTAKE("started after its end", PYT_RUNTIME_ERROR, pyt_thread_start(thread));
    MISTAKE("it was started", PYT_RUNTIME_ERROR, pyt_thread_set_daemon(thread, true));
    IS_OK(pyt_thread_join(thread));
    MISTAKE("a small stack", PYT_VALUE_ERROR, pyt_set_stack_size(1));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_start_new_thread(NULL, NULL, NULL));
    MISTAKE("a sleep below 0", PYT_VALUE_ERROR, pyt_sleep(-1));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_sleep((double)NAN));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_sleep(TOO_LONG));
    IS_OK(pyt_interrupt_main());
    ANSWER("interrupted", PYT_INTERRUPTED, pyt_sleep(0));
    pyt_thread_unref(thread);
}

static void *join_one_made_elsewhere(void *arg) {
    MISTAKE("made elsewhere", PYT_RUNTIME_ERROR, pyt_thread_join((pyt_thread *)arg));
    return NULL;
}

static pyt_status be_joined(void *object) {
    (void)object;
    test_join(test_thread(join_one_made_elsewhere, pyt_current_thread()));
    return PYT_OK;
}

static void *raise_in_task(void *arg) {
    (void)arg;
    pyt_raise(3, "three");
}

static void quiet(const pyt_excepthook_args *args) {
    (void)args;
}

TEST(a_thread_made_elsewhere_is_joined_by_mistake_and_one_that_raises_is_none,
     NEEDS_FOREIGN_THREADS) {
    pyt_event never_set = PYT_EVENT_INIT;
    pyt_set_misusehook(tell);
    pyt_set_excepthook(quiet);
    CHECK_STATUS(test_foreign(be_joined, NULL), PYT_OK);
    pyt_thread *thread = test_thread(raise_in_task, NULL);
    IS_OK(pyt_thread_join(thread));
    ANSWER("it raised", PYT_TASK_ERROR, pyt_thread_result(thread, NULL));
    pyt_thread_unref(thread);
    ANSWER("nothing comes", PYT_TIMEOUT, pyt_event_wait_timeout(&never_set, 0.001));
}

TEST(mistakes_with_timers_are_told_with_their_place) {
    pyt_thread *timer, *thread;
    pyt_set_misusehook(tell);
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_timer_new(NULL, 1, act, NULL));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_timer_new(&timer, 1, NULL, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_timer_new(&timer, (double)NAN, act, NULL));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_timer_new(&timer, TOO_LONG, act, NULL));
    MISTAKE("NULL is cancelled", PYT_VALUE_ERROR, pyt_timer_cancel(no_thread));
    IS_OK(pyt_thread_new(&thread, NULL));
    MISTAKE("no timer", PYT_VALUE_ERROR, pyt_timer_cancel(thread));
    IS_OK(pyt_timer_new(&timer, 0, act, NULL));
    MISTAKE("joined before its start", PYT_RUNTIME_ERROR, pyt_thread_join(timer));
    IS_OK(pyt_thread_start(timer));
    MISTAKE("started twice", PYT_RUNTIME_ERROR, pyt_thread_start(timer));
    IS_OK(pyt_thread_join(timer));
    IS_OK(pyt_timer_cancel(timer));
    IS_OK(pyt_timer_cancel(timer));
    pyt_thread_unref(timer);
    pyt_thread_unref(thread);
}

static pyt_local none = PYT_LOCAL_INIT(0, NULL, NULL);

static int fail_to_construct(void *value) {
    (void)value;
    return 1;
}

static pyt_local unmade = PYT_LOCAL_INIT(4, fail_to_construct, NULL);

static void delete_it(void *value);
static pyt_local deleted = PYT_LOCAL_INIT(4, NULL, delete_it);

static void delete_it(void *value) {
    (void)value;
    MISTAKE("deleted by its destroy", PYT_RUNTIME_ERROR, pyt_local_delete(&deleted));
}

static int use_it(void *value);
static pyt_local used = PYT_LOCAL_INIT(4, use_it, NULL);

static int use_it(void *value) {
    (void)value;
    CHECK(pyt_local_get(&used) == NULL);
    check_told("used by its constructor", "pyt_local_get", PYT_RUNTIME_ERROR, __FILE__,
               __LINE__ - 2);
    return 0;
}

TEST(mistakes_with_locals_are_told_with_their_place) {
    pyt_set_misusehook(tell);
    CHECK(pyt_local_get(no_local) == NULL);
    check_told("NULL", "pyt_local_get", PYT_VALUE_ERROR, __FILE__, __LINE__ - 1);
    CHECK(pyt_local_get(&none) == NULL);
    check_told("no size", "pyt_local_get", PYT_VALUE_ERROR, __FILE__, __LINE__ - 1);
    CHECK(pyt_local_get(&unmade) == NULL);
    check_told("not made", "pyt_local_get", PYT_RUNTIME_ERROR, __FILE__, __LINE__ - 1);
    CHECK(pyt_local_get(&used) != NULL);
    MISTAKE("NULL is deleted", PYT_VALUE_ERROR, pyt_local_delete(no_local));
    QUESTION(pyt_local_exists(no_local), false);
    CHECK(pyt_local_get(&deleted) != NULL);
    IS_OK(pyt_local_delete(&deleted));
    IS_OK(pyt_local_delete(&deleted));
}

static int compare(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

TEST(mistakes_with_queues_are_told_with_their_place) {
    pyt_queue queue;
    int item = 1;
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    memset(&queue, 0, sizeof queue);
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_queue_init(no_queue, 4, 1));
    MISTAKE("NULL, lifo", PYT_VALUE_ERROR, pyt_lifo_queue_init(no_queue, 4, 1));
    MISTAKE("NULL, priority", PYT_VALUE_ERROR, pyt_priority_queue_init(no_queue, 4, 1, compare));
    MISTAKE("no order", PYT_VALUE_ERROR, pyt_priority_queue_init(&queue, 4, 1, NULL));
    MISTAKE("no size", PYT_VALUE_ERROR, pyt_queue_init(&queue, 0, 1));
    MISTAKE("a large size", PYT_OVERFLOW_ERROR, pyt_lifo_queue_init(&queue, SIZE_MAX, 1));
    MISTAKE("never made, put", PYT_VALUE_ERROR, pyt_queue_put(&queue, &item));
    MISTAKE("never made, get", PYT_VALUE_ERROR, pyt_queue_get(&queue, &item));
    MISTAKE("NULL is destroyed", PYT_VALUE_ERROR, pyt_queue_destroy(no_queue));
    MISTAKE("NULL, destructor", PYT_VALUE_ERROR, pyt_queue_set_destructor(no_queue, NULL));
    MISTAKE("NULL, put", PYT_VALUE_ERROR, pyt_queue_put(no_queue, &item));
    MISTAKE("NULL, put now", PYT_VALUE_ERROR, pyt_queue_put_nowait(no_queue, &item));
    MISTAKE("NULL, put soon", PYT_VALUE_ERROR, pyt_queue_put_timeout(no_queue, &item, 1));
    MISTAKE("NULL, get", PYT_VALUE_ERROR, pyt_queue_get(no_queue, &item));
    MISTAKE("NULL, get now", PYT_VALUE_ERROR, pyt_queue_get_nowait(no_queue, &item));
    MISTAKE("NULL, get soon", PYT_VALUE_ERROR, pyt_queue_get_timeout(no_queue, &item, 1));
    MISTAKE("NULL, done", PYT_VALUE_ERROR, pyt_queue_task_done(no_queue));
    MISTAKE("NULL is joined", PYT_VALUE_ERROR, pyt_queue_join(no_queue));
    MISTAKE("NULL, a while", PYT_VALUE_ERROR, pyt_queue_join_timeout(no_queue, 1));
    MISTAKE("NULL is shut", PYT_VALUE_ERROR, pyt_queue_shutdown(no_queue, true));
    QUESTION(pyt_queue_qsize(no_queue), 0);
    QUESTION(pyt_queue_empty(no_queue), true);
    QUESTION(pyt_queue_full(no_queue), false);
    IS_OK(pyt_queue_init(&queue, sizeof item, 1));
    MISTAKE("no item, put", PYT_VALUE_ERROR, pyt_queue_put(&queue, NULL));
    MISTAKE("no item, get", PYT_VALUE_ERROR, pyt_queue_get(&queue, NULL));
    MISTAKE("done too often", PYT_VALUE_ERROR, pyt_queue_task_done(&queue));
    MISTAKE("get below 0", PYT_VALUE_ERROR, pyt_queue_get_timeout(&queue, &item, -1));
    MISTAKE("get, no number", PYT_VALUE_ERROR, pyt_queue_get_timeout(&queue, &item, nan));
    MISTAKE("get, too long", PYT_OVERFLOW_ERROR, pyt_queue_get_timeout(&queue, &item, TOO_LONG));
    MISTAKE("put below 0", PYT_VALUE_ERROR, pyt_queue_put_timeout(&queue, &item, -1));
    MISTAKE("put, too long", PYT_OVERFLOW_ERROR, pyt_queue_put_timeout(&queue, &item, TOO_LONG));
    MISTAKE("join, no number", PYT_VALUE_ERROR, pyt_queue_join_timeout(&queue, nan));
    ANSWER("empty", PYT_QUEUE_EMPTY, pyt_queue_get_nowait(&queue, &item));
    ANSWER("it stays empty", PYT_QUEUE_EMPTY, pyt_queue_get_timeout(&queue, &item, 0.001));
    IS_OK(pyt_queue_put_nowait(&queue, &item));
    ANSWER("full", PYT_QUEUE_FULL, pyt_queue_put_nowait(&queue, &item));
    ANSWER("it stays full", PYT_QUEUE_FULL, pyt_queue_put_timeout(&queue, &item, 0.001));
    ANSWER("not done", PYT_TIMEOUT, pyt_queue_join_timeout(&queue, 0.001));
    IS_OK(pyt_queue_shutdown(&queue, true));
    IS_OK(pyt_queue_shutdown(&queue, false));
    ANSWER("put, shut", PYT_QUEUE_SHUT_DOWN, pyt_queue_put(&queue, &item));
    ANSWER("get, shut", PYT_QUEUE_SHUT_DOWN, pyt_queue_get(&queue, &item));
    IS_OK(pyt_queue_destroy(&queue));
    IS_OK(pyt_queue_destroy(&queue));
    MISTAKE("destroyed, put", PYT_VALUE_ERROR, pyt_queue_put(&queue, &item));
}

TEST(mistakes_with_simple_queues_are_told_with_their_place) {
    pyt_simple_queue queue;
    int item = 1;
    pyt_set_misusehook(tell);
    memset(&queue, 0, sizeof queue);
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_simple_queue_init(no_simple, 4));
    MISTAKE("no size", PYT_VALUE_ERROR, pyt_simple_queue_init(&queue, 0));
    MISTAKE("a large size", PYT_OVERFLOW_ERROR, pyt_simple_queue_init(&queue, SIZE_MAX));
    MISTAKE("never made, put", PYT_VALUE_ERROR, pyt_simple_queue_put(&queue, &item));
    MISTAKE("NULL is destroyed", PYT_VALUE_ERROR, pyt_simple_queue_destroy(no_simple));
    MISTAKE("NULL, destructor", PYT_VALUE_ERROR, pyt_simple_queue_set_destructor(no_simple, NULL));
    MISTAKE("NULL, put", PYT_VALUE_ERROR, pyt_simple_queue_put(no_simple, &item));
    MISTAKE("NULL, put now", PYT_VALUE_ERROR, pyt_simple_queue_put_nowait(no_simple, &item));
    MISTAKE("NULL, get", PYT_VALUE_ERROR, pyt_simple_queue_get(no_simple, &item));
    MISTAKE("NULL, get now", PYT_VALUE_ERROR, pyt_simple_queue_get_nowait(no_simple, &item));
    MISTAKE("NULL, get soon", PYT_VALUE_ERROR, pyt_simple_queue_get_timeout(no_simple, &item, 1));
    QUESTION(pyt_simple_queue_qsize(no_simple), 0);
    QUESTION(pyt_simple_queue_empty(no_simple), true);
    IS_OK(pyt_simple_queue_init(&queue, sizeof item));
    MISTAKE("no item", PYT_VALUE_ERROR, pyt_simple_queue_put(&queue, NULL));
    MISTAKE("below 0", PYT_VALUE_ERROR, pyt_simple_queue_get_timeout(&queue, &item, -1));
    ANSWER("empty", PYT_QUEUE_EMPTY, pyt_simple_queue_get_nowait(&queue, &item));
    ANSWER("it stays empty", PYT_QUEUE_EMPTY, pyt_simple_queue_get_timeout(&queue, &item, 0.001));
    IS_OK(pyt_simple_queue_destroy(&queue));
}

TEST(mistakes_with_schedulers_are_told_with_their_place) {
    pyt_scheduler scheduler;
    pyt_sched_event event;
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    memset(&scheduler, 0, sizeof scheduler);
    MISTAKE("NULL is made", PYT_VALUE_ERROR, pyt_scheduler_init(no_scheduler, NULL));
    MISTAKE("never made", PYT_VALUE_ERROR, pyt_scheduler_run(&scheduler));
    MISTAKE("NULL is destroyed", PYT_VALUE_ERROR, pyt_scheduler_destroy(no_scheduler));
    MISTAKE("NULL is entered", PYT_VALUE_ERROR,
            pyt_scheduler_enter(no_scheduler, 0, 0, act, NULL, &event));
    MISTAKE("NULL, a time", PYT_VALUE_ERROR,
            pyt_scheduler_enterabs(no_scheduler, 0, 0, act, NULL, &event));
    MISTAKE("NULL, cancel", PYT_VALUE_ERROR, pyt_scheduler_cancel(no_scheduler, &event));
    MISTAKE("NULL is run", PYT_VALUE_ERROR, pyt_scheduler_run(no_scheduler));
    MISTAKE("NULL, what is due", PYT_VALUE_ERROR, pyt_scheduler_run_nowait(no_scheduler, NULL));
    QUESTION(pyt_scheduler_empty(no_scheduler), true);
    CHECK(pyt_scheduler_time(no_scheduler) < 1);
    check_told("the time of NULL", "pyt_scheduler_time", PYT_VALUE_ERROR, __FILE__, __LINE__ - 1);
    QUESTION(pyt_scheduler_queue(no_scheduler, NULL, 0), 0);
    IS_OK(pyt_scheduler_init(&scheduler, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR,
            pyt_scheduler_enter(&scheduler, nan, 0, act, NULL, &event));
    MISTAKE("too long", PYT_OVERFLOW_ERROR,
            pyt_scheduler_enter(&scheduler, TOO_LONG, 0, act, NULL, &event));
    MISTAKE("no action", PYT_VALUE_ERROR,
            pyt_scheduler_enter(&scheduler, 0, 0, NULL, NULL, &event));
    MISTAKE("a time without end", PYT_OVERFLOW_ERROR,
            pyt_scheduler_enterabs(&scheduler, HUGE_VAL, 0, act, NULL, &event));
    MISTAKE("no event", PYT_VALUE_ERROR, pyt_scheduler_cancel(&scheduler, NULL));
    IS_OK(pyt_scheduler_enter(&scheduler, 0, 0, act, NULL, &event));
    IS_OK(pyt_scheduler_run(&scheduler));
    MISTAKE("it has run", PYT_VALUE_ERROR, pyt_scheduler_cancel(&scheduler, &event));
    IS_OK(pyt_scheduler_run_nowait(&scheduler, NULL));
    IS_OK(pyt_scheduler_destroy(&scheduler));
    IS_OK(pyt_scheduler_destroy(&scheduler));
}

static void call_back(pyt_future *future, void *arg) {
    (void)future;
    (void)arg;
}

TEST(mistakes_with_futures_are_told_with_their_place) {
    pyt_future *future, *cancelled;
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_future_new(NULL));
    MISTAKE("NULL is cancelled", PYT_VALUE_ERROR, pyt_future_cancel(no_future));
    MISTAKE("NULL, result", PYT_VALUE_ERROR, pyt_future_result(no_future, NULL));
    MISTAKE("NULL, soon", PYT_VALUE_ERROR, pyt_future_result_timeout(no_future, 1, NULL));
    MISTAKE("NULL, exception", PYT_VALUE_ERROR, pyt_future_exception(no_future, NULL));
    MISTAKE("NULL, soon", PYT_VALUE_ERROR, pyt_future_exception_timeout(no_future, 1, NULL));
    MISTAKE("NULL, callback", PYT_VALUE_ERROR,
            pyt_future_add_done_callback(no_future, call_back, NULL));
    MISTAKE("NULL runs", PYT_VALUE_ERROR, pyt_future_set_running_or_notify_cancel(no_future));
    MISTAKE("NULL is set", PYT_VALUE_ERROR, pyt_future_set_result(no_future, NULL));
    MISTAKE("NULL fails", PYT_VALUE_ERROR, pyt_future_set_exception(no_future, 1, ""));
    QUESTION(pyt_future_cancelled(no_future), false);
    QUESTION(pyt_future_running(no_future), false);
    QUESTION(pyt_future_done(no_future), false);
    QUESTION(pyt_async_result_ready(no_future), false);
    IS_OK(pyt_future_new(&future));
    IS_OK(pyt_future_new(&cancelled));
    MISTAKE("no callback", PYT_VALUE_ERROR, pyt_future_add_done_callback(future, NULL, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_future_result_timeout(future, nan, NULL));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_future_result_timeout(future, TOO_LONG, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_future_exception_timeout(future, nan, NULL));
    ANSWER("not done", PYT_TIMEOUT, pyt_future_result_timeout(future, 0, NULL));
    ANSWER("not done", PYT_TIMEOUT, pyt_future_exception_timeout(future, 0, NULL));
    IS_OK(pyt_future_set_running_or_notify_cancel(future));
    MISTAKE("runs twice", PYT_RUNTIME_ERROR, pyt_future_set_running_or_notify_cancel(future));
    ANSWER("it runs", PYT_INVALID_STATE, pyt_future_cancel(future));
    IS_OK(pyt_future_set_result(future, NULL));
    MISTAKE("set twice", PYT_INVALID_STATE, pyt_future_set_result(future, NULL));
    MISTAKE("set, then fails", PYT_INVALID_STATE, pyt_future_set_exception(future, 1, ""));
    ANSWER("it has finished", PYT_INVALID_STATE, pyt_future_cancel(future));
    IS_OK(pyt_future_cancel(cancelled));
    IS_OK(pyt_future_cancel(cancelled));
    ANSWER("cancelled", PYT_CANCELLED, pyt_future_result(cancelled, NULL));
    ANSWER("cancelled", PYT_CANCELLED, pyt_future_exception(cancelled, NULL));
    ANSWER("cancelled", PYT_CANCELLED, pyt_future_set_running_or_notify_cancel(cancelled));
    MISTAKE("set though cancelled", PYT_INVALID_STATE, pyt_future_set_result(cancelled, NULL));
    pyt_future_unref(future);
    pyt_future_unref(cancelled);
}

TEST(mistakes_with_several_futures_are_told_with_their_place) {
    pyt_future *future, *done, *no_futures[1] = {NULL};
    pyt_as_completed iterator;
    pyt_return_when third = (pyt_return_when)7;
    double nan = (double)NAN;
    pyt_set_misusehook(tell);
    IS_OK(pyt_future_new(&future));
    MISTAKE("no list", PYT_VALUE_ERROR, pyt_wait(NULL, 1, PYT_ALL_COMPLETED, NULL, NULL));
    MISTAKE("NULL in it", PYT_VALUE_ERROR, pyt_wait(no_futures, 1, PYT_ALL_COMPLETED, NULL, NULL));
    MISTAKE("until when?", PYT_VALUE_ERROR, pyt_wait(&future, 1, third, NULL, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR,
            pyt_wait_timeout(&future, 1, nan, PYT_ALL_COMPLETED, NULL, NULL));
    MISTAKE("too long", PYT_OVERFLOW_ERROR,
            pyt_wait_timeout(&future, 1, TOO_LONG, PYT_ALL_COMPLETED, NULL, NULL));
    ANSWER("not done", PYT_TIMEOUT,
           pyt_wait_timeout(&future, 1, 0.001, PYT_ALL_COMPLETED, NULL, NULL));
    MISTAKE("no iterator", PYT_VALUE_ERROR, pyt_as_completed_init(no_iterator, &future, 1));
    MISTAKE("no list", PYT_VALUE_ERROR, pyt_as_completed_init(&iterator, NULL, 1));
    MISTAKE("no number", PYT_VALUE_ERROR,
            pyt_as_completed_init_timeout(&iterator, &future, 1, nan));
    MISTAKE("no iterator", PYT_VALUE_ERROR, pyt_as_completed_next(no_iterator, &done));
    QUESTION(pyt_as_completed_index(no_iterator), SIZE_MAX);
    IS_OK(pyt_as_completed_init_timeout(&iterator, &future, 1, 0));
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_as_completed_next(&iterator, NULL));
    ANSWER("not done", PYT_TIMEOUT, pyt_as_completed_next(&iterator, &done));
    IS_OK(pyt_future_set_result(future, NULL));
    IS_OK(pyt_as_completed_next(&iterator, &done));
    ANSWER("no more", PYT_QUEUE_EMPTY, pyt_as_completed_next(&iterator, &done));
    pyt_as_completed_destroy(&iterator);
    MISTAKE("it has ended", PYT_VALUE_ERROR, pyt_as_completed_next(&iterator, &done));
    pyt_future_unref(future);
}

static int fail_to_begin(void *arg) {
    (void)arg;
    return 1;
}

static void *shut_its_own_down(void *arg) {
    MISTAKE("by a worker", PYT_RUNTIME_ERROR,
            pyt_executor_shutdown((pyt_executor *)arg, true, false));
    return NULL;
}

TEST(mistakes_with_executors_are_told_with_their_place) {
    pyt_executor *executor;
    pyt_executor_options few = {.max_workers = -1}, one = {.max_workers = 1};
    pyt_future *future;
    void *result = NULL, *args[1] = {NULL};
    double nan = (double)NAN;
    size_t failed;
    pyt_set_misusehook(tell);
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_executor_new(NULL, NULL));
    MISTAKE("no workers", PYT_VALUE_ERROR, pyt_executor_new(&executor, &few));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_executor_submit(no_executor, nothing, NULL, NULL));
    MISTAKE("NULL, map", PYT_VALUE_ERROR,
            pyt_executor_map(no_executor, nothing, args, 1, &result, &failed));
    MISTAKE("NULL, map soon", PYT_VALUE_ERROR,
            pyt_executor_map_timeout(no_executor, nothing, args, 1, 1, &result, &failed));
    MISTAKE("NULL is shut", PYT_VALUE_ERROR, pyt_executor_shutdown(no_executor, true, false));
    IS_OK(pyt_executor_new(&executor, &one));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_executor_submit(executor, NULL, NULL, NULL));
    MISTAKE("no function", PYT_VALUE_ERROR,
            pyt_executor_map(executor, NULL, args, 1, &result, &failed));
    MISTAKE("no items", PYT_VALUE_ERROR,
            pyt_executor_map(executor, nothing, NULL, 1, &result, &failed));
    MISTAKE("no number", PYT_VALUE_ERROR,
            pyt_executor_map_timeout(executor, nothing, args, 1, nan, &result, &failed));
    MISTAKE("too long", PYT_OVERFLOW_ERROR,
            pyt_executor_map_timeout(executor, nothing, args, 1, TOO_LONG, &result, &failed));
    IS_OK(pyt_executor_submit(executor, raise_in_task, NULL, &future));
    ANSWER("it raised", PYT_TASK_ERROR, pyt_future_result(future, &result));
    IS_OK(pyt_future_exception(future, NULL));
    MISTAKE("set by hand", PYT_INVALID_STATE, pyt_future_set_result(future, NULL));
    MISTAKE("run by hand", PYT_RUNTIME_ERROR, pyt_future_set_running_or_notify_cancel(future));
    pyt_future_unref(future);
    ANSWER("an item raised", PYT_TASK_ERROR,
           pyt_executor_map(executor, raise_in_task, args, 1, &result, &failed));
    IS_OK(pyt_executor_submit(executor, shut_its_own_down, executor, &future));
    IS_OK(pyt_future_result(future, NULL));
    pyt_future_unref(future);
    IS_OK(pyt_executor_shutdown(executor, true, false));
    IS_OK(pyt_executor_shutdown(executor, true, true));
    MISTAKE("it is shut", PYT_RUNTIME_ERROR, pyt_executor_submit(executor, nothing, NULL, NULL));
    MISTAKE("map, shut", PYT_RUNTIME_ERROR,
            pyt_executor_map(executor, nothing, args, 1, &result, &failed));
    pyt_executor_free(executor);
    one.initializer = fail_to_begin;
    IS_OK(pyt_executor_new(&executor, &one));
    IS_OK(pyt_executor_submit(executor, nothing, NULL, &future));
    ANSWER("it is broken", PYT_BROKEN_EXECUTOR, pyt_future_result(future, NULL));
    ANSWER("it is broken", PYT_BROKEN_EXECUTOR, pyt_executor_submit(executor, nothing, NULL, NULL));
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

static void copy(void *item, void *result) {
    *(int *)result = *(int *)item;
}

static void *join_its_own_pool(void *arg) {
    IS_OK(pyt_pool_close((pyt_pool *)arg));
    MISTAKE("by a worker", PYT_RUNTIME_ERROR, pyt_pool_join((pyt_pool *)arg));
    return NULL;
}

static int pool_items[2] = {1, 2}, pool_results[2];
static const pyt_pool_work pool_work = {.function = copy,
                                        .items = pool_items,
                                        .item_size = sizeof pool_items[0],
                                        .n = 2,
                                        .results = pool_results,
                                        .result_size = sizeof pool_results[0]};

TEST(mistakes_with_no_pool_are_told_with_their_place) {
    pyt_pool *pool;
    pyt_pool_options few = {.processes = -1};
    pyt_pool_iterator *iterator;
    pyt_async_result *ready;
    void *result = NULL;
    bool yes;
    pyt_set_misusehook(tell);
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_pool_new(NULL, NULL));
    MISTAKE("no workers", PYT_VALUE_ERROR, pyt_pool_new(&pool, &few));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_apply(no_pool, nothing, NULL, &result));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_apply_async(no_pool, nothing, NULL, NULL, &ready));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_map(no_pool, &pool_work, NULL));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_starmap(no_pool, &pool_work, NULL));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_map_async(no_pool, &pool_work, NULL, &ready));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_starmap_async(no_pool, &pool_work, NULL, &ready));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_imap(no_pool, &pool_work, &iterator));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_imap_unordered(no_pool, &pool_work, &iterator));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_iterator_next(NULL, NULL, NULL));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_pool_iterator_next_timeout(NULL, 1, NULL, NULL));
    MISTAKE("NULL is closed", PYT_VALUE_ERROR, pyt_pool_close(no_pool));
    MISTAKE("NULL is terminated", PYT_VALUE_ERROR, pyt_pool_terminate(no_pool));
    MISTAKE("NULL is joined", PYT_VALUE_ERROR, pyt_pool_join(no_pool));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_async_result_get(no_future, NULL));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_async_result_get_timeout(no_future, 1, NULL));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_async_result_wait(no_future));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_async_result_wait_timeout(no_future, 1));
    MISTAKE("NULL", PYT_VALUE_ERROR, pyt_async_result_successful(no_future, &yes));
}

TEST(mistakes_with_pools_are_told_with_their_place) {
    pyt_pool *pool;
    pyt_pool_options one = {.processes = 1};
    pyt_pool_iterator *iterator;
    pyt_async_result *ready;
    void *result = NULL;
    pyt_pool_work chunks = pool_work, large = pool_work, no_star = {.n = 2}, none_of_it = {.n = 1};
    chunks.chunksize = -1;
    large.n = SIZE_MAX / 2;
    pyt_set_misusehook(tell);
    IS_OK(pyt_pool_new(&pool, &one));
    MISTAKE("it is open", PYT_VALUE_ERROR, pyt_pool_join(pool));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_pool_apply(pool, NULL, NULL, &result));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_pool_apply_async(pool, NULL, NULL, NULL, &ready));
    MISTAKE("no work", PYT_VALUE_ERROR, pyt_pool_map(pool, NULL, NULL));
    MISTAKE("nothing in it", PYT_VALUE_ERROR, pyt_pool_map(pool, &none_of_it, NULL));
    MISTAKE("no function", PYT_VALUE_ERROR, pyt_pool_starmap(pool, &no_star, NULL));
    MISTAKE("a bad chunk", PYT_VALUE_ERROR, pyt_pool_map(pool, &chunks, NULL));
    MISTAKE("a bad chunk", PYT_VALUE_ERROR, pyt_pool_map_async(pool, &chunks, NULL, &ready));
    MISTAKE("a bad chunk", PYT_VALUE_ERROR, pyt_pool_imap(pool, &chunks, &iterator));
    MISTAKE("too much", PYT_OVERFLOW_ERROR, pyt_pool_map(pool, &large, NULL));
    MISTAKE("no place for it", PYT_VALUE_ERROR, pyt_pool_imap(pool, &pool_work, NULL));
    IS_OK(pyt_pool_imap(pool, &pool_work, &iterator));
    MISTAKE("no number", PYT_VALUE_ERROR,
            pyt_pool_iterator_next_timeout(iterator, (double)NAN, NULL, NULL));
    IS_OK(pyt_pool_iterator_next(iterator, NULL, NULL));
    IS_OK(pyt_pool_iterator_next(iterator, NULL, NULL));
    ANSWER("no more", PYT_QUEUE_EMPTY, pyt_pool_iterator_next(iterator, NULL, NULL));
    pyt_pool_iterator_destroy(iterator);
    ANSWER("it raised", PYT_TASK_ERROR, pyt_pool_apply(pool, raise_in_task, NULL, &result));
    IS_OK(pyt_pool_apply(pool, join_its_own_pool, pool, NULL));
    IS_OK(pyt_pool_close(pool));
    MISTAKE("it is closed", PYT_VALUE_ERROR, pyt_pool_apply(pool, nothing, NULL, &result));
    MISTAKE("it is closed", PYT_VALUE_ERROR, pyt_pool_map(pool, &pool_work, NULL));
    MISTAKE("it is closed", PYT_VALUE_ERROR, pyt_pool_imap(pool, &pool_work, &iterator));
    IS_OK(pyt_pool_join(pool));
    pyt_pool_free(pool);
}

TEST(mistakes_with_a_result_to_come_are_told_with_their_place) {
    pyt_async_result *result;
    bool successful;
    pyt_set_misusehook(tell);
    IS_OK(pyt_future_new(&result));
    MISTAKE("not ready", PYT_VALUE_ERROR, pyt_async_result_successful(result, &successful));
    MISTAKE("no place", PYT_VALUE_ERROR, pyt_async_result_successful(result, NULL));
    MISTAKE("no number", PYT_VALUE_ERROR, pyt_async_result_get_timeout(result, (double)NAN, NULL));
    MISTAKE("too long", PYT_OVERFLOW_ERROR, pyt_async_result_wait_timeout(result, TOO_LONG));
    ANSWER("not ready", PYT_TIMEOUT, pyt_async_result_get_timeout(result, 0, NULL));
    ANSWER("not ready", PYT_TIMEOUT, pyt_async_result_wait_timeout(result, 0));
    IS_OK(pyt_future_cancel(result));
    ANSWER("cancelled", PYT_CANCELLED, pyt_async_result_get(result, NULL));
    IS_OK(pyt_async_result_wait(result));
    IS_OK(pyt_async_result_successful(result, &successful));
    pyt_future_unref(result);
}

TEST(what_is_right_without_an_object_is_not_told) {
    pyt_set_misusehook(tell);
    CHECK(pyt_thread_ref(NULL) == NULL);
    CHECK(pyt_future_ref(NULL) == NULL);
    pyt_thread_unref(NULL);
    pyt_future_unref(NULL);
    pyt_executor_free(NULL);
    pyt_pool_free(NULL);
    pyt_pool_iterator_destroy(NULL);
    pyt_as_completed_destroy(NULL);
    pyt_dump_threads(NULL);
    CHECK_INT(pyt_enumerate(NULL, 0), 1);
    CHECK_INT(atomic_load(&told.count), 0);
}

static bool calls_the_library(void *arg) {
    pyt_condition *condition = arg;
    CHECK_STATUS(pyt_condition_notify(condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(condition), PYT_OK);
    return true;
}

static pyt_lock *tried(pyt_lock *lock) {
    CHECK_STATUS(pyt_lock_acquire(lock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(lock), PYT_OK);
    return lock;
}

TEST(a_call_keeps_its_place_when_an_argument_or_a_predicate_calls_the_library) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_condition over_lock;
    pyt_set_misusehook(tell);
    MISTAKE("released again", PYT_RUNTIME_ERROR, pyt_lock_release(tried(&lock)));
    MISTAKE("below 0", PYT_VALUE_ERROR, pyt_lock_acquire_timeout(tried(&lock), -1));
    CHECK_STATUS(pyt_condition_init_lock(&over_lock, &lock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&over_lock), PYT_OK);
    IS_OK(pyt_condition_wait_for(&over_lock, calls_the_library, &over_lock));
    MISTAKE("released inside", PYT_RUNTIME_ERROR, pyt_condition_notify(&over_lock));
}

/* ---- with and guard ---- */

static void check_told_of_block(const char *form, pyt_status status, int line) {
    CHECK_STATUS(told.status, status);
    CHECK_STR(told.message, pyt_error_message());
    CHECK_STR(told.call, form);
    CHECK_STR(told.file, __FILE__);
    CHECK_INT(told.line, line);
    CHECK_INT(atomic_exchange(&told.count, 0), 1);
}

/* The block of pyt_with for NULL, and the rest of the block after pyt_guard. */
#define NULL_IN_A_BLOCK(type)                                            \
    do {                                                                 \
        type *object = NULL;                                             \
        pyt_with(object) {                                               \
            test_fail(__FILE__, __LINE__, "entered");                    \
        }                                                                \
        check_told_of_block("pyt_with", PYT_VALUE_ERROR, __LINE__);      \
        {                                                                \
            pyt_guard(object);                                           \
            check_told_of_block("pyt_guard", PYT_VALUE_ERROR, __LINE__); \
        }                                                                \
        CHECK_INT(atomic_load(&told.count), 0);                          \
    } while (0)

TEST(a_with_block_and_a_guard_of_null_are_told_with_their_place) {
    pyt_set_misusehook(tell);
    NULL_IN_A_BLOCK(pyt_lock);
    NULL_IN_A_BLOCK(pyt_rlock);
    NULL_IN_A_BLOCK(pyt_condition);
    NULL_IN_A_BLOCK(pyt_semaphore);
    NULL_IN_A_BLOCK(pyt_bounded_semaphore);
}

TEST(a_with_block_of_an_rlock_whose_levels_are_used_up_is_told_and_runs) {
    pyt_rlock lock = PYT_RLOCK_INIT;
    int entered = 0;
    pyt_set_misusehook(tell);
    CHECK_STATUS(pyt_rlock_acquire(&lock), PYT_OK);
    lock.pyt__depth = UINT32_MAX;
    pyt_with(&lock) {
        check_told_of_block("pyt_with", PYT_OVERFLOW_ERROR, __LINE__ - 1);
        entered++;
    }
    CHECK_INT(lock.pyt__depth, UINT32_MAX);
    {
        pyt_guard(&lock);
        check_told_of_block("pyt_guard", PYT_OVERFLOW_ERROR, __LINE__ - 1);
        entered++;
    }
    lock.pyt__depth = 1;
    IS_OK(pyt_rlock_release(&lock));
    CHECK_INT(entered, 2);
}

/* A block in which its object is released already, so that the release at its end fails. */
#define RELEASED_INSIDE(type, initializer, failure)            \
    do {                                                       \
        type object = initializer;                             \
        pyt_with(&object) {                                    \
            IS_OK(type##_release(&object));                    \
        }                                                      \
        check_told_of_block("pyt_with", (failure), __LINE__);  \
        pyt_with(&object) {                                    \
            IS_OK(type##_release(&object));                    \
            break;                                             \
        }                                                      \
        check_told_of_block("pyt_with", (failure), __LINE__);  \
        {                                                      \
            pyt_guard(&object);                                \
            IS_OK(type##_release(&object));                    \
        }                                                      \
        check_told_of_block("pyt_guard", (failure), __LINE__); \
    } while (0)

TEST(a_block_that_has_released_its_object_already_is_told_with_the_place_of_the_block) {
    pyt_set_misusehook(tell);
    RELEASED_INSIDE(pyt_lock, PYT_LOCK_INIT, PYT_RUNTIME_ERROR);
    RELEASED_INSIDE(pyt_rlock, PYT_RLOCK_INIT, PYT_RUNTIME_ERROR);
    RELEASED_INSIDE(pyt_condition, PYT_CONDITION_INIT, PYT_RUNTIME_ERROR);
    RELEASED_INSIDE(pyt_bounded_semaphore, PYT_BOUNDED_SEMAPHORE_INIT(1), PYT_VALUE_ERROR);
}

TEST(a_block_that_releases_what_it_holds_tells_of_nothing_that_failed_inside) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
    pyt_set_misusehook(tell);
    pyt_with(&lock) {
        pyt_with(&semaphore) {
            MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_lock_release(no_lock));
        }
        pyt_guard(&semaphore);
        MISTAKE("NULL is released", PYT_VALUE_ERROR, pyt_lock_release(no_lock));
    }
    CHECK_INT(atomic_load(&told.count), 0);
    CHECK(!pyt_lock_locked(&lock));
    CHECK_INT(pyt_semaphore_value(&semaphore), 1);
}

#if defined(PYTHREADING_DUMMY)
TEST(without_threads_a_with_block_of_a_semaphore_at_zero_is_told_and_runs) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    bool entered = false;
    pyt_set_misusehook(tell);
    pyt_with(&semaphore) {
        check_told_of_block("pyt_with", PYT_RUNTIME_ERROR, __LINE__ - 1);
        entered = true;
    }
    CHECK(entered);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
    CHECK_INT(atomic_load(&told.count), 0);
}
#endif

/* ---- the hook ---- */

static int deep;

/* A hook that waits, takes locks, starts threads and makes mistakes itself. */
static void use_the_library(const pyt_misuse_args *args) {
    static pyt_lock lock;
    CHECK_INT(++deep, 1);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_sleep(0.001), PYT_OK);
    test_join(test_thread(nothing, NULL));
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    errno = EDOM;
    tell(args);
    deep--;
}

static void make_a_mistake_with_that_hook(void *arg) {
    pyt_event event = PYT_EVENT_INIT;
    (void)arg;
    pyt_set_misusehook(use_the_library);
    errno = 0;
    for (int i = 0; i < 3; i++) {
        MISTAKE("no number", PYT_VALUE_ERROR, pyt_event_wait_timeout(&event, (double)NAN));
        CHECK_STR(pyt_error_message(), "timeout value is not a number");
        CHECK_INT(errno, 0);
    }
}

static int lines_of(const char *text) {
    int lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

TEST(a_hook_may_use_the_library_and_its_own_mistakes_are_printed, NEEDS_PROCESSES) {
    char output[4000];
    CHECK_INT(test_child(make_a_mistake_with_that_hook, NULL, output, sizeof output), 0);
    CHECK_INT(lines_of(output), 6);
    CHECK(strstr(output, ": RuntimeError in pyt_lock_release: cannot release un-acquired lock\n"));
    CHECK(strstr(output, ": RuntimeError in pyt_thread_join: cannot join current thread\n"));
}

static int mistake_line;

static void make_mistakes(void *hook) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_set_misusehook(tell);
    pyt_set_misusehook((pyt_misusehook)(uintptr_t)hook);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    mistake_line = __LINE__ - 1;
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
}

TEST(without_a_hook_one_line_is_printed, NEEDS_PROCESSES) {
    char output[1000], expected[1000];
    int code = test_child(make_mistakes, NULL, output, sizeof output);
    pyt_set_misusehook(tell);
    make_mistakes((void *)(uintptr_t)tell);
    snprintf(expected, sizeof expected,
             "%s:%d: RuntimeError in pyt_lock_release: cannot release un-acquired lock\n", __FILE__,
             mistake_line);
    CHECK_INT(code, 0);
    CHECK_STR(output, expected);
}

static void raise_in_hook(const pyt_misuse_args *args) {
    pyt_raise((int)args->status, args->message);
}

static void *release_a_free_lock(void *arg) {
    pyt_lock lock = PYT_LOCK_INIT;
    (void)arg;
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    return NULL;
}

TEST(a_hook_may_raise_and_the_next_mistake_is_told_again) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_executor *executor;
    pyt_set_misusehook(raise_in_hook);
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}), PYT_OK);
    for (int i = 0; i < 3; i++) {
        pyt_future *future;
        pyt_exception exception;
        CHECK_STATUS(pyt_executor_submit(executor, release_a_free_lock, NULL, &future), PYT_OK);
        CHECK_STATUS(pyt_future_exception(future, &exception), PYT_OK);
        CHECK_INT(exception.code, PYT_RUNTIME_ERROR);
        CHECK_STR(exception.message, "cannot release un-acquired lock");
        pyt_future_unref(future);
    }
    pyt_executor_free(executor);
    pyt_set_misusehook(tell);
    MISTAKE("it is free", PYT_RUNTIME_ERROR, pyt_lock_release(&lock));
}

#endif
