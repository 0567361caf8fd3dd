/* tests/unit/wire/test_tool_names.c: every tool reaches the provider under a name that it takes, and comes back. */
#include "wire/tool_names.h"
#include "tests/test.h"

#include <stdio.h>

static struct arena arena;
static struct tool_names names;

static int begin(void **state)
{
    (void)state;
    arena_init(&arena, 1u << 20);
    tool_names_init(&names, &arena, 64);
    return 0;
}

static int end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static bool is_fit(struct str name)
{
    bool fits = name.len > 0 && name.len <= 64;
    for (size_t i = 0; i < name.len; i++)
        fits = fits && (strchr("_-", name.at[i]) || (name.at[i] >= '0' && name.at[i] <= '9') ||
                        ((name.at[i] | 32) >= 'a' && (name.at[i] | 32) <= 'z'));
    return fits;
}

static void a_fit_name_stays(void **state)
{
    (void)state;
    struct str sent = tool_name_out(&names, STR(""), STR("get_weather"), false);
    CHECK("as it is", str_eq(sent, STR("get_weather")));
    CHECK("itself", str_eq(tool_name_find(&names, sent)->name, sent));
    struct str flat = tool_name_out(&names, STR("get"), STR("x"), false);
    struct str taken = tool_name_out(&names, STR(""), STR("mcp__x"), false);
    struct str later = tool_name_out(&names, STR("mcp"), STR("x"), false);
    CHECK("a name that is taken", flat.len && taken.len && !str_eq(taken, later));
}

static void a_name_is_changed_and_found_again(void **state)
{
    (void)state;
    static const struct {
        const char *story, *space, *name;
        bool is_custom;
    } rows[] = {
        {"a namespace", "mcp__ev", "echo", false},
        {"a dot", "", "fs.read", false},
        {"a blank and an umlaut", "", "gr\xC3\xBC\xC3\x9F dich", false},
        {"too long", "mcp__a_server_with_a_rather_long_name",
         "a_tool_whose_name_is_longer_than_any_provider_takes_it", false},
        {"free text", "", "apply_patch", true},
        {"one that reads like a flattened one", "", "mcp__ev__echo.", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct str space = str_of(rows[i].space), name = str_of(rows[i].name);
        struct str sent = tool_name_out(&names, space, name, rows[i].is_custom);
        CHECK(rows[i].story, is_fit(sent));
        CHECK(rows[i].story, str_eq(sent, tool_name_out(&names, space, name, rows[i].is_custom)));
        const struct tool_name *found = tool_name_find(&names, sent);
        CHECK(rows[i].story, found && str_eq(found->name, name) && str_eq(found->space, space));
        CHECK(rows[i].story, found->is_custom == rows[i].is_custom);
    }
}

static void two_tools_never_share_a_name(void **state)
{
    (void)state;
    struct str dot = tool_name_out(&names, STR(""), STR("a.b"), false);
    struct str blank = tool_name_out(&names, STR(""), STR("a b"), false);
    struct str plain = tool_name_out(&names, STR(""), STR("a_b"), false);
    struct str space = tool_name_out(&names, STR("a"), STR("b"), false);
    struct str flat = tool_name_out(&names, STR(""), STR("a__b"), false);
    struct str all[] = {dot, blank, plain, space, flat};
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t j = 0; j < i; j++)
            CHECK("different", all[i].len && !str_eq(all[i], all[j]));
    CHECK("the plain one is known too", str_eq(tool_name_find(&names, plain)->name, STR("a_b")));
}

static void there_is_a_bound(void **state)
{
    (void)state;
    char name[32];
    size_t given = 0;
    for (unsigned i = 0; i < TOOL_NAMES_MAX * 2; i++) {
        (void)snprintf(name, sizeof name, "tool.%u", i);
        given += tool_name_out(&names, STR(""), str_of(name), false).len > 0;
    }
    CHECK_INT("so many and no more", given, TOOL_NAMES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fit_name_stays, begin, end),
        cmocka_unit_test_setup_teardown(a_name_is_changed_and_found_again, begin, end),
        cmocka_unit_test_setup_teardown(two_tools_never_share_a_name, begin, end),
        cmocka_unit_test_setup_teardown(there_is_a_bound, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
