/* The Apache Portable Runtime, with the queue and the thread pool of its utilities. Everything in
 * it is allocated from pools of memory. Its thread pool has no futures: who waits for a task waits
 * on the one lock and condition that all tasks share. */
#include "loops.h"

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_queue.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_pool.h>
#include <apr_thread_proc.h>
#include <stdlib.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_QUEUE
#define HAS_QUEUE_PINGPONG
#define HAS_THREAD
#define MAPS_IN_PARTS

typedef struct pair {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *go;
    apr_thread_cond_t *full;
} pair;

/* The objects of jobs.h, of types that only APR knows the size of. */
static apr_thread_mutex_t *the_lock, *the_rlock;
static apr_queue_t *queues[2];
#define lock (*the_lock)
#define rlock (*the_rlock)
#define queue (*queues[0])
#define queue_pong (*queues[1])
static BENCH_ALIGNED pair monitor;

BENCH_CALL(acquire, apr_thread_mutex_t, apr_thread_mutex_lock(o))
BENCH_CALL(release, apr_thread_mutex_t, apr_thread_mutex_unlock(o))

static int rlock_acquire(void *object) {
    return acquire(object);
}

static int rlock_release(void *object) {
    return release(object);
}

BENCH_CALL(monitor_acquire, pair, acquire(o->mutex))
BENCH_CALL(monitor_release, pair, release(o->mutex))
BENCH_CALL(monitor_wait, pair, apr_thread_cond_wait(o->go, o->mutex))
BENCH_CALL(monitor_wait_timed, pair,
           apr_thread_cond_timedwait(o->go, o->mutex, (apr_interval_time_t)(BENCH_FAR_AWAY * 1e6)))
BENCH_CALL(monitor_notify, pair, apr_thread_cond_signal(o->go))
BENCH_CALL(monitor_notify_all, pair, apr_thread_cond_broadcast(o->go))
BENCH_CALL(monitor_wait_full, pair, apr_thread_cond_wait(o->full, o->mutex))
BENCH_CALL(monitor_notify_full, pair, apr_thread_cond_signal(o->full))

BENCH_MONITOR_CALLS

/* A queue says that it was interrupted when another thread was faster than the one it woke. */
static int queue_put(void *object, void *item) {
    apr_status_t status;
    do {
        status = apr_queue_push((apr_queue_t *)object, item);
    } while (status == APR_EINTR);
    return status;
}

static int queue_get(void *object, void **item) {
    apr_status_t status;
    do {
        status = apr_queue_pop((apr_queue_t *)object, item);
    } while (status == APR_EINTR);
    return status;
}

/* What all else is allocated from. */
static apr_pool_t *root(void) {
    static apr_pool_t *made;
    if (made == NULL &&
        (apr_initialize() != APR_SUCCESS || apr_pool_create(&made, NULL) != APR_SUCCESS)) {
        abort();
    }
    return made;
}

static void *APR_THREAD_FUNC nothing(apr_thread_t *thread, void *arg) {
    (void)thread;
    return arg;
}

/* Every thread has a pool of its own, a part of this one, which it gives back when it is joined. */
static int start_join(void *object) {
    apr_thread_t *thread = NULL;
    apr_status_t result = APR_SUCCESS;
    apr_pool_t *own = NULL;
    (void)object;
    int failed = apr_pool_create(&own, root()) != APR_SUCCESS ||
                 apr_thread_create(&thread, NULL, nothing, NULL, own) != APR_SUCCESS ||
                 apr_thread_join(&result, thread) != APR_SUCCESS;
    apr_pool_destroy(own);
    return failed;
}

#include "jobs.h"

/* A pool of memory for the objects of one job. */
static apr_pool_t *fresh(void) {
    static apr_pool_t *made;
    if (made != NULL) {
        apr_pool_destroy(made);
    }
    if (apr_pool_create(&made, root()) != APR_SUCCESS) {
        abort();
    }
    return made;
}

