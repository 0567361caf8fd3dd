/* gateway/record.c: what is written down of a request, and when.
 *
 * The open record goes to the journal before the first byte goes upstream; a progress record at each
 * further attempt; the close record before the client gets the terminal event. Each holds the whole of
 * what is known, so the job row is built afresh on the stack each time and costs an open stream nothing.
 *
 * A busy loop finds dozens of sockets ready in one turn, and writing the journal for each of their requests
 * is a tenth of what a small one costs. So open records, and the close records of plain answers, are put
 * together and written once behind the last of them; then the requests go on. On an idle loop a turn has
 * one request, which waits for nobody.
 */
#include "gateway/repeat.h"
#include "gateway/translate.h"
#include "base/log.h"
#include "store/job_answer.h"
#include "sys/clock.h"

#include <assert.h>

/* Between arrays of one size no length is asked for. */
#define COPY_TEXT(to, from)                                         \
    do {                                                            \
        static_assert(sizeof(to) == sizeof(from), "of one length"); \
        memcpy(to, from, sizeof(to));                               \
    } while (0)

static void fill_attempt(struct attempt_record *out, const struct attempt_note *note, int seq)
{
    *out = (struct attempt_record){.seq = seq,
                                   .http_status = note->http_status,
                                   .started_at_ms = note->started_at_ms,
                                   .first_byte_ms = note->first_byte_ms,
                                   .ended_at_ms = note->ended_at_ms,
                                   .input_tokens = note->usage.input_tokens,
                                   .output_tokens = note->usage.output_tokens,
                                   .cached_tokens = note->usage.cached_tokens,
                                   .cost_microusd = note->cost_microusd,
                                   .is_estimated = note->usage.is_estimated};
    str_copy(str_of(tier_name(provider_kind_tier(note->provider->kind))), out->tier,
             sizeof out->tier);
    str_copy(str_of(note->provider->id), out->provider_id, sizeof out->provider_id);
    str_copy(str_of(note->provider->name), out->provider_name, sizeof out->provider_name);
    str_copy(note->model, out->model, sizeof out->model);
    str_copy(str_of(note->worker), out->worker, sizeof out->worker);
    str_copy(str_of(note->outcome), out->outcome, sizeof out->outcome);
    str_copy(str_of(note->chosen), out->chosen, sizeof out->chosen);
    COPY_TEXT(out->reason, note->reason);
}

/* As many whole notes as there is room for. */
static void fill_fidelity(const struct translation *translation, char *room, size_t room_bytes)
{
    AUTO_BUF struct buf notes;
    buf_init(&notes, 4096);
    fidelity_write(&translation->fidelity, &notes);
    struct str text = buf_str(&notes);
    if (text.len >= room_bytes) {
        text = str_upto(text, room_bytes - sizeof ",more");
        while (text.len && text.at[text.len - 1] != ',')
            text.len--;
        notes.len = text.len;
        buf_append_lit(&notes, "more");
        text = buf_str(&notes);
    }
    str_copy(text, room, room_bytes);
}

/* With this, and who asked, rehearsals route the job again. And what it took of our own time so far. */
static void fill_shape(const struct request *request, struct job_record *out)
{
    bool is_read = request->facts.model.len > 0;
    out->needs = is_read ? (int64_t)request_needs(request) : -1;
    out->prompt_tokens = is_read ? request_least_tokens(request) : -1;
    str_copy(request->pin, out->pin, sizeof out->pin);
    out->is_batch = request->is_batch;
    out->is_admin = request->principal->role >= ROLE_ADMIN;
    out->wait_ms = request->wait_ms;
    for (int i = 0; i < PHASE_COUNT; i++)
        out->phase_us[i] = receipt_us(&request->receipt, (enum receipt_phase)i);
}

static int64_t ms_since_start(const struct request *request, int64_t at_ns)
{
    return at_ns ? (at_ns - request->created_ns) / NS_PER_MS : -1;
}

/* Attempts that were not made stay as they are: they are not written. */
static void fill(const struct request *request, struct job_record *out)
{
    memset(out, 0, offsetof(struct job_record, attempt));
    usage_init(&out->usage);
    COPY_TEXT(out->id, request->id);
    str_copy(str_of(dialect_name(request->dialect)), out->dialect, sizeof out->dialect);
    str_copy(str_of(endpoint_facts(request->endpoint)->name), out->endpoint, sizeof out->endpoint);
    str_copy(STR("api"), out->source, sizeof out->source);
    str_copy(request->facts.model, out->requested_model, sizeof out->requested_model);
    COPY_TEXT(out->key_id, request->principal->id);
    COPY_TEXT(out->key_name, request->principal->name);
    if (request->principal->team)
        COPY_TEXT(out->team, request->principal->team->id);
    COPY_TEXT(out->user, request->principal->user);
    out->is_stream = request->facts.stream;
    out->created_at_ms = request->created_at_ms;
    out->queued_ms = request->attempt_count
                         ? (request->notes[0]->started_ns - request->created_ns) / NS_PER_MS
                         : -1;
    out->first_byte_ms = ms_since_start(request, request->first_byte_ns);
    out->duration_ms = -1;
    out->cost_microusd = COST_UNKNOWN;
    out->config_version = request_snapshot(request)->version;
    fill_shape(request, out);
    out->bytes_in = (int64_t)request->body_bytes;
    out->bytes_out = request->bytes_out;
    if (request->trial.translation)
        fill_fidelity(request->trial.translation, out->fidelity, sizeof out->fidelity);
    else if (request->trial.is_lowered)
        str_copy(STR("changed:max_tokens"), out->fidelity, sizeof out->fidelity);
    repeat_write(request, out->idempotency);
    out->attempt_count = request->attempt_count;
    for (int i = 0; i < request->attempt_count; i++)
        fill_attempt(&out->attempt[i], request->notes[i], i + 1);
}

