// Routing: what goes where at this moment and went at others, who answers a model now and why, and what would happen if something
// broke or were changed.
import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Page } from "../parts/page";
import { Cascade } from "./cascade";
import { LiveMap } from "./map";
import { Rehearse } from "./rehearse";

const tabs = ["map", "now", "rehearse"];

export function RoutingPage() {
  const navigate = useNavigate();
  const { tab } = useSearch({ strict: false }) as { tab?: string };
  return (
    <Page title="Routing" wide>
      <Tabs value={tabs.find(each => each === tab) ?? "map"} keepMounted={false} onChange={next => void navigate({ to: "/routing" as never, search: (next === "map" ? {} : { tab: next }) as never })}>
        <Tabs.List mb="md"><Tabs.Tab value="map">Live map</Tabs.Tab><Tabs.Tab value="now">Who answers now</Tabs.Tab><Tabs.Tab value="rehearse">Rehearse a failure</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="map"><LiveMap /></Tabs.Panel>
        <Tabs.Panel value="now"><Cascade /></Tabs.Panel>
        <Tabs.Panel value="rehearse"><Rehearse /></Tabs.Panel>
      </Tabs>
    </Page>
  );
}
