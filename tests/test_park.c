/* The table of waiting threads. */
#include "test.h"

/* How many of `n` addresses, each `stride` behind the other, share the bucket of the first. */
static int crowd(uintptr_t first, uintptr_t stride, int n) {
    int found = 1;
    for (int i = 1; i < n; i++) {
        found +=
            test_same_bucket((const void *)first, (const void *)(first + (uintptr_t)i * stride));
    }
    return found;
}

/* Objects of any size, each with a lock in it: with a thousand buckets two or three of 128 may
 * meet, and in the worst of many sizes some more, but not most of them. */
TEST(locks_in_objects_of_any_size_do_not_share_a_bucket, NEEDS_MANY_BUCKETS | NOT_SIMULATED,
     "buckets do not follow from addresses there") {
    for (uintptr_t stride = 8; stride < 400000; stride += (uintptr_t)(8 * test_slowness())) {
        CHECK(crowd(0x10000, stride, 128) < 24);
    }
    /* The multiples of the golden ratio come closest to themselves after this one of the range. */
    CHECK(crowd(0x10000, 259288, 128) < 24);
}

TEST(addresses_next_to_each_other_do_not_share_a_bucket, NEEDS_MANY_BUCKETS) {
    for (uintptr_t stride = 4; stride <= 1 << 20; stride *= 2) {
        CHECK(crowd(0x10000, stride, 512) < 16);
    }
}
