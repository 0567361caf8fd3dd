// Every model by its name: who serves it, what it costs, whether callers see it, and what is worth knowing of it.
import { Anchor, Badge, Checkbox, Group, Switch, Tabs, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { AutoSaving, LastSaved } from "../parts/auto_save";
import { priceText } from "../parts/dollars";
import { countText } from "../parts/numbers";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Rows, type Column } from "../parts/table";
import { namedOf, type Named } from "./model_flags";
import { Compare, Tools } from "./model_tools";
import { ShownSwitches } from "./models_shown";
import { isLocal, offersOf, type Offer } from "./price_words";
import { Prices } from "./prices";
import { addressOf } from "./usage_query";
import { floorTo, unitOf } from "./usage_range";

type Search = { tab?: string; hidden?: string; find?: string; edit?: string; unpriced?: string; compare?: string };

function shownText({ offers }: Named): string {
  const shown = offers.filter(offer => offer.model.surfaced).length;
  return offers.length === 0 ? "–" : shown === offers.length ? "yes" : shown === 0 ? "hidden" : `${shown} of ${offers.length}`;
}

/** Also one that is gone from its provider: who shows a model should hear of that. */
const isShown = ({ offers }: Named) => offers.length === 0 || offers.some(offer => offer.model.surfaced);

function contextText({ offers }: Named): string {
  const most = Math.max(-1, ...offers.map(offer => offer.model.context_tokens ?? -1));
  return countText(most < 0 ? null : most);
}

/** "$0.75 in, $4.50 out", of each provider that has another one. */
function pricesText({ offers }: Named): string {
  const text = (offer: Offer) => (isLocal(offer) && !offer.price ? "nothing per token" : offer.price?.input_microusd_per_mtok == null || offer.price.output_microusd_per_mtok == null ? "no price"
    : `${priceText(offer.price.input_microusd_per_mtok)} in, ${priceText(offer.price.output_microusd_per_mtok)} out`);
  return [...new Set(offers.map(text))].join("; ") || "–";
}

const columnsWith = (shown: Column<Named>["cell"]): Column<Named>[] => [
  { label: "Model", cell: it => <span className="mono">{it.id}</span> },
  {
    label: "Who serves it", cell: it => (
      <Group gap="xs">{it.offers.map(({ model }) => (
        <Anchor key={model.provider.id} component={Link} to={`/settings/providers/${model.provider.id}` as never} size="sm">{model.provider.name}{model.default && " (its default)"}</Anchor>
      ))}</Group>
    ),
  },
  { label: "Shown", cell: shown },
  { label: "Context", right: true, cell: contextText },
  { label: "Price", cell: it => <Anchor component={Link} to={"/settings/models" as never} search={{ tab: "prices", find: it.id } as never} size="sm" aria-label={`Prices of ${it.id}: ${pricesText(it)}`}>{pricesText(it)}</Anchor> },
  { label: "Jobs in 7 days", right: true, cell: it => (it.jobs > 0 ? <Anchor component={Link} to={"/usage" as never} search={addressOf({ model: it.id, hours: 168, by: "provider" })} aria-label={`${it.id}: ${it.jobs} jobs in 7 days`}>{countText(it.jobs)}</Anchor> : "0") },
  { label: "Worth knowing", cell: it => <Group gap={4}>{it.flags.map(flag => <Badge key={flag} size="sm" variant="light" color={flag === "never used" ? "gray" : "orange"} tt="none">{flag}</Badge>)}</Group> },
];

/** Every one of the list, and what was used of it in the last 7 days and ever. */
function useModels(hasHidden: boolean) {
  const [day] = useState(() => floorTo(Date.now(), unitOf.day));
  const models = useQuery(said("models_list", { query: hasHidden ? { all: 1 } : {} }));
  const providers = useQuery(said("providers_list")), prices = useQuery(said("prices_list"));
  const week = useQuery(said("usage_read", { query: { group_by: "model", since: String(day - 6 * unitOf.day), limit: 5000 } }));
  const ever = useQuery(said("usage_read", { query: { group_by: "model", since: "0", limit: 5000 } }));
  const offers = offersOf(models.data?.items ?? [], providers.data?.items ?? [], prices.data?.items ?? []);
  const isWhole = models.data && providers.data && prices.data && week.data && ever.data;
  const error = models.error ?? providers.error ?? prices.error ?? week.error ?? ever.error;
  const named = isWhole ? namedOf(offers, providers.data.items, week.data.items, ever.data.items) : [];
  return { offers, named, prices: prices.data?.items ?? [], models: models.data?.items ?? [], providers: providers.data?.items ?? [], isWhole: !!isWhole, error, retry: () => { for (const each of [models, providers, prices, week, ever]) void each.refetch(); } };
}

