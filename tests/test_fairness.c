/* Who gets a lock: waiters in the order of their arrival; a newcomer only as long as nobody has
 * waited about a millisecond, for then the lock is handed over and is never free in between. */
#define _GNU_SOURCE
#include <stdatomic.h>
#if !defined(_WIN32)
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#endif

#include "test.h"

/* Well above the age at which a waiter is handed the lock. */
#define OLD 0.003

enum {
    WAITERS = 6
};

/* A Lock or an RLock, with a condition over it. */
typedef struct place {
    bool recursive;
    pyt_lock lock;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_event go; /* who has got the lock keeps it until then */
    double seconds;
    int order[2 * WAITERS]; /* who got the lock; under the lock */
    int got;                /* how many that are; under the lock */
    _Atomic(int) numbers;
    _Atomic(bool) stop;
} place;

/* A test for each of the two, with their flags, if any. */
#define BOTH(...) BOTH_OF(__VA_ARGS__, 0, 0)
#define BOTH_OF(name, flags, ...)     \
    static void name(bool recursive); \
    TEST(lock_##name, flags) {        \
        name(false);                  \
    }                                 \
    TEST(rlock_##name, flags) {       \
        name(true);                   \
    }                                 \
    static void name(bool recursive)

static void make(place *p, bool recursive) {
    memset((void *)p, 0, sizeof *p);
    p->recursive = recursive;
    CHECK_STATUS(recursive ? pyt_condition_init_rlock(&p->condition, &p->rlock)
                           : pyt_condition_init_lock(&p->condition, &p->lock),
                 PYT_OK);
}

static pyt_lock *lock_of(place *p) {
    return p->recursive ? &p->rlock.pyt__lock : &p->lock;
}

static void acquire(place *p) {
    CHECK_STATUS(p->recursive ? pyt_rlock_acquire(&p->rlock) : pyt_lock_acquire(&p->lock), PYT_OK);
}

static pyt_status acquire_nowait(place *p) {
    return p->recursive ? pyt_rlock_acquire_nowait(&p->rlock) : pyt_lock_acquire_nowait(&p->lock);
}

static void release(place *p) {
    CHECK_STATUS(p->recursive ? pyt_rlock_release(&p->rlock) : pyt_lock_release(&p->lock), PYT_OK);
}

static bool locked(place *p) {
    return p->recursive ? pyt_rlock_locked(&p->rlock) : pyt_lock_locked(&p->lock);
}

static void write_down(place *p, int number) {
    p->order[p->got++ % (2 * WAITERS)] = number;
}

static pyt_status pass(void *arg) {
    place *p = arg;
    int number = atomic_fetch_add(&p->numbers, 1);
    acquire(p);
    write_down(p, number);
    release(p);
    return PYT_OK;
}

static pyt_status acquire_and_keep(void *arg) {
    place *p = arg;
    acquire(p);
    CHECK_STATUS(pyt_event_wait(&p->go), PYT_OK);
    release(p);
    return PYT_OK;
}

static pyt_status wait_and_keep(void *arg) {
    place *p = arg;
    acquire(p);
    CHECK_STATUS(pyt_condition_wait(&p->condition), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&p->go), PYT_OK);
    release(p);
    return PYT_OK;
}

/* Start `n` threads that pass, one behind the other in the queue of the lock. */
static void start_waiters(test_call *calls, int n, place *p) {
    for (int i = 0; i < n; i++) {
        test_begin(&calls[i], pass, p);
        PARKED_LOCK(lock_of(p), (size_t)i + 1);
    }
}

static void end_waiters(test_call *calls, int n) {
    for (int i = 0; i < n; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
    }
}

/* The waiter does not let go before it is told: a lock that was handed over is held at every
 * moment from here on. One that was only freed would be seen free at once. */
static void check_handed(place *p, test_call *waiter) {
    release(p);
    CHECK(locked(p));
    CHECK_STATUS(acquire_nowait(p), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_set(&p->go), PYT_OK);
    CHECK_STATUS(test_end(waiter), PYT_OK);
    CHECK(!locked(p));
}

