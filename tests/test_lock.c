/* Lock and RLock: what is true of both, then what is particular to each. */
#include <float.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

/* Room for either. */
typedef union either {
    pyt_lock lock;
    pyt_rlock rlock;
} either;

/* What the shared tests are run with. */
typedef struct kind {
    pyt_status (*acquire)(void *lock);
    pyt_status (*acquire_nowait)(void *lock);
    pyt_status (*acquire_timeout)(void *lock, double seconds);
    pyt_status (*release)(void *lock);
    bool (*locked)(const void *lock);
} kind;

#define KIND(name)                                                           \
    static pyt_status name##_acquire(void *object) {                         \
        return pyt_##name##_acquire((pyt_##name *)object);                   \
    }                                                                        \
    static pyt_status name##_acquire_nowait(void *object) {                  \
        return pyt_##name##_acquire_nowait((pyt_##name *)object);            \
    }                                                                        \
    static pyt_status name##_acquire_timeout(void *object, double seconds) { \
        return pyt_##name##_acquire_timeout((pyt_##name *)object, seconds);  \
    }                                                                        \
    static pyt_status name##_release(void *object) {                         \
        return pyt_##name##_release((pyt_##name *)object);                   \
    }                                                                        \
    static bool name##_locked(const void *object) {                          \
        return pyt_##name##_locked((const pyt_##name *)object);              \
    }                                                                        \
    static const kind name##_kind = {name##_acquire, name##_acquire_nowait,  \
                                     name##_acquire_timeout, name##_release, name##_locked};

KIND(lock)
KIND(rlock)

/* A test for each of the two, in which K is the kind; with the flags of both, if any, and what that
 * of the RLock has besides. */
#define BOTH(...) BOTH_OF(__VA_ARGS__, 0, 0, 0)
#define BOTH_OF(name, flags, rlock_flags, ...)    \
    static void name(const kind *K);              \
    TEST(lock_##name, flags) {                    \
        name(&lock_kind);                         \
    }                                             \
    TEST(rlock_##name, (flags) | (rlock_flags)) { \
        name(&rlock_kind);                        \
    }                                             \
    static void name(const kind *K)

/* A lock with what a thread is to do to it. */
typedef struct task {
    const kind *kind;
    either object;
    double seconds;
    pyt_event held, let_go;
    int value; /* guarded by the lock */
} task;

#define TASK(K) \
    { .kind = (K) }
#define PARKED(task, n) PARKED_LOCK(&(task)->object.lock, (n))

static pyt_status acquire_and_release(void *arg) {
    task *t = arg;
    pyt_status status = t->kind->acquire(&t->object);
    if (status == PYT_OK) {
        t->value++;
        CHECK_STATUS(t->kind->release(&t->object), PYT_OK);
    }
    return status;
}

static pyt_status try_and_release(void *arg) {
    task *t = arg;
    pyt_status status = t->kind->acquire_nowait(&t->object);
    if (status == PYT_OK) {
        CHECK_STATUS(t->kind->release(&t->object), PYT_OK);
    }
    return status;
}

static pyt_status acquire_in_time_and_release(void *arg) {
    task *t = arg;
    pyt_status status = t->kind->acquire_timeout(&t->object, t->seconds);
    if (status == PYT_OK) {
        t->value++;
        CHECK_STATUS(t->kind->release(&t->object), PYT_OK);
    }
    return status;
}

/* Hold the lock from `held` to `let_go`. */
static pyt_status hold(void *arg) {
    task *t = arg;
    CHECK_STATUS(t->kind->acquire(&t->object), PYT_OK);
    CHECK_STATUS(pyt_event_set(&t->held), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&t->let_go), PYT_OK);
    return t->kind->release(&t->object);
}

static pyt_status in_another_thread(pyt_status (*function)(void *), void *arg) {
    test_call call;
    test_begin(&call, function, arg);
    return test_end(&call);
}

static void hold_elsewhere(test_call *call, task *t) {
    test_begin(call, hold, t);
    CHECK_STATUS(pyt_event_wait(&t->held), PYT_OK);
}

