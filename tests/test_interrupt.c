/* pyt_interrupt_main: every call in which the main thread may wait, and what it waits for. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

/* Whatever the main thread waits for in these tests. One test, one process: nothing is shared. */
static pyt_lock lock;
static pyt_rlock rlock;
static pyt_condition condition;
static pyt_semaphore semaphore;
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
static pyt_event event;
static pyt_barrier barrier = PYT_BARRIER_INIT(3);
static pyt_thread *thread;
static pyt_event release_thread;

static void *nothing(void *arg) {
    return arg;
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

static bool always(void *arg) {
    (void)arg;
    return true;
}

/* The interrupt is gone: a call that waits runs out of time. */
static void check_nothing_is_pending(void) {
    pyt_event fresh = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_event_wait_timeout(&fresh, 0.005), PYT_TIMEOUT);
}

static void check_one_is_pending(void) {
    pyt_event fresh = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_event_wait(&fresh), PYT_INTERRUPTED);
    check_nothing_is_pending();
}

/* ---- one row for each call that may wait ---------------------------------------------------- */

typedef struct row {
    void (*before)(void); /* make the call one that has to wait */
    pyt_status (*call)(void);
    void (*asleep)(void); /* return when the main thread is asleep in it */
    void (*after)(void);  /* the object is what it was, and works */
} row;

static void *interrupt_when_asleep(void *arg) {
    const row *r = arg;
    r->asleep();
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return NULL;
}

static void check_the_present_call(const row *r) {
    for (int i = 0; i < 3; i++) {
        r->before();
        pyt_thread *interrupter = test_thread(interrupt_when_asleep, (void *)(uintptr_t)r);
        CHECK_STATUS(r->call(), PYT_INTERRUPTED);
        CHECK(pyt_error_message()[0] != '\0');
        test_join(interrupter);
        r->after();
        check_nothing_is_pending();
    }
}

static void check_the_next_call(const row *r) {
    for (int i = 0; i < 3; i++) {
        r->before();
        CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        CHECK_STATUS(r->call(), PYT_INTERRUPTED);
        r->after();
        check_nothing_is_pending();
    }
}

/* The flags are those of the second test, which may have no other thread to wait for. */
#define INTERRUPTED(name, ...) INTERRUPTED_OF(name, NEEDS_THREADS, 0, __VA_ARGS__)
#define INTERRUPTED_IN_TIME(name, ...) \
    INTERRUPTED_OF(name, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS, __VA_ARGS__)
#define INTERRUPTED_OF(name, flags, flags_asleep, before, call, asleep, after) \
    static pyt_status call_##name(void) {                                      \
        return call;                                                           \
    }                                                                          \
    static const row row_##name = {before, call_##name, asleep, after};        \
    TEST(an_interrupt_ends_##name, NEEDS_THREADS | (flags_asleep)) {           \
        check_the_present_call(&row_##name);                                   \
    }                                                                          \
    TEST(an_interrupt_that_came_before_ends_##name, flags) {                   \
        check_the_next_call(&row_##name);                                      \
    }

/* Lock: it has no owner, so that the main thread can wait for itself. */
static void hold_lock(void) {
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
}

static void asleep_on_lock(void) {
    PARKED_LOCK(&lock, 1);
}

static void *pass_through_lock(void *arg) {
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    return arg;
}

static void lock_is_sound(void) {
    CHECK(pyt_lock_locked(&lock));
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    pyt_thread *other = test_thread(pass_through_lock, NULL);
    PARKED_LOCK(&lock, 1);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    test_join(other);
    CHECK(!pyt_lock_locked(&lock));
}

INTERRUPTED(lock_acquire, hold_lock, pyt_lock_acquire(&lock), asleep_on_lock, lock_is_sound)
INTERRUPTED_IN_TIME(lock_acquire_timeout, hold_lock, pyt_lock_acquire_timeout(&lock, 1000),
                    asleep_on_lock, lock_is_sound)

/* RLock: another thread holds it, twice. */
static pyt_event rlock_taken;

static void *hold_rlock_for_a_while(void *arg) {
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_event_set(&rlock_taken), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&release_thread), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 2);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    return arg;
}

