// Adding a provider: what kind, what it is called, and its key; for workers the command that makes them join, watched until
// the first one does.
import { Alert, Button, Modal, PasswordInput, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ApiProblem, ask } from "../api/client";
import type { Provider } from "../api/contract";
import { refresh } from "../app/queries";
import { ProblemNote } from "../parts/problem";
import { brandOf, choices, typeNames } from "./provider_words";

export interface Draft { kind: string; name: string; key: string; url: string }
export const emptyDraft = (kind: string): Draft => ({ kind: choices.some(each => each.value === kind) ? kind : "openai", name: "", key: "", url: "" });

/** What is typed belongs to whoever shows the form: it outlives it. */
export function ProviderForm({ draft, setDraft, done }: { draft: Draft; setDraft: (draft: Draft) => void; done: (provider: Provider) => void }) {
  const { kind: chosen, name, key, url } = draft;
  const set = (changed: Partial<Draft>) => setDraft({ ...draft, ...changed });
  const choice = choices.find(each => each.value === chosen)!;
  const secret = key.trim();
  const brand = brandOf(secret);
  const isForeign = choice.value !== "compatible" && brand !== null && brand !== choice.type;
  const create = useMutation({
    mutationFn: () => ask("providers_create", {
      body: {
        type: choice.type, name: name.trim() || choice.label,
        ...(choice.key !== "none" && secret ? { api_key: secret } : {}), ...(choice.url === "needed" ? { base_url: url.trim() } : {}),
      },
    }),
    onSuccess: async provider => { await refresh("providers_list", "routing_explain", "models_list"); done(provider); },
  });
  const errorOf = (field: string) => (create.error instanceof ApiProblem && create.error.problem.field === field ? create.error.problem.detail : undefined);
  return (
    <form onSubmit={event => { event.preventDefault(); create.mutate(); }}>
      <Stack gap="sm">
        <Radio.Group label="What answers" value={chosen} onChange={kind => set({ kind })}>
          <Stack gap={6} mt={4}>{choices.map(each => <Radio key={each.value} value={each.value} label={each.label} description={each.about} />)}</Stack>
        </Radio.Group>
        <TextInput label="Name" placeholder={choice.label} value={name} error={errorOf("name")} onChange={event => set({ name: event.currentTarget.value })} />
        {choice.url === "needed" && <TextInput label="Base URL" required placeholder="http://10.0.0.5:8000/v1" value={url} error={errorOf("base_url")} onChange={event => set({ url: event.currentTarget.value })} />}
        {choice.key !== "none" && <PasswordInput label="API key" required={choice.key === "needed"} autoComplete="off" value={key} error={errorOf("api_key")}
          onChange={event => set({ key: event.currentTarget.value })} description="Stored sealed; never shown again." />}
        {isForeign && <Alert color="orange" variant="light">This looks like a key of {typeNames[brand]}.</Alert>}
        <ProblemNote error={create.error} />
        <Button type="submit" loading={create.isPending}>{create.isPending ? "Checking the key…" : "Add"}</Button>
        {choice.key !== "none" && <Text size="xs" c="dimmed">The key is tried and the models are read, which takes a few seconds.</Text>}
      </Stack>
    </form>
  );
}

function Fresh({ kind, done }: { kind: string; done: (provider: Provider) => void }) {
  const [draft, setDraft] = useState(() => emptyDraft(kind));
  return <ProviderForm draft={draft} setDraft={setDraft} done={done} />;
}

export function AddProvider({ type, close }: { type: string | undefined; close: () => void }) {
  const navigate = useNavigate();
  return (
    <Modal opened={type !== undefined} onClose={close} title="Add provider" size="md">
      {type !== undefined && <Fresh kind={type} done={provider => void navigate({ to: `/settings/providers/${provider.id}` as never })} />}
    </Modal>
  );
}
