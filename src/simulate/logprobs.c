/* simulate/logprobs.c: how probable the tokens of a text were, as chat completions and responses tell it.
 *
 * A token is a piece of the text. Each is as probable as the others, and its only alternative is itself.
 */
#include "simulate/answer_parts.h"

#include "json/json_writer.h"

#define LOGPROB "-0.12500" /* digits that a number of its own would not keep */

bool answer_has_logprobs(const struct answer *answer)
{
    return answer->play->logprobs && answer->play->has_text;
}

static void put_token(struct buf *out, struct str token)
{
    buf_puts(out, "{\"token\":");
    json_quote(out, token);
    buf_puts(out, ",\"logprob\":" LOGPROB ",\"bytes\":[");
    for (size_t i = 0; i < token.len; i++)
        buf_printf(out, i ? ",%d" : "%d", (unsigned char)token.at[i]);
    buf_putc(out, ']');
}

void answer_put_logprob(struct buf *out, struct str token)
{
    put_token(out, token);
    buf_puts(out, ",\"top_logprobs\":[");
    put_token(out, token);
    buf_puts(out, "}]}");
}

void answer_put_logprobs(const struct answer *answer, struct buf *out)
{
    struct str rest = answer_has_logprobs(answer) ? answer->play->text : STR("");
    int64_t pieces = play_or(answer->play->events, 0);
    for (const char *comma = ""; rest.len > 0; comma = ",") {
        buf_puts(out, comma);
        answer_put_logprob(out, answer_cut_piece(&rest, &pieces));
    }
}
