/* wire/chat_thinking.c: sealed thinking of a turn that called tools, kept between two requests of a chat caller.
 *
 * This dialect has no opaque field, so the envelopes (wire/seal.h) are handed to the sealer's memory under the ids of the
 * turn's calls, as the caller knows them; when these ids come back with their results, the thinking does too. Turns
 * without calls need no thinking to go on, so theirs is not kept.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

/* ---- answers: kept ----------------------------------------------------------------------------- */

static bool may_keep(const struct answer_writer *writer)
{
    return writer->sealer && writer->sealer->keep;
}

void chat_thinking_begin(struct answer_writer *writer, const struct answer_event *begin)
{
    struct chat_writing *writing = writer->own;
    if (!may_keep(writer) || (begin->part != PART_THINKING && begin->part != PART_SEALED))
        return;
    buf_clear(&writing->thought);
    buf_clear(&writing->thought_id);
    buf_append_str(&writing->thought_id, begin->id);
}

void chat_thinking_more(struct answer_writer *writer, struct str text)
{
    struct chat_writing *writing = writer->own;
    if (may_keep(writer))
        buf_append_str(&writing->thought, text);
}

void chat_thinking_end(struct answer_writer *writer, const struct answer_event *end)
{
    struct chat_writing *writing = writer->own;
    bool is_opaque = end->part == PART_SEALED;
    bool is_sealed = is_opaque || (end->part == PART_THINKING && end->seal.len);
    if (!is_sealed)
        return;
    writing->has_seal = true;
    if (!may_keep(writer) || writing->thought.failed || writing->envelopes.failed)
        return;
    struct sealed_thinking thinking = {.maker = end->sealed_by,
                                       .is_opaque = is_opaque,
                                       .id = buf_str(&writing->thought_id),
                                       .text = buf_str(&writing->thought),
                                       .seal = end->seal};
    if (seal_put(writer->sealer, &thinking, &writing->envelopes))
        buf_putc(&writing->envelopes, '\n');
}

void chat_thinking_call(struct answer_writer *writer, struct str id)
{
    struct chat_writing *writing = writer->own;
    if (!may_keep(writer))
        return;
    if (writing->call_ids.len)
        buf_putc(&writing->call_ids, '\n');
    tool_id_put(&writing->call_ids, ENDPOINT_CHAT, id);
}

void chat_thinking_stop(struct answer_writer *writer)
{
    struct chat_writing *writing = writer->own;
    bool is_kept = writing->envelopes.len && writing->call_ids.len && !writing->envelopes.failed &&
                   !writing->call_ids.failed;
    if (is_kept)
        writer->sealer->keep(writer->sealer->arg, buf_str(&writing->call_ids),
                             buf_str(&writing->envelopes));
    if (writing->has_seal)
        fidelity_note(writer->fidelity, is_kept ? FIDELITY_EMULATED : FIDELITY_DROPPED,
                      "answer.thinking.signature");
}

/* ---- requests: recalled ------------------------------------------------------------------------ */

#define KEPT_MAX (1u << 20)

static void add_part(struct prompt *prompt, struct turn *turn,
                     const struct sealed_thinking *thinking)
{
    struct part *part =
        prompt_add_part(prompt, turn, thinking->is_opaque ? PART_SEALED : PART_THINKING);
    if (part)
        prompt_part_think(part, thinking);
}

bool chat_thinking_recall(struct prompt *prompt, struct turn *turn, struct json calls)
{
    const struct sealer *sealer = prompt->sealer;
    AUTO_BUF struct buf ids, kept;
    buf_init(&ids, 64u * 1024);
    buf_init(&kept, KEPT_MAX);
    if (!turn || !sealer || !sealer->recall || json_count(calls) == 0)
        return false;
    for (struct json_cursor c = json_each(calls); json_next(&c);) {
        if (ids.len)
            buf_putc(&ids, '\n');
        json_quote(&ids, json_string_or_empty(json_get(c.value, "id")));
    }
    if (ids.failed || !sealer->recall(sealer->arg, buf_str(&ids), &kept))
        return false;
    bool is_there = false;
    for (struct str rest = buf_str(&kept); rest.len;) {
        struct sealed_thinking thinking;
        if (!seal_open(sealer, prompt->arena, str_cut(&rest, '\n'), &thinking))
            continue;
        add_part(prompt, turn, &thinking);
        is_there = true;
    }
    return is_there;
}
