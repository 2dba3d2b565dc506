/* Simulated schedules, as a program sees them. Most holds in both builds: a body is run once or as
 * often as asked for, and what it shares is its own. */
#include "test.h"

static void count_a_run(void *count) {
    ++*(int *)count;
    pyt_step();
    PYT_CHECK(*(int *)count > 0);
}

TEST(a_body_is_run_as_often_as_asked_for) {
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

TEST(a_deadlock_is_found_and_its_schedule_finds_it_again) {
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

TEST(the_reported_seed_and_schedule_fail_again_in_the_same_way) {
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

TEST(locks_taken_in_one_order_pass) {
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

TEST(hours_pass_in_no_time) {
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

TEST(a_daemon_that_is_left_ends_with_the_run) {
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

TEST(what_cannot_be_simulated_is_refused_or_fails) {
    pyt_simulate_options options = {PYT_STRATEGY_RANDOM, 2, 0, 0, 1000, NULL, true};
    CHECK_STATUS(pyt_simulate(&options, step_for_ever, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_simulate(&options, check_what_is_false, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_simulate(&options, simulate_inside, NULL), PYT_OK);
    options.strategy = (pyt_strategy)(PYT_STRATEGY_EXHAUSTIVE + 1);
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_VALUE_ERROR);
    options.strategy = PYT_STRATEGY_RANDOM;
    options.bound = -1;
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_VALUE_ERROR);
    options.bound = 0;
    options.schedule = "2x1,";
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_VALUE_ERROR);
    options.schedule = "1x1,1x9";
    CHECK_STATUS(pyt_simulate(&options, sleep_for_hours, NULL), PYT_RUNTIME_ERROR);
    CHECK(strstr(pyt_error_message(), "step ") != NULL);
}

#endif
