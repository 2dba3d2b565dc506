/* A counter that several threads change: the lock is held for one block, or to the end of the
 * enclosing one, and released on every way out.
 *
 * Python: with self.lock: self.value += 1
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

typedef struct counter {
    pyt_lock lock;
    long value; /* under lock */
} counter;

static void counter_increment(counter *self) {
    pyt_with(&self->lock) {
        self->value++;
    }
}

static void counter_decrement(counter *self) {
    pyt_with(&self->lock) {
        self->value--;
    }
}

static long counter_value(counter *self) {
    pyt_guard(&self->lock);
    return self->value;
}

static void *worker(void *arg) {
    for (int i = 0; i < 1000; i++) {
        counter_increment(arg);
        counter_increment(arg);
        counter_decrement(arg);
    }
    return NULL;
}

int main(void) {
    counter shared = {.value = 0};
    pyt_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        pyt_thread_options options = {.target = worker, .arg = &shared};
        PYT_MUST(pyt_thread_new(&threads[i], &options));
        PYT_MUST(pyt_thread_start(threads[i]));
    }
    for (int i = 0; i < 4; i++) {
        PYT_MUST(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
    printf("%ld\n", counter_value(&shared));
    return 0;
}
