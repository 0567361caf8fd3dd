/* tests/fuzz/fuzz_error_body.c: any bytes as the body of an error answer, of both kinds. There is
 * always a verdict with a reason and a sentence, and no control character in what is shown; a refusal
 * teaches one thing at most. The first byte picks the kind and the status.
 */
#include "domain/quirks.h"
#include "providers/kinds.h"

#include <assert.h>

#define NOW_MS INT64_C(1763640000000)

static void check_shown(const char *text, size_t room)
{
    assert(memchr(text, '\0', room));
    for (; *text; text++)
        assert((unsigned char)*text >= ' ' && *text != 0x7F);
}

static void check_lesson(const struct verdict_report *report, struct str body)
{
    static const enum endpoint asked[] = {ENDPOINT_CHAT, ENDPOINT_RESPONSES, ENDPOINT_MESSAGES};
    bool is_refusal = report->http_status == 400 || report->http_status == 404;
    for (size_t i = 0; is_refusal && i < sizeof asked / sizeof asked[0]; i++) {
        unsigned quirk = quirk_of_refusal(report, asked[i], body);
        assert((quirk & (quirk - 1)) == 0);
    }
}

static void check(const struct verdict_report *report, struct str body)
{
    assert(report->verdict > VERDICT_NONE && report->verdict < VERDICT_COUNT);
    assert(report->reason[0] && report->sentence[0]);
    assert(report->retry_after_ms == RETRY_UNKNOWN_MS || report->retry_after_ms >= 250);
    check_shown(report->sentence, sizeof report->sentence);
    check_shown(report->param, sizeof report->param);
    check_lesson(report, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const int statuses[] = {200, 400, 401, 402, 403, 404, 413, 429, 500, 503, 529};
    static struct json_reader *reader;
    if (!reader && json_reader_new(1 << 20, &reader) != OK)
        return 0;
    if (len == 0)
        return 0;
    struct str body = {(const char *)bytes + 1, len - 1};
    enum provider_kind kind = bytes[0] & 1 ? PROVIDER_ANTHROPIC : PROVIDER_OPENAI;
    int status = statuses[(bytes[0] >> 1) % (sizeof statuses / sizeof statuses[0])];
    struct verdict_report report;
    provider_judge(kind, status, NULL, body, reader, NOW_MS, &report);
    check(&report, body);
    return 0;
}
