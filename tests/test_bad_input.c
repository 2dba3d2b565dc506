/* Everything a caller can get wrong, in tables. Nothing is changed by a refused call, errno stays
 * as it was, and there is a sentence for it. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

#define TOO_LONG (PYT_TIMEOUT_MAX * 1.000001)

/* One line of a table: what the call should say, and the call. */
#define REFUSED(status, call)                                                  \
    do {                                                                       \
        before_refusal();                                                      \
        CHECK_STATUS(call, status);                                            \
        CHECK_INT(errno, 777);                                                 \
        CHECK(strcmp(pyt_error_message(), "cannot join current thread") != 0); \
        CHECK(pyt_error_message()[0] != '\0');                                 \
    } while (0)

/* Leave a message and an errno that the refused call has nothing to do with. */
static void before_refusal(void) {
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot join current thread");
    errno = 777;
}

static void *nothing(void *arg) {
    return arg;
}

static void do_nothing(void *arg) {
    (void)arg;
}

static bool always(void *arg) {
    (void)arg;
    return true;
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

/* ---- NULL ----------------------------------------------------------------------------------- */

/* Not constants, so that no compiler sees through them. */
static pyt_lock *volatile no_lock;
static pyt_rlock *volatile no_rlock;
static pyt_condition *volatile no_condition;
static pyt_semaphore *volatile no_semaphore;
static pyt_bounded_semaphore *volatile no_bounded;
static pyt_event *volatile no_event;
static pyt_barrier *volatile no_barrier;
static pyt_thread *volatile no_thread;
static pyt_thread **volatile no_place;
static pyt_local *volatile no_local;
static const char *volatile no_name;
static void (*volatile no_function)(void *);
static bool (*volatile no_predicate)(void *);

TEST(no_lock_or_rlock_is_refused_by_every_call) {
    REFUSED(PYT_VALUE_ERROR, pyt_lock_acquire(no_lock));
    REFUSED(PYT_VALUE_ERROR, pyt_lock_acquire_nowait(no_lock));
    REFUSED(PYT_VALUE_ERROR, pyt_lock_acquire_timeout(no_lock, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_lock_release(no_lock));
    CHECK(!pyt_lock_locked(no_lock));
    REFUSED(PYT_VALUE_ERROR, pyt_rlock_acquire(no_rlock));
    REFUSED(PYT_VALUE_ERROR, pyt_rlock_acquire_nowait(no_rlock));
    REFUSED(PYT_VALUE_ERROR, pyt_rlock_acquire_timeout(no_rlock, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_rlock_release(no_rlock));
    CHECK(!pyt_rlock_locked(no_rlock));
    CHECK(!pyt_rlock_is_owned(no_rlock));
    CHECK_INT(pyt_rlock_recursion_count(no_rlock), 0);
}

TEST(no_condition_is_refused_by_every_call) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_rlock rlock = PYT_RLOCK_INIT;
    pyt_condition condition = PYT_CONDITION_INIT;
    REFUSED(PYT_VALUE_ERROR, pyt_condition_init_lock(no_condition, &lock));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_init_rlock(no_condition, &rlock));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_init_lock(&condition, no_lock));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_init_rlock(&condition, no_rlock));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_acquire(no_condition));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_acquire_nowait(no_condition));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_acquire_timeout(no_condition, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_release(no_condition));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait(no_condition));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait_timeout(no_condition, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait_for(no_condition, always, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait_for_timeout(no_condition, always, NULL, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_notify(no_condition));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_notify_n(no_condition, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_notify_all(no_condition));
}

TEST(no_semaphore_is_refused_by_every_call) {
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_init(no_semaphore, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_acquire(no_semaphore));
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_acquire_nowait(no_semaphore));
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_acquire_timeout(no_semaphore, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_release(no_semaphore));
    REFUSED(PYT_VALUE_ERROR, pyt_semaphore_release_n(no_semaphore, 1));
    CHECK_INT(pyt_semaphore_value(no_semaphore), 0);
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_init(no_bounded, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire(no_bounded));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire_nowait(no_bounded));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_acquire_timeout(no_bounded, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release(no_bounded));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(no_bounded, 1));
    CHECK_INT(pyt_bounded_semaphore_value(no_bounded), 0);
}

