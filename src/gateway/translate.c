/* gateway/translate.c: see translate.h. */
#include "gateway/translate.h"

#include "gateway/thinking.h"
#include "sys/clock.h"
#include "sys/envelope.h"
#include "sys/pool.h"

#include <stdio.h>

#define AWAY_BYTES       (1u << 20)
#define PROMPT_ARENA_MAX (64u << 20) /* of a 32 MiB body full of tiny parts */
#define NAMES_ARENA_MAX  (1u << 20)
#define BODY_MAX         (64u << 20)

/* ---- sealed thinking ------------------------------------------------------------------------- */

static bool seal(void *arg, struct str plain, struct buf *out)
{
    const struct keeper *keeper = arg;
    return envelope_seal(keeper->gateway->options.vault, plain, out) == OK;
}

static bool unseal(void *arg, struct str sealed, struct buf *out)
{
    const struct keeper *keeper = arg;
    return envelope_open(keeper->gateway->options.vault, sealed, out) == OK;
}

/* The same content of another caller has another name. */
static bool name_turn(const struct keeper *keeper, struct str content, struct thinking_name *out)
{
    AUTO_BUF struct buf whole;
    buf_init(&whole, 64u * 1024);
    buf_puts(&whole, keeper->caller);
    buf_putc(&whole, '\n');
    buf_append_str(&whole, content);
    if (!whole.failed)
        vault_turn_name(keeper->gateway->options.vault, buf_str(&whole), out->bytes);
    return !whole.failed;
}

static void keep(void *arg, struct str content, struct str envelopes)
{
    const struct keeper *keeper = arg;
    struct thinking_name name;
    if (name_turn(keeper, content, &name))
        thinking_keep(keeper->gateway->thinking, &name, envelopes, clock_monotonic_ms());
}

static bool recall(void *arg, struct str content, struct buf *out)
{
    const struct keeper *keeper = arg;
    struct thinking_name name;
    return name_turn(keeper, content, &name) &&
           thinking_recall(keeper->gateway->thinking, &name, clock_monotonic_ms(), out);
}

/* ---- the work, on whatever thread ------------------------------------------------------------ */

/* One body to translate. Everything that it reads stays where it is meanwhile. */
struct prompt_work {
    struct prompt_options options;
    struct str body;
    char model[256];
    struct translation *translation; /* its names, fidelity and body are filled */
    enum err err;
    struct error error;
};

static void do_work(struct prompt_work *work, struct json_reader *reader,
                    struct json_reader *scratch)
{
    struct arena arena;
    arena_init(&arena, PROMPT_ARENA_MAX);
    work->options.reader = reader;
    work->options.scratch = scratch;
    work->options.arena = &arena;
    work->options.sealer = &work->translation->sealer;
    work->err =
        prompt_translate(&work->options, work->body, &work->translation->body, &work->error);
    arena_release(&arena);
}

static void prepare(const struct request *request, struct prompt_work *work)
{
    const struct trial *trial = &request->trial;
    struct translation *translation = trial->translation;
    *work = (struct prompt_work){
        .options = {.from = request->endpoint,
                    .to = trial->asked,
                    .names = &translation->names,
                    .fidelity = &translation->fidelity,
                    .is_stream = request->facts.stream,
                    .is_padded = true},
        .body = buf_str(&request->body),
        .translation = translation,
    };
    str_copy(trial->model, work->model, sizeof work->model);
    work->options.target = (struct prompt_target){
        .quirks = trial->quirks,
        .max_output_tokens = trial->max_output_tokens,
        .has_ceiling = trial->ceiling >= 0,
        .ceiling = trial->ceiling,
    };
}

/* ---- away, and back -------------------------------------------------------------------------- */

struct away_translation {
    struct pool_work pool_work;
    struct loop_message done;
    struct loop *loop;
    struct request *request; /* the loop's; NULL once the request, or its try, has ended */
    struct prompt_work work;
    struct buf body; /* the request's, for the time being */
    size_t charged;
};

static void on_pool(struct pool_work *pool_work, struct json_reader *unused, bool is_stopping)
{
    (void)unused; /* the thread's own reader would stay as large as this body */
    struct away_translation *away = LIST_OWNER(pool_work, struct away_translation, pool_work);
    struct json_reader *reader = NULL, *scratch = NULL;
    away->work.err = ERR_NO_MEMORY;
    away->work.options.target.model = str_of(away->work.model);
    if (!is_stopping && json_reader_new(away->body.len + 1, &reader) == OK &&
        json_reader_new(away->body.len + 1, &scratch) == OK)
        do_work(&away->work, reader, scratch);
    json_reader_free(reader);
    json_reader_free(scratch);
    loop_post(away->loop, &away->done);
}

static enum translated conclude(struct request *request, const struct prompt_work *work);

static void on_back(struct loop_message *message)
{
    struct away_translation *away = LIST_OWNER(message, struct away_translation, done);
    struct translation *translation = away->work.translation;
    struct request *request = away->request;
    translation->away = NULL;
    if (request) {
        request->body = away->body;
        request->body_charged = away->charged;
        attempt_translated(request, conclude(request, &away->work));
    } else {
        buf_release(&away->body);
        body_budget_return(away->charged);
        translation_free(translation);
    }
    mem_free(away);
}

