/* The protocols of the library itself: for each primitive, what two or three threads do at the same
 * time, in all schedules up to some number of preemptions. Each scenario ends with what must be
 * true in whatever order things happened. tests/simulate/mutants.txt has faults of these protocols
 * that the scenarios find. */
#include "simulate.h"

/* ---- Lock ---- */

typedef struct counter {
    pyt_lock lock;
    pyt_rlock rlock;
    int inside;
    int done; /* under the lock */
} counter;

static void enter(counter *all) {
    PYT_CHECK(all->inside == 0);
    all->inside = 1;
    pyt_step();
    all->inside = 0;
    all->done++;
}

static void *lock_once(void *arg) {
    counter *all = arg;
    MUST(pyt_lock_acquire(&all->lock));
    enter(all);
    MUST(pyt_lock_release(&all->lock));
    return NULL;
}

static void three_take_a_lock(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *one = simulate_start("one", lock_once, &all);
    pyt_thread *two = simulate_start("two", lock_once, &all);
    lock_once(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.done == 3);
    PYT_CHECK(!pyt_lock_locked(&all.lock));
}

static void two_take_a_lock(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *other = simulate_start("other", lock_once, &all);
    lock_once(&all);
    lock_once(&all);
    simulate_join(other);
    PYT_CHECK(all.done == 3);
    PYT_CHECK(!pyt_lock_locked(&all.lock));
}

TEST_LIMIT(lock_of_two_threads, 60) {
    simulate_all(two_take_a_lock, NULL, 2);
}

TEST_LIMIT(lock_of_three_threads, 60) {
    simulate_all(three_take_a_lock, NULL, 1);
}

static void *lock_for_long(void *arg) {
    counter *all = arg;
    MUST(pyt_lock_acquire(&all->lock));
    all->inside = 1;
    MUST(pyt_sleep(0.5));
    all->inside = 0;
    MUST(pyt_lock_release(&all->lock));
    return NULL;
}

/* Those who wait grow so old that they are handed the lock. */
static void two_are_handed_a_lock(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *holder = simulate_start("holder", lock_for_long, &all);
    pyt_thread *waiter = simulate_start("waiter", lock_once, &all);
    lock_once(&all);
    simulate_join(holder);
    simulate_join(waiter);
    PYT_CHECK(all.done == 2);
    PYT_CHECK(!pyt_lock_locked(&all.lock));
}

TEST_LIMIT(lock_handed_to_old_waiters, 60) {
    simulate_all(two_are_handed_a_lock, NULL, 1);
}

static void *lock_in_time(void *arg) {
    counter *all = arg;
    pyt_status status = pyt_lock_acquire_timeout(&all->lock, 0.5);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    if (status == PYT_OK) {
        enter(all);
        MUST(pyt_lock_release(&all->lock));
    }
    return NULL;
}

/* The time of a waiter is up when the lock comes free; who waits behind it gets the lock. Each
 * waits once more afterwards: no wake-up of the first wait may be left. */
static void *lock_in_time_then_meet(void *arg) {
    counter *all = arg;
    lock_in_time(all);
    lock_once(all);
    return NULL;
}

static void lock_or_timeout(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *holder = simulate_start("holder", lock_for_long, &all);
    pyt_thread *waiter = simulate_start("waiter", lock_in_time_then_meet, &all);
    lock_once(&all);
    simulate_join(holder);
    simulate_join(waiter);
    PYT_CHECK(all.done == 2 || all.done == 3);
    PYT_CHECK(!pyt_lock_locked(&all.lock));
}

TEST_LIMIT(lock_comes_free_when_the_time_is_up, 60) {
    simulate_all(lock_or_timeout, NULL, 1);
}

/* ---- RLock ---- */

static void *rlock_twice(void *arg) {
    counter *all = arg;
    MUST(pyt_rlock_acquire(&all->rlock));
    MUST(pyt_rlock_acquire(&all->rlock));
    PYT_CHECK(pyt_rlock_recursion_count(&all->rlock) == 2);
    enter(all);
    MUST(pyt_rlock_release(&all->rlock));
    pyt_step();
    PYT_CHECK(pyt_rlock_is_owned(&all->rlock));
    MUST(pyt_rlock_release(&all->rlock));
    PYT_CHECK(!pyt_rlock_is_owned(&all->rlock));
    return NULL;
}

