/* How the cost of one operation grows with the number of threads, locks, timers, items, futures.
 *
 * A curve is one operation, measured with more and more of what it works on, in a process of its
 * own. Each states the order of growth that its data structure promises. The program measures the
 * exponent x of cost = a * n^x over the upper half of the points (on a logarithmic scale), and ends
 * with a failure when a curve is clearly worse than its promise, or when anything was lost: every
 * round counts what came out. The curve "control" looks through a list and claims not to; it must
 * be found out.
 *
 *     SCALE_ONLY    text that the curve's name or group must contain
 *     SCALE_CSV     a file to write all figures to
 *     SCALE_MOST    no n above this; then no curve is judged
 *     SCALE_ROUNDS  rounds of each point (5; 3 of those that take long): their median is shown, the
 *                   least is judged
 */
#define _GNU_SOURCE
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ROUNDS = 101,
    MAX_POINTS = 32,
    MAX_THREADS = 1000,
    LOCK_WAITERS = 256,
    SECONDS_UNTIL_HUNG = 120
};

#define LONG_ROUND 0.3e9 /* nanoseconds; a point whose rounds take longer gets three of them */

static _Atomic(long) failures; /* calls that failed, and counts that were wrong */
static _Atomic(long) counted;  /* what a round's threads have done */

static void must(pyt_status status) {
    if (status != PYT_OK) {
        failures++;
    }
}

static void check(bool good) {
    if (!good) {
        failures++;
    }
}

