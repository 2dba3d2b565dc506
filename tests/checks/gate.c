/* What the fast paths cost, for the check "gate", which compares it with tests/checks/gate.txt:
 * under callgrind, one dump for each operation, with its name, of the instructions and the locked
 * operations that REPEATS of them take in the calling thread. Both are counted, not timed: the same
 * program gives the same numbers on every x86-64 processor, however busy it is.
 *
 * Each operation is done GATE_TIMES times where once would do: a build with 2 shows that the check
 * notices a fast path that has become twice as long. */
#define _GNU_SOURCE
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <valgrind/callgrind.h>

#ifndef GATE_TIMES
#define GATE_TIMES 1
#endif

#define REPEATS 1000 /* as the check knows */

static long failures;

static void must(pyt_status status) {
    failures += status != PYT_OK;
}

/* The compiler may not know what the object is by now, nor keep anything of it in registers. */
#define HIDDEN(object) ((__typeof__(object))hide(object))

static inline void *hide(void *object) {
    __asm__ volatile("" : "+r"(object) : : "memory");
    return object;
}

/* An operation: a loop around what follows, once for each time it is to be done. */
#define OPERATION(name)                                               \
    static inline void once_##name(void);                             \
    __attribute__((noinline, aligned(64))) static void name(long n) { \
        for (long i = 0; i < n; i++) {                                \
            once_##name();                                            \
        }                                                             \
    }                                                                 \
    static inline __attribute__((always_inline)) void once_##name(void)

/* ---- the library ---- */

static pyt_lock lock;
static pyt_rlock rlock;
static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
static pyt_event event;
static pyt_condition condition;
static pyt_local local = PYT_LOCAL_INIT(sizeof(long), NULL, NULL);
static pyt_queue queue;
static pyt_simple_queue simple_queue;
static pyt_scheduler scheduler;
static pyt_executor *executor;
static pyt_event blocked, unblock;
static long item = 7;

OPERATION(do_lock) {
    must(pyt_lock_acquire(HIDDEN(&lock)));
    must(pyt_lock_release(HIDDEN(&lock)));
}

OPERATION(do_with) {
    pyt_with(HIDDEN(&lock)) {
        item++;
    }
}

OPERATION(do_rlock) {
    must(pyt_rlock_acquire(HIDDEN(&rlock)));
    must(pyt_rlock_release(HIDDEN(&rlock)));
}

OPERATION(do_semaphore) {
    must(pyt_semaphore_acquire(HIDDEN(&semaphore)));
    must(pyt_semaphore_release(HIDDEN(&semaphore)));
}

OPERATION(do_bounded) {
    must(pyt_bounded_semaphore_acquire(HIDDEN(&bounded)));
    must(pyt_bounded_semaphore_release(HIDDEN(&bounded)));
}

OPERATION(do_event_is_set) {
    failures += !pyt_event_is_set(HIDDEN(&event));
}

OPERATION(do_event_set) {
    must(pyt_event_set(HIDDEN(&event)));
}

OPERATION(do_event_wait) {
    must(pyt_event_wait(HIDDEN(&event)));
}

OPERATION(do_notify) {
    must(pyt_condition_notify(HIDDEN(&condition)));
}

OPERATION(do_local) {
    failures += pyt_local_get(HIDDEN(&local)) == NULL;
}

OPERATION(do_queue) {
    must(pyt_queue_put(HIDDEN(&queue), &item));
    must(pyt_queue_get(HIDDEN(&queue), &item));
}

OPERATION(do_simple_queue) {
    must(pyt_simple_queue_put(HIDDEN(&simple_queue), &item));
    must(pyt_simple_queue_get(HIDDEN(&simple_queue), &item));
}

static void never(void *arg) {
    (void)arg;
    failures++;
}

OPERATION(do_scheduler) {
    pyt_sched_event entered;
    must(pyt_scheduler_enter(HIDDEN(&scheduler), 1000, 0, never, NULL, &entered));
    must(pyt_scheduler_cancel(HIDDEN(&scheduler), &entered));
}

