/* What _thread has: start_new_thread, stack_size, TIMEOUT_MAX. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

/* ---- start_new_thread ----------------------------------------------------------------------- */

typedef struct raw {
    pyt_event running, leave;
    pyt_ident ident;
    unsigned long native_id;
    size_t count_before, count_after;
    pyt_thread *current;
    bool daemon;
    char name[32];
} raw;

static void run_raw(void *arg) {
    raw *r = arg;
    r->ident = pyt_get_ident();
    r->native_id = pyt_get_native_id();
    CHECK_STATUS(pyt_event_set(&r->running), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&r->leave), PYT_OK);
}

static void run_raw_and_ask(void *arg) {
    raw *r = arg;
    r->count_before = pyt_active_count();
    r->current = pyt_current_thread();
    r->count_after = pyt_active_count();
    r->daemon = pyt_thread_daemon(r->current);
    snprintf(r->name, sizeof r->name, "%s", pyt_thread_name(r->current));
    CHECK_STATUS(pyt_thread_join(r->current), PYT_RUNTIME_ERROR);
    run_raw(r);
}

static void wait_for_active(size_t count) {
    double end = test_now() + 15.0;
    while (pyt_active_count() != count) {
        CHECK(test_now() < end);
        test_sleep(0.001);
    }
}

TEST(a_raw_thread_runs_its_function_in_a_thread_of_its_own, NEEDS_THREADS) {
    static raw r;
    pyt_ident ident = 0;
    CHECK_STATUS(pyt_start_new_thread(run_raw, &r, &ident), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&r.running), PYT_OK);
    CHECK(ident != 0);
    CHECK(ident != pyt_get_ident());
    CHECK_INT(r.ident, ident);
    CHECK(r.native_id != 0 && r.native_id != pyt_get_native_id());
    CHECK_INT(pyt_active_count(), 1);
    PARKED_EVENT(&r.leave, 1);
    CHECK_STATUS(pyt_event_set(&r.leave), PYT_OK);
}

TEST(a_raw_thread_that_asks_for_itself_is_a_dummy_until_it_ends, NEEDS_THREADS) {
    static raw r;
    CHECK_STATUS(pyt_start_new_thread(run_raw_and_ask, &r, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&r.running), PYT_OK);
    CHECK_INT(r.count_before, 1);
    CHECK_INT(r.count_after, 2);
    CHECK(r.daemon);
    CHECK(strncmp(r.name, "Dummy-", 6) == 0);
    CHECK_INT(pyt_active_count(), 2);
    CHECK_STATUS(pyt_event_set(&r.leave), PYT_OK);
    wait_for_active(1);
}

static atomic_int runs;

static void count_run(void *arg) {
    atomic_fetch_add(&runs, 1);
    CHECK_STATUS(pyt_semaphore_release(arg), PYT_OK);
}

TEST(raw_threads_leave_nothing_behind) {
    static pyt_semaphore done;
    long before = 0;
    int count = test_scale(300) + 20;
    for (int i = 0; i < count; i++) {
        pyt_ident ident = 0;
        CHECK_STATUS(pyt_start_new_thread(count_run, &done, &ident), PYT_OK);
        CHECK(ident != 0);
        CHECK_STATUS(pyt_semaphore_acquire(&done), PYT_OK);
        before = i == 0 ? test_live_allocations() : before;
    }
    CHECK_INT(atomic_load(&runs), count);
    /* Several may be in their last steps at a time; what they leave must not grow with their
     * number. */
    double end = test_now() + 10.0;
    while (test_live_allocations() > before + 10 + count / 8) {
        CHECK(test_now() < end);
        test_sleep(0.001);
    }
}

static pyt_event ended;

static void say_goodbye(void *value) {
    (void)value;
    CHECK_STATUS(pyt_event_set(&ended), PYT_OK);
}

static pyt_local farewell = PYT_LOCAL_INIT(1, NULL, say_goodbye);
static atomic_int steps;

static void exit_in_the_middle(void *arg) {
    (void)arg;
    CHECK(pyt_local_get(&farewell) != NULL);
    atomic_store(&steps, 1);
    pyt_exit();
}

static void raise_in_the_middle(void *arg) {
    CHECK(pyt_local_get(&farewell) != NULL);
    atomic_store(&steps, 1);
    pyt_raise(8, arg);
}

static atomic_int hook_calls;

static void count_hook(const pyt_excepthook_args *args) {
    CHECK_INT(args->code, 8);
    CHECK_STR(args->message, "raw");
    atomic_fetch_add(&hook_calls, 1);
}

