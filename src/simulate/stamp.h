/* simulate/stamp.h: the seals that the simulator puts on thinking, and knows again. Pure.
 *
 * A vendor signs or encrypts what a model thought and refuses what it has not made. So does the simulator
 * under `strict`; its seals depend on what they seal alone, so that every simulator of a vendor knows those of every
 * other, and a test can compare bytes.
 */
#pragma once
#include "base/buf.h"

/** The `signature` of a thinking block: base64-like, of its text. */
void stamp_thinking(struct buf *out, struct str thinking);
bool stamp_thinking_is_ours(struct str signature, struct str thinking);

/** The `data` of a redacted block, the `encrypted_content` of a reasoning item: bound to an id. */
void stamp_opaque(struct buf *out, struct str id);
/** `out_id` is the id that it was made for. */
bool stamp_opaque_is_ours(struct str data, struct str *out_id);
