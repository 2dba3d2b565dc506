/* Futures completed by hand, wait and as_completed. */
#define _GNU_SOURCE
#include <math.h>
#include <stdatomic.h>

#include "test.h"

static pyt_future *made(void) {
    pyt_future *future = NULL;
    CHECK_STATUS(pyt_future_new(&future), PYT_OK);
    return future;
}

static pyt_future *finished(void *value) {
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_set_result(future, value), PYT_OK);
    return future;
}

static pyt_future *failed(int code, const char *message) {
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_set_exception(future, code, message), PYT_OK);
    return future;
}

static pyt_future *cancelled(void) {
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    return future;
}

static char value[4];

/* ---- states --------------------------------------------------------------------------------- */

TEST(a_new_future_is_pending) {
    pyt_future *future = made();
    CHECK(!pyt_future_done(future));
    CHECK(!pyt_future_running(future));
    CHECK(!pyt_future_cancelled(future));
    CHECK_STATUS(pyt_future_result_timeout(future, 0, NULL), PYT_TIMEOUT);
    pyt_future_unref(future);
}

TEST(a_result_is_given_as_often_as_asked_for) {
    pyt_future *future = finished(&value[1]);
    CHECK(pyt_future_done(future));
    CHECK(!pyt_future_running(future));
    CHECK(!pyt_future_cancelled(future));
    for (int i = 0; i < 3; i++) {
        void *result = NULL;
        CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
        CHECK(result == &value[1]);
        CHECK_STATUS(pyt_future_result_timeout(future, -1, &result), PYT_OK);
    }
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    pyt_future_unref(future);
}

TEST(an_exception_is_reported_with_code_and_message) {
    pyt_future *future = failed(7, "no luck");
    pyt_exception exception;
    void *result = &value[2];
    CHECK_STATUS(pyt_future_result(future, &result), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "no luck");
    CHECK(result == &value[2]);
    CHECK_STATUS(pyt_future_exception(future, &exception), PYT_OK);
    CHECK_INT(exception.status, PYT_TASK_ERROR);
    CHECK_INT(exception.code, 7);
    CHECK_STR(exception.message, "no luck");
    CHECK_STATUS(pyt_future_exception(future, NULL), PYT_OK);
    pyt_future_unref(future);
    future = failed(0, NULL);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), pyt_strerror(PYT_TASK_ERROR)); /* never an empty one */
    pyt_future_unref(future);
}

TEST(a_finished_future_has_no_exception) {
    pyt_future *future = finished(NULL);
    pyt_exception exception = {PYT_TIMEOUT, 5, "x"};
    CHECK_STATUS(pyt_future_exception(future, &exception), PYT_OK);
    CHECK_INT(exception.status, PYT_OK);
    CHECK_INT(exception.code, 0);
    CHECK_STR(exception.message, "");
    CHECK_STATUS(pyt_future_exception_timeout(future, 0, &exception), PYT_OK);
    pyt_future_unref(future);
}

TEST(a_cancelled_future_is_done_without_a_result) {
    pyt_future *future = cancelled();
    CHECK(pyt_future_done(future));
    CHECK(pyt_future_cancelled(future));
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_future_exception(future, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_set_exception(future, 1, "x"), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_CANCELLED);
    CHECK(pyt_future_cancelled(future));
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_RUNTIME_ERROR);
    pyt_future_unref(future);
}

TEST(a_running_future_is_not_cancelled) {
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_OK);
    CHECK(pyt_future_running(future));
    CHECK(!pyt_future_done(future));
    CHECK_STATUS(pyt_future_cancel(future), PYT_INVALID_STATE);
    CHECK(!pyt_future_cancelled(future));
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK(!pyt_future_running(future));
    pyt_future_unref(future);
}

