#!/bin/sh
# shellcheck disable=SC2086 # lists of files are meant to be split
#
# The form of the code: sh tests/lint.sh. One line for each thing looked at, and what is wrong with
# it before that; the last line is "N passed, N failed".
set -u
header=pythreading.h
dir=build/lint
mkdir -p "$dir"
passed=0 failed=0
sources=$(find tests bench -name '*.c' -o -name '*.h' -o -name '*.cpp' | sort)
texts="$sources $(find tests .ci -type f -name '*.sh' | sort) .ci/run Makefile README.md"

# result WHAT: what was wrong is in $dir/wrong; nothing there is right.
result() {
    if [ -s "$dir/wrong" ]; then
        sed 's/^/     | /' "$dir/wrong"
        echo "FAIL $1"
        failed=$((failed + 1))
    else
        echo "ok   $1"
        passed=$((passed + 1))
    fi
}

need() {
    command -v "$1" >/dev/null 2>&1 || echo "$1 is missing; install it: apt-get install $2" >"$3"
}

# The anchors of CONTENTS, which ends where the code begins, and those of the banners.
awk '/^#ifndef PYTHREADING_H/ { exit }
    match($0, />>[a-z_]+/) { print substr($0, RSTART, RLENGTH) }' $header >"$dir/contents"
awk '/^#ifndef PYTHREADING_H/ { code = 1 }
    code && match($0, /^ \* *>>[a-z_]+/) { sub(/^ \* */, ""); print $1 }' $header >"$dir/banners"
diff "$dir/contents" "$dir/banners" >"$dir/wrong"
[ -s "$dir/contents" ] || echo "no anchors in CONTENTS" >"$dir/wrong"
result "CONTENTS names the rooms in their order"

sh tests/index.sh --check >"$dir/wrong" 2>&1
grep -q 'pyt_lock ' build/index || echo "no names: tests/api.awk" >>"$dir/wrong"
result "INDEX names what is public, as make index writes it"

awk -f tests/api.awk $header >"$dir/api.h"
{
    for compiler in "${CC:-cc} -std=c11 -xc" "${CXX:-c++} -std=c++11 -xc++"; do
        $compiler -Wall -Wextra -Werror -fsyntax-only "$dir/api.h" 2>&1 | head -n 20
    done
} >"$dir/wrong"
grep -q 'pyt_lock_acquire_timeout(pyt_lock \*lock, double seconds);' "$dir/api.h" ||
    echo "pyt_lock_acquire_timeout is not in it" >>"$dir/wrong"
result "the declarations of make api compile by themselves, in C and in C++"

: >"$dir/wrong"
need clang-format clang-format "$dir/wrong"
[ -s "$dir/wrong" ] || clang-format --dry-run -Werror $header $sources 2>"$dir/format" ||
    grep 'error:' "$dir/format" | cut -d : -f 1-2 | uniq | head -n 20 >"$dir/wrong"
result "clang-format has nothing to change"

# Not README.md, whose tables have long lines. Columns are characters, not bytes.
for file in $header $(echo $texts | tr ' ' '\n' | grep -v README.md); do
    LC_ALL=C.UTF-8 grep -nE '^.{101,}' "$file" | cut -d : -f 1 | sed "s|^|$file:|"
done >"$dir/wrong"
result "no line above 100 columns"

grep -nE 'TO[D]O|FIX[M]E|XX[X]' $header $texts >"$dir/wrong"
result "nothing left for later"

grep -nE "[[:space:]]+$|$(printf '\t')" $header $sources >"$dir/wrong"
result "no tabs, no blanks at the end of a line"

: >"$dir/wrong"
need ctags universal-ctags "$dir/wrong"
[ -s "$dir/wrong" ] || ctags -x --c-kinds=f --c++-kinds=f --fields=+e \
    --_xformat='%{end} %n %N %F' $header $sources |
    awk '$1 ~ /^[0-9]+$/ && $1 - $2 >= 60 { print $4 ":" $2 ": " $3 ", " $1 - $2 + 1 " lines" }' \
        >"$dir/wrong"
result "no function above 60 lines"

# What names an operating system, a C library or a compiler; __cplusplus is a language.
systems='_WIN|__linux|__APPLE__|__MACH__|__unix|BSD__|__GLIBC__|__MINGW|__CYGWIN__|__ANDROID__'
compilers='__GNUC__|__clang__|_MSC_VER|__has_|__STDC_|__SANITIZE'
machines='__x86_64__|__i386__|__aarch64__|__arm__|__riscv|__s390x__'
awk -v names="$systems|$compilers|$machines|_POSIX_|PYTHREADING_PTHREADS" '
    match($0, /^ \* *>>[a-z_]+/) { room = $2 }
    /^ *# *(el)?if/ && room != ">>config" && room != ">>platform" && $0 ~ names {
        print FILENAME ":" NR ": " $0
    }' $header >"$dir/wrong"
