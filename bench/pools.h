/* The jobs of a subject that has a pool of threads and futures. Before it is included there are
 *
 *     pool_open                 make the pool, with BENCH_WORKERS threads
 *     pool_submit               have function(arg) called; gives its future
 *     pool_result               wait for it, take the result, let the future go
 *     pool_map                  call function(item) for n bytes, and wait
 *
 * A pool is made by the first run of a job, whose processors its threads inherit, and kept. */
#ifndef BENCH_POOLS_H
#define BENCH_POOLS_H

#include "loops.h"

#include <stdlib.h>

enum {
    BENCH_BATCH = 1000,
    BENCH_ITEMS = 1000000
};

/* Steps of arithmetic that take some 10 us on a machine of 3 GHz. */
#define BENCH_TEN_MICROSECONDS 7000

/* Make the pool unless it is there. */
static long have_pool(void) {
    static bool made;
    bool needed = !made;
    made = true;
    return needed && pool_open() != 0;
}

static void *empty_task(void *arg) {
    return arg;
}

static void *long_task(void *arg) {
    bench_busy(BENCH_TEN_MICROSECONDS);
    return arg;
}

/* Submit `batch` tasks, take their results, and so on until there were `count`. */
static long run_batches(void *(*function)(void *), long batch, long count) {
    static void *futures[BENCH_BATCH];
    long failures = have_pool();
    for (long done = 0; done < count; done += batch) {
        long n = count - done < batch ? count - done : batch;
        for (long i = 0; i < n; i++) {
            futures[i] = pool_submit(function, &futures[i]);
        }
        for (long i = 0; i < n; i++) {
            failures += pool_result(futures[i]) != &futures[i];
        }
    }
    return failures;
}

BENCH_JOB long task_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(empty_task, 1, count);
}

BENCH_JOB long task_batch_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(empty_task, BENCH_BATCH, count);
}

BENCH_JOB long task_work_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(long_task, 100, count);
}

BENCH_JOB long fan_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(empty_task, 32, count * 32);
}

/* As many items as there are operations, a million at a time. */
BENCH_JOB long map_job(int me, int threads, long count) {
    (void)me, (void)threads;
    unsigned char *items = (unsigned char *)calloc(BENCH_ITEMS, 1);
    long failures = items == NULL ? 1 : have_pool();
    for (long done = 0; failures == 0 && done < count; done += BENCH_ITEMS) {
        long n = count - done < BENCH_ITEMS ? count - done : BENCH_ITEMS;
        failures += pool_map(items, n);
    }
    free(items);
    return failures;
}

/* The lines of a subject's table. */
#define BENCH_POOL_JOBS(label)                                                                  \
    [BENCH_TASK] = {(label), NULL, task_job},                                                   \
    [BENCH_TASK_BATCH] = {(label), NULL, task_batch_job},                                       \
    [BENCH_TASK_WORK] = {(label), NULL, task_work_job}, [BENCH_FAN] = {(label), NULL, fan_job}, \
    [BENCH_MAP] = {(label), NULL, map_job}

#endif
