import { expect, test } from "vitest";
import { ApiProblem } from "../api/client";
import { problem, serve } from "../stage";
import { queries, refresh, said } from "./queries";

const retries = (status: number) => {
  const { retry } = queries.getDefaultOptions().queries! as { retry: (count: number, error: unknown) => boolean };
  return [0, 1, 2].map(count => retry(count, new ApiProblem(status, problem(status))));
};

test("what the server refused is not asked again; what it failed at is, twice", () => {
  for (const status of [400, 401, 403, 404, 412, 429]) expect(retries(status)).toEqual([false, false, false]);
  for (const status of [0, 500, 502, 503]) expect(retries(status)).toEqual([true, true, false]);
});

test("a write makes every form of a question stale, and no other question", async () => {
  serve({ jobs_list: { items: [], next_cursor: null } as never, teams_list: { items: [], next_cursor: null } });
  const questions = [said("jobs_list"), said("jobs_list", { query: { status: "failed" } }), said("teams_list")];
  await Promise.all(questions.map(each => queries.fetchQuery(each as never)));
  await refresh("jobs_list");
  expect(questions.map(each => queries.getQueryState(each.queryKey)!.isInvalidated)).toEqual([true, true, false]);
});
