/* base/log.c: formats a line and hands it to the sink. */
#include "base/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 1024

static atomic_llong dropped;
static log_sink *the_sink; /* set once before threads start */
static _Atomic enum log_level the_least = LOG_INFO;

static const char *const names[] = {"debug", "info", "warn", "error"};
static_assert(sizeof names / sizeof names[0] == LOG_LEVEL_COUNT, "one name per level");

void log_open(log_sink *sink, enum log_level at_least)
{
    the_sink = sink;
    log_set_level(at_least);
}

void log_set_level(enum log_level at_least)
{
    atomic_store_explicit(&the_least, at_least, memory_order_relaxed);
}

long long log_lines_dropped(void)
{
    return atomic_load_explicit(&dropped, memory_order_relaxed);
}

bool log_is_on(enum log_level level)
{
    return the_sink && level >= atomic_load_explicit(&the_least, memory_order_relaxed);
}

const char *log_level_name(enum log_level level)
{
    assert(level < LOG_LEVEL_COUNT);
    return names[level];
}

bool log_level_parse(const char *name, enum log_level *out_level)
{
    for (size_t i = 0; i < LOG_LEVEL_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        *out_level = (enum log_level)i;
        return true;
    }
    return false;
}

void log_line(enum log_level level, const char *event, const char *format, ...)
{
    if (!log_is_on(level))
        return;
    char line[LINE_MAX_BYTES];
    int head = snprintf(line, sizeof line, "level=%s event=%s ", names[level], event);
    assert(head > 0 && (size_t)head < sizeof line);
    va_list args;
    va_start(args, format);
    int body = vsnprintf(line + head, sizeof line - (size_t)head, format, args);
    va_end(args);
    size_t len = (size_t)head + (body > 0 ? (size_t)body : 0);
    if (len >= sizeof line)
        len = sizeof line - 1;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    if (!the_sink(level, line, len))
        atomic_fetch_add_explicit(&dropped, 1, memory_order_relaxed);
}
