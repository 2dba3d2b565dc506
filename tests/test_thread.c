/* Thread: names, idents, daemons, arguments, run, results, stacks, start, join, handles. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#if !defined(_WIN32)
#include <sys/resource.h>
#endif

#include "test.h"

/* A place where a thread reports that it has come, and stays until it is let go. */
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

static void *nothing(void *arg) {
    return arg;
}

static pyt_thread *made(const pyt_thread_options *options) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, options), PYT_OK);
    CHECK(thread != NULL);
    return thread;
}

static void start_and_join(pyt_thread *thread) {
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    test_join(thread);
}

/* What a thread leaves behind is freed by itself, a moment after it is seen to be over. */
static void wait_for_live_allocations(long expected) {
    double end = test_now() + 15.0;
    while (test_live_allocations() != expected) {
        if (test_now() > end) {
            CHECK_INT(test_live_allocations(), expected);
        }
        test_sleep(0.001);
    }
}

static void wait_until_alone(void) {
    while (pyt_active_count() != 1) {
        test_sleep(0.001);
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

TEST(unnamed_threads_are_numbered_from_one) {
    pyt_thread *first = made(&(pyt_thread_options){.target = nothing});
    pyt_thread *named = made(&(pyt_thread_options){.target = nothing, .name = "worker"});
    pyt_thread *second = made(NULL);
    CHECK_STR(pyt_thread_name(first), "Thread-1");
    CHECK_STR(pyt_thread_name(named), "worker");
    CHECK_STR(pyt_thread_name(second), "Thread-2");
    pyt_thread_unref(first);
    pyt_thread *third = made(&(pyt_thread_options){.name = NULL});
    CHECK_STR(pyt_thread_name(third), "Thread-3");
    pyt_thread_unref(named);
    pyt_thread_unref(second);
    pyt_thread_unref(third);
}

TEST_ALONE(an_empty_name_counts_as_none) {
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing, .name = ""});
    CHECK_STR(pyt_thread_name(thread), "Thread-1");
    pyt_thread_unref(thread);
}

TEST(the_name_is_copied_when_the_thread_is_made) {
    char name[] = "before";
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing, .name = name});
    memcpy(name, "after.", sizeof name);
    CHECK_STR(pyt_thread_name(thread), "before");
    start_and_join(thread);
}

TEST(names_need_not_be_unique) {
    pyt_thread *one = made(&(pyt_thread_options){.target = nothing, .name = "twin"});
    pyt_thread *two = made(&(pyt_thread_options){.target = nothing, .name = "twin"});
    CHECK(one != two);
    CHECK_STATUS(pyt_thread_start(one), PYT_OK);
    CHECK_STATUS(pyt_thread_start(two), PYT_OK);
    CHECK_STR(pyt_thread_name(one), pyt_thread_name(two));
    test_join(one);
    test_join(two);
}

TEST(a_name_can_be_changed_before_during_and_after_the_run, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = made(&(pyt_thread_options){.target = stay, .arg = &here, .name = "a"});
    CHECK_STATUS(pyt_thread_set_name(thread, "before"), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "before");
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&here.arrived), PYT_OK);
    CHECK_STATUS(pyt_thread_set_name(thread, "during"), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "during");
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "during");
    CHECK_STATUS(pyt_thread_set_name(thread, "after"), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "after");
    pyt_thread_unref(thread);
}

TEST(an_old_name_can_be_read_as_long_as_the_handle_lives) {
    pyt_thread *thread = made(&(pyt_thread_options){.name = "the first name"});
    const char *first = pyt_thread_name(thread);
    CHECK_STATUS(pyt_thread_set_name(thread, "the second name"), PYT_OK);
    const char *second = pyt_thread_name(thread);
    CHECK_STATUS(pyt_thread_set_name(thread, "the third name"), PYT_OK);
    CHECK_STR(first, "the first name");
    CHECK_STR(second, "the second name");
    CHECK_STR(pyt_thread_name(thread), "the third name");
    pyt_thread_unref(thread);
}

TEST(setting_the_name_it_has_from_its_own_storage_is_harmless) {
    pyt_thread *thread = made(&(pyt_thread_options){.name = "a name of its own"});
    CHECK_STATUS(pyt_thread_set_name(thread, pyt_thread_name(thread)), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "a name of its own");
    CHECK_STATUS(pyt_thread_set_name(thread, pyt_thread_name(thread) + 2), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "name of its own");
    pyt_thread_unref(thread);
}

TEST(a_very_long_name_is_kept_whole) {
    char name[5001];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing, .name = name});
    CHECK_STR(pyt_thread_name(thread), name);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    name[0] = 'N';
    CHECK_STATUS(pyt_thread_set_name(thread, name), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), name);
    test_join(thread);
}

static void *rename_often(void *arg) {
    pyt_thread *thread = arg;
    for (int i = 0; i < test_scale(500); i++) {
        CHECK_STATUS(pyt_thread_set_name(thread, i % 2 == 0 ? "even" : "uneven"), PYT_OK);
        const char *name = pyt_thread_name(thread);
        CHECK(strcmp(name, "even") == 0 || strcmp(name, "uneven") == 0);
    }
    return NULL;
}

TEST(a_name_can_be_changed_and_read_by_many_threads_at_once) {
    pyt_thread *subject = made(&(pyt_thread_options){.name = "even"});
    pyt_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = test_thread(rename_often, subject);
    }
    for (int i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    pyt_thread_unref(subject);
}

