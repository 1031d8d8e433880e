/** The packed product, installed into an empty folder as `npm install uniem` does it. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Packs all packages into `folder`/tarballs, and installs uniem and what it depends on into `folder`/project.
 *
 * @returns The project, what npm printed, and the tarballs by package name.
 */
export function installPacked(folder) {
  const tarballs = join(folder, 'tarballs');
  const project = join(folder, 'project');
  mkdirSync(project);
  execFileSync(process.execPath, [join(root, 'scripts', 'pack.mjs'), tarballs], { stdio: 'ignore' });
  writeFileSync(join(project, 'package.json'), '{"private": true}');
  const byName = new Map(
    readdirSync(tarballs).map((file) => [
      file.replace(/^uniem-(?=\D)/, '@uniem/').replace(/-\d.*$/, ''),
      join(tarballs, file),
    ]),
  );
  const output = install(
    project,
    dependenciesOf('uniem').map((name) => byName.get(name)),
  );
  return { project, output, tarballs: byName };
}

/** Installs packages without their install scripts. @returns What npm printed. */
export function install(project, packages) {
  const npm = ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages].join(' ');
  return execFileSync('sh', ['-c', `${npm} 2>&1`], { cwd: project, encoding: 'utf8' });
}

/** A package of this workspace and all of the workspace that it needs, in turn. */
function dependenciesOf(name, found = new Set()) {
  if (found.has(name)) return [...found];
  found.add(name);
  for (const folder of ['packages', join('packages', 'backend-native', 'npm')]) {
    for (const entry of readdirSync(join(root, folder))) {
      let manifest;
      try {
        manifest = JSON.parse(readFileSync(join(root, folder, entry, 'package.json'), 'utf8'));
      } catch {
        continue; // no package
      }
      if (manifest.name !== name) continue;
      const needed = Object.entries({ ...manifest.dependencies, ...manifest.optionalDependencies });
      for (const [other, range] of needed) if (range.startsWith('workspace:')) dependenciesOf(other, found);
    }
  }
  return [...found];
}
