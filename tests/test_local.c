/* local: one value a thread, from its first use to the end of the thread or of the local. */
#define _GNU_SOURCE
#include <stdatomic.h>

#include "test.h"

/* Every value knows who made it. The counts are of all values of all locals of a test. */
typedef struct value {
    int number;
    pyt_ident maker;
} value;

static atomic_int constructed, destroyed, refused;
static atomic_int to_refuse;
static _Atomic(pyt_ident) destroyer;

static int construct(void *memory) {
    value *v = memory;
    CHECK_INT(v->number, 0);
    CHECK_INT(v->maker, 0);
    if (atomic_load(&to_refuse) > 0) {
        atomic_fetch_sub(&to_refuse, 1);
        atomic_fetch_add(&refused, 1);
        v->number = -1;
        return 1;
    }
    v->maker = pyt_get_ident();
    atomic_fetch_add(&constructed, 1);
    return 0;
}

static void destroy(void *memory) {
    value *v = memory;
    CHECK(v->maker != 0);
    v->maker = 0;
    atomic_store(&destroyer, pyt_get_ident());
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local local = PYT_LOCAL_INIT(sizeof(value), construct, destroy);
static pyt_local plain = PYT_LOCAL_INIT(sizeof(value), NULL, NULL);

static void check_counts(int made, int gone) {
    CHECK_INT(atomic_load(&constructed), made);
    CHECK_INT(atomic_load(&destroyed), gone);
}

static void *nothing(void *arg) {
    return arg;
}

/* ---- one value a thread --------------------------------------------------------------------- */

TEST(the_value_is_made_at_first_use_and_stays_the_same) {
    CHECK(!pyt_local_exists(&local));
    check_counts(0, 0);
    value *mine = pyt_local_get(&local);
    CHECK(mine != NULL);
    CHECK(pyt_local_exists(&local));
    check_counts(1, 0);
    CHECK_INT(mine->maker, pyt_get_ident());
    mine->number = 5;
    for (int i = 0; i < 3; i++) {
        CHECK(pyt_local_get(&local) == mine);
    }
    CHECK_INT(mine->number, 5);
    check_counts(1, 0);
}

TEST(a_value_without_constructor_is_zeroed) {
    static pyt_local large = PYT_LOCAL_INIT(3000, NULL, NULL);
    unsigned char *bytes = pyt_local_get(&large);
    CHECK(bytes != NULL);
    for (int i = 0; i < 3000; i++) {
        CHECK_INT(bytes[i], 0);
    }
    memset(bytes, 255, 3000);
    CHECK_STATUS(pyt_local_delete(&large), PYT_OK);
    bytes = pyt_local_get(&large);
    CHECK(bytes != NULL);
    for (int i = 0; i < 3000; i++) {
        CHECK_INT(bytes[i], 0);
    }
    CHECK_STATUS(pyt_local_delete(&large), PYT_OK);
}

static void *use_own_value(void *arg) {
    CHECK(!pyt_local_exists(&local));
    value *mine = pyt_local_get(&local);
    CHECK(mine != NULL);
    CHECK(mine != arg);
    CHECK(pyt_local_exists(&local));
    CHECK_INT(mine->number, 0);
    CHECK_INT(mine->maker, pyt_get_ident());
    mine->number = 7;
    CHECK_STATUS(pyt_local_delete(NULL), PYT_VALUE_ERROR);
    return mine;
}

TEST(each_thread_has_a_value_of_its_own) {
    value *mine = pyt_local_get(&local);
    mine->number = 5;
    for (int i = 0; i < 3; i++) {
        test_join(test_thread(use_own_value, mine));
        CHECK_INT(mine->number, 5);
        CHECK(pyt_local_get(&local) == mine);
    }
    check_counts(4, 3);
}

TEST(values_of_every_size_are_aligned_for_any_type) {
    pyt_local locals[64];
    for (size_t i = 0; i < 64; i++) {
        pyt_local fresh = PYT_LOCAL_INIT(i + 1, NULL, NULL);
        memcpy(&locals[i], &fresh, sizeof fresh);
        unsigned char *bytes = pyt_local_get(&locals[i]);
        CHECK(bytes != NULL);
        CHECK_INT((uintptr_t)bytes % _Alignof(max_align_t), 0);
        memset(bytes, (int)i, i + 1);
    }
    for (size_t i = 0; i < 64; i++) {
        unsigned char *bytes = pyt_local_get(&locals[i]);
        CHECK_INT(bytes[0], i);
        CHECK_INT(bytes[i], i);
        CHECK_STATUS(pyt_local_delete(&locals[i]), PYT_OK);
    }
}

/* ---- many locals ---------------------------------------------------------------------------- */

enum {
    many = 2000
};

static pyt_local *many_locals(void) {
    static pyt_local all[many];
    pyt_local fresh = PYT_LOCAL_INIT(sizeof(value), construct, destroy);
    for (int i = 0; i < many; i++) {
        memcpy(&all[i], &fresh, sizeof fresh);
    }
    return all;
}

static void *use_many(void *arg) {
    pyt_local *all = arg;
    int count = test_scale(many);
    for (int i = 0; i < count; i++) {
        value *mine = pyt_local_get(&all[i]);
        CHECK(mine != NULL);
        mine->number = i;
    }
    for (int i = count - 1; i >= 0; i--) {
        value *mine = pyt_local_get(&all[i]);
        CHECK_INT(mine->number, i);
        CHECK_INT(mine->maker, pyt_get_ident());
    }
    return NULL;
}

TEST(there_can_be_any_number_of_locals) {
    pyt_local *all = many_locals();
    int count = test_scale(many);
    pyt_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = test_thread(use_many, all);
    }
    use_many(all);
    for (int i = 0; i < 4; i++) {
        test_join(threads[i]);
    }
    check_counts(5 * count, 4 * count);
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_local_delete(&all[i]), PYT_OK);
    }
    check_counts(5 * count, 5 * count);
}

