/* json/json.cpp: the reader of json.h over simdjson; the only C++ file of the program.
 *
 * simdjson's DOM is used, not its on-demand side: it validates every byte, and what we splice or
 * bill from must be JSON for whoever reads it after us. A document becomes a "tape" of 64-bit words
 * (format: simdjson's doc/tape.md); a `struct json` is a document and a place on its tape.
 *
 * json_peek needs to know where a value stands in the bytes, which a tape does not tell. It walks
 * the tape and the library's structural index (the offset of every bracket, comma, colon and of
 * every first character of a string or scalar) side by side: no second scan of the text.
 *
 * The library refuses two things that RFC 8259 allows and that clients send: an escaped surrogate
 * without its partner (a JavaScript string cut within an emoji), and integers beyond 64 bits
 * (JavaScript's way to write the limit of an u64 in a tool's schema). A text that was refused for
 * its strings or numbers is mended, in our own copy and at unchanged length, and read once more.
 *
 * A text with JSON_PADDING_BYTES of room behind it is read where it lies. The library loads
 * from there (into vectors), and what it loads decides nothing: that a document's last bracket or
 * quote is its last byte is known before.
 *
 * Nothing here throws: the library is used by its error codes, memory by nothrow new.
 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic" /* base/str.h has C's compound literals */
extern "C" {
#include "json/json.h"
}
#pragma GCC diagnostic pop

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdarg>
#include <memory>
#include <new>

namespace
{

using simdjson::dom::document;

constexpr size_t ROOM_MIN_BYTES = 4096;
constexpr size_t ROOM_KEEP_BYTES =
    1024 * 1024; /* more is given back at the next smaller document */
constexpr size_t NAME_SHOWN_MAX = 48;
constexpr size_t NAMES_FEW = 32;
constexpr size_t ESCAPE_LEN = 6;     /* \uXXXX */
constexpr size_t INT64_DIGITS = 19;  /* an integer of fewer digits surely fits */
constexpr double INT64_END = 0x1p63; /* first double beyond int64_t */

static_assert(JSON_PADDING_BYTES >= simdjson::SIMDJSON_PADDING, "enough for the library");

} // namespace

struct json_reader {
    simdjson::dom::parser parser;
    document tree;
    std::unique_ptr<char[]> copy; /* of a text that is not padded, or has to be mended */
    size_t copy_bytes = 0;        /* room in it, without padding */
    const char *bytes = nullptr;  /* the text that is read: the caller's or our copy */
    size_t len = 0;
    size_t room_bytes = 0; /* of `parser` and of `tree` */
    size_t limit_bytes = 0;
    std::unique_ptr<str[]> names; /* json_peek: for finding duplicates */
    size_t names_room = 0;
    std::unique_ptr<uint32_t[]>
        entries; /* json_raw: where a place of the tape stands in the index */
    size_t entries_room = 0;
    bool has_entries = false; /* of the document in hand */
};

