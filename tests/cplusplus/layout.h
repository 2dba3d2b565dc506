/* One place that both languages report the shape of the public types from. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

/* Every public type that a caller's memory holds. */
#define LAYOUT_TYPES(X)      \
    X(pyt_lock)              \
    X(pyt_rlock)             \
    X(pyt_condition)         \
    X(pyt_semaphore)         \
    X(pyt_bounded_semaphore) \
    X(pyt_event)             \
    X(pyt_barrier)           \
    X(pyt_barrier_options)   \
    X(pyt_thread_options)    \
    X(pyt_excepthook_args)   \
    X(pyt_local)             \
    X(pyt_queue)             \
    X(pyt_simple_queue)      \
    X(pyt_scheduler)         \
    X(pyt_scheduler_options) \
    X(pyt_sched_event)       \
    X(pyt_exception)         \
    X(pyt_return_when)       \
    X(pyt_as_completed)      \
    X(pyt_executor_options)  \
    X(pyt_pool_options)      \
    X(pyt_pool_callbacks)    \
    X(pyt_pool_array)        \
    X(pyt_pool_work)         \
    X(pyt_status)            \
    X(pyt_daemon)            \
    X(pyt_ident)

typedef struct layout {
    const char *name;
    size_t size;
    size_t alignment;
} layout;

#ifdef __cplusplus
extern "C" {
#endif

/* The shapes as the C compiler has them, in the order above; a NULL name ends the list. */
const layout *layout_in_c(void);

/* Let C use an object that C++ made: returns 0 when it found it as C++ left it. */
struct pyt_lock;
struct pyt_condition;
int use_in_c(struct pyt_lock *held, struct pyt_condition *condition);

#ifdef __cplusplus
}
#endif

#endif
