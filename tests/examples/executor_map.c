/* Words are counted in several files at once with executor.map: the results come in the order of
 * the files, and a file that cannot be read is reported at its place.
 *
 * With no files named on the command line it writes three, and names one that is not there. */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The task: the number of words in the file that is called `name`. */
static void *count_words(void *name) {
    FILE *file = fopen((const char *)name, "r");
    if (file == NULL) {
        pyt_raise(errno, "cannot be read");
    }
    uintptr_t words = 0;
    int before = ' ';
    for (int c = getc(file); c != EOF; c = getc(file)) {
        words += isspace(before) && !isspace(c);
        before = c;
    }
    fclose(file);
    return (void *)words;
}

/* Count in `n` files, going on behind each one that fails. */
static void count_all(pyt_executor *executor, char **names, size_t n) {
    void **counts = (void **)calloc(n, sizeof *counts);
    for (size_t first = 0; counts != NULL && first < n;) {
        size_t good = 0;
        pyt_status status = pyt_executor_map(executor, count_words, (void **)&names[first],
                                             n - first, counts, &good);
        for (size_t i = 0; i < good; i++) {
            printf("%-12s %3lu\n", names[first + i], (unsigned long)(uintptr_t)counts[i]);
        }
        first += good;
        if (status != PYT_OK) {
            printf("%-12s %s\n", names[first++], pyt_error_message());
        }
    }
    free(counts);
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    if (file != NULL) {
        fputs(text, file);
        fclose(file);
    }
}

int main(int argc, char **argv) {
    static char one[] = "map-one.tmp", two[] = "map-two.tmp", four[] = "map-four.tmp";
    static char missing[] = "no-such.tmp";
    char *own[] = {one, missing, two, four};
    pyt_executor *executor;
    if (pyt_executor_new(&executor, &(pyt_executor_options){.max_workers = 4}) != PYT_OK) {
        return 1;
    }
    if (argc > 1) {
        count_all(executor, &argv[1], (size_t)argc - 1);
    } else {
        write_file(one, "word\n");
        write_file(two, "  two\twords");
        write_file(four, "here are\nfour words\n");
        count_all(executor, own, 4);
        remove(one);
        remove(two);
        remove(four);
    }
    pyt_executor_free(executor);
    return 0;
}
