/* What happens when the process ends: who is waited for, who is left alone, and in which order. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

/* Every body below runs in a child process, as its whole program. What it says is one stream. */
static void say(const char *words) {
    puts(words);
    fflush(stdout);
}

static char output[4096];

static int run(void (*program)(void *), void *arg) {
    memset(output, 0, sizeof output);
    return test_child(program, arg, output, sizeof output);
}

/* Set by a handler that runs when the process has begun to end. Nobody gets past it earlier. */
static pyt_event ending;

static void announce_the_end(void) {
    CHECK_STATUS(pyt_event_set(&ending), PYT_OK);
}

static void *work_after_main(void *arg) {
    CHECK_STATUS(pyt_event_wait(&ending), PYT_OK);
    say(arg);
    return NULL;
}

/* Handles that are kept to the end. The handler that lets them go is registered before the
 * library's, so it runs after the library has waited for their threads: nobody is left to wait. */
static pyt_thread *kept[8];
static int kept_count;

static void let_go(void) {
    for (int i = 0; i < kept_count; i++) {
        if (!pyt_thread_daemon(kept[i]) && kept[i] != pyt_current_thread()) {
            CHECK(!pyt_thread_is_alive(kept[i]));
            CHECK_STATUS(pyt_thread_join_timeout(kept[i], 0), PYT_OK);
        }
        pyt_thread_unref(kept[i]);
    }
}

static void keep(pyt_thread *thread) {
    if (kept_count == 0) {
        CHECK_INT(atexit(let_go), 0);
    }
    CHECK(kept_count < 8);
    kept[kept_count++] = thread;
}

static pyt_thread *made(const pyt_thread_options *options) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, options), PYT_OK);
    return thread;
}

static pyt_thread *started_and_kept(const pyt_thread_options *options) {
    pyt_thread *thread = made(options);
    keep(thread);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    return thread;
}

static void start_and_drop(const pyt_thread_options *options) {
    pyt_thread *thread = made(options);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    pyt_thread_unref(thread);
}

/* ---- threads that are waited for ------------------------------------------------------------ */

static void leave_a_worker_behind(void *arg) {
    (void)arg;
    started_and_kept(&(pyt_thread_options){.target = work_after_main, .arg = (void *)"worker"});
    CHECK_INT(atexit(announce_the_end), 0);
    say("end of main");
}

TEST(the_end_of_the_process_waits_for_threads_that_are_no_daemons,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_worker_behind, NULL), 0);
    CHECK_STR(output, "end of main\nworker\n");
}

static void leave_workers_without_handles(void *arg) {
    (void)arg;
    for (int i = 0; i < 3; i++) {
        start_and_drop(&(pyt_thread_options){.target = work_after_main, .arg = (void *)"worker"});
    }
    CHECK_INT(atexit(announce_the_end), 0);
}

TEST(threads_whose_handles_were_dropped_are_waited_for_too,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_workers_without_handles, NULL), 0);
    CHECK_STR(output, "worker\nworker\nworker\n");
}

static void *work_and_leave_it_to_the_next(void *arg) {
    static atomic_int generation;
    char words[32];
    CHECK_STATUS(pyt_event_wait(&ending), PYT_OK);
    int number = atomic_fetch_add(&generation, 1) + 1;
    snprintf(words, sizeof words, "generation %d", number);
    say(words);
    if (number < 5) {
        start_and_drop(&(pyt_thread_options){.target = work_and_leave_it_to_the_next});
    }
    return arg;
}

static void leave_a_family_behind(void *arg) {
    (void)arg;
    start_and_drop(&(pyt_thread_options){.target = work_and_leave_it_to_the_next});
    CHECK_INT(atexit(announce_the_end), 0);
}

TEST(threads_started_while_the_process_ends_are_waited_for_too,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_family_behind, NULL), 0);
    CHECK_STR(output, "generation 1\ngeneration 2\ngeneration 3\ngeneration 4\ngeneration 5\n");
}

static void *join_the_main_thread(void *arg) {
    CHECK_STATUS(pyt_thread_join(pyt_main_thread()), PYT_OK);
    say("main is over");
    return arg;
}

static void leave_a_joiner_of_main(void *arg) {
    (void)arg;
    started_and_kept(&(pyt_thread_options){.target = join_the_main_thread});
    say("end of main");
}

TEST(a_thread_that_joins_the_main_thread_goes_on_when_main_is_over,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_joiner_of_main, NULL), 0);
    CHECK_STR(output, "end of main\nmain is over\n");
}

