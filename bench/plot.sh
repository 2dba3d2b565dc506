#!/bin/sh
# The plots of `make bench-scale-plot`: sh bench/plot.sh draw DIRECTORY draws DIRECTORY/NAME.svg for
# each group of curves in DIRECTORY/scale.csv; sh bench/plot.sh check tells whether it could.
set -eu
if ! command -v gnuplot >/dev/null 2>&1; then
    echo "gnuplot is missing; install it: apt-get install gnuplot-nox" >&2
    exit 1
fi
if [ "$1" = check ]; then
    exit 0
fi
dir=$2
csv=$dir/scale.csv

# draw GROUP TITLE X-LABEL Y-LABEL: the group's curves, in the order of the file.
draw() {
    awk -F , -v group="$1" '$1 == group && !($2 in seen) { seen[$2] = 1; print $2 }' "$csv" |
        awk -v csv="$csv" '
            { curve[NR] = $0 }
            END {
                for (i = 1; i <= NR; i++) {
                    data = sprintf("\"< grep \\\",%s,\\\" %s\"", curve[i], csv)
                    printf "%s %s using 5:6 with linespoints title \"%s\" noenhanced%s\n",
                        i == 1 ? "plot" : "    ", data, curve[i], i < NR ? ", \\" : ""
                }
            }' >"$dir/$1.part"
    gnuplot <<PLOT
set terminal svg size 760,420 background "white" font "sans-serif,13"
set output "$dir/$1.svg"
set datafile separator ","
set logscale xy
set format xy "10^{%T}"
set linetype 5 linecolor rgb "#a65628"
set grid
set key outside right
set title "$2"
set xlabel "$3"
set ylabel "$4"
$(cat "$dir/$1.part")
PLOT
    rm "$dir/$1.part"
    echo "$dir/$1.svg"
}

draw threads "Threads" "threads" "ns for one operation"
draw locks "256 threads, each waiting for one of n locks" "locks" "ns for one hand-over"
draw buckets "Addresses waited on, in the table of waiting threads" "addresses" \
    "queues looked through, 1 is chance"
draw timers "Timers and events that wait" "timers, events" "ns for one operation"
draw queues "Items in a queue" "items" "ns for put and get"
draw futures "Futures outstanding, 2 workers" "futures" "ns for one future"
