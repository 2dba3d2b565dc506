/* Runs the benchmark and prints its table.
 *
 *     BENCH_ROUNDS   rounds of each workload, every subject once in each (9)
 *     BENCH_MS       how long one subject runs in one round, in milliseconds (15)
 *     BENCH_ONLY     text that the workload's name must contain
 *     BENCH_CSV      a file to write all figures to
 *     BENCH_PYTHONS  Python interpreters to measure as well, separated by spaces
 *     BENCH_HISTORY  if set: measure this library alone, each workload after each other one in one
 *                    process, against its own figure in a fresh one, and print the worst pairs
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "bench.h"
#include "bench_python.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ROUNDS = 101,
    MAX_SUBJECTS = 20,
    MAX_PYTHONS = 4,
    FIRST_COUNT = 64,
    HOARDED = 10000,
    OTHERS_WIDTH = 110,
    CONTINUED_AT = 30,
    SECONDS_UNTIL_HUNG = 60
};

/* A peer that is not linked has no address. */
#define BENCH_WEAK(peer) extern const bench_subject bench_##peer __attribute__((weak));
BENCH_PEERS(BENCH_WEAK)

#define BENCH_ADDRESS(subject) {#subject, &bench_##subject},
static const struct {
    const char *name;
    const bench_subject *subject;
} known[] = {BENCH_SUBJECTS(BENCH_ADDRESS) BENCH_PEERS(BENCH_ADDRESS) BENCH_ADDRESS(bare)};

/* One of those that are there: of this program, or a Python. */
typedef struct subject {
    const char *name;
    bench_kind kind;
    const bench_job *jobs; /* NULL: a Python */
    bench_python *python;
} subject;

static subject subjects[MAX_SUBJECTS];
static int subject_count;
static bench_python pythons[MAX_PYTHONS];

static const struct {
    const char *name, *text;
    bench_unit unit;
} works[] = {
#define BENCH_TEXT(work, unit, text) {#work, text, BENCH_UNIT_##unit},
    BENCH_WORKS(BENCH_TEXT)
#undef BENCH_TEXT
};

/* On which processors the threads of a workload run. */
typedef enum pinning {
    SPREAD, /* each on the next of all */
    ONE     /* all on the same */
} pinning;

static const char *const pinning_names[] = {"spread", "one"};

static const char *const unit_names[] = {"ns", "ns", "times", "bytes"};

typedef struct row {
    bench_work work;
    int threads;
    bool pinned_to_one_only; /* nothing would be different if it were spread */
    long size;
    const char *note; /* what the threads or the size mean, behind the workload's name */
} row;

