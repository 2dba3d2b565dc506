/* The edges of a process: handlers of fork beside the library's own, a fork in the middle of
 * something, ends by any thread, signals. What is common to all forks is in test_fork.c, what is
 * common to all ends in test_exit.c. */
#define _GNU_SOURCE
#include "test.h"

#if !defined(_WIN32) && !defined(PYTHREADING_DUMMY)

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

/* Fork, and run `part` in the child, which then ends by _exit(0). */
static pid_t begin_child(void (*part)(void *), void *arg) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm((unsigned)(15 * test_slowness()));
        part(arg);
        _exit(0);
    }
    return pid;
}

static void end_child(pid_t pid) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

static void *nothing(void *arg) {
    return arg;
}

static void *wait_for_event(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    return arg;
}

/* ---- handlers of the program around fork ---------------------------------------------------- */

/* A thread of the program's that its handlers stop before a fork and start again after it. */
static pyt_thread *helper;
static pyt_event helper_stop = PYT_EVENT_INIT;

static void start_helper(void) {
    CHECK_STATUS(pyt_event_clear(&helper_stop), PYT_OK);
    helper = test_thread(wait_for_event, &helper_stop);
}

static void stop_helper(void) {
    CHECK_STATUS(pyt_event_set(&helper_stop), PYT_OK);
    test_join(helper);
}

static void use_a_helper(void *arg) {
    (void)arg;
    stop_helper();
}

static void see_no_helper(void *arg) {
    (void)arg;
    CHECK_INT(pyt_active_count(), 1);
}

TEST(a_handler_before_fork_may_join_a_thread,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NOT_EMULATED | NEEDS_FORK_WITH_THREADS,
     "a child of a busy fork hangs in a lock of qemu's own") {
    CHECK_INT(pthread_atfork(stop_helper, NULL, NULL), 0);
    start_helper();
    end_child(begin_child(see_no_helper, NULL));
    CHECK_INT(pyt_active_count(), 1);
}

TEST(a_handler_after_fork_may_start_a_thread_in_the_parent,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    CHECK_INT(pthread_atfork(stop_helper, start_helper, NULL), 0);
    start_helper();
    end_child(begin_child(see_no_helper, NULL));
    CHECK_INT(pyt_active_count(), 2);
    stop_helper();
}

TEST(a_handler_after_fork_may_start_a_thread_in_the_child,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    CHECK_INT(pthread_atfork(stop_helper, start_helper, start_helper), 0);
    start_helper();
    end_child(begin_child(use_a_helper, NULL));
    stop_helper();
}

TEST(handlers_that_were_registered_after_the_first_use_do_the_same,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_EXIT | NEEDS_FORK_WITH_THREADS) {
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(pthread_atfork(stop_helper, start_helper, start_helper), 0);
    start_helper();
    end_child(begin_child(use_a_helper, NULL));
    end_child(begin_child(use_a_helper, NULL));
    stop_helper();
}

static pyt_lock of_the_program;

static void take_it(void) {
    CHECK_STATUS(pyt_lock_acquire(&of_the_program), PYT_OK);
}

static void let_it_go(void) {
    CHECK_STATUS(pyt_lock_release(&of_the_program), PYT_OK);
}

static void take_it_in_the_child(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_lock_acquire_nowait(&of_the_program), PYT_OK);
    let_it_go();
}

static void *take_it_often(void *arg) {
    while (!pyt_event_is_set(arg)) {
        pyt_with(&of_the_program) {
            CHECK(pyt_active_count() >= 1);
        }
    }
    return NULL;
}

TEST(handlers_may_hold_a_lock_of_the_program_over_the_fork,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    pyt_event stop = PYT_EVENT_INIT;
    CHECK_INT(pthread_atfork(take_it, let_it_go, let_it_go), 0);
    pyt_thread *threads[2];
    for (int i = 0; i < 2; i++) {
        threads[i] = test_thread(take_it_often, &stop);
    }
    for (int i = 0; i < test_scale(20) + 1; i++) {
        end_child(begin_child(take_it_in_the_child, NULL));
    }
    CHECK_STATUS(pyt_event_set(&stop), PYT_OK);
    for (int i = 0; i < 2; i++) {
        test_join(threads[i]);
    }
}

static void use_it_for_the_first_time(void *arg) {
    (void)arg;
    CHECK(pyt_current_thread() == pyt_main_thread());
    CHECK_INT(pyt_active_count(), 1);
    start_helper();
    stop_helper();
}

static void *fork_and_use_it(void *arg) {
    end_child(begin_child(use_it_for_the_first_time, NULL));
    return arg;
}

TEST(a_fork_before_the_library_was_used_makes_the_forking_thread_main,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FOREIGN_THREADS | NOT_EMULATED,
     "the child of a thread beside the main one was seen to hang in qemu, once") {
    test_raw_join(test_raw_start(fork_and_use_it, NULL));
    end_child(begin_child(use_it_for_the_first_time, NULL));
    CHECK(pyt_current_thread() == pyt_main_thread());
}

/* ---- fork in the middle of something -------------------------------------------------------- */

enum {
    QUEUED = 300
};

typedef struct dropping {
    pyt_executor *executor;
    pyt_event working, busy; /* the only worker has begun, and may end */
    pyt_event begun, go_on;
    pyt_future *running;
    pyt_future *futures[QUEUED];
    void (*in_callback)(struct dropping *all);
} dropping;

static void hold_up(pyt_future *future, void *arg) {
    (void)future;
    dropping *all = arg;
    all->in_callback(all);
}

static void hold_up_until_told(dropping *all) {
    CHECK_STATUS(pyt_event_set(&all->begun), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&all->go_on), PYT_OK);
}

