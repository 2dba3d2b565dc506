/* What every part shares: statuses, messages, versions, sizes, errno. */
#include <errno.h>
#include <limits.h>
#include <math.h>

#include "test.h"

static const struct {
    pyt_status status;
    const char *name;
} statuses[] = {
    {PYT_OK, "OK"},
    {PYT_TIMEOUT, "TimeoutError"},
    {PYT_RUNTIME_ERROR, "RuntimeError"},
    {PYT_VALUE_ERROR, "ValueError"},
    {PYT_OVERFLOW_ERROR, "OverflowError"},
    {PYT_MEMORY_ERROR, "MemoryError"},
    {PYT_BROKEN_BARRIER, "BrokenBarrierError"},
    {PYT_QUEUE_EMPTY, "Empty"},
    {PYT_QUEUE_FULL, "Full"},
    {PYT_QUEUE_SHUT_DOWN, "ShutDown"},
    {PYT_CANCELLED, "CancelledError"},
    {PYT_INVALID_STATE, "InvalidStateError"},
    {PYT_BROKEN_EXECUTOR, "BrokenThreadPool"},
    {PYT_TASK_ERROR, "Exception"},
    {PYT_INTERRUPTED, "KeyboardInterrupt"},
    {PYT_NOT_SUPPORTED, "NotImplementedError"},
};

enum {
    STATUSES = sizeof statuses / sizeof statuses[0]
};

TEST(every_status_has_the_name_that_python_gives_it) {
    for (int i = 0; i < STATUSES; i++) {
        CHECK_INT(statuses[i].status, i);
        CHECK_STR(pyt_status_name(statuses[i].status), statuses[i].name);
    }
}

TEST(every_status_has_a_sentence_of_its_own) {
    for (int i = 0; i < STATUSES; i++) {
        const char *sentence = pyt_strerror(statuses[i].status);
        CHECK(strchr(sentence, ' ') != NULL);
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(sentence, pyt_strerror(statuses[k].status)) != 0);
        }
    }
}

TEST(a_number_that_is_no_status_has_no_name) {
    const int numbers[] = {STATUSES, STATUSES + 1, 1000, INT_MAX, -1, INT_MIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        CHECK_STR(pyt_status_name((pyt_status)numbers[i]), "?");
        CHECK_STR(pyt_strerror((pyt_status)numbers[i]), "unknown status");
    }
}

TEST(there_is_no_message_before_anything_has_failed) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STR(pyt_error_message(), "");
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.001), PYT_TIMEOUT);
    CHECK_STR(pyt_error_message(), "");
}

TEST(a_failure_says_what_python_says) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_rlock rlock = PYT_RLOCK_INIT;
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
    pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot release un-acquired lock");
    CHECK_STATUS(pyt_condition_wait(&condition), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot wait on un-acquired lock");
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot release un-acquired lock");
    CHECK_STATUS(pyt_condition_notify(&condition), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), "cannot notify on un-acquired lock");
    CHECK_STATUS(pyt_semaphore_init(&semaphore, -1), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "semaphore initial value must be >= 0");
    CHECK_STATUS(pyt_semaphore_release_n(&semaphore, 0), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "n must be one or more");
    CHECK_STATUS(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK(strstr(pyt_error_message(), "released too many times") != NULL);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, INFINITY), PYT_OVERFLOW_ERROR);
    CHECK_STR(pyt_error_message(), "timeout value is too large");
}

TEST(an_answer_leaves_the_message_of_the_last_failure) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.001), PYT_TIMEOUT);
    CHECK_STR(pyt_error_message(), "cannot release un-acquired lock");
}

static pyt_status fail_in_a_thread(void *object) {
    CHECK_STR(pyt_error_message(), "");
    CHECK_STATUS(pyt_semaphore_init(object, -1), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "semaphore initial value must be >= 0");
    return PYT_OK;
}

TEST(each_thread_has_its_own_message) {
    pyt_lock lock = PYT_LOCK_INIT;
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    test_call call;
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
    test_begin(&call, fail_in_a_thread, &semaphore);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK_STR(pyt_error_message(), "cannot release un-acquired lock");
}

TEST(the_version_is_told_once_as_text_and_once_as_numbers) {
    char version[64];
    snprintf(version, sizeof version, "%d.%d.%d", PYT_VERSION_MAJOR, PYT_VERSION_MINOR,
             PYT_VERSION_PATCH);
    CHECK_STR(version, PYT_VERSION);
}

TEST(the_backend_is_the_one_that_was_asked_for) {
#if defined(PYTHREADING_PTHREADS)
    CHECK_STR(PYT_BACKEND, "pthreads");
#elif defined(PYTHREADING_DUMMY)
    CHECK_STR(PYT_BACKEND, "dummy");
#elif defined(PYTHREADING_PLATFORM)
    CHECK(strlen(PYT_BACKEND) > 0);
#elif defined(_WIN32)
    CHECK_STR(PYT_BACKEND, "win32");
#else
    CHECK(strcmp(PYT_BACKEND, "c11") == 0 || strcmp(PYT_BACKEND, "pthreads") == 0);
#endif
}

