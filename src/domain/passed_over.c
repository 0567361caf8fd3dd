/* domain/passed_over.c: see passed_over.h. Lines are written by us alone; whoever reads them back takes what he
 * understands, so that a damaged one costs itself and no more.
 */
#include "domain/passed_over.h"

#include "domain/why.h"

#define MORE_BYTES sizeof "+4294967295\n" /* kept free for the last line, with a NUL */
#define NAME_MAX   64u /* of provider and model: as the job's own fields are cut */

/* ---- evidence ---------------------------------------------------------------------------------- */

static int64_t wall_of(int64_t monotonic_ms, int64_t now_ms, int64_t wall_ms)
{
    return monotonic_ms > now_ms ? wall_ms + (monotonic_ms - now_ms) : -1;
}

struct evidence evidence_of(enum route_reason reason, const struct provider_view *view,
                            const struct candidate *candidate, const struct route_request *request,
                            int64_t wall_ms)
{
    struct evidence evidence = EVIDENCE_NONE;
    switch (reason) {
    case REASON_OVER_QUOTA:
        evidence.until_ms = wall_of(view->health.until_ms, request->now_ms, wall_ms);
        break;
    case REASON_OFFLINE:
    case REASON_NOT_LOADED:
        if (view->heard_at_ms > 0 && view->heard_at_ms <= wall_ms)
            evidence.heard_ago_ms = wall_ms - view->heard_at_ms;
        evidence.waiting = view->waiting > 0 ? view->waiting : -1;
        break;
    case REASON_CONTEXT:
        evidence.context_tokens = candidate->context_tokens;
        evidence.prompt_tokens = request->prompt_tokens;
        break;
    default: break;
    }
    return evidence;
}

bool candidate_was_passed(const struct candidate *candidate)
{
    return candidate->verdict == ROUTE_SKIPPED && candidate->rank != RANK_UNLISTED;
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* A name is free text, and may be cut in the middle of a character: a mark or a control character in it is a blank. */
static void put_field(struct buf *buf, struct str text)
{
    char room[NAME_MAX];
    str_copy(text, room, sizeof room);
    for (char *at = room; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
    buf_puts(buf, room);
    buf_putc(buf, '\t');
}

static const struct {
    struct str name;
    size_t offset;
} numbers[] = {
#define X(name) {STR_INIT(#name), offsetof(struct evidence, name)},
    EVIDENCE_LIST(X)
#undef X
};

static int64_t *number_at(struct evidence *evidence, size_t i)
{
    return (int64_t *)(void *)((char *)evidence + numbers[i].offset);
}

bool passed_over_put(struct buf *buf, const struct passed *passed)
{
    struct evidence evidence = passed->evidence;
    AUTO_BUF struct buf line;
    buf_init(&line, 1024);
    put_field(&line, passed->provider_id);
    put_field(&line, passed->provider);
    put_field(&line, passed->tier);
    put_field(&line, passed->model);
    put_field(&line, passed->code);
    for (size_t i = 0, written = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (*number_at(&evidence, i) < 0)
            continue;
        buf_printf(&line, "%s%.*s=%lld", written++ ? " " : "", STR_ARG(numbers[i].name),
                   (long long)*number_at(&evidence, i));
    }
    buf_putc(&line, '\n');
    if (line.failed || buf->len + line.len + MORE_BYTES > PASSED_OVER_BYTES)
        return false;
    buf_append_str(buf, buf_str(&line));
    return true;
}

void passed_over_put_more(struct buf *buf, size_t more)
{
    if (more > 0)
        buf_printf(buf, "+%u\n", more < UINT32_MAX ? (unsigned)more : UINT32_MAX);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static struct evidence evidence_read(struct str text)
{
    struct evidence evidence = EVIDENCE_NONE;
    while (text.len) {
        struct str value = str_cut(&text, ' '), name = str_cut(&value, '=');
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
            int64_t number = -1;
            if (str_eq(name, numbers[i].name) && str_to_int64(value, &number))
                *number_at(&evidence, i) = number;
        }
    }
    return evidence;
}

bool passed_over_next(struct str *rest, struct passed *out_passed, int64_t *out_more)
{
    while (rest->len) {
        struct str line = str_cut(rest, '\n');
        if (str_starts(line, STR("+"))) {
            (void)str_to_int64(str_from(line, 1), out_more);
            continue;
        }
        out_passed->provider_id = str_cut(&line, '\t');
        out_passed->provider = str_cut(&line, '\t');
        out_passed->tier = str_cut(&line, '\t');
        out_passed->model = str_cut(&line, '\t');
        out_passed->code = str_cut(&line, '\t');
        out_passed->evidence = evidence_read(line);
        if (out_passed->provider_id.len && out_passed->code.len)
            return true;
    }
    return false;
}

/* ---- in words ---------------------------------------------------------------------------------- */

static void say_ago(struct buf *out, int64_t ms)
{
    long long s = (long long)(ms + 500) / 1000;
    if (s < 120)
        buf_printf(out, "last heard %lld s before", s);
    else if (s < 7200)
        buf_printf(out, "last heard %lld min before", s / 60);
    else
        buf_printf(out, "last heard %lld h before", s / 3600);
}

static void say_evidence(struct buf *out, const struct evidence *evidence)
{
    if (evidence->heard_ago_ms >= 0)
        say_ago(out, evidence->heard_ago_ms);
    else if (evidence->slots >= 0 && evidence->busy >= 0)
        buf_printf(out, "%lld of %lld busy", (long long)evidence->busy, (long long)evidence->slots);
    else if (evidence->until_ms >= 0)
        buf_printf(out, "until %02d:%02d UTC", (int)(evidence->until_ms / 3600000 % 24),
                   (int)(evidence->until_ms / 60000 % 60));
    else if (evidence->context_tokens >= 0 && evidence->prompt_tokens >= 0)
        buf_printf(out, "%lld tokens, and it has at least %lld",
                   (long long)evidence->context_tokens, (long long)evidence->prompt_tokens);
}

void passed_over_say(const struct passed *passed, struct buf *out)
{
    const struct why_row *row = why_find(WHY_PASSED, passed->code);
    char room[96];
    AUTO_BUF struct buf evidence;
    buf_init_in(&evidence, 256, room, sizeof room);
    say_evidence(&evidence, &passed->evidence);
    if (passed->evidence.waiting > 0)
        buf_printf(&evidence, "%s%lld waiting", evidence.len ? ", " : "",
                   (long long)passed->evidence.waiting);
    buf_append_str(out, row ? str_of(row->words) : passed->code);
    if (evidence.len)
        buf_printf(out, " (%.*s)", STR_ARG(buf_str(&evidence)));
}