static const row rows[] = {
    {BENCH_LOCK, 1, true, 0, ""},
    {BENCH_LOCK_WITH, 1, true, 0, ""},
    {BENCH_RLOCK, 1, true, 0, ""},
    {BENCH_RLOCK_NESTED, 1, true, 0, ""},
    {BENCH_SEMAPHORE, 1, true, 0, ""},
    {BENCH_EVENT, 1, true, 0, ""},
    {BENCH_EVENT_IS_SET, 1, true, 0, ""},
    {BENCH_CONTENDED, 2, false, 0, ""},
    {BENCH_CONTENDED, 8, false, 0, ""},
    {BENCH_CONTENDED, 64, false, 0, ""},
    {BENCH_CONTENDED_WORK, 2, false, 0, ""},
    {BENCH_CONTENDED_WORK, 8, false, 0, ""},
    {BENCH_CONTENDED_WORK, 64, false, 0, ""},
    {BENCH_FAIR, 8, false, 0, ""},
    {BENCH_FAIR_LONGEST, 8, false, 0, ""},
    {BENCH_SEMAPHORE_PINGPONG, 2, false, 0, ""},
    {BENCH_SEMAPHORE_TIMED, 2, false, 0, ""},
    {BENCH_EVENT_PINGPONG, 2, false, 0, ""},
    {BENCH_CONDITION_PINGPONG, 2, false, 0, ""},
    {BENCH_CONDITION_TIMED, 2, false, 0, ""},
    {BENCH_QUEUE_PINGPONG, 2, false, 0, ""},
    {BENCH_NOTIFY, 9, false, 0, " of 8 waiters"},
    {BENCH_NOTIFY, 33, false, 0, " of 32 waiters"},
    {BENCH_NOTIFY, 129, false, 0, " of 128 waiters"},
    {BENCH_NOTIFY_ALL, 9, false, 0, " of 8 waiters"},
    {BENCH_NOTIFY_ALL, 33, false, 0, " of 32 waiters"},
    {BENCH_NOTIFY_ALL, 129, false, 0, " of 128 waiters"},
    {BENCH_BARRIER, 2, false, 0, ""},
    {BENCH_BARRIER, 8, false, 0, ""},
    {BENCH_THREAD, 1, false, 0, ""},
    {BENCH_TIMER, 1, false, 10, ", 10 wait"},
    {BENCH_TIMER, 1, false, 10000, ", 10,000 wait"},
    {BENCH_TIMER, 1, true, 1000000, ", 1,000,000 wait"},
    {BENCH_QUEUE, 2, false, 0, ", 1:1"},
    {BENCH_QUEUE, 8, false, 0, ", 4:4"},
    {BENCH_QUEUE, 9, false, 0, ", 1:8"},
    {BENCH_SIMPLE_QUEUE, 2, false, 0, ", 1:1"},
    {BENCH_SIMPLE_QUEUE, 8, false, 0, ", 4:4"},
    {BENCH_SIMPLE_QUEUE, 9, false, 0, ", 1:8"},
    {BENCH_TASK, 1, false, 0, ""},
    {BENCH_TASK_BATCH, 1, false, 0, ""},
    {BENCH_TASK_WORK, 1, false, 0, ""},
    {BENCH_FAN, 1, false, 0, ""},
    {BENCH_NESTED, 1, false, 0, ""},
    {BENCH_MAP, 1, false, 0, ""},
    {BENCH_JOBS_MONITOR, 3, false, 100, ", 0.1 ms, 2 workers"},
    {BENCH_JOBS_MONITOR, 5, false, 100, ", 0.1 ms, 4 workers"},
    {BENCH_JOBS_MONITOR, 3, false, 1000, ", 1 ms, 2 workers"},
    {BENCH_JOBS_MONITOR, 5, false, 1000, ", 1 ms, 4 workers"},
    {BENCH_JOBS_MONITOR, 3, false, 10000, ", 10 ms, 2 workers"},
    {BENCH_JOBS_MONITOR, 5, false, 10000, ", 10 ms, 4 workers"},
    {BENCH_JOBS_QUEUE, 3, false, 100, ", 0.1 ms, 2 workers"},
    {BENCH_JOBS_QUEUE, 5, false, 100, ", 0.1 ms, 4 workers"},
    {BENCH_JOBS_QUEUE, 3, false, 1000, ", 1 ms, 2 workers"},
    {BENCH_JOBS_QUEUE, 5, false, 1000, ", 1 ms, 4 workers"},
    {BENCH_JOBS_QUEUE, 3, false, 10000, ", 10 ms, 2 workers"},
    {BENCH_JOBS_QUEUE, 5, false, 10000, ", 10 ms, 4 workers"},
    {BENCH_JOBS_POOL, 1, false, 100, ", 0.1 ms, 2 workers"},
    {BENCH_JOBS_POOL, 1, false, 1000, ", 1 ms, 2 workers"},
    {BENCH_JOBS_POOL, 1, false, 10000, ", 10 ms, 2 workers"},
    {BENCH_SIZE_LOCK, 1, true, 0, ""},
    {BENCH_SIZE_RLOCK, 1, true, 0, ""},
    {BENCH_SIZE_SEMAPHORE, 1, true, 0, ""},
    {BENCH_SIZE_EVENT, 1, true, 0, ""},
    {BENCH_SIZE_CONDITION, 1, true, 0, ""},
    {BENCH_SIZE_BARRIER, 1, true, 0, ""},
    {BENCH_SIZE_QUEUE, 1, true, 0, ""},
    {BENCH_SIZE_SIMPLE_QUEUE, 1, true, 0, ""},
    {BENCH_SIZE_TIMER, 1, true, 0, ""},
    {BENCH_SIZE_FUTURE, 1, true, 0, ""},
};

enum {
    ROWS = sizeof rows / sizeof rows[0]
};

typedef enum outcome {
    ABSENT, /* the subject has no such thing, or not so many */
    FAILED,
    DONE
} outcome;

/* What the process that measures a row sends back. */
typedef struct figures {
    outcome outcome[MAX_SUBJECTS];
    double of[MAX_SUBJECTS][MAX_ROUNDS];
    double cpu[MAX_SUBJECTS][MAX_ROUNDS]; /* nanoseconds of processor time for one operation */
} figures;

static int rounds = 9;
static double milliseconds = 15;

/* ---- one measurement: a team of threads does one job ---- */

typedef struct team {
    const bench_job *job;
    int threads;
    long count;
    pinning pin;
    atomic_int ready;
    atomic_bool go;
} team;

typedef struct member {
    team *team;
    int me;
    long failures;
    double begin, end;
    pthread_t thread;
} member;

/* What a thread of the team has told at its end. */
typedef struct told {
    BENCH_ALIGNED long balance;
    double longest, total;
    long waits;
} told;

static told all_told[BENCH_MAX_THREADS];

