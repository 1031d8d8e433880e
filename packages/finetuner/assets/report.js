/** Draws the curves of report.html by uPlot, which stands before it in the page. Runs in a browser. */

/* global uPlot */

const { steps, curves } = JSON.parse(document.getElementById('run').textContent);
const HEIGHT = 280;

/** A colour of the style sheet, in the page's light or dark scheme. */
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const shown = (value) => {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-3 || size >= 1e6)
    ? Number(value.toPrecision(4)).toExponential()
    : String(Number(value.toPrecision(5)));
};

/** Exponential moving average, corrected for its start as Adam's moments are; gaps stay gaps. */
function smoothed(values, decay) {
  let mean = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = decay * mean + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return mean / weight;
  });
}

/** Decay of the moving average: about a twentieth of the run. */
const decayFor = (count) => 1 - 1 / Math.max(2, Math.min(100, count / 20));

function seriesOf({ values, dots }) {
  const series = [];
  const data = [];
  const known = values.filter((value) => value !== null).length;
  if (dots && known > 20) {
    series.push({ label: 'raw', stroke: color('faint'), width: 1, points: { show: false } });
    data.push(values);
    series.push({ label: 'smoothed', stroke: color('accent'), width: 2, points: { show: false } });
    data.push(smoothed(values, decayFor(known)));
  } else {
    series.push({ label: 'value', stroke: color('accent'), width: 2, points: { show: known <= 20 } });
    data.push(values);
  }
  if (dots?.some((value) => value !== null)) {
    const points = { show: true, size: 8, fill: color('second') };
    series.push({ label: 'validation', stroke: color('second'), width: 1, points });
    data.push(dots);
  }
  return { series, data };
}

function draw(target, curve, logarithmic) {
  const { series, data } = seriesOf(curve);
  const axis = { stroke: color('muted'), grid: { stroke: color('line'), width: 1 }, ticks: { stroke: color('line') } };
  const isPositive = data.every((values) => values.every((value) => value === null || value > 0));
  target.replaceChildren();
  const options = {
    width: target.clientWidth,
    height: HEIGHT,
    scales: { x: { time: false }, y: logarithmic && isPositive ? { distr: 3 } : {} },
    axes: [
      { ...axis, label: 'step', labelSize: 20 },
      { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : shown(tick))) },
    ],
    series: [
      { label: 'step', value: (_, value) => (value === null ? '–' : String(value)) },
      ...series.map((line) => ({ spanGaps: true, value: (_, value) => shown(value), ...line })),
    ],
  };
  return new uPlot(options, [steps, ...data], target);
}

for (const [name, curve] of Object.entries(curves)) {
  const target = document.getElementById(`curve-${name}`);
  const checkbox = document.getElementById(`log-${name}`);
  const redraw = () => draw(target, curve, checkbox?.checked);
  let plot = redraw();
  const again = () => {
    plot.destroy();
    plot = redraw();
  };
  checkbox?.addEventListener('change', again);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
  addEventListener('resize', () => plot.setSize({ width: target.clientWidth, height: HEIGHT }));
}
