/** Values of Arrow columns as plain JavaScript: strings, numbers, arrays, objects, null. */

import { type Data, DataType, MapRow, StructRow, Vector } from 'apache-arrow';

import { plainInteger, plainValue } from './plain-value.ts';

/** The values from `start` up to `end` of one chunk of a column. */
export function arrowValues(data: Data, start: number, end: number): unknown[] {
  const at = arrowGetter(data);
  const values = new Array<unknown>(end - start);
  for (let i = 0; i < values.length; i++) values[i] = at(start + i);
  return values;
}

/** A function from an index to the chunk's value there. */
export function arrowGetter(data: Data): (index: number) => unknown {
  const { type, nullCount } = data;
  const value = valueGetter(data);
  if (nullCount === 0 || DataType.isNull(type)) return value;
  return (index) => (data.getValid(index) ? value(index) : null);
}

function valueGetter(data: Data): (index: number) => unknown {
  const { type } = data;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) {
    const { valueOffsets: offsets, values } = data;
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    return (index) => bytes.toString('utf8', Number(offsets[index]), Number(offsets[index + 1]));
  }
  if (DataType.isInt(type) && type.bitWidth === 64) {
    return (index) => plainInteger((data.values as BigInt64Array)[index] as bigint);
  }
  if (DataType.isInt(type) || (DataType.isFloat(type) && type.precision > 0)) return (index) => data.values[index];
  const vector = new Vector([data]);
  if (DataType.isTimestamp(type) || DataType.isDate(type)) return (index) => new Date(Number(vector.get(index)));
  return (index) => plainArrow(vector.get(index));
}

function plainArrow(value: unknown): unknown {
  if (value instanceof Vector) {
    return value.data.flatMap((data) => arrowValues(data, 0, data.length));
  }
  if (value instanceof StructRow || value instanceof MapRow) {
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), plainArrow(inner)]));
  }
  return plainValue(value);
}
