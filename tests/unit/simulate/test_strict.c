/* The vendors' rules, one row each: what is taken, and what is refused with which field and words. */
#include "simulate/answer.h"
#include "simulate/stamp.h"

#include "tests/test.h"

#include <stdio.h>
#include <stdlib.h>

#define CHAT      VENDOR_OPENAI, "/v1/chat/completions"
#define RESPONSES VENDOR_OPENAI, "/v1/responses"
#define MESSAGES  VENDOR_ANTHROPIC, "/v1/messages"
#define COUNT_TOK VENDOR_ANTHROPIC, "/v1/messages/count_tokens"
#define LLAMA     VENDOR_LLAMA, "/v1/chat/completions"

/* $T: a signature for "hm"; $R: redacted data; $E: encrypted content for rs_1. Quotes are written '. */
#define USER                      "{'role':'user','content':'hi'}"
#define CHAT_BODY(more, messages) "{'model':'m'," more "'messages':[" messages "]}"
#define MSG_BODY(more, messages)  "{'model':'m','max_tokens':2048," more "'messages':[" messages "]}"
#define RSP_BODY(more, input)     "{'model':'m'," more "'input':[" input "]}"
#define FUNCTION                  "{'type':'function','function':{'name':'f','parameters':{'type':'object'}}}"
#define TOOL                      "{'name':'f','input_schema':{'type':'object'}}"
#define CALLED \
    "{'role':'assistant','content':null,'tool_calls':[{'id':'c1','type':'function','function':{'name':'f','arguments':'{}'}}]}"
#define RESULT "{'role':'tool','tool_call_id':'c1','content':'ok'}"
#define USE    "{'type':'tool_use','id':'t1','name':'f','input':{}}"
#define USED   "{'role':'assistant','content':[" USE "]}"
#define USE_DONE \
    "{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','content':'ok'}]}"
#define THOUGHT "{'type':'thinking','thinking':'hm','signature':'$T'}"
#define ITEM    "{'role':'user','content':'hi'}"
#define FCALL   "{'type':'function_call','call_id':'c1','name':'f','arguments':'{}'}"
#define FOUTPUT "{'type':'function_call_output','call_id':'c1','output':'ok'}"
#define REASON  "{'type':'reasoning','id':'rs_1','summary':[],'encrypted_content':'$E'}"
#define SAID    "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'yes'}]}"