TEST(no_event_or_barrier_is_refused_by_every_call) {
    REFUSED(PYT_VALUE_ERROR, pyt_event_set(no_event));
    REFUSED(PYT_VALUE_ERROR, pyt_event_clear(no_event));
    REFUSED(PYT_VALUE_ERROR, pyt_event_wait(no_event));
    REFUSED(PYT_VALUE_ERROR, pyt_event_wait_timeout(no_event, 1));
    CHECK(!pyt_event_is_set(no_event));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_init(no_barrier, 2, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_wait(no_barrier, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_wait_timeout(no_barrier, 1, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_reset(no_barrier));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_abort(no_barrier));
    CHECK_INT(pyt_barrier_parties(no_barrier), 0);
    CHECK_INT(pyt_barrier_n_waiting(no_barrier), 0);
    CHECK(!pyt_barrier_broken(no_barrier));
}

TEST(no_thread_or_timer_is_refused_by_every_call) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, NULL), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_thread_new(no_place, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_start(no_thread));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_run(no_thread));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_join(no_thread));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_join_timeout(no_thread, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_result(no_thread, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_name(no_thread, "name"));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_name(thread, no_name));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_daemon(no_thread, true));
    REFUSED(PYT_VALUE_ERROR, pyt_timer_new(no_place, 1, do_nothing, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_timer_cancel(no_thread));
    REFUSED(PYT_VALUE_ERROR, pyt_local_delete(no_local));
    CHECK(!pyt_thread_is_alive(no_thread));
    CHECK(!pyt_thread_daemon(no_thread));
    CHECK_INT(pyt_thread_ident(no_thread), 0);
    CHECK_INT(pyt_thread_native_id(no_thread), 0);
    CHECK(pyt_thread_arg(no_thread) == NULL);
    CHECK(pyt_thread_ref(no_thread) == NULL);
    const char *name = pyt_thread_name(no_thread);
    CHECK(name == NULL || name[0] == '\0');
    CHECK(pyt_local_get(no_local) == NULL);
    CHECK(!pyt_local_exists(no_local));
    pyt_thread_unref(no_thread);
    pyt_thread_unref(thread);
}

