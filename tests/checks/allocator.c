/* Uses everything that takes memory, as often as the argument says, and prints how many blocks are
 * left when the process ends: those that live as long as it does, however long that was. */
#include "allocator.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static atomic_long taken, given;

void *counted_malloc(size_t size) {
    taken++;
    return malloc(size);
}

void counted_free(void *memory) {
    given++;
    free(memory);
}

static void *echo(void *arg) {
    return arg;
}

static void nothing(void *arg) {
    (void)arg;
}

static void square(void *item, void *result) {
    *(int *)result = *(int *)item * *(int *)item;
}

static bool use_threads(void) {
    static pyt_local local = PYT_LOCAL_INIT(16, NULL, NULL);
    pyt_thread *thread;
    pyt_thread *timer;
    if (pyt_thread_new(&thread, &(pyt_thread_options){.target = echo, .name = "one"}) != PYT_OK ||
        pyt_thread_start(thread) != PYT_OK || pyt_thread_join(thread) != PYT_OK ||
        pyt_timer_new(&timer, 1000, nothing, NULL) != PYT_OK || pyt_thread_start(timer) != PYT_OK ||
        pyt_timer_cancel(timer) != PYT_OK || pyt_thread_join(timer) != PYT_OK ||
        pyt_local_get(&local) == NULL) {
        return false;
    }
    pyt_thread_unref(thread);
    pyt_thread_unref(timer);
    return pyt_local_delete(&local) == PYT_OK;
}

static bool use_queues(void) {
    int item = 3;
    pyt_queue queue;
    pyt_simple_queue simple;
    return pyt_queue_init(&queue, sizeof item, 0) == PYT_OK &&
           pyt_simple_queue_init(&simple, sizeof item) == PYT_OK &&
           pyt_queue_put(&queue, &item) == PYT_OK &&
           pyt_simple_queue_put(&simple, &item) == PYT_OK && pyt_queue_destroy(&queue) == PYT_OK &&
           pyt_simple_queue_destroy(&simple) == PYT_OK;
}

static bool use_workers(void) {
    int items[3] = {1, 2, 3}, results[3];
    pyt_pool_work work = {.function = square, .items = items, .results = results, .n = 3};
    pyt_executor *executor;
    pyt_future *future;
    pyt_pool *pool;
    work.item_size = work.result_size = sizeof(int);
    if (pyt_executor_new(&executor, NULL) != PYT_OK ||
        pyt_executor_submit(executor, echo, NULL, &future) != PYT_OK ||
        pyt_future_result(future, NULL) != PYT_OK || pyt_pool_new(&pool, NULL) != PYT_OK) {
        return false;
    }
    pyt_future_unref(future);
    pyt_executor_free(executor);
    pyt_status status = pyt_pool_map(pool, &work, NULL);
    pyt_pool_free(pool);
    return status == PYT_OK && results[2] == 9;
}

static void count_at_exit(void) {
    printf("%ld blocks are left\n", taken - given);
}

/* What is registered before the library is used is called after its own end. */
int main(int argc, char **argv) {
    if (argc != 2 || atexit(count_at_exit) != 0) {
        return 1;
    }
    for (int rounds = atoi(argv[1]); rounds > 0; rounds--) {
        if (!use_threads() || !use_queues() || !use_workers()) {
            return 1;
        }
    }
    return taken > 20 ? 0 : 1;
}