TEST(a_finished_future_is_neither_completed_again_nor_cancelled_nor_started) {
    pyt_future *futures[] = {finished(&value[1]), failed(1, "first")};
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_future_set_result(futures[i], NULL), PYT_INVALID_STATE);
        CHECK_STATUS(pyt_future_set_exception(futures[i], 2, "x"), PYT_INVALID_STATE);
        CHECK_STATUS(pyt_future_cancel(futures[i]), PYT_INVALID_STATE);
        CHECK_STATUS(pyt_future_set_running_or_notify_cancel(futures[i]), PYT_RUNTIME_ERROR);
    }
    CHECK_STATUS(pyt_future_result(futures[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_future_result(futures[1], NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "first");
    pyt_future_unref(futures[0]);
    pyt_future_unref(futures[1]);
}

TEST(null_and_bad_timeouts_are_refused_by_futures) {
    pyt_future *future = finished(NULL);
    CHECK_STATUS(pyt_future_new(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_cancel(NULL), PYT_VALUE_ERROR);
    CHECK(!pyt_future_cancelled(NULL));
    CHECK(!pyt_future_running(NULL));
    CHECK(!pyt_future_done(NULL));
    CHECK_STATUS(pyt_future_result(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_result_timeout(NULL, 1, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_exception(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_exception_timeout(NULL, 1, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_add_done_callback(NULL, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_add_done_callback(future, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_set_result(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_set_exception(NULL, 0, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_result_timeout(future, (double)NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_result_timeout(future, (double)INFINITY, NULL), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_future_exception_timeout(future, (double)NAN, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_future_exception_timeout(future, 1e30, NULL), PYT_OVERFLOW_ERROR);
    CHECK(pyt_future_ref(NULL) == NULL);
    pyt_future_unref(NULL);
    pyt_future_unref(future);
}

TEST(references_are_counted) {
    long before = test_live_allocations();
    pyt_future *future = made();
    for (int i = 0; i < 5; i++) {
        CHECK(pyt_future_ref(future) == future);
    }
    CHECK_INT(test_live_allocations(), before + 1);
    for (int i = 0; i < 6; i++) {
        pyt_future_unref(future);
    }
    CHECK_INT(test_live_allocations(), before);
}

/* ---- waiting -------------------------------------------------------------------------------- */

struct waiting {
    pyt_future *future;
    pyt_status status;
    void *result;
};

static void *wait_for_result(void *arg) {
    struct waiting *waiting = arg;
    waiting->status = pyt_future_result(waiting->future, &waiting->result);
    return NULL;
}

TEST(all_who_wait_for_a_future_get_its_result, NEEDS_THREADS) {
    struct waiting waiting[5];
    pyt_thread *threads[5];
    pyt_future *future = made();
    for (int i = 0; i < 5; i++) {
        waiting[i] = (struct waiting){future, PYT_TIMEOUT, NULL};
        threads[i] = test_thread(wait_for_result, &waiting[i]);
    }
    test_wait_parked(future, 5);
    CHECK_STATUS(pyt_future_set_result(future, &value[3]), PYT_OK);
    for (int i = 0; i < 5; i++) {
        test_join(threads[i]);
        CHECK_STATUS(waiting[i].status, PYT_OK);
        CHECK(waiting[i].result == &value[3]);
    }
    pyt_future_unref(future);
}

TEST(who_waits_is_woken_by_cancel_and_by_a_failure, NEEDS_THREADS) {
    for (int i = 0; i < 2; i++) {
        struct waiting waiting = {made(), PYT_TIMEOUT, NULL};
        pyt_thread *thread = test_thread(wait_for_result, &waiting);
        test_wait_parked(waiting.future, 1);
        CHECK_STATUS(i == 0 ? pyt_future_cancel(waiting.future)
                            : pyt_future_set_exception(waiting.future, 1, "x"),
                     PYT_OK);
        test_join(thread);
        CHECK_STATUS(waiting.status, i == 0 ? PYT_CANCELLED : PYT_TASK_ERROR);
        pyt_future_unref(waiting.future);
    }
}

TEST(a_result_that_does_not_come_times_out) {
    pyt_future *future = made();
    double begin = test_now();
    CHECK_STATUS(pyt_future_result_timeout(future, 0.05, NULL), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - begin, 0.05, 5);
    begin = test_now();
    CHECK_STATUS(pyt_future_exception_timeout(future, 0.05, NULL), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - begin, 0.05, 5);
    CHECK_STATUS(pyt_future_result_timeout(future, -5, NULL), PYT_TIMEOUT);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_result_timeout(future, 0.05, NULL), PYT_OK);
    pyt_future_unref(future);
}

static void *interrupt_who_waits(void *arg) {
    test_wait_parked(arg, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return NULL;
}

TEST(waiting_for_a_future_can_be_interrupted, NEEDS_THREADS) {
    pyt_future *future = made();
    pyt_thread *thread = test_thread(interrupt_who_waits, future);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_INTERRUPTED);
    test_join(thread);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    pyt_future_unref(future);
}

TEST(wait_and_as_completed_can_be_interrupted) {
    pyt_future *future = made();
    pyt_future *found = NULL;
    pyt_as_completed iterator;
    pyt_interrupt_main();
    CHECK_STATUS(pyt_wait(&future, 1, PYT_ALL_COMPLETED, NULL, NULL), PYT_INTERRUPTED);
    CHECK_STATUS(pyt_as_completed_init(&iterator, &future, 1), PYT_OK);
    pyt_interrupt_main();
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_INTERRUPTED);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK(found == future);
    pyt_as_completed_destroy(&iterator);
    pyt_future_unref(future);
}

/* ---- callbacks ------------------------------------------------------------------------------ */

static char trail[32];

static void leave_letter(pyt_future *future, void *arg) {
    size_t length = strlen(trail);
    CHECK(pyt_future_done(future));
    trail[length] = *(const char *)arg;
    trail[length + 1] = '\0';
}

TEST(callbacks_are_called_in_the_order_they_were_added) {
    pyt_future *future = made();
    trail[0] = '\0';
    for (const char *letter = "abcdef"; *letter != '\0'; letter++) {
        CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, (void *)(uintptr_t)letter),
                     PYT_OK);
    }
    CHECK_STR(trail, "");
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STR(trail, "abcdef");
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "g"), PYT_OK);
    CHECK_STR(trail, "abcdefg");
    pyt_future_unref(future);
}

TEST(callbacks_are_called_once_by_cancel_and_by_a_failure) {
    trail[0] = '\0';
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "c"), PYT_OK);
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    CHECK_STATUS(pyt_future_cancel(future), PYT_OK);
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(future), PYT_CANCELLED);
    CHECK_STR(trail, "c");
    pyt_future_unref(future);
    future = made();
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "f"), PYT_OK);
    CHECK_STATUS(pyt_future_set_exception(future, 1, "x"), PYT_OK);
    CHECK_STR(trail, "cf");
    pyt_future_unref(future);
}

static void raise_letter(pyt_future *future, void *arg) {
    leave_letter(future, arg);
    pyt_raise(3, "callback");
}

static atomic_int reports;

static void count_report(const pyt_excepthook_args *args) {
    CHECK_INT(args->code, 3);
    CHECK_STR(args->message, "callback");
    atomic_fetch_add(&reports, 1);
}

TEST(a_callback_that_raises_is_reported_and_does_not_stop_the_others) {
    pyt_future *future = made();
    trail[0] = '\0';
    pyt_set_excepthook(count_report);
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "a"), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, raise_letter, "b"), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "c"), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, raise_letter, "d"), PYT_OK);
    CHECK_STR(trail, "abcd");
    CHECK_INT(reports, 2);
    pyt_future_unref(future);
}

