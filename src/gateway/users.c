/* gateway/users.c: people as a snapshot holds them: a principal for each team they are in, or one without a team. Who
 * may not sign in has none, so whatever they still hold, a session or a key, opens nothing.
 */
#include "gateway/snapshot_parts.h"

#include <stdlib.h>

/* ---- their keys ---------------------------------------------------------------------------------- */

static int row_order(const void *id, const void *row)
{
    return strcmp(id, ((const struct user_row *)row)->id);
}

enum role role_held(const struct store_config *config, const char *user_id, enum role of_key)
{
    enum role held = ROLE_NONE;
    if (user_id[0] == '\0')
        return of_key;
    const struct user_row *user =
        config->user_count
            ? bsearch(user_id, config->users, config->user_count, sizeof *config->users, row_order)
            : NULL;
    if (!user || user->disabled_at_ms || !role_parse(str_of(user->role), &held))
        return ROLE_NONE;
    return held < of_key ? held : of_key;
}

/* ---- building ------------------------------------------------------------------------------------ */

/* Members are sorted by user as users are by id: the two lists are read side by side. */
static size_t members_of(const struct store_config *config, const char *user_id, size_t *at)
{
    while (*at < config->team_member_count &&
           strcmp(config->team_members[*at].user_id, user_id) < 0)
        ++*at;
    size_t count = 0;
    while (*at + count < config->team_member_count &&
           strcmp(config->team_members[*at + count].user_id, user_id) == 0)
        count++;
    return count;
}

static struct principal user_principal(const struct user_row *row, enum role role,
                                       const struct team *team)
{
    struct principal principal = {
        .role = role, .scopes = SCOPE_ALL, .team = team, .policy = policy_none()};
    str_copy(str_of(row->id), principal.id, sizeof principal.id);
    str_copy(str_of(row->id), principal.user, sizeof principal.user);
    str_copy(str_of(row->name), principal.name, sizeof principal.name);
    return principal;
}

void build_users(struct build *build, const struct store_config *config)
{
    size_t room = config->user_count + config->team_member_count, count = 0, at = 0;
    struct principal *users = build_room(build, room, sizeof *users);
    for (size_t i = 0; users && i < config->user_count; i++) {
        const struct user_row *row = &config->users[i];
        enum role role = ROLE_NONE;
        size_t teams = members_of(config, row->id, &at), before = count;
        if (row->disabled_at_ms || !role_parse(str_of(row->role), &role))
            continue;
        for (size_t m = at; m < at + teams; m++) {
            const struct team *team =
                snapshot_team(build->snapshot, config->team_members[m].team_id);
            if (team)
                users[count++] = user_principal(row, role, team);
        }
        if (count == before)
            users[count++] = user_principal(row, role, NULL);
    }
    build->snapshot->users = users;
    build->snapshot->user_count = count;
}

/* ---- looking up ---------------------------------------------------------------------------------- */

static int principal_order(const void *id, const void *principal)
{
    return strcmp(id, ((const struct principal *)principal)->id);
}

static bool is_of_team(const struct principal *principal, const char *team)
{
    return team[0] == '\0' ||
           (principal->team && (strcmp(principal->team->id, team) == 0 ||
                                str_ieq(str_of(principal->team->name), str_of(team))));
}

const struct principal *snapshot_user(const struct snapshot *snapshot, const char *user_id,
                                      const char *team)
{
    if (snapshot->user_count == 0)
        return NULL;
    const struct principal *end = snapshot->users + snapshot->user_count;
    const struct principal *at = bsearch(user_id, snapshot->users, snapshot->user_count,
                                         sizeof *snapshot->users, principal_order);
    while (at && at > snapshot->users && strcmp(at[-1].id, user_id) == 0)
        at--;
    for (; at && at < end && strcmp(at->id, user_id) == 0; at++)
        if (is_of_team(at, team))
            return at;
    return NULL;
}

static bool is_in_team(const struct snapshot *snapshot, const char *user_id, const char *paying,
                       const char *team_id)
{
    return strcmp(paying, team_id) == 0 ||
           (user_id[0] && snapshot_user(snapshot, user_id, team_id) != NULL);
}

bool snapshot_may_see(const struct snapshot *snapshot, const struct provider *provider,
                      const char *user_id, const char *team_id)
{
    bool may_see = provider && !provider->has_teams;
    for (size_t i = 0; provider && !may_see && i < provider->team_count; i++)
        may_see = is_in_team(snapshot, user_id, team_id, provider->teams[i]);
    return may_see;
}
