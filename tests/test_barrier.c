/* Barrier. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdatomic.h>

#include "test.h"

enum {
    MOST = 8
};

/* A barrier, and what its action does and sees. */
typedef struct place {
    pyt_barrier barrier;
    double seconds;
    int outcome;       /* what the action returns */
    int runs;          /* how often it ran: one thread at a time runs it */
    pyt_ident runner;  /* which thread that was */
    pyt_event running; /* set by an action that stays until `finish` */
    pyt_event finish;
    int rounds;
    _Atomic(int) indexes; /* the sum of all indexes given out */
    _Atomic(int) through; /* how many have passed */
} place;

/* One thread's arrival. */
typedef struct arrival {
    place *place;
    double seconds;
    int index;
    pyt_ident ident;
} arrival;

static void make(place *p, int parties, int (*action)(void *)) {
    memset((void *)p, 0, sizeof *p);
    pyt_barrier_options options = {.action = action, .arg = p};
    CHECK_STATUS(pyt_barrier_init(&p->barrier, parties, &options), PYT_OK);
}

static int count_runs(void *arg) {
    place *p = arg;
    p->runs++;
    p->runner = pyt_get_ident();
    return p->outcome;
}

static int stay(void *arg) {
    place *p = arg;
    p->runs++;
    CHECK_STATUS(pyt_event_set(&p->running), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&p->finish), PYT_OK);
    return p->outcome;
}

static pyt_status arrive(void *arg) {
    arrival *a = arg;
    a->ident = pyt_get_ident();
    return pyt_barrier_wait(&a->place->barrier, &a->index);
}

static pyt_status arrive_in_time(void *arg) {
    arrival *a = arg;
    return pyt_barrier_wait_timeout(&a->place->barrier, a->seconds, &a->index);
}

static pyt_status reset(void *arg) {
    return pyt_barrier_reset(&((place *)arg)->barrier);
}

static pyt_status abort_it(void *arg) {
    return pyt_barrier_abort(&((place *)arg)->barrier);
}

/* Start `n` threads that arrive one after the other. */
static void start_arrivals(test_call *calls, arrival *arrivals, int n, place *p) {
    for (int i = 0; i < n; i++) {
        arrivals[i] = (arrival){.place = p, .index = -1};
        test_begin(&calls[i], arrive, &arrivals[i]);
        PARKED_BARRIER(&p->barrier, (size_t)i + 1);
    }
}

static void end_all(test_call *calls, int n, pyt_status status) {
    for (int i = 0; i < n; i++) {
        CHECK_STATUS(test_end(&calls[i]), status);
    }
}

/* The barrier is whole and empty: a round of all its parties passes. */
static void check_usable(place *p) {
    test_call calls[MOST];
    arrival arrivals[MOST];
    int parties = pyt_barrier_parties(&p->barrier);
    int index = -1;
    CHECK(!pyt_barrier_broken(&p->barrier));
    CHECK_INT(pyt_barrier_n_waiting(&p->barrier), 0);
    start_arrivals(calls, arrivals, parties - 1, p);
    CHECK_STATUS(pyt_barrier_wait(&p->barrier, &index), PYT_OK);
    CHECK_INT(index, parties - 1);
    end_all(calls, parties - 1, PYT_OK);
    for (int i = 0; i < parties - 1; i++) {
        CHECK_INT(arrivals[i].index, i);
    }
}

static void check_broken(place *p) {
    CHECK(pyt_barrier_broken(&p->barrier));
    CHECK_INT(pyt_barrier_n_waiting(&p->barrier), 0);
    CHECK_STATUS(pyt_barrier_wait(&p->barrier, NULL), PYT_BROKEN_BARRIER);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p->barrier, 5, NULL), PYT_BROKEN_BARRIER);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p->barrier, 0, NULL), PYT_BROKEN_BARRIER);
    CHECK(pyt_error_message()[0] != '\0');
    PARKED_BARRIER(&p->barrier, 0);
}

