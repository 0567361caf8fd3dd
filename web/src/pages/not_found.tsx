// An address that no page has.
import { Anchor, Text } from "@mantine/core";
import { Outside } from "../parts/outside";

export function NotFoundPage() {
  return <Outside title="Nothing here"><Text>No page has this address. <Anchor href="/">To the start</Anchor></Text></Outside>;
}
