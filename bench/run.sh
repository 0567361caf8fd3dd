#!/usr/bin/env bash
# bench/run.sh [--quick] [--rounds N] [--save] [test...]: measures auxot side by side with nginx and HAProxy.
#
# The server under test has core 0 alone; load and upstream share core 1. Each round goes through all tests,
# and each test through the servers, in turn forwards and backwards (A B C, C B A), so that a drift of the
# machine meets all of them; a ratio is always one of the same round. CPU is what the kernel's scheduler
# booked for the server's threads. auxot's writer has drained before anything else is measured.
#
#   tests of rounds   1k 100k rate sse20 sse0; 100kt sse20t sse0t: a messages caller, translated (nginx passes it through)
#   other tests       idle tls stall bodies start crash audit gone loops tax governance delay failover
#                     workers: reverse fleet parked lost; live: 200 clients of GET /api/live
#   only when named   soak (BENCH_SOAK_S seconds, default 1800)
#
# --save writes the table to bench/RESULTS.md. AUXOT=path measures another binary than build/auxot.
# Everything is on loopback and in one temporary directory; all processes end with this one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly server_core=0 load_core=1
readonly port_upstream=28460 port_nginx=28461 port_haproxy=28462 port_auxot=28463
readonly port_nginx_tls=28464 port_auxot_tls=28465 port_unwrap_nginx=28466 port_unwrap_auxot=28467
readonly round_tests="1k 100k 100kt rate sse20 sse20t sse0 sse0t"
readonly other_tests="idle tls stall bodies start crash audit gone loops tax governance delay failover reverse fleet parked lost live"

readonly chat_path=/api/openai/chat/completions messages_path=/api/anthropic/v1/messages
auxot_path=$chat_path
rounds=5 is_quick=false is_saved=false tests=""
servers=(nginx haproxy auxot)
declare -A pid_of=()
work="" key=""

say()  { printf '%s\n' "$*" >&2; }
fail() { say "bench: $*"; exit 1; }

# ---- arguments -----------------------------------------------------------------------------------

read_arguments()
{
    while [ $# -gt 0 ]; do
        case $1 in
        --quick)  is_quick=true rounds=2 ;;
        --rounds) rounds=${2:?--rounds wants a number}; shift ;;
        --save)   is_saved=true ;;
        -*)       fail "there is no flag $1" ;;
        *)        [[ " $round_tests $other_tests soak " == *" $1 "* ]] || fail "there is no test $1"
                  tests+=" $1" ;;
        esac
        shift
    done
    [[ $rounds =~ ^[1-9][0-9]?$ ]] || fail "--rounds is 1 to 99"
    if [ -z "$tests" ]; then
        tests="$round_tests $other_tests"
        ! $is_quick || tests="$round_tests idle stall bodies start crash audit gone delay failover reverse parked lost"
    fi
}

# quick_or <value when --quick> <value otherwise>
quick_or() { if $is_quick; then echo "$1"; else echo "$2"; fi; }

wants() { [[ " $tests " == *" $1 "* ]]; }

# ---- processes -----------------------------------------------------------------------------------

