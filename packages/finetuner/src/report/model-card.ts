/** README.md beside a trained model: what the hub's front matter reads, how to use the model, how it was made. */

import { type Embedder, STATIC_EMBEDDING } from '@uniem/core';
import { stringify } from 'yaml';
import type { Evaluation } from '../evaluation/validation-task.ts';
import { hubResults } from './hub-results.ts';

export interface ModelCard {
  embedder: Embedder;
  /** Names of the hub that the records came from. */
  datasets: readonly string[];
  /** Of the training texts (ISO 639-1), where it is certain. */
  language: string | undefined;
  /** What every text was trained with before it. */
  prefix: string;
  /** Lines of the table of training: what, and its value. */
  training: readonly (readonly [name: string, value: string | number])[];
  /** Validation loss by epoch, where there is a validation set. */
  validation: readonly { epoch: number; validationLoss: number }[];
  /** What the model was worth before and after. */
  evaluation: Evaluation | undefined;
}

const HUB_NAME = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;
const TITLE = 'Text embeddings';

/** The text of README.md. */
export function modelCard(card: ModelCard): string {
  const { embedder, datasets, prefix, training } = card;
  const base = baseOf(embedder);
  const sections = [
    frontMatter(card, base),
    `# ${TITLE}`,
    `A text-embedding model${base ? ` fine-tuned from [${base}](https://huggingface.co/${base})` : ''} with uniem: texts to vectors of ${embedder.dimension} values, whose cosine tells how near two texts are in meaning.`,
    use(embedder, prefix),
    `## Training\n\n${table(['Option', 'Value'], [...training, ...datasets.map(datasetRow)])}`,
    ...evaluationOf(card),
  ];
  return `${sections.join('\n\n')}\n`;
}

const datasetRow = (name: string): [string, string] => [
  'dataset',
  `[${name}](https://huggingface.co/datasets/${name})`,
];

/** The base model's name on the hub, where it was opened by it: what a folder's files say of their origin may be older. */
function baseOf({ origin }: Embedder): string | undefined {
  const opened = [origin, origin.base].find((one) => one && one.name !== one.folder);
  const [name = ''] = opened?.name.split('@') ?? [];
  return HUB_NAME.test(name) ? name : undefined;
}

function frontMatter({ embedder, datasets, language, evaluation }: ModelCard, base: string | undefined): string {
  const opensInPython = embedder.opensInSentenceTransformers;
  const results = evaluation && hubResults(evaluation, TITLE);
  const fields = {
    language,
    library_name: opensInPython ? 'sentence-transformers' : undefined,
    pipeline_tag: 'sentence-similarity',
    base_model: base,
    datasets: datasets.length > 0 ? datasets : undefined,
    tags: [
      ...(opensInPython ? ['sentence-transformers'] : []),
      ...['sentence-similarity', 'feature-extraction', 'uniem'],
    ],
    ...results,
  };
  return `---\n${stringify(fields, { indentSeq: false })}---`;
}

function evaluationOf({ evaluation, validation }: ModelCard): string[] {
  if (!evaluation && validation.length === 0) return [];
  const shown = (value: number | undefined) => value?.toFixed(4) ?? '';
  const losses = table(
    ['Epoch', 'Validation loss'],
    validation.map(({ epoch, validationLoss }) => [epoch, shown(validationLoss)]),
  );
  if (!evaluation) return ['## Evaluation', losses];
  const { task, records, before, after } = evaluation;
  const measures = table(
    ['Metric', 'Before', 'After'],
    Object.entries(after).map(([name, value]) => [name, shown(before?.[name]), shown(value)]),
  );
  const head = `## Evaluation\n\nOn ${records} records of the validation set, as the task ${task}:\n\n${measures}`;
  return validation.length > 0 ? [head, losses] : [head];
}

const FOLDER = 'path/to/this/folder';

const fenced = (language: string, lines: readonly string[]) => [`\`\`\`${language}`, ...lines, '```'].join('\n');

/** Lines to copy; a prefix stands in all of them, as the vectors are others without. */
function use(embedder: Embedder, prefix: string): string {
  const node = fenced('ts', [
    "import { Embedder } from '@uniem/core';",
    '',
    `const embedder = await Embedder.fromPretrained('${FOLDER}');`,
    `const vectors = await embedder.encode(['a text', 'another text']${prefix && `, { prompt: ${JSON.stringify(prefix)} }`});`,
  ]);
  const begin = `## Use\n\nIn Node:\n\n${node}`;
  if (!embedder.opensInSentenceTransformers) {
    return `${begin}\n\nIts pooling, ${[embedder.poolingStrategy].flat().join(' and ')}, has no name in sentence-transformers' layout.`;
  }
  const python = fenced('python', [
    'from sentence_transformers import SentenceTransformer',
    '',
    `model = SentenceTransformer("${FOLDER}")`,
    `vectors = model.encode(["a text", "another text"]${prefix && `, prompt=${JSON.stringify(prefix)}`})`,
  ]);
  const pooling = transformersJsPooling(embedder);
  if (pooling === undefined) return [begin, 'In Python:', python].join('\n\n');
  const texts = `[${['a text', 'another text'].map((text) => JSON.stringify(prefix + text)).join(', ')}]`;
  const browser = fenced('js', [
    "import { pipeline } from '@huggingface/transformers';",
    '',
    `const extract = await pipeline('feature-extraction', '${FOLDER}', { dtype: 'fp32' });`,
    `const options = { pooling: '${pooling}', normalize: true };`,
    `const vectors = await extract(${texts}, options);`,
  ]);
  const exported = `With transformers.js, after \`optimum-cli export onnx --model ${FOLDER} ${FOLDER}/onnx\`:`;
  return [begin, 'In Python:', python, exported, browser].join('\n\n');
}

/** Its pipeline pools in these ways, and knows no modules after the pooling: undefined where that is not the model. */
function transformersJsPooling({ poolingStrategy, hasHead, config }: Embedder): string | undefined {
  const known: Record<string, string> = { last_mean: 'mean', cls: 'cls', last_token: 'last_token' };
  const isStatic = config.modelType === STATIC_EMBEDDING; // has no config.json, which its tools begin with
  return typeof poolingStrategy !== 'string' || hasHead || isStatic ? undefined : known[poolingStrategy];
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
