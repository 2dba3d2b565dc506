/* A barrier that is aborted: those who wait do not wait for somebody who will not come, but are
 * told so. Whoever comes later is told as well, until the barrier is reset.
 *
 * Python: except BrokenBarrierError: ...   and   barrier.abort(); barrier.reset()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

static pyt_barrier barrier = PYT_BARRIER_INIT(3);

static void *worker(void *unused) {
    (void)unused;
    return (void *)pyt_status_name(pyt_barrier_wait(&barrier, NULL));
}

static pyt_thread *start(const char *name) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = worker, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

static void join(pyt_thread *thread) {
    void *outcome;
    PYT_MUST(pyt_thread_join(thread));
    PYT_MUST(pyt_thread_result(thread, &outcome));
    printf("%s: %s\n", pyt_thread_name(thread), (const char *)outcome);
    pyt_thread_unref(thread);
}

int main(void) {
    pyt_thread *one = start("one");
    pyt_thread *two = start("two");
    PYT_MUST(pyt_barrier_abort(&barrier));
    join(one);
    join(two);
    printf("broken: %d\n", pyt_barrier_broken(&barrier));

    PYT_MUST(pyt_barrier_reset(&barrier));
    one = start("one");
    two = start("two");
    join(start("three"));
    join(one);
    join(two);
    printf("broken: %d\n", pyt_barrier_broken(&barrier));
    return 0;
}
