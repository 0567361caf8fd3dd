import { expect, test } from "vitest";
import { dollarsOf, microOf, priceText } from "./dollars";

test("dollars are read digit by digit", () => {
  const rows: [string, number | null | undefined][] = [
    ["1.25", 1_250_000], ["0.1", 100_000], ["0.075", 75_000], ["4.35", 4_350_000], ["1.005", 1_005_000], ["0.000001", 1], ["$ 2", 2_000_000], [".5", 500_000], ["3.", 3_000_000], ["0,30", 300_000],
    ["0", 0], ["", null], ["  ", null], ["1.2500000000", 1_250_000], ["1000000", 1_000_000_000_000],
    ["0.0000001", undefined], ["1000000.01", undefined], ["-1", undefined], ["1e3", undefined], ["1.2.3", undefined], [".", undefined], ["one", undefined], ["9".repeat(30), undefined],
  ];
  for (const [text, micro] of rows) expect(microOf(text), text).toBe(micro);
});

test("what is written is read as it was, for every number of digits", () => {
  for (const micro of [0, 1, 10, 75_000, 100_000, 999_999, 1_000_000, 1_250_000, 4_350_000, 123_456_789, 999_999_999_999, 1_000_000_000_000]) expect(microOf(dollarsOf(micro))).toBe(micro);
  expect(microOf(dollarsOf(null))).toBe(null);
  expect([dollarsOf(1_500_000), dollarsOf(2_000_000), dollarsOf(75_000)]).toEqual(["1.50", "2", "0.075"]);
});

test("no price is never $0", () => {
  expect([priceText(null), priceText(0), priceText(300_000)]).toEqual(["no price", "$0", "$0.30"]);
});
