/* Event. */
#include <float.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

typedef struct task {
    pyt_event event;
    double seconds;
    int rounds;
    int value; /* written before the event is set, read after */
    pyt_semaphore woken, next;
    _Atomic(bool) stop;
} task;

static pyt_status wait_long(void *arg) {
    task *t = arg;
    return pyt_event_wait(&t->event);
}

static pyt_status wait_in_time(void *arg) {
    task *t = arg;
    return pyt_event_wait_timeout(&t->event, t->seconds);
}

TEST(an_event_is_not_set_when_it_is_new_or_zero) {
    static pyt_event zero;
    pyt_event event = PYT_EVENT_INIT;
    CHECK(!pyt_event_is_set(&event));
    CHECK(!pyt_event_is_set(&zero));
    CHECK_STATUS(pyt_event_wait_timeout(&zero, 0), PYT_TIMEOUT);
}

TEST(an_event_is_set_from_set_to_clear) {
    pyt_event event = PYT_EVENT_INIT;
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_event_set(&event), PYT_OK);
        CHECK(pyt_event_is_set(&event));
        CHECK_STATUS(pyt_event_set(&event), PYT_OK);
        CHECK(pyt_event_is_set(&event));
        CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
        CHECK(!pyt_event_is_set(&event));
        CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
        CHECK(!pyt_event_is_set(&event));
    }
}

TEST(waiting_for_a_set_event_returns_at_once_and_leaves_it_set) {
    pyt_event event = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
        CHECK_STATUS(pyt_event_wait_timeout(&event, 0), PYT_OK);
        CHECK_STATUS(pyt_event_wait_timeout(&event, -1), PYT_OK);
        CHECK_STATUS(pyt_event_wait_timeout(&event, PYT_TIMEOUT_MAX), PYT_OK);
    }
    CHECK(pyt_event_is_set(&event));
}

TEST(an_event_that_is_null_is_not_there) {
    CHECK_STATUS(pyt_event_set(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_event_clear(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_event_wait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_event_wait_timeout(NULL, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_event_wait_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_event_wait_timeout(NULL, NAN), PYT_VALUE_ERROR);
    CHECK(!pyt_event_is_set(NULL));
}

TEST(a_bad_timeout_is_refused_whether_the_event_is_set_or_not) {
    pyt_event event = PYT_EVENT_INIT;
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_event_wait_timeout(&event, NAN), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_event_wait_timeout(&event, -NAN), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_event_wait_timeout(&event, INFINITY), PYT_OVERFLOW_ERROR);
        CHECK_STATUS(pyt_event_wait_timeout(&event, DBL_MAX), PYT_OVERFLOW_ERROR);
        CHECK_STATUS(pyt_event_wait_timeout(&event, 9223372036.000002), PYT_OVERFLOW_ERROR);
        CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    }
}

TEST(waiting_zero_or_less_for_an_event_is_one_look) {
    const double seconds[] = {0.0, -0.0, -DBL_TRUE_MIN, -1, -DBL_MAX, -INFINITY};
    pyt_event event = PYT_EVENT_INIT;
    double start = test_now();
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        CHECK_STATUS(pyt_event_wait_timeout(&event, seconds[i]), PYT_TIMEOUT);
    }
    CHECK_WITHIN(test_now() - start, 0, 5);
}

/* A wait, however short, needs the thread's parker; a look does not. */
TEST(waiting_for_an_event_is_a_wait_even_with_the_smallest_timeout) {
    pyt_event event = PYT_EVENT_INIT;
    test_fail_nth(1);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_wait_timeout(&event, -1), PYT_TIMEOUT);
    CHECK(!test_fault_fired());
    CHECK_STATUS(pyt_event_wait_timeout(&event, DBL_TRUE_MIN), PYT_MEMORY_ERROR);
    CHECK(test_fault_fired());
    test_fail_nth(1);
    CHECK_STATUS(pyt_event_wait(&event), PYT_MEMORY_ERROR);
    CHECK(pyt_error_message()[0] != '\0');
    CHECK(!pyt_event_is_set(&event));
    PARKED_EVENT(&event, 0);
    CHECK_STATUS(pyt_event_wait_timeout(&event, DBL_TRUE_MIN), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
}