static void *rlock_at_once(void *arg) {
    counter *all = arg;
    if (pyt_rlock_acquire_nowait(&all->rlock) == PYT_OK) {
        enter(all);
        MUST(pyt_rlock_release(&all->rlock));
    }
    PYT_CHECK(pyt_rlock_release(&all->rlock) == PYT_RUNTIME_ERROR);
    return NULL;
}

static void three_take_an_rlock(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *one = simulate_start("one", rlock_twice, &all);
    pyt_thread *two = simulate_start("two", rlock_at_once, &all);
    rlock_twice(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.done == 2 || all.done == 3);
    PYT_CHECK(!pyt_rlock_locked(&all.rlock));
}

static void two_take_an_rlock(void *arg) {
    counter all = {PYT_LOCK_INIT, PYT_RLOCK_INIT, 0, 0};
    (void)arg;
    pyt_thread *other = simulate_start("other", rlock_twice, &all);
    rlock_twice(&all);
    simulate_join(other);
    PYT_CHECK(all.done == 2);
    PYT_CHECK(!pyt_rlock_locked(&all.rlock));
}

TEST_LIMIT(rlock_of_two_threads, 60) {
    simulate_all(two_take_an_rlock, NULL, 2);
}

TEST_LIMIT(rlock_of_three_threads, 60) {
    simulate_all(three_take_an_rlock, NULL, 1);
}

/* ---- Condition ---- */

typedef struct board {
    pyt_condition condition;
    pyt_event over;    /* set when everything has happened */
    bool is_over;      /* before that */
    bool ready;        /* this and the rest under the condition's lock */
    bool inside;       /* somebody is between a wait and the release */
    int arrived;       /* waiters before their wait */
    int notified;      /* calls of notify */
    int woken;         /* waits that ended with PYT_OK */
    bool last_arrived; /* of wait_last */
} board;

static void *wait_until_ready(void *arg) {
    board *all = arg;
    MUST(pyt_condition_acquire(&all->condition));
    while (!all->ready) {
        MUST(pyt_condition_wait(&all->condition));
    }
    all->woken++;
    MUST(pyt_condition_release(&all->condition));
    return NULL;
}

static void make_ready(board *all, pyt_status (*notify)(pyt_condition *)) {
    MUST(pyt_condition_acquire(&all->condition));
    all->ready = true;
    MUST(notify(&all->condition));
    MUST(pyt_condition_release(&all->condition));
}

static void one_waits(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", wait_until_ready, &all);
    make_ready(&all, pyt_condition_notify);
    simulate_join(waiter);
    PYT_CHECK(all.woken == 1);
}

TEST_LIMIT(condition_wait_and_notify, 60) {
    simulate_all(one_waits, NULL, 2);
}

static void one_waits_for_all(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", wait_until_ready, &all);
    make_ready(&all, pyt_condition_notify_all);
    simulate_join(waiter);
    PYT_CHECK(all.woken == 1);
}

TEST_LIMIT(condition_notify_all_of_one, 60) {
    simulate_all(one_waits_for_all, NULL, 2);
}

static void two_wait(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    (void)arg;
    pyt_thread *one = simulate_start("one", wait_until_ready, &all);
    pyt_thread *two = simulate_start("two", wait_until_ready, &all);
    make_ready(&all, pyt_condition_notify_all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.woken == 2);
}

TEST_LIMIT(condition_wait_and_notify_all, 60) {
    simulate_all(two_wait, NULL, 1);
}

static void *wait_once(void *arg) {
    board *all = arg;
    MUST(pyt_condition_acquire(&all->condition));
    int place = all->arrived++;
    MUST(pyt_condition_wait(&all->condition));
    PYT_CHECK(place < all->notified);
    all->woken++;
    MUST(pyt_condition_release(&all->condition));
    return NULL;
}

/* Each notify wakes the one that waits for the longest time, and nobody else. Who of several that
 * were woken gets the lock first is not said. */
