# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# What compilers and analysers say of the text.

leg_tidy() {
    need clang-tidy clang-tidy
    copy_to_analyse
    for backend in '' -DPYTHREADING_PTHREADS; do
        clang-tidy --quiet "$here/whole.c" -- -std=c11 -DPYTHREADING_IMPLEMENTATION $backend \
            >"$here/output" 2>"$here/errors" || cat "$here/errors"
        judge tidy "$here/output" result_ignored
    done
}

# What analysers pass over in a header they read in a .c file: the header, and faults to be found.
copy_to_analyse() {
    need ctags universal-ctags
    cat pythreading.h tests/checks/faults.c >"$here/whole.c"
    ctags -x --c-kinds=f --fields=+e --_xformat='%n %{end} %N' "$here/whole.c" >"$here/functions"
}

# found TOOL OUTPUT: what an analyser found, "TOOL FUNCTION NAME" a line. The function is the one
# where the path to the finding begins, for those that show one. A note on a macro is not on it.
found() {
    awk -v tool="$1" '
        function tell(line, n) {
            for (n = 1; n < count && !(from[n] <= line && line <= to[n]); n++) { }
            print tool, from[n] <= line && line <= to[n] ? name[n] : "-", finding
            finding = ""
        }
        FNR == NR { from[++count] = $1; to[count] = $2; name[count] = $3; next }
        !/whole\.c:[0-9]+:[0-9]+: / { next }
        { split(substr($0, index($0, "whole.c:")), place, ":") }
        / (warning|error|performance|portability): .*\]$/ {
            if (finding != "") { tell(where) }
            where = place[2]
            finding = $0
            sub(/.*\[/, "", finding)
            sub(/[],].*/, "", finding)
        }
        / note: / && !/expan[ds]|in definition of/ && finding != "" { tell(place[2]) }
        END { if (finding != "") { tell(where) } }' "$here/functions" "$2" | sort -u
}

# judge TOOL OUTPUT FAULT...: the faults were found, and nothing that is not known to be wrong.
judge() {
    tool=$1
    output=$2
    shift 2
    cat "$output"
    found "$tool" "$output" >"$here/found"
    for fault in "$@"; do
        try "$tool finds fault_$fault" grep -q " fault_$fault " "$here/found"
    done
    sed '/^#/d' tests/checks/known_findings.txt | cut -d ' ' -f 1-3 >"$here/known"
    grep -v ' fault_' "$here/found" | grep -vxFf "$here/known" >"$here/new"
    cat "$here/new"
    try "$tool finds nothing else" not [ -s "$here/new" ]
}

# 225000 nodes found nothing else and take two minutes. Only the system layer is new to the
# second run.
leg_analyzer() {
    need clang clang
    copy_to_analyse
    while read -r nodes flags; do
        clang --analyze --analyzer-output text -std=c11 -DPYTHREADING_IMPLEMENTATION $flags \
            -Xclang -analyzer-config -Xclang max-nodes="$nodes" "$here/whole.c" \
            >"$here/output" 2>&1
        judge analyzer "$here/output" use_after_free null lock_twice
    done <<'EOF'
25000 -Xclang -analyzer-checker=alpha.core.C11Lock
10000 -Xclang -analyzer-checker=alpha.unix.PthreadLock -DPYTHREADING_PTHREADS
EOF
}

leg_fanalyzer() {
    copy_to_analyse
    gcc -fanalyzer -fdiagnostics-path-format=separate-events -std=c11 -O0 \
        -DPYTHREADING_IMPLEMENTATION -c "$here/whole.c" -o "$here/whole.o" >"$here/output" 2>&1
    judge fanalyzer "$here/output" use_after_free null
}

# It cannot read _Atomic(T): the copy has T instead.
leg_cppcheck() {
    need cppcheck cppcheck
    copy_to_analyse
    sed -i 's/^\(#define PYT__ATOMIC(T)\) _Atomic(T)/\1 T/' "$here/whole.c"
    for backend in '' -DPYTHREADING_PTHREADS -DPYTHREADING_DUMMY; do
        cppcheck --enable=warning,portability,performance --std=c11 -D__linux__ -D__GNUC__=12 \
            -U__cplusplus -DPYTHREADING_IMPLEMENTATION $backend --quiet \
            --template='{file}:{line}:{column}: {severity}: {message} [{id}]' \
            "$here/whole.c" >"$here/output" 2>&1
        judge cppcheck "$here/output" null beyond_the_end
    done
}

