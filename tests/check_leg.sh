#!/bin/sh
# shellcheck disable=SC2046,SC2086,SC2317 # lists of flags and numbers are meant to be split
#
# One check of `make check`: sh tests/check_leg.sh NAME; with --list, the names of all.
# A check is a function leg_NAME in tests/legs/, or a row of the table in tests/legs/suite.sh.
# Its output goes to build/check/NAME.log and one line about it to the terminal; when it fails,
# the end of the log follows. A tool that is missing is a failure that says what to install.
set -u
name=$1
legs='suite systems machines builds protocols embed analysers costs'
if [ "$name" = --list ]; then
    . tests/legs/suite.sh
    suite_table | cut -d ' ' -f 1
    for file in $legs; do
        sed -n 's/^leg_\([a-z0-9_]*\)() {.*/\1/p' "tests/legs/$file.sh" | tr _ -
    done
    exit
fi
dir=build/check
log=$dir/$name.log
here=$dir/$name

# The line about a check, and the end of its log if it failed.
report() {
    passed=0 failed=0 skipped=0
    while read -r p f s; do
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
    done <"$here.counts"
    if [ "$1" = 124 ] || [ "$1" = 137 ]; then
        echo "FAIL it was stopped after $limit s" >>"$log"
    fi
    if [ "$1" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    echo "$passed $failed" >"$here.result"
    word=ok
    if [ "$failed" != 0 ]; then
        word=FAIL
    fi
    more=
    if [ "$skipped" != 0 ]; then
        more=", $skipped skipped"
    fi
    printf '%-4s %-15s %s passed, %s failed%s  (%s s)\n' "$word" "$name" "$passed" "$failed" \
        "$more" "$2"
    if [ "$failed" != 0 ]; then
        { grep -n -E '^FAIL|error:|warning:|ERROR: |WARNING: |undefined ref' "$log" | head -n 10
            echo "..."
            tail -n 12 "$log"
            echo "(the whole of it: $log)"; } | cut -c 1-300 | sed 's/^/     | /'
    fi
    [ "$failed" = 0 ]
}

if [ "${CHECK_INSIDE:-}" != "$name" ]; then
    mkdir -p "$dir"
    rm -rf "$here" "$here".*
    mkdir -p "$here"
    : >"$here.counts"
    limit=${CHECK_LIMIT:-1500}
    start=$(date +%s)
    unset MAKEFLAGS MFLAGS MAKELEVEL
    CHECK_INSIDE=$name timeout -k 10 "$limit" sh "$0" "$name" >"$log" 2>&1 </dev/null
    status=$?
    report "$status" $(($(date +%s) - start))
    exit
fi

# From here on: the inside, where each check is a function leg_NAME.

# Checks run beside each other, so that time is not the tests' own.
export TEST_SLOW="${TEST_SLOW:-3}"

warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
# Checks that run beside each other build one file at a time.
builders=2
if [ "${CHECK_PARALLEL:-1}" != 1 ]; then
    builders=1
fi
# Most tests share their processes: a run costs half as much. `make test` runs each in its own.
together='--together 32'

# need COMMAND PACKAGE: fail unless the command is there.
need() {
    command -v "$1" >/dev/null 2>&1 || lacks "$1" "$2"
}

lacks() {
    echo "FAIL $1 is missing; install it: apt-get install $2"
    exit 1
}

# need_runtime COMPILER FLAG PACKAGE: fail unless a program can be built with that sanitizer.
need_runtime() {
    echo 'int main(void) { return 0; }' >"$here/empty.c"
    "$1" "$2" "$here/empty.c" -o "$here/empty" || lacks "the runtime of $1 $2" "$3"
}

# try WHAT COMMAND...: one thing that has to succeed.
try() {
    what=$1
    shift
    if "$@"; then
        echo "ok   $what"
        echo "1 0" >>"$here.counts"
    else
        echo "FAIL $what: $*"
        echo "0 1" >>"$here.counts"
    fi
}

not() {
    ! "$@"
}

# counted COMMAND...: run what ends with a line "N passed, N failed".
counted() {
    "$@" >"$here/output" 2>&1
    status=$?
    cat "$here/output"
    set -- $(grep -E '^[0-9]+ passed, [0-9]+ failed' "$here/output" | tail -n 1 | tr -cd '0-9 \n')
    if [ "$status" != 0 ] && [ "${2:-0}" = 0 ]; then
        set -- "${1:-0}" 1 "${3:-0}"
    fi
    echo "${1:-0} ${2:-1} ${3:-0}" >>"$here.counts"
}

build() {
    make --no-print-directory -j "$builders" WERROR=-Werror "$@"
}

# tests MAKE-ARGUMENTS...: all that `make test` runs.
tests() {
    try "it builds: $*" build build-suite "$@"
    counted make --no-print-directory JOBS="$builders" WERROR=-Werror test "$@"
}

# suite MAKE-ARGUMENTS...: the tests without the examples, where those have nothing to add.
suite() {
    counted "$(path_of build-suite "$@")" $together
}

# suite_of COMMAND...: the tests as another system has them, of which none is lost.
suite_of() {
    try "no test is lost: $*" sh tests/lost_tests.sh "$@"
    counted "$@" $together
}

# path_of TARGET MAKE-ARGUMENTS...: build it and say where it is.
path_of() {
    if build "$@" >"$here/build" 2>&1; then
        tail -n 1 "$here/build"
    else
        cat "$here/build" >&2
        echo "$here/is-not-built"
    fi
}

# included NAME COMPILER FLAGS...: the header in each place it may stand in, and each program runs.
included() {
    name_of=$1
    shift
    set -- "$@" $warnings -I.
    try "$name_of: static in two units" "$@" tests/checks/static_a.c tests/checks/static_b.c \
        -pthread -o "$here/static"
    try "$name_of: static runs" timeout 20 "$here/static"
    for form in twice later after_headers; do
        try "$name_of: $form" "$@" tests/checks/$form.c -pthread -o "$here/$form"
        try "$name_of: $form runs" timeout 20 "$here/$form"
    done
}

# refused TEXT COMMAND...: an #error says so, and nothing else is wrong before it.
refused() {
    text=$1
    shift
    "$@" -fsyntax-only 2>&1 | grep -m 1 error: | tee "$here/refused"
    grep -q -e "$text" "$here/refused"
}

# said TEXT COMMAND...: the command succeeds and prints these lines, in any order.
said() {
    text=$1
    shift
    "$@" >"$here/output" && sort "$here/output" >"$here/sorted" &&
        printf '%s\n' "$text" | diff - "$here/sorted"
}

for file in $legs; do
    # shellcheck disable=SC1090
    . "tests/legs/$file.sh"
done
set +e
if suite_table | grep -q "^$name "; then
    suite_row "$name"
else
    "leg_$(echo "$name" | tr - _)"
fi
! grep -q '^[0-9]* [1-9]' "$here.counts" && [ -s "$here.counts" ]
