// The header, and its implementation, included within extern "C" as headers for C are.
extern "C" {
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
}

static pyt_lock lock = PYT_LOCK_INIT;
static int total;

static void *add(void *arg) {
    pyt_with(&lock) {
        total += *static_cast<int *>(arg);
    }
    return nullptr;
}

int main() {
    pyt_thread *thread = nullptr;
    int number = 7;
    pyt_thread_options options = {};
    options.target = add;
    options.arg = &number;
    if (pyt_thread_new(&thread, &options) != PYT_OK || pyt_thread_start(thread) != PYT_OK ||
        pyt_thread_join(thread) != PYT_OK) {
        return 1;
    }
    pyt_thread_unref(thread);
    return total == 7 ? 0 : 1;
}
