/* The loop of each workload, the same for every subject: the calls are parameters, which the
 * compiler sees through, as the templates are always inlined into a job that names them.
 *
 * Calls return 0 for success, and the result is used, as in a program that looks at it. */
#ifndef BENCH_LOOPS_H
#define BENCH_LOOPS_H

#include "bench.h"

#define BENCH_TEMPLATE static inline __attribute__((always_inline))
/* A job: one function of its own, on a cache line of its own. */
#define BENCH_JOB static __attribute__((noinline, aligned(64)))

typedef int bench_call(void *object);

/* A call of the subject's as the loops have it, on an object `o` of that type; it fails when the
 * expression is not 0, and that of BENCH_DO never. */
#define BENCH_CALL(name, type, expression) \
    static int name(void *object) {        \
        type *o = (type *)object;          \
        return expression;                 \
    }
#define BENCH_DO(name, type, expression) \
    static int name(void *object) {      \
        type *o = (type *)object;        \
        (void)(expression);              \
        return 0;                        \
    }

/* Let the compiler believe that anything may have happened to the object, and to all memory: it can
 * move nothing over this, and not know which object it is. Costs no instruction. */
BENCH_TEMPLATE void *bench_hide(void *object) {
    __asm__ volatile("" : "+r"(object) : : "memory");
    return object;
}

/* Two calls, one after the other, in one thread. */
BENCH_TEMPLATE long bench_pair(void *object, long count, bench_call *first, bench_call *second) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        failures += first(bench_hide(object)) != 0;
        failures += second(bench_hide(object)) != 0;
    }
    return failures;
}

/* One call, in one thread. */
BENCH_TEMPLATE long bench_single(void *object, long count, bench_call *call) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        failures += call(bench_hide(object)) != 0;
    }
    return failures;
}

/* What the threads of one job share beside the object itself. */
typedef struct bench_shared {
    BENCH_ALIGNED long left;  /* operations to do, under the object's lock */
    BENCH_ALIGNED int turn;   /* whose turn it is, under lock */
    int arrived;              /* how many wait for the next round, under lock */
    BENCH_ALIGNED long round; /* under lock */
} bench_shared;

/* Steps of arithmetic between two critical sections: some 150 ns on a machine of 3 GHz. */
#define BENCH_WORK_OUTSIDE 100

/* Steps of arithmetic that take some 10 us on a machine of 3 GHz. */
#define BENCH_TEN_MICROSECONDS 7000

/* Arithmetic that touches nothing shared. */
BENCH_TEMPLATE void bench_busy(int steps) {
    unsigned long x = 1;
    for (int i = 0; i < steps; i++) {
        x = x * 6364136223846793005UL + 1;
        __asm__ volatile("" : "+r"(x));
    }
}

/* In a first run: stay long, and see whether another thread came in meanwhile. */
BENCH_TEMPLATE int bench_check_alone(bench_shared *shared, int me) {
    if (!bench_running.check) {
        return 0;
    }
    shared->turn = me;
    bench_busy(BENCH_TEN_MICROSECONDS);
    return ((bench_shared *)bench_hide(shared))->turn != me;
}

/* Every thread takes from one count under the lock until it is used up, so that no thread is late
 * alone, and works outside for `outside` steps. The first to come sets the count. */
BENCH_TEMPLATE long bench_contend(void *object, bench_shared *shared, int me, long count,
                                  int outside, bench_call *acquire, bench_call *release) {
    long failures = 0, taken = 0;
    for (bool more = true; more;) {
        failures += acquire(bench_hide(object)) != 0;
        if (shared->round == 0) {
            shared->round = 1;
            shared->left = count;
        }
        more = shared->left > 0;
        if (more) {
            shared->left--;
            taken++;
        }
        failures += bench_check_alone(shared, me);
        failures += release(bench_hide(object)) != 0;
        bench_busy(outside);
    }
    bench_tell_balance(me, me == 0 ? taken - count : taken);
    return failures;
}

/* Steps of arithmetic under a lock: some 1 us on a machine of 3 GHz. */
#define BENCH_WORK_INSIDE 700

