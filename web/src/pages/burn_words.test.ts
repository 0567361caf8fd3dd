import { expect, test } from "vitest";
import type { UsageItem } from "../api/contract";
import { burnOf, burnSince, burnText, howText } from "./burn_words";

const DAY = 86_400_000, now = Date.UTC(2026, 10, 11, 12); /* noon of the 11th: 19.5 days are left */
const day = (date: number, cost_microusd: number | null, unknown_cost_jobs = 0) => ({ at_ms: Date.UTC(2026, 10, date), cost_microusd, unknown_cost_jobs }) as UsageItem;

test("what is left, day by day, and where the mean of the last seven whole days leads", () => {
  const burn = burnOf([day(1, 10), day(4, 7), day(10, 63), day(11, 20)], 1_000, now);
  expect(burn.spent).toBe(100);
  expect(burn.left).toEqual([990, 990, 990, 983, 983, 983, 983, 983, 983, 920, 900]);
  expect(burn.perDay).toBe(10); /* (7 + 63) / 7: today counts for what is spent, not for the mean */
  expect(burn.atEnd).toBe(295);
  expect(burn.band).toEqual([100, 100 + 63 * 19.5 + 0.5]);
  expect(burn.runsOut).toBe(null);
});

test("a budget that does not last runs out on a day; one that is spent, now", () => {
  const burn = burnOf([day(10, 700_000), day(11, 300_000)], 1_500_000, now);
  expect(burn.runsOut).toBe(now + 5 * DAY);
  expect(burnText(burn)).toContain("It would be spent on November 16");
  expect(burnText(burnOf([day(11, 2_000_000)], 1_500_000, now))).toContain("Nothing is left this month.");
});

test("the days before the month count for the forecast alone", () => {
  const begin = Date.UTC(2026, 10, 2, 6);
  expect(burnSince(begin)).toBe(Date.UTC(2026, 9, 26));
  const burn = burnOf([{ ...day(1, 0), at_ms: Date.UTC(2026, 9, 30), cost_microusd: 70 }, day(1, 70), day(2, 5)], 1_000, begin);
  expect([burn.spent, burn.perDay, burn.left]).toEqual([75, 20, [930, 925]]);
});

test("what has no price is said to be left out", () => {
  const burn = burnOf([day(11, null, 3)], 1_000_000, now);
  expect(burnText(burn)).toMatch(/^≥ \$0\.00 of \$1\.00 is spent/);
  expect(howText(burn)).toContain("3 jobs without a price are not in it.");
});