TEST(no_callback_is_refused_where_one_is_due) {
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_thread *timer = NULL;
    pyt_ident ident = 5;
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait_for(&condition, no_predicate, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_condition_wait_for_timeout(&condition, no_predicate, NULL, 1));
    REFUSED(PYT_VALUE_ERROR, pyt_timer_new(&timer, 1, no_function, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_start_new_thread(no_function, NULL, &ident));
    CHECK(timer == NULL);
    CHECK_INT(ident, 5);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    CHECK_INT(pyt_active_count(), 1);
}

TEST(with_no_object_the_block_is_left_out) {
    int runs = 0;
    pyt_lock *lock = no_lock;
    pyt_rlock *rlock = no_rlock;
    pyt_condition *condition = no_condition;
    pyt_semaphore *semaphore = no_semaphore;
    pyt_bounded_semaphore *bounded = no_bounded;
    pyt_with(lock) {
        runs++;
    }
    pyt_with(rlock) {
        runs++;
    }
    pyt_with(condition) {
        runs++;
    }
    pyt_with(semaphore) {
        runs++;
    }
    pyt_with(bounded) {
        runs++;
    }
    CHECK_INT(runs, 0);
}

TEST(enumerate_without_a_list_only_counts) {
    CHECK_INT(pyt_enumerate(NULL, 0), 1);
    CHECK_INT(pyt_enumerate(NULL, 10), 1);
}

/* ---- timeouts ------------------------------------------------------------------------------- */

static pyt_lock lock;
static pyt_rlock rlock;
static pyt_condition condition, own_lock_taken;
static pyt_semaphore semaphore;
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
static pyt_event event;
static pyt_barrier pair = PYT_BARRIER_INIT(2), alone = PYT_BARRIER_INIT(1);
static pyt_thread *running, *finished;

static pyt_status call_lock(double seconds) {
    return pyt_lock_acquire_timeout(&lock, seconds);
}

static pyt_status call_rlock(double seconds) {
    return pyt_rlock_acquire_timeout(&rlock, seconds);
}

static pyt_status call_condition_acquire(double seconds) {
    return pyt_condition_acquire_timeout(&own_lock_taken, seconds);
}

static pyt_status call_condition_wait(double seconds) {
    return pyt_condition_wait_timeout(&condition, seconds);
}

static pyt_status call_wait_for_never(double seconds) {
    return pyt_condition_wait_for_timeout(&condition, never, NULL, seconds);
}

static pyt_status call_wait_for_always(double seconds) {
    return pyt_condition_wait_for_timeout(&condition, always, NULL, seconds);
}

static pyt_status call_semaphore(double seconds) {
    return pyt_semaphore_acquire_timeout(&semaphore, seconds);
}

static pyt_status call_bounded(double seconds) {
    return pyt_bounded_semaphore_acquire_timeout(&bounded, seconds);
}

static pyt_status call_event(double seconds) {
    return pyt_event_wait_timeout(&event, seconds);
}

static pyt_status call_pair(double seconds) {
    pyt_status status = pyt_barrier_wait_timeout(&pair, seconds, NULL);
    if (status == PYT_BROKEN_BARRIER) {
        CHECK(pyt_barrier_broken(&pair));
        CHECK_STATUS(pyt_barrier_reset(&pair), PYT_OK);
    }
    CHECK(!pyt_barrier_broken(&pair));
    CHECK_INT(pyt_barrier_n_waiting(&pair), 0);
    return status;
}

static pyt_status call_alone(double seconds) {
    return pyt_barrier_wait_timeout(&alone, seconds, NULL);
}

static pyt_status call_join_running(double seconds) {
    return pyt_thread_join_timeout(running, seconds);
}

static pyt_status call_join_finished(double seconds) {
    return pyt_thread_join_timeout(finished, seconds);
}

/* What each call says to a timeout below 0 and to one of 0. A negative one is refused by the two
 * locks and is already over for everything else. */
typedef struct timed_call {
    const char *name;
    pyt_status (*call)(double seconds);
    pyt_status below_zero, zero;
} timed_call;

static const timed_call while_nobody_gets_it[] = {
    {"lock", call_lock, PYT_VALUE_ERROR, PYT_TIMEOUT},
    {"rlock", call_rlock, PYT_VALUE_ERROR, PYT_TIMEOUT},
    {"condition acquire", call_condition_acquire, PYT_VALUE_ERROR, PYT_TIMEOUT},
    {"condition wait", call_condition_wait, PYT_TIMEOUT, PYT_TIMEOUT},
    {"wait for never", call_wait_for_never, PYT_TIMEOUT, PYT_TIMEOUT},
    {"semaphore", call_semaphore, PYT_TIMEOUT, PYT_TIMEOUT},
    {"bounded semaphore", call_bounded, PYT_TIMEOUT, PYT_TIMEOUT},
    {"event", call_event, PYT_TIMEOUT, PYT_TIMEOUT},
    {"barrier", call_pair, PYT_BROKEN_BARRIER, PYT_BROKEN_BARRIER},
    {"join", call_join_running, PYT_TIMEOUT, PYT_TIMEOUT},
};

static const timed_call while_it_is_there[] = {
    {"lock", call_lock, PYT_VALUE_ERROR, PYT_OK},
    {"rlock", call_rlock, PYT_VALUE_ERROR, PYT_OK},
    {"condition acquire", call_condition_acquire, PYT_VALUE_ERROR, PYT_OK},
    {"wait for always", call_wait_for_always, PYT_OK, PYT_OK},
    {"semaphore", call_semaphore, PYT_OK, PYT_OK},
    {"bounded semaphore", call_bounded, PYT_OK, PYT_OK},
    {"event", call_event, PYT_OK, PYT_OK},
    {"barrier", call_alone, PYT_OK, PYT_OK},
    {"join", call_join_finished, PYT_OK, PYT_OK},
};

/* What may have been taken by the calls that went well is given back. */
static void give_back(void) {
    if (pyt_lock_locked(&lock)) {
        CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    }
    while (pyt_rlock_is_owned(&rlock)) {
        CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    }
    while (pyt_condition_release(&own_lock_taken) == PYT_OK) {
    }
    if (pyt_semaphore_value(&semaphore) == 0) {
        CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    }
    if (pyt_bounded_semaphore_value(&bounded) == 0) {
        CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_OK);
    }
}

static void check_call(const timed_call *row, double seconds, pyt_status expected) {
    before_refusal();
    pyt_status status = row->call(seconds);
    if (status != expected) {
        test_fail(__FILE__, __LINE__, "%s with a timeout of %g is %s, not %s", row->name, seconds,
                  pyt_status_name(status), pyt_status_name(expected));
    }
    CHECK_INT(errno, 777);
    if (status == PYT_VALUE_ERROR || status == PYT_OVERFLOW_ERROR) {
        CHECK(strcmp(pyt_error_message(), "cannot join current thread") != 0);
    }
}

