/* simulate/simulator.c: the life of one request here: head -> body -> choose a play -> build -> play.
 *
 * What is played, from the least to the most particular: the first rule that matches, then the keys
 * in the model's name (sim:...), then those in the header x-simulate. Paths under /_sim/ are the
 * simulator's own (remote.c).
 *
 * An `act` is one request under way. Finished acts are kept for the next request with all their
 * memory, so that a busy simulator does not allocate.
 */
#include "simulate/simulator.h"

#include "base/log.h"
#include "http/server.h"
#include "simulate/answer.h"
#include "simulate/credential.h"
#include "simulate/remote.h"
#include "simulate/script.h"
#include "simulate/slots.h"
#include "sys/clock.h"
#include "sys/file.h"

#define BODY_MAX      (64u * 1024 * 1024)
#define BODIES_MAX    (INT64_C(2) << 30)
#define ARENA_MAX     (16u * 1024 * 1024)
#define IDLE_ACTS_MAX 4096
#define SCRATCH_MAX   (512u * 1024 * 1024)
#define CONNECTIONS   60000
#define IDLE_MS       300000

struct simulator {
    struct simulator_options options;
    struct http_service service;
    struct http_listener *listener;
    struct json_reader *reader;
    struct script *script;
    struct seen *seen;
    struct remote remote;
    struct buf scratch;
    struct play plain; /* nothing special */
    struct list acts, idle;
    size_t idle_count;
    int64_t last_seq;
    struct simulator_stats stats;
    struct stored stored;
    struct slots slots; /* llama */
};

struct act {
    struct list node;
    struct simulator *simulator;
    struct exchange *exchange;
    struct arena arena;
    struct request request;
    struct player player;
    struct sighting *sighting;
    struct slot_user slot_user;
    bool is_playing;
};

/* ---- acts ------------------------------------------------------------------------------------ */

static void on_over(struct player *player, enum played_end end);
static void on_slot(struct slot_user *user);

static struct act *act_new(struct simulator *simulator)
{
    struct act *act;
    if (!list_is_empty(&simulator->idle)) {
        act = LIST_OWNER(simulator->idle.next, struct act, node);
        list_unlink(&act->node);
        simulator->idle_count--;
    } else {
        act = mem_zalloc(1, sizeof *act);
        if (!act)
            return NULL;
        act->simulator = simulator;
        list_init(&act->node);
        arena_init(&act->arena, ARENA_MAX);
        player_init(&act->player, simulator->options.loop, &simulator->scratch, on_over);
        slot_user_init(&act->slot_user, on_slot);
    }
    list_push_back(&simulator->acts, &act->node);
    act->sighting = NULL;
    act->is_playing = false;
    return act;
}

static void act_free(struct act *act)
{
    list_unlink(&act->node);
    player_release(&act->player);
    arena_release(&act->arena);
    mem_free(act);
}

static void act_done(struct act *act)
{
    struct simulator *simulator = act->simulator;
    arena_release(&act->arena);
    act->exchange = NULL;
    bool is_large =
        act->player.program.bytes.room_bytes > 65536 || act->player.cursor.held.room_bytes > 65536;
    if (is_large || simulator->idle_count == IDLE_ACTS_MAX) {
        act_free(act);
        return;
    }
    list_unlink(&act->node);
    list_push_front(&simulator->idle, &act->node);
    simulator->idle_count++;
}

