// Who answers Auto now, and who is asked first: saved when it is chosen, after the dry run has told what would move.
import { Group, Paper, Select, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ask } from "../api/client";
import type { Explained, Provider, Routing } from "../api/contract";
import { useWatch } from "../app/live";
import { queries, refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { useAutoSave } from "../parts/auto_save";
import { foresee, isStale } from "../parts/foresee";
import { ProblemNote } from "../parts/problem";
import { SaveState } from "../parts/save_state";
import type { Seen, Work } from "../parts/saver";

const WATCH_MS = 5_000;
type First = { provider: string; model: string | null } | null;
const seenOf = (routing: Routing): Seen<Routing> => ({ item: routing, rev: routing.version });

async function write(first: First, seen: Seen<Routing>) {
  const routing = await ask("routing_update", { rev: seen.rev, body: { auto: first } });
  queries.setQueryData(said("routing_read").queryKey, routing);
  void refresh("routing_read", "routing_explain");
  return seenOf(routing);
}

const workOf = (providers: Provider[]): Work<Routing, First> => ({
  label: "Auto asks first",
  of: ({ auto }) => auto && { provider: auto.provider, model: auto.model },
  read: async () => seenOf(await ask("routing_read")),
  write, isStale,
  foresee: first => foresee({ auto: first }),
  text: first => (first ? `${providers.find(each => each.id === first.provider)?.name ?? first.provider} first` : "GPU, then CLI, then cloud"),
});

function Choice({ routing, providers }: { routing: Routing; providers: Provider[] }) {
  const caller = useCaller();
  const saver = useAutoSave("auto", workOf(providers), seenOf(routing));
  return (
    <>
      <Group justify="space-between" align="flex-end" mb="xs">
        <Title order={2} size="h4" id="auto">Auto routing</Title>
        <Select aria-label="Auto asks first" w={260} allowDeselect={false} disabled={!isAdmin(caller)} value={saver.value?.provider ?? ""}
          onChange={provider => { if (provider !== (saver.value?.provider ?? "")) saver.set(provider ? { provider, model: null } : null); }}
          data={[{ value: "", label: "GPU, then CLI, then cloud" }, ...providers.map(each => ({ value: each.id, label: `${each.name} first` }))]} />
      </Group>
      <SaveState saver={saver} />
    </>
  );
}

function Outcome({ outcome }: { outcome: Explained }) {
  const candidates = outcome.candidates.filter(each => each.verdict !== "skipped"), first = candidates[0];
  return (
    <Text role="status">
      {first
        ? <>Auto answers from <strong>{first.provider.name}</strong>{first.model && <> with <span className="mono">{first.model}</span></>}
          {candidates.length > 1 && <>; if it fails, {candidates.slice(1, 4).map(each => each.provider.name).join(", then ")}</>}.</>
        : <>Nobody answers Auto: {outcome.sentence}</>}
    </Text>
  );
}

export function AutoRouting({ providers }: { providers: Provider[] }) {
  const watch = useWatch(WATCH_MS);
  const routing = useQuery({ ...said("routing_read"), refetchInterval: watch });
  const outcome = useQuery({
    queryKey: ["routing_explain", "auto"],
    queryFn: () => ask("routing_explain", { body: { model: "auto" } }),
    refetchInterval: watch,
  });
  return (
    <Paper withBorder p="md" mb="lg" component="section" aria-labelledby="auto">
      {routing.data ? <Choice routing={routing.data} providers={providers} /> : <Title order={2} size="h4" id="auto">Auto routing</Title>}
      {outcome.data && <Outcome outcome={outcome.data} />}
      <ProblemNote error={outcome.error} />
    </Paper>
  );
}
