/* As primitives.c, for threads, timers, queues, schedulers, futures, executors and pools. */
#include "simulate.h"

/* ---- Thread ---- */

static void *give_back(void *arg) {
    return arg;
}

static void *join_it(void *arg) {
    void *result = NULL;
    MUST(pyt_thread_join(arg));
    MUST(pyt_thread_result(arg, &result));
    PYT_CHECK(result == NULL);
    return NULL;
}

static void two_join_a_third(void *arg) {
    (void)arg;
    pyt_thread *joined = simulate_start("joined", give_back, NULL);
    pyt_thread *joiner = simulate_start("joiner", join_it, joined);
    MUST(pyt_thread_join(joined));
    PYT_CHECK(!pyt_thread_is_alive(joined));
    simulate_join(joiner);
    pyt_thread_unref(joined);
    PYT_CHECK(pyt_active_count() == 1);
}

TEST_LIMIT(thread_joined_by_two, 60) {
    simulate_all(two_join_a_third, NULL, 1);
}

static void joined_or_timeout(void *arg) {
    (void)arg;
    pyt_thread *thread = simulate_start("joined", give_back, NULL);
    pyt_status status = pyt_thread_join_timeout(thread, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_TIMEOUT);
    PYT_CHECK(status == PYT_TIMEOUT || !pyt_thread_is_alive(thread));
    simulate_join(thread);
}

TEST_LIMIT(thread_ends_when_the_time_is_up, 60) {
    simulate_all(joined_or_timeout, NULL, 2);
}

/* ---- Timer ---- */

typedef struct alarms {
    int fired;
} alarms;

static void fire(void *arg) {
    alarms *all = arg;
    all->fired++;
}

/* Cancelled before, after, or while its function is called: that is called once, or not at all,
 * and not after the join. */
static void fired_or_cancelled(void *arg) {
    alarms all = {0};
    pyt_thread *timer = NULL;
    (void)arg;
    MUST(pyt_timer_new(&timer, 1, fire, &all));
    MUST(pyt_thread_start(timer));
    MUST(pyt_sleep(1));
    MUST(pyt_timer_cancel(timer));
    MUST(pyt_thread_join(timer));
    int fired = all.fired;
    PYT_CHECK(fired == 0 || fired == 1);
    pyt_step();
    PYT_CHECK(all.fired == fired);
    pyt_thread_unref(timer);
}

TEST_LIMIT(timer_cancelled_when_it_is_due, 60) {
    simulate_all(fired_or_cancelled, NULL, 1);
}

/* The second is due earlier: the service must be told, or time would pass it by. */
static void second_is_first(void *arg) {
    alarms first = {0};
    alarms second = {0};
    pyt_thread *late = NULL;
    pyt_thread *early = NULL;
    (void)arg;
    MUST(pyt_timer_new(&late, 100, fire, &first));
    MUST(pyt_timer_new(&early, 1, fire, &second));
    MUST(pyt_thread_start(late));
    MUST(pyt_thread_start(early));
    MUST(pyt_thread_join(early));
    PYT_CHECK(second.fired == 1);
    MUST(pyt_timer_cancel(late));
    MUST(pyt_thread_join(late));
    PYT_CHECK(first.fired <= 1);
    pyt_thread_unref(early);
    pyt_thread_unref(late);
}

TEST_LIMIT(timer_due_before_another, 60) {
    simulate_all(second_is_first, NULL, 1);
}

static void run_timer(alarms *all) {
    pyt_thread *timer = NULL;
    MUST(pyt_timer_new(&timer, 1, fire, all));
    MUST(pyt_thread_start(timer));
    MUST(pyt_thread_join(timer));
    pyt_thread_unref(timer);
}

/* Due while it is cancelled only if time passes early. */
static void cancelled_at_once(void *arg) {
    alarms all = {0};
    pyt_thread *timer = NULL;
    (void)arg;
    MUST(pyt_timer_new(&timer, 1, fire, &all));
    MUST(pyt_thread_start(timer));
    MUST(pyt_timer_cancel(timer));
    MUST(pyt_thread_join(timer));
    PYT_CHECK(all.fired <= 1);
    pyt_thread_unref(timer);
}

TEST_LIMIT(timer_cancelled_at_once, 60) {
    simulate_all(cancelled_at_once, NULL, 2);
}

/* The second starts when the service has nothing left to do, and is about to sleep. */
static void one_then_another(void *arg) {
    alarms all = {0};
    (void)arg;
    run_timer(&all);
    run_timer(&all);
    PYT_CHECK(all.fired == 2);
}

