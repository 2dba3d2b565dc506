/* The kernel of a small real-time system, as far as rtos.h needs it: in form what such kernels have
 * in common, in fact emulated by kernel.c over POSIX. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__cplusplus)
extern "C" {
#endif

#define KERNEL_TICK_NS 1000000 /* a tick is 1 ms */
#define KERNEL_FOREVER UINT32_MAX

/* A task never returns and has no result; nobody can wait for its end. stack_size 0: the usual. */
bool kernel_task_create(void (*entry)(void *arg), void *arg, size_t stack_size);
__attribute__((noreturn)) void kernel_task_delete_self(void);
void kernel_task_yield(void);

/* The one pointer that a task has for itself; NULL at first. */
void *kernel_task_local(void);
void kernel_task_set_local(void *value);

/* Binary: given is given, however often. ticks: how long to wait at most
 * Returns  whether it was taken */
typedef struct kernel_semaphore {
    void *kernel_private[12];
} kernel_semaphore;

void kernel_semaphore_init(kernel_semaphore *semaphore, bool given);
bool kernel_semaphore_take(kernel_semaphore *semaphore, uint32_t ticks);
void kernel_semaphore_give(kernel_semaphore *semaphore);

/* Microseconds since the start, by a timer of the hardware. */
uint64_t kernel_microseconds(void);

/* Memory of the kernel's own, filled with zeroes; NULL: there is none left. */
void *kernel_allocate(size_t size);
void kernel_free(void *memory);

__attribute__((noreturn)) void kernel_panic(const char *why);

/* A line for the console. */
__attribute__((format(printf, 1, 2))) void kernel_print(const char *format, ...);

#if defined(__cplusplus)
}
#endif

#endif
