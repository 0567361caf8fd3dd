// What the map draws, from what is known: nodes in five columns, the edges between them, where each stands, how wide each is.
// Pure, and the same for the same facts: nothing moves because something else came later.
import type { RoutingFlow } from "../api/contract";

export const columns = ["Callers", "Asked", "Tiers", "Providers", "Workers and models"] as const;

export interface Standing { id: string; name: string; state: string; since: number | null; why: string | null }
export interface World {
  providers: (Standing & { tier: string | null })[];
  workers: (Standing & { provider: string })[];
  flows: RoutingFlow[];
  /** Providers that were asked in the day before; null: not known. */
  used: Set<string> | null;
}

export interface MapNode {
  id: string;
  column: number;
  name: string;
  /** Of a provider or worker; null: it is none. */
  state: string | null;
  since: number | null;
  why: string | null;
  requests: number;
  to: string;
  search?: Record<string, string>;
}
export interface MapEdge { id: string; from: string; to: string; requests: number; failed: number; movedOn: number }
export interface Picture { nodes: MapNode[]; edges: MapEdge[] }

const CALLERS_MAX = 10, LEAVES_MAX = 6;
const tiers = ["gpu", "cli", "cloud", ""];
const tierNames: Record<string, string> = { gpu: "GPU", cli: "CLI", cloud: "Cloud", "": "Tier unknown" };
const NOBODY = "tier:nobody";

/** One picture while it is made: what is named twice is there once, and what is counted twice is added up. */
class Sketch {
  nodes = new Map<string, MapNode>();
  edges = new Map<string, MapEdge>();

  node(id: string, column: number, name: string, more: Partial<MapNode> & { to: string }): string {
    if (!this.nodes.has(id)) this.nodes.set(id, { id, column, name, state: null, since: null, why: null, requests: 0, ...more });
    return id;
  }

  edge(from: string, to: string, requests = 0, failed = 0, movedOn = 0) {
    const id = `${from} ${to}`, edge = this.edges.get(id) ?? { id, from, to, requests: 0, failed: 0, movedOn: 0 };
    this.edges.set(id, { ...edge, requests: edge.requests + requests, failed: edge.failed + failed, movedOn: edge.movedOn + movedOn });
    const node = this.nodes.get(to)!;
    node.requests += requests;
  }
}

const providerPage = (id: string) => `/settings/providers/${id}`;

function caller(sketch: Sketch, flow: RoutingFlow, named: Set<string>, teamsLink: boolean): string {
  if (flow.team === null) return sketch.node("team:", 0, "no team", { to: "/audit/jobs" });
  if (!named.has(flow.team)) return sketch.node("team:others", 0, "other teams", { to: "/settings/teams" });
  const link = teamsLink ? { to: `/settings/teams/${flow.team}` } : { to: "/audit/jobs", search: { team: flow.team } };
  return sketch.node(`team:${flow.team}`, 0, flow.team_name ?? "a team that is gone", link);
}

const asked = (sketch: Sketch, how: RoutingFlow["asked"]) => (how === "auto"
  ? sketch.node("asked:auto", 1, "Auto", { to: "/routing", search: { tab: "now" } })
  : sketch.node("asked:name", 1, "By name", { to: "/settings/models" }));

const tier = (sketch: Sketch, name: string | null) => {
  const known = tiers.includes(name ?? "") ? name ?? "" : "";
  return sketch.node(`tier:${known}`, 2, tierNames[known]!, { to: "/settings/providers" });
};

function leaf(sketch: Sketch, flow: RoutingFlow, world: World, named: Map<string, Set<string>>): string {
  const { id } = flow.provider!, part = flow.worker ?? flow.model ?? "";
  if (!named.get(id)?.has(part)) return sketch.node(`more:${id}`, 4, "others", { to: "/audit/jobs", search: { provider: id } });
  if (flow.worker === null) return sketch.node(`model:${id}:${part}`, 4, part || "no model", { to: "/audit/jobs", search: { provider: id, ...(part && { model: part }) } });
  const worker = world.workers.find(each => each.id === part);
  return sketch.node(`worker:${part}`, 4, worker?.name ?? "a worker that is gone", { to: providerPage(id), state: worker?.state ?? "gone", since: worker?.since ?? null, why: worker?.why ?? null });
}

