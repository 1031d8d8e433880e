/**
 * Builds the engine once: libtensorflow from the PyPI wheel tensorflow-cpu, tfjs-node's unchanged binding on it.
 * Everything happens in a folder that is renamed when whole, so a half-finished set-up is started over.
 */

import { renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildWhole, downloadWheels, Toolbox } from '@uniem/engine-setup';

import { BINDING_ADDON, engineFolder, isEngineReady, QUIET_ADDON, TENSORFLOW_VERSION } from './cache.ts';
import { TensorflowError } from './errors.ts';

const toolbox = new Toolbox(TensorflowError);
const require = createRequire(import.meta.url);

const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];

/** Unpacks the wheel's two libraries and its headers; a whole wheel would be 1.4 GB. */
const UNPACK = `
import sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith(tuple(f'tensorflow/include/{part}/' for part in ('tensorflow', 'tsl', 'xla'))) \\
                or name in ('tensorflow/${LIBRARIES[0]}', 'tensorflow/${LIBRARIES[1]}'):
            archive.extract(name, target)
`;

/**
 * Makes the engine ready; returns at once where it is.
 *
 * @throws TensorflowError naming a missing tool and the command that brings it, or the step that failed.
 */
export async function setupTensorflow({ log = () => {} }: { log?: (line: string) => void } = {}): Promise<void> {
  if (isEngineReady()) return;
  await toolbox.require(...Toolbox.PYTHON, ...Toolbox.COMPILER);
  await buildWhole(engineFolder(), isEngineReady, async (folder) => {
    log(`downloading tensorflow-cpu ${TENSORFLOW_VERSION}`);
    const [wheel = 'no wheel'] = await downloadWheels(toolbox, folder, [`tensorflow-cpu==${TENSORFLOW_VERSION}`]);
    log('unpacking');
    await toolbox.run('unpacking failed', 'free disk space: 2 GB are needed', 'python3', ['-c', UNPACK, wheel, folder]);
    for (const library of LIBRARIES) renameSync(join(folder, 'tensorflow', library), join(folder, library));
    log('building the binding');
    await buildBinding(folder);
    rmSync(wheel);
    rmSync(join(folder, 'tensorflow'), { recursive: true });
    log(`ready in ${engineFolder()}`);
  });
}

async function buildBinding(folder: string): Promise<void> {
  const sources = join(dirname(require.resolve('@tensorflow/tfjs-node/package.json')), 'binding');
  const headers = (require('node-api-headers') as { include_dir: string }).include_dir;
  const includes = [headers, dirname(sources), join(folder, 'tensorflow', 'include')].map((path) => `-I${path}`);
  const addon = (name: string, files: string[], libraries: readonly string[]) =>
    toolbox.run('g++ failed', 'report this with the lines above', 'g++', [
      ...['-shared', '-fPIC', '-O2', '-std=c++17', '-DNAPI_VERSION=8', ...includes, ...files],
      ...libraries.map((library) => join(folder, library)),
      ...['-Wl,-rpath,$ORIGIN', '-o', join(folder, name)],
    ]);
  const quiet = fileURLToPath(new URL('../native/quiet.cc', import.meta.url));
  const binding = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join(sources, file));
  await addon(QUIET_ADDON, [quiet], []);
  await addon(BINDING_ADDON, binding, LIBRARIES);
}
