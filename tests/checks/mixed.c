/* A program that uses no more of the library than what is inline. It must not link with an
 * implementation that is built with other options. */
#include "pythreading.h"

static pyt_lock lock;

int main(void) {
    return pyt_lock_locked(&lock) ? 1 : 0;
}
