/* pyt_sleep, pyt_monotonic. */
#define _GNU_SOURCE
#include <math.h>
#if !defined(_WIN32)
#include <signal.h>
#include <sys/time.h>
#endif

#include "test.h"

TEST(sleep_takes_as_long_as_it_is_told_and_no_shorter) {
    static const double lengths[] = {1e-9, 0.0005, 0.02, 0.1};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        double start = test_now();
        CHECK_STATUS(pyt_sleep(lengths[i]), PYT_OK);
        CHECK_WITHIN(test_now() - start, lengths[i], lengths[i] + 5);
    }
}

TEST(sleep_of_no_time_returns_at_once) {
    double start = test_now();
    CHECK_STATUS(pyt_sleep(0), PYT_OK);
    CHECK_STATUS(pyt_sleep(-0.0), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0, 1);
}

TEST(sleep_refuses_what_is_no_length_of_time) {
    double start = test_now();
    CHECK_STATUS(pyt_sleep(-1e-9), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "timeout value must be a non-negative number");
    CHECK_STATUS(pyt_sleep(-HUGE_VAL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_sleep((double)NAN), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "timeout value is not a number");
    CHECK_STATUS(pyt_sleep(PYT_TIMEOUT_MAX * 1.001), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_sleep(HUGE_VAL), PYT_OVERFLOW_ERROR);
    CHECK_WITHIN(test_now() - start, 0, 1);
}

TEST(sleep_ends_with_an_interrupt_that_is_pending) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_sleep(PYT_TIMEOUT_MAX), PYT_INTERRUPTED);
    CHECK(pyt_error_message()[0] != '\0');
    CHECK_STATUS(pyt_sleep(0), PYT_OK);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(pyt_sleep(0), PYT_INTERRUPTED);
    CHECK_STATUS(pyt_sleep(0.001), PYT_OK);
}

TEST(monotonic_is_the_clock_of_the_timeouts) {
    double before = pyt_monotonic();
    CHECK_STATUS(pyt_sleep(0.02), PYT_OK);
    double after = pyt_monotonic();
    CHECK_WITHIN(after - before, 0.02, 1);
    pyt_event event = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0.02), PYT_TIMEOUT);
    CHECK_WITHIN(pyt_monotonic() - after, 0.02, 1);
}

TEST(monotonic_never_goes_back) {
    double last = pyt_monotonic();
    for (int i = 0; i < 10000; i++) {
        double now = pyt_monotonic();
        CHECK(now >= last);
        last = now;
    }
}

static void *interrupt(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_sleep(0.02), PYT_OK); /* the main thread is likely to be asleep by then */
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return NULL;
}

TEST(sleep_of_the_main_thread_is_ended_by_an_interrupt, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *thread = test_thread(interrupt, NULL);
    CHECK_STATUS(pyt_sleep(1e6), PYT_INTERRUPTED);
    test_join(thread);
}

static pyt_status sleep_in_another_thread(void *arg) {
    (void)arg;
    return pyt_sleep(0.01);
}

TEST(sleep_of_another_thread_leaves_the_interrupt_to_the_main_thread,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_MAIN) {
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    CHECK_STATUS(test_foreign(sleep_in_another_thread, NULL), PYT_OK);
    CHECK_STATUS(pyt_sleep(0), PYT_INTERRUPTED);
}

#if !defined(_WIN32)

static volatile sig_atomic_t signals;

static void count_signal(int number) {
    (void)number;
    signals = signals + 1;
}

/* qemu-i386 7.2: a loop that computes 1.0 * 3 beside a timer's signals gets 0 at the first of them
 * or the second, each time, without threads and without this library. */
TEST(sleep_is_not_ended_by_a_signal, NEEDS_SIGNALS | NOT_EMULATED,
     "an emulator loses the x87's registers where a signal's handler runs") {
    struct itimerval every = {{0, 2000}, {0, 2000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    signal(SIGALRM, count_signal);
    CHECK_INT(setitimer(ITIMER_REAL, &every, NULL), 0);
    do { /* an emulator may keep all signals for later */
        double start = test_now();
        CHECK_STATUS(pyt_sleep(0.1), PYT_OK);
        CHECK_WITHIN(test_now() - start, 0.1, 5);
    } while (signals == 0);
    CHECK_INT(setitimer(ITIMER_REAL, &never, NULL), 0);
}

#endif