namespace
{

/* ---- the tape -------------------------------------------------------------------------------- */

uint64_t word_at(const void *doc, size_t at)
{
    return static_cast<const document *>(doc)->tape[at];
}

char tag_of(json value)
{
    return value.doc ? static_cast<char>(word_at(value.doc, value.at) >> 56) : '\0';
}

/* Of an object or array: the place behind its closing bracket. */
size_t end_of(json container)
{
    return static_cast<uint32_t>(word_at(container.doc, container.at));
}

size_t behind(json value)
{
    const uint64_t word = word_at(value.doc, value.at);
    switch (static_cast<char>(word >> 56)) {
    case '{':
    case '[': return static_cast<uint32_t>(word); /* as end_of */
    case 'l':
    case 'u':
    case 'd': return value.at + 2; /* the number itself is in the second word */
    default: return value.at + 1;
    }
}

str text_of(json value)
{
    constexpr uint64_t PAYLOAD = (uint64_t{1} << 56) - 1;
    const uint8_t *entry = static_cast<const document *>(value.doc)->string_buf.get() +
                           (word_at(value.doc, value.at) & PAYLOAD);
    uint32_t len;
    memcpy(&len, entry, sizeof len);
    return str{reinterpret_cast<const char *>(entry + sizeof len), len};
}

template <typename number> number number_of(json value)
{
    const uint64_t bits = word_at(value.doc, value.at + 1);
    number result;
    static_assert(sizeof result == sizeof bits, "one word");
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* ---- room ------------------------------------------------------------------------------------ */

bool fits(size_t room, size_t len)
{
    const bool is_waste = room > ROOM_KEEP_BYTES && len <= ROOM_KEEP_BYTES;
    return room > 0 && len <= room && !is_waste;
}

/* In powers of two; big room is not kept for small texts. */
size_t room_for(size_t len)
{
    size_t room = ROOM_MIN_BYTES;
    while (room < len)
        room *= 2;
    return room;
}

/* Room for the tree of a text of `len` bytes. */
err reserve(json_reader *reader, size_t len)
{
    if (fits(reader->room_bytes, len))
        return OK;
    const size_t room = room_for(len);
    reader->room_bytes = 0;
    if (reader->tree.allocate(room) != simdjson::SUCCESS ||
        reader->parser.allocate(room, JSON_DEPTH_MAX) != simdjson::SUCCESS)
        return ERR_NO_MEMORY;
    reader->room_bytes = room;
    return OK;
}

/* Room for our own copy of such a text. */
err reserve_copy(json_reader *reader, size_t len)
{
    if (fits(reader->copy_bytes, len))
        return OK;
    const size_t room = room_for(len);
    reader->copy_bytes = 0;
    reader->copy.reset(); /* before its successor comes, so that both are never held */
    reader->copy.reset(new (std::nothrow) char[room + JSON_PADDING_BYTES]);
    if (!reader->copy)
        return ERR_NO_MEMORY;
    reader->copy_bytes = room;
    return OK;
}

/* Makes our own copy of the text what is read. */
err take_copy(json_reader *reader, str text)
{
    if (reserve_copy(reader, text.len))
        return ERR_NO_MEMORY;
    if (text.len)
        memcpy(reader->copy.get(), text.at, text.len);
    memset(reader->copy.get() + text.len, ' ', JSON_PADDING_BYTES);
    reader->bytes = reader->copy.get();
    return OK;
}

/* ---- mending --------------------------------------------------------------------------------- */

/* The code unit of the escape \uXXXX at `at`, or -1 when there is none. */
int32_t escaped_unit(const char *bytes, size_t at, size_t len)
{
    if (at + ESCAPE_LEN > len || bytes[at] != '\\' || bytes[at + 1] != 'u')
        return -1;
    int32_t unit = 0;
    for (size_t i = at + 2; i < at + ESCAPE_LEN; i++) {
        const char c = bytes[i];
        const char lower = static_cast<char>(c | 0x20);
        if (c >= '0' && c <= '9')
            unit = unit * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            unit = unit * 16 + (lower - 'a') + 10;
        else
            return -1;
    }
    return unit;
}

bool is_high_surrogate(int32_t unit)
{
    return unit >= 0xD800 && unit < 0xDC00;
}

bool is_low_surrogate(int32_t unit)
{
    return unit >= 0xDC00 && unit < 0xE000;
}

/* Behind the escape at `at`; a surrogate without partner becomes U+FFFD. */
size_t mend_escape(char *bytes, size_t at, size_t len)
{
    const int32_t unit = escaped_unit(bytes, at, len);
    if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(bytes, at + ESCAPE_LEN, len)))
        return at + 2 * ESCAPE_LEN;
    if (is_high_surrogate(unit) || is_low_surrogate(unit))
        memcpy(bytes + at, "\\ufffd", ESCAPE_LEN);
    return at + 2; /* what follows are letters and digits, or the escaped character is skipped */
}

