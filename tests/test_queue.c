/* Queue, LifoQueue, PriorityQueue and SimpleQueue. */
#include "test.h"

#include <math.h>
#include <stdatomic.h>

#define GETTERS(queue, n) test_wait_parked(&(queue)->pyt__getters, (n))
#define PUTTERS(queue, n) test_wait_parked(&(queue)->pyt__putters, (n))
#define JOINERS(queue, n) test_wait_parked(&(queue)->pyt__joiners, (n))

static int compare_ints(const void *a, const void *b) {
    int x = *(const int *)a, y = *(const int *)b;
    return (x > y) - (x < y);
}

static pyt_status init_fifo(pyt_queue *queue, ptrdiff_t maxsize) {
    return pyt_queue_init(queue, sizeof(int), maxsize);
}

static pyt_status init_lifo(pyt_queue *queue, ptrdiff_t maxsize) {
    return pyt_lifo_queue_init(queue, sizeof(int), maxsize);
}

static pyt_status init_priority(pyt_queue *queue, ptrdiff_t maxsize) {
    return pyt_priority_queue_init(queue, sizeof(int), maxsize, compare_ints);
}

static pyt_status (*const kinds[])(pyt_queue *, ptrdiff_t) = {init_fifo, init_lifo, init_priority};

enum {
    KINDS = sizeof kinds / sizeof *kinds
};

static void put(pyt_queue *queue, int value) {
    CHECK_STATUS(pyt_queue_put(queue, &value), PYT_OK);
}

static int get(pyt_queue *queue) {
    int value = -1;
    CHECK_STATUS(pyt_queue_get(queue, &value), PYT_OK);
    return value;
}

static void destroy(pyt_queue *queue) {
    CHECK_STATUS(pyt_queue_destroy(queue), PYT_OK);
}

/* ---- what goes out first ---- */

TEST(a_queue_gives_out_first_what_came_first) {
    pyt_queue queue;
    CHECK_STATUS(pyt_queue_init(&queue, sizeof(int), 0), PYT_OK);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 1000; i++) {
            put(&queue, i);
        }
        for (int i = 0; i < 1000; i++) {
            CHECK_INT(get(&queue), i);
        }
    }
    destroy(&queue);
}

TEST(a_lifo_queue_gives_out_first_what_came_last) {
    pyt_queue queue;
    CHECK_STATUS(pyt_lifo_queue_init(&queue, sizeof(int), 0), PYT_OK);
    for (int i = 0; i < 1000; i++) {
        put(&queue, i);
    }
    for (int i = 999; i >= 0; i--) {
        CHECK_INT(get(&queue), i);
    }
    destroy(&queue);
}

TEST(a_priority_queue_gives_out_the_smallest_first) {
    pyt_queue queue;
    CHECK_STATUS(init_priority(&queue, 0), PYT_OK);
    unsigned random = 1;
    for (int i = 0; i < 5000; i++) {
        random = random * 1103515245u + 12345u;
        put(&queue, (int)(random >> 16) % 3000);
    }
    int last = -1;
    for (int i = 0; i < 5000; i++) {
        int value = get(&queue);
        CHECK(value >= last);
        last = value;
    }
    destroy(&queue);
}

typedef struct job {
    char padding[3]; /* the size is no multiple of 8, and items must still lie well */
    signed char priority;
    short number;
} job;

static int compare_jobs(const void *a, const void *b) {
    return ((const job *)a)->priority - ((const job *)b)->priority;
}

TEST(equal_items_of_a_priority_queue_come_out_in_order_of_arrival) {
    pyt_queue queue;
    CHECK_STATUS(pyt_priority_queue_init(&queue, sizeof(job), 0, compare_jobs), PYT_OK);
    unsigned random = 7;
    for (short i = 0; i < 3000; i++) {
        random = random * 1103515245u + 12345u;
        job item = {"ab", (signed char)((random >> 16) % 5), i};
        CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_OK);
        if (i % 3 == 2) { /* and while some go out in between */
            CHECK_STATUS(pyt_queue_get(&queue, &item), PYT_OK);
            CHECK_INT(item.priority <= 4, 1);
        }
    }
    job last = {"", -1, -1};
    while (!pyt_queue_empty(&queue)) {
        job item;
        CHECK_STATUS(pyt_queue_get(&queue, &item), PYT_OK);
        CHECK(item.priority > last.priority ||
              (item.priority == last.priority && item.number > last.number));
        CHECK_STR(item.padding, "ab");
        last = item;
    }
    destroy(&queue);
}

TEST(random_puts_and_gets_agree_with_a_simple_model) {
    for (int kind = 0; kind < KINDS; kind++) {
        static int model[4096];
        int count = 0;
        unsigned random = (unsigned)kind + 3;
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        for (int i = 0; i < test_scale(40000); i++) {
            random = random * 1103515245u + 12345u;
            bool growing = (i / 3000) % 2 == 0;
            if (count == 0 || (count < 4096 && (random >> 16) % 10 < (growing ? 7u : 3u))) {
                int value = (int)(random >> 8) % 100000;
                put(&queue, value);
                model[count++] = value;
            } else {
                int at = kind == 1 ? count - 1 : 0;
                for (int j = 0; kind == 2 && j < count; j++) {
                    at = model[j] < model[at] ? j : at;
                }
                CHECK_INT(get(&queue), model[at]);
                count--;
                memmove(&model[at], &model[at + 1], (size_t)(count - at) * sizeof *model);
            }
            CHECK_INT(pyt_queue_qsize(&queue), count);
        }
        destroy(&queue);
    }
}

