#!/bin/sh
#
# Renew the INDEX of pythreading.h, which tests/api.awk makes: sh tests/index.sh. With --check it
# says what differs instead, and changes nothing.
set -eu
header=pythreading.h
mkdir -p build
awk -v names=1 -f tests/api.awk $header >build/index
awk -v made=build/index '
    /^ \* OPTIONS/ && inside {
        while ((getline line <made) > 0) { print line }
        print " *"
        inside = 0
    }
    !inside || !listed { print }
    /^ \* INDEX/ { inside = 1; listed = 0 }
    inside && /^ \*$/ { listed = 1 }
' $header >build/indexed.h
if [ "${1:-}" = --check ]; then
    diff $header build/indexed.h
else
    cmp -s $header build/indexed.h || cp build/indexed.h $header
fi
