/* The jobs of a subject that has a pool of threads and futures. Before it is included there are
 *
 *     pool_open                 make the pool, with BENCH_WORKERS threads
 *     pool_submit               have function(arg) called; gives its future
 *     pool_result               wait for it, take the result, let the future go
 *     pool_map                  call function(item) for n bytes, and wait; or MAPS_IN_PARTS is
 *                               defined, and it is done by tasks that each have a part of them
 *
 * and TASKS_CANNOT_SUBMIT is defined where pool_submit is for one thread only.
 *
 * A pool is made by the first run of a job, whose processors its threads inherit, and kept. */
#ifndef BENCH_POOLS_H
#define BENCH_POOLS_H

#include "loops.h"

#include <stdlib.h>

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
    return run_batches(long_task, BENCH_WORK_BATCH, count);
}

static void *job_task(void *arg) {
    bench_do_job();
    return arg;
}

BENCH_JOB long jobs_pool_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(job_task, BENCH_JOBS_WAITING, count);
}

BENCH_JOB long fan_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return run_batches(empty_task, BENCH_FAN_TASKS, count * BENCH_FAN_TASKS);
}

#ifndef TASKS_CANNOT_SUBMIT
/* A task that submits another and returns its future. One operation is both. */
static void *submitting_task(void *arg) {
    return pool_submit(empty_task, arg);
}

BENCH_JOB long nested_job(int me, int threads, long count) {
    static int item;
    (void)me, (void)threads;
    long failures = have_pool();
    for (long i = 0; i < count; i++) {
        void *inner = pool_result(pool_submit(submitting_task, &item));
        failures += pool_result(inner) != &item;
    }
    return failures;
}
#endif

#ifdef MAPS_IN_PARTS
typedef struct part {
    unsigned char *items;
    long n;
} part;

static void touch(void *item) {
    ++*(unsigned char *)item;
}

/* Called through a pointer, as a pool must. */
static void (*volatile touch_each)(void *item) = touch;

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
        parts[i].items = items + i * n / PARTS;
        parts[i].n = (i + 1) * n / PARTS - i * n / PARTS;
        futures[i] = pool_submit(map_part, &parts[i]);
    }
    for (int i = 0; i < PARTS; i++) {
        failures += pool_result(futures[i]) != &parts[i];
    }
    return failures;
}
#endif

/* As many items as there are operations, a million at a time. In a first run each is looked at. */
BENCH_JOB long map_job(int me, int threads, long count) {
    (void)me, (void)threads;
    unsigned char *items = (unsigned char *)calloc(BENCH_MAP_ITEMS, 1);
    long failures = items == NULL ? 1 : have_pool();
    for (long done = 0; failures == 0 && done < count; done += BENCH_MAP_ITEMS) {
        long n = count - done < BENCH_MAP_ITEMS ? count - done : BENCH_MAP_ITEMS;
        failures += pool_map(items, n);
        for (long i = 0; bench_running.check && i < n; i++) {
            failures += items[i] != 1;
        }
    }
    free(items);
    return failures;
}

/* Tasks that are done, and kept. */
static long keep_tasks(long count) {
    static int item;
    long failures = have_pool();
    for (long i = 0; i < count; i++) {
        failures += pool_submit(empty_task, &item) == NULL;
    }
    return failures + (pool_result(pool_submit(empty_task, &item)) != &item);
}

/* The lines of a subject's table, which has that of nested_job beside them. */
#define BENCH_POOL_LINES(label)                                                                   \
    BENCH_LINE(BENCH_TASK, label, NULL, task_job),                                                \
        BENCH_LINE(BENCH_TASK_BATCH, label, NULL, task_batch_job),                                \
        BENCH_LINE(BENCH_TASK_WORK, label, NULL, task_work_job),                                  \
        BENCH_LINE(BENCH_JOBS_POOL, label, NULL, jobs_pool_job),                                  \
        BENCH_LINE(BENCH_FAN, label, NULL, fan_job), BENCH_LINE(BENCH_MAP, label, NULL, map_job), \
        BENCH_HOARD(BENCH_SIZE_FUTURE, label, keep_tasks)

#endif
