import { act, cleanup, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { show } from "../stage";
import { Age, ageText, Moment, Since } from "./since";

const noon = Date.UTC(2026, 10, 30, 12, 0, 0);
beforeEach(() => { vi.useFakeTimers({ now: noon, toFake: ["Date", "setInterval", "clearInterval"] }); });
afterEach(() => { vi.useRealTimers(); });

test.each([
  [-5_000, "0 s"], [0, "0 s"], [59_400, "59 s"], [60_000, "1 min"], [3_599_000, "59 min"], [3_600_000, "1 h"], [86_399_000, "23 h"], [86_400_000, "1 d"],
])("%i ms ago is %s", (ms, text) => {
  expect(ageText(ms)).toBe(text);
});

test("an age goes on counting", async () => {
  await show(<p>heard <Age at={noon - 1_000} /> ago</p>);
  await act(() => vi.advanceTimersByTime(2_000));
  expect(screen.getByText(/heard/).textContent).toBe("heard 3 s ago");
  await act(() => vi.advanceTimersByTime(60_000));
  expect(screen.getByText(/heard/).textContent).toBe("heard 1 min ago");
});

test("all ages of a page share one clock, and none is left when the page is gone", async () => {
  const { unmount } = render(<>{[1, 2, 3].map(each => <Age key={each} at={noon} />)}</>);
  expect(vi.getTimerCount()).toBe(1);
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});

test("a clock that nobody looked at for an hour is right at once", async () => {
  await show(<Age at={noon} />);
  cleanup();
  vi.setSystemTime(noon + 3_600_000);
  await show(<p>heard <Age at={noon} /> ago</p>);
  expect(screen.getByText(/heard/).textContent).toBe("heard 1 h ago");
});

test("what never was is never, not 1970", async () => {
  await show(<p>used <Age at={null} />, ends <Moment at={null} /></p>);
  expect(screen.getByText(/used/).textContent).toBe("used never, ends never");
});

test("today has the time of day, another day its date as well, and both the whole moment for machines", async () => {
  await show(<><p>a <Since at={noon - 94_000} /></p><p>b <Moment at={noon - 86_400_000} /></p></>);
  expect(screen.getByText(/^a/).textContent).toMatch(/^a 11:58:26 AM \(1 min\)$/);
  expect(screen.getByText(/^b/).textContent).toMatch(/^b Nov 29, 12:00 PM$/);
  expect(document.querySelector("time")!.dateTime).toBe("2026-11-30T11:58:26.000Z");
});