/* Cancel what is queued; the callback of the first comes in between. */
static void *cancel_all(void *arg) {
    dropping *all = arg;
    CHECK_STATUS(pyt_executor_shutdown(all->executor, false, true), PYT_OK);
    return NULL;
}

static void *be_busy(void *arg) {
    dropping *all = arg;
    CHECK_STATUS(pyt_event_set(&all->working), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&all->busy), PYT_OK);
    return NULL;
}

static void fill(dropping *all) {
    const pyt_executor_options one = {.max_workers = 1};
    CHECK_STATUS(pyt_executor_new(&all->executor, &one), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(all->executor, be_busy, all, &all->running), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&all->working), PYT_OK);
    for (int i = 0; i < QUEUED; i++) {
        CHECK_STATUS(pyt_executor_submit(all->executor, nothing, NULL, &all->futures[i]), PYT_OK);
    }
    CHECK_STATUS(pyt_future_add_done_callback(all->futures[0], hold_up, all), PYT_OK);
}

static void finish(dropping *all) {
    CHECK_STATUS(pyt_event_set(&all->busy), PYT_OK);
    CHECK_STATUS(pyt_future_result(all->running, NULL), PYT_OK);
    for (int i = 0; i < QUEUED; i++) {
        CHECK_STATUS(pyt_future_result(all->futures[i], NULL), PYT_CANCELLED);
        pyt_future_unref(all->futures[i]);
    }
    pyt_future_unref(all->running);
    pyt_executor_free(all->executor);
}

static void see_all_done(void *arg) {
    dropping *all = arg;
    CHECK_STATUS(pyt_wait_timeout(all->futures, QUEUED, 5, PYT_ALL_COMPLETED, NULL, NULL), PYT_OK);
    for (int i = 0; i < QUEUED; i++) {
        CHECK(pyt_future_done(all->futures[i]));
    }
    pyt_executor_free(all->executor);
}

TEST(in_the_child_of_a_fork_while_a_shutdown_cancels_all_futures_are_done,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    dropping all = {.in_callback = hold_up_until_told};
    fill(&all);
    pyt_thread *thread = test_thread(cancel_all, &all);
    CHECK_STATUS(pyt_event_wait(&all.begun), PYT_OK);
    end_child(begin_child(see_all_done, &all));
    CHECK_STATUS(pyt_event_set(&all.go_on), PYT_OK);
    test_join(thread);
    finish(&all);
}

static pid_t child_of_callback;

static void fork_here(dropping *all) {
    (void)all;
    fflush(NULL);
    child_of_callback = fork();
    CHECK(child_of_callback >= 0);
}

TEST(a_callback_of_a_shutdown_may_fork_and_both_processes_go_on_cancelling,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    dropping all = {.in_callback = fork_here};
    fill(&all);
    cancel_all(&all);
    for (int i = 0; i < QUEUED; i++) {
        CHECK(pyt_future_cancelled(all.futures[i]));
    }
    if (child_of_callback == 0) {
        pyt_executor_free(all.executor);
        _exit(0);
    }
    end_child(child_of_callback);
    finish(&all);
}

/* A worker of the child waits for a task behind it. */
static void *wait_for_the_next(void *arg) {
    pyt_executor *executor = *(pyt_executor **)arg;
    pyt_future *future;
    CHECK_STATUS(pyt_executor_submit(executor, nothing, NULL, &future), PYT_OK);
    pyt_status status = pyt_future_result(future, NULL);
    pyt_future_unref(future);
    return status == PYT_RUNTIME_ERROR ? arg : NULL;
}

/* A worker that is about to make its future done, when another thread forks. */
static struct {
    pyt_executor *executor;
    pyt_future *future;
    atomic_int begun, go_on;
    bool armed;
} ending;

static void wait_for_flag(atomic_int *flag) {
    while (atomic_fetch_add(flag, 0) == 0) {
        test_yield();
    }
}

static void *end_when_told(void *arg) {
    atomic_fetch_add(&ending.begun, 1);
    wait_for_flag(&ending.go_on);
    return arg;
}

static void see_it_broken(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_future_result_timeout(ending.future, 5, NULL), PYT_BROKEN_EXECUTOR);
    pyt_future_unref(ending.future);
    CHECK_STATUS(pyt_executor_submit(ending.executor, nothing, NULL, &ending.future), PYT_OK);
    CHECK_STATUS(pyt_future_result(ending.future, NULL), PYT_OK);
    pyt_future_unref(ending.future);
    pyt_executor_free(ending.executor);
}

static void begin_a_task(void *(*task)(void *)) {
    const pyt_executor_options two = {.max_workers = 2};
    CHECK_STATUS(pyt_executor_new(&ending.executor, &two), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(ending.executor, task, NULL, &ending.future), PYT_OK);
    wait_for_flag(&ending.begun);
}

static void end_the_task(pyt_status status) {
    CHECK_STATUS(pyt_future_result(ending.future, NULL), status);
    pyt_future_unref(ending.future);
    pyt_executor_free(ending.executor);
}

#if defined(__linux__)
/* Registered before the library's handlers, this one is called last, while those have its locks:
 * the task ends, and its worker waits for one of them. */
static void let_the_task_end(void) {
    if (ending.armed) {
        ending.armed = false;
        atomic_fetch_add(&ending.go_on, 1);
        PARKED_LOCK(test_worker_lock(ending.executor), 1);
    }
}

__attribute__((constructor(101))) static void register_first(void) {
    (void)pthread_atfork(let_the_task_end, NULL, NULL);
}

TEST(a_future_that_its_worker_is_about_to_finish_at_a_fork_is_broken_in_the_child,
     NEEDS_THREADS | NEEDS_LINUX | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    begin_a_task(end_when_told);
    ending.armed = true;
    end_child(begin_child(see_it_broken, NULL));
    end_the_task(PYT_OK);
}
#endif

