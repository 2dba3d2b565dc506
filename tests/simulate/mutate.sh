#!/bin/sh
# Write a header with all faults of tests/simulate/mutants.txt, of which none is chosen at first:
#     sh tests/simulate/mutate.sh HEADER MUTANTS OUT
# A text that is not there, or more than once, is an error, named on stderr.
#     sh tests/simulate/mutate.sh --list MUTANTS
# writes a line "NUMBER NAME SCENARIO" for each instead.
set -u
if [ "$1" = --list ]; then
    awk '/^mutant / { sub(/:$/, "", $2); print ++n, $2, $3 }' "$2"
    exit
fi
awk -v mutants="$2" '
    function wrong(what) {
        print mutants ": " name ": " what >"/dev/stderr"
        failures++
    }
    # Put `now` in the place of `was`.
    function change(    at) {
        if (was == "") {
            return
        }
        at = index(header, was)
        if (at == 0) {
            wrong("this is not in the header:\n" was)
        } else if (index(substr(header, at + 1), was) != 0) {
            wrong("this is in the header more than once:\n" was)
        } else {
            gsub(/MUTANT/, "(simulate_mutant == " number ")", now)
            header = substr(header, 1, at - 1) now substr(header, at + length(was))
        }
        was = now = ""
    }
    { header = header $0 "\n" }
    END {
        while ((getline line <mutants) > 0) {
            if (line ~ /^-/) {
                if (now != "") {
                    change()
                }
                was = was (was == "" ? "" : "\n") substr(line, 2)
            } else if (line ~ /^\+/) {
                now = now (now == "" ? "" : "\n") substr(line, 2)
            } else {
                change()
                if (line ~ /^mutant /) {
                    number++
                    name = line
                }
            }
        }
        change()
        printf "%s", header
        exit failures > 0
    }' "$1" >"$3"