static void let_go(test_call *call, task *t) {
    CHECK_STATUS(pyt_event_set(&t->let_go), PYT_OK);
    CHECK_STATUS(test_end(call), PYT_OK);
}

/* ---- true of both ---- */

BOTH(is_free_when_new_and_when_all_its_bytes_are_zero) {
    task t = TASK(K);
    CHECK(!K->locked(&t.object));
    memset((void *)&t.object, 0, sizeof t.object);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
}

BOTH(is_held_from_acquire_to_release) {
    task t = TASK(K);
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK(K->locked(&t.object));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK(K->locked(&t.object));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(K->acquire_timeout(&t.object, 1), PYT_OK);
    CHECK(K->locked(&t.object));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
}

BOTH(is_seen_as_held_by_every_thread, NEEDS_THREADS) {
    task t = TASK(K);
    test_call holder;
    hold_elsewhere(&holder, &t);
    CHECK(K->locked(&t.object));
    let_go(&holder, &t);
    CHECK(!K->locked(&t.object));
}

BOTH(cannot_be_released_when_nobody_holds_it) {
    task t = TASK(K);
    CHECK_STATUS(K->release(&t.object), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot release un-acquired lock");
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_RUNTIME_ERROR);
    CHECK_STATUS(in_another_thread(try_and_release, &t), PYT_OK);
}

