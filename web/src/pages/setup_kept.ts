// What was typed in the set-up, for a reload in this tab: no token, no password, no key.
const placeOf = (part: string) => `auxot-setup-${part}`;

export const keep = (part: string, typed: Record<string, string>) => sessionStorage.setItem(placeOf(part), JSON.stringify(typed));

export function kept(part: string): Record<string, string> {
  try {
    return JSON.parse(sessionStorage.getItem(placeOf(part)) ?? "{}") as Record<string, string>;
  } catch {
    return {};
  }
}
