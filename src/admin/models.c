/* admin/models.c: /api/models: what there is to choose from, for pickers. Admins see the unsurfaced too with
 * `?all=1`; others not those of providers that are other teams'.
 */
#include "admin/endpoints.h"
#include "admin/provider_models.h"
#include "admin/provider_teams.h"
#include "admin/state.h"

static void model_write(struct json_writer *writer, const struct provider *provider,
                        const struct model *model)
{
    json_open_object(writer);
    json_put_text(writer, "id", model->id);
    json_open_object_named(writer, "provider");
    json_put_text(writer, "id", provider->id);
    json_put_text(writer, "name", provider->name);
    json_put_text(writer, "slug", provider->slug);
    json_close_object(writer);
    json_put_bool(writer, "surfaced", model->is_surfaced);
    json_put_bool(writer, "default",
                  provider->default_model && strcmp(provider->default_model, model->id) == 0);
    model_figures_write(writer, model->context_tokens, model->created_at_ms);
    json_close_object(writer);
}

void models_list(struct api_call *call)
{
    char all[8] = "";
    if (!api_query(call, "all", all, sizeof all) && api_has_failed(call))
        return;
    bool has_all = strcmp(all, "1") == 0 && call->role >= ROLE_ADMIN;
    struct snapshot *snapshot = gateway_snapshot(call->admin->options.gateway);
    struct json_writer *writer = api_answer(call, 200);
    json_open_array(writer, "items");
    for (size_t i = 0; i < snapshot->routing.provider_count; i++) {
        const struct provider *provider = snapshot->routing.providers[i];
        if (!provider_is_seen(call, snapshot, provider))
            continue;
        for (size_t m = 0; m < provider->model_count; m++)
            if (has_all || provider->models[m].is_surfaced)
                model_write(writer, provider, &provider->models[m]);
    }
    api_done_list(call, NULL);
    snapshot_unref(snapshot);
}
