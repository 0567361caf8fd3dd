/* json/commented.h: JSON that people write: with comments, and a comma behind the last element if they like.
 *
 * A file of configuration is read in two steps: this one holds every byte to the grammar, tells the first flaw with
 * its line and what to do about it, and blanks what JSON has not; then json_parse reads the text, in which
 * every value stands where it stood in the file. So a flaw that is found later still has its line (text_place).
 *
 * More than JSON: comments to the end of the line and between slash-star and star-slash, one comma behind the last
 * element, a byte order mark. Less: numbers are whole and have at most 18 digits, 32 levels are the deepest.
 *
 * Memory:  none of its own; it writes blanks into the text.
 * Thread:  any.
 */
#pragma once
#include "base/err.h"
#include "base/str.h"

#define COMMENTED_DEPTH_MAX 32

/** Both count from 1; a column is a byte. */
struct text_place {
    size_t line, column;
};
/** What is wrong, where, and what to do. Literals, and a place. */
struct text_flaw {
    struct text_place place;
    const char *what, *fix;
};

struct text_place text_place(struct str text, size_t offset);

/** Makes the JSON of a commented text, in its place and as long as it was. What comes out is taken by json_parse.
 *  Errors: ERR_MALFORMED, and the flaw; the text is then half blanked. */
MUST_USE enum err commented_to_json(char *text, size_t len, struct text_flaw *out_flaw);
