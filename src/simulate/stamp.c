/* simulate/stamp.c: a mark, what it is bound to, and a sum over that. No secrets here: a toy lock. */
#include "simulate/stamp.h"

#define THINKING_MARK "EsimSig0" /* what real signatures look like: base64 */
#define OPAQUE_MARK   "gAAAAsim"
#define SUM_DIGITS    16u

static void append_sum(struct buf *out, struct str text)
{
    buf_printf(out, "%016llx", (unsigned long long)str_hash(text));
}

void stamp_thinking(struct buf *out, struct str thinking)
{
    buf_append_lit(out, THINKING_MARK);
    append_sum(out, thinking);
    buf_append_lit(out, "+/==");
}

bool stamp_thinking_is_ours(struct str signature, struct str thinking)
{
    AUTO_BUF struct buf made;
    buf_init(&made, 128);
    stamp_thinking(&made, thinking);
    return str_eq(signature, buf_str(&made));
}

void stamp_opaque(struct buf *out, struct str id)
{
    buf_append_lit(out, OPAQUE_MARK);
    append_sum(out, id);
    buf_append_str(out, id);
}

bool stamp_opaque_is_ours(struct str data, struct str *out_id)
{
    AUTO_BUF struct buf made;
    struct str id = str_from(data, sizeof OPAQUE_MARK - 1 + SUM_DIGITS);
    buf_init(&made, 512);
    stamp_opaque(&made, id);
    if (id.len == 0 || !str_eq(data, buf_str(&made)))
        return false;
    *out_id = id;
    return true;
}
