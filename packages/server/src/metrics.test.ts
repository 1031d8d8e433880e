import { expect, test } from 'vitest';

import { Counter, Histogram, Metrics } from './metrics.ts';

test("counters and histograms are in Prometheus' text format", () => {
  const counter = new Counter('requests_total');
  expect([...counter.lines()]).toEqual(['requests_total 0']);
  counter.add(2, { route: '/a"b\\c\nd', status: 200 });
  counter.add(1, { route: '/a"b\\c\nd', status: 200 });
  expect([...counter.lines()]).toEqual(['requests_total{route="/a\\"b\\\\c\\nd",status="200"} 3']);
  const histogram = new Histogram('seconds', [0.1, 1]);
  for (const value of [0.1, 0.5, 7]) histogram.observe(value, { route: '/' });
  expect([...histogram.lines()]).toEqual([
    'seconds_bucket{route="/",le="0.1"} 1',
    'seconds_bucket{route="/",le="1"} 2',
    'seconds_bucket{route="/",le="+Inf"} 3',
    'seconds_sum{route="/"} 7.6',
    'seconds_count{route="/"} 3',
  ]);
});

test('each metric has its help and type once, and ends in a line feed', () => {
  const metrics = new Metrics();
  metrics.gauge('queue', 'What waits.', () => 5);
  const text = metrics.text();
  expect(text).toMatch(/# HELP queue What waits\.\n# TYPE queue gauge\nqueue 5\n$/);
  const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  expect(new Set(names).size).toBe(names.length);
});
