/* providers/judge.c: what an error answer means: PROVIDER_ERRORS.md 1.
 *
 * The evidence (status, codes, type, message) is gathered from whatever body came; then the kind's
 * table is asked, row by row; what no row names, the HTTP status decides. When to come back is read
 * only where it means something: a date in a message about a field is no reset.
 */
#include "providers/judge_parts.h"

#include "wire/meter.h"

#include <assert.h>
#include <stdio.h>

#define FRAGMENTS_IN 512u /* of the message: what stands behind is mostly the caller's own words */
#define METADATA_MAX 512u

struct evidence {
    int status; /* 0: not known */
    struct str details_code, code, type, message, param;
    char text[FRAGMENTS_IN + METADATA_MAX + 2]; /* lower case: message, then metadata */
};

/* ---- gathering --------------------------------------------------------------------------------- */

static void add_text(struct evidence *evidence, size_t *len, struct str s)
{
    for (size_t i = 0; i < s.len && *len + 1 < sizeof evidence->text; i++) {
        char c = s.at[i];
        if (c == '\0')
            c = ' ';
        evidence->text[(*len)++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    evidence->text[*len] = '\0';
}

/* OpenRouter says in metadata, Azure in innererror, what the message leaves open. One line for each
 * member, "metadata.limit_source=openrouter_credits", for the table's fragments. */
static void add_metadata(struct evidence *evidence, size_t *len, struct json error)
{
    static const char *const names[] = {"metadata", "innererror"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct json_cursor members = json_each(json_get(error, names[i]));
        while (members.is_object && json_next(&members)) {
            add_text(evidence, len, STR("\n"));
            add_text(evidence, len, str_of(names[i]));
            add_text(evidence, len, STR("."));
            add_text(evidence, len, str_upto(members.name, 40));
            add_text(evidence, len, STR("="));
            add_text(evidence, len, str_upto(json_string_or_empty(members.value), 60));
        }
    }
}

/* A body that is no JSON: a proxy's words, or a CDN's page, which says nothing. */
static struct str plain_message(struct str body)
{
    struct str text = str_trim(body);
    while (text.len > 0 && (text.at[0] == '\r' || text.at[0] == '\n'))
        text = str_trim(str_from(text, 1));
    bool is_page = text.len > 0 && (text.at[0] == '<' || text.at[0] == '{' || text.at[0] == '[');
    return is_page ? STR("") : str_upto(text, FRAGMENTS_IN);
}

static void gather(struct evidence *evidence, int status, struct str body,
                   struct json_reader *reader)
{
    struct error_body error = {0};
    struct json root = {0};
    size_t len = 0;
    evidence->text[0] = '\0';

    if (json_parse(reader, body, &root, NULL) == OK)
        (void)error_body_of(root, &error);
    else
        error.message = plain_message(body);
    if (status < 400)
        status = error_body_status(&error);
    evidence->status = status;
    evidence->details_code = error.details_code;
    evidence->code = error.code;
    evidence->type = error.type;
    evidence->message = error.message;
    evidence->param = error.param;
    add_text(evidence, &len, str_upto(error.message, FRAGMENTS_IN));
    if (error.is_json)
        add_metadata(evidence, &len, json_get(root, "error"));
}

/* ---- judging ----------------------------------------------------------------------------------- */

static bool has_code(const struct evidence *evidence, const char *code)
{
    struct str wanted = str_of(code);
    return str_eq(evidence->details_code, wanted) || str_eq(evidence->code, wanted) ||
           str_eq(evidence->type, wanted);
}

static bool row_hits(const struct error_row *row, const struct evidence *evidence)
{
    return (row->status == 0 || row->status == evidence->status) &&
           (!row->code || has_code(evidence, row->code)) &&
           (!row->fragment || strstr(evidence->text, row->fragment));
}

static const struct error_row *by_status(const struct evidence *evidence)
{
    // clang-format off
    static const struct error_row rows[] = {
        {400, NULL, NULL, VERDICT_CALLER, "bad_request"},
        {401, NULL, NULL, VERDICT_KEY,    "invalid_api_key"},
        {402, NULL, NULL, VERDICT_SPENT,  "payment_required"},
        {403, NULL, NULL, VERDICT_KEY,    "forbidden"},
        {404, NULL, NULL, VERDICT_CALLER, "not_found"},
        {408, NULL, NULL, VERDICT_SERVER, "timeout"},
        {409, NULL, NULL, VERDICT_SERVER, "conflict"},
        {413, NULL, NULL, VERDICT_CALLER, "request_too_large"},
        {422, NULL, NULL, VERDICT_CALLER, "bad_request"},
        {429, NULL, NULL, VERDICT_LIMIT,  "rate_limited"},
    };
    static const struct error_row other_4xx = {0, NULL, NULL, VERDICT_CALLER, "bad_request"};
    static const struct error_row unnamed = {0, NULL, NULL, VERDICT_SERVER, "server_error"};
    // clang-format on
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].status == evidence->status)
            return &rows[i];
    return evidence->status >= 400 && evidence->status < 500 ? &other_4xx : &unnamed;
}

static const struct error_row *find_row(enum provider_kind kind, const struct evidence *evidence)
{
    const struct provider_kind_facts *facts = provider_kind_facts(kind);
    for (; facts; facts = facts->errors_like)
        for (size_t i = 0; i < facts->error_count; i++)
            if (row_hits(&facts->errors[i], evidence))
                return &facts->errors[i];
    return by_status(evidence);
}

