// The map as a picture: nodes are links, the edges behind them are drawn by hand.
import { Box, Paper, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Status } from "../parts/status";
import { columns, NODE_HEIGHT, NODE_WIDTH, pathOf, placesOf, rateText, ROW, widthOf, WIDTH, type MapEdge, type MapNode, type Picture, type Place } from "./map_picture";
import classes from "./map.module.css";

const percent = (x: number) => `${(x / WIDTH) * 100}%`;
const HEAD = 28;

function Node({ node, place, minutes, note }: { node: MapNode; place: Place; minutes: number; note?: string }) {
  return (
    <Link to={node.to as never} search={(node.search ?? {}) as never} className={classes.node} data-node={node.id} data-different={note ? true : undefined} title={[node.name, node.why?.replace(/_/g, " "), note].filter(Boolean).join(": ")}
      style={{ left: percent(place.x), top: place.y - NODE_HEIGHT / 2 + HEAD, width: percent(NODE_WIDTH), height: NODE_HEIGHT }}>
      <Text component="span" size="sm" fw={600} truncate display="block">{node.name}</Text>
      <span className={classes.facts}>
        {node.state && <Status state={node.state} />}
        {note ? <Text component="span" size="xs" fw={600}>{note}</Text> : <Text component="span" size="xs">{rateText(node.requests, minutes)}/min</Text>}
      </span>
    </Link>
  );
}

function Edge({ edge, path, busiest, name }: { edge: MapEdge; path: string; busiest: number; name: string }) {
  const isFailing = edge.movedOn > 0;
  return (
    <path d={path} data-edge={edge.id} data-failing={isFailing} className={edge.requests === 0 ? classes.idle : isFailing ? classes.failing : classes.flow}
      strokeWidth={widthOf(edge.requests, busiest)} strokeDasharray={isFailing ? "9 7" : undefined} vectorEffect="non-scaling-stroke" fill="none">
      <title>{name}</title>
    </path>
  );
}

export function Drawing({ picture, minutes, notes, label }: { picture: Picture; minutes: number; notes: Map<string, string>; label: string }) {
  const { places, height } = placesOf(picture.nodes);
  const busiest = Math.max(0, ...picture.edges.map(edge => edge.requests));
  const nameOf = new Map(picture.nodes.map(node => [node.id, node.name]));
  return (
    <Paper withBorder p="sm">
      <div style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label={label}>
        <Box pos="relative" miw={920} style={{ height: Math.max(height, 2 * ROW) + HEAD }}>
          <svg aria-hidden className={classes.edges} viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" style={{ top: HEAD, height }}>
            {picture.edges.map(edge => (
              <Edge key={edge.id} edge={edge} busiest={busiest} path={pathOf(places.get(edge.from)!, places.get(edge.to)!)}
                name={`${nameOf.get(edge.from)} → ${nameOf.get(edge.to)}: ${rateText(edge.requests, minutes)} a minute${edge.movedOn ? `, ${edge.movedOn} went on elsewhere` : ""}`} />
            ))}
          </svg>
          {columns.map((column, at) => {
            const nodes = picture.nodes.filter(node => node.column === at);
            if (nodes.length === 0) return null;
            return (
              <div key={column} role="group" aria-label={column}>
                <Text size="xs" c="dimmed" pos="absolute" top={0} style={{ left: percent((at * (WIDTH - NODE_WIDTH)) / (columns.length - 1)) }}>{column}</Text>
                {nodes.map(node => <Node key={node.id} node={node} place={places.get(node.id)!} minutes={minutes} note={notes.get(node.id)} />)}
              </div>
            );
          })}
        </Box>
      </div>
    </Paper>
  );
}
