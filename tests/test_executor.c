/* ThreadPoolExecutor: submit, map, shutdown, what breaks it, exit and fork. */
#define _GNU_SOURCE
#include <math.h>
#include <stdatomic.h>
#if !defined(_WIN32)
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

#include "test.h"

static pyt_executor *made_with(const pyt_executor_options *options) {
    pyt_executor *executor = NULL;
    CHECK_STATUS(pyt_executor_new(&executor, options), PYT_OK);
    return executor;
}

static pyt_executor *made(int max_workers) {
    return made_with(&(pyt_executor_options){.max_workers = max_workers});
}

static pyt_future *submitted(pyt_executor *executor, void *(*function)(void *), void *arg) {
    pyt_future *future = NULL;
    CHECK_STATUS(pyt_executor_submit(executor, function, arg, &future), PYT_OK);
    CHECK(future != NULL);
    return future;
}

/* Check what became of a future, and let it go. */
static void ends_with(pyt_future *future, pyt_status status) {
    CHECK_STATUS(pyt_future_result(future, NULL), status);
    CHECK(pyt_future_done(future));
    pyt_future_unref(future);
}

static void *same(void *arg) {
    return arg;
}

static void *raise_seven(void *arg) {
    pyt_raise(7, arg);
}

static void *leave(void *arg) {
    (void)arg;
    pyt_exit();
}

static void *wait_for_event(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    return arg;
}

static void *count_up(void *arg) {
    atomic_fetch_add((atomic_int *)arg, 1);
    return arg;
}

static char value[2];

/* ---- submit --------------------------------------------------------------------------------- */

TEST(a_task_runs_in_a_worker_and_its_result_arrives) {
    pyt_executor *executor = made(2);
    pyt_future *future = submitted(executor, same, &value[1]);
    void *result = NULL;
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == &value[1]);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

TEST(a_task_that_raises_fails_its_future_and_the_worker_lives_on) {
    pyt_executor *executor = made(1);
    pyt_exception exception;
    pyt_future *future = submitted(executor, raise_seven, "out of paper");
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "out of paper");
    CHECK_STATUS(pyt_future_exception(future, &exception), PYT_OK);
    CHECK_INT(exception.code, 7);
    pyt_future_unref(future);
    ends_with(submitted(executor, same, NULL), PYT_OK);
    pyt_executor_free(executor);
}

TEST(a_task_that_exits_returns_null, NEEDS_EXIT) {
    pyt_executor *executor = made(1);
    pyt_future *future = submitted(executor, leave, NULL);
    void *result = &value[1];
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == NULL);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

TEST(bad_input_to_an_executor_is_refused) {
    pyt_executor *executor = (pyt_executor *)value;
    pyt_future *future = (pyt_future *)value;
    void *args[1] = {NULL};
    CHECK_STATUS(pyt_executor_new(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = -1}),
                 PYT_VALUE_ERROR);
    CHECK(executor == NULL);
    CHECK_STATUS(pyt_executor_submit(NULL, same, NULL, &future), PYT_VALUE_ERROR);
    CHECK(future == NULL);
    CHECK_STATUS(pyt_executor_shutdown(NULL, true, true), PYT_VALUE_ERROR);
    pyt_executor_free(NULL);
    executor = made(1);
    CHECK_STATUS(pyt_executor_submit(executor, NULL, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_map(NULL, same, args, 1, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_map(executor, NULL, args, 1, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_map(executor, same, NULL, 1, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_map_timeout(executor, same, args, 1, (double)NAN, NULL, NULL),
                 PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_executor_map_timeout(executor, same, args, 1, 1e30, NULL, NULL),
                 PYT_OVERFLOW_ERROR);
    pyt_executor_free(executor);
}

TEST(a_task_of_an_executor_is_completed_by_its_worker_only, NEEDS_THREADS) {
    pyt_executor *executor = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    pyt_future *future = submitted(executor, wait_for_event, &gate);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_set_exception(future, 1, "x"), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_RUNTIME_ERROR);
    pyt_event_set(&gate);
    ends_with(future, PYT_OK);
    pyt_executor_free(executor);
}

TEST(tasks_of_one_worker_run_in_the_order_of_submission) {
    enum {
        TASKS = 3000
    };
    static int order[TASKS];
    pyt_executor *executor = made(1);
    for (int i = 0; i < TASKS; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, same, &order[i], NULL), PYT_OK);
    }
    ends_with(submitted(executor, same, NULL), PYT_OK);
    pyt_executor_free(executor);
}

static int next_number;

static void *take_number(void *arg) {
    CHECK_INT(next_number, *(int *)arg);
    next_number++;
    return NULL;
}

TEST(a_single_worker_takes_one_task_after_the_other) {
    enum {
        TASKS = 3000
    };
    static int numbers[TASKS];
    pyt_executor *executor = made(1);
    for (int i = 0; i < TASKS; i++) {
        numbers[i] = i;
        CHECK_STATUS(pyt_executor_submit(executor, take_number, &numbers[i], NULL), PYT_OK);
    }
    pyt_executor_free(executor);
    CHECK_INT(next_number, TASKS);
}

/* ---- workers -------------------------------------------------------------------------------- */

static size_t workers_of(const char *prefix) {
    pyt_thread *list[64];
    size_t n = pyt_enumerate(list, 64), found = 0;
    for (size_t i = 0; i < n && i < 64; i++) {
        found += strncmp(pyt_thread_name(list[i]), prefix, strlen(prefix)) == 0;
        pyt_thread_unref(list[i]);
    }
    return found;
}

TEST(workers_are_started_on_demand_and_named, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_executor *executor =
        made_with(&(pyt_executor_options){.max_workers = 3, .thread_name_prefix = "crew"});
    CHECK_INT(workers_of("crew_"), 0);
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, wait_for_event, &gate, NULL), PYT_OK);
        CHECK_INT(workers_of("crew_"), i < 3 ? i + 1 : 3);
    }
    CHECK_INT(workers_of("crew_0"), 1);
    CHECK_INT(workers_of("crew_1"), 1);
    CHECK_INT(workers_of("crew_2"), 1);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    CHECK_INT(workers_of("crew_"), 0);
    pyt_executor_free(executor);
}

