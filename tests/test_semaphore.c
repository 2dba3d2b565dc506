/* Semaphore and BoundedSemaphore: what is true of both, then what is particular to each. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

/* Room for either. */
typedef union either {
    pyt_semaphore semaphore;
    pyt_bounded_semaphore bounded;
} either;

/* What the shared tests are run with. */
typedef struct kind {
    pyt_status (*init)(void *semaphore, int value);
    pyt_status (*acquire)(void *semaphore);
    pyt_status (*acquire_nowait)(void *semaphore);
    pyt_status (*acquire_timeout)(void *semaphore, double seconds);
    pyt_status (*release)(void *semaphore);
    pyt_status (*release_n)(void *semaphore, int n);
    int (*value)(const void *semaphore);
} kind;

#define KIND(name)                                                                       \
    static pyt_status name##_init(void *object, int value) {                             \
        return pyt_##name##_init((pyt_##name *)object, value);                           \
    }                                                                                    \
    static pyt_status name##_acquire(void *object) {                                     \
        return pyt_##name##_acquire((pyt_##name *)object);                               \
    }                                                                                    \
    static pyt_status name##_acquire_nowait(void *object) {                              \
        return pyt_##name##_acquire_nowait((pyt_##name *)object);                        \
    }                                                                                    \
    static pyt_status name##_acquire_timeout(void *object, double seconds) {             \
        return pyt_##name##_acquire_timeout((pyt_##name *)object, seconds);              \
    }                                                                                    \
    static pyt_status name##_release(void *object) {                                     \
        return pyt_##name##_release((pyt_##name *)object);                               \
    }                                                                                    \
    static pyt_status name##_release_n(void *object, int n) {                            \
        return pyt_##name##_release_n((pyt_##name *)object, n);                          \
    }                                                                                    \
    static int name##_value(const void *object) {                                        \
        return pyt_##name##_value((const pyt_##name *)object);                           \
    }                                                                                    \
    static const kind name##_kind = {                                                    \
        name##_init,    name##_acquire,   name##_acquire_nowait, name##_acquire_timeout, \
        name##_release, name##_release_n, name##_value};

KIND(semaphore)
KIND(bounded_semaphore)

/* A test for each of the two, in which K is the kind, with their flags, if any. */
#define BOTH(...) BOTH_OF(__VA_ARGS__, 0, 0)
#define BOTH_OF(name, flags, ...)      \
    static void name(const kind *K);   \
    TEST(semaphore_##name, flags) {    \
        name(&semaphore_kind);         \
    }                                  \
    TEST(bounded_##name, flags) {      \
        name(&bounded_semaphore_kind); \
    }                                  \
    static void name(const kind *K)

/* A semaphore with what a thread is to do to it. */
typedef struct task {
    const kind *kind;
    either object;
    double seconds;
    _Atomic(int) got;
} task;

static task make(const kind *K, int value) {
    task t = {.kind = K};
    CHECK_STATUS(K->init(&t.object, value), PYT_OK);
    return t;
}

/* A semaphore of which `taken` permits are with somebody. */
static task make_taken(const kind *K, int value, int taken) {
    task t = make(K, value);
    for (int i = 0; i < taken; i++) {
        CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    }
    return t;
}

#define PARKED(task, n) PARKED_SEMAPHORE(&(task)->object.semaphore, (n))

static pyt_status acquire(void *arg) {
    task *t = arg;
    pyt_status status = t->kind->acquire(&t->object);
    if (status == PYT_OK) {
        atomic_fetch_add(&t->got, 1);
    }
    return status;
}

static pyt_status acquire_in_time(void *arg) {
    task *t = arg;
    pyt_status status = t->kind->acquire_timeout(&t->object, t->seconds);
    if (status == PYT_OK) {
        atomic_fetch_add(&t->got, 1);
    }
    return status;
}

/* Start `n` threads that acquire, one behind the other in the queue. */
static void start_waiters(test_call *calls, int n, task *t) {
    for (int i = 0; i < n; i++) {
        test_begin(&calls[i], acquire, t);
        PARKED(t, (size_t)i + 1);
    }
}

/* ---- true of both ---- */

BOTH(has_no_permit_when_all_its_bytes_are_zero) {
    either object;
    memset((void *)&object, 0, sizeof object);
    CHECK_INT(K->value(&object), 0);
    CHECK_STATUS(K->acquire_nowait(&object), PYT_TIMEOUT);
}

