/* The frame of the benchmark.
 *
 * A workload is one piece of work; a subject is one means to do it: this library, what a user would
 * take instead (a peer), the same program in Python, or the least that the machine can do it with
 * (a limit). Each subject has a file of its own, with one job for each workload it can do. All jobs
 * of a workload run the same loop, a template of loops.h, around calls of their own.
 *
 * Each workload is measured in a process of its own, on threads that the frame makes and pins, the
 * subjects taking turns. There are always at least two threads, as some C libraries leave out their
 * atomic operations while a process has one.
 *
 * The subjects of bench_*.c are always there; those of peer_*.c and peer_*.cpp are linked where
 * their library is installed. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(workload, its unit, its name in the table) */
#define BENCH_WORKS(X)                                            \
    X(LOCK, NS, "lock acquire+release")                           \
    X(LOCK_WITH, NS, "lock in a with block")                      \
    X(RLOCK, NS, "rlock acquire+release")                         \
    X(RLOCK_NESTED, NS, "rlock, held, again")                     \
    X(SEMAPHORE, NS, "semaphore release+acquire")                 \
    X(EVENT, NS, "event set+clear")                               \
    X(EVENT_IS_SET, NS, "event is_set")                           \
    X(CONTENDED, NS, "contended lock, nothing else")              \
    X(CONTENDED_WORK, NS, "contended lock and work")              \
    X(FAIR, LONGEST_TO_MEAN, "lock held 1 us, longest/mean wait") \
    X(FAIR_LONGEST, LONGEST, "lock held 1 us, longest wait")      \
    X(SEMAPHORE_PINGPONG, NS, "ping-pong, semaphore")             \
    X(SEMAPHORE_TIMED, NS, "ping-pong, semaphore with timeout")   \
    X(EVENT_PINGPONG, NS, "ping-pong, event")                     \
    X(CONDITION_PINGPONG, NS, "ping-pong, condition")             \
    X(CONDITION_TIMED, NS, "ping-pong, condition with timeout")   \
    X(QUEUE_PINGPONG, NS, "ping-pong, queue")                     \
    X(NOTIFY, NS, "notify one")                                   \
    X(NOTIFY_ALL, NS, "notify_all")                               \
    X(BARRIER, NS, "barrier wait")                                \
    X(THREAD, NS, "thread start+join")                            \
    X(TIMER, NS, "timer start+cancel")                            \
    X(QUEUE, NS, "item through a queue")                          \
    X(SIMPLE_QUEUE, NS, "item through simple queue")              \
    X(TASK, NS, "task and its result")                            \
    X(TASK_BATCH, NS, "task, 1000 at a time")                     \
    X(TASK_WORK, NS, "task of 10 us, 100 at a time")              \
    X(FAN, NS, "fan out 32 tasks and in")                         \
    X(NESTED, NS, "task that submits a task")                     \
    X(MAP, NS, "item of pool map")                                \
    X(JOBS_MONITOR, NS, "job by condition")                       \
    X(JOBS_QUEUE, NS, "job by queue")                             \
    X(JOBS_POOL, NS, "job by pool")                               \
    X(SIZE_LOCK, BYTES, "bytes of a lock")                        \
    X(SIZE_RLOCK, BYTES, "bytes of an rlock")                     \
    X(SIZE_SEMAPHORE, BYTES, "bytes of a semaphore")              \
    X(SIZE_EVENT, BYTES, "bytes of an event")                     \
    X(SIZE_CONDITION, BYTES, "bytes of a condition and its lock") \
    X(SIZE_BARRIER, BYTES, "bytes of a barrier")                  \
    X(SIZE_QUEUE, BYTES, "bytes of an empty queue of 256")        \
    X(SIZE_SIMPLE_QUEUE, BYTES, "bytes of an empty simple queue") \
    X(SIZE_TIMER, BYTES, "bytes of a waiting timer")              \
    X(SIZE_FUTURE, BYTES, "bytes of a task that is done")

typedef enum bench_work {
#define BENCH_NAME(work, unit, text) BENCH_##work,
    BENCH_WORKS(BENCH_NAME)
#undef BENCH_NAME
    BENCH_WORK_COUNT
} bench_work;

/* What the figure of a workload is. */
typedef enum bench_unit {
    BENCH_UNIT_NS,              /* nanoseconds for one operation */
    BENCH_UNIT_LONGEST,         /* nanoseconds of the longest wait of any thread */
    BENCH_UNIT_LONGEST_TO_MEAN, /* that, in mean waits */
    BENCH_UNIT_BYTES            /* bytes of one object */
} bench_unit;

