/* admin/worker_keys.c: /api/providers/{id}/worker-keys: what workers of a provider register with. A new key is
 * shown in the answer to its making, and never again. It belongs to its provider: it opens nothing else.
 */
#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/provider_models.h"
#include "admin/state.h"
#include "sys/clock.h"
#include "sys/random.h"
#include "sys/secret.h"
#include "sys/vault.h"

#define WORKER_KEYS_MAX 1000u /* of all providers together */

static void worker_key_write(struct json_writer *writer, const struct worker_key_row *row)
{
    json_put_text(writer, "id", row->id);
    json_put_text(writer, "name", row->name);
    json_put_text(writer, "provider", row->provider_id);
    json_put_text(writer, "hint", row->hint);
    json_put_int(writer, "created_at_ms", row->created_at_ms);
}

static void worker_key_make(const struct vault *vault, struct worker_key_row *row,
                            char out_key[APIKEY_LEN + 1])
{
    uint8_t random[32], id_random[10];
    random_fill(random, sizeof random);
    random_fill(id_random, sizeof id_random);
    apikey_make(APIKEY_PREFIX_WORKER, random, out_key);
    secret_wipe(random, sizeof random);
    row->created_at_ms = clock_wall_ms();
    id_make("wky_", row->created_at_ms, id_random, row->id);
    apikey_hint(str_of(out_key), row->hint);
    vault_key_digest(vault, str_of(out_key), row->digest);
}

static enum err key_insert(struct api_call *call, const struct worker_key_row *row,
                           struct error *error)
{
    AUTO_BUF struct buf after = {0};
    struct json_writer writer;
    buf_init(&after, 4096);
    json_writer_init(&writer, &after);
    json_open_object(&writer);
    worker_key_write(&writer, row);
    json_close_object(&writer);
    struct event_row event = event_make(call->actor, "worker_key.created", row->id);
    event.after_json = after.failed ? NULL : after.data;
    return store_worker_key_insert(call->admin->options.store, row, &event, error);
}

/* Its provider, if it is one that has workers. NULL: the call has failed, and the change is dropped. */
static const struct provider_row *provider_with_workers(struct api_call *call,
                                                        struct change *change)
{
    const struct provider_row *provider = config_provider(&change->config, call->args[0]);
    if (provider && provider->base_url[0] == '\0')
        return provider;
    if (provider)
        api_fail(call, PROBLEM_CONFLICT, NULL,
                 "\"%s\" has no workers: it is reached at its base_url.", provider->name);
    else
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no provider \"%s\".", call->args[0]);
    change_drop(change);
    return NULL;
}

void worker_keys_create(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    struct worker_key_row row = {.name = "worker"};
    char key[APIKEY_LEN + 1];
    enum err err = OK;
    if (!api_text(call, "name", row.name, sizeof row.name, NULL) ||
        !change_begin(&change, call->admin, call))
        return;
    const struct provider_row *provider = provider_with_workers(call, &change);
    if (!provider)
        return;
    str_copy(str_of(provider->id), row.provider_id, sizeof row.provider_id);
    worker_key_make(call->admin->options.vault, &row, key);
    if (change.config.worker_key_count >= WORKER_KEYS_MAX)
        err = error_set(&error, ERR_CONFLICT, "There may be at most %u worker keys.",
                        WORKER_KEYS_MAX);
    if (err == OK)
        err = key_insert(call, &row, &error);
    if (change_end(&change, err, &error)) {
        struct json_writer *writer = api_answer(call, 201);
        json_put_text(writer, "key", key);
        worker_key_write(writer, &row);
        api_done(call);
    }
    secret_wipe(key, sizeof key);
}

void worker_keys_list(struct api_call *call)
{
    struct error error = {0};
    struct store_config config = {0};
    if (store_config_load(call->admin->options.store, &config, &error) != OK) {
        api_fail_error(call, &error);
        return;
    }
    const struct provider_row *provider = config_provider(&config, call->args[0]);
    if (!provider) {
        api_fail(call, PROBLEM_NOT_FOUND, NULL, "There is no provider \"%s\".", call->args[0]);
        store_config_release(&config);
        return;
    }
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (size_t i = 0; i < config.worker_key_count; i++) {
        if (strcmp(config.worker_keys[i].provider_id, provider->id) != 0)
            continue;
        json_open_object(writer);
        worker_key_write(writer, &config.worker_keys[i]);
        json_close_object(writer);
    }
    api_done_list(call, NULL);
    store_config_release(&config);
}

void worker_keys_revoke(struct api_call *call)
{
    struct change change;
    struct error error = {0};
    if (!change_begin(&change, call->admin, call))
        return;
    const struct provider_row *provider = provider_with_workers(call, &change);
    if (!provider)
        return;
    struct event_row event = event_make(call->actor, "worker_key.revoked", call->args[1]);
    enum err err = store_worker_key_revoke(call->admin->options.store, call->args[1], provider->id,
                                           event.at_ms, &event, &error);
    if (!change_end(&change, err, &error))
        return;
    json_put_text(api_answer(call, 200), "id", call->args[1]);
    json_put_bool(&call->writer, "revoked", true);
    api_done(call);
}
