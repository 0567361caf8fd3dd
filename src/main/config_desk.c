/* main/config_desk.c: see config_desk.h. */
#include "main/config_desk.h"

#include "domain/price.h"
#include "main/control_client.h"

#define BODY_BYTES_MAX ((size_t)8 * 1024 * 1024) /* and of an answer */

struct price_table *shipped_prices(void)
{
    struct price_table *table = NULL;
    struct error error = {0};
    if (price_table_new((struct str){prices_csv, prices_csv_len}, &table, &error) != OK)
        return NULL;
    return table;
}

enum err desk_open(struct desk *desk, struct error *error)
{
    if (json_reader_new(BODY_BYTES_MAX, &desk->reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory");
    if (desk->remote.url)
        return OK;
    enum err err = data_access_open(&desk->access, error);
    if (err != OK || desk->access.has_server)
        return err;
    desk->prices = shipped_prices();
    return desk->prices ? OK : error_set(error, ERR_NO_MEMORY, "no memory for the prices");
}

void desk_close(struct desk *desk)
{
    if (!desk->remote.url)
        data_access_close(&desk->access);
    if (desk->prices)
        price_table_free(desk->prices);
    json_reader_free(desk->reader);
}

static enum err ask_store(struct desk *desk, enum config_verb verb, struct str body,
                          int *out_status, struct buf *out_answer, struct error *error)
{
    struct json root = {0};
    struct config_desk of = {.store = desk->access.store,
                             .vault = desk->access.vault,
                             .prices = desk->prices,
                             .plan = PLAN_ENTERPRISE};
    (void)plan_parse(str_of(desk->access.settings.plan), &of.plan);
    enum err err = body.len ? json_parse(desk->reader, body, &root, error) : OK;
    if (err == OK)
        err = config_offline(&of, verb, root, out_status, out_answer, error);
    json_wipe(desk->reader); /* as the body: it may bring a key */
    return err;
}

enum err desk_ask(struct desk *desk, enum config_verb verb, struct str body, int *out_status,
                  struct buf *out_answer, struct error *error)
{
    static const char *const paths[] = {[CONFIG_VERB_EXPORT] = "/api/config",
                                        [CONFIG_VERB_DIFF] = "/api/config/diff",
                                        [CONFIG_VERB_APPLY] = "/api/config/apply"};
    if (desk->remote.url)
        return remote_call(&desk->remote, paths[verb], body, out_status, out_answer, error);
    if (desk->access.has_server)
        return control_call(desk->access.socket_path, body.len ? "POST" : "GET", paths[verb], body,
                            out_status, out_answer, error);
    return ask_store(desk, verb, body, out_status, out_answer, error);
}
