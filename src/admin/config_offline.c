/* admin/config_offline.c: see config_offline.h. */
#include "admin/config_offline.h"

#include "admin/config_plan.h"
#include "admin/endpoints.h"
#include "base/mem.h"

/* An admin that has a store and nothing else. */
static struct admin *bare_admin(const struct config_desk *desk)
{
    struct admin *admin = mem_zalloc(1, sizeof *admin);
    if (!admin)
        return NULL;
    admin->options = (struct admin_options){
        .store = desk->store, .vault = desk->vault, .prices = desk->prices, .plan = desk->plan};
    pthread_mutex_init(&admin->config_lock, NULL);
    return admin;
}

static void bare_admin_free(struct admin *admin)
{
    if (admin)
        pthread_mutex_destroy(&admin->config_lock);
    mem_free(admin);
}

static const struct api_endpoint *endpoint_of(enum config_verb verb)
{
    static const struct {
        enum http_method method;
        struct str path;
    } of[] = {[CONFIG_VERB_EXPORT] = {METHOD_GET, STR_INIT("/api/config")},
              [CONFIG_VERB_DIFF] = {METHOD_POST, STR_INIT("/api/config/diff")},
              [CONFIG_VERB_APPLY] = {METHOD_POST, STR_INIT("/api/config/apply")}};
    char args[API_PATH_ARGS][64], allow[64];
    return api_endpoint_find(of[verb].method, of[verb].path, args, allow);
}

static void answer(struct api_call *call)
{
    struct schema_breach breach;
    if (call->endpoint->body && !schema_holds(call->endpoint->body, call->root, &breach))
        api_fail(call, PROBLEM_INVALID_FIELD, breach.field, "%s", breach.detail);
    else
        call->endpoint->handler(call);
}

enum err config_offline(const struct config_desk *desk, enum config_verb verb, struct json body,
                        int *out_status, struct buf *out_answer, struct error *error)
{
    struct admin *admin = bare_admin(desk);
    struct api_call *call = mem_zalloc(1, sizeof *call);
    enum err err = OK;
    if (admin && call) {
        call->admin = admin;
        call->endpoint = endpoint_of(verb);
        call->root = body;
        call->role = ROLE_OWNER;
        str_copy(STR("command"), call->actor, sizeof call->actor);
        buf_init(&call->answer, API_ANSWER_MAX);
        answer(call);
        *out_status = call->status;
        buf_append_str(out_answer, buf_str(&call->answer));
        buf_release(&call->answer);
    }
    if (!admin || !call || out_answer->failed)
        err = error_set(error, ERR_NO_MEMORY, "no memory");
    mem_free(call);
    bare_admin_free(admin);
    return err;
}

/* ---- a file alone -------------------------------------------------------------------------------- */

static const char correct[] = "Correct it: docs/configuration-as-code.md says what stands where.";

/* One step of a place: ".name" or "[7]". */
static struct json step_into(struct json at, struct str *rest)
{
    struct str step = *rest;
    int64_t index = 0;
    if (str_starts(step, STR("["))) {
        *rest = str_from(step, 1);
        struct str digits = str_cut(rest, ']');
        struct json_cursor each = json_each(at);
        if (!str_to_int64(digits, &index))
            return (struct json){0};
        while (json_next(&each))
            if (index-- == 0)
                return each.value;
        return (struct json){0};
    }
    if (str_starts(step, STR(".")))
        step = str_from(step, 1);
    size_t len = 0;
    while (len < step.len && step.at[len] != '.' && step.at[len] != '[')
        len++;
    *rest = str_from(step, len);
    return json_member_of(at, str_upto(step, len));
}

struct json config_place(struct json file, const char *place)
{
    struct str rest = str_of(place);
    struct json at = file;
    while (rest.len) {
        struct json next = step_into(at, &rest);
        if (json_type_of(next) == JSON_ABSENT)
            return at;
        at = next;
    }
    return at;
}

enum err config_check_form(struct json file, struct config_flaw *out_flaw)
{
    const struct api_endpoint *endpoint = endpoint_of(CONFIG_VERB_DIFF);
    const struct schema_field *field = schema_field_of(endpoint->body, STR("config"));
    struct schema_breach breach;
    *out_flaw = (struct config_flaw){.fix = correct};
    if (json_type_of(file) != JSON_OBJECT) {
        str_copy(STR("The file must be one object: { and, at its end, }."), out_flaw->what,
                 sizeof out_flaw->what);
        return ERR_MALFORMED;
    }
    if (schema_holds(&field->schema, file, &breach))
        return OK;
    out_flaw->where = breach.where;
    if (breach.is_unknown_field)
        out_flaw->fix = "Leave the field out, or correct its spelling.";
    str_copy(str_of(breach.detail), out_flaw->what, sizeof out_flaw->what);
    return ERR_MALFORMED;
}

enum err config_check(struct json file, const struct price_table *prices,
                      struct config_flaw *out_flaw)
{
    struct config_plan plan = {0};
    struct store_config nothing = {0};
    struct error error = {0};
    enum err err = config_check_form(file, out_flaw);
    if (err != OK)
        return err;
    struct admin *admin =
        bare_admin(&(struct config_desk){.prices = prices, .plan = PLAN_ENTERPRISE});
    err = admin ? config_plan_init(&plan, admin, &nothing, NULL, &error) : ERR_NO_MEMORY;
    plan.file = file;
    if (err == OK && !config_plan_make(&plan)) {
        err = ERR_MALFORMED;
        out_flaw->where = config_place(file, plan.field);
        str_copy(str_of(plan.error.text), out_flaw->what, sizeof out_flaw->what);
    }
    if (admin)
        config_plan_release(&plan);
    bare_admin_free(admin);
    return err;
}
