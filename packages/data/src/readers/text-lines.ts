/** Plain text, one text a line, packed or not: a blank line is an empty text. */

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { linePrefix, rememberSource } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { bomLength, decodeUtf8, splitLines, wholeLines } from './lines.ts';
import type { FormatOptions } from './reader.ts';
import { TextFile } from './text.ts';

/** @throws DataError with file:line for a line that is not of its encoding, UTF-8 if none is given. */
export async function* readTextLines(
  file: ByteSource,
  options: Pick<FormatOptions, 'encoding'> = {},
): AsyncGenerator<Row> {
  const prefix = linePrefix(file.name);
  const source = new TextFile(file, options.encoding, {});
  let line = 0;
  for await (const run of wholeLines(source)) {
    for (const bytes of splitLines(line === 0 ? run.subarray(bomLength(run)) : run)) {
      line += 1;
      const text = decodeUtf8(bytes);
      if (text === undefined) {
        const { what, fix } = source.problemOf(run);
        throw new DataError(what, `${prefix}${line}`, fix);
      }
      const row = { text: text.endsWith('\r') ? text.slice(0, -1) : text };
      rememberSource(row, prefix, line);
      yield row;
    }
  }
}
