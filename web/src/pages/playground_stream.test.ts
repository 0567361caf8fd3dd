import { expect, test, vi } from "vitest";
import { ApiProblem } from "../api/client";
import { stream } from "./playground_stream";

const event = (content: string | null) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;
const whole = `: ping\n\n${event(null)}${event("Grüße, ")}${event("“日本” 🙂")}data: [DONE]\n\n`;

function answers(pieces: Uint8Array[], status = 200) {
  const body = new ReadableStream({ start(to) { pieces.forEach(piece => to.enqueue(piece)); to.close(); } });
  vi.stubGlobal("fetch", async () => new Response(body, { status, headers: { "x-auxot-job": "job_1", "x-auxot-provider": "House cloud" } }));
}

async function said(pieces: Uint8Array[]) {
  let text = "", job: string | null = null;
  answers(pieces);
  await stream("auto", "hi", new AbortController().signal, who => { job = who.job; }, more => { text += more; });
  return { text, job };
}

test("wherever the stream is cut, the text is the same", async () => {
  const bytes = new TextEncoder().encode(whole);
  for (let at = 0; at <= bytes.length; at++) expect(await said([bytes.slice(0, at), bytes.slice(at)])).toEqual({ text: "Grüße, “日本” 🙂", job: "job_1" });
});

test("an error within the stream is one that the page shows", async () => {
  const bytes = new TextEncoder().encode(`${event("Half")}data: {"error":{"message":"The provider went away."}}\n\n`);
  const failed = said([bytes]);
  await expect(failed).rejects.toBeInstanceOf(ApiProblem);
  await expect(failed).rejects.toThrow("The provider went away.");
});

test("a line without an end is not kept for ever", async () => {
  const piece = new TextEncoder().encode("x".repeat(300_000));
  await expect(said([piece, piece, piece, piece])).rejects.toThrow("without an end");
});

test("a refusal is told in the server's words", async () => {
  answers([new TextEncoder().encode('{"error":{"message":"No model of that name."}}')], 404);
  await expect(stream("x", "hi", new AbortController().signal, () => {}, () => {})).rejects.toThrow("No model of that name.");
});
