/* What is particular to the build without threads (PYTHREADING_DUMMY); empty in any other. */
#define _GNU_SOURCE
#include "test.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

#if defined(PYTHREADING_DUMMY)

static int steps[8];
static int taken;

static void step(int what) {
    steps[taken++] = what;
}

static void *inner(void *arg) {
    step(2);
    CHECK(pyt_thread_is_alive(pyt_current_thread()));
    CHECK_INT(pyt_active_count(), 3);
    return arg;
}

static void *outer(void *arg) {
    pyt_thread *self = pyt_current_thread();
    step(1);
    CHECK(self != pyt_main_thread());
    CHECK_INT(pyt_get_ident(), pyt_thread_ident(self));
    test_join(test_thread(inner, NULL));
    CHECK(pyt_current_thread() == self);
    step(3);
    return arg;
}

TEST(without_threads_start_runs_the_target_to_its_end) {
    int result = 0;
    void *got = NULL;
    pyt_thread *thread = test_thread(outer, &result);
    step(4);
    CHECK(!pyt_thread_is_alive(thread));
    CHECK(pyt_current_thread() == pyt_main_thread());
    CHECK_STATUS(pyt_thread_result(thread, &got), PYT_OK);
    CHECK(got == &result);
    test_join(thread);
    CHECK_INT(taken, 4);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(steps[i], i + 1);
    }
}

static void *raise_something(void *arg) {
    (void)arg;
    pyt_raise(3, "no use");
}

static void keep_quiet(const pyt_excepthook_args *args) {
    step(args->code);
}

TEST(without_threads_a_target_that_raises_ends_and_its_starter_goes_on) {
    pyt_set_excepthook(keep_quiet);
    pyt_thread *thread = test_thread(raise_something, NULL);
    CHECK_INT(steps[0], 3);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "no use");
    test_join(thread);
}

TEST(without_threads_a_blocking_acquire_of_a_lock_always_succeeds) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire(&lock), PYT_OK);
    CHECK(pyt_lock_locked(&lock));
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&lock), PYT_RUNTIME_ERROR);
}

TEST(without_threads_an_acquire_that_does_not_block_tells_the_truth) {
    pyt_lock lock = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_nowait(&lock), PYT_TIMEOUT);
    double start = test_now();
    CHECK_STATUS(pyt_lock_acquire_timeout(&lock, 0.05), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.05, 1.0);
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

TEST(without_threads_a_wait_that_nobody_can_end_is_reported) {
    static const char sentence[] = "without threads nobody can end this wait";
    pyt_event event = PYT_EVENT_INIT;
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    pyt_condition condition = PYT_CONDITION_INIT;
    pyt_barrier barrier = PYT_BARRIER_INIT(2);
    CHECK_STATUS(pyt_event_wait(&event), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), sentence);
    CHECK_STATUS(pyt_semaphore_acquire(&semaphore), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
    CHECK_STATUS(pyt_condition_acquire(&condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait(&condition), PYT_RUNTIME_ERROR);
    CHECK_STR(pyt_error_message(), sentence);
    CHECK_STATUS(pyt_condition_wait_for(&condition, never, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_condition_release(&condition), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_barrier_n_waiting(&barrier), 0);
    CHECK(!pyt_barrier_broken(&barrier));
}

TEST(without_threads_a_timed_wait_lets_the_time_pass) {
    pyt_event event = PYT_EVENT_INIT;
    double start = test_now();
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0.05), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.05, 1.0);
}

static void fire(void *arg) {
    *(int *)arg += 1;
}

