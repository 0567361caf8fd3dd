/* main/logging.c: one write(2) per line.
 *
 * A loop thread must not wait for a slow terminal or a full pipe. stderr's file description is shared
 * with whoever started us, so it is not made non-blocking; poll says whether a line of a pipe's atomic
 * size would be taken at once.
 */
#include "main/logging.h"

#include "sys/clock.h"
#include "sys/secret.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NS        10000000L /* a write takes some microseconds */
#define NS_PER_S       1000000000L
#define LINE_BYTES_MAX 4096 /* PIPE_BUF: lines of several threads do not mix */

/* Looked whether it would be taken and written in one: else the second of two lines that both saw room would wait. */
static pthread_mutex_t one_line = PTHREAD_MUTEX_INITIALIZER;
static atomic_long untold; /* dropped since that was last said */

static bool would_take(void)
{
    struct pollfd stderr_poll = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&stderr_poll, 1, 0) == 1 && (stderr_poll.revents & POLLOUT);
}

static bool write_line(const char *line, size_t len)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOCK_NS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    if (pthread_mutex_timedlock(&one_line, &until) != 0)
        return false; /* another process took the room that was seen, and somebody waits in there */
    bool is_taken = would_take() && write(STDERR_FILENO, line, len) >= 0;
    pthread_mutex_unlock(&one_line);
    return is_taken;
}

static size_t write_time(char *room, size_t room_bytes)
{
    int64_t now_ms = clock_wall_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    int len = snprintf(room, room_bytes, "ts=%04d-%02d-%02dT%02d:%02d:%02d.%03dZ ",
                       utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                       utc.tm_sec, (int)(now_ms % 1000));
    return len > 0 ? (size_t)len : 0;
}

static bool put_line(const char *text, size_t len)
{
    char line[LINE_BYTES_MAX];
    size_t at = write_time(line, 64);
    if (len > sizeof line - at - 1)
        len = sizeof line - at - 1;
    memcpy(line + at, text, len);
    line[at + len] = '\n';
    return write_line(line, at + len + 1);
}

static bool to_stderr(enum log_level level, const char *line, size_t len)
{
    (void)level; /* it stands in the line */
    long missed = would_take() ? atomic_exchange(&untold, 0) : 0;
    if (missed > 0) {
        char note[80];
        int note_len =
            snprintf(note, sizeof note, "level=warn event=log_lines_dropped count=%ld", missed);
        if (!put_line(note, (size_t)note_len))
            atomic_fetch_add(&untold, missed);
    }
    bool is_taken = put_line(line, len);
    if (!is_taken)
        atomic_fetch_add(&untold, 1);
    return is_taken;
}

void logging_tell(const char *format, ...)
{
    char text[LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool fits = len > 0 && (size_t)len < sizeof text;
    if (!fits || !write_line(text, (size_t)len))
        atomic_fetch_add(&untold, 1);
    secret_wipe(text, sizeof text);
}

void logging_open(enum log_level at_least)
{
    log_open(to_stderr, at_least);
}
