/** Files that are not what their name says: which kind they are, and what mends it. */

export interface Problem {
  what: string;
  fix: string;
}

/** Bytes of a file's start that tell its shape. */
export const HEAD = 1024;

const starts = (...bytes: number[]) => {
  const mark = Buffer.from(bytes);
  return (head: Buffer) => head.subarray(0, mark.length).equals(mark);
};
const matches = (pattern: RegExp) => (head: Buffer) => pattern.test(head.toString('latin1'));

/** What a file's first bytes are the mark of; the first match counts. */
const SHAPES: readonly { is: (head: Buffer) => boolean; what: string; fix: string }[] = [
  {
    is: matches(/^version https:\/\/git-lfs\.github\.com\/spec\//),
    what: 'a Git LFS pointer, not the file it points to',
    fix: 'fetch the file itself: git lfs pull',
  },
  {
    is: matches(/^(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|\?xml)/i),
    what: 'an HTML or XML page, perhaps an error page instead of the file',
    fix: 'check the link and your access, and download the file again',
  },
  {
    is: starts(0x1f, 0x8b),
    what: 'compressed with gzip, but its name does not end in .gz',
    fix: 'add .gz to its name',
  },
  { is: starts(0x28, 0xb5, 0x2f, 0xfd), what: 'compressed with zstd', fix: 'decompress it first: zstd -d' },
  { is: starts(...Buffer.from('PAR1')), what: 'a Parquet file', fix: 'rename it to end in .parquet' },
  { is: starts(...Buffer.from('ARROW1')), what: 'an Arrow file', fix: 'rename it to end in .arrow' },
  {
    is: starts(...Buffer.from('PK\x03\x04', 'latin1')),
    what: 'an Excel workbook (.xlsx) or another zip archive',
    fix: "save the sheet as 'CSV UTF-8', or unpack the archive",
  },
  { is: starts(0xd0, 0xcf, 0x11, 0xe0), what: 'an Excel workbook (.xls)', fix: "save the sheet as 'CSV UTF-8'" },
  {
    is: (head) => head[0] === 0x80 && [2, 3, 4, 5].includes(head[1] ?? 0),
    what: 'a Python pickle',
    fix: 'write it from Python: pd.read_pickle(path).to_json("data.jsonl", orient="records", lines=True)',
  },
];

/** The shape that a text file's first bytes give away; undefined where they may be text. */
export function shapeOf(head: Buffer): Problem | undefined {
  return SHAPES.find(({ is }) => is(head));
}

/** What a file is that cannot be read as Parquet or Arrow; undefined where its first bytes do not tell. */
export function shapeOfBinary(head: Buffer, extension: string): Problem | undefined {
  const found = shapeOf(head);
  if (found) return found.fix.endsWith(extension) ? undefined : found; // of its own kind, and damaged
  if (/^(?:\xef\xbb\xbf)?\s*[[{]/.test(head.toString('latin1'))) {
    return { what: 'JSON, not what its extension says', fix: 'rename it to end in .jsonl or .json' };
  }
  return undefined;
}

/** What a .jsonl file's first line gives away. */
export function shapeOfJsonl(line: string): Problem | undefined {
  if (/^\s*\[\s*(?:\{|$)/.test(line)) return { what: 'a JSON array, not JSON Lines', fix: 'rename it to end in .json' };
  if (/^\s*\{\s*$/.test(line)) {
    return { what: 'JSON over several lines, not JSON Lines', fix: 'rename it to end in .json' };
  }
  return undefined;
}

/** What a delimited file's first line gives away. */
export function shapeOfCsv(line: string): Problem | undefined {
  if (/^\s*\{\s*"/.test(line)) return { what: 'JSON Lines, not delimited text', fix: 'rename it to end in .jsonl' };
  if (/^\s*\[\s*(?:\{|$)/.test(line))
    return { what: 'a JSON array, not delimited text', fix: 'rename it to end in .json' };
  return undefined;
}
