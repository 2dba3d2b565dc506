/* A thread that takes a Lock twice waits for itself; an RLock it may take as often as it gives it
 * back. So a function that locks may call another that locks the same.
 *
 * Python: lock = RLock(); with lock: with lock: ...
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_lock lock;
static pyt_rlock rlock;

static void inner(void) {
    pyt_with(&rlock) {
        printf("inner: held %zu times\n", pyt_rlock_recursion_count(&rlock));
    }
}

static void outer(void) {
    pyt_with(&rlock) {
        printf("outer: held %zu times\n", pyt_rlock_recursion_count(&rlock));
        inner();
        printf("outer: held %zu times\n", pyt_rlock_recursion_count(&rlock));
    }
}

int main(void) {
    PYT_MUST(pyt_lock_acquire(&lock));
    printf("Lock, the second time: %s\n", pyt_status_name(pyt_lock_acquire_nowait(&lock)));
    PYT_MUST(pyt_lock_release(&lock));

    PYT_MUST(pyt_rlock_acquire(&rlock));
    printf("RLock, the second time: %s\n", pyt_status_name(pyt_rlock_acquire_nowait(&rlock)));
    PYT_MUST(pyt_rlock_release(&rlock));
    PYT_MUST(pyt_rlock_release(&rlock));

    outer();
    printf("RLock, once too often: %s\n", pyt_status_name(pyt_rlock_release(&rlock)));
    return 0;
}
