/* main/config_desk.h: whom `auxot config` asks: a server elsewhere, the one that runs on the data directory, or nobody, and then the store
 * itself. The answers are the same.
 *
 * Thread:  main's.
 */
#pragma once
#include "admin/config_offline.h"
#include "main/data_access.h"
#include "main/remote.h"

struct desk {
    struct data_access access;
    struct remote remote; /* url NULL: this machine */
    struct price_table *prices;
    struct json_reader *reader; /* of the last answer */
};

MUST_USE enum err desk_open(struct desk *desk, struct error *error);
void desk_close(struct desk *desk); /* also after a failed open */
/** Status and body of the answer, whatever they say. */
MUST_USE enum err desk_ask(struct desk *desk, enum config_verb verb, struct str body,
                           int *out_status, struct buf *out_answer, struct error *error);
/** The table of prices that the program brings along; NULL without memory. Yours: price_table_free. */
struct price_table *shipped_prices(void);
