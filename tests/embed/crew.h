/* Add the numbers from 1 to `n` in threads; -1 when that failed. */
int crew_sum(int n);