static void check_timeouts(const timed_call *row) {
    static const double below_zero[] = {-1e-300, -1e-9, -1, -PYT_TIMEOUT_MAX, -1e300, -INFINITY};
    static const double too_long[] = {TOO_LONG, 1e15, 1e300, INFINITY};
    check_call(row, NAN, PYT_VALUE_ERROR);
    check_call(row, -NAN, PYT_VALUE_ERROR);
    for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++) {
        check_call(row, too_long[i], PYT_OVERFLOW_ERROR);
    }
    for (size_t i = 0; i < sizeof below_zero / sizeof *below_zero; i++) {
        check_call(row, below_zero[i], row->below_zero);
    }
}

static pyt_event taken, give;

static void *take_everything(void *arg) {
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&own_lock_taken), PYT_OK);
    CHECK_STATUS(pyt_bounded_semaphore_acquire(&bounded), PYT_OK);
    CHECK_STATUS(pyt_event_set(&taken), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&give), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&own_lock_taken), PYT_OK);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_OK);
    return arg;
}

TEST(bad_timeouts_are_refused_by_every_call_that_would_have_to_wait, NEEDS_THREADS) {
    running = test_thread(take_everything, NULL);
    CHECK_STATUS(pyt_event_wait(&taken), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    for (size_t i = 0; i < sizeof while_nobody_gets_it / sizeof *while_nobody_gets_it; i++) {
        const timed_call *row = &while_nobody_gets_it[i];
        check_timeouts(row);
        check_call(row, 0.0, row->zero);
        check_call(row, -0.0, row->zero);
    }
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 0);
    CHECK(!pyt_event_is_set(&event));
    CHECK_STATUS(pyt_event_set(&give), PYT_OK);
    test_join(running);
    CHECK(!pyt_lock_locked(&lock));
    CHECK(!pyt_rlock_locked(&rlock));
}

TEST(bad_timeouts_are_refused_even_when_there_is_nothing_to_wait_for) {
    finished = test_thread(nothing, NULL);
    CHECK_STATUS(pyt_thread_join(finished), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    for (size_t i = 0; i < sizeof while_it_is_there / sizeof *while_it_is_there; i++) {
        const timed_call *row = &while_it_is_there[i];
        static const double bad[] = {NAN, -NAN, TOO_LONG, INFINITY, 1e300};
        for (size_t j = 0; j < sizeof bad / sizeof *bad; j++) {
            check_call(row, bad[j], bad[j] != bad[j] ? PYT_VALUE_ERROR : PYT_OVERFLOW_ERROR);
            CHECK(!pyt_lock_locked(&lock));
            CHECK(!pyt_rlock_locked(&rlock));
            CHECK_INT(pyt_semaphore_value(&semaphore), 1);
            CHECK_INT(pyt_bounded_semaphore_value(&bounded), 1);
            CHECK_INT(pyt_barrier_n_waiting(&alone), 0);
        }
        static const double good[] = {-1, -INFINITY, 0, -0.0, 1e-300, 1, PYT_TIMEOUT_MAX};
        for (size_t j = 0; j < sizeof good / sizeof *good; j++) {
            check_call(row, good[j], good[j] < 0 ? row->below_zero : row->zero);
            give_back();
        }
    }
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    pyt_thread_unref(finished);
}

TEST(a_bad_timeout_is_judged_before_the_state_of_the_object) {
    pyt_thread *fresh = NULL;
    pyt_barrier no_parties;
    memset(&no_parties, 0, sizeof no_parties);
    CHECK_STATUS(pyt_thread_new(&fresh, NULL), PYT_OK);
    REFUSED(PYT_OVERFLOW_ERROR, pyt_thread_join_timeout(fresh, INFINITY));
    REFUSED(PYT_OVERFLOW_ERROR, pyt_thread_join_timeout(pyt_current_thread(), INFINITY));
    REFUSED(PYT_OVERFLOW_ERROR, pyt_condition_wait_timeout(&condition, INFINITY));
    REFUSED(PYT_OVERFLOW_ERROR, pyt_condition_wait_for_timeout(&condition, always, NULL, INFINITY));
    REFUSED(PYT_OVERFLOW_ERROR, pyt_barrier_wait_timeout(&no_parties, INFINITY, NULL));
    CHECK_STATUS(pyt_barrier_abort(&pair), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_wait_timeout(&pair, NAN, NULL));
    REFUSED(PYT_BROKEN_BARRIER, pyt_barrier_wait_timeout(&pair, 1, NULL));
    pyt_thread_unref(fresh);
}

TEST_ALONE(a_tiny_timeout_is_a_wait_and_not_a_look) {
    static const double tiny[] = {1e-300, 4.9e-324, 1e-12, 1e-9, 1e-6};
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
        check_call(&while_nobody_gets_it[5], tiny[i], PYT_TIMEOUT);
        check_call(&while_nobody_gets_it[7], tiny[i], PYT_TIMEOUT);
        CHECK_STATUS(pyt_lock_acquire_timeout(&lock, tiny[i]), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire_timeout(&lock, tiny[i]), PYT_TIMEOUT);
        CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    }
}

