// A team's policy in words.
import type { Policy, Provider } from "../api/contract";
import { moneyText } from "../parts/numbers";

const listed = (words: string[]) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`);
const tierNames: Record<string, string> = { gpu: "GPU", cli: "CLI", cloud: "cloud" };

export function policyText(policy: Policy, providers: Provider[]): string {
  const name = (id: string) => providers.find(each => each.id === id)?.name ?? id;
  const tiers = policy.allowed_tiers === null ? "every tier" : policy.allowed_tiers.length ? listed(policy.allowed_tiers.map(tier => tierNames[tier] ?? tier)) : "no tier";
  const parts = [`May use ${tiers}`];
  if (policy.allowed_providers !== null) parts.push(policy.allowed_providers.length ? `only from ${listed(policy.allowed_providers.map(name))}` : "from no provider");
  if (policy.allowed_models !== null) parts.push(policy.allowed_models.length ? `models ${listed(policy.allowed_models)}` : "no model");
  const limits = [
    policy.requests_per_minute !== null && `${policy.requests_per_minute} requests a minute`,
    policy.tokens_per_minute !== null && `${policy.tokens_per_minute.toLocaleString()} tokens a minute`,
    policy.max_concurrent !== null && `${policy.max_concurrent} at once`,
    policy.budget_microusd_per_month !== null && `${moneyText(policy.budget_microusd_per_month)} a month`,
  ].filter(text => text !== false);
  return `${parts.join(", ")}${limits.length ? `; at most ${listed(limits)}` : "; no limits"}${policy.service_class === "batch" ? "; waits behind interactive work" : ""}.`;
}