BOTH(begins_with_the_value_it_is_given) {
    const int values[] = {0, 1, 2, 1000, INT_MAX};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        task t = make(K, values[i]);
        CHECK_INT(K->value(&t.object), values[i]);
        CHECK_STATUS(K->acquire_nowait(&t.object), values[i] > 0 ? PYT_OK : PYT_TIMEOUT);
        CHECK_INT(K->value(&t.object), values[i] > 0 ? values[i] - 1 : 0);
    }
}

BOTH(refuses_a_negative_value_and_stays_as_it_was) {
    task t = make(K, 3);
    CHECK_STATUS(K->init(&t.object, -1), PYT_VALUE_ERROR);
    CHECK_STATUS(K->init(&t.object, INT_MIN), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "semaphore initial value must be >= 0");
    CHECK_INT(K->value(&t.object), 3);
}

BOTH(counts_down_with_each_acquire_and_up_with_each_release) {
    task t = make(K, 3);
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 2);
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 1);
    CHECK_STATUS(K->acquire_timeout(&t.object, 1), PYT_OK);
    CHECK_INT(K->value(&t.object), 0);
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_TIMEOUT);
    CHECK_INT(K->value(&t.object), 0);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 1);
    CHECK_STATUS(K->release_n(&t.object, 2), PYT_OK);
    CHECK_INT(K->value(&t.object), 3);
}

BOTH(is_not_there_when_it_is_null) {
    CHECK_STATUS(K->init(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_nowait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, NAN), PYT_VALUE_ERROR);
    CHECK_STATUS(K->release(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(K->release_n(NULL, 1), PYT_VALUE_ERROR);
    CHECK_INT(K->value(NULL), 0);
}

BOTH(refuses_bad_timeouts_before_it_looks_at_its_value) {
    for (int value = 0; value < 2; value++) {
        task t = make(K, value);
        CHECK_STATUS(K->acquire_timeout(&t.object, NAN), PYT_VALUE_ERROR);
        CHECK_STATUS(K->acquire_timeout(&t.object, -NAN), PYT_VALUE_ERROR);
        CHECK_STATUS(K->acquire_timeout(&t.object, INFINITY), PYT_OVERFLOW_ERROR);
        CHECK_STATUS(K->acquire_timeout(&t.object, DBL_MAX), PYT_OVERFLOW_ERROR);
        CHECK_STATUS(K->acquire_timeout(&t.object, 9223372036.000002), PYT_OVERFLOW_ERROR);
        CHECK_INT(K->value(&t.object), value);
    }
}

BOTH(takes_a_negative_timeout_as_one_look) {
    const double seconds[] = {0.0, -0.0, -DBL_TRUE_MIN, -1, -DBL_MAX, -INFINITY};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        task t = make(K, 1);
        CHECK_STATUS(K->acquire_timeout(&t.object, seconds[i]), PYT_OK);
        CHECK_STATUS(K->acquire_timeout(&t.object, seconds[i]), PYT_TIMEOUT);
    }
}

/* A wait, however short, needs the thread's parker; a look does not. */
static pyt_status wait_for_the_first_time(void *arg) {
    task *t = arg;
    test_fail_nth(1);
    CHECK_STATUS(t->kind->acquire_timeout(&t->object, 0), PYT_TIMEOUT);
    CHECK_STATUS(t->kind->acquire_nowait(&t->object), PYT_TIMEOUT);
    CHECK(!test_fault_fired());
    CHECK_STATUS(t->kind->acquire_timeout(&t->object, DBL_TRUE_MIN), PYT_MEMORY_ERROR);
    CHECK(test_fault_fired());
    test_fail_nth(1);
    CHECK_STATUS(t->kind->acquire(&t->object), PYT_MEMORY_ERROR);
    CHECK(pyt_error_message()[0] != '\0');
    return t->kind->acquire_timeout(&t->object, DBL_TRUE_MIN);
}

BOTH(is_waited_for_even_with_the_smallest_timeout_unless_there_is_no_memory,
     NEEDS_FOREIGN_THREADS) {
    task t = make_taken(K, 1, 1);
    CHECK_STATUS(test_foreign(wait_for_the_first_time, &t), PYT_TIMEOUT);
    PARKED(&t, 0);
    CHECK_INT(K->value(&t.object), 0);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 1);
}

