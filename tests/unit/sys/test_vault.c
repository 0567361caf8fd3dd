/* tests/unit/sys/test_vault.c: what is sealed opens in its own place and nowhere else (T11). */
#include "base/buf.h"
#include "sys/vault.h"

#include <pthread.h>

#include "tests/test.h"

static const char secret_one[] = "correct horse battery staple, and more";
static const char secret_two[] = "correct horse battery staple, and less";

static struct vault *vault_of(const char *secret)
{
    struct vault *vault = NULL;
    struct error error = {0};
    CHECK_INT("vault", vault_new(str_of(secret), &vault, &error), OK);
    return vault;
}

static void seal(const struct vault *vault, const char *plain, struct buf *out)
{
    struct error error = {0};
    buf_init(out, 8192);
    CHECK_INT("seal",
              vault_seal(vault, "org", "provider", "api_key", "prv_1", str_of(plain), out, &error),
              OK);
}

static enum err open_at(const struct vault *vault, const char *const place[4], struct str blob)
{
    struct secret *plain = NULL;
    struct error error = {0};
    enum err err = vault_open(vault, place[0], place[1], place[2], place[3], blob, &plain, &error);
    secret_free(plain);
    return err;
}

static const char *const home[4] = {"org", "provider", "api_key", "prv_1"};

static void a_sealed_secret_opens_in_its_place(void **state)
{
    (void)state;
    struct vault *vault = vault_of(secret_one);
    struct buf blob;
    struct secret *plain = NULL;
    struct error error = {0};
    seal(vault, "sk-live-12345", &blob);
    CHECK_INT(
        "open",
        vault_open(vault, "org", "provider", "api_key", "prv_1", buf_str(&blob), &plain, &error),
        OK);
    CHECK("same", str_eq(secret_borrow(plain), STR("sk-live-12345")));
    CHECK("no plain text in the blob", !str_find(buf_str(&blob), STR("sk-live"), NULL));
    secret_free(plain);

    struct buf again;
    seal(vault, "sk-live-12345", &again);
    CHECK("a nonce is never used twice", !str_eq(buf_str(&blob), buf_str(&again)));
    buf_release(&again);
    buf_release(&blob);
    vault_free(vault);
}

static void a_blob_moved_elsewhere_does_not_open(void **state)
{
    (void)state;
    static const struct story {
        const char *name;
        const char *place[4];
    } stories[] = {
        {"another org", {"org2", "provider", "api_key", "prv_1"}},
        {"another table", {"org", "tool", "api_key", "prv_1"}},
        {"another column", {"org", "provider", "oauth", "prv_1"}},
        {"another row", {"org", "provider", "api_key", "prv_2"}},
        {"a shifted boundary", {"orgp", "rovider", "api_key", "prv_1"}},
    };
    struct vault *vault = vault_of(secret_one);
    struct buf blob;
    seal(vault, "sk-live-12345", &blob);
    for (size_t i = 0; i < COUNT(stories); i++)
        CHECK_INT(stories[i].name, open_at(vault, stories[i].place, buf_str(&blob)), ERR_DENIED);
    buf_release(&blob);
    vault_free(vault);
}

static void every_flipped_bit_and_every_cut_is_refused(void **state)
{
    (void)state;
    struct vault *vault = vault_of(secret_one);
    struct buf blob;
    seal(vault, "sk-live-12345", &blob);
    for (size_t bit = 0; bit < blob.len * 8; bit++) {
        blob.data[bit / 8] = (char)(blob.data[bit / 8] ^ (1 << (bit % 8)));
        CHECK_INT("flipped", open_at(vault, home, buf_str(&blob)), ERR_DENIED);
        blob.data[bit / 8] = (char)(blob.data[bit / 8] ^ (1 << (bit % 8)));
    }
    for (size_t len = 0; len < blob.len; len++)
        CHECK_INT("cut", open_at(vault, home, (struct str){blob.data, len}), ERR_DENIED);
    CHECK_INT("whole", open_at(vault, home, buf_str(&blob)), OK);
    buf_release(&blob);
    vault_free(vault);
}