static void let_another_hold_rlock(void) {
    CHECK_STATUS(pyt_event_clear(&rlock_taken), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&release_thread), PYT_OK);
    thread = test_thread(hold_rlock_for_a_while, NULL);
    CHECK_STATUS(pyt_event_wait(&rlock_taken), PYT_OK);
}

static void asleep_on_rlock(void) {
    PARKED_RLOCK(&rlock, 1);
}

static void rlock_is_sound(void) {
    CHECK(pyt_rlock_locked(&rlock));
    CHECK(!pyt_rlock_is_owned(&rlock));
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_event_set(&release_thread), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 1);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    test_join(thread);
    CHECK(!pyt_rlock_locked(&rlock));
}

INTERRUPTED(rlock_acquire, let_another_hold_rlock, pyt_rlock_acquire(&rlock), asleep_on_rlock,
            rlock_is_sound)
INTERRUPTED_IN_TIME(rlock_acquire_timeout, let_another_hold_rlock,
                    pyt_rlock_acquire_timeout(&rlock, 1000), asleep_on_rlock, rlock_is_sound)

/* Condition: over its own RLock, held twice; then over a Lock and over an RLock. */
static void hold_condition_twice(void) {
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
}

static void asleep_in_condition(void) {
    PARKED_CONDITION(&condition, 1);
}

static void *wait_in_condition(void *arg) {
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    return arg;
}

static void *find_condition_held(void *arg) {
    CHECK_STATUS(pyt_condition_acquire_nowait(&condition), PYT_TIMEOUT);
    return arg;
}

/* One notify reaches the thread that waits: the interrupted waiter is not in its way. */
static void condition_notifies_the_right_one(void) {
    pyt_thread *waiter = test_thread(wait_in_condition, NULL);
    PARKED_CONDITION(&condition, 1);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    test_join(waiter);
}

static void condition_is_sound(void) {
    test_join(test_thread(find_condition_held, NULL));
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    test_join(test_thread(find_condition_held, NULL));
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_RUNTIME_ERROR);
    condition_notifies_the_right_one();
}

INTERRUPTED(condition_wait, hold_condition_twice, pyt_condition_wait(&condition),
            asleep_in_condition, condition_is_sound)
INTERRUPTED_IN_TIME(condition_wait_timeout, hold_condition_twice,
                    pyt_condition_wait_timeout(&condition, 1000), asleep_in_condition,
                    condition_is_sound)
INTERRUPTED(condition_wait_for, hold_condition_twice,
            pyt_condition_wait_for(&condition, never, NULL), asleep_in_condition,
            condition_is_sound)
INTERRUPTED_IN_TIME(condition_wait_for_timeout, hold_condition_twice,
                    pyt_condition_wait_for_timeout(&condition, never, NULL, 1000),
                    asleep_in_condition, condition_is_sound)

static void hold_condition_over_lock(void) {
    CHECK_STATUS(pyt_condition_init_lock(&condition, &lock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
}

static void condition_over_lock_is_sound(void) {
    CHECK(pyt_lock_locked(&lock));
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    CHECK(!pyt_lock_locked(&lock));
    condition_notifies_the_right_one();
}

INTERRUPTED(condition_wait_over_a_lock, hold_condition_over_lock, pyt_condition_wait(&condition),
            asleep_in_condition, condition_over_lock_is_sound)
INTERRUPTED_IN_TIME(condition_wait_for_timeout_over_a_lock, hold_condition_over_lock,
                    pyt_condition_wait_for_timeout(&condition, never, NULL, 1000),
                    asleep_in_condition, condition_over_lock_is_sound)

static void hold_condition_over_rlock(void) {
    CHECK_STATUS(pyt_condition_init_rlock(&condition, &rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
}

static void condition_over_rlock_is_sound(void) {
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 3);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    }
    CHECK(!pyt_rlock_locked(&rlock));
    condition_notifies_the_right_one();
}

INTERRUPTED(condition_wait_over_an_rlock, hold_condition_over_rlock, pyt_condition_wait(&condition),
            asleep_in_condition, condition_over_rlock_is_sound)

/* Taking the lock of a condition waits as well. */
static pyt_event condition_taken;

static void *hold_condition_for_a_while(void *arg) {
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_event_set(&condition_taken), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&release_thread), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    return arg;
}

static void let_another_hold_the_condition(void) {
    CHECK_STATUS(pyt_condition_init_rlock(&condition, &rlock), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&condition_taken), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&release_thread), PYT_OK);
    thread = test_thread(hold_condition_for_a_while, NULL);
    CHECK_STATUS(pyt_event_wait(&condition_taken), PYT_OK);
}

