/* A heartbeat: as long as the wait for the end times out, it is time for another beat. The loop
 * ends the moment the Event is set, not at the end of the interval.
 *
 * Python: while not stop.wait(timeout=0.02): beat()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_event stop;
static pyt_semaphore beats;

static void *heart(void *unused) {
    (void)unused;
    pyt_status status;
    while ((status = pyt_event_wait_timeout(&stop, 0.02)) == PYT_TIMEOUT) {
        PYT_MUST(pyt_semaphore_release(&beats));
    }
    PYT_MUST(status);
    return NULL;
}

int main(void) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = heart}));
    PYT_MUST(pyt_thread_start(thread));
    for (int i = 1; i <= 3; i++) {
        PYT_MUST(pyt_semaphore_acquire(&beats));
        printf("beat %d\n", i);
    }
    PYT_MUST(pyt_event_set(&stop));
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
    printf("stopped\n");
    return 0;
}