/* A worker that has just given a result may not be idle yet: it is tried until it was. */
TEST(an_idle_worker_is_used_before_another_is_started, NEEDS_THREADS) {
    bool used = false;
    while (!used) {
        pyt_executor *executor =
            made_with(&(pyt_executor_options){.max_workers = 8, .thread_name_prefix = "few"});
        ends_with(submitted(executor, same, NULL), PYT_OK);
        test_sleep(0.002);
        ends_with(submitted(executor, same, NULL), PYT_OK);
        used = workers_of("few_") == 1;
        pyt_executor_free(executor);
    }
}

static void *name_of_worker(void *arg) {
    (void)arg;
    return (void *)(uintptr_t)pyt_thread_name(pyt_current_thread());
}

TEST_ALONE(an_executor_without_a_name_is_given_one, NEEDS_THREADS) {
    for (int i = 0; i < 2; i++) {
        pyt_executor *executor =
            made_with(i == 0 ? NULL : &(pyt_executor_options){.thread_name_prefix = ""});
        pyt_future *future = submitted(executor, name_of_worker, NULL);
        void *name;
        CHECK_STATUS(pyt_future_result(future, &name), PYT_OK);
        CHECK_STR(name, i == 0 ? "ThreadPoolExecutor-0_0" : "ThreadPoolExecutor-1_0");
        pyt_future_unref(future);
        pyt_executor_free(executor);
    }
}

static atomic_int initialized;

static int initialize(void *arg) {
    CHECK(arg == &value[1]);
    atomic_fetch_add(&initialized, 1);
    return 0;
}

static void *see_initialized(void *arg) {
    (void)arg;
    CHECK(atomic_load(&initialized) > 0);
    return NULL;
}

TEST(the_initializer_runs_first_in_each_worker, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_executor *executor = made_with(
        &(pyt_executor_options){.max_workers = 3, .initializer = initialize, .arg = &value[1]});
    ends_with(submitted(executor, see_initialized, NULL), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, wait_for_event, &gate, NULL), PYT_OK);
    }
    pyt_event_set(&gate);
    pyt_executor_free(executor);
    CHECK_INT(initialized, 3);
}

static pyt_event initializer_gate;

static int fail_to_initialize(void *arg) {
    pyt_event_wait(&initializer_gate);
    if (arg != NULL) {
        pyt_raise(1, arg);
    }
    return 1;
}

static atomic_int called_back;

static void count_callback(pyt_future *future, void *arg) {
    (void)future, (void)arg;
    atomic_fetch_add(&called_back, 1);
}

static void an_initializer_that_fails(const char *message) {
    pyt_executor *executor = made_with(&(pyt_executor_options){
        .max_workers = 1, .initializer = fail_to_initialize, .arg = (void *)(uintptr_t)message});
    pyt_future *futures[10];
    pyt_exception exception;
    pyt_event_clear(&initializer_gate);
    called_back = 0;
    for (int i = 0; i < 10; i++) {
        futures[i] = submitted(executor, same, NULL);
        CHECK_STATUS(pyt_future_add_done_callback(futures[i], count_callback, NULL), PYT_OK);
    }
    CHECK_STATUS(pyt_future_cancel(futures[3]), PYT_OK);
    pyt_event_set(&initializer_gate);
    CHECK_STATUS(pyt_future_exception(futures[9], &exception), PYT_OK);
    CHECK_INT(exception.status, PYT_BROKEN_EXECUTOR);
    CHECK_INT(exception.code, 0);
    CHECK_STR(exception.message, message != NULL ? message : pyt_strerror(PYT_BROKEN_EXECUTOR));
    for (int i = 0; i < 10; i++) {
        ends_with(futures[i], i == 3 ? PYT_CANCELLED : PYT_BROKEN_EXECUTOR);
    }
    CHECK_STATUS(pyt_executor_submit(executor, same, NULL, NULL), PYT_BROKEN_EXECUTOR);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    CHECK_INT(called_back, 10);
    CHECK_STATUS(pyt_executor_submit(executor, same, NULL, NULL), PYT_BROKEN_EXECUTOR);
    pyt_executor_free(executor);
}

TEST(an_initializer_that_fails_breaks_the_executor, NEEDS_THREADS) {
    an_initializer_that_fails(NULL);
}

static int exit_from_the_initializer(void *arg) {
    (void)arg;
    pyt_exit();
}

TEST(an_initializer_that_exits_breaks_the_executor, NEEDS_EXIT) {
    pyt_executor *executor = made_with(
        &(pyt_executor_options){.max_workers = 1, .initializer = exit_from_the_initializer});
    ends_with(submitted(executor, same, NULL), PYT_BROKEN_EXECUTOR);
    pyt_executor_free(executor);
}

TEST(an_initializer_that_raises_breaks_the_executor, NEEDS_THREADS) {
    an_initializer_that_fails("no licence");
}

/* ---- map ------------------------------------------------------------------------------------ */

static void *double_it(void *arg) {
    int *number = arg;
    if (*number < 0) {
        pyt_raise(*number, "negative");
    }
    if (*number % 3 == 0) {
        test_yield();
    }
    return (void *)(uintptr_t)(*number * 2);
}

enum {
    ITEMS = 100
};

static int items[ITEMS];
static void *item_places[ITEMS];
static void *results[ITEMS];

static void fill_items(void) {
    for (int i = 0; i < ITEMS; i++) {
        items[i] = i;
        item_places[i] = &items[i];
        results[i] = &value[0];
    }
}

