// What a list of jobs is filtered by. It stands in the address, so a filter is a link, and a saved one is an address with a name.

export const filterNames = ["status", "provider", "model", "reason", "team", "user", "key", "source", "since", "until", "last",
  "failed_provider", "failed_over", "other_than_asked", "cost_from", "duration_from", "order"] as const;
export type FilterName = (typeof filterNames)[number];
export type Filter = Partial<Record<FilterName, string>>;
/** The rest of the address: whether the list moves, and which job stands open beside it. */
export type Search = Filter & { live?: string; peek?: string };

const HOUR_MS = 3_600_000;
export const ranges = [
  { value: "1", label: "last hour" }, { value: "24", label: "last 24 hours" }, { value: "168", label: "last 7 days" }, { value: "720", label: "last 30 days" },
];

export const statuses = ["done", "failed", "cancelled", "interrupted", "refused", "open"];

export const presets: { label: string; filter: Filter }[] = [
  { label: "All", filter: {} },
  { label: "Failures", filter: { status: "failed" } },
  { label: "Failovers", filter: { reason: "failover" } },
  { label: "Refused", filter: { status: "refused" } },
  { label: "Most expensive", filter: { order: "cost" } },
  { label: "Slowest", filter: { order: "duration" } },
];

export const labels: Record<FilterName, string> = {
  status: "Status", provider: "Answered by", model: "Model", reason: "Reason", team: "Team", user: "User", key: "Key", source: "Source",
  since: "From", until: "Until", last: "Time", failed_provider: "Failed at", failed_over: "Failed over", other_than_asked: "Other than asked",
  cost_from: "Cost from ($)", duration_from: "Took from (s)", order: "Order",
};

export const orders = [{ value: "cost", label: "most expensive first" }, { value: "duration", label: "slowest first" }];
/** What has no index: the server looks through a part of the jobs for it, page by page. */
export const looks: FilterName[] = ["failed_provider", "failed_over", "other_than_asked", "cost_from", "duration_from", "order"];

/** Of an address somebody else may have written: only what we know. */
export const filterOf = (search: Search): Filter => Object.fromEntries(filterNames.flatMap(name => (search[name] ? [[name, search[name]]] : []))) as Filter;

const FAR = 10 * 366 * 24; /* hours */
/** "last 24 hours" as a moment: that is what another one who opens the link should see. */
export function frozen({ last, ...filter }: Filter, now: number): Filter {
  const hours = Number(last);
  return hours > 0 && hours < FAR ? { ...filter, since: String(now - hours * HOUR_MS) } : filter;
}

/** A time as the address has it: milliseconds, or what Date reads. */
export function timeOf(text: string | undefined): number | null {
  const at = text === undefined ? NaN : /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(at) && Math.abs(at) < 8.64e15 ? at : null;
}

export const sameFilter = (a: Filter, b: Filter) => filterNames.every(name => a[name] === b[name]);