static void another_master_secret_opens_nothing(void **state)
{
    (void)state;
    struct vault *one = vault_of(secret_one), *two = vault_of(secret_two);
    struct buf blob;
    seal(one, "sk-live-12345", &blob);
    CHECK_INT("another secret", open_at(two, home, buf_str(&blob)), ERR_DENIED);
    uint8_t of_one[32], of_two[32];
    vault_check_value(one, of_one);
    vault_check_value(two, of_two);
    CHECK("check values differ", memcmp(of_one, of_two, 32) != 0);
    buf_release(&blob);
    vault_free(one);
    vault_free(two);
}

static void weak_secrets_are_refused(void **state)
{
    (void)state;
    static const struct story {
        const char *name, *secret;
        enum err want;
    } stories[] = {
        {"empty", "", ERR_MALFORMED},
        {"31 characters", "0123456789abcdef0123456789abcde", ERR_MALFORMED},
        {"one character", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ERR_MALFORMED},
        {"a short word again and again", "secretsecretsecretsecretsecretsecret", ERR_MALFORMED},
        {"a placeholder", "Change-Me-please-with-something-longer", ERR_MALFORMED},
        {"from openssl rand", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=", OK},
    };
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct vault *vault = NULL;
        struct error error = {0};
        CHECK_INT(stories[i].name, vault_new(str_of(stories[i].secret), &vault, &error),
                  stories[i].want);
        CHECK(stories[i].name, stories[i].want == OK || error.text[0]);
        vault_free(vault);
    }
}

struct digest_thread {
    const struct vault *vault;
    uint8_t digest[32];
};

static void *digest_often(void *arg)
{
    struct digest_thread *thread = arg;
    for (int i = 0; i < 1000; i++)
        vault_key_digest(thread->vault, STR("auxk_example"), thread->digest);
    return NULL;
}

