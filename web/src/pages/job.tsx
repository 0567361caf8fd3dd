// One request: what became of it, attempt by attempt, what it used and what it cost.
import { Anchor, Badge, Code, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Attempt, Job, PassedOver } from "../api/contract";
import { said } from "../app/queries";
import { AnswerLine } from "../parts/answer_line";
import { CopyField } from "../parts/copy";
import { countText, durationText, moneyText } from "../parts/numbers";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { Moment } from "../parts/since";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { attemptCostText, jobCostText, reasonText } from "./job_words";
import { JobWalk } from "./job_walk";
import { Waterfall } from "./waterfall";

const columns: Column<Attempt>[] = [
  { label: "Attempt", cell: attempt => attempt.seq },
  { label: "Provider", cell: attempt => attempt.provider ? <Anchor component={Link} to={`/settings/providers/${attempt.provider.id}` as never}>{attempt.provider.name}</Anchor> : "deleted" },
  { label: "Model", cell: attempt => <span className="mono">{attempt.model ?? "–"}</span> },
  { label: "Outcome", cell: attempt => <><Status state={attempt.outcome ?? "running"} /> {reasonText(attempt.reason)}{attempt.http_status ? ` (${attempt.http_status})` : ""}</> },
  { label: "First byte", right: true, cell: attempt => durationText(attempt.first_byte_ms) },
  { label: "Took", right: true, cell: attempt => durationText(attempt.ended_at_ms === null ? null : attempt.ended_at_ms - attempt.started_at_ms) },
  { label: "Tokens in", right: true, cell: attempt => countText(attempt.input_tokens) },
  { label: "Tokens out", right: true, cell: attempt => countText(attempt.output_tokens) },
  { label: "Cost", right: true, cell: attemptCostText },
];

function evidenceText({ evidence }: PassedOver): string {
  return [
    evidence.heard_ago_ms !== null && `last heard ${durationText(evidence.heard_ago_ms)} before`,
    evidence.slots !== null && `${countText(evidence.busy)} of ${evidence.slots} slots busy`,
    evidence.waiting !== null && evidence.waiting > 0 && `${evidence.waiting} waiting`,
    evidence.context_tokens !== null && `${countText(evidence.context_tokens)} tokens of context`,
  ].filter(Boolean).join(", ");
}

const passed: Column<PassedOver>[] = [
  { label: "Provider", cell: it => it.provider.name },
  { label: "Model", cell: it => <span className="mono">{it.model ?? "–"}</span> },
  { label: "Why not", cell: it => <>{it.text}<Text size="xs" c="dimmed">{evidenceText(it)}</Text></> },
  { label: "Until", cell: it => (it.evidence.until_ms === null ? "–" : <Moment at={it.evidence.until_ms} />) },
  { label: "What to do", cell: it => it.fix ?? "–" },
];

/** The one thing to do: about the end where it went wrong, else about the first that failed. */
function NextStep({ job }: { job: Job }) {
  const step = job.answer.ended_because?.fix ?? job.answer.moved_on_because[0]?.fix ?? null;
  return step ? <Text size="sm" mb="sm">{step}</Text> : null;
}

function Facts({ job }: { job: Job }) {
  const facts: [string, React.ReactNode][] = [
    ["Asked for", <span className="mono" key="m">{job.requested_model ?? "–"}</span>],
    ["Answered", job.provider ? `${job.provider.name} · ${job.model ?? ""}` : "nobody"],
    ["Who", job.user_name ?? job.key_name ?? "–"],
    ["Team", job.team_name ?? "none"],
    ["Came", <Moment key="t" at={job.created_at_ms} />],
    ["Waited", durationText(job.queued_ms)],
    ["First byte", durationText(job.first_byte_ms)],
    ["Took", durationText(job.duration_ms)],
    ["Tokens", `${countText(job.input_tokens)} in, ${countText(job.output_tokens)} out, ${countText(job.cached_tokens)} cached${job.estimated ? " (estimated)" : ""}`],
    ["Cost", `${jobCostText(job)}${job.wasted_microusd ? `, of it ${moneyText(job.wasted_microusd)} by attempts that failed` : ""}`],
    ["Form", `${job.endpoint}, ${job.stream ? "streamed" : "plain"}, configuration ${job.config_version}`],
  ];
  return (
    <Stack gap={4} component="dl" m={0}>
      {facts.map(([name, value]) => <Group key={name} gap="sm" wrap="nowrap" align="flex-start"><Text component="dt" size="sm" c="dimmed" w={90} style={{ flexShrink: 0 }}>{name}</Text><Text component="dd" size="sm" m={0}>{value}</Text></Group>)}
    </Stack>
  );
}

export function JobPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const job = useQuery({ ...said("jobs_read", { at: { id } }), refetchInterval: query => (query.state.data?.status === "open" ? 1_000 : false) });
  if (job.error) return <Page title="Job"><ProblemNote error={job.error} retry={() => void job.refetch()} /></Page>;
  if (!job.data) return <Page title="Job"><Loading /></Page>;
  const it = job.data;
  return (
    <Page title="Job" actions={<JobWalk job={it} />}>
      <Stack gap="md">
        <Section title="What became of it">
          <Text mb="xs" fw={600}><AnswerLine parts={it.answer_parts} /></Text>
          <Group mb="sm"><Status state={it.status} /><Text size="sm">{reasonText(it.reason)}</Text>
            {it.answer.failed_over && <Badge color="orange" variant="light">failed over</Badge>}{it.answer.other_than_asked && <Badge variant="light">other than asked</Badge>}</Group>
          <NextStep job={it} />
          <Facts job={it} />
        </Section>
        <Section title="Waterfall"><Waterfall job={it} /></Section>
        <Section title="Attempts"><Rows label="Attempts" columns={columns} rows={it.attempts} keyOf={attempt => String(attempt.seq)} /></Section>
        {it.passed_over.length > 0 && <Section title="Roads not taken"><Rows label="Roads not taken" columns={passed} rows={it.passed_over} keyOf={each => each.provider.id} /></Section>}
        {it.fidelity.length > 0 && <Section title="What translation could not carry"><Code block tabIndex={0}>{it.fidelity.join("\n")}</Code></Section>}
        <CopyField label="Id" value={it.id} />
      </Stack>
    </Page>
  );
}
