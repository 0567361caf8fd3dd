// Whether callers see one model of a provider: a field of its own, though the provider keeps a list.
import type { Provider } from "../api/contract";
import { useProviderField } from "./provider_field";

const listWith = (provider: Provider, model: string, isShown: boolean) =>
  provider.models.filter(each => (each.id === model ? isShown : each.surfaced)).map(each => each.id);

export const useSurfaced = (provider: Provider, model: string) => useProviderField(provider, `shows ${model}`, {
  label: `${model} shown by ${provider.name}`, of: it => it.models.find(each => each.id === model)?.surfaced ?? false,
  change: (value, it) => ({ surfaced_models: listWith(it, model, value) }), moves: true, text: value => (value ? "shown" : "hidden"),
});
