/* To see a daemon to its end, join it. A join with a timeout only looks, and is_alive tells
 * whether it was long enough; in C its status tells as well.
 *
 * Python: d.join(0.1); print(d.is_alive()); d.join()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_event enough;

static void *work(void *unused) {
    (void)unused;
    PYT_MUST(pyt_event_wait(&enough));
    printf("daemon: exiting\n");
    return NULL;
}

int main(void) {
    pyt_thread_options options = {.target = work, .daemon = PYT_DAEMON_TRUE};
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));

    pyt_status status = pyt_thread_join_timeout(thread, 0.1);
    printf("main: %s, alive: %d\n", pyt_status_name(status), pyt_thread_is_alive(thread));

    PYT_MUST(pyt_event_set(&enough));
    PYT_MUST(pyt_thread_join(thread));
    printf("main: joined, alive: %d\n", pyt_thread_is_alive(thread));
    pyt_thread_unref(thread);
    return 0;
}
