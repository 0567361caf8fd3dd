// Numbers as they are: money in millionths, tokens, milliseconds; what is not known is said to be not known, never 0.
const whole = new Intl.NumberFormat();

export const countText = (value: number | null) => (value === null ? "unknown" : whole.format(value));

export function moneyText(microusd: number | null, partial = false): string {
  if (microusd === null) return "no price";
  const dollars = microusd / 1e6;
  const digits = dollars === 0 ? 2 : dollars < 0.01 ? 6 : dollars < 1 ? 4 : 2;
  return `${partial ? "≥ " : ""}$${dollars.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: digits })}`;
}

export function durationText(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1000) return `${ms} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000); /* first, so that 59.9 s is no "60 s" */
  return `${Math.floor(s / 60)} min ${s % 60} s`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];
export function bytesText(bytes: number | null): string {
  if (bytes === null) return "unknown";
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10)), value = bytes / 1024 ** at;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 })} ${units[at]}`;
}