/* The same with the work inside, and every wait for the lock is timed. */
BENCH_TEMPLATE long bench_fair(void *object, bench_shared *shared, int me, long count,
                               bench_call *acquire, bench_call *release) {
    long failures = 0, taken = 0, waits = 0;
    double longest = 0, total = 0;
    for (bool more = true; more; waits++) {
        double begin = bench_now();
        failures += acquire(bench_hide(object)) != 0;
        double waited = bench_now() - begin;
        if (shared->round == 0) {
            shared->round = 1;
            shared->left = count;
        }
        more = shared->left > 0;
        if (more) {
            shared->left--;
            taken++;
        }
        bench_busy(BENCH_WORK_INSIDE);
        failures += release(bench_hide(object)) != 0;
        longest = waited > longest ? waited : longest;
        total += waited;
    }
    bench_tell_waits(me, longest, total, waits);
    bench_tell_balance(me, me == 0 ? taken - count : taken);
    return failures;
}

/* In a first run: it is this thread's turn, and next the other's. */
BENCH_TEMPLATE int bench_take_turn(bench_shared *shared, int me) {
    if (!bench_running.check) {
        return 0;
    }
    int wrong = shared->turn != me;
    shared->turn = 1 - me;
    return wrong;
}

/* Two threads that let each other run, by two semaphores or two queues, or by what can be used only
 * once: then the next pair is `stride` bytes behind. One operation is a round trip. */
BENCH_TEMPLATE long bench_pingpong_once(void *ping, void *pong, size_t stride, bench_shared *shared,
                                        int me, long count, bench_call *give, bench_call *take) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        if (me == 0) {
            failures += bench_take_turn(shared, me);
            failures += give(bench_hide(ping)) != 0;
            failures += take(bench_hide(pong)) != 0;
        } else {
            failures += take(bench_hide(ping)) != 0;
            failures += bench_take_turn(shared, me);
            failures += give(bench_hide(pong)) != 0;
        }
        ping = (char *)ping + stride;
        pong = (char *)pong + stride;
    }
    return failures;
}

BENCH_TEMPLATE long bench_pingpong(void *ping, void *pong, bench_shared *shared, int me, long count,
                                   bench_call *give, bench_call *take) {
    return bench_pingpong_once(ping, pong, 0, shared, me, count, give, take);
}

/* The same by two events. */
BENCH_TEMPLATE long bench_event_pingpong(void *ping, void *pong, bench_shared *shared, int me,
                                         long count, bench_call *set, bench_call *wait,
                                         bench_call *clear) {
    void *mine = me == 0 ? pong : ping, *others = me == 0 ? ping : pong;
    long failures = 0;
    for (long i = 0; i < count; i++) {
        if (me == 0) {
            failures += bench_take_turn(shared, me);
            failures += set(bench_hide(others)) != 0;
        }
        failures += wait(bench_hide(mine)) != 0;
        failures += clear(bench_hide(mine)) != 0;
        if (me == 1) {
            failures += bench_take_turn(shared, me);
            failures += set(bench_hide(others)) != 0;
        }
    }
    return failures;
}

/* Calls on an object that is a lock and two conditions over it. */
typedef struct bench_monitor {
    bench_call *acquire, *release;
    bench_call *wait, *notify, *notify_all; /* on the first condition */
    bench_call *wait_timed;                 /* as wait, with a timeout that is far away */
    bench_call *wait_full, *notify_full;    /* on the second */
} bench_monitor;

/* `calls`, for jobs.h, of functions with these names. */
#define BENCH_MONITOR_CALLS                                                                        \
    static const bench_monitor calls = {monitor_acquire,   monitor_release,    monitor_wait,       \
                                        monitor_notify,    monitor_notify_all, monitor_wait_timed, \
                                        monitor_wait_full, monitor_notify_full};

/* Two threads that let each other run, by a condition. One operation is a round trip. */
BENCH_TEMPLATE long bench_condition_pingpong(const bench_monitor *calls, bench_call *wait,
                                             void *object, bench_shared *shared, int me,
                                             long count) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        failures += calls->acquire(bench_hide(object)) != 0;
        while (shared->turn != me) {
            failures += wait(bench_hide(object)) != 0;
        }
        shared->turn = 1 - me;
        failures += calls->notify(bench_hide(object)) != 0;
        failures += calls->release(bench_hide(object)) != 0;
    }
    return failures;
}