# Ends what was started here, and waits for it (bounded).
end_process()
{
    local pid=${1:-} i
    [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || return 0
    kill "$pid" 2>/dev/null || true
    for ((i = 0; i < 100; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done
    kill -9 "$pid" 2>/dev/null || true
}

clean_up()
{
    local name
    for name in "${!pid_of[@]}"; do
        end_process "${pid_of[$name]}"
    done
    [ -z "$work" ] || rm -rf "$work"
}

# spawn <name> <core> <command...>
spawn()
{
    local name=$1 core=$2
    shift 2
    : >"$work/$name.out"
    taskset -c "$core" "$@" >"$work/$name.out" 2>"$work/$name.err" </dev/null &
    pid_of[$name]=$!
}

is_listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

await_port()
{
    local port=$1 name=$2 i
    for ((i = 0; i < 200; i++)); do
        ! is_listening "$port" || return 0
        kill -0 "${pid_of[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 5 "$work/$name.err" >&2
    fail "$name does not listen on port $port"
}

# auxot takes connections a moment before it takes management calls: its own word counts.
await_ready()
{
    local i
    for ((i = 0; i < 200; i++)); do
        ! grep -q '^auxot ready' "$work/auxot.out" || return 0
        kill -0 "${pid_of[auxot]}" 2>/dev/null || break
        sleep 0.05
    done
    tail -n 5 "$work/auxot.err" >&2
    fail "auxot does not become ready"
}

compile()
{
    local flags="-std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror"
    # shellcheck disable=SC2086 # flags are words
    cc $flags -o "$work/load" bench/load.c bench/client.c bench/process.c bench/samples.c
    # shellcheck disable=SC2086
    cc $flags -o "$work/upstream" bench/upstream.c bench/reverse.c bench/samples.c
    # shellcheck disable=SC2086
    cc $flags -o "$work/rows" bench/rows.c -lsqlite3
    cp "${AUXOT:-build/auxot}" "$work/gateway" # a copy: a build meanwhile changes nothing
}

# ---- the servers ---------------------------------------------------------------------------------

write_nginx_conf()
{
    cat >"$work/nginx.conf" <<END
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid $work/nginx.pid;
error_log $work/nginx.log error;
events { worker_connections 16000; }
http {
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_buffer_size 1m;
    client_max_body_size 64m;
    client_body_temp_path $work/nginx-body;
    proxy_temp_path $work/nginx-proxy;
    fastcgi_temp_path $work/nginx-fastcgi;
    uwsgi_temp_path $work/nginx-uwsgi;
    scgi_temp_path $work/nginx-scgi;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_buffering off;
    proxy_read_timeout 600s;
    upstream up {
        server 127.0.0.1:$port_upstream;
        keepalive 1200;
        keepalive_requests 1000000000;
        keepalive_timeout 600s;
    }
    server {
        listen 127.0.0.1:$port_nginx backlog=4096;
        location / { proxy_pass http://up; }
    }
    server {
        listen 127.0.0.1:$port_nginx_tls ssl backlog=4096;
        ssl_certificate $work/tls.crt;
        ssl_certificate_key $work/tls.key;
        location / { proxy_pass http://up; }
    }
}
END
}

write_haproxy_conf()
{
    cat >"$work/haproxy.conf" <<END
global
    nbthread 1
    maxconn 9500
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout server 600s
    timeout http-keep-alive 600s
    option http-keep-alive
    option http-no-delay
    option abortonclose
    http-reuse always
frontend in
    bind 127.0.0.1:$port_haproxy backlog 4096
    default_backend up
backend up
    server up 127.0.0.1:$port_upstream
END
    # Takes plain connections and speaks TLS to the server: so the load needs no TLS of its own.
    cat >"$work/wrap.conf" <<END
global
    nbthread 1
    maxconn 9500
defaults
    mode tcp
    timeout connect 60s
    timeout client 600s
    timeout server 600s
listen nginx
    bind 127.0.0.1:$port_unwrap_nginx backlog 4096
    server tls 127.0.0.1:$port_nginx_tls ssl verify none
listen auxot
    bind 127.0.0.1:$port_unwrap_auxot backlog 4096
    server tls 127.0.0.1:$port_auxot_tls ssl verify none
END
}

make_certificate()
{
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
}

start_nginx()
{
    spawn nginx "$server_core" nginx -p "$work" -c "$work/nginx.conf"
    await_port "$port_nginx" nginx
    pid_of[nginx-worker]=$(pgrep -P "${pid_of[nginx]}" | head -n 1)
}

start_haproxy()
{
    spawn haproxy "$server_core" haproxy -db -f "$work/haproxy.conf"
    await_port "$port_haproxy" haproxy
}

# start_auxot [cores] [threads]
start_auxot()
{
    AUXOT_THREADS=${2:-1} spawn auxot "${1:-$server_core}" "$work/gateway" serve \
        --data-dir "$work/data" --port "$port_auxot"
    await_ready
}

# http <method> <path> [body]: an answer's body from auxot
http()
{
    local body=${3:-} line
    exec 4<>"/dev/tcp/127.0.0.1/$port_auxot"
    printf '%s %s HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer %s\r\ncontent-type: application/json\r\n' \
        "$1" "$2" "$key" >&4
    printf 'connection: close\r\ncontent-length: %d\r\n\r\n%s' ${#body} "$body" >&4
    while IFS= read -r line <&4 && [ "$line" != $'\r' ]; do :; done
    cat <&4
    exec 4>&-
}

configure_auxot()
{
    key=$("$work/gateway" keys create --data-dir "$work/data" --name bench --role admin)
    http POST /api/providers '{"type":"openai","name":"Upstream","api_key":"sk-bench-0123456789abcdef","base_url":"http://127.0.0.1:'$port_upstream'/v1"}' >"$work/provider.json"
    grep -q '"sse-50-20"' "$work/provider.json" || fail "no provider: $(cat "$work/provider.json")"
}

await_drained()
{
    local i
    for ((i = 0; i < 300; i++)); do
        ! http GET /metrics | grep -q '^auxot_journal_waiting_bytes 0$' || return 0
        sleep 0.1
    done
    fail "the writer does not come to an end"
}

restart()
{
    end_process "${pid_of[$1]}"
    "start_$1"
}

start_all()
{
    make_certificate
    write_nginx_conf
    write_haproxy_conf
    spawn upstream "$load_core" "$work/upstream" "$port_upstream"
    await_port "$port_upstream" upstream
    start_nginx
    start_haproxy
    start_auxot
    configure_auxot
}

# ---- measuring -----------------------------------------------------------------------------------

measured_pid()
{
    if [ "$1" = nginx ]; then echo "${pid_of[nginx-worker]}"; else echo "${pid_of[$1]}"; fi
}

# load <server> <mode> <options...>: what the load generator says, as key=value lines
load()
{
    local server=$1 mode=$2 port path=/v1/chat/completions
    shift 2
    case $server in
    direct)  timeout 120 taskset -c "$load_core" "$work/load" "$mode" --port "$port_upstream" "$@"
             return ;;
    nginx)   port=$port_nginx ;;
    haproxy) port=$port_haproxy ;;
    auxot)   port=$port_auxot path=$auxot_path ;;
    esac
    timeout 120 taskset -c "$load_core" "$work/load" "$mode" --port "$port" --path "$path" \
        --key "$key" --pid "$(measured_pid "$server")" "$@"
}

value() { sed -n "s/^$1=//p" <<<"$2" | head -n 1; }

# keep <test> <server> <round> <name> <value>
keep() { printf '%s %s %s %s %s\n' "$@" >>"$work/figures"; }

# quotient <a> <b>
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4f", (b > 0 ? a / b : 0) }'; }

# CPU per unit of work, of the request path and (when the writer is done) of all threads.
keep_cpu()
{
    local test=$1 server=$2 round=$3 out=$4 units after
    units=$(value stamps "$out")
    [ -n "$units" ] || units=$(value answers "$out")
    [ "$units" -gt 0 ] || fail "$test: no answer from $server"
    [ "$server" != auxot ] || await_drained
    after=$("$work/load" usage --pid "$(measured_pid "$server")")
    keep "$test" "$server" "$round" path_us "$(quotient "$(value cpu_path_ns "$out")" $((units * 1000)))"
    keep "$test" "$server" "$round" whole_us "$(quotient \
        $(($(value cpu_all_ns "$after") - $(value cpu_all_at_start_ns "$out"))) $((units * 1000)))"
    keep "$test" "$server" "$round" writer_us "$(quotient \
        $(($(value cpu_writer_ns "$after") - $(value cpu_writer_at_start_ns "$out"))) $((units * 1000)))"
}

# What must be nothing.
keep_losses()
{
    local lost
    lost=$(($(value failures "$4") + $(value short_streams "$4" | grep . || echo 0)))
    [ "$lost" = 0 ] || say "bench: $1, $2: $lost requests or streams failed"
    keep "$1" "$2" "$3" lost "$lost"
}

load_of_test()
{
    local server=$1 test=$2 auxot_path=$chat_path
    [[ $test != *t ]] || auxot_path=$messages_path
    case ${test%t} in
    1k)    load "$server" closed --connections 64 --bytes 1000 --warm-ms 300 --seconds "$(quick_or 1 3)" ;;
    100k)  load "$server" closed --connections 32 --bytes 100000 --warm-ms 300 --seconds "$(quick_or 1 3)" ;;
    rate)  load "$server" rate --connections 256 --rate 2000 --warm-ms 500 --seconds "$(quick_or 1 4)" ;;
    sse20) load "$server" sse --model sse-50-20 --expect-stamps 50 --connections 1000 --warm-ms 200 \
               --repeat "$(quick_or 1 3)" ;;
    sse0)  load "$server" sse --model sse-1000-0 --expect-stamps 1000 --connections 100 \
               --repeat "$(quick_or 2 6)" ;;
    esac
}