export function ModelsPage() {
  const mayEdit = isAdmin(useCaller()), navigate = useNavigate();
  const search = useSearch({ strict: false }) as Search;
  const [typed, setTyped] = useState<string | null>(null), wanted = typed ?? search.find ?? "";
  const [chosen, setChosen] = useState(new Set<string>());
  const [touched, setTouched] = useState(new Set<string>()); /* what was hidden just now stays, with its Undo */
  const all = useModels(mayEdit);
  const set = (change: Search) => void navigate({ to: "/settings/models" as never, search: addressOf({ ...search, ...change }), replace: true });
  const matches = (id: string) => id.toLowerCase().includes(wanted.toLowerCase());
  const shown = all.named.filter(it => matches(it.id) && (search.hidden || isShown(it) || touched.has(it.id)));
  const offers = all.offers.filter(({ model }) => matches(model.id) && (search.hidden || model.surfaced));
  const columns = columnsWith(it => (mayEdit ? <ShownSwitches model={it.id} offers={it.offers.map(offer => offer.model)} providers={all.providers} touch={() => setTouched(before => new Set(before).add(it.id))} /> : shownText(it)));
  const choose: Column<Named> = {
    label: "Choose", cell: it => <Checkbox aria-label={`Choose ${it.id}`} checked={chosen.has(it.id)}
      onChange={event => { const next = new Set(chosen); if (event.currentTarget.checked) next.add(it.id); else next.delete(it.id); setChosen(next); }} />,
  };
  return (
    <AutoSaving>
      <Page title="Models" wide actions={<LastSaved />}>
        <Group mb="md" align="flex-end">
          <TextInput label="Search" value={wanted} onChange={event => setTyped(event.currentTarget.value)} onBlur={() => { if (typed !== null) set({ find: typed || undefined }); setTyped(null); }} w={260} />
          {mayEdit && <Switch label="Hidden ones, too" checked={!!search.hidden} mb={8} onChange={event => set({ hidden: event.currentTarget.checked ? "1" : undefined })} />}
        </Group>
        <ProblemNote error={all.error} retry={all.retry} />
        {!all.isWhole && !all.error && <Loading />}
        {all.isWhole && (
          <Tabs value={search.tab ?? "models"} keepMounted={false} onChange={tab => set({ tab: tab === "models" ? undefined : (tab ?? undefined) })}>
            <Tabs.List mb="md"><Tabs.Tab value="models">Models</Tabs.Tab><Tabs.Tab value="prices">Prices</Tabs.Tab></Tabs.List>
            <Tabs.Panel value="models">
              {mayEdit && <Tools chosen={chosen} models={all.models} clear={() => setChosen(new Set())} compare={() => set({ compare: "1" })} />}
              {shown.length > 0 ? <Rows label="Models" columns={mayEdit ? [choose, ...columns] : columns} rows={shown} keyOf={it => it.id} />
                : <Empty title={wanted ? "No model by that name" : "No model yet"}><Text>Models come with providers: <Anchor component={Link} to={"/settings/providers" as never}>Providers</Anchor></Text></Empty>}
              <Compare named={all.named.filter(it => chosen.has(it.id))} isOpen={!!search.compare && chosen.size > 1} close={() => set({ compare: undefined })} />
            </Tabs.Panel>
            <Tabs.Panel value="prices">
              <Prices offers={offers} prices={all.prices} edited={search.edit} isOnly={!!search.unpriced} set={set} />
            </Tabs.Panel>
          </Tabs>
        )}
      </Page>
    </AutoSaving>
  );
}
