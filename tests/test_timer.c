/* Timer: a Thread that waits, without being a thread while it waits. */
#define _GNU_SOURCE
#include <dirent.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

static atomic_int fired;

static void fire(void *arg) {
    (void)arg;
    atomic_fetch_add(&fired, 1);
}

static void set_event(void *arg) {
    CHECK_STATUS(pyt_event_set(arg), PYT_OK);
}

static void *nothing(void *arg) {
    return arg;
}

static pyt_thread *made(double interval, void (*function)(void *), void *arg) {
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, interval, function, arg), PYT_OK);
    CHECK(timer != NULL);
    return timer;
}

static pyt_thread *started(double interval, void (*function)(void *), void *arg) {
    pyt_thread *timer = made(interval, function, arg);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    return timer;
}

/* ---- firing --------------------------------------------------------------------------------- */

TEST(a_timer_fires_once_after_its_interval_with_its_argument, NEEDS_THREADS) {
    double start = test_now();
    pyt_event event = PYT_EVENT_INIT;
    pyt_thread *timer = started(0.05, set_event, &event);
    CHECK(!pyt_event_is_set(&event));
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.05, 1.0);
    test_join(timer);
}

TEST(a_timer_that_is_not_started_does_not_fire) {
    pyt_thread *timer = made(0.001, fire, NULL);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_INT(pyt_active_count(), 1);
    test_join(started(0.02, fire, NULL));
    CHECK_INT(atomic_load(&fired), 1);
    pyt_thread_unref(timer);
}

TEST(intervals_of_zero_and_below_fire_at_once) {
    static const double intervals[] = {0.0, -0.0, -1.0, -1e300, -INFINITY, 1e-300};
    for (int i = 0; i < (int)(sizeof intervals / sizeof *intervals); i++) {
        double start = test_now();
        test_join(started(intervals[i], fire, NULL));
        CHECK_INT(atomic_load(&fired), i + 1);
        CHECK_WITHIN(test_now() - start, 0.0, 5);
    }
}

TEST(intervals_that_are_no_number_or_too_long_are_refused) {
    static const struct {
        double interval;
        pyt_status status;
    } table[] = {
        {NAN, PYT_VALUE_ERROR},
        {-NAN, PYT_VALUE_ERROR},
        {INFINITY, PYT_OVERFLOW_ERROR},
        {1e300, PYT_OVERFLOW_ERROR},
        {PYT_TIMEOUT_MAX * 1.000001, PYT_OVERFLOW_ERROR},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        pyt_thread *timer = NULL;
        CHECK_STATUS(pyt_timer_new(&timer, table[i].interval, fire, NULL), table[i].status);
        CHECK(timer == NULL);
        CHECK(pyt_error_message()[0] != '\0');
    }
    CHECK_INT(atomic_load(&fired), 0);
}

TEST(the_longest_interval_waits, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *timer = started(PYT_TIMEOUT_MAX, fire, NULL);
    pyt_thread *shorter = started(0.01, fire, NULL);
    test_join(shorter);
    CHECK_INT(atomic_load(&fired), 1);
    CHECK(pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    test_join(timer);
    CHECK_INT(atomic_load(&fired), 1);
}

typedef struct firing {
    double due, at;
} firing;

static void note_the_firing(void *arg) {
    firing *f = arg;
    f->at = test_now();
}

TEST(many_timers_started_in_any_order_fire_each_at_its_own_time,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    enum {
        count = 64
    };
    firing all[count];
    pyt_thread *timers[count];
    for (int i = 0; i < count; i++) {
        double interval = 0.005 * ((i * 37) % count);
        all[i] = (firing){.due = test_now() + interval, .at = 0};
        timers[i] = started(interval, note_the_firing, &all[i]);
    }
    for (int i = 0; i < count; i++) {
        test_join(timers[i]);
        CHECK(all[i].at != 0);
        CHECK_WITHIN(all[i].at - all[i].due, 0.0, 1.0);
    }
}

TEST(an_earlier_timer_started_later_is_not_kept_waiting, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_event event = PYT_EVENT_INIT;
    pyt_thread *late = started(1000, fire, NULL);
    double start = test_now();
    pyt_thread *soon = started(0.01, set_event, &event);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.01, 1.0);
    test_join(soon);
    CHECK_STATUS(pyt_timer_cancel(late), PYT_OK);
    test_join(late);
    CHECK_INT(atomic_load(&fired), 0);
}

