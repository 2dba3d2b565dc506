/* multiprocessing.dummy.Pool: apply, map, starmap, imap, close, terminate, join. */
#define _GNU_SOURCE
#include <math.h>
#include <stdatomic.h>
#if defined(__linux__)
#include <sched.h>
#endif

#include "test.h"

static pyt_pool *made(int processes) {
    pyt_pool *pool = NULL;
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = processes}), PYT_OK);
    return pool;
}

static void *same(void *arg) {
    return arg;
}

static void *raise_seven(void *arg) {
    pyt_raise(7, arg);
}

static void *wait_for_event(void *arg) {
    CHECK_STATUS(pyt_event_wait(arg), PYT_OK);
    return arg;
}

static char value[2];

enum {
    ITEMS = 1000
};

static int items[ITEMS];
static long results[ITEMS];

static void fill(void) {
    for (int i = 0; i < ITEMS; i++) {
        items[i] = i;
        results[i] = -1;
    }
}

static void square(void *item, void *result) {
    int number = *(int *)item;
    if (number < 0) {
        char text[32];
        snprintf(text, sizeof text, "item %d", number);
        pyt_raise(number, text);
    }
    if (result != NULL) {
        *(long *)result = (long)number * number;
    }
}

static const pyt_pool_work squares = {.function = square,
                                      .items = items,
                                      .item_size = sizeof items[0],
                                      .n = ITEMS,
                                      .results = results,
                                      .result_size = sizeof results[0]};

static void check_squares(void) {
    for (int i = 0; i < ITEMS; i++) {
        CHECK_INT(results[i], items[i] < 0 ? -1 : (long)i * i);
    }
}

static size_t threads_named(const char *prefix) {
    pyt_thread *list[64];
    size_t n = pyt_enumerate(list, 64), found = 0;
    for (size_t i = 0; i < n && i < 64; i++) {
        found += strncmp(pyt_thread_name(list[i]), prefix, strlen(prefix)) == 0;
        pyt_thread_unref(list[i]);
    }
    return found;
}

/* ---- making one ----------------------------------------------------------------------------- */

TEST(the_workers_of_a_pool_are_there_at_once, NEEDS_THREADS) {
    pyt_pool *pool = made(3);
    CHECK_INT(threads_named("ThreadPool-0_"), 3);
    pyt_pool_free(pool);
    CHECK_INT(threads_named("ThreadPool-0_"), 0);
    CHECK_STATUS(pyt_pool_new(&pool, NULL), PYT_OK);
    CHECK(threads_named("ThreadPool-1_") >= 1);
    pyt_pool_free(pool);
}

#if defined(__linux__)
TEST_ALONE(a_pool_has_a_worker_for_each_processor_that_the_process_may_use,
           NEEDS_THREADS | NEEDS_LINUX | NEEDS_PROCESSORS) {
    cpu_set_t set;
    pyt_pool *pool = NULL;
    CHECK_INT(sched_getaffinity(0, sizeof set, &set), 0);
    CHECK_STATUS(pyt_pool_new(&pool, NULL), PYT_OK);
    CHECK_INT(threads_named("ThreadPool-0_"), CPU_COUNT(&set) < 63 ? CPU_COUNT(&set) : 63);
    pyt_pool_free(pool);
}
#endif

