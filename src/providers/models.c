/* providers/models.c: model lists, and which few of a long list to show first.
 *
 * What is suggested rests on names, because lists say little else. The families below are habits of
 * naming that many vendors share; a name that follows none is a chat model of middling strength.
 */
#include "providers/judge_parts.h"

#include <stdlib.h>

#define SURFACE_ALL_UP_TO 5u

/* ---- reading ----------------------------------------------------------------------------------- */

static bool is_good_id(struct str id)
{
    if (id.len == 0 || id.len >= sizeof((struct model_found *)0)->id)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if ((unsigned char)id.at[i] <= ' ' || id.at[i] == 0x7F)
            return false;
    return true;
}

static int64_t first_number(struct json item, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t number = json_int64_or(json_get(item, names[i]), -1);
        if (number > 0)
            return number;
    }
    return -1;
}

static int64_t context_of(struct json item)
{
    static const char *const names[] = {"context_window", "context_length", "max_model_len",
                                        "max_context_length", "max_input_tokens"};
    static const char *const inner[] = {"n_ctx", "n_ctx_train"}; /* llama-server */
    int64_t tokens = first_number(item, names, sizeof names / sizeof names[0]);
    if (tokens < 0)
        tokens = first_number(json_get(item, "meta"), inner, sizeof inner / sizeof inner[0]);
    return tokens;
}

/* Seconds since 1970 (OpenAI), or a date (Anthropic). */
static int64_t created_of(struct json item)
{
    const int64_t latest_s = 253402300799; /* the year 9999 */
    int64_t created_ms = 0, seconds = json_int64_or(json_get(item, "created"), 0);
    if (seconds > 0 && seconds <= latest_s)
        return seconds * 1000;
    (void)date_find(json_string_or_empty(json_get(item, "created_at")), &created_ms);
    return created_ms;
}

static struct str id_of(struct json item)
{
    static const char *const names[] = {"id", "name", "model"};
    struct str id = json_string_or_empty(item); /* a list of plain names */
    for (size_t i = 0; i < sizeof names / sizeof names[0] && id.len == 0; i++)
        id = json_string_or_empty(json_get(item, names[i]));
    return id;
}

static int compare_found(const void *left, const void *right)
{
    const struct model_found *a = left, *b = right;
    return strcmp(a->id, b->id);
}

static size_t without_duplicates(struct model_found *models, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || strcmp(models[i].id, models[kept - 1].id) != 0)
            models[kept++] = models[i];
    return kept;
}

/* {"data":[...]} of both vendors, {"models":[...]} of Ollama, or a bare array (Together). */
static struct json list_of(struct json root)
{
    struct json list = json_get(root, "data");
    if (json_type_of(list) != JSON_ARRAY)
        list = json_get(root, "models");
    return json_type_of(list) == JSON_ARRAY ? list : root;
}

enum err provider_models_read(enum provider_kind kind, struct json_reader *reader, struct str body,
                              struct model_found *out_models, size_t room, size_t *out_count,
                              struct error *error)
{
    (void)kind; /* one reader for all shapes: compatible servers mix them */
    struct json root = {0};
    enum err err = json_parse(reader, body, &root, error);
    if (err != OK)
        return err;
    struct json list = list_of(root);
    if (json_type_of(list) != JSON_ARRAY)
        return error_set(error, ERR_MALFORMED,
                         "the answer is no model list; check that the base URL is the API's own");

    size_t count = 0;
    struct json_cursor items = json_each(list);
    while (count < room && json_next(&items)) {
        struct str id = id_of(items.value);
        if (!is_good_id(id))
            continue;
        struct model_found *found = &out_models[count++];
        *found = (struct model_found){.context_tokens = context_of(items.value),
                                      .created_at_ms = created_of(items.value)};
        str_copy(id, found->id, sizeof found->id);
    }
    qsort(out_models, count, sizeof *out_models, compare_found);
    *out_count = without_duplicates(out_models, count);
    return OK;
}

/* ---- suggesting -------------------------------------------------------------------------------- */

static bool has_any(const char *id, const struct str *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_ifind(str_of(id), parts[i], NULL))
            return true;
    return false;
}
#define HAS_ANY(id, parts) has_any((id), (parts), sizeof(parts) / sizeof(parts)[0])

static bool is_chat(const struct model_found *model)
{
    static const struct str others[] = {
        STR_INIT("embed"),      STR_INIT("whisper"),      STR_INIT("tts"),
        STR_INIT("dall-e"),     STR_INIT("image"),        STR_INIT("moderation"),
        STR_INIT("audio"),      STR_INIT("realtime"),     STR_INIT("transcribe"),
        STR_INIT("search"),     STR_INIT("rerank"),       STR_INIT("sora"),
        STR_INIT("video"),      STR_INIT("speech"),       STR_INIT("translate"),
        STR_INIT("davinci"),    STR_INIT("babbage"),      STR_INIT("guard"),
        STR_INIT("diffusion"),  STR_INIT("computer-use"), STR_INIT("bge-"),
        STR_INIT("similarity"),
    };
    return !HAS_ANY(model->id, others);
}

