/* What a subclass of Thread does in Python, a `run` of one's own does here. It finds its
 * arguments in the handle, and may call the standard run, which calls the target.
 *
 * Python: class Greeter(Thread): def run(self): ...; super().run()
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

static void *greet(void *arg) {
    printf("hello, %s\n", (const char *)arg);
    return NULL;
}

static void *polite_run(pyt_thread *self) {
    printf("%s: knocks\n", pyt_thread_name(self));
    check(pyt_thread_run(self)); /* super().run() */
    printf("%s: leaves\n", pyt_thread_name(self));
    return NULL;
}

static void *rude_run(pyt_thread *self) {
    printf("%s: oi, %s\n", pyt_thread_name(self), (const char *)pyt_thread_arg(self));
    return NULL;
}

static void run(const pyt_thread_options *options) {
    pyt_thread *thread;
    check(pyt_thread_new(&thread, options));
    check(pyt_thread_start(thread));
    check(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    static char world[] = "world";
    run(&(pyt_thread_options){.name = "plain", .target = greet, .arg = world});
    run(&(pyt_thread_options){.name = "polite", .target = greet, .arg = world, .run = polite_run});
    run(&(pyt_thread_options){.name = "rude", .target = greet, .arg = world, .run = rude_run});
    return 0;
}
