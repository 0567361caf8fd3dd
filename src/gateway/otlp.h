/* gateway/otlp.h: jobs that ended, as spans, to a collector of OpenTelemetry: OTLP/HTTP in its JSON encoding.
 *
 *     a loop that closes a job     otlp_tell_job: its spans into a box, under one short lock; past the limits they are dropped
 *                                  and counted
 *     the thread `otlp`            a loop of its own, as `health` has: takes up to OTLP_BATCH_SPANS out of the box, sends them,
 *                                  and tries again while the collector is away or busy
 *
 * So a collector that is slow, dead or hostile costs memory up to the limits, and requests nothing. What it answers is read
 * for its status alone.
 *
 * Off by default: then there is no thread, and a job costs the look at one pointer.
 */
#pragma once
#include "domain/trace.h"
#include "store/record.h"

#define OTLP_BATCH_SPANS   512
#define OTLP_WAITING_SPANS 4096
#define OTLP_WAITING_BYTES ((size_t)8 << 20)
#define OTLP_STOP_MS       2000

struct otlp;
struct request;

struct otlp_options {
    const char *endpoint; /* http://127.0.0.1:4318: to its path comes /v1/traces */
    const char
        *headers; /* "name=value,name=value"; may be secrets: they are never logged; "" none */
    const char *service;                /* service.name */
    const char *ca_file, *name_servers; /* NULL: the system's */
};

/** Starts the thread. ERR_MALFORMED: the endpoint or the headers, with a sentence that shows no value of a header. */
MUST_USE enum err otlp_new(const struct otlp_options *options, struct otlp **out_otlp,
                           struct error *error);
/** Sends what is left, for OTLP_STOP_MS at most, and ends the thread. Nobody tells any more. NULL is fine. */
void otlp_free(struct otlp *otlp);

/** The trace of a request that begins: its caller's, or its own. In its arena; NULL: nobody asks for traces (`otlp` NULL). */
struct trace *otlp_trace(const struct otlp *otlp, struct request *request);
/** A job ended. Any loop thread; never waits for a collector. NULL is fine. */
void otlp_tell_job(struct otlp *otlp, const struct request *request, const struct job_record *job);

struct otlp_figures {
    int64_t sent, dropped, waiting;
};
void otlp_figures(struct otlp *otlp, struct otlp_figures *out_figures);
