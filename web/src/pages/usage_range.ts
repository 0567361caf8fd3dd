// Which time usage is shown of, and in what pieces. All of it in UTC: the server sums by its days and hours.
export type Bucket = "minute" | "hour" | "day";
export interface Range { since: number; until: number; bucket: Bucket }

const MINUTE_MS = 60_000, HOUR_MS = 60 * MINUTE_MS, DAY_MS = 24 * HOUR_MS;
export const unitOf: Record<Bucket, number> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
const MINUTES_KEPT_MS = 47 * HOUR_MS, HOURS_KEPT_MS = 399 * DAY_MS; /* of 48 hours and 400 days: a page stays open for a while */
const MOST_BARS = 400;

export const ranges = [
  { value: "1", label: "last hour" }, { value: "24", label: "last 24 hours" }, { value: "168", label: "last 7 days" }, { value: "720", label: "last 30 days" },
  { value: "2160", label: "last 90 days" }, { value: "month", label: "this month" },
];
export const DEFAULT_RANGE = "24";

export const monthBegin = (at: number) => Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth());
export const nextMonthBegin = (at: number) => Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth() + 1);
export const floorTo = (at: number, unit: number) => Math.floor(at / unit) * unit;

function bucketOf(since: number, until: number, now: number): Bucket {
  if (until - since <= 3 * HOUR_MS && since >= now - MINUTES_KEPT_MS) return "minute";
  return until - since <= 8 * DAY_MS && since >= now - HOURS_KEPT_MS ? "hour" : "day";
}

/** A range that is told relative to now begins with a whole piece and ends with this minute; one of the address is taken as it is. */
export function rangeOf({ hours, since, until }: { hours?: string; since?: string; until?: string }, now: number): Range {
  const end = floorTo(now, MINUTE_MS) + MINUTE_MS;
  const from = Number(since), to = until === undefined ? end : Number(until);
  if (since !== undefined && Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to > from) return { since: from, until: to, bucket: bucketOf(from, to, now) };
  if (hours === "month") return { since: monthBegin(now), until: end, bucket: bucketOf(monthBegin(now), end, now) };
  const length = Number(ranges.find(each => each.value === hours)?.value ?? DEFAULT_RANGE) * HOUR_MS;
  const bucket = bucketOf(end - length, end, now);
  return { since: floorTo(end - length, unitOf[bucket]), until: end, bucket };
}

/** Where the pieces begin; of a long time only from the first on in which something was used. */
export function timesOf({ since, until, bucket }: Range, first: number | null): number[] {
  const unit = unitOf[bucket];
  let from = floorTo(since, unit);
  if ((until - from) / unit > MOST_BARS) from = Math.max(from, first ?? until - MOST_BARS * unit);
  return Array.from({ length: Math.max(0, Math.ceil((until - from) / unit)) }, (_, at) => from + at * unit);
}

const options: Record<Bucket, Intl.DateTimeFormatOptions> = {
  minute: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  hour: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { day: "numeric", month: "short" },
};
const formats = Object.fromEntries(Object.entries(options).map(([bucket, each]) => [bucket, new Intl.DateTimeFormat(undefined, { ...each, timeZone: "UTC" })])) as Record<Bucket, Intl.DateTimeFormat>;

/** "Nov 30, 14:00", in UTC. */
export const timeText = (at: number, bucket: Bucket) => formats[bucket].format(at);
