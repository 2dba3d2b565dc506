/* A library that keeps a copy of pythreading.h to itself. Compiled twice: as NAME one and two. */
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
#include "copies.h"

#include <stdio.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define THREADS 4
#define ITEMS 1000

static pyt_queue queue;
static pyt_lock lock;
static int total, done;

/* Take as many items as were put by one; whoever ends last tells, when main has returned. */
static void *work(void *arg) {
    int item;
    (void)arg;
    for (int i = 0; i < ITEMS; i++) {
        if (pyt_queue_put(&queue, &(int){1}) != PYT_OK || pyt_queue_get(&queue, &item) != PYT_OK) {
            return NULL;
        }
        pyt_with(&lock) {
            total += item;
        }
    }
    if (pyt_thread_join(pyt_main_thread()) == PYT_OK) {
        pyt_with(&lock) {
            if (++done == THREADS) {
                printf("%s: %d items\n", TEXT(NAME), total);
            }
        }
    }
    return NULL;
}

int JOIN(NAME, _start)(void) {
    if (pyt_queue_init(&queue, sizeof(int), 0) != PYT_OK) {
        return 1;
    }
    for (int i = 0; i < THREADS; i++) {
        pyt_thread *thread;
        if (pyt_thread_new(&thread, &(pyt_thread_options){.target = work}) != PYT_OK ||
            pyt_thread_start(thread) != PYT_OK) {
            return 1;
        }
        pyt_thread_unref(thread);
    }
    return 0;
}
