import { expect, test } from "vitest";
import { countText, durationText, moneyText } from "./numbers";

test.each([
  [0, "$0.00"], [1, "$0.000001"], [9_999, "$0.009999"], [10_000, "$0.01"], [12_345, "$0.0123"], [999_949, "$0.9999"], [1_000_000, "$1.00"], [1_234_567_890, "$1,234.57"],
])("%i millionths of a dollar are %s", (microusd, text) => {
  expect(moneyText(microusd)).toBe(text);
});

test("what has no price is said to have none, and is never $0", () => {
  expect(moneyText(null)).toBe("no price");
  expect(moneyText(null, true)).toBe("no price");
});

test("a cost of which a part has no price is a least one", () => {
  expect(moneyText(2_000_000, true)).toBe("≥ $2.00");
});

test("a count that nobody told is unknown, and 0 is 0", () => {
  expect(countText(null)).toBe("unknown");
  expect(countText(0)).toBe("0");
  expect(countText(1_234_567)).toBe("1,234,567");
});

test.each([
  [null, "–"], [0, "0 ms"], [999, "999 ms"], [1_000, "1.0 s"], [59_949, "59.9 s"], [59_999, "1 min 0 s"], [61_400, "1 min 1 s"], [119_999, "2 min 0 s"],
])("%s ms are %s", (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
