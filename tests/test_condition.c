/* Condition: over its own RLock, over a given RLock and over a given Lock. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

enum {
    WAITERS = 6
};

/* What a condition is over. */
typedef enum kind {
    OWN,
    RLOCK,
    LOCK
} kind;

/* A test for each of the three, in which K is the kind; with the flags of all, if any, and further
 * ones of those over an RLock. */
#define EACH(...) EACH_OF(TEST, __VA_ARGS__, 0, 0, 0)
#define EACH_ALONE(...) EACH_OF(TEST_ALONE, __VA_ARGS__, 0, 0, 0)
#define EACH_OF(test, name, flags, rlock_flags, ...)    \
    static void name(kind K);                           \
    test(own_rlock_##name, (flags) | (rlock_flags)) {   \
        name(OWN);                                      \
    }                                                   \
    test(given_rlock_##name, (flags) | (rlock_flags)) { \
        name(RLOCK);                                    \
    }                                                   \
    test(given_lock_##name, flags) {                    \
        name(LOCK);                                     \
    }                                                   \
    static void name(kind K)

/* A condition, its lock, and what happened under it. */
typedef struct room {
    kind kind;
    pyt_condition condition;
    pyt_rlock rlock;
    pyt_lock lock;
    double seconds;
    bool open;          /* what predicates ask; under the lock, as all that follows */
    int woken;          /* how many waits returned PYT_OK */
    int order[WAITERS]; /* which, in that order */
    int looks;          /* how often the predicate was asked */
    _Atomic(int) taken; /* who has taken a number */
} room;

static void make(room *r, kind over) {
    memset((void *)r, 0, sizeof *r);
    r->kind = over;
    if (over == RLOCK) {
        CHECK_STATUS(pyt_condition_init_rlock(&r->condition, &r->rlock), PYT_OK);
    } else if (over == LOCK) {
        CHECK_STATUS(pyt_condition_init_lock(&r->condition, &r->lock), PYT_OK);
    }
}

static void enter(room *r) {
    CHECK_STATUS(pyt_condition_acquire(&r->condition), PYT_OK);
}

static void leave(room *r) {
    CHECK_STATUS(pyt_condition_release(&r->condition), PYT_OK);
}

/* Is the lock held, as far as the caller can tell? */
static bool held(room *r) {
    return r->kind == LOCK    ? pyt_lock_locked(&r->lock)
           : r->kind == RLOCK ? pyt_rlock_is_owned(&r->rlock)
                              : pyt_rlock_is_owned(&r->condition.pyt__own);
}

static pyt_lock *lock_of(room *r) {
    return r->kind == LOCK    ? &r->lock
           : r->kind == RLOCK ? &r->rlock.pyt__lock
                              : &r->condition.pyt__own.pyt__lock;
}

static pyt_status note(room *r, int number, pyt_status status) {
    CHECK(held(r));
    if (status == PYT_OK) {
        r->order[r->woken++ % WAITERS] = number;
    }
    leave(r);
    return status;
}

static pyt_status wait_long(void *arg) {
    room *r = arg;
    int number = atomic_fetch_add(&r->taken, 1);
    enter(r);
    return note(r, number, pyt_condition_wait(&r->condition));
}

static pyt_status wait_in_time(void *arg) {
    room *r = arg;
    int number = atomic_fetch_add(&r->taken, 1);
    enter(r);
    return note(r, number, pyt_condition_wait_timeout(&r->condition, r->seconds));
}

/* The predicate: is the room open? */
static bool is_open(void *arg) {
    room *r = arg;
    CHECK(held(r));
    r->looks++;
    return r->open;
}

static pyt_status wait_until_open(void *arg) {
    room *r = arg;
    int number = atomic_fetch_add(&r->taken, 1);
    enter(r);
    return note(r, number, pyt_condition_wait_for(&r->condition, is_open, r));
}

static pyt_status wait_until_open_in_time(void *arg) {
    room *r = arg;
    int number = atomic_fetch_add(&r->taken, 1);
    enter(r);
    return note(r, number, pyt_condition_wait_for_timeout(&r->condition, is_open, r, r->seconds));
}

/* Start waiters one behind the other: the queue is in the order of their numbers. */
static void start_waiters(test_call *calls, int n, pyt_status (*function)(void *), room *r) {
    for (int i = 0; i < n; i++) {
        test_begin(&calls[i], function, r);
        PARKED_CONDITION(&r->condition, (size_t)i + 1);
    }
}

static void notify(room *r, int n) {
    enter(r);
    CHECK_STATUS(n == 1 ? pyt_condition_notify(&r->condition)
                        : pyt_condition_notify_n(&r->condition, n),
                 PYT_OK);
    leave(r);
}

static void end_waiters(test_call *calls, int n) {
    for (int i = 0; i < n; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
    }
}

static pyt_status in_another_thread(pyt_status (*function)(void *), void *arg) {
    test_call call;
    test_begin(&call, function, arg);
    return test_end(&call);
}

/* ---- arguments and states that are refused ---- */

EACH(refuses_everything_to_who_does_not_hold_the_lock) {
    room r;
    make(&r, K);
    r.open = true;
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_condition_wait(&r.condition), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 1), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_wait_for(&r.condition, is_open, &r), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, 1),
                     PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_notify_n(&r.condition, 0), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_notify_n(&r.condition, 2), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_release(&r.condition), PYT_RUNTIME_ERROR);
        enter(&r);
        leave(&r);
    }
    CHECK_INT(r.looks, 0);
}