/* Behind the string whose opening quote is at `at`. */
size_t mend_string(char *bytes, size_t at, size_t len)
{
    at++;
    while (at < len && bytes[at] != '"')
        at = bytes[at] == '\\' ? mend_escape(bytes, at, len) : at + 1;
    return at + 1;
}

/* Behind the number at `at`; an integer beyond 64 bits becomes a float: 18446744073709552000 is
 * read as 184467440737095520e2. */
size_t mend_number(char *bytes, size_t at, size_t len)
{
    const size_t start = bytes[at] == '-' ? at + 1 : at;
    size_t end = start;
    bool is_integer = true;
    while (end < len && memchr("0123456789+-.eE", bytes[end], 15)) {
        is_integer = is_integer && bytes[end] >= '0' && bytes[end] <= '9';
        end++;
    }
    if (is_integer && end - start >= INT64_DIGITS)
        memcpy(bytes + end - 2, "e2", 2);
    return end;
}

void mend(char *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        const char c = bytes[at];
        if (c == '"')
            at = mend_string(bytes, at, len);
        else if (c == '-' || (c >= '0' && c <= '9'))
            at = mend_number(bytes, at, len);
        else
            at++;
    }
}

/* ---- parsing --------------------------------------------------------------------------------- */

simdjson::error_code parse_bytes(json_reader *reader)
{
    return reader->parser.parse_into_document(reader->tree, reader->bytes, reader->len, false)
        .error();
}

err refuse(simdjson::error_code code, struct error *error)
{
    switch (code) {
    case simdjson::MEMALLOC: return error_set(error, ERR_NO_MEMORY, "no memory to read JSON");
    case simdjson::CAPACITY: return error_set(error, ERR_TOO_LARGE, "the JSON text is too long");
    case simdjson::DEPTH_ERROR:
        return error_set(error, ERR_MALFORMED, "the JSON is nested deeper than %u levels",
                         JSON_DEPTH_MAX);
    case simdjson::UTF8_ERROR:
        return error_set(error, ERR_MALFORMED, "the JSON text is not valid UTF-8");
    case simdjson::EMPTY:
        return error_set(error, ERR_MALFORMED, "the text is empty where JSON was expected");
    case simdjson::UNCLOSED_STRING:
        return error_set(error, ERR_MALFORMED, "not valid JSON: a string is not closed");
    case simdjson::UNESCAPED_CHARS:
        return error_set(error, ERR_MALFORMED,
                         "not valid JSON: a string holds an unescaped control character");
    case simdjson::STRING_ERROR:
        return error_set(error, ERR_MALFORMED, "not valid JSON: a string has a wrong escape");
    case simdjson::NUMBER_ERROR:
        return error_set(error, ERR_MALFORMED,
                         "not valid JSON: a number is malformed or beyond the range of a double");
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
        return error_set(error, ERR_MALFORMED, "not valid JSON: true, false or null expected");
    default:
        return error_set(error, ERR_MALFORMED,
                         "not valid JSON: a comma, bracket, colon or quote is missing or too many");
    }
}

err parse(json_reader *reader, str text, bool is_padded, json *out_root, struct error *error)
{
    if (text.len > reader->limit_bytes)
        return error_set(error, ERR_TOO_LARGE, "the JSON text is longer than %zu bytes",
                         reader->limit_bytes);
    reader->bytes = text.at;
    reader->len = text.len;
    reader->has_entries = false;
    if (reserve(reader, text.len) || (!is_padded && take_copy(reader, text)))
        return refuse(simdjson::MEMALLOC, error);

    simdjson::error_code code = parse_bytes(reader);
    if (code == simdjson::STRING_ERROR || code == simdjson::NUMBER_ERROR) {
        if (is_padded && take_copy(reader, text))
            return refuse(simdjson::MEMALLOC, error);
        mend(reader->copy.get(), reader->len);
        code = parse_bytes(reader);
    }
    if (code)
        return refuse(code, error);
    *out_root = json{&reader->tree, 1}; /* 0 holds the tape's own length */
    return OK;
}