typedef struct system_names {
    char at_start[64];
    char renamed[64];
} system_names;

static void *read_system_name(void *arg) {
    system_names *names = arg;
    test_system_name(names->at_start, sizeof names->at_start);
    CHECK_STATUS(pyt_thread_set_name(pyt_current_thread(), "renamed"), PYT_OK);
    test_system_name(names->renamed, sizeof names->renamed);
    return NULL;
}

TEST(the_operating_system_is_told_the_name, NEEDS_THREADS | NEEDS_NAMES) {
    static const char *const given[] = {"short", "fifteen-bytes--", "sixteen-bytes---",
                                        "a name that is a good deal longer"};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        system_names names;
        char seen[64];
        snprintf(seen, sizeof seen, "%.*s", TEST_NAME_MAX, given[i]);
        start_and_join(made(
            &(pyt_thread_options){.target = read_system_name, .arg = &names, .name = given[i]}));
        CHECK_STR(names.at_start, seen);
    }
}

TEST(a_thread_that_renames_itself_is_renamed_for_the_system_too, NEEDS_THREADS | NEEDS_NAMES) {
    system_names names;
    start_and_join(
        made(&(pyt_thread_options){.target = read_system_name, .arg = &names, .name = "original"}));
    CHECK_STR(names.at_start, "original");
    CHECK_STR(names.renamed, "renamed");
}

#if !defined(_WIN32)
/* The name of another thread goes through a file on Linux; here none can be opened. */
TEST(errno_stays_as_it_was_when_the_system_cannot_be_told_a_name, NEEDS_THREADS | NEEDS_POSIX) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    struct rlimit before, tight;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    tight = before;
    tight.rlim_cur = 0;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &tight), 0);
    errno = 777;
    pyt_status status = pyt_thread_set_name(thread, "unheard of");
    int seen = errno;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_STATUS(status, PYT_OK);
    CHECK_INT(seen, 777);
    CHECK_STR(pyt_thread_name(thread), "unheard of");
    leave_and_join(&here, thread);
}
#endif

TEST(the_system_name_of_the_main_thread_stays_that_of_the_program, NEEDS_NAMES) {
    char before[64], after[64];
    test_system_name(before, sizeof before);
    CHECK_STR(pyt_thread_name(pyt_main_thread()), "MainThread");
    test_join(test_thread(nothing, NULL));
    test_system_name(after, sizeof after);
    CHECK_STR(after, before);
}

/* ---- ident and native id -------------------------------------------------------------------- */

typedef struct identity {
    pyt_ident ident;
    unsigned long native_id, system_id;
    pyt_thread *current;
} identity;

static void *identify(void *arg) {
    identity *seen = arg;
    seen->ident = pyt_get_ident();
    seen->native_id = pyt_get_native_id();
    seen->system_id = test_system_id();
    seen->current = pyt_current_thread();
    return NULL;
}

TEST(ident_and_native_id_are_zero_before_start_and_kept_after_the_end, NEEDS_THREAD_IDS) {
    identity seen;
    pyt_thread *thread = made(&(pyt_thread_options){.target = identify, .arg = &seen});
    CHECK_INT(pyt_thread_ident(thread), 0);
    CHECK_INT(pyt_thread_native_id(thread), 0);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK(seen.ident != 0);
    CHECK_INT(pyt_thread_ident(thread), seen.ident);
    CHECK_INT(pyt_thread_native_id(thread), seen.native_id);
    CHECK_INT(seen.native_id, seen.system_id);
    CHECK(seen.current == thread);
    pyt_thread_unref(thread);
}

TEST(start_returns_only_after_the_ident_is_published) {
    for (int i = 0; i < test_scale(1000); i++) {
        pyt_thread *thread = test_thread(nothing, NULL);
        CHECK(pyt_thread_ident(thread) != 0);
        CHECK(pyt_thread_native_id(thread) != 0);
        test_join(thread);
    }
}

TEST(the_main_thread_has_the_ident_and_native_id_of_the_process, NEEDS_MAIN | NEEDS_THREAD_IDS) {
    pyt_thread *thread = pyt_main_thread();
    CHECK(pyt_get_ident() != 0);
    CHECK_INT(pyt_thread_ident(thread), pyt_get_ident());
    CHECK_INT(pyt_thread_native_id(thread), pyt_get_native_id());
    CHECK_INT(pyt_get_native_id(), test_system_id());
}

TEST(idents_of_running_threads_all_differ, NEEDS_THREADS) {
    enum {
        count = 16
    };
    place here[count] = {0};
    pyt_thread *threads[count];
    for (int i = 0; i < count; i++) {
        threads[i] = thread_at(&here[i]);
        CHECK(pyt_thread_ident(threads[i]) != pyt_get_ident());
        CHECK(pyt_thread_native_id(threads[i]) != pyt_get_native_id());
        for (int j = 0; j < i; j++) {
            CHECK(pyt_thread_ident(threads[i]) != pyt_thread_ident(threads[j]));
            CHECK(pyt_thread_native_id(threads[i]) != pyt_thread_native_id(threads[j]));
        }
    }
    for (int i = 0; i < count; i++) {
        leave_and_join(&here[i], threads[i]);
    }
}

/* ---- daemon --------------------------------------------------------------------------------- */

typedef struct inheritance {
    bool inherited, asked_true, asked_false;
} inheritance;