// clang-format off
static const struct rule {
    const char *name;
    enum vendor vendor;
    const char *path, *body;
    int         status; /* 200: taken */
    const char *param;  /* NULL: not looked at */
    const char *words;
} rules[] = {
    /* messages */
    {"plain",                     MESSAGES, MSG_BODY("", USER), 200, NULL, NULL},
    {"no max_tokens",             MESSAGES, "{'model':'m','messages':[" USER "]}", 400, "max_tokens", "max_tokens: Field required"},
    {"max_tokens 0",              MESSAGES, "{'model':'m','max_tokens':0,'messages':[" USER "]}", 400, "max_tokens", "greater than or equal to 1"},
    {"max_tokens 1.5",            MESSAGES, "{'model':'m','max_tokens':1.5,'messages':[" USER "]}", 400, "max_tokens", "an integer"},
    {"no messages",               MESSAGES, MSG_BODY("", ""), 400, "messages", "at least one message"},
    {"assistant first",           MESSAGES, MSG_BODY("", "{'role':'assistant','content':'x'}"), 400, "messages", "first message must use"},
    {"a role of its own",         MESSAGES, MSG_BODY("", USER ",{'role':'developer','content':'x'}"), 400, "messages.1.role", "user assistant"},
    {"system in the middle",      MESSAGES, MSG_BODY("", USER ",{'role':'system','content':'x'}"), 200, NULL, NULL},
    {"system first of messages",  MESSAGES, MSG_BODY("", "{'role':'system','content':'x'}," USER), 400, "messages", "first message"},
    {"two users in a row",        MESSAGES, MSG_BODY("", USER "," USER), 200, NULL, NULL},
    {"empty content",             MESSAGES, MSG_BODY("", "{'role':'user','content':''}"), 400, "messages.0", "non-empty content"},
    {"blank text",                MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'text','text':' '}]}"), 400, "messages.0.content.0", "non-whitespace"},
    {"empty text block",          MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'text','text':''}]}"), 400, "messages.0.content.0", "must be non-empty"},
    {"empty system block",        MESSAGES, MSG_BODY("'system':[{'type':'text','text':''}],", USER), 400, "system.0", "must be non-empty"},
    {"trailing blank of a prefill", MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':'x '}"), 400, "messages.1", "trailing whitespace"},
    {"unknown field",             MESSAGES, MSG_BODY("'seed':1,", USER), 400, "seed", "seed: Extra inputs are not permitted"},
    {"unknown field of a block",  MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'text','text':'x','foo':1}]}"), 400, "messages.0.content.0.foo", "Extra inputs"},
    {"use and result",            MESSAGES, MSG_BODY("'tools':[" TOOL "],", USER "," USED "," USE_DONE), 200, NULL, NULL},
    {"use without result",        MESSAGES, MSG_BODY("'tools':[" TOOL "],", USER "," USED "," USER), 400, NULL, "without `tool_result` blocks immediately after: t1"},
    {"use at the end",            MESSAGES, MSG_BODY("'tools':[" TOOL "],", USER "," USED), 400, NULL, "without `tool_result`"},
    {"result without use",        MESSAGES, MSG_BODY("", USE_DONE), 400, "messages.0.content.0", "unexpected `tool_use_id`"},
    {"result twice",              MESSAGES, MSG_BODY("", USER "," USED "," USE_DONE "," USE_DONE), 400, NULL, "single result"},
    {"text before the result",    MESSAGES, MSG_BODY("", USER "," USED ",{'role':'user','content':[{'type':'text','text':'x'},{'type':'tool_result','tool_use_id':'t1'}]}"), 400, NULL, "must come first"},
    {"empty error",               MESSAGES, MSG_BODY("", USER "," USED ",{'role':'user','content':[{'type':'tool_result','tool_use_id':'t1','is_error':true}]}"), 400, NULL, "cannot be empty"},
    {"an id with a dot",          MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'tool_use','id':'a.b','name':'f','input':{}}]}"), 400, "messages.1.content.0.id", "pattern"},
    {"input as text",             MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'tool_use','id':'a','name':'f','input':'{}'}]}"), 400, "messages.1.content.0.input", "an object"},
    {"a tool's name with a dot",  MESSAGES, MSG_BODY("'tools':[{'name':'a.b','input_schema':{'type':'object'}}],", USER), 400, "tools.0.name", "pattern"},
    {"two tools of one name",     MESSAGES, MSG_BODY("'tools':[" TOOL "," TOOL "],", USER), 400, "tools", "unique"},
    {"a schema of no type",       MESSAGES, MSG_BODY("'tools':[{'name':'a','input_schema':{}}],", USER), 400, "tools.0.input_schema.type", "Field required"},
    {"the vendor's own tool",     MESSAGES, MSG_BODY("'tools':[{'type':'web_search_20250305','name':'web_search'}],", USER), 200, NULL, NULL},
    {"choice as a word",          MESSAGES, MSG_BODY("'tools':[" TOOL "],'tool_choice':'auto',", USER), 400, "tool_choice", "an object"},
    {"choice without tools",      MESSAGES, MSG_BODY("'tool_choice':{'type':'auto'},", USER), 400, "tool_choice", "while providing tools"},
    {"choice of no tool",         MESSAGES, MSG_BODY("'tools':[" TOOL "],'tool_choice':{'type':'tool','name':'g'},", USER), 400, "tool_choice", "'g' not found"},
    {"choice required",           MESSAGES, MSG_BODY("'tools':[" TOOL "],'tool_choice':{'type':'required'},", USER), 400, "tool_choice.type", "none of the supported"},
    {"forced where not allowed",  MESSAGES, "{'model':'claude-opus-5-5','max_tokens':9,'tools':[" TOOL "],'tool_choice':{'type':'any'},'messages':[" USER "]}", 400, "tool_choice", "forcing"},
    {"a budget",                  MESSAGES, MSG_BODY("'thinking':{'type':'enabled','budget_tokens':1024},", USER), 200, NULL, NULL},
    {"a budget too small",        MESSAGES, MSG_BODY("'thinking':{'type':'enabled','budget_tokens':1023},", USER), 400, "thinking.enabled.budget_tokens", "1024"},
    {"a budget too large",        MESSAGES, MSG_BODY("'thinking':{'type':'enabled','budget_tokens':2048},", USER), 400, "max_tokens", "greater than `thinking.budget_tokens`"},
    {"thinking and temperature",  MESSAGES, MSG_BODY("'temperature':0.5,'thinking':{'type':'adaptive'},", USER), 400, "temperature", "only be set to 1"},
    {"thinking and top_k",        MESSAGES, MSG_BODY("'top_k':5,'thinking':{'type':'adaptive'},", USER), 400, "top_k", "unset"},
    {"thinking and forced",       MESSAGES, MSG_BODY("'tools':[" TOOL "],'tool_choice':{'type':'any'},'thinking':{'type':'adaptive'},", USER), 400, "tool_choice", "Thinking may not"},
    {"thinking cannot be off",    MESSAGES, "{'model':'claude-fable-5-1','max_tokens':9,'thinking':{'type':'disabled'},'messages':[" USER "]}", 400, "thinking", "disabled"},
    {"temperature 1.5",           MESSAGES, MSG_BODY("'temperature':1.5,", USER), 400, "temperature", "less than or equal to 1"},
    {"no sampling",               MESSAGES, "{'model':'claude-opus-5','max_tokens':9,'temperature':1,'messages':[" USER "]}", 400, "temperature", "not supported"},
    {"a signature of ours",       MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[" THOUGHT ",{'type':'text','text':'x'}]}," USER), 200, NULL, NULL},
    {"of another thought",        MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'thinking','thinking':'no','signature':'$T'},{'type':'text','text':'x'}]}," USER), 400, "messages.1.content.0", "Invalid `signature` in `thinking` block"},
    {"no signature",              MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'thinking','thinking':'no'}]}," USER), 400, "messages.1.content.0.signature", "Field required"},
    {"redacted data",             MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'redacted_thinking','data':'$R'},{'type':'text','text':'x'}]}," USER), 200, NULL, NULL},
    {"redacted by others",        MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'redacted_thinking','data':'AAAA'},{'type':'text','text':'x'}]}," USER), 400, "messages.1.content.0", "Invalid `data`"},
    {"a call without its thought", MESSAGES, MSG_BODY("'thinking':{'type':'enabled','budget_tokens':1024},", USER "," USED "," USE_DONE), 400, "messages.1.content.0.type", "Expected `thinking`"},
    {"a call with its thought",   MESSAGES, MSG_BODY("'thinking':{'type':'enabled','budget_tokens':1024},", USER ",{'role':'assistant','content':[" THOUGHT "," USE "]}," USE_DONE), 200, NULL, NULL},
    {"adaptive minds it not",     MESSAGES, MSG_BODY("'thinking':{'type':'adaptive'},", USER "," USED "," USE_DONE), 200, NULL, NULL},
    {"an image",                  MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':'image/png','data':'AA=='}}]}"), 200, NULL, NULL},
    {"an image of no kind",       MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'image','source':{'type':'base64','media_type':'image/tiff','data':'AA=='}}]}"), 400, "messages.0.content.0.source.media_type", "image/png"},
    {"an image by http",          MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'image','source':{'type':'url','url':'http://x/y.png'}}]}"), 400, "messages.0.content.0.source.url", "HTTPS"},
    {"an image by the assistant", MESSAGES, MSG_BODY("", USER ",{'role':'assistant','content':[{'type':'image','source':{'type':'url','url':'https://x'}}]}"), 400, "messages.1.content.0.type", "none of"},
    {"a document",                MESSAGES, MSG_BODY("", "{'role':'user','content':[{'type':'document','title':'a','source':{'type':'base64','media_type':'application/pdf','data':'AA=='}}]}"), 200, NULL, NULL},
    {"a blank stop sequence",     MESSAGES, MSG_BODY("'stop_sequences':['\\n'],", USER), 400, "stop_sequences", "non-whitespace"},
    {"an effort",                 MESSAGES, MSG_BODY("'output_config':{'effort':'minimal'},", USER), 400, "output_config.effort", "low medium"},
    {"count_tokens",              COUNT_TOK, "{'model':'m','messages':[" USER "]}", 200, NULL, NULL},
    {"count_tokens and max_tokens", COUNT_TOK, MSG_BODY("", USER), 400, "max_tokens", "Extra inputs"},

    /* chat completions */
    {"plain",                     CHAT, CHAT_BODY("", USER), 200, NULL, NULL},
    {"no messages",               CHAT, CHAT_BODY("", ""), 400, "messages", "empty array"},
    {"messages missing",          CHAT, "{'model':'m'}", 400, "messages", "Missing required parameter: 'messages'."},
    {"unknown field",             CHAT, CHAT_BODY("'top_k':1,", USER), 400, "top_k", "Unrecognized request argument supplied: top_k"},
    {"unknown field of a message", CHAT, CHAT_BODY("", "{'role':'assistant','content':'x','reasoning_content':'y'}"), 400, "messages[0].reasoning_content", "Unknown parameter"},
    {"call and result",           CHAT, CHAT_BODY("'tools':[" FUNCTION "],", USER "," CALLED "," RESULT), 200, NULL, NULL},
    {"call without result",       CHAT, CHAT_BODY("", USER "," CALLED "," USER), 400, "messages[2]", "did not have response messages: c1"},
    {"call at the end",           CHAT, CHAT_BODY("", USER "," CALLED), 400, "messages", "did not have response messages: c1"},
    {"result without call",       CHAT, CHAT_BODY("", USER "," RESULT), 400, "messages[1]", "preceeding message"},
    {"result of another call",    CHAT, CHAT_BODY("", USER "," CALLED ",{'role':'tool','tool_call_id':'c2','content':'x'}"), 400, "messages[2]", "'c2' not found"},
    {"an id too long",            CHAT, CHAT_BODY("", USER ",{'role':'assistant','tool_calls':[{'id':'12345678901234567890123456789012345678901','type':'function','function':{'name':'f','arguments':''}}]}"), 400, "messages[1].tool_calls[0].id", "maximum length 40"},
    {"arguments as an object",    CHAT, CHAT_BODY("", USER ",{'role':'assistant','tool_calls':[{'id':'c','type':'function','function':{'name':'f','arguments':{}}}]}"), 400, "messages[1].tool_calls[0].function.arguments", "a string"},
    {"an assistant of nothing",   CHAT, CHAT_BODY("", USER ",{'role':'assistant','content':null}"), 400, "messages[1].content", "got null"},
    {"an image of the assistant", CHAT, CHAT_BODY("", "{'role':'assistant','content':[{'type':'image_url','image_url':{'url':'https://x'}}]}"), 400, "messages[0].content[0].type", "none of"},
    {"an image by base64 alone",  CHAT, CHAT_BODY("", "{'role':'user','content':[{'type':'image_url','image_url':{'url':'AAAA'}}]}"), 400, "messages[0].content[0].image_url.url", "data URL"},
    {"an image of a tool",        CHAT, CHAT_BODY("", USER "," CALLED ",{'role':'tool','tool_call_id':'c1','content':[{'type':'image_url','image_url':{'url':'https://x'}}]}"), 400, "messages[2].content[0].type", "none of"},
    {"a name with a dot",         CHAT, CHAT_BODY("'tools':[{'type':'function','function':{'name':'a.b'}}],", USER), 400, "tools[0].function.name", "pattern"},
    {"responses' form of a tool", CHAT, CHAT_BODY("'tools':[{'type':'function','name':'f'}],", USER), 400, "tools[0].function", "Missing required"},
    {"parameters of no type",     CHAT, CHAT_BODY("'tools':[{'type':'function','function':{'name':'f','parameters':{}}}],", USER), 400, "tools[0].function.parameters", "type: \"object\""},
    {"strict and open",           CHAT, CHAT_BODY("'tools':[{'type':'function','function':{'name':'f','strict':true,'parameters':{'type':'object'}}}],", USER), 400, NULL, "additionalProperties"},
    {"no tools in tools",         CHAT, CHAT_BODY("'tools':[],", USER), 400, "tools", "1 to 128"},
    {"choice without tools",      CHAT, CHAT_BODY("'tool_choice':'auto',", USER), 400, "tool_choice", "only allowed when 'tools'"},
    {"parallel without tools",    CHAT, CHAT_BODY("'parallel_tool_calls':false,", USER), 400, "parallel_tool_calls", "only allowed when 'tools'"},
    {"choice of no tool",         CHAT, CHAT_BODY("'tools':[" FUNCTION "],'tool_choice':{'type':'function','function':{'name':'g'}},", USER), 400, "tool_choice", "'g' not found"},
    {"Anthropic's choice",        CHAT, CHAT_BODY("'tools':[" FUNCTION "],'tool_choice':{'type':'any'},", USER), 400, "tool_choice.type", "none of"},
    {"stream_options alone",      CHAT, CHAT_BODY("'stream_options':{'include_usage':true},", USER), 400, "stream_options", "only allowed when 'stream'"},
    {"metadata without store",    CHAT, CHAT_BODY("'metadata':{'a':'b'},", USER), 400, "metadata", "'store'"},
    {"a user too long",           CHAT, CHAT_BODY("'user':'12345678901234567890123456789012345678901234567890123456789012345',", USER), 400, "user", "maximum length 64"},
    {"five stops",                CHAT, CHAT_BODY("'stop':['a','b','c','d','e'],", USER), 400, "stop", "maximum length 4"},
    {"JSON mode unsaid",          CHAT, CHAT_BODY("'response_format':{'type':'json_object'},", USER), 400, "messages", "the word 'json'"},
    {"JSON mode said",            CHAT, CHAT_BODY("'response_format':{'type':'json_object'},", "{'role':'system','content':'In JSON.'}," USER), 200, NULL, NULL},
    {"a schema without a name",   CHAT, CHAT_BODY("'response_format':{'type':'json_schema','json_schema':{'schema':{}}},", USER), 400, "response_format.json_schema.name", "Missing"},
    {"max_tokens for one that reasons", CHAT, "{'model':'o3-mini','max_tokens':9,'messages':[" USER "]}", 400, "max_tokens", "Use 'max_completion_tokens' instead"},
    {"temperature for it",        CHAT, "{'model':'gpt-5','temperature':0.5,'messages':[" USER "]}", 400, "temperature", "Only the default (1)"},
    {"temperature 1 for it",      CHAT, "{'model':'gpt-5','temperature':1.0,'messages':[" USER "]}", 200, NULL, NULL},
    {"effort for gpt-4",          CHAT, "{'model':'gpt-4o','reasoning_effort':'low','messages':[" USER "]}", 400, "reasoning_effort", "Unrecognized"},
    {"tools for gpt-5.6",         CHAT, "{'model':'gpt-5.6','tools':[" FUNCTION "],'messages':[" USER "]}", 400, "reasoning_effort", "/v1/chat/completions"},

    /* responses */
    {"a text",                    RESPONSES, "{'model':'m','input':'hi'}", 200, NULL, NULL},
    {"nothing",                   RESPONSES, "{'model':'m'}", 400, "input", "must be provided"},
    {"unknown field",             RESPONSES, RSP_BODY("'stop':['a'],", ITEM), 400, "stop", "Unknown parameter: 'stop'."},
    {"messages",                  RESPONSES, "{'model':'m','messages':[]}", 400, "messages", "Unknown parameter"},
    {"an unknown item",           RESPONSES, RSP_BODY("", "{'type':'tool_result'}"), 400, "input[0].type", "none of"},
    {"input_text by the assistant", RESPONSES, RSP_BODY("", "{'role':'assistant','content':[{'type':'input_text','text':'x'}]}"), 400, "input[0].content[0].type", "none of"},
    {"call and output",           RESPONSES, RSP_BODY("", ITEM "," FCALL "," FOUTPUT), 200, NULL, NULL},
    {"call without output",       RESPONSES, RSP_BODY("", ITEM "," FCALL), 400, "input", "No tool output found for function call c1"},
    {"output without call",       RESPONSES, RSP_BODY("", ITEM "," FOUTPUT), 400, "input", "No tool call found"},
    {"a call without a name",     RESPONSES, RSP_BODY("", "{'type':'function_call','call_id':'c','arguments':''}"), 400, "input[0].name", "Missing"},
    {"an id of the wrong kind",   RESPONSES, RSP_BODY("", "{'type':'function_call','id':'msg_1','call_id':'c','name':'f','arguments':''}"), 400, "input[0].id", "begins with 'fc'"},
    {"reasoning",                 RESPONSES, RSP_BODY("", ITEM "," REASON "," SAID "," ITEM), 200, NULL, NULL},
    {"reasoning by others",       RESPONSES, RSP_BODY("", ITEM ",{'type':'reasoning','id':'rs_1','summary':[],'encrypted_content':'gAAAA'}," SAID), 400, "input[1].encrypted_content", "could not be verified"},
    {"reasoning of another item", RESPONSES, RSP_BODY("", ITEM ",{'type':'reasoning','id':'rs_2','summary':[],'encrypted_content':'$E'}," SAID), 400, "input[1].encrypted_content", "did not match the target item id"},
    {"reasoning not stored",      RESPONSES, RSP_BODY("", ITEM ",{'type':'reasoning','id':'rs_1','summary':[]}," SAID), 404, "input", "not persisted"},
    {"reasoning of nothing",      RESPONSES, RSP_BODY("", ITEM "," REASON "," ITEM), 400, "input[1]", "required following item"},
    {"chat's form of a tool",     RESPONSES, RSP_BODY("'tools':[" FUNCTION "],", ITEM), 400, "tools[0].name", "Missing required parameter: 'tools[0].name'."},
    {"a namespace",               RESPONSES, RSP_BODY("'tools':[{'type':'namespace','name':'n','description':'d','tools':[{'type':'function','name':'f','parameters':{'type':'object'}}]}],", ITEM), 200, NULL, NULL},
    {"15 tokens",                 RESPONSES, RSP_BODY("'max_output_tokens':15,", ITEM), 400, "max_output_tokens", "Expected a value >= 16"},
    {"nothing before",            RESPONSES, RSP_BODY("'previous_response_id':'resp_x',", ITEM), 404, "previous_response_id", "'resp_x' not found"},
    {"something before",          RESPONSES, RSP_BODY("'previous_response_id':'resp_stored',", FOUTPUT), 200, NULL, NULL},
    {"JSON mode unsaid",          RESPONSES, RSP_BODY("'text':{'format':{'type':'json_object'}},", ITEM), 400, "input", "the word 'json'"},
    {"chat's response_format",    RESPONSES, RSP_BODY("'response_format':{'type':'text'},", ITEM), 400, "response_format", "Unknown"},
    {"temperature",               RESPONSES, "{'model':'o4-mini','temperature':0.1,'input':'hi'}", 400, "temperature", "Unsupported parameter"},

    /* llama-server */
    {"what it does not know",     LLAMA, CHAT_BODY("'foo':1,", USER), 200, NULL, NULL},
    {"no messages",               LLAMA, "{'model':'m'}", 400, NULL, "\"messages\" is required"},
    {"an image",                  LLAMA, CHAT_BODY("", "{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://x'}}]}"), 500, NULL, "mmproj"},
    {"an image it can see",       LLAMA, "{'model':'a-vision-model','messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':'https://x'}}]}]}", 200, NULL, NULL},
    {"arguments of no JSON",      LLAMA, CHAT_BODY("", USER ",{'role':'assistant','tool_calls':[{'id':'c','function':{'name':'f','arguments':'oops'}}]}"), 500, NULL, "Failed to parse tool call arguments"},
    {"system late, lax template", LLAMA, CHAT_BODY("", USER ",{'role':'system','content':'x'}"), 200, NULL, NULL},
    {"system late",               LLAMA, "{'model':'strict-template','messages':[" USER ",{'role':'system','content':'x'}]}", 500, NULL, "must be at the beginning"},
    {"developer",                 LLAMA, "{'model':'strict-template','messages':[{'role':'developer','content':'x'}]}", 500, NULL, "Unexpected message role"},
    {"users in a row",            LLAMA, "{'model':'strict-template','messages':[" USER "," USER "]}", 500, NULL, "must alternate"},
    {"call, result, answer",      LLAMA, "{'model':'strict-template','messages':[{'role':'system','content':'x'}," USER "," CALLED "," RESULT ",{'role':'assistant','content':'x'}," USER "]}", 200, NULL, NULL},
};
// clang-format on

