#include "crew.h"
#include "pythreading.h"

static pyt_lock lock;
static int sum;

static void add(void *item, void *result) {
    (void)result;
    pyt_with(&lock) {
        sum += *(int *)item;
    }
}

int crew_sum(int n) {
    pyt_pool *pool;
    int numbers[1000];
    if (n > 1000 || pyt_pool_new(&pool, NULL) != PYT_OK) {
        return -1;
    }
    for (int i = 0; i < n; i++) {
        numbers[i] = i + 1;
    }
    pyt_pool_work work = {
        .function = add, .items = numbers, .item_size = sizeof(int), .n = (size_t)n};
    pyt_status status = pyt_pool_map(pool, &work, NULL);
    pyt_pool_free(pool);
    return status == PYT_OK ? sum : -1;
}
