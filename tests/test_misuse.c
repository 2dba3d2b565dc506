/* The misusehook: in the debug build each mistake is told, in the others none. PYT_MUST. */
#include <errno.h>
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

static void check_told(const char *call, pyt_status status, const char *file, int line) {
    if (atomic_exchange(&told.count, 0) != 1 || told.status != status || told.line != line ||
        strcmp(told.call, call) != 0 || strcmp(told.file, file) != 0 ||
        strcmp(told.message, pyt_error_message()) != 0) {
        test_fail(file, line, "%s: told of %s in %s at %s:%d: %s", call,
                  pyt_status_name(told.status), told.call, told.file, told.line, told.message);
    }
}

/* The call fails in this way and the hook is told so, once and of this place. */
#define MISTAKE(call, status, ...)                       \
    do {                                                 \
        CHECK_STATUS(call(__VA_ARGS__), (status));       \
        check_told(#call, (status), __FILE__, __LINE__); \
    } while (0)

/* The call ends in this way, and that is no mistake. */
#define ANSWER(expression, status)              \
    do {                                        \
        CHECK_STATUS(expression, (status));     \
        CHECK_INT(atomic_load(&told.count), 0); \
    } while (0)

TEST(a_mistake_with_a_lock_is_told_with_its_place) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_set_misusehook(tell);
    MISTAKE(pyt_lock_release, PYT_RUNTIME_ERROR, &lock);
    CHECK_STR(told.message, "cannot release un-acquired lock");
    MISTAKE(pyt_lock_release, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_lock_acquire, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_lock_acquire_nowait, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_lock_acquire_timeout, PYT_VALUE_ERROR, &lock, -1);
    MISTAKE(pyt_lock_acquire_timeout, PYT_VALUE_ERROR, &lock, (double)NAN);
    MISTAKE(pyt_lock_acquire_timeout, PYT_OVERFLOW_ERROR, &lock, HUGE_VAL);
    ANSWER(pyt_lock_acquire(&lock), PYT_OK);
    ANSWER(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    ANSWER(pyt_lock_acquire_timeout(&lock, 0.001), PYT_TIMEOUT);
    ANSWER(pyt_lock_release(&lock), PYT_OK);
}

TEST(a_mistake_with_an_rlock_is_told_with_its_place) {
    pyt_rlock lock = PYT_RLOCK_INIT;
    pyt_set_misusehook(tell);
    MISTAKE(pyt_rlock_release, PYT_RUNTIME_ERROR, &lock);
    MISTAKE(pyt_rlock_acquire, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_rlock_acquire_nowait, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_rlock_acquire_timeout, PYT_VALUE_ERROR, &lock, -0.5);
    ANSWER(pyt_rlock_acquire(&lock), PYT_OK);
    lock.pyt__depth = UINT32_MAX;
    MISTAKE(pyt_rlock_acquire, PYT_OVERFLOW_ERROR, &lock);
    lock.pyt__depth = 1;
    ANSWER(pyt_rlock_release(&lock), PYT_OK);
}

TEST(a_notify_and_a_wait_without_the_lock_are_told_with_their_place) {
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_set_misusehook(tell);
    MISTAKE(pyt_condition_notify, PYT_RUNTIME_ERROR, &condition);
    MISTAKE(pyt_condition_notify_n, PYT_RUNTIME_ERROR, &condition, 2);
    MISTAKE(pyt_condition_notify_all, PYT_RUNTIME_ERROR, &condition);
    MISTAKE(pyt_condition_wait, PYT_RUNTIME_ERROR, &condition);
    MISTAKE(pyt_condition_wait_timeout, PYT_RUNTIME_ERROR, &condition, 1);
    MISTAKE(pyt_condition_wait_for, PYT_RUNTIME_ERROR, &condition, never, NULL);
    MISTAKE(pyt_condition_wait_for_timeout, PYT_RUNTIME_ERROR, &condition, never, NULL, 1);
    MISTAKE(pyt_condition_release, PYT_RUNTIME_ERROR, &condition);
    MISTAKE(pyt_condition_acquire_nowait, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_condition_acquire_timeout, PYT_VALUE_ERROR, &condition, -1);
    ANSWER(pyt_condition_acquire(&condition), PYT_OK);
    ANSWER(pyt_condition_notify(&condition), PYT_OK);
    ANSWER(pyt_condition_wait_timeout(&condition, 0.001), PYT_TIMEOUT);
    ANSWER(pyt_condition_release(&condition), PYT_OK);
}

TEST(mistakes_with_semaphores_events_and_barriers_are_told_with_their_place) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
    pyt_barrier barrier = PYT_BARRIER_INIT(2);
    pyt_set_misusehook(tell);
    MISTAKE(pyt_semaphore_init, PYT_VALUE_ERROR, &semaphore, -1);
    MISTAKE(pyt_semaphore_release_n, PYT_VALUE_ERROR, &semaphore, 0);
    MISTAKE(pyt_semaphore_acquire_timeout, PYT_VALUE_ERROR, &semaphore, (double)NAN);
    MISTAKE(pyt_bounded_semaphore_release, PYT_VALUE_ERROR, &bounded);
    MISTAKE(pyt_event_wait_timeout, PYT_OVERFLOW_ERROR, &(pyt_event)PYT_EVENT_INIT, 1e12);
    MISTAKE(pyt_event_set, PYT_VALUE_ERROR, NULL);
    MISTAKE(pyt_barrier_init, PYT_VALUE_ERROR, &barrier, 0, NULL);
    ANSWER(pyt_semaphore_acquire_nowait(&semaphore), PYT_TIMEOUT);
    ANSWER(pyt_barrier_wait_timeout(&barrier, 0.001, NULL), PYT_BROKEN_BARRIER);
}

