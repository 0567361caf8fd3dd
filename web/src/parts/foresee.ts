// Asks the dry run what a change would have done to the last day's requests.
import { ApiProblem, ask } from "../api/client";
import type { RehearseChanges } from "../api/contract";
import { forecastOf, type Forecast } from "./forecast";

const DAY_MS = 86_400_000, STALE = 412;

export async function foresee(changes: NonNullable<RehearseChanges>): Promise<Forecast> {
  const until = Date.now() + 1;
  return forecastOf(await ask("routing_rehearse", { body: { since: until - DAY_MS, until, changes } }));
}

export const isStale = (error: unknown) => error instanceof ApiProblem && error.status === STALE;
