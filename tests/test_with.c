/* pyt_with and pyt_guard, for all five types that a with statement takes. */
#include "test.h"

/* One of each. Below, for each, how often this thread holds it. */
typedef struct things {
    pyt_lock lock;
    pyt_rlock rlock;
    pyt_condition condition;
    pyt_semaphore semaphore;
    pyt_bounded_semaphore bounded;
} things;

enum {
    PERMITS = 3
};

static things make(void) {
    things t = {
        PYT_LOCK_INIT,
        PYT_RLOCK_INIT,
        PYT_CONDITION_INIT,
        PYT_SEMAPHORE_INIT(PERMITS),
        PYT_BOUNDED_SEMAPHORE_INIT(PERMITS),
    };
    return t;
}

static int lock_held(const things *t) {
    return pyt_lock_locked(&t->lock);
}

static int rlock_held(const things *t) {
    return (int)pyt_rlock_recursion_count(&t->rlock);
}

static int condition_held(const things *t) {
    return (int)pyt_rlock_recursion_count(&t->condition.pyt__own);
}

static int semaphore_held(const things *t) {
    return PERMITS - pyt_semaphore_value(&t->semaphore);
}

static int bounded_held(const things *t) {
    return PERMITS - pyt_bounded_semaphore_value(&t->bounded);
}

