/* The limit: the atomic operations and system calls that no implementation can do without. */
#include "loops.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef _Atomic(uint32_t) word;

static BENCH_ALIGNED word lock;
static BENCH_ALIGNED word semaphore;
static BENCH_ALIGNED word pong;
static bench_shared shared;

typedef struct barrier_words {
    word left;
    word generation;
    uint32_t parties;
} barrier_words;

static BENCH_ALIGNED barrier_words barrier;

static void sleep_while(word *address, uint32_t value) {
    (void)syscall(SYS_futex, address, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(word *address, int threads) {
    (void)syscall(SYS_futex, address, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

/* A compare-and-swap to take, an exchange to give back. */
static int take(void *object) {
    uint32_t expected = 0;
    return !atomic_compare_exchange_strong_explicit((word *)object, &expected, 1,
                                                    memory_order_acquire, memory_order_relaxed);
}

static int give(void *object) {
    return atomic_exchange_explicit((word *)object, 0, memory_order_release) != 1;
}

static int give_first(void *object) {
    return atomic_exchange_explicit((word *)object, 1, memory_order_release) != 0;
}

static int look(void *object) {
    return atomic_load_explicit((word *)object, memory_order_acquire) != 0;
}

/* A lock of three states (free, held, held and wanted) that sleeps at once. */
static int futex_acquire(void *object) {
    word *w = object;
    uint32_t seen = 0;
    if (atomic_compare_exchange_strong_explicit(w, &seen, 1, memory_order_acquire,
                                                memory_order_relaxed)) {
        return 0;
    }
    while (atomic_exchange_explicit(w, 2, memory_order_acquire) != 0) {
        sleep_while(w, 2);
    }
    return 0;
}

static int futex_release(void *object) {
    word *w = object;
    if (atomic_exchange_explicit(w, 0, memory_order_release) == 2) {
        wake(w, 1);
    }
    return 0;
}

/* A hand-over to one who sleeps, or soon will: for one thread on each side. */
static int futex_post(void *object) {
    word *w = object;
    atomic_store_explicit(w, 1, memory_order_release);
    wake(w, 1);
    return 0;
}

static int futex_wait(void *object) {
    word *w = object;
    while (atomic_exchange_explicit(w, 0, memory_order_acquire) == 0) {
        sleep_while(w, 0);
    }
    return 0;
}

static int futex_barrier(void *object) {
    barrier_words *b = object;
    uint32_t generation = atomic_load_explicit(&b->generation, memory_order_acquire);
    if (atomic_fetch_sub_explicit(&b->left, 1, memory_order_acq_rel) == 1) {
        atomic_store_explicit(&b->left, b->parties, memory_order_relaxed);
        atomic_store_explicit(&b->generation, generation + 1, memory_order_release);
        wake(&b->generation, INT_MAX);
        return 0;
    }
    while (atomic_load_explicit(&b->generation, memory_order_acquire) == generation) {
        sleep_while(&b->generation, generation);
    }
    return 0;
}

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    atomic_init(&lock, 0);
    atomic_init(&semaphore, 0);
    atomic_init(&pong, 0);
    barrier.parties = (uint32_t)threads;
    atomic_init(&barrier.left, barrier.parties);
    atomic_init(&barrier.generation, 0);
}

BENCH_JOB long lock_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&lock, count, take, give);
}

BENCH_JOB long event_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&lock, count, give_first, give);
}

BENCH_JOB long event_is_set_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&lock, count, look);
}

BENCH_JOB long contended_job(int me, int threads, long count) {
    (void)threads;
    return bench_contend(&lock, &shared, me, count, 0, futex_acquire, futex_release);
}

BENCH_JOB long contended_work_job(int me, int threads, long count) {
    (void)threads;
    return bench_contend(&lock, &shared, me, count, BENCH_WORK_OUTSIDE, futex_acquire,
                         futex_release);
}

BENCH_JOB long pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_pingpong(&semaphore, &pong, &shared, me, count, futex_post, futex_wait);
}

BENCH_JOB long barrier_job(int me, int threads, long count) {
    return bench_meet(&barrier, 0, me, threads, count, futex_barrier);
}

const bench_subject bench_bare = {
    .kind = BENCH_LIMIT,
    .jobs =
        {
            BENCH_LINE(BENCH_LOCK, "cas+xchg", setup, lock_job),
            BENCH_LINE(BENCH_LOCK_WITH, "cas+xchg", setup, lock_job),
            BENCH_LINE(BENCH_RLOCK, "cas+xchg", setup, lock_job),
            BENCH_LINE(BENCH_SEMAPHORE, "cas+xchg", setup, lock_job),
            BENCH_LINE(BENCH_EVENT, "xchg+xchg", setup, event_job),
            BENCH_LINE(BENCH_EVENT_IS_SET, "load", setup, event_is_set_job),
            BENCH_LINE(BENCH_CONTENDED, "futex", setup, contended_job),
            BENCH_LINE(BENCH_CONTENDED_WORK, "futex", setup, contended_work_job),
            BENCH_LINE(BENCH_SEMAPHORE_PINGPONG, "futex", setup, pingpong_job),
            BENCH_LINE(BENCH_SEMAPHORE_TIMED, "futex", setup, pingpong_job),
            BENCH_LINE(BENCH_EVENT_PINGPONG, "futex", setup, pingpong_job),
            BENCH_LINE(BENCH_CONDITION_PINGPONG, "futex", setup, pingpong_job),
            BENCH_LINE(BENCH_CONDITION_TIMED, "futex", setup, pingpong_job),
            BENCH_LINE(BENCH_BARRIER, "futex", setup, barrier_job),
        },
};
