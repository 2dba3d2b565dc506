/* A sleep that others can end: wait for an Event as long as one wants to sleep. The status tells
 * whether the sleep was slept out or interrupted.
 *
 * Python: interrupted = event.wait(timeout=seconds)
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

typedef struct bed {
    pyt_event wake_up;
    double seconds;
} bed;

static void *sleeper(void *arg) {
    bed *mine = arg;
    pyt_status status = pyt_event_wait_timeout(&mine->wake_up, mine->seconds);
    if (status == PYT_TIMEOUT) {
        return "slept it out";
    }
    PYT_MUST(status);
    return "was woken";
}

static pyt_thread *start(const char *name, bed *where) {
    pyt_thread_options options = {.target = sleeper, .arg = where, .name = name};
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

static void join(pyt_thread *thread) {
    void *outcome;
    PYT_MUST(pyt_thread_join(thread));
    PYT_MUST(pyt_thread_result(thread, &outcome));
    printf("%s %s\n", pyt_thread_name(thread), (const char *)outcome);
    pyt_thread_unref(thread);
}

int main(void) {
    bed sofa = {.seconds = 0.05};
    bed coffin = {.seconds = 3600};
    pyt_thread *cat = start("the cat", &sofa);
    pyt_thread *vampire = start("the vampire", &coffin);
    join(cat);
    PYT_MUST(pyt_event_set(&coffin.wake_up));
    join(vampire);
    return 0;
}
