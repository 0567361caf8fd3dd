// The first provider: added, then really tried, each step told as it is taken.
import { Button, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { said } from "../app/queries";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { emptyDraft, ProviderForm, type Draft } from "./provider_add";
import { CloudProbe, WorkerProbe } from "./setup_probe";
import type { Step } from "./setup";

const WATCH_MS = 2_000;

function Tried({ id, go, another }: { id: string; go: (step: Step, provider?: string) => void; another: () => void }) {
  const provider = useQuery({ ...said("providers_read", { at: { id } }), refetchInterval: WATCH_MS });
  if (provider.error) return <ProblemNote error={provider.error} retry={() => go("provider")} />;
  if (!provider.data) return <Loading rows={3} />;
  const Probe = provider.data.type === "gpu" || provider.data.type === "cli" ? WorkerProbe : CloudProbe;
  return (
    <>
      <Text>{provider.data.name} was added.</Text>
      <Probe key={id} provider={provider.data} />
      <Group>
        <Button disabled={provider.data.models.length === 0} onClick={() => go("models", id)}>Choose models</Button>
        <Button variant="default" onClick={another}>Add another one</Button>
        <Button variant="subtle" onClick={() => go("done")}>Later</Button>
      </Group>
    </>
  );
}

export function ProviderStep({ provider, go, draft, setDraft }: { provider?: string; go: (step: Step, provider?: string) => void; draft: Draft; setDraft: (draft: Draft) => void }) {
  if (provider) return <Tried id={provider} go={go} another={() => { setDraft(emptyDraft("")); go("provider"); }} />;
  return (
    <>
      <Text>A provider is what answers: a cloud, a GPU of yours, or a coding tool that runs headless. A GPU is enough; no network beyond yours is needed for it.</Text>
      <ProviderForm draft={draft} setDraft={setDraft} done={made => go("provider", made.id)} />
      <Group><Button variant="subtle" onClick={() => go("done")}>Skip for now</Button></Group>
    </>
  );
}
