// The figures of the cards: what providers have to give, heartbeats, money, the server itself. What is not known is not shown.
import { Anchor, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import type { GatewayNow, HealthItem, HealthSummary, HeartbeatRule, SpendNow, TierNow, Worker } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import { AnswerLine } from "../parts/answer_line";
import { Bar } from "../parts/bar";
import { bytesText, moneyText } from "../parts/numbers";
import { Place } from "../parts/place";
import { Age, ageText, Since, useNow } from "../parts/since";
import { Status } from "../parts/status";

const WATCH_MS = 5_000, DAY_MS = 86_400_000;
const tierNames: Record<TierNow["tier"], string> = { gpu: "GPU", cli: "CLI", cloud: "Cloud" };

/* ---- providers ---- */

function AutoNow({ summary: { auto, tiers } }: { summary: HealthSummary }) {
  const gone = tiers.filter(each => each.tier !== "cloud" && each.able === 0);
  return (
    <Text size="sm">
      {auto.provider
        ? <>Auto answers from <Anchor component={Link} inherit to={`/settings/providers/${auto.provider.id}` as never}>{auto.provider.name}</Anchor>
            {auto.model && <> with <Anchor component={Link} inherit to={"/settings/models" as never} search={{ find: auto.model } as never}>{auto.model}</Anchor></>}.</>
        : <>Nobody answers Auto: {auto.why_not}</>}
      {gone.map(each => <span key={each.tier}> {tierNames[each.tier]} is gone{each.gone_since_ms !== null && <> since <Since at={each.gone_since_ms} /></>}.</span>)}
    </Text>
  );
}

function Tier({ tier }: { tier: TierNow }) {
  const load = tier.slots > 0 ? `${tier.busy} of ${tier.slots} busy` : `${tier.in_flight} running`;
  const words = `${tierNames[tier.tier]}: ${tier.able} of ${tier.providers} can answer, ${load}${tier.queue_depth > 0 ? `, ${tier.queue_depth} waiting` : ""}`;
  return (
    <div>
      <Text size="xs">{words}</Text>
      {tier.slots > 0 && <Bar label={words} value={tier.busy} most={tier.slots} colour={tier.busy >= tier.slots ? "orange" : "indigo"} />}
    </div>
  );
}

export function ProviderFacts({ summary }: { summary: HealthSummary }) {
  return <><AutoNow summary={summary} />{summary.tiers.map(tier => <Tier key={tier.tier} tier={tier} />)}</>;
}

/* ---- workers ---- */

/** Its last sign of life, counting: towards the mark it is in time, at the end it is given up. */
function Heartbeat({ worker, rule }: { worker: Worker; rule: HeartbeatRule }) {
  const now = useNow(), age_ms = worker.last_heartbeat_ms === null ? null : Math.max(0, now - worker.last_heartbeat_ms);
  if (age_ms === null) return null;
  const isLate = age_ms > 2 * rule.every_ms;
  return (
    <div>
      <Group gap={6}><Text size="xs" fw={600}>{worker.name ?? worker.id}</Text><Status state={worker.state} />
        <Text size="xs" c="dimmed">heard {ageText(age_ms)} ago; given up after {ageText(rule.dead_after_ms)}</Text></Group>
      <Bar label={`Since the last heartbeat of ${worker.name ?? worker.id}, in seconds`} value={Math.round(age_ms / 1000)} most={Math.round(rule.dead_after_ms / 1000)} mark={rule.every_ms / 1000} colour={isLate ? "orange" : "green"} />
    </div>
  );
}

const isThere = (worker: Worker) => worker.state !== "dead";

export function WorkerFacts({ rule }: { rule: HeartbeatRule }) {
  const workers = useQuery({ ...said("workers_list"), refetchInterval: WATCH_MS });
  return <>{workers.data?.items.filter(isThere).map(worker => <Heartbeat key={worker.id} worker={worker} rule={rule} />)}</>;
}

/* ---- requests ---- */

/** The newest of those that failed, by its own line. */
export function ErrorFacts({ items }: { items: HealthItem[] }) {
  const watch = useWatch(WATCH_MS);
  const since = items[0]?.since_ms ?? 0;
  const jobs = useQuery({ ...said("jobs_list", { query: { status: "failed", limit: 1 } }), enabled: items.length > 0, refetchInterval: watch });
  const job = jobs.data?.items.find(each => each.created_at_ms >= since);
  return job && items.length > 0 ? <Text size="sm">The last, <Since at={job.created_at_ms} />: <AnswerLine parts={job.answer_parts} /></Text> : null;
}

/* ---- money ---- */

export function SpendFacts({ spend }: { spend: SpendNow }) {
  const { today_microusd: today, usual_microusd: usual } = spend;
  if (today === null) return null;
  return (
    <div>
      <Text size="sm"><Anchor component={Link} inherit to={"/usage" as never}>{moneyText(today)} today</Anchor> (UTC){usual !== null && `; a usual day has ${moneyText(usual)}`}
        {(spend.hour_microusd !== null || spend.hour_is_partial) && `; the last hour ${moneyText(spend.hour_microusd, spend.hour_is_partial)}`}.</Text>
      {usual !== null && usual > 0 && <Bar label={`Spent today, of a usual day: ${moneyText(today)} of ${moneyText(usual)}`} value={today} most={usual} colour={today > usual ? "orange" : "indigo"} />}
    </div>
  );
}

/* ---- the server ---- */

/** Who did what, and when: the event has the id of who, people know the name. */
export function Change({ item }: { item: HealthItem }) {
  const users = useQuery({ ...said("users_list"), staleTime: 60_000 });
  const who = users.data?.items.find(user => item.why_text.includes(user.id));
  return <><Place link={item.link}>{item.what}</Place>: {who ? item.why_text.replace(who.id, who.name || who.email) : item.why_text} {item.since_ms !== null && <Since at={item.since_ms} />}</>;
}

function factsOf(gateway: GatewayNow, now: number): [string, ReactNode][] {
  const { memory_bytes: memory, disk_free_bytes: free, disk_total_bytes: total, certificate_ends_ms: ends, backup_at_ms: backup } = gateway;
  const facts: [string, ReactNode][] = [["Version", gateway.version], ["Up", <Age key="up" at={gateway.started_at_ms} />]];
  if (memory !== null) facts.push(["Memory", bytesText(memory)]);
  if (free !== null) facts.push(["Disk", `${bytesText(free)} free${total !== null ? ` of ${bytesText(total)}` : ""}`]);
  if (ends !== null) facts.push(["Certificate", `${Math.floor((ends - now) / DAY_MS)} days left`]);
  facts.push(["Backup", backup === null ? "none yet" : <Since key="backup" at={backup} />]);
  return facts;
}

export function GatewayFacts({ gateway }: { gateway: GatewayNow }) {
  const now = useNow();
  return (
    <Stack gap={2} component="dl" m={0}>
      {factsOf(gateway, now).map(([name, value]) => <Group key={name} gap="sm" wrap="nowrap"><Text component="dt" size="sm" c="dimmed" w={90}>{name}</Text><Text component="dd" size="sm" m={0}>{value}</Text></Group>)}
    </Stack>
  );
}
