#!/bin/sh
# Put one random fault at a time into a copy of the library, and see whether the tests notice:
#     SEED=1 COUNT=150 sh tests/mutants.sh [ROOM]
# tests/README.md says what is changed, what is run and how to read the report. Same header, same
# SEED: same faults. Nothing outside build/mutants is written.
set -u
seed=${SEED:-1} count=${COUNT:-150} room=${1:-}
cc=${CC:-cc}
flags="-std=c11 -I. -O0 ${BACKEND_FLAGS:-}"
# No test may take longer than this, in seconds; a fault that hangs costs as much.
limit=${LIMIT:-10}
TEST_SLOW=${TEST_SLOW:-4}
export TEST_SLOW
dir=build/mutants
rm -rf $dir
mkdir -p $dir/tree
cp -R pythreading.h tests $dir/tree
cp pythreading.h $dir/original.h
cd $dir/tree || exit 2

compile() { # SOURCE OBJECT [FLAG...]
    compile_from=$1 compile_to=$2
    shift 2
    # shellcheck disable=SC2086
    $cc $flags "$@" -c "$compile_from" -o "$compile_to" 2>/dev/null
}

for source in tests/main.c tests/library.c tests/test_*.c; do
    compile "$source" "../$(basename "$source" .c).o" || { echo "$source: no"; exit 2; }
done
$cc ../main.o ../library.o ../test_*.o -pthread -o ../suite || exit 2

# The lines that are compiled here, as the preprocessor shows them.
# shellcheck disable=SC2086
$cc -E $flags tests/library.c | awk '
    /^# [0-9]+ "/ { line = $2 + 0; here = $3 ~ /pythreading\.h"$/; next }
    { if (here && NF > 0) { print line } line++ }' >../compiled

# Every place for a fault, in definitions that are compiled here: LINE, COLUMN, LENGTH and KIND of
# what is replaced, and by what.
awk -v only="$room" '
    FNR == NR { compiled[$1] = 1; next }
    # Blank comments, strings and characters, so that what is left is code in its place.
    function blanked(text,    i, c, two, out, quote) {
        out = ""
        quote = ""
        for (i = 1; i <= length(text); i++) {
            c = substr(text, i, 1)
            two = substr(text, i, 2)
            if (comment) {
                if (two == "*/") { comment = 0; i++; out = out " " }
                out = out " "
            } else if (quote != "") {
                if (c == "\\") { i++; out = out " " } else if (c == quote) { quote = "" }
                out = out " "
            } else if (two == "/*") {
                comment = 1
                i++
                out = out "  "
            } else if (c == "\"" || c == "\047") {
                quote = c
                out = out " "
            } else {
                out = out c
            }
        }
        return out
    }
    function place(column, length_of, kind, by) {
        print FNR "\t" column "\t" length_of "\t" kind "\t" by "\t" in_room
    }
    # Each `what`, a text between blanks, becomes `by`.
    function operators(code, what, by,    from, at) {
        from = 1
        while ((at = index(substr(code, from), " " what " ")) > 0) {
            place(from + at, length(what), "operator", by)
            from += at
        }
    }
    function turned(code, what, by,    from, at) {
        from = 1
        while ((at = index(substr(code, from), what)) > 0) {
            place(from + at - 1, length(what), "operator", by)
            from += at + length(what) - 1
        }
    }
    function constants(code,    from, value) {
        from = 1
        while (match(substr(code, from), /[^A-Za-z0-9_.][0-9]+[^A-Za-z0-9_.]/)) {
            value = substr(code, from + RSTART, RLENGTH - 2)
            place(from + RSTART, RLENGTH - 2, "constant", value + 1)
            if (value > 0) { place(from + RSTART, RLENGTH - 2, "constant", value - 1) }
            from += RSTART + RLENGTH - 2
        }
    }
    function balanced(code) {
        return gsub(/\(/, "(", code) == gsub(/\)/, ")", code)
    }
    { code = blanked($0) }
    match($0, /^ \* *>>[a-z_]+/) { in_room = substr($2, 3) }
    /^#if PYT__DEFINE$/ { define = 1 }
    /^#endif \/\* PYT__DEFINE \*\// { define = 0 }
    !define || !(FNR in compiled) || code !~ /^    / || (only != "" && in_room != only) { next }
    code ~ /PYT__DEBUG|PYT__STEP|PYT__ASSERT|_Static_assert|PYT__FAULT/ { next }
    {
        sub(/ *$/, " ", code) # an operator may end the line
        operators(code, "==", "!=")
        operators(code, "!=", "==")
        operators(code, "<", ">=")
        operators(code, "<", "<=")
        operators(code, "<=", ">")
        operators(code, "<=", "<")
        operators(code, ">", "<=")
        operators(code, ">", ">=")
        operators(code, ">=", "<")
        operators(code, ">=", ">")
        operators(code, "&&", "||")
        operators(code, "||", "&&")
        operators(code, "+", "-")
        operators(code, "-", "+")
        operators(code, "|", "\\&")
        operators(code, "&", "|")
        operators(code, "+=", "-=")
        operators(code, "-=", "+=")
        turned(code, "++", "--")
        turned(code, "--", "++")
        if (match(code, /[( ]![A-Za-z(*]/)) { place(RSTART + 1, 1, "operator", "nothing") }
        constants(code)
        sub(/ $/, "", code)
        indent = match(code, /[^ ]/)
        whole = length(code) - indent + 1
        if (code ~ /^ +(\(void\))?[A-Za-z_]+\(.*\);$/ && balanced(code)) {
            place(indent, whole, code ~ /PYT__STORE/ ? "store" : "call", ";")
        } else if (code ~ /^ +[A-Za-z_*(][^ ]* [-+|&]?= .*;$/ && balanced(code)) {
            place(indent, whole, "store", ";")
        }
    }' ../compiled pythreading.h >../places

# All of them in an order that the seed alone decides.
awk -v seed="$seed" '
    function random(n) {
        state = state * 16807 % 2147483647
        return int(state / 2147483647 * n)
    }
    { place[NR] = $0 }
    END {
        state = seed % 2147483646 + 1
        for (i = 0; i < 20; i++) { random(1) }
        for (i = NR; i > 0; i--) {
            other = random(i) + 1
            print place[other]
            place[other] = place[i]
        }
    }' ../places >../order
echo "$(wc -l <../places) places for a fault, seed $seed"

# What fails, or takes too long, without a fault is left out.
timeout 1200 ../suite --limit "$limit" >../baseline 2>&1
skip="$(sed -n 's/^FAIL \([^: ]*\).*/\1/p' ../baseline | tr '\n' ' ') ${TEST_SKIP:-}"
tail -n 1 ../baseline
[ "$skip" = " " ] || echo "left out: $skip"

own_tests() { # ROOM
    case $1 in
    lock | rlock) echo test_lock/ test_fairness/ ;;
    park | time | platform) echo test_lock/ test_condition/ test_interrupt/ test_clock/ ;;
    thread) echo test_thread/ test_threads_list/ test_raw/ test_hooks/ ;;
    process) echo test_fork/ test_exit/ ;;
    unwind) echo test_thread/ test_hooks/ test_exit/ ;;
    *) echo "test_$1/" ;;
    esac
}

