import { expect, test } from "vitest";
import type { UsageItem } from "../api/contract";
import { rangeOf, timesOf, timeText, unitOf } from "./usage_range";
import { costText, percentText, pictureOf, spikeOf, withoutTokenPrice } from "./usage_sums";

const now = Date.UTC(2026, 10, 30, 14, 5, 30), HOUR = unitOf.hour;
const item = (id: string | null, at_ms: number, sums: Partial<UsageItem>) => ({ at_ms, group: { id, name: id }, jobs: 1, input_tokens: 0, output_tokens: 0, cost_microusd: 0, unknown_cost_jobs: 0, ...sums }) as UsageItem;

test("a range begins with a whole piece, ends with this minute, and its pieces fit its length", () => {
  expect(rangeOf({}, now)).toEqual({ since: Date.UTC(2026, 10, 29, 14), until: Date.UTC(2026, 10, 30, 14, 6), bucket: "hour" });
  expect(rangeOf({ hours: "1" }, now)).toMatchObject({ since: Date.UTC(2026, 10, 30, 13, 6), bucket: "minute" });
  expect(rangeOf({ hours: "720" }, now)).toMatchObject({ since: Date.UTC(2026, 9, 31), bucket: "day" });
  expect(rangeOf({ hours: "month" }, now)).toMatchObject({ since: Date.UTC(2026, 10, 1), bucket: "day" });
});

test("a range of the address is taken as it is; nonsense is the usual one", () => {
  expect(rangeOf({ since: "1000", until: "5000" }, now)).toEqual({ since: 1000, until: 5000, bucket: "day" }); /* minutes and hours of then are gone */
  expect(rangeOf({ since: `${now - HOUR}`, until: `${now}` }, now).bucket).toBe("minute");
  for (const wrong of [{ since: "x" }, { since: "5", until: "4" }, { since: "-1" }, { hours: "9e9" }, { since: "1e400" }]) expect(rangeOf(wrong, now)).toEqual(rangeOf({}, now));
});

test("pieces cover the range without a gap; of a very long one those in which something was used", () => {
  const range = rangeOf({}, now), times = timesOf(range, null);
  expect([times.length, times[0], times.at(-1)]).toEqual([25, range.since, Date.UTC(2026, 10, 30, 14)]);
  const long = { since: 0, until: now, bucket: "day" as const };
  expect(timesOf(long, Date.UTC(2026, 10, 28)).length).toBe(3);
  expect(timesOf(long, null).length).toBeLessThanOrEqual(402);
  expect(timeText(Date.UTC(2026, 10, 30, 14), "hour")).toBe("Nov 30, 14:00");
});

test("layers and their sums are those of the items, also when the small ones are put together", () => {
  const range = { since: 0, until: 2 * HOUR, bucket: "hour" as const };
  const items = Array.from({ length: 12 }, (_, at) => item(`m${at}`, at % 2 ? HOUR : 0, { cost_microusd: at * 10 }));
  const picture = pictureOf(items, [], range, "cost", () => false);
  expect(picture.layers.length).toBe(7);
  expect(picture.layers.at(-1)!.name).toBe("all others (6)");
  expect(picture.totals).toEqual([300, 360]);
  expect(picture.layers.reduce((sum, layer) => sum + layer.total, 0)).toBe(660);
});

test("what has no price is counted by the tier: a machine of one's own needs none", () => {
  const range = { since: 0, until: HOUR, bucket: "hour" as const }, byTier = [item("gpu", 0, { cost_microusd: null, unknown_cost_jobs: 5 }), item("cloud", 0, { cost_microusd: null, unknown_cost_jobs: 2 })];
  const picture = pictureOf(byTier, byTier, range, "cost", key => key === "gpu");
  expect(picture.unpriced).toEqual([2]);
  expect(picture.layers.map(layer => [layer.key, costText(layer.total, layer.unpriced)]).sort()).toEqual([["cloud", "no price"], ["gpu", "$0.00"]]);
});

test("known, partly known and unknown cost", () => {
  expect([costText(0, 0), costText(0, 1), costText(1_500_000, 1), costText(1_500_000, 0)]).toEqual(["$0.00", "no price", "≥ $1.50", "$1.50"]);
});

test("a spike is three times the usual, among four at least", () => {
  expect(spikeOf([0, 1, 1, 0, 9, 2])).toEqual({ at: 4, times: 9 });
  expect(spikeOf([1, 1, 1, 2])).toBe(null);
  expect(spikeOf([0, 0, 9, 1, 1])).toBe(null);
});

test("the share without a price per token leaves out what nobody was asked for", () => {
  expect(withoutTokenPrice([item("gpu", 0, { jobs: 1, input_tokens: 3 }), item("cloud", 0, { jobs: 3, output_tokens: 1 }), item(null, 0, { jobs: 9 })])).toEqual({ jobs: 0.25, tokens: 0.75 });
  expect(withoutTokenPrice([])).toBe(null);
  expect([percentText(0), percentText(0.001), percentText(0.999), percentText(1), percentText(1 / 6)]).toEqual(["0 %", "under 1 %", "over 99 %", "100 %", "17 %"]);
});
