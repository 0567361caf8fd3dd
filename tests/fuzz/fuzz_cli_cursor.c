/* tests/fuzz/fuzz_cli_cursor.c: lines of cursor, as anything: no crash, no event out of order, nothing behind the end. */
#include "tests/fuzz/cli_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct cli_lines lines;
    cli_lines_play(&lines, &cursor_tool, (struct str){(const char *)bytes, len});
    return 0;
}
