/* domain/quirks.h: which quirks (wire/quirks.h) a model or a service has: known beforehand, and learned.
 *
 *     known    a table by kind of provider, address and model's name: part of the snapshot
 *     learned  from refusals: what a verdict teaches, and the bounded memory of one provider
 *
 * Layer:   domain: pure.  Thread: the tables any; a memory is its owner's, who locks.
 * Source:  PROVIDER_ERRORS.md 2 to 4; each row names its own.
 */
#pragma once
#include "domain/provider.h"
#include "domain/verdict.h"
#include "wire/quirks.h"

/** Of a model at a provider of this kind and (normalised) base URL: enum quirk. */
unsigned quirks_known(enum provider_kind kind, const char *base_url, struct str model);
/** Is this address OpenAI's own service, there or at Azure? */
bool base_url_is_openais_own(const char *base_url);

/** Both kinds together; what was learned outweighs what was known. */
unsigned quirks_join(unsigned known, unsigned learned);

/**
 * What a refusal teaches of the model that was asked at endpoint `asked`; 0: nothing. `body` is the error as
 * it came.
 */
unsigned quirk_of_refusal(const struct verdict_report *report, enum endpoint asked,
                          struct str body);

/** Calls `on_name` for each quirk's stable name, "no_temperature". */
void quirks_each(unsigned quirks, void (*on_name)(void *arg, const char *name), void *arg);

/* ---- what was learned --------------------------------------------------------------------------- */

#define QUIRK_MODELS_MAX 64u
/* The service refuses these, whatever the model. */
#define QUIRKS_OF_SERVICE ((unsigned)(QUIRK_NO_RESPONSES | QUIRK_NO_STREAM_OPTIONS))

/** Of one provider. A zeroed one knows nothing. Names are kept as hashes: a list of an admin's making, not an
 *  attacker's, and a collision costs a request one field. */
struct quirk_memory {
    unsigned of_service, of_models; /* of_models: of any of them */
    size_t count, oldest;
    struct quirk_of_model {
        uint64_t model;
        unsigned quirks;
    } models[QUIRK_MODELS_MAX]; /* a ring: the oldest gives way */
};
void quirk_memory_learn(struct quirk_memory *memory, struct str model, unsigned quirks);
/** Does it hold something that routing asks for? */
static inline bool quirk_memory_matters(const struct quirk_memory *memory)
{
    return (memory->of_service & QUIRK_NO_RESPONSES) ||
           (memory->of_models & (QUIRK_NO_CHAT | QUIRK_TOOLS_BY_RESPONSES));
}
/** NULL knows nothing. */
unsigned quirk_memory_find(const struct quirk_memory *memory, struct str model);
