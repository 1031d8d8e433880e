/** Curves as SVG. */

import { expect, test } from 'vitest';

import { curveSvg } from './curve.ts';

const points = (...values: number[]) => values.map((value, i) => ({ step: i + 1, value }));

function pointsOf(svg: string): number[][] {
  const [, found = ''] = /<polyline points="([^"]*)"/.exec(svg) ?? [];
  return found.split(' ').map((point) => point.split(',').map(Number));
}

test('a point a step: left to right, a lower value lower, inside the picture', () => {
  expect(pointsOf(curveSvg('run', points(2, 1, 1.5)))).toEqual([
    [44, 44], // the highest at the top
    [320, 276], // the lowest at the bottom
    [596, 160],
  ]);
});

test('names the title, the range and the steps', () => {
  const svg = curveSvg('run', points(2, 1, 1.5));
  for (const label of ['>run<', '>2<', '>1<', '>step 1<', '>step 3<']) expect(svg).toContain(label);
  expect(curveSvg('lr', points(5e-5))).toContain('>5.0e-5<');
});

test('dots stand in the same scale', () => {
  expect(curveSvg('run', points(2, 1, 1.5), [{ step: 2, value: 1.5 }])).toContain('<circle cx="320.0" cy="160.0"');
});

test.each([[[1]], [[1, 1, 1]]])('%o has no point that is not a number', (values) => {
  expect(
    pointsOf(curveSvg('run', points(...values)))
      .flat()
      .every(Number.isFinite),
  ).toBe(true);
});

test('a title cannot break the file', () => {
  expect(curveSvg('a < b & c', points(1, 2))).toContain('>a &lt; b &amp; c<');
});
