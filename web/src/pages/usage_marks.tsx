// What happened in that time: providers and workers that changed state, the configuration, the server itself. A line in the
// chart where it was, and a list of them with the way to each.
import { Anchor } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Transition } from "../api/contract";
import { said } from "../app/queries";
import { Rows, type Column } from "../parts/table";
import type { Range } from "./usage_range";
import { timeText } from "./usage_range";

const MOST = 100, SHOWN = 12;
const KINDS = new Set<Transition["kind"]>(["server", "provider", "worker", "config"]);

/** What explains a change of use; that something is seen for the first time does not. */
export function marksOf(transitions: Transition[]): Transition[] {
  return transitions.filter(each => KINDS.has(each.kind) && each.to !== "notes_lost" && (each.kind === "config" || each.kind === "server" || each.from !== null));
}

export function useMarks(range: Range): Transition[] {
  const told = useQuery(said("transitions_list", { query: { since: String(range.since), until: String(range.until), limit: MOST } }));
  return marksOf(told.data?.items ?? []);
}

export function markText({ kind, name, to, reason }: Transition): string {
  if (kind === "config") return `Configuration ${to}${reason ? `: ${reason}` : ""}`;
  return `${kind === "server" ? "The server" : (name ?? `A ${kind}`)}: ${to.replace(/_/g, " ")}${reason ? ` (${reason.replace(/_/g, " ")})` : ""}`;
}

function Where({ mark }: { mark: Transition }) {
  const provider = mark.kind === "provider" ? mark.id : mark.provider;
  if (mark.kind === "config" && mark.event) return <Anchor component={Link} to={"/audit/events" as never} search={(mark.reason ? { action: mark.reason } : {}) as never} size="sm">Event</Anchor>;
  return provider && mark.to !== "gone" ? <Anchor component={Link} to={`/settings/providers/${provider}` as never} size="sm">Provider</Anchor> : <>–</>;
}

export function Marks({ marks }: { marks: Transition[] }) {
  const columns: Column<Transition>[] = [
    { label: "Time (UTC)", cell: mark => <span className="nowrap">{timeText(mark.at_ms, "hour")}</span> },
    { label: "What happened", cell: markText },
    { label: "See", cell: mark => <Where mark={mark} /> },
  ];
  return <Rows label="What happened meanwhile" columns={columns} rows={marks.slice(0, SHOWN)} keyOf={mark => `${mark.at_ms} ${mark.kind} ${mark.id} ${mark.to}`} />;
}