BOTH(waits_as_long_as_the_timeout_says_and_no_longer) {
    task t = make_taken(K, 1, 1);
    for (double seconds = 0.001; seconds < 0.1; seconds *= 4) {
        double start = test_now();
        CHECK_STATUS(K->acquire_timeout(&t.object, seconds), PYT_TIMEOUT);
        CHECK_WITHIN(test_now() - start, seconds, seconds + 5);
    }
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 1);
    CHECK_STATUS(K->acquire_timeout(&t.object, 0), PYT_OK);
}

BOTH(can_be_waited_for_with_the_longest_timeout, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    task t = make_taken(K, 1, 1);
    test_call waiter;
    t.seconds = PYT_TIMEOUT_MAX;
    test_begin(&waiter, acquire_in_time, &t);
    PARKED(&t, 1);
    test_sleep(0.02);
    CHECK(!test_ended(&waiter));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

static pyt_status release_one(void *arg) {
    task *t = arg;
    return t->kind->release(&t->object);
}

BOTH(may_be_released_by_a_thread_that_did_not_acquire_it) {
    task t = make_taken(K, 1, 1);
    test_call call;
    test_begin(&call, release_one, &t);
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK_INT(K->value(&t.object), 0);
}

/* The permit never shows in the count, so nobody who comes later can take it. */
BOTH(gives_a_released_permit_to_the_waiter_and_to_no_newcomer, NEEDS_THREADS) {
    for (int i = 0; i < test_scale(200); i++) {
        task t = make_taken(K, 1, 1);
        test_call waiter;
        test_begin(&waiter, acquire, &t);
        PARKED(&t, 1);
        CHECK_STATUS(K->release(&t.object), PYT_OK);
        CHECK_INT(K->value(&t.object), 0);
        CHECK_STATUS(K->acquire_nowait(&t.object), PYT_TIMEOUT);
        CHECK_STATUS(test_end(&waiter), PYT_OK);
        CHECK_INT(K->value(&t.object), 0);
    }
}

BOTH(serves_waiters_in_the_order_of_their_arrival, NEEDS_THREADS) {
    enum {
        N = 8
    };
    task t = make_taken(K, N, N);
    test_call waiters[N];
    start_waiters(waiters, N, &t);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(K->release(&t.object), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&waiters[i].ended), PYT_OK);
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
        CHECK_INT(atomic_load(&t.got), i + 1);
        PARKED(&t, (size_t)(N - 1 - i));
    }
    CHECK_INT(K->value(&t.object), 0);
}

BOTH(wakes_as_many_as_it_is_given_permits_and_the_oldest_ones, NEEDS_THREADS) {
    enum {
        N = 6
    };
    task t = make_taken(K, N, N);
    test_call waiters[N];
    start_waiters(waiters, N, &t);
    CHECK_STATUS(K->release_n(&t.object, 4), PYT_OK);
    CHECK_INT(K->value(&t.object), 0);
    PARKED(&t, N - 4);
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
    }
    CHECK(!test_ended(&waiters[4]) && !test_ended(&waiters[5]));
    CHECK_STATUS(K->release_n(&t.object, 5), PYT_OK);
    CHECK_STATUS(test_end(&waiters[4]), PYT_OK);
    CHECK_STATUS(test_end(&waiters[5]), PYT_OK);
    CHECK_INT(K->value(&t.object), 3);
    CHECK_INT(atomic_load(&t.got), N);
}

BOTH(refuses_to_release_less_than_one, NEEDS_THREADS) {
    const int wrong[] = {0, -1, INT_MIN};
    task t = make_taken(K, 2, 2);
    test_call waiter;
    start_waiters(&waiter, 1, &t);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_STATUS(K->release_n(&t.object, wrong[i]), PYT_VALUE_ERROR);
        CHECK_STR(pyt_error_message(), "n must be one or more");
        PARKED(&t, 1);
        CHECK_INT(K->value(&t.object), 0);
    }
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_STATUS(K->release_n(&t.object, 0), PYT_VALUE_ERROR);
    CHECK_INT(K->value(&t.object), 0);
}

