/* fork: what the child sees, what it can do, and that the parent notices nothing. */
#define _GNU_SOURCE
#include "test.h"

#if !defined(_WIN32)

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *arg) {
    return arg;
}

/* The part of a test that runs in the child, as its only thread. */
typedef void (*child_part)(void *arg);

/* LeakSanitizer takes the child for its parent and reports what it cannot find; it asks here
 * whether to look at all. */
static bool in_the_child;

int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void) {
    return in_the_child;
}

/* Run `part` in a child of the calling thread and check that it came to its end. A child that
 * hangs is ended by its alarm. */
static void in_a_child(child_part part, void *arg) {
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        in_the_child = true;
        alarm((unsigned)(15 * test_slowness()));
        part(arg);
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

/* ---- the view of the child ------------------------------------------------------------------ */

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

typedef struct family {
    place here[3];
    pyt_thread *threads[3];
    pyt_thread *forker;
} family;

static void start_family(family *all) {
    for (int i = 0; i < 3; i++) {
        all->threads[i] = test_thread(stay, &all->here[i]);
        PARKED_EVENT(&all->here[i].leave, 1);
    }
}

static void end_family(family *all) {
    CHECK_INT(pyt_active_count(), 4);
    for (int i = 0; i < 3; i++) {
        CHECK(pyt_thread_is_alive(all->threads[i]));
        CHECK_STATUS(pyt_event_set(&all->here[i].leave), PYT_OK);
        void *result = NULL;
        CHECK_STATUS(pyt_thread_join(all->threads[i]), PYT_OK);
        CHECK_STATUS(pyt_thread_result(all->threads[i], &result), PYT_OK);
        CHECK(result == &all->here[i]);
        pyt_thread_unref(all->threads[i]);
    }
    CHECK_INT(pyt_active_count(), 1);
}

static void see_nobody_else(void *arg) {
    family *all = arg;
    pyt_thread *list[4];
    CHECK(pyt_current_thread() == all->forker);
    CHECK(pyt_main_thread() == all->forker);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_INT(pyt_enumerate(list, 4), 1);
    CHECK(list[0] == all->forker);
    pyt_thread_unref(list[0]);
    CHECK(pyt_thread_is_alive(all->forker));
    CHECK_INT(pyt_thread_ident(all->forker), pyt_get_ident());
    CHECK_INT(pyt_get_native_id(), test_system_id());
    CHECK_INT(pyt_thread_native_id(all->forker), test_system_id());
    for (int i = 0; i < 3; i++) {
        CHECK(!pyt_thread_is_alive(all->threads[i]));
        CHECK_STATUS(pyt_thread_join(all->threads[i]), PYT_OK);
        CHECK_STATUS(pyt_thread_join_timeout(all->threads[i], 10), PYT_OK);
        CHECK_STATUS(pyt_thread_start(all->threads[i]), PYT_RUNTIME_ERROR);
        CHECK(pyt_thread_ident(all->threads[i]) != 0);
        pyt_thread_unref(all->threads[i]);
    }
}

TEST(the_child_of_the_main_thread_keeps_the_main_thread_alone,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    family all = {.forker = pyt_main_thread()};
    start_family(&all);
    in_a_child(see_nobody_else, &all);
    end_family(&all);
}

static void *fork_in_a_worker(void *arg) {
    family *all = arg;
    pyt_thread *main_thread = pyt_main_thread();
    all->forker = pyt_current_thread();
    CHECK(all->forker != main_thread);
    in_a_child(see_nobody_else, all);
    CHECK(pyt_main_thread() == main_thread);
    CHECK(pyt_current_thread() == all->forker);
    return NULL;
}

TEST(the_worker_that_forks_is_the_main_thread_of_the_child,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    family all = {.forker = NULL};
    start_family(&all);
    test_join(test_thread(fork_in_a_worker, &all));
    end_family(&all);
}

static void keep_the_name(void *arg) {
    CHECK_STR(pyt_thread_name(pyt_main_thread()), arg);
    CHECK_STATUS(pyt_thread_join(pyt_main_thread()), PYT_RUNTIME_ERROR);
}

static void *fork_and_ask_for_the_name(void *arg) {
    in_a_child(keep_the_name, arg);
    return NULL;
}

TEST(the_worker_that_forks_keeps_its_name_in_the_child, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_thread *thread = NULL;
    CHECK_STATUS(pyt_thread_new(&thread, &(pyt_thread_options){.target = fork_and_ask_for_the_name,
                                                               .arg = (void *)"forker",
                                                               .name = "forker"}),
                 PYT_OK);
    CHECK_STATUS(pyt_thread_start(thread), PYT_OK);
    test_join(thread);
}

static void be_main_after_fork(void *arg) {
    (void)arg;
    CHECK(pyt_current_thread() == pyt_main_thread());
    CHECK_INT(pyt_thread_ident(pyt_main_thread()), pyt_get_ident());
    CHECK_INT(pyt_active_count(), 1);
    test_join(test_thread(nothing, NULL));
}

static void *fork_in_pthreads(void *arg) {
    bool known = *(bool *)arg;
    if (known) {
        CHECK(pyt_current_thread() != pyt_main_thread());
    }
    in_a_child(be_main_after_fork, NULL);
    return NULL;
}

TEST(a_foreign_thread_that_forks_is_the_main_thread_of_the_child,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    test_join(test_thread(nothing, NULL));
    for (int i = 0; i < 2; i++) {
        bool known = i == 1;
        pthread_t foreign;
        CHECK_INT(pthread_create(&foreign, NULL, fork_in_pthreads, &known), 0);
        CHECK_INT(pthread_join(foreign, NULL), 0);
        CHECK_INT(pyt_active_count(), 1);
    }
}

static char word[] = "stop";

static void read_the_result(void *arg) {
    pyt_thread *thread = arg;
    void *result = NULL;
    CHECK(!pyt_thread_is_alive(thread));
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &result), PYT_OK);
    CHECK(result == word);
}

