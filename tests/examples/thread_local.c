/* Thread-local data: one name, a value for each thread, made ready by a constructor when the
 * thread first asks for it and gone before a join of the thread returns.
 *
 * Python: class Account(threading.local): def __init__(self): self.balance = 1000
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct account {
    int balance;
} account;

static int account_open(void *value) {
    account *mine = value;
    mine->balance = 1000;
    return 0; /* anything else would be a failed constructor */
}

static void account_close(void *value) {
    const account *mine = value;
    printf("%s: closed with %d\n", pyt_thread_name(pyt_current_thread()), mine->balance);
}

static pyt_local accounts = PYT_LOCAL_INIT(sizeof(account), account_open, account_close);

static void spend(int amount) {
    account *mine = pyt_local_get(&accounts);
    if (mine == NULL) {
        fprintf(stderr, "%s\n", pyt_error_message());
        abort();
    }
    printf("%s: has %d, spends %d\n", pyt_thread_name(pyt_current_thread()), mine->balance, amount);
    mine->balance -= amount;
}

static void *spend_all(void *arg) {
    const int *amount = arg;
    spend(*amount);
    spend(*amount);
    return NULL;
}

static void run(const char *name, int amount) {
    pyt_thread_options options = {
        .target = spend_all, .arg = &amount, .arg_size = sizeof amount, .name = name};
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    spend(1);
    run("worker-1", 10);
    run("worker-2", 200);
    spend(1);
    PYT_MUST(pyt_local_delete(&accounts)); /* closes main's account, the last one */
    return 0;
}