TEST(a_barriers_own_timeout_is_judged_when_it_is_made) {
    pyt_barrier barrier = PYT_BARRIER_INIT(3);
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.timeout = NAN}));
    REFUSED(PYT_OVERFLOW_ERROR,
            pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.timeout = INFINITY}));
    REFUSED(PYT_OVERFLOW_ERROR,
            pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.timeout = TOO_LONG}));
    CHECK_INT(pyt_barrier_parties(&barrier), 3);
}

/* ---- counts --------------------------------------------------------------------------------- */

TEST(negative_and_empty_counts_are_refused) {
    static const int below_one[] = {0, -1, -2, INT_MIN};
    pyt_semaphore s = PYT_SEMAPHORE_INIT(2);
    pyt_bounded_semaphore b = PYT_BOUNDED_SEMAPHORE_INIT(2);
    pyt_barrier barrier = PYT_BARRIER_INIT(3);
    CHECK_STATUS(pyt_bounded_semaphore_acquire(&b), PYT_OK);
    for (size_t i = 0; i < sizeof below_one / sizeof *below_one; i++) {
        int n = below_one[i];
        REFUSED(PYT_VALUE_ERROR, pyt_semaphore_release_n(&s, n));
        REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(&b, n));
        REFUSED(PYT_VALUE_ERROR, pyt_barrier_init(&barrier, n, NULL));
        if (n < 0) {
            REFUSED(PYT_VALUE_ERROR, pyt_semaphore_init(&s, n));
            REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_init(&b, n));
        }
        CHECK_INT(pyt_semaphore_value(&s), 2);
        CHECK_INT(pyt_bounded_semaphore_value(&b), 1);
        CHECK_INT(pyt_barrier_parties(&barrier), 3);
    }
}

TEST(notify_of_nobody_is_no_mistake) {
    static const int counts[] = {0, -1, INT_MIN, INT_MAX};
    pyt_condition c = PYT_CONDITION_INIT;
    CHECK_STATUS(pyt_condition_acquire(&c), PYT_OK);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        CHECK_STATUS(pyt_condition_notify_n(&c, counts[i]), PYT_OK);
    }
    CHECK_STATUS(pyt_condition_release(&c), PYT_OK);
}

TEST(more_than_a_counter_holds_is_an_overflow_and_changes_nothing) {
    pyt_semaphore s = PYT_SEMAPHORE_INIT(INT_MAX);
    REFUSED(PYT_OVERFLOW_ERROR, pyt_semaphore_release(&s));
    REFUSED(PYT_OVERFLOW_ERROR, pyt_semaphore_release_n(&s, INT_MAX));
    CHECK_INT(pyt_semaphore_value(&s), INT_MAX);
    CHECK_STATUS(pyt_semaphore_acquire(&s), PYT_OK);
    REFUSED(PYT_OVERFLOW_ERROR, pyt_semaphore_release_n(&s, 2));
    CHECK_INT(pyt_semaphore_value(&s), INT_MAX - 1);
    CHECK_STATUS(pyt_semaphore_release(&s), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&s), INT_MAX);
}

