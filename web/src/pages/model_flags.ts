// What is worth knowing of a model at a glance, and what of its providers' lists a change is.
import type { Model, Provider, UsageItem } from "../api/contract";
import { isUnpriced, type Offer } from "./price_words";

export interface Named { id: string; offers: Offer[]; jobs: number; flags: string[] }

const isUp = (offer: Offer) => offer.model.surfaced && offer.provider?.paused !== true;

/** A model that is still the default of a provider whose list has it no more. */
function retiredAt(providers: Provider[], id: string): string[] {
  return providers.filter(each => each.default_model === id && each.models_at_ms !== null && !each.models.some(model => model.id === id)).map(each => each.name);
}

export function flagsOf(offers: Offer[], jobsEver: number): string[] {
  const up = offers.filter(isUp);
  return [
    ...(up.length === 1 ? ["single point of failure"] : []),
    ...(offers.some(isUnpriced) ? ["unpriced"] : []),
    ...(jobsEver === 0 ? ["never used"] : []),
  ];
}

const jobsOf = (items: UsageItem[]) => new Map(items.map(item => [item.group.id ?? "", item.jobs]));

export function namedOf(offers: Offer[], providers: Provider[], week: UsageItem[], ever: UsageItem[]): Named[] {
  const names = new Map<string, Offer[]>(), jobsWeek = jobsOf(week), jobsEver = jobsOf(ever);
  for (const offer of offers) names.set(offer.model.id, [...(names.get(offer.model.id) ?? []), offer]);
  const listed = [...names].map(([id, each]) => ({ id, offers: each, jobs: jobsWeek.get(id) ?? 0, flags: flagsOf(each, jobsEver.get(id) ?? 0) }));
  const gone = [...new Set(providers.map(each => each.default_model))].filter((id): id is string => id !== null && !names.has(id) && retiredAt(providers, id).length > 0);
  return [...listed, ...gone.map(id => ({ id, offers: [], jobs: jobsWeek.get(id) ?? 0, flags: [`retired upstream: ${retiredAt(providers, id).join(", ")}`] }))].sort((a, b) => a.id.localeCompare(b.id));
}

/** One change for each provider that has any of them: its whole list, with them or without. */
export function changesOf(chosen: Set<string>, models: Model[], isShown: boolean): { provider: string; surfaced_models: string[] }[] {
  const providers = [...new Set(models.filter(each => chosen.has(each.id) && each.surfaced !== isShown).map(each => each.provider.id))];
  return providers.map(provider => ({
    provider, surfaced_models: models.filter(each => each.provider.id === provider && (chosen.has(each.id) ? isShown : each.surfaced)).map(each => each.id),
  }));
}
