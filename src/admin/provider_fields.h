/* admin/provider_fields.h: reads what a caller wants of a provider into its row, with all checks.
 *
 * Thread:  any; no locks. Each function returns false when the call has failed.
 */
#pragma once
#include "admin/api.h"
#include "store/store.h"

/** error_code of a provider that a file of configuration made, and whose key it could not bring: it waits for one. */
#define KEY_MISSING "key_missing"
/** `api_key`, trimmed; empty when it is not given. Borrowed from the call. */
bool provider_key_field(struct api_call *call, struct str *out_key, bool *out_is_given);
/** "sk-p…aBcD"; only dots for a short key. */
void provider_key_hint(struct str key, char *room, size_t room_bytes);
/** Seals another key into the row, and its hint; an empty one: the row has none. Errors: what the vault says. */
MUST_USE enum err provider_key_put(const struct vault *vault, struct provider_row *row,
                                   struct str key, struct error *error);
/** type, name, base_url and dialects of a new provider. */
bool provider_new_fields(struct api_call *call, struct provider_row *row);
/** Every other field of PATCH but the key. `config` is for rules, which name other providers. */
bool provider_change_fields(struct api_call *call, const struct store_config *config,
                            struct provider_row *row);
/** Does the base URL lead to another scheme, host or port? Then a stored key may not follow: T01. */
bool provider_has_moved(const char *old_url, const char *new_url);
