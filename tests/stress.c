/* Every part of the library at once, by many threads on few processors, with random delays between
 * the steps of every protocol and random timeouts. Every count must come out exact.
 *
 *     stress [seconds] [threads] [seed] [children]
 *
 * A line for each count; the last line is `N passed, N failed`. The same seed makes the same
 * choices, though not the same schedule. A run that does not end is reported by its alarm. With
 * [children], about so many are forked in the middle of all this, by threads of every kind. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(_WIN32)
#include <windows.h>
#else
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

/* ThreadSanitizer does not survive fork in a program with threads. */
#if defined(_WIN32) || defined(__SANITIZE_THREAD__)
#define WITHOUT_FORK 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITHOUT_FORK 1
#endif
#endif

/* ---- chance --------------------------------------------------------------------------------- */

static _Atomic(uint64_t) next_seed = 1;
static _Thread_local uint64_t chance_state;

static uint64_t chance(void) {
    if (chance_state == 0) {
        chance_state = (atomic_fetch_add(&next_seed, 1) + 1) * UINT64_C(0x9E3779B97F4A7C15);
    }
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return chance_state;
}

static unsigned below(unsigned n) {
    return (unsigned)((chance() >> 20) % n);
}

/* ---- the system ----------------------------------------------------------------------------- */

static const char gave_up[] = "FAIL the run did not end: somebody was not woken\n"
                              "0 passed, 1 failed\n";

#if defined(_WIN32)
static void nap(unsigned microseconds) {
    Sleep((microseconds + 999) / 1000);
}

static void yield(void) {
    SwitchToThread();
}

static DWORD WINAPI give_up(void *seconds) {
    DWORD written;
    Sleep(*(unsigned *)seconds * 1000);
    WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), gave_up, sizeof gave_up - 1, &written, NULL);
    _Exit(1);
}

static void give_up_after(unsigned seconds) {
    static unsigned limit;
    limit = seconds;
    CloseHandle(CreateThread(NULL, 0, give_up, &limit, 0, NULL));
}
#else
static void nap(unsigned microseconds) {
    struct timespec time = {0, (long)microseconds * 1000};
    nanosleep(&time, NULL);
}

static void yield(void) {
    sched_yield();
}

static void give_up(int signal_number) {
    (void)signal_number;
    (void)!write(STDOUT_FILENO, gave_up, sizeof gave_up - 1);
    _exit(1);
}

static void give_up_after(unsigned seconds) {
    signal(SIGALRM, give_up);
    alarm(seconds);
}
#endif

/* Between two steps of the library: mostly nothing, often another thread's turn, rarely a pause
 * in which a timeout or a whole other protocol fits. */
static void take_a_step(void) {
    unsigned luck = below(256);
    if (luck == 0) {
        nap(below(100));
    } else if (luck < 24) {
        yield();
    }
}

#define PYT__STEP() take_a_step()
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

/* A timeout: none of it, a little, or enough. */
static double some_time(void) {
    static const double times[] = {0.0, 1e-9, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2};
    return times[below(sizeof times / sizeof *times)] * (1 + below(3));
}

/* ---- results -------------------------------------------------------------------------------- */

static _Atomic(bool) stop;
static int passed, failed;

/* What must never happen in the middle of a run is counted here. */
static atomic_long surprises;
static _Atomic(const char *) first_surprise;

static void surprise(bool happened, const char *what) {
    if (happened && atomic_fetch_add(&surprises, 1) == 0) {
        atomic_store(&first_surprise, what);
    }
}

#define NEVER(condition) surprise(condition, #condition)
#define MUST(call) surprise((call) != PYT_OK, #call)

static void expect(const char *what, long long left, long long right) {
    bool equal = left == right;
    printf("%-4s %s: %lld, %lld\n", equal ? "ok" : "FAIL", what, left, right);
    passed += equal;
    failed += !equal;
}

/* ---- Lock and RLock: counters that only their lock protects --------------------------------- */

enum {
    lock_count = 4
};

static struct counted_lock {
    pyt_lock lock;
    pyt_rlock rlock;
    long by_lock, by_rlock; /* under the lock and the rlock */
    atomic_long lock_taken, rlock_taken;
} locks[lock_count];

static void use_lock(void) {
    struct counted_lock *it = &locks[below(lock_count)];
    pyt_status status = PYT_OK;
    switch (below(4)) {
    case 0:
        status = pyt_lock_acquire_nowait(&it->lock);
        break;
    case 1:
        status = pyt_lock_acquire_timeout(&it->lock, some_time());
        break;
    case 2:
        pyt_with(&it->lock) {
            it->by_lock++;
            atomic_fetch_add(&it->lock_taken, 1);
        }
        return;
    default:
        status = pyt_lock_acquire(&it->lock);
        break;
    }
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status == PYT_OK) {
        it->by_lock++;
        atomic_fetch_add(&it->lock_taken, 1);
        if (below(32) == 0) {
            nap(below(50));
        }
        MUST(pyt_lock_release(&it->lock));
    }
}

