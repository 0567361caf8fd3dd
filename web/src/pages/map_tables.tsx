// The map as tables: the same facts, for whoever reads rather than looks, and for small screens.
import { Anchor, Stack } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { countText } from "../parts/numbers";
import { Moment } from "../parts/since";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { rateText, type MapEdge, type MapNode, type Picture } from "./map_picture";

const NodeLink = ({ node }: { node: MapNode | undefined }) => (node ? <Anchor component={Link} to={node.to as never} search={(node.search ?? {}) as never}>{node.name}</Anchor> : null);

export function MapTables({ picture, minutes, notes }: { picture: Picture; minutes: number; notes: Map<string, string> | null }) {
  const nodes = new Map(picture.nodes.map(node => [node.id, node]));
  const states: Column<MapNode>[] = [
    { label: "What", cell: node => <NodeLink node={node} /> },
    { label: "State", cell: node => (node.state ? <Status state={node.state} /> : "–") },
    ...(notes ? [{ label: "Now", cell: (node: MapNode) => notes.get(node.id) ?? "the same" }] : []),
    { label: "Since", cell: node => (node.since ? <Moment at={node.since} /> : "–") },
    { label: "Why", cell: node => node.why?.replace(/_/g, " ") ?? "–" },
    { label: "Requests a minute", right: true, cell: node => rateText(node.requests, minutes) },
  ];
  const flows: Column<MapEdge>[] = [
    { label: "From", cell: edge => <NodeLink node={nodes.get(edge.from)} /> },
    { label: "To", cell: edge => <NodeLink node={nodes.get(edge.to)} /> },
    { label: "Requests", right: true, cell: edge => countText(edge.requests) },
    { label: "A minute", right: true, cell: edge => rateText(edge.requests, minutes) },
    { label: "Went on elsewhere", right: true, cell: edge => countText(edge.movedOn) },
    { label: "Jobs that failed", right: true, cell: edge => countText(edge.failed) },
  ];
  return (
    <Stack gap="md">
      <Rows label="States" columns={states} rows={picture.nodes.filter(node => node.state !== null)} keyOf={node => node.id} />
      <Rows label="What went where" columns={flows} rows={picture.edges.filter(edge => edge.requests > 0)} keyOf={edge => edge.id} />
    </Stack>
  );
}
