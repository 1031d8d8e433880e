/** Tests that need more than the package registries' JavaScript, such as a browser or Python's TensorFlow: CONTRIBUTING.md. */

import { mergeConfig } from 'vitest/config';

import config from './vitest.config.ts';

const optional = mergeConfig(config, {});
optional.test.include = ['packages/*/test/**/*.check.ts'];
export default optional;
