# shellcheck shell=sh disable=SC2046,SC2086,SC2154 # see check_leg.sh, which reads this file
# The suite on other machines: `make check` runs it by an emulator, or as a 32-bit program.

leg_musl() {
    need musl-gcc musl-tools
    suite CC=musl-gcc CFLAGS=-O1 LDFLAGS=-static
    # The other layer's calls are another half of the system: what is made of them is the same.
    suite CC=musl-gcc CFLAGS=-O0 BACKEND=pthreads ROOMS="$machine_rooms"
}

# A 32-bit program, with the time_t of the past and with that of the future. It is linked
# statically: this machine has no libraries for it, and not every one runs such programs itself.
leg_i386() {
    need i686-linux-gnu-gcc gcc-i686-linux-gnu
    need qemu-i386-static qemu-user-static
    need_runtime i686-linux-gnu-gcc -static libc6-dev-i386-cross
    run='' rooms=''
    "$here/empty" || { run='qemu-i386-static' TEST_SLOW=10; }
    for time in '' ' -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64'; do
        counted $run "$(path_of build-suite CC=i686-linux-gnu-gcc \
            CFLAGS="-O1$time" LDFLAGS=-static ROOMS="$rooms")" \
            --without NOT_EMULATED $together
        # What the other type has to do with.
        rooms='clock time condition timer'
    done
}

# emulated MACHINE TRIPLE LIBC [ROOMS]: the suite, or that of these rooms, run by qemu, called by
# its name. With few buckets: a fault at the first use of each would be a process each. A fork
# beside busy threads may hang there.
emulated() {
    need "$2-gcc" "gcc-$2"
    need "qemu-$1-static" qemu-user-static
    need_runtime "$2-gcc" -static "libc6-dev-$3-cross"
    export TEST_SLOW=10
    machine=$1 rooms=${4:-}
    suite=$(path_of build-suite CC="$2-gcc" CFLAGS='-O1 -DPYTHREADING_BUCKETS=32' LDFLAGS=-static \
        ROOMS="$rooms")
    set -- "qemu-$machine-static" "$suite" --without NOT_EMULATED $busy_forks --jobs 4 $together
    try "no test is lost: $*" env ROOMS="$rooms" sh tests/lost_tests.sh "$@"
    counted "$@"
}

# What a word's size, the order of bytes, alignment, atomic instructions and the system's own types
# and calls decide: the rooms down to these. Those above are made of them, and run on arm64 and on
# i386.
machine_rooms='park spin lock condition semaphore barrier event queue future thread raw local'
machine_rooms="$machine_rooms status time clock exit fork process"

leg_arm64() {
    emulated aarch64 aarch64-linux-gnu arm64
}

leg_armhf() {
    emulated arm arm-linux-gnueabihf armhf "$machine_rooms"
}

leg_riscv64() {
    emulated riscv64 riscv64-linux-gnu riscv64 "$machine_rooms"
}

leg_s390x() {
    emulated s390x s390x-linux-gnu s390x "$machine_rooms"
}

leg_ppc64le() {
    emulated ppc64le powerpc64le-linux-gnu ppc64el "$machine_rooms"
}
