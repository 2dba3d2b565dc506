# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# Systems that are not there: their code, run on Linux or compiled for them; and one of the user's
# own.

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
    export TEST_SLOW=6 # a program of a second is one of some ten seconds there
    # With few buckets: a fault at the first use of each would be a process each.
    set -- CC=$win32 CFLAGS='-O1 -DPYTHREADING_BUCKETS=32' BACKEND=win32 LDFLAGS=-static
    tests "$@" RUN=$wine
    try "no test is lost" sh tests/lost_tests.sh $wine "$(path_of build-suite "$@")"
    # What the other model of the compiler's threads decides: storage of threads, and their ends.
    counted $wine "$(path_of build-suite CC=$posix CFLAGS=-O0 BACKEND=win32 LDFLAGS=-static \
        ROOMS='windows thread local lock exit')" $together
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
    interlocked
    ${wine%/*}/wineserver64 -k
}

# The atomics for Microsoft's C without C11's, by clang with the meaning of volatile they rely on.
interlocked() {
    library='clang --target=x86_64-w64-mingw32 -std=c11 -DPYT__INTERLOCKED -Xclang -fms-volatile
        -femulated-tls -Wno-incompatible-pointer-types-discards-qualifiers'
    try "interlocked: every macro" $library -O1 $warnings -I. -DPYTHREADING_IMPLEMENTATION \
        -c tests/checks/every_macro.c -o "$here/macros.o"
    try "interlocked: it links" $win32 -static "$here/macros.o" -o "$here/macros.exe"
    try "interlocked: it runs" $wine "$here/macros.exe"
    counted $wine "$(path_of build-suite CC=$win32 BACKEND=win32 CFLAGS=-O0 LDFLAGS=-static \
        LIBRARY="$(echo $library)" ROOMS='lock queue future')" $together
}

# What Visual Studio's users compile, by clang as if it were Microsoft's compiler, over headers that
# declare what the library uses of theirs: in C++, and in C with and without C11's atomics.
leg_msvc_syntax() {
    need clang clang
    printf '#define PYTHREADING_IMPLEMENTATION\n#include "pythreading.h"\n' >"$here/implement.c"
    headers=$(clang -print-resource-dir)/include
    while read -r version language; do
        for option in '' -DPYTHREADING_DEBUG -DPYTHREADING_DUMMY; do
            for machine in x86_64 i686; do
                set -- clang --target=$machine-pc-windows-msvc -fms-compatibility \
                    -fms-extensions -fms-compatibility-version=$version -U__clang__ -nostdinc \
                    -isystem tests/shims/msvc -isystem "$headers" $language $option \
                    -Wall -Wextra -Werror -I. -fsyntax-only
                try "$version $language $option $machine: a user's file" "$@" \
                    tests/checks/every_macro.c
                try "$version $language $option $machine: the implementation" "$@" \
                    -Wno-missing-field-initializers -Wno-unused-function \
                    -Wno-incompatible-pointer-types-discards-qualifiers "$here/implement.c"
            done
        done
    done <<'EOF'
19.29 -xc -std=c11 -D__STDC_NO_ATOMICS__=1
19.38 -xc -std=c11 -D__STDC_NO_ATOMICS__=1
19.38 -xc -std=c11
19.29 -xc++ -std=c++14
19.38 -xc++ -std=c++14
EOF
}

# Standards that are too old are refused by a sentence, and GNU's C99 compiles.
leg_standards() {
    need clang clang
    printf '#define PYTHREADING_IMPLEMENTATION\n#include "pythreading.h"\n' >"$here/implement.c"
    for compiler in gcc clang; do
        for language in '-xc -std=c89' '-xc -std=gnu89' '-xc++ -std=c++98'; do
            $compiler $language -I. -fsyntax-only "$here/implement.c" >"$here/said" 2>&1
            try "$compiler $language is refused" grep -q "C11, C++11 or GNU's C99" "$here/said"
        done
        try "$compiler -std=gnu99" $compiler -std=gnu99 -Wall -Wextra -Werror -O0 -I. \
            -DPYTHREADING_IMPLEMENTATION tests/checks/every_macro.c -pthread -o "$here/gnu99"
        try "$compiler -std=gnu99: it runs" timeout 20 "$here/gnu99"
    done
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

# The examples of a platform of the user's own, and every number of buckets that is special.
leg_own_platform() {
    suite_of "$(path_of build-suite CC=gcc \
        CFLAGS="-O1 -D_GNU_SOURCE= -Itests/platform -DPYTHREADING_PLATFORM='\"futex.h\"'")"
    try "the kernel of the other" gcc -std=c11 -O1 $warnings -c tests/platform/kernel.c \
        -o "$here/kernel.o"
    # Its clock counts microseconds, and what a thread needs to wait is a part of the thread.
    suite_of "$(path_of build-suite CC=gcc LDFLAGS="$here/kernel.o" \
        CFLAGS="-O1 -Itests/platform -DPYTHREADING_PLATFORM='\"rtos.h\"'")" \
        --without NEEDS_FINE_CLOCK --without NEEDS_FALLIBLE_WAITS
    set -- -std=c11 -O1 $warnings -Itests/platform -DPYTHREADING_PLATFORM='"rtos.h"' -I.
    try "its headers" gcc "$@" -M -xc tests/cplusplus/implement.c -MF "$here/headers"
    try "no header of a system" not grep -E \
        ' /usr/include/(pthread|threads|unistd|time|sched|semaphore|windows)\.h' "$here/headers"
    for buckets in 0 3 1000 131072; do
        try "$buckets buckets are refused" not gcc -std=c11 -I. -DPYTHREADING_BUCKETS=$buckets \
            -fsyntax-only tests/cplusplus/implement.c
    done
    # Whatever waits shares its bucket with all others: the rooms that wait by themselves.
    suite CC=gcc CFLAGS='-O1 -DPYTHREADING_BUCKETS=1' \
        ROOMS='park spin lock condition semaphore barrier event queue future fairness clock'
}

# What is left for a system that is not known, run on Linux; with the calls of the BSDs over it.
leg_generic_posix() {
    need clang clang
    set -- CC=gcc STD=gnu11 CFLAGS='-O1 -U__linux__ -Ulinux'
    suite_of "$(path_of build-suite "$@")"
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

# The code for macOS, over a shim, with thread-local storage that is freed as early as there.
leg_apple_emulated() {
    need clang clang
    suite_of "$(path_of build-suite CC=clang BACKEND=pthreads \
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
        set -- -target $target $warnings -I.
        try "$target: the demo" "$zig" cc "$@" -std=c11 tests/demo.c -o "$here/demo-$target"
        try "$target: it is a program for macOS" mach_o "$here/demo-$target"
        try "$target: the library in C++" "$zig" c++ "$@" -xc++ -std=c++11 \
            -c tests/cplusplus/implement.c -o "$here/library-$target.o"
        try "$target: all tests" "$zig" cc "$@" -std=c11 tests/main.c tests/library.c \
            tests/test_*.c -o "$here/suite-$target"
    done
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
    with_threads="emcc -std=gnu11 -O1 -pthread $warnings -I."
    set -- -sPROXY_TO_PTHREAD -sEXIT_RUNTIME -sPTHREAD_POOL_SIZE=8 -sINITIAL_MEMORY=128MB \
        -sNODERAWFS
    plain="emcc -std=gnu11 -O1 $warnings -DPYTHREADING_DUMMY -DPYTHREADING_IMPLEMENTATION -I."
    try "the library" $with_threads -DPYTHREADING_IMPLEMENTATION -xc -c pythreading.h \
        -o "$here/library.o"
    linked demo tests/demo.c "$@"
    in_node "$here/demo.js" README.md >"$here/demo.txt"
    try "both ways agree" grep -qx 'both ways agree' "$here/demo.txt"
    for name in counter bank barrier pool_map executor_map producer_notify; do
        linked "$name" "tests/examples/$name.c" "$@"
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

# linked NAME SOURCE FLAGS...: the program, of which the library is compiled already.
linked() {
    name_of=$1
    sed '/define PYTHREADING_IMPLEMENTATION/d' "$2" >"$here/$1.c"
    shift 2
    try "$name_of" $with_threads "$here/$name_of.c" "$here/library.o" "$@" -o "$here/$name_of.js"
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
