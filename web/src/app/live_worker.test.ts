// public/live-worker.js, as it is: a classic script whose globals are made up here.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import script from "../../public/live-worker.js?raw";

class Source extends EventTarget {
  static CLOSED = 2;
  static all: Source[] = [];
  readyState = 1;
  onerror: null | (() => void) = null;
  constructor(readonly url: string) { super(); Source.all.push(this); }
  close() { this.readyState = Source.CLOSED; }
  say(type: string, data: unknown, lastEventId = "") { this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data), lastEventId })); }
  break() { this.readyState = Source.CLOSED; this.onerror!(); }
}
interface Tab { got: { type: string; up?: boolean }[]; onmessage: (event: { data: string }) => void; postMessage: (message: never) => void }
let connect: (event: { ports: Tab[] }) => void;

function open(): Tab {
  const tab: Tab = { got: [], onmessage: () => {}, postMessage: message => { tab.got.push(message); } };
  connect({ ports: [tab] });
  return tab;
}

beforeEach(() => {
  vi.useFakeTimers();
  Source.all = [];
  connect = new Function("EventSource", `let onconnect;${script}\nreturn onconnect;`)(Source) as typeof connect;
});
afterEach(() => { vi.useRealTimers(); });

const hello = (ping_ms = 1_000) => Source.all.at(-1)!.say("hello", { patch: { ping_ms } }, "id-1");

test("all tabs have one stream; each hears everything but the pings, and a late one how the stream is", () => {
  const first = open(), second = open();
  hello();
  Source.all[0]!.say("ping", {}, "id-1");
  Source.all[0]!.say("job", { id: "job_1" }, "id-2");
  expect(Source.all).toHaveLength(1);
  expect(second.got).toEqual(first.got);
  expect(first.got.map(each => each.type)).toEqual(["state", "state", "hello", "job"]);
  expect(open().got).toEqual([{ type: "state", up: true }]);
});

test("silence is distrusted: a new stream goes on behind the last id, and the tabs are told meanwhile", async () => {
  const tab = open();
  hello();
  await vi.advanceTimersByTimeAsync(6_500);
  expect(Source.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(Source.all.map(each => each.url)).toEqual(["/api/live", "/api/live?last_event_id=id-1"]);
  expect(tab.got.at(-1)).toEqual({ type: "state", up: false });
  hello();
  expect(tab.got.at(-2)).toEqual({ type: "state", up: true });
});

test("pings are enough to be trusted", async () => {
  open();
  hello();
  for (let each = 0; each < 30; each++) { await vi.advanceTimersByTimeAsync(5_000); Source.all[0]!.say("ping", {}, "id-1"); }
  expect(Source.all).toHaveLength(1);
});

test("a stream that the server ended is opened again after a while", async () => {
  open();
  hello();
  Source.all[0]!.break();
  expect(Source.all).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2_100);
  expect(Source.all).toHaveLength(2);
});

test("when the last tab is gone the stream is closed, and stays so", async () => {
  const first = open(), second = open();
  hello();
  first.onmessage({ data: "bye" });
  expect(Source.all[0]!.readyState).toBe(1);
  second.onmessage({ data: "bye" });
  expect(Source.all[0]!.readyState).toBe(Source.CLOSED);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(Source.all).toHaveLength(1);
  open();
  expect(Source.all).toHaveLength(2);
});
