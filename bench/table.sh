#!/bin/sh
# A table of the figures in each CSV of the benchmark beside its peers, headed by its machine:
#
#     sh bench/table.sh all FILE.csv...    every row and column, for bench/README.md
#     sh bench/table.sh short FILE.csv...  ten rows, for README.md
#
# Each workload and number of threads has a row: spread over the processors / on one. `make lint`
# compares both files with what this prints of bench/plots/*/peers.csv.
set -u
which=$1
shift
# The rows of the short table, as "workload threads".
short='lock acquire+release 1
semaphore release+acquire 1
contended lock and work 8
ping-pong, semaphore 2
ping-pong, condition 2
notify_all of 32 waiters 33
barrier wait 8
item through a queue, 4:4 8
item through simple queue, 1:1 2
task, 1000 at a time 1'
if [ "$which" = short ]; then
    only=$short
    head='| one operation | threads | to the best peer | ours, ns | best peer, ns | Python |'
    line='| --- | --- | --- | --- | --- | --- |'
else
    only=
    head='| one operation | threads | to the best peer | of all | ours, ns | best peer, ns | limit, ns | Python |'
    line='| --- | --- | --- | --- | --- | --- | --- | --- |'
fi

# Outside of quotes are the fields without commas of their own.
table() {
    ONLY=$only awk -F '"' '
    BEGIN {
        count = split(ENVIRON["ONLY"], names, "\n")
        for (i = 1; i <= count; i++) { wanted[names[i]] = 1 }
    }
    function number(x) {
        return x < 100 ? sprintf("%.1f", x) : sprintf("%.0f", x)
    }
    function both(of, key) {
        return ((key, "spread") in of) ? of[key, "spread"] " / " of[key, "one"] : of[key, "one"]
    }
    /^#/ || NR <= 3 { next }
    {
        split($3, place, ",")
        split($5, figure, ",")
        key = $2 SUBSEP place[2]
        at = key SUBSEP place[3]
        kind = figure[2]
        median = figure[4]
    }
    figure[3] != "ns" || $2 ~ /^compile|longest/ { next }
    !(key in seen) { seen[key] = 1; keys[++n] = key; name[key] = $2; threads[key] = place[2] }
    kind == "ours" { ours[at] = number(median); mine[at] = median }
    kind == "peer" && (!(at in least) || median + 0 < least[at] + 0) {
        least[at] = median
        peer[at] = "`" $4 "` " number(median)
    }
    (kind == "peer" || kind == "awake") && (!(at in any) || median + 0 < any[at] + 0) {
        any[at] = median
    }
    kind == "limit" { limit[at] = number(median) }
    kind == "python" && (!(at in python) || median + 0 < python[at] + 0) { python[at] = median }
    END {
        for (i = 1; i <= n; i++) {
            key = keys[i]
            for (p = 1; p <= 2; p++) {
                at = key SUBSEP (p == 1 ? "spread" : "one")
                if (!(at in mine)) { continue }
                ratio[at] = at in least ? sprintf("%.2f", mine[at] / least[at]) : "-"
                whole[at] = at in any ? sprintf("%.2f", mine[at] / any[at]) : "-"
                times[at] = at in python ? sprintf("%.0f ×", python[at] / mine[at]) : "-"
                if (!(at in peer)) { peer[at] = "-" }
                if (!(at in limit)) { limit[at] = "-" }
            }
            if (count == 0) {
                printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name[key], threads[key],
                    both(ratio, key), both(whole, key), both(ours, key), both(peer, key),
                    both(limit, key), both(times, key)
            } else if ((name[key] " " threads[key]) in wanted) {
                printf "| %s | %s | %s | %s | %s | %s |\n", name[key], threads[key],
                    both(ratio, key), both(ours, key), both(peer, key), both(times, key)
            }
        }
    }' "$1"
}

for file in "$@"; do
    [ -r "$file" ] || {
        echo "$file is not there; make it: make bench-peers CSV=$file" >&2
        exit 1
    }
    sed -n '2s/^# \(.*\)/\1:/p' "$file"
    printf '\n%s\n%s\n' "$head" "$line"
    table "$file"
done
