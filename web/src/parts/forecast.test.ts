import { expect, test } from "vitest";
import type { Rehearsed, RehearsedSide } from "../api/contract";
import { forecastOf } from "./forecast";

const side = (cost: number, unpriced = 0) => ({ landing: [{ cost_microusd: cost }], unpriced_jobs: unpriced }) as unknown as RehearsedSide;
const at = (id: string) => ({ id, name: id.toUpperCase(), slug: id });
const move = (from: string | null, to: string | null, jobs: number, cost = 0, unpriced = 0) =>
  ({ from: from && at(from), to: to && at(to), jobs, cost_change_microusd: cost, unpriced_jobs: unpriced }) as Rehearsed["moves"][number];
const of = (fields: Partial<Rehearsed>, rehearsed = 1904) => forecastOf({
  window: { rehearsed, sampled: false }, before: side(0), after: side(0), moves: [], stranded_jobs: 0, stranded: [], ...fields,
} as unknown as Rehearsed);

test("the sentence says how many move, from whom to whom, at what cost, and how many fail", () => {
  const forecast = of({ moves: [move("gpu", "anthropic", 190, 4_100_000), move("gpu", null, 22)], stranded_jobs: 22, after: side(4_100_000) });
  expect(forecast.text).toBe("In the last 24 hours this would have moved 212 of 1,904 jobs: 190 from GPU to ANTHROPIC (+$4.10), 22 would fail.");
  expect([forecast.isHarmless, forecast.moved]).toEqual([false, 212]);
});

test("what fails, costs more, or costs nobody knows what, is not harmless; all else is", () => {
  const rows: [Partial<Rehearsed>, boolean][] = [
    [{}, true],
    [{ moves: [move("a", "b", 3)] }, true],
    [{ moves: [move("a", "b", 3, -5)], before: side(9), after: side(4) }, true],
    [{ moves: [move("a", "a", 3, 5)], before: side(4), after: side(9) }, false],
    [{ moves: [move("a", "b", 3, 0, 3)], after: side(0, 3) }, false],
    [{ moves: [move("a", null, 1)], stranded_jobs: 1 }, false],
    [{ stranded: [{ kind: "team", name: "Quiet", jobs: 0 }] as Rehearsed["stranded"] }, false],
  ];
  for (const [fields, isHarmless] of rows) expect(of(fields).isHarmless, JSON.stringify(fields)).toBe(isHarmless);
});

test("each way of moving has its words", () => {
  expect(of({ moves: [move("a", "a", 2)] }).text).toContain(": 2 to another model of A.");
  expect(of({ moves: [move(null, "b", 1)] }).text).toContain(": 1 that nobody answered to B.");
  expect(of({ moves: [move("a", "b", 3, -20_000, 1)] }).text).toContain("3 from A to B (−$0.02, no price known for 1).");
  expect(of({ moves: ["b", "c", "d", "e", "f"].map(to => move("a", to, 2)) }).text).toContain("2 from A to D, 4 elsewhere.");
  expect(of({}).text).toBe("In the last 24 hours this would have moved none of 1,904 jobs.");
});

test("a team that asked nothing, and would be left with nobody, is named", () => {
  const stranded = ["One", "Two", "Three"].map(name => ({ kind: "team", name, jobs: 0 })) as Rehearsed["stranded"];
  expect(of({ stranded }).text).toContain("Left with nobody, though without a request in this time: team One, team Two and 1 more.");
});

test("a sample says that it is one; without requests there is nothing to say", () => {
  expect(of({ window: { rehearsed: 100_000, sampled: true } as Rehearsed["window"] }).text).toContain("of a sample of 100,000 jobs");
  expect([of({}, 0).isEmpty, of({}).isEmpty]).toEqual([true, false]);
});