static void hold_up_the_end(void *arg) {
    (void)arg;
    (void)end_when_told(NULL);
}

static void *leave_slowly(void *arg) {
    (void)arg;
    test_at_call("malloc", hold_up_the_end, NULL); /* of the future's message */
    pthread_exit(NULL);
}

TEST(a_future_that_a_leaving_worker_is_about_to_break_at_a_fork_is_broken_in_the_child,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    begin_a_task(leave_slowly);
    end_child(begin_child(see_it_broken, NULL));
    atomic_fetch_add(&ending.go_on, 1);
    end_the_task(PYT_BROKEN_EXECUTOR);
}

/* ---- fork while the process ends ------------------------------------------------------------ */

static pyt_executor *of_the_parent;

static void *say_at_the_end(void *arg) {
    test_sleep(0.05); /* the child's main thread is in exit by then, or will be */
    puts(arg);
    fflush(stdout);
    return NULL;
}

static void be_a_new_process(void) {
    const pyt_executor_options one = {.max_workers = 1};
    pyt_executor *executor;
    pyt_future *future;
    void *result = NULL;
    alarm((unsigned)(15 * test_slowness()));
    CHECK_STATUS(pyt_executor_new(&executor, &one), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(executor, wait_for_the_next, &executor, &future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == &executor); /* an endless wait is still seen */
    pyt_future_unref(future);
    CHECK_STATUS(pyt_executor_submit(of_the_parent, nothing, executor, &future), PYT_OK);
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == executor);
    pyt_future_unref(future);
    pyt_executor_free(executor);
    const pyt_thread_options options = {
        .target = say_at_the_end, .arg = (void *)"child", .daemon = PYT_DAEMON_FALSE};
    pyt_thread *thread;
    CHECK_STATUS(pyt_thread_new(&thread, &options), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    pyt_thread_unref(thread);
}

/* Wait until the process ends, which is when executors refuse, and fork. */
static void *fork_at_the_end(void *arg) {
    pyt_executor *executor = NULL;
    pyt_status status = PYT_OK;
    while (status != PYT_RUNTIME_ERROR) {
        test_yield();
        CHECK_STATUS(pyt_executor_new(&executor, NULL), PYT_OK);
        status = pyt_executor_submit(executor, nothing, NULL, NULL);
        pyt_executor_free(executor);
    }
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        be_a_new_process();
        exit(0);
    }
    end_child(pid);
    return arg;
}

static void end_with_a_fork(void *arg) {
    (void)arg;
    const pyt_executor_options one = {.max_workers = 1};
    CHECK_STATUS(pyt_executor_new(&of_the_parent, &one), PYT_OK);
    pyt_thread_unref(test_thread(fork_at_the_end, NULL));
}

TEST(the_child_of_a_fork_while_the_process_ends_is_a_new_process, NEEDS_THREADS | NEEDS_BUSY_FORK) {
    char output[256];
    CHECK_INT(test_child(end_with_a_fork, NULL, output, sizeof output), 0);
    CHECK_STR(output, "child\n");
}

static void fork_in_a_late_handler(void) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        be_a_new_process();
        return; /* and goes on with its end */
    }
    end_child(pid);
}

static void fork_in_a_handler(void *arg) {
    (void)arg;
    const pyt_executor_options one = {.max_workers = 1};
    CHECK_INT(atexit(fork_in_a_late_handler), 0);
    CHECK_STATUS(pyt_executor_new(&of_the_parent, &one), PYT_OK);
    test_join(test_thread(nothing, NULL));
}

TEST(a_handler_of_exit_may_fork_a_new_process, NEEDS_THREADS | NEEDS_BUSY_FORK) {
    char output[256];
    CHECK_INT(test_child(fork_in_a_handler, NULL, output, sizeof output), 0);
    CHECK_STR(output, "child\n");
}

/* ---- fork in a foreign thread that ends before the process ----------------------------------- */

static void *be_nobody_special(void *arg) {
    if (pyt_current_thread() == pyt_main_thread() ||
        (pyt_thread_join(pyt_main_thread()) != PYT_OK)) {
        atomic_fetch_add((atomic_int *)arg, 1);
    }
    return NULL;
}

/* In the child. Threads that begin after the main thread has ended may get its memory. */
static void *follow_the_main_thread(void *arg) {
    atomic_int wrong = 0;
    while (pyt_thread_is_alive(pyt_main_thread())) {
        test_yield();
    }
    test_sleep(0.05); /* the system has its memory back */
    for (int i = 0; i < 5; i++) {
        test_raw_join(test_raw_start(be_nobody_special, &wrong));
    }
    _exit(wrong == 0 ? 0 : 1);
    return arg;
}

static void *fork_and_end_in_the_child(void *arg) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        alarm((unsigned)(15 * test_slowness()));
        test_raw_start(follow_the_main_thread, NULL);
        return NULL; /* the end of the child's main thread */
    }
    end_child(pid);
    CHECK_STATUS(pyt_event_set(arg), PYT_OK);
    return NULL;
}

TEST(no_later_thread_is_taken_for_a_main_thread_that_was_foreign_and_has_ended,
     NEEDS_THREADS | NEEDS_MAIN_EXIT | NEEDS_BUSY_FORK | NEEDS_EXIT | NEEDS_FOREIGN_THREADS) {
    pthread_t thread;
    pyt_event done = PYT_EVENT_INIT;
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(pthread_create(&thread, NULL, fork_and_end_in_the_child, &done), 0);
    CHECK_INT(pthread_detach(thread), 0);
    CHECK_STATUS(pyt_event_wait(&done), PYT_OK);
}

