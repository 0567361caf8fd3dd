/* tests/unit/store/test_segment.c: a segment is made whole or not at all, and read only by the one who wrote it. */
#include "store/segment.h"

#include "store/crc32c.h"
#include "tests/unit/store/store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "tests/test.h"

#define LOOP     3
#define SEQUENCE 7u

struct place {
    char dir[64];
    struct segment_owner owner;
};

static void place_begin(struct place *place)
{
    *place = (struct place){.dir = "/tmp/auxot-segment-XXXXXX", .owner = {.node = "node one"}};
    CHECK("a directory", mkdtemp(place->dir));
    place->owner.dir = place->dir;
}

static void place_end(struct place *place)
{
    fixture_remove_dir(place->dir);
}

static void path_in(const struct place *place, const char *name, char room[128])
{
    snprintf(room, 128, "%s/%s", place->dir, name);
}

static enum err make(struct place *place, struct error *error)
{
    int fd = -1;
    enum err err = segment_create(&place->owner, LOOP, SEQUENCE, &fd, error);
    if (err == OK)
        close(fd);
    return err;
}

static enum err look(const struct place *place, int loop, uint64_t sequence)
{
    int fd = -1;
    enum err err = segment_open(&place->owner, loop, sequence, &fd);
    if (err == OK)
        close(fd);
    return err;
}

static bool is_there(const struct place *place)
{
    char path[128];
    path_in(place, "3-7.seg", path);
    return access(path, F_OK) == 0;
}

static void what_was_made_is_opened_and_removed(void **state)
{
    (void)state;
    struct place place;
    struct error error = {0};
    place_begin(&place);
    CHECK_INT("made", make(&place, &error), OK);
    CHECK_INT("opened", look(&place, LOOP, SEQUENCE), OK);
    CHECK_INT("no other loop's", look(&place, LOOP + 1, SEQUENCE), ERR_NOT_FOUND);
    CHECK_INT("never made over", make(&place, &error), ERR_IO);
    CHECK("which is said", strstr(error.text, "3-7.seg"));
    segment_remove(&place.owner, LOOP, SEQUENCE);
    CHECK("removed", !is_there(&place));
    segment_remove(&place.owner, LOOP, SEQUENCE); /* nothing to remove is no trouble */
    place_end(&place);
}

/* ---- a disk that has no room ----------------------------------------------------------------- */

