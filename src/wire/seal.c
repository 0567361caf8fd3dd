/* wire/seal.c: see seal.h. Inside an envelope: who made it, then three texts with their lengths before them. */
#include "wire/seal.h"

#define ENVELOPE_MAX (4u << 20)

bool seal_is_ours(struct str text)
{
    return str_starts(text, STR(SEAL_PREFIX));
}

/* "12:" and the text. */
static void put_text(struct buf *out, struct str text)
{
    buf_put_uint(out, text.len);
    buf_putc(out, ':');
    buf_append_str(out, text);
}

static bool take_text(struct str *rest, struct str *out_text)
{
    struct str digits = str_cut(rest, ':');
    int64_t len;
    if (!str_to_int64(digits, &len) || (uint64_t)len > rest->len)
        return false;
    *out_text = str_upto(*rest, (size_t)len);
    *rest = str_from(*rest, (size_t)len);
    return true;
}

static char letter_of(enum endpoint maker)
{
    return maker == ENDPOINT_MESSAGES ? 'm' : maker == ENDPOINT_RESPONSES ? 'r' : 'c';
}

bool seal_put(const struct sealer *sealer, const struct sealed_thinking *thinking, struct buf *out)
{
    AUTO_BUF struct buf plain;
    buf_init(&plain, ENVELOPE_MAX);
    size_t before = out->len;
    if (!sealer)
        return false;
    buf_putc(&plain, letter_of(thinking->maker));
    buf_putc(&plain, thinking->is_opaque ? '1' : '0');
    put_text(&plain, thinking->id);
    put_text(&plain, thinking->text);
    put_text(&plain, thinking->seal);
    buf_append_lit(out, SEAL_PREFIX);
    if (!plain.failed && !out->failed && sealer->seal(sealer->arg, buf_str(&plain), out) &&
        !out->failed)
        return true;
    if (!out->failed)
        out->len = before;
    return false;
}

static bool read_plain(struct str plain, struct sealed_thinking *out)
{
    if (plain.len < 2)
        return false;
    char maker = plain.at[0];
    *out = (struct sealed_thinking){.maker = maker == 'm'   ? ENDPOINT_MESSAGES
                                             : maker == 'r' ? ENDPOINT_RESPONSES
                                                            : ENDPOINT_CHAT,
                                    .is_opaque = plain.at[1] == '1'};
    plain = str_from(plain, 2);
    return take_text(&plain, &out->id) && take_text(&plain, &out->text) &&
           take_text(&plain, &out->seal) && plain.len == 0;
}

bool seal_open(const struct sealer *sealer, struct arena *arena, struct str text,
               struct sealed_thinking *out_thinking)
{
    AUTO_BUF struct buf plain;
    buf_init(&plain, ENVELOPE_MAX);
    if (!sealer || !seal_is_ours(text))
        return false;
    if (!sealer->open(sealer->arg, str_from(text, strlen(SEAL_PREFIX)), &plain) || plain.failed)
        return false;
    char *kept = arena_dup(arena, plain.data, plain.len);
    return kept && read_plain((struct str){kept, plain.len}, out_thinking);
}
