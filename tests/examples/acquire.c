/* Taking a lock without waiting for it, and waiting for it only so long. PYT_TIMEOUT is Python's
 * False: an answer, not a failure.
 *
 * Python: lock.acquire(blocking=False); lock.acquire(timeout=0.05)
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

static pyt_lock lock;
static pyt_event had_enough;

static void print_outcome(const char *what, pyt_status status) {
    if (status != PYT_TIMEOUT) {
        PYT_MUST(status);
    }
    printf("%-20s %s\n", what, status == PYT_OK ? "got it" : "did not get it");
}

static void *worker(void *unused) {
    (void)unused;
    print_outcome("without waiting:", pyt_lock_acquire_nowait(&lock));
    print_outcome("in a 20th second:", pyt_lock_acquire_timeout(&lock, 0.05));
    PYT_MUST(pyt_event_set(&had_enough));
    print_outcome("within a minute:", pyt_lock_acquire_timeout(&lock, 60));
    PYT_MUST(pyt_lock_release(&lock));
    print_outcome("when it is free:", pyt_lock_acquire_nowait(&lock));
    PYT_MUST(pyt_lock_release(&lock));
    return NULL;
}

int main(void) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = worker}));
    PYT_MUST(pyt_lock_acquire(&lock));
    PYT_MUST(pyt_thread_start(thread));
    PYT_MUST(pyt_event_wait(&had_enough));
    PYT_MUST(pyt_lock_release(&lock));
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
    printf("locked at the end: %d\n", pyt_lock_locked(&lock));
    return 0;
}