measure()
{
    local test=$1 server=$2 round=$3 direct=${4:-0} out
    out=$(load_of_test "$server" "$test")
    keep_losses "$test" "$server" "$round" "$out"
    keep_cpu "$test" "$server" "$round" "$out"
    keep "$test" "$server" "$round" per_s "$(value answers_per_s "$out")"
    case $test in
    rate) keep rate "$server" "$round" added_us "$(awk -v a="$(value latency_p50_us "$out")" \
              -v b="$direct" 'BEGIN { print a - b }')" ;;
    sse*) keep "$test" "$server" "$round" delay_us "$(value delay_p50_us "$out")"
          keep "$test" "$server" "$round" per_s "$(value stamps_per_s "$out")" ;;
    esac
}

servers_of_round()
{
    if (($1 % 2)); then
        echo "${servers[@]}"
    else
        printf '%s\n' "${servers[@]}" | tac | tr '\n' ' '
    fi
}

run_rounds()
{
    local round test server direct out
    for ((round = 1; round <= rounds; round++)); do
        for test in $round_tests; do
            wants "$test" || continue
            say "bench: round $round of $rounds, $test"
            direct=0
            if [ "$test" = rate ]; then
                out=$(load_of_test direct rate)
                direct=$(value latency_p50_us "$out")
                keep rate direct "$round" p50_us "$direct"
            fi
            for server in $(servers_of_round "$round"); do
                measure "$test" "$server" "$round" "$direct"
            done
        done
    done
}

# ---- other tests ---------------------------------------------------------------------------------

# A fresh process that has answered before: what it needs once is not charged to the streams.
freshen()
{
    local server
    for server in "$@"; do
        restart "$server"
        load "$server" rate --connections 16 --rate 500 --seconds 1 >/dev/null
        [ "$server" != auxot ] || await_drained
    done
}

test_idle()
{
    local streams server out
    for streams in $(quick_or 1000 "1000 5000"); do
        for server in "${servers[@]}"; do
            say "bench: $streams idle streams, $server"
            freshen "$server"
            out=$(load "$server" hold --model idle --connections "$streams" --hold-ms 1500)
            [ "$(value streams "$out")" = "$streams" ] || say "bench: $server held $(value streams "$out")"
            keep "idle$streams" "$server" 1 kib "$(value kib_per_stream "$out")"
            keep "idle$streams" "$server" 1 after_mib "$(quotient "$(value pss_after_kib "$out")" 1024)"
            keep "idle$streams" "$server" 1 idle_cpu_ms "$(value cpu_idle_ms_per_s "$out")"
        done
    done
    await_drained
}

start_auxot_tls()
{
    AUXOT_THREADS=1 spawn auxot "$server_core" "$work/gateway" serve --data-dir "$work/data" \
        --port "$port_auxot_tls" --tls-cert "$work/tls.crt" --tls-key "$work/tls.key"
    await_ready
}

# hold_tls <server> <port> <path>
hold_tls()
{
    local out
    timeout 60 taskset -c "$load_core" "$work/load" closed --port "$2" --path "$3" --key "$key" \
        --connections 8 >/dev/null
    out=$(timeout 60 taskset -c "$load_core" "$work/load" hold --port "$2" --path "$3" --key "$key" \
        --pid "$(measured_pid "$1")" --model idle --connections "$4" --pace 8 --hold-ms 1500)
    [ "$(value streams "$out")" = "$4" ] || say "bench: $1 held $(value streams "$out") over TLS"
    keep "tls$4" "$1" 1 kib "$(value kib_per_stream "$out")"
}

test_tls()
{
    local streams
    spawn wrap "$load_core" haproxy -db -f "$work/wrap.conf"
    await_port "$port_unwrap_nginx" wrap
    for streams in 1000 5000; do
        say "bench: $streams idle streams over TLS"
        restart nginx
        hold_tls nginx "$port_unwrap_nginx" /v1/chat/completions "$streams"
        end_process "${pid_of[auxot]}"
        start_auxot_tls
        hold_tls auxot "$port_unwrap_auxot" /api/openai/chat/completions "$streams"
    done
    end_process "${pid_of[wrap]}"
    end_process "${pid_of[auxot]}"
    start_auxot
}

test_stall()
{
    local server out
    for server in "${servers[@]}"; do
        say "bench: stalled readers, $server"
        freshen "$server"
        out=$(load "$server" stall --model fill-55 --expect-stamps 55000 --connections 20 \
            --hold-ms "$(quick_or 1000 3000)")
        [ "$(value answers "$out") $(value short_streams "$out")" = "20 0" ] ||
            say "bench: $server: of 20 streams $(value answers "$out") ended, $(value short_streams "$out") short"
        keep stall "$server" 1 growth_mb "$(quotient "$(value growth_stalled_kib "$out")" 976.5625)"
        keep stall "$server" 1 resumed_mb "$(quotient "$(value growth_resumed_kib "$out")" 976.5625)"
        keep stall "$server" 1 whole "$(($(value answers "$out") - $(value short_streams "$out")))"
    done
}

