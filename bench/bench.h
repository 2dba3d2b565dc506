/* The frame of the benchmark.
 *
 * A workload is one piece of work; a subject is one means to do it: this library, what a user would
 * take instead (a peer), or the least that the machine can do it with (a limit). Each subject has a
 * file of its own, with one job for each workload it can do. All jobs of a workload run the same
 * loop, a template of loops.h, around calls of their own.
 *
 * Each workload is measured in a process of its own, on threads that the frame makes and pins, the
 * subjects taking turns. There are always at least two threads, as some C libraries leave out their
 * atomic operations while a process has one. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>

/* X(workload, its name in the table) */
#define BENCH_WORKS(X)                            \
    X(LOCK, "lock acquire+release")               \
    X(LOCK_WITH, "lock in a with block")          \
    X(RLOCK, "rlock acquire+release")             \
    X(RLOCK_NESTED, "rlock, held, again")         \
    X(SEMAPHORE, "semaphore release+acquire")     \
    X(EVENT, "event set+clear")                   \
    X(EVENT_IS_SET, "event is_set")               \
    X(CONTENDED, "contended lock, nothing else")  \
    X(CONTENDED_WORK, "contended lock and work")  \
    X(SEMAPHORE_PINGPONG, "ping-pong, semaphore") \
    X(CONDITION_PINGPONG, "ping-pong, condition") \
    X(NOTIFY_ALL, "notify_all of 32 waiters")     \
    X(BARRIER, "barrier wait")                    \
    X(THREAD, "thread start+join")                \
    X(TIMER, "timer start+cancel")                \
    X(QUEUE, "item through a queue")              \
    X(SIMPLE_QUEUE, "item through simple queue")  \
    X(TASK, "task and its result")                \
    X(TASK_BATCH, "task, 1000 at a time")         \
    X(TASK_WORK, "task of 10 us, 100 at a time")  \
    X(FAN, "fan out 32 tasks and in")             \
    X(MAP, "item of pool map")

typedef enum bench_work {
#define BENCH_NAME(work, text) BENCH_##work,
    BENCH_WORKS(BENCH_NAME)
#undef BENCH_NAME
    BENCH_WORK_COUNT
} bench_work;

typedef enum bench_kind {
    BENCH_OURS,
    BENCH_PEER,
    BENCH_LIMIT
} bench_kind;

/* How a subject does one workload. */
typedef struct bench_job {
    const char *label;
    /* Make the objects as new, for that many threads. May be NULL. */
    void (*setup)(int threads);
    /* Thread `me` of `threads` does its part of `count` operations. Returns failed calls. */
    long (*body)(int me, int threads, long count);
} bench_job;

typedef struct bench_subject {
    bench_kind kind;
    bench_job jobs[BENCH_WORK_COUNT];
} bench_subject;

extern const bench_subject bench_pyt;
extern const bench_subject bench_c11;
extern const bench_subject bench_pthread;
extern const bench_subject bench_bare;

/* How many threads the pools have. */
#define BENCH_WORKERS 2

/* Objects of the subjects stand on cache lines of their own. */
#define BENCH_ALIGNED _Alignas(128)

#endif