/** The most frequent ones, as many as have room; in doubt by their id. */
function most(counts: Map<string, number>, room: number): Set<string> {
  return new Set([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, room).map(([id]) => id));
}

function countBy(flows: RoutingFlow[], key: (flow: RoutingFlow) => string | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const flow of flows) {
    const id = key(flow);
    if (id !== null) counts.set(id, (counts.get(id) ?? 0) + Math.max(flow.attempts, flow.jobs));
  }
  return counts;
}

function leavesOf(flows: RoutingFlow[]): Map<string, Set<string>> {
  const ids = new Set(flows.flatMap(flow => (flow.provider ? [flow.provider.id] : [])));
  return new Map([...ids].map(id => [id, most(countBy(flows, flow => (flow.provider?.id === id ? flow.worker ?? flow.model ?? "" : null)), LEAVES_MAX)]));
}

function draw(sketch: Sketch, flow: RoutingFlow, world: World, named: { callers: Set<string>; leaves: Map<string, Set<string>> }, teamsLink: boolean) {
  const how = asked(sketch, flow.asked);
  sketch.edge(caller(sketch, flow, named.callers, teamsLink), how, flow.jobs, flow.failed);
  if (!flow.provider) {
    sketch.edge(how, sketch.node(NOBODY, 2, "nobody was asked", { to: "/audit/jobs", search: { status: "refused" } }), flow.jobs, flow.failed);
    return;
  }
  const known = world.providers.find(each => each.id === flow.provider!.id);
  const tierId = tier(sketch, flow.tier ?? known?.tier ?? null);
  const provider = sketch.node(`provider:${flow.provider.id}`, 3, known?.name ?? flow.provider.name, { to: providerPage(flow.provider.id), state: known?.state ?? "gone", since: known?.since ?? null, why: known?.why ?? null });
  for (const [from, to] of [[how, tierId], [tierId, provider], [provider, leaf(sketch, flow, world, named.leaves)]] as const)
    sketch.edge(from, to, flow.attempts, flow.failed, flow.moved_on);
}

/** Those that were asked in the day before, and their workers; when none was, all that there are. */
function drawStanding(sketch: Sketch, world: World) {
  const isUsed = (id: string) => !world.used || world.used.size === 0 || world.used.has(id) || sketch.nodes.has(`provider:${id}`);
  for (const each of world.providers.filter(provider => isUsed(provider.id))) {
    const id = sketch.node(`provider:${each.id}`, 3, each.name, { to: providerPage(each.id), state: each.state, since: each.since, why: each.why });
    const isDrawn = [...sketch.edges.values()].some(edge => edge.to === id);
    if (!isDrawn) {
      const tierId = tier(sketch, each.tier);
      sketch.edge(asked(sketch, "auto"), tierId);
      sketch.edge(tierId, id);
    }
    for (const worker of world.workers.filter(one => one.provider === each.id && one.state !== "dead").slice(0, LEAVES_MAX))
      sketch.edge(id, sketch.node(`worker:${worker.id}`, 4, worker.name, { to: providerPage(each.id), state: worker.state, since: worker.since, why: worker.why }));
  }
}

const text = (a: string, b: string) => a.localeCompare(b, "en");

