#!/usr/bin/env bash
# bench/rehearse_cost.sh: CPU time of one run of a rehearsal of 100,000 requests, and its instructions where valgrind is
# there. ./dev build comes before. The whole call, with reading the jobs: bench/rehearse_call.mjs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly work

gcc -O2 -g -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -iquote src -iquote build bench/rehearse_cost.c -c -o "$work/main.o"
g++ "$work/main.o" -Wl,--start-group build/libroom_{domain,wire,json,base}.a -Wl,--end-group -lsimdjson -lm -o "$work/rehearse_cost"
for _ in 1 2 3; do "$work/rehearse_cost"; done
if command -v valgrind >/dev/null; then
    few=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/rehearse_cost" 1000 2>&1 | awk '/Collected/ {print $4}')
    many=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/rehearse_cost" 21000 2>&1 | awk '/Collected/ {print $4}')
    echo "instructions for each request: $(((many - few) / 20000))"
fi
