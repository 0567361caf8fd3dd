// Lists that come in pages: the next one is fetched when it is asked for, and added below.
import { useInfiniteQuery } from "@tanstack/react-query";
import { ask, type Query } from "../api/client";
import type { Operations } from "../api/contract";

type Lists = { [Id in keyof Operations]: Operations[Id]["answer"] extends { items: unknown[]; next_cursor: string | null } ? Id : never }[keyof Operations];
type ItemOf<Id extends Lists> = Operations[Id]["answer"] extends { items: (infer Item)[] } ? Item : never;

export function useList<Id extends Lists>(id: Id, query: Query = {}, watch_ms: number | false = false) {
  const list = useInfiniteQuery({
    queryKey: [id, query] as const,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => ask(id, { query: { ...query, cursor: pageParam } }) as Promise<{ items: ItemOf<Id>[]; next_cursor: string | null }>,
    getNextPageParam: page => page.next_cursor,
    refetchInterval: watch_ms,
    placeholderData: before => before,
  });
  return { ...list, items: list.data?.pages.flatMap(page => page.items) ?? [] };
}
