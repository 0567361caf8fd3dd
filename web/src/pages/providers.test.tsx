import { screen } from "@testing-library/react";
import { expect, test } from "vitest";
import type { Candidate, Caller, Provider } from "../api/contract";
import { SignedIn } from "../app/session";
import { aCaller, aCandidate, aProvider } from "../fixtures";
import { serve, show } from "../stage";
import { ProvidersPage } from "./providers";

async function page(items: Provider[], candidates: Candidate[], role: Caller["role"] = "admin", sentence = "") {
  serve({
    session_read: aCaller(role), providers_list: { items, next_cursor: null }, routing_read: { auto: null, version: 1 },
    routing_explain: { candidates, outcome: "ok", sentence, config_version: 1 },
  });
  await show(<SignedIn><ProvidersPage /></SignedIn>, "/settings/providers");
}

const auto = async () => (await screen.findByRole("status")).textContent;

test("the sentence says who answers Auto, and who after that", async () => {
  await page([aProvider()], [aCandidate("Rack 1", { verdict: "chosen" }), aCandidate("Spare", { verdict: "skipped" }), aCandidate("Cloud"), aCandidate("Other")]);
  expect(await auto()).toBe("Auto answers from Rack 1 with gpt-sim; if it fails, Cloud, then Other.");
});

test("with nobody after it, nobody is promised", async () => {
  await page([aProvider()], [aCandidate("Rack 1", { verdict: "chosen", model: null })]);
  expect(await auto()).toBe("Auto answers from Rack 1.");
});

test("when nobody answers, the server's sentence says why", async () => {
  await page([aProvider({ status: "paused" })], [aCandidate("Rack 1", { verdict: "skipped" })], "admin", "Every provider is paused.");
  expect(await auto()).toBe("Nobody answers Auto: Every provider is paused.");
});

test("the worst stands first", async () => {
  await page([aProvider({ id: "a", name: "Well" }), aProvider({ id: "b", name: "Gone", status: "offline" }), aProvider({ id: "c", name: "Broken", status: "error", error: "The key was refused." })], []);
  await screen.findByText("Well");
  const rows = screen.getAllByRole("row").slice(1).map(row => row.textContent!);
  expect(rows.map(row => row.match(/Broken|Gone|Well/)![0])).toEqual(["Broken", "Gone", "Well"]);
  expect(rows[0]).toContain("The key was refused.");
});

test("with none there are three ways to begin", async () => {
  await page([], []);
  await screen.findByText("No provider yet");
  expect(screen.getAllByRole("button").map(each => each.textContent)).toEqual(["Add provider", "A cloud, with its API key", "A GPU, with llama.cpp", "Claude Code, Codex or Cursor"]);
});

test("a member is told who can add one, and is offered nothing that would be refused", async () => {
  await page([], [], "member");
  await screen.findByText("An admin can add one.");
  expect(screen.queryAllByRole("button")).toEqual([]);
});
