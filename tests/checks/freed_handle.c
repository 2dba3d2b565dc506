/* A handle that was freed is named in the message, where its memory is as it was. This allocator
 * leaves it so, but for the words that others use for their lists. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void keep(void *memory) {
    if (memory != NULL) {
        memset(memory, 0xA5, 8);
    }
}

#define PYTHREADING_MALLOC(size) malloc((size) < 16 ? 16 : (size))
#define PYTHREADING_FREE(pointer) keep(pointer)
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

static void *target(void *arg) {
    return arg;
}

static void say(pyt_status status) {
    printf("%s: %s\n", pyt_status_name(status), pyt_error_message());
}

int main(void) {
    pyt_thread *fresh, *ended;
    PYT_MUST(pyt_thread_new(&fresh, &(pyt_thread_options){.target = target}));
    PYT_MUST(pyt_thread_new(&ended, &(pyt_thread_options){.target = target}));
    PYT_MUST(pyt_thread_start(ended));
    PYT_MUST(pyt_thread_join(ended));
    say(pyt_thread_join(fresh));
    say(pyt_thread_start(ended));
    pyt_thread_unref(fresh);
    pyt_thread_unref(ended);
    say(pyt_thread_join(fresh));
    say(pyt_thread_start(ended));
    return 0;
}