test_bodies()
{
    local server out
    for server in "${servers[@]}"; do
        say "bench: 1500 bodies of 150 KB at once, $server"
        freshen "$server"
        out=$(load "$server" bodies --connections 1500 --bytes 150000 --hold-ms "$(quick_or 1000 2000)")
        [ "$(value answers "$out")" = 1500 ] || say "bench: $server answered $(value answers "$out") of 1500"
        keep bodies "$server" 1 peak_mib "$(quotient "$(value rss_peak_kib "$out")" 1024)"
        keep bodies "$server" 1 after_mib "$(quotient "$(value rss_after_kib "$out")" 1024)"
        keep bodies "$server" 1 answered "$(value answers "$out")"
    done
}

test_start()
{
    local i out
    say "bench: start"
    await_drained
    end_process "${pid_of[auxot]}"
    for ((i = 1; i <= $(quick_or 3 7); i++)); do
        out=$(AUXOT_THREADS=1 timeout 60 taskset -c "$server_core" "$work/load" start \
            --port "$port_auxot" --path /api/openai/chat/completions --key "$key" --hold-ms 1500 -- \
            "$work/gateway" serve --data-dir "$work/data" --port "$port_auxot")
        keep start auxot "$i" first_ms "$(value first_answer_ms "$out")"
        keep start auxot "$i" rss_mib "$(quotient "$(value rss_kib "$out")" 1024)"
        keep start auxot "$i" stop_ms "$(value stop_ms "$out")"
    done
    start_auxot
}

# Killed with requests in flight and a journal that the writer has not drained: how long until the next process answers.
test_crash()
{
    local i out load_pid
    say "bench: start after kill -9"
    for ((i = 1; i <= $(quick_or 2 5); i++)); do
        await_drained
        load auxot rate --connections 256 --rate 10000 --seconds 3 >/dev/null 2>&1 &
        load_pid=$!
        sleep 1.5
        kill -9 "${pid_of[auxot]}"
        wait "${pid_of[auxot]}" 2>/dev/null || true
        wait "$load_pid" || true
        keep crash auxot "$i" left_kib "$(du -sk "$work"/data/journal* | awk '{ kib += $1 } END { print kib }')"
        out=$(AUXOT_THREADS=1 timeout 60 taskset -c "$server_core" "$work/load" start \
            --port "$port_auxot" --path /api/openai/chat/completions --key "$key" --hold-ms 500 -- \
            "$work/gateway" serve --data-dir "$work/data" --port "$port_auxot")
        keep crash auxot "$i" first_ms "$(value first_answer_ms "$out")"
        start_auxot
    done
}

test_audit()
{
    local seconds before after out usage begin drained
    seconds=$(quick_or 4 15)
    say "bench: audit rows, 20,000 requests a second for $seconds s"
    await_drained
    before=$("$work/rows" "$work/data/store.db")
    out=$(load auxot rate --connections 512 --rate 20000 --seconds "$seconds")
    begin=$(date +%s%N)
    await_drained
    drained=$(date +%s%N)
    usage=$("$work/load" usage --pid "${pid_of[auxot]}")
    after=$("$work/rows" "$work/data/store.db")
    keep audit auxot 1 per_s "$(value answers_per_s "$out")"
    keep audit auxot 1 lost "$(($(value answers "$out") - (after - before)))"
    keep audit auxot 1 drain_ms $(((drained - begin) / 1000000))
    # ns per row, times 20,000 rows, as a share of a second
    keep audit auxot 1 writer_percent "$(quotient \
        $((($(value cpu_writer_ns "$usage") - $(value cpu_writer_at_start_ns "$out")) * 2)) \
        "$(($(value answers "$out") * 1000))")"
    keep audit auxot 1 p50_us "$(value latency_p50_us "$out")"
}

test_gone()
{
    local server out
    for server in "${servers[@]}"; do
        say "bench: clients that hang up, $server"
        out=$(load "$server" gone --model idle --upstream-port "$port_upstream" --repeat "$(quick_or 20 100)")
        keep gone "$server" 1 closed "$(value upstreams_closed "$out")"
        keep gone "$server" 1 p50_ms "$(quotient "$(value gone_p50_us "$out")" 1000)"
        keep gone "$server" 1 max_ms "$(quotient "$(value gone_max_us "$out")" 1000)"
    done
}

# Both cores for both: not how fast, but whether a second loop makes a request dearer (shared cache lines).
test_loops()
{
    local threads i out
    for ((i = 1; i <= 3; i++)); do
        for threads in 1 2; do
            say "bench: $threads loop threads on two cores, $i of 3"
            end_process "${pid_of[auxot]}"
            start_auxot "0,1" "$threads"
            out=$(load auxot closed --connections 64 --bytes 1000 --warm-ms 300 --seconds 2)
            keep "loops$threads" auxot "$i" path_us \
                "$(quotient "$(value cpu_path_ns "$out")" $(($(value answers "$out") * 1000)))"
            keep "loops$threads" auxot "$i" per_s "$(value answers_per_s "$out")"
            await_drained
        done
        keep loops auxot "$i" speedup "$(awk -v i="$i" '$3 == i && $4 == "path_us" { us[$1] = $5 }
            END { printf "%.3f", 2 * us["loops1"] / us["loops2"] }' "$work/figures")"
    done
    restart auxot
}

# ---- other tests: one more provider, which is gone again afterwards ----------------------------------

# make <path> <body>: the id of what is made
make() { http POST "$1" "$2" | sed -n 's/^{"id":"\([a-z]*_[0-9a-z]*\)".*/\1/p'; }

# Workers of a provider "Fleet" with so many slots; each connection says that it is ready.
start_fleet()
{
    local i
    fleet=$(make /api/providers '{"type":"gpu","name":"Fleet"}')
    fleet_key=$(http POST "/api/providers/$fleet/worker-keys" '{}' | sed -n 's/.*"key":"\(auxw_[0-9A-Za-z]*\)".*/\1/p')
    [ -n "$fleet_key" ] || fail "no worker key"
    send_fleet "$1"
}