/* ---- arguments ---- */

TEST(a_barrier_needs_one_party_or_more) {
    pyt_barrier barrier = PYT_BARRIER_INIT(3);
    CHECK_STATUS(pyt_barrier_init(&barrier, 0, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_init(&barrier, -1, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_init(&barrier, INT_MIN, NULL), PYT_VALUE_ERROR);
    CHECK_INT(pyt_barrier_parties(&barrier), 3);
    CHECK_STATUS(pyt_barrier_init(&barrier, 1, NULL), PYT_OK);
    CHECK_STATUS(pyt_barrier_init(&barrier, INT_MAX, NULL), PYT_OK);
    CHECK_INT(pyt_barrier_parties(&barrier), INT_MAX);
}

TEST(a_barrier_of_zero_bytes_has_no_parties_and_lets_nobody_wait) {
    static pyt_barrier zero;
    CHECK_INT(pyt_barrier_parties(&zero), 0);
    CHECK_INT(pyt_barrier_n_waiting(&zero), 0);
    CHECK(!pyt_barrier_broken(&zero));
    CHECK_STATUS(pyt_barrier_wait(&zero, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&zero, 1, NULL), PYT_VALUE_ERROR);
    CHECK(!pyt_barrier_broken(&zero));
}

TEST(a_barrier_refuses_bad_timeouts_and_stays_whole) {
    place p;
    make(&p, 1, count_runs);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, -NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, INFINITY, NULL), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, DBL_MAX, NULL), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, 9223372036.000002, NULL), PYT_OVERFLOW_ERROR);
    CHECK_INT(p.runs, 0);
    CHECK(!pyt_barrier_broken(&p.barrier));
    pyt_barrier_options options = {.timeout = NAN};
    CHECK_STATUS(pyt_barrier_init(&p.barrier, 2, &options), PYT_VALUE_ERROR);
    options.timeout = INFINITY;
    CHECK_STATUS(pyt_barrier_init(&p.barrier, 2, &options), PYT_OVERFLOW_ERROR);
    CHECK_INT(pyt_barrier_parties(&p.barrier), 1);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, PYT_TIMEOUT_MAX, NULL), PYT_OK);
    CHECK_INT(p.runs, 1);
}

TEST(a_barrier_refuses_bad_timeouts_when_it_is_broken_too) {
    pyt_barrier barrier = PYT_BARRIER_INIT(2);
    CHECK_STATUS(pyt_barrier_abort(&barrier), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait_timeout(&barrier, NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&barrier, INFINITY, NULL), PYT_OVERFLOW_ERROR);
}

