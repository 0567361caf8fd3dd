/* domain/health_report.c: items in a bounded array, their order, and the sentence over them.
 *
 * The level of the whole is that of the worst item; a note does not make it worse. When there are more items than room, the least
 * bad one gives way, so that what is told is always the worst. What is said of each kind of fact: health_facts.c.
 */
#include "domain/health_report.h"

#include "domain/health_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

const char *health_level_name(enum health_level level)
{
    static const char *const names[] = {"fine", "note", "degraded", "down"};
    static_assert(sizeof names / sizeof names[0] == HEALTH_LEVELS, "one name per level");
    assert(level < HEALTH_LEVELS);
    return names[level];
}

void health_report_init(struct health_report *report, struct health_item *items, size_t room)
{
    assert(room > 0);
    *report = (struct health_report){.items = items, .room = room, .hour_microusd = -1};
}

/* Worst first; among equals what began last, then by name. */
static int order(const struct health_item *a, const struct health_item *b)
{
    if (a->level != b->level)
        return a->level > b->level ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    if (a->since_ms != b->since_ms)
        return a->since_ms > b->since_ms ? -1 : 1;
    return strcmp(a->what, b->what);
}

static int order_of(const void *left, const void *right)
{
    return order(left, right);
}

static struct health_item *least_bad(struct health_report *report)
{
    struct health_item *least = &report->items[0];
    for (size_t i = 1; i < report->count; i++)
        if (order(&report->items[i], least) > 0)
            least = &report->items[i];
    return least;
}

void health_item_put(struct health_report *report, const struct health_item *item)
{
    if (report->count < report->room) {
        report->items[report->count++] = *item;
        return;
    }
    report->left_out++;
    struct health_item *least = least_bad(report);
    if (order(item, least) < 0)
        *least = *item;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

/* Requests need somebody who answers: told before anything else. */
static void add_service(struct health_report *report)
{
    struct health_item item = {
        .kind = "service", .level = HEALTH_DOWN, .rank = HEALTH_RANK_SERVICE};
    if (report->providers_able > 0 || (report->providers == 0 && !report->is_whole))
        return;
    str_copy(STR("Service"), item.what, sizeof item.what);
    if (report->providers == 0) {
        item.state = "empty";
        str_copy(STR("no_provider"), item.why_code, sizeof item.why_code);
        str_copy(STR("No provider is configured, so no request can be answered."), item.why_text,
                 sizeof item.why_text);
        str_copy(STR("Add a provider."), item.fix, sizeof item.fix);
        str_copy(STR("/settings/providers"), item.link, sizeof item.link);
    } else {
        item.state = "nobody";
        str_copy(STR("nobody_now"), item.why_code, sizeof item.why_code);
        str_copy(STR("No provider can answer now."), item.why_text, sizeof item.why_text);
    }
    health_item_put(report, &item);
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

static void say_fine(struct health_report *report)
{
    char workers[48] = "", waiting[64] = "";
    if (report->providers == 0) {
        (void)snprintf(report->sentence, sizeof report->sentence,
                       "There is no provider that you may see.");
        return;
    }
    if (report->workers_able > 0)
        (void)snprintf(workers, sizeof workers, ", %zu worker%s", report->workers_able,
                       plural((int64_t)report->workers_able));
    if (report->waiting > 0)
        (void)snprintf(waiting, sizeof waiting, "; %lld request%s wait%s",
                       (long long)report->waiting, plural(report->waiting),
                       report->waiting == 1 ? "s" : "");
    (void)snprintf(report->sentence, sizeof report->sentence,
                   "Operational: %zu of %zu provider%s%s%s.", report->providers_able,
                   report->providers, plural((int64_t)report->providers), workers, waiting);
}

static void say_trouble(struct health_report *report)
{
    const struct health_item *worst = &report->items[0];
    size_t more = 0;
    char others[64] = "";
    for (size_t i = 1; i < report->count; i++)
        more += report->items[i].level >= HEALTH_DEGRADED;
    if (more > 0)
        (void)snprintf(others, sizeof others, " And %zu more.", more);
    (void)snprintf(report->sentence, sizeof report->sentence, "%s: %s%s%s%s",
                   worst->level == HEALTH_DOWN ? "Down" : "Degraded",
                   strcmp(worst->kind, "service") == 0 ? "" : worst->what,
                   strcmp(worst->kind, "service") == 0 ? "" : ": ", worst->why_text, others);
}

/* Those of one's own are there, and none of them can answer: the cloud does, for money. */
static bool is_local_gone(const struct health_report *report, int64_t *out_since_ms)
{
    const struct health_tier *gpu = &report->tier[TIER_GPU], *cli = &report->tier[TIER_CLI];
    bool is_unknown = (gpu->providers && !gpu->gone_ms) || (cli->providers && !cli->gone_ms);
    *out_since_ms = is_unknown ? 0 : gpu->gone_ms > cli->gone_ms ? gpu->gone_ms : cli->gone_ms;
    return gpu->providers + cli->providers > 0 && gpu->able + cli->able == 0 &&
           report->tier[TIER_CLOUD].able > 0;
}

static void say_local(struct health_report *report)
{
    size_t len = strlen(report->sentence);
    char *end = report->sentence + len, since[32] = "", cost[64] = "";
    int64_t since_ms = 0;
    if (!is_local_gone(report, &since_ms))
        return;
    int minutes = (int)(since_ms / 60000 % (24 * 60));
    if (since_ms > 0)
        (void)snprintf(since, sizeof since, " since %02d:%02d UTC", minutes / 60, minutes % 60);
    if (report->hour_microusd >= 0)
        (void)snprintf(cost, sizeof cost, "; the last hour cost $%.2f",
                       (double)report->hour_microusd / 1e6);
    (void)snprintf(end, sizeof report->sentence - len, " Auto has no local tier%s%s.", since, cost);
}

/* The first thing that can be done about anything that is wrong; a note counts when nothing is. */
static void choose_step(struct health_report *report)
{
    enum health_level least = report->level >= HEALTH_DEGRADED ? HEALTH_DEGRADED : HEALTH_NOTE;
    for (size_t i = 0; i < report->count && report->items[i].level >= least; i++)
        if (report->items[i].fix[0]) {
            (void)snprintf(report->next_step, sizeof report->next_step, "%s", report->items[i].fix);
            return;
        }
}

void health_report_finish(struct health_report *report)
{
    add_service(report);
    qsort(report->items, report->count, sizeof report->items[0], order_of);
    enum health_level worst = report->count > 0 ? report->items[0].level : HEALTH_FINE;
    report->level = worst >= HEALTH_DEGRADED ? worst : HEALTH_FINE;
    if (report->level == HEALTH_FINE)
        say_fine(report);
    else
        say_trouble(report);
    say_local(report);
    choose_step(report);
}
