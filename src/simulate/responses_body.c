/* simulate/responses_body.c: the objects of OpenAI's responses: items of the output, and the whole response.
 *
 * Output is at most one reasoning item, one message, and function calls, in this order.
 */
#include "simulate/responses_parts.h"

#include "json/json_writer.h"
#include "simulate/stamp.h"

#include <stdio.h>

/* ---- items ----------------------------------------------------------------------------------- */

bool responses_has_reasoning(const struct answer *answer)
{
    return answer->play->reasoning.len > 0 || answer->play->redacted;
}

static void append_sealed(const struct answer *answer, struct buf *out)
{
    char id[40];
    (void)snprintf(id, sizeof id, "rs_%s", answer->request->id);
    buf_puts(out, ",\"encrypted_content\":\"");
    stamp_opaque(out, str_of(id));
    buf_putc(out, '"');
}

/* Thought that nobody may read is an item without a summary. */
void responses_append_reasoning(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_printf(out, "{\"id\":\"rs_%s\",\"type\":\"reasoning\",\"summary\":[", answer->request->id);
    if (is_done && answer->play->reasoning.len > 0) {
        buf_puts(out, "{\"type\":\"summary_text\",\"text\":");
        json_quote(out, answer->play->reasoning);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    if (is_done && answer->request->wants_sealed)
        append_sealed(answer, out);
    buf_putc(out, '}');
}

bool responses_has_message(const struct answer *answer)
{
    return answer_has_text(answer) || answer->play->refusal.len > 0;
}

void responses_append_citation(const struct answer *answer, struct buf *out)
{
    buf_printf(
        out,
        "{\"type\":\"url_citation\",\"start_index\":0,\"end_index\":%d,\"title\":\"" CITED_TITLE
        "\",\"url\":",
        CITED_BYTES);
    json_quote(out, answer->play->citation);
    buf_putc(out, '}');
}

static void append_refusal(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_puts(out, "{\"type\":\"refusal\",\"refusal\":");
    json_quote(out, is_done ? answer->play->refusal : STR(""));
    buf_putc(out, '}');
}

void responses_append_part(const struct answer *answer, struct buf *out, bool is_done)
{
    if (!answer_has_text(answer)) {
        append_refusal(answer, out, is_done);
        return;
    }
    buf_puts(out, "{\"type\":\"output_text\",\"annotations\":[");
    if (is_done && answer->play->citation.len > 0)
        responses_append_citation(answer, out);
    buf_puts(out, "],\"logprobs\":[");
    if (is_done)
        answer_put_logprobs(answer, out);
    buf_puts(out, "],\"text\":");
    if (is_done)
        answer_quote_text(answer, out);
    else
        buf_puts(out, "\"\"");
    buf_putc(out, '}');
}

void responses_append_message(const struct answer *answer, struct buf *out, bool is_done)
{
    buf_printf(out, "{\"id\":\"msg_%s\",\"type\":\"message\",\"status\":\"%s\",\"content\":[",
               answer->request->id, is_done ? "completed" : "in_progress");
    if (is_done)
        responses_append_part(answer, out, true);
    buf_puts(out, "],\"role\":\"assistant\"}");
}

const struct call_kind *responses_call_kind(const struct play_tool *tool)
{
    static const struct call_kind function = {"fc", "function_call", "arguments",
                                              "response.function_call_arguments.delta",
                                              "response.function_call_arguments.done"};
    static const struct call_kind custom = {"ctc", "custom_tool_call", "input",
                                            "response.custom_tool_call_input.delta",
                                            "response.custom_tool_call_input.done"};
    return tool->input.len ? &custom : &function;
}

struct str responses_call_text(const struct play_tool *tool)
{
    return tool->input.len ? tool->input : tool->arguments;
}

void responses_append_call(const struct answer *answer, struct buf *out, size_t number,
                           bool is_done)
{
    const struct play_tool *tool = &answer->play->tools[number];
    const struct call_kind *kind = responses_call_kind(tool);
    buf_printf(out,
               "{\"id\":\"%s_%.28s%02zu\",\"type\":\"%s\",\"status\":\"%s\",\"%s\":", kind->prefix,
               answer->request->id, number, kind->type, is_done ? "completed" : "in_progress",
               kind->member);
    json_quote(out, is_done ? responses_call_text(tool) : STR(""));
    buf_printf(out, ",\"call_id\":\"call_%.22s%02zu\",\"name\":", answer->request->id, number);
    json_quote(out, tool->name);
    buf_putc(out, '}');
}

static void append_output(const struct answer *answer, struct buf *out)
{
    const char *comma = "";
    if (responses_has_reasoning(answer)) {
        responses_append_reasoning(answer, out, true);
        comma = ",";
    }
    if (responses_has_message(answer)) {
        buf_puts(out, comma);
        responses_append_message(answer, out, true);
        comma = ",";
    }
    for (size_t i = 0; answer->has_tools && i < answer->play->tool_count; i++) {
        buf_puts(out, comma);
        responses_append_call(answer, out, i, true);
        comma = ",";
    }
}

/* ---- the response object ----------------------------------------------------------------------- */

static void append_usage(const struct answer *answer, struct buf *out)
{
    struct said_usage usage = answer_usage(answer);
    if (answer->play->usage.mode == USAGE_MISSING) {
        buf_puts(out, "null");
        return;
    }
    buf_printf(out,
               "{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":%lld},"
               "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":%lld},"
               "\"total_tokens\":%lld}",
               (long long)usage.input, (long long)usage.cached, (long long)usage.output,
               (long long)usage.reasoning, (long long)(usage.input + usage.output));
}

/* A stop reason other than the ordinary ones makes the answer an incomplete one. */
bool responses_is_incomplete(const struct answer *answer)
{
    struct str reason = answer->play->stop_reason;
    return reason.len > 0 && !str_eq(reason, STR("stop")) && !str_eq(reason, STR("completed"));
}

/* `failure` is the error object of a response that failed, or NULL. */
void responses_append_response(const struct answer *answer, struct buf *out, bool is_done,
                               const char *failure)
{
    const struct request *request = answer->request;
    const char *status = failure                           ? "failed"
                         : !is_done                        ? "in_progress"
                         : responses_is_incomplete(answer) ? "incomplete"
                                                           : "completed";
    buf_printf(out,
               "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":%lld,\"status\":\"%s\","
               "\"background\":false,\"error\":%s,\"incomplete_details\":",
               request->id, (long long)request->now_s, status, failure ? failure : "null");
    if (is_done && responses_is_incomplete(answer)) {
        buf_puts(out, "{\"reason\":");
        json_quote(out, answer->play->stop_reason);
        buf_putc(out, '}');
    } else {
        buf_puts(out, "null");
    }
    buf_puts(out, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":");
    buf_append_str(out, request->model_json);
    buf_puts(out, ",\"output\":[");
    if (is_done)
        append_output(answer, out);
    buf_puts(out, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
                  "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":");
    buf_puts(out, answer->request->is_stored ? "true" : "false");
    buf_puts(out, ","
                  "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
                  "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
                  "\"truncation\":\"disabled\",\"usage\":");
    if (is_done)
        append_usage(answer, out);
    else
        buf_puts(out, "null");
    buf_puts(out, ",\"user\":null,\"metadata\":{}}");
}

void responses_plain(struct answer *answer)
{
    responses_append_response(answer, answer->out, true, NULL);
}
