import { describe, expect, test } from "vitest";
import type { RoutingFlow } from "../api/contract";
import { columns, differences, NODE_HEIGHT, NODE_WIDTH, pathOf, pictureOf, placesOf, rateText, widthOf, WIDTH, type Picture, type World } from "./map_picture";

const flow = (fields: Partial<RoutingFlow> = {}): RoutingFlow => ({
  at_ms: 0, team: "team_1", team_name: "Engineering", asked: "auto", provider: { id: "prv_1", name: "House" }, tier: "cloud", model: "gpt-sim", worker: null, jobs: 1, failed: 0, attempts: 1, moved_on: 0, ...fields,
});
const provider = (id: string, state = "online", tier: string | null = "cloud") => ({ id, name: id, state, since: 7, why: null, tier });
const world = (fields: Partial<World> = {}): World => ({ providers: [provider("prv_1"), provider("prv_2"), provider("prv_3", "offline", "gpu")], workers: [], flows: [flow()], used: new Set(["prv_1"]), ...fields });
const ids = (picture: Picture) => picture.nodes.map(node => node.id);
const edges = (picture: Picture) => Object.fromEntries(picture.edges.map(edge => [edge.id, [edge.requests, edge.failed, edge.movedOn]]));

describe("the picture", () => {
  test("draws who asked, how, and where it went; and only what is in use", () => {
    const picture = pictureOf(world(), true);
    expect(ids(picture)).toEqual(["team:team_1", "asked:auto", "tier:cloud", "provider:prv_1", "model:prv_1:gpt-sim"]);
    expect(edges(picture)).toEqual({
      "team:team_1 asked:auto": [1, 0, 0], "asked:auto tier:cloud": [1, 0, 0], "tier:cloud provider:prv_1": [1, 0, 0], "provider:prv_1 model:prv_1:gpt-sim": [1, 0, 0],
    });
    expect(picture.nodes.map(node => node.requests)).toEqual([1, 1, 1, 1, 1]);
  });
  test("a job that went on elsewhere is on both edges, and counted once at its caller", () => {
    const picture = pictureOf(world({ flows: [flow({ jobs: 0, moved_on: 1 }), flow({ provider: { id: "prv_2", name: "Spare" } })] }), true);
    expect(edges(picture)).toMatchObject({ "team:team_1 asked:auto": [1, 0, 0], "asked:auto tier:cloud": [2, 0, 1], "tier:cloud provider:prv_1": [1, 0, 1], "tier:cloud provider:prv_2": [1, 0, 0] });
  });
  test("nobody was asked: a node of its own, that leads to those jobs", () => {
    const picture = pictureOf(world({ flows: [flow({ provider: null, tier: null, model: null, attempts: 0, failed: 1 })], used: new Set(["none"]) }), true);
    expect(picture.nodes.find(node => node.id === "tier:nobody")).toMatchObject({ to: "/audit/jobs", search: { status: "refused" }, requests: 1 });
    expect(edges(picture)).toEqual({ "team:team_1 asked:auto": [1, 1, 0], "asked:auto tier:nobody": [1, 1, 0] });
  });
  test("while nothing was used all that there is is drawn, idle", () => {
    const picture = pictureOf(world({ flows: [], used: new Set() }), true);
    expect(ids(picture)).toEqual(["asked:auto", "tier:gpu", "tier:cloud", "provider:prv_3", "provider:prv_1", "provider:prv_2"]);
    expect(picture.edges.every(edge => edge.requests === 0)).toBe(true);
  });
  test("who was used on that day is drawn though nothing comes now, with its workers that are there", () => {
    const workers = [{ id: "wrk_1", name: "rack-1", provider: "prv_3", state: "live", since: 1, why: null }, { id: "wrk_2", name: "rack-2", provider: "prv_3", state: "dead", since: 1, why: null }];
    expect(ids(pictureOf(world({ flows: [], used: new Set(["prv_3"]), workers }), true))).toEqual(["asked:auto", "tier:gpu", "provider:prv_3", "worker:wrk_1"]);
  });
  test("who is gone stands as gone, by the name of then", () => {
    const picture = pictureOf(world({ providers: [], flows: [flow({ worker: "wrk_9" })] }), true);
    expect(picture.nodes.filter(node => node.state).map(node => [node.name, node.state])).toEqual([["House", "gone"], ["a worker that is gone", "gone"]]);
  });
  test("whoever may not open teams' pages is led to the jobs", () => {
    const to = (mayOpen: boolean) => pictureOf(world(), mayOpen).nodes[0]!;
    expect([to(true).to, to(false).to, to(false).search]).toEqual(["/settings/teams/team_1", "/audit/jobs", { team: "team_1" }]);
  });
  test("too many callers and models are taken together, and nothing is lost of their sum", () => {
    const many = Array.from({ length: 40 }, (_, at) => flow({ team: `team_${at}`, team_name: `Team ${at}`, model: `model-${at}` }));
    const picture = pictureOf(world({ flows: many }), true), of = (column: number) => picture.nodes.filter(node => node.column === column);
    expect([of(0).length, of(4).length]).toEqual([11, 7]);
    expect([of(0), of(4)].map(nodes => nodes.reduce((sum, node) => sum + node.requests, 0))).toEqual([40, 40]);
  });
  test("is the same whatever came first", () => {
    const flows = [flow({ team: null, team_name: null }), flow({ asked: "name" }), flow({ provider: { id: "prv_3", name: "prv_3" }, tier: "gpu", worker: "wrk_1" }), flow({ model: "a" })];
    expect(pictureOf(world({ flows: [...flows].reverse() }), true)).toEqual(pictureOf(world({ flows }), true));
    expect(ids(pictureOf(world({ flows }), true)).slice(0, 2)).toEqual(["team:team_1", "team:"]);
  });
});

