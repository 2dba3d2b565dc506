/* The table of waiting threads. */
#include "test.h"

/* How many of `n` addresses, each `stride` behind the other, share the bucket of the first. */
static int crowd(uintptr_t first, uintptr_t stride, int n) {
    int found = 1;
    for (int i = 1; i < n; i++) {
        found +=
            test_same_bucket((const void *)first, (const void *)(first + (uintptr_t)i * stride));
    }
    return found;
}

/* Objects of any size, each with a lock in it: with a thousand buckets two or three of 128 may
 * meet, and in the worst of many sizes some more, but not most of them. */
TEST(locks_in_objects_of_any_size_do_not_share_a_bucket, NEEDS_MANY_BUCKETS | NOT_SIMULATED,
     "buckets do not follow from addresses there") {
    for (uintptr_t stride = 8; stride < 400000; stride += (uintptr_t)(8 * test_slowness())) {
        CHECK(crowd(0x10000, stride, 128) < 24);
    }
    /* The multiples of the golden ratio come closest to themselves after this one of the range. */
    CHECK(crowd(0x10000, 259288, 128) < 24);
}

TEST(addresses_next_to_each_other_do_not_share_a_bucket, NEEDS_MANY_BUCKETS) {
    for (uintptr_t stride = 4; stride <= 1 << 20; stride *= 2) {
        CHECK(crowd(0x10000, stride, 512) < 16);
    }
}

/* ---- park and unpark ---- */

typedef struct spot {
    char place; /* its address is waited on */
    bool refuses;
    int asked; /* under the bucket lock */
} spot;

typedef struct visit {
    spot *spot;
    double seconds; /* below 0: for as long as it takes */
    unsigned token;
} visit;

static bool wanted(void *object) {
    spot *s = object;
    s->asked++;
    return !s->refuses;
}

static pyt_status park(void *object) {
    visit *w = object;
    return test_park(&w->spot->place, wanted, w->spot, w->seconds, &w->token);
}

TEST(a_wait_that_is_refused_returns_at_once) {
    spot s = {.refuses = true};
    visit w = {&s, -1, 0};
    CHECK_STATUS(park(&w), PYT_OK);
    CHECK_INT(s.asked, 1);
    CHECK_INT((int)test_parked(&s.place), 0);
}

TEST(a_wait_whose_time_is_up_is_in_no_queue) {
    spot s = {0};
    visit w = {&s, 0.01, 0};
    double start = test_now();
    CHECK_STATUS(park(&w), PYT_TIMEOUT);
    CHECK(test_now() - start >= 0.01);
    CHECK_INT((int)test_parked(&s.place), 0);
    CHECK(!test_unpark_oldest(&s.place, 1));
}

TEST(all_waiters_of_an_address_are_unparked_with_the_token_and_no_other, NEEDS_THREADS) {
    enum {
        N = 4
    };
    spot s = {0};
    spot other = {0};
    visit waits[N + 1];
    test_call calls[N + 1];
    for (int i = 0; i <= N; i++) {
        waits[i] = (visit){i < N ? &s : &other, -1, 0};
        test_begin(&calls[i], park, &waits[i]);
    }
    test_wait_parked(&s.place, N);
    test_wait_parked(&other.place, 1);
    test_unpark_all(&s.place, 7);
    for (int i = 0; i < N; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
        CHECK_INT((int)waits[i].token, 7);
    }
    CHECK_INT(s.asked, N);
    CHECK_INT((int)test_parked(&other.place), 1);
    test_unpark_all(&other.place, 8);
    CHECK_STATUS(test_end(&calls[N]), PYT_OK);
    CHECK_INT((int)waits[N].token, 8);
}

TEST(waiters_are_unparked_in_the_order_in_which_they_parked, NEEDS_THREADS) {
    enum {
        N = 4
    };
    spot s = {0};
    visit waits[N];
    test_call calls[N];
    for (int i = 0; i < N; i++) {
        waits[i] = (visit){&s, -1, 0};
        test_begin(&calls[i], park, &waits[i]);
        test_wait_parked(&s.place, (size_t)i + 1);
    }
    for (int i = 0; i < N; i++) {
        CHECK(test_unpark_oldest(&s.place, (unsigned)i + 1));
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
        CHECK_INT((int)waits[i].token, i + 1);
        CHECK_INT((int)test_parked(&s.place), N - 1 - i);
    }
    CHECK(!test_unpark_oldest(&s.place, 1));
}

/* The thread that unparks found a waiter, or the waiter's time was up: one of both. */
static bool meet(void *arg, double seconds, double delay) {
    (void)arg;
    spot s = {0};
    visit w = {&s, seconds, 0};
    test_call call;
    double start = test_now();
    test_begin(&call, park, &w);
    test_wait_settled(&call, 1, &s.place);
    while (test_now() < start + delay) {
    }
    bool found = test_unpark_oldest(&s.place, 5);
    CHECK_STATUS(test_end(&call), found ? PYT_OK : PYT_TIMEOUT);
    CHECK_INT((int)w.token, found ? 5 : 0);
    CHECK_INT((int)test_parked(&s.place), 0);
    return found;
}

TEST(a_timeout_that_meets_an_unpark_is_one_of_both, NEEDS_THREADS | NEEDS_REAL_TIME) {
    int won;
    test_meet(meet, NULL, 0.0005, test_scale(600), &won);
}