TEST(locals_leave_no_memory_behind) {
    test_join(test_thread(nothing, NULL));
    pyt_local *all = many_locals();
    long before = 0;
    for (int round = 0; round < 3; round++) {
        test_join(test_thread(use_many, all));
        use_many(all);
        for (int i = 0; i < test_scale(many); i++) {
            CHECK_STATUS(pyt_local_delete(&all[i]), PYT_OK);
        }
        if (round == 0) {
            before = test_live_allocations();
        }
        CHECK_INT(test_live_allocations(), before);
    }
}

/* The list of numbers given back is renewed, at each of these counts, while it has some in it. */
TEST(numbers_that_were_given_back_are_given_again_however_many_locals_there_are) {
    enum {
        KEPT = 3
    };
    pyt_local *all = many_locals();
    CHECK(pyt_local_get(&local) != NULL); /* the first value makes what stays */
    for (int count = 15; count <= 1007; count = 2 * count + 17) {
        long before = test_live_allocations();
        for (int i = 0; i < count; i++) {
            value *mine = pyt_local_get(&all[i]);
            CHECK(mine != NULL);
            mine->number = i;
        }
        for (int i = 0; i < KEPT; i++) {
            CHECK_STATUS(pyt_local_delete(&all[2 * i + 1]), PYT_OK);
        }
        for (int i = count; i < count + 2 * KEPT; i++) {
            value *mine = pyt_local_get(&all[i]);
            CHECK(mine != NULL);
            mine->number = i;
        }
        for (int i = 0; i < count + 2 * KEPT; i++) {
            bool deleted = i < 2 * KEPT && i % 2 == 1;
            CHECK(pyt_local_exists(&all[i]) == !deleted);
            if (!deleted) {
                CHECK_INT(((value *)pyt_local_get(&all[i]))->number, i);
                CHECK_STATUS(pyt_local_delete(&all[i]), PYT_OK);
            }
        }
        CHECK_INT(test_live_allocations(), before);
    }
    check_counts(atomic_load(&constructed), atomic_load(&constructed) - 1);
}

/* ---- the end of a thread -------------------------------------------------------------------- */

static void *make_a_value(void *arg) {
    CHECK(pyt_local_get(&local) != NULL);
    return arg;
}

static void *make_a_value_and_exit(void *arg) {
    make_a_value(arg);
    pyt_exit();
}

static void *make_a_value_and_raise(void *arg) {
    make_a_value(arg);
    pyt_raise(1, "with a value");
}

