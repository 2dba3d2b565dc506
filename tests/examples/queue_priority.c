/* Jobs by priority: the smallest number first, equal ones in order of arrival.
 *
 * Python: PriorityQueue().put(Job(3, "mid-level"))
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

typedef struct job {
    int priority;
    const char *description;
} job;

static int compare_jobs(const void *a, const void *b) {
    int x = ((const job *)a)->priority, y = ((const job *)b)->priority;
    return (x > y) - (x < y);
}

static void *process(void *arg) {
    job next;
    while (pyt_queue_get(arg, &next) == PYT_OK) {
        printf("processing job: %s\n", next.description);
        PYT_MUST(pyt_queue_task_done(arg));
    }
    return NULL;
}

int main(void) {
    static const job jobs[] = {
        {3, "mid-level"}, {10, "low-level"}, {1, "important"}, {3, "mid-level, later"}};
    pyt_queue queue;
    pyt_thread *worker;
    PYT_MUST(pyt_priority_queue_init(&queue, sizeof(job), 0, compare_jobs));
    for (int i = 0; i < 4; i++) {
        PYT_MUST(pyt_queue_put(&queue, &jobs[i]));
    }
    PYT_MUST(pyt_thread_new(&worker, &(pyt_thread_options){.target = process, .arg = &queue}));
    PYT_MUST(pyt_thread_start(worker));
    PYT_MUST(pyt_queue_join(&queue));
    PYT_MUST(pyt_queue_shutdown(&queue, false));
    PYT_MUST(pyt_thread_join(worker));
    pyt_thread_unref(worker);
    PYT_MUST(pyt_queue_destroy(&queue));
    return 0;
}
