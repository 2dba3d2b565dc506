/* A program of the build without threads, in C11 and in C++11: compiled where the headers of
 * threads and atomics are missing, and linked without a thread library. */
#include "pythreading.h"

#include <stdio.h>
#include <string.h>

static pyt_lock lock = PYT_LOCK_INIT;
static pyt_event event = PYT_EVENT_INIT;
static int sum;

static void *add(void *arg) {
    pyt_with(&lock) {
        sum += *(int *)arg;
    }
    return arg;
}

static void square(void *item, void *result) {
    *(int *)result = *(int *)item * *(int *)item;
}

static int use_threads(void) {
    int five = 5;
    pyt_thread *thread;
    pyt_thread_options options;
    memset(&options, 0, sizeof options);
    options.target = add;
    options.arg = &five;
    if (pyt_thread_new(&thread, &options) != PYT_OK || pyt_thread_start(thread) != PYT_OK ||
        sum != 5 || pyt_thread_join(thread) != PYT_OK) {
        return 1;
    }
    pyt_thread_unref(thread);
    return pyt_event_wait(&event) == PYT_RUNTIME_ERROR ? 0 : 2;
}

static int use_a_queue(void) {
    int item = 1;
    pyt_queue queue;
    if (pyt_queue_init(&queue, sizeof item, 1) != PYT_OK ||
        pyt_queue_put(&queue, &item) != PYT_OK ||
        pyt_queue_put(&queue, &item) != PYT_RUNTIME_ERROR ||
        pyt_queue_get(&queue, &item) != PYT_OK) {
        return 3;
    }
    return pyt_queue_destroy(&queue) == PYT_OK ? 0 : 4;
}

static int use_workers(void) {
    int items[3] = {1, 2, 3}, results[3] = {0, 0, 0};
    pyt_executor *executor;
    pyt_pool *pool;
    pyt_pool_work work;
    memset(&work, 0, sizeof work);
    work.function = square;
    work.items = items;
    work.results = results;
    work.item_size = work.result_size = sizeof(int);
    work.n = 3;
    if (pyt_executor_new(&executor, NULL) != PYT_OK ||
        pyt_executor_submit(executor, add, items, NULL) != PYT_OK || sum != 6) {
        return 5;
    }
    pyt_executor_free(executor);
    if (pyt_pool_new(&pool, NULL) != PYT_OK || pyt_pool_map(pool, &work, NULL) != PYT_OK ||
        results[2] != 9) {
        return 6;
    }
    pyt_pool_free(pool);
    return 0;
}

int main(void) {
    int wrong = use_threads();
    wrong = wrong != 0 ? wrong : use_a_queue();
    wrong = wrong != 0 ? wrong : use_workers();
    printf("%s\n", wrong == 0 ? "no thread was needed" : "wrong");
    return wrong;
}
