/* One place that both languages report the shape of the public types from. */
#ifndef LAYOUT_H
#define LAYOUT_H

#include <stddef.h>

/* Every type that a caller's memory holds. */
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
    X(pyt_ident)             \
    X(pyt__self)             \
    X(pyt__hold)

/* Every member of those, and of what the inline functions of a caller look into. */
#define LAYOUT_MEMBERS(X)                       \
    X(pyt_lock, pyt__word)                      \
    X(pyt_rlock, pyt__lock)                     \
    X(pyt_rlock, pyt__depth)                    \
    X(pyt_rlock, pyt__owner)                    \
    X(pyt_condition, pyt__own)                  \
    X(pyt_condition, pyt__given)                \
    X(pyt_condition, pyt__given_is_lock)        \
    X(pyt_condition, pyt__queue)                \
    X(pyt_semaphore, pyt__word)                 \
    X(pyt_semaphore, pyt__initial)              \
    X(pyt_bounded_semaphore, pyt__semaphore)    \
    X(pyt_event, pyt__word)                     \
    X(pyt_barrier, pyt__state)                  \
    X(pyt_barrier, pyt__n_waiting)              \
    X(pyt_barrier, pyt__parties)                \
    X(pyt_barrier, pyt__action)                 \
    X(pyt_barrier, pyt__arg)                    \
    X(pyt_barrier, pyt__timeout)                \
    X(pyt_barrier, pyt__runner)                 \
    X(pyt_barrier_options, action)              \
    X(pyt_barrier_options, arg)                 \
    X(pyt_barrier_options, timeout)             \
    X(pyt_thread_options, target)               \
    X(pyt_thread_options, arg)                  \
    X(pyt_thread_options, arg_size)             \
    X(pyt_thread_options, name)                 \
    X(pyt_thread_options, run)                  \
    X(pyt_thread_options, daemon)               \
    X(pyt_thread_options, stack_size)           \
    X(pyt_excepthook_args, thread)              \
    X(pyt_excepthook_args, code)                \
    X(pyt_excepthook_args, message)             \
    X(pyt_local, pyt__slot)                     \
    X(pyt_local, pyt__busy)                     \
    X(pyt_local, pyt__busy_since)               \
    X(pyt_local, pyt__size)                     \
    X(pyt_local, pyt__construct)                \
    X(pyt_local, pyt__destroy)                  \
    X(pyt_local, pyt__values)                   \
    X(pyt__self, pyt__message)                  \
    X(pyt__self, pyt__message_memory)           \
    X(pyt__self, pyt__parker)                   \
    X(pyt__self, pyt__thread)                   \
    X(pyt__self, pyt__ident)                    \
    X(pyt__self, pyt__frame)                    \
    X(pyt__self, pyt__in_run)                   \
    X(pyt__self, pyt__locals)                   \
    X(pyt__self, pyt__making)                   \
    X(pyt__self, pyt__ending)                   \
    X(pyt__self, pyt__forking)                  \
    X(pyt__self, pyt__trace)                    \
    X(pyt__self, pyt__profile)                  \
    X(pyt__store, pyt__memory)                  \
    X(pyt__store, pyt__capacity)                \
    X(pyt__store, pyt__first)                   \
    X(pyt__store, pyt__count)                   \
    X(pyt__store, pyt__item_size)               \
    X(pyt__store, pyt__stride)                  \
    X(pyt__store, pyt__arrivals)                \
    X(pyt__store, pyt__compare)                 \
    X(pyt__store, pyt__last_first)              \
    X(pyt__store, pyt__limited)                 \
    X(pyt_queue, pyt__lock)                     \
    X(pyt_queue, pyt__getters)                  \
    X(pyt_queue, pyt__putters)                  \
    X(pyt_queue, pyt__joiners)                  \
    X(pyt_queue, pyt__items)                    \
    X(pyt_queue, pyt__maxsize)                  \
    X(pyt_queue, pyt__unfinished)               \
    X(pyt_queue, pyt__shut)                     \
    X(pyt_queue, pyt__destructor)               \
    X(pyt_simple_queue, pyt__item_size)         \
    X(pyt_simple_queue, pyt__slots)             \
    X(pyt_simple_queue, pyt__destructor)        \
    X(pyt_simple_queue, pyt__spare)             \
    X(pyt_simple_queue, pyt__apart)             \
    X(pyt_simple_queue, pyt__head_lock)         \
    X(pyt_simple_queue, pyt__head)              \
    X(pyt_simple_queue, pyt__known)             \
    X(pyt_simple_queue, pyt__head_segment)      \
    X(pyt_simple_queue, pyt__head_slot)         \
    X(pyt_simple_queue, pyt__apart_too)         \
    X(pyt_simple_queue, pyt__tail_lock)         \
    X(pyt_simple_queue, pyt__getters)           \
    X(pyt_simple_queue, pyt__tail)              \
    X(pyt_simple_queue, pyt__tail_segment)      \
    X(pyt_simple_queue, pyt__tail_slot)         \
    X(pyt_simple_queue, pyt__apart_last)        \
    X(pyt_scheduler, pyt__lock)                 \
    X(pyt_scheduler, pyt__sleepers)             \
    X(pyt_scheduler, pyt__count)                \
    X(pyt_scheduler, pyt__capacity)             \
    X(pyt_scheduler, pyt__free)                 \
    X(pyt_scheduler, pyt__number)               \
    X(pyt_scheduler, pyt__entries)              \
    X(pyt_scheduler, pyt__slots)                \
    X(pyt_scheduler, pyt__heap)                 \
    X(pyt_scheduler, pyt__options)              \
    X(pyt_scheduler_options, timefunc)          \
    X(pyt_scheduler_options, delayfunc)         \
    X(pyt_scheduler_options, arg)               \
    X(pyt_sched_event, time)                    \
    X(pyt_sched_event, priority)                \
    X(pyt_sched_event, pyt__slot)               \
    X(pyt_sched_event, action)                  \
    X(pyt_sched_event, arg)                     \
    X(pyt_sched_event, pyt__entry)              \
    X(pyt_sched_event, pyt__scheduler)          \
    X(pyt_exception, status)                    \
    X(pyt_exception, code)                      \
    X(pyt_exception, message)                   \
    X(pyt_as_completed, pyt__watcher)           \
    X(pyt_executor_options, max_workers)        \
    X(pyt_executor_options, thread_name_prefix) \
    X(pyt_executor_options, initializer)        \
    X(pyt_executor_options, arg)                \
    X(pyt_pool_options, processes)              \
    X(pyt_pool_options, initializer)            \
    X(pyt_pool_options, arg)                    \
    X(pyt_pool_callbacks, callback)             \
    X(pyt_pool_callbacks, error_callback)       \
    X(pyt_pool_callbacks, arg)                  \
    X(pyt_pool_array, items)                    \
    X(pyt_pool_array, item_size)                \
    X(pyt_pool_work, function)                  \
    X(pyt_pool_work, items)                     \
    X(pyt_pool_work, item_size)                 \
    X(pyt_pool_work, n)                         \
    X(pyt_pool_work, results)                   \
    X(pyt_pool_work, result_size)               \
    X(pyt_pool_work, chunksize)                 \
    X(pyt_pool_work, star)                      \
    X(pyt_pool_work, arrays)                    \
    X(pyt_pool_work, n_arrays)                  \
    X(pyt__hold, pyt__object)                   \
    X(pyt__hold, pyt__release)

/* Of a type: its size and alignment; of a member: its size and offset. */
typedef struct layout {
    const char *name;
    size_t size;
    size_t place;
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
