// When a provider cannot answer, who is asked next: its fallback rules, in order.
import { Anchor, Button, Group, NumberInput, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Condition, FallbackRule, Provider, RehearseFault } from "../api/contract";
import { said } from "../app/queries";
import { SaveState } from "../parts/save_state";
import { Section } from "../parts/section";
import { useProviderField } from "./provider_field";

const THRESHOLD = 10;
const conditions: { value: Condition; label: string }[] = [
  { value: "offline", label: "is offline" }, { value: "over_quota", label: "is over its quota" }, { value: "queue_too_deep", label: "has a long queue" },
];

/** What has to happen for a rule to count. */
const faultOf: Record<Condition, RehearseFault> = { offline: "offline", over_quota: "over_quota", queue_too_deep: "half_slots" };

/** The providers that lead back to `from` by rules: harmless, for nobody is asked twice, but seldom meant. */
function loopOf(from: Provider, target: string, all: Provider[]): boolean {
  const seen = new Set<string>(), open = [target];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === from.id) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    open.push(...(all.find(each => each.id === id)?.fallback_rules.map(rule => rule.provider) ?? []));
  }
  return false;
}

export function RulesSection({ provider }: { provider: Provider }) {
  const all = useQuery(said("providers_list")).data?.items ?? [];
  const nameOf = (id: string) => all.find(each => each.id === id)?.name ?? id;
  const ruleText = (rule: FallbackRule) => `when it ${conditions.find(each => each.value === rule.condition)!.label} ask ${nameOf(rule.provider)}`;
  const saver = useProviderField(provider, "fallback_rules", {
    label: "Fallback rules", of: it => it.fallback_rules, change: value => ({ fallback_rules: value }), moves: true,
    text: value => (value.length ? value.map(ruleText).join(", then ") : "none"),
  });
  const rules = saver.value;
  const others = all.filter(each => each.id !== provider.id).map(each => ({ value: each.id, label: each.name }));
  const save = (next: FallbackRule[]) => saver.set(next);
  const having = (at: number, part: Partial<FallbackRule>) => rules.map((rule, each) => (each === at ? { ...rule, ...part } : rule));
  const put = (at: number, part: Partial<FallbackRule>) => save(having(at, part));
  const up = (at: number) => save(rules.map((rule, each) => (each === at - 1 ? rules[at]! : each === at ? rules[at - 1]! : rule)));
  return (
    <Section title="Fallback rules">
      <Stack gap="sm">
        {rules.length === 0 && <Text size="sm">None: the next in the cascade is asked.</Text>}
        {rules.map((rule, at) => (
          <Stack key={`${at}-${rule.provider}`} gap={4}>
            <Group gap="xs" align="flex-end">
              <Select aria-label={`Rule ${at + 1}: when`} w={190} allowDeselect={false} data={conditions.map(each => ({ ...each, label: `When it ${each.label}` }))} value={rule.condition} onChange={value => put(at, { condition: value as Condition })} />
              {rule.condition === "queue_too_deep" && <NumberInput aria-label={`Rule ${at + 1}: waiting`} w={110} min={1} suffix=" waiting" value={rule.threshold}
                onChange={value => { if (Number(value) > 0 && Number(value) !== rule.threshold) saver.type(having(at, { threshold: Number(value) })); }} onBlur={() => saver.flush()} />}
              <Select aria-label={`Rule ${at + 1}: ask`} w={220} allowDeselect={false} data={others.map(each => ({ ...each, label: `ask ${each.label}` }))} value={rule.provider} onChange={value => { if (value) put(at, { provider: value, model: null }); }} />
              {at > 0 && <Button size="compact-sm" variant="default" aria-label={`Rule ${at + 1} earlier`} onClick={() => up(at)}>↑</Button>}
              <Button size="compact-sm" variant="default" color="red" aria-label={`Remove rule ${at + 1}`} onClick={() => save(rules.filter((_, each) => each !== at))}>Remove</Button>
              <Anchor component={Link} size="sm" to={"/routing" as never} search={{ tab: "rehearse", faults: `${provider.id}:${faultOf[rule.condition]}` } as never} aria-label={`Test rule ${at + 1}`}>Test rule</Anchor>
            </Group>
            {loopOf(provider, rule.provider, all) && <Text size="xs" c="dimmed">Its rules lead back here; nobody is asked twice, so this ends.</Text>}
          </Stack>
        ))}
        <Group>
          <Button variant="default" disabled={others.length === 0}
            onClick={() => save([...rules, { condition: "offline", provider: others[0]!.value, model: null, threshold: THRESHOLD }])}>Add a rule</Button>
          {others.length === 0 && <Text size="sm" c="dimmed">A rule needs another provider.</Text>}
        </Group>
        <SaveState saver={saver} />
      </Stack>
    </Section>
  );
}
