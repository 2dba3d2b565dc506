/* excepthook, settrace, setprofile, and the forms of the latter that reach running threads. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

static void *nothing(void *arg) {
    return arg;
}

static void *raise_its_argument(void *arg) {
    pyt_raise(17, arg);
}

/* ---- excepthook ----------------------------------------------------------------------------- */

static struct {
    atomic_int calls;
    pyt_thread *thread, *current;
    int code;
    char message[128];
} hooked;

static void record_raise(const pyt_excepthook_args *args) {
    hooked.thread = args->thread;
    hooked.current = pyt_current_thread();
    hooked.code = args->code;
    snprintf(hooked.message, sizeof hooked.message, "%s", args->message);
    atomic_fetch_add(&hooked.calls, 1);
}

TEST(without_a_hook_of_ones_own_the_hook_is_the_standard_one) {
    CHECK(pyt_get_excepthook() == NULL);
    pyt_set_excepthook(record_raise);
    CHECK(pyt_get_excepthook() == record_raise);
    pyt_set_excepthook(NULL);
    CHECK(pyt_get_excepthook() == NULL);
}

TEST(the_hook_is_told_thread_code_and_message_in_the_thread_that_ends) {
    pyt_set_excepthook(record_raise);
    pyt_thread *thread = test_thread(raise_its_argument, (void *)"no more tea");
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_INT(atomic_load(&hooked.calls), 1);
    CHECK(hooked.thread == thread);
    CHECK(hooked.current == thread);
    CHECK_INT(hooked.code, 17);
    CHECK_STR(hooked.message, "no more tea");
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    pyt_thread_unref(thread);
}

TEST(threads_that_return_or_exit_do_not_reach_the_hook) {
    pyt_set_excepthook(record_raise);
    test_join(test_thread(nothing, NULL));
    CHECK_INT(atomic_load(&hooked.calls), 0);
}

static char output[4096];

static void raise_without_a_hook(void *arg) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.target = raise_its_argument,
                                                               .arg = arg,
                                                               .name = "kettle"}),
                 PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    test_join(thread);
}

TEST(the_standard_hook_writes_one_line_to_stderr_and_the_process_goes_on, NEEDS_PROCESSES) {
    CHECK_INT(test_child(raise_without_a_hook, (void *)"no more tea", output, sizeof output), 0);
    CHECK_STR(output, "Exception in thread kettle: no more tea\n");
}

TEST(a_raise_without_a_message_is_reported_too, NEEDS_PROCESSES) {
    CHECK_INT(test_child(raise_without_a_hook, NULL, output, sizeof output), 0);
    CHECK(strncmp(output, "Exception in thread kettle", strlen("Exception in thread kettle")) == 0);
    CHECK(strchr(output, '\n') == output + strlen(output) - 1);
}

TEST(a_very_long_message_does_no_harm) {
    enum {
        LENGTH = 100000
    };
    char *message = calloc(LENGTH + 1, 1);
    CHECK(message != NULL);
    memset(message, 'm', LENGTH);
    pyt_set_excepthook(record_raise);
    pyt_thread *thread = test_thread(raise_its_argument, message);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    CHECK(strstr(pyt_error_message(), "mmmmmmmmmm") != NULL);
    CHECK(strncmp(hooked.message, "mmmmmmmmmm", 10) == 0);
    pyt_thread_unref(thread);
    free(message);
}

static void fail_in_the_hook(const pyt_excepthook_args *args) {
    atomic_fetch_add(&hooked.calls, 1);
    pyt_raise(args->code + 1, "the hook failed as well");
}

static void leave_in_the_hook(const pyt_excepthook_args *args) {
    (void)args;
    atomic_fetch_add(&hooked.calls, 1);
    pyt_exit();
}

static void raise_with_a_failing_hook(void *arg) {
    pyt_excepthook hooks[2] = {fail_in_the_hook, leave_in_the_hook};
    for (int i = 0; i < 2; i++) {
        atomic_store(&hooked.calls, 0);
        pyt_set_excepthook(hooks[i]);
        pyt_thread *thread = test_thread(raise_its_argument, arg);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK(!pyt_thread_is_alive(thread));
        CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
        CHECK_INT(atomic_load(&hooked.calls), 1);
        CHECK_INT(pyt_active_count(), 1);
        pyt_thread_unref(thread);
    }
    puts("alive");
}

