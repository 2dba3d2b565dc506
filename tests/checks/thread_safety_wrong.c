/* Mistakes that clang's -Wthread-safety finds: each of these lines, in C and in C++, and no other.
 * Clang says "lock" for what it called "mutex" before 18. Where it does not see the cleanup of a
 * with block (in C before 18), it misses what is expected as `seen` alone. */
#include "pythreading.h"

#define GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define REQUIRES(lock) __attribute__((requires_capability(lock)))

static pyt_lock lock;
static pyt_rlock rlock;
static pyt_condition changed;
static int count GUARDED_BY(lock);
static int depth GUARDED_BY(rlock);
static int items GUARDED_BY(changed);

static void add_locked(int n) REQUIRES(lock) {
    count += n;
}

/* ---- access without the lock ---- */

static int bare_access(void) {
    count = 1;     /* expected-warning {{writing variable 'count' requires holding lock 'lock'}} */
    add_locked(1); /* expected-warning {{calling function 'add_locked' requires holding lock}} */
    return depth + /* expected-warning {{reading variable 'depth' requires holding}} */
           items;  /* expected-warning {{reading variable 'items' requires holding}} */
}

static void the_wrong_lock(void) {
    pyt_with(&rlock) {
        count++; /* expected-warning {{writing variable 'count' requires holding lock 'lock'}} */
    }
}

static void after_the_block(void) {
    pyt_with(&lock) {
        count++;
    }
    count++; /* expected-warning {{writing variable 'count' requires holding lock 'lock'}} */
    {
        pyt_guard(&lock);
        count++;
    }
    count++; /* seen-warning {{writing variable 'count' requires holding lock 'lock'}} */
}

static void after_the_release(void) {
    pyt_condition_acquire(&changed);
    pyt_condition_release(&changed);
    items++; /* expected-warning {{writing variable 'items' requires holding lock 'changed'}} */
}

static void without_a_look_at_the_status(void) {
    (void)pyt_lock_acquire_nowait(&lock);
    count++; /* expected-warning {{writing variable 'count' requires holding lock 'lock'}} */
}

static void when_it_was_not_acquired(void) {
    if (pyt_lock_acquire_timeout(&lock, 1)) {
        count++; /* expected-warning {{writing variable 'count' requires holding lock 'lock'}} */
        return;
    }
    pyt_lock_release(&lock);
}

/* ---- missing and doubled calls ---- */

static void no_release(void) {
    pyt_lock_acquire(&lock);
    count++;
} /* expected-warning {{'lock' is still held at the end of function}} */

static int no_release_on_one_path(int way) {
    pyt_rlock_acquire(&rlock);
    if (way > 0) {
        return depth;
    }
    pyt_rlock_release(&rlock);
    return 0;
} /* expected-warning {{'rlock' is not held on every path through here}} */

static void release_without_acquire(void) {
    pyt_condition_release(&changed); /* expected-warning {{releasing lock 'changed'}} */
}

static void double_acquire(void) {
    pyt_lock_acquire(&lock);
    pyt_lock_acquire(&lock); /* expected-warning {{acquiring lock 'lock' that is}} */
    pyt_lock_release(&lock);
}

static void acquire_inside_with(void) {
    pyt_with(&lock) {
        pyt_lock_acquire(&lock); /* expected-warning {{acquiring lock 'lock' that is}} */
    }
}

static void acquire_inside_guard(void) {
    pyt_guard(&lock);
    pyt_lock_acquire(&lock); /* expected-warning {{acquiring lock 'lock' that is}} */
}

int main(void) {
    the_wrong_lock();
    after_the_block();
    after_the_release();
    without_a_look_at_the_status();
    when_it_was_not_acquired();
    no_release();
    release_without_acquire();
    double_acquire();
    acquire_inside_with();
    acquire_inside_guard();
    return bare_access() + no_release_on_one_path(1);
}
