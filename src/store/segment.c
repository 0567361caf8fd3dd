/* store/segment.c: making, opening, listing and removing segment files. */
#include "store/segment.h"

#include "base/log.h"
#include "base/str.h"
#include "store/crc32c.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define SUFFIX       ".seg"
#define LOOPS_MAX    1024
#define SEQUENCE_MAX (UINT64_C(1) << 39) /* a position holds 40 bits of it */

/* As it stands in the file; every machine that runs us is little-endian (asserted below). */
struct head {
    uint8_t magic[8];
    uint32_t version;
    int32_t loop;
    uint64_t sequence;
    uint8_t node[16], boot[16];
    uint32_t unused;
    uint32_t crc; /* of everything before it */
};
static_assert(sizeof(struct head) == SEGMENT_HEAD_BYTES, "no padding");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "heads are written as they lie in memory");

static const uint8_t head_magic[8] = {'A', 'U', 'X', 'O', 'T', 'J', 'S', '1'};

static void segment_path(const struct segment_owner *owner, int loop, uint64_t sequence,
                         char room[PATH_MAX])
{
    snprintf(room, PATH_MAX, "%s/%d-%llu" SUFFIX, owner->dir, loop, (unsigned long long)sequence);
}

static uint32_t head_crc(const struct head *head)
{
    return crc32c(0, head, offsetof(struct head, crc));
}

static enum err segment_fill(int fd, const struct head *head)
{
    int why = posix_fallocate(fd, 0, SEGMENT_BYTES);
    if (why != 0) {
        errno = why;
        return ERR_IO;
    }
    return file_write_at(fd, head, sizeof *head, 0);
}

enum err segment_create(const struct segment_owner *owner, int loop, uint64_t sequence, int *out_fd,
                        struct error *error)
{
    struct head head = {.version = 1, .loop = loop, .sequence = sequence};
    memcpy(head.magic, head_magic, sizeof head.magic);
    memcpy(head.node, owner->node, sizeof head.node);
    memcpy(head.boot, owner->boot, sizeof head.boot);
    head.crc = head_crc(&head);

    char path[PATH_MAX];
    segment_path(owner, loop, sequence, path);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && segment_fill(fd, &head) == OK) {
        *out_fd = fd_take(&fd);
        return OK;
    }
    int why = errno;
    if (fd >= 0)
        unlink(path);
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return error_set(error, ERR_UNAVAILABLE,
                         "no room for the journal in '%s' (%s): free some space", owner->dir,
                         ERRNO_TEXT(why));
    return error_set(error, why == EMFILE || why == ENFILE ? ERR_UNAVAILABLE : ERR_IO,
                     "cannot make the journal segment '%s': %s", path, ERRNO_TEXT(why));
}

enum err segment_open(const struct segment_owner *owner, int loop, uint64_t sequence, int *out_fd)
{
    char path[PATH_MAX];
    segment_path(owner, loop, sequence, path);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    struct head head;
    size_t len = 0;
    if (file_read_at(fd, &head, sizeof head, 0, &len) != OK)
        return ERR_IO;
    /* Killed while it was made: nothing was written to it yet. */
    if (len < sizeof head || memcmp(&head, &(struct head){0}, sizeof head) == 0) {
        unlink(path);
        return ERR_NOT_FOUND;
    }
    if (memcmp(head.magic, head_magic, sizeof head_magic) != 0 || head.version != 1 ||
        head.crc != head_crc(&head) || head.loop != loop || head.sequence != sequence ||
        memcmp(head.node, owner->node, sizeof head.node) != 0)
        return ERR_MALFORMED;
    *out_fd = fd_take(&fd);
    return OK;
}

void segment_remove(const struct segment_owner *owner, int loop, uint64_t sequence)
{
    char path[PATH_MAX];
    segment_path(owner, loop, sequence, path);
    if (unlink(path) != 0 && errno != ENOENT)
        log_warn("journal_segment_not_removed", "path=%s error=\"%s\"", path, ERRNO_TEXT(errno));
}

/* "<loop>-<sequence>.seg" and nothing else. */
static bool name_parse(struct str name, int *out_loop, uint64_t *out_sequence)
{
    int64_t loop = 0, sequence = 0;
    if (!str_ends(name, STR(SUFFIX)))
        return false;
    struct str rest = str_upto(name, name.len - strlen(SUFFIX));
    struct str first = str_cut(&rest, '-');
    if (!str_to_int64(first, &loop) || !str_to_int64(rest, &sequence) || loop >= LOOPS_MAX ||
        (uint64_t)sequence >= SEQUENCE_MAX)
        return false;
    *out_loop = (int)loop;
    *out_sequence = (uint64_t)sequence;
    return true;
}

enum err segment_list(const char *dir, segment_on_found *on_segment, void *arg, struct error *error)
{
    DIR *directory = opendir(dir);
    if (!directory)
        return error_set(error, ERR_IO, "cannot list '%s': %s", dir, ERRNO_TEXT(errno));
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int loop = 0;
        uint64_t sequence = 0;
        if (name_parse(str_of(entry->d_name), &loop, &sequence))
            on_segment(arg, loop, sequence);
    }
    closedir(directory);
    return OK;
}
