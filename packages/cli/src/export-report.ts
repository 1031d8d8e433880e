/** What `uniem export` prints. */

import type { ExportReport } from '@uniem/export';

/** What was written, and what of it was checked; the folder itself is what other programs read. */
export function printReport({ folder, files, notes }: ExportReport): void {
  for (const { path, bytes, cosine } of files) {
    const checked = cosine === undefined ? '' : `  least cosine ${cosine.toFixed(6)}`;
    process.stderr.write(`${path.padEnd(38)} ${(bytes / 1e6).toFixed(1).padStart(8)} MB${checked}\n`);
  }
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  process.stdout.write(`${folder}\n`);
}
