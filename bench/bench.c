/* Runs the benchmark and prints its table.
 *
 *     BENCH_ROUNDS  rounds of each workload, every subject once in each (9)
 *     BENCH_MS      how long one subject runs in one round, in milliseconds (15)
 *     BENCH_ONLY    text that the workload's name must contain
 *     BENCH_CSV     a file to write all figures to
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_ROUNDS = 101,
    MAX_THREADS = 64,
    SECONDS_UNTIL_HUNG = 120
};

static const bench_subject *const subjects[] = {&bench_pyt, &bench_c11, &bench_pthread,
                                                &bench_bare};

enum {
    SUBJECTS = sizeof subjects / sizeof subjects[0]
};

static const char *const work_names[] = {
#define BENCH_TEXT(work, text) text,
    BENCH_WORKS(BENCH_TEXT)
#undef BENCH_TEXT
};

/* On which processors the threads of a workload run. */
typedef enum pinning {
    SPREAD, /* each on the next of all */
    ONE     /* all on the same */
} pinning;

static const char *const pinning_names[] = {"spread", "one"};

typedef struct row {
    bench_work work;
    int threads;
    bool pinned_to_one_only; /* nothing would be different if it were spread */
} row;

static const row rows[] = {
    {BENCH_LOCK, 1, true},
    {BENCH_LOCK_WITH, 1, true},
    {BENCH_RLOCK, 1, true},
    {BENCH_RLOCK_NESTED, 1, true},
    {BENCH_SEMAPHORE, 1, true},
    {BENCH_EVENT, 1, true},
    {BENCH_EVENT_IS_SET, 1, true},
    {BENCH_CONTENDED, 2, false},
    {BENCH_CONTENDED, 8, false},
    {BENCH_CONTENDED_WORK, 2, false},
    {BENCH_CONTENDED_WORK, 8, false},
    {BENCH_SEMAPHORE_PINGPONG, 2, false},
    {BENCH_CONDITION_PINGPONG, 2, false},
    {BENCH_NOTIFY_ALL, 33, false},
    {BENCH_BARRIER, 2, false},
    {BENCH_BARRIER, 8, false},
    {BENCH_THREAD, 1, false},
    {BENCH_TIMER, 1, false},
    {BENCH_QUEUE, 2, false},
    {BENCH_QUEUE, 8, false},
    {BENCH_SIMPLE_QUEUE, 2, false},
    {BENCH_SIMPLE_QUEUE, 8, false},
    {BENCH_TASK, 1, false},
    {BENCH_TASK_BATCH, 1, false},
    {BENCH_TASK_WORK, 1, false},
    {BENCH_FAN, 1, false},
    {BENCH_MAP, 1, false},
};

enum {
    ROWS = sizeof rows / sizeof rows[0]
};

/* What the process that measures a row sends back: nanoseconds for one operation. */
typedef struct figures {
    bool failed[SUBJECTS];
    double ns[SUBJECTS][MAX_ROUNDS];
} figures;

typedef struct summary {
    double median, low, high, least, most; /* low and high are the quartiles */
} summary;

static int rounds = 9;
static double milliseconds = 15;
static cpu_set_t allowed;

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

static double now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* The n-th processor this process may use, counted from the last: the first one has the most of the
 * system's own work. */
static int processor(int n) {
    n %= CPU_COUNT(&allowed);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET((size_t)cpu, &allowed) && n-- == 0) {
            return cpu;
        }
    }
    return 0;
}