send_fleet()
{
    local i
    spawn fleet "$load_core" "$work/upstream" worker "$port_auxot" "$fleet_key" "$1"
    for ((i = 0; i < 600; i++)); do
        ! grep -q joined "$work/fleet.out" || return 0
        kill -0 "${pid_of[fleet]}" 2>/dev/null || break
        sleep 0.1
    done
    fail "the workers do not join: $(tail -n 3 "$work/fleet.err")"
}

dismiss_fleet()
{
    end_process "${pid_of[fleet]}"
    http DELETE "/api/providers/$fleet" >/dev/null
}

# The same work over connections that a worker opened, and to an upstream that is dialled, in turns.
test_reverse()
{
    local round kind out
    start_fleet 1000
    for ((round = 1; round <= rounds; round++)); do
        for kind in $( ((round % 2)) && echo "auxot dialled" || echo "dialled auxot"); do
            say "bench: reverse connections, $kind, $round of $rounds"
            local slug=upstream
            [ "$kind" = dialled ] || slug=fleet
            out=$(load auxot closed --model "$slug/plain" --connections 64 --bytes 1000 --warm-ms 300 --seconds "$(quick_or 1 3)")
            keep_losses reverse "$kind" "$round" "$out"
            keep reverse "$kind" "$round" path_us "$(quotient "$(value cpu_path_ns "$out")" $(($(value answers "$out") * 1000)))"
            await_drained
            out=$(load auxot sse --model "$slug/sse-50-20" --expect-stamps 50 --connections 1000 --warm-ms 200 --repeat "$(quick_or 1 3)")
            keep_losses reverse-sse "$kind" "$round" "$out"
            keep reverse-sse "$kind" "$round" path_us "$(quotient "$(value cpu_path_ns "$out")" $(($(value stamps "$out") * 1000)))"
            await_drained
        done
    done
    dismiss_fleet
}

# Streams over workers' connections, ten tokens a second each, for a minute.
test_fleet()
{
    local streams out
    for streams in 2000 4000; do
        say "bench: $streams streams of workers for 60 s"
        restart auxot
        start_fleet "$streams"
        out=$(load auxot sse --model fleet/sse-600-100 --expect-stamps 600 --connections "$streams" --warm-ms 3000 --seconds 65)
        keep "fleet$streams" auxot 1 lost "$((streams * 600 - $(value stamps "$out")))"
        keep "fleet$streams" auxot 1 whole "$(($(value answers "$out") - $(value short_streams "$out")))"
        keep "fleet$streams" auxot 1 core_percent "$(quotient "$(value cpu_path_ns "$out")" "$(value window_ms "$out" | awk '{ printf "%d", $1 * 10000 }')")"
        keep "fleet$streams" auxot 1 delay_ms "$(quotient "$(value delay_p99_us "$out")" 1000)"
        dismiss_fleet
        await_drained
    done
}

# Memory of a connection that waits for a job.
test_parked()
{
    local before after
    say "bench: 2000 parked connections"
    freshen auxot
    before=$(value pss_kib "$("$work/load" usage --pid "${pid_of[auxot]}")")
    start_fleet 2000
    sleep 1
    after=$(value pss_kib "$("$work/load" usage --pid "${pid_of[auxot]}")")
    keep parked auxot 1 kib "$(quotient $((after - before)) 2000)"
    dismiss_fleet
}

# kill -9 of a worker, until the gateway's log says that it is lost: from then on it is given nothing.
test_lost()
{
    local i killed_ms line seen
    start_fleet 16
    for ((i = 1; i <= $(quick_or 5 20); i++)); do
        [ "$i" = 1 ] || send_fleet 16
        sleep 0.2
        seen=$(wc -l <"$work/auxot.err")
        killed_ms=$((${EPOCHREALTIME/./} / 1000))
        kill -9 "${pid_of[fleet]}"
        wait "${pid_of[fleet]}" 2>/dev/null || true
        line=""
        while [ -z "$line" ]; do
            sleep 0.05
            line=$(tail -n "+$((seen + 1))" "$work/auxot.err" | grep -m 1 'what=worker.lost' || true)
        done
        line=${line#*ts=}
        keep lost auxot "$i" ms "$(($(date -d "${line%% *}" +%s%3N) - killed_ms))"
    done
    dismiss_fleet
}

# One request in ten fails at its first provider. The upstream itself looks at the clock: from the 500 that it wrote until it
# reads the head of the next attempt, so both ways over the loopback interface are in it.
test_failover()
{
    local tenth route out
    say "bench: failover"
    tenth=$(make /api/providers '{"type":"openai","name":"Tenth","api_key":"sk-bench-0123456789abcdef","base_url":"http://127.0.0.1:'$port_upstream'/tenth/v1"}')
    route=$(make /api/routes '{"name":"tenth-first","steps":[{"provider":"tenth","model":"plain"},{"provider":"upstream","model":"plain"}]}')
    out=$(load auxot rate --model tenth-first --connections 16 --rate 200 --seconds "$(quick_or 5 20)")
    keep_losses failover auxot 1 "$out"
    exec 4<>"/dev/tcp/127.0.0.1/$port_upstream"
    printf 'GET /failover HTTP/1.1\r\nhost: bench\r\n\r\n' >&4
    out=$(timeout 1 cat <&4 || true)
    exec 4>&-
    keep failover auxot 1 p50_ms "$(quotient "$(value failover_p50_us "$out")" 1000)"
    keep failover auxot 1 p99_ms "$(quotient "$(value failover_p99_us "$out")" 1000)"
    http DELETE "/api/routes/$route" >/dev/null
    http DELETE "/api/providers/$tenth" >/dev/null
}

# Twenty streams of fifty events a second: what a relay adds to each event, against the upstream asked directly.
test_delay()
{
    local round kind out direct auxot_path
    for ((round = 1; round <= rounds; round++)); do
        say "bench: added delay of events, $round of $rounds"
        out=$(load direct sse --model sse-50-20 --expect-stamps 50 --connections 20 --warm-ms 20 --repeat "$(quick_or 2 4)")
        direct=$(value delay_p50_us "$out")
        for kind in nginx passed translated; do
            auxot_path=$chat_path
            [ "$kind" != translated ] || auxot_path=$messages_path
            out=$(load "${kind/#[pt]*/auxot}" sse --model sse-50-20 --expect-stamps 50 --connections 20 --warm-ms 20 --repeat "$(quick_or 2 4)")
            out=$(awk -v a="$(value delay_p50_us "$out")" -v b="$direct" 'BEGIN { print a - b }')
            case $kind in
            nginx) keep delay nginx "$round" us "$out"; keep delayt nginx "$round" us "$out" ;;
            passed) keep delay auxot "$round" us "$out" ;;
            translated) keep delayt auxot "$round" us "$out" ;;
            esac
        done
        await_drained
    done
}

