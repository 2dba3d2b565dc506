/* An array is worked on by several threads at once: pool.map for one array, starmap for two side
 * by side, imap to have the results while the rest is still being worked on. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

#define N 100000

static int numbers[N], others[N];
static long results[N];

/* How many steps it takes from a number to 1 (halve the even, 3n + 1 the odd). */
static void steps(void *item, void *result) {
    long n = *(int *)item, count = 0;
    while (n != 1) {
        n = n % 2 == 0 ? n / 2 : 3 * n + 1;
        count++;
    }
    *(long *)result = count;
}

static void multiply(void *const *items, void *result) {
    *(long *)result = (long)*(int *)items[0] * *(int *)items[1];
}

static long longest(void) {
    long best = 0;
    for (int i = 0; i < N; i++) {
        best = results[i] > results[best] ? i : best;
    }
    return best;
}

int main(void) {
    pyt_pool *pool;
    pyt_pool_iterator *iterator;
    pyt_pool_work work = {.function = steps,
                          .items = numbers,
                          .item_size = sizeof numbers[0],
                          .n = N,
                          .results = results,
                          .result_size = sizeof results[0]};
    for (int i = 0; i < N; i++) {
        numbers[i] = i + 1;
        others[i] = 2;
    }
    if (pyt_pool_new(&pool, NULL) != PYT_OK || pyt_pool_map(pool, &work, NULL) != PYT_OK) {
        return 1;
    }
    printf("map: %d takes %ld steps\n", numbers[longest()], results[longest()]);

    pyt_pool_array arrays[] = {{numbers, sizeof numbers[0]}, {others, sizeof others[0]}};
    pyt_pool_work pairs = {.star = multiply,
                           .arrays = arrays,
                           .n_arrays = 2,
                           .n = N,
                           .results = results,
                           .result_size = sizeof results[0]};
    if (pyt_pool_starmap(pool, &pairs, NULL) != PYT_OK) {
        return 1;
    }
    printf("starmap: %d times %d is %ld\n", numbers[20], others[20], results[20]);

    work.n = 10;
    long count;
    if (pyt_pool_imap(pool, &work, &iterator) != PYT_OK) {
        return 1;
    }
    printf("imap:");
    while (pyt_pool_iterator_next(iterator, &count, NULL) == PYT_OK) {
        printf(" %ld", count);
    }
    printf("\n");
    pyt_pool_iterator_destroy(iterator);
    pyt_pool_close(pool);
    pyt_pool_join(pool);
    pyt_pool_free(pool);
    return 0;
}
