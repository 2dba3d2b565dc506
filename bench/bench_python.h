/* The same workloads in Python: a process of the interpreter runs bench_python.py, which measures
 * what it is asked for, one line for one measurement. */
#ifndef BENCH_PYTHON_H
#define BENCH_PYTHON_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct bench_python {
    const char *path;
    char label[32]; /* "python 3.13.0" */
    pid_t process;  /* 0: not started */
    FILE *to, *from;
} bench_python;

typedef struct bench_request {
    const char *work; /* as bench.h has it */
    int threads;
    bool spread;
    bool check;
    long count, size;
} bench_request;

/* Start it; the label is known then. It ends with the process that started it. */
bool bench_python_start(bench_python *p);
void bench_python_stop(bench_python *p);
/* Nanoseconds and the figure of the workload. Returns failures, or BENCH_CANNOT. */
long bench_python_measure(bench_python *p, const bench_request *r, double *ns, double *figure);

#endif
