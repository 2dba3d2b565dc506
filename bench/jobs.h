/* The jobs of a subject, from its calls. Before it is included, the subject says what it has, and
 * there are the objects and calls of it:
 *
 *     HAS_LOCK       lock; acquire, release
 *     HAS_MONITOR    monitor, a lock with two conditions; calls
 *     HAS_RLOCK      rlock; rlock_acquire, rlock_release
 *     HAS_SEMAPHORE  semaphore, pong; semaphore_acquire, semaphore_release, and with HAS_TIMED
 *                    semaphore_acquire_timed, with a timeout that is far away
 *     HAS_EVENT      event, event_pong; event_set, event_clear, event_wait, event_is_set
 *     HAS_FLAG       the same by hand, over a struct `pair` with a monitor, and pair_init
 *     HAS_BARRIER    barrier; barrier_wait
 *     HAS_QUEUE      queue; queue_put, queue_get; with HAS_QUEUE_PINGPONG, which is enough alone,
 *                    queue_pong as well
 *     HAS_SIMPLE_QUEUE  simple_queue; simple_queue_put, simple_queue_get
 *     HAS_THREAD     start_join, which starts a thread that does nothing and waits for its end
 *     HAS_TIMER      timer, which starts and cancels one; timer_wait, which adds one that waits for
 *                    as many seconds; both return failed calls
 *
 * `setup` and `setup_queues`, which make the objects as new, stand behind it, as they make `shared`
 * new, too. For most there is a list of the lines in the subject's table. */
#ifndef BENCH_JOBS_H
#define BENCH_JOBS_H

#include "loops.h"

static bench_shared shared;

#ifdef HAS_LOCK
BENCH_JOB long lock_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&lock, count, acquire, release);
}

BENCH_JOB long contended_job(int me, int threads, long count) {
    (void)threads;
    return bench_contend(&lock, &shared, me, count, 0, acquire, release);
}

BENCH_JOB long contended_work_job(int me, int threads, long count) {
    (void)threads;
    return bench_contend(&lock, &shared, me, count, BENCH_WORK_OUTSIDE, acquire, release);
}

BENCH_JOB long fair_job(int me, int threads, long count) {
    (void)threads;
    return bench_fair(&lock, &shared, me, count, acquire, release);
}

#define BENCH_CONTENDED_LINES(label)                                        \
    BENCH_LINE(BENCH_CONTENDED, label, setup, contended_job),               \
        BENCH_LINE(BENCH_CONTENDED_WORK, label, setup, contended_work_job), \
        BENCH_LINE(BENCH_FAIR, label, setup, fair_job),                     \
        BENCH_LINE(BENCH_FAIR_LONGEST, label, setup, fair_job)

#define BENCH_LOCK_LINES(label)                     \
    BENCH_LINE(BENCH_LOCK, label, setup, lock_job), \
        BENCH_LINE(BENCH_LOCK_WITH, label, setup, lock_job), BENCH_CONTENDED_LINES(label)
#endif

#ifdef HAS_MONITOR
BENCH_JOB long condition_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_condition_pingpong(&calls, calls.wait, &monitor, &shared, me, count);
}

BENCH_JOB long condition_timed_job(int me, int threads, long count) {
    (void)threads;
    return bench_condition_pingpong(&calls, calls.wait_timed, &monitor, &shared, me, count);
}

BENCH_JOB long notify_job(int me, int threads, long count) {
    return bench_notify(&calls, &monitor, &shared, me, threads, count);
}

BENCH_JOB long notify_all_job(int me, int threads, long count) {
    return bench_notify_all(&calls, &monitor, &shared, me, threads, count);
}

BENCH_JOB long jobs_monitor_job(int me, int threads, long count) {
    (void)threads;
    return bench_jobs(&calls, &monitor, &shared, me, count);
}

#define BENCH_MONITOR_LINES(label)                                                  \
    BENCH_LINE(BENCH_JOBS_MONITOR, label, setup, jobs_monitor_job),                 \
        BENCH_LINE(BENCH_CONDITION_PINGPONG, label, setup, condition_pingpong_job), \
        BENCH_LINE(BENCH_CONDITION_TIMED, label, setup, condition_timed_job),       \
        BENCH_LINE(BENCH_NOTIFY, label, setup, notify_job),                         \
        BENCH_LINE(BENCH_NOTIFY_ALL, label, setup, notify_all_job)
#endif

#ifdef HAS_RLOCK
BENCH_JOB long rlock_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&rlock, count, rlock_acquire, rlock_release);
}

BENCH_JOB long nested_lock_job(int me, int threads, long count) {
    long failures = rlock_acquire(&rlock) != 0;
    failures += rlock_job(me, threads, count);
    return failures + (rlock_release(&rlock) != 0);
}

#define BENCH_RLOCK_LINES(label)                      \
    BENCH_LINE(BENCH_RLOCK, label, setup, rlock_job), \
        BENCH_LINE(BENCH_RLOCK_NESTED, label, setup, nested_lock_job)
#endif

#ifdef HAS_SEMAPHORE
BENCH_JOB long semaphore_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&semaphore, count, semaphore_release, semaphore_acquire);
}

