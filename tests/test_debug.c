/* The debug build: who holds what and waits for what. In the other builds there is nothing here. */
#include "test.h"

#if defined(PYTHREADING_DEBUG)

#include <inttypes.h>

static bool dumped(const char *text) {
    const char *all = test_dump();
    if (strstr(all, text) == NULL) {
        fprintf(stderr, "%s", all);
        return false;
    }
    return true;
}

TEST(an_argument_is_evaluated_once_and_an_address_may_be_taken) {
    pyt_lock locks[2] = {PYT_LOCK_INIT, PYT_LOCK_INIT};
    pyt_status (*acquire)(pyt_lock *) = pyt_lock_acquire;
    int i = 0;
    CHECK_STATUS(pyt_lock_acquire(&locks[i++]), PYT_OK);
    CHECK_INT(i, 1);
    CHECK_STATUS(acquire(&locks[i]), PYT_OK);
    CHECK(dumped(", acquired 0."));
    CHECK_STATUS(pyt_lock_release(&locks[i]), PYT_OK);
    pyt_with(&locks[i--]) {
        CHECK_INT(i, 0);
    }
    CHECK_STATUS(pyt_lock_acquire(&locks[1]), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_timeout(&locks[i++], 0), PYT_TIMEOUT);
    CHECK_INT(i, 1);
    CHECK_STATUS(pyt_lock_release(&locks[0]), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&locks[1]), PYT_OK);
}

#if defined(PYTHREADING_DUMMY)

TEST(without_threads_a_dump_tells_what_the_only_one_holds) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK(dumped("MainThread: ident 0x"));
    CHECK(dumped("    holds Lock 0x"));
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK(strstr(test_dump(), "    holds ") == NULL);
}

#else

/* Two threads and their locks: `other` takes `theirs` and then waits for `ours`. */
typedef struct pair {
    pyt_lock ours, theirs;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_event ready, go;
    pyt_thread *thread;
    pyt_status status;
    double seconds; /* above 0: the other's limit */
    long count;
} pair;

static bool said(const char *text) {
    return strstr(pyt_error_message(), text) != NULL;
}

static void *take_theirs_then_ours(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    p->status = p->seconds > 0 ? pyt_lock_acquire_timeout(&p->ours, p->seconds)
                               : pyt_lock_acquire(&p->ours);
    if (p->status == PYT_OK) {
        CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    }
    CHECK_STATUS(pyt_lock_release(&p->theirs), PYT_OK);
    return NULL;
}

/* The caller holds `ours`, the other holds `theirs` and waits for `ours`. */
static void tangle(pair *p) {
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    p->thread = test_thread(take_theirs_then_ours, p);
    CHECK_STATUS(pyt_event_wait(&p->ready), PYT_OK);
    PARKED_LOCK(&p->ours, 1);
}

static void untangle(pair *p) {
    CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    test_join(p->thread);
    CHECK_STATUS(p->status, PYT_OK);
    CHECK(!pyt_lock_locked(&p->ours) && !pyt_lock_locked(&p->theirs));
}

TEST(who_closes_a_cycle_of_two_locks_is_told_of_it) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    CHECK(said("deadlock: MainThread waits in pyt_lock_acquire at "));
    CHECK(said("test_debug.c:"));
    CHECK(said(", which Thread-1 acquired in pyt_lock_acquire at "));
    CHECK(said("; Thread-1 waits in pyt_lock_acquire at "));
    CHECK(said(", which MainThread acquired in "));
    PARKED_LOCK(&p.theirs, 0);
    CHECK(pyt_lock_locked(&p.theirs));
    untangle(&p);
}

TEST(a_cycle_that_was_broken_is_not_reported_again) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
    test_join(p.thread);
    CHECK_STATUS(p.status, PYT_OK);
}

TEST(a_look_and_a_wait_with_a_deadline_are_not_reported) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_acquire_nowait(&p.theirs), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&p.theirs, 0.01), PYT_TIMEOUT);
    untangle(&p);
}