/* The first callbacks cannot end before the last has run, so that one that waits for its turn
 * behind another hangs here. */
static pyt_barrier all_at_once = PYT_BARRIER_INIT(10);

static void meet_the_others(void *arg) {
    CHECK_STATUS(pyt_barrier_wait(&all_at_once, NULL), PYT_OK);
    fire(arg);
}

TEST(a_late_callback_never_delays_another_timer, NEEDS_THREADS) {
    pyt_thread *timers[10];
    for (int i = 0; i < 10; i++) {
        timers[i] = started(0.002 * i, meet_the_others, NULL);
    }
    for (int i = 0; i < 10; i++) {
        test_join(timers[i]);
    }
    CHECK_INT(atomic_load(&fired), 10);
}

static void start_another(void *arg) {
    int left = *(int *)arg;
    fire(NULL);
    if (left > 0) {
        *(int *)arg = left - 1;
        pyt_thread_unref(started(0.0005, start_another, arg));
    } else {
        *(int *)arg = -1;
    }
}

TEST(a_callback_can_start_the_next_timer) {
    int left = 20;
    pyt_thread_unref(started(0, start_another, &left));
    while (pyt_active_count() > 1) {
        test_sleep(0.001);
    }
    CHECK_INT(atomic_load(&fired), 21);
    CHECK_INT(left, -1);
}

/* ---- cancel, in every state ----------------------------------------------------------------- */

TEST(a_timer_cancelled_before_start_starts_and_ends_without_firing) {
    pyt_thread *timer = made(0, fire, NULL);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_thread_join(timer), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_thread_start(timer), PYT_RUNTIME_ERROR);
    CHECK_INT(atomic_load(&fired), 0);
    CHECK_INT(pyt_active_count(), 1);
    pyt_thread_unref(timer);
}

TEST(a_timer_cancelled_while_it_waits_ends_without_firing, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *timer = started(1000, fire, NULL);
    CHECK(pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_INT(atomic_load(&fired), 0);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_STATUS(pyt_thread_result(timer, NULL), PYT_OK);
    pyt_thread_unref(timer);
}

static pyt_event began, go_on;

static void stay(void *arg) {
    CHECK_STATUS(pyt_event_set(&began), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&go_on), PYT_OK);
    fire(arg);
}

TEST(a_cancel_while_the_callback_runs_has_no_effect, NEEDS_THREADS) {
    pyt_thread *timer = started(0, stay, NULL);
    CHECK_STATUS(pyt_event_wait(&began), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK(pyt_thread_is_alive(timer));
    CHECK_STATUS(pyt_event_set(&go_on), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK_INT(atomic_load(&fired), 1);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_INT(atomic_load(&fired), 1);
    pyt_thread_unref(timer);
}

static pyt_event in_the_trace, out_of_the_trace;

static void stay_in_the_trace(pyt_thread *thread, pyt_trace_event event) {
    (void)thread;
    if (event == PYT_TRACE_CALL) {
        CHECK_STATUS(pyt_event_set(&in_the_trace), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&out_of_the_trace), PYT_OK);
    }
}

TEST(a_timer_cancelled_when_its_thread_has_begun_but_not_its_function_does_not_fire,
     NEEDS_THREADS) {
    pyt_settrace(stay_in_the_trace);
    pyt_thread *timer = started(0, fire, NULL);
    CHECK_STATUS(pyt_event_wait(&in_the_trace), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_event_set(&out_of_the_trace), PYT_OK);
    test_join(timer);
    CHECK_INT(atomic_load(&fired), 0);
}

static void cancel_self(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_timer_cancel(pyt_current_thread()), PYT_OK);
    fire(NULL);
}

TEST(a_callback_may_cancel_its_own_timer) {
    test_join(started(0, cancel_self, NULL));
    CHECK_INT(atomic_load(&fired), 1);
}

static void cancel_other(void *arg) {
    CHECK_STATUS(pyt_timer_cancel(arg), PYT_OK);
}

TEST(a_callback_may_cancel_another_timer, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *late = started(1000, fire, NULL);
    test_join(started(0.001, cancel_other, late));
    test_join(late);
    CHECK_INT(atomic_load(&fired), 0);
}

TEST(threads_that_are_no_timers_cannot_be_cancelled) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(thread), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_timer_cancel(pyt_main_thread()), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(thread), PYT_VALUE_ERROR);
    test_join(thread);
}

/* ---- a Timer is a Thread -------------------------------------------------------------------- */

