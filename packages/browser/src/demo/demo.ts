/** The demo page: texts a line each, and the cosine of each to each. `?model=` names the folder's URL; else it is /model/. */

import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';

import { cosine, load, type TextEmbedder } from '../index.ts';

/** Milliseconds without a key before texts are encoded. */
const PAUSE = 250;
const MOST_TEXTS = 40;
const MOST_PAIRS = 5;

const element = <E extends HTMLElement>(id: string): E => document.getElementById(id) as E;
const input = element<HTMLTextAreaElement>('texts');
const status = element('status');

function say(text: string, isWrong = false): void {
  status.textContent = text;
  status.classList.toggle('wrong', isWrong);
}

/** Vectors of texts that were encoded before. */
const known = new Map<string, Float32Array>();

/** @returns How many of them were new. */
async function encodeNew(model: TextEmbedder, texts: readonly string[]): Promise<number> {
  const unknown = [...new Set(texts)].filter((text) => !known.has(text));
  const vectors = await model.encode(unknown);
  unknown.forEach((text, i) => {
    known.set(text, vectors[i] as Float32Array);
  });
  return unknown.length;
}

function make(name: string, text = '', attributes: Record<string, string> = {}): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text; // never as HTML: it is what the user typed
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function show(texts: readonly string[], vectors: readonly Float32Array[]): void {
  const similarity = vectors.map((a) => vectors.map((b) => cosine(a, b)));
  const head = make('tr');
  head.append(make('td', '', { class: 'same' }), ...texts.map((_, i) => make('th', `${i + 1}`, { scope: 'col' })));
  const rows = texts.map((text, i) => {
    const row = make('tr');
    const label = make('th', '', { scope: 'row', title: text });
    label.append(make('span', `${i + 1}`), text);
    row.append(label);
    (similarity[i] as number[]).forEach((value, j) => {
      const share = Math.max(0, value).toFixed(3);
      const title = `${text}\n${texts[j]}`;
      row.append(make('td', value.toFixed(2), i === j ? { class: 'same' } : { style: `--share: ${share}`, title }));
    });
    return row;
  });
  element('matrix').replaceChildren(head, ...rows);
  const pairs = texts.flatMap((a, i) =>
    texts.slice(i + 1).map((b, k) => ({ a, b, value: (similarity[i] as number[])[i + 1 + k] as number })),
  );
  const best = pairs.sort((x, y) => y.value - x.value).slice(0, MOST_PAIRS);
  element('pairs').replaceChildren(
    ...best.map(({ a, b, value }) => {
      const item = make('li');
      item.append(make('b', value.toFixed(3)), make('span', a), make('span', b));
      return item;
    }),
  );
  element('result').hidden = texts.length < 2;
}

async function encodeTexts(model: TextEmbedder): Promise<void> {
  const lines = input.value.split('\n').map((line) => line.trim());
  const texts = lines.filter((line) => line !== '').slice(0, MOST_TEXTS);
  const started = performance.now();
  const encoded = await encodeNew(model, texts);
  const took = Math.round(performance.now() - started);
  const vectors = texts.map((text) => known.get(text) as Float32Array);
  show(texts, vectors);
  say(`${texts.length} texts, ${model.dimension} values each; encoded ${encoded} in ${took} ms on ${tf.getBackend()}`);
}

async function start(): Promise<void> {
  tf.enableProdMode();
  const url = new URLSearchParams(location.search).get('model') ?? '/model/';
  const onProgress = (fraction: number) => say(`Loading the model … ${Math.round(fraction * 100)} %`);
  const model = await load(url, { onProgress });
  Object.assign(globalThis, { encode: model.encode.bind(model) }); // to try in the browser's console
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running = encodeTexts(model);
  await running;
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      running = running.then(() => encodeTexts(model)).catch(fail); // one after the other
    }, PAUSE);
  });
}

function fail(error: Error): void {
  say(`${error.name}: ${error.message}`, true);
}

start().catch(fail);