static void add_another(pyt_future *future, void *arg) {
    leave_letter(future, "x");
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, arg), PYT_OK);
}

TEST(a_callback_may_use_its_future) {
    pyt_future *future = made();
    trail[0] = '\0';
    CHECK_STATUS(pyt_future_add_done_callback(future, add_another, "y"), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(future, NULL), PYT_OK);
    CHECK_STR(trail, "xy");
    pyt_future_unref(future);
}

static pyt_ident callback_ident;

static void note_ident(pyt_future *future, void *arg) {
    (void)future, (void)arg;
    callback_ident = pyt_get_ident();
}

static void *complete(void *arg) {
    CHECK_STATUS(pyt_future_set_result(arg, NULL), PYT_OK);
    CHECK(callback_ident == pyt_get_ident());
    return NULL;
}

TEST(callbacks_are_called_in_the_completing_thread) {
    pyt_future *future = made();
    CHECK_STATUS(pyt_future_add_done_callback(future, note_ident, NULL), PYT_OK);
    test_join(test_thread(complete, future));
    CHECK(callback_ident != 0 && callback_ident != pyt_get_ident());
    pyt_future_unref(future);
}

TEST(callbacks_of_a_future_that_is_dropped_uncompleted_are_freed) {
    long before = test_live_allocations();
    pyt_future *future = made();
    trail[0] = '\0';
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "a"), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "b"), PYT_OK);
    pyt_future_unref(future);
    CHECK_STR(trail, "");
    CHECK(test_live_allocations() <= before + 3); /* what the thread's first use makes stays */
    before = test_live_allocations();
    future = made();
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_letter, "a"), PYT_OK);
    pyt_future_unref(future);
    CHECK_INT(test_live_allocations(), before);
}