static void two_are_woken_in_turn(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    (void)arg;
    pyt_thread *one = simulate_start("one", wait_once, &all);
    pyt_thread *two = simulate_start("two", wait_once, &all);
    while (all.notified < 2) {
        MUST(pyt_condition_acquire(&all.condition));
        if (all.arrived > all.notified) {
            MUST(pyt_condition_notify(&all.condition));
            all.notified++;
        }
        PYT_CHECK(all.woken <= all.notified);
        MUST(pyt_condition_release(&all.condition));
        MUST(pyt_sleep(1));
    }
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.woken == 2);
}

TEST_LIMIT(condition_notifies_in_order, 60) {
    simulate_all(two_are_woken_in_turn, NULL, 1);
}

/* Nobody else is in the condition's lock. */
static void check_alone(board *all) {
    PYT_CHECK(!all->inside);
    all->inside = true;
    pyt_step();
    all->inside = false;
}

/* Waits for what main does last: a wake-up that is left over would end this too early. */
static void wait_for_the_end(board *all) {
    MUST(pyt_event_wait(&all->over));
    PYT_CHECK(all->is_over);
}

static void end_all(board *all) {
    all->is_over = true;
    MUST(pyt_event_set(&all->over));
}

static void *wait_a_second(void *arg) {
    board *all = arg;
    MUST(pyt_condition_acquire(&all->condition));
    pyt_status status = pyt_condition_wait_timeout(&all->condition, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    all->woken += status == PYT_OK;
    check_alone(all);
    MUST(pyt_condition_release(&all->condition));
    wait_for_the_end(all);
    return NULL;
}

static void notified_or_late(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    (void)arg;
    pyt_thread *timed = simulate_start("timed", wait_a_second, &all);
    MUST(pyt_sleep(1));
    MUST(pyt_condition_acquire(&all.condition));
    MUST(pyt_condition_notify(&all.condition));
    check_alone(&all);
    MUST(pyt_condition_release(&all.condition));
    end_all(&all);
    simulate_join(timed);
    PYT_CHECK(all.woken <= 1);
}

TEST_LIMIT(condition_timed_wait_and_notify, 60) {
    simulate_all(notified_or_late, NULL, 2);
}

static void *wait_last(void *arg) {
    board *all = arg;
    MUST(pyt_condition_acquire(&all->condition));
    all->last_arrived = true;
    MUST(pyt_condition_wait(&all->condition));
    all->woken++;
    check_alone(all);
    MUST(pyt_condition_release(&all->condition));
    return NULL;
}

/* One waits as long as it takes, another a second. A notify that comes when the second is over
 * counts the one that returns PYT_OK, and is not lost with the one that returns PYT_TIMEOUT. */
static void notify_or_timeout(void *arg) {
    board all = {.condition = PYT_CONDITION_INIT};
    bool notified = false;
    (void)arg;
    pyt_thread *timed = simulate_start("timed", wait_a_second, &all);
    pyt_thread *untimed = simulate_start("untimed", wait_last, &all);
    while (!notified) {
        MUST(pyt_sleep(1));
        MUST(pyt_condition_acquire(&all.condition));
        if (all.last_arrived) {
            MUST(pyt_condition_notify(&all.condition));
            notified = true;
        }
        check_alone(&all);
        MUST(pyt_condition_release(&all.condition));
    }
    end_all(&all);
    simulate_join(timed);
    MUST(pyt_condition_acquire(&all.condition));
    PYT_CHECK(all.woken <= 1);
    MUST(pyt_condition_release(&all.condition));
    if (test_parked(&all.condition.pyt__queue) == 1) {
        PYT_CHECK(all.woken == 1);
        make_ready(&all, pyt_condition_notify);
    }
    simulate_join(untimed);
}

TEST_LIMIT(condition_notify_when_the_time_is_up, 60) {
    simulate_all(notify_or_timeout, NULL, 1);
}

/* Over a Lock, which anybody may release, and so while a notify moves waiters to its queue. */
typedef struct hallway {
    pyt_lock lock;
    pyt_condition condition; /* over the lock */
    bool ready;              /* under the lock */
} hallway;

static void *wait_in_hallway(void *arg) {
    hallway *all = arg;
    MUST(pyt_lock_acquire(&all->lock));
    while (!all->ready) {
        MUST(pyt_condition_wait(&all->condition));
    }
    MUST(pyt_lock_release(&all->lock));
    return NULL;
}

static void *notify_without_the_lock(void *arg) {
    hallway *all = arg;
    pyt_status status = pyt_condition_notify_all(&all->condition);
    PYT_CHECK(status == PYT_OK || status == PYT_RUNTIME_ERROR);
    return NULL;
}

static void lock_free_while_notified(void *arg) {
    hallway all = {.lock = PYT_LOCK_INIT};
    (void)arg;
    MUST(pyt_condition_init_lock(&all.condition, &all.lock));
    pyt_thread *waiter = simulate_start("waiter", wait_in_hallway, &all);
    pyt_thread *notifier = simulate_start("notifier", notify_without_the_lock, &all);
    MUST(pyt_lock_acquire(&all.lock));
    all.ready = true;
    MUST(pyt_lock_release(&all.lock));
    simulate_join(notifier);
    MUST(pyt_lock_acquire(&all.lock));
    MUST(pyt_condition_notify(&all.condition));
    MUST(pyt_lock_release(&all.lock));
    simulate_join(waiter);
}

TEST_LIMIT(condition_over_a_lock_that_comes_free, 60) {
    simulate_all(lock_free_while_notified, NULL, 1);
}

/* ---- Semaphore ---- */

typedef struct permits {
    pyt_semaphore semaphore;
    pyt_event over;
    bool is_over;
    int inside; /* at most as many as there are permits */
    int most;
} permits;

static void use_permit(permits *all) {
    all->inside++;
    all->most = all->inside > all->most ? all->inside : all->most;
    pyt_step();
    all->inside--;
}

static void *take_permit(void *arg) {
    permits *all = arg;
    MUST(pyt_semaphore_acquire(&all->semaphore));
    use_permit(all);
    MUST(pyt_semaphore_release(&all->semaphore));
    return NULL;
}

static void three_for_one_permit(void *arg) {
    permits all = {.semaphore = PYT_SEMAPHORE_INIT(1)};
    (void)arg;
    pyt_thread *one = simulate_start("one", take_permit, &all);
    pyt_thread *two = simulate_start("two", take_permit, &all);
    take_permit(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.most == 1);
    PYT_CHECK(pyt_semaphore_value(&all.semaphore) == 1);
}

TEST_LIMIT(semaphore_of_three_threads, 60) {
    simulate_all(three_for_one_permit, NULL, 1);
}

static void *consume_permit(void *arg) {
    permits *all = arg;
    MUST(pyt_semaphore_acquire(&all->semaphore));
    return NULL;
}

static void two_permits_at_once(void *arg) {
    permits all = {.semaphore = PYT_SEMAPHORE_INIT(0)};
    (void)arg;
    pyt_thread *one = simulate_start("one", consume_permit, &all);
    pyt_thread *two = simulate_start("two", consume_permit, &all);
    MUST(pyt_semaphore_release_n(&all.semaphore, 2));
    MUST(pyt_semaphore_release(&all.semaphore));
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(pyt_semaphore_value(&all.semaphore) == 1);
}

TEST_LIMIT(semaphore_releases_two, 60) {
    simulate_all(two_permits_at_once, NULL, 1);
}

static void *permit_in_time(void *arg) {
    permits *all = arg;
    pyt_status status = pyt_semaphore_acquire_timeout(&all->semaphore, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    MUST(pyt_event_wait(&all->over));
    PYT_CHECK(all->is_over);
    if (status == PYT_OK) {
        MUST(pyt_semaphore_release(&all->semaphore));
    }
    return NULL;
}

/* A permit that comes when the time is up is taken, or left. */
static void permit_or_timeout(void *arg) {
    permits all = {.semaphore = PYT_SEMAPHORE_INIT(0)};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", permit_in_time, &all);
    MUST(pyt_sleep(1));
    MUST(pyt_semaphore_release(&all.semaphore));
    all.is_over = true;
    MUST(pyt_event_set(&all.over));
    simulate_join(waiter);
    PYT_CHECK(pyt_semaphore_value(&all.semaphore) == 1);
}

TEST_LIMIT(semaphore_release_when_the_time_is_up, 60) {
    simulate_all(permit_or_timeout, NULL, 2);
}

static void *take_bounded(void *arg) {
    pyt_bounded_semaphore *semaphore = arg;
    MUST(pyt_bounded_semaphore_acquire(semaphore));
    pyt_step();
    MUST(pyt_bounded_semaphore_release(semaphore));
    return NULL;
}

static void two_for_a_bounded_permit(void *arg) {
    pyt_bounded_semaphore semaphore = PYT_BOUNDED_SEMAPHORE_INIT(1);
    (void)arg;
    pyt_thread *other = simulate_start("other", take_bounded, &semaphore);
    take_bounded(&semaphore);
    simulate_join(other);
    PYT_CHECK(pyt_bounded_semaphore_release(&semaphore) == PYT_VALUE_ERROR);
    PYT_CHECK(pyt_bounded_semaphore_value(&semaphore) == 1);
}

TEST_LIMIT(bounded_semaphore_of_two_threads, 60) {
    simulate_all(two_for_a_bounded_permit, NULL, 2);
}

/* ---- Event ---- */

typedef struct signals {
    pyt_event event;
    pyt_event over;
    bool is_set; /* before the event is */
    bool is_over;
} signals;

static void *wait_for_event(void *arg) {
    signals *all = arg;
    MUST(pyt_event_wait(&all->event));
    PYT_CHECK(all->is_set);
    return NULL;
}

static void one_event_for_two(void *arg) {
    signals all = {PYT_EVENT_INIT, PYT_EVENT_INIT, false, false};
    (void)arg;
    pyt_thread *one = simulate_start("one", wait_for_event, &all);
    pyt_thread *two = simulate_start("two", wait_for_event, &all);
    all.is_set = true;
    MUST(pyt_event_set(&all.event));
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(pyt_event_is_set(&all.event));
}

TEST_LIMIT(event_wakes_two, 60) {
    simulate_all(one_event_for_two, NULL, 1);
}

static void *set_event(void *arg) {
    signals *all = arg;
    all->is_set = true;
    MUST(pyt_event_set(&all->event));
    return NULL;
}

static void one_event_for_one(void *arg) {
    signals all = {PYT_EVENT_INIT, PYT_EVENT_INIT, false, false};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", wait_for_event, &all);
    all.is_set = true;
    MUST(pyt_event_set(&all.event));
    simulate_join(waiter);
}

TEST_LIMIT(event_wakes_one, 60) {
    simulate_all(one_event_for_one, NULL, 2);
}

/* A waiter that set() has woken returns although clear() came before it looked. */
static void set_and_cleared(void *arg) {
    signals all = {PYT_EVENT_INIT, PYT_EVENT_INIT, false, false};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", wait_for_event, &all);
    pyt_thread *setter = simulate_start("setter", set_event, &all);
    MUST(pyt_event_clear(&all.event));
    simulate_join(setter);
    MUST(pyt_event_clear(&all.event));
    MUST(pyt_event_set(&all.event));
    simulate_join(waiter);
    PYT_CHECK(pyt_event_is_set(&all.event));
}

TEST_LIMIT(event_set_and_cleared, 60) {
    simulate_all(set_and_cleared, NULL, 1);
}

static void *event_in_time(void *arg) {
    signals *all = arg;
    pyt_status status = pyt_event_wait_timeout(&all->event, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    PYT_CHECK(status == PYT_TIMEOUT || all->is_set);
    MUST(pyt_event_wait(&all->over));
    PYT_CHECK(all->is_over);
    return NULL;
}

static void event_or_timeout(void *arg) {
    signals all = {PYT_EVENT_INIT, PYT_EVENT_INIT, false, false};
    (void)arg;
    pyt_thread *waiter = simulate_start("waiter", event_in_time, &all);
    MUST(pyt_sleep(1));
    set_event(&all);
    all.is_over = true;
    MUST(pyt_event_set(&all.over));
    simulate_join(waiter);
}

TEST_LIMIT(event_set_when_the_time_is_up, 60) {
    simulate_all(event_or_timeout, NULL, 2);
}

/* ---- Barrier ---- */

typedef struct meeting {
    pyt_barrier barrier;
    int seen[3];  /* how often each index was given */
    int actions;  /* rounds of which the action was run */
    int passed;   /* waits that ended well */
    int broken;   /* and those that did not */
    bool running; /* the action */
} meeting;

static int act(void *arg) {
    meeting *all = arg;
    all->running = true;
    pyt_step();
    all->actions++;
    all->running = false;
    return 0;
}

static void *meet(void *arg) {
    meeting *all = arg;
    int index = -1;
    pyt_status status = pyt_barrier_wait(&all->barrier, &index);
    PYT_CHECK(status == PYT_OK || status == PYT_BROKEN_BARRIER);
    if (status == PYT_OK) {
        PYT_CHECK(index >= 0 && index < pyt_barrier_parties(&all->barrier));
        all->seen[index]++;
        all->passed++;
    } else {
        all->broken++;
    }
    return NULL;
}

static void *meet_twice(void *arg) {
    meet(arg);
    meet(arg);
    return NULL;
}

static void two_meet_twice(void *arg) {
    meeting all = {.barrier = PYT_BARRIER_INIT(2)};
    (void)arg;
    pyt_thread *other = simulate_start("other", meet_twice, &all);
    meet_twice(&all);
    simulate_join(other);
    PYT_CHECK(all.passed == 4 && all.seen[0] == 2 && all.seen[1] == 2);
    PYT_CHECK(pyt_barrier_n_waiting(&all.barrier) == 0);
}

TEST_LIMIT(barrier_of_two_rounds, 60) {
    simulate_all(two_meet_twice, NULL, 2);
}

static void *meet_after_action(void *arg) {
    meeting *all = arg;
    meet(all);
    PYT_CHECK(all->actions == 1 && !all->running);
    return NULL;
}

static void three_meet(void *arg) {
    meeting all = {.actions = 0};
    (void)arg;
    MUST(pyt_barrier_init(&all.barrier, 3, &(pyt_barrier_options){.action = act, .arg = &all}));
    pyt_thread *one = simulate_start("one", meet_after_action, &all);
    pyt_thread *two = simulate_start("two", meet_after_action, &all);
    meet_after_action(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.seen[0] == 1 && all.seen[1] == 1 && all.seen[2] == 1);
}

TEST_LIMIT(barrier_of_three_threads_with_an_action, 60) {
    simulate_all(three_meet, NULL, 1);
}

static void *meet_in_time(void *arg) {
    meeting *all = arg;
    int index = -1;
    pyt_status status = pyt_barrier_wait_timeout(&all->barrier, 1, &index);
    PYT_CHECK(status == PYT_OK || status == PYT_BROKEN_BARRIER);
    all->passed += status == PYT_OK;
    all->broken += status == PYT_BROKEN_BARRIER;
    return NULL;
}

/* Both pass, with an action that is not broken off, or the barrier is broken for both. */
static void meet_or_timeout(void *arg) {
    meeting all = {.actions = 0};
    (void)arg;
    MUST(pyt_barrier_init(&all.barrier, 2, &(pyt_barrier_options){.action = act, .arg = &all}));
    pyt_thread *other = simulate_start("other", meet_in_time, &all);
    MUST(pyt_sleep(1));
    meet(&all);
    simulate_join(other);
    PYT_CHECK(all.passed == 2 || all.broken == 2);
    PYT_CHECK(all.actions == (all.passed == 2));
    PYT_CHECK(pyt_barrier_broken(&all.barrier) == (all.broken == 2));
}

TEST_LIMIT(barrier_full_when_the_time_is_up, 60) {
    simulate_all(meet_or_timeout, NULL, 2);
}

static void *reset(void *arg) {
    meeting *all = arg;
    MUST(pyt_barrier_reset(&all->barrier));
    return NULL;
}

/* Those whom a reset finds there fail; the barrier is good for a round afterwards. */
static void meet_or_reset(void *arg) {
    meeting all = {.barrier = PYT_BARRIER_INIT(2)};
    (void)arg;
    pyt_thread *resetter = simulate_start("resetter", reset, &all);
    pyt_thread *other = simulate_start("other", meet_in_time, &all);
    meet_in_time(&all);
    simulate_join(resetter);
    simulate_join(other);
    PYT_CHECK(all.passed == 2 || (all.passed == 0 && all.broken == 2));
    PYT_CHECK(pyt_barrier_n_waiting(&all.barrier) == 0);
}

TEST_LIMIT(barrier_reset_while_others_wait, 60) {
    simulate_all(meet_or_reset, NULL, 1);
}
