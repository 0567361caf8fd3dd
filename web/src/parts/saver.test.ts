import { expect, test } from "vitest";
import type { Forecast } from "./forecast";
import { PATIENCE_MS, Saver, TYPED_MS, UNDO_MS, type Clock, type Work } from "./saver";

interface Thing { name: string; size: number }
const stale = new Error("stale");
const harmless: Forecast = { text: "none", isHarmless: true, isEmpty: false, moved: 0 };
const costly: Forecast = { text: "all", isHarmless: false, isEmpty: false, moved: 9 };

/** A clock that goes when it is told. */
function clockOf() {
  let now = 0;
  const waiting = new Set<{ at: number; then: () => void }>();
  const clock: Clock = { now: () => now, later: (ms, then) => { const one = { at: now + ms, then }; waiting.add(one); return () => { waiting.delete(one); }; } };
  const pass = (ms: number) => {
    now += ms;
    for (const one of [...waiting]) if (one.at <= now) { waiting.delete(one); one.then(); }
  };
  return { clock, pass };
}

/** A server with one thing, which others may change. */
function stage(work: Partial<Work<Thing, string>> = {}) {
  const server = { item: { name: "old", size: 1 } as Thing, rev: 1, writes: [] as string[], isDown: false };
  const { clock, pass } = clockOf();
  const saver = new Saver<Thing, string>({
    label: "Name", of: it => it.name,
    read: async () => ({ item: server.item, rev: server.rev }),
    write: async (name, seen) => {
      if (server.isDown) throw new Error("down");
      if (seen.rev !== server.rev) throw stale;
      server.writes.push(name);
      server.item = { ...server.item, name };
      return { item: server.item, rev: ++server.rev };
    },
    isStale: error => error === stale, ...work,
  }, { item: server.item, rev: server.rev }, clock);
  const others = (change: Partial<Thing>) => { server.item = { ...server.item, ...change }; server.rev++; };
  return { saver, server, pass, others };
}
const settled = async () => { for (let i = 0; i < 20; i++) await Promise.resolve(); };

test("text is saved a moment after the last key, not after each", async () => {
  const { saver, server, pass } = stage();
  saver.type("n");
  pass(TYPED_MS - 1);
  saver.type("new");
  pass(TYPED_MS - 1);
  expect(server.writes).toEqual([]);
  pass(1);
  await settled();
  expect([server.writes, saver.phase.name, saver.value]).toEqual([["new"], "saved", "new"]);
});

test("what is left is saved at once; what is as it was, or not whole, never", async () => {
  const { saver, server } = stage({ isWhole: value => value !== "" });
  saver.type("new");
  saver.flush();
  await settled();
  saver.set("new");
  saver.set("");
  await settled();
  expect([server.writes, saver.value]).toEqual([["new"], "new"]);
});

test("undo writes the earlier value with the new revision, for ten seconds", async () => {
  const { saver, server, pass, others } = stage();
  saver.set("new");
  await settled();
  others({ size: 2 }); /* another field, meanwhile */
  saver.undo();
  await settled();
  expect([server.writes, server.item.size, saver.value]).toEqual([["new", "old"], 2, "old"]);
  expect(saver.phase).toMatchObject({ name: "saved", isUndone: true, mayUndo: false });
  saver.set("newer");
  await settled();
  expect(saver.phase).toMatchObject({ mayUndo: true });
  pass(UNDO_MS);
  expect(saver.phase).toMatchObject({ name: "saved", mayUndo: false });
});

test("a failure keeps what was typed, and a second try saves it", async () => {
  const { saver, server } = stage();
  server.isDown = true;
  saver.set("new");
  await settled();
  expect([saver.phase.name, saver.value, saver.isUnsaved]).toEqual(["failed", "new", true]);
  server.isDown = false;
  saver.retry();
  await settled();
  expect([server.item.name, saver.phase.name, saver.isUnsaved]).toEqual(["new", "saved", false]);
});

test("a change of another field by somebody else is no hindrance; of this one, both values are there to choose from", async () => {
  const { saver, server, others } = stage();
  others({ size: 2 });
  saver.set("mine");
  await settled();
  expect([server.item, saver.phase.name]).toEqual([{ name: "mine", size: 2 }, "saved"]);
  others({ name: "theirs" });
  saver.set("mine again");
  await settled();
  expect([saver.phase.name, saver.theirsText(), saver.value, server.item.name]).toEqual(["differs", "theirs", "mine again", "theirs"]);
  saver.saveMine();
  await settled();
  expect([server.item.name, saver.phase.name]).toEqual(["mine again", "saved"]);
});

