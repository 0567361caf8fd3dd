// One time axis: the wait, each attempt until its first byte and from there on, and the gaps between. Drawn by hand: no
// diagram library is needed for bars. The table beside it says the same to a screen reader.
import { Box, Text } from "@mantine/core";
import type { Job } from "../api/contract";
import { durationText } from "../parts/numbers";

const WIDTH = 1000, LANE = 26, LABEL = 170;
const colours = { wait: "var(--mantine-color-gray-5)", first: "var(--mantine-color-indigo-3)", stream: "var(--mantine-color-indigo-7)", failed: "var(--mantine-color-red-6)" };

interface Bar { from: number; to: number; colour: string }
interface Lane { label: string; bars: Bar[] }

function lanesOf(job: Job): { lanes: Lane[]; span: number } {
  const start = job.created_at_ms;
  const span = Math.max(1, job.duration_ms ?? 0, ...job.attempts.map(attempt => (attempt.ended_at_ms ?? attempt.started_at_ms) - start));
  const lanes = job.attempts.map((attempt): Lane => {
    const from = attempt.started_at_ms - start, to = (attempt.ended_at_ms ?? start + span) - start;
    const first = attempt.first_byte_ms === null ? to : Math.min(to, from + attempt.first_byte_ms);
    const late = attempt.outcome === "ok" || attempt.outcome === null ? colours.stream : colours.failed;
    return {
      label: `${attempt.seq}. ${attempt.provider?.name ?? "deleted provider"}`,
      bars: [{ from, to: first, colour: attempt.first_byte_ms === null && late === colours.failed ? colours.failed : colours.first }, { from: first, to, colour: late }],
    };
  });
  if (job.queued_ms) lanes.unshift({ label: "waited", bars: [{ from: 0, to: job.queued_ms, colour: colours.wait }] });
  return { lanes, span };
}

export function Waterfall({ job }: { job: Job }) {
  const { lanes, span } = lanesOf(job);
  if (lanes.length === 0) return <Text c="dimmed">Nobody was asked.</Text>;
  const x = (ms: number) => LABEL + (ms / span) * (WIDTH - LABEL);
  return (
    <Box style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label="Waterfall">
      <svg viewBox={`0 0 ${WIDTH} ${lanes.length * LANE + 22}`} width="100%" role="img" aria-label={`${lanes.length} lanes over ${durationText(span)}`} style={{ minWidth: 560 }}>
        {lanes.map((lane, at) => (
          <g key={lane.label} transform={`translate(0 ${at * LANE})`}>
            <text x={0} y={17} fontSize={13} fill="currentColor">{lane.label.slice(0, 24)}</text>
            {lane.bars.map(bar => <rect key={`${bar.from}-${bar.colour}`} x={x(bar.from)} y={4} height={LANE - 10} width={Math.max(2, x(bar.to) - x(bar.from))} rx={3} fill={bar.colour} />)}
          </g>
        ))}
        {[0, 0.5, 1].map(part => (
          <text key={part} x={part === 1 ? WIDTH : x(span * part)} y={lanes.length * LANE + 16} fontSize={12} fill="var(--mantine-color-dimmed)" textAnchor={part === 1 ? "end" : "start"}>{durationText(Math.round(span * part))}</text>
        ))}
      </svg>
    </Box>
  );
}
