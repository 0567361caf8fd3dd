/* simulate/script.h: rules that say which request gets which answer.
 *
 *     {"models": ["gpt-sim"],
 *      "rules": [{"name": "third fails", "when": {"model": "gpt-*", "nth": 3},
 *                 "then": {"status": 500}}]}
 *
 * The first rule that matches wins. Each rule counts the requests that its other conditions let
 * through; nth, from and to are about that count.
 *
 * Layer:   pure.  Thread: the loop's.  Memory: a script owns everything in it; a play that was
 *          copied out borrows from it until the next script_load or script_prepend.
 */
#pragma once
#include "simulate/play.h"

#define SCRIPT_RULES_MAX   256
#define SCRIPT_HEADERS_MAX 8
#define SCRIPT_MODELS_MAX  1024
#define SCRIPT_BYTES_MAX   (48u * 1024 * 1024)

/** What a rule may ask about a request. */
struct sight {
    struct str path, model;
    struct str body;
    bool stream;
    bool is_models; /* the list of models, or one of them */
    /** The value of a header, and whether it is there. */
    bool (*find_header)(void *arg, struct str name, struct str *out_value);
    void *arg;
};

struct script;
MUST_USE enum err script_new(uint64_t seed, struct script **out_script);
void script_free(struct script *script);
/** Replaces everything. On failure the old rules stay, and the sentence says which rule is wrong. */
MUST_USE enum err script_load(struct script *script, struct str json, struct error *error);
/** Puts the rules of `json` (a script, a list of rules or one rule) before the others. */
MUST_USE enum err script_prepend(struct script *script, struct str json, struct error *error);

/** The play of the first rule that matches, and its name; NULL when none does. Counts. */
const struct play *script_match(struct script *script, const struct sight *sight,
                                struct str *out_name);
/** The models to list, and how many; none given: 0. */
const struct str *script_models(const struct script *script, size_t *out_count);
