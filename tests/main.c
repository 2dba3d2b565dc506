/* The runner of the tests, and the one file of the suite with the implementation.
 *
 *     suite [-v] [--list] [--jobs N] [TEXT...]
 *
 * runs the tests whose "file/name" contains one of the texts, each in a process of its own, N at
 * a time. TEST_SLOW stretches time limits and bands; TEST_SKIP is a list of texts, separated by
 * blanks: tests with one of them in their "file/name" are left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void *test_malloc(size_t size);
static void test_free(void *pointer);
static bool test_fault(const char *name);

#define PYTHREADING_MALLOC(size) test_malloc(size)
#define PYTHREADING_FREE(pointer) test_free(pointer)
#define PYT__FAULT(name) test_fault(name)
#define PYTHREADING_IMPLEMENTATION
#include "test.h"

enum {
    TEST_FAILED = 1,
    TEST_SKIPPED = 77,
    TEST_JOBS = 16
};

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
} test_state;

static bool test_fault(const char *name) {
    (void)name;
    long call = atomic_fetch_add(&test_state.calls, 1) + 1;
    if (call != atomic_load(&test_state.victim)) {
        return false;
    }
    atomic_exchange(&test_state.fired, 1);
    return true;
}

static void *test_malloc(size_t size) {
    if (test_fault("malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    test_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    atomic_fetch_add(&test_state.blocks, 1);
    atomic_fetch_add(&test_state.bytes, (long)size);
    return memset(block + 1, 0xA5, size);
}

static void test_free(void *pointer) {
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

static double test_slow = 1;

double test_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

double test_slowness(void) {
    return test_slow;
}

int test_scale(int n) {
    int scaled = (int)(n / test_slow);
    return scaled > 1 ? scaled : 1;
}

void test_sleep(double seconds) {
    double end = test_now() + seconds;
    for (double left = seconds; left > 0; left = end - test_now()) {
        struct timespec pause = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        nanosleep(&pause, NULL);
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
    ssize_t written = write(STDERR_FILENO, text, (size_t)length + 1);
    _exit(written < 0 ? 2 : TEST_FAILED);
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
    ssize_t written = write(STDERR_FILENO, reason, strlen(reason));
    _exit(written < 0 ? TEST_FAILED : TEST_SKIPPED);
}

/* ---- threads ---- */

size_t test_parked(const void *address) {
    return pyt__park_count(address);
}

/* Between two looks of a thread that waits for others to get somewhere. */
static void test_pause(int looks) {
    struct timespec moment = {0, 100000};
    if (looks < 50) {
        sched_yield();
    } else {
        nanosleep(&moment, NULL);
    }
}

void test_wait_parked(const void *address, size_t n) {
    for (int looks = 0; pyt__park_count(address) != n; looks++) {
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
    for (int looks = 0; ended + pyt__park_count(address) < (size_t)n; looks++) {
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
    CHECK(played < rounds || test_slow > 1 || (*won > 0 && *won < played));
    return played;
}

static void *test_make_foreign_call(void *arg) {
    test_call *call = arg;
    call->status = call->function(call->object);
    return NULL;
}

pyt_status test_foreign(pyt_status (*function)(void *object), void *object) {
    test_call call = {.function = function, .object = object};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, test_make_foreign_call, &call) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return call.status;
}

bool test_same_bucket(const void *one, const void *other) {
    return pyt__shared_get() != NULL && pyt__bucket_of(one) == pyt__bucket_of(other);
}

/* ---- processes ---- */

static double test_limit; /* of the test that this process runs */

/* Be killed when the time limit is over, whatever the process does then. */
static void test_set_alarm(void) {
    signal(SIGALRM, SIG_DFL);
    alarm((unsigned)(test_limit * test_slow) + 1);
}

static int test_exit_code(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Read all that comes out of `source`, keep what fits, and show it in case the test fails. */
static void test_drain(int source, char *output, size_t size) {
    char piece[512];
    size_t kept = 0;
    ssize_t length;
    while ((length = read(source, piece, sizeof piece)) != 0) {
        if (length < 0) {
            if (errno == EINTR) {
                continue;
            }
            break;
        }
        for (ssize_t i = 0; i < length && kept + 1 < size; i++) {
            output[kept++] = piece[i];
        }
        if (write(STDERR_FILENO, piece, (size_t)length) < 0) {
            break;
        }
    }
    if (size > 0) {
        output[kept] = '\0';
    }
}

int test_child(void (*body)(void *), void *arg, char *output, size_t size) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        test_set_alarm();
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        body(arg);
        exit(0);
    }
    close(ends[1]);
    test_drain(ends[0], output, output != NULL ? size : 0);
    close(ends[0]);
    return test_exit_code(child);
}

/* ---- the runner ---- */