TEST(a_wait_with_a_deadline_makes_no_cycle) {
    pair p = {.seconds = 0.05};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(take_theirs_then_ours, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    test_join(p.thread);
    CHECK_STATUS(p.status, PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
}

/* What was reported to the misusehook. A report ends the deadlock: the lock is released by a thread
 * that does not hold it. */
static char reported[1000];
static pyt_lock *to_be_released;

static void note_and_untangle(const pyt_misuse_args *args) {
    (void)snprintf(reported, sizeof reported, "%s", args->message);
    CHECK_STATUS(pyt_lock_release(to_be_released), PYT_OK);
}

static bool was_reported(const char *text) {
    return strstr(reported, text) != NULL;
}

#define REPORTED_FORM(m, form)                                                  \
    TEST(a_##form##_over_a_##m##_that_closes_a_cycle_reports_it_and_runs) {     \
        pair p = {.seconds = 0};                                                \
        bool entered = false;                                                   \
        CHECK_STATUS(pyt_condition_init_lock(&p.condition, &p.theirs), PYT_OK); \
        tangle(&p);                                                             \
        to_be_released = &p.ours;                                               \
        pyt_set_misusehook(note_and_untangle);                                  \
        form(m, entered = true;) CHECK(entered);                                \
        CHECK(was_reported("deadlock: MainThread waits in pyt_" #form " at ")); \
        CHECK(was_reported("; Thread-1 waits in pyt_lock_acquire at "));        \
        CHECK_STR(pyt_error_message(), "");                                     \
        CHECK(!pyt_lock_locked(&p.theirs));                                     \
        test_join(p.thread);                                                    \
        CHECK_STATUS(p.status, PYT_OK);                                         \
    }

#define with(m, body) \
    pyt_with(&p.m) {  \
        body          \
    }
#define guard(m, body)   \
    {                    \
        pyt_guard(&p.m); \
        body             \
    }

REPORTED_FORM(theirs, with)
REPORTED_FORM(theirs, guard)
REPORTED_FORM(condition, with)
REPORTED_FORM(condition, guard)

TEST(a_condition_whose_lock_closes_a_cycle_is_refused) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_condition_init_lock(&p.condition, &p.theirs), PYT_OK);
    tangle(&p);
    CHECK_STATUS(pyt_condition_acquire(&p.condition), PYT_RUNTIME_ERROR);
    CHECK(said("MainThread waits in pyt_condition_acquire at "));
    untangle(&p);
}

static void *take_rlock_then_ours(void *arg) {
    pair *p = arg;
    pyt_with(&p->rlock) {
        CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
        CHECK_STATUS(pyt_rlock_acquire(&p->rlock), PYT_OK);
        pyt_with(&p->ours) {
            p->count++;
        }
        CHECK_STATUS(pyt_rlock_release(&p->rlock), PYT_OK);
    }
    return NULL;
}

TEST(a_cycle_over_an_rlock_is_reported) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(take_rlock_then_ours, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    PARKED_LOCK(&p.ours, 1);
    CHECK_STATUS(pyt_rlock_acquire(&p.rlock), PYT_RUNTIME_ERROR);
    CHECK(said(" for RLock 0x"));
    CHECK(!pyt_rlock_is_owned(&p.rlock));
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&p.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&p.rlock), PYT_OK);
    test_join(p.thread);
    CHECK_INT(p.count, 1);
}

TEST(joining_a_thread_that_waits_for_ones_own_lock_is_reported) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_thread_join(p.thread), PYT_RUNTIME_ERROR);
    CHECK(said("MainThread waits in pyt_thread_join at "));
    CHECK(said(" for the end of Thread-1; Thread-1 waits in pyt_lock_acquire at "));
    CHECK_STATUS(pyt_thread_join_timeout(p.thread, 0.01), PYT_TIMEOUT);
    untangle(&p);
}

static void *join_the_other(void *arg) {
    pair *p = arg;
    p->status = pyt_thread_join(p->thread);
    return NULL;
}

static void *wait_for_ready_and_take(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_event_wait(&p->ready), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_RUNTIME_ERROR);
    CHECK(said("; Thread-2 waits in pyt_thread_join at "));
    CHECK_STATUS(pyt_event_set(&p->go), PYT_OK);
    return NULL;
}

static void *hold_ours_and_join(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    join_the_other(arg);
    CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    return NULL;
}

TEST(taking_a_lock_of_ones_own_joiner_is_reported) {
    pair p = {.seconds = 0};
    p.thread = test_thread(wait_for_ready_and_take, &p);
    pyt_thread *joiner = test_thread(hold_ours_and_join, &p);
    while (strstr(test_dump(), "for the end of Thread-1") == NULL) {
        test_yield();
    }
    CHECK_STATUS(pyt_event_set(&p.ready), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&p.go), PYT_OK);
    test_join(joiner);
    CHECK_STATUS(p.status, PYT_OK);
    test_join(p.thread);
}