TEST(map_gives_the_results_in_the_order_of_the_arguments) {
    pyt_executor *executor = made(4);
    size_t failed = 0;
    fill_items();
    CHECK_STATUS(pyt_executor_map(executor, double_it, item_places, ITEMS, results, &failed),
                 PYT_OK);
    CHECK_INT(failed, ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        CHECK_INT((uintptr_t)results[i], i * 2);
    }
    CHECK_STATUS(pyt_executor_map(executor, double_it, item_places, ITEMS, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_map(executor, double_it, NULL, 0, NULL, &failed), PYT_OK);
    CHECK_INT(failed, 0);
    pyt_executor_free(executor);
}

TEST(a_failure_in_map_comes_at_its_place) {
    pyt_executor *executor = made(4);
    size_t failed = 0;
    fill_items();
    items[40] = -1;
    items[60] = -2;
    CHECK_STATUS(pyt_executor_map(executor, double_it, item_places, ITEMS, results, &failed),
                 PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "negative");
    CHECK_INT(failed, 40);
    for (int i = 0; i < ITEMS; i++) {
        CHECK(i < 40 ? (uintptr_t)results[i] == (uintptr_t)i * 2 : results[i] == &value[0]);
    }
    pyt_executor_free(executor);
}

TEST(map_that_is_out_of_time_cancels_what_has_not_begun, NEEDS_THREADS) {
    pyt_executor *executor = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    atomic_int count = 0;
    void *args[] = {&gate};
    void *counts[] = {&count, &count, &count};
    size_t failed = 9;
    double begin = test_now();
    CHECK_STATUS(pyt_executor_submit(executor, wait_for_event, &gate, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_map_timeout(executor, count_up, counts, 3, 0.05, NULL, &failed),
                 PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - begin, 0.05, 5);
    CHECK_INT(failed, 0);
    CHECK_STATUS(pyt_executor_map_timeout(executor, wait_for_event, args, 1, 0, NULL, NULL),
                 PYT_TIMEOUT);
    pyt_event_set(&gate);
    pyt_executor_free(executor);
    CHECK_INT(count, 0);
}

TEST(map_after_shutdown_submits_nothing) {
    pyt_executor *executor = made(1);
    fill_items();
    CHECK_STATUS(pyt_executor_shutdown(executor, false, false), PYT_OK);
    CHECK_STATUS(pyt_executor_map(executor, double_it, item_places, ITEMS, NULL, NULL),
                 PYT_RUNTIME_ERROR);
    pyt_executor_free(executor);
}

/* ---- shutdown ------------------------------------------------------------------------------- */

TEST(shutdown_in_its_four_forms, NEEDS_THREADS) {
    for (int form = 0; form < 4; form++) {
        bool wait = form & 1, cancel = form & 2;
        pyt_event gate = PYT_EVENT_INIT;
        atomic_int count = 0;
        pyt_executor *executor = made(1);
        pyt_future *blocker = submitted(executor, wait_for_event, &gate);
        while (!pyt_future_running(blocker)) {
            test_yield();
        }
        pyt_future *futures[20];
        for (int i = 0; i < 20; i++) {
            futures[i] = submitted(executor, count_up, &count);
        }
        CHECK_STATUS(pyt_executor_shutdown(executor, false, cancel), PYT_OK);
        CHECK_STATUS(pyt_executor_submit(executor, same, NULL, NULL), PYT_RUNTIME_ERROR);
        CHECK_INT(pyt_future_cancelled(futures[19]), cancel);
        pyt_event_set(&gate);
        if (wait) {
            CHECK_STATUS(pyt_executor_shutdown(executor, true, cancel), PYT_OK);
            CHECK(pyt_future_done(blocker));
            CHECK(pyt_future_done(futures[19]));
        }
        ends_with(blocker, PYT_OK);
        for (int i = 0; i < 20; i++) {
            ends_with(futures[i], cancel ? PYT_CANCELLED : PYT_OK);
        }
        CHECK_INT(count, cancel ? 0 : 20);
        CHECK_STATUS(pyt_executor_shutdown(executor, true, true), PYT_OK);
        CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
        pyt_executor_free(executor);
    }
}

TEST(wait_counts_what_shutdown_has_cancelled, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_executor *executor = made(1);
    pyt_future *futures[3] = {submitted(executor, wait_for_event, &gate)};
    while (!pyt_future_running(futures[0])) {
        test_yield();
    }
    futures[1] = submitted(executor, same, NULL);
    futures[2] = submitted(executor, same, NULL);
    CHECK_STATUS(pyt_executor_shutdown(executor, false, true), PYT_OK);
    CHECK_STATUS(pyt_wait(&futures[1], 2, PYT_ALL_COMPLETED, NULL, NULL), PYT_OK);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_wait(futures, 3, PYT_ALL_COMPLETED, NULL, NULL), PYT_OK);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(futures[i]);
    }
    pyt_executor_free(executor);
}

TEST(a_cancelled_task_does_not_run, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    atomic_int count = 0;
    pyt_executor *executor = made(1);
    CHECK_STATUS(pyt_executor_submit(executor, wait_for_event, &gate, NULL), PYT_OK);
    pyt_future *future = submitted(executor, count_up, &count);
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    pyt_event_set(&gate);
    ends_with(future, PYT_CANCELLED);
    pyt_executor_free(executor);
    CHECK_INT(count, 0);
}

TEST(waiting_for_shutdown_can_be_interrupted_and_taken_up_again, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_executor *executor = made(1);
    CHECK_STATUS(pyt_executor_submit(executor, wait_for_event, &gate, NULL), PYT_OK);
    pyt_interrupt_main();
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_INTERRUPTED);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    pyt_executor_free(executor);
}

static atomic_int worked;

static void *work_slowly(void *arg) {
    test_sleep(0.001);
    atomic_fetch_add(&worked, 1);
    return arg;
}

TEST(an_executor_that_is_freed_finishes_its_queue_first) {
    pyt_executor *executor = made(2);
    pyt_future *last = NULL;
    for (int i = 0; i < 50; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, work_slowly, NULL, i == 49 ? &last : NULL),
                     PYT_OK);
    }
    pyt_executor_free(executor);
    CHECK_INT(worked, 50);
    ends_with(last, PYT_OK);
}

struct inside {
    pyt_executor *executor;
    atomic_int *count;
};