TEST(a_thread_finished_before_the_fork_has_its_result_in_the_child, NEEDS_FORK_WITH_THREADS) {
    pyt_thread *thread = test_thread(nothing, word);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    in_a_child(read_the_result, thread);
    pyt_thread_unref(thread);
}

static void be_main_whatever_is_asked_first(void *arg) {
    CHECK_INT(pyt_active_count(), 1);
    be_main_after_fork(arg);
}

static void *fork_before_the_first_use(void *arg) {
    in_a_child(be_main_after_fork, NULL);
    in_a_child(be_main_whatever_is_asked_first, NULL);
    return arg;
}

TEST(a_foreign_thread_that_forks_before_the_library_is_used_is_main_in_the_child,
     NEEDS_FORK_WITH_THREADS) {
    pthread_t foreign;
    CHECK_INT(pthread_create(&foreign, NULL, fork_before_the_first_use, NULL), 0);
    CHECK_INT(pthread_join(foreign, NULL), 0);
    CHECK(pyt_current_thread() == pyt_main_thread());
}

/* ---- exit in the child ---------------------------------------------------------------------- */

static void exit_in_order(void *arg) {
    (void)arg;
    exit(0);
}

TEST(exit_in_the_child_waits_for_no_thread_of_the_parent, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    family all = {.forker = pyt_main_thread()};
    start_family(&all);
    in_a_child(exit_in_order, NULL);
    end_family(&all);
}

static int pipe_of_the_child[2];

static void *tell_the_parent(void *arg) {
    pyt_event *go = arg;
    CHECK_STATUS(pyt_event_wait(go), PYT_OK);
    CHECK(write(pipe_of_the_child[1], "x", 1) == 1);
    return NULL;
}

static pyt_event child_is_ending;

static void at_the_end_of_the_child(void) {
    pyt_event_set(&child_is_ending);
}

static void start_a_worker_and_exit(void *arg) {
    (void)arg;
    static pyt_thread *kept;
    kept = test_thread(tell_the_parent, &child_is_ending);
    CHECK(kept != NULL);
    CHECK_INT(atexit(at_the_end_of_the_child), 0);
    exit(0);
}

TEST(exit_in_the_child_waits_for_threads_of_the_child, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    family all = {.forker = pyt_main_thread()};
    char byte = 0;
    CHECK_INT(pipe(pipe_of_the_child), 0);
    start_family(&all);
    in_a_child(start_a_worker_and_exit, NULL);
    CHECK_INT(close(pipe_of_the_child[1]), 0);
    CHECK(read(pipe_of_the_child[0], &byte, 1) == 1);
    CHECK_INT(byte, 'x');
    end_family(&all);
}

/* ---- what the child can do ------------------------------------------------------------------ */

/* Every kind of object with a thread of the parent asleep on it. */
typedef struct objects {
    pyt_lock lock;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_semaphore semaphore;
    pyt_event event;
    bool told;
    atomic_int done;
} objects;

static void *use_lock(void *arg) {
    objects *all = arg;
    CHECK_STATUS(pyt_lock_acquire(&all->lock), PYT_OK);
    atomic_fetch_add(&all->done, 1);
    CHECK_STATUS(pyt_lock_release(&all->lock), PYT_OK);
    return NULL;
}

static void *use_rlock(void *arg) {
    objects *all = arg;
    CHECK_STATUS(pyt_rlock_acquire(&all->rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&all->rlock), PYT_OK);
    atomic_fetch_add(&all->done, 1);
    CHECK_STATUS(pyt_rlock_release(&all->rlock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&all->rlock), PYT_OK);
    return NULL;
}

