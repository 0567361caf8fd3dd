/* wire/worker.c: see worker.h. */
#include "wire/worker.h"

#include "json/json_writer.h"

#define INSTANCE_MIN 8u
#define INSTANCE_MAX 64u

/* ---- members ----------------------------------------------------------------------------------- */

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] <= ' ' || text.at[i] >= 0x7F)
            return false;
    return true;
}

/* One line for people: without control characters, cut to fit. */
static void copy_line(struct str text, char *room, size_t room_bytes)
{
    str_copy(text, room, room_bytes);
    for (char *at = room; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
}

/* A text that may be missing or null. */
static enum err take_line(struct json root, const char *name, char *room, size_t room_bytes,
                          struct error *error)
{
    struct json value = json_get(root, name);
    struct str text = STR("");
    room[0] = '\0';
    if (json_type_of(value) <= JSON_NULL)
        return OK;
    if (!json_string(value, &text))
        return error_set(error, ERR_MALFORMED, "%s must be a string", name);
    copy_line(text, room, room_bytes);
    return OK;
}

/* A number that may be missing or null. */
static enum err take_number(struct json root, const char *name, int64_t otherwise,
                            int64_t *out_number, struct error *error)
{
    struct json value = json_get(root, name);
    *out_number = otherwise;
    if (json_type_of(value) <= JSON_NULL)
        return OK;
    if (!json_int64(value, out_number))
        return error_set(error, ERR_MALFORMED, "%s must be a whole number", name);
    return OK;
}

static int64_t clamp(int64_t number, int64_t least, int64_t most)
{
    return number < least ? least : number > most ? most : number;
}

/* ---- models ------------------------------------------------------------------------------------ */

static bool is_model_id(struct str id)
{
    if (id.len == 0 || id.len >= sizeof((struct worker_model *)0)->id || !str_is_utf8(id))
        return false;
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.at[i] <= ' ' || id.at[i] == 0x7F)
            return false;
    return true;
}

static bool lacks(struct json abilities, const char *name)
{
    bool has = true;
    (void)json_bool(json_get(abilities, name), &has);
    return !has;
}

static void read_model(struct json item, struct str id, struct worker_model *out_model)
{
    struct json abilities = json_get(item, "abilities");
    *out_model = (struct worker_model){
        .context_tokens = json_int64_or(json_get(item, "context_tokens"), -1),
        .lacks_tools = lacks(abilities, "tools"),
        .lacks_images = lacks(abilities, "images"),
        .lacks_schema = lacks(abilities, "json_schema"),
        .lacks_reasoning = lacks(abilities, "reasoning"),
    };
    if (out_model->context_tokens <= 0)
        out_model->context_tokens = -1;
    str_copy(id, out_model->id, sizeof out_model->id);
}

bool worker_models_have(const struct worker_model *models, size_t count, struct str id)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(str_of(models[i].id), id))
            return true;
    return false;
}

/* [{"id",...}], or plain names. */
static enum err read_models(struct json list, struct worker_model *models, size_t *out_count,
                            struct error *error)
{
    size_t count = 0;
    if (json_type_of(list) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED, "models must be a list");
    for (struct json_cursor each = json_each(list);
         count < WORKER_MODELS_MAX && json_next(&each);) {
        struct str id = STR("");
        if (!json_string(each.value, &id))
            id = json_string_or_empty(json_get(each.value, "id"));
        if (!is_model_id(id))
            return error_set(error, ERR_MALFORMED,
                             "each model needs an id of 1 to 199 characters without blanks");
        if (!worker_models_have(models, count, id))
            read_model(each.value, id, &models[count++]);
    }
    if (count == 0)
        return error_set(error, ERR_MALFORMED, "models must not be empty");
    *out_count = count;
    return OK;
}

/* ---- register ---------------------------------------------------------------------------------- */

static enum err parse_object(struct json_reader *reader, struct str text, struct json *out_root,
                             struct error *error)
{
    enum err err = json_parse(reader, text, out_root, error);
    if (err == OK && json_type_of(*out_root) != JSON_OBJECT)
        err = error_set(error, ERR_MALFORMED, "it must be one JSON object");
    return err;
}

static enum err read_identity(struct json root, struct worker_hello *hello, struct error *error)
{
    struct str instance = json_string_or_empty(json_get(root, "instance"));
    struct str kind = json_string_or_empty(json_get(root, "kind"));
    if (instance.len < INSTANCE_MIN || instance.len > INSTANCE_MAX || !is_visible(instance))
        return error_set(error, ERR_MALFORMED, "instance must be %u to %u visible ASCII characters",
                         INSTANCE_MIN, INSTANCE_MAX);
    if (!str_eq(kind, STR("gpu")) && !str_eq(kind, STR("cli")))
        return error_set(error, ERR_MALFORMED, "kind must be \"gpu\" or \"cli\"");
    str_copy(instance, hello->instance, sizeof hello->instance);
    str_copy(kind, hello->kind, sizeof hello->kind);
    enum err err = take_line(root, "name", hello->name, sizeof hello->name, error);
    if (err == OK)
        err = take_line(root, "version", hello->version, sizeof hello->version, error);
    if (err == OK)
        err = take_line(root, "tool", hello->tool, sizeof hello->tool, error);
    return err;
}

