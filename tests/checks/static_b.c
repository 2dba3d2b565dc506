/* The second unit of static_a.c. */
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "use.h"

int use_other_unit(void);

int use_other_unit(void) {
    return use_library();
}
