/** TF.js's backend 'tensorflow' on a current libtensorflow. The public names of @uniem/backend-tensorflow. */

export { type TensorflowStatus, tensorflowStatus } from './cache.ts';
export { TensorflowError } from './errors.ts';
export { registerTensorflowBackend, type TensorflowEngine } from './register.ts';
export { setupTensorflow } from './setup.ts';
