// Words of jobs, as a row has room for them.
import type { Attempt, Job } from "../api/contract";
import { moneyText } from "../parts/numbers";

/** The server's own codes, with blanks. */
export const reasonText = (code: string | null) => (code ? code.replace(/_/g, " ") : "");

const isLocal = (attempt: Attempt) => attempt.tier === "gpu" || attempt.tier === "cli";

/** What has no price is said to have none, but for GPU and CLI, which cost nothing by the token. */
export const attemptCostText = (attempt: Attempt) => (attempt.cost_microusd === null && isLocal(attempt) ? moneyText(0) : moneyText(attempt.cost_microusd));

export function jobCostText(job: Job): string {
  if (job.attempts.length === 0) return "–";
  return job.cost_microusd === null && job.attempts.every(isLocal) ? moneyText(0) : moneyText(job.cost_microusd, job.cost_is_partial);
}
