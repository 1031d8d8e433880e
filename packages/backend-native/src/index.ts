/** TF.js's backend 'native'. The public names of @uniem/backend-native. */

export { NativeBackend } from './backend.ts';
export { NativeError } from './errors.ts';
export { type NativeEngine, registerNativeBackend, requireBf16 } from './register.ts';
export { setupNative } from './setup.ts';
export { type NativeStatus, nativeStatus } from './status.ts';