TEST_LIMIT(timer_after_another, 60) {
    simulate_all(one_then_another, NULL, 1);
}

/* ---- Queue ---- */

typedef struct belt {
    pyt_queue queue;
    pyt_simple_queue simple;
    int got; /* the sum of what one thread took */
    pyt_event over;
    bool is_over;
} belt;

static void *put_two(void *arg) {
    belt *all = arg;
    MUST(pyt_queue_put(&all->queue, &(int){1}));
    MUST(pyt_queue_put(&all->queue, &(int){2}));
    return NULL;
}

static int take(belt *all) {
    int item = 0;
    MUST(pyt_queue_get(&all->queue, &item));
    return item;
}

static void one_to_one(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 1));
    pyt_thread *producer = simulate_start("producer", put_two, &all);
    PYT_CHECK(take(&all) == 1);
    PYT_CHECK(take(&all) == 2);
    simulate_join(producer);
    PYT_CHECK(pyt_queue_empty(&all.queue));
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_of_one_between_two_threads, 60) {
    simulate_all(one_to_one, NULL, 2);
}

static void *take_one(void *arg) {
    belt *all = arg;
    int item = take(all);
    PYT_CHECK(item == 1 || item == 2);
    all->got += item;
    return NULL;
}

static void two_getters(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 0));
    pyt_thread *one = simulate_start("one", take_one, &all);
    pyt_thread *two = simulate_start("two", take_one, &all);
    put_two(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.got == 3);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_with_two_getters, 60) {
    simulate_all(two_getters, NULL, 1);
}

static void *put_one(void *arg) {
    belt *all = arg;
    MUST(pyt_queue_put(&all->queue, &(int){1}));
    return NULL;
}

static void *take_three(void *arg) {
    belt *all = arg;
    PYT_CHECK(take(all) + take(all) + take(all) == 3);
    return NULL;
}

static void two_putters_and_a_getter(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 1));
    put_one(&all);
    pyt_thread *putter = simulate_start("putter", put_one, &all);
    pyt_thread *getter = simulate_start("getter", take_three, &all);
    put_one(&all);
    simulate_join(putter);
    simulate_join(getter);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_with_two_putters, 60) {
    simulate_all(two_putters_and_a_getter, NULL, 1);
}

static void *take_in_time(void *arg) {
    belt *all = arg;
    int item = 0;
    pyt_status status = pyt_queue_get_timeout(&all->queue, &item, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_QUEUE_EMPTY);
    PYT_CHECK((status == PYT_OK) == (item == 1));
    all->got += item;
    MUST(pyt_event_wait(&all->over));
    PYT_CHECK(all->is_over);
    return NULL;
}

/* An item that comes when the time is up is taken, or still there. */
static void item_or_timeout(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 0));
    pyt_thread *getter = simulate_start("getter", take_in_time, &all);
    MUST(pyt_sleep(1));
    put_one(&all);
    all.is_over = true;
    MUST(pyt_event_set(&all.over));
    simulate_join(getter);
    PYT_CHECK((size_t)all.got + pyt_queue_qsize(&all.queue) == 1);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_put_when_the_time_is_up, 60) {
    simulate_all(item_or_timeout, NULL, 2);
}

static void *take_all(void *arg) {
    belt *all = arg;
    int item = 0;
    while (pyt_queue_get(&all->queue, &item) == PYT_OK) {
        all->got += item;
        MUST(pyt_queue_task_done(&all->queue));
    }
    return NULL;
}

/* Everything that was put before is got and done before the queue says that it is shut down. */
static void joined_and_shut_down(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 0));
    pyt_thread *getter = simulate_start("getter", take_all, &all);
    put_two(&all);
    MUST(pyt_queue_join(&all.queue));
    PYT_CHECK(all.got == 3);
    MUST(pyt_queue_shutdown(&all.queue, false));
    simulate_join(getter);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_joined_and_shut_down, 60) {
    simulate_all(joined_and_shut_down, NULL, 2);
}

static void *shut_down(void *arg) {
    belt *all = arg;
    MUST(pyt_queue_shutdown(&all->queue, false));
    return NULL;
}

static void *try_to_put(void *arg) {
    belt *all = arg;
    for (int i = 0; i < 2; i++) {
        pyt_status status = pyt_queue_put(&all->queue, &(int){1});
        PYT_CHECK(status == PYT_OK || status == PYT_QUEUE_SHUT_DOWN);
        all->got += status == PYT_OK;
    }
    return NULL;
}

