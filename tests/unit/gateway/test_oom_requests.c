/* tests/unit/gateway/test_oom_requests.c: F62: requests of every endpoint and kind, with an allocation that fails. */
#include "tests/unit/gateway/oom_stage.h"

#include "sys/pool.h"

#define EMBEDDED                                                                                  \
    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1]}]," \
    "\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}"
#define COMPLETED                                                               \
    "{\"id\":\"c\",\"choices\":[{\"text\":\"hi\",\"finish_reason\":\"stop\"}]," \
    "\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1}}"
#define RESPONDED                                                                             \
    "{\"id\":\"r\",\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{" \
    "\"type\":\"output_text\",\"text\":\"hi\"}]}],\"usage\":{\"input_tokens\":2,\"output_tokens\":1}}"
#define MESSAGE                                                                     \
    "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"text\"," \
    "\"text\":\"hi\"}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5," \
    "\"output_tokens\":2}}"

#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"
#define MESSAGE_EVENTS                                                                         \
    EVENT("message_start", ",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":[]," \
                           "\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}")              \
    EVENT("content_block_start",                                                               \
          ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}")                  \
    EVENT("content_block_delta",                                                               \
          ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}")                  \
    EVENT("content_block_stop", ",\"index\":0")                                                \
    EVENT("message_delta",                                                                     \
          ",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}")         \
    EVENT("message_stop", "")

#define KEY "x-api-key: KEY\r\nconnection: close\r\n"
#define POST(path, headers, body)                       \
    "POST " path " HTTP/1.1\r\nhost: x\r\n" KEY headers \
    "content-type: application/json\r\n\r\n" body
#define GET(path) "GET " path " HTTP/1.1\r\nhost: x\r\n" KEY "\r\n"

#define FIRST_BUDGET_MS 1000
#define GO_ON           "HTTP/1.1 100 Continue\r\n\r\n"

struct ask {
    const char *name, *kind;
    const char *request; /* KEY stands for the key, \n$ for more of the body */
    size_t filler_bytes; /* spaces behind it */
    struct play play;
    int status;
    const char
        *leaves_at; /* the client reads until this came, then it leaves; "": after a moment */
    size_t body_limit_bytes;
    bool has_pool;   /* large bodies are read on api threads */
    bool is_by_name; /* the provider's address has to be resolved */
    bool is_drained;
};

