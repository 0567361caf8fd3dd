/* http/handshake.c: the opening handshake of WebSockets, as rules over heads. */
#include "http/handshake.h"

#include "sys/random.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#define NONCE_BYTES 16

void handshake_key(char room[WS_KEY_BYTES])
{
    uint8_t nonce[NONCE_BYTES];
    random_fill(nonce, sizeof nonce);
    EVP_EncodeBlock((unsigned char *)room, nonce, sizeof nonce);
}

void handshake_accept(struct str key, char room[WS_ACCEPT_BYTES])
{
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t joined[WS_KEY_BYTES + sizeof magic], digest[SHA_DIGEST_LENGTH];
    key = str_upto(key, WS_KEY_BYTES);
    memcpy(joined, key.at, key.len);
    memcpy(joined + key.len, magic, sizeof magic - 1);
    SHA1(joined, key.len + sizeof magic - 1, digest);
    EVP_EncodeBlock((unsigned char *)room, digest, sizeof digest);
}

bool handshake_lists(const struct http_head *head, struct str name, struct str token,
                     bool ignores_case)
{
    for (size_t i = 0; i < head->header_count; i++) {
        struct str rest = head->headers[i].value;
        if (!str_ieq(head->headers[i].name, name))
            continue;
        while (rest.len) {
            struct str one = str_trim(str_cut(&rest, ','));
            if (ignores_case ? str_ieq(one, token) : str_eq(one, token))
                return true;
        }
    }
    return false;
}

/* Base64 of 16 bytes: 22 characters, the last of which holds 2 bits, and "==". */
static bool is_key(struct str key)
{
    if (key.len != WS_KEY_BYTES - 1 || !str_ends(key, STR("==")))
        return false;
    for (size_t i = 0; i < key.len - 2; i++) {
        char c = key.at[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_letter && !(c >= '0' && c <= '9') && c != '+' && c != '/')
            return false;
    }
    return true;
}

static bool has(const struct http_head *head, struct str name)
{
    size_t count;
    http_header_find(head, name, &count);
    return count > 0;
}

struct refusal handshake_judge(const struct http_head *head, struct str subprotocol)
{
    size_t keys, versions;
    struct str key = http_header_find(head, STR("sec-websocket-key"), &keys);
    struct str version = http_header_find(head, STR("sec-websocket-version"), &versions);
    if (has(head, STR("origin"))) /* a page would act with what its user may do */
        return (struct refusal){403, "Browsers may not open this WebSocket."};
    if (head->method != METHOD_GET || head->minor_version != 1)
        return (struct refusal){400, "A WebSocket is opened by GET, in HTTP/1.1."};
    if (!handshake_lists(head, STR("upgrade"), STR("websocket"), true))
        return (struct refusal){426, "This path speaks WebSocket only."};
    if (!handshake_lists(head, STR("connection"), STR("upgrade"), true))
        return (struct refusal){400, "The Connection header does not name Upgrade."};
    if (versions != 1 || !str_eq(version, STR("13")))
        return (struct refusal){426, "Only version 13 of WebSocket is spoken here."};
    if (keys != 1 || !is_key(key))
        return (struct refusal){400, "Sec-WebSocket-Key is not base64 of 16 bytes."};
    if (subprotocol.len &&
        !handshake_lists(head, STR("sec-websocket-protocol"), subprotocol, false))
        return (struct refusal){400, "The subprotocol of this path was not offered."};
    return (struct refusal){0};
}

const char *handshake_check(const struct http_head *head, const char accept[WS_ACCEPT_BYTES],
                            struct str subprotocol)
{
    size_t accepts, protocols;
    struct str said = http_header_find(head, STR("sec-websocket-accept"), &accepts);
    struct str protocol = http_header_find(head, STR("sec-websocket-protocol"), &protocols);
    if (!handshake_lists(head, STR("upgrade"), STR("websocket"), true) ||
        !handshake_lists(head, STR("connection"), STR("upgrade"), true))
        return "the server switched to something that is not a WebSocket";
    if (accepts != 1 || !str_eq(said, str_of(accept)))
        return "the server did not answer our Sec-WebSocket-Key";
    if (has(head, STR("sec-websocket-extensions")))
        return "the server chose an extension that was not offered";
    if (protocols != (subprotocol.len ? 1 : 0) || !str_eq(protocol, subprotocol))
        return "the server speaks another subprotocol";
    return NULL;
}
