/* enumerate, active_count, current_thread, main_thread, and threads the library did not make. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

#if defined(__has_include)
#if __has_include(<threads.h>) && !defined(__STDC_NO_THREADS__)
#include <threads.h>
#define HAVE_C11_THREADS 1
#endif
#endif

/* A place where a thread reports that it has come, and stays until it is let go. */
typedef struct place {
    pyt_event arrived;
    pyt_event leave;
    pyt_thread *self;
} place;

static void *stay(void *arg) {
    place *here = arg;
    here->self = pyt_current_thread();
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

/* How often `thread` is in the list of all threads. */
static int listed(const pyt_thread *thread) {
    pyt_thread *list[64];
    size_t count = pyt_enumerate(list, 64);
    int found = 0;
    CHECK(count <= 64);
    for (size_t i = 0; i < count; i++) {
        CHECK(list[i] != NULL);
        found += list[i] == thread;
        pyt_thread_unref(list[i]);
    }
    return found;
}

static bool is_name_of_a_dummy(const char *name) {
    const char *digits = name + strlen("Dummy-");
    return strncmp(name, "Dummy-", strlen("Dummy-")) == 0 && digits[0] >= '1' && digits[0] <= '9' &&
           strspn(digits, "0123456789") == strlen(digits);
}

/* ---- the main thread ------------------------------------------------------------------------ */

TEST(before_any_thread_is_made_the_main_thread_is_alone) {
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(pyt_enumerate(NULL, 0), 1);
    pyt_thread *list[2] = {NULL, NULL};
    CHECK_INT(pyt_enumerate(list, 2), 1);
    CHECK(list[0] == pyt_main_thread());
    CHECK(list[1] == NULL);
    pyt_thread_unref(list[0]);
    CHECK(pyt_current_thread() == pyt_main_thread());
}

TEST(the_main_thread_is_named_alive_and_no_daemon, NEEDS_MAIN) {
    pyt_thread *thread = pyt_main_thread();
    CHECK_STR(pyt_thread_name(thread), "MainThread");
    CHECK(pyt_thread_is_alive(thread));
    CHECK(!pyt_thread_daemon(thread));
    CHECK_INT(pyt_thread_ident(thread), pyt_get_ident());
    CHECK_STATUS(pyt_thread_set_name(thread, "Head"), PYT_OK);
    CHECK_STR(pyt_thread_name(thread), "Head");
}

TEST_ALONE(the_main_thread_survives_unbalanced_unrefs) {
    for (int i = 0; i < 5; i++) {
        pyt_thread_unref(pyt_main_thread());
    }
    CHECK_STR(pyt_thread_name(pyt_main_thread()), "MainThread");
    CHECK(pyt_current_thread() == pyt_main_thread());
}

static void *look_for_main(void *arg) {
    CHECK(pyt_main_thread() == arg);
    CHECK(pyt_current_thread() != arg);
    CHECK_INT(listed(arg), 1);
    CHECK_STR(pyt_thread_name(arg), "MainThread");
    return NULL;
}

TEST_ALONE(every_thread_sees_the_same_main_thread) {
    pyt_thread *main_thread = pyt_main_thread();
    test_join(test_thread(look_for_main, main_thread));
}

static void *first_call_ever(void *arg) {
    CHECK_STR(pyt_thread_name(pyt_main_thread()), "MainThread");
    CHECK(pyt_main_thread() != pyt_current_thread());
    CHECK(is_name_of_a_dummy(pyt_thread_name(pyt_current_thread())));
    CHECK(pyt_thread_ident(pyt_main_thread()) != pyt_get_ident());
    CHECK_INT(pyt_active_count(), 2);
    return arg;
}

static void *ask_who_i_am_abroad(void *arg) {
    CHECK(pyt_current_thread() != NULL);
    return arg;
}

TEST(a_thread_made_elsewhere_waits_for_whoever_reads_the_list_before_it_is_in_it,
     NEEDS_THREADS | NEEDS_THREAD_ENDS | NEEDS_FOREIGN_THREADS) {
    CHECK_INT(pyt_active_count(), 1);
    pyt_lock *registry = test_list_lock(2);
    CHECK_STATUS(pyt_lock_acquire(registry), PYT_OK);
    test_raw foreign = test_raw_start(ask_who_i_am_abroad, NULL);
    test_wait_parked(registry, 1);
    CHECK_STATUS(pyt_lock_release(registry), PYT_OK);
    test_raw_join(foreign);
    CHECK_INT(pyt_active_count(), 1);
}

TEST_ALONE(the_main_thread_is_known_even_if_another_uses_the_library_first,
           NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_MAIN) {
    test_raw foreign;
    foreign = test_raw_start(first_call_ever, NULL);
    test_raw_join(foreign);
    CHECK(pyt_current_thread() == pyt_main_thread());
    CHECK_INT(pyt_thread_ident(pyt_main_thread()), pyt_get_ident());
    CHECK_INT(pyt_active_count(), 1);
}

/* ---- current_thread ------------------------------------------------------------------------- */

TEST(current_thread_is_the_handle_its_maker_has, NEEDS_THREADS) {
    place here = {.self = NULL};
    pyt_thread *thread = thread_at(&here);
    CHECK(here.self == thread);
    CHECK(pyt_current_thread() != thread);
    leave_and_join(&here, thread);
}

TEST(current_thread_is_borrowed_and_costs_no_reference, NEEDS_THREADS) {
    place here = {.self = NULL};
    pyt_thread *thread = thread_at(&here);
    leave_and_join(&here, thread);
    long before = test_live_allocations();
    for (int i = 0; i < 10; i++) {
        CHECK(pyt_current_thread() == pyt_main_thread());
    }
    CHECK_INT(test_live_allocations(), before);
}

/* ---- enumerate and active_count ------------------------------------------------------------- */

TEST(threads_are_listed_once_from_start_to_end, NEEDS_THREADS) {
    enum {
        count = 10
    };
    place here[count] = {{.self = NULL}};
    pyt_thread *threads[count];
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(
            pyt_thread_new(&threads[i], &(pyt_thread_options){.target = stay, .arg = &here[i]}),
            PYT_OK);
        CHECK_INT(listed(threads[i]), 0);
        CHECK_INT(pyt_active_count(), 1 + i);
        CHECK_STATUS(pyt_thread_start(threads[i]), PYT_OK);
        CHECK_INT(listed(threads[i]), 1);
        CHECK_INT(pyt_active_count(), 2 + i);
    }
    for (int i = 0; i < count; i++) {
        CHECK_INT(listed(threads[i]), 1);
        CHECK_STATUS(pyt_event_set(&here[i].leave), PYT_OK);
        CHECK_STATUS(pyt_thread_join(threads[i]), PYT_OK);
        CHECK_INT(listed(threads[i]), 0);
        CHECK_INT(pyt_active_count(), count - i);
        pyt_thread_unref(threads[i]);
    }
    CHECK_INT(listed(pyt_main_thread()), 1);
}

