/* GLib: its threads, locks and queue, the timeouts of a main context, and its pool, whose tasks
 * have a lock and a condition each for who waits. */
#include "loops.h"

#include <glib.h>
#include <stdlib.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_QUEUE_PINGPONG
#define HAS_SIMPLE_QUEUE
#define HAS_THREAD
#define HAS_TIMER
#define MAPS_IN_PARTS

typedef struct pair {
    GMutex lock;
    GCond go;
    GCond full;
} pair;

static BENCH_ALIGNED GMutex lock;
static BENCH_ALIGNED GRecMutex rlock;
static BENCH_ALIGNED pair monitor;

BENCH_DO(acquire, GMutex, g_mutex_lock(o))
BENCH_DO(release, GMutex, g_mutex_unlock(o))
BENCH_DO(rlock_acquire, GRecMutex, g_rec_mutex_lock(o))
BENCH_DO(rlock_release, GRecMutex, g_rec_mutex_unlock(o))
BENCH_CALL(monitor_acquire, pair, acquire(&o->lock))
BENCH_CALL(monitor_release, pair, release(&o->lock))
BENCH_DO(monitor_wait, pair, g_cond_wait(&o->go, &o->lock))

static int monitor_wait_timed(void *object) {
    pair *p = object;
    gint64 until = g_get_monotonic_time() + (gint64)(BENCH_FAR_AWAY * 1e6);
    return !g_cond_wait_until(&p->go, &p->lock, until);
}

BENCH_DO(monitor_notify, pair, g_cond_signal(&o->go))
BENCH_DO(monitor_notify_all, pair, g_cond_broadcast(&o->go))
BENCH_DO(monitor_wait_full, pair, g_cond_wait(&o->full, &o->lock))
BENCH_DO(monitor_notify_full, pair, g_cond_signal(&o->full))

BENCH_MONITOR_CALLS

/* The objects of jobs.h, of a type that only GLib knows the size of. */
static GAsyncQueue *queues[2];
#define queue (*queues[0])
#define queue_pong (*queues[1])
#define simple_queue (*queues[0])

static int queue_put(void *object, void *item) {
    g_async_queue_push((GAsyncQueue *)object, item);
    return 0;
}

static int queue_get(void *object, void **item) {
    *item = g_async_queue_pop((GAsyncQueue *)object);
    return 0;
}

static int simple_queue_put(void *object, void *item) {
    return queue_put(object, item);
}

static int simple_queue_get(void *object, void **item) {
    return queue_get(object, item);
}

static void *nothing(void *arg) {
    return arg;
}

static int start_join(void *object) {
    (void)object;
    return g_thread_join(g_thread_new(NULL, nothing, NULL)) != NULL;
}

static gboolean never(void *arg) {
    (void)arg;
    return G_SOURCE_REMOVE;
}

static GSource *timer_set(double seconds) {
    static GMainContext *context;
    if (context == NULL) {
        context = g_main_context_new();
    }
    GSource *source = g_timeout_source_new((guint)(seconds * 1000));
    g_source_set_callback(source, never, NULL, NULL);
    (void)g_source_attach(source, context);
    return source;
}

static int timer(void *object) {
    (void)object;
    GSource *source = timer_set(3600);
    g_source_destroy(source);
    g_source_unref(source);
    return 0;
}

static int timer_wait(double seconds) {
    g_source_unref(timer_set(seconds));
    return 0;
}

#include "jobs.h"

static void setup(int threads) {
    (void)threads;
    shared = (bench_shared){.turn = 0};
    g_mutex_init(&lock);
    g_rec_mutex_init(&rlock);
    g_mutex_init(&monitor.lock);
    g_cond_init(&monitor.go);
    g_cond_init(&monitor.full);
}

static void setup_queues(int threads) {
    (void)threads;
    shared.turn = 0;
    for (int i = 0; i < 2; i++) {
        if (queues[i] != NULL) {
            g_async_queue_unref(queues[i]);
        }
        queues[i] = g_async_queue_new();
    }
}

typedef struct task {
    void *(*function)(void *arg);
    void *arg;
    GMutex lock;
    GCond is_done;
    bool done;
} task;

static GThreadPool *pool;

static void work(void *data, void *user_data) {
    task *t = (task *)data;
    (void)user_data;
    void *result = t->function(t->arg);
    g_mutex_lock(&t->lock);
    t->arg = result;
    t->done = true;
    g_cond_signal(&t->is_done);
    g_mutex_unlock(&t->lock);
}

static int pool_open(void) {
    pool = g_thread_pool_new(work, NULL, BENCH_WORKERS, TRUE, NULL);
    return pool == NULL;
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    task *t = g_new0(task, 1);
    t->function = function;
    t->arg = arg;
    (void)g_thread_pool_push(pool, t, NULL);
    return t;
}

static void *pool_result(void *future) {
    task *t = (task *)future;
    g_mutex_lock(&t->lock);
    while (!t->done) {
        g_cond_wait(&t->is_done, &t->lock);
    }
    g_mutex_unlock(&t->lock);
    void *result = t->arg;
    g_free(t);
    return result;
}

#include "pools.h"

/* A recursive mutex is made when it is first locked. */
static long keep_rlocks(long count) {
    GRecMutex *locks = g_new0(GRecMutex, (gsize)count);
    for (long i = 0; i < count; i++) {
        g_rec_mutex_lock(&locks[i]);
    }
    return 0;
}

static long keep_queues(long count) {
    for (long i = 0; i < count; i++) {
        (void)g_async_queue_new();
    }
    return 0;
}

const bench_subject bench_glib = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("GMutex"),
            BENCH_RLOCK_LINES("GRecMutex"),
            BENCH_MONITOR_LINES("GCond"),
            BENCH_LINE(BENCH_THREAD, "GThread", NULL, thread_job),
            BENCH_LINE(BENCH_TIMER, "GSource timeout", NULL, timer_job),
            BENCH_LINE(BENCH_QUEUE_PINGPONG, "GAsyncQueue", setup_queues, queue_pingpong_job),
            BENCH_SIMPLE_QUEUE_LINE("GAsyncQueue"),
            BENCH_POOL_LINES("GThreadPool"),
            BENCH_LINE(BENCH_NESTED, "GThreadPool", NULL, nested_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "GMutex", sizeof(GMutex)),
            BENCH_HOARD(BENCH_SIZE_RLOCK, "GRecMutex", keep_rlocks),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "GMutex+GCond", sizeof(GMutex) + sizeof(GCond)),
            BENCH_HOARD(BENCH_SIZE_SIMPLE_QUEUE, "GAsyncQueue", keep_queues),
            BENCH_HOARD(BENCH_SIZE_TIMER, "GSource timeout", wait_for_timers),
        },
};