TEST(a_failing_hook_does_not_take_the_process_down, NEEDS_PROCESSES) {
    CHECK_INT(test_child(raise_with_a_failing_hook, (void *)"first", output, sizeof output), 0);
    CHECK(strstr(output, "alive\n") != NULL);
}

static int destroyed;

static void count_destroyed(void *value) {
    destroyed += *(int *)value;
}

static pyt_local local = PYT_LOCAL_INIT(sizeof(int), NULL, count_destroyed);

static void *raise_with_a_local(void *arg) {
    *(int *)pyt_local_get(&local) = 1;
    return raise_its_argument(arg);
}

TEST(locals_of_a_thread_that_raises_die_even_if_the_hook_fails) {
    pyt_set_excepthook(fail_in_the_hook);
    test_join(test_thread(raise_with_a_local, (void *)"first"));
    CHECK_INT(destroyed, 1);
}

static void *raise_abroad(void *arg) {
    pyt_raise(23, arg);
}

TEST(a_raise_in_a_foreign_thread_goes_to_the_hook_and_ends_the_thread,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {
    pyt_set_excepthook(record_raise);
    test_raw foreign;
    CHECK_INT(pyt_active_count(), 1); /* the main thread has its parker now */
    foreign = test_raw_start(raise_abroad, (void *)"abroad");
    test_raw_join(foreign);
    CHECK_INT(atomic_load(&hooked.calls), 1);
    CHECK_INT(hooked.code, 23);
    CHECK_STR(hooked.message, "abroad");
    CHECK_INT(pyt_active_count(), 1);
    long before = test_live_allocations();
    foreign = test_raw_start(raise_abroad, (void *)"abroad");
    test_raw_join(foreign);
    CHECK_INT(test_live_allocations(), before);
}

static void *exit_abroad(void *arg) {
    *(int *)arg = 1;
    pyt_exit();
}

TEST(an_exit_in_a_foreign_thread_ends_the_thread_in_silence, NEEDS_FOREIGN_THREADS) {
    pyt_set_excepthook(record_raise);
    test_raw foreign;
    int reached = 0;
    foreign = test_raw_start(exit_abroad, &reached);
    test_raw_join(foreign);
    CHECK_INT(reached, 1);
    CHECK_INT(atomic_load(&hooked.calls), 0);
    CHECK_INT(pyt_active_count(), 1);
}

/* ---- settrace and setprofile ---------------------------------------------------------------- */

/* The events one function has seen, as a text of C, R and E. Threads run one after the other. */
typedef struct trace_record {
    char events[16];
    pyt_thread *thread;
} trace_record;

static trace_record by_trace, by_profile, by_other;

static void record_event(trace_record *record, pyt_thread *thread, pyt_trace_event event) {
    size_t length = strlen(record->events);
    CHECK(thread == pyt_current_thread());
    CHECK(length + 1 < sizeof record->events);
    record->events[length] = event == PYT_TRACE_CALL ? 'C' : event == PYT_TRACE_RETURN ? 'R' : 'E';
    record->thread = thread;
}

static void trace(pyt_thread *thread, pyt_trace_event event) {
    record_event(&by_trace, thread, event);
}

static void profile(pyt_thread *thread, pyt_trace_event event) {
    record_event(&by_profile, thread, event);
}

static void other(pyt_thread *thread, pyt_trace_event event) {
    record_event(&by_other, thread, event);
}

static void forget(void) {
    memset(&by_trace, 0, sizeof by_trace);
    memset(&by_profile, 0, sizeof by_profile);
    memset(&by_other, 0, sizeof by_other);
}

TEST(there_is_no_trace_and_no_profile_function_at_first) {
    CHECK(pyt_gettrace() == NULL);
    CHECK(pyt_getprofile() == NULL);
    pyt_settrace(trace);
    CHECK(pyt_gettrace() == trace);
    CHECK(pyt_getprofile() == NULL);
    pyt_setprofile(profile);
    CHECK(pyt_gettrace() == trace);
    CHECK(pyt_getprofile() == profile);
    pyt_settrace(NULL);
    pyt_setprofile(NULL);
    CHECK(pyt_gettrace() == NULL);
    CHECK(pyt_getprofile() == NULL);
    pyt_settrace_all_threads(trace);
    pyt_setprofile_all_threads(profile);
    CHECK(pyt_gettrace() == trace);
    CHECK(pyt_getprofile() == profile);
    pyt_settrace_all_threads(NULL);
    pyt_setprofile_all_threads(NULL);
    CHECK(pyt_gettrace() == NULL);
    CHECK(pyt_getprofile() == NULL);
}

static void *already_called(void *arg) {
    CHECK_STR(by_trace.events, "C");
    CHECK_STR(by_profile.events, "C");
    return arg;
}

TEST(threads_started_later_are_traced_and_profiled) {
    pyt_settrace(trace);
    pyt_setprofile(profile);
    pyt_thread *thread = test_thread(already_called, NULL);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STR(by_trace.events, "CR");
    CHECK_STR(by_profile.events, "CR");
    CHECK(by_trace.thread == thread);
    CHECK(by_profile.thread == thread);
    pyt_thread_unref(thread);
}

static void *exit_by_itself(void *arg) {
    (void)arg;
    pyt_exit();
}

TEST(a_raise_is_an_exception_and_an_exit_is_a_return) {
    pyt_settrace(trace);
    pyt_setprofile(profile);
    pyt_set_excepthook(record_raise);
    test_join(test_thread(raise_its_argument, (void *)"traced"));
    CHECK_STR(by_trace.events, "CE");
    CHECK_STR(by_profile.events, "CE");
    forget();
    test_join(test_thread(exit_by_itself, NULL));
    CHECK_STR(by_trace.events, "CR");
    CHECK_STR(by_profile.events, "CR");
}

static void raise_at_the_end(pyt_thread *thread, pyt_trace_event event) {
    trace(thread, event);
    if (event != PYT_TRACE_CALL) {
        pyt_raise(31, "the trace function's own");
    }
}

TEST(a_raise_of_the_trace_function_at_the_end_is_reported_and_the_result_stays) {
    pyt_settrace(raise_at_the_end);
    pyt_setprofile(profile);
    pyt_set_excepthook(record_raise);
    test_join(test_thread(nothing, NULL));
    long before = test_live_allocations();
    for (int i = 2; i < 5; i++) {
        pyt_thread *thread = test_thread(nothing, &hooked);
        void *result = NULL;
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
        CHECK(result == &hooked);
        CHECK_INT(atomic_load(&hooked.calls), i);
        CHECK_INT(hooked.code, 31);
        CHECK_STR(hooked.message, "the trace function's own");
        pyt_thread_unref(thread);
        CHECK_INT(test_live_allocations(), before);
    }
    CHECK_STR(by_trace.events, "CRCRCRCR");
}

TEST(a_raise_of_target_and_trace_function_are_both_reported) {
    pyt_settrace(raise_at_the_end);
    pyt_set_excepthook(record_raise);
    pyt_thread *thread = test_thread(raise_its_argument, (void *)"the target's own");
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_INT(atomic_load(&hooked.calls), 2);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "the target's own");
    pyt_thread_unref(thread);
    CHECK_STR(by_trace.events, "CE");
}

