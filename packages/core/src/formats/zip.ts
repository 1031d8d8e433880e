/** The directory of a zip file whose entries are stored, not compressed, as torch.save writes them. */

import { ModelError } from '../errors.ts';
import { corruptFile, readBytes } from './files.ts';

/** Where an entry's bytes lie in the file. */
export interface ZipEntry {
  position: number;
  bytes: number;
}

const END_BYTES = 22;
const LARGEST_COMMENT = 0xffff;
const MAX_DIRECTORY_BYTES = 100_000_000;
const IN_ZIP64 = 0xffff_ffff; // a 32-bit field of this value has its own in the zip64 record

/**
 * Entries by name. Source: PKWARE's APPNOTE.TXT 4.3.
 *
 * @throws ModelError when the file is cut short, compressed, or lies about sizes.
 */
export function readZipDirectory(file: number, path: string, fileBytes: number): Map<string, ZipEntry> {
  const corrupt = corruptFile(path);
  const directory = findDirectory(file, fileBytes);
  if (!directory) throw corrupt('no zip directory at its end');
  const { position, bytes } = directory;
  if (bytes > MAX_DIRECTORY_BYTES || position + bytes > fileBytes) {
    throw corrupt(`zip directory of ${bytes} bytes at byte ${position} of ${fileBytes}`);
  }
  const records = readBytes(file, position, bytes);
  const entries = new Map<string, ZipEntry>();
  for (let at = 0; at < bytes; ) {
    if (at + 46 > bytes || records.readUInt32LE(at) !== 0x02014b50) throw corrupt(`zip directory broken at byte ${at}`);
    const nameBytes = records.readUInt16LE(at + 28);
    const extraBytes = records.readUInt16LE(at + 30);
    const next = at + 46 + nameBytes + extraBytes + records.readUInt16LE(at + 32);
    if (next > bytes) throw corrupt(`zip directory broken at byte ${at}`);
    const name = records.toString('utf8', at + 46, at + 46 + nameBytes);
    const fields = wideFields(records.subarray(at + 46 + nameBytes, at + 46 + nameBytes + extraBytes), [
      records.readUInt32LE(at + 24),
      records.readUInt32LE(at + 20),
      records.readUInt32LE(at + 42),
    ]);
    if (!fields) throw corrupt(`entry ${name} has no sizes`);
    const [size, stored, header] = fields;
    if (records.readUInt16LE(at + 10) !== 0 || size !== stored) {
      throw new ModelError(
        `entry ${name} is compressed`,
        path,
        'save the weights with torch.save, which does not compress',
      );
    }
    // The local header repeats the name and has an extra field of its own, which torch uses to align the data.
    if (header + 30 > fileBytes) throw corrupt(`entry ${name} begins at byte ${header} of ${fileBytes}`);
    const local = readBytes(file, header, 30);
    if (local.readUInt32LE(0) !== 0x04034b50) throw corrupt(`entry ${name} has no header at byte ${header}`);
    const start = header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + size > fileBytes) throw corrupt(`entry ${name} ends at byte ${start + size} of ${fileBytes}`);
    entries.set(name, { position: start, bytes: size });
    at = next;
  }
  return entries;
}

/** The directory's place from the record at the file's end, or from the zip64 record before it. */
function findDirectory(file: number, fileBytes: number): ZipEntry | undefined {
  const from = Math.max(0, fileBytes - END_BYTES - LARGEST_COMMENT);
  const tail = readBytes(file, from, fileBytes - from);
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue;
    const bytes = tail.readUInt32LE(at + 12);
    const position = tail.readUInt32LE(at + 16);
    if (at >= 20 && tail.readUInt32LE(at - 20) === 0x07064b50) {
      const wide = Number(tail.readBigUInt64LE(at - 12));
      if (wide + 56 > fileBytes) return undefined;
      const record = readBytes(file, wide, 56);
      if (record.readUInt32LE(0) !== 0x06064b50) return undefined;
      return { bytes: Number(record.readBigUInt64LE(40)), position: Number(record.readBigUInt64LE(48)) };
    }
    return { bytes, position };
  }
  return undefined;
}

/** Fields that do not fit 32 bits stand in the extra field 0x0001, in this order. */
function wideFields(extra: Buffer, fields: [number, number, number]): [number, number, number] | undefined {
  if (!fields.includes(IN_ZIP64)) return fields;
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    for (const [i, field] of fields.entries()) {
      if (field !== IN_ZIP64) continue;
      if (next + 8 > extra.length) return undefined;
      fields[i] = Number(extra.readBigUInt64LE(next));
      next += 8;
    }
    return fields;
  }
  return undefined;
}
