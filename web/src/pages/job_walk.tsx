// From a job to the next one of the list that one came from: its filter is in the address. The list is newest first; who comes
// before is looked for in times that grow, for the server tells the newest of a time first.
import { Anchor, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { ask } from "../api/client";
import type { Job } from "../api/contract";
import { usePageKeys } from "../app/keys";
import { isAdmin, useCaller } from "../app/session";
import { filterOf, frozen, timeOf, type Filter, type Search } from "./jobs_filter";

const FEW = 50, FIRST_MS = 1_000, GROWTH = 8, PAGES_MAX = 20, AROUND_MS = 300_000;

const page = (filter: Filter, since: number | null, until: number, cursor: string | null = null) =>
  ask("jobs_list", { query: { ...filter, since: since === null ? filter.since : String(since), until: String(until), limit: FEW, cursor } });

interface Page { items: Job[]; next_cursor: string | null }

async function olderThan(job: Job, filter: Filter): Promise<string | null> {
  const until = Math.min(timeOf(filter.until) ?? Infinity, job.created_at_ms + 1);
  let cursor: string | null = null, isPast = false;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { items, next_cursor }: Page = await page(filter, null, until, cursor);
    const at = items.findIndex(each => each.id === job.id);
    const next = items.slice(at + 1).find(each => isPast || at >= 0 || each.created_at_ms < job.created_at_ms);
    if (next || !next_cursor) return next?.id ?? null;
    isPast ||= at >= 0;
    cursor = next_cursor;
  }
  return null;
}

/** The one before `job` in what is given of a time that ends before it, or, without any, its last. */
async function lastBefore(job: Job, filter: Filter, since: number, until: number): Promise<string | null> {
  let last: string | null = null, cursor: string | null = null;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const { items, next_cursor }: Page = await page(filter, since, until, cursor);
    const at = items.findIndex(each => each.id === job.id);
    last = (at < 0 ? items.at(-1)?.id : items[at - 1]?.id) ?? last;
    if (at >= 0 || !next_cursor) break;
    cursor = next_cursor;
  }
  return last;
}

async function newerThan(job: Job, filter: Filter, now: number): Promise<string | null> {
  const end = Math.min(timeOf(filter.until) ?? Infinity, now);
  for (let span = FIRST_MS; ; span *= GROWTH) {
    const until = Math.min(end, job.created_at_ms + span);
    const found = await lastBefore(job, filter, job.created_at_ms, until);
    if (found || until >= end) return found;
  }
}

/** `list` in the address says that one came from a list, if only from one without a filter. */
export function useWayBack() {
  const { list, ...search } = useSearch({ strict: false }) as Search & { list?: string };
  const filter = filterOf(search);
  return { hasList: list !== undefined, hasNext: filter.order === undefined, filter };
}

export function JobWalk({ job }: { job: Job }) {
  const { hasList, hasNext, filter } = useWayBack();
  const navigate = useNavigate(), isBoss = isAdmin(useCaller());
  const ways = useQuery({
    queryKey: ["jobs_list, held", "around", job.id, filter], enabled: hasList && hasNext, staleTime: 10_000,
    queryFn: async () => {
      const now = Date.now() + 1, of = frozen(filter, now);
      const [newer, older] = await Promise.all([newerThan(job, of, now), olderThan(job, of)]);
      return { newer, older };
    },
  });
  const to = (id: string | null | undefined) => { if (id) void navigate({ to: `/audit/jobs/${id}` as never, search: { ...filter, list: "1" } as never }); };
  const back = () => void navigate({ to: "/audit/jobs" as never, search: filter as never });
  usePageKeys(hasList ? { "[": () => to(ways.data?.newer), "]": () => to(ways.data?.older), Escape: back } : {});
  const step = (label: string, id: string | null | undefined) => id && <Anchor component={Link} to={`/audit/jobs/${id}` as never} search={{ ...filter, list: "1" } as never}>{label}</Anchor>;
  return (
    <Group gap="md">
      {step("Newer", ways.data?.newer)}{step("Older", ways.data?.older)}
      {isBoss && <Anchor component={Link} to={"/audit/events" as never} search={{ since: String(job.created_at_ms - AROUND_MS), until: String(job.created_at_ms + AROUND_MS) } as never}>Events around it</Anchor>}
      <Anchor component={Link} to={"/audit/jobs" as never} search={filter as never}>{hasList ? "Back to the list" : "All jobs"}</Anchor>
    </Group>
  );
}
