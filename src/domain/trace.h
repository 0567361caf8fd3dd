/* domain/trace.h: where a job stands in a distributed trace. W3C Trace Context, level 1.
 *
 * Nothing is drawn and nothing is kept: without a caller's trace the trace id is the 128 bits of the job's id, and every span id
 * follows from job and attempt. So what went upstream, what is told to a collector and the record agree by themselves.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "base/buf.h"
#include "base/str.h"

#define TRACE_ID_BYTES 16
#define SPAN_ID_BYTES  8
#define TRACE_JOB_SPAN 0 /* in place of an attempt's number: the span of the job itself */

struct trace {
    uint8_t id[TRACE_ID_BYTES];
    uint8_t parent[SPAN_ID_BYTES]; /* the caller's span */
    bool has_parent, is_sampled;
};

/** Strict: version 00, lower-case hexadecimal, no id of zeroes. False: `out_trace` is untouched. */
bool traceparent_parse(struct str text, struct trace *out_trace);
/** The trace of a job whose caller has none. False: that is no job's id. */
bool trace_of_job(struct str job, struct trace *out_trace);
/** Attempts count from 1. Never zeroes. */
void trace_span(struct str job, int attempt, uint8_t out_span[SPAN_ID_BYTES]);
/** The header's value that names this span as the parent. */
void traceparent_write(const struct trace *trace, const uint8_t span[SPAN_ID_BYTES],
                       struct buf *out);
