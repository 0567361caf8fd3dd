import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Attempt } from "../api/contract";
import { anAttempt } from "../fixtures";
import { show } from "../stage";
import { Chain } from "./chain";

async function text(attempts: Attempt[]) {
  await show(<p data-testid="it"><Chain attempts={attempts} /></p>);
  return screen.getByTestId("it").textContent;
}

const lost = anAttempt({ provider: { id: "prv_0", name: "Rack 1" }, outcome: "failed", reason: "heartbeat_lost" });

test("the one who failed stands before the one who answered, with its reason", async () => {
  expect(await text([lost, anAttempt({ seq: 2 })])).toBe("Rack 1 ✕ heartbeat lost › House cloud ✓");
});

test("each mark has its word for those who do not see it", async () => {
  await text([lost, anAttempt({ seq: 2, outcome: "interrupted" }), anAttempt({ seq: 3, outcome: "cancelled" }), anAttempt({ seq: 4 }), anAttempt({ seq: 5, outcome: null })]);
  expect(screen.getAllByRole("img").map(mark => mark.getAttribute("aria-label"))).toEqual(["failed", "interrupted", "cancelled", "answered", "running"]);
});

test("a provider that was deleted since is still one who was asked", async () => {
  expect(await text([anAttempt({ provider: null })])).toBe("deleted provider ✓");
});

test("nobody is said to be nobody", async () => {
  expect(await text([])).toBe("nobody was asked");
});
