/* worker/cli_answer.h: one answer to one caller: events of the common form in, a messages stream or body out.
 *
 * Nothing is sent before there is content, so that trouble before it is an answer with a status of its own and another
 * provider can take over; behind it trouble is the dialect's error event.
 *
 * Thread: the loop's.  Memory: borrows the request (for names and notes) until it has ended.
 */
#pragma once
#include "http/exchange.h"
#include "worker/cli_request.h"
#include "worker/cli_talk.h"

#define CLI_RETRY_AFTER_S 30 /* of a limit when nobody says until when */

struct cli_answer {
    struct exchange *exchange; /* NULL: ended, or the caller is gone */
    const struct cli_tool *tool;
    struct cli_request *request;
    struct answer_writer writer;
    struct buf out;                       /* not yet handed to the exchange */
    bool has_begun, has_content, is_open; /* is_open: the stream's head is out */
    char key[25];                         /* makes ids */
};

/** `key`: random, 24 hexadecimal digits. ERR_NO_MEMORY: the exchange is untouched. */
MUST_USE enum err cli_answer_open(struct cli_answer *answer, struct exchange *exchange,
                                  const struct cli_tool *tool, struct cli_request *request,
                                  const char *key);
void cli_answer_release(struct cli_answer *answer);
/** An event of the talk's: talk.on_event. */
void cli_answer_take(void *arg, const struct answer_event *event);
/** Sends what there is. */
void cli_answer_flush(struct cli_answer *answer);
/** A ping of an open stream, so that nobody takes a tool's long work for silence. */
void cli_answer_ping(struct cli_answer *answer);
/** The end. The exchange is gone behind each of these. */
void cli_answer_finish(struct cli_answer *answer, enum stop_reason stop, const struct usage *usage);
void cli_answer_fail(struct cli_answer *answer, const struct talk_trouble *trouble, int64_t now_s);

/** A whole answer that says what is wrong, in Anthropic's shape. `headers`: lines, or "". */
void cli_answer_refuse(struct exchange *exchange, int status, const char *headers,
                       const char *sentence);
