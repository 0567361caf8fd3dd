// What is said of a field that saves itself, aloud and beside it.
import type { Phase } from "./saver";

/** For those who listen: what has come of a change. Empty: nothing worth saying. */
export function announced(label: string, phase: Phase<unknown, unknown>, blind?: string): string {
  switch (phase.name) {
    case "saving": return `${label}: saving.`;
    case "saved": return phase.isUndone ? `${label}: undone.` : `${label}: saved.${blind ? ` ${blind}` : ""}${phase.mayUndo ? " Undo is there for ten seconds." : ""}`;
    case "asking": return `${label}: not saved yet. ${phase.forecast.text} Save all the same, or keep as it was.`;
    case "foreseeing": return phase.isSlow || phase.error ? `${label}: not saved yet. What it would move is not known; save without it, or keep as it was.` : "";
    case "failed": return `${label}: not saved. Try again.`;
    case "differs": return `${label}: not saved. Somebody changed it meanwhile.`;
    default: return "";
  }
}
