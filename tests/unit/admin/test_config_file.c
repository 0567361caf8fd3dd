/* tests/unit/admin/test_config_file.c: configuration as code without a server: what a file changes, in words; that twice is once; and
 * what is wrong with one, with the value that is wrong.
 */
#include "admin/config_offline.h"
#include "base/mem.h"
#include "tests/unit/store/store_fixture.h"

#include "tests/test.h"

#define LIMIT ((size_t)1024 * 1024)

struct desk {
    struct fixture fixture;
    struct json_reader *reader;
    struct buf answer;
    int status;
};

static void desk_begin(struct desk *desk)
{
    *desk = (struct desk){0};
    fixture_begin(&desk->fixture);
    fixture_open(&desk->fixture, 0, 0);
    assert_int_equal(json_reader_new(LIMIT, &desk->reader), OK);
    buf_init(&desk->answer, LIMIT);
}

static void desk_end(struct desk *desk)
{
    json_reader_free(desk->reader);
    buf_release(&desk->answer);
    fixture_end(&desk->fixture);
}

/* The answer to a body; its JSON. */
static struct json ask(struct desk *desk, enum config_verb verb, const char *body)
{
    const struct config_desk of = {desk->fixture.store, desk->fixture.vault, NULL, PLAN_ENTERPRISE};
    struct json root = {0};
    struct error error = {0};
    buf_clear(&desk->answer);
    if (body)
        CHECK_INT(body, json_parse(desk->reader, str_of(body), &root, &error), OK);
    CHECK_INT("asked", config_offline(&of, verb, root, &desk->status, &desk->answer, &error), OK);
    root = (struct json){0};
    if (verb != CONFIG_VERB_EXPORT)
        CHECK_INT("read", json_parse(desk->reader, buf_str(&desk->answer), &root, &error), OK);
    return root;
}

/* "+provider a: wait_ms: 5" and so on, one line for each change and each of its words. */
static void words_of(struct json answer, struct buf *out)
{
    buf_init(out, LIMIT);
    buf_puts(out, "");
    for (struct json_cursor each = json_each(json_get(answer, "changes")); json_next(&each);) {
        buf_printf(out, "%.*s %.*s %.*s\n",
                   STR_ARG(json_string_or_empty(json_get(each.value, "action"))),
                   STR_ARG(json_string_or_empty(json_get(each.value, "kind"))),
                   STR_ARG(json_string_or_empty(json_get(each.value, "name"))));
        for (struct json_cursor word = json_each(json_get(each.value, "details"));
             json_next(&word);)
            buf_printf(out, "  %.*s\n", STR_ARG(json_string_or_empty(word.value)));
    }
}

#define BEGINNING                                                                                     \
    "{\"config\":{\"auto\":{\"provider\":\"a\",\"model\":\"m\"},\"providers\":["                      \
    "{\"slug\":\"a\",\"type\":\"openai\",\"surfaced_models\":[\"m\",\"n\"],\"default_model\":\"m\"}," \
    "{\"slug\":\"b\",\"name\":\"The B\",\"type\":\"gpu\",\"teams\":[\"Blue\"],"                       \
    "\"fallback_rules\":[{\"condition\":\"offline\",\"provider\":\"a\"}]}],"                          \
    "\"routes\":[{\"name\":\"r\",\"steps\":[{\"provider\":\"b\"}]}],"                                 \
    "\"teams\":[{\"name\":\"Blue\",\"policy\":{\"max_concurrent\":3,"                                 \
    "\"allowed_providers\":[\"a\",\"b\"]},\"service_accounts\":[\"ci\"]}],"                           \
    "\"prices\":[{\"model\":\"m\",\"provider\":\"a\",\"input_microusd_per_mtok\":7}]}}"

