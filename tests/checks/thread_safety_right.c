/* Correct code, of which clang's -Wthread-safety has nothing to say; in C and in C++. */
#include "pythreading.h"

#define GUARDED_BY(lock) __attribute__((guarded_by(lock)))
#define REQUIRES(lock) __attribute__((requires_capability(lock)))
#define ACQUIRES(lock) __attribute__((acquire_capability(lock)))
#define RELEASES(lock) __attribute__((release_capability(lock)))

/* In C++ no number may be compared with a status, and clang understands nothing else. */
#if defined(__cplusplus)
#define GOT(call) (!(call))
#else
#define GOT(call) ((call) == PYT_OK)
#endif

static pyt_lock lock;
static pyt_rlock rlock;
static pyt_condition changed;
static pyt_semaphore seats = PYT_SEMAPHORE_INIT(2);
static pyt_bounded_semaphore places = PYT_BOUNDED_SEMAPHORE_INIT(2);
static int count GUARDED_BY(lock);
static int depth GUARDED_BY(rlock);
static int items GUARDED_BY(changed);

struct account {
    pyt_lock lock;
    int balance;
};

static void add_locked(int n) REQUIRES(lock) {
    count += n;
}

static void open(struct account *account) ACQUIRES(account->lock) {
    pyt_lock_acquire(&account->lock);
}

static void close(struct account *account) RELEASES(account->lock) {
    pyt_lock_release(&account->lock);
}

static int acquire_and_release(void) {
    pyt_lock_acquire(&lock);
    add_locked(1);
    int seen = count;
    pyt_lock_release(&lock);
    pyt_rlock_acquire(&rlock);
    depth++;
    pyt_rlock_release(&rlock);
    return seen;
}

static int acquire_or_not(void) {
    if (GOT(pyt_lock_acquire_nowait(&lock))) {
        count++;
        pyt_lock_release(&lock);
    }
    if (!GOT(pyt_rlock_acquire_timeout(&rlock, 0.5))) {
        return 0;
    }
    depth++;
    pyt_rlock_release(&rlock);
    pyt_status status = pyt_lock_acquire_timeout(&lock, 0.5);
    if (GOT(status)) {
        count++;
        pyt_lock_release(&lock);
    }
    if (GOT(pyt_condition_acquire_nowait(&changed))) {
        items++;
        pyt_condition_release(&changed);
    }
    return 1;
}

static int with_blocks(int way) {
    pyt_with(&lock) {
        add_locked(1);
        pyt_with(&rlock) {
            depth = count;
        }
        if (way == 0) {
            return count;
        }
        if (way == 1) {
            break;
        }
        if (way == 2) {
            continue;
        }
        if (way == 3) {
            goto out;
        }
        count++;
    }
out:
    pyt_lock_acquire(&lock);
    count++;
    pyt_lock_release(&lock);
    pyt_with(&seats) {
        pyt_with(&places) {
            way++;
        }
    }
    return way;
}

static void with_in_a_loop(int n) {
    for (int i = 0; i < n; i++) {
        pyt_with(&lock) {
            count += i;
        }
        pyt_with(&lock) {
            count -= i;
        }
    }
}

static int guards(int n) {
    pyt_guard(&changed);
    for (int i = 0; i < n; i++) {
        pyt_guard(&lock);
        if (count > 100) {
            break;
        }
        if (items > 100) {
            continue;
        }
        if (items > 1000) {
            return items;
        }
        count++;
    }
    pyt_guard(&seats);
    items++;
    return n;
}

/* The lock is held after the wait as before it. */
static bool has_items(void *arg) REQUIRES(changed) {
    return arg == NULL && items > 0;
}

static void wait_and_notify(void) {
    pyt_with(&changed) {
        while (items == 0) {
            pyt_condition_wait(&changed);
        }
        if (pyt_condition_wait_timeout(&changed, 0.5) == PYT_TIMEOUT) {
            items++;
        }
        pyt_condition_wait_for(&changed, has_items, NULL);
        items--;
        pyt_condition_notify_all(&changed);
    }
    pyt_condition_acquire(&changed);
    (void)pyt_condition_wait_for_timeout(&changed, has_items, NULL, 0.5);
    items--;
    pyt_condition_notify(&changed);
    pyt_condition_release(&changed);
}

static void use_account(struct account *account) {
    open(account);
    account->balance++;
    close(account);
}

int main(void) {
    struct account account = {PYT_LOCK_INIT, 0};
    with_in_a_loop(1);
    wait_and_notify();
    use_account(&account);
    return acquire_and_release() + acquire_or_not() + with_blocks(0) + guards(1);
}
