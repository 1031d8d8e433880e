/** The error of this package. */

import { BackendError } from '@uniem/engine-setup';

/** The TensorFlow engine cannot be set up or started. */
export class TensorflowError extends BackendError {
  constructor(what: string, fix: string, options?: ErrorOptions) {
    super('tensorflow', what, fix, options);
  }
}