static pyt_status use_as_a_stranger(void *arg) {
    room *r = arg;
    CHECK_STATUS(pyt_condition_wait(&r->condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_condition_wait_timeout(&r->condition, 1), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_condition_notify(&r->condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_condition_notify_all(&r->condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_condition_release(&r->condition), PYT_RUNTIME_ERROR);
    return PYT_OK;
}

TEST(own_rlock_belongs_to_the_thread_that_acquired_it, NEEDS_THREADS) {
    room r;
    make(&r, OWN);
    enter(&r);
    CHECK_STATUS(in_another_thread(use_as_a_stranger, &r), PYT_OK);
    leave(&r);
}

TEST(given_rlock_belongs_to_the_thread_that_acquired_it, NEEDS_THREADS) {
    room r;
    make(&r, RLOCK);
    CHECK_STATUS(pyt_rlock_acquire(&r.rlock), PYT_OK);
    CHECK_STATUS(in_another_thread(use_as_a_stranger, &r), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&r.rlock), PYT_OK);
}

static pyt_status notify_as_a_stranger(void *arg) {
    room *r = arg;
    return pyt_condition_notify(&r->condition);
}

/* A Lock has no owner: who notifies need not be who holds it. */
TEST(given_lock_counts_as_held_whoever_holds_it, NEEDS_THREADS) {
    room r;
    test_call waiter;
    make(&r, LOCK);
    start_waiters(&waiter, 1, wait_long, &r);
    enter(&r);
    CHECK_STATUS(in_another_thread(notify_as_a_stranger, &r), PYT_OK);
    PARKED_CONDITION(&r.condition, 0);
    CHECK(!test_ended(&waiter));
    leave(&r);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

TEST(a_condition_that_is_null_is_not_there) {
    room r;
    make(&r, OWN);
    CHECK_STATUS(pyt_condition_acquire(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_acquire_nowait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_acquire_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_release(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_wait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_wait_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_wait_for(NULL, is_open, &r), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_wait_for_timeout(NULL, is_open, &r, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_notify(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_notify_n(NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_notify_all(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_init_lock(NULL, &r.lock), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_init_rlock(NULL, &r.rlock), PYT_VALUE_ERROR);
}

EACH(stays_as_it_was_when_it_is_given_a_lock_that_is_null) {
    room r;
    make(&r, K);
    CHECK_STATUS(pyt_condition_init_lock(&r.condition, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_init_rlock(&r.condition, NULL), PYT_VALUE_ERROR);
    enter(&r);
    CHECK(held(&r));
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    leave(&r);
}

EACH(refuses_a_predicate_that_is_null) {
    room r;
    make(&r, K);
    enter(&r);
    CHECK_STATUS(pyt_condition_wait_for(&r.condition, NULL, &r), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, NULL, &r, 0), PYT_VALUE_ERROR);
    CHECK(held(&r));
    leave(&r);
}

static void give_bad_timeouts(room *r) {
    const struct {
        double seconds;
        pyt_status status;
    } bad[] = {
        {NAN, PYT_VALUE_ERROR},
        {-NAN, PYT_VALUE_ERROR},
        {INFINITY, PYT_OVERFLOW_ERROR},
        {DBL_MAX, PYT_OVERFLOW_ERROR},
        {9223372036.000002, PYT_OVERFLOW_ERROR},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        double seconds = bad[i].seconds;
        CHECK_STATUS(pyt_condition_wait_timeout(&r->condition, seconds), bad[i].status);
        CHECK_STATUS(pyt_condition_wait_for_timeout(&r->condition, is_open, r, seconds),
                     bad[i].status);
        CHECK_STATUS(pyt_condition_acquire_timeout(&r->condition, seconds), bad[i].status);
    }
    CHECK_STATUS(pyt_condition_acquire_timeout(&r->condition, -1), PYT_VALUE_ERROR);
}

EACH(refuses_bad_timeouts_before_it_looks_at_its_lock_or_the_predicate) {
    room r;
    make(&r, K);
    r.open = true;
    give_bad_timeouts(&r);
    enter(&r);
    give_bad_timeouts(&r);
    CHECK(held(&r));
    leave(&r);
    CHECK(!held(&r));
    CHECK_INT(r.looks, 0);
}

/* ---- acquire and release ---- */

static pyt_status try_to_enter(void *arg) {
    room *r = arg;
    pyt_status status = pyt_condition_acquire_nowait(&r->condition);
    if (status == PYT_OK) {
        leave(r);
    }
    return status;
}

EACH(acquires_and_releases_its_lock, 0, NEEDS_THREADS) {
    room r;
    make(&r, K);
    enter(&r);
    CHECK(held(&r));
    CHECK_STATUS(in_another_thread(try_to_enter, &r), PYT_TIMEOUT);
    leave(&r);
    CHECK(!held(&r));
    CHECK_STATUS(pyt_condition_acquire_nowait(&r.condition), PYT_OK);
    CHECK(held(&r));
    leave(&r);
    CHECK_STATUS(pyt_condition_acquire_timeout(&r.condition, 1), PYT_OK);
    CHECK(held(&r));
    CHECK_STATUS(in_another_thread(try_to_enter, &r), PYT_TIMEOUT);
    leave(&r);
    CHECK_STATUS(in_another_thread(try_to_enter, &r), PYT_OK);
}

static pyt_status enter_in_time(void *arg) {
    room *r = arg;
    double start = test_now();
    pyt_status status = pyt_condition_acquire_timeout(&r->condition, 0.02);
    CHECK_WITHIN(test_now() - start, 0.02, 1);
    return status;
}

EACH(gives_up_acquiring_when_the_time_is_up, 0, NEEDS_THREADS) {
    room r;
    make(&r, K);
    enter(&r);
    CHECK_STATUS(in_another_thread(enter_in_time, &r), PYT_TIMEOUT);
    leave(&r);
}

EACH(uses_the_lock_that_it_was_given) {
    room r;
    make(&r, K);
    enter(&r);
    CHECK_INT(pyt_lock_locked(&r.lock), K == LOCK);
    CHECK_INT(pyt_rlock_locked(&r.rlock), K == RLOCK);
    leave(&r);
    CHECK(!pyt_lock_locked(&r.lock));
    CHECK(!pyt_rlock_locked(&r.rlock));
    if (K == LOCK) {
        CHECK_STATUS(pyt_lock_acquire(&r.lock), PYT_OK);
    } else if (K == RLOCK) {
        CHECK_STATUS(pyt_rlock_acquire(&r.rlock), PYT_OK);
    } else {
        enter(&r);
    }
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0.001), PYT_TIMEOUT);
    leave(&r);
}

/* ---- wait ---- */

/* Wait for the lock and open the room. */
static pyt_status open_up(void *arg) {
    room *r = arg;
    enter(r);
    r->open = true;
    leave(r);
    return PYT_OK;
}

/* Who has waited for the lock longer than a millisecond is handed it as soon as it is let go: if
 * the wait did not let it go, the room would still be shut after it. */
static void start_opener(test_call *opener, room *r) {
    enter(r);
    test_begin(opener, open_up, r);
    PARKED_LOCK(lock_of(r), 1);
    test_sleep(0.005);
}

EACH(lets_the_lock_go_and_takes_it_again_even_if_there_is_no_time_to_wait, NEEDS_THREADS) {
    const double seconds[] = {0.0, -0.0, -DBL_TRUE_MIN, -1, -INFINITY};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        room r;
        test_call opener;
        make(&r, K);
        start_opener(&opener, &r);
        double start = test_now();
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, seconds[i]), PYT_TIMEOUT);
        CHECK_WITHIN(test_now() - start, 0, 1);
        CHECK(held(&r));
        CHECK(r.open);
        leave(&r);
        CHECK(!held(&r));
        CHECK_STATUS(test_end(&opener), PYT_OK);
        PARKED_CONDITION(&r.condition, 0);
    }
}

EACH_ALONE(keeps_the_lock_when_the_first_wait_gets_no_memory) {
    room r;
    make(&r, K);
    test_fail_nth(1); /* the debug build would have what a wait needs by now */
    enter(&r);
    test_fail_nth(1);
    CHECK_STATUS(pyt_condition_wait(&r.condition), PYT_MEMORY_ERROR);
    CHECK(test_fault_fired());
    CHECK(held(&r));
    test_fail_nth(1);
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, 1), PYT_MEMORY_ERROR);
    test_fail_nth(0);
    PARKED_CONDITION(&r.condition, 0);
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0.001), PYT_TIMEOUT);
    leave(&r);
    CHECK(!held(&r));
}