/* ---- reporting --------------------------------------------------------------------------------- */

static int64_t retry_of(enum provider_kind kind, const struct error_row *row,
                        const struct answer_headers *headers, struct str message, int64_t wall_ms)
{
    static const struct answer_headers no_headers;
    const struct answer_headers *given = headers ? headers : &no_headers;
    const struct answer_headers own_word = {.retry_after = given->retry_after,
                                            .retry_after_ms = given->retry_after_ms};
    bool is_spent = row->verdict == VERDICT_SPENT;
    switch (row->verdict) {
    case VERDICT_LIMIT: return retry_after_find(given, message, false, wall_ms);
    case VERDICT_BUSY:
    case VERDICT_SERVER: return retry_after_find(&own_word, STR(""), false, wall_ms);
    case VERDICT_SPENT: break;
    default: return RETRY_UNKNOWN_MS;
    }
    int64_t ms = retry_after_find(&own_word, message, is_spent, wall_ms);
    bool is_monthly = provider_kind_facts(kind)->dialect == DIALECT_ANTHROPIC &&
                      strcmp(row->reason, "spend_limit") == 0;
    if (ms == RETRY_UNKNOWN_MS && is_monthly)
        ms = date_next_month(wall_ms) - wall_ms;
    return ms;
}

/* "tools.0.custom.strict: Extra inputs are not permitted" names its field in front. */
static struct str leading_path(struct str message)
{
    size_t len = 0;
    bool is_path = false; /* one word alone may be any word */
    for (; len < message.len; len++) {
        char c = message.at[len];
        bool is_joint = c == '_' || c == '.';
        if (!is_joint && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
            break;
        is_path |= is_joint;
    }
    is_path &= str_starts(str_from(message, len), STR(": "));
    return is_path ? str_upto(message, len) : STR("");
}

/* The field that was refused: as the vendor names it, else the first one that the message names. */
static void find_param(const struct evidence *evidence, char *out_param, size_t room_bytes)
{
    static const char *const names[] = {"stream_options",
                                        "include_usage",
                                        "max_completion_tokens",
                                        "max_tokens",
                                        "reasoning_effort",
                                        "temperature",
                                        "top_p",
                                        "top_k",
                                        "frequency_penalty",
                                        "presence_penalty",
                                        "logit_bias",
                                        "logprobs",
                                        "stop_sequences",
                                        "parallel_tool_calls",
                                        "tool_choice",
                                        "response_format",
                                        "service_tier",
                                        "thinking"};
    sentence_clean(evidence->param.len ? evidence->param : leading_path(evidence->message),
                   out_param, room_bytes);
    for (size_t i = 0; out_param[0] == '\0' && i < sizeof names / sizeof names[0]; i++)
        if (strstr(evidence->text, names[i]))
            str_copy(str_of(names[i]), out_param, room_bytes);
}

/* OpenRouter's 402 with a time to come back is a budget in flight, not an empty account. */
static const struct error_row in_flight = {402, NULL, NULL, VERDICT_LIMIT, "in_flight_budget"};

static void report(enum provider_kind kind, const struct evidence *evidence,
                   const struct answer_headers *headers, int64_t wall_ms,
                   struct verdict_report *out_report)
{
    const struct error_row *row = find_row(kind, evidence);
    if (row->verdict == VERDICT_SPENT && evidence->status == 402 && headers &&
        headers->retry_after.len > 0)
        row = &in_flight;

    *out_report = (struct verdict_report){
        .verdict = row->verdict,
        .retry_after_ms = retry_of(kind, row, headers, evidence->message, wall_ms),
        .http_status = evidence->status};
    str_copy(str_of(row->reason), out_report->reason, sizeof out_report->reason);
    sentence_clean(evidence->message, out_report->sentence, sizeof out_report->sentence);
    if (out_report->sentence[0] == '\0' && evidence->status > 0)
        (void)snprintf(out_report->sentence, sizeof out_report->sentence,
                       "The provider answered %d without saying why.", evidence->status);
    else if (out_report->sentence[0] == '\0')
        str_copy(STR("The provider reported an error without saying why."), out_report->sentence,
                 sizeof out_report->sentence);
    if (row->verdict == VERDICT_PARAM)
        find_param(evidence, out_report->param, sizeof out_report->param);
}

void provider_judge(enum provider_kind kind, int status, const struct answer_headers *headers,
                    struct str body, struct json_reader *reader, int64_t wall_ms,
                    struct verdict_report *out_report)
{
    struct evidence evidence;
    gather(&evidence, status, body, reader);
    report(kind, &evidence, headers, wall_ms, out_report);
}

void provider_judge_event(enum provider_kind kind, int status, const char *type, const char *code,
                          const char *message, int64_t wall_ms, struct verdict_report *out_report)
{
    struct error_body error = {.type = str_of(type), .code = str_of(code)};
    (void)str_to_int64(error.code, &error.number_code);
    struct evidence evidence = {.status = status >= 400 ? status : error_body_status(&error),
                                .code = error.code,
                                .type = error.type,
                                .message = str_of(message)};
    size_t len = 0;
    add_text(&evidence, &len, str_upto(evidence.message, FRAGMENTS_IN));
    report(kind, &evidence, NULL, wall_ms, out_report);
}