static void condition_can_be_taken(void) {
    CHECK_STATUS(pyt_condition_release(&condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_event_set(&release_thread), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    test_join(thread);
}

INTERRUPTED(condition_acquire, let_another_hold_the_condition, pyt_condition_acquire(&condition),
            asleep_on_rlock, condition_can_be_taken)
INTERRUPTED_IN_TIME(condition_acquire_timeout, let_another_hold_the_condition,
                    pyt_condition_acquire_timeout(&condition, 1000), asleep_on_rlock,
                    condition_can_be_taken)

/* Semaphore */
static void nothing_to_prepare(void) {
}

static void asleep_on_semaphore(void) {
    PARKED_SEMAPHORE(&semaphore, 1);
}

static void *take_a_permit(void *arg) {
    CHECK_STATUS(pyt_semaphore_acquire(&semaphore), PYT_OK);
    return arg;
}

static void semaphore_is_sound(void) {
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    CHECK_INT(pyt_semaphore_value(&semaphore), 1);
    CHECK_STATUS(pyt_semaphore_acquire(&semaphore), PYT_OK);
    pyt_thread *other = test_thread(take_a_permit, NULL);
    PARKED_SEMAPHORE(&semaphore, 1);
    CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
    test_join(other);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
}

INTERRUPTED(semaphore_acquire, nothing_to_prepare, pyt_semaphore_acquire(&semaphore),
            asleep_on_semaphore, semaphore_is_sound)
INTERRUPTED_IN_TIME(semaphore_acquire_timeout, nothing_to_prepare,
                    pyt_semaphore_acquire_timeout(&semaphore, 1000), asleep_on_semaphore,
                    semaphore_is_sound)

/* BoundedSemaphore */
static void asleep_on_bounded_semaphore(void) {
    PARKED_BOUNDED(&bounded, 1);
}

static void take_the_only_permit(void) {
    CHECK_STATUS(pyt_bounded_semaphore_acquire(&bounded), PYT_OK);
}

static void bounded_semaphore_is_sound(void) {
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 0);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_OK);
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 1);
}

INTERRUPTED_OF(bounded_semaphore_acquire, 0, 0, take_the_only_permit,
               pyt_bounded_semaphore_acquire(&bounded), asleep_on_bounded_semaphore,
               bounded_semaphore_is_sound)
INTERRUPTED_OF(bounded_semaphore_acquire_timeout, 0, NEEDS_LASTING_TIMEOUTS, take_the_only_permit,
               pyt_bounded_semaphore_acquire_timeout(&bounded, 1000), asleep_on_bounded_semaphore,
               bounded_semaphore_is_sound)

/* Event */
static void asleep_on_event(void) {
    PARKED_EVENT(&event, 1);
}

static void *wait_for_event(void *arg) {
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    return arg;
}

static void event_is_sound(void) {
    CHECK(!pyt_event_is_set(&event));
    pyt_thread *other = test_thread(wait_for_event, NULL);
    PARKED_EVENT(&event, 1);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    test_join(other);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
}

INTERRUPTED(event_wait, nothing_to_prepare, pyt_event_wait(&event), asleep_on_event, event_is_sound)
INTERRUPTED_IN_TIME(event_wait_timeout, nothing_to_prepare, pyt_event_wait_timeout(&event, 1000),
                    asleep_on_event, event_is_sound)