static void use_rlock(void) {
    struct counted_lock *it = &locks[below(lock_count)];
    unsigned depth = 1 + below(3);
    pyt_status status = below(2) == 0 ? pyt_rlock_acquire(&it->rlock)
                                      : pyt_rlock_acquire_timeout(&it->rlock, some_time());
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status != PYT_OK) {
        NEVER(pyt_rlock_is_owned(&it->rlock));
        return;
    }
    for (unsigned i = 1; i < depth; i++) {
        MUST(pyt_rlock_acquire_nowait(&it->rlock));
    }
    NEVER(pyt_rlock_recursion_count(&it->rlock) != depth);
    it->by_rlock++;
    atomic_fetch_add(&it->rlock_taken, 1);
    for (unsigned i = 0; i < depth; i++) {
        MUST(pyt_rlock_release(&it->rlock));
    }
}

static void check_locks(void) {
    long counted[2] = {0, 0}, taken[2] = {0, 0};
    for (int i = 0; i < lock_count; i++) {
        counted[0] += locks[i].by_lock;
        taken[0] += atomic_load(&locks[i].lock_taken);
        counted[1] += locks[i].by_rlock;
        taken[1] += atomic_load(&locks[i].rlock_taken);
        NEVER(pyt_lock_locked(&locks[i].lock) || pyt_rlock_locked(&locks[i].rlock));
    }
    expect("counts under locks, acquisitions", counted[0], taken[0]);
    expect("counts under rlocks, acquisitions", counted[1], taken[1]);
}

/* ---- Semaphore, BoundedSemaphore: permits ---------------------------------------------------- */

enum {
    permits = 3
};

static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(permits);
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(permits);
static pyt_semaphore for_main = PYT_SEMAPHORE_INIT(0);
static atomic_int inside_semaphore, inside_bounded;
static atomic_long semaphore_taken, bounded_taken, given_to_main, taken_by_main;

static pyt_status some_acquire(void) {
    switch (below(3)) {
    case 0:
        return pyt_semaphore_acquire_nowait(&semaphore);
    case 1:
        return pyt_semaphore_acquire_timeout(&semaphore, some_time());
    default:
        return pyt_semaphore_acquire(&semaphore);
    }
}

static void use_semaphore(void) {
    pyt_status status = some_acquire();
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status != PYT_OK) {
        return;
    }
    int taken = 1;
    NEVER(atomic_fetch_add(&inside_semaphore, 1) >= permits);
    if (below(4) == 0 && pyt_semaphore_acquire_timeout(&semaphore, some_time()) == PYT_OK) {
        NEVER(atomic_fetch_add(&inside_semaphore, 1) >= permits);
        taken++;
    }
    atomic_fetch_add(&semaphore_taken, taken);
    atomic_fetch_sub(&inside_semaphore, taken);
    MUST(pyt_semaphore_release_n(&semaphore, taken));
}

static void use_bounded(void) {
    pyt_status status = below(2) == 0
                            ? pyt_bounded_semaphore_acquire(&bounded)
                            : pyt_bounded_semaphore_acquire_timeout(&bounded, some_time());
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status == PYT_OK) {
        NEVER(atomic_fetch_add(&inside_bounded, 1) >= permits);
        atomic_fetch_add(&bounded_taken, 1);
        atomic_fetch_sub(&inside_bounded, 1);
        MUST(pyt_bounded_semaphore_release(&bounded));
    }
}

static void give_to_main(void) {
    atomic_fetch_add(&given_to_main, 1);
    MUST(pyt_semaphore_release(&for_main));
    if (below(4) == 0) {
        MUST(pyt_interrupt_main());
    }
}

static void check_semaphores(void) {
    printf("     semaphore taken %ld times, bounded %ld\n", atomic_load(&semaphore_taken),
           atomic_load(&bounded_taken));
    expect("permits of the semaphore", pyt_semaphore_value(&semaphore), permits);
    expect("permits of the bounded semaphore", pyt_bounded_semaphore_value(&bounded), permits);
    expect("permits the main thread took under interrupts, was given", atomic_load(&taken_by_main),
           atomic_load(&given_to_main));
    expect("permits left for the main thread", pyt_semaphore_value(&for_main), 0);
}

/* ---- Event: a request is answered by whoever comes next, or withdrawn ------------------------ */

typedef struct request {
    pyt_event answered;
} request;

enum {
    place_count = 2
};

static _Atomic(request *) places[place_count];
static atomic_long requests, answers, withdrawals;

static void use_event(void) {
    request mine = {PYT_EVENT_INIT};
    _Atomic(request *) *place = &places[below(place_count)];
    atomic_fetch_add(&requests, 1);
    request *other = atomic_exchange(place, &mine);
    if (other != NULL) {
        atomic_fetch_add(&answers, 1);
        MUST(pyt_event_set(&other->answered));
    }
    pyt_status status = pyt_event_wait_timeout(&mine.answered, some_time());
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status == PYT_TIMEOUT) {
        request *expected = &mine;
        if (atomic_compare_exchange_strong(place, &expected, NULL)) {
            atomic_fetch_add(&withdrawals, 1);
            return;
        }
        MUST(pyt_event_wait(&mine.answered));
    }
    NEVER(!pyt_event_is_set(&mine.answered));
}

/* A door that opens and shuts: who is inside when it opens gets out, though it shuts at once. */
static pyt_event door;

static void use_door(void) {
    if (below(3) > 0) {
        pyt_status status = pyt_event_wait_timeout(&door, some_time());
        NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    } else {
        MUST(pyt_event_set(&door));
        MUST(pyt_event_clear(&door));
    }
}

