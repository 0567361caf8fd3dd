// How much at once, how long to wait for it, how patient with it, and for whom.
import { Group, Stack, Switch, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { Provider, Timeouts } from "../api/contract";
import { said } from "../app/queries";
import { ManyField } from "../parts/many_field";
import { NumberField } from "../parts/number_field";
import { SaveState } from "../parts/save_state";
import { Section } from "../parts/section";
import { useProviderField } from "./provider_field";

const NOT_JUDGED = "What it would have moved cannot be told: the dry run knows no time limits.";
const isGiven = (value: number | null) => value !== null && value >= 0;
const timeouts: { name: keyof Timeouts; label: string }[] = [
  { name: "connect_ms", label: "To connect" }, { name: "first_byte_ms", label: "To the first byte, streaming" },
  { name: "plain_ms", label: "To a plain answer" }, { name: "idle_ms", label: "Silence in a stream" },
];

function Limit({ provider, name, label, suffix }: { provider: Provider; name: "max_concurrent" | "wait_ms"; label: string; suffix?: string }) {
  const saver = useProviderField<number | null>(provider, name, { label, of: it => it[name], change: value => ({ [name]: value }), moves: true, isWhole: isGiven });
  return <NumberField label={label} suffix={suffix} saver={saver} />;
}

function Patience({ provider, name, label }: { provider: Provider; name: keyof Timeouts; label: string }) {
  const saver = useProviderField<number | null>(provider, name, { label, of: it => it.timeouts[name], change: value => ({ timeouts: { [name]: value } }), blind: NOT_JUDGED, isWhole: isGiven });
  return <NumberField label={label} suffix=" ms" saver={saver} />;
}

export function LimitsSection({ provider }: { provider: Provider }) {
  return (
    <Section title="Limits">
      <Stack gap="sm">
        <Group align="flex-start">
          <Limit provider={provider} name="max_concurrent" label="At once (0: no limit)" />
          <Limit provider={provider} name="wait_ms" label="Wait for it when it is full" suffix=" ms" />
        </Group>
        <Group align="flex-start">{timeouts.map(each => <Patience key={each.name} provider={provider} {...each} />)}</Group>
      </Stack>
    </Section>
  );
}

export function TeamsSection({ provider }: { provider: Provider }) {
  const teams = useQuery(said("teams_list")).data?.items ?? [];
  const nameOf = (id: string) => teams.find(each => each.id === id)?.name ?? id;
  const saver = useProviderField<string[] | null>(provider, "teams", {
    label: "Teams", of: it => it.teams, change: value => ({ teams: value }), moves: true,
    text: value => (value === null ? "all teams" : value.length ? value.map(nameOf).join(", ") : "no team"),
  });
  const isForAll = saver.value === null;
  return (
    <Section title="Teams">
      <Stack gap="sm">
        <Switch label="All teams" checked={isForAll} onChange={event => saver.set(event.currentTarget.checked ? null : [])} />
        {!isForAll && <ManyField label="Only these teams" searchable data={teams.map(each => ({ value: each.id, label: each.name }))} saver={saver} />}
        {saver.value?.length === 0 && <Text size="sm">With no team chosen nobody may use it.</Text>}
        <SaveState saver={saver} />
      </Stack>
    </Section>
  );
}