BOTH(is_not_there_when_it_is_null) {
    CHECK_STATUS(K->acquire(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_nowait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(K->acquire_timeout(NULL, NAN), PYT_VALUE_ERROR);
    CHECK_STATUS(K->release(NULL), PYT_VALUE_ERROR);
    CHECK(!K->locked(NULL));
}

/* What acquire_timeout must say of a timeout, whatever the state of the lock. */
static const struct {
    double seconds;
    pyt_status status;
} refused[] = {
    {NAN, PYT_VALUE_ERROR},
    {-NAN, PYT_VALUE_ERROR},
    {-1, PYT_VALUE_ERROR},
    {-DBL_MIN, PYT_VALUE_ERROR},
    {-DBL_MAX, PYT_VALUE_ERROR},
    {-INFINITY, PYT_VALUE_ERROR},
    {INFINITY, PYT_OVERFLOW_ERROR},
    {DBL_MAX, PYT_OVERFLOW_ERROR},
    {9223372036.000002, PYT_OVERFLOW_ERROR},
};

static pyt_status give_refused_timeouts(void *arg) {
    task *t = arg;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK_STATUS(t->kind->acquire_timeout(&t->object, refused[i].seconds), refused[i].status);
    }
    return PYT_OK;
}

BOTH(refuses_bad_timeouts_before_it_looks_at_its_state) {
    task t = TASK(K);
    CHECK_STATUS(give_refused_timeouts(&t), PYT_OK);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_STATUS(give_refused_timeouts(&t), PYT_OK);
    CHECK_STATUS(in_another_thread(give_refused_timeouts, &t), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
}

BOTH(takes_zero_and_the_longest_timeout) {
    task t = TASK(K);
    const double seconds[] = {0.0, -0.0, DBL_TRUE_MIN, 1e-9, 1, 1e9, PYT_TIMEOUT_MAX};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        CHECK_STATUS(K->acquire_timeout(&t.object, seconds[i]), PYT_OK);
        CHECK_STATUS(K->release(&t.object), PYT_OK);
    }
}

BOTH(can_be_waited_for_with_the_longest_timeout, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    task t = TASK(K);
    test_call waiter;
    t.seconds = PYT_TIMEOUT_MAX;
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    test_begin(&waiter, acquire_in_time_and_release, &t);
    PARKED(&t, 1);
    test_sleep(0.02);
    CHECK(!test_ended(&waiter));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

BOTH(that_another_thread_holds_is_not_got_without_waiting, NEEDS_THREADS) {
    task t = TASK(K);
    test_call holder;
    hold_elsewhere(&holder, &t);
    double start = test_now();
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_TIMEOUT);
    CHECK_STATUS(K->acquire_timeout(&t.object, 0), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0, 5);
    CHECK(K->locked(&t.object));
    let_go(&holder, &t);
    CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
}

BOTH(waits_as_long_as_the_timeout_says_and_no_longer, NEEDS_THREADS) {
    task t = TASK(K);
    test_call holder;
    hold_elsewhere(&holder, &t);
    for (double seconds = 0.001; seconds < 0.1; seconds *= 4) {
        double start = test_now();
        CHECK_STATUS(K->acquire_timeout(&t.object, seconds), PYT_TIMEOUT);
        CHECK_WITHIN(test_now() - start, seconds, seconds + 5);
    }
    CHECK(K->locked(&t.object));
    let_go(&holder, &t);
    CHECK_STATUS(K->acquire_timeout(&t.object, 0), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
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
    CHECK(pyt_error_message()[0] != '\0');
    return t->kind->acquire_timeout(&t->object, DBL_TRUE_MIN);
}

BOTH(is_waited_for_even_with_the_smallest_timeout, NEEDS_FOREIGN_THREADS, NEEDS_THREADS) {
    task t = TASK(K);
    test_fail_nth(1); /* the debug build without threads would have what a wait needs by now */
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_STATUS(test_foreign(wait_for_the_first_time, &t), PYT_TIMEOUT);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
}

static pyt_status acquire_without_memory(void *arg) {
    task *t = arg;
    test_fail_nth(1);
    pyt_status status = t->kind->acquire(&t->object);
    test_fail_nth(0);
    return status;
}

BOTH(is_not_got_and_not_harmed_when_the_first_wait_gets_no_memory,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {
    task t = TASK(K);
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_STATUS(test_foreign(acquire_without_memory, &t), PYT_MEMORY_ERROR);
    CHECK(K->locked(&t.object));
    PARKED(&t, 0);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(test_foreign(try_and_release, &t), PYT_OK);
}

BOTH(lets_a_waiter_in_only_when_it_is_released, NEEDS_THREADS) {
    task t = TASK(K);
    test_call waiter;
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    test_begin(&waiter, acquire_and_release, &t);
    PARKED(&t, 1);
    CHECK_INT(t.value, 0);
    CHECK(!test_ended(&waiter));
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_INT(t.value, 1);
    CHECK(!K->locked(&t.object));
}

BOTH(lets_a_waiter_in_that_has_time_left, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    task t = TASK(K);
    test_call waiter;
    t.seconds = 15;
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    test_begin(&waiter, acquire_in_time_and_release, &t);
    PARKED(&t, 1);
    double start = test_now();
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0, 2);
}

BOTH(lets_all_waiters_in_one_after_the_other, NEEDS_THREADS) {
    enum {
        N = 12
    };
    task t = TASK(K);
    test_call waiters[N];
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    for (int i = 0; i < N; i++) {
        test_begin(&waiters[i], acquire_and_release, &t);
    }
    PARKED(&t, N);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
    }
    CHECK_INT(t.value, N);
    CHECK(!K->locked(&t.object));
    PARKED(&t, 0);
}

/* A waiter that gave up must not take a wake-up with it, wherever it stood in the queue. */
BOTH(reaches_those_who_stay_when_others_give_up, NEEDS_THREADS) {
    enum {
        N = 3
    };
    for (int quitter = 0; quitter < N; quitter++) {
        task t = TASK(K);
        test_call waiters[N];
        t.seconds = 0.03;
        CHECK_STATUS(K->acquire(&t.object), PYT_OK);
        for (int i = 0; i < N; i++) {
            test_begin(&waiters[i],
                       i == quitter ? acquire_in_time_and_release : acquire_and_release, &t);
            test_wait_settled(waiters, i + 1, &t.object);
        }
        CHECK_STATUS(test_end(&waiters[quitter]), PYT_TIMEOUT);
        PARKED(&t, N - 1);
        CHECK_STATUS(K->release(&t.object), PYT_OK);
        for (int i = 0; i < N; i++) {
            if (i != quitter) {
                CHECK_STATUS(test_end(&waiters[i]), PYT_OK);
            }
        }
        CHECK_INT(t.value, N - 1);
        CHECK(!K->locked(&t.object));
    }
}

BOTH(is_free_after_its_only_waiter_has_given_up, 0, NEEDS_THREADS) {
    task t = TASK(K);
    t.seconds = 0.01;
    CHECK_STATUS(K->acquire(&t.object), PYT_OK);
    CHECK_STATUS(in_another_thread(acquire_in_time_and_release, &t), PYT_TIMEOUT);
    PARKED(&t, 0);
    CHECK_STATUS(K->release(&t.object), PYT_OK);
    CHECK(!K->locked(&t.object));
    CHECK_STATUS(in_another_thread(try_and_release, &t), PYT_OK);
    CHECK_STATUS(K->release(&t.object), PYT_RUNTIME_ERROR);
}

/* Many threads, a plain counter. */
typedef struct crowd {
    const kind *kind;
    either object;
    int rounds;
    long inside;           /* guarded by the lock */
    long total;            /* guarded by the lock */
    _Atomic(long) counted; /* what the threads believe */
    _Atomic(unsigned) seed;
} crowd;

enum {
    CROWD = 4
};

static unsigned next_random(unsigned *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void be_inside(crowd *c) {
    CHECK_INT(c->inside, 0);
    c->inside = 1;
    c->total++;
    c->inside = 0;
    atomic_fetch_add(&c->counted, 1);
}

static pyt_status come_and_go(void *arg) {
    crowd *c = arg;
    for (int i = 0; i < c->rounds; i++) {
        CHECK_STATUS(c->kind->acquire(&c->object), PYT_OK);
        be_inside(c);
        CHECK_STATUS(c->kind->release(&c->object), PYT_OK);
    }
    return PYT_OK;
}

/* Every way to acquire, with timeouts that often meet a release. */
static pyt_status come_in_every_way(void *arg) {
    crowd *c = arg;
    unsigned random = atomic_fetch_add(&c->seed, 1) * 7919u + 17u;
    for (int i = 0; i < c->rounds; i++) {
        unsigned way = next_random(&random) % 4;
        double seconds = (next_random(&random) % 100) * 1e-6;
        pyt_status status = way == 0   ? c->kind->acquire(&c->object)
                            : way == 1 ? c->kind->acquire_nowait(&c->object)
                                       : c->kind->acquire_timeout(&c->object, seconds);
        if (status == PYT_OK) {
            be_inside(c);
            if (way == 3) {
                test_sleep(20e-6);
            }
            CHECK_STATUS(c->kind->release(&c->object), PYT_OK);
        } else {
            CHECK_STATUS(status, PYT_TIMEOUT);
        }
    }
    return PYT_OK;
}

static void let_a_crowd(crowd *c, pyt_status (*function)(void *)) {
    test_call calls[CROWD];
    for (int i = 0; i < CROWD; i++) {
        test_begin(&calls[i], function, c);
    }
    for (int i = 0; i < CROWD; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
    }
    CHECK_INT(c->total, atomic_load(&c->counted));
    CHECK(!c->kind->locked(&c->object));
    PARKED_LOCK(&c->object.lock, 0);
    CHECK_STATUS(c->kind->acquire_nowait(&c->object), PYT_OK);
}

BOTH(lets_one_thread_in_at_a_time) {
    crowd c = {.kind = K, .rounds = test_scale(20000)};
    let_a_crowd(&c, come_and_go);
    CHECK_INT(c.total, (long)CROWD * c.rounds);
}

BOTH(loses_nobody_when_timeouts_meet_releases) {
    crowd c = {.kind = K, .rounds = test_scale(3000)};
    let_a_crowd(&c, come_in_every_way);
    CHECK(c.total >= CROWD);
}

BOTH(may_be_discarded_while_it_is_held) {
    task t = TASK(K);
    for (int i = 0; i < 1000; i++) {
        memset((void *)&t.object, 0, sizeof t.object);
        CHECK_STATUS(K->acquire_nowait(&t.object), PYT_OK);
    }
}

BOTH(exists_in_any_number_and_each_is_its_own) {
    enum {
        N = 20000
    };
    either *all = calloc(N, sizeof *all);
    CHECK(all != NULL);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(K->acquire_nowait(&all[i]), PYT_OK);
    }
    for (int i = 0; i < N; i += 2) {
        CHECK_STATUS(K->release(&all[i]), PYT_OK);
    }
    for (int i = 0; i < N; i++) {
        CHECK_INT(K->locked(&all[i]), i % 2);
    }
    free(all);
}

/* ---- locks whose waiters share a bucket of the park room ---- */

enum {
    NEIGHBOURS = 3,
    WAITERS = 4
};

/* Find locks that share a bucket with the first of `all`. */
static bool find_neighbours(either *all, size_t count, either **found) {
    int n = 1;
    found[0] = &all[0];
    for (size_t i = 1; i < count && n < NEIGHBOURS; i++) {
        if (test_same_bucket(&all[0], &all[i])) {
            found[n++] = &all[i];
        }
    }
    return n == NEIGHBOURS;
}

typedef struct neighbour {
    const kind *kind;
    either *object;
    double seconds;
    int *value;
} neighbour;

static pyt_status acquire_neighbour(void *arg) {
    neighbour *n = arg;
    pyt_status status = n->seconds > 0 ? n->kind->acquire_timeout(n->object, n->seconds)
                                       : n->kind->acquire(n->object);
    if (status == PYT_OK) {
        ++*n->value;
        CHECK_STATUS(n->kind->release(n->object), PYT_OK);
    }
    return status;
}

/* Every second waiter gives up, which takes queues apart at their start, middle and end. */
BOTH(wakes_its_own_waiters_when_others_wait_in_the_same_bucket, NEEDS_THREADS) {
    size_t count = 65536;
    either *all = calloc(count, sizeof *all);
    either *found[NEIGHBOURS];
    neighbour roles[NEIGHBOURS][WAITERS];
    test_call calls[NEIGHBOURS][WAITERS];
    int values[NEIGHBOURS] = {0};
    CHECK(all != NULL && find_neighbours(all, count, found));
    for (int i = 0; i < NEIGHBOURS; i++) {
        CHECK_STATUS(K->acquire(found[i]), PYT_OK);
    }
    for (int w = 0; w < WAITERS; w++) {
        for (int i = 0; i < NEIGHBOURS; i++) {
            double seconds = (w + i) % 2 == 0 ? 0.02 * (1 + i) : 0;
            roles[i][w] = (neighbour){K, found[i], seconds, &values[i]};
            test_begin(&calls[i][w], acquire_neighbour, &roles[i][w]);
        }
    }
    for (int i = 0; i < NEIGHBOURS; i++) {
        for (int w = i % 2; w < WAITERS; w += 2) {
            CHECK_STATUS(pyt_event_wait(&calls[i][w].ended), PYT_OK);
        }
        PARKED_LOCK(&found[i]->lock, WAITERS / 2);
    }
    for (int k = 0; k < NEIGHBOURS; k++) {
        int i = (k + 1) % NEIGHBOURS;
        CHECK_STATUS(K->release(found[i]), PYT_OK);
        for (int w = 0; w < WAITERS; w++) {
            CHECK_STATUS(test_end(&calls[i][w]), (w + i) % 2 == 0 ? PYT_TIMEOUT : PYT_OK);
        }
        CHECK_INT(values[i], WAITERS / 2);
        CHECK(!K->locked(found[i]));
        CHECK(k == NEIGHBOURS - 1 || K->locked(found[(i + 1) % NEIGHBOURS]));
    }
    free(all);
}

/* ---- Lock ---- */

static pyt_status release_only(void *arg) {
    task *t = arg;
    return t->kind->release(&t->object);
}

TEST(lock_is_not_got_a_second_time_by_its_holder) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0), PYT_TIMEOUT);
    double start = test_now();
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.02), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.02, 1);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
}

