/* wire/answer_parts.c: parts of an answer, one at a time, in the order in which they began.
 *
 * The part that is open goes straight through. What comes for others meanwhile is kept as it came (each event with
 * its bytes) and told when the parts before it have ended. Nearly all answers never wait: then this costs a comparison.
 */
#include "wire/answer.h"

/* An event that waits; its texts stand in the part's bytes, one behind the other. */
struct waiting_event {
    enum answer_kind kind;
    size_t text_len, url_len, title_len, raw_len, seal_len, logprobs_len;
    enum endpoint sealed_by;
};

struct waiting_part {
    int slot;
    bool has_ended;
    struct answer_event begin; /* its texts stand first in `bytes` */
    size_t id_len, name_len;
    struct buf bytes;  /* texts */
    struct buf events; /* struct waiting_event, packed */
};

void answer_parts_init(struct answer_parts *parts, answer_on_event *on_event, void *arg)
{
    *parts = (struct answer_parts){.on_event = on_event, .arg = arg, .open_slot = -1};
}

static void free_part(struct answer_parts *parts, struct waiting_part *part)
{
    parts->waiting_bytes -= part->bytes.len + part->events.len;
    buf_release(&part->bytes);
    buf_release(&part->events);
}

void answer_parts_release(struct answer_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free_part(parts, &parts->waiting[i]);
    mem_free(parts->waiting);
    parts->waiting = NULL;
    parts->count = parts->room = 0;
}

static struct waiting_part *find(const struct answer_parts *parts, int slot)
{
    for (size_t i = 0; i < parts->count; i++)
        if (parts->waiting[i].slot == slot && !parts->waiting[i].has_ended)
            return &parts->waiting[i];
    return NULL;
}

bool answer_parts_has(const struct answer_parts *parts, int slot)
{
    return parts->open_slot == slot || find(parts, slot);
}

/* ---- keeping --------------------------------------------------------------------------------- */

static void add_bytes(struct answer_parts *parts, struct buf *to, const void *bytes, size_t len)
{
    if (parts->waiting_bytes + len > ANSWER_WAITING_MAX) {
        parts->failed = true;
        return;
    }
    buf_append(to, bytes, len);
    parts->waiting_bytes += to->failed ? 0 : len;
    parts->failed |= to->failed;
}

static void add_text(struct answer_parts *parts, struct waiting_part *part, struct str text)
{
    add_bytes(parts, &part->bytes, text.at, text.len);
}

static struct waiting_part *add_part(struct answer_parts *parts, int slot)
{
    if (parts->count == ANSWER_PARTS_MAX)
        return NULL;
    if (parts->count == parts->room) {
        size_t room = parts->room ? parts->room * 2 : 4;
        struct waiting_part *grown = mem_realloc(parts->waiting, room * sizeof *grown);
        if (!grown)
            return NULL;
        parts->waiting = grown;
        parts->room = room;
    }
    struct waiting_part *part = &parts->waiting[parts->count++];
    *part = (struct waiting_part){.slot = slot};
    buf_init(&part->bytes, ANSWER_WAITING_MAX);
    buf_init(&part->events, ANSWER_WAITING_MAX);
    return part;
}

static void keep(struct answer_parts *parts, struct waiting_part *part,
                 const struct answer_event *event)
{
    struct waiting_event waiting = {.kind = event->kind,
                                    .text_len = event->text.len,
                                    .url_len = event->url.len,
                                    .title_len = event->title.len,
                                    .raw_len = event->raw.len,
                                    .seal_len = event->seal.len,
                                    .logprobs_len = event->logprobs.len,
                                    .sealed_by = event->sealed_by};
    add_bytes(parts, &part->events, &waiting, sizeof waiting);
    add_text(parts, part, event->text);
    add_text(parts, part, event->url);
    add_text(parts, part, event->title);
    add_text(parts, part, event->raw);
    add_text(parts, part, event->seal);
    add_text(parts, part, event->logprobs);
}

/* ---- telling --------------------------------------------------------------------------------- */

