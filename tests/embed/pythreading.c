/* The one file of the program that compiles the implementation. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