/* A waiter that gave up must not take a permit with it, wherever it stood in the queue. */
BOTH(reaches_those_who_stay_when_others_give_up, NEEDS_THREADS) {
    enum {
        N = 3
    };
    for (int quitter = 0; quitter < N; quitter++) {
        task t = make_taken(K, N, N);
        test_call waiters[N];
        t.seconds = 0.03;
        for (int i = 0; i < N; i++) {
            test_begin(&waiters[i], i == quitter ? acquire_in_time : acquire, &t);
            test_wait_settled(waiters, i + 1, &t.object);
        }
        CHECK_STATUS(test_end(&waiters[quitter]), PYT_TIMEOUT);
        PARKED(&t, N - 1);
        for (int i = 0; i < N; i++) {
            if (i != quitter) {
                CHECK(!test_ended(&waiters[i]));
                CHECK_STATUS(K->release(&t.object), PYT_OK);
                CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
            }
        }
        CHECK_INT(K->value(&t.object), 0);
        CHECK_STATUS(K->release(&t.object), PYT_OK);
        CHECK_INT(K->value(&t.object), 1);
    }
}

BOTH(keeps_what_is_released_after_its_last_waiter_has_given_up) {
    task t = make_taken(K, 1, 1);
    test_call waiter;
    t.seconds = 0.01;
    test_begin(&waiter, acquire_in_time, &t);
    CHECK_STATUS(test_end(&waiter), PYT_TIMEOUT);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 1);
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK_INT(K->value(&t.object), 0);
}

/* ---- a timeout meets a release ---- */

/* Let a permit be released about when a waiter's time is up. Whoever comes later shows whether
 * the permit went to the waiter or stayed: exactly one of the two has it. */
static bool meet(void *arg, double seconds, double delay) {
    const kind *K = arg;
    task t = make_taken(K, 1, 1);
    test_call waiter;
    double start = test_now();
    t.seconds = seconds;
    test_begin(&waiter, acquire_in_time, &t);
    test_wait_settled(&waiter, 1, &t.object);
    test_run_until(start + delay);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    bool got = test_end(&waiter) == PYT_OK;
    CHECK_INT(K->value(&t.object), got ? 0 : 1);
    CHECK_STATUS(K->acquire_nowait(&t.object), got ? PYT_TIMEOUT : PYT_OK);
    PARKED(&t, 0);
    return got;
}

BOTH(gives_a_permit_to_exactly_one_when_a_timeout_meets_a_release, NEEDS_THREADS) {
    kind copy = *K;
    int won;
    test_meet(meet, &copy, 500e-6, test_scale(1500), &won);
}

/* ---- many threads ---- */

enum {
    CROWD = 6,
    PERMITS = 3
};

typedef struct crowd {
    const kind *kind;
    either object;
    int rounds;
    _Atomic(int) inside, most, seed;
    _Atomic(long) passed;
} crowd;

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void be_inside(crowd *c) {
    int inside = atomic_fetch_add(&c->inside, 1) + 1;
    CHECK(inside <= PERMITS);
    int most = atomic_load(&c->most);
    while (most < inside && !atomic_compare_exchange_strong(&c->most, &most, inside)) {
    }
    atomic_fetch_add(&c->passed, 1);
    atomic_fetch_sub(&c->inside, 1);
}

static pyt_status come_in_every_way(void *arg) {
    crowd *c = arg;
    unsigned random = (unsigned)atomic_fetch_add(&c->seed, 1) * 7919u + 17u;
    for (int i = 0; i < c->rounds; i++) {
        unsigned way = next_random(&random) % 4;
        double seconds = (next_random(&random) % 100) * 1e-6;
        pyt_status status = way == 0   ? c->kind->acquire(&c->object)
                            : way == 1 ? c->kind->acquire_nowait(&c->object)
                                       : c->kind->acquire_timeout(&c->object, seconds);
        if (status != PYT_OK) {
            CHECK_STATUS(status, PYT_TIMEOUT);
            continue;
        }
        be_inside(c);
        if (way == 3) {
            test_sleep(20e-6);
        }
        CHECK_STATUS(c->kind->release(&c->object), PYT_OK);
    }
    return PYT_OK;
}

