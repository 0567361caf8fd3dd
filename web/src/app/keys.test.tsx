import { fireEvent, screen } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { show } from "../stage";
import { turnKeys, useGoKeys } from "./keys";
import { places } from "./menu";

const go = vi.fn(), search = vi.fn();
function Keys() { useGoKeys(go, search); return <input aria-label="field" />; }
const press = (key: string, where: Element = document.body, more = {}) => fireEvent.keyDown(where, { key, ...more });

beforeEach(async () => {
  go.mockReset();
  search.mockReset();
  turnKeys(true);
  await show(<Keys />);
});

test("every letter leads to one place only", () => {
  const keys = places.flatMap(part => part.items.flatMap(item => item.key ?? []));
  expect(new Set(keys).size).toBe(keys.length);
});

test("g and a letter goes there, the letter alone does not", () => {
  press("j");
  expect(go).not.toHaveBeenCalled();
  press("g");
  press("j");
  expect(go).toHaveBeenCalledExactlyOnceWith("/audit/jobs");
  press("j");
  expect(go).toHaveBeenCalledOnce();
});

test("a letter long after g is a letter", () => {
  vi.useFakeTimers();
  press("g");
  vi.advanceTimersByTime(1_600);
  press("j");
  vi.useRealTimers();
  expect(go).not.toHaveBeenCalled();
});

test("who types is not led away, nor who holds Ctrl, nor who turned the keys off", () => {
  const field = screen.getByLabelText("field");
  press("g", field); press("j", field); press("/", field);
  press("g"); press("j", document.body, { ctrlKey: true });
  turnKeys(false);
  press("g"); press("j"); press("/");
  expect(go).not.toHaveBeenCalled();
  expect(search).not.toHaveBeenCalled();
});

test("the slash searches", () => {
  press("/");
  expect(search).toHaveBeenCalledOnce();
});
