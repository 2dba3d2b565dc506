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

/* Arithmetic that touches nothing shared. */
BENCH_TEMPLATE void bench_busy(int steps) {
    unsigned long x = 1;
    for (int i = 0; i < steps; i++) {
        x = x * 6364136223846793005UL + 1;
        __asm__ volatile("" : "+r"(x));
    }
}

/* Every thread takes from one count under the lock until it is used up, so that no thread is late
 * alone, and works outside for `outside` steps. The first to come sets the count. */
BENCH_TEMPLATE long bench_contend(void *object, bench_shared *shared, long count, int outside,
                                  bench_call *acquire, bench_call *release) {
    long failures = 0;
    for (bool more = true; more;) {
        failures += acquire(bench_hide(object)) != 0;
        if (shared->round == 0) {
            shared->round = 1;
            shared->left = count;
        }
        more = shared->left > 0;
        if (more) {
            shared->left--;
        }
        failures += release(bench_hide(object)) != 0;
        bench_busy(outside);
    }
    return failures;
}

/* Two threads that let each other run, by two semaphores. One operation is a round trip. */
BENCH_TEMPLATE long bench_semaphore_pingpong(void *ping, void *pong, int me, long count,
                                             bench_call *release, bench_call *acquire) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        if (me == 0) {
            failures += release(bench_hide(ping)) != 0;
            failures += acquire(bench_hide(pong)) != 0;
        } else {
            failures += acquire(bench_hide(ping)) != 0;
            failures += release(bench_hide(pong)) != 0;
        }
    }
    return failures;
}

/* Calls on an object that is a lock and two conditions over it. */
typedef struct bench_monitor {
    bench_call *acquire, *release;
    bench_call *wait, *notify, *notify_all; /* on the first condition */
    bench_call *wait_full, *notify_full;    /* on the second */
} bench_monitor;

/* Two threads that let each other run, by a condition. One operation is a round trip. */
BENCH_TEMPLATE long bench_condition_pingpong(const bench_monitor *calls, void *object,
                                             bench_shared *shared, int me, long count) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        failures += calls->acquire(bench_hide(object)) != 0;
        while (shared->turn != me) {
            failures += calls->wait(bench_hide(object)) != 0;
        }
        shared->turn = 1 - me;
        failures += calls->notify(bench_hide(object)) != 0;
        failures += calls->release(bench_hide(object)) != 0;
    }
    return failures;
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
        }
    }
    return failures + (calls->release(bench_hide(object)) != 0);
}

/* How many items a bounded queue has room for. */
#define BENCH_QUEUE_SIZE 256

/* The first half of the threads put items into a queue, the others get as many out of it. One
 * operation is an item that goes through. */
BENCH_TEMPLATE long bench_items(void *object, int me, int threads, long count, bench_call *put,
                                bench_call *get) {
    int pairs = threads / 2;
    long failures = 0;
    for (long i = me % pairs; i < count; i += pairs) {
        failures += (me < pairs ? put(bench_hide(object)) : get(bench_hide(object))) != 0;
    }
    return failures;
}

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

#endif
