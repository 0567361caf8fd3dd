/* main/server.h: the running server: everything that serve.c wires together, in the order of its life.
 *
 *     server_open -> server_run -> server_drain -> server_close
 *
 * Thread:  main's.
 */
#pragma once
#include "domain/apikey.h"
#include "main/settings.h"
#include <stdbool.h>

struct server;

/** `handover`: of whom it takes sockets and store over; NULL: nobody. It outlives server_open. */
struct handover;
MUST_USE enum err server_open(const struct settings *settings, struct handover *handover,
                              struct server **out_server, struct error *error);
/** Starts the threads. From here on it answers; the address is in `out_url`. */
MUST_USE enum err server_run(struct server *server, char *out_url, size_t room_bytes,
                             struct error *error);
/** What the first user must bring. ERR_CONFLICT: there was one. Wipe it after use. */
MUST_USE enum err server_setup_token(const struct server *server, char out_token[APIKEY_LEN + 1],
                                     struct error *error);
/** Puts changed settings in force, and reads certificate and key again. What has changed and what waits for the next start is
 *  added to the two, as settings_adopt says. On an error everything stays as it was. */
MUST_USE enum err server_reload(struct server *server, const struct settings *fresh,
                                struct buf *out_live, struct buf *out_waiting, struct error *error);
/** The settings in force. */
const struct settings *server_settings(const struct server *server);
/** The next server has said what it wants (handover.h). */
bool server_give_sockets(const struct server *server, int conn);
void server_release_store(struct server *server);
MUST_USE enum err server_take_back(struct server *server, struct error *error);
/** It answers now: ends what is left, until server_has_left. */
void server_leave(struct server *server);
bool server_has_left(struct server *server);
/** Stops accepting; running requests go on. */
void server_drain(struct server *server);
bool server_is_idle(const struct server *server);
/** Cuts what still runs. */
void server_cut(struct server *server);
/** Ends the threads and frees. Waits for nothing but its own threads. NULL is fine. */
void server_close(struct server *server);
