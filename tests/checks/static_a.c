/* With static_b.c: two units of one program, each with a library of its own. */
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "use.h"

int use_other_unit(void);

int main(void) {
    return use_library() == 0 && use_other_unit() == 0 ? 0 : 1;
}
