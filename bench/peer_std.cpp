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

static int acquire(void *object) {
    static_cast<std::mutex *>(object)->lock();
    return 0;
}

static int release(void *object) {
    static_cast<std::mutex *>(object)->unlock();
    return 0;
}

static int rlock_acquire(void *object) {
    static_cast<std::recursive_mutex *>(object)->lock();
    return 0;
}

static int rlock_release(void *object) {
    static_cast<std::recursive_mutex *>(object)->unlock();
    return 0;
}

static int monitor_acquire(void *object) {
    return acquire(&static_cast<pair *>(object)->lock);
}

static int monitor_release(void *object) {
    return release(&static_cast<pair *>(object)->lock);
}

// A lock that is held is lent to the wait.
static int wait_on(std::condition_variable &condition, std::mutex &held) {
    std::unique_lock<std::mutex> lent(held, std::adopt_lock);
    condition.wait(lent);
    (void)lent.release();
    return 0;
}

static int monitor_wait(void *object) {
    pair *p = static_cast<pair *>(object);
    return wait_on(p->go, p->lock);
}

static int monitor_wait_timed(void *object) {
    pair *p = static_cast<pair *>(object);
    std::unique_lock<std::mutex> lent(p->lock, std::adopt_lock);
    auto how = p->go.wait_for(lent, std::chrono::duration<double>(BENCH_FAR_AWAY));
    (void)lent.release();
    return how == std::cv_status::timeout;
}

static int monitor_notify(void *object) {
    static_cast<pair *>(object)->go.notify_one();
    return 0;
}

static int monitor_notify_all(void *object) {
    static_cast<pair *>(object)->go.notify_all();
    return 0;
}

static int monitor_wait_full(void *object) {
    pair *p = static_cast<pair *>(object);
    return wait_on(p->full, p->lock);
}

static int monitor_notify_full(void *object) {
    static_cast<pair *>(object)->full.notify_one();
    return 0;
}

static const bench_monitor calls = {
    .acquire = monitor_acquire,
    .release = monitor_release,
    .wait = monitor_wait,
    .notify = monitor_notify,
    .notify_all = monitor_notify_all,
    .wait_timed = monitor_wait_timed,
    .wait_full = monitor_wait_full,
    .notify_full = monitor_notify_full,
};

static int semaphore_release(void *object) {
    static_cast<std::counting_semaphore<> *>(object)->release();
    return 0;
}

static int semaphore_acquire(void *object) {
    static_cast<std::counting_semaphore<> *>(object)->acquire();
    return 0;
}

static int semaphore_acquire_timed(void *object) {
    auto *s = static_cast<std::counting_semaphore<> *>(object);
    return !s->try_acquire_for(std::chrono::duration<double>(BENCH_FAR_AWAY));
}

static int event_set(void *object) {
    auto *flag = static_cast<std::atomic_flag *>(object);
    int was = flag->test_and_set(std::memory_order_release);
    flag->notify_all();
    return was;
}

static int event_clear(void *object) {
    static_cast<std::atomic_flag *>(object)->clear(std::memory_order_release);
    return 0;
}

static int event_wait(void *object) {
    static_cast<std::atomic_flag *>(object)->wait(false, std::memory_order_acquire);
    return 0;
}

static int event_is_set(void *object) {
    return static_cast<std::atomic_flag *>(object)->test(std::memory_order_acquire);
}

static int barrier_wait(void *object) {
    static_cast<meeting *>(object)->arrive_and_wait();
    return 0;
}

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