static void *use_from_inside(void *arg) {
    struct inside *inside = arg;
    CHECK_STATUS(pyt_executor_shutdown(inside->executor, true, false), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_executor_submit(inside->executor, count_up, inside->count, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_shutdown(inside->executor, false, false), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(inside->executor, same, NULL, NULL), PYT_RUNTIME_ERROR);
    return NULL;
}

TEST(a_worker_submits_and_shuts_down_but_does_not_wait_for_itself) {
    atomic_int count = 0;
    struct inside inside = {made(1), &count};
    ends_with(submitted(inside.executor, use_from_inside, &inside), PYT_OK);
    pyt_executor_free(inside.executor);
    CHECK_INT(count, 1);
}

static void *free_from_inside(void *arg) {
    struct inside *inside = arg;
    CHECK_STATUS(pyt_executor_submit(inside->executor, count_up, inside->count, NULL), PYT_OK);
    pyt_executor_free(inside->executor);
    return NULL;
}

TEST(a_worker_may_free_its_executor_whose_queue_is_still_worked_off) {
    atomic_int count = 0;
    struct inside inside = {
        made_with(&(pyt_executor_options){.max_workers = 1, .thread_name_prefix = "own"}), &count};
    pyt_future *future = submitted(inside.executor, free_from_inside, &inside);
    ends_with(future, PYT_OK);
    while (workers_of("own_") > 0) {
        test_yield();
    }
    CHECK_INT(count, 1);
}

/* ---- waits that would never end ------------------------------------------------------------- */

static void *wait_for_a_task_of_its_own(void *arg) {
    pyt_executor *executor = arg;
    pyt_future *future = submitted(executor, same, &value[1]);
    pyt_status status = pyt_future_result(future, NULL);
    CHECK(status == PYT_OK || strstr(pyt_error_message(), "never end") != NULL);
    pyt_future_unref(future);
    return (void *)(uintptr_t)status;
}

static pyt_status status_of(pyt_future *future) {
    void *result;
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    pyt_future_unref(future);
    return (pyt_status)(uintptr_t)result;
}

TEST(a_task_that_waits_for_another_of_its_only_worker_is_told_that_it_would_be_for_ever,
     NEEDS_THREADS) {
    pyt_executor *executor = made(1);
    CHECK_STATUS(status_of(submitted(executor, wait_for_a_task_of_its_own, executor)),
                 PYT_RUNTIME_ERROR);
    pyt_executor_free(executor);
    executor = made(2);
    CHECK_STATUS(status_of(submitted(executor, wait_for_a_task_of_its_own, executor)), PYT_OK);
    pyt_executor_free(executor);
}

static void *wait_for_all_tasks_of_its_own(void *arg) {
    pyt_executor *executor = arg;
    pyt_future *futures[3];
    size_t n_done = 9;
    for (int i = 0; i < 3; i++) {
        futures[i] = submitted(executor, same, &value[1]);
    }
    pyt_status status = pyt_wait(futures, 3, PYT_ALL_COMPLETED, NULL, &n_done);
    CHECK_INT(n_done, status == PYT_OK ? 3 : 0);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(futures[i]);
    }
    return (void *)(uintptr_t)status;
}

TEST(a_task_that_waits_for_all_of_several_of_its_only_worker_is_told_as_well, NEEDS_THREADS) {
    pyt_executor *executor = made(1);
    CHECK_STATUS(status_of(submitted(executor, wait_for_all_tasks_of_its_own, executor)),
                 PYT_RUNTIME_ERROR);
    pyt_executor_free(executor);
    executor = made(2);
    CHECK_STATUS(status_of(submitted(executor, wait_for_all_tasks_of_its_own, executor)), PYT_OK);
    pyt_executor_free(executor);
}

static void *wait_with_a_limit(void *arg) {
    pyt_future *future = submitted(arg, same, NULL);
    pyt_status status = pyt_future_result_timeout(future, 0.02, NULL);
    pyt_future_unref(future);
    return (void *)(uintptr_t)status;
}

TEST(a_wait_with_a_limit_is_waited, NEEDS_THREADS) {
    pyt_executor *executor = made(1);
    CHECK_STATUS(status_of(submitted(executor, wait_with_a_limit, executor)), PYT_TIMEOUT);
    pyt_executor_free(executor);
}

TEST(when_all_workers_wait_for_queued_tasks_the_last_to_wait_is_refused) {
    enum {
        WORKERS = 4
    };
    for (int round = test_scale(100); round > 0; round--) {
        pyt_executor *executor = made(WORKERS);
        pyt_future *futures[WORKERS];
        int refused = 0;
        for (int i = 0; i < WORKERS; i++) {
            futures[i] = submitted(executor, wait_for_a_task_of_its_own, executor);
        }
        for (int i = 0; i < WORKERS; i++) {
            pyt_status status = status_of(futures[i]);
            CHECK(status == PYT_OK || status == PYT_RUNTIME_ERROR);
            refused += status == PYT_RUNTIME_ERROR;
        }
        CHECK(refused < WORKERS);
        pyt_executor_free(executor);
    }
}

struct pair {
    pyt_event known;
    pyt_future *other, *own;
};

static void *wait_for_the_other(void *arg) {
    struct pair *pair = arg;
    pyt_event_wait(&pair->known);
    return (void *)(uintptr_t)pyt_future_result(pair->other, NULL);
}

TEST(tasks_that_wait_for_each_other_or_for_themselves_are_told, NEEDS_THREADS) {
    pyt_executor *executor = made(8);
    struct pair pairs[3] = {{PYT_EVENT_INIT, NULL, NULL}};
    for (int i = 0; i < 3; i++) {
        pairs[i].own = submitted(executor, wait_for_the_other, &pairs[i]);
    }
    pairs[0].other = pairs[1].own;
    pairs[1].other = pairs[0].own;
    pairs[2].other = pairs[2].own;
    int refused = 0;
    for (int i = 0; i < 3; i++) {
        pyt_event_set(&pairs[i].known);
    }
    for (int i = 0; i < 3; i++) {
        pyt_status status = status_of(pairs[i].own);
        CHECK(status == PYT_OK || status == PYT_RUNTIME_ERROR);
        refused += status == PYT_RUNTIME_ERROR;
        CHECK(i < 2 || status == PYT_RUNTIME_ERROR);
    }
    CHECK_INT(refused, 2);
    pyt_executor_free(executor);
}

