/* A producer and a consumer over a queue; a pointer to nothing says that no more will come.
 *
 * Python: queue.put(None); for dish in iter(queue.get, None): ...
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

/* Ends the program as an exception that nobody catches does. */
static void check(pyt_status status) {
    if (status != PYT_OK) {
        fprintf(stderr, "%s: %s\n", pyt_status_name(status), pyt_error_message());
        abort();
    }
}

static pyt_queue queue; /* of const char * */

static void *produce(void *arg) {
    static const char *const dishes[] = {"soup", "fish", "cake"};
    (void)arg;
    for (int i = 0; i < 3; i++) {
        check(pyt_queue_put(&queue, &dishes[i])); /* waits while two are in it */
    }
    const char *none = NULL;
    check(pyt_queue_put(&queue, &none));
    return NULL;
}

static void *consume(void *arg) {
    (void)arg;
    for (;;) {
        const char *dish;
        check(pyt_queue_get(&queue, &dish));
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
    check(pyt_queue_init(&queue, sizeof(const char *), 2));
    check(pyt_thread_new(&producer, &(pyt_thread_options){.target = produce}));
    check(pyt_thread_new(&consumer, &(pyt_thread_options){.target = consume}));
    check(pyt_thread_start(producer));
    check(pyt_thread_start(consumer));
    check(pyt_thread_join(producer));
    check(pyt_thread_join(consumer));
    pyt_thread_unref(producer);
    pyt_thread_unref(consumer);
    check(pyt_queue_destroy(&queue));
    return 0;
}
