/** Vectors to a file as they are made: .npy, .jsonl, .parquet or .arrow by its name, in the memory of one block. */

import { DataError } from '../errors.ts';
import { ResumableFile, type RunOptions } from './resumable-file.ts';
import { ArrowFormat } from './vector-arrow.ts';
import {
  type MakeFormat,
  VECTOR_COLUMN,
  type VectorBlock,
  type VectorFormat,
  type VectorShape,
} from './vector-format.ts';
import { JsonlFormat } from './vector-jsonl.ts';
import { NpyFormat } from './vector-npy.ts';
import { ParquetFormat } from './vector-parquet.ts';

const FORMATS: Readonly<Record<string, MakeFormat>> = {
  '.npy': (shape, state) => new NpyFormat(shape, state),
  '.jsonl': (shape) => new JsonlFormat(shape),
  '.parquet': (shape, state) => new ParquetFormat(shape, state),
  '.arrow': (shape, state) => new ArrowFormat(shape, state),
};

/** The ends of names that a VectorWriter writes. */
export const VECTOR_FILES = Object.keys(FORMATS) as [string, ...string[]];

export interface VectorWriterOptions extends VectorShape {
  /** Go on after an interrupted run of the same options, to the same bytes. */
  resume?: boolean;
  /** What the vectors depend on, by option: a run with others cannot go on. */
  run?: RunOptions;
}

interface Noted {
  rows: number;
  format: unknown;
}

export class VectorWriter {
  readonly #file: ResumableFile;
  readonly #shape: VectorShape;
  readonly #make: MakeFormat;
  #format: VectorFormat | undefined;
  #rows: number;

  private constructor(file: ResumableFile, shape: VectorShape, make: MakeFormat) {
    this.#file = file;
    this.#shape = shape;
    this.#make = make;
    const noted = file.resumed as Noted | undefined;
    this.#rows = noted?.rows ?? 0;
    if (noted) this.#format = make(shape, noted.format);
  }

  /**
   * @returns Undefined where `resume` finds that nothing is left to do.
   * @throws DataError for another kind of file, columns that the format has no place for, and what ResumableFile refuses.
   */
  static async open(
    path: string,
    { resume = false, run = {}, ...shape }: VectorWriterOptions,
  ): Promise<VectorWriter | undefined> {
    requireFormat(path, shape.columns);
    const { type, dimension, columns } = shape;
    const file = await ResumableFile.open(path, { ...run, type, dimension, columns }, resume);
    return file && new VectorWriter(file, shape, formatOf(path) as MakeFormat);
  }

  /** Vectors in the file, those of the interrupted run with them. */
  get rows(): number {
    return this.#rows;
  }

  /** Blocks of the same sizes make the same bytes; a row group of Parquet and a record batch of Arrow is a block. */
  async write(block: VectorBlock): Promise<void> {
    const { dimension } = this.#shape;
    if (block.vectors.length !== block.rows.length * dimension) {
      throw new Error(`internal: ${block.vectors.length} values for ${block.rows.length} vectors of ${dimension}`);
    }
    if (block.rows.length === 0) return;
    const format = await this.#begun(block);
    await this.#file.append(format.block(block));
    this.#rows += block.rows.length;
    await this.#file.note({ rows: this.#rows, format: format.state() } satisfies Noted);
  }

  /** Completes the file and gives it its name. */
  async finish(): Promise<void> {
    const format = await this.#begun({ rows: [], vectors: new Float32Array(0) });
    const { tail, head } = format.end();
    await this.#file.append(tail);
    await this.#file.finish(head);
  }

  /** After an error. @returns Whether another run can go on with `resume`. */
  abandon(): Promise<boolean> {
    return this.#file.abandon();
  }

  async #begun(first: VectorBlock): Promise<VectorFormat> {
    if (!this.#format) {
      this.#format = this.#make(this.#shape);
      await this.#file.append(this.#format.begin(first));
    }
    return this.#format;
  }
}

const formatOf = (path: string) => FORMATS[/\.[^./\\]+$/.exec(path.toLowerCase())?.[0] ?? ''];

/** @throws DataError for a file of another kind, and columns that it has no place for. */
export function requireFormat(path: string, columns: readonly string[] = []): void {
  if (!formatOf(path)) {
    throw new DataError('not a kind of file that vectors are written to', path, `name it ${VECTOR_FILES.join(', ')}`);
  }
  if (columns.length > 0 && path.toLowerCase().endsWith('.npy')) {
    throw new DataError(
      `.npy has no place for columns (${columns.join(', ')})`,
      path,
      'write .jsonl, .parquet or .arrow, or leave the columns out',
    );
  }
  if (columns.includes(VECTOR_COLUMN)) {
    throw new DataError(`a column is named ${VECTOR_COLUMN}, as the vectors'`, path, 'rename it');
  }
}
