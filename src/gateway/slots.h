/* gateway/slots.h: a request's wait for a slot, and the slot that it then holds. Inside the room only.
 *
 * A seat is made when a request first comes to a provider with counted slots (request.h: REQUEST_SLOT), and lives
 * as long as the request, or a little longer: while its message is on its way, it cannot go.
 *
 *     slots_ask       down the candidates: HELD at once, LATER, or NONE
 *     seat_settled    by whoever holds the registry's lock: granted, expired, lost
 *     lot_fetch       on the lot's thread: the connection that belongs to a worker's slot
 *     slots_arrived   on the request's loop: it goes on
 *     slot_end        the upstream has ended: the slot is free, the connection goes back
 */
#pragma once
#include "gateway/request.h"

struct detached;

struct seat;

enum slots_answer {
    SLOTS_HELD,  /* `*out_index`: the candidate whose slot it is */
    SLOTS_LATER, /* REQUEST_SLOT: the request goes on by itself */
    SLOTS_NONE,  /* none of those was free; `*out_index`: the first candidate behind them */
    SLOTS_ENDED  /* no memory: the request is over */
};

/** Does this provider have counted slots? */
bool slot_is_needed(const struct candidate *candidate);
/** May the request wait for somebody who cannot be asked now? */
bool slots_may_wait(const struct request *request);
/** Asks for a slot of candidates[from] or of those behind it that have counted slots. */
enum slots_answer slots_ask(struct request *request, size_t from, size_t *out_index);
/** For the same provider as before: its worker is asked again, in another form. */
enum slots_answer slots_ask_again(struct request *request);

/** Is a slot held that the next call is to use? */
bool slot_is_held(const struct request *request);
/** The connection of a worker's slot, for call_options.over; NULL for a cap's slot. Yours. */
struct detached *slot_take_connection(struct request *request);
/** The call has given it back: it returns to the lot when the slot ends. */
void slot_give_connection(struct request *request, struct detached *detached);
/** The worker of the slot, for the record; "" for none. */
const char *slot_worker_id(const struct request *request);
/** The call is out: the worker has 5 s to begin. */
void slot_expect_beginning(struct request *request);
/** It said so (102), or answered. */
void slot_has_begun(struct request *request);
bool slot_was_begun(const struct request *request);
/** Its worker fell silent: no job, if there is another, until a heartbeat of it comes. */
void slot_doubt(struct request *request);
/** For the figures: it was not begun. */
void slot_note_not_begun(struct request *request);
/** The upstream has ended, however: the slot is free from now on. Fine when none is held. */
void slot_end(struct request *request);
/** The attempt failed there: another worker is to be tried. Before slot_end. */
void slot_avoid(struct request *request);
/** What the answer told of the worker itself. True: it was about the worker, not about its provider. */
bool slot_note_verdict(struct request *request, const struct verdict_report *report);
/** The request ends, whatever it waits for or holds. */
void slots_leave(struct request *request);

/** A worker's connection closed in the middle of a job: perhaps the worker is dead, and its control connection's end
 *  is on its way. Then another that may come is waited for. True: the request goes on a moment later. */
bool slots_linger(struct request *request);
/** A race was lost: plans anew, and goes down the list again. */
void slots_retake(struct request *request);
/** Did the worker die before it was asked? */
bool slot_is_lost(const struct request *request);