static void *take_and_release_ours(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    return NULL;
}

static void *take_ours_in_a_task(void *arg) {
    take_and_release_ours(arg);
    return arg;
}

TEST(a_shutdown_that_waits_for_a_task_that_waits_for_ones_own_lock_is_reported) {
    pair p = {.seconds = 0};
    pyt_executor *executor = NULL;
    pyt_future *future = NULL;
    void *result = NULL;
    CHECK_STATUS(pyt_executor_new(&executor, NULL), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(executor, take_ours_in_a_task, &p, &future), PYT_OK);
    PARKED_LOCK(&p.ours, 1);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_RUNTIME_ERROR);
    CHECK(said("deadlock: MainThread waits in pyt_executor_shutdown at "));
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == &p);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

/* Each of a ring of threads takes its own lock, and then its neighbour's. */
enum {
    RING = 8
};

typedef struct ring {
    pyt_lock locks[RING];
    pyt_barrier start;
    pyt_semaphore reports;
    pyt_barrier end;
} ring;

typedef struct seat {
    ring *table;
    int number;
    int count;
    int rounds;
} seat;

static void dine(seat *s) {
    pyt_lock *left = &s->table->locks[s->number];
    pyt_lock *right = &s->table->locks[(s->number + 1) % s->count];
    CHECK_STATUS(pyt_lock_acquire(left), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&s->table->start, NULL), PYT_OK);
    pyt_status status = pyt_lock_acquire(right);
    if (status == PYT_OK) {
        CHECK_STATUS(pyt_lock_release(right), PYT_OK);
    } else {
        CHECK_STATUS(status, PYT_RUNTIME_ERROR);
        CHECK_STATUS(pyt_semaphore_release(&s->table->reports), PYT_OK);
    }
    CHECK_STATUS(pyt_lock_release(left), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&s->table->end, NULL), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&s->table->end, NULL), PYT_OK); /* the reports are counted */
}

static void *dine_often(void *arg) {
    seat *s = arg;
    for (int i = 0; i < s->rounds; i++) {
        dine(s);
    }
    return NULL;
}

static void dine_together(int count, int rounds) {
    ring table;
    seat seats[RING];
    pyt_thread *threads[RING];
    memset((void *)&table, 0, sizeof table);
    CHECK_STATUS(pyt_barrier_init(&table.start, count, NULL), PYT_OK);
    CHECK_STATUS(pyt_barrier_init(&table.end, count + 1, NULL), PYT_OK);
    for (int i = 0; i < count; i++) {
        seats[i] = (seat){&table, i, count, rounds};
        threads[i] = test_thread(dine_often, &seats[i]);
    }
    for (int i = 0; i < rounds; i++) {
        CHECK_STATUS(pyt_barrier_wait(&table.end, NULL), PYT_OK);
        CHECK_STATUS(pyt_semaphore_acquire_nowait(&table.reports), PYT_OK);
        while (pyt_semaphore_acquire_nowait(&table.reports) == PYT_OK) {
        }
        CHECK_STATUS(pyt_barrier_wait(&table.end, NULL), PYT_OK);
    }
    for (int i = 0; i < count; i++) {
        test_join(threads[i]);
    }
}

TEST(of_two_that_close_a_cycle_at_once_one_is_told) {
    dine_together(2, test_scale(2000));
}

TEST(of_eight_that_close_a_cycle_at_once_one_is_told) {
    dine_together(RING, test_scale(300));
}

TEST(a_lock_that_its_only_thread_takes_twice_is_reported) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_RUNTIME_ERROR);
    CHECK(said("deadlock: MainThread waits in pyt_lock_acquire at "));
    CHECK(said(", which MainThread acquired in pyt_lock_acquire at "));
    CHECK(said(", and all other threads wait"));
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.01), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
}

static void *release_ours(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_event_wait(&p->go), PYT_OK);
    while (pyt_lock_locked(&p->ours) && test_parked(&p->ours.pyt__word) == 0) {
        test_yield();
    }
    CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    return NULL;
}

