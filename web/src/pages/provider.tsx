// One provider: how it is, and everything about it that can be changed. What is changed is saved at once; keys, workers and
// deletion are asked for.
import { Anchor, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { useWatch } from "../app/live";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Age } from "../parts/since";
import { Status } from "../parts/status";
import { DangerZone } from "./provider_danger";
import { KeySection } from "./provider_key";
import { LimitsSection, TeamsSection } from "./provider_limits";
import { ModelsSection } from "./provider_models";
import { RulesSection } from "./provider_rules";
import { WorkersSection } from "./provider_workers";
import { typeNames } from "./provider_words";

const WATCH_MS = 5_000;

/** Saves one field of a provider, and says so. */
export function useChange(provider: Provider) {
  return useMutation({
    mutationFn: (body: Parameters<typeof ask<"providers_update">>[1] extends { body?: infer Body } | undefined ? Body : never) =>
      ask("providers_update", { at: { id: provider.id }, body }),
    onSettled: () => refresh("providers_read", "providers_list", "models_list", "routing_explain"),
  });
}

function Name({ provider }: { provider: Provider }) {
  const [name, setName] = useState(provider.name);
  const change = useChange(provider);
  const save = () => { if (name.trim() && name !== provider.name) change.mutate({ name: name.trim() }); };
  return (
    <>
      <TextInput label="Name" maw={360} value={name} onChange={event => setName(event.currentTarget.value)} onBlur={save}
        description={change.isPending ? "Saving…" : change.isSuccess ? "Saved" : `Callers write ${provider.slug}/model`} />
      <ProblemNote error={change.error} />
    </>
  );
}

function Head({ provider }: { provider: Provider }) {
  const caller = useCaller();
  const change = useChange(provider);
  const test = useMutation({ mutationFn: () => ask("providers_test", { at: { id: provider.id } }), onSettled: () => refresh("providers_read") });
  return (
    <Section title="State">
      <Group justify="space-between" align="flex-start">
        <Stack gap={4}>
          <Status state={provider.status} />
          {provider.error && <Text size="sm">{provider.error}</Text>}
          <Text size="sm" c="dimmed">{typeNames[provider.type]} · last answer <Age at={provider.last_heartbeat_ms} /></Text>
        </Stack>
        {isAdmin(caller) && (
          <Group gap="xs">
            <Button variant="default" loading={test.isPending} onClick={() => test.mutate()}>Test now</Button>
            <Button variant="default" loading={change.isPending} onClick={() => change.mutate({ paused: !provider.paused })}>{provider.paused ? "Resume" : "Pause"}</Button>
          </Group>
        )}
      </Group>
      {test.data && <Text size="sm" mt="xs" role="status">{test.data.ok ? `It answered: ${test.data.models} models in ${test.data.latency_ms} ms.` : `It did not: ${test.data.error}`}</Text>}
      <ProblemNote error={change.error ?? test.error} />
    </Section>
  );
}

export function ProviderPage() {
  const watch = useWatch(WATCH_MS);
  const { id } = useParams({ strict: false }) as { id: string };
  const caller = useCaller();
  const provider = useQuery({ ...said("providers_read", { at: { id } }), refetchInterval: watch });
  if (provider.error) return <Page title="Provider"><ProblemNote error={provider.error} retry={() => void provider.refetch()} /></Page>;
  if (!provider.data) return <Page title="Provider"><Loading /></Page>;
  const it = provider.data;
  return (
    <Page title={it.name} actions={<Anchor component={Link} to={"/settings/providers" as never}>All providers</Anchor>}>
      <Stack gap="md">
        <Head provider={it} />
        {isAdmin(caller) && <Section title="Name"><Name key={it.rev} provider={it} /></Section>}
        <ModelsSection provider={it} />
        {isAdmin(caller) && <RulesSection provider={it} />}
        {isAdmin(caller) && <LimitsSection provider={it} />}
        {isAdmin(caller) && <TeamsSection provider={it} />}
        {isAdmin(caller) && (it.type === "openai" || it.type === "anthropic") && <KeySection provider={it} />}
        {isAdmin(caller) && (it.type === "gpu" || it.type === "cli") && <WorkersSection provider={it} />}
        {isAdmin(caller) && <DangerZone provider={it} />}
      </Stack>
    </Page>
  );
}
