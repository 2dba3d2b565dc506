/* Included before everything else where the header has faults: see tests/simulate/mutants.txt. */
extern int simulate_mutant;
