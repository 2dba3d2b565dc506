/* Every allocation and every platform call made to fail once, in a scenario for each room.
 *
 * A scenario uses one part of the library to its end. Whatever returns PYT_MEMORY_ERROR is tried
 * again, so that a scenario always comes to its end, and counts how often that was. It is run
 * with no fault to learn how many calls it makes that can fail, then once for each of them with
 * that one failing:
 *
 *   cold    in a process of its own, so that what is made once for all fails too
 *   warm    all in one process, where every run must leave exactly the memory the one before did
 *
 * A run in which nothing reported the fault must have come to the right result all the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>

#include "test.h"

/* ---- trying again --------------------------------------------------------------------------- */

static atomic_int reported; /* failures that came back as a status, in the present run */

/* The status of a call that has all reasons to succeed but for a fault. */
static bool failed(pyt_status status, const char *call, int line) {
    if (status == PYT_MEMORY_ERROR) {
        CHECK(test_fault_fired());
        CHECK(pyt_error_message()[0] != '\0');
        CHECK_INT(atomic_fetch_add(&reported, 1), 0);
        return true;
    }
    if (status != PYT_OK) {
        test_fail(__FILE__, line, "%s is %s (%s)", call, pyt_status_name(status),
                  pyt_error_message());
    }
    return false;
}

