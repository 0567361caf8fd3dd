// The list as it is read. What is on the screen stays where it is: new jobs are fetched beside it, and go in when the reader is at
// the top, or asks for them.
import { useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo } from "react";
import { ask } from "../api/client";
import type { Job, JobList } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import type { Filter } from "./jobs_filter";

const WATCH_MS = 2_000, FIRST = 50, NEXT = 200, LOOKS = 5; /* pages that are asked for by themselves while there is little to show */

export interface Jobs {
  items: Job[];
  /** Jobs that are not in the list yet; `isMore`: at least so many. */
  fresh: { count: number; isMore: boolean; show: () => void };
  isPending: boolean;
  isOld: boolean; /* what another filter gave, until this one's is there */
  error: unknown;
  retry: () => void;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<unknown>;
  /** How far back was looked for what has no index; null: to the end, or there was nothing to look for. */
  lookedBackTo: number | null;
}

export function useJobs(query: Filter, isLive: boolean, mayMove: () => boolean): Jobs {
  const queries = useQueryClient(), watch = useWatch(WATCH_MS);
  const firstLimit = query.order ? NEXT : FIRST;
  const key = useMemo(() => ["jobs_list, held", query, isLive] as const, [query, isLive]); /* no event is about it */
  const newestOf = said("jobs_list", { query: { ...query, limit: firstLimit } });
  const list = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const page = await ask("jobs_list", { query: { ...query, limit: pageParam ? NEXT : firstLimit, cursor: pageParam }, signal });
      if (!pageParam) queries.setQueryData(newestOf.queryKey, page); /* so that it is not asked for twice */
      return page;
    },
    getNextPageParam: page => page.next_cursor,
    placeholderData: before => before,
    staleTime: Infinity,
  });
  const isHere = list.isSuccess && !list.isPlaceholderData;
  const newest = useQuery({ ...newestOf, enabled: isLive && isHere, refetchInterval: watch });
  const fresh = isLive && isHere ? newest.data : undefined;

  const { items, count } = useMemo(() => {
    const held = list.data?.pages.flatMap(page => page.items) ?? [];
    const now = new Map(fresh?.items.map(job => [job.id, job]));
    const items = held.map(job => now.get(job.id) ?? job);
    held.forEach(job => now.delete(job.id));
    return { items, count: now.size };
  }, [list.data, fresh]);

  const show = useCallback(() => {
    if (fresh) queries.setQueryData<InfiniteData<JobList, string | null>>(key, { pages: [fresh], pageParams: [null] });
  }, [queries, key, fresh]);
  useEffect(() => {
    if (count > 0 && mayMove()) show();
  }, [count, show, mayMove]);

  const pages = list.data?.pages ?? [], isShort = isHere && list.hasNextPage && !list.isFetching && items.length < FIRST && pages.length < LOOKS;
  useEffect(() => {
    if (isShort) void list.fetchNextPage();
  }, [isShort]); /* one after the other */

  return {
    lookedBackTo: pages.at(-1)?.looked_back_to_ms ?? null,
    items, fresh: { count, isMore: count > 0 && count === fresh?.items.length && fresh.next_cursor !== null, show },
    isPending: list.isPending, isOld: list.isPlaceholderData, error: list.error ?? newest.error, retry: () => void list.refetch(),
    hasNextPage: list.hasNextPage && isHere, isFetchingNextPage: list.isFetchingNextPage, fetchNextPage: list.fetchNextPage,
  };
}