TEST(a_lock_taken_twice_waits_for_another_thread_that_runs) {
    for (int i = 0; i < test_scale(300); i++) {
        pair p = {.seconds = 0};
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
        p.thread = test_thread(release_ours, &p);
        CHECK_STATUS(pyt_event_set(&p.go), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
        test_join(p.thread);
    }
}

/* The old idiom: a lock as a signal, in turns. Each has been woken, but does not run yet, when the
 * other one looks whether anybody is left. */
static void *answer(void *arg) {
    pair *p = arg;
    for (long i = 0; i < p->count; i++) {
        CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    }
    return NULL;
}

TEST(locks_as_signals_between_two_threads_are_never_taken_for_a_deadlock) {
    pair p = {.count = test_scale(20000)};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    p.thread = test_thread(answer, &p);
    for (long i = 0; i < p.count; i++) {
        CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire_timeout(&p.ours, 15), PYT_OK);
    }
    test_join(p.thread);
}

static void *wait_for_go_and_release(void *arg) {
    pair *p = arg;
    for (long i = 0; i < p->count; i++) {
        CHECK_STATUS(pyt_event_wait(&p->go), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&p->go), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    }
    return NULL;
}

TEST(who_was_woken_and_does_not_run_yet_is_left_to_release_a_lock) {
    pair p = {.count = test_scale(20000)};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(wait_for_go_and_release, &p);
    for (long i = 0; i < p.count; i++) {
        CHECK_STATUS(pyt_event_set(&p.go), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    }
    test_join(p.thread);
}

static void *wait_for_notify_and_release(void *arg) {
    pair *p = arg;
    for (long i = 0; i < p->count; i++) {
        CHECK_STATUS(pyt_condition_acquire(&p->condition), PYT_OK);
        CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
        CHECK_STATUS(pyt_condition_wait(&p->condition), PYT_OK);
        CHECK_STATUS(pyt_condition_release(&p->condition), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    }
    return NULL;
}

TEST(who_was_notified_and_does_not_run_yet_is_left_to_release_a_lock) {
    pair p = {.count = test_scale(5000)};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(wait_for_notify_and_release, &p);
    for (long i = 0; i < p.count; i++) {
        CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&p.ready), PYT_OK);
        pyt_with(&p.condition) {
            CHECK_STATUS(pyt_condition_notify(&p.condition), PYT_OK);
        }
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    }
    test_join(p.thread);
}

static void *wait_for_go(void *arg) {
    pair *p = arg;
    p->status =
        p->seconds > 0 ? pyt_event_wait_timeout(&p->go, p->seconds) : pyt_event_wait(&p->go);
    if (p->status == PYT_TIMEOUT) {
        CHECK_STATUS(pyt_lock_release(&p->ours), PYT_OK);
    }
    return NULL;
}

TEST(a_lock_taken_twice_is_reported_when_all_others_wait_for_ever) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(wait_for_go, &p);
    while (strstr(test_dump(), "waits in pyt_event_wait ") == NULL) {
        test_yield();
    }
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_event_set(&p.go), PYT_OK);
    test_join(p.thread);
}

TEST(a_lock_taken_twice_is_waited_for_while_another_thread_has_a_deadline) {
    pair p = {.seconds = 0.05};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(wait_for_go, &p);
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    test_join(p.thread);
    CHECK_STATUS(p.status, PYT_TIMEOUT);
}

static void release_it(void *lock) {
    CHECK_STATUS(pyt_lock_release(lock), PYT_OK);
}

TEST(a_lock_taken_twice_is_waited_for_while_a_timer_waits) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_thread *timer;
    CHECK_STATUS(pyt_timer_new(&timer, 0.05, release_it, &lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    test_join(timer);
}

static void *interrupt_nobody(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    while (test_parked(&p->go.pyt__word) == 0) {
        test_yield();
    }
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    return NULL;
}

TEST(an_interrupted_main_thread_is_left_to_release_a_lock) {
    pair p = {.seconds = 0};
    p.thread = test_thread(interrupt_nobody, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&p.go), PYT_INTERRUPTED);
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
    test_join(p.thread);
}

TEST(a_lock_that_another_thread_released_has_a_new_holder) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    untangle(&p);
}

static void *leave_a_lock_locked(void *arg) {
    CHECK_STATUS(pyt_lock_acquire((pyt_lock *)arg), PYT_OK);
    return NULL;
}

