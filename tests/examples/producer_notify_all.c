/* A producer and its consumers: all wait on one Condition, and notify_all wakes all of them when
 * the resource is there. They go on one after the other, in the order in which they came.
 *
 * Python: with condition: condition.wait()   and   with condition: condition.notify_all()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_condition condition;
static bool available;        /* under condition */
static pyt_semaphore waiting; /* counts consumers that wait, or are about to with the lock held */

static void *consumer(void *unused) {
    (void)unused;
    const char *name = pyt_thread_name(pyt_current_thread());
    pyt_with(&condition) {
        printf("%s: waits\n", name);
        PYT_MUST(pyt_semaphore_release(&waiting));
        while (!available) {
            PYT_MUST(pyt_condition_wait(&condition));
        }
        printf("%s: consumes\n", name);
    }
    return NULL;
}

static void *producer(void *unused) {
    (void)unused;
    pyt_with(&condition) {
        printf("producer: makes the resource available\n");
        available = true;
        PYT_MUST(pyt_condition_notify_all(&condition));
    }
    return NULL;
}

static pyt_thread *start(void *(*target)(void *), const char *name) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

int main(void) {
    pyt_thread *threads[3];
    threads[0] = start(consumer, "consumer-1");
    PYT_MUST(pyt_semaphore_acquire(&waiting));
    threads[1] = start(consumer, "consumer-2");
    PYT_MUST(pyt_semaphore_acquire(&waiting));
    threads[2] = start(producer, "producer");
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return 0;
}
