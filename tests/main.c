/* The runner of the tests. The implementation is in tests/library.c.
 *
 *     suite [-v] [--list] [--lacking] [--without FLAG] [--jobs N] [--together N] [--stop]
 *           [--limit SECONDS]
 *           [--simulate SEEDS [--seed S]] [TEXT...]
 *
 * runs the tests whose "file/name" contains one of the texts, each in a process of its own, N at
 * a time; with --stop none after the first that fails, with --limit none longer than that.
 * Tests with a flag of something that is lacking here are skipped, as are those with a flag that
 * --without names; --lacking prints these flags. TEST_SLOW stretches time limits and bands;
 * TEST_SKIP is a list of texts, separated by blanks: tests with one of them in their "file/name"
 * are left out.
 *
 * With --together a process runs up to N tests of a file one after the other: for where a process
 * costs more than a test. Unless all of them pass and say nothing, each is run once more, in a
 * process of its own, and that is what counts.
 *
 * With --simulate each test is the body of a simulated run for each of so many seeds, which begin
 * with S, or 1. It needs a build with PYTHREADING_SIMULATE. Each run has a process of its own, as
 * a test changes what is static.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

enum {
    TEST_FAILED = 1,
    TEST_SKIPPED = 77,
    TEST_ALL_PASSED = 78, /* of those that a process ran together */
    TEST_JOBS = 16,
    TEST_OWN_PROCESS = NEEDS_PROCESSES | NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK |
                       NEEDS_EXIT | NEEDS_MAIN_EXIT | NEEDS_FALLIBLE_WAITS,
    TEST_TOGETHER = 32,
    TEST_SEEDS_INSTEAD = 100 /* a simulated run repeats things less often by so much */
};

static double test_slow = 1;
static unsigned long test_seeds; /* 0: tests run for real */
static uint64_t test_first_seed = 1;
static bool test_simulated;           /* this process is one simulated run */
static const test_case *test_current; /* what this process runs */

/* How the process of a test ended. */
typedef struct test_outcome {
    int code;       /* its exit status */
    bool late;      /* killed, because the time limit was over */
    char crash[96]; /* what ended it when it did not exit, or "" */
} test_outcome;

typedef struct test_job {
    const test_case *test; /* the first; NULL: free */
    test_case *tests[TEST_TOGETHER];
    int count;
    volatile int *reached;   /* how many of them its process has begun; NULL: nobody knows */
    intptr_t process, group; /* the system's */
    double start;
    FILE *output; /* what it wrote to stdout */
    FILE *errors; /* and to stderr */
} test_job;

static test_case *test_first;
static test_job test_jobs[TEST_JOBS];
static const char *test_full_name(const test_case *test);
static double test_limit_of(const test_case *test); /* in seconds */
static double test_limit_of_job(const test_job *job);
static void test_run_body(const test_case *test);
static void test_finish(test_job *job, const test_outcome *outcome);
static void test_overlook(const pyt_misuse_args *args);

/* What the system has to provide: that of test.h which is said there to be the system's, and
 *
 *   test_take_over     called first in main; does not return in a process that was started for one
 *                      test
 *   test_spawn(job)    start a process that runs the test of the job; false: it cannot
 *   test_reap()        wait until the process of some job has ended, and finish that job
 *   test_scratch()     a file that goes away when it is closed, or NULL
 *   test_put           write to stderr, in one piece
 *   TEST_SYSTEM_LACKS  the flags of what the system lacks for the tests
 *   test_default_jobs  as many tests at a time as there are processors, but no more than 4 */
#if defined(_WIN32)
#include "on_windows.h"
#else
#include "on_posix.h"
#endif

/* An allocation that is larger than any memory is no bug to be reported: tests ask for one. */
#if TEST_SANITIZED
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void) {
    return "allocator_may_return_null=1";
}
#endif

#if defined(TEST_COVERAGE)
/* Linked with --wrap=_exit: what was executed is noted by processes that leave this way, too. */
void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) {
    __gcov_dump();
    __real__exit(code);
}
#endif

/* ---- what is lacking ---- */

static const struct {
    const char *name, *reason;
} test_flags[] = {
#define TEST_FLAG(flag, reason) {#flag, reason},
    TEST_FLAGS(TEST_FLAG)
#undef TEST_FLAG
};