static void ignore(const pyt_excepthook_args *args) {
    (void)args;
}

TEST(values_are_destroyed_before_join_returns_however_the_thread_ends) {
    void *(*const endings[])(void *) = {make_a_value, make_a_value_and_exit,
                                        make_a_value_and_raise};
    pyt_set_excepthook(ignore);
    int made = 0;
    for (int i = 0; i < test_scale(300); i++) {
        pyt_thread *thread = test_thread(endings[i % 3], NULL);
        pyt_ident ident = pyt_thread_ident(thread);
        made++;
        test_join(thread);
        check_counts(made, made);
        CHECK_INT(atomic_load(&destroyer), ident);
    }
}

static void destroy_and_raise(void *memory) {
    destroy(memory);
    pyt_raise(1, "a message that needs memory of its own");
}

static pyt_local raising = PYT_LOCAL_INIT(sizeof(value), construct, destroy_and_raise);

static void *use_raising(void *arg) {
    CHECK(pyt_local_get(&raising) != NULL);
    return arg;
}

TEST(a_destroy_function_that_raises_leaves_nothing_behind) {
    CHECK(pyt_local_get(&plain) != NULL); /* the first value makes what stays */
    test_join(test_thread(use_raising, NULL));
    CHECK_STATUS(pyt_local_delete(&raising), PYT_OK);
    long before = test_live_allocations();
    for (int i = 0; i < 5; i++) {
        test_join(test_thread(use_raising, NULL));
        CHECK(pyt_local_get(&raising) != NULL);
        CHECK_STATUS(pyt_local_delete(&raising), PYT_OK);
    }
    check_counts(11, 11);
    CHECK_INT(test_live_allocations(), before);
}

/* A local whose values are made again by their own end, for as long as the thread may. */
static void destroy_and_make_again(void *memory);

static pyt_local endless = PYT_LOCAL_INIT(sizeof(value), construct, destroy_and_make_again);
static atomic_int denied;

static void destroy_and_make_again(void *memory) {
    destroy(memory);
    if (pyt_local_get(&endless) == NULL) {
        CHECK(strstr(pyt_error_message(), "the thread has ended") != NULL);
        atomic_fetch_add(&denied, 1);
    }
}

static void *use_endless(void *arg) {
    CHECK(pyt_local_get(&endless) != NULL);
    return arg;
}

TEST(a_thread_that_ends_makes_new_values_for_a_few_rounds_and_then_no_more) {
    test_join(test_thread(use_endless, NULL));
    CHECK_INT(atomic_load(&denied), 1);
    CHECK(atomic_load(&constructed) > 1);
    CHECK(atomic_load(&constructed) < 10);
    check_counts(atomic_load(&constructed), atomic_load(&constructed));
}

static void *join_with_timeout_and_look(void *arg) {
    CHECK_STATUS(pyt_thread_join_timeout(arg, 1000), PYT_OK);
    check_counts(1, 1);
    return NULL;
}

static pyt_event leave;

static void *make_a_value_and_stay(void *arg) {
    make_a_value(arg);
    CHECK_STATUS(pyt_event_wait(&leave), PYT_OK);
    return arg;
}

TEST(every_joiner_finds_the_values_gone, NEEDS_THREADS | NEEDS_LASTING_TIMEOUTS) {
    pyt_thread *thread = test_thread(make_a_value_and_stay, NULL);
    pyt_thread *joiners[4];
    for (int i = 0; i < 4; i++) {
        joiners[i] = test_thread(join_with_timeout_and_look, thread);
    }
    CHECK_INT(atomic_load(&destroyed), 0);
    CHECK_STATUS(pyt_event_set(&leave), PYT_OK);
    CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
    check_counts(1, 1);
    for (int i = 0; i < 4; i++) {
        test_join(joiners[i]);
    }
    pyt_thread_unref(thread);
}

static void *only_look(void *arg) {
    CHECK(!pyt_local_exists(&local));
    return arg;
}

TEST(a_thread_that_never_used_the_local_destroys_nothing) {
    pyt_local_get(&local);
    test_join(test_thread(only_look, NULL));
    check_counts(1, 0);
}

