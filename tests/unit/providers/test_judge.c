/* tests/unit/providers/test_judge.c: PROVIDER_ERRORS.md 2, 3, 4 and 6, a row for each of its rows.
 *
 * Bodies are as the threads and documents named there show them, shortened.
 */
#include "providers/kinds.h"
#include "tests/test.h"

#define NOW INT64_C(1763640000000) /* 2025-11-20 12:00:00 UTC */
#define NO  RETRY_UNKNOWN_MS
#define DAY (24 * 3600 * INT64_C(1000))

#define O PROVIDER_OPENAI
#define A PROVIDER_ANTHROPIC

/* OpenAI's shape and Anthropic's. */
#define OPENAI(message, type, param, code)                                                         \
    "{\"error\":{\"message\":\"" message "\",\"type\":" type ",\"param\":" param ",\"code\":" code \
    "}}"
#define ANTHROPIC(type, message)                                                  \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message \
    "\"},\"request_id\":\"req_1\"}"
#define LLAMA(message) \
    "{\"error\":{\"code\":500,\"message\":\"" message "\",\"type\":\"server_error\"}}"
#define INVALID "\"invalid_request_error\""
#define NUL     "null"

struct story {
    const char *name;
    enum provider_kind kind;
    int status;
    const char *body;
    enum verdict verdict;
    const char *reason;      /* NULL: not looked at */
    const char *param;       /* NULL: not looked at */
    const char *retry_after; /* header */
    int64_t retry_ms;        /* 0: not looked at */
};

