// Every request: who asked for what, who was asked, who answered, and what it cost. The filter is the address.
import { Anchor, Badge, Button, Group, Select, Switch, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { placeOf } from "../api/client";
import type { Job } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import { countText, durationText } from "../parts/numbers";
import { More } from "../parts/more";
import { Empty, Loading, Page } from "../parts/page";
import { useList } from "../parts/pages";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { Chain } from "./chain";
import { jobCostText } from "./job_words";

const WATCH_MS = 2_000, PAGE = 50;
const statuses = ["done", "failed", "cancelled", "interrupted", "refused", "open"];
const presets = [{ label: "All", filter: {} }, { label: "Failures", filter: { status: "failed" } }, { label: "Refused", filter: { status: "refused" } }];

const tokens = (job: Job) => (job.input_tokens === null && job.output_tokens === null ? "unknown"
  : `${countText(job.input_tokens)} in, ${countText(job.output_tokens)} out${job.estimated ? " (estimated)" : ""}`);

const columns: Column<Job>[] = [
  { label: "Time", cell: job => <Anchor component={Link} to={`/audit/jobs/${job.id}` as never}><Moment at={job.created_at_ms} /></Anchor> },
  { label: "Status", cell: job => <Status state={job.status} /> },
  { label: "Who", cell: job => <Text size="sm" component="span">{job.user_name ?? job.key_name ?? "–"}</Text> },
  { label: "Asked for", cell: job => <span className="mono">{job.requested_model ?? "–"}</span> },
  { label: "Who was asked", cell: job => <><Chain attempts={job.attempts} /> {job.answer.failed_over && <Badge size="xs" color="orange" variant="light">failed over</Badge>}</> },
  { label: "Answered", cell: job => <span className="mono">{job.model ?? "–"}</span> },
  { label: "First token", right: true, cell: job => durationText(job.first_byte_ms) },
  { label: "Took", right: true, cell: job => durationText(job.duration_ms) },
  { label: "Tokens", right: true, cell: job => <Text size="sm" component="span">{tokens(job)}</Text> },
  { label: "Cost", right: true, cell: jobCostText },
];

type Filter = Partial<Record<"status" | "provider" | "model" | "key" | "team" | "user" | "reason" | "since" | "until" | "live", string>>;

export function JobsPage() {
  const watch = useWatch(WATCH_MS);
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as Filter;
  const { live, ...filter } = search;
  const providers = useQuery(said("providers_list"));
  const jobs = useList("jobs_list", { ...filter, limit: PAGE }, live === "off" ? false : watch, live === "off");
  const show = (next: Filter) => void navigate({ to: "/audit/jobs" as never, search: next as never, replace: true });
  const set = (name: keyof Filter, value: string | null) => show({ ...search, [name]: value || undefined });
  const isFiltered = Object.values(filter).some(Boolean);
  return (
    <Page title="Jobs" wide actions={<>
      <Button component="a" variant="default" size="xs" href={placeOf("/api/jobs", {}, { ...filter, format: "csv" })} download="jobs.csv">CSV</Button>
      <Button component="a" variant="default" size="xs" href={placeOf("/api/jobs", {}, { ...filter, format: "jsonl" })} download="jobs.jsonl">JSON lines</Button>
    </>}>
      <Group mb="sm" gap="xs">
        {presets.map(preset => <Button key={preset.label} size="compact-sm" variant="default" onClick={() => show({ ...preset.filter, live })}>{preset.label}</Button>)}
        <Switch label="Live" checked={live !== "off"} onChange={event => set("live", event.currentTarget.checked ? null : "off")} />
      </Group>
      <Group mb="md" align="flex-end" gap="sm">
        <Select label="Status" clearable w={150} data={statuses} value={filter.status ?? null} onChange={value => set("status", value)} />
        <Select label="Provider" clearable searchable w={190} data={providers.data?.items.map(each => ({ value: each.id, label: each.name })) ?? []} value={filter.provider ?? null} onChange={value => set("provider", value)} />
        <TextInput label="Model" w={190} defaultValue={filter.model ?? ""} onBlur={event => set("model", event.currentTarget.value.trim())}
          onKeyDown={event => { if (event.key === "Enter") set("model", event.currentTarget.value.trim()); }} />
        {isFiltered && <Button variant="subtle" onClick={() => show({ live })}>Clear filters</Button>}
      </Group>
      <ProblemNote error={jobs.error} retry={() => void jobs.refetch()} />
      {jobs.isPending && <Loading rows={8} />}
      {jobs.items.length > 0 && <Rows label="Jobs" columns={columns} rows={jobs.items} keyOf={job => job.id} />}
      {jobs.data && jobs.items.length === 0 && (isFiltered
        ? <Empty title="No job matches"><Button variant="default" onClick={() => show({ live })}>Clear filters</Button></Empty>
        : <Empty title="No jobs yet"><Text>Send one from the <Anchor component={Link} to={"/playground" as never}>playground</Anchor>, or with a <Anchor component={Link} to={"/settings/keys" as never}>key</Anchor>.</Text></Empty>)}
      <More list={jobs} />
    </Page>
  );
}