TEST(after_the_function_is_taken_away_later_threads_are_not_traced) {
    pyt_settrace(trace);
    pyt_setprofile(profile);
    pyt_settrace(NULL);
    test_join(test_thread(nothing, NULL));
    CHECK_STR(by_trace.events, "");
    CHECK_STR(by_profile.events, "CR");
}

static void fire(void *arg) {
    *(int *)arg += 1;
}

TEST(a_timer_that_fires_is_traced_as_a_thread) {
    int fired = 0;
    pyt_settrace(trace);
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, 0, fire, &fired), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    CHECK_STATUS(pyt_thread_join(timer), PYT_OK);
    CHECK_INT(fired, 1);
    CHECK_STR(by_trace.events, "CR");
    CHECK(by_trace.thread == timer);
    pyt_thread_unref(timer);
}

typedef struct place {
    pyt_event arrived;
    pyt_event leave;
} place;

static void *stay(void *arg) {
    place *here = arg;
    CHECK_STATUS(pyt_event_set(&here->arrived), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&here->leave), PYT_OK);
    return here;
}

static pyt_thread *thread_at(place *here) {
    pyt_thread *thread = test_thread(stay, here);
    CHECK_STATUS(pyt_event_wait(&here->arrived), PYT_OK);
    return thread;
}

