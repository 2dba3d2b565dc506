/* Concurrency Kit. Nothing in it sleeps: who waits spins, or, where the loop that waits is ours,
 * yields the processor. */
#include "loops.h"

#include <ck_barrier.h>
#include <ck_fifo.h>
#include <ck_ring.h>
#include <ck_spinlock.h>
#include <sched.h>
#include <stdlib.h>

#define HAS_LOCK
#define HAS_QUEUE_PINGPONG

static BENCH_ALIGNED ck_spinlock_t lock;

BENCH_DO(acquire, ck_spinlock_t, ck_spinlock_lock(o))
BENCH_DO(release, ck_spinlock_t, ck_spinlock_unlock(o))

static BENCH_ALIGNED ck_barrier_centralized_t barrier;
static _Thread_local ck_barrier_centralized_state_t barrier_state;
static unsigned parties;

BENCH_DO(barrier_wait, ck_barrier_centralized_t, ck_barrier_centralized(o, &barrier_state, parties))

typedef struct ring {
    ck_ring_t ring;
    ck_ring_buffer_t items[BENCH_QUEUE_SIZE];
} ring;

static BENCH_ALIGNED ring queue;
static BENCH_ALIGNED ring queue_pong;

/* From one thread. */
static int queue_put(void *object, void *item) {
    ring *r = object;
    while (!ck_ring_enqueue_spmc(&r->ring, r->items, item)) {
        (void)sched_yield();
    }
    return 0;
}

static int queue_get(void *object, void **item) {
    ring *r = object;
    while (!ck_ring_dequeue_spmc(&r->ring, r->items, item)) {
        (void)sched_yield();
    }
    return 0;
}

/* From any thread. */
static int shared_put(void *object, void *item) {
    ring *r = object;
    while (!ck_ring_enqueue_mpmc(&r->ring, r->items, item)) {
        (void)sched_yield();
    }
    return 0;
}

static int shared_get(void *object, void **item) {
    ring *r = object;
    while (!ck_ring_dequeue_mpmc(&r->ring, r->items, item)) {
        (void)sched_yield();
    }
    return 0;
}

/* For one thread on each side. */
static BENCH_ALIGNED ck_fifo_spsc_t fifo;

static int fifo_put(void *object, void *item) {
    ck_fifo_spsc_entry_t *entry = ck_fifo_spsc_recycle((ck_fifo_spsc_t *)object);
    if (entry == NULL) {
        entry = (ck_fifo_spsc_entry_t *)malloc(sizeof *entry);
    }
    if (entry == NULL) {
        return 1;
    }
    ck_fifo_spsc_enqueue((ck_fifo_spsc_t *)object, entry, item);
    return 0;
}

static int fifo_get(void *object, void **item) {
    while (!ck_fifo_spsc_dequeue((ck_fifo_spsc_t *)object, item)) {
        (void)sched_yield();
    }
    return 0;
}

#include "jobs.h"

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    parties = (unsigned)threads;
    ck_spinlock_init(&lock);
    barrier = (ck_barrier_centralized_t)CK_BARRIER_CENTRALIZED_INITIALIZER;
}

/* Where two spin on one processor, each round is a time slice of the system. */
BENCH_JOB long barrier_job(int me, int threads, long count) {
    return threads > bench_running.processors
               ? BENCH_CANNOT
               : bench_meet(&barrier, 0, me, threads, count, barrier_wait);
}

static void setup_queues(int threads) {
    (void)threads;
    shared.turn = 0;
    ck_ring_init(&queue.ring, BENCH_QUEUE_SIZE);
    ck_ring_init(&queue_pong.ring, BENCH_QUEUE_SIZE);
}

/* Of several producers, each spins until those before it have put theirs, so that with fewer
 * processors than threads they wait for the system to run them in that very order. */
BENCH_JOB long ring_job(int me, int threads, long count) {
    bool one_producer = threads == 2 || threads % 2 == 1;
    if (one_producer) {
        return bench_items(&queue, me, threads, count, queue_put, queue_get);
    }
    return threads > bench_running.processors
               ? BENCH_CANNOT
               : bench_items(&queue, me, threads, count, shared_put, shared_get);
}

static void setup_fifo(int threads) {
    ck_fifo_spsc_entry_t *entry = NULL;
    (void)threads;
    if (fifo.head != NULL) {
        ck_fifo_spsc_deinit(&fifo, &entry);
    }
    while (entry != NULL) {
        ck_fifo_spsc_entry_t *next = entry->next;
        free(entry);
        entry = next;
    }
    ck_fifo_spsc_init(&fifo, (ck_fifo_spsc_entry_t *)malloc(sizeof(ck_fifo_spsc_entry_t)));
}

BENCH_JOB long fifo_job(int me, int threads, long count) {
    return threads > 2 ? BENCH_CANNOT : bench_items(&fifo, me, threads, count, fifo_put, fifo_get);
}

const bench_subject bench_ck = {
    .kind = BENCH_AWAKE,
    .jobs =
        {
            BENCH_LOCK_LINES("ck_spinlock"),
            BENCH_LINE(BENCH_BARRIER, "ck_barrier", setup, barrier_job),
            BENCH_LINE(BENCH_QUEUE, "ck_ring", setup_queues, ring_job),
            BENCH_QUEUE_PINGPONG_LINE("ck_ring"),
            BENCH_LINE(BENCH_SIMPLE_QUEUE, "ck_fifo_spsc", setup_fifo, fifo_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "ck_spinlock", sizeof(ck_spinlock_t)),
            BENCH_BYTES_OF(BENCH_SIZE_BARRIER, "ck_barrier", sizeof(ck_barrier_centralized_t)),
            BENCH_BYTES_OF(BENCH_SIZE_QUEUE, "ck_ring", sizeof(ring)),
        },
};