result "#if on system and compiler in config and platform only"

# Calls upward that the table in config does not have, and rows of it that are no such calls.
awk -f tests/layers.awk $header >"$dir/wrong"
result "a room calls rooms above it, and others as the table in config has it"

# In the debug build each call that has a status notes its place and reports how it ended.
awk '/^(PYT__MUST_USE )?PYT__(API|INLINE) pyt_status( |$)/ {
        if (/pyt_status$/) { getline } else { sub(/.*pyt_status /, "") }
        sub(/\(.*/, "")
        if (/^pyt_[a-z]/) { print }
    }' $header | sort -u >"$dir/statuses"
sed -nE '/CALL_ASK/d; s/^#define (pyt_[a-z_]*)\(\.\.\.\).*/\1/p' $header | grep -vx pyt_local_get |
    sort >"$dir/noted"
diff "$dir/statuses" "$dir/noted" >"$dir/wrong"
[ -s "$dir/noted" ] || echo "no calls that note their place" >"$dir/wrong"
result "each call that has a status notes its place in the debug build"

# A question has an object and an answer that is no status.
awk -f tests/api.awk $header | tr '\n' ' ' | sed 's/;/;\n/g' |
    sed -nE 's/.* \*?(pyt_[a-z_]*)\((const )?pyt_[a-z_]* \*[a-z]+[,)].*/& \1/p' |
    grep -vE '(void|pyt_status|pyt_thread \*|pyt_future \*) ?pyt_[a-z_]*\(' | sed 's/.* //' |
    grep -vx pyt_local_get | sort >"$dir/questions"
sed -nE 's/^#define (pyt_[a-z_]*)\(\.\.\.\) PYT__CALL_ASK.*/\1/p' $header | sort >"$dir/asked"
diff "$dir/questions" "$dir/asked" >"$dir/wrong"
[ -s "$dir/asked" ] || echo "no questions" >"$dir/wrong"
result "each question about an object reports NULL in the debug build"

# What a simulated run begins with anew. Left alone are what the scheduler itself and the backend
# below it use, thread-local variables, the misusehook and a constant.
${CC:-cc} -std=c11 -DPYTHREADING_SIMULATE -DPYTHREADING_IMPLEMENTATION -x c -c $header \
    -o "$dir/header.o" 2>"$dir/wrong"
nm "$dir/header.o" | sed -nE 's/^[0-9a-f]+ [bBdD] //p' |
    grep -vE '^(parallel|rate|first|what|names|sentences)\.' |
    grep -vE '^pyt__(sim|me$|my_notes|worker_here|misuse|this_file_has$)' | sort >"$dir/variables"
sed -nE 's/^ +X\((pyt__[a-z_]+)\).*/\1/p' $header | sort | diff - "$dir/variables" >>"$dir/wrong"
result "a simulated run begins with every variable of the library as new"

# A condition in parentheses, over as many lines as it takes, is followed by a brace, unless a macro
# ends with it.
awk '
    function balance(text, opens, closes) {
        opens = gsub(/\(/, "", text)
        closes = gsub(/\)/, "", text)
        return opens - closes
    }
    FNR == 1 { depth = 0; inside = 0; macro = 0 }
    /^ *# *define/ { macro = 1 }
    {
        line = $0
        last = macro && line !~ /\\$/
        macro = macro && !last
        sub(/[ \t]*\\$/, "", line)
        sub(/ *\/\*.*\*\/$/, "", line)
        gsub(/"([^"\\]|\\.)*"|\x27([^\x27\\]|\\.)*\x27/, "", line)
    }
    !inside && line ~ /^ *(} )?(else )?(if|for|while|switch) \(/ && line !~ /^ *} while \(/ {
        inside = 1
        depth = 0
    }
    !inside && line ~ /^ *(} )?else$/ { print FILENAME ":" FNR ": no brace" }
    inside {
        depth += balance(line)
        if (depth == 0) {
            if (line !~ /\{$/ && !last) { print FILENAME ":" FNR ": no brace" }
            inside = 0
        }
    }' $header $sources >"$dir/wrong"
result "braces always"

# The figures in the two READMEs are those that were measured.
for readme in README.md bench/README.md; do
    which=all
    [ "$readme" = bench/README.md ] || which=short
    awk '/^<!-- end of table -->/ { table = 0 } table { print } /^<!-- table -->/ { table = 1 }' \
        "$readme" >"$dir/table"
    sh bench/table.sh $which bench/plots/*/peers.csv | diff "$dir/table" - >"$dir/wrong"
    [ -s "$dir/table" ] || echo "$readme has no table of figures" >"$dir/wrong"
    result "the figures in $readme are those of bench/plots/*/peers.csv"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
