/* gateway/admission.h: may this request run now, and what may it cost? Inside the room only.
 *
 * Once per request, behind the route and before the first slot: the team's limits, then the key's; all of them, or none
 * of them. What is reserved is what the request may come to; what it came to settles it, when its record is closed.
 *
 *     tokens   the prompt by an estimate (4 bytes a token), and as many as the answer may have
 *     money    the prompt by its bytes, which are never fewer than its tokens, and the answer's ceiling, at the price of
 *              the dearest candidate. Candidates that could cost more than is left are left out; without any the
 *              request is refused. What is local and has no price costs nothing; a cloud's model without a price is
 *              left out where there is a budget: nobody could say whether it fits.
 *
 * The answer's ceiling is the smallest of max_tokens, the policy's max_output_tokens and the model's own. The policy's
 * is enforced in the body that goes out (ask.c); so is OUTPUT_OTHERWISE, where there is a budget and nothing else says
 * how long an answer may become.
 *
 * Thread: the loop of the request.
 */
#pragma once
#include "gateway/live_limits.h"

#define OUTPUT_OTHERWISE INT64_C(32768)

struct request;
struct candidate;
struct buf;

/** In the request. Zeroed: nothing is held. */
struct admission {
    struct limits_hold team, key;
    struct limits_told told; /* in headers */
    bool has_budget;         /* a hard one */
    bool is_hopeless;        /* it was refused, and asking again does not help */
    int64_t wait_ms;         /* it was refused: until it may be asked again */
    int64_t ceiling;         /* max_output_tokens of the policies; -1: none */
};

/** Asks for all that the request needs; leaves out candidates that it cannot pay. False: it is refused, and over. */
bool admission_take(struct request *request);
/** The list of candidates is a new one: leaves out whom it cannot pay. */
void admission_look_again(struct request *request);
/** One of the list has changed. False: so much is not left, and it may not be asked. */
MUST_USE bool admission_fits(struct request *request, const struct candidate *candidate);
/** The most tokens that this candidate is to be asked for, or -1: as the caller says. */
int64_t admission_ceiling(const struct request *request, const struct candidate *candidate);
/** Of the prompt, for an estimate of its tokens: those of pictures do not count as text. */
int64_t admission_prompt_bytes(const struct request *request);
/** What the attempt that begins may cost at most, of what is reserved; COST_UNKNOWN without a budget, or of what has no
 *  price. */
int64_t admission_at_stake(const struct request *request);
/** It is over, and so many tokens came of it (-1: nobody knows), at this cost. Once; later calls do nothing. */
void admission_settle(struct request *request, int64_t tokens, int64_t cost_microusd);
/** Routing left nobody because of policies. */
void admission_note_denied(struct request *request);
/** x-ratelimit-* or anthropic-ratelimit-*, for whom limits hold. */
void admission_headers(const struct request *request, struct buf *out);

/* admission_say.c */

/** Of the team (else of the key), for the caller. */
void admission_say(const struct request *request, bool is_team,
                   const struct limits_refusal *refusal, int64_t asked, char *room,
                   size_t room_bytes);

/* limits_notice.c */

struct gateway;
/** Writes events for what is due of this one, on another thread. */
void limits_post_notices(struct gateway *gateway, struct live_limits *live);
/** The soft budget was passed: an event of its own. */
void limits_note_soft(struct live_limits *live);