static void check_events(void) {
    expect("requests, answered or withdrawn", atomic_load(&requests),
           atomic_load(&answers) + atomic_load(&withdrawals));
}

/* ---- Condition: who is notified wakes up, and nobody else ------------------------------------ */

static pyt_condition plain = PYT_CONDITION_INIT;
static long asleep, notified, woken; /* all under plain; `asleep` not counting those notified */

/* Without timeouts every notify has an exact number of sleepers to wake. */
static void notify_some(int n) {
    long count = n < asleep ? n : asleep;
    asleep -= count;
    notified += count;
    MUST(n > 3 ? pyt_condition_notify_all(&plain) : pyt_condition_notify_n(&plain, n));
}

static void use_condition(long limit) {
    MUST(pyt_condition_acquire(&plain));
    if (asleep < limit && below(2) == 0 && !atomic_load(&stop)) {
        asleep++;
        MUST(pyt_condition_wait(&plain));
        woken++;
        NEVER(woken > notified);
    } else {
        notify_some(below(8) == 0 ? 1000000 : 1 + (int)below(3));
    }
    MUST(pyt_condition_release(&plain));
}

/* With timeouts a notify may find fewer, but never wakes more than it says. */
static pyt_lock rough_lock;
static pyt_condition rough;
static long rough_asleep, rough_notified, rough_woken; /* under rough_lock */

static void use_rough_condition(void) {
    MUST(pyt_condition_acquire(&rough));
    if (below(3) > 0) {
        rough_asleep++;
        pyt_status status = pyt_condition_wait_timeout(&rough, some_time());
        NEVER(status != PYT_OK && status != PYT_TIMEOUT);
        rough_asleep--;
        rough_woken += status == PYT_OK;
        NEVER(rough_woken > rough_notified);
    } else {
        int n = 1 + (int)below(3);
        rough_notified += n < rough_asleep ? n : rough_asleep;
        MUST(pyt_condition_notify_n(&rough, n));
    }
    MUST(pyt_condition_release(&rough));
}

static void check_conditions(void) {
    expect("waiters notified, woken", notified, woken);
    expect("waiters left", asleep, 0);
    printf("     with timeouts: at most %ld notified, %ld woken\n", rough_notified, rough_woken);
}

/* ---- Condition: bounded buffers, every item exactly once ------------------------------------- */

enum {
    buffer_count = 2,
    capacity = 4,
    most_items = 1 << 22
};

static struct buffer {
    pyt_lock lock;
    pyt_condition not_full, not_empty; /* both over the lock */
    uint32_t items[capacity];
    int count, first; /* under the lock */
} buffers[buffer_count];

static _Atomic(unsigned char) seen[most_items];
static _Atomic(uint32_t) items_numbered;
static atomic_long items_put, items_got;

static bool has_room(void *arg) {
    return ((struct buffer *)arg)->count < capacity;
}

static bool has_items(void *arg) {
    return ((struct buffer *)arg)->count > 0;
}

static void put_item(void) {
    struct buffer *it = &buffers[below(buffer_count)];
    MUST(pyt_lock_acquire(&it->lock));
    pyt_status status = pyt_condition_wait_for_timeout(&it->not_full, has_room, it, some_time());
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status == PYT_OK) {
        uint32_t item = atomic_fetch_add(&items_numbered, 1);
        if (item < most_items) {
            it->items[(it->first + it->count++) % capacity] = item;
            atomic_fetch_add(&items_put, 1);
            MUST(pyt_condition_notify(&it->not_empty));
        }
    }
    MUST(pyt_condition_release(&it->not_full));
}

static bool get_item(struct buffer *it, double seconds) {
    MUST(pyt_condition_acquire(&it->not_empty));
    pyt_status status = pyt_condition_wait_for_timeout(&it->not_empty, has_items, it, seconds);
    NEVER(status != PYT_OK && status != PYT_TIMEOUT);
    if (status == PYT_OK) {
        NEVER(it->count < 1 || it->count > capacity);
        uint32_t item = it->items[it->first];
        it->first = (it->first + 1) % capacity;
        it->count--;
        NEVER(atomic_fetch_add(&seen[item], 1) != 0);
        atomic_fetch_add(&items_got, 1);
        MUST(pyt_condition_notify(&it->not_full));
    }
    MUST(pyt_condition_release(&it->not_empty));
    return status == PYT_OK;
}

static void check_buffers(void) {
    for (int i = 0; i < buffer_count; i++) {
        while (get_item(&buffers[i], 0)) {
        }
    }
    expect("items put, got", atomic_load(&items_put), atomic_load(&items_got));
    long once = 0;
    for (long i = 0; i < atomic_load(&items_put); i++) {
        once += atomic_load(&seen[i]) == 1;
    }
    expect("items got exactly once", once, atomic_load(&items_put));
}

/* ---- Barrier: generations -------------------------------------------------------------------- */

/* Four threads each meet at the end of every turn. The action decides for all whether it was the
 * last one, so that they make the same number of turns. */
enum {
    group_size = 4
};

typedef struct group {
    pyt_barrier barrier;
    bool over;        /* written by the action */
    long generations; /* written by the action */
    atomic_long passed;
    atomic_long indexes;
} group;

static int end_of_turn(void *arg) {
    group *own = arg;
    own->generations++;
    own->over = atomic_load(&stop);
    return 0;
}