struct wait_later {
    pyt_event go;
    pyt_future *what;
};

static void *wait_later(void *arg) {
    struct wait_later *wait = arg;
    CHECK_STATUS(pyt_event_wait(&wait->go), PYT_OK);
    return (void *)(uintptr_t)pyt_future_result(wait->what, NULL);
}

static pyt_future *running(pyt_executor *executor, void *(*function)(void *), void *arg) {
    pyt_future *future = submitted(executor, function, arg);
    while (!pyt_future_running(future)) {
        test_yield();
    }
    return future;
}

/* Of two that wait, the one whose task has not begun, whichever of the workers that is. */
TEST(of_those_that_wait_in_vain_one_whose_task_has_not_begun_is_refused, NEEDS_THREADS) {
    for (int older = 0; older < 2; older++) {
        pyt_executor *executor = made(2);
        struct wait_later for_pending = {PYT_EVENT_INIT, NULL}, for_other = {PYT_EVENT_INIT, NULL};
        pyt_future *one = running(executor, wait_later, older == 0 ? &for_pending : &for_other);
        pyt_future *two = running(executor, wait_later, older == 0 ? &for_other : &for_pending);
        pyt_future *pending = submitted(executor, same, NULL);
        for_pending.what = pending;
        for_other.what = older == 0 ? one : two;
        CHECK_STATUS(pyt_event_set(&for_pending.go), PYT_OK);
        test_wait_parked(pending, 1);
        CHECK_STATUS(pyt_event_set(&for_other.go), PYT_OK);
        CHECK_STATUS(status_of(older == 0 ? one : two), PYT_RUNTIME_ERROR);
        CHECK_STATUS(status_of(older == 0 ? two : one), PYT_OK);
        ends_with(pending, PYT_OK);
        pyt_executor_free(executor);
    }
}

static void fail_now(void *arg) {
    (void)arg;
    test_fail_nth(1);
}

TEST(a_task_for_which_no_first_worker_can_be_started_is_refused_and_not_kept) {
    pyt_executor *executor = made(2);
    atomic_int runs = 0;
    pyt_future *future = (pyt_future *)value;
    test_at_call("thread_start", fail_now, NULL);
    CHECK_STATUS(pyt_executor_submit(executor, count_up, &runs, &future), PYT_MEMORY_ERROR);
    CHECK(test_fault_fired());
    CHECK(future == NULL);
    ends_with(submitted(executor, count_up, &runs), PYT_OK);
    pyt_executor_free(executor);
    CHECK_INT(atomic_load(&runs), 1);
}

static void *divide(void *arg);

struct range {
    pyt_executor *executor;
    long first, last;
};

static void *divide(void *arg) {
    struct range *range = arg;
    if (range->last - range->first < 10) {
        long sum = 0;
        for (long i = range->first; i < range->last; i++) {
            sum += i;
        }
        return (void *)(uintptr_t)sum;
    }
    struct range low = *range;
    low.last = range->first + (range->last - range->first) / 2;
    struct range high = {range->executor, low.last, range->last};
    pyt_future *future = submitted(range->executor, divide, &low);
    uintptr_t sum = (uintptr_t)divide(&high);
    void *result = NULL;
    if (pyt_future_result(future, &result) != PYT_OK) {
        CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
        result = divide(&low);
    }
    pyt_future_unref(future);
    return (void *)(sum + (uintptr_t)result);
}

TEST(a_task_that_is_refused_to_wait_can_do_the_work_itself) {
    for (int workers = 1; workers < 5; workers++) {
        pyt_executor *executor = made(workers);
        struct range range = {executor, 0, 2000};
        pyt_future *future = submitted(executor, divide, &range);
        void *sum;
        CHECK_STATUS(pyt_future_result(future, &sum), PYT_OK);
        CHECK_INT((uintptr_t)sum, 1999 * 1000);
        pyt_future_unref(future);
        pyt_executor_free(executor);
    }
}

/* ---- several, and memory -------------------------------------------------------------------- */

static void *ask_another(void *arg) {
    pyt_future *future = submitted(arg, same, &value[1]);
    void *result;
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    pyt_future_unref(future);
    return result;
}

TEST(executors_side_by_side_know_nothing_of_each_other) {
    pyt_executor *one = made(1), *other = made(1);
    pyt_future *futures[20];
    for (int i = 0; i < 20; i++) {
        futures[i] = submitted(one, ask_another, other);
    }
    for (int i = 0; i < 20; i++) {
        ends_with(futures[i], PYT_OK);
    }
    pyt_executor_free(one);
    ends_with(submitted(other, same, NULL), PYT_OK);
    pyt_executor_free(other);
}

static void use_and_free(int tasks) {
    pyt_executor *executor = made(2);
    for (int i = 0; i < tasks; i++) {
        pyt_future *future = submitted(executor, i % 7 == 0 ? raise_seven : same, "x");
        if (i % 2 == 0) {
            CHECK(pyt_future_result(future, NULL) != PYT_TIMEOUT);
        }
        pyt_future_unref(future);
    }
    pyt_executor_free(executor);
}

TEST(memory_returns_to_where_it_began) {
    use_and_free(100);
    CHECK(pyt_future_result(NULL, NULL) == PYT_VALUE_ERROR); /* no message of a task is kept */
    long before = test_live_allocations();
    for (int i = 0; i < 5; i++) {
        use_and_free(test_scale(1000));
    }
    CHECK(test_live_allocations() <= before + 1); /* the last task's message */
}

TEST(futures_outlive_their_executor) {
    pyt_executor *warm = made(2);
    ends_with(submitted(warm, same, NULL), PYT_OK);
    pyt_executor_free(warm);
    long before = test_live_allocations();
    pyt_executor *executor = made(2);
    pyt_future *futures[100];
    for (int i = 0; i < 100; i++) {
        futures[i] = submitted(executor, same, &value[1]);
    }
    pyt_executor_free(executor);
    for (int i = 0; i < 100; i++) {
        void *result;
        CHECK_STATUS(pyt_future_result(futures[i], &result), PYT_OK);
        CHECK(result == &value[1]);
        pyt_future_unref(futures[i]);
    }
    CHECK(test_live_allocations() <= before + 1); /* a parker more than before */
}

