#!/usr/bin/env bash
# The end-to-end suite: real clients, the real binary, `auxot simulate` as the upstreams.
#
#     tests/e2e/run.sh <absolute path of auxot> full|core <result file> [test file ...]
#
# full: everything. core: without the big CLIs, with patience for sanitizer builds.
# The result file gets three integers, passed failed skipped, and a line for each file: milliseconds and name.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

binary=$1 suite=$2 result=$3
shift 3
[ -x "$binary" ] || { echo "run.sh: no program at $binary" >&2; echo "0 1 0" >"$result"; exit 1; }
case $suite in full | core) ;; *) echo "run.sh: full or core, not '$suite'" >&2; exit 2 ;; esac

# The clients need node >= 22: npm's own, else the machine's.
node=node_modules/.bin/node
"$node" --version >/dev/null 2>&1 || node=$(command -v node) || { echo "run.sh: no node" >&2; exit 1; }
major=$("$node" -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 22 ] || { echo "run.sh: node $major is too old, the clients need 22 (npm ci)" >&2; exit 1; }

shopt -s nullglob
if [ $# = 0 ]; then
    set -- core/*.test.mjs governance/*.test.mjs
    threaded="backup live otlp reload secret upgrade" # the others are arithmetic, or wait for the clock: once is enough
    for file in operations/*.test.mjs; do
        name=$(basename "$file" .test.mjs)
        [[ $suite = core && " $threaded " != *" $name "* ]] || set -- "$@" "$file"
    done
    [ "$suite" = core ] || set -- "$@" clis/*.test.mjs faults/*.test.mjs web/*.test.mjs
fi

limit_s=240
[ "$suite" = full ] || limit_s=420
[ "${AUXOT_TEST_LONG:-0}" != 1 ] || limit_s=2400 # the long loops of faults/, half an hour of pages
export AUXOT_BIN=$binary AUXOT_E2E_SUITE=$suite AUXOT_E2E_RESULT=$result
passed=0 failed=0 skipped=0 status=0

# pass <files at once> <test file ...>: runs them and adds up.
pass()
{
    local width=${AUXOT_E2E_JOBS:-$1} good bad left
    shift
    [ $# != 0 ] || return 0
    rm -f "$result.part"
    timeout --kill-after=10 $((limit_s * 3)) "$node" --test --test-force-exit --test-concurrency="$width" \
        --test-timeout=$((limit_s * 1000)) \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=./lib/counts.mjs --test-reporter-destination="$result.part" "$@" || status=1
    [ -s "$result.part" ] || echo "0 1 0" >"$result.part"
    read -r good bad left <"$result.part"
    passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left))
    tail -n +2 "$result.part" >>"$result.files"
    rm -f "$result.part"
}

plain=() browsers=()
for file in "$@"; do
    case $file in web/*) browsers+=("$file") ;; *) plain+=("$file") ;; esac
done
# Most files wait for the clock: twice as many at once as there are cores. A browser takes a core for itself.
cores=$(nproc)
: >"$result.files"
pass $((cores < 4 ? cores * 2 : 8)) ${plain[@]+"${plain[@]}"}
pass $((cores < 8 ? cores : 8)) ${browsers[@]+"${browsers[@]}"}
{ echo "$passed $failed $skipped" && cat "$result.files"; } >"$result"
rm -f "$result.files"
[ "$passed" -gt 0 ] && [ "$failed" = 0 ] && [ "$status" = 0 ]
