import { screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { aCaller } from "../fixtures";
import { problem, serve, show } from "../stage";
import { isAdmin, SignedIn, useCaller } from "./session";

const Name = () => <p>hello {useCaller().user?.name}</p>;

async function led(address: string, needed: boolean) {
  const replace = vi.spyOn(location, "replace").mockImplementation(() => {});
  history.replaceState(null, "", address);
  serve({ session_read: problem(401) as never, setup_read: { needed } });
  await show(<SignedIn><Name /></SignedIn>);
  await waitFor(() => expect(replace).toHaveBeenCalled());
  return replace.mock.calls[0]![0];
}

test("a page below knows who is signed in", async () => {
  serve({ session_read: aCaller("member") });
  await show(<SignedIn><Name /></SignedIn>);
  await screen.findByText("hello Olga");
});

test("without a session one is led to the sign-in, and from there back", async () => {
  expect(await led("/audit/jobs?status=failed&model=a%26b", false)).toBe(`/sign-in?back=${encodeURIComponent("/audit/jobs?status=failed&model=a%26b")}`);
});

test("from the first page the sign-in needs no way back", async () => {
  expect(await led("/", false)).toBe("/sign-in");
});

test("while there is no first user one is led to the set-up", async () => {
  expect(await led("/health", true)).toBe("/setup");
});

test("another trouble is said and nobody is led away", async () => {
  const replace = vi.spyOn(location, "replace").mockImplementation(() => {});
  serve({ session_read: problem(403, { detail: "Your address is not let in." }) as never });
  await show(<SignedIn><Name /></SignedIn>);
  await screen.findByText("Your address is not let in.");
  expect(replace).not.toHaveBeenCalled();
});

test("owners and admins manage, members do not", () => {
  expect((["owner", "admin", "member"] as const).map(role => isAdmin(aCaller(role)))).toEqual([true, true, false]);
});