# What the record costs: against a build without it, in turns on the same data.
test_tax()
{
    local round kind out binary
    [ -x build-bare/auxot ] || { say "bench: no build-bare/auxot: ./dev bench makes it"; return 0; }
    cp build-bare/auxot "$work/bare"
    for ((round = 1; round <= rounds; round++)); do
        for kind in $( ((round % 2)) && echo "auxot bare" || echo "bare auxot"); do
            say "bench: tax, $kind, $round of $rounds"
            end_process "${pid_of[auxot]}"
            binary=$work/gateway
            [ "$kind" = auxot ] || binary=$work/bare
            AUXOT_THREADS=1 spawn auxot "$server_core" "$binary" serve --data-dir "$work/data" \
                --port "$port_auxot"
            await_ready
            out=$(load auxot closed --connections 64 --bytes 1000 --warm-ms 300 --seconds "$(quick_or 1 3)")
            keep tax "$kind" "$round" path_us \
                "$(quotient "$(value cpu_path_ns "$out")" $(($(value answers "$out") * 1000)))"
            keep tax "$kind" "$round" per_s "$(value answers_per_s "$out")"
            await_drained
            out=$(load auxot rate --connections 256 --rate 2000 --warm-ms 300 --seconds "$(quick_or 1 3)")
            keep tax "$kind" "$round" p50_us "$(value latency_p50_us "$out")"
            await_drained
        done
    done
    restart auxot
}

# All that the server spent in a second of 500 jobs, as a share of a core.
percent_of_core()
{
    awk -v ns="$(value cpu_all_ns "$1")" -v s="$2" 'BEGIN { printf "%.3f", ns / s / 1e7 }'
}

# What 200 clients of the live stream cost at 500 jobs a second: the same load without and with them, in turns, each on a
# server that has just started (after the last client it goes on telling for five minutes).
test_live()
{
    local round seconds out without with i
    seconds=$(quick_or 4 10)
    for ((round = 1; round <= rounds; round++)); do
        say "bench: 500 jobs a second without and with 200 clients of the live stream, $round of $rounds"
        restart auxot
        load auxot rate --connections 64 --rate 500 --seconds 3 >/dev/null # the first turn would pay for its beginnings
        out=$(load auxot rate --connections 64 --rate 500 --warm-ms 300 --seconds "$seconds")
        without=$(percent_of_core "$out" "$seconds")
        spawn live "$load_core" python3 bench/live.py "$port_auxot" "$key" 200
        for ((i = 0; i < 200; i++)); do
            ! grep -q watching "$work/live.out" || break
            sleep 0.05
        done
        grep -q watching "$work/live.out" || fail "200 clients do not get their first event"
        out=$(load auxot rate --connections 64 --rate 500 --warm-ms 300 --seconds "$seconds")
        with=$(percent_of_core "$out" "$seconds")
        end_process "${pid_of[live]}"
        grep -q '^lost=0$' "$work/live.out" || fail "clients of the live stream were cut"
        say "bench: $(tr '\n' ' ' <"$work/live.out")"
        keep live auxot "$round" percent "$(awk -v a="$with" -v b="$without" 'BEGIN { printf "%.3f", a - b }')"
        keep live auxot "$round" without_percent "$without"
        await_drained
    done
}

# What limits cost: a key without any against one with limits of its own and a team's, and budgets of both, in turns on
# the same process, for the same priced model. All of them hold, and none is ever reached.
test_governance()
{
    local round kind out plain=$key limits team governed
    limits='{"requests_per_minute":1000000000,"tokens_per_minute":1000000000000,"max_concurrent":1000000,"budget_microusd_per_month":900000000000000,"max_output_tokens":4096}'
    team=$(make /api/teams '{"name":"Bench","policy":'"$limits"'}')
    governed=$(http POST /api/keys '{"name":"governed","role":"admin","team":"'"$team"'","policy":'"$limits"'}' |
        sed -n 's/.*"key":"\(auxk_[0-9A-Za-z]*\)".*/\1/p')
    [ -n "$governed" ] || fail "no key with limits"
    for ((round = 1; round <= rounds; round++)); do
        for kind in $( ((round % 2)) && echo "auxot plain" || echo "plain auxot"); do
            say "bench: governance, $kind, $round of $rounds"
            key=$governed
            [ "$kind" = auxot ] || key=$plain
            out=$(load auxot closed --connections 64 --bytes 1000 --model gpt-5.4-nano --warm-ms 300 \
                --seconds "$(quick_or 1 3)")
            keep governance "$kind" "$round" path_us \
                "$(quotient "$(value cpu_path_ns "$out")" $(($(value answers "$out") * 1000)))"
            keep governance "$kind" "$round" per_s "$(value answers_per_s "$out")"
            keep_losses governance "$kind" "$round" "$out"
            key=$plain
            await_drained
            [ "$kind" = plain ] || key=$governed
            out=$(load auxot rate --connections 256 --rate 2000 --model gpt-5.4-nano --warm-ms 300 \
                --seconds "$(quick_or 1 3)")
            keep governance "$kind" "$round" p50_us "$(value latency_p50_us "$out")"
            key=$plain
            await_drained
        done
    done
}