TEST(a_barrier_that_is_null_is_not_there) {
    int index = 7;
    CHECK_STATUS(pyt_barrier_init(NULL, 2, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait(NULL, &index), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(NULL, 1, &index), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(NULL, NAN, &index), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_reset(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_abort(NULL), PYT_VALUE_ERROR);
    CHECK_INT(pyt_barrier_parties(NULL), 0);
    CHECK_INT(pyt_barrier_n_waiting(NULL), 0);
    CHECK(!pyt_barrier_broken(NULL));
    CHECK_INT(index, 7);
}

static pyt_status arrive_without_memory(void *arg) {
    arrival *a = arg;
    test_fail_nth(1);
    pyt_status status = pyt_barrier_wait(&a->place->barrier, &a->index);
    test_fail_nth(0);
    return status;
}

TEST(a_thread_without_memory_for_its_first_wait_has_not_arrived,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {
    place p;
    make(&p, 2, NULL);
    arrival a = {.place = &p};
    CHECK_STATUS(test_foreign(arrive_without_memory, &a), PYT_MEMORY_ERROR);
    CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
    check_usable(&p);
}

/* ---- rounds ---- */

TEST(a_barrier_of_one_opens_at_once_with_index_zero) {
    place p;
    make(&p, 1, count_runs);
    for (int i = 0; i < 3; i++) {
        int index = -1;
        CHECK_STATUS(pyt_barrier_wait(&p.barrier, &index), PYT_OK);
        CHECK_INT(index, 0);
        index = -1;
        CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, -1, &index), PYT_OK);
        CHECK_INT(index, 0);
    }
    CHECK_INT(p.runs, 6);
}

TEST(nobody_passes_before_the_last_has_arrived, NEEDS_THREADS) {
    for (int parties = 2; parties <= MOST; parties++) {
        place p;
        test_call calls[MOST];
        arrival arrivals[MOST];
        make(&p, parties, NULL);
        CHECK_INT(pyt_barrier_parties(&p.barrier), parties);
        start_arrivals(calls, arrivals, parties - 1, &p);
        CHECK_INT(pyt_barrier_n_waiting(&p.barrier), parties - 1);
        for (int i = 0; i < parties - 1; i++) {
            CHECK(!test_ended(&calls[i]));
        }
        CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
        CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
        end_all(calls, parties - 1, PYT_OK);
    }
}

TEST(the_index_is_the_order_of_arrival, NEEDS_THREADS) {
    place p;
    make(&p, MOST, NULL);
    for (int round = 0; round < 3; round++) {
        check_usable(&p);
    }
}

TEST(a_static_barrier_works, NEEDS_THREADS) {
    static pyt_barrier two = PYT_BARRIER_INIT(2);
    place p;
    test_call call;
    arrival a;
    memcpy((void *)&p.barrier, (const void *)&two, sizeof two);
    start_arrivals(&call, &a, 1, &p);
    CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK_INT(a.index, 0);
}

TEST(the_count_of_those_waiting_goes_up_with_each_arrival_and_to_zero_when_it_opens,
     NEEDS_THREADS) {
    place p;
    test_call calls[3];
    arrival arrivals[3];
    make(&p, 4, NULL);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++) {
            CHECK_INT(pyt_barrier_n_waiting(&p.barrier), i);
            arrivals[i] = (arrival){.place = &p};
            test_begin(&calls[i], arrive, &arrivals[i]);
            PARKED_BARRIER(&p.barrier, (size_t)i + 1);
        }
        CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 3);
        CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, 0, NULL), PYT_OK);
        CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
        end_all(calls, 3, PYT_OK);
    }
}

enum {
    TEAM = 5
};

typedef struct team {
    pyt_barrier barrier;
    int rounds;
    int done[TEAM]; /* which round each is in: written between two barriers */
    _Atomic(int) seen[TEAM];
} team;

typedef struct member {
    team *team;
    int number;
} member;

/* Nobody may be a round ahead or behind, and every index comes once in each round. */
static pyt_status march(void *arg) {
    member *m = arg;
    team *t = m->team;
    for (int round = 0; round < t->rounds; round++) {
        int index = -1;
        t->done[m->number] = round;
        CHECK_STATUS(pyt_barrier_wait(&t->barrier, &index), PYT_OK);
        CHECK(index >= 0 && index < TEAM);
        CHECK_INT(atomic_fetch_add(&t->seen[index], 1), round);
        for (int i = 0; i < TEAM; i++) {
            CHECK_INT(t->done[i], round);
        }
        CHECK_STATUS(pyt_barrier_wait(&t->barrier, NULL), PYT_OK);
    }
    return PYT_OK;
}

TEST(a_team_goes_through_many_rounds_in_step, NEEDS_THREADS) {
    team t = {.barrier = PYT_BARRIER_INIT(TEAM), .rounds = test_scale(2000)};
    member members[TEAM];
    test_call calls[TEAM];
    for (int i = 0; i < TEAM; i++) {
        members[i] = (member){&t, i};
        test_begin(&calls[i], march, &members[i]);
    }
    end_all(calls, TEAM, PYT_OK);
    for (int i = 0; i < TEAM; i++) {
        CHECK_INT(atomic_load(&t.seen[i]), t.rounds);
    }
}