/* ---- peeking --------------------------------------------------------------------------------- */

/* Behind the value whose first entry in the structural index is `entry`. */
size_t skip_value(const uint32_t *offsets, const char *bytes, size_t entry)
{
    const uint32_t *at = offsets + entry;
    size_t depth = 0;
    do {
        const char c = static_cast<char>(bytes[*at++] | 0x20); /* '[' and '{', ']' and '}' */
        depth += c == '{';
        depth -= c == '}';
    } while (depth > 0);
    return static_cast<size_t>(at - offsets);
}

size_t without_space_before(const char *bytes, size_t end)
{
    while (bytes[end - 1] <= ' ' && memchr(" \t\r\n", bytes[end - 1], 4))
        end--;
    return end;
}

void forget(json_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        members[i] = json_member{members[i].name, JSON_ABSENT, 0, 0, str{"", 0}, false, json{}};
}

void fill(json_member *member, json value, size_t start, size_t end)
{
    member->type = json_type_of(value);
    member->start = start;
    member->end = end;
    member->value = value;
    (void)json_string(value, &member->text);
    (void)json_bool(value, &member->truth);
}

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/* The wanted member of that name, or NULL; another spelling of a wanted name is refused. */
err find_wanted(json_member *members, size_t count, str name, json_member **out_member,
                struct error *error)
{
    *out_member = nullptr;
    const char first = name.len > 0 ? lower(name.at[0]) : '\0';
    for (size_t i = 0; i < count; i++) {
        if (members[i].name[0] != first)
            continue;
        const str wanted = str_of(members[i].name);
        if (str_eq(name, wanted))
            *out_member = &members[i];
        else if (str_ieq(name, wanted))
            return error_set(error, ERR_MALFORMED, "the member \"%.*s\" must be spelled \"%s\"",
                             STR_ARG(name), members[i].name);
    }
    return OK;
}

bool str_less(str a, str b)
{
    return a.len != b.len ? a.len < b.len : memcmp(a.at, b.at, a.len) < 0;
}

/* Marks the name in a filter of 64 bits; false when another may have had the same mark. */
bool mark_name(uint64_t *seen, str name)
{
    size_t mark = name.len * 7;
    if (name.len > 0)
        mark += static_cast<unsigned char>(name.at[0]) +
                size_t{3} * static_cast<unsigned char>(name.at[name.len - 1]);
    const uint64_t bit = uint64_t{1} << (mark % 64);
    const bool is_new = (*seen & bit) == 0;
    *seen |= bit;
    return is_new;
}

/* A name that occurs twice, or NULL. A few are compared with each other; many are sorted, because
 * their number is the caller's choice: no input makes this quadratic. */
const str *find_twice(str *names, size_t count)
{
    if (count > NAMES_FEW) {
        std::sort(names, names + count, str_less);
        const str *twice = std::adjacent_find(names, names + count, str_eq);
        return twice == names + count ? nullptr : twice;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (mark_name(&seen, names[i]))
            continue;
        for (size_t j = 0; j < i; j++) {
            if (str_eq(names[j], names[i]))
                return &names[i];
        }
    }
    return nullptr;
}

err refuse_duplicates(json_reader *reader, json object, struct error *error)
{
    const size_t count = json_count(object);
    if (count > reader->names_room) {
        const size_t room = std::max(count, NAMES_FEW);
        reader->names_room = 0;
        reader->names.reset(new (std::nothrow) str[room]);
        if (!reader->names)
            return error_set(error, ERR_NO_MEMORY, "no memory to read JSON");
        reader->names_room = room;
    }
    str *const names = reader->names.get();
    str *end = names;
    for (json_cursor c = json_each(object); json_next(&c);)
        *end++ = c.name;
    const str *twice = find_twice(names, count);
    if (!twice)
        return OK;
    const str shown = str_upto(*twice, NAME_SHOWN_MAX);
    return error_set(error, ERR_MALFORMED, "the member \"%.*s\" occurs twice", STR_ARG(shown));
}

