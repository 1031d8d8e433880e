/** A retrieval task as BEIR and MTEB lay it out: corpus.jsonl, queries.jsonl, qrels/<split>.tsv. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { OptionError } from '@uniem/core';
import { DataError, type Dataset, loadDataset, type Row, sourceOf } from '@uniem/data';
import type { RetrievalTask } from '@uniem/finetuner';

const SPLITS = ['test', 'validation', 'dev'];

/** The file of that name, packed or not. */
const fileOf = (folder: string, name: string) =>
  [name, `${name}.gz`].map((file) => join(folder, file)).find((path) => existsSync(path));

export function isRetrievalFolder(folder: string): boolean {
  const files = ['corpus.jsonl', 'queries.jsonl'].map((name) => fileOf(folder, name));
  return files.every(Boolean) && existsSync(join(folder, 'qrels'));
}

/**
 * Queries that the split judges, with their documents of a score above 0; a document's title stands before its text.
 *
 * @param split Left out, test, validation or dev.
 * As pytrec_eval counts: a relevant document that is not in the corpus is never found, and stands in the measures all the
 * same; a query that is not there is not measured. How many lines that concerns is said.
 *
 * @throws OptionError for a split that is not there; DataError where it judges no query that is there.
 */
export async function readRetrievalFolder(folder: string, split: string | undefined): Promise<RetrievalTask> {
  const wanted = split === undefined ? SPLITS : [split];
  const qrels = wanted
    .map((name) => join(folder, 'qrels', `${name}.tsv`))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (qrels === undefined) {
    throw new OptionError(
      `no ${wanted.join('.tsv, ')}.tsv in ${join(folder, 'qrels')}`,
      '--split',
      'name a file of it',
    );
  }
  const documents = await textsById(fileOf(folder, 'corpus.jsonl') as string);
  const queries = await textsById(fileOf(folder, 'queries.jsonl') as string);
  const indices = new Map([...documents.keys()].map((id, i) => [id, i]));
  const missing = { queries: 0, documents: 0 };
  const answers = new Map<string, { found: Map<number, number>; unfound: Map<string, number> }>();
  readFileSync(qrels, 'utf8')
    .split(/\r?\n/)
    .forEach((line, i) => {
      const [query = '', document = '', score = ''] = line.split('\t');
      if (line.trim() === '' || (i === 0 && !Number.isFinite(Number(score || Number.NaN)))) return; // the head
      const where = `${qrels}:${i + 1}`;
      if (!Number.isFinite(Number(score || Number.NaN))) {
        throw new DataError(`score is '${score}'`, where, 'give query, document and a number, parted by tabs');
      }
      if (!queries.has(query)) {
        missing.queries += 1;
        return;
      }
      if (!documents.has(document)) missing.documents += 1;
      if (!(Number(score) > 0)) return;
      const own = answers.get(query) ?? { found: new Map(), unfound: new Map() };
      answers.set(query, own);
      const index = indices.get(document);
      if (index === undefined) own.unfound.set(document, Number(score));
      else own.found.set(index, Number(score));
    });
  if (answers.size === 0) {
    const what = `judges no document above 0 for a query in queries.jsonl (${missing.queries} lines are of other queries)`;
    throw new DataError(what, qrels, 'give query, document and a number, parted by tabs, for queries of queries.jsonl');
  }
  if ([...answers.values()].every(({ found }) => found.size === 0)) {
    throw new DataError('none of its relevant documents is in the corpus', qrels, 'give them in corpus.jsonl');
  }
  if (missing.queries > 0) tell(qrels, missing.queries, 'whose query is not in queries.jsonl: not evaluated');
  if (missing.documents > 0) tell(qrels, missing.documents, 'whose document is not in corpus.jsonl: never found');
  return {
    queries: [...answers.keys()].map((id) => queries.get(id) as string),
    documents: [...documents.values()],
    relevant: Array.from(answers.values(), ({ found }) => found),
    unfound: Array.from(answers.values(), ({ unfound }) => [...unfound.values()]),
  };
}

/** To stderr, which leaves stdout to results. */
function tell(qrels: string, lines: number, what: string): void {
  process.stderr.write(`${qrels}: ${lines} ${lines === 1 ? 'line' : 'lines'} ${what}\n`);
}

async function textsById(path: string): Promise<Map<string, string>> {
  const rows: Iterable<Row> = (await loadDataset(path)) as Dataset;
  const texts = new Map<string, string>();
  for (const row of rows) {
    const { _id: id, title, text } = row;
    if ((typeof id !== 'string' && typeof id !== 'number') || typeof text !== 'string') {
      throw new DataError(
        `no _id or no text; the record has {${Object.keys(row).join(', ')}}`,
        sourceOf(row),
        'give every record a field _id and a field text',
      );
    }
    texts.set(String(id), typeof title === 'string' ? `${title} ${text}`.trim() : text);
  }
  return texts;
}
