// What the types of providers are called, and what each wants.
import type { ProviderType } from "../api/contract";

export const typeNames: Record<ProviderType, string> = { openai: "OpenAI", anthropic: "Anthropic", gpu: "GPU workers", cli: "CLI workers" };

export interface Choice {
  value: string;
  type: ProviderType;
  label: string;
  about: string;
  key: "needed" | "optional" | "none";
  url: "needed" | "none";
}

export const choices: Choice[] = [
  { value: "openai", type: "openai", label: "OpenAI", about: "With an API key of platform.openai.com.", key: "needed", url: "none" },
  { value: "anthropic", type: "anthropic", label: "Anthropic", about: "With an API key of console.anthropic.com.", key: "needed", url: "none" },
  { value: "compatible", type: "openai", label: "OpenAI-compatible URL", about: "vLLM, Ollama, a gateway: anything with /v1/chat/completions.", key: "optional", url: "needed" },
  { value: "gpu", type: "gpu", label: "GPU worker", about: "A machine of yours with llama.cpp; it dials in, no port to open.", key: "none", url: "none" },
  { value: "cli", type: "cli", label: "CLI worker", about: "Claude Code, Codex or Cursor, headless, on a machine where it is signed in.", key: "none", url: "none" },
];

/** Whose key this looks like; null: no saying. */
export function brandOf(key: string): ProviderType | null {
  if (key.startsWith("sk-ant-")) return "anthropic";
  return /^sk-(proj|svcacct|admin)?-?/.test(key) ? "openai" : null;
}