/* ---- raw values ------------------------------------------------------------------------------ */

/* Every value, name and closing bracket of the tape has its entry in the index, in the same order; the
 * index has commas and colons besides. */
bool find_entries(json_reader *reader)
{
    const size_t count = static_cast<uint32_t>(word_at(&reader->tree, 0));
    if (!fits(reader->entries_room, count)) {
        const size_t room = room_for(count);
        reader->entries_room = 0;
        reader->entries.reset(new (std::nothrow) uint32_t[room]);
        if (!reader->entries)
            return false;
        reader->entries_room = room;
    }
    const uint32_t *offsets = reader->parser.implementation->structural_indexes.get();
    uint32_t entry = 0;
    for (size_t at = 1; at + 1 < count; at++) {
        while (reader->bytes[offsets[entry]] == ',' || reader->bytes[offsets[entry]] == ':')
            entry++;
        reader->entries[at] = entry++;
        const char tag = tag_of(json{&reader->tree, at});
        at += tag == 'l' || tag == 'u' || tag == 'd';
    }
    reader->has_entries = true;
    return true;
}

/* `first` is the entry of the object's '{' in the structural index. */
err peek_object(json_reader *reader, json object, size_t first, json_member *members, size_t count,
                json_span *out_object, struct error *error)
{
    err failed = refuse_duplicates(reader, object, error);
    if (failed)
        return failed;

    const char *bytes = reader->bytes;
    const uint32_t *offsets = reader->parser.implementation->structural_indexes.get();
    size_t entry = first + 1; /* of the next name; ':' and the value follow it */
    for (json_cursor c = json_each(object); json_next(&c);) {
        const size_t next = skip_value(offsets, bytes, entry + 2);
        json_member *member;
        failed = find_wanted(members, count, c.name, &member, error);
        if (failed)
            return failed;
        if (member)
            fill(member, c.value, offsets[entry + 2], without_space_before(bytes, offsets[next]));
        entry = next + 1;
    }
    const bool is_empty = entry == first + 1;
    *out_object = json_span{offsets[first], offsets[is_empty ? entry : entry - 1], is_empty};
    return OK;
}

} // namespace

/* ---- the reader ------------------------------------------------------------------------------ */

extern "C" enum err json_reader_new(size_t limit_bytes, struct json_reader **out_reader)
{
    json_reader *reader = new (std::nothrow) json_reader;
    if (!reader)
        return ERR_NO_MEMORY;
    reader->limit_bytes = std::min(limit_bytes, simdjson::SIMDJSON_MAXSIZE_BYTES / 2);
    *out_reader = reader;
    return OK;
}

extern "C" void json_reader_free(struct json_reader *reader)
{
    delete reader;
}

extern "C" enum err json_reserve(struct json_reader *reader, size_t len)
{
    if (len > reader->limit_bytes)
        return OK; /* it will be refused unread */
    return reserve(reader, len) || reserve_copy(reader, len) ? ERR_NO_MEMORY : OK;
}

extern "C" void json_wipe(struct json_reader *reader)
{
    /* Each string stands in the tree with its length before it and a NUL behind: simdjson's own bound. */
    const size_t strings = std::min(reader->len, reader->room_bytes);
    if (reader->tree.string_buf)
        explicit_bzero(reader->tree.string_buf.get(), 5 * strings / 3 + simdjson::SIMDJSON_PADDING);
    if (reader->copy)
        explicit_bzero(reader->copy.get(), std::min(reader->len, reader->copy_bytes));
    reader->len = 0;
}

extern "C" enum err json_parse(struct json_reader *reader, struct str text, struct json *out_root,
                               struct error *error)
{
    return parse(reader, text, false, out_root, error);
}

