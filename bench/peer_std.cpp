// The C++ standard library, as of C++20. std::async, its only executor, makes a thread for each
// task.
#include "loops.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <thread>

#define HAS_LOCK
#define HAS_MONITOR
#define HAS_RLOCK
#define HAS_SEMAPHORE
#define HAS_TIMED
#define HAS_EVENT
#define HAS_BARRIER
#define HAS_THREAD

using meeting = std::barrier<>;

struct pair {
    std::mutex lock;
    std::condition_variable go;
    std::condition_variable full;
};

static BENCH_ALIGNED std::mutex lock;
static BENCH_ALIGNED std::recursive_mutex rlock;
static BENCH_ALIGNED pair monitor;
static BENCH_ALIGNED std::atomic_flag event;
static BENCH_ALIGNED std::atomic_flag event_pong;

// Made as new for every job.
static BENCH_ALIGNED std::optional<std::counting_semaphore<>> semaphores[2];
static BENCH_ALIGNED std::optional<meeting> barrier_box;
#define semaphore (*semaphores[0])
#define pong (*semaphores[1])
#define barrier (*barrier_box)

BENCH_DO(acquire, std::mutex, o->lock())
BENCH_DO(release, std::mutex, o->unlock())
BENCH_DO(rlock_acquire, std::recursive_mutex, o->lock())
BENCH_DO(rlock_release, std::recursive_mutex, o->unlock())
BENCH_CALL(monitor_acquire, pair, acquire(&o->lock))
BENCH_CALL(monitor_release, pair, release(&o->lock))

// A lock that is held is lent to the wait.
static int wait_on(std::condition_variable &condition, std::mutex &held) {
    std::unique_lock<std::mutex> lent(held, std::adopt_lock);
    condition.wait(lent);
    (void)lent.release();
    return 0;
}

BENCH_CALL(monitor_wait, pair, wait_on(o->go, o->lock))

static int monitor_wait_timed(void *object) {
    pair *p = static_cast<pair *>(object);
    std::unique_lock<std::mutex> lent(p->lock, std::adopt_lock);
    auto how = p->go.wait_for(lent, std::chrono::duration<double>(BENCH_FAR_AWAY));
    (void)lent.release();
    return how == std::cv_status::timeout;
}

BENCH_DO(monitor_notify, pair, o->go.notify_one())
BENCH_DO(monitor_notify_all, pair, o->go.notify_all())
BENCH_CALL(monitor_wait_full, pair, wait_on(o->full, o->lock))
BENCH_DO(monitor_notify_full, pair, o->full.notify_one())

BENCH_MONITOR_CALLS

static int semaphore_release(void *object) {
    static_cast<std::counting_semaphore<> *>(object)->release();
    return 0;
}

static int semaphore_acquire(void *object) {
    static_cast<std::counting_semaphore<> *>(object)->acquire();
    return 0;
}

BENCH_CALL(semaphore_acquire_timed, std::counting_semaphore<>,
           !o->try_acquire_for(std::chrono::duration<double>(BENCH_FAR_AWAY)))

static int event_set(void *object) {
    auto *flag = static_cast<std::atomic_flag *>(object);
    int was = flag->test_and_set(std::memory_order_release);
    flag->notify_all();
    return was;
}

BENCH_DO(event_clear, std::atomic_flag, o->clear(std::memory_order_release))
BENCH_DO(event_wait, std::atomic_flag, o->wait(false, std::memory_order_acquire))
BENCH_CALL(event_is_set, std::atomic_flag, o->test(std::memory_order_acquire))
BENCH_DO(barrier_wait, meeting, o->arrive_and_wait())

static int start_join(void *) {
    std::thread thread([] {});
    thread.join();
    return 0;
}

#include "jobs.h"

static void setup(int threads) {
    shared = bench_shared{};
    event.clear();
    event_pong.clear();
    semaphores[0].emplace(0);
    semaphores[1].emplace(0);
    barrier_box.emplace(threads);
}

#define MAPS_IN_PARTS

static int pool_open() {
    return 0;
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    return new std::future<void *>(std::async(std::launch::async, function, arg));
}

static void *pool_result(void *future) {
    std::unique_ptr<std::future<void *>> f(static_cast<std::future<void *> *>(future));
    return f->get();
}

#include "pools.h"

static bench_subject fill() {
    bench_subject subject = {};
    subject.kind = BENCH_PEER;
    BENCH_LOCK_LINES("std::mutex");
    BENCH_RLOCK_LINES("std::recursive_mutex");
    BENCH_MONITOR_LINES("std::condition_variable");
    BENCH_SEMAPHORE_LINES("std::counting_semaphore");
    BENCH_LINE(BENCH_SEMAPHORE_TIMED, "std::counting_semaphore", setup, semaphore_timed_job);
    BENCH_EVENT_LINES("std::atomic_flag", setup);
    BENCH_LINE(BENCH_BARRIER, "std::barrier", setup, barrier_job);
    BENCH_LINE(BENCH_THREAD, "std::thread", nullptr, thread_job);
    BENCH_POOL_LINES("std::async");
    BENCH_LINE(BENCH_NESTED, "std::async", nullptr, nested_job);
    BENCH_BYTES_OF(BENCH_SIZE_LOCK, "std::mutex", sizeof lock);
    BENCH_BYTES_OF(BENCH_SIZE_RLOCK, "std::recursive_mutex", sizeof rlock);
    BENCH_BYTES_OF(BENCH_SIZE_SEMAPHORE, "std::counting_semaphore", sizeof semaphore);
    BENCH_BYTES_OF(BENCH_SIZE_EVENT, "std::atomic_flag", sizeof event);
    BENCH_BYTES_OF(BENCH_SIZE_CONDITION, "std mutex+condition_variable",
                   sizeof(std::mutex) + sizeof(std::condition_variable));
    return subject;
}

const bench_subject bench_std = fill();
