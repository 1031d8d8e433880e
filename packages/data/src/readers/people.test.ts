/** Files as people have them: other encodings, other delimiters, no header, another shape than their name says. */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { MemoryFile } from '../bytes.ts';
import { sourceOf } from '../records/provenance.ts';
import type { Row } from '../records/records.ts';
import { likelyEncoding } from './encodings.ts';
import { readBlocks } from './formats.ts';
import { BadRecords, type FileReport, type ReadOptions } from './reader.ts';

const golden = JSON.parse(
  readFileSync(new URL('../../../../fixtures/encodings/expected.json', import.meta.url), 'utf8'),
) as { files: Record<string, { text: string; bytes: string }> };

async function read(name: string, content: string | Uint8Array, options: ReadOptions = {}): Promise<Row[]> {
  const rows: Row[] = [];
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  for await (const block of readBlocks(new MemoryFile(name, bytes), options)) rows.push(...block.rows);
  return rows;
}

/** The rows again, each block read on from the position that the one before it gave. */
async function readOn(name: string, bytes: Uint8Array, options: ReadOptions): Promise<Row[]> {
  const rows: Row[] = [];
  const file = new Slow(name, bytes);
  for (let from: Parameters<typeof readBlocks>[2]; ; ) {
    const blocks = readBlocks(file, options, from);
    const { value, done } = await blocks.next();
    await blocks.return(undefined);
    if (done) return rows;
    rows.push(...value.rows);
    if (JSON.stringify(value.next) === JSON.stringify(from)) return rows;
    from = JSON.parse(JSON.stringify(value.next));
  }
}

/** A file of chunks of 1,500 bytes, whose edges lie within characters. */
class Slow extends MemoryFile {
  override async *stream(start = 0): AsyncGenerator<Uint8Array> {
    for await (const chunk of super.stream(start)) {
      for (let at = 0; at < chunk.length; at += 1500) yield chunk.subarray(at, at + 1500);
    }
  }
}

// The files: fixtures/encodings/generate.py, Python's codecs.
describe.each(Object.entries(golden.files))('%s', (encoding, { text, bytes }) => {
  const data = Buffer.from(bytes, 'base64');
  const lines = text.trimEnd().split('\r\n').slice(1);
  const rows = lines.map((line) => {
    const [sentence1, sentence2, label] = line.split(',');
    return { sentence1, sentence2, label: Number(label) };
  });

  test('is read by its name, and rows know their lines', async () => {
    const found = await read('a.csv', data, { encoding });
    expect(found).toEqual(rows);
    expect(found.map(sourceOf)).toEqual(lines.map((_, i) => `a.csv:${i + 2}`));
  });

  test('is named in the error without it', async () => {
    const wanted = encoding === 'gbk' ? 'gb18030' : encoding; // which has all of GBK
    const what = encoding.startsWith('utf-16') ? 'looks like UTF-16' : `not valid UTF-8; it looks like ${wanted}`;
    await expect(read('a.csv', data)).rejects.toThrow(what);
    await expect(read('a.csv', data)).rejects.toThrow(`fix: give --encoding ${wanted} (option encoding), or save`);
  });

  test('goes on where it was, in chunks that cut its characters', async () => {
    const header = Buffer.from(bytes, 'base64').subarray(0, encoding.startsWith('utf-16') ? 54 : 27);
    const body = data.subarray(header.length);
    const long = Buffer.concat([header, ...Array.from({ length: 40 }, () => body)]);
    expect(await readOn('a.csv', long, { encoding })).toEqual(Array.from({ length: 40 }, () => rows).flat());
  });
});

