import { expect, test } from "vitest";
import { aJob, anAttempt } from "../fixtures";
import { attemptCostText, jobCostText, reasonText } from "./job_words";

test("a cloud's attempt without a price has no price; a GPU's and a CLI's cost nothing by the token", () => {
  expect(attemptCostText(anAttempt({ cost_microusd: null }))).toBe("no price");
  for (const tier of ["gpu", "cli"] as const) expect(attemptCostText(anAttempt({ tier, cost_microusd: null }))).toBe("$0.00");
});

test("one cloud among the attempts is enough for a job to have no price", () => {
  const local = anAttempt({ tier: "gpu", cost_microusd: null }), cloud = anAttempt({ seq: 2, cost_microusd: null });
  expect(jobCostText(aJob({ attempts: [local], cost_microusd: null }))).toBe("$0.00");
  expect(jobCostText(aJob({ attempts: [local, cloud], cost_microusd: null }))).toBe("no price");
});

test("a job that nobody was asked for has no cost to speak of", () => {
  expect(jobCostText(aJob({ attempts: [], cost_microusd: null }))).toBe("–");
});

test("the cost of a job that is known in part is a least one", () => {
  expect(jobCostText(aJob({ cost_microusd: 1_500_000, cost_is_partial: true }))).toBe("≥ $1.50");
});

test("reasons are the server's codes with blanks, and none is none", () => {
  expect(reasonText("heartbeat_lost")).toBe("heartbeat lost");
  expect(reasonText(null)).toBe("");
});