/* Not the first to be due: so the service sleeps all the time. */
OPERATION(do_timer) {
    pyt_thread *timer = NULL;
    must(pyt_timer_new(&timer, 1000, never, NULL));
    must(pyt_thread_start(timer));
    must(pyt_timer_cancel(timer));
    pyt_thread_unref(timer);
}

OPERATION(do_future) {
    pyt_future *future = NULL;
    void *result = NULL;
    must(pyt_future_new(&future));
    must(pyt_future_set_result(future, &item));
    must(pyt_future_result(future, &result));
    failures += result != &item;
    pyt_future_unref(future);
}

static void *task(void *arg) {
    return arg;
}

static void *block(void *arg) {
    must(pyt_event_set(&blocked));
    must(pyt_event_wait(&unblock));
    return arg;
}

/* The submitter's part: the one worker is busy elsewhere. */
OPERATION(do_submit) {
    pyt_future *future = NULL;
    must(pyt_executor_submit(executor, task, NULL, &future));
    pyt_future_unref(future);
}

/* ---- the rows ---- */

static void hold_rlock(void) {
    must(pyt_rlock_acquire(&rlock));
}

static void drop_rlock(void) {
    must(pyt_rlock_release(&rlock));
}

static void hold_condition(void) {
    must(pyt_condition_acquire(&condition));
}

static void drop_condition(void) {
    must(pyt_condition_release(&condition));
}

static void block_executor(void) {
    must(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}));
    must(pyt_executor_submit(executor, block, NULL, NULL));
    must(pyt_event_wait(&blocked));
}

static void end_executor(void) {
    must(pyt_event_set(&unblock));
    pyt_executor_free(executor);
}

static const struct {
    const char *name;
    void (*operation)(long n);
    void (*begin)(void); /* may be NULL, and `end` with it */
    void (*end)(void);
} rows[] = {
    {"lock", do_lock, NULL, NULL},
    {"with", do_with, NULL, NULL},
    {"rlock", do_rlock, NULL, NULL},
    {"rlock_nested", do_rlock, hold_rlock, drop_rlock},
    {"semaphore", do_semaphore, NULL, NULL},
    {"bounded_semaphore", do_bounded, NULL, NULL},
    {"event_is_set", do_event_is_set, NULL, NULL},
    {"event_set", do_event_set, NULL, NULL},
    {"event_wait", do_event_wait, NULL, NULL},
    {"condition_notify", do_notify, hold_condition, drop_condition},
    {"local_get", do_local, NULL, NULL},
    {"queue", do_queue, NULL, NULL},
    {"simple_queue", do_simple_queue, NULL, NULL},
    {"scheduler", do_scheduler, NULL, NULL},
    {"timer", do_timer, NULL, NULL},
    {"future", do_future, NULL, NULL},
    {"executor_submit", do_submit, block_executor, end_executor},
};

enum {
    ROWS = sizeof rows / sizeof rows[0]
};

static void count_row(size_t row) {
    rows[row].operation(REPEATS / 10); /* what is made at the first time */
    CALLGRIND_ZERO_STATS;
    rows[row].operation(REPEATS * GATE_TIMES);
    CALLGRIND_DUMP_STATS_AT(rows[row].name);
}

/* There is always a second thread, which sleeps: some C libraries leave out their atomic operations
 * while a process has one. The first timer has it: its service. */
int main(void) {
    pyt_thread *first = NULL;
    must(pyt_timer_new(&first, 500, never, NULL));
    must(pyt_thread_start(first));
    must(pyt_event_set(&event));
    must(pyt_queue_init(&queue, sizeof item, 0));
    must(pyt_simple_queue_init(&simple_queue, sizeof item));
    must(pyt_scheduler_init(&scheduler, NULL));
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].begin != NULL) {
            rows[i].begin();
        }
        count_row(i);
        if (rows[i].end != NULL) {
            rows[i].end();
        }
    }
    must(pyt_timer_cancel(first));
    pyt_thread_unref(first);
    must(pyt_queue_destroy(&queue));
    must(pyt_simple_queue_destroy(&simple_queue));
    must(pyt_scheduler_destroy(&scheduler));
    if (failures != 0) {
        printf("FAIL %ld calls\n", failures);
    }
    return failures != 0;
}
