/* admin/people.c: see people.h. */
#include "admin/people.h"

#include "admin/endpoints.h"
#include "admin/key_issue.h"
#include "admin/refusals.h"
#include "admin/state.h"
#include "base/log.h"
#include "domain/apikey.h"
#include "http/origin.h"
#include "http/peer.h"
#include "sys/clock.h"
#include "sys/password.h"
#include "sys/random.h"
#include "sys/vault.h"

#include <stdio.h>

void people_init(struct people *people)
{
    pthread_mutex_init(&people->lock, NULL);
}

void people_release(struct people *people)
{
    pthread_mutex_destroy(&people->lock);
}

bool people_hashes(api_handler *handler)
{
    return handler == setup_do || handler == session_create || handler == me_update ||
           handler == invitations_accept || handler == password_resets_use;
}

/* ---- trying -------------------------------------------------------------------------------------- */

/* A keyed digest, so that nobody can choose accounts or addresses that share an entry. */
static uint64_t keyed_hash(const struct vault *vault, const char *kind, const char *text)
{
    AUTO_BUF struct buf whole;
    char room[BUF_SLACK_BYTES + 512];
    uint8_t digest[32];
    uint64_t hash;
    buf_init_in(&whole, sizeof room, room, sizeof room);
    buf_printf(&whole, "throttle %s %s", kind, text);
    vault_token_digest(vault, buf_str(&whole), digest);
    memcpy(&hash, digest, sizeof hash);
    return hash;
}

static void fail_as_too_often(struct api_call *call, int64_t wait_ms)
{
    int64_t wait_s = (wait_ms + 999) / 1000;
    api_fail(
        call, PROBLEM_TOO_MANY_TRIES, NULL,
        "There were too many tries. Try again in %lld s; from where you are signed in already, "
        "you can sign in at once.",
        (long long)wait_s);
    call->retry_after_s = wait_s;
    refusal_note(call->admin, call, REFUSAL_THROTTLE, call->status);
}

bool people_may_try(struct api_call *call, const char *account, const char *user_id,
                    struct people_try *out_try)
{
    struct admin *admin = call->admin;
    int64_t now_ms = clock_wall_ms();
    char network[PEER_HOST_MAX];
    peer_network(call->address, network);
    struct sessions *sessions = gateway_sessions(admin->options.gateway);
    out_try->buckets = (struct throttle_try){
        .address = keyed_hash(admin->options.vault, "address", network),
        .account = keyed_hash(admin->options.vault, "account", account ? account : network),
        .is_known = user_id && sessions_know_address(sessions, user_id, call->address, now_ms),
    };
    pthread_mutex_lock(&admin->people.lock);
    bool may = throttle_take(&admin->people.throttle, &out_try->buckets, clock_monotonic_ms(),
                             &out_try->wait_ms);
    pthread_mutex_unlock(&admin->people.lock);
    if (!may)
        fail_as_too_often(call, out_try->wait_ms);
    return may;
}

bool people_may_be_told(struct api_call *call, const struct people_try *try)
{
    if (try->wait_ms > 0)
        fail_as_too_often(call, try->wait_ms);
    return try->wait_ms == 0;
}

bool people_may_err(struct api_call *call, const char *action)
{
    struct people_try try;
    if (!people_may_try(call, NULL, NULL, &try))
        return false;
    refusal_tell(call, action, NULL, "wrong token");
    return true;
}

void people_was_right(struct api_call *call, const struct people_try *try)
{
    struct people *people = &call->admin->people;
    pthread_mutex_lock(&people->lock);
    throttle_give(&people->throttle, &try->buckets, clock_monotonic_ms());
    pthread_mutex_unlock(&people->lock);
}

/* ---- sessions ------------------------------------------------------------------------------------ */

static void cookie_write(struct api_call *call, const char *value, int64_t max_age_s)
{
    bool is_secure = own_address_is_secure(call->admin->options.own);
    snprintf(call->set_cookie, sizeof call->set_cookie,
             "%s=%s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s",
             is_secure ? SESSION_COOKIE_SECURE : SESSION_COOKIE, value, (long long)max_age_s,
             is_secure ? "; Secure" : "");
}

