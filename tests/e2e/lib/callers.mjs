// Three callers, each by its vendor's own client and in its vendor's own words, seen as one thing: what is said to
// them and what they hear in one common form. So that one test is a test of every pair.
//
//     const heard = await callers.responses.ask(server, 'a-model', { user: 'hi', tools: [...] }, { stream: true });
//     heard.text, heard.calls, heard.stop, heard.usage, heard.thinking, heard.headers, heard.final
//     const next = callers.responses.go_on(asked, heard, [{ id, text: 'rain' }]);
//
// A talk is { system, turns, tools, choice, parallel, thinking, max, stops, temperature, json, schema, more }. A turn is
// { user: text or parts }, { system }, { said: heard } or { results: [{ id, text | parts, error }] }. A part is a
// text, { image_url }, { image: base64, type }, { pdf: base64, name }.
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';

// Keeps the headers of the last answer, which the streaming helpers do not show.
function listening() {
    const heard = {};
    return { heard, fetch: async (...args) => { const answer = await fetch(...args); heard.headers = answer.headers; return answer; } };
}
const plain = text => (typeof text === 'string' ? [text] : text);

/* ---- chat completions --------------------------------------------------------------------------- */

const chat_part = part => typeof part === 'string' ? { type: 'text', text: part }
    : part.image_url ? { type: 'image_url', image_url: { url: part.image_url } }
        : part.image ? { type: 'image_url', image_url: { url: `data:${part.type};base64,${part.image}` } }
            : { type: 'file', file: { filename: part.name, file_data: `data:application/pdf;base64,${part.pdf}` } };
// The streaming helper's own additions are nobody else's fields.
const without_helpers = ({ parsed, ...message }) => ({ ...message,
    ...(message.tool_calls ? { tool_calls: message.tool_calls.map(({ id, type, function: { name, arguments: args } }) => ({ id, type, function: { name, arguments: args } })) } : {}) });
const chat_turn = turn => turn.system !== undefined ? [{ role: 'system', content: turn.system }]
    : turn.said ? [without_helpers(turn.said.final.choices[0].message)]
        : turn.results ? turn.results.map(result => ({ role: 'tool', tool_call_id: result.id, content: result.text }))
            : [{ role: 'user', content: typeof turn.user === 'string' ? turn.user : turn.user.map(chat_part) }];
const chat_choice = choice => typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };

const chat = {
    name: 'chat',
    client: (server, options) => new OpenAI({ baseURL: server.openai, apiKey: server.member, maxRetries: 0, ...options }),
    body(model, talk) {
        return { model, messages: [...(talk.system ? [{ role: 'developer', content: talk.system }] : []), ...talk.turns.flatMap(chat_turn)],
            ...(talk.tools ? { tools: talk.tools.map(({ name, description, schema }) => ({ type: 'function', function: { name, description, parameters: schema } })) } : {}),
            ...(talk.choice ? { tool_choice: chat_choice(talk.choice) } : {}),
            ...(talk.parallel !== undefined ? { parallel_tool_calls: talk.parallel } : {}),
            ...(talk.thinking ? { reasoning_effort: talk.thinking } : {}),
            ...(talk.max ? { max_completion_tokens: talk.max } : {}),
            ...(talk.stops ? { stop: talk.stops } : {}),
            ...(talk.temperature !== undefined ? { temperature: talk.temperature } : {}),
            ...(talk.json ? { response_format: { type: 'json_object' } } : {}),
            ...(talk.schema ? { response_format: { type: 'json_schema', json_schema: { name: 'shape', schema: talk.schema } } } : {}),
            ...talk.more };
    },
    async ask(server, body, { stream, headers } = {}) {
        const { heard, fetch } = listening();
        const client = this.client(server, { fetch });
        if (!stream) return this.hear(await client.chat.completions.create(body, { headers }), heard);
        const helper = client.chat.completions.stream({ ...body, stream_options: { include_usage: true } }, { headers });
        const seen = { thinking: '', text: '', annotations: [], events: [] };
        helper.on('chunk', chunk => {
            const delta = chunk.choices[0]?.delta ?? {};
            seen.events.push(chunk);
            seen.thinking += delta.reasoning_content ?? '';
            seen.text += delta.content ?? '';
            seen.annotations.push(...(delta.annotations ?? []));
        });
        return { ...this.hear(await helper.finalChatCompletion(), heard), ...seen };
    },
    hear(final, heard) {
        const { message, finish_reason } = final.choices[0];
        return { final, headers: heard.headers, events: [], text: message.content ?? '', thinking: message.reasoning_content ?? '', refusal: message.refusal ?? '',
            calls: (message.tool_calls ?? []).map(call => ({ id: call.id, name: call.function.name, arguments: call.function.arguments })),
            annotations: message.annotations ?? [], stop: finish_reason,
            usage: { input: final.usage?.prompt_tokens, output: final.usage?.completion_tokens, cached: final.usage?.prompt_tokens_details?.cached_tokens,
                reasoning: final.usage?.completion_tokens_details?.reasoning_tokens } };
    },
    stops: { end: 'stop', tools: 'tool_calls', length: 'length', refusal: 'content_filter' },
    id: /^chatcmpl-/, call_id: /^call_/,
};

