/* This library. */
#include "pythreading.h"

#include "loops.h"

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
static BENCH_ALIGNED pyt_barrier barrier;
static BENCH_ALIGNED pyt_queue queue;
static BENCH_ALIGNED pyt_simple_queue simple_queue;

static int acquire(void *object) {
    return (int)pyt_lock_acquire(object);
}

static int release(void *object) {
    return (int)pyt_lock_release(object);
}

static int monitor_acquire(void *object) {
    return (int)pyt_lock_acquire(&((pair *)object)->lock);
}

static int monitor_release(void *object) {
    return (int)pyt_lock_release(&((pair *)object)->lock);
}

static int monitor_wait(void *object) {
    return (int)pyt_condition_wait(&((pair *)object)->go);
}

static int monitor_notify(void *object) {
    return (int)pyt_condition_notify(&((pair *)object)->go);
}

static int monitor_notify_all(void *object) {
    return (int)pyt_condition_notify_all(&((pair *)object)->go);
}

static int monitor_wait_full(void *object) {
    return (int)pyt_condition_wait(&((pair *)object)->full);
}

static int monitor_notify_full(void *object) {
    return (int)pyt_condition_notify(&((pair *)object)->full);
}

static const bench_monitor calls = {
    .acquire = monitor_acquire,
    .release = monitor_release,
    .wait = monitor_wait,
    .notify = monitor_notify,
    .notify_all = monitor_notify_all,
    .wait_full = monitor_wait_full,
    .notify_full = monitor_notify_full,
};

static int with_lock(void *object) {
    int failed = 1;
    pyt_with((pyt_lock *)object) {
        failed = 0;
    }
    return failed;
}

static int rlock_acquire(void *object) {
    return (int)pyt_rlock_acquire(object);
}

static int rlock_release(void *object) {
    return (int)pyt_rlock_release(object);
}

static int semaphore_release(void *object) {
    return (int)pyt_semaphore_release(object);
}

static int semaphore_acquire(void *object) {
    return (int)pyt_semaphore_acquire(object);
}

static int event_set(void *object) {
    return (int)pyt_event_set(object);
}

static int event_clear(void *object) {
    return (int)pyt_event_clear(object);
}

static int event_is_set(void *object) {
    return pyt_event_is_set(object);
}

static int barrier_wait(void *object) {
    return (int)pyt_barrier_wait(object, NULL);
}

/* Items are pointers, all the same one. */
static int queue_put(void *object) {
    return (int)pyt_queue_put(object, &object);
}

static int queue_get(void *object) {
    void *item = NULL;
    return pyt_queue_get(object, &item) != PYT_OK || item != object;
}

static int simple_queue_put(void *object) {
    return (int)pyt_simple_queue_put(object, &object);
}

static int simple_queue_get(void *object) {
    void *item = NULL;
    return pyt_simple_queue_get(object, &item) != PYT_OK || item != object;
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

#include "jobs.h"

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    lock = (pyt_lock)PYT_LOCK_INIT;
    monitor.lock = (pyt_lock)PYT_LOCK_INIT;
    rlock = (pyt_rlock)PYT_RLOCK_INIT;
    event = (pyt_event)PYT_EVENT_INIT;
    (void)pyt_condition_init_lock(&monitor.go, &monitor.lock);
    (void)pyt_condition_init_lock(&monitor.full, &monitor.lock);
    (void)pyt_semaphore_init(&semaphore, 0);
    (void)pyt_semaphore_init(&pong, 0);
    (void)pyt_barrier_init(&barrier, threads, NULL);
}

BENCH_JOB long with_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&lock, count, with_lock);
}

BENCH_JOB long rlock_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&rlock, count, rlock_acquire, rlock_release);
}

BENCH_JOB long nested_job(int me, int threads, long count) {
    long failures = rlock_acquire(&rlock);
    failures += rlock_job(me, threads, count);
    return failures + rlock_release(&rlock);
}

BENCH_JOB long semaphore_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&semaphore, count, semaphore_release, semaphore_acquire);
}

BENCH_JOB long event_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&event, count, event_set, event_clear);
}

BENCH_JOB long event_is_set_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&event, count, event_is_set);
}

BENCH_JOB long semaphore_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_semaphore_pingpong(&semaphore, &pong, me, count, semaphore_release,
                                    semaphore_acquire);
}

BENCH_JOB long barrier_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&barrier, count, barrier_wait);
}

static void setup_queues(int threads) {
    (void)threads;
    (void)pyt_queue_destroy(&queue);
    (void)pyt_simple_queue_destroy(&simple_queue);
    (void)pyt_queue_init(&queue, sizeof(void *), BENCH_QUEUE_SIZE);
    (void)pyt_simple_queue_init(&simple_queue, sizeof(void *));
}

BENCH_JOB long queue_job(int me, int threads, long count) {
    return bench_items(&queue, me, threads, count, queue_put, queue_get);
}

BENCH_JOB long simple_queue_job(int me, int threads, long count) {
    return bench_items(&simple_queue, me, threads, count, simple_queue_put, simple_queue_get);
}

BENCH_JOB long timer_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(NULL, count, timer);
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
    .kind = BENCH_OURS,
    .jobs =
        {
            [BENCH_LOCK] = {"ours", setup, lock_job},
            [BENCH_LOCK_WITH] = {"ours", setup, with_job},
            [BENCH_RLOCK] = {"ours", setup, rlock_job},
            [BENCH_RLOCK_NESTED] = {"ours", setup, nested_job},
            [BENCH_SEMAPHORE] = {"ours", setup, semaphore_job},
            [BENCH_EVENT] = {"ours", setup, event_job},
            [BENCH_EVENT_IS_SET] = {"ours", setup, event_is_set_job},
            [BENCH_CONTENDED] = {"ours", setup, contended_job},
            [BENCH_CONTENDED_WORK] = {"ours", setup, contended_work_job},
            [BENCH_SEMAPHORE_PINGPONG] = {"ours", setup, semaphore_pingpong_job},
            [BENCH_CONDITION_PINGPONG] = {"ours", setup, condition_pingpong_job},
            [BENCH_NOTIFY_ALL] = {"ours", setup, notify_all_job},
            [BENCH_BARRIER] = {"ours", setup, barrier_job},
            [BENCH_THREAD] = {"ours", NULL, thread_job},
            [BENCH_TIMER] = {"ours", NULL, timer_job},
            [BENCH_QUEUE] = {"ours", setup_queues, queue_job},
            [BENCH_SIMPLE_QUEUE] = {"ours", setup_queues, simple_queue_job},
            BENCH_POOL_JOBS("ours"),
        },
};
