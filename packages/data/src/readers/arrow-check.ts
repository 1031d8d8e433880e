/** Whether Arrow's buffers hold what a column says of itself: its own reader does not look, and goes wherever they lead. */

import { isUtf8 } from 'node:buffer';

import { type Data, DataType, type Date_, DateUnit, TimeUnit, Vector } from 'apache-arrow';

/** The largest that a Date has, in milliseconds. */
const LAST_TIME = 8.64e15;

/** In milliseconds. */
const TIME_UNITS: Readonly<Record<TimeUnit, number>> = {
  [TimeUnit.SECOND]: 1e3,
  [TimeUnit.MILLISECOND]: 1,
  [TimeUnit.MICROSECOND]: 1e-3,
  [TimeUnit.NANOSECOND]: 1e-6,
};
const DAY = 86_400_000;

/** What is wrong with a column, to come after its name; undefined where nothing is. */
export function damageOf(data: Data): string | undefined {
  const { type, length, children } = data;
  if (data.nullCount > 0 && !DataType.isNull(type) && (data.nullBitmap?.length ?? 0) * 8 < length)
    return 'is cut short';
  if (DataType.isNull(type)) return undefined;
  if (DataType.isStruct(type)) {
    return children.some((child) => child && child.length < length) ? 'is cut short' : firstDamage(children);
  }
  if (DataType.isFixedSizeList(type)) {
    return (children[0]?.length ?? 0) < length * type.listSize ? 'is cut short' : firstDamage(children);
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    return offsetDamage(data, children[0]?.length ?? 0) ?? firstDamage(children);
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type))
    return offsetDamage(data, data.values.length) ?? textDamage(data);
  if (DataType.isBinary(type) || DataType.isLargeBinary(type)) return offsetDamage(data, data.values.length);
  if (DataType.isUnion(type)) return 'is a union, which is not read';
  if (!data.values) return `is of type ${type}, which is not read`;
  const values = DataType.isBool(type) ? data.values.length * 8 : data.values.length / data.stride;
  if (values < length) return 'is cut short';
  if (DataType.isDictionary(type)) return indexDamage(data) ?? firstDamage(data.dictionary?.data ?? []);
  if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) return viewDamage(data);
  return DataType.isTimestamp(type) || DataType.isDate(type) ? timeDamage(data) : undefined;
}

/** Places of values, which Arrow checks when it reads them. */
function viewDamage(data: Data): string | undefined {
  const vector = new Vector([data]);
  try {
    for (let i = 0; i < data.length; i++) vector.get(i);
    return undefined;
  } catch (error) {
    return `has a value that is not there (${(error as Error).message})`;
  }
}

/** @param parts Some may be missing. */
function firstDamage(parts: readonly (Data | undefined)[]): string | undefined {
  for (const part of parts) {
    const damage = part ? damageOf(part) : 'lacks a part';
    if (damage) return damage;
  }
  return undefined;
}

/** Offsets that go back, or past the end. */
function offsetDamage({ valueOffsets, length }: Data, end: number): string | undefined {
  if (length === 0) return undefined;
  if (valueOffsets.length < length + 1) return 'is cut short';
  let before = 0;
  for (let i = 0; i <= length; i++) {
    const offset = Number(valueOffsets[i]);
    if (!(offset >= before && offset <= end)) return `has a value from ${before} to ${offset} of ${end}`;
    before = offset;
  }
  return undefined;
}

/** The bytes are one UTF-8 text, and no value begins within a character. */
function textDamage({ valueOffsets, values, length }: Data): string | undefined {
  if (length === 0) return undefined;
  const bad = 'is not valid UTF-8';
  if (!isUtf8(values.subarray(Number(valueOffsets[0]), Number(valueOffsets[length])))) return bad;
  for (let i = 1; i < length; i++) if (((values[Number(valueOffsets[i])] ?? 0) & 0xc0) === 0x80) return bad;
  return undefined;
}

function indexDamage(data: Data): string | undefined {
  const size = data.dictionary?.length ?? 0;
  for (let i = 0; i < data.length; i++) {
    const index = Number(data.values[i]);
    if (data.getValid(i) && !(index >= 0 && index < size)) return `has value ${index} of ${size}`;
  }
  return undefined;
}

function timeDamage(data: Data): string | undefined {
  const { type } = data;
  const unit = DataType.isTimestamp(type)
    ? TIME_UNITS[type.unit as TimeUnit]
    : (type as Date_).unit === DateUnit.DAY
      ? DAY
      : 1;
  for (let i = 0; i < data.length; i++) {
    const time = Number(data.values[i]);
    if (data.getValid(i) && !(Math.abs(time * unit) <= LAST_TIME)) return `has the time ${time}`;
  }
  return undefined;
}
