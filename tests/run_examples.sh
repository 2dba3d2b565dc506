#!/bin/sh
# shellcheck disable=SC2086 # CC, CFLAGS, LDFLAGS and lists of files are meant to be split
#
# Build and run every example and the demo, and look at what they print:
#     CC=cc CFLAGS='-O2 -I.' LDFLAGS=-pthread sh tests/run_examples.sh OUTDIR
#
# tests/examples/NAME.c has to print what is in NAME.expected, nothing on stderr, and to exit with
# the number in NAME.status, or 0. Where the order of the lines is nobody's to say, NAME.sorted
# stands in the place of NAME.expected: the same lines, in any order.
#
# Each failure is shown with what differs; the last line is "N passed, N failed". A program that
# takes too long is stopped; TEST_SLOW=10 gives it ten times as long.
#
# RUN=wine64 EXE=.exe runs what was built for Windows: the examples alone, since the demo's checks
# are made of signals and pipes with names.
set -u
export LC_ALL=C
: "${CC:=cc}" "${CFLAGS:=-O2 -I.}" "${LDFLAGS:=-pthread}" "${RUN:=}" "${EXE:=}"
out=${1:?usage: sh tests/run_examples.sh OUTDIR}
limit=$((30 * ${TEST_SLOW:-1}))
lanes=2 # so many examples are built at the same time