static void *make_children(void *arg) {
    inheritance *seen = arg;
    pyt_thread *child = made(&(pyt_thread_options){.target = nothing});
    seen->inherited = pyt_thread_daemon(child);
    pyt_thread_unref(child);
    child = made(&(pyt_thread_options){.daemon = PYT_DAEMON_TRUE});
    seen->asked_true = pyt_thread_daemon(child);
    pyt_thread_unref(child);
    child = made(&(pyt_thread_options){.daemon = PYT_DAEMON_FALSE});
    seen->asked_false = pyt_thread_daemon(child);
    pyt_thread_unref(child);
    return NULL;
}

TEST(the_main_thread_is_no_daemon_and_neither_are_its_children) {
    inheritance seen;
    CHECK(!pyt_thread_daemon(pyt_main_thread()));
    make_children(&seen);
    CHECK(!seen.inherited);
    CHECK(seen.asked_true);
    CHECK(!seen.asked_false);
}

TEST(daemon_is_inherited_from_the_creating_thread) {
    for (int daemon = 0; daemon < 2; daemon++) {
        inheritance seen;
        start_and_join(made(
            &(pyt_thread_options){.target = make_children,
                                  .arg = &seen,
                                  .daemon = daemon != 0 ? PYT_DAEMON_TRUE : PYT_DAEMON_FALSE}));
        CHECK_INT(seen.inherited, daemon);
        CHECK(seen.asked_true);
        CHECK(!seen.asked_false);
    }
}

static void *start_it(void *arg) {
    CHECK_STATUS(pyt_thread_start(arg), PYT_OK);
    return NULL;
}

TEST(daemon_is_inherited_from_the_maker_not_from_the_starter) {
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing});
    start_and_join(
        made(&(pyt_thread_options){.target = start_it, .arg = thread, .daemon = PYT_DAEMON_TRUE}));
    CHECK(!pyt_thread_daemon(thread));
    test_join(thread);
}

TEST(daemon_can_be_set_before_start_and_not_after, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = made(&(pyt_thread_options){.target = stay, .arg = &here});
    CHECK_STATUS(pyt_thread_set_daemon(thread, true), PYT_OK);
    CHECK(pyt_thread_daemon(thread));
    CHECK_STATUS(pyt_thread_set_daemon(thread, false), PYT_OK);
    CHECK(!pyt_thread_daemon(thread));
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_set_daemon(thread, true), PYT_RUNTIME_ERROR);
    CHECK(!pyt_thread_daemon(thread));
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_set_daemon(thread, true), PYT_RUNTIME_ERROR);
    CHECK(!pyt_thread_daemon(thread));
    pyt_thread_unref(thread);
    CHECK_STATUS(pyt_thread_set_daemon(pyt_main_thread(), true), PYT_RUNTIME_ERROR);
    CHECK(!pyt_thread_daemon(pyt_main_thread()));
}

/* ---- arguments ------------------------------------------------------------------------------ */

static void *first_int(void *arg) {
    return (void *)(intptr_t) * (int *)arg;
}

TEST(an_argument_without_a_size_is_handed_over_as_it_is) {
    int value = 1;
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing, .arg = &value});
    CHECK(pyt_thread_arg(thread) == &value);
    void *result = NULL;
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == &value);
    pyt_thread_unref(thread);
}

TEST(an_argument_with_a_size_is_copied_when_the_thread_is_made) {
    enum {
        count = 8
    };
    pyt_thread *threads[count];
    for (int i = 0; i < count; i++) {
        threads[i] =
            made(&(pyt_thread_options){.target = first_int, .arg = &i, .arg_size = sizeof i});
        CHECK(pyt_thread_arg(threads[i]) != &i);
        CHECK_INT(*(int *)pyt_thread_arg(threads[i]), i);
    }
    for (int i = 0; i < count; i++) {
        void *result = NULL;
        CHECK_STATUS(pyt_thread_start(threads[i]), PYT_OK);
        CHECK_STATUS(pyt_thread_join(threads[i]), PYT_OK);
        CHECK_STATUS(pyt_thread_result(threads[i], &result), PYT_OK);
        CHECK_INT((intptr_t)result, i);
        pyt_thread_unref(threads[i]);
    }
}

TEST(the_target_is_handed_the_copy_that_the_handle_shows) {
    long value = 5;
    void *result = NULL;
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = nothing, .arg = &value, .arg_size = sizeof value});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == pyt_thread_arg(thread));
    CHECK_INT(*(long *)result, 5);
    pyt_thread_unref(thread);
}

static void *sum_bytes(pyt_thread *self) {
    unsigned char *bytes = pyt_thread_arg(self);
    uintptr_t sum = 0;
    for (size_t i = 1; i <= bytes[0]; i++) {
        sum += bytes[i];
        bytes[i] = 0;
    }
    return (void *)sum;
}

TEST(copies_of_every_size_are_whole_and_aligned_for_any_type) {
    unsigned char bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)i;
    }
    for (size_t size = 1; size <= 255; size += (size < 40 ? 1 : 43)) {
        bytes[0] = (unsigned char)(size - 1);
        pyt_thread *thread = made(
            &(pyt_thread_options){.run = sum_bytes, .arg = bytes, .arg_size = size, .name = "sum"});
        CHECK_INT((uintptr_t)pyt_thread_arg(thread) % _Alignof(max_align_t), 0);
        CHECK(memcmp(pyt_thread_arg(thread), bytes, size) == 0);
        void *result = NULL;
        CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
        CHECK_INT((uintptr_t)result, (size - 1) * size / 2);
        pyt_thread_unref(thread);
    }
    CHECK_INT(bytes[255], 255);
}