/* Barrier of three: who is interrupted leaves the round, and three others make it full. */
static void asleep_in_barrier(void) {
    PARKED_BARRIER(&barrier, 1);
}

static void *pass_the_barrier(void *arg) {
    CHECK_STATUS(pyt_barrier_wait(&barrier, arg), PYT_OK);
    return NULL;
}

static void barrier_is_sound(void) {
    CHECK_INT(pyt_barrier_n_waiting(&barrier), 0);
    CHECK(!pyt_barrier_broken(&barrier));
    int index[3] = {-1, -1, -1}, seen[3] = {0, 0, 0};
    pyt_thread *one = test_thread(pass_the_barrier, &index[0]);
    pyt_thread *two = test_thread(pass_the_barrier, &index[1]);
    PARKED_BARRIER(&barrier, 2);
    CHECK_INT(pyt_barrier_n_waiting(&barrier), 2);
    CHECK_STATUS(pyt_barrier_wait(&barrier, &index[2]), PYT_OK);
    test_join(one);
    test_join(two);
    for (int i = 0; i < 3; i++) {
        CHECK(index[i] >= 0 && index[i] < 3);
        seen[index[i]]++;
    }
    CHECK(seen[0] == 1 && seen[1] == 1 && seen[2] == 1);
    CHECK(!pyt_barrier_broken(&barrier));
}

INTERRUPTED(barrier_wait, nothing_to_prepare, pyt_barrier_wait(&barrier, NULL), asleep_in_barrier,
            barrier_is_sound)
INTERRUPTED_IN_TIME(barrier_wait_timeout, nothing_to_prepare,
                    pyt_barrier_wait_timeout(&barrier, 1000, NULL), asleep_in_barrier,
                    barrier_is_sound)

/* While another thread runs the action, wait, reset and abort wait for its end. */
static pyt_barrier busy;

static int long_action(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_event_set(&rlock_taken), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&release_thread), PYT_OK);
    return 0;
}

static void *run_the_action(void *arg) {
    int index = -1;
    CHECK_STATUS(pyt_barrier_wait(&busy, &index), PYT_OK);
    CHECK_INT(index, 0);
    return arg;
}

static void let_another_run_the_action(void) {
    CHECK_STATUS(pyt_event_clear(&rlock_taken), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&release_thread), PYT_OK);
    CHECK_STATUS(pyt_barrier_init(&busy, 1, &(pyt_barrier_options){.action = long_action}), PYT_OK);
    thread = test_thread(run_the_action, NULL);
    CHECK_STATUS(pyt_event_wait(&rlock_taken), PYT_OK);
}

static void asleep_in_busy_barrier(void) {
    PARKED_BARRIER(&busy, 1);
}

static void busy_barrier_is_sound(void) {
    CHECK(!pyt_barrier_broken(&busy));
    CHECK_STATUS(pyt_event_set(&release_thread), PYT_OK);
    test_join(thread);
    CHECK(!pyt_barrier_broken(&busy));
    CHECK_INT(pyt_barrier_n_waiting(&busy), 0);
    CHECK_STATUS(pyt_barrier_wait(&busy, NULL), PYT_OK);
}

INTERRUPTED(barrier_wait_while_the_action_runs, let_another_run_the_action,
            pyt_barrier_wait(&busy, NULL), asleep_in_busy_barrier, busy_barrier_is_sound)
INTERRUPTED(barrier_reset_while_the_action_runs, let_another_run_the_action,
            pyt_barrier_reset(&busy), asleep_in_busy_barrier, busy_barrier_is_sound)
INTERRUPTED(barrier_abort_while_the_action_runs, let_another_run_the_action,
            pyt_barrier_abort(&busy), asleep_in_busy_barrier, busy_barrier_is_sound)

/* join. Where a joiner is parked is not told: the kernel is asked instead. */
static void asleep_in_the_kernel(void);