/* Who puts into a full queue is woken by its end; what was put is there. */
static void shut_down_while_full(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_queue_init(&all.queue, sizeof(int), 1));
    pyt_thread *putter = simulate_start("putter", try_to_put, &all);
    pyt_thread *closer = simulate_start("closer", shut_down, &all);
    simulate_join(putter);
    simulate_join(closer);
    PYT_CHECK(pyt_queue_qsize(&all.queue) == (size_t)all.got && all.got <= 1);
    MUST(pyt_queue_destroy(&all.queue));
}

TEST_LIMIT(queue_shut_down_while_full, 60) {
    simulate_all(shut_down_while_full, NULL, 1);
}

/* ---- SimpleQueue ---- */

static void *simple_put(void *arg) {
    belt *all = arg;
    MUST(pyt_simple_queue_put(&all->simple, &(int){1}));
    return NULL;
}

static void *simple_get(void *arg) {
    belt *all = arg;
    int item = 0;
    MUST(pyt_simple_queue_get(&all->simple, &item));
    PYT_CHECK(item == 1);
    return NULL;
}

static void simple_two_getters(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_simple_queue_init(&all.simple, sizeof(int)));
    pyt_thread *one = simulate_start("one", simple_get, &all);
    pyt_thread *two = simulate_start("two", simple_get, &all);
    simple_put(&all);
    simple_put(&all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(pyt_simple_queue_empty(&all.simple));
    MUST(pyt_simple_queue_destroy(&all.simple));
}

TEST_LIMIT(simple_queue_with_two_getters, 60) {
    simulate_all(simple_two_getters, NULL, 1);
}

static void simple_one_to_one(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_simple_queue_init(&all.simple, sizeof(int)));
    pyt_thread *getter = simulate_start("getter", simple_get, &all);
    simple_put(&all);
    simulate_join(getter);
    MUST(pyt_simple_queue_destroy(&all.simple));
}

TEST_LIMIT(simple_queue_between_two_threads, 60) {
    simulate_all(simple_one_to_one, NULL, 2);
}

static void *simple_in_time(void *arg) {
    belt *all = arg;
    int item = 0;
    pyt_status status = pyt_simple_queue_get_timeout(&all->simple, &item, 1);
    PYT_CHECK(status == PYT_OK || status == PYT_QUEUE_EMPTY);
    all->got += item;
    MUST(pyt_event_wait(&all->over));
    PYT_CHECK(all->is_over);
    return NULL;
}

static void simple_or_timeout(void *arg) {
    belt all = {.got = 0};
    (void)arg;
    MUST(pyt_simple_queue_init(&all.simple, sizeof(int)));
    pyt_thread *getter = simulate_start("getter", simple_in_time, &all);
    MUST(pyt_sleep(1));
    simple_put(&all);
    all.is_over = true;
    MUST(pyt_event_set(&all.over));
    simulate_join(getter);
    PYT_CHECK((size_t)all.got + pyt_simple_queue_qsize(&all.simple) == 1);
    MUST(pyt_simple_queue_destroy(&all.simple));
}

TEST_LIMIT(simple_queue_put_when_the_time_is_up, 60) {
    simulate_all(simple_or_timeout, NULL, 2);
}

/* Items so large that a segment has room for four: the fifth needs another one, and the getter
 * leaves the first behind. */
typedef struct parcel {
    int number;
    char padding[1020];
} parcel;

static void *send_parcels(void *arg) {
    pyt_simple_queue *queue = arg;
    for (int i = 0; i < 9; i++) {
        parcel item = {i, ""};
        MUST(pyt_simple_queue_put(queue, &item));
    }
    return NULL;
}

static void parcels_in_order(void *arg) {
    pyt_simple_queue queue;
    (void)arg;
    MUST(pyt_simple_queue_init(&queue, sizeof(parcel)));
    pyt_thread *sender = simulate_start("sender", send_parcels, &queue);
    for (int i = 0; i < 9; i++) {
        parcel item = {-1, ""};
        MUST(pyt_simple_queue_get(&queue, &item));
        PYT_CHECK(item.number == i);
    }
    simulate_join(sender);
    MUST(pyt_simple_queue_destroy(&queue));
}

TEST_LIMIT(simple_queue_of_many_segments, 60) {
    simulate_all(parcels_in_order, NULL, 1);
}

/* ---- sched ---- */

typedef struct agenda {
    pyt_scheduler scheduler;
    int ran;
} agenda;

static void note(void *arg) {
    agenda *all = arg;
    all->ran++;
}

