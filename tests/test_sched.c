/* The scheduler, mostly on a virtual clock. */
#include "test.h"

#include <math.h>
#include <stdatomic.h>

#define SLEEPERS(scheduler, n) test_wait_parked(&(scheduler)->pyt__sleepers, (n))

/* A clock that moves only when the scheduler waits. */
typedef struct virtual_clock {
    double now;
    double delays[64]; /* what the scheduler waited */
    int count;
} virtual_clock;

static double virtual_time(void *arg) {
    return ((virtual_clock *)arg)->now;
}

static void virtual_delay(void *arg, double seconds) {
    virtual_clock *clock = arg;
    clock->delays[clock->count++ % 64] = seconds;
    clock->now += seconds;
}

static void init_virtual(pyt_scheduler *scheduler, virtual_clock *clock) {
    *clock = (virtual_clock){.now = 0};
    CHECK_STATUS(pyt_scheduler_init(scheduler, &(pyt_scheduler_options){.timefunc = virtual_time,
                                                                        .delayfunc = virtual_delay,
                                                                        .arg = clock}),
                 PYT_OK);
}

static char diary[4096];

static void write_down(void *arg) {
    strncat(diary, arg, sizeof diary - strlen(diary) - 1);
}

static void nothing(void *arg) {
    (void)arg;
}

static void enter_at(pyt_scheduler *scheduler, double time, int priority, const char *text) {
    CHECK_STATUS(pyt_scheduler_enterabs(scheduler, time, priority, write_down,
                                        (void *)(uintptr_t)text, NULL),
                 PYT_OK);
}

static void destroy(pyt_scheduler *scheduler) {
    CHECK_STATUS(pyt_scheduler_destroy(scheduler), PYT_OK);
}

/* ---- order ---- */

TEST(events_run_by_time_then_priority_then_order_of_entry) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    init_virtual(&scheduler, &clock);
    enter_at(&scheduler, 3, 1, "g");
    enter_at(&scheduler, 2, 2, "e");
    enter_at(&scheduler, 1, 1, "a");
    enter_at(&scheduler, 2, 1, "c");
    enter_at(&scheduler, 2, 1, "d");
    enter_at(&scheduler, 1, 9, "b");
    enter_at(&scheduler, 2, 9, "f");
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_STR(diary, "abcdefg");
    CHECK(clock.now >= 3 && clock.now <= 3);
    CHECK(pyt_scheduler_empty(&scheduler));
    destroy(&scheduler);
}

TEST(the_delay_function_is_called_for_the_time_between_and_with_0_after_each_event) {
    static const double wanted[] = {1, 0, 0, 1.5, 0};
    pyt_scheduler scheduler;
    virtual_clock clock;
    init_virtual(&scheduler, &clock);
    enter_at(&scheduler, 1, 0, "a");
    enter_at(&scheduler, 1, 0, "b");
    enter_at(&scheduler, 2.5, 0, "c");
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_INT(clock.count, 5);
    CHECK(memcmp(clock.delays, wanted, sizeof wanted) == 0);
    destroy(&scheduler);
}

TEST(enter_counts_from_now_and_late_events_run_at_once) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    pyt_sched_event event;
    init_virtual(&scheduler, &clock);
    clock.now = 100;
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 5, 3, nothing, &clock, &event), PYT_OK);
    CHECK(event.time >= 105 && event.time <= 105);
    CHECK_INT(event.priority, 3);
    CHECK(event.action == nothing && event.arg == &clock);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, -5, 0, write_down, "late", NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, -INFINITY, 0, write_down, "very ", NULL), PYT_OK);
    double next = 0;
    CHECK_STATUS(pyt_scheduler_run_nowait(&scheduler, &next), PYT_OK);
    CHECK_STR(diary, "very late");
    CHECK(next >= 5 && next <= 5);
    CHECK(pyt_scheduler_time(&scheduler) >= 100);
    destroy(&scheduler);
}

