// Fields that save themselves: each says how far it is, one voice tells it aloud, and who leaves with something unsaved is asked.
import { Button, Group, Modal, Stack, Text, VisuallyHidden } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { createContext, useContext, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { Saver, type Clock, type Seen, type Work } from "./saver";
import { announced } from "./saving_words";
import { Moment } from "./since";

const clock: Clock = {
  now: () => Date.now(),
  later: (ms, then) => { const timer = window.setTimeout(then, ms); return () => window.clearTimeout(timer); },
};

type AnySaver = Saver<unknown, unknown>;
interface Told { words: string; savedAt: number | null }

/** The fields of a page, by name. */
class Fields {
  told: Told = { words: "", savedAt: null };
  private readonly savers = new Map<string, AnySaver>();
  private readonly listeners = new Set<() => void>();

  subscribe = (listener: () => void) => { this.listeners.add(listener); return () => { this.listeners.delete(listener); }; };

  of<Item, Value>(name: string, work: Work<Item, Value>, seen: Seen<Item>): Saver<Item, Value> {
    const known = this.savers.get(name) as unknown as Saver<Item, Value> | undefined;
    if (known) { known.update(work, seen); return known; }
    const saver = new Saver(work, seen, clock);
    this.savers.set(name, saver as unknown as AnySaver);
    saver.subscribe(() => this.tell(saver as unknown as AnySaver));
    return saver;
  }

  private tell(saver: AnySaver) {
    const words = announced(saver.label, saver.phase, saver.blind);
    const savedAt = saver.phase.name === "saved" ? saver.phase.at : this.told.savedAt;
    this.told = { words: words || this.told.words, savedAt };
    this.listeners.forEach(each => each());
  }

  unsaved = () => [...this.savers.values()].filter(each => each.isUnsaved).map(each => each.label);
  get isAtRisk() { return [...this.savers.values()].some(each => each.isUnsaved || each.isBusy); }
  flush() { this.savers.forEach(each => each.flush()); }
}

const Here = createContext<Fields | null>(null);
function useFields(): Fields {
  const fields = useContext(Here);
  if (!fields) throw new Error("useAutoSave: only below AutoSaving");
  return fields;
}

function Leaving({ fields }: { fields: Fields }) {
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => current.pathname !== next.pathname && fields.unsaved().length > 0,
    enableBeforeUnload: () => fields.isAtRisk,
    withResolver: true,
  });
  return (
    <Modal opened={leaving.status === "blocked"} onClose={() => leaving.reset?.()} title="Not saved">
      <Stack gap="sm">
        <Text size="sm">Leaving now loses what was changed: {fields.unsaved().join(", ")}.</Text>
        <Group><Button data-autofocus onClick={() => leaving.reset?.()}>Stay here</Button><Button variant="default" onClick={() => leaving.proceed?.()}>Leave without saving</Button></Group>
      </Stack>
    </Modal>
  );
}

function Voice({ fields }: { fields: Fields }) {
  const told = useSyncExternalStore(fields.subscribe, () => fields.told);
  return <VisuallyHidden aria-live="polite" data-voice>{told.words}</VisuallyHidden>;
}

/** Around a page whose fields save themselves. */
export function AutoSaving({ children }: { children: ReactNode }) {
  const [fields] = useState(() => new Fields());
  useEffect(() => () => fields.flush(), [fields]);
  return <Here.Provider value={fields}>{children}<Voice fields={fields} /><Leaving fields={fields} /></Here.Provider>;
}

/** For the page's head. */
export function LastSaved() {
  const fields = useFields();
  const { savedAt } = useSyncExternalStore(fields.subscribe, () => fields.told);
  return savedAt === null ? null : <Text size="sm" c="dimmed">Last saved <Moment at={savedAt} /></Text>;
}

export function useAutoSave<Item, Value>(name: string, work: Work<Item, Value>, seen: Seen<Item>): Saver<Item, Value> {
  const saver = useFields().of(name, work, seen);
  useSyncExternalStore(saver.subscribe, () => saver.phase);
  return saver;
}
