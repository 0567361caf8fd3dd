// What every model costs where, and who says so. Admins put a price of their own in its place.
import { Button, Group, Switch, Text } from "@mantine/core";
import type { ReactNode } from "react";
import type { Price } from "../api/contract";
import { isAdmin, useCaller } from "../app/session";
import { priceText } from "../parts/dollars";
import { Rows, type Column } from "../parts/table";
import { PriceEditor, SetLink } from "./price_editor";
import { isLocal, isUnpriced, originText, type MoneyField, type Offer } from "./price_words";

const keyOf = (offer: Offer) => `${offer.model.provider.id} ${offer.model.id}`;

interface Given { offers: Offer[]; prices: Price[]; edited: string | undefined; isOnly: boolean; set: (change: { edit?: string; unpriced?: string }) => void }

export function Prices({ offers, prices, edited, isOnly, set }: Given) {
  const mayEdit = isAdmin(useCaller()), open = (offer: Offer) => set({ edit: keyOf(offer) });
  const money = (offer: Offer, name: MoneyField): ReactNode => {
    const micro = offer.price?.[name] ?? null;
    if (micro !== null) return priceText(micro);
    if (isLocal(offer) && !offer.price) return "nothing per token";
    const isNeeded = name === "input_microusd_per_mtok" || name === "output_microusd_per_mtok";
    return isNeeded && mayEdit && name === "input_microusd_per_mtok" ? <SetLink offer={offer} open={open} /> : "no price";
  };
  const column = (label: string, name: MoneyField): Column<Offer> => ({ label, right: true, cell: offer => money(offer, name) });
  const columns: Column<Offer>[] = [
    { label: "Model", cell: offer => <span className="mono">{offer.model.id}</span> },
    { label: "Provider", cell: offer => offer.model.provider.name },
    column("Input", "input_microusd_per_mtok"), column("Output", "output_microusd_per_mtok"), column("Cached", "cached_input_microusd_per_mtok"), column("Cache write", "cache_write_microusd_per_mtok"),
    { label: "Who says so", cell: offer => <Text size="sm" component="span">{originText(offer.price)}{offer.price?.origin === "override" && offer.shipped && ` (shipped: ${priceText(offer.shipped.input_microusd_per_mtok)} in, ${priceText(offer.shipped.output_microusd_per_mtok)} out)`}</Text> },
    ...(mayEdit ? [{ label: "Actions", right: true, cell: (offer: Offer) => <Button size="compact-xs" variant="default" aria-label={`Edit the price of ${offer.model.id} at ${offer.model.provider.name}`} onClick={() => open(offer)}>Edit</Button> }] : []),
  ];
  const shown = isOnly ? offers.filter(isUnpriced) : offers;
  return (
    <>
      <Group mb="sm"><Switch label="Only those without a price" checked={isOnly} onChange={event => set({ unpriced: event.currentTarget.checked ? "1" : undefined })} /></Group>
      <Text size="sm" c="dimmed" mb="sm">Dollars for a million tokens.</Text>
      {shown.length > 0 ? <Rows label="Prices" columns={columns} rows={shown} keyOf={keyOf} /> : <Text size="sm">{isOnly ? "Every model has a price." : "No model by that name."}</Text>}
      <PriceEditor offer={(mayEdit && offers.find(offer => keyOf(offer) === edited)) || null} prices={prices} close={() => set({ edit: undefined })} />
    </>
  );
}
