import { describe, expect, test } from "vitest";
import type { RoutingFlow, RoutingFlows } from "../api/contract";
import { aJob, anAttempt } from "../fixtures";
import { endOf, flowsNow, flowsOfJob, keep, minutesOf, MINUTE_MS, sinceOf } from "./map_flows";

const job = (fields = {}) => aJob({ team: "team_1", team_name: "Engineering", created_at_ms: 10 * MINUTE_MS + 5, duration_ms: 20, ...fields });
const sums = (flows: RoutingFlow[]) => flows.map(({ jobs, failed, attempts, moved_on }) => [jobs, failed, attempts, moved_on]);

describe("flows of a job", () => {
  test("each attempt where it was made, the job where it ended", () => {
    const flows = flowsOfJob(job({ requested_model: "auto", attempts: [anAttempt({ outcome: "failed" }), anAttempt({ seq: 2, provider: { id: "prv_2", name: "Spare" }, worker: "wrk_1" })] }));
    expect(sums(flows)).toEqual([[0, 0, 1, 1], [1, 0, 1, 0]]);
    expect(flows.map(flow => [flow.at_ms, flow.team, flow.asked, flow.provider?.id, flow.worker])).toEqual([[600_000, "team_1", "auto", "prv_1", null], [600_000, "team_1", "auto", "prv_2", "wrk_1"]]);
  });
  test("nobody was asked: one job, no attempt", () => {
    const [flow, ...more] = flowsOfJob(job({ status: "refused", attempts: [] }));
    expect(more).toEqual([]);
    expect([flow!.provider, flow!.asked, sums([flow!])]).toEqual([null, "name", [[1, 1, 0, 0]]]);
  });
  test.each([["done", 0], ["cancelled", 0], ["failed", 1], ["interrupted", 1], ["refused", 1]])("%s counts %i as failed", (status, failed) => {
    expect(sums(flowsOfJob(job({ status })))).toEqual([[1, failed, 1, 0]]);
  });
});

test("the window is this minute and the four before; rates are never of less than a minute", () => {
  expect(sinceOf(10 * MINUTE_MS + 59_999)).toBe(6 * MINUTE_MS);
  expect(sinceOf(10 * MINUTE_MS)).toBe(6 * MINUTE_MS);
  expect([minutesOf(0, 1), minutesOf(0, 90_000)]).toEqual([1, 1.5]);
});

test("a job is kept once, and only while it is of the window", () => {
  const old = job({ id: "job_0", created_at_ms: 1 }), kept = keep(keep([old], job(), 2), job({ status: "failed" }), 2);
  expect(kept.map(each => [each.id, each.status])).toEqual([["job_1", "failed"]]);
});

test("what was asked for holds the jobs that had ended; only those that ended later are added", () => {
  const asked: RoutingFlows = { since_ms: 6 * MINUTE_MS, until_ms: 11 * MINUTE_MS, as_of_ms: 10 * MINUTE_MS + 30, jobs: 1, is_whole: true, flows: flowsOfJob(job()) };
  const at = (id: string, duration_ms: number | null, created_at_ms = 10 * MINUTE_MS + 5) => job({ id, duration_ms, created_at_ms });
  const heard = [at("just", 25), at("later", 26), at("untold", null), at("before the window", 999_999_999, 5 * MINUTE_MS)];
  expect(endOf(heard[0]!)).toBe(asked.as_of_ms);
  expect(sums(flowsNow(asked, heard, 6 * MINUTE_MS))).toEqual([[1, 0, 1, 0], [1, 0, 1, 0]]);
  expect(flowsNow(asked, heard, 11 * MINUTE_MS)).toEqual([]);
});