BOTH(is_handed_to_a_waiter_that_is_older_than_a_millisecond, NEEDS_THREADS) {
    for (int i = 0; i < 30; i++) {
        place p;
        test_call waiter;
        make(&p, recursive);
        acquire(&p);
        test_begin(&waiter, acquire_and_keep, &p);
        PARKED_LOCK(lock_of(&p), 1);
        test_sleep(OLD);
        check_handed(&p, &waiter);
    }
}

BOTH(is_handed_to_who_was_notified_more_than_a_millisecond_ago, NEEDS_THREADS) {
    for (int i = 0; i < 30; i++) {
        place p;
        test_call waiter;
        make(&p, recursive);
        test_begin(&waiter, wait_and_keep, &p);
        PARKED_CONDITION(&p.condition, 1);
        acquire(&p);
        CHECK_STATUS(pyt_condition_notify(&p.condition), PYT_OK);
        test_sleep(OLD);
        check_handed(&p, &waiter);
    }
}

/* Who releases and comes back at once finds old waiters before it, all of them. */
BOTH(goes_to_all_old_waiters_before_the_one_that_released_it, NEEDS_THREADS) {
    for (int round = 0; round < 10; round++) {
        place p;
        test_call calls[WAITERS];
        make(&p, recursive);
        acquire(&p);
        start_waiters(calls, WAITERS, &p);
        test_sleep(OLD);
        release(&p);
        acquire(&p);
        write_down(&p, WAITERS);
        release(&p);
        end_waiters(calls, WAITERS);
        for (int i = 0; i <= WAITERS; i++) {
            CHECK_INT(p.order[i], i);
        }
    }
}

BOTH(goes_to_waiters_in_the_order_of_their_arrival, NEEDS_THREADS) {
    for (int round = 0; round < 20; round++) {
        place p;
        test_call calls[WAITERS];
        make(&p, recursive);
        acquire(&p);
        start_waiters(calls, WAITERS, &p);
        release(&p);
        end_waiters(calls, WAITERS);
        for (int i = 0; i < WAITERS; i++) {
            CHECK_INT(p.order[i], i);
        }
    }
}

/* A young waiter is woken and may find that the lock has been taken again: then it is still the
 * first of the queue. */
BOTH(leaves_a_waiter_its_place_when_a_newcomer_was_quicker, NEEDS_THREADS | NEEDS_REAL_TIME) {
    for (int round = 0; round < 100; round++) {
        place p;
        test_call calls[2];
        make(&p, recursive);
        acquire(&p);
        start_waiters(calls, 2, &p);
        release(&p);
        if (acquire_nowait(&p) == PYT_OK) {
            test_sleep(round % 2 == 0 ? OLD : 50e-6);
            release(&p);
        }
        end_waiters(calls, 2);
        CHECK_INT(p.order[0], 0);
        CHECK_INT(p.order[1], 1);
    }
}

/* A waiter that is woken in vain does not become young again: it is handed the lock when it has
 * waited a millisecond in all, less since the last time. A round in which the machine was too
 * slow to tell the two apart, or the waiter was quicker, shows nothing.
 * Returns  whether the round showed it */
static bool overtake_once(place *p, test_call *waiter) {
    acquire(p);
    test_begin(waiter, acquire_and_keep, p);
    PARKED_LOCK(lock_of(p), 1);
    double parked = test_now();
    test_run_until(parked + 0.0004);
    double woken = test_now();
    release(p);
    if (acquire_nowait(p) != PYT_OK) {
        return false;
    }
    PARKED_LOCK(lock_of(p), 1);
    test_run_until(parked + 0.0011);
    release(p);
    bool handed = locked(p);
    bool shows = test_now() < woken + 0.00095;
    CHECK(handed || !shows);
    return shows;
}

BOTH(counts_all_the_time_that_a_waiter_has_waited, NEEDS_THREADS) {
    int shown = 0;
    for (int round = 0; round < test_scale(200) && shown < 20; round++) {
        place p;
        test_call waiter;
        make(&p, recursive);
        shown += overtake_once(&p, &waiter);
        CHECK_STATUS(pyt_event_set(&p.go), PYT_OK);
        CHECK_STATUS(test_end(&waiter), PYT_OK);
    }
}

/* ---- several on their way ---- */

#if !defined(PYTHREADING_DUMMY) && !defined(_WIN32)

