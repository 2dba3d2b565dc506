/* A barrier of three: nobody goes on to the second phase before all have finished the first, so
 * each sees what the others have written. The last to arrive runs the action.
 *
 * Python: barrier = Barrier(3, action=announce); index = barrier.wait()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

enum {
    PARTIES = 3
};

static pyt_barrier barrier;
static int parts[PARTIES];   /* each written by its own thread, before the barrier */
static int indices[PARTIES]; /* the order of arrival: each index is given out once */
static int sums[PARTIES];

static int announce(void *unused) {
    (void)unused;
    printf("all %d are here\n", pyt_barrier_parties(&barrier));
    return 0; /* anything else would break the barrier */
}

static void *worker(void *arg) {
    int me = *(int *)arg;
    parts[me] = 10 * (me + 1);
    PYT_MUST(pyt_barrier_wait(&barrier, &indices[me]));
    for (int i = 0; i < PARTIES; i++) {
        sums[me] += parts[i];
    }
    return NULL;
}

int main(void) {
    PYT_MUST(pyt_barrier_init(&barrier, PARTIES, &(pyt_barrier_options){.action = announce}));
    pyt_thread *threads[PARTIES];
    for (int i = 0; i < PARTIES; i++) {
        pyt_thread_options options = {.target = worker, .arg = &i, .arg_size = sizeof i};
        PYT_MUST(pyt_thread_new(&threads[i], &options));
        PYT_MUST(pyt_thread_start(threads[i]));
    }
    int sum_of_indices = 0;
    for (int i = 0; i < PARTIES; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
        printf("worker %d sees %d\n", i, sums[i]);
        sum_of_indices += indices[i];
    }
    printf("0 + 1 + 2 = %d\n", sum_of_indices);
    return 0;
}