TEST(without_threads_a_timer_is_waited_for_by_who_starts_it) {
    pyt_thread *timer;
    int fired = 0;
    double start = test_now();
    CHECK_STATUS(pyt_timer_new(&timer, 0.05, fire, &fired), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.05, 1.0);
    CHECK_INT(fired, 1);
    test_join(timer);
    CHECK_STATUS(pyt_timer_new(&timer, 1000, fire, &fired), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_INT(fired, 1);
    test_join(timer);
}

static void nothing(int signal) {
    (void)signal;
}

TEST(without_threads_a_signal_does_not_end_the_wait_of_a_timer) {
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval every = {{0, 1000}, {0, 1000}};
    pyt_thread *timer;
    int fired = 0;
    double start = test_now();
    CHECK_INT(sigaction(SIGALRM, &action, NULL), 0);
    CHECK_INT(setitimer(ITIMER_REAL, &every, NULL), 0);
    CHECK_STATUS(pyt_timer_new(&timer, 0.1, fire, &fired), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.1, 1.0);
    CHECK_INT(fired, 1);
    test_join(timer);
}

TEST(without_threads_a_block_over_a_semaphore_of_0_runs_and_leaves_it_so) {
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(0);
    int runs = 0;
    pyt_with(&semaphore) {
        runs++;
    }
    CHECK_INT(runs, 1);
    CHECK_INT(pyt_semaphore_value(&semaphore), 0);
}

static int living;

static int construct(void *value) {
    *(int *)value = ++living;
    return 0;
}

static void destroy(void *value) {
    CHECK(*(int *)value > 0);
    living--;
}

static pyt_local local = PYT_LOCAL_INIT(sizeof(int), construct, destroy);

static void *use_local(void *arg) {
    CHECK(!pyt_local_exists(&local));
    CHECK(pyt_local_get(&local) != NULL);
    CHECK_INT(living, 2);
    return arg;
}

TEST(without_threads_each_started_thread_has_its_own_local_values) {
    CHECK(pyt_local_get(&local) != NULL);
    test_join(test_thread(use_local, NULL));
    CHECK_INT(living, 1);
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    CHECK_INT(living, 0);
}

/* ---- what is nested in what ---- */

static pyt_rlock rlock;

static void *use_the_starters_rlock(void *arg) {
    CHECK(pyt_rlock_is_owned(&rlock));
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 2);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    return arg;
}

TEST(without_threads_an_rlock_belongs_to_all_that_runs) {
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    test_join(test_thread(use_the_starters_rlock, NULL));
    CHECK_INT(pyt_rlock_recursion_count(&rlock), 1);
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_OK);
    CHECK(!pyt_rlock_locked(&rlock));
    CHECK_STATUS(pyt_rlock_release(&rlock), PYT_RUNTIME_ERROR);
}

static void *join_the_starter(void *arg) {
    CHECK_STATUS(pyt_thread_join(arg), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    return arg;
}

static void *start_one_that_joins_its_starter(void *arg) {
    test_join(test_thread(join_the_starter, pyt_current_thread()));
    return arg;
}

TEST(without_threads_a_thread_that_waits_for_its_starter_is_told) {
    test_join(test_thread(start_one_that_joins_its_starter, NULL));
    test_join(test_thread(join_the_starter, pyt_main_thread()));
}

static void *leave(void *arg) {
    step(1);
    (void)arg;
    pyt_exit();
}

static void *start_one_that_leaves(void *arg) {
    test_join(test_thread(leave, NULL));
    step(2);
    return arg;
}

TEST(without_threads_exit_ends_the_thread_and_its_starter_goes_on) {
    pyt_thread *thread = test_thread(start_one_that_leaves, &taken);
    void *result = NULL;
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == &taken);
    CHECK_INT(steps[0], 1);
    CHECK_INT(steps[1], 2);
    test_join(thread);
}

static void leave_main(void *arg) {
    (void)arg;
    test_join(test_thread(leave, NULL));
    printf("here\n");
    pyt_exit();
}

TEST(without_threads_exit_of_the_main_thread_ends_the_process, NEEDS_PROCESSES) {
    char output[64];
    CHECK_INT(test_child(leave_main, NULL, output, sizeof output), 0);
    CHECK_STR(output, "here\n");
}

/* ---- waits that a signal ends, and those for what is there ---- */

static void interrupt(int signal) {
    (void)signal;
    pyt_interrupt_main();
}

TEST(without_threads_a_signal_interrupts_a_wait_with_a_limit, NEEDS_SIGNALS) {
    pyt_event event = PYT_EVENT_INIT;
    struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec soon = {.it_value = {.tv_nsec = 20000000}};
    timer_t timer;
    double start = test_now();
    signal(SIGUSR1, interrupt);
    CHECK_INT(timer_create(CLOCK_MONOTONIC, &by_signal, &timer), 0);
    CHECK_INT(timer_settime(timer, 0, &soon, NULL), 0);
    CHECK_STATUS(pyt_event_wait_timeout(&event, 15), PYT_INTERRUPTED);
    CHECK_WITHIN(test_now() - start, 0.01, 2.0);
    pyt_interrupt_main();
    CHECK_STATUS(pyt_event_wait(&event), PYT_INTERRUPTED);
    CHECK_STATUS(pyt_event_wait(&event), PYT_RUNTIME_ERROR);
}