/* Do it until it is done. errno stays out of it, whether it fails or not. */
#define DO(call)                             \
    do {                                     \
        errno = 777;                         \
    } while (failed(call, #call, __LINE__)); \
    CHECK_INT(errno, 777)

/* The same for a call with another outcome than PYT_OK. */
#define EXPECT(call, outcome)                                                               \
    do {                                                                                    \
        errno = 777;                                                                        \
        pyt_status found_status = (call);                                                   \
        while (found_status == PYT_MEMORY_ERROR && failed(found_status, #call, __LINE__)) { \
            found_status = (call);                                                          \
        }                                                                                   \
        CHECK_STATUS(found_status, outcome);                                                \
        CHECK_INT(errno, 777);                                                              \
    } while (0)

static pyt_thread *started_with(const pyt_thread_options *options) {
    pyt_thread *thread = NULL;
    DO(pyt_thread_new(&thread, options));
    while (failed(pyt_thread_start(thread), "pyt_thread_start", __LINE__)) {
        CHECK(!pyt_thread_is_alive(thread));
        CHECK_INT(pyt_thread_ident(thread), 0);
    }
    return thread;
}

static pyt_thread *started(void *(*target)(void *), void *arg) {
    return started_with(&(pyt_thread_options){.target = target, .arg = arg});
}

static void join(pyt_thread *thread) {
    DO(pyt_thread_join(thread));
    CHECK(!pyt_thread_is_alive(thread));
    pyt_thread_unref(thread);
}

/* ---- running a scenario --------------------------------------------------------------------- */

typedef void (*scenario)(void);

static void run_with_fault(scenario play, long n) {
    atomic_store(&reported, 0);
    test_fail_nth(n);
    play();
    CHECK(atomic_load(&reported) == 0 || test_fault_fired());
}

/* In the debug build the main thread and a worker may each keep the memory of a note. */
enum {
#if defined(PYTHREADING_DEBUG)
    KEPT = 2
#else
    KEPT = 0
#endif
};

/* What a timer or a dropped thread leaves is freed a moment after it is seen to be over. So memory
 * may only become less than what was seen first, and that is what is expected from then on. */
static void wait_for_live(long *expected) {
    double end = test_now() + 10.0;
    while (test_live_allocations() > *expected + KEPT && test_now() < end) {
        test_sleep(0.001);
    }
    long live = test_live_allocations();
    CHECK(live <= *expected + KEPT);
    *expected = live < *expected ? live : *expected;
}

static void warm(scenario play) {
    run_with_fault(play, 0);
    run_with_fault(play, 0);
    test_sleep(0.005);
    long live = test_live_allocations();
    run_with_fault(play, 0);
    wait_for_live(&live);
    long calls = test_fault_calls(), fired = 0;
    CHECK(calls > 0);
    for (long n = 1; n <= calls + 2; n++) {
        run_with_fault(play, n);
        fired += test_fault_fired();
        run_with_fault(play, 0);
        wait_for_live(&live);
    }
    CHECK(fired > 0);
    CHECK_INT(pyt_active_count(), 1);
}

typedef struct cold_run {
    scenario play;
    long n;
} cold_run;

/* A child process: the scenario with the n-th call failing, then without, then without again. */
static void cold_in_a_child(void *arg) {
    cold_run *run = arg;
    run_with_fault(run->play, run->n);
    long calls = test_fault_calls();
    bool fired = test_fault_fired();
    run_with_fault(run->play, 0);
    run_with_fault(run->play, 0);
    test_sleep(0.001);
    long live = test_live_allocations();
    run_with_fault(run->play, 0);
    wait_for_live(&live);
    CHECK_INT(pyt_active_count(), 1);
    printf("%ld %d\n", calls, fired);
}

/* Run the n-th of the cold runs. Returns how many calls it made that could fail. */
static long cold_run_of(scenario play, long n, bool *came) {
    char output[1024];
    long calls = 0;
    int fault_came = -1;
    cold_run run = {play, n};
    if (test_child(cold_in_a_child, &run, output, sizeof output) != 0) {
        test_fail(__FILE__, __LINE__, "with call %ld failing:\n%s", n, output);
    }
    CHECK_INT(sscanf(output, "%ld %d", &calls, &fault_came), 2);
    *came = fault_came == 1;
    return calls;
}

/* The least that makes what the library makes once for all. */
static void the_first_use(void) {
    static pyt_event never;
    EXPECT(pyt_event_wait_timeout(&never, 1e-6), PYT_TIMEOUT);
}

TEST_LIMIT(every_fault_at_the_first_use_is_survived, 60, NEEDS_PROCESSES) {
    bool came = false;
    long calls = cold_run_of(the_first_use, 0, &came);
    CHECK(calls > 0);
    for (long n = 1; n <= calls; n += n < 20 || n > calls - 20 ? 1 : test_scale(2) == 2 ? 1 : 17) {
        CHECK(cold_run_of(the_first_use, n, &came) > 0);
        CHECK(came);
    }
}

/* What the first use makes, a long row of equal calls, is gone through call by call above. Here
 * the first of them fail, the last of them, and all that follow, with some to spare: how many
 * there are depends a little on who comes first. */
static void cold(scenario play) {
    bool came = false;
    long first_use = cold_run_of(the_first_use, 0, &came);
    long plain = cold_run_of(play, 0, &came), fewest = plain;
    CHECK(plain >= first_use);
    for (long n = 1; n <= plain + 4; n = n == 3 && first_use > 8 ? first_use - 4 : n + 1) {
        long calls = cold_run_of(play, n, &came);
        fewest = calls < fewest ? calls : fewest;
        CHECK(came || n > fewest);
    }
}

/* With the flags of both, if any, and what the second has besides. */
#define FAULTS(...) FAULTS_OF(__VA_ARGS__, 0, 0, 0)
#define FAULTS_OF(name, flags, warm_flags, ...)                                                   \
    TEST_LIMIT(every_fault_in_##name##_is_survived_at_first_use, 60, (flags) | NEEDS_PROCESSES) { \
        cold(name);                                                                               \
    }                                                                                             \
    TEST_LIMIT(every_fault_in_##name##_is_survived_and_leaves_nothing_behind, 60,                 \
               (flags) | (warm_flags)) {                                                          \
        warm(name);                                                                               \
    }

/* ---- one scenario for each room ------------------------------------------------------------- */

/* Where two threads meet: the second waits in the library while the first does the waking. */
static pyt_event ready;

static void *nothing(void *arg) {
    return arg;
}

static pyt_lock lock_;

static void *take_lock(void *arg) {
    DO(pyt_event_set(&ready));
    DO(pyt_lock_acquire(&lock_));
    DO(pyt_lock_release(&lock_));
    DO(pyt_lock_acquire_timeout(&lock_, 100));
    DO(pyt_lock_release(&lock_));
    return arg;
}

static void a_lock(void) {
    DO(pyt_event_clear(&ready));
    DO(pyt_lock_acquire(&lock_));
    EXPECT(pyt_lock_acquire_nowait(&lock_), PYT_TIMEOUT);
    EXPECT(pyt_lock_acquire_timeout(&lock_, 0.0001), PYT_TIMEOUT);
    EXPECT(pyt_lock_acquire_timeout(&lock_, -1), PYT_VALUE_ERROR);
    pyt_thread *other = started(take_lock, NULL);
    DO(pyt_event_wait(&ready));
    DO(pyt_lock_release(&lock_));
    join(other);
    CHECK(!pyt_lock_locked(&lock_));
    EXPECT(pyt_lock_release(&lock_), PYT_RUNTIME_ERROR);
}
FAULTS(a_lock, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

static pyt_rlock rlock;

static void *take_rlock(void *arg) {
    DO(pyt_event_set(&ready));
    for (int i = 0; i < 3; i++) {
        DO(pyt_rlock_acquire(&rlock));
    }
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 3);
    for (int i = 0; i < 3; i++) {
        DO(pyt_rlock_release(&rlock));
    }
    return arg;
}

static void an_rlock(void) {
    DO(pyt_event_clear(&ready));
    DO(pyt_rlock_acquire(&rlock));
    DO(pyt_rlock_acquire_timeout(&rlock, 1));
    pyt_thread *other = started(take_rlock, NULL);
    DO(pyt_event_wait(&ready));
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 2);
    DO(pyt_rlock_release(&rlock));
    DO(pyt_rlock_release(&rlock));
    join(other);
    CHECK(!pyt_rlock_locked(&rlock));
    EXPECT(pyt_rlock_release(&rlock), PYT_RUNTIME_ERROR);
}
FAULTS(an_rlock, NEEDS_THREADS)

static pyt_semaphore semaphore;

static void *take_permits(void *arg) {
    DO(pyt_semaphore_acquire(&semaphore));
    DO(pyt_semaphore_acquire_timeout(&semaphore, 100));
    return arg;
}

static void a_semaphore(void) {
    DO(pyt_semaphore_init(&semaphore, 0));
    EXPECT(pyt_semaphore_acquire_nowait(&semaphore), PYT_TIMEOUT);
    EXPECT(pyt_semaphore_acquire_timeout(&semaphore, 0.0001), PYT_TIMEOUT);
    pyt_thread *other = started(take_permits, NULL);
    DO(pyt_semaphore_release(&semaphore));
    DO(pyt_semaphore_release_n(&semaphore, 2));
    join(other);
    CHECK_INT(pyt_semaphore_value(&semaphore), 1);
}
FAULTS(a_semaphore, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

static pyt_bounded_semaphore bounded;

static void *take_and_give(void *arg) {
    DO(pyt_bounded_semaphore_acquire(&bounded));
    DO(pyt_bounded_semaphore_release(&bounded));
    return arg;
}

static void a_bounded_semaphore(void) {
    DO(pyt_bounded_semaphore_init(&bounded, 1));
    DO(pyt_bounded_semaphore_acquire(&bounded));
    EXPECT(pyt_bounded_semaphore_acquire_timeout(&bounded, 0.0001), PYT_TIMEOUT);
    pyt_thread *other = started(take_and_give, NULL);
    DO(pyt_bounded_semaphore_release(&bounded));
    join(other);
    EXPECT(pyt_bounded_semaphore_release(&bounded), PYT_VALUE_ERROR);
    CHECK_INT(pyt_bounded_semaphore_value(&bounded), 1);
}
FAULTS(a_bounded_semaphore, NEEDS_THREADS)

static pyt_event event_;

static void *wait_for_event(void *arg) {
    DO(pyt_event_wait(&event_));
    DO(pyt_event_wait_timeout(&event_, 100));
    return arg;
}

static void an_event(void) {
    DO(pyt_event_clear(&event_));
    EXPECT(pyt_event_wait_timeout(&event_, 0.0001), PYT_TIMEOUT);
    pyt_thread *one = started(wait_for_event, NULL);
    pyt_thread *two = started(wait_for_event, NULL);
    CHECK(!pyt_event_is_set(&event_));
    DO(pyt_event_set(&event_));
    join(one);
    join(two);
}
FAULTS(an_event, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

static pyt_condition condition;
static int told;

static bool is_told(void *arg) {
    (void)arg;
    return told > 0;
}

static void *listen(void *arg) {
    DO(pyt_condition_acquire(&condition));
    DO(pyt_condition_wait_for(&condition, is_told, NULL));
    told--;
    DO(pyt_condition_release(&condition));
    return arg;
}

static void *listen_with_a_plain_wait(void *arg) {
    DO(pyt_condition_acquire(&condition));
    while (told == 0) {
        DO(pyt_condition_wait_timeout(&condition, 100));
    }
    told--;
    DO(pyt_condition_release(&condition));
    return arg;
}

static void play_condition(void) {
    DO(pyt_condition_acquire(&condition));
    EXPECT(pyt_condition_wait_timeout(&condition, 0.0001), PYT_TIMEOUT);
    EXPECT(pyt_condition_wait_for_timeout(&condition, is_told, NULL, 0.0001), PYT_TIMEOUT);
    pyt_thread *one = started(listen, NULL);
    pyt_thread *two = started(listen_with_a_plain_wait, NULL);
    told = 1;
    DO(pyt_condition_notify(&condition));
    DO(pyt_condition_release(&condition));
    DO(pyt_condition_acquire(&condition));
    told++;
    DO(pyt_condition_notify_all(&condition));
    DO(pyt_condition_release(&condition));
    join(one);
    join(two);
    CHECK_INT(told, 0);
    EXPECT(pyt_condition_notify(&condition), PYT_RUNTIME_ERROR);
}

static void a_condition(void) {
    memset(&condition, 0, sizeof condition);
    play_condition();
}
FAULTS(a_condition, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

static void a_condition_over_a_lock(void) {
    DO(pyt_condition_init_lock(&condition, &lock_));
    play_condition();
    CHECK(!pyt_lock_locked(&lock_));
}
FAULTS(a_condition_over_a_lock, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

static pyt_barrier barrier;
static atomic_int actions, index_sum;

static int act(void *arg) {
    (void)arg;
    atomic_fetch_add(&actions, 1);
    return 0;
}

static void *pass(void *arg) {
    int index = -1;
    DO(pyt_barrier_wait(&barrier, &index));
    atomic_fetch_add(&index_sum, index);
    return arg;
}

static void a_barrier(void) {
    atomic_store(&actions, 0);
    atomic_store(&index_sum, 0);
    DO(pyt_barrier_init(&barrier, 3, &(pyt_barrier_options){.action = act}));
    pyt_thread *one = started(pass, NULL);
    pyt_thread *two = started(pass, NULL);
    pass(NULL);
    join(one);
    join(two);
    CHECK_INT(atomic_load(&actions), 1);
    CHECK_INT(atomic_load(&index_sum), 3);
    EXPECT(pyt_barrier_wait_timeout(&barrier, 0.0001, NULL), PYT_BROKEN_BARRIER);
    DO(pyt_barrier_reset(&barrier));
    DO(pyt_barrier_abort(&barrier));
    CHECK(pyt_barrier_broken(&barrier));
}
FAULTS(a_barrier, NEEDS_THREADS)

static atomic_int entered;

/* A block that is left out for want of memory is tried again: the same promise, without status. */
static void *enter_with(void *arg) {
    for (bool done = false; !done;) {
        bool had_fired = test_fault_fired();
        pyt_with(&lock_) {
            done = true;
            atomic_fetch_add(&entered, 1);
        }
        CHECK(done || (test_fault_fired() && !had_fired) || had_fired);
    }
    return arg;
}

static void a_with_block(void) {
    atomic_store(&entered, 0);
    DO(pyt_lock_acquire(&lock_));
    pyt_thread *one = started(enter_with, NULL);
    pyt_thread *two = started(enter_with, NULL);
    DO(pyt_lock_release(&lock_));
    join(one);
    join(two);
    enter_with(NULL);
    CHECK_INT(atomic_load(&entered), 3);
    CHECK(!pyt_lock_locked(&lock_));
}
FAULTS(a_with_block, NEEDS_THREADS)

/* ---- threads -------------------------------------------------------------------------------- */

static void *add_up(void *arg) {
    int *numbers = arg;
    CHECK(pyt_current_thread() != NULL);
    return (void *)(intptr_t)(numbers[0] + numbers[1]);
}

static void a_thread(void) {
    int numbers[2] = {20, 22};
    void *result = NULL;
    pyt_thread *thread = started_with(&(pyt_thread_options){
        .target = add_up,
        .arg = numbers,
        .arg_size = sizeof numbers,
        .name = "a name of its own",
        .stack_size = 2u << 20,
    });
    DO(pyt_thread_set_name(thread, "another name"));
    DO(pyt_thread_join_timeout(thread, 100));
    DO(pyt_thread_result(thread, &result));
    CHECK_INT((intptr_t)result, 42);
    CHECK_STR(pyt_thread_name(thread), "another name");
    pyt_thread_unref(thread);
}
FAULTS(a_thread, 0, NEEDS_LASTING_TIMEOUTS)

static void *run_both(pyt_thread *self) {
    DO(pyt_thread_run(self));
    return pyt_thread_arg(self);
}

static void a_thread_with_an_override(void) {
    void *result = NULL;
    pyt_thread *thread =
        started_with(&(pyt_thread_options){.target = nothing, .arg = &result, .run = run_both});
    DO(pyt_thread_join(thread));
    DO(pyt_thread_result(thread, &result));
    CHECK(result == &result);
    pyt_thread_unref(thread);
}
FAULTS(a_thread_with_an_override)

static void *raise_here(void *arg) {
    pyt_raise(5, arg);
}

static atomic_int hooked;

static void count_hook(const pyt_excepthook_args *args) {
    CHECK_INT(args->code, 5);
    CHECK(args->message != NULL);
    atomic_fetch_add(&hooked, 1);
}

static void a_thread_that_raises(void) {
    atomic_store(&hooked, 0);
    pyt_set_excepthook(count_hook);
    pyt_thread *thread = started(raise_here, (void *)"raised on purpose");
    DO(pyt_thread_join(thread));
    EXPECT(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_INT(atomic_load(&hooked), 1);
    pyt_thread_unref(thread);
}
FAULTS(a_thread_that_raises)

static void *exit_here(void *arg) {
    (void)arg;
    pyt_exit();
}

static void a_thread_that_exits(void) {
    void *result = &result;
    pyt_thread *thread = started(exit_here, NULL);
    DO(pyt_thread_join(thread));
    DO(pyt_thread_result(thread, &result));
    CHECK(result == NULL);
    pyt_thread_unref(thread);
}
FAULTS(a_thread_that_exits, NEEDS_EXIT)

static pyt_event seen, leave;

static void *stay(void *arg) {
    DO(pyt_event_set(&seen));
    DO(pyt_event_wait(&leave));
    return arg;
}

/* enumerate and active_count have no status: for want of memory they see nobody. */
static void the_list_of_threads(void) {
    DO(pyt_event_clear(&seen));
    DO(pyt_event_clear(&leave));
    pyt_thread *thread = started(stay, NULL), *list[4];
    DO(pyt_event_wait(&seen));
    size_t count = pyt_enumerate(list, 4);
    if (count == 0) {
        CHECK(test_fault_fired());
        count = pyt_enumerate(list, 4);
    }
    CHECK_INT(count, 2);
    for (size_t i = 0; i < count; i++) {
        pyt_thread_unref(list[i]);
    }
    pyt_settrace_all_threads(NULL);
    pyt_setprofile_all_threads(NULL);
    DO(pyt_event_set(&leave));
    join(thread);
}
FAULTS(the_list_of_threads, NEEDS_THREADS)

static void *ask_abroad(void *arg) {
    pyt_thread *self = pyt_current_thread();
    if (self == NULL) {
        CHECK(test_fault_fired());
        self = pyt_current_thread();
    }
    CHECK(self != NULL);
    CHECK(pyt_thread_name(self)[0] != '\0');
    return arg;
}

static void a_foreign_thread(void) {
    test_raw foreign;
    foreign = test_raw_start(ask_abroad, NULL);
    test_raw_join(foreign);
    size_t count = pyt_active_count();
    CHECK(count == 1 || (count == 0 && test_fault_fired()));
}
FAULTS(a_foreign_thread, NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS, NEEDS_THREADS)

static pyt_semaphore raw_done;

static void raw_run(void *arg) {
    DO(pyt_semaphore_release(arg));
}

static void a_raw_thread(void) {
    pyt_ident ident = 0;
    DO(pyt_start_new_thread(raw_run, &raw_done, &ident));
    DO(pyt_semaphore_acquire(&raw_done));
    CHECK(ident != 0);
}

/* Nobody can join a raw thread: it may be in its last steps while the next run begins, so memory
 * is compared over all runs, with room for some of them but not for a leak in each round. */
TEST_LIMIT(every_fault_in_a_raw_thread_is_survived, 60) {
    run_with_fault(a_raw_thread, 0);
    run_with_fault(a_raw_thread, 0);
    int rounds = test_scale(100);
    long live = test_live_allocations(), calls = test_fault_calls();
    for (int round = 0; round < rounds; round++) {
        for (long n = 1; n <= calls + 1; n++) {
            run_with_fault(a_raw_thread, n);
        }
    }
    test_fail_nth(0);
    double end = test_now() + 10.0;
    while (test_live_allocations() > live + 6 + rounds / 2) {
        CHECK(test_now() < end);
        test_sleep(0.001);
    }
    CHECK_INT(pyt_semaphore_value(&raw_done), 0);
}

/* ---- locals --------------------------------------------------------------------------------- */

static atomic_int constructed, destroyed;

static int construct(void *value) {
    CHECK_INT(*(int *)value, 0);
    *(int *)value = 1;
    atomic_fetch_add(&constructed, 1);
    return 0;
}

static void destroy(void *value) {
    CHECK_INT(*(int *)value, 1);
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local locals[3] = {
    PYT_LOCAL_INIT(sizeof(int), construct, destroy),
    PYT_LOCAL_INIT(100, construct, destroy),
    PYT_LOCAL_INIT(1000, construct, destroy),
};

static void *use_locals(void *arg) {
    for (int i = 0; i < 3; i++) {
        errno = 777;
        int *value = pyt_local_get(&locals[i]);
        if (value == NULL) {
            CHECK(test_fault_fired());
            CHECK(pyt_error_message()[0] != '\0');
            CHECK(!pyt_local_exists(&locals[i]));
            CHECK_INT(errno, 777);
            value = pyt_local_get(&locals[i]);
        }
        CHECK(value != NULL);
        CHECK_INT(*value, 1);
        CHECK(pyt_local_get(&locals[i]) == value);
        CHECK(pyt_local_exists(&locals[i]));
        CHECK_INT(errno, 777);
    }
    return arg;
}

static void a_local(void) {
    pyt_thread *thread = started(use_locals, NULL);
    use_locals(NULL);
    join(thread);
    for (int i = 0; i < 3; i++) {
        DO(pyt_local_delete(&locals[i]));
        CHECK(!pyt_local_exists(&locals[i]));
    }
    CHECK_INT(atomic_load(&constructed), atomic_load(&destroyed));
}
FAULTS(a_local)

/* ---- timers --------------------------------------------------------------------------------- */

static atomic_int fired;

static void fire(void *arg) {
    (void)arg;
    atomic_fetch_add(&fired, 1);
}

static pyt_thread *timer_of(double interval) {
    pyt_thread *timer = NULL;
    DO(pyt_timer_new(&timer, interval, fire, NULL));
    DO(pyt_thread_start(timer));
    return timer;
}

static void a_timer(void) {
    atomic_store(&fired, 0);
    pyt_thread *soon = timer_of(0.0002), *late = timer_of(1000), *never = NULL;
    join(soon);
    CHECK_INT(atomic_load(&fired), 1);
    DO(pyt_timer_cancel(late));
    join(late);
    DO(pyt_timer_new(&never, 1, fire, NULL));
    pyt_thread_unref(never);
    CHECK_INT(atomic_load(&fired), 1);
}
FAULTS(a_timer, NEEDS_THREADS, NEEDS_LASTING_TIMEOUTS)

/* A timer that is due when the system has no thread for it fires as soon as there is one. */
TEST(a_timer_that_gets_no_thread_at_once_fires_later) {
    join(timer_of(0));
    CHECK_INT(atomic_load(&fired), 1);
    for (int n = 1; n <= 6; n++) {
        pyt_thread *timer = timer_of(0.005);
        atomic_store(&reported, 0);
        test_fail_nth(n);
        join(timer);
        test_fail_nth(0);
        CHECK_INT(atomic_load(&fired), 1 + n);
    }
}

static void many_timers(void) {
    enum {
        count = 300
    };
    static pyt_thread *timers[count];
    for (int i = 0; i < count; i++) {
        timers[i] = timer_of(1000 - i);
    }
    for (int i = 0; i < count; i++) {
        DO(pyt_timer_cancel(timers[(i * 7) % count]));
    }
    for (int i = 0; i < count; i++) {
        join(timers[i]);
    }
}

/* The heap grows in a few steps only, among hundreds of other allocations. */
TEST_LIMIT(every_fault_in_many_timers_is_survived_at_first_use, 60,
           NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    run_with_fault(a_timer, 0);
    long before = test_live_allocations();
    run_with_fault(many_timers, 0);
    long calls = test_fault_calls();
    for (long n = 1; n <= calls; n += test_scale(100) > 50 ? 1 : 37) {
        run_with_fault(many_timers, n);
    }
    test_fail_nth(0);
    wait_for_live(&before);
}

/* ---- a thread whose first use of the library is a wait, without memory for it --- */

/* What there is to wait for. Every lock in it is held, nothing is there or done. */
static struct {
    pyt_thread *thread, *timer;
    pyt_local local;
    pyt_queue queue;
    pyt_simple_queue simple;
    pyt_scheduler scheduler;
    pyt_future *future;
    pyt_as_completed completed;
    pyt_executor *executor;
    pyt_pool *pool;
    pyt_pool_iterator *iterator;
    pyt_event gate;
} awaited;

static void do_nothing(void *item, void *result) {
    (void)item, (void)result;
}

static void call_nothing(void *arg) {
    (void)arg;
}

static char two_items[2];
static const pyt_pool_work work_for_two = {
    .function = do_nothing, .items = two_items, .item_size = 1, .n = 2};

#define CALL(name, call)                    \
    static pyt_status name(void *arg) {     \
        (void)arg;                          \
        test_fail_nth(1);                   \
        pyt_status status = (call);         \
        CHECK(test_fault_fired());          \
        CHECK(pyt_error_message()[0] != 0); \
        return status;                      \
    }

static int some_item;
static pyt_future *some_future;
static pyt_pool_iterator *some_iterator;

CALL(join_a_thread, pyt_thread_join(awaited.thread))
CALL(cancel_a_timer, pyt_timer_cancel(awaited.timer))
CALL(run_a_timer, pyt_thread_run(awaited.timer))
CALL(delete_a_local, pyt_local_delete(&awaited.local))
CALL(put_into_a_queue, pyt_queue_put(&awaited.queue, &some_item))
CALL(get_from_a_queue, pyt_queue_get(&awaited.queue, &some_item))
CALL(put_into_a_simple_queue, pyt_simple_queue_put(&awaited.simple, &some_item))
CALL(get_from_a_simple_queue, pyt_simple_queue_get(&awaited.simple, &some_item))
CALL(destroy_a_simple_queue, pyt_simple_queue_destroy(&awaited.simple))
CALL(enter_a_scheduler, pyt_scheduler_enter(&awaited.scheduler, 1, 0, call_nothing, NULL, NULL))
CALL(make_a_future, pyt_future_new(&some_future))
CALL(wait_for_a_future, pyt_future_result(awaited.future, NULL))
CALL(fail_a_future, pyt_future_set_exception(awaited.future, 1, "a message"))
CALL(ask_for_the_next_completed, pyt_as_completed_next(&awaited.completed, &some_future))
CALL(submit_to_an_executor, pyt_executor_submit(awaited.executor, nothing, NULL, &some_future))
CALL(shut_an_executor_down, pyt_executor_shutdown(awaited.executor, true, false))
CALL(apply_in_a_pool, pyt_pool_apply_async(awaited.pool, nothing, NULL, NULL, &some_future))
CALL(map_in_a_pool, pyt_pool_map_async(awaited.pool, &work_for_two, NULL, &some_future))
CALL(iterate_in_a_pool, pyt_pool_imap(awaited.pool, &work_for_two, &some_iterator))
CALL(ask_for_the_next_item, pyt_pool_iterator_next(awaited.iterator, NULL, NULL))
CALL(close_a_pool, pyt_pool_close(awaited.pool))
CALL(terminate_a_pool, pyt_pool_terminate(awaited.pool))

static void *pass_the_gate(void *arg) {
    DO(pyt_event_wait(arg));
    return arg;
}

static void hold_a_worker(void *item, void *result) {
    (void)item, (void)result;
    DO(pyt_event_wait(&awaited.gate));
}

static void make_what_is_awaited(void) {
    pyt_pool_work work = work_for_two;
    awaited.thread = started(pass_the_gate, &awaited.gate);
    DO(pyt_timer_new(&awaited.timer, 1000, call_nothing, NULL));
    awaited.local = (pyt_local)PYT_LOCAL_INIT(sizeof(int), NULL, NULL);
    DO(pyt_queue_init(&awaited.queue, sizeof some_item, 0));
    DO(pyt_simple_queue_init(&awaited.simple, sizeof some_item));
    DO(pyt_scheduler_init(&awaited.scheduler, NULL));
    DO(pyt_future_new(&awaited.future));
    DO(pyt_as_completed_init(&awaited.completed, &awaited.future, 1));
    DO(pyt_executor_new(&awaited.executor, NULL));
    DO(pyt_pool_new(&awaited.pool, &(pyt_pool_options){.processes = 1}));
    work.function = hold_a_worker;
    DO(pyt_pool_imap(awaited.pool, &work, &awaited.iterator));
    DO(pyt_lock_acquire(&awaited.queue.pyt__lock));
    DO(pyt_lock_acquire(&awaited.simple.pyt__head_lock));
    DO(pyt_lock_acquire(&awaited.simple.pyt__tail_lock));
    DO(pyt_lock_acquire(&awaited.scheduler.pyt__lock));
}

static void end_what_is_awaited(void) {
    DO(pyt_lock_release(&awaited.queue.pyt__lock));
    DO(pyt_lock_release(&awaited.simple.pyt__head_lock));
    DO(pyt_lock_release(&awaited.simple.pyt__tail_lock));
    DO(pyt_lock_release(&awaited.scheduler.pyt__lock));
    DO(pyt_event_set(&awaited.gate));
    join(awaited.thread);
    pyt_thread_unref(awaited.timer);
    CHECK(pyt_queue_empty(&awaited.queue) && pyt_simple_queue_empty(&awaited.simple));
    DO(pyt_queue_destroy(&awaited.queue));
    DO(pyt_simple_queue_destroy(&awaited.simple));
    CHECK(pyt_scheduler_empty(&awaited.scheduler));
    DO(pyt_scheduler_destroy(&awaited.scheduler));
    CHECK(!pyt_future_done(awaited.future));
    pyt_as_completed_destroy(&awaited.completed);
    pyt_future_unref(awaited.future);
    for (int i = 0; i < 2; i++) {
        DO(pyt_pool_iterator_next(awaited.iterator, NULL, NULL));
    }
    pyt_pool_iterator_destroy(awaited.iterator);
    DO(pyt_pool_apply(awaited.pool, nothing, NULL, NULL));
    pyt_pool_free(awaited.pool);
    DO(pyt_executor_submit(awaited.executor, nothing, NULL, NULL));
    pyt_executor_free(awaited.executor);
}

TEST(a_thread_without_memory_for_its_first_wait_is_told_by_every_call_and_changes_nothing,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {
    static pyt_status (*const calls[])(void *) = {
        join_a_thread,
        cancel_a_timer,
        run_a_timer,
        delete_a_local,
        put_into_a_queue,
        get_from_a_queue,
        put_into_a_simple_queue,
        get_from_a_simple_queue,
        destroy_a_simple_queue,
        enter_a_scheduler,
        make_a_future,
        wait_for_a_future,
        fail_a_future,
        ask_for_the_next_completed,
        submit_to_an_executor,
        shut_an_executor_down,
        apply_in_a_pool,
        map_in_a_pool,
        iterate_in_a_pool,
        ask_for_the_next_item,
        close_a_pool,
        terminate_a_pool,
    };
    make_what_is_awaited();
    CHECK_STATUS(test_foreign(calls[0], NULL), PYT_MEMORY_ERROR);
    long before = test_live_allocations();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        pyt_status status = test_foreign(calls[i], NULL);
        if (status != PYT_MEMORY_ERROR) {
            test_fail(__FILE__, __LINE__, "call %d is %s", (int)i, pyt_status_name(status));
        }
        CHECK_INT(test_live_allocations(), before);
    }
    test_fail_nth(0);
    end_what_is_awaited();
}
