#!/bin/sh
# The peers of the benchmark: what they are, and what it takes to compile and to link them.
#
#     peers.sh packages          the Debian packages of all of them
#     peers.sh find              names of those that compile and link here; the others, with what
#                                to install, on stderr. CC and CXX are the compilers.
#     peers.sh cflags NAME       flags to compile bench/peer_NAME with
#     peers.sh libs NAME...      flags to link them with
#     peers.sh pythons           the Python interpreters to measure: python3, and the newest that
#                                pyenv has if that is another one
set -u

# name, language, Debian package, pkg-config modules or flags of the linker, a header
peers='nsync c libnsync-dev -lnsync nsync.h
uv c libuv1-dev -luv uv.h
glib c libglib2.0-dev glib-2.0 glib.h
ck c libck-dev -lck ck_ring.h
apr c libaprutil1-dev apr-1,apr-util-1 apr_thread_pool.h
absl c++ libabsl-dev absl_synchronization absl/synchronization/mutex.h
std c++ g++ - barrier
tbb c++ libtbb-dev -ltbb oneapi/tbb/concurrent_queue.h
tbb_awake c++ libtbb-dev -ltbb oneapi/tbb/concurrent_queue.h'

line() {
    echo "$peers" | grep "^$1 "
}

# A header of a peer is no place to warn about.
cflags() {
    case $1 in
    - | -l*) ;;
    *) pkg-config --cflags "$(echo "$1" | tr , ' ')" 2>/dev/null | sed 's/-I */-isystem /g' ;;
    esac
}

libs() {
    case $1 in
    -) ;;
    -l*) echo "$1" ;;
    *) pkg-config --libs "$(echo "$1" | tr , ' ')" 2>/dev/null ;;
    esac
}

find_peers() {
    dir=$(mktemp -d) || exit 1
    missing=
    while read -r name language package flags header; do
        suffix=c compiler="${CC:-cc} -std=c11 -D_GNU_SOURCE"
        [ "$language" = c ] || suffix=cpp compiler="${CXX:-g++} -std=c++20"
        printf '#include <%s>\nint main(void) { return 0; }\n' "$header" >"$dir/try.$suffix"
        # shellcheck disable=SC2046,SC2086
        if $compiler $(cflags "$flags") "$dir/try.$suffix" -o "$dir/try" $(libs "$flags") -pthread \
            >/dev/null 2>&1; then
            echo "$name"
        else
            missing="$missing $name ($package)"
        fi
    done <<END
$peers
END
    rm -rf "$dir"
    if [ -n "$missing" ]; then
        echo "not here:$missing; make bench-setup installs them" >&2
    fi
}

pythons() {
    newest=$(find "${PYENV_ROOT:-$HOME/.pyenv}/versions" -maxdepth 1 -name '3.*' 2>/dev/null |
        grep '/3[.0-9]*$' | sort -V | tail -n 1)
    for path in python3 ${newest:+"$newest/bin/python3"}; do
        "$path" -c 'import sys; print(sys.version.split()[0], sys.executable)' 2>/dev/null
    done | awk '!seen[$1]++ { print $2 }'
}

case ${1:-} in
packages) echo "$peers" | awk '!seen[$3]++ { print $3 }' && echo pkg-config && echo gnuplot-nox ;;
find) find_peers ;;
cflags) cflags "$(line "$2" | cut -d ' ' -f 4)" ;;
libs)
    shift
    for name in "$@"; do
        libs "$(line "$name" | cut -d ' ' -f 4)"
    done
    ;;
pythons) pythons ;;
*) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