/* Made to be cheap. */
static bool is_small(const char *id)
{
    static const struct str marks[] = {STR_INIT("haiku"),   STR_INIT("-mini"),  STR_INIT("nano"),
                                       STR_INIT("luna"),    STR_INIT("flash"),  STR_INIT("-lite"),
                                       STR_INIT("small"),   STR_INIT("tiny"),   STR_INIT("-fast"),
                                       STR_INIT("instant"), STR_INIT("micro"),  STR_INIT("-8b"),
                                       STR_INIT("-7b"),     STR_INIT("-4b"),    STR_INIT("-3b"),
                                       STR_INIT("-1b"),     STR_INIT("gpt-3.5")};
    return HAS_ANY(id, marks);
}

/* For a purpose, for a few, or not for long: never what somebody new should begin with. */
static bool is_special(const char *id)
{
    static const struct str marks[] = {
        STR_INIT("preview"),  STR_INIT("codex"),  STR_INIT("instruct"), STR_INIT("-pro"),
        STR_INIT("research"), STR_INIT("latest"), STR_INIT("beta"),     STR_INIT("-exp"),
        STR_INIT("ft:"),      STR_INIT("mythos"), STR_INIT("vision"),   STR_INIT("-oss"),
        STR_INIT("thinking"), STR_INIT("-16k"),   STR_INIT("-32k"),     STR_INIT("-base")};
    return HAS_ANY(id, marks);
}

/* A dated snapshot of a model: "-20250929", "-2024-08-06", "-0613". */
static bool is_snapshot(const char *id)
{
    size_t digits = 0, len = strlen(id);
    for (; len > 0 && ((id[len - 1] >= '0' && id[len - 1] <= '9') || id[len - 1] == '-'); len--)
        digits += id[len - 1] != '-';
    return digits >= 4;
}

/* Families that a name is known to be strong by; the others count as 0. */
static int strength(const char *id)
{
    static const struct {
        struct str mark;
        int points;
    } families[] = {{STR_INIT("opus"), 2},  {STR_INIT("gpt-"), 2}, {STR_INIT("sonnet"), 1},
                    {STR_INIT("large"), 1}, {STR_INIT("70b"), 1},  {STR_INIT("terra"), -1}};
    int points = 0;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (str_ifind(str_of(id), families[i].mark, NULL))
            points += families[i].points;
    return points;
}

/* Higher is better, first difference decides; at last the newer, then the later name. */
struct rank {
    int fits, strength, is_plain;
    int64_t created_at_ms;
};

static struct rank rank_of(const struct model_found *model, bool wants_small)
{
    const char *id = model->id;
    return (struct rank){.fits = (is_small(id) == wants_small) * 2 + !is_special(id),
                         .strength = wants_small ? 0 : strength(id),
                         .is_plain = !is_snapshot(id),
                         .created_at_ms = model->created_at_ms};
}

static bool is_better(const struct rank *a, const struct rank *b)
{
    if (a->fits != b->fits)
        return a->fits > b->fits;
    if (a->strength != b->strength)
        return a->strength > b->strength;
    if (a->is_plain != b->is_plain && a->created_at_ms == b->created_at_ms)
        return a->is_plain > b->is_plain;
    return a->created_at_ms >= b->created_at_ms; /* the list is sorted: a later name wins a tie */
}

/* The best chat model, `count` when there is none. */
static size_t pick(const struct model_found *models, size_t count, bool wants_small)
{
    size_t best = count;
    struct rank best_rank = {0};
    for (size_t i = 0; i < count; i++) {
        struct rank rank = rank_of(&models[i], wants_small);
        if (!is_chat(&models[i]) || (best < count && !is_better(&rank, &best_rank)))
            continue;
        best = i;
        best_rank = rank;
    }
    return best;
}

size_t provider_models_suggest(enum provider_kind kind, const struct model_found *models,
                               size_t count, bool *out_surfaced)
{
    (void)kind;
    size_t chat_count = 0;
    for (size_t i = 0; i < count; i++)
        chat_count += is_chat(&models[i]);

    bool all = chat_count <= SURFACE_ALL_UP_TO;
    for (size_t i = 0; i < count; i++)
        out_surfaced[i] = all;
    size_t strong = pick(models, count, false);
    if (all || strong == count)
        return strong;
    size_t cheap = pick(models, count, true);
    out_surfaced[strong] = out_surfaced[cheap] = true;
    return strong;
}