static void *use_condition(void *arg) {
    objects *all = arg;
    CHECK_STATUS(pyt_condition_acquire(&all->condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait(&all->condition), PYT_OK);
    CHECK(all->told);
    atomic_fetch_add(&all->done, 1);
    CHECK_STATUS(pyt_condition_release(&all->condition), PYT_OK);
    return NULL;
}

static void *use_semaphore(void *arg) {
    objects *all = arg;
    CHECK_STATUS(pyt_semaphore_acquire(&all->semaphore), PYT_OK);
    atomic_fetch_add(&all->done, 1);
    return NULL;
}

static void *use_event(void *arg) {
    objects *all = arg;
    CHECK_STATUS(pyt_event_wait(&all->event), PYT_OK);
    atomic_fetch_add(&all->done, 1);
    return NULL;
}

static void *(*const uses[])(void *) = {use_lock, use_rlock, use_condition, use_semaphore,
                                        use_event};
enum {
    use_count = sizeof uses / sizeof *uses
};

static void start_users(objects *all, pyt_thread **threads) {
    for (int i = 0; i < use_count; i++) {
        threads[i] = test_thread(uses[i], all);
    }
    PARKED_LOCK(&all->lock, 1);
    PARKED_RLOCK(&all->rlock, 1);
    PARKED_CONDITION(&all->condition, 1);
    PARKED_SEMAPHORE(&all->semaphore, 1);
    PARKED_EVENT(&all->event, 1);
}

/* Give one user of each object what it waits for. The caller holds lock and rlock. */
static void serve_users(objects *all, pyt_thread **threads) {
    CHECK_STATUS(pyt_lock_release(&all->lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_release(&all->rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&all->condition), PYT_OK);
    all->told = true;
    CHECK_STATUS(pyt_condition_notify(&all->condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&all->condition), PYT_OK);
    CHECK_STATUS(pyt_semaphore_release(&all->semaphore), PYT_OK);
    CHECK_STATUS(pyt_event_set(&all->event), PYT_OK);
    for (int i = 0; i < use_count; i++) {
        test_join(threads[i]);
    }
    CHECK_INT(atomic_load(&all->done), use_count);
    CHECK(!pyt_lock_locked(&all->lock));
    CHECK(!pyt_rlock_locked(&all->rlock));
    CHECK_INT(pyt_semaphore_value(&all->semaphore), 0);
}

static void use_all_in_the_child(void *arg) {
    objects *all = arg;
    pyt_thread *threads[use_count];
    CHECK(pyt_lock_locked(&all->lock));
    CHECK(pyt_rlock_is_owned(&all->rlock));
    CHECK_INT(pyt_rlock_recursion_count(&all->rlock), 1);
    start_users(all, threads);
    serve_users(all, threads);
}

TEST(objects_that_threads_of_the_parent_wait_for_work_in_the_child_and_in_the_parent,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    objects all = {.told = false};
    pyt_thread *threads[use_count];
    CHECK_STATUS(pyt_lock_acquire(&all.lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&all.rlock), PYT_OK);
    start_users(&all, threads);
    for (int i = 0; i < 3; i++) {
        in_a_child(use_all_in_the_child, &all);
    }
    serve_users(&all, threads);
}

static void fork_a_grandchild(void *arg) {
    objects *all = arg;
    pyt_thread *threads[use_count];
    start_users(all, threads);
    in_a_child(use_all_in_the_child, all);
    serve_users(all, threads);
}

TEST(a_child_can_fork_in_its_turn, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    objects all = {.told = false};
    pyt_thread *threads[use_count];
    CHECK_STATUS(pyt_lock_acquire(&all.lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&all.rlock), PYT_OK);
    start_users(&all, threads);
    in_a_child(fork_a_grandchild, &all);
    serve_users(&all, threads);
}

/* ---- what the others leave behind ------------------------------------------------------------ */

enum {
    CROWD = 8
};

static void *wait_for_the_lock(void *arg) {
    CHECK_STATUS(pyt_lock_acquire(arg), PYT_OK);
    CHECK_STATUS(pyt_lock_release(arg), PYT_OK);
    return NULL;
}

/* Start threads that wait for the lock. Returns how much more the library holds then. */
static long park_a_crowd(pyt_lock *lock, pyt_thread **threads) {
    long before = test_live_allocations();
    for (int i = 0; i < CROWD; i++) {
        threads[i] = test_thread(wait_for_the_lock, lock);
    }
    PARKED_LOCK(lock, CROWD);
    return test_live_allocations() - before;
}

static void release_the_crowd(pyt_lock *lock, pyt_thread **threads) {
    CHECK_STATUS(pyt_lock_release(lock), PYT_OK);
    for (int i = 0; i < CROWD; i++) {
        test_join(threads[i]);
    }
}

typedef struct crowd {
    pyt_lock lock;
    pyt_thread *threads[CROWD];
    long needed; /* by a crowd for which everything is there that can be used again */
} crowd;

static void park_as_many(void *arg) {
    crowd *all = arg;
    pyt_thread *threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        pyt_thread_unref(all->threads[i]);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(park_a_crowd(&all->lock, threads) <= all->needed);
        release_the_crowd(&all->lock, threads);
        CHECK_STATUS(pyt_lock_acquire(&all->lock), PYT_OK);
    }
}

TEST(what_threads_of_the_parent_needed_for_waiting_is_used_again_in_the_child,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    crowd all = {.lock = PYT_LOCK_INIT};
    CHECK_STATUS(pyt_lock_acquire(&all.lock), PYT_OK);
    park_a_crowd(&all.lock, all.threads);
    release_the_crowd(&all.lock, all.threads);
    CHECK_STATUS(pyt_lock_acquire(&all.lock), PYT_OK);
    all.needed = park_a_crowd(&all.lock, all.threads);
    in_a_child(park_as_many, &all);
    release_the_crowd(&all.lock, all.threads);
}

/* Threads that wait in a condition, and the event for the child's threads, all there at once. */
typedef struct let_go {
    pyt_condition condition;
    pyt_event leave;
} let_go;

static void *wait_in_the_condition(void *arg) {
    let_go *all = arg;
    CHECK_STATUS(pyt_condition_acquire(&all->condition), PYT_OK);
    CHECK_STATUS(pyt_condition_wait(&all->condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&all->condition), PYT_OK);
    return NULL;
}

static void *own_nothing(void *arg) {
    let_go *all = arg;
    CHECK_STATUS(pyt_condition_notify(&all->condition), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_event_wait(&all->leave), PYT_OK);
    return NULL;
}

/* The system gives the new threads the places in memory, and so the identities, of the old. */
static void own_nothing_in_the_child(void *arg) {
    let_go *all = arg;
    pyt_thread *threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        threads[i] = test_thread(own_nothing, all);
    }
    PARKED_EVENT(&all->leave, CROWD);
    CHECK_STATUS(pyt_event_set(&all->leave), PYT_OK);
    for (int i = 0; i < CROWD; i++) {
        test_join(threads[i]);
    }
}

