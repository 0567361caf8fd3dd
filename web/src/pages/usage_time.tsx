// Usage over time: the chart, the same in words and as a table, and what happened meanwhile.
import { Anchor, Box, Button, Group, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useMemo, useState } from "react";
import type { Transition, Usage, UsageItem } from "../api/contract";
import { Section } from "../parts/section";
import { Rows, type Column } from "../parts/table";
import { Marks, markText } from "./usage_marks";
import { jobsOf, type Filter, type GroupBy } from "./usage_query";
import { timeText, unitOf, type Range } from "./usage_range";
import { measureNames, measures, pictureOf, spikeOf, valueText, type Layer, type Measure, type Picture } from "./usage_sums";

const Chart = lazy(() => import("../parts/chart"));
const colours = ["#4263eb", "#12b886", "#f08c00", "#be4bdb", "#15aabf", "#e03131", "#868e96"];
const per: Record<Range["bucket"], string> = { minute: "minute", hour: "hour", day: "day" };

interface Given {
  usage: Usage & { isWhole: boolean };
  byTier: UsageItem[];
  isLocal: (key: string) => boolean;
  range: Range;
  filter: Filter;
  by: GroupBy;
  measure: Measure;
  marks: Transition[];
  isTable: boolean;
  set: (change: Record<string, string | undefined>) => void;
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

function summaryOf({ layers, totals, unpriced, times }: Picture, range: Range, measure: Measure): string {
  const total = sum(totals), without = sum(unpriced), most = Math.max(0, ...totals);
  if (total === 0 && without === 0) return measure === "cost" ? "Nothing was spent in that time." : "Nothing was used in that time.";
  const first = layers[0], parts = [`${measureNames[measure]}: ${valueText(total, measure, without)}`];
  if (total > 0 && first && layers.length > 1) parts.push(`the most by ${first.name} (${valueText(first.total, measure, first.unpriced)})`);
  if (total > 0) parts.push(`the busiest ${per[range.bucket]} was ${timeText(times[totals.indexOf(most)]!, range.bucket)} UTC with ${valueText(most, measure)}`);
  return `${parts.join("; ")}.${without && measure === "cost" ? ` ${without.toLocaleString()} jobs have no price and are not in it.` : ""}`;
}

/** What stands out, and what happened in that piece or the one before. */
function spikeText({ totals, times }: Picture, range: Range, measure: Measure, marks: Transition[]): string | null {
  const spike = spikeOf(totals);
  if (!spike) return null;
  const from = times[spike.at]! - unitOf[range.bucket], until = times[spike.at]! + unitOf[range.bucket];
  const near = marks.filter(mark => mark.at_ms >= from && mark.at_ms < until).slice(0, 3).map(markText);
  return `${timeText(times[spike.at]!, range.bucket)} UTC stands out: ${valueText(totals[spike.at]!, measure)}, ${Math.round(spike.times)} times the usual. ` +
    (near.length ? `About then: ${near.join("; ")}.` : "Nothing that is on record happened about then.");
}

function Legend({ picture, measure }: { picture: Picture; measure: Measure }) {
  return (
    <Group gap="md" component="ul" p={0} m={0} mt="xs" aria-label="Colours">
      {picture.layers.map((layer, at) => (
        <Group key={layer.key} gap={6} component="li" wrap="nowrap">
          <svg width={12} height={12} aria-hidden><rect width={12} height={12} fill={colours[at]} /></svg>
          <Text size="sm" component="span">{layer.name}: {valueText(layer.total, measure, layer.unpriced)}</Text>
        </Group>
      ))}
      {measure !== "tokens" && sum(picture.unpriced) > 0 && (
        <Group gap={6} component="li" wrap="nowrap">
          <svg width={12} height={12} aria-hidden><rect width={12} height={12} fill="none" stroke="currentColor" /><path d="M0 12L12 0M-3 6L6 -3M6 15L15 6" stroke="currentColor" /></svg>
          <Text size="sm" component="span">{measure === "cost" ? "more, without a price: how much is not known" : "of them without a price"}</Text>
        </Group>
      )}
    </Group>
  );
}

function Table({ picture, range, measure, filter }: { picture: Picture; range: Range; measure: Measure; filter: Filter }) {
  const { times, totals, unpriced, layers } = picture;
  const rows = times.map((_, at) => at).filter(at => totals[at]! > 0 || unpriced[at]! > 0);
  const time = (at: number) => {
    const jobs = jobsOf(filter, pieceOf(times[at]!, range)), text = timeText(times[at]!, range.bucket);
    return jobs ? <Anchor component={Link} to={"/audit/jobs" as never} search={jobs as never}>{text}</Anchor> : text;
  };
  const columns: Column<number>[] = [
    { label: "Time (UTC)", cell: time },
    { label: "All", right: true, cell: at => valueText(totals[at]!, measure, unpriced[at]!) },
    ...layers.map((layer: Layer) => ({ label: layer.name, right: true, cell: (at: number) => valueText(layer.values[at]!, measure, layer.unpricedAt[at]!) })),
    { label: "Jobs without a price", right: true, cell: at => unpriced[at]!.toLocaleString() },
  ];
  return <Rows label={`${measureNames[measure]} over time`} columns={columns} rows={rows} keyOf={String} />;
}

/** A piece, as far as it is in the range. */
const pieceOf = (time: number, range: Range) => ({ since: Math.max(time, range.since), until: Math.min(time + unitOf[range.bucket], range.until) });

export function OverTime({ usage, byTier, isLocal, range, filter, by, measure, marks, isTable, set }: Given) {
  const navigate = useNavigate();
  const [point, setPoint] = useState<number | null>(null);
  const picture = useMemo(() => pictureOf(usage.items, byTier, range, measure, isLocal), [usage, byTier, range, measure, isLocal]);
  const bars = useMemo(() => ({
    times: picture.times, unit: unitOf[range.bucket], layers: picture.layers.map((layer, at) => ({ colour: colours[at]!, values: layer.values })),
    hatched: picture.unpriced.map(jobs => (jobs === 0 || measure === "tokens" ? 0 : measure === "cost" ? "cap" as const : jobs)), marks: marks.map(mark => mark.at_ms),
  }), [picture, range, measure, marks]);
  const summary = summaryOf(picture, range, measure), spike = spikeText(picture, range, measure, marks);
  const pick = (at: number) => {
    const jobs = jobsOf(filter, pieceOf(picture.times[at]!, range));
    if (jobs) void navigate({ to: "/audit/jobs" as never, search: jobs as never });
  };
  const told = point === null || picture.times[point] === undefined ? `Times in UTC, by the ${per[range.bucket]}. A bar leads to its jobs.`
    : `${timeText(picture.times[point], range.bucket)} UTC: ${valueText(picture.totals[point]!, measure, picture.unpriced[point])}` +
      picture.layers.filter(layer => layer.values[point]! > 0).map(layer => ` · ${layer.name} ${valueText(layer.values[point]!, measure)}`).join("");
  return (
    <Section title={`${measureNames[measure]} by ${by}, over time`}>
      <Group justify="space-between" mb="sm">
        <SegmentedControl aria-label="What is drawn" value={measure} onChange={value => set({ show: value === "cost" ? undefined : value })} data={measures.map(value => ({ value, label: measureNames[value] }))} />
        <Button size="compact-sm" variant="default" aria-expanded={isTable} onClick={() => set({ table: isTable ? undefined : "1" })}>{isTable ? "Hide the table" : "View as table"}</Button>
      </Group>
      {usage.isWhole ? (
        <>
          <Text size="sm" mb="xs">{summary}</Text>
          {spike && <Text size="sm" mb="xs">{spike}</Text>}
          <Suspense fallback={<Skeleton height={220} />}>
            <Chart bars={bars} label={`${summary} Times in UTC.`} tick={at => timeText(at, range.bucket)} value={value => valueText(value, measure)} onPoint={setPoint} onPick={pick} />
          </Suspense>
          <Text size="sm" c="dimmed">{told}</Text>
          <Legend picture={picture} measure={measure} />
          {isTable && <Box mt="md"><Table picture={picture} range={range} measure={measure} filter={filter} /></Box>}
        </>
      ) : <Text size="sm">There are too many values of {by} to be drawn. Take a shorter time, another grouping, or the CSV.</Text>}
      {marks.length > 0 && <Box mt="md"><Text size="sm" fw={600}>Lines: what happened meanwhile</Text><Marks marks={marks} /></Box>}
    </Section>
  );
}