# Mixed load for long; memory is looked at every 30 s.
test_soak()
{
    local end slice=0 out
    end=$((SECONDS + ${BENCH_SOAK_S:-1800}))
    freshen auxot
    while [ $SECONDS -lt $end ]; do
        slice=$((slice + 1))
        load auxot rate --connections 128 --rate 1000 --seconds 15 >/dev/null
        load auxot sse --model sse-50-20 --expect-stamps 50 --connections 200 --repeat 10 --warm-ms 200 >/dev/null
        load auxot closed --connections 16 --bytes 100000 --seconds 2 >/dev/null
        await_drained
        out=$("$work/load" usage --pid "${pid_of[auxot]}")
        keep soak auxot "$slice" rss_mib "$(quotient "$(value rss_kib "$out")" 1024)"
        say "bench: soak $((end - SECONDS)) s left, $(value rss_kib "$out") KiB"
    done
}

# ---- the table -----------------------------------------------------------------------------------

# test  figure  sentence  unit  target  fail-above  how: ratio (to nginx) | own:TEST (to auxot's own of another test) | to:SERVER | bare (to the build without the record) | most | least | note
write_rows()
{
    cat <<'END'
1k|path_us|CPU per 1 KB request, request path|us|1.0|1.25|ratio
1k|whole_us|CPU per 1 KB request, whole process|us|1.5|2.0|ratio
100k|path_us|CPU per 100 KB request, request path|us|1.3|1.7|ratio
100k|whole_us|CPU per 100 KB request, whole process|us|||note
100kt|path_us|the same, translated (messages to chat): / passed through|us|1.5|1.5|own:100k
rate|added_us|added p50 at 2,000 req/s|us|1.2|1.5|ratio
rate|path_us|CPU per request at 2,000 req/s, request path|us|1.05|1.3|ratio
sse20|path_us|CPU per chunk, 1,000 streams x 20 ms, request path|us|0.95|1.2|ratio
sse20t|path_us|the same, translated (chat to messages)|us|1.3|1.8|ratio
sse20|delay_us|event delay p50, from upstream's send|us|||note
sse20t|delay_us|the same, translated|us|||note
sse0|path_us|CPU per chunk in bursts, request path|us|1.5|2.5|ratio
sse0t|path_us|the same, translated|us|||note
idle1000|kib|memory per idle stream, 1,000 streams|KiB|6|12|most
idle5000|kib|memory per idle stream, 5,000 streams|KiB|6|12|most
idle5000|after_mib|memory after they have gone|MiB|||note
tls1000|kib|memory per idle stream over TLS, 1,000 streams|KiB|25|42|most
tls5000|kib|memory per idle stream over TLS, 5,000 streams|KiB|25|42|most
stall|growth_mb|20 stalled readers of 55 MB: growth|MB|5|10|most
stall|resumed_mb|the same while they catch up: growth|MB|||note
stall|whole|of these, resumed and complete||20|20|least
bodies|peak_mib|1,500 bodies of 150 KB at once: peak RSS|MiB|300|300|most
bodies|answered|of these, answered||1500|1500|least
start|rss_mib|idle RSS after start|MiB|16|24|most
start|first_ms|start to first answer|ms|300|1000|most
crash|first_ms|start to first answer after kill -9 under load|ms|300|1000|most
crash|left_kib|journal that the dead process left|KiB|||note
audit|per_s|audit rows, 20,000 req/s offered|/s|19900|19900|least
audit|lost|audit rows lost||0|0|most
audit|writer_percent|writer, share of a core at that rate|%|25|100|most
audit|drain_ms|journal drained behind the last answer|ms|||note
gone|p50_ms|client gone to upstream closed, p50|ms|10|100|most
gone|max_ms|client gone to upstream closed, max|ms|||note
delay|us|added delay p50 of an event, 20 streams x 20 ms|us|||note
delayt|us|the same, translated (chat to messages)|us|50|100|most
failover|p50_ms|failure of an attempt to start of the next, p50|ms|2|20|most
failover|p99_ms|the same, p99|ms|20|100|most
reverse|path_us|CPU per 1 KB request over a worker's connection / dialled|us|1.2|1.5|to:dialled
reverse-sse|path_us|CPU per chunk over workers' connections / dialled|us|1.2|1.5|to:dialled
fleet2000|lost|2,000 worker streams for 60 s: tokens lost||0|0|most
fleet2000|whole|of these, complete||2000|2000|least
fleet2000|core_percent|the same: share of a core|%|||note
fleet2000|delay_ms|the same: token delay p99, from upstream's send|ms|||note
fleet4000|lost|4,000 worker streams for 60 s: tokens lost||0|0|most
fleet4000|whole|of these, complete||4000|4000|least
fleet4000|core_percent|the same: share of a core|%|||note
fleet4000|delay_ms|the same: token delay p99, from upstream's send|ms|||note
parked|kib|memory per parked connection of a worker|KiB|8|16|most
lost|ms|worker killed to off the pool, p50 of 20|ms|20|100|most
tax|path_us|CPU per 1 KB request with the record / without|us|||bare
tax|per_s|requests a second with the record / without|/s|||bare
tax|p50_us|p50 at 2,000 req/s with the record / without|us|||bare
live|percent|200 live clients at 500 jobs/s: share of a core|%|2|5|most
live|without_percent|the same 500 jobs/s without them|%|||note
governance|path_us|CPU per 1 KB request with limits and budgets / without|us|1.1|1.2|to:plain
governance|per_s|requests a second with limits and budgets / without|/s|||to:plain
governance|p50_us|p50 at 2,000 req/s with limits and budgets / without|us|||to:plain
loops1|path_us|CPU per 1 KB request, one loop on two cores|us|||note
loops2|path_us|CPU per 1 KB request, two loops on two cores|us|||note
loops|speedup|two loops' capacity over one's, by CPU per request|x|1.8|1.8|least
soak|rss_mib|RSS through the soak|MiB|||note
END
}

