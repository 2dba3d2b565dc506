# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# The protocols between threads: under stress and under simulated schedules.

# The bugs of programs and the library's own protocols, then faults of those protocols.
leg_simulate() {
    flags='-O1 -g -DPYTHREADING_SIMULATE'
    export TEST_SLOW=3
    counted "$(path_of build-scenarios CC=gcc CFLAGS="$flags")"
    awk '/ schedules with at most .* all seen$/ { sum += $2; scenarios++ }
        END { printf "%d schedules of %d scenarios, all seen\n", sum, scenarios }' "$here/output"
    simulated_suite
    mutants
    same_steps
    memory_accesses
}

# What a program sees of simulation, then the suite as bodies of simulated runs.
simulated_suite() {
    suite=$(path_of build-suite CC=gcc CFLAGS="$flags")
    counted "$suite" test_simulate/
    counted "$suite" --simulate 2
}

# The program's accesses are steps, and races are found, in a file compiled with -fsanitize=thread.
memory_accesses() {
    memory='-DPYTHREADING_SIMULATE -DPYTHREADING_SIMULATE_MEMORY'
    instrumented=tests/simulate/memory.c
    others='tests/main.c tests/library.c tests/simulate/simulate.c'
    for compiler in gcc clang; do
        need $compiler $compiler
        try "$compiler: an instrumented program" $compiler -std=c11 -O1 -g $warnings $memory \
            -fsanitize=thread -I. -Itests -c $instrumented -o "$here/memory.o"
        try "$compiler: it links with the library alone" $compiler -std=c11 -O1 -g $warnings \
            $memory -I. -Itests "$here/memory.o" $others -pthread -o "$here/memory"
        counted "$here/memory"
    done
    echo '#include "pythreading.h"' >"$here/refused.c"
    set -- gcc -std=c11 -I. "$here/refused.c" -DPYTHREADING_SIMULATE_MEMORY
    try "it adds to SIMULATE" refused 'define both' "$@"
    try "it needs one implementation" refused 'no PYTHREADING_STATIC' "$@" \
        -DPYTHREADING_SIMULATE -DPYTHREADING_STATIC
    try "gcc's implementation is not instrumented" refused 'without -fsanitize=thread' "$@" \
        -DPYTHREADING_SIMULATE -DPYTHREADING_IMPLEMENTATION -fsanitize=thread
}

# The same seed takes the same steps, whoever compiled the program and whatever it is linked with.
same_steps() {
    need clang clang
    need musl-gcc musl-tools
    while read -r compiler flags; do
        try "$compiler $flags: a program of steps" $compiler -std=c11 $flags $warnings \
            -DPYTHREADING_SIMULATE -I. -Itests tests/main.c tests/library.c \
            tests/simulate/simulate.c tests/simulate/same.c -pthread -o "$here/same"
        try "it runs" env PYTHREADING_TRACE="$here/trace" "$here/same" the_same_seed_takes
        half=$(($(wc -l <"$here/trace") / 2))
        head -n $half "$here/trace" >"$here/once"
        tail -n $half "$here/trace" >"$here/again"
        [ -e "$here/first" ] || cp "$here/once" "$here/first"
        try "twice in one process: the same $half steps" cmp "$here/once" "$here/again"
        try "they are those of the first program" cmp "$here/once" "$here/first"
    done <<'EOF'
gcc -O0
clang -O2
musl-gcc -O1 -static
EOF
    try "there are steps" [ "$half" -gt 1000 ]
}

# Each fault of the library is found, by the scenario that was meant to find it, in random runs.
mutants() {
    mkdir -p "$here/mutants"
    try "the faults fit the header" sh tests/simulate/mutate.sh pythreading.h \
        tests/simulate/mutants.txt "$here/mutants/pythreading.h"
    try "the header with all faults builds" gcc -std=c11 -O1 -g -Wall -Wextra -Werror \
        -DPYTHREADING_SIMULATE -DSIMULATE_MUTANTS -include tests/simulate/mutants.h \
        -iquote "$here/mutants" -I. -Itests tests/main.c tests/library.c tests/simulate/*.c \
        -pthread -o "$here/mutants/scenarios"
    sh tests/simulate/mutate.sh --list tests/simulate/mutants.txt >"$here/mutants/list"
    while read -r number fault scenario; do
        try "found: $fault" mutant_is_found "$number" "$scenario"
    done <"$here/mutants/list"
    try "without a fault nothing is found" env SIMULATE_RANDOM=300 "$here/mutants/scenarios" \
        $(cut -d ' ' -f 3 "$here/mutants/list" | sort -u)
}

# mutant_is_found NUMBER SCENARIO: with this fault the scenario does not pass.
mutant_is_found() {
    SIMULATE_RANDOM=10000 SIMULATE_MUTANT=$1 "$here/mutants/scenarios" "$2" \
        >"$here/mutants/output" 2>&1
    grep -E '^FAIL|simulate: run' "$here/mutants/output"
}

# Each protocol under C++11's memory model, then orders of the header weakened one at a time.
leg_weak_memory() {
    need g++ g++
    [ -e /usr/include/relacy/relacy.hpp ] || lacks relacy/relacy.hpp relacy-dev
    sed -n '/^#define PYT__SIM_STATE(X)/,/[^\\]$/p' pythreading.h >"$here/state.h"
    try "the header builds for Relacy" g++ -std=c++11 -O0 -w -fno-access-control -I. \
        -Itests/relacy -I"$here" tests/relacy/weak.cpp -o "$here/weak"
    counted "$here/weak" pythreading.h tests/relacy/weakened.txt
}

leg_stress() {
    stress=$(path_of build-stress CC=gcc)
    counted "$stress" 10 64
    counted "$stress" 3 64 1 60
    set -- gcc -std=gnu11 -O2 $warnings -I. tests/checks/plugin.c
    "$@" -DPLUGIN -fPIC -shared -o "$here/plugin.so" -pthread
    "$@" -o "$here/plugin" -pthread -ldl
    try "a plugin is used by four processes and unloaded" plugins_side_by_side
    counted "$(path_of build-stress CC=gcc BACKEND=pthreads)" 5 64
    need clang clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    counted "$(path_of build-stress CC=clang CFLAGS='-O1 -g -fsanitize=thread')" 10 64
}

# Four at once on few processors, so that each is stopped in the middle of its unloading.
plugins_side_by_side() {
    pids=
    for i in 1 2 3 4; do
        timeout 120 "$here/plugin" "$here/plugin.so" 150 &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || return 1
    done
}
