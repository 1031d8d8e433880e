/** Bars as SVG: texts by their length, measures before and after. */

import type { Metrics } from '../evaluation/tasks.ts';
import { escaped } from './html.ts';

const WIDTH = 640; // of every picture, so that few bars are not drawn large

/** Upright bars, one a bin. */
export function histogramSvg(bins: readonly { below: number; count: number }[]): string {
  const most = Math.max(...bins.map(({ count }) => count));
  const bars = bins.map(({ below, count }, i) => {
    const height = (190 * count) / most;
    const left = 20 + i * 60;
    return `<rect class="bar" x="${left}" y="${(220 - height).toFixed(1)}" width="44" height="${height.toFixed(1)}"/>
<text x="${left + 22}" y="${(215 - height).toFixed(1)}" text-anchor="middle">${count}</text>
<text x="${left + 22}" y="238" text-anchor="middle">&lt; ${below}</text>`;
  });
  return svg(Math.max(WIDTH, 40 + 60 * bins.length), 250, bars);
}

const LEFT = 130;
const LENGTH = 420; // of a bar that stands for 1
const ROW = 44;

/** Two bars per measure, before above after; a measure below 0 has its figure alone. */
export function evaluationSvg(names: readonly string[], before: Metrics | undefined, after: Metrics): string {
  const rows = names.map((name, i) => {
    const top = 8 + i * ROW;
    const label = `<text x="${LEFT - 8}" y="${top + 20}" text-anchor="end">${escaped(name)}</text>`;
    return [label, bar(before?.[name], top, 'before'), bar(after[name], top + 16, 'bar')].join('\n');
  });
  return svg(WIDTH, 12 + ROW * rows.length, rows);
}

function bar(value: number | undefined, top: number, kind: string): string {
  if (value === undefined) return '';
  const width = Math.min(1, Math.max(0, value)) * LENGTH;
  return `<rect class="${kind}" x="${LEFT}" y="${top}" width="${width.toFixed(1)}" height="14"/>
<text x="${(LEFT + width + 6).toFixed(1)}" y="${top + 11}">${value.toFixed(4)}</text>`;
}

function svg(width: number, height: number, content: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
${content.join('\n')}
</svg>`;
}
