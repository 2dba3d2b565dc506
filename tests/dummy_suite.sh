#!/bin/sh
# Run the suite of the build without threads, but for the tests that need two:
#     sh tests/dummy_suite.sh SUITE [TEXT]
# tests/dummy_left_out.txt names those, and is an error itself when it names what is not there.
set -u
suite=$1
list=tests/dummy_left_out.txt
shift

# TEST_SKIP leaves out what has a word in its name, so no word may be in the name of another test.
wrong=$("$suite" --list | awk -v list=$list '
    BEGIN {
        while ((getline line <list) > 0) {
            if (line == "" || line ~ /^#/) { continue }
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
TEST_SKIP="$(grep -v '^#' $list) ${TEST_SKIP:-}" exec "$suite" "$@"
