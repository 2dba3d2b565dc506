/* The library as the suite has it: with memory and faults of the tests, and the functions that look
 * inside. This file is compiled as C or as C++; the rest of the suite is C. */
#include "test.h"

#define PYTHREADING_MALLOC(size) test_malloc(size)
#define PYTHREADING_FREE(pointer) test_free(pointer)
#define PYT__FAULT(name) test_fault(name)
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

size_t test_parked(const void *address) {
    return pyt__park_count(address);
}

pyt_status test_park(const void *address, bool (*validate)(void *object), void *object,
                     double seconds, unsigned *token) {
    int64_t deadline = seconds < 0 ? PYT__FOREVER : pyt__deadline(seconds);
    pyt_status status = pyt__park(address, validate, object, deadline, false);
    if (status == PYT_OK) {
        *token = pyt__me.pyt__parker->token;
    }
    return status;
}

void test_unpark_all(const void *address, unsigned token) {
    pyt__unpark_all(address, token);
}

bool test_unpark_oldest(const void *address, unsigned token) {
    bool more;
    pyt__parker *oldest = pyt__waitq_dequeue(address, token, &more);
    if (oldest != NULL) {
        pyt__unpark(oldest);
    }
    return oldest != NULL;
}

pyt_lock *test_start_lock(pyt_thread *thread) {
    return &thread->join_lock;
}

pyt_lock *test_cache_lock(pyt_executor *executor) {
    return &executor->in_lock;
}

pyt_lock *test_worker_lock(pyt_executor *executor) {
    return &executor->out_lock;
}

pyt_lock *test_list_lock(int i) {
    static pyt_lock *const locks[] = {&pyt__executors_lock, &pyt__timers_lock, &pyt__registry_lock,
                                      &pyt__locals_lock, NULL};
    return locks[i];
}

#if defined(PYTHREADING_DUMMY)
bool test_next_timer_is_the_earliest(void) {
    return true; /* none waits beside another */
}
#else
bool test_next_timer_is_the_earliest(void) {
    bool right = true;
    CHECK_STATUS(pyt_lock_acquire(&pyt__timers_lock), PYT_OK);
    for (uint32_t i = 1; i < pyt__timers_count; i++) {
        right = right && pyt__timers_heap[0]->when.deadline <= pyt__timers_heap[i]->when.deadline;
    }
    CHECK_STATUS(pyt_lock_release(&pyt__timers_lock), PYT_OK);
    return right;
}
#endif

bool test_same_bucket(const void *one, const void *other) {
    return pyt__shared_get() != NULL && pyt__bucket_of(one) == pyt__bucket_of(other);
}

void test_claim(pyt_future *future) {
    CHECK(pyt__future_claim(future) <= PYT__FUTURE_RUNNING);
}

void test_complete_half(pyt_future *future, bool takes_out) {
    test_claim(future);
    pyt__bucket *bucket = pyt__bucket_lock(future);
    uint32_t word = PYT__LOAD(&future->word, relaxed) & ~(PYT__FUTURE_PHASE | PYT__FUTURE_WATCHED);
    PYT__STORE(&future->word, word | PYT__FUTURE_FINISHED, release);
    if (takes_out) {
        PYT__STORE(&future->observers, NULL, relaxed);
    }
    pyt__bucket_unlock(bucket);
}

bool test_is_watched(pyt_future *future) {
    pyt__bucket *bucket = pyt__bucket_lock(future);
    bool watched = PYT__LOAD(&future->observers, relaxed) != NULL;
    pyt__bucket_unlock(bucket);
    return watched;
}

int64_t test_backoff(void) {
    const pyt__parker *parker = pyt__me.pyt__parker;
    if (parker == NULL) {
        return 0;
    }
    const pyt__backoffs *backoffs = &parker->backoffs;
    return backoffs->spinning.pause + backoffs->yielding.pause + backoffs->locking.pause;
}

/* What threads that wait at `address` know of its yields. */
static pyt__spin_wait test_spin_wait(const void *address) {
    pyt__bucket *bucket = pyt__bucket_of(address);
    return pyt__parker_wait(pyt__me.pyt__parker, bucket, PYT__FOREVER, true);
}

int64_t test_lose_yield(const void *address, int64_t nanoseconds) {
    pyt__spin_wait wait = test_spin_wait(address);
    pyt__yields yields = pyt__yields_allowed(&wait);
    int64_t before = pyt__os_now();
    yields.lost = nanoseconds;
    pyt__yields_learn(&yields);
    return before;
}

bool test_may_yield(const void *address, int64_t now) {
    pyt__spin_wait wait = test_spin_wait(address);
    uint32_t from = PYT__LOAD(wait.yields_from, relaxed);
    return from == 0 || !pyt__yields_repaying(&wait, now, from);
}