/* ---- the end of the process, by any thread --------------------------------------------------- */

static pyt_thread *leaver;
static pyt_executor *workers;
static pyt_pool *pool;
static pyt_future *lost;
static pyt_barrier barrier;
static pyt_event leaving = PYT_EVENT_INIT;

static pyt_thread *begun(void *(*target)(void *), void *arg, pyt_daemon daemon) {
    const pyt_thread_options options = {.target = target, .arg = arg, .daemon = daemon};
    pyt_thread *thread;
    CHECK_STATUS(pyt_thread_new(&thread, &options), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    return thread;
}

/* Programs of which one thread ends the process while `other`, which it waits for, waits for it. */
static int run(void (*program)(void *), void *arg) {
    return test_child(program, arg, NULL, 0);
}

/* End the process once the other has had time to wait. */
static void *exit_with_three(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_event_wait(&leaving), PYT_OK);
    test_sleep(0.02);
    exit(3);
}

static void *go_and_join_it(void *arg) {
    CHECK_STATUS(pyt_event_set(&leaving), PYT_OK);
    CHECK_STATUS(pyt_thread_join(leaver), PYT_OK);
    return arg;
}

static void join_who_exits(void *arg) {
    (void)arg;
    leaver = begun(exit_with_three, NULL, PYT_DAEMON_TRUE);
    test_join(begun(go_and_join_it, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_a_thread_that_another_joins_ends_the_process,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(join_who_exits, NULL), 3);
}

static void make_workers(void) {
    const pyt_executor_options two = {.max_workers = 2};
    CHECK_STATUS(pyt_executor_new(&workers, &two), PYT_OK);
}

static void *free_the_workers(void *arg) {
    CHECK_STATUS(pyt_event_set(&leaving), PYT_OK);
    pyt_executor_free(workers);
    return arg;
}

static void free_who_exits(void *arg) {
    (void)arg;
    make_workers();
    CHECK_STATUS(pyt_executor_submit(workers, exit_with_three, NULL, NULL), PYT_OK);
    test_join(begun(free_the_workers, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_a_task_ends_the_process_while_a_thread_frees_the_executor,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(free_who_exits, NULL), 3);
}

static void *wait_for_the_lost(void *arg) {
    CHECK_STATUS(pyt_event_set(&leaving), PYT_OK);
    CHECK_STATUS(pyt_future_result(lost, NULL), PYT_BROKEN_EXECUTOR);
    return arg;
}

static void wait_for_who_exits(void *arg) {
    (void)arg;
    pyt_future *waits;
    make_workers();
    CHECK_STATUS(pyt_executor_submit(workers, exit_with_three, NULL, &lost), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(workers, wait_for_the_lost, NULL, &waits), PYT_OK);
    (void)pyt_future_result(waits, NULL);
}

TEST(exit_in_a_task_whose_future_a_worker_waits_for_ends_the_process,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(wait_for_who_exits, NULL), 3);
}

static void exit_at_the_third(void *item, void *result) {
    (void)result;
    if (*(int *)item == 3) {
        exit(3);
    }
}

static int items[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void *map_them(void *arg) {
    const pyt_pool_work work = {.function = exit_at_the_third,
                                .items = items,
                                .n = 8,
                                .item_size = sizeof items[0],
                                .chunksize = 1};
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_BROKEN_EXECUTOR);
    return arg;
}

static void map_who_exits(void *arg) {
    const pyt_pool_options options = {.processes = *(int *)arg};
    CHECK_STATUS(pyt_pool_new(&pool, &options), PYT_OK);
    test_join(begun(map_them, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_an_item_of_a_map_ends_the_process, NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    int sizes[2] = {1, 3};
    CHECK_INT(run(map_who_exits, &sizes[0]), 3);
    CHECK_INT(run(map_who_exits, &sizes[1]), 3);
}

static int exit_here(void *arg) {
    (void)arg;
    exit(3);
}

static void *meet(void *arg) {
    CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_BROKEN_BARRIER);
    return arg;
}

static void meet_who_exits(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.action = exit_here}),
                 PYT_OK);
    pyt_thread_unref(begun(meet, NULL, PYT_DAEMON_FALSE));
    PARKED_BARRIER(&barrier, 1);
    test_join(begun(meet, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_a_barriers_action_ends_the_process, NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(meet_who_exits, NULL), 3);
}

/* ---- a thread in exit, whose last steps are long, and a main thread that comes late ---- */

static atomic_int last_steps; /* 1: a program in which they are long; 2: in them */

__attribute__((destructor)) static void take_long_at_last(void) {
    int stage = 1;
    if (atomic_compare_exchange_strong(&last_steps, &stage, 2)) {
        test_run_until(test_now() + 0.3); /* the main thread needs microseconds for its end */
    }
}

static pyt_executor *executor_that_exits;
static pyt_future *future_that_exits;

static void wait_for_the_last_steps(void) {
    while (atomic_load(&last_steps) != 2) {
        test_yield();
    }
}

static void *exit_at_once(void *arg) {
    (void)arg;
    exit(3);
}

static void join_late(void *arg) {
    atomic_store(&last_steps, 1);
    leaver = begun(exit_at_once, arg, PYT_DAEMON_FALSE);
    wait_for_the_last_steps();
    CHECK_STATUS(pyt_thread_join(leaver), PYT_OK);
}

static void get_late(void *arg) {
    CHECK_STATUS(pyt_executor_new(&executor_that_exits, NULL), PYT_OK);
    atomic_store(&last_steps, 1);
    CHECK_STATUS(pyt_executor_submit(executor_that_exits, exit_at_once, arg, &future_that_exits),
                 PYT_OK);
    wait_for_the_last_steps();
    CHECK_STATUS(pyt_future_result(future_that_exits, NULL), PYT_BROKEN_EXECUTOR);
}

