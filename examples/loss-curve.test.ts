import { describe, expect, test } from 'vitest';

import { lossCurveSvg } from './loss-curve.ts';

function pointsOf(svg: string): number[][] {
  const [, points = ''] = /<polyline points="([^"]*)"/.exec(svg) ?? [];
  return points.split(' ').map((point) => point.split(',').map(Number));
}

describe('lossCurveSvg', () => {
  test('draws one point a step: left to right, a lower loss lower, inside the picture', () => {
    const points = pointsOf(lossCurveSvg('run', [2, 1, 1.5]));
    expect(points).toEqual([
      [44, 44], // the highest loss at the top
      [320, 276], // the lowest at the bottom
      [596, 160],
    ]);
  });

  test('names the title, the range of the loss and the steps', () => {
    const svg = lossCurveSvg('run', [2, 1, 1.5]);
    for (const label of ['>run<', '>2.000<', '>1.000<', '>step 1<', '>step 3<']) expect(svg).toContain(label);
  });

  test.each([[[1]], [[1, 1, 1]]])('%o has no point that is not a number', (losses) => {
    expect(pointsOf(lossCurveSvg('run', losses)).flat().every(Number.isFinite)).toBe(true);
  });

  test('a title cannot break the file', () => {
    expect(lossCurveSvg('a < b & c', [1, 2])).toContain('>a &lt; b &amp; c<');
  });
});