describe("where things stand", () => {
  const many = Array.from({ length: 9 }, (_, at) => flow({ team: `team_${at}`, team_name: `Team ${at}` }));
  test("columns are fixed, all is inside, and no two of a column touch", () => {
    const { nodes } = pictureOf(world({ flows: many }), true), { places, height } = placesOf(nodes);
    expect([...new Set([...places.values()].map(place => place.x))].sort((a, b) => a - b)).toEqual(columns.map((_, at) => (at * (WIDTH - NODE_WIDTH)) / 4));
    for (const [column] of columns.entries()) {
      const ys = nodes.filter(node => node.column === column).map(node => places.get(node.id)!.y);
      expect(Math.min(...ys) - NODE_HEIGHT / 2).toBeGreaterThanOrEqual(0);
      expect(Math.max(...ys) + NODE_HEIGHT / 2).toBeLessThanOrEqual(height);
      expect(ys.every((y, at) => at === 0 || y - ys[at - 1]! >= NODE_HEIGHT)).toBe(true);
    }
  });
  test("an edge goes from the right side of one to the left side of the other", () => {
    expect(pathOf({ x: 0, y: 10 }, { x: 200, y: 30 })).toBe(`M${NODE_WIDTH} 10C${(NODE_WIDTH + 200) / 2} 10 ${(NODE_WIDTH + 200) / 2} 30 200 30`);
  });
  test("widths grow with what goes there, from a thin line up to a bound", () => {
    const widths = [0, 1, 10, 100].map(requests => widthOf(requests, 100));
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect([widths[0], widths.at(-1), widthOf(0, 0)]).toEqual([1, 14, 1]);
    expect(widths[1]).toBeGreaterThan(2);
  });
  test.each([[0, 5, "0"], [1, 5, "0.2"], [1, 50, "< 0.1"], [21, 5, "4.2"], [600, 5, "120"]])("%i in %i minutes: %s a minute", (requests, minutes, said) => expect(rateText(requests, minutes)).toBe(said));
});

describe("then and now", () => {
  const at = (...providers: World["providers"]) => pictureOf(world({ providers, flows: [], used: null }), true);
  test("says what is in another state, what is no more, and what was not there", () => {
    const { changed, added } = differences(at(provider("prv_1"), provider("prv_2"), provider("prv_4")), at(provider("prv_1", "over_quota"), provider("prv_2"), provider("prv_5")));
    expect([...changed]).toEqual([["provider:prv_1", "now over quota"], ["provider:prv_4", "now not there"]]);
    expect(added.map(node => node.id)).toEqual(["provider:prv_5"]);
  });
});
