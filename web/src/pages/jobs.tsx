// Every request: who asked for what, who was asked, who answered, and what it cost. The filter is the address.
import "./jobs.css";
import { Anchor, Button, Code, Group, Switch, Text } from "@mantine/core";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo, useRef, useState } from "react";
import type { Job } from "../api/contract";
import { usePageKeys } from "../app/keys";
import { isAdmin, useCaller } from "../app/session";
import { countText } from "../parts/numbers";
import { More } from "../parts/more";
import { Empty, Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";
import { JobPeek } from "./job_peek";
import { JobExport } from "./jobs_export";
import { filterOf, frozen, timeOf, type Filter, type Search } from "./jobs_filter";
import { JobFilters } from "./jobs_filters";
import { useJobs, type Jobs } from "./jobs_list";
import { JobRows } from "./jobs_rows";
import { JobStrip } from "./jobs_strip";
import { JobViews } from "./jobs_views";

const HEADER = 52;

function NothingYet() {
  return (
    <Empty title="No jobs yet">
      <Text>Send one from the <Anchor component={Link} to={"/playground" as never}>playground</Anchor>, or with a <Anchor component={Link} to={"/settings/keys" as never}>key</Anchor>:</Text>
      <Code block tabIndex={0} maw="100%">{`curl ${location.origin}/api/openai/v1/chat/completions \\\n  -H "Authorization: Bearer $AUXOT_KEY" -H "Content-Type: application/json" \\\n  -d '{"model":"auto","messages":[{"role":"user","content":"Hello"}]}'`}</Code>
    </Empty>
  );
}

function NoMatch({ isAll, clear }: { isAll: boolean; clear: () => void }) {
  return <Empty title={isAll ? "No job matches" : "No job matches so far"}><Button variant="default" onClick={clear}>Clear filters</Button></Empty>;
}

/** The server looks through a part of the jobs for what has no index: how far is said, so that none is missed unknowingly. */
function Looked({ jobs, isOrdered }: { jobs: Jobs; isOrdered: boolean }) {
  if (jobs.lookedBackTo === null || jobs.isOld) return null;
  return <Text size="sm" mt="sm" role="status">{isOrdered ? "Of the newest 20,000 that match" : "Looked through the jobs"}, back to <Moment at={jobs.lookedBackTo} />. {isOrdered ? "Choose a time for others." : ""}</Text>;
}

/** One that is looked at by its place in the list: the keys go from it to the next. */
function useWalk(jobs: Jobs, peek: string | undefined, setPeek: (id: string | undefined) => void) {
  const [at, setAt] = useState<{ id: string; isByKeys: boolean } | null>(null);
  const current = peek ?? at?.id ?? null;
  const look = (job: Job, isByKeys: boolean, isPeek: boolean) => {
    setAt({ id: job.id, isByKeys });
    if (isPeek) setPeek(job.id);
  };
  const step = (by: 1 | -1, isPeek: boolean) => {
    const from = jobs.items.findIndex(job => job.id === current), to = from < 0 ? 0 : from + by;
    if (jobs.items[to]) look(jobs.items[to], true, isPeek);
    if (to >= jobs.items.length - 1 && jobs.hasNextPage && !jobs.isFetchingNextPage) void jobs.fetchNextPage();
  };
  return { current, isByKeys: at?.id === current && Boolean(at?.isByKeys), look, step, leave: () => { setPeek(undefined); setAt(null); } };
}

export function JobsPage() {
  const navigate = useNavigate(), isBoss = isAdmin(useCaller());
  const search = useSearch({ strict: false }) as Search;
  const [opened] = useState(() => Math.floor(Date.now() / 60_000) * 60_000); /* what "last 24 hours" counts from */
  const text = JSON.stringify(filterOf(search));
  const { filter, query } = useMemo(() => {
    const filter = JSON.parse(text) as Filter, { last, ...query } = frozen(filter, opened);
    return { filter, query };
  }, [text, opened]);
  const isLive = search.live !== "off", isFiltered = Object.keys(filter).length > 0;
  const show = (next: Filter, more: Search = {}) => void navigate({ to: "/audit/jobs" as never, search: { ...next, live: search.live, ...more } as never, replace: true, resetScroll: false });

  const top = useRef<HTMLDivElement>(null), field = useRef<HTMLInputElement>(null), isReading = useRef(false);
  const mayMove = useCallback(() => !isReading.current && (top.current?.getBoundingClientRect().top ?? 0) >= HEADER, []);
  const jobs = useJobs(query, isLive, mayMove);
  const setPeek = (id: string | undefined) => show(filter, { peek: id });
  const walk = useWalk(jobs, search.peek, setPeek);
  isReading.current = walk.current !== null;
  const showNew = () => { jobs.fresh.show(); walk.leave(); window.scrollTo({ top: 0 }); };
  usePageKeys({
    j: () => walk.step(1, Boolean(search.peek)), k: () => walk.step(-1, Boolean(search.peek)), "]": () => walk.step(1, true), "[": () => walk.step(-1, true),
    Escape: walk.leave, "/": () => field.current?.focus(),
    Enter: () => { if (walk.current) void navigate({ to: `/audit/jobs/${walk.current}` as never, search: { ...filter, list: "1" } as never }); },
  });
  const isEmpty = !jobs.isPending && !jobs.error && jobs.items.length === 0, [since, until] = [timeOf(query.since), timeOf(query.until)];
  return (
    <Page title="Jobs" wide actions={<JobExport filter={query} />}>
      {!isBoss && <Text size="sm" c="dimmed" mb="xs">Your own jobs; admins see everybody’s.</Text>}
      <JobViews filter={filter} show={next => show(next)} />
      <JobFilters filter={filter} show={next => show(next)} field={field} />
      {!(isEmpty && !isFiltered) && <JobStrip filter={query} put={(from, to) => show({ ...filter, last: undefined, since: String(from), until: String(to) })} />}
      <Group mb="xs" gap="md">
        <Switch label="Live" checked={isLive} onChange={event => show(filter, { peek: search.peek, live: event.currentTarget.checked ? undefined : "off" })} />
        <Text size="sm" c="dimmed">{jobs.isPending ? "" : `${countText(jobs.items.length)}${jobs.hasNextPage ? " or more" : ""} jobs`}</Text>
        {isBoss && since !== null && until !== null && <Anchor component={Link} size="sm" to={"/audit/events" as never} search={{ since: query.since, until: query.until } as never}>Events of this time</Anchor>}
      </Group>
      <ProblemNote error={jobs.error} retry={jobs.retry} />
      <div className="thin-bar" data-on={jobs.isOld || undefined} ref={top} />
      <div className="job-list">
        <div className="job-table">
          {jobs.fresh.count > 0 && <div className="new-jobs"><Button size="xs" radius="xl" onClick={showNew}>+{jobs.fresh.count}{jobs.fresh.isMore ? " or more" : ""} new</Button></div>}
          {jobs.isPending && !jobs.error && <Loading rows={8} />}
          {jobs.items.length > 0 && <JobRows jobs={jobs.items} filter={filter} current={walk.current} isByKeys={walk.isByKeys} isNarrow={search.peek !== undefined} isOld={jobs.isOld} onPeek={job => (job.id === search.peek ? walk.leave() : walk.look(job, false, true))} />}
          {isEmpty && (isFiltered ? <NoMatch isAll={!jobs.hasNextPage} clear={() => show({})} /> : <NothingYet />)}
          <Looked jobs={jobs} isOrdered={filter.order !== undefined} />
          <More list={jobs} />
        </div>
        {search.peek && <JobPeek id={search.peek} known={jobs.items.find(job => job.id === search.peek)} filter={filter} walk={by => walk.step(by, true)} close={walk.leave} />}
      </div>
    </Page>
  );
}