TEST(a_bounded_semaphore_takes_back_no_more_than_it_gave) {
    pyt_bounded_semaphore b = PYT_BOUNDED_SEMAPHORE_INIT(3);
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release(&b));
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(&b, INT_MAX));
    CHECK_STATUS(pyt_bounded_semaphore_acquire(&b), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release_n(&b, 2));
    CHECK_INT(pyt_bounded_semaphore_value(&b), 2);
    CHECK_STATUS(pyt_bounded_semaphore_release(&b), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release(&b));
    CHECK_INT(pyt_bounded_semaphore_value(&b), 3);
    CHECK_STATUS(pyt_bounded_semaphore_init(&b, 0), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_bounded_semaphore_release(&b));
    CHECK_INT(pyt_bounded_semaphore_value(&b), 0);
}

TEST(a_barrier_of_nobody_lets_nobody_wait) {
    pyt_barrier zero;
    int index = 7;
    memset(&zero, 0, sizeof zero);
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_wait(&zero, &index));
    REFUSED(PYT_VALUE_ERROR, pyt_barrier_wait_timeout(&zero, 1, &index));
    CHECK_INT(index, 7);
    CHECK_INT(pyt_barrier_parties(&zero), 0);
}

/* ---- what is not held ----------------------------------------------------------------------- */

static void *release_what_main_holds(void *arg) {
    REFUSED(PYT_RUNTIME_ERROR, pyt_rlock_release(&rlock));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_release(&condition));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait(&condition));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_notify(&condition));
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 0);
    return arg;
}

TEST(what_is_not_held_cannot_be_released, NEEDS_THREADS) {
    pyt_condition over_lock = PYT_CONDITION_INIT;
    CHECK_STATUS(pyt_condition_init_lock(&over_lock, &lock), PYT_OK);
    REFUSED(PYT_RUNTIME_ERROR, pyt_lock_release(&lock));
    REFUSED(PYT_RUNTIME_ERROR, pyt_rlock_release(&rlock));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_release(&condition));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_release(&over_lock));
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    test_join(test_thread(release_what_main_holds, NULL));
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 1);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    REFUSED(PYT_RUNTIME_ERROR, pyt_rlock_release(&rlock));
    REFUSED(PYT_RUNTIME_ERROR, pyt_condition_release(&condition));
}

static bool must_not_be_asked(void *arg) {
    (void)arg;
    CHECK(false);
    return false;
}

TEST(without_its_lock_a_condition_neither_waits_nor_notifies) {
    pyt_condition over_lock = PYT_CONDITION_INIT, over_rlock = PYT_CONDITION_INIT;
    CHECK_STATUS(pyt_condition_init_lock(&over_lock, &lock), PYT_OK);
    CHECK_STATUS(pyt_condition_init_rlock(&over_rlock, &rlock), PYT_OK);
    pyt_condition *const all[] = {&condition, &over_lock, &over_rlock};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait(all[i]));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait_timeout(all[i], 1));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait_timeout(all[i], 0));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait_timeout(all[i], -1));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_wait_for(all[i], must_not_be_asked, NULL));
        REFUSED(PYT_RUNTIME_ERROR,
                pyt_condition_wait_for_timeout(all[i], must_not_be_asked, NULL, 1));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_notify(all[i]));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_notify_n(all[i], 2));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_notify_n(all[i], 0));
        REFUSED(PYT_RUNTIME_ERROR, pyt_condition_notify_all(all[i]));
    }
    CHECK(!pyt_lock_locked(&lock));
    CHECK(!pyt_rlock_locked(&rlock));
}

/* ---- threads -------------------------------------------------------------------------------- */

TEST(a_thread_used_out_of_turn_is_refused) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}), PYT_OK);
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_join(thread));
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_join_timeout(thread, 0));
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_result(thread, NULL));
    REFUSED(PYT_VALUE_ERROR, pyt_timer_cancel(thread));
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_start(thread));
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_set_daemon(thread, false));
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_start(thread));
    pyt_thread_unref(thread);
    pyt_thread *self = pyt_main_thread();
    CHECK_STATUS(pyt_thread_set_name(NULL, "x"), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_thread_join(self), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join_timeout(self, 1), PYT_RUNTIME_ERROR);
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_start(self));
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_set_daemon(self, true));
    REFUSED(PYT_RUNTIME_ERROR, pyt_thread_result(self, NULL));
}

