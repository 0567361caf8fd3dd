// The live map: who asks, how, and where that goes; and any moment of the day before, as it was. The moment is the address.
import { Alert, Anchor, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { RoutingThen } from "../api/contract";
import { useWatch } from "../app/live";
import { said } from "../app/queries";
import { isAdmin, useCaller } from "../app/session";
import { Empty, Loading } from "../parts/page";
import { ProblemNote } from "../parts/problem";
import { Moment } from "../parts/since";
import { Drawing } from "./map_drawing";
import { minutesOf, WINDOW_MINUTES } from "./map_flows";
import { differences, pictureOf, type Picture } from "./map_picture";
import { Rewind, useChanges } from "./map_rewind";
import { DAY_MS, momentOf, momentText, withTimes } from "./map_strip";
import { MapTables } from "./map_tables";
import { useWorldNow, useWorldThen, type Seen } from "./map_world";

const WATCH_MS = 5_000;
const whys: Record<string, string> = {
  stopped: "the server was stopped", killed: "the server was killed, or its machine lost power", notes_lost: "more changed at once than could be noted", not_kept: "what was noted then is not kept any more",
};

/** The version of the configuration, and who made it so, where the reader may know. */
function Configuration({ config }: { config: RoutingThen["config"] }) {
  const caller = useCaller();
  const users = useQuery({ ...said("users_list"), enabled: isAdmin(caller) && config?.actor?.startsWith("usr_") === true });
  if (!config) return <Text size="sm" c="dimmed">The configuration of then is not known.</Text>;
  const who = users.data?.items.find(user => user.id === config.actor)?.name ?? config.actor;
  return (
    <Text size="sm">Configuration {config.version}, since <Moment at={config.since_ms} />{who && <>, by <Anchor component={Link} to={"/audit/events" as never} search={{ actor: config.actor } as never}>{who}</Anchor></>}.</Text>
  );
}

function Then({ then }: { then: RoutingThen }) {
  return (
    <Alert color="gray" variant="light" role="status" title={<>As it was at <Moment at={then.at_ms} /></>}>
      {!then.known && <Text size="sm" fw={600}>What was then is not known{then.why && `: ${whys[then.why]}`}{then.since_ms !== null && <> (<Moment at={then.since_ms} />)</>}.</Text>}
      <Configuration config={then.config} />
    </Alert>
  );
}

function Different({ then, now }: { then: Picture; now: Picture }) {
  const { changed, added } = differences(then, now);
  if (changed.size + added.length === 0) return <Text size="sm">Every state is the same now.</Text>;
  return (
    <Text size="sm">
      {changed.size} {changed.size === 1 ? "is" : "are"} different now{added.length > 0 && <>; not there then: {added.map(node => `${node.name} (now ${node.state?.replace(/_/g, " ")})`).join(", ")}</>}.
    </Text>
  );
}

function Counted({ seen, minutes }: { seen: Seen; minutes: number }) {
  return (
    <Text size="sm" c="dimmed">
      Requests that came since <Moment at={seen.since} />, {minutes < WINDOW_MINUTES ? "up to" : "about"} {WINDOW_MINUTES} minutes{!seen.isWhole && <>; there were too many to count them all, these are the newest</>}. Dashed: some went on elsewhere.
    </Text>
  );
}

const none = new Map<string, string>();

export function LiveMap() {
  const caller = useCaller(), navigate = useNavigate();
  const search = useSearch({ strict: false }) as { t?: string; view?: string; compare?: string };
  const isNarrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  const present = useWorldNow();
  const t = momentOf(search.t, present.now);
  const past = useWorldThen(t, new Map(present.world?.providers.map(each => [each.id, each.tier ?? ""])));
  const end = t !== null && t < present.now - DAY_MS ? t + DAY_MS / 2 : present.now; /* an address may name an older day */
  const changes = useChanges(end - DAY_MS, useWatch(WATCH_MS));
  const show = (next: Partial<Record<"t" | "view" | "compare", string | undefined>>) => void navigate({ to: "/routing" as never, search: { ...search, ...next } as never, replace: true });
  const seen = t === null ? present : past, world = seen.world && t === null ? withTimes(seen.world, changes.data?.items ?? []) : seen.world;
  if (present.world?.providers.length === 0 && t === null && world?.flows.length === 0)
    return <Empty title="Nothing to draw yet"><Text>The map shows who asks and who answers. Begin with <Anchor component={Link} to={"/settings/providers" as never}>a provider</Anchor>.</Text></Empty>;
  const picture = world && pictureOf(world, isAdmin(caller)), minutes = minutesOf(seen.since, seen.until);
  const presentPicture = search.compare === "1" && t !== null && present.world ? pictureOf(present.world, isAdmin(caller)) : null;
  const compare = picture && presentPicture;
  const notes = compare ? differences(picture, presentPicture).changed : null;
  const isTable = isNarrow || search.view === "table";
  return (
    <Stack gap="md">
      <Group justify="space-between">
        {t === null ? <Text size="sm" role="status">{present.isStale ? "Live updates are lost: what is drawn is what was known last." : "As it is now."}</Text> : <span />}
        {!isNarrow && <SegmentedControl size="xs" aria-label="View" value={isTable ? "table" : "map"} data={[{ value: "map", label: "View as map" }, { value: "table", label: "View as table" }]} onChange={view => show({ view: view === "table" ? view : undefined })} />}
      </Group>
      <ProblemNote error={seen.error} retry={seen.retry} />
      {t !== null && past.then && <Then then={past.then} />}
      {compare && <Different then={picture} now={presentPicture} />}
      {!picture && !seen.error && <Loading />}
      {picture?.nodes.length === 0 && <Empty title="Nothing was there then" />}
      {picture && picture.nodes.length > 0 && (isTable
        ? <MapTables picture={picture} minutes={minutes} notes={notes} />
        : <Drawing picture={picture} minutes={minutes} notes={notes ?? none} label={t === null ? "The map, now" : "The map, as it was"} />)}
      {picture && <Counted seen={seen} minutes={minutes} />}
      <ProblemNote error={changes.error} retry={() => void changes.refetch()} />
      <Rewind t={t} now={present.now} end={end} changes={changes.data?.items ?? []} isCut={changes.data?.isCut ?? false} go={next => show({ t: next === null ? undefined : momentText(next) })}
        compare={search.compare === "1"} setCompare={on => show({ compare: on ? "1" : undefined })} />
    </Stack>
  );
}
