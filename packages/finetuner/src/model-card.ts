/** README.md beside a trained model: what the hub's front matter reads, how to use the model, how it was made. */

import type { Embedder } from '@uniem/core';

export interface ModelCard {
  embedder: Embedder;
  /** What the user called the model that training began with. */
  baseModel: string;
  /** Lines of the table of training: what, and its value. */
  training: readonly (readonly [name: string, value: string | number])[];
  /** Validation loss by epoch, where there is a validation set. */
  validation: readonly { epoch: number; validationLoss: number }[];
}

const HUB_NAME = /^[\w-][\w.-]*\/[\w-][\w.-]*(?:@.+)?$/;

/** The text of README.md. */
export function modelCard({ embedder, baseModel, training, validation }: ModelCard): string {
  const base = baseOf(embedder, baseModel);
  const { hiddenSize } = embedder.config;
  const sections = [
    frontMatter(base, embedder.opensInSentenceTransformers),
    '# Text embeddings',
    `A text-embedding model${base ? ` fine-tuned from [${base}](https://huggingface.co/${base})` : ''} with uniem: texts to vectors of ${hiddenSize} values, whose cosine tells how near two texts are in meaning.`,
    use(embedder),
    `## Training\n\n${table(['Option', 'Value'], training)}`,
    ...(validation.length > 0
      ? [
          `## Evaluation\n\n${table(
            ['Epoch', 'Validation loss'],
            validation.map(({ epoch, validationLoss }) => [epoch, validationLoss.toFixed(4)]),
          )}`,
        ]
      : []),
  ];
  return `${sections.join('\n\n')}\n`;
}

/** The base model's name on the hub: the given one, or what its config remembers; a folder's path is nobody's business. */
function baseOf(embedder: Embedder, baseModel: string): string | undefined {
  const names = [baseModel.split('@')[0], embedder.config.raw._name_or_path];
  return names.find((name): name is string => typeof name === 'string' && HUB_NAME.test(name));
}

function frontMatter(base: string | undefined, opensInPython: boolean): string {
  const tags = ['sentence-similarity', 'feature-extraction', 'uniem'];
  const lines = [
    ...(opensInPython ? ['library_name: sentence-transformers'] : []),
    'pipeline_tag: sentence-similarity',
    ...(base ? [`base_model: ${base}`] : []),
    'tags:',
    ...(opensInPython ? ['- sentence-transformers'] : []),
    ...tags.map((tag) => `- ${tag}`),
  ];
  return `---\n${lines.join('\n')}\n---`;
}

const FOLDER = 'path/to/this/folder';

const fenced = (language: string, lines: readonly string[]) => ['```' + language, ...lines, '```'].join('\n');

function use(embedder: Embedder): string {
  const node = fenced('ts', [
    "import { Embedder } from '@uniem/core';",
    '',
    `const embedder = await Embedder.fromPretrained('${FOLDER}');`,
    "const vectors = await embedder.encode(['a text', 'another text']);",
  ]);
  const begin = `## Use\n\nIn Node:\n\n${node}`;
  if (!embedder.opensInSentenceTransformers) {
    return `${begin}\n\nIts pooling, ${embedder.poolingStrategy}, has no name in sentence-transformers' layout.`;
  }
  const python = fenced('python', [
    'from sentence_transformers import SentenceTransformer',
    '',
    `model = SentenceTransformer("${FOLDER}")`,
    'vectors = model.encode(["a text", "another text"])',
  ]);
  const browser = fenced('js', [
    "import { pipeline } from '@huggingface/transformers';",
    '',
    `const extract = await pipeline('feature-extraction', '${FOLDER}', { dtype: 'fp32' });`,
    `const options = { pooling: '${transformersJsPooling(embedder)}', normalize: true };`,
    "const vectors = await extract(['a text', 'another text'], options);",
  ]);
  const exported = `With transformers.js, after \`optimum-cli export onnx --model ${FOLDER} ${FOLDER}/onnx\`:`;
  return [begin, 'In Python:', python, exported, browser].join('\n\n');
}

const transformersJsPooling = ({ poolingStrategy }: Embedder) =>
  ({ cls: 'cls', last_token: 'last_token' })[poolingStrategy as string] ?? 'mean';

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