/* ---- responses ---------------------------------------------------------------------------------- */

const responses_part = part => typeof part === 'string' ? { type: 'input_text', text: part }
    : part.image_url ? { type: 'input_image', image_url: part.image_url }
        : part.image ? { type: 'input_image', image_url: `data:${part.type};base64,${part.image}` }
            : { type: 'input_file', filename: part.name, file_data: `data:application/pdf;base64,${part.pdf}` };
const responses_turn = turn => turn.system !== undefined ? [{ role: 'developer', content: turn.system }]
    : turn.said ? turn.said.final.output
        : turn.results ? turn.results.map(result => ({ type: 'function_call_output', call_id: result.id, output: result.parts ? result.parts.map(responses_part) : result.text }))
            : [{ role: 'user', content: typeof turn.user === 'string' ? turn.user : turn.user.map(responses_part) }];

const responses = {
    name: 'responses',
    client: chat.client,
    body(model, talk) {
        const format = talk.json ? { type: 'json_object' } : talk.schema ? { type: 'json_schema', name: 'shape', schema: talk.schema } : undefined;
        return { model, store: false, include: ['reasoning.encrypted_content'], input: talk.turns.flatMap(responses_turn),
            ...(talk.system ? { instructions: talk.system } : {}),
            ...(talk.tools ? { tools: talk.tools.map(({ name, description, schema }) => ({ type: 'function', name, description, parameters: schema, strict: false })) } : {}),
            ...(talk.choice ? { tool_choice: typeof talk.choice === 'string' ? talk.choice : { type: 'function', name: talk.choice.name } } : {}),
            ...(talk.parallel !== undefined ? { parallel_tool_calls: talk.parallel } : {}),
            ...(talk.thinking ? { reasoning: { effort: talk.thinking, summary: 'auto' } } : {}),
            ...(talk.max ? { max_output_tokens: talk.max } : {}),
            ...(talk.temperature !== undefined ? { temperature: talk.temperature } : {}),
            ...(format ? { text: { format } } : {}),
            ...talk.more };
    },
    async ask(server, body, { stream, headers } = {}) {
        const { heard, fetch } = listening();
        const client = this.client(server, { fetch });
        if (!stream) return this.hear(await client.responses.create(body, { headers }), heard);
        const helper = client.responses.stream(body, { headers });
        const seen = { text: '', thinking: '', annotations: [], events: [] };
        helper.on('event', event => {
            seen.events.push(event);
            if (event.type === 'response.output_text.delta') seen.text += event.delta;
            if (event.type === 'response.reasoning_summary_text.delta') seen.thinking += event.delta;
            if (event.type === 'response.output_text.annotation.added') seen.annotations.push(event.annotation);
        });
        await helper.finalResponse();
        // What Codex reads: the response of the last event, and the items as they were done.
        const last = seen.events.at(-1).response;
        return { ...this.hear(last, heard), ...seen };
    },
    hear(final, heard) {
        const parts = final.output.filter(item => item.type === 'message').flatMap(item => item.content);
        return { final, headers: heard.headers, events: [], text: parts.map(part => part.text ?? '').join(''), refusal: parts.map(part => part.refusal ?? '').join(''),
            thinking: final.output.filter(item => item.type === 'reasoning').flatMap(item => item.summary.map(part => part.text)).join(''),
            calls: final.output.filter(item => item.type === 'function_call').map(call => ({ id: call.call_id, name: call.name, arguments: call.arguments })),
            annotations: parts.flatMap(part => part.annotations ?? []),
            stop: final.status === 'incomplete' ? final.incomplete_details.reason : final.status,
            usage: { input: final.usage?.input_tokens, output: final.usage?.output_tokens, cached: final.usage?.input_tokens_details?.cached_tokens,
                reasoning: final.usage?.output_tokens_details?.reasoning_tokens } };
    },
    stops: { end: 'completed', tools: 'completed', length: 'max_output_tokens', refusal: 'content_filter' },
    id: /^resp_/, call_id: /^call_/,
};

/* ---- messages ----------------------------------------------------------------------------------- */

