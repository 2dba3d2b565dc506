/* kernel.h over POSIX. */
#define _GNU_SOURCE
#include "kernel.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct kernel_task {
    void (*entry)(void *);
    void *arg;
} kernel_task;

typedef struct semaphore {
    pthread_mutex_t mutex;
    pthread_cond_t given_now;
    bool given;
} semaphore;

_Static_assert(sizeof(semaphore) <= sizeof(kernel_semaphore), "there is room for a semaphore");

static _Thread_local void *task_local;

static void *task_run(void *arg) {
    kernel_task task = *(kernel_task *)arg;
    free(arg);
    task.entry(task.arg);
    kernel_panic("a task has returned");
}

bool kernel_task_create(void (*entry)(void *arg), void *arg, size_t stack_size) {
    int saved = errno;
    pthread_t thread;
    pthread_attr_t attributes;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    kernel_task *task = malloc(sizeof *task);
    bool made = false;
    if (task != NULL && pthread_attr_init(&attributes) == 0) {
        *task = (kernel_task){entry, arg};
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        made = stack_size == 0 ||
               pthread_attr_setstacksize(&attributes, (stack_size + page - 1) / page * page) == 0;
        made = made && pthread_create(&thread, &attributes, task_run, task) == 0;
        pthread_attr_destroy(&attributes);
    }
    if (!made) {
        free(task);
    }
    errno = saved;
    return made;
}

void kernel_task_delete_self(void) {
    pthread_exit(NULL);
}

void kernel_task_yield(void) {
    sched_yield();
}

void *kernel_task_local(void) {
    return task_local;
}

void kernel_task_set_local(void *value) {
    task_local = value;
}

void kernel_semaphore_init(kernel_semaphore *at, bool given) {
    semaphore *s = (semaphore *)at;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->given_now, &attributes);
    pthread_condattr_destroy(&attributes);
    s->given = given;
}

static int semaphore_wait_locked(semaphore *s, const struct timespec *until) {
    return until == NULL ? pthread_cond_wait(&s->given_now, &s->mutex)
                         : pthread_cond_timedwait(&s->given_now, &s->mutex, until);
}

bool kernel_semaphore_take(kernel_semaphore *at, uint32_t ticks) {
    semaphore *s = (semaphore *)at;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + (int64_t)ticks * KERNEL_TICK_NS;
    until.tv_sec += (time_t)(nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_mutex_lock(&s->mutex);
    while (!s->given &&
           semaphore_wait_locked(s, ticks == KERNEL_FOREVER ? NULL : &until) != ETIMEDOUT) {
    }
    bool taken = s->given;
    s->given = false;
    pthread_mutex_unlock(&s->mutex);
    return taken;
}

void kernel_semaphore_give(kernel_semaphore *at) {
    semaphore *s = (semaphore *)at;
    pthread_mutex_lock(&s->mutex);
    s->given = true;
    pthread_cond_signal(&s->given_now);
    pthread_mutex_unlock(&s->mutex);
}

uint64_t kernel_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void *kernel_allocate(size_t size) {
    int saved = errno;
    void *memory = calloc(1, size);
    errno = saved;
    return memory;
}

void kernel_free(void *memory) {
    free(memory);
}

void kernel_panic(const char *why) {
    (void)fprintf(stderr, "kernel: %s\n", why);
    abort();
}

void kernel_print(const char *format, ...) {
    int saved = errno;
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    errno = saved;
}
