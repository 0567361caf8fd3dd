import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aProvider } from "../fixtures";
import "../stage";

// The module keeps one stream for the page: each test has a module, and a store, of its own.
let queries: typeof import("./queries").queries, live: typeof import("./live");
let listened: { mock: { calls: Parameters<Document["addEventListener"]>[] } };
let tell: (message: unknown) => void, worker: { sent: unknown[] };

class Worker {
  sent: unknown[] = [];
  port = { onmessage: null as null | ((event: { data: unknown }) => void), postMessage: (message: unknown) => { this.sent.push(message); } };
  constructor() {
    worker = this;
    tell = data => this.port.onmessage!({ data });
  }
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  listened = vi.spyOn(document, "addEventListener");
  vi.stubGlobal("SharedWorker", Worker);
  ({ queries } = await import("./queries"));
  live = await import("./live");
  for (const key of [["providers_list", {}, {}], ["jobs_list", { status: "failed" }], ["health_summary", {}, {}], ["me_sessions_list", {}, {}]])
    queries.setQueryData(key, { items: [aProvider({ busy: 1 }), aProvider({ id: "prv_2", busy: 1 })] });
});
afterEach(() => {
  for (const [type, listener] of listened.mock.calls) document.removeEventListener(type, listener);
  vi.useRealTimers();
});

const stale = () => queries.getQueryCache().getAll().filter(each => each.state.isInvalidated).map(each => each.queryKey[0]).sort();
const settle = () => vi.advanceTimersByTimeAsync(500);
const providers = () => queries.getQueryData<{ items: { busy: number }[] }>(["providers_list", {}, {}])!.items;

/** The stream is up, and what that made stale is fresh again. */
async function up() {
  live.beginLive();
  tell({ type: "state", up: true });
  await settle();
  for (const query of queries.getQueryCache().getAll()) query.setData(query.state.data);
}

test("figures go straight into what is shown, and nothing is asked for them", async () => {
  await up();
  tell({ type: "gauge", data: { patch: { providers: { prv_2: { busy: 7 } } } } });
  await settle();
  expect(providers().map(each => each.busy)).toEqual([1, 7]);
  expect(stale()).toEqual([]);
});

test("figures of a provider that is not shown change nothing", async () => {
  await up();
  tell({ type: "gauge", data: { patch: { providers: { prv_9: { busy: 7 } } } } });
  expect(providers().map(each => each.busy)).toEqual([1, 1]);
});

test("an event makes what it is about stale, whatever it is filtered by, and nothing else", async () => {
  await up();
  tell({ type: "job", data: {} });
  await settle();
  expect(stale()).toEqual(["jobs_list"]);
});

test("a burst of events is one question", async () => {
  await up();
  const asked = vi.spyOn(queries, "invalidateQueries");
  for (let each = 0; each < 100; each++) tell({ type: each % 2 ? "job" : "provider", data: {} });
  await settle();
  expect(asked).toHaveBeenCalledOnce();
  expect(stale()).toEqual(expect.arrayContaining(["health_summary", "jobs_list", "providers_list"]));
});

test("whoever watches jobs is told each as it ended, until it leaves", async () => {
  await up();
  const seen: unknown[] = [], leave = live.watchJobs(frame => seen.push(frame));
  tell({ type: "job", data: { id: "job_1" } });
  tell({ type: "attempt", data: { id: "job_1-1" } });
  leave();
  tell({ type: "job", data: { id: "job_2" } });
  expect(seen).toEqual([{ id: "job_1" }]);
});

test("an event of a newer server is passed over", async () => {
  await up();
  tell({ type: "weather", data: {} });
  await settle();
  expect(stale()).toEqual([]);
});

test("after a reset everything is asked again", async () => {
  await up();
  tell({ type: "reset", data: {} });
  expect(stale()).toEqual(["health_summary", "jobs_list", "me_sessions_list", "providers_list"]);
});

test("what was missed while the stream was lost is asked again when it is back, once", async () => {
  await up();
  tell({ type: "state", up: false });
  expect(stale()).toEqual([]);
  tell({ type: "state", up: true });
  expect(stale()).toHaveLength(4);
  for (const query of queries.getQueryCache().getAll()) query.setData(query.state.data);
  tell({ type: "state", up: true });
  expect(stale()).toEqual([]);
});

test("a tab that goes says so to the worker", async () => {
  await up();
  dispatchEvent(new Event("pagehide"));
  expect(worker.sent).toEqual(["bye"]);
});

// Without shared workers: a stream of the tab's own.
class Source extends EventTarget {
  static CLOSED = 2;
  static all: Source[] = [];
  readyState = 1;
  onerror: null | (() => void) = null;
  constructor(readonly url: string) { super(); Source.all.push(this); }
  close() { this.readyState = Source.CLOSED; }
  say(type: string, data: unknown, lastEventId = "") { this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId })); }
}

async function alone() {
  vi.stubGlobal("SharedWorker", undefined);
  vi.stubGlobal("EventSource", Source);
  Source.all = [];
  live.beginLive();
  Source.all[0]!.say("hello", { patch: { ping_ms: 1_000 } }, "id-1");
  await settle();
  for (const query of queries.getQueryCache().getAll()) query.setData(query.state.data);
}

test("a stream that is silent though the server pings is a dead one: a new one goes on behind the last id", async () => {
  await alone();
  Source.all[0]!.say("job", {}, "id-2");
  for (let each = 0; each < 5; each++) { await vi.advanceTimersByTimeAsync(5_000); Source.all[0]!.say("ping", {}, "id-2"); }
  expect(Source.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(Source.all.map(each => each.url)).toEqual(["/api/live", "/api/live?last_event_id=id-2"]);
  expect(Source.all[0]!.readyState).toBe(Source.CLOSED);
});

test("a ping is no news: nothing is asked for it", async () => {
  await alone();
  Source.all[0]!.say("ping", {}, "id-1");
  await settle();
  expect(stale()).toEqual([]);
});

test("a hidden tab closes its stream, and opens one when it is looked at again", async () => {
  await alone();
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(true);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Source.all[0]!.readyState).toBe(Source.CLOSED);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(Source.all).toHaveLength(1);
  hidden.mockReturnValue(false);
  document.dispatchEvent(new Event("visibilitychange"));
  expect(Source.all).toHaveLength(2);
});