TEST(after_join_a_thread_is_never_listed) {
    for (int i = 0; i < test_scale(500); i++) {
        pyt_thread *thread = test_thread(nothing, NULL);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_INT(pyt_active_count(), 1);
        CHECK_INT(listed(thread), 0);
        pyt_thread_unref(thread);
    }
}

TEST(enumerate_fills_no_more_than_there_is_room_for, NEEDS_THREADS) {
    place here[3] = {{.self = NULL}};
    pyt_thread *threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = thread_at(&here[i]);
    }
    for (size_t capacity = 0; capacity <= 4; capacity++) {
        pyt_thread *list[5] = {NULL, NULL, NULL, NULL, NULL};
        CHECK_INT(pyt_enumerate(list, capacity), 4);
        for (size_t i = 0; i < capacity; i++) {
            CHECK(list[i] != NULL);
            pyt_thread_unref(list[i]);
        }
        CHECK(list[capacity] == NULL);
    }
    CHECK_INT(pyt_enumerate(NULL, 0), 4);
    for (int i = 0; i < 3; i++) {
        leave_and_join(&here[i], threads[i]);
    }
}

TEST(what_enumerate_hands_out_outlives_the_thread_and_its_makers_handle, NEEDS_THREADS) {
    place here = {.self = NULL};
    pyt_thread *thread = thread_at(&here), *list[2];
    CHECK_STATUS(pyt_thread_set_name(thread, "kept"), PYT_OK);
    CHECK_INT(pyt_enumerate(list, 2), 2);
    leave_and_join(&here, thread);
    pyt_thread *kept = list[0] == pyt_main_thread() ? list[1] : list[0];
    CHECK_STR(pyt_thread_name(kept), "kept");
    CHECK(!pyt_thread_is_alive(kept));
    CHECK_STATUS(pyt_thread_join(kept), PYT_OK);
    void *result = NULL;
    CHECK_STATUS(pyt_thread_result(kept, &result), PYT_OK);
    CHECK(result == &here);
    pyt_thread_unref(list[0]);
    pyt_thread_unref(list[1]);
}

