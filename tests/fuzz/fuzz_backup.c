/* tests/fuzz/fuzz_backup.c: any bytes are a manifest or are refused; what was read is written and read the same. */
#include "store/backup_manifest.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_page(const char page[BACKUP_MANIFEST_BYTES])
{
    struct backup_manifest read = {0}, again = {0};
    struct str text = {page, BACKUP_MANIFEST_BYTES};
    if (backup_manifest_read(text, &read, NULL) != OK)
        return;
    AUTO_BUF struct buf written;
    buf_init(&written, BACKUP_MANIFEST_BYTES + 1);
    backup_manifest_write(&read, &written);
    assert(!written.failed && written.len == BACKUP_MANIFEST_BYTES);
    assert(backup_manifest_read(buf_str(&written), &again, NULL) == OK);
    assert(memcmp(&read, &again, sizeof read) == 0);
}

/* Filled up with line feeds, as a manifest is: else no input would ever be long enough. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char page[BACKUP_MANIFEST_BYTES];
    memset(page, '\n', sizeof page);
    memcpy(page, bytes, len < sizeof page ? len : sizeof page);
    check_page(page);
    return 0;
}
