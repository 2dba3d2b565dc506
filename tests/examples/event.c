/* A boss and three sleepers: whoever waits for an Event sleeps until it is set, and all of them
 * wake.
 *
 * Python: awake = Event(); awake.wait(); awake.set()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_event alarm_clock;
static pyt_semaphore in_bed;

static void *sleeper(void *unused) {
    (void)unused;
    const char *name = pyt_thread_name(pyt_current_thread());
    printf("%s: good night\n", name);
    PYT_MUST(pyt_semaphore_release(&in_bed));
    PYT_MUST(pyt_event_wait(&alarm_clock));
    printf("%s: good morning\n", name);
    return NULL;
}

static pyt_thread *start(const char *name) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = sleeper, .name = name}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

int main(void) {
    pyt_thread *sleepers[] = {start("sleeper-1"), start("sleeper-2"), start("sleeper-3")};
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_semaphore_acquire(&in_bed));
    }
    printf("boss: wake up! (was the alarm set? %d)\n", pyt_event_is_set(&alarm_clock));
    PYT_MUST(pyt_event_set(&alarm_clock));
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_thread_join(sleepers[i]));
        pyt_thread_unref(sleepers[i]);
    }
    return 0;
}