static pyt_status acquire_twice(void *arg) {
    task *t = arg;
    CHECK_STATUS(pyt_lock_acquire(&t->object.lock), PYT_OK);
    t->value++;
    CHECK_STATUS(pyt_lock_acquire(&t->object.lock), PYT_OK);
    t->value++;
    return pyt_lock_release(&t->object.lock);
}

TEST(lock_makes_its_holder_wait_until_another_thread_releases_it, NEEDS_THREADS) {
    task t = TASK(&lock_kind);
    test_call call;
    test_begin(&call, acquire_twice, &t);
    PARKED(&t, 1);
    CHECK(!test_ended(&call));
    CHECK_STATUS(pyt_lock_release(&t.object.lock), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK_INT(t.value, 2);
    CHECK(!pyt_lock_locked(&t.object.lock));
}

TEST(lock_may_be_released_by_a_thread_that_did_not_acquire_it) {
    task t = TASK(&lock_kind);
    CHECK_STATUS(pyt_lock_acquire(&t.object.lock), PYT_OK);
    CHECK_STATUS(in_another_thread(release_only, &t), PYT_OK);
    CHECK(!pyt_lock_locked(&t.object.lock));
    CHECK_STATUS(pyt_lock_acquire_nowait(&t.object.lock), PYT_OK);
    CHECK_STATUS(in_another_thread(release_only, &t), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&t.object.lock), PYT_RUNTIME_ERROR);
}

