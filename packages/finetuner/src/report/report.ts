/** report.html of a run: one file that needs nothing else to be looked at. */

import type { Evaluation } from '../evaluation/validation-task.ts';
import { evaluationSvg, histogramSvg } from './bars.ts';
import { curveSvg, escaped, type Point } from './curve.ts';
import {
  type EpochMetrics,
  type EvaluationMetrics,
  type MetricsLine,
  readMetrics,
  type StepMetrics,
} from './metrics.ts';

export interface Report {
  /** The run's metrics.jsonl. */
  metricsFile: string;
  summary: readonly (readonly [name: string, value: string | number])[];
  options: Readonly<Record<string, unknown>>;
  /** Texts by their tokens: how many are of less than 8, 16, 32, … */
  lengths: readonly { below: number; count: number }[];
  evaluation: Evaluation | undefined;
}

const CURVES: [title: string, key: keyof StepMetrics][] = [
  ['learning rate', 'lr'],
  ['records a second', 'recordsPerSecond'],
  ['gradient norm', 'gradNorm'],
];

const STYLE = `body { font: 15px/1.5 system-ui, sans-serif; max-width: 1340px; margin: 2em auto; padding: 0 1em; color: #222 }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 1.5em }
section { border: 1px solid #ddd; border-radius: 8px; padding: 1em }
h1, h2 { font-weight: 600 } h2 { font-size: 1em; margin: 0 0 .5em }
table { border-collapse: collapse; width: 100% } td { border-top: 1px solid #eee; padding: .2em .4em }
td:first-child { color: #666 } .bar { fill: #0b6bcb } .before { fill: #b8c4d0 }`;

/** The text of report.html. */
export function reportHtml({ metricsFile, summary, options, lengths, evaluation }: Report): string {
  const metrics = readMetrics(metricsFile);
  const steps = metrics.filter((line): line is StepMetrics => 'loss' in line);
  const evaluations = metrics.filter((line): line is EvaluationMetrics => 'validationLoss' in line && 'step' in line);
  const epochs = metrics.filter((line): line is EpochMetrics => 'trainLoss' in line);
  const points = (key: keyof StepMetrics): Point[] =>
    steps.flatMap((line) => (line[key] === undefined ? [] : [{ step: line.step, value: line[key] as number }]));
  const dots = [...evaluations.map(({ step, validationLoss: value }) => ({ step, value })), ...epochDots(metrics)];
  const curves = CURVES.map(([title, key]) => [title, points(key)] as const).filter(([, found]) => found.length > 0);
  const sections = [
    ...(evaluation ? [section(evaluationTitle(evaluation), evaluationSvg(evaluation))] : []),
    ...(steps.length > 0
      ? [
          section(
            'Loss',
            curveSvg(dots.length > 0 ? 'loss; dots: of the validation set' : 'loss', points('loss'), dots),
          ),
        ]
      : []),
    ...curves.map(([title, found]) => section(capital(title), curveSvg(title, found))),
    ...(lengths.length > 0 ? [section('Tokens a text', histogramSvg(lengths))] : []),
    section('Run', table(summary)),
    section(
      'Epochs',
      table(
        epochs.map(({ epoch, trainLoss, validationLoss }) => [
          `epoch ${epoch}`,
          `train ${trainLoss.toFixed(4)}${validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`}`,
        ]),
      ),
    ),
    section('Options', table(Object.entries(options).map(([name, value]) => [name, JSON.stringify(value) ?? '']))),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>uniem: a training run</title>
<style>${STYLE}</style>
<h1>Training run</h1>
<main>
${sections.join('\n')}
</main>
</html>
`;
}

/** Validation losses of whole epochs, at the last step before their line. */
function epochDots(metrics: readonly MetricsLine[]): Point[] {
  let step = 0;
  return metrics.flatMap((line) => {
    if ('step' in line) step = line.step;
    return 'trainLoss' in line && line.validationLoss !== undefined ? [{ step, value: line.validationLoss }] : [];
  });
}

const evaluationTitle = ({ task, records, before }: Evaluation) =>
  `${capital(task)} of ${records} validation records, ${before ? 'before (grey) and after' : 'after'}`;

const capital = (title: string) => title[0]?.toUpperCase() + title.slice(1);

const section = (title: string, content: string) => `<section><h2>${escaped(title)}</h2>${content}</section>`;

const table = (rows: readonly (readonly [string, string | number])[]) =>
  `<table>${rows.map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(String(cell))}</td>`).join('')}</tr>`).join('')}</table>`;