/* Two waiters that a signal keeps busy: taken out of the queue, they come late. */
static struct {
    pthread_t threads[2];
    int letters[2][2]; /* a pipe each: what lets it go on */
    _Atomic(int) caught;
} held;

static __thread int held_number;

static void hold_up(int signal) {
    char letter;
    (void)signal;
    atomic_fetch_add(&held.caught, 1);
    while (read(held.letters[held_number][0], &letter, 1) != 1) {
    }
}

static pyt_status pass_late(void *arg) {
    place *p = arg;
    sigset_t signals; /* musl starts C11 threads with all of them blocked */
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    CHECK_INT(pthread_sigmask(SIG_UNBLOCK, &signals, NULL), 0);
    held_number = atomic_load(&p->numbers);
    held.threads[held_number] = pthread_self();
    return pass(arg);
}

/* Without a look at the clock, which stands. */
static void wait_until_parked(place *p, size_t n) {
    while (test_parked(&lock_of(p)->pyt__word) != n) {
        test_yield();
    }
}

static void let_go_on(int number) {
    CHECK_INT(write(held.letters[number][1], "", 1), 1);
}

/* The lock is let go and taken again before the waiter that it woke could take it. */
static void call_one(place *p) {
    release(p);
    CHECK_STATUS(acquire_nowait(p), PYT_OK);
}

/* Each of two waiters loses the lock once, and somebody else comes in between. The clock stands, so
 * that nobody is old enough to be handed the lock. */
BOTH(is_got_in_the_order_of_arrival_by_waiters_that_come_back_together,
     NEEDS_THREADS | NEEDS_FINE_CLOCK | NEEDS_SIGNALS) {
    place p;
    test_call calls[3];
    make(&p, recursive);
    if (!test_stop_clock(true)) {
        test_skip("the clock cannot be stopped");
    }
    CHECK(signal(SIGUSR1, hold_up) != SIG_ERR);
    acquire(&p);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pipe(held.letters[i]), 0);
        test_begin(&calls[i], pass_late, &p);
        wait_until_parked(&p, (size_t)i + 1);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_INT(pthread_kill(held.threads[i], SIGUSR1), 0);
    }
    while (atomic_load(&held.caught) < 2) {
        test_yield();
    }
    call_one(&p);
    test_begin(&calls[2], pass, &p);
    wait_until_parked(&p, 2);
    call_one(&p);
    wait_until_parked(&p, 1);
    let_go_on(0);
    wait_until_parked(&p, 2);
    let_go_on(1);
    wait_until_parked(&p, 3);
    release(&p);
    end_waiters(calls, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(p.order[i], i);
    }
}

#endif

/* ---- a crowd ---- */

/* Several times as many as are handed a lock in one millisecond. */
#define CROWD 96

static pyt_status pass_twice(void *arg) {
    place *p = arg;
    acquire(p);
    p->got++;
    release(p);
    if (acquire_nowait(p) == PYT_OK) {
        write_down(p, 0);
        release(p);
    }
    return PYT_OK;
}

/* So many old waiters would keep the lock in hand-overs until the first of them are back and old
 * again, so that it was never free any more. It comes free now and then all the same: who lets it
 * go can take it again. The last few would find it free in any case. */
BOTH(comes_free_although_a_crowd_is_always_old, NEEDS_THREADS) {
    static test_call calls[CROWD];
    place p;
    make(&p, recursive);
    acquire(&p);
    for (int i = 0; i < CROWD; i++) {
        test_begin(&calls[i], pass_twice, &p);
    }
    PARKED_LOCK(lock_of(&p), CROWD);
    test_sleep(OLD);
    if (!test_stop_clock(true)) {
        test_skip("the clock cannot be stopped");
    }
    release(&p);
    end_waiters(calls, CROWD);
    (void)test_stop_clock(false);
    CHECK(p.got > CROWD + 10);
}

/* ---- nobody starves ---- */

/* Hold the lock nearly all the time, letting it go for an instant again and again. */
static pyt_status hog(void *arg) {
    place *p = arg;
    while (!atomic_load(&p->stop)) {
        acquire(p);
        test_run_until(test_now() + 200e-6);
        release(p);
    }
    return PYT_OK;
}