static double now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        (void)fprintf(stderr, "no memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

/* The same numbers in every run. */
static uint64_t next_random(void) {
    static uint64_t state = 88172645463325252U;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* How often to do what takes n operations, to do at least `ops`. */
static long repeats_of(long n, long ops) {
    return n < ops ? (ops + n - 1) / n : 1;
}

/* ---- threads ---- */

static pyt_thread *crew[MAX_THREADS];
static pyt_event go;

static void crew_start(long n, void *(*target)(void *), void *arg) {
    must(pyt_event_clear(&go));
    for (long i = 0; i < n; i++) {
        must(pyt_thread_new(&crew[i], &(pyt_thread_options){.target = target, .arg = arg}));
        must(pyt_thread_start(crew[i]));
    }
}

static void crew_join(long n) {
    for (long i = 0; i < n; i++) {
        must(pyt_thread_join(crew[i]));
        pyt_thread_unref(crew[i]);
    }
}

static void *wait_and_count(void *arg) {
    must(pyt_event_wait(&go));
    counted++;
    return arg;
}

/* Start n threads, which all wait; then let them end, and join them. */
static double run_start(long n, long ops) {
    long repeats = repeats_of(n, ops);
    double begin = now_ns();
    counted = 0;
    for (long i = 0; i < repeats; i++) {
        crew_start(n, wait_and_count, NULL);
        must(pyt_event_set(&go));
        crew_join(n);
    }
    check(counted == n * repeats);
    return (now_ns() - begin) / (double)(n * repeats);
}

typedef struct contest {
    pyt_lock lock;
    long left;  /* under lock */
    double end; /* under lock */
} contest;

static void *contend(void *arg) {
    contest *c = arg;
    long mine = 0;
    must(pyt_event_wait(&go));
    for (bool more = true; more;) {
        must(pyt_lock_acquire(&c->lock));
        more = c->left > 0;
        if (more) {
            mine++;
            c->left--;
            c->end = c->left == 0 ? now_ns() : c->end;
        }
        must(pyt_lock_release(&c->lock));
    }
    counted += mine;
    return NULL;
}

/* n threads take the same lock again and again. */
static double run_contended(long n, long ops) {
    contest c = {PYT_LOCK_INIT, repeats_of(n, ops) * n, 0};
    long total = c.left;
    counted = 0;
    crew_start(n, contend, &c);
    double begin = now_ns();
    must(pyt_event_set(&go));
    crew_join(n);
    check(counted == total);
    return (c.end - begin) / (double)total;
}

typedef struct meeting {
    pyt_barrier barrier;
    long repeats;
    double end; /* by the thread with index 0, who is one in each round */
} meeting;

static void *meet(void *arg) {
    meeting *m = arg;
    long indices = 0;
    must(pyt_event_wait(&go));
    for (long i = 0; i < m->repeats; i++) {
        int index = -1;
        must(pyt_barrier_wait(&m->barrier, &index));
        indices += index;
        if (index == 0 && i == m->repeats - 1) {
            m->end = now_ns();
        }
    }
    counted += indices;
    return NULL;
}

/* n threads meet at a barrier. */
static double run_barrier(long n, long ops) {
    meeting m = {.repeats = repeats_of(n, ops)};
    must(pyt_barrier_init(&m.barrier, (int)n, NULL));
    counted = 0;
    crew_start(n, meet, &m);
    double begin = now_ns();
    must(pyt_event_set(&go));
    crew_join(n);
    check(counted == m.repeats * (n * (n - 1) / 2));
    return (m.end - begin) / (double)(n * m.repeats);
}

/* Threads that wait on one condition, and one that wakes them when all do. All under its lock. */
typedef struct audience {
    pyt_lock lock;
    pyt_condition changed, full;
    long n, waiting, round;
    bool over;
} audience;

static void *attend(void *arg) {
    audience *a = arg;
    long rounds = 0;
    must(pyt_lock_acquire(&a->lock));
    while (!a->over) {
        long round = a->round;
        rounds++;
        if (++a->waiting == a->n) {
            must(pyt_condition_notify(&a->full));
        }
        while (a->round == round) {
            must(pyt_condition_wait(&a->changed));
        }
    }
    must(pyt_lock_release(&a->lock));
    counted += rounds;
    return NULL;
}

static void audience_fill(audience *a) {
    while (a->waiting < a->n) {
        must(pyt_condition_wait(&a->full));
    }
}

/* Wake all, by one call or by one for each. Returns how long the calls took. */
static double audience_wake(audience *a, bool one_by_one) {
    a->waiting = 0;
    a->round++;
    double begin = now_ns();
    for (long i = 0; one_by_one && i < a->n; i++) {
        must(pyt_condition_notify(&a->changed));
    }
    if (!one_by_one) {
        must(pyt_condition_notify_all(&a->changed));
    }
    return now_ns() - begin;
}

/* n threads wait on a condition. One by one: how long one notify takes; else how long it takes
 * until notify_all has woken all of them and they wait again. */
static double run_audience(long n, long ops, bool one_by_one) {
    audience a = {.n = n};
    long repeats = repeats_of(n, ops);
    double calls = 0;
    counted = 0;
    must(pyt_condition_init_lock(&a.changed, &a.lock));
    must(pyt_condition_init_lock(&a.full, &a.lock));
    must(pyt_lock_acquire(&a.lock));
    crew_start(n, attend, &a);
    audience_fill(&a);
    double begin = now_ns();
    for (long i = 0; i < repeats; i++) {
        calls += audience_wake(&a, one_by_one);
        audience_fill(&a);
    }
    double all = now_ns() - begin;
    a.over = true;
    (void)audience_wake(&a, false);
    must(pyt_lock_release(&a.lock));
    crew_join(n);
    check(counted == n * (repeats + 1));
    return (one_by_one ? calls : all) / (double)(n * repeats);
}

static double run_notify_all(long n, long ops) {
    return run_audience(n, ops, false);
}

static double run_notify(long n, long ops) {
    return run_audience(n, ops, true);
}

/* ---- locks ---- */

static struct {
    pyt_lock *all;
    long n;
    _Atomic(long) started, pending;
    pyt_event done;
    bool over; /* written while every thread waits */
} locks;

/* The lock of one of those that wait: they are spread over all there are. */
static pyt_lock *lock_of(long waiter) {
    return &locks.all[waiter * (locks.n / LOCK_WAITERS)];
}

static void *wait_for_lock(void *arg) {
    pyt_lock *mine = lock_of(locks.started++);
    (void)arg;
    must(pyt_lock_acquire(mine));
    while (!locks.over) {
        counted++;
        if (--locks.pending == 0) {
            must(pyt_event_set(&locks.done));
        }
        must(pyt_lock_acquire(mine));
    }
    return NULL;
}

/* Let each of those that wait have its lock once. */
static void release_each(void) {
    for (long i = 0; i < LOCK_WAITERS; i++) {
        must(pyt_lock_release(lock_of(i)));
    }
}

static void begin_locks(long n) {
    locks.n = n;
    locks.all = allocate((size_t)n * sizeof *locks.all);
    locks.started = 0;
    locks.over = false;
    for (long i = 0; i < n; i++) {
        must(pyt_lock_acquire(&locks.all[i]));
    }
    crew_start(LOCK_WAITERS, wait_for_lock, NULL);
}

static void end_locks(void) {
    locks.over = true;
    release_each();
    crew_join(LOCK_WAITERS);
    for (long i = 0; i < locks.n; i++) {
        check(pyt_lock_locked(&locks.all[i]));
    }
    free(locks.all);
}

/* Of n locks, all held, some hundred are waited for at once, each by a thread of its own. */
static double run_locks(long n, long ops) {
    long repeats = repeats_of(LOCK_WAITERS, ops);
    (void)n;
    counted = 0;
    double begin = now_ns();
    for (long i = 0; i < repeats; i++) {
        locks.pending = LOCK_WAITERS;
        must(pyt_event_clear(&locks.done));
        release_each();
        must(pyt_event_wait(&locks.done));
    }
    check(counted == LOCK_WAITERS * repeats);
    return (now_ns() - begin) / (double)(LOCK_WAITERS * repeats);
}

/* How many queues of a bucket are looked through to find that of one of n addresses, all of them
 * waited on, in proportion to what chance would make of it. */
static double bucket_looks(long n, uintptr_t stride) {
    static long found[PYT__BUCKETS];
    double looks = 0;
    long sum = 0;
    pyt__shared *shared = pyt__shared_get();
    memset(found, 0, sizeof found);
    for (long i = 0; i < n; i++) {
        uintptr_t address = (uintptr_t)0x10000 + (uintptr_t)i * stride;
        found[pyt__bucket_of((const void *)address) - shared->buckets]++;
    }
    for (size_t i = 0; i < PYT__BUCKETS; i++) {
        sum += found[i];
        looks += (double)found[i] * (double)found[i];
    }
    check(sum == n);
    return looks / (double)n / (1 + (double)(n - 1) / PYT__BUCKETS);
}

static double run_buckets_4(long n, long ops) {
    (void)ops;
    return bucket_looks(n, 4);
}

static double run_buckets_8(long n, long ops) {
    (void)ops;
    return bucket_looks(n, 8);
}

static double run_buckets_16(long n, long ops) {
    (void)ops;
    return bucket_looks(n, 16);
}

static double run_buckets_64(long n, long ops) {
    (void)ops;
    return bucket_looks(n, 64);
}

static double run_buckets_4096(long n, long ops) {
    (void)ops;
    return bucket_looks(n, 4096);
}

/* ---- timers and events ---- */

static pyt_thread **timers; /* the first is due before all others, so that the service sleeps */
static long timer_count;

static void never(void *arg) {
    (void)arg;
    failures++;
}

/* Delays in seconds, none of which passes here. */
#define FIRST 5000
#define EARLY 6000

static double some_delay(void) {
    return 10000 + (double)(next_random() % 1000000) / 100;
}

static pyt_thread *timer_start(double delay) {
    pyt_thread *timer = NULL;
    must(pyt_timer_new(&timer, delay, never, NULL));
    must(pyt_thread_start(timer));
    return timer;
}

static void timer_end(pyt_thread *timer) {
    must(pyt_timer_cancel(timer));
    pyt_thread_unref(timer);
}

static void begin_timers(long n) {
    timer_count = n + 1;
    timers = allocate((size_t)timer_count * sizeof *timers);
    for (long i = 0; i < timer_count; i++) {
        timers[i] = timer_start(i == 0 ? FIRST : some_delay());
    }
    check(pyt_active_count() == (size_t)timer_count + 1);
}

static void end_timers(void) {
    for (long i = 0; i < timer_count; i++) {
        timer_end(timers[i]);
    }
    check(pyt_active_count() == 1);
    free(timers);
}

/* Start one more timer, due before those n that wait, and cancel it. */
static double run_timer(long n, long ops) {
    (void)n;
    double begin = now_ns();
    for (long i = 0; i < ops; i++) {
        timer_end(timer_start(EARLY));
    }
    return (now_ns() - begin) / (double)ops;
}

static void begin_one_timer(long n) {
    (void)n;
    begin_timers(0);
}

/* Start n timers, and cancel them in another order. */
static double run_all_timers(long n, long ops) {
    long repeats = repeats_of(n, ops);
    pyt_thread **all = allocate((size_t)n * sizeof *all);
    double taken = 0;
    for (long r = 0; r < repeats; r++) {
        double begin = now_ns();
        for (long i = 0; i < n; i++) {
            all[i] = timer_start(some_delay());
        }
        taken += now_ns() - begin;
        check(pyt_active_count() == (size_t)n + 2);
        for (long i = n - 1; i > 0; i--) {
            long other = (long)(next_random() % (uint64_t)(i + 1));
            pyt_thread *swapped = all[i];
            all[i] = all[other];
            all[other] = swapped;
        }
        begin = now_ns();
        for (long i = 0; i < n; i++) {
            timer_end(all[i]);
        }
        taken += now_ns() - begin;
        check(pyt_active_count() == 2);
    }
    free(all);
    return taken / (double)(n * repeats);
}

static pyt_scheduler scheduler;

static void begin_events(long n) {
    must(pyt_scheduler_init(&scheduler, NULL));
    for (long i = 0; i < n; i++) {
        must(pyt_scheduler_enter(&scheduler, some_delay(), 0, never, NULL, NULL));
    }
}

static void end_events(void) {
    must(pyt_scheduler_destroy(&scheduler));
}

/* Enter one more event, due before the n that are there, and cancel it. */
static double run_event(long n, long ops) {
    double begin = now_ns();
    for (long i = 0; i < ops; i++) {
        pyt_sched_event event;
        must(pyt_scheduler_enter(&scheduler, EARLY, 0, never, NULL, &event));
        must(pyt_scheduler_cancel(&scheduler, &event));
    }
    double taken = now_ns() - begin;
    check(pyt_scheduler_queue(&scheduler, NULL, 0) == (size_t)n);
    return taken / (double)ops;
}

/* ---- items ---- */

static int compare_items(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Put n items into a queue, and get them out again, in the right order. */
static double pass_items(pyt_queue *queue, long n, long repeats, bool drawn, bool backwards) {
    double begin = now_ns();
    for (long r = 0; r < repeats; r++) {
        uint64_t sum = 0, last = 0, item = 0;
        for (long i = 0; i < n; i++) {
            item = drawn ? next_random() : (uint64_t)i;
            sum += item;
            must(pyt_queue_put(queue, &item));
        }
        check(pyt_queue_qsize(queue) == (size_t)n);
        for (long i = 0; i < n; i++) {
            must(pyt_queue_get(queue, &item));
            check(i == 0 || (item < last) == backwards);
            last = item;
            sum -= item;
        }
        check(sum == 0 && pyt_queue_empty(queue));
    }
    double taken = now_ns() - begin;
    must(pyt_queue_destroy(queue));
    return taken / (double)(n * repeats);
}

static double run_queue(long n, long ops) {
    pyt_queue queue;
    must(pyt_queue_init(&queue, sizeof(uint64_t), 0));
    return pass_items(&queue, n, repeats_of(n, ops), false, false);
}

static double run_lifo(long n, long ops) {
    pyt_queue queue;
    must(pyt_lifo_queue_init(&queue, sizeof(uint64_t), 0));
    return pass_items(&queue, n, repeats_of(n, ops), false, true);
}

static double run_priority(long n, long ops) {
    pyt_queue queue;
    must(pyt_priority_queue_init(&queue, sizeof(uint64_t), 0, compare_items));
    return pass_items(&queue, n, repeats_of(n, ops), true, false);
}

static double run_simple(long n, long ops) {
    long repeats = repeats_of(n, ops);
    pyt_simple_queue queue;
    must(pyt_simple_queue_init(&queue, sizeof(uint64_t)));
    double begin = now_ns();
    for (long r = 0; r < repeats; r++) {
        for (uint64_t i = 0; i < (uint64_t)n; i++) {
            must(pyt_simple_queue_put(&queue, &i));
        }
        check(pyt_simple_queue_qsize(&queue) == (size_t)n);
        for (uint64_t i = 0; i < (uint64_t)n; i++) {
            uint64_t item = 0;
            must(pyt_simple_queue_get(&queue, &item));
            check(item == i);
        }
        check(pyt_simple_queue_empty(&queue));
    }
    double taken = now_ns() - begin;
    must(pyt_simple_queue_destroy(&queue));
    return taken / (double)(n * repeats);
}

/* ---- futures ---- */

enum {
    WORKERS = 2
};

static pyt_executor *executor;
static pyt_future **futures;
static pyt_future *blockers[WORKERS];

static void begin_futures(long n) {
    futures = allocate((size_t)n * sizeof *futures);
    must(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = WORKERS}));
}

static void end_futures(void) {
    pyt_executor_free(executor);
    free(futures);
}

static void *block(void *arg) {
    must(pyt_event_wait(&go));
    return arg;
}

static void *task(void *arg) {
    return arg;
}

/* Submit n tasks while the workers are kept from them. Returns how long that took. */
static double futures_submit(long n) {
    must(pyt_event_clear(&go));
    for (int i = 0; i < WORKERS; i++) {
        must(pyt_executor_submit(executor, block, NULL, &blockers[i]));
    }
    double begin = now_ns();
    for (long i = 0; i < n; i++) {
        must(pyt_executor_submit(executor, task, &futures[i], &futures[i]));
    }
    return now_ns() - begin;
}

/* See each future complete, by one of two means. Returns how long that took. */
static double futures_await(long n, bool one_by_one) {
    double begin = now_ns();
    must(pyt_event_set(&go));
    if (!one_by_one) {
        must(pyt_wait(futures, (size_t)n, PYT_ALL_COMPLETED, NULL, NULL));
        return now_ns() - begin;
    }
    pyt_as_completed iterator;
    pyt_future *future = NULL;
    long seen = 0;
    must(pyt_as_completed_init(&iterator, futures, (size_t)n));
    while (pyt_as_completed_next(&iterator, &future) == PYT_OK) {
        seen++;
    }
    pyt_as_completed_destroy(&iterator);
    check(seen == n);
    return now_ns() - begin;
}

static void futures_check(long n) {
    for (long i = 0; i < n; i++) {
        void *result = NULL;
        must(pyt_future_result(futures[i], &result));
        check(result == &futures[i]);
        pyt_future_unref(futures[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        must(pyt_future_result(blockers[i], NULL));
        pyt_future_unref(blockers[i]);
    }
}

static double run_submit(long n, long ops) {
    long repeats = repeats_of(n, ops);
    double taken = 0;
    for (long i = 0; i < repeats; i++) {
        taken += futures_submit(n);
        (void)futures_await(n, false);
        futures_check(n);
    }
    return taken / (double)(n * repeats);
}

static double run_await(long n, long ops, bool one_by_one) {
    long repeats = repeats_of(n, ops);
    double taken = 0;
    for (long i = 0; i < repeats; i++) {
        (void)futures_submit(n);
        taken += futures_await(n, one_by_one);
        futures_check(n);
    }
    return taken / (double)(n * repeats);
}

static double run_wait(long n, long ops) {
    return run_await(n, ops, false);
}

static double run_as_completed(long n, long ops) {
    return run_await(n, ops, true);
}

/* ---- the control ---- */

typedef struct node {
    struct node *next;
    long number;
} node;

static node *nodes;

static void begin_list(long n) {
    nodes = allocate((size_t)n * sizeof *nodes);
    for (long i = 0; i < n; i++) {
        nodes[i] = (node){i + 1 < n ? &nodes[i + 1] : NULL, i};
    }
}

static void end_list(void) {
    free(nodes);
}

/* Find an element of a list by looking through it. */
static double run_list(long n, long ops) {
    double begin = now_ns();
    for (long i = 0; i < ops; i++) {
        long wanted = (long)(next_random() % (uint64_t)n);
        const node *here = nodes;
        while (here != NULL && here->number != wanted) {
            here = here->next;
        }
        check(here == &nodes[wanted]);
    }
    return (now_ns() - begin) / (double)ops;
}

/* ---- the curves ---- */

typedef enum order {
    CONSTANT,
    LOGARITHMIC
} order;

static const char *const order_names[] = {"O(1)", "O(log n)"};

/* Above this exponent a curve is worse than promised. Three decades of log n look like 0.1; what no
 * longer fits into the caches of the processor costs a power of its own: up to 0.2, and 0.5 for a
 * heap on a machine whose caches others use. A list that is looked through has 1. */
static const double order_limits[] = {0.5, 0.65};

typedef struct curve {
    const char *group, *name, *text;
    order promised;
    bool pinned; /* all on one processor; else left to the system */
    long least, most;
    long ops;                        /* of a round, at least */
    double (*run)(long n, long ops); /* one round; returns the cost of one operation */
    void (*begin)(long n);           /* what all rounds of a point need; may be NULL */
    void (*end)(void);
    double limit;    /* no value may be above; 0: none */
    bool is_control; /* has to be worse than promised */
} curve;

#define MILLION 1000000L

static const curve curves[] = {
    {"threads", "start", "start + join, n threads alive at once", CONSTANT, false, 1, 1000, 300,
     run_start, NULL, NULL, 0, false},
    {"threads", "contended", "acquire + release of one lock by n threads", CONSTANT, false, 1, 1000,
     2 * MILLION, run_contended, NULL, NULL, 0, false},
    {"threads", "barrier", "one of n threads through a barrier", CONSTANT, false, 1, 1000, 5000,
     run_barrier, NULL, NULL, 0, false},
    {"threads", "notify_all", "one of n waiters woken by notify_all", CONSTANT, false, 1, 1000,
     5000, run_notify_all, NULL, NULL, 0, false},
    {"threads", "notify", "notify, n waiters on one address", CONSTANT, false, 1, 1000, 5000,
     run_notify, NULL, NULL, 0, false},
    {"locks", "locks", "hand a lock to one of 256 waiters, n locks", CONSTANT, false, 1000,
     10 * MILLION, 5000, run_locks, begin_locks, end_locks, 0, false},
    {"buckets", "stride 4", "queues looked through, addresses 4 apart", CONSTANT, true, 10,
     10 * MILLION, 1, run_buckets_4, NULL, NULL, 1.5, false},
    {"buckets", "stride 8", "queues looked through, addresses 8 apart", CONSTANT, true, 10,
     10 * MILLION, 1, run_buckets_8, NULL, NULL, 1.5, false},
    {"buckets", "stride 16", "queues looked through, addresses 16 apart", CONSTANT, true, 10,
     10 * MILLION, 1, run_buckets_16, NULL, NULL, 1.5, false},
    {"buckets", "stride 64", "queues looked through, addresses 64 apart", CONSTANT, true, 10,
     10 * MILLION, 1, run_buckets_64, NULL, NULL, 1.5, false},
    {"buckets", "stride 4096", "queues looked through, addresses 4096 apart", CONSTANT, true, 10,
     10 * MILLION, 1, run_buckets_4096, NULL, NULL, 1.5, false},
    {"timers", "timer", "start + cancel of the earliest of n timers", LOGARITHMIC, true, 1, MILLION,
     5000, run_timer, begin_timers, end_timers, 0, false},
    {"timers", "all timers", "start + cancel of each of n timers", LOGARITHMIC, true, 1, MILLION,
     5000, run_all_timers, begin_one_timer, end_timers, 0, false},
    {"timers", "event", "enter + cancel of the earliest of n events", LOGARITHMIC, true, 1, MILLION,
     5000, run_event, begin_events, end_events, 0, false},
    {"queues", "Queue", "put + get of one of n items", CONSTANT, true, 1, 10 * MILLION, 50000,
     run_queue, NULL, NULL, 0, false},
    {"queues", "LifoQueue", "put + get of one of n items", CONSTANT, true, 1, 10 * MILLION, 50000,
     run_lifo, NULL, NULL, 0, false},
    {"queues", "PriorityQueue", "put + get of one of n items", LOGARITHMIC, true, 1, 10 * MILLION,
     50000, run_priority, NULL, NULL, 0, false},
    {"queues", "SimpleQueue", "put + get of one of n items", CONSTANT, true, 1, 10 * MILLION, 50000,
     run_simple, NULL, NULL, 0, false},
    {"futures", "submit", "submit of one of n tasks", CONSTANT, false, 1, MILLION, 1000, run_submit,
     begin_futures, end_futures, 0, false},
    {"futures", "wait", "one of n tasks run and waited for", CONSTANT, false, 1, MILLION, 1000,
     run_wait, begin_futures, end_futures, 0, false},
    {"futures", "as_completed", "one of n tasks run and iterated over", CONSTANT, false, 1, MILLION,
     1000, run_as_completed, begin_futures, end_futures, 0, false},
    {"control", "control", "find in a list of n, said to be constant", CONSTANT, true, 1, 10000,
     1000, run_list, begin_list, end_list, 0, true},
};

typedef struct point {
    long n;
    int rounds;
    double median, low, high; /* low and high are the quartiles */
    double least;             /* what the curve is judged by: other work only adds to it */
} point;

static int rounds = 5;
static long most_n; /* 0: no limit */
static cpu_set_t allowed;
static FILE *csv;

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static point measure_point(const curve *c, long n) {
    double values[MAX_ROUNDS];
    int wanted = rounds, done = 0;
    if (c->begin != NULL) {
        c->begin(n);
    }
    while (done < wanted) {
        double begin = now_ns();
        values[done++] = c->run(n, c->ops);
        if (now_ns() - begin > LONG_ROUND && wanted > 3) {
            wanted = done > 3 ? done : 3;
        }
    }
    if (c->end != NULL) {
        c->end();
    }
    qsort(values, (size_t)done, sizeof *values, compare_doubles);
    return (point){
        .n = n,
        .rounds = done,
        .median = (values[(done - 1) / 2] + values[done / 2]) / 2,
        .low = values[(done - 1) / 4],
        .high = values[done - 1 - (done - 1) / 4],
        .least = values[0],
    };
}

/* The exponent of the power of n that comes closest, over the upper half of the points. */
static double exponent(const point *points, int count) {
    double least = log((double)points[0].n), most = log((double)points[count - 1].n);
    double k = 0, x = 0, y = 0, xx = 0, xy = 0;
    for (int i = 0; i < count; i++) {
        double at = log((double)points[i].n);
        if (at >= (least + most) / 2) {
            double cost = log(points[i].least);
            k++, x += at, y += cost, xx += at * at, xy += at * cost;
        }
    }
    return (k * xy - x * y) / (k * xx - x * x);
}

/* Powers of ten and three times those. */
static long next_n(long n, long most) {
    long power = 1;
    while (power * 10 <= n) {
        power *= 10;
    }
    long next = n < 3 * power ? 3 * power : 10 * power;
    return n < most && next > most ? most : next;
}

static void write_points(const curve *c, const point *points, int count) {
    for (int i = 0; csv != NULL && i < count; i++) {
        const point *p = &points[i];
        (void)fprintf(csv, "%s,%s,%s,%s,%ld,%.3f,%.3f,%.3f,%d\n", c->group, c->name,
                      order_names[c->promised], c->pinned ? "one" : "all", p->n, p->median, p->low,
                      p->high, p->rounds);
    }
}

static bool is_worse(const curve *c, const point *points, int count) {
    bool worse = exponent(points, count) > order_limits[c->promised];
    for (int i = 0; i < count; i++) {
        worse = worse || (c->limit > 0 && points[i].least > c->limit);
    }
    return worse;
}

/* Returns whether the curve is as it has to be. */
static bool judge(const curve *c, const point *points, int count) {
    bool worse = is_worse(c, points, count);
    const char *verdict = worse ? "WORSE" : "ok";
    if (most_n > 0) {
        worse = c->is_control;
        verdict = "not judged";
    } else if (c->is_control) {
        verdict = worse ? "worse, as it has to be" : "NOT FOUND OUT";
    }
    printf("promised %-8s measured exponent %5.2f  %s\n", order_names[c->promised],
           exponent(points, count), verdict);
    return worse == c->is_control;
}

static void print_points(const curve *c, const point *points, int count) {
    printf("%-13s %-45s%s", c->name, c->text, c->pinned ? "one" : "all");
    for (int i = 0; i < 3; i++) {
        const point *p = &points[i * (count - 1) / 2];
        printf("  %8ld:%9.1f", p->n, p->median);
    }
    printf("\n%59s", "");
}

/* To the last processor: the first one has the most of the system's own work. */
static void pin(void) {
    cpu_set_t one;
    int cpu = CPU_SETSIZE - 1;
    while (!CPU_ISSET((size_t)cpu, &allowed)) {
        cpu--;
    }
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

static bool measure_curve(const curve *c) {
    static point points[MAX_POINTS];
    int count = 0;
    long most = most_n > 0 && most_n < c->most ? most_n : c->most;
    if (c->pinned) {
        pin();
    }
    /* Other work of the machine can spoil a curve, but not make one look better than it is. */
    for (int attempt = 0; attempt < 3 && (attempt == 0 || is_worse(c, points, count)); attempt++) {
        count = 0;
        for (long n = c->least; n <= most; n = next_n(n, most)) {
            points[count++] = measure_point(c, n);
        }
        if (count < 2) {
            printf("%-13s nothing to measure\n", c->name);
            return true;
        }
    }
    write_points(c, points, count);
    print_points(c, points, count);
    bool good = judge(c, points, count);
    if (failures != 0) {
        printf("%-13s %ld calls or counts were wrong\n", c->name, (long)failures);
    }
    return good && failures == 0;
}

/* Returns whether the curve is as it has to be; false also when its process died or hung. */
static bool measure_apart(const curve *c) {
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(SECONDS_UNTIL_HUNG);
        exit(measure_curve(c) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    bool ended = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status);
    if (!ended) {
        printf("%-13s did not come to its end\n", c->name);
    }
    return ended && status == 0;
}

/* ---- the whole ---- */

static void print_machine(void) {
    char line[256], model[256] = "unknown processor\n";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            (void)snprintf(model, sizeof model, "%s", strchr(line, ':') + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    printf("pythreading.h %s on %s, built by compiler %s\n%d processors, %s", PYT_VERSION,
           PYT_BACKEND, __VERSION__, CPU_COUNT(&allowed), model);
    printf("medians of %d rounds, in nanoseconds (\"stride\": times what chance would make);\n"
           "\"one\": pinned to one processor, \"all\": left to the system\n",
           rounds);
}

static bool is_wanted(const curve *c, const char *only) {
    return only == NULL || strstr(c->name, only) != NULL || strstr(c->group, only) != NULL;
}

int main(void) {
    const char *only = getenv("SCALE_ONLY"), *path = getenv("SCALE_CSV");
    const char *number = getenv("SCALE_ROUNDS"), *most = getenv("SCALE_MOST");
    int asked = number != NULL ? atoi(number) : rounds;
    rounds = asked < 1 ? 1 : asked > MAX_ROUNDS ? MAX_ROUNDS : asked;
    most_n = most != NULL ? atol(most) : 0;
    (void)sched_getaffinity(0, sizeof allowed, &allowed);
    csv = path != NULL && path[0] != '\0' ? fopen(path, "w") : NULL;
    if (csv == NULL && path != NULL && path[0] != '\0') {
        perror(path);
        return EXIT_FAILURE;
    }
    if (csv != NULL) {
        (void)fprintf(csv, "group,curve,promised,cpus,n,median,low,high,rounds\n");
    }
    print_machine();
    int measured = 0, wrong = 0;
    double begin = now_ns();
    for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++) {
        if (is_wanted(&curves[i], only)) {
            measured++;
            wrong += !measure_apart(&curves[i]);
        }
    }
    if (csv != NULL && fclose(csv) != 0) {
        perror(path);
        return EXIT_FAILURE;
    }
    printf("%d curves in %.0f s, %d not as promised\n", measured, (now_ns() - begin) / 1e9, wrong);
    return measured > 0 && wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
