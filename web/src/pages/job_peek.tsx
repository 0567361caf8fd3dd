// A job beside the list: what became of it, in short; the list goes on being walked.
import { ActionIcon, Anchor, Badge, Button, CloseButton, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Job } from "../api/contract";
import { said } from "../app/queries";
import { AnswerLine } from "../parts/answer_line";
import { countText, durationText, moneyText } from "../parts/numbers";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";
import { Status } from "../parts/status";
import { Chain } from "./chain";
import { jobCostText, reasonText } from "./job_words";
import type { Filter } from "./jobs_filter";
import { Waterfall } from "./waterfall";

function factsOf(job: Job): [string, ReactNode][] {
  return [
    ["Came", <Moment key="t" at={job.created_at_ms} />],
    ["Who", `${job.user_name ?? job.key_name ?? "–"}${job.team_name ? `, ${job.team_name}` : ""}`],
    ["Asked for", <span key="a" className="mono">{job.requested_model ?? "–"}</span>],
    ["Who was asked", <Chain key="c" attempts={job.attempts} />],
    ["Answered", job.provider ? `${job.provider.name} · ${job.model ?? ""}` : "nobody"],
    ["First token", durationText(job.first_byte_ms)],
    ["Took", durationText(job.duration_ms)],
    ["Tokens", `${countText(job.input_tokens)} in, ${countText(job.output_tokens)} out, ${countText(job.cached_tokens)} cached`],
    ["Cost", `${jobCostText(job)}${job.wasted_microusd ? `, of it ${moneyText(job.wasted_microusd)} by attempts that failed` : ""}`],
  ];
}

function Told({ job }: { job: Job }) {
  const step = job.answer.ended_because?.fix ?? job.answer.moved_on_because[0]?.fix;
  return (
    <Stack gap="sm">
      <Text fw={600} size="sm"><AnswerLine parts={job.answer_parts} /></Text>
      <Group gap="xs"><Status state={job.status} /><Text size="sm">{reasonText(job.reason)}</Text>
        {job.answer.failed_over && <Badge color="orange" variant="light">failed over</Badge>}{job.answer.other_than_asked && <Badge variant="light">other than asked</Badge>}</Group>
      {step && <Text size="sm">{step}</Text>}
      <Stack gap={4} component="dl" m={0}>
        {factsOf(job).map(([name, value]) => <Group key={name} gap="sm" wrap="nowrap" align="flex-start"><Text component="dt" size="sm" c="dimmed" w={90} style={{ flexShrink: 0 }}>{name}</Text><Text component="dd" size="sm" m={0}>{value}</Text></Group>)}
      </Stack>
      <Waterfall job={job} />
    </Stack>
  );
}

export function JobPeek({ id, known, filter, walk, close }: { id: string; known: Job | undefined; filter: Filter; walk: (step: 1 | -1) => void; close: () => void }) {
  const read = useQuery({ ...said("jobs_read", { at: { id } }), enabled: !known });
  const job = known ?? read.data;
  return (
    <Paper withBorder p="md" component="aside" className="job-peek" aria-label="Beside the list" tabIndex={0}>
      <Group justify="space-between" mb="sm" wrap="nowrap">
        <Title order={2} size="h4">Job</Title>
        <Group gap="xs" wrap="nowrap">
          <ActionIcon variant="default" aria-label="Newer" aria-keyshortcuts="[" onClick={() => walk(-1)}><IconChevronUp size={16} /></ActionIcon>
          <ActionIcon variant="default" aria-label="Older" aria-keyshortcuts="]" onClick={() => walk(1)}><IconChevronDown size={16} /></ActionIcon>
          <CloseButton onClick={close} aria-keyshortcuts="Escape" />
        </Group>
      </Group>
      <ProblemNote error={job ? null : read.error} retry={() => void read.refetch()} />
      {!job && !read.error && <Loading />}
      {job && <Told job={job} />}
      {job && (
        <Group mt="md" gap="md">
          <Button component={Link} to={`/audit/jobs/${id}` as never} search={{ ...filter, list: "1" } as never} size="xs">Open the job</Button>
          <Anchor component={Link} size="sm" to={"/audit/jobs" as never} search={{ since: String(job.created_at_ms - 300_000), until: String(job.created_at_ms + 300_000) } as never}>All jobs around it</Anchor>
        </Group>
      )}
    </Paper>
  );
}
