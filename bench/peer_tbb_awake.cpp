// oneTBB, what does not sleep: a lock that spins, a queue whose get only tries, in a loop that
// yields the processor, and tasks, of which those that nobody has begun are done by who waits.
#include "loops.h"

#include <atomic>
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/spin_mutex.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <optional>
#include <thread>
#include <vector>

#define HAS_LOCK
#define HAS_QUEUE_PINGPONG
#define HAS_SIMPLE_QUEUE

using unbounded = tbb::concurrent_queue<void *>;

static BENCH_ALIGNED tbb::spin_mutex lock;
static BENCH_ALIGNED std::optional<unbounded> queues[2];
#define queue (*queues[0])
#define queue_pong (*queues[1])
#define simple_queue (*queues[0])

BENCH_DO(acquire, tbb::spin_mutex, o->lock())
BENCH_DO(release, tbb::spin_mutex, o->unlock())

static int queue_put(void *object, void *item) {
    static_cast<unbounded *>(object)->push(item);
    return 0;
}

static int queue_get(void *object, void **item) {
    while (!static_cast<unbounded *>(object)->try_pop(*item)) {
        std::this_thread::yield();
    }
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

static void setup_queues(int) {
    shared = bench_shared{};
    queues[0].emplace();
    queues[1].emplace();
}

// The workers of oneTBB go to all processors of the process, also when their maker is bound to one.
class worker_binder : public tbb::task_scheduler_observer {
  public:
    void on_scheduler_entry(bool is_worker) override {
        if (is_worker && bench_running.processors == 1) {
            bench_pin(0);
        }
    }
};

// An arena of as many threads as the pools have, of which one is the caller.
static tbb::task_arena &arena() {
    // The least of all such controls counts, and the other subject has workers beside the caller.
    static tbb::global_control allowed(tbb::global_control::max_allowed_parallelism,
                                       BENCH_WORKERS + 1);
    static tbb::task_arena made(BENCH_WORKERS);
    static worker_binder binding;
    binding.observe(true);
    return made;
}

static void work(int steps) {
    bench_busy(steps);
}

// `count` tasks, `batch` at a time; each writes its own place.
static long run_batches(int steps, long batch, long count) {
    std::vector<long> done(static_cast<size_t>(batch));
    long failures = 0;
    arena().execute([&] {
        for (long first = 0; first < count; first += batch) {
            long n = count - first < batch ? count - first : batch;
            tbb::task_group group;
            for (long i = 0; i < n; i++) {
                long *place = &done[static_cast<size_t>(i)];
                group.run([place, first, steps] {
                    work(steps);
                    *place = first + 1;
                });
            }
            group.wait();
            for (long i = 0; i < n; i++) {
                failures += done[static_cast<size_t>(i)] != first + 1;
            }
        }
    });
    return failures;
}

BENCH_JOB long task_job(int, int, long count) {
    return run_batches(0, 1, count);
}

BENCH_JOB long task_batch_job(int, int, long count) {
    return run_batches(0, BENCH_BATCH, count);
}

BENCH_JOB long task_work_job(int, int, long count) {
    return run_batches(BENCH_TEN_MICROSECONDS, BENCH_WORK_BATCH, count);
}

BENCH_JOB long fan_job(int, int, long count) {
    return run_batches(0, BENCH_FAN_TASKS, count * BENCH_FAN_TASKS);
}

BENCH_JOB long nested_job(int, int, long count) {
    std::atomic<long> inner{0};
    arena().execute([&] {
        for (long i = 0; i < count; i++) {
            tbb::task_group group;
            group.run([&] { group.run([&] { inner.fetch_add(1, std::memory_order_relaxed); }); });
            group.wait();
        }
    });
    return inner != count;
}

static void touch(unsigned char *item) {
    ++*item;
}

// Called through a pointer, as in a pool.
static void (*volatile touch_each)(unsigned char *item) = touch;

BENCH_JOB long map_job(int, int, long count) {
    std::vector<unsigned char> items(BENCH_MAP_ITEMS);
    long failures = 0;
    arena().execute([&] {
        for (long done = 0; done < count; done += BENCH_MAP_ITEMS) {
            long n = count - done < BENCH_MAP_ITEMS ? count - done : BENCH_MAP_ITEMS;
            auto function = touch_each;
            tbb::parallel_for(0L, n, [&](long i) { function(&items[static_cast<size_t>(i)]); });
            for (long i = 0; bench_running.check && i < n; i++) {
                failures += items[static_cast<size_t>(i)] != 1;
            }
        }
    });
    return failures;
}

static long keep_queues(long count) {
    for (long i = 0; i < count; i++) {
        (void)new unbounded;
    }
    return 0;
}

static bench_subject fill() {
    bench_subject subject = {};
    subject.kind = BENCH_AWAKE;
    BENCH_LOCK_LINES("tbb::spin_mutex");
    BENCH_QUEUE_PINGPONG_LINE("tbb concurrent_queue");
    BENCH_SIMPLE_QUEUE_LINE("tbb concurrent_queue");
    BENCH_LINE(BENCH_TASK, "tbb task_group", nullptr, task_job);
    BENCH_LINE(BENCH_TASK_BATCH, "tbb task_group", nullptr, task_batch_job);
    BENCH_LINE(BENCH_TASK_WORK, "tbb task_group", nullptr, task_work_job);
    BENCH_LINE(BENCH_FAN, "tbb task_group", nullptr, fan_job);
    BENCH_LINE(BENCH_NESTED, "tbb task_group", nullptr, nested_job);
    BENCH_LINE(BENCH_MAP, "tbb parallel_for", nullptr, map_job);
    BENCH_BYTES_OF(BENCH_SIZE_LOCK, "tbb::spin_mutex", sizeof lock);
    BENCH_HOARD(BENCH_SIZE_SIMPLE_QUEUE, "tbb concurrent_queue", keep_queues);
    return subject;
}

const bench_subject bench_tbb_awake = fill();