TEST(bad_input_to_a_pool_is_refused) {
    pyt_pool *pool = (pyt_pool *)value;
    pyt_async_result *result = (pyt_async_result *)value;
    pyt_pool_iterator *iterator = (pyt_pool_iterator *)value;
    bool good;
    size_t place;
    CHECK_STATUS(pyt_pool_new(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = -1}), PYT_VALUE_ERROR);
    CHECK(pool == NULL);
    CHECK_STATUS(pyt_pool_apply(NULL, same, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_apply_async(NULL, same, NULL, NULL, &result), PYT_VALUE_ERROR);
    CHECK(result == NULL);
    CHECK_STATUS(pyt_pool_map(NULL, &squares, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_imap(NULL, &squares, &iterator), PYT_VALUE_ERROR);
    CHECK(iterator == NULL);
    CHECK_STATUS(pyt_pool_close(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_terminate(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_join(NULL), PYT_VALUE_ERROR);
    pyt_pool_free(NULL);
    pool = made(1);
    CHECK_STATUS(pyt_pool_apply(pool, NULL, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_map(pool, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_map_async(pool, NULL, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_imap(pool, &squares, NULL), PYT_VALUE_ERROR);
    pyt_pool_work work = squares;
    work.chunksize = -1;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_VALUE_ERROR);
    work = squares;
    work.function = NULL;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_VALUE_ERROR);
    work = squares;
    work.n = 1;
    work.items = NULL;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_VALUE_ERROR);
    work = squares;
    work.items = NULL;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_VALUE_ERROR);
    work = squares;
    work.n = SIZE_MAX / 2;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OVERFLOW_ERROR);
    CHECK_STATUS(pyt_pool_starmap(pool, &squares, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_iterator_next(NULL, NULL, &place), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_iterator_next_timeout(NULL, 1, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_imap(pool, &squares, &iterator), PYT_OK);
    CHECK_STATUS(pyt_pool_iterator_next_timeout(iterator, (double)NAN, NULL, NULL),
                 PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_iterator_next_timeout(iterator, 1e30, NULL, NULL), PYT_OVERFLOW_ERROR);
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_iterator_destroy(NULL);
    CHECK_STATUS(pyt_async_result_get(NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_async_result_get_timeout(NULL, 1, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_async_result_wait(NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_async_result_wait_timeout(NULL, 1), PYT_VALUE_ERROR);
    CHECK(!pyt_async_result_ready(NULL));
    CHECK_STATUS(pyt_async_result_successful(NULL, &good), PYT_VALUE_ERROR);
    pyt_pool_free(pool);
}

/* ---- apply ---------------------------------------------------------------------------------- */

TEST(apply_gives_the_result_or_the_failure) {
    pyt_pool *pool = made(2);
    void *result = NULL;
    CHECK_STATUS(pyt_pool_apply(pool, same, &value[1], &result), PYT_OK);
    CHECK(result == &value[1]);
    CHECK_STATUS(pyt_pool_apply(pool, same, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_pool_apply(pool, raise_seven, "out of ink", &result), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "out of ink");
    pyt_pool_free(pool);
}

TEST(an_async_result_can_be_asked_and_waited_for, NEEDS_THREADS) {
    pyt_pool *pool = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    pyt_async_result *result, *failure;
    void *got = NULL;
    bool good = false;
    CHECK_STATUS(pyt_pool_apply_async(pool, wait_for_event, &gate, NULL, &result), PYT_OK);
    CHECK_STATUS(pyt_pool_apply_async(pool, raise_seven, "x", NULL, &failure), PYT_OK);
    CHECK(!pyt_async_result_ready(result));
    CHECK_STATUS(pyt_async_result_successful(result, &good), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_async_result_get_timeout(result, 0.02, &got), PYT_TIMEOUT);
    CHECK_STATUS(pyt_async_result_wait_timeout(result, 0.02), PYT_TIMEOUT);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_async_result_wait(failure), PYT_OK);
    CHECK_STATUS(pyt_async_result_wait_timeout(result, 0), PYT_OK);
    CHECK(pyt_async_result_ready(result));
    CHECK_STATUS(pyt_async_result_get(result, &got), PYT_OK);
    CHECK(got == &gate);
    CHECK_STATUS(pyt_async_result_successful(result, &good), PYT_OK);
    CHECK(good);
    CHECK_STATUS(pyt_async_result_successful(failure, &good), PYT_OK);
    CHECK(!good);
    CHECK_STATUS(pyt_async_result_get(failure, &got), PYT_TASK_ERROR);
    pyt_future_unref(result);
    pyt_future_unref(failure);
    pyt_pool_free(pool);
}

struct told {
    atomic_int results, errors;
    void *result;
    pyt_status status;
    int code;
    char message[32];
    pyt_event over;
};

static void tell_result(void *result, void *arg) {
    struct told *told = arg;
    told->result = result;
    atomic_fetch_add(&told->results, 1);
    pyt_event_set(&told->over);
}

static void tell_error(const pyt_exception *exception, void *arg) {
    struct told *told = arg;
    told->status = exception->status;
    told->code = exception->code;
    snprintf(told->message, sizeof told->message, "%s", exception->message);
    atomic_fetch_add(&told->errors, 1);
    pyt_event_set(&told->over);
}

TEST(callbacks_are_told_of_the_result_or_of_the_error) {
    pyt_pool *pool = made(2);
    struct told good = {0}, bad = {0};
    pyt_pool_callbacks callbacks = {tell_result, tell_error, &good};
    CHECK_STATUS(pyt_pool_apply_async(pool, same, &value[1], &callbacks, NULL), PYT_OK);
    callbacks.arg = &bad;
    CHECK_STATUS(pyt_pool_apply_async(pool, raise_seven, "torn", &callbacks, NULL), PYT_OK);
    CHECK_STATUS(pyt_pool_apply_async(pool, same, NULL, &(pyt_pool_callbacks){0}, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&good.over), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&bad.over), PYT_OK);
    CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    CHECK_INT(good.results, 1);
    CHECK_INT(good.errors, 0);
    CHECK(good.result == &value[1]);
    CHECK_INT(bad.results, 0);
    CHECK_INT(bad.errors, 1);
    CHECK_INT(bad.status, PYT_TASK_ERROR);
    CHECK_INT(bad.code, 7);
    CHECK_STR(bad.message, "torn");
    pyt_pool_free(pool);
}

static pyt_async_result *early[2];
static pyt_event early_may_go;
static atomic_int early_calls;

static void *wait_until_the_results_are_known(void *arg) {
    CHECK_STATUS(pyt_event_wait(&early_may_go), PYT_OK);
    if (arg == NULL) {
        pyt_raise(1, "nothing given");
    }
    return arg;
}

static void look_whether_it_is_ready(void *result, void *arg) {
    (void)result;
    CHECK(!pyt_async_result_ready(*(pyt_async_result **)arg));
    atomic_fetch_add(&early_calls, 1);
}

static void look_whether_it_has_failed(const pyt_exception *exception, void *arg) {
    CHECK_STR(exception->message, "nothing given");
    CHECK(!pyt_async_result_ready(*(pyt_async_result **)arg));
    atomic_fetch_add(&early_calls, 1);
    pyt_raise(2, "a callback's own failure does not reach the result");
}

static void drop_report(const pyt_excepthook_args *args) {
    (void)args;
}

TEST(callbacks_have_run_when_a_result_is_got, NEEDS_THREADS) {
    pyt_pool *pool = made(2);
    void *arguments[2] = {value, NULL};
    pyt_set_excepthook(drop_report);
    for (int i = 0; i < 2; i++) {
        pyt_pool_callbacks callbacks = {look_whether_it_is_ready, look_whether_it_has_failed,
                                        &early[i]};
        CHECK_STATUS(pyt_pool_apply_async(pool, wait_until_the_results_are_known, arguments[i],
                                          &callbacks, &early[i]),
                     PYT_OK);
    }
    CHECK_STATUS(pyt_event_set(&early_may_go), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(early[0], NULL), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(early[1], NULL), PYT_TASK_ERROR);
    CHECK_STR(pyt_error_message(), "nothing given");
    CHECK_INT(atomic_load(&early_calls), 2);
    pyt_future_unref(early[0]);
    pyt_future_unref(early[1]);
    pyt_pool_free(pool);
}

static void wait_for_the_map(void *item, void *result) {
    CHECK_STATUS(pyt_event_wait(&early_may_go), PYT_OK);
    square(item, result);
}

TEST_ALONE(callbacks_of_a_map_have_run_when_its_result_is_got, NEEDS_THREADS) {
    pyt_pool *pool = made(2);
    pyt_pool_work work = squares;
    pyt_pool_callbacks callbacks = {look_whether_it_is_ready, NULL, &early[0]};
    fill();
    work.function = wait_for_the_map;
    CHECK_STATUS(pyt_pool_map_async(pool, &work, &callbacks, &early[0]), PYT_OK);
    CHECK_STATUS(pyt_event_set(&early_may_go), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(early[0], NULL), PYT_OK);
    CHECK_INT(atomic_load(&early_calls), 1);
    check_squares();
    pyt_future_unref(early[0]);
    pyt_pool_free(pool);
}

/* ---- map ------------------------------------------------------------------------------------ */

TEST(map_applies_the_function_to_every_item) {
    const long chunks[] = {0, 1, 7, ITEMS, 5 * ITEMS};
    for (int processes = 1; processes < 5; processes++) {
        pyt_pool *pool = made(processes);
        for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
            pyt_pool_work work = squares;
            size_t failed = 0;
            fill();
            work.chunksize = chunks[i];
            CHECK_STATUS(pyt_pool_map(pool, &work, &failed), PYT_OK);
            CHECK_INT(failed, ITEMS);
            check_squares();
        }
        pyt_pool_free(pool);
    }
}

TEST(map_of_nothing_or_of_a_few_items) {
    pyt_pool *pool = made(4);
    pyt_pool_work work = squares;
    size_t failed = 9;
    work.n = 0;
    CHECK_STATUS(pyt_pool_map(pool, &work, &failed), PYT_OK);
    CHECK_INT(failed, 0);
    work.items = NULL;
    work.results = NULL;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OK);
    for (size_t n = 1; n < 40; n++) {
        fill();
        work = squares;
        work.n = n;
        CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OK);
        for (size_t i = 0; i < ITEMS; i++) {
            CHECK_INT(results[i], i < n ? (long)(i * i) : -1);
        }
    }
    work.results = NULL;
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OK);
    pyt_pool_free(pool);
}

TEST(map_reports_the_first_failure_and_works_on_all_items) {
    pyt_pool *pool = made(3);
    for (long chunk = 0; chunk < 20; chunk += 3) {
        pyt_pool_work work = squares;
        size_t failed = 0;
        fill();
        items[700] = -700;
        items[300] = -300;
        items[301] = -301;
        work.chunksize = chunk;
        CHECK_STATUS(pyt_pool_map(pool, &work, &failed), PYT_TASK_ERROR);
        CHECK_STR(pyt_error_message(), "item -300");
        CHECK_INT(failed, 300);
        check_squares();
    }
    pyt_pool_free(pool);
}

TEST(map_async_gives_the_results_and_tells) {
    pyt_pool *pool = made(2);
    struct told told = {0};
    pyt_async_result *result;
    void *got = NULL;
    fill();
    CHECK_STATUS(pyt_pool_map_async(pool, &squares,
                                    &(pyt_pool_callbacks){tell_result, tell_error, &told}, &result),
                 PYT_OK);
    CHECK_STATUS(pyt_async_result_get(result, &got), PYT_OK);
    CHECK(got == results);
    check_squares();
    pyt_future_unref(result);
    CHECK_STATUS(pyt_event_wait(&told.over), PYT_OK);
    CHECK(told.result == results);
    items[5] = -5;
    pyt_event_clear(&told.over);
    CHECK_STATUS(pyt_pool_map_async(pool, &squares,
                                    &(pyt_pool_callbacks){tell_result, tell_error, &told}, NULL),
                 PYT_OK);
    CHECK_STATUS(pyt_event_wait(&told.over), PYT_OK);
    CHECK_INT(told.code, -5);
    CHECK_STR(told.message, "item -5");
    pyt_pool_free(pool);
}

static void sum_of_three(void *const *three, void *result) {
    *(long *)result = *(int *)three[0] + *(const char *)three[1] + *(long *)three[2];
}

TEST(starmap_takes_an_item_of_each_array) {
    static char letters[ITEMS];
    static long numbers[ITEMS];
    pyt_pool *pool = made(2);
    pyt_pool_array arrays[] = {{items, sizeof items[0]}, {letters, 1}, {numbers, sizeof(long)}};
    pyt_pool_work work = {.star = sum_of_three,
                          .arrays = arrays,
                          .n_arrays = 3,
                          .n = ITEMS,
                          .results = results,
                          .result_size = sizeof results[0]};
    pyt_async_result *result;
    for (int round = 0; round < 2; round++) {
        fill();
        for (int i = 0; i < ITEMS; i++) {
            letters[i] = (char)(i % 100);
            numbers[i] = 1000L * i;
        }
        if (round == 0) {
            CHECK_STATUS(pyt_pool_starmap(pool, &work, NULL), PYT_OK);
        } else {
            CHECK_STATUS(pyt_pool_starmap_async(pool, &work, NULL, &result), PYT_OK);
            memset(arrays, 0, sizeof arrays);
            CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_OK);
            pyt_future_unref(result);
        }
        for (int i = 0; i < ITEMS; i++) {
            CHECK_INT(results[i], i + i % 100 + 1000L * i);
        }
    }
    work.n_arrays = PYT_POOL_ARRAYS + 1;
    CHECK_STATUS(pyt_pool_starmap(pool, &work, NULL), PYT_VALUE_ERROR);
    work.n_arrays = 0;
    CHECK_STATUS(pyt_pool_starmap(pool, &work, NULL), PYT_VALUE_ERROR);
    work.arrays = NULL;
    CHECK_STATUS(pyt_pool_starmap(pool, &work, NULL), PYT_VALUE_ERROR);
    pyt_pool_free(pool);
}

