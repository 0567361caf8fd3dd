/* simulate/strict_parts.h: what the files of strict_*.c share. Not for others.
 *
 * Every check is a function that gives true, or refuses and gives false: `return check_a(...) && check_b(...)`.
 */
#pragma once
#include "simulate/strict.h"

struct check {
    const struct request *request;
    struct json body;
    const struct stored *stored;
    struct refusal *refusal;
};

/** Where in the body, in the vendor's spelling: "messages.1.content" or "messages[1].content". */
struct where {
    char text[112];
};
struct where where_member(struct where at, const char *name);
struct where where_element(const struct check *check, struct where at, size_t index);

/** Refuse, each gives false. The first two find the vendor's frame around the sentence. */
bool refuse(struct check *check, struct where at, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool refuse_unknown(struct check *check, struct where at, struct str name);
bool refuse_unsupported(struct check *check, const char *param, const char *more);
/** The sentence as it is. */
bool refuse_in_words(struct check *check, struct where at, const char *code, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));

/* ---- fields of an object: one table row each ---------------------------------------------------- */

#define A_NULL    (1u << JSON_NULL)
#define A_BOOL    (1u << JSON_BOOL)
#define A_NUMBER  (1u << JSON_NUMBER)
#define A_STRING  (1u << JSON_STRING)
#define A_ARRAY   (1u << JSON_ARRAY)
#define A_OBJECT  (1u << JSON_OBJECT)
#define A_WHOLE   (1u << 16) /* a number without a fraction */
#define ANYTHING  (A_NULL | A_BOOL | A_NUMBER | A_STRING | A_ARRAY | A_OBJECT)
#define IS_NEEDED (1u << 17)

struct field {
    const char *name; /* NULL ends a table */
    unsigned types;
};
/** All that are needed are there, all types are right, nothing else is in it. */
bool check_fields(struct check *check, struct where at, struct json object,
                  const struct field *fields);

/** Objects that come in kinds, told apart by one member. */
struct shape {
    const char *kind;           /* NULL ends a table */
    const struct field *fields; /* NULL: not looked into */
};
/** Finds the shape by the member `by` (absent: `otherwise`, NULL: it is needed) and checks the fields. */
bool check_shape(struct check *check, struct where at, struct json object, const char *by,
                 const char *otherwise, const struct shape *shapes, const struct shape **out_shape);

/** One of the words, separated by blanks. An absent or null value is fine. */
bool check_word(struct check *check, struct where at, struct json value, const char *words);
/** A number from low to high; absent or null is fine. */
bool check_range(struct check *check, struct where at, struct json value, double low, double high);
bool check_length(struct check *check, struct where at, struct json value, size_t most);
/** A tool's name: letters, digits, _ and -, 1 to `most`. */
bool check_name(struct check *check, struct where at, struct json name, size_t most);

bool is_word(struct json value, const char *word);
bool is_given(struct json value); /* neither absent nor null */
bool word_in(struct str word, const char *words);
/** For json_object: "json" stands in what was said, a string or a list of messages (instructions do not count). */
bool speaks_of_json(struct json said);

/* ---- calls and their results ---------------------------------------------------------------------- */

#define CALLS_MAX 1024
struct calls {
    struct str id[CALLS_MAX];
    bool is_answered[CALLS_MAX];
    size_t count;
};
/** False when an open call has this id already, or there are too many. */
bool calls_open(struct calls *calls, struct str id);
enum call_found { CALL_UNKNOWN, CALL_ANSWERED_TWICE, CALL_FINE };
enum call_found calls_answer(struct calls *calls, struct str id);
/** The first without a result, or an empty slice. */
struct str calls_waiting(const struct calls *calls);

/* ---- what models refuse, by their names ------------------------------------------------------------- */

enum model_habit {
    HABIT_REASONS = 1u << 0,         /* no sampling, no max_tokens */
    HABIT_NO_EFFORT = 1u << 1,       /* knows no reasoning effort */
    HABIT_TOOLS_ELSEWHERE = 1u << 2, /* chat: no tools while it reasons */
    HABIT_NO_FORCED_TOOL = 1u << 3,
    HABIT_ALWAYS_THINKS = 1u << 4,
    HABIT_NO_SAMPLING = 1u << 5,
    HABIT_NO_ADAPTIVE = 1u << 6, /* thinking takes a budget */
    HABIT_NO_BUDGET = 1u << 7    /* thinking is adaptive */
};
unsigned model_habits(struct str model);

/* one vendor's rules each */
bool strict_chat(struct check *check);
bool strict_said(struct check *check); /* strict_said.c: the messages of a chat */
bool strict_llama(struct check *check);
bool strict_responses(struct check *check);
bool strict_input(struct check *check); /* strict_input.c: the items of a responses request */
bool strict_messages(struct check *check);
bool strict_turns(struct check *check, bool thinks); /* strict_turns.c: what was said in messages */
/** OpenAI: of a function's `parameters`; `name` for the sentence. */
bool check_parameters(struct check *check, struct where at, struct json function);