/* Thread 0 hands out one token after the other, each to one of the others, who all wait, and waits
 * until it was taken. One operation is one token. */
BENCH_TEMPLATE long bench_notify(const bench_monitor *calls, void *object, bench_shared *shared,
                                 int me, int threads, long count) {
    long failures = calls->acquire(bench_hide(object)) != 0, taken = 0;
    while (me == 0 && shared->arrived < threads - 1) {
        failures += calls->wait_full(bench_hide(object)) != 0;
    }
    for (long i = 0; me == 0 && i < count; i++) {
        shared->left = 1;
        failures += calls->notify(bench_hide(object)) != 0;
        while (shared->left > 0) {
            failures += calls->wait_full(bench_hide(object)) != 0;
        }
        taken--;
    }
    if (me == 0) {
        shared->round = 1;
        failures += calls->notify_all(bench_hide(object)) != 0;
    } else {
        shared->arrived++;
        failures += calls->notify_full(bench_hide(object)) != 0;
    }
    while (shared->round == 0) {
        failures += calls->wait(bench_hide(object)) != 0;
        if (shared->left > 0) {
            shared->left--;
            taken++;
            failures += calls->notify_full(bench_hide(object)) != 0;
        }
    }
    bench_tell_balance(me, taken);
    return failures + (calls->release(bench_hide(object)) != 0);
}

/* Thread 0 waits until all others wait, and wakes them all. One operation is all of them. */
BENCH_TEMPLATE long bench_notify_all(const bench_monitor *calls, void *object, bench_shared *shared,
                                     int me, int threads, long count) {
    long failures = calls->acquire(bench_hide(object)) != 0;
    for (long i = 0; i < count; i++) {
        if (me == 0) {
            while (shared->arrived < threads - 1) {
                failures += calls->wait_full(bench_hide(object)) != 0;
            }
            shared->arrived = 0;
            shared->round = i + 1;
            failures += calls->notify_all(bench_hide(object)) != 0;
        } else {
            shared->arrived++;
            if (shared->arrived == threads - 1) {
                failures += calls->notify_full(bench_hide(object)) != 0;
            }
            while (shared->round == i) {
                failures += calls->wait(bench_hide(object)) != 0;
            }
            failures += shared->round != i + 1;
        }
    }
    return failures + (calls->release(bench_hide(object)) != 0);
}

/* All threads meet, at one object, or at one after the other, `stride` bytes apart. In a first run
 * each looks whether its neighbour is behind. */
BENCH_TEMPLATE long bench_meet(void *object, size_t stride, int me, int threads, long count,
                               bench_call *wait) {
    static BENCH_ALIGNED long phases[BENCH_MAX_THREADS];
    long failures = 0;
    for (long i = 0; i < count; i++) {
        if (bench_running.check) {
            __atomic_store_n(&phases[me], i, __ATOMIC_RELAXED);
        }
        failures += wait(bench_hide(object)) != 0;
        /* At its first one, the neighbour has a number of the last job's. */
        if (bench_running.check && i > 0) {
            failures += __atomic_load_n(&phases[(me + 1) % threads], __ATOMIC_RELAXED) < i;
        }
        object = (char *)object + stride;
    }
    return failures;
}

/* A timeout, in seconds, that never comes. */
#define BENCH_FAR_AWAY 3600.0

/* How many items a bounded queue has room for. */
#define BENCH_QUEUE_SIZE 256

/* Items are numbers in the place of a pointer, never NULL. The object is hidden by the caller. */
typedef int bench_put(void *object, void *item);
typedef int bench_get(void *object, void **item);

/* Half of the threads, or of an odd number one, put items into a queue; the others get as many out
 * of it. One operation is an item that goes through. What was put and what was got has to have the
 * same sum. */