TEST(without_threads_what_is_there_already_is_not_waited_for) {
    pyt_event event = PYT_EVENT_INIT;
    pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
    pyt_barrier barrier = PYT_BARRIER_INIT(1);
    int index = -1;
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&event), PYT_OK);
    CHECK_STATUS(pyt_semaphore_acquire(&semaphore), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&barrier, &index), PYT_OK);
    CHECK_INT(index, 0);
}

TEST(without_threads_a_barrier_is_broken_by_a_wait_whose_time_is_up) {
    pyt_barrier barrier = PYT_BARRIER_INIT(2);
    CHECK_STATUS(pyt_barrier_wait_timeout(&barrier, 0.01, NULL), PYT_BROKEN_BARRIER);
    CHECK(pyt_barrier_broken(&barrier));
    CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_BROKEN_BARRIER);
    CHECK_STATUS(pyt_barrier_reset(&barrier), PYT_OK);
    CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_barrier_n_waiting(&barrier), 0);
}

/* ---- queues and the scheduler ---- */

static void use_full_and_empty(pyt_queue *queue) {
    int item = 7, got = -1;
    CHECK_STATUS(pyt_queue_get(queue, &got), PYT_RUNTIME_ERROR);
    CHECK_INT(got, -1);
    CHECK_STATUS(pyt_queue_get_timeout(queue, &got, 0.01), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_queue_put(queue, &item), PYT_OK);
    item = 8;
    CHECK_STATUS(pyt_queue_put(queue, &item), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_queue_put_timeout(queue, &item, 0.01), PYT_QUEUE_FULL);
    CHECK_INT(pyt_queue_qsize(queue), 1);
    CHECK_STATUS(pyt_queue_join(queue), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_queue_join_timeout(queue, 0.01), PYT_TIMEOUT);
    CHECK_STATUS(pyt_queue_get(queue, &got), PYT_OK);
    CHECK_INT(got, 7);
    CHECK_STATUS(pyt_queue_task_done(queue), PYT_OK);
    CHECK_STATUS(pyt_queue_task_done(queue), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_queue_join(queue), PYT_OK);
    CHECK_INT(pyt_queue_qsize(queue), 0);
    CHECK_STATUS(pyt_queue_destroy(queue), PYT_OK);
}

static int compare_ints(const void *one, const void *other) {
    int a = *(const int *)one, b = *(const int *)other;
    return (a > b) - (a < b);
}

TEST(without_threads_a_full_and_an_empty_queue_refuse_to_wait_and_lose_nothing) {
    pyt_queue queue;
    CHECK_STATUS(pyt_queue_init(&queue, sizeof(int), 1), PYT_OK);
    use_full_and_empty(&queue);
    CHECK_STATUS(pyt_lifo_queue_init(&queue, sizeof(int), 1), PYT_OK);
    use_full_and_empty(&queue);
    CHECK_STATUS(pyt_priority_queue_init(&queue, sizeof(int), 1, compare_ints), PYT_OK);
    use_full_and_empty(&queue);
}

TEST(without_threads_an_empty_simple_queue_refuses_to_wait) {
    pyt_simple_queue queue;
    CHECK_STATUS(pyt_simple_queue_init(&queue, sizeof(int)), PYT_OK);
    for (int i = 0; i < 1000; i++) {
        CHECK_STATUS(pyt_simple_queue_put(&queue, &i), PYT_OK);
    }
    int got = -1;
    for (int i = 0; i < 1000; i++) {
        CHECK_STATUS(pyt_simple_queue_get(&queue, &got), PYT_OK);
        CHECK_INT(got, i);
    }
    CHECK_STATUS(pyt_simple_queue_get(&queue, &got), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_simple_queue_get_timeout(&queue, &got, 0.01), PYT_QUEUE_EMPTY);
    CHECK_INT(got, 999);
    CHECK_STATUS(pyt_simple_queue_put(&queue, &got), PYT_OK);
    CHECK_INT(pyt_simple_queue_qsize(&queue), 1);
    CHECK_STATUS(pyt_simple_queue_destroy(&queue), PYT_OK);
}

