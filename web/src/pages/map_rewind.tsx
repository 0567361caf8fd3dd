// The strip of a day below the map, and what moves along it: a slider, the changes one by one, and play.
import { Anchor, Button, Group, Stack, Switch, Text } from "@mantine/core";
import { useDebouncedCallback, useReducedMotion } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask } from "../api/client";
import type { Transition } from "../api/contract";
import { Moment } from "../parts/since";
import { Section } from "../parts/section";
import { Rows, type Column } from "../parts/table";
import { MINUTE_MS } from "./map_flows";
import { DAY_MS, gapsOf, marksOf, neighbour, positionOf, type Mark, type MarkKind } from "./map_strip";
import classes from "./map.module.css";

const PAGE = 200, PAGES_MAX = 10, FIRST = 8, SETTLE_MS = 120, SPEED = 60;
const STEPS = DAY_MS / MINUTE_MS, STRIP = 44;
const shapes: Record<MarkKind, string> = { bad: "✕", good: "●", config: "◆", server: "■" };

async function changesSince(since: number): Promise<{ items: Transition[]; isCut: boolean }> {
  const items: Transition[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer: { items: Transition[]; next_cursor: string | null } = await ask("transitions_list", { query: { since: String(since), limit: PAGE, cursor } });
    items.push(...answer.items);
    cursor = answer.next_cursor;
    if (!cursor) break;
  }
  return { items, isCut: cursor !== null };
}

/** To the hour, so that the same is asked again only when something has happened. */
export function useChanges(from: number, watch: number | false) {
  const since = Math.floor(from / 3_600_000) * 3_600_000;
  return useQuery({ queryKey: ["transitions_list", since], queryFn: () => changesSince(since), refetchInterval: watch, placeholderData: before => before });
}

const count = (marks: Mark[], kind: MarkKind, one: string, many: string) => {
  const found = marks.filter(mark => mark.kind === kind).length;
  return found ? [`${found} ${found === 1 ? one : many}`] : [];
};
const summary = (marks: Mark[]) => [
  ...count(marks, "bad", "incident", "incidents"), ...count(marks, "good", "recovery", "recoveries"),
  ...count(marks, "config", "change of the configuration", "changes of the configuration"), ...count(marks, "server", "start or stop of the server", "starts and stops of the server"),
].join(", ") || "nothing happened";

