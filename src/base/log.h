/* base/log.h: one line per event, `key=value`, never a body, a key or a prompt.
 *
 * This room does no I/O: the line goes to the sink that main/ installed (stderr). Until then, and
 * in unit tests, lines go nowhere.
 *
 *     log_info("provider_created", "id=%s kind=%s", provider->id, kind_name);
 *
 * Thread:  any.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVEL_COUNT };

/** Receives one finished line without its newline; must not block and must not log. False: the line is lost. */
typedef bool log_sink(enum log_level level, const char *line, size_t len);

void log_open(log_sink *sink, enum log_level at_least); /* once, before threads start */
void log_set_level(enum log_level at_least);            /* any thread */
long long log_lines_dropped(void);                      /* that the sink did not take */
bool log_is_on(enum log_level level);
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out_level);
/** Control characters in the values are replaced by '?', so that no value can forge a line. */
void log_line(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