static void increment(void *item, void *result) {
    (void)result;
    ++*(unsigned char *)item;
}

TEST(a_million_items_need_a_handful_of_allocations) {
    enum {
        MILLION = 1000000
    };
    unsigned char *bytes = calloc(MILLION, 1);
    CHECK(bytes != NULL);
    pyt_pool *pool = made(2);
    pyt_pool_work work = {.function = increment, .items = bytes, .item_size = 1, .n = MILLION};
    work.n = (size_t)test_scale(MILLION);
    test_fail_nth(0);
    CHECK_STATUS(pyt_pool_map(pool, &work, NULL), PYT_OK);
    CHECK(test_fault_calls() < 10);
    for (size_t i = 0; i < MILLION; i++) {
        CHECK_INT(bytes[i], i < work.n);
    }
    free(bytes);
    pyt_pool_free(pool);
}

static pyt_pool *own_pool;

static void *map_inside(void *arg) {
    (void)arg;
    pyt_pool_work work = squares;
    work.n = 10;
    return (void *)(uintptr_t)pyt_pool_map(own_pool, &work, NULL);
}

TEST(a_worker_that_maps_in_its_own_full_pool_is_told_that_it_would_be_for_ever, NEEDS_THREADS) {
    void *status;
    fill();
    own_pool = made(1);
    CHECK_STATUS(pyt_pool_apply(own_pool, map_inside, NULL, &status), PYT_OK);
    CHECK_STATUS((pyt_status)(uintptr_t)status, PYT_RUNTIME_ERROR);
    pyt_pool_free(own_pool);
    own_pool = made(2);
    CHECK_STATUS(pyt_pool_apply(own_pool, map_inside, NULL, &status), PYT_OK);
    CHECK_STATUS((pyt_status)(uintptr_t)status, PYT_OK);
    pyt_pool_free(own_pool);
}

