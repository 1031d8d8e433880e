/**
 * What a batch of 4,096 pairs costs with GradCache, beside one of 64 pairs: steps of all-MiniLM-L6-v2 on our own engine,
 * each setting in a process of its own. Prints the peak memory of the process and pairs a second.
 * node benchmarks/dist/grad-cache.js MODEL_FOLDER PAIRS.jsonl.gz
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { type Dataset, loadDataset } from '@uniem/data';
import { FineTuner } from '@uniem/finetuner';

const STEPS = 3;
const TOKENS_OF_64 = 2048; // about those of 64 of the pairs
const [folder, pairs, batch, gradCacheTokens] = process.argv.slice(2) as [string, string, string?, string?];

if (batch === undefined) {
  for (const args of [['64'], ['64', `${TOKENS_OF_64}`], ['4096', `${TOKENS_OF_64}`]]) {
    const child = [fileURLToPath(import.meta.url), folder, pairs, ...args];
    process.stdout.write(
      execFileSync(process.execPath, child, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    );
  }
} else {
  const all = [...((await loadDataset(pairs)) as Dataset)];
  const dataset = Array.from({ length: Number(batch) }, (_, i) => {
    const { text, text_pos } = all[i % all.length] as { text: string; text_pos: string };
    return { text: `${text} ${Math.floor(i / all.length)}`, text_pos }; // no pair twice
  });
  const fineTuner = await FineTuner.fromPretrained(folder, { dataset });
  const outputDir = mkdtempSync(join(tmpdir(), 'uniem-bench-'));
  const times: number[] = [];
  await fineTuner.run(
    {
      outputDir,
      batchSize: Number(batch),
      epochs: STEPS,
      lr: 5e-5,
      maxLength: 128,
      gradCacheTokens: gradCacheTokens === undefined ? undefined : Number(gradCacheTokens),
    },
    { onStep: () => times.push(performance.now()) },
  );
  rmSync(outputDir, { recursive: true });
  const seconds = ((times.at(-1) as number) - (times[0] as number)) / 1000 / (STEPS - 1);
  const megabytes = (process.resourceUsage().maxRSS * 1024) / 1e6;
  const how = gradCacheTokens === undefined ? 'in one pass' : `${gradCacheTokens} tokens at once`;
  console.log(
    `${batch.padStart(4)} pairs ${how.padEnd(19)} peak ${megabytes.toFixed(0).padStart(4)} MB  ${(Number(batch) / seconds).toFixed(0).padStart(4)} pairs/s`,
  );
}