TEST(nobody_in_the_child_owns_the_lock_that_a_condition_has_let_go,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    let_go all;
    pyt_thread *threads[CROWD];
    memset((void *)&all, 0, sizeof all);
    for (int i = 0; i < CROWD; i++) {
        threads[i] = test_thread(wait_in_the_condition, &all);
        PARKED_CONDITION(&all.condition, (size_t)i + 1);
    }
    in_a_child(own_nothing_in_the_child, &all);
    CHECK_STATUS(pyt_condition_acquire(&all.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_notify_all(&all.condition), PYT_OK);
    CHECK_STATUS(pyt_condition_release(&all.condition), PYT_OK);
    for (int i = 0; i < CROWD; i++) {
        test_join(threads[i]);
    }
}

typedef struct held {
    pyt_lock lock;
    pyt_event taken, release;
} held;

static void *hold(void *arg) {
    held *it = arg;
    CHECK_STATUS(pyt_lock_acquire(&it->lock), PYT_OK);
    CHECK_STATUS(pyt_event_set(&it->taken), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&it->release), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&it->lock), PYT_OK);
    return NULL;
}

static void find_it_held(void *arg) {
    held *it = arg;
    CHECK(pyt_lock_locked(&it->lock));
    CHECK_STATUS(pyt_lock_acquire_nowait(&it->lock), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_acquire_timeout(&it->lock, 0.01), PYT_TIMEOUT);
    pyt_thread *waiter = test_thread(wait_for_the_lock, &it->lock);
    PARKED_LOCK(&it->lock, 1);
    CHECK_STATUS(pyt_lock_release(&it->lock), PYT_OK);
    test_join(waiter);
    CHECK(!pyt_lock_locked(&it->lock));
}

TEST(a_lock_that_a_thread_of_the_parent_holds_stays_held_in_the_child,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    held it = {.lock = PYT_LOCK_INIT};
    pyt_thread *holder = test_thread(hold, &it);
    CHECK_STATUS(pyt_event_wait(&it.taken), PYT_OK);
    in_a_child(find_it_held, &it);
    CHECK(pyt_lock_locked(&it.lock));
    CHECK_STATUS(pyt_event_set(&it.release), PYT_OK);
    test_join(holder);
    CHECK(!pyt_lock_locked(&it.lock));
}

/* ---- timers --------------------------------------------------------------------------------- */

static atomic_int fired;

static void fire(void *arg) {
    (void)arg;
    atomic_fetch_add(&fired, 1);
}

static pyt_thread *timer_of(double interval) {
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, interval, fire, NULL), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    return timer;
}

static void use_timers_in_the_child(void *arg) {
    pyt_thread *of_the_parent = arg;
    CHECK(!pyt_thread_is_alive(of_the_parent));
    CHECK_STATUS(pyt_thread_join(of_the_parent), PYT_OK);
    CHECK_INT(pyt_active_count(), 1);
    test_join(timer_of(0.01));
    test_join(timer_of(0));
    CHECK_INT(atomic_load(&fired), 2);
    pyt_thread *late = timer_of(1000);
    CHECK_INT(pyt_active_count(), 2);
    CHECK_STATUS(pyt_timer_cancel(late), PYT_OK);
    test_join(late);
    CHECK_STATUS(pyt_timer_cancel(of_the_parent), PYT_OK);
    pyt_thread_unref(of_the_parent);
    CHECK_INT(pyt_active_count(), 1);
    exit(0);
}

/* AddressSanitizer holds locks of its own while a thread starts, and leaves them held in a child:
 * there, have the timers' service past its start. Elsewhere a fork may come at any moment. */
static void start_the_service_where_fork_needs_it(void) {
    if (TEST_UNDER_ASAN) {
        test_join(timer_of(0));
        atomic_store(&fired, 0);
    }
}

TEST(timers_work_in_the_child_and_those_of_the_parent_do_not_fire_there,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    start_the_service_where_fork_needs_it();
    pyt_thread *timer = timer_of(1000);
    in_a_child(use_timers_in_the_child, timer);
    CHECK(pyt_thread_is_alive(timer));
    CHECK_INT(atomic_load(&fired), 0);
    CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
    test_join(timer);
    test_join(timer_of(0.01));
    CHECK_INT(atomic_load(&fired), 1);
}

static void leave_it_to_the_parent(void *arg) {
    (void)arg;
    test_sleep(0.1);
    CHECK_INT(atomic_load(&fired), 0);
}

TEST(a_timer_due_after_the_fork_fires_in_the_parent_alone,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_thread *timer = timer_of(0.05);
    in_a_child(leave_it_to_the_parent, NULL);
    test_join(timer);
    CHECK_INT(atomic_load(&fired), 1);
}

static void fork_in_the_callback(void *arg) {
    (void)arg;
    in_a_child(be_main_after_fork, NULL);
    atomic_fetch_add(&fired, 1);
}

TEST(a_timer_may_fork, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_thread *timer = NULL;
    CHECK_STATUS(pyt_timer_new(&timer, 0, fork_in_the_callback, NULL), PYT_OK);
    CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
    test_join(timer);
    CHECK_INT(atomic_load(&fired), 1);
}

/* ---- locals --------------------------------------------------------------------------------- */

static atomic_int destroyed;