const messages_part = part => typeof part === 'string' ? { type: 'text', text: part }
    : part.image_url ? { type: 'image', source: { type: 'url', url: part.image_url } }
        : part.image ? { type: 'image', source: { type: 'base64', media_type: part.type, data: part.image } }
            : { type: 'document', title: part.name, source: { type: 'base64', media_type: 'application/pdf', data: part.pdf } };
const messages_turn = turn => turn.system !== undefined ? { role: 'system', content: turn.system }
    : turn.said ? { role: 'assistant', content: turn.said.final.content }
        : turn.results ? { role: 'user', content: turn.results.map(result => ({ type: 'tool_result', tool_use_id: result.id,
            content: result.parts ? result.parts.map(messages_part) : result.text, ...(result.error ? { is_error: true } : {}) })) }
            : { role: 'user', content: plain(turn.user).map(messages_part) };
const messages_choices = { auto: { type: 'auto' }, none: { type: 'none' }, required: { type: 'any' } };
const messages_choice = ({ choice, parallel }) => ({ ...(typeof choice === 'object' ? { type: 'tool', name: choice.name } : messages_choices[choice ?? 'auto']),
    ...(parallel === false ? { disable_parallel_tool_use: true } : {}) });

const messages = {
    name: 'messages',
    client: (server, options) => new Anthropic({ baseURL: `${server.url}/api/anthropic`, apiKey: server.member, maxRetries: 0, ...options }),
    body(model, talk) {
        return { model, max_tokens: talk.max ?? 4096, messages: talk.turns.map(messages_turn),
            ...(talk.system ? { system: talk.system } : {}),
            ...(talk.tools ? { tools: talk.tools.map(({ name, description, schema }) => ({ name, description, input_schema: schema })) } : {}),
            ...(talk.choice || talk.parallel === false ? { tool_choice: messages_choice(talk) } : {}),
            ...(talk.thinking ? { thinking: { type: 'enabled', budget_tokens: 2048 } } : {}),
            ...(talk.stops ? { stop_sequences: talk.stops } : {}),
            ...(talk.temperature !== undefined ? { temperature: talk.temperature } : {}),
            ...(talk.schema ? { output_config: { format: { type: 'json_schema', schema: talk.schema } } } : {}),
            ...talk.more };
    },
    async ask(server, body, { stream, headers } = {}) {
        const { heard, fetch } = listening();
        const client = this.client(server, { fetch });
        if (!stream) return this.hear(await client.messages.create(body, { headers }), heard);
        const helper = client.messages.stream(body, { headers });
        const seen = { text: '', thinking: '', events: [] };
        helper.on('streamEvent', event => {
            seen.events.push(event);
            seen.text += event.delta?.text ?? '';
            seen.thinking += event.delta?.thinking ?? '';
        });
        return { ...this.hear(await helper.finalMessage(), heard), ...seen };
    },
    hear(final, heard) {
        const of = type => final.content.filter(block => block.type === type);
        return { final, headers: heard.headers, events: [], text: of('text').map(block => block.text).join(''), refusal: '',
            thinking: of('thinking').map(block => block.thinking).join(''),
            calls: of('tool_use').map(call => ({ id: call.id, name: call.name, arguments: JSON.stringify(call.input) })),
            annotations: of('text').flatMap(block => block.citations ?? []), stop: final.stop_reason,
            // As the others count: the whole prompt.
            usage: { input: final.usage.input_tokens + (final.usage.cache_read_input_tokens ?? 0) + (final.usage.cache_creation_input_tokens ?? 0),
                output: final.usage.output_tokens, cached: final.usage.cache_read_input_tokens } };
    },
    stops: { end: 'end_turn', tools: 'tool_use', length: 'max_tokens', refusal: 'refusal' },
    id: /^msg_/, call_id: /^toolu_/,
};

export const callers = { chat, responses, messages };

/* ---- what the providers see --------------------------------------------------------------------- */

// The texts of a request in order, as [role, text].
export const said_to = {
    chat: body => body.messages.flatMap(message => plain(message.content ?? []).map(part => [message.role, typeof part === 'string' ? part : part.text]))
        .filter(([, text]) => text !== undefined),
    responses: body => [...(body.instructions ? [['system', body.instructions]] : []),
        ...(typeof body.input === 'string' ? [['user', body.input]] : body.input.filter(item => item.role)
            .flatMap(item => plain(item.content).map(part => [item.role, typeof part === 'string' ? part : part.text])))].filter(([, text]) => text !== undefined),
    messages: body => [...(body.system ? plain(body.system).map(part => ['system', part.text ?? part]) : []),
        ...body.messages.flatMap(message => plain(message.content).filter(part => typeof part === 'string' || part.type === 'text')
            .map(part => [message.role, part.text ?? part]))],
};
