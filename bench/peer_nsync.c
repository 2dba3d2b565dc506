/* nsync: locks, conditions, and notes and counters, which serve once. */
#include "loops.h"

#include <nsync.h>
#include <stdlib.h>

#define HAS_LOCK
#define HAS_MONITOR

typedef struct pair {
    nsync_mu lock;
    nsync_cv go;
    nsync_cv full;
} pair;

static BENCH_ALIGNED nsync_mu lock;
static BENCH_ALIGNED pair monitor;

BENCH_DO(acquire, nsync_mu, nsync_mu_lock(o))
BENCH_DO(release, nsync_mu, nsync_mu_unlock(o))
BENCH_CALL(monitor_acquire, pair, acquire(&o->lock))
BENCH_CALL(monitor_release, pair, release(&o->lock))
BENCH_DO(monitor_wait, pair, nsync_cv_wait(&o->go, &o->lock))

static int monitor_wait_timed(void *object) {
    pair *p = object;
    nsync_time until = nsync_time_add(nsync_time_now(), nsync_time_s_ns((time_t)BENCH_FAR_AWAY, 0));
    return nsync_cv_wait_with_deadline(&p->go, &p->lock, until, NULL);
}

BENCH_DO(monitor_notify, pair, nsync_cv_signal(&o->go))
BENCH_DO(monitor_notify_all, pair, nsync_cv_broadcast(&o->go))
BENCH_DO(monitor_wait_full, pair, nsync_cv_wait(&o->full, &o->lock))
BENCH_DO(monitor_notify_full, pair, nsync_cv_signal(&o->full))

BENCH_MONITOR_CALLS

#include "jobs.h"

static void setup(int threads) {
    (void)threads;
    shared = (bench_shared){.turn = 0};
    nsync_mu_init(&lock);
    nsync_mu_init(&monitor.lock);
    nsync_cv_init(&monitor.go);
    nsync_cv_init(&monitor.full);
}

static nsync_note *notes;
static nsync_counter *counters;
static long note_count, counter_count;

static void make_notes(long count) {
    shared.turn = 0;
    while (note_count > 0) {
        nsync_note_free(notes[--note_count]);
    }
    free(notes);
    notes = (nsync_note *)calloc((size_t)count, sizeof *notes);
    if (notes == NULL) {
        abort();
    }
    while (note_count < count) {
        notes[note_count++] = nsync_note_new(NULL, nsync_time_no_deadline);
    }
}

static void setup_note(int threads) {
    (void)threads;
    make_notes(1);
}

/* Two for each round trip. */
static void setup_notes(int threads) {
    (void)threads;
    make_notes(bench_running.count * 2);
}

static void setup_counters(int threads) {
    while (counter_count > 0) {
        nsync_counter_free(counters[--counter_count]);
    }
    free(counters);
    counters = (nsync_counter *)calloc((size_t)bench_running.count, sizeof *counters);
    if (counters == NULL) {
        abort();
    }
    while (counter_count < bench_running.count) {
        counters[counter_count++] = nsync_counter_new((uint32_t)threads);
    }
}

BENCH_DO(note_notify, nsync_note, nsync_note_notify(*o))
BENCH_CALL(note_wait, nsync_note, !nsync_note_wait(*o, nsync_time_no_deadline))
BENCH_CALL(note_is_notified, nsync_note, nsync_note_is_notified(*o))

static int counter_meet(void *object) {
    nsync_counter counter = *(nsync_counter *)object;
    (void)nsync_counter_add(counter, -1);
    return nsync_counter_wait(counter, nsync_time_no_deadline) != 0;
}

BENCH_JOB long note_job(int me, int threads, long count) {
    (void)me, (void)threads;
    return bench_single(notes, count, note_is_notified);
}

BENCH_JOB long note_pingpong_job(int me, int threads, long count) {
    (void)threads;
    return bench_pingpong_once(notes, notes + count, sizeof *notes, &shared, me, count, note_notify,
                               note_wait);
}

BENCH_JOB long counter_job(int me, int threads, long count) {
    return bench_meet(counters, sizeof *counters, me, threads, count, counter_meet);
}

static long keep_notes(long count) {
    long failures = 0;
    for (long i = 0; i < count; i++) {
        failures += nsync_note_new(NULL, nsync_time_no_deadline) == NULL;
    }
    return failures;
}

const bench_subject bench_nsync = {
    .kind = BENCH_PEER,
    .jobs =
        {
            BENCH_LOCK_LINES("nsync_mu"),
            BENCH_MONITOR_LINES("nsync_cv"),
            BENCH_LINE(BENCH_EVENT_IS_SET, "nsync_note", setup_note, note_job),
            BENCH_LINE(BENCH_EVENT_PINGPONG, "nsync_note used once", setup_notes,
                       note_pingpong_job),
            BENCH_LINE(BENCH_BARRIER, "nsync_counter used once", setup_counters, counter_job),
            BENCH_BYTES_OF(BENCH_SIZE_LOCK, "nsync_mu", sizeof(nsync_mu)),
            BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "nsync mu+cv",
                           sizeof(nsync_mu) + sizeof(nsync_cv)),
            BENCH_HOARD(BENCH_SIZE_EVENT, "nsync_note", keep_notes),
        },
};
