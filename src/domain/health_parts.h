/* domain/health_parts.h: what health_report.c and health_facts.c share. Nobody else includes it. */
#pragma once
#include "domain/health_report.h"

/* Among items of one level. */
enum {
    HEALTH_RANK_CHANGE = 5,
    HEALTH_RANK_SERVER = 10,
    HEALTH_RANK_SPEND = 15,
    HEALTH_RANK_BACKUP = 20,
    HEALTH_RANK_LIMIT = 25,
    HEALTH_RANK_FAILOVERS = 30,
    HEALTH_RANK_WORKER = 35,
    HEALTH_RANK_ERRORS = 40,
    HEALTH_RANK_PROVIDER = 45, /* to 52, by its state */
    HEALTH_RANK_CERTIFICATE = 60,
    HEALTH_RANK_QUEUE = 65,
    HEALTH_RANK_DISK = 80,
    HEALTH_RANK_SERVICE = 90,
    HEALTH_RANK_RECORD = 95
};

/** Puts a copy into the report, or leaves the least bad one out. */
void health_item_put(struct health_report *report, const struct health_item *item);
