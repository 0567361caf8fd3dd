// Which card tells of what, and in which order. Items come from the server worst first, and stay so within a card.
import type { ReactNode } from "react";
import type { HealthItem, HealthSummary } from "../api/contract";
import { ErrorFacts, GatewayFacts, ProviderFacts, SpendFacts, WorkerFacts } from "./health_facts";

export interface Card {
  title: string;
  items: HealthItem[];
  facts: ReactNode;
  none: string | null; /* what no item means; null: then there is no card */
}

const levels: HealthItem["level"][] = ["down", "degraded", "note", "fine"];
export const levelOf = (card: Card) => levels.find(level => card.items.some(item => item.level === level)) ?? "fine";
export const isFine = (card: Card) => levelOf(card) === "fine";

export function cardsOf(summary: HealthSummary): Card[] {
  const of = (...kinds: HealthItem["kind"][]) => summary.items.filter(item => kinds.includes(item.kind));
  const { spend, gateway } = summary, isAdmin = gateway !== null;
  const cards: Card[] = [
    { title: "Model providers", items: of("service", "provider"), facts: <ProviderFacts summary={summary} />, none: "There is none that you may see." },
    { title: "Workers", items: of("worker"), facts: <WorkerFacts rule={summary.heartbeat} />, none: null },
    { title: "Queue and limits", items: of("queue", "limit"), facts: null, none: "Nobody waits." },
    { title: "Errors and failovers", items: of("errors", "failovers"), facts: <ErrorFacts items={of("errors")} />, none: isAdmin ? "None in the last hour." : null },
    { title: "Spend today", items: of("spend", "budget"), facts: spend && <SpendFacts spend={spend} />, none: null },
    { title: "Gateway", items: of("disk", "certificate", "backup", "server"), facts: gateway && <GatewayFacts gateway={gateway} />, none: null },
    { title: "Recent changes", items: of("change"), facts: null, none: isAdmin ? "None in the last hour." : null },
  ];
  return cards.filter(card => card.items.length > 0 || card.none !== null)
    .sort((a, b) => levels.indexOf(levelOf(a)) - levels.indexOf(levelOf(b)));
}
