/* main/remote.h: one call to the management API of a server elsewhere, with TLS, blocking. The key comes from AUXOT_API_KEY and is never a
 * word of the command line.
 *
 * Thread:  main's.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct remote {
    const char *url;     /* "https://ai.example.com" */
    const char *ca_file; /* NULL or "": the system's */
    const char *resolver;
};
/** GET without a body, else POST. An answer of any status is one: `*out_status`, and its body. Errors: ERR_MALFORMED the URL;
 *  ERR_DENIED no key in the environment; ERR_UNAVAILABLE with a sentence. */
MUST_USE enum err remote_call(const struct remote *remote, const char *path, struct str body,
                              int *out_status, struct buf *out_answer, struct error *error);
