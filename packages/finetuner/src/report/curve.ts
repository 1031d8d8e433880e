/** A curve as SVG, for where no page with scripts is wanted. */

import { OptionError } from '@uniem/core';
import { type Kind, requireKind, requireList, TEXT } from '@uniem/core/arguments';
import { escaped } from './html.ts';

const WIDTH = 640;
const HEIGHT = 320;
const MARGIN = 44;

export interface Point {
  step: number;
  value: number;
}

const POINT: Kind = {
  name: 'a point { step, value }',
  is: (value) =>
    [(value as Point | null)?.step, (value as Point | null)?.value].every((one) => typeof one === 'number'),
};

/**
 * A line through points, and others as dots beside it.
 *
 * @param points At least one, by ascending step.
 * @param dots Of the same measure, as the validation loss beside the loss.
 */
export function curveSvg(title: string, points: readonly Point[], dots: readonly Point[] = []): string {
  requireKind(title, TEXT, 'title');
  requireList(points, POINT, 'points');
  requireList(dots, POINT, 'dots');
  if (points.length === 0) throw new OptionError('has no point', 'points', 'give at least one');
  const values = [...points, ...dots].map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [points[0]?.step ?? 0, points.at(-1)?.step ?? 0];
  const x = ({ step }: Point) => (MARGIN + ((WIDTH - 2 * MARGIN) * (step - first)) / (last - first || 1)).toFixed(1);
  const top = (value: number) => HEIGHT - MARGIN - ((HEIGHT - 2 * MARGIN) * (value - low)) / (high - low || 1);
  const y = ({ value }: Point) => top(value).toFixed(1);
  const label = (text: string, left: number, at: number, anchor = 'start') =>
    `<text x="${left}" y="${at}" text-anchor="${anchor}">${escaped(text)}</text>`;
  const circles = dots.map((dot) => `<circle cx="${x(dot)}" cy="${y(dot)}" r="4" fill="#d1480f"/>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>
${label(title, MARGIN, 24)}
${label(shown(high), MARGIN - 4, top(high) + 4, 'end')}
${label(shown(low), MARGIN - 4, top(low) + 4, 'end')}
${label(`step ${first}`, MARGIN, HEIGHT - 18)}
${label(`step ${last}`, WIDTH - MARGIN, HEIGHT - 18, 'end')}
<path d="M${MARGIN} ${MARGIN}V${HEIGHT - MARGIN}H${WIDTH - MARGIN}" fill="none" stroke="#888"/>
<polyline points="${points.map((point) => `${x(point)},${y(point)}`).join(' ')}" fill="none" stroke="#0b6bcb" stroke-width="2"/>
${circles.join('\n')}
</svg>
`;
}

/** A number in few characters. */
const shown = (value: number) =>
  value !== 0 && Math.abs(value) < 0.01 ? value.toExponential(1) : String(Number(value.toPrecision(4)));
