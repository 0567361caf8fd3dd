/* gateway/repeat.c: see repeat.h, and ADR 0022 for what is promised.
 *
 * The value of the header is on no record. What is kept is a digest of (API key, value), and one of the whole request
 * under the value: who reads the database learns from neither what was asked, unless the value can be guessed.
 */
#include "gateway/repeat.h"

#include "base/log.h"
#include "store/idempotency.h"
#include "sys/clock.h"
#include "sys/keyed_digest.h"
#include "sys/pool.h"

#include <stdio.h>

#define DRAIN_MS 5000

static_assert((int)IDEMPOTENCY_NAME_BYTES == (int)KEYED_DIGEST_BYTES, "a name is a digest");

/* ---- reading ------------------------------------------------------------------------------------- */

static bool is_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] < 0x21 || value.at[i] > 0x7E)
            return false;
    return value.len > 0 && value.len <= REPEAT_VALUE_MAX;
}

/* What must be the same, besides the body. */
static struct str key_of(struct request *request, struct str value)
{
    AUTO_BUF struct buf text;
    char room[REPEAT_KEY_MAX];
    buf_init_in(&text, REPEAT_KEY_MAX, room, sizeof room);
    buf_append_str(&text, value);
    buf_printf(&text, "\n%s\n", endpoint_facts(request->endpoint)->name);
    buf_append_str(&text,
                   str_upto(request->pin, REPEAT_PIN_MAX)); /* no provider has a longer name */
    return text.failed ? STR("") : request_keep(request, buf_str(&text));
}

bool repeat_read(struct request *request, const struct http_head *head)
{
    size_t count = 0;
    struct str value = http_header_find(head, STR("idempotency-key"), &count);
    if (count == 0)
        return true;
    if (count > 1 || !is_value(value)) {
        request_fail(request, SAY_BAD_REQUEST, "bad_idempotency_key",
                     "Idempotency-Key must be there once, with 1 to 255 visible ASCII characters.");
        return false;
    }
    struct repeat *repeat = arena_alloc(&request->arena, sizeof *repeat);
    struct str key = key_of(request, value);
    if (!repeat || key.len == 0) {
        request_fail_for_memory(request);
        return false;
    }
    *repeat = (struct repeat){.key = key, .state = REPEAT_READ};
    str_copy(str_of(request->id), repeat->claim.job, sizeof repeat->claim.job);
    str_copy(str_of(request->principal->id), repeat->claim.owner, sizeof repeat->claim.owner);
    keyed_digest(value, str_of(request->principal->id), repeat->claim.name);
    request->repeat = repeat;
    return true;
}

void repeat_fingerprint(struct str key, struct str body,
                        uint8_t out_fingerprint[IDEMPOTENCY_NAME_BYTES])
{
    keyed_digest(key, body, out_fingerprint);
}

/* ---- claiming ------------------------------------------------------------------------------------ */

static void refuse(struct request *request, const struct idempotency_found *found)
{
    static const struct {
        enum say what;
        const char *reason, *sentence; /* of the job that has the name: its id comes before */
    } refusals[] = {
        [IDEMPOTENCY_RUNNING] = {SAY_KEY_IN_USE, "repeat_running",
                                 " with this Idempotency-Key still runs. Ask again in a moment."},
        [IDEMPOTENCY_SPENT] = {SAY_KEY_USED, "repeat_used",
                               " with this Idempotency-Key was answered, and the answer is not "
                               "kept any more (that of a stream never is). Look at that job, or "
                               "send the request under another key."},
        [IDEMPOTENCY_UNKNOWN] = {SAY_KEY_USED, "repeat_unknown",
                                 " with this Idempotency-Key was at a provider when the server "
                                 "stopped: whether it was answered there is not known. Look at "
                                 "that job, or send the request under another key."},
        [IDEMPOTENCY_DIFFERENT] = {SAY_KEY_REUSED, "repeat_differs",
                                   " had this Idempotency-Key for another request: body, endpoint "
                                   "or X-Auxot-Provider differ. Use a new key for a new request."},
        [IDEMPOTENCY_FULL_OF_ONE] = {SAY_RATE_LIMITED, "repeat_full",
                                     "This API key has as many Idempotency-Keys remembered as one "
                                     "may have. Leave the header out, or try again later."},
        [IDEMPOTENCY_FULL] = {SAY_RATE_LIMITED, "repeat_full",
                              "The server remembers as many Idempotency-Keys as it may. Leave the "
                              "header out, or try again later."},
        [IDEMPOTENCY_NOT_READY] = {SAY_OVERLOADED, "repeat_starting",
                                   "The server does not know at this moment which Idempotency-Keys "
                                   "were used: it has just started, or makes way for the next. Try "
                                   "again in a moment."},
        [IDEMPOTENCY_NO_MEMORY] = {SAY_OVERLOADED, "no_memory",
                                   "The server is out of memory; try again."},
    };
    char sentence[320];
    snprintf(sentence, sizeof sentence, "%s%s%s", found->job[0] ? "Job " : "", found->job,
             refusals[found->verdict].sentence);
    request_fail(request, refusals[found->verdict].what, refusals[found->verdict].reason, sentence);
}

