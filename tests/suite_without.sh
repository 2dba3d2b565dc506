#!/bin/sh
# Run the suite but for the tests that a list names:
#     sh tests/suite_without.sh LIST SUITE [ARGUMENT...]
# LIST has one "file/name" in a line, and comments behind "#"; it is an error itself when it names
# what is not there. SUITE may be a program and its argument: an emulator and what it runs.
set -u
list=$1
suite=$2
shift 2

# TEST_SKIP leaves out what has a word in its name, so no word may be in the name of another test.
# shellcheck disable=SC2086
wrong=$($suite --list | awk -v list="$list" '
    BEGIN {
        while ((getline line <list) > 0) {
            sub(/ *#.*/, "", line)
            if (line == "") { continue }
            if (line in left_out) { print list ": " line " is there twice" }
            left_out[line] = 1
        }
    }
    {
        there[$0] = 1
        for (name in left_out) {
            if (!($0 in left_out) && index($0, name)) {
                print list ": " name " would leave out " $0 " as well"
            }
        }
    }
    END {
        for (name in left_out) {
            if (!(name in there)) { print list ": there is no test " name }
        }
    }')
if [ -n "$wrong" ]; then
    echo "$wrong" | sed 's/^/FAIL /'
    echo "0 passed, $(echo "$wrong" | wc -l) failed"
    exit 1
fi
# shellcheck disable=SC2086
TEST_SKIP="$(sed 's/ *#.*//' "$list") ${TEST_SKIP:-}" exec $suite "$@"