typedef enum bench_kind {
    BENCH_OURS,
    BENCH_PEER,   /* a waiting thread sleeps, if not at once */
    BENCH_AWAKE,  /* a waiting thread spins, polls, or does the work itself */
    BENCH_PYTHON, /* another language; no peer */
    BENCH_LIMIT,
    BENCH_VARIANT /* this library in another build; shown, and compared with nothing */
} bench_kind;

/* A body returns this for what the subject cannot do: so many threads, or objects. */
#define BENCH_CANNOT (-1L)

/* How a subject does one workload. */
typedef struct bench_job {
    const char *label;
    /* Make the objects as new, for that many threads. May be NULL. */
    void (*setup)(int threads);
    /* Thread `me` of `threads` does its part of `count` operations. Returns failed calls. */
    long (*body)(int me, int threads, long count);
    /* For a workload that is the size of an object: it is this, */
    size_t bytes;
    /* or, where it is allocated, a part of what making `count` and keeping them takes. Returns
     * failed calls. */
    long (*hoard)(long count);
} bench_job;

typedef struct bench_subject {
    bench_kind kind;
    bench_job jobs[BENCH_WORK_COUNT];
} bench_subject;

/* The lines of a subject's table. In C they stand in an initialiser; in C++, which has no
 * designated elements, in a function that fills `subject`. */
#ifdef __cplusplus
#define BENCH_FILL(work, ...) (void)(subject.jobs[work] = bench_job{__VA_ARGS__})
#else
#define BENCH_FILL(work, ...) [work] = {__VA_ARGS__}
#endif
#define BENCH_LINE(work, name, setup, body) BENCH_FILL(work, (name), (setup), (body), 0, 0)
#define BENCH_BYTES_OF(work, name, size) BENCH_FILL(work, (name), 0, 0, (size), 0)
#define BENCH_HOARD(work, name, make) BENCH_FILL(work, (name), 0, 0, 0, (make))

/* X(subject): always linked */
#define BENCH_SUBJECTS(X) X(pyt) X(futex) X(c11) X(pthread)
/* X(peer): linked where it is installed */
#define BENCH_PEERS(X) X(nsync) X(uv) X(glib) X(ck) X(apr) X(absl) X(std) X(tbb) X(tbb_awake)
#define BENCH_DECLARE(subject) extern const bench_subject bench_##subject;
BENCH_SUBJECTS(BENCH_DECLARE)
BENCH_PEERS(BENCH_DECLARE)
BENCH_DECLARE(bare)
#undef BENCH_DECLARE

/* What the frame is measuring, set before setup. */
typedef struct bench_frame {
    long count;     /* operations that the bodies will be asked for */
    long size;      /* of the row: how many timers wait meanwhile; microseconds of a job's work */
    int processors; /* on how many the threads are pinned */
    bool check;     /* a first run, not measured, in which the loops look at more than they count */
} bench_frame;

extern bench_frame bench_running;

/* How many threads the pools have. */
#define BENCH_WORKERS 2

/* How many threads one row may have. */
#define BENCH_MAX_THREADS 129

/* Objects of the subjects stand on cache lines of their own. */
#define BENCH_ALIGNED __attribute__((aligned(128)))

/* ---- bench.c: told by the bodies, each thread once, at its end ---- */

/* What thread `me` took less what it gave. Over all threads of a job it sums to 0, or the run has
 * failed. */
void bench_tell_balance(int me, long balance);
/* How long thread `me` waited, in nanoseconds: at most, and for all its `n` operations. */
void bench_tell_waits(int me, double longest, double total, long n);

/* ---- bench_common.c: for every program that measures ---- */

typedef struct bench_summary {
    double median, low, high, least, most; /* low and high are the quartiles */
} bench_summary;

/* Nanoseconds of the monotonic clock. */
double bench_now(void);
/* Find the processors this process may use. False with a message when that fails. */
bool bench_find_processors(void);
int bench_count_processors(void);
/* The n-th of them, counted from the last: the first one has the most of the system's own work. */
int bench_processor(int n);
/* Bind the calling thread to the n-th. */
void bench_pin(int n);
/* Of n figures, at most 101. */
bench_summary bench_summarize(const double *figures, int n);
/* Half the distance between the quartiles, in percent of the median. */
double bench_spread(const bench_summary *s);
/* A setting of the environment, where it is above 0. */
double bench_setting(const char *name, double otherwise);
/* "2 processors, MODEL, load before N" */
void bench_machine(char *text, size_t size);
/* On a terminal, a line on stderr that the next one overwrites; NULL wipes it out. */
void bench_progress(const char *text);
/* Open a CSV for writing: comments that say what measured on which machine, then the heading. NULL
 * with a message when that fails, also for one of the figures that the README shows, in a directory
 * `plots`, when the machine is not quiet: the load is above 0.5. NULL for no name, without one. */
FILE *bench_csv_open(const char *name, const char *program, const char *heading);

#ifdef __cplusplus
}
#endif

#endif
