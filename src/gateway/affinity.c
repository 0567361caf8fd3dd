/* gateway/affinity.c: which conversation a request belongs to, so that it finds the worker that holds its prefix.
 *
 * The caller says so by a header or by prompt_cache_key (SPEC.md 12); else the turns that a conversation begins with
 * tell. The name that comes of it holds the caller's key: two callers never share a conversation, whatever they
 * send; and nobody without the server's secret can make one, for a CLI worker keeps processes under it.
 */
#include "gateway/request.h"
#include "sys/vault.h"
#include "wire/leading.h"

#define SESSION_TEXT_MAX 1024u
#define NAMED_MAX        (72u * 1024)

static struct str session_header(const struct http_head *head)
{
    static const struct str names[] = {
        STR_INIT("x-session-id"), STR_INIT("x-claude-code-session-id"), STR_INIT("session-id")};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str value = http_header_find(head, names[i], NULL);
        if (value.len)
            return str_upto(value, SESSION_TEXT_MAX);
    }
    return STR("");
}

void request_find_session(struct request *request)
{
    AUTO_BUF struct buf text;
    buf_init(&text, NAMED_MAX);
    if (request->has_session || !request->exchange)
        return;
    request->has_session = true;
    struct str said = session_header(exchange_head(request->exchange));
    if (said.len == 0)
        said = request->facts.cache_key;
    const char *from = said.len ? "\nsaid\n" : "\nturns\n";
    if (said.len == 0)
        said = body_leading_turns(buf_str(&request->body));
    if (said.len == 0)
        return;
    buf_puts(&text, request->principal->id);
    buf_puts(&text, from);
    buf_append_str(&text, said);
    if (!text.failed)
        vault_turn_name(request->gl->gateway->options.vault, buf_str(&text), request->session);
}
