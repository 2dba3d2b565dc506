/* A program ends when all threads but its daemons have ended. Here the daemon never gets to its
 * last line; the other thread does, although main has returned.
 *
 * Python: Thread(target=daemon, daemon=True).start()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

/* Static: a daemon must not use what goes away with main. */
static pyt_event daemon_is_up;
static pyt_event main_leaves;
static pyt_event never;

static void *daemon_target(void *unused) {
    (void)unused;
    printf("daemon: starting\n");
    PYT_MUST(pyt_event_set(&daemon_is_up));
    PYT_MUST(pyt_event_wait(&never));
    printf("daemon: exiting\n");
    return NULL;
}

static void *worker(void *unused) {
    (void)unused;
    printf("worker: starting\n");
    PYT_MUST(pyt_event_wait(&main_leaves));
    printf("worker: exiting\n");
    return NULL;
}

static void start(const pyt_thread_options *options) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, options));
    PYT_MUST(pyt_thread_start(thread));
    pyt_thread_unref(thread); /* it runs on without anybody's interest */
}

int main(void) {
    start(&(pyt_thread_options){.target = daemon_target, .daemon = PYT_DAEMON_TRUE});
    PYT_MUST(pyt_event_wait(&daemon_is_up));
    start(&(pyt_thread_options){.target = worker});
    PYT_MUST(pyt_event_set(&main_leaves));
    return 0;
}
