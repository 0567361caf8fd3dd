/* worker/cli_run.c: start, lines, hand-over, end of one process. */
#include "worker/cli_run.h"

#include "base/log.h"
#include "sys/clock.h"
#include "sys/random.h"

#include <stdio.h>

#define MS_NS     INT64_C(1000000)
#define PING_MS   15000
#define POLITE_MS 500  /* between the tool's own way to stop and SIGTERM */
#define LEAVE_MS  3000 /* for a tool whose work is done to end by itself */

/* ---- state -------------------------------------------------------------------------------------------------- */

static void tell_changed(struct cli *cli)
{
    if (cli->front.on_changed)
        cli->front.on_changed(cli->front.changed_arg);
}

/* The only writer of `state`. Nothing comes back from ENDING. */
static void turn(struct run *run, enum run_state state)
{
    struct cli *cli = run->cli;
    if (run->state == state || run->state == RUN_ENDING)
        return;
    cli->counts[run->state]--;
    list_unlink(&run->node);
    run->state = state;
    cli->counts[state]++;
    list_push_back(&cli->runs[state], &run->node);
    tell_changed(cli);
}

static int64_t in_ms(const struct run *run, int64_t ms)
{
    return loop_now_ns(run->cli->options.loop) + ms * MS_NS;
}

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

/* ---- the end -------------------------------------------------------------------------------------------------- */

/* The process is asked, then told, then made to go; run_free follows when it has gone. */
static void end(struct run *run, bool is_at_work)
{
    if (run->state == RUN_ENDING)
        return;
    turn(run, RUN_ENDING);
    deadline_clear(&run->limit);
    deadline_clear(&run->ping);
    if (is_at_work) {
        talk_interrupt(&run->talk);
        cli_process_write(run->process, &run->talk.out);
    }
    cli_process_pause(run->process, false);
    cli_process_close_input(run->process);
    int64_t grace_ms = run->talk.tool->interrupt ? POLITE_MS : 0;
    cli_process_stop(run->process, is_at_work ? grace_ms : LEAVE_MS);
}

void run_drop(struct run *run)
{
    end(run, true);
}

void run_free(struct run *run)
{
    struct cli *cli = run->cli;
    cli->counts[run->state]--;
    list_unlink(&run->node);
    cli_process_free(run->process);
    deadline_release(&run->limit);
    deadline_release(&run->ping);
    if (run->answer.exchange)
        exchange_abort(run->answer.exchange, false);
    cli_answer_release(&run->answer);
    talk_release(&run->talk);
    cli_request_release(&run->request);
    scratch_remove(run->dirs.dir);
    if (run->litter)
        scratch_remove(run->litter);
    mem_free(run->litter);
    cli->places[run->place] = false;
    mem_free(run);
}

/* ---- the answer ----------------------------------------------------------------------------------------------- */

static void note_limit(struct run *run)
{
    const struct talk_trouble *trouble = &run->talk.trouble;
    struct cli *cli = run->cli;
    if (trouble->status != 429)
        return;
    int64_t wait_s = trouble->wait_s ? trouble->wait_s : CLI_RETRY_AFTER_S;
    cli->limit_until_s = trouble->resets_at_s > now_s() ? trouble->resets_at_s : now_s() + wait_s;
    if (trouble->is_quota)
        cli->quota_until_s = cli->limit_until_s;
    log_warn("over_quota", "tool=%s until=%lld", cli->options.tool->name,
             (long long)cli->limit_until_s);
    tell_changed(cli);
}

/* The caller is told why. The log is not: what a tool and its provider say may quote the prompt. */
static void fail(struct run *run)
{
    const struct talk_trouble *trouble = &run->talk.trouble;
    log_info("job_failed", "tool=%s status=%d stderr_bytes=%zu", run->cli->options.tool->name,
             trouble->status, cli_process_stderr(run->process).len);
    note_limit(run);
    cli_answer_fail(&run->answer, trouble, now_s());
    cli_answer_release(&run->answer);
}

static void finish(struct run *run)
{
    cli_answer_finish(&run->answer, run->talk.stop, &run->talk.usage);
    cli_answer_release(&run->answer);
    cli_request_release(&run->request);
}

static void wait_for_results(struct run *run)
{
    struct cli *cli = run->cli;
    finish(run);
    if (cli->options.waiting_max == 0 || cli->is_draining) {
        end(run, true);
        return;
    }
    if (cli->counts[RUN_WAITING] >= cli->options.waiting_max)
        run_drop(LIST_OWNER(cli->runs[RUN_WAITING].next, struct run, node)); /* the oldest */
    turn(run, RUN_WAITING);
    deadline_clear(&run->ping);
    deadline_set(&run->limit, in_ms(run, cli->options.tool_wait_ms));
}

