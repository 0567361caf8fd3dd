// How much at once, how long to wait for it, how patient with it, and for whom. Saved when a field is left.
import { Group, MultiSelect, NumberInput, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Provider, Timeouts } from "../api/contract";
import { said } from "../app/queries";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { useChange } from "./provider";

const timeouts: { name: keyof Timeouts; label: string }[] = [
  { name: "connect_ms", label: "To connect" }, { name: "first_byte_ms", label: "To the first byte, streaming" },
  { name: "plain_ms", label: "To a plain answer" }, { name: "idle_ms", label: "Silence in a stream" },
];

function Field({ label, value, suffix, save }: { label: string; value: number; suffix?: string; save: (value: number) => void }) {
  return (
    <NumberInput key={value} label={label} w={200} min={0} allowDecimal={false} suffix={suffix} defaultValue={value}
      onBlur={event => { const next = parseInt(event.currentTarget.value, 10); if (next >= 0 && next !== value) save(next); }} />
  );
}

export function LimitsSection({ provider }: { provider: Provider }) {
  const change = useChange(provider);
  return (
    <Section title="Limits">
      <Stack gap="sm">
        <Group align="flex-end">
          <Field label="At once (0: no limit)" value={provider.max_concurrent} save={max_concurrent => change.mutate({ max_concurrent })} />
          <Field label="Wait for it when it is full" suffix=" ms" value={provider.wait_ms} save={wait_ms => change.mutate({ wait_ms })} />
        </Group>
        <Group align="flex-end">
          {timeouts.map(({ name, label }) => <Field key={name} label={label} suffix=" ms" value={provider.timeouts[name]} save={value => change.mutate({ timeouts: { [name]: value } })} />)}
        </Group>
        <Text size="sm" c="dimmed" role="status">{change.isPending ? "Saving…" : change.isSuccess ? "Saved" : ""}</Text>
        <ProblemNote error={change.error} />
      </Stack>
    </Section>
  );
}

export function TeamsSection({ provider }: { provider: Provider }) {
  const teams = useQuery(said("teams_list")).data?.items ?? [];
  const change = useChange(provider);
  const isForAll = provider.teams === null;
  return (
    <Section title="Who may use it">
      <Stack gap="sm">
        <Switch label="All teams" checked={isForAll} onChange={event => change.mutate({ teams: event.currentTarget.checked ? null : [] })} />
        {!isForAll && <MultiSelect label="Only these teams" searchable data={teams.map(each => ({ value: each.id, label: each.name }))} value={provider.teams ?? []} onChange={next => change.mutate({ teams: next })} />}
        {provider.teams?.length === 0 && <Text size="sm">Nobody may use it now.</Text>}
        <ProblemNote error={change.error} />
      </Stack>
    </Section>
  );
}