static int test_lacking; /* the flags of all that is lacking here */

/* What the build lacks: with its options, and what they make of the platform. */
static int test_build_lacks(void) {
    int flags = 0;
#if defined(PYTHREADING_DUMMY)
    flags |= NEEDS_THREADS;
#endif
#if defined(PYTHREADING_BUCKETS)
    flags |= PYTHREADING_BUCKETS < 32 ? NEEDS_SOME_BUCKETS : 0;
    flags |= PYTHREADING_BUCKETS < 1024 ? NEEDS_MANY_BUCKETS : 0;
#endif
#if defined(PYTHREADING_VALGRIND)
    flags |= NOT_UNDER_HELGRIND;
#endif
    return flags;
}

/* What a platform of the user's own lacks: it blocks no signals in the library's threads, and gives
 * them nothing of the thread that starts them. */
static int test_platform_lacks(void) {
    int flags = 0;
#if defined(PYTHREADING_PLATFORM)
    flags |= NEEDS_INHERITANCE;
#endif
#if defined(PYT_PLATFORM_NO_FORK)
    flags |= NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK;
#endif
#if defined(PYT_PLATFORM_NO_EXIT)
    flags |= NEEDS_EXIT;
#endif
#if defined(PYT_PLATFORM_NO_THREAD_END)
    flags |= NEEDS_THREAD_ENDS;
#endif
#if defined(PYT_PLATFORM_NO_NAMES)
    flags |= NEEDS_NAMES;
#endif
#if defined(PYT_PLATFORM_NO_THREAD_IDS)
    flags |= NEEDS_THREAD_IDS;
#endif
#if defined(PYT_PLATFORM_NO_MAIN)
    flags |= NEEDS_MAIN;
#endif
#if defined(PYT_PLATFORM_NO_PROCESSORS)
    flags |= NEEDS_PROCESSORS;
#endif
    return flags;
}

/* ThreadSanitizer does not survive fork in a program with threads, and a thread of its own keeps a
 * process without a main thread. AddressSanitizer's allocator is not prepared for fork: its locks
 * stay held in the child. Neither can follow thrd_create. */
static int test_sanitizer_lacks(void) {
    int flags = 0;
    if (TEST_UNDER_TSAN) {
        flags |= NOT_UNDER_TSAN | NEEDS_C11_THREADS | NEEDS_MAIN_EXIT | NEEDS_FORK_WITH_THREADS |
                 NEEDS_BUSY_FORK;
    }
    if (TEST_UNDER_ASAN) {
        flags |= NOT_UNDER_ASAN | NEEDS_C11_THREADS | NEEDS_BUSY_FORK;
    }
    return flags;
}

/* A simulated run has the library's threads alone, which end by the library alone, and a clock of
 * its own, which may move while they can run. */
static int test_run_lacks(void) {
    return test_seeds == 0
               ? 0
               : NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS | NEEDS_THREAD_IDS | NEEDS_PROCESSORS |
                     NEEDS_PROCESSES | NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK |
                     NEEDS_SIGNALS | NEEDS_REAL_TIME | NEEDS_STEPPED_CALENDAR |
                     NEEDS_LASTING_TIMEOUTS | NOT_SIMULATED;
}

/* --without: also what this flag is about. Returns false if there is no such flag. */
static bool test_do_without(const char *name) {
    for (int i = 0; i < TEST_FLAGS_IN_ALL; i++) {
        if (strcmp(test_flags[i].name, name) == 0) {
            test_lacking |= 1 << i;
            return true;
        }
    }
    return false;
}

static void test_print_lacking(void) {
    for (int i = 0; i < TEST_FLAGS_IN_ALL; i++) {
        if ((test_lacking >> i & 1) != 0) {
            puts(test_flags[i].name);
        }
    }
}

/* Why this test is left out here, or NULL. */
static const char *test_reason(const test_case *test) {
    int missing = test->flags & test_lacking;
    if ((missing & TEST_EXCEPTIONS) != 0) {
        return test->reason;
    }
    for (int i = 0; i < TEST_FLAGS_IN_ALL; i++) {
        if ((missing >> i & 1) != 0) {
            return test_flags[i].reason;
        }
    }
    return NULL;
}