EACH(waits_as_long_as_the_timeout_says_and_no_longer) {
    room r;
    make(&r, K);
    enter(&r);
    for (double seconds = 0.001; seconds < 0.1; seconds *= 4) {
        double start = test_now();
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, seconds), PYT_TIMEOUT);
        CHECK_WITHIN(test_now() - start, seconds, seconds + 5);
        CHECK(held(&r));
    }
    leave(&r);
    CHECK(!held(&r));
}

EACH(can_be_waited_for_with_the_longest_timeout, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    room r;
    test_call waiter;
    make(&r, K);
    r.seconds = PYT_TIMEOUT_MAX;
    start_waiters(&waiter, 1, wait_in_time, &r);
    test_sleep(0.01);
    CHECK(!test_ended(&waiter));
    notify(&r, 1);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

/* Wait at some depth; the lock must be free meanwhile, and held as deep as before after it. */
static void wait_at_depth(room *r, pyt_rlock *rlock, size_t depth, double seconds) {
    test_call opener;
    start_opener(&opener, r);
    for (size_t i = 1; i < depth; i++) {
        enter(r);
    }
    CHECK_INT(pyt_rlock_recursion_count(rlock), depth);
    CHECK_STATUS(pyt_condition_wait_timeout(&r->condition, seconds), PYT_TIMEOUT);
    CHECK_INT(pyt_rlock_recursion_count(rlock), depth);
    CHECK(r->open);
    for (size_t i = 0; i < depth; i++) {
        CHECK(pyt_rlock_is_owned(rlock));
        leave(r);
    }
    CHECK(!pyt_rlock_locked(rlock));
    CHECK_STATUS(test_end(&opener), PYT_OK);
}

TEST(own_rlock_is_let_go_at_all_depths_and_held_as_deep_again, NEEDS_THREADS) {
    for (size_t depth = 1; depth < 5; depth++) {
        room r;
        make(&r, OWN);
        wait_at_depth(&r, &r.condition.pyt__own, depth, depth % 2 == 0 ? 0.001 : 0);
    }
}

TEST(given_rlock_is_let_go_at_all_depths_and_held_as_deep_again, NEEDS_THREADS) {
    for (size_t depth = 1; depth < 5; depth++) {
        room r;
        make(&r, RLOCK);
        wait_at_depth(&r, &r.rlock, depth, depth % 2 == 0 ? 0.001 : 0);
    }
}

static pyt_status wait_three_deep(void *arg) {
    room *r = arg;
    for (int i = 0; i < 3; i++) {
        enter(r);
    }
    CHECK_STATUS(pyt_condition_wait(&r->condition), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&r->rlock), 3);
    for (int i = 0; i < 3; i++) {
        leave(r);
    }
    CHECK(!pyt_rlock_is_owned(&r->rlock));
    return PYT_OK;
}

