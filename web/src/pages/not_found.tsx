import { Anchor, Text } from "@mantine/core";
import { Page } from "../parts/page";

export function NotFoundPage() {
  return <Page title="Nothing here"><Text>No page has this address. <Anchor href="/">To the start</Anchor></Text></Page>;
}