# The header's annotations: silent about what is right, and a warning at every mistake.
leg_thread_safety() {
    need clang clang
    need clang-19 clang-19
    while read -r compiler expected language; do
        set -- "$compiler" $language -Wthread-safety -fsyntax-only -I.
        try "$compiler $language: silent about correct code" "$@" $warnings \
            -Wno-unused-function tests/checks/thread_safety_right.c
        try "$compiler $language: finds every mistake" "$@" -Xclang -verify="$expected" \
            -Xclang -verify-ignore-unexpected=note tests/checks/thread_safety_wrong.c
    done <<'EOF'
clang expected -xc -std=c11
clang expected,seen -xc++ -std=c++11
clang-19 expected,seen -xc -std=c11
clang-19 expected,seen -xc++ -std=c++17
EOF
    for compiler in clang clang-19; do
        for backend in '' -DPYTHREADING_PTHREADS -DPYTHREADING_DUMMY; do
            try "$compiler $backend: silent about the library" $compiler -std=c11 -xc $backend \
                -Wthread-safety -Werror -DPYTHREADING_IMPLEMENTATION -fsyntax-only pythreading.h
        done
    done
}

# Every compiler warns of a status that must not be ignored.
leg_must() {
    need g++ g++
    need clang clang
    need clang++ clang
    while read -r compiler flags; do
        for define in '' -DPYTHREADING_DEBUG; do
            set -- $compiler $flags $define -Wall -Wextra -I. -S -o "$here/must.s" \
                tests/checks/must.c
            try "$*: a dropped status is warned of" warns 18 "$@"
            try "$*: PYTHREADING_MAY_IGNORE turns that off" warns 0 "$@" -DPYTHREADING_MAY_IGNORE
        done
    done <<'EOF'
gcc -std=c11
gcc -std=c2x
clang -xc -std=c11
clang -xc -std=c2x
g++ -xc++ -std=c++11
g++ -xc++ -std=c++17
clang++ -xc++ -std=c++11
clang++ -xc++ -std=c++17
EOF
}

# warns N COMMAND...: it succeeds, with N warnings.
warns() {
    wanted=$1
    shift
    "$@" >"$here/warnings" 2>&1 || return 1
    [ "$(grep -c 'warning:' "$here/warnings")" = "$wanted" ]
}

# Every form of the header with each compiler, and each standard, level and backend: no warning.
leg_warnings() {
    need clang clang
    cat >"$here/declare.c" <<'EOF'
#include "pythreading.h"
typedef int nothing;
EOF
    cat >"$here/implement.c" <<'EOF'
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
EOF
    cat >"$here/static.c" <<'EOF'
#define PYTHREADING_STATIC
#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"
typedef int nothing;
EOF
    for compiler in gcc clang; do
        for form in declare implement static; do
            while read -r flags; do
                # What a private copy adds is the same at every level.
                case $form$flags in static*-O[013s]*) continue ;; esac
                try "$compiler $flags $form" $compiler $warnings -Wstrict-prototypes \
                    -Wmissing-prototypes $flags -I. -c "$here/$form.c" -o "$here/$form.o"
            done <<'EOF'
-std=c11 -O0
-std=c11 -O2
-std=c11 -O3 -DPYTHREADING_PTHREADS
-std=c11 -Os -DPYTHREADING_VALGRIND
-std=c2x -O1
-std=gnu11 -O0 -DPYTHREADING_PTHREADS
-std=gnu17 -O2 -DPYTHREADING_DUMMY
EOF
        done
    done
    adopters
}

# The warnings that adopters ask for: none in a file of theirs with every macro, in any variant, nor
# in the implementation. gcc follows -Wstrict-aliasing at -O2 only.
adopters() {
    need clang-19 clang-19
    both='-O2 -Wall -Wextra -Wpedantic -Wundef -Wshadow -Wconversion -Wsign-conversion -Wcast-align
        -Wcast-qual -Wredundant-decls -Wfloat-equal -Wstrict-aliasing=1 -Wswitch-enum
        -Wwrite-strings -Wvla -Werror -fsyntax-only -I.'
    in_c="-std=c11 $both -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
        -Wbad-function-cast -Wc++-compat -Wdeclaration-after-statement"
    in_cxx="-xc++ -std=c++11 $both -Wold-style-cast -Wzero-as-null-pointer-constant"
    while read -r option; do
        for compiler in gcc clang clang-19; do
            adopted $compiler $in_c $option
        done
        for compiler in clang++ clang++-19; do
            adopted $compiler $in_cxx $option
        done
        adopted g++ $in_cxx -Wuseless-cast $option
    done <<'EOF'

-DPYTHREADING_PTHREADS
-DPYTHREADING_DUMMY
-DPYTHREADING_DEBUG
-DPYTHREADING_SIMULATE
-U__linux__ -Ulinux -D_GNU_SOURCE
EOF
}

# adopted COMPILER FLAGS...: a user's file, and the implementation unless an older clang sees it.
adopted() {
    try "$1 ${option:-as it is}: a user's file" "$@" tests/checks/every_macro.c
    case $1$option in clang*-19-*) return ;; esac
    try "$1 ${option:-as it is}: the implementation" "$@" "$here/implement.c"
}

leg_lint() {
    counted sh tests/lint.sh
}
