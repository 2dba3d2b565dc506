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

# color NAME: of a library, the same in every picture.
color() {
    case $1 in
    c11) echo '#e6194b' ;;
    pthread) echo '#4363d8' ;;
    nsync) echo '#3cb44b' ;;
    uv) echo '#808000' ;;
    glib) echo '#f58231' ;;
    ck) echo '#9a6324' ;;
    apr) echo '#469990' ;;
    absl) echo '#911eb4' ;;
    std) echo '#000075' ;;
    tbb*) echo '#f032e6' ;;
    [Pp]ython*3.13*) echo '#8d6e00' ;;
    [Pp]ython*) echo '#d0a000' ;;
    *) echo '#808080' ;;
    esac
}

# rows PATTERN: "name, N threads, processors" of each workload that matches, in the CSV's order, the
# last one first, as gnuplot counts upwards.
rows() {
    awk -F '\t' -v pattern="$1" '$1 ~ pattern { key = $1 "\t" $2 "\t" $3
        if (!seen[key]++) { print key } }' "$dir/all" | tac
}

# preamble NAME TITLE: before each `plot`, a picture of the rows, whose plot area is the same in all.
preamble() {
    count=$(wc -l <"$dir/rows")
    height=$((count * 24 + 210))
    echo "set terminal svg size 1000,$height font 'sans-serif,12' background 'white'"
    echo "set output '$out/peers_$1.svg'"
    printf '%s\n' "set title \"$2\\n$machine\" noenhanced font ',11'"
    echo "set logscale x"
    echo "set format x '%.0s %c'"
    echo "set grid x"
    echo "set lmargin at screen 0.36"
    echo "set rmargin at screen 0.97"
    echo "set tmargin at screen 1 - 50.0 / $height"
    echo "set bmargin at screen 140.0 / $height"
    echo "set key at screen 0.5, screen 85.0 / $height center top horizontal maxrows 4"
    echo "set key samplen 1 font ',10'"
    echo "set yrange [-0.7:$count - 0.3]"
    awk -F '\t' 'BEGIN { printf "set ytics noenhanced (" }
        { text = $1 ($2 > 1 ? (", " $2 " threads") : "") ($3 == "spread" ? ", spread" : "")
          printf "%s\"%s\" %d", (NR > 1 ? ", " : ""), text, NR - 1 }
        END { print ")" }' "$dir/rows"
}

# xrange FILE...: from the first column of all, whole powers of ten around it.
xrange() {
    cat "$@" | awk 'NR == 1 || $1 < least { least = $1 } NR == 1 || $1 > most { most = $1 }
        END {
            low = log(least) / log(10); high = log(most) / log(10)
            low = int(low) - (low < int(low)); high = int(high) + (high > int(high))
            printf "set xrange [1e%d:1e%d]\n", low, (high > low ? high : low + 1)
        }'
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
    number=0
    : >"$dir/$1.plot"
    while IFS='	' read -r name kind; do
        shift=$(awk -v n="$number" -v all="$libraries" \
            'BEGIN { print (all > 1 ? 0.35 - 0.7 * n / (all - 1) : 0) }')
        points_of "$name" "$shift" >"$dir/$1.$number"
        case $kind:$name in
        ours:*declared) style="pt 6 ps 1.1 lc rgb 'black'" ;;
        ours:*) style="pt 7 ps 1.1 lc rgb 'black'" ;;
        awake:*) style="pt 6 ps 0.7 lc rgb '$(color "$name")'" ;;
        python:*) style="pt 2 ps 0.6 lc rgb '$(color "$name")'" ;;
        limit:*) style="pt 1 ps 0.8 lc rgb 'gray50'" ;;
        variant:*) style="pt 6 ps 0.8 lc rgb 'black'" name="pythreading.h over $name words" ;;
        *) style="pt 5 ps 0.7 lc rgb '$(color "$name")'" ;;
        esac
        [ "$kind" != awake ] || name="${name%_awake} (stays awake)"
        [ $number = 0 ] && printf 'plot ' || printf ', '
        printf '%s' "'$dir/$1.$number' using 1:4:2:3 with xerrorbars $style" \
            " title '$name' noenhanced"
        number=$((number + 1))
    done <"$dir/libraries" >"$dir/$1.plot"
    {
        preamble "$1" "$3"
        echo "set xlabel '$4, less is better; bars: quartiles'"
        xrange "$dir/$1".[0-9]*
        cat "$dir/$1.plot"
        echo
    } >"$dir/$1.gp"
    gnuplot "$dir/$1.gp" && echo "$out/peers_$1.svg"
}

# ratio COLUMN PROCESSORS: x and y of the workloads' points.
ratio() {
    awk -F '\t' -v column="$1" -v processors="$2" 'FNR == NR { y[$1 "\t" $2] = FNR - 1; next }
        $6 == "ours" && $14 != "" && $3 == processors && (column == 14 || $15 != $14) {
            print $column, y[$1 "\t" $2] }' "$dir/rows" "$dir/all" >"$dir/ratio.$1.$2"
}

# Ours to the best that sleeps, and to the best of all where that is another: one page, where a
# workload has one line.
ratios() {
    awk -F '\t' '$6 == "ours" && $14 != "" { key = $1 "\t" $2
        if (!seen[key]++) { print key } }' "$dir/all" | tac >"$dir/rows"
    for processors in spread one; do
        ratio 14 $processors
        ratio 15 $processors
    done
    {
        preamble ratios "This library to the best peer: left of 1 it is the faster, or smaller"
        echo "set arrow from 1, graph 0 to 1, graph 1 nohead lc rgb 'gray40' lw 2"
        echo "set xlabel 'ratio of medians'"
        echo "set format x '%g'"
        xrange "$dir/ratio.14.spread" "$dir/ratio.14.one" "$dir/ratio.15.spread" "$dir/ratio.15.one"
        printf '%s' "plot '$dir/ratio.14.spread' using 1:2 with points pt 7 ps 0.9 lc rgb 'black'" \
            " title 'best that sleeps, spread'," \
            " '$dir/ratio.14.one' using 1:2 with points pt 5 ps 0.8 lc rgb '#4363d8'" \
            " title 'best that sleeps, on one processor'"
        [ ! -s "$dir/ratio.15.spread" ] || printf '%s' \
            ", '$dir/ratio.15.spread' using 1:2 with points pt 6 ps 0.9 lc rgb 'black'" \
            " title 'best of all, spread'"
        [ ! -s "$dir/ratio.15.one" ] || printf '%s' \
            ", '$dir/ratio.15.one' using 1:2 with points pt 4 ps 0.8 lc rgb '#4363d8'" \
            " title 'best of all, on one processor'"
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
