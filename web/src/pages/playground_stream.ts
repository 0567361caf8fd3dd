// A chat completion as it streams: what is said, and who says it. Bounded like everything that is read from outside.
import { ApiProblem } from "../api/client";

const LINE_MAX = 1_000_000;

export interface Answered { job: string | null; provider: string | null; model: string | null; attempts: string | null }

interface Delta { choices?: { delta?: { content?: string | null } }[]; error?: { message?: string } }

function headOf({ headers }: Response): Answered {
  const said = (name: string) => headers.get(name);
  return { job: said("x-auxot-job"), provider: said("x-auxot-provider"), model: said("x-auxot-model"), attempts: said("x-auxot-attempts") };
}

async function failed(answer: Response): Promise<Error> {
  const said = (await answer.json().catch(() => null)) as { error?: { message?: string } } | null;
  const detail = said?.error?.message ?? `The server answered ${answer.status}.`;
  return new ApiProblem(answer.status, { code: "unavailable", title: "No answer", detail, fix: "", field: null, request_id: answer.headers.get("x-request-id") ?? "" });
}

/** One token of this model from this provider and no other: does it really answer? */
export async function askOnce(provider: string, model: string): Promise<Answered> {
  const answer = await fetch("/api/openai/v1/chat/completions", {
    method: "POST", headers: { "content-type": "application/json", "x-auxot-csrf": "1", "x-auxot-provider": provider },
    body: JSON.stringify({ model, max_tokens: 1, messages: [{ role: "user", content: "Hi" }] }),
  });
  if (!answer.ok) throw await failed(answer);
  await answer.arrayBuffer();
  return headOf(answer);
}

export async function stream(model: string, prompt: string, signal: AbortSignal, onHead: (who: Answered) => void, onText: (text: string) => void): Promise<void> {
  const answer = await fetch("/api/openai/v1/chat/completions", {
    method: "POST", signal, headers: { "content-type": "application/json", "x-auxot-csrf": "1" },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
  });
  if (!answer.ok || !answer.body) throw await failed(answer);
  onHead(headOf(answer));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LINE_MAX) throw new Error("The answer has a line without an end.");
    for (const line of lines) {
      if (!line.startsWith("data: ") || line.startsWith("data: [DONE]")) continue;
      const event = JSON.parse(line.slice(6)) as Delta;
      if (event.error) throw new ApiProblem(502, { code: "unavailable", title: "The answer broke off", detail: event.error.message ?? "", fix: "Try again; the job says what happened.", field: null, request_id: "" });
      onText(event.choices?.[0]?.delta?.content ?? "");
    }
  }
}