/* ---- the action ---- */

TEST(the_last_to_arrive_runs_the_action_once_in_each_round, NEEDS_THREADS) {
    place p;
    test_call calls[2];
    arrival arrivals[2];
    make(&p, 3, count_runs);
    for (int round = 1; round <= 3; round++) {
        start_arrivals(calls, arrivals, 2, &p);
        CHECK_INT(p.runs, round - 1);
        p.runner = 0;
        CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
        CHECK_INT(p.runs, round);
        CHECK(p.runner == pyt_get_ident());
        end_all(calls, 2, PYT_OK);
    }
}

TEST(nobody_leaves_before_the_action_is_over, NEEDS_THREADS) {
    place p;
    test_call calls[3];
    arrival arrivals[3];
    make(&p, 3, stay);
    start_arrivals(calls, arrivals, 2, &p);
    arrivals[2] = (arrival){.place = &p};
    test_begin(&calls[2], arrive, &arrivals[2]);
    CHECK_STATUS(pyt_event_wait(&p.running), PYT_OK);
    test_sleep(0.01);
    PARKED_BARRIER(&p.barrier, 2);
    for (int i = 0; i < 3; i++) {
        CHECK(!test_ended(&calls[i]));
    }
    CHECK(!pyt_barrier_broken(&p.barrier));
    CHECK_STATUS(pyt_event_set(&p.finish), PYT_OK);
    end_all(calls, 3, PYT_OK);
    CHECK_INT(arrivals[2].index, 2);
    CHECK_INT(p.runs, 1);
}

TEST(an_action_that_fails_breaks_the_barrier, NEEDS_THREADS) {
    place p;
    test_call calls[2];
    arrival arrivals[2];
    make(&p, 3, count_runs);
    p.outcome = -3;
    start_arrivals(calls, arrivals, 2, &p);
    CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_TASK_ERROR);
    CHECK(pyt_error_message()[0] != '\0');
    end_all(calls, 2, PYT_BROKEN_BARRIER);
    check_broken(&p);
    CHECK_INT(p.runs, 1);
    p.outcome = 0;
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    check_usable(&p);
    CHECK_INT(p.runs, 2);
}

static int raise_out(void *arg) {
    ((place *)arg)->runs++;
    pyt_raise(5, "no way");
}

static int exit_out(void *arg) {
    ((place *)arg)->runs++;
    pyt_exit();
}

static void *arrive_and_store(void *arg) {
    arrival *a = arg;
    (void)pyt_barrier_wait(&a->place->barrier, &a->index);
    a->index = 4711; /* not reached when the action ends the thread */
    return NULL;
}

static void hear_nothing(const pyt_excepthook_args *args) {
    CHECK_STR(args->message, "no way");
    CHECK_INT(args->code, 5);
}

static void leave_the_action(int (*action)(void *), pyt_status result) {
    place p;
    test_call call;
    arrival waiting, last = {.place = &p, .index = -1};
    make(&p, 2, action);
    pyt_set_excepthook(hear_nothing);
    start_arrivals(&call, &waiting, 1, &p);
    pyt_thread *thread = test_thread(arrive_and_store, &last);
    CHECK_STATUS(test_end(&call), PYT_BROKEN_BARRIER);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, NULL), result);
    pyt_thread_unref(thread);
    CHECK_INT(last.index, -1);
    CHECK_INT(p.runs, 1);
    check_broken(&p);
}

TEST(an_action_left_by_a_raise_breaks_the_barrier_and_goes_on_raising, NEEDS_THREADS) {
    leave_the_action(raise_out, PYT_TASK_ERROR);
}

TEST(an_action_left_by_an_exit_breaks_the_barrier_and_ends_the_thread, NEEDS_THREADS) {
    leave_the_action(exit_out, PYT_OK);
}

