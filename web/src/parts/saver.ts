// One field that saves itself: what is typed, what the server has, and everything between. No React, no DOM: times and the
// server are given, so that each way it can go is a test.
import type { Forecast } from "./forecast";

export const TYPED_MS = 600, UNDO_MS = 10_000, PATIENCE_MS = 3_000;
const TRIES = 4;

/** A thing as it was seen, with the revision that a change of it is made for. */
export interface Seen<Item> { item: Item; rev: number }

/** How one field of a thing is read and written. */
export interface Work<Item, Value> {
  label: string;
  of: (item: Item) => Value;
  read: () => Promise<Seen<Item>>;
  write: (value: Value, seen: Seen<Item>) => Promise<Seen<Item>>;
  isStale: (error: unknown) => boolean;
  /** What it would move; absent: it moves nothing. */
  foresee?: (value: Value, item: Item) => Promise<Forecast>;
  /** Why the dry run cannot judge it. */
  blind?: string;
  /** False: a draft that is not whole, which is never saved. */
  isWhole?: (value: Value) => boolean;
  text?: (value: Value) => string;
}

export type Phase<Item, Value> =
  | { name: "still" } | { name: "typed" } | { name: "saving" }
  | { name: "foreseeing"; isSlow: boolean; error: unknown }
  | { name: "asking"; forecast: Forecast }
  | { name: "saved"; at: number; before: Value; saved: Value; forecast: Forecast | null; mayUndo: boolean; isUndone: boolean }
  | { name: "failed"; error: unknown }
  | { name: "differs"; mine: Value; theirs: Seen<Item> };

export interface Clock { now: () => number; later: (ms: number, then: () => void) => () => void }

export const isSame = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

export class Saver<Item, Value> {
  phase: Phase<Item, Value> = { name: "still" };
  private draft: { value: Value } | null = null;
  private base: Value;
  private turn = 0;
  private writes = 0; /* under way: what the server has is not known meanwhile */
  private line: Promise<void> = Promise.resolve();
  private stop: () => void = () => {};
  private readonly listeners = new Set<() => void>();

  constructor(private work: Work<Item, Value>, private seen: Seen<Item>, private readonly clock: Clock) {
    this.base = work.of(seen.item);
  }

  get label() { return this.work.label; }
  get blind() { return this.work.blind; }
  get value(): Value { return this.draft ? this.draft.value : this.work.of(this.seen.item); }
  textOf = (value: Value) => (this.work.text ? this.work.text(value) : String(value ?? "nothing"));
  theirsText = () => (this.phase.name === "differs" ? this.textOf(this.work.of(this.phase.theirs.item)) : "");
  /** Would be lost by leaving. */
  get isUnsaved() { return this.phase.name === "failed" || this.phase.name === "differs" || this.phase.name === "asking" || this.phase.name === "foreseeing"; }
  get isBusy() { return this.phase.name === "typed" || this.phase.name === "saving"; }

  subscribe = (listener: () => void) => { this.listeners.add(listener); return () => { this.listeners.delete(listener); }; };
  private go(phase: Phase<Item, Value>) {
    this.phase = phase;
    this.listeners.forEach(each => each());
  }

  /** What the page shows of the thing now; an older answer changes nothing. */
  update(work: Work<Item, Value>, seen: Seen<Item>) {
    this.work = work;
    if (seen.rev >= this.seen.rev) this.seen = seen;
  }

  private put(value: Value) {
    if (!this.draft) this.base = this.work.of(this.seen.item);
    this.draft = { value };
    this.turn++;
    this.stop();
  }

  /** Saved when nothing more comes for a moment, or by flush. */
  type(value: Value) {
    this.hold(value);
    this.stop = this.clock.later(TYPED_MS, () => this.commit());
  }

  /** Saved by flush alone: a list that is still open. */
  hold(value: Value) {
    this.put(value);
    this.go({ name: "typed" });
  }

  set(value: Value) {
    this.put(value);
    this.commit();
  }

  flush() {
    if (this.phase.name === "typed") this.commit();
  }

  /** As it was: what was typed is dropped. */
  keep() {
    this.turn++;
    this.stop();
    this.draft = null;
    this.go({ name: "still" });
  }

