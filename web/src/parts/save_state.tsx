// Beside a field that saves itself: what it would move, whether it is saved, and the ways out.
import { Button, Group, Paper, Text } from "@mantine/core";
import { useState, type MouseEvent, type ReactNode } from "react";
import { ApiProblem } from "../api/client";
import type { Saver } from "./saver";

type Any = Saver<any, any>; // eslint-disable-line -- a field of whatever kind

const reasonOf = (error: unknown) => (error instanceof ApiProblem ? `${error.problem.detail} ${error.problem.fix ?? ""}`.trim() : "The page met something it did not expect.");

/** It goes away when it is pressed: the focus stays here, so that what comes in its place is one Tab away. */
function Act({ words, saver, act, isMain }: { words: string; saver: Any; act: () => void; isMain?: boolean }) {
  const press = (event: MouseEvent<HTMLElement>) => {
    event.currentTarget.closest<HTMLElement>("[data-save-state]")?.focus();
    act();
  };
  return <Button size="compact-sm" variant={isMain ? "filled" : "default"} aria-label={`${words}: ${saver.label}`} onClick={press}>{words}</Button>;
}

/** What waits for a word. The page's one voice tells of it: it is no alert of its own. */
function Waiting({ name, title, colour, children }: { name: string; title: string; colour: "orange" | "red"; children: ReactNode }) {
  return (
    <Paper withBorder p="xs" role="group" aria-label={name} maw={640} style={{ borderInlineStart: `4px solid var(--mantine-color-${colour}-6)` }}>
      <Text size="sm" fw={600}>{title}</Text>
      {children}
    </Paper>
  );
}

function Foreseeing({ saver, isSlow, error }: { saver: Any; isSlow: boolean; error: unknown }) {
  if (!isSlow && !error) return <Text size="sm" c="dimmed">Looking at what this would have moved in the last 24 hours…</Text>;
  return (
    <Waiting name={`Not foreseen: ${saver.label}`} title="Not saved yet" colour="orange">
      <Text size="sm">{error ? `What it would move cannot be told: ${reasonOf(error)}` : "What it would move takes longer to tell than usual."}</Text>
      <Group gap="xs" mt={6}>
        <Act words="Save without it" saver={saver} act={() => saver.saveAllTheSame()} isMain />
        {error ? <Act words="Look again" saver={saver} act={() => saver.lookAgain()} /> : null}
        <Act words="Keep as it was" saver={saver} act={() => saver.keep()} />
      </Group>
    </Waiting>
  );
}

/** It stays for who is on it, also when its ten seconds are over. */
function Undo({ saver, mayUndo }: { saver: Any; mayUndo: boolean }) {
  const [isOn, setOn] = useState(false);
  if (!mayUndo && !isOn) return null;
  return <span onFocus={() => setOn(true)} onBlur={() => setOn(false)}><Act words="Undo" saver={saver} act={() => saver.undo()} /></span>;
}

function State({ saver }: { saver: Any }) {
  const { phase } = saver;
  switch (phase.name) {
    case "foreseeing": return <Foreseeing saver={saver} isSlow={phase.isSlow} error={phase.error} />;
    case "saving": return <Text size="sm" c="dimmed">Saving…</Text>;
    case "asking":
      return (
        <Waiting name={`What this would move: ${saver.label}`} title="Not saved yet" colour="orange">
          <Text size="sm">{phase.forecast.text}</Text>
          <Group gap="xs" mt={6}>
            <Act words="Save all the same" saver={saver} act={() => saver.saveAllTheSame()} isMain />
            <Act words="Keep as it was" saver={saver} act={() => saver.keep()} />
          </Group>
        </Waiting>
      );
    case "saved":
      return (
        <Group gap="xs">
          <Text size="sm" c="dimmed">{phase.isUndone ? "Undone" : "Saved"}{phase.forecast ? ` · ${phase.forecast.text}` : ""}{saver.blind && !phase.isUndone ? ` · ${saver.blind}` : ""}</Text>
          <Undo saver={saver} mayUndo={phase.mayUndo} />
        </Group>
      );
    case "failed":
      return (
        <Waiting name={`Not saved: ${saver.label}`} title="Not saved" colour="red">
          <Text size="sm">{reasonOf(phase.error)}</Text>
          <Group gap="xs" mt={6}><Act words="Retry" saver={saver} act={() => saver.retry()} isMain /><Act words="Keep as it was" saver={saver} act={() => saver.keep()} /></Group>
        </Waiting>
      );
    case "differs":
      return (
        <Waiting name={`Changed meanwhile: ${saver.label}`} title="Not saved: somebody changed it meanwhile" colour="orange">
          <Text size="sm">Yours: {saver.textOf(phase.mine)}</Text>
          <Text size="sm">Theirs: {saver.theirsText()}</Text>
          <Group gap="xs" mt={6}><Act words="Save mine" saver={saver} act={() => saver.saveMine()} isMain /><Act words="Take theirs" saver={saver} act={() => saver.takeTheirs()} /></Group>
        </Waiting>
      );
    default: return null;
  }
}

export function SaveState({ saver }: { saver: Any }) {
  return <div data-save-state tabIndex={-1}><State saver={saver} /></div>;
}
