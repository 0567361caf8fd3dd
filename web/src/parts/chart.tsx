// Stacked bars over time, by uPlot: the only place that knows it. A canvas says nothing to who cannot see it, so whoever draws
// one gives the same figures as words and as a table, and a way to each by keyboard.
import "./chart.css";
import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

export interface Bars {
  times: number[]; /* where they begin, milliseconds */
  unit: number; /* how long each is */
  layers: { colour: string; values: number[] }[]; /* from the axis up */
  /** Hatched: how much of the top of the bar; "cap": an addition whose height says nothing. */
  hatched: (number | "cap")[];
  marks: number[]; /* times with a line */
}

interface Given {
  bars: Bars;
  label: string;
  tick: (at: number) => string;
  value: (value: number) => string;
  onPoint: (at: number | null) => void;
  onPick: (at: number) => void;
}

const HEIGHT = 220, CAP = 9, inks = { light: { text: "#495057", grid: "#e9ecef", mark: "#a51111" }, dark: { text: "#c9c9c9", grid: "#424242", mark: "#ff8787" } };

function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern {
  const tile = new OffscreenCanvas(8, 8), pen = tile.getContext("2d")!;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  for (const from of [-8, 0, 8]) { pen.moveTo(from, 8); pen.lineTo(from + 8, 0); }
  pen.stroke();
  return context.createPattern(tile, "repeat")!;
}

/** Layers as sums of what is below them, the tallest first, so that each hides the lower part of the one before. */
function columns({ times, unit, layers }: Bars): uPlot.AlignedData {
  const below = times.map(() => 0);
  const sums = layers.map(layer => layer.values.map((value, at) => (below[at]! += value)));
  return [times.map(time => time + unit / 2), ...sums.reverse()];
}

function drawOver(plot: uPlot, { times, unit, layers, hatched, marks }: Bars, ink: (typeof inks)["light"]) {
  const { ctx, bbox } = plot, x = (at: number) => plot.valToPos(at, "x", true), y = (value: number) => plot.valToPos(value, "y", true);
  const inset = (x(times[0]! + unit) - x(times[0]!)) * 0.1;
  ctx.save();
  ctx.fillStyle = hatch(ctx, ink.text);
  ctx.strokeStyle = ink.text;
  hatched.forEach((part, at) => {
    if (!part) return;
    const top = layers.reduce((sum, layer) => sum + layer.values[at]!, 0), left = x(times[at]!) + inset, width = x(times[at]! + unit) - inset - left;
    const from = part === "cap" ? y(top) - CAP * devicePixelRatio : y(top), height = (part === "cap" ? y(top) : y(top - part)) - from;
    ctx.fillRect(left, from, width, height);
    ctx.strokeRect(left, from, width, height);
  });
  ctx.strokeStyle = ink.mark;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4, 4]);
  for (const at of marks) { ctx.beginPath(); ctx.moveTo(x(at), bbox.top); ctx.lineTo(x(at), bbox.top + bbox.height); ctx.stroke(); }
  ctx.restore();
}

export default function Chart({ bars, label, ...given }: Given) {
  const { ref: frame, width } = useElementSize(), room = useRef<HTMLDivElement>(null), now = useRef(given);
  now.current = given;
  const ink = inks[useComputedColorScheme()];
  useEffect(() => {
    if (!room.current || width === 0 || bars.times.length === 0) return;
    const axis = { stroke: ink.text, grid: { stroke: ink.grid, width: 1 }, ticks: { stroke: ink.grid }, font: "12px system-ui" };
    const plot = new uPlot({
      width, height: HEIGHT, ms: 1, tzDate: at => uPlot.tzDate(new Date(at), "Etc/UTC"), legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: { x: { range: () => [bars.times[0]!, bars.times.at(-1)! + bars.unit] }, y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.12] } },
      axes: [
        { ...axis, space: 90, values: (_, at) => at.map(each => now.current.tick(each)) },
        { ...axis, size: 70, values: (_, at) => at.map(each => (each === Math.floor(each) ? now.current.value(each) : "")) },
      ],
      series: [{}, ...[...bars.layers].reverse().map(layer => ({ fill: layer.colour, width: 0, points: { show: false }, paths: uPlot.paths.bars!({ size: [0.8, 60] }) }))],
      hooks: { draw: [each => drawOver(each, bars, ink)], setCursor: [each => now.current.onPoint(each.cursor.idx ?? null)] },
    }, columns(bars), room.current);
    plot.over.addEventListener("click", () => { if (plot.cursor.idx != null) now.current.onPick(plot.cursor.idx); });
    return () => plot.destroy();
  }, [bars, width, ink]);
  return <div ref={frame} className="chart" role="img" aria-label={label}><div ref={room} /></div>;
}
