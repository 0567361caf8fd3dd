// The editor of one price: each number beside the shipped one. Saved by a button and for the next request on; never by itself.
import { Anchor, Button, Group, Modal, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { ask } from "../api/client";
import type { Price, PriceNew } from "../api/contract";
import { refresh } from "../app/queries";
import { dollarsOf, microOf, priceText } from "../parts/dollars";
import { ProblemNote } from "../parts/problem";
import { fields, longFields, moneyFields, originText, THRESHOLD, type MoneyField, type Offer } from "./price_words";

type Typed = Record<MoneyField | typeof THRESHOLD | "note", string>;
const again = () => refresh("prices_list", "usage_read", "routing_explain");

function typedOf(price: Price | null): Typed {
  const money = Object.fromEntries(moneyFields.map(([name]) => [name, dollarsOf(price?.[name] ?? null)])) as Record<MoneyField, string>;
  return { ...money, [THRESHOLD]: price?.[THRESHOLD]?.toString() ?? "", note: price?.origin === "override" ? (price.source ?? "") : "" };
}

const wholeOf = (text: string) => (text.trim() === "" ? null : /^\d{1,12}$/.test(text.trim()) ? Number(text) : undefined);

/** What is sent, or the name of the first field that is no number. */
export function bodyOf(typed: Typed): { body: Omit<PriceNew, "model"> } | { wrong: string } {
  const body: Record<string, number | string | null> = { note: typed.note.trim() || null };
  for (const [name] of moneyFields) {
    const micro = microOf(typed[name]);
    if (micro === undefined) return { wrong: name };
    body[name] = micro;
  }
  const threshold = wholeOf(typed[THRESHOLD]);
  if (threshold === undefined) return { wrong: THRESHOLD };
  return { body: { ...body, [THRESHOLD]: threshold } };
}

const hint = (shipped: Price | null, name: MoneyField) => (shipped ? `shipped: ${priceText(shipped[name])}` : "not in the shipped table");

const ownAt = (prices: Price[], model: string, place: string) => prices.find(each => each.origin === "override" && each.model === model && (each.provider?.id ?? "") === place) ?? null;

function Form({ offer, prices, done }: { offer: Offer; prices: Price[]; done: () => void }) {
  const { model, shipped } = offer;
  const [place, setPlace] = useState(offer.price?.origin === "override" && offer.price.provider ? offer.price.provider.id : "");
  // As it was when it was looked at: somebody else's change meanwhile is for the server to refuse, not to be overwritten.
  const [own, setOwn] = useState(() => ownAt(prices, model.id, place));
  const [typed, setTyped] = useState(() => typedOf(own ?? shipped)), [wrong, setWrong] = useState<string | null>(null);
  const move = (to: string) => {
    const there = ownAt(prices, model.id, to);
    setPlace(to);
    setOwn(there);
    setTyped(typedOf(there ?? offer.price));
  };
  const save = useMutation({ mutationFn: (body: Omit<PriceNew, "model">) => ask("prices_put", { body: { model: model.id, provider: place || null, ...body }, rev: own?.rev ?? undefined }), onSuccess: () => { void again(); done(); } });
  const remove = useMutation({ mutationFn: (id: string) => ask("prices_delete", { at: { id } }), onSuccess: () => { void again(); done(); } });
  const put = (name: keyof Typed, value: string) => { setWrong(null); setTyped(now => ({ ...now, [name]: value })); };
  const submit = () => { const made = bodyOf(typed); if ("wrong" in made) setWrong(made.wrong); else save.mutate(made.body); };
  const input = ([name, label]: readonly [MoneyField, string]) => (
    <TextInput key={name} label={label} leftSection="$" inputMode="decimal" placeholder="no price" value={typed[name]} onChange={event => put(name, event.currentTarget.value)}
      description={hint(shipped, name)} error={wrong === name ? "Dollars, like 1.25; at most six digits behind the point." : undefined} />
  );
  return (
    <form onSubmit={event => { event.preventDefault(); submit(); }}>
      <Stack gap="sm">
        <Text size="sm">Dollars for a million tokens. An empty field is an unknown price, and what costs an unknown price is never summed up as $0.</Text>
        <Select label="Where it holds" allowDeselect={false} value={place} onChange={value => move(value ?? "")}
          data={[{ value: "", label: "every provider without a price of its own" }, { value: model.provider.id, label: `${model.provider.name} alone` }]} />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>{fields.map(input)}</SimpleGrid>
        <TextInput label="Long prompts, from so many tokens" inputMode="numeric" placeholder="no such tier" value={typed[THRESHOLD]} onChange={event => put(THRESHOLD, event.currentTarget.value)}
          description={`shipped: ${shipped?.[THRESHOLD]?.toLocaleString() ?? "no such tier"}`} error={wrong === THRESHOLD ? "A whole number of tokens, or nothing." : undefined} />
        {typed[THRESHOLD].trim() !== "" && <SimpleGrid cols={{ base: 1, xs: 2 }}>{longFields.map(input)}</SimpleGrid>}
        <TextInput label="Where it is from" placeholder="contract, price list, power bill" maxLength={199} value={typed.note} onChange={event => put("note", event.currentTarget.value)} />
        <Text size="sm" c="dimmed">Shipped: {originText(shipped)}. A price holds for requests that come from now on; what was used before keeps its cost.</Text>
        <ProblemNote error={save.error ?? remove.error} />
        <Group justify="space-between">
          <Button type="submit" loading={save.isPending}>Save the price</Button>
          {own && <Button variant="default" color="red" loading={remove.isPending} onClick={() => remove.mutate(own.id!)}>{shipped ? `Remove it: ${priceText(shipped.input_microusd_per_mtok)} in, ${priceText(shipped.output_microusd_per_mtok)} out again` : "Remove it: no price again"}</Button>}
        </Group>
      </Stack>
    </form>
  );
}

export function PriceEditor({ offer, prices, close }: { offer: Offer | null; prices: Price[]; close: () => void }) {
  return (
    <Modal opened={offer !== null} onClose={close} size="lg" title={offer ? `Price of ${offer.model.id}` : ""}>
      {offer && <Form key={offer.model.provider.id + offer.model.id} offer={offer} prices={prices} done={close} />}
    </Modal>
  );
}

export const SetLink = ({ offer, open }: { offer: Offer; open: (offer: Offer) => void }) => (
  <Anchor component="button" type="button" size="sm" aria-label={`no price: set one for ${offer.model.id} at ${offer.model.provider.name}`} onClick={() => open(offer)}>no price: set one</Anchor>
);