static void start_a_thread_that_stays(void) {
    CHECK_STATUS(pyt_event_clear(&release_thread), PYT_OK);
    thread = test_thread(hold_rlock_for_a_while, NULL);
}

static void thread_is_sound(void) {
    CHECK(pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_thread_join_timeout(thread, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_set(&release_thread), PYT_OK);
    test_join(thread);
    CHECK_INT(pyt_active_count(), 1);
}

INTERRUPTED(thread_join, start_a_thread_that_stays, pyt_thread_join(thread), asleep_in_the_kernel,
            thread_is_sound)
INTERRUPTED_IN_TIME(thread_join_timeout, start_a_thread_that_stays,
                    pyt_thread_join_timeout(thread, 1000), asleep_in_the_kernel, thread_is_sound)

/* join of a timer that waits */
static void timer_fires(void *arg) {
    CHECK_STATUS(pyt_event_set(arg), PYT_OK);
}

static void start_a_late_timer(void) {
    CHECK_STATUS(pyt_timer_new(&thread, 1000, timer_fires, &event), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
}

static void timer_is_sound(void) {
    CHECK(pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_timer_cancel(thread), PYT_OK);
    test_join(thread);
    CHECK(!pyt_event_is_set(&event));
}

INTERRUPTED_OF(join_of_a_timer, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS, NEEDS_LASTING_TIMEOUTS,
               start_a_late_timer, pyt_thread_join(thread), asleep_in_the_kernel, timer_is_sound)

/* A timer that is run by hand waits here. */
static void make_a_late_timer(void) {
    CHECK_STATUS(pyt_timer_new(&thread, 1000, timer_fires, &event), PYT_OK);
}

static void timer_is_as_before(void) {
    CHECK(!pyt_event_is_set(&event));
    CHECK_STATUS(pyt_timer_cancel(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_run(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    test_join(thread);
    CHECK(!pyt_event_is_set(&event));
}

INTERRUPTED_OF(run_of_a_timer, 0, NEEDS_LASTING_TIMEOUTS, make_a_late_timer, pyt_thread_run(thread),
               asleep_in_the_kernel, timer_is_as_before)

/* The main thread sleeps, as the kernel sees it. Without /proc the test still holds: an interrupt
 * that comes too early is one that came before. */
static void asleep_in_the_kernel(void) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/task/%lu/stat",
             pyt_thread_native_id(pyt_main_thread()));
    for (bool asleep = false; !asleep;) {
        char line[512], *end = NULL;
        FILE *file = fopen(name, "r");
        if (file == NULL) {
            return;
        }
        if (fgets(line, sizeof line, file) != NULL) {
            end = strrchr(line, ')');
        }
        fclose(file);
        asleep = end == NULL || end[2] == 'S';
    }
}

/* ---- which calls do not take an interrupt --------------------------------------------------- */

TEST(calls_that_need_not_wait_leave_the_interrupt_to_the_next_that_does) {
    pyt_barrier alone = PYT_BARRIER_INIT(1);
    pyt_semaphore one = PYT_SEMAPHORE_INIT(1);
    pyt_thread *finished = test_thread(nothing, NULL);
    CHECK_STATUS(pyt_thread_join(finished), PYT_OK);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);

    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 1), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire_timeout(&rlock, 1), PYT_OK);
    CHECK_STATUS(pyt_semaphore_acquire(&one), PYT_OK);
    CHECK_STATUS(pyt_semaphore_acquire_nowait(&one), PYT_TIMEOUT);
    CHECK_STATUS(pyt_semaphore_acquire_timeout(&one, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 1), PYT_OK);
    CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_condition_wait_for(&condition, always, NULL), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&alone, NULL), PYT_OK);
    CHECK_STATUS(pyt_thread_join(finished), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(finished, 1), PYT_OK);
    check_one_is_pending();
    pyt_thread_unref(finished);
}

TEST_ALONE(a_refused_call_leaves_the_interrupt_pending) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&event, -1), PYT_TIMEOUT);
    CHECK_STATUS(pyt_condition_wait(&condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_lock_acquire(NULL), PYT_VALUE_ERROR);
    check_one_is_pending();
}