TEST(the_longest_timeout_is_pythons) {
    CHECK(PYT_TIMEOUT_MAX == 9223372036.0);
}

TEST(objects_are_as_small_as_promised) {
    CHECK_INT(sizeof(pyt_lock), 4);
    CHECK_INT(sizeof(pyt_event), 4);
    CHECK_INT(sizeof(pyt_semaphore), 8);
    CHECK_INT(sizeof(pyt_bounded_semaphore), 8);
    CHECK(sizeof(pyt_rlock) <= 16);
    CHECK(sizeof(pyt_condition) <= 40);
    CHECK(sizeof(pyt_barrier) <= 64);
}

/* One of each, in storage that is zero because it is static. */
static struct objects {
    pyt_lock lock;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_semaphore semaphore;
    pyt_bounded_semaphore bounded;
    pyt_event event;
    pyt_barrier barrier;
} zero;

TEST(the_initialisers_make_what_zero_bytes_are) {
    static struct objects made = {
        PYT_LOCK_INIT,
        PYT_RLOCK_INIT,
        PYT_CONDITION_INIT,
        PYT_SEMAPHORE_INIT(0),
        PYT_BOUNDED_SEMAPHORE_INIT(0),
        PYT_EVENT_INIT,
        PYT_BARRIER_INIT(0),
    };
    CHECK(memcmp((const void *)&made, (const void *)&zero, sizeof zero) == 0);
}

static void use_locks(void) {
    CHECK_STATUS(pyt_lock_acquire(&zero.lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_timeout(&zero.lock, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&zero.lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&zero.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&zero.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&zero.rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&zero.rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&zero.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify_all(&zero.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait_timeout(&zero.condition, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_condition_release(&zero.condition), PYT_OK);
}

/* The debug build notes who holds a lock, and needs memory for it. */
TEST(what_nobody_waits_for_asks_the_system_for_nothing) {
    pyt_barrier alone = PYT_BARRIER_INIT(1);
    CHECK_STATUS(pyt_barrier_wait(&alone, NULL), PYT_OK); /* a barrier needs its parker at once */
    test_fail_nth(0);
    for (int i = 0; i < 1000; i++) {
#if !defined(PYTHREADING_DEBUG)
        use_locks();
#endif
        CHECK_STATUS(pyt_semaphore_release(&zero.semaphore), PYT_OK);
        CHECK_STATUS(pyt_semaphore_acquire(&zero.semaphore), PYT_OK);
        CHECK_STATUS(pyt_event_set(&zero.event), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&zero.event), PYT_OK);
        CHECK_STATUS(pyt_event_clear(&zero.event), PYT_OK);
        CHECK_STATUS(pyt_barrier_wait(&alone, NULL), PYT_OK);
    }
    CHECK_INT(test_fault_calls(), 0);
    use_locks();
}

/* A status that nobody looks at. */
static void ignore(pyt_status status) {
    (void)status;
}

static void call_everything(struct objects *all) {
    (void)pyt_lock_acquire(&all->lock);
    ignore(pyt_lock_acquire_nowait(&all->lock));
    ignore(pyt_lock_acquire_timeout(&all->lock, 0.001));
    ignore(pyt_lock_acquire_timeout(&all->lock, -1));
    (void)pyt_lock_release(&all->lock);
    (void)pyt_lock_release(&all->lock);
    (void)pyt_rlock_acquire(&all->rlock);
    (void)pyt_rlock_release(&all->rlock);
    (void)pyt_condition_wait(&all->condition);
    (void)pyt_condition_acquire(&all->condition);
    ignore(pyt_condition_wait_timeout(&all->condition, 0.001));
    (void)pyt_condition_notify_all(&all->condition);
    (void)pyt_condition_release(&all->condition);
    ignore(pyt_semaphore_acquire_timeout(&all->semaphore, 0.001));
    (void)pyt_semaphore_release(&all->semaphore);
    (void)pyt_semaphore_acquire(&all->semaphore);
    (void)pyt_bounded_semaphore_release(&all->bounded);
    ignore(pyt_bounded_semaphore_acquire_timeout(&all->bounded, 0.001));
    ignore(pyt_event_wait_timeout(&all->event, 0.001));
    (void)pyt_event_set(&all->event);
    (void)pyt_event_clear(&all->event);
    ignore(pyt_barrier_init(&all->barrier, 2, NULL));
    ignore(pyt_barrier_wait_timeout(&all->barrier, 0.001, NULL));
    (void)pyt_barrier_reset(&all->barrier);
}

static void call_everything_with_a_fault(void *nth) {
    test_fail_nth(*(long *)nth);
    errno = 4711;
    call_everything(&zero);
    CHECK_INT(errno, 4711);
}

TEST(errno_stays_as_it_was_whatever_happens, NEEDS_PROCESSES | NOT_UNDER_HELGRIND,
     "it is about numbers: millions of steps of few threads") {
    for (long nth = 0; nth < 8; nth++) {
        CHECK_INT(test_child(call_everything_with_a_fault, &nth, NULL, 0), 0);
    }
}
