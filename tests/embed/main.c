/* The program of the two builds beside this file: it has pythreading.h from somewhere else. */
#include "crew.h"

#include <stdio.h>

int main(void) {
    int sum = crew_sum(100);
    printf("%d\n", sum);
    return sum == 5050 ? 0 : 1;
}
