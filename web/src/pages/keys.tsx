// API keys: whose, for what, last used; made here and shown once, with what to paste and a word when the first call arrives.
import { Badge, Button, Modal, MultiSelect, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Key, KeyMade, Scope } from "../api/contract";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { CopyField } from "../parts/copy";
import { More } from "../parts/more";
import { Empty, Loading, Page } from "../parts/page";
import { useList } from "../parts/pages";
import { ProblemNote } from "../parts/problem";
import { Age, Moment } from "../parts/since";
import { Rows, type Column } from "../parts/table";
import { KeyActions } from "./key_actions";
import { Snippets } from "./key_snippets";

const DAY_MS = 86_400_000, WATCH_MS = 2_000;
const scopes: { value: Scope; label: string }[] = [
  { value: "inference", label: "call models" }, { value: "read", label: "read jobs and usage" }, { value: "manage", label: "manage" },
];
const lives = [{ value: "", label: "never" }, { value: "30", label: "in 30 days" }, { value: "90", label: "in 90 days" }, { value: "365", label: "in a year" }];

function Made({ made }: { made: KeyMade }) {
  const now = useQuery({ ...said("keys_read", { at: { id: made.id } }), refetchInterval: WATCH_MS });
  const used = now.data?.last_used_at_ms ?? null;
  return (
    <Stack gap="sm">
      <CopyField label="The key: copy it now, it is not shown again" value={made.key} />
      <Snippets secret={made.key} />
      <Text role="status">{used !== null ? <>The first call has arrived, at <Moment at={used} />.</> : "Waiting for its first call…"}</Text>
    </Stack>
  );
}

function Form({ done }: { done: (made: KeyMade) => void }) {
  const caller = useCaller();
  const teams = useQuery(said("teams_list"));
  const [name, setName] = useState("");
  const [team, setTeam] = useState<string | null>(null);
  const [may, setMay] = useState<Scope[]>(["inference", "read"]);
  const [life, setLife] = useState<string | null>("");
  const create = useMutation({
    mutationFn: () => ask("keys_create", {
      body: {
        name: name.trim(), scopes: may, ...(team ? { team } : {}), ...(life ? { expires_at_ms: Date.now() + Number(life) * DAY_MS } : {}),
        ...(may.includes("manage") && isAdmin(caller) ? { role: "admin" as const } : {}),
      },
    }),
    onSuccess: async made => { await refresh("keys_list"); done(made); },
  });
  return (
    <form onSubmit={event => { event.preventDefault(); create.mutate(); }}>
      <Stack gap="sm">
        <TextInput label="Name" required placeholder="laptop" value={name} onChange={event => setName(event.currentTarget.value)} data-autofocus />
        <MultiSelect label="It may" data={scopes.filter(scope => scope.value !== "manage" || isAdmin(caller))} value={may} onChange={value => setMay(value as Scope[])} />
        <Select label="Who pays" clearable placeholder="my first team" data={teams.data?.items.map(each => ({ value: each.id, label: each.name })) ?? []} value={team} onChange={setTeam} />
        <Select label="It ends" data={lives} allowDeselect={false} value={life} onChange={setLife} />
        <ProblemNote error={create.error} />
        <Button type="submit" loading={create.isPending} disabled={may.length === 0}>Create</Button>
      </Stack>
    </form>
  );
}

export function KeysPage() {
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState<KeyMade | null>(null);
  const keys = useList("keys_list");
  const close = () => { setAdding(false); setMade(null); };
  const columns: Column<Key>[] = [
    { label: "Name", cell: key => <>{key.name} {key.role === "admin" && <Badge size="sm" variant="light">admin</Badge>}</> },
    { label: "Key", cell: key => <><span className="mono">{key.hint}</span>{key.previous_until_ms !== null && key.previous_until_ms > Date.now() && <Text size="xs" c="dimmed">the secret before it until <Moment at={key.previous_until_ms} /></Text>}</> },
    { label: "Whose", cell: key => key.user_name ?? key.service_account_name ?? (key.team_name ? `team ${key.team_name}` : "nobody’s") },
    { label: "May", cell: key => key.scopes.map(scope => scopes.find(each => each.value === scope)?.label ?? scope).join(", ") },
    { label: "Created", cell: key => <Moment at={key.created_at_ms} /> },
    { label: "Last used", cell: key => <Age at={key.last_used_at_ms} /> },
    { label: "Ends", cell: key => <Moment at={key.expires_at_ms} /> },
    { label: "Actions", right: true, cell: key => <KeyActions item={key} shown={setMade} /> },
  ];
  return (
    <Page title="Keys" actions={<Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>Create key</Button>}>
      <ProblemNote error={keys.error} retry={() => void keys.refetch()} />
      {keys.isPending && <Loading />}
      {keys.items.length > 0 && <Rows label="Keys" columns={columns} rows={keys.items} keyOf={key => key.id} />}
      {keys.data && keys.items.length === 0 && <Empty title="No key yet"><Text>A key lets a program call models here.</Text></Empty>}
      <More list={keys} />
      <Modal opened={isAdding || made !== null} onClose={close} title={made ? "Your key" : "Create key"} size="lg">
        {made ? <Made made={made} /> : <Form done={setMade} />}
      </Modal>
    </Page>
  );
}
