/* bare_record.c: gateway/record.c without a record, for the benchmark alone: what does the audit cost?
 *
 * `cmake -DAUXOT_BARE=ON` puts it in that file's place. Requests are routed, relayed and metered as ever (the meter also
 * decides over failover); nothing is written, summed or priced. Such a program is not for use: it says so at its start.
 */
#include "gateway/translate.h"

enum err record_open(struct request *request, struct error *error)
{
    (void)error;
    request->is_opened = true;
    return OK;
}

void record_progress(struct request *request)
{
    (void)request;
}

void record_close(struct request *request, enum job_status status, const char *reason,
                  int http_status)
{
    (void)status;
    (void)reason;
    (void)http_status;
    admission_settle(request, 0, 0);
    request->is_closed = true;
}

void record_close_put(struct request *request, enum job_status status, const char *reason,
                      int http_status)
{
    record_close(request, status, reason, http_status);
}

void record_refused(struct request *request, const char *reason, int http_status)
{
    record_close(request, JOB_REFUSED, reason, http_status);
}

void record_await(struct request *request,
                  void (*on_recorded)(struct request *request, enum err err,
                                      const struct error *error))
{
    static const struct error none;
    on_recorded(request, OK, &none);
}

void record_turn(struct loop_message *message)
{
    (void)message;
}