static void count_destroyed(void *value) {
    (void)value;
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local local = PYT_LOCAL_INIT(sizeof(int), NULL, count_destroyed);

static void *set_local_and_end(void *arg) {
    *(int *)pyt_local_get(&local) = 2;
    return arg;
}

static void keep_own_local(void *arg) {
    CHECK(pyt_local_get(&local) == arg);
    CHECK_INT(*(int *)arg, 5);
    test_join(test_thread(set_local_and_end, NULL));
    CHECK_INT(atomic_load(&destroyed), 1);
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    CHECK(!pyt_local_exists(&local));
}

static void *stay_with_a_local(void *arg) {
    *(int *)pyt_local_get(&local) = 1;
    return stay(arg);
}

TEST(the_child_keeps_the_locals_of_the_forking_thread, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    place here = {PYT_EVENT_INIT, PYT_EVENT_INIT};
    int *value = pyt_local_get(&local);
    CHECK(value != NULL);
    *value = 5;
    pyt_thread *other = test_thread(stay_with_a_local, &here);
    PARKED_EVENT(&here.leave, 1);
    in_a_child(keep_own_local, value);
    CHECK_STATUS(pyt_event_set(&here.leave), PYT_OK);
    test_join(other);
    CHECK_INT(atomic_load(&destroyed), 1);
    CHECK_INT(*value, 5);
}

/* ---- fork in the middle of everything ------------------------------------------------------- */

static atomic_bool stop;
static pyt_lock busy_lock;
static pyt_semaphore busy_semaphore;
static long under_the_lock;
static atomic_long turns;

static void *keep_busy(void *arg) {
    uintptr_t turn = (uintptr_t)arg;
    while (!atomic_load(&stop)) {
        switch (turn++ % 4) {
        case 0:
            CHECK_STATUS(pyt_lock_acquire(&busy_lock), PYT_OK);
            under_the_lock++;
            atomic_fetch_add(&turns, 1);
            CHECK_STATUS(pyt_lock_release(&busy_lock), PYT_OK);
            break;
        case 1:
            CHECK_STATUS(pyt_semaphore_release(&busy_semaphore), PYT_OK);
            CHECK_STATUS(pyt_semaphore_acquire(&busy_semaphore), PYT_OK);
            break;
        case 2:
            test_join(test_thread(nothing, NULL));
            break;
        default: {
            pyt_thread *timer = NULL;
            CHECK_STATUS(pyt_timer_new(&timer, 0.0001, fire, NULL), PYT_OK);
            CHECK_STATUS(pyt_thread_start(timer), PYT_OK);
            CHECK_STATUS(pyt_timer_cancel(timer), PYT_OK);
            pyt_thread_unref(timer);
            break;
        }
        }
    }
    return NULL;
}

static void use_the_library(void *arg) {
    (void)arg;
    int before = atomic_load(&fired);
    CHECK_INT(pyt_active_count(), 1);
    test_join(test_thread(nothing, NULL));
    test_join(timer_of(0.001));
    CHECK_INT(atomic_load(&fired), before + 1);
    CHECK_INT(pyt_active_count(), 1);
    exit(0);
}

TEST_LIMIT(a_process_can_fork_while_its_threads_are_busy_in_the_library, 60,
           NEEDS_THREADS | NEEDS_BUSY_FORK | NOT_EMULATED,
           "a child of a busy fork hangs in a lock of qemu's own") {
    pyt_thread *threads[4];
    for (uintptr_t i = 0; i < 4; i++) {
        threads[i] = test_thread(keep_busy, (void *)i);
    }
    for (int i = 0; i < test_scale(60); i++) {
        in_a_child(use_the_library, NULL);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    CHECK_INT(under_the_lock, atomic_load(&turns));
    CHECK_INT(pyt_semaphore_value(&busy_semaphore), 0);
}

typedef struct inside {
    pyt_lock *lock;
    pyt_event entered;
} inside;

/* Change what the lock guards until somebody waits for that to be over. */
static void *be_inside(void *arg) {
    inside *it = arg;
    CHECK_STATUS(pyt_lock_acquire(it->lock), PYT_OK);
    CHECK_STATUS(pyt_event_set(&it->entered), PYT_OK);
    PARKED_LOCK(it->lock, 1);
    CHECK_STATUS(pyt_lock_release(it->lock), PYT_OK);
    return NULL;
}

static void fork_while_inside(pyt_lock *lock) {
    inside it = {lock, PYT_EVENT_INIT};
    pyt_thread *thread = test_thread(be_inside, &it);
    CHECK_STATUS(pyt_event_wait(&it.entered), PYT_OK);
    in_a_child(use_the_library, NULL);
    test_join(thread);
}

TEST(a_fork_waits_for_a_thread_that_changes_a_list_of_the_librarys,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_executor *executor = NULL;
    CHECK_STATUS(pyt_executor_new(&executor, NULL), PYT_OK);
    test_join(timer_of(0));
    for (int i = 0; test_list_lock(i) != NULL; i++) {
        fork_while_inside(test_list_lock(i));
    }
    fork_while_inside(test_cache_lock(executor));
    pyt_executor_free(executor);
}

static void *fork_in_turn(void *arg) {
    for (int i = 0; i < test_scale(10); i++) {
        in_a_child(use_the_library, arg);
    }
    return NULL;
}

TEST_LIMIT(several_threads_can_fork_at_once, 60, NEEDS_THREADS | NEEDS_BUSY_FORK | NOT_EMULATED,
           "a child of a busy fork hangs in a lock of qemu's own") {
    pyt_thread *threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = test_thread(fork_in_turn, NULL);
    }
    for (int i = 0; i < 3; i++) {
        test_join(threads[i]);
    }
}

/* ---- a pool's work, just over ---------------------------------------------------------------- */

static void negate(void *item, void *result) {
    *(int *)result = -*(int *)item;
}

static void map_once(void *arg) {
    int items[8], results[8];
    pyt_pool_work work = {.function = negate,
                          .items = items,
                          .item_size = sizeof items[0],
                          .n = 8,
                          .results = results,
                          .result_size = sizeof results[0],
                          .chunksize = 1};
    for (int i = 0; i < 8; i++) {
        items[i] = i;
    }
    pyt_async_result *result;
    CHECK_STATUS(pyt_pool_map_async(arg, &work, NULL, &result), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_OK);
    pyt_future_unref(result);
    for (int i = 0; i < 8; i++) {
        CHECK_INT(results[i], -i);
    }
}

static void do_nothing(void *arg) {
    (void)arg;
}

/* The result is there, and the worker that gave it may still have to let its job go. */
TEST(a_process_may_fork_as_soon_as_it_has_the_result_of_a_map, NEEDS_FORK_WITH_THREADS) {
    pyt_pool *pool = NULL;
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 2}), PYT_OK);
    for (int i = 0; i < test_scale(50); i++) {
        map_once(pool);
        in_a_child(do_nothing, NULL);
    }
    in_a_child(map_once, pool);
    pyt_pool_free(pool);
}

