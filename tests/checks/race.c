/* Two threads count on one variable, without a lock (a race checker must see it) or, with an
 * argument, with one (and then it may see nothing). */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdatomic.h>
#include <stdbool.h>

static pyt_lock lock;
static pyt_barrier both = PYT_BARRIER_INIT(2); /* the end of one is not before the other's start */
static bool locked;
static int count;
static atomic_int counted; /* relaxed: it orders nothing */

static void *work(void *arg) {
    (void)arg;
    (void)pyt_barrier_wait(&both, NULL);
    if (locked) {
        (void)pyt_lock_acquire(&lock);
    }
    count++;
    if (locked) {
        (void)pyt_lock_release(&lock);
    }
    /* Nothing that the library does at the end of one may come before the other has counted. */
    atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed);
    while (atomic_load_explicit(&counted, memory_order_relaxed) < 2) {
        pyt__os_yield();
    }
    return NULL;
}

int main(int argc, char **argv) {
    pyt_thread *threads[2] = {NULL, NULL};
    (void)argv;
    locked = argc > 1;
    for (int i = 0; i < 2; i++) {
        if (pyt_thread_new(&threads[i], &(pyt_thread_options){.target = work}) != PYT_OK ||
            pyt_thread_start(threads[i]) != PYT_OK) {
            return 2;
        }
    }
    for (int i = 0; i < 2; i++) {
        if (pyt_thread_join(threads[i]) != PYT_OK) {
            return 2;
        }
        pyt_thread_unref(threads[i]);
    }
    return locked && count != 2 ? 2 : 0;
}
