/* Data races of programs, each found by simulation, and each program without it. Only this file is
 * compiled with -fsanitize=thread: `make check-simulate`. A program is told by its argument whether
 * it is the mended one. */
#include "simulate.h"

#if defined(PYTHREADING_SIMULATE_MEMORY)
#include <malloc.h>
#include <stdatomic.h>

static bool mended; /* set before the threads of a program start */

/* ---- a counter without a lock ---- */

typedef struct counter {
    pyt_lock lock;
    int count; /* under the lock */
} counter;

static void *count(void *arg) {
    counter *all = arg;
    if (mended) {
        MUST(pyt_lock_acquire(&all->lock));
    }
    all->count++;
    if (mended) {
        MUST(pyt_lock_release(&all->lock));
    }
    return NULL;
}

static void counters(void *arg) {
    counter all = {PYT_LOCK_INIT, 0};
    mended = arg != NULL;
    pyt_thread *one = simulate_start("one", count, &all);
    pyt_thread *two = simulate_start("two", count, &all);
    simulate_join(one);
    simulate_join(two);
    PYT_CHECK(all.count == 2);
}

TEST_LIMIT(a_counter_without_a_lock_is_a_race, 60) {
    simulate_finds(counters, (const char *[]){"data race", "one", "two", "writes 4 bytes",
                                              "program+0x", "addr2line", NULL});
    simulate_all(counters, "mended", 1);
}

/* ---- data handed over by a flag ---- */

typedef struct parcel {
    long long data; /* before the flag's store, and after a load that sees it */
    atomic_int flag;
    int plain;
    bool once; /* the flag is `plain` */
} parcel;

static void *send(void *arg) {
    parcel *all = arg;
    all->data = 7;
    if (all->once) {
        all->plain = 1;
    } else {
        atomic_store_explicit(&all->flag, 1, mended ? memory_order_release : memory_order_relaxed);
    }
    return NULL;
}

static void *receive(void *arg) {
    const parcel *all = arg;
    int seen = all->once ? all->plain : atomic_load_explicit(&all->flag, memory_order_acquire);
    PYT_CHECK(!seen || all->data == 7);
    return NULL;
}

static void handed_over(void *arg, bool by_plain) {
    parcel all = {0, 0, 0, by_plain};
    mended = arg != NULL;
    pyt_thread *sender = simulate_start("sender", send, &all);
    pyt_thread *receiver = simulate_start("receiver", receive, &all);
    simulate_join(sender);
    simulate_join(receiver);
}

static void by_an_atomic_flag(void *arg) {
    handed_over(arg, false);
}

static void by_a_plain_flag(void *arg) {
    handed_over(arg, true);
}

TEST_LIMIT(a_relaxed_store_hands_no_data_over, 60) {
    simulate_finds(by_an_atomic_flag, (const char *[]){"data race", "sender writes 8 bytes",
                                                       "receiver reads 8 bytes", NULL});
    simulate_all(by_an_atomic_flag, "mended", 1);
}

TEST_LIMIT(a_plain_flag_is_a_race, 60) {
    simulate_finds(by_a_plain_flag, (const char *[]){"data race", "sender writes 4 bytes",
                                                     "receiver reads 4 bytes", NULL});
}

/* ---- a value that is made once: double-checked locking ---- */

typedef struct single {
    pyt_lock lock;
    int *made; /* the faulty program's */
    _Atomic(int *) seen;
    int value;
} single;

static void *get_single(void *arg) {
    single *all = arg;
    int *value = mended ? atomic_load_explicit(&all->seen, memory_order_acquire) : all->made;
    if (value == NULL) {
        pyt_with(&all->lock) {
            if (all->value == 0) {
                all->value = 7;
                all->made = mended ? NULL : &all->value;
                atomic_store_explicit(&all->seen, &all->value, memory_order_release);
            }
            value = &all->value;
        }
    }
    PYT_CHECK(*value == 7);
    return NULL;
}

static void made_once(void *arg) {
    single all = {PYT_LOCK_INIT, NULL, NULL, 0};
    mended = arg != NULL;
    pyt_thread *other = simulate_start("other", get_single, &all);
    (void)get_single(&all);
    simulate_join(other);
}

