// A first word with Auto, and the line that says who gave it and why; then what to paste to use it from elsewhere.
import { Button, Group, Paper, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ask } from "../api/client";
import { CopyField } from "../parts/copy";
import { ProblemNote } from "../parts/problem";
import { AnswerFooter } from "./answer_footer";
import { Snippets } from "./key_snippets";
import { stream, type Answered } from "./playground_stream";
import type { Step } from "./setup";

export function HelloStep({ provider, go }: { provider?: string; go: (step: Step, provider?: string) => void }) {
  const [text, setText] = useState("");
  const [who, setWho] = useState<Answered | null>(null);
  const hello = useMutation({
    mutationFn: () => { setText(""); setWho(null); return stream("auto", "Say hello in one sentence.", new AbortController().signal, setWho, more => setText(now => now + more)); },
  });
  return (
    <>
      <Group><Button variant={hello.isSuccess ? "default" : "filled"} loading={hello.isPending} onClick={() => hello.mutate()}>{hello.isIdle ? "Say hello to Auto" : "Again"}</Button></Group>
      {text && <Paper withBorder p="md" role="log" aria-label="Answer" aria-busy={hello.isPending}><Text style={{ whiteSpace: "pre-wrap" }}>{text}</Text></Paper>}
      <AnswerFooter who={who} isOver={!hello.isPending && !hello.isIdle} />
      <ProblemNote error={hello.error} />
      <Group>
        <Button variant={hello.isSuccess ? "filled" : "default"} onClick={() => go("done")}>{hello.isSuccess ? "Go on" : "Skip"}</Button>
        <Button variant="default" onClick={() => go("models", provider)}>Back</Button>
      </Group>
    </>
  );
}

export function DoneStep() {
  const make = useMutation({ mutationFn: () => ask("keys_create", { body: { name: "first key" } }) });
  return (
    <>
      <Text>This installation is set up. Programs call it with a key:</Text>
      {make.data
        ? <><CopyField label="The key: copy it now, it is not shown again" value={make.data.key} /><Snippets secret={make.data.key} /></>
        : <Group><Button loading={make.isPending} onClick={() => make.mutate()}>Make a key</Button></Group>}
      <ProblemNote error={make.error} />
      <Group>
        <Button component={Link} to={"/health" as never} variant={make.data ? "filled" : "default"}>To the health page</Button>
        <Button component={Link} to={"/settings/providers" as never} variant="default">To the providers</Button>
      </Group>
    </>
  );
}