TEST(a_timer_is_named_and_numbered_like_any_thread) {
    pyt_thread *first = made(1000, fire, NULL), *second = NULL, *third = made(0, fire, NULL);
    CHECK_STATUS(pyt_thread_new(&second, NULL), PYT_OK);
    CHECK_STR(pyt_thread_name(first), "Thread-1");
    CHECK_STR(pyt_thread_name(third), "Thread-2");
    CHECK_STR(pyt_thread_name(second), "Thread-3");
    CHECK_STATUS(pyt_thread_set_name(first, "alarm clock"), PYT_OK);
    CHECK_STR(pyt_thread_name(first), "alarm clock");
    pyt_thread_unref(first);
    pyt_thread_unref(second);
    pyt_thread_unref(third);
}

typedef struct seen_inside {
    pyt_thread *current;
    pyt_ident ident;
    char name[64];
    size_t alive;
} seen_inside;

static void look_inside(void *arg) {
    seen_inside *seen = arg;
    seen->current = pyt_current_thread();
    seen->ident = pyt_get_ident();
    seen->alive = pyt_active_count();
    snprintf(seen->name, sizeof seen->name, "%s", pyt_thread_name(seen->current));
}

TEST(the_current_thread_of_a_callback_is_its_timer) {
    seen_inside seen;
    pyt_thread *timer = made(0.001, look_inside, &seen);
    CHECK_STATUS(pyt_thread_set_name(timer, "bell"), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK(seen.current == timer);
    CHECK_INT(seen.ident, pyt_thread_ident(timer));
    CHECK(seen.ident != 0 && seen.ident != pyt_get_ident());
    CHECK_STR(seen.name, "bell");
    CHECK_INT(seen.alive, 2);
    pyt_thread_unref(timer);
}

static int listed(const pyt_thread *thread) {
    pyt_thread *list[16];
    size_t count = pyt_enumerate(list, 16);
    int found = 0;
    CHECK(count <= 16);
    for (size_t i = 0; i < count; i++) {
        found += list[i] == thread;
        pyt_thread_unref(list[i]);
    }
    return found;
}

TEST(a_waiting_timer_is_alive_and_listed_and_its_service_is_not, NEEDS_THREADS) {
    pyt_thread *timer = made(1000, fire, NULL);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_INT(listed(timer), 0);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK(pyt_thread_is_alive(timer));
    CHECK_INT(listed(timer), 1);
    CHECK_INT(pyt_active_count(), 2);
    CHECK_STATUS(pyt_thread_start(timer), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK(!pyt_thread_is_alive(timer));
    CHECK_INT(listed(timer), 0);
    CHECK_INT(pyt_active_count(), 1);
    pyt_thread_unref(timer);
}

TEST(join_with_a_timeout_waits_for_the_callback_to_end, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *timer = started(0.02, stay, NULL);
    double start = test_now();
    CHECK_STATUS(pyt_thread_join_timeout(timer, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_thread_join_timeout(timer, -1), PYT_TIMEOUT);
    CHECK_STATUS(pyt_thread_join_timeout(timer, 0.005), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_wait(&began), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.015, 1.0);
    CHECK_STATUS(pyt_thread_join_timeout(timer, 0.005), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_set(&go_on), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(timer, 1000), PYT_OK);
    CHECK_INT(atomic_load(&fired), 1);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    pyt_thread_unref(timer);
}

static void *join_it(void *arg) {
    CHECK_STATUS(pyt_thread_join(arg), PYT_OK);
    return NULL;
}

TEST(many_threads_can_join_a_timer_that_is_then_cancelled, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *timer = started(1000, fire, NULL), *joiners[4];
    for (int i = 0; i < 4; i++) {
        joiners[i] = test_thread(join_it, timer);
    }
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    for (int i = 0; i < 4; i++) {
        test_join(joiners[i]);
    }
    test_join(timer);
    CHECK_INT(atomic_load(&fired), 0);
}

static void join_own_timer(void *arg) {
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    fire(arg);
}

TEST(a_timer_cannot_join_itself) {
    test_join(started(0, join_own_timer, NULL));
    CHECK_INT(atomic_load(&fired), 1);
}

static void raise_it(void *arg) {
    pyt_raise(3, arg);
}

static void leave(void *arg) {
    fire(arg);
    pyt_exit();
}

static void count_hook(const pyt_excepthook_args *args) {
    CHECK_STR(args->message, "late");
    atomic_fetch_add(&fired, 100);
}

TEST(a_callback_may_end_by_raise_or_exit) {
    pyt_set_excepthook(count_hook);
    pyt_thread *timer = started(0.001, raise_it, (void *)"late");
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_result(timer, NULL), PYT_TASK_ERROR);
    CHECK_INT(atomic_load(&fired), 100);
    pyt_thread_unref(timer);
    timer = started(0.001, leave, NULL);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_result(timer, NULL), PYT_OK);
    CHECK_INT(atomic_load(&fired), 101);
    pyt_thread_unref(timer);
}

TEST(a_timer_takes_daemon_from_its_maker_and_keeps_it_after_start, NEEDS_THREADS) {
    pyt_thread *timer = made(1000, fire, NULL);
    CHECK(!pyt_thread_daemon(timer));
    CHECK_STATUS(pyt_thread_set_daemon(timer, true), PYT_OK);
    CHECK(pyt_thread_daemon(timer));
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_set_daemon(timer, false), PYT_RUNTIME_ERROR);
    CHECK(pyt_thread_daemon(timer));
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    test_join(timer);
}

