// The strip below the map: a day, what happened on it, and when the server did not run. Pure.
import type { Transition } from "../api/contract";
import type { Standing, World } from "./map_picture";

export const DAY_MS = 86_400_000;
export type MarkKind = "bad" | "good" | "config" | "server";
export interface Mark { at: number; kind: MarkKind; sentence: string; transition: Transition }

const well = new Set(["online", "live"]);
const words = (code: string) => code.replace(/_/g, " ");
const because = (reason: string | null) => (reason ? `: ${words(reason)}` : "");

const servers: Record<string, string> = {
  started: "The server started", stopped: "The server was stopped", killed: "The server was killed, or lost its power", notes_lost: "More changed at once than could be noted",
};

export function sentenceOf({ kind, name, to, from, reason }: Transition): string {
  if (kind === "server") return servers[to] ?? `The server: ${words(to)}`;
  if (kind === "config") return `Configuration ${to}${because(reason)}`;
  return `${kind === "worker" ? "Worker " : ""}${name ?? "without a name"} ${from ? `went from ${words(from)} to ${words(to)}` : `is ${words(to)}`}${because(reason)}`;
}

export function kindOf({ kind, to }: Transition): MarkKind {
  if (kind === "server" || kind === "config") return kind;
  return well.has(to) ? "good" : "bad";
}

/** Newest first, as they are given; those of the span alone. */
export const marksOf = (changes: Transition[], from: number, to: number): Mark[] =>
  changes.filter(each => each.at_ms >= from && each.at_ms <= to).map(each => ({ at: each.at_ms, kind: kindOf(each), sentence: sentenceOf(each), transition: each }));

/** 0 at the left end, 1 at the right. */
export const positionOf = (at: number, from: number, to: number) => (to > from ? Math.min(1, Math.max(0, (at - from) / (to - from))) : 0);

export interface Gap { from: number; to: number }
/** When the server did not run: from where it ceased to, up to the next start. */
export function gapsOf(changes: Transition[], from: number, to: number): Gap[] {
  const server = changes.filter(each => each.kind === "server" && each.to !== "notes_lost").sort((a, b) => a.at_ms - b.at_ms);
  const gaps: Gap[] = [];
  let down: number | null = server[0]?.to === "started" ? from : null;
  for (const each of server) {
    if (each.to !== "started") down ??= each.at_ms;
    else if (down !== null) {
      gaps.push({ from: Math.max(from, down), to: Math.min(to, each.at_ms) });
      down = null;
    }
  }
  return gaps.filter(gap => gap.to > gap.from);
}

/** The next moment at which something changed, to one side; null: there is none. A picture of a change shows it done. */
export function neighbour(marks: Mark[], at: number, side: "before" | "after"): number | null {
  const times = marks.map(mark => mark.at).filter(time => (side === "before" ? time < at : time > at));
  if (times.length === 0) return null;
  return side === "before" ? Math.max(...times) : Math.min(...times);
}

/** "2026-12-01T14:02:10.123Z": a moment in an address. */
export const momentText = (at: number) => new Date(at).toISOString();

/** What somebody else may have written: milliseconds do, too; what is no moment, or one that has not come yet, is none. */
export function momentOf(text: string | undefined, now: number): number | null {
  const given = text ?? "", at = /^\d{1,15}$/.test(given) ? Number(given) : /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN;
  return at >= 0 && at < now ? at : null;
}

/** Since when, and why, as far as the change was among these, which are newest first. */
export function withTimes(world: World, changes: Transition[]): World {
  const newest = new Map<string, Transition>();
  for (const change of changes) if (change.id && !newest.has(change.id)) newest.set(change.id, change);
  const timed = <Each extends Standing>(each: Each): Each => {
    const change = newest.get(each.id);
    return change?.to === each.state ? { ...each, since: change.at_ms, why: each.why ?? change.reason } : each;
  };
  return { ...world, providers: world.providers.map(timed), workers: world.workers.map(timed) };
}
