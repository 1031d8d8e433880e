/** Requests that no server can answer, from a seed. */

import type { Random } from '../../../fuzz/random.ts';

export interface Malformed {
  what: string;
  /** Bytes as they go over the connection. */
  bytes: Buffer;
}

/** Bodies that are right as they are, by their routes. */
const VALID: readonly [path: string, body: Record<string, unknown>][] = [
  ['/v1/embeddings', { input: ['the cat', 'a dog'], model: 'model', encoding_format: 'float', dimensions: 8 }],
  ['/embed', { inputs: ['the cat', 'a dog'], truncate: true, normalize: false, dimensions: 8 }],
  ['/similarity', { inputs: { source_sentence: 'the cat', sentences: ['a dog'] }, parameters: { truncate: true } }],
  ['/tokenize', { inputs: 'the cat', add_special_tokens: true }],
];

/** Values that no field takes. */
const WRONG: readonly unknown[] = [
  -1,
  1.5,
  1e300,
  {},
  { a: [] },
  [[]],
  [null],
  [{}],
  '',
  [''],
  [],
  'x'.repeat(250_001),
];

function http(path: string, body: Buffer | string, headers: Record<string, string> = {}, method = 'POST'): Buffer {
  const all = { host: 'localhost', 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(body)}` };
  const lines = Object.entries({ ...all, connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

const KINDS: readonly ((random: Random) => Malformed)[] = [
  (random) => {
    const body = Buffer.from(Array.from({ length: random.below(2000) }, () => random.below(256)));
    return { what: `${body.length} random bytes`, bytes: http(random.of(VALID)[0], body) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const json = JSON.stringify(body);
    const length = random.below(json.length);
    return { what: `${path} cut after ${length}`, bytes: http(path, json.slice(0, length)) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const key = random.of(Object.keys(body));
    const own: Record<string, readonly unknown[]> = { model: [1, null, 'other', []], parameters: [1, [], { foo: 1 }] };
    const value = random.of(own[key] ?? WRONG);
    return { what: `${path} with a wrong ${key}`, bytes: http(path, JSON.stringify({ ...body, [key]: value })) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const { input, inputs, ...without } = body;
    return { what: `${path} without texts`, bytes: http(path, JSON.stringify(without)) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const key = random.of(['foo', '__proto__', 'constructor', 'toString', 'x'.repeat(random.below(5000) + 1), 'ключ']);
    const json = JSON.stringify(body).replace('{', `{${JSON.stringify(key)}:1,`);
    return { what: `${path} with ${key.slice(0, 20)}`, bytes: http(path, json) };
  },
  (random) => {
    const depth = 1 + random.below(100_000);
    const [open, close] = random.of([
      ['[', ']'],
      ['{"inputs":', '}'],
    ] as const);
    const json = open.repeat(depth) + (random.chance(0.5) ? close.repeat(depth) : '');
    return { what: `${depth} levels of ${open}`, bytes: http(random.of(VALID)[0], json) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const json = Buffer.from(JSON.stringify(body));
    json[json.indexOf('cat')] = random.of([0xff, 0xc0, 0x80, 0xed]);
    return { what: `${path} that is not UTF-8`, bytes: http(path, json) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const type = random.of(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'json', '😀']);
    return { what: `${path} as ${type}`, bytes: http(path, JSON.stringify(body), { 'content-type': type }) };
  },
  (random) => {
    const path = random.of([
      '/v2/embeddings',
      '/embed/',
      '//embed',
      '/%',
      '/../etc/passwd',
      `/${'a'.repeat(3000)}`,
      '/?x',
    ]);
    const method = random.of(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);
    return { what: `${method} ${path.slice(0, 30)}`, bytes: http(path, '{}', {}, method) };
  },
  (random) => {
    const [path] = random.of(VALID);
    const text = 'a'.repeat(70_000);
    return { what: `${path} past the limit`, bytes: http(path, JSON.stringify({ inputs: text, input: text })) };
  },
  (random) => {
    const ids = Array.from({ length: 1 + random.below(50) }, () => random.below(100_000));
    const input = random.chance(0.5) ? ids : [ids, ids];
    return { what: 'token ids', bytes: http('/v1/embeddings', JSON.stringify({ input, model: 'model' })) };
  },
  (random) => {
    const [path, body] = random.of(VALID);
    const encoding = random.of(['gzip', 'br', 'deflate']);
    const bytes = http(path, Buffer.from(JSON.stringify(body)).map((byte) => byte ^ 0xa5) as Buffer, {
      'content-encoding': encoding,
    });
    return { what: `${path} as ${encoding} that it is not`, bytes };
  },
  (random) => {
    const bytes = Buffer.from(
      random.of([
        'GET\r\n\r\n',
        '\0\0\0\0\r\n\r\n',
        'POST /embed HTTP/9.9\r\n\r\n',
        'POST /embed HTTP/1.1\r\nhost : x\r\n\r\n',
        'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n',
        'POST /embed HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n',
        'POST /embed HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\nzz\r\n',
        'POST /embed HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nffffffffffffffffff\r\n',
        `GET /health HTTP/1.1\r\nhost: x\r\nlong: ${'x'.repeat(20_000)}\r\n\r\n`,
        'POST http://[ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
        'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n',
        'GET /health HTTP/1.1\r\nhost: a b\r\nconnection: close\r\n\r\n',
      ]),
    );
    return { what: JSON.stringify(bytes.toString().slice(0, 60)), bytes };
  },
];

export const malformed = (random: Random): Malformed => random.of(KINDS)(random);