static int use_the_barrier(void *arg) {
    place *p = arg;
    p->runs++;
    CHECK_STATUS(pyt_barrier_wait(&p->barrier, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p->barrier, 0.01, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_barrier_wait_timeout(&p->barrier, NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_barrier_reset(&p->barrier), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_barrier_abort(&p->barrier), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_barrier_parties(&p->barrier), 2);
    CHECK(!pyt_barrier_broken(&p->barrier));
    return 0;
}

TEST(an_action_that_uses_its_own_barrier_is_refused_and_the_round_goes_on, NEEDS_THREADS) {
    place p;
    make(&p, 2, use_the_barrier);
    check_usable(&p);
    CHECK_INT(p.runs, 1);
    check_usable(&p);
    CHECK_INT(p.runs, 2);
}

static int pass_another_barrier(void *arg) {
    place *p = arg;
    pyt_barrier other = PYT_BARRIER_INIT(1);
    p->runs++;
    return pyt_barrier_wait(&other, NULL) == PYT_OK ? 0 : -1;
}

TEST(an_action_may_use_another_barrier, NEEDS_THREADS) {
    place p;
    make(&p, 2, pass_another_barrier);
    check_usable(&p);
    CHECK_INT(p.runs, 1);
}

/* ---- what comes while an action runs ---- */

typedef struct busy {
    place place;
    arrival arrivals[2];
    test_call calls[2];
} busy;

/* A barrier of two whose action is running. */
static void make_busy(busy *b, double first_seconds) {
    make(&b->place, 2, stay);
    b->arrivals[0] = (arrival){.place = &b->place, .seconds = first_seconds, .index = -1};
    b->arrivals[1] = (arrival){.place = &b->place, .index = -1};
    test_begin(&b->calls[0], arrive_in_time, &b->arrivals[0]);
    PARKED_BARRIER(&b->place.barrier, 1);
    test_begin(&b->calls[1], arrive, &b->arrivals[1]);
    CHECK_STATUS(pyt_event_wait(&b->place.running), PYT_OK);
}

static void finish_action(busy *b, pyt_status first, pyt_status last) {
    CHECK_STATUS(pyt_event_set(&b->place.finish), PYT_OK);
    CHECK_STATUS(test_end(&b->calls[0]), first);
    CHECK_STATUS(test_end(&b->calls[1]), last);
}

TEST(whose_time_is_up_during_the_action_stays_for_its_outcome,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    for (int outcome = 0; outcome < 2; outcome++) {
        busy b;
        double seconds = 0.2 * test_slowness();
        make_busy(&b, seconds);
        b.place.outcome = outcome;
        test_sleep(seconds + 0.02);
        CHECK(!test_ended(&b.calls[0]));
        CHECK(!pyt_barrier_broken(&b.place.barrier));
        finish_action(&b, outcome == 0 ? PYT_OK : PYT_BROKEN_BARRIER,
                      outcome == 0 ? PYT_OK : PYT_TASK_ERROR);
        CHECK_INT(b.arrivals[0].index, outcome == 0 ? 0 : -1);
        CHECK_INT(pyt_barrier_broken(&b.place.barrier), outcome != 0);
    }
}

TEST(who_arrives_during_the_action_is_of_the_next_round, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    busy b;
    test_call next;
    arrival a = {.place = &b.place, .index = -1};
    make_busy(&b, 15);
    test_begin(&next, arrive, &a);
    PARKED_BARRIER(&b.place.barrier, 2);
    finish_action(&b, PYT_OK, PYT_OK);
    CHECK_INT(b.arrivals[0].index, 0);
    CHECK_INT(b.arrivals[1].index, 1);
    while (pyt_barrier_n_waiting(&b.place.barrier) != 1) {
        test_sleep(0.0001);
    }
    CHECK(!test_ended(&next));
    CHECK_STATUS(pyt_barrier_wait(&b.place.barrier, NULL), PYT_OK);
    CHECK_STATUS(test_end(&next), PYT_OK);
    CHECK_INT(a.index, 0);
    CHECK_INT(b.place.runs, 2);
}

TEST(who_arrives_during_an_action_that_fails_finds_the_barrier_broken,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    busy b;
    test_call next;
    arrival a = {.place = &b.place, .index = -1};
    make_busy(&b, 15);
    b.place.outcome = 1;
    test_begin(&next, arrive, &a);
    PARKED_BARRIER(&b.place.barrier, 2);
    finish_action(&b, PYT_BROKEN_BARRIER, PYT_TASK_ERROR);
    CHECK_STATUS(test_end(&next), PYT_BROKEN_BARRIER);
    check_broken(&b.place);
}

TEST(a_reset_during_the_action_waits_for_its_end_and_harms_nobody,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    busy b;
    test_call call;
    make_busy(&b, 15);
    test_begin(&call, reset, &b.place);
    PARKED_BARRIER(&b.place.barrier, 2);
    CHECK(!test_ended(&call));
    finish_action(&b, PYT_OK, PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK(!pyt_barrier_broken(&b.place.barrier));
    check_usable(&b.place);
}

TEST(an_abort_during_the_action_waits_for_its_end_and_breaks_what_comes_after,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    busy b;
    test_call call;
    make_busy(&b, 15);
    test_begin(&call, abort_it, &b.place);
    PARKED_BARRIER(&b.place.barrier, 2);
    CHECK(!test_ended(&call));
    finish_action(&b, PYT_OK, PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    check_broken(&b.place);
}

/* ---- timeouts ---- */

TEST(a_timeout_breaks_the_barrier_for_everybody, NEEDS_THREADS) {
    place p;
    test_call calls[2];
    arrival arrivals[2];
    make(&p, 4, count_runs);
    start_arrivals(calls, arrivals, 2, &p);
    double start = test_now();
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, 0.03, NULL), PYT_BROKEN_BARRIER);
    CHECK_WITHIN(test_now() - start, 0.03, 1);
    end_all(calls, 2, PYT_BROKEN_BARRIER);
    check_broken(&p);
    CHECK_INT(p.runs, 0);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    check_usable(&p);
}

TEST(who_has_no_time_to_wait_breaks_the_barrier_unless_it_is_the_last, NEEDS_THREADS) {
    const double seconds[] = {0.0, -0.0, -DBL_TRUE_MIN, -1, -INFINITY, DBL_TRUE_MIN};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        place p;
        test_call call;
        arrival a;
        make(&p, 2, NULL);
        start_arrivals(&call, &a, 1, &p);
        CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, seconds[i], NULL), PYT_OK);
        CHECK_STATUS(test_end(&call), PYT_OK);
        double start = test_now();
        CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, seconds[i], NULL), PYT_BROKEN_BARRIER);
        CHECK_WITHIN(test_now() - start, 0, 1);
        check_broken(&p);
    }
}

