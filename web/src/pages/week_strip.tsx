// The last seven days of something in little, with a sentence and the way to the whole.
import { Anchor, Group, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { BudgetNow, UsageItem } from "../api/contract";
import { said } from "../app/queries";
import { countText, moneyText } from "../parts/numbers";
import { Section } from "../parts/section";
import { Spark } from "../parts/spark";
import { useSeesTeam } from "./burn_down";
import { addressOf } from "./usage_query";
import { floorTo, unitOf } from "./usage_range";
import { costText, isLocalItem, percentText } from "./usage_sums";

const DAYS = 7, DAY = unitOf.day;

function useSince(unit: number, count: number): number {
  const [since] = useState(() => floorTo(Date.now(), unit) - (count - 1) * unit);
  return since;
}

/** What a team spent, day by day, against the part of its budget that is a day's. */
export function TeamWeek({ team, budget }: { team: string; budget: BudgetNow | undefined }) {
  const since = useSince(DAY, DAYS), sees = useSeesTeam(team);
  const usage = useQuery({ ...said("usage_read", { query: { group_by: "tier", bucket: "day", team, since: String(since) } }), enabled: sees });
  if (!sees || !usage.data) return null;
  const { items } = usage.data, days = Array.from({ length: DAYS }, (_, at) => sum(items.filter(item => item.at_ms === since + at * DAY)));
  const unpriced = items.reduce((total, item) => total + (isLocalItem(item) ? 0 : item.unknown_cost_jobs), 0), limit = budget?.limit_microusd ?? null;
  return (
    <Section title="Last 7 days">
      <Group justify="space-between">
        <Group><Spark values={days} width={140} height={28} />
          <Text size="sm">{costText(sum(items), unpriced)} spent, {countText(items.reduce((total, item) => total + item.jobs, 0))} jobs.{limit !== null && ` The budget, spent evenly, is ${moneyText(Math.round((limit * 12) / 365))} a day.`} Days are UTC's.</Text></Group>
        <Anchor component={Link} to={"/usage" as never} search={addressOf({ team, hours: "month" })}>Usage and forecast</Anchor>
      </Group>
    </Section>
  );
}

const sum = (items: UsageItem[]) => items.reduce((total, item) => total + (item.cost_microusd ?? 0), 0);

/** What of the last day's jobs a provider answered. */
export function ProviderDay({ provider }: { provider: string }) {
  const since = useSince(unitOf.hour, 24);
  const all = useQuery(said("usage_read", { query: { group_by: "provider", bucket: "hour", since: String(since), limit: 5000 } }));
  if (!all.data || all.data.next_cursor !== null) return null;
  const mine = all.data.items.filter(item => item.group.id === provider), jobs = mine.reduce((total, item) => total + item.jobs, 0);
  const hours = Array.from({ length: 24 }, (_, at) => mine.find(item => item.at_ms === since + at * unitOf.hour)?.jobs ?? 0);
  return (
    <Group mt="xs">
      <Spark values={hours} width={140} />
      <Text size="sm">{countText(jobs)} of {countText(all.data.totals.jobs)} jobs in 24 hours{all.data.totals.jobs > 0 && ` (${percentText(jobs / all.data.totals.jobs)})`}.</Text>
      <Anchor component={Link} to={"/usage" as never} search={addressOf({ provider, by: "model", show: "jobs" })} size="sm">Usage</Anchor>
    </Group>
  );
}