function Strip({ marks, changes, from, to, at }: { marks: Mark[]; changes: Transition[]; from: number; to: number; at: number }) {
  const x = (time: number) => positionOf(time, from, to) * 1000;
  const rows: MarkKind[] = ["bad", "good", "config", "server"];
  return (
    <svg viewBox={`0 0 1000 ${STRIP}`} width="100%" height={STRIP} preserveAspectRatio="none" role="img" aria-label={`24 hours: ${summary(marks)}`}>
      {gapsOf(changes, from, to).map(gap => <rect key={gap.from} className={classes.down} x={x(gap.from)} y={0} width={Math.max(1, x(gap.to) - x(gap.from))} height={STRIP}><title>The server did not run</title></rect>)}
      {marks.map((mark, index) => <rect key={`${mark.at}-${index}`} data-mark={mark.kind} className={classes[mark.kind]} x={Math.min(997, x(mark.at))} y={rows.indexOf(mark.kind) * 11} width={3} height={10}><title>{mark.sentence}</title></rect>)}
      <line className={classes.cursor} x1={x(at)} x2={x(at)} y1={0} y2={STRIP} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

/** So many minutes of then a minute of now. Whoever wants little motion sees fewer, larger steps. */
function usePlay(t: number | null, now: number, go: (t: number | null) => void): [boolean, (on: boolean) => void] {
  const [isOn, turn] = useState(false), step = useReducedMotion() ? 3_000 : 1_000;
  useEffect(() => {
    if (!isOn || t === null) return;
    const timer = window.setTimeout(() => {
      const next = t + step * SPEED;
      if (next < now) { go(next); return; }
      turn(false);
      go(null);
    }, step);
    return () => window.clearTimeout(timer);
  }, [isOn, t, step]); /* not `now`: it would begin anew each second */
  return [isOn && t !== null, turn];
}

function Changes({ marks, go, isCut }: { marks: Mark[]; go: (t: number) => void; isCut: boolean }) {
  const [isAll, setAll] = useState(false);
  const columns: Column<Mark>[] = [
    { label: "Time", cell: mark => <Anchor component="button" type="button" size="sm" onClick={() => go(mark.at)}><Moment at={mark.at} /></Anchor> },
    { label: "What", cell: mark => <Text size="sm" component="span"><span aria-hidden>{shapes[mark.kind]} </span>{mark.sentence}</Text> },
    { label: "Who", cell: mark => (mark.transition.actor ? <span className="mono">{mark.transition.actor}</span> : "–") },
  ];
  if (marks.length === 0) return <Text size="sm" c="dimmed">Nothing has changed its state in these 24 hours.</Text>;
  return (
    <>
      <Rows label="Changes" columns={columns} rows={isAll ? marks : marks.slice(0, FIRST)} keyOf={mark => `${mark.at} ${mark.transition.id} ${mark.transition.kind} ${mark.transition.to}`} />
      {marks.length > FIRST && <Button mt="xs" size="xs" variant="default" onClick={() => setAll(!isAll)}>{isAll ? "The newest only" : `All ${marks.length} changes`}</Button>}
      {isCut && <Text size="sm" c="dimmed" mt="xs">There are more: these are the newest.</Text>}
    </>
  );
}

export function Rewind({ t, now, end, changes, isCut, go, compare, setCompare }: {
  t: number | null; now: number; end: number; changes: Transition[]; isCut: boolean; go: (t: number | null) => void; compare: boolean; setCompare: (on: boolean) => void;
}) {
  const to = Math.ceil(end / MINUTE_MS) * MINUTE_MS, from = to - DAY_MS, at = t ?? now;
  const marks = marksOf(changes, from, to);
  const [dragged, drag] = useState<number | null>(null);
  const settle = useDebouncedCallback((next: number) => { drag(null); go(next >= now ? null : next); }, SETTLE_MS);
  const [isPlaying, play] = usePlay(t, now, go);
  const step = dragged ?? Math.round((at - from) / MINUTE_MS), before = neighbour(marks, at, "before"), after = t === null ? null : neighbour(marks, at, "after");
  const shown = dragged === null ? at : from + dragged * MINUTE_MS;
  return (
    <Section title="The last 24 hours">
      <Stack gap="xs">
        <Strip marks={marks} changes={changes} from={from} to={to} at={shown} />
        <input type="range" className={classes.slider} aria-label="Moment" min={0} max={STEPS} step={1} value={step} aria-valuetext={t === null && dragged === null ? "now" : new Date(shown).toLocaleString()}
          onChange={event => { const next = Number(event.currentTarget.value); play(false); drag(next); settle(from + next * MINUTE_MS); }} />
        <Group justify="space-between" aria-hidden><Text size="xs" c="dimmed"><Moment at={from} /></Text><Text size="xs" c="dimmed"><Moment at={to} /></Text></Group>
        <Group gap="xs">
          <Button size="xs" variant="default" disabled={before === null} onClick={() => go(before)}>Change before</Button>
          <Button size="xs" variant="default" disabled={after === null} onClick={() => go(after)}>Change after</Button>
          <Button size="xs" variant="default" disabled={t === null} onClick={() => play(!isPlaying)}>{isPlaying ? "Stop" : `Play at ${SPEED}×`}</Button>
          <Button size="xs" variant={t === null ? "default" : "filled"} disabled={t === null} onClick={() => go(null)}>Back to now</Button>
          <Switch label="Compare with now" checked={compare} disabled={t === null} onChange={event => setCompare(event.currentTarget.checked)} />
        </Group>
        <Text size="xs" c="dimmed">✕ incident, ● well again, ◆ configuration, ■ the server; shaded: it did not run.</Text>
        <Changes marks={marks} go={go} isCut={isCut} />
      </Stack>
    </Section>
  );
}
