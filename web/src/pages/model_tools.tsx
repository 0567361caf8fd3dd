// What can be done with the models that are chosen: shown to callers or hidden, and looked at side by side.
import { Button, Group, Modal, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Model } from "../api/contract";
import { refresh } from "../app/queries";
import { priceText } from "../parts/dollars";
import { countText } from "../parts/numbers";
import { ProblemNote } from "../parts/problem";
import { Rows, type Column } from "../parts/table";
import { changesOf, type Named } from "./model_flags";
import { isLocal, originText, type Offer } from "./price_words";

const MOST = 4;

/** One provider after the other: a refusal in the middle leaves the earlier ones done, and says so. */
async function surface(changes: ReturnType<typeof changesOf>): Promise<number> {
  for (const { provider, surfaced_models } of changes) await ask("providers_update", { at: { id: provider }, body: { surfaced_models } });
  return changes.length;
}

export function Tools({ chosen, models, clear, compare }: { chosen: Set<string>; models: Model[]; clear: () => void; compare: () => void }) {
  const [done, setDone] = useState("");
  const change = useMutation({
    mutationFn: (isShown: boolean) => surface(changesOf(chosen, models, isShown)),
    onMutate: () => setDone(""),
    onSuccess: (count, isShown) => { setDone(count === 0 ? "They were already." : `${isShown ? "Shown" : "Hidden"}, at ${count} ${count === 1 ? "provider" : "providers"}.`); },
    onSettled: () => refresh("models_list", "providers_list", "providers_read", "routing_explain"),
  });
  return (
    <>
      <Group gap="xs" mb="sm">
        <Text size="sm">{chosen.size} chosen</Text>
        <Button size="compact-sm" variant="default" disabled={chosen.size === 0} loading={change.isPending} onClick={() => change.mutate(true)}>Show to callers</Button>
        <Button size="compact-sm" variant="default" disabled={chosen.size === 0} loading={change.isPending} onClick={() => change.mutate(false)}>Hide</Button>
        <Button size="compact-sm" variant="default" disabled={chosen.size < 2 || chosen.size > MOST} onClick={compare}>Compare</Button>
        {chosen.size > 0 && <Button size="compact-sm" variant="subtle" onClick={clear}>Choose none</Button>}
        <Text size="sm" role="status">{done || (chosen.size > MOST ? "Two to four can be compared." : "")}</Text>
      </Group>
      <ProblemNote error={change.error} />
    </>
  );
}

const price = (offer: Offer, name: "input_microusd_per_mtok" | "output_microusd_per_mtok") => (isLocal(offer) && !offer.price ? "nothing per token" : priceText(offer.price?.[name] ?? null));
const each = (named: Named, text: (offer: Offer) => string) => [...new Set(named.offers.map(text))].join("; ") || "–";

const facts: [string, (named: Named) => string][] = [
  ["Who serves it", named => each(named, offer => offer.model.provider.name)],
  ["Shown", named => each(named, offer => (offer.model.surfaced ? "yes" : "hidden"))],
  ["Context, tokens", named => each(named, offer => countText(offer.model.context_tokens))],
  ["Input, $ for a million", named => each(named, offer => price(offer, "input_microusd_per_mtok"))],
  ["Output, $ for a million", named => each(named, offer => price(offer, "output_microusd_per_mtok"))],
  ["Who says so", named => each(named, offer => originText(offer.price))],
  ["Jobs in 7 days", named => countText(named.jobs)],
  ["Flags", named => named.flags.join(", ") || "–"],
];

export function Compare({ named, isOpen, close }: { named: Named[]; isOpen: boolean; close: () => void }) {
  const columns: Column<(typeof facts)[number]>[] = [
    { label: "What", cell: ([name]) => name },
    ...named.map(it => ({ label: it.id, cell: ([, text]: (typeof facts)[number]) => text(it) })),
  ];
  return <Modal opened={isOpen} onClose={close} size="xl" title="Side by side"><Rows label="Models side by side" columns={columns} rows={facts} keyOf={([name]) => name} /></Modal>;
}
