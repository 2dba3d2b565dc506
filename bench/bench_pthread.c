/* POSIX threads, with their barrier, sem_t and POSIX timers; an event is made by hand. */
#include "loops.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_SEMAPHORE
#define HAS_TIMED
#define HAS_FLAG
#define HAS_BARRIER
#define HAS_QUEUE
#define HAS_QUEUE_PINGPONG
#define HAS_SIMPLE_QUEUE
#define HAS_THREAD
#define HAS_TIMER
#define MAPS_IN_PARTS

typedef struct pair {
    pthread_mutex_t lock;
    pthread_cond_t go;
    pthread_cond_t full;
} pair;

static BENCH_ALIGNED pthread_mutex_t lock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED pthread_mutex_t rlock;

BENCH_CALL(acquire, pthread_mutex_t, pthread_mutex_lock(o))
BENCH_CALL(release, pthread_mutex_t, pthread_mutex_unlock(o))
BENCH_CALL(rlock_acquire, pthread_mutex_t, pthread_mutex_lock(o))
BENCH_CALL(rlock_release, pthread_mutex_t, pthread_mutex_unlock(o))
BENCH_CALL(monitor_acquire, pair, pthread_mutex_lock(&o->lock))
BENCH_CALL(monitor_release, pair, pthread_mutex_unlock(&o->lock))
BENCH_CALL(monitor_wait, pair, pthread_cond_wait(&o->go, &o->lock))

static struct timespec far_away(clockid_t clock) {
    struct timespec until;
    (void)clock_gettime(clock, &until);
    until.tv_sec += (time_t)BENCH_FAR_AWAY;
    return until;
}

static int monitor_wait_timed(void *object) {
    pair *p = object;
    struct timespec until = far_away(CLOCK_REALTIME);
    return pthread_cond_timedwait(&p->go, &p->lock, &until);
}

BENCH_CALL(monitor_notify, pair, pthread_cond_signal(&o->go))
BENCH_CALL(monitor_notify_all, pair, pthread_cond_broadcast(&o->go))
BENCH_CALL(monitor_wait_full, pair, pthread_cond_wait(&o->full, &o->lock))
BENCH_CALL(monitor_notify_full, pair, pthread_cond_signal(&o->full))

BENCH_MONITOR_CALLS

static BENCH_ALIGNED sem_t semaphore;
static BENCH_ALIGNED sem_t pong;
static BENCH_ALIGNED pthread_barrier_t barrier;

static void pair_init(pair *p) {
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->go, NULL);
    (void)pthread_cond_init(&p->full, NULL);
}

BENCH_CALL(semaphore_release, sem_t, sem_post(o))
BENCH_CALL(semaphore_acquire, sem_t, sem_wait(o))

static int semaphore_acquire_timed(void *object) {
    struct timespec until = far_away(CLOCK_REALTIME);
    return sem_timedwait(object, &until);
}

BENCH_CALL(barrier_wait, pthread_barrier_t, pthread_barrier_wait(o) > 0)

/* A ring of pointers, as long as the bounded queue. */
typedef struct ring {
    pthread_mutex_t lock;
    pthread_cond_t item_came;
    pthread_cond_t item_left;
    size_t first, count;
    void *items[BENCH_QUEUE_SIZE];
} ring;

static BENCH_ALIGNED ring queue;
static BENCH_ALIGNED ring queue_pong;

static int queue_put(void *object, void *item) {
    ring *r = object;
    int failed = pthread_mutex_lock(&r->lock);
    while (r->count == BENCH_QUEUE_SIZE) {
        failed |= pthread_cond_wait(&r->item_left, &r->lock);
    }
    r->items[(r->first + r->count++) % BENCH_QUEUE_SIZE] = item;
    failed |= pthread_mutex_unlock(&r->lock);
    return failed | pthread_cond_signal(&r->item_came);
}

