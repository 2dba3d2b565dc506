/* A handle that was freed or destroyed is named in the message, where its memory is as it was. This
 * allocator leaves it so, but for the words that others use for their lists. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(void *memory) {
    if (memory != NULL) {
        memset(memory, 0xA5, 8);
    }
}

#define PYTHREADING_MALLOC(size) malloc((size) < 16 ? 16 : (size))
#define PYTHREADING_FREE(pointer) keep(pointer)
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

static void *target(void *arg) {
    return arg;
}

static void done(void *arg) {
    (void)arg;
}

static void say(pyt_status status) {
    printf("%s: %s\n", pyt_status_name(status), pyt_error_message());
}

static void threads(void) {
    pyt_thread *fresh, *ended;
    PYT_MUST(pyt_thread_new(&fresh, &(pyt_thread_options){.target = target}));
    PYT_MUST(pyt_thread_new(&ended, &(pyt_thread_options){.target = target}));
    PYT_MUST(pyt_thread_start(ended));
    PYT_MUST(pyt_thread_join(ended));
    say(pyt_thread_join(fresh));
    say(pyt_thread_start(ended));
    pyt_thread_unref(fresh);
    pyt_thread_unref(ended);
    puts("freed");
    say(pyt_thread_join(fresh));
    say(pyt_thread_result(fresh, NULL));
    say(pyt_thread_start(ended));
    say(pyt_thread_set_daemon(ended, true));
}

static void timer(void) {
    pyt_thread *timer;
    PYT_MUST(pyt_timer_new(&timer, 60, done, NULL));
    pyt_thread_unref(timer);
    puts("freed");
    say(pyt_thread_join(timer));
}

static void future(void) {
    pyt_future *future;
    PYT_MUST(pyt_future_new(&future));
    PYT_MUST(pyt_future_set_result(future, NULL));
    say(pyt_future_cancel(future));
    say(pyt_future_set_result(future, NULL));
    say(pyt_future_set_running_or_notify_cancel(future));
    pyt_future_unref(future);
    puts("freed");
    say(pyt_future_cancel(future));
    say(pyt_future_set_result(future, NULL));
    say(pyt_future_set_exception(future, 1, "one"));
    say(pyt_future_set_running_or_notify_cancel(future));
}

static void executor(void) {
    pyt_executor *executor;
    PYT_MUST(pyt_executor_new(&executor, NULL));
    PYT_MUST(pyt_executor_shutdown(executor, true, false));
    say(pyt_executor_submit(executor, target, NULL, NULL));
    pyt_executor_free(executor);
    puts("freed");
    say(pyt_executor_submit(executor, target, NULL, NULL));
}

static void in_place(void) {
    pyt_queue queue;
    pyt_simple_queue simple;
    pyt_scheduler scheduler;
    pyt_as_completed iterator;
    pyt_future *none = NULL;
    int item = 1;
    PYT_MUST(pyt_queue_init(&queue, sizeof item, 0));
    PYT_MUST(pyt_simple_queue_init(&simple, sizeof item));
    PYT_MUST(pyt_scheduler_init(&scheduler, NULL));
    PYT_MUST(pyt_as_completed_init(&iterator, &none, 0));
    PYT_MUST(pyt_queue_destroy(&queue));
    PYT_MUST(pyt_simple_queue_destroy(&simple));
    PYT_MUST(pyt_scheduler_destroy(&scheduler));
    pyt_as_completed_destroy(&iterator);
    puts("freed");
    say(pyt_queue_put(&queue, &item));
    say(pyt_simple_queue_put(&simple, &item));
    say(pyt_scheduler_run(&scheduler));
    say(pyt_as_completed_next(&iterator, &none));
}

int main(void) {
    threads();
    timer();
    future();
    executor();
    in_place();
    return 0;
}