TEST(a_wait_with_time_left_passes_with_the_last_to_arrive, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    place p;
    test_call call;
    arrival a = {.place = &p, .seconds = PYT_TIMEOUT_MAX};
    make(&p, 2, NULL);
    test_begin(&call, arrive_in_time, &a);
    PARKED_BARRIER(&p.barrier, 1);
    CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
}

TEST(the_barriers_own_timeout_holds_for_every_wait_that_has_none) {
    pyt_barrier barrier;
    pyt_barrier_options options = {.timeout = 0.03};
    CHECK_STATUS(pyt_barrier_init(&barrier, 2, &options), PYT_OK);
    for (int i = 0; i < 2; i++) {
        double start = test_now();
        CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_BROKEN_BARRIER);
        CHECK_WITHIN(test_now() - start, 0.03, 1);
        CHECK(pyt_barrier_broken(&barrier));
        CHECK_STATUS(pyt_barrier_reset(&barrier), PYT_OK);
    }
}

TEST(a_waits_own_timeout_replaces_the_barriers, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    place p;
    test_call call;
    arrival a = {.place = &p, .seconds = 15};
    pyt_barrier_options options = {.timeout = 0.02};
    make(&p, 2, NULL);
    CHECK_STATUS(pyt_barrier_init(&p.barrier, 2, &options), PYT_OK);
    test_begin(&call, arrive_in_time, &a);
    PARKED_BARRIER(&p.barrier, 1);
    test_sleep(0.05);
    PARKED_BARRIER(&p.barrier, 1);
    CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    options.timeout = 15;
    CHECK_STATUS(pyt_barrier_init(&p.barrier, 2, &options), PYT_OK);
    double start = test_now();
    CHECK_STATUS(pyt_barrier_wait_timeout(&p.barrier, 0.02, NULL), PYT_BROKEN_BARRIER);
    CHECK_WITHIN(test_now() - start, 0.02, 1);
}

