/** Plain text, one text a line, packed or not: a blank line is an empty text. */

import type { ByteSource } from '../bytes.ts';
import { DataError } from '../errors.ts';
import { linePrefix, rememberSource } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { bomLength, decodeUtf8, splitLines, wholeLines } from './lines.ts';

/** @throws DataError with file:line for a line that is not UTF-8. */
export async function* readTextLines(file: ByteSource): AsyncGenerator<Row> {
  const prefix = linePrefix(file.name);
  let line = 0;
  for await (const run of wholeLines(file)) {
    for (const bytes of splitLines(line === 0 ? run.subarray(bomLength(run)) : run)) {
      line += 1;
      const text = decodeUtf8(bytes);
      if (text === undefined) throw new DataError('not valid UTF-8', `${prefix}${line}`, 'save the file as UTF-8');
      const row = { text: text.endsWith('\r') ? text.slice(0, -1) : text };
      rememberSource(row, prefix, line);
      yield row;
    }
  }
}
