/* main/server_parts.h: what server.c and server_reload.c share. Nobody else includes it. */
#pragma once
#include "admin/front.h"
#include "http/forwarded.h"
#include "http/origin.h"
#include "main/handover.h"
#include "main/server.h"
#include "net/watchdog.h"

#include <pthread.h>
#include <semaphore.h>

#define LOOPS_MAX 64

struct server_loop {
    struct loop *loop;
    struct gateway_loop *gateway_loop;
    struct http_listener *listener, *control; /* control: the first loop only */
    struct front front;
    pthread_t thread;
    char name[16];
    bool is_running;
    struct loop_message drain_message, tls_message; /* at most one of each is under way */
    bool is_drain_posted;
    struct server *server;
};

struct server {
    struct settings settings;
    struct own_address own;
    struct trusted_proxies proxies;
    struct vault *vault;
    struct store *store;
    struct price_table *prices;
    struct gateway *gateway;
    struct otlp *otlp; /* NULL: off */
    struct admin *admin;
    SSL_CTX *tls;
    sem_t has_tls; /* posted by each loop whose listener has taken `tls` */
    struct watchdog *watchdog;
    struct handover *handover; /* whom it takes over from; NULL: nobody */
    int64_t left_ms;
    bool are_workers_gone;
    struct server_loop loops[LOOPS_MAX];
    int loop_count;
};

/* server_reload.c */
struct gateway_tuning server_tuning(const struct settings *settings);