static void destroy_and_ask_who_am_i(void *memory) {
    value *v = memory;
    CHECK_INT(v->maker, pyt_get_ident());
    CHECK(pyt_current_thread() != NULL);
    CHECK(pyt_current_thread() != pyt_main_thread());
    pyt_lock here = PYT_LOCK_INIT;
    CHECK_STATUS(pyt_lock_acquire(&here), PYT_OK);
    CHECK_STATUS(pyt_lock_acquire_timeout(&here, 0.001), PYT_TIMEOUT);
    CHECK_STATUS(pyt_lock_release(&here), PYT_OK);
    atomic_fetch_add(&destroyed, 1);
}

static pyt_local curious = PYT_LOCAL_INIT(sizeof(value), construct, destroy_and_ask_who_am_i);

static void *use_curious(void *arg) {
    CHECK(pyt_local_get(&curious) != NULL);
    return arg;
}

TEST(the_library_can_be_used_while_a_value_is_destroyed,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    CHECK(pyt_local_get(&plain) != NULL);
    CHECK_STATUS(pyt_local_delete(&plain), PYT_OK);
    test_join(test_thread(nothing, NULL));
    long before = test_live_allocations();
    for (int i = 1; i <= 3; i++) {
        test_join(test_thread(use_curious, NULL));
        check_counts(i, i);
        CHECK_INT(pyt_active_count(), 1);
    }
    test_raw foreign;
    foreign = test_raw_start(use_curious, NULL);
    test_raw_join(foreign);
    check_counts(4, 4);
    CHECK_INT(pyt_active_count(), 1);
    CHECK_STATUS(pyt_local_delete(&curious), PYT_OK);
    CHECK_INT(test_live_allocations(), before);
}

/* A value whose end needs another local, which may not exist yet or no longer. */
static pyt_local log_of_ends = PYT_LOCAL_INIT(sizeof(value), construct, destroy);

static void destroy_with_a_log(void *memory) {
    value *entry = pyt_local_get(&log_of_ends);
    CHECK(entry != NULL);
    entry->number++;
    destroy(memory);
}

static pyt_local logged[3] = {
    PYT_LOCAL_INIT(sizeof(value), construct, destroy_with_a_log),
    PYT_LOCAL_INIT(sizeof(value), construct, destroy_with_a_log),
    PYT_LOCAL_INIT(sizeof(value), construct, destroy_with_a_log),
};

static void *use_logged(void *arg) {
    int order = *(int *)arg;
    if (order == 0) {
        CHECK(pyt_local_get(&log_of_ends) != NULL);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(pyt_local_get(&logged[i]) != NULL);
    }
    if (order == 1) {
        CHECK(pyt_local_get(&log_of_ends) != NULL);
    }
    return NULL;
}

TEST(a_value_may_use_another_local_while_it_is_destroyed,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    for (int order = 0; order < 3; order++) {
        test_raw foreign;
        test_join(test_thread(use_logged, &order));
        CHECK_INT(atomic_load(&constructed), atomic_load(&destroyed));
        foreign = test_raw_start(use_logged, &order);
        test_raw_join(foreign);
        CHECK_INT(atomic_load(&constructed), atomic_load(&destroyed));
    }
    CHECK(atomic_load(&constructed) >= 6 * 4);
}

/* ---- threads made elsewhere ----------------------------------------------------------------- */

TEST(foreign_threads_have_values_that_die_with_them,
     NEEDS_THREADS | NEEDS_FOREIGN_THREADS | NEEDS_THREAD_ENDS) {
    for (int i = 1; i <= 20; i++) {
        test_raw foreign;
        foreign = test_raw_start(make_a_value, NULL);
        test_raw_join(foreign);
        check_counts(i, i);
        CHECK_INT(pyt_active_count(), 1);
    }
}

static pyt_event raw_done;

static void make_a_value_raw(void *arg) {
    make_a_value(arg);
    CHECK_STATUS(pyt_event_set(&raw_done), PYT_OK);
}

TEST(raw_threads_have_values_that_die_with_them) {
    CHECK_STATUS(pyt_start_new_thread(make_a_value_raw, NULL, NULL), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&raw_done), PYT_OK);
    while (atomic_load(&destroyed) == 0) {
        test_sleep(0.001);
    }
    check_counts(1, 1);
}

