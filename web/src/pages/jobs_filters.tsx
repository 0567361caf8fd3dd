// The filter of the list of jobs: what is asked for most stands open, the rest one click away.
import { Button, Checkbox, Collapse, Group, Pill, Select, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useMemo, type Ref } from "react";
import { isAdmin, useCaller } from "../app/session";
import { said } from "../app/queries";
import { durationText, moneyText } from "../parts/numbers";
import { filterNames, labels, orders, ranges, statuses, timeOf, type Filter, type FilterName } from "./jobs_filter";

interface Choice { value: string; label: string }
const MANY = 200;

/** A text that filters when it is left, or with Enter. */
export function TextFilter({ label, value, put, field, ...more }: { label: string; value: string | undefined; put: (value: string) => void; field?: Ref<HTMLInputElement>; placeholder?: string; type?: string; w?: number }) {
  const say = (text: string) => { if (text.trim() !== (value ?? "")) put(text.trim()); };
  return (
    <TextInput key={value} ref={field} label={label} defaultValue={value ?? ""} w={170} onBlur={event => say(event.currentTarget.value)}
      onKeyDown={event => { if (event.key === "Enter") say(event.currentTarget.value); }} {...more} />
  );
}

/** One of a list; what the address names is in it, even when it is gone. */
function Pick({ label, value, choices, put }: { label: string; value: string | undefined; choices: Choice[]; put: (value: string) => void }) {
  const isKnown = value === undefined || choices.some(each => each.value === value);
  return <Select label={label} clearable searchable w={170} data={isKnown ? choices : [...choices, { value, label: value }]} value={value ?? null} onChange={next => put(next ?? "")} />;
}

/** Names for ids: of providers, teams, keys and people, as far as one may see them. */
function useChoices(): Partial<Record<FilterName, Choice[]>> {
  const isBoss = isAdmin(useCaller());
  const providers = useQuery(said("providers_list")).data, teams = useQuery(said("teams_list", { query: { limit: MANY } })).data;
  const keys = useQuery(said("keys_list", { query: { limit: MANY } })).data, models = useQuery(said("models_list")).data;
  const users = useQuery({ ...said("users_list"), enabled: isBoss }).data;
  return useMemo(() => {
    const named = (items: { id: string; name: string }[] | undefined) => items?.map(each => ({ value: each.id, label: each.name })) ?? [];
    return {
      status: statuses.map(status => ({ value: status, label: status === "open" ? "running" : status })),
      last: ranges, order: orders, provider: named(providers?.items), failed_provider: named(providers?.items), team: named(teams?.items), key: named(keys?.items), user: isBoss ? named(users?.items) : undefined,
      model: [...new Set(models?.items.map(each => each.id))].sort().map(id => ({ value: id, label: id })),
    };
  }, [isBoss, providers, teams, keys, users, models]);
}

const when = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

function valueText(name: FilterName, value: string, choices: Choice[] | undefined): string {
  const at = name === "since" || name === "until" ? timeOf(value) : null;
  if (name === "cost_from") return moneyText(Number(value));
  if (name === "duration_from") return durationText(Number(value));
  return at === null ? choices?.find(each => each.value === value)?.label ?? value : when.format(at);
}

/** Milliseconds as <input type="datetime-local"> wants them, in the zone of the browser. */
function localText(text: string | undefined): string | undefined {
  const at = timeOf(text);
  return at === null ? undefined : new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A number that the address has in a smaller unit. */
function NumberFilter({ label, value, unit, put }: { label: string; value: string | undefined; unit: number; put: (value: string) => void }) {
  const shown = Number(value) > 0 ? String(Number(value) / unit) : undefined;
  const take = (text: string) => { const number = Math.round(Number(text.replace(",", ".")) * unit); put(number > 0 ? String(number) : ""); };
  return <TextFilter label={label} w={120} value={shown} put={take} />;
}

export function JobFilters({ filter, show, field }: { filter: Filter; show: (filter: Filter) => void; field: Ref<HTMLInputElement> }) {
  const choices = useChoices();
  const [isOpen, more] = useDisclosure(false);
  const put = (change: Filter) => show({ ...filter, ...change });
  const pick = (name: FilterName) => choices[name] && <Pick key={name} label={labels[name]} value={filter[name]} choices={choices[name]!} put={value => put({ [name]: value })} />;
  const time = (name: "since" | "until") => (
    <TextFilter key={name} type="datetime-local" w={210} label={labels[name]} value={localText(filter[name])}
      put={value => put({ last: undefined, [name]: value && String(Date.parse(value)) })} />
  );
  const tick = (name: "failed_over" | "other_than_asked") => (
    <Checkbox key={name} label={labels[name]} mb={8} checked={filter[name] === "true"} onChange={event => put({ [name]: event.currentTarget.checked ? "true" : undefined })} />
  );
  const inForce = filterNames.filter(name => filter[name]);
  return (
    <>
      <Group mb="xs" align="flex-end" gap="sm">
        <Pick label={labels.last} value={filter.last} choices={ranges} put={value => put({ last: value, since: undefined, until: undefined })} />
        {pick("status")}{pick("provider")}
        <TextFilter label={labels.model} value={filter.model} field={field} put={value => put({ model: value })} />
        <Button variant="default" aria-expanded={isOpen} onClick={more.toggle}>{isOpen ? "Fewer filters" : "More filters"}</Button>
      </Group>
      <Collapse expanded={isOpen}>
        <Group mb="xs" align="flex-end" gap="sm">
          {time("since")}{time("until")}
          <TextFilter label={labels.reason} value={filter.reason} placeholder="rate_limited" put={value => put({ reason: value })} />
          {pick("team")}{pick("user")}{pick("key")}{pick("failed_provider")}
          <NumberFilter label={labels.cost_from} value={filter.cost_from} unit={1e6} put={value => put({ cost_from: value })} />
          <NumberFilter label={labels.duration_from} value={filter.duration_from} unit={1e3} put={value => put({ duration_from: value })} />
          {pick("order")}{tick("failed_over")}{tick("other_than_asked")}
        </Group>
      </Collapse>
      {inForce.length > 0 && (
        <Group mb="sm" gap="xs">
          {inForce.map(name => (
            <Pill key={name} size="md" withRemoveButton onRemove={() => put({ [name]: undefined })} removeButtonProps={{ "aria-label": `Without ${labels[name].toLowerCase()}`, tabIndex: 0, "aria-hidden": undefined }}>
              {filter[name] === "true" ? labels[name] : `${labels[name].replace(/ \(.*/, "")}: ${valueText(name, filter[name]!, choices[name])}`}
            </Pill>
          ))}
          <Button size="compact-sm" variant="subtle" onClick={() => show({})}>Clear filters</Button>
        </Group>
      )}
    </>
  );
}
