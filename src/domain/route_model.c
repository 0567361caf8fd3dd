/* domain/route_model.c: who serves which model, and how each spells it. SPEC 4.1 items 2, 3 and 5.
 *
 * A provider serves what is kept of it; one of workers also, and first, what its live workers have loaded. On the gpu
 * tier a name also matches the same model under another quantization.
 */
#include "domain/quantization.h"
#include "domain/route_parts.h"

size_t route_index_of(const struct routing *routing, struct str id)
{
    for (size_t i = 0; i < routing->provider_count; i++)
        if (str_eq(str_of(routing->providers[i]->id), id))
            return i;
    return NOBODY;
}

static const struct provider *provider_at(const struct planning *planning, size_t index)
{
    return planning->routing->providers[index];
}

/* Under another quantization's name. */
static const struct model *find_same_weights(const struct model *models, size_t count,
                                             struct str model)
{
    for (size_t i = 0; i < count; i++)
        if (model_is_same_weights(str_of(models[i].id), model))
            return &models[i];
    return NULL;
}

/* What a worker brought and nobody has looked at yet counts as surfaced: SPEC 5. */
static bool is_surfaced(const struct provider *provider, const struct model *model)
{
    const struct model *kept = provider_model(provider, str_of(model->id));
    return !kept || kept->is_surfaced;
}

const struct model *route_model(const struct planning *planning, size_t index, struct str model,
                                bool *out_is_surfaced)
{
    const struct provider *provider = provider_at(planning, index);
    const struct provider_view *view = &planning->views[index];
    bool is_gpu = provider->kind == PROVIDER_GPU && model.len > 0;
    const struct model *found = models_find(view->loaded, view->loaded_count, model);
    if (!found && is_gpu)
        found = find_same_weights(view->loaded, view->loaded_count, model);
    if (!found)
        found = provider_model(provider, model);
    if (!found && is_gpu)
        found = find_same_weights(provider->models, provider->model_count, model);
    if (found && out_is_surfaced)
        *out_is_surfaced =
            view->loaded_count == 0 ? found->is_surfaced : is_surfaced(provider, found);
    return found;
}

bool route_serves(const struct planning *planning, size_t index, struct str model)
{
    return route_model(planning, index, model, NULL) != NULL;
}

bool route_offers(const struct planning *planning, size_t index)
{
    bool is_shown = false;
    return route_model(planning, index, planning->model, &is_shown) &&
           (is_shown || planning->request->is_admin);
}

struct str route_own_spelling(const struct planning *planning, size_t index, struct str model)
{
    const struct model *found = route_model(planning, index, model, NULL);
    return found ? str_of(found->id) : model;
}

static bool is_allowed(const struct planning *planning, size_t index, struct str model)
{
    const struct access *access = planning->request->access;
    return !access || access_decide(access, provider_at(planning, index), model) == ACCESS_ALLOWED;
}

/* The first that is surfaced and allowed; empty when none is. */
static struct str first_of(const struct planning *planning, size_t index,
                           const struct model *models, size_t count)
{
    const struct provider *provider = provider_at(planning, index);
    for (size_t i = 0; i < count; i++)
        if (is_surfaced(provider, &models[i]) && is_allowed(planning, index, str_of(models[i].id)))
            return str_of(models[i].id);
    return STR("");
}

struct str route_default_model(const struct planning *planning, size_t index)
{
    const struct provider *provider = provider_at(planning, index);
    const struct provider_view *view = &planning->views[index];
    struct str wanted = str_of(provider->default_model), other;
    bool has_loaded = view->loaded_count > 0;
    if (has_loaded && wanted.len > 0)
        wanted = route_own_spelling(planning, index, wanted);
    bool is_there = !has_loaded || models_find(view->loaded, view->loaded_count, wanted);
    if (is_there && (wanted.len == 0 || is_allowed(planning, index, wanted)))
        return wanted;
    other = has_loaded ? first_of(planning, index, view->loaded, view->loaded_count)
                       : first_of(planning, index, provider->models, provider->model_count);
    return other.len > 0 ? other : wanted;
}