/* ---- run ------------------------------------------------------------------------------------ */

typedef struct run_record {
    int targets, overrides;
    pyt_thread *self;
    pyt_ident ident;
    pyt_status standard;
} run_record;

static void *record_target(void *arg) {
    run_record *record = arg;
    record->targets++;
    record->ident = pyt_get_ident();
    return (void *)"from target";
}

static void *override_only(pyt_thread *self) {
    run_record *record = pyt_thread_arg(self);
    record->overrides++;
    record->self = self;
    record->ident = pyt_get_ident();
    return (void *)"from override";
}

static void *override_and_standard(pyt_thread *self) {
    run_record *record = pyt_thread_arg(self);
    record->overrides++;
    record->standard = pyt_thread_run(self);
    return (void *)"from override";
}

TEST(an_override_runs_instead_of_the_target) {
    run_record record = {0};
    void *result = NULL;
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = record_target, .arg = &record, .run = override_only});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_INT(record.targets, 0);
    CHECK_INT(record.overrides, 1);
    CHECK(record.self == thread);
    CHECK_INT(record.ident, pyt_thread_ident(thread));
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK_STR(result, "from override");
    pyt_thread_unref(thread);
}

TEST(an_override_can_call_the_standard_run) {
    run_record record = {0};
    void *result = NULL;
    pyt_thread *thread = made(&(pyt_thread_options){
        .target = record_target, .arg = &record, .run = override_and_standard});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_INT(record.overrides, 1);
    CHECK_INT(record.targets, 1);
    CHECK_STATUS(record.standard, PYT_OK);
    CHECK_INT(record.ident, pyt_thread_ident(thread));
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK_STR(result, "from override");
    pyt_thread_unref(thread);
}

TEST(run_called_by_hand_runs_in_the_callers_thread) {
    run_record record = {0};
    pyt_thread *thread = made(&(pyt_thread_options){.target = record_target, .arg = &record});
    CHECK_STATUS(pyt_thread_run(thread), PYT_OK);
    CHECK_INT(record.targets, 1);
    CHECK_INT(record.ident, pyt_get_ident());
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_INT(pyt_thread_ident(thread), 0);
    CHECK_INT(pyt_active_count(), 1);
    pyt_thread_unref(thread);
}

TEST(run_called_by_hand_calls_the_override_and_it_the_standard_run) {
    run_record record = {0};
    pyt_thread *thread = made(&(pyt_thread_options){
        .target = record_target, .arg = &record, .run = override_and_standard});
    CHECK_STATUS(pyt_thread_run(thread), PYT_OK);
    CHECK_INT(record.overrides, 1);
    CHECK_INT(record.targets, 1);
    CHECK_STATUS(record.standard, PYT_OK);
    CHECK_INT(record.ident, pyt_get_ident());
    pyt_thread_unref(thread);
}

TEST(a_thread_with_nothing_to_run_starts_and_ends) {
    void *result = &result;
    pyt_thread *thread = made(NULL);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == NULL);
    pyt_thread_unref(thread);
}

/* ---- result and the ways to end ------------------------------------------------------------- */

TEST(the_result_is_there_when_the_thread_is_finished_and_not_before, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    void *result = NULL;
    pyt_thread *thread = made(&(pyt_thread_options){.target = stay, .arg = &here});
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&here.arrived), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_RUNTIME_ERROR);
    CHECK(result == NULL);
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    for (int i = 0; i < 2; i++) {
        result = NULL;
        CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
        CHECK(result == &here);
    }
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_OK);
    pyt_thread_unref(thread);
    CHECK_STATUS(pyt_thread_result(pyt_main_thread(), &result), PYT_RUNTIME_ERROR);
}

static int exit_below(volatile const int *depth) {
    volatile int below = *depth - 1;
    if (below < 0) {
        pyt_exit();
    }
    return below < 1000 ? exit_below(&below) + below : below;
}

static void *exit_deep_down(void *arg) {
    int *steps = arg;
    *steps = 1;
    int depth = 20;
    *steps = 1 + exit_below(&depth);
    return arg;
}

static void *exit_from_run(pyt_thread *self) {
    return exit_deep_down(pyt_thread_arg(self));
}

static atomic_int hook_calls;

static void count_hook_calls(const pyt_excepthook_args *args) {
    CHECK(args != NULL);
    atomic_fetch_add(&hook_calls, 1);
}

TEST(exit_ends_the_thread_at_once_and_in_silence) {
    pyt_set_excepthook(count_hook_calls);
    for (int override = 0; override < 2; override++) {
        int steps = 0;
        void *result = &steps;
        pyt_thread *thread = made(&(pyt_thread_options){
            .target = exit_deep_down, .arg = &steps, .run = override != 0 ? exit_from_run : NULL});
        CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK(!pyt_thread_is_alive(thread));
        CHECK_INT(steps, 1);
        CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
        CHECK(result == NULL);
        pyt_thread_unref(thread);
    }
    CHECK_INT(atomic_load(&hook_calls), 0);
}

static void *raise_with_a_message_of_its_own(void *arg) {
    char message[64];
    snprintf(message, sizeof message, "no room for %d %s", 7, "wolves");
    pyt_lock *held = arg;
    CHECK_STATUS(pyt_lock_acquire(held), PYT_OK);
    pyt_raise(42, message);
}