/* After lines were heard: what they mean for caller and process. */
static void look(struct run *run)
{
    if (run->talk.out.len && !run->has_left)
        cli_process_write(run->process, &run->talk.out);
    if (run->state == RUN_WAITING && run->talk.state == TALK_FAILED) {
        end(run, false); /* it went on, or died: the caller's results will be replayed */
        return;
    }
    if (run->state != RUN_ANSWERING)
        return;
    switch (run->talk.state) {
    case TALK_GOING:
        cli_answer_flush(&run->answer);
        if (run->answer.exchange && exchange_pending(run->answer.exchange) > EXCHANGE_HIGH_BYTES)
            cli_process_pause(run->process, true);
        break;
    case TALK_HANDED_OVER: wait_for_results(run); break;
    case TALK_DONE:
        finish(run);
        end(run, false);
        break;
    case TALK_FAILED:
        fail(run);
        end(run, true);
        break;
    }
}

/* ---- what the process tells ------------------------------------------------------------------------------------- */

static void on_line(void *owner, struct str line)
{
    struct run *run = owner;
    if (run->state != RUN_ENDING)
        talk_line(&run->talk, line);
}

static void on_read(void *owner)
{
    look(owner);
}

static void on_ended(void *owner, int status)
{
    struct run *run = owner;
    run->has_left = true;
    if (run->state != RUN_ENDING) {
        talk_ended(&run->talk, status, cli_process_stderr(run->process));
        look(run);
    }
    run_free(run);
}

static const struct cli_process_ops process_ops = {
    .on_line = on_line, .on_read = on_read, .on_ended = on_ended};

/* ---- what the caller does ---------------------------------------------------------------------------------------- */

static void on_gone(void *owner)
{
    struct run *run = owner;
    run->answer.exchange = NULL;
    end(run, true);
}

static void on_drained(void *owner)
{
    struct run *run = owner;
    cli_process_pause(run->process, false);
}

static const struct exchange_ops exchange_ops = {.on_gone = on_gone, .on_drained = on_drained};

/* ---- time ---------------------------------------------------------------------------------------------------------- */

static void on_limit(struct deadline *deadline)
{
    struct run *run = LIST_OWNER(deadline, struct run, limit);
    if (run->state == RUN_ANSWERING) {
        talk_fail(&run->talk, 504, "%s had no answer within %lld s", run->cli->options.tool->name,
                  (long long)(run->cli->options.job_ms / 1000));
        look(run);
    } else {
        run_drop(run);
    }
}

static void on_ping(struct deadline *deadline)
{
    struct run *run = LIST_OWNER(deadline, struct run, ping);
    if (run->state != RUN_ANSWERING)
        return;
    cli_answer_ping(&run->answer);
    deadline_set(&run->ping, in_ms(run, PING_MS));
}

/* ---- begin ---------------------------------------------------------------------------------------------------------- */

static struct str session_of(const struct exchange *exchange)
{
    struct str name = http_header_find(exchange_head(exchange), STR("x-auxot-session"), NULL);
    return str_upto(name, CLI_SESSION_MAX - 1);
}

static void begin_answer(struct run *run)
{
    str_copy(session_of(run->answer.exchange), run->session, sizeof run->session);
    exchange_interim(run->answer.exchange, 102, STR("")); /* begun: from here on it costs */
    run->talk.on_event = cli_answer_take;
    run->talk.arg = &run->answer;
    run->talk.shows_thinking = run->request.wants_thinking;
    run->told = run->request.history_count;
    run->hash = cli_request_hash(&run->request, run->told);
    cli_request_slim(&run->request);
    deadline_set(&run->limit, in_ms(run, run->cli->options.job_ms));
    deadline_set(&run->ping, in_ms(run, PING_MS));
}

