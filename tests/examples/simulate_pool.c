/* A test of a small connection pool, run under simulated schedules: with a bug that a run for real
 * hardly ever shows, and without it.
 *
 * A client that waits for a connection is woken by the one that gives its own back. One that is
 * found broken is closed instead: that makes room for a new one, which the client could open. If
 * nobody tells it so, it waits for ever.
 */
#define PYTHREADING_SIMULATE
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

/* ---- the pool ---- */

enum {
    MOST_OPEN = 1
};

typedef struct pool {
    pyt_condition changed;
    int idle; /* this and the rest under the condition's lock */
    int open; /* in use or idle */
    bool tells_of_closing;
} pool;

static void pool_get(pool *all) {
    pyt_with(&all->changed) {
        while (all->idle == 0 && all->open == MOST_OPEN) {
            PYT_CHECK(pyt_condition_wait(&all->changed) == PYT_OK);
        }
        if (all->idle > 0) {
            all->idle--;
        } else {
            all->open++;
        }
    }
}

static void pool_put(pool *all, bool broken) {
    pyt_with(&all->changed) {
        if (broken) {
            all->open--;
        } else {
            all->idle++;
        }
        if (!broken || all->tells_of_closing) {
            PYT_CHECK(pyt_condition_notify(&all->changed) == PYT_OK);
        }
    }
}

/* ---- its test ---- */

static void *client_with_bad_luck(void *arg) {
    pool_get(arg);
    pool_put(arg, true);
    return NULL;
}

static void *client(void *arg) {
    pool_get(arg);
    pool_put(arg, false);
    return NULL;
}

static pyt_thread *start(void *(*target)(void *), pool *all) {
    pyt_thread *thread = NULL;
    PYT_CHECK(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .arg = all}) ==
              PYT_OK);
    PYT_CHECK(pyt_thread_start(thread) == PYT_OK);
    return thread;
}

/* What is run again and again: it begins with a new pool each time. */
static void two_clients(void *tells_of_closing) {
    pool all = {.tells_of_closing = tells_of_closing != NULL};
    pyt_thread *other = start(client_with_bad_luck, &all);
    client(&all);
    PYT_CHECK(pyt_thread_join(other) == PYT_OK);
    PYT_CHECK(all.open == all.idle && all.open <= MOST_OPEN);
    pyt_thread_unref(other);
}

static bool check(const char *what, const pyt_simulate_options *options, void *tells_of_closing) {
    pyt_status status = pyt_simulate(options, two_clients, tells_of_closing);
    printf("%s: %s\n", what, status == PYT_OK ? "passed" : "a client waits for ever");
    return status == PYT_OK;
}

int main(void) {
    /* Without .quiet the report of the failed run is printed: who waits for what, and how to see
     * the same run again. */
    pyt_simulate_options random = {.runs = 1000, .quiet = true};
    pyt_simulate_options exhaustive = {.strategy = PYT_STRATEGY_EXHAUSTIVE, .bound = 1};
    bool found = !check("with the bug, 1,000 random schedules", &random, NULL);
    bool again =
        found &&
        !check("the same schedule again",
               &(pyt_simulate_options){.schedule = pyt_simulate_schedule(), .quiet = true}, NULL);
    bool mended = check("without it, 1,000 random schedules", &random, "tells");
    bool proved = check("and every schedule with one preemption", &exhaustive, "tells");
    return found && again && mended && proved ? 0 : 1;
}