// clang-format off
static const struct story stories[] = {
    /* ---- OpenAI ---- */
    {"a wrong key", O, 401, OPENAI("Incorrect API key provided: sk-abcd*****wxyz.", INVALID, NUL, "\"invalid_api_key\""), .verdict = VERDICT_KEY, "invalid_api_key"},
    {"no member of the organization", O, 401, OPENAI("You must be a member of an organization to use the API", INVALID, NUL, NUL), .verdict = VERDICT_KEY},
    {"a country that is not served", O, 403, OPENAI("Country, region, or territory not supported", "\"request_forbidden\"", NUL, "\"unsupported_country_region_territory\""), .verdict = VERDICT_KEY, "unsupported_region"},
    {"a 403 about one model is not about the key", O, 403, OPENAI("Project `proj_x` does not have access to model `gpt-5`", INVALID, NUL, "\"model_not_found\""), .verdict = VERDICT_MODEL},
    {"the same without its code", O, 403, OPENAI("Project `proj_x` does not have access to model `gpt-5`", INVALID, NUL, NUL), .verdict = VERDICT_MODEL},
    {"a model that does not exist", O, 404, OPENAI("The model `gpt-9` does not exist or you do not have access to it.", INVALID, NUL, "\"model_not_found\""), .verdict = VERDICT_MODEL},
    {"a path that does not exist", O, 404, OPENAI("Invalid URL (POST /v1/chat)", INVALID, NUL, NUL), .verdict = VERDICT_CALLER},
    {"requests a minute", O, 429, OPENAI("Rate limit reached for gpt-5 in organization org-x on requests per min (RPM): Limit 3, Used 3. Please try again in 20s.", "\"requests\"", NUL, "\"rate_limit_exceeded\""), .verdict = VERDICT_LIMIT, "rate_limited", NULL, NULL, 20000},
    {"the header counts before the message", O, 429, OPENAI("Rate limit reached. Please try again in 20s.", "\"tokens\"", NUL, "\"rate_limit_exceeded\""), .verdict = VERDICT_LIMIT, NULL, NULL, "7", 7000},
    {"traffic grew too fast", O, 503, OPENAI("Slow down", "\"rate_limit_error\"", NUL, "\"slow_down\""), .verdict = VERDICT_LIMIT},
    {"a 429 that can never pass on this account", O, 429, OPENAI("Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 36278.", "\"tokens\"", NUL, "\"rate_limit_exceeded\""), .verdict = VERDICT_LONG},
    {"no credit", O, 429, OPENAI("You have no credits left", "\"insufficient_quota\"", NUL, "\"credit_balance_exhausted\""), .verdict = VERDICT_SPENT, "credit_exhausted", NULL, NULL, NO},
    {"the organization's spend limit", O, 429, OPENAI("limit", "\"insufficient_quota\"", NUL, "\"organization_spend_limit_exceeded\""), .verdict = VERDICT_SPENT, "spend_limit"},
    {"the project's spend limit", O, 429, OPENAI("limit", "\"insufficient_quota\"", NUL, "\"project_spend_limit_exceeded\""), .verdict = VERDICT_SPENT},
    {"the assigned usage limit", O, 429, OPENAI("limit", "\"insufficient_quota\"", NUL, "\"organization_usage_limit_exceeded\""), .verdict = VERDICT_SPENT, "usage_limit"},
    {"quota, the old form", O, 429, OPENAI("You exceeded your current quota, please check your plan and billing details.", "\"insufficient_quota\"", NUL, "\"insufficient_quota\""), .verdict = VERDICT_SPENT},
    {"quota, with type alone", O, 429, OPENAI("x", "\"insufficient_quota\"", NUL, NUL), .verdict = VERDICT_SPENT},
    {"quota, with words alone", O, 429, OPENAI("You exceeded your current quota", NUL, NUL, NUL), .verdict = VERDICT_SPENT},
    {"hard limit", O, 400, OPENAI("Billing hard limit has been reached", INVALID, NUL, "\"billing_hard_limit_reached\""), .verdict = VERDICT_SPENT},
    {"account not active", O, 429, OPENAI("Your account is not active, please check your billing details", "\"billing_not_active\"", NUL, "\"billing_not_active\""), .verdict = VERDICT_SPENT},
    {"overloaded", O, 503, OPENAI("That model is currently overloaded", "\"service_unavailable_error\"", NUL, "\"server_is_overloaded\""), .verdict = VERDICT_BUSY, "overloaded", NULL, "5", 5000},
    {"an error of theirs", O, 500, OPENAI("The server had an error while processing your request", "\"server_error\"", NUL, NUL), .verdict = VERDICT_SERVER, "server_error"},
    {"a bad gateway", O, 502, "<html><body>502 Bad Gateway</body></html>", .verdict = VERDICT_SERVER},
    {"a gateway timeout", O, 504, "", .verdict = VERDICT_SERVER},
    {"too long", O, 400, OPENAI("This model's maximum context length is 128000 tokens. However, your messages resulted in 140000 tokens.", INVALID, "\"messages\"", "\"context_length_exceeded\""), .verdict = VERDICT_LONG},
    {"too long, newer", O, 400, OPENAI("Your input exceeds the context window of this model. Please adjust your input and try again.", INVALID, "\"input\"", "\"context_length_exceeded\""), .verdict = VERDICT_LONG},
    {"too long for embeddings", O, 400, OPENAI("This model's maximum context length is 8192 tokens, however you requested 9000 tokens", INVALID, NUL, NUL), .verdict = VERDICT_LONG},
    {"too many inputs for one call", O, 400, OPENAI("Invalid 'input': array too long. Expected an array with maximum length 2048", INVALID, "\"input\"", "\"array_above_max_length\""), .verdict = VERDICT_CALLER},
    {"a renamed parameter", O, 400, OPENAI("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", INVALID, "\"max_tokens\"", "\"unsupported_parameter\""), .verdict = VERDICT_PARAM, "unsupported_parameter", "max_tokens"},
    {"a value that is not taken", O, 400, OPENAI("Unsupported value: 'temperature' does not support 0.16 with this model. Only the default (1) value is supported.", INVALID, "\"temperature\"", "\"unsupported_value\""), .verdict = VERDICT_PARAM, NULL, "temperature"},
    {"the same without code and param", O, 400, OPENAI("Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low'", INVALID, NUL, NUL), .verdict = VERDICT_PARAM, NULL, "reasoning_effort"},
    {"tools with reasoning", O, 400, OPENAI("Function tools with reasoning_effort are not supported for gpt-5.6-sol in /v1/chat/completions.", INVALID, "\"reasoning_effort\"", NUL), .verdict = VERDICT_PARAM, "tools_with_reasoning", "reasoning_effort"},
    {"stream options without a stream", O, 400, OPENAI("The 'stream_options' parameter is only allowed when 'stream' is enabled.", INVALID, "\"stream_options\"", NUL), .verdict = VERDICT_PARAM, NULL, "stream_options"},
    {"a parameter that is not known", O, 400, OPENAI("Unknown parameter: 'foo'.", INVALID, "\"foo\"", "\"unknown_parameter\""), .verdict = VERDICT_PARAM, NULL, "foo"},
    {"a service tier", O, 400, OPENAI("Invalid service_tier argument", INVALID, "\"service_tier\"", NUL), .verdict = VERDICT_PARAM, NULL, "service_tier"},
    {"a flagged prompt", O, 400, OPENAI("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", INVALID, NUL, "\"invalid_prompt\""), .verdict = VERDICT_POLICY},
    {"a bad request", O, 400, OPENAI("Invalid type for 'messages': expected an array", INVALID, "\"messages\"", "\"invalid_type\""), .verdict = VERDICT_CALLER, "bad_request"},
    {"what nobody knows: 422", O, 422, OPENAI("x", NUL, NUL, NUL), .verdict = VERDICT_CALLER},
    {"what nobody knows: 413", O, 413, "<html>", .verdict = VERDICT_CALLER},
    {"what nobody knows: 418", O, 418, "", .verdict = VERDICT_CALLER},
    {"what nobody knows: 402", O, 402, "", .verdict = VERDICT_SPENT},
    {"what nobody knows: 403", O, 403, "", .verdict = VERDICT_KEY},
    {"what nobody knows: 408", O, 408, "", .verdict = VERDICT_SERVER},
    {"what nobody knows: 409", O, 409, "", .verdict = VERDICT_SERVER},
    {"what nobody knows: 429", O, 429, "", .verdict = VERDICT_LIMIT, "rate_limited", NULL, NULL, NO},
    {"what nobody knows: 503", O, 503, "", .verdict = VERDICT_SERVER},
    {"a CDN's own", O, 522, "<html>522", .verdict = VERDICT_SERVER},

    /* ---- Anthropic ---- */
    {"a 400 that is money", A, 400, ANTHROPIC("invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."), .verdict = VERDICT_SPENT, "credit_exhausted", NULL, NULL, NO},
    {"a limit that the customer set, with its date", A, 400, ANTHROPIC("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2025-12-01 at 00:00 UTC."), .verdict = VERDICT_SPENT, "spend_limit", NULL, NULL, 10 * DAY + DAY / 2},
    {"a workspace's limit, without one: the first of next month", A, 400, ANTHROPIC("invalid_request_error", "You have reached your specified workspace API usage limits."), .verdict = VERDICT_SPENT, "spend_limit", NULL, NULL, 10 * DAY + DAY / 2},
    {"payment details", A, 402, ANTHROPIC("billing_error", "There is an issue with your payment details"), .verdict = VERDICT_SPENT},
    {"the tier's monthly cap", A, 429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"x\",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}", .verdict = VERDICT_SPENT, "spend_limit", NULL, NULL, 10 * DAY + DAY / 2},
    {"a rate limit", A, 429, ANTHROPIC("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute"), .verdict = VERDICT_LIMIT, "rate_limited", NULL, "12", 12000},
    {"a rate limit without a time", A, 429, ANTHROPIC("rate_limit_error", "slow"), .verdict = VERDICT_LIMIT, NULL, NULL, NULL, NO},
    {"overloaded", A, 529, ANTHROPIC("overloaded_error", "Overloaded"), .verdict = VERDICT_BUSY, "overloaded", NULL, NULL, NO},
    {"overloaded, without a body", A, 529, "", .verdict = VERDICT_BUSY},
    {"a bad key", A, 401, ANTHROPIC("authentication_error", "invalid x-api-key"), .verdict = VERDICT_KEY, "invalid_api_key"},
    {"an Origin went along", A, 401, ANTHROPIC("authentication_error", "CORS requests are not allowed for this Organization because of its settings"), .verdict = VERDICT_SERVER, "origin_refused"},
    {"no permission", A, 403, ANTHROPIC("permission_error", "OAuth authentication is currently not allowed for this organization."), .verdict = VERDICT_KEY},
    {"no permission for a model", A, 403, ANTHROPIC("permission_error", "Your API key does not have permission to use claude-mythos-5-2"), .verdict = VERDICT_MODEL},
    {"an unknown model", A, 404, ANTHROPIC("not_found_error", "model: claude-9"), .verdict = VERDICT_MODEL, "model_not_found"},
    {"an unknown path", A, 404, ANTHROPIC("not_found_error", "Not Found"), .verdict = VERDICT_CALLER},
    {"too long", A, 400, ANTHROPIC("invalid_request_error", "prompt is too long: 205668 tokens > 200000 maximum"), .verdict = VERDICT_LONG},
    {"too long with its answer", A, 400, ANTHROPIC("invalid_request_error", "input length and `max_tokens` exceed context limit: 189136 + 20000 > 204648, decrease input length"), .verdict = VERDICT_LONG},
    {"too much asked for", A, 400, ANTHROPIC("invalid_request_error", "max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens for claude-x"), .verdict = VERDICT_PARAM, NULL, "max_tokens"},
    {"a body over 32 MB", A, 413, ANTHROPIC("request_too_large", "Request exceeds the maximum size"), .verdict = VERDICT_CALLER},
    {"the CDN's own 413", A, 413, "<html>413</html>", .verdict = VERDICT_CALLER},
    {"a forced tool", A, 400, ANTHROPIC("invalid_request_error", "tool_choice: 'any' is not supported for this model"), .verdict = VERDICT_PARAM, NULL, "tool_choice"},
    {"a temperature", A, 400, ANTHROPIC("invalid_request_error", "temperature: this model does not support sampling parameters"), .verdict = VERDICT_PARAM, NULL, "temperature"},
    {"a temperature, from Opus 4.7 on", A, 400, ANTHROPIC("invalid_request_error", "`temperature` is deprecated for this model."), .verdict = VERDICT_PARAM, "unsupported_parameter", "temperature"},
    {"a field deep inside", A, 400, ANTHROPIC("invalid_request_error", "tools.0.custom.strict: Extra inputs are not permitted"), .verdict = VERDICT_PARAM, NULL, "tools.0.custom.strict"},
    {"blocked output", A, 400, ANTHROPIC("invalid_request_error", "Output blocked by content filtering policy"), .verdict = VERDICT_POLICY},
    {"a conflict", A, 409, ANTHROPIC("conflict_error", "x"), .verdict = VERDICT_SERVER},
    {"an error of theirs", A, 500, ANTHROPIC("api_error", "Internal server error"), .verdict = VERDICT_SERVER},
    {"a timeout", A, 504, ANTHROPIC("timeout_error", "x"), .verdict = VERDICT_SERVER},
    {"a bad request", A, 400, ANTHROPIC("invalid_request_error", "messages: at least one message is required"), .verdict = VERDICT_CALLER},

    /* ---- compatible services ---- */
    {"Azure: content", O, 400, "{\"error\":{\"message\":\"The response was filtered\",\"type\":null,\"param\":\"prompt\",\"code\":\"content_filter\",\"status\":400,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}", .verdict = VERDICT_POLICY},
    {"Azure: content by innererror alone", O, 400, "{\"error\":{\"message\":\"x\",\"code\":null,\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}", .verdict = VERDICT_POLICY},
    {"Azure: deployment", O, 404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API deployment for this resource does not exist.\"}}", .verdict = VERDICT_MODEL},
    {"Azure: demand", O, 429, "{\"error\":{\"code\":\"429\",\"message\":\"System is experiencing high demand. Please retry after 10 seconds.\"}}", .verdict = VERDICT_BUSY},
    {"OpenRouter: credits", O, 402, "{\"error\":{\"code\":402,\"message\":\"Insufficient credits\",\"metadata\":{\"limit_source\":\"openrouter_credits\"}}}", .verdict = VERDICT_SPENT},
    {"OpenRouter: can afford less", O, 402, "{\"error\":{\"code\":402,\"message\":\"This request requires more credits, or fewer max_tokens. You requested up to 8192 tokens, but can only afford 1775.\"}}", .verdict = VERDICT_SPENT},
    {"OpenRouter: budget in flight", O, 402, "{\"error\":{\"code\":402,\"message\":\"x\",\"metadata\":{\"limit_source\":\"openrouter_in_flight_budget\"}}}", .verdict = VERDICT_LIMIT, "in_flight_budget", NULL, "3", 3000},
    {"OpenRouter: a 402 with a time", O, 402, "{\"error\":{\"code\":402,\"message\":\"x\"}}", .verdict = VERDICT_LIMIT, NULL, NULL, "3", 3000},
    {"OpenRouter: moderation", O, 403, "{\"error\":{\"code\":403,\"message\":\"Your input was flagged\",\"metadata\":{\"reasons\":[\"x\"],\"flagged_input\":\"bad words\"}}}", .verdict = VERDICT_POLICY},
    {"OpenRouter: another 403", O, 403, "{\"error\":{\"code\":403,\"message\":\"Key disabled\"}}", .verdict = VERDICT_KEY},
    {"OpenRouter: model down", O, 502, "{\"error\":{\"code\":502,\"message\":\"Provider returned error\",\"metadata\":{\"provider_name\":\"X\"}}}", .verdict = VERDICT_BUSY},
    {"OpenRouter: no provider", O, 503, "{\"error\":{\"code\":503,\"message\":\"No available model provider that meets your routing requirements\"}}", .verdict = VERDICT_BUSY},
    {"OpenRouter: timeout", O, 408, "{\"error\":{\"code\":408,\"message\":\"x\"}}", .verdict = VERDICT_SERVER},
    {"OpenRouter: inside a 200", O, 200, "{\"error\":{\"code\":429,\"message\":\"x\"}}", .verdict = VERDICT_LIMIT},
    {"OpenRouter: too long", O, 400, "{\"error\":{\"code\":400,\"message\":\"This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens. Please reduce the length or use the middle-out transform\"}}", .verdict = VERDICT_LONG},
    {"OpenRouter: model id", O, 400, "{\"error\":{\"code\":400,\"message\":\"foo/bar is not a valid model ID\"}}", .verdict = VERDICT_MODEL},
    {"Groq: tokens a day", O, 429, OPENAI("Rate limit reached for model `llama` on tokens per day (TPD): Limit 100000. Please try again in 9m38.016s.", "\"tokens\"", NUL, "\"rate_limit_exceeded\""), .verdict = VERDICT_LIMIT, NULL, NULL, NULL, 578016},
    {"Groq: a 413 that is about the account", O, 413, OPENAI("Request too large for model `llama` on tokens per minute (TPM): Limit 12000, Requested 14137", "\"tokens\"", NUL, "\"rate_limit_exceeded\""), .verdict = VERDICT_LONG},
    {"Groq: flex", O, 498, OPENAI("capacity", "\"x\"", NUL, "\"capacity_exceeded\""), .verdict = VERDICT_BUSY},
    {"Groq: 503", O, 503, OPENAI("Service Unavailable", "\"internal_server_error\"", NUL, NUL), .verdict = VERDICT_BUSY},
    {"Groq: 424", O, 424, OPENAI("x", NUL, NUL, NUL), .verdict = VERDICT_CALLER},
    {"Groq: 499", O, 499, "", .verdict = VERDICT_CALLER},
    {"Groq: stream_options, in 2024", O, 400, "{\"error\":{\"message\":\"property 'stream_options' is unsupported\",\"type\":\"invalid_request_error\"}}", .verdict = VERDICT_PARAM, NULL, "stream_options"},
    {"Together: too long", O, 400, OPENAI("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 5000", INVALID, NUL, NUL), .verdict = VERDICT_LONG},
    {"Together: overloaded", O, 503, OPENAI("The model is overloaded. Try again later", "\"x\"", NUL, NUL), .verdict = VERDICT_BUSY},
    {"Mistral: stream_options", O, 422, "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"stream_options\"],\"msg\":\"Extra inputs are not permitted\"}]},\"type\":\"invalid_request_error\",\"param\":null,\"code\":null}", .verdict = VERDICT_PARAM, NULL, "stream_options"},
    {"FastAPI: a field", O, 422, "{\"detail\":[{\"type\":\"extra_forbidden\",\"loc\":[\"body\",\"messages\",0,\"strict\"],\"msg\":\"Extra inputs are not permitted\"}]}", .verdict = VERDICT_PARAM, NULL, "strict"},
    {"Databricks: a parameter", O, 400, "{\"error_code\":\"INVALID_PARAMETER_VALUE\",\"message\":\"x: unknown field stream_options\"}", .verdict = VERDICT_PARAM, NULL, "stream_options"},
    {"vLLM: too long", O, 400, "{\"object\":\"error\",\"message\":\"This model's maximum context length is 6048 tokens. However, you requested 6616 tokens\",\"type\":\"BadRequestError\",\"param\":null,\"code\":400}", .verdict = VERDICT_LONG},
    {"vLLM: too long, from 0.16", O, 400, OPENAI("You passed 1015 input tokens and requested 10 output tokens. However, the model's context length is only 1024 tokens", "\"BadRequestError\"", "\"input_tokens\"", "400"), .verdict = VERDICT_LONG},
    {"vLLM: nothing left for an answer", O, 400, OPENAI("max_tokens must be at least 1, got -186.", "\"BadRequestError\"", NUL, "400"), .verdict = VERDICT_LONG},
    {"vLLM: no such model", O, 404, "{\"object\":\"error\",\"message\":\"The model `x` does not exist.\",\"type\":\"NotFoundError\",\"param\":null,\"code\":404}", .verdict = VERDICT_MODEL},
    {"llama-server: too long", O, 400, "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size. try increasing the context size or enable context shift\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":5000,\"n_ctx\":4096}}", .verdict = VERDICT_LONG},
    {"llama-server: the same as a 500", O, 500, "{\"error\":{\"code\":500,\"message\":\"x\",\"type\":\"exceed_context_size_error\"}}", .verdict = VERDICT_LONG},
    {"llama-server: loading", O, 503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}", .verdict = VERDICT_BUSY, "loading"},
    {"llama-server: router mode", O, 400, "{\"error\":{\"code\":400,\"message\":\"model not found\",\"type\":\"invalid_request_error\"}}", .verdict = VERDICT_MODEL},
    {"llama-server: key", O, 401, "{\"error\":{\"code\":401,\"message\":\"Invalid API Key\",\"type\":\"authentication_error\"}}", .verdict = VERDICT_KEY},
    {"llama-server: not found", O, 404, "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":\"not_found_error\"}}", .verdict = VERDICT_MODEL},
    {"llama-server: not supported", O, 501, "{\"error\":{\"code\":501,\"message\":\"This server does not support embeddings\",\"type\":\"not_supported_error\"}}", .verdict = VERDICT_PARAM},
    {"llama-server: an image for a model without eyes", O, 500, LLAMA("image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"), .verdict = VERDICT_CALLER, "bad_request"},
    {"llama-server: sound for one without ears", O, 500, LLAMA("audio input is not supported - hint: if this is unexpected, you may need to provide the mmproj"), .verdict = VERDICT_CALLER},
    {"llama-server: messages that are none, whatever they say", O, 500, LLAMA("Failed to parse messages: Missing 'role' in message: {\\\"content\\\":\\\"You exceeded your current quota at the maximum context length\\\"}"), .verdict = VERDICT_CALLER},
    {"llama-server: tools that are none", O, 500, LLAMA("Failed to parse tools: Unsupported tool type: {}; tools = []"), .verdict = VERDICT_CALLER},
    {"llama-server: an image that is none", O, 500, LLAMA("Failed to load image or audio file"), .verdict = VERDICT_CALLER},
    {"llama-server: a URL that is none", O, 500, LLAMA("Invalid url value"), .verdict = VERDICT_CALLER},
    {"llama-server: a schema that is none", O, 500, LLAMA("\\\"json_schema\\\": JSON schema conversion failed:\\nUnrecognized schema: 5"), .verdict = VERDICT_CALLER},
    {"llama-server: a body that is no JSON", O, 500, LLAMA("[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing object key"), .verdict = VERDICT_CALLER},
    {"llama-server: a prefill that is not taken", O, 500, LLAMA("Assistant response prefill is incompatible with enable_thinking."), .verdict = VERDICT_CALLER},
    {"llama-server: its template refuses", O, 500, LLAMA("\\n------------\\nWhile executing CallExpression at line 47, column 32 in source:\\n...== 0) %}\\n{{- raise\\nError: Jinja Exception: After the optional system message, conversation roles must alternate"), .verdict = VERDICT_CALLER},
    {"llama-server: its template refuses, in 2025", O, 500, LLAMA("Roles must alternate at row 19, column 27:\\n {{ raise_exception(\\\"Roles must alternate\\\") }}"), .verdict = VERDICT_CALLER},
    {"llama-server: what the model wrote is its own fault", O, 500, LLAMA("Failed to parse input at pos 12: <tool_call>"), .verdict = VERDICT_SERVER},
    {"llama-server: so is what it cannot write", O, 500, LLAMA("[json.exception.type_error.316] invalid UTF-8 byte at index 3: 0xE2"), .verdict = VERDICT_SERVER},
    {"llama-server: as a worker of ours", PROVIDER_GPU, 500, LLAMA("Failed to parse messages: x"), .verdict = VERDICT_CALLER},
    {"LM Studio: its template refuses", O, 500, "{\"error\":\"Engine protocol predict request returned 500: Jinja Exception: System message must be at the beginning.\"}", .verdict = VERDICT_CALLER},
    {"llama-server: its own fault", O, 500, "{\"error\":{\"code\":500,\"message\":\"x\",\"type\":\"server_error\"}}", .verdict = VERDICT_SERVER},
    {"Ollama: no such model", O, 404, "{\"error\":\"model \\\"llama9\\\" not found, try pulling it first\"}", .verdict = VERDICT_MODEL},
    {"Ollama: busy", O, 503, "{\"error\":\"server busy, please try again. maximum pending requests exceeded\"}", .verdict = VERDICT_BUSY},
    {"Ollama: crashed", O, 500, "{\"error\":\"llama-server process has terminated: exit status 2\"}", .verdict = VERDICT_SERVER},
    {"LM Studio: too long", O, 400, "{\"error\":\"Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens\"}", .verdict = VERDICT_LONG},
    {"LM Studio: too long, newer", O, 400, "{\"error\":\"The number of tokens to keep from the initial prompt is greater than the context length.\"}", .verdict = VERDICT_LONG},
    {"FastAPI", O, 422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\",\"type\":\"value_error.missing\"}]}", .verdict = VERDICT_CALLER},
    {"a proxy's plain words", O, 503, "upstream connect error or disconnect/reset before headers", .verdict = VERDICT_SERVER},
    {"llama-server: JSON that it cannot read is the caller's", PROVIDER_GPU, 500, "{\"error\":{\"code\":500,\"message\":\"[json.exception.parse_error.101] parse error at line 1, column 9\",\"type\":\"server_error\"}}", .verdict = VERDICT_CALLER},
    {"llama-server: an image for a model without eyes", PROVIDER_GPU, 500, "{\"error\":{\"code\":500,\"message\":\"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj\",\"type\":\"server_error\"}}", .verdict = VERDICT_CALLER, "images_not_supported"},
    {"llama-server: its own fault, behind a worker", PROVIDER_GPU, 500, "{\"error\":{\"code\":500,\"message\":\"x\",\"type\":\"server_error\"}}", .verdict = VERDICT_SERVER},
    {"llama-server: full, behind a worker", PROVIDER_GPU, 503, "{\"error\":{\"code\":503,\"message\":\"no slot available\",\"type\":\"unavailable_error\"}}", .verdict = VERDICT_BUSY, "slots_full"},
    {"llama-server: too long, behind a worker", PROVIDER_GPU, 400, "{\"error\":{\"code\":400,\"message\":\"x\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":5000,\"n_ctx\":4096}}", .verdict = VERDICT_LONG},
    {"a cli worker: the window is used up", PROVIDER_CLI, 429, "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"Claude AI usage limit reached\"}}", .verdict = VERDICT_SPENT, "window_used_up"},
    {"a cli worker: nobody is logged in", PROVIDER_CLI, 500, "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Invalid API key · Please run /login\"}}", .verdict = VERDICT_KEY, "not_logged_in"},
    {"a worker is judged as its dialect", PROVIDER_GPU, 503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}", .verdict = VERDICT_BUSY},
    {"a cli worker too", PROVIDER_CLI, 529, "", .verdict = VERDICT_BUSY},
    {"words of the caller far behind do not decide", O, 400, OPENAI("Invalid value                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        maximum context length", INVALID, NUL, NUL), .verdict = VERDICT_CALLER},
};
// clang-format on

