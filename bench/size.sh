#!/bin/sh
# What a library costs who includes it: how long that takes to compile at -Os, and how much code is
# loaded for it, in the libraries as they are installed and those that they need; ours is at -Os.
# Rounds in turns, medians.
#
#     size.sh [PEER...]    CC, CXX: the compilers; CSV: a file to append the figures to;
#                          BENCH_ROUNDS (5)
set -u
rounds=${BENCH_ROUNDS:-5}
here=$(dirname "$0")
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# headers NAME: what a user of it includes.
headers() {
    case $1 in
    ours) echo '#define PYTHREADING_IMPLEMENTATION'; echo '#include "pythreading.h"' ;;
    ours_declared) echo '#include "pythreading.h"' ;;
    *) for header in $(headers_of "$1"); do echo "#include <$header>"; done ;;
    esac
}

headers_of() {
    case $1 in
    c11) echo threads.h ;;
    pthread) echo pthread.h semaphore.h ;;
    nsync) echo nsync.h ;;
    uv) echo uv.h ;;
    glib) echo glib.h ;;
    ck) echo ck_spinlock.h ck_ring.h ck_fifo.h ck_barrier.h ;;
    apr) echo apr_thread_mutex.h apr_thread_cond.h apr_queue.h apr_thread_pool.h ;;
    absl)
        echo absl/synchronization/mutex.h absl/synchronization/barrier.h \
            absl/synchronization/notification.h
        ;;
    std) echo mutex condition_variable semaphore barrier thread future ;;
    tbb) echo oneapi/tbb.h ;;
    esac
}

label_of() {
    case $1 in
    ours) echo "ours, with the implementation" ;;
    ours_declared) echo "ours, declared" ;;
    *) echo "$1: $(headers_of "$1")" ;;
    esac
}

suffix_of() {
    case $1 in absl | std | tbb) echo cpp ;; *) echo c ;; esac
}

compile() {
    suffix=$(suffix_of "$1")
    compiler="${CC:-cc} -std=c11 -D_GNU_SOURCE"
    [ "$suffix" = c ] || compiler="${CXX:-g++} -std=c++20"
    # shellcheck disable=SC2046,SC2086
    $compiler -Os -I. $(sh "$here/peers.sh" cflags "$1") -c "$dir/$1.$suffix" -o "$dir/$1.o"
}

# Leaving out what every program loads.
code_of() {
    case $1 in
    ours) size "$dir/ours.o" | awk 'END { print $1 }' ;;
    c11 | pthread | ours_declared | std) ;;
    *)
        printf 'int main(void) { return 0; }\n' >"$dir/empty.c"
        # shellcheck disable=SC2046
        "${CC:-cc}" "$dir/empty.c" -Wl,--no-as-needed $(sh "$here/peers.sh" libs "$1") -pthread \
            -o "$dir/empty" 2>/dev/null &&
            ldd "$dir/empty" | awk '/=> \// && !/libc\.so|libm\.so|libstdc|libgcc/ { print $3 }' |
            xargs -r readlink -f | xargs -r size 2>/dev/null |
            awk 'NR > 1 { sum += $1 } END { if (sum) print sum }'
        ;;
    esac
}

# Quantile N of 4 of the lines of stdin, which are numbers.
quantile() {
    sort -n | awk -v n="$1" '{ a[NR] = $1 } END { print a[int((NR - 1) * n / 4) + 1] }'
}

subjects="ours ours_declared c11 pthread"
for name in "$@"; do
    [ "$name" = tbb_awake ] || subjects="$subjects $name"
done
for name in $subjects; do
    headers "$name" >"$dir/$name.$(suffix_of "$name")"
done
for _ in $(seq "$rounds"); do
    for name in $subjects; do
        begin=$(date +%s%N)
        compile "$name" || exit 1
        echo $(($(date +%s%N) - begin)) >>"$dir/$name.ns"
    done
done

printf '\n%9s%9s%12s  %s\n' 'ms at -Os' spread 'code, bytes' 'what is included'
for name in $subjects; do
    median=$(quantile 2 <"$dir/$name.ns") low=$(quantile 1 <"$dir/$name.ns")
    high=$(quantile 3 <"$dir/$name.ns") code=$(code_of "$name")
    awk -v m="$median" -v l="$low" -v h="$high" -v c="${code:--}" -v n="$(label_of "$name")" '
        BEGIN { printf "%9.0f%8.1f%%%12s  %s\n", m / 1e6, (h - l) / 2 / m * 100, c, n }'
    [ -n "${CSV:-}" ] || continue
    kind=peer
    case $name in ours*) kind=ours ;; esac
    subject="\"$(label_of "$name")\",$kind"
    library=$(echo "$name" | sed 's/^ours/pythreading.h/; s/_/ /')
    printf '"compile at -Os",1,one,%s,%s,ns,%s,%s,%s,%s,%s,%s,,\n' "$library" "$subject" "$median" \
        "$low" "$high" "$(quantile 0 <"$dir/$name.ns")" "$(quantile 4 <"$dir/$name.ns")" \
        "$rounds" >>"$CSV"
    [ -z "$code" ] || printf '"code loaded",1,one,%s,%s,bytes,%s,%s,%s,%s,%s,1,,\n' "$library" \
        "$subject" "$code" "$code" "$code" "$code" "$code" >>"$CSV"
done
