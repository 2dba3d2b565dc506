/* Each thread waits for a condition of its own. notify_all lets every one of them look; whose
 * predicate is still false sleeps on, or, with a timeout, gives up in the end.
 *
 * Python: condition.wait_for(lambda: level >= mine, timeout=0.1)
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_condition condition;
static int level;  /* under condition */
static int served; /* under condition */

static bool is_high_enough(void *wanted) {
    return level >= *(int *)wanted;
}

static bool all_are_served(void *wanted) {
    return served == *(int *)wanted;
}

static void *patient(void *arg) {
    pyt_with(&condition) {
        PYT_MUST(pyt_condition_wait_for(&condition, is_high_enough, arg));
        served++;
        printf("level %d is enough for %s\n", level, pyt_thread_name(pyt_current_thread()));
        PYT_MUST(pyt_condition_notify_all(&condition)); /* main waits for `served` */
    }
    return NULL;
}

static pyt_thread *start(const char *name, int wanted) {
    pyt_thread_options options = {
        .target = patient, .arg = &wanted, .arg_size = sizeof wanted, .name = name};
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

/* Raise the level, and wait until as many threads in all are content. */
static void raise_to(int new_level, int expected) {
    pyt_with(&condition) {
        level = new_level;
        PYT_MUST(pyt_condition_notify_all(&condition));
        PYT_MUST(pyt_condition_wait_for(&condition, all_are_served, &expected));
        printf("served so far: %d\n", served);
    }
}

int main(void) {
    pyt_thread *threads[] = {start("one", 1), start("three", 3), start("five", 5)};
    raise_to(2, 1);
    raise_to(4, 2);
    pyt_with(&condition) {
        int wanted = 9;
        pyt_status status =
            pyt_condition_wait_for_timeout(&condition, is_high_enough, &wanted, 0.1);
        printf("main waits for level 9: %s\n", pyt_status_name(status));
    }
    raise_to(6, 3);
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return 0;
}
