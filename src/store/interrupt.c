/* store/interrupt.c: what an earlier life left open is closed.
 *
 * Its record is the last one that reached the journal: attempts that had ended are whole in it, with what they cost; the
 * one that was running is not, and costs what was reserved for it, where there is a budget. The job's sums are made here,
 * as its close was never written.
 */
#include "base/mem.h"
#include "store/store_parts.h"

/* Adds what is known to what is known. */
static void add_known(int64_t *sum, int64_t more)
{
    if (more >= 0)
        *sum = more + (*sum > 0 ? *sum : 0);
}

/* The bill is the sum of the attempts, as in a close (gateway/record.c). */
static void add_attempt(struct job_record *record, const struct attempt_record *attempt)
{
    bool has_tokens = attempt->input_tokens >= 0 || attempt->output_tokens >= 0;
    add_known(&record->usage.input_tokens, attempt->input_tokens);
    add_known(&record->usage.output_tokens, attempt->output_tokens);
    add_known(&record->usage.cached_tokens, attempt->cached_tokens);
    add_known(&record->cost_microusd, attempt->cost_microusd);
    record->usage.is_estimated |= attempt->is_estimated;
    record->is_unpriced |= has_tokens && attempt->cost_microusd < 0;
    if (strcmp(attempt->outcome, "failed") == 0)
        add_known(&record->wasted_microusd, attempt->cost_microusd);
}

static void record_interrupt(struct job_record *record)
{
    record->status = JOB_INTERRUPTED;
    str_copy(STR("interrupted"), record->reason, sizeof record->reason);
    for (int32_t i = 0; i < record->attempt_count; i++) {
        struct attempt_record *attempt = &record->attempt[i];
        if (!attempt->outcome[0]) {
            str_copy(STR("interrupted"), attempt->outcome, sizeof attempt->outcome);
            str_copy(STR("interrupted"), attempt->reason, sizeof attempt->reason);
            record->is_unpriced |= attempt->cost_microusd < 0; /* nobody can tell what it used */
        }
        add_attempt(record, attempt);
    }
}

static enum err interrupt_one(struct writer *writer, const struct open_job *job,
                              struct error *error)
{
    struct job_record record;
    enum err err = chunks_read(&writer->chunks, job->chunk, job->at, &record, error);
    if (err == ERR_NOT_FOUND)
        return OK; /* gone by retention */
    if (err != OK)
        return err;
    record_interrupt(&record);
    err = chunks_update(&writer->chunks, job->chunk, job->at, &record, error);
    return err != OK ? err : usage_book_add(&writer->usage, &record, error);
}

enum err interrupt_step(struct store *store, bool *out_more, struct error *error)
{
    struct writer *writer = &store->writer;
    AUTO_FREE struct open_job *jobs = mem_alloc(BATCH_ROWS_MAX * sizeof *jobs);
    size_t count = 0;
    if (!jobs)
        return error_set(error, ERR_NO_MEMORY, "no memory to close interrupted requests");
    for (size_t i = 0; i < writer->open_jobs.room && count < BATCH_ROWS_MAX; i++)
        if (writer->open_jobs.slots[i].id[0] && writer->open_jobs.slots[i].is_inherited)
            jobs[count++] = writer->open_jobs.slots[i];
    *out_more = count > 0;
    if (count == 0)
        return OK;
    enum err err = sql_begin(writer->db, SQL_WRITER, error);
    for (size_t i = 0; err == OK && i < count; i++)
        err = interrupt_one(writer, &jobs[i], error);
    if (err == OK)
        err = usage_book_write(&writer->usage, error);
    if (err == OK)
        err = sql_run(writer->db, "COMMIT", error);
    if (err != OK) {
        usage_book_on_rollback(&writer->usage);
        return err;
    }
    for (size_t i = 0; i < count; i++)
        open_jobs_remove(&writer->open_jobs, jobs[i].id);
    atomic_fetch_add(&store->figures.interrupted, (long long)count);
    return OK;
}
