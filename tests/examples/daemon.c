/* A program ends when all threads but its daemons have ended. Here the daemon never gets to its
 * last line; the other thread does, although main has returned.
 *
 * Python: Thread(target=daemon, daemon=True).start()
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

/* Static: a daemon must not use what goes away with main. */
static pyt_event daemon_is_up;
static pyt_event main_leaves;
static pyt_event never;

static void *daemon_target(void *unused) {
    (void)unused;
    printf("daemon: starting\n");
    check(pyt_event_set(&daemon_is_up));
    check(pyt_event_wait(&never));
    printf("daemon: exiting\n");
    return NULL;
}

static void *worker(void *unused) {
    (void)unused;
    printf("worker: starting\n");
    check(pyt_event_wait(&main_leaves));
    printf("worker: exiting\n");
    return NULL;
}

static void start(const pyt_thread_options *options) {
    pyt_thread *thread;
    check(pyt_thread_new(&thread, options));
    check(pyt_thread_start(thread));
    pyt_thread_unref(thread); /* it runs on without anybody's interest */
}

int main(void) {
    start(&(pyt_thread_options){.target = daemon_target, .daemon = PYT_DAEMON_TRUE});
    check(pyt_event_wait(&daemon_is_up));
    start(&(pyt_thread_options){.target = worker});
    check(pyt_event_set(&main_leaves));
    return 0;
}
