/* The bugs that programs with threads have, each found by simulation, and each program without it.
 * A program is told by its argument whether it is the mended one. */
#include "simulate.h"

static bool mended; /* set before the threads of a program start */

/* ---- two locks taken in different orders ---- */

typedef struct bank {
    pyt_lock a, b;
    int in_a, in_b; /* under their locks */
} bank;

static void *from_a_to_b(void *arg) {
    bank *all = arg;
    pyt_with(&all->a) {
        pyt_with(&all->b) {
            all->in_a--;
            all->in_b++;
        }
    }
    return NULL;
}

static void *from_b_to_a(void *arg) {
    bank *all = arg;
    pyt_with(mended ? &all->a : &all->b) {
        pyt_with(mended ? &all->b : &all->a) {
            all->in_b--;
            all->in_a++;
        }
    }
    return NULL;
}

static void transfers(void *arg) {
    bank all = {PYT_LOCK_INIT, PYT_LOCK_INIT, 100, 100};
    mended = arg != NULL;
    pyt_thread *other = simulate_start("worker", from_b_to_a, &all);
    from_a_to_b(&all);
    simulate_join(other);
    PYT_CHECK(all.in_a == 100 && all.in_b == 100);
}

TEST_LIMIT(locks_taken_in_different_orders, 60) {
    simulate_finds(transfers, (const char *[]){"deadlock", "MainThread", "worker", NULL});
    simulate_all(transfers, "mended", 2);
}

/* ---- a notify that comes before the wait ---- */

typedef struct mail {
    pyt_condition changed;
    int letters; /* under the condition's lock */
} mail;

static void *deliver(void *arg) {
    mail *box = arg;
    pyt_with(&box->changed) {
        box->letters++;
        MUST(pyt_condition_notify(&box->changed));
    }
    return NULL;
}

static void lost_wakeup(void *arg) {
    mail box = {PYT_CONDITION_INIT, 0};
    mended = arg != NULL;
    pyt_thread *postman = simulate_start("postman", deliver, &box);
    pyt_with(&box.changed) {
        while (!mended || box.letters == 0) {
            MUST(pyt_condition_wait(&box.changed));
            if (!mended) {
                break;
            }
        }
        PYT_CHECK(box.letters == 1);
    }
    simulate_join(postman);
}

TEST_LIMIT(a_notify_before_the_wait, 60) {
    simulate_finds(lost_wakeup, (const char *[]){"deadlock", "MainThread", "condition", NULL});
    simulate_all(lost_wakeup, "mended", 2);
}

/* ---- `if` in the place of `while` around a wait ---- */

static void *take_letter(void *arg) {
    mail *box = arg;
    pyt_with(&box->changed) {
        if (!mended && box->letters == 0) {
            MUST(pyt_condition_wait(&box->changed));
        }
        while (mended && box->letters == 0) {
            MUST(pyt_condition_wait(&box->changed));
        }
        PYT_CHECK(box->letters > 0);
        box->letters--;
    }
    return NULL;
}

static void two_for_one_letter(void *arg) {
    mail box = {PYT_CONDITION_INIT, 0};
    mended = arg != NULL;
    pyt_thread *one = simulate_start("reader-1", take_letter, &box);
    pyt_thread *other = simulate_start("reader-2", take_letter, &box);
    for (int i = 0; i < 2; i++) {
        pyt_with(&box.changed) {
            box.letters++;
            MUST(pyt_condition_notify_all(&box.changed));
        }
    }
    simulate_join(one);
    simulate_join(other);
    PYT_CHECK(box.letters == 0);
}

TEST_LIMIT(an_if_around_a_wait, 60) {
    simulate_finds(two_for_one_letter,
                   (const char *[]){"box->letters > 0", "bugs.c:", "reader-", NULL});
    simulate_all(two_for_one_letter, "mended", 1);
}

/* ---- a semaphore released too late ---- */

typedef struct fetch {
    pyt_semaphore slots;
    pyt_event fetched;
} fetch;

/* Needs what the other one fetches. */
static void *use_it(void *arg) {
    fetch *all = arg;
    MUST(pyt_semaphore_acquire(&all->slots));
    if (mended) {
        MUST(pyt_semaphore_release(&all->slots));
        MUST(pyt_event_wait(&all->fetched));
        return NULL;
    }
    MUST(pyt_event_wait(&all->fetched));
    MUST(pyt_semaphore_release(&all->slots));
    return NULL;
}

static void *fetch_it(void *arg) {
    fetch *all = arg;
    MUST(pyt_semaphore_acquire(&all->slots));
    MUST(pyt_semaphore_release(&all->slots));
    MUST(pyt_event_set(&all->fetched));
    return NULL;
}

static void late_release(void *arg) {
    fetch all = {PYT_SEMAPHORE_INIT(1), PYT_EVENT_INIT};
    mended = arg != NULL;
    pyt_thread *fetcher = simulate_start("fetcher", fetch_it, &all);
    use_it(&all);
    simulate_join(fetcher);
    PYT_CHECK(pyt_semaphore_value(&all.slots) == 1);
}

TEST_LIMIT(a_semaphore_released_too_late, 60) {
    simulate_finds(late_release, (const char *[]){"deadlock", "MainThread", "fetcher", "semaphore",
                                                  "event", NULL});
    simulate_all(late_release, "mended", 2);
}

/* ---- a barrier of the wrong number ---- */

typedef struct meeting {
    pyt_barrier barrier;
    int results[2];
} meeting;

static void meet(meeting *all, int number) {
    all->results[number] = number + 1;
    MUST(pyt_barrier_wait(&all->barrier, NULL));
    PYT_CHECK(all->results[0] == 1 && all->results[1] == 2);
}