# Run tests with the fault in until one fails twice: its name is in $found then. A test that has
# failed once, from the load of the machine perhaps, is left out.
suite() { # ARGUMENT...
    while :; do
        TEST_SKIP=$left_out timeout 1200 ../mutant --stop --jobs 4 --limit "$limit" "$@" \
            >../run 2>&1
        found=$(sed -n 's/^FAIL \([^: ]*\).*/\1/p' ../run | head -n 1)
        if [ -z "$found" ]; then
            grep -q ' passed, 0 failed' ../run || found="the runner itself"
            return
        fi
        for _ in 1 2 3; do
            timeout 200 ../mutant --limit "$limit" "$found" >../again 2>&1 || return
        done
        left_out="$left_out $found"
    done
}

: >../report
tried=0 seen=0 alive=0 same=0
tab=$(printf '\t')
while [ "$tried" -lt "$count" ] && IFS=$tab read -r line column length kind by where; do
    awk -v line="$line" -v column="$column" -v size="$length" -v by="$by" '
        FNR == line {
            gsub(/\\/, "", by)
            sub(/^nothing$/, "", by)
            $0 = substr($0, 1, column - 1) by substr($0, column + size)
        }
        { print }' ../original.h >pythreading.h
    before=$(sed -n "${line}s/^ *//p" ../original.h) after=$(sed -n "${line}s/^ *//p" pythreading.h)
    compile tests/library.c ../mutant.o || continue
    $cc ../main.o ../mutant.o ../test_*.o -pthread -o ../mutant || exit 2
    tried=$((tried + 1)) found='' left_out=$skip
    # shellcheck disable=SC2046
    suite $(own_tests "$where")
    if [ -z "$found" ]; then
        for name in $(own_tests "$where"); do
            left_out="$left_out $name"
        done
        suite
    fi
    if [ -n "$found" ]; then
        seen=$((seen + 1)) outcome="found"
    elif compile tests/library.c ../mutant.o -O2 && cp pythreading.h ../mutant.h &&
        cp ../original.h pythreading.h && compile tests/library.c ../same.o -O2 &&
        cmp -s ../mutant.o ../same.o; then
        same=$((same + 1)) outcome="same code" found=''
    else
        alive=$((alive + 1)) outcome="NOT FOUND" found=''
    fi
    printf '%s >>%s %d, %s: %s -> %s%s\n' "$outcome" "$where" "$line" "$kind" "$before" "$after" \
        "${found:+ ($found)}" | tee -a ../report
done <../order
echo "$tried faults: $seen found, $alive not found, $same that make no difference to the compiler"
