// How it goes, in ten seconds: one sentence and one next step; then a card for each kind of thing, worst first. When all is well
// the cards are small. `?tv=1` is for a screen on the wall: larger, and nothing around it.
import { Alert, Anchor, SimpleGrid, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import type { HealthSummary } from "../api/contract";
import { said } from "../app/queries";
import { Loading, Page } from "../parts/page";
import { Place } from "../parts/place";
import { ProblemNote } from "../parts/problem";
import { HealthCard } from "./health_card";
import { cardsOf, isFine } from "./health_cards";

const WATCH_MS = 5_000; /* ages, queues and spending have no event of their own */
const colours = { ok: "green", degraded: "orange", down: "red" } as const;

/** The step leads to where it is done: to the page of the thing that it is about. */
function Top({ summary }: { summary: HealthSummary }) {
  const item = summary.items.find(each => each.fix === summary.next_step);
  return (
    <Alert color={colours[summary.status]} variant="light" title={summary.sentence} role="status">
      {summary.next_step && <Text size="sm">
        {item && item.kind !== "service" && `${item.what}: `}
        <Place link={item?.link ?? null}>{summary.next_step}</Place>
      </Text>}
    </Alert>
  );
}

/** Everything is sized in rem: the wall has a larger one. */
function useWall(isWall: boolean) {
  useEffect(() => {
    if (!isWall) return;
    document.documentElement.style.fontSize = "150%";
    return () => { document.documentElement.style.fontSize = ""; };
  }, [isWall]);
}

export function HealthPage() {
  const isWall = "tv" in useSearch({ strict: false });
  const summary = useQuery({ ...said("health_summary"), refetchInterval: WATCH_MS });
  const cards = summary.data ? cardsOf(summary.data) : [];
  useWall(isWall);
  return (
    <Page title="System health" wide={isWall} actions={isWall
      ? <Anchor component={Link} to={"/health" as never}>Leave the wall screen</Anchor>
      : <Anchor component={Link} to={"/health" as never} search={{ tv: "1" } as never}>Wall screen</Anchor>}>
      <ProblemNote error={summary.error} retry={() => void summary.refetch()} />
      {summary.isPending && <Loading />}
      {summary.data && (
        <Stack gap="md">
          <Top summary={summary.data} />
          <SimpleGrid cols={{ base: 1, sm: 2, lg: cards.every(isFine) || isWall ? 3 : 2 }}>
            {cards.map(card => <HealthCard key={card.title} card={card} />)}
          </SimpleGrid>
          {summary.data.left_out > 0 && <Text size="sm" c="dimmed">{summary.data.left_out} more are less bad.</Text>}
        </Stack>
      )}
    </Page>
  );
}