void bench_tell_balance(int me, long balance) {
    all_told[me].balance = balance;
}

void bench_tell_waits(int me, double longest, double total, long n) {
    all_told[me].longest = longest;
    all_told[me].total = total;
    all_told[me].waits = n;
}

static void *play(void *arg) {
    member *m = arg;
    team *t = m->team;
    if (t->pin == ONE || t->threads > 1) { /* Of one, those that it makes are to spread. */
        bench_pin(t->pin == SPREAD ? m->me : 0);
    }
    atomic_fetch_add(&t->ready, 1);
    while (!atomic_load(&t->go)) {
        (void)sched_yield();
    }
    m->begin = bench_now();
    m->failures = t->job->body(m->me, t->threads, t->count);
    m->end = bench_now();
    return NULL;
}

/* The team's failures, BENCH_CANNOT or 0; `ns` is from the first one's begin to the last one's
 * end. */
static long run_team(team *t, double *ns) {
    static member members[BENCH_MAX_THREADS];
    double begin = 0, end = 0;
    long failures = 0;
    for (int i = 0; i < t->threads; i++) {
        members[i] = (member){.team = t, .me = i};
        if (pthread_create(&members[i].thread, NULL, play, &members[i]) != 0) {
            abort();
        }
    }
    while (atomic_load(&t->ready) < t->threads) {
        (void)sched_yield();
    }
    atomic_store(&t->go, true);
    for (int i = 0; i < t->threads; i++) {
        const member *m = &members[i];
        (void)pthread_join(m->thread, NULL);
        begin = i == 0 || m->begin < begin ? m->begin : begin;
        end = i == 0 || m->end > end ? m->end : end;
        failures = m->failures < 0 || failures < 0 ? BENCH_CANNOT : failures + m->failures;
    }
    *ns = end - begin;
    return failures;
}

/* The figure of a workload that took `ns` for `count` operations, from what the threads have told;
 * false if they have taken more or less than they have given. */
static bool figure_of(bench_unit unit, int threads, double ns, long count, double *figure) {
    double longest = 0, total = 0;
    long balance = 0, waits = 0;
    for (int i = 0; i < threads; i++) {
        longest = all_told[i].longest > longest ? all_told[i].longest : longest;
        total += all_told[i].total;
        waits += all_told[i].waits;
        balance += all_told[i].balance;
    }
    *figure = unit == BENCH_UNIT_LONGEST           ? longest
              : unit == BENCH_UNIT_LONGEST_TO_MEAN ? longest / (total / (double)waits)
                                                   : ns / (double)count;
    return balance == 0;
}

/* Which subject the row's process is measuring, for who wants to know where it hangs. */
static char running[128];

static void tell_where_it_hangs(int signal) {
    (void)signal;
    (void)!write(STDERR_FILENO, running, strlen(running));
    _exit(1);
}

static const char *label_of(const subject *s, bench_work work) {
    return s->jobs != NULL ? s->jobs[work].label : s->python->label;
}

typedef struct result {
    outcome outcome;
    double ns, figure, cpu;
} result;

/* Processor time that this process has used, in nanoseconds, of the user and the system. */
static double used(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
}

static outcome outcome_of(long failures) {
    return failures == BENCH_CANNOT ? ABSENT : failures == 0 ? DONE : FAILED;
}

static result measure_python(const subject *s, const row *r, pinning how, long count) {
    result out = {FAILED, 0, 0, 0};
    bench_request request = {
        .work = works[r->work].name,
        .threads = r->threads,
        .spread = how == SPREAD,
        .check = bench_running.check,
        .count = count,
        .size = r->size,
    };
    if (s->python->process != 0 || bench_python_start(s->python)) {
        out.outcome = outcome_of(bench_python_measure(s->python, &request, &out.ns, &out.figure));
    }
    return out;
}

/* The threads of pools stay, and some look for work for a while before they sleep: that would be in
 * the next one's time. */
static void let_pools_sleep(void) {
    struct timespec time = {0, 5000000};
    (void)nanosleep(&time, NULL);
}

static result measure(const subject *s, const row *r, pinning how, long count) {
    (void)snprintf(running, sizeof running, "hung in %s: %s of %s, %ld operations\n",
                   works[r->work].text, label_of(s, r->work), s->name, count);
    if (s->jobs == NULL) {
        return measure_python(s, r, how, count);
    }
    const bench_job *job = &s->jobs[r->work];
    team t = {.job = job, .threads = r->threads, .count = count, .pin = how};
    result out = {FAILED, 0, 0, 0};
    bench_running.count = count;
    bench_running.size = r->size;
    bench_running.processors = how == ONE ? 1 : bench_count_processors();
    memset(all_told, 0, sizeof all_told);
    if (job->setup != NULL) {
        job->setup(r->threads);
    }
    if ((r->work >= BENCH_TASK && r->work <= BENCH_MAP) || r->work == BENCH_JOBS_POOL) {
        let_pools_sleep();
    }
    double before = used();
    out.outcome = outcome_of(run_team(&t, &out.ns));
    out.cpu = (used() - before) / (double)count;
    if (!figure_of(works[r->work].unit, r->threads, out.ns, count, &out.figure) &&
        out.outcome == DONE) {
        out.outcome = FAILED;
    }
    return out;
}