static void step_of(void *arg) {
    step(*(int *)arg);
}

TEST(without_threads_a_scheduler_waits_for_its_events_and_runs_them) {
    pyt_scheduler scheduler;
    int numbers[] = {0, 1, 2};
    double start = test_now();
    CHECK_STATUS(pyt_scheduler_init(&scheduler, NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.04, 1, step_of, &numbers[2], NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0.02, 1, step_of, &numbers[1], NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_enter(&scheduler, 0, 1, step_of, &numbers[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_scheduler_run(&scheduler), PYT_OK);
    CHECK_WITHIN(test_now() - start, 0.04, 1.0);
    CHECK_INT(taken, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(steps[i], i);
    }
    CHECK_STATUS(pyt_scheduler_destroy(&scheduler), PYT_OK);
}

/* ---- futures, executor and pool ---- */

TEST(without_threads_waiting_for_a_future_that_nobody_completes_is_reported) {
    pyt_future *future = NULL, *done = NULL;
    void *result = NULL;
    CHECK_STATUS(pyt_future_new(&future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, &result), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_future_result_timeout(future, 0.01, &result), PYT_TIMEOUT);
    pyt_as_completed iterator;
    CHECK_STATUS(pyt_as_completed_init(&iterator, &future, 1), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &done), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_future_set_result(future, &future), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&iterator, &done), PYT_OK);
    CHECK(done == future);
    pyt_as_completed_destroy(&iterator);
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == &future);
    pyt_future_unref(future);
}

static pyt_executor *made(int max_workers) {
    pyt_executor *executor = NULL;
    CHECK_STATUS(pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = max_workers}),
                 PYT_OK);
    return executor;
}

static void *take_step(void *arg) {
    step_of(arg);
    return arg;
}

TEST(without_threads_a_task_has_run_when_submit_returns) {
    pyt_executor *executor = made(3);
    int numbers[] = {0, 1, 2, 3};
    void *args[3] = {&numbers[1], &numbers[2], &numbers[3]}, *results[3];
    pyt_future *future = NULL, *failed = NULL;
    CHECK_STATUS(pyt_executor_submit(executor, take_step, &numbers[0], &future), PYT_OK);
    CHECK_INT(taken, 1);
    CHECK(pyt_future_done(future));
    CHECK_STATUS(pyt_future_cancel(future), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_executor_submit(executor, raise_something, NULL, &failed), PYT_OK);
    CHECK_STATUS(pyt_future_result(failed, NULL), PYT_TASK_ERROR);
    CHECK_STATUS(pyt_executor_map(executor, take_step, args, 3, results, NULL), PYT_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(steps[i], i);
    }
    CHECK(results[2] == &numbers[3]);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_STATUS(pyt_executor_shutdown(executor, true, false), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(executor, take_step, &numbers[0], NULL), PYT_RUNTIME_ERROR);
    pyt_future_unref(future);
    pyt_future_unref(failed);
    pyt_executor_free(executor);
}

