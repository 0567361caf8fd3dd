/* providers/retry_after.c: when to come back, in the order of PROVIDER_ERRORS.md 5.
 *
 * What cannot be read is as if it were not there: the next source is asked, and at last the caller's
 * own rest is used. What can be read is clamped, so that no provider's answer, honest or absurd,
 * decides more than a day (or, where money is gone, a year).
 */
#include "providers/judge_parts.h"

#define SECOND_MS 1000LL
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

#define FLOOR_MS     250
#define CAP_MS       DAY_MS
#define CAP_SPENT_MS (366 * DAY_MS)
#define FAR_MS       (1000 * 366 * DAY_MS) /* numbers stop growing here; sums stay far from overflow */

/* ---- numbers and durations --------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Takes decimal digits off the front, at most `most` of them. */
static bool take_number(struct str *rest, size_t most, int64_t *out_number)
{
    size_t len = 0;
    int64_t number = 0;
    while (len < rest->len && is_digit(rest->at[len]) && len < most) {
        number = number > FAR_MS ? number : number * 10 + (rest->at[len] - '0');
        len++;
    }
    *rest = str_from(*rest, len);
    *out_number = number;
    return len > 0;
}

struct decimal {
    int64_t whole;
    int64_t billionths;
};

/* Takes "12", "7.66" or "59.56" off the front. */
static bool take_decimal(struct str *rest, struct decimal *out_decimal)
{
    struct decimal decimal = {0};
    if (!take_number(rest, SIZE_MAX, &decimal.whole))
        return false;
    if (rest->len > 1 && rest->at[0] == '.' && is_digit(rest->at[1])) {
        *rest = str_from(*rest, 1);
        for (int64_t worth = 100000000; rest->len > 0 && is_digit(rest->at[0]); worth /= 10) {
            decimal.billionths += worth * (rest->at[0] - '0');
            *rest = str_from(*rest, 1);
        }
    }
    *out_decimal = decimal;
    return true;
}

static int64_t capped(int64_t ms)
{
    return ms < FAR_MS ? ms : FAR_MS;
}

/* Rounded up to a whole millisecond. */
static int64_t decimal_ms(struct decimal decimal, int64_t unit_ms)
{
    if (decimal.whole > FAR_MS / unit_ms)
        return FAR_MS;
    int64_t part_ns = decimal.billionths * unit_ms; /* at most a day of ms: 10^9 * 10^8 */
    return capped(decimal.whole * unit_ms + (part_ns + 999999999) / 1000000000);
}

static struct str take_letters(struct str *rest)
{
    size_t len = 0;
    while (len < rest->len &&
           ((rest->at[len] >= 'a' && rest->at[len] <= 'z') || (unsigned char)rest->at[len] >= 0x80))
        len++;
    struct str letters = str_upto(*rest, len);
    *rest = str_from(*rest, len);
    return letters;
}

static bool unit_of(struct str word, int64_t *out_ms)
{
    // clang-format off
    static const struct { struct str word; int64_t ms; } units[] = {
        {STR_INIT("ms"), 1},        {STR_INIT("millisecond"), 1}, {STR_INIT("milliseconds"), 1},
        {STR_INIT("s"), SECOND_MS}, {STR_INIT("sec"), SECOND_MS}, {STR_INIT("secs"), SECOND_MS},
        {STR_INIT("second"), SECOND_MS}, {STR_INIT("seconds"), SECOND_MS},
        {STR_INIT("m"), MINUTE_MS}, {STR_INIT("min"), MINUTE_MS}, {STR_INIT("mins"), MINUTE_MS},
        {STR_INIT("minute"), MINUTE_MS}, {STR_INIT("minutes"), MINUTE_MS},
        {STR_INIT("h"), HOUR_MS}, {STR_INIT("hour"), HOUR_MS}, {STR_INIT("hours"), HOUR_MS},
        {STR_INIT("d"), DAY_MS},  {STR_INIT("day"), DAY_MS},   {STR_INIT("days"), DAY_MS},
        {STR_INIT("us"), 0}, {STR_INIT("\xC2\xB5s"), 0}, {STR_INIT("\xCE\xBCs"), 0}, {STR_INIT("ns"), 0},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (!str_ieq(units[i].word, word))
            continue;
        *out_ms = units[i].ms;
        return true;
    }
    return false;
}

/* Takes "6m0s", "12ms", "9m38.016s" or "20 seconds" off the front. */
static bool take_duration(struct str *rest, int64_t *out_ms)
{
    int64_t total_ms = 0;
    bool has_any = false;
    for (struct str at = *rest;;) {
        struct decimal decimal = {0};
        int64_t unit_ms = 0;
        if (!take_decimal(&at, &decimal))
            break;
        at = str_trim(at);
        if (!unit_of(take_letters(&at), &unit_ms))
            break;
        /* Less than a millisecond counts as one. */
        total_ms = capped(total_ms + (unit_ms ? decimal_ms(decimal, unit_ms) : 1));
        has_any = true;
        *rest = at;
    }
    if (has_any)
        *out_ms = total_ms;
    return has_any;
}

