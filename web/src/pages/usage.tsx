// What was used and what it cost, by whatever matters; each row leads to the jobs that sum to it.
import { Anchor, Button, Group, Paper, Select, SimpleGrid, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { placeOf } from "../api/client";
import type { UsageItem, UsageSums } from "../api/contract";
import { said } from "../app/queries";
import { countText, moneyText } from "../parts/numbers";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Rows, type Column } from "../parts/table";

const HOUR_MS = 3_600_000;
const ranges = [{ value: "1", label: "last hour" }, { value: "24", label: "last 24 hours" }, { value: "168", label: "last 7 days" }, { value: "720", label: "last 30 days" }];
const groups = ["provider", "tier", "model", "team", "user", "key", "source"] as const;
const filters = new Set(["provider", "model", "team", "user", "key", "source"]); /* that the list of jobs knows, too */

function Sums({ sums }: { sums: UsageSums }) {
  const facts: [string, string][] = [
    ["Spent", `${moneyText(sums.cost_microusd)}${sums.unknown_cost_jobs ? ` (${countText(sums.unknown_cost_jobs)} jobs without a price)` : ""}`],
    ["Jobs", `${countText(sums.jobs)}${sums.failed ? `, ${countText(sums.failed)} failed` : ""}`],
    ["Tokens", `${countText(sums.input_tokens)} in, ${countText(sums.output_tokens)} out`],
    ["Wasted by failed attempts", `${moneyText(sums.wasted_microusd)}, ${countText(sums.wasted_tokens)} tokens`],
    ["Cloud cost avoided", sums.avoided_microusd === null ? "unknown" : moneyText(sums.avoided_microusd)],
  ];
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 5 }} mb="lg">
      {facts.map(([name, value]) => <Paper key={name} withBorder p="sm"><Text size="sm" c="dimmed">{name}</Text><Text fw={600}>{value}</Text></Paper>)}
    </SimpleGrid>
  );
}

export function UsagePage() {
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as { by?: string; hours?: string };
  const by = groups.find(each => each === search.by) ?? "provider", hours = ranges.find(each => each.value === search.hours)?.value ?? "24";
  // To the minute, so that a page that is drawn again asks the same question.
  const [opened] = useState(() => Math.floor(Date.now() / 60_000) * 60_000);
  const since = String(opened - Number(hours) * HOUR_MS);
  const usage = useQuery({ ...said("usage_read", { query: { group_by: by, bucket: "none", since, limit: 100 } }), placeholderData: before => before });
  const set = (name: "by" | "hours", value: string | null) => void navigate({ to: "/usage" as never, search: { by, hours, [name]: value ?? undefined } as never, replace: true });
  const nameOf = (item: UsageItem) => item.group.name ?? item.group.id ?? "none";
  const columns: Column<UsageItem>[] = [
    { label: by, cell: item => filters.has(by) && item.group.id ? <Anchor component={Link} to={"/audit/jobs" as never} search={{ [by]: item.group.id, since } as never}>{nameOf(item)}</Anchor> : nameOf(item) },
    { label: "Jobs", right: true, cell: item => countText(item.jobs) },
    { label: "Failed", right: true, cell: item => countText(item.failed) },
    { label: "Tokens in", right: true, cell: item => countText(item.input_tokens) },
    { label: "Tokens out", right: true, cell: item => countText(item.output_tokens) },
    { label: "Wasted", right: true, cell: item => moneyText(item.wasted_microusd) },
    { label: "Cost", right: true, cell: item => moneyText(item.cost_microusd) },
  ];
  return (
    <Page title="Usage" actions={<Button component="a" variant="default" size="xs" href={placeOf("/api/usage", {}, { group_by: by, bucket: "none", since, format: "csv" })} download="usage.csv">CSV</Button>}>
      <Group mb="md" align="flex-end">
        <Select label="Time" data={ranges} value={hours} allowDeselect={false} onChange={value => set("hours", value)} />
        <Select label="By" data={[...groups]} value={by} allowDeselect={false} onChange={value => set("by", value)} />
      </Group>
      <ProblemNote error={usage.error} retry={() => void usage.refetch()} />
      {usage.isPending && <Loading />}
      {usage.data && <Sums sums={usage.data.totals} />}
      {usage.data && usage.data.items.length > 0 && <Rows label={`Usage by ${by}`} columns={columns} rows={usage.data.items} keyOf={item => item.group.id ?? nameOf(item)} />}
      {usage.data && usage.data.items.length === 0 && <Empty title="Nothing was used in that time"><Text>Take a longer time, or send a request from the <Anchor component={Link} to={"/playground" as never}>playground</Anchor>.</Text></Empty>}
    </Page>
  );
}
