// How much of what there is: a bar that says its figures.
import { Box } from "@mantine/core";

/** `mark`: where on the way to `most` something begins to matter. */
export function Bar({ label, value, most, mark, colour = "indigo" }: { label: string; value: number; most: number; mark?: number; colour?: string }) {
  const share = (part: number) => `${most > 0 ? Math.min(100, Math.max(0, (part / most) * 100)) : 0}%`;
  return (
    <Box role="meter" aria-label={label} aria-valuemin={0} aria-valuemax={most} aria-valuenow={Math.min(value, most)} className="bar">
      <div style={{ width: share(value), background: `var(--mantine-color-${colour}-6)` }} />
      {mark !== undefined && <span style={{ left: share(mark) }} />}
    </Box>
  );
}
