/* Two threads count on one variable, without a lock (a race checker must see it) or, with an
 * argument, with one (and then it may see nothing). */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdbool.h>

static pyt_lock lock;
static pyt_barrier both = PYT_BARRIER_INIT(2); /* the end of one is not before the other's start */
static bool locked;
static int count;

static void *work(void *arg) {
    (void)arg;
    (void)pyt_barrier_wait(&both, NULL);
    for (int i = 0; i < 1000; i++) {
        if (locked) {
            (void)pyt_lock_acquire(&lock);
        }
        count++;
        if (locked) {
            (void)pyt_lock_release(&lock);
        }
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
    return locked && count != 2000 ? 2 : 0;
}
