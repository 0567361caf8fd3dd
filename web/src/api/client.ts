// One way to ask the server, typed by the contract. Its errors are problem JSON: they say what happened and what to do, and
// pages show just that.
import { places, type Operations, type ProblemFields } from "./contract";

export class ApiProblem extends Error {
  constructor(readonly status: number, readonly problem: ProblemFields) {
    super(problem.detail || problem.title);
  }
}

const unreachable: ProblemFields = {
  code: "unavailable", title: "No answer", detail: "The server could not be reached.",
  fix: "Check that auxot is running and that this machine can reach it, then try again.", field: null, request_id: "",
};

export async function problemOf(answer: Response): Promise<ApiProblem> {
  try {
    return new ApiProblem(answer.status, (await answer.json()) as ProblemFields);
  } catch {
    return new ApiProblem(answer.status, { ...unreachable, detail: `The server answered ${answer.status} without a reason.` });
  }
}

export type Segments = Record<string, string>;
export type Query = Record<string, string | number | boolean | null | undefined>;

/** "/api/jobs/{id}" with its segments and what of the query is not empty. */
export function placeOf(path: string, segments: Segments = {}, query: Query = {}): string {
  const whole = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(segments[name] ?? ""));
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return pairs.length ? `${whole}?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}` : whole;
}

export interface Asked<Body> {
  at?: Segments;
  query?: Query;
  body?: Body;
  /** The revision that was looked at: another since is a 412 with the present one. */
  rev?: number;
  signal?: AbortSignal;
}

export async function ask<Id extends keyof Operations>(id: Id, asked: Asked<Operations[Id]["body"]> = {}): Promise<Operations[Id]["answer"]> {
  const [method, path] = places[id];
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["x-auxot-csrf"] = "1";
  if (asked.body !== undefined) headers["content-type"] = "application/json";
  if (asked.rev !== undefined) headers["if-match"] = `"${asked.rev}"`;
  let answer: Response;
  try {
    answer = await fetch(placeOf(path, asked.at, asked.query), {
      method, headers, signal: asked.signal, body: asked.body === undefined ? undefined : JSON.stringify(asked.body),
    });
  } catch {
    throw new ApiProblem(0, unreachable);
  }
  if (!answer.ok) throw await problemOf(answer);
  return (await answer.json()) as Operations[Id]["answer"];
}
