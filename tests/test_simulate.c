/* Simulated schedules, as a program sees them. Most holds in both builds: a body is run once or as
 * often as asked for, and what it shares is its own. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>

#include "test.h"

static void count_a_run(void *count) {
    ++*(int *)count;
    pyt_step();
    PYT_CHECK(*(int *)count > 0);
}

TEST(a_body_is_run_as_often_as_asked_for, NOT_SIMULATED, "a run cannot simulate") {
    int count = 0;
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 3, 0, 0, 0, NULL, false};
    CHECK_STATUS(pyt_simulate(&options, count_a_run, &count), PYT_OK);
    CHECK_INT(count, 3);
    CHECK_INT(pyt_simulate_runs(), 3);
}

TEST(a_simulation_without_a_body_is_refused) {
    CHECK_STATUS(pyt_simulate(NULL, NULL, NULL), PYT_VALUE_ERROR);
}

TEST(before_a_failure_there_is_no_schedule) {
    CHECK_STR(pyt_simulate_schedule(), "");
}

#if defined(PYTHREADING_SIMULATE)

typedef struct two_locks {
    pyt_lock first, second;
} two_locks;

static void *take_both(void *arg) {
    two_locks *locks = (two_locks *)arg;
    pyt_with(&locks->first) {
        pyt_with(&locks->second) {
        }
    }
    return NULL;
}

static void *take_both_backwards(void *arg) {
    two_locks *locks = (two_locks *)arg;
    pyt_with(&locks->second) {
        pyt_with(&locks->first) {
        }
    }
    return NULL;
}

static void run_pair(void *(*one)(void *), void *(*other)(void *)) {
    two_locks locks = {PYT_LOCK_INIT, PYT_LOCK_INIT};
    pyt_thread *threads[2];
    void *(*targets[2])(void *) = {one, other};
    for (int i = 0; i < 2; i++) {
        pyt_thread_options options = {0};
        options.target = targets[i];
        options.arg = &locks;
        PYT_CHECK(pyt_thread_new(&threads[i], &options) == PYT_OK);
        PYT_CHECK(pyt_thread_start(threads[i]) == PYT_OK);
    }
    for (int i = 0; i < 2; i++) {
        PYT_CHECK(pyt_thread_join(threads[i]) == PYT_OK);
        pyt_thread_unref(threads[i]);
    }
}

static void in_two_orders(void *arg) {
    (void)arg;
    run_pair(take_both, take_both_backwards);
}

static void in_one_order(void *arg) {
    (void)arg;
    run_pair(take_both, take_both);
}

TEST(a_deadlock_is_found_and_its_schedule_finds_it_again, NOT_SIMULATED, "a run cannot simulate") {
    for (int strategy = 0; strategy <= PYT_STRATEGY_EXHAUSTIVE; strategy++) {
        pyt_simulate_options options = {(pyt_strategy)strategy, 0, 0, 0, 0, NULL, true};
        CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_RUNTIME_ERROR);
        char schedule[4096];
        (void)snprintf(schedule, sizeof schedule, "%s", pyt_simulate_schedule());
        options.schedule = schedule;
        CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_RUNTIME_ERROR);
        CHECK_STR(pyt_simulate_schedule(), schedule);
    }
}

static int entered, value;

/* One run is much longer than another, and only some lose an update. */
static void *add_late(void *arg) {
    int steps = entered++ == 0 ? 10 : 60;
    int seen = value;
    for (int i = 0; i < steps; i++) {
        pyt_step();
        steps = value > seen && i < 5 ? 150 : steps;
    }
    value = (steps == 60 ? value : seen) + 1;
    return arg;
}

static void lose_an_update(void *arg) {
    (void)arg;
    entered = value = 0;
    run_pair(add_late, add_late);
    PYT_CHECK(value == 2);
}

typedef struct found {
    char schedule[4096], what[4096];
    unsigned long long seed;
} found;

/* `what` is the report's sentence without the number of the run. */
static void find_a_failure(const pyt_simulate_options *options, found *failure) {
    CHECK_STATUS(pyt_simulate(options, lose_an_update, NULL), PYT_RUNTIME_ERROR);
    const char *what = strstr(pyt_error_message(), "(seed ");
    CHECK(what != NULL && sscanf(what, "(seed %llu)", &failure->seed) == 1);
    (void)snprintf(failure->what, sizeof failure->what, "%s", strchr(what, ')'));
    (void)snprintf(failure->schedule, sizeof failure->schedule, "%s", pyt_simulate_schedule());
}

