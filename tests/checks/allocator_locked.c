/* A program whose allocator is guarded by an object of the library: its first wait asks for memory,
 * and the allocator may have to wait for that. Threads made elsewhere and threads of the library
 * allocate at the same time, with each object an allocator can take. */
#include <stddef.h>

void *guarded_malloc(size_t size);
void guarded_free(void *memory);

#define PYTHREADING_MALLOC(size) guarded_malloc(size)
#define PYTHREADING_FREE(pointer) guarded_free(pointer)
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    THREADS = 8,
    ROUNDS = 100
};

static pyt_lock lock;
static pyt_rlock rlock;
static pyt_condition condition;
static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(1);
static const char *kind;
static bool inside; /* guarded */

/* The state of the heap, which others have time to find half changed. */
static void *change(void *memory, size_t size) {
    if (inside) {
        puts("two threads are in the allocator");
        abort();
    }
    inside = true;
    sched_yield();
    void *result = memory == NULL ? malloc(size) : NULL;
    free(memory);
    inside = false;
    return result;
}

static void *guarded(void *memory, size_t size) {
    void *result = NULL;
    if (strcmp(kind, "with") == 0) {
        pyt_with(&lock) {
            result = change(memory, size);
        }
    } else if (strcmp(kind, "guard") == 0) {
        pyt_guard(&condition);
        result = change(memory, size);
    } else if (strcmp(kind, "rlock") == 0) {
        (void)pyt_rlock_acquire(&rlock);
        result = change(memory, size);
        (void)pyt_rlock_release(&rlock);
    } else if (strcmp(kind, "semaphore") == 0) {
        (void)pyt_semaphore_acquire(&semaphore);
        result = change(memory, size);
        (void)pyt_semaphore_release(&semaphore);
    } else {
        (void)pyt_lock_acquire(&lock);
        result = change(memory, size);
        (void)pyt_lock_release(&lock);
    }
    return result;
}

void *guarded_malloc(size_t size) {
    return guarded(NULL, size);
}

void guarded_free(void *memory) {
    (void)guarded(memory, 0);
}

static void *use(void *arg) {
    for (int i = 0; i < ROUNDS; i++) {
        guarded_free(guarded_malloc(10));
    }
    return arg;
}

int main(int argc, char **argv) {
    pthread_t foreign[THREADS];
    pyt_thread *own[THREADS];
    kind = argc > 1 ? argv[1] : "lock";
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&foreign[i], NULL, use, NULL) != 0 ||
            pyt_thread_new(&own[i], &(pyt_thread_options){.target = use}) != PYT_OK ||
            pyt_thread_start(own[i]) != PYT_OK) {
            return 1;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_join(foreign[i], NULL) != 0 || pyt_thread_join(own[i]) != PYT_OK) {
            return 1;
        }
        pyt_thread_unref(own[i]);
    }
    puts("ok");
}
