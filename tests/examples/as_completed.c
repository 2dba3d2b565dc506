/* Results are taken as they come, and a terminal shows a bar of how far it is. Where the output
 * goes elsewhere, there is a line for each step. One of the jobs fails, and is counted as such. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JOBS 8
#define WIDTH 40

static void *work(void *arg) {
    int job = *(int *)arg;
    PYT_MUST(pyt_sleep(0.001 * (1 + job * 5 % 7)));
    if (job == 5) {
        pyt_raise(job, "job 5 has run out of paper");
    }
    return arg;
}

static void show(int done, bool terminal) {
    if (!terminal) {
        printf("%d of %d\n", done, JOBS);
        return;
    }
    char bar[WIDTH + 1];
    memset(bar, ' ', WIDTH);
    memset(bar, '#', (size_t)(done * WIDTH / JOBS));
    bar[WIDTH] = '\0';
    printf("\r[%s] %d of %d", bar, done, JOBS);
    fflush(stdout);
}

int main(void) {
    int jobs[JOBS], done = 0, sum = 0, failed = 0;
    bool terminal = isatty(STDOUT_FILENO);
    pyt_future *futures[JOBS], *future;
    pyt_as_completed iterator;
    pyt_executor *executor;
    if (pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 3}) != PYT_OK) {
        return 1;
    }
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = i;
        if (pyt_executor_submit(executor, work, &jobs[i], &futures[i]) != PYT_OK) {
            return 1;
        }
    }
    if (pyt_as_completed_init(&iterator, futures, JOBS) != PYT_OK) {
        return 1;
    }
    while (pyt_as_completed_next(&iterator, &future) == PYT_OK) {
        void *job;
        if (pyt_future_result(future, &job) == PYT_OK) {
            sum += *(int *)job;
        } else {
            failed++;
        }
        show(++done, terminal);
    }
    pyt_as_completed_destroy(&iterator);
    printf("%ssum %d, %d failed: ", terminal ? "\n" : "", sum, failed);
    pyt_future_result(futures[5], NULL);
    printf("%s\n", pyt_error_message());
    for (int i = 0; i < JOBS; i++) {
        pyt_future_unref(futures[i]);
    }
    pyt_executor_free(executor);
    return 0;
}
