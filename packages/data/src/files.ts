/** Files that are read in blocks and written as they grow: the names of @uniem/data/files, for this project's own packages. */

export { type ByteSource, LocalFile } from './bytes.ts';
export { NpyFile } from './readers/npy.ts';
export { readTextLines } from './readers/text-lines.ts';
export { partRange } from './stream/node.ts';
export { lockFile } from './writers/file-lock.ts';
export { ResumableFile, type RunOptions } from './writers/resumable-file.ts';
export type { VectorValues } from './writers/vector-format.ts';
export { requireFormat, VectorWriter } from './writers/vector-writer.ts';
