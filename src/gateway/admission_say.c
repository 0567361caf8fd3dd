/* gateway/admission_say.c: what the caller is told of limits: sentences, and headers in each dialect's form.
 *
 * Sentences name the limit, its value and who can change it. Headers: OpenAI's tell the time until a limit is whole
 * again as a duration ("1m3.250s"), Anthropic's as a date.
 */
#include "domain/month.h"
#include "gateway/request.h"
#include "sys/clock.h"

#include <stdio.h>
#include <time.h>

#define WHO_BYTES 100

/* "Team Research", "This API key". */
static void say_who(const struct request *request, bool is_team, char room[WHO_BYTES])
{
    if (is_team)
        (void)snprintf(room, WHO_BYTES, "Team %s", request->principal->team->name);
    else
        str_copy(STR("This API key"), room, WHO_BYTES);
}

static const char *changer(bool is_team)
{
    return is_team ? "an admin" : "whoever manages the key";
}

static long long seconds(int64_t ms)
{
    return (long long)(ms <= 0 ? 1 : (ms + 999) / 1000);
}

/* "$12.34", rounded down; what is less than a cent is told in full. */
static void say_money(int64_t microusd, char room[32])
{
    long long whole = (long long)(microusd / 1000000), part = (long long)(microusd % 1000000);
    if (microusd > 0 && microusd < 10000)
        (void)snprintf(room, 32, "$0.%06lld", part);
    else
        (void)snprintf(room, 32, "$%lld.%02lld", whole, part / 10000);
}

static void say_tokens(const char *who, bool is_team, const struct limits_refusal *refusal,
                       int64_t asked, char *room, size_t room_bytes)
{
    if (refusal->wait_ms == LIMIT_NEVER_MS)
        (void)snprintf(room, room_bytes,
                       "%s may use %lld tokens a minute, and this prompt alone has more. Send a "
                       "shorter one, or ask %s to raise tokens_per_minute.",
                       who, (long long)refusal->most, changer(is_team));
    else
        (void)snprintf(room, room_bytes,
                       "%s may use %lld tokens a minute; %lld are left, and this request may take "
                       "%lld. Try again in %lld s, send a smaller max_tokens, or ask %s to raise "
                       "tokens_per_minute.",
                       who, (long long)refusal->most, (long long)refusal->left, (long long)asked,
                       seconds(refusal->wait_ms), changer(is_team));
}

static void say_budget(const char *who, bool is_team, const struct limits_refusal *refusal,
                       int64_t asked, char *room, size_t room_bytes)
{
    char most[32], left[32], cost[32], month[16];
    say_money(refusal->most, most);
    say_money(refusal->left, left);
    say_money(asked, cost);
    month_name(month_of(clock_wall_ms()), month);
    (void)snprintf(room, room_bytes,
                   "%s has a budget of %s for %s (UTC); %s is left, and this request could cost "
                   "%s. A smaller max_tokens costs less; %s can raise budget_microusd_per_month.",
                   who, most, month, left, cost, changer(is_team));
}

void admission_say(const struct request *request, bool is_team,
                   const struct limits_refusal *refusal, int64_t asked, char *room,
                   size_t room_bytes)
{
    char who[WHO_BYTES];
    long long most = (long long)refusal->most;
    say_who(request, is_team, who);
    switch (refusal->kind) {
    case LIMIT_REQUESTS:
        if (refusal->wait_ms == LIMIT_NEVER_MS)
            (void)snprintf(
                room, room_bytes,
                "%s may make no requests (requests_per_minute is 0). Ask %s to raise it.", who,
                changer(is_team));
        else
            (void)snprintf(room, room_bytes,
                           "%s may make %lld requests a minute, and has made them. Try again in "
                           "%lld s, or ask %s to raise requests_per_minute.",
                           who, most, seconds(refusal->wait_ms), changer(is_team));
        break;
    case LIMIT_TOKENS: say_tokens(who, is_team, refusal, asked, room, room_bytes); break;
    case LIMIT_CONCURRENCY:
        (void)snprintf(room, room_bytes,
                       "%s may have %lld requests running at a time, and has. Try again when one "
                       "has ended, or ask %s to raise max_concurrent.",
                       who, most, changer(is_team));
        break;
    default: say_budget(who, is_team, refusal, asked, room, room_bytes); break;
    }
}

/* ---- headers: on every answer of a limited caller, so without printf ------------------------------- */

static void put_line(struct buf *out, const char *before, const char *what, const char *after,
                     int64_t number)
{
    buf_puts(out, before);
    buf_puts(out, what);
    buf_puts(out, after);
    buf_put_uint(out, (uint64_t)number);
    buf_append_lit(out, "\r\n");
}

/* As Go prints durations: "250ms", "1.500s", "1m3.250s". */
static void put_duration(struct buf *out, int64_t ms)
{
    uint64_t parts = (uint64_t)ms % 1000;
    if (ms < 1000) {
        buf_put_uint(out, parts);
        buf_append_lit(out, "ms");
        return;
    }
    if (ms >= 60000) {
        buf_put_uint(out, (uint64_t)ms / 60000);
        buf_putc(out, 'm');
    }
    const char digits[] = {'.', (char)('0' + parts / 100), (char)('0' + parts / 10 % 10),
                           (char)('0' + parts % 10), 's'};
    buf_put_uint(out, (uint64_t)ms / 1000 % 60);
    buf_append(out, digits, sizeof digits);
}

static void put_openai(struct buf *out, const char *what, const struct limit_told *told)
{
    put_line(out, "x-ratelimit-limit-", what, ": ", told->most);
    put_line(out, "x-ratelimit-remaining-", what, ": ", told->left);
    buf_append_lit(out, "x-ratelimit-reset-");
    buf_puts(out, what);
    buf_append_lit(out, ": ");
    put_duration(out, told->reset_ms);
    buf_append_lit(out, "\r\n");
}

static void put_anthropic(struct buf *out, const char *what, const struct limit_told *told,
                          int64_t wall_ms)
{
    char date[32];
    struct tm utc;
    time_t at = (time_t)((wall_ms + told->reset_ms + 999) / 1000);
    (void)gmtime_r(&at, &utc);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &utc);
    put_line(out, "anthropic-ratelimit-", what, "-limit: ", told->most);
    put_line(out, "anthropic-ratelimit-", what, "-remaining: ", told->left);
    buf_append_lit(out, "anthropic-ratelimit-");
    buf_puts(out, what);
    buf_append_lit(out, "-reset: ");
    buf_puts(out, date);
    buf_append_lit(out, "\r\n");
}

void admission_headers(const struct request *request, struct buf *out)
{
    const struct limits_told *all = &request->admission.told;
    const struct {
        const char *what;
        const struct limit_told *told;
    } rows[] = {{"requests", &all->requests}, {"tokens", &all->tokens}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].told->is_there)
            continue;
        if (request->dialect == DIALECT_ANTHROPIC)
            put_anthropic(out, rows[i].what, rows[i].told, loop_wall_ms(request->gl->loop));
        else
            put_openai(out, rows[i].what, rows[i].told);
    }
}