static pyt_status acquire_and_keep(void *arg) {
    task *t = arg;
    return t->kind->acquire(&t->object);
}

TEST(lock_outlives_the_thread_that_acquired_it, NEEDS_THREADS) {
    task t = TASK(&lock_kind);
    test_call waiter;
    CHECK_STATUS(in_another_thread(acquire_and_keep, &t), PYT_OK);
    CHECK(pyt_lock_locked(&t.object.lock));
    test_begin(&waiter, acquire_and_release, &t);
    PARKED(&t, 1);
    CHECK_STATUS(pyt_lock_release(&t.object.lock), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

/* ---- RLock ---- */

TEST(rlock_is_got_again_by_its_owner_in_every_way) {
    pyt_rlock rlock = PYT_RLOCK_INIT;
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 0);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 1);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 2);
    CHECK_STATUS(pyt_rlock_acquire_nowait(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 3);
    CHECK_STATUS(pyt_rlock_acquire_timeout(&rlock, 0), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 4);
    CHECK_STATUS(pyt_rlock_acquire_timeout(&rlock, 1), PYT_OK);
    for (size_t depth = 5; depth > 0; depth--) {
        CHECK_INT(pyt_rlock_recursion_count(&rlock), depth);
        CHECK(pyt_rlock_locked(&rlock));
        CHECK(pyt_rlock_is_owned(&rlock));
        CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    }
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 0);
    CHECK(!pyt_rlock_locked(&rlock));
    CHECK(!pyt_rlock_is_owned(&rlock));
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_RUNTIME_ERROR);
}

