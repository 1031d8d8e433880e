/** Models over HTTP. The public names of @uniem/server. */

export { type ServerOptions, serverOptions } from './options.ts';
export { type RunningServer, startServer } from './server.ts';
