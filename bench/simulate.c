/* What simulated schedules cost. Two programs are built from this file, one with
 * PYTHREADING_SIMULATE and one where the same bodies run for real.
 *
 * Each figure is the least of ROUNDS rounds, by the wall clock.
 *
 *     BENCH_ONLY    text that the figure's name must contain
 */
#define _GNU_SOURCE
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 5,
    RUNS = 1000,
    OTHERS = 2, /* threads beside the body */
    STEPS = 50,
    MANY_STEPS = 500000,
    PASSES = 10000
};

#if defined(PYTHREADING_SIMULATE)
#define HOW "simulated"
#else
#define HOW "for real"
#endif

static double now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(pyt_status status) {
    PYT_CHECK(status == PYT_OK);
}

static void start_all(pyt_thread **threads, int count, void *(*target)(void *), void *arg) {
    pyt_thread_options options = {.target = target, .arg = arg};
    for (int i = 0; i < count; i++) {
        must(pyt_thread_new(&threads[i], &options));
        must(pyt_thread_start(threads[i]));
    }
}

static void join_all(pyt_thread **threads, int count) {
    for (int i = 0; i < count; i++) {
        must(pyt_thread_join(threads[i]));
        pyt_thread_unref(threads[i]);
    }
}

/* Nothing but threads, started and joined. */
static void *end_at_once(void *arg) {
    return arg;
}

static void start_and_join(void *arg) {
    pyt_thread *threads[OTHERS];
    start_all(threads, OTHERS, end_at_once, arg);
    join_all(threads, OTHERS);
}

/* Three threads that each make STEPS steps. */
static void *step(void *arg) {
    for (int i = 0; i < STEPS; i++) {
        pyt_step();
    }
    return arg;
}

static void step_together(void *arg) {
    pyt_thread *threads[OTHERS];
    start_all(threads, OTHERS, step, arg);
    (void)step(arg);
    join_all(threads, OTHERS);
}

/* One thread makes steps while the others wait. */
static void *wait_for_event(void *arg) {
    must(pyt_event_wait(arg));
    return NULL;
}

static void step_alone(void *arg) {
    pyt_thread *threads[OTHERS];
    pyt_event done = PYT_EVENT_INIT;
    (void)arg;
    start_all(threads, OTHERS, wait_for_event, &done);
    for (int i = 0; i < MANY_STEPS; i++) {
        pyt_step();
    }
    must(pyt_event_set(&done));
    join_all(threads, OTHERS);
}

/* Two threads that wake each other in turns. */
typedef struct court {
    pyt_semaphore here, there;
} court;

static void *return_balls(void *arg) {
    court *ours = arg;
    for (int i = 0; i < PASSES / 2; i++) {
        must(pyt_semaphore_acquire(&ours->there));
        must(pyt_semaphore_release(&ours->here));
    }
    return NULL;
}

static void pingpong(void *arg) {
    pyt_thread *other;
    court ours = {PYT_SEMAPHORE_INIT(0), PYT_SEMAPHORE_INIT(0)};
    (void)arg;
    start_all(&other, 1, return_balls, &ours);
    for (int i = 0; i < PASSES / 2; i++) {
        must(pyt_semaphore_release(&ours.there));
        must(pyt_semaphore_acquire(&ours.here));
    }
    join_all(&other, 1);
}

/* Print the nanoseconds of one of the `count` operations that all runs make together. */
static void measure(const char *name, void (*body)(void *), unsigned long runs, double count) {
    const char *only = getenv("BENCH_ONLY");
    pyt_simulate_options options = {.runs = runs, .seed = 1};
    double least = 0;
    if (only != NULL && strstr(name, only) == NULL) {
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        double begin = now_ns();
        must(pyt_simulate(&options, body, NULL));
        double took = now_ns() - begin;
        least = i == 0 || took < least ? took : least;
    }
    printf("%12.1f  %-10s %s", least / count, HOW, name);
    if (count == (double)runs) {
        printf(", %.0f a second", count / least * 1e9);
    }
    printf("\n");
    fflush(stdout);
}

int main(void) {
    measure("simulate: run of 3 threads with nothing to do", start_and_join, RUNS, RUNS);
    measure("simulate: run of 3 threads with 50 steps each", step_together, RUNS, RUNS);
    measure("simulate: step without a switch", step_alone, 1, MANY_STEPS);
    measure("simulate: ping-pong, semaphore", pingpong, 1, PASSES);
    return 0;
}
