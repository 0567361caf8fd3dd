#!/usr/bin/env bash
# bench/snapshot_cost.sh: CPU time of one build of the configuration at size. ./dev build comes before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
readonly work

gcc -O2 -g -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -iquote src -iquote build bench/snapshot_cost.c -c -o "$work/main.o"
# The rooms know each other in layers; a group spares spelling them out.
g++ "$work/main.o" -Wl,--start-group build/libroom_{gateway,providers,store,http,net,sys,domain,wire,json,base}.a -Wl,--end-group \
    -lsimdjson -lsqlite3 -levent_core -lssl -lcrypto -lcares -lwslay -lsodium -lpthread -lm $(ls build/libllhttp*.a 2>/dev/null || true) \
    -o "$work/snapshot_cost"
for size in "10 100 10" "100 1000 100" "1000 10000 100"; do
    # shellcheck disable=SC2086 # three words
    "$work/snapshot_cost" $size
done