static void *release_theirs_when_waited_for(void *arg) {
    pair *p = arg;
    PARKED_LOCK(&p->theirs, 1);
    CHECK(dumped(", which a thread that has ended, 0x"));
    CHECK_STATUS(pyt_lock_release(&p->theirs), PYT_OK);
    return NULL;
}

TEST(a_lock_whose_holder_has_ended_is_told_of_and_makes_no_cycle) {
    pair p = {.seconds = 0};
    test_join(test_thread(leave_a_lock_locked, &p.theirs));
    CHECK(dumped("threads that have ended:\n    holds Lock 0x"));
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(take_and_release_ours, &p); /* with the parker of the one that ended */
    PARKED_LOCK(&p.ours, 1);
    pyt_thread *releaser = test_thread(release_theirs_when_waited_for, &p);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    test_join(releaser);
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    test_join(p.thread);
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
    CHECK(strstr(test_dump(), "holds Lock") == NULL);
}

TEST(a_lock_at_the_place_of_a_discarded_one_has_its_own_holder) {
    pair p = {.seconds = 0};
    test_join(test_thread(leave_a_lock_locked, &p.theirs));
    memset((void *)&p.theirs, 0, sizeof p.theirs);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
    const char *all = test_dump();
    CHECK(strstr(all, "holds Lock") != NULL);
    CHECK(strstr(all, "holds Lock") < strstr(all, "threads that have ended"));
    CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
}

static void *wait_with_theirs_held(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&p->condition), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    CHECK_STATUS(pyt_condition_wait(&p->condition), PYT_OK);
    CHECK(dumped("acquired in pyt_condition_wait at "));
    CHECK_STATUS(pyt_condition_release(&p->condition), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&p->theirs), PYT_OK);
    return NULL;
}

TEST(a_notified_thread_waits_for_the_lock_of_its_condition) {
    pair p = {.seconds = 0};
    p.thread = test_thread(wait_with_theirs_held, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&p.condition), PYT_OK);
    PARKED_CONDITION(&p.condition, 1);
    while (strstr(test_dump(), "waits in pyt_condition_wait ") == NULL) {
        test_yield();
    }
    CHECK(dumped(" for a notify of Condition 0x"));
    CHECK_STATUS(pyt_condition_notify(&p.condition), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    CHECK(said("Thread-1 waits in pyt_condition_wait at "));
    CHECK_STATUS(pyt_condition_release(&p.condition), PYT_OK);
    test_join(p.thread);
}

static int reports;
static int first_line; /* of the two that take_condition_then_ours waits at */
static pyt_misuse_args report;

static void count_and_untangle(const pyt_misuse_args *args) {
    reports++;
    report = *args;
    note_and_untangle(args);
}

static void *take_condition_then_ours(void *arg) {
    pair *p = arg;
    first_line = __LINE__ + 1;
    CHECK_STATUS(pyt_condition_acquire(&p->condition), PYT_OK);
    p->status = pyt_lock_acquire(&p->ours);
    CHECK_STATUS(pyt_condition_release(&p->condition), PYT_OK);
    return NULL;
}

static void *interrupt_when_ours_is_waited_for(void *arg) {
    PARKED_LOCK(&((pair *)arg)->ours, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return NULL;
}

/* The wait releases the condition's lock, another thread takes it and waits for `ours`. Only the
 * end of the wait makes that a cycle. */
static void close_a_cycle_by_a_wait(pair *p, const void *lock, const char *kind) {
    char expected[1000];
    int start = __LINE__;
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&p->condition), PYT_OK);
    p->thread = test_thread(take_condition_then_ours, p);
    pyt_thread *interrupter = test_thread(interrupt_when_ours_is_waited_for, p);
    to_be_released = &p->ours;
    pyt_set_misusehook(count_and_untangle);
    CHECK_STATUS(pyt_condition_wait(&p->condition), PYT_INTERRUPTED);
    int waited = __LINE__ - 1;
    (void)snprintf(expected, sizeof expected,
                   "deadlock: MainThread waits in pyt_condition_wait at %s:%d for %s "
                   "0x%" PRIxPTR ", which Thread-1 acquired in pyt_condition_acquire at %s:%d; "
                   "Thread-1 waits in pyt_lock_acquire at %s:%d for Lock 0x%" PRIxPTR
                   ", which MainThread acquired in pyt_lock_acquire at %s:%d",
                   __FILE__, waited, kind, (uintptr_t)lock, __FILE__, first_line, __FILE__,
                   first_line + 1, (uintptr_t)&p->ours, __FILE__, start + 1);
    CHECK_STR(reported, expected);
    CHECK_STATUS(report.status, PYT_RUNTIME_ERROR);
    CHECK_STR(report.call, "pyt_condition_wait");
    CHECK_INT(report.line, waited);
    CHECK_INT(reports, 1);
    CHECK_STATUS(pyt_condition_release(&p->condition), PYT_OK);
    test_join(interrupter);
    test_join(p->thread);
    CHECK_STATUS(p->status, PYT_OK);
}

