/** One line of a plot: its name, and its points in data units. */
export interface Series {
  name: string;
  points: [x: number, y: number][];
}

const WIDTH = 640;
const HEIGHT = 320;
const LEFT = 64;
const RIGHT = 32;
const TOP = 40;
const BOTTOM = 44;
const COLOURS = ['#5b21b6', '#0f766e', '#b45309'];

/** The powers of ten from the smallest to the largest value. */
function decades(values: number[]): { low: number; high: number } {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const low = Math.floor(Math.min(...logs));
  return { low, high: Math.max(low + 1, Math.ceil(Math.max(...logs))) };
}

/** A plot with two logarithmic axes, where proportional growth is a straight line; as SVG. */
export function logPlot(title: string, axes: { x: string; y: string }, series: Series[]): string {
  const all = series.flatMap(({ points }) => points);
  const [x, y] = [decades(all.map(([value]) => value)), decades(all.map(([, value]) => value))];
  const place = (value: number, { low, high }: { low: number; high: number }) =>
    (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
  const atX = (value: number) => LEFT + place(value, x) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number) => HEIGHT - BOTTOM - place(value, y) * (HEIGHT - TOP - BOTTOM);
  const ticks = ({ low, high }: { low: number; high: number }) =>
    Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i));
  const label = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 3 });
  const grid = [
    ...ticks(x).map(
      (v) =>
        `<path d="M${atX(v)} ${TOP}V${HEIGHT - BOTTOM}"/><text x="${atX(v)}" y="${HEIGHT - BOTTOM + 16}" text-anchor="middle">${label(v)}</text>`,
    ),
    ...ticks(y).map(
      (v) =>
        `<path d="M${LEFT} ${atY(v)}H${WIDTH - RIGHT}"/><text x="${LEFT - 6}" y="${atY(v) + 4}" text-anchor="end">${label(v)}</text>`,
    ),
  ];
  const lines = series.map(({ name, points }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    const dots = points.map(([px, py]) => `<circle cx="${atX(px)}" cy="${atY(py)}" r="3"/>`).join('');
    const path = points.map(([px, py]) => `${atX(px)},${atY(py)}`).join(' ');
    const legend = `<text x="${LEFT + 8}" y="${TOP + 14 + 14 * index}" stroke="none">${name}</text>`;
    return `<g stroke="${colour}" fill="${colour}"><polyline points="${path}" fill="none"/>${dots}${legend}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui" font-size="11">
<title>${title}</title>
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
<text x="${LEFT}" y="20" font-size="14">${title}</text>
<g stroke="#ddd" fill="#555">${grid.join('').replaceAll('<text', '<text stroke="none"')}</g>
<text x="${(WIDTH + LEFT) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${axes.x}</text>
<text transform="translate(12 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${axes.y}</text>
${lines.join('\n')}
</svg>
`;
}
