// What a provider offers: which of it callers see, and which answers Auto.
import { Button, Checkbox, Group, ScrollArea, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Provider, ProviderModel } from "../api/contract";
import { refresh } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { ProblemNote } from "../parts/problem";
import { SaveState } from "../parts/save_state";
import { Section } from "../parts/section";
import { useProviderField } from "./provider_field";
import { useSurfaced } from "./surfaced";

function Shown({ provider, model }: { provider: Provider; model: ProviderModel }) {
  const caller = useCaller();
  const saver = useSurfaced(provider, model.id);
  return (
    <Stack gap={4}>
      <Checkbox checked={saver.value} disabled={!isAdmin(caller)} label={<span className="mono">{model.id}</span>}
        description={model.context_tokens ? `${model.context_tokens.toLocaleString()} tokens of context` : undefined}
        onChange={event => saver.set(event.currentTarget.checked)} />
      <SaveState saver={saver} />
    </Stack>
  );
}

function DefaultModel({ provider }: { provider: Provider }) {
  const caller = useCaller();
  const saver = useProviderField(provider, "default_model", { label: "Answers Auto with", of: it => it.default_model, change: value => ({ default_model: value }), moves: true });
  return (
    <Stack gap={4}>
      <Select label="Answers Auto with" w={300} searchable disabled={!isAdmin(caller)} value={saver.value} placeholder="none"
        data={provider.models.map(model => model.id)} onChange={model => { if (model) saver.set(model); }} />
      <SaveState saver={saver} />
    </Stack>
  );
}

export function ModelsSection({ provider }: { provider: Provider }) {
  const caller = useCaller();
  const [wanted, setWanted] = useState("");
  const reload = useMutation({
    mutationFn: () => ask("providers_refresh", { at: { id: provider.id } }),
    onSuccess: () => refresh("providers_read", "providers_list", "models_list"),
  });
  const surfaced = provider.models.filter(model => model.surfaced);
  const shown = provider.models.filter(model => model.id.toLowerCase().includes(wanted.toLowerCase()));
  const difference = reload.data && [...reload.data.added.map(id => `+ ${id}`), ...reload.data.removed.map(id => `− ${id}`)];
  return (
    <Section title="Models">
      <Stack gap="sm">
        <Group align="flex-start">
          <DefaultModel provider={provider} />
          <TextInput label="Search" value={wanted} onChange={event => setWanted(event.currentTarget.value)} w={220} />
          {isAdmin(caller) && <Button variant="default" mt={25} loading={reload.isPending} onClick={() => reload.mutate()}>Refresh from provider</Button>}
        </Group>
        {difference && <Text size="sm" role="status">{difference.length ? difference.join(", ") : "Nothing has changed."}</Text>}
        <Text size="sm" c="dimmed">{surfaced.length} of {provider.models.length} shown to callers.</Text>
        <ScrollArea.Autosize mah={360} type="auto" viewportProps={{ tabIndex: 0, role: "group", "aria-label": "Models" }}>
          <Stack gap={6} p={4}>
            {shown.map(model => <Shown key={model.id} provider={provider} model={model} />)}
            {shown.length === 0 && <Text c="dimmed">{provider.models.length ? "No model by that name." : "It has told of no models yet."}</Text>}
          </Stack>
        </ScrollArea.Autosize>
        <ProblemNote error={reload.error} />
      </Stack>
    </Section>
  );
}
