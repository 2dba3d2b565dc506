/* A bank balance that two clerks change. Without a lock around reading and writing, one deposit is
 * lost whenever both read before either writes; here a barrier makes sure that they do. With the
 * lock it cannot happen, whatever the timing.
 *
 * Python: balance = self.balance; balance += amount; self.balance = balance
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdatomic.h>
#include <stdio.h>

static atomic_int balance; /* atomic reads and writes alone do not help: each may be outdated */
static pyt_lock lock;
static pyt_barrier both_have_read = PYT_BARRIER_INIT(2);

static void *deposit_wrongly(void *unused) {
    (void)unused;
    int seen = atomic_load(&balance);
    PYT_MUST(pyt_barrier_wait(&both_have_read, NULL)); /* the worst moment to be interrupted at */
    atomic_store(&balance, seen + 50);
    return NULL;
}

static void *deposit_rightly(void *unused) {
    (void)unused;
    pyt_with(&lock) {
        int seen = atomic_load(&balance);
        atomic_store(&balance, seen + 50);
    }
    return NULL;
}

static int balance_after(void *(*deposit)(void *)) {
    pyt_thread *clerks[2];
    atomic_store(&balance, 100);
    for (int i = 0; i < 2; i++) {
        PYT_MUST(pyt_thread_new(&clerks[i], &(pyt_thread_options){.target = deposit}));
        PYT_MUST(pyt_thread_start(clerks[i]));
    }
    for (int i = 0; i < 2; i++) {
        PYT_MUST(pyt_thread_join(clerks[i]));
        pyt_thread_unref(clerks[i]);
    }
    return atomic_load(&balance);
}

int main(void) {
    printf("100 + 50 + 50 without a lock: %d\n", balance_after(deposit_wrongly));
    printf("100 + 50 + 50 with a lock:    %d\n", balance_after(deposit_rightly));
    return 0;
}
