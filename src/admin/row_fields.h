/* admin/row_fields.h: what a call's fields mean for a row, where more than one handler asks: a resource's own, and the file of
 * all configuration (config_plan.h), which reads each of its entries as the resource's handler reads a body.
 *
 * Thread:  any; no locks. Each `bool` is false when the call has failed.
 */
#pragma once
#include "admin/api.h"
#include "store/store.h"

/** The row to be written, from what is there, or the shipped table, and the call. `*out_before`: it replaces that one;
 *  NULL: it is new. */
bool price_row_make(struct api_call *call, const struct store_config *config,
                    const struct price_row **out_before, struct price_row *row);
/** All numbers of a price into the object that is open; null: not known. */
void price_numbers_write(struct json_writer *writer, const struct price *price);