/* ---- a constructor that fails --------------------------------------------------------------- */

TEST(after_a_constructor_failed_nothing_is_kept_and_the_next_use_tries_again) {
    atomic_store(&to_refuse, 2);
    for (int i = 1; i <= 2; i++) {
        CHECK(pyt_local_get(&local) == NULL);
        CHECK(pyt_error_message()[0] != '\0');
        CHECK(!pyt_local_exists(&local));
        CHECK_INT(atomic_load(&refused), i);
    }
    check_counts(0, 0);
    value *mine = pyt_local_get(&local);
    CHECK(mine != NULL);
    CHECK_INT(mine->number, 0);
    CHECK(pyt_local_exists(&local));
    check_counts(1, 0);
}

static void *be_refused(void *arg) {
    CHECK(pyt_local_get(&local) == NULL);
    return arg;
}

TEST(what_was_never_constructed_is_never_destroyed) {
    value *mine = pyt_local_get(&local);
    long before = test_live_allocations();
    atomic_store(&to_refuse, 1);
    test_join(test_thread(be_refused, NULL));
    CHECK_INT(atomic_load(&refused), 1);
    check_counts(1, 0);
    CHECK(pyt_local_get(&local) == mine);
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    check_counts(1, 1);
    CHECK(test_live_allocations() <= before);
}

TEST(a_local_of_no_size_or_too_much_gives_nothing) {
    static pyt_local empty = PYT_LOCAL_INIT(0, construct, destroy);
    static pyt_local huge = PYT_LOCAL_INIT(SIZE_MAX, construct, destroy);
    static pyt_local nearly = PYT_LOCAL_INIT(SIZE_MAX - 64, construct, destroy);
    pyt_local *const all[] = {&empty, &huge, &nearly, NULL};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(pyt_local_get(all[i]) == NULL);
        CHECK(pyt_error_message()[0] != '\0');
        CHECK(!pyt_local_exists(all[i]));
    }
    check_counts(0, 0);
}

static int construct_with_another(void *memory) {
    CHECK(pyt_local_get(&local) != NULL);
    return construct(memory);
}

static pyt_local composed = PYT_LOCAL_INIT(sizeof(value), construct_with_another, destroy);

TEST(a_constructor_may_use_another_local) {
    CHECK(pyt_local_get(&composed) != NULL);
    CHECK(pyt_local_exists(&local));
    CHECK(pyt_local_exists(&composed));
    CHECK(pyt_local_get(&composed) != pyt_local_get(&local));
    check_counts(2, 0);
}

static int construct_with_itself(void *memory);

static pyt_local selfish = PYT_LOCAL_INIT(sizeof(value), construct_with_itself, destroy);

static int construct_with_itself(void *memory) {
    CHECK(pyt_local_get(&selfish) == NULL);
    CHECK(strstr(pyt_error_message(), "constructor cannot use the local") != NULL);
    CHECK(!pyt_local_exists(&selfish));
    return construct(memory);
}

TEST(a_constructor_cannot_use_its_own_local) {
    value *mine = pyt_local_get(&selfish);
    CHECK(mine != NULL);
    CHECK(pyt_local_get(&selfish) == mine);
    CHECK_STATUS(pyt_local_delete(&selfish), PYT_OK);
    check_counts(1, 1);
}

static int construct_and_raise(void *memory) {
    (void)memory;
    pyt_raise(9, "not today");
}

static pyt_local moody = PYT_LOCAL_INIT(sizeof(value), construct_and_raise, destroy);

static void *use_moody(void *arg) {
    pyt_local_get(&moody);
    test_fail(__FILE__, __LINE__, "the constructor's raise did not go on");
    return arg;
}

TEST(a_raise_in_a_constructor_goes_on_in_its_thread_and_leaves_no_value) {
    pyt_set_excepthook(ignore);
    long before = 0;
    for (int i = 0; i < 5; i++) {
        pyt_thread *thread = test_thread(use_moody, NULL);
        CHECK_STATUS(pyt_thread_join(thread), PYT_OK);
        CHECK_STATUS(pyt_thread_result(thread, NULL), PYT_TASK_ERROR);
        CHECK_STR(pyt_error_message(), "not today");
        pyt_thread_unref(thread);
        before = i == 0 ? test_live_allocations() : before;
        CHECK_INT(test_live_allocations(), before);
    }
    CHECK(!pyt_local_exists(&moody));
    CHECK_STATUS(pyt_local_delete(&moody), PYT_OK);
    check_counts(0, 0);
}

