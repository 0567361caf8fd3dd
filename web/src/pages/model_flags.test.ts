import { expect, test } from "vitest";
import type { Model, Price, Provider } from "../api/contract";
import { bodyOf } from "./price_editor";
import { changesOf, flagsOf, namedOf } from "./model_flags";
import { offersOf, ownOf, shippedOf } from "./price_words";

const model = (id: string, provider: string, surfaced = true) => ({ id, provider: { id: provider, name: provider, slug: provider }, surfaced, default: false, context_tokens: null, created_at_ms: null }) as Model;
const provider = (id: string, fields: Partial<Provider> = {}) => ({ id, name: id, type: "openai", tier: "cloud", paused: false, default_model: null, models: [], models_at_ms: 1, ...fields }) as unknown as Provider;
const price = (fields: Partial<Price>) => ({ id: null, provider: null, type: "openai", origin: "shipped", input_microusd_per_mtok: 1, output_microusd_per_mtok: 2, ...fields }) as Price;

test("one's own price for the provider goes before one's own for all, and both before the table; a dated name goes by the undated", () => {
  const here = price({ id: "a", origin: "override", model: "m", provider: { id: "p", name: "p" } as Price["provider"] }), all = price({ id: "b", origin: "override", model: "m" }), shipped = price({ model: "m" });
  expect([ownOf([all, here, shipped], "p", "m"), ownOf([all, here], "q", "m"), ownOf([here], "q", "m")]).toEqual([here, all, null]);
  expect([shippedOf([shipped], "openai", "m-2026-01-31"), shippedOf([shipped], "openai", "m-20260131"), shippedOf([shipped], "anthropic", "m"), shippedOf([shipped], "openai", "m-1")]).toEqual([shipped, shipped, null, null]);
});

test("flags", () => {
  const providers = [provider("p"), provider("q"), provider("g", { tier: "gpu", type: "gpu" } as Partial<Provider>)], prices = [price({ model: "m" })];
  const flags = (models: Model[], ever = 1) => flagsOf(offersOf(models, providers, prices), ever);
  expect(flags([model("m", "p"), model("m", "q")])).toEqual([]);
  expect(flags([model("m", "p")])).toEqual(["single point of failure"]);
  expect(flags([model("m", "p"), model("m", "q", false)])).toEqual(["single point of failure"]);
  expect(flags([model("x", "p"), model("x", "q")], 0)).toEqual(["unpriced", "never used"]);
  expect(flags([model("x", "g")])).toEqual(["single point of failure"]); /* local: nothing is paid by the token */
});

test("a default model that its provider has no more is listed as retired", () => {
  expect(namedOf([], [provider("p", { default_model: "old" })], [], [])).toMatchObject([{ id: "old", flags: ["retired upstream: p"] }]);
  expect(namedOf([], [provider("p", { default_model: "old", models_at_ms: null })], [], [])).toEqual([]); /* it has not told yet */
});

test("a change of many models is one list for each provider, and leaves the others as they are", () => {
  const models = [model("a", "p"), model("b", "p"), model("c", "p", false), model("a", "q", false), model("d", "q")];
  expect(changesOf(new Set(["a"]), models, false)).toEqual([{ provider: "p", surfaced_models: ["b"] }]);
  expect(changesOf(new Set(["a", "c"]), models, true)).toEqual([{ provider: "p", surfaced_models: ["a", "b", "c"] }, { provider: "q", surfaced_models: ["a", "d"] }]);
});

test("what was typed is sent whole, an empty field as unknown, and a wrong one is named", () => {
  const typed = { input_microusd_per_mtok: "1.25", output_microusd_per_mtok: "", cached_input_microusd_per_mtok: "0", cache_write_microusd_per_mtok: "", cache_write_1h_microusd_per_mtok: "",
    long_context_input_microusd_per_mtok: "", long_context_output_microusd_per_mtok: "", long_context_cached_input_microusd_per_mtok: "", long_context_cache_write_microusd_per_mtok: "", long_context_threshold_tokens: "200000", note: " " };
  expect(bodyOf(typed)).toMatchObject({ body: { input_microusd_per_mtok: 1_250_000, output_microusd_per_mtok: null, cached_input_microusd_per_mtok: 0, long_context_threshold_tokens: 200_000, note: null } });
  expect(bodyOf({ ...typed, input_microusd_per_mtok: "1e3" })).toEqual({ wrong: "input_microusd_per_mtok" });
  expect(bodyOf({ ...typed, long_context_threshold_tokens: "1.5" })).toEqual({ wrong: "long_context_threshold_tokens" });
});