TEST(run_nowait_runs_what_is_due_and_tells_the_delay_to_the_next) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    double next = 7;
    init_virtual(&scheduler, &clock);
    CHECK_STATUS(pyt_scheduler_run_nowait(&scheduler, &next), PYT_OK);
    CHECK(next < 0);
    enter_at(&scheduler, 1, 0, "a");
    enter_at(&scheduler, 2, 0, "b");
    CHECK_STATUS(pyt_scheduler_run_nowait(&scheduler, &next), PYT_OK);
    CHECK(next >= 1 && next <= 1);
    CHECK_STR(diary, "");
    clock.now = 1.5;
    CHECK_STATUS(pyt_scheduler_run_nowait(&scheduler, &next), PYT_OK);
    CHECK(next >= 0.5 && next <= 0.5);
    CHECK_STR(diary, "a");
    clock.now = 2;
    CHECK_STATUS(pyt_scheduler_run_nowait(&scheduler, NULL), PYT_OK);
    CHECK_STR(diary, "ab");
    CHECK(pyt_scheduler_empty(&scheduler));
    destroy(&scheduler);
}

static pyt_scheduler chain;

static void add_next(void *arg) {
    int left = *(int *)arg;
    write_down("x");
    if (left > 0) {
        --*(int *)arg;
        CHECK_STATUS(pyt_scheduler_enter(&chain, 1, 0, add_next, arg, NULL), PYT_OK);
    }
}

TEST(an_action_may_enter_events) {
    virtual_clock clock;
    int left = 5;
    init_virtual(&chain, &clock);
    CHECK_STATUS(pyt_scheduler_enter(&chain, 1, 0, add_next, &left, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_run(&chain), PYT_OK);
    CHECK_STR(diary, "xxxxxx");
    CHECK(clock.now >= 6 && clock.now <= 6);
    destroy(&chain);
}

/* ---- cancel, queue ---- */

TEST(a_cancelled_event_does_not_run_and_cannot_be_cancelled_again) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    pyt_sched_event events[3];
    init_virtual(&scheduler, &clock);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_scheduler_enter(&scheduler, i, 0, write_down, "x", &events[i]), PYT_OK);
    }
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &events[1]), PYT_OK);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &events[1]), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "event not in queue");
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_STR(diary, "xx");
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &events[0]), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &events[2]), PYT_VALUE_ERROR);
    destroy(&scheduler);
}

TEST(a_stale_event_never_matches_one_that_took_its_place) {
    pyt_scheduler scheduler, other;
    virtual_clock clock;
    pyt_sched_event old, fresh, zero = {0};
    init_virtual(&scheduler, &clock);
    CHECK_STATUS(pyt_scheduler_init(&other, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1, 0, write_down, "old", &old), PYT_OK);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &old), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1, 0, write_down, "fresh", &fresh), PYT_OK);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &old), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &zero), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_cancel(&other, &fresh), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_STR(diary, "fresh");
    destroy(&scheduler);
    init_virtual(&scheduler, &clock); /* the same place, another scheduler */
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1, 0, nothing, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &old), PYT_VALUE_ERROR);
    destroy(&scheduler);
    destroy(&other);
}

TEST(queue_is_in_order_however_many_events_there_are) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    static pyt_sched_event list[60];
    init_virtual(&scheduler, &clock);
    unsigned random = 7;
    for (size_t count = 1; count <= 60; count++) {
        for (size_t i = 0; i < count; i++) {
            random = random * 1103515245u + 12345u;
            CHECK_STATUS(
                pyt_scheduler_enterabs(&scheduler, (double)(random >> 16), 0, nothing, NULL, NULL),
                PYT_OK);
        }
        for (size_t capacity = 1; capacity <= count; capacity++) {
            CHECK_INT(pyt_scheduler_queue(&scheduler, list, capacity), count);
            for (size_t i = 1; i < capacity; i++) {
                CHECK(list[i - 1].time <= list[i].time);
            }
        }
        for (size_t i = 0; i < count; i++) {
            CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &list[i]), PYT_OK);
        }
    }
    destroy(&scheduler);
}