static const struct story {
    const char *name, *body, *words;
} stories[] = {
    {"nothing is asked", "{\"config\":{}}", ""},
    {"what is left out stays", "{\"config\":{\"providers\":[{\"slug\":\"a\"}]}}", ""},
    {"the same again", BEGINNING, ""},
    {"a number",
     "{\"config\":{\"providers\":[{\"slug\":\"b\",\"wait_ms\":9,\"timeouts\":{\"idle_ms\":5}}]}}",
     "update provider b\n  wait_ms: 0 → 9\n  timeouts.idle_ms: null → 5\n"},
    {"names that come and go",
     "{\"config\":{\"providers\":[{\"slug\":\"a\",\"surfaced_models\":[\"o\",\"m\"]}]}}",
     "update provider a\n  surfaced_models: +o -n\n"},
    {"a list that becomes nobody's",
     "{\"config\":{\"providers\":[{\"slug\":\"b\",\"teams\":null}]}}",
     "update provider b\n  teams: [\"Blue\"] → null\n"},
    {"another default", "{\"config\":{\"auto\":null}}",
     "update auto auto\n  auto: {\"provider\":\"a\",\"model\":\"m\"} → null\n"},
    {"a team whose name is written otherwise is the same, and nobody else changes",
     "{\"config\":{\"teams\":[{\"name\":\"BLUE\"}]}}",
     "update team BLUE\n  name: \"Blue\" → \"BLUE\"\n"},
    {"a limit in a policy; the others stay",
     "{\"config\":{\"teams\":[{\"name\":\"Blue\",\"policy\":{\"max_concurrent\":null}}]}}",
     "update team Blue\n  policy.max_concurrent: 3 → null\n"},
    {"one more account, and none is removed without prune",
     "{\"config\":{\"teams\":[{\"name\":\"Blue\",\"service_accounts\":[\"bot\"]}]}}",
     "create service_account Blue/bot\n  name: \"bot\"\n  team: \"Blue\"\n"},
    {"with prune the section is all there is",
     "{\"prune\":true,\"config\":{\"teams\":[{\"name\":\"Blue\",\"service_accounts\":[\"bot\"]}],"
     "\"routes\":[]}}",
     "delete route r\ndelete service_account Blue/ci\n"
     "create service_account Blue/bot\n  name: \"bot\"\n  team: \"Blue\"\n"},
    {"a provider goes with its prices and as the default; who pointed there points nowhere",
     "{\"prune\":true,\"config\":{\"providers\":[{\"slug\":\"b\"}]}}",
     "delete provider a\nupdate provider b\n  fallback_rules: "
     "[{\"condition\":\"offline\",\"provider\":\"a\",\"model\":null,\"threshold\":10}] → []\n"
     "update team Blue\n  policy.allowed_providers: -a\n"
     "delete price m at a\nupdate auto auto\n  auto: {\"provider\":\"a\",\"model\":\"m\"} → null\n"},
};

static void what_a_file_changes_is_told_in_words(void **state)
{
    (void)state;
    struct desk desk;
    desk_begin(&desk);
    (void)ask(&desk, CONFIG_VERB_APPLY, BEGINNING);
    CHECK_STR("the beginning", desk.status == 200 ? "good" : desk.answer.data, "good");
    for (size_t i = 0; i < COUNT(stories); i++) {
        AUTO_BUF struct buf words = {0};
        struct json answer = ask(&desk, CONFIG_VERB_DIFF, stories[i].body);
        CHECK_STR(stories[i].name, desk.status == 200 ? "good" : desk.answer.data, "good");
        words_of(answer, &words);
        CHECK_STR(stories[i].name, words.data ? words.data : "", stories[i].words);
    }
    desk_end(&desk);
}

static void twice_is_once_and_out_is_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        struct desk desk;
        bool is_true = false;
        AUTO_BUF struct buf first;
        buf_init(&first, LIMIT);
        desk_begin(&desk);
        (void)ask(&desk, CONFIG_VERB_APPLY, BEGINNING);
        (void)ask(&desk, CONFIG_VERB_APPLY, stories[i].body);
        CHECK_INT(stories[i].name, desk.status, 200);
        (void)ask(&desk, CONFIG_VERB_EXPORT, NULL);
        buf_append_str(&first, buf_str(&desk.answer));
        struct json again = ask(&desk, CONFIG_VERB_APPLY, stories[i].body);
        CHECK(stories[i].name, json_bool(json_get(again, "applied"), &is_true) && !is_true);
        (void)ask(&desk, CONFIG_VERB_EXPORT, NULL);
        CHECK_STR(stories[i].name, desk.answer.data, first.data);
        desk_end(&desk);
    }
}

static const struct refusal {
    const char *name, *body, *field, *detail;
    int status;
} refusals[] = {
    {"a section that there is not", "{\"config\":{\"provider\":[]}}", "config",
     "config has no field \"provider\".", 400},
    {"a rule to nobody",
     "{\"config\":{\"providers\":[{\"slug\":\"x\",\"type\":\"gpu\"},{\"slug\":\"y\",\"type\":\"gpu\","
     "\"fallback_rules\":[{\"condition\":\"offline\",\"provider\":\"z\"}]}]}}",
     "providers[1].fallback_rules", "Rule 1: provider must be the id or slug of another provider.",
     400},
    {"a key for nobody", "{\"config\":{},\"keys\":[{\"provider\":\"x\",\"api_key\":\"sk-1\"}]}",
     "keys[0].provider", "There is no provider \"x\".", 400},
    {"a key that is none",
     "{\"config\":{\"providers\":[{\"slug\":\"x\",\"type\":\"openai\"}]},"
     "\"keys\":[{\"provider\":\"x\",\"api_key\":\"sk 1\"}]}",
     "providers[0].api_key", "api_key must be visible ASCII without blanks, at most 2048 bytes.",
     400},
    {"twice",
     "{\"config\":{\"routes\":[{\"name\":\"r\",\"steps\":[{\"tier\":\"gpu\"}]},"
     "{\"name\":\"r\",\"steps\":[{\"tier\":\"cli\"}]}]}}",
     "routes[1]", "The file names this route twice.", 400},
    {"a price at nobody", "{\"config\":{\"prices\":[{\"model\":\"m\",\"provider\":\"x\"}]}}",
     "prices[0].provider", "provider must be the id or slug of a provider, or null for all.", 400},
    {"an account without a name",
     "{\"config\":{\"teams\":[{\"name\":\"t\",\"service_accounts\":[\" a\"]}]}}",
     "teams[0].service_accounts",
     "A service account needs a name of 1 to 63 bytes, without blanks at its ends.", 400},
    {"a team that reads as an id",
     "{\"config\":{\"teams\":[{\"name\":\"tea_01m7ww3ccacwbz4ptr0h6wm74e\"}]}}", "teams[0].name",
     "This reads as the id of a team: choose a name.", 400},
    {"another rev", "{\"config\":{},\"rev\":\"0\"}", "rev", NULL, 412},
};