test("theirs can be taken; that somebody did the same is no difference", async () => {
  const { saver, server, others } = stage();
  others({ name: "theirs" });
  saver.set("mine");
  await settled();
  saver.takeTheirs();
  expect([saver.value, saver.phase.name]).toEqual(["theirs", "still"]);
  others({ name: "same" });
  saver.set("same");
  await settled();
  expect([saver.phase.name, server.writes]).toEqual(["saved", []]);
});

test("what came in by itself while somebody typed is not overwritten unseen", async () => {
  const { saver, server, others } = stage();
  saver.hold("mine");
  others({ name: "theirs" });
  saver.update((saver as unknown as { work: Work<Thing, string> }).work, { item: server.item, rev: server.rev });
  saver.flush();
  await settled();
  expect([saver.phase.name, server.item.name]).toEqual(["differs", "theirs"]);
});

test("two writes that follow each other closely do not meet", async () => {
  const { saver, server } = stage();
  saver.set("one");
  saver.set("two");
  await settled();
  expect([server.writes, saver.phase.name, saver.value]).toEqual([["one", "two"], "saved", "two"]);
});

test("harmless is saved at once; costly waits for a word, and may be dropped", async () => {
  let forecast = harmless;
  const { saver, server } = stage({ foresee: async () => forecast });
  saver.set("new");
  expect(saver.phase.name).toBe("foreseeing");
  await settled();
  expect([server.writes, saver.phase]).toMatchObject([["new"], { name: "saved", forecast: harmless }]);
  forecast = costly;
  saver.set("dear");
  await settled();
  expect([server.item.name, saver.phase.name, saver.isUnsaved]).toEqual(["new", "asking", true]);
  saver.keep();
  expect([saver.value, saver.phase.name]).toEqual(["new", "still"]);
  saver.set("dear");
  await settled();
  saver.saveAllTheSame();
  await settled();
  expect([server.item.name, saver.phase]).toMatchObject(["dear", { name: "saved", forecast: costly }]);
});

test("a forecast that takes long, or fails, is offered to be done without", async () => {
  let answer: (forecast: Forecast) => void = () => {};
  const slow = stage({ foresee: () => new Promise(resolve => { answer = resolve; }) });
  slow.saver.set("new");
  slow.pass(PATIENCE_MS);
  expect(slow.saver.phase).toMatchObject({ name: "foreseeing", isSlow: true });
  slow.saver.saveAllTheSame();
  answer(costly);
  await settled();
  expect([slow.server.writes, slow.saver.phase.name]).toEqual([["new"], "saved"]);
  const failing = stage({ foresee: () => Promise.reject(new Error("no")) });
  failing.saver.set("new");
  await settled();
  expect([failing.saver.phase, failing.server.writes]).toMatchObject([{ name: "foreseeing", error: new Error("no") }, []]);
});

test("a forecast of what has been changed again meanwhile counts for nothing", async () => {
  const answers: ((forecast: Forecast) => void)[] = [];
  const { saver, server } = stage({ foresee: () => new Promise(resolve => { answers.push(resolve); }) });
  saver.set("one");
  saver.set("two");
  answers[0]!(harmless);
  await settled();
  expect([server.writes, saver.phase.name]).toEqual([[], "foreseeing"]);
  answers[1]!(harmless);
  await settled();
  expect(server.writes).toEqual(["two"]);
});

test("a switch that is turned back while it is saved ends as it was", async () => {
  const { saver, server } = stage();
  saver.set("new");
  saver.set("old");
  await settled();
  expect([server.item.name, saver.value, saver.phase.name]).toEqual(["old", "old", "saved"]);
});

test("undo does not write over what somebody else made of it since", async () => {
  const { saver, server, others } = stage();
  saver.set("new");
  await settled();
  others({ name: "theirs" });
  saver.update({ ...saver["work"] }, { item: server.item, rev: server.rev });
  saver.undo();
  await settled();
  expect([server.item.name, saver.phase.name]).toEqual(["theirs", "differs"]);
});