/* The body as JSON: quotes, and what only a simulator can make. */
static void spell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_putc(out, '"');
        else if (*text != '$')
            buf_putc(out, *text);
        else if (*++text == 'T')
            stamp_thinking(out, STR("hm"));
        else
            stamp_opaque(out, *text == 'E' ? STR("rs_1") : STR("whatever"));
    }
}

static void check_rule(const struct rule *rule)
{
    static struct stored stored;
    struct arena arena;
    struct error error = {0};
    struct json_reader *reader;
    struct request request;
    struct refusal refusal = {.status = 200};
    struct json root;
    AUTO_BUF struct buf body;
    buf_init(&body, 65536);
    spell(rule->body, &body);
    stored_add(&stored, "stored");
    arena_init(&arena, 1u << 20);
    if (json_reader_new(65536, &reader) != OK)
        abort();
    request_route(rule->vendor, str_of(rule->path), &arena, &request);
    if (request_read(&request, reader, buf_str(&body), &arena, &error) != OK ||
        json_parse(reader, buf_str(&body), &root, &error) != OK) {
        fprintf(stderr, "%s: %s\n", rule->name, error.text);
        abort();
    }
    bool is_taken = strict_accepts(&request, root, &stored, &refusal);
    CHECK_INT(rule->name, refusal.status, rule->status);
    CHECK(rule->name, is_taken == (rule->status == 200));
    if (rule->param)
        CHECK_STR(rule->name, refusal.param, rule->param);
    if (rule->words && !strstr(refusal.message, rule->words))
        CHECK_STR(rule->name, refusal.message, rule->words);
    arena_release(&arena);
    json_reader_free(reader);
}

