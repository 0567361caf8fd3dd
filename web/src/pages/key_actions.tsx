// What is done to a key: another secret, while the old one goes on for a while; or its end, after a look at who would be cut off.
import { Anchor, Button, Group, List, Modal, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Key, KeyMade } from "../api/contract";
import { refresh, said } from "../app/queries";
import { countText } from "../parts/numbers";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";

const WEEK_MS = 7 * 86_400_000;

/** What called with it in the last seven days, by model: the same sums as the usage page has. */
function Callers({ item, since }: { item: Key; since: number }) {
  const usage = useQuery(said("usage_read", { query: { key: item.id, group_by: "model", since } }));
  if (usage.error) return <ProblemNote error={usage.error} retry={() => void usage.refetch()} />;
  if (!usage.data) return <Loading rows={2} />;
  const { totals, items } = usage.data;
  if (totals.jobs === 0) return <Text>Nobody called with it in the last 7 days{item.last_used_at_ms !== null && <>; it was last used at <Moment at={item.last_used_at_ms} /></>}.</Text>;
  return (
    <>
      <Text>{countText(totals.jobs)} {totals.jobs === 1 ? "request" : "requests"} in the last 7 days{item.last_used_at_ms !== null && <>, the last at <Moment at={item.last_used_at_ms} /></>}:</Text>
      <List size="sm">
        {items.map(each => <List.Item key={each.group.id ?? ""}><span className="mono">{each.group.name ?? each.group.id ?? "no model"}</span>: {countText(each.jobs)}</List.Item>)}
      </List>
      <Anchor component={Link} size="sm" to={"/audit/jobs" as never} search={{ key: item.id, since: String(since) } as never}>These requests</Anchor>
    </>
  );
}

function Revoke({ item, close }: { item: Key; close: () => void }) {
  const [since] = useState(() => Date.now() - WEEK_MS);
  const revoke = useMutation({ mutationFn: () => ask("keys_revoke", { at: { id: item.id } }), onSuccess: async () => { await refresh("keys_list"); close(); } });
  return (
    <Stack gap="sm">
      <Text>{item.name}, {item.user_name ?? item.service_account_name ?? item.team_name ?? "nobody’s"}. Whoever calls with it is refused from then on, and what runs is cut.</Text>
      <Callers item={item} since={since} />
      <ProblemNote error={revoke.error} />
      <Group>
        <Button color="red" loading={revoke.isPending} onClick={() => revoke.mutate()}>Revoke it</Button>
        <Button variant="default" onClick={close}>Keep it</Button>
      </Group>
    </Stack>
  );
}

export function KeyActions({ item, shown }: { item: Key; shown: (made: KeyMade) => void }) {
  const [isAsking, setAsking] = useState(false);
  const rotate = useMutation({ mutationFn: () => ask("keys_rotate", { at: { id: item.id }, body: {} }), onSuccess: async made => { await refresh("keys_list"); shown(made as KeyMade); } });
  return (
    <>
      <Group gap={4} justify="flex-end">
        <Button size="compact-xs" variant="default" aria-label={`Rotate ${item.name}`} aria-busy={rotate.isPending} onClick={() => { if (!rotate.isPending) rotate.mutate(); }}>{/* never disabled: the modal gives the focus back to it */}Rotate</Button>
        <Button size="compact-xs" variant="default" color="red" aria-label={`Revoke ${item.name}`} onClick={() => setAsking(true)}>Revoke</Button>
      </Group>
      <ProblemNote error={rotate.error} />
      <Modal opened={isAsking} onClose={() => setAsking(false)} title={`Revoke ${item.name}?`}>{isAsking && <Revoke item={item} close={() => setAsking(false)} />}</Modal>
    </>
  );
}
