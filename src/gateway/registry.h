/* gateway/registry.h: all live providers by id, as snapshot_build keeps them in step with their rows.
 *
 * Inside the room: others see only live_registry_new and live_registry_free (snapshot.h).
 *
 *     registry_begin(registry);
 *     for each row:  live = registry_follow(registry, row, vault);
 *     registry_end(registry, is_whole);
 *
 * Thread:  any; locked from begin to end.
 */
#pragma once
#include "gateway/snapshot.h"

void registry_begin(struct live_registry *registry);
/**
 * Finds or makes the live part of a row and brings it up to date: opens the key when its version
 * changed, clears the verdicts when key or base URL changed or the provider was unpaused. A new
 * reference; NULL without memory or room.
 */
struct live_provider *registry_follow(struct live_registry *registry,
                                      const struct provider_row *row, const struct vault *vault);
/** `is_whole`: every row was followed, so what was not is deleted. */
void registry_end(struct live_registry *registry, bool is_whole);
