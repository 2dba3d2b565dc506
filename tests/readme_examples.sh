#!/bin/sh
# shellcheck disable=SC2086 # CC, CFLAGS and LDFLAGS are lists of words
#
# Compile every ```c block of README.md, or with KIND=cpp each ```cpp block, and run the programs:
#     CC=cc CFLAGS='-O2 -I.' LDFLAGS=-pthread sh tests/readme_examples.sh OUTDIR [FILE]
#     KIND=cpp CC=c++ sh tests/readme_examples.sh OUTDIR [FILE]
#
# What a block is:
#     a program        if it has a `main`. Compiled as it stands, in a unit that implements the
#                      library; it has to exit with 0. A ```text block after `<!-- output -->` that
#                      follows is what it has to print.
#     declarations     after <!-- declarations -->: what stands at file scope.
#     a fragment       after <!-- fragment -->: what stands in the body of a thread's target,
#                      void *target(void *arg).
#     either of these  if nothing says which: whichever compiles.
# Declarations and fragments come after the header and the usual standard headers, and need not use
# what they declare. What they need besides stands in the comment, from its second line on:
#     <!-- fragment
#     static pyt_lock lock;
#     -->
# Errors are reported with the lines of README.md; the last line is "N passed, N failed".
set -u
export LC_ALL=C
: "${CC:=cc}" "${CFLAGS:=-O2 -I.}" "${LDFLAGS:=-pthread}" "${KIND:=c}"
out=${1:?usage: sh tests/readme_examples.sh OUTDIR [FILE]}
readme=${2:-README.md}
limit=$((30 * ${TEST_SLOW:-1}))
unused='-Wno-unused-variable -Wno-unused-but-set-variable -Wno-unused-function
    -Wno-unused-parameter -Wno-unused-value'

mkdir -p "$out"
rm -f "$out"/block-*

limited() {
    if command -v timeout >/dev/null 2>&1; then
        timeout -k 5 "$limit" "$@"
    else
        "$@"
    fi
}

# Blocks become block-NNN.code, .kind (the first word of the comment before it), .context (the rest
# of that comment) and .expected.
extract() {
    awk -v out="$out" -v readme="$readme" -v start='^ *```'"$KIND"'$' '
        function name(suffix) { return sprintf("%s/block-%03d.%s", out, n, suffix) }
        in_code && /^ *```$/ { in_code = 0; close(name("code")); next }
        in_code { print >name("code"); next }
        in_text && /^ *```$/ { in_text = 0; next }
        in_text { print >name("expected"); next }
        in_comment && /-->/ { in_comment = 0; next }
        in_comment { context = context $0 "\n"; next }
        /^ *<!-- *[a-z]+/ {
            kind = $2
            context = sprintf("#line %d \"%s\"\n", NR + 1, readme)
            in_comment = !/-->/
            next
        }
        $0 ~ start {
            n++
            in_code = 1
            printf "%s", context >name("context")
            print kind >name("kind")
            printf "#line %d \"%s\"\n", NR + 1, readme >name("code")
        }
        /^ *```text$/ && kind == "output" { in_text = 1; printf "" >name("expected") }
        /[^ ]/ { kind = context = "" }
    ' "$readme"
}

preamble='#include "pythreading.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
'

# Each of these says what is wrong, or nothing.

program() {
    implement=
    if ! grep -q 'define PYTHREADING_IMPLEMENTATION' "$1.code"; then
        implement=-DPYTHREADING_IMPLEMENTATION
    fi
    cp "$1.code" "$1.$KIND"
    if ! $CC $CFLAGS $implement "$1.$KIND" -o "$1.program" $LDFLAGS >"$1.build" 2>&1; then
        cat "$1.build"
        return
    fi
    limited "$1.program" >"$1.out" 2>"$1.err" </dev/null
    status=$?
    cat "$1.err"
    if [ "$status" != 0 ]; then
        cat "$1.out"
        echo "exit status $status, not 0"
    fi
    if [ -e "$1.expected" ]; then
        diff "$1.expected" "$1.out"
    fi
}

compile() {
    if ! $CC $CFLAGS $unused -c "$1.$KIND" -o "$1.o" >"$1.build" 2>&1; then
        cat "$1.build"
    fi
}

declarations() {
    {
        printf '%s' "$preamble"
        cat "$1.context" "$1.code"
    } >"$1.$KIND"
    compile "$1"
}

fragment() {
    {
        printf '%s' "$preamble"
        cat "$1.context"
        echo 'void *target(void *arg);'
        echo 'void *target(void *arg) {'
        cat "$1.code"
        echo '    return NULL;'
        echo '}'
    } >"$1.$KIND"
    compile "$1"
}

block() {
    if grep -qE '(^|[^a-z_])main\(' "$1.code"; then
        program "$1"
        return
    fi
    case $(cat "$1.kind") in
    declarations) declarations "$1" ;;
    fragment) fragment "$1" ;;
    *)
        declarations "$1" >"$1.first"
        if [ -s "$1.first" ]; then
            fragment "$1" >"$1.second"
            if [ -s "$1.second" ]; then
                echo "as declarations:"
                cat "$1.first"
                echo "as a fragment:"
                cat "$1.second"
            fi
        fi
        ;;
    esac
}

if [ ! -r "$readme" ]; then
    echo "FAIL $readme is not there"
    echo "0 passed, 1 failed"
    exit 1
fi
extract
passed=0 failed=0
for code in "$out"/block-*.code; do
    if [ ! -e "$code" ]; then
        echo "FAIL $readme has no examples"
        failed=1
        break
    fi
    here=${code%.code}
    block "$here" >"$here.result" 2>&1
    if [ -s "$here.result" ]; then
        echo "FAIL $readme:$(sed -n '1s/^#line \([0-9]*\).*/\1/p' "$code")"
        sed 's/^/     | /' "$here.result"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
