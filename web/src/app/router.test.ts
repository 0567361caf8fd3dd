import { expect, test } from "vitest";
import { places } from "./menu";
import { router, texts } from "./router";

test("what an address says is text; empty and missing things are not there", () => {
  expect(texts({ status: "failed", since: 1_700_000_000_000, held: true, model: "", team: null, user: undefined })).toEqual({ status: "failed", since: "1700000000000", held: "true" });
});

test("a filter comes out of the address as it went in", () => {
  for (const model of ["gpt-4.1", "a&b=c", "100 %", "007", "true", "null", "{x", '"q"', "日本"]) {
    const { href } = router.buildLocation({ to: "/audit/jobs" as never, search: { model } as never });
    const { search } = new URL(href, "http://here");
    expect(texts(router.options.parseSearch!(search)), href).toEqual({ model });
  }
});

test("every place of the menu has its page", () => {
  for (const { to } of places.flatMap(part => part.items)) expect(Object.keys(router.routesByPath), to).toContain(to);
});