static void make_uuid(char uuid[37])
{
    uint8_t b[16];
    random_fill(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(uuid, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                   b[13], b[14], b[15]);
}

static int free_place(const struct cli *cli)
{
    int count = (int)(sizeof cli->places / sizeof cli->places[0]);
    for (int i = 0; i < count; i++)
        if (!cli->places[i])
            return i;
    return -1;
}

/* The tool's word for the model; NULL: there is no such model here. */
static const char *tool_model_of(const struct cli *cli, struct str id)
{
    for (size_t i = 0; i < cli->options.model_count; i++)
        if (str_eq(str_of(cli->options.models[i].id), id))
            return cli->options.models[i].tool_model;
    return NULL;
}

static enum err write_files(const struct cli_launch *launch, struct error *error)
{
    enum err err = OK;
    for (size_t i = 0; i < launch->file_count && err == OK; i++)
        err = scratch_write(launch->files[i].path, launch->files[i].content, error);
    return err;
}

static enum err launch_it(struct run *run, const struct cli_launch *launch, struct error *error)
{
    if (launch->litter && !(run->litter = mem_dup(launch->litter, strlen(launch->litter))))
        return error_set(error, ERR_NO_MEMORY, "no memory to start %s", run->talk.tool->name);
    enum err err = write_files(launch, error);
    if (err == OK)
        err = cli_process_start(&(struct cli_process_options){.loop = run->cli->options.loop,
                                                              .args = launch->args,
                                                              .env = launch->env,
                                                              .env_count = launch->env_count,
                                                              .dir = run->dirs.work,
                                                              .line_max_bytes = TALK_LINE_MAX},
                                &process_ops, run, &run->process, error);
    if (err != OK)
        return err;
    cli_process_write(run->process, &run->talk.out);
    if (run->talk.ends_input)
        cli_process_close_input(run->process);
    return OK;
}

static enum err start(struct run *run, struct error *error)
{
    struct cli *cli = run->cli;
    struct cli_launch launch;
    char uuid[37];
    const char *model = tool_model_of(cli, run->request.model);
    if (!model)
        return error_set(error, ERR_NOT_FOUND, "model: there is no '%.*s' here",
                         STR_ARG(str_upto(run->request.model, 100)));
    enum err err = talk_init(&run->talk, cli->options.tool, cli->bench.line)
                       ? error_set(error, ERR_NO_MEMORY, "no memory for a job")
                       : scratch_make(&cli->scratch, run->place, &run->dirs, error);
    if (err != OK)
        return err;
    make_uuid(uuid);
    launch_init(&launch);
    err = cli->options.tool->start(&(struct cli_job){.terms = &cli->terms,
                                                     .request = &run->request,
                                                     .model = str_of(model),
                                                     .work_dir = run->dirs.work,
                                                     .side_dir = run->dirs.side,
                                                     .uuid = uuid,
                                                     .now_s = now_s()},
                                   &launch, &run->talk, error);
    if (err == OK)
        err = launch_it(run, &launch, error);
    launch_release(&launch);
    return err;
}

/* Its fields that need no luck; the request moves in. */
static struct run *make(struct cli *cli, struct cli_request *request)
{
    int place = free_place(cli);
    struct run *run = place < 0 ? NULL : mem_zalloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->cli = cli;
    run->place = place;
    run->request = *request;
    cli->places[place] = true;
    list_init(&run->node);
    list_push_back(&cli->runs[RUN_ANSWERING], &run->node);
    cli->counts[RUN_ANSWERING]++;
    deadline_init(&run->limit, cli->options.loop, on_limit);
    deadline_init(&run->ping, cli->options.loop, on_ping);
    return run;
}

static void settle(struct cli_request *request)
{
    request->names.arena = request->prompt.arena = &request->arena; /* it has moved */
    request->prompt.fidelity = &request->fidelity;
    request->prompt.names = &request->names;
}

void run_begin(struct cli *cli, struct cli_request *request, struct exchange *exchange)
{
    struct error error = {0};
    char key[25];
    struct run *run = make(cli, request);
    if (!run) {
        cli_request_release(request);
        cli_answer_refuse(exchange, 503, WORKER_NOT_BEGUN, "no room for another process");
        return;
    }
    settle(&run->request);
    random_hex(key, sizeof key - 1);
    enum err err = start(run, &error);
    if (err == OK && cli_answer_open(&run->answer, exchange, cli->options.tool, &run->request, key))
        err = error_set(&error, ERR_NO_MEMORY, "no memory for an answer");
    if (err != OK) {
        cli_answer_refuse(exchange, err_http_status(err), "", error.text);
        run_free(run);
        return;
    }
    exchange_attach(exchange, &exchange_ops, run);
    begin_answer(run);
    tell_changed(cli);
}

/* ---- going on ---------------------------------------------------------------------------------------------------------- */

bool run_fits(const struct run *run, const struct cli_request *request,
              const struct exchange *exchange)
{
    return str_eq(session_of(exchange), str_of(run->session)) &&
           request->history_count > run->told && cli_request_hash(request, run->told) == run->hash;
}

bool run_go_on(struct run *run, struct cli_request *request, struct exchange *exchange)
{
    char key[25];
    random_hex(key, sizeof key - 1);
    if (!talk_give_results(&run->talk, cli_request_news(request)))
        return false;
    run->request = *request;
    settle(&run->request);
    turn(run, RUN_ANSWERING);
    exchange_attach(exchange, &exchange_ops, run);
    if (cli_answer_open(&run->answer, exchange, run->cli->options.tool, &run->request, key) != OK) {
        cli_answer_refuse(exchange, 503, "", "no memory for an answer");
        end(run, true);
        return true;
    }
    begin_answer(run);
    look(run);
    return true;
}