static pyt_status drop(void *future) {
    test_fail_nth(1);
    pyt_future_unref(future);
    CHECK(test_fault_fired());
    return PYT_OK;
}

static void drop_without_memory(void) {
    pyt_executor *executor = made(1);
    pyt_future *future = submitted(executor, same, NULL);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    ends_with(submitted(executor, same, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(test_cache_lock(executor)), PYT_OK);
    CHECK_STATUS(test_foreign(drop, future), PYT_OK);
    CHECK_STATUS(pyt_lock_release(test_cache_lock(executor)), PYT_OK);
    pyt_executor_free(executor);
}

/* It would have to wait for the lock of the spare ones, and has no memory to wait with. */
TEST(a_future_dropped_without_memory_is_freed_and_its_executor_knows,
     NEEDS_THREADS | NEEDS_FALLIBLE_WAITS | NEEDS_FOREIGN_THREADS) {
    drop_without_memory();
    long before = test_live_allocations();
    for (int i = 0; i < 3; i++) {
        drop_without_memory();
        CHECK_INT(test_live_allocations(), before);
    }
}

TEST(what_an_executor_keeps_for_later_is_bounded, NOT_SIMULATED,
     "it takes more than a million steps") {
    enum {
        MANY = 20000
    };
    pyt_future **futures = malloc(MANY * sizeof(pyt_future *));
    CHECK(futures != NULL);
    pyt_executor *executor = made(2);
    long before = test_live_allocations();
    for (int i = 0; i < MANY; i++) {
        futures[i] = submitted(executor, same, NULL);
    }
    CHECK(test_live_allocations() > before + MANY / 2);
    for (int i = 0; i < MANY; i++) {
        ends_with(futures[i], PYT_OK);
    }
    CHECK(test_live_allocations() < before + 2500);
    free(futures);
    pyt_executor_free(executor);
}

TEST(a_stream_of_tasks_needs_no_memory) {
    pyt_executor *executor = made(2);
    for (int i = 0; i < 200; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, same, NULL, NULL), PYT_OK);
        ends_with(submitted(executor, same, NULL), PYT_OK);
    }
    test_fail_nth(0);
    for (int i = 0; i < 200; i++) {
        ends_with(submitted(executor, same, NULL), PYT_OK);
    }
    /* A worker that was held up may keep one longer than any did before, or sleep for the first
     * time: that is a few in all, not one for each task. */
    CHECK(test_fault_calls() <= 4);
    pyt_executor_free(executor);
}

/* ---- the end of the process, and fork ------------------------------------------------------- */

static void *say_slowly(void *arg) {
    test_sleep(0.005);
    printf("%s", (const char *)arg);
    return NULL;
}

static void exit_with_work_in_the_queue(void *arg) {
    pyt_executor *executor;
    (void)arg;
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}), PYT_OK);
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(pyt_executor_submit(executor, say_slowly, &"abcde"[i], NULL), PYT_OK);
    }
    printf("exit ");
}

TEST(at_exit_the_queue_is_finished, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    char output[200];
    CHECK_INT(test_child(exit_with_work_in_the_queue, NULL, output, sizeof output), 0);
    CHECK_STR(output, "exit abcdebcdecdedee");
}

static void *submit_late(void *arg) {
    pyt_thread_join(pyt_main_thread());
    pyt_status status;
    do {
        status = pyt_executor_submit(arg, same, NULL, NULL);
        test_yield();
    } while (status == PYT_OK);
    printf("%s ", pyt_status_name(status));
    pyt_executor *late;
    CHECK_STATUS(pyt_executor_new(&late, NULL), PYT_OK);
    printf("%s", pyt_status_name(pyt_executor_submit(late, same, NULL, NULL)));
    pyt_executor_free(late);
    return NULL;
}

static void exit_and_submit(void *arg) {
    pyt_executor *executor;
    (void)arg;
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(executor, say_slowly, "last ", NULL), PYT_OK);
    pyt_thread_unref(test_thread(submit_late, executor));
}

static void *free_it(void *executor) {
    pyt_executor_free(executor);
    return NULL;
}

/* The one in the middle is still in the list of executors, but nobody's any more. */
static void exit_while_one_is_freed(void *arg) {
    (void)arg;
    pyt_executor *first = made(1), *middle = made(1), *last = made(1);
    CHECK_STATUS(pyt_executor_submit(first, say_slowly, "a", NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(last, say_slowly, "b", NULL), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(test_list_lock(0)), PYT_OK);
    pyt_thread *thread = test_thread(free_it, middle);
    PARKED_LOCK(test_list_lock(0), 1);
    CHECK_STATUS(pyt_lock_release(test_list_lock(0)), PYT_OK);
    pyt_thread_unref(thread);
    exit(0);
}

TEST(at_exit_an_executor_that_is_being_freed_is_left_alone,
     NEEDS_THREADS | NEEDS_EXIT | NEEDS_PROCESSES) {
    char output[64];
    for (int i = 0; i < test_scale(10); i++) {
        CHECK_INT(test_child(exit_while_one_is_freed, NULL, output, sizeof output), 0);
        CHECK_INT(strlen(output), 2);
        CHECK(strchr(output, 'a') != NULL && strchr(output, 'b') != NULL);
    }
}

TEST(at_exit_no_more_tasks_are_taken, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    char output[200];
    CHECK_INT(test_child(exit_and_submit, NULL, output, sizeof output), 0);
    /* The last task runs beside the two that are refused, before, between or after them. */
    CHECK(strcmp(output, "last RuntimeError RuntimeError") == 0 ||
          strcmp(output, "RuntimeError last RuntimeError") == 0 ||
          strcmp(output, "RuntimeError RuntimeErrorlast ") == 0);
}

static void *exit_from_a_task(void *arg) {
    (void)arg;
    exit(3);
}

static void exit_in_a_worker(void *arg) {
    pyt_executor *executor;
    (void)arg;
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 2}), PYT_OK);
    pyt_future *future = submitted(executor, exit_from_a_task, NULL);
    pyt_future_result(future, NULL);
}

