/* domain/trace.c: see trace.h. */
#include "domain/trace.h"

#include "domain/id.h"

#define TRACE_AT        3 /* "00-" */
#define PARENT_AT       36
#define FLAGS_AT        53
#define TRACEPARENT_LEN 55
#define FLAG_SAMPLED    1

/* Lower-case digits; not all of them zero. */
static bool read_id(struct str text, size_t at, uint8_t *out_bytes, size_t count)
{
    bool is_some = false;
    for (size_t i = 0; i < count; i++) {
        int high = str_hex_digit(text.at[at + 2 * i]), low = str_hex_digit(text.at[at + 2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out_bytes[i] = (uint8_t)(high << 4 | low);
        is_some |= out_bytes[i] != 0;
    }
    return is_some;
}

bool traceparent_parse(struct str text, struct trace *out_trace)
{
    struct trace trace = {.has_parent = true};
    if (text.len != TRACEPARENT_LEN || !str_starts(text, STR("00-")) ||
        text.at[PARENT_AT - 1] != '-' || text.at[FLAGS_AT - 1] != '-')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] >= 'A' && text.at[i] <= 'F')
            return false;
    int high = str_hex_digit(text.at[FLAGS_AT]), low = str_hex_digit(text.at[FLAGS_AT + 1]);
    if (high < 0 || low < 0 || !read_id(text, TRACE_AT, trace.id, sizeof trace.id) ||
        !read_id(text, PARENT_AT, trace.parent, sizeof trace.parent))
        return false;
    trace.is_sampled = low & FLAG_SAMPLED;
    *out_trace = trace;
    return true;
}

bool trace_of_job(struct str job, struct trace *out_trace)
{
    struct trace trace = {.is_sampled = true};
    if (!id_bits(job, "job_", trace.id))
        return false;
    *out_trace = trace;
    return true;
}

void trace_span(struct str job, int attempt, uint8_t out_span[SPAN_ID_BYTES])
{
    /* One step of a mixer, so that the spans of a job differ in more than their last bits. */
    uint64_t hash = str_hash(job) + (uint64_t)attempt * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    hash += hash == 0;
    for (int i = SPAN_ID_BYTES - 1; i >= 0; i--, hash >>= 8)
        out_span[i] = (uint8_t)hash;
}

void traceparent_write(const struct trace *trace, const uint8_t span[SPAN_ID_BYTES],
                       struct buf *out)
{
    buf_append_lit(out, "00-");
    buf_put_hex(out, trace->id, sizeof trace->id);
    buf_putc(out, '-');
    buf_put_hex(out, span, SPAN_ID_BYTES);
    buf_puts(out, trace->is_sampled ? "-01" : "-00");
}
