/* libuv: its threads and locks, the timers of a loop and its pool of threads. Timers and work are
 * handled by the thread that runs the loop, and by it alone. */
#include "loops.h"

#include <stdlib.h>
#include <uv.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_SEMAPHORE
#define HAS_BARRIER
#define HAS_THREAD
#define HAS_TIMER
#define MAPS_IN_PARTS
#define TASKS_CANNOT_SUBMIT

typedef struct pair {
    uv_mutex_t lock;
    uv_cond_t go;
    uv_cond_t full;
} pair;

static BENCH_ALIGNED uv_mutex_t lock;
static BENCH_ALIGNED uv_mutex_t rlock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED uv_sem_t semaphore;
static BENCH_ALIGNED uv_sem_t pong;
static BENCH_ALIGNED uv_barrier_t barrier;

BENCH_DO(acquire, uv_mutex_t, uv_mutex_lock(o))
BENCH_DO(release, uv_mutex_t, uv_mutex_unlock(o))

static int rlock_acquire(void *object) {
    return acquire(object);
}

static int rlock_release(void *object) {
    return release(object);
}

BENCH_CALL(monitor_acquire, pair, acquire(&o->lock))
BENCH_CALL(monitor_release, pair, release(&o->lock))
BENCH_DO(monitor_wait, pair, uv_cond_wait(&o->go, &o->lock))
BENCH_CALL(monitor_wait_timed, pair,
           uv_cond_timedwait(&o->go, &o->lock, (uint64_t)(BENCH_FAR_AWAY * 1e9)))
BENCH_DO(monitor_notify, pair, uv_cond_signal(&o->go))
BENCH_DO(monitor_notify_all, pair, uv_cond_broadcast(&o->go))
BENCH_DO(monitor_wait_full, pair, uv_cond_wait(&o->full, &o->lock))
BENCH_DO(monitor_notify_full, pair, uv_cond_signal(&o->full))

BENCH_MONITOR_CALLS

BENCH_DO(semaphore_release, uv_sem_t, uv_sem_post(o))
BENCH_DO(semaphore_acquire, uv_sem_t, uv_sem_wait(o))
BENCH_CALL(barrier_wait, uv_barrier_t, uv_barrier_wait(o) < 0)

static void nothing(void *arg) {
    (void)arg;
}

static int start_join(void *object) {
    uv_thread_t thread;
    (void)object;
    return uv_thread_create(&thread, nothing, NULL) != 0 || uv_thread_join(&thread) != 0;
}

static void never(uv_timer_t *timer) {
    (void)timer;
}

static uv_loop_t *loop(void) {
    return uv_default_loop();
}

static int timer(void *object) {
    static uv_timer_t t;
    static bool made;
    (void)object;
    int failed = made ? 0 : uv_timer_init(loop(), &t);
    made = true;
    return failed | uv_timer_start(&t, never, 3600 * 1000, 0) | uv_timer_stop(&t);
}

static int timer_wait(double seconds) {
    uv_timer_t *t = (uv_timer_t *)malloc(sizeof *t);
    return t == NULL || uv_timer_init(loop(), t) != 0 ||
           uv_timer_start(t, never, (uint64_t)(seconds * 1000), 0) != 0;
}

#include "jobs.h"

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    int failed = uv_mutex_init(&lock) | uv_mutex_init_recursive(&rlock) |
                 uv_mutex_init(&monitor.lock) | uv_cond_init(&monitor.go) |
                 uv_cond_init(&monitor.full) | uv_sem_init(&semaphore, 0) | uv_sem_init(&pong, 0) |
                 uv_barrier_init(&barrier, (unsigned)threads);
    if (failed != 0) {
        abort();
    }
}

typedef struct task {
    uv_work_t work;
    void *(*function)(void *arg);
    void *arg;
    bool done; /* in the loop's thread */
} task;

static void work(uv_work_t *request) {
    task *t = (task *)request->data;
    t->arg = t->function(t->arg);
}

static void after_work(uv_work_t *request, int status) {
    task *t = (task *)request->data;
    t->done = status == 0;
}

static int pool_open(void) {
    char size[16];
    (void)snprintf(size, sizeof size, "%d", BENCH_WORKERS);
    return setenv("UV_THREADPOOL_SIZE", size, 1);
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    task *t = (task *)malloc(sizeof *t);
    if (t == NULL) {
        abort();
    }
    t->work.data = t;
    t->function = function;
    t->arg = arg;
    t->done = false;
    return uv_queue_work(loop(), &t->work, work, after_work) == 0 ? t : NULL;
}

static void *pool_result(void *future) {
    task *t = (task *)future;
    while (!t->done) {
        (void)uv_run(loop(), UV_RUN_ONCE);
    }
    void *result = t->arg;
    free(t);
    return result;
}

#include "pools.h"

const bench_subject bench_uv = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("uv_mutex"),
            BENCH_RLOCK_LINES("uv_mutex recursive"),
            BENCH_MONITOR_LINES("uv_cond"),
            BENCH_SEMAPHORE_LINES("uv_sem"),
            BENCH_LINE(BENCH_BARRIER, "uv_barrier", setup, barrier_job),
            BENCH_LINE(BENCH_THREAD, "uv_thread", NULL, thread_job),
            BENCH_LINE(BENCH_TIMER, "uv_timer, one thread", NULL, timer_job),
            BENCH_POOL_LINES("uv_queue_work"),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "uv_mutex", sizeof(uv_mutex_t)),
            BENCH_BYTES_OF(BENCH_SIZE_RLOCK, "uv_mutex", sizeof(uv_mutex_t)),
            BENCH_BYTES_OF(BENCH_SIZE_SEMAPHORE, "uv_sem", sizeof(uv_sem_t)),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "uv mutex+cond",
                           sizeof(uv_mutex_t) + sizeof(uv_cond_t)),
            BENCH_BYTES_OF(BENCH_SIZE_BARRIER, "uv_barrier", sizeof(uv_barrier_t)),
            BENCH_HOARD(BENCH_SIZE_TIMER, "uv_timer, one thread", wait_for_timers),
        },
};
