import { fireEvent, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { show } from "../stage";
import { CopyField } from "./copy";

const press = () => fireEvent.click(screen.getByRole("button"));

test("a value is copied where the browser lets a page do that", async () => {
  const writeText = vi.fn(async () => {});
  vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText } });
  await show(<CopyField label="The key" value="auxk_1" />);
  press();
  await screen.findByText("Copied");
  expect(writeText).toHaveBeenCalledWith("auxk_1");
});

test("on plain HTTP there is no clipboard: the value is selected, and the button says what to press", async () => {
  vi.stubGlobal("navigator", { userAgent: "test" });
  document.execCommand = () => false;
  await show(<CopyField label="The key" value="auxk_1" />);
  press();
  await screen.findByText("Press Ctrl-C");
  const field = screen.getByLabelText<HTMLInputElement>("The key");
  expect([field.selectionStart, field.selectionEnd]).toEqual([0, "auxk_1".length]);
});