enum err worker_hello_read(struct json_reader *reader, struct str body,
                           struct worker_hello *out_hello, struct error *error)
{
    struct json root = {0};
    enum err err = parse_object(reader, body, &root, error);
    if (err == OK)
        err = read_identity(root, out_hello, error);
    if (err == OK)
        err = take_number(root, "slots", 1, &out_hello->slots, error);
    if (err == OK)
        err = take_number(root, "vram_mb", -1, &out_hello->vram_mb, error);
    if (err == OK)
        err = take_number(root, "over_quota_until_ms", 0, &out_hello->over_quota_until_ms, error);
    if (err == OK)
        err = read_models(json_get(root, "models"), out_hello->models, &out_hello->model_count,
                          error);
    if (err != OK)
        return err;
    out_hello->slots = clamp(out_hello->slots, 1, WORKER_SLOTS_MAX);
    out_hello->vram_mb = clamp(out_hello->vram_mb, -1, INT32_MAX);
    out_hello->over_quota_until_ms = clamp(out_hello->over_quota_until_ms, 0, INT64_MAX);
    return OK;
}

/* ---- everything later -------------------------------------------------------------------------- */

static enum err read_type(struct json root, enum worker_message_type otherwise,
                          enum worker_message_type *out_type, struct error *error)
{
    struct json value = json_get(root, "type");
    struct str type = json_string_or_empty(value);
    *out_type = otherwise;
    if (json_type_of(value) == JSON_ABSENT)
        return OK;
    if (str_eq(type, STR("heartbeat")))
        *out_type = WORKER_HEARTBEAT;
    else if (str_eq(type, STR("notice")))
        *out_type = WORKER_NOTICE;
    else if (str_eq(type, STR("deregister")))
        *out_type = WORKER_GOODBYE;
    else
        return error_set(error, ERR_MALFORMED,
                         "type must be \"heartbeat\", \"notice\" or \"deregister\"");
    return OK;
}

enum err worker_message_read(struct json_reader *reader, struct str text,
                             enum worker_message_type otherwise, struct worker_message *out_message,
                             struct error *error)
{
    struct json root = {0};
    struct worker_message *message = out_message;
    enum err err = parse_object(reader, text, &root, error);
    if (err == OK)
        err = read_type(root, otherwise, &message->type, error);
    if (err == OK)
        err = take_line(root, "worker_id", message->worker_id, sizeof message->worker_id, error);
    if (err == OK)
        err = take_line(root, "text", message->text, sizeof message->text, error);
    if (err == OK)
        err = take_number(root, "epoch", 0, &message->epoch, error);
    if (err == OK)
        err = take_number(root, "busy", -1, &message->busy, error);
    if (err == OK)
        err = take_number(root, "slots", 0, &message->slots, error);
    if (err == OK)
        err = take_number(root, "over_quota_until_ms", -1, &message->over_quota_until_ms, error);
    if (err != OK)
        return err;
    bool has_slots = json_type_of(json_get(root, "slots")) == JSON_NUMBER;
    message->slots = has_slots ? clamp(message->slots, 1, WORKER_SLOTS_MAX) : 0;
    message->busy = clamp(message->busy, -1, WORKER_SLOTS_MAX);
    message->over_quota_until_ms = clamp(message->over_quota_until_ms, -1, INT64_MAX);
    message->has_models = json_type_of(json_get(root, "models")) > JSON_NULL;
    message->model_count = 0;
    return message->has_models ? read_models(json_get(root, "models"), message->models,
                                             &message->model_count, error)
                               : OK;
}

enum err worker_ready_read(struct json_reader *reader, struct str text, int64_t *out_epoch,
                           struct error *error)
{
    struct json root = {0};
    int64_t epoch = 0;
    enum err err = parse_object(reader, text, &root, error);
    if (err == OK && !str_eq(json_string_or_empty(json_get(root, "type")), STR("ready")))
        err = error_set(error, ERR_MALFORMED, "only \"ready\" is said on a reverse connection");
    if (err == OK)
        err = take_number(root, "epoch", 0, &epoch, error);
    if (err == OK)
        *out_epoch = epoch;
    return err;
}

/* ---- what the server says ---------------------------------------------------------------------- */

void worker_terms_write(struct buf *out, const struct worker_terms *terms)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "worker_id", terms->worker_id);
    json_put_int(&writer, "epoch", terms->epoch);
    json_put_int(&writer, "heartbeat_ms", terms->heartbeat_ms);
    json_put_int(&writer, "dead_after_ms", terms->dead_after_ms);
    json_put_int(&writer, "grace_ms", terms->grace_ms);
    json_close_object(&writer);
}

void worker_say_hello(struct buf *out, int64_t heartbeat_ms)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "type", "hello");
    json_put_int(&writer, "heartbeat_ms", heartbeat_ms);
    json_close_object(&writer);
}

void worker_say_bye(struct buf *out, const char *reason)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "type", "bye");
    json_put_text(&writer, "reason", reason);
    json_close_object(&writer);
}
