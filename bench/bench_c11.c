/* C11 threads, which have no semaphore, barrier or timer; an event is made by hand. */
#include "loops.h"

#include <threads.h>

typedef struct pair {
    mtx_t lock;
    cnd_t go;
    cnd_t full;
} pair;

static BENCH_ALIGNED mtx_t lock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED bool flag;

static int acquire(void *object) {
    return mtx_lock(object);
}

static int release(void *object) {
    return mtx_unlock(object);
}

static int monitor_acquire(void *object) {
    return mtx_lock(&((pair *)object)->lock);
}

static int monitor_release(void *object) {
    return mtx_unlock(&((pair *)object)->lock);
}

static int monitor_wait(void *object) {
    pair *p = object;
    return cnd_wait(&p->go, &p->lock);
}

static int monitor_notify(void *object) {
    return cnd_signal(&((pair *)object)->go);
}

static int monitor_notify_all(void *object) {
    return cnd_broadcast(&((pair *)object)->go);
}

static int monitor_wait_full(void *object) {
    pair *p = object;
    return cnd_wait(&p->full, &p->lock);
}

static int monitor_notify_full(void *object) {
    return cnd_signal(&((pair *)object)->full);
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

static int event_set(void *object) {
    return bench_put_flag(&calls, object, &flag, true);
}

static int event_clear(void *object) {
    return bench_put_flag(&calls, object, &flag, false);
}

static int event_is_set(void *object) {
    return bench_get_flag(&calls, object, &flag);
}

static int nothing(void *arg) {
    (void)arg;
    return 0;
}

static int start_join(void *object) {
    thrd_t thread;
    (void)object;
    return thrd_create(&thread, nothing, NULL) != thrd_success ||
           thrd_join(thread, NULL) != thrd_success;
}

#include "jobs.h"

static void setup(int threads) {
    (void)threads;
    shared = (bench_shared){.turn = 0};
    flag = false;
    (void)mtx_init(&lock, mtx_plain);
    (void)mtx_init(&monitor.lock, mtx_plain);
    (void)cnd_init(&monitor.go);
    (void)cnd_init(&monitor.full);
}

static void setup_recursive(int threads) {
    (void)threads;
    (void)mtx_init(&lock, mtx_plain | mtx_recursive);
}

BENCH_JOB long nested_job(int me, int threads, long count) {
    long failures = acquire(&lock);
    failures += lock_job(me, threads, count);
    return failures + release(&lock);
}

BENCH_JOB long event_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&monitor, count, event_set, event_clear);
}

BENCH_JOB long event_is_set_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&monitor, count, event_is_set);
}

const bench_subject bench_c11 = {
    .kind = BENCH_PEER,
    .jobs =
        {
            [BENCH_LOCK] = {"mtx_t", setup, lock_job},
            [BENCH_LOCK_WITH] = {"mtx_t", setup, lock_job},
            [BENCH_RLOCK] = {"mtx_recursive", setup_recursive, lock_job},
            [BENCH_RLOCK_NESTED] = {"mtx_recursive", setup_recursive, nested_job},
            [BENCH_EVENT] = {"mtx_t+cnd_t", setup, event_job},
            [BENCH_EVENT_IS_SET] = {"mtx_t", setup, event_is_set_job},
            [BENCH_CONTENDED] = {"mtx_t", setup, contended_job},
            [BENCH_CONTENDED_WORK] = {"mtx_t", setup, contended_work_job},
            [BENCH_CONDITION_PINGPONG] = {"cnd_t", setup, condition_pingpong_job},
            [BENCH_NOTIFY_ALL] = {"cnd_t", setup, notify_all_job},
            [BENCH_THREAD] = {"thrd_t", NULL, thread_job},
        },
};
