// The rows of jobs. Of thousands only those in sight are in the page: rows of nothing stand for what is above and below.
import { ActionIcon, Anchor, Badge, Table, Text } from "@mantine/core";
import { IconLayoutSidebarRight } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import type { Job } from "../api/contract";
import { countText, durationText } from "../parts/numbers";
import { Moment } from "../parts/since";
import { Status } from "../parts/status";
import { Chain } from "./chain";
import { jobCostText } from "./job_words";
import type { Filter } from "./jobs_filter";

const ROW = 56, AROUND = 8, TIME = 15; /* pixels, until a row is measured; rows; its weight */

interface Column { label: string; weight: number; right?: boolean; isMore?: boolean; cell: (job: Job) => ReactNode }

const tokens = (job: Job) => (job.input_tokens === null && job.output_tokens === null ? "unknown"
  : `${countText(job.input_tokens)} in, ${countText(job.output_tokens)} out${job.estimated ? " (estimated)" : ""}`);

/* `isMore`: what the job beside the list says, too. Weights share the width out, so that columns stay while rows come and go. */
const columns: Column[] = [
  { label: "Status", weight: 10, cell: job => <Status state={job.status} /> },
  { label: "Who", weight: 10, isMore: true, cell: job => <Text size="sm" component="span">{job.user_name ?? job.key_name ?? "–"}</Text> },
  { label: "Asked for", weight: 10, isMore: true, cell: job => <span className="mono">{job.requested_model ?? "–"}</span> },
  { label: "Who was asked", weight: 24, cell: job => <><Chain attempts={job.attempts} /> {job.answer.failed_over && <Badge size="xs" color="orange" variant="light">failed over</Badge>}</> },
  { label: "Answered", weight: 10, isMore: true, cell: job => <span className="mono">{job.model ?? "–"}</span> },
  { label: "First token", weight: 7, right: true, isMore: true, cell: job => durationText(job.first_byte_ms) },
  { label: "Took", weight: 7, right: true, cell: job => durationText(job.duration_ms) },
  { label: "Tokens", weight: 9, right: true, isMore: true, cell: job => <Text size="sm" component="span">{tokens(job)}</Text> },
  { label: "Cost", weight: 8, right: true, cell: jobCostText },
];

interface Given {
  jobs: Job[];
  filter: Filter;
  current: string | null; /* the id of the row that is looked at */
  isByKeys: boolean; /* it was come to by a key: the focus goes along */
  isNarrow: boolean; /* a job stands open beside it */
  isOld: boolean;
  onPeek: (job: Job) => void;
}

function Row({ job, at, measure, given, shown }: { job: Job; at: number; measure: (row: Element | null) => void; given: Given; shown: Column[] }) {
  const isCurrent = job.id === given.current;
  return (
    <Table.Tr ref={measure} data-index={at} aria-rowindex={at + 2} aria-current={isCurrent || undefined} className={isCurrent ? "current-row" : undefined}
      onClick={event => { if (!(event.target as Element).closest("a, button")) given.onPeek(job); }}>
      <Table.Td data-label="Time" className="nowrap">
        <Anchor component={Link} size="sm" to={`/audit/jobs/${job.id}` as never} search={{ ...given.filter, list: "1" } as never}><Moment at={job.created_at_ms} /></Anchor>{" "}
        <ActionIcon variant="subtle" size="sm" onClick={() => given.onPeek(job)} aria-expanded={isCurrent && given.isNarrow} aria-label="Beside the list"><IconLayoutSidebarRight size={16} /></ActionIcon>
      </Table.Td>
      {shown.map(column => <Table.Td key={column.label} data-label={column.label} ta={column.right ? "right" : undefined}>{column.cell(job)}</Table.Td>)}
    </Table.Tr>
  );
}

const Gap = ({ height, columns: span }: { height: number; columns: number }) =>
  height > 0 ? <tr aria-hidden className="gap-row"><td colSpan={span} style={{ height }} /></tr> : null;

export function JobRows(given: Given) {
  const { jobs, current } = given;
  const body = useRef<HTMLTableSectionElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    const top = body.current ? body.current.getBoundingClientRect().top + window.scrollY : 0;
    if (Math.abs(top - margin) > 1) setMargin(top);
  });
  const virtual = useWindowVirtualizer({ count: jobs.length, estimateSize: () => ROW, overscan: AROUND, scrollMargin: margin, getItemKey: at => jobs[at]?.id ?? at, scrollPaddingStart: 60 });
  const at = current === null ? -1 : jobs.findIndex(job => job.id === current);
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    if (at >= 0) virtual.scrollToIndex(at, { align: "auto" });
    wanted.current = given.isByKeys ? current : null;
  }, [current]); /* not when the list moves below it */
  useEffect(() => {
    if (wanted.current === null) return;
    const row = body.current?.querySelector<HTMLElement>(`tr[data-index="${at}"] a`); /* once it is drawn */
    if (row) { wanted.current = null; row.focus({ preventScroll: true }); }
  });
  const rows = virtual.getVirtualItems(), shown = given.isNarrow ? columns.filter(column => !column.isMore) : columns;
  const above = rows.length ? rows[0]!.start - margin : 0, below = rows.length ? virtual.getTotalSize() - (rows.at(-1)!.end - margin) : 0;
  const whole = shown.reduce((sum, column) => sum + column.weight, TIME), part = (weight: number) => `${(weight / whole) * 100}%`;
  return (
    <Table className="cards job-rows" layout="fixed" verticalSpacing="xs" horizontalSpacing={6} fz="sm" highlightOnHover highlightOnHoverColor="var(--job-row)" aria-label="Jobs" aria-rowcount={jobs.length + 1} aria-busy={given.isOld} data-old={given.isOld || undefined}>
      <Table.Thead><Table.Tr>
        <Table.Th w={part(TIME)}>Time</Table.Th>
        {shown.map(column => <Table.Th key={column.label} w={part(column.weight)} ta={column.right ? "right" : undefined}>{column.label}</Table.Th>)}
      </Table.Tr></Table.Thead>
      <tbody ref={body}>
        <Gap height={above} columns={shown.length + 1} />
        {rows.map(row => jobs[row.index] && <Row key={row.key} job={jobs[row.index]!} at={row.index} measure={virtual.measureElement} given={given} shown={shown} />)}
        <Gap height={below} columns={shown.length + 1} />
      </tbody>
    </Table>
  );
}
