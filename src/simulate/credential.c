/* simulate/credential.c: what each vendor says to a missing and to a wrong key. */
#include "simulate/credential.h"

#include <assert.h>

static const struct {
    const char *missing, *wrong;
} sentences[] = {
    [VENDOR_OPENAI] =
        {"You didn't provide an API key. You need to provide your API key in an "
         "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
         "Incorrect API key provided: bad-key. You can find your API key at "
         "https://platform.openai.com/account/api-keys."},
    [VENDOR_ANTHROPIC] = {"x-api-key header is required", "invalid x-api-key"},
    [VENDOR_LLAMA] = {"Invalid API Key", "Invalid API Key"},
};
static_assert(sizeof sentences / sizeof sentences[0] == VENDOR_COUNT, "a row for each vendor");

static struct str credential_of(const struct http_head *head)
{
    struct str key = http_header_find(head, STR("x-api-key"), NULL);
    struct str bearer = http_header_find(head, STR("authorization"), NULL);
    if (key.len == 0 && str_istarts(bearer, STR("bearer ")))
        key = str_trim(str_from(bearer, sizeof "bearer " - 1));
    return key;
}

const char *credential_trouble(const struct http_head *head, enum vendor vendor, bool needs_key,
                               const char *only)
{
    struct str key = credential_of(head);
    if (only && !str_eq(key, str_of(only)))
        return sentences[vendor].wrong;
    if (key.len == 0)
        return needs_key ? sentences[vendor].missing : NULL;
    return str_eq(key, STR("bad-key")) ? sentences[vendor].wrong : NULL;
}
