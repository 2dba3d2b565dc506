/* A platform of the user's own for a small real-time system: tasks that never return and cannot be
 * joined, binary semaphores with timeouts in ticks, no thread-local storage but one pointer a task,
 * no processes, no names, one processor.
 *
 *     cc -DPYTHREADING_PLATFORM='"rtos.h"' ...
 *
 * What each function may assume is in the platform room of pythreading.h. */
#if !defined(PYT_PLATFORM_FUNCTIONS)

#include "kernel.h"

#define PYT_BACKEND "rtos"
#define PYT_PLATFORM_RECORD
#define PYT_PLATFORM_PRINT(...) kernel_print(__VA_ARGS__)
#define PYT_PLATFORM_NO_START
#define PYT_PLATFORM_NO_FORK
#define PYT_PLATFORM_NO_NAMES
#define PYT_PLATFORM_NO_PROCESSORS
#define PYT_PLATFORM_NO_THREAD_IDS
#define PYT_PLATFORM_NO_MAIN
#define PYT_PLATFORM_NO_THREAD_END
#define PYT_PLATFORM_NO_EXIT

#ifndef PYTHREADING_BUCKETS
#define PYTHREADING_BUCKETS 16
#endif

#else

static int64_t pyt__os_now(void) {
    return (int64_t)kernel_microseconds() * 1000;
}

/* ---- mutexes and conditions: binary semaphores ---- */

typedef kernel_semaphore pyt__os_mutex;
typedef kernel_semaphore pyt__os_cond;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    kernel_semaphore_init(mutex, true);
    return !PYT__FAULT("mutex_init");
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    (void)mutex;
}

static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    (void)kernel_semaphore_take(mutex, KERNEL_FOREVER);
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    kernel_semaphore_give(mutex);
}

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    kernel_semaphore_init(cond, false);
    return !PYT__FAULT("cond_init");
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    (void)cond;
}

/* A signal that comes between the two steps is kept by the semaphore; one that comes late ends the
 * next wait for no reason. */
static void rtos_wait(pyt__os_cond *cond, pyt__os_mutex *mutex, uint32_t ticks) {
    kernel_semaphore_give(mutex);
    (void)kernel_semaphore_take(cond, ticks);
    (void)kernel_semaphore_take(mutex, KERNEL_FOREVER);
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    rtos_wait(cond, mutex, KERNEL_FOREVER);
}

/* Ticks are rounded up; a wait that is too long for them ends early and is taken up again. */
static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    int64_t left = deadline - pyt__os_now();
    int64_t ticks = left > 0 ? (left - 1) / KERNEL_TICK_NS + 1 : 0;
    rtos_wait(cond, mutex, ticks < KERNEL_FOREVER ? (uint32_t)ticks : KERNEL_FOREVER - 1);
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    kernel_semaphore_give(cond);
}

/* ---- tasks ---- */

/* Of each task that the library has started, for the two that have to do with its end: the task,
 * which gives `over` when it has nothing more to do, and the one that joins or detaches it. */
typedef struct rtos_thread {
    kernel_semaphore over;
    PYT__ATOMIC(uint32_t) refs;
    void *arg;
} * pyt__os_thread;

/* What a task's one pointer points to. */
typedef struct rtos_local {
    pyt__self record;
    pyt__os_thread thread; /* NULL: the library has not started it */
} rtos_local;

/* A task that the library has not started has its record from its first use of the library on. */
PYT__COLD static rtos_local *rtos_local_make(void) {
    rtos_local *local = (rtos_local *)kernel_allocate(sizeof *local);
    if (local == NULL) {
        kernel_panic("no memory for the record of a task");
    }
    kernel_task_set_local(local);
    return local;
}

static rtos_local *rtos_local_get(void) {
    rtos_local *local = (rtos_local *)kernel_task_local();
    return local != NULL ? local : rtos_local_make();
}

static pyt__self *pyt__os_record(void) {
    return &rtos_local_get()->record;
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    if (PYT__ADD(&thread->refs, (uint32_t)-1, acq_rel) == 1) {
        kernel_free(thread);
    }
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    rtos_local *local = rtos_local_get();
    pyt__retire(&local->record);
    if (local->thread != NULL) {
        kernel_semaphore_give(&local->thread->over);
        pyt__os_thread_detach(local->thread);
    }
    kernel_task_delete_self();
}

/* A task of the library's has its record on its stack. */
static void rtos_entry(void *arg) {
    rtos_local local;
    memset((void *)&local, 0, sizeof local);
    local.thread = (pyt__os_thread)arg;
    kernel_task_set_local(&local);
    pyt__thread_main(local.thread->arg);
    pyt__os_thread_exit();
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    pyt__os_thread made =
        PYT__FAULT("thread_start") ? NULL : (pyt__os_thread)kernel_allocate(sizeof *made);
    if (made == NULL) {
        return false;
    }
    *thread = made;
    kernel_semaphore_init(&made->over, false);
    PYT__STORE(&made->refs, 2, relaxed);
    made->arg = arg;
    bool started = kernel_task_create(rtos_entry, made, stack_size);
    if (!started) {
        kernel_free(made);
    }
    return started;
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    (void)kernel_semaphore_take(&thread->over, KERNEL_FOREVER);
    pyt__os_thread_detach(thread);
}

static void pyt__os_yield(void) {
    kernel_task_yield();
}

#endif
