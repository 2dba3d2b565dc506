/* Implemented after the system's headers were read as strict C11 has them, when it is too late for
 * the library to ask them for more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <threads.h>
#include <pthread.h>

#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include "use.h"

int main(void) {
    return use_library();
}
