/* What main.c of the program of three copies knows of its two libraries. */

/* Start threads in a library, which work with locks and queues of its own copy. They are not
 * daemons, and each waits for the end of the main thread before it says that it is done. */
int one_start(void);
int two_start(void);
