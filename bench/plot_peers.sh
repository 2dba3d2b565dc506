#!/bin/sh
# Draw the figures of a CSV of the benchmark: sh bench/plot_peers.sh FILE.csv DIRECTORY. One picture of
# the ratios, and one for each group of workloads, in which every subject is a point between its
# quartiles. Needs gnuplot.
set -u
csv=$1 out=$2
command -v gnuplot >/dev/null 2>&1 || {
    echo "gnuplot is missing; install it: make bench-setup" >&2
    exit 1
}
[ -r "$csv" ] || {
    echo "$csv is not there; make it: make bench-peers CSV=$csv" >&2
    exit 1
}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
mkdir -p "$out"

# Fields apart by tabs, without the quotes, whose commas are not the CSV's.
awk -v OFS='\t' '
    /^#/ { sub(/^# /, ""); print > machine; next }
    {
        line = ""
        n = split($0, part, "\"")
        for (i = 1; i <= n; i++) {
            if (i % 2) { gsub(/,/, "\t", part[i]) }
            line = line part[i]
        }
        if (++rows > 1) { print line }
    }' machine="$dir/machine" "$csv" >"$dir/all"
machine=$(paste -s -d '|' "$dir/machine" | sed 's/|/; /g')

colors='#e6194b #3cb44b #4363d8 #f58231 #911eb4 #008080 #9a6324 #f032e6 #808000 #000075'

# rows PATTERN: "name, N threads, processors" of each workload that matches, in the CSV's order, the
# last one first, as gnuplot counts upwards.
rows() {
    awk -F '\t' -v pattern="$1" '$1 ~ pattern { key = $1 "\t" $2 "\t" $3
        if (!seen[key]++) { print key } }' "$dir/all" | tac
}

# Before each `plot`: a picture of that many rows.
preamble() {
    count=$(wc -l <"$dir/rows")
    echo "set terminal svg size 1000,$((count * 26 + 150)) font 'sans-serif,12' background 'white'"
    echo "set output '$out/peers_$1.svg'"
    printf '%s\n' "set title \"$2\\n$machine\" noenhanced font ',11'"
    echo "set logscale x"
    echo "set grid x"
    echo "set key outside right top samplen 1 font ',10'"
    echo "set yrange [-0.7:$count - 0.3]"
    awk -F '\t' 'BEGIN { printf "set ytics noenhanced (" }
        { text = $1 ($2 > 1 ? (", " $2 " threads") : "") ($3 == "spread" ? ", spread" : "")
          printf "%s\"%s\" %d", (NR > 1 ? ", " : ""), text, NR - 1 }
        END { print ")" }' "$dir/rows"
}

# Columns: x low high y, of one library; its points a little above or below those of the others.
points_of() {
    awk -F '\t' -v name="$1" -v shift="$2" 'FNR == NR { y[$0] = FNR - 1; next }
        $4 == name && ($1 "\t" $2 "\t" $3) in y {
            print $8, $9, $10, y[$1 "\t" $2 "\t" $3] + shift }' "$dir/rows" "$dir/all"
}

# group NAME PATTERN TITLE UNIT
group() {
    rows "$2" >"$dir/rows"
    [ -s "$dir/rows" ] || return 0
    awk -F '\t' -v pattern="$2" '$1 ~ pattern && !seen[$4]++ { print $4 "\t" $6 }' "$dir/all" \
        >"$dir/libraries"
    libraries=$(wc -l <"$dir/libraries")
    {
        preamble "$1" "$3"
        echo "set xlabel '$4, less is better; bars: quartiles'"
        number=0
        while IFS='	' read -r name kind; do
            shift=$(awk -v n="$number" -v all="$libraries" \
                'BEGIN { print (all > 1 ? 0.35 - 0.7 * n / (all - 1) : 0) }')
            points_of "$name" "$shift" >"$dir/$1.$number"
            color=$(echo "$colors" | cut -d ' ' -f "$((number % 10 + 1))")
            case $kind in
            ours) style="pt 7 ps 1.1 lc rgb 'black'" ;;
            awake) style="pt 6 ps 0.7 lc rgb '$color'" ;;
            python) style="pt 2 ps 0.6 lc rgb '$color'" ;;
            limit) style="pt 1 ps 0.8 lc rgb 'gray50'" ;;
            *) style="pt $((number % 3 * 2 + 5)) ps 0.7 lc rgb '$color'" ;;
            esac
            [ "$kind" != awake ] || name="${name%_awake} (stays awake)"
            [ $number = 0 ] && printf 'plot ' || printf ', '
            printf '%s' "'$dir/$1.$number' using 1:4:2:3 with xerrorbars $style" \
                " title '$name' noenhanced"
            number=$((number + 1))
        done <"$dir/libraries"
        echo
    } >"$dir/$1.gp"
    gnuplot "$dir/$1.gp" && echo "$out/peers_$1.svg"
}

# Ours to the best that sleeps, and to the best of all where that is another.
ratios() {
    awk -F '\t' '$6 == "ours" && $14 != "" { key = $1 "\t" $2 "\t" $3
        if (!seen[key]++) { print key } }' "$dir/all" | tac >"$dir/rows"
    for column in 14 15; do
        awk -F '\t' -v column=$column 'FNR == NR { y[$0] = FNR - 1; next }
            $6 == "ours" && $14 != "" && ($1 "\t" $2 "\t" $3) in y &&
            (column == 14 || $15 != $14) { print $column, y[$1 "\t" $2 "\t" $3] }' \
            "$dir/rows" "$dir/all" >"$dir/ratio.$column"
    done
    {
        preamble ratios "This library to the best peer: left of 1 it is the faster, or smaller"
        echo "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb 'gray40' lw 2"
        echo "set xlabel 'ratio of medians'"
        printf '%s' "plot '$dir/ratio.14' using 1:2 with points pt 7 ps 0.9 lc rgb 'black'" \
            " title 'best that sleeps'"
        [ ! -s "$dir/ratio.15" ] || printf '%s' ", '$dir/ratio.15' using 1:2 with points pt 6" \
            " ps 0.9 lc rgb 'black' title 'best of all'"
        echo
    } >"$dir/ratios.gp"
    gnuplot "$dir/ratios.gp" && echo "$out/peers_ratios.svg"
}

ns="nanoseconds for one operation"
ratios
group uncontended '^(lock acq|lock in|rlock|semaphore|event)' "Uncontended, in one thread" "$ns"
group contended '^contended' "One lock, many threads" "$ns"
group fairness '^lock held 1 us, longest wait' "A lock held for a microsecond: the longest wait" \
    nanoseconds
group pingpong '^ping-pong' "Two threads that let each other run" "$ns"
group waiters '^(notify|barrier)' "Many that wait" "$ns"
group queues '^item through' "An item through a queue" "$ns"
group threads '^(thread|timer)' "Threads and timers" "$ns"
group tasks '^(task|fan|item of)' "Tasks of a pool of two threads" "$ns"
group sizes '^bytes' "Memory" bytes
group compile '^compile' "Compiling a source that includes it, at -Os" nanoseconds
group code '^code' "Code loaded for it" bytes