TEST(a_raise_ends_the_thread_and_shows_in_its_result) {
    pyt_set_excepthook(count_hook_calls);
    pyt_lock lock = PYT_LOCK_INIT;
    void *result = NULL;
    pyt_thread *thread = test_thread(raise_with_a_message_of_its_own, &lock);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_INT(atomic_load(&hook_calls), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_thread_result(thread, &result), PYT_TASK_ERROR);
        CHECK(strstr(pyt_error_message(), "no room for 7 wolves") != NULL);
        CHECK_STATUS(pyt_lock_release(NULL), PYT_VALUE_ERROR);
        CHECK(strstr(pyt_error_message(), "wolves") == NULL);
    }
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
    pyt_thread_unref(thread);
    CHECK(pyt_lock_locked(&lock));
    CHECK_STATUS(pyt_lock_release(&lock), PYT_OK);
}

/* ---- stacks --------------------------------------------------------------------------------- */

static void *own_stack_size(void *arg) {
    (void)arg;
    return (void *)(uintptr_t)test_stack_size();
}

static size_t stack_size_seen(size_t asked) {
    void *result = NULL;
    pyt_thread *thread = made(&(pyt_thread_options){.target = own_stack_size, .stack_size = asked});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    pyt_thread_unref(thread);
    return (size_t)(uintptr_t)result;
}

TEST_ALONE(the_stack_size_of_the_options_is_really_used, NEEDS_THREADS) {
    /* Above what a sanitizer asks for itself; the slack is for guard pages and rounding. */
    static const size_t sizes[] = {2u << 20, 3u << 20, 16u << 20};
    const size_t slack = 128u << 10;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t seen = stack_size_seen(sizes[i]);
        CHECK(seen + slack >= sizes[i]);
        CHECK(seen <= sizes[i] + slack);
    }
}

TEST(a_stack_size_that_is_no_multiple_of_a_page_is_rounded_up, NEEDS_THREADS) {
    size_t seen = stack_size_seen((2u << 20) + 1);
    CHECK(seen > 2u << 20);
    CHECK(seen <= (2u << 20) + (128u << 10));
    size_t rounded = stack_size_seen((5u << 20) - 1); /* one that is a multiple stays as it is */
    CHECK_INT(stack_size_seen(5u << 20), rounded);
}

/* Stacks are used again by the C library, larger ones for smaller wishes too: what grows is sure
 * to be new. */
TEST_ALONE(set_stack_size_holds_for_threads_that_do_not_ask_for_one, NEEDS_THREADS) {
    const size_t size = 3u << 20, slack = 128u << 10;
    CHECK_INT(pyt_stack_size(), 0);
    CHECK_STATUS(pyt_set_stack_size(size), PYT_OK);
    CHECK_INT(pyt_stack_size(), size);
    size_t seen = stack_size_seen(0);
    CHECK(seen + slack >= size && seen <= size + slack);
    seen = stack_size_seen(5u << 20);
    CHECK(seen + slack >= 5u << 20 && seen <= (5u << 20) + slack);
}

TEST(without_a_wish_the_stack_is_as_large_as_the_system_makes_it) {
    CHECK_STATUS(pyt_set_stack_size(64u << 10), PYT_OK);
    CHECK_STATUS(pyt_set_stack_size(0), PYT_OK);
    CHECK(stack_size_seen(0) + (128u << 10) >= test_standard_stack_size());
}

static int eat_stack(int pages, volatile char *above) {
    volatile char page[4096];
    page[0] = *above;
    page[4095] = (char)pages;
    return pages == 0 ? 0 : eat_stack(pages - 1, page) + (page[0] == *above);
}

static void *eat(void *arg) {
    volatile char first = 1;
    return (void *)(intptr_t)eat_stack(*(int *)arg, &first);
}

TEST(a_large_stack_can_be_filled, NEEDS_THREADS) {
    int pages = 24 << 8;
    void *result = NULL;
    pyt_thread *thread = made(&(pyt_thread_options){
        .target = eat, .arg = &pages, .stack_size = TEST_SANITIZED ? 256u << 20 : 32u << 20});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK_INT((intptr_t)result, pages);
    pyt_thread_unref(thread);
}

TEST(the_smallest_stack_is_enough_to_use_the_library, NEEDS_THREADS | NOT_SANITIZED,
     "a sanitizer's runtime needs more stack than this") {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = stay, .arg = &here, .stack_size = 32768});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    PARKED_EVENT(&here.leave, 1);
    leave_and_join(&here, thread);
}

/* ---- start ---------------------------------------------------------------------------------- */

TEST(a_thread_starts_once, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    CHECK_STATUS(pyt_thread_start(thread), PYT_RUNTIME_ERROR);
    CHECK(pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_RUNTIME_ERROR);
    CHECK(!pyt_thread_is_alive(thread));
    pyt_thread_unref(thread);
    CHECK_STATUS(pyt_thread_start(pyt_main_thread()), PYT_RUNTIME_ERROR);
}

typedef struct race {
    pyt_barrier start_line;
    pyt_thread *thread;
    atomic_int runs, won, lost;
} race;

static void *count_run(void *arg) {
    race *r = arg;
    atomic_fetch_add(&r->runs, 1);
    return NULL;
}