static void exit_with_seven(void *arg) {
    leave_a_worker_behind(arg);
    exit(7);
}

TEST(the_exit_status_is_kept_while_threads_are_waited_for,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(exit_with_seven, NULL), 7);
    CHECK_STR(output, "end of main\nworker\n");
}

static int local_made(void *value) {
    *(int *)value = 1;
    return 0;
}

static void local_gone(void *value) {
    CHECK_INT(*(int *)value, 1);
    say("local gone");
}

static pyt_local counted = PYT_LOCAL_INIT(sizeof(int), local_made, local_gone);

static void *work_with_a_local(void *arg) {
    CHECK(pyt_local_get(&counted) != NULL);
    return work_after_main(arg);
}

static void after_everything(void) {
    CHECK_INT(pyt_active_count(), 1);
    CHECK(pyt_current_thread() == pyt_main_thread());
    say("after everything");
}

static void leave_a_worker_with_a_local(void *arg) {
    (void)arg;
    CHECK_INT(atexit(after_everything), 0);
    started_and_kept(&(pyt_thread_options){.target = work_with_a_local, .arg = (void *)"worker"});
    CHECK_INT(atexit(announce_the_end), 0);
}

TEST(threads_waited_for_lose_their_locals_before_earlier_handlers_run,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_worker_with_a_local, NULL), 0);
    CHECK_STR(output, "worker\nlocal gone\nafter everything\n");
}

/* ---- handlers ------------------------------------------------------------------------------- */

static void registered_before(void) {
    say("handler registered before the library's");
}

static void registered_after(void) {
    say("handler registered after the library's");
    announce_the_end();
}

static void register_around(void *arg) {
    (void)arg;
    CHECK_INT(atexit(registered_before), 0);
    started_and_kept(&(pyt_thread_options){.target = work_after_main, .arg = (void *)"worker"});
    CHECK_INT(atexit(registered_after), 0);
}

TEST(handlers_run_later_ones_first_then_threads_are_joined_then_earlier_ones,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(register_around, NULL), 0);
    CHECK_STR(output, "handler registered after the library's\n"
                      "worker\n"
                      "handler registered before the library's\n");
}

/* ---- those that are left alone -------------------------------------------------------------- */

static void *wait_for_ever(void *arg) {
    (void)arg;
    pyt_event never = PYT_EVENT_INIT;
    pyt_event_wait(&never);
    say("never comes");
    return NULL;
}

static void leave_a_daemon(void *arg) {
    (void)arg;
    started_and_kept(&(pyt_thread_options){.target = wait_for_ever, .daemon = PYT_DAEMON_TRUE});
    say("end of main");
}

TEST(daemons_are_left_alone, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_daemon, NULL), 0);
    CHECK_STR(output, "end of main\n");
}

static void *wait_for_ever_abroad(void *arg) {
    pyt_event_set(arg);
    CHECK(pyt_current_thread() != pyt_main_thread());
    return wait_for_ever(arg);
}

static void leave_a_foreign_thread(void *arg) {
    (void)arg;
    static pyt_event running;
    test_raw_start(wait_for_ever_abroad, &running);
    CHECK_STATUS(pyt_event_wait(&running), PYT_OK);
    say("end of main");
}

TEST(foreign_threads_are_left_alone,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT | NEEDS_FOREIGN_THREADS) {
    CHECK_INT(run(leave_a_foreign_thread, NULL), 0);
    CHECK_STR(output, "end of main\n");
}

static void raw_wait(void *arg) {
    wait_for_ever_abroad(arg);
}

static void leave_a_raw_thread(void *arg) {
    (void)arg;
    static pyt_event running;
    CHECK_STATUS(pyt_start_new_thread(raw_wait, &running, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&running), PYT_OK);
    say("end of main");
}

TEST(raw_threads_are_left_alone, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_raw_thread, NULL), 0);
    CHECK_STR(output, "end of main\n");
}

/* Everything a daemon may be in the middle of while the process goes away around it. */
static pyt_lock shared_lock;
static pyt_condition shared_condition;
static pyt_semaphore shared_semaphore;
static atomic_int busy_daemons;

static void empty_callback(void *arg) {
    (void)arg;
}

static void *nothing(void *arg) {
    return arg;
}

