/* admin/config_offline.h: the handlers of /api/config for a command, where no server runs; and the check of a file that needs neither
 * server nor data directory.
 *
 * Thread:  main's.
 */
#pragma once
#include "base/buf.h"
#include "domain/plan.h"
#include "json/json.h"
#include "store/store.h"

struct vault;

enum config_verb { CONFIG_VERB_EXPORT, CONFIG_VERB_DIFF, CONFIG_VERB_APPLY };

struct config_desk {
    struct store *store; /* open, and nobody else's */
    const struct vault *vault;
    const struct price_table *prices;
    enum plan plan;
};
/** Answers as the API would: `*out_status` and the body. `body` is what the contract takes; checked here. ERR_NO_MEMORY. */
MUST_USE enum err config_offline(const struct config_desk *desk, enum config_verb verb,
                                 struct json body, int *out_status, struct buf *out_answer,
                                 struct error *error);

/** What is wrong with a file, and with which value of it. */
struct config_flaw {
    struct json where; /* absent: all of it */
    char what[ERROR_TEXT_MAX];
    const char *fix;
};
/** Would it do on an empty installation? All of it is looked at: names, types, limits, what points where. ERR_MALFORMED and the flaw;
 *  ERR_NO_MEMORY. */
MUST_USE enum err config_check(struct json file, const struct price_table *prices,
                               struct config_flaw *out_flaw);
/** Only names, types and limits: what points at something may mean what the server has. Likewise. */
MUST_USE enum err config_check_form(struct json file, struct config_flaw *out_flaw);
/** The value at a place like "providers[2].fallback_rules"; as deep as it leads. */
struct json config_place(struct json file, const char *place);
