// Teams, each with what it may in words.
import { Anchor, Button, Modal, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Team } from "../api/contract";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { More } from "../parts/more";
import { Empty, Loading, Page } from "../parts/page";
import { useList } from "../parts/pages";
import { ProblemNote } from "../parts/problem";
import { Rows, type Column } from "../parts/table";
import { policyText } from "./policy_words";

function Form() {
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: () => ask("teams_create", { body: { name: name.trim() } }),
    onSuccess: async team => { await refresh("teams_list"); await navigate({ to: `/settings/teams/${team.id}` as never }); },
  });
  return (
    <form onSubmit={event => { event.preventDefault(); create.mutate(); }}>
      <Stack gap="sm">
        <TextInput label="Name" required value={name} onChange={event => setName(event.currentTarget.value)} data-autofocus />
        <ProblemNote error={create.error} />
        <Button type="submit" loading={create.isPending}>Create</Button>
      </Stack>
    </form>
  );
}

export function TeamsPage() {
  const caller = useCaller();
  const [isAdding, setAdding] = useState(false);
  const teams = useList("teams_list");
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const columns: Column<Team>[] = [
    { label: "Team", cell: team => <Anchor component={Link} to={`/settings/teams/${team.id}` as never} fw={600}>{team.name}</Anchor> },
    { label: "Policy", cell: team => policyText(team.policy, providers) },
  ];
  return (
    <Page title="Teams" actions={isAdmin(caller) && <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>Create team</Button>}>
      <ProblemNote error={teams.error} retry={() => void teams.refetch()} />
      {teams.isPending && <Loading />}
      {teams.items.length > 0 && <Rows label="Teams" columns={columns} rows={teams.items} keyOf={team => team.id} />}
      {teams.data && teams.items.length === 0 && <Empty title="No team yet"><Text>A team is who pays: its policy says which providers and models, how much a minute, and how much money a month.</Text></Empty>}
      <More list={teams} />
      <Modal opened={isAdding} onClose={() => setAdding(false)} title="Create team"><Form /></Modal>
    </Page>
  );
}