/* ---- wait ----------------------------------------------------------------------------------- */

TEST(wait_for_nothing_returns_at_once) {
    size_t n = 9;
    for (int when = PYT_ALL_COMPLETED; when <= PYT_FIRST_EXCEPTION; when++) {
        CHECK_STATUS(pyt_wait(NULL, 0, (pyt_return_when)when, NULL, &n), PYT_OK);
        CHECK_INT(n, 0);
    }
}

TEST(wait_refuses_bad_arguments) {
    pyt_future *futures[] = {finished(NULL), NULL};
    CHECK_STATUS(pyt_wait(NULL, 1, PYT_ALL_COMPLETED, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_wait(futures, 2, PYT_ALL_COMPLETED, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_wait(futures, 1, (pyt_return_when)3, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_wait_timeout(futures, 1, (double)NAN, PYT_ALL_COMPLETED, NULL, NULL),
                 PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_wait_timeout(futures, 1, 1e30, PYT_ALL_COMPLETED, NULL, NULL),
                 PYT_OVERFLOW_ERROR);
    pyt_future_unref(futures[0]);
}

TEST(wait_that_is_out_of_time_tells_what_is_done) {
    pyt_future *futures[] = {finished(NULL), made(), cancelled()};
    bool done[3] = {false, true, false};
    size_t n = 0;
    double begin = test_now();
    CHECK_STATUS(pyt_wait_timeout(futures, 3, 0.05, PYT_ALL_COMPLETED, done, &n), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - begin, 0.05, 5);
    CHECK_INT(n, 2);
    CHECK(done[0] && !done[1] && done[2]);
    CHECK_STATUS(pyt_wait_timeout(futures, 3, -1, PYT_FIRST_COMPLETED, done, &n), PYT_OK);
    CHECK_INT(n, 2);
    CHECK_STATUS(pyt_wait_timeout(&futures[1], 1, 0, PYT_FIRST_COMPLETED, done, &n), PYT_TIMEOUT);
    CHECK_INT(n, 0);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(futures[i]);
    }
}

enum {
    MANY = 1000
};

typedef struct last_one {
    pyt_future *futures[MANY];
    double when;
    pyt_event go;
} last_one;

static void *complete_in_time(void *arg) {
    last_one *all = arg;
    CHECK_STATUS(pyt_event_wait(&all->go), PYT_OK);
    test_run_until(all->when);
    CHECK_STATUS(pyt_future_set_result(all->futures[MANY - 1], NULL), PYT_OK);
    return NULL;
}

static bool meet_the_timeout(void *arg, double seconds, double delay) {
    last_one *all = arg;
    size_t n = 0;
    all->futures[MANY - 1] = made();
    CHECK_STATUS(pyt_event_clear(&all->go), PYT_OK);
    pyt_thread *thread = test_thread(complete_in_time, all);
    all->when = test_now() + delay;
    CHECK_STATUS(pyt_event_set(&all->go), PYT_OK);
    pyt_status status = pyt_wait_timeout(all->futures, MANY, seconds, PYT_ALL_COMPLETED, NULL, &n);
    CHECK_STATUS(status, n == MANY ? PYT_OK : PYT_TIMEOUT);
    CHECK(n >= MANY - 1);
    test_join(thread);
    pyt_future_unref(all->futures[MANY - 1]);
    return status == PYT_OK;
}

TEST(wait_says_out_of_time_only_if_the_last_future_did_not_end_in_that_moment, NEEDS_THREADS) {
    static last_one all;
    int won;
    for (int i = 0; i < MANY - 1; i++) {
        all.futures[i] = finished(NULL);
    }
    test_meet(meet_the_timeout, &all, 0.002, test_scale(400), &won);
    for (int i = 0; i < MANY - 1; i++) {
        pyt_future_unref(all.futures[i]);
    }
}

TEST(a_future_given_twice_counts_once) {
    pyt_future *one = finished(NULL), *other = made();
    pyt_future *futures[] = {one, other, one, other, one};
    bool done[5] = {false};
    size_t n = 0;
    CHECK_STATUS(pyt_wait_timeout(futures, 5, 0, PYT_ALL_COMPLETED, done, &n), PYT_TIMEOUT);
    CHECK_INT(n, 1);
    CHECK(done[0] && !done[1] && done[2] && !done[3] && done[4]);
    CHECK_STATUS(pyt_future_set_result(other, NULL), PYT_OK);
    CHECK_STATUS(pyt_wait(futures, 5, PYT_ALL_COMPLETED, done, &n), PYT_OK);
    CHECK_INT(n, 2);
    pyt_future_unref(one);
    pyt_future_unref(other);
}

TEST(cancellation_is_no_exception_to_wait_for) {
    pyt_future *futures[] = {cancelled(), finished(NULL), made(), made()};
    CHECK_STATUS(pyt_wait_timeout(futures, 4, 0, PYT_FIRST_EXCEPTION, NULL, NULL), PYT_TIMEOUT);
    CHECK_STATUS(pyt_future_set_exception(futures[2], 1, "x"), PYT_OK);
    CHECK_STATUS(pyt_wait(futures, 4, PYT_FIRST_EXCEPTION, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_wait(futures, 2, PYT_FIRST_EXCEPTION, NULL, NULL), PYT_OK);
    for (int i = 0; i < 4; i++) {
        pyt_future_unref(futures[i]);
    }
}

struct team {
    pyt_future *futures[8];
    pyt_return_when return_when;
    size_t n_done;
    pyt_status status;
    pyt_event begun, over;
};

static void *wait_for_team(void *arg) {
    struct team *team = arg;
    pyt_event_set(&team->begun);
    team->status = pyt_wait(team->futures, 8, team->return_when, NULL, &team->n_done);
    pyt_event_set(&team->over);
    return NULL;
}

/* Complete the futures one by one until who waits for them comes back; it must be after `n`. */
static void complete_until_over(struct team *team, int n, int fails) {
    pyt_thread *thread = test_thread(wait_for_team, team);
    pyt_event_wait(&team->begun);
    for (int i = 0; i < n; i++) {
        CHECK(!pyt_event_is_set(&team->over));
        CHECK_STATUS(i == fails ? pyt_future_set_exception(team->futures[i], 1, "x")
                                : pyt_future_set_result(team->futures[i], NULL),
                     PYT_OK);
    }
    test_join(thread);
    CHECK_STATUS(team->status, PYT_OK);
    CHECK_INT(team->n_done, n);
    for (int i = 0; i < 8; i++) {
        pyt_future_unref(team->futures[i]);
    }
}

static void run_team(pyt_return_when return_when, int n, int fails) {
    struct team team = {.return_when = return_when};
    for (int i = 0; i < 8; i++) {
        team.futures[i] = made();
    }
    complete_until_over(&team, n, fails);
}

TEST(wait_ends_with_the_first_the_last_or_the_first_that_fails, NEEDS_THREADS) {
    for (int round = test_scale(50); round > 0; round--) {
        run_team(PYT_FIRST_COMPLETED, 1, -1);
        run_team(PYT_FIRST_COMPLETED, 1, 0);
        run_team(PYT_ALL_COMPLETED, 8, 3);
        run_team(PYT_FIRST_EXCEPTION, 8, -1);
        run_team(PYT_FIRST_EXCEPTION, 4, 3);
    }
}

TEST(many_may_wait_for_the_same_futures_and_leave_in_time, NEEDS_THREADS) {
    enum {
        WAITERS = 4
    };
    struct team teams[WAITERS] = {0};
    pyt_thread *threads[WAITERS];
    pyt_future *futures[8];
    for (int i = 0; i < 8; i++) {
        futures[i] = made();
    }
    for (int t = 0; t < WAITERS; t++) {
        memcpy(teams[t].futures, futures, sizeof futures);
        threads[t] = test_thread(wait_for_team, &teams[t]);
    }
    for (int i = 0; i < 100; i++) {
        CHECK_STATUS(pyt_wait_timeout(futures, 8, 1e-5, PYT_FIRST_COMPLETED, NULL, NULL),
                     PYT_TIMEOUT);
    }
    for (int i = 0; i < 8; i++) {
        CHECK_STATUS(pyt_future_cancel(futures[i]), PYT_OK);
    }
    for (int t = 0; t < WAITERS; t++) {
        test_join(threads[t]);
        CHECK_STATUS(teams[t].status, PYT_OK);
        CHECK_INT(teams[t].n_done, 8);
    }
    for (int i = 0; i < 8; i++) {
        pyt_future_unref(futures[i]);
    }
}

/* ---- as_completed --------------------------------------------------------------------------- */

TEST(as_completed_gives_the_done_first_then_in_order_of_completion) {
    pyt_future *futures[] = {made(), finished(NULL), made(), cancelled(), made(), made()};
    const int order[] = {1, 3, 4, 0, 5, 2};
    pyt_as_completed iterator;
    pyt_future *found;
    CHECK_STATUS(pyt_as_completed_init(&iterator, futures, 6), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(futures[4], NULL), PYT_OK);
    CHECK_STATUS(pyt_future_set_exception(futures[0], 1, "x"), PYT_OK);
    for (int i = 0; i < 6; i++) {
        CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
        CHECK(found == futures[order[i]]);
        if (i == 3) {
            CHECK_STATUS(pyt_future_cancel(futures[5]), PYT_OK);
            CHECK_STATUS(pyt_future_set_result(futures[2], NULL), PYT_OK);
        }
    }
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_QUEUE_EMPTY);
    CHECK(found == NULL);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&iterator);
    for (int i = 0; i < 6; i++) {
        pyt_future_unref(futures[i]);
    }
}

TEST(as_completed_gives_a_future_once_and_holds_it) {
    long before;
    pyt_as_completed iterator;
    pyt_future *found;
    pyt_future *warm = finished(NULL);
    CHECK_STATUS(pyt_as_completed_init(&iterator, &warm, 1), PYT_OK);
    pyt_as_completed_destroy(&iterator);
    pyt_future_unref(warm);
    before = test_live_allocations();
    pyt_future *one = finished(&value[2]);
    pyt_future *futures[] = {one, one, one};
    CHECK_STATUS(pyt_as_completed_init(&iterator, futures, 3), PYT_OK);
    pyt_future_unref(one);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK_STATUS(pyt_future_result(found, NULL), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&iterator);
    CHECK_INT(test_live_allocations(), before);
}

TEST(as_completed_that_is_out_of_time_says_how_many_are_unfinished) {
    pyt_future *futures[] = {made(), finished(NULL), made()};
    pyt_as_completed iterator;
    pyt_future *found;
    double begin = test_now();
    CHECK_STATUS(pyt_as_completed_init_timeout(&iterator, futures, 3, 0.05), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - begin, 0.05, 5);
    CHECK_STR(pyt_error_message(), "2 (of 3) futures unfinished");
    CHECK_STATUS(pyt_future_set_result(futures[2], NULL), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK(found == futures[2]);
    pyt_as_completed_destroy(&iterator);
    CHECK_STATUS(pyt_as_completed_init_timeout(&iterator, futures, 3, 0), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_TIMEOUT);
    CHECK_STR(pyt_error_message(), "1 (of 3) futures unfinished");
    pyt_as_completed_destroy(&iterator);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(futures[i]);
    }
}

TEST(as_completed_refuses_bad_arguments) {
    pyt_as_completed iterator = {NULL};
    pyt_future *found;
    pyt_future *none = NULL;
    CHECK_STATUS(pyt_as_completed_init(NULL, NULL, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_init(&iterator, NULL, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_init(&iterator, &none, 1), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_init_timeout(&iterator, NULL, 0, (double)NAN), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_init_timeout(&iterator, NULL, 0, 1e30), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_as_completed_next(NULL, &found), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_init(&iterator, NULL, 0), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &found), PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&iterator);
    pyt_as_completed_destroy(&iterator);
    pyt_as_completed_destroy(NULL);
}

/* ---- stress --------------------------------------------------------------------------------- */

enum {
    CROWD = 4,
    FUTURES = 64
};

struct crowd {
    pyt_future *futures[FUTURES];
    atomic_int completions, cancellations, callbacks, given;
};

static void count_callback(pyt_future *future, void *arg) {
    CHECK(pyt_future_done(future));
    atomic_fetch_add(&((struct crowd *)arg)->callbacks, 1);
}

static void *complete_some(void *arg) {
    struct crowd *crowd = arg;
    unsigned luck = (unsigned)pyt_get_native_id();
    for (int i = 0; i < FUTURES; i++) {
        luck = luck * 1103515245 + 12345;
        pyt_future *future = crowd->futures[i];
        CHECK_STATUS(pyt_future_add_done_callback(future, count_callback, crowd), PYT_OK);
        if (luck & 0x10000) {
            pyt_status status = luck & 0x20000 ? pyt_future_set_result(future, future)
                                               : pyt_future_set_exception(future, i, "x");
            atomic_fetch_add(&crowd->completions, status == PYT_OK);
        } else {
            bool before = pyt_future_cancelled(future);
            pyt_status status = pyt_future_cancel(future);
            CHECK(!before || status == PYT_OK);
        }
        if (luck & 0x40000) {
            test_yield();
        }
    }
    return NULL;
}

static void *iterate_over_all(void *arg) {
    struct crowd *crowd = arg;
    pyt_as_completed iterator;
    pyt_future *found;
    CHECK_STATUS(pyt_as_completed_init(&iterator, crowd->futures, FUTURES), PYT_OK);
    pyt_status status = pyt_as_completed_next(&iterator, &found);
    while (status == PYT_OK) {
        CHECK(pyt_future_done(found));
        atomic_fetch_add(&crowd->given, 1);
        status = pyt_as_completed_next(&iterator, &found);
    }
    CHECK_STATUS(status, PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&iterator);
    return NULL;
}

static void *wait_for_all(void *arg) {
    struct crowd *crowd = arg;
    size_t n;
    pyt_status status;
    do {
        status = pyt_wait_timeout(crowd->futures, FUTURES, 1e-4, PYT_ALL_COMPLETED, NULL, &n);
    } while (status == PYT_TIMEOUT);
    CHECK_STATUS(status, PYT_OK);
    CHECK_INT(n, FUTURES);
    for (int i = 0; i < FUTURES; i++) {
        CHECK(pyt_future_result(crowd->futures[i], NULL) != PYT_TIMEOUT);
    }
    return NULL;
}

TEST(whoever_races_to_complete_a_future_one_wins_and_all_are_told, NEEDS_THREADS) {
    static struct crowd crowd;
    for (int round = test_scale(60); round > 0; round--) {
        pyt_thread *threads[CROWD + 2];
        memset(&crowd, 0, sizeof crowd);
        for (int i = 0; i < FUTURES; i++) {
            crowd.futures[i] = made();
        }
        threads[CROWD] = test_thread(iterate_over_all, &crowd);
        threads[CROWD + 1] = test_thread(wait_for_all, &crowd);
        for (int i = 0; i < CROWD; i++) {
            threads[i] = test_thread(complete_some, &crowd);
        }
        for (int i = 0; i < CROWD + 2; i++) {
            test_join(threads[i]);
        }
        int over = 0;
        for (int i = 0; i < FUTURES; i++) {
            over += pyt_future_cancelled(crowd.futures[i]);
            pyt_future_unref(crowd.futures[i]);
        }
        CHECK_INT(over + crowd.completions, FUTURES);
        CHECK_INT(crowd.callbacks, CROWD * FUTURES);
        CHECK_INT(crowd.given, FUTURES);
    }
}

TEST(as_completed_tells_the_place_of_what_it_gave) {
    pyt_future *f[4];
    pyt_future *given;
    pyt_as_completed iterator;
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_future_new(&f[i]), PYT_OK);
    }
    f[3] = f[1];
    CHECK_STATUS(pyt_as_completed_init(&iterator, f, 4), PYT_OK);
    CHECK(pyt_as_completed_index(&iterator) == SIZE_MAX);
    CHECK(pyt_as_completed_index(NULL) == SIZE_MAX);
    static const int order[] = {2, 1, 0};
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_future_set_result(f[order[i]], NULL), PYT_OK);
        CHECK_STATUS(pyt_as_completed_next(&iterator, &given), PYT_OK);
        CHECK(given == f[order[i]]);
        CHECK_INT(pyt_as_completed_index(&iterator), order[i]);
    }
    pyt_as_completed_destroy(&iterator);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(f[i]);
    }
}