static int queue_get(void *object, void **item) {
    ring *r = object;
    int failed = pthread_mutex_lock(&r->lock);
    while (r->count == 0) {
        failed |= pthread_cond_wait(&r->item_came, &r->lock);
    }
    *item = r->items[r->first];
    r->first = (r->first + 1) % BENCH_QUEUE_SIZE;
    r->count--;
    failed |= pthread_mutex_unlock(&r->lock);
    return failed | pthread_cond_signal(&r->item_left);
}

/* A list that grows as it must. */
typedef struct node {
    struct node *next;
    void *item;
} node;

typedef struct list {
    pthread_mutex_t lock;
    pthread_cond_t item_came;
    node *first, **last;
} list;

static BENCH_ALIGNED list simple_queue;

static int simple_queue_put(void *object, void *item) {
    list *l = object;
    node *n = malloc(sizeof *n);
    if (n == NULL) {
        return 1;
    }
    *n = (node){.item = item};
    int failed = pthread_mutex_lock(&l->lock);
    *l->last = n;
    l->last = &n->next;
    failed |= pthread_mutex_unlock(&l->lock);
    return failed | pthread_cond_signal(&l->item_came);
}

static int simple_queue_get(void *object, void **item) {
    list *l = object;
    int failed = pthread_mutex_lock(&l->lock);
    while (l->first == NULL) {
        failed |= pthread_cond_wait(&l->item_came, &l->lock);
    }
    node *n = l->first;
    l->first = n->next;
    l->last = l->first != NULL ? l->last : &l->first;
    failed |= pthread_mutex_unlock(&l->lock);
    *item = n->item;
    free(n);
    return failed;
}

static void *nothing(void *arg) {
    return arg;
}

static int start_join(void *object) {
    pthread_t thread;
    (void)object;
    return pthread_create(&thread, NULL, nothing, NULL) | pthread_join(thread, NULL);
}

static void never(union sigval value) {
    (void)value;
}

static int timer_set(timer_t *t, double seconds) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = never};
    struct itimerspec when = {.it_value.tv_sec = (time_t)seconds};
    return timer_create(CLOCK_MONOTONIC, &event, t) != 0 || timer_settime(*t, 0, &when, NULL) != 0;
}

static int timer(void *object) {
    timer_t t;
    (void)object;
    return timer_set(&t, 3600) != 0 || timer_delete(t) != 0;
}

/* The system allows as many as it allows pending signals. */
static int timer_wait(double seconds) {
    timer_t t;
    return timer_set(&t, seconds);
}

#include "jobs.h"

static void setup(int threads) {
    pthread_mutexattr_t attributes;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    shared = (bench_shared){.turn = 0};
    (void)pthread_mutex_init(&lock, NULL);
    (void)pthread_mutex_init(&rlock, &attributes);
    pair_init(&monitor);
    (void)sem_init(&semaphore, 0, 0);
    (void)sem_init(&pong, 0, 0);
    (void)pthread_barrier_init(&barrier, NULL, (unsigned)threads);
    (void)pthread_mutexattr_destroy(&attributes);
}

static void setup_ring(ring *r) {
    r->first = r->count = 0;
    (void)pthread_mutex_init(&r->lock, NULL);
    (void)pthread_cond_init(&r->item_came, NULL);
    (void)pthread_cond_init(&r->item_left, NULL);
}

static void setup_queues(int threads) {
    (void)threads;
    shared.turn = 0;
    setup_ring(&queue);
    setup_ring(&queue_pong);
    simple_queue.last = &simple_queue.first;
    (void)pthread_mutex_init(&simple_queue.lock, NULL);
    (void)pthread_cond_init(&simple_queue.item_came, NULL);
}

/* A pool as one makes it by hand: a list of tasks under a mutex, each task with a mutex and a
 * condition of its own for who waits for it. */
typedef struct task {
    void *(*function)(void *arg);
    void *arg;
    struct task *next;
    pthread_mutex_t lock;
    pthread_cond_t is_done;
    bool done;
} task;

static BENCH_ALIGNED struct {
    pthread_mutex_t lock;
    pthread_cond_t work_came;
    task *first, **last;
} crew;