TEST(a_raw_thread_may_end_by_exit_in_silence) {
    pyt_set_excepthook(count_hook);
    CHECK_STATUS(pyt_start_new_thread(exit_in_the_middle, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&ended), PYT_OK);
    CHECK_INT(atomic_load(&steps), 1);
    CHECK_INT(atomic_load(&hook_calls), 0);
    wait_for_active(1);
}

TEST_ALONE(a_raw_thread_may_end_by_raise_and_the_hook_is_told) {
    pyt_set_excepthook(count_hook);
    CHECK_STATUS(pyt_start_new_thread(raise_in_the_middle, (void *)"raw", NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&ended), PYT_OK);
    CHECK_INT(atomic_load(&steps), 1);
    CHECK_INT(atomic_load(&hook_calls), 1);
    wait_for_active(1);
}

/* ---- stack_size ----------------------------------------------------------------------------- */

TEST(stack_size_is_zero_until_it_is_set) {
    CHECK_INT(pyt_stack_size(), 0);
    CHECK_STATUS(pyt_set_stack_size(262144), PYT_OK);
    CHECK_INT(pyt_stack_size(), 262144);
    CHECK_STATUS(pyt_set_stack_size(0), PYT_OK);
    CHECK_INT(pyt_stack_size(), 0);
}

TEST(a_stack_size_that_is_too_small_is_refused_and_changes_nothing) {
    static const size_t too_small[] = {1, 2, 4096, 32767};
    CHECK_STATUS(pyt_set_stack_size(1u << 20), PYT_OK);
    for (size_t i = 0; i < sizeof too_small / sizeof *too_small; i++) {
        CHECK_STATUS(pyt_set_stack_size(too_small[i]), PYT_VALUE_ERROR);
        CHECK_INT(pyt_stack_size(), 1u << 20);
    }
    CHECK_STATUS(pyt_set_stack_size(32768), PYT_OK);
    CHECK_INT(pyt_stack_size(), 32768);
}

static pyt_event measured;

static void measure_stack(void *arg) {
    *(size_t *)arg = test_stack_size();
    CHECK_STATUS(pyt_event_set(&measured), PYT_OK);
}

TEST_ALONE(raw_threads_use_the_stack_size, NEEDS_THREADS) {
    static const size_t sizes[] = {3u << 20, 5u << 20};
    for (size_t i = 0; i < 2; i++) {
        size_t seen = 0;
        CHECK_STATUS(pyt_set_stack_size(sizes[i]), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&measured), PYT_OK);
        CHECK_STATUS(pyt_start_new_thread(measure_stack, &seen, NULL), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&measured), PYT_OK);
        CHECK(seen + (128u << 10) >= sizes[i]);
        CHECK(seen <= sizes[i] + (128u << 10));
    }
}

TEST(a_raw_thread_for_which_there_is_no_room_is_refused, NEEDS_THREADS) {
    static raw r;
    pyt_ident ident = 5;
    CHECK_STATUS(pyt_set_stack_size(SIZE_MAX - SIZE_MAX / 64), PYT_OK);
    CHECK_STATUS(pyt_start_new_thread(run_raw, &r, &ident), PYT_MEMORY_ERROR);
    CHECK_INT(ident, 5);
    CHECK_STATUS(pyt_set_stack_size(0), PYT_OK);
    CHECK_STATUS(pyt_start_new_thread(run_raw, &r, &ident), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&r.running), PYT_OK);
    CHECK_INT(ident, r.ident);
    PARKED_EVENT(&r.leave, 1);
    CHECK_STATUS(pyt_event_set(&r.leave), PYT_OK);
}

/* ---- TIMEOUT_MAX ---------------------------------------------------------------------------- */

TEST(timeout_max_is_about_three_hundred_years) {
    CHECK(PYT_TIMEOUT_MAX == 9223372036.0);
}

static void *set_it(void *arg) {
    pyt_event *event = arg;
    PARKED_EVENT(event, 1);
    CHECK_STATUS(pyt_event_set(event), PYT_OK);
    return NULL;
}

TEST(a_wait_of_timeout_max_really_waits, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_event event = PYT_EVENT_INIT;
    pyt_thread *thread = test_thread(set_it, &event);
    CHECK_STATUS(pyt_event_wait_timeout(&event, PYT_TIMEOUT_MAX), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(thread, PYT_TIMEOUT_MAX), PYT_OK);
    pyt_thread_unref(thread);
}

TEST(a_timeout_above_timeout_max_is_an_overflow) {
    pyt_event event = PYT_EVENT_INIT;
    double above = PYT_TIMEOUT_MAX + 1.0 / 1024;
    CHECK(above > PYT_TIMEOUT_MAX);
    CHECK_STATUS(pyt_event_wait_timeout(&event, above), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&event, above), PYT_OVERFLOW_ERROR);
}
