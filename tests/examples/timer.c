/* Two timers: the short one fires; the long one is cancelled well before its time, and then ends
 * at once. Both are threads: they have a name, are alive while they wait, and can be joined.
 *
 * Python: t = Timer(0.1, hello); t.start(); t.cancel()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static void hello(void *arg) {
    printf("%s: hello after %s\n", pyt_thread_name(pyt_current_thread()), (const char *)arg);
}

static pyt_thread *start(double seconds, const char *name, char *arg) {
    pyt_thread *timer;
    PYT_MUST(pyt_timer_new(&timer, seconds, hello, arg));
    PYT_MUST(pyt_thread_set_name(timer, name));
    PYT_MUST(pyt_thread_start(timer));
    return timer;
}

int main(void) {
    static char tenth[] = "a tenth of a second";
    static char minute[] = "a minute";
    pyt_thread *quick = start(0.1, "quick", tenth);
    pyt_thread *slow = start(60, "slow", minute);

    PYT_MUST(pyt_thread_join(quick));
    printf("slow: alive: %d\n", pyt_thread_is_alive(slow));
    PYT_MUST(pyt_timer_cancel(slow));
    PYT_MUST(pyt_thread_join(slow));
    printf("slow: alive: %d\n", pyt_thread_is_alive(slow));

    pyt_thread_unref(quick);
    pyt_thread_unref(slow);
    return 0;
}