mkdir -p "$out"
rm -f "$out"/*.result

limited() {
    if command -v timeout >/dev/null 2>&1; then
        timeout -k 5 "$limit" "$@"
    else
        "$@"
    fi
}

# build SOURCE PROGRAM: says why it could not be built, or nothing. For another system the library
# is compiled once for all that ask for no option: here each is a program of one file.
build() {
    rm -f "$2"
    set -- "$1" "$2" "$1"
    if [ -n "$EXE" ] && [ "$(grep -c 'define PYTHREADING_' "$1")" = 1 ]; then
        sed '/define PYTHREADING_IMPLEMENTATION/d' "$1" >"$2.c"
        set -- "$1" "$2" "$2.c $out/library.o"
    fi
    if ! $CC $CFLAGS $3 -o "$2" $LDFLAGS >"$2.build" 2>&1; then
        cat "$2.build"
        echo "$1 does not build"
    fi
}

# ---- the examples: run_example NAME says what is wrong, or nothing ----

run_example() {
    build "tests/examples/$1.c" "$out/$1$EXE"
    if [ ! -x "$out/$1$EXE" ]; then
        return
    fi
    limited $RUN "$out/$1$EXE" >"$out/$1.raw" 2>"$out/$1.err" </dev/null
    status=$?
    case $CFLAGS in
    *PYTHREADING_DEBUG*) # which tells of the mistakes that an example shows
        sed -i '/: [A-Za-z]*Error in pyt_[a-z_]*: /d' "$out/$1.err" ;;
    esac
    if [ -n "$EXE" ]; then
        tr -d '\r' <"$out/$1.raw" >"$out/$1.out"
    else
        mv "$out/$1.raw" "$out/$1.out"
    fi
    if [ -e "tests/examples/$1.sorted" ]; then
        sort "tests/examples/$1.sorted" >"$out/$1.expected"
        sort "$out/$1.out" -o "$out/$1.out"
    else
        cp "tests/examples/$1.expected" "$out/$1.expected"
    fi
    diff "$out/$1.expected" "$out/$1.out"
    cat "$out/$1.err"
    expected=0
    if [ -e "tests/examples/$1.status" ]; then
        expected=$(cat "tests/examples/$1.status")
    fi
    if [ "$status" = 124 ]; then
        echo "it was stopped after $limit s"
    elif [ "$status" != "$expected" ]; then
        echo "exit status $status, not $expected"
    fi
}

lane() {
    turn=0
    for source in tests/examples/*.c; do
        if [ $((turn % lanes)) = "$1" ]; then
            name=$(basename "$source" .c)
            run_example "$name" >"$out/$name.running" 2>&1
            mv "$out/$name.running" "$out/$name.result"
        fi
        turn=$((turn + 1))
    done
}

# ---- the demo: each demo_NAME says what is wrong, or nothing ----

sources=$(echo tests/*.c tests/examples/*.c)

# count ARGUMENTS...: run the demo, for the checks below to look at.
count() {
    limited "$out/demo" "$@" >"$out/demo.out" 2>"$out/demo.err" </dev/null
    status=$?
}

total() {
    awk '$1 == "total" { print $3 }' "$out/demo.out"
}

# What the executor has counted; nothing when that was left out.
executor() {
    awk '$1 == "executor" { print $3 }' "$out/demo.out"
}

# has_words FILES...: the team and the executor both have as many as wc says.
has_words() {
    words=$(cat "$@" | wc -w | tr -d ' ')
    [ "$(total)" = "$words" ] || echo "the total is $(total), not $words as wc says"
    [ "$(executor)" = "$words" ] || echo "the executor has $(executor), not $words as wc says"
    grep -qx 'both ways agree' "$out/demo.out" || echo "it does not say that both ways agree"
}

has_no_executor() {
    [ -z "$(executor)" ] || echo "the executor has $(executor), which is to be left out"
    ! grep 'agree' "$out/demo.out" || echo "that is said of half a count"
    says "the executor's count is left out"
}

has_status() {
    [ "$status" = "$1" ] || echo "exit status $status, not $1"
}

# says PATTERN: that is what stderr has to say, "" for nothing.
says() {
    if [ -z "$1" ]; then
        cat "$out/demo.err"
    elif ! grep -q -e "$1" "$out/demo.err"; then
        echo "stderr does not say \"$1\":"
        cat "$out/demo.err"
    fi
}

demo_builds() {
    build tests/demo.c "$out/demo"
}

demo_counts_as_wc_does() {
    count $sources
    has_words $sources
    has_status 0
    says ""
}

demo_counts_the_same_with_any_number_of_threads() {
    for threads in 1 2 30; do
        count --threads "$threads" $sources
        has_words $sources
        has_status 0
        says ""
    done
}

demo_names_the_threads_in_the_table() {
    count --threads 2 $sources
    awk '{ print $1 }' "$out/demo.out" | tr '\n' ' ' >"$out/demo.names"
    [ "$(cat "$out/demo.names")" = "thread counter-1 counter-2 total executor both " ] ||
        cat "$out/demo.out"
    awk '$1 ~ /^counter/ { files += $2; words += $3 }
        $1 ~ /^(total|executor)$/ && ($2 != files || $3 != words) {
            print "the rows do not add up to the " $1
        }' "$out/demo.out"
}

demo_counts_an_empty_file() {
    : >"$out/demo.empty"
    count "$out/demo.empty" "$out/demo.empty"
    has_words "$out/demo.empty"
    has_status 0
    says ""
}

demo_counts_a_file_of_bytes_and_a_huge_line() {
    {
        printf 'a\000b c\001\n\n\t x\377y\f\v z\r'
        awk 'BEGIN { for (i = 0; i < 100000; i++) { printf "word" } }'
        awk 'BEGIN { for (i = 0; i < 100000; i++) { printf " %d", i } }'
    } >"$out/demo.bytes"
    count "$out/demo.bytes"
    has_words "$out/demo.bytes"
    has_status 0
    says ""
}

demo_counts_words_of_other_letters() {
    awk 'BEGIN { for (i = 0; i < 9999; i++) { printf "\316\273\302\265 \342\206\222\n" } }' \
        >"$out/demo.letters"
    for locale in C C.UTF-8; do
        LC_ALL=$locale
        count "$out/demo.letters"
        has_words "$out/demo.letters"
        has_status 0
        says ""
    done
    LC_ALL=C
}

demo_reports_a_missing_file() {
    count tests/demo.c no/such/file tests/demo.c
    has_words tests/demo.c tests/demo.c
    has_status 1
    says '^demo: no/such/file: No such file'
}

demo_reports_a_directory() {
    count tests tests/demo.c
    has_words tests/demo.c
    has_status 1
    says '^demo: tests: .*directory'
}

demo_reports_an_unreadable_file() {
    rm -f "$out/demo.secret"
    echo three secret words >"$out/demo.secret"
    chmod 000 "$out/demo.secret"
    if [ -r "$out/demo.secret" ]; then
        echo "skipped: this user may read everything"
        return
    fi
    count "$out/demo.secret" tests/demo.c
    has_words tests/demo.c
    has_status 1
    says "^demo: $out/demo.secret: Permission denied"
}

demo_stops_after_so_many_words() {
    count --threads 1 --stop-after 1 tests/demo.c $sources
    [ "$(total)" -ge 1 ] || echo "the total is $(total)"
    [ "$(total)" -le "$(wc -w <tests/demo.c)" ] || echo "it went on after the first file"
    has_status 1
    says '^demo: stopped early'
    has_no_executor
}

demo_does_not_stop_before_so_many_words() {
    count --stop-after 100000000 $sources
    has_words $sources
    has_status 0
    says ""
}

demo_refuses_wrong_arguments() {
    for arguments in "" "--threads 0 x" "--threads" "--threads 2x x" "--stop-after -1 x" "-x x"; do
        count $arguments
        has_status 2
        says '^usage: '
    done
    count -h
    has_status 0
    says ""
}

# await COMMAND...: wait until it succeeds, not longer than the limit.
await() {
    looks=$((limit * 10))
    until "$@" >/dev/null 2>&1; do
        looks=$((looks - 1))
        [ "$looks" -gt 0 ] || return
        sleep 0.1
    done
}

# feed PATTERN PIPE: write three words when somebody reads the pipe, and end it when PATTERN is
# printed, or written to demo.note. Returns when the pipe is open.
feed() {
    pattern=$1 pipe=$2
    rm -f "$out/demo.opened"
    {
        : >"$out/demo.opened"
        echo from the pipe
        await grep -q -e "$pattern" "$out/demo.out" "$out/demo.err" "$out/demo.note"
    } >"$pipe" &
    feeders="$feeders $!"
    await test -e "$out/demo.opened"
}

# count_from_pipe PATTERN COMMAND...: begin to run the demo, whose input is a pipe that ends when
# PATTERN is printed, as feed says. Returns when the pipe is open, and with it everything before
# that.
count_from_pipe() {
    until=$1
    shift
    feeders=
    rm -f "$out/demo.pipe" "$out/demo.status"
    mkfifo "$out/demo.pipe"
    : >"$out/demo.note"
    : >"$out/demo.out"
    : >"$out/demo.err"
    {
        sh -c 'echo $$ >"$0"; exec "$@"' "$out/demo.pid" "$@" >"$out/demo.out" 2>"$out/demo.err"
        echo $? >"$out/demo.status"
    } </dev/null &
    feed "$until" "$out/demo.pipe"
}

# The end of it.
finish() {
    await test -s "$out/demo.status"
    if [ ! -s "$out/demo.status" ]; then
        echo "it did not end"
        kill -9 "$(cat "$out/demo.pid")"
    fi
    kill -PIPE $feeders 2>/dev/null # those whose pipe nobody has opened
    wait
    status=$(cat "$out/demo.status")
}

demo_stops_on_ctrl_c() {
    count_from_pipe stopping "$out/demo" --threads 1 "$out/demo.pipe" $sources
    kill -INT "$(cat "$out/demo.pid")"
    finish
    [ "$(total)" = 3 ] || echo "the total is $(total), not 3"
    has_status 1
    says '^demo: stopped early'
    has_no_executor
}

# While the team reads the pipe, the file that it has read before becomes a pipe as well.
demo_stops_on_ctrl_c_while_the_executor_counts() {
    rm -f "$out/demo.second"
    echo one two >"$out/demo.second"
    count_from_pipe changed "$out/demo" --threads 1 "$out/demo.second" "$out/demo.pipe"
    rm -f "$out/demo.second"
    mkfifo "$out/demo.second"
    echo changed >"$out/demo.note"
    feed stopping "$out/demo.second"
    kill -INT "$(cat "$out/demo.pid")"
    finish
    [ "$(total)" = 5 ] || echo "the total is $(total), not 5"
    has_status 1
    has_no_executor
}

demo_says_where_the_two_ways_differ() {
    echo one two >"$out/demo.changing"
    count_from_pipe changed "$out/demo" --threads 1 "$out/demo.changing" "$out/demo.pipe"
    echo three >>"$out/demo.changing"
    echo changed >"$out/demo.note"
    finish
    has_status 1
    says "^demo: $out/demo.changing: the team counted 2 words, the executor 3"
    says '^demo: the two ways do not agree'
    ! grep 'agree' "$out/demo.out"
}

demo_counts_a_pipe_once() {
    count_from_pipe changed "$out/demo" "$out/demo.pipe" tests/demo.c
    echo changed >"$out/demo.note"
    finish
    words=$(wc -w <tests/demo.c)
    [ "$(total)" = $((words + 3)) ] || echo "the total is $(total), not $((words + 3))"
    [ "$(executor)" = $((words)) ] || echo "the executor has $(executor), not $words"
    has_status 0
    says ""
}

demo_prints_progress_on_a_terminal() {
    if ! script --version 2>/dev/null | grep -q util-linux; then
        echo "skipped: there is no script(1) of util-linux to make a terminal"
        return
    fi
    count_from_pipe 'of 1 files' script -qec "$out/demo $out/demo.pipe" /dev/null
    finish
    has_status 0
    grep -q '0 of 1 files, 0 words' "$out/demo.out" || cat "$out/demo.out"
}

demo_checks=
[ -n "$EXE" ] || demo_checks=$(sed -n 's/^\(demo_[a-z_]*\)() {$/\1/p' "$0")

demo() {
    for check in $demo_checks; do
        $check >"$out/$check.running" 2>&1
        mv "$out/$check.running" "$out/$check.result"
    done
}

# ---- all of it ----

[ -z "$EXE" ] || $CC $CFLAGS -DPYTHREADING_IMPLEMENTATION -xc -c pythreading.h -o "$out/library.o"
turn=0
while [ "$turn" -lt "$lanes" ]; do
    lane "$turn" &
    turn=$((turn + 1))
done
wait
demo

passed=0 failed=0 skipped=0
for name in $(echo tests/examples/*.c | sed 's:tests/examples/::g; s:\.c::g') $demo_checks; do
    if [ ! -e "$out/$name.result" ]; then
        echo "it did not run" >"$out/$name.result"
    fi
    if [ ! -s "$out/$name.result" ]; then
        passed=$((passed + 1))
    elif grep -q '^skipped: ' "$out/$name.result"; then
        echo "skip $name: $(sed 's/^skipped: //' "$out/$name.result")"
        skipped=$((skipped + 1))
    else
        echo "FAIL $name"
        sed 's/^/     | /' "$out/$name.result"
        failed=$((failed + 1))
    fi
done
if [ "$skipped" = 0 ]; then
    echo "$passed passed, $failed failed"
else
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
