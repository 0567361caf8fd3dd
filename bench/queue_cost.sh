#!/usr/bin/env bash
# bench/queue_cost.sh: instructions per operation of the dispatcher, with 10 to 100,000 tickets waiting.
#
# Counted by callgrind, so that an idle machine and a busy one tell the same. One row per length of the queue and
# size of a ticket's set. Sets of 64 stop at 10,000 tickets: 100,000 of them are 1 GiB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly work operations="measured_take measured_cancel measured_release measured_free"

gcc -O2 -g -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -iquote src -iquote build bench/queue_cost.c \
    build/libroom_domain.a build/libroom_wire.a build/libroom_json.a build/libroom_base.a \
    -lsimdjson -lstdc++ -o "$work/queue_cost"

# measure <waiting> <choices> <count>: a row
measure()
{
    valgrind -q --tool=callgrind --callgrind-out-file="$work/out" "$work/queue_cost" "$@" >"$work/said"
    callgrind_annotate --inclusive=yes --threshold=100 "$work/out" >"$work/costs"
    printf '%8s %8s' "$1" "$2"
    local operation
    for operation in $operations; do
        awk -v name="$operation" '
            FNR == NR { if ($1 == "calls" && $2 == name) calls = $3; next }
            $0 ~ ":" name "( |$)" && !cost { gsub(",", "", $1); cost = $1 }
            END { printf " %8.0f", cost / calls }' "$work/said" "$work/costs"
    done
    echo
}

printf '%8s %8s %8s %8s %8s %8s\n' waiting choices take cancel release free
for waiting in 10 1000 10000 100000; do
    measure "$waiting" 4 2000
done
for waiting in 10 1000 10000; do
    measure "$waiting" 64 1000
done
grep bytes "$work/said"