/* 2^24 references and 16 more are too many for the word: it stays where it is, and so does the
 * future. */
TEST(a_future_with_too_many_references_is_kept, NOT_UNDER_HELGRIND | NOT_SIMULATED,
     "it is about numbers: millions of steps of few threads") {
    static pyt_future *f; /* for LeakSanitizer: it is never freed */
    CHECK_STATUS(pyt_future_new(&f), PYT_OK);
    for (long i = 0; i < 16777232; i++) {
        (void)pyt_future_ref(f);
    }
    CHECK(!pyt_future_done(f));
    CHECK_STATUS(pyt_future_set_result(f, f), PYT_OK);
    for (long i = 0; i < 16777232; i++) {
        pyt_future_unref(f);
    }
    pyt_future_unref(f);
    CHECK(pyt_future_done(f));
}

TEST(a_failure_without_a_message_has_the_sentence_of_its_status) {
    pyt_future *f;
    CHECK_STATUS(pyt_future_new(&f), PYT_OK);
    CHECK_STATUS(pyt_future_set_exception(f, 1, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_result(f, NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), pyt_strerror(PYT_TASK_ERROR));
    pyt_future_unref(f);
}

/* ---- chains of callbacks ---- */

enum {
    LINKS = 100000
};

static long links_called;

static void complete_next(pyt_future *future, void *next) {
    (void)future;
    links_called++;
    CHECK_STATUS(pyt_future_set_result(next, NULL), PYT_OK);
}

static void count_up_from(pyt_future *future, void *expected) {
    (void)future;
    CHECK_INT(links_called, LINKS + *(int *)expected);
    links_called++;
}

TEST(a_long_chain_of_futures_completed_by_callbacks_needs_little_stack,
     NOT_UNDER_HELGRIND | NOT_SIMULATED, "it is about numbers: millions of steps of few threads") {
    pyt_future **links = malloc((LINKS + 1) * sizeof(pyt_future *));
    static int order[] = {0, 1, 2};
    CHECK(links != NULL);
    for (int i = 0; i <= LINKS; i++) {
        CHECK_STATUS(pyt_future_new(&links[i]), PYT_OK);
    }
    for (int i = 0; i < LINKS; i++) {
        CHECK_STATUS(pyt_future_add_done_callback(links[i], complete_next, links[i + 1]), PYT_OK);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_future_add_done_callback(links[LINKS], count_up_from, &order[i]), PYT_OK);
    }
    CHECK_STATUS(pyt_future_set_result(links[0], NULL), PYT_OK);
    CHECK_INT(links_called, LINKS + 3);
    for (int i = 0; i <= LINKS; i++) {
        CHECK(pyt_future_done(links[i]));
        pyt_future_unref(links[i]);
    }
    free(links);
}

static void complete_and_unref(pyt_future *future, void *next) {
    (void)future;
    links_called++;
    CHECK_STATUS(pyt_future_set_result(next, NULL), PYT_OK);
    pyt_future_unref(next);
}

TEST_ALONE(a_deferred_callback_keeps_its_future) {
    pyt_future *first, *next;
    enum {
        count = 100
    };
    CHECK_STATUS(pyt_future_new(&first), PYT_OK);
    pyt_future *future = pyt_future_ref(first);
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_future_new(&next), PYT_OK);
        CHECK_STATUS(pyt_future_add_done_callback(future, complete_and_unref, next), PYT_OK);
        future = next;
    }
    CHECK_STATUS(pyt_future_set_result(first, NULL), PYT_OK);
    CHECK_INT(links_called, count);
    pyt_future_unref(first);
    pyt_future_unref(first);
}
