// The answer at a glance, on every page: who answers Auto now, how busy that is, what an hour costs. Amber when those of one's own
// are gone, or when nobody answers. It opens the rehearsal: what if this one were lost, too?
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { HealthSummary } from "../api/contract";
import { moneyText } from "../parts/numbers";
import { said } from "./queries";
import { isAdmin, useCaller } from "./session";

const WATCH_MS = 30_000; /* what an hour costs has no event; all else comes with one, or with the gauges */

export const isLocalGone = ({ tiers }: HealthSummary) => {
  const ours = tiers.filter(each => each.tier !== "cloud");
  return ours.length > 0 && ours.every(each => each.able === 0);
};

function partsOf({ auto, spend }: HealthSummary): string[] {
  const load = auto.slots > 0 ? `${auto.busy}/${auto.slots} busy` : `${auto.in_flight} running`;
  const cost = !spend || (spend.hour_microusd === null && !spend.hour_is_partial) ? "" : spend.hour_microusd === null ? "no price" : `${moneyText(spend.hour_microusd, spend.hour_is_partial)}/h`;
  return [auto.provider ? load : "", cost].filter(Boolean);
}

export function Glance() {
  const caller = useCaller();
  const { data } = useQuery({ ...said("health_summary"), refetchInterval: WATCH_MS });
  if (!data) return null;
  const who = `Auto → ${data.auto.provider?.name ?? "nobody"}`, rest = partsOf(data), isBad = !data.auto.provider || isLocalGone(data);
  const place = isAdmin(caller) ? { to: "/routing", search: { tab: "rehearse" } } : { to: "/health" };
  return (
    <Button component={Link} {...(place as { to: never; search?: never })} size="compact-sm" radius="xl" variant={isBad ? "light" : "default"} color={isBad ? "orange" : undefined}
      className="glance" data-bad={isBad || undefined} aria-label={[who, ...rest, isLocalGone(data) && "no local tier"].filter(Boolean).join(" · ")}>
      {who}<span className="glance-rest">{rest.map(part => ` · ${part}`)}</span>
    </Button>
  );
}
