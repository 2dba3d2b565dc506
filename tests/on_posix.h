/* What the tests need of a POSIX system; tests/main.c says what that is. */
#ifndef ON_POSIX_H
#define ON_POSIX_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#define TEST_CAN_SIMULATE true

/* The end of the main thread before its process: on macOS it is not noticed, as what tells of it is
 * called at exit() as well; with musl 1.2.3 no thread can start or end any more if the process is a
 * child of fork, with or without the library. */
#if defined(__APPLE__)
#define TEST_SYSTEM_LACKS (NOT_ON_APPLE | NEEDS_MAIN_EXIT | NEEDS_LINUX | NEEDS_STEPPED_CALENDAR)
#elif defined(__EMSCRIPTEN__)
#define TEST_SYSTEM_LACKS                                                                     \
    (NEEDS_PROCESSES | NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK | NEEDS_NAMES | \
     NEEDS_LINUX | NEEDS_STEPPED_CALENDAR)
#elif !defined(__linux__)
#define TEST_SYSTEM_LACKS (NEEDS_NAMES | NEEDS_LINUX | NEEDS_STEPPED_CALENDAR)
#else
#define TEST_SYSTEM_LACKS (TEST_MUSL_LACKS | TEST_32_BITS_LACK)
#endif
#if defined(__GLIBC__)
#define TEST_MUSL_LACKS 0
#else
#define TEST_MUSL_LACKS NEEDS_MAIN_EXIT
#endif
#if defined(__LP64__) || defined(__x86_64__)
#define TEST_32_BITS_LACK 0
#else
#define TEST_32_BITS_LACK NEEDS_STEPPED_CALENDAR
#endif

/* ---- time ---- */

double test_now(void) {
    if (test_simulated) {
        return pyt_monotonic();
    }
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void test_sleep(double seconds) {
    if (test_simulated) {
        CHECK_STATUS(pyt_sleep(seconds), PYT_OK);
        return;
    }
    double end = test_now() + seconds;
    for (double left = seconds; left > 0; left = end - test_now()) {
        struct timespec pause = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        nanosleep(&pause, NULL);
    }
}

void test_yield(void) {
    if (test_simulated) {
        pyt_step();
    } else {
        sched_yield();
    }
}

/* ---- threads ---- */

test_raw test_raw_start(void *(*function)(void *), void *arg) {
    pthread_t thread;
    test_uses(NEEDS_FOREIGN_THREADS);
    CHECK(pthread_create(&thread, NULL, function, arg) == 0);
    return (test_raw)thread;
}

void test_raw_join(test_raw thread) {
    CHECK(pthread_join((pthread_t)thread, NULL) == 0);
}

static pthread_key_t test_end_key;

void test_end_hook(void (*hook)(void *)) {
    CHECK(pthread_key_create(&test_end_key, hook) == 0);
}

void test_end_hook_set(void *value) {
    CHECK(pthread_setspecific(test_end_key, value) == 0);
}

unsigned long test_system_id(void) {
#if defined(__linux__)
    return (unsigned long)syscall(SYS_gettid);
#else
    return pyt_get_native_id();
#endif
}

void test_system_name(char *name, size_t size) {
#if defined(__linux__) || defined(__APPLE__)
    CHECK(pthread_getname_np(pthread_self(), name, size) == 0);
#else
    (void)size;
    name[0] = '\0'; /* there is no call for it on all systems */
#endif
}

#if defined(__APPLE__)
size_t test_stack_size(void) {
    return pthread_get_stacksize_np(pthread_self());
}
#else
size_t test_stack_size(void) {
    pthread_attr_t attributes;
    void *base;
    size_t size;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &base, &size) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    CHECK((char *)base <= (char *)&size);
    CHECK((char *)&size < (char *)base + size);
    return size;
}
#endif

size_t test_standard_stack_size(void) {
    pthread_attr_t attributes;
    size_t size = 0;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_getstacksize(&attributes, &size) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    return size;
}

/* ---- processes ---- */

static double test_limit; /* of the test that this process runs */

