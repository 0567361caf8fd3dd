/* domain/price.c: the price table, and one request's cost.
 *
 * Money is counted in whole micro-dollars and prices in micro-dollars per million tokens: a decimal
 * of the table becomes an integer exactly, and a cost is rounded once, up, at the end.
 *
 * The long tier reprices the whole request. The table gives its input and output price; vendors raise
 * the prices of cached reads and writes by the same factor as the input's ("2x input and cache").
 */
#include "domain/price.h"

#include "base/mem.h"

#include <stdlib.h>

#define PRICES_MAX   10000u
#define CSV_LIMIT    (4u << 20)
#define MICRO_DIGITS 6
#define PER_MILLION  1000000

__extension__ typedef __int128 wide; /* tokens times prices */

struct price_table {
    struct price *prices; /* sorted by kind, then model */
    size_t count, width;  /* fields of a line */
    char *names;          /* models, sources and dates, NUL-terminated, one behind the other */
};

/* ---- reading ----------------------------------------------------------------------------------- */

enum column {
    COLUMN_VENDOR,
    COLUMN_MODEL,
    COLUMN_INPUT,
    COLUMN_CACHED,
    COLUMN_CACHE_WRITE,
    COLUMN_OUTPUT,
    COLUMN_CONTEXT,
    COLUMN_MAX_OUTPUT,
    COLUMN_LONG_FROM,
    COLUMN_LONG_INPUT,
    COLUMN_LONG_OUTPUT,
    COLUMN_TOOLS,
    COLUMN_VISION,
    COLUMN_SCHEMA,
    COLUMN_REASONING,
    COLUMN_SOURCE,
    COLUMN_SOURCE_DATE,
    COLUMN_COUNT
};
static const char *const column_names[COLUMN_COUNT] = {
    "vendor",
    "model",
    "input_usd_per_mtok",
    "cached_input_usd_per_mtok",
    "cache_write_usd_per_mtok",
    "output_usd_per_mtok",
    "context_tokens",
    "max_output_tokens",
    "long_context_threshold_tokens",
    "long_context_input_usd_per_mtok",
    "long_context_output_usd_per_mtok",
    "supports_tools",
    "supports_vision",
    "supports_json_schema",
    "supports_reasoning",
    "source",
    "source_date",
};

#define FIELDS_MAX 32

/* Splits at commas. Quoted fields are not understood: the table has none, and one is refused. */
static bool split(struct str line, struct str fields[FIELDS_MAX], size_t *out_count)
{
    size_t count = 0;
    if (str_find(line, STR("\""), NULL))
        return false;
    for (bool is_last = false; !is_last;) {
        is_last = !str_find(line, STR(","), NULL);
        if (count == FIELDS_MAX)
            return false;
        fields[count++] = str_trim(str_cut(&line, ','));
    }
    *out_count = count;
    return true;
}

