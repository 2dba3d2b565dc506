/* Timeouts do not follow the calendar.
 *
 * This file puts itself between the program and the clocks: whoever in the program reads the
 * calendar reads it here, where it can be stepped. The machine's own clock is never touched.
 * A library that took its deadlines from the calendar would wait an hour too long, or not at all.
 *
 * What the kernel does with a deadline cannot be stepped from here. Instead a filter on system
 * calls kills the process if any thread sleeps on the calendar's clock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <time.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#if !defined(_WIN32)
#include <sys/time.h>
#include <unistd.h>
#endif

#if defined(__linux__) && defined(__has_include)
#if __has_include(<linux/filter.h>) && __has_include(<linux/seccomp.h>)
#define HAS_FILTERS 1
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#endif
#endif

#include "test.h"

#if defined(__linux__) && (defined(__LP64__) || defined(__x86_64__))

#define HOUR 3600

/* ---- the clocks ---- */

static _Atomic(long) step;       /* seconds that the calendar is ahead of the machine's */
static _Atomic(long) restlessly; /* not 0: every look finds it an hour off, to either side */
static _Atomic(long) readings;   /* how often the calendar was read */
static _Atomic(long) stopped;    /* not 0: what the monotonic clock shows, in nanoseconds */

static int read_clock(clockid_t clock, struct timespec *now) {
    return (int)syscall(SYS_clock_gettime, clock, now);
}

static bool is_calendar(clockid_t clock) {
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}

static int read_stepped(clockid_t clock, struct timespec *now) {
    int result = read_clock(clock, now);
    if (result == 0 && clock == CLOCK_MONOTONIC && atomic_load(&stopped) != 0) {
        long shown = atomic_fetch_add(&stopped, 1);
        *now = (struct timespec){shown / 1000000000, shown % 1000000000};
    }
    if (result == 0 && is_calendar(clock)) {
        long reading = atomic_fetch_add(&readings, 1);
        now->tv_sec += atomic_load(&step);
        if (atomic_load(&restlessly) != 0) {
            now->tv_sec += reading % 2 == 0 ? HOUR : -HOUR;
        }
    }
    return result;
}

bool test_stop_clock(bool stop) {
    struct timespec now = {0, 0};
    CHECK(read_clock(CLOCK_MONOTONIC, &now) == 0);
    atomic_exchange(&stopped, stop ? now.tv_sec * 1000000000L + now.tv_nsec : 0);
    return true;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    return read_stepped(clock, now);
}

