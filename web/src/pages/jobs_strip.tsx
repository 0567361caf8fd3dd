// Jobs over time, by how they ended: bars of the sums that the server keeps, with a sentence that says the same. A part of it is
// chosen with the mouse, or with two handles and the arrow keys; Enter, or letting go, makes it the time of the list.
import { Box, Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from "react";
import type { UsageItem } from "../api/contract";
import { said } from "../app/queries";
import { countText } from "../parts/numbers";
import { ProblemNote } from "../parts/problem";
import { useNow } from "../parts/since";
import { labels, looks, timeOf, type Filter } from "./jobs_filter";

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const WATCH_MS = 30_000, MOST = 400, HIGH = 56, WIDE = 1000, LEAP = 10, MINUTES_KEPT = 47 * HOUR;
const units = [{ bucket: "minute", ms: MINUTE, longest: 3 * HOUR }, { bucket: "hour", ms: HOUR, longest: 8 * DAY }, { bucket: "day", ms: DAY, longest: Infinity }] as const;

const outcomes = [
  { name: "failed", mark: "✕", colour: "var(--mantine-color-red-6)" },
  { name: "refused", mark: "✕", colour: "var(--mantine-color-orange-6)" },
  { name: "cancelled", mark: "◐", colour: "var(--mantine-color-gray-5)" },
  { name: "done", mark: "●", colour: "var(--mantine-color-indigo-5)" },
] as const;
type Counts = Record<(typeof outcomes)[number]["name"], number>;
const none: Counts = { failed: 0, refused: 0, cancelled: 0, done: 0 };
const total = (counts: Counts) => outcomes.reduce((sum, { name }) => sum + counts[name], 0);
/* Statuses of the list, as the sums know them. */
const asOutcome: Record<string, keyof Counts> = { done: "done", failed: "failed", interrupted: "failed", refused: "refused", cancelled: "cancelled" };
const known = ["provider", "model", "team", "user", "key", "source"] as const;

function add(counts: Counts, item: UsageItem): Counts {
  const { failed, refused, cancelled, jobs } = item;
  return {
    failed: counts.failed + failed, refused: counts.refused + refused, cancelled: counts.cancelled + cancelled,
    done: counts.done + Math.max(0, jobs - failed - refused - cancelled),
  };
}
const only = (counts: Counts, name: keyof Counts | undefined) => (name ? { ...none, [name]: counts[name] } : counts);

interface Bars { bucket: string; ms: number; from: number; bars: Counts[] }

function barsOf(items: UsageItem[], unit: { bucket: string; ms: number }, since: number, until: number, outcome: keyof Counts | undefined): Bars {
  const from = Math.floor(since / unit.ms) * unit.ms, count = Math.min(MOST, Math.max(1, Math.ceil((until - from) / unit.ms)));
  const bars = Array.from({ length: count }, () => none);
  for (const item of items) {
    const at = Math.floor(((item.at_ms ?? 0) - from) / unit.ms);
    if (bars[at]) bars[at] = add(bars[at], item);
  }
  return { ...unit, from, bars: bars.map(bar => only(bar, outcome)) };
}

function useBars(filter: Filter) {
  const now = Math.ceil(useNow() / MINUTE) * MINUTE;
  const until = timeOf(filter.until) ?? now, since = timeOf(filter.since) ?? until - DAY;
  const span = Math.max(MINUTE, until - since);
  const unit = units.find(each => span <= each.longest && (each.ms > MINUTE || now - since < MINUTES_KEPT))!;
  const query = { group_by: "source", bucket: unit.bucket, since: String(Math.max(0, since)), until: String(since + span), limit: 5000, ...Object.fromEntries(known.map(name => [name, filter[name]])) };
  const usage = useQuery({ ...said("usage_read", { query }), refetchInterval: WATCH_MS, placeholderData: before => before });
  const outcome = asOutcome[filter.status ?? ""];
  const bars = useMemo(() => barsOf(usage.data?.items ?? [], unit, since, since + span, outcome), [usage.data, unit, since, span, outcome]);
  return { usage, bars };
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(0).find(part => part.type === "timeZoneName")?.value ?? "";

function sentenceOf({ bars, bucket, from, ms }: Bars): string {
  const all = bars.reduce((sum, bar) => ({ failed: sum.failed + bar.failed, refused: sum.refused + bar.refused, cancelled: sum.cancelled + bar.cancelled, done: sum.done + bar.done }), none);
  const most = bars.reduce((best, bar, at) => (total(bar) > total(bars[best]!) ? at : best), 0);
  if (total(all) === 0) return "No job ended in this time.";
  const parts = outcomes.filter(({ name }) => all[name] > 0).map(({ name }) => `${countText(all[name])} ${name}`);
  return `${countText(total(all))} jobs by ${bucket}: ${parts.join(", ")}. Most in the ${bucket} from ${date.format(from + most * ms)}: ${countText(total(bars[most]!))}.`;
}

/** What the sums do not know is in the list alone. */
function unknownText(filter: Filter): string | null {
  const left = [...(["reason", ...looks] as const).map(name => name !== "order" && filter[name] && labels[name].replace(/ \(.*/, "").toLowerCase()), filter.status === "open" && "what is running", filter.status === "interrupted" && "interrupted alone"].filter(Boolean);
  return left.length ? `The picture does not know: ${left.join(", ")}.` : null;
}

function Handle({ label, at, last, text, move, act }: { label: string; at: number; last: number; text: string; move: (to: number) => void; act: (key: string) => void }) {
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - LEAP, PageUp: at + LEAP, Home: 0, End: last };
    const to = steps[event.key];
    if (to === undefined && event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (to === undefined) act(event.key);
    else move(Math.min(last, Math.max(0, to)));
  };
  return (
    <div role="slider" tabIndex={0} className="strip-handle" aria-label={label} aria-valuemin={0} aria-valuemax={last} aria-valuenow={at} aria-valuetext={text} aria-describedby="strip-keys"
      onKeyDown={onKeyDown} style={{ left: `${(at / Math.max(1, last)) * 100}%` }} />
  );
}

export function JobStrip({ filter, put }: { filter: Filter; put: (since: number, until: number) => void }) {
  const { usage, bars } = useBars(filter);
  const count = bars.bars.length, tallest = Math.max(1, ...bars.bars.map(total));
  const [brush, setBrush] = useState<{ from: number; to: number } | null>(null); /* edges between bars: 0 to count */
  const anchor = useRef<number | null>(null);
  const edge = (at: number) => bars.from + at * bars.ms;
  const chosen = { from: Math.min(brush?.from ?? 0, count), to: Math.min(brush?.to ?? count, count) };
  const apply = ({ from, to }: { from: number; to: number }) => { setBrush(null); if (to > from) put(edge(from), edge(to)); };
  const barAt = (event: PointerEvent<Element>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    return Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * count)));
  };
  const spread = (event: PointerEvent<Element>, from: number) => { const at = barAt(event); return { from: Math.min(from, at), to: Math.max(from, at) + 1 }; };
  const act = (key: string) => (key === "Enter" ? apply(chosen) : setBrush(null));
  const wide = WIDE / count;
  return (
    <Box mb="md" component="section" aria-label="Jobs over time">
      <ProblemNote error={usage.error} retry={() => void usage.refetch()} />
      <div className="strip" data-old={usage.isPlaceholderData || undefined}
        onPointerDown={event => { if ((event.target as Element).closest("[role=slider]")) return; anchor.current = barAt(event); event.currentTarget.setPointerCapture(event.pointerId); setBrush(spread(event, anchor.current)); }}
        onPointerMove={event => { if (anchor.current !== null) setBrush(spread(event, anchor.current)); }}
        onPointerUp={event => { if (anchor.current !== null) { apply(spread(event, anchor.current)); anchor.current = null; } }}
        onPointerCancel={() => { anchor.current = null; setBrush(null); }}>
        <svg viewBox={`0 0 ${WIDE} ${HIGH}`} preserveAspectRatio="none" width="100%" height={HIGH} role="img" aria-label={sentenceOf(bars)}>
          {bars.bars.map((bar, at) => {
            let top = HIGH;
            return outcomes.map(({ name, colour }) => {
              const high = (bar[name] / tallest) * (HIGH - 2);
              top -= high;
              return high > 0 && <rect key={`${at}${name}`} x={at * wide + wide * 0.08} width={wide * 0.84} y={top} height={high} fill={colour} />;
            });
          })}
          {brush && <rect x={chosen.from * wide} width={(chosen.to - chosen.from) * wide} y={0} height={HIGH} className="strip-brush" />}
        </svg>
        <Handle label="From" at={chosen.from} last={count} text={date.format(edge(chosen.from))} act={act} move={to => setBrush({ from: Math.min(to, chosen.to - 1), to: chosen.to })} />
        <Handle label="Until" at={chosen.to} last={count} text={date.format(edge(chosen.to))} act={act} move={to => setBrush({ from: chosen.from, to: Math.max(to, chosen.from + 1) })} />
      </div>
      <Group justify="space-between" gap="xs" mt={14}><Text size="xs" c="dimmed">{date.format(edge(0))}</Text><Text size="xs" c="dimmed">{date.format(edge(count))} {zone}</Text></Group>
      <Group gap="md" mt={2}>
        <Text size="sm">{usage.isPending ? " " : sentenceOf(bars)}</Text>
        {outcomes.map(({ name, mark, colour }) => <Text key={name} size="xs" c="dimmed" component="span"><span aria-hidden className="strip-key" style={{ background: colour }} />{mark} {name}</Text>)}
        {brush && anchor.current === null && <Button size="compact-xs" variant="default" onClick={() => apply(chosen)}>{clock.format(edge(chosen.from))} to {clock.format(edge(chosen.to))}</Button>}
      </Group>
      <Text size="xs" c="dimmed">{unknownText(filter)}</Text>
      <span id="strip-keys" hidden>Arrow keys move it, Enter filters by the time between the two, Escape leaves it.</span>
    </Box>
  );
}