  private commit() {
    this.stop();
    const draft = this.draft;
    if (!draft) return;
    if ((this.writes === 0 && isSame(draft.value, this.work.of(this.seen.item))) || (this.work.isWhole && !this.work.isWhole(draft.value))) this.keep();
    else if (this.work.foresee) void this.look(draft.value);
    else this.queue(draft.value, null, false);
  }

  private async look(value: Value) {
    const turn = this.turn;
    this.go({ name: "foreseeing", isSlow: false, error: null });
    this.stop = this.clock.later(PATIENCE_MS, () => this.go({ name: "foreseeing", isSlow: true, error: null }));
    try {
      const forecast = await this.work.foresee!(value, this.seen.item);
      if (turn !== this.turn) return;
      this.stop();
      if (forecast.isHarmless || forecast.isEmpty) this.queue(value, forecast.isEmpty ? null : forecast, false);
      else this.go({ name: "asking", forecast });
    } catch (error) {
      if (turn !== this.turn) return;
      this.stop();
      this.go({ name: "foreseeing", isSlow: false, error });
    }
  }

  /** With the forecast known, or without it. */
  saveAllTheSame() {
    const forecast = this.phase.name === "asking" ? this.phase.forecast : null;
    this.turn++;
    this.stop();
    if (this.draft) this.queue(this.draft.value, forecast, false);
  }

  lookAgain() {
    if (this.draft && this.phase.name === "foreseeing") void this.look(this.draft.value);
  }

  retry() {
    if (this.draft && this.phase.name === "failed") this.queue(this.draft.value, null, false);
  }

  /** The earlier value, written like any other. */
  undo() {
    if (this.phase.name !== "saved") return;
    const { before, saved } = this.phase, theirs = this.seen;
    this.put(before);
    if (isSame(this.work.of(theirs.item), saved)) this.queue(before, null, true);
    else this.go({ name: "differs", mine: before, theirs }); /* somebody else was here since */
  }

  saveMine() {
    if (this.phase.name !== "differs") return;
    this.seen = this.phase.theirs;
    this.base = this.work.of(this.seen.item);
    this.queue(this.phase.mine, null, false);
  }

  takeTheirs() {
    if (this.phase.name !== "differs") return;
    this.seen = this.phase.theirs;
    this.keep();
  }

  /** One write after the other, so that none is made for a revision that the one before it ends. */
  private queue(value: Value, forecast: Forecast | null, isUndo: boolean) {
    this.go({ name: "saving" });
    this.writes++;
    this.line = this.line.then(() => this.save(value, forecast, isUndo)).finally(() => { this.writes--; });
  }

  private async save(value: Value, forecast: Forecast | null, isUndo: boolean) {
    const base = this.base, turn = this.turn;
    let seen = this.seen;
    try {
      for (let left = TRIES; ; left--) {
        if (!isSame(this.work.of(seen.item), base)) return this.differ(value, seen, turn);
        try {
          return this.done(await this.work.write(value, seen), base, forecast, isUndo ? "undone" : "made", turn);
        } catch (error) {
          if (left === 0 || !this.work.isStale(error)) throw error;
          seen = await this.work.read(); /* another field was changed, or this one */
        }
      }
    } catch (error) {
      if (turn === this.turn) this.go({ name: "failed", error });
    }
  }

  private differ(mine: Value, theirs: Seen<Item>, turn: number) {
    if (turn !== this.turn) return;
    if (isSame(this.work.of(theirs.item), mine)) this.done(theirs, this.base, null, "theirs", turn);
    else this.go({ name: "differs", mine, theirs });
  }

  private done(seen: Seen<Item>, before: Value, forecast: Forecast | null, how: "made" | "undone" | "theirs", turn: number) {
    this.seen = seen;
    this.base = this.work.of(seen.item);
    if (turn !== this.turn) return; /* more was typed meanwhile */
    this.draft = null;
    const saved = { name: "saved" as const, at: this.clock.now(), before, saved: this.base, forecast, mayUndo: how === "made", isUndone: how === "undone" };
    this.go(saved);
    if (saved.mayUndo) this.stop = this.clock.later(UNDO_MS, () => this.go({ ...saved, mayUndo: false }));
  }
}
