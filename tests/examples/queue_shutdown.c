/* Consumers that end when the queue is shut down: what is in it is still worked on. Then another
 * queue is shut down at once, and what nobody got is given to a destructor.
 *
 * Python: queue.shutdown(); queue.shutdown(immediate=True)
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

static pyt_lock lock;
static int sum;

static void *consume(void *arg) {
    int number;
    while (pyt_queue_get(arg, &number) == PYT_OK) {
        pyt_with(&lock) {
            sum += number;
        }
    }
    pyt_with(&lock) {
        printf("consumer: %s\n", pyt_error_message());
    }
    return NULL;
}

static void drop(void *item) {
    char *text = *(char **)item;
    printf("dropped %s\n", text);
    free(text);
}

int main(void) {
    pyt_thread *consumers[2];
    pyt_queue numbers;
    PYT_MUST(pyt_queue_init(&numbers, sizeof(int), 0));
    for (int i = 0; i < 2; i++) {
        PYT_MUST(pyt_thread_new(&consumers[i],
                                &(pyt_thread_options){.target = consume, .arg = &numbers}));
        PYT_MUST(pyt_thread_start(consumers[i]));
    }
    for (int i = 1; i <= 100; i++) {
        PYT_MUST(pyt_queue_put(&numbers, &i));
    }
    PYT_MUST(pyt_queue_shutdown(&numbers, false));
    for (int i = 0; i < 2; i++) {
        PYT_MUST(pyt_thread_join(consumers[i]));
        pyt_thread_unref(consumers[i]);
    }
    printf("the sum is %d\n", sum);
    PYT_MUST(pyt_queue_destroy(&numbers));

    pyt_queue letters; /* of char *, each from malloc */
    PYT_MUST(pyt_queue_init(&letters, sizeof(char *), 0));
    PYT_MUST(pyt_queue_set_destructor(&letters, drop));
    for (int i = 0; i < 3; i++) {
        char *text = malloc(2);
        if (text != NULL) {
            snprintf(text, 2, "%c", 'a' + i);
            PYT_MUST(pyt_queue_put(&letters, &text));
        }
    }
    PYT_MUST(pyt_queue_shutdown(&letters, true));
    char *text;
    printf("get: %s\n", pyt_status_name(pyt_queue_get(&letters, &text)));
    PYT_MUST(pyt_queue_destroy(&letters));
    return 0;
}