void session_cookie_clear(struct api_call *call)
{
    cookie_write(call, "", 0);
}

static int64_t session_life_ms(const struct api_call *call)
{
    return sessions_life_ms(gateway_sessions(call->admin->options.gateway));
}

static struct session_row session_make(const struct api_call *call, const struct user_row *user,
                                       char out_token[APIKEY_LEN + 1])
{
    uint8_t random[32], id_random[10];
    struct session_row row = {.created_at_ms = clock_wall_ms()};
    row.expires_at_ms = row.created_at_ms + session_life_ms(call);
    row.last_seen_ms = row.created_at_ms;
    random_fill(random, sizeof random);
    random_fill(id_random, sizeof id_random);
    apikey_make(TOKEN_PREFIX_SESSION, random, out_token);
    secret_wipe(random, sizeof random);
    vault_token_digest(call->admin->options.vault, str_of(out_token), row.digest);
    id_make("ses_", row.created_at_ms, id_random, row.id);
    str_copy(str_of(user->id), row.user_id, sizeof row.user_id);
    str_copy(str_of(call->address), row.address, sizeof row.address);
    str_copy(str_of(call->agent), row.agent, sizeof row.agent);
    return row;
}

static void origin_write(struct buf *out, const struct api_call *call)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "address", call->address);
    json_put_text(&writer, "agent", call->agent);
    json_close_object(&writer);
}

static enum err session_keep(struct api_call *call, const struct session_row *row, const char *hash,
                             struct error *error)
{
    struct sessions *sessions = gateway_sessions(call->admin->options.gateway);
    struct store *store = call->admin->options.store;
    AUTO_BUF struct buf after = {0};
    buf_init(&after, 1024);
    origin_write(&after, call);
    struct event_row event = event_make(row->user_id, "session.created", row->id);
    event.after_json = buf_str(&after).at;
    enum err err = OK;
    if (call->session[0]) {
        struct event_row ended = event_make(call->user, "session.ended", call->session);
        err = store_sessions_end(store, call->user, call->session, &ended, error);
        (void)sessions_end(sessions, call->user, call->session);
    }
    if (err == OK)
        err = store_session_insert(store, row, hash, &event, error);
    if (err == OK && sessions_put(sessions, row) != OK)
        err = error_set(error, ERR_NO_MEMORY, "no memory for a session; try again");
    call->admin->recheck_at_ms = 0; /* its end may be the next */
    return err;
}

bool session_begin(struct api_call *call, const struct user_row *user, const char *hash)
{
    char token[APIKEY_LEN + 1];
    struct error error = {0};
    struct session_row row = session_make(call, user, token);
    pthread_mutex_lock(&call->admin->config_lock);
    enum err err = session_keep(call, &row, hash, &error);
    pthread_mutex_unlock(&call->admin->config_lock);
    if (call->session[0])
        gateway_recheck(call->admin->options.gateway); /* it ended: what it has open is cut */
    if (err == OK) {
        cookie_write(call, token, session_life_ms(call) / 1000);
        str_copy(str_of(row.id), call->session, sizeof call->session);
    } else if (err == ERR_NOT_FOUND) {
        api_fail(call, PROBLEM_WRONG_PASSWORD, NULL,
                 "The account changed while you signed in. Try again.");
    } else {
        api_fail_error(call, &error);
    }
    secret_wipe(token, sizeof token);
    return err == OK;
}

/* ---- fields -------------------------------------------------------------------------------------- */

bool people_hash(struct api_call *call, const char *field, struct str password, struct str email,
                 char out_hash[])
{
    struct error error = {0};
    const char *trouble = password_trouble(password, email);
    if (trouble) {
        api_fail(call, PROBLEM_INVALID_FIELD, field, "%s", trouble);
        return false;
    }
    if (password_hash(password, out_hash, &error) == OK)
        return true;
    api_fail_error(call, &error);
    return false;
}

