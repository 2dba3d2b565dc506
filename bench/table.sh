#!/bin/sh
# The table of README.md from a CSV of the benchmark beside its peers: sh bench/table.sh FILE.csv.
# A line for each workload and number of threads: spread over the processors / on one. `make lint`
# holds the README against what this prints of bench/plots/peers.csv.
set -u
[ -r "$1" ] || {
    echo "$1 is not there; make it: make bench-peers CSV=$1" >&2
    exit 1
}
echo '| one operation | threads | to the best peer | of all | ours, ns | best peer, ns | limit, ns | Python |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- |'
# Outside of quotes are the fields without commas of their own.
awk -F '"' '
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
            printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", name[key], threads[key],
                both(ratio, key), both(whole, key), both(ours, key), both(peer, key),
                both(limit, key), both(times, key)
        }
    }' "$1"
