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

static int shapes_agree() {
    const layout *in_c = layout_in_c();
    int wrong = 0;
#define COMPARE(type)                                                                            \
    if (std::strcmp(in_c->name, #type) != 0 || in_c->size != sizeof(type) ||                     \
        in_c->alignment != alignof(type)) {                                                      \
        std::fprintf(stderr, "%s: C %zu/%zu, C++ %zu/%zu\n", #type, in_c->size, in_c->alignment, \
                     sizeof(type), alignof(type));                                               \
        wrong++;                                                                                 \
    }                                                                                            \
    in_c++;
    LAYOUT_TYPES(COMPARE)
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

int main() {
    return shapes_agree() == 0 && locks() == 0 && threads() == 0 ? 0 : 1;
}
