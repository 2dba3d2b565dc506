/* Who is alive: main lists all threads, and joins all but itself without having kept a handle.
 *
 * Python: for t in enumerate(): if t is not main_thread(): t.join()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

enum {
    CAPACITY = 8
};

static pyt_event go_home;

static void *worker(void *unused) {
    (void)unused;
    PYT_MUST(pyt_event_wait(&go_home));
    return NULL;
}

static void start(const char *name) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = worker, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    start("worker-1");
    start("worker-2");
    start("worker-3");

    pyt_thread *alive[CAPACITY];
    size_t n = pyt_enumerate(alive, CAPACITY); /* may say that there are more than fit */
    for (size_t i = 0; i < n && i < CAPACITY; i++) {
        printf("%s\n", pyt_thread_name(alive[i]));
    }

    PYT_MUST(pyt_event_set(&go_home));
    for (size_t i = 0; i < n && i < CAPACITY; i++) {
        if (alive[i] != pyt_main_thread()) {
            PYT_MUST(pyt_thread_join(alive[i]));
        }
        pyt_thread_unref(alive[i]); /* each handle in the list is ours to give back */
    }
    printf("now alive: %zu\n", pyt_active_count());
    return 0;
}
