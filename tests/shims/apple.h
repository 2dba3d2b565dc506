/* Apple's interfaces over glibc, so that the code for macOS runs on Linux: included before all else
 * by `-U__linux__ -include tests/shims/apple.h`, with -femulated-tls, whose variables
 * are freed by an older key at a thread's end, as Apple's are. */
#ifndef APPLE_SHIM_H
#define APPLE_SHIM_H

#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>

#define __APPLE__ 1

/* 8 is CLOCK_UPTIME_RAW. */
__attribute__((unused)) static int shim_clock_gettime(clockid_t clock, struct timespec *now) {
    return (clock_gettime)(clock == 8 ? CLOCK_MONOTONIC : clock, now);
}
#define clock_gettime(clock, now) shim_clock_gettime((clock), (now))

__attribute__((unused)) static int shim_main_np(void) {
    return syscall(SYS_gettid) == getpid();
}
#define pthread_main_np shim_main_np

/* Linux takes 15 bytes of a name: the shim keeps it. */
__attribute__((weak)) __thread char shim_name[64];

__attribute__((unused)) static int shim_setname_np(const char *name) {
    if (strlen(name) >= sizeof shim_name) {
        return ENAMETOOLONG;
    }
    memcpy(shim_name, name, strlen(name) + 1);
    return 0;
}
#define pthread_setname_np shim_setname_np

__attribute__((unused)) static int shim_getname_np(pthread_t thread, char *name, size_t size) {
    if (shim_name[0] == '\0') {
        return (pthread_getname_np)(thread, name, size);
    }
    snprintf(name, size, "%s", shim_name);
    return 0;
}
#define pthread_getname_np shim_getname_np

__attribute__((unused)) static int shim_threadid_np(pthread_t thread, uint64_t *id) {
    (void)thread;
    *id = (uint64_t)syscall(SYS_gettid);
    return 0;
}
#define pthread_threadid_np shim_threadid_np

__attribute__((unused)) static int shim_timedwait_np(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                                     const struct timespec *time) {
    struct timespec until;
    if (time->tv_nsec < 0 || time->tv_nsec >= 1000000000) {
        return EINVAL;
    }
    (clock_gettime)(CLOCK_MONOTONIC, &until);
    until.tv_sec += time->tv_sec + (until.tv_nsec + time->tv_nsec) / 1000000000;
    until.tv_nsec = (until.tv_nsec + time->tv_nsec) % 1000000000;
    return pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &until);
}
#define pthread_cond_timedwait_relative_np shim_timedwait_np

extern int __cxa_thread_atexit_impl(void (*function)(void *), void *arg, void *module);
extern void *__dso_handle;

__attribute__((unused)) static void shim_tlv_atexit(void (*function)(void *), void *arg) {
    __cxa_thread_atexit_impl(function, arg, &__dso_handle);
}
#define _tlv_atexit shim_tlv_atexit

__attribute__((unused)) static size_t shim_stacksize_np(pthread_t thread) {
    pthread_attr_t attributes;
    void *base;
    size_t size = 0;
    pthread_getattr_np(thread, &attributes);
    pthread_attr_getstack(&attributes, &base, &size);
    pthread_attr_destroy(&attributes);
    return size;
}
#define pthread_get_stacksize_np shim_stacksize_np

#endif