int timespec_get(struct timespec *now, int base) {
    return base == TIME_UTC && read_stepped(CLOCK_REALTIME, now) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    int result = read_stepped(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return result;
}

time_t time(time_t *store) {
    struct timespec now = {0, 0};
    (void)read_stepped(CLOCK_REALTIME, &now);
    if (store != NULL) {
        *store = now.tv_sec;
    }
    return now.tv_sec;
}

static double seconds_of(clockid_t clock) {
    struct timespec now = {0, 0};
    CHECK(read_clock(clock, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

TEST(the_calendar_of_this_program_can_be_stepped_and_its_monotonic_clock_cannot,
     NEEDS_REAL_TIME | NEEDS_STEPPED_CALENDAR) {
    struct timespec now;
    struct timeval then;
    for (long hours = -2; hours <= 2; hours++) {
        atomic_exchange(&step, hours * HOUR);
        double real = seconds_of(CLOCK_REALTIME) + (double)(hours * HOUR);
        CHECK_INT(clock_gettime(CLOCK_REALTIME, &now), 0);
        CHECK_WITHIN((double)now.tv_sec - real, -1.5, 10);
        CHECK_INT(timespec_get(&now, TIME_UTC), TIME_UTC);
        CHECK_WITHIN((double)now.tv_sec - real, -1.5, 10);
        CHECK_INT(gettimeofday(&then, NULL), 0);
        CHECK_WITHIN((double)then.tv_sec - real, -1.5, 10);
        CHECK_WITHIN((double)time(NULL) - real, -1.5, 10);
        CHECK_INT(clock_gettime(CLOCK_MONOTONIC, &now), 0);
        CHECK_WITHIN((double)now.tv_sec - seconds_of(CLOCK_MONOTONIC), -1.5, 10);
        CHECK_WITHIN(test_now() - seconds_of(CLOCK_MONOTONIC), -1.5, 10);
    }
}

/* ---- every wait that has a timeout ---- */

typedef struct subjects {
    pyt_lock lock;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_condition over_lock;
    pyt_lock free_lock;
    pyt_semaphore semaphore;
    pyt_bounded_semaphore bounded;
    pyt_event event;
    pyt_barrier barrier;
    pyt_barrier impatient;
    pyt_thread *sleeper;
    pyt_event wake_sleeper, ready, finish;
    double seconds;
} subjects;

static bool never(void *arg) {
    (void)arg;
    return false;
}

static pyt_status wait_lock(subjects *s) {
    return pyt_lock_acquire_timeout(&s->lock, s->seconds);
}

static pyt_status wait_rlock(subjects *s) {
    return pyt_rlock_acquire_timeout(&s->rlock, s->seconds);
}

static pyt_status wait_condition(subjects *s) {
    pyt_with(&s->condition) {
        return pyt_condition_wait_timeout(&s->condition, s->seconds);
    }
    return PYT_OK;
}

static pyt_status wait_condition_over_lock(subjects *s) {
    pyt_with(&s->over_lock) {
        return pyt_condition_wait_timeout(&s->over_lock, s->seconds);
    }
    return PYT_OK;
}

static pyt_status wait_for_predicate(subjects *s) {
    pyt_with(&s->condition) {
        return pyt_condition_wait_for_timeout(&s->condition, never, s, s->seconds);
    }
    return PYT_OK;
}

static pyt_status wait_semaphore(subjects *s) {
    return pyt_semaphore_acquire_timeout(&s->semaphore, s->seconds);
}

static pyt_status wait_bounded(subjects *s) {
    return pyt_bounded_semaphore_acquire_timeout(&s->bounded, s->seconds);
}

static pyt_status wait_event(subjects *s) {
    return pyt_event_wait_timeout(&s->event, s->seconds);
}

static pyt_status wait_barrier(subjects *s) {
    pyt_status status = pyt_barrier_wait_timeout(&s->barrier, s->seconds, NULL);
    CHECK_STATUS(pyt_barrier_reset(&s->barrier), PYT_OK);
    return status == PYT_BROKEN_BARRIER ? PYT_TIMEOUT : PYT_OK;
}

static pyt_status wait_impatient_barrier(subjects *s) {
    pyt_barrier_options options = {.timeout = s->seconds};
    CHECK_STATUS(pyt_barrier_init(&s->impatient, 2, &options), PYT_OK);
    return pyt_barrier_wait(&s->impatient, NULL) == PYT_BROKEN_BARRIER ? PYT_TIMEOUT : PYT_OK;
}

static pyt_status wait_thread(subjects *s) {
    return pyt_thread_join_timeout(s->sleeper, s->seconds);
}

static void nothing(void *arg) {
    (void)arg;
}

/* A Timer's wait is the service thread's. */
static pyt_status wait_timer(subjects *s) {
    pyt_thread *timer;
    CHECK_STATUS(pyt_timer_new(&timer, s->seconds, nothing, NULL), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    test_join(timer);
    return PYT_TIMEOUT;
}

static pyt_status wait_sleep(subjects *s) {
    pyt_status status = pyt_sleep(s->seconds);
    return status == PYT_OK ? PYT_TIMEOUT : status;
}

static const struct {
    const char *name;
    pyt_status (*wait)(subjects *s);
} waits[] = {
    {"lock", wait_lock},
    {"rlock", wait_rlock},
    {"condition", wait_condition},
    {"condition over a lock", wait_condition_over_lock},
    {"wait_for", wait_for_predicate},
    {"semaphore", wait_semaphore},
    {"bounded semaphore", wait_bounded},
    {"event", wait_event},
    {"barrier", wait_barrier},
    {"barrier with a timeout of its own", wait_impatient_barrier},
    {"thread", wait_thread},
    {"timer", wait_timer},
    {"sleep", wait_sleep},
};

enum {
    WAITS = sizeof waits / sizeof waits[0]
};

static void *sleep_until_woken(void *arg) {
    subjects *s = arg;
    CHECK_STATUS(pyt_event_wait(&s->wake_sleeper), PYT_OK);
    return NULL;
}

/* Another thread holds what is waited for. */
static pyt_status hold(void *arg) {
    subjects *s = arg;
    CHECK_STATUS(pyt_lock_acquire(&s->lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&s->rlock), PYT_OK);
    CHECK_STATUS(pyt_event_set(&s->ready), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&s->finish), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&s->rlock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&s->lock), PYT_OK);
    return PYT_OK;
}

static void set_up(subjects *s, test_call *holder) {
    memset((void *)s, 0, sizeof *s);
    CHECK_STATUS(pyt_condition_init_lock(&s->over_lock, &s->free_lock), PYT_OK);
    CHECK_STATUS(pyt_barrier_init(&s->barrier, 2, NULL), PYT_OK);
    s->sleeper = test_thread(sleep_until_woken, s);
    test_begin(holder, hold, s);
    CHECK_STATUS(pyt_event_wait(&s->ready), PYT_OK);
}

static void tear_down(subjects *s, test_call *holder) {
    CHECK_STATUS(pyt_event_set(&s->wake_sleeper), PYT_OK);
    test_join(s->sleeper);
    CHECK_STATUS(pyt_event_set(&s->finish), PYT_OK);
    CHECK_STATUS(test_end(holder), PYT_OK);
}

/* Wait, and hold the time taken against the machine's own monotonic clock. */
static void check_wait(subjects *s, int which, double seconds) {
    s->seconds = seconds;
    double start = seconds_of(CLOCK_MONOTONIC);
    pyt_status status = waits[which].wait(s);
    double taken = seconds_of(CLOCK_MONOTONIC) - start;
    if (status != PYT_TIMEOUT || taken < seconds || taken > (seconds + 1) * test_slowness()) {
        test_fail(__FILE__, __LINE__, "%s: waiting %.3f s took %.6f s and ended with %s",
                  waits[which].name, seconds, taken, pyt_status_name(status));
    }
}

static void check_every_wait(double seconds) {
    subjects s;
    test_call holder;
    set_up(&s, &holder);
    for (int i = 0; i < WAITS; i++) {
        check_wait(&s, i, seconds);
    }
    tear_down(&s, &holder);
}

TEST(no_wait_is_moved_by_a_calendar_that_was_stepped_before_it,
     NEEDS_THREADS | NEEDS_STEPPED_CALENDAR) {
    for (long hours = -1; hours <= 1; hours++) {
        atomic_exchange(&step, hours * HOUR);
        check_every_wait(0.02);
    }
}

TEST(no_wait_is_moved_by_a_calendar_that_jumps_with_every_look_at_it,
     NEEDS_THREADS | NEEDS_STEPPED_CALENDAR) {
    atomic_exchange(&restlessly, 1);
    check_every_wait(0.02);
}

typedef struct stepper {
    _Atomic(bool) stop;
} stepper;

/* Step the calendar, one hour to either side, every few milliseconds. */
static pyt_status keep_stepping(void *arg) {
    stepper *t = arg;
    long hours = 1;
    while (!atomic_load(&t->stop)) {
        atomic_exchange(&step, hours * HOUR);
        hours = -hours;
        test_sleep(0.003);
    }
    return PYT_OK;
}

TEST(no_wait_is_moved_by_a_calendar_that_is_stepped_both_ways_during_it,
     NEEDS_THREADS | NEEDS_STEPPED_CALENDAR) {
    stepper t = {.stop = false};
    test_call call;
    test_begin(&call, keep_stepping, &t);
    check_every_wait(0.05);
    atomic_exchange(&t.stop, true);
    CHECK_STATUS(test_end(&call), PYT_OK);
}

typedef struct disturber {
    subjects *subjects;
    _Atomic(bool) stop;
} disturber;

/* Wake the waiter for nothing while the calendar jumps: it must go on with its own deadline. */
static pyt_status disturb(void *arg) {
    disturber *d = arg;
    subjects *s = d->subjects;
    while (!atomic_load(&d->stop)) {
        atomic_exchange(&step, atomic_load(&step) == HOUR ? -HOUR : HOUR);
        pyt_with(&s->condition) {
            CHECK_STATUS(pyt_condition_notify(&s->condition), PYT_OK);
        }
        test_sleep(0.003);
    }
    return PYT_OK;
}

TEST(a_wait_that_is_woken_in_between_keeps_its_deadline_when_the_calendar_is_stepped,
     NEEDS_THREADS | NEEDS_STEPPED_CALENDAR) {
    subjects s;
    test_call holder, call;
    disturber d = {.subjects = &s};
    set_up(&s, &holder);
    test_begin(&call, disturb, &d);
    s.seconds = 0.1;
    double start = seconds_of(CLOCK_MONOTONIC);
    CHECK_STATUS(wait_for_predicate(&s), PYT_TIMEOUT);
    CHECK_WITHIN(seconds_of(CLOCK_MONOTONIC) - start, 0.1, 1);
    atomic_exchange(&d.stop, true);
    CHECK_STATUS(test_end(&call), PYT_OK);
    tear_down(&s, &holder);
}

TEST(no_wait_looks_at_the_calendar, NEEDS_THREADS | NEEDS_STEPPED_CALENDAR) {
    long before = atomic_load(&readings);
    check_every_wait(0.01);
    CHECK_INT(atomic_load(&readings), before);
}

/* A deadline that the system takes for another clock's would be over at once, and the wait would
 * run in circles until it is really over. */
TEST(a_wait_sleeps_and_does_not_run_in_circles,
     NEEDS_STEPPED_CALENDAR | NEEDS_THREADS | NEEDS_POSIX) {
    subjects s;
    test_call holder;
    set_up(&s, &holder);
    for (int i = 0; i < WAITS; i++) {
        double used = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        check_wait(&s, i, 0.2);
        used = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - used;
        if (used > 0.1 * test_slowness()) {
            test_fail(__FILE__, __LINE__, "%s: waiting 0.2 s used %.3f s of the processor",
                      waits[i].name, used);
        }
    }
    tear_down(&s, &holder);
}

/* ---- what the kernel is asked ---- */

#if defined(HAS_FILTERS)

/* Kill the process when a thread sleeps until a time on the calendar's clock:
 * futex(address, operation with FUTEX_CLOCK_REALTIME, value, timeout that is not NULL). */
static bool forbid_sleeping_on_the_calendar(void) {
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, FUTEX_CLOCK_REALTIME, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof program / sizeof program[0], program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

enum {
    NO_FILTER = 3
};

/* What a library does that follows the calendar. */
static void sleep_on_the_calendar(void *arg) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    struct timespec until;
    (void)arg;
    if (!forbid_sleeping_on_the_calendar()) {
        exit(NO_FILTER);
    }
    pthread_mutex_lock(&mutex);
    (void)read_clock(CLOCK_REALTIME, &until);
    until.tv_nsec = (until.tv_nsec + 10000000) % 1000000000;
    until.tv_sec += until.tv_nsec < 10000000;
    pthread_cond_timedwait(&cond, &mutex, &until);
    pthread_mutex_unlock(&mutex);
}

TEST(no_wait_asks_the_kernel_for_the_calendar,
     NEEDS_STEPPED_CALENDAR | NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_LINUX) {
    int code = test_child(sleep_on_the_calendar, NULL, NULL, 0);
    if (code == NO_FILTER) {
        test_skip("system calls cannot be filtered here");
    }
    if (code == 0) {
        test_skip("this C library never sleeps on the calendar's clock");
    }
    CHECK_INT(code, 128 + SIGSYS);
    CHECK(forbid_sleeping_on_the_calendar());
    check_every_wait(0.02);
}

#endif

#else

bool test_stop_clock(bool stop) {
    (void)stop;
    return false;
}

#endif
