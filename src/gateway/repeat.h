/* gateway/repeat.h: a request that carries an idempotency key. Inside the room only.
 *
 *     request_admit   repeat_read: the header
 *     parse.c         repeat_fingerprint: of the body, where the body is read
 *     request_parsed  repeat_begin: the first of its name goes on; others are told what became of that one
 *     relay_plain.c   repeat_answered: a plain answer is kept
 *     record.c        repeat_ended: the name is spent, or free again
 *
 * Thread: everything belongs to the loop of its request, save the fingerprint of a large body.
 */
#pragma once
#include "gateway/idempotency.h"
#include "gateway/request.h"

#define REPEAT_VALUE_MAX 255u
#define REPEAT_PIN_MAX   200u
#define REPEAT_KEY_MAX   512u /* value, endpoint, pin */

struct repeat {
    struct idempotency_claim claim;
    struct str key; /* of the fingerprint: value, endpoint, pin; arena */
    enum { REPEAT_READ, REPEAT_CLAIMED, REPEAT_SETTLED } state;
};

/** False: the request was turned away. Without the header nothing happens. */
MUST_USE bool repeat_read(struct request *request, const struct http_head *head);
/** Any thread. */
void repeat_fingerprint(struct str key, struct str body,
                        uint8_t out_fingerprint[IDEMPOTENCY_NAME_BYTES]);
/** The body is read. False: the request has ended. */
MUST_USE bool repeat_begin(struct request *request);
/** A plain answer is whole, in trial->held. */
void repeat_answered(struct request *request);
void repeat_ended(struct request *request, bool was_answered);
/** What the record holds of it: "" or IDEMPOTENCY_TEXT_MAX - 1 digits. */
void repeat_write(const struct request *request, char room[IDEMPOTENCY_TEXT_MAX]);

/** Restores the names of the last life, on an api thread; claims wait for it with 503. */
void repeat_recall(struct gateway *gateway);
/** The next server reads the names now: no more of them here, each is told to come again. Any thread. */
void repeat_leave(struct gateway *gateway);
/** There is no next server after all. */
void repeat_return(struct gateway *gateway);
