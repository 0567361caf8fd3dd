// What is done to a person's account, and to an invitation; each says what it takes along.
import { Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Invitation, InvitationMade, User } from "../api/contract";
import { refresh, said } from "../app/queries";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Age } from "../parts/since";

function Keys({ user }: { user: User }) {
  const keys = useQuery(said("keys_list", { query: { user: user.id, limit: 200 } }));
  if (keys.error) return <ProblemNote error={keys.error} retry={() => void keys.refetch()} />;
  if (!keys.data) return <Loading rows={2} />;
  const { items } = keys.data;
  if (items.length === 0) return <Text>No API key goes with it.</Text>;
  return (
    <>
      <Text>{items.length === 1 ? "One API key stops" : `${items.length} API keys stop`} with it, until the account is enabled again:</Text>
      <List size="sm">{items.map(key => <List.Item key={key.id}>{key.name} <span className="mono">{key.hint}</span>, last used {key.last_used_at_ms === null ? "never" : <><Age at={key.last_used_at_ms} /> ago</>}</List.Item>)}</List>
      <Text size="sm">What is to go on belongs to a team or a service account: make a key there first.</Text>
    </>
  );
}

/** To enable is harmless; to disable is asked, with what goes along. */
export function Disable({ user, set }: { user: User; set: (isDisabled: boolean) => void }) {
  const [isAsking, setAsking] = useState(false);
  const word = user.disabled ? "Enable" : "Disable";
  return (
    <>
      <Button size="compact-xs" variant="default" aria-label={`${word} ${user.name}`} onClick={() => (user.disabled ? set(false) : setAsking(true))}>{word}</Button>
      <Modal opened={isAsking} onClose={() => setAsking(false)} title={`Disable ${user.name}?`}>
        {isAsking && <Stack gap="sm">
          <Text>They are signed out and cannot sign in.</Text>
          <Keys user={user} />
          <Group>
            <Button color="red" onClick={() => { set(true); setAsking(false); }}>Disable the account</Button>
            <Button variant="default" onClick={() => setAsking(false)}>Leave it</Button>
          </Group>
        </Stack>}
      </Modal>
    </>
  );
}

/** A link is shown once and kept nowhere: whoever lost it gets a new one, and the old one ends. */
export function NewLink({ item, done }: { item: Invitation; done: (made: InvitationMade) => void }) {
  const who = item.email ?? "whoever has the link";
  const renew = useMutation({
    mutationFn: async () => {
      const made = await ask("invitations_create", { body: { role: item.role, ...(item.email ? { email: item.email } : {}), ...(item.team?.id ? { team: item.team.id, team_role: item.team.role } : {}) } });
      await ask("invitations_revoke", { at: { id: item.id } });
      return made;
    },
    onSuccess: done, onSettled: () => refresh("invitations_list"),
  });
  return (
    <>
      <Button size="compact-xs" variant="default" aria-label={`A new link for ${who}`} loading={renew.isPending} onClick={() => renew.mutate()}>New link</Button>
      <ProblemNote error={renew.error} />
    </>
  );
}