static void *enter_earlier(void *arg) {
    agenda *all = arg;
    pyt_sched_event event;
    MUST(pyt_scheduler_enter(&all->scheduler, 1, 0, note, all, &event));
    return NULL;
}

/* An event entered by another thread is run by the run that goes on, or still there. */
static void entered_while_running(void *arg) {
    agenda all = {.ran = 0};
    pyt_sched_event event;
    (void)arg;
    MUST(pyt_scheduler_init(&all.scheduler, NULL));
    MUST(pyt_scheduler_enter(&all.scheduler, 2, 0, note, &all, &event));
    pyt_thread *other = simulate_start("other", enter_earlier, &all);
    MUST(pyt_scheduler_run(&all.scheduler));
    simulate_join(other);
    PYT_CHECK(all.ran == (pyt_scheduler_empty(&all.scheduler) ? 2 : 1));
    MUST(pyt_scheduler_run(&all.scheduler));
    PYT_CHECK(all.ran == 2);
    MUST(pyt_scheduler_destroy(&all.scheduler));
}

TEST_LIMIT(scheduler_entered_while_it_runs, 60) {
    simulate_all(entered_while_running, NULL, 2);
}

/* ---- Future ---- */

typedef struct promise {
    pyt_future *future;
    int called; /* callbacks */
    int won;    /* calls that completed it */
} promise;

static void count_call(pyt_future *future, void *arg) {
    promise *all = arg;
    PYT_CHECK(pyt_future_done(future));
    all->called++;
}

static void *complete(void *arg) {
    promise *all = arg;
    pyt_status status = pyt_future_set_result(all->future, arg);
    PYT_CHECK(status == PYT_OK || status == PYT_INVALID_STATE);
    all->won += status == PYT_OK;
    return NULL;
}

static void *cancel(void *arg) {
    promise *all = arg;
    pyt_status status = pyt_future_cancel(all->future);
    PYT_CHECK(status == PYT_OK || status == PYT_INVALID_STATE);
    all->won += status == PYT_OK;
    return NULL;
}

/* One of them wins; a callback is called once; who waits learns who won. */
static void completed_or_cancelled(void *arg) {
    promise all = {NULL, 0, 0};
    void *value = NULL;
    (void)arg;
    MUST(pyt_future_new(&all.future));
    pyt_thread *one = simulate_start("completer", complete, &all);
    pyt_thread *two = simulate_start("canceller", cancel, &all);
    MUST(pyt_future_add_done_callback(all.future, count_call, &all));
    pyt_status status = pyt_future_result(all.future, &value);
    PYT_CHECK(status == (pyt_future_cancelled(all.future) ? PYT_CANCELLED : PYT_OK));
    PYT_CHECK(status == PYT_CANCELLED || value == &all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.won == 1 && all.called == 1);
    pyt_future_unref(all.future);
}

TEST_LIMIT(future_completed_and_cancelled, 60) {
    simulate_all(completed_or_cancelled, NULL, 1);
}

/* Whoever waits for the first of two futures sees one that is done; for both, both. */
static void first_of_two(void *arg) {
    promise one = {NULL, 0, 0};
    promise two = {NULL, 0, 0};
    bool done[2] = {false, false};
    size_t n_done = 0;
    (void)arg;
    MUST(pyt_future_new(&one.future));
    MUST(pyt_future_new(&two.future));
    pyt_future *futures[] = {one.future, two.future};
    pyt_thread *first = simulate_start("first", complete, &one);
    pyt_thread *second = simulate_start("second", complete, &two);
    MUST(pyt_wait(futures, 2, PYT_FIRST_COMPLETED, done, &n_done));
    PYT_CHECK(n_done >= 1 && n_done == (size_t)done[0] + (size_t)done[1]);
    MUST(pyt_wait(futures, 2, PYT_ALL_COMPLETED, done, &n_done));
    PYT_CHECK(n_done == 2);
    simulate_join(first);
    simulate_join(second);
    pyt_future_unref(one.future);
    pyt_future_unref(two.future);
}

TEST_LIMIT(future_first_of_two, 60) {
    simulate_all(first_of_two, NULL, 1);
}

