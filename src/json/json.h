/* json/json.h: reading JSON, over one library (simdjson).
 *
 * Two ways in, both strict (RFC 8259, UTF-8, one value, nothing behind it, at most JSON_DEPTH_MAX
 * deep):
 *   json_parse   a whole document into a tree that is walked with json_get and cursors; used
 *                wherever a value is billed from, stored, or translated.
 *   json_peek    the top level of a request body: where each wanted member's value stands in the
 *                bytes, so that it can be spliced without re-serialising; duplicate member names
 *                are refused, and so are other spellings of the wanted ones ("Model").
 *
 * What RFC 8259 leaves open: an escaped surrogate without its partner decodes to U+FFFD, an integer
 * beyond 64 bits is a double, a number beyond a double is refused.
 *
 * Memory:  a reader owns the parsed tree and reuses its room; values and strings borrow from it
 *          until its next json_parse. The text is copied, except by json_peek_padded: that borrows
 *          it for json_peek_inside only; values and strings are the reader's there too.
 * Thread:  a reader belongs to one thread at a time.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

#define JSON_DEPTH_MAX 64u

enum json_type {
    JSON_ABSENT = 0, /* what json_get gives for a missing member */
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_reader; /* opaque: json.cpp */

/** A value of the reader's current document. Copy freely. A zeroed one is absent. */
struct json {
    const void *doc;
    size_t at;
};

/** Makes a reader for documents of up to `limit_bytes`. ERR_NO_MEMORY. Yours to json_reader_free. */
MUST_USE enum err json_reader_new(size_t limit_bytes, struct json_reader **out_reader);
void json_reader_free(struct json_reader *reader); /* NULL is fine */

/**
 * Parses `text` whole and validates all of it.
 * Errors  ERR_TOO_LARGE past the limit, ERR_NO_MEMORY, ERR_MALFORMED with a sentence (too deep,
 *         invalid UTF-8, what else). Duplicate names inside are allowed: json_get finds the first.
 */
MUST_USE enum err json_parse(struct json_reader *reader, struct str text, struct json *out_root,
                             struct error *error);

/** Makes room for texts of `len` bytes, so that the next json_parse of one does not fail for memory.
 *  ERR_NO_MEMORY. */
MUST_USE enum err json_reserve(struct json_reader *reader, size_t len);

/** Wipes what the reader holds of the text that it read last, which may have brought a secret. Values that were
 *  read are void. */
void json_wipe(struct json_reader *reader);

/** json_parse without a copy: as json_peek_padded. */
MUST_USE enum err json_parse_padded(struct json_reader *reader, struct str text,
                                    struct json *out_root, struct error *error);

enum json_type json_type_of(struct json value);
/** Member of an object by exact decoded name; absent when missing or `object` is no object. */
struct json json_member_of(struct json object, struct str name);
static inline struct json json_get(struct json object, const char *name)
{
    return json_member_of(object, str_of(name));
}
/** The members of these names in one walk over the object, as json_get would find each. */
void json_pick(struct json object, const struct str *names, size_t count, struct json *out_members);
/** json_get along a path of names, e.g. json_at(root, "usage", "prompt_tokens", NULL). */
struct json json_at(struct json root, ...) __attribute__((sentinel));

/** Each is false (output untouched) when the value is absent or of another type. */
bool json_string(struct json value, struct str *out_text); /* decoded; may hold NUL bytes */
bool json_int64(struct json value, int64_t *out_value);    /* also 3.0, not 3.5 */
bool json_double(struct json value, double *out_value);
bool json_bool(struct json value, bool *out_value);
/** The string, or the empty slice. */
struct str json_string_or_empty(struct json value);
/** The integer, or `otherwise`. */
int64_t json_int64_or(struct json value, int64_t otherwise);

/** Walks an array or object: `struct json_cursor c = json_each(v); while (json_next(&c)) ...`.
 *  Over anything else it yields nothing. */
struct json_cursor {
    struct json value; /* the current element or member value */
    struct str name;   /* member name, decoded; empty in arrays */
    const void *doc;
    size_t at, end;
    bool is_object;
};
struct json_cursor json_each(struct json container);
bool json_next(struct json_cursor *cursor);
/** Elements or members; 0 for anything else. */
size_t json_count(struct json container);
/** False for what a client writes without meaning anything by it: absent, null, false, "", [], {}. */
bool json_says_something(struct json value);

/**
 * The bytes of a value as they stand in `text`, the very text of the reader's last parse: numbers keep
 * their digits, objects their order and blanks. Found by one walk over the whole document at the first
 * call after a parse. Empty when the value is absent, or without memory.
 */
struct str json_raw(struct json_reader *reader, struct json value, struct str text);

/** One wanted top-level member of a request body. */
struct json_member {
    const char *name;    /* in: exact, lower-case ASCII */
    enum json_type type; /* out: JSON_ABSENT when missing */
    size_t start;        /* out: the raw value is bytes[start, end) */
    size_t end;
    struct str text;   /* out: decoded, for JSON_STRING; borrowed from the reader */
    bool truth;        /* out: for JSON_BOOL */
    struct json value; /* out: the same value in the reader's tree, until its next use */
};

/** Where the object stands in the bytes: splice a new member in behind its '{'. */
struct json_span {
    size_t open, close; /* offsets of '{' and of its '}' */
    bool is_empty;
};

/**
 * Looks at the top-level object of `text` (validated whole, as json_parse does) and fills `members`.
 * Errors  as json_parse; ERR_MALFORMED also when the top level is no object, when any top-level
 *         name occurs twice (after decoding escapes), or when a name equals a wanted one but for
 *         ASCII case.
 */
MUST_USE enum err json_peek(struct json_reader *reader, struct str text,
                            struct json_member *members, size_t member_count,
                            struct json_span *out_object, struct error *error);

/** Bytes of room that json_peek_padded needs behind a text: what a `struct buf` holds has them. */
#define JSON_PADDING_BYTES 64u
/** json_peek without a copy: the JSON_PADDING_BYTES bytes behind the text belong to its allocation
 *  and may be written; they become NUL bytes. An empty text needs none. */
MUST_USE enum err json_peek_padded(struct json_reader *reader, struct str text,
                                   struct json_member *members, size_t member_count,
                                   struct json_span *out_object, struct error *error);

/** The same, one level down: the object that is the value of `outer`, which the last use of this
 *  reader, a json_peek, has found (asserted). Offsets are of the whole text. */
MUST_USE enum err json_peek_inside(struct json_reader *reader, const struct json_member *outer,
                                   struct json_member *members, size_t member_count,
                                   struct json_span *out_object, struct error *error);
