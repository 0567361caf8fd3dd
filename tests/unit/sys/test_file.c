/* tests/unit/sys/test_file.c: small files are read within bounds and replaced whole; locks hold. */
#include "base/mem.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/random.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/test.h"

static void odd_paths_are_error_messages(void **state)
{
    (void)state;
    static const struct story {
        const char *name, *path;
        enum err want;
    } stories[] = {
        {"nothing there", "/tmp/auxot-no-such-file", ERR_NOT_FOUND},
        {"a directory", "/tmp", ERR_IO},
        {"an endless device", "/dev/zero", ERR_TOO_LARGE},
        {"an empty device", "/dev/null", OK},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        char *bytes = NULL;
        size_t len = 0;
        struct error error = {0};
        CHECK_INT(stories[i].name, file_read(stories[i].path, 100, &bytes, &len, &error),
                  stories[i].want);
        CHECK(stories[i].name, stories[i].want == OK || error.text[0]);
        mem_free(bytes);
    }
}

static void a_file_is_replaced_whole_and_private(void **state)
{
    (void)state;
    char dir[] = "/tmp/auxot-file-XXXXXX", path[64];
    struct error error = {0};
    struct stat info;
    CHECK("dir", mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/f", dir);
    CHECK_INT("first", file_write_atomic(path, STR("one"), &error), OK);
    CHECK_INT("second", file_write_atomic(path, STR("two!"), &error), OK);
    AUTO_FREE char *bytes = NULL;
    size_t len = 0;
    CHECK_INT("read", file_read(path, 4, &bytes, &len, &error), OK);
    CHECK_STR("the second", bytes, "two!");
    CHECK("private", stat(path, &info) == 0 && (info.st_mode & 0777) == 0600);
    CHECK("nothing else is left", unlink(path) == 0 && rmdir(dir) == 0);
}

static void a_directory_is_made_private(void **state)
{
    (void)state;
    char dir[] = "/tmp/auxot-dir-XXXXXX";
    struct error error = {0};
    struct stat info;
    CHECK("dir", mkdtemp(dir) != NULL && chmod(dir, 0755) == 0);
    CHECK_INT("tightened", file_make_private_dir(dir, &error), OK);
    CHECK("mode", stat(dir, &info) == 0 && (info.st_mode & 0777) == 0700);
    rmdir(dir);
    CHECK_INT("not under a file", file_make_private_dir("/dev/null/x", &error), ERR_IO);
}

static void a_lock_has_one_holder_until_it_dies(void **state)
{
    (void)state;
    char dir[] = "/tmp/auxot-lock-XXXXXX", path[64];
    struct error error = {0};
    int fd = -1, other = -1;
    CHECK("dir", mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/lock", dir);
    pid_t child = fork();
    if (child == 0)
        _exit(lock_take(path, &fd, &error) == OK ? 0 : 1); /* and dies with it */
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_INT("the child had it", status, 0);
    CHECK_INT("free again", lock_take(path, &fd, &error), OK);
    CHECK_INT("a second holder", lock_take(path, &other, &error), ERR_BUSY);
    CHECK("names the first", strstr(error.text, "process ") != NULL);
    fd_close(&fd);
    CHECK_INT("given back", lock_take(path, &other, &error), OK);
    fd_close(&other);
    unlink(path);
    rmdir(dir);
}

static void parent_and_child_draw_different_bytes(void **state)
{
    (void)state;
    uint8_t before[16], ours[16], theirs[16];
    int ends[2];
    random_fill(before, sizeof before);
    CHECK_INT("pipe", pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        random_fill(theirs, sizeof theirs);
        _exit(write(ends[1], theirs, sizeof theirs) == (ssize_t)sizeof theirs ? 0 : 1);
    }
    random_fill(ours, sizeof ours);
    CHECK_INT("read", read(ends[0], theirs, sizeof theirs), (ssize_t)sizeof theirs);
    waitpid(child, NULL, 0);
    CHECK("different", memcmp(ours, theirs, sizeof ours) != 0);
    for (int i = 0; i < 10000; i++) {
        double unit = random_unit();
        CHECK("in [0, 1)", unit >= 0 && unit < 1);
    }
    close(ends[0]);
    close(ends[1]);
}

TEST_MAIN(TEST(odd_paths_are_error_messages), TEST(a_file_is_replaced_whole_and_private),
          TEST(a_directory_is_made_private), TEST(a_lock_has_one_holder_until_it_dies),
          TEST(parent_and_child_draw_different_bytes))