static void leave_and_join(place *here, pyt_thread *thread) {
    CHECK_STATUS(pyt_event_set(&here->leave), PYT_OK);
    test_join(thread);
}

TEST(settrace_does_not_reach_threads_that_run, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    pyt_settrace(trace);
    pyt_setprofile(profile);
    leave_and_join(&here, thread);
    CHECK_STR(by_trace.events, "");
    CHECK_STR(by_profile.events, "");
}

TEST(a_running_thread_keeps_the_function_it_began_with, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_settrace(trace);
    pyt_setprofile(profile);
    pyt_thread *thread = thread_at(&here);
    pyt_settrace(other);
    pyt_setprofile(NULL);
    leave_and_join(&here, thread);
    CHECK_STR(by_trace.events, "CR");
    CHECK_STR(by_profile.events, "CR");
    CHECK_STR(by_other.events, "");
}

TEST(settrace_all_threads_reaches_threads_that_run_and_later_ones, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    pyt_settrace_all_threads(trace);
    CHECK_STR(by_trace.events, "");
    leave_and_join(&here, thread);
    CHECK_STR(by_trace.events, "R");
    CHECK_STR(by_profile.events, "");
    test_join(test_thread(nothing, NULL));
    CHECK_STR(by_trace.events, "RCR");
}

TEST(setprofile_all_threads_reaches_threads_that_run_and_later_ones, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    pyt_setprofile_all_threads(profile);
    CHECK_STR(by_profile.events, "");
    leave_and_join(&here, thread);
    CHECK_STR(by_profile.events, "R");
    CHECK_STR(by_trace.events, "");
    test_join(test_thread(nothing, NULL));
    CHECK_STR(by_profile.events, "RCR");
}

TEST(the_all_threads_forms_can_take_the_function_away_again, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_settrace(trace);
    pyt_setprofile(profile);
    pyt_thread *thread = thread_at(&here);
    pyt_settrace_all_threads(NULL);
    pyt_setprofile_all_threads(other);
    leave_and_join(&here, thread);
    CHECK_STR(by_trace.events, "C");
    CHECK_STR(by_profile.events, "C");
    CHECK_STR(by_other.events, "R");
}

static atomic_int counted_events;

static void count_event(pyt_thread *thread, pyt_trace_event event) {
    (void)thread;
    atomic_fetch_add(&counted_events, event == PYT_TRACE_CALL ? 1 : 1000);
}

static void *set_for_all(void *arg) {
    for (int i = 0; i < test_scale(200); i++) {
        pyt_settrace_all_threads(i % 2 == 0 ? count_event : NULL);
        pyt_setprofile(i % 2 == 0 ? count_event : NULL);
    }
    return arg;
}

TEST(functions_can_be_set_for_all_while_threads_come_and_go) {
    pyt_thread *setter = test_thread(set_for_all, NULL);
    for (int i = 0; i < test_scale(200); i++) {
        test_join(test_thread(nothing, NULL));
    }
    test_join(setter);
    pyt_settrace_all_threads(NULL);
    pyt_setprofile_all_threads(NULL);
    int before = atomic_load(&counted_events);
    test_join(test_thread(nothing, NULL));
    CHECK_INT(atomic_load(&counted_events), before);
}
