/** The error of this package. */

import { BackendError } from '@uniem/engine-setup';

/** The native engine cannot be built, loaded or used as asked. */
export class NativeError extends BackendError {
  constructor(what: string, fix: string, options?: ErrorOptions) {
    super('native', what, fix, options);
  }
}
