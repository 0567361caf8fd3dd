// What is left of a team's budget this month, and where that leads. Leads and admins: others would see their own part alone.
import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { burnOf, burnSince, burnText, howText, type Burn } from "./burn_words";

const WIDTH = 640, HEIGHT = 150, PAD = 4;

function Picture({ burn }: { burn: Burn }) {
  const lowest = Math.min(0, burn.limit - burn.atEnd), low = Math.max(lowest, -burn.limit);
  const x = (day: number) => PAD + (day / burn.days) * (WIDTH - 2 * PAD), y = (left: number) => PAD + ((burn.limit - Math.max(left, low)) / (burn.limit - low || 1)) * (HEIGHT - 2 * PAD);
  const at = burn.left.length, now = burn.left.at(-1) ?? burn.limit, line = [burn.limit, ...burn.left].map((left, day) => `${x(day)},${y(left)}`).join(" ");
  const ink = "var(--mantine-color-text)";
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" role="img" aria-label={burnText(burn)}>
      <line x1={x(0)} x2={x(burn.days)} y1={y(0)} y2={y(0)} stroke={ink} />
      <line x1={x(0)} y1={y(burn.limit)} x2={x(burn.days)} y2={y(0)} stroke="var(--mantine-color-dimmed)" strokeDasharray="2 4" />
      <polygon points={`${x(at)},${y(now)} ${x(burn.days)},${y(burn.limit - burn.band[0])} ${x(burn.days)},${y(burn.limit - burn.band[1])}`} fill="var(--mantine-primary-color-filled)" opacity={0.2} />
      <line x1={x(at)} y1={y(now)} x2={x(burn.days)} y2={y(burn.limit - burn.atEnd)} stroke="var(--mantine-primary-color-filled)" strokeWidth={2} strokeDasharray="6 4" />
      <polyline points={line} fill="none" stroke="var(--mantine-primary-color-filled)" strokeWidth={2.5} />
    </svg>
  );
}

/** Whether the caller sees all of what the team uses, not only their own part. */
export function useSeesTeam(team: string): boolean {
  const caller = useCaller(), isTold = isAdmin(caller);
  const members = useQuery({ ...said("team_members_list", { at: { id: team } }), enabled: !isTold && !!team });
  return isTold || !!members.data?.items.some(each => each.user === caller.user?.id && each.role === "lead");
}

export function BurnDown({ team, now }: { team: string; now: number }) {
  const sees = useSeesTeam(team);
  const policy = useQuery(said("teams_read", { at: { id: team } }));
  const usage = useQuery({ ...said("usage_read", { query: { group_by: "team", bucket: "day", team, since: String(burnSince(now)), until: String(now + 60_000) } }), enabled: sees });
  const limit = policy.data?.policy.budget_microusd_per_month ?? null;
  if (policy.error) return null; /* a team that is gone, or another's: its jobs are shown, or none are */
  return (
    <Section title={`Budget of ${policy.data?.name ?? "the team"} this month`}>
      <ProblemNote error={usage.error} />
      {!sees && <Text size="sm">What a team spends is shown to its leads and to admins; above is your own part.</Text>}
      {sees && policy.data && limit === null && <Text size="sm">This team has no budget.</Text>}
      {usage.data && limit !== null && <Told burn={burnOf(usage.data.items, limit, now)} />}
    </Section>
  );
}

function Told({ burn }: { burn: Burn }) {
  return (
    <>
      <Text size="sm" mb="xs">{burnText(burn)}</Text>
      <Picture burn={burn} />
      <Text size="sm" c="dimmed">Solid: what is left. Dotted: an even spending. Dashed: the forecast. {howText(burn)}</Text>
    </>
  );
}
