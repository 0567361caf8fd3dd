// A card: how this kind of thing is, its figures, then whatever is not well, each with since, why and what to do; what is well in a line.
import { Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useId } from "react";
import type { HealthItem } from "../api/contract";
import { Place } from "../parts/place";
import { Since } from "../parts/since";
import { Status } from "../parts/status";
import { Change } from "./health_facts";
import { isFine, levelOf, type Card } from "./health_cards";

const states: Record<HealthItem["level"], string> = { fine: "ok", note: "note", degraded: "degraded", down: "down" };

const What = ({ item }: { item: HealthItem }) => <Place link={item.link}>{item.what}</Place>;

function Trouble({ item }: { item: HealthItem }) {
  return (
    <article aria-label={`${item.kind}: ${item.what}`}>
      <Text size="sm" fw={600}><What item={item} /></Text>
      <Group gap={6}><Status state={states[item.level]} />{item.state !== item.level && <Text size="sm">{item.state.replace(/_/g, " ")}</Text>}
        {item.since_ms !== null && <Text size="sm" c="dimmed">since <Since at={item.since_ms} /></Text>}</Group>
      <Text size="sm">{item.why_text}</Text>
      {item.fix && <Text size="sm" fw={500}>{item.fix}</Text>}
    </article>
  );
}

const Well = ({ item }: { item: HealthItem }) => (item.kind === "change" ? <Change item={item} /> : item.kind === "queue" ? <>{item.why_text}</> : <What item={item} />);

export function HealthCard({ card }: { card: Card }) {
  const id = useId();
  const bad = card.items.filter(item => item.level !== "fine");
  const well = card.items.filter(item => item.level === "fine" && !["spend", "disk", "certificate", "backup", "server"].includes(item.kind)); /* the figures say those */
  return (
    <Paper withBorder p={isFine(card) ? "sm" : "md"} component="section" aria-labelledby={id}>
      <Group justify="space-between" mb={6} wrap="nowrap"><Title order={2} size="h5" id={id}>{card.title}</Title><Status state={states[levelOf(card)]} /></Group>
      <Stack gap="xs">
        {card.facts}
        {bad.map(item => <Trouble key={`${item.kind}-${item.id}-${item.what}-${item.why_code}`} item={item} />)}
        {well.length > 0 && <Stack gap={6}>{well.map(item => <Text key={`${item.kind}-${item.id}-${item.since_ms}`} size="sm"><Well item={item} /></Text>)}</Stack>}
        {card.items.length === 0 && <Text size="sm">{card.none}</Text>}
      </Stack>
    </Paper>
  );
}