static void digests_agree_between_threads_and_differ_between_vaults(void **state)
{
    (void)state;
    struct vault *one = vault_of(secret_one), *two = vault_of(secret_two);
    struct digest_thread threads[4];
    pthread_t ids[4];
    uint8_t of_one[32], of_two[32], again[32], cursor[16];
    for (size_t i = 0; i < COUNT(threads); i++) {
        threads[i].vault = one;
        CHECK_INT("start", pthread_create(&ids[i], NULL, digest_often, &threads[i]), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(ids[i], NULL);
    vault_key_digest(one, STR("auxk_example"), of_one);
    vault_key_digest(two, STR("auxk_example"), of_two);
    vault_key_digest(one, STR("auxk_example"), again);
    vault_cursor_mac(one, STR("auxk_example"), cursor);
    for (size_t i = 0; i < COUNT(threads); i++)
        CHECK("threads agree", memcmp(threads[i].digest, of_one, 32) == 0);
    CHECK("stable over a change of vault", memcmp(of_one, again, 32) == 0);
    CHECK("vaults differ", memcmp(of_one, of_two, 32) != 0);
    CHECK("purposes differ", memcmp(of_one, cursor, 16) != 0);
    vault_free(one);
    vault_free(two);
}

/* Written by the first version of vault.c: what stands in stores must stay readable. */
static void what_an_old_store_holds_is_still_ours(void **state)
{
    (void)state;
    static const char blob[] = "\x01\x17\xd8\xf4\x8b\xa6\xf2\x11\xf9\x70\x0a\x29\x4f\xc9\x7d\xeb"
                               "\x80\xcc\x74\xc6\x2d\x60\x68\x04\x1c\x73\xc6\xee\xc2\x0b\xea\xa5"
                               "\x44\x50\xb2\x1c\xfd\xcf\xe4\xac\xac\x4c\x64\xc8\xa9\x7f";
    static const char key_digest[] =
        "\xa5\x74\x89\xcd\x29\x6d\xb4\xfa\x5c\xab\x95\x6f\x40\x5e\x56\xd6"
        "\x24\x4a\x0e\x96\xd1\x71\x02\x46\xdf\xc3\x1d\x4b\x90\x89\x3a\x25";
    static const char cursor_mac[] =
        "\xfd\xfa\xa5\x12\xac\x08\xdc\x37\xd3\x51\xf9\xa1\x58\x4b\xc7\xe8";
    static const char check_value[] =
        "\x51\xcf\x42\x5b\x24\xcc\x22\xc9\xa9\xfb\x01\x82\xfe\xd3\x6f\x8a"
        "\x9a\x48\x4b\x46\xea\x17\x4a\x81\x9c\xfe\x75\x03\xd2\x25\x18\xf3";
    struct vault *vault = vault_of(secret_one), *other = vault_of(secret_two);
    uint8_t got[32];
    for (int i = 0; i < 3; i++) { /* each vault finds the other's context in this thread */
        struct buf of_other;
        CHECK_INT("blob", open_at(vault, home, (struct str){blob, sizeof blob - 1}), OK);
        seal(other, "sk-other", &of_other);
        CHECK_INT("of the other", open_at(other, home, buf_str(&of_other)), OK);
        buf_release(&of_other);
    }
    vault_key_digest(vault, STR("auxk_example"), got);
    CHECK("key digest", memcmp(got, key_digest, 32) == 0);
    vault_cursor_mac(vault, STR("auxk_example"), got);
    CHECK("cursor", memcmp(got, cursor_mac, 16) == 0);
    vault_check_value(vault, got);
    CHECK("check value", memcmp(got, check_value, 32) == 0);
    vault_free(vault);
    vault_free(other);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static char long_name[3000], long_secret[SECRET_MAX_BYTES + 2];
    memset(long_name, 'r', sizeof long_name - 1);
    memset(long_secret, 's', sizeof long_secret - 1);
    struct vault *vault = vault_of(secret_one), *none = NULL;
    struct error error = {0};
    struct buf blob, out;
    CHECK_INT("a master secret", vault_new(str_of(long_secret), &none, &error), ERR_MALFORMED);
    CHECK("which is said", strstr(error.text, "longer than"));
    buf_init(&out, 4 * SECRET_MAX_BYTES);
    CHECK_INT("a secret", vault_seal(vault, "o", "t", "c", "r", str_of(long_secret), &out, &error),
              ERR_TOO_LARGE);
    seal(vault, "sk-plain", &blob);
    for (size_t cut = 0; cut < 1200;
         cut += 100) { /* each field of the place has its turn to be too much */
        const char *name = long_name + cut, *short_name = long_name + sizeof long_name - 1 - 400;
        const char *const places[][4] = {
            {name, "t", "c", "r"}, {short_name, short_name, name, "r"}, {"o", "t", "c", name}};
        for (size_t i = 0; i < COUNT(places); i++) {
            CHECK_INT("a place",
                      vault_seal(vault, places[i][0], places[i][1], places[i][2], places[i][3],
                                 STR("x"), &out, &error),
                      ERR_NO_MEMORY);
            CHECK_INT("a place", open_at(vault, places[i], buf_str(&blob)), ERR_NO_MEMORY);
        }
    }
    for (size_t len = 940; len < 990; len++) { /* and what is bound behind it */
        const char *const place[4] = {"o", "t", "c", long_name + sizeof long_name - 1 - len};
        size_t before = out.len;
        enum err err = vault_seal(vault, "o", "t", "c", place[3], STR("x"), &out, &error);
        CHECK("a place", err == OK || (err == ERR_NO_MEMORY && out.len == before));
        CHECK_INT("the same when it is opened", open_at(vault, place, buf_str(&blob)),
                  err == OK ? ERR_DENIED : err);
        out.len = before;
    }
    CHECK_INT("nothing was added", out.len, 0);
    buf_release(&out);
    buf_init(&out, 4 * SECRET_MAX_BYTES);
    buf_append(&out, blob.data, blob.len);
    buf_append(&out, long_secret, sizeof long_secret - 1);
    CHECK_INT("a blob", open_at(vault, home, buf_str(&out)), ERR_DENIED);
    buf_release(&out);
    buf_release(&blob);
    vault_free(vault);
}

TEST_MAIN(TEST(a_sealed_secret_opens_in_its_place), TEST(a_blob_moved_elsewhere_does_not_open),
          TEST(every_flipped_bit_and_every_cut_is_refused), TEST(what_does_not_fit_is_refused),
          TEST(another_master_secret_opens_nothing), TEST(weak_secrets_are_refused),
          TEST(what_an_old_store_holds_is_still_ours),
          TEST(digests_agree_between_threads_and_differ_between_vaults))