static struct str cut_line(struct str *rest)
{
    struct str line = str_cut(rest, '\n');
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool find_columns(struct str header, size_t at[COLUMN_COUNT], size_t *out_width)
{
    struct str fields[FIELDS_MAX];
    size_t count = 0;
    if (!split(header, fields, &count))
        return false;
    for (size_t column = 0; column < COLUMN_COUNT; column++) {
        size_t field = 0;
        while (field < count && !str_eq(fields[field], str_of(column_names[column])))
            field++;
        if (field == count)
            return false;
        at[column] = field;
    }
    *out_width = count;
    return true;
}

/* "0.125" dollars are 125000 micro-dollars. Blank is unknown. */
static bool read_dollars(struct str text, int64_t *out_micro)
{
    if (text.len == 0) {
        *out_micro = COST_UNKNOWN;
        return true;
    }
    struct str fraction = text, whole = str_cut(&fraction, '.');
    int64_t dollars = 0, micro = 0;
    if (!str_to_int64(whole, &dollars) || dollars > PER_MILLION || fraction.len > MICRO_DIGITS)
        return false;
    if (fraction.len == 0 && whole.len != text.len)
        return false; /* "1." */
    if (fraction.len > 0 && !str_to_int64(fraction, &micro))
        return false;
    for (size_t digit = fraction.len; digit < MICRO_DIGITS; digit++)
        micro *= 10;
    *out_micro = dollars * PER_MILLION + micro;
    return true;
}

static bool read_tokens(struct str text, int64_t *out_tokens)
{
    *out_tokens = TOKENS_UNKNOWN;
    return text.len == 0 || str_to_int64(text, out_tokens);
}

/* "false" is a lack; blank is unknown, and no lack. */
static bool read_ability(struct str text, enum model_lack lack, unsigned *lacks)
{
    bool is_false = str_eq(text, STR("false"));
    if (is_false)
        *lacks |= lack;
    return is_false || text.len == 0 || str_eq(text, STR("true"));
}

/* `normal` raised as the input price is; prices are small, the product fits (10^12 * 10^12 < 2^128). */
static int64_t long_price(const struct price *price, int64_t normal)
{
    if (normal == COST_UNKNOWN || price->long_input == COST_UNKNOWN || price->input <= 0)
        return COST_UNKNOWN;
    wide raised = (wide)normal * price->long_input;
    return (int64_t)(raised / price->input);
}

/* Reads one line into `price`, all but its name. */
static bool read_price(const struct str *fields, const size_t at[COLUMN_COUNT], struct price *price)
{
    bool is_good = provider_kind_parse(fields[at[COLUMN_VENDOR]], &price->kind) &&
                   fields[at[COLUMN_MODEL]].len > 0 &&
                   read_dollars(fields[at[COLUMN_INPUT]], &price->input) &&
                   read_dollars(fields[at[COLUMN_OUTPUT]], &price->output) &&
                   read_dollars(fields[at[COLUMN_CACHED]], &price->cached) &&
                   read_dollars(fields[at[COLUMN_CACHE_WRITE]], &price->cache_write) &&
                   read_dollars(fields[at[COLUMN_LONG_INPUT]], &price->long_input) &&
                   read_dollars(fields[at[COLUMN_LONG_OUTPUT]], &price->long_output) &&
                   read_tokens(fields[at[COLUMN_LONG_FROM]], &price->long_from_tokens) &&
                   read_tokens(fields[at[COLUMN_CONTEXT]], &price->context_tokens) &&
                   read_tokens(fields[at[COLUMN_MAX_OUTPUT]], &price->max_output_tokens) &&
                   read_ability(fields[at[COLUMN_TOOLS]], MODEL_LACKS_TOOLS, &price->lacks) &&
                   read_ability(fields[at[COLUMN_VISION]], MODEL_LACKS_IMAGES, &price->lacks) &&
                   read_ability(fields[at[COLUMN_SCHEMA]], MODEL_LACKS_SCHEMA, &price->lacks) &&
                   read_ability(fields[at[COLUMN_REASONING]], MODEL_LACKS_REASONING, &price->lacks);
    if (!is_good)
        return false;
    if (price->long_from_tokens == TOKENS_UNKNOWN)
        price->long_from_tokens = 0;
    /* Anthropic, "Prompt caching": a write for 5 minutes costs 1.25 times the input, one for an hour twice. */
    bool has_1h = price->kind == PROVIDER_ANTHROPIC && price->input != COST_UNKNOWN &&
                  price->cache_write != COST_UNKNOWN;
    price->cache_write_1h = has_1h ? 2 * price->input : COST_UNKNOWN;
    price->long_cached = long_price(price, price->cached);
    price->long_cache_write = long_price(price, price->cache_write);
    price->long_cache_write_1h = long_price(price, price->cache_write_1h);
    return true;
}

static size_t count_lines(struct str text)
{
    size_t lines = 0;
    while (text.len > 0) {
        (void)str_cut(&text, '\n');
        lines++;
    }
    return lines;
}

/* Fits: `names` is as long as the whole text, where each of these ends in a comma or a line's end. */
static const char *keep_text(char **room, struct str text)
{
    char *copy = *room;
    if (text.len > 0)
        memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *room += text.len + 1;
    return copy;
}

static enum err read_rows(struct str rest, const size_t at[COLUMN_COUNT], struct price_table *table,
                          size_t room, struct error *error)
{
    char *name = table->names;
    for (size_t line_number = 2; rest.len > 0; line_number++) {
        struct str fields[FIELDS_MAX] = {0}, line = cut_line(&rest);
        struct price price = {0};
        size_t count = 0;
        if (line.len == 0)
            continue;
        if (!split(line, fields, &count) || count != table->width ||
            !read_price(fields, at, &price))
            return error_set(error, ERR_MALFORMED, "line %zu of the price table is no price",
                             line_number);
        if (table->count == room)
            return error_set(error, ERR_MALFORMED, "the price table has more than %u lines",
                             PRICES_MAX);
        price.model = keep_text(&name, fields[at[COLUMN_MODEL]]);
        price.source = keep_text(&name, fields[at[COLUMN_SOURCE]]);
        price.source_date = keep_text(&name, fields[at[COLUMN_SOURCE_DATE]]);
        table->prices[table->count++] = price;
    }
    return OK;
}

static int compare_prices(const void *left, const void *right)
{
    const struct price *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    return strcmp(a->model, b->model);
}

enum err price_table_new(struct str csv, struct price_table **out_table, struct error *error)
{
    size_t at[COLUMN_COUNT], width = 0;
    struct str rest = csv, header = cut_line(&rest);
    if (csv.len > CSV_LIMIT || !find_columns(header, at, &width))
        return error_set(error, ERR_MALFORMED,
                         "line 1 of the price table does not name the columns that are needed");