TEST(start_is_no_call_that_an_interrupt_ends) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    pyt_thread *started = test_thread(nothing, NULL);
    CHECK(pyt_thread_ident(started) != 0);
    check_one_is_pending();
    test_join(started);
}

TEST(several_interrupts_before_a_call_are_one) {
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    }
    check_one_is_pending();
}

static void *wait_while_main_is_interrupted(void *arg) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0.01), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.01), PYT_TIMEOUT);
    return arg;
}

TEST_ALONE(only_the_main_thread_is_interrupted, NOT_SIMULATED,
           "the sleep of the test is one of the library there") {
    hold_lock();
    pyt_thread *other = test_thread(wait_while_main_is_interrupted, NULL);
    while (pyt_thread_is_alive(other)) {
        test_sleep(0.001);
    }
    check_one_is_pending();
    test_join(other);
}

static void *interrupt_from_abroad(void *arg) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return arg;
}

TEST(a_foreign_thread_can_interrupt_before_the_main_thread_uses_the_library,
     NEEDS_FOREIGN_THREADS) {
    test_raw foreign;
    foreign = test_raw_start(interrupt_from_abroad, NULL);
    test_raw_join(foreign);
    check_one_is_pending();
}

static void *interrupt_and_release(void *arg) {
    PARKED_LOCK(&lock, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    return arg;
}

TEST_ALONE(with_is_not_interruptible_and_leaves_the_interrupt_pending, NEEDS_THREADS) {
    int runs = 0;
    hold_lock();
    pyt_thread *other = test_thread(interrupt_and_release, NULL);
    pyt_with(&lock) {
        runs++;
        CHECK(pyt_lock_locked(&lock));
    }
    CHECK_INT(runs, 1);
    CHECK(!pyt_lock_locked(&lock));
    check_one_is_pending();
    test_join(other);
}

TEST_ALONE(with_leaves_alone_an_interrupt_that_came_before) {
    int runs = 0;
    hold_lock();
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    pyt_event fresh = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    pyt_with(&lock) {
        runs++;
    }
    pyt_with(&condition) {
        runs++;
    }
    CHECK_INT(runs, 2);
    CHECK_STATUS(pyt_event_wait_timeout(&fresh, 1000), PYT_INTERRUPTED);
}

static char output[256];

static void *work_to_the_end(void *arg) {
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    puts("worker");
    return arg;
}

static void let_the_worker_go(void) {
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
}

static void end_with_an_interrupt_pending(void *arg) {
    (void)arg;
    pyt_thread_unref(test_thread(work_to_the_end, NULL));
    CHECK_INT(atexit(let_the_worker_go), 0);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
}

TEST(an_interrupt_does_not_keep_the_process_from_waiting_for_its_threads,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(test_child(end_with_an_interrupt_pending, NULL, output, sizeof output), 0);
    CHECK_STR(output, "worker\n");
}

/* ---- an interrupt and what was waited for, both at once ------------------------------------- */

static atomic_bool about_to_release;

static void *interrupt_while_holding_the_lock(void *arg) {
    PARKED_CONDITION(&condition, 1);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    PARKED_CONDITION(&condition, 0);
    atomic_store(&about_to_release, true);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    return arg;
}

TEST_ALONE(an_interrupted_condition_wait_takes_its_lock_again_before_it_returns, NEEDS_THREADS) {
    hold_condition_twice();
    pyt_thread *other = test_thread(interrupt_while_holding_the_lock, NULL);
    CHECK_STATUS(pyt_condition_wait(&condition), PYT_INTERRUPTED);
    CHECK(atomic_load(&about_to_release));
    test_join(other);
    condition_is_sound();
}

static void *notify_and_interrupt(void *arg) {
    PARKED_CONDITION(&condition, 1);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify(&condition), PYT_OK);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    return arg;
}

