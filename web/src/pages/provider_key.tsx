// The provider's own key: never shown, replaced at once for new requests.
import { Button, Group, PasswordInput, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState } from "react";
import type { Provider } from "../api/contract";
import { ProblemNote } from "../parts/problem";
import { Section } from "../parts/section";
import { useChange } from "./provider";

export function KeySection({ provider }: { provider: Provider }) {
  const [key, setKey] = useState("");
  const change = useChange(provider);
  const save = () => change.mutate({ api_key: key.trim() }, {
    onSuccess: now => {
      setKey("");
      notifications.show({ color: now.status === "error" ? "red" : "green", message: now.error ?? "The new key works; requests use it from now on." });
    },
  });
  return (
    <Section title="API key">
      <Text size="sm" mb="xs">{provider.key_hint ? <>Now: <span className="mono">{provider.key_hint}</span></> : "It has none."}</Text>
      <form onSubmit={event => { event.preventDefault(); save(); }}>
        <Group align="flex-end">
          <PasswordInput label="New key" required autoComplete="off" w={360} value={key} onChange={event => setKey(event.currentTarget.value)} />
          <Button type="submit" variant="default" loading={change.isPending}>Update the key</Button>
        </Group>
      </form>
      <ProblemNote error={change.error} />
    </Section>
  );
}
