// Which providers show a model to callers: a switch for each of them.
import { Checkbox, Stack } from "@mantine/core";
import type { Model, Provider } from "../api/contract";
import { SaveState } from "../parts/save_state";
import { useSurfaced } from "./surfaced";

function ShownBy({ model, provider, touch }: { model: string; provider: Provider; touch: () => void }) {
  const saver = useSurfaced(provider, model);
  return (
    <>
      <Checkbox size="sm" label={provider.name} aria-label={`${model} shown by ${provider.name}`} checked={saver.value}
        onChange={event => { touch(); saver.set(event.currentTarget.checked); }} />
      <SaveState saver={saver} />
    </>
  );
}

export function ShownSwitches({ model, offers, providers, touch }: { model: string; offers: Model[]; providers: Provider[]; touch: () => void }) {
  const of = (offer: Model) => providers.find(each => each.id === offer.provider.id);
  return <Stack gap="sm">{offers.map(offer => { const provider = of(offer); return provider && <ShownBy key={provider.id} model={model} provider={provider} touch={touch} />; })}</Stack>;
}