TEST_LIMIT(double_checked_locking_is_a_race, 60) {
    simulate_finds(made_once,
                   (const char *[]){"data race", "other", "MainThread", "8 bytes", NULL});
    simulate_all(made_once, "mended", 1);
}

/* ---- what orders two accesses ---- */

typedef struct hand {
    pyt_event event;
    pyt_queue queue;
    int data;
} hand;

static void *set_event(void *arg) {
    hand *all = arg;
    all->data = 7;
    MUST(pyt_event_set(&all->event));
    return NULL;
}

static void *put(void *arg) {
    hand *all = arg;
    int item = 1;
    all->data = 7;
    MUST(pyt_queue_put(&all->queue, &item));
    return NULL;
}

static void handed_by_event(void *arg) {
    hand all = {.event = PYT_EVENT_INIT};
    pyt_thread *sender = simulate_start("sender", set_event, &all);
    MUST(pyt_event_wait(&all.event));
    PYT_CHECK(all.data == 7);
    simulate_join(sender);
    all.data = arg != NULL;
}

static void handed_by_queue(void *arg) {
    hand all = {.event = PYT_EVENT_INIT};
    int item = 0;
    MUST(pyt_queue_init(&all.queue, sizeof item, 0));
    pyt_thread *sender = simulate_start("sender", put, &all);
    MUST(pyt_queue_get(&all.queue, &item));
    PYT_CHECK(all.data == 7);
    simulate_join(sender);
    all.data = arg != NULL;
    pyt_queue_destroy(&all.queue);
}

static void handed_by_join(void *arg) {
    hand all = {.event = PYT_EVENT_INIT};
    simulate_join(simulate_start("first", set_event, &all));
    PYT_CHECK(all.data == 7);
    all.data = arg != NULL;
    simulate_join(simulate_start("second", set_event, &all));
}

TEST_LIMIT(an_event_a_queue_and_a_join_order_accesses, 60) {
    simulate_all(handed_by_event, NULL, 1);
    simulate_all(handed_by_queue, NULL, 1);
    simulate_all(handed_by_join, NULL, 1);
}

/* ---- memory that one thread has after another ---- */

enum {
    BLOCK = 4096
}; /* more than a thread keeps for itself */

static atomic_uintptr_t last_block, last_frame;
static atomic_int same_block, same_frame;

static void fill(volatile char *bytes, int size) {
    for (int i = 0; i < size; i += 512) {
        bytes[i] = (char)i;
    }
}

/* Relaxed: what the count needs orders nothing. */
static void note_address(atomic_uintptr_t *last, atomic_int *same, const volatile char *bytes) {
    uintptr_t address = (uintptr_t)bytes;
    if (atomic_exchange_explicit(last, address, memory_order_relaxed) == address) {
        atomic_fetch_add_explicit(same, 1, memory_order_relaxed);
    }
}

static void *use_and_free(void *arg) {
    char *block = malloc(BLOCK);
    volatile char frame[BLOCK];
    PYT_CHECK(block != NULL);
    note_address(&last_block, &same_block, block);
    note_address(&last_frame, &same_frame, frame);
    fill(block, BLOCK);
    fill(frame, BLOCK);
    free(block);
    return arg;
}

static void users_of_memory(void *arg) {
    pyt_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = simulate_start("user", use_and_free, arg);
    }
    for (int i = 0; i < 4; i++) {
        simulate_join(threads[i]);
    }
}

TEST_LIMIT(memory_and_stacks_used_again_are_no_race, 60) {
    pyt_simulate_options options = {.seed = 1, .runs = 300};
    CHECK(mallopt(M_ARENA_MAX, 1) == 1);
    CHECK_STATUS(pyt_simulate(&options, users_of_memory, NULL), PYT_OK);
    CHECK(atomic_load(&same_block) > 0);
    printf("%d blocks and %d stacks used again\n", atomic_load(&same_block),
           atomic_load(&same_frame));
}

#endif
