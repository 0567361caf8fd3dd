// The filter as a file. The server gives pages; they are put together here, up to a bound, and where the file was cut is said.
import { Button, Group, Text } from "@mantine/core";
import { useRef, useState } from "react";
import { placeOf, problemOf } from "../api/client";
import { countText } from "../parts/numbers";
import { ProblemNote } from "../parts/problem";
import type { Filter } from "./jobs_filter";

const ROWS_MAX = 100_000, PAGE = 5_000;
type Format = "csv" | "jsonl";
const formats: { format: Format; label: string; mime: string }[] = [{ format: "csv", label: "CSV", mime: "text/csv" }, { format: "jsonl", label: "JSON lines", mime: "application/jsonl" }];

/** A page without its heading (but for the first one's), and how many rows it has: no cell holds a bare line end outside quotes. */
function rowsOf(text: string, format: Format, isFirst: boolean): { text: string; rows: number } {
  const lines = format === "csv" ? csvLines(text) : text.split("\n").length - 1;
  const head = format === "csv" ? text.indexOf("\n") + 1 : 0;
  return { text: isFirst ? text : text.slice(head), rows: format === "csv" ? lines - 1 : lines };
}
function csvLines(text: string): number {
  let lines = 0, isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) isQuoted = !isQuoted;
    else if (code === 10 && !isQuoted) lines++;
  }
  return lines;
}

export function handOver(parts: string[], name: string, type: string) {
  const address = URL.createObjectURL(new Blob(parts, { type })), link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

async function collect(filter: Filter, format: Format, signal: AbortSignal, onRows: (rows: number) => void): Promise<{ parts: string[]; rows: number; isCut: boolean }> {
  const parts: string[] = [];
  let cursor: string | null = null, rows = 0;
  do {
    const answer: Response = await fetch(placeOf("/api/jobs", {}, { ...filter, format, limit: PAGE, cursor }), { signal });
    if (!answer.ok) throw await problemOf(answer);
    const page = rowsOf(await answer.text(), format, parts.length === 0);
    parts.push(page.text);
    rows += page.rows;
    onRows(rows);
    cursor = answer.headers.get("x-next-cursor");
  } while (cursor && rows < ROWS_MAX);
  return { parts, rows, isCut: Boolean(cursor) };
}

export function JobExport({ filter }: { filter: Filter }) {
  const [rows, setRows] = useState<number | null>(null); /* of the one that is under way */
  const [said, setSaid] = useState(""), [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  const give = async ({ format, mime }: (typeof formats)[number]) => {
    stop.current = new AbortController();
    setRows(0); setSaid(""); setError(null);
    try {
      const { parts, rows: all, isCut } = await collect(filter, format, stop.current.signal, setRows);
      handOver(parts, `auxot-jobs.${format}`, mime);
      setSaid(isCut ? `Cut after the newest ${countText(all)} jobs: choose a time that ends before the last of them for the rest.` : filter.order ? `The first ${countText(all)} jobs of the newest 20,000 that match.` : `${countText(all)} jobs, all that match.`);
    } catch (failure) {
      if (!stop.current.signal.aborted) setError(failure);
    }
    setRows(null);
  };
  return (
    <>
      <Group gap="xs">
        <Text size="sm" c="dimmed" role="status">{rows === null ? said : `${countText(rows)} jobs…`}</Text>
        {rows !== null && <Button variant="default" size="xs" onClick={() => stop.current?.abort()}>Stop</Button>}
        {formats.map(each => <Button key={each.format} variant="default" size="xs" disabled={rows !== null} onClick={() => void give(each)}>{each.label}</Button>)}
      </Group>
      <ProblemNote error={error} />
    </>
  );
}
