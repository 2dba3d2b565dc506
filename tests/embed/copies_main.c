/* A program with a copy of its own, besides those of the two libraries that it uses. Each copy
 * waits for its own threads when main has returned. */
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
#include "copies.h"

#include <stdio.h>

static void *work(void *arg) {
    if (pyt_thread_join(pyt_main_thread()) == PYT_OK) {
        printf("main: the end\n");
    }
    return arg;
}

int main(void) {
    pyt_thread *thread;
    if (one_start() != 0 || two_start() != 0 ||
        pyt_thread_new(&thread, &(pyt_thread_options){.target = work}) != PYT_OK ||
        pyt_thread_start(thread) != PYT_OK || pyt_active_count() != 2) {
        return 1;
    }
    pyt_thread_unref(thread);
    return 0;
}
