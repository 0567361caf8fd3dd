/* http/forwarded.c: see forwarded.h. */
#include "http/forwarded.h"

#include <arpa/inet.h>

#define V4_PREFIX_BITS 96

static bool address_read(struct str text, uint8_t out_address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char room[INET6_ADDRSTRLEN];
    if (text.len >= sizeof room || memchr(text.at, '\0', text.len))
        return false;
    str_copy(text, room, sizeof room);
    memcpy(out_address, mapped, sizeof mapped);
    return inet_pton(AF_INET, room, out_address + 12) == 1 ||
           inet_pton(AF_INET6, room, out_address) == 1;
}

/* ---- the setting --------------------------------------------------------------------------------- */

static bool bit_of(const uint8_t address[16], int index)
{
    return address[index / 8] >> (7 - index % 8) & 1;
}

/* "192.0.2.1" or "10.0.0.0/8", without a bit behind those that count. */
static bool network_read(struct str text, struct proxy_network *out)
{
    bool has_bits = text.len > 0 && memchr(text.at, '/', text.len);
    struct str address = str_cut(&text, '/');
    int first = memchr(address.at, ':', address.len) ? 0 : V4_PREFIX_BITS;
    int64_t bits = 128 - first;
    if (!address_read(address, out->address) ||
        (has_bits &&
         (text.len > 3 || !str_to_int64(text, &bits) || bits < 0 || bits > 128 - first)))
        return false;
    out->bits = first + (int)bits;
    for (int i = out->bits; i < 128; i++)
        if (bit_of(out->address, i))
            return false;
    return true;
}

enum err trusted_proxies_parse(struct str text, struct trusted_proxies *out_proxies,
                               struct error *error)
{
    *out_proxies = (struct trusted_proxies){0};
    if (!str_trim(text).len)
        return OK;
    for (bool has_more = true; has_more;) {
        has_more = memchr(text.at, ',', text.len);
        struct str entry = str_trim(str_cut(&text, ','));
        if (out_proxies->count == TRUSTED_PROXIES_MAX)
            return error_set(error, ERR_MALFORMED, "trusted_proxies names more than %d",
                             TRUSTED_PROXIES_MAX);
        if (!entry.len || !network_read(entry, &out_proxies->networks[out_proxies->count]))
            return error_set(error, ERR_MALFORMED,
                             "trusted_proxies: '%.*s' is neither an address nor a network like "
                             "10.0.0.0/8",
                             STR_ARG(str_upto(entry, 64)));
        out_proxies->count++;
    }
    return OK;
}

/* ---- the header ---------------------------------------------------------------------------------- */

static bool is_inside(const struct proxy_network *network, const uint8_t address[16])
{
    int whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(network->address, address, (size_t)whole) != 0)
        return false;
    return rest == 0 || (network->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const struct trusted_proxies *proxies, const uint8_t address[16])
{
    for (int i = 0; i < proxies->count; i++)
        if (is_inside(&proxies->networks[i], address))
            return true;
    return false;
}

/* Takes the last entry off the list. */
static struct str cut_last(struct str *list)
{
    size_t at = list->len;
    while (at > 0 && list->at[at - 1] != ',')
        at--;
    struct str entry = str_trim(str_from(*list, at));
    *list = str_upto(*list, at > 0 ? at - 1 : 0);
    return entry;
}

struct str forwarded_client(const struct trusted_proxies *proxies, struct str peer,
                            const struct str *values, size_t count)
{
    struct str client = peer;
    uint8_t address[16];
    if (!address_read(peer, address) || !is_trusted(proxies, address))
        return peer;
    int left = FORWARDED_ENTRIES_MAX;
    for (size_t i = count; i > 0; i--)
        for (struct str rest = values[i - 1]; rest.len > 0;) {
            struct str entry = cut_last(&rest);
            if (left-- == 0 || !address_read(entry, address))
                return client;
            client = entry;
            if (!is_trusted(proxies, address))
                return client;
        }
    return client;
}
