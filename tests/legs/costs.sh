# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# What the paths cost: counted, not timed.

# The fast paths are as short as they were.
leg_gate() {
    need valgrind valgrind
    [ -e /usr/include/valgrind/callgrind.h ] || lacks valgrind/callgrind.h valgrind
    try "it builds" gate_build "$here/gate"
    try "it builds with each path twice" gate_build "$here/twice" -DGATE_TIMES=2
    for program in gate twice; do
        counts_of "$here/$program" "$here/$program.counts" >"$here/$program.results"
    done
    counted within "$here/gate.results"
    try "it objects to each path that is twice as long" objects_to_all "$here/twice.results"
    : >"$here/none.results"
    try "it objects to a lock with one more locked operation" slow_lock
    try "it objects to paths that were not measured" objects_to_all "$here/none.results"
    echo "As a table, for tests/checks/gate.txt:"
    awk '{ bound = $1 == "count" ? $3 * 1.15 + 1 : $3 * 1.05 + 0.5
        printf "%-6s %-18s %8.2f %8.2f\n", $1, $2, $3, bound }' "$here/gate.results"
}

# gate_build PROGRAM FLAGS...: what is measured.
gate_build() {
    program=$1
    shift
    gcc -std=c11 -O2 -g $warnings -falign-functions=64 -falign-loops=64 "$@" -I. \
        tests/checks/gate.c -o "$program" -pthread
}

# counts_of PROGRAM DIRECTORY: how many instructions, and how many locked operations among them,
# one of each operation takes. One without locked operations has no line for them: the first it gets
# has no bound.
counts_of() {
    mkdir -p "$2"
    valgrind -q --tool=callgrind --separate-threads=yes --collect-bus=yes \
        --callgrind-out-file="$2/counts" "$1" || echo "FAIL $1" >&2
    for dump in "$2"/counts.*-01; do
        awk '/^desc: Trigger: Client Request:/ { name = $NF }
            /^events:/ { for (i = 2; i <= NF; i++) { place[$i] = i } }
            /^summary:/ {
                printf "count %s %.2f\n", name, $place["Ir"] / 1000
                if ($place["Ge"] >= 100) { printf "locked %s %.2f\n", name, $place["Ge"] / 1000 }
            }' "$dump"
    done
}

# within RESULTS: a line for each bound of the table, and how many were kept.
within() {
    awk '
        FILENAME == ARGV[1] { got[$1 " " $2] = $3; next }
        $1 ~ /^#/ || NF == 0 { next }
        {
            row = $1 " " $2
            good = row in got && got[row] <= $4
            printf "%s %s: %s, measured once %s, at most %s\n", good ? "ok  " : "FAIL", row,
                row in got ? got[row] : "nothing", $3, $4
            kept[good]++
            known[row] = 1
        }
        END {
            for (row in got) {
                if (!(row in known)) { print "FAIL " row " has no bound"; kept[0]++ }
            }
            printf "%d passed, %d failed\n", kept[1], kept[0]
            exit kept[0] > 0 || kept[1] == 0
        }' "$1" tests/checks/gate.txt
}

# The gate's own test: not one bound is kept.
objects_to_all() {
    within "$1" >"$here/objections"
    grep -v '^FAIL' "$here/objections"
    grep -q '^0 passed, [1-9]' "$here/objections"
}

# A lock that is acquired by one locked operation more than it needs.
slow_lock() {
    mkdir -p "$here/slow"
    sed '/^PYT__INLINE bool pyt__lock_grab(/a (void)PYT__ADD(\&lock->pyt__word, 0, seq_cst);' \
        pythreading.h >"$here/slow/pythreading.h"
    gate_build "$here/slow/gate" -I"$here/slow" &&
        counts_of "$here/slow/gate" "$here/slow.counts" >"$here/slow.results"
    within "$here/slow.results" | grep '^FAIL locked lock: 3'
}

# Every curve runs and counts right up to a hundred; the table of waiting threads and the control,
# which depend on no clock or hardly, are judged.
leg_scale() {
    scale=$(path_of build-scale CC=gcc)
    try "counts are exact" env SCALE_MOST=100 SCALE_ROUNDS=1 "$scale"
    try "addresses spread over the buckets" env SCALE_ONLY=buckets "$scale"
    try "a curve worse than promised is found out" env SCALE_ONLY=control "$scale"
}

leg_demo() {
    set -- pythreading.h README.md
    try "make demo" make --no-print-directory demo CC=gcc
    make -s --no-print-directory demo CC=gcc ARGS="$*" >"$here/total"
    cat "$here/total"
    words=$(cat "$@" | LC_ALL=C.UTF-8 wc -w)
    try "the total is that of wc -w: $words" grep -qw "$words" "$here/total"
    try "a missing file is reported" not make --no-print-directory demo CC=gcc \
        ARGS='pythreading.h no/such/file'
}