static void *meet_from_below(void *arg) {
    meet(arg, 1);
    return NULL;
}

/* A barrier of one, for two, keeps nobody waiting. */
static void wrong_number(void *arg) {
    meeting all = {PYT_BARRIER_INIT(1), {0, 0}};
    mended = arg != NULL;
    MUST(pyt_barrier_init(&all.barrier, mended ? 2 : 1, NULL));
    pyt_thread *other = simulate_start("worker", meet_from_below, &all);
    meet(&all, 0);
    simulate_join(other);
}

TEST_LIMIT(a_barrier_of_too_few, 60) {
    simulate_finds(wrong_number, (const char *[]){"all->results[0] == 1", "bugs.c:", NULL});
    simulate_all(wrong_number, "mended", 2);
}

/* At a barrier of one too many all wait for somebody who does not exist. */
static void one_too_many(void *arg) {
    meeting all = {PYT_BARRIER_INIT(3), {0, 0}};
    mended = arg != NULL;
    pyt_thread *other = simulate_start("worker", meet_from_below, &all);
    meet(&all, 0);
    simulate_join(other);
}

TEST_LIMIT(a_barrier_of_too_many, 60) {
    simulate_finds(one_too_many, (const char *[]){"deadlock", "worker", "barrier", NULL});
}

/* ---- a double-checked flag without a lock ---- */

typedef struct config {
    pyt_lock lock;
    bool made;
    int value; /* once made */
} config;

static void make_value(config *all) {
    pyt_with(&all->lock) {
        if (!all->made) {
            all->made = true;
            pyt_step();
            all->value = 42;
        }
    }
}

static void *read_value(void *arg) {
    config *all = arg;
    pyt_step();
    if (mended || !all->made) {
        make_value(all);
    }
    pyt_step();
    PYT_CHECK(all->value == 42);
    return NULL;
}

static void double_check(void *arg) {
    config all = {PYT_LOCK_INIT, false, 0};
    mended = arg != NULL;
    pyt_thread *other = simulate_start("reader", read_value, &all);
    read_value(&all);
    simulate_join(other);
}

TEST_LIMIT(a_double_checked_flag_without_a_lock, 60) {
    simulate_finds(double_check, (const char *[]){"all->value == 42", "bugs.c:", "reader", NULL});
    simulate_all(double_check, "mended", 2);
}

/* ---- a queue that was not empty a moment ago ---- */

typedef struct jobs {
    pyt_queue queue;
    pyt_semaphore taken; /* counts */
} jobs;

static void *work_off(void *arg) {
    jobs *all = arg;
    int job = 0;
    while (!pyt_queue_empty(&all->queue)) {
        pyt_status status =
            mended ? pyt_queue_get_nowait(&all->queue, &job) : pyt_queue_get(&all->queue, &job);
        PYT_CHECK(status == PYT_OK || (mended && status == PYT_QUEUE_EMPTY));
        if (status == PYT_OK) {
            MUST(pyt_semaphore_release(&all->taken));
        }
    }
    return NULL;
}

static void check_then_act(void *arg) {
    jobs all = {.taken = PYT_SEMAPHORE_INIT(0)};
    mended = arg != NULL;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 0));
    MUST(pyt_queue_put(&all.queue, &(int){1}));
    pyt_thread *other = simulate_start("worker", work_off, &all);
    work_off(&all);
    simulate_join(other);
    PYT_CHECK(pyt_semaphore_value(&all.taken) == 1);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(a_queue_that_was_not_empty_a_moment_ago, 60) {
    simulate_finds(check_then_act, (const char *[]){"deadlock", "worker", "queue", NULL});
    simulate_all(check_then_act, "mended", 2);
}

/* ---- a timer cancelled while it fires ---- */

typedef struct session {
    bool open;
    int warnings;
} session;

static void warn(void *arg) {
    session *all = arg;
    pyt_step();
    PYT_CHECK(all->open);
    all->warnings++;
}

static void late_cancel(void *arg) {
    session all = {true, 0};
    pyt_thread *timer = NULL;
    mended = arg != NULL;
    MUST(pyt_timer_new(&timer, 60, warn, &all));
    MUST(pyt_thread_start(timer));
    MUST(pyt_sleep(60));
    MUST(pyt_timer_cancel(timer));
    if (mended) {
        MUST(pyt_thread_join(timer));
    }
    all.open = false;
    MUST(pyt_thread_join(timer));
    pyt_thread_unref(timer);
}

TEST_LIMIT(a_timer_cancelled_while_it_fires, 60) {
    simulate_finds(late_cancel, (const char *[]){"all->open", "bugs.c:", NULL});
    simulate_all(late_cancel, "mended", 1);
}

/* ---- a future waited for by its own worker ---- */

static pyt_executor *executor;

static void *half(void *arg) {
    return arg;
}

static void *whole(void *arg) {
    void *value = NULL;
    if (mended) {
        return half(arg);
    }
    pyt_future *future = NULL;
    MUST(pyt_executor_submit(executor, half, arg, &future));
    PYT_CHECK(pyt_future_result(future, &value) == PYT_OK);
    pyt_future_unref(future);
    return value;
}

static void own_worker(void *arg) {
    void *value = NULL;
    pyt_future *future = NULL;
    mended = arg != NULL;
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}));
    MUST(pyt_executor_submit(executor, whole, &value, &future));
    MUST(pyt_future_result(future, &value));
    PYT_CHECK(value == &value);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

TEST_LIMIT(a_future_waited_for_by_its_own_worker, 60) {
    simulate_finds(own_worker, (const char *[]){"pyt_future_result(future, &value) == PYT_OK",
                                                "bugs.c:", NULL});
    simulate_all(own_worker, "mended", 2);
}
