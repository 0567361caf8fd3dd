// From the sums of the server to what is drawn: a layer for each of the largest values, the rest in one, piece by piece of time.
import type { UsageItem, UsageSums } from "../api/contract";
import { countText, moneyText } from "../parts/numbers";
import { timesOf, type Range } from "./usage_range";

export const measures = ["cost", "tokens", "jobs"] as const;
export type Measure = (typeof measures)[number];
export const measureNames: Record<Measure, string> = { cost: "Spend", tokens: "Tokens", jobs: "Jobs" };

const LAYERS = 6;
export const OTHERS = "all others", NOBODY = "none";

/** The known part of it. */
export const valueOf = (sums: UsageSums, measure: Measure) =>
  (measure === "cost" ? (sums.cost_microusd ?? 0) : measure === "jobs" ? sums.jobs : sums.input_tokens + sums.output_tokens);

const localTiers = new Set(["gpu", "cli"]);
/** Where nothing is paid by the token: there no price is $0, as long as nobody sets one. */
export const isLocalItem = (item: UsageItem) => localTiers.has(item.group.id ?? "");
export const unpricedOf = (byTier: UsageItem[]) => byTier.reduce((sum, item) => sum + (isLocalItem(item) ? 0 : item.unknown_cost_jobs), 0);

/** Nothing known and something unknown is unknown, never $0. */
export const costText = (cost: number, unpriced: number) => moneyText(cost === 0 && unpriced > 0 ? null : cost, unpriced > 0);
export const valueText = (value: number, measure: Measure, unpriced = 0) => (measure === "cost" ? costText(value, unpriced) : countText(value));

export const nameOf = (item: UsageItem) => item.group.name ?? item.group.id ?? NOBODY;
export const keyOf = (item: UsageItem) => item.group.id ?? "";

export interface Layer { key: string; name: string; values: number[]; total: number; unpriced: number; unpricedAt: number[] }
export interface Picture { times: number[]; layers: Layer[]; totals: number[]; unpriced: number[] }

/** `byTier`: the same by tier, for what has no price; `isLocal`: of the value of an item, whether all of it is local. */
export function pictureOf(items: UsageItem[], byTier: UsageItem[], range: Range, measure: Measure, isLocal: (key: string) => boolean): Picture {
  const times = timesOf(range, items[0]?.at_ms ?? null), places = new Map(times.map((time, at) => [time, at]));
  const layers = new Map<string, Layer>(), unpriced = times.map(() => 0);
  for (const item of items) {
    const at = places.get(item.at_ms ?? -1);
    if (at === undefined) continue;
    const layer = layers.get(keyOf(item)) ?? { key: keyOf(item), name: nameOf(item), values: times.map(() => 0), total: 0, unpriced: 0, unpricedAt: times.map(() => 0) };
    const value = valueOf(item, measure);
    layer.values[at]! += value;
    layer.total += value;
    const without = isLocal(layer.key) ? 0 : item.unknown_cost_jobs;
    layer.unpriced += without;
    layer.unpricedAt[at]! += without;
    layers.set(layer.key, layer);
  }
  for (const item of byTier) {
    const at = places.get(item.at_ms ?? -1);
    if (at !== undefined && !isLocalItem(item)) unpriced[at]! += item.unknown_cost_jobs;
  }
  const ranked = [...layers.values()].sort((a, b) => b.total - a.total || a.name.localeCompare(b.name));
  const shown = ranked.length > LAYERS + 1 ? [...ranked.slice(0, LAYERS), together(ranked.slice(LAYERS), times.length)] : ranked;
  return { times, layers: shown, totals: times.map((_, at) => shown.reduce((sum, layer) => sum + layer.values[at]!, 0)), unpriced };
}

function together(layers: Layer[], length: number): Layer {
  const sum = (pick: (layer: Layer) => number) => layers.reduce((total, layer) => total + pick(layer), 0);
  return { key: OTHERS, name: `${OTHERS} (${layers.length})`, values: Array.from({ length }, (_, at) => sum(layer => layer.values[at]!)), total: sum(layer => layer.total), unpriced: sum(layer => layer.unpriced),
    unpricedAt: Array.from({ length }, (_, at) => sum(layer => layer.unpricedAt[at]!)) };
}

const SPIKE = 3, FEW = 4;

/** The piece that stands out: three times the median of those in which anything was used, of which there are four at least. */
export function spikeOf(totals: number[]): { at: number; times: number } | null {
  const used = totals.filter(value => value > 0).sort((a, b) => a - b);
  if (used.length < FEW) return null;
  const usual = used[Math.floor((used.length - 1) / 2)]!, most = used.at(-1)!;
  return most >= SPIKE * usual ? { at: totals.indexOf(most), times: most / usual } : null;
}

/** The part of the jobs and of the tokens that were answered where nothing is paid by the token. */
export function withoutTokenPrice(byTier: UsageItem[]): { jobs: number; tokens: number } | null {
  const sum = (measure: Measure, items: UsageItem[]) => items.reduce((total, item) => total + valueOf(item, measure), 0);
  const local = byTier.filter(isLocalItem), all = byTier.filter(item => item.group.id !== null);
  const jobs = sum("jobs", all), tokens = sum("tokens", all);
  return jobs === 0 ? null : { jobs: sum("jobs", local) / jobs, tokens: tokens === 0 ? 0 : sum("tokens", local) / tokens };
}

export const percentText = (share: number) => `${share > 0 && share < 0.005 ? "under 1" : share < 1 && share > 0.995 ? "over 99" : Math.round(share * 100)} %`;