static void setup(int threads) {
    apr_pool_t *memory = fresh();
    (void)threads;
    shared = (bench_shared){.turn = 0};
    int failed = apr_thread_mutex_create(&the_lock, APR_THREAD_MUTEX_DEFAULT, memory) |
                 apr_thread_mutex_create(&the_rlock, APR_THREAD_MUTEX_NESTED, memory) |
                 apr_thread_mutex_create(&monitor.mutex, APR_THREAD_MUTEX_DEFAULT, memory) |
                 apr_thread_cond_create(&monitor.go, memory) |
                 apr_thread_cond_create(&monitor.full, memory);
    if (failed != 0) {
        abort();
    }
}

static void setup_queues(int threads) {
    apr_pool_t *memory = fresh();
    (void)threads;
    shared.turn = 0;
    if (apr_queue_create(&queues[0], BENCH_QUEUE_SIZE, memory) != APR_SUCCESS ||
        apr_queue_create(&queues[1], BENCH_QUEUE_SIZE, memory) != APR_SUCCESS) {
        abort();
    }
}

typedef struct task {
    void *(*function)(void *arg);
    void *arg;
    bool done; /* under done_lock */
} task;

static apr_thread_pool_t *pool;
static apr_thread_mutex_t *done_lock;
static apr_thread_cond_t *some_done;

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *arg) {
    task *t = (task *)arg;
    (void)thread;
    void *result = t->function(t->arg);
    (void)apr_thread_mutex_lock(done_lock);
    t->arg = result;
    t->done = true;
    (void)apr_thread_cond_signal(some_done);
    (void)apr_thread_mutex_unlock(done_lock);
    return NULL;
}

static int pool_open(void) {
    return apr_thread_pool_create(&pool, BENCH_WORKERS, BENCH_WORKERS, root()) |
           apr_thread_mutex_create(&done_lock, APR_THREAD_MUTEX_DEFAULT, root()) |
           apr_thread_cond_create(&some_done, root());
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    task *t = (task *)malloc(sizeof *t);
    if (t == NULL) {
        abort();
    }
    *t = (task){.function = function, .arg = arg};
    return apr_thread_pool_push(pool, work, t, APR_THREAD_TASK_PRIORITY_NORMAL, NULL) == APR_SUCCESS
               ? t
               : NULL;
}

static void *pool_result(void *future) {
    task *t = (task *)future;
    (void)apr_thread_mutex_lock(done_lock);
    while (!t->done) {
        (void)apr_thread_cond_wait(some_done, done_lock);
    }
    (void)apr_thread_mutex_unlock(done_lock);
    void *result = t->arg;
    free(t);
    return result;
}

#include "pools.h"

static long keep_locks(long count) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        apr_thread_mutex_t *made;
        failures += apr_thread_mutex_create(&made, APR_THREAD_MUTEX_DEFAULT, root()) != APR_SUCCESS;
    }
    return failures;
}

static long keep_conditions(long count) {
    long failures = keep_locks(count);
    for (long i = 0; i < count; i++) {
        apr_thread_cond_t *made;
        failures += apr_thread_cond_create(&made, root()) != APR_SUCCESS;
    }
    return failures;
}

static long keep_queues(long count) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        apr_queue_t *made;
        failures += apr_queue_create(&made, BENCH_QUEUE_SIZE, root()) != APR_SUCCESS;
    }
    return failures;
}

const bench_subject bench_apr = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("apr_thread_mutex"),
            BENCH_RLOCK_LINES("apr_thread_mutex nested"),
            BENCH_MONITOR_LINES("apr_thread_cond"),
            BENCH_QUEUE_LINE("apr_queue"),
            BENCH_QUEUE_PINGPONG_LINE("apr_queue"),
            BENCH_LINE(BENCH_THREAD, "apr_thread", NULL, thread_job),
            BENCH_POOL_LINES("apr_thread_pool"),
            BENCH_LINE(BENCH_NESTED, "apr_thread_pool", NULL, nested_job),
            BENCH_HOARD(BENCH_SIZE_LOCK, "apr_thread_mutex", keep_locks),
            BENCH_HOARD(BENCH_SIZE_CONDITION, "apr mutex+cond", keep_conditions),
            BENCH_HOARD(BENCH_SIZE_QUEUE, "apr_queue", keep_queues),
        },
};
