// One provider: how it is, and everything about it that can be changed. What is changed is saved at once; keys, workers and
// deletion are asked for.
import { Anchor, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { useWatch } from "../app/live";
import { refresh, said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { AutoSaving, LastSaved } from "../parts/auto_save";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { SaveState } from "../parts/save_state";
import type { Saver } from "../parts/saver";
import { Section } from "../parts/section";
import { Age } from "../parts/since";
import { Status } from "../parts/status";
import { useProviderField } from "./provider_field";
import { DangerZone } from "./provider_danger";
import { KeySection } from "./provider_key";
import { LimitsSection, TeamsSection } from "./provider_limits";
import { ModelsSection } from "./provider_models";
import { RulesSection } from "./provider_rules";
import { WorkersSection } from "./provider_workers";
import { typeNames } from "./provider_words";
import { ProviderDay } from "./week_strip";

const WATCH_MS = 5_000;

/** Writes what is never saved by itself: a key. */
export function useChange(provider: Provider) {
  return useMutation({
    mutationFn: (body: Parameters<typeof ask<"providers_update">>[1] extends { body?: infer Body } | undefined ? Body : never) =>
      ask("providers_update", { at: { id: provider.id }, body }),
    onSettled: () => refresh("providers_read", "providers_list", "models_list", "routing_explain"),
  });
}

function Name({ provider }: { provider: Provider }) {
  const name = useProviderField(provider, "name", { label: "Name", of: it => it.name, change: value => ({ name: value.trim() }), isWhole: value => value.trim() !== "" });
  return (
    <Stack gap={6}>
      <TextInput label="Name" maw={360} value={name.value} onChange={event => name.type(event.currentTarget.value)} onBlur={() => name.flush()}
        description={`Callers write ${provider.slug}/model`} />
      <SaveState saver={name} />
    </Stack>
  );
}

function PauseButton({ paused, provider }: { paused: Saver<Provider, boolean>; provider: Provider }) {
  const isUnderWay = paused.phase.name === "saving" || paused.phase.name === "foreseeing";
  return <Button variant="default" aria-disabled={isUnderWay} onClick={() => { if (!isUnderWay) paused.set(!provider.paused); }}>{provider.paused ? "Resume" : "Pause"}</Button>;
}

function Head({ provider }: { provider: Provider }) {
  const caller = useCaller();
  const paused = useProviderField(provider, "paused", { label: "Paused", of: it => it.paused, change: value => ({ paused: value }), moves: true, text: value => (value ? "paused" : "not paused") });
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
            <PauseButton paused={paused} provider={provider} />
          </Group>
        )}
      </Group>
      {test.data && <Text size="sm" mt="xs" role="status">{test.data.ok ? `It answered: ${test.data.models} models in ${test.data.latency_ms} ms.` : `It did not: ${test.data.error}`}</Text>}
      <SaveState saver={paused} />
      <ProblemNote error={test.error} />
      <ProviderDay provider={provider.id} />
    </Section>
  );
}

export function ProviderPage() {
  const watch = useWatch(WATCH_MS);
  const { id } = useParams({ strict: false }) as { id: string };
  const caller = useCaller();
  const provider = useQuery({ ...said("providers_read", { at: { id } }), refetchInterval: watch });
  if (!provider.data) return <Page title="Provider">{provider.error ? <ProblemNote error={provider.error} retry={() => void provider.refetch()} /> : <Loading />}</Page>;
  const it = provider.data;
  return (
    <AutoSaving key={id}>
      <Page title={it.name} actions={<><LastSaved /><Anchor component={Link} to={"/settings/providers" as never}>All providers</Anchor></>}>
        <Stack gap="md">
          <Head provider={it} />
          {isAdmin(caller) && <Section title="Name"><Name provider={it} /></Section>}
          <ModelsSection provider={it} />
          {isAdmin(caller) && <RulesSection provider={it} />}
          {isAdmin(caller) && <LimitsSection provider={it} />}
          {isAdmin(caller) && <TeamsSection provider={it} />}
          {isAdmin(caller) && (it.type === "openai" || it.type === "anthropic") && <KeySection provider={it} />}
          {isAdmin(caller) && (it.type === "gpu" || it.type === "cli") && <WorkersSection provider={it} />}
          {isAdmin(caller) && <DangerZone provider={it} />}
        </Stack>
      </Page>
    </AutoSaving>
  );
}
