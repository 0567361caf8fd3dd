/* tests/unit/sys/test_password.c: T14: hashes are Argon2id with enough memory, and nobody is no shortcut. */
#include "sys/password.h"

#include "tests/test.h"

#include <time.h>

static bool is_right(const char *password, const char *hash)
{
    struct error error = {0};
    bool is_right = false;
    CHECK("checked", password_verify(str_of(password), hash, &is_right, &error) == OK);
    return is_right;
}

static void the_right_password_opens_and_no_other(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];
    struct error error = {0};
    CHECK("hashed", password_hash(STR("correct horse battery"), hash, &error) == OK);
    CHECK("hashed", password_hash(STR("correct horse battery"), again, &error) == OK);
    CHECK("each has its own salt", strcmp(hash, again) != 0);
    CHECK("right", is_right("correct horse battery", hash));
    CHECK("one letter", !is_right("correct horse batterY", hash));
    CHECK("empty", !is_right("", hash));
    CHECK("a beginning", !is_right("correct horse", hash));
}

static void the_parameters_are_no_less_than_promised(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_MAX];
    struct error error = {0};
    unsigned memory_kib = 0, passes = 0, lanes = 0;
    CHECK("hashed", password_hash(STR("correct horse battery"), hash, &error) == OK);
    CHECK_INT("Argon2id",
              sscanf(hash, "$argon2id$v=19$m=%u,t=%u,p=%u$", &memory_kib, &passes, &lanes), 3);
    CHECK("memory", memory_kib >= 19 * 1024);
    CHECK("passes", passes >= 2);
    CHECK_INT("lanes", lanes, 1);
    CHECK("today's", !password_is_dated(hash));
    CHECK("older ones are told",
          password_is_dated("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* What this thread computes; of a few, the least: other programs on the machine only add. */
static int64_t work_ns(const char *hash)
{
    int64_t least = INT64_MAX;
    for (int i = 0; i < 3; i++) {
        int64_t start = cpu_ns();
        CHECK("wrong", !is_right("not the password", hash));
        int64_t took = cpu_ns() - start;
        least = took < least ? took : least;
    }
    return least;
}

/* Within a factor of ten, which no machine's noise reaches and a missing hash exceeds a thousandfold. */
static void nobody_takes_the_same_work(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_MAX];
    struct error error = {0};
    CHECK("hashed", password_hash(STR("correct horse battery"), hash, &error) == OK);
    int64_t known = work_ns(hash), unknown = work_ns(NULL);
    print_message("known %lld us, unknown %lld us\n", (long long)known / 1000,
                  (long long)unknown / 1000);
    CHECK("no shortcut", unknown * 10 > known && known * 10 > unknown);
}

static void damaged_hashes_open_nothing(void **state)
{
    (void)state;
    static const char *const damaged[] = {"", "$", "$argon2id$v=19$m=32768,t=2,p=1$", "plain"};
    for (size_t i = 0; i < COUNT(damaged); i++)
        CHECK(damaged[i], !is_right("", damaged[i]) && !is_right(damaged[i], damaged[i]));
}

TEST_MAIN(TEST(the_right_password_opens_and_no_other),
          TEST(the_parameters_are_no_less_than_promised), TEST(nobody_takes_the_same_work),
          TEST(damaged_hashes_open_nothing))