bool people_email(struct api_call *call, char out_email[EMAIL_MAX_BYTES + 1])
{
    char given[EMAIL_MAX_BYTES + 32] = "";
    if (!api_text(call, "email", given, sizeof given, NULL))
        return false;
    if (email_normalize(str_of(given), out_email))
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, "email",
             "email must be an address like ann@example.com, with at most %d bytes.",
             EMAIL_MAX_BYTES);
    return false;
}

bool people_name(struct api_call *call, const char *field, const char *otherwise,
                 char out_name[PERSON_NAME_MAX + 1])
{
    char given[PERSON_NAME_MAX + 1] = "";
    str_copy(str_of(otherwise), given, sizeof given);
    if (!api_text(call, field, given, sizeof given, NULL))
        return false;
    str_copy(str_trim(str_of(given)), out_name, PERSON_NAME_MAX + 1);
    if (out_name[0] && str_is_utf8(str_of(out_name)))
        return true;
    api_fail(call, PROBLEM_INVALID_FIELD, field, "%s must have 1 to %d bytes.", field,
             PERSON_NAME_MAX);
    return false;
}

/* ---- people as they are made and shown ----------------------------------------------------------- */

bool people_config(struct api_call *call, struct store_config *out_config)
{
    struct error error = {0};
    if (store_config_load(call->admin->options.store, out_config, &error) == OK)
        return true;
    api_fail_error(call, &error);
    return false;
}

struct user_row user_make(const char *email, const char *name, const char *role)
{
    uint8_t random[10];
    struct user_row row = {.created_at_ms = clock_wall_ms(), .rev = 1};
    random_fill(random, sizeof random);
    id_make("usr_", row.created_at_ms, random, row.id);
    str_copy(str_of(email), row.email, sizeof row.email);
    str_copy(str_of(name), row.name, sizeof row.name);
    str_copy(str_of(role), row.role, sizeof row.role);
    return row;
}

const struct user_row *config_user(const struct store_config *config, const char *id)
{
    for (size_t i = 0; i < config->user_count; i++)
        if (strcmp(config->users[i].id, id) == 0)
            return &config->users[i];
    return NULL;
}

static const char *team_name(const struct store_config *config, const char *id)
{
    for (size_t i = 0; i < config->team_count; i++)
        if (strcmp(config->teams[i].id, id) == 0)
            return config->teams[i].name;
    return NULL;
}

static void teams_write(struct json_writer *writer, const struct store_config *config,
                        const struct user_row *user)
{
    json_open_array(writer, "teams");
    for (size_t i = 0; i < config->team_member_count; i++) {
        const struct team_member_row *member = &config->team_members[i];
        if (strcmp(member->user_id, user->id) != 0)
            continue;
        json_open_object(writer);
        json_put_text(writer, "id", member->team_id);
        json_put_text(writer, "name", team_name(config, member->team_id));
        json_put_text(writer, "role", member->is_lead ? "lead" : "member");
        json_close_object(writer);
    }
    json_close_array(writer);
}

void user_write(struct json_writer *writer, const struct store_config *config,
                const struct user_row *user)
{
    json_put_text(writer, "id", user->id);
    json_put_text(writer, "email", user->email);
    json_put_text(writer, "name", user->name);
    json_put_text(writer, "role", user->role);
    json_put_bool(writer, "disabled", user->disabled_at_ms != 0);
    teams_write(writer, config, user);
    json_put_int(writer, "created_at_ms", user->created_at_ms);
    json_put_int(writer, "rev", user->rev);
}

void user_write_event(struct buf *out, const struct user_row *user)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_open_object(&writer);
    json_put_text(&writer, "email", user->email);
    json_put_text(&writer, "name", user->name);
    json_put_text(&writer, "role", user->role);
    json_put_bool(&writer, "disabled", user->disabled_at_ms != 0);
    json_close_object(&writer);
}
