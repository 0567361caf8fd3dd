/* http/parser.h: llhttp over one message: a whole, guarded head first, then its body as it comes.
 *
 * Thread: any, one at a time. Private to http/.
 */
#pragma once
#include "http/head.h"
#include <llhttp.h>

enum http_parse { HTTP_PARSE_MORE, HTTP_PARSE_DONE, HTTP_PARSE_BAD };

struct http_parser {
    llhttp_t machine;
    struct http_head *head; /* while the head is parsed */
    bool is_request, is_head_done, is_done, has_no_body, keeps_alive, is_overfull, is_chunked;
    char last_byte;                  /* of what was fed before */
    uint64_t wire_bytes, body_bytes; /* of the body: framing may not outweigh it without bound */
    void (*on_body)(void *arg, char *bytes, size_t len);
    void *arg;
};

void http_parser_init(struct http_parser *parser, bool is_request,
                      void (*on_body)(void *arg, char *bytes, size_t len), void *arg);
/** `bytes` is exactly one head. Afterwards head->... is filled and the body may be fed. `skips_body` for
 *  answers to HEAD. */
MUST_USE enum err http_parser_head(struct http_parser *parser, struct str bytes, bool skips_body,
                                   struct http_head *head, struct error *error);
/** True when no further byte can make a head of an unfinished one: a bare CR or LF, or a NUL. The first
 *  `seen` bytes were looked at before. */
bool http_head_is_hopeless(struct str bytes, size_t seen);
/** True when the message ended with its head. */
bool http_parser_is_done(const struct http_parser *parser);
/** Feeds body bytes; `*out_used` is how many belonged to this message. */
enum http_parse http_parser_body(struct http_parser *parser, char *bytes, size_t len,
                                 size_t *out_used, struct error *error);
/** The connection ended: was that a proper end of this message? */
bool http_parser_finish(struct http_parser *parser);
