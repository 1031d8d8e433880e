/** report.html of a run: one file with everything in it, to be opened in any browser. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Evaluation } from '../evaluation/validation-task.ts';
import { evaluationSvg, histogramSvg } from './bars.ts';
import { type Curves, runCurves } from './curves.ts';
import { escaped } from './html.ts';
import { type EpochMetrics, readMetrics } from './metrics.ts';

export interface Report {
  /** The run's metrics.jsonl. */
  metricsFile: string;
  /** Loss of each step of a short run, from the first; shorter than the run where it was longer. */
  losses: readonly number[];
  /** The step after which each epoch ended. */
  epochSteps: readonly number[];
  summary: readonly (readonly [name: string, value: string | number])[];
  options: Readonly<Record<string, unknown>>;
  /** Texts by their number of tokens: how many have fewer than 8, 16, 32, … */
  lengths: readonly { below: number; count: number }[];
  evaluation: Evaluation | undefined;
}

const ASSETS = fileURLToPath(new URL('../../assets/', import.meta.url));
const require = createRequire(import.meta.url);
const UPLOT = dirname(require.resolve('uplot'));

const TITLES: Record<keyof Curves['curves'], string> = {
  loss: 'Loss',
  lr: 'Learning rate',
  recordsPerSecond: 'Records per second',
  gradNorm: 'Gradient norm',
};

/** The text of report.html. */
export function reportHtml({ metricsFile, losses, epochSteps, summary, options, lengths, evaluation }: Report): string {
  const metrics = readMetrics(metricsFile);
  const curves = runCurves(metrics, losses, epochSteps);
  const epochs = metrics.filter((line): line is EpochMetrics => 'trainLoss' in line);
  const sections = [
    ...(evaluation ? evaluationSections(evaluation) : []),
    ...(Object.keys(curves.curves) as (keyof Curves['curves'])[]).map(curveSection),
    ...(lengths.length > 0 ? [section('Tokens per text', histogramSvg(lengths))] : []),
    section('Run', table(summary)),
    section('Epochs', table(epochs.map(epochRow))),
    section('Options', table(Object.entries(options).map(([name, value]) => [name, JSON.stringify(value) ?? '']))),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>uniem: training run</title>
<style>${asset(UPLOT, 'uPlot.min.css')}${asset(ASSETS, 'report.css')}</style>
<h1>Training run</h1>
<main>
${sections.join('\n')}
</main>
<script type="application/json" id="run">${JSON.stringify(curves).replaceAll('<', '\\u003c')}</script>
<script>${asset(UPLOT, 'uPlot.iife.min.js')}</script>
<script type="module">${asset(ASSETS, 'report.js')}</script>
</html>
`;
}

const asset = (folder: string, name: string) => readFileSync(join(folder, name), 'utf8');

/** Measures between 0 and 1 as bars; thresholds, which are cosines to cut at and no measures, as a table. */
function evaluationSections({ task, records, before, after }: Evaluation): string[] {
  const isThreshold = (name: string) => name.toLowerCase().includes('threshold');
  const names = Object.keys(after);
  const thresholds = names.filter(isThreshold);
  const rows = thresholds.map((name) => [name, `${shown(before?.[name])} → ${shown(after[name])}`] as const);
  const key = before ? '<div class="key">grey: before training, blue: after</div>' : '';
  const bars = evaluationSvg(
    names.filter((name) => !isThreshold(name)),
    before,
    after,
  );
  return [
    section(
      `${task[0]?.toUpperCase()}${task.slice(1)} on ${records} validation records`,
      `${key}${bars}${table(rows)}`,
    ),
  ];
}

const shown = (value: number | undefined) => (value === undefined ? '–' : value.toFixed(4));

function curveSection(name: keyof Curves['curves']): string {
  const toggle = name === 'loss' ? `<label><input type="checkbox" id="log-${name}"> logarithmic</label>` : '';
  return `<section><header><h2>${TITLES[name]}</h2>${toggle}</header><div id="curve-${name}"></div></section>`;
}

const epochRow = ({ epoch, trainLoss, validationLoss }: EpochMetrics): [string, string] => [
  `epoch ${epoch}`,
  `train ${trainLoss.toFixed(4)}${validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`}`,
];

const section = (title: string, content: string) => `<section><h2>${escaped(title)}</h2>${content}</section>`;

const table = (rows: readonly (readonly [string, string | number])[]) =>
  `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(String(cell))}</td>`).join('')}</tr>`).join('')}</table>`;
