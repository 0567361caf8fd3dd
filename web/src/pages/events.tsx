// Who changed what, before and after; and what the system noticed by itself.
import { Anchor, Button, Code, Collapse, Group, Text, TextInput } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { placeOf } from "../api/client";
import type { Event } from "../api/contract";
import { useWatch } from "../app/live";
import { More } from "../parts/more";
import { Empty, Loading, Page } from "../parts/page";
import { useList } from "../parts/pages";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";
import { Rows, type Column } from "../parts/table";
import { timeOf } from "./jobs_filter";

const WATCH_MS = 5_000;

function Change({ event }: { event: Event }) {
  const [isOpen, setOpen] = useState(false);
  if (event.before === null && event.after === null) return null;
  return (
    <>
      <Button size="compact-xs" variant="default" aria-expanded={isOpen} aria-label={`Before and after of ${event.action}`} onClick={() => setOpen(!isOpen)}>Before and after</Button>
      <Collapse expanded={isOpen}>
        <Code block tabIndex={0} ta="left">{`- ${JSON.stringify(event.before)}\n+ ${JSON.stringify(event.after)}`}</Code>
      </Collapse>
    </>
  );
}

const AROUND_MS = 300_000;

const columns: Column<Event>[] = [
  { label: "Time", cell: event => (
    <><Moment at={event.at_ms} /> <Anchor component={Link} size="sm" to={"/audit/jobs" as never} search={{ since: String(event.at_ms - AROUND_MS), until: String(event.at_ms + AROUND_MS) } as never}>jobs around it</Anchor></>
  ) },
  { label: "Who", cell: event => <span className="mono">{event.actor}</span> },
  { label: "Did", cell: event => event.action },
  { label: "To", cell: event => <span className="mono">{event.subject}</span> },
  { label: "Change", cell: event => <Change event={event} /> },
];

type Filter = Partial<Record<"actor" | "action" | "subject" | "since" | "until", string>>;

export function EventsPage() {
  const watch = useWatch(WATCH_MS);
  const navigate = useNavigate();
  const filter = useSearch({ strict: false }) as Filter;
  const events = useList("events_list", filter, watch);
  const show = (next: Filter) => void navigate({ to: "/audit/events" as never, search: next as never, replace: true });
  const set = (name: keyof Filter, value: string) => show({ ...filter, [name]: value || undefined });
  const since = timeOf(filter.since), until = timeOf(filter.until);
  return (
    <Page title="Events" wide actions={<>
      <Button component="a" variant="default" size="xs" href={placeOf("/api/events", {}, { ...filter, format: "csv" })} download="events.csv">CSV</Button>
      <Button component="a" variant="default" size="xs" href={placeOf("/api/events", {}, { ...filter, format: "jsonl" })} download="events.jsonl">JSON lines</Button>
    </>}>
      <Group mb="md" align="flex-end">
        {(["actor", "action", "subject"] as const).map(name => (
          <TextInput key={name} label={{ actor: "Who", action: "Did", subject: "To" }[name]} defaultValue={filter[name] ?? ""} w={200} onBlur={event => set(name, event.currentTarget.value.trim())}
            onKeyDown={event => { if (event.key === "Enter") set(name, event.currentTarget.value.trim()); }} />
        ))}
      </Group>
      {(since !== null || until !== null) && (
        <Group mb="md" gap="sm">
          <Text size="sm">{since !== null && <>From <Moment at={since} /> </>}{until !== null && <>until <Moment at={until} /></>}</Text>
          <Button size="compact-sm" variant="default" onClick={() => show({ ...filter, since: undefined, until: undefined })}>All times</Button>
          <Anchor component={Link} size="sm" to={"/audit/jobs" as never} search={{ since: filter.since, until: filter.until } as never}>Jobs of this time</Anchor>
        </Group>
      )}
      <ProblemNote error={events.error} retry={() => void events.refetch()} />
      {events.isPending && <Loading rows={8} />}
      {events.items.length > 0 && <Rows label="Events" columns={columns} rows={events.items} keyOf={event => event.id} />}
      {events.data && events.items.length === 0 && <Empty title="No event matches"><Text>Changes, sign-ins and lost workers are listed here.</Text></Empty>}
      <More list={events} />
    </Page>
  );
}
