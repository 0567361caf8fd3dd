// Made from api/openapi.yaml by tools/contract; do not edit.

export type PathSegment = string;
export type Id = string;
export type Time = number;
export type TimeOrNull = number | null;
export type CountOrNull = number | null;
export type TextOrNull = string | null;
export type Rev = number;
export type NextCursor = string | null;
export type Nothing = Record<string, never>;
export type Deleted = {
  id: Id;
  deleted: true;
};
export type Revoked = {
  id: Id;
  revoked: true;
};
export type ProblemCode = "bad_request" | "invalid_body" | "unknown_field" | "invalid_field" | "unauthorized" | "wrong_password" | "forbidden" | "foreign_page" | "wrong_token" | "no_session" | "plan_limit" | "not_found" | "method_not_allowed" | "request_timeout" | "conflict" | "stale_rev" | "body_too_large" | "unsupported_media_type" | "misdirected" | "too_many_tries" | "too_many_streams" | "headers_too_large" | "internal" | "overloaded" | "unavailable" | "timeout";
export type ProblemFields = {
  code: ProblemCode;
  title: string;
  /** What is wrong. */
  detail: string;
  /** What to do. */
  fix: string;
  /** The field or parameter that it is about. */
  field: string | null;
  request_id: string;
};
export type Problem = ProblemFields;
export type ProviderType = "gpu" | "cli" | "openai" | "anthropic";
export type Tier = "gpu" | "cli" | "cloud";
export type ProviderStatus = "online" | "degraded" | "over_quota" | "offline" | "error" | "paused";
export type Condition = "offline" | "over_quota" | "queue_too_deep";
export type Endpoint = "chat_completions" | "responses" | "embeddings" | "completions" | "messages" | "count_tokens";
export type Dialects = Array<"chat_completions" | "responses" | "embeddings" | "completions" | "messages" | "count_tokens" | "openai" | "anthropic"> | null;
export type ProviderRef = {
  id: Id;
  name: TextOrNull;
};
export type ProviderSlugRef = {
  id: Id;
  name: string;
  slug: string;
};
export type ProviderNew = {
  /** Whose kind of credential, errors and model list it has; `gpu` or `cli`: [workers](#workers), which dial in. */
  type: ProviderType;
  /** Free text, unique; default: the type. The `slug` is made from it. */
  name?: string;
  /** Trimmed; visible ASCII. Missing for servers that want none. */
  api_key?: string | null;
  /** Default `https://api.openai.com/v1` or `https://api.anthropic.com`; with or without `/v1`. A `gpu` provider has workers without it, and is a server of that address with it. */
  base_url?: string | null;
  /** What it really answers; `openai` and `anthropic` stand for all of theirs. Default: those of its type. */
  dialects?: Dialects;
};
export type FallbackRuleGiven = {
  condition: Condition;
  /** Id or slug of another provider. */
  provider: string;
  model?: string | null;
  threshold?: number;
};
export type TimeoutsGiven = {
  connect_ms?: number | null;
  first_byte_ms?: number | null;
  plain_ms?: number | null;
  idle_ms?: number | null;
};
export type ProviderChange = {
  /** The slug stays. */
  name?: string;
  /** Rotates it, at once for new attempts; verdicts about the old one are forgotten and the new one is tried. */
  api_key?: string | null;
  /** To another host only together with `api_key`: a stored key is not shown to a new host. */
  base_url?: string | null;
  /** As at its creation; `null` for what its type usually answers. */
  dialects?: Dialects;
  /** These, and no others. */
  surfaced_models?: Array<string>;
  /** One of its models, or `null`. */
  default_model?: string | null;
  /** `queue_too_deep`: at least `threshold` (10) wait for it. The model defaults to the target's default. */
  fallback_rules?: Array<FallbackRuleGiven>;
  /** [Per provider](configuration.md#timeouts-per-provider); 0 or `null` for the default. */
  timeouts?: TimeoutsGiven;
  /** When it is full, a request waits for it so long before the next candidate counts as well; default 0. */
  wait_ms?: number | null;
  /** Requests at once; 0: no limit. Of a provider with workers: the most slots that one of them may have. */
  max_concurrent?: number | null;
  /** `true`: skipped until `false`, which tries it at once. */
  paused?: boolean;
  /** Ids or names of the teams that may use it; `null`: everybody. Plans business and enterprise. */
  teams?: Array<string> | null;
};
export type FallbackRule = {
  condition: Condition;
  provider: Id;
  model: TextOrNull;
  threshold: number;
};
export type Timeouts = {
  connect_ms: number;
  first_byte_ms: number;
  plain_ms: number;
  idle_ms: number;
};
export type ProviderModel = {
  id: string;
  /** Offered in lists and to `auto`; others only by name, to admin keys. */
  surfaced: boolean;
  context_tokens: CountOrNull;
  created_at_ms: TimeOrNull;
};
export type ProviderFields = {
  id: Id;
  type: ProviderType;
  name: string;
  slug: string;
  tier: Tier;
  /** `null`: it has workers, or the caller is no admin. */
  base_url: string | null;
  dialects: Array<Endpoint>;
  /** First and last four characters; for admins. */
  key_hint: string | null;
  default_model: TextOrNull;
  fallback_rules: Array<FallbackRule>;
  timeouts: Timeouts;
  wait_ms: number;
  max_concurrent: number;
  paused: boolean;
  /** Those that may use it; `null`: everybody. Below admin only the caller's own. */
  teams: Array<Id> | null;
  /** `degraded`: failed lately, tried after the others; `over_quota`: rests until its reset; `error`: key refused or no models. */
  status: ProviderStatus;
  /** The vendor's sentence, while it is not well. */
  error: string | null;
  /** A [reason code](errors.md#reason-codes-of-attempts), while it is not well. */
  error_code: string | null;
  /** Its last answer of any kind. */
  last_heartbeat_ms: TimeOrNull;
  /** Of its last 20 outcomes. */
  error_rate: number;
  /** Smoothed time to the first byte. */
  latency_ms: CountOrNull;
  in_flight: number;
  /** Of a provider that has workers: those that take jobs. */
  workers: number;
  /** Counted slots (of its workers, or its cap); 0: no limit. */
  slots: number;
  /** How many of them are taken; of a `gpu` provider with a URL also by others. */
  busy: number;
  /** Requests that wait for this provider first. */
  queue_depth: number;
  oldest_wait_ms: number;
  /** End of `degraded` or `over_quota`. */
  deprioritised_until_ms: TimeOrNull;
  models: Array<ProviderModel>;
  /** When the list was read last. */
  models_at_ms: TimeOrNull;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Milliseconds since 1970, UTC. */
  updated_at_ms: Time;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
};
export type Provider = ProviderFields;
export type ProviderList = {
  items: Array<Provider>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type ProviderRefreshed = ProviderFields & {
  /** Models that are new. */
  added: Array<string>;
  /** Models that are gone. */
  removed: Array<string>;
};
export type ProviderTested = {
  ok: boolean;
  /** A [reason code](errors.md#reason-codes-of-attempts). */
  error_code: string | null;
  /** The vendor's sentence. */
  error: string | null;
  /** How many it has. */
  models: number;
  /** -1: it was not asked. */
  latency_ms: number;
};
export type ProviderDeleted = {
  id: Id;
  deleted: true;
  /** Providers with a fallback rule to it. */
  rules_from: Array<ProviderRef>;
  /** Names of routes with a step to it. */
  routes: Array<string>;
  /** It is the Auto default no more. */
  was_auto_default: boolean;
};
export type ProviderStale = ProblemFields & {
  /** As it is now. */
  current: Provider;
};
export type WorkerKind = "gpu" | "cli";
export type WorkerState = "live" | "suspect" | "away" | "over_quota" | "barred" | "leaving" | "dead";
export type WorkerKeyNew = {
  name?: string | null;
};
export type WorkerKeyFields = {
  id: Id;
  name: string;
  provider: Id;
  /** Its first and last characters. */
  hint: string;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
};
export type WorkerKey = WorkerKeyFields;
export type WorkerKeyMade = WorkerKeyFields & {
  /** The key itself, in this one answer only. */
  key: string;
};
export type WorkerKeyList = {
  items: Array<WorkerKey>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type WorkerModel = {
  id: string;
  context_tokens: CountOrNull;
  abilities: {
    tools: boolean;
    images: boolean;
    json_schema: boolean;
    reasoning: boolean;
  };
};
export type Worker = {
  id: Id;
  name: TextOrNull;
  provider: ProviderRef;
  kind: WorkerKind;
  version: TextOrNull;
  /** `claude`, `codex` or `cursor`, of a cli worker. */
  tool: string | null;
  /** The worker key that it registered with. */
  key: string;
  state: WorkerState;
  /** Grows with each registration. */
  epoch: number;
  slots: number;
  busy: number;
  /** Connections that wait for a job. */
  parked: number;
  vram_mb: CountOrNull;
  registered_at_ms: TimeOrNull;
  last_heartbeat_ms: TimeOrNull;
  over_quota_until_ms: TimeOrNull;
  barred_until_ms: TimeOrNull;
  jobs: number;
  failures: number;
  models: Array<WorkerModel>;
};
export type WorkerList = {
  items: Array<Worker>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type Model = {
  id: string;
  provider: ProviderSlugRef;
  surfaced: boolean;
  /** It is its provider's default. */
  default: boolean;
  /** `null`: the provider does not tell. */
  context_tokens: CountOrNull;
  created_at_ms: TimeOrNull;
};
export type ModelList = {
  items: Array<Model>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type Routing = {
  auto: null | {
    provider: Id;
    provider_name: TextOrNull;
    /** `null`: the provider's default. */
    model: TextOrNull;
  };
  /** Grows with every change of configuration. */
  version: number;
};
export type RoutingThen = {
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
  /** False: the server did not run then, or what was noted is no longer kept; every provider is `unknown`. */
  known: boolean;
  /** Why it is not known, or not yet known again. */
  why: null | "stopped" | "killed" | "notes_lost" | "not_kept";
  /** When the server began to run, or ceased to. */
  since_ms: TimeOrNull;
  config: null | {
    version: number;
    /** Milliseconds since 1970, UTC. */
    since_ms: Time;
    /** Who made it so, for admins. */
    actor: string | null;
    /** The event's id, for admins. */
    event: string | null;
  };
  providers: Array<{
    id: Id;
    /** As it was called then. */
    name: string | null;
    status: "online" | "degraded" | "over_quota" | "offline" | "error" | "paused" | "unknown";
    reason: TextOrNull;
    since_ms: TimeOrNull;
  }>;
  workers: Array<{
    id: Id;
    name: TextOrNull;
    provider: Id;
    state: WorkerState;
    reason: TextOrNull;
    /** Milliseconds since 1970, UTC. */
    since_ms: Time;
  }>;
};
export type RoutingFlows = {
  /** Later than asked for where more than 5,000 jobs came since: then from the oldest of the newest on. */
  since_ms: Time;
  /** Milliseconds since 1970, UTC. */
  until_ms: Time;
  /** What ended later is not in it. */
  as_of_ms: Time;
  /** That are counted. */
  jobs: number;
  /** False: there were more, in the time that was asked for, than are counted. */
  is_whole: boolean;
  flows: Array<RoutingFlow>;
};
export type RoutingFlow = {
  /** Where the minute begins in which the jobs came. */
  at_ms: Time;
  team: TextOrNull;
  /** As it is called today; `null`: there is none, or it is gone. */
  team_name: string | null;
  /** For `auto`, or for a model by its name. */
  asked: "auto" | "name";
  /** `null`: nobody was asked. */
  provider: ProviderRefOrNull;
  tier: null | Tier;
  /** What the provider was asked for. */
  model: string | null;
  worker: TextOrNull;
  /** That ended here. */
  jobs: number;
  /** Of them: failed, were interrupted or refused. */
  failed: number;
  attempts: number;
  /** Of them: somebody else was asked next. */
  moved_on: number;
};
export type RoutingChange = {
  /** `null` clears it. */
  auto?: null | {
    /** Id or slug. */
    provider: string;
    /** One of its models; `null` for its default. */
    model?: string | null;
  };
};
export type Fault = {
  /** Id or slug. */
  provider: string;
  fault: "offline" | "key_rejected" | "over_quota" | "queue_too_deep";
};
export type RouteNeed = "tools" | "images" | "json_schema";
export type Explain = {
  /** As a caller would write it. */
  model?: string;
  /** As `X-Auxot-Provider`. */
  provider?: string | null;
  /** Reserved; an agent is refused. */
  agent?: string | null;
  /** Id or name: what its policy allows. Default: the caller's team; a member may name no other. */
  team?: string | null;
  /** Default `chat_completions`. */
  endpoint?: Endpoint;
  /** What the request cannot do without. */
  needs?: Array<RouteNeed> | null;
  /** How long the prompt is, at least. */
  prompt_tokens?: number | null;
  /** Pretend. */
  faults?: Array<Fault> | null;
};
export type RouteVerdict = "chosen" | "eligible" | "skipped";
export type RouteReason = "pinned" | "serves_model" | "auto_default" | "cascade" | "route_step" | "fallback_rule" | "degraded" | "over_quota" | "offline" | "error" | "paused" | "model_not_served" | "model_unsurfaced" | "model_missing" | "not_loaded" | "no_default_model" | "dialect_not_supported" | "endpoint_not_supported" | "lacks_tools" | "lacks_images" | "lacks_json_schema" | "context_too_small" | "provider_teams" | "team_tiers" | "team_providers" | "team_models" | "key_tiers" | "key_providers" | "key_models" | "not_asked" | "condition_not_met";
export type RouteOutcome = "ok" | "unknown_model" | "unknown_provider" | "provider_lacks_model" | "pins_disagree" | "dialect_not_supported" | "lacks_ability" | "context_too_small" | "endpoint_not_supported" | "policy_denied" | "all_over_quota" | "nobody_now" | "no_candidate";
export type Candidate = {
  provider: ProviderSlugRef;
  model: TextOrNull;
  verdict: RouteVerdict;
  reason: RouteReason;
  /** Of who is asked in another dialect: the endpoint to which the request is translated; `estimate`: tokens are counted here. */
  asked?: "chat_completions" | "responses" | "embeddings" | "completions" | "messages" | "count_tokens" | "estimate";
  /** What translation then minds. */
  quirks?: Array<string>;
  evidence: string;
  status: ProviderStatus;
};
export type Explained = {
  /** The `chosen` one, the other `eligible` ones in order, then the `skipped`. */
  candidates: Array<Candidate>;
  outcome: RouteOutcome;
  sentence: string;
  config_version: number;
};
export type RehearseFault = "offline" | "key_rejected" | "over_quota" | "slow_x3" | "half_slots";
export type Rehearse = {
  /** Milliseconds since 1970; default: a day before `until`. At most 31 days. */
  since?: number | null;
  /** Default: now. */
  until?: number | null;
  /** Pretend. `offline` refuses connections, or has no live worker; `key_rejected` answers 401; `over_quota` answers 429, its quota being gone; `slow_x3` takes three times as long; `half_slots` has half of its counted slots. */
  faults?: Array<{
    /** Id or slug. */
    provider: string;
    fault: RehearseFault;
  }> | null;
  /** A configuration that is proposed: what is named here over what there is. Checked as where it is changed, and not kept. */
  changes?: RehearseChanges;
  /** So many requests are told one by one, the oldest first; default 0. */
  show?: number | null;
};
export type RehearseChanges = {
  providers?: Array<{
    /** Id or slug. */
    provider: string;
    paused?: boolean;
    fallback_rules?: Array<FallbackRuleGiven>;
    wait_ms?: number | null;
    max_concurrent?: number | null;
    default_model?: string | null;
    surfaced_models?: Array<string>;
    teams?: Array<string> | null;
  }> | null;
  auto?: null | {
    /** Id or slug. */
    provider: string;
    model?: string | null;
  };
  /** Each in the place of the route of its name, or new. */
  routes?: Array<RouteNew> | null;
  teams?: Array<{
    /** Id or name. */
    team: string;
    /** What is not given stays; `null` takes a limit away, and for the whole policy all of them. */
    policy: PolicyChange;
  }> | null;
} | null;
export type RehearsedLanding = {
  provider: ProviderSlugRef;
  tier: Tier;
  jobs: number;
  /** Of all that were rehearsed. */
  share: number;
  /** Of those whose price and tokens are known. */
  cost_microusd: number;
  unpriced_jobs: number;
  /** `null`: not counted. */
  slots: number | null;
};
export type RehearsedSide = {
  landed: number;
  refused: number;
  /** For which more than one provider was asked. */
  failovers: number;
  cost_microusd_per_hour: number;
  /** Of 730 hours. */
  cost_microusd_per_month: number;
  /** Landed where no price is known, or with no tokens on record. */
  unpriced_jobs: number;
  /** For slots, of all that landed. */
  waits: {
    /** That waited at all. */
    jobs: number;
    p50_ms: number;
    p95_ms: number;
    max_ms: number;
  };
  /** Every provider, in cascade order. */
  landing: Array<RehearsedLanding>;
  refusals: Array<{
    /** As a job would tell it: a [reason code](errors.md#reason-codes-of-jobs). */
    reason: string;
    jobs: number;
  }>;
};
export type RehearsedJobSide = {
  provider: ProviderSlugRef | null;
  model: TextOrNull;
  answered: boolean;
  reason: string;
  attempts: number;
  waited_ms: number;
};
export type Rehearsed = {
  sentence: string;
  window: {
    /** Milliseconds since 1970, UTC. */
    since_ms: Time;
    /** Milliseconds since 1970, UTC. */
    until_ms: Time;
    /** When sampled, about so many. */
    jobs: number;
    rehearsed: number;
    /** There were more than 100,000: slices of the window stand for all of it. */
    sampled: boolean;
    /** Refused by a limit, or for what they said, before anybody was chosen. */
    left_out: number;
    /** Recorded by an older version: routed by model and endpoint alone. */
    without_shape: number;
    /** Land in `before` where they really landed: how far the rest may be trusted. */
    as_recorded: number;
  };
  /** Land elsewhere than before, or nowhere. */
  moved: number;
  /** Who goes where, the most frequent first; also to another model of the same provider. Where nobody answers stands `null`. */
  moves: Array<{
    from: ProviderSlugRef | null;
    to: ProviderSlugRef | null;
    jobs: number;
    /** Of those whose cost is known before and after. */
    cost_change_microusd: number;
    /** The others. */
    unpriced_jobs: number;
  }>;
  before: RehearsedSide;
  after: RehearsedSide;
  /** Land before, and nowhere afterwards. */
  stranded_jobs: number;
  /** Whose, the most frequent first; then teams and keys without a request in the window, for which `auto` would leave nothing (0 jobs). */
  stranded: Array<{
    kind: "team" | "user" | "key";
    id: string;
    name: string;
    /** That was asked for. */
    model: string;
    /** As `X-Auxot-Provider`. */
    pin: string | null;
    jobs: number;
    reason: string;
    fix: string;
  }>;
  /** What one should know of the figures. */
  notes: Array<string>;
  jobs: Array<{
    id: Id;
    /** Milliseconds since 1970, UTC. */
    created_at_ms: Time;
    before: RehearsedJobSide;
    after: RehearsedJobSide;
  }>;
};
export type StepWhen = "always" | "previous_full" | "previous_offline";
export type StepGiven = {
  tier?: Tier;
  /** Id or slug. */
  provider?: string;
  model?: string;
  /** Default `always`; `previous_full` also counts a provider over its quota. */
  when?: StepWhen;
};
export type RouteNew = {
  /** What callers use as a model; not `auto`, no blanks. A `*` may end it, which makes it a pattern. */
  name: string;
  steps: Array<StepGiven>;
};
export type RouteChange = {
  /** What callers use as a model; not `auto`, no blanks. A `*` may end it, which makes it a pattern. */
  name?: string;
  steps?: Array<StepGiven>;
};
export type Step = {
  tier?: Tier;
  provider?: Id;
  model?: string;
  when: StepWhen;
};
export type Route = {
  id: Id;
  name: string;
  steps: Array<Step>;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
};
export type RouteList = {
  items: Array<Route>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type ConfigProvider = {
  /** What the file knows it by: lower-case letters, digits and `-`. It never changes. */
  slug: string;
  /** Free text, unique; default: the slug. */
  name?: string;
  /** Needed for a new one; it never changes. */
  type?: ProviderType;
  /** Empty: it has workers, or the vendor's own address. */
  base_url?: string | null;
  dialects?: Dialects;
  /** Of a new one: until it has a key it waits in the state error, as `key_missing`. */
  needs_key?: boolean;
  /** The variable that `auxot config` takes its key from; the server does not look at it. */
  api_key_env?: string;
  /** These, and no others. */
  surfaced_models?: Array<string>;
  default_model?: string | null;
  fallback_rules?: Array<FallbackRuleGiven>;
  wait_ms?: number | null;
  max_concurrent?: number | null;
  timeouts?: TimeoutsGiven;
  /** Names of the teams that may use it; `null`: everybody. */
  teams?: Array<string> | null;
  paused?: boolean;
};
export type ConfigRoute = {
  /** What callers use as a model; not `auto`, no blanks. A `*` may end it, which makes it a pattern. */
  name: string;
  steps: Array<StepGiven>;
};
export type ConfigTeam = {
  /** What the file knows it by, whatever its case. */
  name: string;
  /** What is not given stays; `null` takes a limit away, and for the whole policy all of them. */
  policy?: PolicyChange;
  /** Their names. */
  service_accounts?: Array<string>;
};
export type ConfigFile = {
  /** Who `auto` asks first; `null`: the cascade alone. */
  auto?: null | {
    provider: string;
    model?: string | null;
  };
  /** New ones are made in their order, which is that of the cascade. */
  providers?: Array<ConfigProvider>;
  routes?: Array<ConfigRoute>;
  teams?: Array<ConfigTeam>;
  prices?: Array<PriceNew>;
};
export type ConfigGiven = {
  /** What is left out stays as it is: a section, an entry, a field of an entry. */
  config: ConfigFile;
  /** Remove what a section of the file does not name. Else it is kept. */
  prune?: boolean;
  /** Refuse when the configuration is no longer the one of this `rev`. */
  rev?: string;
  /** Keys of providers: the only secrets, apart from the file. */
  keys?: Array<{
    /** Its slug. */
    provider: string;
    api_key: string;
  }>;
};
export type ConfigKind = "provider" | "route" | "team" | "service_account" | "price" | "auto";
export type ConfigChange = {
  action: "create" | "update" | "delete";
  kind: ConfigKind;
  name: string;
  /** One sentence for each field: what it was, what it becomes. Of very many changes only the first have them. */
  details: Array<string>;
  /** Requests of the last 24 hours that it had to do with. */
  jobs_24h: CountOrNull;
};
export type ConfigKept = {
  kind: ConfigKind;
  name: string;
};
export type ConfigChanges = {
  /** Of the configuration that was compared; after a change, of what it is now. */
  rev: string;
  /** Likewise: the configuration's version. */
  version: number;
  /** Whether anything was changed. */
  applied: boolean;
  /** None: the configuration is what the file says. */
  changes: Array<ConfigChange>;
  /** Of a diff: what the changes would have done to the requests of the last 24 hours, by a [rehearsal](#post-apiroutingrehearse). */
  effect: TextOrNull;
  /** Not in a section of the file, and not removed. */
  kept: Array<ConfigKept>;
  /** What to see to. */
  notes: Array<string>;
};
export type PolicyChange = {
  /** `null`: all; an empty list: none. */
  allowed_tiers?: Array<Tier> | null;
  /** Ids; slugs are taken, too. `null`: all. */
  allowed_providers?: Array<string> | null;
  /** Exact names, or beginnings that end in `*`. `null`: all. */
  allowed_models?: Array<string> | null;
  /** `batch` waits behind everything interactive. */
  service_class?: "interactive" | "batch";
  /** In any 60 seconds. `null`: no limit, as of all that follow. */
  requests_per_minute?: number | null;
  /** In any 60 seconds, prompts and answers. */
  tokens_per_minute?: number | null;
  /** Requests at once. */
  max_concurrent?: number | null;
  /** In a calendar month (UTC), in millionths of a dollar. */
  budget_microusd_per_month?: number | null;
  /** Where a warning begins; not above the budget. */
  budget_soft_microusd_per_month?: number | null;
  /** Of one answer. */
  max_output_tokens?: number | null;
} | null;
export type Policy = {
  /** `null`: all; an empty list: none. */
  allowed_tiers: Array<Tier> | null;
  /** Ids; slugs are taken, too. `null`: all. */
  allowed_providers: Array<string> | null;
  /** Exact names, or beginnings that end in `*`. `null`: all. */
  allowed_models: Array<string> | null;
  /** `batch` waits behind everything interactive. */
  service_class: "interactive" | "batch";
  /** In any 60 seconds. `null`: no limit, as of all that follow. */
  requests_per_minute: number | null;
  /** In any 60 seconds, prompts and answers. */
  tokens_per_minute: number | null;
  /** Requests at once. */
  max_concurrent: number | null;
  /** In a calendar month (UTC), in millionths of a dollar. */
  budget_microusd_per_month: number | null;
  /** Where a warning begins; not above the budget. */
  budget_soft_microusd_per_month: number | null;
  /** Of one answer. */
  max_output_tokens: number | null;
};
export type KeyRole = "member" | "admin";
export type Scope = "inference" | "read" | "manage";
export type KeyNew = {
  name: string;
  /** Default `member`. */
  role?: KeyRole;
  /** Whose it is. Default: the caller's own; for an admin who names a team, nobody's but the team's. */
  user?: string | null;
  /** Whose it is, in place of a user. */
  service_account?: string | null;
  /** Id or name of the team that pays: one of the user's. Default: the user's first, the account's own. */
  team?: string | null;
  /** Default: `inference` and `read`; for an admin's key all. */
  scopes?: Array<Scope>;
  /** Exact names, or beginnings that end in `*`. `null`: all that the team may. */
  allowed_models?: Array<string> | null;
  /** `null`: never. */
  expires_at_ms?: number | null;
  /** Limits of this key alone, beside the team's. Its models are `allowed_models` above. */
  policy?: PolicyChange;
};
export type KeyChange = {
  name?: string;
  /** Id or name of the team that pays: one of the user's. Default: the user's first, the account's own. */
  team?: string | null;
  /** Default: `inference` and `read`; for an admin's key all. */
  scopes?: Array<Scope>;
  /** Exact names, or beginnings that end in `*`. `null`: all that the team may. */
  allowed_models?: Array<string> | null;
  /** `null`: never. */
  expires_at_ms?: number | null;
  /** What is not given stays; `null` takes a limit away, and for the whole policy all of them. */
  policy?: PolicyChange;
};
export type KeyRotation = {
  /** How long the old secret stays valid; `0`: not at all. */
  grace_ms?: number | null;
};
export type KeyFields = {
  id: Id;
  name: string;
  role: KeyRole;
  /** Id. */
  team: TextOrNull;
  user: TextOrNull;
  service_account: TextOrNull;
  scopes: Array<Scope>;
  allowed_models: Array<string> | null;
  policy: Policy;
  /** Its first and last characters. */
  hint: string;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  expires_at_ms: TimeOrNull;
  /** To about a minute. */
  last_used_at_ms: TimeOrNull;
  /** Until then the secret before the last rotation is valid, too. */
  previous_until_ms: TimeOrNull;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
  team_name: TextOrNull;
  user_name: TextOrNull;
  service_account_name: TextOrNull;
};
export type Key = KeyFields;
export type KeyMade = KeyFields & {
  /** The key itself, in this one answer only. */
  key: string;
};
export type KeyList = {
  items: Array<Key>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type TeamNew = {
  /** Unique, whatever its case. */
  name: string;
  /** What is not given stays; `null` takes a limit away, and for the whole policy all of them. */
  policy?: PolicyChange;
};
export type TeamChange = {
  /** Unique, whatever its case. */
  name?: string;
  /** What is not given stays; `null` takes a limit away, and for the whole policy all of them. */
  policy?: PolicyChange;
};
export type Team = {
  id: Id;
  name: string;
  policy: Policy;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
};
export type TeamList = {
  items: Array<Team>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type AccessRule = "allowed" | "provider_teams" | "team_tiers" | "team_providers" | "team_models" | "key_tiers" | "key_providers" | "key_models";
export type AccessModel = {
  id: string;
  allowed: boolean;
  rule: AccessRule;
  sentence: string;
};
export type AccessProvider = {
  id: Id;
  name: string;
  slug: string;
  tier: Tier;
  /** The provider itself; of its models each says for itself. */
  allowed: boolean;
  rule: AccessRule;
  sentence: string;
  models: Array<AccessModel>;
};
export type Access = {
  team: string | null;
  providers: Array<AccessProvider>;
};
export type RateNow = {
  limit: number | null;
  /** In the last minute; null where there is no limit. */
  used: number | null;
};
export type ConcurrentNow = {
  limit: number | null;
  running: number;
};
export type BudgetNow = {
  /** UTC, as 2026-11. */
  month: string;
  limit_microusd: number | null;
  soft_microusd: number | null;
  spent_microusd: number;
  /** By requests that run. */
  reserved_microusd: number;
};
export type LimitsNow = {
  team: Id;
  requests: RateNow;
  tokens: RateNow;
  concurrent: ConcurrentNow;
  budget: BudgetNow;
};
export type TeamMemberPut = {
  /** Default `member`. */
  role?: TeamRole;
};
export type TeamMember = {
  user: Id;
  role: TeamRole;
  user_name: TextOrNull;
};
export type TeamMemberList = {
  items: Array<TeamMember>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type TeamMemberRemoved = {
  user: Id;
  removed: true;
};
export type ServiceAccountNew = {
  /** Unique in its team, whatever its case. */
  name: string;
  /** Id or name; it stays. */
  team: string;
};
export type ServiceAccountChange = {
  name?: string;
};
export type ServiceAccount = {
  id: Id;
  name: string;
  team: Id;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
};
export type ServiceAccountList = {
  items: Array<ServiceAccount>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type UserRole = "member" | "admin" | "owner";
export type TeamRole = "lead" | "member";
export type Email = string;
export type PersonName = string;
export type NewPassword = string;
export type Membership = {
  id: Id;
  name: TextOrNull;
  role: TeamRole;
};
export type MembershipOrNull = {
  id: Id;
  name: string;
  role: TeamRole;
} | null;
export type PersonFields = {
  id: Id;
  email: string;
  name: string;
  role: UserRole;
  /** May not sign in; their API keys open nothing. */
  disabled: boolean;
  teams: Array<Membership>;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Grows with each change; `If-Match` wants it. */
  rev: Rev;
};
export type Person = PersonFields;
export type User = PersonFields & {
  /** How often they are signed in. */
  sessions: number;
  /** By one of these; `null`: by none. */
  last_seen_ms: TimeOrNull;
};
export type UserList = {
  items: Array<User>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type UserChange = {
  name?: PersonName;
  /** Owners are made and changed by owners; one who can sign in stays. */
  role?: UserRole;
  disabled?: boolean;
};
export type SetupState = {
  needed: boolean;
};
export type SetupNew = {
  /** Printed when the server starts, and by `auxot setup-token`. */
  token: string;
  /** Kept in lower case. */
  email: Email;
  /** At least 12 characters; none that everybody tries, and not the address. */
  password: NewPassword;
  /** Default: the address. */
  name?: PersonName;
  /** Its name; default `Organization`. */
  organization?: string;
};
export type SetupDone = {
  organization: string;
  user: Person;
};
export type SetupToken = {
  token: string;
};
export type SignIn = {
  email: string;
  password: string;
};
export type Caller = {
  kind: "session" | "key";
  organization: string;
  role: UserRole;
  /** Id of the API key. */
  key: string | null;
  /** Id of the session. */
  session: string | null;
  /** `null`: a key of nobody. */
  user: null | Person;
};
export type MeChange = {
  name?: PersonName;
  /** At least 12 characters; none that everybody tries, and not the address. */
  password?: NewPassword;
  /** Goes with `password`. */
  current_password?: string;
};
export type Session = {
  id: Id;
  address: string;
  /** What the browser calls itself. */
  agent: string;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** However much it is used; a week without use ends it, too. */
  expires_at_ms: Time;
  /** Milliseconds since 1970, UTC. */
  last_seen_ms: Time;
  /** The one that asks. */
  current: boolean;
};
export type SessionList = {
  items: Array<Session>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type SessionsEnded = {
  ended: number;
};
export type InvitationNew = {
  /** Only for this address; missing: for whoever has the link. */
  email?: Email;
  /** Default `member`; none above the caller's own. */
  role?: UserRole;
  /** Id or name of a team that they come into. */
  team?: string | null;
  /** Default `member`. */
  team_role?: TeamRole;
};
export type InvitationFields = {
  email: TextOrNull;
  role: UserRole;
  team: MembershipOrNull;
  /** Milliseconds since 1970, UTC. */
  expires_at_ms: Time;
};
export type Invitation = InvitationFields & {
  id: Id;
  /** A user's or a key's id. */
  created_by: string;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
};
export type InvitationMade = InvitationFields & {
  id: Id;
  created_by: string;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** In this one answer only. */
  token: string;
  /** `…/invite#token=…`: what stands behind the # stays in the browser. The host is that of `AUXOT_BASE_URL`, else the one that was asked. */
  link: string;
};
export type InvitationSeen = InvitationFields & {
  organization: string;
};
export type InvitationList = {
  items: Array<Invitation>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type InvitationToken = {
  token: string;
};
export type InvitationAccept = {
  token: string;
  /** At least 12 characters; none that everybody tries, and not the address. */
  password: NewPassword;
  /** Default: the address. */
  name?: PersonName;
  /** Needed when the invitation names none. */
  email?: Email;
};
export type PasswordReset = {
  token: string;
  /** At least 12 characters; none that everybody tries, and not the address. */
  password: NewPassword;
};
export type PasswordResetMade = {
  user: Id;
  /** A day later. Using it, another link, and a change of the password end it before. */
  expires_at_ms: Time;
  /** In this one answer only. */
  token: string;
  /** `…/reset#token=…`: what stands behind the # stays in the browser. The host is that of `AUXOT_BASE_URL`, else the one that was asked. */
  link: string;
};
export type JobStatus = "open" | "done" | "failed" | "cancelled" | "interrupted" | "refused";
export type AttemptOutcome = "ok" | "failed" | "cancelled" | "interrupted";
export type Dialect = "openai" | "anthropic";
export type ProviderRefOrNull = {
  id: Id;
  name: string;
} | null;
export type Attempt = {
  seq: number;
  provider: ProviderRefOrNull;
  tier: null | Tier;
  worker: TextOrNull;
  model: TextOrNull;
  /** Why this provider was asked: a [code of routing](reasons.md#chosen-because); `null` in records of older versions. */
  chosen: string | null;
  /** `null` while under way. */
  outcome: null | AttemptOutcome;
  /** [Reason code](errors.md#reason-codes-of-attempts); `null` when it went well. */
  reason: string | null;
  /** What the provider answered. */
  http_status: number | null;
  /** Milliseconds since 1970, UTC. */
  started_at_ms: Time;
  /** From its own start. */
  first_byte_ms: CountOrNull;
  ended_at_ms: TimeOrNull;
  input_tokens: CountOrNull;
  output_tokens: CountOrNull;
  cached_tokens: CountOrNull;
  /** `null`: it told no tokens, or they have no price. */
  cost_microusd: CountOrNull;
  /** Tokens, or some of them, are counted from bytes. */
  estimated: boolean;
};
export type Job = {
  id: Id;
  status: JobStatus;
  /** [Reason code](errors.md#reason-codes-of-jobs). */
  reason: string | null;
  requested_model: TextOrNull;
  /** Who answered. */
  provider: ProviderRefOrNull;
  /** Which model answered. */
  model: string | null;
  dialect: Dialect;
  endpoint: Endpoint;
  stream: boolean;
  source: string;
  team: TextOrNull;
  user: TextOrNull;
  key: TextOrNull;
  key_name: TextOrNull;
  agent: TextOrNull;
  /** As it is called today; `null`: there is none, or it is gone. */
  team_name: string | null;
  /** Likewise; `null` also when they may not sign in any more. */
  user_name: string | null;
  /** Milliseconds since 1970, UTC. */
  created_at_ms: Time;
  /** Until the first attempt. */
  queued_ms: CountOrNull;
  /** From arrival. */
  first_byte_ms: CountOrNull;
  /** From arrival. */
  duration_ms: CountOrNull;
  /** Of all attempts. The provider's count where it tells, else estimated from bytes (4 to a token). */
  input_tokens: CountOrNull;
  /** Likewise. */
  output_tokens: CountOrNull;
  cached_tokens: CountOrNull;
  /** Tokens, or some of them, are counted from bytes: nobody told them, or the caller left. */
  estimated: boolean;
  /** Of all attempts: millionths of a dollar, by the prices in force when the request came. What has no price is `null`, never 0. */
  cost_microusd: CountOrNull;
  /** Some of the tokens have no price; the cost is that of the rest. */
  cost_is_partial: boolean;
  /** The part of the cost that failed attempts took. */
  wasted_microusd: CountOrNull;
  config_version: number;
  /** What the caller got. */
  http_status: number | null;
  bytes_in: number;
  bytes_out: number;
  /** What routing was asked, beside endpoint, model, team and key; `null`: the body was not read, or an older version wrote it. */
  shape: null | JobShape;
  /** The server's own time by phase; `null`: an older version wrote it. */
  timing: null | JobTiming;
  /** Who answered, why there, how long it took, what it cost: one sentence, made of the codes. */
  answer_line: string;
  /** `answer_line`, cut at its nouns: the texts one after the other are the line. */
  answer_parts: Array<AnswerPart>;
  answer: JobAnswer;
  /** Who stood before the one who answered (of a job that nobody answered: in the list at all), and was not asked. Members are not told of providers that are other teams'. */
  passed_over: Array<PassedOver>;
  attempts: Array<Attempt>;
  /** What [translation](translation.md) could not carry. */
  fidelity: Array<string>;
};
export type Why = {
  /** A [reason code](reasons.md). */
  code: string;
  text: string;
  /** What to do about it. */
  fix: TextOrNull;
};
export type WhyEnded = Why;
export type WhyMovedOn = Why & {
  provider: ProviderRef;
  /** Of the attempt. */
  seq: number;
};
export type AnswerPart = {
  /** `text`: the words between. The last four are reasons. */
  kind: "text" | "provider" | "model" | "job" | "chosen_because" | "passed_over_because" | "moved_on_because" | "ended_because";
  text: string;
  /** A provider's or the job's id, a model's name, a [reason code](reasons.md). */
  id: string | null;
  /** Of a reason: what to do about it. */
  fix: string | null;
};
export type JobAnswer = {
  /** Who answered, or is asked, or was when it ended; `null`: nobody. */
  provider: ProviderRefOrNull;
  model: TextOrNull;
  /** The how-manieth choice that was: whoever stood before counts, asked or not. */
  choice: number | null;
  chosen_because: null | WhyEnded;
  /** The attempts that failed before. */
  moved_on_because: Array<WhyMovedOn>;
  /** `null` while it is open. */
  ended_because: null | WhyEnded;
  /** An attempt failed before. */
  failed_over: boolean;
  /** Another model answered than the caller named: by an alias, a route or a rule. */
  other_than_asked: boolean;
};
export type PassedOver = {
  provider: ProviderRef;
  tier: null | Tier;
  model: TextOrNull;
  /** A [reason code](reasons.md). */
  reason: string;
  /** The code in words */
  text: string;
  fix: TextOrNull;
  /** What was known at that moment. `null` where it has no bearing on the reason. */
  evidence: Evidence;
};
export type Evidence = {
  /** Since its last sign of life: a heartbeat, an answer. */
  heard_ago_ms: CountOrNull;
  /** Of its slots. */
  busy: CountOrNull;
  slots: CountOrNull;
  /** Requests whose first choice it was. */
  waiting: CountOrNull;
  /** When it may be asked again. */
  until_ms: TimeOrNull;
  /** Of its model. */
  context_tokens: CountOrNull;
  /** Of the request: at least so many. */
  prompt_tokens: CountOrNull;
};
export type JobTiming = {
  /** Whose key, or session, it is. */
  auth_us: CountOrNull;
  /** Reading the body. */
  parse_us: CountOrNull;
  /** Limits and budget. */
  admit_us: CountOrNull;
  /** Each plan that was made. */
  route_us: CountOrNull;
  /** Until providers had taken the connection; 0: it was there. */
  connect_us: CountOrNull;
  /** From the head of the answer to the first of it that could go to the caller; of a plain one, to its end. */
  hold_us: CountOrNull;
  /** Work on the answer's bytes; measured for callers who sent `X-Auxot-Timing: 1`. */
  relay_us: CountOrNull;
  /** Until what had to be on record was written, but for the closing record, which this stands in. */
  record_us: CountOrNull;
};
export type JobShape = {
  /** What of a model the body showed that it needs. */
  needs: Array<"tools" | "images" | "json_schema">;
  /** At least so many, by the cautious estimate that routing used; `null`: no saying, for there are pictures. */
  prompt_tokens: CountOrNull;
  /** `X-Auxot-Provider`, as the caller wrote it. */
  provider: string | null;
  service_class: "interactive" | "batch";
  /** `X-Auxot-Wait`; `null`: not given. */
  wait_ms: CountOrNull;
};
export type JobList = {
  items: Array<Job>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
  /** How far a page looked for what no index knows (`failed_provider` to `order`): through 20,000 jobs at most, so it may be short, or empty, and the next one goes on. `null`: to the end, or for no such thing. */
  looked_back_to_ms: TimeOrNull;
};
export type UsageSums = {
  /** Closed, and created in that time. */
  jobs: number;
  /** Among them: failed or interrupted. */
  failed: number;
  cancelled: number;
  refused: number;
  /** Of all attempts, reported or estimated. */
  input_tokens: number;
  output_tokens: number;
  /** Among the input. */
  cached_tokens: number;
  /** The part of input and output that failed attempts took. */
  wasted_tokens: number;
  /** As far as it is known; `null`: none of it is. */
  cost_microusd: CountOrNull;
  /** The part of the cost that failed attempts took. */
  wasted_microusd: number;
  /** What the tokens of gpu and cli providers would have cost at `avoided_by`. */
  avoided_microusd: CountOrNull;
  /** Jobs whose cost, or a part of it, is not known. */
  unknown_cost_jobs: number;
  /** Jobs whose tokens, or a part of them, are counted from bytes. */
  estimated_jobs: number;
};
export type UsageTotals = UsageSums;
export type UsageItem = UsageSums & {
  /** Where the bucket begins; `null` without buckets. */
  at_ms: TimeOrNull;
  /** A value of `group_by`; `null` for what has none. */
  group: UsageGroup;
};
export type UsageGroup = {
  id: TextOrNull;
  name: TextOrNull;
};
export type PriceGiven = number | null;
export type PriceNew = {
  /** Its exact name, in the provider's own spelling. */
  model: string;
  /** Id or slug; `null` or left out: at every provider that has no price of its own for it. */
  provider?: string | null;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  input_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  output_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  cached_input_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  cache_write_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  cache_write_1h_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  long_context_input_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  long_context_output_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  long_context_cached_input_microusd_per_mtok?: PriceGiven;
  /** Millionths of a dollar for a million tokens; `null`: not known. Left out: as it is, or as the shipped table has it. */
  long_context_cache_write_microusd_per_mtok?: PriceGiven;
  /** A prompt longer than this is charged, all of it, by the prices for a long context; `null`: there is no such tier. */
  long_context_threshold_tokens?: PriceGiven;
  /** Where it is from. */
  note?: string | null;
};
export type Price = {
  /** Of a price of your own; `null`: shipped. */
  id: string | null;
  model: string;
  /** `null`: all. */
  provider: ProviderRefOrNull;
  /** Of shipped ones: providers of which type go by it. */
  type: null | ProviderType;
  input_microusd_per_mtok: CountOrNull;
  output_microusd_per_mtok: CountOrNull;
  cached_input_microusd_per_mtok: CountOrNull;
  cache_write_microusd_per_mtok: CountOrNull;
  cache_write_1h_microusd_per_mtok: CountOrNull;
  long_context_input_microusd_per_mtok: CountOrNull;
  long_context_output_microusd_per_mtok: CountOrNull;
  long_context_cached_input_microusd_per_mtok: CountOrNull;
  long_context_cache_write_microusd_per_mtok: CountOrNull;
  long_context_threshold_tokens: CountOrNull;
  origin: "shipped" | "override";
  /** Who says so. */
  source: TextOrNull;
  source_date: TextOrNull;
  updated_at_ms: TimeOrNull;
  rev: number | null;
};
export type PriceList = {
  items: Array<Price>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type Usage = {
  items: Array<UsageItem>;
  /** Of the whole range, whatever the page. */
  totals: UsageTotals;
  group_by: string;
  bucket: "minute" | "hour" | "day" | "none";
  /** Milliseconds since 1970, UTC. */
  since_ms: Time;
  /** Milliseconds since 1970, UTC. */
  until_ms: Time;
  /** Whose price `avoided_microusd` is told by; `null`: no cloud has one. */
  avoided_by: {
    provider: ProviderRef;
    model: string;
    why: "auto_default" | "cheapest_default";
  } | null;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type Event = {
  id: Id;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
  /** A key's or user's id, `anyone` (nobody known), `control` (the socket), `command` (a command without a server), `health` (the server's own rounds) or `workers` (what they do). */
  actor: string;
  action: string;
  /** Id of what it is about. */
  subject: string;
  /** What it was; secrets as hints. `null`: nothing. */
  before: Record<string, unknown> | Array<unknown> | null;
  /** What it became. */
  after: Record<string, unknown> | Array<unknown> | null;
};
export type EventList = {
  items: Array<Event>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type Transition = {
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
  kind: "server" | "provider" | "worker" | "config";
  /** Of the provider or worker. */
  id: string | null;
  /** As it was called then. */
  name: string | null;
  /** Of a worker */
  provider: string | null;
  /** `null`: what was before is not known. */
  from: string | null;
  /** Of a provider its [status](#providers) or `gone`; of a worker its state; of the configuration its version; of the server `started`, `stopped`, `killed` (told by the next start) or `notes_lost`: behind these nothing is known until it is told again. */
  to: string;
  /** A [reason code](errors.md#reason-codes-of-changes-of-state); of the configuration the event's action, for admins. */
  reason: string | null;
  /** Of the configuration: who changed it, for admins. */
  actor: string | null;
  /** Of the configuration: id of the event, for admins. */
  event: string | null;
  /** Of `notes_lost`: how many. */
  lost: number | null;
};
export type TransitionList = {
  items: Array<Transition>;
  /** `null` on the last page. */
  next_cursor: NextCursor;
};
export type EventReport = {
  unbroken: boolean;
  /** Events that are as they were written, up to the first that is not. */
  events: number;
  /** Of these: written by a version that did not chain them yet, so unproven. */
  before_chain: number;
  /** Number and link of the last good one. Keep it elsewhere to notice a file that was put back. */
  head: string;
  /** Number of the first bad one; 0: none. */
  bad_seq: number;
  /** Its id; `""` where the row is missing. */
  bad_id: string | null;
  why: string | null;
};
export type SecretReport = {
  /** Tells two secrets apart. */
  fingerprint: string;
  kept_in: "file" | "environment";
  rotated_at_ms: TimeOrNull;
  /** Keys of providers that are kept. */
  sealed: number;
  /** Of these under a former secret; that one may go for good when it is 0. */
  left: number;
  /** One of them. */
  left_provider: string | null;
  /** By this rotation. */
  resealed: number;
};
export type BackupNote = {
  last_at_ms: TimeOrNull;
  last_bytes: CountOrNull;
};
export type BackupMade = {
  /** Milliseconds since 1970, UTC. */
  at_ms: number;
  bytes: number;
};
export type HealthItem = {
  kind: "service" | "provider" | "worker" | "queue" | "limit" | "budget" | "errors" | "failovers" | "spend" | "disk" | "certificate" | "backup" | "server" | "change";
  /** What it is about. */
  what: string;
  /** Of the provider, worker, team, key or event. */
  id: string | null;
  /** `note`: worth a look, nothing fails. */
  level: "fine" | "note" | "degraded" | "down";
  /** Of a provider its status, of a worker its state; else a word of the kind. */
  state: string;
  since_ms: TimeOrNull;
  /** A stable code. */
  why_code: string | null;
  why_text: string;
  /** What to do; `null`: nothing. */
  fix: string | null;
  /** A page of the web UI. */
  link: string | null;
};
export type HealthSummary = {
  /** That of the worst item; a `note` is `ok`. */
  status: "ok" | "degraded" | "down";
  sentence: string;
  /** The first fix of what is wrong, else of what is worth a look. */
  next_step: string | null;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
  /** Worst first. */
  items: Array<HealthItem>;
  /** Items that found no room: the least bad. */
  left_out: number;
  /** Where a request for `auto` of the caller's would go now: what `/api/routing/explain` says. */
  auto: AutoNow;
  /** Those with a provider that the caller sees and that is not paused. */
  tiers: Array<TierNow>;
  heartbeat: HeartbeatRule;
  /** `null` below admin. */
  spend: null | SpendNow;
  /** `null` below admin. */
  gateway: null | GatewayNow;
};
export type AutoNow = {
  /** `null`: nobody answers. */
  provider: ProviderRefOrNull;
  model: TextOrNull;
  tier: null | Tier;
  /** Why nobody does. */
  why_not: string | null;
  /** Counted slots; 0: it has none. */
  slots: number;
  busy: number;
  queue_depth: number;
  in_flight: number;
};
export type TierNow = {
  tier: Tier;
  /** Without those that are paused. */
  providers: number;
  /** Of these: online or degraded. */
  able: number;
  /** While none is able: since when the last of them is not. */
  gone_since_ms: TimeOrNull;
  /** Counted slots; 0: none has any. */
  slots: number;
  busy: number;
  queue_depth: number;
  in_flight: number;
};
export type HeartbeatRule = {
  /** What workers are asked to send. */
  every_ms: number;
  /** A worker that is silent for so long is gone. */
  dead_after_ms: number;
};
export type SpendNow = {
  /** Known costs of the last sixty minutes; `null`: nothing that was used has a price. */
  hour_microusd: CountOrNull;
  /** Some of that hour's tokens have no price. */
  hour_is_partial: boolean;
  /** Since midnight UTC. */
  today_microusd: CountOrNull;
  /** Of a day, by those of the last seven that had requests; `null`: there was none. */
  usual_microusd: CountOrNull;
};
export type GatewayNow = {
  version: string;
  /** Milliseconds since 1970, UTC. */
  started_at_ms: Time;
  /** Resident, of this process; `null`: the system does not say. */
  memory_bytes: CountOrNull;
  /** Of the data directory. */
  disk_free_bytes: CountOrNull;
  disk_total_bytes: CountOrNull;
  /** `null`: no TLS here. */
  certificate_ends_ms: TimeOrNull;
  /** `null`: there was none. */
  backup_at_ms: TimeOrNull;
};
export type Health = {
  status: "ok";
  version: string;
  /** False while the record cannot be written, because requests are refused then. */
  ready: boolean;
};
export type LiveKind = "hello" | "provider" | "worker" | "gauge" | "job" | "attempt" | "event" | "config" | "notice" | "ping" | "reset";
export type LiveHello = {
  rev: number;
  type: "hello";
  id: string;
  patch: LiveHelloPatch;
};
export type LiveHelloPatch = {
  /** Of the server. */
  version: string;
  role: "member" | "admin" | "owner";
  /** True: what follows is everything since the `Last-Event-ID` that was given. */
  resumed: boolean;
  /** Milliseconds since 1970, UTC. */
  now_ms: Time;
  config_version: number;
  /** A comment comes when nothing else came for so long. */
  ping_ms: number;
};
export type LiveProvider = {
  rev: number;
  type: "provider";
  id: string;
  patch: LiveProviderPatch;
};
export type LiveProviderPatch = {
  name: TextOrNull;
  state: "online" | "degraded" | "over_quota" | "offline" | "error" | "paused" | "gone";
  /** The state before; null when it is not known. */
  was: string | null;
  /** A stable code. */
  reason: string | null;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
};
export type LiveWorker = {
  rev: number;
  type: "worker";
  id: string;
  patch: LiveWorkerPatch;
};
export type LiveWorkerPatch = {
  /** Whose worker it is. */
  provider: string;
  name: TextOrNull;
  state: WorkerState;
  was: string | null;
  reason: string | null;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
};
export type LiveGauge = {
  rev: number;
  type: "gauge";
  id: string;
  patch: LiveGaugePatch;
};
export type LiveGaugePatch = {
  /** Admins only. */
  server?: LiveServerGauge;
  /** By id; those whose figures have changed. */
  providers: Record<string, unknown>;
};
export type LiveServerGauge = {
  running: number;
  waiting: number;
  oldest_wait_ms: number;
  workers: number;
  done: number;
  failed: number;
  cancelled: number;
  refused: number;
  attempts: number;
  failovers: number;
  input_tokens: number;
  output_tokens: number;
};
export type LiveProviderGauge = {
  in_flight: number;
  workers: number;
  slots: number;
  busy: number;
  queue_depth: number;
  oldest_wait_ms: number;
  error_rate: number;
  latency_ms: CountOrNull;
};
export type LiveJob = {
  rev: number;
  type: "job";
  id: string;
  /** Jobs that were left out before this row. */
  left_out: number;
  patch: Job;
};
export type LiveAttempt = {
  rev: number;
  type: "attempt";
  id: string;
  /** Jobs that were left out before this row. */
  left_out: number;
  patch: LiveAttemptPatch;
};
export type LiveAttemptPatch = {
  job: Id;
  seq: number;
  provider: Id;
  worker: TextOrNull;
  model: string;
  outcome: "failed";
  /** [Reason code](errors.md#reason-codes-of-attempts). */
  reason: string | null;
  http_status: number | null;
  /** Milliseconds since 1970, UTC. */
  started_at_ms: Time;
  /** Milliseconds since 1970, UTC. */
  ended_at_ms: Time;
};
export type LiveEvent = {
  rev: number;
  type: "event";
  id: string;
  patch: LiveEventPatch;
};
export type LiveEventPatch = {
  id: Id;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
  actor: string;
  action: string;
  subject: string;
  before: Record<string, unknown> | Array<unknown> | null;
  after: Record<string, unknown> | Array<unknown> | null;
  /** False: `before` and `after` are too long for the stream; GET /api/events has them. */
  is_whole: boolean;
};
export type LiveConfig = {
  rev: number;
  type: "config";
  id: string;
  patch: LiveConfigPatch;
};
export type LiveConfigPatch = {
  version: number;
  /** Milliseconds since 1970, UTC. */
  at_ms: Time;
};
export type LiveNotice = {
  rev: number;
  type: "notice";
  id: string;
  patch: LiveNoticePatch;
};
export type LiveNoticePatch = {
  code: "draining" | "session_ended" | "key_ended" | "access_changed" | "store_not_writable" | "store_writable";
  text: string;
};
export type LivePing = {
  rev: number;
  type: "ping";
  id: "ping";
  patch: Record<string, never>;
};
export type LiveReset = {
  rev: number;
  type: "reset";
  id: string;
  patch: LiveResetPatch;
};
export type LiveResetPatch = {
  reason: "not_kept" | "too_slow";
};

/** Every operation by its id. */
export interface Operations {
  /** All providers, with health; below admin without those that are other teams'. */
  providers_list: {
    method: "GET";
    path: "/api/providers";
    query: Record<string, never>;
    body: undefined;
    answer: ProviderList;
  };
  /** Adds a provider: checks its key, reads its models. */
  providers_create: {
    method: "POST";
    path: "/api/providers";
    query: Record<string, never>;
    body: ProviderNew;
    answer: Provider;
  };
  /** One provider; never its key. */
  providers_read: {
    method: "GET";
    path: "/api/providers/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Provider;
  };
  /** Changes the given fields. */
  providers_update: {
    method: "PATCH";
    path: "/api/providers/{id}";
    query: Record<string, never>;
    body: ProviderChange;
    answer: Provider;
  };
  /** Removes a provider; lists what pointed at it. */
  providers_delete: {
    method: "DELETE";
    path: "/api/providers/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: ProviderDeleted;
  };
  /** Reads its models again. */
  providers_refresh: {
    method: "POST";
    path: "/api/providers/{id}/refresh";
    query: Record<string, never>;
    body: Nothing;
    answer: ProviderRefreshed;
  };
  /** Tries its key; changes nothing but its health. */
  providers_test: {
    method: "POST";
    path: "/api/providers/{id}/test";
    query: Record<string, never>;
    body: Nothing;
    answer: ProviderTested;
  };
  /** The keys of its workers, as hints. */
  worker_keys_list: {
    method: "GET";
    path: "/api/providers/{id}/worker-keys";
    query: Record<string, never>;
    body: undefined;
    answer: WorkerKeyList;
  };
  /** Makes a key for its workers; shows it this once. */
  worker_keys_create: {
    method: "POST";
    path: "/api/providers/{id}/worker-keys";
    query: Record<string, never>;
    body: WorkerKeyNew;
    answer: WorkerKeyMade;
  };
  /** Revokes one; its workers are cut off. */
  worker_keys_revoke: {
    method: "DELETE";
    path: "/api/providers/{id}/worker-keys/{key}";
    query: Record<string, never>;
    body: undefined;
    answer: Revoked;
  };
  /** All workers that are registered, and for an hour those that were lost. */
  workers_list: {
    method: "GET";
    path: "/api/workers";
    query: Record<string, never>;
    body: undefined;
    answer: WorkerList;
  };
  /** Surfaced models of every provider that the caller sees. */
  models_list: {
    method: "GET";
    path: "/api/models";
    query: {
      all?: "0" | "1";
    };
    body: undefined;
    answer: ModelList;
  };
  /** The Auto default. */
  routing_read: {
    method: "GET";
    path: "/api/routing";
    query: Record<string, never>;
    body: undefined;
    answer: Routing;
  };
  /** Sets or clears the Auto default; `If-Match` is the `version` that was read. */
  routing_update: {
    method: "PATCH";
    path: "/api/routing";
    query: Record<string, never>;
    body: RoutingChange;
    answer: Routing;
  };
  /** Who would answer, and why. */
  routing_explain: {
    method: "POST";
    path: "/api/routing/explain";
    query: Record<string, never>;
    body: Explain;
    answer: Explained;
  };
  /** How providers, workers and the configuration stood at a past moment; what is not known says `unknown`. */
  routing_at: {
    method: "GET";
    path: "/api/routing/at";
    query: {
      t?: string;
    };
    body: undefined;
    answer: RoutingThen;
  };
  /** Which callers asked how, and where that went, minute by minute: what the map draws. Members: of their own jobs. */
  routing_flows: {
    method: "GET";
    path: "/api/routing/flows";
    query: {
      since?: string;
      until?: string;
    };
    body: undefined;
    answer: RoutingFlows;
  };
  /** Recorded requests of a window, once more through routing: as things stand, and under faults or changes. Nothing is sent. */
  routing_rehearse: {
    method: "POST";
    path: "/api/routing/rehearse";
    query: Record<string, never>;
    body: Rehearse;
    answer: Rehearsed;
  };
  /** All named routes. */
  routes_list: {
    method: "GET";
    path: "/api/routes";
    query: Record<string, never>;
    body: undefined;
    answer: RouteList;
  };
  /** Adds a named route. */
  routes_create: {
    method: "POST";
    path: "/api/routes";
    query: Record<string, never>;
    body: RouteNew;
    answer: Route;
  };
  /** One named route. */
  routes_read: {
    method: "GET";
    path: "/api/routes/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Route;
  };
  /** Changes a named route. */
  routes_update: {
    method: "PATCH";
    path: "/api/routes/{id}";
    query: Record<string, never>;
    body: RouteChange;
    answer: Route;
  };
  /** Removes a named route. */
  routes_delete: {
    method: "DELETE";
    path: "/api/routes/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Deleted;
  };
  /** API keys that are in force, as hints: members see their own, leads those of their team. */
  keys_list: {
    method: "GET";
    path: "/api/keys";
    query: {
      team?: string;
      user?: string;
      service_account?: string;
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: KeyList;
  };
  /** Makes an API key; shows it this once. Nobody gives away more than they hold. */
  keys_create: {
    method: "POST";
    path: "/api/keys";
    query: Record<string, never>;
    body: KeyNew;
    answer: KeyMade;
  };
  /** One API key. */
  keys_read: {
    method: "GET";
    path: "/api/keys/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Key;
  };
  /** Changes the given fields. */
  keys_update: {
    method: "PATCH";
    path: "/api/keys/{id}";
    query: Record<string, never>;
    body: KeyChange;
    answer: Key;
  };
  /** Revokes an API key: requests of it that run are cut. */
  keys_revoke: {
    method: "DELETE";
    path: "/api/keys/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Revoked;
  };
  /** Gives the key another secret, shown this once; the old one stays valid for the grace time. */
  keys_rotate: {
    method: "POST";
    path: "/api/keys/{id}/rotate";
    query: Record<string, never>;
    body: KeyRotation;
    answer: KeyMade;
  };
  /** Teams with their policies: members see those that they are in. */
  teams_list: {
    method: "GET";
    path: "/api/teams";
    query: {
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: TeamList;
  };
  /** Adds a team. */
  teams_create: {
    method: "POST";
    path: "/api/teams";
    query: Record<string, never>;
    body: TeamNew;
    answer: Team;
  };
  /** One team. */
  teams_read: {
    method: "GET";
    path: "/api/teams/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Team;
  };
  /** Changes the given fields; in the policy, too, what is not given stays. For admins. */
  teams_update: {
    method: "PATCH";
    path: "/api/teams/{id}";
    query: Record<string, never>;
    body: TeamChange;
    answer: Team;
  };
  /** Removes a team that has no keys, service accounts and providers of its own any more. For admins. */
  teams_delete: {
    method: "DELETE";
    path: "/api/teams/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Deleted;
  };
  /** What the team may use: every provider that the caller sees and its surfaced models, with the rule that decides. */
  team_access: {
    method: "GET";
    path: "/api/teams/{id}/access";
    query: Record<string, never>;
    body: undefined;
    answer: Access;
  };
  /** How much of its limits the team uses now: of the last minute, of this month. */
  team_limits: {
    method: "GET";
    path: "/api/teams/{id}/limits";
    query: Record<string, never>;
    body: undefined;
    answer: LimitsNow;
  };
  /** What the caller may use: as for a team, and by the key's own policy. */
  me_access: {
    method: "GET";
    path: "/api/me/access";
    query: Record<string, never>;
    body: undefined;
    answer: Access;
  };
  /** Who is in a team. */
  team_members_list: {
    method: "GET";
    path: "/api/teams/{id}/members";
    query: {
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: TeamMemberList;
  };
  /** Puts a user into a team, or changes their role there. For leads and admins. */
  team_members_put: {
    method: "PUT";
    path: "/api/teams/{id}/members/{user}";
    query: Record<string, never>;
    body: TeamMemberPut;
    answer: TeamMember;
  };
  /** Takes a user out of a team. For leads and admins; out of their only team, for admins. */
  team_members_remove: {
    method: "DELETE";
    path: "/api/teams/{id}/members/{user}";
    query: Record<string, never>;
    body: undefined;
    answer: TeamMemberRemoved;
  };
  /** Service accounts of the teams that the caller is in; admins see all. */
  service_accounts_list: {
    method: "GET";
    path: "/api/service-accounts";
    query: {
      team?: string;
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: ServiceAccountList;
  };
  /** Adds a service account. For leads of the team and admins. */
  service_accounts_create: {
    method: "POST";
    path: "/api/service-accounts";
    query: Record<string, never>;
    body: ServiceAccountNew;
    answer: ServiceAccount;
  };
  /** One service account. */
  service_accounts_read: {
    method: "GET";
    path: "/api/service-accounts/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: ServiceAccount;
  };
  /** Renames it. For leads of its team and admins. */
  service_accounts_update: {
    method: "PATCH";
    path: "/api/service-accounts/{id}";
    query: Record<string, never>;
    body: ServiceAccountChange;
    answer: ServiceAccount;
  };
  /** Removes it, and revokes its keys. For leads of its team and admins. */
  service_accounts_delete: {
    method: "DELETE";
    path: "/api/service-accounts/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Deleted;
  };
  /** Tells whether there is nobody yet. */
  setup_read: {
    method: "GET";
    path: "/api/setup";
    query: Record<string, never>;
    body: undefined;
    answer: SetupState;
  };
  /** Makes the first user, the owner, and signs them in. */
  setup_do: {
    method: "POST";
    path: "/api/setup";
    query: Record<string, never>;
    body: SetupNew;
    answer: SetupDone;
  };
  /** The set-up token, as long as it opens something. */
  setup_token_read: {
    method: "GET";
    path: "/api/setup/token";
    query: Record<string, never>;
    body: undefined;
    answer: SetupToken;
  };
  /** Who calls. */
  session_read: {
    method: "GET";
    path: "/api/session";
    query: Record<string, never>;
    body: undefined;
    answer: Caller;
  };
  /** Signs in. */
  session_create: {
    method: "POST";
    path: "/api/session";
    query: Record<string, never>;
    body: SignIn;
    answer: Caller;
  };
  /** Signs out. */
  session_delete: {
    method: "DELETE";
    path: "/api/session";
    query: Record<string, never>;
    body: undefined;
    answer: SessionsEnded;
  };
  /** Who calls; as /session. */
  me_read: {
    method: "GET";
    path: "/api/me";
    query: Record<string, never>;
    body: undefined;
    answer: Caller;
  };
  /** Changes the own name or password; another password ends all other sessions. */
  me_update: {
    method: "PATCH";
    path: "/api/me";
    query: Record<string, never>;
    body: MeChange;
    answer: Caller;
  };
  /** Where one is signed in, newest first. */
  me_sessions_list: {
    method: "GET";
    path: "/api/me/sessions";
    query: Record<string, never>;
    body: undefined;
    answer: SessionList;
  };
  /** Signs out everywhere, here too. */
  me_sessions_end: {
    method: "DELETE";
    path: "/api/me/sessions";
    query: Record<string, never>;
    body: undefined;
    answer: SessionsEnded;
  };
  /** Ends one of the own sessions. */
  me_session_end: {
    method: "DELETE";
    path: "/api/me/sessions/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: SessionsEnded;
  };
  /** All users, oldest first. */
  users_list: {
    method: "GET";
    path: "/api/users";
    query: Record<string, never>;
    body: undefined;
    answer: UserList;
  };
  /** One user. */
  users_read: {
    method: "GET";
    path: "/api/users/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: User;
  };
  /** Changes name, role or whether they may sign in; another role ends their sessions. */
  users_update: {
    method: "PATCH";
    path: "/api/users/{id}";
    query: Record<string, never>;
    body: UserChange;
    answer: User;
  };
  /** Removes a user with sessions, memberships and API keys. */
  users_delete: {
    method: "DELETE";
    path: "/api/users/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Deleted;
  };
  /** Signs a user out everywhere. */
  users_sessions_end: {
    method: "DELETE";
    path: "/api/users/{id}/sessions";
    query: Record<string, never>;
    body: undefined;
    answer: SessionsEnded;
  };
  /** Makes a link by which a user chooses a new password, shown this once; it replaces the one before. */
  password_resets_create: {
    method: "POST";
    path: "/api/users/{id}/password-reset";
    query: Record<string, never>;
    body: undefined;
    answer: PasswordResetMade;
  };
  /** Revokes the open link of a user. */
  password_resets_revoke: {
    method: "DELETE";
    path: "/api/users/{id}/password-reset";
    query: Record<string, never>;
    body: undefined;
    answer: Revoked;
  };
  /** Chooses a new password by a link, ends all sessions of the user, and signs them in. */
  password_resets_use: {
    method: "POST";
    path: "/api/password-reset";
    query: Record<string, never>;
    body: PasswordReset;
    answer: Caller;
  };
  /** Open invitations that the caller may revoke, newest first. */
  invitations_list: {
    method: "GET";
    path: "/api/invitations";
    query: Record<string, never>;
    body: undefined;
    answer: InvitationList;
  };
  /** Invites somebody by a link, which is shown this once; leads into their team, admins anywhere. */
  invitations_create: {
    method: "POST";
    path: "/api/invitations";
    query: Record<string, never>;
    body: InvitationNew;
    answer: InvitationMade;
  };
  /** Revokes an open invitation. */
  invitations_revoke: {
    method: "DELETE";
    path: "/api/invitations/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Revoked;
  };
  /** What an invitation is for, by its token. */
  invitations_look: {
    method: "POST";
    path: "/api/invitations/look";
    query: Record<string, never>;
    body: InvitationToken;
    answer: InvitationSeen;
  };
  /** Makes the user that an invitation is for, and signs them in. */
  invitations_accept: {
    method: "POST";
    path: "/api/invitations/accept";
    query: Record<string, never>;
    body: InvitationAccept;
    answer: Caller;
  };
  /** Requests on record, newest first; members see their own. */
  jobs_list: {
    method: "GET";
    path: "/api/jobs";
    query: {
      status?: JobStatus;
      reason?: string;
      provider?: string;
      model?: string;
      key?: string;
      team?: string;
      user?: string;
      agent?: string;
      source?: string;
      failed_provider?: string;
      failed_over?: boolean;
      other_than_asked?: boolean;
      cost_from?: number;
      duration_from?: number;
      order?: "newest" | "cost" | "duration";
      since?: string;
      until?: string;
      format?: "json" | "jsonl" | "csv";
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: JobList;
  };
  /** One request with its attempts. */
  jobs_read: {
    method: "GET";
    path: "/api/jobs/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Job;
  };
  /** What was used and what it cost, summed up; members see their own, leads their team's. */
  usage_read: {
    method: "GET";
    path: "/api/usage";
    query: {
      group_by?: "provider" | "tier" | "model" | "team" | "agent" | "user" | "key" | "source";
      bucket?: "minute" | "hour" | "day" | "none";
      since?: string;
      until?: string;
      provider?: string;
      tier?: Tier;
      model?: string;
      team?: string;
      agent?: string;
      user?: string;
      key?: string;
      source?: string;
      format?: "json" | "jsonl" | "csv";
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: Usage;
  };
  /** What models cost: prices of your own, then the shipped table. */
  prices_list: {
    method: "GET";
    path: "/api/prices";
    query: {
      used?: boolean;
      model?: string;
      provider?: string;
    };
    body: undefined;
    answer: PriceList;
  };
  /** Sets a price of your own for a model, at one provider or at all. */
  prices_put: {
    method: "PUT";
    path: "/api/prices";
    query: Record<string, never>;
    body: PriceNew;
    answer: Price;
  };
  /** Removes a price of your own; the shipped one holds again. */
  prices_delete: {
    method: "DELETE";
    path: "/api/prices/{id}";
    query: Record<string, never>;
    body: undefined;
    answer: Deleted;
  };
  /** Administrative acts, newest first. */
  events_list: {
    method: "GET";
    path: "/api/events";
    query: {
      actor?: string;
      action?: string;
      subject?: string;
      since?: string;
      until?: string;
      format?: "json" | "jsonl" | "csv";
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: EventList;
  };
  /** Changes of state of providers, workers, the server and the configuration, newest first; below admin what one may see, so a page may be short. */
  transitions_list: {
    method: "GET";
    path: "/api/transitions";
    query: {
      kind?: "server" | "provider" | "worker" | "config";
      provider?: string;
      since?: string;
      until?: string;
      limit?: number;
      cursor?: string;
    };
    body: undefined;
    answer: TransitionList;
  };
  /** Are all events as they were written? Names the first that is not. */
  events_verify: {
    method: "GET";
    path: "/api/events/verify";
    query: {
      head?: string;
    };
    body: undefined;
    answer: EventReport;
  };
  /** All configuration but secrets as one file: JSON with comments, names in place of ids. */
  config_read: {
    method: "GET";
    path: "/api/config";
    query: {
      comments?: boolean;
    };
    body: undefined;
    answer: string;
  };
  /** What applying a file would change, in words; changes nothing. */
  config_diff: {
    method: "POST";
    path: "/api/config/diff";
    query: Record<string, never>;
    body: ConfigGiven;
    answer: ConfigChanges;
  };
  /** Makes the configuration what the file says, all of it or nothing, as one change. */
  config_apply: {
    method: "POST";
    path: "/api/config/apply";
    query: Record<string, never>;
    body: ConfigGiven;
    answer: ConfigChanges;
  };
  /** Which secret the server runs under, and what is still sealed under a former one. */
  secret_read: {
    method: "GET";
    path: "/api/secret";
    query: Record<string, never>;
    body: undefined;
    answer: SecretReport;
  };
  /** Makes a new secret in the data directory and seals everything under it. API keys and sessions stay valid. */
  secret_rotate: {
    method: "POST";
    path: "/api/secret/rotate";
    query: Record<string, never>;
    body: Nothing;
    answer: SecretReport;
  };
  /** When the last backup was made. */
  backup_read: {
    method: "GET";
    path: "/api/backup";
    query: Record<string, never>;
    body: undefined;
    answer: BackupNote;
  };
  /** Puts what the journals hold into the database, so that a copy of it misses nothing. For `auxot backup`. */
  backup_begin: {
    method: "POST";
    path: "/api/backup/begin";
    query: Record<string, never>;
    body: Nothing;
    answer: BackupNote;
  };
  /** Notes that a backup was made. For `auxot backup`. */
  backup_end: {
    method: "POST";
    path: "/api/backup/end";
    query: Record<string, never>;
    body: BackupMade;
    answer: BackupNote;
  };
  /** This contract, as JSON. */
  openapi_read: {
    method: "GET";
    path: "/api/openapi.json";
    query: Record<string, never>;
    body: undefined;
    answer: Record<string, unknown>;
  };
  /** How it goes, worst first, with one sentence and the next thing to do; below admin of what one may see. */
  health_summary: {
    method: "GET";
    path: "/api/health/summary";
    query: Record<string, never>;
    body: undefined;
    answer: HealthSummary;
  };
  /** Up and ready. */
  health_read: {
    method: "GET";
    path: "/api/health";
    query: Record<string, never>;
    body: undefined;
    answer: Health;
  };
  /** What happens, as it happens: Server-Sent Events, one stream for everything that the caller may see. */
  live_read: {
    method: "GET";
    path: "/api/live";
    query: {
      last_event_id?: string;
    };
    body: undefined;
    answer: string;
  };
}

/** Where each operation is asked. */
export const places: { [Id in keyof Operations]: readonly [Operations[Id]["method"], Operations[Id]["path"]] } = {
  providers_list: ["GET", "/api/providers"],
  providers_create: ["POST", "/api/providers"],
  providers_read: ["GET", "/api/providers/{id}"],
  providers_update: ["PATCH", "/api/providers/{id}"],
  providers_delete: ["DELETE", "/api/providers/{id}"],
  providers_refresh: ["POST", "/api/providers/{id}/refresh"],
  providers_test: ["POST", "/api/providers/{id}/test"],
  worker_keys_list: ["GET", "/api/providers/{id}/worker-keys"],
  worker_keys_create: ["POST", "/api/providers/{id}/worker-keys"],
  worker_keys_revoke: ["DELETE", "/api/providers/{id}/worker-keys/{key}"],
  workers_list: ["GET", "/api/workers"],
  models_list: ["GET", "/api/models"],
  routing_read: ["GET", "/api/routing"],
  routing_update: ["PATCH", "/api/routing"],
  routing_explain: ["POST", "/api/routing/explain"],
  routing_at: ["GET", "/api/routing/at"],
  routing_flows: ["GET", "/api/routing/flows"],
  routing_rehearse: ["POST", "/api/routing/rehearse"],
  routes_list: ["GET", "/api/routes"],
  routes_create: ["POST", "/api/routes"],
  routes_read: ["GET", "/api/routes/{id}"],
  routes_update: ["PATCH", "/api/routes/{id}"],
  routes_delete: ["DELETE", "/api/routes/{id}"],
  keys_list: ["GET", "/api/keys"],
  keys_create: ["POST", "/api/keys"],
  keys_read: ["GET", "/api/keys/{id}"],
  keys_update: ["PATCH", "/api/keys/{id}"],
  keys_revoke: ["DELETE", "/api/keys/{id}"],
  keys_rotate: ["POST", "/api/keys/{id}/rotate"],
  teams_list: ["GET", "/api/teams"],
  teams_create: ["POST", "/api/teams"],
  teams_read: ["GET", "/api/teams/{id}"],
  teams_update: ["PATCH", "/api/teams/{id}"],
  teams_delete: ["DELETE", "/api/teams/{id}"],
  team_access: ["GET", "/api/teams/{id}/access"],
  team_limits: ["GET", "/api/teams/{id}/limits"],
  me_access: ["GET", "/api/me/access"],
  team_members_list: ["GET", "/api/teams/{id}/members"],
  team_members_put: ["PUT", "/api/teams/{id}/members/{user}"],
  team_members_remove: ["DELETE", "/api/teams/{id}/members/{user}"],
  service_accounts_list: ["GET", "/api/service-accounts"],
  service_accounts_create: ["POST", "/api/service-accounts"],
  service_accounts_read: ["GET", "/api/service-accounts/{id}"],
  service_accounts_update: ["PATCH", "/api/service-accounts/{id}"],
  service_accounts_delete: ["DELETE", "/api/service-accounts/{id}"],
  setup_read: ["GET", "/api/setup"],
  setup_do: ["POST", "/api/setup"],
  setup_token_read: ["GET", "/api/setup/token"],
  session_read: ["GET", "/api/session"],
  session_create: ["POST", "/api/session"],
  session_delete: ["DELETE", "/api/session"],
  me_read: ["GET", "/api/me"],
  me_update: ["PATCH", "/api/me"],
  me_sessions_list: ["GET", "/api/me/sessions"],
  me_sessions_end: ["DELETE", "/api/me/sessions"],
  me_session_end: ["DELETE", "/api/me/sessions/{id}"],
  users_list: ["GET", "/api/users"],
  users_read: ["GET", "/api/users/{id}"],
  users_update: ["PATCH", "/api/users/{id}"],
  users_delete: ["DELETE", "/api/users/{id}"],
  users_sessions_end: ["DELETE", "/api/users/{id}/sessions"],
  password_resets_create: ["POST", "/api/users/{id}/password-reset"],
  password_resets_revoke: ["DELETE", "/api/users/{id}/password-reset"],
  password_resets_use: ["POST", "/api/password-reset"],
  invitations_list: ["GET", "/api/invitations"],
  invitations_create: ["POST", "/api/invitations"],
  invitations_revoke: ["DELETE", "/api/invitations/{id}"],
  invitations_look: ["POST", "/api/invitations/look"],
  invitations_accept: ["POST", "/api/invitations/accept"],
  jobs_list: ["GET", "/api/jobs"],
  jobs_read: ["GET", "/api/jobs/{id}"],
  usage_read: ["GET", "/api/usage"],
  prices_list: ["GET", "/api/prices"],
  prices_put: ["PUT", "/api/prices"],
  prices_delete: ["DELETE", "/api/prices/{id}"],
  events_list: ["GET", "/api/events"],
  transitions_list: ["GET", "/api/transitions"],
  events_verify: ["GET", "/api/events/verify"],
  config_read: ["GET", "/api/config"],
  config_diff: ["POST", "/api/config/diff"],
  config_apply: ["POST", "/api/config/apply"],
  secret_read: ["GET", "/api/secret"],
  secret_rotate: ["POST", "/api/secret/rotate"],
  backup_read: ["GET", "/api/backup"],
  backup_begin: ["POST", "/api/backup/begin"],
  backup_end: ["POST", "/api/backup/end"],
  openapi_read: ["GET", "/api/openapi.json"],
  health_summary: ["GET", "/api/health/summary"],
  health_read: ["GET", "/api/health"],
  live_read: ["GET", "/api/live"],
};

/** What /api/live sends, by the event's name. */
export interface LiveEvents {
  "hello": LiveHello;
  "provider": LiveProvider;
  "worker": LiveWorker;
  "gauge": LiveGauge;
  "job": LiveJob;
  "attempt": LiveAttempt;
  "event": LiveEvent;
  "config": LiveConfig;
  "notice": LiveNotice;
  "reset": LiveReset;
  "ping": LivePing;
}
