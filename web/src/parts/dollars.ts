// Prices as people type them: dollars for a million tokens, which are whole millionths of a dollar inside. By digits and never
// by a float: 0.1 + 0.2 is no price.
const DIGITS = 6, MOST = 1_000_000_000_000; /* the contract's: a million dollars */
const typed = /^(\d*)(?:[.,](\d*))?$/;

/** "1.25" → 1250000; "" → null: not known; undefined: that is no price. */
export function microOf(text: string): number | null | undefined {
  const bare = text.trim().replace(/^\$\s*/, "");
  if (bare === "") return null;
  const [, whole, part = ""] = typed.exec(bare) ?? [];
  if (whole === undefined || whole + part === "" || part.replace(/0+$/, "").length > DIGITS || whole.length > 15) return undefined;
  const micro = Number(whole + part.slice(0, DIGITS).padEnd(DIGITS, "0"));
  return micro <= MOST ? micro : undefined;
}

/** 1250000 → "1.25"; null → "". */
export function dollarsOf(micro: number | null): string {
  if (micro === null) return "";
  const digits = String(micro).padStart(DIGITS + 1, "0"), whole = digits.slice(0, -DIGITS), part = digits.slice(-DIGITS).replace(/0+$/, "");
  return part === "" ? whole : `${whole}.${part.padEnd(2, "0")}`;
}

/** "$1.25", or that there is none. */
export const priceText = (micro: number | null) => (micro === null ? "no price" : `$${dollarsOf(micro)}`);
