/* domain/plan.h: what each plan allows (SPEC 7), and the sentence that names the plan which lifts a limit.
 *
 * A plan limits what is added: what is there already goes on working when a server is started with a smaller one.
 *
 * Layer:   domain: pure.  Thread: any.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

enum plan { PLAN_FREE, PLAN_TEAM, PLAN_BUSINESS, PLAN_ENTERPRISE, PLAN_COUNT };
const char *plan_name(enum plan plan);                 /* "enterprise" */
bool plan_parse(struct str name, enum plan *out_plan); /* exact */

/** May one more provider of a type be added where there are `count`? ERR_DENIED with the sentence. */
MUST_USE enum err plan_check_provider(enum plan plan, const char *type, size_t count,
                                      struct error *error);
/** May providers be given to some teams only? ERR_DENIED with the sentence. */
MUST_USE enum err plan_check_assignment(enum plan plan, struct error *error);
