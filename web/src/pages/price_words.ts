// Which price a model goes by: one's own for that provider, one's own for all, then the shipped table, where a dated name goes by
// the undated one. As the server does it (gateway/prices.c), for the page to say so before anything is asked.
import type { Model, Price, Provider } from "../api/contract";

export const fields = [
  ["input_microusd_per_mtok", "Input"], ["output_microusd_per_mtok", "Output"], ["cached_input_microusd_per_mtok", "Cached input"],
  ["cache_write_microusd_per_mtok", "Cache write"], ["cache_write_1h_microusd_per_mtok", "Cache write, 1 h"],
] as const;
export const longFields = [
  ["long_context_input_microusd_per_mtok", "Input, long"], ["long_context_output_microusd_per_mtok", "Output, long"],
  ["long_context_cached_input_microusd_per_mtok", "Cached input, long"], ["long_context_cache_write_microusd_per_mtok", "Cache write, long"],
] as const;
export const THRESHOLD = "long_context_threshold_tokens";
export const moneyFields = [...fields, ...longFields];
export type MoneyField = (typeof moneyFields)[number][0];

const undated = (name: string) => name.replace(/-(\d{4}-\d\d-\d\d|\d{8})$/, "");

export function shippedOf(prices: Price[], type: Provider["type"] | undefined, model: string): Price | null {
  const shipped = prices.filter(each => each.origin === "shipped" && each.type === type);
  return shipped.find(each => each.model === model) ?? shipped.find(each => each.model === undated(model)) ?? null;
}

export function ownOf(prices: Price[], provider: string, model: string): Price | null {
  const own = prices.filter(each => each.origin === "override" && each.model === model);
  return own.find(each => each.provider?.id === provider) ?? own.find(each => each.provider === null) ?? null;
}

/** A model at a provider, and what it costs there. */
export interface Offer { model: Model; provider: Provider | undefined; price: Price | null; shipped: Price | null }

export function offersOf(models: Model[], providers: Provider[], prices: Price[]): Offer[] {
  return models.map(model => {
    const provider = providers.find(each => each.id === model.provider.id), shipped = shippedOf(prices, provider?.type, model.id);
    return { model, provider, shipped, price: ownOf(prices, model.provider.id, model.id) ?? shipped };
  });
}

/** Nothing is paid by the token there, unless somebody says what it costs. */
export const isLocal = (offer: Offer) => offer.provider?.tier === "gpu" || offer.provider?.tier === "cli";
export const isUnpriced = (offer: Offer) => !isLocal(offer) && (offer.price === null || offer.price.input_microusd_per_mtok === null || offer.price.output_microusd_per_mtok === null);

export function originText(price: Price | null): string {
  if (!price) return "–";
  return price.origin === "override" ? `own${price.source ? `: ${price.source}` : ""}` : `${price.source ?? "shipped"}${price.source_date ? `, ${price.source_date}` : ""}`;
}
