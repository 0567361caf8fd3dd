// One prompt, one stream: the quickest way to see that this installation answers, and who does.
import { Button, Group, Paper, Select, Stack, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { refresh, said } from "../app/queries";
import { Page } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { AnswerFooter } from "./answer_footer";
import { stream, type Answered } from "./playground_stream";

interface State { text: string; who: Answered | null; total_ms: number | null; error: unknown }
const nothing: State = { text: "", who: null, total_ms: null, error: null };

export function PlaygroundPage() {
  const search = useSearch({ strict: false }) as { model?: string };
  const models = useQuery(said("models_list"));
  const [model, setModel] = useState<string>(search.model ?? "auto");
  const [prompt, setPrompt] = useState("Say hello in one sentence.");
  const [state, setState] = useState<State>(nothing);
  const running = useRef<AbortController | null>(null);
  const [isRunning, setRunning] = useState(false);
  const names = [...new Set(models.data?.items.map(each => each.id) ?? [])].sort();

  const send = async () => {
    const started = performance.now(), controller = new AbortController();
    const since = () => Math.round(performance.now() - started);
    running.current = controller;
    setState(nothing);
    setRunning(true);
    try {
      await stream(model, prompt, controller.signal, who => setState(now => ({ ...now, who })),
        text => { if (text) setState(now => ({ ...now, text: now.text + text })); });
    } catch (error) {
      if (!controller.signal.aborted) setState(now => ({ ...now, error }));
    }
    setState(now => ({ ...now, total_ms: since() }));
    setRunning(false);
    void refresh("jobs_list");
  };

  return (
    <Page title="Playground">
      <form onSubmit={event => { event.preventDefault(); void send(); }}>
        <Stack gap="sm">
          <Select label="Model" searchable allowDeselect={false} w={320} value={model} onChange={value => setModel(value ?? "auto")} data={[{ value: "auto", label: "Auto" }, ...names]} />
          <Textarea label="Prompt" required autosize minRows={3} maxRows={12} value={prompt} onChange={event => setPrompt(event.currentTarget.value)}
            onKeyDown={event => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void send(); } }} />
          <Group>
            <Button type="submit" disabled={isRunning}>Send</Button>
            {isRunning && <Button variant="default" onClick={() => running.current?.abort()}>Stop</Button>}
            <Text size="xs" c="dimmed">Ctrl Enter sends</Text>
          </Group>
        </Stack>
      </form>
      <ProblemNote error={state.error ?? models.error} />
      {(state.text || isRunning) && <Paper withBorder p="md" mt="md" role="log" aria-label="Answer" aria-busy={isRunning}><Text style={{ whiteSpace: "pre-wrap" }}>{state.text || "…"}</Text></Paper>}
      <AnswerFooter who={state.who} isOver={state.total_ms !== null} />
    </Page>
  );
}
