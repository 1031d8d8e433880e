/** The table of families, by config.json's model_type. */

import type { ModelConfig } from '../config.ts';
import { bert } from './bert.ts';
import type { Family } from './family.ts';

export const FAMILIES: Record<ModelConfig['modelType'], Family> = { bert };
