/* simulate/seen.c: a list of sightings, rendered only when somebody reads them. */
#include "simulate/seen.h"

#include "base/mem.h"
#include "json/json_writer.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>

#define FLUSH_NS    INT64_C(20000000)
#define FILE_BUFFER (1u << 20)

struct seen {
    struct list sightings; /* by number, oldest first */
    size_t count, bytes;
    bool is_kept;
    FILE *file;
    struct loop *loop;
    struct deadline flush;
    bool is_flush_due;
    struct buf line;
};

/* ---- life ------------------------------------------------------------------------------------ */

static void on_flush(struct deadline *deadline)
{
    struct seen *seen = LIST_OWNER(deadline, struct seen, flush);
    seen->is_flush_due = false;
    (void)fflush(seen->file);
}

enum err seen_open(struct loop *loop, const char *path, bool is_kept, struct seen **out_seen,
                   struct error *error)
{
    struct seen *seen = mem_zalloc(1, sizeof *seen);
    if (!seen)
        return error_set(error, ERR_NO_MEMORY, "no memory for the log");
    list_init(&seen->sightings);
    seen->loop = loop;
    seen->is_kept = is_kept || path;
    buf_init(&seen->line, SEEN_LINE_MAX);
    if (path && !(seen->file = fopen(path, "ae"))) {
        enum err err = error_set(error, ERR_IO, "cannot write '%s': %s", path, ERRNO_TEXT(errno));
        mem_free(seen);
        return err;
    }
    if (seen->file)
        (void)setvbuf(seen->file, NULL, _IOFBF, FILE_BUFFER);
    deadline_init(&seen->flush, loop, on_flush);
    *out_seen = seen;
    return OK;
}

static void drop(struct seen *seen, struct sighting *sighting)
{
    list_unlink(&sighting->node);
    seen->count--;
    seen->bytes -= sighting->block_bytes;
    mem_free(sighting);
}

void seen_close(struct seen *seen)
{
    if (!seen)
        return;
    LIST_EACH_SAFE(node, &seen->sightings)
    drop(seen, LIST_OWNER(node, struct sighting, node));
    if (seen->file)
        (void)fclose(seen->file);
    deadline_release(&seen->flush);
    buf_release(&seen->line);
    mem_free(seen);
}

/* ---- taking in ------------------------------------------------------------------------------- */

static void make_room(struct seen *seen)
{
    while (seen->count >= SEEN_ENTRIES_MAX || seen->bytes > SEEN_BYTES_MAX) {
        struct sighting *oldest = LIST_OWNER(seen->sightings.next, struct sighting, node);
        if (list_is_empty(&seen->sightings) || oldest->ended_at_ms == 0)
            return; /* still open: it must stay where its owner points */
        drop(seen, oldest);
    }
}

static char *put(char *at, struct str *text)
{
    if (text->len > 0)
        memcpy(at, text->at, text->len);
    text->at = at;
    return at + text->len;
}

static size_t headers_bytes(const struct http_head *head)
{
    size_t total = 0;
    for (size_t i = 0; i < head->header_count; i++)
        total += head->headers[i].name.len + head->headers[i].value.len + 3;
    return total;
}

static char *put_headers(char *at, const struct http_head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct str name = head->headers[i].name, value = head->headers[i].value;
        at = put(at, &name);
        memcpy(at, ": ", 2);
        at = put(at + 2, &value);
        *at++ = '\n';
    }
    return at;
}

struct sighting *seen_add(struct seen *seen, const struct sighting *what,
                          const struct http_head *head)
{
    if (!seen->is_kept)
        return NULL;
    make_room(seen);
    size_t body_len = what->body.len <= SEEN_BODY_MAX ? what->body.len : 0;
    size_t block = sizeof(struct sighting) + what->method.len + what->target.len + what->model.len +
                   what->played_by.len + headers_bytes(head) + body_len;
    struct sighting *sighting = mem_alloc(block);
    if (!sighting)
        return NULL;
    *sighting = *what;
    sighting->block_bytes = block;
    sighting->body_bytes = what->body.len;
    sighting->body.len = body_len;
    char *at = (char *)(sighting + 1);
    at = put(at, &sighting->method);
    at = put(at, &sighting->target);
    at = put(at, &sighting->model);
    at = put(at, &sighting->played_by);
    at = put(at, &sighting->body);
    sighting->headers.at = at;
    sighting->headers.len = (size_t)(put_headers(at, head) - at);
    list_push_back(&seen->sightings, &sighting->node);
    seen->count++;
    seen->bytes += block;
    return sighting;
}