TEST(a_wait_whose_end_closes_a_cycle_over_its_lock_reports_it_and_waits) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_condition_init_lock(&p.condition, &p.theirs), PYT_OK);
    close_a_cycle_by_a_wait(&p, &p.theirs, "Lock");
}

TEST(a_wait_whose_end_closes_a_cycle_over_its_rlock_reports_it_and_waits) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_condition_init_rlock(&p.condition, &p.rlock), PYT_OK);
    close_a_cycle_by_a_wait(&p, &p.rlock, "RLock");
}

static void *guard_ours(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    {
        pyt_guard(&p->ours);
        p->count++;
    }
    CHECK_STATUS(pyt_lock_release(&p->theirs), PYT_OK);
    return NULL;
}

TEST(a_guard_that_waits_is_part_of_a_cycle) {
    pair p = {.seconds = 0};
    CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
    p.thread = test_thread(guard_ours, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    PARKED_LOCK(&p.ours, 1);
    CHECK(dumped("    waits in pyt_guard at "));
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    CHECK_INT(p.count, 0);
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    test_join(p.thread);
    CHECK_INT(p.count, 1);
}

/* An argument that itself takes a lock. */
static pyt_lock *found_theirs(pair *p) {
    pyt_with(&p->rlock) {
        p->count++;
    }
    return &p->theirs;
}

static void *guard_what_is_found(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&p->go), PYT_OK);
    {
        pyt_guard(found_theirs(p));
        p->count++;
    }
    return NULL;
}

TEST(a_guard_waits_also_when_its_argument_takes_a_lock) {
    pair p = {.seconds = 0};
    pyt_thread *guard = test_thread(guard_what_is_found, &p);
    CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
    p.thread = test_thread(take_theirs_then_ours, &p);
    PARKED_LOCK(&p.ours, 1);
    CHECK_STATUS(pyt_event_set(&p.go), PYT_OK);
    PARKED_LOCK(&p.theirs, 1);
    CHECK_INT(p.count, 1);
    CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
    test_join(p.thread);
    CHECK_STATUS(p.status, PYT_OK);
    test_join(guard);
    CHECK_INT(p.count, 2);
}

static void *take_theirs_then_a_signal(void *arg) {
    pair *p = arg;
    CHECK_STATUS(pyt_lock_acquire(&p->theirs), PYT_OK);
    CHECK_STATUS(pyt_event_set(&p->ready), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&p->theirs), PYT_OK);
    return NULL;
}

/* It has it before it runs again, and whatever becomes of the lock meanwhile, it waits no more. */
TEST(who_is_handed_a_lock_does_not_wait_for_it_any_more) {
    for (int i = 0; i < 20; i++) {
        pair p = {.seconds = 0};
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
        p.thread = test_thread(take_theirs_then_a_signal, &p);
        CHECK_STATUS(pyt_event_wait(&p.ready), PYT_OK);
        PARKED_LOCK(&p.ours, 1);
        test_sleep(0.002); /* old enough to be handed it */
        CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire(&p.ours), PYT_OK);
        CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p.theirs), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&p.ours), PYT_OK);
        test_join(p.thread);
    }
}

TEST(a_dump_tells_who_holds_what_and_waits_for_what) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK(dumped("MainThread: ident 0x"));
    CHECK(dumped(", the main thread, alive\n    holds Lock 0x"));
    CHECK(dumped("Thread-1: ident 0x"));
    CHECK(dumped(", which MainThread acquired in pyt_lock_acquire at "));
    CHECK(dumped("threads that have ended:\n"));
    char line[64];
    snprintf(line, sizeof line, "    holds Lock 0x%" PRIxPTR ", ", (uintptr_t)&p.theirs);
    CHECK(dumped(line));
    untangle(&p);
    CHECK(strstr(test_dump(), "holds") == NULL);
    pyt_dump_threads(NULL);
}