static struct json_reader *reader_new(void)
{
    struct json_reader *reader = NULL;
    CHECK_INT("a reader", json_reader_new(1 << 20, &reader), OK);
    return reader;
}

static void answers_mean_what_the_tables_say(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    for (size_t i = 0; i < COUNT(stories); i++) {
        const struct story *story = &stories[i];
        struct answer_headers headers = {.retry_after = str_of(story->retry_after)};
        struct verdict_report report;
        provider_judge(story->kind, story->status, &headers, str_of(story->body), reader, NOW,
                       &report);
        CHECK_STR(story->name, verdict_name(report.verdict), verdict_name(story->verdict));
        if (story->reason)
            CHECK_STR(story->name, report.reason, story->reason);
        if (story->param)
            CHECK_STR(story->name, report.param, story->param);
        if (story->retry_ms)
            CHECK_INT(story->name, report.retry_after_ms, story->retry_ms);
        CHECK(story->name, report.reason[0] && report.sentence[0]);
    }
    json_reader_free(reader);
}

/* PROVIDER_ERRORS.md 6: the twin of the plain answer, with or without a status. */
static void an_event_is_judged_as_its_twin(void **unused)
{
    (void)unused;
    static const struct {
        enum provider_kind kind;
        int status;
        const char *type, *code, *message;
        enum verdict verdict;
    } rows[] = {
        {A, 0, "overloaded_error", "", "Overloaded", VERDICT_BUSY},
        {A, 0, "rate_limit_error", "", "x", VERDICT_LIMIT},
        {A, 0, "api_error", "", "Internal server error", VERDICT_SERVER},
        {A, 0, "invalid_request_error", "", "messages: x", VERDICT_CALLER},
        {A, 0, "invalid_request_error", "", "prompt is too long: 2 > 1", VERDICT_LONG},
        {A, 0, "authentication_error", "", "x", VERDICT_KEY},
        {A, 0, "something_new", "", "x", VERDICT_SERVER},
        {A, 0, "", "", "", VERDICT_SERVER},
        {O, 0, "", "rate_limit_exceeded", "Rate limit reached", VERDICT_LIMIT},
        {O, 0, "", "rate_limit_exceeded", "Request too large for gpt-5", VERDICT_LONG},
        {O, 0, "", "server_error", "x", VERDICT_SERVER},
        {O, 0, "", "invalid_prompt", "x", VERDICT_POLICY},
        {O, 0, "invalid_request_error", "context_length_exceeded", "x", VERDICT_LONG},
        {O, 0, "", "429", "x", VERDICT_LIMIT},
        {O, 500, "exceed_context_size_error", "500", "x", VERDICT_LONG},
        {O, 502, "", "502", "Provider returned error", VERDICT_BUSY},
        {O, 0, "insufficient_quota", "", "x", VERDICT_SPENT},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct verdict_report report;
        provider_judge_event(rows[i].kind, rows[i].status, rows[i].type, rows[i].code,
                             rows[i].message, NOW, &report);
        CHECK_STR(rows[i].type, verdict_name(report.verdict), verdict_name(rows[i].verdict));
        CHECK("a sentence", report.sentence[0]);
    }
}

