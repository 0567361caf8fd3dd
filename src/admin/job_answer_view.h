/* admin/job_answer_view.h: the answer line of a job and its parts, as JSON. Layer: pure. Thread: any. */
#pragma once
#include "json/json_writer.h"
#include "store/job_answer.h"

/** Members of an object that is open: answer_line, answer_parts, answer, passed_over. */
void job_answer_write(struct json_writer *writer, const struct job_record *job,
                      const struct job_answer *answer);
