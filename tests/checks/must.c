/* Statuses that must not be ignored, and others. The check counts the warnings: one for each of the
 * first. */
#include "pythreading.h"

void drop(pyt_lock *lock, pyt_condition *condition, pyt_semaphore *semaphore, pyt_event *event,
          pyt_barrier *barrier, pyt_queue *queue, pyt_simple_queue *simple);

void drop(pyt_lock *lock, pyt_condition *condition, pyt_semaphore *semaphore, pyt_event *event,
          pyt_barrier *barrier, pyt_queue *queue, pyt_simple_queue *simple) {
    pyt_thread *thread = 0;
    pyt_executor *executor = 0;
    pyt_pool *pool = 0;
    int item = 0;
    pyt_lock_acquire_nowait(lock);
    pyt_lock_acquire_timeout(lock, 1);
    pyt_condition_acquire_nowait(condition);
    pyt_condition_wait_timeout(condition, 1);
    pyt_semaphore_init(semaphore, 1);
    pyt_semaphore_acquire_nowait(semaphore);
    pyt_semaphore_acquire_timeout(semaphore, 1);
    pyt_event_wait_timeout(event, 1);
    pyt_barrier_init(barrier, 1, 0);
    pyt_barrier_wait_timeout(barrier, 1, 0);
    pyt_queue_init(queue, sizeof item, 0);
    pyt_queue_put_nowait(queue, &item);
    pyt_queue_get_timeout(queue, &item, 1);
    pyt_simple_queue_get_nowait(simple, &item);
    pyt_thread_new(&thread, 0);
    pyt_thread_start(thread);
    pyt_executor_new(&executor, 0);
    pyt_pool_new(&pool, 0);

    pyt_lock_acquire(lock);
    pyt_lock_release(lock);
    pyt_event_set(event);
    pyt_event_wait(event);
    pyt_thread_join(thread);
    pyt_queue_put(queue, &item);
    PYT_MUST(pyt_lock_acquire_nowait(lock));
}
