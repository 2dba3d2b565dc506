/* How waiting threads stay awake: what they learn from it, and how that is forgotten. */
#include "test.h"

static pyt_event never;

/* Wait in vain, so that every way of staying awake fails each time. */
static void wait_in_vain(int times) {
    for (int i = 0; i < times; i++) {
        CHECK_STATUS(pyt_event_wait_timeout(&never, 0.002), PYT_TIMEOUT);
    }
}

static void *learn(void *arg) {
    wait_in_vain(3);
    *(int64_t *)arg = test_backoff();
    return NULL;
}

static void *begin(void *arg) {
    (void)pyt_current_thread();
    *(int64_t *)arg = test_backoff();
    return NULL;
}

TEST(a_new_thread_inherits_nothing_of_what_ended_ones_have_learnt, NEEDS_PROCESSORS | NOT_SIMULATED,
     "nobody stays awake there") {
    for (int i = 0; i < 20; i++) {
        int64_t learnt = -1;
        int64_t inherited = -1;
        test_join(test_thread(learn, &learnt));
        CHECK(learnt > 0);
        test_join(test_thread(begin, &inherited));
        CHECK(inherited == 0);
    }
}

TEST(after_waits_in_vain_staying_awake_is_left_out_for_five_milliseconds_at_most,
     NEEDS_PROCESSORS | NOT_SIMULATED, "nobody stays awake there") {
    wait_in_vain(30);
    CHECK(test_backoff() > 0);
    CHECK(test_backoff() <= 3 * 5000000);
}

TEST(a_long_yield_is_repaid_after_thirty_two_times_as_long) {
    pyt_event event = PYT_EVENT_INIT;
    wait_in_vain(1);
    int64_t lost = test_lose_yield(&event, 2000000);
    CHECK(!test_may_yield(&event, lost));
    CHECK(!test_may_yield(&event, lost + 60000000));
    CHECK(test_may_yield(&event, lost + 10000000000));
    CHECK(test_may_yield(&event, lost));
}

TEST(however_long_a_yield_was_it_is_forgotten_after_a_quarter_of_a_second) {
    pyt_event event = PYT_EVENT_INIT;
    wait_in_vain(1);
    (void)test_lose_yield(&event, INT64_C(3600000000000));
    int64_t now = (int64_t)(test_now() * 1e9);
    CHECK(!test_may_yield(&event, now));
    CHECK(test_may_yield(&event, now + 250000000));
}

TEST(a_long_yield_on_one_object_is_no_debt_of_another, NEEDS_SOME_BUCKETS) {
    static pyt_event events[64];
    wait_in_vain(1);
    int64_t lost = test_lose_yield(&events[0], 2000000);
    int free_of_debt = 0;
    for (int i = 1; i < 64; i++) {
        free_of_debt += test_may_yield(&events[i], lost);
    }
    CHECK(free_of_debt > 56); /* a few may share the bucket */
}