static void *race_to_start(void *arg) {
    race *r = arg;
    CHECK_STATUS(pyt_barrier_wait(&r->start_line, NULL), PYT_OK);
    pyt_status status = pyt_thread_start(r->thread);
    if (status == PYT_OK) {
        atomic_fetch_add(&r->won, 1);
    } else {
        CHECK_STATUS(status, PYT_RUNTIME_ERROR);
        atomic_fetch_add(&r->lost, 1);
    }
    return NULL;
}

TEST(of_many_threads_that_start_one_only_one_does, NEEDS_THREADS) {
    enum {
        count = 4
    };
    for (int round = 0; round < test_scale(50); round++) {
        race r = {.start_line = PYT_BARRIER_INIT(count)};
        r.thread = made(&(pyt_thread_options){.target = count_run, .arg = &r});
        pyt_thread *threads[count];
        for (int i = 0; i < count; i++) {
            threads[i] = test_thread(race_to_start, &r);
        }
        for (int i = 0; i < count; i++) {
            test_join(threads[i]);
        }
        test_join(r.thread);
        CHECK_INT(atomic_load(&r.won), 1);
        CHECK_INT(atomic_load(&r.lost), count - 1);
        CHECK_INT(atomic_load(&r.runs), 1);
    }
}

static void check_as_before_start(pyt_thread *thread) {
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_INT(pyt_thread_ident(thread), 0);
    CHECK_INT(pyt_thread_native_id(thread), 0);
    CHECK_STATUS(pyt_thread_join(thread), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_RUNTIME_ERROR);
    CHECK_INT(pyt_active_count(), 1);
}

TEST(a_start_for_which_there_is_no_room_is_refused_and_changes_nothing, NEEDS_THREADS) {
    /* A quarter of all addresses is 1 GB in a 32-bit program, which may well have it. */
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = nothing, .stack_size = SIZE_MAX - SIZE_MAX / 64});
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_thread_start(thread), PYT_MEMORY_ERROR);
        check_as_before_start(thread);
        CHECK_STATUS(pyt_thread_set_daemon(thread, true), PYT_OK);
    }
    pyt_thread_unref(thread);
}

#if !defined(_WIN32)
TEST(a_failed_start_can_be_tried_again_and_then_succeeds,
     NEEDS_THREADS | NEEDS_POSIX | NOT_EMULATED | NOT_SANITIZED,
     "address space cannot be limited here") {
    test_join(test_thread(nothing, NULL));
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = nothing, .arg = &thread, .stack_size = 512u << 20});
    struct rlimit before, tight;
    CHECK_INT(getrlimit(RLIMIT_AS, &before), 0);
    tight = before;
    tight.rlim_cur = 256u << 20;
    CHECK_INT(setrlimit(RLIMIT_AS, &tight), 0);
    pyt_status status = pyt_thread_start(thread);
    CHECK_INT(setrlimit(RLIMIT_AS, &before), 0);
    CHECK_STATUS(status, PYT_MEMORY_ERROR);
    check_as_before_start(thread);
    void *result = NULL;
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == &thread);
    pyt_thread_unref(thread);
}
#endif

/* ---- is_alive and join ---------------------------------------------------------------------- */