TEST(rlock_is_free_for_others_only_after_as_many_releases_as_acquires, NEEDS_THREADS) {
    task t = TASK(&rlock_kind);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(in_another_thread(try_and_release, &t), PYT_TIMEOUT);
        CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
    }
    CHECK_STATUS(in_another_thread(try_and_release, &t), PYT_OK);
}

TEST(rlock_wakes_a_waiter_only_with_the_last_release, NEEDS_THREADS) {
    task t = TASK(&rlock_kind);
    test_call waiter;
    CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
    test_begin(&waiter, acquire_and_release, &t);
    PARKED(&t, 1);
    CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
    test_sleep(0.01);
    PARKED(&t, 1);
    CHECK_INT(t.value, 0);
    CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

/* What a thread sees of an RLock that another one owns. */
static pyt_status look_as_a_stranger(void *arg) {
    task *t = arg;
    CHECK(!pyt_rlock_is_owned(&t->object.rlock));
    CHECK_INT(pyt_rlock_recursion_count(&t->object.rlock), 0);
    CHECK(pyt_rlock_locked(&t->object.rlock));
    CHECK_STATUS(pyt_rlock_release(&t->object.rlock), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_rlock_acquire_nowait(&t->object.rlock), PYT_TIMEOUT);
    return PYT_OK;
}

TEST(rlock_belongs_to_its_owner_alone, NEEDS_THREADS) {
    task t = TASK(&rlock_kind);
    CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
    CHECK_STATUS(in_another_thread(look_as_a_stranger, &t), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&t.object.rlock), 2);
    CHECK(pyt_rlock_is_owned(&t.object.rlock));
    CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
    CHECK_STATUS(in_another_thread(look_as_a_stranger, &t), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
}

static pyt_status own_at_depth_one(void *arg) {
    task *t = arg;
    CHECK_STATUS(t->seconds > 0 ? pyt_rlock_acquire_timeout(&t->object.rlock, t->seconds)
                                : pyt_rlock_acquire(&t->object.rlock),
                 PYT_OK);
    CHECK(pyt_rlock_is_owned(&t->object.rlock));
    CHECK_INT(pyt_rlock_recursion_count(&t->object.rlock), 1);
    CHECK_STATUS(pyt_rlock_release(&t->object.rlock), PYT_OK);
    CHECK(!pyt_rlock_is_owned(&t->object.rlock));
    return PYT_OK;
}

TEST(rlock_passes_to_a_waiter_at_depth_one, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    for (int i = 0; i < 4; i++) {
        task t = TASK(&rlock_kind);
        test_call waiter;
        t.seconds = i % 2 == 0 ? 0 : 15;
        CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
        CHECK_STATUS(pyt_rlock_acquire(&t.object.rlock), PYT_OK);
        test_begin(&waiter, own_at_depth_one, &t);
        PARKED(&t, 1);
        test_sleep(i < 2 ? 0 : 0.005); /* woken to take it; handed it */
        CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
        CHECK_STATUS(pyt_rlock_release(&t.object.rlock), PYT_OK);
        CHECK(!pyt_rlock_is_owned(&t.object.rlock));
        CHECK_STATUS(test_end(&waiter), PYT_OK);
        CHECK(!pyt_rlock_locked(&t.object.rlock));
    }
}

TEST(rlock_keeps_its_depth_when_its_owner_gives_a_bad_timeout) {
    pyt_rlock rlock = PYT_RLOCK_INIT;
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK_STATUS(pyt_rlock_acquire_timeout(&rlock, refused[i].seconds), refused[i].status);
        CHECK_INT(pyt_rlock_recursion_count(&rlock), 1);
    }
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK(!pyt_rlock_locked(&rlock));
}

