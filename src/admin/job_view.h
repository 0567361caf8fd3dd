/* admin/job_view.h: a job as people see it: JSON, or a line of CSV. Thread: any. */
#pragma once
#include "admin/csv.h"
#include "gateway/snapshot.h"
#include "json/json_writer.h"
#include "store/record.h"

/** The members of an object that is open; names of team and user as `snapshot` has them. */
void job_write(struct json_writer *writer, const struct job_record *job,
               const struct snapshot *snapshot);
void job_csv_head(struct csv *csv);
void job_csv(struct csv *csv, const struct job_record *job);