/* ---- the end of a local --------------------------------------------------------------------- */

static void destroy_and_delete(void *memory);

static pyt_local stubborn = PYT_LOCAL_INIT(sizeof(value), construct, destroy_and_delete);

static void destroy_and_delete(void *memory) {
    CHECK_STATUS(pyt_local_delete(&stubborn), PYT_RUNTIME_ERROR);
    destroy(memory);
}

static void *use_stubborn(void *arg) {
    CHECK(pyt_local_get(&stubborn) != NULL);
    return arg;
}

TEST(a_destroy_function_cannot_delete_its_own_local) {
    test_join(test_thread(use_stubborn, NULL));
    check_counts(1, 1);
    CHECK(pyt_local_get(&stubborn) != NULL);
    CHECK_STATUS(pyt_local_delete(&stubborn), PYT_OK);
    check_counts(2, 2);
}

typedef struct holder {
    pyt_event has, look, looked, leave;
    pyt_local *local;
    bool make_again;
} holder;

static void *hold_a_value(void *arg) {
    holder *me = arg;
    CHECK(pyt_local_get(me->local) != NULL);
    CHECK_STATUS(pyt_event_set(&me->has), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&me->look), PYT_OK);
    if (me->local != NULL) {
        CHECK(!pyt_local_exists(me->local));
        if (me->make_again) {
            value *mine = pyt_local_get(me->local);
            CHECK(mine != NULL);
            CHECK_INT(mine->number, 0);
            CHECK_INT(mine->maker, pyt_get_ident());
        }
    }
    CHECK_STATUS(pyt_event_set(&me->looked), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&me->leave), PYT_OK);
    return arg;
}

TEST(delete_destroys_every_threads_value_in_the_caller, NEEDS_THREADS) {
    enum {
        count = 4
    };
    holder holders[count];
    pyt_thread *threads[count];
    memset(holders, 0, sizeof holders);
    for (int i = 0; i < count; i++) {
        holders[i].local = &local;
        holders[i].make_again = i % 2 == 0;
        threads[i] = test_thread(hold_a_value, &holders[i]);
        CHECK_STATUS(pyt_event_wait(&holders[i].has), PYT_OK);
    }
    pyt_local_get(&local);
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    check_counts(count + 1, count + 1);
    CHECK_INT(atomic_load(&destroyer), pyt_get_ident());
    CHECK(!pyt_local_exists(&local));
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_event_set(&holders[i].look), PYT_OK);
        CHECK_STATUS(pyt_event_wait(&holders[i].looked), PYT_OK);
    }
    check_counts(count + 1 + count / 2, count + 1);
    for (int i = 0; i < count; i++) {
        CHECK_STATUS(pyt_event_set(&holders[i].leave), PYT_OK);
        test_join(threads[i]);
    }
    check_counts(count + 1 + count / 2, count + 1 + count / 2);
}

TEST(a_deleted_local_is_as_new) {
    for (int i = 1; i <= 3; i++) {
        value *mine = pyt_local_get(&local);
        CHECK(mine != NULL);
        CHECK_INT(mine->number, 0);
        mine->number = i;
        CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
        CHECK(!pyt_local_exists(&local));
        check_counts(i, i);
    }
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    check_counts(3, 3);
    CHECK_STATUS(pyt_local_delete(&plain), PYT_OK);
}

TEST(the_memory_of_a_deleted_local_may_be_given_back_at_once, NEEDS_THREADS) {
    pyt_local fresh = PYT_LOCAL_INIT(sizeof(value), construct, destroy);
    pyt_local *heap = malloc(sizeof *heap);
    CHECK(heap != NULL);
    memcpy(heap, &fresh, sizeof fresh);
    holder it;
    memset(&it, 0, sizeof it);
    it.local = heap;
    pyt_thread *thread = test_thread(hold_a_value, &it);
    CHECK_STATUS(pyt_event_wait(&it.has), PYT_OK);
    CHECK_STATUS(pyt_local_delete(heap), PYT_OK);
    it.local = NULL;
    memset(heap, 0xa5, sizeof *heap);
    free(heap);
    CHECK_STATUS(pyt_event_set(&it.look), PYT_OK);
    CHECK_STATUS(pyt_event_set(&it.leave), PYT_OK);
    test_join(thread);
    check_counts(1, 1);
}

