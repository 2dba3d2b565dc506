// A C++ program over the C library: static objects, the inline paths, options, pyt_with, threads;
// and both languages agree on the shape of every type.
#include "pythreading.h"

#include "layout.h"

#include <cstdio>
#include <cstring>

#define REQUIRE(condition)                                                               \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            return 1;                                                                    \
        }                                                                                \
    } while (0)

static pyt_lock lock = PYT_LOCK_INIT;
static pyt_rlock rlock = PYT_RLOCK_INIT;
static pyt_condition condition = PYT_CONDITION_INIT;
static pyt_semaphore semaphore = PYT_SEMAPHORE_INIT(2);
static pyt_bounded_semaphore bounded = PYT_BOUNDED_SEMAPHORE_INIT(1);
static pyt_event event = PYT_EVENT_INIT;
static pyt_barrier barrier = PYT_BARRIER_INIT(2);
static pyt_local counter = PYT_LOCAL_INIT(sizeof(int), nullptr, nullptr);
static pyt_lock zeroed;
static int total;

// Whether the next shape of C is this one; `in_c` goes on to the one behind it.
static bool agrees(const layout *&in_c, const layout &here) {
    const layout &there = *in_c++;
    if (there.name != nullptr && std::strcmp(there.name, here.name) == 0 &&
        there.size == here.size && there.place == here.place) {
        return true;
    }
    std::fprintf(stderr, "%s: C %zu/%zu, C++ %zu/%zu\n", here.name, there.size, there.place,
                 here.size, here.place);
    return false;
}