static void *use_everything_for_ever(void *arg) {
    uintptr_t turn = (uintptr_t)arg;
    atomic_fetch_add(&busy_daemons, 1);
    for (;; turn++) {
        pyt_thread *thread = NULL;
        switch (turn % 6) {
        case 0:
            if (pyt_lock_acquire(&shared_lock) == PYT_OK) {
                pyt_lock_release(&shared_lock);
            }
            break;
        case 1:
            pyt_semaphore_release(&shared_semaphore);
            pyt_semaphore_acquire(&shared_semaphore);
            break;
        case 2:
            if (pyt_condition_acquire(&shared_condition) == PYT_OK) {
                pyt_condition_notify(&shared_condition);
                pyt_status status = pyt_condition_wait_timeout(&shared_condition, 0.0001);
                CHECK(status == PYT_OK || status == PYT_TIMEOUT);
                pyt_condition_release(&shared_condition);
            }
            break;
        case 3:
            if (pyt_thread_new(&thread, &(pyt_thread_options){.target = nothing}) == PYT_OK &&
                pyt_thread_start(thread) == PYT_OK) {
                pyt_thread_join(thread);
            }
            pyt_thread_unref(thread);
            break;
        case 4:
            if (pyt_timer_new(&thread, 0.0001, empty_callback, NULL) == PYT_OK &&
                pyt_thread_start(thread) != PYT_OK) {
                CHECK(pyt_error_message()[0] != '\0');
            }
            pyt_thread_unref(thread);
            break;
        default: {
            pyt_thread *list[4] = {NULL, NULL, NULL, NULL};
            pyt_enumerate(list, 4);
            for (int i = 0; i < 4; i++) {
                pyt_thread_unref(list[i]);
            }
            pyt_local_get(&counted);
            break;
        }
        }
    }
    return NULL;
}

static void end_among_busy_daemons(void *arg) {
    (void)arg;
    for (uintptr_t i = 0; i < 6; i++) {
        start_and_drop(&(pyt_thread_options){
            .target = use_everything_for_ever, .arg = (void *)i, .daemon = PYT_DAEMON_TRUE});
    }
    while (atomic_load(&busy_daemons) < 6) {
        test_sleep(0.0005);
    }
    test_sleep(0.002);
    say("end of main");
}

TEST_LIMIT(the_process_can_end_while_daemons_use_every_part_of_the_library, 60,
           NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT | NOT_UNDER_HELGRIND | NOT_UNDER_TSAN,
           "daemons caught in their last steps are taken for leaks and mistakes") {
#if defined(PYTHREADING_VALGRIND)
    test_skip("Helgrind takes daemons caught in a critical section for mistakes");
#endif
    for (int i = 0; i < test_scale(30); i++) {
        CHECK_INT(run(end_among_busy_daemons, NULL), 0);
        CHECK_STR(output, "end of main\n");
    }
}

/* ---- exit called in a worker ---------------------------------------------------------------- */

static void *call_exit(void *arg) {
    say("worker leaves");
    exit((int)(intptr_t)arg);
}

static void let_a_worker_exit(void *arg) {
    bool daemon = *(bool *)arg;
    started_and_kept(
        &(pyt_thread_options){.target = work_after_main, .arg = (void *)"other worker"});
    CHECK_INT(atexit(announce_the_end), 0);
    pyt_thread *thread = started_and_kept(
        &(pyt_thread_options){.target = call_exit,
                              .arg = (void *)(intptr_t)3,
                              .daemon = daemon ? PYT_DAEMON_TRUE : PYT_DAEMON_FALSE});
    pyt_thread_join(thread);
    wait_for_ever(NULL);
}

TEST(exit_called_in_a_worker_waits_for_the_others_and_not_for_itself,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    bool daemon = false;
    CHECK_INT(run(let_a_worker_exit, &daemon), 3);
    CHECK_STR(output, "worker leaves\nother worker\n");
}

TEST(exit_called_in_a_daemon_waits_for_the_others, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    bool daemon = true;
    CHECK_INT(run(let_a_worker_exit, &daemon), 3);
    CHECK_STR(output, "worker leaves\nother worker\n");
}

static void call_exit_in_a_timer(void *arg) {
    call_exit(arg);
}

static void let_a_timer_exit(void *arg) {
    (void)arg;
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, 0.01, call_exit_in_a_timer, (void *)(intptr_t)4), PYT_OK);
    keep(timer);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    wait_for_ever(NULL);
}

TEST(exit_called_in_a_timer_ends_the_process, NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(let_a_timer_exit, NULL), 4);
    CHECK_STR(output, "worker leaves\n");
}

