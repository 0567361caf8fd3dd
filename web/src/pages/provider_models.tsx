// What a provider offers: which of it callers see, and which answers Auto.
import { Button, Checkbox, Group, ScrollArea, Select, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { refresh } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { useChange } from "./provider";

export function ModelsSection({ provider }: { provider: Provider }) {
  const caller = useCaller();
  const [wanted, setWanted] = useState("");
  const change = useChange(provider);
  const reload = useMutation({
    mutationFn: () => ask("providers_refresh", { at: { id: provider.id } }),
    onSuccess: () => refresh("providers_read", "providers_list", "models_list"),
  });
  const surfaced = provider.models.filter(model => model.surfaced).map(model => model.id);
  const shown = provider.models.filter(model => model.id.toLowerCase().includes(wanted.toLowerCase()));
  const difference = reload.data && [...reload.data.added.map(id => `+ ${id}`), ...reload.data.removed.map(id => `− ${id}`)];
  const toggle = (id: string, on: boolean) => change.mutate({ surfaced_models: on ? [...surfaced, id] : surfaced.filter(each => each !== id) });
  return (
    <Section title="Models">
      <Stack gap="sm">
        <Group align="flex-end">
          <Select label="Answers Auto with" w={300} searchable disabled={!isAdmin(caller)} value={provider.default_model} placeholder="none"
            data={provider.models.map(model => model.id)} onChange={model => { if (model) change.mutate({ default_model: model }); }} />
          <TextInput label="Search" value={wanted} onChange={event => setWanted(event.currentTarget.value)} w={220} />
          {isAdmin(caller) && <Button variant="default" loading={reload.isPending} onClick={() => reload.mutate()}>Refresh from provider</Button>}
        </Group>
        {difference && <Text size="sm" role="status">{difference.length ? difference.join(", ") : "Nothing has changed."}</Text>}
        <Text size="sm" c="dimmed" role="status">{change.isPending ? "Saving…" : `${surfaced.length} of ${provider.models.length} shown to callers.`}</Text>
        <ScrollArea.Autosize mah={360} type="auto" viewportProps={{ tabIndex: 0, role: "group", "aria-label": "Models" }}>
          <Stack gap={6} p={4}>
            {shown.map(model => (
              <Checkbox key={model.id} checked={model.surfaced} disabled={!isAdmin(caller) || change.isPending} label={<span className="mono">{model.id}</span>}
                description={model.context_tokens ? `${model.context_tokens.toLocaleString()} tokens of context` : undefined}
                onChange={event => toggle(model.id, event.currentTarget.checked)} />
            ))}
            {shown.length === 0 && <Text c="dimmed">{provider.models.length ? "No model by that name." : "It has told of no models yet."}</Text>}
          </Stack>
        </ScrollArea.Autosize>
        <ProblemNote error={change.error ?? reload.error} />
      </Stack>
    </Section>
  );
}