/* The shortest of three runs, or the first that is shorter than `enough`. */
static result measure_shortest(const subject *s, const row *r, pinning how, long count,
                               double enough) {
    result shortest = measure(s, r, how, count);
    for (int i = 1; i < 3 && shortest.outcome == DONE && shortest.ns > enough; i++) {
        result run = measure(s, r, how, count);
        shortest = run.outcome != DONE || run.ns < shortest.ns ? run : shortest;
    }
    return shortest;
}

/* How many operations take about the time of one round; 0 if the first run is not DONE. The first
 * runs also warm everything up; in the very first, a job may make what it keeps, such as threads,
 * and the loops look at more. What a run costs once, such as waking its threads, is in the time of
 * the short ones, and a thread that is preempted lengthens any: the count is taken from one that
 * lasts half a round each time. */
static long calibrate(const subject *s, const row *r, pinning how, outcome *first) {
    bool longest = works[r->work].unit != BENCH_UNIT_NS;
    double wanted = milliseconds * 1e6 * (longest ? 3 : 1);
    bench_running.check = true;
    result run = measure(s, r, how, FIRST_COUNT);
    bench_running.check = false;
    for (long count = 32; run.outcome == DONE;) {
        run = measure_shortest(s, r, how, count, wanted / 2);
        bool long_enough = run.outcome == DONE && run.ns > wanted / 64;
        long fitting = long_enough ? (long)(wanted / run.ns * (double)count) : count * 4;
        if (long_enough && run.ns > wanted / 2) {
            *first = run.outcome;
            return fitting > 16 ? fitting : 16;
        }
        count = fitting;
    }
    *first = run.outcome;
    return 0;
}

/* ---- one row: all subjects in turns, in a process of their own ---- */

static bool takes_part(const subject *s, bench_work work) {
    return s->jobs == NULL || s->jobs[work].label != NULL;
}

static void measure_times(const row *r, pinning how, figures *f) {
    long counts[MAX_SUBJECTS] = {0};
    for (int i = 0; i < subject_count; i++) {
        if (takes_part(&subjects[i], r->work)) {
            counts[i] = calibrate(&subjects[i], r, how, &f->outcome[i]);
        }
    }
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < subject_count; turn++) {
            int i = (turn + round) % subject_count;
            if (f->outcome[i] == DONE) {
                result run = measure(&subjects[i], r, how, counts[i]);
                f->outcome[i] = run.outcome == DONE ? DONE : FAILED;
                f->of[i][round] = run.figure;
                f->cpu[i][round] = run.cpu;
            }
        }
    }
}

/* Bytes of memory that this process has in use. */
static double resident(void) {
    long all = 0, here = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld %ld", &all, &here) != 2) {
        abort();
    }
    (void)fclose(file);
    return (double)here * (double)sysconf(_SC_PAGESIZE);
}

/* An object that is allocated is measured by what many of them add to the memory of the process,
 * after a few, which may bring what they share. */
static outcome measure_size(const subject *s, const row *r, double *bytes) {
    if (s->jobs == NULL) {
        result run = measure_python(s, r, ONE, HOARDED);
        *bytes = run.figure;
        return run.outcome;
    }
    const bench_job *job = &s->jobs[r->work];
    *bytes = (double)job->bytes;
    if (job->hoard == NULL) {
        return DONE;
    }
    long failures = job->hoard(FIRST_COUNT);
    double before = resident();
    failures += job->hoard(HOARDED);
    *bytes = (resident() - before) / HOARDED;
    return failures == 0 ? DONE : ABSENT;
}

static void measure_row(const row *r, pinning how, figures *f) {
    if (works[r->work].unit != BENCH_UNIT_BYTES) {
        measure_times(r, how, f);
        return;
    }
    for (int i = 0; i < subject_count; i++) {
        if (takes_part(&subjects[i], r->work)) {
            f->outcome[i] = measure_size(&subjects[i], r, &f->of[i][0]);
        }
        for (int round = 1; round < rounds; round++) {
            f->of[i][round] = f->of[i][0];
        }
    }
}

