#!/bin/sh
# Run the suite and list the lines of pythreading.h that no test executes, by room:
#     GCOV=gcov sh tests/coverage.sh DIRECTORY SUITE
# The objects of the suite are in DIRECTORY, compiled as `make coverage` does.
set -u
dir=$1
find "$dir" -name '*.gcda' -exec rm {} +
"$2" >"$dir/log"
failed=$?
tail -n 1 "$dir/log"
for counts in "$dir"/*.gcda; do
    ${GCOV:-gcov} -t "$counts" 2>/dev/null
done >"$dir/lines"
# A function that is inline is in many objects: a line was executed if it was in one of them. The
# place where a loop without a condition begins again is no line of its own.
awk -F : '
    FNR == NR {
        if ($2 + 0 == 0 && $3 == "Source") { here = $4 == "pythreading.h" }
        count = $1
        gsub(/ /, "", count)
        if (here && $2 + 0 > 0 && count != "-") {
            known[$2 + 0] = 1
            if (count !~ /[#=]/) { executed[$2 + 0] = 1 }
        }
        next
    }
    /^#ifndef PYTHREADING_H/ { code = 1 } # CONTENTS is before that
    code && match($0, /^ \*  >>[a-z_]+/) {
        room = substr($0, 7, RLENGTH - 6)
        rooms[++n] = room
    }
    FNR in known && !/^ *(for \(;;\) \{|\})$/ {
        lines[room]++
        if (!(FNR in executed)) {
            never[room]++
            text[room] = text[room] sprintf("%6d %s\n", FNR, $0)
        }
    }
    END {
        for (i = 1; i <= n; i++) {
            if (never[rooms[i]] > 0) { printf "\n>>%s\n%s", rooms[i], text[rooms[i]] }
        }
        printf "\n%-12s %8s %16s\n", "room", "lines", "never executed"
        for (i = 1; i <= n; i++) {
            if (lines[rooms[i]] > 0) {
                printf "%-12s %8d %16d\n", rooms[i], lines[rooms[i]], never[rooms[i]]
                all += lines[rooms[i]]
                missed += never[rooms[i]]
            }
        }
        printf "%-12s %8d %16d\n", "", all, missed
    }' "$dir/lines" pythreading.h
exit $failed
