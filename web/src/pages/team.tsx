// One team: its policy, in words and field by field; its meters as they stand; what it may use; who is in it.
import { Anchor, Button, Group, Progress, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { LimitsNow, Team, TeamMember } from "../api/contract";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { AutoSaving, LastSaved } from "../parts/auto_save";
import { countText, moneyText } from "../parts/numbers";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { policyText } from "./policy_words";
import { PolicyFields } from "./team_policy";
import { TeamWeek } from "./week_strip";

const WATCH_MS = 2_000;

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
  if (!team.data) return <Page title="Team">{team.error ? <ProblemNote error={team.error} retry={() => void team.refetch()} /> : <Loading />}</Page>;
  return (
    <AutoSaving key={id}>
      <Page title={team.data.name} actions={<><LastSaved /><Anchor component={Link} to={"/settings/teams" as never}>All teams</Anchor></>}>
        <Stack gap="md">
          <Text>{policyText(team.data.policy, providers)}</Text>
          <Section title="Now">{limits.data ? <Meters now={limits.data} /> : <ProblemNote error={limits.error} />}</Section>
          <TeamWeek team={team.data.id} budget={limits.data?.budget} />
          {isAdmin(caller) && <Section title="Policy"><PolicyFields team={team.data} /></Section>}
          <Section title="What may it use?"><MayUse team={team.data} /></Section>
          <Section title="Members"><Members team={team.data} /></Section>
        </Stack>
      </Page>
    </AutoSaving>
  );
}
