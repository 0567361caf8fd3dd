/* Directories of jobs: made empty, removed whole, never through a link. */
#define _XOPEN_SOURCE 700
#include "sys/fd.h"
#include "worker/cli_scratch.h"

#include "tests/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[64];

static int make_base(void **state)
{
    (void)state;
    strcpy(base, "/tmp/auxot-scratch-XXXXXX");
    return mkdtemp(base) ? 0 : -1;
}

static int remove_base(void **state)
{
    (void)state;
    scratch_remove(base);
    return 0;
}

static bool is_there(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0;
}

static void two_workers_share_nothing(void **state)
{
    struct scratch one, two;
    struct error error = {0};
    (void)state;
    CHECK_INT(error.text, scratch_open(base, &one, &error), OK);
    CHECK_INT(error.text, scratch_open(base, &two, &error), OK);
    CHECK("different", strcmp(one.dir, two.dir) != 0);
    scratch_close(&one);
    CHECK("gone", !is_there(one.dir));
    CHECK("the other is not", is_there(two.dir));
    scratch_close(&two);
}

static void a_place_is_empty_each_time(void **state)
{
    struct scratch scratch;
    struct scratch_place place;
    struct error error = {0};
    char file[SCRATCH_PATH_MAX + 16];
    (void)state;
    CHECK_INT(error.text, scratch_open(base, &scratch, &error), OK);
    CHECK_INT(error.text, scratch_make(&scratch, 3, &place, &error), OK);
    snprintf(file, sizeof file, "%s/a/b/c", place.work);
    CHECK_INT(error.text, scratch_write(file, STR("x"), &error), OK);
    CHECK("written", is_there(file));
    snprintf(file, sizeof file, "%s/a", place.work);
    CHECK_INT("locked by its tool", chmod(file, 0), 0);
    CHECK_INT(error.text, scratch_make(&scratch, 3, &place, &error), OK);
    CHECK("empty again", !is_there(file) && is_there(place.work) && is_there(place.side));
    scratch_close(&scratch);
}

static void a_link_leads_nowhere(void **state)
{
    char outside[96], link_path[96], dir[96], kept[128];
    struct error error = {0};
    (void)state;
    snprintf(outside, sizeof outside, "%s/outside", base);
    snprintf(kept, sizeof kept, "%s/kept", outside);
    snprintf(dir, sizeof dir, "%s/job", base);
    snprintf(link_path, sizeof link_path, "%s/job/link", base);
    CHECK_INT(error.text, scratch_write(kept, STR("x"), &error), OK);
    CHECK_INT("dir", mkdir(dir, 0700), 0);
    CHECK_INT("link", symlink(outside, link_path), 0);
    scratch_remove(dir);
    CHECK("the directory is gone", !is_there(dir));
    CHECK("what the link led to is not", is_there(kept));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_workers_share_nothing),
        cmocka_unit_test(a_place_is_empty_each_time),
        cmocka_unit_test(a_link_leads_nowhere),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