void test_uses(int flags) {
    if ((test_current->flags & flags) == 0) {
        for (int i = 0; i < TEST_FLAGS_IN_ALL; i++) {
            if ((flags >> i & 1) != 0) {
                test_fail(test_current->file, test_current->line, "%s %s, and has no flag %s",
                          test_current->name, test_flags[i].reason, test_flags[i].name);
            }
        }
    }
}

/* ---- memory and faults ---- */

/* In front of each block: how large it is. */
typedef union test_block {
    size_t size;
    max_align_t align;
} test_block;

static struct {
    _Atomic(long) blocks;
    _Atomic(long) bytes;
    _Atomic(long) calls;
    _Atomic(long) victim;
    _Atomic(int) fired;
    _Atomic(int) no_memory;
} test_state;

static struct {
    _Atomic(const char *) name;
    void (*hook)(void *arg);
    void *arg;
} test_hooked;

void test_at_call(const char *name, void (*hook)(void *arg), void *arg) {
    test_hooked.hook = hook;
    test_hooked.arg = arg;
    atomic_exchange(&test_hooked.name, name);
}

static void test_call_hook(const char *name) {
    const char *wanted = atomic_load(&test_hooked.name);
    if (wanted != NULL && strcmp(name, wanted) == 0 &&
        atomic_compare_exchange_strong(&test_hooked.name, &wanted, NULL)) {
        test_hooked.hook(test_hooked.arg);
    }
}

bool test_fault(const char *name) {
    test_call_hook(name);
    long call = atomic_fetch_add(&test_state.calls, 1) + 1;
    if (call != atomic_load(&test_state.victim)) {
        return false;
    }
    atomic_exchange(&test_state.fired, 1);
    return true;
}

void *test_malloc(size_t size) {
    if (test_fault("malloc") || atomic_load(&test_state.no_memory) != 0) {
        errno = ENOMEM;
        return NULL;
    }
    test_block *block = size <= SIZE_MAX - sizeof *block ? malloc(sizeof *block + size) : NULL;
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    atomic_fetch_add(&test_state.blocks, 1);
    atomic_fetch_add(&test_state.bytes, (long)size);
    return memset(block + 1, 0xA5, size);
}

void test_free(void *pointer) {
    if (pointer == NULL) {
        return;
    }
    test_block *block = (test_block *)pointer - 1;
    atomic_fetch_sub(&test_state.blocks, 1);
    atomic_fetch_sub(&test_state.bytes, (long)block->size);
    memset(pointer, 0x5A, block->size);
    free(block);
}

void test_fail_nth(long n) {
    atomic_exchange(&test_state.victim, 0);
    atomic_exchange(&test_state.fired, 0);
    atomic_exchange(&test_state.calls, 0);
    atomic_exchange(&test_state.victim, n);
}

void test_fail_memory(bool fail) {
    atomic_exchange(&test_state.calls, 0);
    atomic_exchange(&test_state.no_memory, fail);
}

long test_fault_calls(void) {
    return atomic_load(&test_state.calls);
}

bool test_fault_fired(void) {
    return atomic_load(&test_state.fired) != 0;
}

long test_live_allocations(void) {
    return atomic_load(&test_state.blocks);
}

long test_live_bytes(void) {
    return atomic_load(&test_state.bytes);
}

/* ---- time ---- */

double test_slowness(void) {
    return test_slow;
}

int test_scale(int n) {
    int scaled = (int)(n / test_slow / (test_simulated ? TEST_SEEDS_INSTEAD : 1));
    return scaled > 1 ? scaled : 1;
}

void test_run_until(double time) {
    for (double left = time - test_now(); left > 0; left = time - test_now()) {
        if (test_simulated) {
            test_sleep(left);
        }
    }
}

/* ---- checks ---- */