static int shapes_agree() {
    const layout *in_c = layout_in_c();
    int wrong = 0;
#define COMPARE(type) wrong += !agrees(in_c, layout{#type, sizeof(type), alignof(type)});
#define COMPARE_MEMBER(type, name) \
    wrong += !agrees(in_c, layout{#type "." #name, sizeof(type::name), offsetof(type, name)});
    LAYOUT_TYPES(COMPARE)
    LAYOUT_MEMBERS(COMPARE_MEMBER)
#undef COMPARE_MEMBER
#undef COMPARE
    REQUIRE(wrong == 0);
    REQUIRE(in_c->name == nullptr);
    return 0;
}

static int guarded(bool leave_early) {
    pyt_guard(&lock);
    REQUIRE(pyt_lock_locked(&lock));
    if (leave_early) {
        return 0;
    }
    total++;
    return 0;
}

static int with_returns() {
    pyt_with(&rlock) {
        REQUIRE(pyt_rlock_is_owned(&rlock));
        return 0;
    }
    return 1;
}

static int locks() {
    REQUIRE(pyt_lock_acquire(&lock) == PYT_OK);
    REQUIRE(pyt_lock_acquire_nowait(&lock) == PYT_TIMEOUT);
    REQUIRE(pyt_lock_acquire_timeout(&lock, 0) == PYT_TIMEOUT);
    REQUIRE(pyt_lock_release(&lock) == PYT_OK);
    REQUIRE(pyt_lock_release(&lock) == PYT_RUNTIME_ERROR);
    REQUIRE(pyt_lock_release(nullptr) == PYT_VALUE_ERROR);
    REQUIRE(pyt_lock_acquire(&zeroed) == PYT_OK);
    pyt_with(&condition) {
        REQUIRE(use_in_c(&zeroed, &condition) == 0);
    }
    REQUIRE(pyt_lock_release(&zeroed) == PYT_OK);
    REQUIRE(guarded(true) == 0 && guarded(false) == 0 && total == 1);
    REQUIRE(!pyt_lock_locked(&lock));
    REQUIRE(with_returns() == 0 && !pyt_rlock_is_owned(&rlock));
    pyt_with(&lock) {
        total++;
    }
    pyt_with(&semaphore) {
        REQUIRE(pyt_semaphore_value(&semaphore) == 1);
    }
    pyt_with(&bounded) {
        REQUIRE(pyt_bounded_semaphore_acquire_nowait(&bounded) == PYT_TIMEOUT);
    }
    REQUIRE(pyt_bounded_semaphore_release(&bounded) == PYT_VALUE_ERROR);
    return 0;
}

static void *count(void *arg) {
    int *mine = static_cast<int *>(pyt_local_get(&counter));
    if (mine == nullptr || pyt_event_wait(&event) != PYT_OK) {
        return nullptr;
    }
    for (int i = 0; i < *static_cast<int *>(arg); i++) {
        pyt_with(&lock) {
            total++;
        }
        ++*mine;
    }
    int index = -1;
    if (pyt_barrier_wait(&barrier, &index) != PYT_OK || *mine != *static_cast<int *>(arg)) {
        return nullptr;
    }
    return &total;
}

static int threads() {
    pyt_thread *both[2];
    int times = 1000;
    total = 0;
    for (pyt_thread *&thread : both) {
        pyt_thread_options options = {};
        options.target = count;
        options.arg = &times;
        options.arg_size = sizeof times;
        options.name = "counter";
        options.daemon = PYT_DAEMON_FALSE;
        REQUIRE(pyt_thread_new(&thread, &options) == PYT_OK);
        REQUIRE(pyt_thread_start(thread) == PYT_OK);
        REQUIRE(std::strcmp(pyt_thread_name(thread), "counter") == 0);
    }
    times = 0;
    REQUIRE(pyt_event_set(&event) == PYT_OK && pyt_event_is_set(&event));
    for (pyt_thread *thread : both) {
        void *result = nullptr;
        REQUIRE(pyt_thread_join(thread) == PYT_OK);
        REQUIRE(pyt_thread_result(thread, &result) == PYT_OK && result == &total);
        pyt_thread_unref(thread);
    }
    REQUIRE(total == 2000);
    return 0;
}

static int open_doors;

static int open_door(void *arg) {
    ++*static_cast<int *>(arg);
    return 0;
}

static int barriers() {
    pyt_barrier door = {};
    pyt_barrier_options options = {};
    options.action = open_door;
    options.arg = &open_doors;
    options.timeout = 60;
    REQUIRE(pyt_barrier_init(&door, 1, &options) == PYT_OK);
    REQUIRE(pyt_barrier_wait(&door, nullptr) == PYT_OK && open_doors == 1);
    return 0;
}

static int compare_ints(const void *one, const void *other) {
    return *static_cast<const int *>(one) - *static_cast<const int *>(other);
}

static int queues() {
    pyt_queue queue;
    pyt_simple_queue simple;
    REQUIRE(pyt_priority_queue_init(&queue, sizeof(int), 3, compare_ints) == PYT_OK);
    REQUIRE(pyt_simple_queue_init(&simple, sizeof(int)) == PYT_OK);
    for (int item = 3; item > 0; item--) {
        REQUIRE(pyt_queue_put(&queue, &item) == PYT_OK);
        REQUIRE(pyt_simple_queue_put(&simple, &item) == PYT_OK);
    }
    int least = 0, first = 0;
    REQUIRE(pyt_queue_put_nowait(&queue, &least) == PYT_QUEUE_FULL && pyt_queue_full(&queue));
    REQUIRE(pyt_queue_get(&queue, &least) == PYT_OK && least == 1);
    REQUIRE(pyt_simple_queue_get(&simple, &first) == PYT_OK && first == 3);
    REQUIRE(pyt_queue_qsize(&queue) == 2 && pyt_simple_queue_qsize(&simple) == 2);
    REQUIRE(pyt_queue_destroy(&queue) == PYT_OK);
    REQUIRE(pyt_simple_queue_destroy(&simple) == PYT_OK);
    return 0;
}

static double told;

static double tell(void *arg) {
    return *static_cast<double *>(arg);
}

static void move_on(void *arg, double seconds) {
    *static_cast<double *>(arg) += seconds;
}

static void note(void *arg) {
    *static_cast<double *>(arg) = told;
}

static int schedulers() {
    pyt_scheduler scheduler;
    pyt_scheduler_options options = {};
    options.timefunc = tell;
    options.delayfunc = move_on;
    options.arg = &told;
    double when = 0;
    pyt_sched_event entered;
    REQUIRE(pyt_scheduler_init(&scheduler, &options) == PYT_OK);
    REQUIRE(pyt_scheduler_enter(&scheduler, 8, 1, note, &when, &entered) == PYT_OK);
    REQUIRE(entered.priority == 1 && entered.action == note && entered.arg == &when);
    REQUIRE(pyt_scheduler_run(&scheduler) == PYT_OK && when >= 8);
    REQUIRE(pyt_scheduler_destroy(&scheduler) == PYT_OK);
    return 0;
}

static void *square(void *arg) {
    int *number = static_cast<int *>(arg);
    if (*number < 0) {
        pyt_raise(22, "negative");
    }
    *number *= *number;
    return number;
}

static int executors() {
    pyt_executor *executor = nullptr;
    pyt_executor_options options = {};
    options.max_workers = 2;
    options.thread_name_prefix = "square";
    options.initializer = open_door;
    options.arg = &open_doors;
    REQUIRE(pyt_executor_new(&executor, &options) == PYT_OK);
    int numbers[2] = {7, -7};
    pyt_future *futures[2];
    for (int i = 0; i < 2; i++) {
        REQUIRE(pyt_executor_submit(executor, square, &numbers[i], &futures[i]) == PYT_OK);
    }
    void *result = nullptr;
    pyt_exception exception = {};
    REQUIRE(pyt_future_result(futures[0], &result) == PYT_OK && result == &numbers[0]);
    REQUIRE(numbers[0] == 49);
    REQUIRE(pyt_future_exception(futures[1], &exception) == PYT_OK);
    REQUIRE(exception.status == PYT_TASK_ERROR && exception.code == 22);
    REQUIRE(std::strcmp(exception.message, "negative") == 0);
    pyt_future_unref(futures[0]);
    pyt_future_unref(futures[1]);
    REQUIRE(pyt_executor_shutdown(executor, true, false) == PYT_OK);
    pyt_executor_free(executor);
    return 0;
}

static void twice(void *item, void *result) {
    *static_cast<int *>(result) = 2 * *static_cast<int *>(item);
}

static int pools() {
    pyt_pool *pool = nullptr;
    pyt_pool_options options = {};
    options.processes = 2;
    REQUIRE(pyt_pool_new(&pool, &options) == PYT_OK);
    int items[5] = {1, 2, 3, 4, 5};
    int results[5] = {};
    pyt_pool_work work = {};
    work.function = twice;
    work.items = items;
    work.item_size = sizeof items[0];
    work.n = 5;
    work.results = results;
    work.result_size = sizeof results[0];
    work.chunksize = 2;
    REQUIRE(pyt_pool_map(pool, &work, nullptr) == PYT_OK && results[4] == 10);
    REQUIRE(pyt_pool_close(pool) == PYT_OK && pyt_pool_join(pool) == PYT_OK);
    pyt_pool_free(pool);
    return 0;
}

int main() {
    int (*const parts[])() = {shapes_agree, locks,      threads,   barriers,
                              queues,       schedulers, executors, pools};
    for (int (*part)() : parts) {
        if (part() != 0) {
            return 1;
        }
    }
    return 0;
}