static void *nothing(void *arg) {
    return arg;
}

static void act(void *arg) {
    (void)arg;
}

TEST(mistakes_with_threads_are_told_with_their_place) {
    pyt_thread *thread, *timer;
    pyt_set_misusehook(tell);
    MISTAKE(pyt_thread_new, PYT_VALUE_ERROR, NULL, NULL);
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}), PYT_OK);
    MISTAKE(pyt_thread_join, PYT_RUNTIME_ERROR, thread);
    MISTAKE(pyt_thread_join, PYT_RUNTIME_ERROR, pyt_current_thread());
    ANSWER(pyt_thread_start(thread), PYT_OK);
    MISTAKE(pyt_thread_start, PYT_RUNTIME_ERROR, thread);
    ANSWER(pyt_thread_join(thread), PYT_OK);
    MISTAKE(pyt_thread_set_daemon, PYT_RUNTIME_ERROR, thread, true);
    MISTAKE(pyt_set_stack_size, PYT_VALUE_ERROR, 1);
    MISTAKE(pyt_timer_new, PYT_VALUE_ERROR, &timer, (double)NAN, act, NULL);
    MISTAKE(pyt_sleep, PYT_VALUE_ERROR, -1);
    MISTAKE(pyt_start_new_thread, PYT_VALUE_ERROR, NULL, NULL, NULL);
    ANSWER(pyt_interrupt_main(), PYT_OK);
    ANSWER(pyt_sleep(0), PYT_INTERRUPTED);
    pyt_thread_unref(thread);
}

TEST(a_local_that_cannot_be_had_is_told_with_its_place) {
    pyt_set_misusehook(tell);
    CHECK(pyt_local_get(NULL) == NULL);
    check_told("pyt_local_get", PYT_VALUE_ERROR, __FILE__, __LINE__ - 1);
}

