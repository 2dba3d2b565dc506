/* This library where every wait is one on a futex word, by the platform in tests/platform/futex.h:
 * beside it, what C11's mutexes and conditions cost. */
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#define PYTHREADING_PLATFORM "tests/platform/futex.h"
#define OURS "ours over futex words"
#define OUR_KIND BENCH_VARIANT
#define bench_pyt bench_futex
#include "bench_pyt.c"