/* Once with the lock taken after the wake-up, once handed over because it took so long. */
TEST(given_rlock_is_held_as_deep_again_after_a_notify, NEEDS_THREADS) {
    for (int i = 0; i < 2; i++) {
        room r;
        test_call waiter;
        make(&r, RLOCK);
        start_waiters(&waiter, 1, wait_three_deep, &r);
        enter(&r);
        enter(&r);
        CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
        test_sleep(i * 0.005);
        leave(&r);
        CHECK(!test_ended(&waiter));
        leave(&r);
        CHECK_STATUS(test_end(&waiter), PYT_OK);
        CHECK(!pyt_rlock_locked(&r.rlock));
    }
}

/* ---- notify ---- */

EACH(wakes_the_longest_waiter_with_each_notify, NEEDS_THREADS) {
    room r;
    test_call calls[WAITERS];
    make(&r, K);
    start_waiters(calls, WAITERS, wait_long, &r);
    for (int i = 0; i < WAITERS; i++) {
        notify(&r, 1);
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
        enter(&r);
        CHECK_INT(r.woken, i + 1);
        CHECK_INT(r.order[i], i);
        PARKED_CONDITION(&r.condition, (size_t)(WAITERS - 1 - i));
        leave(&r);
    }
}

EACH(wakes_as_many_as_notify_says_and_the_oldest_ones, NEEDS_THREADS) {
    room r;
    test_call calls[WAITERS];
    make(&r, K);
    start_waiters(calls, WAITERS, wait_long, &r);
    notify(&r, 2);
    end_waiters(calls, 2);
    PARKED_CONDITION(&r.condition, WAITERS - 2);
    notify(&r, 3);
    end_waiters(calls + 2, 3);
    PARKED_CONDITION(&r.condition, WAITERS - 5);
    CHECK(!test_ended(&calls[WAITERS - 1]));
    notify(&r, 100);
    end_waiters(calls + 5, WAITERS - 5);
    CHECK_INT(r.woken, WAITERS);
    for (int i = 0; i < WAITERS; i++) {
        CHECK_INT(r.order[i], i);
    }
}

EACH(wakes_everybody_in_the_order_of_their_arrival, NEEDS_THREADS) {
    for (int round = 0; round < 3; round++) {
        room r;
        test_call calls[WAITERS];
        make(&r, K);
        start_waiters(calls, WAITERS, wait_long, &r);
        enter(&r);
        CHECK_STATUS(round == 0
                         ? pyt_condition_notify_all(&r.condition)
                         : pyt_condition_notify_n(&r.condition, round == 1 ? WAITERS : INT_MAX),
                     PYT_OK);
        PARKED_CONDITION(&r.condition, 0);
        leave(&r);
        end_waiters(calls, WAITERS);
        for (int i = 0; i < WAITERS; i++) {
            CHECK_INT(r.order[i], i);
        }
    }
}

EACH(wakes_as_many_as_it_is_told_to_and_no_more, NEEDS_THREADS) {
    room r;
    test_call calls[WAITERS];
    make(&r, K);
    start_waiters(calls, WAITERS, wait_long, &r);
    for (int n = 1, first = 0; first < WAITERS; first += n, n++) {
        enter(&r);
        CHECK_STATUS(pyt_condition_notify_n(&r.condition, n), PYT_OK);
        PARKED_CONDITION(&r.condition, (size_t)(WAITERS - first - n));
        leave(&r);
        end_waiters(&calls[first], n);
        CHECK_INT(r.woken, first + n);
    }
}

