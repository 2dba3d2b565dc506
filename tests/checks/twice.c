/* Included twice, the second time for nothing; and again where it would be implemented twice. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
#include "pythreading.h"
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "use.h"

int main(void) {
    return use_library();
}