static bool meet(group *own) {
    int index = -1;
    MUST(pyt_barrier_wait(&own->barrier, &index));
    atomic_fetch_add(&own->passed, 1);
    atomic_fetch_add(&own->indexes, index);
    return own->over;
}

/* One barrier for all, with timeouts, aborts and resets: whole rounds pass, or nobody. */
static pyt_barrier rough_barrier;
static long rough_rounds; /* written by the action */
static atomic_long rough_passed, rough_indexes;

static int count_round(void *arg) {
    (void)arg;
    rough_rounds++;
    return 0;
}

static void use_rough_barrier(void) {
    int index = -1;
    unsigned luck = below(64);
    if (luck == 0) {
        MUST(pyt_barrier_abort(&rough_barrier));
    } else if (luck < 8 || pyt_barrier_broken(&rough_barrier)) {
        MUST(pyt_barrier_reset(&rough_barrier));
    } else {
        pyt_status status = pyt_barrier_wait_timeout(&rough_barrier, some_time(), &index);
        NEVER(status != PYT_OK && status != PYT_BROKEN_BARRIER);
        if (status == PYT_OK) {
            atomic_fetch_add(&rough_passed, 1);
            atomic_fetch_add(&rough_indexes, index);
        }
    }
}

static void check_barriers(const group *groups, int count) {
    long generations = 0, members = 0, indexes = 0;
    for (int i = 0; i < count; i++) {
        generations += groups[i].generations;
        members += atomic_load(&groups[i].passed);
        indexes += atomic_load(&groups[i].indexes);
    }
    expect("members passed, generations times four", members, generations * group_size);
    expect("indexes, generations times 0 + 1 + 2 + 3", indexes, generations * 6);
    expect("passed the rough barrier, rounds times three", atomic_load(&rough_passed),
           rough_rounds * 3);
    expect("indexes of the rough barrier, rounds times 0 + 1 + 2", atomic_load(&rough_indexes),
           rough_rounds * 3);
}

static bool use_fork(bool may_return);

/* ---- Thread and local ------------------------------------------------------------------------ */

static atomic_long threads_started, threads_ran, threads_raised, hook_calls, raw_started, raw_ran;
static atomic_long constructed, destroyed;

static int construct(void *value) {
    *(long *)value = 1;
    atomic_fetch_add(&constructed, 1);
    return 0;
}

