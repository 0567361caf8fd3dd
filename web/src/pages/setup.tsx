// The set-up, step by step. Which one is open, and of which provider, stands in the address: a reload goes on there, and the browser's
// back goes back. What was typed lives above the steps.
import { Anchor, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState, type ReactNode } from "react";
import { queries, said } from "../app/queries";
import { Outside } from "../parts/outside";
import { ProblemNote } from "../parts/problem";
import { emptyDraft, type Draft } from "./provider_add";
import { AccountStep } from "./setup_account";
import { DoneStep, HelloStep } from "./setup_hello";
import { keep, kept } from "./setup_kept";
import { ModelsStep } from "./setup_models";
import { ProviderStep } from "./setup_provider";

const steps = { account: "Owner", provider: "First provider", models: "Models", hello: "Hello", done: "Done" };
export type Step = keyof typeof steps;

function Steps({ current }: { current: Step }) {
  return (
    <Group component="ol" gap="md" p={0} mt={0} mb="lg" style={{ listStyle: "none" }} aria-label="Steps">
      {(Object.keys(steps) as Step[]).map((step, at) => (
        <Text key={step} component="li" size="sm" fw={step === current ? 700 : 400} c={step === current ? undefined : "dimmed"} aria-current={step === current ? "step" : undefined}>{at + 1}. {steps[step]}</Text>
      ))}
    </Group>
  );
}

function Frame({ step, children }: { step: Step; children: ReactNode }) {
  return <Outside title={step === "account" ? "Set up this installation" : steps[step]} wide={step !== "account"}><Steps current={step} /><Stack gap="md">{children}</Stack></Outside>;
}

/** Those who are signed in go on where the address says. */
function Further({ go }: { go: (step: Step, provider?: string) => void }) {
  const search = useSearch({ strict: false }) as { step?: string; provider?: string };
  const [draft, setDraft] = useState<Draft>(() => ({ ...emptyDraft(""), ...kept("provider") }));
  useEffect(() => keep("provider", { kind: draft.kind, name: draft.name, url: draft.url }), [draft]);
  const step: Step = search.step && search.step in steps && search.step !== "account" ? (search.step as Step) : "provider";
  const at = { provider: search.provider, go };
  return (
    <Frame step={step}>
      {step === "provider" && <ProviderStep {...at} draft={draft} setDraft={setDraft} />}
      {step === "models" && <ModelsStep {...at} />}
      {step === "hello" && <HelloStep {...at} />}
      {step === "done" && <DoneStep />}
    </Frame>
  );
}

export function SetupPage() {
  const navigate = useNavigate();
  const state = useQuery(said("setup_read"));
  const caller = useQuery({ ...said("session_read"), enabled: state.data?.needed === false, retry: false });
  const go = (step: Step, provider?: string) => void navigate({ to: "/setup" as never, search: { step, provider } as never });
  const begin = async () => { await queries.invalidateQueries(); go("provider"); };
  if (state.error) return <Outside title="Set-up"><ProblemNote error={state.error} retry={() => void state.refetch()} /></Outside>;
  if (state.data?.needed) return <Frame step="account"><AccountStep done={() => void begin()} /></Frame>;
  if (caller.data) return <Further go={go} />;
  if (caller.error) return <Outside title="Set up already"><Text>There is an owner. <Anchor href={`/sign-in?back=${encodeURIComponent(location.pathname + location.search)}`}>Sign in</Anchor></Text></Outside>;
  return null;
}
