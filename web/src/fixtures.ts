// Things as the server would tell them, with the fields that a test is about.
import type { Attempt, Caller, Candidate, Job, Policy, Provider } from "./api/contract";

export const aProvider = (fields: Partial<Provider> = {}) => ({
  id: "prv_1", type: "openai", name: "House cloud", slug: "house-cloud", tier: "cloud", status: "online", error: null, last_heartbeat_ms: null, latency_ms: 120,
  in_flight: 0, slots: 0, busy: 0, queue_depth: 0, models: [], fallback_rules: [], created_at_ms: 0, rev: 1, ...fields,
}) as unknown as Provider;

export const anAttempt = (fields: Partial<Attempt> = {}) => ({
  seq: 1, provider: { id: "prv_1", name: "House cloud" }, tier: "cloud", worker: null, model: "gpt-sim", chosen: null, outcome: "ok", reason: null, http_status: 200,
  started_at_ms: 0, first_byte_ms: 10, ended_at_ms: 20, input_tokens: 1, output_tokens: 1, cached_tokens: 0, cost_microusd: 100, estimated: false, ...fields,
}) as Attempt;

export const aJob = (fields: Partial<Job> = {}) => ({
  id: "job_1", status: "done", reason: null, requested_model: "gpt-sim", attempts: [anAttempt()], cost_microusd: 100, cost_is_partial: false, wasted_microusd: 0, ...fields,
}) as Job;

export const aCandidate = (name: string, fields: Partial<Candidate> = {}) => ({
  provider: { id: `prv_${name}`, name, slug: name }, model: "gpt-sim", verdict: "eligible", reason: "cascade", evidence: "", status: "online", ...fields,
}) as Candidate;

export const aCaller = (role: Caller["role"]) => ({
  kind: "session", organization: "Acme", role, key: null, session: "ses_1", user: { id: "usr_1", email: "olga@example.com", name: "Olga", role },
}) as unknown as Caller;

export const noLimits: Policy = {
  allowed_tiers: null, allowed_providers: null, allowed_models: null, service_class: "interactive", requests_per_minute: null, tokens_per_minute: null,
  max_concurrent: null, budget_microusd_per_month: null, budget_soft_microusd_per_month: null, max_output_tokens: null,
};
