/* To see a daemon to its end, join it. A join with a timeout only looks, and is_alive tells
 * whether it was long enough; in C its status tells as well.
 *
 * Python: d.join(0.1); print(d.is_alive()); d.join()
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

static pyt_event enough;

static void *work(void *unused) {
    (void)unused;
    check(pyt_event_wait(&enough));
    printf("daemon: exiting\n");
    return NULL;
}

int main(void) {
    pyt_thread_options options = {.target = work, .daemon = PYT_DAEMON_TRUE};
    pyt_thread *thread;
    check(pyt_thread_new(&thread, &options));
    check(pyt_thread_start(thread));

    pyt_status status = pyt_thread_join_timeout(thread, 0.1);
    printf("main: %s, alive: %d\n", pyt_status_name(status), pyt_thread_is_alive(thread));

    check(pyt_event_set(&enough));
    check(pyt_thread_join(thread));
    printf("main: joined, alive: %d\n", pyt_thread_is_alive(thread));
    pyt_thread_unref(thread);
    return 0;
}
