// The recorded requests once more through the same routing, with something broken: where they would land, what it would cost,
// and who would be left with nothing. Nothing is sent to any provider. The scenario is the address.
import { Button, Group, Paper, Select, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Provider, Rehearsed, RehearsedSide, RehearseFault } from "../api/contract";
import { said } from "../app/queries";
import { countText, durationText, moneyText } from "../parts/numbers";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Rows, type Column } from "../parts/table";
import { reasonText } from "./job_words";

const HOUR_MS = 3_600_000;
const faults: { value: RehearseFault | ""; label: string }[] = [
  { value: "", label: "as it is" }, { value: "offline", label: "offline" }, { value: "key_rejected", label: "key rejected" },
  { value: "over_quota", label: "quota gone" }, { value: "slow_x3", label: "three times as slow" }, { value: "half_slots", label: "half the slots" },
];
const windows = [{ value: "1", label: "last hour" }, { value: "24", label: "last day" }, { value: "168", label: "last week" }];

/** "prv_1:offline,prv_2:slow_x3": a scenario that can be sent to somebody. */
function read(text: string | undefined): Map<string, RehearseFault> {
  const pairs = (text ?? "").split(",").map(each => each.split(":")).filter(([id, fault]) => id && faults.some(each => each.value && each.value === fault));
  return new Map(pairs.map(([id, fault]) => [id!, fault as RehearseFault]));
}
const write = (scenario: Map<string, RehearseFault>) => [...scenario].map(([id, fault]) => `${id}:${fault}`).join(",");

function Switches({ providers, scenario, set }: { providers: Provider[]; scenario: Map<string, RehearseFault>; set: (next: Map<string, RehearseFault>) => void }) {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }}>
      {providers.map(provider => (
        <Select key={provider.id} label={provider.name} allowDeselect={false} data={faults} value={scenario.get(provider.id) ?? ""}
          onChange={fault => { const next = new Map(scenario); if (fault) next.set(provider.id, fault as RehearseFault); else next.delete(provider.id); set(next); }} />
      ))}
    </SimpleGrid>
  );
}

const LANE = 30, WIDTH = 1000, LABEL = 200;
const shareText = (share: number) => `${Math.round(share * 100)} %`;

/** Two bars for each provider: before in grey, after in colour. */
function Landing({ before, after }: { before: RehearsedSide; after: RehearsedSide }) {
  const rows = after.landing.map((to, at) => ({ name: to.provider.name, from: before.landing[at]?.share ?? 0, to: to.share })).filter(row => row.from > 0 || row.to > 0);
  if (rows.length === 0) return <Text size="sm">Nowhere: no request was answered.</Text>;
  const x = (share: number) => Math.max(1, share * (WIDTH - LABEL - 130));
  return (
    <div style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label="Landing before and after">
      <svg viewBox={`0 0 ${WIDTH} ${rows.length * LANE}`} width="100%" style={{ minWidth: 560 }} role="img"
        aria-label={rows.map(row => `${row.name}: ${shareText(row.from)} before, ${shareText(row.to)} after`).join("; ")}>
        {rows.map((row, at) => (
          <g key={row.name} transform={`translate(0 ${at * LANE})`}>
            <text x={0} y={19} fontSize={14} fill="currentColor">{row.name.slice(0, 26)}</text>
            <rect x={LABEL} y={4} height={9} width={x(row.from)} fill="var(--mantine-color-gray-5)" rx={2} />
            <rect x={LABEL} y={15} height={9} width={x(row.to)} fill="var(--mantine-color-indigo-6)" rx={2} />
            <text x={WIDTH} y={19} fontSize={13} fill="currentColor" textAnchor="end">{shareText(row.from)} → {shareText(row.to)}</text>
          </g>
        ))}
      </svg>
    </div>
  );
}

interface Compared { name: string; before: string; after: string }
const compared: Column<Compared>[] = [
  { label: "Figure", cell: row => row.name }, { label: "Before", right: true, cell: row => row.before }, { label: "After", right: true, cell: row => row.after },
];

