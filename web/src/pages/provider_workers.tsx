// The machines behind a gpu or cli provider, and the command by which another one joins.
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask } from "../api/client";
import type { Provider, Worker } from "../api/contract";
import { useWatch } from "../app/live";
import { refresh, said } from "../app/queries";
import { CopyField } from "../parts/copy";
import { ProblemNote } from "../parts/problem";
import { Age } from "../parts/since";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { Section } from "../parts/section";

const WATCH_MS = 2_000;

export function joinCommand(provider: Provider, key: string): string {
  const what = provider.type === "gpu" ? "--model model.gguf" : "--tool claude";
  return `AUXOT_WORKER_KEY=${key} auxot worker ${provider.type} --server ${location.origin} ${what}`;
}

const columns: Column<Worker>[] = [
  { label: "Worker", cell: worker => <>{worker.name ?? worker.id}{worker.version && <Text size="xs" c="dimmed">{worker.version}</Text>}</> },
  { label: "State", cell: worker => <Status state={worker.state} /> },
  { label: "Slots", cell: worker => `${worker.busy} of ${worker.slots}` },
  { label: "Heartbeat", cell: worker => <Age at={worker.last_heartbeat_ms} /> },
];

export function WorkersSection({ provider }: { provider: Provider }) {
  const watch = useWatch(WATCH_MS);
  const workers = useQuery({ ...said("workers_list"), refetchInterval: watch });
  const keys = useQuery(said("worker_keys_list", { at: { id: provider.id } }));
  const make = useMutation({ mutationFn: () => ask("worker_keys_create", { at: { id: provider.id }, body: {} }), onSuccess: () => refresh("worker_keys_list") });
  const revoke = useMutation({ mutationFn: (key: string) => ask("worker_keys_revoke", { at: { id: provider.id, key } }), onSuccess: () => refresh("worker_keys_list") });
  const ours = workers.data?.items.filter(worker => worker.provider.id === provider.id) ?? [];
  const joined = make.data && ours.find(worker => worker.key === make.data.id);
  return (
    <Section title="Workers">
      <Stack gap="sm">
        {ours.length > 0 && <Rows label="Workers" columns={columns} rows={ours} keyOf={worker => worker.id} />}
        {ours.length === 0 && <Text>No worker has joined yet.</Text>}
        <Group><Button variant="default" loading={make.isPending} onClick={() => make.mutate()}>Make a join command</Button></Group>
        {make.data && (
          <Stack gap="xs">
            <CopyField label="Run this on the machine; the key in it is shown only now" value={joinCommand(provider, make.data.key)} />
            <Text role="status">{joined ? `Connected: ${joined.name ?? joined.id}, ${joined.slots} slots.` : "Waiting for it to connect…"}</Text>
          </Stack>
        )}
        {keys.data && keys.data.items.length > 0 && (
          <Stack gap={4}>
            <Text size="sm" fw={600}>Keys of workers</Text>
            {keys.data.items.map(key => (
              <Group key={key.id} gap="sm"><Text size="sm" className="mono">{key.hint}</Text><Text size="sm">{key.name}</Text>
                <Button size="compact-xs" variant="default" color="red" aria-label={`Revoke ${key.hint}`} onClick={() => revoke.mutate(key.id)}>Revoke</Button></Group>
            ))}
          </Stack>
        )}
        <ProblemNote error={make.error ?? revoke.error ?? workers.error} />
      </Stack>
    </Section>
  );
}