/* An attempt begins, and this may be the last that is heard of it: then what it may have cost is what it cost. */
static void fill_stake(const struct request *request, struct job_record *record)
{
    struct attempt_record *attempt = &record->attempt[record->attempt_count - 1];
    assert(record->attempt_count > 0 && !attempt->outcome[0]);
    attempt->cost_microusd = admission_at_stake(request);
    attempt->is_estimated = attempt->cost_microusd >= 0;
}

enum err record_open(struct request *request, struct error *error)
{
    request->receipt.record_from = clock_monotonic_ns(); /* until it is written: record_turn */
    UNSET struct job_record record;
    fill(request, &record);
    passed_write(request, request->trial.rank, record.passed_over, sizeof record.passed_over);
    fill_stake(request, &record);
    enum err err = journal_put(request->gl->journal, RECORD_OPEN, false, &record, error);
    request->is_opened = err == OK;
    return err;
}

void record_progress(struct request *request)
{
    int64_t from_ns = clock_monotonic_ns();
    UNSET struct job_record record;
    UNSET struct error error;
    fill(request, &record);
    passed_write(request, request->trial.rank, record.passed_over, sizeof record.passed_over);
    fill_stake(request, &record);
    if (journal_append(request->gl->journal, RECORD_PROGRESS, true, &record, &error) != OK)
        log_warn("record_progress_lost", "job=%s why=\"%s\"", request->id, error.text);
    (void)receipt_since(&request->receipt, PHASE_RECORD, from_ns);
}

/* Who answered: the provider of the last attempt, when it was the one the client heard. */
static void fill_answer(const struct request *request, struct job_record *record)
{
    const struct trial *trial = &request->trial;
    if (!trial->provider || record->status == JOB_REFUSED || !request->is_answered)
        return;
    str_copy(str_of(trial->provider->id), record->provider_id, sizeof record->provider_id);
    str_copy(str_of(trial->provider->name), record->provider_name, sizeof record->provider_name);
    str_copy(trial->model, record->model, sizeof record->model);
}

/* Before whom? When nobody answered, everybody who was left out was passed over. */
static void fill_passed(const struct request *request, struct job_record *record)
{
    bool is_unasked = request->attempt_count == 0;
    bool is_nobody = is_unasked || (record->status == JOB_FAILED && !request->is_answered);
    record->passed_over[0] = '\0';
    if (is_unasked && !request->is_looked_for)
        return; /* a limit, say: nobody was going to be asked */
    passed_write(request, is_nobody ? SIZE_MAX : request->trial.rank, record->passed_over,
                 sizeof record->passed_over);
}

/* Adds what is known to what is known. */
static void add_known(int64_t *sum, int64_t more)
{
    if (more >= 0)
        *sum = more + (*sum > 0 ? *sum : 0);
}

/* The bill is the sum of the attempts, each posted once; what failed ones took is told apart. */
static void fill_bill(const struct request *request, struct job_record *record)
{
    for (int i = 0; i < request->attempt_count; i++) {
        const struct attempt_note *note = request->notes[i];
        const struct usage *usage = &note->usage;
        bool has_tokens = usage->input_tokens >= 0 || usage->output_tokens >= 0;
        add_known(&record->usage.input_tokens, usage->input_tokens);
        add_known(&record->usage.output_tokens, usage->output_tokens);
        add_known(&record->usage.cached_tokens, usage->cached_tokens);
        add_known(&record->usage.cache_write_tokens, usage->cache_write_tokens);
        add_known(&record->usage.reasoning_tokens, usage->reasoning_tokens);
        add_known(&record->cost_microusd, note->cost_microusd);
        record->usage.is_estimated |= usage->is_estimated;
        record->is_unpriced |= has_tokens && note->cost_microusd < 0;
        if (note->outcome && strcmp(note->outcome, "failed") == 0)
            add_known(&record->wasted_microusd, note->cost_microusd);
    }
}

/* What is counted of its limits: all tokens that are known; where a provider answered and told none, what was reserved
 * (-1). */
