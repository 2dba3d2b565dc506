/* A client and a server that meet at a barrier of two: the client asks only when the server is
 * ready, and waits for that only so long.
 *
 * Python: b = Barrier(2, timeout=5), from the documentation of threading.Barrier
 */
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"

#include <stdio.h>

typedef struct meeting {
    pyt_barrier barrier;
    pyt_event asked;
    pyt_event answered;
    int question; /* written before `asked` is set */
    int answer;   /* written before `answered` is set */
} meeting;

static void *server(void *arg) {
    meeting *ours = arg;
    printf("server: ready\n");
    PYT_MUST(pyt_barrier_wait(&ours->barrier, NULL));
    PYT_MUST(pyt_event_wait(&ours->asked));
    printf("server: was asked for the square of %d\n", ours->question);
    ours->answer = ours->question * ours->question;
    PYT_MUST(pyt_event_set(&ours->answered));
    return NULL;
}

static void *client(void *arg) {
    meeting *ours = arg;
    pyt_status status = pyt_barrier_wait(&ours->barrier, NULL);
    if (status != PYT_OK) {
        printf("client: no server: %s\n", pyt_status_name(status));
        return NULL;
    }
    ours->question = 7;
    PYT_MUST(pyt_event_set(&ours->asked));
    PYT_MUST(pyt_event_wait(&ours->answered));
    printf("client: it is %d\n", ours->answer);
    return NULL;
}

static pyt_thread *start(void *(*target)(void *), meeting *ours) {
    pyt_thread *thread;
    PYT_MUST(pyt_thread_new(&thread, &(pyt_thread_options){.target = target, .arg = ours}));
    PYT_MUST(pyt_thread_start(thread));
    return thread;
}

static void join(pyt_thread *thread) {
    PYT_MUST(pyt_thread_join(thread));
    pyt_thread_unref(thread);
}

int main(void) {
    meeting ours = {.question = 0};
    PYT_MUST(pyt_barrier_init(&ours.barrier, 2, &(pyt_barrier_options){.timeout = 60}));
    pyt_thread *first = start(server, &ours);
    pyt_thread *second = start(client, &ours);
    join(first);
    join(second);

    printf("and now without a server\n");
    PYT_MUST(pyt_barrier_init(&ours.barrier, 2, &(pyt_barrier_options){.timeout = 0.1}));
    join(start(client, &ours));
    return 0;
}
