/** Serves the demo page and a model to this machine's browser; a web server of any kind does the same. */

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const page = fileURLToPath(new URL('../dist/page/', import.meta.url));

const TYPES = {
  '.bin': 'application/octet-stream',
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
};

/**
 * @param {string} model Folder of a model, served at /model/.
 * @param {number} port 0 takes a free one.
 * @returns {Promise<{url: string, close: () => Promise<void>}>}
 */
export async function serve(model, port) {
  const server = createServer((request, response) => {
    const file = fileOf(model, request.url ?? '/');
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404).end('not found\n');
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[extname(file.path)], 'content-length': file.size });
    if (request.method === 'HEAD') response.end();
    else
      createReadStream(file.path)
        .on('error', () => response.destroy())
        .pipe(response);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  const close = () =>
    new Promise((resolve) => {
      server.close(() => resolve(undefined));
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}

/** A file of one of the two folders; undefined for any other path. */
function fileOf(model, url) {
  try {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    const [folder, name] = path.startsWith('/model/') ? [model, path.slice('/model/'.length)] : [page, path.slice(1)];
    const file = join(folder, name === '' ? 'index.html' : name);
    const stat = statSync(file);
    if (!stat.isFile() || !Object.hasOwn(TYPES, extname(file)) || path.split('/').includes('..')) return undefined;
    return { path: file, size: stat.size };
  } catch {
    return undefined; // a path that is none, or no such file
  }
}