static atomic_int begun, ended;

static void begin_and_yield(void *item, void *result) {
    (void)item, (void)result;
    atomic_fetch_add(&begun, 1);
    if (atomic_load(&begun) == 2) {
        pyt_interrupt_main();
    }
    test_sleep(0.02);
    atomic_fetch_add(&ended, 1);
}

TEST(map_that_is_interrupted_leaves_nothing_running, NEEDS_THREADS) {
    pyt_pool *pool = made(2);
    pyt_pool_work work = squares;
    size_t failed = 9;
    work.function = begin_and_yield;
    work.chunksize = 1;
    CHECK_STATUS(pyt_pool_map(pool, &work, &failed), PYT_INTERRUPTED);
    CHECK_INT(begun, ended);
    CHECK(begun < ITEMS);
    CHECK_STATUS(pyt_pool_map(pool, &squares, NULL), PYT_OK);
    pyt_pool_free(pool);
}

/* ---- imap ----------------------------------------------------------------------------------- */

TEST(imap_gives_the_results_in_order) {
    pyt_pool *pool = made(3);
    for (long chunk = 0; chunk < 12; chunk += 5) {
        pyt_pool_work work = squares;
        pyt_pool_iterator *iterator;
        long result;
        size_t place;
        fill();
        work.results = NULL;
        work.chunksize = chunk;
        CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
        for (long i = 0; i < ITEMS; i++) {
            CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, &place), PYT_OK);
            CHECK_INT(place, i);
            CHECK_INT(result, i * i);
        }
        CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, &place), PYT_QUEUE_EMPTY);
        CHECK_STATUS(pyt_pool_iterator_next_timeout(iterator, 1, &result, NULL), PYT_QUEUE_EMPTY);
        pyt_pool_iterator_destroy(iterator);
    }
    pyt_pool_free(pool);
}