TEST(items_of_any_size_come_out_as_they_went_in) {
    for (size_t size = 1; size <= 3000; size = size < 40 ? size + 1 : size * 2) {
        unsigned char *item = malloc(size), *copy = malloc(size);
        pyt_queue queue;
        pyt_simple_queue simple;
        CHECK_STATUS(pyt_queue_init(&queue, size, 0), PYT_OK);
        CHECK_STATUS(pyt_simple_queue_init(&simple, size), PYT_OK);
        for (int i = 0; i < 300; i++) {
            memset(item, i, size);
            CHECK_STATUS(pyt_queue_put(&queue, item), PYT_OK);
            CHECK_STATUS(pyt_simple_queue_put(&simple, item), PYT_OK);
        }
        for (int i = 0; i < 300; i++) {
            memset(item, i, size);
            CHECK_STATUS(pyt_queue_get(&queue, copy), PYT_OK);
            CHECK(memcmp(item, copy, size) == 0);
            memset(copy, ~i, size);
            CHECK_STATUS(pyt_simple_queue_get(&simple, copy), PYT_OK);
            CHECK(memcmp(item, copy, size) == 0);
        }
        destroy(&queue);
        CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
        free(item);
        free(copy);
    }
}

typedef struct aligned_item {
    long double value;
} aligned_item;

static int compare_aligned(const void *a, const void *b) {
    CHECK_INT((uintptr_t)a % _Alignof(aligned_item), 0);
    CHECK_INT((uintptr_t)b % _Alignof(aligned_item), 0);
    long double x = ((const aligned_item *)a)->value, y = ((const aligned_item *)b)->value;
    return (x > y) - (x < y);
}

TEST(compare_sees_items_aligned_as_their_type_wants) {
    pyt_queue queue;
    CHECK_STATUS(pyt_priority_queue_init(&queue, sizeof(aligned_item), 0, compare_aligned), PYT_OK);
    for (int i = 0; i < 100; i++) {
        aligned_item item = {(long double)(i * 37 % 100)};
        CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_OK);
    }
    for (int i = 0; i < 100; i++) {
        aligned_item item;
        CHECK_STATUS(pyt_queue_get(&queue, &item), PYT_OK);
        CHECK(item.value >= i && item.value <= i);
    }
    destroy(&queue);
}

/* ---- limits, nowait, timeouts ---- */

TEST(a_bounded_queue_is_full_at_its_limit) {
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 3), PYT_OK);
        CHECK(pyt_queue_empty(&queue) && !pyt_queue_full(&queue));
        for (int i = 0; i < 3; i++) {
            CHECK(!pyt_queue_full(&queue));
            CHECK_STATUS(pyt_queue_put_nowait(&queue, &i), PYT_OK);
            CHECK_INT(pyt_queue_qsize(&queue), i + 1);
        }
        CHECK(pyt_queue_full(&queue) && !pyt_queue_empty(&queue));
        CHECK_STATUS(pyt_queue_put_nowait(&queue, &kind), PYT_QUEUE_FULL);
        CHECK_STR(pyt_error_message(), "the queue is full");
        CHECK_STATUS(pyt_queue_put_timeout(&queue, &kind, 0), PYT_QUEUE_FULL);
        CHECK_INT(pyt_queue_qsize(&queue), 3);
        (void)get(&queue);
        CHECK(!pyt_queue_full(&queue));
        destroy(&queue);
    }
}

TEST(a_limit_of_0_and_below_is_none) {
    static const ptrdiff_t limits[] = {0, -1, PTRDIFF_MIN};
    for (int i = 0; i < 3; i++) {
        pyt_queue queue;
        CHECK_STATUS(init_fifo(&queue, limits[i]), PYT_OK);
        for (int j = 0; j < 100; j++) {
            CHECK_STATUS(pyt_queue_put_nowait(&queue, &j), PYT_OK);
            CHECK(!pyt_queue_full(&queue));
        }
        destroy(&queue);
    }
}

TEST(get_of_an_empty_queue_says_so) {
    pyt_simple_queue simple;
    int item = 5;
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        CHECK_STATUS(pyt_queue_get_nowait(&queue, &item), PYT_QUEUE_EMPTY);
        CHECK_STR(pyt_error_message(), "the queue is empty");
        CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, 0), PYT_QUEUE_EMPTY);
        destroy(&queue);
    }
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof item), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_get_nowait(&simple, &item), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_simple_queue_get_timeout(&simple, &item, 0), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_INT(item, 5);
}

