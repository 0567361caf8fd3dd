// Ways to look at jobs: ours, and one's own. One's own have a name in this browser; what they show is their address, so a view is
// shared as a link.
import { ActionIcon, Button, Group, Popover, Stack, Text, TextInput } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useState } from "react";
import { CopyField } from "../parts/copy";
import { filterOf, frozen, presets, sameFilter, type Filter, type Search } from "./jobs_filter";

const SHELF = "auxot-job-views", MANY = 50, NAME_MAX = 60;
interface View { name: string; filter: Filter }

const isView = (given: unknown): given is { name: string; filter: Search } =>
  typeof given === "object" && given !== null && typeof (given as View).name === "string" && typeof (given as View).filter === "object" && (given as View).filter !== null;

/** What stands in the browser may be anybody's: only names and texts of it are taken. */
function read(): View[] {
  try {
    const given = JSON.parse(localStorage.getItem(SHELF) ?? "[]") as unknown;
    return Array.isArray(given) ? given.filter(isView).slice(0, MANY).map(({ name, filter }) => ({ name: name.slice(0, NAME_MAX), filter: filterOf(filter) })) : [];
  } catch {
    return [];
  }
}

function useViews() {
  const [views, setViews] = useState(read);
  const write = (next: View[]) => { setViews(next); localStorage.setItem(SHELF, JSON.stringify(next)); };
  return {
    views,
    add: (view: View) => write([...views.filter(each => each.name !== view.name), view].slice(-MANY)),
    remove: (name: string) => write(views.filter(each => each.name !== name)),
  };
}

function Save({ filter, add }: { filter: Filter; add: (view: View) => void }) {
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState("");
  return (
    <Popover opened={isOpen} onChange={setOpen} trapFocus withinPortal={false} position="bottom-start">
      <Popover.Target><Button size="compact-sm" variant="default" onClick={() => setOpen(!isOpen)}>Save view</Button></Popover.Target>
      <Popover.Dropdown aria-label="Save view">
        <form onSubmit={event => { event.preventDefault(); if (name.trim()) { add({ name: name.trim(), filter }); setOpen(false); setName(""); } }}>
          <Group align="flex-end" gap="xs">
            <TextInput label="Name of the view" data-autofocus maxLength={NAME_MAX} value={name} onChange={event => setName(event.currentTarget.value)} />
            <Button type="submit">Save</Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}

const linkOf = (filter: Filter) => `${location.origin}/audit/jobs?${new URLSearchParams(frozen(filter, Date.now()) as Record<string, string>)}`;

function Share({ filter }: { filter: Filter }) {
  const [link, setLink] = useState<string | null>(null);
  return (
    <Popover opened={link !== null} onChange={open => { if (!open) setLink(null); }} trapFocus withinPortal={false} position="bottom-start" width={420}>
      <Popover.Target><Button size="compact-sm" variant="default" onClick={() => setLink(link === null ? linkOf(filter) : null)}>Share</Button></Popover.Target>
      <Popover.Dropdown aria-label="Share"><Stack gap="xs"><CopyField label="Link to this list" value={link ?? ""} /><Text size="xs" c="dimmed">A time like “last 24 hours” is fixed in it.</Text></Stack></Popover.Dropdown>
    </Popover>
  );
}

export function JobViews({ filter, show }: { filter: Filter; show: (filter: Filter) => void }) {
  const { views, add, remove } = useViews();
  const look = (each: Filter) => (sameFilter(each, filter) ? "light" : "default");
  return (
    <Group gap="xs" mb="sm" role="group" aria-label="Views">
      {presets.map(each => <Button key={each.label} size="compact-sm" variant={look(each.filter)} aria-pressed={sameFilter(each.filter, filter)} onClick={() => show(each.filter)}>{each.label}</Button>)}
      {views.map(each => (
        <Button.Group key={each.name}>
          <Button size="compact-sm" variant={look(each.filter)} aria-pressed={sameFilter(each.filter, filter)} onClick={() => show(each.filter)}>{each.name}</Button>
          <ActionIcon size={26} variant="default" aria-label={`Remove the view ${each.name}`} onClick={() => remove(each.name)}><IconX size={14} /></ActionIcon>
        </Button.Group>
      ))}
      <Save filter={filter} add={add} />
      <Share filter={filter} />
    </Group>
  );
}