BOTH(is_got_soon_although_another_thread_takes_it_again_and_again, NEEDS_THREADS) {
    place p;
    test_call call;
    make(&p, recursive);
    test_begin(&call, hog, &p);
    for (int i = 0; i < 20; i++) {
        double start = test_now();
        acquire(&p);
        CHECK_WITHIN(test_now() - start, 0, 2);
        release(&p);
        test_sleep(0.0005);
    }
    atomic_exchange(&p.stop, true);
    CHECK_STATUS(test_end(&call), PYT_OK);
}

/* ---- beside a thread that computes ---- */

#if defined(__linux__) && !defined(PYTHREADING_DUMMY)

enum {
    HAND_OVERS = 2000
};

typedef struct pair {
    pyt_semaphore ping, pong;
    _Atomic(bool) stop;
} pair;

static pyt_status compute(void *arg) {
    pair *p = arg;
    while (!atomic_load(&p->stop)) {
    }
    return PYT_OK;
}

static pyt_status answer(void *arg) {
    pair *p = arg;
    for (int i = 0; i < HAND_OVERS; i++) {
        CHECK_STATUS(pyt_semaphore_acquire(&p->ping), PYT_OK);
        CHECK_STATUS(pyt_semaphore_release(&p->pong), PYT_OK);
    }
    return PYT_OK;
}

/* Who lets others run before it sleeps gets the processor back after the time slice of the one who
 * computes, a millisecond and more: 2000 of those would be three seconds. */
TEST(hand_overs_beside_a_thread_that_computes_do_not_last_its_time_slices,
     NEEDS_THREADS | NEEDS_LINUX | NEEDS_REAL_TIME) {
    pair p;
    test_call calls[2];
    cpu_set_t all, first;
    memset((void *)&p, 0, sizeof p);
    CHECK_INT(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&first);
    for (size_t i = 0; CPU_COUNT(&first) == 0; i++) {
        if (CPU_ISSET(i, &all)) {
            CPU_SET(i, &first);
        }
    }
    CHECK_INT(sched_setaffinity(0, sizeof first, &first), 0);
    test_begin(&calls[0], compute, &p);
    test_begin(&calls[1], answer, &p);
    double start = test_now();
    for (int i = 0; i < HAND_OVERS; i++) {
        CHECK_STATUS(pyt_semaphore_release(&p.ping), PYT_OK);
        CHECK_STATUS(pyt_semaphore_acquire(&p.pong), PYT_OK);
    }
    CHECK_WITHIN(test_now() - start, 0, 1);
    atomic_exchange(&p.stop, true);
    CHECK_STATUS(test_end(&calls[0]), PYT_OK);
    CHECK_STATUS(test_end(&calls[1]), PYT_OK);
}

#endif

/* ---- a timeout meets a hand-over ---- */

static pyt_status pass_in_time(void *arg) {
    place *p = arg;
    pyt_status status = p->recursive ? pyt_rlock_acquire_timeout(&p->rlock, p->seconds)
                                     : pyt_lock_acquire_timeout(&p->lock, p->seconds);
    if (status == PYT_OK) {
        p->got++;
        release(p);
    }
    return status;
}

/* Release the lock about when the time of an old waiter is up. It has it, or it does not: it is
 * not left with a lock that it does not know of. */
static bool meet(void *arg, double seconds, double delay) {
    place *p = arg;
    test_call call;
    int before = p->got;
    p->seconds = seconds;
    acquire(p);
    double start = test_now();
    test_begin(&call, pass_in_time, p);
    test_wait_settled(&call, 1, lock_of(p));
    test_run_until(start + delay);
    release(p);
    pyt_status status = test_end(&call);
    CHECK_STATUS(status, status == PYT_OK ? PYT_OK : PYT_TIMEOUT);
    CHECK_INT(p->got - before, status == PYT_OK);
    CHECK(!locked(p));
    PARKED_LOCK(lock_of(p), 0);
    return status == PYT_OK;
}

BOTH(is_neither_lost_nor_kept_when_a_timeout_meets_the_hand_over, NEEDS_THREADS) {
    place p;
    int won;
    make(&p, recursive);
    test_meet(meet, &p, 0.002, test_scale(400), &won);
    CHECK_INT(p.got, won);
}
