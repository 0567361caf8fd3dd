// Settings → Providers: who answers Auto now, and everything that can answer, worst first.
import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { Provider } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { AutoSaving, LastSaved } from "../parts/auto_save";
import { durationText } from "../parts/numbers";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Age } from "../parts/since";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { AutoRouting } from "./auto_routing";
import { AddProvider } from "./provider_add";
import { typeNames } from "./provider_words";

const WATCH_MS = 5_000;
const severity = ["error", "offline", "over_quota", "degraded", "paused", "online"];
const worstFirst = (a: Provider, b: Provider) => severity.indexOf(a.status) - severity.indexOf(b.status) || a.created_at_ms - b.created_at_ms;

function Capacity({ provider }: { provider: Provider }) {
  if (provider.slots === 0) return <>{provider.in_flight} running</>;
  return <>{provider.busy} of {provider.slots}{provider.queue_depth > 0 && `, ${provider.queue_depth} waiting`}</>;
}

const columns: Column<Provider>[] = [
  {
    label: "Provider", cell: provider => <>
      <Anchor component={Link} to={`/settings/providers/${provider.id}` as never} fw={600}>{provider.name}</Anchor>
      <Text size="xs" c="dimmed">{typeNames[provider.type]}</Text>
    </>,
  },
  { label: "State", cell: provider => <><Status state={provider.status} />{provider.error && <Text size="xs" c="dimmed" maw={320}>{provider.error}</Text>}</> },
  { label: "Models", cell: provider => `${provider.models.filter(model => model.surfaced).length} of ${provider.models.length}` },
  { label: "Slots", cell: provider => <Capacity provider={provider} /> },
  { label: "First token", cell: provider => durationText(provider.latency_ms) },
  { label: "Last answer", cell: provider => <Age at={provider.last_heartbeat_ms} /> },
];

export function ProvidersPage() {
  const watch = useWatch(WATCH_MS);
  const caller = useCaller();
  const navigate = useNavigate();
  const { add } = useSearch({ strict: false }) as { add?: string };
  const providers = useQuery({ ...said("providers_list"), refetchInterval: watch });
  const show = (what: string | undefined) => void navigate({ to: "/settings/providers" as never, search: (what ? { add: what } : {}) as never });
  const items = [...(providers.data?.items ?? [])].sort(worstFirst);
  const adding = isAdmin(caller) && <Button leftSection={<IconPlus size={16} />} onClick={() => show("openai")}>Add provider</Button>;
  return (
    <AutoSaving>
      <Page title="Providers" actions={<><LastSaved />{adding}</>}>
        {providers.error && <ProblemNote error={providers.error} retry={() => void providers.refetch()} />}
        {providers.isPending && <Loading />}
        {providers.data && items.length > 0 && (
          <Stack gap={0}>
            <AutoRouting providers={items} />
            <Rows label="Providers" columns={columns} rows={items} keyOf={provider => provider.id} />
          </Stack>
        )}
        {providers.data && items.length === 0 && (
          <Empty title="No provider yet">
            <Text>A provider is what answers: a cloud's API, a GPU of yours, or a coding tool that runs headless.</Text>
            {isAdmin(caller)
              ? <Group>
                  <Button variant="default" onClick={() => show("openai")}>A cloud, with its API key</Button>
                  <Button variant="default" onClick={() => show("gpu")}>A GPU, with llama.cpp</Button>
                  <Button variant="default" onClick={() => show("cli")}>Claude Code, Codex or Cursor</Button>
                </Group>
              : <Text c="dimmed">An admin can add one.</Text>}
          </Empty>
        )}
        <AddProvider type={add} close={() => show(undefined)} />
      </Page>
    </AutoSaving>
  );
}