static void on_over(struct player *player, enum played_end end)
{
    struct act *act = LIST_OWNER(player, struct act, player);
    struct simulator *simulator = act->simulator;
    simulator->stats.open_streams -= act->request.stream;
    simulator->stats.closed_by_client += end == PLAYED_CLIENT_CLOSED;
    slot_user_leave(&simulator->slots, &act->slot_user);
    seen_end(simulator->seen, act->sighting, clock_wall_ms(), end, player->cursor.events,
             player->cursor.body_bytes);
    act->exchange = NULL; /* the player was perhaps called by act_play: the act is freed there */
    if (!act->is_playing)
        act_done(act);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static bool find_header(void *arg, struct str name, struct str *out_value)
{
    size_t count = 0;
    *out_value = http_header_find(arg, name, &count);
    return count > 0;
}

/* The play for this request; ERR_MALFORMED when sim: or x-simulate cannot be understood. */
static enum err choose_play(struct act *act, struct str body, struct play *play,
                            struct str *out_played_by, struct error *error)
{
    struct simulator *simulator = act->simulator;
    const struct http_head *head = exchange_head(act->exchange);
    struct sight sight = {.path = head->path,
                          .model = act->request.model,
                          .body = body,
                          .stream = act->request.stream,
                          .is_models = act->request.asked >= ASKED_MODELS,
                          .find_header = find_header,
                          .arg = (void *)(uintptr_t)head};
    *out_played_by = STR("default");
    const struct play *matched = script_match(simulator->script, &sight, out_played_by);
    *play = matched ? *matched : simulator->plain;

    struct str model = act->request.model, header;
    enum err err = OK;
    if (str_starts(model, STR("sim:"))) {
        err = play_read_text(play, str_from(model, 4), &act->arena, error);
        *out_played_by = STR("model");
    }
    if (err == OK && find_header(sight.arg, STR("x-simulate"), &header)) {
        err = play_read_text(play, header, &act->arena, error);
        *out_played_by = STR("header");
    }
    return err;
}

/* ---- playing --------------------------------------------------------------------------------- */

static void record(struct act *act, struct str body, struct str played_by)
{
    const struct http_head *head = exchange_head(act->exchange);
    const struct sighting what = {.seq = act->request.seq,
                                  .at_ms = clock_wall_ms(),
                                  .method = str_of(http_method_name(head->method)),
                                  .target = head->target,
                                  .model = act->request.model,
                                  .played_by = played_by,
                                  .body = body,
                                  .is_stream = act->request.stream,
                                  .status = act->player.program.status};
    act->sighting = seen_add(act->simulator->seen, &what, head);
}

static void start_playing(struct act *act)
{
    act->is_playing = true;
    player_start(&act->player, act->exchange);
    act->is_playing = false;
    if (!act->exchange)
        act_done(act);
}

static void on_slot(struct slot_user *user)
{
    start_playing(LIST_OWNER(user, struct act, slot_user));
}

static bool is_generation(const struct act *act)
{
    enum asked asked = act->request.asked;
    return act->request.slots &&
           (asked == ASKED_CHAT || asked == ASKED_COMPLETIONS || asked == ASKED_EMBEDDINGS);
}

static void act_play(struct act *act, struct str body, struct str played_by)
{
    struct program *program = &act->player.program;
    if (program->failed) /* a gigantic play: say so rather than play half of it */
        answer_refuse(program, &act->request, 500, "simulate: this answer is too large to build");
    record(act, body, played_by);
    act->simulator->stats.open_streams += act->request.stream;
    /* llama-server answers what is wrong, and what is no generation, beside its slots. */
    if (is_generation(act) && program->status < 400)
        slot_user_enter(&act->simulator->slots, &act->slot_user, act->request.seq);
    else
        start_playing(act);
}

/* What is wrong before any play: fills the program with the vendor's words. */
static bool is_refused(struct act *act)
{
    struct program *program = &act->player.program;
    const struct http_head *head = exchange_head(act->exchange);
    const char *trouble =
        act->request.is_public
            ? NULL
            : credential_trouble(head, act->request.vendor, act->simulator->options.needs_key,
                                 act->simulator->options.key);
    enum http_method wanted = act->request.is_post ? METHOD_POST : METHOD_GET;
    if (act->request.asked == ASKED_NOTHING)
        answer_refuse(program, &act->request, 404, "There is no such path here.");
    else if (head->has_upgrade)
        answer_refuse(program, &act->request, 426, "Only HTTP is spoken here.");
    else if (head->method != wanted)
        answer_refuse(program, &act->request, 405, "This path takes another method.");
    else if (trouble)
        answer_refuse(program, &act->request, 401, trouble);
    else if (act->request.slots && slots_are_loading(act->request.slots))
        answer_refuse(program, &act->request, 503, NULL);
    else if (act->request.asked == ASKED_SLOTS && slots_are_full(act->request.slots) &&
             str_find(head->query, STR("fail_on_no_slot="), NULL))
        answer_refuse(program, &act->request, 503, "no slot available");
    else
        return false;
    return true;
}

/* Holds the request to the vendor's rules, when it is to be. Fills the program with what is wrong. */
static bool is_against_rules(struct act *act, struct str body, const struct play *play)
{
    struct simulator *simulator = act->simulator;
    struct error error = {0};
    struct refusal refusal;
    struct json root;
    bool is_strict = play_or(play->strict, simulator->options.is_strict) == 1;
    if (!is_strict || !act->request.is_post ||
        json_parse(simulator->reader, body, &root, &error) != OK ||
        strict_accepts(&act->request, root, &simulator->stored, &refusal))
        return false;
    answer_refuse_field(&act->player.program, &act->request, &refusal);
    return true;
}

static void build(struct act *act, struct str body)
{
    struct simulator *simulator = act->simulator;
    struct program *program = &act->player.program;
    struct str played_by = STR("refused");
    struct error error = {0};
    struct play play;
    struct model_list models;
    request_identify(&act->request, simulator->options.seed, ++simulator->last_seq);
    act->request.now_s = clock_wall_ms() / 1000;
    models.names = script_models(simulator->script, &models.count);
    bool is_peculiar = act->request.slots && models.count == 1; /* answers with its alias */
    if (is_refused(act))
        ;
    else if (act->request.is_post &&
             request_read(&act->request, simulator->reader, body, &act->arena, &error) != OK)
        answer_refuse(program, &act->request, act->request.slots ? 500 : 400, error.text);
    else if (is_generation(act) && act->request.prompt_tokens > simulator->slots.context_tokens)
        answer_refuse_overflow(program, &act->request, simulator->slots.context_tokens);
    else if (choose_play(act, body, &play, &played_by, &error) != OK)
        answer_refuse(program, &act->request, 400, error.text);
    else if (is_against_rules(act, body, &play))
        played_by = STR("refused");
    else {
        if (is_peculiar)
            request_answer_as(&act->request, models.names[0], &act->arena);
        answer_build(program, &play, &act->request, &models);
    }
    if (act->request.asked == ASKED_RESPONSES && act->request.is_stored && program->status == 200)
        stored_add(&simulator->stored, act->request.id);
    /* A rule's text may be replaced while this is played. */
    char *type = arena_dup(&act->arena, program->content_type.at, program->content_type.len);
    program->content_type.at = type ? type : "";
    program->content_type.len = type ? program->content_type.len : 0;
    act_play(act, body, played_by);
}

/* ---- the exchange ------------------------------------------------------------------------------ */

static void on_body(void *owner)
{
    struct act *act = owner;
    struct buf body;
    exchange_take_body(act->exchange, &body);
    size_t len = body.len;
    build(act, buf_str(&body)); /* the act may be gone behind this */
    buf_release(&body);
    body_budget_return(len);
}

static void leave_queue(struct act *act)
{
    struct simulator *simulator = act->simulator;
    simulator->stats.open_streams -= act->request.stream;
    simulator->stats.closed_by_client++;
    slot_user_leave(&simulator->slots, &act->slot_user);
    seen_end(simulator->seen, act->sighting, clock_wall_ms(), PLAYED_CLIENT_CLOSED, 0, 0);
    act_done(act);
}

static void on_gone(void *owner)
{
    struct act *act = owner;
    if (act->player.exchange)
        player_gone(&act->player);
    else if (!list_is_empty(&act->slot_user.node))
        leave_queue(act);
    else
        act_done(act); /* left before its body was whole */
}

static void on_drained(void *owner)
{
    struct act *act = owner;
    player_drained(&act->player);
}

static const struct exchange_ops act_ops = {
    .on_body = on_body, .on_gone = on_gone, .on_drained = on_drained};

static void on_request(void *arg, struct exchange *exchange)
{
    struct simulator *simulator = arg;
    const struct http_head *head = exchange_head(exchange);
    if (str_starts(head->path, STR("/_sim/"))) {
        remote_request(&simulator->remote, exchange);
        return;
    }
    simulator->stats.requests++;
    struct act *act = act_new(simulator);
    if (!act) {
        exchange_abort(exchange, true);
        return;
    }
    act->exchange = exchange;
    exchange_attach(exchange, &act_ops, act);
    request_route(simulator->options.vendor, head->path, &act->arena, &act->request);
    if (simulator->options.vendor == VENDOR_LLAMA)
        act->request.slots = &simulator->slots;
    if (head->method == METHOD_POST || head->content_length > 0)
        exchange_want_body(exchange, BODY_MAX);
    else
        build(act, (struct str){"", 0});
}

static void write_error(void *arg, int status, struct str path, const char *sentence,
                        struct buf *headers, struct buf *body)
{
    const struct simulator *simulator = arg;
    struct program program;
    struct cursor cursor;
    struct request request = {.vendor = simulator->options.vendor};
    (void)path;
    (void)headers;
    program_init(&program);
    cursor_init(&cursor);
    answer_refuse(&program, &request, status, sentence);
    (void)program_next(&program, &cursor, body, SIZE_MAX);
    cursor_release(&cursor);
    program_release(&program);
}

/* ---- life ------------------------------------------------------------------------------------ */

static enum err load_script(struct simulator *simulator, struct error *error)
{
    const char *path = simulator->options.script_path;
    if (!path)
        return OK;
    char *text = NULL;
    size_t len;
    enum err err = file_read(path, SCRIPT_BYTES_MAX, &text, &len, error);
    if (err == OK) {
        struct error why = {0};
        err = script_load(simulator->script, (struct str){text, len}, &why);
        if (err != OK)
            (void)error_set(error, err, "%s: %s", path, why.text);
    }
    mem_free(text);
    return err;
}

static enum err make_parts(struct simulator *simulator, struct error *error)
{
    const struct simulator_options *options = &simulator->options;
    if (script_new(options->seed, &simulator->script) != OK ||
        json_reader_new(BODY_MAX, &simulator->reader) != OK)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    enum err err =
        seen_open(options->loop, options->log_path, options->keeps_log, &simulator->seen, error);
    if (err != OK)
        return err;
    simulator->remote = (struct remote){
        .script = simulator->script, .seen = simulator->seen, .stats = &simulator->stats};
    return load_script(simulator, error);
}

static enum err listen_at(struct simulator *simulator, struct error *error)
{
    simulator->service = (struct http_service){
        .on_request = on_request, .write_error = write_error, .arg = simulator};
    return http_listener_new(&(struct http_listener_options){.loop = simulator->options.loop,
                                                             .host = simulator->options.host
                                                                         ? simulator->options.host
                                                                         : "127.0.0.1",
                                                             .port = simulator->options.port,
                                                             .service = &simulator->service,
                                                             .idle_ms = IDLE_MS,
                                                             .write_ms = IDLE_MS,
                                                             .connections_max = CONNECTIONS},
                             &simulator->listener, error);
}

enum err simulator_open(const struct simulator_options *options, struct simulator **out_simulator,
                        struct error *error)
{
    struct simulator *simulator = mem_zalloc(1, sizeof *simulator);
    if (!simulator)
        return error_set(error, ERR_NO_MEMORY, "no memory to begin");
    simulator->options = *options;
    list_init(&simulator->acts);
    list_init(&simulator->idle);
    buf_init(&simulator->scratch, SCRATCH_MAX);
    play_init(&simulator->plain);
    body_budget_set(BODIES_MAX);
    slots_init(&simulator->slots, options->loop,
               options->slots > 0 ? options->slots : SLOTS_DEFAULT,
               options->context_tokens > 0 ? options->context_tokens : CONTEXT_DEFAULT,
               options->loading_ms);
    enum err err = make_parts(simulator, error);
    if (err == OK)
        err = listen_at(simulator, error);
    if (err != OK) {
        simulator_close(simulator);
        return err;
    }
    *out_simulator = simulator;
    return OK;
}

int simulator_port(const struct simulator *simulator)
{
    return http_listener_port(simulator->listener);
}

void simulator_close(struct simulator *simulator)
{
    if (simulator->listener)
        http_listener_free(simulator->listener);
    LIST_EACH_SAFE(node, &simulator->acts)
    act_free(LIST_OWNER(node, struct act, node));
    LIST_EACH_SAFE(node, &simulator->idle)
    act_free(LIST_OWNER(node, struct act, node));
    script_free(simulator->script);
    json_reader_free(simulator->reader);
    seen_close(simulator->seen);
    buf_release(&simulator->scratch);
    mem_free(simulator);
}
