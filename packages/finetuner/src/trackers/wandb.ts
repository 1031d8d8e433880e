/**
 * Weights & Biases' offline files, which `wandb sync` uploads. Formats: wandb/proto/wandb_internal.proto of its
 * repository; around it LevelDB's log, with a head of its own and CRC-32 for CRC-32C.
 */

import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import type { Metrics } from '../evaluation/tasks.ts';
import { integer, message, text } from './protobuf.ts';
import type { RunStatus, Tracker } from './tracker.ts';

/** The oldest wandb that reads the records; what wandb 0.31 writes. */
const OLDEST_READER = '0.70.0';

export class WeightsAndBiases implements Tracker {
  readonly #folder: string;
  readonly #project: string;
  #id = randomBytes(5).toString('hex').slice(0, 8);
  #log: WandbLog | undefined;
  #started = 0;
  /** Of one step, which there is one row of. */
  #row: { step: number; metrics: Metrics } | undefined;

  /** @param folder Gets a folder a run. The project is WANDB_PROJECT, 'uniem' where it is not set. */
  constructor(folder: string, project = process.env.WANDB_PROJECT) {
    this.#folder = folder;
    this.#project = project || 'uniem';
  }

  async start(config: Readonly<Record<string, unknown>>, resumedFrom: number): Promise<void> {
    const earlier = resumedFrom > 0 ? this.#newestId() : undefined;
    this.#id = earlier ?? this.#id; // a further folder of the same run
    this.#started = Date.now() / 1000;
    const folder = this.#newFolder();
    mkdirSync(folder, { recursive: true });
    this.#log = new WandbLog(join(folder, `run-${this.#id}.wandb`));
    this.#log.write(headerRecord('uniem', OLDEST_READER));
    this.#log.write(runRecord(this.#id, this.#project, config, this.#started, earlier !== undefined));
  }

  async log(metrics: Metrics, step: number): Promise<void> {
    if (this.#row?.step !== step) this.#flush();
    this.#row = { step, metrics: { ...this.#row?.metrics, ...metrics } };
  }

  async end(status: RunStatus): Promise<void> {
    this.#flush();
    this.#log?.write(exitRecord(status === 'failed' ? 1 : 0));
  }

  /** Named by the second, or by the next one that has none yet. */
  #newFolder(time = Date.now()): string {
    const [day, clock] = new Date(time)
      .toISOString()
      .replaceAll(/[-:]|\..*/g, '')
      .split('T');
    const folder = join(this.#folder, `offline-run-${day}_${clock}-${this.#id}`);
    return existsSync(folder) ? this.#newFolder(time + 1000) : folder;
  }

  #newestId(): string | undefined {
    const names = existsSync(this.#folder) ? readdirSync(this.#folder).sort() : [];
    return names.flatMap((name) => /^offline-run-\d{8}_\d{6}-(\w{8})$/.exec(name)?.[1] ?? []).at(-1);
  }

  #flush(): void {
    if (!this.#row) return;
    const { step, metrics } = this.#row;
    this.#row = undefined;
    const now = Date.now() / 1000;
    const values = { ...metrics, _runtime: now - this.#started, _step: step, _timestamp: now };
    this.#log?.write(summaryRecord(values));
    this.#log?.write(historyRecord(values, step));
  }
}

const BLOCK = 32_768;
const HEAD = 7; // of a piece: checksum, length, kind
const KINDS = { whole: 1, first: 2, middle: 3, last: 4 };

/** A file of records, each in one piece or more: none goes past the end of a block. */
export class WandbLog {
  readonly #path: string;
  #bytes: number;
  #records = 0;

  constructor(path: string) {
    const head = Buffer.from([...Buffer.from(':W&B'), 0xe1, 0xbe, 0]);
    writeFileSync(path, head);
    this.#path = path;
    this.#bytes = head.length;
  }

  /** @param content The fields of a Record after its number. */
  write(content: Uint8Array): void {
    this.#records += 1;
    const data = Buffer.concat([integer(1, this.#records), content]);
    const pieces: Buffer[] = [];
    for (let start = 0; start < data.length; ) {
      const left = BLOCK - (this.#bytes % BLOCK);
      if (left < HEAD) {
        pieces.push(Buffer.alloc(left));
        this.#bytes += left;
        continue;
      }
      const piece = data.subarray(start, start + left - HEAD);
      const isLast = start + piece.length === data.length;
      const kind = start === 0 ? (isLast ? KINDS.whole : KINDS.first) : isLast ? KINDS.last : KINDS.middle;
      const head = Buffer.alloc(HEAD);
      head.writeUInt32LE(crc32(piece, crc32(Buffer.from([kind]))));
      head.writeUInt16LE(piece.length, 4);
      head[6] = kind;
      pieces.push(head, piece);
      this.#bytes += HEAD + piece.length;
      start += piece.length;
    }
    appendFileSync(this.#path, Buffer.concat(pieces));
  }
}

export const headerRecord = (producer: string, oldestReader: string) =>
  message(21, message(1, Buffer.concat([text(1, producer), text(2, oldestReader)])));

/**
 * @param started Seconds since 1970.
 * @param resumed Whether the run is known from an earlier folder.
 */
export function runRecord(
  id: string,
  project: string,
  config: Readonly<Record<string, unknown>>,
  started: number,
  resumed: boolean,
) {
  const updates = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => message(1, Buffer.concat([text(1, key), text(16, JSON.stringify(value))])));
  const seconds = Math.floor(started);
  const time = Buffer.concat([integer(1, seconds), integer(2, Math.round((started - seconds) * 1e9))]);
  return message(
    17,
    Buffer.concat([
      ...[text(1, id), text(3, project), message(4, Buffer.concat(updates)), message(17, time)],
      integer(24, Number(resumed)),
    ]),
  );
}

/** The values under the field, each as an item of a path of one name. */
const items = (field: number, values: Metrics) =>
  Buffer.concat(
    Object.entries(values).map(([name, value]) =>
      message(field, Buffer.concat([text(2, name), text(16, JSON.stringify(value))])),
    ),
  );

export const historyRecord = (values: Metrics, step: number) =>
  message(2, Buffer.concat([items(1, values), message(2, integer(1, step))]));

export const summaryRecord = (values: Metrics) => message(3, items(1, values));

export const exitRecord = (code: number) => message(18, integer(1, code));