BOTH(lets_no_more_in_than_it_has_permits_and_loses_none) {
    crowd c = {.kind = K, .rounds = test_scale(2000)};
    test_call calls[CROWD];
    CHECK_STATUS(K->init(&c.object, PERMITS), PYT_OK);
    for (int i = 0; i < CROWD; i++) {
        test_begin(&calls[i], come_in_every_way, &c);
    }
    for (int i = 0; i < CROWD; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
    }
    CHECK_INT(K->value(&c.object), PERMITS);
    PARKED_SEMAPHORE(&c.object.semaphore, 0);
    CHECK(atomic_load(&c.passed) >= CROWD);
    CHECK(atomic_load(&c.most) >= 1);
}

/* ---- Semaphore ---- */

TEST(semaphore_initialiser_gives_the_value) {
    static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(2);
    CHECK_INT(pyt_semaphore_value(&semaphore), 2);
    CHECK_STATUS(pyt_semaphore_acquire_nowait(&semaphore), PYT_OK);
    CHECK_STATUS(pyt_semaphore_acquire_nowait(&semaphore), PYT_OK);
    CHECK_STATUS(pyt_semaphore_acquire_nowait(&semaphore), PYT_TIMEOUT);
}

TEST(semaphore_may_rise_above_its_initial_value) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    CHECK_STATUS(pyt_semaphore_release_n(&semaphore, 5), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&semaphore), 7);
}

TEST(semaphore_refuses_to_count_beyond_the_largest_number) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(INT_MAX - 1);
    CHECK_STATUS(pyt_semaphore_release_n(&semaphore, 2), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_semaphore_release_n(&semaphore, INT_MAX), PYT_OVERFLOW_ERROR);
    CHECK_INT(pyt_semaphore_value(&semaphore), INT_MAX - 1);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&semaphore), INT_MAX);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_semaphore_release_n(&semaphore, 1), PYT_OVERFLOW_ERROR);
    CHECK_INT(pyt_semaphore_value(&semaphore), INT_MAX);
    CHECK_STATUS(pyt_semaphore_acquire(&semaphore), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&semaphore), INT_MAX - 1);
}

TEST(semaphore_takes_the_largest_release_with_threads_waiting, NEEDS_THREADS) {
    task t = make(&semaphore_kind, 0);
    test_call waiters[2];
    start_waiters(waiters, 2, &t);
    CHECK_STATUS(pyt_semaphore_release_n(&t.object.semaphore, INT_MAX), PYT_OK);
    CHECK_STATUS(test_end(&waiters[0]), PYT_OK);
    CHECK_STATUS(test_end(&waiters[1]), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&t.object.semaphore), INT_MAX - 2);
}

/* ---- BoundedSemaphore ---- */

TEST(bounded_initialiser_gives_the_value_and_the_bound) {
    static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(2);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 2);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_bounded_semaphore_acquire(&bounded), PYT_OK);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_OK);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 2);
}

TEST(bounded_of_zero_bytes_has_a_bound_of_zero) {
    static pyt_bounded_semaphore bounded;
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(&bounded, 1), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 0);
}

TEST(bounded_refuses_to_rise_above_its_initial_value) {
    task t = make_taken(&bounded_semaphore_kind, 3, 2);
    pyt_bounded_semaphore *bounded = &t.object.bounded;
    CHECK_STATUS(pyt_bounded_semaphore_release_n(bounded, 3), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(bounded, INT_MAX), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(bounded), 1);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(bounded, 2), PYT_OK);
    CHECK_INT(pyt_bounded_semaphore_value(bounded), 3);
    CHECK_STATUS(pyt_bounded_semaphore_release(bounded), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(bounded), 3);
}

TEST(bounded_wakes_nobody_when_it_is_released_too_often, NEEDS_THREADS) {
    task t = make_taken(&bounded_semaphore_kind, 2, 2);
    test_call waiter;
    start_waiters(&waiter, 1, &t);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(&t.object.bounded, 3), PYT_VALUE_ERROR);
    test_sleep(0.005);
    PARKED(&t, 1);
    CHECK(!test_ended(&waiter));
    CHECK_INT(pyt_bounded_semaphore_value(&t.object.bounded), 0);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(&t.object.bounded, 2), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_INT(pyt_bounded_semaphore_value(&t.object.bounded), 1);
}

TEST(bounded_refuses_with_the_same_error_at_the_largest_bound) {
    pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(INT_MAX);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_bounded_semaphore_release_n(&bounded, INT_MAX), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), INT_MAX);
}
