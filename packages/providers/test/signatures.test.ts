/** Tokens and signatures against the vendors' Python clients: fixtures/providers/generate.py. */

import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { bceHeaders } from '../src/signatures/bce-auth.ts';
import { sparkUrl } from '../src/signatures/spark-url.ts';
import { zhipuToken } from '../src/signatures/zhipu-token.ts';

const { now, zhipu, bce, spark } = JSON.parse(
  readFileSync(new URL('../../../fixtures/providers/expected.json', import.meta.url), 'utf8'),
);

test("Zhipu's token is zhipuai's", () => {
  const [id, secret] = zhipu.key.split('.');
  expect(zhipuToken(id, secret, now)).toBe(zhipu.token);
});

test.each(bce.cases as { path: string; query: Record<string, string>; date: string; authorization: string }[])(
  "Baidu's signature of $path $query is bce-python-sdk's",
  ({ path, query, date, authorization }) => {
    const url = new URL(`https://aip.baidubce.com${path}?${new URLSearchParams(query)}`);
    const { accessKey, secretKey } = bce;
    expect(bceHeaders({ accessKey, secretKey }, url, { 'content-type': 'application/json' }, now)).toEqual({
      'content-type': 'application/json',
      'x-bce-date': date,
      Authorization: authorization,
    });
  },
);

test("iFlytek's address is spark-ai-python's", () => {
  expect(sparkUrl(spark.address, spark.apiKey, spark.apiSecret, now)).toBe(spark.url);
});
