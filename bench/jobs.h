/* The jobs of a subject that has locks, conditions and threads. Before it is included there are
 *
 *     lock, acquire, release    a lock and its calls
 *     monitor, calls            a lock with two conditions, and its calls
 *     start_join                start a thread that does nothing, and wait for its end
 */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "loops.h"

static bench_shared shared;

BENCH_JOB long lock_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&lock, count, acquire, release);
}

BENCH_JOB long contended_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_contend(&lock, &shared, count, 0, acquire, release);
}

BENCH_JOB long contended_work_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_contend(&lock, &shared, count, BENCH_WORK_OUTSIDE, acquire, release);
}

BENCH_JOB long condition_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_condition_pingpong(&calls, &monitor, &shared, me, count);
}

BENCH_JOB long notify_all_job(int me, int threads, long count) {
    return bench_notify_all(&calls, &monitor, &shared, me, threads, count);
}

BENCH_JOB long thread_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(NULL, count, start_join);
}

#endif
