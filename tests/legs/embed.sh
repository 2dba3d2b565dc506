# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# One header in many places: the ways to include it that the README promises.

leg_embed() {
    need clang clang
    for compiler in gcc clang; do
        for backend in '' -DPYTHREADING_PTHREADS; do
            included "$compiler $backend" $compiler -std=c11 -O0 $backend
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
    # What a standard adds, it adds to the first header: each of these is asked about once more.
    case $1 in 1234 | 2341 | 3412 | 4123) ;; *) return ;; esac
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
    timeout 20 "$here/freed" >"$here/freed.txt" || :
    count() {
        grep -cE "$1" "$here/freed.txt"
    }
    try "they are named in the message, and no others are" [ \
        "$(count 'Error: ') $(count 'has been freed$') $(count 'was destroyed$')" = "20 10 4" ]
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
    # As it stands in a checkout; and a project that adds that as a directory of its own.
    mkdir -p "$here/project"
    cp -R "$here/checkout/pythreading" "$here/project"
    cp tests/embed/main.c tests/embed/crew.[ch] "$here/project"
    cat >"$here/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(yours C)
add_subdirectory(pythreading/tests/embed)
add_executable(yours main.c crew.c)
target_link_libraries(yours PRIVATE pythreading)
END
    try "as it stands: make" make -s -C "$here/project/pythreading/tests/embed" CFLAGS=-O1
    try "as it stands: make, run" said 5050 timeout 20 \
        "$here/project/pythreading/tests/embed/crew"
    try "a directory of a project: cmake" cmake -S "$here/project" -B "$here/project/build"
    try "a directory of a project: cmake, build" cmake --build "$here/project/build"
    try "a directory of a project: cmake, run" said 5050 timeout 20 "$here/project/build/yours"
}

# A plugin with a copy of its own, loaded 1,100 times: a process has 1,024 keys to give.
embed_plugin() {
    for backend in '' -DPYTHREADING_PTHREADS; do
        set -- gcc -std=gnu11 -O2 $warnings $backend -I. tests/checks/plugin.c
        try "plugin $backend" "$@" -DPLUGIN -fPIC -shared -o "$here/plugin.so" -pthread
        try "plugin $backend: its program" "$@" -o "$here/plugin" -pthread -ldl
        try "plugin $backend: 1,100 times" timeout 120 "$here/plugin" "$here/plugin.so" 1100
    done
}
