// What happens, as it happens: events of /api/live make the lists they are about ask again, and figures go straight in. While
// the stream is up nothing is polled; while it is down pages poll, and a strip says so.
import { useSyncExternalStore } from "react";
import type { InfiniteData } from "@tanstack/react-query";
import type { HealthSummary, JobList, LiveGauge, LiveHello, LiveJob, Operations, ProviderList } from "../api/contract";
import { queries } from "./queries";

const SETTLE_MS = 400, LOOK_MS = 2_000;
type Said = { type: "state"; up: boolean } | { type: string; data: unknown };

const about: Record<string, (keyof Operations)[]> = {
  provider: ["providers_list", "providers_read", "routing_explain", "health_summary", "transitions_list"],
  worker: ["workers_list", "providers_read", "health_summary", "transitions_list"],
  job: ["jobs_list"],
  attempt: [],
  event: ["events_list"],
  config: ["transitions_list", "health_summary", "providers_list", "providers_read", "routing_read", "routing_explain", "routes_list", "models_list", "teams_list", "teams_read", "keys_list", "users_list", "invitations_list", "service_accounts_list", "prices_list"],
  notice: ["health_summary"],
};

const stale = new Set<string>();
let timer: number | undefined;
function forget(ids: string[]) {
  ids.forEach(id => stale.add(id));
  timer ??= window.setTimeout(() => {
    timer = undefined;
    const now = new Set(stale);
    stale.clear();
    void queries.invalidateQueries({ predicate: query => now.has(String(query.queryKey[0])) });
  }, SETTLE_MS);
}

function putGauge({ patch }: LiveGauge) {
  queries.setQueriesData<ProviderList>({ queryKey: ["providers_list"] }, list => list && {
    ...list, items: list.items.map(each => (patch.providers[each.id] ? { ...each, ...(patch.providers[each.id] as object) } : each)),
  });
  queries.setQueriesData<HealthSummary>({ queryKey: ["health_summary"] }, summary => {
    const now = summary?.auto?.provider && patch.providers[summary.auto.provider.id];
    return now ? { ...summary, auto: { ...summary.auto, ...(now as object) } } : summary;
  });
}

/** Whoever counts jobs by itself, as they end: the frames go by without asking again. */
const jobWatchers = new Set<(frame: LiveJob) => void>();
export function watchJobs(watcher: (frame: LiveJob) => void): () => void {
  jobWatchers.add(watcher);
  return () => { jobWatchers.delete(watcher); };
}

/** A list of jobs that is read stays as it is (pages/jobs_list.ts), but a job in it may have ended. */
function putJob({ id, patch }: LiveJob) {
  const isThere = (list: InfiniteData<JobList> | undefined) => list?.pages.some(page => page.items.some(job => job.id === id));
  queries.setQueriesData<InfiniteData<JobList>>({ predicate: ({ queryKey }) => queryKey[0] === "jobs_list, held" && queryKey[2] === true }, list => (list && isThere(list)
    ? { ...list, pages: list.pages.map(page => ({ ...page, items: page.items.map(job => (job.id === id ? patch : job)) })) } : undefined));
}

/** All that is on the screen, but for lists that are held. */
const forgetAll = () => void queries.invalidateQueries({ predicate: query => !String(query.queryKey[0]).endsWith(", held") });

export interface Line { up: boolean; since: number }
let line: Line = { up: false, since: Date.now() };
const listeners = new Set<() => void>();

function onSaid(said: Said) {
  if (said.type === "state") {
    const { up } = said as { up: boolean };
    if (up && !line.up) forgetAll(); /* what was missed meanwhile */
    if (up !== line.up) { line = { up, since: Date.now() }; listeners.forEach(each => each()); }
  } else if (said.type === "gauge") putGauge((said as { data: LiveGauge }).data);
  else if (said.type === "reset") forgetAll();
  else {
    if (said.type === "job") {
      const frame = (said as { data: LiveJob }).data;
      putJob(frame);
      jobWatchers.forEach(each => each(frame));
    }
    forget(about[said.type] ?? []);
  }
}

/** Where there are no shared workers each visible tab has a stream of its own, and closes it when it is hidden. */
function ownStream() {
  let source: EventSource | null = null, heard = 0, silence = 35_000, lastId = "";
  const open = () => {
    source = new EventSource(lastId ? `/api/live?last_event_id=${encodeURIComponent(lastId)}` : "/api/live");
    heard = Date.now();
    for (const type of [...Object.keys(about), "hello", "gauge", "reset", "ping"]) source.addEventListener(type, event => {
      const { data: text, lastEventId } = event as MessageEvent<string>, data = JSON.parse(text) as unknown;
      heard = Date.now();
      lastId = lastEventId;
      if (type === "hello") silence = 2 * (data as LiveHello).patch.ping_ms + 5_000;
      onSaid({ type: "state", up: true });
      if (type !== "ping") onSaid({ type, data });
    });
    source.onerror = () => onSaid({ type: "state", up: false });
  };
  const close = () => { source?.close(); source = null; onSaid({ type: "state", up: false }); };
  const look = () => {
    if (document.hidden) { if (source) close(); return; }
    const isDead = source && (source.readyState === EventSource.CLOSED || Date.now() - heard > silence);
    if (isDead) close();
    if (!source) open();
  };
  document.addEventListener("visibilitychange", look);
  window.setInterval(look, LOOK_MS);
  look();
}

let isBegun = false;
export function beginLive() {
  if (isBegun) return;
  isBegun = true;
  if (typeof SharedWorker === "undefined") { ownStream(); return; }
  const worker = new SharedWorker("/live-worker.js", { name: "auxot-live" });
  worker.port.onmessage = (event: MessageEvent<Said>) => onSaid(event.data);
  addEventListener("pagehide", () => worker.port.postMessage("bye"));
  addEventListener("pageshow", event => { if (event.persisted) location.reload(); });
}

export const useLine = () => useSyncExternalStore(listener => { listeners.add(listener); return () => listeners.delete(listener); }, () => line);

/** How often to ask by oneself: not at all while the stream tells. */
export function useWatch(ms: number): number | false {
  return useLine().up ? false : ms;
}
