/* A plugin with a private copy of the library (PLUGIN), and a program that loads and unloads it
 * again and again, while threads that used it end before that, during it, and after. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(PLUGIN)

/* A thread may lose its processor anywhere: here it does so wherever it frees something. */
static void free_slowly(void *pointer) {
    usleep(100);
    free(pointer);
}

#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#define PYTHREADING_MALLOC(size) malloc(size)
#define PYTHREADING_FREE(pointer) free_slowly(pointer)
#include "pythreading.h"

static pyt_local value = PYT_LOCAL_INIT(8, NULL, NULL);
static pyt_executor *executor;

static void *work(void *arg) {
    return pyt_local_get(&value) != NULL ? arg : NULL;
}

static void fire(void *arg) {
    (void)arg;
}

/* Wait without success: what every thread may do here. */
int use(void) {
    pyt_event event = PYT_EVENT_INIT;
    return pyt_event_wait_timeout(&event, 0.00001) == PYT_TIMEOUT ? 0 : 1;
}

/* Leave threads that are just ending, idle workers and a timer that waits. */
int leave(void) {
    pyt_thread *thread = NULL;
    int failures = 0;
    for (int i = 0; i < 4; i++) {
        failures += pyt_thread_new(&thread, &(pyt_thread_options){.target = work}) != PYT_OK;
        failures += pyt_thread_start(thread) != PYT_OK;
        pyt_thread_unref(thread);
    }
    failures += pyt_executor_new(&executor, NULL) != PYT_OK;
    failures += pyt_executor_submit(executor, work, NULL, NULL) != PYT_OK;
    failures += pyt_timer_new(&thread, 0.0002, fire, NULL) != PYT_OK;
    failures += pyt_thread_start(thread) != PYT_OK;
    pyt_thread_unref(thread);
    return failures;
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>

static int (*use)(void);
static sem_t used, unloaded;

/* A thread of the program's that ends when the plugin is gone. */
static void *use_and_end_later(void *arg) {
    long failed = use();
    (void)arg;
    sem_post(&used);
    sem_wait(&unloaded);
    return (void *)failed;
}

/* One that ends before. */
static void *use_it(void *arg) {
    (void)arg;
    return (void *)(long)use();
}

static void *find(void *plugin, const char *name) {
    void *found = dlsym(plugin, name);
    if (found == NULL) {
        printf("no %s\n", name);
        exit(2);
    }
    return found;
}

static long one_round(const char *path, int round) {
    pthread_t later, before;
    void *failed[2] = {NULL, NULL};
    void *plugin = dlopen(path, RTLD_NOW);
    if (plugin == NULL) {
        printf("load %d: %s\n", round, dlerror());
        exit(2);
    }
    *(void **)&use = find(plugin, "use");
    int (*leave)(void);
    *(void **)&leave = find(plugin, "leave");
    pthread_create(&later, NULL, use_and_end_later, NULL);
    pthread_create(&before, NULL, use_it, NULL);
    sem_wait(&used);
    pthread_join(before, &failed[0]);
    long failures = use() + (round % 10 == 0 ? leave() : 0);
    dlclose(plugin);
    sem_post(&unloaded);
    pthread_join(later, &failed[1]);
    return failures + (long)failed[0] + (long)failed[1];
}

int main(int argc, char **argv) {
    int rounds = argc > 2 ? atoi(argv[2]) : 3000;
    sem_init(&used, 0, 0);
    sem_init(&unloaded, 0, 0);
    for (int round = 0; argc > 1 && round < rounds; round++) {
        long failures = one_round(argv[1], round);
        if (failures != 0) {
            printf("round %d: %ld failures\n", round, failures);
            return 1;
        }
    }
    puts("done");
    return 0;
}

#endif
