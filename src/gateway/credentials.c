/* gateway/credentials.c: who calls. One function for every carrier of a key (T03).
 *
 * What has a key's length costs one HMAC and one table look-up. Its checksum is asked only of a key that is
 * not known, to say what is wrong with it: for a known one it holds, as every byte does.
 */
#include "gateway/request.h"
#include "sys/clock.h"
#include "sys/vault.h"

static struct str bearer_of(const struct http_head *head, size_t *out_count)
{
    struct str value = http_header_find(head, STR("authorization"), out_count);
    if (!str_istarts(value, STR("bearer ")))
        return STR("");
    return str_trim(str_from(value, 7));
}

static const struct principal *principal_of(struct gateway_loop *gl, struct str key)
{
    uint8_t digest[32];
    if (key.len != APIKEY_LEN)
        return NULL;
    vault_key_digest(gl->gateway->options.vault, key, digest);
    return snapshot_principal(gl->lease->snapshot, digest, clock_wall_ms());
}

const struct principal *gateway_principal(struct gateway_loop *gl, const struct http_head *head,
                                          bool *out_is_conflict, struct error *error)
{
    size_t bearers = 0, keys = 0;
    struct str bearer = bearer_of(head, &bearers);
    struct str key = http_header_find(head, STR("x-api-key"), &keys);
    *out_is_conflict = bearers > 1 || keys > 1 || (bearer.len && key.len && !str_eq(bearer, key));
    if (*out_is_conflict) {
        error_set(
            error, ERR_MALFORMED,
            "The request carries two different keys. Send one, as 'Authorization: Bearer' or 'x-api-key'.");
        return NULL;
    }
    struct str given = bearer.len ? bearer : key;
    if (given.len == 0) {
        error_set(
            error, ERR_UNAUTHORIZED,
            "No API key was given. Send it as 'Authorization: Bearer auxk_...' or 'x-api-key: auxk_...'.");
        return NULL;
    }
    const struct principal *principal = principal_of(gl, given);
    if (principal)
        return principal;
    if (apikey_is_wellformed(given, APIKEY_PREFIX))
        error_set(error, ERR_UNAUTHORIZED,
                  "This API key is not known here, or was revoked. Ask an admin for a new one.");
    else
        error_set(
            error, ERR_UNAUTHORIZED,
            "This is not an Auxot API key. Keys begin with auxk_; an admin makes them with 'auxot keys create'.");
    return NULL;
}
