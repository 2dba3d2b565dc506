/* What the tests of simulated schedules share. */
#define _GNU_SOURCE
#include "simulate.h"

#include <unistd.h>

/* A scenario with more schedules than this has grown by mistake. */
#define MOST_SCHEDULES 2000000

#if defined(SIMULATE_MUTANTS)
/* Which fault of tests/simulate/mutants.txt the library has; 0: none. */
int simulate_mutant;

__attribute__((constructor)) static void choose_mutant(void) {
    const char *number = getenv("SIMULATE_MUTANT");
    simulate_mutant = number != NULL ? atoi(number) : 0;
}
#endif

pyt_thread *simulate_start(const char *name, void *(*target)(void *), void *arg) {
    pyt_thread *thread = NULL;
    pyt_thread_options options = {.target = target, .arg = arg, .name = name};
    MUST(pyt_thread_new(&thread, &options));
    MUST(pyt_thread_start(thread));
    return thread;
}

void simulate_join(pyt_thread *thread) {
    MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

pyt_status simulate_reported(const pyt_simulate_options *options, simulate_body body, void *arg,
                             char *report, size_t size) {
    FILE *file = tmpfile();
    int stderr_copy = dup(STDERR_FILENO);
    CHECK(file != NULL && stderr_copy >= 0);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    pyt_status status = pyt_simulate(options, body, arg);
    fflush(stderr);
    dup2(stderr_copy, STDERR_FILENO);
    close(stderr_copy);
    rewind(file);
    report[fread(report, 1, size - 1, file)] = '\0';
    fclose(file);
    return status;
}

static void check_report(const char *report, const char *word) {
    if (strstr(report, word) == NULL) {
        test_fail(__FILE__, __LINE__, "\"%s\" is not in the report:\n%s", word, report);
    }
}

/* What there was of a failed run. */
typedef struct failure {
    char schedule[8192];
    char message[1024];
} failure;

static failure last_failure(pyt_status status) {
    failure found = {"", ""};
    CHECK_STATUS(status, PYT_RUNTIME_ERROR);
    CHECK(pyt_simulate_schedule() != NULL);
    CHECK(strlen(pyt_simulate_schedule()) < sizeof found.schedule);
    snprintf(found.schedule, sizeof found.schedule, "%s", pyt_simulate_schedule());
    snprintf(found.message, sizeof found.message, "%s", pyt_error_message());
    return found;
}

/* The first failure and a later one of the same program: the schedule tells one from another. */
static void check_same(const failure *first, const failure *again) {
    CHECK_STR(again->schedule, first->schedule);
}

void simulate_finds(simulate_body body, const char *const *words) {
    static char report[65536];
    char text[8300];
    pyt_simulate_options options = {.seed = 1};
    failure first = last_failure(simulate_reported(&options, body, NULL, report, sizeof report));
    unsigned long runs = pyt_simulate_runs();
    CHECK(runs >= 1 && runs <= 1000);
    printf("found in run %lu\n", runs);
    for (; *words != NULL; words++) {
        check_report(report, *words);
    }
    snprintf(text, sizeof text, "seed %lu", runs);
    check_report(report, text);
    snprintf(text, sizeof text, "PYTHREADING_SCHEDULE=%s", first.schedule);
    check_report(report, text);

    options = (pyt_simulate_options){.seed = runs, .runs = 1, .quiet = true};
    failure again = last_failure(simulate_reported(&options, body, NULL, report, sizeof report));
    CHECK_STR(report, "");
    check_same(&first, &again);

    options = (pyt_simulate_options){.schedule = first.schedule, .quiet = true};
    again = last_failure(pyt_simulate(&options, body, NULL));
    CHECK_INT(pyt_simulate_runs(), 1);
    check_same(&first, &again);
}

void simulate_all(simulate_body body, void *arg, int bound) {
    pyt_simulate_options options = {
        .strategy = PYT_STRATEGY_EXHAUSTIVE, .bound = bound, .runs = MOST_SCHEDULES};
    if (getenv("SIMULATE_RANDOM") != NULL) {
        options = (pyt_simulate_options){.runs = strtoul(getenv("SIMULATE_RANDOM"), NULL, 10)};
    }
    CHECK_STATUS(pyt_simulate(&options, body, arg), PYT_OK);
    unsigned long runs = pyt_simulate_runs();
    if (options.strategy == PYT_STRATEGY_RANDOM) {
        printf("%lu random runs\n", runs);
        return;
    }
    printf("%lu schedules with at most %d preemptions, all seen\n", runs, bound);
    CHECK(runs < MOST_SCHEDULES);
}
