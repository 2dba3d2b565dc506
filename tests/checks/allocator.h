/* An allocator of the program's own, for every unit that includes the library. */
#include <stddef.h>

void *counted_malloc(size_t size);
void counted_free(void *memory);

#define PYTHREADING_MALLOC(size) counted_malloc(size)
#define PYTHREADING_FREE(pointer) counted_free(pointer)
#include "pythreading.h"