describe('encodings', () => {
  const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

  test.each([
    ['a.jsonl', '{"text":"你好"}\n{"text":"再见"}\n'],
    ['a.json', '[{"text":"你好"},{"text":"再见"}]'],
    ['a.tsv', 'text\tn\n你好\t1\n再见\t2\n'],
  ])('a byte-order mark decides by itself, whatever was given: %s', async (name, text) => {
    for (const given of [undefined, 'gb18030']) {
      for (const bytes of [utf16(text), Buffer.from(utf16(text)).swap16(), Buffer.from(`\ufeff${text}`)]) {
        const found = await read(name, bytes, given ? { encoding: given } : {});
        expect(found.map((row) => row.text)).toEqual(['你好', '再见']);
      }
    }
  });

  test('a line that the encoding does not have is refused by its number, or skipped', async () => {
    const [good, bad] = [
      Buffer.from(golden.files.gbk?.bytes as string, 'base64'),
      Buffer.from([0x81, 0x20, 0x2c, 0x61, 0x2c, 0x31]),
    ];
    const bytes = Buffer.concat([good, bad, Buffer.from('\r\nb,c,1\r\n')]);
    await expect(read('a.csv', bytes, { encoding: 'gbk' })).rejects.toThrow(
      'a.csv:5: not valid gbk, or damaged before it was saved (it holds U+FFFD)\n  fix: give the encoding that it was saved in',
    );
    const skipping = new BadRecords('skip');
    expect(await read('a.csv', bytes, { encoding: 'gbk', bad: skipping })).toHaveLength(4);
    expect(skipping.count).toBe(1);
  });

  test('an unknown one is refused', async () => {
    await expect(read('a.csv', 'a\n1\n', { encoding: 'gb-1' })).rejects.toThrow(
      "encoding: no encoding 'gb-1'\n  fix: give one that TextDecoder knows, as gb18030",
    );
  });

  test('UTF-8 with a damaged byte looks like nothing else', () => {
    const damaged = Buffer.concat([
      Buffer.from('今天的天气很好'),
      Buffer.from([0xe6, 0x2c]),
      Buffer.from('明天会下雨吗'),
    ]);
    expect(likelyEncoding(damaged)).toBeUndefined();
  });
});

describe('delimiters', () => {
  const rows = [
    { text: 'a, b', text_pos: 'c', n: 1 },
    { text: 'd', text_pos: 'e; f', n: 2 },
  ];
  test.each([
    ['a comma', 'a.csv', 'text,text_pos,n\n"a, b",c,1\nd,e; f,2\n'],
    ['a semicolon', 'a.csv', 'text;text_pos;n\na, b;c;1\nd;"e; f";2\n'],
    ['a tab', 'a.csv', 'text\ttext_pos\tn\na, b\tc\t1\nd\te; f\t2\n'],
    ['a bar', 'a.csv', 'text|text_pos|n\na, b|c|1\nd|e; f|2\n'],
    ['a comma in a .tsv', 'a.tsv', 'text,text_pos,n\n"a, b",c,1\nd,e; f,2\n'],
  ])('%s is found', async (_, name, text) => {
    const reports: FileReport[] = [];
    expect(await read(name, text, { onFile: (report) => reports.push(report) })).toEqual(rows);
    expect(reports).toHaveLength(1);
    expect(reports[0]?.encoding).toBe('utf-8');
  });

  test('the one that gives every row as many fields is taken where a header has several', async () => {
    const text = 'text;score (0,1)\na;1\nb;0\n';
    expect(await read('a.csv', text)).toEqual([
      { text: 'a', 'score (0,1)': 1 },
      { text: 'b', 'score (0,1)': 0 },
    ]);
  });

  test("Excel's first line tells it", async () => {
    const found = await read('a.csv', 'sep=;\r\ntext;text_pos\r\na,b;c\r\n');
    expect(found).toEqual([{ text: 'a,b', text_pos: 'c' }]);
    expect(found.map(sourceOf)).toEqual(['a.csv:3']);
  });

  test('one column has none', async () => {
    expect(await read('a.csv', 'text\na; b\nc, d\n', { bad: new BadRecords('skip') })).toEqual([{ text: 'a; b' }]);
  });

  test('one that is given is taken', async () => {
    expect(await read('a.csv', 'a;b::c\n1;2::3\n', { delimiter: '::' })).toEqual([{ 'a;b': '1;2', c: 3 }]);
    await expect(read('a.csv', 'a;b\n1\n', { delimiter: ';' })).rejects.toThrow(
      'a.csv:2: 1 fields, but the header names 2 (a, b)\n  fix: set --delimiter if it is not ;, and give',
    );
  });
});