/* Be killed when the time limit is over, whatever the process does then. */
static void test_set_alarm(void) {
    signal(SIGALRM, SIG_DFL);
    alarm((unsigned)test_limit + 1);
}

static void test_put(const char *text, size_t length) {
    if (write(STDERR_FILENO, text, length) < 0) {
        _exit(2);
    }
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

#if defined(__EMSCRIPTEN__)
int test_child(void (*body)(void *), void *arg, char *output, size_t size) {
    (void)body, (void)arg, (void)output, (void)size;
    (void)test_drain, (void)test_exit_code, (void)test_set_alarm;
    abort();
}
#else
int test_child(void (*body)(void *), void *arg, char *output, size_t size) {
    int ends[2];
    test_uses(NEEDS_PROCESSES | NEEDS_FORK | NEEDS_FORK_WITH_THREADS | NEEDS_BUSY_FORK);
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
#endif

/* ---- the runner's ---- */

static void test_take_over(int argc, char **argv) {
    (void)argc;
    (void)argv;
}

static long test_default_jobs(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 4 ? 4 : count;
}

static FILE *test_scratch(void) {
    return tmpfile();
}

static void test_simulated_body(void *test) {
    ((const test_case *)test)->body();
}

/* One simulated run of a test. */
__attribute__((noreturn)) static void test_simulate(const test_case *test, uint64_t seed) {
    /* A test may be longer than a program that is simulated; it has its time limit. */
    pyt_simulate_options options = {.runs = 1, .seed = seed, .max_steps = 20000000};
    test_simulated = true;
    test_set_alarm();
    pyt_status status = pyt_simulate(&options, test_simulated_body, (void *)(uintptr_t)test);
    exit(status == PYT_OK ? 0 : TEST_FAILED);
}

/* Run a test once for each seed. Ends this process with the first that does not pass. */
static void test_execute_seeds(const test_case *test) {
    fflush(NULL);
    for (unsigned long i = 0; i < test_seeds; i++) {
        uint64_t seed = test_first_seed + i;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            test_simulate(test, seed);
        }
        int code = test_exit_code(child);
        if (code == TEST_SKIPPED) {
            _exit(TEST_SKIPPED);
        }
        if (code != 0) {
            test_fail(__FILE__, __LINE__, "exit status %d of the run with seed %llu", code,
                      (unsigned long long)seed);
        }
    }
}

/* What the process of a test does. */
__attribute__((noreturn)) static void test_execute(test_job *job) {
    setpgid(0, 0);
    test_current = job->test;
    test_limit = test_limit_of_job(job);
    if (freopen("/dev/null", "r", stdin) == NULL) {
        _exit(TEST_FAILED);
    }
    dup2(fileno(job->output), STDOUT_FILENO);
    dup2(fileno(job->errors), STDERR_FILENO);
    if (test_seeds > 0) {
        test_execute_seeds(job->test);
        exit(0);
    }
    for (int i = 0; i < job->count; i++) {
        *job->reached = i + 1;
        test_set_alarm();
        test_run_body(job->tests[i]);
    }
    exit(job->count > 1 ? TEST_ALL_PASSED : 0);
}

static bool test_spawn(test_job *job) {
    if (job->reached == NULL) {
        void *shared =
            mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        CHECK(shared != MAP_FAILED);
        job->reached = shared;
    }
    pid_t child = fork();
    if (child == 0) {
        test_execute(job);
    }
    setpgid(child, child);
    job->process = child;
    return child > 0;
}

/* The process of a test leads a group, of which nothing may be left. */
static void test_reap(void) {
    int status = 0;
    pid_t child = waitpid(-1, &status, 0);
    test_outcome outcome = {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
    if (WIFSIGNALED(status)) {
        outcome.late = WTERMSIG(status) == SIGALRM;
        snprintf(outcome.crash, sizeof outcome.crash, "signal %d, %s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    }
    for (int i = 0; i < TEST_JOBS; i++) {
        if (child > 0 && test_jobs[i].test != NULL && test_jobs[i].process == child) {
            kill(-child, SIGKILL);
            test_finish(&test_jobs[i], &outcome);
        }
    }
}

#endif
