/* A timer built by hand from a Thread and an Event: its thread waits for the cancellation as
 * long as the interval, and calls the function if none came. (pyt_timer needs no thread to wait.)
 *
 * Python: class MyTimer(Thread): def run(self): if not self.finished.wait(interval): function()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

typedef struct my_timer {
    pyt_thread *thread;
    pyt_event cancelled;
    double interval;
    void (*function)(const char *text);
    const char *text;
} my_timer;

static void *my_timer_target(void *arg) {
    my_timer *timer = arg;
    pyt_status status = pyt_event_wait_timeout(&timer->cancelled, timer->interval);
    if (status == PYT_TIMEOUT) {
        timer->function(timer->text);
    } else {
        PYT_MUST(status);
    }
    return NULL;
}

static void my_timer_start(my_timer *timer) {
    pyt_thread_options options = {.target = my_timer_target, .arg = timer};
    PYT_MUST(pyt_thread_new(&timer->thread, &options));
    PYT_MUST(pyt_thread_start(timer->thread));
}

static void my_timer_cancel(my_timer *timer) {
    PYT_MUST(pyt_event_set(&timer->cancelled));
}

static void my_timer_join(my_timer *timer) {
    PYT_MUST(pyt_thread_join(timer->thread));
    pyt_thread_unref(timer->thread);
}

static void print(const char *text) {
    printf("%s\n", text);
}

int main(void) {
    my_timer quick = {.interval = 0.05, .function = print, .text = "quick has fired"};
    my_timer slow = {.interval = 60, .function = print, .text = "slow has fired"};
    my_timer_start(&quick);
    my_timer_start(&slow);
    my_timer_join(&quick);
    my_timer_cancel(&slow);
    my_timer_join(&slow);
    printf("slow was cancelled\n");
    return 0;
}
