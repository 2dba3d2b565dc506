/* Another object of the program has taken names of C11's threads, and its success is not 0. The
 * first use fails, and the message names the cure. With PYTHREADING_PTHREADS all is well. */
#define PYTHREADING_IMPLEMENTATION
#include <stdio.h>
#include <string.h>
#include <threads.h>

#include "pythreading.h"

int mtx_init(mtx_t *mutex, int type) {
    (void)type;
    memset(mutex, 0, sizeof *mutex);
    return 1;
}

int mtx_lock(mtx_t *mutex) {
    (void)mutex;
    return 1;
}

static void *target(void *arg) {
    return arg;
}

int main(void) {
    pyt_thread *thread = NULL;
    pyt_status status = pyt_thread_new(&thread, &(pyt_thread_options){.target = target});
    if (status == PYT_OK) {
        status = pyt_thread_start(thread);
    }
    if (status == PYT_OK) {
        status = pyt_thread_join(thread);
    }
    printf("%s: %s\n", pyt_status_name(status), pyt_error_message());
    return 0;
}