TEST(the_reported_seed_and_schedule_fail_again_in_the_same_way, NOT_SIMULATED,
     "a run cannot simulate") {
    for (int i = 0; i < 2 * 50 + 1; i++) { /* EXHAUSTIVE draws nothing: once */
        static found first, again;
        pyt_simulate_options options = {(pyt_strategy)(i / 50), 0, 0, 0, 0, NULL, true};
        options.seed = (uint64_t)i % 50 + 1;
        find_a_failure(&options, &first);
        options.seed = first.seed;
        options.runs = options.strategy == PYT_STRATEGY_EXHAUSTIVE ? 0 : 1;
        find_a_failure(&options, &again);
        CHECK_STR(again.what, first.what);
        CHECK_STR(again.schedule, first.schedule);
        options.seed = 0;
        options.schedule = first.schedule;
        find_a_failure(&options, &again);
        CHECK_STR(again.what, first.what);
        CHECK_STR(again.schedule, first.schedule);
    }
}

TEST(locks_taken_in_one_order_pass, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 200, 0, 0, 0, NULL, false};
    CHECK_STATUS(pyt_simulate(&options, in_one_order, NULL), PYT_OK);
    options.strategy = PYT_STRATEGY_EXHAUSTIVE;
    options.runs = 0;
    options.bound = 1;
    CHECK_STATUS(pyt_simulate(&options, in_one_order, NULL), PYT_OK);
}

static void sleep_for_hours(void *arg) {
    (void)arg;
    PYT_CHECK(pyt_monotonic() == 0);
    PYT_CHECK(pyt_sleep(36000) == PYT_OK);
    PYT_CHECK(pyt_monotonic() >= 36000);
}

TEST(hours_pass_in_no_time, NOT_SIMULATED, "a run cannot simulate") {
    CHECK_STATUS(pyt_simulate(NULL, sleep_for_hours, NULL), PYT_OK);
}

static void *wait_for_ever(void *event) {
    (void)pyt_event_wait((pyt_event *)event);
    return NULL;
}

static void leave_a_daemon(void *arg) {
    static pyt_event never; /* outlives the body, as a daemon may */
    pyt_thread_options options = {0};
    pyt_thread *thread;
    (void)arg;
    memset((void *)&never, 0, sizeof never);
    options.target = wait_for_ever;
    options.arg = &never;
    options.daemon = PYT_DAEMON_TRUE;
    PYT_CHECK(pyt_thread_new(&thread, &options) == PYT_OK);
    PYT_CHECK(pyt_thread_start(thread) == PYT_OK);
    pyt_thread_unref(thread);
}

TEST(a_daemon_that_is_left_ends_with_the_run, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 50, 0, 0, 0, NULL, false};
    CHECK_STATUS(pyt_simulate(&options, leave_a_daemon, NULL), PYT_OK);
}

static void step_for_ever(void *arg) {
    (void)arg;
    for (;;) {
        pyt_step();
    }
}

static void simulate_inside(void *arg) {
    PYT_CHECK(pyt_simulate(NULL, sleep_for_hours, arg) == PYT_RUNTIME_ERROR);
}

static void check_what_is_false(void *arg) {
    PYT_CHECK(arg != NULL);
}

static void check_message(const char *words) {
    if (strstr(pyt_error_message(), words) == NULL) {
        test_fail(__FILE__, __LINE__, "\"%s\" is not in: %s", words, pyt_error_message());
    }
}

TEST(a_run_with_too_many_steps_has_failed, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 2, 0, 0, 1000, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, step_for_ever, NULL), PYT_RUNTIME_ERROR);
    check_message("more than 1000 steps");
    CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_RUNTIME_ERROR);
    check_message("arg != NULL");
}

TEST(a_run_in_a_run_is_refused, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 2, 0, 0, 0, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, simulate_inside, NULL), PYT_OK);
    CHECK_INT(pyt_simulate_runs(), 2);
}

TEST(a_strategy_that_there_is_not_is_refused, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    options.strategy = (pyt_strategy)(PYT_STRATEGY_EXHAUSTIVE + 1);
    CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_VALUE_ERROR);
}

