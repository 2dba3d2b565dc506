# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# The test suite: under valgrind and the sanitizers, the slowest first, and as each compiler makes
# it.

# The table: a check, its compiler, the standard, the system layer asked for, by how much it is
# slower, and the flags. Each compiler, standard, level and layer is in one row at least; `make
# test` adds cc -std=c11 -O2. A row may have a function before_NAME, for what else it is about.
suite_table() {
    cat <<'END'
tsan            clang     c11  c11       10  -O1 -g -fsanitize=thread
tsan-gcc        gcc       c11  c11       10  -O1 -g -fsanitize=thread
asan            gcc       c11 c11 4  -O1 -g -DPYTHREADING_BUCKETS=32 -fsanitize=address,undefined
asan-clang      clang     c11  c11        4  -O1 -g -fsanitize=address,undefined
gcc-pthreads    gcc       c17  pthreads   3  -O3
gcc-c2x         gcc       c2x  c11        3  -Os
clang-c11       clang     c11  c11        3  -O2
clang-pthreads  clang     gnu99 pthreads  3  -O1 -Wno-c11-extensions
clang-19        clang-19  c23  c11        3  -O0
END
}

# suite_row NAME: the check of that row.
suite_row() {
    set -- $(suite_table | grep "^$1 ")
    row=$1 compiler=$2 standard=$3 layer=$4 slow=$5 rooms=''
    shift 5
    need "$compiler" "$compiler"
    case " $* " in
    *-fsanitize*)
        need_runtime $compiler -fsanitize=address libclang-rt-14-dev
        # What these instructions are for, they lead this compiler to think, may be out of bounds.
        # A second runtime is five megabytes more for each look for leaks: a trap does without.
        [ $compiler = clang ] ||
            set -- "$@" -Wno-format-truncation -fsanitize-undefined-trap-on-error
        set -- "$@" -fno-sanitize-recover=all -fno-omit-frame-pointer
        level=-O0
        ;;
    *) level= ;;
    esac
    # A daemon or a raw thread that is in its last steps when the process ends is no leak.
    export TEST_SLOW="$slow" ASAN_OPTIONS=detect_leaks=1
    export TSAN_OPTIONS='die_after_fork=0 report_thread_leaks=0'
    export UBSAN_OPTIONS=print_stacktrace=1
    if type "before_$(echo "$row" | tr - _)" >"$here/none" 2>&1; then
        "before_$(echo "$row" | tr - _)"
    fi
    counted "$(path_of build-suite CC=$compiler STD=$standard BACKEND=$layer CFLAGS="$*" \
        TEST_CFLAGS=$level ROOMS="$rooms")" $together
}

# What the sanitizers are there to see, they see.
before_tsan() {
    for with in clang gcc; do
        try "$with: it builds" $with -O1 -g -fsanitize=thread -I. tests/checks/race.c \
            -o "$here/race" -pthread
        try "$with: it sees a race" not "$here/race"
        try "$with: it sees the library's lock" "$here/race" locked
    done
}

# A race is one whichever compiler shows it. What differs is how each translates the atomics and the
# waits: the rooms that have protocols of their own. The others are made of these.
before_tsan_gcc() {
    rooms='lock condition semaphore barrier event queue future thread timer local park spin raw'
}

# This one runs everything, and looks for what both sanitizers see but for leaks. To look for them
# takes as long again for each process: Memcheck does so for the suite, and the check below for what
# Memcheck leaves out.
before_asan_clang() {
    export ASAN_OPTIONS=detect_leaks=0
}

# Leaks of processes that Memcheck cannot look at: hundreds of first uses, each with a fault,
# children of fork, ends of the process; and of the tests with millions of steps.
before_asan() {
    rooms='faults fork process exit future queue timer'
    need clang clang
    need_runtime clang -fsanitize=leak libclang-rt-14-dev
    while read -r with sanitizer; do
        try "$with: it builds" $with -O1 -g -fsanitize=$sanitizer -fno-omit-frame-pointer -I. \
            tests/checks/leak.c -o "$here/leak" -pthread
        try "$with -fsanitize=$sanitizer: it sees a leak in a thread" not "$here/leak"
    done <<'END'
gcc address
clang address
clang leak
END
}

# under_valgrind SUITE ARGUMENTS OPTIONS...: the suite with these arguments.
under_valgrind() {
    suite=$1
    arguments=$2
    shift 2
    counted valgrind -q "$@" --error-exitcode=99 --fair-sched=try --max-threads=2000 \
        "$suite" $together $arguments
}
busy_forks='--without NEEDS_FORK_WITH_THREADS --without NEEDS_BUSY_FORK'

leg_memcheck() {
    need valgrind valgrind
    # A fault at the first use of each bucket would be a process each.
    suite=$(path_of build-suite CC=gcc CFLAGS='-O1 -g -DPYTHREADING_BUCKETS=32')
    set -- --suppressions=tests/checks/memcheck.supp --show-leak-kinds=definite
    # What only the threads of the parent pointed to is lost in a child. Each room's faults go
    # through the same calls as at its first use, in one process; what they leave in a first use,
    # hundreds of processes, AddressSanitizer looks at. Fairness is about who comes next: with the
    # memory of a lock's waiters the tests of locks have to do. The last four are millions of steps
    # of few threads.
    export TEST_SKIP='test_fork/ test_process/ _is_survived_at_first_use
        /every_fault_at_the_first_use test_fairness/
        /a_future_with_too_many_references /a_long_chain_of_futures
        /an_unbounded_queue_gives_memory /a_hundred_thousand_timers' TEST_SLOW=20
    under_valgrind "$suite" "$busy_forks" "$@" --leak-check=full --errors-for-leak-kinds=definite
    unset TEST_SKIP
    under_valgrind "$suite" test_fork/ "$@" --leak-check=no
    under_valgrind "$suite" test_process/ "$@" --leak-check=no
}

leg_helgrind() {
    [ -e /usr/include/valgrind/helgrind.h ] || lacks valgrind/helgrind.h valgrind
    flags='-O1 -g -DPYTHREADING_VALGRIND'
    need valgrind valgrind
    # The dynamic linker binds at start: a process that ends while one of its threads binds a symbol
    # would end with the linker's lock held, which is reported.
    export LD_BIND_NOW=1
    try "it builds" gcc $flags -I. tests/checks/race.c -o "$here/race" -pthread
    try "helgrind sees a race" not valgrind -q --tool=helgrind --error-exitcode=99 "$here/race"
    try "helgrind sees the library's lock" \
        valgrind -q --tool=helgrind --error-exitcode=99 "$here/race" locked
    # A child keeps the locks of threads it does not have, for all that Helgrind knows. The faults
    # are a thousand processes that Memcheck looks at. The crowd is two hundred threads, of whose
    # locks the other tests of fairness show as much.
    export TEST_SKIP='test_faults/ test_fork/ test_process/ _crowd_is_always_old' TEST_SLOW=20
    under_valgrind "$(path_of build-suite CC=gcc CFLAGS="$flags")" "$busy_forks" --tool=helgrind \
        --suppressions=tests/checks/helgrind.supp
}
