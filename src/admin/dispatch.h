/* admin/dispatch.h: takes an exchange of the management API to its handler and back.
 *
 *     loop: find the row -> who calls -> read the body -> queue
 *     api-N: JSON, fields -> handler
 *     loop: answer, unless the client has left
 *
 * Thread:  the loop's.
 */
#pragma once
#include "admin/front.h"
#include "admin/problem.h"

void dispatch(struct front *front, struct exchange *exchange, const char *request_id);
/** Header lines that every answer outside the data plane carries. */
void common_headers(struct buf *out, const char *request_id);
/** Answers with a problem, at once. `extra` are header lines, may be "". */
void answer_problem(struct exchange *exchange, enum problem problem, const char *detail,
                    const char *extra, const char *request_id);