/* ---- a pool's work in the middle ------------------------------------------------------------ */

static pyt_event pool_gate;

static void wait_at_two(void *item, void *result) {
    if (*(int *)item == 2) {
        CHECK_STATUS(pyt_event_wait(&pool_gate), PYT_OK);
    }
    negate(item, result);
}

typedef struct half_done {
    pyt_pool *pool;
    pyt_pool_iterator *iterator;
    pyt_async_result *mapped;
} half_done;

/* What ran and what was queued is the parent's to do; the pool goes on with new workers. */
static void find_the_rest_cancelled(void *arg) {
    half_done *all = arg;
    int result = 0;
    CHECK_STATUS(pyt_pool_iterator_next(all->iterator, &result, NULL), PYT_OK);
    CHECK_INT(result, -1);
    for (int i = 2; i < 6; i++) {
        CHECK_STATUS(pyt_pool_iterator_next(all->iterator, &result, NULL), PYT_CANCELLED);
    }
    CHECK_STATUS(pyt_pool_iterator_next(all->iterator, &result, NULL), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_async_result_get(all->mapped, NULL), PYT_CANCELLED);
    map_once(all->pool);
}

static void find_the_rest_done(half_done *all) {
    int result = 0;
    for (int i = 1; i < 6; i++) {
        CHECK_STATUS(pyt_pool_iterator_next(all->iterator, &result, NULL), PYT_OK);
        CHECK_INT(result, -i);
    }
    CHECK_STATUS(pyt_pool_iterator_next(all->iterator, &result, NULL), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_async_result_get(all->mapped, NULL), PYT_OK);
}

TEST(what_a_pool_is_working_on_ends_cancelled_in_the_child_and_done_in_the_parent,
     NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    for (int unordered = 0; unordered < 2; unordered++) {
        int items[6] = {0, 1, 2, 3, 4, 5}, results[6], result = 1;
        half_done all;
        pyt_pool_work work = {.function = wait_at_two,
                              .items = items,
                              .item_size = sizeof items[0],
                              .n = 6,
                              .result_size = sizeof results[0],
                              .chunksize = 1};
        CHECK_STATUS(pyt_event_clear(&pool_gate), PYT_OK);
        CHECK_STATUS(pyt_pool_new(&all.pool, &(pyt_pool_options){.processes = 1}), PYT_OK);
        CHECK_STATUS(unordered ? pyt_pool_imap_unordered(all.pool, &work, &all.iterator)
                               : pyt_pool_imap(all.pool, &work, &all.iterator),
                     PYT_OK);
        work.results = results;
        CHECK_STATUS(pyt_pool_map_async(all.pool, &work, NULL, &all.mapped), PYT_OK);
        CHECK_STATUS(pyt_pool_iterator_next(all.iterator, &result, NULL), PYT_OK);
        CHECK_INT(result, 0);
        PARKED_EVENT(&pool_gate, 1);
        in_a_child(find_the_rest_cancelled, &all);
        CHECK_STATUS(pyt_event_set(&pool_gate), PYT_OK);
        find_the_rest_done(&all);
        pyt_future_unref(all.mapped);
        pyt_pool_iterator_destroy(all.iterator);
        pyt_pool_free(all.pool);
    }
}

/* ---- an executor of the grandparent's ------------------------------------------------------- */

typedef struct inherited {
    pyt_executor *executor;
    pyt_event gate;
    pyt_future *futures[3]; /* two run, one is queued */
    atomic_int told;
} inherited;

static void *pass_the_gate(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    return arg;
}

static void count_the_told(pyt_future *future, void *arg) {
    (void)future;
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void submit_four(inherited *all) {
    pyt_future *futures[4];
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(pyt_executor_submit(all->executor, nothing, all, &futures[i]), PYT_OK);
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        CHECK_STATUS(pyt_future_result(futures[i], &result), PYT_OK);
        CHECK(result == all);
        pyt_future_unref(futures[i]);
    }
}

static void use_and_free_the_executor(void *arg) {
    inherited *all = arg;
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_future_result(all->futures[i], NULL),
                     i < 2 ? PYT_BROKEN_EXECUTOR : PYT_CANCELLED);
        pyt_future_unref(all->futures[i]);
    }
    submit_four(all);
    pyt_executor_free(all->executor);
    CHECK_INT(atomic_load(&all->told), 0);
    CHECK_INT(pyt_active_count(), 1);
}

/* Fork before anything else, then after workers of its own have started. */
static void fork_with_the_executor(void *arg) {
    inherited *all = arg;
    in_a_child(use_and_free_the_executor, all);
    submit_four(all);
    in_a_child(use_and_free_the_executor, all);
    use_and_free_the_executor(all);
}

