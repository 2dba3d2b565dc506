/* Workers with arguments: each is given its own copy of the loop's counter, which has moved on
 * by the time the worker looks.
 *
 * Python: for i in range(5): Thread(target=worker, args=(i,)).start()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static void *worker(void *arg) {
    const int *number = arg; /* this thread's copy, for as long as the thread lives */
    printf("worker %d\n", *number);
    return NULL;
}

int main(void) {
    pyt_thread *threads[5];
    for (int i = 0; i < 5; i++) {
        pyt_thread_options options = {.target = worker, .arg = &i, .arg_size = sizeof i};
        PYT_MUST(pyt_thread_new(&threads[i], &options));
        PYT_MUST(pyt_thread_start(threads[i]));
    }
    for (int i = 0; i < 5; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return 0;
}