describe('files without a header', () => {
  const text = '手机坏了\t"手机"怎么修\t1\n今天\t"明天\t0\n';
  const columnNames = ['sentence1', 'sentence2', 'label'];

  test.each(['lcqmc.txt', 'lcqmc.txt.gz'])('get their names from columnNames: %s', async (name) => {
    const found = await read(name, name.endsWith('.gz') ? gzipSync(text) : text, { columnNames });
    expect(found).toEqual([
      { sentence1: '手机坏了', sentence2: '"手机"怎么修', label: 1 }, // quotes in .txt are the text's
      { sentence1: '今天', sentence2: '"明天', label: 0 },
    ]);
    expect(found.map(sourceOf)).toEqual([`${name}:1`, `${name}:2`]);
  });

  test('of another delimiter than the usual one are told by the number of names', async () => {
    expect(await read('a.csv', 'a, b;c;1\n', { columnNames })).toEqual([
      { sentence1: 'a, b', sentence2: 'c', label: 1 },
    ]);
  });

  test('a .txt without names says how to give them', async () => {
    await expect(read('lcqmc.txt', text)).rejects.toThrow(
      'lcqmc.txt: a .txt file has no header to name its columns\n  fix: name the columns: --columns sentence1,sentence2,label',
    );
  });

  test('rows of another length name the flag', async () => {
    await expect(read('a.tsv', 'a\tb\t1\nc\td\n', { columnNames })).rejects.toThrow(
      'a.tsv:2: 2 fields, but --columns names 3 (sentence1, sentence2, label)',
    );
  });

  test('a first record of the same text twice is told from a header', async () => {
    await expect(read('a.tsv', '今天天气很好\t今天天气很好\t1\n')).rejects.toThrow(
      "a.tsv:1: two columns named '今天天气很好'\n  fix: if the file has no header, name its columns: --columns sentence1,sentence2,label",
    );
  });
});

describe('records under a key', () => {
  const records = [{ text: 'a]}"', n: { list: [1, '{'] } }, { text: '二' }];
  const object = JSON.stringify({ version: '1.1 {"data": [', data: records, meta: { of: [1, 2] } }, null, 1);

  test('are found where one key alone has a list of objects, and it is said', async () => {
    const told: string[] = [];
    const listen = (warning: Error) => told.push(warning.message);
    process.on('warning', listen);
    const reports: FileReport[] = [];
    expect(await read('a.json', object, { onFile: (report) => reports.push(report) })).toEqual(records);
    await new Promise(setImmediate);
    process.off('warning', listen);
    expect(told).toEqual(["a.json: reading the records under 'data', the only key that holds a list of objects"]);
    expect(reports).toEqual([{ file: 'a.json', encoding: 'utf-8', field: 'data' }]);
  });

  test('are read by the key that is given, compact or not, marked or not, and go on where they were', async () => {
    const other = { train: records, test: [{ text: 'c' }] };
    expect(await read('a.json', JSON.stringify(other), { field: 'test' })).toEqual([{ text: 'c' }]);
    expect(await read('a.json', `\ufeff${JSON.stringify(other)}`, { field: 'train' })).toEqual(records);
    expect(await read('a.json', JSON.stringify({ data: [] }), { field: 'data' })).toEqual([]);
    const many = Array.from({ length: 500 }, (_, i) => ({ text: `文${i}` }));
    const bytes = Buffer.from(JSON.stringify({ data: many, end: 1 }));
    expect(await readOn('a.json', bytes, { field: 'data' })).toEqual(many);
  });

  test('one record alone is a record', async () => {
    const record = { text: 'a', text_pos: 'b', sources: [{ url: 'c' }] };
    expect(await read('a.json', JSON.stringify(record))).toEqual([record]);
    const several = [record, { ...record, text: 'd' }];
    expect(await read('a.json', several.map((one) => JSON.stringify(one)).join('\n'))).toEqual(several);
  });

  test.each([
    [
      { train: records, test: records },
      undefined,
      'lists of objects under train, test\n  fix: name one of them, as --field train',
    ],
    [{ data: records }, 'rows', "no list of objects under 'rows'; the object has {data}\n  fix: name a key"],
    [records, 'data', 'holds records, not an object around them\n  fix: name a key'],
    [
      { text: { '0': 'a', '1': 'b' }, text_pos: { '0': 'c', '1': 'd' } },
      undefined,
      "as pandas' to_json writes by default (orient='columns')\n  fix: write it with df.to_json(path, orient=\"records\", lines=True)",
    ],
    [
      { '0': { text: 'a' }, '1': { text: 'b' } },
      undefined,
      "to_json(orient='index') writes\n  fix: write it with df.to_json",
    ],
    [
      { text: ['a', 'b'], text_pos: ['c', 'd'] },
      undefined,
      'holds a list for each column, not an object for each record',
    ],
  ])('%j with field %o says what it is', async (content, field, message) => {
    await expect(read('a.json', JSON.stringify(content), field ? { field } : {})).rejects.toThrow(message);
  });
});

