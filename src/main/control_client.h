/* main/control_client.h: one HTTP call to the running server's control socket, blocking.
 * Thread: main's.
 */
#pragma once
#include "base/buf.h"

/**
 * Sends `method path` with a JSON body (may be empty) and reads the whole answer.
 * Errors: ERR_NOT_FOUND when no server listens there; ERR_IO, ERR_TIMEOUT, ERR_MALFORMED.
 */
MUST_USE enum err control_call(const char *socket_path, const char *method, const char *path,
                               struct str body, int *out_status, struct buf *out_body,
                               struct error *error);