/* One write, so that threads that fail together do not mix their lines. */
void test_fail(const char *file, int line, const char *format, ...) {
    char text[4096];
    int length = snprintf(text, sizeof text, "%s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    length += vsnprintf(text + length, sizeof text - (size_t)length - 1, format, args);
    va_end(args);
    length = length < (int)sizeof text - 2 ? length : (int)sizeof text - 2;
    text[length] = '\n';
    test_put(text, (size_t)length + 1);
    _exit(TEST_FAILED);
}

void test_check_status(pyt_status got, pyt_status wanted, const char *file, int line,
                       const char *text) {
    if (got != wanted) {
        test_fail(file, line, "%s is %d %s, not %d %s; last message: \"%s\"", text, (int)got,
                  pyt_status_name(got), (int)wanted, pyt_status_name(wanted), pyt_error_message());
    }
}

void test_check_int(long long got, long long wanted, const char *file, int line, const char *text) {
    if (got != wanted) {
        test_fail(file, line, "%s is %lld, not %lld", text, got, wanted);
    }
}

void test_check_str(const char *got, const char *wanted, const char *file, int line,
                    const char *text) {
    if (got == NULL || wanted == NULL ? got != wanted : strcmp(got, wanted) != 0) {
        test_fail(file, line, "%s is \"%s\", not \"%s\"", text, got != NULL ? got : "(NULL)",
                  wanted != NULL ? wanted : "(NULL)");
    }
}

void test_check_within(double got, double low, double high, const char *file, int line,
                       const char *text) {
    if (!(got >= low && got <= high * test_slow)) {
        test_fail(file, line, "%s is %.6f, not between %.6f and %.6f", text, got, low,
                  high * test_slow);
    }
}

void test_skip(const char *reason) {
    test_put(reason, strlen(reason));
    _exit(TEST_SKIPPED);
}

bool test_is_simulated(void) {
    return test_simulated;
}

/* ---- threads ---- */

/* Between two looks of a thread that waits for others to get somewhere. */
static void test_pause(int looks) {
    if (looks < 50) {
        test_yield();
    } else {
        test_sleep(0.0001);
    }
}

void test_wait_parked(const void *address, size_t n) {
    for (int looks = 0; test_parked(address) != n; looks++) {
        test_pause(looks);
    }
}

pyt_thread *test_thread(void *(*target)(void *), void *arg) {
    pyt_thread *thread = NULL;
    pyt_thread_options options = {.target = target, .arg = arg};
    CHECK_STATUS(pyt_thread_new(&thread, &options), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    return thread;
}

void test_join(pyt_thread *thread) {
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    pyt_thread_unref(thread);
}

#if defined(PYTHREADING_DEBUG)
const char *test_dump(void) {
    static char text[16384];
    FILE *file = tmpfile();
    CHECK(file != NULL);
    pyt_dump_threads(file);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}
#endif

static void *test_make_call(void *arg) {
    test_call *call = arg;
    call->status = call->function(call->object);
    CHECK_STATUS(pyt_event_set(&call->ended), PYT_OK);
    return NULL;
}

void test_begin(test_call *call, pyt_status (*function)(void *object), void *object) {
    memset(call, 0, sizeof *call);
    call->function = function;
    call->object = object;
    call->thread = test_thread(test_make_call, call);
}

bool test_ended(const test_call *call) {
    return pyt_event_is_set(&call->ended);
}

pyt_status test_end(test_call *call) {
    test_join(call->thread);
    return call->status;
}

static size_t test_count_ended(const test_call *calls, int n) {
    size_t count = 0;
    for (int i = 0; i < n; i++) {
        count += test_ended(&calls[i]) ? 1 : 0;
    }
    return count;
}

/* Those that have ended are counted first: none is counted twice. */
void test_wait_settled(const test_call *calls, int n, const void *address) {
    size_t ended = test_count_ended(calls, n);
    for (int looks = 0; ended + test_parked(address) < (size_t)n; looks++) {
        test_pause(looks);
        ended = test_count_ended(calls, n);
    }
}

int test_meet(bool (*meet)(void *arg, double seconds, double delay), void *arg, double seconds,
              int rounds, int *won) {
    double start = test_now();
    double delay = seconds;
    int played = 0;
    *won = 0;
    while (played < rounds && test_now() - start < 2 * test_slow) {
        bool in_time = meet(arg, seconds, delay);
        played++;
        *won += in_time;
        delay += (in_time ? 0.01 : -0.01) * seconds;
        if (delay < seconds / 2) {
            seconds *= 2;
            delay = seconds;
        }
    }
    CHECK(played < rounds || test_slow > 1 || test_simulated || (*won > 0 && *won < played));
    return played;
}

static void *test_make_foreign_call(void *arg) {
    test_call *call = arg;
    call->status = call->function(call->object);
    return NULL;
}

pyt_status test_foreign(pyt_status (*function)(void *object), void *object) {
    test_call call = {.function = function, .object = object};
    test_raw_join(test_raw_start(test_make_foreign_call, &call));
    return call.status;
}

/* ---- the runner ---- */

static struct {
    bool list, lacking, verbose, stop;
    long jobs, together;
    double limit; /* of every test, in seconds; 0: each has its own */
    char **texts;
    const char *skip;
    int matched, passed, failed, skipped;
    bool again; /* tests that ran together have to run again */
} test_run;

static const char *test_file(const test_case *test) {
    const char *slash = strrchr(test->file, '/');
    return slash != NULL ? slash + 1 : test->file;
}

/* "file/name", the file without its ".c". */
static const char *test_full_name(const test_case *test) {
    static char full[512];
    const char *file = test_file(test);
    snprintf(full, sizeof full, "%.*s/%s", (int)strcspn(file, "."), file, test->name);
    return full;
}

static double test_limit_of(const test_case *test) {
    double own = test->limit * test_slow;
    return test_run.limit > 0 && test_run.limit < own ? test_run.limit : own;
}

/* Of tests that run together a twentieth of the longest: they are short, and run again if late. */
static double test_limit_of_job(const test_job *job) {
    double longest = 0;
    for (int i = 0; i < job->count; i++) {
        double limit = test_limit_of(job->tests[i]);
        longest = limit > longest ? limit : longest;
    }
    return job->count > 1 ? longest / 20 : longest;
}

/* Another test may have run in this process before. */
static void test_run_body(const test_case *test) {
    test_fail_nth(0);
    test_fail_memory(false);
    test_at_call(NULL, NULL, NULL);
    pyt_set_excepthook(NULL);
    pyt_set_misusehook(test_overlook);
    test_current = test;
    test->body();
}

static int test_compare(const test_case *one, const test_case *other) {
    int order = strcmp(test_file(one), test_file(other));
    order = order != 0 ? order : (one->line > other->line) - (one->line < other->line);
    return order != 0 ? order : strcmp(one->name, other->name);
}

/* Keep the list in the order of files and lines, whatever order the linker chose. */
void test_register(test_case *test) {
    test_case **link = &test_first;
    while (*link != NULL && test_compare(*link, test) < 0) {
        link = &(*link)->next;
    }
    test->next = *link;
    *link = test;
}

static bool test_matches(const test_case *test) {
    const char *full = test_full_name(test);
    for (char **text = test_run.texts; *text != NULL; text++) {
        if (strstr(full, *text) != NULL) {
            return true;
        }
    }
    return test_run.texts[0] == NULL;
}

/* Is one of the words of TEST_SKIP in the name? */
static bool test_left_out(const test_case *test) {
    const char *full = test_full_name(test);
    const char *word = test_run.skip;
    while (*(word += strspn(word, " \t\n")) != '\0') {
        size_t length = strcspn(word, " \t\n");
        for (const char *place = full; *place != '\0'; place++) {
            if (strncmp(place, word, length) == 0) {
                return true;
            }
        }
        word += length;
    }
    return false;
}

/* Show a file of a test's output, each line behind a bar. Returns whether there was any. */
static bool test_show(FILE *file) {
    char line[1024];
    bool any = false;
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        any = true;
        printf("     | %s%s", line, strchr(line, '\n') != NULL ? "" : "\n");
    }
    return any;
}

static void test_say_failed(const test_job *job, const test_outcome *outcome) {
    printf("FAIL %s", test_full_name(job->test));
    if (outcome->late) {
        printf(": not over after %.0f s", test_limit_of(job->test));
    } else if (outcome->crash[0] != '\0') {
        printf(": ended by %s", outcome->crash);
    } else if (outcome->code != TEST_FAILED) {
        printf(": exit status %d", outcome->code);
    }
    printf("\n");
    test_show(job->output);
    test_show(job->errors);
}

static bool test_is_empty(FILE *file) {
    return fseek(file, 0, SEEK_END) == 0 && ftell(file) == 0;
}

/* Each of the tests passed, or each has to run again. */
static void test_finish_together(const test_job *job, bool passed) {
    for (int i = 0; i < job->count; i++) {
        job->tests[i]->again = !passed;
        if (passed && test_run.verbose) {
            printf("ok   %s (one of %d: %.3f s)\n", test_full_name(job->tests[i]), job->count,
                   test_now() - job->start);
        }
    }
    if (!passed && test_run.verbose && job->reached != NULL) {
        printf("they run again, each alone: %d of %d had begun, the last %s\n", *job->reached,
               job->count, test_full_name(job->tests[*job->reached - 1]));
    }
    test_run.passed += passed ? job->count : 0;
    test_run.again = test_run.again || !passed;
}

static void test_finish(test_job *job, const test_outcome *outcome) {
    bool exited = !outcome->late && outcome->crash[0] == '\0';
    if (job->count > 1) {
        test_finish_together(job, exited && outcome->code == TEST_ALL_PASSED &&
                                      test_is_empty(job->output) && test_is_empty(job->errors));
    } else if (exited && outcome->code == 0) {
        test_run.passed++;
        if (test_run.verbose) {
            printf("ok   %s (%.3f s)\n", test_full_name(job->test), test_now() - job->start);
            test_show(job->output);
            test_show(job->errors);
        } else if (!test_is_empty(job->output)) {
            printf("note %s\n", test_full_name(job->test));
            test_show(job->output);
        }
    } else if (exited && outcome->code == TEST_SKIPPED) {
        test_run.skipped++;
        printf("skip %s\n", test_full_name(job->test));
        test_show(job->errors);
    } else {
        test_run.failed++;
        test_say_failed(job, outcome);
    }
    fclose(job->output);
    fclose(job->errors);
    job->test = NULL;
}

static test_job *test_free_job(void) {
    for (;;) {
        for (long i = 0; i < test_run.jobs; i++) {
            if (test_jobs[i].test == NULL) {
                return &test_jobs[i];
            }
        }
        test_reap();
    }
}

static void test_start(test_case *const *tests, int count) {
    test_job *job = test_free_job();
    job->output = test_scratch();
    job->errors = test_scratch();
    for (int tries = 0; (job->output == NULL || job->errors == NULL) && tries < 20; tries++) {
        test_sleep(0.25);
        job->output = job->output != NULL ? job->output : test_scratch();
        job->errors = job->errors != NULL ? job->errors : test_scratch();
    }
    fflush(NULL);
    memcpy(job->tests, tests, (size_t)count * sizeof *tests);
    job->count = count;
    job->start = test_now();
    job->test = tests[0];
    if (job->output == NULL || job->errors == NULL || !test_spawn(job)) {
        perror("suite: cannot start a test");
        exit(2);
    }
}

static void test_reap_all(void) {
    for (int i = 0; i < TEST_JOBS; i++) {
        while (test_jobs[i].test != NULL) {
            test_reap();
        }
    }
}

/* May the test share a process? One that has children takes it for its own, and a first wait is the
 * first one in it. In these files nearly every test counts what the library makes once, ends the
 * process, leaves a hook behind or is about the main thread. */
static bool test_may_share(const test_case *test) {
    static const char *const alone[] = {
        "test_exit.c",   "test_fairness.c", "test_faults.c", "test_hooks.c", "test_local.c",
        "test_misuse.c", "test_process.c",  "test_sched.c",  "test_timer.c", "test_with.c"};
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
        if (strcmp(test_file(test), alone[i]) == 0) {
            return false;
        }
    }
    return !test->alone && (test->flags & TEST_OWN_PROCESS) == 0;
}