describe('a file that is of another kind', () => {
  test.each([
    ['a.jsonl', '[{"text":"a"}]', 'is a JSON array, not JSON Lines\n  fix: rename it to end in .json'],
    ['a.jsonl', '{\n "text": "a"\n}\n', 'is JSON over several lines, not JSON Lines\n  fix: rename it to end in .json'],
    ['a.csv', '{"text":"a"}\n', 'is JSON Lines, not delimited text\n  fix: rename it to end in .jsonl'],
    ['a.csv', Buffer.from('PAR1....'), 'is a Parquet file\n  fix: rename it to end in .parquet'],
    [
      'a.jsonl',
      gzipSync('{"text":"a"}\n'),
      'is compressed with gzip, but its name does not end in .gz\n  fix: add .gz to its name',
    ],
    ['a.parquet', gzipSync('{"text":"a"}\n'), 'is compressed with gzip'],
    [
      'a.csv',
      '<!DOCTYPE html>\n<html>',
      'is an HTML or XML page, perhaps an error page instead of the file\n  fix: check the link',
    ],
    ['a.json', '<html>', 'is an HTML or XML page'],
    ['a.parquet', '<html></html>', 'is an HTML or XML page'],
    [
      'a.jsonl',
      'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
      'is a Git LFS pointer, not the file it points to\n  fix: fetch the file itself: git lfs pull',
    ],
    ['a.arrow', 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n', 'is a Git LFS pointer'],
    [
      'a.csv',
      Buffer.from('PK\x03\x04....', 'latin1'),
      "is an Excel workbook (.xlsx) or another zip archive\n  fix: save the sheet as 'CSV UTF-8'",
    ],
    ['a.parquet', '{"text":"a"}\n', 'is JSON, not what its extension says\n  fix: rename it to end in .jsonl or .json'],
    ['a.json', Buffer.from([0x80, 0x04, 0x95]), 'is a Python pickle\n  fix: write it from Python'],
  ])('%s: says which, and what mends it', async (name, content, message) => {
    await expect(read(name, content)).rejects.toThrow(`${name}: ${message}`);
    await expect(read(name, content, { bad: new BadRecords('skip') })).rejects.toThrow(`${name}: ${message}`);
  });

  test('a damaged Parquet file is still one', async () => {
    await expect(read('a.parquet', 'PAR1 and no footer PAR1')).rejects.toThrow(
      'no Parquet file, or its footer is damaged',
    );
  });
});

describe('labels', () => {
  const labelMap = { entailment: 1, neutral: 0.5, contradiction: 0, '-1': 0 };

  test('of words get their numbers', async () => {
    const text = 'sentence1,sentence2,label\na,b,entailment\nc,d,contradiction\n';
    expect((await read('a.csv', text, { labelMap })).map(({ label }) => label)).toEqual([1, 0]);
    const other = await read('a.csv', text.replace('label', 'gold'), { labelMap, labelColumn: 'gold' });
    expect(other.map(({ gold }) => gold)).toEqual([1, 0]);
  });

  test('that are classes are looked up by the names that are known, else as they are', async () => {
    const text = '{"label":0}\n{"label":2}\n{"label":-1}\n';
    const classNames = { label: ['entailment', 'neutral', 'contradiction'] };
    expect(await read('a.jsonl', text, { labelMap, classNames })).toEqual([{ label: 1 }, { label: 0 }, { label: 0 }]);
    expect(await read('a.jsonl', '{"label":5}\n{"label":true}\n', { labelMap: { '5': 1, true: 2 } })).toEqual([
      { label: 1 },
      { label: 2 },
    ]);
  });

  test('that the map does not have are refused by their line, or skipped', async () => {
    const text = '{"label":"neutral"}\n{"label":"-"}\n';
    await expect(read('a.jsonl', text, { labelMap })).rejects.toThrow(
      'a.jsonl:2: label is "-", which is not in the label map\n  fix: add it, as --label-map -=1 (option labelMap)',
    );
    expect(await read('a.jsonl', text, { labelMap, bad: new BadRecords('skip') })).toEqual([{ label: 0.5 }]);
  });
});