namespace
{

/* What stands there decides nothing, but uninitialised it would hide findings of a checker. */
void clear_padding(str text)
{
    if (text.len > 0)
        memset(const_cast<char *>(text.at) + text.len, 0, JSON_PADDING_BYTES);
}

err peek(json_reader *reader, str text, bool is_padded, json_member *members, size_t member_count,
         json_span *out_object, struct error *error)
{
    json root;
    const err failed = parse(reader, text, is_padded, &root, error);
    if (failed)
        return failed;
    if (json_type_of(root) != JSON_OBJECT)
        return error_set(error, ERR_MALFORMED, "the JSON text must be an object");
    forget(members, member_count);
    return peek_object(reader, root, 0, members, member_count, out_object, error);
}

} // namespace

extern "C" enum err json_peek(struct json_reader *reader, struct str text,
                              struct json_member *members, size_t member_count,
                              struct json_span *out_object, struct error *error)
{
    return peek(reader, text, false, members, member_count, out_object, error);
}

extern "C" enum err json_parse_padded(struct json_reader *reader, struct str text,
                                      struct json *out_root, struct error *error)
{
    clear_padding(text);
    return parse(reader, text, text.len > 0, out_root, error);
}

extern "C" enum err json_peek_padded(struct json_reader *reader, struct str text,
                                     struct json_member *members, size_t member_count,
                                     struct json_span *out_object, struct error *error)
{
    clear_padding(text);
    return peek(reader, text, text.len > 0, members, member_count, out_object, error);
}

extern "C" enum err json_peek_inside(struct json_reader *reader, const struct json_member *outer,
                                     struct json_member *members, size_t member_count,
                                     struct json_span *out_object, struct error *error)
{
    assert(outer->type == JSON_OBJECT && outer->value.doc == &reader->tree);
    const auto &implementation = *reader->parser.implementation;
    const uint32_t *offsets = implementation.structural_indexes.get();
    const uint32_t *first = std::lower_bound(offsets, offsets + implementation.n_structural_indexes,
                                             static_cast<uint32_t>(outer->start));
    forget(members, member_count);
    return peek_object(reader, outer->value, static_cast<size_t>(first - offsets), members,
                       member_count, out_object, error);
}

extern "C" struct str json_raw(struct json_reader *reader, struct json value, struct str text)
{
    assert(!value.doc || (value.doc == &reader->tree && text.len == reader->len));
    if (!value.doc || (!reader->has_entries && !find_entries(reader)))
        return str{"", 0};
    const uint32_t *offsets = reader->parser.implementation->structural_indexes.get();
    const size_t start = offsets[reader->entries[value.at]];
    const char tag = tag_of(value);
    const size_t end =
        tag == '{' || tag == '['
            ? offsets[reader->entries[end_of(value) - 1]] + size_t{1}
            : without_space_before(reader->bytes, offsets[reader->entries[value.at] + 1]);
    return str{text.at + start, end - start};
}

/* ---- values ---------------------------------------------------------------------------------- */

extern "C" enum json_type json_type_of(struct json value)
{
    switch (tag_of(value)) {
    case 'n': return JSON_NULL;
    case 't':
    case 'f': return JSON_BOOL;
    case 'l':
    case 'u':
    case 'd': return JSON_NUMBER;
    case '"': return JSON_STRING;
    case '[': return JSON_ARRAY;
    case '{': return JSON_OBJECT;
    default: return JSON_ABSENT;
    }
}

extern "C" struct json json_member_of(struct json object, struct str name)
{
    if (tag_of(object) != '{')
        return json{};
    const size_t end = end_of(object) - 1;
    for (size_t at = object.at + 1; at < end;) {
        const json value = {object.doc, at + 1};
        if (str_eq(text_of(json{object.doc, at}), name))
            return value;
        at = behind(value);
    }
    return json{};
}

