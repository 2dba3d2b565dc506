/* A crew of daemon workers: they serve the queue for ever, and join waits until all is done.
 *
 * Python: Thread(target=work, daemon=True).start(); queue.task_done(); queue.join()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_queue tasks; /* of int */
static pyt_lock lock;
static long done;

static void *work(void *arg) {
    (void)arg;
    for (;;) {
        int task;
        PYT_MUST(pyt_queue_get(&tasks, &task));
        pyt_with(&lock) {
            done += task;
        }
        PYT_MUST(pyt_queue_task_done(&tasks));
    }
    return NULL;
}

int main(void) {
    PYT_MUST(pyt_queue_init(&tasks, sizeof(int), 8));
    for (int i = 0; i < 3; i++) {
        pyt_thread *worker;
        PYT_MUST(pyt_thread_new(&worker,
                                &(pyt_thread_options){.target = work, .daemon = PYT_DAEMON_TRUE}));
        PYT_MUST(pyt_thread_start(worker));
        pyt_thread_unref(worker);
    }
    for (int task = 1; task <= 30; task++) {
        PYT_MUST(pyt_queue_put(&tasks, &task));
    }
    printf("all task requests sent\n");
    PYT_MUST(pyt_queue_join(&tasks));
    pyt_with(&lock) {
        printf("all work completed: %ld\n", done);
    }
    return 0;
}
