/* A producer and a consumer over a queue; a pointer to nothing says that no more will come.
 *
 * Python: queue.put(None); for dish in iter(queue.get, None): ...
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_queue queue; /* of const char * */

static void *produce(void *arg) {
    static const char *const dishes[] = {"soup", "fish", "cake"};
    (void)arg;
    for (int i = 0; i < 3; i++) {
        PYT_MUST(pyt_queue_put(&queue, &dishes[i])); /* waits while two are in it */
    }
    const char *none = NULL;
    PYT_MUST(pyt_queue_put(&queue, &none));
    return NULL;
}

static void *consume(void *arg) {
    (void)arg;
    for (;;) {
        const char *dish;
        PYT_MUST(pyt_queue_get(&queue, &dish));
        if (dish == NULL) {
            break;
        }
        printf("consumed %s\n", dish);
    }
    printf("nothing more\n");
    return NULL;
}

int main(void) {
    pyt_thread *producer, *consumer;
    PYT_MUST(pyt_queue_init(&queue, sizeof(const char *), 2));
    PYT_MUST(pyt_thread_new(&producer, &(pyt_thread_options){.target = produce}));
    PYT_MUST(pyt_thread_new(&consumer, &(pyt_thread_options){.target = consume}));
    PYT_MUST(pyt_thread_start(producer));
    PYT_MUST(pyt_thread_start(consumer));
    PYT_MUST(pyt_thread_join(producer));
    PYT_MUST(pyt_thread_join(consumer));
    pyt_thread_unref(producer);
    pyt_thread_unref(consumer);
    PYT_MUST(pyt_queue_destroy(&queue));
    return 0;
}
