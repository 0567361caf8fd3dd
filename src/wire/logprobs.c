/* wire/logprobs.c: log probabilities of tokens, cut out of one list and put into another. */
#include "wire/logprobs.h"

struct str logprobs_of(struct json_reader *reader, struct json list, size_t from, struct str source)
{
    struct json_cursor elements = json_each(list);
    size_t number = 0;
    if (json_type_of(list) != JSON_ARRAY)
        return STR("");
    while (json_next(&elements)) {
        if (number++ < from)
            continue;
        struct str first = json_raw(reader, elements.value, source);
        struct str whole = json_raw(reader, list, source);
        if (first.len == 0 || whole.len == 0)
            return STR("");
        size_t start = (size_t)(first.at - whole.at);
        return str_trim(str_upto(str_from(whole, start), whole.len - start - 1));
    }
    return STR("");
}

void logprobs_put(struct buf *out, size_t start, struct str elements)
{
    if (elements.len == 0)
        return;
    if (out->len > start)
        buf_putc(out, ',');
    char *room = buf_reserve(out, elements.len);
    if (!room)
        return;
    for (size_t i = 0; i < elements.len; i++) /* line ends cannot stand inside a JSON string */
        room[i] = elements.at[i] == '\n' || elements.at[i] == '\r' ? ' ' : elements.at[i];
    room[elements.len] = '\0';
    out->len += elements.len;
}

void logprobs_init(struct logprobs *kept)
{
    *kept = (struct logprobs){0};
    buf_init(&kept->list, (size_t)2 * LOGPROBS_KEPT_MAX); /* with their commas */
}

void logprobs_release(struct logprobs *kept)
{
    buf_release(&kept->list);
}

void logprobs_keep(struct logprobs *kept, struct str elements, struct fidelity *fidelity)
{
    kept->bytes += elements.len;
    if (kept->bytes <= LOGPROBS_KEPT_MAX) {
        logprobs_put(&kept->list, 0, elements);
        return;
    }
    buf_clear(&kept->list);
    fidelity_note(fidelity, FIDELITY_DROPPED, "answer.logprobs");
}
