/* gateway/receipt.c: see receipt.h. */
#include "gateway/receipt.h"

int64_t receipt_us(const struct receipt *receipt, enum receipt_phase phase)
{
    return receipt->seen & 1u << phase ? (receipt->ns[phase] + 500) / 1000 : -1;
}

void receipt_header(const struct receipt *receipt, struct buf *out)
{
    static const struct str names[PHASE_COUNT] = {
#define X(name, text) STR_INIT(#text),
        PHASE_LIST(X)
#undef X
    };
    bool is_first = true;
    if (!receipt->is_wanted || !receipt->seen)
        return;
    buf_append_lit(out, "x-auxot-timing: ");
    for (int i = 0; i < PHASE_COUNT; i++) {
        long long us = (long long)receipt_us(receipt, (enum receipt_phase)i);
        if (us < 0)
            continue;
        buf_puts(out, is_first ? "" : ", ");
        buf_append_str(out, names[i]);
        buf_printf(out, ";dur=%lld.%03lld", us / 1000, us % 1000);
        is_first = false;
    }
    buf_append_lit(out, "\r\n");
}
