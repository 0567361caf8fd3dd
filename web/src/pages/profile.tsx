// One's own name, password, keys of the keyboard, and where one is signed in.
import { Badge, Button, Group, Paper, PasswordInput, Stack, Switch, Table, TextInput, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import { areKeysOn, turnKeys } from "../app/keys";
import { refresh, said } from "../app/queries";
import { useCaller } from "../app/session";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Age, Moment } from "../parts/since";

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
  if (sessions.error) return <ProblemNote error={sessions.error} retry={() => void sessions.refetch()} />;
  if (!sessions.data) return <Loading rows={2} />;
  return (
    <Stack gap="sm">
      <Table className="cards" verticalSpacing="xs">
        <Table.Thead><Table.Tr><Table.Th>Browser</Table.Th><Table.Th>Address</Table.Th><Table.Th>Since</Table.Th><Table.Th>Last seen</Table.Th><Table.Th>End</Table.Th></Table.Tr></Table.Thead>
        <Table.Tbody>
          {sessions.data.items.map(session => (
            <Table.Tr key={session.id}>
              <Table.Td data-label="Browser">{session.agent || "unknown"} {session.current && <Badge size="sm" variant="light">this one</Badge>}</Table.Td>
              <Table.Td data-label="Address">{session.address}</Table.Td>
              <Table.Td data-label="Since"><Moment at={session.created_at_ms} /></Table.Td>
              <Table.Td data-label="Last seen"><Age at={session.last_seen_ms} /></Table.Td>
              <Table.Td data-label="End">{!session.current && <Button size="compact-xs" variant="default" onClick={() => end.mutate(session.id)}>Sign out</Button>}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
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
        <Paper withBorder p="md"><Title order={2} size="h4" mb="sm">You</Title><NameForm /></Paper>
        <Paper withBorder p="md"><Title order={2} size="h4" mb="sm">Password</Title><PasswordForm /></Paper>
        <Paper withBorder p="md"><Title order={2} size="h4" mb="sm">Sessions</Title><Sessions /></Paper>
        <Paper withBorder p="md"><Title order={2} size="h4" mb="sm">Keyboard</Title>
          <Switch checked={areOn} label="Single keys (g and a letter, /)" onChange={event => { turnKeys(event.currentTarget.checked); setOn(event.currentTarget.checked); }} /></Paper>
      </Stack>
    </Page>
  );
}