TEST(a_bound_out_of_range_is_refused, NOT_SIMULATED, "a run cannot simulate") {
    static const int bounds[] = {-1, INT_MIN, 11, INT_MAX};
    for (int strategy = 0; strategy <= PYT_STRATEGY_EXHAUSTIVE; strategy++) {
        pyt_simulate_options options = {(pyt_strategy)strategy, 0, 0, 0, 10, NULL, true};
        for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
            options.bound = bounds[i];
            CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_VALUE_ERROR);
            check_message("bound");
        }
        options.bound = 10;
        options.runs = ULONG_MAX;
        CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_RUNTIME_ERROR);
        CHECK_INT(pyt_simulate_runs(), 1);
    }
}

TEST(a_schedule_that_is_not_one_is_refused, NOT_SIMULATED, "a run cannot simulate") {
    static const char *const none[] = {
        "",      "x",    "1",    "1x",   "x1",      "0x1",          "1x0",
        "2x1,",  ",2x1", "-1x1", " 1x1", "1x1 ",    "1x4294967296", "99999999999999999999x1",
        "t1x1",  "tt",   "1x1t", "1x1x", "1x1;1x1", "1x1,,1x1",     "PYTHREADING_SCHEDULE=1x1",
        "0x0x0", "1.5x1"};
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        options.schedule = none[i];
        CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_VALUE_ERROR);
        check_message("schedule");
    }
}

TEST(a_schedule_of_another_program_is_told_with_the_step, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    options.schedule = "1x1,1x9"; /* there is no thread 9 */
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_RUNTIME_ERROR);
    check_message("another program: at step 2 thread 9 cannot go on");
    options.schedule = "t"; /* nobody waits */
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_RUNTIME_ERROR);
    check_message("another program: at step 1 clock");
    options.schedule = "1000000x1"; /* it is over before */
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_RUNTIME_ERROR);
    check_message("another program: this one ended after step ");
    options.schedule = NULL;
    CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_RUNTIME_ERROR);
    char schedule[4096];
    (void)snprintf(schedule, sizeof schedule, "%s", pyt_simulate_schedule());
    options.schedule = schedule;
    CHECK_STATUS(pyt_simulate(&options, leave_a_daemon, NULL), PYT_RUNTIME_ERROR);
    check_message("another program");
    check_message("step ");
}

static void raise_in_a_run(void *arg) {
    pyt_raise(PYT_VALUE_ERROR, (const char *)arg);
}

TEST(a_body_that_raises_has_failed, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, raise_in_a_run, (void *)"no"), PYT_RUNTIME_ERROR);
    check_message("the body raised");
}

static void leave_a_thread(void *arg) {
    static pyt_event never;
    memset((void *)&never, 0, sizeof never);
    (void)arg;
    pyt_thread_unref(test_thread(wait_for_ever, &never));
}

TEST(a_thread_that_is_left_over_is_reported, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, leave_a_thread, NULL), PYT_RUNTIME_ERROR);
    check_message("a thread is left over");
}

static void count_a_call(void *count) {
    ++*(int *)count;
}

static void leave_a_timer(void *count) {
    pyt_thread *timer;
    PYT_CHECK(pyt_timer_new(&timer, 60, count_a_call, count) == PYT_OK);
    PYT_CHECK(pyt_thread_start(timer) == PYT_OK);
    pyt_thread_unref(timer);
}

/* Not if the time has passed before the end of the body, as it rarely does. */
TEST(a_timer_that_is_left_is_cancelled, NOT_SIMULATED, "a run cannot simulate") {
    int count = 0;
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 100, 0, 0, 0, NULL, false};
    CHECK_STATUS(pyt_simulate(&options, leave_a_timer, &count), PYT_OK);
    CHECK(count < 50);
}

static void *set_event(void *event) {
    PYT_CHECK(pyt_event_set((pyt_event *)event) == PYT_OK);
    return NULL;
}

/* counts[1] if the event came in time, counts[0] if not. */
static void wait_a_while(void *counts) {
    pyt_event event = PYT_EVENT_INIT;
    pyt_thread *thread = test_thread(set_event, &event);
    pyt_status status = pyt_event_wait_timeout(&event, 3600);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    PYT_CHECK(pyt_monotonic() >= 3600 || status == PYT_OK);
    ((int *)counts)[status == PYT_OK]++;
    test_join(thread);
}

