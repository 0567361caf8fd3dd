#!/usr/bin/env bash
# bench/receipt_cost.sh: CPU time that a receipt costs one request (aim: 2 us). ./dev build comes before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gcc -O2 -g -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -iquote src -iquote build bench/receipt_cost.c src/gateway/receipt.c \
    build/libroom_sys.a build/libroom_base.a -o "$work/receipt_cost"
"$work/receipt_cost"
