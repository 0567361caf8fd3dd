// The figures of a range, each of the sums a link to the jobs that add up to it.
import { Anchor, Paper, SimpleGrid, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { Usage, UsageItem } from "../api/contract";
import { countText, moneyText } from "../parts/numbers";
import { costText, percentText, unpricedOf, withoutTokenPrice } from "./usage_sums";

interface Fact { name: string; value: string; more?: string; isOfJobs?: boolean }

const avoidedBy = ({ avoided_by }: Usage) => (avoided_by ? `at the price of ${avoided_by.model} at ${avoided_by.provider.name}` : "no cloud model has a price to tell it by");

function factsOf(usage: Usage, byTier: UsageItem[]): Fact[] {
  const { totals } = usage, share = withoutTokenPrice(byTier), unpriced = unpricedOf(byTier);
  const parts = [totals.failed && `${countText(totals.failed)} failed`, totals.refused && `${countText(totals.refused)} refused`, totals.cancelled && `${countText(totals.cancelled)} cancelled`].filter(Boolean);
  return [
    { name: "Spent", value: costText(totals.cost_microusd ?? 0, unpriced), more: unpriced ? `${countText(unpriced)} of ${countText(totals.jobs)} jobs have no price` : undefined, isOfJobs: true },
    { name: "Jobs", value: countText(totals.jobs), more: parts.join(", ") || undefined, isOfJobs: true },
    { name: "Tokens", value: countText(totals.input_tokens + totals.output_tokens), more: `${countText(totals.input_tokens)} in, ${countText(totals.output_tokens)} out, ${countText(totals.cached_tokens)} cached`, isOfJobs: true },
    { name: "Without a price per token", value: share ? `${percentText(share.jobs)} of jobs` : "–", more: share ? `${percentText(share.tokens)} of tokens, on machines and plans of one's own` : undefined },
    { name: "Wasted by failed attempts", value: moneyText(totals.wasted_microusd), more: `${countText(totals.wasted_tokens)} tokens` },
    { name: "Cloud cost avoided", value: totals.avoided_microusd === null ? "unknown" : moneyText(totals.avoided_microusd), more: avoidedBy(usage) },
  ];
}

export function Facts({ usage, byTier, jobs }: { usage: Usage; byTier: UsageItem[]; jobs: Record<string, string | number> | null }) {
  const linked = (fact: Fact): ReactNode => (fact.isOfJobs && jobs
    ? <Anchor component={Link} to={"/audit/jobs" as never} search={jobs as never} aria-label={`${fact.name}: ${fact.value}, the jobs`}>{fact.value}</Anchor> : fact.value);
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} mb="lg">
      {factsOf(usage, byTier).map(fact => (
        <Paper key={fact.name} withBorder p="sm">
          <Text size="sm" c="dimmed">{fact.name}</Text>
          <Text fw={600}>{linked(fact)}</Text>
          {fact.more && <Text size="xs" c="dimmed">{fact.more}</Text>}
        </Paper>
      ))}
    </SimpleGrid>
  );
}
