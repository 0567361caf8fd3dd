import { fireEvent, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { show } from "../stage";
import { Snippets, snippets } from "./key_snippets";

const origin = "https://ai.example.com", key = "auxk_0123456789";
const all = snippets(origin, key);

test.each(all)("$name: the address of this server and the key are filled in", ({ text }) => {
  const urls = text.match(/https?:\/\/[^\s"'\\]+/g)!;
  expect(urls.length).toBeGreaterThan(0);
  for (const url of urls) expect(new URL(url).origin).toBe(origin);
  expect(text).toContain(key);
});

test("each client gets the base that it adds its own path to", () => {
  const base = (name: string) => all.find(each => each.name === name)!.text.match(/https?:\/\/[^\s"'\\]+/)![0];
  expect(base("OpenAI SDK")).toBe(`${origin}/api/openai/v1`);
  expect(base("Codex")).toBe(`${origin}/api/openai/v1`);
  expect(base("Anthropic SDK")).toBe(`${origin}/api/anthropic`);
  expect(base("Claude Code")).toBe(`${origin}/api/anthropic`);
});

test("curl's body is JSON between quotes of the shell that nothing in it ends", () => {
  const [, body] = all.find(each => each.name === "curl")!.text.match(/-d '([^']*)'$/)!;
  expect(JSON.parse(body!)).toEqual({ model: "auto", messages: [{ role: "user", content: "Say hello." }] });
});

test("Codex's file is TOML: sections, strings in quotes, and the rest comments", () => {
  for (const line of all.find(each => each.name === "Codex")!.text.split("\n")) expect(line).toMatch(/^(#.*|\[[\w.]+\]|\w+ = "[^"]*"|)$/);
});

test("Claude Code's lines are a shell's", () => {
  for (const line of all.find(each => each.name === "Claude Code")!.text.split("\n")) expect(line).toMatch(/^(export \w+=[^\s"'$`]+|claude)$/);
});

test("the tabs show one after the other, for this very server", async () => {
  await show(<Snippets secret={key} />);
  for (const { name } of all) {
    fireEvent.click(screen.getByRole("tab", { name }));
    expect(screen.getByLabelText(name, { selector: "pre, code" }).textContent).toContain(location.origin);
  }
});
