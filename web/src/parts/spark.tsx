// A row's course in little: bars without axes. What they say is in the figures beside them.
const WIDTH = 96, HEIGHT = 20;

export function Spark({ values, width = WIDTH, height = HEIGHT, most = Math.max(...values, 0) }: { values: number[]; width?: number; height?: number; most?: number }) {
  const step = width / Math.max(values.length, 1), gap = step > 4 ? 1 : 0;
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden focusable="false">
      <line x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} stroke="var(--mantine-color-default-border)" />
      {most > 0 && values.map((value, at) => value > 0 && (
        <rect key={at} x={at * step} width={Math.max(step - gap, 0.5)} y={height - Math.max(1.5, (value / most) * height)} height={Math.max(1.5, (value / most) * height)} fill="var(--mantine-primary-color-filled)" />
      ))}
    </svg>
  );
}
