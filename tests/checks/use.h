/* What the programs of this directory do with the library once it is included: every kind of call,
 * inline and not. Returns 0 when all went well. */
static pyt_lock use_lock = PYT_LOCK_INIT;
static pyt_event use_done = PYT_EVENT_INIT;
static int use_count;

static void *use_target(void *arg) {
    pyt_with(&use_lock) {
        use_count += *(int *)arg;
    }
    (void)pyt_event_set(&use_done);
    return arg;
}

static int use_library(void) {
    int step = 3;
    void *result = NULL;
    pyt_thread *thread = NULL;
    pyt_thread_options options = {.target = use_target, .arg = &step, .name = "user"};
    if (pyt_thread_new(&thread, &options) != PYT_OK || pyt_thread_start(thread) != PYT_OK ||
        pyt_event_wait(&use_done) != PYT_OK || pyt_thread_join(thread) != PYT_OK ||
        pyt_thread_result(thread, &result) != PYT_OK) {
        return 1;
    }
    pyt_thread_unref(thread);
    return use_count == 3 && result == &step ? 0 : 1;
}