static void meet_late(void *arg) {
    CHECK_STATUS(pyt_barrier_init(&barrier, 1, &(pyt_barrier_options){.action = exit_here}),
                 PYT_OK);
    atomic_store(&last_steps, 1);
    leaver = begun(meet, arg, PYT_DAEMON_FALSE);
    wait_for_the_last_steps();
    CHECK_STATUS(pyt_barrier_wait(&barrier, NULL), PYT_BROKEN_BARRIER);
}

TEST(the_status_of_an_exit_is_not_overtaken_by_a_main_thread_that_finds_its_wait_over,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(join_late, NULL), 3);
    CHECK_INT(run(get_late, NULL), 3);
    CHECK_INT(run(meet_late, NULL), 3);
}

static void fire_exit(void *arg) {
    (void)exit_with_three(arg);
}

static void join_a_timer_that_exits(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_timer_new(&leaver, 0.01, fire_exit, NULL), PYT_OK);
    CHECK_STATUS(pyt_thread_start(leaver), PYT_OK);
    test_join(begun(go_and_join_it, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_a_timer_that_a_thread_joins_ends_the_process,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(join_a_timer_that_exits, NULL), 3);
}

static void destroy_and_exit(void *value) {
    (void)exit_with_three(value);
}

static pyt_local exiting = PYT_LOCAL_INIT(1, NULL, destroy_and_exit);

static void *have_a_value(void *arg) {
    CHECK(pyt_local_get(&exiting) != NULL);
    return arg;
}

static void *have_a_specific_value(void *arg) {
    test_end_hook_set(&leaving);
    return arg;
}

