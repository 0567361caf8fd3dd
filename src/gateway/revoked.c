/* gateway/revoked.c: requests lose their right to go on: a key is revoked or over, a session ends, a user is demoted, disabled or
 * removed. Whoever changes that publishes, or asks for a look (gateway_recheck); the loops do the cutting. I10.
 */
#include "gateway/request.h"
#include "sys/clock.h"

/* May the request's caller still do what it does? */
static bool may_go_on(const struct gateway_loop *gl, const struct request *request, int64_t now_ms)
{
    const struct principal *principal = request->principal;
    if (!request->is_signed_in)
        return snapshot_principal(gl->lease->snapshot, principal->digest, now_ms) != NULL;
    return sessions_has(gl->gateway->sessions, request->sign_in, now_ms) &&
           snapshot_user(gl->lease->snapshot, principal->user,
                         principal->team ? principal->team->id : "");
}

/* Requests of keys, users and sessions that are no more: RELIABILITY.md I10. */
void revoked_cut(struct gateway_loop *gl)
{
    int64_t now_ms = clock_wall_ms();
    LIST_EACH_SAFE(node, &gl->live)
    {
        struct request *request = LIST_OWNER(node, struct request, node);
        if (may_go_on(gl, request, now_ms))
            continue;
        if (request->is_signed_in)
            request_fail(request, SAY_UNAUTHORIZED, "session_ended",
                         "The session of this request ended while it ran.");
        else if (snapshot_principal_is_over(gl->lease->snapshot, request->principal->digest))
            request_fail(request, SAY_UNAUTHORIZED, "key_expired",
                         "The API key of this request expired while it ran.");
        else
            request_fail(request, SAY_UNAUTHORIZED, "key_revoked",
                         "The API key of this request was revoked while it ran.");
    }
    feed_recheck(gl, now_ms);
}

void revoked_recheck(struct loop_message *message)
{
    struct gateway_loop *gl = LIST_OWNER(message, struct gateway_loop, recheck_message);
    atomic_store(&gl->is_recheck_posted, false);
    revoked_cut(gl);
}

void gateway_recheck(struct gateway *gateway)
{
    for (int i = 0; i < gateway->loop_count; i++)
        if (!atomic_exchange(&gateway->loops[i]->is_recheck_posted, true))
            loop_post(gateway->loops[i]->loop, &gateway->loops[i]->recheck_message);
}