TEST(imap_unordered_gives_every_result_once) {
    pyt_pool *pool = made(3);
    for (long chunk = 0; chunk < 12; chunk += 5) {
        pyt_pool_work work = squares;
        pyt_pool_iterator *iterator;
        bool seen[ITEMS] = {false};
        long result;
        size_t place;
        fill();
        work.chunksize = chunk;
        CHECK_STATUS(pyt_pool_imap_unordered(pool, &work, &iterator), PYT_OK);
        for (long i = 0; i < ITEMS; i++) {
            CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, &place), PYT_OK);
            CHECK(!seen[place]);
            seen[place] = true;
            CHECK_INT(result, (long)(place * place));
        }
        CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_QUEUE_EMPTY);
        pyt_pool_iterator_destroy(iterator);
        check_squares();
    }
    pyt_pool_free(pool);
}

TEST(a_failed_item_of_imap_is_reported_at_its_place_and_the_rest_goes_on) {
    pyt_pool *pool = made(2);
    for (long chunk = 0; chunk < 12; chunk += 5) {
        pyt_pool_work work = squares;
        pyt_pool_iterator *iterator;
        long result;
        fill();
        items[13] = -13;
        items[14] = -14;
        items[ITEMS - 1] = -1;
        work.chunksize = chunk;
        CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
        for (long i = 0; i < ITEMS; i++) {
            bool bad = items[i] < 0;
            CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, NULL),
                         bad ? PYT_TASK_ERROR : PYT_OK);
            CHECK(bad || result == i * i);
            if (i == 13) {
                CHECK_STR(pyt_error_message(), "item -13");
            }
        }
        CHECK_STATUS(pyt_pool_iterator_next(iterator, &result, NULL), PYT_QUEUE_EMPTY);
        pyt_pool_iterator_destroy(iterator);
    }
    pyt_pool_free(pool);
}

static pyt_event gates[4];

static void pass_gate(void *item, void *result) {
    (void)result;
    CHECK_STATUS(pyt_event_wait(&gates[*(int *)item]), PYT_OK);
}

TEST(imap_waits_for_its_turn_and_imap_unordered_does_not, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    for (int unordered = 0; unordered < 2; unordered++) {
        pyt_pool *pool = made(4);
        pyt_pool_iterator *iterator;
        pyt_pool_work work = {
            .function = pass_gate, .items = items, .item_size = sizeof items[0], .n = 4};
        size_t place = 9;
        fill();
        memset(gates, 0, sizeof gates);
        CHECK_STATUS(unordered ? pyt_pool_imap_unordered(pool, &work, &iterator)
                               : pyt_pool_imap(pool, &work, &iterator),
                     PYT_OK);
        pyt_event_set(&gates[2]);
        double begin = test_now();
        pyt_status status =
            pyt_pool_iterator_next_timeout(iterator, unordered ? 10 : 0.05, NULL, &place);
        if (unordered) {
            CHECK_STATUS(status, PYT_OK);
            CHECK_INT(place, 2);
        } else {
            CHECK_STATUS(status, PYT_TIMEOUT);
            CHECK_WITHIN(test_now() - begin, 0.05, 5);
        }
        CHECK_STATUS(pyt_pool_iterator_next_timeout(iterator, 0, NULL, &place), PYT_TIMEOUT);
        for (int i = 0; i < 4; i++) {
            pyt_event_set(&gates[i]);
        }
        for (int i = unordered; i < 4; i++) {
            CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, &place), PYT_OK);
            CHECK(unordered || place == (size_t)i);
        }
        CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, &place), PYT_QUEUE_EMPTY);
        pyt_pool_iterator_destroy(iterator);
        pyt_pool_free(pool);
    }
}

static void nap(void *item, void *result) {
    (void)item, (void)result;
    atomic_fetch_add(&begun, 1);
    test_sleep(0.001);
    atomic_fetch_add(&ended, 1);
}

TEST(an_iteration_that_is_ended_early_leaves_nothing_running, NEEDS_THREADS) {
    pyt_pool *pool = made(2);
    pyt_pool_iterator *iterator;
    pyt_pool_work work = squares;
    work.function = nap;
    CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
    CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_OK);
    pyt_pool_iterator_destroy(iterator);
    CHECK_INT(begun, ended);
    CHECK(begun < ITEMS);
    work.n = 0;
    CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
    CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_QUEUE_EMPTY);
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_free(pool);
}

