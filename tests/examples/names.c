/* Threads with names of their own, which a log line shows; a thread without one is "Thread-N".
 *
 * Python: Thread(name="my_service", target=my_service); current_thread().name
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_event up;
static pyt_event down;

static void print_log(const char *text) {
    printf("[%-10s] %s\n", pyt_thread_name(pyt_current_thread()), text);
}

static void *my_service(void *unused) {
    (void)unused;
    print_log("starting");
    PYT_MUST(pyt_event_set(&up));
    PYT_MUST(pyt_event_wait(&down));
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
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

static void join(pyt_thread *thread) {
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    pyt_thread *service = start(my_service, "my_service");
    PYT_MUST(pyt_event_wait(&up));
    join(start(worker, "worker"));
    join(start(worker, NULL));
    print_log("closing");
    PYT_MUST(pyt_event_set(&down));
    join(service);
    return 0;
}
