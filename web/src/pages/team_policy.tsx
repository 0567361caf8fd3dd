// A team's policy, field by field: what may be used saves itself, after the dry run has told what that would move; budgets are
// saved by a button.
import { Button, Group, NumberInput, Select, Stack, Switch, TagsInput, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Policy, PolicyChange, Team, Tier } from "../api/contract";
import { queries, refresh, said } from "../app/queries";
import { useAutoSave } from "../parts/auto_save";
import { foresee, isStale } from "../parts/foresee";
import { ManyField } from "../parts/many_field";
import { NumberField } from "../parts/number_field";
import { ProblemNote } from "../parts/problem";
import { SaveState } from "../parts/save_state";
import type { Saver, Seen } from "../parts/saver";

const MICRO = 1_000_000;
const NOT_JUDGED = "What it would have moved cannot be told: the dry run knows no limits of teams.";
const tiers: Tier[] = ["gpu", "cli", "cloud"];
const seenOf = (team: Team): Seen<Team> => ({ item: team, rev: team.rev });
const listText = (value: string[] | null) => (value === null ? "all" : value.length ? value.join(", ") : "none");

async function write(team: Team, policy: NonNullable<PolicyChange>, rev: number) {
  const now = await ask("teams_update", { at: { id: team.id }, rev, body: { policy } });
  queries.setQueryData(said("teams_read", { at: { id: team.id } }).queryKey, now);
  void refresh("teams_read", "teams_list", "team_limits", "team_access");
  return seenOf(now);
}

interface Facts<Value> { label: string; blind?: string; text?: (value: Value) => string }

function usePolicyField<Name extends keyof Policy>(team: Team, name: Name, facts: Facts<Policy[Name]>): Saver<Team, Policy[Name]> {
  const changeOf = (value: Policy[Name]) => ({ [name]: value }) as NonNullable<PolicyChange>;
  return useAutoSave<Team, Policy[Name]>(`${team.id} ${name}`, {
    ...facts,
    of: it => it.policy[name],
    read: async () => seenOf(await ask("teams_read", { at: { id: team.id } })),
    write: (value, seen) => write(team, changeOf(value), seen.rev),
    isStale,
    foresee: facts.blind ? undefined : value => foresee({ teams: [{ team: team.id, policy: changeOf(value) }] }),
  }, seenOf(team));
}

/** All, or only some; what is taken from all of them is left out, one by one. */
function Only({ saver, label, name, data, all }: { saver: Saver<Team, any>; label: string; name: string; data: { value: string; label: string }[]; all: string[] }) { // eslint-disable-line -- tiers or ids
  return (
    <Stack gap={6}>
      <Group align="flex-end">
        <Switch label={label} checked={saver.value !== null} onChange={event => saver.set(event.currentTarget.checked ? all : null)} />
        {saver.value !== null && <ManyField aria-label={name} searchable data={data} saver={saver} />}
      </Group>
      <SaveState saver={saver} />
    </Stack>
  );
}

function OnlyModels({ team }: { team: Team }) {
  const saver = usePolicyField(team, "allowed_models", { label: "Models", text: listText });
  return (
    <Stack gap={6}>
      <Group align="flex-end">
        <Switch label="Only some models" checked={saver.value !== null} onChange={event => saver.set(event.currentTarget.checked ? ["*"] : null)} />
        {saver.value !== null && <TagsInput aria-label="Models" placeholder="gpt-*" value={saver.value} onChange={value => saver.hold(value)} onBlur={() => saver.flush()} />}
      </Group>
      <SaveState saver={saver} />
    </Stack>
  );
}

function Limit({ team, name, label }: { team: Team; name: "requests_per_minute" | "tokens_per_minute" | "max_concurrent" | "max_output_tokens"; label: string }) {
  return <NumberField label={label} placeholder="no limit" saver={usePolicyField(team, name, { label, blind: NOT_JUDGED })} />;
}

function ServiceClass({ team }: { team: Team }) {
  const saver = usePolicyField(team, "service_class", { label: "Class" });
  return (
    <Stack gap={6}>
      <Select label="Class" w={200} allowDeselect={false} data={["interactive", "batch"]} value={saver.value} onChange={value => saver.set(value as Policy["service_class"])} />
      <SaveState saver={saver} />
    </Stack>
  );
}

// Money is never saved by itself: a button, and the server's word.
function Budget({ team }: { team: Team }) {
  const { budget_microusd_per_month: hard, budget_soft_microusd_per_month: soft } = team.policy;
  const [changed, setChanged] = useState<{ hard?: number | null; soft?: number | null }>({}); /* the rest is what the server has */
  const draft = { hard, soft, ...changed };
  const save = useMutation({
    mutationFn: () => write(team, {
      ...("hard" in changed && { budget_microusd_per_month: changed.hard ?? null }), ...("soft" in changed && { budget_soft_microusd_per_month: changed.soft ?? null }),
    }, team.rev),
    onSuccess: () => setChanged({}),
  });
  const money = (label: string, name: "hard" | "soft") => (
    <NumberInput label={label} placeholder="no limit" min={0} decimalScale={6} prefix="$" w={200} value={draft[name] === null ? "" : draft[name]! / MICRO}
      onChange={value => setChanged(now => ({ ...now, [name]: value === "" ? null : Math.round(Number(value) * MICRO) }))} />
  );
  return (
    <form onSubmit={event => { event.preventDefault(); save.mutate(); }}>
      <Stack gap="sm">
        <Group align="flex-end">{money("Budget a month", "hard")}{money("Warn from", "soft")}
          <Button type="submit" variant="default" loading={save.isPending}>Save the budget</Button>{save.isSuccess && <Text size="sm" role="status">Saved; in force now.</Text>}</Group>
        <Text size="sm" c="dimmed">Money is not saved by itself. The dry run knows no budgets: what one would have refused cannot be told before.</Text>
        <ProblemNote error={save.error} />
      </Stack>
    </form>
  );
}

export function PolicyFields({ team }: { team: Team }) {
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const nameOf = (id: string) => providers.find(each => each.id === id)?.name ?? id;
  const ofTiers = usePolicyField(team, "allowed_tiers", { label: "Tiers", text: listText });
  const ofProviders = usePolicyField(team, "allowed_providers", { label: "Providers", text: value => listText(value && value.map(nameOf)) });
  return (
    <Stack gap="sm">
      <Only saver={ofTiers} label="Only some tiers" name="Tiers" data={tiers.map(tier => ({ value: tier, label: tier }))} all={tiers} />
      <Only saver={ofProviders} label="Only some providers" name="Providers" data={providers.map(each => ({ value: each.id, label: each.name }))} all={providers.map(each => each.id)} />
      <OnlyModels team={team} />
      <Group align="flex-start">
        <Limit team={team} name="requests_per_minute" label="Requests a minute" /><Limit team={team} name="tokens_per_minute" label="Tokens a minute" />
        <Limit team={team} name="max_concurrent" label="At once" /><Limit team={team} name="max_output_tokens" label="Longest answer, tokens" />
        <ServiceClass team={team} />
      </Group>
      <Budget team={team} />
    </Stack>
  );
}
