/* wire/chat_citations.c: the sources of an answer's text, as chat completions names them: url_citation, with the place
 * in the text that it is the source of, counted in characters of the whole content.
 *
 * OpenAI's own (from a responses provider) say their place within their text; Anthropic's are of a whole text
 * block, whose end is not known before it has come. Such a citation waits in `pending`, without its tail; entries are
 * separated by line feeds, which stand in no JSON that we write.
 */
#include "wire/chat_parts.h"

#include "json/json_writer.h"

void chat_citations_text(struct chat_writing *writing, struct str text)
{
    writing->text_end += str_count_characters(text);
}

static void put_head(struct buf *out, const struct answer_event *event)
{
    buf_append_lit(out, "{\"type\":\"url_citation\",\"url_citation\":{\"url\":");
    json_quote(out, event->url);
    buf_append_lit(out, ",\"title\":");
    json_quote(out, event->title.len ? event->title : event->url);
}

static void put_tail(struct buf *out, int64_t start, int64_t end)
{
    buf_append_lit(out, ",\"start_index\":");
    buf_put_uint(out, (uint64_t)start);
    buf_append_lit(out, ",\"end_index\":");
    buf_put_uint(out, (uint64_t)end);
    buf_append_lit(out, "}}");
}

static void put_comma(struct buf *out)
{
    if (out->len)
        buf_putc(out, ',');
}

/* The place that the provider gave, within its text; false when it gave none. */
static bool place_of(struct answer_writer *writer, struct str raw, int64_t *out_start,
                     int64_t *out_end)
{
    struct json root;
    if (raw.len == 0 || json_parse(writer->scratch, raw, &root, NULL) != OK)
        return false;
    struct json inner = json_get(root, "url_citation");
    struct json from = json_type_of(inner) == JSON_OBJECT ? inner : root;
    *out_start = json_int64_or(json_get(from, "start_index"), -1);
    *out_end = json_int64_or(json_get(from, "end_index"), -1);
    const int64_t most = INT64_C(1) << 40;
    return *out_start >= 0 && *out_start < most && *out_end >= *out_start && *out_end < most;
}

void chat_citation_add(struct answer_writer *writer, const struct answer_event *event)
{
    struct chat_writing *writing = writer->own;
    int64_t start, end;
    if (event->url.len == 0) { /* a place in a document of the caller's: there is no form for it */
        fidelity_note(writer->fidelity, FIDELITY_DROPPED, "answer.citations");
    } else if (place_of(writer, event->raw, &start, &end)) {
        put_comma(&writing->citations);
        put_head(&writing->citations, event);
        put_tail(&writing->citations, writing->text_start + start, writing->text_start + end);
    } else {
        put_head(&writing->pending, event);
        buf_putc(&writing->pending, '\n');
    }
}

void chat_citations_end(struct chat_writing *writing)
{
    struct str rest = buf_str(&writing->pending);
    while (rest.len) {
        put_comma(&writing->citations);
        buf_append_str(&writing->citations, str_cut(&rest, '\n'));
        put_tail(&writing->citations, writing->text_start, writing->text_end);
    }
    buf_clear(&writing->pending);
    writing->text_start = writing->text_end;
}
