/* What is particular to Windows: the hook at a thread's end, fibers. Empty elsewhere. */
#include "test.h"

#if defined(_WIN32)

#include <process.h>
#include <stdatomic.h>
#include <windows.h>

static atomic_int destroyed;

static void count_the_end(void *value) {
    (void)value;
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local local = PYT_LOCAL_INIT(sizeof(int), NULL, count_the_end);

/* Everything that the library has to undo when a thread ends. */
static void use_the_library(void) {
    CHECK(pyt_local_get(&local) != NULL);
    CHECK(pyt_current_thread() != NULL);
}

/* ---- threads that end by the system's own means --------------------------------------------- */

static void *use_and_exit_thread(void *arg) {
    (void)arg;
    use_the_library();
    ExitThread(0);
}

static void *use_and_end_in_the_runtime(void *arg) {
    (void)arg;
    use_the_library();
    _endthreadex(0);
    return NULL;
}

TEST(windows_a_foreign_thread_that_leaves_by_the_system_takes_its_dummy_and_values_along,
     NEEDS_FOREIGN_THREADS) {
    void *(*const ways[])(void *) = {use_and_exit_thread, use_and_end_in_the_runtime};
    for (int i = 0; i < 2; i++) {
        test_raw_join(test_raw_start(ways[i], NULL));
        CHECK_INT(atomic_load(&destroyed), i + 1);
        CHECK_INT(pyt_active_count(), 1);
    }
}

TEST(windows_a_thread_that_leaves_by_the_system_is_over_and_can_be_joined) {
    void *(*const ways[])(void *) = {use_and_exit_thread, use_and_end_in_the_runtime};
    for (int i = 0; i < 2; i++) {
        test_join(test_thread(ways[i], NULL));
        CHECK_INT(atomic_load(&destroyed), i + 1);
        CHECK_INT(pyt_active_count(), 1);
    }
}

/* ---- what Windows runs in a thread after the library's own hook ------------------------------ */

static pyt_event never;
static atomic_int refused;

static void use_it_too_late(void *value) {
    (void)value;
    CHECK(pyt_current_thread() == NULL);
    CHECK_STATUS(pyt_event_wait_timeout(&never, 0.001), PYT_MEMORY_ERROR);
    atomic_fetch_add(&refused, 1);
}

static void *set_a_late_hook(void *arg) {
    (void)arg;
    use_the_library();
    test_end_hook_set(&never);
    return NULL;
}

TEST(windows_after_the_hook_a_thread_cannot_be_made_known_again_and_leaves_nothing,
     NEEDS_FOREIGN_THREADS) {
    use_the_library(); /* which makes its hook first */
    test_end_hook(use_it_too_late);
    test_raw_join(test_raw_start(set_a_late_hook, NULL));
    test_join(test_thread(set_a_late_hook, NULL));
    long before = test_live_allocations();
    for (int i = 0; i < 3; i++) {
        test_raw_join(test_raw_start(set_a_late_hook, NULL));
        test_join(test_thread(set_a_late_hook, NULL));
        CHECK_INT(pyt_active_count(), 1);
    }
    CHECK_INT(atomic_load(&refused), 8);
    CHECK_INT(atomic_load(&destroyed), 8);
    CHECK_INT(test_live_allocations(), before);
}

/* ---- fibers --------------------------------------------------------------------------------- */

static void *first_fiber;

static void WINAPI use_in_a_fiber(void *arg) {
    (void)arg;
    use_the_library();
    SwitchToFiber(first_fiber);
}

static void *use_in_fibers(void *arg) {
    void *others[2];
    if (arg != NULL) {
        use_the_library();
    }
    first_fiber = ConvertThreadToFiber(NULL);
    CHECK(first_fiber != NULL);
    for (int i = 0; i < 2; i++) {
        others[i] = CreateFiber(0, use_in_a_fiber, NULL);
        CHECK(others[i] != NULL);
        SwitchToFiber(others[i]);
        CHECK_INT(pyt_active_count(), 2);
    }
    for (int i = 0; i < 2; i++) {
        DeleteFiber(others[i]);
        CHECK_INT(pyt_active_count(), 2);
        CHECK_INT(atomic_load(&destroyed), 0);
    }
    return NULL;
}

TEST(windows_the_fibers_of_a_thread_are_one_thread, NEEDS_FOREIGN_THREADS) {
    test_raw_join(test_raw_start(use_in_fibers, &first_fiber));
    CHECK_INT(atomic_load(&destroyed), 1);
    CHECK_INT(pyt_active_count(), 1);
}

TEST(windows_the_fibers_of_a_thread_of_the_librarys_are_one_thread) {
    test_join(test_thread(use_in_fibers, NULL));
    CHECK_INT(atomic_load(&destroyed), 1);
    CHECK_INT(pyt_active_count(), 1);
}

static void *delete_the_fiber_of_the_first_use(void *arg) {
    (void)arg;
    first_fiber = ConvertThreadToFiber(NULL);
    for (int i = 1; i <= 3; i++) {
        void *other = CreateFiber(0, use_in_a_fiber, NULL);
        CHECK(other != NULL);
        SwitchToFiber(other);
        DeleteFiber(other);
        CHECK_INT(atomic_load(&destroyed), i);
    }
    CHECK_INT(pyt_active_count(), 1);
    use_the_library();
    return NULL;
}

TEST(windows_a_fiber_with_the_first_use_takes_the_values_along_and_the_thread_goes_on,
     NEEDS_FOREIGN_THREADS) {
    test_raw_join(test_raw_start(delete_the_fiber_of_the_first_use, NULL));
    CHECK_INT(atomic_load(&destroyed), 4);
    CHECK_INT(pyt_active_count(), 1);
}

static void *borrowed;
static pyt_event made, deleted;

static void *make_a_fiber_for_another(void *arg) {
    (void)arg;
    first_fiber = ConvertThreadToFiber(NULL);
    borrowed = CreateFiber(0, use_in_a_fiber, NULL);
    SwitchToFiber(borrowed);
    CHECK_STATUS(pyt_event_set(&made), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&deleted), PYT_OK);
    return NULL;
}

TEST(windows_a_fiber_that_another_thread_deletes_is_not_taken_for_that_threads_end,
     NEEDS_FOREIGN_THREADS) {
    use_the_library();
    test_raw thread = test_raw_start(make_a_fiber_for_another, NULL);
    CHECK_STATUS(pyt_event_wait(&made), PYT_OK);
    DeleteFiber(borrowed);
    CHECK_INT(atomic_load(&destroyed), 0);
    CHECK(pyt_local_exists(&local));
    CHECK(pyt_current_thread() == pyt_main_thread());
    CHECK(pyt_thread_is_alive(pyt_main_thread()));
    CHECK_STATUS(pyt_event_set(&deleted), PYT_OK);
    test_raw_join(thread);
}

#endif