/* The same functions for a member `m` of type pyt_`type`. */
#define FORMS(m, type)                                                      \
    static int m##_return(things *t) {                                      \
        pyt_with(&t->m) {                                                   \
            CHECK_INT(m##_held(t), 1);                                      \
            return 7;                                                       \
        }                                                                   \
        return 0;                                                           \
    }                                                                       \
                                                                            \
    static int m##_guarded_return(things *t) {                              \
        pyt_guard(&t->m);                                                   \
        CHECK_INT(m##_held(t), 1);                                          \
        return 7;                                                           \
    }                                                                       \
                                                                            \
    static void m##_jump(things *t) {                                       \
        int passes = 0;                                                     \
    again:                                                                  \
        CHECK_INT(m##_held(t), 0);                                          \
        pyt_with(&t->m) {                                                   \
            if (++passes < 3) {                                             \
                goto again;                                                 \
            }                                                               \
            goto over;                                                      \
        }                                                                   \
        CHECK_INT(passes, -1);                                              \
    over:                                                                   \
        CHECK_INT(m##_held(t), 0);                                          \
        CHECK_INT(passes, 3);                                               \
    }                                                                       \
                                                                            \
    TEST(m##_is_held_inside_with_and_free_after_it) {                       \
        things t = make();                                                  \
        int runs = 0;                                                       \
        for (int i = 0; i < 3; i++) {                                       \
            CHECK_INT(m##_held(&t), 0);                                     \
            pyt_with(&t.m) {                                                \
                CHECK_INT(m##_held(&t), 1);                                 \
                runs++;                                                     \
            }                                                               \
            CHECK_INT(m##_held(&t), 0);                                     \
        }                                                                   \
        CHECK_INT(runs, 3);                                                 \
    }                                                                       \
                                                                            \
    TEST(m##_is_free_after_a_return_out_of_with) {                          \
        things t = make();                                                  \
        CHECK_INT(m##_return(&t), 7);                                       \
        CHECK_INT(m##_held(&t), 0);                                         \
        CHECK_INT(m##_return(&t), 7);                                       \
        CHECK_INT(m##_held(&t), 0);                                         \
    }                                                                       \
                                                                            \
    TEST(m##_is_free_after_a_goto_out_of_with) {                            \
        things t = make();                                                  \
        m##_jump(&t);                                                       \
    }                                                                       \
                                                                            \
    TEST(m##_is_free_after_break_and_continue_which_leave_with_alone) {     \
        things t = make();                                                  \
        int rounds = 0;                                                     \
        for (int i = 0; i < 4; i++) {                                       \
            pyt_with(&t.m) {                                                \
                if (i % 2 == 0) {                                           \
                    break;                                                  \
                }                                                           \
                continue;                                                   \
            }                                                               \
            CHECK_INT(m##_held(&t), 0);                                     \
            rounds++;                                                       \
        }                                                                   \
        CHECK_INT(rounds, 4);                                               \
    }                                                                       \
                                                                            \
    TEST(m##_is_guarded_to_the_end_of_the_block) {                          \
        things t = make();                                                  \
        {                                                                   \
            pyt_guard(&t.m);                                                \
            CHECK_INT(m##_held(&t), 1);                                     \
        }                                                                   \
        CHECK_INT(m##_held(&t), 0);                                         \
        CHECK_INT(m##_guarded_return(&t), 7);                               \
        CHECK_INT(m##_held(&t), 0);                                         \
    }                                                                       \
                                                                            \
    TEST(m##_is_free_after_break_and_continue_which_leave_a_guarded_loop) { \
        things t = make();                                                  \
        int rounds = 0;                                                     \
        int ends = 0;                                                       \
        for (int i = 0; i < 4; i++) {                                       \
            CHECK_INT(m##_held(&t), 0);                                     \
            pyt_guard(&t.m);                                                \
            CHECK_INT(m##_held(&t), 1);                                     \
            rounds++;                                                       \
            if (i == 1) {                                                   \
                continue;                                                   \
            }                                                               \
            if (i == 2) {                                                   \
                break;                                                      \
            }                                                               \
            ends++;                                                         \
        }                                                                   \
        CHECK_INT(m##_held(&t), 0);                                         \
        CHECK_INT(rounds, 3);                                               \
        CHECK_INT(ends, 1);                                                 \
    }                                                                       \
                                                                            \
    static int m##_is_skipped(type *nothing) {                              \
        int runs = 0;                                                       \
        pyt_with(nothing) {                                                 \
            runs++;                                                         \
        }                                                                   \
        return runs;                                                        \
    }                                                                       \
                                                                            \
    TEST(m##_that_is_null_skips_the_block_and_says_so) {                    \
        CHECK_INT(m##_is_skipped(NULL), 0);                                 \
        CHECK(pyt_error_message()[0] != '\0');                              \
    }

FORMS(lock, pyt_lock)
FORMS(rlock, pyt_rlock)
FORMS(condition, pyt_condition)
FORMS(semaphore, pyt_semaphore)
FORMS(bounded, pyt_bounded_semaphore)

/* ---- nesting ---- */

static bool all_free(const things *t) {
    return lock_held(t) + rlock_held(t) + condition_held(t) + semaphore_held(t) + bounded_held(t) ==
           0;
}

static bool all_held(const things *t) {
    return lock_held(t) == 1 && rlock_held(t) == 1 && condition_held(t) == 1 &&
           semaphore_held(t) == 1 && bounded_held(t) == 1;
}

TEST(blocks_can_be_nested_and_are_left_one_by_one) {
    things t = make();
    pyt_with(&t.lock) {
        pyt_with(&t.rlock) {
            pyt_with(&t.condition) {
                pyt_with(&t.semaphore) {
                    pyt_with(&t.bounded) {
                        CHECK(all_held(&t));
                    }
                    CHECK_INT(bounded_held(&t), 0);
                    CHECK_INT(semaphore_held(&t), 1);
                }
                CHECK_INT(semaphore_held(&t), 0);
                CHECK_INT(condition_held(&t), 1);
            }
            CHECK_INT(condition_held(&t), 0);
            CHECK_INT(rlock_held(&t), 1);
        }
        CHECK_INT(rlock_held(&t), 0);
        CHECK_INT(lock_held(&t), 1);
    }
    CHECK(all_free(&t));
}

static int return_out_of_all(things *t) {
    pyt_with(&t->lock)
        pyt_with(&t->rlock)
            pyt_with(&t->condition) {
                pyt_guard(&t->semaphore);
                pyt_guard(&t->bounded);
                CHECK(all_held(t));
                return 3;
            }
    return 0;
}

TEST(a_return_leaves_all_blocks_at_once) {
    things t = make();
    CHECK_INT(return_out_of_all(&t), 3);
    CHECK(all_free(&t));
}

TEST(a_goto_leaves_as_many_blocks_as_it_jumps_out_of) {
    things t = make();
    int passes = 0;
    pyt_with(&t.lock) {
    again:
        pyt_with(&t.rlock) {
            pyt_with(&t.condition) {
                if (++passes < 3) {
                    goto again;
                }
                CHECK_INT(rlock_held(&t), 1);
                CHECK_INT(condition_held(&t), 1);
            }
        }
        CHECK_INT(lock_held(&t), 1);
    }
    CHECK_INT(passes, 3);
    CHECK(all_free(&t));
}

TEST(a_break_leaves_the_innermost_block_alone) {
    things t = make();
    int after = 0;
    pyt_with(&t.lock) {
        pyt_with(&t.rlock) {
            break;
        }
        after++;
        CHECK_INT(rlock_held(&t), 0);
        CHECK_INT(lock_held(&t), 1);
    }
    CHECK_INT(after, 1);
    CHECK(all_free(&t));
}

TEST(the_same_object_can_be_held_at_several_levels) {
    things t = make();
    pyt_with(&t.rlock) {
        pyt_guard(&t.rlock);
        pyt_with(&t.rlock) {
            CHECK_INT(rlock_held(&t), 3);
        }
        CHECK_INT(rlock_held(&t), 2);
        pyt_with(&t.semaphore)
            pyt_with(&t.semaphore) {
                CHECK_INT(semaphore_held(&t), 2);
            }
    }
    CHECK(all_free(&t));
}

TEST(a_block_needs_no_braces) {
    things t = make();
    int runs = 0;
    for (int i = 0; i < 5; i++) {
        pyt_with(&t.lock)
            runs += lock_held(&t);
    }
    CHECK_INT(runs, 5);
    CHECK(all_free(&t));
}

TEST(a_loop_inside_a_block_has_its_own_break_and_continue) {
    things t = make();
    int sum = 0;
    pyt_with(&t.lock) {
        for (int i = 0; i < 10; i++) {
            if (i == 3) {
                continue;
            }
            if (i == 5) {
                break;
            }
            sum += i;
            CHECK_INT(lock_held(&t), 1);
        }
        CHECK_INT(lock_held(&t), 1);
        sum += 100;
    }
    CHECK_INT(sum, 0 + 1 + 2 + 4 + 100);
    CHECK(all_free(&t));
}

static pyt_lock *next_lock(pyt_lock *lock, int *calls) {
    ++*calls;
    return lock;
}

TEST(the_object_is_asked_for_once) {
    things t = make();
    int calls = 0;
    pyt_with(next_lock(&t.lock, &calls)) {
        CHECK_INT(calls, 1);
    }
    CHECK_INT(calls, 1);
    {
        pyt_guard(next_lock(&t.lock, &calls));
        CHECK_INT(calls, 2);
    }
    CHECK_INT(calls, 2);
    CHECK(all_free(&t));
}

/* ---- with other threads ---- */

static pyt_status enter_each(void *arg) {
    things *t = arg;
    int entered = 0;
    pyt_with(&t->lock) {
        entered++;
    }
    pyt_with(&t->rlock) {
        entered++;
    }
    pyt_with(&t->condition) {
        entered++;
    }
    pyt_with(&t->semaphore) {
        entered++;
    }
    pyt_with(&t->bounded) {
        entered++;
    }
    CHECK_INT(entered, 5);
    return PYT_OK;
}

TEST(a_block_waits_until_the_object_is_free, NEEDS_THREADS) {
    things t = make();
    test_call call;
    CHECK_STATUS(pyt_lock_acquire(&t.lock), PYT_OK);
    CHECK_STATUS(pyt_rlock_acquire(&t.rlock), PYT_OK);
    CHECK_STATUS(pyt_condition_acquire(&t.condition), PYT_OK);
    for (int i = 0; i < PERMITS; i++) {
        CHECK_STATUS(pyt_semaphore_acquire(&t.semaphore), PYT_OK);
        CHECK_STATUS(pyt_bounded_semaphore_acquire(&t.bounded), PYT_OK);
    }
    test_begin(&call, enter_each, &t);
    PARKED_LOCK(&t.lock, 1);
    CHECK_STATUS(pyt_lock_release(&t.lock), PYT_OK);
    PARKED_RLOCK(&t.rlock, 1);
    CHECK_STATUS(pyt_rlock_release(&t.rlock), PYT_OK);
    PARKED_RLOCK(&t.condition.pyt__own, 1);
    CHECK_STATUS(pyt_condition_release(&t.condition), PYT_OK);
    PARKED_SEMAPHORE(&t.semaphore, 1);
    CHECK_STATUS(pyt_semaphore_release_n(&t.semaphore, PERMITS), PYT_OK);
    PARKED_BOUNDED(&t.bounded, 1);
    CHECK(!test_ended(&call));
    CHECK_STATUS(pyt_bounded_semaphore_release_n(&t.bounded, PERMITS), PYT_OK);
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK(all_free(&t));
}

/* ---- without memory ---- */

/* One object of the things that another thread takes without memory, while this one holds it. */
typedef struct poor {
    things things;
    int held; /* inside the block */
    int runs;
} poor;

/* The other thread has failed to get memory for its wait so often that it sleeps between tries. */
static void wait_until_it_sleeps(void) {
    while (test_fault_calls() < 200) {
        test_yield();
    }
}

typedef struct poor_call {
    pyt_status (*enter)(void *arg);
    poor *poor;
} poor_call;

static void *enter_poor(void *arg) {
    poor_call *call = arg;
    CHECK_STATUS(call->enter(call->poor), PYT_OK);
    return NULL;
}

#define POOR_FORMS(m, n, acquire, release)                                                     \
    static pyt_status with_##m##_without_memory(void *arg) {                                   \
        poor *p = arg;                                                                         \
        test_fail_memory(true);                                                                \
        pyt_with(&p->things.m) {                                                               \
            p->held = m##_held(&p->things);                                                    \
            p->runs++;                                                                         \
        }                                                                                      \
        {                                                                                      \
            pyt_guard(&p->things.m);                                                           \
            p->runs++;                                                                         \
        }                                                                                      \
        test_fail_memory(false);                                                               \
        CHECK_STR(pyt_error_message(), "");                                                    \
        return PYT_OK;                                                                         \
    }                                                                                          \
                                                                                               \
    static pyt_status guard_##m##_without_memory(void *arg) {                                  \
        poor *p = arg;                                                                         \
        test_fail_memory(true);                                                                \
        pyt_guard(&p->things.m);                                                               \
        p->held = m##_held(&p->things);                                                        \
        test_fail_memory(false);                                                               \
        p->runs += 2;                                                                          \
        return PYT_OK;                                                                         \
    }                                                                                          \
                                                                                               \
    static void m##_is_waited_for(pyt_status (*enter)(void *arg)) {                            \
        poor p = {.things = make()};                                                           \
        for (int i = 0; i < (n); i++) {                                                        \
            CHECK_STATUS(acquire(&p.things.m), PYT_OK);                                        \
        }                                                                                      \
        poor_call call = {enter, &p};                                                          \
        test_raw thread = test_raw_start(enter_poor, &call);                                   \
        wait_until_it_sleeps();                                                                \
        CHECK_INT(p.runs, 0);                                                                  \
        CHECK_STATUS(release(&p.things.m), PYT_OK);                                            \
        test_raw_join(thread);                                                                 \
        CHECK_INT(p.runs, 2);                                                                  \
        CHECK(p.held > 0);                                                                     \
    }                                                                                          \
                                                                                               \
    TEST(m##_without_memory_is_waited_for_by_a_block_that_runs,                                \
         NEEDS_THREADS | NEEDS_FOREIGN_THREADS) {                                              \
        m##_is_waited_for(with_##m##_without_memory);                                          \
    }                                                                                          \
                                                                                               \
    TEST(m##_without_memory_is_waited_for_by_a_guard, NEEDS_THREADS | NEEDS_FOREIGN_THREADS) { \
        m##_is_waited_for(guard_##m##_without_memory);                                         \
    }

POOR_FORMS(lock, 1, pyt_lock_acquire, pyt_lock_release)
POOR_FORMS(rlock, 1, pyt_rlock_acquire, pyt_rlock_release)
POOR_FORMS(condition, 1, pyt_condition_acquire, pyt_condition_release)
POOR_FORMS(semaphore, PERMITS, pyt_semaphore_acquire, pyt_semaphore_release)
POOR_FORMS(bounded, PERMITS, pyt_bounded_semaphore_acquire, pyt_bounded_semaphore_release)

TEST(a_block_runs_at_the_last_level_of_an_rlock_and_leaves_it_as_it_was) {
    pyt_rlock rlock = PYT_RLOCK_INIT;
    int runs = 0;
    CHECK_STATUS(pyt_rlock_acquire(&rlock), PYT_OK);
    rlock.pyt__depth = UINT32_MAX;
    pyt_with(&rlock) {
        CHECK(pyt_rlock_is_owned(&rlock));
        runs++;
    }
    CHECK_INT(runs, 1);
    CHECK(rlock.pyt__depth == UINT32_MAX);
    CHECK_STR(pyt_error_message(), "internal lock count overflowed");
}

/* ---- waits inside ---- */

/* A condition is waited for inside its block, and a wait may let it go. */
typedef struct door {
    pyt_condition condition;
    bool open;
} door;

static bool is_open(void *arg) {
    return ((door *)arg)->open;
}

static pyt_status pass_the_door(void *arg) {
    door *d = arg;
    pyt_with(&d->condition) {
        return pyt_condition_wait_for(&d->condition, is_open, d);
    }
    return PYT_RUNTIME_ERROR;
}

TEST(a_condition_can_be_waited_for_inside_its_block, NEEDS_THREADS) {
    door d = {.condition = PYT_CONDITION_INIT};
    test_call call;
    test_begin(&call, pass_the_door, &d);
    PARKED_CONDITION(&d.condition, 1);
    pyt_with(&d.condition) {
        d.open = true;
        CHECK_STATUS(pyt_condition_notify(&d.condition), PYT_OK);
    }
    CHECK_STATUS(test_end(&call), PYT_OK);
    CHECK(!pyt_rlock_locked(&d.condition.pyt__own));
}

typedef struct account {
    pyt_lock lock;
    long balance;
    int rounds;
} account;

static pyt_status pay_in(void *arg) {
    account *a = arg;
    for (int i = 0; i < a->rounds; i++) {
        if (i % 2 == 0) {
            pyt_with(&a->lock) {
                a->balance++;
            }
        } else {
            pyt_guard(&a->lock);
            a->balance++;
        }
    }
    return PYT_OK;
}

TEST(blocks_and_guards_keep_threads_apart) {
    account a = {.rounds = test_scale(20000)};
    test_call calls[4];
    for (int i = 0; i < 4; i++) {
        test_begin(&calls[i], pay_in, &a);
    }
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(test_end(&calls[i]), PYT_OK);
    }
    CHECK_INT(a.balance, 4L * a.rounds);
}
