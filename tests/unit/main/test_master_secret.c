/* tests/unit/main/test_master_secret.c: the secret is made once, kept private, and never guessed. T11, T30. */
#include "main/master_secret.h"

#include "base/mem.h"
#include "sys/file.h"
#include "tests/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char dir[40], key[64], store[64];
};

static void place_make(struct place *place)
{
    unsetenv("AUXOT_SECRET_KEY");
    snprintf(place->dir, sizeof place->dir, "/tmp/auxot-secret-XXXXXX");
    CHECK("a directory", mkdtemp(place->dir));
    snprintf(place->key, sizeof place->key, "%s/secret.key", place->dir);
    snprintf(place->store, sizeof place->store, "%s/store.db", place->dir);
}

static void place_remove(struct place *place)
{
    unlink(place->key);
    unlink(place->store);
    rmdir(place->dir);
}

static void put(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
    CHECK(path, fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(path, fchmod(fd, mode) == 0);
    close(fd);
}

static void the_first_start_makes_a_private_file_and_the_second_reads_it(void **state)
{
    (void)state;
    struct place place;
    struct master_secret first = {0}, second = {0};
    struct error error = {0};
    struct stat facts;
    place_make(&place);
    CHECK("made", master_secret_load(place.dir, true, &first, &error) == OK && first.was_created);
    CHECK("64 characters", secret_borrow(first.secret).len == 64);
    CHECK("mode 0600", stat(place.key, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    CHECK("read",
          master_secret_load(place.dir, true, &second, &error) == OK && !second.was_created);
    CHECK("the same", str_eq(secret_borrow(first.secret), secret_borrow(second.secret)));
    secret_free(first.secret);
    secret_free(second.secret);
    place_remove(&place);
}

static void the_environment_wins_and_is_emptied(void **state)
{
    (void)state;
    struct place place;
    struct master_secret found = {0};
    struct error error = {0};
    place_make(&place);
    setenv("AUXOT_SECRET_KEY", "of-the-environment", 1);
    CHECK("read", master_secret_load(place.dir, true, &found, &error) == OK);
    CHECK("it", str_eq(secret_borrow(found.secret), STR("of-the-environment")));
    CHECK("no file was made", access(place.key, F_OK) != 0);
    CHECK("nobody else sees it", getenv("AUXOT_SECRET_KEY") == NULL);
    secret_free(found.secret);
    place_remove(&place);
}

static const struct refusal {
    const char *name;
    const char *environment; /* NULL: unset */
    const char *file;        /* NULL: none */
    mode_t mode;
    bool has_store;
    enum err want;
} refusals[] = {
    {"an empty variable", "", NULL, 0, false, ERR_MALFORMED},
    {"an empty file", NULL, "\n", 0600, false, ERR_MALFORMED},
    {"a file that the group may read", NULL, "secret", 0640, false, ERR_DENIED},
    {"a file that all may read", NULL, "secret", 0604, false, ERR_DENIED},
    {"no file beside a database", NULL, NULL, 0, true, ERR_NOT_FOUND},
};

static void what_is_not_safe_is_refused_with_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct refusal *story = &refusals[i];
        struct place place;
        struct master_secret found = {0};
        struct error error = {0};
        place_make(&place);
        if (story->environment)
            setenv("AUXOT_SECRET_KEY", story->environment, 1);
        if (story->file)
            put(place.key, story->file, story->mode);
        if (story->has_store)
            put(place.store, "x", 0600);
        CHECK_INT(story->name, master_secret_load(place.dir, true, &found, &error), story->want);
        CHECK(story->name, error.text[0] != '\0' && !found.secret);
        place_remove(&place);
    }
}

TEST_MAIN(TEST(the_first_start_makes_a_private_file_and_the_second_reads_it),
          TEST(the_environment_wins_and_is_emptied),
          TEST(what_is_not_safe_is_refused_with_a_sentence))