TEST(a_thread_is_alive_from_start_to_end, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = made(&(pyt_thread_options){.target = stay, .arg = &here});
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK(pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK(!pyt_thread_is_alive(thread));
    pyt_thread_unref(thread);
    CHECK(pyt_thread_is_alive(pyt_main_thread()));
}

TEST(join_before_start_is_refused) {
    pyt_thread *thread = made(&(pyt_thread_options){.target = nothing});
    CHECK_STATUS(pyt_thread_join(thread), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join_timeout(thread, 0), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join_timeout(thread, 60), PYT_RUNTIME_ERROR);
    start_and_join(thread);
}

static void *join_self(void *arg) {
    (void)arg;
    CHECK_STATUS(pyt_thread_join(pyt_current_thread()), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join_timeout(pyt_current_thread(), 60), PYT_RUNTIME_ERROR);
    return NULL;
}

/* A start that is held up by the system until `call` waits for it. */
typedef struct slow_start {
    pyt_thread *thread;
    test_call *call;
    pyt_event begin;
} slow_start;

static void wait_for_the_other_call(void *arg) {
    slow_start *slow = arg;
    CHECK_STATUS(pyt_event_set(&slow->begin), PYT_OK);
    test_wait_parked(test_start_lock(slow->thread), 1);
}

static pyt_status join_when_begun(void *arg) {
    slow_start *slow = arg;
    CHECK_STATUS(pyt_event_wait(&slow->begin), PYT_OK);
    return pyt_thread_join(slow->thread);
}

static pyt_status ask_native_id_when_begun(void *arg) {
    slow_start *slow = arg;
    CHECK_STATUS(pyt_event_wait(&slow->begin), PYT_OK);
    return pyt_thread_native_id(slow->thread) != 0 ? PYT_OK : PYT_RUNTIME_ERROR;
}

static void meet_a_start(pyt_status (*function)(void *), bool fails) {
    test_call call;
    slow_start slow = {.call = &call};
    pyt_thread_options options = {.target = nothing};
    CHECK_STATUS(pyt_thread_new(&slow.thread, &options), PYT_OK);
    test_begin(&call, function, &slow);
    PARKED_EVENT(&slow.begin, 1);
    test_at_call("thread_start", wait_for_the_other_call, &slow);
    test_fail_nth(fails ? 1 : 0);
    CHECK_STATUS(pyt_thread_start(slow.thread), fails ? PYT_MEMORY_ERROR : PYT_OK);
    CHECK(test_fault_fired() == fails);
    CHECK_STATUS(test_end(&call), fails ? PYT_RUNTIME_ERROR : PYT_OK);
    if (fails) {
        CHECK_STATUS(pyt_thread_start(slow.thread), PYT_OK);
    }
    test_join(slow.thread);
}

TEST(a_join_that_meets_a_start_waits_for_its_outcome, NEEDS_THREADS) {
    meet_a_start(join_when_begun, false);
    meet_a_start(join_when_begun, true);
}

TEST(who_asks_for_the_native_id_during_a_start_waits_for_its_outcome, NEEDS_THREADS) {
    meet_a_start(ask_native_id_when_begun, false);
    meet_a_start(ask_native_id_when_begun, true);
}

TEST(join_of_oneself_is_refused) {
    test_join(test_thread(join_self, NULL));
    join_self(NULL);
    CHECK_STATUS(pyt_thread_join(pyt_main_thread()), PYT_RUNTIME_ERROR);
}

static void *join_main_for_a_while(void *arg) {
    (void)arg;
    double start = test_now();
    CHECK_STATUS(pyt_thread_join_timeout(pyt_main_thread(), 0.02), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.02, 1.0);
    return NULL;
}

TEST(another_thread_can_wait_for_the_main_thread, NEEDS_THREADS) {
    test_join(test_thread(join_main_for_a_while, NULL));
}

TEST(join_with_a_timeout_returns_when_the_time_is_over, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread = thread_at(&here);
    double start = test_now();
    CHECK_STATUS(pyt_thread_join_timeout(thread, 0.05), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.05, 1.0);
    CHECK(pyt_thread_is_alive(thread));
    start = test_now();
    CHECK_STATUS(pyt_thread_join_timeout(thread, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_thread_join_timeout(thread, -1), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.0, 1.0);
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(thread, 60), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(thread, 0), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(thread, -1), PYT_OK);
    pyt_thread_unref(thread);
}

TEST(a_finished_thread_can_be_joined_any_number_of_times) {
    pyt_thread *thread = test_thread(nothing, NULL);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_join_timeout(thread, 1), PYT_OK);
    }
    pyt_thread_unref(thread);
}

typedef struct joiners {
    pyt_thread *thread;
    pyt_semaphore timed_out;
    pyt_lock arrival;
    atomic_int joined;
} joiners;

static void *join_twice(void *arg) {
    joiners *all = arg;
    CHECK_STATUS(pyt_thread_join_timeout(all->thread, 0.01), PYT_TIMEOUT);
    CHECK_STATUS(pyt_semaphore_release(&all->timed_out), PYT_OK);
    CHECK_STATUS(pyt_thread_join(all->thread), PYT_OK);
    CHECK(!pyt_thread_is_alive(all->thread));
    atomic_fetch_add(&all->joined, 1);
    return NULL;
}

static void *join_with_time_to_spare(void *arg) {
    joiners *all = arg;
    CHECK_STATUS(pyt_semaphore_release(&all->timed_out), PYT_OK);
    CHECK_STATUS(pyt_thread_join_timeout(all->thread, 1000), PYT_OK);
    CHECK(!pyt_thread_is_alive(all->thread));
    atomic_fetch_add(&all->joined, 1);
    return NULL;
}

TEST(many_threads_can_join_one_with_and_without_a_timeout, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    enum {
        count = 8
    };
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    joiners all = {.thread = thread_at(&here)};
    pyt_thread *threads[2 * count];
    for (int i = 0; i < count; i++) {
        threads[i] = test_thread(join_twice, &all);
        threads[count + i] = test_thread(join_with_time_to_spare, &all);
    }
    for (int i = 0; i < 2 * count; i++) {
        CHECK_STATUS(pyt_semaphore_acquire(&all.timed_out), PYT_OK);
    }
    CHECK_INT(atomic_load(&all.joined), 0);
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(all.thread), PYT_OK);
    for (int i = 0; i < 2 * count; i++) {
        test_join(threads[i]);
    }
    CHECK_INT(atomic_load(&all.joined), 2 * count);
    pyt_thread_unref(all.thread);
}

/* A destructor that takes its time: it runs when the operating system's thread ends, after
 * everything the library does. */
static void end_slowly(void *value) {
    test_sleep(0.01);
    atomic_store((atomic_int *)value, 1);
}

static void *end_with_a_slow_destructor(void *arg) {
    test_end_hook_set(arg);
    return NULL;
}

typedef struct slow_joiner {
    pyt_thread *thread;
    atomic_int *over;
    bool timed;
} slow_joiner;

static void *join_and_look(void *arg) {
    slow_joiner *joiner = arg;
    CHECK_STATUS(joiner->timed ? pyt_thread_join_timeout(joiner->thread, 60)
                               : pyt_thread_join(joiner->thread),
                 PYT_OK);
    CHECK_INT(atomic_load(joiner->over), 1);
    return NULL;
}