static bool write_all(int file, const void *from, size_t size) {
    for (const char *at = from; size > 0;) {
        ssize_t n = write(file, at, size);
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool read_all(int file, void *to, size_t size) {
    for (char *at = to; size > 0;) {
        ssize_t n = read(file, at, size);
        if (n <= 0) {
            return false;
        }
        at += n;
        size -= (size_t)n;
    }
    return true;
}

/* Have a child process fill `answer`. False when it died or did not end in time. */
static bool run_apart(pinning how, void (*fill)(const void *what, void *answer), const void *what,
                      void *answer, size_t size) {
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0) {
        return false;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGALRM, tell_where_it_hangs);
        (void)alarm(SECONDS_UNTIL_HUNG);
        if (how == ONE) { /* Before any library starts threads, which may be bound otherwise. */
            bench_pin(0);
        }
        fill(what, answer);
        _exit(write_all(ends[1], answer, size) ? 0 : 1);
    }
    (void)close(ends[1]);
    bool whole = child > 0 && read_all(ends[0], answer, size);
    (void)close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && whole;
}

typedef struct row_run {
    const row *row;
    pinning how;
} row_run;

static void fill_row(const void *what, void *answer) {
    const row_run *run = what;
    measure_row(run->row, run->how, answer);
}

static bool measure_apart(const row *r, pinning how, figures *f) {
    row_run run = {r, how};
    return run_apart(how, fill_row, &run, f, sizeof *f);
}

/* ---- the table ---- */

/* A measured row. */
typedef struct line {
    char name[64];
    const row *row;
    pinning how;
    const figures *figures;
    bench_summary of[MAX_SUBJECTS];
    double cpu[MAX_SUBJECTS]; /* medians; 0: not measured */
} line;

/* The subject with the least figure of those kinds, or -1. */
static int best_of(const line *l, bench_kind kind, bench_kind or_kind) {
    int best = -1;
    for (int i = 0; i < subject_count; i++) {
        bench_kind its = subjects[i].kind;
        if ((its == kind || its == or_kind) && l->figures->outcome[i] == DONE &&
            (best < 0 || l->of[i].median < l->of[best].median)) {
            best = i;
        }
    }
    return best;
}

static bool have(bench_kind kind) {
    for (int i = 0; i < subject_count; i++) {
        if (subjects[i].kind == kind) {
            return true;
        }
    }
    return false;
}

/* The columns of ratios; the second and the last only where there are such subjects. */
static const struct {
    const char *heading;
    bench_kind kind, or_kind, needed;
} columns[] = {
    {"vs peer", BENCH_PEER, BENCH_PEER, BENCH_PEER},
    {"vs any", BENCH_PEER, BENCH_AWAKE, BENCH_AWAKE},
    {"limit", BENCH_LIMIT, BENCH_LIMIT, BENCH_LIMIT},
    {"python", BENCH_PYTHON, BENCH_PYTHON, BENCH_PYTHON},
};

enum {
    COLUMNS = sizeof columns / sizeof columns[0]
};

/* Processor time matters where threads wait; without a peer, or in another process, there is none
 * to compare with. */
static bool compares_cpu(const line *l, int ours, int other) {
    return !l->row->pinned_to_one_only && works[l->row->work].unit == BENCH_UNIT_NS && ours >= 0 &&
           other >= 0 && l->cpu[ours] > 0 && l->cpu[other] > 0;
}

static void print_heading(void) {
    for (int i = 0; i < COLUMNS; i++) {
        if (have(columns[i].needed)) {
            printf("%9s", columns[i].heading);
        }
    }
    printf("%8s  %-37s%4s %-7s%11s%7s  %s\n", "cpu", "one operation, in ns", "thr", "cpus", "ours",
           "spread", "the others (spread); ~ stays awake");
}

static void print_ratios(const line *l, int ours) {
    for (int i = 0; i < COLUMNS; i++) {
        int other = best_of(l, columns[i].kind, columns[i].or_kind);
        if (have(columns[i].needed)) {
            if (ours < 0 || other < 0) {
                printf("%9s", "-");
            } else {
                printf("%9.*f", columns[i].kind == BENCH_PYTHON ? 4 : 2,
                       l->of[ours].median / l->of[other].median);
            }
        }
    }
    int peer = best_of(l, BENCH_PEER, BENCH_PEER);
    if (compares_cpu(l, ours, peer)) {
        printf("%8.2f", l->cpu[ours] / l->cpu[peer]);
    } else {
        printf("%8s", "-");
    }
    printf("  %-37s%4d %-7s", l->name, l->row->threads, pinning_names[l->how]);
}

/* "12.5%", or ">999%", right in seven columns. */
static const char *spread_text(const bench_summary *s) {
    static char text[16];
    double percent = bench_spread(s);
    (void)snprintf(text, sizeof text, percent < 1000 ? "%.1f%%" : ">999%%", percent);
    return text;
}

