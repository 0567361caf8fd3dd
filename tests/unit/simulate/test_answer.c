/* Streams as the gateway reads them: the simulator's answers, judged by wire/sse and wire/meter. */
#include "tests/unit/simulate/stage.h"

#include "tests/test.h"

#define CHAT      VENDOR_OPENAI, "/v1/chat/completions"
#define RESPONSES VENDOR_OPENAI, "/v1/responses"
#define MESSAGES  VENDOR_ANTHROPIC, "/v1/messages"
#define LLAMA     VENDOR_LLAMA, "/v1/chat/completions"

static const char *const *const bodies[] = {&chat_body, &responses_body, &messages_body};
enum { B_CHAT, B_RESPONSES, B_MESSAGES };

// clang-format off
static const struct story {
    const char   *name;
    enum vendor   vendor;
    const char   *path;
    enum endpoint endpoint;
    int           body;
    const char   *keys;
    const char   *classes;
    int64_t       output; /* tokens; TOKENS_UNKNOWN: not told */
} stories[] = {
    {"chat: role, text, stop, usage, [DONE]",      CHAT, ENDPOINT_CHAT, B_CHAT, "", "LCU.", 8},
    {"chat: as many pieces as asked",              CHAT, ENDPOINT_CHAT, B_CHAT, "events=3", "LCU.", 3},
    {"chat: a given text",                         CHAT, ENDPOINT_CHAT, B_CHAT, "text=one two three", "LCU.", 3},
    {"chat: reasoning comes first",                CHAT, ENDPOINT_CHAT, B_CHAT, "reasoning=let me see,text=ok", "LCU.", 4},
    {"chat: calls in pieces",                      CHAT, ENDPOINT_CHAT, B_CHAT, "tool=f,tool_arguments={\"city\":\"Rome and around\"},tool=g", "LCU.", -2},
    {"chat: calls whole, in one chunk each",       CHAT, ENDPOINT_CHAT, B_CHAT, "whole-arguments,tool=f,tool_arguments={\"city\":\"Rome and around\"},tool=g", "LCU.", -2},
    {"chat: calls in turns",                       CHAT, ENDPOINT_CHAT, B_CHAT, "interleave,tool=f,tool_arguments={\"city\":\"Rome and around\"},tool=g,tool_arguments={\"city\":\"Bern and the other side\"}", "LCU.", -2},
    {"chat: a refusal",                            CHAT, ENDPOINT_CHAT, B_CHAT, "refusal=not that", "LCU.", 2},
    {"chat: a citation",                           CHAT, ENDPOINT_CHAT, B_CHAT, "text=so they say,citation=https://x/y", "LCLCU.", 3},
    {"chat: no usage at all",                      CHAT, ENDPOINT_CHAT, B_CHAT, "usage=null", "LC.", TOKENS_UNKNOWN},
    {"chat: usage behind [DONE]",                  CHAT, ENDPOINT_CHAT, B_CHAT, "usage=after-done", "LC.U", 8},
    {"chat: lifecycle only",                       CHAT, ENDPOINT_CHAT, B_CHAT, "lifecycle-only", "L", TOKENS_UNKNOWN},
    {"chat: an error before content",              CHAT, ENDPOINT_CHAT, B_CHAT, "error-event-after=0", "LE", TOKENS_UNKNOWN},
    {"chat: an error in mid-stream",               CHAT, ENDPOINT_CHAT, B_CHAT, "error-event-after=2", "LCE", TOKENS_UNKNOWN},
    {"chat: no terminal",                          CHAT, ENDPOINT_CHAT, B_CHAT, "no-terminal", "LCU", 8},
    {"llama: reasoning_content",                   LLAMA, ENDPOINT_CHAT, B_CHAT, "reasoning=hm,text=ok", "LCU.", 2},
    {"llama: an error event with a number",        LLAMA, ENDPOINT_CHAT, B_CHAT, "error-event-after=1", "LCE", TOKENS_UNKNOWN},
    {"llama: an error in a field named error",     LLAMA, ENDPOINT_CHAT, B_CHAT, "error-event-after=1,error-shape=field", "LCE", TOKENS_UNKNOWN},
    {"responses: the whole sequence",              RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "", "LC.", 8},
    {"responses: reasoning item and call",         RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "reasoning=a b,tool=f", "LC.", -2},
    {"responses: thought that nobody may read",    RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "redacted,text=ok", "LCLC.", 1},
    {"responses: a refusal",                       RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "refusal=not that", "LC.", 2},
    {"responses: a citation",                      RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "text=so they say,citation=https://x/y", "LC.", 3},
    {"responses: a nested error",                  RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "error-event-after=0", "LE", TOKENS_UNKNOWN},
    {"responses: a flat error",                    RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "error-event-after=1,error-shape=flat", "LCE", TOKENS_UNKNOWN},
    {"responses: failed",                          RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "error-event-after=0,error-shape=failed,error-code=rate_limit_exceeded", "LE", TOKENS_UNKNOWN},
    {"responses: incomplete is an answer",         RESPONSES, ENDPOINT_RESPONSES, B_RESPONSES, "stop-reason=max_output_tokens", "LC.", 8},
    {"messages: start, ping, text, stop",          MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "", "LCLC.", 8},
    {"messages: thinking with its signature",      MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "reasoning=let me see,text=ok", "LCLCLC.", 4},
    {"messages: redacted thinking",                MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "redacted,text=ok", "LCLCLC.", 1},
    {"messages: a refusal",                        MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "refusal=not that", "LCLC.", 2},
    {"messages: a citation",                       MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "text=so they say,citation=https://x/y", "LCLC.", 3},
    {"messages: tool use",                         MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "tool=f,tool=g", "LCLCLCLC.", -2},
    {"messages: lifecycle only",                   MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "lifecycle-only", "L", -2},
    {"messages: overloaded before content",        MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "error-event-after=0", "LE", -2},
    {"messages: no message_stop",                  MESSAGES, ENDPOINT_MESSAGES, B_MESSAGES, "no-terminal", "LCLC", 8},
};
// clang-format on