/* ---- dates ------------------------------------------------------------------------------------- */

struct date {
    int64_t year, month, day, hour, minute, second;
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant, "chrono-compatible
 * low-level date algorithms"). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool date_ms(const struct date *date, int64_t *out_wall_ms)
{
    bool is_good = date->year >= 1970 && date->year <= 9999 && date->month >= 1 &&
                   date->month <= 12 && date->day >= 1 && date->day <= 31 && date->hour <= 24 &&
                   date->minute <= 59 && date->second <= 60;
    if (is_good)
        *out_wall_ms = days_of(date->year, date->month, date->day) * DAY_MS + date->hour * HOUR_MS +
                       date->minute * MINUTE_MS + date->second * SECOND_MS;
    return is_good;
}

int64_t date_next_month(int64_t wall_ms)
{
    /* The average year finds it or one before it; then step. No calendar in reverse is needed. */
    struct date first = {.year = 1970 + wall_ms / (DAY_MS * 146097 / 400), .month = 1};
    first.day = 1;
    if (first.year > 1970)
        first.year--;
    int64_t at_ms = 0;
    while (date_ms(&first, &at_ms) && at_ms <= wall_ms) {
        first.month = first.month % 12 + 1;
        first.year += first.month == 1;
    }
    return at_ms;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

/* "08:49" or "08:49:37", with a fraction that is dropped. */
static bool take_time(struct str *rest, struct date *date)
{
    struct str at = *rest;
    if (!take_number(&at, 2, &date->hour) || !take_char(&at, ':') ||
        !take_number(&at, 2, &date->minute))
        return false;
    if (take_char(&at, ':') && !take_number(&at, 2, &date->second))
        return false;
    int64_t fraction = 0;
    if (take_char(&at, '.') && !take_number(&at, SIZE_MAX, &fraction))
        return false;
    *rest = at;
    return true;
}

/* "+02:00" or "-0500" behind a time, as milliseconds to subtract. */
static int64_t take_zone(struct str *rest)
{
    struct str at = *rest;
    int64_t hours = 0, minutes = 0;
    bool is_east = take_char(&at, '+');
    if (!is_east && !take_char(&at, '-'))
        return 0;
    if (!take_number(&at, 2, &hours))
        return 0;
    (void)take_char(&at, ':');
    (void)take_number(&at, 2, &minutes);
    *rest = at;
    int64_t offset_ms = hours * HOUR_MS + minutes * MINUTE_MS;
    return is_east ? offset_ms : -offset_ms;
}

static bool take_day(struct str *rest, struct date *date)
{
    struct str at = *rest;
    if (at.len < 10 || at.at[4] != '-' || at.at[7] != '-')
        return false;
    if (!take_number(&at, 4, &date->year) || !take_char(&at, '-') ||
        !take_number(&at, 2, &date->month) || !take_char(&at, '-') ||
        !take_number(&at, 2, &date->day))
        return false;
    *rest = at;
    return true;
}

bool date_find(struct str text, int64_t *out_wall_ms)
{
    for (; text.len >= 10; text = str_from(text, 1)) {
        struct date date = {0};
        struct str rest = text;
        if (!is_digit(text.at[0]) || !take_day(&rest, &date))
            continue;
        int64_t wall_ms = 0, zone_ms = 0;
        struct str time = rest;
        if (str_starts(time, STR(" at ")))
            time = str_from(time, 4);
        else if (time.len > 0 && (time.at[0] == 'T' || time.at[0] == 't' || time.at[0] == ' '))
            time = str_from(time, 1);
        if (time.len < rest.len && take_time(&time, &date))
            zone_ms = take_zone(&time);
        if (!date_ms(&date, &wall_ms))
            continue;
        *out_wall_ms = wall_ms - zone_ms;
        return true;
    }
    return false;
}

static bool month_of(struct str word, int64_t *out_month)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int64_t month = 0; month < 12; month++) {
        if (!str_ieq(word, (struct str){names + 3 * month, 3}))
            continue;
        *out_month = month + 1;
        return true;
    }
    return false;
}

/* The next word of an HTTP date, of whichever of its three forms. */
static struct str take_word(struct str *rest)
{
    while (rest->len > 0 && strchr(" ,-", rest->at[0]) && rest->at[0] != '\0')
        *rest = str_from(*rest, 1);
    size_t len = 0;
    while (len < rest->len && (rest->at[len] == '\0' || !strchr(" ,-", rest->at[len])))
        len++;
    struct str word = str_upto(*rest, len);
    *rest = str_from(*rest, len);
    return word;
}

static bool http_year(struct str word, int64_t *out_year)
{
    if (!str_to_int64(word, out_year))
        return false;
    if (word.len == 2) /* RFC 850; such a server's clock is in this century */
        *out_year += 2000;
    return true;
}

/* RFC 9110, section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
 * "Sun Nov  6 08:49:37 1994". */
