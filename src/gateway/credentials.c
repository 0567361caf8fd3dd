/* gateway/credentials.c: who calls. One function for every carrier: two headers for a key, a cookie for a session (T03).
 *
 * What has a key's length costs one HMAC and one table look-up. Its checksum is asked only of a key that is
 * not known, to say what is wrong with it: for a known one it holds, as every byte does.
 */
#include "gateway/request.h"
#include "http/cookie.h"
#include "http/origin.h"
#include "sys/clock.h"
#include "sys/vault.h"

static struct str bearer_of(const struct http_head *head, size_t *out_count)
{
    struct str value = http_header_find(head, STR("authorization"), out_count);
    if (!str_istarts(value, STR("bearer ")))
        return STR("");
    return str_trim(str_from(value, 7));
}

static const struct principal *principal_of(struct gateway_loop *gl, struct str key,
                                            bool *out_is_over)
{
    uint8_t digest[32];
    if (key.len != APIKEY_LEN)
        return NULL;
    vault_key_digest(gl->gateway->options.vault, key, digest);
    int64_t now_ms = clock_wall_ms();
    const struct principal *principal = snapshot_principal(gl->lease->snapshot, digest, now_ms);
    if (principal)
        snapshot_note_use(gl->lease->snapshot, principal, now_ms);
    *out_is_over = !principal && snapshot_principal_is_over(gl->lease->snapshot, digest);
    return principal;
}

/* ---- keys ---------------------------------------------------------------------------------------- */

static enum err caller_of_key(struct gateway_loop *gl, struct str key, struct caller *out_caller,
                              struct error *error)
{
    bool is_over = false;
    const struct principal *principal = principal_of(gl, key, &is_over);
    if (principal) {
        out_caller->principal = principal;
        return OK;
    }
    if (is_over)
        return error_set(error, ERR_UNAUTHORIZED,
                         "This API key has expired, or was rotated and its grace time is over.");
    if (apikey_is_wellformed(key, APIKEY_PREFIX))
        return error_set(
            error, ERR_UNAUTHORIZED,
            "This API key is not known here, or was revoked. Ask an admin for a new one.");
    return error_set(
        error, ERR_UNAUTHORIZED,
        "This is not an Auxot API key. Keys begin with auxk_; an admin makes them with 'auxot keys create'.");
}

/* ---- sessions ------------------------------------------------------------------------------------ */

static struct str cookie_of(const struct gateway_loop *gl, const struct http_head *head,
                            bool *out_is_ambiguous)
{
    bool is_secure = own_address_is_secure(gl->gateway->options.own);
    return http_cookie_find(head, is_secure ? STR(SESSION_COOKIE_SECURE) : STR(SESSION_COOKIE),
                            out_is_ambiguous);
}

static bool is_unsafe(const struct http_head *head)
{
    return head->method != METHOD_GET && head->method != METHOD_HEAD;
}

/* A browser sends the cookie whoever's page asks. What changes anything must come from a page of our own, and say so in a
 * header that no form and no foreign script can send (T15). */
static enum err check_page(const struct gateway_loop *gl, const struct http_head *head,
                           struct error *error)
{
    if (!is_unsafe(head))
        return OK;
    if (!origin_is_ours(gl->gateway->options.own, head))
        return error_set(
            error, ERR_DENIED,
            "This call carries a session but does not come from a page of this server: its "
            "Origin is missing or another. Behind a proxy, set AUXOT_BASE_URL.");
    if (!str_eq(http_header_find(head, STR("x-auxot-csrf"), NULL), STR("1")))
        return error_set(error, ERR_DENIED,
                         "A call with a session that changes anything needs the header "
                         "'X-Auxot-Csrf: 1'.");
    return OK;
}

bool gateway_signed_in(struct gateway_loop *gl, const struct http_head *head,
                       struct caller *out_caller)
{
    bool is_ambiguous = false;
    struct str cookie = cookie_of(gl, head, &is_ambiguous);
    struct caller caller = {.is_signed_in = true};
    char user[ID_MAX];
    if (is_ambiguous || cookie.len != APIKEY_LEN)
        return false;
    vault_token_digest(gl->gateway->options.vault, cookie, caller.digest);
    if (!sessions_use(gl->gateway->sessions, caller.digest, clock_wall_ms(), caller.session, user))
        return false;
    caller.principal = snapshot_user(gl->lease->snapshot, user, "");
    if (caller.principal)
        *out_caller = caller;
    return caller.principal != NULL;
}

/* The team that pays: the header's, if the user is in it. */
static enum err choose_team(const struct gateway_loop *gl, const struct http_head *head,
                            struct caller *caller, struct error *error)
{
    char team[64];
    size_t count = 0;
    struct str wanted = http_header_find(head, STR("x-auxot-team"), &count);
    if (count == 0 || wanted.len == 0)
        return OK;
    str_copy(wanted, team, sizeof team);
    const struct principal *principal =
        snapshot_user(gl->lease->snapshot, caller->principal->id, team);
    if (!principal)
        return error_set(error, ERR_NOT_FOUND, "You are in no team '%s' (x-auxot-team).", team);
    caller->principal = principal;
    return OK;
}

static enum err caller_of_session(struct gateway_loop *gl, const struct http_head *head,
                                  struct caller *out_caller, struct error *error)
{
    bool is_ambiguous = false;
    if (cookie_of(gl, head, &is_ambiguous).len == 0)
        return error_set(
            error, ERR_UNAUTHORIZED,
            "No API key was given. Send it as 'Authorization: Bearer auxk_...' or 'x-api-key: auxk_...'.");
    if (is_ambiguous)
        return error_set(error, ERR_MALFORMED,
                         "The request carries two different session cookies. Delete the cookies of "
                         "this site, and sign in again.");
    if (!gateway_signed_in(gl, head, out_caller))
        return error_set(error, ERR_UNAUTHORIZED, "The session is over. Sign in again.");
    if (!host_is_ours(gl->gateway->options.own, head)) {
        *out_caller = (struct caller){.is_misdirected = true};
        return error_set(error, ERR_DENIED, HOST_REFUSAL);
    }
    enum err err = check_page(gl, head, error);
    if (err == OK)
        err = choose_team(gl, head, out_caller, error);
    if (err != OK)
        *out_caller = (struct caller){0};
    return err;
}

/* ---- both ---------------------------------------------------------------------------------------- */

/* What stands in a header was put there on purpose; a cookie comes by itself. So a key wins, and a session is not even
 * looked at. */
enum err gateway_caller(struct gateway_loop *gl, const struct http_head *head,
                        struct caller *out_caller, struct error *error)
{
    size_t bearers = 0, keys = 0;
    struct str bearer = bearer_of(head, &bearers);
    struct str key = http_header_find(head, STR("x-api-key"), &keys);
    *out_caller = (struct caller){0};
    if (bearers > 1 || keys > 1 || (bearer.len && key.len && !str_eq(bearer, key)))
        return error_set(
            error, ERR_MALFORMED,
            "The request carries two different keys. Send one, as 'Authorization: Bearer' or 'x-api-key'.");
    if (bearer.len || key.len)
        return caller_of_key(gl, bearer.len ? bearer : key, out_caller, error);
    return caller_of_session(gl, head, out_caller, error);
}