TEST_ALONE(waiting_for_the_next_item_can_be_interrupted, NEEDS_THREADS) {
    pyt_pool *pool = made(1);
    pyt_pool_iterator *iterator;
    pyt_pool_work work = {
        .function = pass_gate, .items = items, .item_size = sizeof items[0], .n = 1};
    CHECK_STATUS(pyt_pool_imap(pool, &work, &iterator), PYT_OK);
    pyt_interrupt_main();
    CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_INTERRUPTED);
    pyt_event_set(&gates[0]);
    CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_OK);
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_free(pool);
}

/* ---- close, terminate, join ----------------------------------------------------------------- */

TEST(a_closed_pool_finishes_its_work_and_takes_no_more, NEEDS_THREADS) {
    pyt_pool *pool = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    pyt_async_result *first, *second;
    pyt_pool_iterator *iterator;
    CHECK_STATUS(pyt_pool_join(pool), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_apply_async(pool, wait_for_event, &gate, NULL, &first), PYT_OK);
    fill();
    CHECK_STATUS(pyt_pool_map_async(pool, &squares, NULL, &second), PYT_OK);
    CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
    CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
    CHECK_STATUS(pyt_pool_apply(pool, same, NULL, NULL), PYT_VALUE_ERROR);
    CHECK_STR(pyt_error_message(), "Pool not running");
    CHECK_STATUS(pyt_pool_map(pool, &squares, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_map(pool, &(pyt_pool_work){.function = square}, NULL), PYT_VALUE_ERROR);
    CHECK_STATUS(pyt_pool_imap(pool, &squares, &iterator), PYT_VALUE_ERROR);
    CHECK(iterator == NULL);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    CHECK_STATUS(pyt_async_result_get_timeout(first, 0, NULL), PYT_OK);
    CHECK_STATUS(pyt_async_result_get_timeout(second, 0, NULL), PYT_OK);
    check_squares();
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    pyt_future_unref(first);
    pyt_future_unref(second);
    pyt_pool_free(pool);
}

TEST(what_terminate_drops_is_cancelled_and_never_a_hang, NEEDS_THREADS) {
    pyt_pool *pool = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    struct told told = {0};
    pyt_pool_callbacks callbacks = {tell_result, tell_error, &told};
    pyt_async_result *running, *queued, *mapped;
    pyt_pool_iterator *ordered, *unordered;
    CHECK_STATUS(pyt_pool_apply_async(pool, wait_for_event, &gate, NULL, &running), PYT_OK);
    while (!pyt_future_running(running)) {
        test_yield();
    }
    CHECK_STATUS(pyt_pool_apply_async(pool, same, NULL, &callbacks, &queued), PYT_OK);
    CHECK_STATUS(pyt_pool_map_async(pool, &squares, &callbacks, &mapped), PYT_OK);
    CHECK_STATUS(pyt_pool_imap(pool, &squares, &ordered), PYT_OK);
    CHECK_STATUS(pyt_pool_imap_unordered(pool, &squares, &unordered), PYT_OK);
    CHECK_STATUS(pyt_pool_terminate(pool), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(queued, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_async_result_get(mapped, NULL), PYT_CANCELLED);
    for (int i = 0; i < ITEMS; i++) {
        CHECK_STATUS(pyt_pool_iterator_next(ordered, NULL, NULL), PYT_CANCELLED);
        CHECK_STATUS(pyt_pool_iterator_next(unordered, NULL, NULL), PYT_CANCELLED);
    }
    CHECK_STATUS(pyt_pool_iterator_next(ordered, NULL, NULL), PYT_QUEUE_EMPTY);
    CHECK_STATUS(pyt_pool_iterator_next(unordered, NULL, NULL), PYT_QUEUE_EMPTY);
    CHECK_INT(told.errors, 2);
    CHECK_INT(told.status, PYT_CANCELLED);
    CHECK_STATUS(pyt_async_result_get_timeout(running, 0, NULL), PYT_TIMEOUT);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(running, NULL), PYT_OK);
    pyt_future_unref(running);
    pyt_future_unref(queued);
    pyt_future_unref(mapped);
    pyt_pool_iterator_destroy(ordered);
    pyt_pool_iterator_destroy(unordered);
    pyt_pool_free(pool);
}

static void count_and_terminate(void *item, void *result) {
    (void)item, (void)result;
    atomic_fetch_add(&begun, 1);
    CHECK_STATUS(pyt_pool_terminate(own_pool), PYT_OK);
}

/* How many items a worker takes at a time of `n` that take no room, when told to take one. */
static int items_at_a_time(size_t n) {
    pyt_pool_work work = {.function = count_and_terminate, .items = items, .n = n, .chunksize = 1};
    pyt_async_result *result;
    atomic_store(&begun, 0);
    own_pool = made(1);
    CHECK_STATUS(pyt_pool_map_async(own_pool, &work, NULL, &result), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_pool_join(own_pool), PYT_OK);
    pyt_future_unref(result);
    pyt_pool_free(own_pool);
    return atomic_load(&begun);
}

TEST(work_of_more_than_a_thousand_million_chunks_has_larger_chunks) {
    size_t most = (size_t)1 << 30;
    CHECK_INT(items_at_a_time(most - 1), 1);
    CHECK_INT(items_at_a_time(most), 2);
    CHECK_INT(items_at_a_time(2 * most - 1), 2);
    CHECK_INT(items_at_a_time(2 * most), 3);
}

static void terminate_at_ten(void *item, void *result) {
    (void)result;
    if (*(int *)item == 10) {
        CHECK_STATUS(pyt_pool_terminate(own_pool), PYT_OK);
    }
}

TEST(a_job_that_is_cut_short_is_cancelled) {
    pyt_pool_work work = squares;
    fill();
    work.function = terminate_at_ten;
    work.chunksize = 1;
    own_pool = made(2);
    CHECK_STATUS(pyt_pool_map(own_pool, &work, NULL), PYT_CANCELLED);
    CHECK_STATUS(pyt_pool_join(own_pool), PYT_OK);
    pyt_pool_free(own_pool);
}

TEST(a_job_whose_result_is_cancelled_before_it_begins_is_not_done, NEEDS_THREADS) {
    pyt_pool *pool = made(1);
    pyt_event gate = PYT_EVENT_INIT;
    pyt_async_result *result;
    fill();
    CHECK_STATUS(pyt_pool_apply_async(pool, wait_for_event, &gate, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_pool_map_async(pool, &squares, NULL, &result), PYT_OK);
    CHECK_STATUS(pyt_future_cancel(result), PYT_OK);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_pool_close(pool), PYT_OK);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_CANCELLED);
    CHECK_INT(results[0], -1);
    pyt_future_unref(result);
    pyt_pool_free(pool);
}

