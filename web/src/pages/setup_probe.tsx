// Does it really answer? Reached, let in, models found, one token: asked of the provider itself, one after the other. For workers: the
// command that makes one join, and then the same.
import { Anchor, List, Stack, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { ApiProblem, ask } from "../api/client";
import type { Provider, ProviderTested } from "../api/contract";
import { said } from "../app/queries";
import { CopyField } from "../parts/copy";
import { durationText } from "../parts/numbers";
import { ProblemNote } from "../parts/problem";
import { askOnce } from "./playground_stream";
import { joinCommand } from "./provider_workers";

type State = "done" | "failed" | "running" | "open";
interface Tick { label: string; state: State; detail?: string }
const marks: Record<State, [string, string]> = { done: ["✓", "done"], failed: ["✕", "failed"], running: ["…", "being tried"], open: ["○", "not yet"] };

function Ticks({ ticks }: { ticks: Tick[] }) {
  return (
    <List listStyleType="none" withPadding={false} aria-label="What was tried" spacing={4}>
      {ticks.map(({ label, state, detail }) => (
        <List.Item key={label}><Text size="sm"><span role="img" aria-label={marks[state][1]}>{marks[state][0]}</span> {label}{detail && `: ${detail}`}</Text></List.Item>
      ))}
    </List>
  );
}

const keyTrouble = new Set(["invalid_api_key", "forbidden", "key_unreadable", "insufficient_quota", "credit_exhausted", "billing_not_active", "payment_required", "spend_limit", "usage_limit", "unsupported_region"]);
const modelTrouble = new Set(["no_models", "no_model_list", "bad_answer"]);

/** How far it came, by the reason where it stopped. */
export function ticksOf(test: ProviderTested | undefined): Tick[] {
  const labels = ["Reached", "Let in", "Models found"];
  if (!test) return labels.map((label, at) => ({ label, state: at === 0 ? "running" : "open" }));
  const code = test.error_code ?? "", stop = test.ok ? 3 : keyTrouble.has(code) ? 1 : modelTrouble.has(code) ? 2 : 0;
  const details = [`in ${test.latency_ms} ms`, undefined, `${test.models}`];
  return labels.map((label, at) => at < stop ? { label, state: "done", detail: test.latency_ms >= 0 ? details[at] : undefined } : { label, state: at === stop ? "failed" : "open", detail: at === stop ? test.error ?? undefined : undefined });
}

/** One token of its default model, else of its first. */
function useToken(provider: Provider, isReady: boolean) {
  const model = provider.default_model ?? provider.models[0]?.id;
  const token = useMutation({
    mutationFn: async () => { const from = performance.now(); await askOnce(provider.id, model!); return Math.round(performance.now() - from); },
  });
  const isWanted = isReady && model !== undefined && token.isIdle;
  useEffect(() => { if (isWanted) token.mutate(); }, [isWanted]);
  const state: State = token.isSuccess ? "done" : token.isError ? "failed" : token.isPending ? "running" : "open";
  const detail = token.isSuccess ? `${model} answered in ${durationText(token.data)}` : token.error instanceof ApiProblem ? token.error.problem.detail : undefined;
  return { label: "One token", state, detail } satisfies Tick;
}

export function CloudProbe({ provider }: { provider: Provider }) {
  const test = useQuery({ queryKey: ["set-up probe", provider.id], queryFn: () => ask("providers_test", { at: { id: provider.id } }), staleTime: Infinity, retry: false });
  const token = useToken(provider, test.data?.ok === true);
  return (
    <>
      <Ticks ticks={[...ticksOf(test.data), token]} />
      <ProblemNote error={test.error} retry={() => void test.refetch()} />
      {test.data?.ok === false && <Text size="sm">Correct it on <Anchor component={Link} inherit to={`/settings/providers/${provider.id}` as never}>its page</Anchor>, or add another one.</Text>}
    </>
  );
}

export function WorkerProbe({ provider }: { provider: Provider }) {
  const key = useQuery({ queryKey: ["set-up key", provider.id], queryFn: () => ask("worker_keys_create", { at: { id: provider.id }, body: {} }), staleTime: Infinity, gcTime: Infinity, retry: false });
  const workers = useQuery({ ...said("workers_list"), refetchInterval: 2_000 });
  const worker = workers.data?.items.find(each => each.provider.id === provider.id && each.state === "live");
  const found = provider.models.length;
  const token = useToken(provider, worker !== undefined && provider.status === "online");
  return (
    <Stack gap="sm">
      {key.data && <CopyField label="Run this on the machine; the key in it is shown only now" value={joinCommand(provider, key.data.key)} />}
      <Ticks ticks={[
        { label: "A worker has joined", state: worker ? "done" : "running", detail: worker && `${worker.name ?? worker.id}, ${worker.slots} slots` },
        { label: "Models found", state: found > 0 ? "done" : "open", detail: found > 0 ? String(found) : undefined }, token,
      ]} />
      <ProblemNote error={key.error ?? workers.error} />
    </Stack>
  );
}