static void join_who_exits_at_its_end(void *target) {
    test_end_hook(destroy_and_exit);
    leaver = begun(*(void *(**)(void *))target, NULL, PYT_DAEMON_FALSE);
    test_join(begun(go_and_join_it, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_the_destructor_of_a_thread_that_another_joins_ends_the_process,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT | NOT_ON_APPLE,
     "a thread is over before the destructors of its own") {
    void *(*targets[2])(void *) = {have_a_value, have_a_specific_value};
    CHECK_INT(run(join_who_exits_at_its_end, &targets[0]), 3);
    CHECK_INT(run(join_who_exits_at_its_end, &targets[1]), 3);
}

static void callback_that_exits(pyt_future *future, void *arg) {
    (void)future;
    (void)exit_with_three(arg);
}

static void free_who_exits_in_a_callback(void *arg) {
    (void)arg;
    make_workers();
    pyt_event go = PYT_EVENT_INIT;
    CHECK_STATUS(pyt_executor_submit(workers, wait_for_event, &go, &lost), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(lost, callback_that_exits, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_set(&go), PYT_OK);
    test_join(begun(free_the_workers, NULL, PYT_DAEMON_FALSE));
}

TEST(exit_in_a_callback_of_a_future_ends_the_process, NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    CHECK_INT(run(free_who_exits_in_a_callback, NULL), 3);
}

/* The tasks behind one that exits are done by another worker. */
static void *say_task(void *arg) {
    puts(arg);
    fflush(stdout);
    return arg;
}

static void exit_before_others(void *arg) {
    (void)arg;
    const pyt_executor_options one = {.max_workers = 1};
    CHECK_STATUS(pyt_executor_new(&workers, &one), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(workers, exit_with_three, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(workers, say_task, (void *)"task", NULL), PYT_OK);
    test_join(begun(free_the_workers, NULL, PYT_DAEMON_FALSE));
}

TEST(tasks_behind_one_that_ends_the_process_are_finished, NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT) {
    char output[64];
    CHECK_INT(test_child(exit_before_others, NULL, output, sizeof output), 3);
    CHECK_STR(output, "task\n");
}

/* ---- threads that leave by the system's means ------------------------------------------------ */

static void *leave_by_the_system(void *arg) {
    (void)arg;
    pthread_exit(NULL);
}

TEST(a_task_that_ends_its_thread_has_failed_and_the_executor_goes_on,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    const pyt_executor_options one = {.max_workers = 1};
    pyt_future *futures[3];
    CHECK_STATUS(pyt_executor_new(&workers, &one), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_executor_submit(workers, i == 1 ? leave_by_the_system : nothing, &futures,
                                         &futures[i]),
                     PYT_OK);
    }
    CHECK_STATUS(pyt_future_result(futures[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_future_result(futures[1], NULL), PYT_BROKEN_EXECUTOR);
    CHECK_STATUS(pyt_future_result(futures[2], NULL), PYT_OK);
    pyt_executor_free(workers);
    for (int i = 0; i < 3; i++) {
        pyt_future_unref(futures[i]);
    }
}

static bool leave_in_the_predicate(void *arg) {
    (void)leave_by_the_system(arg);
    return true;
}

static void *wait_and_leave(void *condition) {
    pyt_with((pyt_condition *)condition) {
        (void)pyt_condition_wait_for(condition, leave_in_the_predicate, NULL);
    }
    return condition;
}

TEST(a_thread_that_leaves_in_a_predicate_can_be_joined_and_keeps_its_lock,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    static pyt_lock lock;
    static pyt_condition condition = PYT_CONDITION_INIT_LOCK(&lock);
    test_join(begun(wait_and_leave, &condition, PYT_DAEMON_FALSE));
    CHECK(pyt_lock_locked(&lock)); /* as after pthread_exit with a mutex held */
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
    CHECK_INT(pyt_active_count(), 1);
}

static void leave_in_the_callback(pyt_future *future, void *arg) {
    (void)future;
    (void)leave_by_the_system(arg);
}

/* How many callbacks that return were called. */
static atomic_int called_back;

static void count_the_callback(pyt_future *future, void *arg) {
    (void)arg;
    CHECK(pyt_future_done(future));
    atomic_fetch_add(&called_back, 1);
}

/* A callback that ends its thread, and one behind it. */
static void add_leaver(pyt_future *future) {
    CHECK_STATUS(pyt_future_add_done_callback(future, leave_in_the_callback, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, count_the_callback, NULL), PYT_OK);
}

static void *complete(void *future) {
    CHECK_STATUS(pyt_future_set_result(future, future), PYT_OK);
    return NULL;
}

TEST(a_future_is_done_although_a_callback_ends_the_thread_that_completes_it,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    pyt_future *future;
    void *result = NULL;
    CHECK_STATUS(pyt_future_new(&future), PYT_OK);
    add_leaver(future);
    test_join(begun(complete, future, PYT_DAEMON_FALSE));
    CHECK_STATUS(pyt_future_result(future, &result), PYT_OK);
    CHECK(result == future);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(atomic_load(&called_back), 1);
    pyt_future_unref(future);
}

static void complete_the_next(pyt_future *future, void *next) {
    (void)future;
    CHECK_STATUS(pyt_future_set_result(next, NULL), PYT_OK);
}

/* Deeper than callbacks are nested; the thread ends once in the middle and once where they are put
 * off. */
TEST(the_callbacks_of_all_futures_on_the_way_are_called_by_a_thread_that_ends_in_one,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    enum {
        FUTURES = 60
    };
    pyt_future *futures[FUTURES];
    for (int i = 0; i < FUTURES; i++) {
        CHECK_STATUS(pyt_future_new(&futures[i]), PYT_OK);
    }
    for (int i = 0; i < FUTURES - 1; i++) {
        CHECK_STATUS(pyt_future_add_done_callback(futures[i], complete_the_next, futures[i + 1]),
                     PYT_OK);
        CHECK_STATUS(pyt_future_add_done_callback(futures[i], count_the_callback, NULL), PYT_OK);
    }
    add_leaver(futures[20]);
    add_leaver(futures[50]);
    add_leaver(futures[FUTURES - 1]);
    test_join(begun(complete, futures[0], PYT_DAEMON_FALSE));
    for (int i = 0; i < FUTURES; i++) {
        CHECK(pyt_future_done(futures[i]));
        pyt_future_unref(futures[i]);
    }
    CHECK_INT(atomic_load(&called_back), FUTURES - 1 + 3);
}

/* AddressSanitizer sees that the executor has its future back, as in those that follow. */
TEST(a_task_that_has_returned_keeps_its_result_when_a_callback_ends_its_thread,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    pyt_event go = PYT_EVENT_INIT;
    pyt_future *future;
    make_workers();
    CHECK_STATUS(pyt_executor_submit(workers, wait_for_event, &go, &future), PYT_OK);
    add_leaver(future);
    CHECK_STATUS(pyt_event_set(&go), PYT_OK);
    pyt_executor_free(workers);
    CHECK_STATUS(pyt_future_result(future, NULL), PYT_OK);
    CHECK_INT(atomic_load(&called_back), 1);
    pyt_future_unref(future);
}

static void *shut_down_and_cancel(void *executor) {
    CHECK_STATUS(pyt_executor_shutdown(executor, false, true), PYT_OK);
    return NULL;
}

TEST(a_shutdown_whose_callbacks_end_its_thread_cancels_all_that_is_queued,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    const pyt_executor_options one = {.max_workers = 1};
    pyt_event go = PYT_EVENT_INIT;
    pyt_future *futures[3];
    CHECK_STATUS(pyt_executor_new(&workers, &one), PYT_OK);
    CHECK_STATUS(pyt_executor_submit(workers, wait_for_event, &go, NULL), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_executor_submit(workers, nothing, NULL, &futures[i]), PYT_OK);
        add_leaver(futures[i]);
    }
    test_join(begun(shut_down_and_cancel, workers, PYT_DAEMON_FALSE));
    for (int i = 0; i < 3; i++) {
        CHECK(pyt_future_cancelled(futures[i]));
        pyt_future_unref(futures[i]);
    }
    CHECK_INT(atomic_load(&called_back), 3);
    CHECK_STATUS(pyt_event_set(&go), PYT_OK);
    pyt_executor_free(workers);
}

static void leave_with_the_result(void *result, void *arg) {
    (void)result;
    (void)leave_by_the_system(arg);
}

static void leave_with_the_failure(const pyt_exception *exception, void *arg) {
    (void)exception;
    (void)leave_by_the_system(arg);
}

static void *raise_a_message(void *arg) {
    (void)arg;
    pyt_raise(7, "a message that is longer than a pointer");
}

static int leave_at_once(void *arg) {
    (void)leave_by_the_system(arg);
    return 0;
}

/* With an initializer that ends its thread as well, the callback is called by a thread that is
 * ending already, and ends it once more. */
TEST(a_pools_callback_that_ends_its_thread_breaks_the_future,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    const pyt_pool_callbacks leavers = {leave_with_the_result, leave_with_the_failure, NULL};
    void *(*tasks[3])(void *) = {nothing, raise_a_message, nothing};
    for (int i = 0; i < 3; i++) {
        const pyt_pool_options options = {.processes = 1,
                                          .initializer = i == 2 ? leave_at_once : NULL};
        pyt_async_result *result;
        CHECK_STATUS(pyt_pool_new(&pool, &options), PYT_OK);
        pyt_status status = pyt_pool_apply_async(pool, tasks[i], NULL, &leavers, &result);
        if (status == PYT_OK) { /* else the initializer was faster */
            CHECK_STATUS(pyt_future_result(result, NULL), PYT_BROKEN_EXECUTOR);
            pyt_future_unref(result);
        }
        CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
        CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
        pyt_pool_free(pool);
    }
}

static void leave_at_the_end(pyt_thread *thread, pyt_trace_event event) {
    (void)thread;
    if (event == PYT_TRACE_EXCEPTION) {
        (void)leave_by_the_system(NULL);
    }
}

static void leave_in_the_excepthook(const pyt_excepthook_args *args) {
    (void)leave_by_the_system((void *)(uintptr_t)args);
}

static void raise_in_the_callback(pyt_future *future, void *arg) {
    (void)future;
    (void)raise_a_message(arg);
}

TEST(a_target_that_has_raised_has_failed_when_a_hook_ends_its_thread,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    for (int i = 0; i < 2; i++) {
        pyt_setprofile(i == 0 ? leave_at_the_end : NULL);
        pyt_set_excepthook(i == 1 ? leave_in_the_excepthook : NULL);
        pyt_thread *thread = begun(raise_a_message, NULL, PYT_DAEMON_FALSE);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
        CHECK_STR(pyt_error_message(), "a message that is longer than a pointer");
        pyt_thread_unref(thread);
    }
}

TEST(an_excepthook_that_ends_its_thread_may_be_told_of_a_callback,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    pyt_future *future;
    pyt_set_excepthook(leave_in_the_excepthook);
    CHECK_STATUS(pyt_future_new(&future), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, raise_in_the_callback, NULL), PYT_OK);
    CHECK_STATUS(pyt_future_add_done_callback(future, count_the_callback, NULL), PYT_OK);
    test_join(begun(complete, future, PYT_DAEMON_FALSE));
    CHECK_INT(atomic_load(&called_back), 1);
    pyt_future_unref(future);
}

static pyt_local left_in_the_making = PYT_LOCAL_INIT(8, leave_at_once, NULL);

static void *make_it(void *arg) {
    CHECK(pyt_local_get(&left_in_the_making) == NULL);
    return arg;
}

TEST(a_local_whose_constructor_ends_its_thread_has_no_value,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    test_join(begun(make_it, NULL, PYT_DAEMON_FALSE));
    CHECK_INT(pyt_active_count(), 1);
    CHECK_STATUS(pyt_local_delete(&left_in_the_making), PYT_OK);
}

TEST(a_barrier_whose_action_ends_its_thread_is_broken,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_POSIX) {
    CHECK_STATUS(pyt_barrier_init(&barrier, 2, &(pyt_barrier_options){.action = leave_at_once}),
                 PYT_OK);
    pyt_thread *first = begun(meet, NULL, PYT_DAEMON_FALSE);
    PARKED_BARRIER(&barrier, 1);
    test_join(begun(meet, NULL, PYT_DAEMON_FALSE));
    test_join(first);
    CHECK(pyt_barrier_broken(&barrier));
    CHECK_STATUS(pyt_barrier_reset(&barrier), PYT_OK);
}

static void say_fired(void *arg) {
    puts(arg);
    fflush(stdout);
}

static void leave_main(void *arg) {
    pyt_thread *timer;
    int how = *(int *)arg;
    CHECK_STATUS(pyt_timer_new(&timer, 0.02, say_fired, (void *)"fired"), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    if (how == 1) {
        make_workers();
        CHECK_STATUS(pyt_executor_submit(workers, nothing, NULL, NULL), PYT_OK);
    }
    if (how == 2) {
        pyt_thread_unref(begun(wait_for_event, &leaving, PYT_DAEMON_TRUE));
    }
    pthread_exit(NULL);
}

TEST(the_process_ends_when_main_has_left_by_the_system_whatever_is_idle,
     NEEDS_THREADS | NEEDS_MAIN_EXIT | NEEDS_FORK | NEEDS_EXIT) {
    char output[64];
    for (int how = 0; how < 3; how++) {
        CHECK_INT(test_child(leave_main, &how, output, sizeof output), 0);
        CHECK_STR(output, "fired\n");
    }
}

/* ---- destructors at the end ------------------------------------------------------------------ */

static void say_slowly(void *value) {
    (void)value;
    test_sleep(0.05);
    CHECK(pyt_current_thread() != NULL);
    puts("thread's own");
    fflush(stdout);
}

static void say_statics(void) {
    puts("statics");
    fflush(stdout);
}

static void *set_and_end(void *arg) {
    test_end_hook_set(arg);
    return NULL;
}

static void return_while_it_ends(void *keep) {
    CHECK_INT(atexit(say_statics), 0);
    test_end_hook(say_slowly);
    static pyt_thread *thread; /* where a leak checker finds it */
    thread = begun(set_and_end, &leaving, PYT_DAEMON_FALSE);
    if (!*(bool *)keep) {
        pyt_thread_unref(thread);
    }
    test_sleep(0.02); /* so that its target is over, as a rule */
}

TEST(a_threads_own_destructors_have_run_before_the_programs,
     NEEDS_THREADS | NEEDS_FORK | NEEDS_EXIT | NOT_ON_APPLE,
     "a thread is over before the destructors of its own") {
    char output[64];
    for (int keep = 0; keep < 2; keep++) {
        bool kept = keep != 0;
        CHECK_INT(test_child(return_while_it_ends, &kept, output, sizeof output), 0);
        CHECK_STR(output, "thread's own\nstatics\n");
    }
}

/* ---- threads of the library's own ------------------------------------------------------------ */

static void fire_event(void *arg) {
    CHECK_STATUS(pyt_event_set(arg), PYT_OK);
}

static pyt_thread *timer_started(double seconds, void (*function)(void *), void *arg) {
    pyt_thread *timer;
    CHECK_STATUS(pyt_timer_new(&timer, seconds, function, arg), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    return timer;
}

TEST(a_signal_that_all_threads_of_the_program_block_is_left_to_sigwait,
     NEEDS_THREADS | NEEDS_INHERITANCE | NEEDS_SIGNALS) {
    sigset_t set;
    int number = 0;
    pyt_event never = PYT_EVENT_INIT;
    pyt_thread *timer = timer_started(30, fire_event, &never); /* its service has the signal open */
    CHECK_INT(sigemptyset(&set), 0);
    CHECK_INT(sigaddset(&set, SIGTERM), 0);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_INT(kill(getpid(), SIGTERM), 0);
    CHECK_INT(sigwait(&set, &number), 0);
    CHECK_INT(number, SIGTERM);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    test_join(timer);
}

static void note_mask(void *arg) {
    CHECK_INT(pthread_sigmask(SIG_SETMASK, NULL, arg), 0);
}

static void *note_mask_in_a_thread(void *arg) {
    note_mask(arg);
    return NULL;
}

TEST(a_thread_has_the_signal_mask_of_the_thread_that_started_it,
     NEEDS_THREADS | NEEDS_INHERITANCE | NEEDS_SIGNALS) {
    sigset_t some, seen[2];
    CHECK_INT(sigemptyset(&some), 0);
    CHECK_INT(sigaddset(&some, SIGUSR1), 0);
    test_join(test_thread(note_mask_in_a_thread, &seen[0]));
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &some, NULL), 0);
    test_join(test_thread(note_mask_in_a_thread, &seen[1]));
    CHECK(!sigismember(&seen[0], SIGUSR1) && !sigismember(&seen[0], SIGSEGV));
    CHECK(sigismember(&seen[1], SIGUSR1));
    CHECK(!sigismember(&seen[1], SIGUSR2));
}

TEST(a_timers_thread_has_the_signal_mask_of_the_thread_that_started_it,
     NEEDS_THREADS | NEEDS_INHERITANCE | NEEDS_SIGNALS) {
    sigset_t some, seen[2];
    CHECK_INT(sigemptyset(&some), 0);
    CHECK_INT(sigaddset(&some, SIGUSR1), 0);
    pyt_thread *first = timer_started(0.01, note_mask, &seen[0]);
    CHECK_INT(pthread_sigmask(SIG_BLOCK, &some, NULL), 0);
    pyt_thread *second = timer_started(0.01, note_mask, &seen[1]);
    test_join(first);
    test_join(second);
    CHECK(!sigismember(&seen[0], SIGUSR1));
    CHECK(sigismember(&seen[1], SIGUSR1));
    CHECK(!sigismember(&seen[1], SIGUSR2));
}

#if defined(__linux__)
static void note_processors(void *arg) {
    CHECK_INT(sched_getaffinity(0, sizeof(cpu_set_t), arg), 0);
}

static cpu_set_t of_first, of_second;

static void *bind_and_start(void *arg) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)sched_getcpu(), &one);
    CHECK_INT(sched_setaffinity(0, sizeof one, &one), 0);
    test_join(timer_started(0.01, note_processors, &of_first));
    CHECK(CPU_EQUAL(&of_first, &one));
    return arg;
}