TEST(a_waiter_that_was_notified_first_returns_ok_and_the_interrupt_stays_pending, NEEDS_THREADS) {
    for (int i = 0; i < test_scale(50); i++) {
        hold_condition_twice();
        pyt_thread *other = test_thread(notify_and_interrupt, NULL);
        CHECK_STATUS(pyt_condition_wait(&condition), PYT_OK);
        check_one_is_pending();
        test_join(other);
        CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
        CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    }
}

/* What another thread does a number of times while the main thread is interrupted at any moment. */
static int rounds(void) {
    return test_scale(3000);
}

static void join_in_spite_of_interrupts(pyt_thread *other) {
    pyt_status status;
    do {
        status = pyt_thread_join(other);
    } while (status == PYT_INTERRUPTED);
    CHECK_STATUS(status, PYT_OK);
    pyt_thread_unref(other);
    pyt_event fresh = PYT_EVENT_INIT;
    while (pyt_event_wait_timeout(&fresh, 0.001) == PYT_INTERRUPTED) {
    }
}

static void *release_and_interrupt(void *arg) {
    for (int i = 0; i < rounds(); i++) {
        if (i % 3 == 0) {
            CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        }
        CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
        if (i % 2 == 0) {
            CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        }
    }
    return arg;
}

TEST(no_permit_is_lost_or_made_by_interrupts) {
    pyt_thread *other = test_thread(release_and_interrupt, NULL);
    for (int taken = 0; taken < rounds();) {
        pyt_status status = pyt_semaphore_acquire(&semaphore);
        CHECK(status == PYT_OK || status == PYT_INTERRUPTED);
        taken += status == PYT_OK;
    }
    join_in_spite_of_interrupts(other);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
}

static pyt_barrier both = PYT_BARRIER_INIT(2);

static void *release_in_each_round(void *arg) {
    for (int i = 0; i < rounds(); i++) {
        CHECK_STATUS(pyt_barrier_wait(&both, NULL), PYT_OK);
        CHECK_STATUS(pyt_semaphore_release(&semaphore), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
    }
    return arg;
}

static void *interrupt_in_each_round(void *arg) {
    for (int i = 0; i < rounds(); i++) {
        PARKED_SEMAPHORE(&semaphore, 1);
        CHECK_STATUS(pyt_barrier_wait(&both, NULL), PYT_OK);
        CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&release_thread), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&release_thread), PYT_OK);
    }
    return arg;
}

/* Whichever of the two ends the wait, the other one is there afterwards. */
TEST(an_interrupt_and_a_permit_at_the_same_moment_both_arrive,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *releaser = test_thread(release_in_each_round, NULL);
    pyt_thread *interrupter = test_thread(interrupt_in_each_round, NULL);
    for (int i = 0; i < rounds(); i++) {
        pyt_event fresh = PYT_EVENT_INIT;
        pyt_status status = pyt_semaphore_acquire(&semaphore);
        if (status == PYT_INTERRUPTED) {
            CHECK_STATUS(pyt_semaphore_acquire_timeout(&semaphore, 10), PYT_OK);
        } else {
            CHECK_STATUS(status, PYT_OK);
            CHECK_STATUS(pyt_event_wait_timeout(&fresh, 10), PYT_INTERRUPTED);
        }
        CHECK_STATUS(pyt_event_set(&event), PYT_OK);
        CHECK_STATUS(pyt_event_set(&release_thread), PYT_OK);
    }
    test_join(releaser);
    test_join(interrupter);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
}

static long under_the_lock;

static void *count_and_interrupt(void *arg) {
    for (int i = 0; i < rounds(); i++) {
        CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
        under_the_lock++;
        if (i % 2 == 0) {
            CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        }
        CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
        if (i % 3 == 0) {
            CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        }
    }
    return arg;
}

