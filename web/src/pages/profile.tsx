// One's own name, password, keys of the keyboard, and where one is signed in.
import { Badge, Button, Group, PasswordInput, Stack, Switch, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Session } from "../api/contract";
import { areKeysOn, turnKeys } from "../app/keys";
import { refresh, said } from "../app/queries";
import { useCaller } from "../app/session";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Age, Moment } from "../parts/since";
import { Rows, type Column } from "../parts/table";

function NameForm() {
  const caller = useCaller();
  const [name, setName] = useState(caller.user?.name ?? "");
  const save = useMutation({ mutationFn: () => ask("me_update", { body: { name } }), onSuccess: () => refresh("session_read") });
  return (
    <form onSubmit={event => { event.preventDefault(); save.mutate(); }}>
      <Group align="flex-end"><TextInput label="Name" value={name} onChange={event => setName(event.currentTarget.value)} flex={1} maw={360} />
        <Button type="submit" variant="default" loading={save.isPending} disabled={name === (caller.user?.name ?? "")}>Save</Button></Group>
      <ProblemNote error={save.error} />
    </form>
  );
}

function PasswordForm() {
  const [given, setGiven] = useState({ current: "", next: "" });
  const save = useMutation({
    mutationFn: () => ask("me_update", { body: { password: given.next, current_password: given.current } }),
    onSuccess: () => {
      setGiven({ current: "", next: "" });
      notifications.show({ message: "The password is changed; all other sessions have ended." });
      return refresh("me_sessions_list");
    },
  });
  return (
    <form onSubmit={event => { event.preventDefault(); save.mutate(); }}>
      <Stack gap="sm" maw={360}>
        <PasswordInput label="Present password" required autoComplete="current-password" value={given.current} onChange={event => { const { value } = event.currentTarget; setGiven(now => ({ ...now, current: value })); }} />
        <PasswordInput label="New password" required autoComplete="new-password" description="At least 12 characters." value={given.next} onChange={event => { const { value } = event.currentTarget; setGiven(now => ({ ...now, next: value })); }} />
        <ProblemNote error={save.error} />
        <Button type="submit" variant="default" loading={save.isPending}>Change the password</Button>
      </Stack>
    </form>
  );
}

function Sessions() {
  const sessions = useQuery(said("me_sessions_list"));
  const end = useMutation({ mutationFn: (id: string) => ask("me_session_end", { at: { id } }), onSuccess: () => refresh("me_sessions_list") });
  const endAll = useMutation({ mutationFn: () => ask("me_sessions_end"), onSuccess: () => location.assign("/sign-in") });
  const columns: Column<Session>[] = [
    { label: "Browser", cell: session => <>{session.agent || "unknown"} {session.current && <Badge size="sm" variant="light">this one</Badge>}</> },
    { label: "Address", cell: session => session.address },
    { label: "Since", cell: session => <Moment at={session.created_at_ms} /> },
    { label: "Last seen", cell: session => <Age at={session.last_seen_ms} /> },
    { label: "End", right: true, cell: session => !session.current && <Button size="compact-xs" variant="default" onClick={() => end.mutate(session.id)}>Sign out</Button> },
  ];
  if (sessions.error) return <ProblemNote error={sessions.error} retry={() => void sessions.refetch()} />;
  if (!sessions.data) return <Loading rows={2} />;
  return (
    <Stack gap="sm">
      <Rows label="Sessions" columns={columns} rows={sessions.data.items} keyOf={session => session.id} />
      <Group><Button variant="default" color="red" onClick={() => endAll.mutate()}>Sign out everywhere</Button></Group>
      <ProblemNote error={end.error ?? endAll.error} />
    </Stack>
  );
}

export function ProfilePage() {
  const [areOn, setOn] = useState(areKeysOn);
  return (
    <Page title="Profile">
      <Stack gap="lg">
        <Section title="You"><NameForm /></Section>
        <Section title="Password"><PasswordForm /></Section>
        <Section title="Sessions"><Sessions /></Section>
        <Section title="Keyboard">
          <Switch checked={areOn} label="Single keys (g and a letter, /)" onChange={event => { turnKeys(event.currentTarget.checked); setOn(event.currentTarget.checked); }} /></Section>
      </Stack>
    </Page>
  );
}
