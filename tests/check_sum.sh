#!/bin/sh
# Run commands that each end with a line "N passed, N failed", and end with the sum of them:
#     sh tests/check_sum.sh LOGFILE COMMAND...
# A command that fails without saying how much of it failed counts as one failure.
log=$1
shift
passed=0 failed=0 skipped=0
for command in "$@"; do
    { sh -c "$command" 2>&1; echo $? >"$log.status"; } | tee "$log"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    # shellcheck disable=SC2046
    set -- $(echo "$line" | tr -cd '0-9 \n')
    if [ "$(cat "$log.status")" != 0 ] && [ "${2:-0}" = 0 ]; then
        echo "FAIL $command: exit status $(cat "$log.status")"
        set -- "${1:-0}" 1
    elif [ -z "$line" ]; then
        echo "FAIL $command: said nothing of what passed"
        set -- 0 1
    fi
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-0})) skipped=$((skipped + ${3:-0}))
done
if [ "$skipped" = 0 ]; then
    echo "$passed passed, $failed failed"
else
    echo "$passed passed, $failed failed, $skipped skipped"
fi
[ "$failed" = 0 ]