TEST(a_task_may_end_the_process, NEEDS_PROCESSES) {
    char output[200];
    CHECK_INT(test_child(exit_in_a_worker, NULL, output, sizeof output), 3);
}

#if !defined(_WIN32)
static int status_of_child(pid_t pid) {
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(after_fork_the_parents_tasks_have_ended_and_the_executor_goes_on,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_executor *executor = made(2);
    pyt_as_completed iterator;
    pyt_future *futures[6], *found;
    for (int i = 0; i < 6; i++) {
        futures[i] = submitted(executor, wait_for_event, &gate);
    }
    while (!pyt_future_running(futures[0]) || !pyt_future_running(futures[1])) {
        test_yield();
    }
    CHECK_STATUS(pyt_as_completed_init(&iterator, futures, 6), PYT_OK);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(15);
        for (int i = 0; i < 6; i++) {
            CHECK_STATUS(pyt_future_result(futures[i], NULL),
                         i < 2 ? PYT_BROKEN_EXECUTOR : PYT_CANCELLED);
            CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
        }
        CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_QUEUE_EMPTY);
        for (int i = 0; i < 10; i++) {
            ends_with(submitted(executor, same, NULL), PYT_OK);
        }
        pyt_executor_free(executor);
        _exit(0);
    }
    pyt_event_set(&gate);
    for (int i = 0; i < 6; i++) {
        ends_with(futures[i], PYT_OK);
    }
    pyt_as_completed_destroy(&iterator);
    pyt_executor_free(executor);
    CHECK_INT(status_of_child(pid), 0);
}

static void *fork_in_a_task(void *arg) {
    pyt_executor *executor = arg;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(15);
        ends_with(submitted(executor, same, NULL), PYT_OK);
        _exit(0);
    }
    return (void *)(uintptr_t)status_of_child(pid);
}

TEST(a_task_may_fork_and_use_its_executor_in_the_child, NEEDS_FORK_WITH_THREADS) {
    pyt_executor *executor = made(2);
    pyt_future *future = submitted(executor, fork_in_a_task, executor);
    void *status;
    CHECK_STATUS(pyt_future_result(future, &status), PYT_OK);
    CHECK_INT((uintptr_t)status, 0);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}
#endif

#if !defined(_WIN32)
/* A worker looks for work for a moment, then it sleeps. */
TEST(idle_workers_use_no_processor_time, NEEDS_THREADS | NEEDS_POSIX) {
    enum {
        WORKERS = 4
    };
    pyt_executor *executor = made(WORKERS);
    pyt_event gate = PYT_EVENT_INIT;
    pyt_future *futures[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        futures[i] = running(executor, wait_for_event, &gate);
    }
    pyt_event_set(&gate);
    for (int i = 0; i < WORKERS; i++) {
        ends_with(futures[i], PYT_OK);
    }
    test_sleep(0.02);
    clock_t begin = clock();
    test_sleep(0.2);
    double used = (double)(clock() - begin) / CLOCKS_PER_SEC;
    CHECK_WITHIN(used, 0.0, 0.05);
    pyt_executor_free(executor);
}
#endif

/* ---- faults and stress ---------------------------------------------------------------------- */

static void use_with_faults(long victim) {
    pyt_executor *executor = NULL;
    pyt_future *futures[4] = {NULL};
    void *args[3] = {&value[0], &value[1], NULL};
    pyt_as_completed iterator;
    test_fail_nth(victim);
    pyt_status status = pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 2});
    CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
    if (status != PYT_OK) {
        CHECK(executor == NULL);
        return;
    }
    for (int i = 0; i < 4; i++) {
        status = pyt_executor_submit(executor, i == 2 ? raise_seven : same, "x", &futures[i]);
        CHECK(status == PYT_OK || (status == PYT_MEMORY_ERROR && futures[i] == NULL));
        if (status == PYT_OK) {
            status = pyt_future_add_done_callback(futures[i], count_callback, NULL);
            CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
        }
    }
    status = pyt_executor_map(executor, same, args, 3, NULL, NULL);
    CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
    if (futures[0] != NULL && futures[1] != NULL) {
        status = pyt_wait(futures, 2, PYT_ALL_COMPLETED, NULL, NULL);
        CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
        status = pyt_as_completed_init(&iterator, futures, 2);
        CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
        pyt_as_completed_destroy(&iterator);
    }
    for (int i = 0; i < 4; i++) {
        if (futures[i] != NULL) {
            status = pyt_future_result(futures[i], NULL);
            CHECK(status == (i == 2 ? PYT_TASK_ERROR : PYT_OK) || status == PYT_MEMORY_ERROR);
            pyt_future_unref(futures[i]);
        }
    }
    pyt_executor_free(executor);
}

TEST_LIMIT(every_fault_comes_back_as_a_status_and_loses_nothing, 60) {
    use_with_faults(0);
    use_with_faults(0);
    long before = test_live_allocations();
    bool fired = true;
    for (long victim = 1; fired; victim++) {
        use_with_faults(victim);
        fired = test_fault_fired();
    }
    use_with_faults(0);
    CHECK(test_live_allocations() <= before + 2);
}

struct storm {
    pyt_executor *executor;
    atomic_long submitted, ran, cancelled;
};

static void *run_in_storm(void *arg) {
    struct storm *storm = arg;
    atomic_fetch_add(&storm->ran, 1);
    return storm;
}

static void *submit_in_storm(void *arg) {
    struct storm *storm = arg;
    unsigned luck = (unsigned)pyt_get_native_id();
    pyt_future *futures[16];
    for (int i = test_scale(300); i > 0; i--) {
        int n = 0;
        while (n < 16 &&
               pyt_executor_submit(storm->executor, run_in_storm, storm, &futures[n]) == PYT_OK) {
            atomic_fetch_add(&storm->submitted, 1);
            n++;
        }
        for (int k = 0; k < n; k++) {
            luck = luck * 1103515245 + 12345;
            if ((luck & 0x30000) == 0) {
                pyt_future_cancel(futures[k]);
            }
            pyt_status status = pyt_future_result(futures[k], NULL);
            CHECK(status == PYT_OK || status == PYT_CANCELLED);
            atomic_fetch_add(&storm->cancelled, status == PYT_CANCELLED);
            pyt_future_unref(futures[k]);
        }
        if (n < 16) {
            break;
        }
    }
    return NULL;
}