    size_t room = count_lines(rest);
    room = room < PRICES_MAX ? room : PRICES_MAX;
    struct price_table *table = mem_zalloc(1, sizeof *table);
    if (table) {
        table->width = width;
        table->prices = mem_zalloc(room, sizeof *table->prices);
        table->names = mem_alloc(csv.len + 1);
    }
    if (!table || !table->prices || !table->names) {
        price_table_free(table);
        return error_set(error, ERR_NO_MEMORY, "no memory for the price table");
    }
    enum err err = read_rows(rest, at, table, room, error);
    if (err != OK) {
        price_table_free(table);
        return err;
    }
    qsort(table->prices, table->count, sizeof *table->prices, compare_prices);
    *out_table = table;
    return OK;
}

void price_table_free(struct price_table *table)
{
    if (!table)
        return;
    mem_free(table->prices);
    mem_free(table->names);
    mem_free(table);
}

const struct price *price_table_at(const struct price_table *table, size_t index)
{
    return index < table->count ? &table->prices[index] : NULL;
}

/* ---- finding ----------------------------------------------------------------------------------- */

static const struct price *find_exact(const struct price_table *table, enum provider_kind kind,
                                      struct str model)
{
    char name[256];
    if (model.len == 0 || model.len >= sizeof name || memchr(model.at, '\0', model.len))
        return NULL;
    str_copy(model, name, sizeof name);
    struct price wanted = {.model = name, .kind = kind};
    return bsearch(&wanted, table->prices, table->count, sizeof *table->prices, compare_prices);
}

/* Do the last bytes look like `pattern`, where '0' stands for any digit? */
static bool ends_like(struct str s, const char *pattern)
{
    struct str like = str_of(pattern);
    if (s.len <= like.len)
        return false;
    struct str tail = str_from(s, s.len - like.len);
    for (size_t i = 0; i < like.len; i++) {
        bool is_digit = tail.at[i] >= '0' && tail.at[i] <= '9';
        if (like.at[i] == '0' ? !is_digit : tail.at[i] != like.at[i])
            return false;
    }
    return true;
}

const struct price *price_find(const struct price_table *table, enum provider_kind kind,
                               struct str model)
{
    static const char *const dates[] = {"-0000-00-00", "-00000000"};
    const struct price *price = find_exact(table, kind, model);
    for (size_t i = 0; !price && i < sizeof dates / sizeof dates[0]; i++)
        if (ends_like(model, dates[i]))
            price = find_exact(table, kind, str_upto(model, model.len - strlen(dates[i])));
    return price;
}

/* ---- cost -------------------------------------------------------------------------------------- */

static int64_t at_least_0(int64_t tokens)
{
    return tokens > 0 ? tokens : 0;
}

static int64_t known_or(int64_t price, int64_t otherwise)
{
    return price == COST_UNKNOWN ? otherwise : price;
}

/* A part of the whole, taken out of it; a provider that claims more than the whole gets the whole. */
static int64_t take_part(int64_t *whole, int64_t claimed)
{
    int64_t part = at_least_0(claimed);
    part = part < *whole ? part : *whole;
    *whole -= part;
    return part;
}

int64_t price_cost(const struct price *price, const struct usage *usage)
{
    if (!price || usage->input_tokens < 0)
        return COST_UNKNOWN;
    bool is_long = price->long_from_tokens > 0 && usage->input_tokens > price->long_from_tokens;
    int64_t input = is_long ? price->long_input : price->input;
    int64_t output = is_long ? price->long_output : price->output;
    if (input == COST_UNKNOWN || output == COST_UNKNOWN)
        return COST_UNKNOWN;
    if (usage->output_tokens < 0 && output != 0) /* embeddings tell none, and theirs are free */
        return COST_UNKNOWN;

    int64_t cached = known_or(is_long ? price->long_cached : price->cached, input);
    int64_t written = known_or(is_long ? price->long_cache_write : price->cache_write, input);
    int64_t written_1h =
        known_or(is_long ? price->long_cache_write_1h : price->cache_write_1h, written);

    int64_t plain_tokens = usage->input_tokens;
    int64_t cached_tokens = take_part(&plain_tokens, usage->cached_tokens);
    int64_t written_tokens = take_part(&plain_tokens, usage->cache_write_tokens);
    int64_t written_1h_tokens = take_part(&written_tokens, usage->cache_write_1h_tokens);

    wide total = PER_MILLION - 1; /* rounds up */
    total += (wide)plain_tokens * input;
    total += (wide)cached_tokens * cached;
    total += (wide)written_tokens * written;
    total += (wide)written_1h_tokens * written_1h;
    total += (wide)at_least_0(usage->output_tokens) * output;
    total /= PER_MILLION;
    return total > INT64_MAX ? INT64_MAX : (int64_t)total;
}