TEST(run_called_by_hand_waits_and_fires_in_the_callers_thread) {
    seen_inside seen;
    pyt_thread *timer = made(0.03, look_inside, &seen);
    double start = test_now();
    CHECK_STATUS(pyt_thread_run(timer), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.03, 1.0);
    CHECK(seen.current == pyt_main_thread());
    CHECK_INT(seen.ident, pyt_get_ident());
    CHECK_INT(seen.alive, 1);
    pyt_thread_unref(timer);
    timer = made(1000, fire, NULL);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_run(timer), PYT_OK);
    CHECK_INT(atomic_load(&fired), 0);
    pyt_thread_unref(timer);
}

/* ---- handles and memory --------------------------------------------------------------------- */

TEST(a_timer_whose_handle_is_dropped_while_it_waits_still_fires, NEEDS_THREADS) {
    test_join(started(0, fire, NULL));
    long before = test_live_allocations();
    pyt_event event = PYT_EVENT_INIT;
    pyt_thread_unref(started(0.02, set_event, &event));
    CHECK_INT(pyt_active_count(), 2);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    double end = test_now() + 15.0;
    while (pyt_active_count() > 1 || test_live_allocations() > before) {
        CHECK(test_now() < end);
        test_sleep(0.001);
    }
}

TEST(a_cancelled_timer_is_freed_with_its_handle, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *waits = started(1000, fire, NULL);
    pyt_thread *first = started(999, fire, NULL);
    CHECK_STATUS(pyt_timer_cancel(first), PYT_OK);
    test_join(first);
    long before = test_live_allocations();
    for (int i = 0; i < 100; i++) {
        pyt_thread *timer = started(500, fire, NULL);
        CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
        test_join(timer);
    }
    double end = test_now() + 15.0;
    while (test_live_allocations() != before) {
        CHECK(test_now() < end);
        test_sleep(0.001);
    }
    CHECK_STATUS(pyt_timer_cancel(waits), PYT_OK);
    test_join(waits);
}

static size_t tasks_of_this_process(void) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/task");
    if (directory == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

TEST(the_next_timer_is_the_earliest_whichever_are_cancelled, NEEDS_THREADS) {
    enum {
        COUNT = 300
    };
    pyt_thread *timers[COUNT];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            timers[i] = started(1000 + (i * 7919) % COUNT, fire, NULL);
            CHECK(test_next_timer_is_the_earliest());
        }
        /* In the order of their times, then in another one. */
        for (int i = 0; i < COUNT; i++) {
            for (int j = 0; round == 0 && j < COUNT; j++) {
                if ((j * 7919) % COUNT == i) {
                    CHECK_STATUS(pyt_timer_cancel(timers[j]), PYT_OK);
                }
            }
            if (round == 1) {
                CHECK_STATUS(pyt_timer_cancel(timers[(i * 77) % COUNT]), PYT_OK);
            }
            CHECK(test_next_timer_is_the_earliest());
        }
        for (int i = 0; i < COUNT; i++) {
            test_join(timers[i]);
        }
    }
}