static void storm_of(int workers, bool cut_short) {
    struct storm storm = {made(workers), 0, 0, 0};
    pyt_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = test_thread(submit_in_storm, &storm);
    }
    if (cut_short) {
        test_sleep(0.005);
        CHECK_STATUS(pyt_executor_shutdown(storm.executor, true, true), PYT_OK);
    }
    for (int i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    CHECK_STATUS(pyt_executor_shutdown(storm.executor, true, false), PYT_OK);
    CHECK_INT(storm.ran + storm.cancelled, storm.submitted);
    pyt_executor_free(storm.executor);
}

TEST(every_task_submitted_runs_or_is_cancelled) {
    for (int workers = 1; workers < 8; workers += 2) {
        storm_of(workers, false);
        storm_of(workers, true);
    }
}

static void *fan_out(void *arg) {
    struct storm *storm = arg;
    for (int i = 0; i < 10; i++) {
        pyt_status status = pyt_executor_submit(storm->executor, run_in_storm, storm, NULL);
        atomic_fetch_add(&storm->submitted, status == PYT_OK);
    }
    return NULL;
}

TEST(tasks_that_submit_tasks_lose_none) {
    struct storm storm = {made(3), 0, 0, 0};
    for (int i = test_scale(500); i > 0; i--) {
        CHECK_STATUS(pyt_executor_submit(storm.executor, fan_out, &storm, NULL), PYT_OK);
        if (i % 50 == 0) {
            ends_with(submitted(storm.executor, same, NULL), PYT_OK);
        }
    }
    pyt_executor_free(storm.executor);
    CHECK_INT(storm.ran, storm.submitted);
}

/* ---- an idle worker comes first ---- */

static void *give_back(void *arg) {
    return arg;
}

TEST(a_worker_whose_result_was_got_is_idle_for_the_next_submit, NEEDS_THREADS) {
    for (int round = 0; round < test_scale(600) + 50; round++) {
        pyt_executor *e;
        CHECK_STATUS(pyt_executor_new(&e, &(pyt_executor_options){.max_workers = 4}), PYT_OK);
        for (int i = 0; i < 3; i++) {
            pyt_future *f;
            CHECK_STATUS(pyt_executor_submit(e, give_back, NULL, &f), PYT_OK);
            CHECK_STATUS(pyt_future_result(f, NULL), PYT_OK);
            pyt_future_unref(f);
        }
        CHECK_INT(pyt_active_count(), 2);
        pyt_executor_free(e);
    }
}

typedef struct chained {
    pyt_executor *executor;
    pyt_event begun, set;
} chained;

static void *set_the_event(void *arg) {
    CHECK_STATUS(pyt_event_set(&((chained *)arg)->set), PYT_OK);
    return NULL;
}

static void *begin_when_told(void *arg) {
    CHECK_STATUS(pyt_event_wait(&((chained *)arg)->begun), PYT_OK);
    return NULL;
}

/* The worker that calls back is not idle, though its task is done. */
static void submit_and_wait(pyt_future *future, void *arg) {
    chained *c = arg;
    (void)future;
    CHECK_STATUS(pyt_executor_submit(c->executor, set_the_event, c, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&c->set), PYT_OK);
}

TEST(a_worker_in_a_callback_is_not_taken_for_idle, NEEDS_THREADS) {
    chained c = {NULL, PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_future *f;
    CHECK_STATUS(pyt_executor_new(&c.executor, &(pyt_executor_options){.max_workers = 2}), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(c.executor, begin_when_told, &c, &f), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(f, submit_and_wait, &c), PYT_OK);
    CHECK_STATUS(pyt_event_set(&c.begun), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&c.set), PYT_OK);
    pyt_future_unref(f);
    pyt_executor_free(c.executor);
}

/* ---- the system gives no thread ---- */

/* A task submits another one, for which no worker can be started, and waits for it. */
static void *wait_for_one_without_a_thread(void *arg) {
    pyt_future *f;
    test_fail_nth(1);
    CHECK_STATUS(pyt_executor_submit(arg, give_back, NULL, &f), PYT_OK);
    CHECK(test_fault_fired());
    test_fail_memory(true);
    CHECK_STATUS(pyt_future_result(f, NULL), PYT_RUNTIME_ERROR);
    test_fail_memory(false);
    CHECK_STATUS(pyt_future_cancel(f), PYT_OK);
    pyt_future_unref(f);
    return arg;
}

/* The same, and there is memory again when it begins to wait. */
static void *wait_for_one_that_gets_its_thread_late(void *arg) {
    pyt_future *f;
    test_fail_nth(1);
    CHECK_STATUS(pyt_executor_submit(arg, give_back, NULL, &f), PYT_OK);
    CHECK(test_fault_fired());
    CHECK_STATUS(pyt_future_result(f, NULL), PYT_OK);
    pyt_future_unref(f);
    return arg;
}

static void run_starved(void *(*task)(void *arg)) {
    pyt_executor *e;
    pyt_future *f;
    void *result = NULL;
    CHECK_STATUS(pyt_executor_new(&e, &(pyt_executor_options){.max_workers = 4}), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(e, task, e, &f), PYT_OK);
    CHECK_STATUS(pyt_future_result(f, &result), PYT_OK);
    CHECK(result == e);
    pyt_future_unref(f);
    pyt_executor_free(e);
}

TEST(a_wait_for_a_task_that_gets_no_thread_is_refused, NEEDS_THREADS) {
    run_starved(wait_for_one_without_a_thread);
}

TEST(a_wait_for_a_task_that_got_no_thread_tries_again_to_start_one, NEEDS_THREADS) {
    run_starved(wait_for_one_that_gets_its_thread_late);
}
