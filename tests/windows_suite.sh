#!/bin/sh
# Run the suite that was built for Windows: RUN=wine64 sh tests/windows_suite.sh SUITE [TEXT]
# It has to have every test that the suite has elsewhere, but for those that
# tests/windows_left_out.txt names, one "file/name # reason" in a line.
set -u
suite=$1
list=tests/windows_left_out.txt
shift

# The names of all tests, as the compiler of this machine sees them.
for file in tests/test_*.c; do
    name=$(basename "$file" .c)
    ${HOSTCC:-gcc} -std=c11 -E -P -I. "$file" |
        grep -o 'static void test_body_[a-z0-9_]*(void);' |
        sed "s|static void test_body_\(.*\)(void);|here $name/\1|"
done >"$suite.names"
${RUN:-} "$suite" --list | tr -d '\r' | sed 's/^/there /' >>"$suite.names"
sed '/^#/d; /^$/d; s/  *#.*//; s/^/out /' "$list" >>"$suite.names"
grep -vE '^(#|$)|^[a-z0-9_/]+ +# [a-z]' "$list" | sed 's/$/: there is no reason/' >"$suite.wrong"
awk -v list="$list" '
    { all[$2] = 1; has[$1, $2]++; count[$1]++ }
    END {
        if (count["here"] == 0 || count["there"] == 0) { print "there are no tests" }
        for (name in all) {
            if (has["out", name] > 1) { print list ": " name " is there twice" }
            if (has["out", name] && !has["here", name]) { print list ": no test " name }
            if (has["out", name] && has["there", name]) { print list ": " name " is not left out" }
            if (has["here", name] && !has["out", name] && !has["there", name]) {
                print name " is missing, and not in " list
            }
        }
    }' "$suite.names" >>"$suite.wrong"
if [ -s "$suite.wrong" ]; then
    sed 's/^/FAIL /' "$suite.wrong"
    echo "0 passed, $(wc -l <"$suite.wrong") failed"
    exit 1
fi
${RUN:-} "$suite" "$@" >"$suite.output"
status=$?
tr -d '\r' <"$suite.output"
exit "$status"