/* Does the test run now? One that does not is listed or counted. */
static bool test_chosen(const test_case *test) {
    if (!test_matches(test)) {
        return false;
    }
    test_run.matched++;
    if (test_run.list) {
        puts(test_full_name(test));
        return false;
    }
    bool out = test_left_out(test);
    if (!out && test_reason(test) != NULL) {
        printf("skip %s: %s\n", test_full_name(test), test_reason(test));
        out = true;
    }
    test_run.skipped += out;
    return !out;
}

static void test_run_all(void) {
    test_case *tests[TEST_TOGETHER];
    int count = 0;
    for (test_case *test = test_first; test != NULL; test = test->next) {
        if (test_run.stop && test_run.failed > 0) {
            break;
        }
        if (!test_chosen(test)) {
            continue;
        }
        if (!test_may_share(test)) {
            test_start(&test, 1);
            continue;
        }
        if (count == test_run.together || (count > 0 && strcmp(tests[0]->file, test->file) != 0)) {
            test_start(tests, count);
            count = 0;
        }
        tests[count++] = test;
    }
    if (count > 0) {
        test_start(tests, count);
    }
    test_reap_all();
}

static void test_run_again(void) {
    for (test_case *test = test_first; test != NULL; test = test->next) {
        if (test->again && !(test_run.stop && test_run.failed > 0)) {
            test_start(&test, 1);
        }
    }
    test_reap_all();
}