typedef struct test_job {
    const test_case *test; /* NULL: free */
    pid_t child;
    double start;
    FILE *output; /* what it wrote to stdout */
    FILE *errors; /* and to stderr */
} test_job;

static test_case *test_first;
static test_job test_jobs[TEST_JOBS];
static struct {
    bool list, verbose;
    long jobs;
    char **texts;
    const char *skip;
    int matched, passed, failed, skipped;
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

static void test_say_failed(const test_job *job, int status) {
    printf("FAIL %s", test_full_name(job->test));
    if (WIFEXITED(status) && WEXITSTATUS(status) != TEST_FAILED) {
        printf(": exit status %d", WEXITSTATUS(status));
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        printf(": not over after %.0f s", job->test->limit * test_slow);
    } else if (WIFSIGNALED(status)) {
        printf(": ended by signal %d, %s", WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    printf("\n");
    test_show(job->output);
    test_show(job->errors);
}

static void test_finish(test_job *job, int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        test_run.passed++;
        if (test_run.verbose) {
            printf("ok   %s (%.3f s)\n", test_full_name(job->test), test_now() - job->start);
            test_show(job->output);
            test_show(job->errors);
        } else if (fseek(job->output, 0, SEEK_END) == 0 && ftell(job->output) > 0) {
            printf("note %s\n", test_full_name(job->test));
            test_show(job->output);
        }
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == TEST_SKIPPED) {
        test_run.skipped++;
        printf("skip %s\n", test_full_name(job->test));
        test_show(job->errors);
    } else {
        test_run.failed++;
        test_say_failed(job, status);
    }
    fclose(job->output);
    fclose(job->errors);
    job->test = NULL;
}

/* Wait for a test to end. Its process leads a group, of which nothing may be left. */
static void test_reap(void) {
    int status = 0;
    pid_t child = waitpid(-1, &status, 0);
    for (int i = 0; i < TEST_JOBS; i++) {
        if (child > 0 && test_jobs[i].test != NULL && test_jobs[i].child == child) {
            kill(-child, SIGKILL);
            test_finish(&test_jobs[i], status);
        }
    }
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

/* What the process of a test does. */
__attribute__((noreturn)) static void test_execute(test_job *job) {
    setpgid(0, 0);
    test_limit = job->test->limit;
    test_set_alarm();
    if (freopen("/dev/null", "r", stdin) == NULL) {
        _exit(TEST_FAILED);
    }
    dup2(fileno(job->output), STDOUT_FILENO);
    dup2(fileno(job->errors), STDERR_FILENO);
    job->test->body();
    exit(0);
}

static void test_start(const test_case *test) {
    test_job *job = test_free_job();
    job->output = tmpfile();
    job->errors = tmpfile();
    fflush(NULL);
    job->start = test_now();
    job->test = test;
    job->child = job->output != NULL && job->errors != NULL ? fork() : -1;
    if (job->child < 0) {
        perror("suite: cannot start a test");
        exit(2);
    }
    if (job->child == 0) {
        test_execute(job);
    }
    setpgid(job->child, job->child);
}

static void test_run_all(void) {
    for (const test_case *test = test_first; test != NULL; test = test->next) {
        if (!test_matches(test)) {
            continue;
        }
        test_run.matched++;
        if (test_run.list) {
            puts(test_full_name(test));
        } else if (test_left_out(test)) {
            test_run.skipped++;
        } else {
            test_start(test);
        }
    }
    for (int i = 0; i < TEST_JOBS; i++) {
        while (test_jobs[i].test != NULL) {
            test_reap();
        }
    }
}

/* As many tests at a time as there are processors, but no more than 4. */
static long test_default_jobs(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 4 ? 4 : count;
}

static bool test_read_arguments(int argc, char **argv) {
    int i = 1;
    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            test_run.verbose = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            test_run.list = true;
        } else if (strcmp(argv[i], "--jobs") == 0 && i + 1 < argc) {
            test_run.jobs = strtol(argv[++i], NULL, 10);
        } else {
            return false;
        }
    }
    test_run.texts = argv + i;
    return test_run.jobs >= 1 && test_run.jobs <= TEST_JOBS;
}

int main(int argc, char **argv) {
    const char *slow = getenv("TEST_SLOW");
    const char *skip = getenv("TEST_SKIP");
    test_slow = slow != NULL && strtod(slow, NULL) >= 1 ? strtod(slow, NULL) : 1;
    test_run.skip = skip != NULL ? skip : "";
    test_run.jobs = test_default_jobs();
    if (!test_read_arguments(argc, argv)) {
        fprintf(stderr, "usage: %s [-v] [--list] [--jobs 1-%d] [TEXT...]\n", argv[0], TEST_JOBS);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    test_run_all();
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