BENCH_TEMPLATE long bench_items(void *object, int me, int threads, long count, bench_put *put,
                                bench_get *get) {
    int producers = threads % 2 == 0 ? threads / 2 : 1;
    bool puts = me < producers;
    int step = puts ? producers : threads - producers;
    long failures = 0, sum = 0;
    for (long i = puts ? me : me - producers; i < count; i += step) {
        void *item = (void *)(i + 1);
        if (puts) {
            failures += put(bench_hide(object), item) != 0;
            sum -= i + 1;
        } else {
            failures += get(bench_hide(object), &item) != 0;
            sum += (long)item;
        }
    }
    bench_tell_balance(me, sum);
    return failures;
}

/* Jobs wait in a queue of this length, as in a program whose producer is not to run far ahead. */
#define BENCH_JOBS_WAITING 4

/* Steps of arithmetic that take some microseconds on a machine of 3 GHz. */
#define BENCH_STEPS(microseconds) ((int)(microseconds)*700)

/* A worker's own work on a job. */
BENCH_TEMPLATE void bench_do_job(void) {
    bench_busy(BENCH_STEPS(bench_running.size));
}

/* Thread 0 hands jobs to the others, by a lock and two conditions. */
BENCH_TEMPLATE long bench_jobs(const bench_monitor *calls, void *object, bench_shared *shared,
                               int me, long count) {
    long failures = calls->acquire(bench_hide(object)) != 0, done = 0;
    for (long i = 0; me == 0 && i < count; i++) {
        while (shared->left == BENCH_JOBS_WAITING) {
            failures += calls->wait_full(bench_hide(object)) != 0;
        }
        shared->left++;
        done--;
        failures += calls->notify(bench_hide(object)) != 0;
    }
    if (me == 0) {
        shared->round = 1;
        failures += calls->notify_all(bench_hide(object)) != 0;
    }
    while (me != 0 && (shared->left > 0 || shared->round == 0)) {
        if (shared->left == 0) {
            failures += calls->wait(bench_hide(object)) != 0;
            continue;
        }
        shared->left--;
        done++;
        failures += calls->notify_full(bench_hide(object)) != 0;
        failures += calls->release(bench_hide(object)) != 0;
        bench_do_job();
        failures += calls->acquire(bench_hide(object)) != 0;
    }
    bench_tell_balance(me, done);
    return failures + (calls->release(bench_hide(object)) != 0);
}

/* The same through a queue, at whose end each worker finds this item. */
static char all_jobs_done __attribute__((unused));

BENCH_TEMPLATE long bench_queue_jobs(void *object, int me, int threads, long count, bench_put *put,
                                     bench_get *get) {
    long failures = 0, done = 0;
    void *item = object;
    for (long i = 0; me == 0 && i < count + threads - 1; i++) {
        failures += put(bench_hide(object), i < count ? object : &all_jobs_done) != 0;
        done -= i < count;
    }
    while (me != 0) {
        failures += get(bench_hide(object), &item) != 0;
        if (failures != 0 || item == &all_jobs_done) {
            break;
        }
        bench_do_job();
        done++;
    }
    bench_tell_balance(me, done);
    return failures;
}

/* Of the workloads of pools: tasks at a time, and items that one map goes over. */
#define BENCH_BATCH 1000L
#define BENCH_WORK_BATCH 100L
#define BENCH_FAN_TASKS 32L
#define BENCH_MAP_ITEMS 1000000L

/* An event as one makes it by hand where there is none: a flag, a lock and a condition. */
BENCH_TEMPLATE int bench_put_flag(const bench_monitor *calls, void *object, bool *flag,
                                  bool value) {
    int failed = calls->acquire(object);
    *flag = value;
    if (value) {
        failed |= calls->notify_all(object);
    }
    return failed | calls->release(object);
}

BENCH_TEMPLATE int bench_get_flag(const bench_monitor *calls, void *object, const bool *flag) {
    int failed = calls->acquire(object);
    bool value = *flag;
    return failed | calls->release(object) | value;
}

BENCH_TEMPLATE int bench_wait_flag(const bench_monitor *calls, void *object, const bool *flag) {
    int failed = calls->acquire(object);
    while (!*flag) {
        failed |= calls->wait(object);
    }
    return failed | calls->release(object);
}

#endif
