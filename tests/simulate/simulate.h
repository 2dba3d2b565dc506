/* Tests of simulated schedules: what a body is run with, and what is expected of it.
 *
 * A body begins with everything new: what its threads share is in its own frame. It checks with
 * PYT_CHECK, so that a failure belongs to the run and not to the process.
 */
#ifndef SIMULATE_H
#define SIMULATE_H

#include "test.h"

/* A call that cannot fail in this program. */
#define MUST(call) PYT_CHECK((call) == PYT_OK)

/* A named thread, started; and its end. */
pyt_thread *simulate_start(const char *name, void *(*target)(void *), void *arg);
void simulate_join(pyt_thread *thread);

/* What a program does, once with its bug and once without. */
typedef void (*simulate_body)(void *mended);

/* Expect RANDOM to find the bug of a program within 1,000 runs; the report to name everything in
 * `words`, a list that ends with NULL; and the same seed, and the schedule, to fail again in the
 * same way. */
void simulate_finds(simulate_body body, const char *const *words);

/* Expect every schedule with at most `bound` preemptions to end well; print how many there are.
 * With SIMULATE_RANDOM=N in the environment: N random runs instead, for what is not proved. */
void simulate_all(simulate_body body, void *arg, int bound);

/* Run `options` on a body. Returns the status; `report` receives what was written to stderr. */
pyt_status simulate_reported(const pyt_simulate_options *options, simulate_body body, void *arg,
                             char *report, size_t size);

#endif
