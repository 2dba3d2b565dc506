#!/bin/sh
# The tests that a suite for another system has lost:
#     sh tests/lost_tests.sh SUITE [ARGUMENT...]
# SUITE may be an emulator and what it runs. It has to have every test that this machine's compiler
# sees, but for those with a flag of something that is lacking there: what cannot be compiled there
# says so by a flag. Succeeds when none is lost. ROOMS in the environment are those it was built of.
set -u
rooms=
for room in ${ROOMS:-'*'}; do
    rooms="$rooms tests/test_$room.c"
done
{
    # shellcheck disable=SC2086
    ${HOSTCC:-cc} -std=c11 -E -P -I. $rooms | grep -o 'test_case test_case_[^}]*}' |
        sed -nE 's|.*"tests/([a-z_]+)\.c", [0-9]+, "([a-z0-9_]+)",|here \1/\2 |p'
    "$@" --lacking | sed 's/^/lacking /'
    "$@" --list | sed 's/^/there /'
} | tr -d '\r' | awk '
    { count[$1]++ }
    $1 == "lacking" { lacking[$2] = 1 }
    $1 == "there" { there[$2] = 1 }
    $1 == "here" { here[$2] = $0 }
    END {
        if (count["here"] == 0 || count["there"] == 0) { print "FAIL there are no tests"; lost++ }
        for (name in here) {
            if (name in there) { continue }
            found = 0
            words = split(here[name], word, /[^A-Z0-9_]+/)
            for (i = 1; i <= words; i++) { found = found || word[i] in lacking }
            if (!found) { print "FAIL " name " is lost: no flag says why"; lost++ }
        }
        print count["here"] " tests here, " count["there"] " there"
        exit lost > 0
    }'
