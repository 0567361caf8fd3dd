// What usage is asked for: one range, one filter, one dimension. The same query fills the figures, the chart and the files.
import { ask, type Query } from "../api/client";
import type { Operations, Usage } from "../api/contract";
import type { Range } from "./usage_range";

export const groups = ["provider", "tier", "model", "team", "agent", "user", "key", "source"] as const;
export type GroupBy = (typeof groups)[number];
export type Filter = Partial<Record<GroupBy, string>>;
export type Search = Filter & { by?: string; hours?: string; since?: string; until?: string; show?: string; table?: string };

export const filterOf = (search: Search): Filter => Object.fromEntries(groups.flatMap(name => (search[name] ? [[name, search[name]]] : []))) as Filter;

export const questionOf = (range: Range, filter: Filter, by: GroupBy, bucket: Range["bucket"] | "none"): Query =>
  ({ ...filter, group_by: by, bucket, since: String(range.since), until: String(range.until) });

const PAGE = 5000, PAGES = 8;

/** All of it, page after page; `isWhole` false: there is more than can be drawn. */
export async function allOf(question: Query): Promise<Usage & { isWhole: boolean }> {
  let cursor: string | null = null, first: Operations["usage_read"]["answer"] | undefined;
  const items: Usage["items"] = [];
  for (let page = 0; page < PAGES; page++) {
    const answer: Usage = await ask("usage_read", { query: { ...question, limit: PAGE, cursor } });
    first ??= answer;
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return { ...first!, items, isWhole: cursor === null };
}

/** The list of the jobs in this time that the filter is about; null: the list of jobs knows no such filter. */
export function jobsOf(filter: Filter, { since, until }: { since: number; until: number }, more: Filter = {}): Record<string, string | number> | null {
  const all = { ...filter, ...more };
  return all.tier ? null : { ...all, since, until };
}

/** An address without what is empty. */
export const addressOf = (search: Record<string, string | number | undefined>): never => Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined && value !== "")) as never;