static void destroy(void *value) {
    NEVER(*(long *)value < 1);
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local locals[3] = {
    PYT_LOCAL_INIT(sizeof(long), construct, destroy),
    PYT_LOCAL_INIT(sizeof(long), construct, destroy),
    PYT_LOCAL_INIT(sizeof(long), construct, destroy),
};

static void use_local(void) {
    long *value = pyt_local_get(&locals[below(3)]);
    NEVER(value == NULL);
    if (value != NULL) {
        NEVER(*value < 1);
        ++*value;
    }
}

static void count_hook(const pyt_excepthook_args *args) {
    NEVER(args->code != 3);
    atomic_fetch_add(&hook_calls, 1);
}

static void *run_briefly(void *arg) {
    unsigned *copy = arg;
    use_local();
    use_lock();
    atomic_fetch_add(&threads_ran, 1);
    switch (*copy % 8) {
    case 0:
        atomic_fetch_add(&threads_raised, 1);
        pyt_raise(3, "on purpose");
    case 1:
        pyt_exit();
    default:
        return (void *)(uintptr_t)(*copy + 1);
    }
}

static void run_raw(void *arg) {
    (void)arg;
    if (below(2) == 0) {
        NEVER(pyt_current_thread() == NULL);
    }
    use_local();
    (void)use_fork(true);
    atomic_fetch_add(&raw_ran, 1);
}

static void use_thread(void) {
    unsigned number = below(1000);
    pyt_thread *thread = NULL;
    pyt_status status = pyt_thread_new(&thread, &(pyt_thread_options){.target = run_briefly,
                                                                      .arg = &number,
                                                                      .arg_size = sizeof number,
                                                                      .daemon = PYT_DAEMON_FALSE});
    NEVER(status != PYT_OK);
    if (status != PYT_OK || pyt_thread_start(thread) != PYT_OK) {
        NEVER(status == PYT_OK && strcmp(pyt_error_message(), "can't start new thread") != 0);
        pyt_thread_unref(thread);
        return;
    }
    atomic_fetch_add(&threads_started, 1);
    if (below(3) > 0) {
        while (pyt_thread_join_timeout(thread, some_time()) == PYT_TIMEOUT) {
        }
        void *result = NULL;
        NEVER(pyt_thread_is_alive(thread));
        status = pyt_thread_result(thread, &result);
        NEVER(status != (number % 8 == 0 ? PYT_TASK_ERROR : PYT_OK));
        NEVER(number % 8 > 1 && (uintptr_t)result != number + 1);
    }
    pyt_thread_unref(thread);
}

static void use_raw_thread(void) {
    if (pyt_start_new_thread(run_raw, NULL, NULL) == PYT_OK) {
        atomic_fetch_add(&raw_started, 1);
    }
}

static void use_list(void) {
    pyt_thread *list[256];
    size_t count = pyt_enumerate(list, 256);
    NEVER(count < 2);
    for (size_t i = 0; i < count && i < 256; i++) {
        NEVER(pyt_thread_name(list[i])[0] == '\0');
        pyt_thread_unref(list[i]);
    }
}

static void check_threads(void) {
    expect("threads started, ran", atomic_load(&threads_started), atomic_load(&threads_ran));
    expect("threads that raised, hook calls", atomic_load(&threads_raised),
           atomic_load(&hook_calls));
    expect("raw threads started, ran", atomic_load(&raw_started), atomic_load(&raw_ran));
    expect("threads left", (long long)pyt_active_count(), 1);
    for (int i = 0; i < 3; i++) {
        MUST(pyt_local_delete(&locals[i]));
    }
    expect("locals constructed, destroyed", atomic_load(&constructed), atomic_load(&destroyed));
}

/* ---- Timer ----------------------------------------------------------------------------------- */

static atomic_long timers_started, timers_fired, timers_cancelled;

static void fire(void *arg) {
    use_local();
    if (arg != NULL) {
        atomic_fetch_add((atomic_int *)arg, 1);
    }
    (void)use_fork(true);
    atomic_fetch_add(&timers_fired, 1);
}

static void use_timer(void) {
    atomic_int fired = 0;
    bool drop = below(4) == 0, cancel = !drop && below(2) == 0;
    pyt_thread *timer = NULL;
    MUST(pyt_timer_new(&timer, some_time(), fire, drop ? NULL : (void *)&fired));
    bool early = !drop && below(16) == 0;
    if (early) {
        MUST(pyt_timer_cancel(timer));
    }
    if (pyt_thread_start(timer) == PYT_OK) {
        atomic_fetch_add(&timers_started, 1);
        if (cancel) {
            nap(below(2000));
            MUST(pyt_timer_cancel(timer));
        }
        if (!drop) {
            MUST(pyt_thread_join(timer));
            int times = atomic_load(&fired);
            NEVER(times > 1 || (times == 0 && !cancel && !early) || (times == 1 && early));
            atomic_fetch_add(&timers_cancelled, times == 0);
        }
    }
    pyt_thread_unref(timer);
}

static void check_timers(void) {
    expect("timers started, fired or cancelled", atomic_load(&timers_started),
           atomic_load(&timers_fired) + atomic_load(&timers_cancelled));
}

/* ---- Fork: each child works as a process of its own, and ends in one of many ways ------------ */

#if defined(WITHOUT_FORK)

/* Is the caller a child that shall return from its thread? */
static bool use_fork(bool may_return) {
    (void)may_return;
    return false;
}

static void prepare_forks(double seconds, unsigned patience, int count) {
    (void)seconds;
    (void)patience;
    (void)count;
}

static void check_forks(void) {
}

#else

enum {
    child_tasks = 8,
    child_status = 7
};

typedef enum child_end {
    by_return,
    by_thread_exit,
    by_exit,
    by_exit_of_another,
    child_ends
} child_end;

/* What the children count, in memory that all processes share. */
static struct { atomic_long tasks, timers, late, surprises; } * of_children;

static atomic_long children[child_ends];
static _Atomic(int64_t) next_fork; /* when, in pyt__os_now: they are spread over the run */
static int64_t fork_interval;
static unsigned child_seconds;
static pyt_event child_timer_fired;

static void *run_task_in_child(void *arg) {
    take_a_step();
    atomic_fetch_add(&of_children->tasks, 1);
    return arg;
}

static void fire_in_child(void *arg) {
    (void)arg;
    atomic_fetch_add(&of_children->timers, 1);
    MUST(pyt_event_set(&child_timer_fired));
}

static void *exit_in_child(void *arg) {
    (void)arg;
    exit(child_status);
}

/* The end of the child waits for this thread. It waits for the timer, then some more. */
static void *be_late_in_child(void *arg) {
    pyt_lock *lock = arg;
    MUST(pyt_event_wait(&child_timer_fired));
    pyt_with(lock) {
        use_local();
    }
    nap(below(2000));
    atomic_fetch_add(&of_children->surprises, atomic_load(&surprises));
    atomic_fetch_add(&of_children->late, 1);
    return NULL;
}

static pyt_thread *start_in_child(void *(*target)(void *), void *arg) {
    pyt_thread *thread = NULL;
    MUST(pyt_thread_new(
        &thread, &(pyt_thread_options){.target = target, .arg = arg, .daemon = PYT_DAEMON_FALSE}));
    MUST(pyt_thread_start(thread));
    return thread;
}

/* Nothing but the library's own is sound here: the stress run's locks may be held for ever. */
static void use_all_in_child(void) {
    static pyt_lock lock = PYT_LOCK_INIT;
    pyt_executor *own = NULL;
    pyt_future *future = NULL;
    pyt_thread *timer = NULL;
    void *result = NULL;
    NEVER(pyt_active_count() != 1);
    NEVER(pyt_current_thread() != pyt_main_thread());
    use_local();
    MUST(pyt_executor_new(&own, &(pyt_executor_options){.max_workers = 3}));
    for (int i = 1; i < child_tasks; i++) {
        MUST(pyt_executor_submit(own, run_task_in_child, NULL, NULL));
    }
    MUST(pyt_executor_submit(own, run_task_in_child, own, &future));
    MUST(pyt_timer_new(&timer, some_time(), fire_in_child, NULL));
    MUST(pyt_thread_start(timer));
    pyt_with(&lock) {
        pyt_thread_unref(start_in_child(be_late_in_child, &lock));
        pyt_thread_unref(timer);
    }
    MUST(pyt_future_result(future, &result));
    NEVER(result != own);
    pyt_future_unref(future);
    if (below(2) == 0) {
        MUST(pyt_executor_shutdown(own, below(2) == 0, false));
        pyt_executor_free(own);
    }
}

/* Returns whether the caller shall return from its thread. */
static bool be_a_child(child_end end, long number) {
    alarm(child_seconds);
    chance_state ^= (uint64_t)number + 1;
    atomic_store(&surprises, 0);
    use_all_in_child();
    if (end == by_exit) {
        exit(child_status);
    }
    if (end == by_exit_of_another) {
        pyt_thread *thread = start_in_child(exit_in_child, NULL);
        MUST(pyt_thread_join(thread));
    } else if (end == by_thread_exit) {
        pyt__os_thread_exit();
    }
    return true;
}

static bool use_fork(bool may_return) {
    int64_t due = atomic_load(&next_fork);
    int64_t now = pyt__os_now();
    int status = 0;
    if (now < due || !atomic_compare_exchange_strong(&next_fork, &due, now + fork_interval)) {
        return false;
    }
    child_end end = may_return ? (child_end)below(child_ends) : by_exit;
    long number = atomic_fetch_add(&children[end], 1);
    pid_t pid = fork();
    if (pid == 0) {
        return be_a_child(end, number);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    surprise(pid < 0, "no fork");
    NEVER(pid > 0 && !WIFEXITED(status));
    NEVER(WIFEXITED(status) && WEXITSTATUS(status) != (end >= by_exit ? child_status : 0));
    return false;
}

static void prepare_forks(double seconds, unsigned patience, int count) {
    child_seconds = patience;
    of_children =
        mmap(NULL, sizeof *of_children, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (of_children == MAP_FAILED) {
        abort();
    }
    fork_interval = count > 0 ? (int64_t)(seconds * 1e9 / count) : INT64_MAX / 2;
    atomic_store(&next_fork, pyt__os_now() + fork_interval);
}

static void check_forks(void) {
    long count = 0;
    for (int i = 0; i < child_ends; i++) {
        count += atomic_load(&children[i]);
    }
    printf("     children: %ld return, %ld leave, %ld exit, %ld in another thread\n",
           atomic_load(&children[by_return]), atomic_load(&children[by_thread_exit]),
           atomic_load(&children[by_exit]), atomic_load(&children[by_exit_of_another]));
    expect("tasks of children, run", count * child_tasks, atomic_load(&of_children->tasks));
    expect("timers of children, fired", count, atomic_load(&of_children->timers));
    expect("threads that children end with", count, atomic_load(&of_children->late));
    expect("surprises in children", atomic_load(&of_children->surprises), 0);
}

#endif

/* ---- Queues: every item is got exactly once -------------------------------------------------- */

static pyt_queue narrow_queue, priority_queue;
static pyt_simple_queue simple_queue;
static atomic_long queued, unqueued, queued_sum, unqueued_sum, next_item;

static int by_value(const void *one, const void *other) {
    long a = *(const long *)one;
    long b = *(const long *)other;
    return (a > b) - (a < b);
}

static void note_put(pyt_status status, long item) {
    NEVER(status != PYT_OK && status != PYT_TIMEOUT && status != PYT_QUEUE_FULL);
    if (status == PYT_OK) {
        atomic_fetch_add(&queued, 1);
        atomic_fetch_add(&queued_sum, item);
    }
}

static void note_got(pyt_status status, long item) {
    NEVER(status != PYT_OK && status != PYT_TIMEOUT && status != PYT_QUEUE_EMPTY);
    if (status == PYT_OK) {
        atomic_fetch_add(&unqueued, 1);
        atomic_fetch_add(&unqueued_sum, item);
    }
}

static void use_queue(void) {
    pyt_queue *queue = below(2) ? &narrow_queue : &priority_queue;
    long item = atomic_fetch_add(&next_item, 1);
    if (below(2)) {
        note_put(pyt_queue_put_timeout(queue, &item, some_time()), item);
    } else {
        item = -1;
        pyt_status status = pyt_queue_get_timeout(queue, &item, some_time());
        NEVER(status == PYT_OK && item < 0);
        note_got(status, item);
        if (status == PYT_OK) {
            MUST(pyt_queue_task_done(queue));
        }
    }
}

static void use_simple_queue(void) {
    long item = atomic_fetch_add(&next_item, 1);
    if (below(2)) {
        note_put(pyt_simple_queue_put(&simple_queue, &item), item);
    } else {
        item = -1;
        pyt_status status = pyt_simple_queue_get_timeout(&simple_queue, &item, some_time());
        NEVER(status == PYT_OK && item < 0);
        note_got(status, item);
    }
}

static void check_queues(void) {
    long item = 0;
    while (pyt_queue_get_nowait(&narrow_queue, &item) == PYT_OK) {
        note_got(PYT_OK, item);
        MUST(pyt_queue_task_done(&narrow_queue));
    }
    while (pyt_queue_get_nowait(&priority_queue, &item) == PYT_OK) {
        note_got(PYT_OK, item);
        MUST(pyt_queue_task_done(&priority_queue));
    }
    while (pyt_simple_queue_get_nowait(&simple_queue, &item) == PYT_OK) {
        note_got(PYT_OK, item);
    }
    expect("items queued and got", atomic_load(&queued), atomic_load(&unqueued));
    expect("and they are the same", atomic_load(&queued_sum), atomic_load(&unqueued_sum));
    MUST(pyt_queue_join(&narrow_queue));
    MUST(pyt_queue_join(&priority_queue));
    MUST(pyt_queue_destroy(&narrow_queue));
    MUST(pyt_queue_destroy(&priority_queue));
    MUST(pyt_simple_queue_destroy(&simple_queue));
}

/* ---- Executor and pool: every task runs or is cancelled -------------------------------------- */

static pyt_executor *executor;
static pyt_pool *pool;
static atomic_long tasks_submitted, tasks_ran, tasks_cancelled, pool_items, pool_items_done;

static void *run_task(void *arg) {
    take_a_step();
    (void)use_fork(false); /* a child's worker would wait for work */
    atomic_fetch_add(&tasks_ran, 1);
    return arg;
}

static void use_executor(void) {
    MUST(pyt_executor_submit(executor, run_task, &tasks_ran, NULL));
    atomic_fetch_add(&tasks_submitted, 1);
}

/* As use_executor, with an eye on the future. */
static void use_future(void) {
    pyt_future *future = NULL;
    void *result = NULL;
    MUST(pyt_executor_submit(executor, run_task, &tasks_ran, &future));
    atomic_fetch_add(&tasks_submitted, 1);
    bool cancelled = below(4) == 0 && pyt_future_cancel(future) == PYT_OK;
    atomic_fetch_add(&tasks_cancelled, cancelled);
    pyt_status status = pyt_future_result_timeout(future, some_time(), &result);
    NEVER(cancelled && status != PYT_CANCELLED);
    NEVER(!cancelled && status != PYT_OK && status != PYT_TIMEOUT);
    NEVER(status == PYT_OK && result != &tasks_ran);
    pyt_future_unref(future);
}

static void double_item(void *item, void *result) {
    *(int *)result = *(int *)item * 2;
    atomic_fetch_add(&pool_items_done, 1);
}

static void use_pool(void) {
    int items[16];
    int results[16] = {0};
    size_t n = 1 + below(16);
    for (size_t i = 0; i < n; i++) {
        items[i] = (int)i + 1;
    }
    MUST(pyt_pool_map(pool,
                      &(pyt_pool_work){.function = double_item,
                                       .items = items,
                                       .item_size = sizeof items[0],
                                       .n = n,
                                       .results = results,
                                       .result_size = sizeof results[0],
                                       .chunksize = (long)below(4)},
                      NULL));
    atomic_fetch_add(&pool_items, (long)n);
    for (size_t i = 0; i < n; i++) {
        NEVER(results[i] != 2 * items[i]);
    }
}

/* The main thread may still be interrupted. */
static void end_executor_and_pool(void) {
    while (pyt_executor_shutdown(executor, true, false) == PYT_INTERRUPTED) {
    }
    pyt_executor_free(executor);
    MUST(pyt_pool_close(pool));
    while (pyt_pool_join(pool) == PYT_INTERRUPTED) {
    }
    pyt_pool_free(pool);
}

static void check_executor_and_pool(void) {
    expect("tasks that ran or were cancelled", atomic_load(&tasks_submitted),
           atomic_load(&tasks_ran) + atomic_load(&tasks_cancelled));
    expect("items of the pool's maps", atomic_load(&pool_items), atomic_load(&pool_items_done));
}

/* ---- the run --------------------------------------------------------------------------------- */

typedef struct worker {
    group *own;
    uint64_t seed;
    long limit; /* of sleepers without a timeout: half of the groups go on without them */
    long turns;
} worker;

static void use_what_is_built_on_them(void) {
    switch (below(4)) {
    case 0:
        use_queue();
        break;
    case 1:
        use_simple_queue();
        break;
    case 2:
        use_executor();
        use_future();
        break;
    default:
        use_pool();
    }
}

/* Returns whether the caller is a child of fork now, and shall return from its thread. */
static bool do_something(const worker *self) {
    if (below(5) == 0) {
        use_what_is_built_on_them();
        return use_fork(true);
    }
    switch (below(16)) {
    case 0:
    case 1:
        use_lock();
        break;
    case 2:
        use_rlock();
        break;
    case 3:
        use_semaphore();
        break;
    case 4:
        use_bounded();
        break;
    case 5:
        use_event();
        break;
    case 6:
        use_door();
        break;
    case 7:
        use_condition(self->limit);
        break;
    case 8:
        use_rough_condition();
        break;
    case 9:
        put_item();
        break;
    case 10:
        (void)get_item(&buffers[below(buffer_count)], some_time());
        break;
    case 11:
        use_rough_barrier();
        break;
    case 12:
        use_timer();
        break;
    case 13:
        use_thread();
        break;
    case 14:
        use_local();
        give_to_main();
        break;
    default:
        use_list();
        use_raw_thread();
        break;
    }
    return false;
}

static void *work(void *arg) {
    worker *self = arg;
    chance_state = self->seed;
    do {
        for (unsigned i = 1 + below(10); i > 0; i--) {
            if (do_something(self)) {
                return NULL;
            }
            self->turns++;
        }
    } while (!meet(self->own));
    return NULL;
}

/* The main thread takes permits and is interrupted, until the time is over. Returns how often. */
static long be_interrupted_until(int64_t end) {
    long interrupts = 0;
    while (pyt__os_now() < end) {
        (void)(below(32) == 0 && use_fork(false));
        pyt_status status = pyt_semaphore_acquire_timeout(&for_main, some_time());
        NEVER(status != PYT_OK && status != PYT_TIMEOUT && status != PYT_INTERRUPTED);
        taken_by_main += status == PYT_OK;
        interrupts += status == PYT_INTERRUPTED;
    }
    return interrupts;
}

/* Nobody wakes the last sleepers but the main thread. It may still be interrupted. */
static void join_workers(pyt_thread **threads, int count) {
    for (int i = 0; i < count; i++) {
        pyt_status status;
        do {
            pyt_with(&plain) {
                notify_some(1000000);
            }
            status = pyt_thread_join_timeout(threads[i], 0.001);
        } while (status == PYT_TIMEOUT || status == PYT_INTERRUPTED);
        MUST(status);
        pyt_thread_unref(threads[i]);
    }
    end_executor_and_pool();
    while (pyt_active_count() > 1 || atomic_load(&raw_ran) != atomic_load(&raw_started)) {
        nap(1000);
    }
}

static void prepare(group *groups, int count) {
    MUST(pyt_condition_init_lock(&rough, &rough_lock));
    MUST(pyt_barrier_init(&rough_barrier, 3, &(pyt_barrier_options){.action = count_round}));
    for (int i = 0; i < buffer_count; i++) {
        MUST(pyt_condition_init_lock(&buffers[i].not_full, &buffers[i].lock));
        MUST(pyt_condition_init_lock(&buffers[i].not_empty, &buffers[i].lock));
    }
    for (int i = 0; i < count; i++) {
        MUST(pyt_barrier_init(&groups[i].barrier, group_size,
                              &(pyt_barrier_options){.action = end_of_turn, .arg = &groups[i]}));
    }
    MUST(pyt_queue_init(&narrow_queue, sizeof(long), 4));
    MUST(pyt_priority_queue_init(&priority_queue, sizeof(long), 0, by_value));
    MUST(pyt_simple_queue_init(&simple_queue, sizeof(long)));
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 6}));
    MUST(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 3}));
    pyt_set_excepthook(count_hook);
}

