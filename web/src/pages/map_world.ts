// What is known of this moment, and of a past one, in the form that the map is drawn from.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ask } from "../api/client";
import type { Job, RoutingThen, Usage } from "../api/contract";
import { useLine, useWatch, watchJobs } from "../app/live";
import { queries, said } from "../app/queries";
import { useNow } from "../parts/since";
import { flowsNow, keep, sinceOf } from "./map_flows";
import type { World } from "./map_picture";
import { DAY_MS } from "./map_strip";

const WATCH_MS = 2_000, STALE_MS = 5_000, GAP_MS = 5_000, HOUR_MS = 3_600_000;
const FLOWS = ["routing_flows", "now"] as const;

export interface Seen {
  world: World | null;
  /** The flows are those since then, until then. */
  since: number;
  until: number;
  isWhole: boolean;
  error: unknown;
  retry: () => void;
}

const usedOf = (usage: Usage | undefined) => (usage ? new Set(usage.items.flatMap(item => (item.group.id ? [item.group.id] : []))) : null);

/** Jobs as they end; where some were left out of the stream all is asked again, at most so often. */
function useHeard(): Job[] {
  const [heard, setHeard] = useState<Job[]>([]);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => {
    const again = () => { timer.current = undefined; void queries.invalidateQueries({ queryKey: FLOWS }); };
    const leave = watchJobs(({ patch, left_out }) => {
      setHeard(kept => keep(kept, patch, sinceOf(patch.created_at_ms) - GAP_MS));
      if (left_out > 0) timer.current ??= window.setTimeout(again, GAP_MS);
    });
    return () => { leave(); window.clearTimeout(timer.current); };
  }, []);
  return heard;
}

/** The server's clock, for its times are what is counted by. */
function useFlows(watch: number | false) {
  const heard = useHeard(), own = useNow();
  const asked = useQuery({ queryKey: FLOWS, queryFn: async () => {
    const flows = await ask("routing_flows", { query: { since: sinceOf(Date.now()) } });
    return { flows, ahead: flows.as_of_ms - Date.now() };
  }, refetchInterval: watch });
  const now = Math.max(own + (asked.data?.ahead ?? 0), asked.data?.flows.as_of_ms ?? 0, heard.at(-1)?.created_at_ms ?? 0);
  return { asked, now, heard };
}

/** A state that nobody tells any more is not shown as if it still were so. */
function useIsStale(answeredAt: number): boolean {
  const line = useLine(), now = useNow();
  return !line.up && now - Math.max(line.since, answeredAt) > STALE_MS;
}

export function useWorldNow(): Seen & { now: number; isStale: boolean } {
  const watch = useWatch(WATCH_MS);
  const { asked, now, heard } = useFlows(watch);
  const providers = useQuery({ ...said("providers_list"), refetchInterval: watch });
  const workers = useQuery({ ...said("workers_list"), refetchInterval: watch });
  const day = Math.floor(now / HOUR_MS) * HOUR_MS - DAY_MS;
  const usage = useQuery(said("usage_read", { query: { group_by: "provider", since: String(day), limit: 1000 } }));
  const isStale = useIsStale(Math.min(providers.dataUpdatedAt, workers.dataUpdatedAt));
  const parts = [providers, workers, asked, usage], error = parts.find(each => each.error)?.error ?? null;
  const flows = asked.data?.flows, since = Math.max(sinceOf(now), flows?.since_ms ?? 0);
  const state = (known: string) => (isStale ? "stale" : known);
  const world: World | null = providers.data && workers.data && flows && !usage.isPending ? {
    providers: providers.data.items.map(each => ({ id: each.id, name: each.name, tier: each.tier, state: state(each.status), since: null, why: isStale ? `was ${each.status}` : each.error })),
    workers: workers.data.items.map(each => ({ id: each.id, name: each.name ?? each.id, provider: each.provider.id, state: state(each.state), since: null, why: null })),
    flows: flowsNow(flows, heard, since),
    used: usedOf(usage.data),
  } : null;
  return { world, since, until: now, isWhole: flows?.is_whole ?? true, error, retry: () => parts.forEach(each => void each.refetch()), now, isStale };
}

export function useWorldThen(t: number | null, tiers: Map<string, string>): Seen & { then: RoutingThen | null } {
  const at = t ?? 0, enabled = t !== null, until = String(at + 1);
  const more = { enabled, staleTime: Infinity, placeholderData: <Kept,>(kept: Kept) => kept };
  const states = useQuery({ ...said("routing_at", { query: { t: String(at) } }), ...more });
  const flows = useQuery({ ...said("routing_flows", { query: { since: String(sinceOf(at)), until } }), ...more });
  const usage = useQuery({ ...said("usage_read", { query: { group_by: "provider", since: String(Math.max(0, at - DAY_MS)), until, limit: 1000 } }), ...more });
  const parts = [states, flows, usage], error = parts.find(each => each.error)?.error ?? null;
  const then = enabled && !states.error ? states.data ?? null : null;
  const world: World | null = then && flows.data && !usage.isPending ? {
    providers: then.providers.map(each => ({ id: each.id, name: each.name ?? each.id, tier: tiers.get(each.id) ?? null, state: each.status, since: each.since_ms, why: each.reason })),
    workers: then.workers.map(each => ({ id: each.id, name: each.name ?? each.id, provider: each.provider, state: each.state, since: each.since_ms, why: each.reason })),
    flows: flows.data.flows,
    used: usedOf(usage.data),
  } : null;
  return { world, since: flows.data?.since_ms ?? sinceOf(at), until: at, isWhole: flows.data?.is_whole ?? true, error, retry: () => parts.forEach(each => void each.refetch()), then };
}
