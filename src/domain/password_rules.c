/* domain/password_rules.c: see password_rules.h. */
#include "domain/password_rules.h"

#define UNIT_MAX 6 /* a password that repeats so short a piece is as short as the piece */

/* What stands at the top of the lists of leaked passwords and is long enough for us; folded as in fold(). */
static const char *const commonest[] = {
    "password1234",       "password12345",    "password123456",
    "passwordpassword",   "passw0rd1234",     "123456789012",
    "1234567890123",      "12345678901234",   "123456789012345",
    "1234567890123456",   "qwertyuiop12",     "qwertyuiop123",
    "qwerty123456",       "qwertyqwerty",     "qwertyuiopasdfghjkl",
    "1q2w3e4r5t6y",       "1qaz2wsx3edc",     "1qaz2wsx3edc4rfv",
    "q1w2e3r4t5y6",       "zaq12wsxcde3",     "abcdefghijkl",
    "abcdefghijklm",      "abcd12345678",     "abc123abc123",
    "abc123456789",       "iloveyou1234",     "iloveyouforever",
    "letmein12345",       "welcome12345",     "welcome123456",
    "administrator",      "administrator1",   "admin1234567",
    "admin12345678",      "adminadminadmin",  "changeme1234",
    "changemechangeme",   "trustno1trustno1", "correcthorsebatterystaple",
    "sunshine1234",       "football1234",     "baseball1234",
    "princess1234",       "superman1234",     "dragon123456",
    "monkey123456",       "master123456",     "michael12345",
    "charlie12345",       "987654321098",     "0987654321098",
    "111222333444",       "asdfghjkl123",     "asdfghjklasdfghjkl",
    "zxcvbnm12345",       "zxcvbnmzxcvbnm",   "secret123456",
    "default12345",       "auxotauxotauxot",  "auxotpassword",
    "auxot1234567",       "thisisapassword",  "mypassword123",
    "passwordispassword",
};
#define COMMONEST_COUNT (sizeof commonest / sizeof commonest[0])

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_folded_same(struct str left, struct str right)
{
    return str_ieq(left, right);
}

static size_t chars_of(struct str text)
{
    size_t chars = 0;
    for (size_t i = 0; i < text.len; i++)
        chars += ((unsigned char)text.at[i] & 0xc0) != 0x80; /* all but UTF-8's continuations */
    return chars;
}

static bool repeats_a_piece(struct str text)
{
    for (size_t unit = 1; unit <= UNIT_MAX; unit++) {
        size_t i = unit;
        while (i < text.len && fold(text.at[i]) == fold(text.at[i - unit]))
            i++;
        if (i == text.len)
            return true;
    }
    return false;
}

static bool is_common(struct str text)
{
    while (text.len > PASSWORD_MIN_CHARS && strchr("!.?*#", text.at[text.len - 1]))
        text.len--; /* what is put behind because a form asked for it */
    for (size_t i = 0; i < COMMONEST_COUNT; i++)
        if (is_folded_same(text, str_of(commonest[i])))
            return true;
    return false;
}

/* The address itself, or the part before the '@' with next to nothing around it. */
static bool is_address(struct str text, struct str email)
{
    struct str rest = email;
    struct str local = str_cut(&rest, '@');
    if (!email.len || is_folded_same(text, email))
        return email.len > 0;
    for (size_t at = 0; local.len >= 4 && at + local.len <= text.len; at++)
        if (is_folded_same((struct str){text.at + at, local.len}, local))
            return chars_of(text) - chars_of(local) < 6;
    return false;
}

const char *password_trouble(struct str password, struct str email)
{
    if (!str_is_utf8(password))
        return "The password is no valid UTF-8.";
    if (password.len > PASSWORD_MAX_BYTES)
        return "The password is too long: at most 128 bytes.";
    if (chars_of(password) < PASSWORD_MIN_CHARS)
        return "The password is too short: at least 12 characters. A few words in a row are easy to keep.";
    if (is_address(password, email))
        return "The password is the email address, or nearly. Choose another.";
    if (repeats_a_piece(password) || is_common(password))
        return "This password is among the first that anybody tries. Choose another.";
    return NULL;
}

/* ---- addresses ----------------------------------------------------------------------------------- */

/* What an address may hold besides its one '@': no blanks, no control characters, nothing that quotes. */
static bool is_address_byte(char c)
{
    return (unsigned char)c > 0x20 && (unsigned char)c != 0x7f && !strchr("\"(),:;<>[\\]@", c);
}

static bool is_part(struct str part)
{
    if (!part.len || part.at[0] == '.' || part.at[part.len - 1] == '.')
        return false;
    for (size_t i = 0; i < part.len; i++)
        if (!is_address_byte(part.at[i]))
            return false;
    return true;
}

bool email_normalize(struct str given, char out_email[EMAIL_MAX_BYTES + 1])
{
    struct str email = str_trim(given), domain = email;
    struct str local = str_cut(&domain, '@');
    if (email.len > EMAIL_MAX_BYTES || !str_is_utf8(email) || !is_part(local) || !is_part(domain))
        return false;
    for (size_t i = 0; i < email.len; i++)
        out_email[i] = fold(email.at[i]);
    out_email[email.len] = '\0';
    return true;
}
