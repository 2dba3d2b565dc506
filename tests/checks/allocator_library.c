/* The library with the allocator of allocator.h: it may ask nobody else for memory. */
#define PYTHREADING_IMPLEMENTATION
#include "allocator.h"
