/**
 * TensorBoard's event files. Formats: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and
 * tensorflow/core/framework/summary.proto.
 */

import { appendFileSync, mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { double, float, integer, message, text } from './protobuf.ts';
import type { Tracker } from './tracker.ts';

export class TensorBoard implements Tracker {
  readonly #folder: string;
  #path = '';

  /** @param folder What `tensorboard --logdir` is given. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async start(_config: Readonly<Record<string, unknown>>, resumedFrom: number): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    const seconds = Math.floor(Date.now() / 1000);
    this.#path = join(this.#folder, `events.out.tfevents.${seconds}.${hostname()}.${process.pid}`);
    this.#write({ version: 'brain.Event:2' }); // the first event of every file
    if (resumedFrom > 0) this.#write({ startsAt: resumedFrom + 1 });
  }

  async log(metrics: Readonly<Record<string, number>>, step: number): Promise<void> {
    for (const [tag, value] of Object.entries(metrics)) this.#write({ step, tag, value });
  }

  async end(): Promise<void> {}

  #write(content: EventContent): void {
    appendFileSync(this.#path, eventRecord(Date.now() / 1000, content));
  }
}

/** One that starts at a step has TensorBoard forget what earlier files say of it and of later ones. */
type EventContent = { version: string } | { startsAt: number } | { step: number; tag: string; value: number };

const SESSION_START = 1;

/** One event as it stands in the file. @param time Seconds since 1970. */
export function eventRecord(time: number, content: EventContent): Buffer {
  const wallTime = double(1, time);
  if ('version' in content) return record(Buffer.concat([wallTime, text(3, content.version)]));
  if ('startsAt' in content) {
    const session = message(7, integer(1, SESSION_START));
    return record(Buffer.concat([wallTime, integer(2, content.startsAt), session]));
  }
  const { step, tag, value } = content;
  const summary = message(1, Buffer.concat([text(1, tag), float(2, value)]));
  return record(Buffer.concat([wallTime, integer(2, step), message(5, summary)]));
}

/** Length, its checksum, the data, its checksum. */
function record(data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(data.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([head, data, tail]);
}

/** CRC-32C by bytes; Node's zlib has CRC-32 alone. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (TABLE[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
