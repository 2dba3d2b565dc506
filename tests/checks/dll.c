/* The library in a DLL. Handlers of atexit that a DLL has registered run when Windows has ended all
 * threads but one: then nobody may be waited for, and no lock taken. The program, which is given
 * the DLL's name, has to exit with 7. */
#include <stdio.h>
#include <windows.h>

#if defined(IN_DLL)

#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

static pyt_event running, never;
static pyt_lock held;

static void *hold_and_wait(void *arg) {
    (void)pyt_lock_acquire(&held);
    (void)pyt_event_set(&running);
    (void)pyt_event_wait(&never);
    return arg;
}

__declspec(dllexport) int begin(void);

int begin(void) {
    pyt_thread *thread = NULL;
    pyt_thread_options options = {.target = hold_and_wait};
    if (pyt_thread_new(&thread, &options) != PYT_OK || pyt_thread_start(thread) != PYT_OK ||
        pyt_event_wait(&running) != PYT_OK) {
        return 1;
    }
    pyt_thread_unref(thread);
    return pyt_active_count() == 2 ? 7 : 1;
}

#else

int main(int argc, char **argv) {
    HMODULE dll = LoadLibraryA(argc > 1 ? argv[1] : "");
    int (*begin)(void) =
        dll != NULL ? (int (*)(void))(void (*)(void))GetProcAddress(dll, "begin") : NULL;
    if (begin == NULL) {
        puts("there is no such DLL");
        return 1;
    }
    return begin();
}

#endif
