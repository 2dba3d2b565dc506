/* What every program that measures needs: clock, processors, statistics, CSV. */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

bench_frame bench_running;

static cpu_set_t allowed;

double bench_now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

bool bench_find_processors(void) {
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        perror("sched_getaffinity");
        return false;
    }
    return true;
}

int bench_count_processors(void) {
    return CPU_COUNT(&allowed);
}

int bench_processor(int n) {
    n %= CPU_COUNT(&allowed);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET((size_t)cpu, &allowed) && n-- == 0) {
            return cpu;
        }
    }
    return 0;
}

void bench_pin(int n) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)bench_processor(n), &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

bench_summary bench_summarize(const double *figures, int n) {
    double sorted[101];
    memcpy(sorted, figures, (size_t)n * sizeof *figures);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    return (bench_summary){
        .median = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2,
        .low = sorted[(n - 1) / 4],
        .high = sorted[n - 1 - (n - 1) / 4],
        .least = sorted[0],
        .most = sorted[n - 1],
    };
}

double bench_spread(const bench_summary *s) {
    return s->median > 0 ? (s->high - s->low) / 2 / s->median * 100 : 0;
}

double bench_setting(const char *name, double otherwise) {
    const char *text = getenv(name);
    double value = text != NULL ? atof(text) : 0;
    return value > 0 ? value : otherwise;
}

void bench_machine(char *text, size_t size) {
    char line[256], model[200] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0 && strchr(line, ':') != NULL) {
            (void)snprintf(model, sizeof model, "%.190s", strchr(line, ':') + 2);
            model[strcspn(model, "\n")] = '\0';
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    double load = 0;
    (void)getloadavg(&load, 1);
    (void)snprintf(text, size, "%d processors, %s, load before %.1f", CPU_COUNT(&allowed), model,
                   load);
}

void bench_progress(const char *text) {
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "\r\033[K%s%s", text != NULL ? "... " : "", text != NULL ? text : "");
    }
}

/* Above this load others take part of the time that is measured. */
#define QUIET 0.5

FILE *bench_csv_open(const char *name, const char *program, const char *heading) {
    char machine[256];
    double load = 0;
    if (name == NULL || name[0] == '\0') {
        return NULL;
    }
    if (strstr(name, "plots/") != NULL && getloadavg(&load, 1) == 1 && load > QUIET) {
        (void)fprintf(stderr, "%s: not written at a load of %.1f; wait until it is below %.1f\n",
                      name, load, QUIET);
        return NULL;
    }
    FILE *csv = fopen(name, "w");
    if (csv == NULL) {
        perror(name);
        return NULL;
    }
    bench_machine(machine, sizeof machine);
    (void)fprintf(csv, "# %s\n# %s\n%s\n", program, machine, heading);
    return csv;
}
