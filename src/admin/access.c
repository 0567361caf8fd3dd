/* admin/access.c: see access.h. */
#include "admin/access.h"

#include "admin/dispatch.h"
#include "admin/endpoints.h"
#include "admin/state.h"
#include "http/forwarded.h"
#include "http/origin.h"
#include "http/peer.h"

#include <stdio.h>

/* Whoever reaches the control socket owns the data directory. */
static void take_control(struct api_call *call)
{
    str_copy(STR("control"), call->actor, sizeof call->actor);
    call->role = ROLE_OWNER;
    call->scopes = SCOPE_ALL;
}

static void take_caller(struct api_call *call, const struct caller *caller)
{
    const struct principal *principal = caller->principal;
    str_copy(str_of(principal->id), call->actor, sizeof call->actor);
    str_copy(str_of(principal->user), call->user, sizeof call->user);
    str_copy(str_of(principal->service_account), call->service_account,
             sizeof call->service_account);
    str_copy(str_of(principal->team ? principal->team->id : ""), call->team, sizeof call->team);
    str_copy(str_of(caller->session), call->session, sizeof call->session);
    memcpy(call->digest, principal->digest, sizeof call->digest);
    call->role = principal->role;
    call->scopes = principal->scopes;
}

static bool refuse(struct exchange *exchange, const struct api_call *call, enum problem problem,
                   const char *detail)
{
    const char *extra = problem == PROBLEM_UNAUTHORIZED ? "www-authenticate: Bearer\r\n" : "";
    answer_problem(exchange, problem, detail, extra, call->request_id);
    return false;
}

/* Calls that need nobody: set-up, sign-in, an invitation. Whoever is signed in already is noted, so that their session
 * ends when they sign in anew. No foreign page may sign its visitor in. */
static bool take_anyone(struct front *front, struct exchange *exchange, struct api_call *call)
{
    const struct http_head *head = exchange_head(exchange);
    struct caller caller = {0};
    bool is_read = head->method == METHOD_GET || head->method == METHOD_HEAD;
    if (!host_is_ours(front->admin->options.own, head))
        return refuse(exchange, call, PROBLEM_MISDIRECTED, HOST_REFUSAL);
    if (!is_read && !origin_is_not_foreign(front->admin->options.own, head))
        return refuse(
            exchange, call, PROBLEM_FOREIGN_PAGE,
            "This call comes from a page of another site. Behind a proxy, set AUXOT_BASE_URL.");
    str_copy(STR("anyone"), call->actor, sizeof call->actor);
    if (gateway_signed_in(front->gateway_loop, head, &caller))
        take_caller(call, &caller);
    return true;
}

static enum problem problem_of_stranger(enum err err, const struct caller *caller)
{
    return caller->is_misdirected ? PROBLEM_MISDIRECTED
           : err == ERR_MALFORMED ? PROBLEM_BAD_REQUEST
           : err == ERR_DENIED    ? PROBLEM_FOREIGN_PAGE
           : err == ERR_NOT_FOUND ? PROBLEM_FORBIDDEN
                                  : PROBLEM_UNAUTHORIZED;
}

static bool take_known(struct front *front, struct exchange *exchange, struct api_call *call)
{
    char sentence[64];
    struct caller caller = {0};
    struct error error = {0};
    enum err err = gateway_caller(front->gateway_loop, exchange_head(exchange), &caller, &error);
    if (err != OK)
        return refuse(exchange, call, problem_of_stranger(err, &caller), error.text);
    if (caller.principal->role < call->endpoint->role) {
        take_caller(call, &caller);
        refusal_note(front->admin, call, REFUSAL_ACCESS, problem_status(PROBLEM_FORBIDDEN));
        snprintf(sentence, sizeof sentence, "This needs the role %s.",
                 role_name(call->endpoint->role));
        return refuse(exchange, call, PROBLEM_FORBIDDEN, sentence);
    }
    take_caller(call, &caller);
    return true;
}

/* For throttling and the list of sessions: behind a trusted proxy, whom it speaks for. */
static void take_address(const struct trusted_proxies *proxies, struct exchange *exchange,
                         struct api_call *call)
{
    char peer[PEER_HOST_MAX + 8], host[PEER_HOST_MAX];
    struct str forwarded[HTTP_HEADERS_MAX];
    size_t count = 0;
    const struct http_head *head = exchange_head(exchange);
    exchange_peer(exchange, peer, sizeof peer);
    peer_host(peer, host);
    for (size_t i = 0; i < head->header_count && count < HTTP_HEADERS_MAX; i++)
        if (str_ieq(head->headers[i].name, STR("x-forwarded-for")))
            forwarded[count++] = head->headers[i].value;
    str_copy(forwarded_client(proxies, str_of(host), forwarded, count), call->address,
             sizeof call->address);
}

bool access_check(struct front *front, struct exchange *exchange, struct api_call *call)
{
    const struct http_head *head = exchange_head(exchange);
    take_address(front->admin->options.proxies, exchange, call);
    str_copy(http_header_find(head, STR("user-agent"), NULL), call->agent, sizeof call->agent);
    own_origin(front->admin->options.own, head, call->origin);
    if (exchange_is_control(exchange)) {
        take_control(call);
        return true;
    }
    return call->endpoint->role == ROLE_NONE ? take_anyone(front, exchange, call)
                                             : take_known(front, exchange, call);
}
