/* worker/vram.h: how much memory the graphics cards have, by the tool that their driver brings.
 *
 * nvidia-smi, else rocm-smi; a machine with neither, or where both fail or one hangs, has none that we know of.
 * Thread:  the loop's.
 */
#pragma once
#include "net/loop.h"
#include "base/str.h"

struct vram;

/** `on_known` comes once, from the loop; 0: not known, as when a tool says nothing within `patience_ms`. Free it from there
 *  or later. NULL without memory. */
MUST_USE struct vram *vram_look(struct loop *loop, int64_t patience_ms,
                                void (*on_known)(void *owner, int64_t vram_mb), void *owner);
void vram_free(struct vram *vram); /* never waits; NULL is fine */

/** Pure: one number of MiB a line (nvidia-smi --format=csv,noheader,nounits), added up. */
int64_t vram_of_nvidia(struct str text);
/** Pure: lines "..., VRAM Total Memory (B): 17163091968" (rocm-smi --showmeminfo vram), added up. */
int64_t vram_of_rocm(struct str text);