TEST(init_makes_a_condition_of_whatever_was_in_its_memory) {
    pyt_condition condition;
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_rlock rlock = PYT_RLOCK_INIT;
    for (int over = RLOCK; over <= LOCK; over++) {
        memset((void *)&condition, 0xA5, sizeof condition);
        if (over == RLOCK) {
            CHECK_STATUS(pyt_condition_init_rlock(&condition, &rlock), PYT_OK);
        } else {
            CHECK_STATUS(pyt_condition_init_lock(&condition, &lock), PYT_OK);
        }
        CHECK_STATUS(pyt_condition_notify(&condition), PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
        CHECK_STATUS(pyt_condition_notify(&condition), PYT_OK);
        CHECK_STATUS(pyt_condition_wait_timeout(&condition, 0.001), PYT_TIMEOUT);
        CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    }
}

static pyt_status wait_once(void *condition) {
    CHECK_STATUS(pyt_condition_acquire(condition), PYT_OK);
    pyt_status status = pyt_condition_wait(condition);
    CHECK_STATUS(pyt_condition_release(condition), PYT_OK);
    return status;
}

/* Waiters go from the one queue to the other under one mutex then. */
TEST(a_condition_whose_waiters_share_a_bucket_with_its_lock_notifies, NEEDS_THREADS) {
    enum {
        MANY = 100000
    };
    static pyt_lock lock;
    pyt_condition *all = calloc(MANY, sizeof *all);
    CHECK(all != NULL);
    CHECK_STATUS(pyt_event_wait_timeout(&(pyt_event)PYT_EVENT_INIT, 0.001), PYT_TIMEOUT);
    int found = 0;
    while (found < MANY && !test_same_bucket(&all[found].pyt__queue, &lock.pyt__word)) {
        found++;
    }
    CHECK(found < MANY);
    test_call calls[3];
    for (int round = 0; round < 3; round++) {
        CHECK_STATUS(pyt_condition_init_lock(&all[found], &lock), PYT_OK);
        for (int i = 0; i < 3; i++) {
            test_begin(&calls[i], wait_once, &all[found]);
            PARKED_CONDITION(&all[found], (size_t)i + 1);
        }
        CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
        CHECK_STATUS(pyt_condition_notify_n(&all[found], 3), PYT_OK);
        PARKED_CONDITION(&all[found], 0);
        CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
        end_waiters(calls, 3);
    }
    free(all);
}

EACH(wakes_nobody_when_told_to_wake_none, NEEDS_THREADS) {
    room r;
    test_call waiter;
    make(&r, K);
    start_waiters(&waiter, 1, wait_long, &r);
    notify(&r, 0);
    notify(&r, -1);
    notify(&r, INT_MIN);
    test_sleep(0.005);
    PARKED_CONDITION(&r.condition, 1);
    CHECK(!test_ended(&waiter));
    notify(&r, 1);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

EACH(forgets_a_notify_that_found_nobody, NEEDS_THREADS) {
    room r;
    test_call waiter;
    make(&r, K);
    notify(&r, 1);
    notify(&r, 3);
    enter(&r);
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0.005), PYT_TIMEOUT);
    leave(&r);
    start_waiters(&waiter, 1, wait_long, &r);
    test_sleep(0.005);
    CHECK(!test_ended(&waiter));
    notify(&r, 1);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

EACH(lets_the_woken_run_only_when_the_notifier_has_let_go, NEEDS_THREADS) {
    room r;
    test_call calls[2];
    make(&r, K);
    start_waiters(calls, 2, wait_long, &r);
    enter(&r);
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    test_sleep(0.01);
    CHECK_INT(r.woken, 0);
    CHECK(!test_ended(&calls[0]) && !test_ended(&calls[1]));
    leave(&r);
    end_waiters(calls, 2);
    CHECK_INT(r.woken, 2);
}

/* Who begins to wait after the notify has no part in it. */
EACH(gives_a_notify_to_who_waited_and_not_to_who_comes, NEEDS_THREADS) {
    for (int i = 0; i < test_scale(100); i++) {
        room r;
        test_call waiter;
        make(&r, K);
        start_waiters(&waiter, 1, wait_long, &r);
        enter(&r);
        CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0.0001), PYT_TIMEOUT);
        leave(&r);
        CHECK_STATUS(test_end(&waiter), PYT_OK);
    }
}

/* ---- a timeout meets a notify ---- */

/* The time is up after the notify, before the lock is free: the waiter has been notified. Should
 * the machine be so slow that the time is up before the notify, it is tried with more time. */
EACH(says_ok_to_who_was_notified_in_time_and_got_the_lock_late,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    room r;
    test_call waiter;
    bool counted = false;
    make(&r, K);
    for (r.seconds = 0.1; !counted; r.seconds *= 2) {
        test_begin(&waiter, wait_in_time, &r);
        test_wait_settled(&waiter, 1, &r.condition.pyt__queue);
        enter(&r);
        counted = test_parked(&r.condition.pyt__queue) == 1;
        CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
        if (counted) {
            test_sleep(r.seconds + 0.02);
            CHECK(!test_ended(&waiter));
        }
        leave(&r);
        CHECK_STATUS(test_end(&waiter), counted ? PYT_OK : PYT_TIMEOUT);
    }
}

/* The time is up before the notify, the lock is not free yet: the notify did not count it. */
EACH(says_timeout_to_whose_time_was_up_before_the_notify, NEEDS_THREADS) {
    room r;
    test_call late, next;
    make(&r, K);
    r.seconds = 0.02;
    test_begin(&late, wait_in_time, &r);
    test_wait_settled(&late, 1, &r.condition.pyt__queue);
    enter(&r);
    PARKED_CONDITION(&r.condition, 0);
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    leave(&r);
    CHECK_STATUS(test_end(&late), PYT_TIMEOUT);
    start_waiters(&next, 1, wait_long, &r);
    CHECK(!test_ended(&next));
    notify(&r, 1);
    CHECK_STATUS(test_end(&next), PYT_OK);
}

/* One waits with a timeout, another without one behind it. A notify for one, sent about when the
 * time is up, reaches exactly one of the two: if the first returns PYT_OK the other is still in
 * the queue; if it timed out the other returns PYT_OK. */
static bool meet(void *arg, double seconds, double delay) {
    room *r = arg;
    test_call calls[2];
    double start = test_now();
    r->seconds = seconds;
    test_begin(&calls[0], wait_in_time, r);
    test_wait_settled(calls, 1, &r->condition.pyt__queue);
    test_begin(&calls[1], wait_long, r);
    test_wait_settled(calls, 2, &r->condition.pyt__queue);
    test_run_until(start + delay);
    notify(r, 1);
    pyt_status status = test_end(&calls[0]);
    if (status == PYT_OK) {
        PARKED_CONDITION(&r->condition, 1);
        CHECK(!test_ended(&calls[1]));
        notify(r, 1);
    } else {
        CHECK_STATUS(status, PYT_TIMEOUT);
    }
    CHECK_STATUS(test_end(&calls[1]), PYT_OK);
    PARKED_CONDITION(&r->condition, 0);
    return status == PYT_OK;
}

EACH(says_ok_to_exactly_as_many_as_were_notified_when_a_timeout_meets_a_notify, NEEDS_THREADS) {
    room r;
    int won;
    make(&r, K);
    int rounds = test_meet(meet, &r, 0.001, test_scale(600), &won);
    CHECK_INT(r.woken, rounds + won);
}

/* ---- no wake-up without a notify ---- */

typedef struct noise {
    room *room;
    pyt_condition other; /* over the same lock */
    _Atomic(bool) stop;
} noise;

