// Every model by its name: who serves it, in which order, and whether callers see it.
import { Anchor, Group, Switch, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Model } from "../api/contract";
import { said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { AutoSaving, LastSaved } from "../parts/auto_save";
import { countText } from "../parts/numbers";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Rows, type Column } from "../parts/table";
import { ShownSwitches } from "./models_shown";

interface Named { id: string; offers: Model[] }

function byName(models: Model[]): Named[] {
  const names = new Map<string, Model[]>();
  for (const model of models) names.set(model.id, [...(names.get(model.id) ?? []), model]);
  return [...names].map(([id, offers]) => ({ id, offers })).sort((a, b) => a.id.localeCompare(b.id));
}

const isShown = (it: Named) => it.offers.some(offer => offer.surfaced);
const shownText = (it: Named) => { const shown = it.offers.filter(offer => offer.surfaced).length; return shown === it.offers.length ? "yes" : shown === 0 ? "hidden" : `${shown} of ${it.offers.length}`; };

const columnsWith = (shown: Column<Named>["cell"]): Column<Named>[] => [
  { label: "Model", cell: it => <span className="mono">{it.id}</span> },
  {
    label: "Who serves it", cell: it => (
      <Group gap="xs">{it.offers.map(offer => (
        <Anchor key={offer.provider.id} component={Link} to={`/settings/providers/${offer.provider.id}` as never} size="sm">{offer.provider.name}{offer.default && " (its default)"}</Anchor>
      ))}</Group>
    ),
  },
  { label: "Shown", cell: shown },
  { label: "Context", right: true, cell: it => countText(Math.max(...it.offers.map(offer => offer.context_tokens ?? -1)) < 0 ? null : Math.max(...it.offers.map(offer => offer.context_tokens ?? -1))) },
];

export function ModelsPage() {
  const caller = useCaller();
  const navigate = useNavigate();
  const { hidden, find } = useSearch({ strict: false }) as { hidden?: string; find?: string };
  const [wanted, setWanted] = useState(find ?? "");
  const [touched, setTouched] = useState<string[]>([]); /* what was hidden just now stays, with its Undo */
  const models = useQuery(said("models_list", { query: isAdmin(caller) ? { all: 1 } : {} }));
  const providers = useQuery({ ...said("providers_list"), enabled: isAdmin(caller) }).data?.items ?? [];
  const shown = byName(models.data?.items ?? [])
    .filter(it => it.id.toLowerCase().includes(wanted.toLowerCase()) && (hidden || isShown(it) || touched.includes(it.id)));
  const touch = (id: string) => setTouched(before => [...before.filter(each => each !== id), id]);
  const columns = columnsWith(it => (isAdmin(caller) ? <ShownSwitches model={it.id} offers={it.offers} providers={providers} touch={() => touch(it.id)} /> : shownText(it)));
  return (
    <AutoSaving>
      <Page title="Models" actions={<LastSaved />}>
        <Group mb="md" align="flex-end">
          <TextInput label="Search" value={wanted} onChange={event => setWanted(event.currentTarget.value)} w={260} />
          {isAdmin(caller) && <Switch label="Hidden ones, too" checked={!!hidden} mb={8}
            onChange={event => void navigate({ to: "/settings/models" as never, search: (event.currentTarget.checked ? { hidden: "1" } : {}) as never })} />}
        </Group>
        <ProblemNote error={models.error} retry={() => void models.refetch()} />
        {models.isPending && <Loading />}
        {shown.length > 0 && <Rows label="Models" columns={columns} rows={shown} keyOf={it => it.id} />}
        {models.data && shown.length === 0 && <Empty title={wanted ? "No model by that name" : "No model yet"}><Text>Models come with providers: <Anchor component={Link} to={"/settings/providers" as never}>Providers</Anchor></Text></Empty>}
      </Page>
    </AutoSaving>
  );
}
