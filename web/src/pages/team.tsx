// One team: its policy, in words and field by field; its meters as they stand; what it may use; who is in it.
import { Anchor, Button, Group, MultiSelect, NumberInput, Progress, Select, Stack, Switch, TagsInput, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { LimitsNow, Policy, PolicyChange, Team, TeamMember, Tier } from "../api/contract";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { countText, moneyText } from "../parts/numbers";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { policyText } from "./policy_words";

const WATCH_MS = 2_000, MICRO = 1_000_000;

function Meter({ label, used, limit, text }: { label: string; used: number | null; limit: number | null; text: string }) {
  const share = used !== null && limit ? Math.min(100, (used / limit) * 100) : 0;
  return (
    <Stack gap={2}>
      <Group justify="space-between"><Text size="sm">{label}</Text><Text size="sm">{text}</Text></Group>
      {limit !== null && <Progress value={share} color={share >= 90 ? "orange" : "indigo"} aria-label={`${label}: ${text}`} />}
    </Stack>
  );
}

function Meters({ now }: { now: LimitsNow }) {
  const { requests, tokens, concurrent, budget } = now;
  const of = (used: number | null, limit: number | null) => (limit === null ? "no limit" : `${countText(used)} of ${countText(limit)}`);
  return (
    <Stack gap="sm">
      <Meter label="Requests in the last minute" used={requests.used} limit={requests.limit} text={of(requests.used, requests.limit)} />
      <Meter label="Tokens in the last minute" used={tokens.used} limit={tokens.limit} text={of(tokens.used, tokens.limit)} />
      <Meter label="Running now" used={concurrent.running} limit={concurrent.limit} text={concurrent.limit === null ? countText(concurrent.running) : of(concurrent.running, concurrent.limit)} />
      <Meter label={`Spent in ${budget.month}`} used={budget.spent_microusd + budget.reserved_microusd} limit={budget.limit_microusd}
        text={`${moneyText(budget.spent_microusd)}${budget.reserved_microusd ? ` and ${moneyText(budget.reserved_microusd)} reserved` : ""}${budget.limit_microusd === null ? "" : ` of ${moneyText(budget.limit_microusd)}`}`} />
    </Stack>
  );
}

type Draft = Policy & { tiers_on: boolean; providers_on: boolean; models_on: boolean };
const draftOf = (policy: Policy): Draft => ({ ...policy, tiers_on: policy.allowed_tiers !== null, providers_on: policy.allowed_providers !== null, models_on: policy.allowed_models !== null });

function changeOf(draft: Draft): PolicyChange {
  const { tiers_on, providers_on, models_on, ...policy } = draft;
  return {
    ...policy, allowed_tiers: tiers_on ? (policy.allowed_tiers ?? []) : null, allowed_providers: providers_on ? (policy.allowed_providers ?? []) : null,
    allowed_models: models_on ? (policy.allowed_models ?? []) : null,
  };
}

// Budgets and rights are never saved by themselves: a button, and the server's word.
function PolicyForm({ team }: { team: Team }) {
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const [draft, setDraft] = useState(() => draftOf(team.policy));
  const set = (change: Partial<Draft>) => setDraft(now => ({ ...now, ...change }));
  const save = useMutation({
    mutationFn: () => ask("teams_update", { at: { id: team.id }, rev: team.rev, body: { policy: changeOf(draft) } }),
    onSuccess: () => refresh("teams_read", "teams_list", "team_limits", "team_access"),
  });
  const number = (label: string, name: "requests_per_minute" | "tokens_per_minute" | "max_concurrent" | "max_output_tokens") => (
    <NumberInput label={label} placeholder="no limit" min={0} allowDecimal={false} w={190} value={draft[name] ?? ""} onChange={value => set({ [name]: value === "" ? null : Number(value) })} />
  );
  const money = (label: string, name: "budget_microusd_per_month" | "budget_soft_microusd_per_month") => (
    <NumberInput label={label} placeholder="no limit" min={0} decimalScale={6} prefix="$" w={190} value={draft[name] === null ? "" : draft[name]! / MICRO} onChange={value => set({ [name]: value === "" ? null : Math.round(Number(value) * MICRO) })} />
  );
  return (
    <form onSubmit={event => { event.preventDefault(); save.mutate(); }}>
      <Stack gap="sm">
        <Group align="flex-end"><Switch label="Only some tiers" checked={draft.tiers_on} onChange={event => set({ tiers_on: event.currentTarget.checked })} />
          {draft.tiers_on && <MultiSelect aria-label="Tiers" data={["gpu", "cli", "cloud"]} value={draft.allowed_tiers ?? []} onChange={value => set({ allowed_tiers: value as Tier[] })} />}</Group>
        <Group align="flex-end"><Switch label="Only some providers" checked={draft.providers_on} onChange={event => set({ providers_on: event.currentTarget.checked })} />
          {draft.providers_on && <MultiSelect aria-label="Providers" searchable data={providers.map(each => ({ value: each.id, label: each.name }))} value={draft.allowed_providers ?? []} onChange={value => set({ allowed_providers: value })} />}</Group>
        <Group align="flex-end"><Switch label="Only some models" checked={draft.models_on} onChange={event => set({ models_on: event.currentTarget.checked })} />
          {draft.models_on && <TagsInput aria-label="Models" placeholder="gpt-*" value={draft.allowed_models ?? []} onChange={value => set({ allowed_models: value })} />}</Group>
        <Group align="flex-end">{number("Requests a minute", "requests_per_minute")}{number("Tokens a minute", "tokens_per_minute")}{number("At once", "max_concurrent")}{number("Longest answer, tokens", "max_output_tokens")}</Group>
        <Group align="flex-end">{money("Budget a month", "budget_microusd_per_month")}{money("Warn from", "budget_soft_microusd_per_month")}
          <Select label="Class" w={190} allowDeselect={false} data={["interactive", "batch"]} value={draft.service_class} onChange={value => set({ service_class: value as Policy["service_class"] })} /></Group>
        <Text size="sm" role="status">{policyText(changeOf(draft) as Policy, providers)}</Text>
        <ProblemNote error={save.error} />
        <Group><Button type="submit" loading={save.isPending}>Save the policy</Button>{save.isSuccess && <Text size="sm" role="status">Saved; in force now.</Text>}</Group>
      </Stack>
    </form>
  );
}

function Members({ team }: { team: Team }) {
  const caller = useCaller();
  const users = useQuery({ ...said("users_list"), enabled: isAdmin(caller) }).data?.items ?? [];
  const members = useQuery(said("team_members_list", { at: { id: team.id } }));
  const [who, setWho] = useState<string | null>(null);
  const again = () => refresh("team_members_list", "users_list");
  const put = useMutation({ mutationFn: (given: { user: string; role: "lead" | "member" }) => ask("team_members_put", { at: { id: team.id, user: given.user }, body: { role: given.role } }), onSuccess: again });
  const remove = useMutation({ mutationFn: (user: string) => ask("team_members_remove", { at: { id: team.id, user } }), onSuccess: again });
  const nameOf = (id: string) => users.find(user => user.id === id)?.name ?? id;
  const columns: Column<TeamMember>[] = [
    { label: "Who", cell: member => nameOf(member.user) },
    { label: "Role", cell: member => <Select aria-label={`Role of ${nameOf(member.user)}`} size="xs" w={120} allowDeselect={false} disabled={!isAdmin(caller)} data={["member", "lead"]} value={member.role} onChange={role => put.mutate({ user: member.user, role: role as "lead" | "member" })} /> },
    { label: "Actions", right: true, cell: member => <Button size="compact-xs" variant="default" color="red" aria-label={`Remove ${nameOf(member.user)}`} onClick={() => remove.mutate(member.user)}>Remove</Button> },
  ];
  const items = members.data?.items ?? [];
  return (
    <Stack gap="sm">
      {items.length > 0 ? <Rows label="Members" columns={columns} rows={items} keyOf={member => member.user} /> : <Text size="sm">Nobody is in it yet.</Text>}
      {isAdmin(caller) && (
        <Group align="flex-end">
          <Select label="Add" searchable clearable placeholder="a user" value={who} onChange={setWho} data={users.filter(user => !items.some(member => member.user === user.id)).map(user => ({ value: user.id, label: `${user.name} (${user.email})` }))} />
          <Button variant="default" disabled={!who} loading={put.isPending} onClick={() => { if (who) put.mutate({ user: who, role: "member" }, { onSuccess: () => setWho(null) }); }}>Add to the team</Button>
        </Group>
      )}
      <ProblemNote error={put.error ?? remove.error ?? members.error} />
    </Stack>
  );
}

function MayUse({ team }: { team: Team }) {
  const access = useQuery(said("team_access", { at: { id: team.id } }));
  const [model, setModel] = useState<string | null>(null);
  if (!access.data) return <ProblemNote error={access.error} />;
  const models = [...new Set(access.data.providers.flatMap(provider => provider.models.map(each => each.id)))].sort();
  return (
    <Stack gap="sm">
      <Select label="May it use this model?" searchable clearable w={320} data={models} value={model} onChange={setModel} />
      {access.data.providers.map(provider => {
        const found = model ? provider.models.find(each => each.id === model) : null;
        const it = found ?? provider;
        return model && !found ? null : <Group key={provider.id} gap="sm"><Status state={it.allowed ? "ok" : "refused"} /><Text size="sm">{provider.name}: {it.sentence}</Text></Group>;
      })}
    </Stack>
  );
}

export function TeamPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const caller = useCaller();
  const team = useQuery(said("teams_read", { at: { id } }));
  const limits = useQuery({ ...said("team_limits", { at: { id } }), refetchInterval: WATCH_MS });
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  if (team.error) return <Page title="Team"><ProblemNote error={team.error} retry={() => void team.refetch()} /></Page>;
  if (!team.data) return <Page title="Team"><Loading /></Page>;
  return (
    <Page title={team.data.name} actions={<Anchor component={Link} to={"/settings/teams" as never}>All teams</Anchor>}>
      <Stack gap="md">
        <Text>{policyText(team.data.policy, providers)}</Text>
        <Section title="Now">{limits.data ? <Meters now={limits.data} /> : <ProblemNote error={limits.error} />}</Section>
        {isAdmin(caller) && <Section title="Policy"><PolicyForm key={team.data.rev} team={team.data} /></Section>}
        <Section title="What may it use?"><MayUse team={team.data} /></Section>
        <Section title="Members"><Members team={team.data} /></Section>
      </Stack>
    </Page>
  );
}
