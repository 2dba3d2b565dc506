/* What a subclass of Thread does in Python, a `run` of one's own does here. It finds its
 * arguments in the handle, and may call the standard run, which calls the target.
 *
 * Python: class Greeter(Thread): def run(self): ...; super().run()
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static void *greet(void *arg) {
    printf("hello, %s\n", (const char *)arg);
    return NULL;
}

static void *polite_run(pyt_thread *self) {
    printf("%s: knocks\n", pyt_thread_name(self));
    PYT_MUST(pyt_thread_run(self)); /* super().run() */
    printf("%s: leaves\n", pyt_thread_name(self));
    return NULL;
}

static void *rude_run(pyt_thread *self) {
    printf("%s: oi, %s\n", pyt_thread_name(self), (const char *)pyt_thread_arg(self));
    return NULL;
}

static void run(const pyt_thread_options *options) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, options));
    PYT_MUST(pyt_thread_start(thread));
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    static char world[] = "world";
    run(&(pyt_thread_options){.name = "plain", .target = greet, .arg = world});
    run(&(pyt_thread_options){.name = "polite", .target = greet, .arg = world, .run = polite_run});
    run(&(pyt_thread_options){.name = "rude", .target = greet, .arg = world, .run = rude_run});
    return 0;
}
