// What a rehearsal says of a change before it is saved: one sentence, and whether the change may be saved without a question.
import type { Rehearsed, RehearsedSide } from "../api/contract";
import { countText, moneyText } from "./numbers";

export interface Forecast {
  text: string;
  /** Nothing fails that was answered, and it does not cost more. */
  isHarmless: boolean;
  /** No requests in this time: nothing can be said. */
  isEmpty: boolean;
  moved: number;
}

type Move = Rehearsed["moves"][number];
const KINDS_SHOWN = 3, NAMES_SHOWN = 2;

const costOf = (side: RehearsedSide) => side.landing.reduce((sum, each) => sum + each.cost_microusd, 0);
const jobsOf = (moves: Move[]) => moves.reduce((sum, move) => sum + move.jobs, 0);

const costText = (change: number) => (change === 0 ? "" : `${change > 0 ? "+" : "−"}${moneyText(Math.abs(change))}`);

function moveText(move: Move): string {
  const to = move.to?.name ?? "nobody";
  const costs = [costText(move.cost_change_microusd), move.unpriced_jobs > 0 && `no price known for ${countText(move.unpriced_jobs)}`].filter(Boolean).join(", ");
  const way = !move.from ? `that nobody answered to ${to}` : move.from.id === move.to?.id ? `to another model of ${to}` : `from ${move.from.name} to ${to}`;
  return `${countText(move.jobs)} ${way}${costs && ` (${costs})`}`;
}

/** Teams and keys that asked nothing in this time, and would be left with nobody. */
function idleText(rehearsed: Rehearsed): string {
  const idle = rehearsed.stranded.filter(each => each.jobs === 0);
  if (idle.length === 0) return "";
  const names = idle.slice(0, NAMES_SHOWN).map(each => `${each.kind} ${each.name}`).join(", ");
  const more = idle.length > NAMES_SHOWN ? ` and ${countText(idle.length - NAMES_SHOWN)} more` : "";
  return ` Left with nobody, though without a request in this time: ${names}${more}.`;
}

export function forecastOf(rehearsed: Rehearsed, hours = 24): Forecast {
  const { before, after, window } = rehearsed;
  const moves = rehearsed.moves.filter(move => move.to !== null), failing = rehearsed.stranded_jobs;
  const moved = jobsOf(moves) + failing;
  const parts = moves.slice(0, KINDS_SHOWN).map(moveText);
  if (moves.length > KINDS_SHOWN) parts.push(`${countText(jobsOf(moves.slice(KINDS_SHOWN)))} elsewhere`);
  if (failing > 0) parts.push(`${countText(failing)} would fail`);
  const all = `${window.sampled ? "a sample of " : ""}${countText(window.rehearsed)} jobs`;
  const text = `In the last ${hours} hours this would have moved ${moved > 0 ? countText(moved) : "none"} of ${all}${parts.length ? `: ${parts.join(", ")}` : ""}.`;
  const idle = idleText(rehearsed);
  return {
    text: text + idle,
    isHarmless: failing === 0 && idle === "" && costOf(after) <= costOf(before) && after.unpriced_jobs <= before.unpriced_jobs,
    isEmpty: window.rehearsed === 0 && idle === "",
    moved,
  };
}
