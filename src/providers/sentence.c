/* providers/sentence.c: a vendor's words, fit for a log line, a job's record and a caller.
 *
 * Vendors quote the credential in their refusals, mostly half hidden. Here it goes entirely, by the
 * prefixes that keys are known by: better a few harmless words too many than a secret in a database.
 */
#include "providers/judge_parts.h"

#define DOTS         "\xE2\x80\xA6" /* … */
#define SECRET_LEAST 8              /* what is shorter behind a prefix is a word: "sk-learn" */
#define SECRET_SURE  20             /* from here on even without a digit or a star in it */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* What a key may hold, and what vendors hide its middle with. */
static bool is_secret(char c)
{
    return is_word(c) || strchr("-_.*+/=~:", c) || (unsigned char)c >= 0x80;
}

/* Length of the secret at the front of `s`; 0 when these are just words. */
static size_t secret_len(struct str s)
{
    size_t len = 0;
    while (len < s.len && s.at[len] != '\0' && is_secret(s.at[len]))
        len++;
    while (len > 0 && strchr(".:", s.at[len - 1])) /* the sentence's own full stop */
        len--;
    if (len >= SECRET_SURE)
        return len;
    for (size_t i = 0; i < len && len >= SECRET_LEAST; i++)
        if ((s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '*' || (unsigned char)s.at[i] >= 0x80)
            return len;
    return 0; /* "Bearer authentication is required" */
}

/* Length of the key's prefix at the front of `text`, or 0. */
static size_t prefix_len(struct str text)
{
    static const struct str prefixes[] = {
        STR_INIT("bearer "), STR_INIT("basic "), STR_INIT("sk-"),   STR_INIT("sk_"),
        STR_INIT("pk-"),     STR_INIT("rk-"),    STR_INIT("sess-"), STR_INIT("auxk_"),
        STR_INIT("auxw_"),   STR_INIT("gsk_"),   STR_INIT("xai-"),  STR_INIT("aiza"),
        STR_INIT("hf_"),     STR_INIT("nvapi-"), STR_INIT("tgp_"),  STR_INIT("r8_"),
        STR_INIT("eyj"), /* a JSON web token */
    };
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (str_istarts(text, prefixes[i]))
            return prefixes[i].len;
    return 0;
}

void sentence_clean(struct str message, char *out_sentence, size_t room_bytes)
{
    char text[512];
    size_t len = 0;
    for (size_t i = 0; i < message.len && len + sizeof DOTS < sizeof text;) {
        struct str rest = str_from(message, i);
        bool is_start = i == 0 || !is_word(message.at[i - 1]);
        size_t prefix = is_start ? prefix_len(rest) : 0;
        size_t secret = prefix ? secret_len(str_from(rest, prefix)) : 0;
        if (secret > 0 && len + prefix + sizeof DOTS < sizeof text) {
            memcpy(text + len, rest.at, prefix);
            memcpy(text + len + prefix, DOTS, sizeof DOTS - 1);
            len += prefix + sizeof DOTS - 1;
            i += prefix + secret;
            continue;
        }
        bool is_control = (unsigned char)rest.at[0] < ' ' || rest.at[0] == 0x7F;
        if (!is_control)
            text[len++] = rest.at[0];
        else if (len > 0 && text[len - 1] != ' ')
            text[len++] = ' ';
        i++;
    }
    str_copy(str_trim((struct str){text, len}), out_sentence, room_bytes);
}
