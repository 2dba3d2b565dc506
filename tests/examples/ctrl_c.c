/* Ctrl-C, and an orderly end. SIGINT is blocked in every thread; one thread waits for it with
 * sigwait and interrupts the main thread, whose call that waits returns PYT_INTERRUPTED. Main then
 * asks the worker to stop, and joins it.
 *
 * Python: try: worker.join()
 *         except KeyboardInterrupt: stop.set(); worker.join()
 */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L /* sigwait, pthread_sigmask, kill */
#endif
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

static pyt_event stop, working;

static void *worker(void *unused) {
    (void)unused;
    pyt_status status;
    while ((status = pyt_event_wait_timeout(&stop, 0.01)) == PYT_TIMEOUT) {
        PYT_MUST(pyt_event_set(&working)); /* a piece of work */
    }
    PYT_MUST(status);
    puts("the worker has put its work away");
    return NULL;
}

#if defined(_WIN32)
#include <windows.h>

/* Windows calls it in a thread that it makes for that. */
static BOOL WINAPI on_ctrl_c(DWORD event) {
    (void)event;
    PYT_MUST(pyt_interrupt_main());
    return TRUE;
}

static void catch_ctrl_c(void) {
    SetConsoleCtrlHandler(on_ctrl_c, TRUE);
}

static void press_ctrl_c(void *unused) {
    (void)unused;
    on_ctrl_c(CTRL_C_EVENT); /* there may be no console */
}
#else
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static sigset_t interrupts;

static void *signals(void *unused) {
    int signal;
    while (sigwait(&interrupts, &signal) == 0) {
        PYT_MUST(pyt_interrupt_main());
    }
    return unused;
}

/* In main, before there is any other thread: threads inherit what is blocked. */
static void catch_ctrl_c(void) {
    pyt_thread_options options = {.target = signals, .daemon = PYT_DAEMON_TRUE};
    pyt_thread *thread;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupts, NULL);
    PYT_MUST(pyt_thread_new(&thread, &options));
    PYT_MUST(pyt_thread_start(thread));
    pyt_thread_unref(thread);
}

static void press_ctrl_c(void *unused) {
    (void)unused;
    kill(getpid(), SIGINT);
}
#endif

int main(void) {
    pyt_thread *thread, *user;
    catch_ctrl_c();
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = worker}));
    PYT_MUST(pyt_thread_start(thread));
    PYT_MUST(pyt_event_wait(&working));

    /* What a user at the keyboard would do while main waits for the worker. */
    PYT_MUST(pyt_timer_new(&user, 0.05, press_ctrl_c, NULL));
    PYT_MUST(pyt_thread_start(user));

    pyt_status status;
    while ((status = pyt_thread_join(thread)) == PYT_INTERRUPTED) {
        puts("Ctrl-C");
        PYT_MUST(pyt_event_set(&stop));
    }
    PYT_MUST(status);
    PYT_MUST(pyt_thread_join(user));
    pyt_thread_unref(user);
    pyt_thread_unref(thread);
    puts("bye");
    return 0;
}
