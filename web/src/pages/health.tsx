// How it goes, in ten seconds: one sentence, one next step, and every part, worst first.
import { Alert, Anchor, Badge, Group, Paper, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { HealthItem, HealthSummary } from "../api/contract";
import { said } from "../app/queries";
import { Loading, Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Since } from "../parts/since";
import { Status } from "../parts/status";

const WATCH_MS = 5_000; /* ages, queues and spending have no event of their own */
const colours = { ok: "green", degraded: "orange", down: "red" } as const;
const levels: Record<HealthItem["level"], string> = { fine: "ok", note: "note", degraded: "degraded", down: "down" };

function Top({ summary }: { summary: HealthSummary }) {
  return (
    <Alert color={colours[summary.status]} variant="light" mb="lg" title={summary.sentence} role="status">
      {summary.next_step && <Text size="sm">{summary.next_step}</Text>}
    </Alert>
  );
}

function Card({ item }: { item: HealthItem }) {
  return (
    <Paper withBorder p="md" component="article" aria-label={`${item.kind}: ${item.what}`}>
      <Group justify="space-between" mb={4} wrap="nowrap">
        <Text fw={600}>{item.link ? <Anchor component={Link} to={item.link as never}>{item.what}</Anchor> : item.what}</Text>
        <Badge variant="default">{item.kind}</Badge>
      </Group>
      <Group gap={6}><Status state={levels[item.level]} />{item.state && <Text size="sm">{item.state.replace(/_/g, " ")}</Text>}
        {item.since_ms !== null && <Text size="sm" c="dimmed">since <Since at={item.since_ms} /></Text>}</Group>
      {item.why_text && <Text size="sm" mt={4}>{item.why_text}</Text>}
      {item.fix && <Text size="sm" mt={4} fw={500}>{item.fix}</Text>}
    </Paper>
  );
}

export function HealthPage() {
  const summary = useQuery({ ...said("health_summary"), refetchInterval: WATCH_MS });
  const bad = summary.data?.items.filter(item => item.level !== "fine") ?? [], fine = summary.data?.items.filter(item => item.level === "fine") ?? [];
  return (
    <Page title="System health">
      <ProblemNote error={summary.error} retry={() => void summary.refetch()} />
      {summary.isPending && <Loading />}
      {summary.data && (
        <Stack gap="md">
          <Top summary={summary.data} />
          {[bad, fine].map(part => part.length > 0 && <SimpleGrid key={part === bad ? "bad" : "fine"} cols={{ base: 1, sm: 2 }}>{part.map(item => <Card key={`${item.kind}-${item.id ?? item.what}`} item={item} />)}</SimpleGrid>)}
          {summary.data.left_out > 0 && <Text size="sm" c="dimmed">{summary.data.left_out} more are less bad.</Text>}
        </Stack>
      )}
    </Page>
  );
}
