/* A pool of two connections for six threads: a BoundedSemaphore lets as many in as there are
 * connections, and refuses a connection that is given back once too often.
 *
 * Python: pool = BoundedSemaphore(value=2); with pool: ...
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

enum {
    CONNECTIONS = 2,
    THREADS = 6
};

static pyt_bounded_semaphore pool = PYT_BOUNDED_SEMAPHORE_INIT(CONNECTIONS);
static pyt_lock lock;
static int in_use;   /* under lock */
static int busiest;  /* under lock */
static int requests; /* under lock */

/* Two at a time meet here, each on a connection: so the pool is seen to be full. */
static pyt_barrier both_in_use = PYT_BARRIER_INIT(CONNECTIONS);

static void open_connection(void) {
    pyt_with(&lock) {
        in_use++;
        requests++;
        busiest = in_use > busiest ? in_use : busiest;
    }
}

static void close_connection(void) {
    pyt_with(&lock) {
        in_use--;
    }
}

static void *worker(void *unused) {
    (void)unused;
    pyt_with(&pool) {
        open_connection();
        PYT_MUST(pyt_barrier_wait(&both_in_use, NULL));
        close_connection();
    }
    return NULL;
}

int main(void) {
    pyt_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        PYT_MUST(pyt_thread_new(&threads[i], &(pyt_thread_options){.target = worker}));
        PYT_MUST(pyt_thread_start(threads[i]));
    }
    for (int i = 0; i < THREADS; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    printf("%d requests, at most %d connections in use\n", requests, busiest);
    printf("one more release: %s\n", pyt_status_name(pyt_bounded_semaphore_release(&pool)));
    return 0;
}
