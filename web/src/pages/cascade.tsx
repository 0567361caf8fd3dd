// The order in which providers would be asked for a model now, tier by tier, each with its reason; and those who would not be.
import { Group, Paper, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { ask } from "../api/client";
import type { Candidate } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import { Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { reasonText } from "./job_words";

const WATCH_MS = 2_000;
const words: Record<string, string> = { chosen: "answers", eligible: "next", skipped: "not asked" };

const columns: Column<Candidate>[] = [
  { label: "Provider", cell: it => it.provider.name },
  { label: "Verdict", cell: it => words[it.verdict] ?? it.verdict },
  { label: "State", cell: it => <Status state={it.status} /> },
  { label: "Model", cell: it => <span className="mono">{it.model ?? "–"}</span> },
  { label: "Why", cell: it => <>{reasonText(it.reason)}{it.evidence && <Text size="xs" c="dimmed">{it.evidence}</Text>}</> },
];

export function Cascade() {
  const watch = useWatch(WATCH_MS);
  const navigate = useNavigate();
  const search = useSearch({ strict: false }) as { model?: string };
  const model = search.model ?? "auto";
  const models = useQuery(said("models_list")).data?.items ?? [];
  const explained = useQuery({ queryKey: ["routing_explain", model], queryFn: () => ask("routing_explain", { body: { model } }), refetchInterval: watch, placeholderData: before => before });
  const names = [...new Set(models.map(each => each.id))].sort();
  const path = explained.data?.candidates.filter(each => each.verdict !== "skipped") ?? [];
  return (
    <Stack gap="md">
      <Select label="For" searchable allowDeselect={false} w={320} value={model} data={[{ value: "auto", label: "Auto" }, ...names]}
        onChange={value => void navigate({ to: "/routing" as never, search: { tab: "now", model: value && value !== "auto" ? value : undefined } as never, replace: true })} />
      <ProblemNote error={explained.error} />
      {explained.isPending && <Loading />}
      {explained.data && (
        <>
          <Paper withBorder p="md">
            <Group gap="xs" aria-label="The cascade" role="list">
              <Text fw={600} role="listitem">{model === "auto" ? "Auto" : model}</Text>
              {path.map(each => <Group key={each.provider.id} gap="xs" role="listitem"><span aria-hidden>→</span><Text>{each.provider.name}</Text></Group>)}
            </Group>
            {path.length === 0 && <Text mt="xs">{explained.data.sentence}</Text>}
          </Paper>
          <Rows label="Candidates" columns={columns} rows={explained.data.candidates} keyOf={it => it.provider.id} />
        </>
      )}
    </Stack>
  );
}
