/* simulate/chaos_plan.c: one table of keys; reading, writing and the defaults follow from it. */
#include "simulate/chaos_plan.h"

#include "json/json.h"
#include "json/json_writer.h"

#include <assert.h>

#define PLAN_BYTES_MAX 65536
#define HOUR_MS        INT64_C(3600000)
#define COUNT_MAX      (INT64_C(1) << 40)

static const char *const mode_names[] = {"forward", "blackhole", "deaf", "refuse"};
static_assert(sizeof mode_names / sizeof *mode_names == CHAOS_MODE_COUNT, "a name for each mode");

static const struct key {
    const char *name;
    size_t offset;
    int64_t none, low, high;
} keys[] = {
#define KEY(name, none, low, high)                                   \
    {                                                                \
#name, offsetof(struct chaos_trouble, name), none, low, high \
    }
    KEY(delay_ms, 0, 0, HOUR_MS),       KEY(trickle_bytes, 0, 0, COUNT_MAX),
    KEY(trickle_ms, 0, 0, HOUR_MS),     KEY(corrupt_every, 0, 0, COUNT_MAX),
    KEY(cut_after, -1, 0, COUNT_MAX),   KEY(half_close_after, -1, 0, COUNT_MAX),
    KEY(reset_after, -1, 0, COUNT_MAX), KEY(silence_after, -1, 0, COUNT_MAX),
#undef KEY
};
#define KEY_COUNT (sizeof keys / sizeof *keys)

static int64_t *value_of(struct chaos_trouble *trouble, const struct key *key)
{
    return (int64_t *)(void *)((char *)trouble + key->offset);
}

static void trouble_init(struct chaos_trouble *trouble)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        *value_of(trouble, &keys[i]) = keys[i].none;
}

void chaos_plan_init(struct chaos_plan *plan)
{
    *plan = (struct chaos_plan){.mode = CHAOS_FORWARD};
    trouble_init(&plan->to_server);
    trouble_init(&plan->to_client);
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct key *key_named(struct str name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (str_eq(name, str_of(keys[i].name)))
            return &keys[i];
    return NULL;
}

static enum err read_trouble(struct json value, const char *side, struct chaos_trouble *trouble,
                             struct error *error)
{
    if (json_type_of(value) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "%s is an object", side);
    struct json_cursor cursor = json_each(value);
    while (json_next(&cursor)) {
        const struct key *key = key_named(cursor.name);
        int64_t number;
        if (!key)
            return error_set(error, ERR_MALFORMED, "%s has no key '%.*s'", side,
                             STR_ARG(str_upto(cursor.name, 60)));
        if (json_type_of(cursor.value) == JSON_NULL)
            number = key->none;
        else if (!json_int64(cursor.value, &number) ||
                 (number != key->none && (number < key->low || number > key->high)))
            return error_set(error, ERR_MALFORMED, "%s.%s is a number from %lld to %lld", side,
                             key->name, (long long)key->low, (long long)key->high);
        *value_of(trouble, key) = number;
    }
    return OK;
}

static enum err read_mode(struct json value, enum chaos_mode *out_mode, struct error *error)
{
    struct str name = json_string_or_empty(value);
    for (size_t i = 0; i < CHAOS_MODE_COUNT; i++)
        if (str_eq(name, str_of(mode_names[i]))) {
            *out_mode = (enum chaos_mode)i;
            return OK;
        }
    return error_set(error, ERR_MALFORMED, "mode is forward, blackhole, deaf or refuse");
}

static enum err read_member(struct json_cursor *member, struct chaos_plan *plan,
                            struct error *error)
{
    if (str_eq(member->name, STR("mode")))
        return read_mode(member->value, &plan->mode, error);
    if (str_eq(member->name, STR("to_server")))
        return read_trouble(member->value, "to_server", &plan->to_server, error);
    if (str_eq(member->name, STR("to_client")))
        return read_trouble(member->value, "to_client", &plan->to_client, error);
    if (!str_eq(member->name, STR("seed")))
        return error_set(error, ERR_MALFORMED, "a plan has no key '%.*s'",
                         STR_ARG(str_upto(member->name, 60)));
    if (!json_int64(member->value, &plan->seed))
        return error_set(error, ERR_MALFORMED, "seed is a whole number");
    return OK;
}

enum err chaos_plan_read(struct str json, struct chaos_plan *out_plan, struct error *error)
{
    struct json_reader *reader = NULL;
    struct chaos_plan plan;
    struct json root;
    chaos_plan_init(&plan);
    if (json_reader_new(PLAN_BYTES_MAX, &reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to read a plan");
    enum err err = json_parse(reader, json, &root, error);
    if (err == OK && json_type_of(root) != JSON_OBJECT)
        err = error_set(error, ERR_MALFORMED, "a plan is an object");
    if (err == OK) {
        struct json_cursor cursor = json_each(root);
        while (err == OK && json_next(&cursor))
            err = read_member(&cursor, &plan, error);
    }
    json_reader_free(reader);
    if (err == OK)
        *out_plan = plan;
    return err;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_trouble(struct json_writer *writer, const char *side,
                          const struct chaos_trouble *trouble)
{
    struct chaos_trouble copy = *trouble;
    json_open_object_named(writer, side);
    for (size_t i = 0; i < KEY_COUNT; i++)
        json_put_int(writer, keys[i].name, *value_of(&copy, &keys[i]));
    json_close_object(writer);
}

void chaos_plan_write(const struct chaos_plan *plan, struct buf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "mode", mode_names[plan->mode]);
    json_put_int(&writer, "seed", plan->seed);
    write_trouble(&writer, "to_server", &plan->to_server);
    write_trouble(&writer, "to_client", &plan->to_client);
    json_close_object(&writer);
}

/* ---- what follows ---------------------------------------------------------------------------- */

int64_t chaos_trouble_strikes_after(const struct chaos_trouble *trouble)
{
    const int64_t ends[] = {trouble->cut_after, trouble->half_close_after, trouble->reset_after,
                            trouble->silence_after};
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i] >= 0 && ends[i] < soonest)
            soonest = ends[i];
    return soonest;
}

/* splitmix64: every position has its own mask, the same in each run. */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void chaos_trouble_corrupt(const struct chaos_trouble *trouble, uint64_t seed, uint64_t position,
                           char *bytes, size_t len)
{
    uint64_t every = (uint64_t)trouble->corrupt_every;
    if (every == 0)
        return;
    for (size_t i = (size_t)(every - 1 - position % every); i < len; i += every) {
        unsigned mask = (unsigned)(mix(seed ^ mix(position + i)) & 0xff);
        bytes[i] = (char)((unsigned char)bytes[i] ^ (mask ? mask : 0x20));
    }
}
