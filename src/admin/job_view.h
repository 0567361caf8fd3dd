/* admin/job_view.h: a job as people see it: JSON, or a line of CSV. Thread: any. */
#pragma once
#include "admin/api.h"
#include "admin/csv.h"
#include "gateway/snapshot.h"
#include "json/json_writer.h"
#include "store/store.h"

/** Who reads, and the names of today. */
struct job_reader {
    bool is_admin;
    const char *user, *team; /* of a member; "" none */
    const struct snapshot *snapshot;
};
void job_reader_open(struct job_reader *reader, const struct api_call *call);
void job_reader_close(struct job_reader *reader);
/** Below admin: a person's jobs are those of all their keys and sessions; a key of nobody has its own. */
void job_narrow_to_own(const struct api_call *call, struct job_filter *filter);

/** The members of an object that is open; names of team and user as the reader's snapshot has them. */
void job_write(struct json_writer *writer, const struct job_record *job,
               const struct job_reader *reader);
void job_csv_head(struct csv *csv);
void job_csv(struct csv *csv, const struct job_record *job, const struct job_reader *reader);