BENCH_JOB long semaphore_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_pingpong(&semaphore, &pong, &shared, me, count, semaphore_release,
                          semaphore_acquire);
}

#define BENCH_SEMAPHORE_LINES(label)                          \
    BENCH_LINE(BENCH_SEMAPHORE, label, setup, semaphore_job), \
        BENCH_LINE(BENCH_SEMAPHORE_PINGPONG, label, setup, semaphore_pingpong_job)

#ifdef HAS_TIMED
BENCH_JOB long semaphore_timed_job(int me, int threads, long count) {
    (void)threads;
    return bench_pingpong(&semaphore, &pong, &shared, me, count, semaphore_release,
                          semaphore_acquire_timed);
}
#endif
#endif

#ifdef HAS_FLAG
typedef struct flagged {
    pair monitor;
    bool flag;
} flagged;

static BENCH_ALIGNED flagged event;
static BENCH_ALIGNED flagged event_pong;

static int event_set(void *object) {
    flagged *e = (flagged *)object;
    return bench_put_flag(&calls, &e->monitor, &e->flag, true);
}

static int event_clear(void *object) {
    flagged *e = (flagged *)object;
    return bench_put_flag(&calls, &e->monitor, &e->flag, false);
}

static int event_is_set(void *object) {
    flagged *e = (flagged *)object;
    return bench_get_flag(&calls, &e->monitor, &e->flag);
}

static int event_wait(void *object) {
    flagged *e = (flagged *)object;
    return bench_wait_flag(&calls, &e->monitor, &e->flag);
}

static void setup_event(int threads) {
    (void)threads;
    shared.turn = 0;
    event.flag = event_pong.flag = false;
    pair_init(&event.monitor);
    pair_init(&event_pong.monitor);
}
#endif

#if defined(HAS_EVENT) || defined(HAS_FLAG)
BENCH_JOB long event_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_pair(&event, count, event_set, event_clear);
}

BENCH_JOB long event_is_set_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(&event, count, event_is_set);
}

BENCH_JOB long event_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_event_pingpong(&event, &event_pong, &shared, me, count, event_set, event_wait,
                                event_clear);
}

#define BENCH_EVENT_LINES(label, make)                                 \
    BENCH_LINE(BENCH_EVENT, label, make, event_job),                   \
        BENCH_LINE(BENCH_EVENT_IS_SET, label, make, event_is_set_job), \
        BENCH_LINE(BENCH_EVENT_PINGPONG, label, make, event_pingpong_job)
#endif

#ifdef HAS_BARRIER
BENCH_JOB long barrier_job(int me, int threads, long count) {
    return bench_meet(&barrier, 0, me, threads, count, barrier_wait);
}
#endif

#ifdef HAS_QUEUE
BENCH_JOB long queue_job(int me, int threads, long count) {
    return bench_items(&queue, me, threads, count, queue_put, queue_get);
}

BENCH_JOB long jobs_queue_job(int me, int threads, long count) {
    return bench_queue_jobs(&queue, me, threads, count, queue_put, queue_get);
}

#define BENCH_QUEUE_LINE(label)                              \
    BENCH_LINE(BENCH_QUEUE, label, setup_queues, queue_job), \
        BENCH_LINE(BENCH_JOBS_QUEUE, label, setup_queues, jobs_queue_job)
#endif

#ifdef HAS_QUEUE_PINGPONG
static int give_item(void *object) {
    return queue_put(object, object);
}

static int take_item(void *object) {
    void *item = NULL;
    return queue_get(object, &item) | (item != object);
}

BENCH_JOB long queue_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_pingpong(&queue, &queue_pong, &shared, me, count, give_item, take_item);
}

#define BENCH_QUEUE_PINGPONG_LINE(label) \
    BENCH_LINE(BENCH_QUEUE_PINGPONG, label, setup_queues, queue_pingpong_job)
#endif

#ifdef HAS_SIMPLE_QUEUE
BENCH_JOB long simple_queue_job(int me, int threads, long count) {
    return bench_items(&simple_queue, me, threads, count, simple_queue_put, simple_queue_get);
}

#define BENCH_SIMPLE_QUEUE_LINE(label) \
    BENCH_LINE(BENCH_SIMPLE_QUEUE, label, setup_queues, simple_queue_job)
#endif

#ifdef HAS_THREAD
BENCH_JOB long thread_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(NULL, count, start_join);
}
#endif

#ifdef HAS_TIMER
/* Between half an hour and one and a half, in no order. */
static long wait_for_timers(long count) {
    long failures = 0;
    unsigned long random = 1;
    for (long i = 0; i < count && failures == 0; i++) {
        random = random * 6364136223846793005UL + 1442695040888963407UL;
        failures += timer_wait(1800 + 3600 * ((double)(random >> 40) / (double)(1UL << 24)));
    }
    return failures;
}

/* Those that wait meanwhile are made by the first run, and kept. */
BENCH_JOB long timer_job(int me, int threads, long count) {
    static bool made, cannot;
    (void)me, (void)threads;
    if (!made) {
        made = true;
        cannot = wait_for_timers(bench_running.size) != 0;
    }
    return cannot ? BENCH_CANNOT : bench_single(NULL, count, timer);
}
#endif

#endif