TEST(an_event_is_waited_for_as_long_as_the_timeout_says) {
    pyt_event event = PYT_EVENT_INIT;
    for (double seconds = 0.001; seconds < 0.1; seconds *= 4) {
        double start = test_now();
        CHECK_STATUS(pyt_event_wait_timeout(&event, seconds), PYT_TIMEOUT);
        CHECK_WITHIN(test_now() - start, seconds, seconds + 5);
    }
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    CHECK(pyt_event_is_set(&event));
}

TEST(setting_an_event_ends_a_wait_that_has_time_left, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    task t = {.seconds = PYT_TIMEOUT_MAX};
    test_call waiter;
    test_begin(&waiter, wait_in_time, &t);
    PARKED_EVENT(&t.event, 1);
    test_sleep(0.01);
    CHECK(!test_ended(&waiter));
    double start = test_now();
    CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0, 2);
}

TEST(setting_an_event_wakes_everybody, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    enum {
        N = 12
    };
    task t = {.seconds = 15};
    test_call waiters[N];
    for (int i = 0; i < N; i++) {
        test_begin(&waiters[i], i % 2 == 0 ? wait_long : wait_in_time, &t);
    }
    PARKED_EVENT(&t.event, N);
    for (int i = 0; i < N; i++) {
        CHECK(!test_ended(&waiters[i]));
    }
    CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
    }
    CHECK(pyt_event_is_set(&t.event));
}

TEST(everybody_who_waited_returns_even_if_the_event_is_cleared_at_once,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    enum {
        N = 4
    };
    for (int round = 0; round < test_scale(500); round++) {
        task t = {.seconds = 15};
        test_call waiters[N];
        for (int i = 0; i < N; i++) {
            test_begin(&waiters[i], i % 2 == 0 ? wait_long : wait_in_time, &t);
        }
        PARKED_EVENT(&t.event, N);
        CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&t.event), PYT_OK);
        CHECK(!pyt_event_is_set(&t.event));
        for (int i = 0; i < N; i++) {
            CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
        }
    }
}

TEST(a_set_is_not_remembered_after_a_clear, NEEDS_THREADS) {
    task t = {.seconds = 0.01};
    test_call waiter;
    CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&t.event), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&t.event, 0.005), PYT_TIMEOUT);
    test_begin(&waiter, wait_long, &t);
    PARKED_EVENT(&t.event, 1);
    CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

static pyt_status wait_again_and_again(void *arg) {
    task *t = arg;
    for (int i = 0; i < t->rounds; i++) {
        CHECK_STATUS(pyt_event_wait(&t->event), PYT_OK);
        CHECK_STATUS(pyt_semaphore_release(&t->woken), PYT_OK);
        CHECK_STATUS(pyt_semaphore_acquire(&t->next), PYT_OK);
    }
    return PYT_OK;
}

TEST(each_set_wakes_a_waiter_that_comes_back_after_the_clear_once, NEEDS_THREADS) {
    enum {
        N = 3
    };
    task t = {.rounds = test_scale(500)};
    test_call waiters[N];
    for (int i = 0; i < N; i++) {
        test_begin(&waiters[i], wait_again_and_again, &t);
    }
    for (int round = 0; round < t.rounds; round++) {
        PARKED_EVENT(&t.event, N);
        CHECK_INT(pyt_semaphore_value(&t.woken), round * N);
        CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&t.event), PYT_OK);
        CHECK_STATUS(pyt_semaphore_release_n(&t.next, N), PYT_OK);
    }
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
    }
    CHECK_INT(pyt_semaphore_value(&t.woken), t.rounds * N);
}

