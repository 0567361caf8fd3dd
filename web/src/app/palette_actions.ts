// What the palette can do beside going to pages: providers by name, a pause of one, a job by its id. What it needs is asked for
// when it is first opened.
import { notifications } from "@mantine/notifications";
import type { SpotlightActionData, SpotlightActionGroupData } from "@mantine/spotlight";
import { ask } from "../api/client";
import type { Provider } from "../api/contract";
import { refresh } from "./queries";

const JOB = /^job_[0-9a-z]+$/;

/** The text, if it is the id of a job. */
export const jobIn = (text: string): string | null => (JOB.test(text.trim()) ? text.trim() : null);

async function pause(provider: Provider) {
  const paused = !provider.paused;
  try {
    await ask("providers_update", { at: { id: provider.id }, body: { paused } });
    notifications.show({ message: `${provider.name} ${paused ? "is paused" : "may answer again"}.` });
  } catch (error) {
    notifications.show({ color: "red", title: `${provider.name} stays as it was`, message: (error as Error).message });
  }
  await refresh("providers_list", "providers_read", "routing_explain", "health_summary");
}

export function providerActions(providers: Provider[], mayChange: boolean, go: (to: string) => void): SpotlightActionGroupData[] {
  const goes = providers.map((provider): SpotlightActionData => ({
    id: provider.id, label: provider.name, description: provider.status.replace(/_/g, " "), onClick: () => go(`/settings/providers/${provider.id}`),
  }));
  const pauses = providers.map((provider): SpotlightActionData => {
    const word = provider.paused ? "Resume" : "Pause";
    return { id: `pause ${provider.id}`, label: `${word} ${provider.name}`, onClick: () => void pause(provider) };
  });
  return [{ group: "Providers", actions: goes }, ...(mayChange ? [{ group: "Actions", actions: pauses }] : [])];
}