static void *crew_work(void *arg) {
    (void)arg;
    (void)pthread_mutex_lock(&crew.lock);
    for (;;) {
        task *t = crew.first;
        if (t == NULL) {
            (void)pthread_cond_wait(&crew.work_came, &crew.lock);
            continue;
        }
        crew.first = t->next;
        crew.last = crew.first == NULL ? &crew.first : crew.last;
        (void)pthread_mutex_unlock(&crew.lock);
        void *result = t->function(t->arg);
        (void)pthread_mutex_lock(&t->lock);
        t->arg = result;
        t->done = true;
        (void)pthread_cond_signal(&t->is_done);
        (void)pthread_mutex_unlock(&t->lock);
        (void)pthread_mutex_lock(&crew.lock);
    }
    return NULL;
}

static int pool_open(void) {
    int failed = pthread_mutex_init(&crew.lock, NULL) | pthread_cond_init(&crew.work_came, NULL);
    crew.first = NULL;
    crew.last = &crew.first;
    for (int i = 0; i < BENCH_WORKERS; i++) {
        pthread_t worker;
        failed |= pthread_create(&worker, NULL, crew_work, NULL);
    }
    return failed;
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    task *t = (task *)malloc(sizeof *t);
    if (t == NULL) {
        abort();
    }
    *t = (task){.function = function, .arg = arg};
    (void)pthread_mutex_init(&t->lock, NULL);
    (void)pthread_cond_init(&t->is_done, NULL);
    (void)pthread_mutex_lock(&crew.lock);
    *crew.last = t;
    crew.last = &t->next;
    (void)pthread_cond_signal(&crew.work_came);
    (void)pthread_mutex_unlock(&crew.lock);
    return t;
}

static void *pool_result(void *future) {
    task *t = (task *)future;
    (void)pthread_mutex_lock(&t->lock);
    while (!t->done) {
        (void)pthread_cond_wait(&t->is_done, &t->lock);
    }
    (void)pthread_mutex_unlock(&t->lock);
    void *result = t->arg;
    free(t);
    return result;
}

#include "pools.h"

const bench_subject bench_pthread = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("pthread_mutex"),
            BENCH_RLOCK_LINES("pthread_recursive"),
            BENCH_SEMAPHORE_LINES("sem_t"),
            BENCH_LINE(BENCH_SEMAPHORE_TIMED, "sem_t", setup, semaphore_timed_job),
            BENCH_EVENT_LINES("pthread mutex+cond", setup_event),
            BENCH_MONITOR_LINES("pthread_cond"),
            BENCH_LINE(BENCH_BARRIER, "pthread_barrier", setup, barrier_job),
            BENCH_LINE(BENCH_THREAD, "pthread_create", NULL, thread_job),
            BENCH_LINE(BENCH_TIMER, "timer_create", NULL, timer_job),
            BENCH_QUEUE_LINE("pthread mutex+cond ring"),
            BENCH_QUEUE_PINGPONG_LINE("pthread mutex+cond ring"),
            BENCH_SIMPLE_QUEUE_LINE("pthread mutex+cond list"),
            BENCH_POOL_LINES("pthread mutex+cond pool"),
            BENCH_LINE(BENCH_NESTED, "pthread mutex+cond pool", NULL, nested_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "pthread_mutex", sizeof lock),
            BENCH_BYTES_OF(BENCH_SIZE_RLOCK, "pthread_mutex", sizeof rlock),
            BENCH_BYTES_OF(BENCH_SIZE_SEMAPHORE, "sem_t", sizeof semaphore),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "pthread mutex+cond",
                           sizeof(pthread_mutex_t) + sizeof(pthread_cond_t)),
            BENCH_BYTES_OF(BENCH_SIZE_BARRIER, "pthread_barrier", sizeof(pthread_barrier_t)),
            BENCH_HOARD(BENCH_SIZE_TIMER, "timer_create", wait_for_timers),
        },
};