TEST(those_who_stay_are_woken_when_others_give_up, NEEDS_THREADS) {
    enum {
        N = 3
    };
    for (int quitter = 0; quitter < N; quitter++) {
        task t = {.seconds = 0.02};
        test_call waiters[N];
        for (int i = 0; i < N; i++) {
            test_begin(&waiters[i], i == quitter ? wait_in_time : wait_long, &t);
            test_wait_settled(waiters, i + 1, &t.event);
        }
        CHECK_STATUS(test_end(&waiters[quitter]), PYT_TIMEOUT);
        PARKED_EVENT(&t.event, N - 1);
        CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
        for (int i = 0; i < N; i++) {
            if (i != quitter) {
                CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
            }
        }
    }
}

static pyt_status read_the_value(void *arg) {
    task *t = arg;
    CHECK_STATUS(pyt_event_wait(&t->event), PYT_OK);
    CHECK_INT(t->value, 1);
    return PYT_OK;
}

static pyt_status read_the_value_when_seen_set(void *arg) {
    task *t = arg;
    while (!pyt_event_is_set(&t->event)) {
    }
    CHECK_INT(t->value, 1);
    return PYT_OK;
}

TEST(what_was_written_before_set_is_seen_after_wait_and_after_is_set, NEEDS_THREADS) {
    for (int i = 0; i < test_scale(200); i++) {
        task t = {.value = 0};
        test_call reader, watcher;
        test_begin(&reader, read_the_value, &t);
        test_begin(&watcher, read_the_value_when_seen_set, &t);
        t.value = 1;
        CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
        CHECK_STATUS(test_end(&reader), PYT_OK);
        CHECK_STATUS(test_end(&watcher), PYT_OK);
    }
}

/* ---- many threads ---- */

static pyt_status wait_shortly_until_stopped(void *arg) {
    task *t = arg;
    unsigned random = (unsigned)(uintptr_t)&random;
    while (!atomic_load(&t->stop)) {
        random = random * 1664525u + 1013904223u;
        pyt_status status = pyt_event_wait_timeout(&t->event, (random >> 24) * 1e-6);
        CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    }
    return PYT_OK;
}

/* Timeouts meet set and clear; a lost waiter would hang, a corrupted queue crash. */
TEST(timeouts_may_meet_set_and_clear, NEEDS_THREADS) {
    enum {
        N = 4
    };
    task t = {.seconds = 0};
    test_call waiters[N];
    for (int i = 0; i < N; i++) {
        test_begin(&waiters[i], wait_shortly_until_stopped, &t);
    }
    for (int i = 0; i < test_scale(2000); i++) {
        CHECK_STATUS(pyt_event_set(&t.event), PYT_OK);
        CHECK(pyt_event_is_set(&t.event));
        CHECK_STATUS(pyt_event_clear(&t.event), PYT_OK);
        if (i % 8 == 0) {
            test_sleep(50e-6);
        }
    }
    atomic_exchange(&t.stop, true);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
    }
    PARKED_EVENT(&t.event, 0);
    CHECK(!pyt_event_is_set(&t.event));
}

typedef struct game {
    pyt_event ping, pong;
    int rounds;
    int ball; /* with whose turn it is */
} game;

static pyt_status answer(void *arg) {
    game *g = arg;
    for (int i = 0; i < g->rounds; i++) {
        CHECK_STATUS(pyt_event_wait(&g->ping), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&g->ping), PYT_OK);
        CHECK_INT(g->ball++, 2 * i + 1);
        CHECK_STATUS(pyt_event_set(&g->pong), PYT_OK);
    }
    return PYT_OK;
}

TEST(two_threads_take_turns_with_two_events, NEEDS_THREADS) {
    game g = {.rounds = test_scale(5000)};
    test_call player;
    test_begin(&player, answer, &g);
    for (int i = 0; i < g.rounds; i++) {
        CHECK_INT(g.ball++, 2 * i);
        CHECK_STATUS(pyt_event_set(&g.ping), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&g.pong), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&g.pong), PYT_OK);
    }
    CHECK_STATUS(test_end(&player), PYT_OK);
    CHECK_INT(g.ball, 2 * g.rounds);
}