TEST(a_timeout_may_come_while_others_could_run, NOT_SIMULATED, "a run cannot simulate") {
    for (int strategy = 0; strategy <= PYT_STRATEGY_EXHAUSTIVE; strategy++) {
        int counts[2] = {0, 0};
        pyt_simulate_options options = {(pyt_strategy)strategy, 0, 0, 1, 0, NULL, false};
        CHECK_STATUS(pyt_simulate(&options, wait_a_while, counts), PYT_OK);
        CHECK(counts[0] > 0 && counts[1] > 0);
    }
}

/* ---- threads made elsewhere ---- */

typedef struct stranger {
    volatile int called; /* 1: it may call, 2: it does */
    pyt_lock lock;
    pyt_status status;
} stranger;

static void *take_from_elsewhere(void *arg) {
    stranger *all = (stranger *)arg;
    while (all->called == 0) {
        test_yield();
    }
    all->status = pyt_lock_acquire(&all->lock);
    return NULL;
}

static void await_a_stranger(void *arg) {
    ((stranger *)arg)->called = 1;
    for (;;) {
        pyt_step();
        test_yield();
    }
}

TEST(a_thread_made_elsewhere_fails_the_run_and_its_call_is_made_afterwards,
     NOT_SIMULATED | NEEDS_FOREIGN_THREADS, "a run cannot simulate") {
    stranger all = {0, PYT_LOCK_INIT, PYT_TIMEOUT};
    test_raw raw = test_raw_start(take_from_elsewhere, &all);
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, ULONG_MAX, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, await_a_stranger, &all), PYT_RUNTIME_ERROR);
    check_message("a thread that is not of the run called the library");
    test_raw_join(raw);
    CHECK_STATUS(all.status, PYT_OK);
    CHECK_STATUS(pyt_lock_release(&all.lock), PYT_OK);
    CHECK_STATUS(pyt_simulate(NULL, in_one_order, NULL), PYT_OK);
}

static void *simulate_elsewhere(void *status) {
    *(pyt_status *)status = pyt_simulate(NULL, sleep_for_hours, NULL);
    return NULL;
}

static void simulate_beside(void *status) {
    test_raw_join(test_raw_start(simulate_elsewhere, status));
}

TEST(a_second_thread_that_simulates_is_refused, NOT_SIMULATED | NEEDS_FOREIGN_THREADS,
     "a run cannot simulate") {
    pyt_status status = PYT_OK;
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 1, 0, 0, 0, NULL, false};
    CHECK_STATUS(pyt_simulate(&options, simulate_beside, &status), PYT_OK);
    CHECK_STATUS(status, PYT_RUNTIME_ERROR);
}

#if !defined(_WIN32)

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

/* ---- threads that end by the system's means ---- */

static void *leave(void *arg) {
    pyt_step();
    (void)arg;
    pthread_exit(NULL);
}

static void be_left_by_a_thread(void *arg) {
    (void)arg;
    pyt_thread *threads[2] = {test_thread(leave, NULL), test_thread(leave, NULL)};
    test_join(threads[0]);
    test_join(threads[1]);
    PYT_CHECK(pyt_active_count() == 1);
}

static void be_left_by_a_worker(void *arg) {
    pyt_executor *executor;
    pyt_future *future;
    PYT_CHECK(pyt_executor_new(&executor, NULL) == PYT_OK);
    PYT_CHECK(pyt_executor_submit(executor, leave, arg, &future) == PYT_OK);
    PYT_CHECK(pyt_future_result(future, NULL) == PYT_BROKEN_EXECUTOR);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

static void leave_the_body(void *arg) {
    pyt_thread_unref(test_thread(leave, arg));
    pthread_exit(NULL);
}

TEST(threads_may_end_by_the_systems_means, NOT_SIMULATED, "a run cannot simulate") {
    void (*const bodies[])(void *) = {be_left_by_a_thread, be_left_by_a_worker, leave_the_body};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        for (int strategy = 0; strategy <= PYT_STRATEGY_PRIORITIES; strategy++) {
            pyt_simulate_options options = {(pyt_strategy)strategy, 50, 0, 0, 0, NULL, false};
            CHECK_STATUS(pyt_simulate(&options, bodies[i], NULL), PYT_OK);
        }
    }
}