static void pin(const team *t, int me) {
    cpu_set_t set;
    if (t->pin == SPREAD && t->threads == 1) {
        return; /* It is the threads that it makes which are to spread. */
    }
    CPU_ZERO(&set);
    CPU_SET((size_t)processor(t->pin == SPREAD ? me : 0), &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void *play(void *arg) {
    member *m = arg;
    team *t = m->team;
    pin(t, m->me);
    atomic_fetch_add(&t->ready, 1);
    while (!atomic_load(&t->go)) {
        (void)sched_yield();
    }
    m->begin = now_ns();
    m->failures = t->job->body(m->me, t->threads, t->count);
    m->end = now_ns();
    return NULL;
}

/* Nanoseconds from the first thread's begin to the last one's end, or below 0 on failure. */
static double measure(const bench_job *job, int threads, pinning how, long count) {
    team t = {.job = job, .threads = threads, .count = count, .pin = how};
    static member members[MAX_THREADS];
    if (job->setup != NULL) {
        job->setup(threads);
    }
    for (int i = 0; i < threads; i++) {
        members[i] = (member){.team = &t, .me = i};
        if (pthread_create(&members[i].thread, NULL, play, &members[i]) != 0) {
            abort();
        }
    }
    while (atomic_load(&t.ready) < threads) {
        (void)sched_yield();
    }
    atomic_store(&t.go, true);
    double begin = 0, end = 0;
    long failures = 0;
    for (int i = 0; i < threads; i++) {
        (void)pthread_join(members[i].thread, NULL);
        begin = i == 0 || members[i].begin < begin ? members[i].begin : begin;
        end = i == 0 || members[i].end > end ? members[i].end : end;
        failures += members[i].failures;
    }
    return failures == 0 ? end - begin : -1;
}

/* How many operations take about the time of one round. The first runs also warm everything up; in
 * the very first, which is not counted, a job may make what it keeps, such as threads. */
static long calibrate(const bench_job *job, const row *r, pinning how) {
    double wanted = milliseconds * 1e6;
    (void)measure(job, r->threads, how, 1);
    for (long count = 32;; count *= 4) {
        double ns = measure(job, r->threads, how, count);
        if (ns < 0) {
            return 0;
        }
        if (ns > wanted / 8) {
            long fitting = (long)(wanted / ns * (double)count);
            return fitting > 16 ? fitting : 16;
        }
    }
}

/* ---- one row: all subjects in turns, in a process of their own ---- */

static void measure_row(const row *r, pinning how, figures *f) {
    long counts[SUBJECTS] = {0};
    memset(f, 0, sizeof *f);
    for (int s = 0; s < SUBJECTS; s++) {
        const bench_job *job = &subjects[s]->jobs[r->work];
        if (job->body != NULL) {
            counts[s] = calibrate(job, r, how);
            f->failed[s] = counts[s] == 0;
        }
    }
    for (int round = 0; round < rounds; round++) {
        for (int turn = 0; turn < SUBJECTS; turn++) {
            int s = (turn + round) % SUBJECTS;
            if (counts[s] > 0) {
                double ns = measure(&subjects[s]->jobs[r->work], r->threads, how, counts[s]);
                f->failed[s] = f->failed[s] || ns < 0;
                f->ns[s][round] = ns / (double)counts[s];
            }
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

/* False when the process died or did not end in time. */
static bool measure_apart(const row *r, pinning how, figures *f) {
    int ends[2];
    int status = 0;
    if (pipe(ends) != 0) {
        return false;
    }
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(SECONDS_UNTIL_HUNG);
        measure_row(r, how, f);
        _exit(write_all(ends[1], f, sizeof *f) ? 0 : 1);
    }
    (void)close(ends[1]);
    bool whole = child > 0 && read_all(ends[0], f, sizeof *f);
    (void)close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && whole;
}

/* ---- the table ---- */

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static summary summarize(const double *ns) {
    double sorted[MAX_ROUNDS];
    memcpy(sorted, ns, (size_t)rounds * sizeof *ns);
    qsort(sorted, (size_t)rounds, sizeof *sorted, compare_doubles);
    return (summary){
        .median = (sorted[(rounds - 1) / 2] + sorted[rounds / 2]) / 2,
        .low = sorted[(rounds - 1) / 4],
        .high = sorted[rounds - 1 - (rounds - 1) / 4],
        .least = sorted[0],
        .most = sorted[rounds - 1],
    };
}

/* The fastest subject of that kind, or -1. */
static int best_of(bench_kind kind, const row *r, const figures *f, const summary *s) {
    int best = -1;
    for (int i = 0; i < SUBJECTS; i++) {
        if (subjects[i]->kind == kind && subjects[i]->jobs[r->work].body != NULL && !f->failed[i] &&
            (best < 0 || s[i].median < s[best].median)) {
            best = i;
        }
    }
    return best;
}

static void print_ratio(double ours, int other, const summary *s) {
    if (other < 0) {
        printf("%7s", "-");
    } else {
        printf("%7.2f", ours / s[other].median);
    }
}

static void print_heading(void) {
    printf("%7s%7s  %-27s%4s %-7s%11s%7s  %s\n", "vs peer", "limit", "one operation", "thr", "cpus",
           "ours ns", "spread", "the others, ns (spread)");
}

/* Half the distance between the quartiles, in percent of the median. */
static double spread(const summary *s) {
    return (s->high - s->low) / 2 / s->median * 100;
}

static bool print_row(const row *r, pinning how, const figures *f) {
    summary s[SUBJECTS];
    bool failed = false;
    for (int i = 0; i < SUBJECTS; i++) {
        s[i] = summarize(f->ns[i]);
        failed = failed || f->failed[i];
    }
    int ours = best_of(BENCH_OURS, r, f, s);
    if (ours < 0) {
        printf("%7s%7s  %-27s%4d %-7s failed\n", "-", "-", work_names[r->work], r->threads,
               pinning_names[how]);
        return false;
    }
    print_ratio(s[ours].median, best_of(BENCH_PEER, r, f, s), s);
    print_ratio(s[ours].median, best_of(BENCH_LIMIT, r, f, s), s);
    printf("  %-27s%4d %-7s%11.1f%6.1f%% ", work_names[r->work], r->threads, pinning_names[how],
           s[ours].median, spread(&s[ours]));
    for (int i = 0; i < SUBJECTS; i++) {
        if (i != ours && subjects[i]->jobs[r->work].body != NULL) {
            printf(" %s ", subjects[i]->jobs[r->work].label);
            if (f->failed[i]) {
                printf("failed");
            } else {
                printf("%.1f (%.1f%%)", s[i].median, spread(&s[i]));
            }
        }
    }
    printf("\n");
    return !failed;
}

static void write_csv(FILE *csv, const row *r, pinning how, const figures *f) {
    static const char *const kinds[] = {"ours", "peer", "limit"};
    for (int i = 0; i < SUBJECTS; i++) {
        const bench_job *job = &subjects[i]->jobs[r->work];
        if (job->body != NULL && !f->failed[i]) {
            summary s = summarize(f->ns[i]);
            (void)fprintf(csv, "\"%s\",%d,%s,%s,%s,%.3f,%.3f,%.3f,%.3f,%.3f,%d\n",
                          work_names[r->work], r->threads, pinning_names[how], job->label,
                          kinds[subjects[i]->kind], s.median, s.low, s.high, s.least, s.most,
                          rounds);
        }
    }
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
    printf("medians of %d rounds of %g ms, subjects in turns; below 1 we are the faster\n\n",
           rounds, milliseconds);
}

static double setting(const char *name, double otherwise) {
    const char *text = getenv(name);
    double value = text != NULL ? atof(text) : 0;
    return value > 0 ? value : otherwise;
}

static bool run_row(const row *r, pinning how, FILE *csv) {
    figures *f = calloc(1, sizeof *f);
    bool good = f != NULL;
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "... %s, %d threads, %s\r", work_names[r->work], r->threads,
                      pinning_names[how]);
    }
    if (good && measure_apart(r, how, f)) {
        good = print_row(r, how, f);
        if (csv != NULL) {
            write_csv(csv, r, how, f);
        }
    } else {
        good = false;
        printf("%7s%7s  %-27s%4d %-7s died or hung\n", "-", "-", work_names[r->work], r->threads,
               pinning_names[how]);
    }
    (void)fflush(stdout);
    free(f);
    return good;
}

int main(void) {
    const char *only = getenv("BENCH_ONLY");
    const char *csv_name = getenv("BENCH_CSV");
    FILE *csv = NULL;
    bool good = true;
    rounds = (int)setting("BENCH_ROUNDS", rounds);
    rounds = rounds < MAX_ROUNDS ? rounds : MAX_ROUNDS;
    milliseconds = setting("BENCH_MS", milliseconds);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        perror("sched_getaffinity");
        return 1;
    }
    if (csv_name != NULL && csv_name[0] != '\0') {
        csv = fopen(csv_name, "w");
        if (csv == NULL) {
            perror(csv_name);
            return 1;
        }
        (void)fprintf(csv, "workload,threads,processors,subject,kind,"
                           "median_ns,quartile1_ns,quartile3_ns,least_ns,most_ns,rounds\n");
    }
    print_machine();
    print_heading();
    for (int i = 0; i < ROWS; i++) {
        if (only != NULL && strstr(work_names[rows[i].work], only) == NULL) {
            continue;
        }
        for (int how = rows[i].pinned_to_one_only ? ONE : SPREAD; how <= ONE; how++) {
            good = run_row(&rows[i], (pinning)how, csv) && good;
        }
    }
    if (csv != NULL && fclose(csv) != 0) {
        perror(csv_name);
        good = false;
    }
    return good ? 0 : 1;
}