static void note_policy(void *policy) {
    *(int *)policy = (int)syscall(SYS_sched_getscheduler, 0); /* musl's own refuse */
}

static void *yield_to_others_and_start(void *arg) {
    const struct sched_param param = {0};
    CHECK_INT(syscall(SYS_sched_setscheduler, 0, SCHED_BATCH, &param), 0);
    test_join(timer_started(0.01, note_policy, arg));
    return arg;
}

TEST(a_timers_thread_has_the_scheduling_of_the_thread_that_started_it,
     NEEDS_THREADS | NEEDS_INHERITANCE | NEEDS_LINUX) {
    int of_batch = -1, of_main = -1;
    test_join(timer_started(0.01, note_policy, &of_main));
    CHECK_INT(of_main, SCHED_OTHER);
    test_join(test_thread(yield_to_others_and_start, &of_batch));
    CHECK_INT(of_batch, SCHED_BATCH);
    test_join(timer_started(0.01, note_policy, &of_main));
    CHECK_INT(of_main, SCHED_OTHER);
}

TEST(a_timers_thread_has_the_processors_of_the_thread_that_started_it,
     NEEDS_THREADS | NEEDS_INHERITANCE | NEEDS_LINUX) {
    cpu_set_t all;
    CHECK_INT(sched_getaffinity(0, sizeof all, &all), 0);
    test_join(test_thread(bind_and_start, NULL));
    test_join(timer_started(0.01, note_processors, &of_second));
    CHECK(CPU_EQUAL(&of_second, &all));
}

static int threads_in_the_process(void) {
    int count = -1;
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        (void)sscanf(line, "Threads: %d", &count);
    }
    if (file != NULL) {
        fclose(file);
    }
    return count;
}

TEST(no_thread_of_the_librarys_own_outlasts_the_last_timer, NEEDS_THREADS | NEEDS_LINUX) {
    pyt_event fired = PYT_EVENT_INIT;
    test_join(test_thread(nothing, NULL));
    int before = threads_in_the_process(); /* with those of a sanitizer */
    for (int i = 0; i < 3; i++) {
        pyt_thread *late = timer_started(1000, fire_event, &fired);
        test_join(timer_started(0.01, fire_event, &fired));
        CHECK_STATUS(pyt_timer_cancel(late), PYT_OK);
        test_join(late);
        while (threads_in_the_process() > before) {
            test_sleep(0.01);
        }
    }
}
#endif

#endif
