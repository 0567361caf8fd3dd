// What tests of parts and pages stand on: theme, store and address as in main.tsx, before a server that is made up.
import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { createMemoryHistory, createRootRoute, createRouter, RouterProvider } from "@tanstack/react-router";
import { cleanup, configure, render } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, vi } from "vitest";
import { places, type Operations, type ProblemFields } from "./api/contract";
import { queries } from "./app/queries";
import { theme } from "./theme";

configure({ asyncUtilTimeout: 10_000 }); /* a busy machine is no failure */

afterEach(() => {
  cleanup();
  queries.clear();
});

/** The element on a page of its own, at an address. */
export async function show(element: ReactNode, address = "/") {
  const root = createRootRoute({ component: () => element, notFoundComponent: () => element });
  const router = createRouter({ routeTree: root, history: createMemoryHistory({ initialEntries: [address] }) });
  await router.load();
  render(
    <MantineProvider theme={theme} env="test">
      <QueryClientProvider client={queries}><RouterProvider router={router as never} /></QueryClientProvider>
    </MantineProvider>,
  );
  return router;
}

export const problem = (status: number, fields: Partial<ProblemFields> = {}) => ({
  status, code: "invalid_request", title: "Not so", detail: "That cannot be.", fix: "Do it otherwise.", field: null, request_id: "req_1", ...fields,
}) as ProblemFields & { status: number };

export interface Call { id: string; method: string; url: string; headers: Record<string, string>; body: unknown }
type Answers = { [Id in keyof Operations]?: Operations[Id]["answer"] | ReturnType<typeof problem> };

const patternOf = (path: string) => new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
const operationOf = (method: string, path: string) => Object.entries(places).find(([, [verb, where]]) => verb === method && patternOf(where).test(path))?.[0];

function answerOf(said: unknown): Response {
  const isProblem = typeof said === "object" && said !== null && "status" in said && "request_id" in said && "fix" in said;
  return isProblem ? new Response(JSON.stringify(said), { status: Number(said.status) }) : new Response(JSON.stringify(said));
}

/** A server with these answers, by operation; what it was asked is what comes back. Any other question is a 404. */
export function serve(answers: Answers): Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (url: string, { method = "GET", headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {}) => {
    const id = operationOf(method, new URL(url, "http://here").pathname) ?? "none";
    calls.push({ id, method, url, headers, body: body === undefined ? undefined : JSON.parse(body) });
    return answerOf(answers[id as keyof Operations] ?? problem(404, { detail: `The stage has no answer for ${method} ${url}.` }));
  });
  return calls;
}
