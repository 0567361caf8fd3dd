import { expect, test } from "vitest";
import { aProvider, noLimits } from "../fixtures";
import { policyText } from "./policy_words";

const providers = [aProvider({ id: "prv_a", name: "Rack 1" }), aProvider({ id: "prv_b", name: "Cloud" })];
const words = (policy: Partial<typeof noLimits>) => policyText({ ...noLimits, ...policy }, providers);

test.each<[Partial<typeof noLimits>, string]>([
  [{}, "May use every tier; no limits."],
  [{ allowed_tiers: [] }, "May use no tier; no limits."],
  [{ allowed_tiers: ["gpu", "cli", "cloud"] }, "May use GPU, CLI and cloud; no limits."],
  [{ allowed_providers: ["prv_a", "prv_gone"] }, "May use every tier, only from Rack 1 and prv_gone; no limits."],
  [{ allowed_providers: [] }, "May use every tier, from no provider; no limits."],
  [{ allowed_models: ["m1"] }, "May use every tier, models m1; no limits."],
  [{ allowed_models: [] }, "May use every tier, no model; no limits."],
  [{ requests_per_minute: 0 }, "May use every tier; at most 0 requests a minute."],
  [{ requests_per_minute: 60, tokens_per_minute: 10_000, max_concurrent: 4, budget_microusd_per_month: 200_000_000 },
    "May use every tier; at most 60 requests a minute, 10,000 tokens a minute, 4 at once and $200.00 a month."],
  [{ service_class: "batch" }, "May use every tier; no limits; waits behind interactive work."],
])("%j", (policy, text) => {
  expect(words(policy)).toBe(text);
});