static bool send_away(struct request *request)
{
    const struct gateway *gateway = request->gl->gateway;
    struct away_translation *away = gateway->offload ? mem_zalloc(1, sizeof *away) : NULL;
    if (!away)
        return false;
    prepare(request, &away->work);
    away->pool_work.run = on_pool;
    away->done.run = on_back;
    away->loop = request->gl->loop;
    away->request = request;
    away->body = request->body;
    away->charged = request->body_charged;
    if (!gateway->offload(gateway->offload_arg, &away->pool_work)) {
        mem_free(away);
        return false; /* the threads are busy or gone: here, then */
    }
    request->trial.translation->away = away;
    request->body = (struct buf){0};
    request->body_charged = 0;
    return true;
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool make_answer(struct request *request)
{
    struct trial *trial = &request->trial;
    struct translation *translation = trial->translation;
    struct answer_options options = {
        .from = trial->asked,
        .to = request->endpoint,
        .is_stream = request->facts.stream,
        .key = request->id + strlen("job_"),
        .model = trial->model,
        .created_s = request->created_at_ms / 1000,
        .wants_usage = request->facts.wants_usage,
        .names = &translation->names,
        .sealer = &translation->sealer,
        .fidelity = &translation->fidelity,
    };
    return answer_translation_new(&options, &translation->answer) == OK;
}

/* This provider cannot be asked; the caller hears why if nobody else can be. */
static enum translated unfit(struct request *request, const char *reason, const char *sentence)
{
    request->unfit_reason = reason;
    request->unfit_sentence = request_keep(request, str_of(sentence)).at;
    return TRANSLATED_UNFIT;
}

static enum translated conclude(struct request *request, const struct prompt_work *work)
{
    const struct translation *translation = request->trial.translation;
    if (work->err == ERR_MALFORMED)
        return unfit(request, "bad_request", work->error.text);
    if (work->err != OK)
        return TRANSLATED_FAILED;
    const char *loss = request->is_strict ? fidelity_loss(&translation->fidelity) : NULL;
    if (loss) {
        char sentence[300];
        (void)snprintf(sentence, sizeof sentence,
                       "X-Auxot-Strict: the provider's dialect cannot carry \"%s\" as it stands. "
                       "Leave the field or the header out, or pin a provider of this dialect.",
                       loss);
        return unfit(request, "strict_loss", sentence);
    }
    return make_answer(request) ? TRANSLATED_READY : TRANSLATED_FAILED;
}

enum translated translate_request(struct request *request)
{
    struct trial *trial = &request->trial;
    struct gateway_loop *gl = request->gl;
    struct translation *translation = mem_zalloc(1, sizeof *translation);
    if (!translation)
        return TRANSLATED_FAILED;
    trial->translation = translation;
    arena_init(&translation->arena, NAMES_ARENA_MAX);
    tool_names_init(&translation->names, &translation->arena,
                    dialect_facts(trial->asked)->tool_name_bytes);
    buf_init(&translation->body, BODY_MAX);
    translation->keeper.gateway = gl->gateway;
    str_copy(str_of(request->principal->id), translation->keeper.caller,
             sizeof translation->keeper.caller);
    translation->sealer = (struct sealer){&translation->keeper, seal, unseal, keep, recall};
    if (request->body.len >= AWAY_BYTES && send_away(request))
        return TRANSLATED_AWAY;
    struct prompt_work work;
    prepare(request, &work);
    work.options.target.model = str_of(work.model);
    do_work(&work, gl->body_reader, gl->scratch_reader);
    return conclude(request, &work);
}

void translation_release_body(struct translation *translation)
{
    if (translation)
        buf_release(&translation->body);
}

void translation_free(struct translation *translation)
{
    if (!translation)
        return;
    if (translation->away) { /* it frees this when it is back */
        translation->away->request = NULL;
        return;
    }
    answer_translation_free(translation->answer);
    buf_release(&translation->body);
    arena_release(&translation->arena);
    mem_free(translation);
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* `before`: what stood in gl->translated already, and is the caller's all the same. */
static bool check(struct request *request, enum err err, size_t before)
{
    struct buf *out = &request->gl->translated;
    if (err == OK)
        return true;
    out->len = before;
    out->failed = false;
    relay_flush(request);
    if (err == ERR_NO_MEMORY)
        request_fail_for_memory(request);
    else
        attempt_broken(request, "answer_untranslatable",
                       "the provider's answer has more at one time than can be translated");
    return false;
}

bool translate_event(struct request *request, const struct sse_event *event, struct json root)
{
    struct gateway_loop *gl = request->gl;
    struct trial *trial = &request->trial;
    size_t before = gl->translated.len;
    enum err err = answer_translate_event(trial->translation->answer, event, gl->event_reader, root,
                                          gl->scratch_reader, &trial->meter.usage, &gl->translated);
    return check(request, err, before);
}

bool translate_end(struct request *request)
{
    struct gateway_loop *gl = request->gl;
    struct trial *trial = &request->trial;
    size_t before = gl->translated.len;
    enum err err = answer_translate_end(trial->translation->answer, gl->scratch_reader,
                                        &trial->meter.usage, &gl->translated);
    return check(request, err, before);
}

bool translate_plain(struct request *request, struct json root)
{
    struct gateway_loop *gl = request->gl;
    struct trial *trial = &request->trial;
    enum err err =
        answer_translate_plain(trial->translation->answer, gl->event_reader, buf_str(&trial->held),
                               root, gl->scratch_reader, &trial->meter.usage, &gl->translated);
    return check(request, err, 0);
}