static void each_rule_is_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rules); i++)
        check_rule(&rules[i]);
}

static void seals_are_known_again_and_others_are_not(void **state)
{
    (void)state;
    AUTO_BUF struct buf seal;
    struct str id;
    buf_init(&seal, 256);
    stamp_thinking(&seal, STR("let me see"));
    CHECK("its own", stamp_thinking_is_ours(buf_str(&seal), STR("let me see")));
    CHECK("of another text", !stamp_thinking_is_ours(buf_str(&seal), STR("let me sea")));
    CHECK("none", !stamp_thinking_is_ours(STR(""), STR("let me see")));
    buf_clear(&seal);
    stamp_opaque(&seal, STR("rs_9"));
    CHECK("its own", stamp_opaque_is_ours(buf_str(&seal), &id));
    CHECK("with its id", str_eq(id, STR("rs_9")));
    buf_append_lit(&seal, "x");
    CHECK("altered", !stamp_opaque_is_ours(buf_str(&seal), &id));
    CHECK("short", !stamp_opaque_is_ours(STR("gAAAAsim"), &id));
}

/* What is refused is said as the vendor says it. */
static void refusals_have_the_vendors_shape(void **state)
{
    (void)state;
    static const struct {
        enum vendor vendor;
        const char *code, *has;
    } shapes[] = {
        {VENDOR_OPENAI, "some_code", "\"param\":\"a.b\",\"code\":\"some_code\""},
        {VENDOR_ANTHROPIC, NULL, "\"type\":\"invalid_request_error\",\"message\":\"a.b: no\""},
        {VENDOR_LLAMA, NULL, "\"code\":400,\"message\":\"a.b: no\""}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct refusal refusal = {400, shapes[i].code, "a.b", "a.b: no"};
        struct request request = {.vendor = shapes[i].vendor};
        struct program program;
        struct cursor cursor;
        AUTO_BUF struct buf out;
        buf_init(&out, 65536);
        program_init(&program);
        cursor_init(&cursor);
        answer_refuse_field(&program, &request, &refusal);
        (void)program_next(&program, &cursor, &out, 65536);
        CHECK_INT(vendor_name(shapes[i].vendor), program.status, 400);
        if (!str_find(buf_str(&out), str_of(shapes[i].has), NULL))
            CHECK_STR(vendor_name(shapes[i].vendor), out.data, shapes[i].has);
        cursor_release(&cursor);
        program_release(&program);
    }
}

TEST_MAIN(TEST(each_rule_is_held), TEST(seals_are_known_again_and_others_are_not),
          TEST(refusals_have_the_vendors_shape))