/* The next local in the same memory has nothing to do with the last. */
TEST(a_new_local_in_the_memory_of_a_deleted_one_has_values_of_its_own, NEEDS_THREADS) {
    static pyt_local reused;
    pyt_local first = PYT_LOCAL_INIT(sizeof(value), construct, destroy);
    pyt_local second = PYT_LOCAL_INIT(sizeof(value) + 100, NULL, NULL);
    memcpy(&reused, &first, sizeof first);
    holder it;
    memset(&it, 0, sizeof it);
    it.local = &reused;
    pyt_thread *thread = test_thread(hold_a_value, &it);
    CHECK_STATUS(pyt_event_wait(&it.has), PYT_OK);
    value *mine = pyt_local_get(&reused);
    mine->number = 9;
    CHECK_STATUS(pyt_local_delete(&reused), PYT_OK);
    memcpy(&reused, &second, sizeof second);
    mine = pyt_local_get(&reused);
    CHECK(mine != NULL);
    CHECK_INT(mine->number, 0);
    CHECK_STATUS(pyt_event_set(&it.look), PYT_OK);
    CHECK_STATUS(pyt_event_set(&it.leave), PYT_OK);
    test_join(thread);
    check_counts(2, 2);
    CHECK_STATUS(pyt_local_delete(&reused), PYT_OK);
    check_counts(2, 2);
}

static void *come_and_go(void *arg) {
    for (int i = 0; i < test_scale(100); i++) {
        test_join(test_thread(make_a_value, NULL));
    }
    return arg;
}

TEST(a_local_can_be_deleted_while_threads_that_hold_values_end) {
    pyt_thread *threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = test_thread(come_and_go, NULL);
    }
    for (int i = 0; i < test_scale(300); i++) {
        CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    }
    for (int i = 0; i < 3; i++) {
        test_join(threads[i]);
    }
    CHECK_STATUS(pyt_local_delete(&local), PYT_OK);
    CHECK_INT(atomic_load(&constructed), 3 * test_scale(100));
    CHECK_INT(atomic_load(&destroyed), 3 * test_scale(100));
}

/* A value that is being destroyed at the end of its thread when its local is deleted: delete
 * returns after it is gone, whoever destroys it. */
static pyt_event slow_destroy_began, slow_destroy_goes_on;
static atomic_bool slow_destroy_over;

static void destroy_slowly(void *memory) {
    CHECK_STATUS(pyt_event_set(&slow_destroy_began), PYT_OK);
    CHECK_STATUS(pyt_event_wait(&slow_destroy_goes_on), PYT_OK);
    destroy(memory);
    atomic_store(&slow_destroy_over, true);
}

static pyt_local slow = PYT_LOCAL_INIT(sizeof(value), construct, destroy_slowly);

static void *use_slow(void *arg) {
    CHECK(pyt_local_get(&slow) != NULL);
    return arg;
}

static void *delete_slow(void *arg) {
    CHECK_STATUS(pyt_local_delete(&slow), PYT_OK);
    atomic_store((atomic_bool *)arg, atomic_load(&slow_destroy_over));
    return NULL;
}

TEST(delete_returns_after_a_value_that_its_ending_thread_destroys_is_gone, NEEDS_THREADS) {
    atomic_bool was_over = false;
    pyt_thread *thread = test_thread(use_slow, NULL);
    CHECK_STATUS(pyt_event_wait(&slow_destroy_began), PYT_OK);
    pyt_thread *deleter = test_thread(delete_slow, &was_over);
    CHECK_STATUS(pyt_thread_join_timeout(deleter, 0.02), PYT_TIMEOUT);
    CHECK_STATUS(pyt_event_set(&slow_destroy_goes_on), PYT_OK);
    test_join(deleter);
    CHECK(atomic_load(&was_over));
    test_join(thread);
    check_counts(1, 1);
}
