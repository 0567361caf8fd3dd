import { describe, expect, test } from "vitest";
import type { Transition } from "../api/contract";
import { gapsOf, kindOf, marksOf, momentOf, momentText, neighbour, positionOf, sentenceOf, withTimes } from "./map_strip";

const change = (fields: Partial<Transition>): Transition => ({ at_ms: 50, kind: "provider", id: "prv_1", name: "House", provider: null, from: "online", to: "offline", reason: null, actor: null, event: null, lost: null, ...fields });
const server = (at_ms: number, to: string) => change({ at_ms, kind: "server", id: null, name: null, to });

test.each([
  [change({ reason: "no_worker" }), "House went from online to offline: no worker", "bad"],
  [change({ from: null, to: "over_quota" }), "House is over quota", "bad"],
  [change({ from: "error", to: "online" }), "House went from error to online", "good"],
  [change({ kind: "worker", name: null, from: null, to: "live" }), "Worker without a name is live", "good"],
  [change({ kind: "config", name: null, to: "7", reason: "team.created" }), "Configuration 7: team.created", "config"],
  [server(1, "killed"), "The server was killed, or lost its power", "server"],
])("a change is said, and of a kind: %#", (transition, sentence, kind) => {
  expect([sentenceOf(transition), kindOf(transition)]).toEqual([sentence, kind]);
});

test("marks are those of the span, at their place", () => {
  expect(marksOf([change({ at_ms: 100 }), change({ at_ms: 50 }), change({ at_ms: 9 })], 10, 100).map(mark => mark.at)).toEqual([100, 50]);
  expect([0, 10, 55, 100, 101].map(at => positionOf(at, 10, 100))).toEqual([0, 0, 0.5, 1, 1]);
  expect(positionOf(5, 5, 5)).toBe(0);
});

describe("when the server did not run", () => {
  test("from where it ceased to, up to the next start, whatever the order they come in", () => {
    expect(gapsOf([server(60, "started"), server(40, "killed"), server(20, "stopped"), server(25, "started")], 0, 100)).toEqual([{ from: 20, to: 25 }, { from: 40, to: 60 }]);
  });
  test("what began before the span is cut to it; before a first start it did not run", () => {
    expect(gapsOf([server(30, "started"), server(5, "stopped")], 10, 100)).toEqual([{ from: 10, to: 30 }]);
    expect(gapsOf([server(30, "started")], 10, 100)).toEqual([{ from: 10, to: 30 }]);
  });
  test("notes that were lost are no gap, and neither is a day without any change", () => {
    expect([gapsOf([server(30, "notes_lost")], 0, 100), gapsOf([], 0, 100)]).toEqual([[], []]);
  });
});

test("the neighbours of a moment", () => {
  const marks = marksOf([change({ at_ms: 90 }), change({ at_ms: 50 })], 0, 100);
  expect([neighbour(marks, 60, "before"), neighbour(marks, 60, "after"), neighbour(marks, 50, "before"), neighbour(marks, 90, "after")]).toEqual([50, 90, null, null]);
});

test("a moment in the address comes back as it was; what is none, or to come, is now", () => {
  const at = Date.UTC(2026, 10, 20, 14, 2, 10, 123);
  expect(momentText(at)).toBe("2026-11-20T14:02:10.123Z");
  expect([momentOf(momentText(at), at + 1), momentOf(String(at), at + 1)]).toEqual([at, at]);
  expect([undefined, "", "now", "-5", String(at + 2), "1e99"].map(text => momentOf(text, at + 1))).toEqual(Array(6).fill(null));
});

test("since when and why is known where the newest change led to the state that is shown", () => {
  const standing = (id: string, state: string) => ({ id, name: id, state, since: null, why: null });
  const world = { providers: [{ ...standing("prv_1", "offline"), tier: null }, { ...standing("prv_2", "online"), tier: null }], workers: [], flows: [], used: null };
  const timed = withTimes(world, [change({ at_ms: 70, reason: "no_worker" }), change({ at_ms: 60, to: "online" }), change({ id: "prv_2", to: "error" })]);
  expect(timed.providers.map(each => [each.since, each.why])).toEqual([[70, "no_worker"], [null, null]]);
});
