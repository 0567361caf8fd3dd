import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { AttemptOutcome, HealthSummary, JobStatus, ProviderStatus } from "../api/contract";
import { show } from "../stage";
import { Status } from "./status";

// Complete by their types: a state that the contract gains is one that does not compile here.
const states: Record<ProviderStatus | JobStatus | AttemptOutcome | HealthSummary["status"], string> = {
  online: "●", degraded: "◐", over_quota: "◐", offline: "○", error: "✕", paused: "‖", open: "◌", done: "●", failed: "✕", cancelled: "◐", interrupted: "✕", refused: "✕", ok: "●", down: "✕",
};

test.each(Object.entries(states))("%s has the shape %s and a word, whatever its colour", async (state, shape) => {
  await show(<p data-testid="it"><Status state={state} /></p>);
  const text = screen.getByTestId("it").textContent!;
  expect(text.startsWith(shape)).toBe(true);
  expect(text.replace(/[^a-z]/g, "").length).toBeGreaterThan(1);
  for (const mark of document.querySelectorAll(".status-shape")) expect(mark.getAttribute("aria-hidden")).toBe("true");
});

test("a state of a newer server is not shown as well", async () => {
  await show(<p data-testid="it"><Status state="half_asleep" /></p>);
  expect(screen.getByTestId("it").textContent).toMatch(/^◌+half asleep$/);
});

test("since when is said when it is known", async () => {
  await show(<p data-testid="it"><Status state="offline" since={Date.now() - 94_000} /><Status state="online" since={null} /></p>);
  expect(screen.getByTestId("it").textContent!.match(/since/g)).toHaveLength(1);
  expect(screen.getByTestId("it").textContent).toMatch(/offlinesince .*\(1 min\)/);
});
