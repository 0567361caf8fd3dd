// Flows as GET /api/routing/flows tells them, and the same from a job of the live stream: so the map goes on counting without
// asking again. Pure: no page, no clock.
import type { Job, RoutingFlow, RoutingFlows } from "../api/contract";

export const MINUTE_MS = 60_000, WINDOW_MINUTES = 5;

/** The flows of a picture: those of its minute, and of the four before. */
export const sinceOf = (at: number) => Math.floor(at / MINUTE_MS) * MINUTE_MS - (WINDOW_MINUTES - 1) * MINUTE_MS;

/** Over how many minutes something was counted; never less than one. */
export const minutesOf = (since: number, until: number) => Math.max(1, (until - since) / MINUTE_MS);

export const endOf = (job: Job) => job.created_at_ms + Math.max(0, job.duration_ms ?? 0);

/** As src/admin/flows.c does: the job counts where it ended, each attempt where it was made. */
export function flowsOfJob(job: Job): RoutingFlow[] {
  const base = {
    at_ms: Math.floor(job.created_at_ms / MINUTE_MS) * MINUTE_MS, team: job.team, team_name: job.team_name,
    asked: job.requested_model === "auto" ? "auto" as const : "name" as const,
  };
  const failed = job.status === "done" || job.status === "cancelled" ? 0 : 1;
  if (job.attempts.length === 0)
    return [{ ...base, provider: null, tier: null, model: null, worker: null, jobs: 1, failed, attempts: 0, moved_on: 0 }];
  return job.attempts.map((attempt, at) => {
    const isLast = at === job.attempts.length - 1;
    const { provider, tier, model, worker } = attempt;
    return { ...base, provider, tier, model, worker, jobs: isLast ? 1 : 0, failed: isLast ? failed : 0, attempts: 1, moved_on: isLast ? 0 : 1 };
  });
}

/** Each job once, by its id: what the stream says again after a break is the same job. */
export const keep = (kept: Job[], job: Job, since: number): Job[] =>
  [...kept.filter(each => each.id !== job.id && each.created_at_ms >= since), job];

/** What was asked for once, and the jobs that have ended since. */
export function flowsNow(asked: RoutingFlows, heard: Job[], since: number): RoutingFlow[] {
  const late = heard.filter(job => endOf(job) > asked.as_of_ms && job.created_at_ms >= asked.since_ms);
  return [...asked.flows, ...late.flatMap(flowsOfJob)].filter(flow => flow.at_ms >= since);
}
