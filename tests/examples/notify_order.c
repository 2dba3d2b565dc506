/* notify wakes those who have waited longest, and nobody else: five threads wait, two are called,
 * then all, and they come in the order in which they went.
 *
 * Python: condition.notify(2); condition.notify_all()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

enum {
    THREADS = 5
};

static pyt_condition condition;
static int called; /* under condition: how many have been woken so far */
static pyt_semaphore waiting;
static pyt_semaphore woken;

static void *waiter(void *unused) {
    (void)unused;
    pyt_with(&condition) {
        PYT_MUST(pyt_semaphore_release(&waiting));
        PYT_MUST(pyt_condition_wait(&condition)); /* never wakes unless a notify has counted it */
        called++;
        printf("%d: %s\n", called, pyt_thread_name(pyt_current_thread()));
    }
    PYT_MUST(pyt_semaphore_release(&woken));
    return NULL;
}

/* Start a waiter, and return when it waits or is about to, with the lock held. */
static pyt_thread *start(int number) {
    char name[32];
    snprintf(name, sizeof name, "waiter-%d", number);
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = waiter, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    PYT_MUST(pyt_semaphore_acquire(&waiting));
    return thread;
}

int main(void) {
    pyt_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = start(i + 1);
    }
    pyt_with(&condition) {
        printf("notify two\n");
        PYT_MUST(pyt_condition_notify_n(&condition, 2));
    }
    PYT_MUST(pyt_semaphore_acquire(&woken));
    PYT_MUST(pyt_semaphore_acquire(&woken));
    pyt_with(&condition) {
        printf("notify all\n");
        PYT_MUST(pyt_condition_notify_all(&condition));
    }
    for (int i = 0; i < THREADS; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return 0;
}
