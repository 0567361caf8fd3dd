// A field of a provider that saves itself: read, written and foreseen by the provider's own operations.
import { ask } from "../api/client";
import type { Operations, Provider, RehearseChanges } from "../api/contract";
import { queries, refresh, said } from "../app/queries";
import { useAutoSave } from "../parts/auto_save";
import { foresee, isStale } from "../parts/foresee";
import type { Saver, Seen } from "../parts/saver";

type Change = NonNullable<Operations["providers_update"]["body"]>;
type Proposed = Omit<NonNullable<NonNullable<NonNullable<RehearseChanges>["providers"]>[number]>, "provider">;

export interface ProviderField<Value> {
  label: string;
  of: (provider: Provider) => Value;
  /** What writes it. */
  change: (value: Value, provider: Provider) => Change;
  /** Does it say where requests go? Then the dry run is asked first. */
  moves?: boolean;
  blind?: string;
  isWhole?: (value: Value) => boolean;
  text?: (value: Value) => string;
}

const seenOf = (provider: Provider): Seen<Provider> => ({ item: provider, rev: provider.rev });

/** Into what the pages show, at once; what follows from it is asked again. */
export async function wrote(provider: Provider): Promise<Seen<Provider>> {
  queries.setQueryData(said("providers_read", { at: { id: provider.id } }).queryKey, provider);
  void refresh("providers_read", "providers_list", "models_list", "routing_explain");
  return seenOf(provider);
}

export function useProviderField<Value>(provider: Provider, name: string, field: ProviderField<Value>): Saver<Provider, Value> {
  const at = { id: provider.id };
  return useAutoSave<Provider, Value>(`${provider.id} ${name}`, {
    ...field,
    read: async () => seenOf(await ask("providers_read", { at })),
    write: async (value, seen) => wrote(await ask("providers_update", { at, rev: seen.rev, body: field.change(value, seen.item) })),
    isStale,
    foresee: field.moves ? (value, item) => foresee({ providers: [{ provider: provider.id, ...(field.change(value, item) as Proposed) }] }) : undefined,
  }, seenOf(provider));
}
