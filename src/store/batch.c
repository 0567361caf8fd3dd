/* store/batch.c: many changes of the configuration as one: a single transaction, a single version, an event for each. */
#include "store/event_chain.h"
#include "store/store_parts.h"

struct batch_of_writes {
    const struct vault *vault;
    const struct config_write *writes;
    size_t count;
};

/* Deletions of accounts say when. */
static enum err account_delete_at(sqlite3 *db, const struct config_write *write,
                                  struct error *error)
{
    struct account_end end = {write->arg, write->event.at_ms};
    return account_delete(db, &end, error);
}

static enum err write_one(sqlite3 *db, const struct config_write *write, struct error *error)
{
    static store_write *const runs[CONFIG_WRITE_COUNT] = {
        [CONFIG_WRITE_PROVIDER_INSERT] = provider_insert,
        [CONFIG_WRITE_PROVIDER_UPDATE] = provider_update,
        [CONFIG_WRITE_PROVIDER_DELETE] = provider_delete,
        [CONFIG_WRITE_ROUTE_INSERT] = route_insert,
        [CONFIG_WRITE_ROUTE_UPDATE] = route_update,
        [CONFIG_WRITE_ROUTE_DELETE] = route_delete,
        [CONFIG_WRITE_TEAM_INSERT] = team_insert,
        [CONFIG_WRITE_TEAM_UPDATE] = team_update,
        [CONFIG_WRITE_TEAM_DELETE] = team_delete,
        [CONFIG_WRITE_ACCOUNT_INSERT] = account_insert,
        [CONFIG_WRITE_PRICE_PUT] = price_put,
        [CONFIG_WRITE_PRICE_DELETE] = price_delete,
        [CONFIG_WRITE_AUTO_SET] = auto_set,
    };
    if (write->kind == CONFIG_WRITE_ACCOUNT_DELETE)
        return account_delete_at(db, write, error);
    return runs[write->kind](db, (void *)(uintptr_t)write->arg, error);
}

static enum err write_each(sqlite3 *db, void *arg, struct error *error)
{
    const struct batch_of_writes *batch = arg;
    enum err err = OK;
    for (size_t i = 0; err == OK && i < batch->count; i++) {
        err = write_one(db, &batch->writes[i], error);
        if (err == OK)
            err = event_chain_add(db, batch->vault, &batch->writes[i].event, error);
    }
    return err;
}

enum err store_write_all(struct store *store, const struct config_write *writes, size_t count,
                         struct error *error)
{
    struct batch_of_writes batch = {store->vault, writes, count};
    return config_submit(store, write_each, &batch, NULL, error);
}
