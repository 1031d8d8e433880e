/** A comparison as a table in the terminal, and as a page that needs nothing else. */

import { type ComparedModel, type Comparison, PRICE_NOTE } from './row.ts';

/** Best first, those that failed last; the main metric in hundredths, as MTEB shows it. */
export function comparisonTable(comparison: Comparison): string {
  const { task, metric, records, rows } = comparison;
  const lines = ranked(comparison).map((row) => [
    row.model,
    row.where,
    row.error === undefined ? shown(qualityOf(row, metric)) : 'failed',
    String(row.dimensions ?? '-'),
    row.textsPerSecond?.toFixed(row.textsPerSecond < 10 ? 1 : 0) ?? '-',
    row.price,
  ]);
  const head = ['model', 'where', metric ?? 'quality', 'dimensions', 'texts/s', 'price/1M'];
  const all = [head, ...lines];
  const widths = head.map((_, i) => Math.max(...all.map((cells) => widthOf(cells[i] as string))));
  const text = all.map((cells) =>
    cells
      .map((cell, i) => padded(cell, widths[i] as number, i >= 2))
      .join('  ')
      .trimEnd(),
  );
  const title = task === undefined ? '' : `${task}, ${records} records, ${metric}\n`;
  const hasHosted = rows.some(({ where }) => where !== 'local');
  return `${title}${text.join('\n')}\n${hasHosted ? `${PRICE_NOTE}\n` : ''}`;
}

const qualityOf = ({ metrics }: ComparedModel, metric: string | undefined) => metrics?.[metric ?? ''];
const shown = (quality: number | undefined) => (quality === undefined ? '-' : (100 * quality).toFixed(2));

function ranked({ rows, metric }: Comparison): ComparedModel[] {
  const quality = (row: ComparedModel) => qualityOf(row, metric) ?? Number.NEGATIVE_INFINITY;
  return [...rows].sort((a, b) => quality(b) - quality(a));
}

/** Columns of a terminal: a Chinese character takes two. */
function widthOf(text: string): number {
  return [...text].reduce(
    (sum, one) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]/.test(one) ? 2 : 1),
    0,
  );
}

function padded(text: string, width: number, isNumber: boolean): string {
  const space = ' '.repeat(width - widthOf(text));
  return isNumber ? space + text : text + space;
}

const STYLE = `:root { color-scheme: light dark; --line: light-dark(#ddd, #444); --soft: light-dark(#666, #aaa); --bar: light-dark(#0b6bcb, #5aa7f0) }
body { font: 15px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.4em; font-weight: 600; margin: 0 } p { color: var(--soft); margin: .5em 0 1.2em }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% } caption { text-align: left; font-weight: 600; padding: .6em 0 }
th, td { border-top: 1px solid var(--line); padding: .45em .6em; text-align: left; vertical-align: top }
thead th { border-top: 0; color: var(--soft); font-weight: 500 } tbody th { font-weight: 500; min-width: 11em; overflow-wrap: anywhere }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } .error { color: light-dark(#b3261e, #f2857c) }
.meter { display: block; height: 4px; margin-top: 4px; border-radius: 2px; background: var(--line) } .meter i { display: block; height: 4px; border-radius: 2px; background: var(--bar) }`;

/** One file: no script, no font, no address that a browser would ask for. */
export function comparisonHtml(comparison: Comparison): string {
  const { data, task, metric, records, rows } = comparison;
  const names = [...new Set(rows.flatMap(({ metrics }) => Object.keys(metrics ?? {})))];
  const others = names.filter((name) => name !== metric);
  const sorted = ranked(comparison);
  const title = task === undefined ? 'Models compared' : `Models compared: ${task}`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
<h1>${escaped(title)}</h1>
<p>${escaped(`${records} records of ${data}`)}</p>
<div class="wide">
${table(
  ['Model', 'Where', metric ?? 'Quality', 'Dimensions', 'Texts/s', 'Price/1M'],
  sorted.map((row) => line(row, metric)),
)}
${
  others.length > 0 && sorted.some(({ metrics }) => metrics)
    ? table(
        ['Model', ...others],
        sorted.filter(({ metrics }) => metrics).map((row) => otherLine(row, others)),
        'Other measures',
      )
    : ''
}
</div>
<p>Measures are in hundredths. Texts/s of a hosted model includes the network, at the concurrency it was asked with. ${escaped(PRICE_NOTE)}</p>
</html>
`;
}

function line(row: ComparedModel, metric: string | undefined): string {
  const { model, where, dimensions, textsPerSecond, price, error } = row;
  const quality = qualityOf(row, metric);
  const share = Math.min(100, Math.max(0, 100 * (quality ?? 0)));
  const cells = [
    quality === undefined
      ? ''
      : `${shown(quality)}<span class="meter"><i style="width:${share.toFixed(1)}%"></i></span>`,
    dimensions === undefined ? '' : String(dimensions),
    textsPerSecond === undefined ? '' : textsPerSecond.toFixed(textsPerSecond < 10 ? 1 : 0),
    escaped(price),
  ].map((cell) => `<td class="number">${cell}</td>`);
  const failed = error === undefined ? '' : `<div class="error">${escaped(error)}</div>`;
  return `<tr><th scope="row">${escaped(model)}${failed}</th><td>${escaped(where)}</td>${cells.join('')}</tr>`;
}

function otherLine({ model, metrics }: ComparedModel, names: readonly string[]): string {
  const cells = names.map((name) => `<td class="number">${shown(metrics?.[name])}</td>`);
  return `<tr><th scope="row">${escaped(model)}</th>${cells.join('')}</tr>`;
}

function table(head: readonly string[], lines: readonly string[], caption = ''): string {
  const isNumber = (name: string) => !['Model', 'Where'].includes(name);
  const cells = head.map((name) => `<th scope="col"${isNumber(name) ? ' class="number"' : ''}>${escaped(name)}</th>`);
  const title = caption === '' ? '' : `<caption>${escaped(caption)}</caption>`;
  return `<table>${title}<thead><tr>${cells.join('')}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody></table>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
