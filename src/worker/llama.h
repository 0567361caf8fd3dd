/* worker/llama.h: one llama-server: started and watched here, or found running at a URL. CLIENTS.md 9.
 *
 * A started one listens on 127.0.0.1, on a port of our choice, with a key that only we know (other users of the machine
 * shall not get past the gateway). It is ready when /health says so and its models were read; from then on it is asked
 * every few seconds. One that dies, or does not answer any more, is started again, after a pause that grows.
 *
 * Thread:  the loop's.
 */
#pragma once
#include "http/client.h"
#include "worker/llama_props.h"

#define LLAMA_MORE_MAX 256

struct llama;

struct llama_options {
    struct loop *loop;
    struct client_pool *pool;
    struct json_reader *reader;
    /* started here: */
    const char *program;    /* NULL: attached */
    const char *model_path; /* a GGUF file; a directory of them: router mode */
    int parallel;           /* slots to ask for; 0: as llama-server likes */
    /* options for it, at most LLAMA_MORE_MAX, NULL ends them; NULL: none */
    const char *const *more;
    /* attached: */
    const struct target *at; /* copied */
    struct str key;          /* copied; empty: none */
    /** Ready, or no more, or with other models. Never from inside the functions below. */
    void (*on_changed)(void *owner);
    /** It ended again and again before it was ever ready: it will not be tried any more. */
    void (*on_hopeless)(void *owner, const char *why);
    void *owner;
};

MUST_USE enum err llama_new(const struct llama_options *options, struct llama **out_llama,
                            struct error *error);
void llama_free(struct llama *llama); /* kills it; NULL is fine */
/** Asks it to end, and kills it after three seconds. It is not started again. */
void llama_stop(struct llama *llama);
/** A job could not reach it: time to ask how it is. */
void llama_look(struct llama *llama);
bool llama_is_running(const struct llama *llama); /* a process is there */

bool llama_is_ready(const struct llama *llama);
bool llama_is_attached(const struct llama *llama);
bool llama_is_router(const struct llama *llama);
const struct target *llama_target(const struct llama *llama);
struct str llama_key(const struct llama *llama);
/** Jobs that it takes at once: of its models the fewest; 0: it does not say. */
int llama_slots(const struct llama *llama);
const struct llama_model *llama_models(const struct llama *llama, int *out_count);
/** For the log: the model's file, or the address. */
const char *llama_name(const struct llama *llama);

/** "dir/Qwen3-8B-Q4_K_M-00001-of-00003.gguf" -> "Qwen3-8B-Q4_K_M". */
void llama_alias(const char *model_path, char *room, size_t room_bytes);
