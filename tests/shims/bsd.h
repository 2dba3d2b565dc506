/* The interfaces of FreeBSD, OpenBSD and NetBSD that the library calls, over glibc, so that its
 * code for them runs on Linux: included before all else, with -U__linux__ and one of SHIM_FREEBSD,
 * SHIM_OPENBSD and SHIM_NETBSD. glibc's headers are read before they could be misled. */
#ifndef BSD_SHIM_H
#define BSD_SHIM_H

#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
#include <sys/types.h>

__attribute__((unused)) static int shim_thread_id(void) {
    return (int)syscall(SYS_gettid);
}

__attribute__((unused)) static int shim_main_np(void) {
    return syscall(SYS_gettid) == getpid();
}

__attribute__((unused)) static void shim_set_name(pthread_t thread, const char *name) {
    char shortened[16];
    snprintf(shortened, sizeof shortened, "%.15s", name);
    (pthread_setname_np)(thread, shortened);
}

#define PYT__FORK_KEEPS_CONDS 0 /* glibc's list threads of the parent */

#if defined(SHIM_FREEBSD)
#define __FreeBSD__ 14
typedef cpu_set_t cpuset_t;
#define CPU_LEVEL_WHICH 3
#define CPU_WHICH_PID 2
__attribute__((unused)) static int cpuset_getaffinity(int level, int which, int64_t id, size_t size,
                                                      cpuset_t *mask) {
    if (level != CPU_LEVEL_WHICH || which != CPU_WHICH_PID || id != -1) {
        errno = EINVAL;
        return -1;
    }
    return sched_getaffinity(0, size, mask);
}
#define pthread_getthreadid_np shim_thread_id
#define pthread_main_np shim_main_np
#define pthread_set_name_np shim_set_name
#elif defined(SHIM_OPENBSD)
#define __OpenBSD__ 1
#define getthrid shim_thread_id
#define pthread_main_np shim_main_np
#define pthread_set_name_np shim_set_name
#else
#define __NetBSD__ 1
#define _lwp_self shim_thread_id
__attribute__((unused)) static int shim_setname_np(pthread_t thread, const char *format,
                                                   void *arg) {
    char name[32];
    snprintf(name, sizeof name, format, (const char *)arg);
    shim_set_name(thread, name);
    return 0;
}
#define pthread_setname_np shim_setname_np
#endif

#endif
