/* tests/unit/admin/test_endpoints.c: the route table as the build made it from api/openapi.yaml, held to
 * tests/authorization, which says who may do what a second time. T05, T07.
 */
#include "admin/endpoints.h"
#include "sys/file.h"

#include "tests/test.h"

/* One line of tests/authorization. */
struct permission {
    struct str method, path, none, member, admin, owner, mate, other;
};

static char *table;
static struct str rest;

static struct str word(struct str *line)
{
    *line = str_trim(*line);
    return str_cut(line, ' ');
}

static bool next_permission(struct permission *out)
{
    while (rest.len) {
        struct str line = str_cut(&rest, '\n');
        if (!line.len || line.at[0] == '#')
            continue;
        out->method = word(&line);
        out->path = word(&line);
        out->none = word(&line);
        out->member = word(&line);
        out->admin = word(&line);
        out->owner = word(&line);
        out->mate = word(&line);
        out->other = word(&line);
        return true;
    }
    return false;
}

static bool permission_of(const struct api_endpoint *endpoint, struct permission *out)
{
    rest = str_of(table);
    while (next_permission(out))
        if (str_eq(out->method, str_of(http_method_name(endpoint->method))) &&
            str_eq(out->path, str_of(endpoint->path)))
            return true;
    return false;
}

static int read_table(void **state)
{
    (void)state;
    struct error error = {0};
    size_t len;
    return file_read(FIXTURES "/../authorization", 1024 * 1024, &table, &len, &error) == OK ? 0 : 1;
}

static int free_table(void **state)
{
    (void)state;
    mem_free(table);
    return 0;
}

/* Where another's object is told from one's own, the handler looks at more than the role: a member may be a lead. */
static enum role least_role(const struct permission *permission)
{
    bool is_told_apart = !str_eq(permission->other, STR("-"));
    if (!str_eq(permission->none, STR("401")))
        return ROLE_NONE;
    if (is_told_apart || !str_eq(permission->member, STR("403")))
        return ROLE_MEMBER;
    return str_eq(permission->admin, STR("403")) ? ROLE_ADMIN + 1 : ROLE_ADMIN;
}

static void every_row_lets_in_whom_the_authorization_table_says(void **state)
{
    (void)state;
    struct permission permission;
    for (size_t i = 0; i < api_endpoint_row_count; i++) {
        const struct api_endpoint *row = &api_endpoint_rows[i];
        CHECK(row->path, permission_of(row, &permission));
        CHECK_INT(row->path, row->role, least_role(&permission));
        CHECK(row->path, row->handler);
    }
}

/* A refusal stays one for whoever holds less. */
static void nobody_may_more_than_who_stands_above_them(void **state)
{
    (void)state;
    struct permission permission;
    rest = str_of(table);
    while (next_permission(&permission)) {
        const struct str ladder[] = {permission.mate, permission.member, permission.admin,
                                     permission.owner};
        char path[128];
        str_copy(permission.path, path, sizeof path);
        for (size_t i = 1; i < COUNT(ladder); i++)
            CHECK(path, ladder[i].at[0] == '2' || ladder[i - 1].at[0] != '2');
    }
}

static void every_line_of_the_authorization_table_has_its_row(void **state)
{
    (void)state;
    struct permission permission;
    size_t lines = 0, elsewhere = 0;
    rest = str_of(table);
    while (next_permission(&permission)) {
        lines++;
        elsewhere += str_eq(permission.path, STR("/health")); /* the front answers it itself */
    }
    CHECK_INT("lines", lines, api_endpoint_row_count + elsewhere);
    CHECK_INT("answered elsewhere", elsewhere, 1);
}

/* What a member may send that is no GET: questions, and what changes their own things only. */
static const char *const members_may[] = {
    "POST /routing/explain",
    "POST /setup",
    "POST /session",
    "DELETE /session",
    "PATCH /me",
    "DELETE /me/sessions",
    "DELETE /me/sessions/{id}",
    "POST /invitations",
    "DELETE /invitations/{id}",
    "POST /invitations/look",
    "POST /invitations/accept",
    "POST /password-reset",
    "POST /keys",
    "PATCH /keys/{id}",
    "DELETE /keys/{id}",
    "POST /keys/{id}/rotate",
    "PATCH /teams/{id}",
    "DELETE /teams/{id}",
    "PUT /teams/{id}/members/{user}",
    "DELETE /teams/{id}/members/{user}",
    "POST /service-accounts",
    "PATCH /service-accounts/{id}",
    "DELETE /service-accounts/{id}",
};

static bool members_may_send(const struct api_endpoint *row)
{
    char name[128];
    snprintf(name, sizeof name, "%s %s", http_method_name(row->method), row->path);
    for (size_t i = 0; i < COUNT(members_may); i++)
        if (strcmp(members_may[i], name) == 0)
            return true;
    return false;
}

static void members_read_and_send_what_is_listed_here(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_endpoint_row_count; i++) {
        const struct api_endpoint *row = &api_endpoint_rows[i];
        bool is_for_admins = row->role >= ROLE_ADMIN;
        CHECK(row->path, row->method == METHOD_GET || members_may_send(row) != is_for_admins);
        CHECK(row->path, row->method != METHOD_GET || !row->body_limit_bytes);
        CHECK(row->path, !row->body_limit_bytes == !row->body);
    }
}

static void no_path_stands_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < api_endpoint_row_count; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(api_endpoint_rows[i].path,
                  api_endpoint_rows[i].method != api_endpoint_rows[k].method ||
                      strcmp(api_endpoint_rows[i].path, api_endpoint_rows[k].path));
}

static void rows_are_found_with_their_arguments(void **state)
{
    (void)state;
    char args[API_PATH_ARGS][64] = {0}, allow[64];
    const struct api_endpoint *found =
        api_endpoint_find(METHOD_POST, STR("/api/providers/prv_1/refresh"), args, allow);
    CHECK("refresh", found && strcmp(found->path, "/providers/{id}/refresh") == 0);
    CHECK_STR("the id", args[0], "prv_1");
    CHECK("no PUT", !api_endpoint_find(METHOD_PUT, STR("/api/keys"), args, allow));
    CHECK_STR("but these", allow, "GET, POST");
    CHECK("nothing", !api_endpoint_find(METHOD_GET, STR("/api/nothing"), args, allow));
    CHECK_STR("at all", allow, "");
}

static void parameters_are_known_by_whole_names(void **state)
{
    (void)state;
    char args[API_PATH_ARGS][64] = {0}, allow[64];
    const struct api_endpoint *jobs = api_endpoint_find(METHOD_GET, STR("/api/jobs"), args, allow);
    CHECK("status", schema_field_of(jobs->query, STR("status")));
    CHECK("cursor", schema_field_of(jobs->query, STR("cursor")));
    static const char *const refused[] = {"", " ", "statu", "Status", "status cursor", "name"};
    for (size_t i = 0; i < COUNT(refused); i++)
        CHECK(refused[i], !schema_field_of(jobs->query, str_of(refused[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_lets_in_whom_the_authorization_table_says),
        TEST(every_line_of_the_authorization_table_has_its_row),
        TEST(nobody_may_more_than_who_stands_above_them),
        TEST(members_read_and_send_what_is_listed_here),
        TEST(no_path_stands_twice),
        TEST(rows_are_found_with_their_arguments),
        TEST(parameters_are_known_by_whole_names),
    };
    return cmocka_run_group_tests(tests, read_table, free_table);
}
