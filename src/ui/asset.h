/* ui/asset.h: the built web UI, as it lies in the binary.
 *
 * web/pack.mjs makes the table from what Vite built; a build without Node gets an empty one (no_assets.c), and the
 * pages say how to get them.
 */
#pragma once
#include "base/str.h"

#include <stdbool.h>

/* The forms in which a file is there; one that saves too little is empty. */
enum asset_form { ASSET_PLAIN, ASSET_GZIP, ASSET_BROTLI, ASSET_FORMS };

struct ui_asset {
    const char *path; /* "/assets/index-B3xY.js" */
    const char *mime;
    const char *etag;  /* with its quotes */
    bool is_immutable; /* its name holds a digest of its content */
    const char *bytes[ASSET_FORMS];
    const char *ends[ASSET_FORMS];
};

extern const struct ui_asset ui_assets[]; /* by path, as strcmp sorts them */
extern const size_t ui_asset_count;
/* index.html, cut where the nonce goes: the piece before it, and those behind each. */
#define UI_SHELL_PIECES 4u
extern const struct str ui_shell[UI_SHELL_PIECES];
extern const char ui_build_id[];