TEST(a_grandchild_can_use_and_free_an_executor_that_was_busy_in_the_first_process,
     NEEDS_THREADS | NEEDS_BUSY_FORK | NEEDS_FORK_WITH_THREADS) {
    inherited all = {.executor = NULL};
    CHECK_STATUS(pyt_executor_new(&all.executor, &(pyt_executor_options){.max_workers = 2}),
                 PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_executor_submit(all.executor, pass_the_gate, &all.gate, &all.futures[i]),
                     PYT_OK);
        CHECK_STATUS(pyt_future_add_done_callback(all.futures[i], count_the_told, &all.told),
                     PYT_OK);
    }
    PARKED_EVENT(&all.gate, 2);
    in_a_child(fork_with_the_executor, &all);
    CHECK_STATUS(pyt_event_set(&all.gate), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(pyt_future_result(all.futures[i], NULL), PYT_OK);
        pyt_future_unref(all.futures[i]);
    }
    pyt_executor_free(all.executor);
    CHECK_INT(atomic_load(&all.told), 3);
}

/* ---- futures made by hand -------------------------------------------------------------------- */

static pyt_future *made(void) {
    pyt_future *future;
    CHECK_STATUS(pyt_future_new(&future), PYT_OK);
    return future;
}

static void complete_the_claimed(void *arg) {
    pyt_future **futures = arg;
    void *result = NULL;
    pyt_exception exception;
    CHECK_STATUS(pyt_future_result_timeout(futures[0], 0, &result), PYT_TIMEOUT);
    CHECK_STATUS(pyt_future_set_result(futures[0], futures), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(futures[0], NULL), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_result(futures[0], &result), PYT_OK);
    CHECK(result == futures);
    CHECK_STATUS(pyt_future_set_exception(futures[1], 7, "seven"), PYT_OK);
    CHECK_STATUS(pyt_future_exception(futures[1], &exception), PYT_OK);
    CHECK_INT(exception.code, 7);
    CHECK_STATUS(pyt_future_cancel(futures[2]), PYT_OK);
    CHECK(pyt_future_cancelled(futures[2]));
    CHECK_STATUS(pyt_future_set_running_or_notify_cancel(futures[3]), PYT_OK);
    CHECK_STATUS(pyt_future_cancel(futures[3]), PYT_INVALID_STATE);
    CHECK_STATUS(pyt_future_set_result(futures[3], NULL), PYT_OK);
    CHECK(pyt_future_running(futures[4]));
    CHECK_STATUS(pyt_future_set_result(futures[4], NULL), PYT_OK);
    for (int i = 0; i < 5; i++) {
        pyt_future_unref(futures[i]);
    }
}

static void fork_with_the_claimed(void *arg) {
    in_a_child(complete_the_claimed, arg);
    complete_the_claimed(arg);
}

/* Also one that a child claims and its own child inherits. */
static void claim_another(void *arg) {
    pyt_future *futures[5];
    memcpy(futures, arg, sizeof futures);
    CHECK_STATUS(pyt_future_set_result(futures[0], NULL), PYT_OK);
    pyt_future_unref(futures[0]);
    futures[0] = made();
    test_claim(futures[0]);
    CHECK_STATUS(pyt_future_set_result(futures[0], NULL), PYT_INVALID_STATE);
    in_a_child(complete_the_claimed, futures);
}

TEST(a_future_that_another_thread_was_completing_at_a_fork_can_be_completed_in_the_child,
     NEEDS_THREADS | NEEDS_FORK) {
    pyt_future *futures[5];
    for (int i = 0; i < 5; i++) {
        futures[i] = made();
        if (i == 4) {
            CHECK_STATUS(pyt_future_set_running_or_notify_cancel(futures[i]), PYT_OK);
        }
        test_claim(futures[i]);
        CHECK_STATUS(pyt_future_set_result(futures[i], NULL), PYT_INVALID_STATE);
        CHECK_STATUS(pyt_future_cancel(futures[i]), PYT_INVALID_STATE);
        CHECK_STATUS(pyt_future_set_running_or_notify_cancel(futures[i]), PYT_RUNTIME_ERROR);
    }
    in_a_child(fork_with_the_claimed, futures);
    in_a_child(claim_another, futures);
    for (int i = 0; i < 5; i++) {
        pyt_future_unref(futures[i]);
    }
}

typedef struct iteration {
    pyt_as_completed iterator;
    pyt_future *futures[5];
} iteration;

static void iterate_in_the_child(void *arg) {
    static const size_t order[4] = {1, 4, 2, 3};
    iteration *all = arg;
    pyt_future *next;
    CHECK_STATUS(pyt_future_set_result(all->futures[4], NULL), PYT_OK);
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(pyt_as_completed_next(&all->iterator, &next), PYT_OK);
        CHECK(next == all->futures[order[i]]);
        CHECK_INT(pyt_as_completed_index(&all->iterator), order[i]);
    }
    CHECK_STATUS(pyt_as_completed_next(&all->iterator, &next), PYT_QUEUE_EMPTY);
    pyt_as_completed_destroy(&all->iterator);
    for (int i = 0; i < 5; i++) {
        CHECK(pyt_future_done(all->futures[i]));
        pyt_future_unref(all->futures[i]);
    }
}

