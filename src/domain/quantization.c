/* domain/quantization.c: see quantization.h.
 *
 * A suffix stands behind '-', '.', '_' or ':' and is, whatever the case, one of
 *     [UD-] (Q | IQ | TQ) digit { '_' letters and digits }      Q8_0, Q4_K_M, IQ2_XXS, TQ1_0
 *     F16 F32 BF16 FP16 FP32 FP8 FP4 MXFP4 [_MOE]
 */
#include "domain/quantization.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_float(struct str text)
{
    static const struct str names[] = {STR_INIT("F16"),  STR_INIT("F32"),   STR_INIT("BF16"),
                                       STR_INIT("FP16"), STR_INIT("FP32"),  STR_INIT("FP8"),
                                       STR_INIT("FP4"),  STR_INIT("MXFP4"), STR_INIT("MXFP4_MOE")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_ieq(text, names[i]))
            return true;
    return false;
}

/* Behind the digit: parts of one to three characters, each behind a '_'. */
static bool are_parts(struct str text)
{
    while (text.len > 0) {
        size_t len = 0;
        if (text.at[0] != '_')
            return false;
        text = str_from(text, 1);
        while (len < text.len && is_word(text.at[len]))
            len++;
        if (len == 0 || len > 3)
            return false;
        text = str_from(text, len);
    }
    return true;
}

static bool is_quantization(struct str text)
{
    static const struct str families[] = {STR_INIT("Q"), STR_INIT("IQ"), STR_INIT("TQ")};
    if (str_istarts(text, STR("UD-")))
        text = str_from(text, 3);
    if (is_float(text))
        return true;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        struct str rest = str_from(text, families[i].len);
        if (str_istarts(text, families[i]) && rest.len > 0 && is_digit(rest.at[0]))
            return are_parts(str_from(rest, 1));
    }
    return false;
}

struct str model_stem(struct str id)
{
    static const struct str file = STR_INIT(".gguf");
    if (id.len > file.len && str_ieq(str_from(id, id.len - file.len), file))
        id.len -= file.len;
    for (size_t i = 1; i + 1 < id.len; i++) /* the longest suffix first */
        if (strchr("-._:", id.at[i]) && is_quantization(str_from(id, i + 1)))
            return str_upto(id, i);
    return id;
}
