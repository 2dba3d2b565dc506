/* Loses memory in a thread of the library: a leak checker that says nothing about it is blind. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdlib.h>

static void *lose(void *arg) {
    char *volatile lost = malloc(100);
    (void)arg;
    if (lost != NULL) {
        lost[0] = 1;
    }
    lost = NULL;
    return NULL;
}

int main(void) {
    pyt_thread *thread = NULL;
    if (pyt_thread_new(&thread, &(pyt_thread_options){.target = lose}) != PYT_OK ||
        pyt_thread_start(thread) != PYT_OK || pyt_thread_join(thread) != PYT_OK) {
        return 0; /* The failure expected of this program is the checker's. */
    }
    pyt_thread_unref(thread);
    return 0;
}
