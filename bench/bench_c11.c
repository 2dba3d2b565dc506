/* C11 threads, which have no semaphore, barrier or timer; an event is made by hand. */
#include "loops.h"

#include <threads.h>
#include <time.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_FLAG
#define HAS_THREAD

typedef struct pair {
    mtx_t lock;
    cnd_t go;
    cnd_t full;
} pair;

static BENCH_ALIGNED mtx_t lock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED mtx_t rlock;

BENCH_CALL(acquire, mtx_t, mtx_lock(o))
BENCH_CALL(release, mtx_t, mtx_unlock(o))
BENCH_CALL(rlock_acquire, mtx_t, mtx_lock(o))
BENCH_CALL(rlock_release, mtx_t, mtx_unlock(o))
BENCH_CALL(monitor_acquire, pair, mtx_lock(&o->lock))
BENCH_CALL(monitor_release, pair, mtx_unlock(&o->lock))
BENCH_CALL(monitor_wait, pair, cnd_wait(&o->go, &o->lock))

static int monitor_wait_timed(void *object) {
    pair *p = object;
    struct timespec until;
    (void)timespec_get(&until, TIME_UTC);
    until.tv_sec += (time_t)BENCH_FAR_AWAY;
    return cnd_timedwait(&p->go, &p->lock, &until);
}

BENCH_CALL(monitor_notify, pair, cnd_signal(&o->go))
BENCH_CALL(monitor_notify_all, pair, cnd_broadcast(&o->go))
BENCH_CALL(monitor_wait_full, pair, cnd_wait(&o->full, &o->lock))
BENCH_CALL(monitor_notify_full, pair, cnd_signal(&o->full))

BENCH_MONITOR_CALLS

static void pair_init(pair *p) {
    (void)mtx_init(&p->lock, mtx_plain);
    (void)cnd_init(&p->go);
    (void)cnd_init(&p->full);
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
    (void)mtx_init(&lock, mtx_plain);
    (void)mtx_init(&rlock, mtx_plain | mtx_recursive);
    pair_init(&monitor);
}

const bench_subject bench_c11 = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("mtx_t"),
            BENCH_RLOCK_LINES("mtx_recursive"),
            BENCH_MONITOR_LINES("cnd_t"),
            BENCH_EVENT_LINES("mtx_t+cnd_t", setup_event),
            BENCH_LINE(BENCH_THREAD, "thrd_t", NULL, thread_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "mtx_t", sizeof(mtx_t)),
            BENCH_BYTES_OF(BENCH_SIZE_RLOCK, "mtx_t", sizeof(mtx_t)),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "mtx_t+cnd_t", sizeof(mtx_t) + sizeof(cnd_t)),
        },
};