TEST(mistakes_with_queues_and_schedulers_are_told_with_their_place) {
    pyt_queue queue;
    pyt_scheduler scheduler;
    int item = 1;
    pyt_set_misusehook(tell);
    ANSWER(pyt_queue_init(&queue, sizeof item, 1), PYT_OK);
    MISTAKE(pyt_queue_task_done, PYT_VALUE_ERROR, &queue);
    MISTAKE(pyt_queue_get_timeout, PYT_VALUE_ERROR, &queue, &item, -1);
    MISTAKE(pyt_queue_put, PYT_VALUE_ERROR, NULL, &item);
    ANSWER(pyt_queue_get_nowait(&queue, &item), PYT_QUEUE_EMPTY);
    ANSWER(pyt_queue_put_nowait(&queue, &item), PYT_OK);
    ANSWER(pyt_queue_put_nowait(&queue, &item), PYT_QUEUE_FULL);
    ANSWER(pyt_queue_shutdown(&queue, true), PYT_OK);
    ANSWER(pyt_queue_put(&queue, &item), PYT_QUEUE_SHUT_DOWN);
    ANSWER(pyt_queue_destroy(&queue), PYT_OK);
    ANSWER(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    MISTAKE(pyt_scheduler_enter, PYT_VALUE_ERROR, &scheduler, (double)NAN, 0, act, NULL, NULL);
    MISTAKE(pyt_scheduler_run, PYT_VALUE_ERROR, NULL);
    ANSWER(pyt_scheduler_destroy(&scheduler), PYT_OK);
}

static void *raise_in_task(void *arg) {
    (void)arg;
    pyt_raise(3, "three");
}

TEST(mistakes_with_executors_and_pools_are_told_with_their_place) {
    pyt_executor *executor;
    pyt_future *future;
    pyt_pool *pool;
    void *result;
    pyt_set_misusehook(tell);
    MISTAKE(pyt_executor_new, PYT_VALUE_ERROR, NULL, NULL);
    ANSWER(pyt_executor_new(&executor, NULL), PYT_OK);
    ANSWER(pyt_executor_submit(executor, raise_in_task, NULL, &future), PYT_OK);
    ANSWER(pyt_future_result(future, &result), PYT_TASK_ERROR);
    ANSWER(pyt_future_set_result(future, NULL), PYT_INVALID_STATE);
    MISTAKE(pyt_future_result_timeout, PYT_VALUE_ERROR, future, (double)NAN, &result);
    ANSWER(pyt_executor_shutdown(executor, true, false), PYT_OK);
    MISTAKE(pyt_executor_submit, PYT_RUNTIME_ERROR, executor, nothing, NULL, NULL);
    pyt_future_unref(future);
    pyt_executor_free(executor);
    ANSWER(pyt_pool_new(&pool, NULL), PYT_OK);
    MISTAKE(pyt_pool_join, PYT_VALUE_ERROR, pool);
    ANSWER(pyt_pool_close(pool), PYT_OK);
    MISTAKE(pyt_pool_apply, PYT_VALUE_ERROR, pool, nothing, NULL, &result);
    pyt_pool_free(pool);
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
    MISTAKE(pyt_lock_release, PYT_RUNTIME_ERROR, tried(&lock));
    MISTAKE(pyt_lock_acquire_timeout, PYT_VALUE_ERROR, tried(&lock), -1);
    CHECK_STATUS(pyt_condition_init_lock(&over_lock, &lock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&over_lock), PYT_OK);
    ANSWER(pyt_condition_wait_for(&over_lock, calls_the_library, &over_lock), PYT_OK);
    MISTAKE(pyt_condition_notify, PYT_RUNTIME_ERROR, &over_lock);
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
    ANSWER(pyt_rlock_release(&lock), PYT_OK);
    CHECK_INT(entered, 2);
}

/* A block in which its object is released already, so that the release at its end fails. */
#define RELEASED_INSIDE(type, initializer, failure)            \
    do {                                                       \
        type object = initializer;                             \
        pyt_with(&object) {                                    \
            ANSWER(type##_release(&object), PYT_OK);           \
        }                                                      \
        check_told_of_block("pyt_with", (failure), __LINE__);  \
        pyt_with(&object) {                                    \
            ANSWER(type##_release(&object), PYT_OK);           \
            break;                                             \
        }                                                      \
        check_told_of_block("pyt_with", (failure), __LINE__);  \
        {                                                      \
            pyt_guard(&object);                                \
            ANSWER(type##_release(&object), PYT_OK);           \
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
            MISTAKE(pyt_lock_release, PYT_VALUE_ERROR, NULL);
        }
        pyt_guard(&semaphore);
        MISTAKE(pyt_lock_release, PYT_VALUE_ERROR, NULL);
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
        MISTAKE(pyt_event_wait_timeout, PYT_VALUE_ERROR, &event, (double)NAN);
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
    MISTAKE(pyt_lock_release, PYT_RUNTIME_ERROR, &lock);
}

#endif