/** Callers by name, no team last; tiers as they are asked; providers by tier; what is at a provider beside it. */
function inOrder(sketch: Sketch): MapNode[] {
  const before = (id: string) => [...sketch.edges.values()].find(edge => edge.to === id)?.from ?? "";
  const tierRank = (id: string) => (id === NOBODY ? tiers.length : tiers.indexOf(id.slice("tier:".length)));
  const rank = ({ id, column, name }: MapNode): string => {
    if (column === 0) return id === "team:" ? "2" : id === "team:others" ? "1" : `0${name}`;
    if (column === 1) return id;
    if (column === 2) return String(tierRank(id));
    if (column === 3) return `${tierRank(before(id))}${name}`;
    const owner = sketch.nodes.get(before(id));
    return `${owner ? rank(owner) : ""} ${id.startsWith("more:") ? 1 : 0}${name}`;
  };
  return [...sketch.nodes.values()].sort((a, b) => a.column - b.column || text(rank(a), rank(b)) || text(a.id, b.id));
}

/** `teamsLink`: may the reader open the pages of teams? */
export function pictureOf(world: World, teamsLink: boolean): Picture {
  const sketch = new Sketch();
  const named = { callers: most(countBy(world.flows, flow => flow.team), CALLERS_MAX), leaves: leavesOf(world.flows) };
  for (const flow of world.flows) draw(sketch, flow, world, named, teamsLink);
  drawStanding(sketch, world);
  for (const edge of sketch.edges.values()) if (edge.from.startsWith("team:")) sketch.nodes.get(edge.from)!.requests += edge.requests;
  return { nodes: inOrder(sketch), edges: [...sketch.edges.values()].sort((a, b) => text(a.id, b.id)) };
}

// ---- where things stand ------------------------------------------------------------------------------

export const WIDTH = 1000, NODE_WIDTH = 156, ROW = 66, NODE_HEIGHT = 54;
export interface Place { x: number; y: number }

/** The middle of each node's left side; columns are fixed, rows as far apart as there is room. */
export function placesOf(nodes: MapNode[]): { places: Map<string, Place>; height: number } {
  const byColumn = columns.map((_, column) => nodes.filter(node => node.column === column));
  const height = Math.max(1, ...byColumn.map(each => each.length)) * ROW;
  const step = (WIDTH - NODE_WIDTH) / (columns.length - 1);
  const places = new Map(byColumn.flatMap((column, at) => column.map((node, row) => [node.id, { x: at * step, y: ((row + 0.5) * height) / column.length }] as const)));
  return { places, height };
}

/** From the right side of one to the left side of the other. */
export function pathOf(from: Place, to: Place): string {
  const x = from.x + NODE_WIDTH, middle = (x + to.x) / 2;
  return `M${x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
}

const THIN = 1, THICK = 14;
/** Pixels: the root of the share of the busiest, so that one in a hundred is still seen. Nothing: a thin line. */
export const widthOf = (requests: number, busiest: number) => (requests <= 0 || busiest <= 0 ? THIN : THIN + 1 + (THICK - THIN - 1) * Math.sqrt(requests / busiest));

/** "4.2", "0.2", "120": a minute. */
export function rateText(requests: number, minutes: number): string {
  const rate = requests / minutes;
  return rate === 0 ? "0" : rate < 0.1 ? "< 0.1" : rate < 10 ? String(Math.round(rate * 10) / 10) : String(Math.round(rate));
}

// ---- then and now ------------------------------------------------------------------------------------

const hasState = (node: MapNode) => node.state !== null && node.state !== "gone";

/** What is said beside a node of then: how it is different now. Those of now that were not there then stand behind. */
export function differences(then: Picture, now: Picture): { changed: Map<string, string>; added: MapNode[] } {
  const today = new Map(now.nodes.map(node => [node.id, node]));
  const changed = new Map<string, string>();
  for (const node of then.nodes.filter(hasState)) {
    const same = today.get(node.id);
    if (!same) changed.set(node.id, "now not there");
    else if (same.state !== node.state) changed.set(node.id, `now ${same.state!.replace(/_/g, " ")}`);
  }
  const were = new Set(then.nodes.map(node => node.id));
  return { changed, added: now.nodes.filter(node => hasState(node) && !were.has(node.id)) };
}
