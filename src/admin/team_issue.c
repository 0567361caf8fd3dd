/* admin/team_issue.c: see team_issue.h. */
#include "admin/team_issue.h"

#include "admin/key_issue.h"
#include "json/json_writer.h"
#include "sys/clock.h"
#include "sys/random.h"

#define EVENT_BYTES_MAX ((size_t)256 * 1024)

const struct team_row *config_team(const struct store_config *config, struct str id_or_name)
{
    const struct team_row *named = NULL;
    for (size_t i = 0; id_or_name.len && i < config->team_count; i++) {
        const struct team_row *row = &config->teams[i];
        if (str_eq(str_of(row->id), id_or_name))
            return row;
        if (str_ieq(str_of(row->name), id_or_name))
            named = row;
    }
    return named;
}

enum err team_name_check(struct str name, struct error *error)
{
    int64_t made_at_ms = 0;
    bool is_good = name.len > 0 && name.len < sizeof((struct team_row *)0)->name &&
                   str_is_utf8(name) && str_trim(name).len == name.len;
    for (size_t i = 0; is_good && i < name.len; i++)
        is_good = (unsigned char)name.at[i] >= 0x20 && name.at[i] != 0x7f;
    if (!is_good)
        return error_set(error, ERR_MALFORMED,
                         "A team needs a name of 1 to 63 bytes, without control characters or "
                         "blanks at its ends.");
    if (id_parse(name, "tea_", &made_at_ms))
        return error_set(error, ERR_MALFORMED, "This reads as the id of a team: choose a name.");
    return OK;
}

static void row_write(struct buf *out, const struct team_row *row)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "name", row->name);
    if (row->policy_json && row->policy_json[0])
        json_put_raw(&writer, "policy", str_of(row->policy_json));
    json_close_object(&writer);
}

enum err team_issue(struct store *store, struct str name, const char *policy_json,
                    const char *actor, struct team_row *out_row, struct error *error)
{
    enum err err = team_name_check(name, error);
    if (err != OK)
        return err;
    uint8_t random[10];
    struct team_row row = {
        .created_at_ms = clock_wall_ms(), .rev = 1, .policy_json = (char *)(uintptr_t)policy_json};
    random_fill(random, sizeof random);
    id_make("tea_", row.created_at_ms, random, row.id);
    str_copy(name, row.name, sizeof row.name);

    AUTO_BUF struct buf after = {0};
    buf_init(&after, EVENT_BYTES_MAX);
    row_write(&after, &row);
    struct event_row event = event_make(actor, "team.created", row.id);
    event.after_json = after.failed ? NULL : after.data;
    err = store_team_insert(store, &row, &event, error);
    if (err != OK)
        return err;
    row.policy_json = NULL;
    *out_row = row;
    return OK;
}