static void *get_an_item(void *arg) {
    int item;
    CHECK_STATUS(pyt_queue_get((pyt_queue *)arg, &item), PYT_OK);
    CHECK_STATUS(pyt_queue_get_timeout((pyt_queue *)arg, &item, 15), PYT_OK);
    return NULL;
}

TEST(a_dump_tells_of_waits_for_other_things) {
    pyt_queue queue;
    int item = 1;
    CHECK_STATUS(pyt_queue_init(&queue, sizeof item, 0), PYT_OK);
    pyt_thread *thread = test_thread(get_an_item, &queue);
    while (strstr(test_dump(), "    waits in pyt_queue_get at ") == NULL) {
        test_yield();
    }
    CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_OK);
    while (strstr(test_dump(), "    waits in pyt_queue_get_timeout at ") == NULL) {
        test_yield();
    }
    CHECK(dumped(" s, with a deadline\n"));
    CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_OK);
    test_join(thread);
    CHECK_STATUS(pyt_queue_destroy(&queue), PYT_OK);
}

static void *use_locks_often(void *arg) {
    pair *p = arg;
    for (int i = 0; i < test_scale(3000); i++) {
        pyt_with(&p->ours) {
            pyt_with(&p->rlock) {
                p->count++;
            }
        }
        CHECK_STATUS(pyt_condition_acquire(&p->condition), PYT_OK);
        pyt_status status = pyt_condition_wait_timeout(&p->condition, 0);
        CHECK(status == PYT_TIMEOUT || status == PYT_OK); /* another one may notify it */
        CHECK_STATUS(pyt_condition_notify(&p->condition), PYT_OK);
        CHECK_STATUS(pyt_condition_release(&p->condition), PYT_OK);
    }
    return NULL;
}

TEST(threads_may_be_dumped_while_they_run) {
    pair p = {.seconds = 0};
    pyt_thread *threads[4];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            threads[i] = test_thread(use_locks_often, &p);
        }
        for (int i = 0; i < 50; i++) {
            CHECK(strstr(test_dump(), "MainThread: ident 0x") != NULL);
        }
        for (int i = 0; i < 4; i++) {
            test_join(threads[i]);
        }
    }
    CHECK_INT(p.count, 12 * test_scale(3000));
    CHECK(strstr(test_dump(), "holds") == NULL);
}

static pyt_status hold_and_look(void *object) {
    pair *p = object;
    CHECK_STATUS(pyt_lock_acquire(&p->ours), PYT_OK);
    CHECK(dumped("a thread without a name: ident 0x"));
    return pyt_lock_release(&p->ours);
}

TEST(a_thread_that_nobody_has_named_is_told_of, NEEDS_FOREIGN_THREADS) {
    pair p = {.seconds = 0};
    CHECK_STATUS(test_foreign(hold_and_look, &p), PYT_OK);
}

TEST(what_cannot_be_noted_without_memory_works_all_the_same) {
    pyt_lock lock = PYT_LOCK_INIT;
    long n = 0;
    do {
        test_fail_nth(++n);
        CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
        CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
        CHECK_STR(pyt_error_message(), "");
    } while (test_fault_fired());
    test_fail_nth(0);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK(dumped("    holds Lock 0x"));
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
}

TEST(a_report_without_memory_says_that_it_is_a_deadlock_or_is_not_made) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    long fewest = 2; /* the note and the list of steps; without those the thread would sleep */
    for (long n = fewest + 1; n == fewest + 1 || test_fault_fired(); n++) {
        test_fail_nth(n);
        CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
        CHECK(pyt_error_message()[0] != '\0');
    }
    test_fail_nth(0);
    untangle(&p);
}

TEST(nothing_is_left_when_all_is_released) {
    pair p = {.seconds = 0};
    tangle(&p);
    CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
    untangle(&p);
    long before = test_live_allocations();
    for (int i = 0; i < 10; i++) {
        memset((void *)&p, 0, sizeof p);
        tangle(&p);
        CHECK_STATUS(pyt_lock_acquire(&p.theirs), PYT_RUNTIME_ERROR);
        untangle(&p);
    }
    CHECK_INT(test_live_allocations(), before);
}

#endif
#endif
