/* admin/policy_field.h: the member "policy" of a team or a key, and the models of a key.
 *
 * Thread:  api. Whatever is returned is owned: mem_free.
 */
#pragma once
#include "admin/api.h"

#define POLICY_BYTES_MAX ((size_t)256 * 1024)

/**
 * Reads `policy` of the body over what `*json` says already, and replaces it: NULL when nothing is left of it.
 * Providers may be named by id or slug, and must be there. A missing member leaves `*json` as it is.
 * False: the call has failed.
 */
MUST_USE bool policy_field(struct api_call *call, const struct store_config *config, char **json);
/** The same for a key: its models are a member of their own, `allowed_models`. */
MUST_USE bool key_policy_field(struct api_call *call, const struct store_config *config,
                               char **json);
/** Reads `allowed_models` of the body: `*json` becomes a list, or NULL for null. */
MUST_USE bool models_field(struct api_call *call, char **json);
/** "policy": all its members, also when `json` is NULL. */
void policy_put(struct json_writer *writer, const char *json);
/** Is each pattern of `wanted` allowed by one of `held`? Both are lists as models_field makes them. */
bool models_are_within(const char *wanted, const char *held);
