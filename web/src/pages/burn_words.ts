// A month's budget: what is left of it day by day, and where it goes when the last days go on. Months and days are UTC's.
import type { UsageItem } from "../api/contract";
import { moneyText } from "../parts/numbers";
import { floorTo, monthBegin, nextMonthBegin, unitOf } from "./usage_range";

const DAY = unitOf.day, LOOK_BACK = 7;
export const burnSince = (now: number) => Math.min(monthBegin(now), floorTo(now, DAY) - LOOK_BACK * DAY);

export interface Burn {
  limit: number;
  spent: number;
  days: number; /* in the month */
  left: number[]; /* at the end of each day so far; today's is that of now */
  perDay: number; /* mean of the last whole days */
  atEnd: number; /* spent by the end of the month, if that goes on */
  band: [number, number]; /* with the cheapest and the dearest of these days */
  runsOut: number | null; /* when, before the end of the month */
  unpriced: number;
}

export function burnOf(items: UsageItem[], limit: number, now: number): Burn {
  const begin = monthBegin(now), end = nextMonthBegin(now), today = floorTo(now, DAY);
  const spentAt = new Map<number, number>();
  for (const item of items) spentAt.set(item.at_ms!, (spentAt.get(item.at_ms!) ?? 0) + (item.cost_microusd ?? 0));
  const left: number[] = [];
  let spent = 0;
  for (let day = begin; day <= today; day += DAY) left.push(limit - (spent += spentAt.get(day) ?? 0));
  const last = Array.from({ length: LOOK_BACK }, (_, at) => spentAt.get(today - (at + 1) * DAY) ?? 0);
  const perDay = last.reduce((sum, each) => sum + each, 0) / LOOK_BACK, rest = (end - now) / DAY;
  const by = (each: number) => Math.round(spent + each * rest);
  return {
    limit, spent, days: Math.round((end - begin) / DAY), left, perDay: Math.round(perDay), atEnd: by(perDay), band: [by(Math.min(...last)), by(Math.max(...last))],
    runsOut: spent >= limit ? now : by(perDay) > limit ? now + ((limit - spent) / perDay) * DAY : null,
    unpriced: items.filter(item => item.at_ms! >= begin).reduce((sum, item) => sum + item.unknown_cost_jobs, 0),
  };
}

const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", timeZone: "UTC" });

export function burnText(burn: Burn): string {
  const share = burn.limit > 0 ? ` (${Math.round((burn.spent / burn.limit) * 100)} %)` : "";
  const now = `${moneyText(burn.spent, burn.unpriced > 0)} of ${moneyText(burn.limit)} is spent${share}.`;
  if (burn.spent >= burn.limit) return `${now} Nothing is left this month.`;
  const [low, high] = burn.band;
  const forecast = burn.runsOut === null ? `By the end of the month it would be ${moneyText(burn.atEnd)}` : `It would be spent on ${date.format(burn.runsOut)}, and be ${moneyText(burn.atEnd)} by the end of the month`;
  return `${now} ${forecast}${low === high ? "" : ` (${moneyText(low)} to ${moneyText(high)})`}.`;
}

export const howText = (burn: Burn) =>
  `Forecast: the mean of the last 7 whole days (UTC), ${moneyText(burn.perDay)} a day, goes on to the end of the month; the band goes on with the cheapest and with the dearest of these days. ` +
  `A day on which nothing was spent counts, too.${burn.unpriced ? ` ${burn.unpriced.toLocaleString()} jobs without a price are not in it.` : ""}`;
