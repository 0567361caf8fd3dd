/* worker/llama_parts.h: a llama-server from inside, for llama.c and llama_read.c. */
#pragma once
#include "worker/ask.h"
#include "worker/backoff.h"
#include "worker/llama.h"
#include "worker/process.h"

#define LLAMA_KEY_MAX 129 /* with its NUL */

enum llama_state {
    LLAMA_STARTING, /* the process is there, or somebody's should be; it does not answer yet */
    LLAMA_READY,
    LLAMA_ENDED, /* started again when `watch` is due */
    LLAMA_STOPPED
};

struct llama {
    struct llama_options options;
    enum llama_state state;
    char name[LLAMA_MODEL_ID_MAX];
    char key[LLAMA_KEY_MAX];
    struct target target;
    struct process *process; /* NULL: attached, or ended */
    struct ask *ask;         /* one question at a time */
    struct deadline watch;   /* the next question; the next start */
    struct deadline stop;    /* when patience with a stopping one ends */
    struct backoff backoff;
    int64_t started_ns, read_ns, said_ns, poll_ms;
    int silences;
    bool has_been_ready, is_router, has_changed;
    bool has_served; /* the process of now has been ready: what it says may quote prompts */
    struct llama_model models[LLAMA_MODELS_MAX];
    int model_count;
    /* while its models are read: */
    struct llama_model fresh[LLAMA_MODELS_MAX];
    int fresh_count, fresh_at;
    bool fresh_is_router;
};

/** Starts the process, on a port of its own. Errors as process_start. */
MUST_USE enum err llama_spawn(struct llama *llama, void (*on_exit)(void *owner, int status),
                              struct error *error);
/** Why it ended, as far as it may be told: while it only loaded, of what it said the last line about an error, else the last
 *  line. What it says while it serves may quote prompts. */
void llama_last_words(const struct llama *llama, char *room, size_t room_bytes);
/** A GET with its key. */
struct ask *llama_ask(struct llama *llama, const char *path, int64_t timeout_ms,
                      void (*on_done)(void *, const struct answered *));
/** Reads what models it has; llama_was_read follows. */
void llama_read(struct llama *llama);
/** `trouble` NULL: `models` are those of now, and `has_changed` says whether they are other than before. */
void llama_was_read(struct llama *llama, const char *trouble);