static bool http_date(struct str text, int64_t *out_wall_ms)
{
    struct date date = {0};
    struct str words[5];
    for (size_t i = 0; i < 5; i++)
        words[i] = take_word(&text);
    bool is_asctime = month_of(words[1], &date.month);
    struct str time = words[is_asctime ? 3 : 4];
    if (!is_asctime && !month_of(words[2], &date.month))
        return false;
    return str_to_int64(words[is_asctime ? 2 : 1], &date.day) &&
           http_year(words[is_asctime ? 4 : 3], &date.year) && take_time(&time, &date) &&
           date_ms(&date, out_wall_ms);
}

/* ---- sources, in order ------------------------------------------------------------------------- */

static int64_t until(int64_t then_ms, int64_t wall_ms)
{
    return then_ms > wall_ms ? then_ms - wall_ms : 0;
}

/* A decimal number of `unit_ms`, nothing else. */
static int64_t from_number(struct str text, int64_t unit_ms)
{
    struct decimal decimal = {0};
    text = str_trim(text);
    if (!take_decimal(&text, &decimal) || text.len > 0)
        return RETRY_UNKNOWN_MS;
    return decimal_ms(decimal, unit_ms);
}

static int64_t from_retry_after(struct str text, int64_t wall_ms)
{
    int64_t ms = from_number(text, SECOND_MS), then_ms = 0;
    if (ms == RETRY_UNKNOWN_MS && http_date(str_trim(text), &then_ms))
        ms = until(then_ms, wall_ms);
    return ms;
}

static int64_t from_message(struct str message, int64_t wall_ms)
{
    static const struct str signs[] = {STR_INIT("try again in "), STR_INIT("retry in "),
                                       STR_INIT("try again after "), STR_INIT("retry after ")};
    int64_t ms = 0, then_ms = 0;
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        size_t at = 0;
        if (!str_ifind(message, signs[i], &at))
            continue;
        struct str rest = str_from(message, at + signs[i].len);
        if (take_duration(&rest, &ms))
            return ms;
    }
    return date_find(message, &then_ms) && then_ms > wall_ms ? then_ms - wall_ms : RETRY_UNKNOWN_MS;
}

/* A reset: a Go duration, a date, or a bare number of seconds, from now or since 1970. */
static int64_t from_reset(struct str text, int64_t wall_ms)
{
    const int64_t epoch_s = 1000000000, epoch_ms = epoch_s * 1000;
    struct str rest = str_trim(text);
    int64_t ms = 0, then_ms = 0, number = 0;
    if (str_to_int64(rest, &number) && number >= epoch_s)
        return until(number >= epoch_ms ? number : number * SECOND_MS, wall_ms);
    if (date_find(rest, &then_ms))
        return until(then_ms, wall_ms);
    if (take_duration(&rest, &ms) && rest.len == 0)
        return ms;
    return from_number(text, SECOND_MS);
}

static bool is_zero(struct str remaining)
{
    int64_t number = 1;
    return str_to_int64(str_trim(remaining), &number) && number == 0;
}

/* The later of `ms` and this bucket's reset, if the bucket is empty. */
static int64_t later_reset(int64_t ms, struct str reset, struct str remaining, int64_t wall_ms)
{
    if (!is_zero(remaining))
        return ms;
    int64_t reset_ms = from_reset(reset, wall_ms);
    return reset_ms > ms ? reset_ms : ms;
}

static int64_t from_buckets(const struct answer_headers *headers, int64_t wall_ms)
{
    int64_t ms = RETRY_UNKNOWN_MS;
    ms = later_reset(ms, headers->reset_requests, headers->remaining_requests, wall_ms);
    ms = later_reset(ms, headers->reset_tokens, headers->remaining_tokens, wall_ms);
    for (size_t bucket = 0; bucket < 4; bucket++) /* of one vendor or the other, never both */
        ms = later_reset(ms, headers->anthropic_reset[bucket], headers->anthropic_remaining[bucket],
                         wall_ms);
    if (ms == RETRY_UNKNOWN_MS && headers->unified_reset.len > 0) {
        int64_t unified_ms = from_reset(headers->unified_reset, wall_ms);
        ms = unified_ms > 0 ? unified_ms : RETRY_UNKNOWN_MS; /* in the past: an older window */
    }
    return ms;
}

static int64_t clamped(int64_t ms, bool is_spent)
{
    int64_t cap_ms = is_spent ? CAP_SPENT_MS : CAP_MS;
    if (ms < FLOOR_MS)
        return FLOOR_MS;
    return ms < cap_ms ? ms : cap_ms;
}

int64_t retry_after_find(const struct answer_headers *headers, struct str message, bool is_spent,
                         int64_t wall_ms)
{
    int64_t ms = from_number(headers->retry_after_ms, 1);
    if (ms == RETRY_UNKNOWN_MS)
        ms = from_retry_after(headers->retry_after, wall_ms);
    if (ms == RETRY_UNKNOWN_MS)
        ms = from_message(message, wall_ms);
    if (ms == RETRY_UNKNOWN_MS)
        ms = from_buckets(headers, wall_ms);
    return ms == RETRY_UNKNOWN_MS ? ms : clamped(ms, is_spent);
}