TEST(a_timeout_is_waited_for_and_not_much_longer) {
    pyt_queue queue;
    pyt_simple_queue simple;
    int item = 1;
    CHECK_STATUS(init_fifo(&queue, 1), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof item), PYT_OK);
    double start = test_now();
    CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, 0.05), PYT_QUEUE_EMPTY);
    CHECK_WITHIN(test_now() - start, 0.05, 1);
    start = test_now();
    CHECK_STATUS(pyt_simple_queue_get_timeout(&simple, &item, 0.05), PYT_QUEUE_EMPTY);
    CHECK_WITHIN(test_now() - start, 0.05, 1);
    put(&queue, 1);
    start = test_now();
    CHECK_STATUS(pyt_queue_put_timeout(&queue, &item, 0.05), PYT_QUEUE_FULL);
    CHECK_WITHIN(test_now() - start, 0.05, 1);
    start = test_now();
    CHECK_STATUS(pyt_queue_join_timeout(&queue, 0.05), PYT_TIMEOUT);
    CHECK_WITHIN(test_now() - start, 0.05, 1);
    CHECK_STATUS(pyt_queue_join_timeout(&queue, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_queue_join_timeout(&queue, -1), PYT_TIMEOUT);
    CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, 1e-300), PYT_OK);
    CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, 1e-300), PYT_QUEUE_EMPTY);
    destroy(&queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

TEST(bad_timeouts_are_refused_before_anything_else_is_looked_at) {
    static const struct {
        double seconds;
        pyt_status status, join;
    } bad[] = {{-1, PYT_VALUE_ERROR, PYT_TIMEOUT},
               {-1e-300, PYT_VALUE_ERROR, PYT_TIMEOUT},
               {-INFINITY, PYT_VALUE_ERROR, PYT_TIMEOUT},
               {NAN, PYT_VALUE_ERROR, PYT_VALUE_ERROR},
               {INFINITY, PYT_OVERFLOW_ERROR, PYT_OVERFLOW_ERROR},
               {PYT_TIMEOUT_MAX * 1.01, PYT_OVERFLOW_ERROR, PYT_OVERFLOW_ERROR}};
    pyt_queue queue;
    pyt_simple_queue simple;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    put(&queue, 1);
    CHECK_STATUS(pyt_simple_queue_put(&simple, &(int){1}), PYT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int item = 0;
        CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, bad[i].seconds), bad[i].status);
        CHECK_STATUS(pyt_queue_put_timeout(&queue, &item, bad[i].seconds), bad[i].status);
        CHECK_STATUS(pyt_queue_join_timeout(&queue, bad[i].seconds), bad[i].join);
        CHECK_STATUS(pyt_simple_queue_get_timeout(&simple, &item, bad[i].seconds), bad[i].status);
        CHECK_STATUS(pyt_queue_get_timeout(NULL, &item, bad[i].seconds), bad[i].status);
        CHECK(strlen(pyt_error_message()) > 0);
    }
    CHECK_INT(pyt_queue_qsize(&queue), 1);
    CHECK_INT(pyt_simple_queue_qsize(&simple), 1);
    CHECK_STATUS(pyt_queue_put_timeout(&queue, &(int){2}, PYT_TIMEOUT_MAX), PYT_OK);
    destroy(&queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

TEST(arguments_that_make_no_sense_are_refused) {
    pyt_queue queue, never = {0};
    pyt_simple_queue simple, never_simple = {0};
    int item = 0;
    CHECK_STATUS(pyt_queue_init(NULL, 4, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_queue_init(&queue, 0, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_queue_init(&queue, SIZE_MAX, 0), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_lifo_queue_init(NULL, 4, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_priority_queue_init(NULL, 4, 0, compare_ints), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_priority_queue_init(&queue, 4, 0, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_init(NULL, 4), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_init(&simple, 0), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_init(&simple, SIZE_MAX), PYT_OVERFLOW_ERROR);
    pyt_queue *wrong[] = {NULL, &never};
    pyt_simple_queue *wrong_simple[] = {NULL, &never_simple};
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(pyt_queue_put(wrong[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_put_nowait(wrong[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_put_timeout(wrong[i], &item, 1), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_get(wrong[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_get_nowait(wrong[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_get_timeout(wrong[i], &item, 1), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_task_done(wrong[i]), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_join(wrong[i]), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_join_timeout(wrong[i], 1), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_shutdown(wrong[i], true), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_queue_set_destructor(wrong[i], free), PYT_VALUE_ERROR);
        CHECK(pyt_queue_empty(wrong[i]) && !pyt_queue_full(wrong[i]));
        CHECK_INT(pyt_queue_qsize(wrong[i]), 0);
        CHECK_STATUS(pyt_simple_queue_put(wrong_simple[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_simple_queue_get(wrong_simple[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_simple_queue_get_nowait(wrong_simple[i], &item), PYT_VALUE_ERROR);
        CHECK_STATUS(pyt_simple_queue_set_destructor(wrong_simple[i], free), PYT_VALUE_ERROR);
        CHECK(pyt_simple_queue_empty(wrong_simple[i]));
        CHECK_INT(pyt_simple_queue_qsize(wrong_simple[i]), 0);
    }
    CHECK_STATUS(pyt_queue_destroy(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_destroy(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_queue_destroy(&never), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_destroy(&never_simple), PYT_OK);
    CHECK_STATUS(pyt_queue_init(&queue, 4, 0), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, 4), PYT_OK);
    CHECK_STATUS(pyt_queue_put(&queue, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_queue_get(&queue, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_put(&simple, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_put_nowait(&simple, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_get(&simple, NULL), PYT_VALUE_ERROR);
    destroy(&queue);
    destroy(&queue);
    CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_put(&simple, &item), PYT_VALUE_ERROR);
}

/* ---- waiting ---- */

typedef struct call {
    pyt_queue *queue;
    pyt_simple_queue *simple;
    int item;
    double seconds; /* below 0: no limit */
    pyt_status status;
    pyt_thread *thread;
} call;

static void *do_get(void *arg) {
    call *c = arg;
    if (c->simple != NULL) {
        c->status = c->seconds < 0 ? pyt_simple_queue_get(c->simple, &c->item)
                                   : pyt_simple_queue_get_timeout(c->simple, &c->item, c->seconds);
    } else {
        c->status = c->seconds < 0 ? pyt_queue_get(c->queue, &c->item)
                                   : pyt_queue_get_timeout(c->queue, &c->item, c->seconds);
    }
    return NULL;
}

static void *do_put(void *arg) {
    call *c = arg;
    c->status = c->seconds < 0 ? pyt_queue_put(c->queue, &c->item)
                               : pyt_queue_put_timeout(c->queue, &c->item, c->seconds);
    return NULL;
}

static void *do_join(void *arg) {
    call *c = arg;
    c->status =
        c->seconds < 0 ? pyt_queue_join(c->queue) : pyt_queue_join_timeout(c->queue, c->seconds);
    return NULL;
}

static void begin(call *c, void *(*target)(void *), pyt_queue *queue, int item) {
    *c = (call){.queue = queue, .item = item, .seconds = -1};
    c->thread = test_thread(target, c);
}

static pyt_status end(call *c) {
    test_join(c->thread);
    return c->status;
}

TEST(getters_that_wait_are_served_in_order_of_arrival, NEEDS_THREADS) {
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        call calls[4];
        CHECK_STATUS(kinds[kind](&queue, 2), PYT_OK);
        for (int i = 0; i < 4; i++) {
            begin(&calls[i], do_get, &queue, -1);
            GETTERS(&queue, (size_t)i + 1);
        }
        for (int i = 0; i < 4; i++) {
            put(&queue, 10 - i);
            GETTERS(&queue, 3 - (size_t)i);
            CHECK_INT(pyt_queue_qsize(&queue), 0); /* it never lay in the queue */
        }
        for (int i = 0; i < 4; i++) {
            CHECK_STATUS(end(&calls[i]), PYT_OK);
            CHECK_INT(calls[i].item, 10 - i);
        }
        destroy(&queue);
    }
}

TEST(putters_that_wait_are_served_in_order_of_arrival, NEEDS_THREADS) {
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        call calls[4];
        CHECK_STATUS(kinds[kind](&queue, 1), PYT_OK);
        put(&queue, 0);
        for (int i = 0; i < 4; i++) {
            begin(&calls[i], do_put, &queue, 9 - i);
            PUTTERS(&queue, (size_t)i + 1);
        }
        CHECK_INT(get(&queue), 0);
        for (int i = 0; i < 4; i++) {
            PUTTERS(&queue, 3 - (size_t)i);
            CHECK(pyt_queue_full(&queue)); /* the place went to the putter at once */
            CHECK_STATUS(pyt_queue_put_nowait(&queue, &i), PYT_QUEUE_FULL);
            CHECK_INT(get(&queue), 9 - i);
            CHECK_STATUS(end(&calls[i]), PYT_OK);
        }
        CHECK(pyt_queue_empty(&queue));
        destroy(&queue);
    }
}

TEST(getters_of_a_simple_queue_are_served_in_order_of_arrival, NEEDS_THREADS) {
    pyt_simple_queue simple;
    call calls[4];
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    for (int i = 0; i < 4; i++) {
        calls[i] = (call){.simple = &simple, .seconds = -1};
        calls[i].thread = test_thread(do_get, &calls[i]);
        GETTERS(&simple, (size_t)i + 1);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(pyt_simple_queue_put(&simple, &i), PYT_OK);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(end(&calls[i]), PYT_OK);
        CHECK_INT(calls[i].item, i);
    }
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

TEST(a_waiter_that_gives_up_leaves_the_others_their_order, NEEDS_THREADS) {
    pyt_queue queue;
    call first, impatient, last;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    begin(&first, do_get, &queue, -1);
    GETTERS(&queue, 1);
    impatient = (call){.queue = &queue, .seconds = 0.05};
    impatient.thread = test_thread(do_get, &impatient);
    CHECK_STATUS(end(&impatient), PYT_QUEUE_EMPTY);
    begin(&last, do_get, &queue, -1);
    GETTERS(&queue, 2);
    put(&queue, 1);
    put(&queue, 2);
    CHECK_STATUS(end(&first), PYT_OK);
    CHECK_STATUS(end(&last), PYT_OK);
    CHECK_INT(first.item, 1);
    CHECK_INT(last.item, 2);
    CHECK_INT(impatient.item, 0);
    destroy(&queue);
}

TEST(a_queue_that_threads_wait_in_is_not_destroyed, NEEDS_THREADS) {
    pyt_queue queue;
    pyt_simple_queue simple;
    call getter, joiner, other;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    begin(&getter, do_get, &queue, 0);
    other = (call){.simple = &simple, .seconds = -1};
    other.thread = test_thread(do_get, &other);
    GETTERS(&queue, 1);
    GETTERS(&simple, 1);
    CHECK_STATUS(pyt_queue_destroy(&queue), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_RUNTIME_ERROR);
    put(&queue, 1);
    CHECK_STATUS(pyt_simple_queue_put(&simple, &(int){2}), PYT_OK);
    CHECK_STATUS(end(&getter), PYT_OK);
    CHECK_STATUS(end(&other), PYT_OK);
    begin(&joiner, do_join, &queue, 0);
    JOINERS(&queue, 1);
    CHECK_STATUS(pyt_queue_destroy(&queue), PYT_RUNTIME_ERROR);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    CHECK_STATUS(end(&joiner), PYT_OK);
    destroy(&queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

/* ---- task_done and join ---- */

TEST(join_of_a_queue_without_tasks_returns_at_once) {
    pyt_queue queue;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    CHECK_STATUS(pyt_queue_join(&queue), PYT_OK);
    CHECK_STATUS(pyt_queue_join_timeout(&queue, -1), PYT_OK);
    destroy(&queue);
}

TEST(join_waits_for_the_last_task_done_and_wakes_all_joiners, NEEDS_THREADS) {
    pyt_queue queue;
    call joiners[3];
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    put(&queue, 1);
    put(&queue, 2);
    for (int i = 0; i < 3; i++) {
        begin(&joiners[i], do_join, &queue, 0);
    }
    JOINERS(&queue, 3);
    (void)get(&queue);
    (void)get(&queue);
    JOINERS(&queue, 3); /* getting is not doing */
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    JOINERS(&queue, 3);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(end(&joiners[i]), PYT_OK);
    }
    destroy(&queue);
}

TEST(an_item_handed_to_a_getter_is_a_task_as_well, NEEDS_THREADS) {
    pyt_queue queue;
    call getter;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    begin(&getter, do_get, &queue, 0);
    GETTERS(&queue, 1);
    put(&queue, 3);
    CHECK_STATUS(end(&getter), PYT_OK);
    CHECK_STATUS(pyt_queue_join_timeout(&queue, 0), PYT_TIMEOUT);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    CHECK_STATUS(pyt_queue_join(&queue), PYT_OK);
    destroy(&queue);
}

TEST(task_done_more_often_than_put_is_refused) {
    pyt_queue queue;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "task_done() called too many times");
    put(&queue, 1);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_VALUE_ERROR);
    destroy(&queue);
}

/* ---- shutdown and destructor ---- */

static int destroyed[8];
static int destroyed_count;

static void note_destroyed(void *item) {
    destroyed[destroyed_count++ % 8] = *(int *)item;
}

TEST(a_queue_shut_down_takes_nothing_and_gives_out_what_is_left) {
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        int item = 0;
        CHECK_STATUS(kinds[kind](&queue, 2), PYT_OK);
        put(&queue, 1);
        put(&queue, 2);
        CHECK_STATUS(pyt_queue_shutdown(&queue, false), PYT_OK);
        CHECK_STATUS(pyt_queue_put(&queue, &item), PYT_QUEUE_SHUT_DOWN);
        CHECK_STATUS(pyt_queue_put_nowait(&queue, &item), PYT_QUEUE_SHUT_DOWN);
        CHECK_STATUS(pyt_queue_put_timeout(&queue, &item, 1), PYT_QUEUE_SHUT_DOWN);
        CHECK_INT(get(&queue) + get(&queue), 3);
        CHECK_STATUS(pyt_queue_get(&queue, &item), PYT_QUEUE_SHUT_DOWN);
        CHECK_STATUS(pyt_queue_get_nowait(&queue, &item), PYT_QUEUE_SHUT_DOWN);
        CHECK_STATUS(pyt_queue_get_timeout(&queue, &item, 1), PYT_QUEUE_SHUT_DOWN);
        CHECK_STR(pyt_error_message(), "the queue has been shut down");
        CHECK_STATUS(pyt_queue_join_timeout(&queue, 0), PYT_TIMEOUT);
        CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
        CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
        CHECK_STATUS(pyt_queue_join(&queue), PYT_OK);
        CHECK_STATUS(pyt_queue_shutdown(&queue, false), PYT_OK);
        destroy(&queue);
    }
}

TEST(shutdown_wakes_getters_that_wait, NEEDS_THREADS) {
    for (int immediate = 0; immediate < 2; immediate++) {
        pyt_queue queue;
        call calls[3];
        CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
        for (int i = 0; i < 3; i++) {
            begin(&calls[i], do_get, &queue, -7);
        }
        GETTERS(&queue, 3);
        CHECK_STATUS(pyt_queue_shutdown(&queue, immediate), PYT_OK);
        for (int i = 0; i < 3; i++) {
            CHECK_STATUS(end(&calls[i]), PYT_QUEUE_SHUT_DOWN);
            CHECK_INT(calls[i].item, -7);
        }
        destroy(&queue);
    }
}

TEST(shutdown_wakes_putters_that_wait_and_drops_their_items, NEEDS_THREADS) {
    for (int immediate = 0; immediate < 2; immediate++) {
        pyt_queue queue;
        call calls[3];
        int item = 0;
        CHECK_STATUS(init_fifo(&queue, 1), PYT_OK);
        put(&queue, 5);
        for (int i = 0; i < 3; i++) {
            begin(&calls[i], do_put, &queue, i);
        }
        PUTTERS(&queue, 3);
        CHECK_STATUS(pyt_queue_shutdown(&queue, immediate), PYT_OK);
        for (int i = 0; i < 3; i++) {
            CHECK_STATUS(end(&calls[i]), PYT_QUEUE_SHUT_DOWN);
        }
        CHECK_INT(pyt_queue_qsize(&queue), 1 - immediate);
        CHECK_STATUS(pyt_queue_get(&queue, &item), immediate ? PYT_QUEUE_SHUT_DOWN : PYT_OK);
        destroy(&queue);
    }
}

TEST(an_immediate_shutdown_drains_and_each_item_counts_as_done, NEEDS_THREADS) {
    static const int orders[KINDS][3] = {{3, 1, 2}, {2, 1, 3}, {1, 2, 3}};
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        call joiner;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        CHECK_STATUS(pyt_queue_set_destructor(&queue, note_destroyed), PYT_OK);
        put(&queue, 9);
        (void)get(&queue);
        put(&queue, 3);
        put(&queue, 1);
        put(&queue, 2);
        begin(&joiner, do_join, &queue, 0);
        JOINERS(&queue, 1);
        destroyed_count = 0;
        CHECK_STATUS(pyt_queue_shutdown(&queue, true), PYT_OK);
        CHECK_INT(destroyed_count, 3);
        CHECK(memcmp(destroyed, orders[kind], sizeof orders[kind]) == 0);
        JOINERS(&queue, 1); /* the item that was got is not done yet */
        CHECK_INT(pyt_queue_qsize(&queue), 0);
        CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
        CHECK_STATUS(end(&joiner), PYT_OK);
        CHECK_STATUS(pyt_queue_task_done(&queue), PYT_VALUE_ERROR);
        destroy(&queue);
        CHECK_INT(destroyed_count, 3);
    }
}

TEST(an_immediate_shutdown_may_let_joiners_go, NEEDS_THREADS) {
    pyt_queue queue;
    call joiner;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    put(&queue, 1);
    begin(&joiner, do_join, &queue, 0);
    JOINERS(&queue, 1);
    CHECK_STATUS(pyt_queue_shutdown(&queue, false), PYT_OK);
    JOINERS(&queue, 1);
    CHECK_STATUS(pyt_queue_shutdown(&queue, true), PYT_OK); /* a second one may be harder */
    CHECK_STATUS(end(&joiner), PYT_OK);
    destroy(&queue);
}

TEST(tasks_said_done_too_early_do_not_make_a_drain_go_below_none) {
    pyt_queue queue;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    put(&queue, 1);
    put(&queue, 2);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
    CHECK_STATUS(pyt_queue_shutdown(&queue, true), PYT_OK);
    CHECK_STATUS(pyt_queue_join(&queue), PYT_OK);
    CHECK_STATUS(pyt_queue_task_done(&queue), PYT_VALUE_ERROR);
    destroy(&queue);
}

TEST(what_is_left_at_destroy_goes_to_the_destructor) {
    static const int orders[KINDS][3] = {{3, 1, 2}, {2, 1, 3}, {1, 2, 3}};
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        CHECK_STATUS(pyt_queue_set_destructor(&queue, note_destroyed), PYT_OK);
        put(&queue, 3);
        put(&queue, 1);
        put(&queue, 2);
        destroyed_count = 0;
        destroy(&queue);
        CHECK_INT(destroyed_count, 3);
        CHECK(memcmp(destroyed, orders[kind], sizeof orders[kind]) == 0);
    }
    pyt_simple_queue simple;
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_set_destructor(&simple, note_destroyed), PYT_OK);
    for (int i = 0; i < 5000; i++) {
        CHECK_STATUS(pyt_simple_queue_put(&simple, &i), PYT_OK);
    }
    destroyed_count = 0;
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_INT(destroyed_count, 5000);
    CHECK_INT(destroyed[4999 % 8], 4999);
}

/* ---- memory ---- */

TEST(an_unbounded_queue_gives_memory_back_as_it_empties, NOT_UNDER_HELGRIND | NOT_SIMULATED,
     "it is about numbers: millions of steps of few threads") {
    for (int kind = 0; kind < KINDS; kind++) {
        long before = test_live_bytes();
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        CHECK_INT(test_live_bytes(), before);
        for (int i = 0; i < 100000; i++) {
            put(&queue, i);
        }
        CHECK(test_live_bytes() - before >= (long)(100000 * sizeof(int)));
        for (int i = 0; i < 100000; i++) {
            (void)get(&queue);
        }
        CHECK(test_live_bytes() - before <= 1024);
        destroy(&queue);
        CHECK_INT(test_live_bytes(), before);
    }
}

TEST(a_simple_queue_gives_memory_back_as_it_empties, NOT_SIMULATED,
     "it takes more than a million steps") {
    long before = test_live_bytes();
    pyt_simple_queue simple;
    int item = 0;
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    for (int i = 0; i < 100000; i++) {
        CHECK_STATUS(pyt_simple_queue_put(&simple, &i), PYT_OK);
    }
    CHECK_INT(pyt_simple_queue_qsize(&simple), 100000);
    CHECK(test_live_bytes() - before >= (long)(100000 * sizeof(int)));
    for (int i = 0; i < 100000; i++) {
        CHECK_STATUS(pyt_simple_queue_get(&simple, &item), PYT_OK);
        CHECK_INT(item, i);
    }
    CHECK(test_live_bytes() - before <= 3 * 2048);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_INT(test_live_bytes(), before);
}

TEST(the_steady_path_allocates_nothing) {
    pyt_queue queue;
    pyt_simple_queue simple;
    int item = 0;
    CHECK_STATUS(init_fifo(&queue, 0), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    for (int round = 0; round < 2; round++) { /* the first one warms up */
        test_fail_nth(0);
        for (int i = 0; i < 20000; i++) {
            put(&queue, i);
            CHECK_STATUS(pyt_simple_queue_put(&simple, &i), PYT_OK);
            if (i >= 100) {
                CHECK_INT(get(&queue), i - 100);
                CHECK_STATUS(pyt_simple_queue_get(&simple, &item), PYT_OK);
                CHECK_INT(item, i - 100);
            }
        }
        while (!pyt_queue_empty(&queue)) {
            (void)get(&queue);
            CHECK_STATUS(pyt_simple_queue_get(&simple, &item), PYT_OK);
        }
    }
    CHECK_INT(test_fault_calls(), 0);
    destroy(&queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

TEST(a_put_without_memory_leaves_the_queue_as_it_was) {
    for (int kind = 0; kind < KINDS; kind++) {
        pyt_queue queue;
        CHECK_STATUS(kinds[kind](&queue, 0), PYT_OK);
        int there = 0;
        for (int i = 0; i < 5000; i++) {
            test_fail_nth(1);
            pyt_status status = pyt_queue_put(&queue, &i);
            if (test_fault_fired()) {
                CHECK_STATUS(status, PYT_MEMORY_ERROR);
                CHECK_STR(pyt_error_message(), "out of memory");
                CHECK_INT(pyt_queue_qsize(&queue), there);
                test_fail_nth(0);
                status = pyt_queue_put(&queue, &i);
            }
            CHECK_STATUS(status, PYT_OK);
            there++;
        }
        test_fail_nth(0);
        for (int i = 0; i < 5000; i++) {
            test_fail_nth(1); /* without memory to move to, a queue stays where it is */
            CHECK_INT(get(&queue), kind == 1 ? 4999 - i : i);
        }
        test_fail_nth(0);
        for (int i = 0; i < 5000; i++) {
            CHECK_STATUS(pyt_queue_task_done(&queue), PYT_OK);
        }
        CHECK_STATUS(pyt_queue_join(&queue), PYT_OK);
        destroy(&queue);
    }
}

TEST(a_simple_queue_survives_want_of_memory) {
    pyt_simple_queue simple;
    int item = 0, failures = 0;
    test_fail_nth(1);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_MEMORY_ERROR);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    for (int i = 0; i < 5000; i++) {
        test_fail_nth(1);
        pyt_status status = pyt_simple_queue_put(&simple, &i);
        if (test_fault_fired()) {
            CHECK_STATUS(status, PYT_MEMORY_ERROR);
            CHECK_INT(pyt_simple_queue_qsize(&simple), i);
            failures++;
            status = pyt_simple_queue_put(&simple, &i);
        }
        CHECK_STATUS(status, PYT_OK);
    }
    CHECK(failures > 5);
    for (int i = 0; i < 5000; i++) {
        CHECK_STATUS(pyt_simple_queue_get(&simple, &item), PYT_OK);
        CHECK_INT(item, i);
    }
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

/* The first wait of a thread, with each of the calls it makes failing in turn. */
static void check_first_wait(pyt_status (*wait)(void), pyt_status good) {
    for (long n = 1;; n++) {
        test_fail_nth(n);
        pyt_status status = wait();
        if (!test_fault_fired()) {
            CHECK_STATUS(status, good);
            test_fail_nth(0);
            return;
        }
        CHECK_STATUS(status, PYT_MEMORY_ERROR);
    }
}

static pyt_queue first_queue;
static pyt_simple_queue first_simple;

static pyt_status first_get(void) {
    return pyt_queue_get_timeout(&first_queue, &(int){0}, 0.001);
}

static pyt_status first_simple_get(void) {
    return pyt_simple_queue_get_timeout(&first_simple, &(int){0}, 0.001);
}

static pyt_status first_join(void) {
    return pyt_queue_join_timeout(&first_queue, 0.001);
}

static pyt_status first_put(void) {
    return pyt_queue_put_timeout(&first_queue, &(int){0}, 0.001);
}

TEST(the_first_get_that_waits_survives_want_of_memory) {
    CHECK_STATUS(init_fifo(&first_queue, 0), PYT_OK);
    check_first_wait(first_get, PYT_QUEUE_EMPTY);
    destroy(&first_queue);
}

TEST(the_first_get_of_a_simple_queue_that_waits_survives_want_of_memory) {
    CHECK_STATUS(pyt_simple_queue_init(&first_simple, sizeof(int)), PYT_OK);
    check_first_wait(first_simple_get, PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_simple_queue_destroy(&first_simple), PYT_OK);
}

TEST(the_first_put_and_join_that_wait_survive_want_of_memory) {
    CHECK_STATUS(init_fifo(&first_queue, 1), PYT_OK);
    put(&first_queue, 1);
    check_first_wait(first_put, PYT_QUEUE_FULL);
    check_first_wait(first_join, PYT_TIMEOUT);
    destroy(&first_queue);
}

/* ---- interruption, fork ---- */

static const void *interrupt_at;

static void *interrupt_main(void *arg) {
    test_wait_parked(interrupt_at, 1);
    CHECK_STATUS(pyt_interrupt_main(), PYT_OK);
    return arg;
}

#define CHECK_INTERRUPTED(expression, address)                       \
    do {                                                             \
        interrupt_at = (address);                                    \
        pyt_thread *interrupter = test_thread(interrupt_main, NULL); \
        CHECK_STATUS((expression), PYT_INTERRUPTED);                 \
        test_join(interrupter);                                      \
    } while (0)

TEST(every_wait_can_be_interrupted_and_leaves_the_queue_sound,
     NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_queue queue;
    pyt_simple_queue simple;
    int item = 4;
    CHECK_STATUS(init_fifo(&queue, 1), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    CHECK_INTERRUPTED(pyt_queue_get(&queue, &item), &queue.pyt__getters);
    CHECK_INTERRUPTED(pyt_queue_get_timeout(&queue, &item, 100), &queue.pyt__getters);
    CHECK_INTERRUPTED(pyt_simple_queue_get(&simple, &item), &simple.pyt__getters);
    put(&queue, 1);
    CHECK_INTERRUPTED(pyt_queue_put(&queue, &item), &queue.pyt__putters);
    CHECK_INTERRUPTED(pyt_queue_join(&queue), &queue.pyt__joiners);
    CHECK_INT(item, 4);
    CHECK_INT(get(&queue), 1);
    CHECK(pyt_queue_empty(&queue));
    put(&queue, 2);
    CHECK_INT(get(&queue), 2);
    CHECK_STATUS(pyt_simple_queue_put(&simple, &item), PYT_OK);
    CHECK_STATUS(pyt_simple_queue_get(&simple, &item), PYT_OK);
    destroy(&queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

/* ---- stress ---- */

enum {
    CREW = 4
};

typedef struct flood {
    pyt_queue *queue;
    pyt_simple_queue *simple;
    int items;          /* each putter puts that many */
    double seconds;     /* a timeout for every call; below 0: none */
    unsigned char *got; /* of each item, how often */
    atomic_int put_count, got_count, number;
} flood;

static pyt_status flood_put(flood *f, const int *item) {
    if (f->simple != NULL) {
        return pyt_simple_queue_put(f->simple, item);
    }
    return f->seconds < 0 ? pyt_queue_put(f->queue, item)
                          : pyt_queue_put_timeout(f->queue, item, f->seconds);
}

static pyt_status flood_get(flood *f, int *item) {
    if (f->simple != NULL) {
        return f->seconds < 0 ? pyt_simple_queue_get(f->simple, item)
                              : pyt_simple_queue_get_timeout(f->simple, item, f->seconds);
    }
    return f->seconds < 0 ? pyt_queue_get(f->queue, item)
                          : pyt_queue_get_timeout(f->queue, item, f->seconds);
}

static void *flood_putter(void *arg) {
    flood *f = arg;
    int base = atomic_fetch_add(&f->number, 1) * f->items;
    for (int i = 0; i < f->items;) {
        int item = base + i;
        pyt_status status = flood_put(f, &item);
        if (status == PYT_OK) {
            atomic_fetch_add(&f->put_count, 1);
            i++;
        } else if (status == PYT_QUEUE_SHUT_DOWN) {
            break;
        } else {
            CHECK_STATUS(status, PYT_QUEUE_FULL);
            CHECK(f->seconds >= 0);
        }
    }
    return NULL;
}

/* Each getter notes what it got in a map of its own; an item of -1 ends it. */
static void *flood_getter(void *arg) {
    flood *f = arg;
    size_t size = (size_t)(f->items * CREW);
    unsigned char *mine = calloc(size, 1);
    for (;;) {
        int item = -2;
        pyt_status status = flood_get(f, &item);
        if (status == PYT_QUEUE_SHUT_DOWN || (status == PYT_OK && item == -1)) {
            break;
        }
        if (status == PYT_OK) {
            CHECK(item >= 0 && item < (int)size && mine[item] == 0);
            mine[item] = 1;
            atomic_fetch_add(&f->got_count, 1);
            if (f->queue != NULL) {
                CHECK_STATUS(pyt_queue_task_done(f->queue), PYT_OK);
            }
        } else {
            CHECK_STATUS(status, PYT_QUEUE_EMPTY);
            CHECK(f->seconds >= 0);
        }
    }
    return mine;
}

static void flood_collect(flood *f, pyt_thread *thread) {
    void *mine = NULL;
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    CHECK_STATUS(pyt_thread_result(thread, &mine), PYT_OK);
    for (int i = 0; i < f->items * CREW; i++) {
        f->got[i] = (unsigned char)(f->got[i] + ((unsigned char *)mine)[i]);
    }
    free(mine);
    pyt_thread_unref(thread);
}

/* Let 4 putters and 4 getters work. Then end the getters: by items of -1 or by shutdown. */
static void flood_run(flood *f) {
    pyt_thread *putters[CREW], *getters[CREW];
    f->got = calloc((size_t)(f->items * CREW), 1);
    for (int i = 0; i < CREW; i++) {
        getters[i] = test_thread(flood_getter, f);
        putters[i] = test_thread(flood_putter, f);
    }
    for (int i = 0; i < CREW; i++) {
        test_join(putters[i]);
    }
    for (int i = 0; i < CREW && f->simple != NULL; i++) {
        CHECK_STATUS(pyt_simple_queue_put(f->simple, &(int){-1}), PYT_OK);
    }
    if (f->queue != NULL) {
        CHECK_STATUS(pyt_queue_join(f->queue), PYT_OK);
        CHECK_STATUS(pyt_queue_shutdown(f->queue, false), PYT_OK);
    }
    for (int i = 0; i < CREW; i++) {
        flood_collect(f, getters[i]);
    }
    for (int i = 0; i < f->items * CREW; i++) {
        CHECK_INT(f->got[i], 1);
    }
    free(f->got);
}

static void flood_queue(int kind, ptrdiff_t maxsize, int items, double seconds) {
    pyt_queue queue;
    CHECK_STATUS(kinds[kind](&queue, maxsize), PYT_OK);
    flood f = {.queue = &queue, .items = test_scale(items), .seconds = seconds};
    flood_run(&f);
    destroy(&queue);
}

TEST(every_item_put_into_a_queue_is_got_exactly_once, NEEDS_THREADS) {
    for (int kind = 0; kind < KINDS; kind++) {
        flood_queue(kind, 0, 40000, -1);
    }
}

TEST(every_item_put_into_a_small_queue_is_got_exactly_once, NEEDS_THREADS) {
    for (int kind = 0; kind < KINDS; kind++) {
        flood_queue(kind, 1, 5000, -1);
        flood_queue(kind, 7, 20000, -1);
    }
}

TEST_ALONE(no_item_is_lost_or_doubled_when_timeouts_meet_hand_overs, NEEDS_THREADS) {
    for (int kind = 0; kind < KINDS; kind++) {
        flood_queue(kind, 1, 1500, 1e-6);
        flood_queue(kind, 3, 1500, 2e-5);
    }
}

TEST(every_item_put_into_a_simple_queue_is_got_exactly_once, NEEDS_THREADS) {
    pyt_simple_queue simple;
    CHECK_STATUS(pyt_simple_queue_init(&simple, sizeof(int)), PYT_OK);
    flood f = {.simple = &simple, .items = test_scale(100000), .seconds = -1};
    flood_run(&f);
    flood g = {.simple = &simple, .items = test_scale(40000), .seconds = 1e-6};
    flood_run(&g);
    CHECK_STATUS(pyt_simple_queue_destroy(&simple), PYT_OK);
}

static atomic_int drained_count;

static void count_drained(void *item) {
    (void)item;
    atomic_fetch_add(&drained_count, 1);
}

TEST(an_immediate_shutdown_amid_traffic_accounts_for_every_item, NEEDS_THREADS) {
    for (int round = 0; round < test_scale(200); round++) {
        pyt_queue queue;
        CHECK_STATUS(kinds[round % KINDS](&queue, 1 + round % 9), PYT_OK);
        CHECK_STATUS(pyt_queue_set_destructor(&queue, count_drained), PYT_OK);
        flood f = {.queue = &queue, .items = 100000, .seconds = round % 2 ? -1 : 1e-5};
        pyt_thread *putters[CREW], *getters[CREW];
        atomic_fetch_and(&drained_count, 0);
        for (int i = 0; i < CREW; i++) {
            getters[i] = test_thread(flood_getter, &f);
            putters[i] = test_thread(flood_putter, &f);
        }
        while (atomic_fetch_add(&f.got_count, 0) < 50) {
            test_sleep(0);
        }
        CHECK_STATUS(pyt_queue_shutdown(&queue, true), PYT_OK);
        f.got = calloc((size_t)(f.items * CREW), 1);
        for (int i = 0; i < CREW; i++) {
            test_join(putters[i]);
            flood_collect(&f, getters[i]);
        }
        for (int i = 0; i < f.items * CREW; i++) {
            CHECK(f.got[i] <= 1);
        }
        free(f.got);
        CHECK_INT(atomic_fetch_add(&f.got_count, 0) + atomic_fetch_add(&drained_count, 0),
                  atomic_fetch_add(&f.put_count, 0));
        CHECK_STATUS(pyt_queue_join_timeout(&queue, 0), PYT_OK);
        destroy(&queue);
        CHECK_INT(atomic_fetch_add(&f.got_count, 0) + atomic_fetch_add(&drained_count, 0),
                  atomic_fetch_add(&f.put_count, 0));
    }
}

typedef struct ordered {
    pyt_simple_queue simple;
    pyt_queue queue;
    int items;
} ordered;

static void *put_in_order(void *arg) {
    ordered *o = arg;
    for (int i = 0; i < o->items; i++) {
        CHECK_STATUS(pyt_simple_queue_put(&o->simple, &i), PYT_OK);
        put(&o->queue, i);
    }
    return NULL;
}

TEST(one_putter_and_one_getter_keep_the_order, NEEDS_THREADS) {
    ordered o = {.items = test_scale(100000)};
    CHECK_STATUS(pyt_simple_queue_init(&o.simple, sizeof(int)), PYT_OK);
    CHECK_STATUS(pyt_queue_init(&o.queue, sizeof(int), 5), PYT_OK);
    pyt_thread *putter = test_thread(put_in_order, &o);
    for (int i = 0; i < o.items; i++) {
        int item = -1;
        CHECK_STATUS(pyt_simple_queue_get(&o.simple, &item), PYT_OK);
        CHECK_INT(item, i);
        CHECK_INT(get(&o.queue), i);
    }
    test_join(putter);
    destroy(&o.queue);
    CHECK_STATUS(pyt_simple_queue_destroy(&o.simple), PYT_OK);
}