static void *submit_and_wait(void *arg) {
    static int inner_step = 5;
    pyt_future *future = NULL;
    CHECK_STATUS(pyt_executor_submit(arg, take_step, &inner_step, &future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_shutdown(arg, true, false), PYT_RUNTIME_ERROR);
    pyt_future_unref(future);
    step(6);
    return arg;
}

TEST(without_threads_a_task_may_wait_for_another_of_its_only_worker) {
    pyt_executor *executor = made(1);
    CHECK_STATUS(pyt_executor_submit(executor, submit_and_wait, executor, NULL), PYT_OK);
    CHECK_INT(taken, 2);
    CHECK_INT(steps[0], 5);
    CHECK_INT(steps[1], 6);
    pyt_executor_free(executor);
}

static int refuse(void *arg) {
    (void)arg;
    return 1;
}

TEST(without_threads_an_initializer_that_fails_breaks_executor_and_pool) {
    pyt_executor *executor = NULL;
    pyt_pool *pool = NULL;
    pyt_future *future = NULL;
    CHECK_STATUS(pyt_executor_new(&executor,
                                  &(pyt_executor_options){.max_workers = 2, .initializer = refuse}),
                 PYT_OK);
    CHECK_STATUS(pyt_executor_submit(executor, take_step, NULL, &future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_BROKEN_EXECUTOR);
    CHECK_STATUS(pyt_executor_submit(executor, take_step, NULL, NULL), PYT_BROKEN_EXECUTOR);
    CHECK_INT(taken, 0);
    pyt_future_unref(future);
    pyt_executor_free(executor);
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 2, .initializer = refuse}),
                 PYT_OK);
    CHECK_STATUS(pyt_pool_apply(pool, take_step, NULL, NULL), PYT_BROKEN_EXECUTOR);
    CHECK_INT(taken, 0);
    pyt_pool_free(pool);
}

static void *free_from_inside(void *arg) {
    step(1);
    pyt_executor_free(arg);
    return arg;
}

TEST(without_threads_a_task_may_free_its_executor) {
    pyt_executor *executor = made(1);
    pyt_future *future = NULL;
    CHECK_STATUS(pyt_executor_submit(executor, free_from_inside, executor, &future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    CHECK_INT(taken, 1);
    pyt_future_unref(future);
}

static void square(void *item, void *result) {
    *(long *)result = (long)*(int *)item * *(int *)item;
}

TEST(without_threads_a_pool_maps) {
    enum {
        count = 1000
    };
    static int items[count];
    static long results[count];
    pyt_pool *pool = NULL;
    pyt_pool_iterator *iterator = NULL;
    pyt_pool_work work = {.function = square,
                          .items = items,
                          .item_size = sizeof items[0],
                          .n = count,
                          .results = results,
                          .result_size = sizeof results[0]};
    for (int i = 0; i < count; i++) {
        items[i] = i;
    }
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 4}), PYT_OK);
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OK);
    for (int i = 0; i < count; i++) {
        CHECK_INT(results[i], (long)i * i);
    }
    CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
    for (int i = 0; i < count; i++) {
        long result = -1;
        CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, NULL), PYT_OK);
        CHECK_INT(result, (long)i * i);
    }
    pyt_pool_iterator_destroy(iterator);
    CHECK_STATUS(pyt_pool_join(pool), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    pyt_pool_free(pool);
}

static pyt_executor *chained;
static long tasks_begun;

static void *submit_next(void *count) {
    if (++tasks_begun < *(long *)count) {
        CHECK_STATUS(pyt_executor_submit(chained, submit_next, count, NULL), PYT_OK);
    }
    return count;
}

TEST(without_threads_a_long_chain_of_tasks_needs_little_stack) {
    static long count = 100000;
    CHECK_STATUS(pyt_executor_new(&chained, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(chained, submit_next, &count, NULL), PYT_OK);
    CHECK_INT(tasks_begun, count);
    pyt_executor_free(chained);
}

/* Each level has the result of the next in one of three ways. */
static void *result_of_next(void *level) {
    int number = *(int *)level;
    pyt_future *future;
    tasks_begun++;
    if (number < 300) {
        CHECK_STATUS(pyt_executor_submit(chained, result_of_next, (int *)level + 1, &future),
                     PYT_OK);
        if (number % 3 == 0) {
            CHECK_STATUS(pyt_wait(&future, 1, PYT_ALL_COMPLETED, NULL, NULL), PYT_OK);
        } else if (number % 3 == 1) {
            CHECK_STATUS(pyt_wait_timeout(&future, 1, 5, PYT_FIRST_COMPLETED, NULL, NULL), PYT_OK);
        }
        CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
        pyt_future_unref(future);
    }
    return level;
}

TEST(without_threads_a_deeply_nested_task_has_the_result_of_what_it_submits) {
    static int levels[301];
    for (int i = 0; i <= 300; i++) {
        levels[i] = i;
    }
    CHECK_STATUS(pyt_executor_new(&chained, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(chained, result_of_next, levels, NULL), PYT_OK);
    CHECK_INT(tasks_begun, 301);
    pyt_executor_free(chained);
}

#endif
