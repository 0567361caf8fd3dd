/* store/job_spans.h: a closed job's record as spans of OpenTelemetry, in the JSON encoding of OTLP 1.
 *
 * One span for the job and one below it for each attempt. Names and attributes are those of the semantic conventions for
 * generative AI; what these have no name for begins with `auxot.`. Neither prompt nor answer nor key is in the record, and
 * neither is here.
 *
 * Layer:   pure.  Thread: any.
 */
#pragma once
#include "domain/trace.h"
#include "store/record.h"

/** Appends the spans, with commas between. `kinds`: what each attempt's provider is, "openai"; attempt_count of them. */
void job_spans_write(const struct job_record *job, const struct trace *trace,
                     const char *const *kinds, struct buf *out);
/** Around the spans of many jobs: the body of a request to a collector. */
void job_spans_begin(const char *service, const char *version, struct buf *out);
void job_spans_end(struct buf *out);