static int fail_to_initialize(void *arg) {
    return pyt_event_wait(arg) == PYT_OK;
}

TEST(a_pool_whose_initializer_fails_is_broken, NEEDS_THREADS) {
    pyt_event gate = PYT_EVENT_INIT;
    pyt_pool *pool;
    pyt_async_result *result;
    pyt_pool_iterator *iterator;
    CHECK_STATUS(pyt_pool_new(&pool, &(pyt_pool_options){.processes = 2,
                                                         .initializer = fail_to_initialize,
                                                         .arg = &gate}),
                 PYT_OK);
    CHECK_STATUS(pyt_pool_map_async(pool, &squares, NULL, &result), PYT_OK);
    CHECK_STATUS(pyt_pool_imap(pool, &squares, &iterator), PYT_OK);
    pyt_event_set(&gate);
    CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_BROKEN_EXECUTOR);
    pyt_exception exception = {.code = 9};
    CHECK_STATUS(pyt_future_exception(result, &exception), PYT_OK);
    CHECK_STATUS(exception.status, PYT_BROKEN_EXECUTOR);
    CHECK_INT(exception.code, 0);
    CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL), PYT_BROKEN_EXECUTOR);
    CHECK_STATUS(pyt_pool_apply(pool, same, NULL, NULL), PYT_BROKEN_EXECUTOR);
    pyt_future_unref(result);
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_free(pool);
}

static void *join_inside(void *arg) {
    CHECK_STATUS(pyt_pool_close(arg), PYT_OK);
    CHECK_STATUS(pyt_pool_join(arg), PYT_RUNTIME_ERROR);
    return NULL;
}

TEST(a_worker_does_not_join_its_own_pool) {
    pyt_pool *pool = made(2);
    CHECK_STATUS(pyt_pool_apply(pool, join_inside, pool, NULL), PYT_OK);
    CHECK_STATUS(pyt_pool_join(pool), PYT_OK);
    pyt_pool_free(pool);
}

static void *free_inside(void *arg) {
    pyt_pool_free(arg);
    return NULL;
}

TEST(a_worker_may_free_its_own_pool) {
    pyt_pool *pool = made(2);
    CHECK_STATUS(pyt_pool_apply(pool, free_inside, pool, NULL), PYT_OK);
    while (threads_named("ThreadPool-0_") > 0) {
        test_yield();
    }
}

/* ---- memory, faults, stress ----------------------------------------------------------------- */

static void use_with_faults(long victim) {
    pyt_pool *pool = NULL;
    pyt_pool_iterator *iterator = NULL;
    pyt_async_result *result = NULL;
    struct told told = {0};
    pyt_pool_callbacks callbacks = {tell_result, tell_error, &told};
    fill();
    test_fail_nth(victim);
    pyt_status status = pyt_pool_new(&pool, &(pyt_pool_options){.processes = 2});
    CHECK(status == PYT_OK || (status == PYT_MEMORY_ERROR && pool == NULL));
    if (status != PYT_OK) {
        return;
    }
    status = pyt_pool_apply(pool, same, NULL, NULL);
    CHECK(status == PYT_OK || status == PYT_MEMORY_ERROR);
    items[3] = -3;
    status = pyt_pool_map(pool, &squares, NULL);
    CHECK(status == PYT_TASK_ERROR || status == PYT_MEMORY_ERROR);
    status = pyt_pool_map_async(pool, &squares, &callbacks, &result);
    CHECK(status == PYT_OK || (status == PYT_MEMORY_ERROR && result == NULL));
    if (status == PYT_OK) {
        CHECK_STATUS(pyt_event_wait(&told.over), PYT_OK);
        CHECK_INT(told.errors, 1);
        pyt_future_unref(result);
    }
    status = pyt_pool_imap(pool, &squares, &iterator);
    CHECK(status == PYT_OK || (status == PYT_MEMORY_ERROR && iterator == NULL));
    for (int i = 0; status == PYT_OK && i < ITEMS; i++) {
        CHECK_STATUS(pyt_pool_iterator_next(iterator, NULL, NULL),
                     i == 3 ? PYT_TASK_ERROR : PYT_OK);
    }
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_free(pool);
}

