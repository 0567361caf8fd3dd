/* worker/cli_talk.h: the conversation with one running tool, as a pure machine: its lines go in, our lines and the
 * answer come out.
 *
 *     stdout line -> talk_line ->  events of the answer (wire/answer.h), in order, to `on_event`
 *                                  bytes for its stdin in `out`
 *                                  the state
 *
 * A talk may give several answers: one that calls the caller's tools ends there (TALK_HANDED_OVER), the tool waits, and
 * talk_give_results begins the next. One answer is one row of events, whatever the tool did meanwhile: several messages
 * of its model, own tools.
 *
 * Layer:   pure: no clock, no I/O; only its room stands above the waterline.  Thread: any, one at a time.
 * Memory:  all in the talk, bounded; events borrow, during the call only.
 * Source:  CLIENTS.md 4, 6, 12.
 */
#pragma once
#include "wire/answer.h"

#define TALK_LINE_MAX  (64u << 20) /* a longer line is passed over */
#define TALK_OUT_MAX   (96u << 20)
#define TALK_CALLS_MAX 128
#define TALK_ARENA_MAX (32u << 20)

struct cli_tool;

enum talk_state {
    TALK_GOING,       /* the tool is at work on an answer */
    TALK_HANDED_OVER, /* it waits for the results of the caller's tools: the answer is whole so far */
    TALK_DONE,        /* the answer is whole, and the last */
    TALK_FAILED       /* `trouble` says why; what was said so far is no answer */
};

/** Why there is no answer, as a provider would have said it. */
struct talk_trouble {
    int status;
    bool is_quota;       /* a window of the subscription is used up: nobody gets an answer here */
    int64_t resets_at_s; /* of 429: unix time; 0: unknown */
    int64_t wait_s;      /* of 429: from now; 0: unknown */
    char sentence[ERROR_TEXT_MAX];
};

/** A call of one of the caller's tools. All texts are the talk's. */
struct talk_call {
    char *id;       /* the tool's own */
    char *shown_id; /* as the caller knows it: toolu_... */
    char *ask;      /* claude: id of the control request, raw JSON; NULL: not asked yet */
    char *ask_id;   /* id of the JSON-RPC request, raw JSON; NULL: not asked yet */
    char *result;   /* in the tool's own form; NULL: none yet */
    bool is_answered;
};

struct cli_talk {
    const struct cli_tool *tool;
    enum talk_state state; /* talk_turn changes it, nobody else */
    struct talk_trouble trouble;
    struct buf out;  /* for its stdin; whoever writes it consumes it */
    bool ends_input; /* behind `out` its stdin is closed */

    answer_on_event *on_event;
    void *arg;
    bool shows_thinking; /* and the work of own tools: the caller asked for it */
    struct usage usage;  /* of this answer: all its messages together */
    enum stop_reason stop;
    bool has_said; /* something of this answer went to the caller */

    struct str *caller_tools; /* names as the tool's model knows them */
    size_t caller_tool_count;
    struct talk_call calls[TALK_CALLS_MAX];
    size_t call_count; /* one that has its result stays until the tool has asked for it */

    struct arena arena;       /* caller_tools and what `own` holds */
    struct json_reader *json; /* borrowed: of the line in hand; `line` is its text */
    struct str line;
    bool is_passing; /* talk_pass: a part is open */
    bool is_open;    /* talk_say: one is */
    enum part_kind open_part;
    char open_key[96];
    void *own; /* the tool's state: tool->own_bytes, zeroed at first */
};

/** ERR_NO_MEMORY: release it. */
MUST_USE enum err talk_init(struct cli_talk *talk, const struct cli_tool *tool,
                            struct json_reader *json);
void talk_release(struct cli_talk *talk);
/** Of which tools a call ends the answer. Copied. */
MUST_USE enum err talk_add_caller_tool(struct cli_talk *talk, struct str name);

/** One line of its stdout, without the newline. What is no JSON object, or unknown, is passed over. */
void talk_line(struct cli_talk *talk, struct str line);
/** Its process ended (`stderr_tail` may be empty): an answer that is not whole has failed. */
void talk_ended(struct cli_talk *talk, int exit_status, struct str stderr_tail);
/** Asks the tool to stop what it does, politely; appends to `out`. */
void talk_interrupt(struct cli_talk *talk);

/** What the caller says now: `news` and the turns behind it. True: all pending calls have their result in it and nothing is
 *  left over that the tool could not take: the next answer has begun, `out` holds the results. False: nothing has changed. */
MUST_USE bool talk_give_results(struct cli_talk *talk, const struct turn *news);

/* ---- for the tools' files ---------------------------------------------------------------------- */

/** Text or thinking, in a part that is opened when none of this kind and key is. Thinking that is not shown is dropped. */
void talk_say(struct cli_talk *talk, enum part_kind part, struct str key, struct str text);
void talk_close(struct cli_talk *talk); /* ends the open part */
/** What an own tool does: a line of thinking, cut to a readable length. */
void talk_activity(struct cli_talk *talk, struct str name, struct str what);
/** An event of an answer_reader's; until it has ended its part nothing else is said. */
void talk_pass(struct cli_talk *talk, const struct answer_event *event);
bool talk_is_callers(const struct cli_talk *talk, struct str name);
/** A call was said: its result will be asked for, or was already. NULL past the bound. */
struct talk_call *talk_call_of(struct cli_talk *talk, struct str id);
/** A whole call as a part of the answer. */
void talk_call(struct cli_talk *talk, struct str id, struct str name, struct str arguments);
void talk_add_usage(struct cli_talk *talk, const struct usage *more);
/** The tool asks for the result (`ask` may be empty): answers now, if it is there. */
void talk_asked(struct cli_talk *talk, struct str id, struct str ask, struct str ask_id);
bool talk_has_calls(const struct cli_talk *talk); /* that have no result yet */

void talk_turn(struct cli_talk *talk, enum talk_state state); /* the only writer of `state` */
void talk_done(struct cli_talk *talk, enum stop_reason stop);
void talk_fail(struct cli_talk *talk, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
