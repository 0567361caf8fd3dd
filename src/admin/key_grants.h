/* admin/key_grants.h: nobody gives away more than they hold. T05.
 *
 * A new or changed key is measured against who makes it: role, scopes; and when they came with a key, against
 * that key's team, models, limits and end. A key with limits of its own makes no other: each would count afresh.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "admin/rights.h"

/** Reads whom the key is for, out of `user`, `service_account` and `team` of the body, into a row that says
 *  nothing of it yet. False: the call has failed. */
MUST_USE bool key_owner_field(const struct rights *rights, struct api_call *call,
                              struct key_row *row);
/** What is beyond what the caller holds fails the call. Of a new key what was not asked for becomes what the
 *  caller has. */
MUST_USE bool key_grants_check(const struct rights *rights, struct api_call *call,
                               struct key_row *row, bool is_new);
/** Reads `team`: one that the caller sees, and the owner is in. False: the call has failed. */
MUST_USE bool key_team_field(const struct rights *rights, struct api_call *call,
                             struct key_row *row);