TEST(queue_is_an_ordered_copy) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    static pyt_sched_event list[300];
    unsigned random = 1;
    init_virtual(&scheduler, &clock);
    CHECK_INT(pyt_scheduler_queue(&scheduler, list, 300), 0);
    for (int i = 0; i < 200; i++) {
        random = random * 1103515245u + 12345u;
        double time = (double)((random >> 16) % 50);
        CHECK_STATUS(
            pyt_scheduler_enterabs(&scheduler, time, (int)(random >> 8) % 3, nothing, NULL, NULL),
            PYT_OK);
    }
    static const size_t capacities[] = {300, 200, 199, 17, 1};
    pyt_sched_event all[200];
    CHECK_INT(pyt_scheduler_queue(&scheduler, all, 200), 200);
    for (int i = 1; i < 200; i++) {
        CHECK(all[i - 1].time <= all[i].time);
        if (all[i - 1].time >= all[i].time) {
            CHECK(all[i - 1].priority <= all[i].priority);
        }
    }
    for (int i = 0; i < 5; i++) {
        size_t listed = capacities[i] < 200 ? capacities[i] : 200;
        CHECK_INT(pyt_scheduler_queue(&scheduler, list, capacities[i]), 200);
        for (size_t j = 0; j < listed; j++) {
            CHECK_INT(list[j].pyt__entry, all[j].pyt__entry);
        }
    }
    CHECK_INT(pyt_scheduler_queue(&scheduler, NULL, 0), 200);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &all[77]), PYT_OK); /* copies serve as handles */
    CHECK_INT(pyt_scheduler_queue(&scheduler, NULL, 0), 199);
    destroy(&scheduler);
}

TEST(random_entries_and_cancellations_agree_with_a_simple_model) {
    pyt_scheduler scheduler;
    virtual_clock clock;
    static pyt_sched_event model[600];
    int count = 0;
    unsigned random = 5;
    init_virtual(&scheduler, &clock);
    for (int i = 0; i < test_scale(20000); i++) {
        random = random * 1103515245u + 12345u;
        unsigned dice = random >> 16;
        if (count < 600 && dice % 5 < 3) {
            CHECK_STATUS(pyt_scheduler_enter(&scheduler, dice % 100, (int)dice % 4, nothing, NULL,
                                             &model[count++]),
                         PYT_OK);
        } else if (count > 0) {
            int at = (int)dice % count;
            CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &model[at]), PYT_OK);
            model[at] = model[--count];
        }
        if (i % 100 == 0) {
            pyt_sched_event first;
            CHECK_INT(pyt_scheduler_queue(&scheduler, &first, 1), count);
            for (int j = 0; j < count; j++) {
                CHECK(model[j].time >= first.time);
            }
        }
    }
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK(pyt_scheduler_empty(&scheduler));
    destroy(&scheduler);
}

/* ---- bad input, memory ---- */

TEST(times_and_arguments_that_make_no_sense_are_refused) {
    pyt_scheduler scheduler, never = {0};
    pyt_sched_event event = {0};
    CHECK_STATUS(pyt_scheduler_init(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, NAN, 0, nothing, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, INFINITY, 0, nothing, NULL, NULL),
                 PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1e10, 0, nothing, NULL, NULL), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_scheduler_enterabs(&scheduler, NAN, 0, nothing, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_enterabs(&scheduler, INFINITY, 0, nothing, NULL, NULL),
                 PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_scheduler_enterabs(&scheduler, -INFINITY, 0, nothing, NULL, NULL),
                 PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1, 0, NULL, NULL, &event), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, NULL), PYT_VALUE_ERROR);
    CHECK(pyt_scheduler_empty(&scheduler));
    pyt_scheduler *wrong[] = {NULL, &never};
    for (int i = 0; i < 2; i++) {
        double next = 0;
        CHECK_STATUS(pyt_scheduler_enter(wrong[i], 1, 0, nothing, NULL, NULL), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_scheduler_enter(wrong[i], INFINITY, 0, nothing, NULL, NULL),
                     PYT_OVERFLOW_ERROR);
        CHECK_STATUS(pyt_scheduler_enterabs(wrong[i], 1, 0, nothing, NULL, NULL), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_scheduler_cancel(wrong[i], &event), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_scheduler_run(wrong[i]), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_scheduler_run_nowait(wrong[i], &next), PYT_VALUE_ERROR);
        CHECK(pyt_scheduler_empty(wrong[i]));
        CHECK_INT(pyt_scheduler_queue(wrong[i], &event, 1), 0);
    }
    CHECK_STATUS(pyt_scheduler_destroy(NULL), PYT_VALUE_ERROR);
    destroy(&never);
    destroy(&scheduler);
    destroy(&scheduler);
}