/* Two arrive, the second about when the first one's time is up: both pass, with the indexes 0
 * and 1, or neither does. */
static bool meet(void *arg, double seconds, double delay) {
    (void)arg;
    place p;
    test_call call;
    arrival a = {.place = &p, .seconds = seconds, .index = -1};
    int index = -1;
    make(&p, 2, count_runs);
    double start = test_now();
    test_begin(&call, arrive_in_time, &a);
    test_wait_settled(&call, 1, &p.barrier.pyt__state);
    test_run_until(start + delay);
    pyt_status status = pyt_barrier_wait(&p.barrier, &index);
    bool passed = status == PYT_OK;
    CHECK_STATUS(status, passed ? PYT_OK : PYT_BROKEN_BARRIER);
    CHECK_STATUS(test_end(&call), status);
    CHECK_INT(a.index, passed ? 0 : -1);
    CHECK_INT(index, passed ? 1 : -1);
    CHECK_INT(p.runs, passed);
    CHECK_INT(pyt_barrier_broken(&p.barrier), !passed);
    CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
    return passed;
}

TEST(both_or_neither_pass_when_a_timeout_meets_the_last_arrival, NEEDS_THREADS | NEEDS_REAL_TIME) {
    int won;
    test_meet(meet, NULL, 0.0005, test_scale(1500), &won);
}

/* ---- reset and abort ---- */

TEST(reset_of_an_empty_barrier_changes_nothing, NEEDS_THREADS) {
    place p;
    make(&p, 3, NULL);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    CHECK_INT(pyt_barrier_parties(&p.barrier), 3);
    check_usable(&p);
}

TEST(reset_sends_those_who_wait_away_and_leaves_the_barrier_whole, NEEDS_THREADS) {
    place p;
    test_call calls[3];
    arrival arrivals[3];
    make(&p, 4, count_runs);
    start_arrivals(calls, arrivals, 3, &p);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    CHECK(!pyt_barrier_broken(&p.barrier));
    CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
    end_all(calls, 3, PYT_BROKEN_BARRIER);
    CHECK_INT(p.runs, 0);
    check_usable(&p);
    CHECK_INT(p.runs, 1);
}

/* The next round may fill before those of the last one have noticed. */
TEST(reset_does_not_touch_those_who_come_after_it, NEEDS_THREADS) {
    place p;
    test_call old, new;
    arrival a, b;
    make(&p, 2, NULL);
    for (int i = 0; i < test_scale(300); i++) {
        start_arrivals(&old, &a, 1, &p);
        CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
        b = (arrival){.place = &p, .index = -1};
        test_begin(&new, arrive, &b);
        CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
        CHECK_STATUS(test_end(&new), PYT_OK);
        CHECK_STATUS(test_end(&old), PYT_BROKEN_BARRIER);
    }
}

TEST(reset_directly_after_the_opening_takes_nothing_from_those_who_leave, NEEDS_THREADS) {
    place p;
    test_call calls[3];
    arrival arrivals[3];
    make(&p, 4, NULL);
    for (int i = 0; i < test_scale(300); i++) {
        start_arrivals(calls, arrivals, 3, &p);
        CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
        CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
        end_all(calls, 3, PYT_OK);
    }
    check_usable(&p);
}

