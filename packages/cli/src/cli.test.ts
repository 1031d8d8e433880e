/** The built command as a user runs it. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { describe, expect, onTestFinished, test } from 'vitest';

import { minilmFolder } from '../../../examples/minilm.ts';

const fixtures = fileURLToPath(new URL('../../../fixtures/', import.meta.url));
const command = fileURLToPath(new URL('../bin/uniem.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'uniem-cli-'));

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function uniem(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
  });
}

describe('uniem finetune', () => {
  // curve.json: fixtures/minilm/generate.py, MultipleNegativesRankingLoss, scale 20, constant lr, AdamW.
  test.each([
    ['native', 'fp32', 0.01],
    ['native', 'bf16', 0.05],
    ['tensorflow', 'fp32', 0.01],
  ] as const)(
    "repeats sentence-transformers' loss curve, %s %s",
    { timeout: 300_000 },
    async (backend, precision, tolerance) => {
      const output = join(folder, `curve-${backend}-${precision}`);
      const { code, stdout, stderr } = await uniem(
        ...['finetune', '--model', minilmFolder(), '--data', join(fixtures, 'minilm', 'pairs.jsonl.gz')],
        ...['--output-dir', output, '--epochs', '1', '--batch-size', '64', '--lr', '5e-5', '--max-length', '128'],
        ...['--dropout', '0', '--no-shuffle', '--precision', precision, '--log-interval', '1'],
        ...['--backend', backend],
      );
      expect(stderr).toBe(
        'model type sentence_transformers: the folder holds modules.json\n' +
          'pooling last_mean: modules.json says so\n' +
          'record type pair\n',
      );
      expect([code, stdout]).toEqual([0, `${join(output, 'model')}\n`]);
      const lines = readFileSync(join(output, 'metrics.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      const actual: number[] = lines.filter((line) => 'step' in line).map(({ loss }) => loss);
      const expected: number[] = JSON.parse(readFileSync(join(fixtures, 'minilm', 'curve.json'), 'utf8')).losses;
      expect(actual).toHaveLength(40);
      actual.forEach((loss, i) => {
        expect(Math.abs(loss - (expected[i] as number)), `step ${i + 1}`).toBeLessThan(tolerance);
      });
    },
  );

  test('bf16 finds as well as fp32', { timeout: 120_000 }, async () => {
    const found = ['native-fp32', 'native-bf16'].map(async (name) => {
      const model = join(folder, `curve-${name}`, 'model');
      const data = join(fixtures, 'minilm', 'pairs.jsonl.gz');
      return JSON.parse((await uniem('evaluate', '--model', model, '--data', data)).stdout)['mrr@10'] as number;
    });
    const [fp32, bf16] = await Promise.all(found);
    expect(fp32).toBeGreaterThan(0.3);
    expect(Math.abs((fp32 as number) - (bf16 as number))).toBeLessThan(0.01);
  });

  test('--config gives options, flags win, and run.json repeats the run', { timeout: 60_000 }, async () => {
    const data = join(folder, 'few.jsonl');
    const rows = Array.from({ length: 16 }, (_, i) => ({ text: `cat ${i}`, text_pos: `dog ${i}` }));
    writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const config = join(folder, 'run.yaml');
    const tiny = join(fixtures, 'tiny-bert', 'model');
    writeFileSync(config, `model: ${tiny}\ndata: ${data}\nbatchSize: 8\nepochs: 2\nlr: 0.001\n`);
    const [once, again] = [join(folder, 'config-once'), join(folder, 'config-again')];
    expect((await uniem('finetune', '--config', config, '--epochs', '1', '--output-dir', once)).code).toBe(0);
    expect(JSON.parse(readFileSync(join(once, 'run.json'), 'utf8'))).toMatchObject({
      batchSize: 8,
      epochs: 1,
      lr: 0.001,
    });
    expect((await uniem('finetune', '--config', join(once, 'run.json'), '--output-dir', again)).code).toBe(0);
    const [a, b] = [once, again].map((output) => readFileSync(join(output, 'model', 'model.safetensors')));
    expect(a?.equals(b as Buffer)).toBe(true);
  });

  test.each([
    ['batchSize: none', 'CONFIG: batchSize: Invalid input: expected number, received string (received "none")'],
    ['batch: 3', 'CONFIG: no option batch\n  fix: see `uniem finetune --help`'],
    ['- 3', 'CONFIG: holds no options\n  fix: write one a line, as batchSize: 64'],
    ['a: b: c', 'CONFIG: cannot be read (Nested mappings'],
  ])('--config with %s is refused', async (content, message) => {
    const config = join(folder, 'wrong.yaml');
    writeFileSync(config, content.startsWith('- ') ? content : `model: m\ndata: d\n${content}\n`);
    const { code, stderr } = await uniem('finetune', '--config', config);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message.replace('CONFIG', config))]);
  });

  test('Ctrl-C ends the run after the step, with metrics and model whole', async () => {
    const output = join(folder, 'interrupted');
    const data = join(folder, 'pairs.jsonl');
    const rows = Array.from({ length: 64 }, (_, i) => ({ text: `cat ${i}`, text_pos: `the cat sat on mat ${i}` }));
    writeFileSync(data, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    const tiny = join(fixtures, 'tiny-bert', 'model');
    const flags = ['--epochs', '100000', '--batch-size', '8', '--log-interval', '1', '--output-dir', output];
    const child = spawn(process.execPath, [command, 'finetune', '--model', tiny, '--data', data, ...flags]);
    onTestFinished(() => void child.kill('SIGKILL'));
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const ended = once(child, 'close');
    const metrics = join(output, 'metrics.jsonl');
    while (!existsSync(metrics) || !readFileSync(metrics, 'utf8').includes('\n')) await setTimeout(5);
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    const lines = readFileSync(metrics, 'utf8').split('\n');
    expect(lines.pop()).toBe(''); // the last line is whole
    const steps = lines.map((line) => JSON.parse(line)).filter((line) => 'step' in line);
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i + 1));
    expect(JSON.parse(lines.at(-1) as string)).toHaveProperty('loss'); // an epoch cut off has no line
    expect(stderr).toBe(
      'model type huggingface: nothing says otherwise\npooling last_mean: the folder names none\nrecord type pair\n\nstopping after this step; press Ctrl-C again to quit at once\n' +
        `stopped after step ${steps.length}; metrics and model are written, and --resume goes on from here\n`,
    );
    expect(stdout).toBe(`${join(output, 'model')}\n`);
    expect(existsSync(join(output, 'model', 'model.safetensors'))).toBe(true);
  });

  // A pseudo-terminal of Python's: stderr of the command is a terminal there, and shares the stream with stdout.
  test('on a terminal a bar shows the loss, records a second and the time left', async () => {
    const data = join(folder, 'terminal.jsonl');
    writeFileSync(data, '{"text": "the cat", "text_pos": "a cat sat"}\n'.repeat(16));
    const flags = ['--epochs', '1', '--batch-size', '4', '--output-dir', join(folder, 'terminal')];
    const tiny = join(fixtures, 'tiny-bert', 'model');
    const child = execFile('python3', [
      ...['-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)'],
      ...[process.execPath, command, 'finetune', '--model', tiny, '--data', data, ...flags],
    ]);
    let screen = '';
    child.stdout?.on('data', (chunk) => {
      screen += chunk;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    const bars = screen.split('\r').filter((line) => line.startsWith('\x1b[Ktrain '));
    expect(bars.at(-1)).toMatch(/^\S+ █{16} 4\/4 0:00 left loss \d\.\d{4} {2}\d+ records\/s$/);
  });

  test('an option out of range exits with 2 and names the flag', async () => {
    const outcome = await uniem('finetune', '--model', 'm', '--data', 'd', '--batch-size', '0');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('UsageError: --batch-size: Too small: expected number to be >0 (received 0)');
  });

  test('a dataset that is not there exits with 1', async () => {
    const outcome = await uniem('finetune', '--model', minilmFolder(), '--data', '/none.jsonl');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('DataError: /none.jsonl: no such file or folder\n  fix: ');
  });
});

test("uniem encode gives sentence-transformers' vectors", async () => {
  const input = join(folder, 'texts.jsonl');
  const output = join(folder, 'vectors.jsonl');
  const expected: number[][] = JSON.parse(readFileSync(join(fixtures, 'minilm', 'vectors.json'), 'utf8'));
  const texts = JSON.parse(readFileSync(join(fixtures, 'minilm', 'texts.json'), 'utf8')) as string[];
  writeFileSync(input, texts.map((text) => JSON.stringify({ text })).join('\n'));
  expect(await uniem('encode', '--model', minilmFolder(), '--input', input, '--output', output)).toMatchObject({
    code: 0,
  });
  const vectors = readFileSync(output, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).embedding as number[]);
  expect(vectors).toHaveLength(expected.length);
  vectors.forEach((vector, i) => {
    const largest = Math.max(...vector.map((value, j) => Math.abs(value - (expected[i]?.[j] as number))));
    expect(largest, texts[i]).toBeLessThan(1e-5);
  });
});

test('uniem doctor says what is here', async () => {
  const { code, stdout, stderr } = await uniem('doctor');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^uniem +\d+\.\d+\.\d+$/m);
  expect(stdout).toContain(`node               ${process.versions.node}\n`);
  expect(stdout).toMatch(/^engine native +ready in \S+$/m);
  expect(stdout).toMatch(/^engine tensorflow +ready in \S+$/m);
});

test('an unknown flag exits with 2', async () => {
  const outcome = await uniem('encode', '--bogus');
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toBe("UsageError: uniem encode: Unknown option '--bogus'\n  fix: see `uniem encode --help`\n");
});

test('a missing model folder is named', async () => {
  const input = join(folder, 'one.txt');
  writeFileSync(input, 'a\n');
  const outcome = await uniem('encode', '--model', '/none', '--input', input, '--output', join(folder, 'x.npy'));
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toBe(
    'ModelError: /none: no such model folder\n  fix: give the folder that holds config.json, or a model of the hub as owner/name[@revision]\n',
  );
});

test('a missing input file is named', async () => {
  const outcome = await uniem('encode', '--model', 'm', '--input', '/none.txt', '--output', join(folder, 'x.npy'));
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toBe(
    'DataError: /none.txt: no such file\n  fix: give a file of texts, a folder, a name of the hub, or - for standard input\n',
  );
});

test('a missing output folder is named before the work is done', async () => {
  const input = join(folder, 'one.txt');
  writeFileSync(input, 'a\n');
  const outcome = await uniem('encode', '--model', '/none', '--input', input, '--output', '/none/x.npy');
  expect(outcome).toEqual({
    code: 1,
    stdout: '',
    stderr: 'OptionError: /none: no such folder\n  fix: make it, or choose another path for the output\n',
  });
});

test.each([
  ['finetune', '--lr=', '--lr: Invalid input: expected number, received NaN (received )'],
  ['finetune', '--epochs=two', '--epochs: Invalid input: expected number, received NaN (received two)'],
  ['constructor', '', "uniem: unknown command 'constructor'"],
])('uniem %s %s is wrong usage', async (name, flag, text) => {
  const outcome = await uniem(name, '--model', 'm', '--data', 'd', flag);
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain(`UsageError: ${text}\n  fix: `);
});