TEST(rlock_refuses_more_levels_than_it_can_count) {
    pyt_rlock rlock = PYT_RLOCK_INIT;
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    rlock.pyt__depth = UINT32_MAX - 1; /* four thousand million calls would take too long */
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_rlock_acquire_nowait(&rlock), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_rlock_acquire_timeout(&rlock, 1), PYT_OVERFLOW_ERROR);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), UINT32_MAX);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), UINT32_MAX - 1);
    CHECK(pyt_rlock_locked(&rlock));
}

TEST(rlock_answers_questions_about_null) {
    CHECK(!pyt_rlock_is_owned(NULL));
    CHECK_INT(pyt_rlock_recursion_count(NULL), 0);
}

static pyt_status nest(void *arg) {
    crowd *c = arg;
    for (int i = 0; i < c->rounds; i++) {
        for (int depth = 0; depth < 3; depth++) {
            CHECK_STATUS(pyt_rlock_acquire(&c->object.rlock), PYT_OK);
        }
        be_inside(c);
        for (int depth = 0; depth < 3; depth++) {
            CHECK_STATUS(pyt_rlock_release(&c->object.rlock), PYT_OK);
        }
    }
    return PYT_OK;
}

TEST(rlock_lets_one_thread_in_at_a_time_however_deep) {
    crowd c = {.kind = &rlock_kind, .rounds = test_scale(10000)};
    let_a_crowd(&c, nest);
    CHECK_INT(c.total, (long)CROWD * c.rounds);
}