TEST_LIMIT(a_hundred_thousand_timers_wait_in_one_thread_and_little_memory, 60,
           NEEDS_THREADS | NOT_UNDER_HELGRIND | NEEDS_LASTING_TIMEOUTS,
           "it is about numbers: millions of steps of few threads") {
    int count = test_scale(100000);
    pyt_thread **timers = malloc((size_t)count * sizeof *timers);
    CHECK(timers != NULL);
    /* The main thread, and one that an emulator may have. */
    size_t at_first = tasks_of_this_process();
    pyt_thread *soon = started(0, fire, NULL);
    test_join(soon);
    long long before = test_live_bytes();
    double start = test_now();
    for (int i = 0; i < count; i++) {
        timers[i] = started(1000 + (i * 7919) % count, fire, NULL);
    }
    double each = (double)(test_live_bytes() - before) / count;
    double taken = test_now() - start;
    size_t tasks = tasks_of_this_process();
    printf("%d waiting timers: %.1f bytes each, %zu threads in the process, %.2f us to start\n",
           count, each, tasks, 1e6 * taken / count);
    if (count == 100000) {
        CHECK(each <= 128.0);
    }
    /* The service, and threads of a sanitizer. */
    CHECK(tasks <= at_first + (TEST_UNDER_TSAN ? 3 : 1));
    CHECK_INT(pyt_active_count(), count + 1);
    /* One more in front of all of them is on time. */
    start = test_now();
    test_join(started(0.01, fire, NULL));
    CHECK_WITHIN(test_now() - start, 0.01, 1.0);
    CHECK_INT(atomic_load(&fired), 2);
    start = test_now();
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_timer_cancel(timers[(int)((i * 104729LL) % count)]), PYT_OK);
    }
    for (int i = 0; i < count; i++) {
        test_join(timers[i]);
    }
    printf("%.2f us to cancel and join\n", 1e6 * (test_now() - start) / count);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(atomic_load(&fired), 2);
    free(timers);
}

/* ---- many threads at once ------------------------------------------------------------------- */

typedef struct counted_timer {
    atomic_int fired;
    bool cancelled;
    pyt_thread *timer;
} counted_timer;

static void count_own(void *arg) {
    atomic_fetch_add(&((counted_timer *)arg)->fired, 1);
}

static atomic_int never_fired, fired_in_all;

static void *start_and_cancel(void *arg) {
    enum {
        batch = 20
    };
    unsigned seed = (unsigned)(uintptr_t)arg;
    for (int round = 0; round < test_scale(25); round++) {
        counted_timer all[batch];
        for (int i = 0; i < batch; i++) {
            seed = seed * 1103515245u + 12345u;
            atomic_init(&all[i].fired, 0);
            all[i].cancelled = (seed >> 16) % 2 == 0;
            all[i].timer = started((double)((seed >> 17) % 20) * 0.0001, count_own, &all[i]);
        }
        for (int i = 0; i < batch; i++) {
            if (all[i].cancelled) {
                CHECK_STATUS(pyt_timer_cancel(all[i].timer), PYT_OK);
            }
        }
        for (int i = 0; i < batch; i++) {
            test_join(all[i].timer);
            int times = atomic_load(&all[i].fired);
            CHECK(times == 1 || (times == 0 && all[i].cancelled));
            atomic_fetch_add(times == 1 ? &fired_in_all : &never_fired, 1);
        }
    }
    return NULL;
}

TEST_LIMIT(every_timer_of_many_threads_fires_once_or_was_cancelled, 60) {
    pyt_thread *threads[6];
    for (uintptr_t i = 0; i < 6; i++) {
        threads[i] = test_thread(start_and_cancel, (void *)(i + 1));
    }
    for (int i = 0; i < 6; i++) {
        test_join(threads[i]);
    }
    CHECK_INT(atomic_load(&fired_in_all) + atomic_load(&never_fired), 6 * 20 * test_scale(25));
    CHECK_INT(pyt_active_count(), 1);
}

/* A timer that many cancel while it is due: it fires once or never, and every join returns. */
static void *cancel_it(void *arg) {
    CHECK_STATUS(pyt_timer_cancel(arg), PYT_OK);
    CHECK_STATUS(pyt_thread_join(arg), PYT_OK);
    return NULL;
}

TEST(cancel_and_firing_at_the_same_moment_agree_on_one_of_the_two) {
    for (int i = 0; i < test_scale(100); i++) {
        int before = atomic_load(&fired);
        pyt_thread *timer = started(0.0002, fire, NULL);
        pyt_thread *one = test_thread(cancel_it, timer);
        pyt_thread *two = test_thread(cancel_it, timer);
        CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
        int after = atomic_load(&fired);
        CHECK(after == before || after == before + 1);
        test_join(one);
        test_join(two);
        CHECK_INT(atomic_load(&fired), after);
        pyt_thread_unref(timer);
    }
}