TEST(enter_without_memory_leaves_the_scheduler_as_it_was) {
    long before = test_live_bytes();
    pyt_scheduler scheduler;
    virtual_clock clock;
    int failures = 0;
    init_virtual(&scheduler, &clock);
    for (int i = 0; i < 1000; i++) {
        pyt_sched_event event;
        test_fail_nth(1);
        pyt_status status = pyt_scheduler_enter(&scheduler, i, 0, write_down, "x", &event);
        if (test_fault_fired()) {
            CHECK_STATUS(status, PYT_MEMORY_ERROR);
            CHECK_INT(pyt_scheduler_queue(&scheduler, NULL, 0), i);
            failures++;
            status = pyt_scheduler_enter(&scheduler, i, 0, write_down, "x", &event);
        }
        CHECK_STATUS(status, PYT_OK);
    }
    CHECK(failures > 3);
    test_fail_nth(0);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_INT(strlen(diary), 1000);
    destroy(&scheduler);
    CHECK_INT(test_live_bytes(), before);
}

TEST(the_first_run_that_sleeps_survives_want_of_memory) {
    pyt_scheduler scheduler;
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    for (long n = 1;; n++) {
        pyt_sched_event event;
        CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.01, 0, nothing, NULL, &event), PYT_OK);
        test_fail_nth(n);
        pyt_status status = pyt_scheduler_run(&scheduler);
        if (!test_fault_fired()) {
            CHECK_STATUS(status, PYT_OK);
            break;
        }
        CHECK_STATUS(status, PYT_MEMORY_ERROR);
        CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &event), PYT_OK);
    }
    test_fail_nth(0);
    destroy(&scheduler);
}

/* ---- raising actions ---- */

static pyt_scheduler failing;

static void raise_now(void *arg) {
    pyt_raise(17, arg);
}

static void *run_failing(void *arg) {
    CHECK_STATUS(pyt_scheduler_run(&failing), PYT_OK);
    return arg;
}

static atomic_int hooked;

static void hook(const pyt_excepthook_args *args) {
    CHECK_STR(args->message, "an action failed");
    atomic_fetch_add(&hooked, 1);
}

TEST(an_action_that_raises_is_gone_and_run_may_be_called_again) {
    virtual_clock clock;
    pyt_sched_event event;
    init_virtual(&failing, &clock);
    pyt_set_excepthook(hook);
    enter_at(&failing, 1, 0, "a");
    CHECK_STATUS(pyt_scheduler_enterabs(&failing, 2, 0, raise_now, "an action failed", &event),
                 PYT_OK);
    enter_at(&failing, 3, 0, "b");
    pyt_thread *thread = test_thread(run_failing, NULL);
    test_join(thread);
    CHECK_INT(atomic_fetch_add(&hooked, 0), 1);
    CHECK_STR(diary, "a");
    CHECK_INT(pyt_scheduler_queue(&failing, NULL, 0), 1);
    CHECK_STATUS(pyt_scheduler_cancel(&failing, &event), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_scheduler_run(&failing), PYT_OK);
    CHECK_STR(diary, "ab");
    destroy(&failing);
}