/* The subjects that have done the row, the fastest first, and behind them those that failed. */
static int sorted_subjects(const line *l, int *sorted) {
    int n = 0;
    for (int i = 0; i < subject_count; i++) {
        if (l->figures->outcome[i] == ABSENT) {
            continue;
        }
        int at = n++;
        for (; at > 0; at--) {
            int before = sorted[at - 1];
            bool later =
                l->figures->outcome[before] == FAILED || l->of[before].median > l->of[i].median;
            if (l->figures->outcome[i] == FAILED || !later) {
                break;
            }
            sorted[at] = before;
        }
        sorted[at] = i;
    }
    return n;
}

/* All but ours, in lines of bounded length. False if one failed. */
static bool print_others(const line *l, int ours) {
    int sorted[MAX_SUBJECTS], column = 0;
    int n = sorted_subjects(l, sorted);
    bool good = true;
    for (int at = 0; at < n; at++) {
        char text[128];
        int i = sorted[at];
        const char *mark = subjects[i].kind == BENCH_AWAKE ? "~" : "";
        if (i == ours) {
            continue;
        }
        if (l->figures->outcome[i] == FAILED) {
            good = false;
            (void)snprintf(text, sizeof text, "  %s%s failed", mark,
                           label_of(&subjects[i], l->row->work));
        } else {
            (void)snprintf(text, sizeof text, "  %s%s %.1f (%s)", mark,
                           label_of(&subjects[i], l->row->work), l->of[i].median,
                           spread_text(&l->of[i]));
        }
        if (column > 0 && column + (int)strlen(text) > OTHERS_WIDTH) {
            printf("\n%*s", CONTINUED_AT, "");
            column = 0;
        }
        column += printf("%s", text);
    }
    printf("\n");
    return good;
}

static bool print_line(const line *l) {
    int ours = best_of(l, BENCH_OURS, BENCH_OURS);
    print_ratios(l, ours);
    if (ours < 0) {
        printf("%11s%7s", "failed", "");
    } else {
        printf("%11.1f%7s", l->of[ours].median, spread_text(&l->of[ours]));
    }
    return print_others(l, ours) && ours >= 0;
}

static const char csv_heading[] =
    "workload,threads,processors,library,subject,kind,unit,median,quartile1,quartile3,least,most,"
    "rounds,ours_to_best_peer,ours_to_best_of_all,cpu,ours_to_best_peer_in_cpu";

/* Empty where there is no other. */
static void write_ratio(FILE *csv, const line *l, int ours, int other) {
    if (other < 0) {
        (void)fprintf(csv, ",");
    } else {
        (void)fprintf(csv, ",%.4f", l->of[ours].median / l->of[other].median);
    }
}

static void write_csv(FILE *csv, const line *l) {
    static const char *const kinds[] = {"ours", "peer", "awake", "python", "limit", "variant"};
    for (int i = 0; i < subject_count; i++) {
        const bench_summary *s = &l->of[i];
        if (l->figures->outcome[i] != DONE) {
            continue;
        }
        (void)fprintf(csv, "\"%s\",%d,%s,%s,\"%s\",%s,%s,%.3f,%.3f,%.3f,%.3f,%.3f,%d", l->name,
                      l->row->threads, pinning_names[l->how], subjects[i].name,
                      label_of(&subjects[i], l->row->work), kinds[subjects[i].kind],
                      unit_names[works[l->row->work].unit], s->median, s->low, s->high, s->least,
                      s->most, rounds);
        bool is_ours = subjects[i].kind == BENCH_OURS;
        write_ratio(csv, l, i, is_ours ? best_of(l, BENCH_PEER, BENCH_PEER) : -1);
        write_ratio(csv, l, i, is_ours ? best_of(l, BENCH_PEER, BENCH_AWAKE) : -1);
        (void)fprintf(csv, ",%.3f", l->cpu[i]);
        int peer = best_of(l, BENCH_PEER, BENCH_PEER);
        if (is_ours && compares_cpu(l, i, peer)) {
            (void)fprintf(csv, ",%.4f\n", l->cpu[i] / l->cpu[peer]);
        } else {
            (void)fprintf(csv, ",\n");
        }
    }
}

/* ---- history: a workload after another one in the same process ---- */

enum {
    HISTORY_FRESH = 9,   /* how often a workload is measured in a fresh process, */
    HISTORY_AGAIN = 7,   /* and how often after one that seems to slow it down */
    HISTORY_PRINTED = 20 /* the worst pairs */
};

/* So much slower than in a fresh process a workload may be, at most. */
#define HISTORY_LIMIT 1.2

typedef struct history_pair {
    const row *before, *row;
    pinning how;
    double ratio;
} history_pair;

