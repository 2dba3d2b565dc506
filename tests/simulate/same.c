/* The same seed takes the same steps: twice in one process, and, which `make check-simulate`
 * compares by PYTHREADING_TRACE, in programs of other compilers, levels and C libraries. */
#include "simulate.h"

enum {
    ITEMS = 3,
    RUNS = 10
};

/* Something of everything: what is waited for, timed and handed over. */
typedef struct works {
    pyt_condition changed;
    pyt_semaphore slots;
    pyt_event stop;
    pyt_queue queue;
    int done; /* under the condition's lock */
} works;

static void count_one(works *all) {
    pyt_with(&all->changed) {
        all->done++;
        MUST(pyt_condition_notify_all(&all->changed));
    }
}

static void *consume(void *arg) {
    works *all = arg;
    int item = 0;
    while (pyt_queue_get(&all->queue, &item) == PYT_OK) {
        MUST(pyt_semaphore_acquire(&all->slots));
        count_one(all);
        MUST(pyt_semaphore_release(&all->slots));
    }
    return NULL;
}

static void ring(void *arg) {
    works *all = arg;
    MUST(pyt_event_set(&all->stop));
}

static void *square(void *arg) {
    return arg;
}

static bool all_done(void *arg) {
    return ((works *)arg)->done == ITEMS;
}

static void work(void *arg) {
    works all = {.changed = PYT_CONDITION_INIT, .slots = PYT_SEMAPHORE_INIT(1)};
    pyt_thread *timer, *consumers[2];
    pyt_executor *executor;
    pyt_future *future;
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 1));
    MUST(pyt_timer_new(&timer, 0.25, ring, &all));
    MUST(pyt_thread_start(timer));
    for (int i = 0; i < 2; i++) {
        consumers[i] = simulate_start("consumer", consume, &all);
    }
    for (int i = 0; i < ITEMS; i++) {
        MUST(pyt_queue_put(&all.queue, &i));
    }
    pyt_with(&all.changed) {
        MUST(pyt_condition_wait_for(&all.changed, all_done, &all));
    }
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 2}));
    MUST(pyt_executor_submit(executor, square, &all, &future));
    MUST(pyt_future_result(future, NULL));
    pyt_future_unref(future);
    pyt_executor_free(executor);
    while (pyt_event_wait_timeout(&all.stop, 0.1) == PYT_TIMEOUT) {
    }
    MUST(pyt_queue_shutdown(&all.queue, false));
    simulate_join(timer);
    simulate_join(consumers[0]);
    simulate_join(consumers[1]);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(the_same_seed_takes_the_same_steps, 60) {
    for (int again = 0; again < 2; again++) {
        CHECK_STATUS(pyt_simulate(&(pyt_simulate_options){.runs = RUNS, .seed = 11}, work, NULL),
                     PYT_OK);
    }
}
