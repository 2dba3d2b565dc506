#!/bin/sh
# All checks, JOBS of them at a time, each a line, and the sum of them in the last line:
#     sh tests/check_all.sh JOBS NAME...
jobs=$1
shift
rm -rf build/check
mkdir -p build/check
echo "$# checks, $jobs at a time; the output of each is build/check/NAME.log"
# The longest first, so that nothing long is alone at the end.
long='wine helgrind memcheck simulate emscripten tsan embed debug arm64 asan-clang i386 asan
own-platform cxx-implementation musl tsan-gcc dummy macos-compile stress warnings mixed'
for name in $long "$@"; do
    echo "$name"
done | awk -v all=" $* " 'index(all, " " $0 " ") && !seen[$0]++' |
    CHECK_PARALLEL=$jobs xargs -n 1 -P "$jobs" sh tests/check_leg.sh
passed=0 failed=0
for name in "$@"; do
    # A check that left no result did not get as far as to have one.
    read -r p f <"build/check/$name.result" 2>/dev/null || { p=0 f=1; }
    passed=$((passed + p)) failed=$((failed + f))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
