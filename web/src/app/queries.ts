// What the server said last: one store for all pages. A query's key is its operation, so that a live event can name it.
import { QueryClient, queryOptions } from "@tanstack/react-query";
import { ApiProblem, ask, type Query, type Segments } from "../api/client";
import type { Operations } from "../api/contract";

const isOurFault = (error: unknown) => error instanceof ApiProblem && error.status >= 400 && error.status < 500;

export const queries = new QueryClient({
  defaultOptions: { queries: { staleTime: 5_000, retry: (count, error) => count < 2 && !isOurFault(error) } },
});

export function said<Id extends keyof Operations>(id: Id, given: { at?: Segments; query?: Query } = {}) {
  return queryOptions({
    queryKey: [id, given.at ?? {}, given.query ?? {}] as const,
    queryFn: () => ask(id, given),
  });
}

/** After a write: what these operations said is asked again. */
export const refresh = (...ids: (keyof Operations)[]) =>
  Promise.all(ids.map(id => queries.invalidateQueries({ queryKey: [id] })));
