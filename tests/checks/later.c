/* Declared at the top, as through another header, and implemented at the end of the unit. */
#include "pythreading.h"

#include "use.h"

int main(void) {
    return use_library();
}

#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