#define DOTS "\xE2\x80\xA6"

static void no_secret_reaches_a_sentence(void **unused)
{
    (void)unused;
    static const struct {
        const char *message, *sentence;
    } rows[] = {
        {"Incorrect API key provided: sk-proj-abc*****wxyz. You can find",
         "Incorrect API key provided: sk-" DOTS ". You can find"},
        {"bad key sk-ant-REDACTED_hhhh-_x", "bad key sk-" DOTS},
        {"Authorization: Bearer abc.def0-ghi_jkl~mno failed",
         "Authorization: Bearer " DOTS " failed"},
        {"key auxk_0123456789abcdefghij!", "key auxk_" DOTS "!"},
        {"Bearer authentication is required", "Bearer authentication is required"},
        {"a risk-averse sk-learn user", "a risk-averse sk-learn user"},
        {"line one\\nline two\\ttab\\u0000nul\\u001b[31m", "line one line two tab nul [31m"},
        {"task-1234567890123", "task-1234567890123"},
        {"gr\xC3\xBC\xC3\x9F", "gr\xC3\xBC\xC3\x9F"},
    };
    struct json_reader *reader = reader_new();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[512];
        struct verdict_report report;
        (void)snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s\"}}", rows[i].message);
        provider_judge(O, 401, NULL, str_of(body), reader, NOW, &report);
        CHECK_STR(rows[i].message, report.sentence, rows[i].sentence);
    }
    json_reader_free(reader);
}