static void *leave_with_a_lock(void *lock) {
    PYT_CHECK(pyt_lock_acquire((pyt_lock *)lock) == PYT_OK);
    return leave(NULL);
}

static void take_what_is_never_released(void *arg) {
    static pyt_lock lock;
    memset((void *)&lock, 0, sizeof lock);
    (void)arg;
    test_join(test_thread(leave_with_a_lock, &lock));
    (void)pyt_lock_acquire(&lock);
}

TEST(a_lock_of_a_thread_that_left_is_a_deadlock, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, take_what_is_never_released, NULL), PYT_RUNTIME_ERROR);
    check_message("deadlock");
}

/* ---- the environment ---- */

TEST(a_seed_in_the_environment_that_is_no_number_is_refused, NOT_SIMULATED,
     "a run cannot simulate") {
    static const char *const none[] = {"",   "0",  "x",  "-1", "+1",  "1x",
                                       " 1", "1 ", "01", "1,", "1.0", "99999999999999999999"};
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CHECK_INT(setenv("PYTHREADING_SEED", none[i], 1), 0);
        CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_VALUE_ERROR);
        check_message("PYTHREADING_SEED");
    }
    CHECK_INT(setenv("PYTHREADING_SEED", "18446744073709551615", 1), 0);
    CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_RUNTIME_ERROR);
    check_message("(seed 18446744073709551615)");
    options.seed = 7; /* what the program says comes first */
    CHECK_INT(setenv("PYTHREADING_SEED", "x", 1), 0);
    CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_RUNTIME_ERROR);
    check_message("(seed 7)");
}

TEST(a_schedule_in_the_environment_is_repeated_or_refused, NOT_SIMULATED, "a run cannot simulate") {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 0, 0, 0, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_RUNTIME_ERROR);
    CHECK_INT(setenv("PYTHREADING_SCHEDULE", pyt_simulate_schedule(), 1), 0);
    CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_simulate_runs(), 1);
    CHECK_STR(pyt_simulate_schedule(), getenv("PYTHREADING_SCHEDULE"));
    CHECK_INT(setenv("PYTHREADING_SCHEDULE", "2x1,", 1), 0);
    CHECK_STATUS(pyt_simulate(&options, in_two_orders, NULL), PYT_VALUE_ERROR);
}

/* ---- what is said when the process ends, or does not ---- */

static void end_the_process(void *how) {
    pyt_step();
    if (*(const char *)how == 'a') {
        abort();
    }
    exit(3);
}

static void simulate_an_end(void *how) {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 0, 5, 0, 0, NULL, true};
    (void)pyt_simulate(&options, end_the_process, how);
}

TEST(a_program_that_ends_in_a_run_says_its_seed_and_schedule, NOT_SIMULATED | NEEDS_PROCESSES,
     "a run cannot simulate") {
    char output[4096];
    CHECK(test_child(simulate_an_end, (void *)"abort", output, sizeof output) > 128);
    CHECK(strstr(output, "the program aborted") != NULL && strstr(output, "(seed 5)") != NULL);
    CHECK(strstr(output, "PYTHREADING_SCHEDULE=") != NULL);
    CHECK_INT(test_child(simulate_an_end, (void *)"exit", output, sizeof output), 3);
    CHECK(strstr(output, "called exit") != NULL && strstr(output, "(seed 5)") != NULL);
    CHECK(strstr(output, "PYTHREADING_SCHEDULE=") != NULL);
}

/* A call that blocks until something is written to stderr. */
static void block(void *descriptor) {
    char text[512];
    size_t length = 0;
    while (memchr(text, '\n', length) == NULL) {
        ssize_t got = read(*(int *)descriptor, text + length, sizeof text - length);
        PYT_CHECK(got > 0);
        length += (size_t)got;
    }
    PYT_CHECK(memmem(text, length, "made no step", strlen("made no step")) != NULL);
}

TEST_LIMIT(a_call_that_blocks_a_run_is_reported_after_a_while, 60, NOT_SIMULATED,
           "a run cannot simulate") {
    int ends[2];
    int stderr_copy = dup(STDERR_FILENO);
    CHECK_INT(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 1, 0, 0, 0, NULL, true};
    pyt_status status = pyt_simulate(&options, block, &ends[0]);
    dup2(stderr_copy, STDERR_FILENO);
    CHECK_STATUS(status, PYT_OK);
}

#endif

#endif
