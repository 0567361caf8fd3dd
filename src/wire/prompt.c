/* wire/prompt.c: the workbench of a translated request: its list of turns, parts and tools, and small common forms. */
#include "wire/prompt.h"

#include "json/json_writer.h"

#include <stdio.h>

void prompt_init(struct prompt *prompt, struct arena *arena, struct json_reader *reader,
                 struct json_reader *scratch, struct str source, struct fidelity *fidelity,
                 struct tool_names *names)
{
    *prompt = (struct prompt){.arena = arena,
                              .reader = reader,
                              .scratch = scratch,
                              .source = source,
                              .fidelity = fidelity,
                              .names = names,
                              .max_tokens = -1,
                              .top_logprobs = -1,
                              .answers = -1,
                              .thinking_budget = -1};
}

/* Zeroed room of the arena. */
static void *make(struct prompt *prompt, size_t bytes)
{
    void *room = arena_alloc(prompt->arena, bytes);
    if (room)
        memset(room, 0, bytes);
    else
        prompt->failed = true;
    return room;
}

/* ---- turns, parts, tools --------------------------------------------------------------------- */

struct turn *prompt_add_turn(struct prompt *prompt, enum turn_role role)
{
    struct turn *turn = make(prompt, sizeof *turn);
    if (!turn)
        return NULL;
    turn->role = role;
    if (prompt->last_turn)
        prompt->last_turn->next = turn;
    else
        prompt->turns = turn;
    prompt->last_turn = turn;
    return turn;
}

struct turn *prompt_turn(struct prompt *prompt, enum turn_role role)
{
    if (prompt->last_turn && prompt->last_turn->role == role)
        return prompt->last_turn;
    return prompt_add_turn(prompt, role);
}

struct part *prompt_add_part(struct prompt *prompt, struct turn *turn, enum part_kind kind)
{
    struct part *part = turn ? make(prompt, sizeof *part) : NULL;
    if (!part)
        return NULL;
    part->kind = kind;
    if (turn->last_part)
        turn->last_part->next = part;
    else
        turn->parts = part;
    turn->last_part = part;
    return part;
}

void prompt_part_think(struct part *part, const struct sealed_thinking *thinking)
{
    part->id = thinking->id;
    part->text = thinking->text;
    part->seal = thinking->seal;
    part->sealed_by = thinking->maker;
}

struct part *prompt_add_inside(struct prompt *prompt, struct part *result, enum part_kind kind)
{
    struct part *part = result ? make(prompt, sizeof *part) : NULL;
    if (!part)
        return NULL;
    part->kind = kind;
    struct part **end = &result->last_inside;
    if (*end)
        (*end)->next = part;
    else
        result->inside = part;
    *end = part;
    return part;
}

struct tool *prompt_add_tool(struct prompt *prompt, enum tool_kind kind)
{
    struct tool *tool = make(prompt, sizeof *tool);
    if (!tool)
        return NULL;
    tool->kind = kind;
    if (prompt->last_tool)
        prompt->last_tool->next = tool;
    else
        prompt->tools = tool;
    prompt->last_tool = tool;
    return tool;
}

/* ---- texts ----------------------------------------------------------------------------------- */

struct str prompt_raw(const struct prompt *prompt, struct json value)
{
    return json_raw(prompt->reader, value, prompt->source);
}

struct str prompt_text(struct json value)
{
    return json_string_or_empty(value);
}

struct str prompt_join(struct prompt *prompt, struct str a, struct str b)
{
    char *room = make(prompt, a.len + b.len + 1);
    if (!room)
        return STR("");
    if (a.len)
        memcpy(room, a.at, a.len);
    if (b.len)
        memcpy(room + a.len, b.at, b.len);
    return (struct str){room, a.len + b.len};
}

void prompt_drop(struct prompt *prompt, const char *field)
{
    fidelity_note(prompt->fidelity, FIDELITY_DROPPED, field);
}

