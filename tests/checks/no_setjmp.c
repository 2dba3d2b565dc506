/* Without setjmp pyt_raise calls the excepthook and ends the process. */
#include "pythreading.h"

#include <stdio.h>

static void *fail(void *arg) {
    (void)arg;
    pyt_raise(7, "the well is dry");
}

int main(void) {
    pyt_thread *thread = NULL;
    const pyt_thread_options options = {.target = fail, .name = "drawer"};
    if (pyt_thread_new(&thread, &options) != PYT_OK) {
        return 2;
    }
    (void)pyt_thread_start(thread);
    puts("it goes on");
    return 3;
}
