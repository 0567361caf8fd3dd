/* admin/people.h: what the files about people share: who may try a password, how a session begins, how a person is
 * shown.
 *
 * Whatever hashes a password runs on a `hash-N` thread from beginning to end (people_hashes): there are
 * HASH_THREADS of them and a short queue, so that sign-ins take so much memory and no more, and never a thread from the
 * other calls.
 */
#pragma once
#include "admin/api.h"
#include "domain/throttle.h"
#include "gateway/sessions.h"

#include <pthread.h>

#define HASH_THREADS   2
#define HASH_QUEUE_MAX 64

/** What sign-in remembers. Any thread. */
struct people {
    pthread_mutex_t lock; /* guards the rest */
    struct throttle throttle;
};
void people_init(struct people *people);
void people_release(struct people *people);

/** Does the handler hash a password? */
bool people_hashes(api_handler *handler);

/** May this account be tried from the call's address now? False: the call has failed (429). `user_id` NULL: nobody
 *  known. `account` NULL: only the address counts. A try that was right is given back. */
struct people_try {
    struct throttle_try buckets;
    int64_t wait_ms; /* of a stranger; a right password does not wait */
};
bool people_may_try(struct api_call *call, const char *account, const char *user_id,
                    struct people_try *out_try);
void people_was_right(struct api_call *call, const struct people_try *try);
/** It was wrong: may the caller be told so? False: the call has failed (429), as a stranger's. */
bool people_may_be_told(struct api_call *call, const struct people_try *try);
/** A wrong token came from the call's address: may it be told so? Then an event `action` tells of it. False: the call has
 *  failed (429). Nobody guesses a token, so whoever has the right one is never asked to wait for those who have not. */
bool people_may_err(struct api_call *call, const char *action);

struct credentials {
    char email[EMAIL_MAX_BYTES + 1];
    char password[PASSWORD_MAX_BYTES + 1];
};
/** The user whose password it is, and its hash (of PASSWORD_HASH_MAX bytes): what follows from it holds only as long as
 *  the hash does. False: the call has failed: tried too often, or wrong. */
bool user_by_password(struct api_call *call, const struct credentials *given,
                      struct user_row *out_user, char out_hash[]);

/** Sessions are people's: whoever came with an API key has none, and the call has failed. */
bool has_session(struct api_call *call);
/** Begins a session for the user and sets its cookie; the one that the call came with ends. Under the config lock: a
 *  change of the user is before or after it. `hash`: of the password that they showed; by now it must still be theirs.
 *  False: the call has failed. */
bool session_begin(struct api_call *call, const struct user_row *user, const char *hash);
/** Ends the user's session of this id, or all (NULL), and cuts what they have open. False: the call has failed. */
bool sessions_close(struct api_call *call, const char *user, const char *id, const char *action,
                    int *out_count);
/** Answers how many. */
void sessions_closed_answer(struct api_call *call, int count);
/** Has the browser forget its cookie. */
void session_cookie_clear(struct api_call *call);

/** A password that is taken, hashed. False: the call has failed; `field` is the password's name. */
bool people_hash(struct api_call *call, const char *field, struct str password, struct str email,
                 char out_hash[]);
/** Reads the field "email" as it is stored. False: the call has failed. */
bool people_email(struct api_call *call, char out_email[EMAIL_MAX_BYTES + 1]);
/** Reads a name of 1 to PERSON_NAME_MAX bytes; `otherwise` when the field is missing. False: the call has failed. */
bool people_name(struct api_call *call, const char *field, const char *otherwise,
                 char out_name[PERSON_NAME_MAX + 1]);

/** The configuration, to be read and released. False: the call has failed. */
bool people_config(struct api_call *call, struct store_config *out_config);
/** A new one, with an id. */
struct user_row user_make(const char *email, const char *name, const char *role);
/** NULL: there is none. */
const struct user_row *config_user(const struct store_config *config, const char *id);
/** The members of one user, into the writer's open object: id, email, name, role, teams ... */
void user_write(struct json_writer *writer, const struct store_config *config,
                const struct user_row *user);
void user_write_event(struct buf *out, const struct user_row *user);
/** Does what the caller holds cover what the user has? False: the call has failed, also when there is none (NULL). */
bool user_may_touch(struct api_call *call, const struct user_row *user);

/** What the set-up token is: good until set-up. Wipe it after use. */
MUST_USE enum err setup_token(struct store *store, const struct vault *vault,
                              char out_token[APIKEY_LEN + 1], struct error *error);
#define TOKEN_PREFIX_SETUP      "auxo_"
#define TOKEN_PREFIX_SESSION    "auxs_"
#define TOKEN_PREFIX_INVITATION "auxi_"
#define TOKEN_PREFIX_RESET      "auxp_"