static void streams_are_read_as_they_were_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct stage stage;
        stage_play(&stage, story->vendor, story->path, *bodies[story->body], story->keys);
        stage_classes(&stage, story->endpoint);
        CHECK_STR(story->name, stage.classes, story->classes);
        if (story->output != -2)
            CHECK_INT(story->name, stage.meter.usage.output_tokens, story->output);
        stage_release(&stage);
    }
}

// clang-format off
static const struct plain {
    const char *name;
    enum vendor vendor;
    const char *path, *body, *keys;
    int         status;
    const char *has; /* the answer contains */
} plains[] = {
    {"chat",                   CHAT, "{\"model\":\"m\",\"messages\":[]}", "text=hello", 200, "\"content\":\"hello\""},
    {"chat stamps its tokens", CHAT, "{\"model\":\"m\",\"messages\":[]}", "events=2", 200, "\"tok-42-0 tok-42-1 \""},
    {"an error in a 200",      CHAT, "{\"model\":\"m\",\"messages\":[]}", "error-event-after=0", 200, "{\"error\":{"},
    {"429",                    CHAT, "{\"model\":\"m\",\"stream\":true}", "status=429", 429, "rate_limit_exceeded"},
    {"a code of one's own",    CHAT, "{\"model\":\"m\"}", "status=429,error-type=insufficient_quota,error-code=insufficient_quota", 429, "\"code\":\"insufficient_quota\""},
    {"a body of one's own",    CHAT, "{\"model\":\"m\"}", "status=500,body=<html>", 500, "<html>"},
    {"no call without tools",  CHAT, "{\"model\":\"m\"}", "tool=f", 200, "\"content\":\"tok-42-0 "},
    {"no call after a result", CHAT, "{\"model\":\"m\",\"tools\":[{}],\"messages\":[{\"role\":\"tool\"}]}", "tool=f", 200, "\"content\":\"tok-42-0 "},
    {"unless in a loop",       CHAT, "{\"model\":\"m\",\"tools\":[{}],\"messages\":[{\"role\":\"tool\"}]}", "tool=f,tool-loop", 200, "\"tool_calls\":[{"},
    {"messages",               MESSAGES, "{\"model\":\"m\",\"tools\":[{}]}", "tool=f,tool-arguments={\"a\":1}", 200, "\"input\":{\"a\":1}"},
    {"messages 529",           MESSAGES, "{\"model\":\"m\"}", "status=529", 529, "overloaded_error"},
    {"count_tokens",           VENDOR_ANTHROPIC, "/v1/messages/count_tokens", "{\"model\":\"m\"}", "", 200, "{\"input_tokens\":4}"},
    {"count_tokens, llama",    VENDOR_LLAMA, "/v1/messages/count_tokens", "{\"model\":\"m\"}", "", 200, "{\"input_tokens\":4}"},
    {"responses",              RESPONSES, "{\"model\":\"m\"}", "text=hi", 200, "\"text\":\"hi\""},
    {"a refusal, chat",        CHAT, "{\"model\":\"m\"}", "refusal=no", 200, "\"content\":null,\"refusal\":\"no\""},
    {"a refusal, responses",   RESPONSES, "{\"model\":\"m\"}", "refusal=no", 200, "{\"type\":\"refusal\",\"refusal\":\"no\"}"},
    {"a refusal, messages",    MESSAGES, "{\"model\":\"m\"}", "refusal=no", 200, "\"text\":\"no\"}],\"stop_reason\":\"refusal\""},
    {"reasoning, another name", CHAT, "{\"model\":\"m\"}", "reasoning=hm,reasoning-field=reasoning", 200, "\"reasoning\":\"hm\""},
    {"a signature",            MESSAGES, "{\"model\":\"m\"}", "reasoning=hm", 200, "\"signature\":\"EsimSig0"},
    {"redacted",               MESSAGES, "{\"model\":\"m\"}", "redacted", 200, "{\"type\":\"redacted_thinking\",\"data\":\"gAAAAsim"},
    {"a stop sequence",        MESSAGES, "{\"model\":\"m\"}", "stop-sequence=END", 200, "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\""},
    {"sealed when asked",      RESPONSES, "{\"model\":\"m\",\"include\":[\"reasoning.encrypted_content\"]}", "reasoning=hm", 200, "\"encrypted_content\":\"gAAAAsim"},
    {"not sealed otherwise",   RESPONSES, "{\"model\":\"m\"}", "reasoning=hm", 200, "\"text\":\"hm\"}]}"},
    {"probabilities, chat",    CHAT, "{\"model\":\"m\"}", "text=a b,logprobs", 200, "\"logprobs\":{\"content\":[{\"token\":\"a \",\"logprob\":-0.12500,\"bytes\":[97,32],\"top_logprobs\":[{\"token\":\"a \",\"logprob\":-0.12500,\"bytes\":[97,32]}]},{\"token\":\"b\","},
    {"probabilities, responses", RESPONSES, "{\"model\":\"m\"}", "text=ab,events=2,logprobs", 200, "\"logprobs\":[{\"token\":\"a\",\"logprob\":-0.12500,\"bytes\":[97],\"top_logprobs\":[{\"token\":\"a\",\"logprob\":-0.12500,\"bytes\":[97]}]},{\"token\":\"b\","},
    {"no text, no probabilities", CHAT, "{\"model\":\"m\"}", "logprobs", 200, "\"logprobs\":null"},
    {"a citation, chat",       CHAT, "{\"model\":\"m\"}", "text=so it is,citation=https://x", 200, "\"url_citation\":{\"start_index\":0,\"end_index\":4,"},
    {"a citation, responses",  RESPONSES, "{\"model\":\"m\"}", "text=so it is,citation=https://x", 200, "\"annotations\":[{\"type\":\"url_citation\","},
    {"a citation, messages",   MESSAGES, "{\"model\":\"m\"}", "text=so it is,citation=https://x", 200, "\"citations\":[{\"type\":\"web_search_result_location\","},
    {"choice none: no call",   CHAT, "{\"model\":\"m\",\"tools\":[{}],\"tool_choice\":\"none\"}", "tool=f", 200, "\"content\":\"tok-42-0 "},
    {"choice none, messages",  MESSAGES, "{\"model\":\"m\",\"tools\":[{}],\"tool_choice\":{\"type\":\"none\"}}", "tool=f", 200, "\"text\":\"tok-42-0 "},
    {"llama: named is prose",  LLAMA, "{\"model\":\"m\",\"tools\":[{}],\"tool_choice\":{\"type\":\"function\"}}", "tool=f", 200, "\"content\":\"tok-42-0 "},
    {"llama: required is not", LLAMA, "{\"model\":\"m\",\"tools\":[{}],\"tool_choice\":\"required\"}", "tool=f", 200, "\"tool_calls\":[{"},
    {"embeddings as floats",   VENDOR_OPENAI, "/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", "", 200, "\"index\":1,\"embedding\":["},
    {"embeddings as base64",   VENDOR_OPENAI, "/embeddings", "{\"model\":\"m\",\"input\":\"a\",\"encoding_format\":\"base64\"}", "", 200, "\"embedding\":\""},
    {"models",                 VENDOR_OPENAI, "/v1/models", NULL, "", 200, "\"id\":\"gpt-sim\""},
    {"models, Anthropic",      VENDOR_ANTHROPIC, "/v1/models", NULL, "", 200, "\"has_more\":false,\"first_id\":\"claude-sim\",\"last_id\":\"claude-sim-small\""},
    {"no models",              VENDOR_OPENAI, "/v1/models", NULL, "models-count=0", 200, "{\"object\":\"list\",\"data\":[]}"},
    {"models refused",         VENDOR_OPENAI, "/v1/models", NULL, "models-status=401", 401, "invalid_api_key"},
    {"one model",              VENDOR_OPENAI, "/v1/models/gpt-sim", NULL, "", 200, "{\"id\":\"gpt-sim\""},
    {"an unknown model",       VENDOR_OPENAI, "/v1/models/a%2Fb", NULL, "", 404, "'a/b' does not exist"},
    {"llama health",           VENDOR_LLAMA, "/health", NULL, "", 200, "{\"status\":\"ok\"}"},
    {"llama loading",          VENDOR_LLAMA, "/health", NULL, "status=503", 503, "\"code\":503,\"message\":\"Loading model\""},
    {"llama props",            VENDOR_LLAMA, "/props", NULL, "", 200, "\"total_slots\":1"},
    {"llama timings",          LLAMA, "{\"model\":\"m\"}", "", 200, "\"timings\":{"},
};
// clang-format on

static void plain_answers_say_what_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plains); i++) {
        const struct plain *plain = &plains[i];
        struct stage stage;
        stage_play(&stage, plain->vendor, plain->path, plain->body, plain->keys);
        CHECK_INT(plain->name, stage.program.status, plain->status);
        CHECK_STR(plain->name, stage.beats, "SF");
        if (!str_find(buf_str(&stage.bytes), str_of(plain->has), NULL))
            CHECK_STR(plain->name, stage.bytes.data, plain->has);
        stage_release(&stage);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    struct stage one, two;
    stage_play(&one, CHAT, chat_body, "");
    stage_play(&two, CHAT, chat_body, "");
    CHECK("same", str_eq(buf_str(&one.bytes), buf_str(&two.bytes)));
    stage_release(&one);
    stage_release(&two);
}

TEST_MAIN(TEST(streams_are_read_as_they_were_meant), TEST(plain_answers_say_what_they_should),
          TEST(the_same_seed_gives_the_same_bytes))