TEST(abort_breaks_an_empty_barrier_until_it_is_reset, NEEDS_THREADS) {
    place p;
    make(&p, 2, NULL);
    CHECK_STATUS(pyt_barrier_abort(&p.barrier), PYT_OK);
    check_broken(&p);
    CHECK_STATUS(pyt_barrier_abort(&p.barrier), PYT_OK);
    check_broken(&p);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    check_usable(&p);
    CHECK_STATUS(pyt_barrier_abort(&p.barrier), PYT_OK);
    check_broken(&p);
}

TEST(abort_sends_those_who_wait_away_and_leaves_the_barrier_broken, NEEDS_THREADS) {
    place p;
    test_call calls[3];
    arrival arrivals[3];
    make(&p, 4, count_runs);
    start_arrivals(calls, arrivals, 3, &p);
    CHECK_STATUS(pyt_barrier_abort(&p.barrier), PYT_OK);
    end_all(calls, 3, PYT_BROKEN_BARRIER);
    check_broken(&p);
    CHECK_INT(p.runs, 0);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    check_usable(&p);
}

TEST(a_barrier_of_one_can_be_broken_and_mended) {
    place p;
    make(&p, 1, count_runs);
    CHECK_STATUS(pyt_barrier_abort(&p.barrier), PYT_OK);
    check_broken(&p);
    CHECK_INT(p.runs, 0);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&p.barrier, NULL), PYT_OK);
    CHECK_INT(p.runs, 1);
}

/* ---- many threads, everything at once ---- */

enum {
    STORMERS = 4
};

static pyt_status storm(void *arg) {
    place *p = arg;
    unsigned random = (unsigned)(uintptr_t)&random;
    for (int i = 0; i < p->rounds; i++) {
        int index = -1;
        random = random * 1664525u + 1013904223u;
        unsigned what = (random >> 16) % 16;
        pyt_status status =
            what == 0   ? pyt_barrier_reset(&p->barrier)
            : what == 1 ? pyt_barrier_abort(&p->barrier)
            : what == 2 ? pyt_barrier_reset(&p->barrier)
                        : pyt_barrier_wait_timeout(&p->barrier, (random >> 24) * 2e-6, &index);
        if (what < 3) {
            CHECK_STATUS(status, PYT_OK);
        } else if (status == PYT_OK) {
            CHECK(index == 0 || index == 1);
            atomic_fetch_add(&p->indexes, index);
            atomic_fetch_add(&p->through, 1);
        } else {
            CHECK_STATUS(status, PYT_BROKEN_BARRIER);
            CHECK_INT(index, -1);
            CHECK_STATUS(pyt_barrier_reset(&p->barrier), PYT_OK);
        }
    }
    return PYT_OK;
}

/* Each round gives the indexes 0 and 1 to two threads: the sum of all indexes is the number of
 * rounds, half the number of those who passed, and the action ran as often. */
TEST(rounds_stay_whole_under_timeouts_resets_and_aborts, NEEDS_THREADS) {
    place p;
    test_call calls[STORMERS];
    make(&p, 2, count_runs);
    p.rounds = test_scale(5000);
    for (int i = 0; i < STORMERS; i++) {
        test_begin(&calls[i], storm, &p);
    }
    end_all(calls, STORMERS, PYT_OK);
    CHECK_INT(atomic_load(&p.through), 2 * p.runs);
    CHECK_INT(atomic_load(&p.indexes), p.runs);
    CHECK_INT(pyt_barrier_n_waiting(&p.barrier), 0);
    PARKED_BARRIER(&p.barrier, 0);
    CHECK_STATUS(pyt_barrier_reset(&p.barrier), PYT_OK);
    check_usable(&p);
}