/* ---- as JSON --------------------------------------------------------------------------------- */

static bool is_credential(struct str name)
{
    return str_ieq(name, STR("authorization")) || str_ieq(name, STR("x-api-key")) ||
           str_ieq(name, STR("api-key"));
}

/* "sha256:" and 12 digits, of the value without "Bearer ". */
static void mask(struct str value, char room[32])
{
    if (str_istarts(value, STR("bearer ")))
        value = str_trim(str_from(value, 7));
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    (void)EVP_Digest(value.at, value.len, digest, NULL, EVP_sha256(), NULL);
    (void)snprintf(room, 32, "sha256:%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2],
                   digest[3], digest[4], digest[5]);
}

static void write_headers(struct json_writer *writer, struct str headers,
                          struct str *out_request_id)
{
    json_open_object_named(writer, "headers");
    while (headers.len > 0) {
        struct str value = str_cut(&headers, '\n');
        struct str name = str_cut(&value, ':');
        value = str_trim(value);
        char lower[128], masked[32];
        str_copy(name, lower, sizeof lower);
        for (char *c = lower; *c; c++)
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
        if (strcmp(lower, "x-client-request-id") == 0)
            *out_request_id = value;
        if (is_credential(name)) {
            mask(value, masked);
            value = str_of(masked);
        }
        json_put_string(writer, lower, value);
    }
    json_close_object(writer);
}

static void write_end(struct json_writer *writer, const struct sighting *sighting)
{
    static const char *const names[] = {"finished", "cut", "reset", "client_closed"};
    static_assert(sizeof names / sizeof names[0] == PLAYED_COUNT, "one name per end");
    if (sighting->ended_at_ms == 0) {
        json_put_null(writer, "ended");
        json_put_null(writer, "ended_at_ms");
        return;
    }
    json_put_text(writer, "ended", names[sighting->end]);
    json_put_int(writer, "ended_at_ms", sighting->ended_at_ms);
    json_put_int(writer, "events", sighting->events);
    json_put_int(writer, "bytes", sighting->bytes_sent);
}

static void write_sighting(const struct sighting *sighting, struct buf *out)
{
    struct json_writer writer;
    struct str request_id = {"", 0};
    struct str query = sighting->target;
    struct str path = str_cut(&query, '?');
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_int(&writer, "seq", sighting->seq);
    json_put_int(&writer, "at_ms", sighting->at_ms);
    json_put_string(&writer, "method", sighting->method);
    json_put_string(&writer, "path", path);
    json_put_string(&writer, "query", query);
    json_put_string(&writer, "model", sighting->model);
    json_put_bool(&writer, "stream", sighting->is_stream);
    write_headers(&writer, sighting->headers, &request_id);
    json_put_string(&writer, "x_client_request_id", request_id);
    json_put_int(&writer, "body_bytes", (int64_t)sighting->body_bytes);
    if (sighting->body_bytes == sighting->body.len)
        json_put_string(&writer, "body", sighting->body);
    else
        json_put_null(&writer, "body");
    json_put_string(&writer, "played", sighting->played_by);
    json_put_int(&writer, "status", sighting->status);
    write_end(&writer, sighting);
    json_close_object(&writer);
    buf_putc(out, '\n');
}

void seen_end(struct seen *seen, struct sighting *sighting, int64_t at_ms, enum played_end end,
              int64_t events, int64_t bytes_sent)
{
    if (!sighting)
        return;
    sighting->ended_at_ms = at_ms;
    sighting->end = end;
    sighting->events = events;
    sighting->bytes_sent = bytes_sent;
    if (!seen->file)
        return;
    buf_clear(&seen->line);
    write_sighting(sighting, &seen->line);
    if (seen->line.failed) /* too long to say: never half a line */
        return;
    (void)fwrite(seen->line.data, 1, seen->line.len, seen->file);
    if (!seen->is_flush_due) {
        seen->is_flush_due = true;
        deadline_set(&seen->flush, loop_now_ns(seen->loop) + FLUSH_NS);
    }
}

bool seen_read(const struct seen *seen, int64_t *since, size_t *limit, struct buf *out)
{
    const struct list *node = &seen->sightings;
    while (node->prev != &seen->sightings &&
           LIST_OWNER(node->prev, struct sighting, node)->seq > *since)
        node = node->prev;
    for (; node != &seen->sightings && *limit > 0; node = node->next) {
        const struct sighting *sighting = LIST_OWNER(node, struct sighting, node);
        if (out->len >= SEEN_PORTION_BYTES)
            return true;
        write_sighting(sighting, out);
        *since = sighting->seq;
        --*limit;
    }
    return false;
}