write_table()
{
    write_rows | awk -F'|' -v figures="$work/figures" '
    function median(list, n,    i, j, t, a) {
        for (i = 1; i <= n; i++) a[i] = list[i] + 0
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
        low = a[1]; high = a[n]
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    function number(x) { return x == "" ? "" : sprintf((x >= 1000 ? "%.0f" : x >= 100 ? "%.1f" : "%.2f"), x) }
    function of(server,    n, r, list) {
        n = 0
        for (r = 1; r <= 99; r++) if ((key = $1 " " server " " r " " $2) in seen) list[++n] = seen[key]
        count = n
        return n ? median(list, n) : ""
    }
    function ratio_of(    n, r, list, a, b, other) {
        n = 0
        other = $7 == "bare" ? $1 " bare " : $7 ~ /^to:/ ? $1 " " substr($7, 4) " " : $7 ~ /^own:/ ? substr($7, 5) " auxot " : $1 " nginx "
        for (r = 1; r <= 99; r++) {
            a = $1 " auxot " r " " $2; b = other r " " $2
            if (a in seen && b in seen && seen[b] > 0) list[++n] = seen[a] / seen[b]
        }
        return n ? median(list, n) : ""
    }
    BEGIN {
        while ((getline line < figures) > 0) { split(line, f, " "); seen[f[1] " " f[2] " " f[3] " " f[4]] = f[5] }
        printf "| %-50s | %4s | %8s | %8s | %8s | %-19s | %-6s | %-7s | %-10s | %-6s |\n", "figure", "unit", "nginx", "HAProxy", "auxot", "ratio (to nginx)", "spread", "target", "fail above", ""
        print "|---|---|---|---|---|---|---|---|---|---|"
    }
    {
        auxot = of("auxot")
        if (auxot == "") next
        spread = count > 1 && auxot > 0 ? sprintf("%.0f %%", (high - low) / auxot * 100) : ""
        nginx = of("nginx"); haproxy = of("haproxy")
        ratio = ratio_of(); shown = ""
        if (ratio != "") shown = count > 0 && low != high ? sprintf("%.2f (%.2f..%.2f)", ratio, low, high) : sprintf("%.2f", ratio)
        is_ratio = $7 == "ratio" || $7 ~ /^(own|to):/
        x = is_ratio ? ratio : auxot
        verdict = $7 == "note" || $7 == "bare" || x == "" || $5 == "" ? "" : $7 == "least" ? (x >= $5 ? "ok" : "FAIL") : (x <= $5 ? "ok" : x <= $6 ? "missed" : "FAIL")
        mark = is_ratio ? "x" : ""
        printf "| %-50s | %4s | %8s | %8s | %8s | %-19s | %-6s | %-7s | %-10s | %-6s |\n", $3, $4, number(nginx), number(haproxy), number(auxot), shown, spread, $5 == "" ? "" : ($7 == "least" ? ">= " : "<= ") $5 mark, $6 == "" || $7 == "least" ? "" : $6 mark, verdict
    }'
}

machine()
{
    local model
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    printf '%s, %s cores, %s MiB, Linux %s' "$model" "$(nproc)" \
        "$(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo)" "$(uname -r)"
}

# Four processes on two cores tell of a machine that others use too.
busy_note()
{
    awk -v load="${load_before%% *}" 'BEGIN {
        if (load > 1) printf ". **Provisional**: others were busy on this machine before the run began"
    }'
}

write_report()
{
    cat <<END
# Results

Written by \`./dev bench --save\`; a new run replaces it.

- $(date -u '+%Y-%m-%d %H:%M') UTC, commit $(git rev-parse --short HEAD 2>/dev/null || echo unknown)$(git diff --quiet HEAD -- src 2>/dev/null || echo ' with changes'), command \`bench/run.sh $command_line\`
- $(machine)
- $(nginx -v 2>&1 | sed 's/^nginx version: //'), $(haproxy -v | sed -n '1s/ - .*//p'); load average $load_before before, $(cut -d' ' -f1-3 /proc/loadavg) after
- $rounds rounds$(busy_note)

$(write_table)

Where the time of the missed rows goes: [NOTES.md](NOTES.md).

## How it was measured

The server under test runs on core 0, load and upstream on core 1 (\`taskset\`). In each round the servers take turns, A B C in
odd rounds and C B A in even ones; figures are medians over the rounds, a ratio is the median of the ratios within a round
(smallest..largest), the spread is (largest - smallest) / median of auxot's own figure. nginx: one worker, \`proxy_pass\`, keep-alive upstream, buffering
off, 1 MB body buffer, no access log. HAProxy: one thread, \`http-reuse always\`. auxot: one loop thread with all its work: key check, limits, routing, JSON,
usage, journal and SQLite row. CPU is the run time that the scheduler booked (\`/proc/PID/task/*/schedstat\`) divided by requests or chunks: *request
path* is the threads loop-N (the journal included), *whole process* adds the writer and all others, until the writer has drained. Latency
counts from the moment when a request was due; *added* is against the upstream asked directly in the same round. Chunks carry the time of
sending. Memory is PSS of a fresh process that has answered before, against the same with the streams open; kernel socket buffers are in none of them.

On a shared machine ratios of CPU are good to about 10 % (1 KB), 15 % (SSE), 25 % (100 KB: nginx itself has two modes there); look at the
spread before believing a difference, and ignore p99.
END
}

# ---- main ----------------------------------------------------------------------------------------

command_line=$*
read_arguments "$@"
load_before=$(cut -d' ' -f1-3 /proc/loadavg)
for tool in nginx haproxy openssl taskset cc; do
    command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin command -v "$tool" >/dev/null || fail "needs $tool"
done
PATH=$PATH:/usr/sbin
[ "$(nproc)" -ge 2 ] || fail "needs two cores"
work=$(mktemp -d /tmp/bench-XXXXXX)
trap clean_up EXIT
trap 'exit 130' INT TERM
: >"$work/figures"
compile
start_all
run_rounds
for test in $other_tests soak; do
    ! wants "$test" || "test_$test"
done
write_report >"$work/report.md"
cat "$work/report.md"
[ -z "${BENCH_FIGURES:-}" ] || cp "$work/figures" "$BENCH_FIGURES"
! $is_saved || cp "$work/report.md" bench/RESULTS.md
