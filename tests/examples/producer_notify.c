/* A producer and two consumers: each item needs one consumer, so notify wakes one. The consumers
 * stop at an item that says so.
 *
 * Python: with condition: items.append(x); condition.notify()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

enum {
    ITEMS = 6,
    CONSUMERS = 2,
    END = 0
};

static pyt_condition condition;
static int items[ITEMS + CONSUMERS]; /* under condition */
static int produced;                 /* under condition */
static int consumed;                 /* under condition */

static bool there_is_one(void *unused) {
    (void)unused;
    return consumed < produced;
}

static void produce(int item) {
    pyt_with(&condition) {
        items[produced++] = item;
        PYT_MUST(pyt_condition_notify(&condition));
    }
}

static int consume(void) {
    int item = END;
    pyt_with(&condition) {
        PYT_MUST(pyt_condition_wait_for(&condition, there_is_one, NULL));
        item = items[consumed++];
    }
    return item;
}

static void *consumer(void *unused) {
    (void)unused;
    int item;
    while ((item = consume()) != END) {
        printf("item %d consumed\n", item);
    }
    printf("a consumer ends\n");
    return NULL;
}

int main(void) {
    pyt_thread *threads[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++) {
        PYT_MUST(pyt_thread_new(&threads[i], &(pyt_thread_options){.target = consumer}));
        PYT_MUST(pyt_thread_start(threads[i]));
    }
    for (int item = 1; item <= ITEMS; item++) {
        produce(item);
    }
    for (int i = 0; i < CONSUMERS; i++) {
        produce(END);
    }
    for (int i = 0; i < CONSUMERS; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    return 0;
}
