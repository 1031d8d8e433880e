/** The work of uniem search: making an index, and asking it. */

import { Embedder, OptionError, type PoolingStrategy, ProgressBar, useEngine } from '@uniem/core';
import { topK, vectorsInMemory } from '@uniem/core/search';
import type { Row } from '@uniem/data';
import { ResumableFile } from '@uniem/data/files';

import type { SearchFlags } from './commands/search.ts';
import { encodeTexts, RowWindows } from './encode-texts.ts';
import { requireFolderOf } from './files.ts';
import { beginIndex, finishIndex, indexFile, SearchIndex, writeRows } from './search-index.ts';
import { fingerprintOf, openTexts, textOf } from './texts.ts';

/** Encodes the texts of --input into a folder. */
export async function index(given: SearchFlags): Promise<void> {
  const { index: folder, model, input, column, idColumns, split, stdinFormat, pooling, truncateDim, resume } = given;
  if (model === undefined)
    throw new OptionError('an index needs one', '--model', 'give the model to encode the texts by');
  if (input === undefined || input === '-') {
    throw new OptionError('an index is made of a file, which is read twice', '--input', 'write the texts to a file');
  }
  requireFolderOf(folder);
  const format = formatOf(given);
  const texts = { input, column, columns: idColumns, split, stdinFormat, format };
  const rows = await openTexts(texts);
  const backend = await useEngine({ backend: given.backend });
  const { precision } = given;
  const embedder = await Embedder.fromPretrained(model, { poolingStrategy: pooling, precision });
  await beginIndex(folder);
  const prompt = given.prompt ?? ownPrompt(embedder, 'document');
  await encodeTexts(embedder, {
    texts: { ...texts, columns: [] },
    rows,
    output: indexFile(folder, 'vectors.npy'),
    precision: 'float32',
    calibration: { texts, size: 0 },
    window: given.window,
    shard: undefined,
    resume,
    run: {
      ...{ model, input, column, split, ...format, pooling, truncateDim, prompt, backend },
      ...{
        precision,
        batchSize: given.batchSize,
        window: given.window,
        content: fingerprintOf(input),
      },
    },
    encoding: { prompt, truncateDim, batchSize: given.batchSize, normalize: true },
  });
  const count = await writeRows(folder, await openTexts(texts));
  finishIndex(folder, { version: 1, model, texts: count, column, pooling, truncateDim });
  process.stderr.write(`${count} texts\n`);
  process.stdout.write(`${folder}\n`);
}

/** Prints, or writes, what each query finds. */
export async function query(given: SearchFlags): Promise<void> {
  const { input, query: one, column, idColumns: columns, split, stdinFormat, output, window } = given;
  if ((input === undefined) === (one === undefined)) {
    throw new OptionError('one of the two is needed', '--query, --input', 'give one query, or a file of them');
  }
  const misplaced = { '--pooling': given.pooling, '--truncate-dim': given.truncateDim };
  const flag = Object.entries(misplaced).find(([, value]) => value !== undefined)?.[0];
  if (flag) throw new OptionError('was set when the index was made', flag, 'leave it out');
  if (output) requireFolderOf(output);
  const found = await SearchIndex.open(given.index);
  const { model, pooling, truncateDim } = found.manifest;
  await useEngine({ backend: given.backend });
  const embedder = await Embedder.fromPretrained(given.model ?? model, {
    precision: given.precision,
    poolingStrategy: pooling as PoolingStrategy | undefined,
  });
  const prompt = given.prompt ?? ownPrompt(embedder, 'query');
  const file = output === undefined ? undefined : await ResumableFile.open(output, {}, false);
  const rows =
    one !== undefined
      ? single({ [column]: one })
      : await openTexts({ input: input as string, column, columns, split, stdinFormat, format: formatOf(given) });
  const source = new RowWindows(rows);
  const bar = new ProgressBar('search', undefined, file ? 'auto' : false);
  let done = 0;
  try {
    for (let part = await source.take(window); part.length > 0; part = await source.take(window)) {
      const asked = part.map((row) => textOf(row, column));
      const vectors = await embedder.encode(asked, {
        ...{ prompt, truncateDim, batchSize: given.batchSize },
        ...{ normalize: true, progressBar: false },
      });
      let at = 0;
      for await (const block of topK(
        vectorsInMemory(vectors),
        found.vectors,
        given.topK,
        (given.memory * 2 ** 20) / 4,
      )) {
        for (const hits of block) {
          const row = part[at] as Row;
          const ids = Object.fromEntries(columns.map((name) => [name, row[name]]));
          const rowsFound: Row[] = [];
          for (const { index: number, score } of hits) {
            rowsFound.push({ index: number, score, ...(await found.row(number)) });
          }
          const line = `${JSON.stringify({ query: asked[at], ...ids, hits: rowsFound })}\n`;
          if (file) await file.append([Buffer.from(line)]);
          else process.stdout.write(line);
          at += 1;
        }
      }
      done += part.length;
      bar.update(done);
    }
    bar.end();
    await file?.finish();
  } catch (error) {
    await file?.abandon();
    throw error;
  } finally {
    await source.close();
    await found.close();
  }
  if (output !== undefined) process.stdout.write(`${output}\n`);
}

const formatOf = ({ columns, delimiter, encoding, field }: SearchFlags) => ({ columns, delimiter, encoding, field });

/** The model's own prompt for a role; none where it has no such prompt, as encodeQuery and encodeDocument. */
function ownPrompt({ prompts }: Embedder, name: 'query' | 'document'): string {
  return Object.hasOwn(prompts, name) ? (prompts[name] as string) : '';
}

async function* single(row: Row): AsyncGenerator<Row> {
  yield row;
}