/* The answer of the first, to one who is no job: that job's record is the record of both. */
static void replay(struct request *request, struct kept_answer *answer)
{
    struct kept_parts parts = kept_answer_parts(answer);
    struct gateway_loop *gl = request->gl;
    request->is_closed = true;
    count_up(&gl->counters[COUNT_REPLAYED], 1);
    count_up(&gl->by_endpoint[request->endpoint][parts.status / 100 % 6], 1);
    exchange_answer(TAKE(request->exchange), parts.status, parts.headers, parts.content_type,
                    parts.body);
    kept_answer_unref(answer);
    request_finish(request);
}

bool repeat_begin(struct request *request)
{
    struct repeat *repeat = request->repeat;
    struct gateway *gateway = request->gl->gateway;
    struct idempotency_found found;
    if (!repeat)
        return true;
    idempotency_claim(gateway->idempotency, &repeat->claim, loop_now_ms(request->gl->loop), &found);
    switch (found.verdict) {
    case IDEMPOTENCY_FIRST: repeat->state = REPEAT_CLAIMED; return true;
    case IDEMPOTENCY_ANSWERED: replay(request, found.answer); return false;
    case IDEMPOTENCY_NOT_READY: repeat_recall(gateway); break;
    default: break;
    }
    refuse(request, &found);
    return false;
}

/* ---- ending -------------------------------------------------------------------------------------- */

void repeat_answered(struct request *request)
{
    struct repeat *repeat = request->repeat;
    struct trial *trial = &request->trial;
    if (!repeat || repeat->state != REPEAT_CLAIMED)
        return;
    AUTO_BUF struct buf headers;
    buf_init(&headers, HEADERS_MAX);
    answer_names_write(request, &headers);
    buf_append_str(&headers, trial->extra_headers);
    buf_append_lit(&headers, "x-auxot-replayed: 1\r\n");
    const struct kept_parts parts = {.status = trial->status,
                                     .headers = buf_str(&headers),
                                     .content_type = answer_type(request),
                                     .body = buf_str(&trial->held)};
    repeat->state = REPEAT_SETTLED; /* without memory the name is spent all the same */
    idempotency_answer(request->gl->gateway->idempotency, &repeat->claim,
                       headers.failed ? NULL : kept_answer_new(&parts),
                       loop_now_ms(request->gl->loop));
}

void repeat_ended(struct request *request, bool was_answered)
{
    struct repeat *repeat = request->repeat;
    struct idempotency *names = request->gl->gateway->idempotency;
    if (!repeat || repeat->state != REPEAT_CLAIMED)
        return;
    repeat->state = REPEAT_SETTLED;
    if (was_answered)
        idempotency_spend(names, &repeat->claim, loop_now_ms(request->gl->loop));
    else
        idempotency_release(names, &repeat->claim);
}

