/* wire/worker.h: what workers and the server tell each other beside the jobs themselves. DESIGN.md 3.2.
 *
 * Bodies of register, heartbeat and deregister, and the text messages of control and reverse connections, all
 * JSON. A worker is trusted no more than any upstream: types are checked, every text and list is bounded,
 * numbers are clamped to what makes sense; members that nobody knows are left alone.
 *
 * Layer:   wire: pure.
 */
#pragma once
#include "base/buf.h"
#include "json/json.h"

#define WORKER_CONTROL_PROTOCOL "auxot.control.v1"
#define WORKER_REVERSE_PROTOCOL "auxot.reverse.v1"

#define WORKER_BODY_MAX   (64u * 1024) /* of a register body, and of a control message */
#define WORKER_SIGNAL_MAX 256u         /* of a text message on a reverse connection */
#define WORKER_MODELS_MAX 64u          /* more are left out */
#define WORKER_SLOTS_MAX  1024
#define WORKER_ID_MAX     32 /* room for one of our ids */

/** A model that a worker can answer with. What it does not say counts as there. */
struct worker_model {
    char id[200];
    int64_t context_tokens; /* -1: not told */
    bool lacks_tools, lacks_images, lacks_schema, lacks_reasoning;
};

bool worker_models_have(const struct worker_model *models, size_t count, struct str id);

/** POST register. */
struct worker_hello {
    char instance[72]; /* of the process: visible ASCII, 8 to 64 bytes */
    char kind[8];      /* "gpu", "cli" */
    char name[128], version[32], tool[32];
    int64_t slots;               /* clamped to 1..WORKER_SLOTS_MAX */
    int64_t vram_mb;             /* -1: not told */
    int64_t over_quota_until_ms; /* wall clock; 0: it is not */
    struct worker_model models[WORKER_MODELS_MAX];
    size_t model_count; /* at least one */
};
/** ERR_MALFORMED with a sentence that names the field. */
MUST_USE enum err worker_hello_read(struct json_reader *reader, struct str body,
                                    struct worker_hello *out_hello, struct error *error);

/** POST heartbeat and deregister, and each message of a control connection. */
enum worker_message_type { WORKER_HEARTBEAT, WORKER_NOTICE, WORKER_GOODBYE };
struct worker_message {
    enum worker_message_type type;
    char worker_id[WORKER_ID_MAX]; /* "" on a control connection, which knows whose it is */
    int64_t epoch;                 /* 0: not told */
    int64_t busy;                  /* as the worker sees it; -1: not told */
    int64_t slots;                 /* clamped; 0: as before */
    int64_t over_quota_until_ms;   /* wall clock; 0: it is not; -1: not told */
    bool has_models;
    struct worker_model models[WORKER_MODELS_MAX];
    size_t model_count;
    char text[160]; /* of a notice: one line, safe to log */
};
/** `type` in the message decides; without one it is `otherwise`. ERR_MALFORMED with a sentence. */
MUST_USE enum err worker_message_read(struct json_reader *reader, struct str text,
                                      enum worker_message_type otherwise,
                                      struct worker_message *out_message, struct error *error);

/** {"type":"ready","epoch":N}, the one signal of a reverse connection. */
MUST_USE enum err worker_ready_read(struct json_reader *reader, struct str text, int64_t *out_epoch,
                                    struct error *error);

/* ---- what the server says --------------------------------------------------------------------- */

struct worker_terms {
    const char *worker_id;
    int64_t epoch, heartbeat_ms, dead_after_ms, grace_ms;
};
/** The answer to register. */
void worker_terms_write(struct buf *out, const struct worker_terms *terms);
void worker_say_hello(struct buf *out, int64_t heartbeat_ms);
void worker_say_bye(struct buf *out, const char *reason); /* reason: a sentence */
#define WORKER_SAYS_HEARD STR("{\"type\":\"heard\"}")
#define WORKER_SAYS_STALE STR("{\"type\":\"stale\"}")
