/** Reads sentencepiece's .model, a protobuf message. Source: google/sentencepiece, src/sentencepiece_model.proto. */

import { corruptFile, readWhole } from '../formats/files.ts';

/** What a tokenizer is made of. */
export interface SentencePieceModel {
  readonly path: string;
  /** By id; type 3 is a control token, 4 a symbol of the user's. */
  readonly pieces: readonly Readonly<{ piece: string; score: number; type: number }>[];
  /** 1 unigram, 2 BPE, 3 words, 4 characters. */
  readonly algorithm: number;
  readonly unkId: number;
  /** The rules by which characters are replaced; see charsmap.ts. Empty where there are none. */
  readonly charsmap: Buffer;
}

/** @throws ModelError for a file that holds no such message. */
export function readSentencePiece(path: string): SentencePieceModel {
  const corrupt = corruptFile(path);
  const pieces: { piece: string; score: number; type: number }[] = [];
  let algorithm = 1;
  let unkId = 0;
  let charsmap: Buffer = Buffer.alloc(0);
  try {
    for (const [field, value] of fields(readWhole(path))) {
      if (field === 1) {
        const piece = { piece: '', score: 0, type: 1 };
        for (const [key, part] of fields(bytes(value))) {
          if (key === 1) piece.piece = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes(part));
          if (key === 2) piece.score = bytes(part).readFloatLE();
          if (key === 3) piece.type = Number(part);
        }
        pieces.push(piece);
      } else if (field === 2) {
        for (const [key, part] of fields(bytes(value))) {
          if (key === 3) algorithm = Number(part);
          if (key === 40) unkId = Number(part);
        }
      } else if (field === 3) {
        for (const [key, part] of fields(bytes(value))) if (key === 2) charsmap = bytes(part);
      }
    }
  } catch (cause) {
    throw corrupt((cause as Error).message);
  }
  if (pieces.length === 0) throw corrupt('it has no pieces');
  if (pieces[unkId] === undefined) throw corrupt(`the unknown piece is ${unkId} of ${pieces.length}`);
  return { path, pieces, algorithm, unkId, charsmap };
}

/** Fields of a protobuf message by number; a number is a varint, bytes are all else. */
function* fields(message: Buffer): Generator<[field: number, value: number | Buffer]> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      if (factor >= 2 ** 63) throw new Error('a number has no end');
    }
  };
  while (at < message.length) {
    const key = varint();
    const wire = key % 8;
    if (wire === 0) {
      yield [Math.floor(key / 8), varint()];
      continue;
    }
    if (wire !== 1 && wire !== 2 && wire !== 5) throw new Error(`byte ${at} begins no field`);
    const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
    if (length > message.length - at) throw new Error(`${length} bytes at ${at} of ${message.length}`);
    yield [Math.floor(key / 8), message.subarray(at, at + length)];
    at += length;
  }
}

function bytes(value: number | Buffer): Buffer {
  if (typeof value === 'number') throw new Error('a number is where bytes have their place');
  return value;
}