static long start_and_join(group *groups, int count, double seconds, uint64_t seed) {
    worker *workers = calloc((size_t)count, sizeof *workers);
    pyt_thread **threads = calloc((size_t)count, sizeof *threads);
    if (workers == NULL || threads == NULL) {
        abort();
    }
    int64_t end = pyt__os_now() + (int64_t)(seconds * 1e9);
    for (int i = 0; i < count; i++) {
        workers[i] =
            (worker){&groups[i / group_size],
                     (seed + (uint64_t)i + 1) * UINT64_C(0xD1342543DE82EF95) | 1, count / 2, 0};
        if (pyt_thread_new(&threads[i],
                           &(pyt_thread_options){.target = work, .arg = &workers[i]}) != PYT_OK ||
            pyt_thread_start(threads[i]) != PYT_OK) {
            printf("FAIL no room for %d threads\n0 passed, 1 failed\n", count);
            exit(1);
        }
    }
    long interrupts = be_interrupted_until(end);
    atomic_store(&stop, true);
    join_workers(threads, count);
    printf("     main thread interrupted %ld times\n", interrupts);
    long turns = 0;
    for (int i = 0; i < count; i++) {
        turns += workers[i].turns;
    }
    free(threads);
    free(workers);
    return turns;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? atof(argv[1]) : 5;
    int count = argc > 2 ? atoi(argv[2]) : 64;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);
    const char *slow = getenv("TEST_SLOW");
    count = count < group_size ? group_size : count / group_size * group_size;
    group *groups = calloc((size_t)(count / group_size), sizeof *groups);
    if (groups == NULL) {
        abort();
    }
    printf("%g seconds, %d threads, seed %llu, backend %s\n", seconds, count,
           (unsigned long long)seed, PYT_BACKEND);
    fflush(stdout);
    unsigned patience = (unsigned)(60 * (slow != NULL && atof(slow) > 1 ? atof(slow) : 1));
    give_up_after((unsigned)(seconds * 2) + patience);
    atomic_store(&next_seed, seed);
    prepare(groups, count / group_size);
    prepare_forks(seconds, patience, argc > 4 ? atoi(argv[4]) : 0);
    long turns = start_and_join(groups, count, seconds, seed);
    while (pyt_semaphore_acquire_nowait(&for_main) == PYT_OK) {
        taken_by_main++;
    }
    printf("     %ld turns\n", turns);
    check_locks();
    check_semaphores();
    check_events();
    check_conditions();
    check_buffers();
    check_barriers(groups, count / group_size);
    check_timers();
    check_forks();
    check_queues();
    check_executor_and_pool();
    check_threads();
    if (atomic_load(&surprises) > 0) {
        printf("     first: %s\n", atomic_load(&first_surprise));
    }
    expect("surprises", atomic_load(&surprises), 0);
    printf("%d passed, %d failed\n", passed, failed);
    free(groups);
    return failed > 0;
}
