// Which of its models callers see, and which answers Auto. Saved at once.
import { Button, Checkbox, Group, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { refresh, said } from "../app/queries";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import type { Step } from "./setup";

function Choice({ provider }: { provider: Provider }) {
  const change = useMutation({
    mutationFn: (body: { surfaced_models?: string[]; default_model?: string }) => ask("providers_update", { at: { id: provider.id }, body }),
    onSettled: () => refresh("providers_read", "providers_list", "models_list", "routing_explain", "health_summary"),
  });
  const shown = (change.isPending && change.variables.surfaced_models) || provider.models.filter(model => model.surfaced).map(model => model.id); /* as clicked, at once */
  const toggle = (id: string, on: boolean) => change.mutate({ surfaced_models: on ? [...shown, id] : shown.filter(each => each !== id) });
  return (
    <>
      <Select label="Answers Auto with" maw={360} searchable value={provider.default_model} placeholder="none" data={provider.models.map(model => model.id)} onChange={model => { if (model) change.mutate({ default_model: model }); }} />
      <Text size="sm" role="status">{change.isPending ? "Saving…" : `${shown.length} of ${provider.models.length} are shown to callers.`}</Text>
      <Stack gap={6} mah={320} style={{ overflowY: "auto" }} tabIndex={0} role="group" aria-label="Models" p={4}>
        {provider.models.map(model => <Checkbox key={model.id} checked={shown.includes(model.id)} disabled={change.isPending} label={<span className="mono">{model.id}</span>} onChange={event => toggle(model.id, event.currentTarget.checked)} />)}
      </Stack>
      <ProblemNote error={change.error} />
    </>
  );
}

export function ModelsStep({ provider, go }: { provider?: string; go: (step: Step, provider?: string) => void }) {
  const all = useQuery(said("providers_list"));
  const it = all.data?.items.find(each => each.id === provider) ?? all.data?.items.find(each => each.models.length > 0);
  return (
    <>
      <ProblemNote error={all.error} retry={() => void all.refetch()} />
      {all.isPending && <Loading />}
      {it && <><Text>Two or three are enough: a strong one and a cheap one. The others stay there, hidden, and can be shown at any time.</Text><Choice provider={it} /></>}
      {all.data && !it && <Text>No provider has models yet.</Text>}
      <Group>
        <Button onClick={() => go("hello", it?.id)}>Say hello</Button>
        <Button variant="default" onClick={() => go("provider", it?.id)}>Back</Button>
      </Group>
    </>
  );
}
