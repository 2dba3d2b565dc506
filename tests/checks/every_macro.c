/* Every macro a program uses, in a file that is compiled with the warnings that adopters ask for:
 * nothing that a macro expands to may draw one. C11 and C++11. */
#include "pythreading.h"

static pyt_lock lock = PYT_LOCK_INIT;
static pyt_rlock rlock = PYT_RLOCK_INIT;
static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(2);
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
static pyt_event event = PYT_EVENT_INIT;
static pyt_condition condition = PYT_CONDITION_INIT;
static pyt_condition over_lock = PYT_CONDITION_INIT_LOCK(&lock);
static pyt_condition over_rlock = PYT_CONDITION_INIT_RLOCK(&rlock);
static pyt_barrier barrier = PYT_BARRIER_INIT(1);
static pyt_local local = PYT_LOCAL_INIT(sizeof(int), PYT__NULL, PYT__NULL);

static void with_each(int *count) {
    pyt_with(&lock) {
        ++*count;
    }
    pyt_with(&rlock) {
        pyt_with(&rlock) {
            ++*count;
        }
    }
    pyt_with(&condition) {
        PYT_MUST(pyt_condition_notify_all(&condition));
    }
    pyt_with(&semaphore) {
        pyt_with(&bounded) {
            ++*count;
        }
    }
}

#if defined(__GNUC__) || defined(__cplusplus)
static void guard_each(int *count) {
    pyt_guard(&lock);
    pyt_guard(&rlock);
    pyt_guard(&condition);
    pyt_guard(&semaphore);
    pyt_guard(&bounded);
    ++*count;
}
#else
static void guard_each(int *count) {
    ++*count;
}
#endif

static bool is_there(void *arg) {
    return arg != PYT__NULL;
}

/* Those that a debug build makes macros, of each kind. */
static int call_each(int *count) {
    PYT_MUST(pyt_lock_acquire(&lock));
    PYT_MUST(pyt_lock_release(&lock));
    if (pyt_lock_acquire_nowait(&lock) == PYT_OK) {
        PYT_MUST(pyt_condition_wait_for(&over_lock, is_there, count));
        PYT_MUST(pyt_lock_release(&lock));
    }
    if (pyt_condition_acquire_timeout(&over_rlock, 1.0) == PYT_OK) {
        PYT_MUST(pyt_condition_release(&over_rlock));
    }
    PYT_MUST(pyt_event_set(&event));
    PYT_MUST(pyt_event_wait_timeout(&event, 1));
    PYT_MUST(pyt_barrier_wait(&barrier, PYT__NULL));
    PYT_MUST(pyt_local_get(&local) != PYT__NULL ? PYT_OK : PYT_MEMORY_ERROR);
    if (!pyt_event_is_set(&event) || pyt_lock_locked(&lock) || pyt_rlock_locked(&rlock) ||
        pyt_rlock_is_owned(&rlock)) {
        return 1;
    }
#if defined(PYTHREADING_SIMULATE)
    PYT_CHECK(*count > 0);
    pyt_step();
#endif
    return pyt_semaphore_value(&semaphore) == 2 && pyt_bounded_semaphore_value(&bounded) == 1 ? 0
                                                                                              : 2;
}

int main(void) {
    int count = 0;
    with_each(&count);
    guard_each(&count);
    return call_each(&count) + (count != 4);
}