extern "C" void json_pick(struct json object, const struct str *names, size_t count,
                          struct json *out_members)
{
    memset(out_members, 0, count * sizeof *out_members);
    if (tag_of(object) != '{')
        return;
    const size_t end = end_of(object) - 1;
    for (size_t at = object.at + 1; at < end;) {
        const json value = {object.doc, at + 1};
        const str name = text_of(json{object.doc, at});
        size_t i = 0;
        while (i < count && !(names[i].len == name.len && str_eq(names[i], name)))
            i++;
        if (i < count && !out_members[i].doc)
            out_members[i] = value;
        at = behind(value);
    }
}

extern "C" struct json json_at(struct json root, ...)
{
    va_list names;
    va_start(names, root);
    for (const char *name; (name = va_arg(names, const char *)) != nullptr;)
        root = json_get(root, name);
    va_end(names);
    return root;
}

extern "C" bool json_string(struct json value, struct str *out_text)
{
    if (tag_of(value) != '"')
        return false;
    *out_text = text_of(value);
    return true;
}

extern "C" bool json_int64(struct json value, int64_t *out_value)
{
    const char tag = tag_of(value);
    if (tag == 'l') {
        *out_value = number_of<int64_t>(value);
        return true;
    }
    const double number = tag == 'd' ? number_of<double>(value) : 0.5;
    if (std::trunc(number) != number || number < -INT64_END || number >= INT64_END)
        return false; /* 'u' is only used for what is too large for 'l' */
    *out_value = static_cast<int64_t>(number);
    return true;
}

extern "C" bool json_double(struct json value, double *out_value)
{
    switch (tag_of(value)) {
    case 'l': *out_value = static_cast<double>(number_of<int64_t>(value)); return true;
    case 'u': *out_value = static_cast<double>(number_of<uint64_t>(value)); return true;
    case 'd': *out_value = number_of<double>(value); return true;
    default: return false;
    }
}

extern "C" bool json_bool(struct json value, bool *out_value)
{
    if (json_type_of(value) != JSON_BOOL)
        return false;
    *out_value = tag_of(value) == 't';
    return true;
}

extern "C" struct str json_string_or_empty(struct json value)
{
    str text = {"", 0};
    (void)json_string(value, &text);
    return text;
}

extern "C" int64_t json_int64_or(struct json value, int64_t otherwise)
{
    (void)json_int64(value, &otherwise);
    return otherwise;
}

extern "C" struct json_cursor json_each(struct json container)
{
    const char tag = tag_of(container);
    if (tag != '{' && tag != '[')
        return json_cursor{};
    return json_cursor{
        json{}, str{"", 0}, container.doc, container.at + 1, end_of(container) - 1, tag == '{'};
}

extern "C" bool json_next(struct json_cursor *cursor)
{
    if (cursor->at >= cursor->end)
        return false;
    if (cursor->is_object)
        cursor->name = text_of(json{cursor->doc, cursor->at++});
    cursor->value = json{cursor->doc, cursor->at};
    cursor->at = behind(cursor->value);
    return true;
}

extern "C" size_t json_count(struct json container)
{
    constexpr size_t SATURATED = 0xFFFFFF; /* the tape's own count has 24 bits */
    const char tag = tag_of(container);
    if (tag != '{' && tag != '[')
        return 0;
    size_t count = (word_at(container.doc, container.at) >> 32) & SATURATED;
    if (count < SATURATED)
        return count;
    count = 0;
    for (json_cursor c = json_each(container); json_next(&c);)
        count++;
    return count;
}

extern "C" bool json_says_something(struct json value)
{
    bool truth = true;
    switch (json_type_of(value)) {
    case JSON_ABSENT:
    case JSON_NULL: return false;
    case JSON_BOOL: return json_bool(value, &truth) && truth;
    case JSON_STRING: return json_string_or_empty(value).len > 0;
    case JSON_NUMBER: return true;
    default: return json_count(value) > 0;
    }
}
