/* main/logging.h: log lines to stderr, each behind its time. Never blocks: what stderr does not take is
 * dropped, and how many were is said as soon as a line goes through again.
 */
#pragma once
#include "base/log.h"

void logging_open(enum log_level at_least);
/** For people, once: no line of the log, but it does not wait for stderr either. At most a few lines, "\n" at the end. */
void logging_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
