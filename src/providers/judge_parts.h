/* providers/judge_parts.h: what the files of this room share. Nobody else includes it. */
#pragma once
#include "providers/kinds.h"

extern const struct provider_kind_facts gpu_facts, cli_facts, openai_facts, anthropic_facts;

/** The header lines that whoever speaks Anthropic's dialect wants. */
void anthropic_defaults_write(struct buf *head, bool caller_sent_version);

#define FACTS_ERRORS(rows) .errors = (rows), .error_count = sizeof(rows) / sizeof(rows)[0]

/** Appends "name: value" CRLF; nothing when the value is empty or could break the head. */
void header_line_write(struct buf *head, const char *name, const char *scheme, struct str value);

/**
 * Makes a vendor's message fit to show: one line, without control characters, cut to `room_bytes`,
 * and with everything that looks like a key replaced by its prefix and "…".
 */
void sentence_clean(struct str message, char *out_sentence, size_t room_bytes);

/** First date of form YYYY-MM-DD, with [T ]HH:MM[:SS] when it follows, as UTC; false when none. */
bool date_find(struct str text, int64_t *out_wall_ms);
/** The first of next month, 00:00 UTC. */
int64_t date_next_month(int64_t wall_ms);
