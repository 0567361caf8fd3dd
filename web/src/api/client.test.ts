import { expect, test, vi } from "vitest";
import { problem, serve } from "../stage";
import { ApiProblem, ask, placeOf } from "./client";

test("segments are escaped, and what of a query is empty is left out", () => {
  expect(placeOf("/api/jobs/{id}", { id: "a/b?c" }, { status: "", model: null, team: undefined, limit: 0, live: false, q: "a&b" })).toBe("/api/jobs/a%2Fb%3Fc?limit=0&live=false&q=a%26b");
  expect(placeOf("/api/jobs")).toBe("/api/jobs");
});

test("writes carry what a form of another site cannot send, and the revision that was looked at; reads do not", async () => {
  const calls = serve({ teams_list: { items: [], next_cursor: null }, providers_update: {} as never });
  await ask("teams_list");
  await ask("providers_update", { at: { id: "prv_1" }, body: { paused: true }, rev: 7 });
  expect(calls[0]!.headers).toEqual({ accept: "application/json" });
  expect(calls[1]!.headers).toEqual({ accept: "application/json", "x-auxot-csrf": "1", "content-type": "application/json", "if-match": '"7"' });
  expect(calls[1]!.body).toEqual({ paused: true });
});

const failure = (asked: Promise<unknown>) => asked.then(() => { throw new Error("it went well"); }, (error: unknown) => error as ApiProblem);

test("a problem is passed on as the server told it", async () => {
  serve({ teams_list: problem(403, { detail: "Only admins." }) as never });
  const error = await failure(ask("teams_list"));
  expect(error).toBeInstanceOf(ApiProblem);
  expect([error.status, error.message, error.problem.fix]).toEqual([403, "Only admins.", "Do it otherwise."]);
});

test("an answer that is no problem JSON, as of a proxy, is told by its status", async () => {
  vi.stubGlobal("fetch", async () => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  expect((await failure(ask("teams_list"))).problem.detail).toBe("The server answered 502 without a reason.");
});

test("a server that is not there is told as that", async () => {
  vi.stubGlobal("fetch", async () => { throw new TypeError("Failed to fetch"); });
  const error = await failure(ask("teams_list"));
  expect([error.status, error.message]).toEqual([0, "The server could not be reached."]);
});
