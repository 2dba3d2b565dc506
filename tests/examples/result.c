/* What a thread's target returns is kept for whoever asks after the join, as is the message of
 * one that has ended by pyt_raise.
 *
 * Python: a result put into a list by the target; raise ValueError("...") and threading.excepthook
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static void print_exception(const pyt_excepthook_args *args) {
    printf("excepthook: %s: %s (%d)\n", pyt_thread_name(args->thread), args->message, args->code);
}

/* Replaces *arg, the handle's own copy, by its square, and returns it: valid as long as the
 * handle. */
static void *square(void *arg) {
    int *number = arg;
    if (*number < 0) {
        pyt_raise(22, "squares of positive numbers only");
    }
    *number *= *number;
    return number;
}

static pyt_thread *start(int number) {
    pyt_thread_options options = {.target = square, .arg = &number, .arg_size = sizeof number};
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

static void finish(pyt_thread *thread) {
    void *result;
    PYT_MUST(pyt_thread_join(thread));
    pyt_status status = pyt_thread_result(thread, &result);
    if (status == PYT_OK) {
        printf("result: %d\n", *(int *)result);
    } else {
        printf("%s: %s\n", pyt_status_name(status), pyt_error_message());
    }
    pyt_thread_unref(thread);
}

int main(void) {
    pyt_set_excepthook(print_exception);
    pyt_thread *three = start(3);
    pyt_thread *four = start(4);
    finish(four);
    finish(three);
    finish(start(-5));
    return 0;
}
