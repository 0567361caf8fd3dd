// Who used the most: a row for each value, its course beside it, and the way to its jobs.
import { Anchor, Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { UsageItem } from "../api/contract";
import { countText, moneyText } from "../parts/numbers";
import { Section } from "../parts/section";
import { Spark } from "../parts/spark";
import { Rows, type Column } from "../parts/table";
import { addressOf, jobsOf, type Filter, type GroupBy, type Search } from "./usage_query";
import { timesOf, type Range } from "./usage_range";
import { costText, keyOf, measureNames, nameOf, valueOf, type Measure } from "./usage_sums";

const SHOWN = 20;
/* Tokens stand where they were used, a job where it ended: of these, a row may hold more than the jobs that were answered there. */
const places = new Set<GroupBy>(["provider", "model", "tier"]);

/** The course of each value, all over the same times. */
function coursesOf(items: UsageItem[], range: Range, measure: Measure): Map<string, number[]> {
  const times = timesOf(range, items[0]?.at_ms ?? null), at = new Map(times.map((time, index) => [time, index])), courses = new Map<string, number[]>();
  for (const item of items) {
    const course = courses.get(keyOf(item)) ?? times.map(() => 0), place = at.get(item.at_ms ?? -1);
    if (place !== undefined) course[place]! += valueOf(item, measure);
    courses.set(keyOf(item), course);
  }
  return courses;
}

interface Given { rows: UsageItem[]; overTime: UsageItem[]; isLocal: (key: string) => boolean; range: Range; filter: Filter; by: GroupBy; measure: Measure; search: Search }

function Name({ item, range, filter, by, search }: { item: UsageItem } & Pick<Given, "range" | "filter" | "by" | "search">) {
  if (item.group.id === null) return <Text size="sm" component="span" c="dimmed">{by === "provider" || by === "tier" || by === "model" ? "nobody was asked" : "none"}</Text>;
  const jobs = jobsOf(filter, range, { [by]: item.group.id });
  if (jobs) return <Anchor component={Link} to={"/audit/jobs" as never} search={jobs as never}>{nameOf(item)}</Anchor>;
  return <Anchor component={Link} to={"/usage" as never} search={addressOf({ ...search, by: by === "tier" ? "provider" : search.by, [by]: item.group.id })}>{nameOf(item)}</Anchor>;
}

export function Ranked({ rows, overTime, isLocal, range, filter, by, measure, search }: Given) {
  const [isAll, setAll] = useState(false);
  const courses = coursesOf(overTime, range, measure);
  const ranked = [...rows].sort((a, b) => valueOf(b, measure) - valueOf(a, measure) || b.jobs - a.jobs || nameOf(a).localeCompare(nameOf(b)));
  const columns: Column<UsageItem>[] = [
    { label: by, cell: item => <Name item={item} range={range} filter={filter} by={by} search={search} /> },
    { label: `${measureNames[measure]} over time`, cell: item => <Spark values={courses.get(keyOf(item)) ?? []} /> },
    { label: "Jobs", right: true, cell: item => countText(item.jobs) },
    { label: "Failed", right: true, cell: item => countText(item.failed) },
    { label: "Tokens in", right: true, cell: item => countText(item.input_tokens) },
    { label: "Tokens out", right: true, cell: item => countText(item.output_tokens) },
    { label: "Wasted", right: true, cell: item => moneyText(item.wasted_microusd) },
    { label: "Cost", right: true, cell: item => costText(item.cost_microusd ?? 0, isLocal(keyOf(item)) ? 0 : item.unknown_cost_jobs) },
  ];
  return (
    <Section title={`By ${by}`}>
      <Rows label={`Usage by ${by}`} columns={columns} rows={isAll ? ranked : ranked.slice(0, SHOWN)} keyOf={keyOf} />
      {ranked.length > SHOWN && <Group justify="center" mt="sm"><Button variant="default" size="xs" onClick={() => setAll(!isAll)}>{isAll ? "The first 20" : `All ${ranked.length}`}</Button></Group>}
      {places.has(by) && <Text size="sm" c="dimmed" mt="sm">Tokens and cost stand where they were used, failed attempts too; the list has the jobs that were answered there.</Text>}
    </Section>
  );
}