static void what_cannot_be_is_refused_with_its_place_and_nothing_changes(void **state)
{
    (void)state;
    struct desk desk;
    AUTO_BUF struct buf before;
    desk_begin(&desk);
    buf_init(&before, LIMIT);
    (void)ask(&desk, CONFIG_VERB_EXPORT, NULL);
    buf_append_str(&before, buf_str(&desk.answer));
    for (size_t i = 0; i < COUNT(refusals); i++) {
        char field[96], detail[320];
        struct json problem = ask(&desk, CONFIG_VERB_APPLY, refusals[i].body);
        CHECK_INT(refusals[i].name, desk.status, refusals[i].status);
        str_copy(json_string_or_empty(json_get(problem, "field")), field, sizeof field);
        str_copy(json_string_or_empty(json_get(problem, "detail")), detail, sizeof detail);
        CHECK_STR(refusals[i].name, field, refusals[i].field);
        if (refusals[i].detail)
            CHECK_STR(refusals[i].name, detail, refusals[i].detail);
        (void)ask(&desk, CONFIG_VERB_EXPORT, NULL);
        CHECK_STR(refusals[i].name, desk.answer.data, before.data);
    }
    desk_end(&desk);
}

static const struct check_story {
    const char *name, *file, *what, *where; /* where: the text of the value that is wrong */
} checks[] = {
    {"all is well", "{\"providers\":[{\"slug\":\"a\",\"type\":\"cli\"}],\"teams\":[]}", NULL, NULL},
    {"no object", "[1]", "The file must be one object: { and, at its end, }.", ""},
    {"a field that there is not", "{\"providers\":[{\"slug\":\"a\",\"x\":[2]}]}",
     "providers[0] has no field \"x\".", "[2]"},
    {"a field that is missing", "{\"routes\":[{\"name\":\"r\"}]}",
     "routes[0] needs the field \"steps\".", "{\"name\":\"r\"}"},
    {"a value out of range", "{\"providers\":[{\"slug\":\"a\",\"wait_ms\":-1}]}",
     "providers[0].wait_ms must be a whole number between 0 and 86400000.", "-1"},
    {"a team that there is not",
     "{\"providers\":[{\"slug\":\"a\",\"type\":\"cli\",\"teams\":[\"t\"]}],\"teams\":[]}",
     "There is no team \"t\".", "[\"t\"]"},
    {"nothing of that type yet", "{\"providers\":[{\"slug\":\"a\"}],\"teams\":[]}",
     "There is no provider \"a\" yet, and a new one needs its type.", "{\"slug\":\"a\"}"},
};

static void a_file_alone_is_checked_and_the_wrong_value_is_found(void **state)
{
    (void)state;
    struct json_reader *reader = NULL;
    struct error error = {0};
    assert_int_equal(json_reader_new(LIMIT, &reader), OK);
    for (size_t i = 0; i < COUNT(checks); i++) {
        struct json file;
        struct config_flaw flaw = {0};
        char where[64];
        CHECK_INT("read", json_parse(reader, str_of(checks[i].file), &file, &error), OK);
        enum err err = config_check(file, NULL, &flaw);
        CHECK_INT(checks[i].name, err, checks[i].what ? ERR_MALFORMED : OK);
        if (!checks[i].what)
            continue;
        str_copy(json_raw(reader, flaw.where, str_of(checks[i].file)), where, sizeof where);
        CHECK_STR(checks[i].name, flaw.what, checks[i].what);
        CHECK_STR(checks[i].name, where, checks[i].where);
        CHECK(checks[i].name, flaw.fix && flaw.fix[0]);
    }
    json_reader_free(reader);
}

TEST_MAIN(TEST(what_a_file_changes_is_told_in_words), TEST(twice_is_once_and_out_is_in),
          TEST(what_cannot_be_is_refused_with_its_place_and_nothing_changes),
          TEST(a_file_alone_is_checked_and_the_wrong_value_is_found))