static atomic_bool stop_listing;

static void *list_again_and_again(void *arg) {
    while (!atomic_load(&stop_listing)) {
        pyt_thread *list[64];
        size_t count = pyt_enumerate(list, 64);
        CHECK(count >= 2 && count <= 64);
        for (size_t i = 0; i < count; i++) {
            CHECK(pyt_thread_ident(list[i]) != 0);
            CHECK(pyt_thread_name(list[i])[0] != '\0');
            for (size_t j = 0; j < i; j++) {
                CHECK(list[i] != list[j]);
            }
            pyt_thread_unref(list[i]);
        }
    }
    return arg;
}

TEST(enumerate_is_sound_while_threads_come_and_go, NEEDS_THREADS) {
    pyt_thread *listers[2];
    for (int i = 0; i < 2; i++) {
        listers[i] = test_thread(list_again_and_again, NULL);
    }
    for (int i = 0; i < test_scale(300); i++) {
        pyt_thread *one = test_thread(nothing, NULL);
        pyt_thread *two = test_thread(nothing, NULL);
        pyt_thread_unref(one);
        test_join(two);
    }
    atomic_store(&stop_listing, true);
    for (int i = 0; i < 2; i++) {
        test_join(listers[i]);
    }
}

/* ---- threads made elsewhere ----------------------------------------------------------------- */

typedef struct foreign_place {
    place here;
    size_t count_before;
    pyt_thread *dummy;
} foreign_place;

static void *be_foreign(void *arg) {
    foreign_place *all = arg;
    all->count_before = pyt_active_count();
    all->dummy = pyt_current_thread();
    CHECK(all->dummy != NULL);
    CHECK(pyt_current_thread() == all->dummy);
    CHECK_INT(pyt_thread_ident(all->dummy), pyt_get_ident());
    CHECK_INT(pyt_thread_native_id(all->dummy), pyt_get_native_id());
    stay(&all->here);
    return NULL;
}

static void check_a_living_dummy(foreign_place *all) {
    CHECK_STATUS(pyt_event_wait(&all->here.arrived), PYT_OK);
    pyt_thread *dummy = all->dummy;
    CHECK_INT(all->count_before, 1);
    CHECK_INT(pyt_active_count(), 2);
    CHECK_INT(listed(dummy), 1);
    CHECK(dummy != pyt_main_thread());
    CHECK(is_name_of_a_dummy(pyt_thread_name(dummy)));
    CHECK(pyt_thread_daemon(dummy));
    CHECK(pyt_thread_is_alive(dummy));
    CHECK(pyt_thread_ident(dummy) != 0);
    CHECK(pyt_thread_ident(dummy) != pyt_get_ident());
    CHECK_STATUS(pyt_thread_start(dummy), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join(dummy), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_join_timeout(dummy, 60), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_set_daemon(dummy, false), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_thread_result(dummy, NULL), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_timer_cancel(dummy), PYT_VALUE_ERROR);
}

TEST(a_thread_of_the_systems_own_is_a_dummy_that_disappears_when_it_ends,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    foreign_place all = {.dummy = NULL};
    test_raw foreign;
    foreign = test_raw_start(be_foreign, &all);
    check_a_living_dummy(&all);
    CHECK_STATUS(pyt_event_set(&all.here.leave), PYT_OK);
    test_raw_join(foreign);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(listed(pyt_main_thread()), 1);
}

#ifdef HAVE_C11_THREADS
static int be_foreign_in_c11(void *arg) {
    be_foreign(arg);
    return 0;
}

TEST(a_thread_of_thrd_create_is_a_dummy_that_disappears_when_it_ends,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS | NEEDS_C11_THREADS) {
    foreign_place all = {.dummy = NULL};
    thrd_t foreign;
    CHECK_INT(thrd_create(&foreign, be_foreign_in_c11, &all), thrd_success);
    check_a_living_dummy(&all);
    CHECK_STATUS(pyt_event_set(&all.here.leave), PYT_OK);
    CHECK_INT(thrd_join(foreign, NULL), thrd_success);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(listed(pyt_main_thread()), 1);
}
#endif