static void a_long_sentence_is_cut_between_characters(void **unused)
{
    (void)unused;
    struct json_reader *reader = reader_new();
    for (size_t offset = 0; offset < 4; offset++) {
        char body[2048];
        size_t len = (size_t)snprintf(body, sizeof body, "{\"error\":\"%.*s", (int)offset, "xxx");
        for (int i = 0; i < 400; i++)
            len += (size_t)snprintf(body + len, sizeof body - len, "\xE2\x82\xAC");
        (void)snprintf(body + len, sizeof body - len, "\"}");
        struct verdict_report report;
        provider_judge(O, 500, NULL, str_of(body), reader, NOW, &report);
        CHECK("well-formed", str_is_utf8(str_of(report.sentence)));
        CHECK("nearly full", strlen(report.sentence) > 250);
    }
    json_reader_free(reader);
}

static void kinds_agree_with_the_rules_about_them(void **unused)
{
    (void)unused;
    for (int i = 0; i < PROVIDER_KIND_COUNT; i++) {
        enum provider_kind kind = (enum provider_kind)i;
        const struct provider_kind_facts *facts = provider_kind_facts(kind);
        CHECK("a row", facts);
        CHECK_INT("kind", facts->kind, kind);
        CHECK_INT("dialect", facts->dialect, provider_kind_dialect(kind));
        CHECK_INT("endpoints", facts->endpoints, provider_kind_endpoints(kind));
        char url[128] = "";
        if (!facts->may_have_workers)
            CHECK_INT(
                "base",
                provider_base_url(kind, str_of(facts->default_base_url), url, sizeof url, NULL),
                OK);
        CHECK_STR("the default base URL is normal", url, facts->default_base_url);
        for (size_t row = 0; row < facts->error_count; row++) {
            const struct error_row *error = &facts->errors[row];
            CHECK("a reason", error->reason && strlen(error->reason) < 48);
            for (const char *c = error->fragment; c && *c; c++)
                CHECK(error->fragment, !(*c >= 'A' && *c <= 'Z'));
        }
    }
}

static void credentials_are_written_in_the_vendors_way(void **unused)
{
    (void)unused;
    AUTO_BUF struct buf head;
    buf_init(&head, 1024);
    const struct provider_kind_facts *openai = provider_kind_facts(O);
    const struct provider_kind_facts *anthropic = provider_kind_facts(A);
    openai->write_credential(&head, STR("sk-1"));
    openai->write_credential(&head, STR(""));
    openai->write_credential(&head, STR("sk\r\nX-Evil: 1"));
    openai->write_defaults(&head, false);
    anthropic->write_credential(&head, STR("sk-ant"));
    anthropic->write_defaults(&head, false);
    anthropic->write_defaults(&head, true);
    CHECK_STR(
        "head", head.data,
        "Authorization: Bearer sk-1\r\nx-api-key: sk-ant\r\nanthropic-version: 2023-06-01\r\n");
}

TEST_MAIN(TEST(answers_mean_what_the_tables_say), TEST(an_event_is_judged_as_its_twin),
          TEST(no_secret_reaches_a_sentence), TEST(a_long_sentence_is_cut_between_characters),
          TEST(kinds_agree_with_the_rules_about_them),
          TEST(credentials_are_written_in_the_vendors_way))