void repeat_write(const struct request *request, char room[IDEMPOTENCY_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    const struct repeat *repeat = request->repeat;
    if (!repeat || repeat->state == REPEAT_READ)
        return;
    for (size_t i = 0; i < 2 * IDEMPOTENCY_NAME_BYTES; i++) {
        uint8_t byte = i < IDEMPOTENCY_NAME_BYTES
                           ? repeat->claim.name[i]
                           : repeat->claim.fingerprint[i - IDEMPOTENCY_NAME_BYTES];
        room[2 * i] = digits[byte >> 4];
        room[2 * i + 1] = digits[byte & 15];
    }
    room[4 * IDEMPOTENCY_NAME_BYTES] = '\0';
}

/* ---- the start ----------------------------------------------------------------------------------- */

struct recall {
    struct pool_work work;
    struct gateway *gateway;
    int64_t wall_ms, now_ms;
    int64_t restored, left_out;
};

/* What repeat_write wrote. */
static bool claim_read(const struct idempotency_row *row, struct idempotency_claim *out_claim)
{
    *out_claim = (struct idempotency_claim){0};
    str_copy(str_of(row->owner), out_claim->owner, sizeof out_claim->owner);
    str_copy(str_of(row->job), out_claim->job, sizeof out_claim->job);
    for (size_t i = 0; i < 2 * IDEMPOTENCY_NAME_BYTES; i++) {
        int high = str_hex_digit(row->text[2 * i]);
        int low = high < 0 ? -1 : str_hex_digit(row->text[2 * i + 1]);
        if (low < 0)
            return false;
        uint8_t *to = i < IDEMPOTENCY_NAME_BYTES
                          ? &out_claim->name[i]
                          : &out_claim->fingerprint[i - IDEMPOTENCY_NAME_BYTES];
        *to = (uint8_t)(high * 16 + low);
    }
    return true;
}

/* In the order of time: where a name was released and taken again, the later job has it. */
static void on_row(void *arg, const struct idempotency_row *row)
{
    struct recall *recall = arg;
    struct idempotency_claim claim;
    bool was_answered = row->status == JOB_DONE || row->first_byte_ms >= 0;
    /* Nobody of this life has a name yet: what is open runs at the server that this one takes over from. */
    bool is_unknown = row->status == JOB_INTERRUPTED || row->status == JOB_OPEN;
    if ((!was_answered && !is_unknown) || !claim_read(row, &claim))
        return;
    /* The window runs from the end of the job, and for one that nobody saw end from here. */
    int64_t ended_ms = row->created_at_ms + (row->duration_ms > 0 ? row->duration_ms : 0);
    int64_t age_ms = is_unknown ? 0 : recall->wall_ms - ended_ms;
    bool is_restored = idempotency_restore(recall->gateway->idempotency, &claim, is_unknown, age_ms,
                                           recall->now_ms);
    recall->restored += is_restored;
    recall->left_out += !is_restored;
}

static void read_names(struct recall *recall)
{
    struct gateway *gateway = recall->gateway;
    struct store *store = gateway->options.store;
    struct error error = {0};
    /* A job that began so long ago may have ended within the window. */
    int64_t longest_ms = gateway->options.idempotency_ms + gateway->tuning.job_timeout_ms;
    recall->wall_ms = clock_wall_ms();
    recall->now_ms = clock_monotonic_ms();
    enum err err = store_drain(store, DRAIN_MS); /* what a crash left, and closed as interrupted */
    if (err == OK)
        err = store_idempotency_each(store, recall->wall_ms - longest_ms, on_row, recall, &error);
    if (err != OK) {
        log_warn("idempotency_not_read", "why=\"%s\"",
                 error.text[0] ? error.text : "the journal is not in the tables yet");
        return; /* the next request under a key asks again */
    }
    if (recall->left_out > 0)
        log_warn("idempotency_full", "left_out=%lld", (long long)recall->left_out);
    idempotency_open(gateway->idempotency);
}

static void on_work(struct pool_work *work, struct json_reader *reader, bool is_stopping)
{
    (void)reader;
    struct recall *recall = LIST_OWNER(work, struct recall, work);
    struct gateway *gateway = recall->gateway;
    if (!is_stopping)
        read_names(recall);
    mem_free(recall);
    atomic_store(&gateway->is_recalling, false);
}

void repeat_recall(struct gateway *gateway)
{
    if (idempotency_is_open(gateway->idempotency) || atomic_exchange(&gateway->is_recalling, true))
        return;
    struct recall *recall = mem_zalloc(1, sizeof *recall);
    if (recall) {
        recall->work.run = on_work;
        recall->gateway = gateway;
    }
    if (recall && gateway->offload && gateway->offload(gateway->offload_arg, &recall->work))
        return;
    mem_free(recall);
    atomic_store(&gateway->is_recalling, false);
}

void repeat_leave(struct gateway *gateway)
{
    atomic_store(&gateway->is_recalling, true); /* there is no store to ask any more */
    idempotency_shut(gateway->idempotency);
}

void repeat_return(struct gateway *gateway)
{
    idempotency_open(gateway->idempotency); /* it knows them all: none was given meanwhile */
    atomic_store(&gateway->is_recalling, false);
}
