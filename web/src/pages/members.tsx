// People: who is here, as what, and who is invited; and accounts of programs.
import { Badge, Button, Group, Modal, Select, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Invitation, InvitationMade, ServiceAccount, User, UserRole } from "../api/contract";
import { refresh, said } from "../app/queries";
import { useCaller } from "../app/session";
import { CopyField } from "../parts/copy";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Age, Moment } from "../parts/since";
import { Rows, type Column } from "../parts/table";
import { Disable, NewLink } from "./member_actions";
import { Roles } from "./member_roles";

const useRoles = () => (useCaller().role === "owner" ? ["member", "admin", "owner"] : ["member", "admin"]);

function InviteForm({ done }: { done: (made: InvitationMade) => void }) {
  const roles = useRoles();
  const teams = useQuery(said("teams_list")).data?.items ?? [];
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<string | null>("member");
  const [team, setTeam] = useState<string | null>(null);
  const invite = useMutation({
    mutationFn: () => ask("invitations_create", { body: { ...(email ? { email } : {}), role: role as UserRole, ...(team ? { team } : {}) } }),
    onSuccess: async made => { await refresh("invitations_list"); done(made); },
  });
  return (
    <form onSubmit={event => { event.preventDefault(); invite.mutate(); }}>
      <Stack gap="sm">
        <TextInput label="E-mail" type="email" description="Empty: whoever has the link." value={email} onChange={event => setEmail(event.currentTarget.value)} data-autofocus />
        <Select label="Role" data={roles} allowDeselect={false} value={role} onChange={setRole} />
        <Select label="Team" clearable data={teams.map(each => ({ value: each.id, label: each.name }))} value={team} onChange={setTeam} />
        <ProblemNote error={invite.error} />
        <Button type="submit" loading={invite.isPending}>Make the link</Button>
      </Stack>
    </form>
  );
}

/** Its button is never disabled: the focus would be lost, and the modal could not give it back. */
function ResetLink({ user }: { user: User }) {
  const make = useMutation({ mutationFn: () => ask("password_resets_create", { at: { id: user.id } }) });
  return (
    <>
      <Button size="compact-xs" variant="default" aria-label={`New password for ${user.name}`} onClick={() => { if (!make.isPending) make.mutate(); }}>New password</Button>
      <Modal opened={make.data !== undefined || make.isError} onClose={make.reset} title={`A new password for ${user.name}`}>
        {make.data && <CopyField label="Hand over this link; it works once, for a day" value={make.data.link} />}
        <ProblemNote error={make.error} />
      </Modal>
    </>
  );
}

function People() {
  const caller = useCaller();
  const roles = useRoles();
  const users = useQuery(said("users_list"));
  const again = () => refresh("users_list");
  const change = useMutation({ mutationFn: (given: { id: string; body: { role?: UserRole; disabled?: boolean } }) => ask("users_update", { at: { id: given.id }, body: given.body }), onSettled: again });
  const end = useMutation({ mutationFn: (id: string) => ask("users_sessions_end", { at: { id } }), onSuccess: again });
  const isSelf = (user: User) => user.id === caller.user?.id;
  const columns: Column<User>[] = [
    { label: "Name", cell: user => <>{user.name} {user.disabled && <Badge size="sm" variant="light" color="gray">disabled</Badge>}</> },
    { label: "E-mail", cell: user => user.email },
    { label: "Role", cell: user => roles.includes(user.role)
      ? <Select aria-label={`Role of ${user.name}`} size="xs" w={120} allowDeselect={false} disabled={isSelf(user)} data={roles} value={user.role} onChange={role => change.mutate({ id: user.id, body: { role: role as UserRole } })} />
      : user.role },
    { label: "Teams", cell: user => user.teams.map(team => team.name ?? team.id).join(", ") || "none" },
    { label: "Last seen", cell: user => <Age at={user.last_seen_ms} /> },
    { label: "Actions", right: true, cell: user => !isSelf(user) && (
      <Group gap={4} justify="flex-end">
        <ResetLink user={user} />
        {user.sessions > 0 && <Button size="compact-xs" variant="default" aria-label={`Sign out ${user.name}`} onClick={() => end.mutate(user.id)}>Sign out</Button>}
        <Disable user={user} set={disabled => change.mutate({ id: user.id, body: { disabled } })} />
      </Group>
    ) },
  ];
  if (users.error) return <ProblemNote error={users.error} retry={() => void users.refetch()} />;
  if (!users.data) return <Loading />;
  return <><ProblemNote error={change.error ?? end.error} /><Rows label="People" columns={columns} rows={users.data.items} keyOf={user => user.id} /></>;
}

