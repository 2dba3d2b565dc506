/* POSIX threads, with their barrier, sem_t and POSIX timers; an event is made by hand. */
#include "loops.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

typedef struct pair {
    pthread_mutex_t lock;
    pthread_cond_t go;
    pthread_cond_t full;
} pair;

static BENCH_ALIGNED pthread_mutex_t lock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED bool flag;

static int acquire(void *object) {
    return pthread_mutex_lock(object);
}

static int release(void *object) {
    return pthread_mutex_unlock(object);
}

static int monitor_acquire(void *object) {
    return pthread_mutex_lock(&((pair *)object)->lock);
}

static int monitor_release(void *object) {
    return pthread_mutex_unlock(&((pair *)object)->lock);
}

static int monitor_wait(void *object) {
    pair *p = object;
    return pthread_cond_wait(&p->go, &p->lock);
}

static int monitor_notify(void *object) {
    return pthread_cond_signal(&((pair *)object)->go);
}

static int monitor_notify_all(void *object) {
    return pthread_cond_broadcast(&((pair *)object)->go);
}

static int monitor_wait_full(void *object) {
    pair *p = object;
    return pthread_cond_wait(&p->full, &p->lock);
}

static int monitor_notify_full(void *object) {
    return pthread_cond_signal(&((pair *)object)->full);
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
static BENCH_ALIGNED sem_t semaphore;
static BENCH_ALIGNED sem_t pong;
static BENCH_ALIGNED pthread_barrier_t barrier;

static int event_set(void *object) {
    return bench_put_flag(&calls, object, &flag, true);
}

static int event_clear(void *object) {
    return bench_put_flag(&calls, object, &flag, false);
}

static int event_is_set(void *object) {
    return bench_get_flag(&calls, object, &flag);
}

static int semaphore_release(void *object) {
    return sem_post(object);
}

static int semaphore_acquire(void *object) {
    return sem_wait(object);
}

static int barrier_wait(void *object) {
    return pthread_barrier_wait(object) > 0;
}

/* A ring of pointers, as long as the bounded queue. */
typedef struct ring {
    pthread_mutex_t lock;
    pthread_cond_t item_came;
    pthread_cond_t item_left;
    size_t first, count;
    void *items[BENCH_QUEUE_SIZE];
} ring;

static BENCH_ALIGNED ring queue;

static int ring_put(void *object) {
    ring *r = object;
    int failed = pthread_mutex_lock(&r->lock);
    while (r->count == BENCH_QUEUE_SIZE) {
        failed |= pthread_cond_wait(&r->item_left, &r->lock);
    }
    r->items[(r->first + r->count++) % BENCH_QUEUE_SIZE] = object;
    failed |= pthread_mutex_unlock(&r->lock);
    return failed | pthread_cond_signal(&r->item_came);
}

static int ring_get(void *object) {
    ring *r = object;
    int failed = pthread_mutex_lock(&r->lock);
    while (r->count == 0) {
        failed |= pthread_cond_wait(&r->item_came, &r->lock);
    }
    void *item = r->items[r->first];
    r->first = (r->first + 1) % BENCH_QUEUE_SIZE;
    r->count--;
    failed |= pthread_mutex_unlock(&r->lock);
    return failed | pthread_cond_signal(&r->item_left) | (item != object);
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

static int list_put(void *object) {
    list *l = object;
    node *n = malloc(sizeof *n);
    if (n == NULL) {
        return 1;
    }
    *n = (node){.item = object};
    int failed = pthread_mutex_lock(&l->lock);
    *l->last = n;
    l->last = &n->next;
    failed |= pthread_mutex_unlock(&l->lock);
    return failed | pthread_cond_signal(&l->item_came);
}

static int list_get(void *object) {
    list *l = object;
    int failed = pthread_mutex_lock(&l->lock);
    while (l->first == NULL) {
        failed |= pthread_cond_wait(&l->item_came, &l->lock);
    }
    node *n = l->first;
    l->first = n->next;
    l->last = l->first != NULL ? l->last : &l->first;
    failed |= pthread_mutex_unlock(&l->lock);
    failed |= n->item != object;
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

static int timer(void *object) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = never};
    struct itimerspec hour = {.it_value.tv_sec = 3600};
    timer_t t;
    (void)object;
    return timer_create(CLOCK_MONOTONIC, &event, &t) | timer_settime(t, 0, &hour, NULL) |
           timer_delete(t);
}

#include "jobs.h"

static void setup(int threads) {
    shared = (bench_shared){.turn = 0};
    flag = false;
    (void)pthread_mutex_init(&lock, NULL);
    (void)pthread_mutex_init(&monitor.lock, NULL);
    (void)pthread_cond_init(&monitor.go, NULL);
    (void)pthread_cond_init(&monitor.full, NULL);
    (void)sem_init(&semaphore, 0, 0);
    (void)sem_init(&pong, 0, 0);
    (void)pthread_barrier_init(&barrier, NULL, (unsigned)threads);
}

static void setup_recursive(int threads) {
    pthread_mutexattr_t attributes;
    (void)threads;
    (void)pthread_mutexattr_init(&attributes);
    (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    (void)pthread_mutex_init(&lock, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
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

BENCH_JOB long semaphore_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&semaphore, count, semaphore_release, semaphore_acquire);
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
    queue.first = queue.count = 0;
    simple_queue.last = &simple_queue.first;
    (void)pthread_mutex_init(&queue.lock, NULL);
    (void)pthread_cond_init(&queue.item_came, NULL);
    (void)pthread_cond_init(&queue.item_left, NULL);
    (void)pthread_mutex_init(&simple_queue.lock, NULL);
    (void)pthread_cond_init(&simple_queue.item_came, NULL);
}

BENCH_JOB long queue_job(int me, int threads, long count) {
    return bench_items(&queue, me, threads, count, ring_put, ring_get);
}

BENCH_JOB long simple_queue_job(int me, int threads, long count) {
    return bench_items(&simple_queue, me, threads, count, list_put, list_get);
}

BENCH_JOB long timer_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(NULL, count, timer);
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

typedef struct part {
    unsigned char *items;
    long n;
} part;

static void touch(void *item) {
    ++*(unsigned char *)item;
}

static void (*volatile touch_each)(void *item) =
    touch; /* called through a pointer, as a pool must */

static void *map_part(void *arg) {
    part *p = (part *)arg;
    void (*function)(void *) = touch_each;
    for (long i = 0; i < p->n; i++) {
        function(&p->items[i]);
    }
    return arg;
}

/* In four parts for each worker. */
static long pool_map(unsigned char *items, long n) {
    enum {
        PARTS = 4 * BENCH_WORKERS
    };
    part parts[PARTS];
    void *futures[PARTS];
    long failures = 0;
    for (long i = 0; i < PARTS; i++) {
        parts[i] = (part){items + i * n / PARTS, (i + 1) * n / PARTS - i * n / PARTS};
        futures[i] = pool_submit(map_part, &parts[i]);
    }
    for (int i = 0; i < PARTS; i++) {
        failures += pool_result(futures[i]) != &parts[i];
    }
    return failures;
}

#include "pools.h"

const bench_subject bench_pthread = {
    .kind = BENCH_PEER,
    .jobs =
        {
            [BENCH_LOCK] = {"pthread_mutex", setup, lock_job},
            [BENCH_LOCK_WITH] = {"pthread_mutex", setup, lock_job},
            [BENCH_RLOCK] = {"pthread_recursive", setup_recursive, lock_job},
            [BENCH_RLOCK_NESTED] = {"pthread_recursive", setup_recursive, nested_job},
            [BENCH_SEMAPHORE] = {"sem_t", setup, semaphore_job},
            [BENCH_EVENT] = {"pthread mutex+cond", setup, event_job},
            [BENCH_EVENT_IS_SET] = {"pthread_mutex", setup, event_is_set_job},
            [BENCH_CONTENDED] = {"pthread_mutex", setup, contended_job},
            [BENCH_CONTENDED_WORK] = {"pthread_mutex", setup, contended_work_job},
            [BENCH_SEMAPHORE_PINGPONG] = {"sem_t", setup, semaphore_pingpong_job},
            [BENCH_CONDITION_PINGPONG] = {"pthread_cond", setup, condition_pingpong_job},
            [BENCH_NOTIFY_ALL] = {"pthread_cond", setup, notify_all_job},
            [BENCH_BARRIER] = {"pthread_barrier", setup, barrier_job},
            [BENCH_THREAD] = {"pthread_create", NULL, thread_job},
            [BENCH_TIMER] = {"timer_create", NULL, timer_job},
            [BENCH_QUEUE] = {"pthread mutex+cond ring", setup_queues, queue_job},
            [BENCH_SIMPLE_QUEUE] = {"pthread mutex+cond list", setup_queues, simple_queue_job},
            BENCH_POOL_JOBS("pthread mutex+cond pool"),
        },
};