/* ---- real time, several threads ---- */

static void *run(void *arg) {
    CHECK_STATUS(pyt_scheduler_run(arg), PYT_OK);
    return arg;
}

static void set_event(void *arg) {
    CHECK_STATUS(pyt_event_set(arg), PYT_OK);
}

TEST(the_default_clock_waits_as_long_as_asked) {
    pyt_scheduler scheduler;
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    double start = test_now();
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.02, 0, write_down, "a", NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.05, 0, write_down, "b", NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.05, 1);
    CHECK_STR(diary, "ab");
    destroy(&scheduler);
}

TEST(an_earlier_event_of_another_thread_wakes_a_run_that_sleeps,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_scheduler scheduler;
    pyt_event done = PYT_EVENT_INIT;
    pyt_sched_event far;
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1000, 0, write_down, "far", &far), PYT_OK);
    pyt_thread *runner = test_thread(run, &scheduler);
    SLEEPERS(&scheduler, 1);
    CHECK_STATUS(pyt_scheduler_destroy(&scheduler), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 2000, 0, write_down, "further", NULL), PYT_OK);
    SLEEPERS(&scheduler, 1); /* that is no reason to wake */
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.01, 0, set_event, &done, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&done), PYT_OK);
    SLEEPERS(&scheduler, 1);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &far), PYT_OK);
    SLEEPERS(&scheduler, 1);
    CHECK_INT(pyt_scheduler_queue(&scheduler, &far, 1), 1);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &far), PYT_OK); /* the last one: run returns */
    test_join(runner);
    CHECK_STR(diary, "");
    destroy(&scheduler);
}

static const void *interrupt_at;

static void *interrupt_main(void *arg) {
    test_wait_parked(interrupt_at, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return arg;
}

TEST(a_run_that_sleeps_can_be_interrupted_and_run_again, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_scheduler scheduler;
    pyt_sched_event far;
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1000, 0, nothing, NULL, &far), PYT_OK);
    interrupt_at = &scheduler.pyt__sleepers;
    pyt_thread *interrupter = test_thread(interrupt_main, NULL);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_INTERRUPTED);
    test_join(interrupter);
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &far), PYT_OK);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    destroy(&scheduler);
}

static atomic_int ran;

static void count(void *arg) {
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

static atomic_int cancelled;

/* Enter events that are soon due and cancel every third of them, if that still works. */
static void *enter_many(void *arg) {
    for (int i = 0; i < test_scale(5000); i++) {
        pyt_sched_event event;
        CHECK_STATUS(pyt_scheduler_enter(arg, (i % 50) * 1e-5, i % 3, count, NULL, &event), PYT_OK);
        if (i % 3 == 0 && pyt_scheduler_cancel(arg, &event) == PYT_OK) {
            atomic_fetch_add(&cancelled, 1);
        }
    }
    return NULL;
}

TEST(several_threads_run_and_enter_and_every_event_runs_once_or_is_cancelled,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_scheduler scheduler;
    pyt_sched_event far;
    pyt_thread *runners[2], *enterers[3];
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 1000, 0, count, NULL, &far), PYT_OK);
    for (int i = 0; i < 2; i++) {
        runners[i] = test_thread(run, &scheduler);
    }
    for (int i = 0; i < 3; i++) {
        enterers[i] = test_thread(enter_many, &scheduler);
    }
    for (int i = 0; i < 3; i++) {
        test_join(enterers[i]);
    }
    CHECK_STATUS(pyt_scheduler_cancel(&scheduler, &far), PYT_OK);
    for (int i = 0; i < 2; i++) {
        test_join(runners[i]);
    }
    CHECK(pyt_scheduler_empty(&scheduler));
    CHECK_INT(atomic_fetch_add(&ran, 0) + atomic_fetch_add(&cancelled, 0), 3 * test_scale(5000));
    destroy(&scheduler);
}