/* Everything that might disturb a waiter by mistake: the lock comes and goes, another condition
 * over it is notified, and nobody is notified here. */
static pyt_status make_noise(void *arg) {
    noise *n = arg;
    while (!atomic_load(&n->stop)) {
        enter(n->room);
        CHECK_STATUS(pyt_condition_notify_all(&n->other), PYT_OK);
        CHECK_STATUS(pyt_condition_notify_n(&n->room->condition, 0), PYT_OK);
        CHECK_STATUS(pyt_condition_wait_timeout(&n->other, 20e-6), PYT_TIMEOUT);
        leave(n->room);
    }
    return PYT_OK;
}

static void init_over_the_same(pyt_condition *other, room *r) {
    if (r->kind == LOCK) {
        CHECK_STATUS(pyt_condition_init_lock(other, &r->lock), PYT_OK);
    } else {
        CHECK_STATUS(
            pyt_condition_init_rlock(other, r->kind == RLOCK ? &r->rlock : &r->condition.pyt__own),
            PYT_OK);
    }
}

EACH(wakes_nobody_without_a_notify, NEEDS_THREADS) {
    room r;
    noise n = {.room = &r};
    test_call maker;
    make(&r, K);
    init_over_the_same(&n.other, &r);
    test_begin(&maker, make_noise, &n);
    for (int i = 0; i < test_scale(200); i++) {
        enter(&r);
        double start = test_now();
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 0.001), PYT_TIMEOUT);
        CHECK(test_now() - start >= 0.001);
        leave(&r);
    }
    atomic_exchange(&n.stop, true);
    CHECK_STATUS(test_end(&maker), PYT_OK);
}

typedef struct strays {
    pyt_event event;
    pyt_semaphore next;
    int rounds;
} strays;

static pyt_status set_when_told(void *arg) {
    strays *s = arg;
    for (int i = 0; i < s->rounds; i++) {
        CHECK_STATUS(pyt_semaphore_acquire(&s->next), PYT_OK);
        test_sleep(50e-6);
        CHECK_STATUS(pyt_event_set(&s->event), PYT_OK);
    }
    return PYT_OK;
}

/* Wake-ups that came when the thread had given up on something else are not for the condition. */
EACH(is_not_woken_by_what_was_meant_for_another_wait, NEEDS_THREADS) {
    room r;
    strays s = {.rounds = test_scale(500)};
    test_call setter;
    make(&r, K);
    test_begin(&setter, set_when_told, &s);
    for (int i = 0; i < s.rounds; i++) {
        CHECK_STATUS(pyt_semaphore_release(&s.next), PYT_OK);
        pyt_status status = pyt_event_wait_timeout(&s.event, 110e-6);
        CHECK(status == PYT_OK || status == PYT_TIMEOUT);
        enter(&r);
        CHECK_STATUS(pyt_condition_wait_timeout(&r.condition, 50e-6), PYT_TIMEOUT);
        leave(&r);
        CHECK_STATUS(pyt_event_wait(&s.event), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&s.event), PYT_OK);
    }
    CHECK_STATUS(test_end(&setter), PYT_OK);
}

/* ---- wait_for ---- */

EACH(does_not_wait_for_what_is_true_already, NEEDS_THREADS) {
    room r;
    test_call opener;
    make(&r, K);
    start_opener(&opener, &r);
    r.open = true;
    CHECK_STATUS(pyt_condition_wait_for(&r.condition, is_open, &r), PYT_OK);
    CHECK_INT(r.looks, 1);
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, 5), PYT_OK);
    CHECK_INT(r.looks, 2);
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, -1), PYT_OK);
    CHECK_INT(r.looks, 3);
    CHECK(!test_ended(&opener)); /* the lock was never let go */
    leave(&r);
    CHECK_STATUS(test_end(&opener), PYT_OK);
}

EACH(waits_on_as_long_as_the_predicate_is_false, NEEDS_THREADS) {
    room r;
    test_call waiter;
    make(&r, K);
    start_waiters(&waiter, 1, wait_until_open, &r);
    for (int i = 1; i < 5; i++) {
        notify(&r, 1);
        PARKED_LOCK(lock_of(&r), 0);
        PARKED_CONDITION(&r.condition, 1);
        enter(&r);
        CHECK_INT(r.looks, 1 + i);
        leave(&r);
        CHECK(!test_ended(&waiter));
    }
    enter(&r);
    r.open = true;
    leave(&r);
    CHECK(!test_ended(&waiter)); /* nobody has told it */
    notify(&r, 1);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK_INT(r.looks, 6);
}

/* Those who find the predicate false queue up again, behind the others. */
EACH(leaves_those_waiting_for_whom_the_predicate_stays_false, NEEDS_THREADS) {
    room r;
    test_call calls[4];
    make(&r, K);
    for (int i = 0; i < 4; i++) {
        test_begin(&calls[i], i < 2 ? wait_until_open : wait_long, &r);
        PARKED_CONDITION(&r.condition, (size_t)i + 1);
    }
    notify(&r, 2);
    PARKED_CONDITION(&r.condition, 4);
    notify(&r, 2);
    end_waiters(calls + 2, 2);
    CHECK(!test_ended(&calls[0]) && !test_ended(&calls[1]));
    enter(&r);
    CHECK_INT(r.looks, 4);
    r.open = true;
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    leave(&r);
    end_waiters(calls, 2);
    CHECK_INT(r.woken, 4);
}

/* Notifies that come all the time do not let the deadline begin anew. */
typedef struct nagger {
    room *room;
    _Atomic(bool) stop;
} nagger;

