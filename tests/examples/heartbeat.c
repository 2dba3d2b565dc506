/* A heartbeat: as long as the wait for the end times out, it is time for another beat. The loop
 * ends the moment the Event is set, not at the end of the interval.
 *
 * Python: while not stop.wait(timeout=0.02): beat()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

/* Ends the program as an exception that nobody catches does. */
static void check(pyt_status status) {
    if (status != PYT_OK) {
        fprintf(stderr, "%s: %s\n", pyt_status_name(status), pyt_error_message());
        abort();
    }
}

static pyt_event stop;
static pyt_semaphore beats;

static void *heart(void *unused) {
    (void)unused;
    pyt_status status;
    while ((status = pyt_event_wait_timeout(&stop, 0.02)) == PYT_TIMEOUT) {
        check(pyt_semaphore_release(&beats));
    }
    check(status);
    return NULL;
}

int main(void) {
    pyt_thread *thread;
    check(pyt_thread_new(&thread, &(pyt_thread_options){.target = heart}));
    check(pyt_thread_start(thread));
    for (int i = 1; i <= 3; i++) {
        check(pyt_semaphore_acquire(&beats));
        printf("beat %d\n", i);
    }
    check(pyt_event_set(&stop));
    check(pyt_thread_join(thread));
    pyt_thread_unref(thread);
    printf("stopped\n");
    return 0;
}