/* The first has been given before the fork, the second is ready, the next two are on their way. */
TEST(in_the_child_an_iterator_gives_what_other_threads_were_completing_at_the_fork,
     NEEDS_THREADS | NEEDS_FORK) {
    iteration all;
    pyt_future *next;
    for (int i = 0; i < 5; i++) {
        all.futures[i] = made();
    }
    CHECK_STATUS(pyt_as_completed_init(&all.iterator, all.futures, 5), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(all.futures[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_as_completed_next(&all.iterator, &next), PYT_OK);
    CHECK(next == all.futures[0]);
    CHECK_STATUS(pyt_future_set_result(all.futures[1], NULL), PYT_OK);
    test_complete_half(all.futures[2], false);
    test_complete_half(all.futures[3], true);
    in_a_child(iterate_in_the_child, &all);
    pyt_as_completed_destroy(&all.iterator);
    for (int i = 0; i < 5; i++) {
        pyt_future_unref(all.futures[i]);
    }
}

static void *wait_for_two(void *futures) {
    CHECK_STATUS(pyt_wait(futures, 2, PYT_ALL_COMPLETED, NULL, NULL), PYT_OK);
    return futures;
}

static void complete_one_and_free_two(void *arg) {
    pyt_future **futures = arg;
    CHECK_STATUS(pyt_future_set_result(futures[1], NULL), PYT_OK);
    pyt_future_unref(futures[0]);
    pyt_future_unref(futures[1]);
}

TEST(a_future_that_another_thread_waits_for_at_a_fork_can_be_freed_in_the_child,
     NEEDS_THREADS | NEEDS_BUSY_FORK) {
    pyt_future *futures[2] = {made(), made()};
    pyt_thread *thread = test_thread(wait_for_two, futures);
    while (!test_is_watched(futures[1])) {
        test_yield();
    }
    in_a_child(complete_one_and_free_two, futures);
    CHECK_STATUS(pyt_future_set_result(futures[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_future_set_result(futures[1], NULL), PYT_OK);
    test_join(thread);
    pyt_future_unref(futures[0]);
    pyt_future_unref(futures[1]);
}

/* ---- interrupts ----------------------------------------------------------------------------- */

static void *interrupt_main(void *arg) {
    pyt_event *event = arg;
    PARKED_EVENT(event, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return NULL;
}

static void be_interrupted(void *arg) {
    pyt_event *event = arg;
    pyt_thread *thread = test_thread(interrupt_main, event);
    CHECK_STATUS(pyt_event_wait(event), PYT_INTERRUPTED);
    test_join(thread);
}

static void *fork_and_be_interrupted(void *arg) {
    in_a_child(be_interrupted, arg);
    return NULL;
}

TEST(interrupt_main_reaches_the_main_thread_of_the_child, NEEDS_THREADS | NEEDS_FORK_WITH_THREADS) {
    pyt_event event = PYT_EVENT_INIT;
    test_join(test_thread(fork_and_be_interrupted, &event));
    CHECK_STATUS(pyt_event_wait_timeout(&event, 0.01), PYT_TIMEOUT);
}

/* ---- the debug build ------------------------------------------------------------------------ */

#if defined(PYTHREADING_DEBUG) && !defined(PYTHREADING_DUMMY)

typedef struct holdings {
    pyt_lock ours, theirs;
    place here;
    pyt_event stop;
} holdings;

static void *hold_theirs(void *arg) {
    holdings *all = arg;
    CHECK_STATUS(pyt_lock_acquire(&all->theirs), PYT_OK);
    stay(&all->here);
    CHECK_STATUS(pyt_lock_release(&all->theirs), PYT_OK);
    return NULL;
}

static void look_at_holdings(void *arg) {
    holdings *all = arg;
    const char *text = test_dump();
    const char *ended = strstr(text, "threads that have ended:\n    holds Lock 0x");
    CHECK(ended != NULL);
    CHECK(strstr(text, "the main thread, alive\n    holds Lock 0x") != NULL);
    CHECK(strstr(text, "    waits ") == NULL);
    CHECK_STATUS(pyt_lock_acquire(&all->ours), PYT_RUNTIME_ERROR); /* nobody is left */
    CHECK_STATUS(pyt_lock_acquire_timeout(&all->theirs, 0.01), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&all->theirs), PYT_OK);
    CHECK_STATUS(pyt_lock_release(&all->ours), PYT_OK);
    CHECK(strstr(test_dump(), "    holds ") == NULL);
}

TEST(a_child_knows_who_holds_what_and_that_the_others_have_ended, NEEDS_FORK_WITH_THREADS) {
    holdings all;
    memset((void *)&all, 0, sizeof all);
    CHECK_STATUS(pyt_lock_acquire(&all.ours), PYT_OK);
    pyt_thread *thread = test_thread(hold_theirs, &all);
    PARKED_EVENT(&all.here.leave, 1);
    in_a_child(look_at_holdings, &all);
    CHECK(strstr(test_dump(), "threads that have ended:\n    holds") == NULL);
    CHECK_STATUS(pyt_event_set(&all.here.leave), PYT_OK);
    test_join(thread);
    CHECK_STATUS(pyt_lock_release(&all.ours), PYT_OK);
}

static void *use_locks_until_stopped(void *arg) {
    holdings *all = arg;
    while (!pyt_event_is_set(&all->stop)) {
        pyt_lock own = PYT_LOCK_INIT;
        pyt_with(&all->theirs) {
            CHECK_STATUS(pyt_lock_acquire(&own), PYT_OK);
            CHECK_STATUS(pyt_lock_release(&own), PYT_OK);
        }
    }
    return NULL;
}

static void use_locks_in_the_child(void *arg) {
    holdings *all = arg;
    for (int i = 0; i < 100; i++) {
        pyt_with(&all->ours) {
            CHECK(i > 0 ||
                  strstr(test_dump(), "the main thread, alive\n    holds Lock 0x") != NULL);
        }
    }
}

TEST(a_fork_while_locks_are_noted_leaves_the_notes_whole, NEEDS_BUSY_FORK) {
    holdings all;
    pyt_thread *threads[3];
    memset((void *)&all, 0, sizeof all);
    for (int i = 0; i < 3; i++) {
        threads[i] = test_thread(use_locks_until_stopped, &all);
    }
    for (int i = 0; i < test_scale(50); i++) {
        in_a_child(use_locks_in_the_child, &all);
    }
    CHECK_STATUS(pyt_event_set(&all.stop), PYT_OK);
    for (int i = 0; i < 3; i++) {
        test_join(threads[i]);
    }
}

#endif

#endif /* !_WIN32 */
