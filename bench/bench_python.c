/* The benchmark's side of bench_python.py. */
#include "bench_python.h"

#include "bench.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void become_python(const char *path, const int *in, const int *out) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(in[0], STDIN_FILENO);
    (void)dup2(out[1], STDOUT_FILENO);
    (void)close(in[1]);
    (void)close(out[0]);
    (void)execlp(path, path, "bench/bench_python.py", (char *)NULL);
    _exit(127);
}

bool bench_python_start(bench_python *p) {
    int in[2], out[2];
    char version[16] = "";
    if (pipe(in) != 0 || pipe(out) != 0) {
        return false;
    }
    (void)fflush(NULL);
    p->process = fork();
    if (p->process == 0) {
        become_python(p->path, in, out);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    p->to = fdopen(in[1], "w");
    p->from = fdopen(out[0], "r");
    if (p->process < 0 || p->to == NULL || p->from == NULL ||
        fscanf(p->from, "%15s", version) != 1) {
        return false;
    }
    (void)snprintf(p->label, sizeof p->label, "python %s", version);
    return true;
}

void bench_python_stop(bench_python *p) {
    (void)fclose(p->to);
    (void)fclose(p->from);
    (void)waitpid(p->process, NULL, 0);
    p->process = 0;
}

long bench_python_measure(bench_python *p, const bench_request *r, double *ns, double *figure) {
    long failures = 1;
    (void)fprintf(p->to, "%s %d %d %d %ld %ld\n", r->work, r->threads, r->spread, r->check,
                  r->count, r->size);
    (void)fflush(p->to);
    return fscanf(p->from, "%ld %lf %lf", &failures, ns, figure) == 3 ? failures : 1;
}
