/* This library; bench_futex.c includes it for a build of another kind. */
#include "pythreading.h"

#include "loops.h"

#include <stdlib.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_SEMAPHORE
#define HAS_TIMED
#define HAS_EVENT
#define HAS_BARRIER
#define HAS_QUEUE
#define HAS_QUEUE_PINGPONG
#define HAS_SIMPLE_QUEUE
#define HAS_THREAD
#define HAS_TIMER

#if !defined(OURS)
#define OURS "ours"
#define OUR_KIND BENCH_OURS
#endif

typedef struct pair {
    pyt_lock lock;
    pyt_condition go;
    pyt_condition full;
} pair;

static BENCH_ALIGNED pyt_lock lock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED pyt_rlock rlock;
static BENCH_ALIGNED pyt_semaphore semaphore;
static BENCH_ALIGNED pyt_semaphore pong;
static BENCH_ALIGNED pyt_event event;
static BENCH_ALIGNED pyt_event event_pong;
static BENCH_ALIGNED pyt_barrier barrier;
static BENCH_ALIGNED pyt_queue queue;
static BENCH_ALIGNED pyt_queue queue_pong;
static BENCH_ALIGNED pyt_simple_queue simple_queue;

BENCH_CALL(acquire, pyt_lock, pyt_lock_acquire(o))
BENCH_CALL(release, pyt_lock, pyt_lock_release(o))
BENCH_CALL(monitor_acquire, pair, pyt_lock_acquire(&o->lock))
BENCH_CALL(monitor_release, pair, pyt_lock_release(&o->lock))
BENCH_CALL(monitor_wait, pair, pyt_condition_wait(&o->go))
BENCH_CALL(monitor_wait_timed, pair, pyt_condition_wait_timeout(&o->go, BENCH_FAR_AWAY))
BENCH_CALL(monitor_notify, pair, pyt_condition_notify(&o->go))
BENCH_CALL(monitor_notify_all, pair, pyt_condition_notify_all(&o->go))
BENCH_CALL(monitor_wait_full, pair, pyt_condition_wait(&o->full))
BENCH_CALL(monitor_notify_full, pair, pyt_condition_notify(&o->full))

BENCH_MONITOR_CALLS

static int with_lock(void *object) {
    int failed = 1;
    pyt_with((pyt_lock *)object) {
        failed = 0;
    }
    return failed;
}

BENCH_CALL(rlock_acquire, pyt_rlock, pyt_rlock_acquire(o))
BENCH_CALL(rlock_release, pyt_rlock, pyt_rlock_release(o))
BENCH_CALL(semaphore_release, pyt_semaphore, pyt_semaphore_release(o))
BENCH_CALL(semaphore_acquire, pyt_semaphore, pyt_semaphore_acquire(o))
BENCH_CALL(semaphore_acquire_timed, pyt_semaphore, pyt_semaphore_acquire_timeout(o, BENCH_FAR_AWAY))
BENCH_CALL(event_set, pyt_event, pyt_event_set(o))
BENCH_CALL(event_clear, pyt_event, pyt_event_clear(o))
BENCH_CALL(event_wait, pyt_event, pyt_event_wait(o))
BENCH_CALL(event_is_set, pyt_event, pyt_event_is_set(o))
BENCH_CALL(barrier_wait, pyt_barrier, pyt_barrier_wait(o, NULL))

/* Items are pointers. */
static int queue_put(void *object, void *item) {
    return (int)pyt_queue_put(object, &item);
}

static int queue_get(void *object, void **item) {
    return (int)pyt_queue_get(object, item);
}

static int simple_queue_put(void *object, void *item) {
    return (int)pyt_simple_queue_put(object, &item);
}

static int simple_queue_get(void *object, void **item) {
    return (int)pyt_simple_queue_get(object, item);
}

static void *nothing(void *arg) {
    return arg;
}

static int start_join(void *object) {
    pyt_thread *thread = NULL;
    (void)object;
    int failed = pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}) != PYT_OK ||
                 pyt_thread_start(thread) != PYT_OK || pyt_thread_join(thread) != PYT_OK;
    pyt_thread_unref(thread);
    return failed;
}

static void never(void *arg) {
    (void)arg;
}

static int timer(void *object) {
    pyt_thread *thread = NULL;
    (void)object;
    int failed = pyt_timer_new(&thread, 3600, never, NULL) != PYT_OK ||
                 pyt_thread_start(thread) != PYT_OK || pyt_timer_cancel(thread) != PYT_OK;
    pyt_thread_unref(thread);
    return failed;
}

static int timer_wait(double seconds) {
    pyt_thread *thread = NULL;
    int failed = pyt_timer_new(&thread, seconds, never, NULL) != PYT_OK;
    failed = failed || pyt_thread_set_daemon(thread, true) != PYT_OK ||
             pyt_thread_start(thread) != PYT_OK;
    pyt_thread_unref(thread);
    return failed;
}