static void *call_exit_abroad(void *arg) {
    return call_exit(arg);
}

static void let_a_foreign_thread_exit(void *arg) {
    (void)arg;
    started_and_kept(&(pyt_thread_options){.target = work_after_main, .arg = (void *)"worker"});
    CHECK_INT(atexit(announce_the_end), 0);
    test_raw_start(call_exit_abroad, (void *)(intptr_t)5);
    wait_for_ever(NULL);
}

TEST(exit_called_in_a_foreign_thread_waits_for_the_workers,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT | NEEDS_FOREIGN_THREADS) {
    CHECK_INT(run(let_a_foreign_thread_exit, NULL), 5);
    CHECK_STR(output, "worker leaves\nworker\n");
}

/* ---- pyt_exit and pyt_raise outside every target -------------------------------------------- */

static void end_main_by_pyt_exit(void *arg) {
    leave_a_worker_behind(arg);
    pyt_exit();
}

TEST(pyt_exit_in_the_main_thread_is_exit_with_zero, NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(end_main_by_pyt_exit, NULL), 0);
    CHECK_STR(output, "end of main\nworker\n");
}

static void end_main_by_pyt_raise(void *arg) {
    leave_a_worker_behind(arg);
    pyt_raise(9, "out of wool");
}

TEST(pyt_raise_in_the_main_thread_is_reported_and_exits_with_one,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(end_main_by_pyt_raise, NULL), 1);
    CHECK(strstr(output, "Exception in thread MainThread: out of wool\n") != NULL);
    CHECK(strstr(output, "worker\n") != NULL);
}

static void tell_what_was_raised(const pyt_excepthook_args *args) {
    char words[128];
    snprintf(words, sizeof words, "%s %d %s", pyt_thread_name(args->thread), args->code,
             args->message);
    say(words);
}

static void end_main_by_pyt_raise_with_a_hook(void *arg) {
    (void)arg;
    pyt_set_excepthook(tell_what_was_raised);
    pyt_raise(9, "out of wool");
}

TEST(pyt_raise_in_the_main_thread_goes_to_the_excepthook, NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(end_main_by_pyt_raise_with_a_hook, NULL), 1);
    CHECK_STR(output, "MainThread 9 out of wool\n");
}

/* ---- timers --------------------------------------------------------------------------------- */

static void say_it(void *arg) {
    say(arg);
}

static pyt_thread *timer_of(double interval, const char *words) {
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, interval, say_it, (void *)(uintptr_t)words), PYT_OK);
    keep(timer);
    return timer;
}

static void leave_timers(void *arg) {
    (void)arg;
    pyt_thread *fires = timer_of(0.05, "fired");
    pyt_thread *is_a_daemon = timer_of(1000, "never");
    pyt_thread *is_cancelled = timer_of(1000, "never");
    CHECK_STATUS(pyt_thread_set_daemon(is_a_daemon, true), PYT_OK);
    pyt_thread_ref(fires);
    CHECK_STATUS(pyt_thread_start(fires), PYT_OK);
    CHECK_STATUS(pyt_thread_start(is_a_daemon), PYT_OK);
    CHECK_STATUS(pyt_thread_start(is_cancelled), PYT_OK);
    CHECK_STATUS(pyt_timer_cancel(is_cancelled), PYT_OK);
    pyt_thread_unref(fires);
    say("end of main");
}

TEST(a_timer_is_waited_for_unless_it_is_a_daemon_or_cancelled,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_timers, NULL), 0);
    CHECK_STR(output, "end of main\nfired\n");
}

static void cancel_at_the_end(void *arg) {
    CHECK_STATUS(pyt_timer_cancel(arg), PYT_OK);
}

static void leave_a_timer_that_a_worker_cancels(void *arg) {
    (void)arg;
    pyt_thread *late = timer_of(1000, "never"), *soon = NULL;
    CHECK_STATUS(pyt_timer_new(&soon, 0.05, cancel_at_the_end, late), PYT_OK);
    keep(soon);
    CHECK_STATUS(pyt_thread_start(late), PYT_OK);
    CHECK_STATUS(pyt_thread_start(soon), PYT_OK);
    say("end of main");
}

TEST(a_timer_cancelled_while_the_process_ends_is_waited_for_no_longer,
     NEEDS_THREADS | NEEDS_PROCESSES | NEEDS_EXIT) {
    CHECK_INT(run(leave_a_timer_that_a_worker_cancels, NULL), 0);
    CHECK_STR(output, "end of main\n");
}