function facts({ before, after }: Rehearsed): Compared[] {
  const row = (name: string, text: (side: RehearsedSide) => string) => ({ name, before: text(before), after: text(after) });
  return [
    row("Answered", side => countText(side.landed)),
    row("Left without an answer", side => `${countText(side.refused)}${side.refusals.length ? ` (${side.refusals.map(each => `${reasonText(each.reason)}: ${each.jobs}`).join(", ")})` : ""}`),
    row("Failed over", side => countText(side.failovers)),
    row("Cost an hour", side => `${moneyText(side.cost_microusd_per_hour)}${side.unpriced_jobs ? `, ${countText(side.unpriced_jobs)} without a price` : ""}`),
    row("Cost a month", side => moneyText(side.cost_microusd_per_month)),
    row("Waited for a slot", side => (side.waits.jobs ? `${countText(side.waits.jobs)}, half under ${durationText(side.waits.p50_ms)}, 95 % under ${durationText(side.waits.p95_ms)}` : "nobody")),
  ];
}

function Stranded({ stranded }: { stranded: Rehearsed["stranded"] }) {
  const columns: Column<Rehearsed["stranded"][number]>[] = [
    { label: "Who", cell: it => `${it.kind} ${it.name}` },
    { label: "Jobs", right: true, cell: it => countText(it.jobs) },
    { label: "What would help", cell: it => it.fix },
  ];
  return <Section title="Left with nothing"><Rows label="Left with nothing" columns={columns} rows={stranded} keyOf={it => `${it.kind}-${it.id}-${it.model ?? ""}`} /></Section>;
}

function Outcome({ rehearsed }: { rehearsed: Rehearsed }) {
  const { window } = rehearsed;
  return (
    <Stack gap="md">
      <Paper withBorder p="md"><Text fw={600} role="status">{rehearsed.sentence}</Text>
        <Text size="sm" c="dimmed" mt={4}>{countText(window.rehearsed)} requests{window.sampled && ` of about ${countText(window.jobs)}`}; {countText(window.as_recorded)} land before where they really landed{window.without_shape ? `; ${countText(window.without_shape)} of an older version are routed by model alone` : ""}.</Text>
        {rehearsed.notes.map(note => <Text key={note} size="sm" c="dimmed">{note}</Text>)}</Paper>
      <Section title="Where they land"><Landing before={rehearsed.before} after={rehearsed.after} /></Section>
      <Rows label="Before and after" columns={compared} rows={facts(rehearsed)} keyOf={row => row.name} />
      {rehearsed.stranded.length > 0 && <Stranded stranded={rehearsed.stranded} />}
    </Stack>
  );
}

export function Rehearse() {
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as { faults?: string; hours?: string };
  const [opened] = useState(Date.now);
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const scenario = read(search.faults), hours = windows.find(each => each.value === search.hours)?.value ?? "24";
  const show = (next: { faults?: string; hours?: string }) => void navigate({ to: "/routing" as never, search: { tab: "rehearse", hours, faults: write(scenario) || undefined, ...next } as never, replace: true });
  const outcome = useQuery({
    queryKey: ["routing_rehearse", write(scenario), hours, opened],
    queryFn: () => ask("routing_rehearse", { body: { since: opened - Number(hours) * HOUR_MS, until: opened, faults: [...scenario].map(([provider, fault]) => ({ provider, fault })) } }),
    placeholderData: before => before,
  });
  return (
    <Stack gap="md">
      <Text size="sm">Nothing is sent to any provider: the recorded requests go once more through the same routing, with slots and queue.</Text>
      <Group align="flex-end"><Select label="Requests of the" data={windows} value={hours} allowDeselect={false} onChange={value => show({ hours: value ?? undefined })} />
        {scenario.size > 0 && <Button variant="default" onClick={() => show({ faults: undefined })}>As it is</Button>}</Group>
      <Switches providers={providers} scenario={scenario} set={next => show({ faults: write(next) || undefined })} />
      <ProblemNote error={outcome.error} retry={() => void outcome.refetch()} />
      {outcome.isPending && <Loading />}
      {outcome.data && <Outcome rehearsed={outcome.data} />}
    </Stack>
  );
}
