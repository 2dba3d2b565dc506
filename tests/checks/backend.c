/* Says which system layer the library was built on, and whether that is the one expected. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    printf("%s\n", PYT_BACKEND);
    return argc == 2 && strcmp(argv[1], PYT_BACKEND) == 0 ? 0 : 1;
}
