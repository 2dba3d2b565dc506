// Abseil: locks and conditions, and barriers and notifications, which serve once.
#include "loops.h"

#include <absl/synchronization/barrier.h>
#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>
#include <absl/time/time.h>
#include <memory>
#include <vector>

#define HAS_LOCK
#define HAS_MONITOR

struct pair {
    absl::Mutex lock;
    absl::CondVar go;
    absl::CondVar full;
};

static BENCH_ALIGNED absl::Mutex lock;
static BENCH_ALIGNED pair monitor;

BENCH_DO(acquire, absl::Mutex, o->Lock())
BENCH_DO(release, absl::Mutex, o->Unlock())
BENCH_CALL(monitor_acquire, pair, acquire(&o->lock))
BENCH_CALL(monitor_release, pair, release(&o->lock))
BENCH_DO(monitor_wait, pair, o->go.Wait(&o->lock))
BENCH_CALL(monitor_wait_timed, pair, o->go.WaitWithTimeout(&o->lock, absl::Seconds(BENCH_FAR_AWAY)))
BENCH_DO(monitor_notify, pair, o->go.Signal())
BENCH_DO(monitor_notify_all, pair, o->go.SignalAll())
BENCH_DO(monitor_wait_full, pair, o->full.Wait(&o->lock))
BENCH_DO(monitor_notify_full, pair, o->full.Signal())

BENCH_MONITOR_CALLS

#include "jobs.h"

static void setup(int) {
    shared = bench_shared{};
}

// Two for each round trip; a vector of pointers, as none of them can be moved.
static std::vector<std::unique_ptr<absl::Notification>> notes;
static std::vector<absl::Barrier *> barriers;

static void make_notes(long count) {
    shared = bench_shared{};
    notes.clear();
    for (long i = 0; i < count; i++) {
        notes.push_back(std::make_unique<absl::Notification>());
    }
}

static void setup_note(int) {
    make_notes(1);
}

static void setup_notes(int) {
    make_notes(bench_running.count * 2);
}

static void setup_barriers(int threads) {
    barriers.clear();
    for (long i = 0; i < bench_running.count; i++) {
        barriers.push_back(new absl::Barrier(threads));
    }
}

static absl::Notification *note_at(void *object) {
    return static_cast<std::unique_ptr<absl::Notification> *>(object)->get();
}

static int note_notify(void *object) {
    note_at(object)->Notify();
    return 0;
}

static int note_wait(void *object) {
    note_at(object)->WaitForNotification();
    return 0;
}

static int note_is_notified(void *object) {
    return note_at(object)->HasBeenNotified();
}

// The last one to leave frees it, as Abseil has it.
static int barrier_meet(void *object) {
    absl::Barrier *barrier = *static_cast<absl::Barrier **>(object);
    if (barrier->Block()) {
        delete barrier;
    }
    return 0;
}

BENCH_JOB long note_job(int, int, long count) {
    return bench_single(notes.data(), count, note_is_notified);
}

BENCH_JOB long note_pingpong_job(int me, int, long count) {
    return bench_pingpong_once(notes.data(), notes.data() + count, sizeof notes[0], &shared, me,
                               count, note_notify, note_wait);
}

BENCH_JOB long barrier_job(int me, int threads, long count) {
    return bench_meet(barriers.data(), sizeof barriers[0], me, threads, count, barrier_meet);
}

static bench_subject fill() {
    bench_subject subject = {};
    subject.kind = BENCH_PEER;
    BENCH_LOCK_LINES("absl::Mutex");
    BENCH_MONITOR_LINES("absl::CondVar");
    BENCH_LINE(BENCH_EVENT_IS_SET, "absl::Notification", setup_note, note_job);
    BENCH_LINE(BENCH_EVENT_PINGPONG, "absl::Notification used once", setup_notes,
               note_pingpong_job);
    BENCH_LINE(BENCH_BARRIER, "absl::Barrier used once", setup_barriers, barrier_job);
    BENCH_BYTES_OF(BENCH_SIZE_LOCK, "absl::Mutex", sizeof lock);
    BENCH_BYTES_OF(BENCH_SIZE_EVENT, "absl::Notification", sizeof(absl::Notification));
    BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "absl Mutex+CondVar", sizeof lock + sizeof(absl::CondVar));
    BENCH_BYTES_OF(BENCH_SIZE_BARRIER, "absl::Barrier", sizeof(absl::Barrier));
    return subject;
}

const bench_subject bench_absl = fill();
