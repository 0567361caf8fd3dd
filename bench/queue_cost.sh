#!/usr/bin/env bash
# bench/queue_cost.sh: instructions per operation of the dispatcher, with 10 to 100,000 tickets waiting.
#
# Counted by callgrind, so that an idle machine and a busy one tell the same. ./dev build comes before. Sets of 64
# stop at 10,000 tickets: 100,000 of them are 1 GiB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly work operations="measured_take measured_cancel measured_release measured_free"

gcc -O2 -g -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -iquote src -iquote build bench/queue_cost.c \
    build/libroom_domain.a build/libroom_wire.a build/libroom_json.a build/libroom_base.a \
    -lsimdjson -lstdc++ -o "$work/queue_cost"

# measure <waiting> <choices> <count> <providers> <teams>: a row
measure()
{
    valgrind -q --tool=callgrind --callgrind-out-file="$work/out" "$work/queue_cost" "$@" >"$work/said"
    callgrind_annotate --inclusive=yes --threshold=100 "$work/out" >"$work/costs"
    printf '%9s %9s %6s %8s' "$4" "$5" "$2" "$1"
    local operation
    for operation in $operations; do
        awk -v name="$operation" '
            FNR == NR { if ($1 == "calls" && $2 == name) calls = $3; next }
            $0 ~ ":" name "( |$)" && !cost { gsub(",", "", $1); cost = $1 }
            END { printf " %8.0f", cost / calls }' "$work/said" "$work/costs"
    done
    echo
}

printf '%9s %9s %6s %8s %8s %8s %8s %8s\n' providers teams set waiting take cancel release free
for waiting in 10 1000 10000 100000; do
    measure "$waiting" 4 2000 64 100
done
for waiting in 10 1000 10000; do
    measure "$waiting" 64 1000 64 100
done
for waiting in 10 1000 10000 19000; do # one team may have 20,000 waiting
    measure "$waiting" 1 2000 1 1
done
for waiting in 10 1000 10000 100000; do # each ticket a team of its own
    measure "$waiting" 1 2000 1 100000
done
grep bytes "$work/said"