static int64_t tokens_that_count(const struct request *request, const struct job_record *record)
{
    int64_t input = record->usage.input_tokens, output = record->usage.output_tokens;
    if (request->endpoint == ENDPOINT_COUNT_TOKENS)
        return 0;
    if (input < 0 && output < 0)
        return record->status == JOB_DONE ? -1 : 0;
    return (input > 0 ? input : 0) + (output > 0 ? output : 0);
}

static void log_end(const struct request *request, const struct job_record *record)
{
    bool has_failed = record->status == JOB_FAILED;
    if (!log_is_on(LOG_DEBUG) && !has_failed)
        return;
    AUTO_BUF struct buf line;
    buf_init(&line, ANSWER_LINE_MAX);
    job_answer_line(record, &line);
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] == '"')
            line.data[i] = '\''; /* of a name */
    log_line(has_failed ? LOG_WARN : LOG_DEBUG, "job",
             "id=%s status=%s reason=%s provider=%s attempts=%d ms=%lld answer=\"%.*s\"",
             record->id, job_status_name(record->status), record->reason,
             request->trial.provider ? request->trial.provider->slug : "-", record->attempt_count,
             (long long)record->duration_ms, STR_ARG(buf_str(&line)));
}

typedef enum err journal_way(struct journal *journal, enum record_kind kind, bool was_opened,
                             const struct job_record *record, struct error *error);

static void close_by(journal_way *way, struct request *request, enum job_status status,
                     const char *reason, int http_status)
{
    if (request->is_closed || !request->principal)
        return;
    request->is_closed = true;
    receipt_relay(&request->receipt);
    request->receipt.relay_from = 0;
    request->receipt.record_from = clock_monotonic_ns(); /* of what was put, until it is written */
    struct gateway_loop *gl = request->gl;
    UNSET struct job_record record;
    UNSET struct error error;
    fill(request, &record);
    record.status = status;
    record.http_status = http_status;
    record.duration_ms = ms_since_start(request, loop_now_ns(gl->loop));
    str_copy(str_of(reason), record.reason, sizeof record.reason);
    fill_answer(request, &record);
    fill_passed(request, &record);
    fill_bill(request, &record);
    if (way(gl->journal, RECORD_CLOSE, request->is_opened, &record, &error) != OK)
        log_error("record_close_lost", "job=%s why=\"%s\"", request->id, error.text);
    feed_tell_job(gl->gateway->feed, &record, gl->lease->snapshot);
    otlp_tell_job(gl->gateway->otlp, request, &record);
    admission_settle(request, tokens_that_count(request, &record),
                     record.cost_microusd > 0 ? record.cost_microusd : 0);
    if (status == JOB_FAILED)
        outcomes_failed(&gl->gateway->outcomes, record.reason, loop_now_ms(gl->loop));
    repeat_ended(request, status == JOB_DONE || request->first_byte_ns > 0);
    count_up(&gl->counters[status == JOB_DONE        ? COUNT_DONE
                           : status == JOB_CANCELLED ? COUNT_CANCELLED
                           : status == JOB_REFUSED   ? COUNT_REFUSED
                                                     : COUNT_FAILED],
             1);
    int class = http_status / 100;
    count_up(&gl->by_endpoint[request->endpoint][class >= 0 && class <= 5 ? class : 0], 1);
    if (record.usage.input_tokens > 0)
        count_up(&gl->tokens_in, record.usage.input_tokens);
    if (record.usage.output_tokens > 0)
        count_up(&gl->tokens_out, record.usage.output_tokens);
    log_end(request, &record);
}

void record_close(struct request *request, enum job_status status, const char *reason,
                  int http_status)
{
    close_by(journal_append, request, status, reason, http_status);
}

void record_close_put(struct request *request, enum job_status status, const char *reason,
                      int http_status)
{
    close_by(journal_put, request, status, reason, http_status);
}

void record_refused(struct request *request, const char *reason, int http_status)
{
    record_close(request, JOB_REFUSED, reason, http_status);
}

/* ---- one write a turn ------------------------------------------------------------------------- */

void record_await(struct request *request,
                  void (*on_recorded)(struct request *request, enum err err,
                                      const struct error *error))
{
    struct gateway_loop *gl = request->gl;
    request->on_recorded = on_recorded;
    list_push_back(&gl->recording, &request->recording);
    if (!gl->is_record_queued)
        loop_defer(gl->loop, &gl->record_message);
    gl->is_record_queued = true;
}

void record_turn(struct loop_message *message)
{
    struct gateway_loop *gl = LIST_OWNER(message, struct gateway_loop, record_message);
    struct list written;
    struct error error = {0};
    enum err err = journal_write(gl->journal, &error);
    gl->is_record_queued = false;
    list_move(&gl->recording, &written); /* whoever comes now was not in this write */
    while (!list_is_empty(&written)) {
        struct request *request = LIST_OWNER(written.next, struct request, recording);
        list_unlink(&request->recording);
        (void)receipt_since(&request->receipt, PHASE_RECORD, request->receipt.record_from);
        request->on_recorded(request, err, &error);
    }
}