TEST_LIMIT(every_fault_comes_back_as_a_status_and_a_pool_loses_nothing, 60) {
    use_with_faults(0);
    use_with_faults(0);
    long before = test_live_allocations();
    bool fired = true;
    for (long victim = 1; fired; victim++) {
        use_with_faults(victim);
        fired = test_fault_fired();
    }
    use_with_faults(0);
    CHECK(test_live_allocations() <= before + 2);
}

struct storm {
    pyt_pool *pool;
    atomic_long cancelled, done, refused;
};

static void *map_in_storm(void *arg) {
    struct storm *storm = arg;
    unsigned luck = (unsigned)pyt_get_native_id();
    for (int i = test_scale(200); i > 0; i--) {
        int numbers[64];
        long squared[64];
        luck = luck * 1103515245 + 12345;
        pyt_pool_work work = {.function = square,
                              .items = numbers,
                              .item_size = sizeof numbers[0],
                              .n = (luck >> 16) % 65,
                              .results = squared,
                              .result_size = sizeof squared[0],
                              .chunksize = (long)(luck >> 24) % 5};
        for (int k = 0; k < 64; k++) {
            numbers[k] = k + i;
        }
        pyt_status status = pyt_pool_map(storm->pool, &work, NULL);
        atomic_fetch_add(status == PYT_OK          ? &storm->done
                         : status == PYT_CANCELLED ? &storm->cancelled
                                                   : &storm->refused,
                         1);
        CHECK(status == PYT_OK || status == PYT_CANCELLED || status == PYT_VALUE_ERROR);
        for (size_t k = 0; status == PYT_OK && k < work.n; k++) {
            CHECK_INT(squared[k], (long)numbers[k] * numbers[k]);
        }
    }
    return NULL;
}

TEST(every_job_ends_whoever_closes_or_terminates_meanwhile) {
    for (int round = 0; round < 6; round++) {
        struct storm storm = {made(1 + round % 3), 0, 0, 0};
        pyt_thread *threads[4];
        for (int i = 0; i < 4; i++) {
            threads[i] = test_thread(map_in_storm, &storm);
        }
        test_sleep(0.002 * round);
        if (round > 0) {
            CHECK_STATUS(round % 2 ? pyt_pool_terminate(storm.pool) : pyt_pool_close(storm.pool),
                         PYT_OK);
        }
        for (int i = 0; i < 4; i++) {
            test_join(threads[i]);
        }
        CHECK_INT(storm.done + storm.cancelled + storm.refused, 4 * test_scale(200));
        CHECK(round > 0 || storm.done == 4 * test_scale(200));
        CHECK(round % 2 || storm.cancelled == 0);
        pyt_pool_free(storm.pool);
    }
}

static void must_not_be_called(void *result, void *arg) {
    (void)result;
    *(int *)arg += 1;
}

TEST(a_map_over_no_items_calls_no_callback_and_is_ready_at_once) {
    pyt_pool *pool = made(2);
    pyt_pool_work work = squares;
    pyt_async_result *result;
    int called = 0;
    work.n = 0;
    pyt_pool_callbacks callbacks = {.callback = must_not_be_called, .arg = &called};
    CHECK_STATUS(pyt_pool_map_async(pool, &work, &callbacks, &result), PYT_OK);
    CHECK(pyt_async_result_ready(result));
    CHECK_STATUS(pyt_async_result_get(result, NULL), PYT_OK);
    pyt_future_unref(result);
    CHECK_INT(called, 0);
    pyt_pool_free(pool);
}

/* ---- a function that frees its pool ---- */

static pyt_pool *freed_inside;

static void free_the_pool(void *item, void *result) {
    (void)result;
    if (*(int *)item == 0) {
        pyt_pool_free(freed_inside);
    }
}

/* The first helper frees the pool while map_async sends the others. */
TEST(a_function_may_free_the_pool_while_its_map_is_still_sent) {
    fill();
    int rounds = test_scale(50);
    for (int round = 0; round < rounds; round++) {
        pyt_pool_work work = {.function = free_the_pool,
                              .items = items,
                              .item_size = sizeof items[0],
                              .n = 64,
                              .chunksize = 1};
        pyt_async_result *result = NULL;
        freed_inside = made(8);
        CHECK_STATUS(pyt_pool_map_async(freed_inside, &work, NULL, &result), PYT_OK);
        CHECK_STATUS(pyt_async_result_wait(result), PYT_OK);
        pyt_future_unref(result);
    }
}
