# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# The builds that options choose: without threads, for debugging, in C++, mixtures; which system
# layer a build takes by itself.

# The debug build: the whole suite, its own tests without a race, every way to include it.
leg_debug() {
    need clang clang
    need clang++ clang
    need_runtime clang -fsanitize=thread libclang-rt-14-dev
    suite CC=gcc CFLAGS='-O1 -g -DPYTHREADING_DEBUG'
    # With the other backends: its own tests, and of each room that has hooks of it.
    rooms='debug misuse lock condition barrier with future'
    suite CC=clang BACKEND=pthreads CFLAGS='-O0 -DPYTHREADING_DEBUG' ROOMS="$rooms executor fork"
    suite CC=gcc BACKEND=dummy CFLAGS='-O1 -DPYTHREADING_DEBUG' ROOMS="$rooms"
    TSAN_OPTIONS=die_after_fork=0 TEST_SLOW=10 counted \
        "$(path_of build-suite CC=clang CFLAGS='-O1 -g -fsanitize=thread -DPYTHREADING_DEBUG' \
            ROOMS=debug)"
    debug_forms
}

debug_forms() {
    for compiler in gcc clang; do
        included $compiler $compiler -std=c11 -O0 -DPYTHREADING_DEBUG
    done
    gcc -std=c11 -O1 -DPYTHREADING_DEBUG -I. -c tests/cplusplus/implement.c -o "$here/debug.o"
    for std in c++11 c++20; do
        cplusplus debug g++ -std=$std -DPYTHREADING_DEBUG
        cplusplus debug clang++ -std=$std -DPYTHREADING_DEBUG
    done
    for language in '-xc -std=c11' '-xc++ -std=c++11'; do
        try "clang $language: the thread safety analysis is silent" clang $language $warnings \
            -DPYTHREADING_DEBUG -Wthread-safety -Wno-unused-function -fsyntax-only -I. \
            tests/checks/thread_safety_right.c
    done
}

leg_dummy() {
    need clang clang
    need objdump binutils
    # What another compiler makes of it, the program below shows.
    tests CC=gcc BACKEND=dummy CFLAGS=-O1
    try "no test is lost" sh tests/lost_tests.sh \
        "$(path_of build-suite CC=gcc BACKEND=dummy CFLAGS=-O1)"
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

# The implementation in C++: as a unit of its own, under a program in C and in C++, and all tests.
leg_cxx_implementation() {
    need g++ g++
    need clang++ clang
    for std in c++11 c++14 c++17 c++20 c++2b; do
        for compiler in g++ clang++; do
            try "$compiler -std=$std: the implementation" $compiler -std=$std -O0 $warnings -I. \
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
    set -- CC=gcc CFLAGS=-O1 LDFLAGS=-lstdc++
    suite "$@" LIBRARY='g++ -xc++ -std=c++11'
    # Of the language another compiler and standard decide no more than of the machine.
    suite "$@" LIBRARY='clang++ -xc++ -std=c++20' ROOMS="$machine_rooms"
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
    KIND=cpp CC=g++ CFLAGS="-std=c++11 -O0 $warnings -I." counted sh tests/readme_examples.sh \
        "$here"
}

# cplusplus BACKEND COMPILER FLAGS...: a C++ program over the C library.
cplusplus() {
    implementation=$here/$1.o
    shift
    try "$*: builds" "$@" -O1 $warnings -I. tests/cplusplus/use.cpp "$implementation" -pthread \
        -o "$here/use"
    try "$*: runs" timeout 60 "$here/use"
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