static struct str take(struct str *rest, size_t len)
{
    struct str text = str_upto(*rest, len);
    *rest = str_from(*rest, len);
    return text;
}

static void tell_kept(struct answer_parts *parts, const struct waiting_part *part)
{
    struct str rest = buf_str(&part->bytes);
    struct answer_event event = part->begin;
    event.id = take(&rest, part->id_len);
    event.name = take(&rest, part->name_len);
    parts->on_event(parts->arg, &event);
    for (size_t at = 0; at < part->events.len; at += sizeof(struct waiting_event)) {
        struct waiting_event waiting;
        memcpy(&waiting, part->events.data + at, sizeof waiting);
        event = (struct answer_event){.kind = waiting.kind,
                                      .part = part->begin.part,
                                      .is_custom = part->begin.is_custom,
                                      .sealed_by = waiting.sealed_by};
        event.text = take(&rest, waiting.text_len);
        event.url = take(&rest, waiting.url_len);
        event.title = take(&rest, waiting.title_len);
        event.raw = take(&rest, waiting.raw_len);
        event.seal = take(&rest, waiting.seal_len);
        event.logprobs = take(&rest, waiting.logprobs_len);
        parts->on_event(parts->arg, &event);
    }
}

/* The open part has ended: those that waited, until one of them is still open. */
static void open_next(struct answer_parts *parts)
{
    size_t told = 0;
    parts->open_slot = -1;
    while (told < parts->count && parts->open_slot < 0 && !parts->failed) {
        struct waiting_part *part = &parts->waiting[told++];
        tell_kept(parts, part);
        if (!part->has_ended) {
            parts->open_slot = part->slot;
            parts->open_part = part->begin.part;
        }
        free_part(parts, part);
    }
    parts->count -= told;
    if (parts->count)
        memmove(parts->waiting, parts->waiting + told, parts->count * sizeof *parts->waiting);
}

/* ---- what readers call ----------------------------------------------------------------------- */

void answer_parts_begin(struct answer_parts *parts, int slot, const struct answer_event *begin)
{
    if (parts->failed)
        return;
    if (answer_parts_has(parts, slot)) {
        parts->failed = true;
        return;
    }
    if (parts->open_slot < 0) {
        parts->open_slot = slot;
        parts->open_part = begin->part;
        parts->on_event(parts->arg, begin);
        return;
    }
    struct waiting_part *part = add_part(parts, slot);
    if (!part) {
        parts->failed = true;
        return;
    }
    part->begin = (struct answer_event){
        .kind = begin->kind, .part = begin->part, .is_custom = begin->is_custom};
    part->id_len = begin->id.len;
    part->name_len = begin->name.len;
    add_text(parts, part, begin->id);
    add_text(parts, part, begin->name);
}

void answer_parts_more(struct answer_parts *parts, int slot, const struct answer_event *more)
{
    if (parts->failed)
        return;
    if (parts->open_slot == slot) {
        parts->on_event(parts->arg, more);
        return;
    }
    struct waiting_part *part = find(parts, slot);
    if (part)
        keep(parts, part, more);
    else
        parts->failed = true;
}

void answer_parts_end(struct answer_parts *parts, int slot, const struct answer_event *end)
{
    if (parts->failed)
        return;
    if (parts->open_slot == slot) {
        parts->on_event(parts->arg, end);
        open_next(parts);
        return;
    }
    struct waiting_part *part = find(parts, slot);
    if (!part) {
        parts->failed = true;
        return;
    }
    keep(parts, part, end);
    part->has_ended = true;
}

void answer_parts_end_all(struct answer_parts *parts)
{
    struct answer_event end = {.kind = ANSWER_PART_END};
    for (size_t i = 0; i < parts->count && !parts->failed; i++) {
        struct waiting_part *part = &parts->waiting[i];
        if (!part->has_ended)
            keep(parts, part, &end);
        part->has_ended = true;
    }
    end.part = parts->open_part;
    if (parts->open_slot >= 0)
        answer_parts_end(parts, parts->open_slot, &end);
}
