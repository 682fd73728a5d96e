/** A small plot of the last hour. Whoever does not see it has its label, and the figures beside it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { html } from './html.js';
import { count, duration } from './words.js';

export interface Line {
  name: string;
  /** A custom property of the style sheet. */
  colour: string;
  values: Array<number | null>;
  fill?: boolean;
  dashed?: boolean;
}

export interface PlotProps {
  title: string;
  /** What it shows, in words. */
  label: string;
  /** Seconds since 1970, one for each value. */
  at: number[];
  lines: Line[];
  /** The values are seconds, from milliseconds to a deadline: their axis is logarithmic. */
  seconds?: boolean;
}

const HEIGHT = 120;
const DARK = matchMedia('(prefers-color-scheme: dark)');
const HOUR = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });

export function Plot({ title, label, at, lines, seconds = false }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const [pointed, setPointed] = useState<number | null>(null);
  const data = useRef<uPlot.AlignedData>([]);
  data.current = [at, ...lines.map(({ values }) => values)];
  const names = lines.map(({ name }) => name).join();

  // Made once for these lines; colours are read again when the scheme changes.
  useEffect(() => {
    const place = box.current;
    if (!place) return undefined;
    const make = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(place, lines, seconds, setPointed), data.current, place);
    };
    const fit = new ResizeObserver(() => plot.current?.setSize({ width: place.clientWidth, height: HEIGHT }));
    make();
    fit.observe(place);
    DARK.addEventListener('change', make);
    return () => {
      DARK.removeEventListener('change', make);
      fit.disconnect();
      plot.current?.destroy();
    };
  }, [names, seconds]);
  useEffect(() => plot.current?.setData(data.current), [at, lines]);

  const say = seconds ? duration : count;
  const figure = (line: Line) => {
    const value = pointed === null ? undefined : line.values[pointed];
    return typeof value === 'number' ? ` ${say(value)}` : '';
  };
  const minute = pointed === null ? undefined : at[pointed];
  return html`<figure class="plot">
    <figcaption>
      ${title}${minute !== undefined && `, ${HOUR.format(minute * 1_000)}`}
      <span class="key" aria-hidden="true">
        ${lines.map((line) => html`<span class="key-${line.colour.slice(2)}">${line.name}${figure(line)}</span>`)}
      </span>
    </figcaption>
    <div class="canvas" role="img" aria-label=${label} ref=${box}></div>
  </figure>`;
}

function options(
  place: HTMLElement,
  lines: Line[],
  seconds: boolean,
  point: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    // The last time of the axis may stand at the edge: half of it needs room.
    padding: [8, 16, 0, 0],
    scales: { x: { time: true }, y: seconds ? { distr: 3, range: decades } : { range: fromNothing } },
    axes: [
      {
        ...axis,
        size: 22,
        space: 60,
        values: (_plot, ticks) => ticks.map((tick) => HOUR.format(tick * 1_000)),
      },
      seconds
        ? {
            ...axis,
            size: 52,
            space: 24,
            filter: decadesOnly,
            grid: { ...axis.grid, filter: decadesOnly },
            values: (_plot, ticks) => ticks.map(decadeWords),
          }
        : { ...axis, size: 36, space: 28, incrs: WHOLE, values: (_plot, ticks) => ticks.map(count) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: colour(line.colour),
        width: line.fill ? 1.5 : 2,
        ...(line.fill && { fill: colour(`${line.colour}-fill`) }),
        ...(line.dashed && { dash: [5, 4] }),
        points: { show: !line.dashed && isSparse(line.values), size: 4, fill: colour(line.colour) },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => point(cursor.idx ?? null)] },
  };
}

/** A value without neighbours makes no line, so it gets a point. */
function isSparse(values: Line['values']): boolean {
  return values.some((value, at) => value !== null && values[at - 1] == null && values[at + 1] == null);
}

const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];

const fromNothing = (_plot: uPlot, _min: number, max: number): [number, number] => [
  0,
  Math.max(max * 1.1, 4),
];

/** Whole powers of ten, from a millisecond or less to more than the deadline. */
const decades = (_plot: uPlot, min: number, max: number): [number, number] => [
  10 ** Math.floor(Math.log10(Math.min(min || 0.001, 0.001))),
  10 ** Math.ceil(Math.log10((max || 1) * 1.5)),
];

const isDecade = (value: number) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;

/** Between the powers of ten a small plot has no room for lines or words. */
const decadesOnly = (_plot: uPlot, ticks: number[]) => ticks.map((tick) => (isDecade(tick) ? tick : null));

const decadeWords = (value: number | null): string => (value === null ? '' : duration(value));