TEST(options_that_cannot_be_are_refused_and_no_thread_is_made) {
    int value = 1;
    pyt_thread *thread = NULL;
    before_refusal(); /* makes what the first call of all makes */
    long before = test_live_allocations();
    const struct {
        pyt_thread_options options;
        pyt_status status;
    } table[] = {
        {{.target = nothing, .arg_size = 1}, PYT_VALUE_ERROR},
        {{.target = nothing, .stack_size = 1}, PYT_VALUE_ERROR},
        {{.target = nothing, .stack_size = 32767}, PYT_VALUE_ERROR},
        {{.target = nothing, .arg = &value, .arg_size = SIZE_MAX}, PYT_MEMORY_ERROR},
        {{.target = nothing, .arg = &value, .arg_size = SIZE_MAX - 8}, PYT_MEMORY_ERROR},
        {{.target = nothing, .arg = &value, .arg_size = SIZE_MAX - 200}, PYT_MEMORY_ERROR},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        REFUSED(table[i].status, pyt_thread_new(&thread, &table[i].options));
        CHECK(thread == NULL);
    }
    CHECK_INT(test_live_allocations(), before);
}

TEST(names_that_are_none_are_refused_and_change_nothing) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.name = "kept"}), PYT_OK);
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_name(thread, no_name));
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_name(thread, ""));
    CHECK_STR(pyt_thread_name(thread), "kept");
    pyt_thread_unref(thread);
    REFUSED(PYT_VALUE_ERROR, pyt_thread_set_name(pyt_main_thread(), ""));
    CHECK_STR(pyt_thread_name(pyt_main_thread()), "MainThread");
}

static void *read_system_name(void *arg) {
    test_system_name(arg, 64);
    return NULL;
}

/* Bytes are bytes: kept as they are, and the system is told as many as it takes. */
TEST(names_that_are_long_or_not_utf8_or_full_of_control_characters_are_kept,
     NEEDS_THREADS | NEEDS_NAMES) {
    enum {
        not_utf8 = 4 /* the first ones */
    };
    static const char *const names[] = {
        "\xff\xfe\xfd",
        "\xc3",
        "ok\x80then",
        "\xed\xa0\x80 a surrogate alone",
        "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4",
        "two\nlines\tand a tab",
        "%s%n%d",
        " ",
        "/../..",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char seen[64] = "";
        pyt_thread *thread = NULL;
        pyt_thread_options options = {.target = read_system_name, .arg = seen, .name = names[i]};
        CHECK_STATUS(pyt_thread_new(&thread, &options), PYT_OK);
        CHECK_STR(pyt_thread_name(thread), names[i]);
        CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STR(pyt_thread_name(thread), names[i]);
        size_t told = strlen(names[i]) < TEST_NAME_MAX ? strlen(names[i]) : TEST_NAME_MAX;
        CHECK(strlen(seen) <= TEST_NAME_MAX);
        CHECK(seen[0] != '\0');
        if (i >= not_utf8 || !TEST_NAME_IS_UTF8) {
            CHECK(strncmp(seen, names[i], strlen(seen)) == 0);
            CHECK(strlen(seen) + 4 > told);
        }
        CHECK_STATUS(pyt_thread_set_name(thread, "plain"), PYT_OK);
        CHECK_STATUS(pyt_thread_set_name(thread, names[i]), PYT_OK);
        CHECK_STR(pyt_thread_name(thread), names[i]);
        pyt_thread_unref(thread);
    }
}

static void *raise_with_percent_signs(void *arg) {
    pyt_raise(1, arg);
}

static char output[512];

static void report_a_strange_name(void *arg) {
    pyt_thread *thread = NULL;
    pyt_thread_options options = {.target = raise_with_percent_signs, .arg = arg, .name = "%s%n"};
    CHECK_STATUS(pyt_thread_new(&thread, &options), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    CHECK(strstr(pyt_error_message(), "%d%s%n") != NULL);
    pyt_thread_unref(thread);
}

TEST(names_and_messages_are_never_taken_for_formats, NEEDS_PROCESSES) {
    CHECK_INT(test_child(report_a_strange_name, (void *)"%d%s%n", output, sizeof output), 0);
    CHECK_STR(output, "Exception in thread %s%n: %d%s%n\n");
}

TEST(numbers_that_are_no_status_have_a_name_and_a_sentence_too) {
    static const int numbers[] = {-1, 1000, INT_MAX, INT_MIN, PYT_NOT_SUPPORTED + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK_STR(pyt_status_name((pyt_status)numbers[i]), "?");
        CHECK(pyt_strerror((pyt_status)numbers[i]) != NULL);
    }
}
