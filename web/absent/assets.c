/* web/absent/assets.c: what a build without the web UI has in place of web/packed/assets.c: one page that says so. */
#include "ui/asset.h"

const struct ui_asset ui_assets[] = {{NULL, NULL, NULL, false, {NULL}, {NULL}}};
const size_t ui_asset_count = 0;
const struct str ui_shell[UI_SHELL_PIECES] = {STR_INIT(
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Auxot</title><h1>Auxot is running</h1>"
    "<p>This program was built without its web UI: <code>./dev build</code> makes one that has it. "
    "The management API is at <a href=\"/api/openapi.json\">/api/openapi.json</a>.</p></html>\n")};
const char ui_build_id[] = "none";