static pyt_status nag(void *arg) {
    nagger *n = arg;
    while (!atomic_load(&n->stop)) {
        notify(n->room, 1);
        test_sleep(0.002);
    }
    return PYT_OK;
}

EACH(has_one_deadline_however_often_it_is_woken, NEEDS_THREADS) {
    room r;
    nagger n = {.room = &r};
    test_call call;
    make(&r, K);
    test_begin(&call, nag, &n);
    enter(&r);
    double start = test_now();
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, 0.1), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.1, 1.5);
    CHECK(held(&r));
    CHECK(r.looks >= 2);
    leave(&r);
    atomic_exchange(&n.stop, true);
    CHECK_STATUS(test_end(&call), PYT_OK);
}

static bool true_at_the_second_look(void *arg) {
    room *r = arg;
    return ++r->looks == 2;
}

EACH(looks_once_more_when_the_time_is_up) {
    const double seconds[] = {0, -1, -INFINITY, DBL_TRUE_MIN, 0.01};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        room r;
        make(&r, K);
        enter(&r);
        CHECK_STATUS(
            pyt_condition_wait_for_timeout(&r.condition, true_at_the_second_look, &r, seconds[i]),
            PYT_OK);
        CHECK_INT(r.looks, 2);
        r.looks = 0;
        CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, seconds[i]),
                     PYT_TIMEOUT);
        CHECK_INT(r.looks, 2);
        leave(&r);
    }
}

EACH(lets_the_lock_go_in_wait_for_even_if_there_is_no_time_to_wait, NEEDS_THREADS) {
    room r;
    test_call opener;
    make(&r, K);
    start_opener(&opener, &r);
    CHECK_STATUS(pyt_condition_wait_for_timeout(&r.condition, is_open, &r, 0), PYT_OK);
    CHECK(held(&r));
    leave(&r);
    CHECK_STATUS(test_end(&opener), PYT_OK);
}

