/** Which files make a tokenizer, and what is said of those that make none. */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { ModelError } from '../errors.ts';
import { openTokenizer } from './open-tokenizer.ts';

const fixtures = fileURLToPath(new URL('../../../../fixtures/tokenizers/', import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'uniem-tokenizer-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const fill = (name: string) => cpSync(join(fixtures, name), folder, { recursive: true });
const encode = (text: string, from = folder) => [...openTokenizer(from).encode(text, 64)];

/** Asserts the whole text of the error; {folder} stands for the folder. */
function expectError(message: string): void {
  let error: unknown;
  try {
    openTokenizer(folder);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ModelError);
  expect((error as Error).message.replaceAll(folder, '{folder}')).toBe(message);
}

describe('the kind', () => {
  const text = '今天天气很好, the weather is nice';

  test.each(['ernie', 'electra', 'distilbert', 'nomic_bert', 'roberta', 'albert', 'unheard-of'])(
    'is WordPiece for a %s with vocab.txt alone',
    (model_type) => {
      fill('bert');
      write('config.json', { model_type });
      expect(encode(text)).toEqual(encode(text, join(fixtures, 'bert')));
    },
  );

  test('is what tokenizer_class says, whatever the model is', () => {
    fill('t5');
    write('config.json', { model_type: 'bert' });
    write('tokenizer_config.json', { tokenizer_class: 'T5TokenizerFast' });
    expect(encode(text)).toEqual(encode(text, join(fixtures, 't5')));
  });

  test('is tokenizer.json where there is one', () => {
    fill('t5');
    write('tokenizer.json', openTokenizer(join(fixtures, 'bert')).toJson());
    expect(encode(text)).toEqual(encode(text, join(fixtures, 'bert')));
  });
});

describe('RoFormer', () => {
  test('of single characters cuts as BERT', () => {
    fill('bert');
    write('config.json', { model_type: 'roformer' });
    expect(encode('今天 good')).toEqual(encode('今天 good', join(fixtures, 'bert')));
  });

  test('of words is refused', () => {
    write('config.json', { model_type: 'roformer' });
    write('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n今\n今天\n');
    expectError(
      "{folder}/vocab.txt: holds words ('今天'), which Python finds in the text by jieba's dictionary\n" +
        '  fix: take a RoFormer of single characters, as junnyu/roformer_chinese_char_base',
    );
  });
});

describe('says what is wrong with', () => {
  const AGAIN = 'download the model again';

  test('a folder of another kind of tokenizer', () => {
    fill('bert');
    write('tokenizer_config.json', { tokenizer_class: 'BertJapaneseTokenizer' });
    expectError(
      '{folder}: cannot make tokenizer.json for BertJapaneseTokenizer\n' +
        '  fix: save it by Python: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)',
    );
  });

  test('a folder of the files of another kind', () => {
    fill('roberta');
    write('config.json', { model_type: 't5' });
    expectError(
      '{folder}: no tokenizer.json, and no sentencepiece.bpe.model or spiece.model or spm.model or tokenizer.model ' +
        'for T5Tokenizer\n  fix: add the tokenizer files of the model',
    );
  });

  test('merges.txt that names no token', () => {
    fill('roberta');
    write('merges.txt', '#version: 0.2\n~ ~~\n');
    expectError(
      "{folder}/merges.txt:2: '~ ~~' is no pair of tokens that vocab.json has, together too\n" +
        `  fix: ${AGAIN}, merges.txt and vocab.json`,
    );
  });

  test('merges.txt that is not there', () => {
    fill('roberta');
    rmSync(join(folder, 'merges.txt'));
    expectError('{folder}/merges.txt: file not found or not readable\n  fix: give a complete model folder');
  });

  test('vocab.json whose ids are none', () => {
    fill('roberta');
    write('vocab.json', { '<s>': -1 });
    expectError(`{folder}/vocab.json: the id of '<s>' is -1\n  fix: ${AGAIN}`);
  });

  test.each<[string, unknown]>([
    ['bos_token', 5],
    ['mask_token', { lstrip: true }],
  ])('%s that is %j', (name, value) => {
    fill('roberta');
    write('tokenizer_config.json', { [name]: value });
    expectError(
      `{folder}/tokenizer_config.json: ${name} is ${JSON.stringify(value)}\n` +
        '  fix: give a text, or an object with content, as tokenizer_config.json of the original model has it',
    );
  });

  test('extra_ids that are no number', () => {
    fill('t5');
    write('tokenizer_config.json', { extra_ids: 'many' });
    expectError('{folder}/tokenizer_config.json: extra_ids is "many"\n  fix: give a number of tokens');
  });

  test('a named token that the template needs', () => {
    fill('bert');
    write('tokenizer_config.json', { cls_token: null });
    expectError('{folder}/tokenizer_config.json: cls_token is missing\n  fix: give cls_token');
  });

  test.each<[string, Buffer, string]>([
    ['is empty', Buffer.alloc(0), 'it has no pieces'],
    ['is cut off', Buffer.from([0x0a, 0x7f, 0x0a]), '127 bytes at 2 of 3'],
    ['is text', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'byte 1 begins no field'],
  ])('a .model that %s', (_, content, detail) => {
    fill('t5');
    writeFileSync(join(folder, 'spiece.model'), content);
    expectError(`{folder}/spiece.model: truncated or corrupt: ${detail}\n  fix: download or copy the file again`);
  });

  test('a .model of another algorithm', () => {
    fill('t5');
    cpSync(join(fixtures, 'llama', 'tokenizer.model'), join(folder, 'spiece.model'));
    expectError(
      '{folder}/spiece.model: a sentencepiece model of BPE, where this tokenizer needs one of unigram\n' +
        '  fix: name the right tokenizer_class in tokenizer_config.json, or add tokenizer.json',
    );
  });

  test('a character map that is cut off', () => {
    fill('t5');
    const map = { type: 'Precompiled', precompiled_charsmap: 'AAQA' };
    write('tokenizer.json', { ...openTokenizer(folder).toJson(), normalizer: map });
    expectError(`{folder}/tokenizer.json: no tokenizer (precompiled_charsmap is cut off)\n  fix: ${AGAIN}`);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['no model', { model: undefined }, 'model has no vocab'],
    ['an id that is none', { model: { type: 'WordPiece', vocab: { a: 0.5 } } }, 'the id of "a" is 0.5'],
    ['an added token without a text', { added_tokens: [{ id: 1 }] }, 'the id of undefined is 1'],
    ['a normalizer of no kind', { normalizer: { type: 'None' } }, 'the normalizer "None" is not known'],
    ['a pattern of no kind', { pre_tokenizer: { type: 'Split', pattern: {} } }, 'the pattern {} is not known'],
    [
      'a template whose token has no id',
      { post_processor: { type: 'BertProcessing', sep: ['[NO]', 1], cls: ['[CLS]', 2] } },
      "the template's '[NO]' has no id",
    ],
  ])('a tokenizer.json with %s', (_, change, detail) => {
    write('tokenizer.json', { ...openTokenizer(join(fixtures, 'bert')).toJson(), ...change });
    expectError(`{folder}/tokenizer.json: no tokenizer (${detail})\n  fix: ${AGAIN}`);
  });
});
