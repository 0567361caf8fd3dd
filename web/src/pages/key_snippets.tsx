// How a key is used, filled in: what to paste for each client.
import { Code, Tabs } from "@mantine/core";

export const snippets = (origin: string, key: string): { name: string; text: string }[] => [
  { name: "curl", text: `curl ${origin}/api/openai/v1/chat/completions \\\n  -H "authorization: Bearer ${key}" \\\n  -H "content-type: application/json" \\\n  -d '{"model":"auto","messages":[{"role":"user","content":"Say hello."}]}'` },
  { name: "OpenAI SDK", text: `from openai import OpenAI\n\nclient = OpenAI(base_url="${origin}/api/openai/v1", api_key="${key}")\nanswer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "Say hello."}])\nprint(answer.choices[0].message.content)` },
  { name: "Anthropic SDK", text: `from anthropic import Anthropic\n\nclient = Anthropic(base_url="${origin}/api/anthropic", api_key="${key}")\nanswer = client.messages.create(model="auto", max_tokens=200, messages=[{"role": "user", "content": "Say hello."}])\nprint(answer.content[0].text)` },
  { name: "Claude Code", text: `export ANTHROPIC_BASE_URL=${origin}/api/anthropic\nexport ANTHROPIC_AUTH_TOKEN=${key}\nclaude` },
  { name: "Codex", text: `# ~/.codex/config.toml\nmodel = "auto"\nmodel_provider = "auxot"\n\n[model_providers.auxot]\nname = "Auxot"\nbase_url = "${origin}/api/openai/v1"\nenv_key = "AUXOT_KEY"\nwire_api = "responses"\n\n# then: AUXOT_KEY=${key} codex` },
  { name: "Cursor", text: `# Settings → Models → OpenAI API key\nKey:       ${key}\nBase URL:  ${origin}/api/openai/v1   (Override OpenAI Base URL)` },
];

/** Tabs make ids of it, and an id has no blank. */
const idOf = (name: string) => name.replace(/\W/g, "-");

export function Snippets({ secret }: { secret: string }) {
  const all = snippets(location.origin, secret);
  return (
    <Tabs defaultValue="curl" keepMounted={false}>
      <Tabs.List>{all.map(each => <Tabs.Tab key={each.name} value={idOf(each.name)}>{each.name}</Tabs.Tab>)}</Tabs.List>
      {all.map(each => <Tabs.Panel key={each.name} value={idOf(each.name)} pt="xs"><Code block tabIndex={0} aria-label={each.name}>{each.text}</Code></Tabs.Panel>)}
    </Tabs>
  );
}