EACH(ends_wait_for_in_time_when_it_comes_true, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    room r;
    test_call waiter;
    make(&r, K);
    r.seconds = PYT_TIMEOUT_MAX;
    start_waiters(&waiter, 1, wait_until_open_in_time, &r);
    notify(&r, 1);
    PARKED_LOCK(lock_of(&r), 0);
    PARKED_CONDITION(&r.condition, 1);
    enter(&r);
    r.open = true;
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    leave(&r);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

/* ---- several conditions over one lock ---- */

typedef struct side {
    room *room;
    pyt_condition condition; /* over the room's lock */
} side;

static pyt_status wait_at_the_side(void *arg) {
    side *s = arg;
    enter(s->room);
    CHECK_STATUS(pyt_condition_wait(&s->condition), PYT_OK);
    CHECK(held(s->room));
    leave(s->room);
    return PYT_OK;
}

EACH(wakes_its_own_waiters_and_not_those_of_another_over_the_same_lock, NEEDS_THREADS) {
    room r;
    side s = {.room = &r};
    test_call inside, aside;
    make(&r, K);
    init_over_the_same(&s.condition, &r);
    start_waiters(&inside, 1, wait_long, &r);
    test_begin(&aside, wait_at_the_side, &s);
    PARKED_CONDITION(&s.condition, 1);
    notify(&r, 100);
    CHECK_STATUS(test_end(&inside), PYT_OK);
    PARKED_CONDITION(&s.condition, 1);
    CHECK(!test_ended(&aside));
    enter(&r);
    CHECK_STATUS(pyt_condition_notify_all(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify(&s.condition), PYT_OK);
    leave(&r);
    CHECK_STATUS(test_end(&aside), PYT_OK);
}

/* Moved to the queue of the one lock, waiters of both come in the order of the notifies. */
EACH(shares_the_queue_of_the_lock_with_another_over_it, NEEDS_THREADS) {
    room r;
    side s = {.room = &r};
    test_call inside[2], aside;
    make(&r, K);
    init_over_the_same(&s.condition, &r);
    start_waiters(inside, 2, wait_long, &r);
    test_begin(&aside, wait_at_the_side, &s);
    PARKED_CONDITION(&s.condition, 1);
    enter(&r);
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify(&s.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    leave(&r);
    end_waiters(inside, 2);
    CHECK_STATUS(test_end(&aside), PYT_OK);
    CHECK_INT(r.woken, 2);
    enter(&r);
    leave(&r);
}

/* ---- many threads ---- */

enum {
    PLACES = 2,
    PEOPLE = 3
};

/* A bounded buffer: `condition` of the room says "not empty", the other one "not full". */
typedef struct buffer {
    room room;
    pyt_condition not_full;
    int rounds;
    int places[PLACES]; /* under the room's lock, as all that follows */
    int used, put, got;
    long long sum;
} buffer;

static bool is_not_full(void *arg) {
    return ((buffer *)arg)->used < PLACES;
}

static bool is_not_empty(void *arg) {
    return ((buffer *)arg)->used > 0;
}

/* With a timeout now and then, so that timeouts meet notifies. */
static void wait_for_room(pyt_condition *condition, bool (*predicate)(void *), buffer *b, int i) {
    pyt_status status = PYT_TIMEOUT;
    while (i % 2 == 0 && status == PYT_TIMEOUT) {
        status = pyt_condition_wait_for_timeout(condition, predicate, b, 20e-6);
    }
    if (status == PYT_TIMEOUT) {
        status = pyt_condition_wait_for(condition, predicate, b);
    }
    CHECK_STATUS(status, PYT_OK);
}

static pyt_status produce(void *arg) {
    buffer *b = arg;
    for (int i = 0; i < b->rounds; i++) {
        enter(&b->room);
        wait_for_room(&b->not_full, is_not_full, b, i);
        CHECK(b->used < PLACES);
        b->places[b->used++] = ++b->put;
        CHECK_STATUS(pyt_condition_notify(&b->room.condition), PYT_OK);
        leave(&b->room);
    }
    return PYT_OK;
}

static pyt_status consume(void *arg) {
    buffer *b = arg;
    for (int i = 0; i < b->rounds; i++) {
        enter(&b->room);
        wait_for_room(&b->room.condition, is_not_empty, b, i);
        CHECK(b->used > 0);
        b->sum += b->places[--b->used];
        b->got++;
        CHECK_STATUS(pyt_condition_notify(&b->not_full), PYT_OK);
        leave(&b->room);
    }
    return PYT_OK;
}

EACH(hands_every_item_over_a_bounded_buffer, NEEDS_THREADS) {
    buffer b = {.rounds = test_scale(2000)};
    test_call calls[2 * PEOPLE];
    make(&b.room, K);
    init_over_the_same(&b.not_full, &b.room);
    for (int i = 0; i < 2 * PEOPLE; i++) {
        test_begin(&calls[i], i % 2 == 0 ? produce : consume, &b);
    }
    end_waiters(calls, 2 * PEOPLE);
    CHECK_INT(b.put, PEOPLE * b.rounds);
    CHECK_INT(b.got, b.put);
    CHECK_INT(b.used, 0);
    CHECK_INT(b.sum, (long long)b.put * (b.put + 1) / 2);
    PARKED_CONDITION(&b.room.condition, 0);
    PARKED_CONDITION(&b.not_full, 0);
}

/* ---- over a Lock that is free, or comes free, while somebody notifies ---- */

typedef struct duel {
    room room;
    pyt_semaphore start;
    _Atomic(bool) stop;
    _Atomic(int) refused;
    pyt_semaphore done;
} duel;

static pyt_status notify_when_told(void *arg) {
    duel *d = arg;
    for (;;) {
        CHECK_STATUS(pyt_semaphore_acquire(&d->start), PYT_OK);
        if (atomic_load(&d->stop)) {
            return PYT_OK;
        }
        pyt_status status = pyt_condition_notify(&d->room.condition);
        if (status != PYT_OK) {
            CHECK_STATUS(status, PYT_RUNTIME_ERROR);
            atomic_fetch_add(&d->refused, 1);
        }
        CHECK_STATUS(pyt_semaphore_release(&d->done), PYT_OK);
    }
}

/* One thread notifies, another one lets the lock go: the notify is either refused, and nobody is
 * woken, or the waiter returns. */
TEST(given_lock_let_go_during_a_notify_loses_no_waiter, NEEDS_THREADS) {
    duel d = {.stop = false};
    test_call notifier;
    make(&d.room, LOCK);
    test_begin(&notifier, notify_when_told, &d);
    for (int i = 0; i < test_scale(2000); i++) {
        test_call waiter;
        start_waiters(&waiter, 1, wait_long, &d.room);
        int refused = atomic_load(&d.refused);
        enter(&d.room);
        CHECK_STATUS(pyt_semaphore_release(&d.start), PYT_OK);
        for (int spins = i % 100 * 20; spins > 0; spins--) {
            atomic_signal_fence(memory_order_seq_cst);
        }
        leave(&d.room);
        CHECK_STATUS(pyt_semaphore_acquire(&d.done), PYT_OK);
        if (atomic_load(&d.refused) > refused) {
            CHECK(!test_ended(&waiter));
            notify(&d.room, 1);
        }
        CHECK_STATUS(test_end(&waiter), PYT_OK);
    }
    atomic_exchange(&d.stop, true);
    CHECK_STATUS(pyt_semaphore_release(&d.start), PYT_OK);
    CHECK_STATUS(test_end(&notifier), PYT_OK);
}

static pyt_status release_the_lock(void *arg) {
    room *r = arg;
    return pyt_lock_release(&r->lock);
}

TEST(given_lock_may_be_released_by_another_thread_than_the_notifier, NEEDS_THREADS) {
    room r;
    test_call waiter;
    make(&r, LOCK);
    start_waiters(&waiter, 1, wait_long, &r);
    enter(&r);
    CHECK_STATUS(pyt_condition_notify(&r.condition), PYT_OK);
    CHECK_STATUS(in_another_thread(release_the_lock, &r), PYT_OK);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
    CHECK(!pyt_lock_locked(&r.lock));
}

TEST(own_rlock_condition_is_ready_when_all_its_bytes_are_zero, NEEDS_THREADS) {
    static room zero;
    test_call waiter;
    start_waiters(&waiter, 1, wait_long, &zero);
    notify(&zero, 1);
    CHECK_STATUS(test_end(&waiter), PYT_OK);
}

static pyt_lock static_lock;
static pyt_rlock static_rlock;
static pyt_condition over_lock = PYT_CONDITION_INIT_LOCK(&static_lock);
static pyt_condition over_rlock = PYT_CONDITION_INIT_RLOCK(&static_rlock);

TEST(a_static_condition_may_be_over_a_lock_and_over_an_rlock) {
    CHECK_STATUS(pyt_condition_acquire(&over_lock), PYT_OK);
    CHECK(pyt_lock_locked(&static_lock));
    CHECK_STATUS(pyt_condition_wait_timeout(&over_lock, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_condition_release(&over_lock), PYT_OK);
    CHECK(!pyt_lock_locked(&static_lock));
    CHECK_STATUS(pyt_condition_acquire(&over_rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&static_rlock), 1);
    CHECK_STATUS(pyt_condition_notify(&over_rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&over_rlock), PYT_OK);
}