TEST_ALONE(a_lock_stays_exclusive_under_interrupts, NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *others[2] = {test_thread(count_and_interrupt, NULL),
                             test_thread(count_and_interrupt, NULL)};
    for (int taken = 0; taken < rounds();) {
        pyt_status status =
            taken % 2 == 0 ? pyt_lock_acquire(&lock) : pyt_lock_acquire_timeout(&lock, 1000);
        CHECK(status == PYT_OK || status == PYT_INTERRUPTED);
        if (status == PYT_OK) {
            under_the_lock++;
            taken++;
            CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
        }
    }
    join_in_spite_of_interrupts(others[0]);
    join_in_spite_of_interrupts(others[1]);
    CHECK_INT(under_the_lock, 3L * rounds());
    CHECK(!pyt_lock_locked(&lock));
}

static long handed_over;

static void *hand_over_and_interrupt(void *arg) {
    for (int i = 0; i < rounds(); i++) {
        CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
        handed_over++;
        CHECK_STATUS(pyt_condition_notify(&condition), PYT_OK);
        CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
        if (i % 2 == 0) {
            CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        }
    }
    return arg;
}

TEST(no_notify_is_lost_by_interrupts) {
    pyt_thread *other = test_thread(hand_over_and_interrupt, NULL);
    for (long taken = 0; taken < rounds();) {
        pyt_status status = pyt_condition_acquire(&condition);
        if (status == PYT_INTERRUPTED) {
            continue;
        }
        CHECK_STATUS(status, PYT_OK);
        while (handed_over == taken) {
            status = pyt_condition_wait(&condition);
            CHECK(status == PYT_OK || status == PYT_INTERRUPTED);
            CHECK(status != PYT_OK || handed_over > taken);
        }
        taken = handed_over;
        CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    }
    join_in_spite_of_interrupts(other);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
}

static pyt_barrier pair = PYT_BARRIER_INIT(2);
static atomic_long index_sum;
static atomic_bool stop_interrupting;

static void *meet_again_and_again(void *arg) {
    for (int i = 0; i < rounds() / 4; i++) {
        int index = -1;
        CHECK_STATUS(pyt_barrier_wait(&pair, &index), PYT_OK);
        CHECK(index == 0 || index == 1);
        atomic_fetch_add(&index_sum, index);
    }
    return arg;
}

static void *interrupt_again_and_again(void *arg) {
    while (!atomic_load(&stop_interrupting)) {
        CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
        test_sleep(0.0001);
    }
    return arg;
}

TEST(a_barrier_counts_right_though_one_leaves_and_comes_again, NEEDS_THREADS) {
    pyt_thread *other = test_thread(meet_again_and_again, NULL);
    pyt_thread *interrupter = test_thread(interrupt_again_and_again, NULL);
    for (int i = 0; i < rounds() / 4;) {
        int index = -1;
        pyt_status status = pyt_barrier_wait(&pair, &index);
        CHECK(status == PYT_OK || status == PYT_INTERRUPTED);
        if (status == PYT_OK) {
            CHECK(index == 0 || index == 1);
            atomic_fetch_add(&index_sum, index);
            i++;
        }
    }
    atomic_store(&stop_interrupting, true);
    join_in_spite_of_interrupts(interrupter);
    join_in_spite_of_interrupts(other);
    CHECK_INT(atomic_load(&index_sum), rounds() / 4);
    CHECK_INT(pyt_barrier_n_waiting(&pair), 0);
    CHECK(!pyt_barrier_broken(&pair));
}

/* ---- a main thread that could not have what it needs for waiting --- */

static void fail_this_call(void *arg) {
    (void)arg;
    test_fail_nth(1);
}

static void *wait_abroad(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    return arg;
}

/* What the main thread gave back is used by the next thread; the interrupts are not its. */
TEST_ALONE(an_interrupt_does_not_reach_the_thread_that_uses_what_main_gave_back,
           NEEDS_THREADS | NEEDS_FALLIBLE_WAITS | NEEDS_FOREIGN_THREADS) {
    test_at_call("key_set", fail_this_call, NULL);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0.001), PYT_MEMORY_ERROR);
    CHECK(test_fault_fired());
    test_raw foreign = test_raw_start(wait_abroad, &event);
    PARKED_EVENT(&event, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    test_raw_join(foreign);
    CHECK_STATUS(pyt_event_clear(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&event), PYT_INTERRUPTED);
}
