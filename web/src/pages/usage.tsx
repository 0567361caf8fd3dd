// What was used and what it cost, by whatever matters, over time; each sum leads to the jobs that add up to it. What is asked
// stands in the address.
import { Anchor, Button, Group, Pill, Select, Stack, Text } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useRef, useState } from "react";
import { placeOf, type Query } from "../api/client";
import { said } from "../app/queries";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { BurnDown } from "./burn_down";
import { Facts } from "./usage_facts";
import { useMarks } from "./usage_marks";
import { addressOf, allOf, filterOf, groups, jobsOf, questionOf, type Filter, type GroupBy, type Search } from "./usage_query";
import { Ranked } from "./usage_ranked";
import { DEFAULT_RANGE, floorTo, rangeOf, ranges, timeText, unitOf, type Range } from "./usage_range";
import { measures } from "./usage_sums";
import { OverTime } from "./usage_time";

const rangeText = ({ since, until, bucket }: Range) => `${timeText(since, "hour")} to ${timeText(until, "hour")} UTC, by the ${bucket}`;

function Filters({ filter, set }: { filter: Filter; set: (change: Search) => void }) {
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const nameOf = (name: GroupBy, value: string) => (name === "provider" ? (providers.find(each => each.id === value)?.name ?? value) : value);
  return (
    <Group gap="xs" mb="md">
      {groups.filter(name => filter[name] && name !== "team").map(name => (
        <Pill key={name} size="md" withRemoveButton onRemove={() => set({ [name]: undefined })} removeButtonProps={{ "aria-label": `Any ${name}`, tabIndex: 0, "aria-hidden": false }}>{name}: {nameOf(name, filter[name]!)}</Pill>
      ))}
    </Group>
  );
}

const wholeOf = (question: Query) => queryOptions({ queryKey: ["usage_read", "all", question] as const, queryFn: () => allOf(question) });

/** The three answers that make a page: the sums, over time by the dimension, and over time by tier. */
function useAnswers(range: Range, filter: Filter, by: GroupBy) {
  const once = useQuery(said("usage_read", { query: { ...questionOf(range, filter, by, "none"), limit: 5000 } }));
  const overTime = useQuery(wholeOf(questionOf(range, filter, by, range.bucket))), tiers = useQuery(wholeOf(questionOf(range, filter, "tier", range.bucket)));
  const whole = once.data && overTime.data && tiers.data ? { range, filter, by, sums: once.data, overTime: overTime.data, byTier: tiers.data.items } : null;
  // While another question is under way the last answer stands, with what it was the answer to.
  const last = useRef(whole);
  if (whole) last.current = whole;
  return { shown: last.current, isOld: !whole, error: once.error ?? overTime.error ?? tiers.error, again: () => Promise.all([once.refetch(), overTime.refetch(), tiers.refetch()]) };
}

const nowMinute = () => floorTo(Date.now(), unitOf.minute);

export function UsagePage() {
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as Search;
  const by = groups.find(each => each === search.by) ?? "tier", measure = measures.find(each => each === search.show) ?? "cost";
  // To the minute, so that a page that is drawn again asks the same question.
  const [opened, setOpened] = useState(nowMinute);
  const range = rangeOf(search, opened), filter = filterOf(search), isFixed = search.since !== undefined;
  const { shown, isOld, error, again } = useAnswers(range, filter, by), marks = useMarks(range);
  const set = (change: Search) => void navigate({ to: "/usage" as never, search: addressOf({ ...search, ...change }), replace: true });
  const teams = useQuery(said("teams_list")).data?.items ?? [], providers = useQuery(said("providers_list")).data?.items;
  const isLocal = useCallback((key: string) => (by === "tier" ? key === "gpu" || key === "cli" : by === "provider" && ["gpu", "cli"].includes(providers?.find(each => each.id === key)?.tier ?? "")), [by, providers]);
  const file = (format: string) => placeOf("/api/usage", {}, { ...questionOf(range, filter, by, range.bucket), limit: 5000, format });
  return (
    <Page title="Usage" actions={<>
      <Button component="a" variant="default" size="xs" href={file("csv")} download="usage.csv">CSV</Button>
      <Button component="a" variant="default" size="xs" href={file("jsonl")} download="usage.jsonl">JSON lines</Button>
    </>}>
      <Group mb="xs" align="flex-end">
        <Select label="Time" data={isFixed ? [{ value: "fixed", label: "as in the address" }, ...ranges] : ranges} value={isFixed ? "fixed" : (ranges.find(each => each.value === search.hours)?.value ?? DEFAULT_RANGE)} allowDeselect={false}
          onChange={value => { setOpened(nowMinute()); if (value !== "fixed") set({ hours: value ?? undefined, since: undefined, until: undefined }); }} />
        <Select label="By" data={[...groups]} value={by} allowDeselect={false} onChange={value => set({ by: value ?? undefined })} />
        <Select label="Team" placeholder="all" clearable searchable data={teams.map(team => ({ value: team.id, label: team.name }))} value={search.team ?? null} onChange={value => set({ team: value ?? undefined })} />
        <Button variant="default" onClick={() => { setOpened(nowMinute()); void again(); }}>Ask again</Button>
      </Group>
      <Text size="sm" c="dimmed" mb="md">{rangeText(range)}.{" "}
        {!isFixed && <Anchor component={Link} to={"/usage" as never} search={addressOf({ ...search, hours: undefined, since: range.since, until: range.until })}>Link to just this time</Anchor>}</Text>
      <Filters filter={filter} set={set} />
      <ProblemNote error={error} retry={() => void again()} />
      {!shown && !error && <Loading />}
      {shown && (
        <Stack gap="md" aria-busy={isOld} opacity={isOld ? 0.6 : 1}>
          <Facts usage={shown.sums} byTier={shown.byTier} jobs={jobsOf(shown.filter, shown.range)} />
          {shown.sums.items.length > 0 ? (
            <>
              <OverTime usage={shown.overTime} byTier={shown.byTier} isLocal={isLocal} range={shown.range} filter={shown.filter} by={shown.by} measure={measure} marks={marks} isTable={search.table === "1"} set={set} />
              <Ranked rows={shown.sums.items} overTime={shown.overTime.items} isLocal={isLocal} range={shown.range} filter={shown.filter} by={shown.by} measure={measure} search={search} />
            </>
          ) : <Empty title="Nothing was used in that time"><Text>Take a longer time, or send a request from the <Anchor component={Link} to={"/playground" as never}>playground</Anchor>.</Text></Empty>}
          {search.team && <BurnDown team={search.team} now={opened} />}
        </Stack>
      )}
    </Page>
  );
}
