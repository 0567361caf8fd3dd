// Deletion: what it would break, and its name typed to confirm.
import { Anchor, Button, Group, List, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { refresh, said } from "../app/queries";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";

function useWhatBreaks(provider: Provider): string[] {
  const providers = useQuery(said("providers_list")).data?.items ?? [];
  const routes = useQuery(said("routes_list")).data?.items ?? [];
  const routing = useQuery(said("routing_read")).data;
  return [
    ...(routing?.auto?.provider === provider.id ? ["Auto asks it first; afterwards Auto follows the cascade."] : []),
    ...providers.filter(each => each.fallback_rules.some(rule => rule.provider === provider.id)).map(each => `A fallback rule of ${each.name} leads here.`),
    ...routes.filter(route => route.steps.some(step => step.provider === provider.id)).map(route => `The route ${route.name} has a step to it.`),
    ...(provider.in_flight > 0 ? [`${provider.in_flight} requests run on it now; they finish.`] : []),
  ];
}

export function DangerZone({ provider }: { provider: Provider }) {
  const navigate = useNavigate();
  const [isOpen, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const breaks = useWhatBreaks(provider);
  const remove = useMutation({
    mutationFn: () => ask("providers_delete", { at: { id: provider.id } }),
    onSuccess: async () => { await refresh("providers_list", "routing_read", "routing_explain"); await navigate({ to: "/settings/providers" as never }); },
  });
  return (
    <Section title="Danger zone">
      <Group><Button color="red" variant="outline" onClick={() => setOpen(true)}>Delete this provider</Button>
        <Anchor component={Link} size="sm" to={"/routing" as never} search={{ tab: "rehearse", faults: `${provider.id}:offline` } as never}>Rehearse its loss first</Anchor></Group>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title={`Delete ${provider.name}`}>
        <form onSubmit={event => { event.preventDefault(); remove.mutate(); }}>
          <Stack gap="sm">
            {breaks.length > 0 ? <List size="sm">{breaks.map(each => <List.Item key={each}>{each}</List.Item>)}</List> : <Text size="sm">Nothing else refers to it.</Text>}
            <Text size="sm">Its key is forgotten; its jobs stay in the record. Pausing it can be undone, this cannot.</Text>
            <TextInput label={`Type ${provider.name} to confirm`} value={typed} onChange={event => setTyped(event.currentTarget.value)} autoComplete="off" />
            <ProblemNote error={remove.error} />
            <Button type="submit" color="red" disabled={typed !== provider.name} loading={remove.isPending}>Delete</Button>
          </Stack>
        </form>
      </Modal>
    </Section>
  );
}