/* What the child process of a measurement is asked for. */
typedef struct history_run {
    const row *before; /* NULL: a fresh process */
    const row *row;
    pinning how;
    const long (*counts)[2]; /* operations of each row, by pinning; 0: not known yet */
} history_run;

static bool in_history(const row *r) {
    bool long_jobs = r->work >= BENCH_JOBS_MONITOR && r->size > 100;
    return works[r->work].unit == BENCH_UNIT_NS && !r->pinned_to_one_only && !long_jobs;
}

/* In the child: a first run of both makes what they keep, such as pools. Without a count, find
 * it. */
static double history_figure(const history_run *run) {
    const row *order[] = {run->row, run->before};
    outcome first = FAILED;
    if (run->counts[run->row - rows][run->how] == 0) {
        return (double)calibrate(&subjects[0], run->row, run->how, &first);
    }
    for (int i = 0; i < 2 && order[i] != NULL; i++) {
        bench_running.check = true;
        (void)measure(&subjects[0], order[i], run->how, FIRST_COUNT);
        bench_running.check = false;
    }
    if (run->before != NULL) {
        (void)measure(&subjects[0], run->before, run->how,
                      run->counts[run->before - rows][run->how]);
    }
    result last = measure(&subjects[0], run->row, run->how, run->counts[run->row - rows][run->how]);
    return last.outcome == DONE ? last.figure : 0;
}

static void fill_history(const void *what, void *answer) {
    *(double *)answer = history_figure(what);
}

/* The figure, or the count, from a process of its own; 0 when it failed. */
static double history_apart(const history_run *run) {
    double figure = 0;
    return run_apart(run->how, fill_history, run, &figure, sizeof figure) ? figure : 0;
}

static double history_median(const history_run *run, int times) {
    double measured[HISTORY_FRESH];
    for (int i = 0; i < times; i++) {
        measured[i] = history_apart(run);
        if (measured[i] <= 0) {
            return 0;
        }
    }
    return bench_summarize(measured, times).median;
}

/* A pair that seems too slow is measured again, in turns with fresh processes. */
static double history_ratio(history_run *run, double fresh) {
    double ratio = history_apart(run) / fresh;
    if (ratio > 0 && ratio <= HISTORY_LIMIT) {
        return ratio;
    }
    history_run alone = *run;
    double after[HISTORY_AGAIN], before[HISTORY_AGAIN];
    alone.before = NULL;
    for (int i = 0; i < HISTORY_AGAIN; i++) {
        after[i] = history_apart(run);
        before[i] = history_apart(&alone);
    }
    double median = bench_summarize(after, HISTORY_AGAIN).median;
    return median > 0 ? median / bench_summarize(before, HISTORY_AGAIN).median : HUGE_VAL;
}

static int compare_pairs(const void *a, const void *b) {
    double x = ((const history_pair *)a)->ratio, y = ((const history_pair *)b)->ratio;
    return (x < y) - (x > y);
}

static void print_pair(const history_pair *pair) {
    char name[64], before[64];
    (void)snprintf(name, sizeof name, "%s%s, %d threads", works[pair->row->work].text,
                   pair->row->note, pair->row->threads);
    (void)snprintf(before, sizeof before, "%s%s, %d threads", works[pair->before->work].text,
                   pair->before->note, pair->before->threads);
    printf("%6.2f  %-7s %-46s after %s\n", pair->ratio, pinning_names[pair->how], name, before);
}

/* Every row of one pinning after every other one. Returns how many pairs there are now. */
static int run_history(pinning how, history_pair *pairs, int n, const char *only) {
    static long counts[ROWS][2];
    for (int i = 0; i < ROWS; i++) {
        history_run run = {NULL, &rows[i], how, (const long(*)[2])counts};
        counts[i][how] = in_history(&rows[i]) ? (long)history_apart(&run) : 0;
    }
    for (int i = 0; i < ROWS; i++) {
        history_run run = {NULL, &rows[i], how, (const long(*)[2])counts};
        bool wanted = only == NULL || strstr(works[rows[i].work].text, only) != NULL;
        double fresh = wanted && counts[i][how] > 0 ? history_median(&run, HISTORY_FRESH) : 0;
        bench_progress(works[rows[i].work].text);
        for (int j = 0; fresh > 0 && j < ROWS; j++) {
            if (i != j && counts[j][how] > 0) {
                run.before = &rows[j];
                pairs[n++] = (history_pair){&rows[j], &rows[i], how, history_ratio(&run, fresh)};
            }
        }
    }
    bench_progress(NULL);
    return n;
}