static void a_disk_without_room_is_told_from_a_broken_one(void **state)
{
    (void)state;
    struct place place;
    struct error error = {0};
    struct rlimit before, small;
    place_begin(&place);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_INT("limit", getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 65536, .rlim_max = before.rlim_max};
    CHECK_INT("limit", setrlimit(RLIMIT_FSIZE, &small), 0);
    enum err err = make(&place, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_STR(error.text, err_name(err), "UNAVAILABLE");
    CHECK("what to do", strstr(error.text, "free some space"));
    CHECK("no half a segment stays", !is_there(&place));
    CHECK_INT("with room again", make(&place, &error), OK);
    place_end(&place);
}

static void without_descriptors_or_a_directory_none_is_made(void **state)
{
    (void)state;
    struct place place;
    struct error error = {0};
    struct rlimit before, none;
    place_begin(&place);
    CHECK_INT("limit", getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    enum err err = make(&place, &error);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK_STR(error.text, err_name(err), "UNAVAILABLE");
    place.owner.dir = "/nowhere/at/all";
    CHECK_INT("no directory", make(&place, &error), ERR_IO);
    CHECK_INT("nor to list", segment_list("/nowhere/at/all", NULL, NULL, &error), ERR_IO);
    CHECK("which is said", strstr(error.text, "/nowhere"));
    place_end(&place);
}

/* ---- what is no segment of ours ---------------------------------------------------------------- */

static void patch(const struct place *place, off_t at, uint8_t byte, bool has_right_sum)
{
    char path[128];
    uint8_t head[SEGMENT_HEAD_BYTES];
    path_in(place, "3-7.seg", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    CHECK("its head", pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head);
    head[at] = (uint8_t)(head[at] ^ byte);
    uint32_t sum = crc32c(0, head, sizeof head - 4);
    if (has_right_sum)
        memcpy(head + sizeof head - 4, &sum, sizeof sum);
    CHECK("patched", pwrite(fd, head, sizeof head, 0) == (ssize_t)sizeof head);
    close(fd);
}

static void each_field_of_a_head_is_looked_at(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        off_t at;
        bool has_right_sum;
    } stories[] = {
        {"its magic", 0, true},       {"its version", 8, true}, {"its loop", 12, true},
        {"its sequence", 16, true},   {"its node", 24, true},   {"its checksum", 60, false},
        {"a flipped bit", 50, false},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct place place;
        struct error error = {0};
        place_begin(&place);
        CHECK_INT(stories[i].name, make(&place, &error), OK);
        patch(&place, stories[i].at, 1, stories[i].has_right_sum);
        CHECK_INT(stories[i].name, look(&place, LOOP, SEQUENCE), ERR_MALFORMED);
        CHECK(stories[i].name, is_there(&place)); /* it may be another node's */
        place_end(&place);
    }
}

static void put(const struct place *place, const char *name, size_t zeroes)
{
    char path[128];
    path_in(place, name, path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(name, fd >= 0 && ftruncate(fd, (off_t)zeroes) == 0);
    close(fd);
}

static void one_that_was_killed_in_the_making_is_cleared_away(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 10, SEGMENT_HEAD_BYTES, SEGMENT_BYTES};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct place place;
        place_begin(&place);
        put(&place, "3-7.seg", lengths[i]);
        CHECK_INT("as if it were not there", look(&place, LOOP, SEQUENCE), ERR_NOT_FOUND);
        CHECK("and is gone", !is_there(&place));
        place_end(&place);
    }
}

static void a_link_or_a_directory_in_its_place_is_not_followed(void **state)
{
    (void)state;
    struct place place;
    char path[128];
    place_begin(&place);
    path_in(&place, "3-7.seg", path);
    CHECK_INT("a link", symlink("/etc/passwd", path), 0);
    CHECK_INT("a link", look(&place, LOOP, SEQUENCE), ERR_IO);
    unlink(path);
    CHECK_INT("a directory", mkdir(path, 0700), 0);
    CHECK_INT("a directory", look(&place, LOOP, SEQUENCE), ERR_IO);
    segment_remove(&place.owner, LOOP, SEQUENCE); /* it cannot be, and is logged */
    CHECK("is left alone", is_there(&place));
    rmdir(path);
    place_end(&place);
}

struct found {
    int count, loop;
    uint64_t sequence;
};

static void on_segment(void *arg, int loop, uint64_t sequence)
{
    struct found *found = arg;
    *found = (struct found){found->count + 1, loop, sequence};
}

static void only_names_of_ours_are_listed(void **state)
{
    (void)state;
    static const char *const names[] = {
        "12-34.seg",     "12-34",
        "12-34.segment", "x-1.seg",
        "1-x.seg",       "-1.seg",
        "1.seg",         "1-.seg",
        "1-2-3.seg",     "1024-1.seg",
        "1--5.seg",      ".seg",
        "lock",          "1-549755813888.seg",
    };
    struct place place;
    struct found found = {0};
    struct error error = {0};
    place_begin(&place);
    for (size_t i = 0; i < COUNT(names); i++)
        put(&place, names[i], 0);
    CHECK_INT("listed", segment_list(place.dir, on_segment, &found, &error), OK);
    CHECK_INT("one", found.count, 1);
    CHECK("which", found.loop == 12 && found.sequence == 34);
    place_end(&place);
}

TEST_MAIN(TEST(what_was_made_is_opened_and_removed),
          TEST(a_disk_without_room_is_told_from_a_broken_one),
          TEST(without_descriptors_or_a_directory_none_is_made),
          TEST(each_field_of_a_head_is_looked_at),
          TEST(one_that_was_killed_in_the_making_is_cleared_away),
          TEST(a_link_or_a_directory_in_its_place_is_not_followed),
          TEST(only_names_of_ours_are_listed))
