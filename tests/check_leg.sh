#!/bin/sh
# shellcheck disable=SC2046,SC2086,SC2317 # lists of flags and numbers are meant to be split
#
# One check of `make check`: sh tests/check_leg.sh NAME
# Its output goes to build/check/NAME.log and one line about it to the terminal; when it fails,
# the end of the log follows. A tool that is missing is a failure that says what to install.
set -u
name=$1
dir=build/check
log=$dir/$name.log
here=$dir/$name

# The line about a check, and the end of its log if it failed.
report() {
    passed=0 failed=0 skipped=0
    while read -r p f s; do
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
    done <"$here.counts"
    if [ "$1" = 124 ] || [ "$1" = 137 ]; then
        echo "FAIL it was stopped after $limit s" >>"$log"
    fi
    if [ "$1" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    echo "$passed $failed" >"$here.result"
    word=ok
    if [ "$failed" != 0 ]; then
        word=FAIL
    fi
    more=
    if [ "$skipped" != 0 ]; then
        more=", $skipped skipped"
    fi
    printf '%-4s %-15s %s passed, %s failed%s  (%s s)\n' "$word" "$name" "$passed" "$failed" \
        "$more" "$2"
    if [ "$failed" != 0 ]; then
        { grep -n -E '^FAIL|error:|warning:|ERROR: |WARNING: |undefined ref' "$log" | head -n 10
            echo "..."
            tail -n 12 "$log"
            echo "(the whole of it: $log)"; } | cut -c 1-300 | sed 's/^/     | /'
    fi
    [ "$failed" = 0 ]
}

if [ "${CHECK_INSIDE:-}" != "$name" ]; then
    mkdir -p "$dir"
    rm -rf "$here" "$here".*
    mkdir -p "$here"
    : >"$here.counts"
    limit=${CHECK_LIMIT:-1500}
    start=$(date +%s)
    unset MAKEFLAGS MFLAGS MAKELEVEL
    CHECK_INSIDE=$name timeout -k 10 "$limit" sh "$0" "$name" >"$log" 2>&1 </dev/null
    status=$?
    report "$status" $(($(date +%s) - start))
    exit
fi

# From here on: the inside, where each check is a function leg_NAME.

# Checks run beside each other, so that time is not the tests' own.
export TEST_SLOW="${TEST_SLOW:-3}"

warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
# Checks that run beside each other build one file at a time.
builders=2
if [ "${CHECK_PARALLEL:-1}" != 1 ]; then
    builders=1
fi

# need COMMAND PACKAGE: fail unless the command is there.
need() {
    command -v "$1" >/dev/null 2>&1 || lacks "$1" "$2"
}

lacks() {
    echo "FAIL $1 is missing; install it: apt-get install $2"
    exit 1
}

# need_runtime COMPILER FLAG PACKAGE: fail unless a program can be built with that sanitizer.
need_runtime() {
    echo 'int main(void) { return 0; }' >"$here/empty.c"
    "$1" "$2" "$here/empty.c" -o "$here/empty" || lacks "the runtime of $1 $2" "$3"
}

# try WHAT COMMAND...: one thing that has to succeed.
try() {
    what=$1
    shift
    if "$@"; then
        echo "ok   $what"
        echo "1 0" >>"$here.counts"
    else
        echo "FAIL $what: $*"
        echo "0 1" >>"$here.counts"
    fi
}

not() {
    ! "$@"
}

# counted COMMAND...: run what ends with a line "N passed, N failed".
counted() {
    "$@" >"$here/output" 2>&1
    status=$?
    cat "$here/output"
    set -- $(grep -E '^[0-9]+ passed, [0-9]+ failed' "$here/output" | tail -n 1 | tr -cd '0-9 \n')
    if [ "$status" != 0 ] && [ "${2:-0}" = 0 ]; then
        set -- "${1:-0}" 1 "${3:-0}"
    fi
    echo "${1:-0} ${2:-1} ${3:-0}" >>"$here.counts"
}

build() {
    make --no-print-directory -j "$builders" WERROR=-Werror "$@"
}

# tests MAKE-ARGUMENTS...: all that `make test` runs.
tests() {
    try "it builds: $*" build build-suite "$@"
    counted make --no-print-directory JOBS="$builders" WERROR=-Werror test "$@"
}

# suite MAKE-ARGUMENTS...: the tests without the examples, where those have nothing to add.
suite() {
    counted "$(path_of build-suite "$@")"
}

# path_of TARGET MAKE-ARGUMENTS...: build it and say where it is.
path_of() {
    if build "$@" >"$here/build" 2>&1; then
        tail -n 1 "$here/build"
    else
        cat "$here/build" >&2
        echo "$here/is-not-built"
    fi
}

# ---- the test suite under valgrind and the sanitizers, the slowest first ----

# under_valgrind SUITE TEXT OPTIONS...: the tests that have the text in their names.
under_valgrind() {
    suite=$1
    text=$2
    shift 2
    counted valgrind -q "$@" --error-exitcode=99 --fair-sched=try --max-threads=2000 \
        "$suite" "$text"
}

leg_helgrind() {
    [ -e /usr/include/valgrind/helgrind.h ] || lacks valgrind/helgrind.h valgrind
    flags='-O1 -g -DPYTHREADING_VALGRIND'
    need valgrind valgrind
    # The dynamic linker binds at start: a process that ends while one of its threads binds a symbol
    # would end with the linker's lock held, which is reported.
    export LD_BIND_NOW=1
    try "it builds" gcc $flags -I. tests/checks/race.c -o "$here/race" -pthread
    try "helgrind sees a race" not valgrind -q --tool=helgrind --error-exitcode=99 "$here/race"
    try "helgrind sees the library's lock" \
        valgrind -q --tool=helgrind --error-exitcode=99 "$here/race" locked
    # A child keeps the locks of threads it does not have, for all that Helgrind knows. The faults
    # are a thousand processes that Memcheck looks at.
    export TEST_SKIP='test_faults/ test_fork/ test_process/ /after_fork /a_task_may_fork'
    export TEST_SLOW=20
    under_valgrind "$(path_of build-suite CC=gcc CFLAGS="$flags")" '' --tool=helgrind \
        --suppressions=tests/checks/helgrind.supp
}

leg_memcheck() {
    need valgrind valgrind
    suite=$(path_of build-suite CC=gcc CFLAGS='-O1 -g')
    set -- --suppressions=tests/checks/memcheck.supp --show-leak-kinds=definite
    # What only the threads of the parent pointed to is lost in a child.
    export TEST_SKIP='test_fork/ test_process/ /after_fork /a_task_may_fork' TEST_SLOW=20
    under_valgrind "$suite" '' "$@" --leak-check=full --errors-for-leak-kinds=definite
    unset TEST_SKIP
    under_valgrind "$suite" test_fork/ "$@" --leak-check=no
    under_valgrind "$suite" test_process/ "$@" --leak-check=no
}

leg_tsan() {
    need clang clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    export TSAN_OPTIONS=die_after_fork=0 TEST_SLOW=10
    for compiler in clang gcc; do
        try "$compiler: it builds" $compiler -O1 -g -fsanitize=thread -I. tests/checks/race.c \
            -o "$here/race" -pthread
        try "$compiler: it sees a race" not "$here/race"
        try "$compiler: it sees the library's lock" "$here/race" locked
    done
    suite CC=clang CFLAGS='-O1 -g -fsanitize=thread'
}

leg_tsan_gcc() {
    export TSAN_OPTIONS=die_after_fork=0 TEST_SLOW=10
    suite CC=gcc CFLAGS='-O1 -g -fsanitize=thread'
}

leg_asan() {
    export ASAN_OPTIONS=detect_leaks=1 TEST_SLOW=4
    flags='-O1 -g -fsanitize=address -fno-omit-frame-pointer'
    try "it builds" gcc $flags -I. tests/checks/leak.c -o "$here/leak" -pthread
    try "it sees a leak in a thread" not "$here/leak"
    tests CC=gcc CFLAGS="$flags"
}

leg_asan_clang() {
    need clang clang
    need_runtime clang -fsanitize=address libclang-rt-14-dev
    export ASAN_OPTIONS=detect_leaks=1 TEST_SLOW=4
    suite CC=clang CFLAGS='-O1 -g -fsanitize=address -fno-omit-frame-pointer'
}

# gcc does not tell a program that this sanitizer is on, clang does.
leg_lsan() {
    need clang clang
    need_runtime clang -fsanitize=leak libclang-rt-14-dev
    # Its runtime dies in the child of a process with threads (that of AddressSanitizer does not).
    export LSAN_OPTIONS=allocator_may_return_null=1 TEST_SLOW=2 TEST_SKIP=test_fork/
    try "it builds" clang -O1 -g -fsanitize=leak -I. tests/checks/leak.c -o "$here/leak" -pthread
    try "it sees a leak in a thread" not "$here/leak"
    suite CC=clang CFLAGS='-O1 -g -fsanitize=leak'
}

# On C11 threads: this sanitizer does not mind them.
leg_ubsan() {
    need clang clang
    need_runtime clang -fsanitize=undefined libclang-rt-14-dev
    export UBSAN_OPTIONS=print_stacktrace=1 TEST_SLOW=2
    suite CC=clang CFLAGS='-O1 -g -fsanitize=undefined -fno-sanitize-recover=all'
}

leg_ubsan_gcc() {
    export UBSAN_OPTIONS=print_stacktrace=1 TEST_SLOW=2
    # Its own instructions lead this compiler to think that numbers may be larger than they are.
    suite CC=gcc \
        CFLAGS='-O1 -g -fsanitize=undefined -fno-sanitize-recover=all -Wno-format-truncation'
}

# ---- the test suite with each compiler, standard and backend ----

# Four at once on few processors, so that each is stopped in the middle of its unloading.
plugins_side_by_side() {
    pids=
    for i in 1 2 3 4; do
        timeout 120 "$here/plugin" "$here/plugin.so" 150 &
        pids="$pids $!"
    done
    for pid in $pids; do
        wait "$pid" || return 1
    done
}

leg_stress() {
    stress=$(path_of build-stress CC=gcc)
    counted "$stress" 10 64
    counted "$stress" 3 64 1 60
    set -- gcc -std=gnu11 -O2 $warnings -I. tests/checks/plugin.c
    "$@" -DPLUGIN -fPIC -shared -o "$here/plugin.so" -pthread
    "$@" -o "$here/plugin" -pthread -ldl
    try "a plugin is used by four processes and unloaded" plugins_side_by_side
    counted "$(path_of build-stress CC=gcc BACKEND=pthreads)" 5 64
    need clang clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    counted "$(path_of build-stress CC=clang CFLAGS='-O1 -g -fsanitize=thread')" 10 64
}

leg_gcc_c11() {
    suite CC=gcc STD=c11
}

leg_gcc_pthreads() {
    suite CC=gcc STD=c11 BACKEND=pthreads CFLAGS=-O1
}

leg_gcc_c17() {
    suite CC=gcc STD=c17 CFLAGS=-O3
}

leg_gcc_c2x() {
    suite CC=gcc STD=c2x CFLAGS=-Os
}

leg_clang_c11() {
    need clang clang
    suite CC=clang STD=c11
}

leg_clang_pthreads() {
    need clang clang
    suite CC=clang STD=c11 BACKEND=pthreads CFLAGS=-O1
}

leg_clang_c17() {
    need clang clang
    suite CC=clang STD=c17 CFLAGS=-O3
}

leg_clang_c2x() {
    need clang clang
    suite CC=clang STD=c2x CFLAGS=-O0
}

leg_clang_19() {
    need clang-19 clang-19
    suite CC=clang-19 STD=c23
}

leg_musl() {
    need musl-gcc musl-tools
    tests CC=musl-gcc CFLAGS=-O1 LDFLAGS=-static
    suite CC=musl-gcc CFLAGS=-O0
    suite CC=musl-gcc CFLAGS=-O1 LDFLAGS=-static BACKEND=pthreads
}

# ---- the test suite on other machines ----

# A 32-bit program, which this machine runs itself; with the time_t of the past and with that of
# the future. It is linked statically: this machine has no libraries for it.
leg_i386() {
    need i686-linux-gnu-gcc gcc-i686-linux-gnu
    need_runtime i686-linux-gnu-gcc -static libc6-dev-i386-cross
    for time in '' ' -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64'; do
        suite CC=i686-linux-gnu-gcc CFLAGS="-O1$time" LDFLAGS=-static
    done
}

# emulated MACHINE TRIPLE LIBC: the suite, run by qemu, called by its name.
emulated() {
    need "$2-gcc" "gcc-$2"
    need "qemu-$1-static" qemu-user-static
    need_runtime "$2-gcc" -static "libc6-dev-$3-cross"
    export TEST_SLOW=10
    counted sh tests/suite_without.sh tests/emulated_left_out.txt \
        "qemu-$1-static $(path_of build-suite CC="$2-gcc" CFLAGS=-O1 LDFLAGS=-static)" --jobs 4
}

leg_arm64() {
    emulated aarch64 aarch64-linux-gnu arm64
}

leg_armhf() {
    emulated arm arm-linux-gnueabihf armhf
}

leg_riscv64() {
    emulated riscv64 riscv64-linux-gnu riscv64
}

leg_s390x() {
    emulated s390x s390x-linux-gnu s390x
}

leg_ppc64le() {
    emulated ppc64le powerpc64le-linux-gnu ppc64el
}

# ---- systems that are not there: their code, run on Linux or compiled for them ----

# What is left for a system that is not known, run on Linux; with the calls of the BSDs over it.
leg_generic_posix() {
    need clang clang
    set -- CC=gcc STD=gnu11 CFLAGS='-O1 -U__linux__ -Ulinux'
    counted sh tests/suite_without.sh tests/generic_left_out.txt "$(path_of build-suite "$@")"
    for system in FREEBSD OPENBSD NETBSD; do
        suite=$(path_of build-suite "$@" LIBRARY="clang -std=gnu11 -DSHIM_$system \
            -include tests/shims/bsd.h -Itests/shims/bsd")
        counted "$suite" test_fork/ test_process/ test_thread/
    done
    echo '#define PYTHREADING_IMPLEMENTATION
#include "pythreading.h"' >"$here/hidden.c"
    try "hidden POSIX is refused" not gcc -std=c11 -U__linux__ -Ulinux -I. -fsyntax-only \
        "$here/hidden.c"
    try "and the cure is named" refused 'D_POSIX_C_SOURCE=200809L' gcc -std=c11 -U__linux__ \
        -Ulinux -I. "$here/hidden.c"
    try "it helps" gcc -std=c11 -U__linux__ -Ulinux -D_POSIX_C_SOURCE=200809L $warnings -I. -c \
        "$here/hidden.c" -o "$here/hidden.o"
}

# refused TEXT COMMAND...: an #error says so, and nothing else is wrong before it.
refused() {
    text=$1
    shift
    "$@" -fsyntax-only 2>&1 | grep -m 1 error: | tee "$here/refused"
    grep -q -e "$text" "$here/refused"
}

# The code for macOS, over a shim, with thread-local storage that is freed as early as there.
leg_apple_emulated() {
    need clang clang
    counted sh tests/suite_without.sh tests/apple_left_out.txt "$(path_of build-suite CC=clang \
        BACKEND=pthreads \
        CFLAGS='-O1 -femulated-tls -U__linux__ -Ulinux -include tests/shims/apple.h')"
}

# zig_of: where the compiler is that has other systems' headers and libraries. It is fetched by npm,
# as one version whose sum is known.
zig_of() {
    sh tests/fetch_zig.sh || exit 1
}

# The header, all tests and the demo for macOS: compiled and linked.
leg_macos_compile() {
    zig=$(zig_of) || { echo "FAIL zig is missing: $zig"; exit 1; }
    export ZIG_GLOBAL_CACHE_DIR="$PWD/$here/zig" ZIG_LOCAL_CACHE_DIR="$PWD/$here/zig"
    for target in x86_64-macos aarch64-macos; do
        set -- "$zig" cc -target $target $warnings -I.
        try "$target: the demo" "$@" -std=c11 tests/demo.c -o "$here/demo-$target"
        try "$target: the library in C++" "$@" -xc++ -std=c++11 -c tests/cplusplus/implement.c \
            -o "$here/library-$target.o"
        try "$target: it is a program for macOS" mach_o "$here/demo-$target"
    done
    try "all tests: x86_64" "$zig" cc -target x86_64-macos $warnings -I. -std=c11 tests/main.c \
        tests/library.c tests/test_*.c -o "$here/suite"
    try "the tests as arm64 sees them" "$zig" cc -target aarch64-macos $warnings -I. -std=c11 \
        -fsyntax-only tests/main.c tests/library.c tests/test_*.c
}

mach_o() {
    [ "$(od -An -tx4 -N4 "$1" | tr -d ' ')" = feedfacf ]
}

# C libraries whose <threads.h> is newer than they are: linked against them, run on this one's.
leg_old_glibc() {
    zig=$(zig_of) || { echo "FAIL zig is missing: $zig"; exit 1; }
    export ZIG_GLOBAL_CACHE_DIR="$PWD/$here/zig" ZIG_LOCAL_CACHE_DIR="$PWD/$here/zig"
    for version in 2.17 2.27 2.28; do
        expected=pthreads
        [ $version != 2.28 ] || expected=c11
        set -- "$zig" cc -target x86_64-linux-gnu.$version -std=c11 $warnings -I. -pthread
        try "glibc $version: compiles" "$@" tests/checks/backend.c -o "$here/backend"
        try "glibc $version: $expected" "$here/backend" $expected
        [ $version != 2.17 ] || {
            try "glibc $version: the demo" "$@" tests/demo.c -o "$here/demo"
            "$here/demo" README.md >"$here/demo.txt"
            try "glibc $version: both ways agree" grep -qx 'both ways agree' "$here/demo.txt"
        }
    done
}

# WebAssembly: with threads and without by Emscripten, and by WASI, where there is no setjmp.
leg_emscripten() {
    need emcc emscripten
    need node nodejs
    zig=$(zig_of) || { echo "FAIL zig is missing: $zig"; exit 1; }
    export NODE_PATH=/usr/share/nodejs
    export ZIG_GLOBAL_CACHE_DIR="$PWD/$here/zig" ZIG_LOCAL_CACHE_DIR="$PWD/$here/zig"
    set -- -sPROXY_TO_PTHREAD -sEXIT_RUNTIME -sPTHREAD_POOL_SIZE=8 -sINITIAL_MEMORY=128MB
    threads="emcc -std=gnu11 -O1 -pthread $warnings -I. $* -sNODERAWFS"
    plain="emcc -std=gnu11 -O1 $warnings -DPYTHREADING_DUMMY -DPYTHREADING_IMPLEMENTATION -I."
    try "the demo" $threads tests/demo.c -o "$here/demo.js"
    in_node "$here/demo.js" README.md >"$here/demo.txt"
    try "both ways agree" grep -qx 'both ways agree' "$here/demo.txt"
    for name in counter bank barrier pool_map executor_map producer_notify; do
        try "example $name" $threads "tests/examples/$name.c" -o "$here/$name.js"
        try "it prints what it has to" prints "$name" in_node "$here/$name.js"
    done
    try "without threads" $plain tests/checks/no_threads.c -o "$here/none.js"
    try "it runs" in_node "$here/none.js"
    for name in no_threads no_setjmp; do
        try "WASI: $name" "$zig" cc -target wasm32-wasi -std=gnu11 -O1 $warnings -I. \
            -DPYTHREADING_DUMMY -DPYTHREADING_IMPLEMENTATION "tests/checks/$name.c" \
            -o "$here/$name.wasm"
    done
    try "WASI: it runs" timeout 60 node --no-warnings tests/checks/wasi.mjs "$here/no_threads.wasm"
    timeout 60 node --no-warnings tests/checks/wasi.mjs "$here/no_setjmp.wasm" >"$here/raise.txt" \
        2>&1
    try "WASI: pyt_raise ends the process" [ $? = 1 ]
    try "WASI: with its message alone" said 'Exception in thread drawer: the well is dry' \
        cat "$here/raise.txt"
}

in_node() {
    timeout 60 node --no-experimental-fetch "$@"
}

# prints NAME COMMAND...: what the example of that name has to, in any order.
prints() {
    example=tests/examples/$1
    shift
    "$@" >"$here/printed" || return 1
    sort "$here/printed" >"$here/sorted"
    cat "$example".expected "$example".sorted 2>"$here/none" | sort | diff - "$here/sorted"
}

# ---- Windows ----

# As MinGW builds it in both its thread models, run by Wine.
leg_wine() {
    win32=x86_64-w64-mingw32-gcc-win32 posix=x86_64-w64-mingw32-gcc-posix
    i686=i686-w64-mingw32-gcc-win32 wine=/usr/lib/wine/wine64
    need $win32 gcc-mingw-w64-x86-64-win32
    need $posix gcc-mingw-w64-x86-64-posix
    need $i686 gcc-mingw-w64-i686-win32
    need $wine wine64
    export WINEPREFIX="$PWD/$here/prefix" WINEDEBUG=-all
    # Without the services for devices: they come and go with the programs, and crash at times.
    export WINEDLLOVERRIDES=mscoree,mshtml,winedevice.exe,plugplay.exe=
    try "wine makes itself a home" $wine wineboot -i
    tests CC=$win32 BACKEND=win32 LDFLAGS=-static RUN=$wine
    RUN=$wine counted sh tests/windows_suite.sh \
        "$(path_of build-suite CC=$posix CFLAGS=-O0 BACKEND=win32 LDFLAGS=-static)"
    counted $wine "$(path_of build-stress CC=$win32 BACKEND=win32 LDFLAGS=-static)" 5 64
    windows_demo "$(path_of build-demo CC=$win32 BACKEND=win32 LDFLAGS=-static)"
    for compiler in $win32 $posix $i686; do
        windows_forms $compiler
    done
    set -- $win32 -std=c11 -O2 $warnings -I. tests/checks/dll.c
    "$@" -DIN_DLL -shared -static -o "$here/library.dll"
    "$@" -o "$here/dll.exe"
    $wine "$here/dll.exe" "$here/library.dll"
    try "a process with the library in a DLL ends" [ $? = 7 ]
    ${wine%/*}/wineserver64 -k
}

windows_demo() {
    words=$(cat tests/*.c | LC_ALL=C.UTF-8 wc -w)
    $wine "$1" tests/*.c | tr -d '\r' | tee "$here/demo"
    try "the demo counts $words" grep -qw "$words" "$here/demo"
    try "both ways agree" grep -qx 'both ways agree' "$here/demo"
}

# How it is included, with <windows.h> at every place; and that no option is needed for any of it.
# Programs of 32 bits are compiled only: Wine needs another architecture's packages for them.
windows_forms() {
    for form in FIRST BETWEEN LAST; do
        try "$1: <windows.h> $form" $1 -std=c11 -O1 $warnings -D$form -I. \
            tests/checks/windows_h.c -static -o "$here/form.exe"
        [ "$1" = $i686 ] || try "$1: it runs" $wine "$here/form.exe"
    done
    for expected in win32 dummy; do
        option=
        [ $expected = win32 ] || option=-DPYTHREADING_DUMMY
        try "$1 $option: compiles" $1 -std=c11 -O2 $warnings $option -I. \
            tests/checks/backend.c -static -o "$here/backend.exe"
        [ "$1" = $i686 ] || try "$1 $option: $expected" $wine "$here/backend.exe" $expected
    done
    try "$1: the pthreads of others are refused" not $1 -DPYTHREADING_PTHREADS -I. \
        -fsyntax-only tests/checks/backend.c
    try "$1: static in two units" $1 -std=c11 -O2 $warnings -I. tests/checks/static_a.c \
        tests/checks/static_b.c -static -o "$here/static.exe"
}

# ---- the build without threads ----

leg_dummy() {
    need clang clang
    need objdump binutils
    for compiler in gcc clang; do
        tests CC=$compiler BACKEND=dummy CFLAGS=-O1
    done
    mkdir -p "$here/missing"
    for header in threads.h pthread.h stdatomic.h atomic; do
        echo "#error $header is missing" >"$here/missing/$header"
    done
    set -- -O2 $warnings -I"$here/missing" -I.
    try "the headers are missing" not gcc -std=c11 "$@" tests/checks/no_threads.c -o "$here/none"
    for compiler in gcc clang; do
        plain=$here/$compiler
        try "$compiler: C11 without the headers" $compiler -std=c11 -DPYTHREADING_DUMMY "$@" \
            -DPYTHREADING_IMPLEMENTATION -c tests/checks/no_threads.c -o "$plain.o"
        try "$compiler: links" $compiler "$plain.o" -o "$plain"
        try "$compiler: runs" timeout 20 "$plain"
        try "$compiler: no atomic instruction" not atomics "$plain.o"
        try "$compiler: no function of a thread library" not thread_functions "$plain.o"
        $compiler -O2 -DPYTHREADING_IMPLEMENTATION -I. -c tests/checks/no_threads.c \
            -o "$plain.threads.o"
        try "$compiler: both are found where they are" found_in "$plain.threads.o"
    done
    for compiler in g++ clang++; do
        plain=$here/$compiler
        gcc -std=c11 -DPYTHREADING_DUMMY "$@" -c tests/cplusplus/implement.c -o "$plain.c.o"
        try "$compiler: C++11 without the headers" $compiler -std=c++11 -DPYTHREADING_DUMMY "$@" \
            -xc++ -c tests/checks/no_threads.c -o "$plain.o"
        try "$compiler: links" $compiler "$plain.o" "$plain.c.o" -o "$plain"
        try "$compiler: runs" timeout 20 "$plain"
        try "$compiler: no atomic instruction" not atomics "$plain.o"
    done
}

# Show the atomic instructions of an object. On x86, which has them under few names.
atomics() {
    objdump -d --no-show-raw-insn "$1" |
        awk -F '\t' '$2 ~ /^lock |^xchg.*\(|^mfence/ { print; n++ } END { exit n == 0 }' ||
        nm -u "$1" | grep -E ' U (__atomic|__sync)_'
}

thread_functions() {
    nm -u "$1" | grep -E ' U (thrd|mtx|cnd|tss|pthread|call_once|sem)_'
}

found_in() {
    atomics "$1" >"$here/found" && thread_functions "$1" >>"$here/found"
}

# ---- what analysers say ----

# The examples of a platform of the user's own, and every number of buckets that is special.
leg_own_platform() {
    counted sh tests/suite_without.sh tests/platform/futex_left_out.txt \
        "$(path_of build-suite CC=gcc \
            CFLAGS="-O1 -D_GNU_SOURCE= -Itests/platform -DPYTHREADING_PLATFORM='\"futex.h\"'")"
    try "the kernel of the other" gcc -std=c11 -O1 $warnings -c tests/platform/kernel.c \
        -o "$here/kernel.o"
    counted sh tests/suite_without.sh tests/platform/rtos_left_out.txt \
        "$(path_of build-suite CC=gcc LDFLAGS="$here/kernel.o" \
            CFLAGS="-O1 -Itests/platform -DPYTHREADING_PLATFORM='\"rtos.h\"'")"
    set -- -std=c11 -O1 $warnings -Itests/platform -DPYTHREADING_PLATFORM='"rtos.h"' -I.
    try "its headers" gcc "$@" -M -xc tests/cplusplus/implement.c -MF "$here/headers"
    try "no header of a system" not grep -E \
        ' /usr/include/(pthread|threads|unistd|time|sched|semaphore|windows)\.h' "$here/headers"
    for buckets in 0 3 1000 131072; do
        try "$buckets buckets are refused" not gcc -std=c11 -I. -DPYTHREADING_BUCKETS=$buckets \
            -fsyntax-only tests/cplusplus/implement.c
    done
    TEST_SKIP='test_spin/a_long_yield_on_one do_not_share_a_bucket' suite CC=gcc \
        CFLAGS='-O1 -DPYTHREADING_BUCKETS=1'
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

leg_tidy() {
    need clang-tidy clang-tidy
    copy_to_analyse
    for backend in '' -DPYTHREADING_PTHREADS; do
        clang-tidy --quiet "$here/whole.c" -- -std=c11 -DPYTHREADING_IMPLEMENTATION $backend \
            >"$here/output" 2>"$here/errors" || cat "$here/errors"
        judge tidy "$here/output" result_ignored
    done
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

# ---- the header as others include it ----

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
}

# Files that are built with different options, in C and C++, for ELF and for Windows.
leg_mixed() {
    need g++ g++
    need clang clang
    need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64
    sections='-ffunction-sections -fdata-sections -Wl,--gc-sections'
    while read -r compiler language flags; do
        for theirs in none DEBUG DUMMY SIMULATE; do
            cc=$compiler
            if [ "$cc" = g++ ]; then
                cc=gcc
            fi
            $cc -std=c11 -I. -DPYTHREADING_IMPLEMENTATION -DPYTHREADING_$theirs -xc \
                -c pythreading.h -o "$here/$theirs.o"
            for ours in none DEBUG DUMMY SIMULATE; do
                set -- "$compiler" $language -O2 $flags -I. -DPYTHREADING_$ours \
                    tests/checks/mixed.c -xnone "$here/$theirs.o" -pthread -o "$here/mixed"
                mixture "$ours" "$theirs" "$@"
            done
        done
    done <<EOF
gcc -xc
gcc -xc $sections
clang -xc $sections
g++ -xc++ $sections
x86_64-w64-mingw32-gcc -xc
EOF
}

# mixture OURS THEIRS COMMAND...: it links if both are the same, or says which option differs.
mixture() {
    ours=$1
    theirs=$2
    shift 2
    if [ "$ours" = "$theirs" ]; then
        try "$ours with $theirs links: $1" "$@"
        return
    fi
    "$@" >"$here/linked" 2>&1
    for option in $ours $theirs; do
        if [ $option != none ]; then
            try "$ours with $theirs does not link: $1" \
                grep -qE "pyt__this_file_has_(no_)?PYTHREADING_$option" "$here/linked"
        fi
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

# Declarations in C++, implementation in C.
leg_cxx() {
    need g++ g++
    need clang++ clang
    need clang++-19 clang-19
    for backend in c11 pthreads; do
        define=
        if [ $backend = pthreads ]; then
            define=-DPYTHREADING_PTHREADS
        fi
        try "the implementation: $backend" gcc -std=c11 -O2 $warnings $define -I. \
            -c tests/cplusplus/implement.c -o "$here/$backend.o"
    done
    for compiler in g++ clang++; do
        for std in c++11 c++14 c++17 c++20 c++2b; do
            cplusplus c11 $compiler -std=$std
        done
        cplusplus pthreads $compiler -std=c++11 -DPYTHREADING_PTHREADS
        cplusplus c11 $compiler -std=c++17 -fno-exceptions -fno-rtti
    done
    for std in c++11 c++23; do
        cplusplus c11 clang++-19 -std=$std
    done
}

# cplusplus BACKEND COMPILER FLAGS...: a C++ program over the C library.
cplusplus() {
    implementation=$here/$1.o
    shift
    try "$*: builds" "$@" -O1 $warnings -I. tests/cplusplus/use.cpp "$implementation" -pthread \
        -o "$here/use"
    try "$*: runs" timeout 60 "$here/use"
}

# The implementation in C++: as a unit of its own, under a program in C and in C++, and all tests.
leg_cxx_implementation() {
    need g++ g++
    need clang++ clang
    for std in c++11 c++14 c++17 c++20 c++2b; do
        for compiler in g++ clang++; do
            try "$compiler -std=$std: the implementation" $compiler -std=$std -O1 $warnings -I. \
                -xc++ -c tests/cplusplus/implement.c -o "$here/cxx.o"
            cplusplus cxx $compiler -std=$std
        done
    done
    for option in -DPYTHREADING_DEBUG -DPYTHREADING_PTHREADS -DPYTHREADING_DUMMY; do
        for compiler in g++ clang++; do
            try "$compiler $option" $compiler -std=c++11 -O0 $warnings $option -I. -xc++ \
                -c tests/cplusplus/implement.c -o "$here/cxx.o"
        done
    done
    for compiler in g++ clang++; do
        try "$compiler: included within extern \"C\"" $compiler -std=c++11 -O0 $warnings -I. \
            tests/cplusplus/within.cpp -pthread -o "$here/within"
        try "$compiler: it runs" timeout 20 "$here/within"
    done
    for library in 'g++ -xc++ -std=c++11' 'clang++ -xc++ -std=c++20'; do
        suite CC=gcc CFLAGS=-O1 LDFLAGS=-lstdc++ LIBRARY="$library"
    done
}

# One header in many places: the ways to include it that the README promises.
# A plugin with a copy of its own, loaded 3,000 times: a process has 1,024 keys to give.
embed_plugin() {
    for backend in '' -DPYTHREADING_PTHREADS; do
        set -- gcc -std=gnu11 -O2 $warnings $backend -I. tests/checks/plugin.c
        try "plugin $backend" "$@" -DPLUGIN -fPIC -shared -o "$here/plugin.so" -pthread
        try "plugin $backend: its program" "$@" -o "$here/plugin" -pthread -ldl
        try "plugin $backend: 3,000 times" timeout 120 "$here/plugin" "$here/plugin.so" 3000
    done
}

leg_embed() {
    need clang clang
    for compiler in gcc clang; do
        for backend in '' -DPYTHREADING_PTHREADS; do
            set -- $compiler -std=c11 -O2 $warnings $backend -I.
            try "$compiler $backend: static in two units" "$@" tests/checks/static_a.c \
                tests/checks/static_b.c -pthread -o "$here/static"
            try "$compiler $backend: static runs" timeout 20 "$here/static"
            for form in twice later after_headers; do
                try "$compiler $backend: $form" "$@" tests/checks/$form.c -pthread -o "$here/$form"
                try "$compiler $backend: $form runs" timeout 20 "$here/$form"
            done
        done
    done
    try "glibc needs no -pthread" gcc -std=c11 -I. tests/checks/twice.c -o "$here/bare"
    try "64 KB of code at -Os, or less, beside the tables for unwinding" small_enough
    embed_copies
    embed_symbols
    embed_orders
    embed_flags
    embed_allocator
    embed_c11_names
    embed_freed_handle
    embed_builds
    embed_plugin
}

# The tables are for debuggers and C++ exceptions; x86-64's compilers add them, a third as large as
# the code, to every function.
small_enough() {
    gcc -std=c11 -Os -fno-asynchronous-unwind-tables -DPYTHREADING_IMPLEMENTATION -I. -xc \
        -c pythreading.h -o "$here/size.o" &&
        size "$here/size.o" | awk 'NR == 2 { print $1 " bytes of code"; exit $1 > 65536 }'
}

# A program and two libraries, each with a copy of its own.
embed_copies() {
    for compiler in gcc clang; do
        set -- $compiler -std=c11 -O0 $warnings -I.
        for name in one two; do
            "$@" -fPIC -DNAME=$name -c tests/embed/copies_library.c -o "$here/$name.o"
            $compiler -shared "$here/$name.o" -o "$here/lib$name.so" -pthread
            rm -f "$here/lib$name.a"
            ar rc "$here/lib$name.a" "$here/$name.o"
            try "$compiler: library $name exports its function alone" \
                exports "$here/lib$name.so" "${name}_start"
        done
        "$@" -c tests/embed/copies_main.c -o "$here/main.o"
        try "$compiler: a program with two shared libraries" $compiler "$here/main.o" \
            -L"$here" -lone -ltwo -Wl,-rpath,"$PWD/$here" -pthread -o "$here/shared"
        try "$compiler: a program with two static libraries" $compiler "$here/main.o" \
            "$here/libone.a" "$here/libtwo.a" -pthread -o "$here/static"
        for form in shared static; do
            try "$compiler: $form libraries end with their threads" said "main: the end
one: 4000 items
two: 4000 items" timeout 30 "$here/$form"
        done
    done
}

# said TEXT COMMAND...: the command succeeds and prints these lines, in any order.
said() {
    text=$1
    shift
    "$@" >"$here/output" && sort "$here/output" >"$here/sorted" &&
        printf '%s\n' "$text" | diff - "$here/sorted"
}

# exports LIBRARY EXPRESSION: it defines a symbol like that for others, and none that is not.
exports() {
    nm -D --defined-only "$1" | awk '{ print $3 }' | grep -v '^_init$\|^_fini$' >"$here/exports"
    grep -qxE "$2" "$here/exports" && ! grep -vxE "$2" "$here/exports"
}

# defines OBJECT: names of external symbols.
defines() {
    nm --extern-only --defined-only "$1" | awk '{ print $3 }'
}

# What the library is seen as from outside.
embed_symbols() {
    for compiler in gcc clang; do
        implement="$compiler -std=c11 -O0 -I. -DPYTHREADING_IMPLEMENTATION -xc pythreading.h"
        $implement -c -o "$here/plain.o"
        $implement -DPYTHREADING_STATIC -Wno-unused-function -c -o "$here/private.o"
        defines "$here/plain.o" >"$here/plain"
        try "$compiler: it defines pyt_lock_ and others" grep -q '^pyt_thread_start$' "$here/plain"
        try "$compiler: it defines nothing that is not pyt_" not grep -v '^pyt_' "$here/plain"
        defines "$here/private.o" >"$here/private"
        try "$compiler: a private copy defines nothing" not [ -s "$here/private" ]
        set -- -fvisibility=hidden "-DPYTHREADING_API=__attribute__((visibility(\"default\")))"
        try "$compiler: a shared library" $implement "$@" -fPIC -shared -o "$here/libpyt.so" \
            -pthread
        try "$compiler: it exports pyt_ and nothing else" exports "$here/libpyt.so" 'pyt_.*'
        set -- "$@" -std=c11 -O0 $warnings -I. -Itests/embed tests/embed/main.c tests/embed/crew.c
        try "$compiler: a program links with it" $compiler "$@" -L"$here" -lpyt \
            -Wl,-rpath,"$PWD/$here" -pthread -o "$here/user"
        try "$compiler: and runs" said 5050 timeout 20 "$here/user"
        $implement -fvisibility=hidden -fPIC -shared -o "$here/libpyt.so" -pthread
        try "$compiler: hidden, it exports nothing" not exports "$here/libpyt.so" 'pyt_.*'
    done
}

# The library's include among the system's, in every order; declared before, after, or only once.
embed_orders() {
    for first in 1 2 3 4; do
        for second in 1 2 3 4; do
            for third in 1 2 3 4; do
                fourth=$((10 - first - second - third))
                case $first$second$third$fourth in
                *1*1* | *2*2* | *3*3* | *4*4* | *[!1-4]*) ;;
                *) order "$first$second$third$fourth" ;;
                esac
            done
        done
    done
    try "24 orders" [ "$(find "$here" -name 'order_*.c' | wc -l)" = 24 ]
}

# order DIGITS: what each stands for, in that order, in one unit.
order() {
    for digit in $(echo "$1" | sed 's/./& /g'); do
        case $digit in
        1) echo '#include <threads.h>' ;;
        2) echo '#include <pthread.h>' ;;
        3) echo '#include "pythreading.h"' ;;
        4) printf '#define PYTHREADING_IMPLEMENTATION\n#include "pythreading.h"\n' ;;
        esac
    done >"$here/order_$1.c"
    try "gcc -std=c11: order $1" gcc -std=c11 $warnings -I. -fsyntax-only "$here/order_$1.c"
    try "clang -std=gnu17: order $1" clang -std=gnu17 $warnings -I. -fsyntax-only \
        "$here/order_$1.c"
}

embed_flags() {
    while read -r compiler flags; do
        set -- $compiler $flags $warnings -I.
        try "$compiler $flags" "$@" -Itests/embed tests/embed/main.c \
            tests/embed/crew.c tests/embed/pythreading.c -pthread -o "$here/flags"
        try "$compiler $flags: runs" said 5050 timeout 20 "$here/flags"
    done <<'EOF'
gcc -std=c11 -Os -fno-exceptions
gcc -std=gnu17 -O3 -flto=auto
clang -std=c11 -Os -fno-exceptions
clang -std=gnu17 -O3 -fno-exceptions
EOF
}

embed_allocator() {
    set -- gcc -std=c11 -O0 $warnings -I.
    "$@" -c tests/checks/allocator_library.c -o "$here/library.o"
    nm -u "$here/library.o" >"$here/undefined"
    try "memory comes from the program's allocator" grep -q ' U counted_malloc$' "$here/undefined"
    try "and from no other" not grep -E ' U ([a-z]*alloc|[a-z_]*memalign|free|strn?dup)$' \
        "$here/undefined"
    try "a program with its own allocator" "$@" tests/checks/allocator.c "$here/library.o" \
        -pthread -o "$here/allocator"
    once=$(timeout 20 "$here/allocator" 1)
    try "it uses the library once: $once" [ -n "$once" ]
    try "and 20 times, and no more is left" said "$once" timeout 20 "$here/allocator" 20
    for options in '' -DPYTHREADING_PTHREADS -DPYTHREADING_DEBUG; do
        try "an allocator with a lock $options" gcc -std=gnu11 -O1 $warnings $options -I. \
            tests/checks/allocator_locked.c -pthread -o "$here/locked"
        for kind in lock rlock with guard semaphore; do
            try "its lock: $kind $options" said ok timeout 20 "$here/locked" $kind
        done
    done
}

embed_c11_names() {
    for options in '' -DPYTHREADING_PTHREADS; do
        try "a program that has taken C11's names $options" gcc -std=gnu11 -O1 $warnings $options \
            -I. tests/checks/c11_names.c -pthread -o "$here/c11_names"
        message="MemoryError: another object of the program defines C11's names, as mtx_init: "
        message="${message}define PYTHREADING_PTHREADS"
        [ -z "$options" ] || message="OK: "
        try "it says: $message" said "$message" timeout 20 "$here/c11_names"
    done
}

embed_freed_handle() {
    try "a program that uses freed handles" gcc -std=c11 -O1 $warnings -I. \
        tests/checks/freed_handle.c -pthread -o "$here/freed"
    message="RuntimeError: the thread's handle is not valid: it has been freed"
    try "they are named in the message" [ "$(timeout 20 "$here/freed" | tail -2 | uniq)" = \
        "$message" ]
}

# What the README says of adding it to a program: a copy of the header, or a checkout.
embed_builds() {
    need cmake cmake
    mkdir -p "$here/copy/pythreading" "$here/checkout/pythreading"
    for form in copy checkout; do
        cp tests/embed/*.[ch] tests/embed/Makefile tests/embed/CMakeLists.txt "$here/$form"
    done
    cp pythreading.h "$here/copy/pythreading"
    cp -R pythreading.h README.md LICENSE Makefile tests bench "$here/checkout/pythreading"
    for form in copy checkout; do
        try "$form: make" make -s -C "$here/$form" CFLAGS=-O1
        try "$form: make, run" said 5050 timeout 20 "$here/$form/crew"
        try "$form: cmake" cmake -S "$here/$form" -B "$here/$form/build"
        try "$form: cmake, build" cmake --build "$here/$form/build"
        try "$form: cmake, run" said 5050 timeout 20 "$here/$form/build/crew"
    done
}

# The debug build: the whole suite, its own tests without a race, every way to include it.
leg_debug() {
    need clang clang
    need clang++ clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    tests CC=gcc CFLAGS='-O1 -g -DPYTHREADING_DEBUG'
    suite CC=clang BACKEND=pthreads CFLAGS='-O0 -DPYTHREADING_DEBUG'
    counted sh tests/suite_without.sh tests/dummy_left_out.txt \
        "$(path_of build-suite CC=gcc BACKEND=dummy CFLAGS='-O1 -DPYTHREADING_DEBUG')"
    TSAN_OPTIONS=die_after_fork=0 TEST_SLOW=10 counted \
        "$(path_of build-suite CC=clang CFLAGS='-O1 -g -fsanitize=thread -DPYTHREADING_DEBUG')" \
        test_debug
    debug_forms
}

debug_forms() {
    for compiler in gcc clang; do
        set -- $compiler -std=c11 -O2 $warnings -DPYTHREADING_DEBUG -I.
        try "$compiler: static in two units" "$@" tests/checks/static_a.c \
            tests/checks/static_b.c -pthread -o "$here/static"
        try "$compiler: static runs" timeout 20 "$here/static"
        for form in twice later after_headers; do
            try "$compiler: $form" "$@" tests/checks/$form.c -pthread -o "$here/$form"
            try "$compiler: $form runs" timeout 20 "$here/$form"
        done
    done
    gcc -std=c11 -O1 -DPYTHREADING_DEBUG -I. -c tests/cplusplus/implement.c -o "$here/debug.o"
    for std in c++11 c++14 c++17 c++20; do
        cplusplus debug g++ -std=$std -DPYTHREADING_DEBUG
        cplusplus debug clang++ -std=$std -DPYTHREADING_DEBUG
    done
    for language in '-xc -std=c11' '-xc++ -std=c++11'; do
        try "clang $language: the thread safety analysis is silent" clang $language $warnings \
            -DPYTHREADING_DEBUG -Wthread-safety -Wno-unused-function -fsyntax-only -I. \
            tests/checks/thread_safety_right.c
    done
}

# ---- simulated schedules ----

# The bugs of programs and the library's own protocols, then faults of those protocols.
leg_simulate() {
    flags='-O1 -g -DPYTHREADING_SIMULATE'
    export TEST_SLOW=3
    counted "$(path_of build-scenarios CC=gcc CFLAGS="$flags")"
    awk '/ schedules with at most .* all seen$/ { sum += $2; scenarios++ }
        END { printf "%d schedules of %d scenarios, all seen\n", sum, scenarios }' "$here/output"
    mutants
}

# Each fault of the library is found, by the scenario that was meant to find it, in random runs.
mutants() {
    mkdir -p "$here/mutants"
    try "the faults fit the header" sh tests/simulate/mutate.sh pythreading.h \
        tests/simulate/mutants.txt "$here/mutants/pythreading.h"
    try "the header with all faults builds" gcc -std=c11 -O1 -g -Wall -Wextra -Werror \
        -DPYTHREADING_SIMULATE -DSIMULATE_MUTANTS -include tests/simulate/mutants.h \
        -iquote "$here/mutants" -I. -Itests tests/main.c tests/library.c tests/simulate/*.c \
        -pthread -o "$here/mutants/scenarios"
    sh tests/simulate/mutate.sh --list tests/simulate/mutants.txt >"$here/mutants/list"
    while read -r number fault scenario; do
        try "found: $fault" mutant_is_found "$number" "$scenario"
    done <"$here/mutants/list"
    try "without a fault nothing is found" env SIMULATE_RANDOM=300 "$here/mutants/scenarios" \
        $(cut -d ' ' -f 3 "$here/mutants/list" | sort -u)
}

# mutant_is_found NUMBER SCENARIO: with this fault the scenario does not pass.
mutant_is_found() {
    SIMULATE_RANDOM=3000 SIMULATE_MUTANT=$1 "$here/mutants/scenarios" "$2" \
        >"$here/mutants/output" 2>&1
    grep -E '^FAIL|simulate: run' "$here/mutants/output"
}

# Which system layer a build chooses by itself.
leg_backend() {
    need clang clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    while read -r expected compiler flags; do
            $compiler $flags -I. tests/checks/backend.c -o "$here/backend" -pthread
        try "$compiler $flags: $expected" "$here/backend" "$expected"
    done <<'EOF'
c11 gcc -std=c11
c11 clang -std=c11
c11 clang -fsanitize=undefined
pthreads gcc -DPYTHREADING_PTHREADS
pthreads gcc -fsanitize=address
pthreads gcc -fsanitize=thread
pthreads clang -fsanitize=address
pthreads clang -fsanitize=thread
pthreads clang -fsanitize=leak
EOF
}

# The library calls C11 threads, not pthreads with their names.
leg_imports() {
    need nm binutils
    demo=$(path_of build-demo CC=gcc)
    nm -D "$demo" | grep ' U ' | tee "$here/imports"
    for name in thrd_create mtx_lock cnd_wait tss_create; do
        try "the demo imports $name" grep -qE " U $name(@|$)" "$here/imports"
    done
}

# ---- costs ----

# counts_of PROGRAM DIRECTORY: how many instructions, and how many locked operations among them,
# one of each operation takes. One without locked operations has no line for them: the first it gets
# has no bound.
counts_of() {
    mkdir -p "$2"
    valgrind -q --tool=callgrind --separate-threads=yes --collect-bus=yes \
        --callgrind-out-file="$2/counts" "$1" || echo "FAIL $1" >&2
    for dump in "$2"/counts.*-01; do
        awk '/^desc: Trigger: Client Request:/ { name = $NF }
            /^events:/ { for (i = 2; i <= NF; i++) { place[$i] = i } }
            /^summary:/ {
                printf "count %s %.2f\n", name, $place["Ir"] / 1000
                if ($place["Ge"] >= 100) { printf "locked %s %.2f\n", name, $place["Ge"] / 1000 }
            }' "$dump"
    done
}

# within RESULTS: a line for each bound of the table, and how many were kept.
within() {
    awk '
        FILENAME == ARGV[1] { got[$1 " " $2] = $3; next }
        $1 ~ /^#/ || NF == 0 { next }
        {
            row = $1 " " $2
            good = row in got && got[row] <= $4
            printf "%s %s: %s, measured once %s, at most %s\n", good ? "ok  " : "FAIL", row,
                row in got ? got[row] : "nothing", $3, $4
            kept[good]++
            known[row] = 1
        }
        END {
            for (row in got) {
                if (!(row in known)) { print "FAIL " row " has no bound"; kept[0]++ }
            }
            printf "%d passed, %d failed\n", kept[1], kept[0]
            exit kept[0] > 0 || kept[1] == 0
        }' "$1" tests/checks/gate.txt
}

# The gate's own test: not one bound is kept.
objects_to_all() {
    within "$1" >"$here/objections"
    grep -v '^FAIL' "$here/objections"
    grep -q '^0 passed, [1-9]' "$here/objections"
}

# gate_build PROGRAM FLAGS...: what is measured.
gate_build() {
    program=$1
    shift
    gcc -std=c11 -O2 -g $warnings -falign-functions=64 -falign-loops=64 "$@" -I. \
        tests/checks/gate.c -o "$program" -pthread
}

# A lock that is acquired by one locked operation more than it needs.
slow_lock() {
    mkdir -p "$here/slow"
    sed '/^PYT__INLINE bool pyt__lock_grab(/a (void)PYT__ADD(\&lock->pyt__word, 0, seq_cst);' \
        pythreading.h >"$here/slow/pythreading.h"
    gate_build "$here/slow/gate" -I"$here/slow" &&
        counts_of "$here/slow/gate" "$here/slow.counts" >"$here/slow.results"
    within "$here/slow.results" | grep '^FAIL locked lock: 3'
}

# The fast paths are as short as they were.
leg_gate() {
    need valgrind valgrind
    [ -e /usr/include/valgrind/callgrind.h ] || lacks valgrind/callgrind.h valgrind
    try "it builds" gate_build "$here/gate"
    try "it builds with each path twice" gate_build "$here/twice" -DGATE_TIMES=2
    for program in gate twice; do
        counts_of "$here/$program" "$here/$program.counts" >"$here/$program.results"
    done
    counted within "$here/gate.results"
    try "it objects to each path that is twice as long" objects_to_all "$here/twice.results"
    : >"$here/none.results"
    try "it objects to a lock with one more locked operation" slow_lock
    try "it objects to paths that were not measured" objects_to_all "$here/none.results"
    echo "As a table, for tests/checks/gate.txt:"
    awk '{ bound = $1 == "count" ? $3 * 1.15 + 1 : $3 * 1.05 + 0.5
        printf "%-6s %-18s %8.2f %8.2f\n", $1, $2, $3, bound }' "$here/gate.results"
}

# Every curve runs and counts right up to a hundred; the table of waiting threads and the control,
# which depend on no clock or hardly, are judged.
leg_scale() {
    scale=$(path_of build-scale CC=gcc)
    try "counts are exact" env SCALE_MOST=100 SCALE_ROUNDS=1 "$scale"
    try "addresses spread over the buckets" env SCALE_ONLY=buckets "$scale"
    try "a curve worse than promised is found out" env SCALE_ONLY=control "$scale"
}

leg_demo() {
    set -- pythreading.h README.md
    try "make demo" make --no-print-directory demo CC=gcc
    make -s --no-print-directory demo CC=gcc ARGS="$*" >"$here/total"
    cat "$here/total"
    words=$(cat "$@" | LC_ALL=C.UTF-8 wc -w)
    try "the total is that of wc -w: $words" grep -qw "$words" "$here/total"
    try "a missing file is reported" not make --no-print-directory demo CC=gcc \
        ARGS='pythreading.h no/such/file'
}

leg_lint() {
    counted sh tests/lint.sh
}

set +e
"leg_$(echo "$name" | tr - _)"
! grep -q '^[0-9]* [1-9]' "$here.counts" && [ -s "$here.counts" ]
