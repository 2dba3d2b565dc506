/* A platform of the user's own, complete: every wait of the library is one on a futex word of
 * Linux, and pthreads only make the threads.
 *
 *     cc -D_GNU_SOURCE -DPYTHREADING_PLATFORM='"futex.h"' ...
 *
 * The platform room of pythreading.h says what each function may assume. A wake-up takes one system
 * call of the waker and one of the sleeper; glibc's mutexes and conditions take four in all. */
#if !defined(PYT_PLATFORM_FUNCTIONS)

#define PYT_BACKEND "futex"
#define PYT__END_ROUNDS 3

#else

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

static int64_t pyt__os_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* WAIT sleeps if the word is `value`: the kernel compares, so that no change is missed. WAKE wakes
 * `value` threads. deadline: in pyt__os_now's time; -1: none */
static void futex(PYT__ATOMIC(uint32_t) *word, int operation, uint32_t value, int64_t deadline) {
    int64_t seconds = deadline / 1000000000;
    long until[2] = {(long)(seconds < LONG_MAX ? seconds : LONG_MAX),
                     (long)(deadline % 1000000000)};
    int saved = errno;
    (void)syscall(SYS_futex, word, operation, value, deadline < 0 ? NULL : until, NULL,
                  FUTEX_BITSET_MATCH_ANY);
    errno = saved;
}

/* ---- a mutex: FREE, LOCKED, or CONTENDED if a thread may sleep for it ---- */

#define FUTEX_FREE 0
#define FUTEX_LOCKED 1
#define FUTEX_CONTENDED 2
#define FUTEX_SPINS 50 /* 1 to 2 us: longer than the library holds a mutex, shorter than a sleep */

typedef struct pyt__os_mutex {
    PYT__ATOMIC(uint32_t) word;
} pyt__os_mutex;

static bool pyt__os_mutex_init(pyt__os_mutex *mutex) {
    PYT__STORE(&mutex->word, FUTEX_FREE, relaxed);
    return !PYT__FAULT("mutex_init");
}

static void pyt__os_mutex_destroy(pyt__os_mutex *mutex) {
    (void)mutex;
}

/* A thread that slept takes it as CONTENDED: it does not know whether another one sleeps. */
static void pyt__os_mutex_lock(pyt__os_mutex *mutex) {
    for (int spins = 0; spins < FUTEX_SPINS; spins++) {
        uint32_t word = PYT__LOAD(&mutex->word, relaxed);
        if (word == FUTEX_FREE && PYT__CAS(&mutex->word, &word, FUTEX_LOCKED, acquire)) {
            return;
        }
        pyt__os_relax();
    }
    while (PYT__SWAP(&mutex->word, FUTEX_CONTENDED, acquire) != FUTEX_FREE) {
        futex(&mutex->word, FUTEX_WAIT_BITSET_PRIVATE, FUTEX_CONTENDED, -1);
    }
}

static void pyt__os_mutex_unlock(pyt__os_mutex *mutex) {
    if (PYT__SWAP(&mutex->word, FUTEX_FREE, release) == FUTEX_CONTENDED) {
        futex(&mutex->word, FUTEX_WAKE_PRIVATE, 1, -1);
    }
}

/* ---- a condition of one waiter: 1 while it waits unsignalled ----
 *
 * The waiter sets it before it lets the mutex go. The signaller has changed the state and has held
 * the mutex since: either the waiter saw the change, or the signaller sees the 1. A signal before
 * the sleep makes the kernel's comparison fail; a late one ends some later wait for no reason. */

typedef struct pyt__os_cond {
    PYT__ATOMIC(uint32_t) waiting;
} pyt__os_cond;

static bool pyt__os_cond_init(pyt__os_cond *cond) {
    PYT__STORE(&cond->waiting, 0, relaxed);
    return !PYT__FAULT("cond_init");
}

static void pyt__os_cond_destroy(pyt__os_cond *cond) {
    (void)cond;
}

static void pyt__os_cond_wait_until(pyt__os_cond *cond, pyt__os_mutex *mutex, int64_t deadline) {
    PYT__STORE(&cond->waiting, 1, relaxed);
    pyt__os_mutex_unlock(mutex);
    futex(&cond->waiting, FUTEX_WAIT_BITSET_PRIVATE, 1, deadline);
    pyt__os_mutex_lock(mutex);
    PYT__STORE(&cond->waiting, 0, relaxed);
}

static void pyt__os_cond_wait(pyt__os_cond *cond, pyt__os_mutex *mutex) {
    pyt__os_cond_wait_until(cond, mutex, -1);
}

static void pyt__os_cond_signal(pyt__os_cond *cond) {
    if (PYT__SWAP(&cond->waiting, 0, relaxed) != 0) {
        futex(&cond->waiting, FUTEX_WAKE_PRIVATE, 1, -1);
    }
}

typedef pthread_t pyt__os_thread;
typedef pthread_key_t pyt__os_key;

static void *pyt__os_entry(void *arg) {
    pyt__thread_main(arg);
    return NULL;
}

static bool pyt__os_thread_start(pyt__os_thread *thread, size_t stack_size, void *arg) {
    pthread_attr_t attributes;
    if (PYT__FAULT("thread_start") || pthread_attr_init(&attributes) != 0) {
        return false;
    }
    int saved = errno;
    size_t least = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = ((stack_size > least ? stack_size : least) + page - 1) / page * page;
    bool started = (stack_size == 0 || pthread_attr_setstacksize(&attributes, size) == 0) &&
                   pthread_create(thread, &attributes, pyt__os_entry, arg) == 0;
    pthread_attr_destroy(&attributes);
    errno = saved;
    return started;
}

static void pyt__os_thread_join(pyt__os_thread thread) {
    pthread_join(thread, NULL);
}

static void pyt__os_thread_detach(pyt__os_thread thread) {
    pthread_detach(thread);
}

PYT__NORETURN static void pyt__os_thread_exit(void) {
    pthread_exit(NULL);
}

static void pyt__os_yield(void) {
    sched_yield();
}

static bool pyt__os_key_make(pyt__os_key *key) {
    return !PYT__FAULT("key_make") && pthread_key_create(key, pyt__retire) == 0;
}

static void pyt__os_key_drop(pyt__os_key key) {
    pthread_key_delete(key);
}

static bool pyt__os_key_set(pyt__os_key key, void *value) {
    return !(value != NULL && PYT__FAULT("key_set")) && pthread_setspecific(key, value) == 0;
}

static unsigned long pyt__os_thread_id(void) {
    return (unsigned long)syscall(SYS_gettid);
}

static unsigned long pyt__os_main_id(void) {
    return (unsigned long)getpid();
}

static void pyt__os_set_name(const void *thread, const char *name) {
    char cut[16];
    int saved = errno;
    pyt__cut_name(cut, sizeof cut, name);
    (void)pthread_setname_np(thread != NULL ? *(const pthread_t *)thread : pthread_self(), cut);
    errno = saved;
}

static unsigned pyt__os_processors(void) {
    return (unsigned)get_nprocs();
}

static int pyt__os_processor(void) {
    return sched_getcpu();
}

static bool pyt__os_at_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) {
    return !PYT__FAULT("at_fork") && pthread_atfork(before, parent, child) == 0;
}

#endif