static void as_they_complete(void *arg) {
    promise one = {NULL, 0, 0};
    promise two = {NULL, 0, 0};
    pyt_as_completed iterator;
    pyt_future *next[2] = {NULL, NULL};
    (void)arg;
    MUST(pyt_future_new(&one.future));
    MUST(pyt_future_new(&two.future));
    MUST(pyt_as_completed_init(&iterator, (pyt_future *[]){one.future, two.future}, 2));
    pyt_thread *first = simulate_start("first", complete, &one);
    complete(&two);
    MUST(pyt_as_completed_next(&iterator, &next[0]));
    MUST(pyt_as_completed_next(&iterator, &next[1]));
    PYT_CHECK(next[0] != next[1]);
    PYT_CHECK(pyt_future_done(one.future) && pyt_future_done(two.future));
    PYT_CHECK(pyt_as_completed_next(&iterator, &next[0]) == PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&iterator);
    simulate_join(first);
    pyt_future_unref(one.future);
    pyt_future_unref(two.future);
}

TEST_LIMIT(future_as_completed, 60) {
    simulate_all(as_they_complete, NULL, 2);
}

/* ---- Executor ---- */

static void *task(void *arg) {
    int *runs = arg;
    ++*runs;
    return arg;
}

/* A worker that has just gone to sleep, or is about to, takes the second task. */
static void two_tasks(void *arg) {
    int runs[2] = {0, 0};
    pyt_executor *executor = NULL;
    pyt_future *future = NULL;
    void *value = NULL;
    (void)arg;
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}));
    MUST(pyt_executor_submit(executor, task, &runs[0], NULL));
    MUST(pyt_executor_submit(executor, task, &runs[1], &future));
    MUST(pyt_future_result(future, &value));
    PYT_CHECK(value == &runs[1] && runs[0] == 1 && runs[1] == 1);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

TEST_LIMIT(executor_of_one_worker, 60) {
    simulate_all(two_tasks, NULL, 2);
}

/* A task that is cancelled does not run; one that runs cannot be cancelled. */
static void task_cancelled(void *arg) {
    int runs = 0;
    pyt_executor *executor = NULL;
    pyt_future *future = NULL;
    (void)arg;
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 1}));
    MUST(pyt_executor_submit(executor, task, &runs, &future));
    bool cancelled = pyt_future_cancel(future) == PYT_OK;
    MUST(pyt_executor_shutdown(executor, true, false));
    PYT_CHECK(runs == (cancelled ? 0 : 1));
    PYT_CHECK(pyt_future_cancelled(future) == cancelled);
    pyt_future_unref(future);
    pyt_executor_free(executor);
}

TEST_LIMIT(executor_task_cancelled, 60) {
    simulate_all(task_cancelled, NULL, 2);
}

typedef struct office {
    pyt_executor *executor;
    int runs;
    int accepted;
} office;

static void *submit_one(void *arg) {
    office *all = arg;
    pyt_status status = pyt_executor_submit(all->executor, task, &all->runs, NULL);
    PYT_CHECK(status == PYT_OK || status == PYT_RUNTIME_ERROR);
    all->accepted += status == PYT_OK;
    return NULL;
}

/* What was accepted before a shutdown has run after it. */
static void submitted_or_shut_down(void *arg) {
    office all = {NULL, 0, 0};
    (void)arg;
    MUST(pyt_executor_new(&all.executor, &(pyt_executor_options){.max_workers = 1}));
    pyt_thread *client = simulate_start("client", submit_one, &all);
    MUST(pyt_executor_shutdown(all.executor, true, false));
    simulate_join(client);
    PYT_CHECK(all.runs == all.accepted);
    pyt_executor_free(all.executor);
}

TEST_LIMIT(executor_shut_down_while_submitting, 60) {
    simulate_all(submitted_or_shut_down, NULL, 2);
}

static void two_workers(void *arg) {
    int runs[2] = {0, 0};
    pyt_executor *executor = NULL;
    (void)arg;
    MUST(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 2}));
    MUST(pyt_executor_submit(executor, task, &runs[0], NULL));
    MUST(pyt_executor_submit(executor, task, &runs[1], NULL));
    pyt_executor_free(executor);
    PYT_CHECK(runs[0] == 1 && runs[1] == 1);
}

TEST_LIMIT(executor_of_two_workers, 60) {
    simulate_all(two_workers, NULL, 1);
}

/* ---- Pool ---- */

static void pool_applies(void *arg) {
    int item = 0;
    void *result = NULL;
    pyt_pool *pool = NULL;
    (void)arg;
    MUST(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 1}));
    MUST(pyt_pool_apply(pool, give_back, &item, &result));
    PYT_CHECK(result == &item);
    MUST(pyt_pool_close(pool));
    MUST(pyt_pool_join(pool));
    pyt_pool_free(pool);
}

TEST_LIMIT(pool_of_one_worker, 60) {
    simulate_all(pool_applies, NULL, 2);
}
