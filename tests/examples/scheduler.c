/* Events at their time, by priority, cancelled, and on a clock of one's own.
 *
 * Python: s = sched.scheduler(); s.enter(0.1, 1, print, ("first",)); s.run()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static void print(void *arg) {
    printf("%s\n", (const char *)arg);
}

static double clock_time(void *arg) {
    return *(double *)arg;
}

static void clock_delay(void *arg, double seconds) {
    *(double *)arg += seconds;
}

int main(void) {
    pyt_scheduler scheduler;
    pyt_sched_event event;
    PYT_MUST(pyt_scheduler_init(&scheduler, NULL));
    PYT_MUST(pyt_scheduler_enter(&scheduler, 0.3, 2, print, "second, priority 2", NULL));
    PYT_MUST(pyt_scheduler_enter(&scheduler, 0.1, 1, print, "first", NULL));
    PYT_MUST(pyt_scheduler_enter(&scheduler, 0.4, 1, print, "never", &event));
    PYT_MUST(pyt_scheduler_cancel(&scheduler, &event));
    PYT_MUST(pyt_scheduler_run(&scheduler));
    PYT_MUST(pyt_scheduler_destroy(&scheduler));

    double now = 0; /* a day passes in no time */
    PYT_MUST(pyt_scheduler_init(
        &scheduler,
        &(pyt_scheduler_options){.timefunc = clock_time, .delayfunc = clock_delay, .arg = &now}));
    PYT_MUST(pyt_scheduler_enterabs(&scheduler, 20 * 3600, 1, print, "evening", NULL));
    PYT_MUST(pyt_scheduler_enterabs(&scheduler, 8 * 3600, 1, print, "morning", NULL));
    pyt_sched_event list[4];
    size_t count = pyt_scheduler_queue(&scheduler, list, 4);
    for (size_t i = 0; i < count; i++) {
        printf("planned at %.0f h: %s\n", list[i].time / 3600, (const char *)list[i].arg);
    }
    PYT_MUST(pyt_scheduler_run(&scheduler));
    printf("it is %.0f h\n", now / 3600);
    PYT_MUST(pyt_scheduler_destroy(&scheduler));
    return 0;
}