void prompt_change(struct prompt *prompt, const char *field)
{
    fidelity_note(prompt->fidelity, FIDELITY_CHANGED, field);
}

void prompt_emulate(struct prompt *prompt, const char *field)
{
    fidelity_note(prompt->fidelity, FIDELITY_EMULATED, field);
}

enum maybe prompt_maybe(struct json value)
{
    bool truth;
    return !json_bool(value, &truth) ? MAYBE_UNSET : truth ? MAYBE_YES : MAYBE_NO;
}

void prompt_drop_member(struct prompt *prompt, const char *where, struct str name)
{
    char field[2 * FIDELITY_FIELD_MAX];
    struct str shown = str_upto(name, FIDELITY_FIELD_MAX);
    (void)snprintf(field, sizeof field, "%s.%.*s", where, STR_ARG(shown));
    prompt_drop(prompt, field);
}

void prompt_drop_others(struct prompt *prompt, struct json object, const struct str *known,
                        size_t known_count, const char *where)
{
    for (struct json_cursor c = json_each(object); json_next(&c);)
        if (!str_is_among(c.name, known, known_count) && json_says_something(c.value))
            prompt_drop_member(prompt, where, c.name);
}

bool prompt_is_billing(const struct part *part)
{
    return part->kind == PART_TEXT && str_starts(part->text, STR("x-anthropic-billing-header:"));
}

bool prompt_is_object(struct prompt *prompt, struct str text)
{
    struct json root;
    enum err err = json_parse(prompt->scratch, text, &root, NULL);
    if (err == ERR_NO_MEMORY)
        prompt->failed = true;
    return err == OK && json_type_of(root) == JSON_OBJECT;
}

/* ---- media ----------------------------------------------------------------------------------- */

bool media_from_data_url(struct str url, struct media *out_media)
{
    static const struct str mark = STR_INIT(";base64,");
    size_t at;
    if (!str_istarts(url, STR("data:")) || !str_ifind(str_upto(url, 256), mark, &at))
        return false;
    struct str type = str_from(str_upto(url, at), 5);
    *out_media = (struct media){.source = MEDIA_BASE64,
                                .type = str_cut(&type, ';'), /* without parameters */
                                .data = str_from(url, at + mark.len),
                                .name = out_media->name,
                                .detail = out_media->detail};
    return true;
}

void media_put_url(struct buf *out, const struct media *media)
{
    if (media->source != MEDIA_BASE64) {
        json_quote(out, media->data);
        return;
    }
    AUTO_BUF struct buf head;
    buf_init(&head, 512);
    buf_append_lit(&head, "data:");
    buf_append_str(&head, media->type.len ? media->type : STR("application/octet-stream"));
    buf_append_lit(&head, ";base64,");
    json_quote(out, buf_str(&head));
    if (out->failed || head.failed || out->len < 2)
        return;
    /* The data's opening quote takes the place of the head's comma, which then takes it back. */
    size_t comma = out->len - 2;
    out->len = comma;
    json_quote(out, media->data);
    if (!out->failed)
        out->data[comma] = ',';
}

/* ---- ids of tool calls ----------------------------------------------------------------------- */

void tool_id_put(struct buf *out, enum endpoint speaker, struct str id)
{
    static const struct str anthropic = STR_INIT("toolu_"), openai = STR_INIT("call_");
    bool is_anthropic = speaker == ENDPOINT_MESSAGES;
    struct str own = is_anthropic ? anthropic : openai;
    struct str other = is_anthropic ? openai : anthropic;
    /* Ours once, and given away in the other dialect's clothes: these come off. */
    if (str_starts(id, other) && str_starts(str_from(id, other.len), own)) {
        json_quote(out, str_from(id, other.len));
        return;
    }
    if (str_starts(id, own)) {
        json_quote(out, id);
        return;
    }
    AUTO_BUF struct buf whole;
    buf_init(&whole, 1024);
    buf_append_str(&whole, own);
    buf_append_str(&whole, id);
    json_quote(out, whole.failed ? id : buf_str(&whole));
}
