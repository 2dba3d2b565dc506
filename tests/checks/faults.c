/* Put behind a copy of the header with its implementation: faults that the analysers have to find,
 * or they do not look. Each function is named after what is wrong in it. */
void fault_use_after_free(void);
void fault_null(size_t size);
void fault_lock_twice(void);
void fault_result_ignored(const char *name);
void fault_beyond_the_end(void);

void fault_use_after_free(void) {
    char *memory = (char *)pyt__allocate_zeroed(8);
    if (memory != NULL) {
        pyt__release_memory(memory);
        memory[0] = 1;
    }
}

void fault_null(size_t size) {
    int *memory = size > 0 ? (int *)pyt__allocate(sizeof *memory) : NULL;
    *memory = 1;
    pyt__release_memory(memory);
}

void fault_lock_twice(void) {
    static pyt__os_mutex mutex;
    if (pyt__os_mutex_init(&mutex)) {
        pyt__os_mutex_lock(&mutex);
        pyt__os_mutex_lock(&mutex);
    }
}

void fault_result_ignored(const char *name) {
    remove(name);
}

void fault_beyond_the_end(void) {
    int numbers[2] = {0, 0};
    numbers[2] = 1;
    pyt__release_memory(numbers[0] > 0 ? numbers : NULL);
}