#include "jobs.h"

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    lock = (pyt_lock)PYT_LOCK_INIT;
    monitor.lock = (pyt_lock)PYT_LOCK_INIT;
    rlock = (pyt_rlock)PYT_RLOCK_INIT;
    event = (pyt_event)PYT_EVENT_INIT;
    event_pong = (pyt_event)PYT_EVENT_INIT;
    PYT_MUST(pyt_condition_init_lock(&monitor.go, &monitor.lock));
    PYT_MUST(pyt_condition_init_lock(&monitor.full, &monitor.lock));
    PYT_MUST(pyt_semaphore_init(&semaphore, 0));
    PYT_MUST(pyt_semaphore_init(&pong, 0));
    PYT_MUST(pyt_barrier_init(&barrier, threads, NULL));
}

BENCH_JOB long with_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&lock, count, with_lock);
}

static void setup_queues(int threads) {
    (void)threads;
    shared.turn = 0;
    (void)pyt_queue_destroy(&queue);
    (void)pyt_queue_destroy(&queue_pong);
    (void)pyt_simple_queue_destroy(&simple_queue);
    PYT_MUST(pyt_queue_init(&queue, sizeof(void *), BENCH_QUEUE_SIZE));
    PYT_MUST(pyt_queue_init(&queue_pong, sizeof(void *), BENCH_QUEUE_SIZE));
    PYT_MUST(pyt_simple_queue_init(&simple_queue, sizeof(void *)));
}

static long keep_queues(long count) {
    pyt_queue *queues = (pyt_queue *)calloc((size_t)count, sizeof *queues);
    long failures = queues == NULL;
    for (long i = 0; failures == 0 && i < count; i++) {
        failures += pyt_queue_init(&queues[i], sizeof(void *), BENCH_QUEUE_SIZE) != PYT_OK;
    }
    return failures;
}

static long keep_simple_queues(long count) {
    pyt_simple_queue *queues = (pyt_simple_queue *)calloc((size_t)count, sizeof *queues);
    long failures = queues == NULL;
    for (long i = 0; failures == 0 && i < count; i++) {
        failures += pyt_simple_queue_init(&queues[i], sizeof(void *)) != PYT_OK;
    }
    return failures;
}

static pyt_executor *executor;
static pyt_pool *pool;

static int pool_open(void) {
    const pyt_executor_options options = {.max_workers = BENCH_WORKERS};
    return pyt_executor_new(&executor, &options) != PYT_OK ||
           pyt_pool_new(&pool, &(pyt_pool_options){.processes = BENCH_WORKERS}) != PYT_OK;
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    pyt_future *future;
    (void)pyt_executor_submit(executor, function, arg, &future);
    return future;
}

static void *pool_result(void *future) {
    void *result = NULL;
    (void)pyt_future_result(future, &result);
    pyt_future_unref(future);
    return result;
}

static void touch(void *item, void *result) {
    (void)result;
    ++*(unsigned char *)item;
}

static long pool_map(unsigned char *items, long n) {
    pyt_pool_work work = {.function = touch, .items = items, .item_size = 1, .n = (size_t)n};
    return pyt_pool_map(pool, &work, NULL);
}

#include "pools.h"

const bench_subject bench_pyt = {
    .kind = OUR_KIND,
    .jobs =
        {
            BENCH_LINE(BENCH_LOCK, OURS, setup, lock_job),
            BENCH_LINE(BENCH_LOCK_WITH, OURS, setup, with_job),
            BENCH_CONTENDED_LINES(OURS),
            BENCH_MONITOR_LINES(OURS),
            BENCH_RLOCK_LINES(OURS),
            BENCH_SEMAPHORE_LINES(OURS),
            BENCH_LINE(BENCH_SEMAPHORE_TIMED, OURS, setup, semaphore_timed_job),
            BENCH_EVENT_LINES(OURS, setup),
            BENCH_LINE(BENCH_BARRIER, OURS, setup, barrier_job),
            BENCH_LINE(BENCH_THREAD, OURS, NULL, thread_job),
            BENCH_LINE(BENCH_TIMER, OURS, NULL, timer_job),
            BENCH_QUEUE_LINE(OURS),
            BENCH_QUEUE_PINGPONG_LINE(OURS),
            BENCH_SIMPLE_QUEUE_LINE(OURS),
            BENCH_POOL_LINES(OURS),
            BENCH_LINE(BENCH_NESTED, OURS, NULL, nested_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, OURS, sizeof(pyt_lock)),
            BENCH_BYTES_OF(BENCH_SIZE_RLOCK, OURS, sizeof(pyt_rlock)),
            BENCH_BYTES_OF(BENCH_SIZE_SEMAPHORE, OURS, sizeof(pyt_semaphore)),
            BENCH_BYTES_OF(BENCH_SIZE_EVENT, OURS, sizeof(pyt_event)),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, OURS, sizeof(pyt_condition)),
            BENCH_BYTES_OF(BENCH_SIZE_BARRIER, OURS, sizeof(pyt_barrier)),
            BENCH_HOARD(BENCH_SIZE_QUEUE, OURS, keep_queues),
            BENCH_HOARD(BENCH_SIZE_SIMPLE_QUEUE, OURS, keep_simple_queues),
            BENCH_HOARD(BENCH_SIZE_TIMER, OURS, wait_for_timers),
        },
};
