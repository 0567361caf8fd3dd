import { fireEvent, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { ApiProblem } from "../api/client";
import { problem, show } from "../stage";
import { ProblemNote } from "./problem";

test("the server's own sentences are shown, with what to do and the id for the log", async () => {
  const { status, ...fields } = problem(409, { title: "Another name", detail: "There is a team of that name.", fix: "Take another.", request_id: "req_7" });
  await show(<ProblemNote error={new ApiProblem(status, fields)} />);
  expect(screen.getByRole("alert").textContent).toBe("Another nameThere is a team of that name.Take another.req_7");
});

test("what is not the server's is not explained by the page", async () => {
  await show(<ProblemNote error={new TypeError("x is undefined at line 3")} />);
  expect(screen.getByRole("alert").textContent).toBe("Something went wrongThis page met something it did not expect.");
});

test("no error is nothing", async () => {
  await show(<ProblemNote error={null} />);
  expect(screen.queryByRole("alert")).toBeNull();
});

test("it can be tried again where the page knows how", async () => {
  const retry = vi.fn();
  await show(<ProblemNote error={new Error()} retry={retry} />);
  fireEvent.click(screen.getByRole("button", { name: "Try again" }));
  expect(retry).toHaveBeenCalledOnce();
});