static bool print_history(const char *only) {
    static history_pair pairs[2 * ROWS * ROWS];
    int n = 0, above = 0;
    for (int how = SPREAD; how <= ONE; how++) {
        n = run_history((pinning)how, pairs, n, only);
    }
    qsort(pairs, (size_t)n, sizeof *pairs, compare_pairs);
    printf("figure after another workload to that in a fresh process; the worst of %d pairs\n\n",
           n);
    for (int i = 0; i < n; i++) {
        above += pairs[i].ratio > HISTORY_LIMIT;
        if (i < HISTORY_PRINTED || pairs[i].ratio > HISTORY_LIMIT) {
            print_pair(&pairs[i]);
        }
    }
    printf("\n%d of %d pairs above %.1f\n", above, n, HISTORY_LIMIT);
    return n > 0 && above == 0;
}

/* ---- the whole ---- */

static bool run_row(const row *r, pinning how, FILE *csv) {
    char text[128];
    line l = {.row = r, .how = how};
    figures *f = calloc(1, sizeof *f);
    bool good = false;
    (void)snprintf(l.name, sizeof l.name, "%s%s", works[r->work].text, r->note);
    (void)snprintf(text, sizeof text, "%d of %d: %s, %d threads, %s", (int)(r - rows) + 1, ROWS,
                   l.name, r->threads, pinning_names[how]);
    bench_progress(text);
    bool whole = f != NULL && measure_apart(r, how, f);
    bench_progress(NULL);
    if (whole) {
        l.figures = f;
        for (int i = 0; i < subject_count; i++) {
            l.of[i] = bench_summarize(f->of[i], rounds);
            l.cpu[i] = bench_summarize(f->cpu[i], rounds).median;
        }
        good = print_line(&l);
        if (csv != NULL) {
            write_csv(csv, &l);
        }
    } else {
        printf("%9s  %-37s%4d %-7s died or hung\n", "-", l.name, r->threads, pinning_names[how]);
    }
    (void)fflush(stdout);
    free(f);
    return good;
}

static void add_subject(const char *name, bench_kind kind, const bench_job *jobs,
                        bench_python *python) {
    if (subject_count < MAX_SUBJECTS) {
        subjects[subject_count++] = (subject){name, kind, jobs, python};
    }
}

/* Those that are linked, and the Pythons that start. */
static void find_subjects(void) {
    static char paths[4096];
    const char *given = getenv("BENCH_PYTHONS");
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const bench_subject *s = known[i].subject;
        if (s != NULL) {
            add_subject(s->kind == BENCH_OURS ? "pythreading.h" : known[i].name, s->kind, s->jobs,
                        NULL);
        }
    }
    (void)snprintf(paths, sizeof paths, "%s", given != NULL ? given : "");
    int n = 0;
    for (char *path = strtok(paths, " "); path != NULL && n < MAX_PYTHONS;
         path = strtok(NULL, " ")) {
        pythons[n].path = path;
        if (bench_python_start(&pythons[n])) {
            add_subject(pythons[n].label, BENCH_PYTHON, NULL, &pythons[n]);
        }
        bench_python_stop(&pythons[n++]);
    }
}

static bool run_rows(const char *only, FILE *csv) {
    bool good = true;
    print_heading();
    for (int i = 0; i < ROWS; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%s", works[rows[i].work].text, rows[i].note);
        if (only == NULL || strstr(name, only) != NULL) {
            for (int how = rows[i].pinned_to_one_only ? ONE : SPREAD; how <= ONE; how++) {
                good = run_row(&rows[i], (pinning)how, csv) && good;
            }
        }
    }
    return good;
}

int main(void) {
    const char *csv_name = getenv("BENCH_CSV");
    char machine[256], program[256];
    rounds = (int)bench_setting("BENCH_ROUNDS", rounds);
    rounds = rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
    milliseconds = bench_setting("BENCH_MS", milliseconds);
    if (!bench_find_processors()) {
        return 1;
    }
    find_subjects();
    if (getenv("BENCH_HISTORY") != NULL) {
        bench_machine(machine, sizeof machine);
        printf("%s\n", machine);
        return print_history(getenv("BENCH_ONLY")) ? 0 : 1;
    }
    bench_machine(machine, sizeof machine);
    (void)snprintf(program, sizeof program, "pythreading.h %s on %s, built by compiler %s",
                   PYT_VERSION, PYT_BACKEND, __VERSION__);
    FILE *csv = bench_csv_open(csv_name, program, csv_heading);
    if (csv == NULL && csv_name != NULL && csv_name[0] != '\0') {
        return 1;
    }
    printf(
        "%s\n%s\nmedians of %d rounds of %g ms, subjects in turns; below 1 we are the faster\n\n",
        program, machine, rounds, milliseconds);
    bool good = run_rows(getenv("BENCH_ONLY"), csv);
    if (csv != NULL && fclose(csv) != 0) {
        perror(csv_name);
        good = false;
    }
    return good ? 0 : 1;
}