TEST(after_any_join_the_operating_systems_thread_is_over_too,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_IDS) {
    /* Made after the library has made what it needs, so that this destructor is the later one. */
    test_join(test_thread(nothing, NULL));
    test_end_hook(end_slowly);
    for (int round = 0; round < test_scale(10); round++) {
        atomic_int over = 0;
        pyt_thread *thread =
            made(&(pyt_thread_options){.target = end_with_a_slow_destructor, .arg = &over});
        CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
        slow_joiner kinds[2] = {{thread, &over, false}, {thread, &over, true}};
        pyt_thread *threads[4];
        for (int i = 0; i < 4; i++) {
            threads[i] = test_thread(join_and_look, &kinds[i % 2]);
        }
        join_and_look(&kinds[round % 2]);
        for (int i = 0; i < 4; i++) {
            test_join(threads[i]);
        }
        pyt_thread_unref(thread);
    }
}

/* ---- handles -------------------------------------------------------------------------------- */

TEST(a_thread_that_is_never_started_can_be_dropped) {
    pyt_thread_unref(made(NULL));
    long before = test_live_allocations();
    int value = 1;
    pyt_thread_unref(made(&(pyt_thread_options){
        .target = nothing, .arg = &value, .arg_size = sizeof value, .name = "never"}));
    CHECK_INT(test_live_allocations(), before);
}

TEST(a_joined_thread_leaves_nothing_behind_but_its_handle) {
    test_join(test_thread(nothing, NULL));
    long before = test_live_allocations();
    for (int i = 0; i < test_scale(200); i++) {
        test_join(test_thread(nothing, NULL));
    }
    wait_for_live_allocations(before);
}

static void *check_own_handle(void *arg) {
    place *here = arg;
    pyt_thread *self = pyt_current_thread();
    stay(here);
    CHECK(pyt_current_thread() == self);
    CHECK(pyt_thread_is_alive(self));
    CHECK_STR(pyt_thread_name(self), "dropped");
    CHECK_INT(pyt_thread_ident(self), pyt_get_ident());
    return NULL;
}

TEST(a_handle_dropped_while_the_thread_runs_is_freed_when_it_ends, NEEDS_THREADS) {
    /* What a thread waits with is kept for later ones, and the last one may not have given its own
     * back when the next begins: two there have to be. */
    place one = {PYT_EVENT_INIT, PYT_EVENT_INIT}, other = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *first = thread_at(&one);
    leave_and_join(&other, thread_at(&other));
    leave_and_join(&one, first);
    long before = test_live_allocations();
    for (int i = 0; i < 3; i++) {
        place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
        pyt_thread *thread = made(
            &(pyt_thread_options){.target = check_own_handle, .arg = &here, .name = "dropped"});
        CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&here.arrived), PYT_OK);
        pyt_thread_unref(thread);
        CHECK_INT(pyt_active_count(), 2);
        CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
        wait_until_alone();
        wait_for_live_allocations(before);
    }
}

static void *release_one(void *arg) {
    CHECK_STATUS(pyt_semaphore_release(arg), PYT_OK);
    return NULL;
}

TEST(a_thousand_threads_started_and_dropped_all_run_and_all_go) {
    pyt_semaphore ran = PYT_SEMAPHORE_INIT(0);
    int count = test_scale(1000);
    for (int i = 0; i < count; i++) {
        pyt_thread_unref(test_thread(release_one, &ran));
    }
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_semaphore_acquire(&ran), PYT_OK);
    }
    wait_until_alone();
    CHECK_INT(pyt_semaphore_value(&ran), 0);
}

static void *drop_own_handle(void *arg) {
    place *here = arg;
    stay(here);
    pyt_thread *self = pyt_current_thread();
    pyt_thread_unref(self); /* the reference its maker left to it */
    CHECK(pyt_current_thread() == self);
    CHECK_STR(pyt_thread_name(self), "own");
    CHECK_STATUS(pyt_event_clear(&here->arrived), PYT_OK);
    return NULL;
}

TEST(a_thread_can_drop_the_last_handle_of_itself, NEEDS_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    pyt_thread *thread =
        made(&(pyt_thread_options){.target = drop_own_handle, .arg = &here, .name = "own"});
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&here.arrived), PYT_OK);
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    wait_until_alone();
    CHECK(!pyt_event_is_set(&here.arrived));
}

TEST(ref_returns_the_thread_and_keeps_it) {
    pyt_thread *thread = test_thread(nothing, &thread);
    CHECK(pyt_thread_ref(thread) == thread);
    CHECK(pyt_thread_ref(thread) == thread);
    pyt_thread_unref(thread);
    pyt_thread_unref(thread);
    void *result = NULL;
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == &thread);
    pyt_thread_unref(thread);
}

static void *join_and_drop(void *arg) {
    test_join(arg);
    return NULL;
}

TEST(joiners_that_hold_the_last_handles_may_drop_them_at_once) {
    for (int round = 0; round < test_scale(100); round++) {
        pyt_thread *thread = test_thread(nothing, NULL);
        pyt_thread *one = test_thread(join_and_drop, pyt_thread_ref(thread));
        pyt_thread *two = test_thread(join_and_drop, pyt_thread_ref(thread));
        pyt_thread_unref(thread);
        test_join(one);
        test_join(two);
    }
}

static void *start_grandchild(void *arg) {
    test_join(test_thread(nothing, NULL));
    return arg;
}

TEST(a_thread_can_start_and_join_threads_of_its_own) {
    pyt_thread *threads[8];
    for (int i = 0; i < 8; i++) {
        threads[i] = test_thread(start_grandchild, NULL);
    }
    for (int i = 0; i < 8; i++) {
        test_join(threads[i]);
    }
    CHECK_INT(pyt_active_count(), 1);
}
