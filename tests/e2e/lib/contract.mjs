// The contract of the management API, as the build made it from api/openapi.yaml: every answer that a test sees is held to
// it, and every request that was accepted. Whoever calls the server through lib/http.mjs gets this without asking for it.
import fs from 'node:fs';
import path from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import { Suite } from './suite.mjs';

export const contract = JSON.parse(fs.readFileSync(path.join(path.dirname(Suite.binary), 'gen/openapi.json'), 'utf8'));
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }); // not strict: x-... words
ajv.addSchema(contract, 'contract');

const follow = node => node?.$ref ? follow(node.$ref.slice(2).split('/').reduce((at, step) => at[step], contract)) : node;
const step = name => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

export const operations = Object.entries(contract.paths).flatMap(([route, item]) =>
    Object.entries(item).filter(([method]) => method !== 'parameters').map(([method, spec]) => ({
        id: spec.operationId, method: method.toUpperCase(), route, spec, name: `${method.toUpperCase()} ${route}`,
        pattern: new RegExp(`^/api${route.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[A-Za-z0-9_-]{1,63}')}$`),
        parameters: [...(item.parameters ?? []), ...(spec.parameters ?? [])].map(follow),
    })));

const body_pointer = one => pointer_to(one.spec.requestBody, `/paths/${step(one.route)}/${one.method.toLowerCase()}/requestBody`, 'content', 'application/json', 'schema');
for (const one of operations.filter(each => each.spec.requestBody))
    one.body_properties = follow(follow(one.spec.requestBody).content['application/json'].schema).properties;
export const is_valid = (one, body) => complaints(body_pointer(one), body).length === 0;

// A parameter is text: what reads as a number or a truth is one where the contract wants one.
export const is_valid_parameter = (one, name, text) => {
    const { schema } = one.parameters.find(parameter => parameter.in === 'query' && parameter.name === name);
    const { type } = follow(schema);
    const value = type === 'integer' && /^-?\d+$/.test(text) ? Number(text) : type === 'boolean' && /^(true|false)$/.test(text) ? text === 'true' : text;
    return ajv.validate(schema.$ref ? { $ref: `contract${schema.$ref}` } : schema, value);
};

// What the contract calls one; null: nothing has this method and path.
export const operation_of = (method, pathname) => operations.find(one => one.method === method && one.pattern.test(pathname)) ?? null;

const validators = new Map();
function complaints(pointer, value) {
    if (!validators.has(pointer)) validators.set(pointer, ajv.getSchema(`contract#${pointer}`));
    const validate = validators.get(pointer);
    if (!validate) throw new Error(`the contract has nothing at ${pointer}`);
    return validate(value) ? [] : validate.errors.map(error => `${error.instancePath || 'it'} ${error.message}${error.params?.additionalProperty ?? error.params?.unevaluatedProperty ?? ''}`);
}
// Where a schema stands, through a $ref to a response or a body.
function pointer_to(node, from, ...rest) {
    const base = node.$ref ? node.$ref.slice(1) : from;
    return [base, ...rest.map(step)].join('/');
}

function answer_complaints(operation, status, type, json) {
    const from = operation ? `/paths/${step(operation.route)}/${operation.method.toLowerCase()}/responses/${status}` : '';
    const response = operation ? operation.spec.responses[status] : { $ref: '#/components/responses/Problem' };
    if (!response) return [`the status ${status} is not in the contract`];
    const content = follow(response).content;
    if (!content[type]) return [`the content type ${type} is not in the contract`];
    return complaints(pointer_to(response, from, 'content', type, 'schema'), json);
}

function request_complaints(operation, body, query) {
    const said = [];
    if (body !== undefined && operation.spec.requestBody) said.push(...complaints(body_pointer(operation), body));
    const known = operation.parameters.filter(one => one.in === 'query').map(one => one.name);
    for (const name of query.keys()) if (!known.includes(name)) said.push(`the parameter ${name} is not in the contract`);
    return said;
}

export const is_management = url => {
    const { pathname } = new URL(url);
    return pathname.startsWith('/api/') && !/^\/api\/(openai|anthropic|worker)(\/|$)/.test(pathname);
};

// Throws when the answer, or a request that was accepted, is not what the contract says. `sent` is the body as text.
export function hold_to_contract({ method, url, sent, status, headers, text }) {
    const { pathname, searchParams } = new URL(url);
    const operation = operation_of(method, pathname);
    const type = (headers['content-type'] ?? '').split(';')[0];
    let said = [];
    try { said = answer_complaints(operation, status, type, type.endsWith('json') ? JSON.parse(text) : text); } catch (error) { said = [error.message]; }
    if (operation && status < 300) said.push(...request_complaints(operation, sent ? JSON.parse(sent) : undefined, searchParams));
    if (said.length)
        throw new Error(`against the contract: ${method} ${pathname} -> ${status}: ${said.join('; ')}\nsent: ${sent?.slice(0, 500)}\nanswer: ${text.slice(0, 1500)}`);
}

// Throws when an event of GET /api/live is not what the contract says of its kind.
export function hold_event_to_contract({ name, data, json }) {
    const said = contract['x-live-events'][name] ? complaints(pointer_to(contract['x-live-events'][name]), json) : ['there is no such event in the contract'];
    if (said.length) throw new Error(`against the contract: event ${name}: ${said.join('; ')}: ${data.slice(0, 1500)}`);
}
