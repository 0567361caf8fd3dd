/* worker/cli_codex.h: what the files of Codex share. Private to them and their tests. */
#pragma once
#include "worker/cli_tool.h"

/** The state of a talk with `codex app-server`. */
struct codex_own {
    char thread_id[80], turn_id[80];
    struct buf items;     /* the history, until the thread is there to take it: a JSON array */
    struct buf turn;      /* members of turn/start behind its threadId, likewise */
    bool has_turn;        /* what comes now is an answer, not our own history's echo */
    int repeats;          /* of the upstream request, as it told */
    char text_item[80];   /* whose text came in deltas */
    int64_t full_until_s; /* the window that is used up ends then; 0: none is */
};

/** cli_codex_start.c */
enum err codex_start(const struct cli_job *job, struct cli_launch *launch, struct cli_talk *talk,
                     struct error *error);
enum err codex_judge(struct json_reader *reader, struct str output, int exit_status,
                     struct cli_findings *findings, struct error *error);
const char *codex_rename(struct str name);
#define CODEX_HELLO                                                                                 \
    "{\"id\":1,\"method\":\"initialize\",\"params\":{\"clientInfo\":{\"name\":\"auxot\","           \
    "\"title\":\"Auxot worker\",\"version\":\"1\"},\"capabilities\":{\"experimentalApi\":true}}}\n" \
    "{\"method\":\"initialized\"}\n"
