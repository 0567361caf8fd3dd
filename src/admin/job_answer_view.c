/* admin/job_answer_view.c: the sentence for people, and the same cut at its nouns for whoever makes links of them. */
#include "admin/job_answer_view.h"

#include "domain/why.h"

static void put_provider(struct json_writer *writer, struct str id, struct str name)
{
    json_open_object_named(writer, "provider");
    json_put_string(writer, "id", id);
    json_put_string(writer, "name", name);
    json_close_object(writer);
}

static void put_string_or_null(struct json_writer *writer, const char *name, struct str text)
{
    if (text.len)
        json_put_string(writer, name, text);
    else
        json_put_null(writer, name);
}

/* A code, what it says, what to do about it. One that this version does not know says itself. */
static void put_why(struct json_writer *writer, enum why why, struct str code)
{
    const struct why_row *row = why_find(why, code);
    json_put_string(writer, "code", code);
    json_put_string(writer, "text", row ? str_of(row->words) : code);
    put_string_or_null(writer, "fix", row ? str_of(row->fix) : STR(""));
}

static void put_why_or_null(struct json_writer *writer, const char *name, enum why why,
                            struct str code)
{
    if (!code.len) {
        json_put_null(writer, name);
        return;
    }
    json_open_object_named(writer, name);
    put_why(writer, why, code);
    json_close_object(writer);
}

/* ---- the sentence -------------------------------------------------------------------------------- */

static void write_text(struct json_writer *writer, struct str text)
{
    if (text.len == 0)
        return;
    json_open_object(writer);
    json_put_text(writer, "kind", "text");
    json_put_string(writer, "text", text);
    json_put_null(writer, "id");
    json_put_null(writer, "fix");
    json_close_object(writer);
}

static void write_noun(struct json_writer *writer, const struct job_record *job, struct str text,
                       const struct line_noun *noun)
{
    static const char *const kinds[] = {
        [ANSWER_PROVIDER] = "provider", [ANSWER_MODEL] = "model", [ANSWER_JOB] = "job"};
    json_open_object(writer);
    json_put_text(writer, "kind",
                  noun->noun == ANSWER_REASON ? why_name(noun->why) : kinds[noun->noun]);
    json_put_string(writer, "text", text);
    put_string_or_null(writer, "id", noun->noun == ANSWER_JOB ? str_of(job->id) : noun->id);
    put_string_or_null(writer, "fix", str_of(noun->fix));
    json_close_object(writer);
}

/* The line, cut before and behind each noun: the texts one after the other are the line again. */
static void write_line(struct json_writer *writer, const struct job_record *job, struct str line,
                       const struct line_nouns *nouns)
{
    size_t from = 0;
    json_put_string(writer, "answer_line", line);
    json_open_array(writer, "answer_parts");
    for (size_t i = 0; i < nouns->count; i++) {
        const struct line_noun *noun = &nouns->noun[i];
        write_text(writer, (struct str){line.at + from, noun->at - from});
        write_noun(writer, job, (struct str){line.at + noun->at, noun->len}, noun);
        from = noun->at + noun->len;
    }
    write_text(writer, (struct str){line.at + from, line.len - from});
    json_close_array(writer);
}

/* ---- the answer ---------------------------------------------------------------------------------- */

static void write_moved_on(struct json_writer *writer, const struct job_record *job,
                           const struct job_answer *answer)
{
    json_open_array(writer, "moved_on_because");
    for (int32_t i = 0; i < job->attempt_count && i < ATTEMPTS_MAX; i++) {
        const struct attempt_record *attempt = &job->attempt[i];
        if (i == answer->named || strcmp(attempt->outcome, "failed") != 0)
            continue;
        json_open_object(writer);
        put_provider(writer, str_of(attempt->provider_id), str_of(attempt->provider_name));
        json_put_int(writer, "seq", attempt->seq);
        put_why(writer, WHY_MOVED, str_of(attempt->reason));
        json_close_object(writer);
    }
    json_close_array(writer);
}

static void write_parts(struct json_writer *writer, const struct job_record *job,
                        const struct job_answer *answer)
{
    const struct answer_facts *facts = &answer->facts;
    enum why ended = why_find(WHY_ENDED, facts->code) ? WHY_ENDED : WHY_MOVED;
    json_open_object_named(writer, "answer");
    if (answer->named >= 0)
        put_provider(writer, str_of(job->attempt[answer->named].provider_id), facts->provider);
    else
        json_put_null(writer, "provider");
    put_string_or_null(writer, "model", facts->model);
    if (answer->named >= 0)
        json_put_int(writer, "choice", (int64_t)answer_choice(facts));
    else
        json_put_null(writer, "choice");
    put_why_or_null(writer, "chosen_because", WHY_CHOSEN, facts->chosen);
    write_moved_on(writer, job, answer);
    put_why_or_null(writer, "ended_because", ended, facts->code);
    json_put_bool(writer, "failed_over", facts->try_count > 0 && answer->named >= 0);
    json_put_bool(writer, "other_than_asked", job_is_other_than_asked(job));
    json_close_object(writer);
}

/* ---- passed over --------------------------------------------------------------------------------- */

static void write_evidence(struct json_writer *writer, const struct evidence *evidence)
{
    json_open_object_named(writer, "evidence");
#define X(name)                                      \
    if (evidence->name >= 0)                         \
        json_put_int(writer, #name, evidence->name); \
    else                                             \
        json_put_null(writer, #name);
    EVIDENCE_LIST(X)
#undef X
    json_close_object(writer);
}

static void write_passed(struct json_writer *writer, const struct passed *passed)
{
    AUTO_BUF struct buf text;
    buf_init(&text, ANSWER_LINE_MAX);
    passed_over_say(passed, &text);
    const struct why_row *row = why_find(WHY_PASSED, passed->code);
    json_open_object(writer);
    put_provider(writer, passed->provider_id, passed->provider);
    put_string_or_null(writer, "tier", passed->tier);
    put_string_or_null(writer, "model", passed->model);
    json_put_string(writer, "reason", passed->code);
    json_put_string(writer, "text", buf_str(&text));
    put_string_or_null(writer, "fix", row ? str_of(row->fix) : STR(""));
    write_evidence(writer, &passed->evidence);
    json_close_object(writer);
}

void job_answer_write(struct json_writer *writer, const struct job_record *job,
                      const struct job_answer *answer)
{
    struct line_nouns nouns;
    AUTO_BUF struct buf line;
    buf_init(&line, ANSWER_LINE_MAX);
    answer_line_write(&answer->facts, &line, &nouns);
    write_line(writer, job, buf_str(&line), &nouns);
    write_parts(writer, job, answer);
    json_open_array(writer, "passed_over");
    for (size_t i = 0; i < answer->facts.passed_count; i++)
        write_passed(writer, &answer->passed[i]);
    json_close_array(writer);
}
