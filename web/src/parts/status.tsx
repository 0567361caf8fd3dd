// A state: always shape, word and colour, and since when.
import { Group, Text } from "@mantine/core";
import { Since } from "./since";

const looks: Record<string, { shape: string; word: string; colour: string }> = {
  online: { shape: "●", word: "online", colour: "green" },
  live: { shape: "●", word: "live", colour: "green" },
  done: { shape: "●", word: "done", colour: "green" },
  ok: { shape: "●", word: "ok", colour: "green" },
  degraded: { shape: "◐", word: "degraded", colour: "orange" },
  suspect: { shape: "◐", word: "suspect", colour: "orange" },
  over_quota: { shape: "◐", word: "over quota", colour: "orange" },
  warning: { shape: "◐", word: "warning", colour: "orange" },
  cancelled: { shape: "◐", word: "cancelled", colour: "orange" },
  note: { shape: "◐", word: "worth a look", colour: "orange" },
  down: { shape: "✕", word: "down", colour: "red" },
  offline: { shape: "○", word: "offline", colour: "gray" },
  away: { shape: "○", word: "away", colour: "gray" },
  dead: { shape: "○", word: "dead", colour: "gray" },
  running: { shape: "◌", word: "running", colour: "blue" },
  open: { shape: "◌", word: "running", colour: "blue" },
  error: { shape: "✕", word: "error", colour: "red" },
  failed: { shape: "✕", word: "failed", colour: "red" },
  interrupted: { shape: "✕", word: "interrupted", colour: "red" },
  refused: { shape: "✕", word: "refused", colour: "red" },
  paused: { shape: "‖", word: "paused", colour: "gray" },
};

export function Status({ state, since }: { state: string; since?: number | null }) {
  const look = looks[state] ?? { shape: "◌", word: state.replace(/_/g, " "), colour: "gray" };
  return (
    <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
      <Text component="span" className="status-shape" c={`${look.colour}.${look.colour === "gray" ? 7 : 8}`} darkHidden aria-hidden>{look.shape}</Text>
      <Text component="span" className="status-shape" c={`${look.colour}.4`} lightHidden aria-hidden>{look.shape}</Text>
      <Text component="span" size="sm">{look.word}</Text>
      {since ? <Text component="span" size="sm" c="dimmed">since <Since at={since} /></Text> : null}
    </Group>
  );
}
