/* wire/tool_pairs.h: which tool result of a conversation answers which call.
 *
 * OpenAI's dialects take a result anywhere behind its call, and some services give the same ids again in every answer.
 * Anthropic wants each result in the turn behind its call, and every id once. So a writer must know, before it
 * writes a call, where its result stands, and whether its id has been there before.
 *
 * Layer:   wire: pure.  Time: n log n in the number of calls and results.
 */
#pragma once
#include "wire/prompt.h"

/** Fills `partner` and `repeat` of all tool calls and results. A result belongs to the oldest unanswered call of its
 *  id in the last turn that made such calls. prompt->failed without memory. */
void tool_pairs_find(struct prompt *prompt);
