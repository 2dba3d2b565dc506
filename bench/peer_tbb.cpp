// oneTBB, what sleeps of it: a lock, a bounded queue, and an arena of workers.
#include "loops.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <optional>

#define HAS_LOCK
#define HAS_QUEUE
#define HAS_QUEUE_PINGPONG
#define HAS_SIMPLE_QUEUE

using bounded = tbb::concurrent_bounded_queue<void *>;

static BENCH_ALIGNED tbb::mutex lock;
static BENCH_ALIGNED std::optional<bounded> queues[3];
#define queue (*queues[0])
#define queue_pong (*queues[1])
#define simple_queue (*queues[2])

BENCH_DO(acquire, tbb::mutex, o->lock())
BENCH_DO(release, tbb::mutex, o->unlock())

static int queue_put(void *object, void *item) {
    static_cast<bounded *>(object)->push(item);
    return 0;
}

static int queue_get(void *object, void **item) {
    static_cast<bounded *>(object)->pop(*item);
    return 0;
}

static int simple_queue_put(void *object, void *item) {
    return queue_put(object, item);
}

static int simple_queue_get(void *object, void **item) {
    return queue_get(object, item);
}

#include "jobs.h"

static void setup(int) {
    shared = bench_shared{};
}

// The third has no bound.
static void setup_queues(int) {
    shared = bench_shared{};
    for (int i = 0; i < 3; i++) {
        queues[i].emplace();
        if (i < 2) {
            queues[i]->set_capacity(BENCH_QUEUE_SIZE);
        }
    }
}

// Handed to the workers of an arena, in which the caller has no place; who waits for one waits on a
// lock and a condition of its own.
struct task {
    void *(*function)(void *) = nullptr;
    void *arg = nullptr;
    bool done = false;
    std::mutex lock = {};
    std::condition_variable is_done = {};
};

// The workers of oneTBB go to all processors of the process, also when their maker is bound to one.
class binder : public tbb::task_scheduler_observer {
  public:
    void on_scheduler_entry(bool is_worker) override {
        if (is_worker && bench_running.processors == 1) {
            bench_pin(0);
        }
    }
};

static std::optional<tbb::global_control> allowed;
static binder binding;
static std::optional<tbb::task_arena> arena;

static int pool_open() {
    allowed.emplace(tbb::global_control::max_allowed_parallelism, BENCH_WORKERS + 1);
    arena.emplace(BENCH_WORKERS, 0U);
    binding.observe(true);
    return 0;
}

static void *pool_submit(void *(*function)(void *), void *arg) {
    task *t = new task{function, arg};
    arena->enqueue([t] {
        void *result = t->function(t->arg);
        std::lock_guard<std::mutex> hold(t->lock);
        t->arg = result;
        t->done = true;
        t->is_done.notify_one();
    });
    return t;
}

static void *pool_result(void *future) {
    std::unique_ptr<task> t(static_cast<task *>(future));
    std::unique_lock<std::mutex> hold(t->lock);
    t->is_done.wait(hold, [&] { return t->done; });
    hold.unlock();
    return t->arg;
}

#define MAPS_IN_PARTS
#include "pools.h"

static long keep_queues(long count) {
    for (long i = 0; i < count; i++) {
        (new bounded)->set_capacity(BENCH_QUEUE_SIZE);
    }
    return 0;
}

static bench_subject fill() {
    bench_subject subject = {};
    subject.kind = BENCH_PEER;
    BENCH_LOCK_LINES("tbb::mutex");
    BENCH_QUEUE_LINE("tbb bounded_queue");
    BENCH_QUEUE_PINGPONG_LINE("tbb bounded_queue");
    BENCH_SIMPLE_QUEUE_LINE("tbb bounded_queue without bound");
    BENCH_POOL_LINES("tbb arena enqueue");
    BENCH_LINE(BENCH_NESTED, "tbb arena enqueue", nullptr, nested_job);
    BENCH_BYTES_OF(BENCH_SIZE_LOCK, "tbb::mutex", sizeof lock);
    BENCH_HOARD(BENCH_SIZE_QUEUE, "tbb bounded_queue", keep_queues);
    return subject;
}

const bench_subject bench_tbb = fill();
