/** Texts of any number to a file of vectors, window by window: read, encoded, quantized, written, noted. */

import { type Embedder, type EncodeOptions, type OutputPrecision, ProgressBar, writeFileWhole } from '@uniem/core';
import {
  isCalibrated,
  type QuantizationRanges,
  type Quantized,
  quantizationRanges,
  quantizedShape,
  quantizeEmbeddings,
} from '@uniem/core/search';
import type { Row } from '@uniem/data';
import { partRange, type RunOptions, type VectorValues, VectorWriter } from '@uniem/data/files';

import { countRows, isReadTwice, openTexts, type TextInput, textOf } from './texts.ts';

export interface EncodeRun {
  texts: TextInput;
  /** The rows of `texts`, opened. */
  rows: AsyncIterable<Row>;
  output: string;
  precision: OutputPrecision;
  /** Where the ranges of int8 and uint8 come from: other texts, or the first of these. */
  calibration: { texts: TextInput; size: number };
  /** Texts that are sorted by length, and written, together. */
  window: number;
  /** Part `index` of `count`: neighboring texts. */
  shard: { index: number; count: number } | undefined;
  resume: boolean;
  /** What the vectors depend on. */
  run: RunOptions;
  encoding: EncodeOptions;
}

/**
 * Ranges of int8 and uint8 go to `<output>.ranges.json`: queries are quantized by the same.
 *
 * @throws Whatever stops the run, after a note on stderr where another one can go on.
 */
export async function encodeTexts(embedder: Embedder, given: EncodeRun): Promise<void> {
  const { texts, output, precision, window, shard, resume, run, encoding } = given;
  const H = (await embedder.encode([''], { ...encoding, progressBar: false }))[0]?.length as number;
  const columns = texts.columns ?? [];
  const writer = await VectorWriter.open(output, { ...quantizedShape(precision, H), columns, resume, run });
  if (!writer) return; // the interrupted run had only to name its file
  try {
    const source = new RowWindows(given.rows);
    const ranges = isCalibrated(precision) ? await rangesOf(embedder, given, source) : undefined;
    if (ranges) writeRanges(`${output}.ranges.json`, precision, ranges);
    const count =
      shard || (isReadTwice(texts) && process.stderr.isTTY) ? await countRows(await openTexts(texts)) : undefined;
    const [start, end] = shard ? partRange(count as number, shard.count, shard.index) : [0, count];
    await source.skip(start + writer.rows);
    const before = writer.rows;
    const total = end === undefined ? undefined : end - start - before;
    const bar = new ProgressBar('encode', total, 'auto');
    const begin = performance.now();
    for (;;) {
      const rows = await source.take(Math.min(window, (end ?? Number.POSITIVE_INFINITY) - start - writer.rows));
      if (rows.length === 0) break;
      const vectors = await embedder.encode(
        rows.map((row) => textOf(row, texts.column)),
        { ...encoding, progressBar: false },
      );
      const kept = rows.map((row): Row => Object.fromEntries(columns.map((name) => [name, row[name]])));
      await writer.write({ rows: kept, vectors: joined(quantizeEmbeddings(vectors, precision, ranges)) });
      const done = writer.rows - before;
      bar.update(done, `${((1000 * done) / (performance.now() - begin)).toFixed(0)} texts/s`);
    }
    bar.end();
    await source.close();
    await writer.finish();
  } catch (error) {
    if (await writer.abandon()) {
      process.stderr.write(`note: ${writer.rows} texts are kept; the same command with --resume goes on\n`);
    }
    throw error;
  }
}

/** The ranges of the calibration's texts, or of the first of those to encode: of all of them, whichever shard it is. */
async function rangesOf(
  embedder: Embedder,
  { texts, calibration, encoding }: EncodeRun,
  source: RowWindows,
): Promise<QuantizationRanges> {
  const isOwn = calibration.texts.input === texts.input;
  const other = isOwn ? source : new RowWindows(await openTexts(calibration.texts));
  const rows = await other.peek(calibration.size);
  if (!isOwn) await other.close();
  const { column } = isOwn ? texts : calibration.texts;
  const first = rows.map((row) => textOf(row, column));
  return quantizationRanges(await embedder.encode(first, { ...encoding, progressBar: false }));
}

function writeRanges(path: string, precision: OutputPrecision, { least, most }: QuantizationRanges): void {
  writeFileWhole(path, `${JSON.stringify({ precision, least: [...least], most: [...most] })}\n`);
}

/** Rows by the window. */
export class RowWindows {
  readonly #rows: AsyncIterator<Row>;
  /** Read, and not yet taken. */
  #ahead: Row[] = [];

  constructor(rows: AsyncIterable<Row>) {
    this.#rows = rows[Symbol.asyncIterator]();
  }

  /** Up to `count` rows, fewer only at the end. */
  async take(count: number): Promise<Row[]> {
    const rows = this.#ahead.splice(0, count);
    while (rows.length < count) {
      const { value, done } = await this.#rows.next();
      if (done) break;
      rows.push(value);
    }
    return rows;
  }

  /** The next rows, which are taken again. */
  async peek(count: number): Promise<Row[]> {
    this.#ahead = await this.take(count);
    return this.#ahead;
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const rows = await this.take(Math.min(left, 1024));
      if (rows.length === 0) return;
      left -= rows.length;
    }
  }

  async close(): Promise<void> {
    await this.#rows.return?.();
  }
}

/** Arrays of one type, one after another. */
function joined(vectors: readonly Quantized[]): VectorValues {
  const [first] = vectors as [Quantized, ...Quantized[]];
  const all = new (first.constructor as new (length: number) => Quantized)(vectors.length * first.length);
  vectors.forEach((vector, i) => {
    all.set(vector, i * first.length);
  });
  return all;
}