function Invited({ done }: { done: (made: InvitationMade) => void }) {
  const list = useQuery(said("invitations_list"));
  const revoke = useMutation({ mutationFn: (id: string) => ask("invitations_revoke", { at: { id } }), onSuccess: () => refresh("invitations_list") });
  const columns: Column<Invitation>[] = [
    { label: "For", cell: it => it.email ?? "whoever has the link" },
    { label: "Role", cell: it => it.role },
    { label: "Team", cell: it => it.team?.name ?? "none" },
    { label: "Made", cell: it => <><Age at={it.created_at_ms} /> ago</> },
    { label: "Ends", cell: it => <Moment at={it.expires_at_ms} /> },
    { label: "Actions", right: true, cell: it => <Group gap={4} justify="flex-end"><NewLink item={it} done={done} /><Button size="compact-xs" variant="default" color="red" aria-label={`Revoke the invitation for ${it.email ?? "whoever has the link"}`} onClick={() => revoke.mutate(it.id)}>Revoke</Button></Group> },
  ];
  if (list.error) return <ProblemNote error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Loading rows={2} />;
  if (list.data.items.length === 0) return <Empty title="Nobody is invited"><Text>An invitation is a link that works once.</Text></Empty>;
  return <><ProblemNote error={revoke.error} /><Rows label="Invitations" columns={columns} rows={list.data.items} keyOf={it => it.id} /></>;
}

function Accounts() {
  const accounts = useQuery(said("service_accounts_list"));
  const teams = useQuery(said("teams_list")).data?.items ?? [];
  const [name, setName] = useState("");
  const [team, setTeam] = useState<string | null>(null);
  const again = () => refresh("service_accounts_list");
  const create = useMutation({ mutationFn: () => ask("service_accounts_create", { body: { name: name.trim(), team: team! } }), onSuccess: () => { setName(""); return again(); } });
  const remove = useMutation({ mutationFn: (id: string) => ask("service_accounts_delete", { at: { id } }), onSuccess: again });
  const columns: Column<ServiceAccount>[] = [
    { label: "Name", cell: it => it.name },
    { label: "Team", cell: it => teams.find(each => each.id === it.team)?.name ?? it.team },
    { label: "Created", cell: it => <Moment at={it.created_at_ms} /> },
    { label: "Actions", right: true, cell: it => <Button size="compact-xs" variant="default" color="red" aria-label={`Delete ${it.name}`} onClick={() => remove.mutate(it.id)}>Delete</Button> },
  ];
  return (
    <Stack gap="sm">
      <Text size="sm">For programs: they do not sign in, and their keys outlive whoever made them.</Text>
      {accounts.data && accounts.data.items.length > 0 && <Rows label="Service accounts" columns={columns} rows={accounts.data.items} keyOf={it => it.id} />}
      <form onSubmit={event => { event.preventDefault(); create.mutate(); }}>
        <Group align="flex-end">
          <TextInput label="Name" required value={name} onChange={event => setName(event.currentTarget.value)} />
          <Select label="Team" required data={teams.map(each => ({ value: each.id, label: each.name }))} value={team} onChange={setTeam} />
          <Button type="submit" variant="default" disabled={!team} loading={create.isPending}>Create</Button>
        </Group>
      </form>
      <ProblemNote error={accounts.error ?? create.error ?? remove.error} />
    </Stack>
  );
}

export function MembersPage() {
  const navigate = useNavigate();
  const { tab } = useSearch({ strict: false }) as { tab?: string };
  const [isInviting, setInviting] = useState(false);
  const [made, setMade] = useState<InvitationMade | null>(null);
  const close = () => { setInviting(false); setMade(null); };
  return (
    <Page title="Members" actions={<Button leftSection={<IconPlus size={16} />} onClick={() => setInviting(true)}>Invite</Button>}>
      <Tabs value={tab ?? "people"} keepMounted={false} onChange={next => void navigate({ to: "/settings/members" as never, search: (next && next !== "people" ? { tab: next } : {}) as never })}>
        <Tabs.List mb="md"><Tabs.Tab value="people">People</Tabs.Tab><Tabs.Tab value="invited">Invited</Tabs.Tab><Tabs.Tab value="accounts">Service accounts</Tabs.Tab><Tabs.Tab value="roles">Roles</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="people"><People /></Tabs.Panel>
        <Tabs.Panel value="invited"><Invited done={setMade} /></Tabs.Panel>
        <Tabs.Panel value="roles"><Roles /></Tabs.Panel>
        <Tabs.Panel value="accounts"><Accounts /></Tabs.Panel>
      </Tabs>
      <Modal opened={isInviting || made !== null} onClose={close} title={made ? "The invitation" : "Invite"}>
        {made ? <CopyField label="Send this link; it works once, and is not shown again" value={made.link} /> : <InviteForm done={setMade} />}
      </Modal>
    </Page>
  );
}