// clang-format off
static const struct ask asks[] = {
    {.name = "the list of models", .request = GET("/api/openai/v1/models"), .status = 200},
    {.name = "the list of models, for the other dialect", .kind = "anthropic", .request = GET("/api/anthropic/v1/models"), .status = 200},
    {.name = "one model", .request = GET("/api/openai/v1/models/m1"), .status = 200},
    {.name = "no such model", .request = GET("/api/openai/v1/models/none"), .status = 404},
    {.name = "no such path", .request = GET("/api/openai/v1/none"), .status = 404},
    {.name = "the wrong method", .request = GET(CHAT), .status = 405},
    {.name = "no key", .request = "POST " CHAT " HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}", .status = 401},
    {.name = "a key of nobody", .request = "POST " CHAT " HTTP/1.1\r\nhost: x\r\nx-api-key: auxk_1\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}", .status = 401},
    {.name = "a WebSocket", .request = "GET " RESPONSES " HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
     .leaves_at = "\r\n\r\n", .status = 426},
    {.name = "no HTTP at all", .request = "SSH-2.0-OpenSSH\r\n\r\n", .status = 400},
    {.name = "two lengths", .request = POST(CHAT, "content-length: 1\r\ncontent-length: 2\r\n", "{}"), .status = 400},
    {.name = "a head that is too large", .request = "GET / HTTP/1.1\r\nx-filler: ", .filler_bytes = 40000, .status = 431},
    {.name = "a body that is too large", .request = POST(CHAT, "content-length: 5000\r\n", "{"), .body_limit_bytes = 1000, .status = 413},
    {.name = "a chunked body that is too large", .request = POST(CHAT, "transfer-encoding: chunked\r\n", "fff\r\n"), .filler_bytes = 4095,
     .body_limit_bytes = 1000, .status = 413},
    {.name = "two pins", .request = POST(CHAT, "x-auxot-provider: a\r\nx-auxot-provider: b\r\ncontent-length: 2\r\n", "{}"), .status = 400},
    {.name = "a server that drains", .request = POST(CHAT, "content-length: 2\r\n", "{}"), .is_drained = true, .status = 503},
    {.name = "embeddings", .request = POST("/api/openai/v1/embeddings", "content-length: 28\r\n", "{\"model\":\"auto\",\"input\":\"x\"}"),
     .play = {{SAY(JSON EMBEDDED)}}, .status = 200},
    {.name = "completions", .request = POST("/api/openai/v1/completions", "content-length: 29\r\n", "{\"model\":\"auto\",\"prompt\":\"x\"}"),
     .play = {{SAY(JSON COMPLETED)}}, .status = 200},
    {.name = "responses", .request = POST(RESPONSES, "content-length: 28\r\n", "{\"model\":\"auto\",\"input\":\"x\"}"),
     .play = {{SAY(JSON RESPONDED)}}, .status = 200},
    {.name = "messages, with headers that go along", .kind = "anthropic",
     .request = POST(MESSAGES "?beta=true", "anthropic-beta: one\r\nanthropic-version: 2023-06-01\r\ncontent-length: 45\r\n",
                     "{\"model\":\"auto\",\"max_tokens\":9,\"messages\":[]}"),
     .play = {{SAY("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req-one\r\n\r\n" MESSAGE)}}, .status = 200},
    {.name = "a count of tokens", .kind = "anthropic",
     .request = POST(MESSAGES "/count_tokens", "content-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .play = {{SAY(JSON "{\"input_tokens\":14}")}}, .status = 200},
    {.name = "chat, plain, of a provider of messages", .kind = "anthropic",
     .request = POST(CHAT, "content-length: 63\r\n", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
     .play = {{SAY(JSON MESSAGE)}}, .status = 200},
    {.name = "chat, streamed, of a provider of messages", .kind = "anthropic",
     .request = POST(CHAT, "content-length: 77\r\n", "{\"model\":\"auto\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
     .play = {{SAY(SSE MESSAGE_EVENTS)}}, .status = 200},
    {.name = "responses, streamed, of a provider of messages", .kind = "anthropic",
     .request = POST(RESPONSES, "content-length: 46\r\n", "{\"model\":\"auto\",\"stream\":true,\"input\":\"hello\"}"),
     .play = {{SAY(SSE MESSAGE_EVENTS)}}, .status = 200},
    {.name = "messages, streamed, of a provider of chat",
     .request = POST(MESSAGES, "content-length: 92\r\n", "{\"model\":\"auto\",\"max_tokens\":9,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
     .play = {{SAY(SSE ROLE TEXT("a") TEXT("b") STOP USAGE DONE)}}, .status = 200},
    {.name = "messages, plain, of a provider of chat",
     .request = POST(MESSAGES, "content-length: 78\r\n", "{\"model\":\"auto\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
     .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "a large translated body goes to an api thread", .kind = "anthropic", .has_pool = true, .filler_bytes = 2000000,
     .request = POST(CHAT, "content-length: 2000063\r\n", "{\"model\":\"auto\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
     .play = {{SAY(JSON MESSAGE)}}, .status = 200},
    {.name = "a provider that is asked by its name", .is_by_name = true,
     .request = POST(CHAT, "content-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"), .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "a provider's connection that is used again",
     .request = POST(CHAT, "content-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .play = {{SAY("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 19\r\n\r\n{\"choices\":[{\"a\":1}"), KEEP}}, .status = 502},
    {.name = "an answer in chunks",
     .request = POST(CHAT, "content-length: 44\r\n", "{\"model\":\"auto\",\"stream\":true,\"messages\":[]}"),
     .play = {{SAY("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                   "2b\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}\r\n4\r\n]}\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"), KEEP}}, .status = 200},
    {.name = "a head that trickles in",
     .request = POST(CHAT, "content-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .play = {{SAY("HTTP/1.1 2"), WAIT(5), SAY("00 OK\r\ncontent-type: application"), WAIT(5), SAY("/json\r\n\r\n" WHOLE)}}, .status = 200},
    {.name = "an event in two halves",
     .request = POST(CHAT, "content-length: 44\r\n", "{\"model\":\"auto\",\"stream\":true,\"messages\":[]}"),
     .play = {{SAY(SSE ROLE "data: {\"choices\":[{\"delta\":"), WAIT(5), SAY("{\"content\":\"a\"}}]}\n\n" STOP DONE)}}, .status = 200},
    {.name = "an event of two lines of data",
     .request = POST(CHAT, "content-length: 44\r\n", "{\"model\":\"auto\",\"stream\":true,\"messages\":[]}"),
     .play = {{SAY(SSE ROLE "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\n" STOP DONE)}}, .status = 200},
    {.name = "a chunked body", .request = POST(CHAT, "transfer-encoding: chunked\r\n", "1e\r\n{\"model\":\"auto\",\"messages\":[]}\r\n0\r\n\r\n"),
     .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "a body that waits to be asked for", .request = POST(CHAT, "expect: 100-continue\r\ncontent-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "HTTP/1.0", .request = "POST " CHAT " HTTP/1.0\r\nx-api-key: KEY\r\ncontent-length: 44\r\n\r\n{\"model\":\"auto\",\"stream\":true,\"messages\":[]}",
     .play = {{SAY(SSE ROLE TEXT("a") STOP DONE)}}, .status = 200},
    {.name = "a body of half a megabyte", .request = POST(CHAT, "content-length: 500030\r\n", "{\"model\":\"auto\",\"messages\":[]}"), .filler_bytes = 500000,
     .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "a body that is read on an api thread", .request = POST(CHAT, "content-length: 2000030\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .filler_bytes = 2000000, .has_pool = true, .play = {{SAY(JSON WHOLE)}}, .status = 200},
    {.name = "a client that leaves before the head", .request = POST(CHAT, "content-length: 30\r\n", "{\"model\":\"auto\",\"messages\":[]}"),
     .play = {{STALL}}, .leaves_at = ""},
    {.name = "a client that leaves in mid-stream", .request = POST(CHAT, "content-length: 44\r\n", "{\"model\":\"auto\",\"stream\":true,\"messages\":[]}"),
     .play = {{SAY(SSE ROLE TEXT("12345678")), STALL}}, .leaves_at = "12345678", .status = 200},
    {.name = "a client that leaves in its own body", .request = POST(CHAT, "content-length: 1000\r\n", "{\"model\":"), .leaves_at = ""},
};
// clang-format on

static void write_request(const struct stage *stage, const struct ask *ask, struct buf *out)
{
    for (struct str rest = str_of(ask->request); rest.len;) {
        size_t at = rest.len;
        bool has_key = str_find(rest, STR("KEY"), &at);
        buf_append_str(out, str_upto(rest, at));
        if (has_key)
            buf_puts(out, stage->key);
        rest = str_from(rest, has_key ? at + 3 : at);
    }
    char *room = buf_reserve(out, ask->filler_bytes);
    memset(room, ' ', ask->filler_bytes);
    out->len += ask->filler_bytes;
}

static struct answer play_ask(struct stage *stage, const void *arg)
{
    const struct ask *ask = arg;
    struct buf request, raw;
    buf_init(&request, 4 << 20);
    buf_init(&raw, ANSWER_MAX);
    int fd = client_open(stage);
    write_request(stage, ask, &request);
    client_say(fd, request.data, request.len);
    buf_release(&request);
    if (ask->leaves_at && !ask->leaves_at[0])
        sleep_ms(10);
    else
        (void)client_read_until(fd, &raw, ask->leaves_at);
    close(fd);
    if (str_starts(buf_str(&raw), STR(GO_ON)))
        buf_consume(&raw, strlen(GO_ON));
    return answer_of(&raw);
}

static bool submit(void *pool, struct pool_work *work)
{
    return pool_submit(pool, work);
}

/* The pool is the caller's to free, after the stage. */
static struct pool *begin(struct stage *stage, const struct ask *ask)
{
    struct error error = {0};
    struct pool *pool = NULL;
    *stage =
        (struct stage){.kind = ask->kind, .options = {.body_limit_bytes = ask->body_limit_bytes}};
    for (int i = 0; i < UPSTREAM_PLAYS; i++)
        stage->up[0].plays[i] = ask->play;
    stage_begin(stage, 1);
    if (ask->has_pool) {
        stage_must(pool_new(&POOL_OF_API, &pool, &error), &error);
        gateway_offload(stage->gateway, submit, pool);
    }
    if (ask->is_by_name) {
        snprintf(stage->rows[0].base_url, sizeof stage->rows[0].base_url, "http://localhost:%d/v1",
                 stage->up[0].port);
        stage_publish(stage, true);
    }
    if (ask->is_drained)
        gateway_drain(stage->gateway);
    return pool;
}

static struct oom_scenario scenario_of(const struct ask *ask)
{
    return (struct oom_scenario){
        .name = ask->name, .good_status = ask->status, .play = play_ask, .arg = ask};
}

static void tell(const struct ask *ask)
{
    struct stage stage;
    struct oom_scenario scenario = scenario_of(ask);
    struct pool *pool = begin(&stage, ask);
    oom_tell(&stage, &scenario);
    stage_end(&stage);
    pool_free(pool);
}

static void F62_requests_without_memory(void **state)
{
    (void)state;
    const char *only = getenv("STORY");
    oom_spare("writer"); /* test_oom_store.c has it */
    for (size_t i = 0; i < COUNT(asks); i++)
        if (!only || strstr(asks[i].name, only))
            tell(&asks[i]);
}

/* ---- what is made once and kept ------------------------------------------------------------------ */

/* On a stage of its own each time: connections, readers, the provider's row in the pool, its address. */
static long first_request(const struct ask *ask, long nth)
{
    struct stage stage;
    struct oom_scenario scenario = scenario_of(ask);
    /* c-ares does not always say that it was memory that it lacked. */
    struct oom_good good = {.status = ask->status, .has_type = true, .blame = ask->is_by_name};
    struct pool *pool = begin(&stage, ask);
    long all = oom_run(&stage, &scenario, nth, &good);
    (void)oom_run_well(&stage, &scenario);
    stage_end(&stage);
    pool_free(pool);
    return all;
}

static void F62_the_first_request_without_memory(void **state)
{
    (void)state;
    oom_spare("writer");
    for (size_t i = 0; i < COUNT(asks); i++) {
        const struct ask *ask = &asks[i];
        if (!ask->is_by_name && !ask->has_pool)
            continue;
        long all = first_request(ask, 0);
        int64_t until_ms = clock_monotonic_ms() + FIRST_BUDGET_MS;
        for (long turn = 0, nth; (nth = oom_nth(ask->name, all, turn)) > 0; turn++)
            if (oom_is_long() || clock_monotonic_ms() < until_ms)
                (void)first_request(ask, nth);
        if (getenv("STORY_LOUD"))
            print_message("first, %s: %ld allocations\n", ask->name, all);
    }
}

static struct answer play_new_key(struct stage *stage, const void *arg)
{
    (void)arg;
    oom_watch(true);
    struct snapshot *snapshot = NULL;
    struct error error = {0};
    struct store_config config = {.providers = stage->rows,
                                  .provider_count = stage->provider_count,
                                  .keys = &stage->key_row,
                                  .key_count = 1,
                                  .version = ++stage->version};
    enum err err = snapshot_build(&config, stage->kept.vault, stage->registry, stage->prices,
                                  &snapshot, &error);
    if (err == OK)
        err = gateway_publish(stage->gateway, snapshot, &error);
    oom_watch(false);
    CHECK("it is said", err == OK || (err == ERR_NO_MEMORY && error.text[0]));
    return stage_ask(stage, CHAT, "", ASK);
}

static void F62_a_publication_without_memory_leaves_the_old_configuration_in_force(void **state)
{
    (void)state;
    struct stage stage = {0};
    struct oom_scenario scenario = {
        .name = "a publication", .good_status = 200, .play = play_new_key};
    for (int i = 0; i < UPSTREAM_PLAYS; i++)
        stage.up[0].plays[i] = (struct play){{SAY(JSON WHOLE)}};
    oom_spare("writer");
    stage_begin(&stage, 1);
    oom_tell(&stage, &scenario);
    stage_end(&stage);
}

TEST_MAIN(TEST(F62_requests_without_memory), TEST(F62_the_first_request_without_memory),
          TEST(F62_a_publication_without_memory_leaves_the_old_configuration_in_force))