static bool test_read_arguments(int argc, char **argv) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            test_run.verbose = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            test_run.list = true;
        } else if (strcmp(argv[i], "--lacking") == 0) {
            test_run.lacking = true;
        } else if (strcmp(argv[i], "--without") == 0 && i + 1 < argc) {
            if (!test_do_without(argv[++i])) {
                return false;
            }
        } else if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc) {
            test_run.jobs = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--together") == 0 && i + 1 < argc) {
            test_run.together = strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--stop") == 0) {
            test_run.stop = true;
        } else if (strcmp(argv[i], "--limit") == 0 && i + 1 < argc) {
            test_run.limit = strtod(argv[++i], NULL);
        } else if (strcmp(argv[i], "--simulate") == 0 && i + 1 < argc) {
            test_seeds = strtoul(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            test_first_seed = strtoull(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    test_run.texts = argv + i;
    return test_run.jobs >= 1 && test_run.jobs <= TEST_JOBS && test_run.together >= 1 &&
           test_run.together <= (test_seeds == 0 ? TEST_TOGETHER : 1) &&
           (test_seeds == 0 || TEST_CAN_SIMULATE);
}

/* Tests make mistakes all the time; those that ask how they are told have a hook of their own. */
static void test_overlook(const pyt_misuse_args *args) {
    (void)args;
}

int main(int argc, char **argv) {
    const char *slow = getenv("TEST_SLOW");
    const char *skip = getenv("TEST_SKIP");
    test_slow = slow != NULL && strtod(slow, NULL) >= 1 ? strtod(slow, NULL) : 1;
    test_run.skip = skip != NULL ? skip : "";
    pyt_set_misusehook(test_overlook);
    test_take_over(argc, argv);
    test_run.jobs = test_default_jobs();
    test_run.together = 1;
    if (!test_read_arguments(argc, argv)) {
        fprintf(stderr,
                "usage: %s [-v] [--list] [--lacking] [--without FLAG] [--jobs 1-%d] "
                "[--together 1-%d] [--stop] [--limit SECONDS] [--simulate SEEDS [--seed S]] "
                "[TEXT...]\n",
                argv[0], TEST_JOBS, TEST_TOGETHER);
        return 2;
    }
    test_lacking |= TEST_SYSTEM_LACKS | test_build_lacks() | test_platform_lacks() |
                    test_sanitizer_lacks() | test_run_lacks();
    if (test_run.lacking) {
        test_print_lacking();
        return 0;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (!test_run.list) {
        printf("pythreading.h %s on %s\n", PYT_VERSION, PYT_BACKEND);
    }
    test_run_all();
    if (test_run.again) {
        test_run_again();
    }
    if (test_run.list) {
        return test_run.matched == 0;
    }
    if (test_run.matched == 0) {
        printf("no test has that in its name\n");
    }
    printf("%d passed, %d failed", test_run.passed, test_run.failed);
    if (test_run.skipped > 0) {
        printf(", %d skipped", test_run.skipped);
    }
    printf("\n");
    return test_run.failed > 0 || test_run.matched == 0;
}
