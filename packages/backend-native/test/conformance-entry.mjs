/** What esbuild bundles into one file: TF.js's own specs on this backend. The order of these lines matters. */

import '@tensorflow/tfjs-backend-cpu';
import { registerNativeBackend } from '../dist/index.js';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';

registerNativeBackend(); // synchronous up to its result: the backend is registered when it returns
setTestEnvs([{ name: 'native', backendName: 'native', flags: {}, isDataSync: true }]);
require('@tensorflow/tfjs-core/dist/tests'); // not an import: it must run after setTestEnvs
