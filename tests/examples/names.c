/* Threads with names of their own, which a log line shows; a thread without one is "Thread-N".
 *
 * Python: Thread(name="my_service", target=my_service); current_thread().name
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

static pyt_event up;
static pyt_event down;

static void print_log(const char *text) {
    printf("[%-10s] %s\n", pyt_thread_name(pyt_current_thread()), text);
}

static void *my_service(void *unused) {
    (void)unused;
    print_log("starting");
    check(pyt_event_set(&up));
    check(pyt_event_wait(&down));
    print_log("exiting");
    return NULL;
}

static void *worker(void *unused) {
    (void)unused;
    print_log("working");
    return NULL;
}

static pyt_thread *start(void *(*target)(void *), const char *name) {
    pyt_thread *thread;
    check(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .name = name}));
    check(pyt_thread_start(thread));
    return thread;
}

static void join(pyt_thread *thread) {
    check(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    pyt_thread *service = start(my_service, "my_service");
    check(pyt_event_wait(&up));
    join(start(worker, "worker"));
    join(start(worker, NULL));
    print_log("closing");
    check(pyt_event_set(&down));
    join(service);
    return 0;
}