TEST(a_kept_dummy_outlives_its_thread_and_is_not_alive,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    foreign_place all = {.dummy = NULL};
    test_raw foreign;
    foreign = test_raw_start(be_foreign, &all);
    CHECK_STATUS(pyt_event_wait(&all.here.arrived), PYT_OK);
    pyt_thread *dummy = pyt_thread_ref(all.dummy);
    pyt_ident ident = pyt_thread_ident(dummy);
    CHECK_STATUS(pyt_event_set(&all.here.leave), PYT_OK);
    test_raw_join(foreign);
    CHECK(!pyt_thread_is_alive(dummy));
    CHECK_INT(pyt_thread_ident(dummy), ident);
    CHECK(is_name_of_a_dummy(pyt_thread_name(dummy)));
    CHECK_INT(listed(dummy), 0);
    pyt_thread_unref(dummy);
}

static void *wait_without_a_name(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    CHECK(pyt_get_ident() != 0);
    CHECK(pyt_get_native_id() != 0);
    return NULL;
}

TEST(a_foreign_thread_that_only_waits_is_not_listed, NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {
    pyt_event event = PYT_EVENT_INIT;
    test_raw foreign;
    foreign = test_raw_start(wait_without_a_name, &event);
    PARKED_EVENT(&event, 1);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_STATUS(pyt_event_set(&event), PYT_OK);
    test_raw_join(foreign);
    CHECK_INT(pyt_active_count(), 1);
}

static void *use_and_end(void *arg) {
    CHECK(pyt_current_thread() != NULL);
    return arg;
}

TEST(foreign_threads_that_come_and_go_leave_nothing_behind,
     NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    test_raw foreign;
    long before = 0;
    for (int i = 0; i < test_scale(200) + 2; i++) {
        foreign = test_raw_start(use_and_end, NULL);
        test_raw_join(foreign);
        CHECK_INT(pyt_active_count(), 1);
        if (i == 1) {
            before = test_live_allocations();
        }
    }
    CHECK_INT(test_live_allocations(), before);
}

TEST(dummies_have_names_of_their_own, NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_MAIN) {
    enum {
        count = 4
    };
    foreign_place all[count] = {{.dummy = NULL}};
    test_raw foreign[count];
    for (int i = 0; i < count; i++) {
        foreign[i] = test_raw_start(be_foreign, &all[i]);
        CHECK_STATUS(pyt_event_wait(&all[i].here.arrived), PYT_OK);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(pyt_thread_name(all[i].dummy), pyt_thread_name(all[j].dummy)) != 0);
        }
    }
    CHECK_INT(pyt_active_count(), 1 + count);
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_event_set(&all[i].here.leave), PYT_OK);
        test_raw_join(foreign[i]);
    }
    CHECK_INT(pyt_active_count(), 1);
}

typedef struct child_of_a_foreign_thread {
    bool daemon;
    pyt_thread *thread;
} child_of_a_foreign_thread;

static void *make_a_thread(void *arg) {
    child_of_a_foreign_thread *child = arg;
    CHECK_STATUS(pyt_thread_new(&child->thread, &(pyt_thread_options){.target = nothing}), PYT_OK);
    child->daemon = pyt_thread_daemon(child->thread);
    CHECK_STATUS(pyt_thread_start(child->thread), PYT_OK);
    return NULL;
}

TEST(a_thread_made_by_a_foreign_thread_inherits_that_it_is_a_daemon,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_MAIN) {
    child_of_a_foreign_thread child = {false, NULL};
    test_raw foreign;
    foreign = test_raw_start(make_a_thread, &child);
    test_raw_join(foreign);
    CHECK(child.daemon);
    test_join(child.thread);
    CHECK_INT(pyt_active_count(), 1);
}

static void *rename_the_dummy(void *arg) {
    char before[64], after[64];
    (void)arg;
    test_system_name(before, sizeof before);
    CHECK(pyt_current_thread() != NULL);
    test_system_name(after, sizeof after);
    CHECK_STR(after, before);
    CHECK_STATUS(pyt_thread_set_name(pyt_current_thread(), "guest"), PYT_OK);
    CHECK_STR(pyt_thread_name(pyt_current_thread()), "guest");
    return NULL;
}

TEST(asking_for_the_dummy_leaves_the_system_name_of_a_foreign_thread_alone,
     NEEDS_FOREIGN_THREADS | NEEDS_NAMES) {
    test_raw foreign;
    foreign = test_raw_start(rename_the_dummy, NULL);
    test_raw_join(foreign);
}
