/* A thread that makes the whole program end, in order: it interrupts the main thread, which stops
 * waiting, tells the others to stop, joins them and gives the exit status.
 *
 * Python: _thread.interrupt_main(), and in the main thread: except KeyboardInterrupt
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

static pyt_event stop;
static pyt_event never;

static void *worker(void *unused) {
    (void)unused;
    PYT_MUST(pyt_event_wait(&stop));
    return NULL;
}

static void *watchdog(void *unused) {
    (void)unused;
    printf("watchdog: something is wrong\n");
    PYT_MUST(pyt_interrupt_main());
    PYT_MUST(pyt_event_wait(&stop));
    return NULL;
}

static pyt_thread *start(const char *name, void *(*target)(void *)) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

int main(void) {
    pyt_thread *threads[] = {start("worker-1", worker), start("worker-2", worker),
                             start("watchdog", watchdog)};

    pyt_status status = pyt_event_wait(&never); /* the main thread's day */
    printf("main: %s\n", pyt_status_name(status));

    PYT_MUST(pyt_event_set(&stop));
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        printf("main: %s has ended\n", pyt_thread_name(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return status == PYT_INTERRUPTED ? 3 : 0;
}
